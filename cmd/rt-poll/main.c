/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include "config.h"
#include "exitcode.h"
#include "log.h"
#include "poll.h"
#include "stop.h"
#include "units.h"

#define QUESTION_MAX (1u << 20)	/* bytes of what a state file is bound to */

/* --- state ----------------------------------------------------------------------------------- */

/* NULL if it cannot be used: *status is then the exit status, and why was said. */
static struct state *open_state(const struct config *c, int *status)
{
	enum state_error err = STATE_IO;
	struct state *s = NULL;
	const char *what = NULL;
	struct buf b;

	buf_init(&b, QUESTION_MAX);
	if (client_question(&b, &c->client, c->url, c->topics, c->ntopics) == 0)
		what = buf_cstr(&b);
	*status = EXIT_INPUT;
	if (what == NULL)
		log_error("the URL and the topics cannot be understood, or are too long");
	else
		s = state_open(c->state_file, what, &err);
	if (what == NULL || s != NULL) {
		/* said, or nothing to say */
	} else if (err == STATE_LOCKED) {
		/* Usual for cron: what is new is being printed by the other one. */
		log_info("%s %s", c->state_file, state_error_text(err));
		*status = EXIT_NOTHING;
	} else if (err == STATE_IO) {
		log_error("%s: %s", c->state_file, strerror(errno));
	} else {
		log_error("%s %s", c->state_file, state_error_text(err));
	}
	buf_fini(&b);
	return s;
}

/* --- runs ------------------------------------------------------------------------------------ */

static int run_once(struct poll *p)
{
	return p->c->url != NULL ? resource_poll(p) : topics_poll(p);
}

static bool enough(const struct poll *p)
{
	return p->c->count != 0 && p->printed >= p->c->count;
}

/* Every so long, by the clock: a slow answer does not shift the runs after it. */
static int run_every(struct poll *p)
{
	uint64_t at = units_monotonic_ms(), now;
	int r;

	for (;;) {
		r = run_once(p);
		if (r != POLL_NEW && r != POLL_NOTHING)
			return r;
		if (enough(p))
			return EXIT_DONE;
		now = units_monotonic_ms();
		at += p->c->every_ms;
		if (at < now)
			at = now;
		r = fetch_sleep_until(at);
		if (r != 0)
			return r;
	}
}

static int run(const struct config *c, struct state *s)
{
	struct poll p = { .c = c, .state = s };
	int r;

	output_init(&p.out, c->payload);
	p.fetch = fetch_new(&c->client, c->max_body, c->url != NULL);
	if (p.fetch == NULL || stop_catch() != 0) {
		log_error("out of memory or descriptors");
		r = EXIT_RESOURCES;
	} else {
		r = c->every_ms != 0 ? run_every(&p) : run_once(&p);
	}
	fetch_free(p.fetch);
	output_fini(&p.out);
	return r;
}

int main(int argc, char **argv)
{
	struct config c;
	struct state *s;
	int status;

	config_parse(&c, argc, argv);
	client_start(&c.client, "rt-poll");
	s = open_state(&c, &status);
	if (s != NULL)
		status = run(&c, s);
	state_free(s);
	client_end(&c.client);
	config_fini(&c);
	if (stop_signal() != 0)
		stop_by(stop_signal());
	return status;
}
