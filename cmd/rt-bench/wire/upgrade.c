/* SPDX-License-Identifier: MIT */
#include "wire/upgrade.h"

#include <stdint.h>
#include <strings.h>

#include "base64.h"
#include "hash.h"
#include "wire/answer.h"

void upgrade_key_init(struct upgrade_key *k)
{
	uint8_t random[16];

	hash_random(random, sizeof(random));
	k->key[base64_encode(k->key, random, sizeof(random))] = '\0';
	wskey_accept(k->accept, k->key);
	k->accept[WSKEY_ACCEPT_LEN] = '\0';
}

bool upgrade_accepted(const struct upgrade_key *k, struct str head)
{
	struct str upgrade = answer_field(head, "Upgrade");

	return str_is(answer_field(head, "Sec-WebSocket-Accept"), k->accept) && upgrade.n == 9 &&
		strncasecmp(upgrade.p, "websocket", 9) == 0;
}
