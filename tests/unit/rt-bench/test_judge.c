/* SPDX-License-Identifier: MIT */
#include "judge/judge.h"

#include <malloc.h>
#include <stdlib.h>

#include "tests/unit/tap.h"

#define RUN 77

static const struct streams single = {.topics = 1, .publishers = 1};

static enum arrival enter(struct ledger *l, uint32_t stream, uint64_t n)
{
	struct payload_head h = {.run = RUN, .stream = stream, .n = n};

	return ledger_enter(l, PAYLOAD_OK, &h);
}

/* What is not 0, as "received 3 lost 1". */
static const char *text_of(const struct verdict *v)
{
	static char text[200];
	const struct {
		const char *name;
		uint64_t n;
	} parts[] = {
		{"received", v->received},
		{"lost", v->lost},
		{"doubled", v->doubled},
		{"disordered", v->disordered},
		{"corrupt", v->corrupt},
		{"announced", v->announced},
		{"foreign", v->foreign},
	};
	size_t at = 0;

	text[0] = '\0';
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (parts[i].n != 0)
			at += (size_t)sprintf(text + at, "%s%s %" PRIu64, at > 0 ? " " : "",
				parts[i].name, parts[i].n);
	return text;
}

/* --- streams --------------------------------------------------------------------------------- */

static void streams(uint32_t topics, uint32_t publishers)
{
	struct streams s = {topics, publishers};
	uint32_t n = streams_count(&s), sum = 0;
	bool *seen = calloc(n, sizeof(*seen)), right = true;

	for (uint32_t t = 0; t < topics; t++)
		for (uint32_t k = 0; k < streams_of_topic(&s, t); k++) {
			uint32_t number = streams_number(&s, t, k), publisher = number % publishers;

			right &= number < n && !seen[number] && number % topics == t &&
				(topics >= publishers ? publisher == t % publishers :
					publisher % topics == t);
			if (number < n)
				seen[number] = true;
			sum++;
		}
	ok(right && sum == n && n == (topics > publishers ? topics : publishers),
		"%u topics, %u publishers: each stream has one number", topics, publishers);
	free(seen);
}

/* --- one stream ------------------------------------------------------------------------------ */

/*
 * Events of one stream as they arrive: numbers; "g" a gap record, "r" a new subscription without cursor,
 * "c" a corrupt payload, "f" another run, "o" something without a payload.
 */
struct pattern {
	const char *events;
	uint64_t published;
	const char *verdict;
	struct unsure unsure[2];
	bool midway;
	const char *name;
};

