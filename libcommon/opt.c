/* SPDX-License-Identifier: MIT */
#include "opt.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "exitcode.h"
#include "log.h"

const char opt_version[] = RT_VERSION;

#define WIDEST_LEFT 34	/* a longer option pushes its own help aside, not all the others' */
#define NARROWEST 20	/* where there is less room, nothing is broken */

/* What every tool has. (set) is never called: opt_parse acts on the letters itself. */
static const struct opt builtin[] = {
	{.name = "help", .letter = 'h', .help = "show this help"},
	{.name = "version", .letter = 'V', .help = "show the version"},
	{.name = NULL},
};

/* --- the tables --- */

static size_t count(const struct opt *opts)
{
	size_t n = 0;

	while (opts != NULL && opts[n].name != NULL)
		n++;
	return n;
}

static const struct opt *find_in(const struct opt *opts, const char *name)
{
	for (size_t i = 0, n = count(opts); i < n; i++)
		if (strcmp(opts[i].name, name) == 0)
			return &opts[i];
	return NULL;
}

const struct opt *opt_find(const struct opt_tool *t, const char *name)
{
	const struct opt *o = find_in(t->opts, name);

	return o != NULL ? o : find_in(t->common, name);
}

/* --- parsing --- */

/* The tables as getopt_long wants them. */
struct parser {
	size_t n;
	const struct opt **by_index;
	struct option *longs;	/* val = FIRST_LONG + index */
	char *shorts;
};

enum { FIRST_LONG = 256 };

static void add_option(struct parser *p, const struct opt *o)
{
	char *end = p->shorts + strlen(p->shorts);

	p->by_index[p->n] = o;
	p->longs[p->n] = (struct option){
		.name = o->name,
		.has_arg = o->arg != NULL ? required_argument : no_argument,
		.val = FIRST_LONG + (int)p->n,
	};
	p->n++;
	if (o->letter == 0)
		return;
	*end++ = o->letter;
	if (o->arg != NULL)
		*end++ = ':';
	*end = '\0';
}

static void add_table(struct parser *p, const struct opt *opts)
{
	for (size_t i = 0, n = count(opts); i < n; i++)
		add_option(p, &opts[i]);
}

static void parser_fini(struct parser *p)
{
	free(p->by_index);
	free(p->longs);
	free(p->shorts);
}

/* 0, or -1 without memory: then there is nothing to free. */
static int parser_init(struct parser *p, const struct opt_tool *t)
{
	size_t most = count(t->opts) + count(t->common) + count(builtin);

	*p = (struct parser){0};
	p->by_index = calloc(most, sizeof(*p->by_index));
	p->longs = calloc(most + 1, sizeof(*p->longs));
	p->shorts = calloc(2 * most + 2, 1);
	if (p->by_index == NULL || p->longs == NULL || p->shorts == NULL) {
		parser_fini(p);
		return -1;
	}
	p->shorts[0] = ':';	/* tell a missing argument from an unknown option */
	add_table(p, t->opts);
	add_table(p, t->common);
	add_table(p, builtin);
	opterr = 0;
	optind = 0;	/* glibc: begin anew, even if something was parsed before */
	return 0;
}

/* The entry that getopt_long means by (val), or NULL. */
static const struct opt *entry(const struct parser *p, int val)
{
	if (val >= FIRST_LONG && (size_t)(val - FIRST_LONG) < p->n)
		return p->by_index[val - FIRST_LONG];
	for (size_t i = 0; val > 0 && i < p->n; i++)
		if (p->by_index[i]->letter == val)
			return p->by_index[i];
	return NULL;
}

/* Is (text) the beginning of more than one long name? Then getopt_long refuses to choose. */
static bool is_ambiguous(const struct parser *p, const char *text, size_t n)
{
	unsigned matches = 0;

	for (size_t i = 0; i < p->n; i++)
		matches += strncmp(p->by_index[i]->name, text, n) == 0;
	return matches > 1;
}

