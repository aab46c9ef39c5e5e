/* SPDX-License-Identifier: MIT */
#include "api/collect.h"

#include <stddef.h>
#include <stdlib.h>

struct collect {
	struct loop_msg msg;
	struct exchange *x;		/* NULL once the asker has gone */
	struct api *asked;
	const struct collect_ops *ops;
	void *sum;
	unsigned next;			/* loop to be visited */
};

static void on_closed(struct exchange *x, enum conn_end why)
{
	struct collect *c = exchange_user(x);

	(void)why;
	if (c != NULL)
		c->x = NULL;
}

static const struct exchange_ops collect_exchange_ops = {.closed = on_closed};

static void finish(struct collect *c)
{
	if (c->x != NULL) {
		exchange_accept(c->x, &collect_exchange_ops, NULL);
		c->ops->answer(c->x, c->sum);
	}
	c->ops->free(c->sum);
	free(c);
}

/** One message that visits every loop, and comes back last. */
static void visit(struct loop *l, struct loop_msg *m)
{
	struct collect *c = (struct collect *)(void *)((char *)m - offsetof(struct collect, msg));
	const struct api_shared *shared = c->asked->shared;

	if (c->next == shared->napis) {
		finish(c);
		return;
	}
	c->ops->add(loop_user(l), c->sum);
	c->next++;
	loop_post(c->next < shared->napis ? shared->apis[c->next]->loop : c->asked->loop, m);
}

void collect_start(struct exchange *x, const struct collect_ops *ops, void *sum)
{
	struct collect *c = calloc(1, sizeof(*c));

	if (c == NULL) {
		ops->free(sum);
		exchange_abort(x, CONN_NOMEM);
		return;
	}
	*c = (struct collect){.x = x, .asked = api_of(x), .ops = ops, .sum = sum};
	c->msg.run = visit;
	exchange_accept(x, &collect_exchange_ops, c);
	loop_post(c->asked->shared->apis[0]->loop, &c->msg);
}