static const struct pattern patterns[] = {
	{"1 2 3 4 5", 5, "received 5", {{0}}, false, "all is well"},
	{"", 0, "", {{0}}, false, "nothing was published"},
	{"", 5, "lost 5", {{0}}, false, "nothing came"},
	{"3 4 5", 5, "received 3 lost 2", {{0}}, false, "lost at the beginning"},
	{"1 2 5", 5, "received 3 lost 2", {{0}}, false, "lost in the middle"},
	{"1 2 3", 5, "received 3 lost 2", {{0}}, false, "lost at the end"},
	{"2 4", 5, "received 2 lost 3", {{0}}, false, "lost everywhere"},
	{"1 1 2 3", 3, "received 3 doubled 1", {{0}}, false, "the first doubled"},
	{"1 2 3 3 3", 3, "received 3 doubled 2", {{0}}, false, "the last, twice more"},
	{"1 2 3 1 2 3", 3, "received 3 doubled 3", {{0}}, false, "all doubled"},
	{"2 1 3", 3, "received 3 disordered 1", {{0}}, false, "the first two swapped"},
	{"1 3 2 4", 4, "received 4 disordered 1", {{0}}, false, "swapped in the middle"},
	{"1 2 4 3", 4, "received 4 disordered 1", {{0}}, false, "the last two swapped"},
	{"5 4 3 2 1", 5, "received 5 disordered 4", {{0}}, false, "all the other way round"},
	{"1 3 4 5 6 2", 6, "received 6 disordered 1", {{0}}, false, "one is late"},
	{"1 5 3", 5, "received 3 lost 2 disordered 1", {{0}}, false, "of a hole the middle comes late"},
	{"1 5 3 3", 5, "received 3 lost 2 doubled 1 disordered 1", {{0}}, false, "late, and doubled"},
	{"1 3 1 2 2", 3, "received 3 doubled 2 disordered 1", {{0}}, false,
		"doubled while another is missing"},
	{"1 c 3", 3, "received 2 lost 1 corrupt 1", {{0}}, false, "corrupt"},
	{"1 f o 2", 2, "received 2 foreign 2", {{0}}, false, "others publish there, too"},
	{"1 0 2", 2, "received 2 corrupt 1", {{0}}, false, "there is no number 0"},
	{"1 g 4 5", 5, "received 3 announced 2", {{0}}, false, "a gap that was announced"},
	{"1 3 g 6 8", 8, "received 4 lost 2 announced 2", {{0}}, false, "a gap explains itself alone"},
	{"g 3", 3, "received 1 announced 2", {{0}}, false, "a gap at the beginning"},
	{"1 g", 3, "received 1 announced 2", {{0}}, false, "a gap at the end"},
	{"1 g 2 4", 4, "received 3 lost 1", {{0}}, false, "a gap that did not concern it"},
	{"1 g 4 2 2", 4, "received 3 doubled 1 disordered 1 announced 1", {{0}}, false,
		"announced, and it came"},
	{"1 g g 4 g 6", 6, "received 3 announced 3", {{0}}, false, "several gaps"},
	{"1 3 g 2 6", 6, "received 4 disordered 1 announced 2", {{0}}, false,
		"late before what a gap explains"},
	{"1 2 r 5 6", 6, "received 4", {{0}}, false, "without a cursor it goes on anywhere"},
	{"1 2 r 3 4", 4, "received 4", {{0}}, false, "... also where it was"},
	{"1 2 r", 6, "received 2", {{0}}, false, "... and nobody knows where if nothing comes"},
	{"r 5 6", 6, "received 2", {{0}}, false, "... also at the beginning"},
	{"1 2 4 r 6 7", 7, "received 5 lost 1", {{0}}, false, "what was lost before stays lost"},
	{"1 r 4 6", 6, "received 3 lost 1", {{0}}, false, "what is lost after is lost"},
	{"1 r 4", 6, "received 2 lost 2", {{0}}, false, "... and at the end, too"},
	{"1 2 3 r 2 3 4", 4, "received 4", {{0}}, false, "a server that begins with what it has kept"},
	{"1 2 3 r 1 2 3 4", 4, "received 4", {{0}}, false, "... from the beginning"},
	{"1 2 3 r 3 3 4", 4, "received 4 doubled 1", {{0}}, false, "... and doubles one of them"},
	{"1 2 4 r 2 3 4 5", 5, "received 5", {{0}}, false, "... and so repairs a loss"},
	{"1 2 3 4 r 2 6", 6, "received 5 lost 1", {{0}}, false, "... and then loses one"},
	{"1 2 3 r 2 r 6", 6, "received 4", {{0}}, false, "... and is asked anew"},
	{"1 2 3 r 2 g 5", 5, "received 4 announced 1", {{0}}, false, "... and announces a gap"},
	{"1 g r 4", 4, "received 2", {{0}}, false, "a gap before it is forgotten"},
	{"1 2 5", 5, "received 3", {{3, 4}}, false, "what was never acknowledged is not lost"},
	{"1 2 5", 5, "received 3 lost 1", {{4, 4}}, false, "... but what was is"},
	{"1 2", 5, "received 2 lost 1", {{1, 2}, {4, 5}}, false, "unsure at the end"},
	{"2 3", 3, "received 2", {{1, 1}}, false, "unsure at the beginning"},
	{"1 3 2", 3, "received 3 disordered 1", {{2, 2}}, false, "unsure, and it came late"},
	{"1 g", 5, "received 1 announced 2", {{2, 3}}, false, "unsure within a gap"},
	{"5 6 7", 7, "received 3", {{0}}, true, "it began in the middle"},
	{"5 7", 8, "received 2 lost 2", {{0}}, true, "... and lost some since"},
	{"", 8, "", {{0}}, true, "... and nothing came"},
	{"5 3", 5, "received 1 doubled 1", {{0}}, true,
		"... and what is before it came although it was not expected"},
};

