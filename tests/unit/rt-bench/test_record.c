/* SPDX-License-Identifier: MIT */
#include "load/record.h"

#include <stdlib.h>

#include "helper_bench.h"
#include "helper_exact.h"
#include "load/lines.h"
#include "tests/unit/tap.h"

static struct helper_bench h;

static void begin(const char *sub_url)
{
	helper_bench_config(&h, 1, 1, 1, TRANSPORT_NDJSON);
	h.c.sub_url = sub_url;
	helper_bench_init(&h, 1);
}

static struct subscriber *subscriber(void)
{
	return &h.b.workers[0]->subscribers[0];
}

static struct verdict verdict(void)
{
	struct verdict v = {0};

	ledger_verdict(subscriber()->ledger, NULL, &v);
	return v;
}

static bool clean(void)
{
	struct verdict v = verdict();

	return verdict_clean(&v);
}

/* Event (n) of this run, due at (n) ms, as it is published. */
static size_t put_payload(char *dst, uint64_t n)
{
	return payload_write(dst,
		&(struct payload_head){.run = h.b.run, .n = n, .due_ns = n * 1000000}, STR_NULL, 100);
}

/* The same in its envelope. */
static size_t put_envelope(char *dst, uint64_t n)
{
	int at = sprintf(dst, "{\"id\":\"%llu\",\"topic\":\"rt-bench\",\"seq\":%llu,"
		"\"time\":\"2025-11-24T03:20:00.123Z\",\"data\":",
		1763954400123000ULL + n, (unsigned long long)n);

	at += (int)put_payload(dst + at, n);
	dst[at++] = '}';
	return (size_t)at;
}

static void take(const char *text, size_t n, uint64_t now)
{
	char *copy = exact(text, n);

	record_take(subscriber(), (struct str){copy, n}, NULL, now);
	free(copy);
}

static void envelopes(void)
{
	const struct result_group *g;
	char text[400];
	size_t n;

	begin(NULL);
	g = subscriber_group(subscriber());
	for (uint64_t k = 1; k <= 3; k++)
		take(text, put_envelope(text, k), k * 1000000 + 5000);
	ok(verdict().received == 3 && clean() && g->deliveries == 3, "three events");
	ok(g->measured == 3 && g->latency.min_ns == 5000 && g->latency.max_ns == 5000, "... of 5 us");
	subscriber()->counts_from_ns = 5000000;
	take(text, put_envelope(text, 4), 9000000);
	ok(g->deliveries == 4 && g->measured == 3, "in the warm-up it counts as a delivery only");
	take(text, put_envelope(text, 4), 9000000);
	ok(verdict().doubled == 1 && verdict().received == 4, "one twice");
	take(text, put_envelope(text, 6), 9000000);
	ok(verdict().lost == 1 && h.b.workers[0]->nsuspects == 1, "one is missing");
	take(text, put_envelope(text, 5), 9000000);
	ok(verdict().lost == 0 && verdict().disordered == 1, "it came late");
	n = put_envelope(text, 7);
	text[n - 10] ^= 1;
	take(text, n, 9000000);
	ok(verdict().corrupt == 1, "one was changed");
	take(text, (size_t)sprintf(text, "{\"id\":\"1763954400123008\",\"topic\":\"rt-bench\",\"seq\":8,"
		"\"time\":\"2025-11-24T03:20:00.123Z\",\"data\":1}"), 9000000);
	ok(verdict().corrupt == 1 && g->deliveries == 8, "one of others is not ours");
	helper_bench_fini(&h);
}

/* Around a whole payload, each byte is known but for the id's last digits and the seq. */
static void around(void)
{
	char text[400];
	size_t n;

	begin(NULL);
	n = put_envelope(text, 1);
	text[10] ^= 1;
	take(text, n, 1);
	ok(verdict().corrupt == 0, "an envelope as nobody else's: who knows?");
	take(text, put_envelope(text, 2), 1);
	ok(verdict().corrupt == 1 && verdict().received == 2, "... but the next is as rt(7) says");
	n = put_envelope(text, 3);
	text[n - 1] = ')';
	take(text, n, 1);
	ok(verdict().corrupt == 2, "its end is wrong");
	n = put_envelope(text, 4);
	memcpy(strstr(text, ".123Z"), ".124", 4);
	take(text, n, 1);
	ok(verdict().corrupt == 3, "its time is not its id's");
	take(text, put_envelope(text, 5), 1);
	ok(verdict().corrupt == 3 && verdict().lost == 0 && verdict().disordered == 0 &&
		verdict().received == 5, "the next is as it should be");
	n = put_envelope(text, 6);
	memmove(text + 8, text + 7, n - 7);
	text[7] = '0';
	take(text, n + 1, 1);
	ok(verdict().corrupt == 4, "its id is another text for the same number");
	helper_bench_fini(&h);
}

