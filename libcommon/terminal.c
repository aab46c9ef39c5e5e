/* SPDX-License-Identifier: MIT */
#include "terminal.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "utf8.h"

#define COLOUR_NAME "\x1b[36m"
#define COLOUR_OFF "\x1b[0m"

enum terminal_text terminal_json(void)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return (no == NULL || *no == '\0') && term != NULL && strcmp(term, "dumb") != 0 ?
		TERMINAL_COLOUR : TERMINAL_JSON;
}

/*
 * In JSON \u escapes it, and as a surrogate pair what is beyond 16 bits. White space can only
 * stand between tokens there; a CR, which could hide what is before it, becomes a space.
 */
static int add_escaped(struct buf *b, uint32_t cp, bool json)
{
	if (cp == '\n' || cp == '\t')
		return buf_addc(b, (char)cp);
	if (json && cp == '\r')
		return buf_addc(b, ' ');
	if (cp > 0xffff)
		return json ? buf_addf(b, "\\u%04x\\u%04x", 0xd800 + ((cp - 0x10000) >> 10),
			0xdc00 + ((cp - 0x10000) & 0x3ff)) : buf_addf(b, "\\U%08x", cp);
	if (!json && cp < 0x80)
		return buf_addf(b, "\\x%02x", cp);
	return buf_addf(b, "\\u%04x", cp);
}

static int add_character(struct buf *b, const char *p, unsigned len, uint32_t cp, bool json)
{
	if (len == 0)
		return buf_addf(b, "\\x%02x", (unsigned char)*p);
	return utf8_is_control(cp) ? add_escaped(b, cp, json) : buf_add(b, p, len);
}

/* Where we are in a text of JSON, so as to tell the names of its own members. */
struct scan {
	unsigned depth;
	bool in_string, escaped, name_next;
};

/* Colour goes around a name: on before its first quote, off after its last. */
static int step(struct buf *b, struct scan *s, char c, bool before)
{
	bool name = s->depth == 1 && s->name_next;

	if (before)
		return c == '"' && !s->in_string && name ? buf_adds(b, COLOUR_NAME) : 0;
	if (s->in_string) {
		if (c == '"' && !s->escaped) {
			s->in_string = false;
			if (name) {
				s->name_next = false;
				return buf_adds(b, COLOUR_OFF);
			}
		}
		s->escaped = c == '\\' && !s->escaped;
		return 0;
	}
	if (c == '"') {
		s->in_string = true;
		s->escaped = false;
	} else if (c == '{' || c == '[') {
		s->depth++;
		s->name_next = c == '{';
	} else if (c == '}' || c == ']') {
		s->depth--;
	} else if (c == ',' && s->depth == 1) {
		s->name_next = true;
	}
	return 0;
}

int terminal_add(struct buf *b, struct str text, enum terminal_text form)
{
	bool json = form != TERMINAL_PLAIN, colour = form == TERMINAL_COLOUR;
	struct scan s = {0};
	uint32_t cp = 0;
	unsigned len;

	for (size_t i = 0; i < text.n; i += len == 0 ? 1 : len) {
		len = utf8_decode(text.p + i, text.n - i, &cp);
		if (colour && step(b, &s, text.p[i], true) != 0)
			return -1;
		if (add_character(b, text.p + i, len, cp, json) != 0)
			return -1;
		if (colour && step(b, &s, text.p[i], false) != 0)
			return -1;
	}
	return 0;
}
