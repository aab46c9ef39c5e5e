/* SPDX-License-Identifier: MIT */
#include <arpa/inet.h>
#include <stdlib.h>

#include "net/proxy.h"
#include "tests/unit/tap.h"

/* From memory of the exact size, so that a sanitizer sees every read too far. */
static ssize_t parse(const void *p, size_t n, struct proxy_header *h)
{
	uint8_t *copy = malloc(n == 0 ? 1 : n);
	ssize_t r;

	memcpy(copy, p, n);
	r = proxy_parse(copy, n, h);
	free(copy);
	return r;
}

static void good(const void *p, size_t n, uint8_t family, const char *address, unsigned port,
	const char *what)
{
	char text[INET6_ADDRSTRLEN] = "";
	struct proxy_header h;
	bool partial = true;

	for (size_t i = 0; i < n; i++)
		partial = partial && parse(p, i, &h) == 0;
	ok(partial, "%s: cut anywhere, more is needed", what);
	eq_num(parse(p, n, &h), n, what);
	eq_num(h.family, family, "its family");
	if (family != 0)
		inet_ntop(family, h.addr, text, sizeof(text));
	eq_str(text, address, "its address");
	eq_num(h.port, port, "its port");
}

static void bad(const void *p, size_t n, const char *what)
{
	struct proxy_header h;

	eq_num(parse(p, n, &h), -1, what);
}

#define BAD(s) bad(s, sizeof(s) - 1, "refused: " s)

int main(void)
{
	static const char v1[] = "PROXY TCP4 192.0.2.7 198.51.100.1 56324 443\r\n";
	static const char v1_6[] = "PROXY TCP6 2001:db8::7 2001:db8::1 56324 443\r\n";
	static const char unknown[] = "PROXY UNKNOWN ffff:f 1 2 3\r\n";
	static const uint8_t v2[] =
		"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0f\xc0\0\2\7\xc6\x33\x64\1\xdc\4\1\xbb\3\0\0";
	static const uint8_t v2_6[] =
		"\r\n\r\n\0\r\nQUIT\n\x21\x21\0\x24\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\7"
		"\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1\xdc\4\1\xbb";
	static const uint8_t local[] = "\r\n\r\n\0\r\nQUIT\n\x20\0\0\0";
	static const uint8_t unix_v2[] = "\r\n\r\n\0\r\nQUIT\n\x21\x31\0\2ab";
	static const uint8_t version3[] = "\r\n\r\n\0\r\nQUIT\n\x31\x11\0\x0c";
	static const uint8_t command2[] = "\r\n\r\n\0\r\nQUIT\n\x22\x11\0\x0c";
	static const uint8_t too_long[] = "\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff";
	static const uint8_t too_short[] = "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\2ab";
	char endless[200];

	good(v1, sizeof(v1) - 1, AF_INET, "192.0.2.7", 56324, "version 1, IPv4");
	good(v1_6, sizeof(v1_6) - 1, AF_INET6, "2001:db8::7", 56324, "version 1, IPv6");
	good(unknown, sizeof(unknown) - 1, 0, "", 0, "version 1, unknown");
	good(v2, sizeof(v2) - 1, AF_INET, "192.0.2.7", 56324, "version 2, IPv4 and an addition");
	good(v2_6, sizeof(v2_6) - 1, AF_INET6, "2001:db8::7", 56324, "version 2, IPv6");
	good(local, sizeof(local) - 1, 0, "", 0, "version 2, the balancer itself");
	good(unix_v2, sizeof(unix_v2) - 1, 0, "", 0, "version 2, a unix socket");
	BAD("GET / HTTP/1.1\r\n");
	BAD("PROXY TCP4 192.0.2.7 198.51.100.1 56324 443 x\r\n");
	BAD("PROXY TCP4 192.0.2.7 198.51.100.1 56324\r\n");
	BAD("PROXY TCP4 192.0.2.7 198.51.100.1 65536 443\r\n");
	BAD("PROXY TCP4 192.0.2.777 198.51.100.1 1 443\r\n");
	BAD("PROXY TCP4 ::1 ::1 1 443\r\n");
	BAD("PROXY TCP5 192.0.2.7 198.51.100.1 1 443\r\n");
	BAD("PROXY TCP4  192.0.2.7 198.51.100.1 1 443\r\n");
	BAD("PROXY TCP4 192.0.2.7 198.51.100.1 1 443\rx");
	BAD("PROXY\r\n");
	memset(endless, 'x', sizeof(endless));
	memcpy(endless, "PROXY UNKNOWN ", 14);
	bad(endless, sizeof(endless), "refused: a line without end");
	bad(version3, sizeof(version3) - 1, "refused: version 3");
	bad(command2, sizeof(command2) - 1, "refused: an unknown command");
	bad(too_long, sizeof(too_long) - 1, "refused: a header over the limit");
	bad(too_short, sizeof(too_short) - 1, "refused: addresses cut short");
	return tap_done();
}
