/* SPDX-License-Identifier: MIT */
#include "api/forwarded.h"

#include "tests/unit/api/helper_config.h"
#include "tests/unit/tap.h"

static void pick(const struct config *c, const char *forwarded, const char *usual, const char *want,
	const char *what)
{
	char text[FORWARDED_MAX];
	struct str got = forwarded_pick(c, str_of(forwarded), str_of(usual), text);

	if (want == NULL)
		ok(got.p == NULL, "%s", what);
	else
		eq_bytes(got.p != NULL ? got.p : "", got.n, want, strlen(want), what);
}

static void test_usual(const struct config *c)
{
	pick(c, NULL, NULL, NULL, "nothing told");
	pick(c, NULL, "203.0.113.7", "203.0.113.7", "one address");
	pick(c, NULL, "198.51.100.1, 203.0.113.7", "203.0.113.7", "the right one, the left is hearsay");
	pick(c, NULL, "203.0.113.7, 10.1.2.3", "203.0.113.7", "past a trusted proxy");
	pick(c, NULL, "1.1.1.1,203.0.113.7 ,10.1.2.3, 10.9.9.9", "203.0.113.7", "past two of them");
	pick(c, NULL, "10.1.2.3, 10.9.9.9", "10.1.2.3", "all of them trusted: the first");
	pick(c, NULL, "203.0.113.7:4711", "203.0.113.7", "with a port");
	pick(c, NULL, "2001:db8::7", "2001:db8::7", "IPv6");
	pick(c, NULL, "[2001:db8::7]:4711", "2001:db8::7", "IPv6 with a port");
	pick(c, NULL, "203.0.113.7, fd00::1", "203.0.113.7", "a trusted IPv6 proxy");
	pick(c, NULL, "", NULL, "empty");
	pick(c, NULL, "unknown", NULL, "unknown");
	pick(c, NULL, "203.0.113.7, unknown", NULL, "nothing left of what cannot be believed");
	pick(c, NULL, "203.0.113.7, evil, 10.1.2.3", "10.1.2.3", "as far as it can be believed");
	pick(c, NULL, "203.0.113.7,", NULL, "an empty last element");
	pick(c, NULL, "1.2.3.4.5", NULL, "no address");
	pick(c, NULL, "[2001:db8::7", NULL, "a bracket that is not closed");
	pick(c, NULL, "0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0001", NULL, "too long");
}

static void test_standard(const struct config *c)
{
	pick(c, "for=203.0.113.7", NULL, "203.0.113.7", "Forwarded");
	pick(c, "for=203.0.113.7;proto=https;by=10.1.2.3", NULL, "203.0.113.7", "among other pairs");
	pick(c, "proto=https; FOR=\"203.0.113.7:80\"", NULL, "203.0.113.7", "quoted, in capitals");
	pick(c, "for=\"[2001:db8::7]:4711\"", NULL, "2001:db8::7", "IPv6, quoted");
	pick(c, "for=1.1.1.1, for=203.0.113.7, for=10.1.2.3", NULL, "203.0.113.7", "a chain");
	pick(c, "for=_hidden, for=10.1.2.3", NULL, "10.1.2.3", "an obfuscated one ends the chain");
	pick(c, "for=203.0.113.7", "198.51.100.1", "203.0.113.7", "Forwarded wins");
	pick(c, "proto=https", "198.51.100.1", NULL, "even if it does not tell");
	pick(c, "for=\"1.1.1.1, for=203.0.113.7", NULL, "203.0.113.7", "a quote that a client left open");
}

static void test_trust(const struct config *c)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
	static const struct {
		uint32_t address;
		bool trusted;
	} cases[] = {
		{0x0a000000, true}, {0x0affffff, true}, {0x0b000000, false}, {0x09ffffff, false},
		{0xc0a80080, true}, {0xc0a800ff, true}, {0xc0a8007f, false}, {0xc0000201, true},
		{0xc0000202, false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		v4.sin_addr.s_addr = htonl(cases[i].address);
		ok(config_trusts(c, (struct sockaddr *)&v4) == cases[i].trusted, "%08x is %strusted",
			cases[i].address, cases[i].trusted ? "" : "not ");
		memset(v6.sin6_addr.s6_addr, 0, 10);
		memset(v6.sin6_addr.s6_addr + 10, 0xff, 2);
		memcpy(v6.sin6_addr.s6_addr + 12, &v4.sin_addr, 4);
		ok(config_trusts(c, (struct sockaddr *)&v6) == cases[i].trusted, "the same, mapped to IPv6");
	}
	memset(&v6.sin6_addr, 0, sizeof(v6.sin6_addr));
	v6.sin6_addr.s6_addr[0] = 0xfd;
	ok(config_trusts(c, (struct sockaddr *)&v6), "fd00:: is in fd00::/9");
	v6.sin6_addr.s6_addr[1] = 0x80;
	ok(!config_trusts(c, (struct sockaddr *)&v6), "fd80:: is not");
	v4.sin_family = AF_UNIX;
	ok(!config_trusts(c, (struct sockaddr *)&v4), "a unix socket is not trusted by an address");
}

static void test_trust_unix(void)
{
	struct config *c = configured("--trust-proxy", "unix:", "--trust-proxy", "192.0.2.1", NULL);
	struct sockaddr_in v4 = {.sin_family = AF_UNIX};

	ok(config_trusts(c, (struct sockaddr *)&v4), "a unix socket is, by its own name");
	v4.sin_family = AF_INET;
	ok(!config_trusts(c, (struct sockaddr *)&v4), "which stands for no address");
	v4.sin_addr.s_addr = htonl(0xc0000201);
	ok(config_trusts(c, (struct sockaddr *)&v4), "beside others");
	config_free(c);
}

int main(void)
{
	struct config *c = configured("--trust-proxy", "10.0.0.0/8", "--trust-proxy", "192.168.0.128/25",
		"--trust-proxy", "192.0.2.1", "--trust-proxy", "fd00::/9", NULL);

	test_usual(c);
	test_standard(c);
	test_trust(c);
	test_trust_unix();
	config_free(c);
	return tap_done();
}
