/* SPDX-License-Identifier: MIT */
#include "load/inflight.h"

#include <stdlib.h>

#include "tests/unit/tap.h"

/* In at one end, out at the other, through all sizes, so that it wraps around and grows while it does. */
static void ring(void)
{
	struct inflight f = {0};
	uint64_t in = 0, out = 0, random = 99;
	bool same = true;

	for (unsigned i = 0; i < 20000; i++) {
		random = random * 6364136223846793005u + 1442695040888963407u;
		if (i < 10000 ? random >> 63 == 0 || f.count == 0 : f.count == 0) {
			if (inflight_reserve(&f) != 0)
				break;
			inflight_add(&f, &(struct inflight_event){.due_ns = in * 3, .n = in,
				.topic = (uint32_t)in});
			in++;
		} else {
			uint64_t n = 1 + (random >> 40) % f.count;

			for (uint64_t k = 0; k < n; k++) {
				same = same && inflight_at(&f, k)->n == out + k &&
					inflight_at(&f, k)->due_ns == (out + k) * 3;
			}
			inflight_drop(&f, n);
			out += n;
		}
		same = same && f.count == in - out;
	}
	ok(same && in > 3000, "first in, first out");
	for (unsigned i = 0; i < 1000 && inflight_reserve(&f) == 0; i++)
		inflight_add(&f, &(struct inflight_event){.n = in++});
	ok(inflight_at(&f, f.count - 1)->n == in - 1 && (f.cap & (f.cap - 1)) == 0, "it grows");
	inflight_fini(&f);
	ok(f.count == 0 && f.ring == NULL, "it is empty");
}

static void unsure(void)
{
	struct unsure_list l = {0};

	for (uint64_t n = 1; n <= 100; n++)
		if (n % 10 != 0)
			unsure_add(&l, n);
	ok(l.n == 10, "neighbours are one range");
	ok(l.ranges[0].from == 1 && l.ranges[0].to == 9 && l.ranges[9].from == 91 &&
		l.ranges[9].to == 99, "... each whole");
	eq_num(missing_sure(1, 100, l.ranges, l.n), 10, "the rest is sure");
	free(l.ranges);
}

int main(void)
{
	ring();
	unsure();
	return tap_done();
}
