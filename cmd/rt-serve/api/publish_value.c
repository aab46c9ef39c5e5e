/* SPDX-License-Identifier: MIT */
#include "api/publish_value.h"

#include <stdlib.h>

#include "api/draft.h"
#include "api/group.h"

struct value {
	void (*done)(void *arg, struct event *e, enum store_status st, enum store_ack ack);
	void *arg;
	struct api *api;
};

static void on_value(struct group *g)
{
	struct value *v = g->owner;
	struct event *e = g->batch.events[0];

	if (g->batch.status == STORE_OK && e->refusal == EVENT_ACCEPTED) {
		v->api->stats.published++;
		v->api->stats.publish_bytes += g->batch.bytes;
	}
	v->done(v->arg, g->batch.status == STORE_OK ? e : NULL, g->batch.status, g->batch.ack);
	group_free(g);
	free(v);
}

int publish_value(struct api *a, const struct publish_value *pv,
	void (*done)(void *arg, struct event *e, enum store_status st, enum store_ack ack), void *arg,
	unsigned *status, struct buf *why)
{
	struct draft d = {pv->binary ? DRAFT_BYTES : DRAFT_JSON, pv->topic, pv->type, pv->key, pv->from,
		pv->ephemeral};
	struct draft_error err = {.status = 503, .why = "the server is out of memory, try again"};
	const char *wrong = draft_topic(api_config(a), pv->topic, status);
	struct value *v = NULL;
	struct group *g = NULL;
	struct event *e;

	if (wrong == NULL && (!draft_name(pv->type) || !draft_name(pv->key)))
		wrong = "\"type\" and \"key\" take at most 255 bytes without control characters";
	if (wrong != NULL) {
		buf_adds(why, wrong);
		return -1;
	}
	e = draft_event(api_config(a), &d, pv->value, &err);
	if (e == NULL)
		goto fail;
	v = malloc(sizeof(*v));
	g = v != NULL ? group_new(a->loop, on_value, v) : NULL;
	if (g == NULL) {
		event_unref(e);
		goto fail;
	}
	if (group_add(g, 1, e) != 0)
		goto fail;
	*v = (struct value){done, arg, a};
	group_append(g, a->shared->store);
	return 0;
fail:
	group_free(g);
	free(v);
	*status = err.status;
	buf_adds(why, err.why);
	return -1;
}

const char *publish_value_refusal(const struct event *e, enum store_status st, unsigned *status)
{
	if (e != NULL && e->refusal == EVENT_TOO_MANY_TOPICS) {
		*status = 507;
		return "there are as many topics as the server keeps (--max-topics)";
	}
	switch (st) {
	case STORE_FULL:
		*status = 507;
		return "the server has no room on its disk";
	case STORE_CLOSED:
		*status = 503;
		return "the server is going down: publish again in a moment";
	case STORE_NOMEM:
		*status = 503;
		return "the server is out of memory: publish again in a moment";
	default:
		*status = 503;
		return "the store has failed: see the log of rt-serve";
	}
}
