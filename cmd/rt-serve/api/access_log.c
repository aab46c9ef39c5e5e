/* SPDX-License-Identifier: MIT */
#include "api/access_log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "json.h"
#include "log.h"
#include "units.h"
#include "utf8.h"

#define BUFFER_MAX (1 << 20)	/* lines beyond that in one turn are dropped, and counted */

struct access_log {
	struct loop_deferred deferred;
	struct buf lines;
	char *path;
	int fd;
	bool json;
	uint64_t dropped;
};

struct note {
	uint64_t started_ms;	/* monotonic */
	uint64_t unix_ms;
	size_t method_n, target_n, client_n;
	bool http10;
	char text[];		/* method, target, client */
};

static int open_file(const char *path)
{
	if (strcmp(path, "-") == 0)
		return fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	return open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
}

static void write_lines(struct loop *l, struct loop_deferred *d)
{
	struct access_log *a = (struct access_log *)(void *)d;
	ssize_t n;

	(void)l;
	while (a->lines.len > 0) {
		n = write(a->fd, a->lines.p, a->lines.len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		buf_consume(&a->lines, (size_t)n);
	}
	buf_reset(&a->lines);
	if (a->dropped > 0)
		log_warn("access log: %llu lines dropped", (unsigned long long)a->dropped);
	a->dropped = 0;
}

struct access_log *access_log_open(const char *path, bool json)
{
	struct access_log *a = calloc(1, sizeof(*a));

	if (a == NULL)
		return NULL;
	a->json = json;
	a->deferred.run = write_lines;
	buf_init(&a->lines, BUFFER_MAX);
	a->path = strdup(path);
	a->fd = a->path != NULL ? open_file(path) : -1;
	if (a->fd < 0) {
		access_log_free(a);
		return NULL;
	}
	return a;
}

void access_log_free(struct access_log *a)
{
	int saved = errno;

	if (a == NULL)
		return;
	if (a->fd >= 0) {
		write_lines(NULL, &a->deferred);
		close(a->fd);
	}
	buf_fini(&a->lines);
	free(a->path);
	free(a);
	errno = saved;
}

int access_log_reopen(struct access_log *a)
{
	int fd = open_file(a->path);

	if (fd < 0)
		return -1;
	write_lines(NULL, &a->deferred);
	close(a->fd);
	a->fd = fd;
	return 0;
}

void access_log_note(struct exchange *x, const struct http_request *r, struct str client)
{
	struct note *n = malloc(sizeof(*n) + r->method.n + r->target.n + client.n);
	char *p;

	if (n == NULL)
		return;
	n->started_ms = loop_now_ms(exchange_loop(x));
	n->unix_ms = loop_unix_ms(exchange_loop(x));
	n->method_n = r->method.n;
	n->target_n = r->target.n;
	n->client_n = client.n;
	n->http10 = r->http10;
	p = mempcpy(n->text, r->method.p, r->method.n);
	p = mempcpy(p, r->target.p, r->target.n);
	if (client.n > 0)
		memcpy(p, client.p, client.n);
	exchange_set_note(x, n);
}

/** Text in a text line: what would break the line or the terminal becomes \xNN. */
static void add_escaped(struct buf *b, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c < 0x20 || c >= 0x7f || c == '"' || c == '\\')
			buf_addf(b, "\\x%02x", c);
		else
			buf_addc(b, (char)c);
	}
}

struct entry {
	struct str method, target, client;
	const char *version, *end;
	uint64_t unix_ms, took_ms, bytes;
	unsigned status;
};

static void add_text(struct buf *b, const struct entry *e, const char *when)
{
	add_escaped(b, e->client);
	buf_addf(b, " - - [%.*s] \"", UNITS_RFC3339_LEN, when);
	add_escaped(b, e->method);
	buf_addc(b, ' ');
	add_escaped(b, e->target);
	buf_addf(b, " %s\" %u %llu %llums %s\n", e->version, e->status, (unsigned long long)e->bytes,
		(unsigned long long)e->took_ms, e->end);
}

/** Bytes that are no UTF-8, each as the character of its number, so that the line stays JSON. */
static void add_latin1(struct buf *b, struct str s)
{
	buf_addc(b, '"');
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c < 0x20 || c >= 0x7f || c == '"' || c == '\\')
			buf_addf(b, "\\u%04x", c);
		else
			buf_addc(b, (char)c);
	}
	buf_addc(b, '"');
}

static void add_json(struct buf *b, const struct entry *e, const char *when)
{
	buf_addf(b, "{\"time\":\"%.*s\",\"client\":", UNITS_RFC3339_LEN, when);
	json_quote(b, e->client);
	buf_adds(b, ",\"method\":");
	json_quote(b, e->method);
	buf_adds(b, ",\"target\":");
	if (utf8_valid(e->target.p, e->target.n))
		json_quote(b, e->target);
	else
		add_latin1(b, e->target);
	buf_addf(b, ",\"status\":%u,\"bytes\":%llu,\"ms\":%llu,\"end\":\"%s\"}\n", e->status,
		(unsigned long long)e->bytes, (unsigned long long)e->took_ms, e->end);
}

static void add_entry(struct access_log *a, struct loop *l, const struct entry *e)
{
	char when[UNITS_RFC3339_LEN];

	units_format_time(when, e->unix_ms);
	if (a->lines.len + e->target.n * 6 + 1024 > BUFFER_MAX)
		a->dropped++;
	else if (a->json)
		add_json(&a->lines, e, when);
	else
		add_text(&a->lines, e, when);
	loop_defer(l, &a->deferred);
}

void access_log_finished(struct access_log *a, struct exchange *x, enum conn_end why)
{
	struct note *n = exchange_note(x);
	struct loop *l = exchange_loop(x);
	struct conn_info info;
	struct entry e;

	if (n == NULL)
		return;
	exchange_set_note(x, NULL);
	conn_info(exchange_conn(x), false, &info);
	e = (struct entry){
		.method = {n->text, n->method_n},
		.target = {n->text + n->method_n, n->target_n},
		.client = n->client_n > 0 ? (struct str){n->text + n->method_n + n->target_n, n->client_n} :
			str_of(info.address),
		.version = n->http10 ? "HTTP/1.0" : "HTTP/1.1",
		.end = conn_end_name(why),
		.unix_ms = n->unix_ms,
		.took_ms = loop_now_ms(l) - n->started_ms,
		.bytes = exchange_bytes(x),
		.status = exchange_status(x),
	};
	if (a != NULL)
		add_entry(a, l, &e);
	free(n);
}

void access_log_malformed(struct access_log *a, struct conn *c, unsigned status, const char *why)
{
	struct conn_info info;
	struct entry e;

	if (a == NULL)
		return;
	conn_info(c, false, &info);
	e = (struct entry){
		.method = STR_LIT("-"),
		.target = str_of(why),
		.client = str_of(info.address),
		.version = "-",
		.end = conn_end_name(CONN_PROTOCOL),
		.unix_ms = loop_unix_ms(conn_loop(c)),
		.status = status,
	};
	add_entry(a, conn_loop(c), &e);
}
