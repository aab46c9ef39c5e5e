/* SPDX-License-Identifier: MIT */

/*
 * Commits wait while the SQLite store drops rows: a step of that is over after a few milliseconds,
 * however much there is to drop. On a disk where each row takes long, that is many small steps.
 */
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "helper_store.h"
#include "tests/unit/tap.h"

#define ROWS 200
#define ROW_MS 2	/* so long a row seems to take, when it is slow */
#define T0 UINT64_C(1800000000000000)
#define HOUR_US UINT64_C(3600000000)

/* --- these stand before the C library's ------------------------------------------------------- */

static int slow, late_ms, syncs;

/* Time that the writer looks at passes by looking. */
int clock_gettime(clockid_t clock, struct timespec *t)
{
	int ret = (int)syscall(SYS_clock_gettime, clock, t), late;

	if (clock != CLOCK_MONOTONIC)
		return ret;
	if (__atomic_load_n(&slow, __ATOMIC_SEQ_CST))
		__atomic_add_fetch(&late_ms, ROW_MS, __ATOMIC_SEQ_CST);
	late = __atomic_load_n(&late_ms, __ATOMIC_SEQ_CST);
	t->tv_sec += late / 1000;
	t->tv_nsec += late % 1000 * 1000000L;
	if (t->tv_nsec >= 1000000000L) {
		t->tv_nsec -= 1000000000L;
		t->tv_sec++;
	}
	return ret;
}

static int count_sync(int fd, long number)
{
	__atomic_add_fetch(&syncs, 1, __ATOMIC_SEQ_CST);
	return (int)syscall(number, fd);
}

int fsync(int fd)
{
	return count_sync(fd, SYS_fsync);
}

int fdatasync(int fd)
{
	return count_sync(fd, SYS_fdatasync);
}

/* --- dropping --------------------------------------------------------------------------------- */

/* (c) begins to hold while rows are slow: how often is synced, which each step ends with. */
static int steps_until(struct store *s, const struct store_config *c, uint64_t events)
{
	struct store_stats st;
	int before = __atomic_load_n(&syncs, __ATOMIC_SEQ_CST);
	bool done;

	__atomic_store_n(&slow, 1, __ATOMIC_SEQ_CST);
	store_reconfigure(s, c);
	done = helper_wait((store_stats(s, &st), st.events == events));
	__atomic_store_n(&slow, 0, __ATOMIC_SEQ_CST);
	return done ? __atomic_load_n(&syncs, __ATOMIC_SEQ_CST) - before : -1;
}

static void test_oldest(void)
{
	struct store_config c = helper_config(helper_path("oldest.db"));
	struct store *s;

	c.sync = STORE_SYNC_FULL;
	c.now_us = helper_now_us;
	helper_set_now_us(T0);
	s = helper_open(&c);
	helper_fill(s, "a", ROWS, true);
	helper_set_now_us(T0 + HOUR_US);
	c.max_age_ms = 60000;
	ok(steps_until(s, &c, 0) >= ROWS / 2, "the oldest rows of all go in many small steps");
	store_close(s);
}

static void test_topics(void)
{
	const struct retention_rule rules[] = {{.pattern = STR_LIT("*"), .events = 1}};
	struct store_config c = helper_config(helper_path("topics.db"));
	struct store *s;
	char topic[8];

	c.sync = STORE_SYNC_FULL;
	c.memory_bytes = 1;
	s = helper_open(&c);
	for (int i = 0; i < 2 * ROWS; i++) {
		snprintf(topic, sizeof(topic), "%d", i % ROWS);
		helper_put(s, topic, NULL, "1");
	}
	c.rules = rules;
	c.nrules = 1;
	ok(steps_until(s, &c, ROWS) >= ROWS / 2, "and those that break a rule of their topics");
	store_close(s);
}

int main(void)
{
	test_oldest();
	test_topics();
	helper_remove_dir();
	return tap_done();
}
