/* SPDX-License-Identifier: MIT */
#include "wskey.h"

#include "tests/unit/tap.h"

int main(void)
{
	char accept[WSKEY_ACCEPT_LEN];

	wskey_accept(accept, "dGhlIHNhbXBsZSBub25jZQ==");
	eq_bytes(accept, sizeof(accept), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", WSKEY_ACCEPT_LEN,
		"the example of RFC 6455, section 1.3");
	return tap_done();
}
