/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "hash.h"
#include "hub/topics.h"
#include "tests/unit/tap.h"
#include "topic.h"

#define GROUPS 400

static unsigned long long seed = 42;

static unsigned rnd(unsigned n)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(seed >> 33) % n;
}

/* Few words, so that much matches; wildcards where they may stand. */
static size_t random_filter(char *dst, bool pattern)
{
	static const char *const words[] = {"a", "b", "ab", "c", "$s"};
	unsigned levels = 1 + rnd(4);

	dst[0] = '\0';
	for (unsigned i = 0; i < levels; i++) {
		unsigned k = rnd(pattern ? 7 : 5);

		if (i > 0)
			strcat(dst, "/");
		if (k == 6 && i + 1 == levels)
			strcat(dst, "**");
		else
			strcat(dst, k >= 5 ? "*" : words[k]);
	}
	return strlen(dst);
}

static struct filters *random_filters(void)
{
	char text[4][64];
	struct str items[4];
	unsigned n = 1 + rnd(4);

	for (unsigned i = 0; i < n; i++)
		items[i] = (struct str){text[i], random_filter(text[i], true)};
	return filters_new(items, n);
}

struct found {
	struct group **groups;
	unsigned n;
};

static void collect(void *arg, struct group *g)
{
	struct found *f = arg;

	f->groups[f->n++] = g;
}

static unsigned times(const struct found *f, const struct group *g)
{
	unsigned n = 0;

	for (unsigned i = 0; i < f->n; i++)
		n += f->groups[i] == g;
	return n;
}

/* Every group exactly once if topic_match says so, else not; while groups come and go. */
static void test_oracle(void)
{
	struct topics *t = topics_new();
	struct group *groups[GROUPS] = {NULL}, *hits[GROUPS];
	struct found f = {hits, 0};
	unsigned wrong = 0, matched = 0;
	char topic[64];

	for (unsigned round = 0; round < 20000; round++) {
		unsigned k = rnd(GROUPS);
		size_t len = random_filter(topic, false);

		if (groups[k] != NULL) {
			topics_leave(t, groups[k]);
			groups[k] = NULL;
		} else {
			struct filters *fl = random_filters();

			groups[k] = topics_join(t, fl);
			filters_unref(fl);
		}
		if (round % 10 != 0)
			continue;
		f.n = 0;
		topics_match(t, (struct str){topic, len}, hash_bytes(topic, len), collect, &f);
		for (unsigned i = 0; i < GROUPS; i++) {
			if (groups[i] == NULL)
				continue;
			wrong += times(&f, groups[i]) !=
				(filters_match(groups[i]->filters, (struct str){topic, len}) ? 1 : 0);
		}
		matched += f.n;
	}
	eq_num(wrong, 0, "random patterns: found once if and only if topic_match says so");
	ok(matched > 10000, "and many did (%u)", matched);
	for (unsigned i = 0; i < GROUPS; i++)
		if (groups[i] != NULL)
			topics_leave(t, groups[i]);
	topics_free(t);
	ok(true, "nothing is left when all have gone");
}

static void test_shared(void)
{
	struct topics *t = topics_new();
	struct str items[] = {STR_LIT("a/b"), STR_LIT("c/*")}, other[] = {STR_LIT("c/*"), STR_LIT("a/b")};
	struct filters *a = filters_new(items, 2), *b = filters_new(other, 2), *f;
	struct group *g = topics_join(t, a), *same = topics_join(t, b);

	ok(g == same && g->members == 2, "equal filters are one group");
	ok((b = topics_share(t, b)) == a, "and share their list");
	filters_unref(b);
	f = filters_new(items, 1);
	ok(topics_share(t, f) == f, "a part of it does not");
	filters_unref(f);
	topics_leave(t, g);
	f = topics_share(t, filters_new(items, 2));
	ok(f == a, "it stays with the last member");
	filters_unref(f);
	topics_leave(t, g);
	f = filters_new(items, 2);
	ok(topics_share(t, f) == f, "and goes with him");
	filters_unref(f);
	filters_unref(a);
	topics_free(t);
}

static void nothing(void *arg, struct group *g)
{
	(void)g;
	++*(unsigned *)arg;
}

static struct group *join_text(struct topics *t, const char *text)
{
	struct str item = str_of(text);
	struct filters *f = filters_new(&item, 1);
	struct group *g = topics_join(t, f);

	filters_unref(f);
	return g;
}

/* What a search costs is counted, not timed: it must not depend on what does not match. */
static void test_cost(void)
{
	static struct group *groups[110000];
	struct topics *t = topics_new();
	char text[64];
	unsigned n = 0, hits = 0;
	uint64_t before, worst = 0;

	for (unsigned i = 0; i < 100000; i++) {
		snprintf(text, sizeof(text), "room/%u/chat", i);
		groups[n++] = join_text(t, text);
	}
	for (unsigned i = 0; i < 10000; i++) {
		static const char *const forms[][2] = {{"room/", "/*"}, {"*/", "/chat"}, {"user/", "/**"},
			{"*/*/x", ""}};

		snprintf(text, sizeof(text), "%s%u%s", forms[i % 4][0], i, forms[i % 4][1]);
		groups[n++] = join_text(t, text);
	}
	for (unsigned i = 0; i < 10000; i++) {
		struct str topic;

		snprintf(text, sizeof(text), "room/%u/chat", i);
		topic = str_of(text);
		before = topics_steps(t);
		topics_match(t, topic, hash_bytes(topic.p, topic.n), nothing, &hits);
		if (topics_steps(t) - before > worst)
			worst = topics_steps(t) - before;
	}
	eq_num(hits, 10000 + 5000, "100,000 names and 10,000 patterns: the right ones are found");
	ok(worst <= 24, "a search looks at %u nodes and links at most", (unsigned)worst);
	while (n > 0)
		topics_leave(t, groups[--n]);
	topics_free(t);
}

static void test_deep(void)
{
	struct topics *t = topics_new();
	char name[TOPIC_MAX + 1], pattern[TOPIC_MAX + 1];
	struct group *g[2];
	unsigned hits = 0;

	for (unsigned i = 0; i < TOPIC_MAX; i++) {
		name[i] = i % 2 == 0 ? 'a' : '/';
		pattern[i] = i % 2 == 0 ? '*' : '/';
	}
	name[TOPIC_MAX] = pattern[TOPIC_MAX] = '\0';
	g[0] = join_text(t, name);
	g[1] = join_text(t, pattern);
	topics_match(t, str_of(name), hash_bytes(name, TOPIC_MAX), nothing, &hits);
	eq_num(hits, 2, "128 levels");
	topics_leave(t, g[0]);
	topics_leave(t, g[1]);
	topics_free(t);
}

int main(void)
{
	test_oracle();
	test_shared();
	test_cost();
	test_deep();
	return tap_done();
}
