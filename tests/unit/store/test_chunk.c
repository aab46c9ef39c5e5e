/* SPDX-License-Identifier: MIT */
#include "store/chunk.h"

#include <errno.h>
#include <stdlib.h>

#include "store/catalog.h"
#include "tests/unit/tap.h"
#include "units.h"

#define N 4

static struct event *events[N];

static void make_events(void)
{
	const struct event_draft d[N] = {
		{.topic = STR_LIT("t"), .data = STR_LIT("1")},
		{.topic = STR_LIT("t"), .type = STR_LIT(""), .key = STR_LIT("k"), .from = STR_LIT("f"),
			.data = STR_LIT("{}")},
		{.topic = STR_LIT("t"), .bytes = {"\0\1\2", 3}},
		{.topic = STR_LIT("t"), .key = STR_LIT("\n"), .data = STR_LIT("\"long enough for nothing\"")},
	};
	char id[20];

	for (unsigned i = 0; i < N; i++) {
		events[i] = event_new(&d[i]);
		events[i]->order = 1763950000123456 + i * i * 1000;
		event_commit(events[i], (struct str){id, units_format_u64(id, events[i]->order)},
			300 + i, events[i]->order / 1000);
	}
}

/* In memory of exactly its size, so that a byte too far is noticed. */
static int init(struct chunk *c, uint8_t **copy, const struct buf *b, size_t len, uint32_t n)
{
	*copy = malloc(len > 0 ? len : 1);
	memcpy(*copy, b->p, len);
	return chunk_init(c, *copy, len, events[0]->order, n);
}

static void test_round(const struct buf *b)
{
	struct event *e;
	struct chunk c;
	uint8_t *copy;

	ok(init(&c, &copy, b, b->len, N) == 0, "a body comes apart");
	for (uint32_t i = 0; i < N; i++) {
		e = chunk_event(&c, i, STR_LIT("t"));
		eq_bytes(event_json(e).p, event_json(e).n, event_json(events[i]).p,
			event_json(events[i]).n, "the same envelope");
		ok(e->order == events[i]->order && e->seq == 300 + i, "order and seq");
		eq_num(chunk_weight(&c, i), event_weight(events[i]), "the same weight");
		eq_num(chunk_upto(&c, events[i]->order), i + 1, "found by its order");
		eq_num(chunk_upto(&c, events[i]->order - 1), i, "and before it");
		event_unref(e);
	}
	chunk_fini(&c);
	free(copy);
}

static void test_damage(struct buf *b)
{
	unsigned accepted = 0;
	struct chunk c;
	uint8_t *copy;

	for (size_t len = 0; len < b->len; len++) {
		errno = 0;
		accepted += init(&c, &copy, b, len, N) == 0 || errno != EBADMSG;
		free(copy);
	}
	eq_num(accepted, 0, "cut short anywhere it is damaged");
	for (uint32_t n = 0; n < 100; n += n == N - 1 ? 2 : 1) {
		accepted += init(&c, &copy, b, b->len, n) == 0;
		free(copy);
	}
	eq_num(accepted, 0, "another number of events is damage");
	for (size_t i = 0; i < b->len; i++) {
		for (unsigned bit = 0; bit < 8; bit++) {
			b->p[i] ^= (uint8_t)(1u << bit);
			if (init(&c, &copy, b, b->len, N) == 0) {
				for (uint32_t k = 0; k < N; k++)
					event_unref(chunk_event(&c, k, STR_LIT("t")));
				chunk_fini(&c);
			}
			free(copy);
			b->p[i] ^= (uint8_t)(1u << bit);
		}
	}
	ok(true, "a bit that tips over leads nowhere outside");
}

/* Each bit of a row counts. */
static void test_sum(struct buf *b)
{
	struct chunk_row row = {3, 1763950000123456, 1763950000132456, 1763950000132457, N};
	uint64_t *const columns[] = {&row.topic, &row.first, &row.last, &row.upto};
	uint64_t sum = chunk_sum(&row, b->p, b->len);
	unsigned same = 0;

	for (size_t i = 0; i < b->len * 8; i++) {
		b->p[i / 8] ^= (uint8_t)(1u << i % 8);
		same += chunk_sum(&row, b->p, b->len) == sum;
		b->p[i / 8] ^= (uint8_t)(1u << i % 8);
	}
	for (unsigned i = 0; i < 4 * 64; i++) {
		*columns[i / 64] ^= UINT64_C(1) << i % 64;
		same += chunk_sum(&row, b->p, b->len) == sum;
		*columns[i / 64] ^= UINT64_C(1) << i % 64;
	}
	row.n++;
	same += chunk_sum(&row, b->p, b->len) == sum;
	eq_num(same, 0, "no bit of a row may tip over unnoticed");
}

int main(void)
{
	struct buf b;

	make_events();
	buf_init(&b, 1000);
	for (unsigned i = 0; i < N; i++)
		ok(chunk_add(&b, events[i], events[i > 0 ? i - 1 : 0]->order) == 0, "an event is added");
	ok(b.len < 100, "and takes little room");
	test_round(&b);
	test_damage(&b);
	test_sum(&b);
	for (unsigned i = 0; i < N; i++)
		event_unref(events[i]);
	buf_fini(&b);
	return tap_done();
}
