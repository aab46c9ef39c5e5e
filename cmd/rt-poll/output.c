/* SPDX-License-Identifier: MIT */
#include "output.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "exitcode.h"
#include "json.h"
#include "log.h"
#include "stop.h"
#include "terminal.h"

void output_init(struct output *o, bool payload)
{
	buf_init(&o->b, SIZE_MAX);
	o->payload = payload;
	o->escape = isatty(STDOUT_FILENO);
}

void output_fini(struct output *o)
{
	buf_fini(&o->b);
}

void output_drop(struct output *o)
{
	buf_reset(&o->b);
}

static void warn_gap(const struct envelope *e)
{
	struct json_member m[] = { { .name = "topic" }, { .name = "reason" } };

	if (json_members(e->gap, m, 2, NULL) != 0)
		return;
	log_warn("gap: events of %.*s are missing: %.*s", (int)m[0].raw.n, m[0].raw.p,
		(int)m[1].raw.n, m[1].raw.p);
}

static int add_text(struct output *o, const struct envelope *e, struct buf *b)
{
	return o->payload ? envelope_payload(b, e) : buf_addstr(b, e->line);
}

int output_add(struct output *o, const struct envelope *e)
{
	struct buf raw;
	int r;

	if (o->payload && e->gap.p != NULL) {
		warn_gap(e);
		return 0;
	}
	if (!o->escape) {
		r = add_text(o, e, &o->b);
	} else {
		buf_init(&raw, SIZE_MAX);
		r = add_text(o, e, &raw);
		if (r == 0)
			r = terminal_add(&o->b, buf_str(&raw),
				o->payload ? TERMINAL_PLAIN : terminal_json());
		buf_fini(&raw);
	}
	return r == 0 ? buf_addc(&o->b, '\n') : r;
}

int output_flush(struct output *o)
{
	while (o->b.len > 0) {
		ssize_t n = write(STDOUT_FILENO, o->b.p, o->b.len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EPIPE)
			stop_by(SIGPIPE);
		if (n < 0) {
			log_error("stdout: %s", strerror(errno));
			return EXIT_RESOURCES;
		}
		buf_consume(&o->b, (size_t)n);
	}
	return 0;
}
