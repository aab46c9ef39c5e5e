/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "exitcode.h"
#include "log.h"
#include "publisher.h"
#include "stop.h"

static void read_whole(int fd, const char *name, struct buf *b)
{
	ssize_t n;

	do {
		if (buf_reserve(b, 1) != 0) {
			log_error("%s: %s", name, errno == EMSGSIZE ?
				"longer than --max-line allows" : strerror(errno));
			exit(errno == EMSGSIZE ? EXIT_PARTIAL : EXIT_RESOURCES);
		}
		n = read(fd, b->p + b->len, b->cap - b->len);
		if (stop_signal() != 0)
			stop_by(stop_signal());
		if (n < 0 && errno != EINTR) {
			log_error("%s: %s", name, strerror(errno));
			exit(EXIT_INPUT);
		}
		b->len += n > 0 ? (size_t)n : 0;
	} while (n != 0);
}

static int publish_file(struct publisher *p, const struct config *c)
{
	bool is_stdin = strcmp(c->file, "-") == 0;
	int fd = is_stdin ? STDIN_FILENO : open(c->file, O_RDONLY | O_CLOEXEC);
	struct buf b;
	int status;

	if (fd < 0) {
		log_error("%s: %s", c->file, strerror(errno));
		return EXIT_INPUT;
	}
	/* One more, to see that there is nothing behind it. */
	buf_init(&b, c->max_line + 1);
	read_whole(fd, is_stdin ? "stdin" : c->file, &b);
	if (!is_stdin)
		close(fd);
	status = publisher_one(p, (struct str){ b.p == NULL ? "" : (char *)b.p, b.len }, false);
	buf_fini(&b);
	return status;
}

int main(int argc, char **argv)
{
	struct config c;
	struct publisher *p;
	int status;

	config_parse(&c, argc, argv);
	client_start(&c.client, "rt-pub");
	if (stop_catch() != 0 || (p = publisher_new(&c)) == NULL) {
		log_error("out of memory or descriptors");
		return EXIT_RESOURCES;
	}
	if (c.message != NULL)
		status = publisher_one(p, str_of(c.message), true);
	else if (c.file != NULL)
		status = publish_file(p, &c);
	else
		status = publisher_run(p, STDIN_FILENO);
	publisher_free(p);
	client_end(&c.client);
	return status;
}
