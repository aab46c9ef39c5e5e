/* SPDX-License-Identifier: MIT */
#include "hub/presence.h"

#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "hub/table.h"
#include "json.h"
#include "topic.h"
#include "units.h"

#define PREFIX "$presence/"
#define PREFIX_LEN (sizeof(PREFIX) - 1)
#define DEFAULT_MEMBERS 10000
#define CHANGES_MAX 500			/* members told in one event; more make several */
#define EVENT_BYTES ((size_t)8 << 20)	/* bound of its text */

/**
 * Somebody in a topic. His connection may change without his leaving: others know him by the id
 * that was told first.
 */
struct member {
	struct table_node node;		/* in presence.members, by (conn) and room */
	struct table_node by_user;	/* in presence.waiting, by user and room, if (is_waiting) */
	struct room *room;
	struct member *next, **pprev;	/* of the room, the newest first */
	struct member *change_next, **change_pprev;	/* of room.changes; pprev NULL: not in it */
	char conn[17], id[17];
	const char *transport;
	uint64_t since_ms;
	uint64_t left_ms;		/* while here == 0 */
	unsigned here;			/* connections with his id; 0: gone, if he is not back in time */
	bool told;			/* others have been told that he joined */
	bool is_waiting, has_user;
	size_t user_len;
	char user[];
};

/** A topic that has members, or whose last change was not told yet. */
struct room {
	struct table_node node;		/* in presence.rooms, by topic */
	struct room *next;		/* of presence.changed */
	bool changed;
	struct member *members;
	struct member *changes;		/* whose joining was not told, and who may be gone */
	uint64_t listed, unlisted;	/* members, and those above max_members */
	uint64_t told;			/* the count as it was told */
	uint8_t len;
	char topic[TOPIC_MAX];
};

struct presence {
	pthread_mutex_t lock;
	struct filters *patterns;
	struct table rooms, members, waiting;
	struct room *changed;
	uint64_t grace_ms, max_members;
};

/* --- members --------------------------------------------------------------------------------- */

static uint64_t key_hash(const struct room *r, const void *p, size_t n)
{
	return table_mix(hash_bytes(p, n), r->node.hash);
}

static struct member *member_find(const struct presence *p, const struct room *r, const char *conn)
{
	struct table_node *node = table_find(&p->members, key_hash(r, conn, strlen(conn)));

	for (; node != NULL; node = table_more(node)) {
		struct member *m = (struct member *)node;

		if (m->room == r && strcmp(m->conn, conn) == 0)
			return m;
	}
	return NULL;
}

static struct member *waiting_find(const struct presence *p, const struct room *r, struct str user)
{
	struct table_node *node = table_find(&p->waiting, key_hash(r, user.p, user.n));

	for (; node != NULL; node = table_more(node)) {
		struct member *m = (struct member *)((char *)node - offsetof(struct member, by_user));

		if (m->room == r && str_eq((struct str){m->user, m->user_len}, user))
			return m;
	}
	return NULL;
}

static int member_index(struct presence *p, struct member *m, const char *conn)
{
	memcpy(m->conn, conn, strnlen(conn, sizeof(m->conn) - 1) + 1);
	m->conn[sizeof(m->conn) - 1] = '\0';
	return table_add(&p->members, &m->node, key_hash(m->room, m->conn, strlen(m->conn)));
}

static void note_room(struct presence *p, struct room *r)
{
	if (r->changed)
		return;
	r->changed = true;
	r->next = p->changed;
	p->changed = r;
}

static void note_change(struct presence *p, struct member *m)
{
	note_room(p, m->room);
	if (m->change_pprev != NULL)
		return;
	m->change_next = m->room->changes;
	m->change_pprev = &m->room->changes;
	if (m->change_next != NULL)
		m->change_next->change_pprev = &m->change_next;
	m->room->changes = m;
}

static void forget_change(struct member *m)
{
	if (m->change_pprev == NULL)
		return;
	*m->change_pprev = m->change_next;
	if (m->change_next != NULL)
		m->change_next->change_pprev = m->change_pprev;
	m->change_pprev = NULL;
}

