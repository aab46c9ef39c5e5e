/* SPDX-License-Identifier: MIT */
#include "wire/template.h"

#include <inttypes.h>
#include <string.h>

#include "json.h"

static const char unknown_place[] = "has a place other than {topic}, {n}, {sub}, {payload}, "
	"{payload:json} and {cursor}; a brace is {{";
static const char open_place[] = "has a { without its }; a brace is {{";

/* A piece of the text: a run of plain bytes, or a place. */
struct piece {
	struct str text;	/* the bytes, or the name of the place */
	bool place;
};

/* Take the next piece off (*at). False: it ends, or (p->text.p == NULL) the brace has no end. */
static bool next_piece(const char **at, struct piece *p)
{
	const char *s = *at;
	size_t n = strcspn(s, "{");

	*p = (struct piece){0};
	if (n == 0 && *s == '\0') {
		p->text = STR_LIT("");
		return false;
	}
	/* A place begins with a letter; so most JSON can stand as it is. */
	if (n == 0 && (s[1] < 'a' || s[1] > 'z')) {
		p->text = (struct str){s, 1};
		*at = s[1] == '{' ? s + 2 : s + 1;
		return true;
	}
	if (n > 0) {
		p->text = (struct str){s, n};
		*at = s + n;
		return true;
	}
	n = strcspn(s, "}");
	if (s[n] == '\0')
		return false;
	p->text = (struct str){s + 1, n - 1};
	p->place = true;
	*at = s + n + 1;
	return true;
}

static bool is_place(struct str name)
{
	static const char *const names[] = {"topic", "n", "sub", "payload", "payload:json", "cursor"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (str_is(name, names[i]))
			return true;
	return false;
}

const char *template_check(const char *text)
{
	struct piece p;

	while (next_piece(&text, &p))
		if (p.place && !is_place(p.text))
			return unknown_place;
	return p.text.p == NULL ? open_place : NULL;
}

bool template_uses(const char *text, const char *name)
{
	struct piece p;

	while (next_piece(&text, &p))
		if (p.place && str_is(p.text, name))
			return true;
	return false;
}

int template_encode(struct buf *b, struct str s)
{
	static const char hex[] = "0123456789ABCDEF";
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/";

	if (buf_reserve(b, s.n * 3) != 0)
		return -1;
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		char escaped[3] = {'%', hex[c >> 4], hex[c & 15]};

		if (c != '\0' && strchr(plain, c) != NULL)
			buf_addc(b, (char)c);
		else
			buf_add(b, escaped, sizeof(escaped));
	}
	return 0;
}

static int fill_place(struct buf *b, struct str name, const struct template_values *v, bool url)
{
	struct str value;
	struct buf quoted;
	int failed;

	if (str_is(name, "n"))
		return buf_addf(b, "%" PRIu64, v->n);
	if (str_is(name, "sub"))
		return buf_addf(b, "%" PRIu64, v->sub);
	if (str_is(name, "payload:json") && !url)
		return json_quote(b, v->payload);
	if (str_is(name, "payload:json")) {
		buf_init(&quoted, JSON_QUOTE_MAX(v->payload.n));
		failed = json_quote(&quoted, v->payload);
		if (failed == 0)
			failed = template_encode(b, buf_str(&quoted));
		buf_fini(&quoted);
		return failed;
	}
	value = str_is(name, "topic") ? v->topic : str_is(name, "cursor") ? v->cursor : v->payload;
	return url || str_is(name, "cursor") ? template_encode(b, value) : buf_addstr(b, value);
}

int template_fill(struct buf *b, const char *text, const struct template_values *v, bool url)
{
	size_t before = b->len;
	struct piece p;

	while (next_piece(&text, &p)) {
		int failed = p.place ? fill_place(b, p.text, v, url) : buf_addstr(b, p.text);

		if (failed != 0) {
			b->len = before;
			return -1;
		}
	}
	return 0;
}
