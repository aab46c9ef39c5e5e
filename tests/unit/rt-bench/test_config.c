/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "tests/unit/tap.h"

static void mixes(const char *text, uint64_t subscribers, const uint64_t want[TRANSPORTS])
{
	uint64_t mix[TRANSPORTS];
	const char *wrong = config_mix(mix, subscribers, text);

	ok(wrong == NULL && memcmp(mix, want, sizeof(mix)) == 0, "%s of %u", text, (unsigned)subscribers);
}

/* However they are weighed, none is left out and none is too many. */
static void adds_up(void)
{
	static const char *const texts[] = {"sse,ws,ndjson,longpoll,poll", "sse:1,ws:999999",
		"poll:7,sse:3,ws:5", "ws:1000000,sse:1"};
	uint64_t mix[TRANSPORTS], wrong = 0;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		for (uint64_t n = 0; n < 1000000; n = n * 2 + 1) {
			uint64_t sum = 0;

			config_mix(mix, n, texts[i]);
			for (unsigned t = 0; t < TRANSPORTS; t++)
				sum += mix[t];
			wrong += sum != n;
		}
	ok(wrong == 0, "a mix adds up");
}

int main(void)
{
	static const char *const wrong[] = {"", "tcp", "sse,", ",sse", "sse:", "sse:0", "sse:-1",
		"sse:1x", "sse:1000001", "sse ws", "SSE", "sse:1:2"};
	uint64_t mix[TRANSPORTS];

	mixes("ws", 10, (const uint64_t[TRANSPORTS]){[TRANSPORT_WS] = 10});
	mixes("sse:50,ws:40,longpoll:10", 1000,
		(const uint64_t[TRANSPORTS]){[TRANSPORT_SSE] = 500, [TRANSPORT_WS] = 400,
			[TRANSPORT_LONGPOLL] = 100});
	mixes("sse,ws", 3, (const uint64_t[TRANSPORTS]){[TRANSPORT_SSE] = 1, [TRANSPORT_WS] = 2});
	mixes("sse:1,sse:1,poll:2", 8,
		(const uint64_t[TRANSPORTS]){[TRANSPORT_SSE] = 4, [TRANSPORT_POLL] = 4});
	mixes("ndjson", 0, (const uint64_t[TRANSPORTS]){0});
	adds_up();
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		ok(config_mix(mix, 10, wrong[i]) != NULL, "'%s' is none", wrong[i]);
	return tap_done();
}
