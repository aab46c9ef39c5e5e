/* SPDX-License-Identifier: MIT */
#include "stdin_source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "api/draft.h"
#include "api/group.h"
#include "json.h"
#include "line.h"
#include "log.h"

#define READ_BYTES 65536
#define GROUPS_IN_FLIGHT 4

struct stdin_source {
	struct ev_io io;	/* first: callbacks recover the source by it */
	struct api *api;
	char *topic;
	struct line lines;
	struct group *filling;
	unsigned in_flight;
	uint64_t refused;
	int flags;		/* of descriptor 0, to be restored */
	bool closed;		/* freed with its last group */
};

static void update(struct stdin_source *s)
{
	struct ev_loop *ev = loop_ev(s->api->loop);

	if (s->in_flight >= GROUPS_IN_FLIGHT)
		ev_io_stop(ev, &s->io);
	else if (s->io.fd >= 0)
		ev_io_start(ev, &s->io);
}

static void on_group(struct group *g)
{
	struct stdin_source *s = g->owner;
	unsigned status;

	s->in_flight--;
	if (g->batch.status != STORE_OK)
		log_error("stdin: %zu lines %s", g->batch.n, group_failure(g->batch.status, &status));
	else
		s->api->stats.published += g->batch.n;
	group_free(g);
	if (!s->closed)
		update(s);
	else if (s->in_flight == 0)
		free(s);
}

static void send_group(struct stdin_source *s)
{
	struct group *g = s->filling;

	if (g == NULL)
		return;
	s->filling = NULL;
	s->in_flight++;
	group_append(g, s->api->shared->store);
}

static void refuse(struct stdin_source *s, const char *why)
{
	if (s->refused++ < 100)
		log_warn("stdin: line %llu: %s", (unsigned long long)s->lines.number, why);
}

static void add_line(struct stdin_source *s, struct str line)
{
	bool json = json_check_within(line.p, line.n, 1, NULL) == JSON_OK;
	struct draft d = {.form = json ? DRAFT_JSON : DRAFT_TEXT, .topic = str_of(s->topic)};
	struct draft_error err;
	struct event *e = draft_event(api_config(s->api), &d, line, &err);

	if (e == NULL) {
		refuse(s, err.why);
		return;
	}
	if (s->filling == NULL)
		s->filling = group_new(s->api->loop, on_group, s);
	if (s->filling == NULL)
		event_unref(e);
	if (s->filling == NULL || group_add(s->filling, s->lines.number, e) != 0)
		refuse(s, "out of memory");
}

static void on_end(struct stdin_source *s)
{
	struct str line;

	switch (line_end(&s->lines, &line)) {
	case LINE_MORE:
		break;
	case LINE_READY:
		add_line(s, line);
		break;
	default:
		refuse(s, "longer than --max-event");
		break;
	}
	ev_io_stop(loop_ev(s->api->loop), &s->io);
	s->io.fd = -1;
	log_info("stdin: end after %llu lines, %llu refused", (unsigned long long)s->lines.number,
		(unsigned long long)s->refused);
}

static void on_readable(struct ev_loop *ev, struct ev_io *w, int revents)
{
	struct stdin_source *s = (struct stdin_source *)w;
	char bytes[READ_BYTES];
	struct str input, line;
	enum line_result r;
	ssize_t n = read(STDIN_FILENO, bytes, sizeof(bytes));

	(void)ev;
	(void)revents;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0)
		log_error("stdin: %m");
	input = (struct str){bytes, n > 0 ? (size_t)n : 0};
	while ((r = line_next(&s->lines, &input, &line)) != LINE_MORE) {
		if (r == LINE_READY)
			add_line(s, line);
		else
			refuse(s, "longer than --max-event");
	}
	if (n <= 0)
		on_end(s);
	send_group(s);
	update(s);
}

struct stdin_source *stdin_source_new(struct api *a, const char *topic)
{
	struct stdin_source *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->api = a;
	s->topic = strdup(topic);
	s->flags = fcntl(STDIN_FILENO, F_GETFL);
	if (s->topic == NULL || s->flags < 0 ||
	    fcntl(STDIN_FILENO, F_SETFL, s->flags | O_NONBLOCK) != 0) {
		free(s->topic);
		free(s);
		return NULL;
	}
	line_init(&s->lines, api_config(a)->max_event);
	ev_io_init(&s->io, on_readable, STDIN_FILENO, EV_READ);
	ev_io_start(loop_ev(a->loop), &s->io);
	return s;
}

void stdin_source_free(struct stdin_source *s)
{
	if (s == NULL)
		return;
	ev_io_stop(loop_ev(s->api->loop), &s->io);
	fcntl(STDIN_FILENO, F_SETFL, s->flags);
	line_fini(&s->lines);
	group_free(s->filling);
	free(s->topic);
	s->closed = true;
	if (s->in_flight == 0)
		free(s);
}
