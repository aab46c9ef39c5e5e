/* SPDX-License-Identifier: MIT */
#ifndef RT_UPGRADE_H
#define RT_UPGRADE_H

/*
 * The opening handshake of a WebSocket (RFC 6455, section 4.1). One key serves all connections of a run:
 * it only has to be none that a cache has an answer for.
 */
#include <stdbool.h>

#include "str.h"
#include "wskey.h"

struct upgrade_key {
	char key[WSKEY_LEN + 1], accept[WSKEY_ACCEPT_LEN + 1];
};

/** A random key, and what a server has to make of it. */
void upgrade_key_init(struct upgrade_key *k);

/** Is the head of an answer, with status 101, a server's consent? */
bool upgrade_accepted(const struct upgrade_key *k, struct str head);

#endif
