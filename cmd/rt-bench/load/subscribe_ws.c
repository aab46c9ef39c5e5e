/* SPDX-License-Identifier: MIT */
#include "load/record.h"
#include "load/request.h"
#include "load/subscriber.h"
#include "load/worker.h"
#include "wire/frame.h"
#include "wire/upgrade.h"

/* A WebSocket: a message is an event. */

static void ask(struct subscriber *s)
{
	static const struct request r = {.upgrade = true};

	request_send(s, &r);
}

static void on_head(struct subscriber *s, struct str head, uint64_t now)
{
	const struct bench *b = s->conn.w->b;
	struct str cursor = answer_field(head, "Last-Event-ID");

	if (s->conn.answer.status != 101) {
		subscriber_malformed(s, "the server does not speak WebSocket there");
		return;
	}
	if (!upgrade_accepted(&b->key, head)) {
		subscriber_malformed(s, "the server's consent to WebSocket is wrong");
		return;
	}
	if (b->sub_is_rt && cursor.p != NULL)
		s->conn.w->cursor = cursor;
	subscriber_ready(s, now);
}

/* Behind the head of another status; on_head has complained. */
static size_t on_data(struct subscriber *s, struct str data, uint64_t now)
{
	(void)s;
	(void)now;
	return data.n;
}

static void on_message(struct subscriber *s, unsigned opcode, struct str data, uint64_t now)
{
	if (opcode != FRAME_TEXT)
		record_spoilt(s);
	record_take(s, data, NULL, now);
}

const struct subscribe_ops subscribe_ws = {
	.ask = ask, .head = on_head, .data = on_data, .message = on_message,
};
