/* SPDX-License-Identifier: MIT */
#include "config_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *trim(char *s)
{
	size_t n;

	s += strspn(s, " \t");
	n = strlen(s);
	while (n > 0 && strchr(" \t\r\n", s[n - 1]) != NULL)
		s[--n] = '\0';
	return s;
}

static void cut_comment(char *s)
{
	for (char *at = s; (at = strchr(at, '#')) != NULL; at++) {
		if (at == s || at[-1] == ' ' || at[-1] == '\t') {
			*at = '\0';
			return;
		}
	}
}

/** Apply one line. NULL, or what is wrong with it. */
static const char *apply(char *line, const struct opt_tool *tool, void *config)
{
	static _Thread_local char why[512];
	const struct opt *o;
	char *name, *value;

	cut_comment(line);
	name = trim(line);
	if (*name == '\0')
		return NULL;
	value = name + strcspn(name, " \t=");
	if (*value != '\0') {
		*value++ = '\0';
		value += strspn(value, " \t=");
	}
	o = opt_find(tool, name);
	if (o == NULL) {
		snprintf(why, sizeof(why),
			"no such option: %.200s (they are the long ones of rt-serve -h)", name);
		return why;
	}
	if (strcmp(name, "config") == 0 || strcmp(name, "check") == 0) {
		snprintf(why, sizeof(why), "%s belongs on the command line", name);
		return why;
	}
	if (o->arg == NULL && *value != '\0') {
		snprintf(why, sizeof(why), "%s takes no value", name);
		return why;
	}
	if (o->arg != NULL && *value == '\0') {
		snprintf(why, sizeof(why), "%s needs a value", name);
		return why;
	}
	return opt_set(tool, name, o->arg != NULL ? value : NULL, config);
}

int config_file_read(const char *path, const struct opt_tool *tool, void *config, struct buf *why)
{
	FILE *f = fopen(path, "re");
	const char *wrong = NULL;
	char *line = NULL;
	size_t cap = 0;
	unsigned number = 0;

	if (f == NULL) {
		buf_addf(why, "%s: %s", path, strerror(errno));
		return -1;
	}
	while (wrong == NULL && getline(&line, &cap, f) >= 0) {
		number++;
		wrong = apply(line, tool, config);
	}
	if (wrong != NULL)
		buf_addf(why, "%s:%u: %s", path, number, wrong);
	else if (ferror(f)) {
		buf_addf(why, "%s: %s", path, strerror(errno));
		wrong = "";
	}
	free(line);
	fclose(f);
	return wrong != NULL ? -1 : 0;
}