static void play(struct ledger *l, const char *events)
{
	struct payload_head other = {.run = RUN + 1, .n = 1};
	char *end;

	for (; *events != '\0'; events += strspn(events, " ")) {
		switch (*events) {
		case 'g':
			ledger_gap(l);
			break;
		case 'r':
			ledger_restart(l);
			break;
		case 'c':
			ledger_enter(l, PAYLOAD_CORRUPT, &other);
			break;
		case 'f':
			ledger_enter(l, PAYLOAD_OK, &other);
			break;
		case 'o':
			ledger_enter(l, PAYLOAD_NONE, &other);
			break;
		default:
			enter(l, 0, strtoull(events, &end, 10));
			events = end - 1;
		}
		events++;
	}
}

static void one_pattern(const struct pattern *p)
{
	struct ledger *l = ledger_new(&single, RUN, 0, 1, p->midway);
	uint32_t nunsure = p->unsure[0].from == 0 ? 0 : p->unsure[1].from == 0 ? 1 : 2;
	struct stream_total total = {p->published, p->unsure, nunsure};
	struct verdict v, again;

	play(l, p->events);
	ledger_verdict(l, &total, &v);
	ledger_verdict(l, &total, &again);
	eq_str(text_of(&v), p->verdict, p->name);
	ok(memcmp(&v, &again, sizeof(v)) == 0, "... which can be asked again");
	ok(v.faulty == (verdict_clean(&v) ? 0 : 1), "... faulty or not");
	if (v.lost == 0 && strchr(p->events, 'g') == NULL)
		ok(ledger_complete(l, &total), "... and complete");
	if (v.lost > 0)
		ok(!ledger_complete(l, &total), "... and not complete");
	ledger_free(l);
}

static void complete(void)
{
	struct ledger *l = ledger_new(&single, RUN, 0, 1, false);
	struct unsure last = {5, 5};
	struct stream_total five = {5, NULL, 0}, four = {5, &last, 1};

	play(l, "1 2 4");
	ok(!ledger_complete(l, &five), "not complete while one is missing");
	play(l, "5");
	ok(!ledger_complete(l, &five), "... though the last came");
	play(l, "3");
	ok(ledger_complete(l, &five), "complete when the late one came");
	ledger_free(l);
	l = ledger_new(&single, RUN, 0, 1, false);
	play(l, "1 2 3 4");
	ok(!ledger_complete(l, &five), "one is missing at the end");
	ok(ledger_complete(l, &four), "... which may never have been published");
	ledger_free(l);
	l = ledger_new(&single, RUN, 0, 1, false);
	play(l, "1 g");
	ok(!ledger_complete(l, &five), "after a gap something may come");
	play(l, "5");
	ok(ledger_complete(l, &five), "then what was announced is not waited for");
	ledger_free(l);
}

static void arrivals(void)
{
	struct ledger *l = ledger_new(&single, RUN, 0, 1, false);
	struct payload_head h = {.run = 1};

	ok(enter(l, 0, 1) == ARRIVAL_NEXT, "the first");
	ok(enter(l, 0, 3) == ARRIVAL_AHEAD, "one is missing");
	ok(enter(l, 0, 4) == ARRIVAL_NEXT, "it goes on");
	ok(enter(l, 0, 2) == ARRIVAL_LATE, "there it is");
	ok(enter(l, 0, 2) == ARRIVAL_DOUBLE, "and once more");
	ok(enter(l, 1, 1) == ARRIVAL_CORRUPT, "a stream that does not exist");
	ok(ledger_enter(l, PAYLOAD_CORRUPT, &h) == ARRIVAL_CORRUPT, "corrupt");
	ok(ledger_enter(l, PAYLOAD_OK, &h) == ARRIVAL_FOREIGN, "another run");
	ok(ledger_enter(l, PAYLOAD_NONE, &h) == ARRIVAL_FOREIGN, "no payload");
	ledger_free(l);
	ledger_free(NULL);
}

