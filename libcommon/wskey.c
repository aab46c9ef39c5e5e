/* SPDX-License-Identifier: MIT */
#include "wskey.h"

#include <string.h>

#include "base64.h"
#include "hash.h"

void wskey_accept(char dst[WSKEY_ACCEPT_LEN], const char *key)
{
	static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
	unsigned char text[WSKEY_LEN + sizeof(guid) - 1], digest[HASH_SHA1_LEN];

	memcpy(text, key, WSKEY_LEN);
	memcpy(text + WSKEY_LEN, guid, sizeof(guid) - 1);
	hash_sha1(digest, text, sizeof(text));
	base64_encode(dst, digest, sizeof(digest));
}