_Noreturn void opt_usage(const char *tool, const char *text)
{
	log_init(tool, LOG_ERROR);
	log_error("%s; try %s -h", text, tool);
	exit(EXIT_USAGE);
}

/* Say what getopt_long stumbled over, (c) being what it returned, and end. */
static _Noreturn void refuse(const struct parser *p, const struct opt_tool *t, int c, const char *word)
{
	const struct opt *o = entry(p, optopt);

	log_init(t->name, LOG_ERROR);
	if (c == ':')
		log_error("--%s needs an argument, %s; try %s -h", o->name, o->arg, t->name);
	else if (optopt >= FIRST_LONG)
		log_error("--%s takes no argument; try %s -h", o->name, t->name);
	else if (optopt != 0)
		log_error("unknown option -%c; try %s -h", optopt, t->name);
	else
		log_error("%s option %.*s; try %s -h",
			is_ambiguous(p, word + 2, strcspn(word + 2, "=")) ? "ambiguous" : "unknown",
			(int)strcspn(word, "="), word, t->name);
	exit(EXIT_USAGE);
}

static _Noreturn void finish_stdout(const struct opt_tool *t)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		exit(EXIT_DONE);
	log_init(t->name, LOG_ERROR);
	log_error("cannot write to stdout: %m");
	exit(EXIT_RESOURCES);
}

static void print_help(const struct opt_tool *t);

static void apply(const struct opt_tool *t, const struct opt *o, const char *arg, void *config)
{
	const char *wrong;

	if (o == &builtin[0]) {
		print_help(t);
		finish_stdout(t);
	}
	if (o == &builtin[1]) {
		printf("%s %s\n", t->name, opt_version);
		finish_stdout(t);
	}
	wrong = o->set(config, arg);
	if (wrong == NULL)
		return;
	log_init(t->name, LOG_ERROR);
	log_error("--%s%s%s %s", o->name, arg != NULL ? " " : "", arg != NULL ? arg : "", wrong);
	exit(EXIT_USAGE);
}

static int next_option(const struct parser *p, int argc, char **argv)
{
	return getopt_long(argc, argv, p->shorts, p->longs, NULL);
}

int opt_parse(const struct opt_tool *t, int argc, char **argv, void *config)
{
	const struct opt *o;
	struct parser p;
	int c;

	if (parser_init(&p, t) != 0) {
		log_init(t->name, LOG_ERROR);
		log_error("out of memory");
		exit(EXIT_RESOURCES);
	}
	while ((c = next_option(&p, argc, argv)) != -1) {
		o = c == '?' || c == ':' ? NULL : entry(&p, c);
		if (o == NULL)
			refuse(&p, t, c, argv[optind - 1]);
		apply(t, o, o->arg != NULL ? optarg : NULL, config);
	}
	parser_fini(&p);
	return optind;
}

int opt_parse_again(const struct opt_tool *t, int argc, char **argv, void *config, struct buf *why)
{
	const char *wrong = NULL;
	const struct opt *o;
	struct parser p;
	int c;

	if (parser_init(&p, t) != 0) {
		buf_adds(why, "out of memory");
		return -1;
	}
	while (wrong == NULL && (c = next_option(&p, argc, argv)) != -1) {
		o = c == '?' || c == ':' ? NULL : entry(&p, c);
		wrong = o == NULL || o->set == NULL ? "is new on the command line" :
			o->set(config, o->arg != NULL ? optarg : NULL);
		if (wrong != NULL)
			buf_addf(why, "%s%s %s", o != NULL ? "--" : "",
				o != NULL ? o->name : argv[optind - 1], wrong);
	}
	parser_fini(&p);
	return wrong == NULL ? 0 : -1;
}

