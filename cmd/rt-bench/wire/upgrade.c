/* SPDX-License-Identifier: MIT */
#include "wire/upgrade.h"

#include <openssl/sha.h>
#include <stdint.h>
#include <stdio.h>
#include <strings.h>

#include "base64.h"
#include "hash.h"
#include "wire/answer.h"

#define GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

void upgrade_key_init(struct upgrade_key *k)
{
	uint8_t random[16], digest[SHA_DIGEST_LENGTH];
	char text[sizeof(k->key) + sizeof(GUID)];
	int n;

	hash_random(random, sizeof(random));
	k->key[base64_encode(k->key, random, sizeof(random))] = '\0';
	n = snprintf(text, sizeof(text), "%s%s", k->key, GUID);
	SHA1((const unsigned char *)text, (size_t)n, digest);
	k->accept[base64_encode(k->accept, digest, sizeof(digest))] = '\0';
}

bool upgrade_accepted(const struct upgrade_key *k, struct str head)
{
	struct str upgrade = answer_field(head, "Upgrade");

	return str_is(answer_field(head, "Sec-WebSocket-Accept"), k->accept) && upgrade.n == 9 &&
		strncasecmp(upgrade.p, "websocket", 9) == 0;
}
