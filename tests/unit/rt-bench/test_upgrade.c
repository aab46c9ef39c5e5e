/* SPDX-License-Identifier: MIT */
#include "wire/upgrade.h"

#include <stdio.h>

#include "tests/unit/tap.h"

static bool accepted(const struct upgrade_key *k, const char *head)
{
	return upgrade_accepted(k, str_of(head));
}

int main(void)
{
	/* The example of RFC 6455, section 1.3. */
	struct upgrade_key k = {
		.key = "dGhlIHNhbXBsZSBub25jZQ==", .accept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="}, other;
	char want[WSKEY_ACCEPT_LEN];

	wskey_accept(want, k.key);
	ok(memcmp(want, k.accept, sizeof(want)) == 0, "what the RFC says");
	ok(accepted(&k, "Upgrade: WebSocket\r\nConnection: Upgrade\r\n"
		"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "an answer is accepted");
	ok(!accepted(&k, "Upgrade: websocket\r\nSec-WebSocket-Accept: S3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
		"but no other");
	ok(!accepted(&k, "Upgrade: websocket"), "nor one without it");
	ok(!accepted(&k, "Upgrade: h2c\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
		"nor to something else");
	ok(!accepted(&k, ""), "nor nothing");
	upgrade_key_init(&k);
	upgrade_key_init(&other);
	ok(strlen(k.key) == 24 && strcmp(k.key + 22, "==") == 0 && strlen(k.accept) == 28,
		"16 bytes, and 20");
	ok(strcmp(k.key, other.key) != 0, "at random");
	wskey_accept(want, k.key);
	ok(memcmp(want, k.accept, sizeof(want)) == 0, "one belongs to the other");
	return tap_done();
}