const char *opt_set(const struct opt_tool *t, const char *name, const char *arg, void *config)
{
	static _Thread_local char text[512];
	const struct opt *o = opt_find(t, name);
	const char *wrong;

	if (o == NULL) {
		snprintf(text, sizeof(text), "unknown option %.200s; try %s -h", name, t->name);
		return text;
	}
	if (o->arg != NULL && arg == NULL) {
		snprintf(text, sizeof(text), "%s needs an argument, %s", o->name, o->arg);
		return text;
	}
	if (o->arg == NULL && arg != NULL) {
		snprintf(text, sizeof(text), "%s takes no argument", o->name);
		return text;
	}
	wrong = o->set(config, arg);
	if (wrong == NULL)
		return NULL;
	snprintf(text, sizeof(text), "%s%s%.200s %s", o->name, arg != NULL ? " " : "",
		arg != NULL ? arg : "", wrong);
	return text;
}

/* --- help --- */

/* "-s, --server URL" into (dst); returns its width. */
static int left_side(char *dst, size_t cap, const struct opt *o)
{
	char letter[] = "-x, ";

	letter[1] = o->letter;
	return snprintf(dst, cap, "%s--%s%s%s", o->letter != 0 ? letter : "    ", o->name,
		o->arg != NULL ? " " : "", o->arg != NULL ? o->arg : "");
}

static int widest(const struct opt *opts, int width)
{
	char left[128];

	for (size_t i = 0, n = count(opts); i < n; i++) {
		int w = opts[i].help != NULL ? left_side(left, sizeof(left), &opts[i]) : 0;

		if (w > width && w <= WIDEST_LEFT)
			width = w;
	}
	return width;
}

/* Of the terminal that -h goes to; 0: it goes elsewhere, where lines stay whole. */
static int columns(void)
{
	struct winsize w;

	return ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 ? w.ws_col : 0;
}

/* (n) bytes of ASCII and a line feed, from column (at) on: broken at blanks where (end) would be passed. */
static void print_wrapped(const char *text, size_t n, int at, int end)
{
	size_t room = end - at >= NARROWEST ? (size_t)(end - at) : n;

	while (n > room) {
		size_t cut = room;

		while (cut > 0 && text[cut] != ' ')
			cut--;
		if (cut == 0)	/* a word that is longer: whole, too */
			cut = strcspn(text, " ");
		if (cut >= n)
			break;
		printf("%.*s\n%*s", (int)cut, text, at, "");
		text += cut + 1;
		n -= cut + 1;
	}
	printf("%.*s\n", (int)n, text);
}

/* The same for each line of (text), but for those that are set in, which are to be typed. */
static void print_lines(const char *text, int end)
{
	while (*text != '\0') {
		size_t n = strcspn(text, "\n");

		print_wrapped(text, n, 0, text[0] == ' ' ? 0 : end);
		text += n + (text[n] == '\n');
	}
}

static void print_table(const struct opt *opts, int width, int end)
{
	char left[128];

	for (size_t i = 0, n = count(opts); i < n; i++) {
		if (opts[i].help == NULL)
			continue;
		int w = left_side(left, sizeof(left), &opts[i]);

		printf("  %-*s  ", width, left);
		print_wrapped(opts[i].help, strlen(opts[i].help), (w > width ? w : width) + 4, end);
	}
}

/* The first line after "usage: ", the others below it. */
static void print_usage(const char *usage)
{
	const char *before = "usage: ";
	size_t n;

	while (*usage != '\0') {
		usage += strspn(usage, " \t");
		n = strcspn(usage, "\n");
		printf("%s%.*s\n", before, (int)n, usage);
		before = "       ";
		usage += n + (usage[n] == '\n');
	}
}

static void print_help(const struct opt_tool *t)
{
	int width = widest(builtin, widest(t->common, widest(t->opts, 0)));
	int end = columns();

	print_usage(t->usage);
	if (t->summary != NULL) {
		putchar('\n');
		print_lines(t->summary, end);
	}
	printf("\nOptions:\n");
	print_table(t->opts, width, end);
	if (count(t->common) > 0) {
		printf("\nCommon options:\n");
		print_table(t->common, width, end);
	}
	print_table(builtin, width, end);
	if (t->footer != NULL) {
		putchar('\n');
		print_lines(t->footer, end);
	}
}
