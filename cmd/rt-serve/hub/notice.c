/* SPDX-License-Identifier: MIT */
/* Gaps that the hub announces itself: another store's cursor, and what --slow newest skips. */
#include <stdlib.h>

#include "hub/hub_internal.h"

void hub_notice_free(struct notice *n)
{
	if (n == NULL)
		return;
	free(n->after);
	free(n->until);
	free(n);
}

struct notice *hub_notice_new(const char *reason, struct str after)
{
	struct notice *n = calloc(1, sizeof(*n));

	if (n == NULL)
		return NULL;
	n->reason = reason;
	if (after.p != NULL && (n->after = hub_dup(after)) == NULL) {
		free(n);
		return NULL;
	}
	return n;
}

bool hub_announce(struct hub *h, struct subscription *sub)
{
	struct notice *n = sub->behind->notice;

	for (; n != NULL && n->next < sub->group->filters->n; n->next++) {
		struct gap g = {sub->group->filters->items[n->next], str_of(n->after), str_of(n->until),
			n->reason};

		if (!sub->ops->gap(sub, &g))
			return false;
		h->stats.gaps++;
	}
	sub->behind->notice = NULL;
	if (sub->past->notice == NULL)
		sub->past->notice = n;
	else
		hub_notice_free(n);
	return true;
}
