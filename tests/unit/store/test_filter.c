/* SPDX-License-Identifier: MIT */
#include "store/filter.h"

#include "tests/unit/tap.h"

static bool matches(struct filters *f, const char *topic)
{
	return filters_match(f, str_of(topic));
}

int main(void)
{
	char name[] = "b/x";
	const struct str items[] = {
		STR_LIT("b/x"), STR_LIT("a/*"), STR_LIT("c"), STR_LIT("b/x"), STR_LIT("a"), STR_LIT("a/*"),
	};
	const struct str one[] = {{name, 3}}, deep[] = {STR_LIT("d/**"), STR_LIT("e")};
	struct filters *f = filters_new(items, 6);

	eq_num(f->n, 4, "equal ones count once");
	eq_num(f->npatterns, 1, "one pattern");
	ok(f->has_pattern, "there is a pattern");
	ok(matches(f, "a/1") && matches(f, "b/x") && matches(f, "c") && matches(f, "a"),
		"what matches");
	ok(!matches(f, "b") && !matches(f, "b/xx") && !matches(f, "a/1/2") && !matches(f, ""),
		"what does not");
	filters_unref(f);
	f = filters_new(one, 1);
	name[0] = 'z';
	ok(!f->has_pattern && matches(f, "b/x"), "the text is a copy");
	filters_unref(filters_ref(f));
	filters_unref(f);
	f = filters_new(deep, 2);
	ok(matches(f, "d/1/2") && matches(f, "e") && !matches(f, "d"),
		"a pattern for all the rest");
	filters_unref(f);
	return tap_done();
}
