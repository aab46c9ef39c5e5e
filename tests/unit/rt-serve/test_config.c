/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/tap.h"

#define ARGS_MAX 40

static char path[] = "/tmp/rt-test-config.XXXXXX";

static void write_file(const char *text)
{
	FILE *f = fopen(path, "w");

	fputs(text, f);
	fclose(f);
}

/** config_load of (line), words divided by blanks; NULL and (why) if refused. */
static struct config *load(const char *line, struct buf *why)
{
	static char copy[1024];
	char *argv[ARGS_MAX + 1] = {(char *)"rt-serve"}, *save = NULL;
	int argc = 1;

	strcpy(copy, line);
	for (char *w = strtok_r(copy, " ", &save); w != NULL && argc < ARGS_MAX;
	     w = strtok_r(NULL, " ", &save))
		argv[argc++] = w;
	argv[argc] = NULL;
	return config_load(argc, argv, why);
}

static struct config *good(const char *line)
{
	struct buf why;
	struct config *c;

	buf_init(&why, 4096);
	c = load(line, &why);
	if (c == NULL) {
		printf("Bail out! \"%s\" is refused: %s\n", line, buf_cstr(&why));
		exit(1);
	}
	buf_fini(&why);
	return c;
}

/** What a command line that is wrong says, and its status: it ends the program. */
static void wrong(const char *line, const char *want)
{
	char said[1024] = "", expected[1100];
	ssize_t n;
	int fds[2], status = 0;
	pid_t pid;

	fflush(stdout);
	if (pipe(fds) != 0 || (pid = fork()) < 0)
		exit(1);
	if (pid == 0) {
		struct buf why;

		dup2(fds[1], STDERR_FILENO);
		close(fds[0]);
		buf_init(&why, 4096);
		_exit(load(line, &why) == NULL ? 3 : 0);
	}
	close(fds[1]);
	n = read(fds[0], said, sizeof(said) - 1);
	said[n > 0 ? n : 0] = '\0';
	close(fds[0]);
	waitpid(pid, &status, 0);
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 2, "\"%s\" ends with 2", line);
	snprintf(expected, sizeof(expected), "rt-serve: %s\n", want);
	eq_str(said, expected, "and says what would be right");
}

static void test_defaults(void)
{
	struct config *c;

	setenv("XDG_STATE_HOME", "/s", 1);
	c = good("--threads 3");
	ok(c->listen.n == 1 && strcmp(c->listen.items[0], "127.0.0.1:7070") == 0, "listens on loopback");
	eq_num(c->sync, STORE_SYNC_FULL, "--sync full");
	eq_num(c->retain_age_ms, 7 * 86400 * 1000LL, "7 days");
	eq_num(c->retain_bytes, 1 << 30, "1 GiB");
	eq_num(c->conn.heartbeat_ms, 15000, "15 s of heartbeat, which net knows too");
	eq_str(c->store_path, geteuid() == 0 ? "/var/lib/rt/rt.db" : "/s/rt/rt.db", "a store on disk");
	ok(c->access_log == NULL && c->origins.n == 0 && c->ntrusted == 0 && c->presence.n == 0,
		"what is off until asked for");
	ok(c->conn.max_connections > 0, "as many connections as descriptors allow");
	config_free(c);
	c = good("--store memory:");
	eq_num(c->retain_age_ms, 0, "memory: no age");
	eq_num(c->retain_bytes, 0, "memory: --memory is the limit");
	config_free(c);
	c = good("--store memory: --retain-age 1h");
	eq_num(c->retain_age_ms, 3600000, "unless given");
	config_free(c);
	config_free(NULL);
}

