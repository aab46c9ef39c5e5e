/* SPDX-License-Identifier: MIT */
#ifndef RT_TEST_STORE_H
#define RT_TEST_STORE_H

/*
 * What the tests of stores share: appends and reads that wait for their answer, a folder that
 * goes away, a clock that the test sets. Out of memory ends the test.
 */
#include <stdint.h>

#include "store/store.h"

/** A configuration with small but usual values; path as given. */
struct store_config helper_config(const char *path);

/** Open, or end the test with the reason. */
struct store *helper_open(const struct store_config *c);

/** A path for a store in a folder of this process, which helper_remove_dir removes. */
const char *helper_path(const char *name);
void helper_remove_dir(void);

/** The clock for store_config.now_us, and its time. */
uint64_t helper_now_us(void);
void helper_set_now_us(uint64_t us);

struct event *helper_event(const char *topic, const char *key, const char *data);

/** Append (n) events, whose references stay the caller's, and wait. (key) may be NULL. */
enum store_status helper_append(struct store *s, struct event **events, size_t n,
	const struct batch_key *key, struct buf *answer, enum store_ack *ack);

/** Append one event; returns its order, 0 if it was not accepted. */
uint64_t helper_put(struct store *s, const char *topic, const char *key, const char *data);

/** Append (n) events with data 1, 2, …, each in its own batch if (each), else all in one. */
void helper_fill(struct store *s, const char *topic, unsigned n, bool each);

/** A read of comma-separated (filters), not started: set what else is wanted. */
struct read *helper_new_read(const char *filters, enum read_from from, const char *position);

/** Do (r) and wait for it. */
void helper_do(struct store *s, struct read *r);

/** Both, with max_events 1000. */
struct read *helper_read(struct store *s, const char *filters, enum read_from from,
	const char *position);

/** From (r) on to the end: the data of all events, separated by spaces. (r) has the last page. */
char *helper_rest(struct store *s, struct read *r);

/** The data of all events after a start, in pages of (page). Freed by the caller. */
char *helper_all(struct store *s, const char *filters, enum read_from from, const char *position,
	unsigned page);

/** (order) as text, in one of a few buffers that take turns. */
const char *helper_id(uint64_t order);

/** Wait until (cond) is true, 10 s at most; returns it. */
#define helper_wait(cond) ({ \
	bool met_ = false; \
	for (int i_ = 0; i_ < 10000 && !(met_ = (cond)); i_++) \
		helper_pause(); \
	met_; })
void helper_pause(void);

#endif
