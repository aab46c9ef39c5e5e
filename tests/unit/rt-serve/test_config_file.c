/* SPDX-License-Identifier: MIT */
#include "config_file.h"

#include <stdlib.h>
#include <unistd.h>

#include "tests/unit/tap.h"

/* A tool of its own, so that only the file's form is looked at. */
struct seen {
	char all[1024];
};

static const char *see(void *config, const char *name, const char *arg)
{
	struct seen *s = config;

	strcat(s->all, name);
	strcat(s->all, "=");
	strcat(s->all, arg != NULL ? arg : "(flag)");
	strcat(s->all, ";");
	return arg != NULL && strcmp(arg, "bad") == 0 ? "must not be bad" : NULL;
}

static const char *set_name(void *c, const char *arg) { return see(c, "name", arg); }
static const char *set_flag(void *c, const char *arg) { return see(c, "flag", arg); }
static const char *set_config(void *c, const char *arg) { return see(c, "config", arg); }

static const struct opt options[] = {
	{"name", 'n', "TEXT", "a name", set_name, 0},
	{"flag", 0, NULL, "a flag", set_flag, 0},
	{"config", 'c', "FILE", "a file", set_config, 0},
	{NULL, 0, NULL, NULL, NULL, 0},
};

static const struct opt_tool tool = {.name = "tool", .opts = options};
static char path[] = "/tmp/rt-test-config.XXXXXX";

static void write_file(const char *text, size_t n)
{
	FILE *f = fopen(path, "w");

	fwrite(text, 1, n, f);
	fclose(f);
}

/** What (text) sets, or if it is wrong, what is said behind the path. */
static void file(const char *text, const char *want, const char *what)
{
	struct seen seen = {""};
	struct buf why;
	int r;

	write_file(text, strlen(text));
	buf_init(&why, 4096);
	r = config_file_read(path, &tool, &seen, &why);
	if (r == 0)
		eq_str(seen.all, want, what);
	else if (ok(why.len > strlen(path) && memcmp(why.p, path, strlen(path)) == 0, "names the file"))
		eq_str(buf_cstr(&why) + strlen(path), want, what);
	buf_fini(&why);
}

static void test_form(void)
{
	file("", "", "an empty file");
	file("name value\n", "name=value;", "a name and a value");
	file("name = value\n", "name=value;", "with =");
	file("name=value", "name=value;", "without blanks, and without a last line end");
	file("  name\tvalue  \r\n", "name=value;", "white space around, CRLF");
	file("name two words\n", "name=two words;", "a value with a blank");
	file("name a=b\n", "name=a=b;", "a value with =");
	file("name a#b\n", "name=a#b;", "# within a value");
	file("# name x\n\n   # name y\nname z # and why\nflag # on\n", "name=z;flag=(flag);", "comments");
	file("name a\nname b\n", "name=a;name=b;", "in order, repeated");
}

static void test_mistakes(void)
{
	file("name a\nnmae b\n", ":2: no such option: nmae (they are the long ones of rt-serve -h)",
		"an unknown name, with its line");
	file("-n x\n", ":1: no such option: -n (they are the long ones of rt-serve -h)", "a short one");
	file("name\n", ":1: name needs a value", "no value");
	file("name =  \n", ":1: name needs a value", "an empty one");
	file("flag yes\n", ":1: flag takes no value", "a value for a flag");
	file("config other\n", ":1: config belongs on the command line", "no file within a file");
	file("\n\nname bad\n", ":3: name bad must not be bad", "what the option itself says, said once");
}

static void test_unreadable(void)
{
	struct seen seen = {""};
	struct buf why;

	buf_init(&why, 4096);
	eq_num(config_file_read("/nonexistent/rt.conf", &tool, &seen, &why), -1, "a file that is not there");
	eq_str(buf_cstr(&why), "/nonexistent/rt.conf: No such file or directory", "says so");
	buf_reset(&why);
	eq_num(config_file_read("/tmp", &tool, &seen, &why), -1, "a folder");
	eq_str(buf_cstr(&why), "/tmp: Is a directory", "says so");
	buf_fini(&why);
}

int main(void)
{
	int fd = mkstemp(path);

	if (fd < 0)
		return 1;
	close(fd);
	test_form();
	test_mistakes();
	test_unreadable();
	unlink(path);
	return tap_done();
}
