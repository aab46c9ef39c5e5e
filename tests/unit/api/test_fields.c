/* SPDX-License-Identifier: MIT */
#include "api/fields.h"

#include "tests/unit/tap.h"

static bool has_field(const struct fields *f, const char *name, const char *value)
{
	for (unsigned i = 0; i < f->n; i++)
		if (str_is(f->f[i].name, name) && str_is(f->f[i].value, value))
			return true;
	return false;
}

static void test_added(void)
{
	struct request r = {.origin_allowed = "https://app.example"};
	struct fields f;
	char value[512], long_value[2048];

	fields_init(&f, NULL);
	ok(has_field(&f, "X-Content-Type-Options", "nosniff"), "nosniff always");
	eq_num(f.n, 1, "and nothing else");
	memset(value, 'x', sizeof(value));
	value[3] = '\0';
	fields_add(&f, "A", str_of(value));
	value[0] = 'y';
	ok(has_field(&f, "A", "xxx"), "values are copied");
	fields_init(&f, &r);
	ok(has_field(&f, "Access-Control-Allow-Origin", "https://app.example"), "the allowed origin");
	memset(long_value, 'z', sizeof(long_value));
	for (int i = 0; i < 100; i++)
		fields_add(&f, "B", (struct str){long_value, i == 0 ? sizeof(long_value) : 1});
	eq_num(f.n, FIELDS_MAX, "no more than there is room for");
	ok(f.used <= sizeof(f.scratch), "in bytes too");
}

int main(void)
{
	test_added();
	return tap_done();
}