static void stop_waiting(struct presence *p, struct member *m)
{
	if (m->is_waiting)
		table_remove(&p->waiting, &m->by_user);
	m->is_waiting = false;
	if (m->told)
		forget_change(m);
}

static void member_free(struct presence *p, struct member *m)
{
	stop_waiting(p, m);
	forget_change(m);
	*m->pprev = m->next;
	if (m->next != NULL)
		m->next->pprev = m->pprev;
	m->room->listed--;
	free(m);
}

static int member_new(struct presence *p, struct room *r, const struct presence_member *about)
{
	struct member *m = calloc(1, sizeof(*m) + about->user.n);

	if (m == NULL)
		return -1;
	m->room = r;
	if (member_index(p, m, about->id) != 0) {
		free(m);
		return -1;
	}
	memcpy(m->id, m->conn, sizeof(m->id));
	m->transport = about->transport;
	m->since_ms = about->since_ms;
	m->here = 1;
	m->has_user = about->user.p != NULL;
	m->user_len = about->user.n;
	if (m->has_user)
		memcpy(m->user, about->user.p, about->user.n);
	m->next = r->members;
	m->pprev = &r->members;
	if (m->next != NULL)
		m->next->pprev = &m->next;
	r->members = m;
	r->listed++;
	note_change(p, m);
	return 0;
}

/* --- rooms ----------------------------------------------------------------------------------- */

static struct room *room_find(const struct presence *p, struct str topic, uint64_t hash)
{
	struct table_node *node = table_find(&p->rooms, hash);

	for (; node != NULL; node = table_more(node)) {
		struct room *r = (struct room *)node;

		if (str_eq((struct str){r->topic, r->len}, topic))
			return r;
	}
	return NULL;
}

static struct room *room_get(struct presence *p, struct str topic)
{
	uint64_t hash = hash_bytes(topic.p, topic.n);
	struct room *r = room_find(p, topic, hash);

	if (r != NULL)
		return r;
	r = calloc(1, sizeof(*r));
	if (r == NULL)
		return NULL;
	r->len = (uint8_t)topic.n;
	memcpy(r->topic, topic.p, topic.n);
	if (table_add(&p->rooms, &r->node, hash) != 0) {
		free(r);
		return NULL;
	}
	note_room(p, r);
	return r;
}

/* --- life ------------------------------------------------------------------------------------ */

struct presence *presence_new(const struct presence_config *c)
{
	struct presence *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return NULL;
	if (c->n > 0 && (p->patterns = filters_new(c->patterns, c->n)) == NULL) {
		free(p);
		return NULL;
	}
	p->grace_ms = c->grace_ms;
	p->max_members = c->max_members > 0 ? c->max_members : DEFAULT_MEMBERS;
	pthread_mutex_init(&p->lock, NULL);
	return p;
}

/* At the end: without taking each out of the tables. */
static void room_drop(struct room *r)
{
	struct member *m;

	while ((m = r->members) != NULL) {
		r->members = m->next;
		free(m);
	}
	free(r);
}

