/* SPDX-License-Identifier: MIT */
#include "keeper.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "exitcode.h"
#include "log.h"
#include "state.h"

#define SAVE_EVERY_S 0.1

struct keeper {
	struct ev_loop *loop;
	const char *path;
	struct state *state;
	struct position at;
	char store[STORE_MAX + 1];
	ev_timer timer;		/* active: saved a moment ago, the next has to wait */
	bool dirty, failing;
};

static int save(struct keeper *k, bool durable)
{
	bool is_id = k->at.is_id;

	if (state_set(k->state, "cursor", is_id ? NULL : k->at.text) != 0 ||
	    state_set(k->state, "id", is_id ? k->at.text : NULL) != 0 ||
	    state_set(k->state, "store", k->store[0] != '\0' ? k->store : NULL) != 0 ||
	    state_save(k->state, durable) != 0) {
		if (!k->failing || durable)
			log_error("%s: the cursor cannot be saved: %s", k->path, strerror(errno));
		k->failing = true;
		return -1;
	}
	k->failing = false;
	k->dirty = false;
	return 0;
}

static void on_timer(struct ev_loop *loop, ev_timer *t, int events)
{
	struct keeper *k = t->data;

	(void)events;
	if (k->dirty) {
		(void)save(k, false);	/* said so, and tried again; at the end it counts */
		ev_timer_again(loop, t);
	} else {
		ev_timer_stop(loop, t);
	}
}

struct keeper *keeper_new(struct ev_loop *loop, const struct config *c, int *status)
{
	struct keeper *k = calloc(1, sizeof(*k));
	enum state_error err;
	struct buf what;

	*status = EXIT_RESOURCES;
	if (k == NULL)
		return NULL;
	k->loop = loop;
	k->path = c->state;
	ev_timer_init(&k->timer, on_timer, 0., SAVE_EVERY_S);
	k->timer.data = k;
	buf_init(&what, SIZE_MAX / 2);
	if (client_question(&what, &c->client, c->url, c->topics, c->n_topics) != 0 ||
	    buf_cstr(&what) == NULL) {
		*status = errno == EINVAL ? EXIT_USAGE : EXIT_RESOURCES;
		log_error("%s", errno == EINVAL ? "the URL cannot be understood" : "out of memory");
	} else {
		k->state = state_open(c->state, buf_cstr(&what), &err);
		if (k->state == NULL) {
			*status = EXIT_INPUT;
			log_error("%s: %s", c->state, err == STATE_IO ? strerror(errno) :
				state_error_text(err));
		}
	}
	buf_fini(&what);
	if (k->state == NULL) {
		free(k);
		return NULL;
	}
	return k;
}

void keeper_free(struct keeper *k)
{
	if (k == NULL)
		return;
	ev_timer_stop(k->loop, &k->timer);
	state_free(k->state);
	free(k);
}

void keeper_load(const struct keeper *k, struct position *at, char store[STORE_MAX + 1])
{
	const char *cursor = state_get(k->state, "cursor"), *id = state_get(k->state, "id");
	struct str text = str_of(cursor != NULL ? cursor : id), identity;

	position_set(at, false, STR_NULL);
	if (text.p != NULL && position_accepts(text))
		position_set(at, cursor == NULL, text);
	identity = str_of(state_get(k->state, "store"));
	store[0] = '\0';
	if (identity.n > 0 && identity.n <= STORE_MAX && position_accepts(identity))
		memcpy(store, identity.p, identity.n + 1);
}

void keeper_set(struct keeper *k, const struct position *at, const char *store)
{
	if (at->len == k->at.len && at->is_id == k->at.is_id &&
	    memcmp(at->text, k->at.text, at->len) == 0 && strcmp(store, k->store) == 0)
		return;
	position_copy(&k->at, at);
	strcpy(k->store, store);	/* both hold STORE_MAX */
	k->dirty = true;
	if (ev_is_active(&k->timer))
		return;
	(void)save(k, false);
	ev_timer_again(k->loop, &k->timer);
}

int keeper_save(struct keeper *k)
{
	return k->dirty || k->at.len > 0 ? save(k, true) : 0;
}