/* The payload says of which topic it is. */
static void topics(void)
{
	static const char right[] = "rt-bench/0", wrong[] = "rt-bench/1";
	char one[400], text[400];
	int n;

	helper_bench_config(&h, 1, 1, 2, TRANSPORT_NDJSON);
	h.c.topics_each = 2;
	helper_bench_init(&h, 1);
	for (uint64_t k = 1; k <= 3; k++) {
		size_t before = strlen("{\"id\":\"1763954400123001\",\"topic\":\"");
		size_t len = put_envelope(one, k);

		n = snprintf(text, sizeof(text), "%.*s%s%.*s", (int)before, one, k == 2 ? wrong : right,
			(int)(len - before - strlen("rt-bench")), one + before + strlen("rt-bench"));
		take(text, (size_t)n, 1);
		ok(verdict().corrupt == (k >= 2) && verdict().received == k && verdict().disordered == 0,
			k == 2 ? "an envelope of another topic" : "an event of its topic");
	}
	helper_bench_fini(&h);
}

static void gaps(void)
{
	static const char gap[] =
		"{\"gap\":{\"topic\":\"rt-bench\",\"after\":\"1\",\"until\":\"4\",\"reason\":\"retention\"}}";
	char text[400];

	begin(NULL);
	take(text, put_envelope(text, 1), 1);
	take(gap, sizeof(gap) - 1, 1);
	take(text, put_envelope(text, 5), 1);
	ok(verdict().lost == 0 && verdict().announced == 3, "what a gap record announces is not lost");
	helper_bench_fini(&h);
}

/* Records of any kind, cut short at each byte: nothing is read that is not there. */
static void cut(void)
{
	char text[400];
	size_t n;

	begin(NULL);
	n = put_envelope(text, 1) - 1;	/* without its last brace, the payload is there */
	for (size_t k = 0; k < n; k++)
		take(text, k, 1);
	ok(verdict().received == 0, "of half an event nothing counts");
	helper_bench_fini(&h);
	begin("http://127.0.0.1:1/x");
	n = put_payload(text, 1);
	for (size_t k = 0; k < n; k++)
		take(text, k, 1);
	ok(verdict().received == 0, "... of other servers neither");
	helper_bench_fini(&h);
}

/* Others may send several at once, with whatever they like around them. */
static void of_others(void)
{
	char text[1000] = "[\"x\", ";
	size_t n = strlen(text);

	begin("http://127.0.0.1:1/x");
	for (uint64_t k = 1; k <= 4; k++) {
		n += put_payload(text + n, k);
		text[n++] = ',';
	}
	take(text, n, 10000000);
	ok(verdict().received == 4 && subscriber_group(subscriber())->deliveries == 4, "four in one message");
	helper_bench_fini(&h);
}

/* --- lines ----------------------------------------------------------------------------------- */

static void lines(void)
{
	char text[2000] = "\n", *copy;
	size_t n = 1, wrong = 0;

	begin(NULL);
	for (uint64_t k = 1; k <= 5; k++) {
		n += put_envelope(text + n, k);
		text[n++] = '\n';
		if (k == 3)
			text[n++] = '\n';
	}
	copy = exact(text, n);
	ok(lines_take(subscriber(), (struct str){copy, n}, 1) == n && verdict().received == 5,
		"five lines, and empty ones");
	free(copy);
	helper_bench_fini(&h);
	for (size_t at = 0; at <= n; at++) {
		size_t used;

		begin(NULL);
		/* The events are of the run before: their run has to be this one's. */
		n = 1;
		for (uint64_t k = 1; k <= 5; k++) {
			n += put_envelope(text + n, k);
			text[n++] = '\n';
			if (k == 3)
				text[n++] = '\n';
		}
		copy = exact(text, at);
		used = lines_take(subscriber(), (struct str){copy, at}, 1);
		free(copy);
		copy = exact(text + used, n - used);
		wrong += used > at ||
			lines_take(subscriber(), (struct str){copy, n - used}, 1) != n - used ||
			verdict().received != 5 || verdict().lost != 0;
		free(copy);
		helper_bench_fini(&h);
	}
	ok(wrong == 0, "... split anywhere");
}

