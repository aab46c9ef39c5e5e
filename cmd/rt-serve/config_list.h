/* SPDX-License-Identifier: MIT */
#ifndef RT_CONFIG_LIST_H
#define RT_CONFIG_LIST_H

/*
 * The texts of an option that may be given again. A later source, as the command line after the file,
 * starts the list anew. All zeros: an empty list.
 */
#include <stdbool.h>

struct config_list {
	char **items;		/* owned */
	unsigned n;
	unsigned source;	/* where the items came from: see struct config */
};

/** Add a copy of (arg), which comes from (source). NULL, or what went wrong, static. */
const char *config_list_add(struct config_list *l, unsigned source, const char *arg);

/** Free the items. */
void config_list_clear(struct config_list *l);

/** Do they differ in an item, or in their order? */
bool config_list_differs(const struct config_list *a, const struct config_list *b);

#endif
