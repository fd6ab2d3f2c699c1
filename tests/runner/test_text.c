// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "runner/text.h"
#include "runner/verdict.h"

static void cleaned(const char *bytes, gssize length, const char *expected)
{
	g_autofree char *text = text_clean(bytes, length, 1000);

	g_assert_cmpstr(text, ==, expected);
}

static void clean(void)
{
	cleaned("plain \xc3\xa4\xe2\x82\xac", -1, "plain \xc3\xa4\xe2\x82\xac");
	cleaned("a\tb\nc", -1, "a\tb\nc");
	/* Escape sequences, also those of C1, must not reach a terminal. */
	cleaned("\x1b[31mred\x07", -1, "\\x1b[31mred\\x07");
	cleaned("\xc2\x9b"
		"31m",
		-1, "\\x9b31m");
	cleaned("a\rb\x7f", -1, "a\\x0db\\x7f");
	/* Text that runs backwards. */
	cleaned("\xe2\x80\xae"
		"fdp",
		-1, "\\u202efdp");
	cleaned("\xff\xfe", 2, "\xef\xbf\xbd\xef\xbf\xbd");
	cleaned("cut \xe2\x82", -1, "cut \xef\xbf\xbd\xef\xbf\xbd");
	cleaned("nul\0inside", 10, "nul\xef\xbf\xbdinside");
	/* A surrogate and an overlong slash. */
	cleaned("\xed\xa0\x80", 3, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
	cleaned("\xc0\xaf", 2, "\xef\xbf\xbd\xef\xbf\xbd");
	cleaned("", 0, "");
}

static void clean_line(void)
{
	g_autofree char *text = text_clean_line("a\nb\tc", -1, 100);

	g_assert_cmpstr(text, ==, "a b c");
}

static void limit(void)
{
	g_autofree char *many = g_strnfill(100000, 'x');

	for (gsize most = 10; most < 60; most++) {
		g_autofree char *text = text_clean(many, -1, most);

		g_assert_cmpuint(strlen(text), <=, most);
		g_assert_true(g_str_has_suffix(text, "\xe2\x80\xa6"));
		g_assert_true(g_utf8_validate(text, -1, NULL));
	}
}

/* Whatever comes in: what comes out is UTF-8 without anything that a terminal acts on. */
static void any_bytes(void)
{
	for (guint i = 0; i < 20000; i++) {
		char bytes[40];
		g_autofree char *text = NULL;

		for (gsize j = 0; j < sizeof(bytes); j++)
			bytes[j] = (char)g_test_rand_int_range(0, 256);
		text = text_clean(bytes, sizeof(bytes), 400);
		g_assert_true(g_utf8_validate(text, -1, NULL));
		for (const char *at = text; *at; at = g_utf8_next_char(at)) {
			gunichar c = g_utf8_get_char(at);

			g_assert_true(c == '\n' || c == '\t' || (c >= 0x20 && c < 0x7f) ||
				      c >= 0xa0);
		}
	}
}

static void names(void)
{
	g_assert_true(text_is_name("after_unmap"));
	g_assert_true(text_is_name("pcie-ats-testdev"));
	g_assert_false(text_is_name(""));
	g_assert_false(text_is_name(".."));
	g_assert_false(text_is_name("-x"));
	g_assert_false(text_is_name("a/b"));
	g_assert_false(text_is_name("a b"));
	g_assert_false(text_is_name("a[b"));
	g_assert_false(text_is_name("a\x1b"));
	g_assert_false(
		text_is_name("12345678901234567890123456789012345678901234567890123456789012345"));
	g_assert_true(text_is_value("2M"));
	g_assert_true(text_is_value("0000:00:05.0"));
	g_assert_false(text_is_value("a,b"));
	g_assert_false(text_is_value("a=b"));
	g_assert_false(text_is_value("a]"));
}

static void addresses(void)
{
	g_assert_true(text_is_bdf("0000:00:05.0"));
	g_assert_true(text_is_bdf("10000:e1:00.7"));
	g_assert_false(text_is_bdf("00:05.0"));
	g_assert_false(text_is_bdf("0000:00:05.8"));
	g_assert_false(text_is_bdf("0000:00:05.0/../../x"));
	g_assert_false(text_is_bdf("../0:00:05.0"));
	g_assert_false(text_is_bdf("zzzzz:00:05.0"));
	g_assert_false(text_is_bdf(""));
}

static void quoting(void)
{
	static const char *const words[] = {
		"plain", "a b", "it's", "dma/x[a=b]", "$(id)", "", "~"
	};

	for (gsize i = 0; i < G_N_ELEMENTS(words); i++) {
		g_autofree char *quoted = text_shell_quote(words[i]);
		g_autofree char *back = g_shell_unquote(quoted, NULL);

		g_assert_cmpstr(back, ==, words[i]);
	}
}

static void durations(void)
{
	static const struct {
		gint64 us;
		const char *text;
	} rows[] = { { 0, "0 us" },
		     { 999, "999 us" },
		     { 12345, "12 ms" },
		     { 3456789, "3.4 s" },
		     { 125 * G_USEC_PER_SEC, "2 min 05 s" } };

	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *text = text_duration(rows[i].us);

		g_assert_cmpstr(text, ==, rows[i].text);
	}
}

static void verdicts(void)
{
	guint counts[VERDICT_COUNT] = { 0 };

	for (guint i = 0; i < VERDICT_COUNT; i++) {
		enum verdict verdict;

		g_assert_true(verdict_parse(verdict_name(i), &verdict));
		g_assert_cmpuint(verdict, ==, i);
	}
	g_assert_cmpint(exit_status_of(counts), ==, EXIT_STATUS_NOTHING);
	counts[VERDICT_SKIP] = counts[VERDICT_XFAIL] = 1;
	g_assert_cmpint(exit_status_of(counts), ==, EXIT_STATUS_GOOD);
	counts[VERDICT_ERROR] = 1;
	g_assert_cmpint(exit_status_of(counts), ==, EXIT_STATUS_TROUBLE);
	for (guint i = 0; i < VERDICT_COUNT; i++) {
		guint one[VERDICT_COUNT] = { 0 };

		one[i] = 1;
		if (verdict_is_bad(i) && i != VERDICT_ERROR)
			g_assert_cmpint(exit_status_of(one), ==, EXIT_STATUS_FAILURES);
	}
	counts[VERDICT_XPASS] = 1;
	g_assert_cmpint(exit_status_of(counts), ==, EXIT_STATUS_FAILURES);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/text/clean", clean);
	g_test_add_func("/text/clean-line", clean_line);
	g_test_add_func("/text/limit", limit);
	g_test_add_func("/text/any-bytes", any_bytes);
	g_test_add_func("/text/names", names);
	g_test_add_func("/text/addresses", addresses);
	g_test_add_func("/text/quoting", quoting);
	g_test_add_func("/text/durations", durations);
	g_test_add_func("/verdicts", verdicts);
	return g_test_run();
}