/* --- several streams ------------------------------------------------------------------------- */

static void several_topics(void)
{
	const struct streams s = {.topics = 5, .publishers = 2};
	struct stream_total totals[5];
	struct ledger *l = ledger_new(&s, RUN, 3, 3, false);	/* topics 3, 4, 0 */
	struct verdict v;

	for (uint32_t i = 0; i < 5; i++)
		totals[i] = (struct stream_total){.published = i + 1};
	enter(l, 0, 1);
	for (uint32_t n = 1; n <= 4; n++)
		enter(l, 3, n);
	ok(!ledger_complete(l, totals), "a topic is missing");
	for (uint32_t n = 1; n <= 5; n++)
		enter(l, 4, n);
	ok(ledger_complete(l, totals), "three topics, of which the last comes before the first");
	ok(enter(l, 1, 1) == ARRIVAL_CORRUPT && enter(l, 2, 1) == ARRIVAL_CORRUPT,
		"other topics are not ours");
	ledger_verdict(l, totals, &v);
	eq_str(text_of(&v), "received 10 corrupt 2", "each topic by its own numbers");
	totals[4].published = 7;
	ledger_verdict(l, totals, &v);
	eq_num(v.lost, 2, "each by its own total");
	ledger_free(l);
}

static void many_publishers(void)
{
	const struct streams s = {.topics = 2, .publishers = 5};
	struct stream_total totals[5];
	struct ledger *l = ledger_new(&s, RUN, 1, 1, false);	/* publishers 1 and 3 */
	struct verdict v;

	for (uint32_t i = 0; i < 5; i++)
		totals[i] = (struct stream_total){.published = 3};
	enter(l, 3, 1);
	enter(l, 1, 1);
	enter(l, 3, 2);
	enter(l, 3, 3);
	enter(l, 1, 2);
	ok(!ledger_complete(l, totals), "one of a publisher is missing");
	ok(enter(l, 1, 3) == ARRIVAL_NEXT, "order between publishers is a race");
	ok(enter(l, 5, 1) == ARRIVAL_CORRUPT, "there is no such publisher");
	ok(enter(l, 0, 1) == ARRIVAL_CORRUPT, "nor is that one's topic ours");
	ledger_verdict(l, totals, &v);
	eq_str(text_of(&v), "received 6 corrupt 2", "both publishers of the topic");
	ok(ledger_complete(l, totals), "complete");
	ledger_free(l);
}

/* Somebody else publishes: neither run, publishers nor totals are known. */
static void outside(void)
{
	const struct streams s = {.topics = 3, .publishers = 0};
	struct ledger *l = ledger_new(&s, 0, 1, 2, false);
	struct payload_head h = {.run = 5, .stream = 1, .n = 1};
	struct verdict v;

	ledger_restart(l);
	for (uint32_t i = 0; i < 6; i++) {
		h.stream = 1 + i * 3;
		h.n = 100;
		ok(ledger_enter(l, PAYLOAD_OK, &h) == ARRIVAL_NEXT, "publisher %u of the topic", i);
		h.n = 102;
		ok(ledger_enter(l, PAYLOAD_OK, &h) == ARRIVAL_AHEAD, "... loses one");
	}
	h.stream = 3;
	ok(ledger_enter(l, PAYLOAD_OK, &h) == ARRIVAL_CORRUPT, "a topic that is not ours");
	h.stream = 1 + 3 * JUDGE_STREAMS_MOST;
	ok(ledger_enter(l, PAYLOAD_OK, &h) == ARRIVAL_CORRUPT, "more publishers than anybody has");
	h.run = 6;
	ok(ledger_enter(l, PAYLOAD_OK, &h) == ARRIVAL_FOREIGN, "the first run counts");
	ledger_verdict(l, NULL, &v);
	eq_str(text_of(&v), "received 12 lost 6 corrupt 2 foreign 1", "holes are lost, an end is not known");
	ledger_gap(l);
	h = (struct payload_head){.run = 5, .stream = 1 + 8 * 3, .n = 7};
	ok(ledger_enter(l, PAYLOAD_OK, &h) == ARRIVAL_NEXT, "one more after a gap");
	ledger_restart(l);
	h.n = 50;
	ok(ledger_enter(l, PAYLOAD_OK, &h) == ARRIVAL_NEXT, "and after a restart");
	h.stream += 3;
	ok(ledger_enter(l, PAYLOAD_OK, &h) == ARRIVAL_NEXT, "and one that begins then");
	ledger_free(l);
}

