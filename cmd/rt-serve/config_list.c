/* SPDX-License-Identifier: MIT */
#include "config_list.h"

#include <stdlib.h>
#include <string.h>

void config_list_clear(struct config_list *l)
{
	for (unsigned i = 0; i < l->n; i++)
		free(l->items[i]);
	free(l->items);
	l->items = NULL;
	l->n = 0;
}

const char *config_list_add(struct config_list *l, unsigned source, const char *arg)
{
	char **items;

	if (l->source != source) {
		config_list_clear(l);
		l->source = source;
	}
	items = realloc(l->items, (l->n + 1) * sizeof(*items));
	if (items == NULL)
		return "out of memory";
	l->items = items;
	if ((items[l->n] = strdup(arg)) == NULL)
		return "out of memory";
	l->n++;
	return NULL;
}

bool config_list_differs(const struct config_list *a, const struct config_list *b)
{
	if (a->n != b->n)
		return true;
	for (unsigned i = 0; i < a->n; i++) {
		if (strcmp(a->items[i], b->items[i]) != 0)
			return true;
	}
	return false;
}
