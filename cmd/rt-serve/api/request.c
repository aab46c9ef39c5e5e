/* SPDX-License-Identifier: MIT */
#include "api/request.h"

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/** Is there nothing to be decoded? */
static bool is_plain(struct str s, bool plus_is_space)
{
	return s.n == 0 || (memchr(s.p, '%', s.n) == NULL &&
		!(plus_is_space && memchr(s.p, '+', s.n) != NULL));
}

bool request_decode(char *dst, struct str *s, bool plus_is_space)
{
	size_t n = 0;

	if (is_plain(*s, plus_is_space))
		return true;
	for (size_t i = 0; i < s->n; i++) {
		int high, low;

		if (s->p[i] == '+' && plus_is_space) {
			dst[n++] = ' ';
			continue;
		}
		if (s->p[i] != '%') {
			dst[n++] = s->p[i];
			continue;
		}
		if (i + 2 >= s->n || (high = hex_digit(s->p[i + 1])) < 0 ||
				(low = hex_digit(s->p[i + 2])) < 0)
			return false;
		dst[n++] = (char)(high << 4 | low);
		i += 2;
	}
	*s = (struct str){dst, n};
	return true;
}

#define TEXT_OF(number) #number
#define TOO_MANY_THAN(number) "over " TEXT_OF(number) " parameters in the query: use patterns for the " \
	"topics, or /ws"
#define TOO_MANY TOO_MANY_THAN(REQUEST_MAX_PARAMS)

/** Decode *s, to *dst, which moves on, unless that is NULL. False if an encoding is cut short or wrong. */
static bool decode_param(char **dst, struct str *s)
{
	if (*dst == NULL)
		return true;
	if (!request_decode(*dst, s, true))
		return false;
	*dst += s->n;
	return true;
}

const char *request_params(struct request *r, struct param *params, char *scratch)
{
	struct str q = r->http->query;

	r->params = params;
	r->nparams = 0;
	if (is_plain(q, true))
		scratch = NULL;
	while (q.n > 0) {
		const char *amp = memchr(q.p, '&', q.n);
		size_t n = amp != NULL ? (size_t)(amp - q.p) : q.n;
		const char *eq = memchr(q.p, '=', n);
		size_t name = eq != NULL ? (size_t)(eq - q.p) : n;
		struct param *one = &params[r->nparams];

		if (n > 0) {
			if (r->nparams == REQUEST_MAX_PARAMS)
				return TOO_MANY;
			one->name = (struct str){q.p, name};
			one->value = eq != NULL ? (struct str){eq + 1, n - name - 1} : STR_LIT("");
			if (!decode_param(&scratch, &one->name) || !decode_param(&scratch, &one->value))
				return "a percent-encoding in the query is incomplete";
			r->nparams++;
		}
		if (amp == NULL)
			break;
		q = (struct str){amp + 1, q.n - n - 1};
	}
	return NULL;
}
