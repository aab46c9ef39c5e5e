/* SPDX-License-Identifier: MIT */
/* Node's ws and socket.io, as peers/ws.js and peers/socketio.js speak over them. */
#include <stdio.h>
#include <string.h>

#include "wire/frame.h"
#include "dialect.h"

#define MESSAGE_MAX (16u << 20)

static void text(struct buf *out, const char *s)
{
	dialect_frame(out, FRAME_TEXT, str_of(s));
}

/* A frame, or the head of the answer before the first. */
static ssize_t take_frame(struct talk *t, const char *p, size_t n, struct frame *f, enum heard *heard)
{
	ssize_t len;
	int status;

	*f = (struct frame){.opcode = FRAME_PONG};
	if (t->state != STATE_HEAD)
		return frame_parse(f, p, n, MESSAGE_MAX);
	len = dialect_take_head(p, n, &status);
	if (len > 0) {
		*heard = status == 101 ? HEARD_READY : HEARD_REFUSED;
		t->state = STATE_OPEN;
	}
	return len;
}

/* --- ws: /sub/TOPIC to listen, /pub for frames of "TOPIC PAYLOAD" ------------------------------ */

static void begin_ws(struct talk *t, struct buf *out)
{
	char path[32];

	snprintf(path, sizeof(path), "/sub/t%u", t->topic);
	dialect_ask_upgrade(out, t->publishes ? "/pub" : path);
}

static ssize_t take_ws(struct talk *t, const char *p, size_t n, enum heard *heard, struct str *event,
	struct buf *out)
{
	struct frame f;
	bool opening = t->state == STATE_HEAD;
	ssize_t len = take_frame(t, p, n, &f, heard);

	if (len <= 0 || opening)
		return len;
	if (f.opcode == FRAME_PING)
		dialect_frame(out, FRAME_PONG, f.payload);
	else if (f.opcode == FRAME_PONG)
		*heard = HEARD_SYNCED;
	else if (f.opcode == FRAME_CLOSE)
		*heard = HEARD_REFUSED;
	else
		*heard = HEARD_EVENT;
	*event = f.payload;
	return len;
}

static void publish_ws(struct talk *t, uint32_t topic, struct str payload, struct buf *out)
{
	char head[16], whole[1024];
	int n = snprintf(head, sizeof(head), "t%u ", topic);

	(void)t;
	if (payload.n > sizeof(whole) - (size_t)n)
		return;
	memcpy(whole, head, (size_t)n);
	memcpy(whole + n, payload.p, payload.n);
	dialect_frame(out, FRAME_TEXT, (struct str){whole, (size_t)n + payload.n});
}

static void sync_ws(struct talk *t, struct buf *out)
{
	(void)t;
	dialect_frame(out, FRAME_PING, STR_LIT("s"));
}

const struct dialect dialect_node_ws = {"node-ws", begin_ws, take_ws, publish_ws, sync_ws};

/* --- socket.io: Engine.IO 4 over WebSocket; the event "sub" joins a room, "pub" sends to it ----- */

static void begin_socketio(struct talk *t, struct buf *out)
{
	(void)t;
	dialect_ask_upgrade(out, "/socket.io/?EIO=4&transport=websocket");
}

/* "0{...}" opens Engine.IO, "40{...}" Socket.IO; "430[...]" answers what was sent as "420[...]". */
static enum heard hear_socketio(struct talk *t, struct str s, struct buf *out)
{
	char join[48];

	switch (s.n == 0 ? '\0' : s.p[0]) {
	case '0':
		text(out, "40");
		return HEARD_NOTHING;
	case '2':
		text(out, "3");
		return HEARD_NOTHING;
	case '4':
		break;
	default:
		return HEARD_NOTHING;
	}
	if (s.n > 1 && s.p[1] == '0') {
		t->state = STATE_OWN;
		if (t->publishes)
			return HEARD_READY;
		snprintf(join, sizeof(join), "420[\"sub\",\"t%u\"]", t->topic);
		text(out, join);
		return HEARD_NOTHING;
	}
	if (s.n > 1 && s.p[1] == '3')
		return t->publishes ? HEARD_SYNCED : HEARD_READY;
	return s.n > 1 && s.p[1] == '2' ? HEARD_EVENT : HEARD_REFUSED;
}

static ssize_t take_socketio(struct talk *t, const char *p, size_t n, enum heard *heard, struct str *event,
	struct buf *out)
{
	struct frame f;
	bool opening = t->state == STATE_HEAD;
	ssize_t len = take_frame(t, p, n, &f, heard);

	if (len <= 0)
		return len;
	if (opening) {
		*heard = *heard == HEARD_READY ? HEARD_NOTHING : *heard;
		return len;
	}
	if (f.opcode == FRAME_TEXT)
		*heard = hear_socketio(t, f.payload, out);
	else if (f.opcode == FRAME_CLOSE)
		*heard = HEARD_REFUSED;
	*event = f.payload;
	return len;
}

static void publish_socketio(struct talk *t, uint32_t topic, struct str payload, struct buf *out)
{
	char whole[1024];
	int n = snprintf(whole, sizeof(whole), "42[\"pub\",\"t%u\",%.*s]", topic, (int)payload.n, payload.p);

	(void)t;
	if (n > 0 && (size_t)n < sizeof(whole))
		dialect_frame(out, FRAME_TEXT, (struct str){whole, (size_t)n});
}

static void sync_socketio(struct talk *t, struct buf *out)
{
	(void)t;
	text(out, "420[\"sync\"]");
}

const struct dialect dialect_socketio = {"socketio", begin_socketio, take_socketio,
	publish_socketio, sync_socketio};
