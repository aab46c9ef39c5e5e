/* SPDX-License-Identifier: MIT */
#include "libcommon/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/tap.h"

/* stderr is a datagram socket: each write arrives as one datagram. */
static int far_end;

static void capture(void)
{
	int fd[2];

	if (socketpair(AF_UNIX, SOCK_DGRAM, 0, fd) < 0 || dup2(fd[0], STDERR_FILENO) < 0)
		exit(1);
	close(fd[0]);
	far_end = fd[1];
	fcntl(far_end, F_SETFL, O_NONBLOCK);
}

static const char *written(void)
{
	static char text[65536];
	ssize_t n = recv(far_end, text, sizeof(text) - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

static void wrote(const char *want, const char *what)
{
	const char *got = written();

	eq_str(got, want, what);
}

static void levels(void)
{
	log_init("rt-test", LOG_WARN);
	log_error("one %d", 1);
	wrote("rt-test: one 1\n", "an error, in one write");
	log_warn("two");
	wrote("rt-test: two\n", "a warning");
	log_info("three");
	log_debug("four");
	wrote("", "nothing more talkative");
	ok(log_shows(LOG_WARN) && !log_shows(LOG_INFO), "and log_shows says so");
	log_set_level(LOG_DEBUG);
	log_debug("five");
	wrote("rt-test: five\n", "until the level is raised");
	log_info("six");
	wrote("rt-test: six\n", "info");
}

static void escapes(void)
{
	log_error("%s", "a\nb\r\x1B[31m\x7F\tz");
	wrote("rt-test: a\\x0ab\\x0d\\x1b[31m\\x7f\\x09z\n", "control characters");
	log_error("%s", "gr\xC3\xBC\xC3\x9F \xE2\x82\xAC \xF0\x9F\x98\x80");
	wrote("rt-test: gr\xC3\xBC\xC3\x9F \xE2\x82\xAC \xF0\x9F\x98\x80\n", "text is kept");
	log_error("%s", "\xC2\x9B" "1m \x9B \xE2\x80\xAE \xC3");
	wrote("rt-test: \\xc2\\x9b1m \\x9b \\xe2\\x80\\xae \\xc3\n", "C1, bidi, bad UTF-8");
}

static void keeps_errno(void)
{
	int closed = dup(STDERR_FILENO);

	errno = EXDEV;
	log_error("%s: %s", "file", strerror(errno));
	eq_num(errno, EXDEV, "errno is kept");
	written();
	errno = EXDEV;
	log_error("%m");
	wrote("rt-test: Invalid cross-device link\n", "and can be said");
	close(STDERR_FILENO);
	errno = EXDEV;
	log_error("nobody hears it");
	eq_num(errno, EXDEV, "even if writing fails");
	dup2(closed, STDERR_FILENO);
	close(closed);
}

static void long_messages(void)
{
	static char text[10000];
	const char *got;

	memset(text, 'x', sizeof(text) - 1);
	log_error("%s", text);
	got = written();
	ok(strlen(got) > 4000 && strlen(got) < 5000, "a very long message is cut");
	eq_str(got + strlen(got) - 5, "x...\n", "and says so, in the same line");
	for (size_t i = 0; i + 2 < sizeof(text); i += 2)
		memcpy(text + i, "\xC3\xBC", 2);
	for (int shift = 0; shift < 2; shift++) {
		log_error("%s%s", shift ? "y" : "", text);
		got = written();
		eq_str(got + strlen(got) - 6, "\xC3\xBC...\n", "never within a character");
	}
	memset(text, '\x01', sizeof(text) - 1);
	log_error("%s", text);
	got = written();
	ok(strlen(got) > 16000 && strcmp(got + strlen(got) - 8, "\\x01...\n") == 0, "all of it escaped");
}

int main(void)
{
	capture();
	levels();
	escapes();
	keeps_errno();
	long_messages();
	return tap_done();
}
