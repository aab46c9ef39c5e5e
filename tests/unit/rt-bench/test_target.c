/* SPDX-License-Identifier: MIT */
#include "wire/target.h"

#include <arpa/inet.h>

#include "tests/unit/tap.h"

static void good(const char *url, const char *host, const char *path, bool websocket)
{
	struct target t;
	const char *wrong = target_parse(&t, url);

	ok(wrong == NULL && strcmp(t.host, host) == 0 && strcmp(t.path, path) == 0 &&
		t.websocket == websocket, "%s%s%s", url,
		wrong == NULL ? "" : ": ", wrong == NULL ? "" : wrong);
	target_fini(&t);
}

static void bad(const char *url)
{
	struct target t;
	const char *wrong = target_parse(&t, url);

	ok(wrong != NULL, "%s: %s", url, wrong == NULL ? "taken" : wrong);
	target_fini(&t);
}

static void found(void)
{
	struct target t;
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)&t.addr;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&t.addr;

	ok(target_parse(&t, "http://127.0.0.2:81/x") == NULL && target_look_up(&t) == NULL &&
		v4->sin_family == AF_INET && ntohl(v4->sin_addr.s_addr) == 0x7f000002 &&
		ntohs(v4->sin_port) == 81 && t.naddr == sizeof(*v4), "an address of IPv4");
	target_fini(&t);
	ok(target_parse(&t, "ws://[::1]") == NULL && target_look_up(&t) == NULL &&
		v6->sin6_family == AF_INET6 && ntohs(v6->sin6_port) == 80 &&
		IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr), "one of IPv6, with the port of http");
	target_fini(&t);
	ok(target_parse(&t, "http://nobody.invalid") == NULL && target_look_up(&t) != NULL,
		"a host that nobody knows");
	target_fini(&t);
}

int main(void)
{
	static char long_host[400] = "http://";

	good("http://h", "h", "", false);
	good("HTTP://h:8080/a/{topic}?x={n}", "h:8080", "/a/{topic}?x={n}", false);
	good("ws://h:1?x", "h:1", "?x", true);
	good("Ws://[::1]:65535/", "[::1]:65535", "/", true);
	good("http://[::1]", "[::1]", "", false);
	bad("");
	bad("h");
	bad("https://h");
	bad("wss://h");
	bad("http:/h");
	bad("http://");
	bad("http:///x");
	bad("http://:80");
	bad("http://h:");
	bad("http://h:0");
	bad("http://h:65536");
	bad("http://h:8x");
	bad("http://h:-1");
	bad("http://[::1");
	bad("http://[::1]x");
	bad("http://[]:1");
	bad("http://{topic}/");
	bad("http://user@h/");
	memset(long_host + 7, 'a', sizeof(long_host) - 8);
	bad(long_host);
	found();
	return tap_done();
}