static void added(void)
{
	struct verdict sum = {0}, v = {1, 2, 3, 4, 5, 6, 7, 1}, zero = {0};

	verdict_add(&sum, &v);
	verdict_add(&sum, &v);
	eq_str(text_of(&sum),
		"received 2 lost 4 doubled 6 disordered 8 corrupt 10 announced 12 foreign 14", "a sum");
	eq_num(sum.faulty, 2, "of two subscribers");
	ok(verdict_clean(&zero), "nothing is clean");
	for (unsigned i = 0; i < 7; i++) {
		struct verdict w = {i == 0, i == 1, i == 2, i == 3, i == 4, i == 5, i == 6, 0};

		ok(verdict_clean(&w) == (i == 0 || i >= 5), "clean or not: %s", text_of(&w));
	}
}

static void memory(void)
{
	struct ledger *l[1000];
	size_t before = mallinfo2().uordblks, used;

	for (size_t i = 0; i < 1000; i++)
		l[i] = ledger_new(&single, RUN, 0, 1, false);
	for (size_t i = 0; i < 1000; i++)
		for (uint64_t n = 1; n <= 100; n++)
			enter(l[i], 0, n);
	used = (mallinfo2().uordblks - before) / 1000;
	ok(used <= 160, "a subscriber costs %zu bytes", used);
	for (size_t i = 0; i < 1000; i++)
		ledger_free(l[i]);
}

/* --- envelopes ------------------------------------------------------------------------------- */

/* An event of stream (stream) with its number, id and seq. */
static enum arrival both(struct ledger *l, uint32_t stream, uint64_t n, uint64_t id, uint64_t seq)
{
	enter(l, stream, n);
	return ledger_enter_envelope(l, 0, id, seq);
}

static void verdict_is(const struct ledger *l, uint64_t first, uint64_t second, const char *want,
	const char *what)
{
	struct stream_total totals[2] = {{.published = first}, {.published = second}};
	struct verdict v;

	ledger_verdict(l, totals, &v);
	eq_str(text_of(&v), want, what);
}

static const struct streams four = {.topics = 4, .publishers = 1};
static const struct streams two = {.topics = 1, .publishers = 2};

static void envelopes_well(void)
{
	struct ledger *l = ledger_new(&two, RUN, 0, 1, false);

	ok(both(l, 0, 1, 1000, 41) == ARRIVAL_NEXT, "seq begins anywhere");
	ok(both(l, 1, 1, 1005, 42) == ARRIVAL_NEXT, "and goes on with the other publisher");
	ok(both(l, 1, 2, 1006, 43) == ARRIVAL_NEXT, "and with the same");
	verdict_is(l, 1, 2, "received 3", "all is well");
	ledger_free(l);
}

