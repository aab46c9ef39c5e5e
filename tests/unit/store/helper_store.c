/* SPDX-License-Identifier: MIT */
#include "helper_store.h"

#include <dirent.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "units.h"

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	printf("Bail out! %s\n", what);
	exit(1);
}

struct store_config helper_config(const char *path)
{
	return (struct store_config){
		.path = path, .sync = STORE_SYNC_NONE, .memory_bytes = 64 << 20,
			.max_topics = 10000,
		.key_ms = 3600 * 1000,
	};
}

struct store *helper_open(const struct store_config *c)
{
	struct store *s;
	struct buf why;

	buf_init(&why, 1000);
	s = store_open(c, &why);
	must(s != NULL, why.len > 0 ? buf_cstr(&why) : "no store and no reason");
	return s;
}

static char dir[64];

const char *helper_path(const char *name)
{
	static char path[4][128];
	static unsigned turn;
	char *p = path[turn++ % 4], *tmp = getenv("TMPDIR");

	if (dir[0] == '\0') {
		snprintf(dir, sizeof(dir), "%s/rt-store-XXXXXX", tmp != NULL ? tmp : "/tmp");
		must(mkdtemp(dir) != NULL, "no folder for tests");
	}
	snprintf(p, sizeof(path[0]), "%s/%s", dir, name);
	return p;
}

void helper_remove_dir(void)
{
	struct dirent *d;
	DIR *dp = opendir(dir);

	while (dp != NULL && (d = readdir(dp)) != NULL) {
		unlinkat(dirfd(dp), d->d_name, 0);	/* not "." and ".." */
	}
	if (dp != NULL)
		closedir(dp);
	rmdir(dir);
}

static _Atomic uint64_t now_us;

uint64_t helper_now_us(void)
{
	return atomic_load(&now_us);
}

void helper_set_now_us(uint64_t us)
{
	atomic_store(&now_us, us);
}

struct event *helper_event(const char *topic, const char *key, const char *data)
{
	struct event_draft d = {.topic = str_of(topic), .key = str_of(key), .data = str_of(data)};
	struct event *e = event_new(&d);

	must(e != NULL, "no memory for an event");
	return e;
}

/* --- waiting -------------------------------------------------------------------------------- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

struct waiting_batch {
	struct batch b;
	bool done;
};

static void batch_done(struct batch *b)
{
	pthread_mutex_lock(&lock);
	((struct waiting_batch *)b)->done = true;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

static int write_answer(struct batch *b, struct buf *answer)
{
	return buf_addf(answer, "answer of %.*s", (int)b->key->key.n, b->key->key.p);
}

enum store_status helper_append(struct store *s, struct event **events, size_t n,
	const struct batch_key *key, struct buf *answer, enum store_ack *ack)
{
	struct waiting_batch w = {
		.b = {
			.events = events, .n = n, .key = key, .write_answer = write_answer,
			.done = batch_done,
		},
	};

	for (size_t i = 0; i < n; i++)
		w.b.bytes += events[i]->size;
	store_append(s, &w.b);
	pthread_mutex_lock(&lock);
	while (!w.done)
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
	if (ack != NULL)
		*ack = w.b.ack;
	if (answer != NULL)
		*answer = w.b.answer;
	else
		buf_fini(&w.b.answer);
	return w.b.status;
}

uint64_t helper_put(struct store *s, const char *topic, const char *key, const char *data)
{
	struct event *e = helper_event(topic, key, data);
	enum store_status st = helper_append(s, &e, 1, NULL, NULL, NULL);
	uint64_t order = st == STORE_OK && e->refusal == EVENT_ACCEPTED ? e->order : 0;

	event_unref(e);
	return order;
}

void helper_fill(struct store *s, const char *topic, unsigned n, bool each)
{
	struct event **events = calloc(n, sizeof(struct event *));
	char data[16];

	must(events != NULL, "no memory");
	for (unsigned i = 0; i < n; i++) {
		snprintf(data, sizeof(data), "%u", i + 1);
		events[i] = helper_event(topic, NULL, data);
		if (each)
			must(helper_append(s, &events[i], 1, NULL, NULL, NULL) == STORE_OK,
			"append");
	}
	if (!each)
		must(helper_append(s, events, n, NULL, NULL, NULL) == STORE_OK, "append");
	for (unsigned i = 0; i < n; i++)
		event_unref(events[i]);
	free(events);
}

struct waiting_read {
	struct read *r;
	struct waiting_read *next;
	bool done;
};

static struct waiting_read *reads;

static void read_done(struct read *r)
{
	struct waiting_read *w;

	pthread_mutex_lock(&lock);
	for (w = reads; w->r != r; w = w->next)
		;
	w->done = true;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

void helper_do(struct store *s, struct read *r)
{
	struct waiting_read w = {.r = r}, **p;

	r->done = read_done;
	pthread_mutex_lock(&lock);
	w.next = reads;
	reads = &w;
	pthread_mutex_unlock(&lock);
	if (store_read(s, r)) {
		pthread_mutex_lock(&lock);
		w.done = true;
		pthread_mutex_unlock(&lock);
	}
	pthread_mutex_lock(&lock);
	while (!w.done)
		pthread_cond_wait(&changed, &lock);
	for (p = &reads; *p != &w; p = &(*p)->next)
		;
	*p = w.next;
	pthread_mutex_unlock(&lock);
}

struct read *helper_new_read(const char *filters, enum read_from from, const char *position)
{
	struct str items[512];
	struct filters *f;
	struct read *r;
	const char *end;
	unsigned n = 0;

	for (; *filters != '\0' && n < 512; filters = *end == ',' ? end + 1 : end) {
		end = strchrnul(filters, ',');
		items[n++] = (struct str){filters, (size_t)(end - filters)};
	}
	f = filters_new(items, n);
	must(f != NULL, "no memory for filters");
	r = read_new(f);
	filters_unref(f);
	must(r != NULL, "no memory for a read");
	r->from = from;
	r->position = position != NULL ? strdup(position) : NULL;
	r->max_events = 1000;
	r->max_bytes = 1 << 20;
	return r;
}

struct read *helper_read(struct store *s, const char *filters, enum read_from from,
	const char *position)
{
	struct read *r = helper_new_read(filters, from, position);

	helper_do(s, r);
	return r;
}

char *helper_rest(struct store *s, struct read *r)
{
	struct buf b;
	char *text;

	buf_init(&b, SIZE_MAX);
	for (;;) {
		must(r->status == STORE_OK, "a read failed");
		for (size_t i = 0; i < r->n; i++) {
			if (b.len > 0)
				buf_addc(&b, ' ');
			buf_addstr(&b, event_data(r->events[i]));
		}
		if (r->at_end)
			break;
		read_next(r);
		helper_do(s, r);
	}
	text = strdup(b.len > 0 ? buf_cstr(&b) : "");
	must(text != NULL, "no memory");
	buf_fini(&b);
	return text;
}

char *helper_all(struct store *s, const char *filters, enum read_from from, const char *position,
	unsigned page)
{
	struct read *r = helper_new_read(filters, from, position);
	char *text;

	r->max_events = page;
	helper_do(s, r);
	text = helper_rest(s, r);
	read_free(r);
	return text;
}

const char *helper_id(uint64_t order)
{
	static _Thread_local char text[8][24];
	static _Thread_local unsigned turn;
	char *p = text[turn++ % 8];

	p[units_format_u64(p, order)] = '\0';
	return p;
}

void helper_pause(void)
{
	nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}
