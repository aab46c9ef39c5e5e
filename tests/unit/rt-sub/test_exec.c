/* SPDX-License-Identifier: MIT */
#include <unistd.h>

#include "cmd/rt-sub/exec.h"
#include "log.h"
#include "tests/unit/tap.h"

static struct position reached;
static int full = -1, failures;

static void on_full(void *arg, bool on)
{
	(void)arg;
	full = on;
}

static void on_progress(void *arg, const struct position *to)
{
	(void)arg;
	position_copy(&reached, to);
}

static void on_failed(void *arg)
{
	(void)arg;
	failures++;
}

static const struct exec_ops ops = { on_full, on_progress, on_failed };

static struct exec *open_exec(struct config *c, const char *command, unsigned parallel, bool keep_going)
{
	*c = (struct config){.command = command, .parallel = parallel, .keep_going = keep_going};
	position_set(&reached, false, STR_NULL);
	full = -1;
	failures = 0;
	return exec_new(ev_default_loop(0), c, &ops, NULL);
}

static void push(struct exec *x, unsigned i)
{
	char line[100], at[20];
	struct position p;
	struct envelope e;

	snprintf(line, sizeof(line), "{\"id\":\"%u\",\"topic\":\"t\",\"seq\":%u,\"data\":1}", i, i);
	snprintf(at, sizeof(at), "%u", i);
	position_set(&p, false, str_of(at));
	envelope_parse(&e, str_of(line));
	if (exec_push(x, &e, &p) != 0)
		ok(false, "push %u", i);
}

static void run(struct exec *x)
{
	while (exec_busy(x))
		ev_run(ev_default_loop(0), EVRUN_ONCE);
}

static void test_order(void)
{
	struct position p;
	struct config c;
	struct exec *x = open_exec(&c, "[ $RT_SEQ != 1 ] || sleep 0.2", 4, false);

	for (unsigned i = 1; i <= 4; i++)
		push(x, i);
	position_set(&p, false, STR_LIT("9"));
	exec_move(x, &p);
	while (exec_busy(x)) {
		ev_run(ev_default_loop(0), EVRUN_ONCE);
		if (exec_busy(x) && reached.len > 0)
			ok(false, "the position went ahead of the first command");
	}
	eq_str(reached.text, "9", "the position waits for the slowest, and then takes in what came later");
	position_set(&p, false, STR_LIT("12"));
	exec_move(x, &p);
	eq_str(reached.text, "12", "with nothing to wait for it moves at once");
	exec_free(x);
}

static void test_full(void)
{
	struct config c;
	struct exec *x = open_exec(&c, "true", 2, false);

	for (unsigned i = 1; i <= 300; i++)
		push(x, i);
	ok(full == 1, "three hundred events are enough for now");
	run(x);
	ok(full == 0, "then there is room again");
	eq_str(reached.text, "300", "and all were run");
	exec_free(x);
}

static void test_failure(void)
{
	struct config c;
	struct exec *x = open_exec(&c, "cat >/dev/null; [ $RT_ID != 3 ]", 1, false);

	for (unsigned i = 1; i <= 5; i++)
		push(x, i);
	run(x);
	ok(failures == 1 && exec_has_failed(x), "a failure is told once");
	eq_str(reached.text, "2", "the position stays before it");
	exec_free(x);

	x = open_exec(&c, "[ $RT_ID != 3 ] || kill -9 $$", 1, true);
	for (unsigned i = 1; i <= 5; i++)
		push(x, i);
	run(x);
	ok(failures == 0 && exec_has_failed(x), "with keep_going it is only remembered, a signal too");
	eq_str(reached.text, "5", "and the position goes on");
	exec_free(x);
}

static void test_stop(void)
{
	struct config c;
	struct exec *x = open_exec(&c, "sleep 0.1", 1, false);

	push(x, 1);
	push(x, 2);
	exec_stop(x);
	push(x, 3);
	run(x);
	eq_str(reached.text, "1", "after a stop only what ran comes to its end");
	exec_free(x);
}

int main(void)
{
	log_init("test", LOG_ERROR);
	test_order();
	test_full();
	test_failure();
	test_stop();
	ev_default_destroy();
	return tap_done();
}
