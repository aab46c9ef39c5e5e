/* SPDX-License-Identifier: MIT */
#include "load/lines.h"
#include "load/request.h"
#include "load/subscriber.h"
#include "load/worker.h"

/* Endless NDJSON: a line is an event, an empty one a heartbeat. */

static void ask(struct subscriber *s)
{
	static const struct request r = {.accept = "application/x-ndjson", .query = "follow"};

	request_send(s, &r);
}

static void on_head(struct subscriber *s, struct str head, uint64_t now)
{
	struct str cursor = answer_field(head, "Last-Event-ID");

	if (cursor.p != NULL)
		s->conn.w->cursor = cursor;
	else if (s->conn.w->b->sub_is_rt) {
		subscriber_malformed(s, "the answer does not name its starting cursor: is it an rt-serve?");
		return;
	}
	subscriber_ready(s, now);
}

const struct subscribe_ops subscribe_ndjson = {.ask = ask, .head = on_head, .data = lines_take};