static void test_values(void)
{
	struct config *c = good("-l 1 -l unix:/x --threads 7 --sync normal --slow newest --memory 8M "
		"--heartbeat 500ms --max-event 2K --retain a/**:age=1h,count=5 --retain *:bytes=1M "
		"--trust-proxy 10.0.0.0/8 --presence room/*");

	ok(c->listen.n == 2 && strcmp(c->listen.items[1], "unix:/x") == 0, "two addresses");
	eq_num(c->threads, 7, "threads");
	eq_num(c->sync, STORE_SYNC_NORMAL, "sync");
	eq_num(c->slow, CONFIG_SLOW_NEWEST, "slow");
	eq_num(c->memory_bytes, 8 << 20, "a size");
	eq_num(c->heartbeat_ms, 500, "a duration");
	eq_num(c->conn.heartbeat_ms, 500, "for net too");
	eq_num(c->max_event, 2048, "another size");
	eq_num(c->nrules, 2, "two rules");
	eq_bytes(c->rules[0].pattern.p, c->rules[0].pattern.n, "a/**", 4, "the first rule's pattern");
	ok(c->rules[0].age_ms == 3600000 && c->rules[0].events == 5 && c->rules[0].bytes == 0,
		"and limits");
	eq_num(c->rules[1].bytes, 1 << 20, "the second's");
	ok(c->ntrusted == 1 && c->trusted[0].bits == 104, "an IPv4 range is one of IPv6");
	config_free(c);
}

static void test_levels(void)
{
	static const struct { const char *line; enum log_level level; } cases[] = {
		{"--threads 1", LOG_WARN}, {"-v", LOG_INFO}, {"-v -v", LOG_DEBUG}, {"-q", LOG_ERROR},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct config *c = good(cases[i].line);

		eq_num(config_log_level(c), cases[i].level, cases[i].line);
		config_free(c);
	}
}

static void test_wrong(void)
{
	wrong("--threads 0", "--threads 0 must be a number from 1 to 128");
	wrong("--threads x", "--threads x must be a number from 1 to 128");
	wrong("--sync maybe", "--sync maybe must be none, normal or full");
	wrong("--slow no", "--slow no must be keep, newest or close");
	wrong("--access-log-format xml", "--access-log-format xml must be text or json");
	wrong("--memory 5",
		"--memory 5 must be a size like 64K, 1M or 2G, from 1048576 to 1099511627776 bytes");
	wrong("--heartbeat 1ms",
		"--heartbeat 1ms must be a duration like 500ms, 15s or 1h30m, from 100ms to 3600s");
	wrong("--max-topic 256", "--max-topic 256 must be a number from 1 to 255");
	wrong("--origin app.example", "--origin app.example must be an origin like https://app.example or "
		"http://localhost:8000, without a path");
	wrong("--origin null", "--origin null must be an origin like https://app.example or "
		"http://localhost:8000, without a path");
	wrong("--origin *", "--origin * must be an origin like https://app.example or "
		"http://localhost:8000, without a path");
	wrong("--host a:1", "--host a:1 must be a host name like rt.example, without a scheme or port");
	wrong("--trust-proxy 10.0.0.0/33", "--trust-proxy 10.0.0.0/33 "
		"must be an address or a range like 10.0.0.0/8 or ::1, or unix:");
	wrong("--listen foo", "--listen foo must be HOST:PORT, [IPV6]:PORT, :PORT, PORT or unix:PATH");
	wrong("--admin 127.0.0.1:99999",
		"--admin 127.0.0.1:99999 must be HOST:PORT, [IPV6]:PORT, :PORT, PORT or unix:PATH");
	wrong("--listen unix:", "--listen unix: must be unix:PATH with a path of 1 to 107 bytes");
	wrong("--retain a",
		"--retain a must be PATTERN:LIMIT[,LIMIT...] with age=7d, count=1000 or bytes=10M");
	wrong("--retain a:size=1", "--retain a:size=1 "
		"must be PATTERN:LIMIT[,LIMIT...] with age=7d, count=1000 or bytes=10M");
	wrong("--retain a:age=1h,", "--retain a:age=1h, "
		"must be PATTERN:LIMIT[,LIMIT...] with age=7d, count=1000 or bytes=10M");
	wrong("--stdin $x", "--stdin $x must not begin with $: such topics belong to the server");
	wrong("--threads", "--threads needs an argument, N; try rt-serve -h");
	wrong("--no-such", "unknown option --no-such; try rt-serve -h");
	wrong("operand", "operand: takes no operands; try rt-serve -h");
}

