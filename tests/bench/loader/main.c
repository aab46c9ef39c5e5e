/* SPDX-License-Identifier: MIT */
/*
 * Subscribers and a publisher for servers of several protocols, so that they are loaded and judged alike.
 * rt-bench knows more, but only HTTP and WebSocket.
 *
 *   load --dialect NAME --port PORT [--pid PID] [--port PORT [--pid PID]] [--subscribers N] [--topics N]
 *
 * Connects N subscribers (0: none) to 127.0.0.1:PORT, in turn to topics t0, t1, ..., and a publisher; prints
 * {"connected":N,"seconds":S}. With two servers, subscribers connect to each in turn (and there is
 * one topic), and every event is published to both. Then each line of stdin is a run, answered by a
 * line of JSON (times in seconds); it is made of words:
 *
 *   seconds=S     publish for so long (1)
 *   rate=N        events a second, on a schedule: latency counts from there
 *   window=N      else: as fast as it goes, but so many events at most that are not delivered to all, or
 *                 without subscribers not acknowledged (8)
 *   sleep_ms=N    with rate: sleep after each event before reading
 *   stamps=1      with sleep_ms: "carried" is the time from publishing an event until its last byte
 *                 arrived at the last subscriber, by the kernel's time stamps, summed up
 *   size=N        bytes of an event (100)
 *   drain=S       wait for what is missing until nothing came for so long (3)
 *
 * "server_cpu" is what the process trees of --pid used from the first publish to the last delivery.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "load/clock.h"
#include "wire/socket.h"
#include "run.h"

#define CONNECT_SECONDS 30
#define SPARE_FILES 16

struct options {
	const struct dialect *d;
	struct servers servers;
	uint32_t subscribers, topics;
};

static int usage(void)
{
	char names[256];

	fprintf(stderr, "usage: load --dialect NAME --port PORT [--pid PID] [--port PORT [--pid PID]] "
		"[--subscribers N] [--topics N]\n"
		"dialects: %s\n", dialect_names(names, sizeof(names)));
	return 2;
}

static int add_port(struct servers *s, uint32_t port)
{
	if (port == 0 || port > 65535 || s->n == SERVERS_MAX)
		return -1;
	s->ports[s->n++] = (uint16_t)port;
	return 0;
}

/* Of the server whose port came last. */
static int add_pid(struct servers *s, uint32_t pid)
{
	if (s->n == 0)
		return -1;
	s->pids[s->n - 1] = (pid_t)pid;
	return 0;
}

static int parse_options(struct options *o, int argc, char **argv)
{
	static const struct option known[] = {
		{"dialect", required_argument, NULL, 'd'}, {"port", required_argument, NULL, 'p'},
		{"subscribers", required_argument, NULL, 'n'}, {"topics", required_argument, NULL, 't'},
		{"pid", required_argument, NULL, 'i'}, {0},
	};
	int which, result = 0;

	*o = (struct options){.subscribers = 1, .topics = 1};
	while ((which = getopt_long(argc, argv, "", known, NULL)) != -1) {
		uint32_t n = which == '?' ? 0 : (uint32_t)strtoul(optarg, NULL, 10);

		switch (which) {
		case 'd': o->d = dialect_find(optarg); break;
		case 'p': result |= add_port(&o->servers, n); break;
		case 'n': o->subscribers = n; break;
		case 't': o->topics = n; break;
		case 'i': result |= add_pid(&o->servers, n); break;
		default: return -1;
		}
	}
	if (o->topics == 0 || o->subscribers % o->topics != 0)	/* else who gets how many is unclear */
		return -1;
	return o->d == NULL || o->servers.n == 0 || (o->servers.n > 1 && o->topics > 1) ? -1 : result;
}

static int parse_order(struct order *o, char *line)
{
	char *rest;

	*o = (struct order){.seconds = 1, .window = 8, .size = 100, .drain = 3};
	for (char *word = strtok_r(line, " \n", &rest); word != NULL; word = strtok_r(NULL, " \n", &rest)) {
		char *value = strchr(word, '=');
		double n;

		if (value == NULL)
			return -1;
		*value++ = '\0';
		n = strtod(value, NULL);
		if (strcmp(word, "seconds") == 0)
			o->seconds = n;
		else if (strcmp(word, "rate") == 0)
			o->rate = n;
		else if (strcmp(word, "window") == 0)
			o->window = (uint32_t)n;
		else if (strcmp(word, "sleep_ms") == 0)
			o->sleep_ms = (uint32_t)n;
		else if (strcmp(word, "stamps") == 0)
			o->stamps = n > 0;
		else if (strcmp(word, "size") == 0)
			o->size = (uint32_t)n;
		else if (strcmp(word, "drain") == 0)
			o->drain = n;
		else
			return -1;
	}
	return o->size >= PAYLOAD_MIN && o->size <= 512 ? 0 : -1;
}

static int serve_stdin(struct crowd *c, struct source *s)
{
	char line[256];
	struct order order;

	while (fgets(line, sizeof(line), stdin) != NULL) {
		if (parse_order(&order, line) != 0) {
			fprintf(stderr, "load: not understood: %s\n", line);
			return 2;
		}
		if (run_order(&order, c, s, stdout) != 0) {
			fprintf(stderr, "load: publishing: %s\n", strerror(errno));
			return 1;
		}
		if (c->dead) {
			fprintf(stderr, "load: the server ended a connection\n");
			return 1;
		}
	}
	return 0;
}

/* Connect all of them, and say how long that took. */
static int connect_all(const struct options *o, struct crowd *c, struct source *s)
{
	uint64_t began = clock_ns();

	if (crowd_connect(c, CONNECT_SECONDS) != 0 || source_open(s, c, CONNECT_SECONDS) != 0) {
		fprintf(stderr, "load: %u of %u connected: %s\n", c->ready, o->subscribers, strerror(errno));
		return -1;
	}
	printf("{\"connected\":%u,\"seconds\":%.6f}\n", c->ready, (double)(clock_ns() - began) / 1e9);
	fflush(stdout);
	return 0;
}

int main(int argc, char **argv)
{
	struct options o;
	struct crowd c;
	struct source s = {.n = 0};
	uint64_t limit;
	int status;

	if (parse_options(&o, argc, argv) != 0)
		return usage();
	signal(SIGPIPE, SIG_IGN);
	clock_init();
	if (socket_room(o.subscribers + SPARE_FILES, &limit) != 0) {
		fprintf(stderr, "load: %u subscribers need more than %llu descriptors\n", o.subscribers,
			(unsigned long long)limit);
		return 1;
	}
	if (crowd_init(&c, o.d, &o.servers, o.subscribers, o.topics) != 0) {
		fprintf(stderr, "load: %s\n", strerror(errno));
		return 1;
	}
	status = connect_all(&o, &c, &s) == 0 ? serve_stdin(&c, &s) : 1;
	source_close(&s);
	crowd_fini(&c);
	return status;
}
