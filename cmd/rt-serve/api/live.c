/* SPDX-License-Identifier: MIT */
#include "api/live.h"

static void link_first(struct live **list, struct live *v)
{
	v->next = *list;
	v->prev = list;
	if (v->next != NULL)
		v->next->prev = &v->next;
	*list = v;
}

void live_add(struct api *a, struct live *v, const struct live_ops *ops)
{
	v->ops = ops;
	link_first(&a->live, v);
}

void live_leave(struct api *a, struct live *v)
{
	live_remove(v);
	link_first(&a->leaving, v);
}

void live_remove(struct live *v)
{
	if (!live_is_open(v))
		return;
	*v->prev = v->next;
	if (v->next != NULL)
		v->next->prev = v->prev;
	v->next = NULL;
	v->prev = NULL;
}