static void envelopes_lost(void)
{
	struct ledger *l = ledger_new(&two, RUN, 0, 1, false);

	both(l, 0, 1, 1, 1);
	ok(both(l, 0, 3, 3, 3) == ARRIVAL_AHEAD, "a hole in seq and in the track");
	verdict_is(l, 3, 0, "received 2 lost 1", "... is one loss");
	ok(both(l, 1, 1, 5, 5) == ARRIVAL_AHEAD, "a hole in seq alone");
	verdict_is(l, 3, 1, "received 3 lost 2", "... is lost, too: somebody else's");
	both(l, 0, 5, 6, 6);
	verdict_is(l, 5, 1, "received 4 lost 2", "... until a track shows the same");
	ok(both(l, 0, 4, 4, 4) == ARRIVAL_LATE, "there it is, late");
	verdict_is(l, 5, 1, "received 5 lost 1 disordered 1", "... which is counted once");
	both(l, 0, 2, 2, 2);
	verdict_is(l, 5, 1, "received 6 disordered 2", "and the other");
	ledger_free(l);
}

static void envelopes_order(void)
{
	struct ledger *l = ledger_new(&two, RUN, 0, 1, false);

	both(l, 0, 1, 1, 1);
	ok(both(l, 1, 1, 3, 3) == ARRIVAL_AHEAD, "of two publishers one is ahead");
	ok(both(l, 0, 2, 2, 2) == ARRIVAL_LATE, "the other behind: the tracks do not see it");
	verdict_is(l, 2, 1, "received 3 disordered 1", "but it is out of order by the server's own promise");
	ok(both(l, 0, 2, 2, 2) == ARRIVAL_DOUBLE, "doubled by both");
	verdict_is(l, 2, 1, "received 3 doubled 1 disordered 1", "... is counted once");
	ok(both(l, 0, 3, 4, 4) == ARRIVAL_NEXT, "it goes on");
	ok(both(l, 0, 3, 5, 5) == ARRIVAL_NEXT, "stored twice: another id, the same payload");
	verdict_is(l, 3, 1, "received 4 doubled 2 disordered 1", "is doubled");
	ok(both(l, 0, 4, 5, 5) == ARRIVAL_DOUBLE, "the same id, another payload");
	verdict_is(l, 4, 1, "received 5 doubled 3 disordered 1", "is doubled, too");
	ledger_free(l);
}

/* A wrong digit is one fault, not one for each event that follows. */
static void envelopes_damaged(void)
{
	struct ledger *l = ledger_new(&two, RUN, 0, 1, false);

	both(l, 0, 1, 1, 1);
	both(l, 0, 2, 9002, 2);
	for (uint64_t n = 3; n < 100; n++)
		both(l, 0, n, n, n);
	verdict_is(l, 99, 0, "received 99 disordered 1", "a wrong id");
	both(l, 0, 100, 100, 900);
	for (uint64_t n = 101; n < 200; n++)
		both(l, 0, n, n, n);
	verdict_is(l, 199, 0, "received 199 disordered 2", "a wrong seq");
	ledger_enter(l, PAYLOAD_CORRUPT, &(struct payload_head){0});
	ok(ledger_enter_envelope(l, 0, 1, 1) == ARRIVAL_CORRUPT,
		"of a corrupt event the envelope does not count");
	verdict_is(l, 199, 0, "received 199 disordered 2 corrupt 1", "... twice");
	ledger_free(l);
}

static void envelopes_explained(void)
{
	struct ledger *l = ledger_new(&two, RUN, 0, 1, false);

	both(l, 0, 1, 1, 1);
	ledger_gap(l);
	ok(both(l, 0, 4, 7, 7) == ARRIVAL_AHEAD, "a gap that was announced");
	verdict_is(l, 4, 0, "received 2 announced 2", "is no loss by seq");
	both(l, 0, 5, 9, 9);
	verdict_is(l, 5, 0, "received 3 announced 2", "what only seq misses may be of it");
	ledger_restart(l);
	ok(both(l, 0, 9, 90, 90) == ARRIVAL_NEXT, "after a restart seq goes on anywhere");
	ledger_restart(l);
	ok(both(l, 0, 8, 89, 89) == ARRIVAL_NEXT, "... also before");
	ledger_gap(l);
	ledger_restart(l);
	both(l, 0, 10, 92, 92);
	both(l, 0, 11, 96, 96);
	verdict_is(l, 11, 0, "received 6 lost 2 announced 2",
		"what was announced before it explains no later hole");
	ledger_free(l);
}

