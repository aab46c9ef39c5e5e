/* SPDX-License-Identifier: MIT */
#include "api/api.h"

#include <stdlib.h>

#include "api/access_log.h"
#include "api/encode.h"
#include "config.h"

#define LINK_MAX (512 << 10)	/* nothing reaches it: a target, percent-encoded */

/** A read finished on a thread of the store: keep it for the loop's next turn. */
static void read_done(void *arg, struct hub *h, struct read *r)
{
	struct api *a = arg;

	(void)h;
	pthread_mutex_lock(&a->reads_lock);
	r->next = a->reads_done;
	a->reads_done = r;
	pthread_mutex_unlock(&a->reads_lock);
	loop_wake(a->loop);
}

static void wake(void *arg)
{
	loop_wake(((struct api *)arg)->loop);
}

/** Oldest first: they were put in front of each other. */
static struct read *take_reads(struct api *a)
{
	struct read *r, *reversed = NULL;

	pthread_mutex_lock(&a->reads_lock);
	r = a->reads_done;
	a->reads_done = NULL;
	pthread_mutex_unlock(&a->reads_lock);
	while (r != NULL) {
		struct read *next = r->next;

		r->next = reversed;
		reversed = r;
		r = next;
	}
	return reversed;
}

/** Every turn, before the flush: hand on what was read and what was committed. */
static bool on_turn(struct loop *l)
{
	struct api *a = loop_user(l);
	struct read *r = take_reads(a);

	while (r != NULL) {
		struct read *next = r->next;

		hub_read_done(a->hub, r);
		r = next;
	}
	return hub_turn(a->hub);
}

struct api *api_new(struct api_shared *shared, struct loop *l)
{
	const struct config *c = atomic_load(&shared->config);
	struct hub_config hc = {.gather_events = c->max_gather};
	struct hub_host host = {.read_done = read_done, .wake = wake};
	struct api *a = calloc(1, sizeof(*a));

	if (a == NULL)
		return NULL;
	a->shared = shared;
	a->loop = l;
	pthread_mutex_init(&a->reads_lock, NULL);
	buf_init(&a->link, LINK_MAX);
	host.arg = a;
	a->hub = hub_new(shared->store, &hc, &host);
	a->encoder = encoder_new(loop_arena(l));
	if (a->hub == NULL || a->encoder == NULL) {
		api_free(a);
		return NULL;
	}
	loop_arena(l)->release = encode_release;
	loop_set_user(l, a);
	loop_set_hook(l, on_turn);
	return a;
}

void api_free(struct api *a)
{
	struct read *r, *next;

	if (a == NULL)
		return;
	for (r = take_reads(a); r != NULL; r = next) {
		next = r->next;
		hub_read_done(a->hub, r);
	}
	if (a->hub != NULL)
		hub_free(a->hub);
	encoder_free(a->encoder);
	buf_fini(&a->link);
	access_log_free(a->access_log);
	pthread_mutex_destroy(&a->reads_lock);
	free(a);
}