static void test_precedence(void)
{
	char line[256];
	struct config *c;

	write_file("threads 2\nlisten 1\nlisten 2\norigin http://a\nretain a:count=1\ntrust-proxy 10.0.0.1\n"
		"heartbeat 5s\nverbose\n");
	snprintf(line, sizeof(line), "-c %s --threads 4 --listen 3 --retain b:count=2", path);
	c = good(line);
	eq_num(c->threads, 4, "the command line wins over the file");
	ok(c->listen.n == 1 && strcmp(c->listen.items[0], "3") == 0,
		"a list given there replaces the file's");
	ok(c->nrules == 1 && c->rules[0].events == 2, "rules too");
	eq_num(c->heartbeat_ms, 5000, "what only the file says stays");
	ok(c->origins.n == 1 && c->ntrusted == 1 && c->verbose == 1, "lists and flags too");
	config_free(c);
}

static void test_file_errors(void)
{
	struct buf why;
	char line[256];

	buf_init(&why, 4096);
	write_file("threads 2\nheartbeat soon\n");
	snprintf(line, sizeof(line), "-c %s", path);
	ok(load(line, &why) == NULL, "a file with a mistake");
	snprintf(line, sizeof(line), "%s:2: heartbeat soon must be a duration like 500ms, 15s or 1h30m, "
		"from 100ms to 3600s", path);
	eq_str(buf_cstr(&why), line, "says where and what");
	buf_reset(&why);
	ok(load("--proxy-protocol", &why) == NULL, "--proxy-protocol alone");
	eq_str(buf_cstr(&why), "--proxy-protocol needs --trust-proxy, to say whose headers to believe",
		"says what is missing");
	buf_fini(&why);
}

static void test_unchangeable(void)
{
	static const struct { const char *line, *name; } cases[] = {
		{"", NULL}, {"--origin http://a", NULL}, {"--host h", NULL}, {"--max-event 1K", NULL},
		{"--publish-rate 5", NULL}, {"--retain a:count=1", NULL}, {"--retain-age 1h", NULL},
		{"--drain 1s", NULL}, {"--max-poll 3", NULL}, {"-v", NULL}, {"--trust-proxy ::1", NULL},
		{"--listen 1", "listen"}, {"--admin 1", "admin"}, {"--store x", "store"},
		{"--sync none", "sync"}, {"--memory 1M", "memory"}, {"--key-age 1h", "key-age"},
		{"--threads 9", "threads"}, {"--pin", "pin"}, {"--stdin t", "stdin"},
		{"--heartbeat 1s", "heartbeat"}, {"--presence a", "presence"},
		{"--presence-grace 1s", "presence-grace"},
		{"--access-log x", "access-log"}, {"--access-log-format json", "access-log-format"},
		{"--max-connections 3", "max-connections"}, {"--max-per-address 3", "max-per-address"},
		{"--max-head 2K", "max-head"}, {"--max-fields 9", "max-fields"},
		{"--max-message 1K", "max-message"}, {"--max-output 64K", "max-output"},
		{"--max-pipelined 3", "max-pipelined"}, {"--head-timeout 1s", "head-timeout"},
		{"--body-timeout 1s", "body-timeout"}, {"--idle-timeout 1s", "idle-timeout"},
		{"--max-topics 9", "max-topics"}, {"--max-gather 9", "max-gather"},
		{"--max-members 9", "max-members"}, {"--max-keys 9", "max-keys"},
	};
	struct config *running = good("--threads 1"), *wanted;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char line[256];
		const char *name;

		snprintf(line, sizeof(line), "--threads 1 %s", cases[i].line);
		wanted = good(line);
		name = config_unchangeable(running, wanted);
		ok(name == cases[i].name || (name != NULL && cases[i].name != NULL &&
			strcmp(name, cases[i].name) == 0), "\"%s\" %s", cases[i].line,
			cases[i].name != NULL ? "cannot change while running" : "can change");
		config_free(wanted);
	}
	config_free(running);
}

static void test_replaced(void)
{
	struct config *first = good("--threads 1"), *second = good("--threads 2");

	second->replaced = first;
	config_free(second);	/* a leak would be reported by the sanitizer */
	ok(true, "a configuration takes those it replaced with it");
}

int main(void)
{
	int fd = mkstemp(path);

	if (fd < 0)
		return 1;
	close(fd);
	test_defaults();
	test_values();
	test_levels();
	test_wrong();
	test_precedence();
	test_file_errors();
	test_unchangeable();
	test_replaced();
	unlink(path);
	return tap_done();
}
