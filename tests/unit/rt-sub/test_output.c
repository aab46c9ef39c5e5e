/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cmd/rt-sub/output.h"
#include "tests/unit/tap.h"

static int blocked = -1, broken;

static void on_blocked(void *arg, bool on)
{
	(void)arg;
	blocked = on;
}

static void on_broken(void *arg, int err)
{
	(void)arg;
	broken = err;
}

static const struct output_ops ops = { on_blocked, on_broken };

static struct output *open_output(int fd, const struct format *f)
{
	blocked = -1;
	broken = 0;
	return output_new(ev_default_loop(0), fd, f, '\n', &ops, NULL);
}

static void add(struct output *o, const char *text)
{
	struct envelope e = {.line = str_of(text)};

	ok(output_event(o, &e) == 0, "an event is taken");
}

static size_t drain(int fd, char *dst, size_t cap)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	size_t n = 0;
	ssize_t r;

	while (n < cap && poll(&p, 1, 0) > 0 && (r = read(fd, dst + n, cap - n)) > 0)
		n += (size_t)r;
	return n;
}

static void run_until(const int *what, int value)
{
	for (int i = 0; i < 100 && *what != value; i++)
		ev_run(ev_default_loop(0), EVRUN_NOWAIT);
}

/* A pipe that is full in the middle of a flood: what comes meanwhile is held, up to a limit. */
static void test_piece_left(void)
{
	static char piece[64 * 1024 + 100], text[3 << 20];
	struct output *o;
	size_t got;
	int fd[2];

	ok(pipe(fd) == 0, "a pipe");
	fcntl(fd[1], F_SETPIPE_SZ, 64 * 1024);
	o = open_output(fd[1], NULL);
	memset(piece, 'x', sizeof(piece) - 1);
	add(o, piece);
	ok(output_pending(o) && blocked == -1, "the end of a piece that does not fit blocks nothing");
	piece[32 * 1024] = '\0';
	add(o, piece);
	ok(blocked == -1, "nor does the beginning of the next");
	got = drain(fd[0], text, sizeof(text));
	output_flush(o);
	got += drain(fd[0], text, sizeof(text));
	ok(!output_pending(o) && got == sizeof(piece) + 32 * 1024 + 1, "a flush writes it all");
	for (int i = 0; i < 7; i++)
		add(o, piece);
	ok(blocked == 1, "two pieces too many do");
	output_free(o);
	close(fd[0]);
	close(fd[1]);
}

/* (a) is written to, (b) read from. */
static void test_blocking(int a, int b, const char *kind)
{
	static char text[3 << 20];
	struct output *o = open_output(a, NULL);
	int flags = fcntl(a, F_GETFL);
	size_t got = 0;

	add(o, "{\"a\":1}");
	ok(drain(b, text, sizeof(text)) == 0, "%s: nothing is written before the flush", kind);
	output_flush(o);
	got = drain(b, text, sizeof(text));
	eq_bytes(text, got, "{\"a\":1}\n", 8, kind);
	ok(!output_pending(o) && blocked == -1, "%s: all is written", kind);

	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	add(o, text);
	ok(blocked == 1 && output_pending(o), "%s: a full reader blocks it, not us", kind);
	ok(fcntl(a, F_GETFL) == flags, "%s: the flags of the descriptor are as before", kind);
	got = 0;
	for (int i = 0; i < 10000 && got < sizeof(text); i++) {
		got += drain(b, text, 65536);
		ev_run(ev_default_loop(0), EVRUN_NOWAIT);
	}
	ok(got == sizeof(text) && blocked == 0 && !output_pending(o), "%s: it catches up (%zu)", kind, got);

	close(b);
	run_until(&broken, EPIPE);
	ok(broken == EPIPE, "%s: a reader that goes away is noticed without a write", kind);
	add(o, "more");
	ok(!output_pending(o), "%s: and nothing is kept for him", kind);
	output_free(o);
	close(a);
}

static void test_file(void)
{
	char path[] = "/tmp/test_output.XXXXXX", text[100];
	int fd = mkstemp(path);
	struct output *o;

	ok(write(fd, "before\n", 7) == 7, "a file that is not empty");
	o = open_output(fd, NULL);
	add(o, "1");
	output_flush(o);
	output_free(o);
	eq_bytes(text, (size_t)pread(fd, text, sizeof(text), 0), "before\n1\n", 9, "is gone on with");
	close(fd);
	unlink(path);
	fd = open("/dev/full", O_WRONLY);
	o = open_output(fd, NULL);
	add(o, "1");
	output_flush(o);
	ok(broken == ENOSPC, "a full disk is told");
	output_free(o);
	close(fd);
}

/* A terminal: the other end of a pseudo terminal reads what it would show. */
static void on_terminal(const struct format *f, const char *event, const char *want, const char *what)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY), slave;
	struct output *o;
	char text[1000];
	size_t n;

	grantpt(master);
	unlockpt(master);
	slave = open(ptsname(master), O_RDWR | O_NOCTTY);
	o = open_output(slave, f);
	if (f == NULL) {
		struct envelope e = {.line = str_of(event)};

		output_event(o, &e);
	} else {
		struct envelope e;

		envelope_parse(&e, str_of(event));
		output_event(o, &e);
	}
	output_flush(o);
	n = drain(master, text, sizeof(text));
	eq_bytes(text, n, want, strlen(want), what);
	output_free(o);
	close(slave);
	close(master);
}

static void test_terminal(void)
{
	const char *wrong;
	struct format *raw = format_new("%p", &wrong);

	setenv("TERM", "xterm", 1);
	setenv("NO_COLOR", "1", 1);
	on_terminal(NULL, "{\"a\":\"\xc2\x9b" "2J\xe2\x80\xae\xc3\xa4\"}",
		"{\"a\":\"\\u009b2J\\u202e\xc3\xa4\"}\r\n", "C1 and bidi controls become JSON escapes");
	on_terminal(raw, "{\"data\":\"a\\u001b[2J\\tb\\u009b\"}", "a\\x1b[2J\tb\\u009b\r\n",
		"payloads are escaped");
	unsetenv("NO_COLOR");
	on_terminal(NULL, "{\"a\":{\"b\":\"}\\\"\"},\"c\":[\"d\",{\"e\":1}],\"f\":\"g\"}",
		"{\x1b[36m\"a\"\x1b[0m:{\"b\":\"}\\\"\"},\x1b[36m\"c\"\x1b[0m:[\"d\",{\"e\":1}],"
		"\x1b[36m\"f\"\x1b[0m:\"g\"}\r\n", "its own names are coloured, and nothing else");
	format_free(raw);
}

int main(void)
{
	int fds[2];

	signal(SIGPIPE, SIG_IGN);
	ok(pipe(fds) == 0, "a pipe");
	test_blocking(fds[1], fds[0], "pipe");
	ok(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0, "a socket");
	test_blocking(fds[1], fds[0], "socket");
	test_piece_left();
	test_file();
	test_terminal();
	ev_default_destroy();
	return tap_done();
}
