// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "runner/ktap.h"

static struct ktap *parse(const char *text)
{
	return ktap_parse(text, strlen(text));
}

static const struct ktap_result *nth(const struct ktap *ktap, guint index)
{
	g_assert_cmpuint(index, <, ktap->results->len);
	return ktap->results->pdata[index];
}

static void flat(void)
{
	g_autoptr(ktap_stream) ktap =
		parse("KTAP version 1\n1..3\n# seen: 1\nok 1 a\n"
		      "not ok 2 - b\n# x\n#y\nok 3 c[d=e] # SKIP no; lift: yes\n"
		      "# after\n");

	g_assert_null(ktap->problem);
	g_assert_true(ktap->version);
	g_assert_cmpint(ktap->planned, ==, 3);
	g_assert_cmpuint(ktap->results->len, ==, 3);
	g_assert_true(nth(ktap, 0)->ok);
	g_assert_cmpstr(nth(ktap, 0)->diagnostics, ==, "seen: 1\n");
	g_assert_false(nth(ktap, 1)->ok);
	g_assert_cmpstr(nth(ktap, 1)->name, ==, "b");
	g_assert_cmpstr(nth(ktap, 2)->name, ==, "c[d=e]");
	g_assert_cmpint(nth(ktap, 2)->directive, ==, KTAP_SKIP);
	g_assert_cmpstr(nth(ktap, 2)->reason, ==, "no; lift: yes");
	g_assert_cmpstr(nth(ktap, 2)->diagnostics, ==, "x\ny\n");
	g_assert_cmpstr(ktap->trailing, ==, "after\n");
}

static void nested(void)
{
	g_autoptr(ktap_stream) ktap =
		parse("KTAP version 1\n1..2\n  KTAP version 1\n  # Subtest: first\n  1..2\n"
		      "    KTAP version 1\n    1..1\n    ok 1 deep\n  ok 1 mid\n  not ok 2 other\n"
		      "not ok 1 first\nok 2 second\n");

	g_assert_null(ktap->problem);
	g_assert_cmpuint(ktap->results->len, ==, 5);
	g_assert_cmpstr(nth(ktap, 0)->name, ==, "first.mid.deep");
	g_assert_true(nth(ktap, 0)->leaf);
	g_assert_cmpstr(nth(ktap, 1)->name, ==, "first.mid");
	g_assert_false(nth(ktap, 1)->leaf);
	g_assert_cmpstr(nth(ktap, 2)->name, ==, "first.other");
	g_assert_false(nth(ktap, 3)->leaf);
	g_assert_cmpstr(nth(ktap, 4)->name, ==, "second");
	g_assert_true(nth(ktap, 4)->leaf);
}

static void directives(void)
{
	g_autoptr(ktap_stream) ktap =
		parse("TAP version 13\n1..6\nok 1 a # skip\nok 2 b # XFAIL KB-1\nok 3 c # XPASS\n"
		      "not ok 4 d # TIMEOUT 5 s\nnot ok 5 e # ERROR x\nnot ok 6 f # TODO\r\n");
	static const enum ktap_directive expected[] = { KTAP_SKIP,    KTAP_XFAIL, KTAP_XPASS,
							KTAP_TIMEOUT, KTAP_ERROR, KTAP_TODO };

	g_assert_null(ktap->problem);
	for (guint i = 0; i < G_N_ELEMENTS(expected); i++)
		g_assert_cmpint(nth(ktap, i)->directive, ==, expected[i]);
	g_assert_cmpstr(nth(ktap, 1)->reason, ==, "KB-1");
}

static void problem(const char *text, const char *part)
{
	g_autoptr(ktap_stream) ktap = parse(text);

	g_assert_nonnull(ktap->problem);
	g_assert_nonnull(strstr(ktap->problem, part));
}

static void problems(void)
{
	problem("KTAP version 1\n1..2\nok 1 a\n", "plan");
	problem("KTAP version 1\n1..1\n", "plan");
	problem("KTAP version 1\n1..1\nok 2 a\n", "order");
	problem("KTAP version 1\n1..2\nok 1 a\nok 1 a\n", "order");
	problem("KTAP version 1\n1..1\n1..1\nok 1 a\n", "two plans");
	problem("KTAP version 1\n1..1\nok a\n", "number");
	problem("KTAP version 1\n1..1\nok 99999999999999999999 a\n", "number");
	problem("KTAP version 1\n1..1\nok 1 a\nBail out! no\n", "bailed");
}

/* A kernel's lines between ours are legal; so is a last line without newline, and nothing at all. */
static void noise(void)
{
	g_autoptr(ktap_stream) ktap = parse("[ 1.0] booting\nKTAP version 1\n1..1\nokay\nnotok\n"
					    "random: ok\nok 1 a");
	g_autoptr(ktap_stream) empty = parse("");

	g_assert_null(ktap->problem);
	g_assert_cmpuint(ktap->results->len, ==, 1);
	g_assert_cmpuint(empty->results->len, ==, 0);
	g_assert_cmpint(empty->planned, ==, -1);
}

static void cleaned(void)
{
	g_autoptr(ktap_stream) ktap = parse("1..1\n# \x1b[2J\nok 1 a\x1b[31m # SKIP \xff\n");

	g_assert_cmpstr(nth(ktap, 0)->name, ==, "a\\x1b[31m");
	g_assert_cmpstr(nth(ktap, 0)->reason, ==, "\xef\xbf\xbd");
	g_assert_cmpstr(nth(ktap, 0)->diagnostics, ==, "\\x1b[2J\n");
}

static void bounded(void)
{
	g_autoptr(GString) text = g_string_new("1..200000\n");
	g_autoptr(ktap_stream) ktap = NULL;

	for (guint i = 1; i <= 200000; i++)
		g_string_append_printf(text, "ok %u x\n", i);
	ktap = parse(text->str);
	g_assert_cmpuint(ktap->results->len, ==, KTAP_MAX_RESULTS);
	g_assert_nonnull(ktap->problem);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/ktap/flat", flat);
	g_test_add_func("/ktap/nested", nested);
	g_test_add_func("/ktap/directives", directives);
	g_test_add_func("/ktap/problems", problems);
	g_test_add_func("/ktap/noise", noise);
	g_test_add_func("/ktap/cleaned", cleaned);
	g_test_add_func("/ktap/bounded", bounded);
	return g_test_run();
}
