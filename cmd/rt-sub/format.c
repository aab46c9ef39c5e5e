/* SPDX-License-Identifier: MIT */
#include "format.h"

#include <stdlib.h>
#include <string.h>

#include "json.h"

struct piece {
	char token;		/* 0: literal text */
	struct str text;
};

struct format {
	size_t n;
	struct piece *pieces;
	char *literals;		/* the text of all literal pieces */
};

static const char tokens[] = "tpikeIsflxj";
static const char escapes[][2] = { { '\\', '\\' }, { '0', '\0' }, { 'a', '\a' }, { 'b', '\b' },
	{ 'e', '\x1b' }, { 'n', '\n' }, { 'r', '\r' }, { 't', '\t' }, { 'v', '\v' } };

/* The character that \(c) stands for, or -1. */
static int escape(char c)
{
	for (size_t i = 0; i < sizeof(escapes) / sizeof(escapes[0]); i++)
		if (escapes[i][0] == c)
			return (unsigned char)escapes[i][1];
	return -1;
}

/* One character at (text): a literal into *literal, or a token. Returns what it took, or 0. */
static size_t scan(const char *text, char *token, char *literal, const char **wrong)
{
	int c;

	*token = 0;
	*literal = text[0];
	if (text[0] == '%' && text[1] == '%')
		return 2;
	if (text[0] == '%') {
		*wrong = "has an unknown token after '%': there are %t %p %i %k %e %I %s %f %l %x %j %%";
		if (text[1] == '\0' || strchr(tokens, text[1]) == NULL)
			return 0;
		*token = text[1];
		return 2;
	}
	if (text[0] == '\\') {
		*wrong = "has an unknown escape: there are \\\\ \\0 \\a \\b \\e \\n \\r \\t \\v";
		c = text[1] == '\0' ? -1 : escape(text[1]);
		if (c < 0)
			return 0;
		*literal = (char)c;
		return 2;
	}
	return 1;
}

static int compile(struct format *f, const char *text, const char **wrong)
{
	char *out = f->literals, token, literal;
	struct piece *last;

	while (*text != '\0') {
		size_t used = scan(text, &token, &literal, wrong);

		if (used == 0)
			return -1;
		text += used;
		last = f->n > 0 ? &f->pieces[f->n - 1] : NULL;
		if (token == 0 && last != NULL && last->token == 0) {
			last->text.n++;
		} else {
			last = &f->pieces[f->n++];
			*last = (struct piece){token, {out, token == 0}};
		}
		if (token == 0)
			*out++ = literal;
	}
	return 0;
}

struct format *format_new(const char *text, const char **wrong)
{
	struct format *f = calloc(1, sizeof(*f));
	size_t n = strlen(text) + 1;

	*wrong = "does not fit into memory";
	if (f == NULL)
		return NULL;
	f->pieces = calloc(n, sizeof(*f->pieces));
	f->literals = malloc(n);
	if (f->pieces == NULL || f->literals == NULL || compile(f, text, wrong) != 0) {
		format_free(f);
		return NULL;
	}
	return f;
}

void format_free(struct format *f)
{
	if (f == NULL)
		return;
	free(f->pieces);
	free(f->literals);
	free(f);
}

/* A member's text: strings without quotes and escapes, numbers as they are. */
static int add_member(struct buf *b, struct str raw)
{
	if (raw.p == NULL)
		return 0;
	return raw.n > 0 && raw.p[0] == '"' ? json_unquote_add(b, raw) : buf_addstr(b, raw);
}

/* The payload goes to the end of (b) first, and is replaced there by what is said of it. */
static int add_hex(struct buf *b, const struct envelope *e)
{
	static const char digits[] = "0123456789abcdef";
	size_t at = b->len, n;

	if (envelope_payload(b, e) != 0)
		return -1;
	n = b->len - at;
	if (buf_reserve(b, n) != 0)
		return -1;
	for (size_t i = n; i-- > 0;) {
		uint8_t c = b->p[at + i];

		b->p[at + 2 * i] = (uint8_t)digits[c >> 4];
		b->p[at + 2 * i + 1] = (uint8_t)digits[c & 15];
	}
	b->len += n;
	return 0;
}

static int add_length(struct buf *b, const struct envelope *e)
{
	size_t at = b->len, n;

	if (envelope_payload(b, e) != 0)
		return -1;
	n = b->len - at;
	b->len = at;
	return buf_addf(b, "%zu", n);
}

static int add_token(struct buf *b, char token, const struct envelope *e)
{
	switch (token) {
	case 't': return add_member(b, e->topic);
	case 'i': return add_member(b, e->id);
	case 'k': return add_member(b, e->key);
	case 'e': return add_member(b, e->type);
	case 'I': return add_member(b, e->time);
	case 's': return add_member(b, e->seq);
	case 'f': return add_member(b, e->from);
	case 'j': return buf_addstr(b, e->line);
	case 'l': return add_length(b, e);
	case 'x': return add_hex(b, e);
	default: return envelope_payload(b, e);
	}
}

int format_add(const struct format *f, struct buf *b, const struct envelope *e)
{
	if (f == NULL)
		return buf_addstr(b, e->line);
	for (size_t i = 0; i < f->n; i++) {
		const struct piece *p = &f->pieces[i];
		int r = p->token == 0 ? buf_addstr(b, p->text) : add_token(b, p->token, e);

		if (r != 0)
			return -1;
	}
	return 0;
}