/* --- at random, beside a model that has an entry for each number ------------------------------ */

#define MODEL_MAX 400

enum fate { NOT_YET, SEEN, MISSING, ANNOUNCED, SKIPPED };

struct model {
	enum fate fate[MODEL_MAX + 1];
	uint64_t high, again;
	bool gap, anywhere, again_on;
	struct verdict v;
};

static uint64_t random_state = 88172645463325252;

static uint64_t at_random(uint64_t below)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state % below;
}

static void model_see(struct model *m, uint64_t n)
{
	m->fate[n] = SEEN;
	m->v.received++;
}

static void model_below(struct model *m, uint64_t n)
{
	bool open = m->fate[n] == MISSING || m->fate[n] == ANNOUNCED;

	if (m->again_on && n >= m->again) {
		m->again = n + 1;
		m->again_on = n < m->high;
		if (open)
			model_see(m, n);
	} else if (m->again_on || !open) {
		m->v.doubled++;
	} else {
		model_see(m, n);
		m->v.disordered++;
	}
}

static void model_enter(struct model *m, uint64_t n)
{
	if (m->anywhere && n <= m->high) {
		m->again_on = true;
		m->again = n;
		m->anywhere = m->gap = false;
	}
	if (n <= m->high) {
		model_below(m, n);
		return;
	}
	for (uint64_t i = m->high + 1; i < n; i++)
		m->fate[i] = m->anywhere ? SKIPPED : m->gap ? ANNOUNCED : MISSING;
	m->high = n;
	m->gap = m->anywhere = m->again_on = false;
	model_see(m, n);
}

static void model_verdict(struct model *m, uint64_t published, const bool *unsure)
{
	for (uint64_t i = 1; i <= published; i++) {
		enum fate fate = m->fate[i];

		if (i > m->high)
			fate = m->anywhere ? SKIPPED : m->gap ? ANNOUNCED : MISSING;
		if (fate == MISSING && !unsure[i])
			m->v.lost++;
		if (fate == ANNOUNCED && !unsure[i])
			m->v.announced++;
	}
	m->v.faulty = verdict_clean(&m->v) ? 0 : 1;
}

static uint32_t random_unsure(bool *flags, struct unsure *ranges)
{
	uint32_t n = 0;
	uint64_t at = 1;

	memset(flags, 0, (MODEL_MAX + 1) * sizeof(*flags));
	while (n < 5 && at_random(3) > 0) {
		at += 1 + at_random(60);
		ranges[n].from = at;
		at += at_random(10);
		ranges[n].to = at++;
		if (ranges[n].to > MODEL_MAX)
			break;
		for (uint64_t i = ranges[n].from; i <= ranges[n].to; i++)
			flags[i] = true;
		n++;
	}
	return n;
}

/* One ledger of (nstreams) streams, events that are lost, doubled, late, and all that is announced. */
static bool one_round(uint32_t nstreams)
{
	const struct streams s = {.topics = nstreams, .publishers = 1};
	bool midway = at_random(4) == 0, unsure[4][MODEL_MAX + 1];
	struct ledger *l = ledger_new(&s, RUN, 0, nstreams, midway);
	static struct model m[4];
	struct unsure ranges[4][5];
	struct stream_total totals[4];
	uint64_t trouble = 1 + at_random(50), steps = at_random(300) * nstreams, at[4] = {0};
	struct verdict got, want = {0};

	memset(m, 0, sizeof(m));
	for (uint32_t i = 0; i < nstreams; i++)
		m[i].anywhere = midway;
	for (uint64_t step = 0; step < steps; step++) {
		uint32_t i = (uint32_t)at_random(nstreams);
		uint64_t n;

		if (at_random(trouble) == 0 && at[i] + 5 < MODEL_MAX)
			at[i] += at_random(4);
		n = at_random(trouble) == 0 && at[i] > 0 ? 1 + at_random(at[i]) : ++at[i];
		if (n > MODEL_MAX)
			break;
		enter(l, i, n);
		model_enter(&m[i], n);
		if (at_random(40) == 0) {
			ledger_gap(l);
			for (uint32_t k = 0; k < nstreams; k++)
				m[k].gap = true;
		}
		if (at_random(60) == 0) {
			ledger_restart(l);
			for (uint32_t k = 0; k < nstreams; k++) {
				m[k].anywhere = true;
				m[k].gap = m[k].again_on = false;
			}
		}
	}
	for (uint32_t i = 0; i < nstreams; i++) {
		totals[i].nunsure = random_unsure(unsure[i], ranges[i]);
		totals[i].unsure = ranges[i];
		totals[i].published = m[i].high + at_random(3);
		if (totals[i].published > MODEL_MAX)
			totals[i].published = MODEL_MAX;
		model_verdict(&m[i], totals[i].published, unsure[i]);
		verdict_add(&want, &m[i].v);
	}
	ledger_verdict(l, totals, &got);
	want.faulty = verdict_clean(&want) ? 0 : 1;
	ledger_free(l);
	if (memcmp(&got, &want, sizeof(got)) == 0)
		return true;
	printf("# got  %s\n", text_of(&got));
	printf("# want %s\n", text_of(&want));
	return false;
}

