/* SPDX-License-Identifier: MIT */
#include "api/api.h"

void live_add(struct api *a, struct live *v)
{
	v->next = a->live;
	v->prev = &a->live;
	if (v->next != NULL)
		v->next->prev = &v->next;
	a->live = v;
}

void live_remove(struct live *v)
{
	if (v->prev == NULL)
		return;
	*v->prev = v->next;
	if (v->next != NULL)
		v->next->prev = v->prev;
	v->next = NULL;
	v->prev = NULL;
}