/* What one has judged, another is given in the same bytes. */
/* (k) comes to the first of two subscribers, alone in its chunk, and may be known from then on. */
static void learn(const char *text, size_t n, uint64_t k)
{
	struct worker *w = h.b.workers[0];

	w->nheard = 0;
	w->sound = false;
	record_take(subscriber(), (struct str){text, n}, NULL, k * 1000000);
	record_learn(w, (struct str){text, n});
}

static struct subscriber *second(void)
{
	return &h.b.workers[0]->subscribers[1];
}

/* Both have had the first event. Returns the length of (text), which is the next one. */
static size_t begin_known(char *text)
{
	size_t n;

	helper_bench_config(&h, 2, 1, 1, TRANSPORT_NDJSON);
	helper_bench_init(&h, 1);
	n = put_envelope(text, 1);
	learn(text, n, 1);
	record_take(second(), (struct str){text, n}, NULL, 1000000);
	return put_envelope(text, 2);
}

static void known(void)
{
	const struct result_group *g;
	struct worker *w;
	unsigned faults = 0;
	char text[400], again[400];
	size_t n = begin_known(text);

	w = h.b.workers[0];
	g = subscriber_group(second());
	for (uint64_t k = 2; k <= 3; k++) {
		n = put_envelope(text, k);
		learn(text, n, k);
		memcpy(again, text, n);
		faults += record_take_known(second(), again, n, k * 1000000 + 7) != n;
		faults += w->cursor.p != again + 7 || w->cursor.n != 16;
	}
	ok(faults == 0, "what is known need not be judged again");
	ok(g->deliveries == 6 && g->measured == 6 && g->latency.max_ns == 7 &&
		atomic_load(&w->delivered) == 6,
		"... and counts as ever");
	ok(record_take_known(second(), text, n, 1) == 0 && g->deliveries == 6,
		"once more it is not what comes next");
	helper_bench_fini(&h);
}

/* Bytes that are not the next event, whole and alone, are not taken for it. */
static void not_learnt(void)
{
	char text[800];
	size_t n = begin_known(text), one;

	learn(text, n, 2);	/* the second subscriber has not had it */
	n = put_envelope(text, 3);
	text[n - 10] ^= 1;
	learn(text, n, 3);
	ok(record_take_known(second(), text, n, 1) == 0 && verdict().corrupt == 1,
		"what is corrupt is not learnt");
	helper_bench_fini(&h);

	n = one = begin_known(text);
	n += (size_t)sprintf(text + n, "\n");
	n += put_envelope(text + n, 3);
	n += (size_t)sprintf(text + n, "\n");
	h.b.workers[0]->nheard = 0;
	lines_take(subscriber(), (struct str){text, n}, 1);
	record_learn(h.b.workers[0], (struct str){text, n});
	record_take(second(), (struct str){text, one}, NULL, 1);
	ok(clean() && record_take_known(second(), text, n, 1) == 0, "nor are two in one chunk");
	helper_bench_fini(&h);
}

/* Most others were told another id, be it later. */
static void known_wrong(void)
{
	struct verdict v = {0};
	char text[400];
	size_t n = begin_known(text);
	struct worker *w = h.b.workers[0];

	learn(text, n, 2);
	for (unsigned i = 0; i < 5; i++)
		witness_agrees(w->witness, record_stream(h.b.run, 0), 2, 99);
	second()->state = SUBSCRIBER_OPENING;
	eq_num(second()->conn.ops->known(&second()->conn, text, n, 1), 0,
		"the first of a connection tells more");
	second()->state = SUBSCRIBER_LIVE;
	eq_num(second()->conn.ops->known(&second()->conn, text, n, 1), n, "what is known later");
	ledger_verdict(second()->ledger, NULL, &v);
	eq_num(v.corrupt, 1, "... is corrupt where most were told another id");
	helper_bench_fini(&h);
}

int main(void)
{
	known();
	not_learnt();
	known_wrong();
	envelopes();
	around();
	topics();
	gaps();
	cut();
	of_others();
	lines();
	return tap_done();
}