void presence_free(struct presence *p)
{
	struct table_node *node, *next;

	if (p == NULL)
		return;
	for (size_t i = 0; i < p->rooms.cap; i++) {
		for (node = p->rooms.slots[i]; node != NULL; node = next) {
			next = node->next;
			room_drop((struct room *)node);
		}
	}
	table_fini(&p->rooms);
	table_fini(&p->members);
	table_fini(&p->waiting);
	if (p->patterns != NULL)
		filters_unref(p->patterns);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

bool presence_wants(const struct presence *p, struct str topic)
{
	return p != NULL && p->patterns != NULL && topic.n + PREFIX_LEN <= TOPIC_MAX &&
		filters_match(p->patterns, topic);
}

/* --- joining and leaving --------------------------------------------------------------------- */

/* Somebody who waited is here again, on another connection. */
static int come_back(struct presence *p, struct member *m, const struct presence_member *about)
{
	stop_waiting(p, m);
	m->here = 1;
	m->transport = about->transport;
	table_remove(&p->members, &m->node);
	if (member_index(p, m, about->id) == 0)
		return 0;
	note_room(p, m->room);
	member_free(p, m);
	return -1;
}

static int join(struct presence *p, struct str topic, const struct presence_member *about)
{
	struct room *r = room_get(p, topic);
	struct member *m;

	if (r == NULL)
		return -1;
	m = member_find(p, r, about->id);
	if (m != NULL) {
		if (m->here++ == 0)
			stop_waiting(p, m);
		return 0;
	}
	m = about->user.p == NULL ? NULL : waiting_find(p, r, about->user);
	if (m != NULL)
		return come_back(p, m, about);
	if (r->listed < p->max_members)
		return member_new(p, r, about);
	r->unlisted++;
	note_room(p, r);
	return 0;
}

int presence_join(struct presence *p, struct str topic, const struct presence_member *m,
	uint64_t now_ms)
{
	int rc;

	(void)now_ms;
	if (!presence_wants(p, topic))
		return 0;
	pthread_mutex_lock(&p->lock);
	rc = join(p, topic, m);
	pthread_mutex_unlock(&p->lock);
	return rc;
}

static void leave(struct presence *p, struct room *r, const char *id, uint64_t now_ms)
{
	struct member *m = member_find(p, r, id);

	if (m == NULL && r->unlisted > 0) {
		r->unlisted--;
		note_room(p, r);
	}
	if (m == NULL || m->here == 0 || --m->here > 0)
		return;
	m->left_ms = now_ms;
	note_change(p, m);
	/* Without memory he can come back by his id only. */
	m->is_waiting = m->has_user && table_add(&p->waiting, &m->by_user,
		key_hash(r, m->user, m->user_len)) == 0;
}

void presence_leave(struct presence *p, struct str topic, const char *id, uint64_t now_ms)
{
	struct room *r;

	if (!presence_wants(p, topic))
		return;
	pthread_mutex_lock(&p->lock);
	r = room_find(p, topic, hash_bytes(topic.p, topic.n));
	if (r != NULL)
		leave(p, r, id, now_ms);
	pthread_mutex_unlock(&p->lock);
}

/* --- telling --------------------------------------------------------------------------------- */

static int write_member(struct buf *b, const struct member *m)
{
	char since[UNITS_RFC3339_LEN];

	units_format_time(since, m->since_ms);
	if (buf_adds(b, "{\"id\":") != 0 || json_quote(b, str_of(m->id)) != 0 ||
			buf_adds(b, ",\"user\":") != 0)
		return -1;
	if (m->has_user ? json_quote(b, (struct str){m->user, m->user_len}) : buf_adds(b, "null"))
		return -1;
	return buf_addf(b, ",\"transport\":\"%s\",\"since\":\"%.*s\"}", m->transport,
		UNITS_RFC3339_LEN, since);
}

static int write_members(struct buf *b, const struct member *m)
{
	for (bool first = true; m != NULL; m = m->next, first = false)
		if ((!first && buf_addc(b, ',') != 0) || write_member(b, m) != 0)
			return -1;
	return 0;
}

int presence_write(struct presence *p, struct str topic, struct buf *b)
{
	const struct room *r;
	int rc;

	if (buf_adds(b, "{\"topic\":") != 0 || json_quote(b, topic) != 0)
		return -1;
	if (p == NULL)
		return buf_adds(b, ",\"count\":0,\"members\":[]}");
	pthread_mutex_lock(&p->lock);
	r = room_find(p, topic, hash_bytes(topic.p, topic.n));
	rc = buf_addf(b, ",\"count\":%llu,\"members\":[",
		r == NULL ? 0 : (unsigned long long)(r->listed + r->unlisted));
	if (rc == 0 && r != NULL)
		rc = write_members(b, r->members);
	pthread_mutex_unlock(&p->lock);
	return rc == 0 ? buf_adds(b, "]}") : -1;
}

/** What a tick publishes, in one batch. */
struct bulletin {
	struct batch batch;
	size_t cap;
	struct buf joined, left;	/* members, separated by commas */
	unsigned changes;		/* in them */
};

static void bulletin_free(struct bulletin *t)
{
	for (size_t i = 0; i < t->batch.n; i++)
		event_unref(t->batch.events[i]);
	free(t->batch.events);
	buf_fini(&t->joined);
	buf_fini(&t->left);
	free(t);
}

static void bulletin_done(struct batch *b)
{
	bulletin_free((struct bulletin *)b);
}

static bool make_room(struct bulletin *t)
{
	size_t cap = t->cap == 0 ? 16 : t->cap * 2;
	struct event **events;

	if (t->batch.n < t->cap)
		return true;
	events = realloc(t->batch.events, cap * sizeof(events[0]));
	if (events == NULL)
		return false;
	t->batch.events = events;
	t->cap = cap;
	return true;
}

static void add_event(struct bulletin *t, struct event *e)
{
	if (!make_room(t)) {
		event_unref(e);
		return;
	}
	t->batch.events[t->batch.n++] = e;
	t->batch.bytes += e->size;
}

/* One event about (r) out of what was collected. Without memory it is skipped: the next has the
 * right count, and who asks gets the members. */
static void tell(struct bulletin *t, struct room *r)
{
	char topic[TOPIC_MAX];
	struct event_draft d = {.topic = {topic, PREFIX_LEN + r->len}, .ephemeral = true};
	struct event *e = NULL;
	struct buf b;

	memcpy(topic, PREFIX, PREFIX_LEN);
	memcpy(topic + PREFIX_LEN, r->topic, r->len);
	r->told = r->listed + r->unlisted;
	buf_init(&b, EVENT_BYTES);
	if (buf_adds(&b, "{\"joined\":[") == 0 && buf_addstr(&b, buf_str(&t->joined)) == 0 &&
			buf_adds(&b, "],\"left\":[") == 0 && buf_addstr(&b, buf_str(&t->left)) == 0 &&
			buf_addf(&b, "],\"count\":%llu}", (unsigned long long)r->told) == 0) {
		d.data = buf_str(&b);
		e = event_new(&d);
	}
	if (e != NULL)
		add_event(t, e);
	buf_fini(&b);
	buf_reset(&t->joined);
	buf_reset(&t->left);
	t->changes = 0;
}

static void collect(struct bulletin *t, struct buf *to, const struct member *m)
{
	size_t len = to->len;

	t->changes++;
	if ((len > 0 && buf_addc(to, ',') != 0) || write_member(to, m) != 0)
		to->len = len;	/* no memory: he is left out, whole */
}

/* Whoever was not back in time is gone; whoever joined, and is not gone again, is told. */
static void take_change(struct presence *p, struct bulletin *t, struct member *m, uint64_t now_ms)
{
	if (m->here == 0 && now_ms >= m->left_ms && now_ms - m->left_ms >= p->grace_ms) {
		if (m->told)
			collect(t, &t->left, m);
		table_remove(&p->members, &m->node);
		member_free(p, m);
		return;
	}
	if (!m->told)
		collect(t, &t->joined, m);
	m->told = true;
	if (m->here > 0)
		forget_change(m);
}

static void tick_room(struct presence *p, struct bulletin *t, struct room *r, uint64_t now_ms)
{
	struct member *m, *next;

	for (m = r->changes; m != NULL; m = next) {
		next = m->change_next;
		take_change(p, t, m, now_ms);
		if (t->changes == CHANGES_MAX)
			tell(t, r);
	}
	if (t->changes > 0 || r->told != r->listed + r->unlisted)
		tell(t, r);
	if (r->changes != NULL) {
		note_room(p, r);
	} else if (r->listed + r->unlisted == 0) {
		table_remove(&p->rooms, &r->node);
		free(r);
	}
}

void presence_tick(struct presence *p, struct store *s, uint64_t now_ms)
{
	struct bulletin *t = p == NULL || p->patterns == NULL ? NULL : calloc(1, sizeof(*t));
	struct room *r, *next;

	if (t == NULL)
		return;
	buf_init(&t->joined, EVENT_BYTES / 2 - 100);
	buf_init(&t->left, EVENT_BYTES / 2 - 100);
	t->batch.done = bulletin_done;
	pthread_mutex_lock(&p->lock);
	r = p->changed;
	p->changed = NULL;
	for (; r != NULL; r = next) {
		next = r->next;
		r->changed = false;
		tick_room(p, t, r, now_ms);
	}
	pthread_mutex_unlock(&p->lock);
	if (t->batch.n > 0)
		store_append(s, &t->batch);
	else
		bulletin_free(t);
}
