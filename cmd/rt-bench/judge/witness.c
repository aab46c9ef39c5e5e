/* SPDX-License-Identifier: MIT */
#include "judge/witness.h"

#include <pthread.h>
#include <stdlib.h>

/* An event, and the first two things that were said of it. */
struct statement {
	uint64_t n;		/* 0: none */
	uint64_t what[2];
	uint32_t stream;
	uint16_t voices[2];	/* how many said so; 0: nobody */
};

struct witness {
	struct witness_shared *shared;
	struct statement s[WITNESS_EVENTS];
};

struct witness_shared {
	pthread_mutex_t lock;
	struct witness w;
};

struct witness *witness_new(struct witness_shared *shared)
{
	struct witness *w = calloc(1, sizeof(*w));

	if (w != NULL)
		w->shared = shared;
	return w;
}

void witness_free(struct witness *w)
{
	free(w);
}

struct witness_shared *witness_shared_new(void)
{
	struct witness_shared *s = calloc(1, sizeof(*s));

	if (s != NULL)
		pthread_mutex_init(&s->lock, NULL);
	return s;
}

void witness_shared_free(struct witness_shared *s)
{
	if (s == NULL)
		return;
	pthread_mutex_destroy(&s->lock);
	free(s);
}

/* Events of one stream that follow each other are neighbours in memory, too. */
static struct statement *find(struct witness *w, uint32_t stream, uint64_t n)
{
	return &w->s[(n + stream * UINT32_C(0x9e3779b1)) % WITNESS_EVENTS];
}

static bool is_of(const struct statement *s, uint32_t stream, uint64_t n)
{
	return s->n == n && s->stream == stream;
}

/* One more says so. False: it is not what the others say. */
static bool hear(struct statement *s, uint64_t what)
{
	for (unsigned i = 0; i < 2; i++) {
		if (s->voices[i] > 0 && s->what[i] != what)
			continue;
		s->what[i] = what;
		s->voices[i] += s->voices[i] < UINT16_MAX;
		/* The first to say something else is wrong, until more say so than do not. */
		return i == 0 ? s->voices[0] >= s->voices[1] : s->voices[1] > s->voices[0];
	}
	return false;
}

static bool hear_of(struct statement *s, uint32_t stream, uint64_t n, uint64_t what)
{
	if (!is_of(s, stream, n))
		*s = (struct statement){.n = n, .stream = stream};
	return hear(s, what);
}

/* What the others know is known here, too, from now on. */
static bool ask(struct witness_shared *shared, struct statement *s, uint32_t stream, uint64_t n,
	uint64_t what)
{
	struct statement *all = find(&shared->w, stream, n);
	bool agrees = true;

	pthread_mutex_lock(&shared->lock);
	if (all->stream != stream || all->n <= n) {
		agrees = hear_of(all, stream, n, what);
		*s = *all;
	}
	pthread_mutex_unlock(&shared->lock);
	return agrees;
}

bool witness_agrees(struct witness *w, uint32_t stream, uint64_t n, uint64_t what)
{
	struct statement *s = find(w, stream, n);

	if (is_of(s, stream, n)) {
		if (s->what[0] == what && s->voices[0] >= s->voices[1]) {
			s->voices[0] += s->voices[0] < UINT16_MAX;
			return true;
		}
	} else if (s->stream == stream && s->n > n) {
		return true;	/* long ago: nobody remembers */
	}
	return w->shared != NULL ? ask(w->shared, s, stream, n, what) : hear_of(s, stream, n, what);
}
