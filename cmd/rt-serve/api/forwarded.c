/* SPDX-License-Identifier: MIT */
#include "api/forwarded.h"

#include <arpa/inet.h>
#include <strings.h>

#define LIST_MAX 16384

static struct str trim(struct str s)
{
	while (s.n > 0 && (s.p[0] == ' ' || s.p[0] == '\t'))
		s = (struct str){s.p + 1, s.n - 1};
	while (s.n > 0 && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
		s.n--;
	return s;
}

/** Cut the last element off a list separated by (sep). False at its beginning. */
static bool cut_last(struct str *list, char sep, struct str *out)
{
	const char *at;

	if (list->p == NULL)
		return false;
	at = memrchr(list->p, sep, list->n);
	if (at == NULL) {
		*out = trim(*list);
		*list = STR_NULL;
		return true;
	}
	*out = trim((struct str){at + 1, list->n - (size_t)(at - list->p) - 1});
	list->n = (size_t)(at - list->p);
	return true;
}

/** The address in "1.2.3.4", "1.2.3.4:5", "[::1]:5" or "::1", perhaps in quotes. */
static bool parse_address(struct str s, struct sockaddr_storage *out, char text[FORWARDED_MAX])
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)(void *)out;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)(void *)out;
	const char *end;

	if (s.n >= 2 && s.p[0] == '"' && s.p[s.n - 1] == '"')
		s = (struct str){s.p + 1, s.n - 2};
	if (s.n > 0 && s.p[0] == '[') {
		end = memchr(s.p, ']', s.n);
		if (end == NULL)
			return false;
		s = (struct str){s.p + 1, (size_t)(end - s.p) - 1};
	} else if ((end = memchr(s.p, ':', s.n)) != NULL && memrchr(s.p, ':', s.n) == end) {
		s.n = (size_t)(end - s.p);
	}
	if (s.n == 0 || s.n >= FORWARDED_MAX)
		return false;
	memcpy(text, s.p, s.n);
	text[s.n] = '\0';
	memset(out, 0, sizeof(*out));
	if (inet_pton(AF_INET, text, &v4->sin_addr) == 1)
		out->ss_family = AF_INET;
	else if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1)
		out->ss_family = AF_INET6;
	else
		return false;
	return true;
}

/** The value of "for=" in one element of Forwarded. */
static struct str forwarded_for(struct str element)
{
	struct str pair;

	while (cut_last(&element, ';', &pair)) {
		if (pair.n > 4 && strncasecmp(pair.p, "for=", 4) == 0)
			return trim((struct str){pair.p + 4, pair.n - 4});
	}
	return STR_NULL;
}

struct str forwarded_pick(const struct config *c, struct str forwarded, struct str x_forwarded_for,
	char text[FORWARDED_MAX])
{
	bool standard = forwarded.p != NULL;
	struct str list = standard ? forwarded : x_forwarded_for, element, found = STR_NULL;
	struct sockaddr_storage address;
	char candidate[FORWARDED_MAX];

	while (cut_last(&list, ',', &element)) {
		if (standard)
			element = forwarded_for(element);
		if (element.p == NULL || !parse_address(element, &address, candidate))
			break;	/* unknown or hidden: what stands left of it cannot be believed */
		strcpy(text, candidate);
		found = str_of(text);
		if (!config_trusts(c, (const struct sockaddr *)(const void *)&address))
			break;
	}
	return found;
}

/** All lines of a field as one list: a proxy may add a line of its own instead of extending one. */
static struct str joined(const struct http_request *r, const char *name, struct buf *b)
{
	bool any = false;

	for (unsigned i = 0; i < r->nfields; i++) {
		if (!str_is(r->fields[i].name, name))
			continue;
		if ((any && buf_addc(b, ',') != 0) || buf_addstr(b, r->fields[i].value) != 0)
			return STR_NULL;
		any = true;
	}
	return any ? (b->len > 0 ? buf_str(b) : STR_LIT("")) : STR_NULL;
}

struct str forwarded_client(const struct config *c, const struct conn *conn,
	const struct http_request *r, char text[FORWARDED_MAX])
{
	struct sockaddr_storage peer;
	struct conn_info info;
	struct buf standard, usual;
	struct str found;
	char own[FORWARDED_MAX];

	conn_info(conn, false, &info);
	memset(&peer, 0, sizeof(peer));
	peer.ss_family = AF_UNIX;
	if ((strcmp(info.address, "unix") != 0 && !parse_address(str_of(info.address), &peer, own)) ||
	    !config_trusts(c, (const struct sockaddr *)(const void *)&peer))
		return STR_NULL;
	buf_init(&standard, LIST_MAX);
	buf_init(&usual, LIST_MAX);
	found = forwarded_pick(c, joined(r, "forwarded", &standard), joined(r, "x-forwarded-for", &usual),
		text);
	buf_fini(&standard);
	buf_fini(&usual);
	return found;
}
