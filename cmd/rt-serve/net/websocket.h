/* SPDX-License-Identifier: MIT */
#ifndef RT_WEBSOCKET_H
#define RT_WEBSOCKET_H

/*
 * WebSocket, server side (RFC 6455). Input through wslay, whose context comes from a pool of the
 * loop and goes back whenever no message is incomplete. Output frames are made by whoever sends
 * (fan-out shares them); control frames are made here, never in the middle of another frame.
 */
#include <stdbool.h>
#include <stdint.h>

#include "net/http.h"

struct websocket;
struct ws_reader;

/** Close codes (RFC 6455, 7.4.1, and the registry it founded). */
enum websocket_code {
	WEBSOCKET_NORMAL = 1000,
	WEBSOCKET_GOING_AWAY = 1001,	/* the server goes down */
	WEBSOCKET_PROTOCOL_ERROR = 1002,
	WEBSOCKET_NO_CODE = 1005,	/* never sent: the peer gave none */
	WEBSOCKET_BROKEN_OFF = 1006,	/* never sent: there was no close frame */
	WEBSOCKET_BAD_DATA = 1007,	/* text that is not UTF-8 */
	WEBSOCKET_TOO_BIG = 1009,
	WEBSOCKET_INTERNAL_ERROR = 1011,
	WEBSOCKET_RESTART = 1012,	/* connect again, to be balanced anew */
};

struct websocket_ops {
	/** One whole message; text is valid UTF-8. Dies when this returns. */
	void (*message)(struct websocket *w, bool binary, const uint8_t *p, size_t n);
	/** A pong came, asked for by a ping or not (RFC 6455, 5.5.3). May be NULL. */
	void (*pong)(struct websocket *w, struct str payload);
	/** It is over: close code received or sent. Free the state; (w) is not used any more. */
	void (*closed)(struct websocket *w, unsigned code, enum conn_end why);
	/** See websocket_alarm. May be NULL if that is never called. */
	void (*alarm)(struct websocket *w);
};

/** Embedded in its owner, who knows it by that; all members are websocket.c's. */
struct websocket {
	struct conn *conn;
	const struct websocket_ops *ops;
	struct ws_reader *reader;
	uint8_t *pong;			/* waits for the end of a stall: length, then payload */
	uint32_t close_at_ms;		/* our close frame was queued then; as loop_time */
	uint32_t alarm_ms;		/* as loop_time; if (alarmed) */
	uint16_t code;
	uint8_t pings;			/* queued since the peer was last heard */
	bool close_sent : 1, close_received : 1, paused : 1, alarmed : 1;
};

/**
 * Answer the upgrade of (x) with 101 and (fields); the exchange becomes the WebSocket (w): x's ops
 * get no more calls (closed() included). (protocol): chosen subprotocol or p == NULL. 0; or -1 without
 * memory, and (w) is as it was.
 */
int websocket_accept(struct websocket *w, struct exchange *x, const struct websocket_ops *ops,
	struct str protocol, const struct http_field *fields, unsigned nfields);

struct conn *websocket_conn(const struct websocket *w);

enum {
	WEBSOCKET_TEXT = 1, WEBSOCKET_BINARY = 2,
	WEBSOCKET_CLOSE = 8, WEBSOCKET_PING = 9, WEBSOCKET_PONG = 10,
};
#define WEBSOCKET_HEAD_MAX 10

/** Write the head of an unmasked frame of (n) bytes; returns its length. */
size_t websocket_head(uint8_t dst[WEBSOCKET_HEAD_MAX], unsigned opcode, uint64_t n);

/** Queue a whole frame made by the caller, by reference; as conn_queue. */
bool websocket_queue(struct websocket *w, struct slice s, struct conn_owner *owner);

/** Send a private message, never dropped. 0 or -1. */
int websocket_send(struct websocket *w, unsigned opcode, struct str payload);

/** Call alarm() in (after_ms), unless it was closed by then; as exchange_alarm. */
void websocket_alarm(struct websocket *w, uint64_t after_ms);

/** Stop and go on reading (backpressure). */
void websocket_pause(struct websocket *w, bool pause);

/** Send a close frame, wait for the peer's (5 s), end. */
void websocket_close(struct websocket *w, unsigned code, const char *reason);

#endif