static void rounds(void)
{
	unsigned wrong = 0;

	for (unsigned i = 0; i < 20000 && wrong < 5; i++)
		wrong += !one_round(1 + i % 4);
	ok(wrong == 0, "20,000 runs at random, beside a naive model");
}

/* Both at once, of run (run) and stream (stream). */
static bool goes_on(struct ledger *l, uint32_t run, uint32_t stream, uint64_t n, uint64_t id, uint64_t seq)
{
	struct payload_head h = {.run = run, .stream = stream, .n = n};

	return ledger_enter_next(l, &h, id, seq, false);
}

static void next(void)
{
	struct ledger *l = ledger_new(&two, RUN, 0, 1, false);

	ok(!goes_on(l, RUN, 0, 1, 10, 1), "the first is not known to be the next");
	both(l, 0, 1, 10, 1);
	ok(goes_on(l, RUN, 0, 2, 11, 2) && goes_on(l, RUN, 1, 1, 12, 3), "the next of each stream are");
	ok(!goes_on(l, RUN + 1, 0, 3, 13, 4) && !goes_on(l, RUN, 2, 3, 13, 4), "those of others are not");
	ok(!goes_on(l, RUN, 0, 2, 13, 4) && !goes_on(l, RUN, 0, 4, 13, 4), "nor by another number");
	ok(!goes_on(l, RUN, 0, 3, 12, 4) && !goes_on(l, RUN, 0, 3, 13, 5) && !goes_on(l, RUN, 0, 3, 13, 3),
		"nor by another id or seq");
	verdict_is(l, 2, 1, "received 3", "what is not has not been entered");
	ledger_gap(l);
	ok(!goes_on(l, RUN, 0, 3, 13, 4), "nor behind a gap");
	ledger_free(l);
	l = ledger_new(&four, RUN, 1, 2, false);	/* topics 1 and 2 */
	for (uint32_t topic = 1; topic <= 2; topic++) {
		enter(l, topic, 1);
		ledger_enter_envelope(l, topic, 9 + topic, 1);
	}
	ok(!goes_on(l, RUN, 3, 1, 12, 1) && !goes_on(l, RUN, 0, 1, 12, 1),
		"nor of topics that it does not follow");
	ok(goes_on(l, RUN, 2, 2, 12, 2), "of those that it does they are");
	ledger_free(l);
}

int main(void)
{
	streams(1, 1);
	streams(7, 1);
	streams(7, 3);
	streams(3, 7);
	streams(4, 4);
	streams(1, 9);
	for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++)
		one_pattern(&patterns[i]);
	complete();
	arrivals();
	several_topics();
	many_publishers();
	outside();
	added();
	memory();
	envelopes_well();
	next();
	envelopes_lost();
	envelopes_order();
	envelopes_damaged();
	envelopes_explained();
	rounds();
	return tap_done();
}
