// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "runner/figure.h"

static const struct figure *nth(const GArray *figures, guint i)
{
	return &g_array_index(figures, struct figure, i);
}

static void assert_figure(const GArray *figures, guint i, const char *name, double value,
			  enum figure_unit unit)
{
	g_assert_cmpuint(i, <, figures->len);
	g_assert_cmpstr(nth(figures, i)->name, ==, name);
	g_assert_cmpfloat(nth(figures, i)->value, ==, value);
	g_assert_cmpint(nth(figures, i)->unit, ==, unit);
}

static GArray *read_text(const char *text)
{
	return figures_read(text, strlen(text));
}

static void lines(void)
{
	GArray *figures = read_text("KTAP version 1\n1..1\n# figure: map_p50 12.25 us\n# note\n"
				    "# figure: maps 1.5e+06 /s\n# figure: share -0.5 %\nok 1 x\n");

	g_assert_cmpuint(figures->len, ==, 3);
	assert_figure(figures, 0, "map_p50", 12.25, FIGURE_US);
	assert_figure(figures, 1, "maps", 1500000, FIGURE_PER_SECOND);
	assert_figure(figures, 2, "share", -0.5, FIGURE_PERCENT);
	g_array_unref(figures);
}

#define ZEROS_64 "0000000000000000000000000000000000000000000000000000000000000000"
#define NAME_48  "a23456789012345678901234567890123456789012345678"

/* What is no figure says nothing, and does no harm to those beside it. */
static void hostile_lines(void)
{
	static const char *const wrong[] = {
		"# figure: \n",
		"# figure: a\n",
		"# figure: a 1\n",
		"# figure: a us\n",
		"# figure: a 1 us us\n",
		"# figure:  a 1 us\n",
		"# figure: a  1 us\n",
		"# figure: a 1 us \n",
		"# figure: a 1 parsecs\n",
		"# figure: a 1 \n",
		"# figure: a nan us\n",
		"# figure: a inf us\n",
		"# figure: a -inf us\n",
		"# figure: a 1e999 us\n",
		"# figure: a 1.1e15 us\n",
		"# figure: a 0x10 us\n",
		"# figure: a 1,5 us\n",
		"# figure: a e us\n",
		"# figure: a - us\n",
		"# figure: a\x1b[31m 1 us\n",
		"# figure: a-b 1 us\n",
		"# figure: \xc3\xa4 1 us\n",
		"# figure: \xff 1 us\n",
		"# figure: " NAME_48 "9 1 us\n",
		"# figure: a " ZEROS_64 ZEROS_64 "1 us\n",
		" # figure: a 1 us\n",
		"#figure: a 1 us\n",
		"# Figure: a 1 us\n",
		"# figure: cut_off 1 us",
		"# figure: a 1 us\r\n",
		"",
	};

	for (gsize i = 0; i < G_N_ELEMENTS(wrong); i++) {
		g_autofree char *text = g_strdup_printf("# figure: good 1 us\n%s", wrong[i]);
		GArray *figures = read_text(text);

		g_assert_null(read_text(wrong[i]));
		g_assert_cmpuint(figures->len, ==, 1);
		assert_figure(figures, 0, "good", 1, FIGURE_US);
		g_array_unref(figures);
	}
	/* A NUL is no end of what is looked at, and no part of a figure. */
	static const char nul[] = "# figure: a 1\0 us\n# figure: b 2 us\n";
	GArray *figures = figures_read(nul, sizeof(nul) - 1);

	g_assert_cmpuint(figures->len, ==, 1);
	assert_figure(figures, 0, "b", 2, FIGURE_US);
	g_array_unref(figures);
	figures = read_text("# figure: " NAME_48 " 1 us\n");
	assert_figure(figures, 0, NAME_48, 1, FIGURE_US);
	g_array_unref(figures);
}

static void bounds(void)
{
	g_autoptr(GString) text = g_string_new("# figure: f0 7 %\n");
	GArray *figures;

	/* The first of a name counts. */
	for (guint i = 0; i < 2 * FIGURES_MAX; i++)
		g_string_append_printf(text, "# figure: f%u %u us\n", i, i);
	figures = figures_read(text->str, text->len);
	g_assert_cmpuint(figures->len, ==, FIGURES_MAX);
	assert_figure(figures, 0, "f0", 7, FIGURE_PERCENT);
	assert_figure(figures, FIGURES_MAX - 1, "f63", 63, FIGURE_US);
	g_array_unref(figures);
}

static GArray *from_text(const char *text)
{
	json_t *json = json_loads(text, JSON_DECODE_ANY, NULL);
	GArray *figures = figures_from_json(json);

	g_assert_nonnull(json);
	json_decref(json);
	return figures;
}

static void json(void)
{
	GArray *figures = read_text("# figure: b 12.3 us\n# figure: a 1234567.5 /s\n"
				    "# figure: c 0 %\n");
	json_t *object = figures_to_json(figures);
	char *text = json_dumps(object, JSON_COMPACT | FIGURE_JSON_FLAGS);
	GArray *back = from_text(text);

	g_assert_cmpstr(text, ==,
			"{\"b\":{\"value\":12.3,\"unit\":\"us\"},"
			"\"a\":{\"value\":1234567.5,\"unit\":\"/s\"},"
			"\"c\":{\"value\":0.0,\"unit\":\"%\"}}");
	g_assert_cmpuint(back->len, ==, 3);
	for (guint i = 0; i < back->len; i++)
		assert_figure(back, i, nth(figures, i)->name, nth(figures, i)->value,
			      nth(figures, i)->unit);
	free(text);
	json_decref(object);
	g_array_unref(figures);
	g_array_unref(back);
}

/* A file may come from anywhere. */
static void hostile_json(void)
{
	static const char *const wrong[] = {
		"7",
		"\"a\"",
		"null",
		"[{\"value\":1,\"unit\":\"us\"}]",
		"{}",
		"{\"a\":1}",
		"{\"a\":{}}",
		"{\"a\":{\"value\":1}}",
		"{\"a\":{\"unit\":\"us\"}}",
		"{\"a\":{\"value\":\"1\",\"unit\":\"us\"}}",
		"{\"a\":{\"value\":1,\"unit\":7}}",
		"{\"a\":{\"value\":1,\"unit\":\"\"}}",
		"{\"a\":{\"value\":1,\"unit\":\"parsecs\"}}",
		"{\"a\":{\"value\":1e300,\"unit\":\"us\"}}",
		"{\"a\":{\"value\":9223372036854775807,\"unit\":\"us\"}}",
		"{\"\":{\"value\":1,\"unit\":\"us\"}}",
		"{\"a b\":{\"value\":1,\"unit\":\"us\"}}",
		"{\"\\u001b[31m\":{\"value\":1,\"unit\":\"us\"}}",
		"{\"\\u00e4\":{\"value\":1,\"unit\":\"us\"}}",
		"{\"" NAME_48 "9\":{\"value\":1,\"unit\":\"us\"}}",
	};
	g_autoptr(GString) many = g_string_new("{\"x\":0");
	GArray *figures;

	for (gsize i = 0; i < G_N_ELEMENTS(wrong); i++)
		g_assert_null(from_text(wrong[i]));
	g_assert_null(figures_from_json(NULL));
	/* Integers are numbers, too. */
	figures = from_text("{\"a\":{\"value\":3,\"unit\":\"%\",\"more\":[]}}");
	assert_figure(figures, 0, "a", 3, FIGURE_PERCENT);
	g_array_unref(figures);
	for (guint i = 0; i < 2 * FIGURES_MAX; i++)
		g_string_append_printf(many, ",\"f%u\":{\"value\":1,\"unit\":\"us\"}", i);
	g_string_append_c(many, '}');
	figures = from_text(many->str);
	g_assert_cmpuint(figures->len, ==, FIGURES_MAX);
	g_array_unref(figures);
}

static void texts(void)
{
	static const struct {
		double value;
		enum figure_unit unit;
		const char *text;
	} all[] = {
		{ 0, FIGURE_US, "0 us" },
		{ 0.01234, FIGURE_US, "0.0123 us" },
		{ 12.345, FIGURE_US, "12.3 us" },
		{ 99.96, FIGURE_PERCENT, "100 %" },
		{ 123456.7, FIGURE_PER_SECOND, "123457 /s" },
		{ -1e15, FIGURE_PER_SECOND, "-1000000000000000 /s" },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(all); i++) {
		g_autofree char *text = figure_text(all[i].value, all[i].unit);

		g_assert_cmpstr(text, ==, all[i].text);
	}
}

static void machines(void)
{
	json_t *info = json_pack("{s:{s:{s:{s:s}}, s:{s:{s:s}}, s:{s:{s:s}}}}", "machines", "lab",
				 "describe", "accelerator", "tcg", "guest", "facts", "virtual",
				 "yes", "metal", "facts", "kernel", "7");

	g_assert_true(figures_are_virtual(info, "lab"));
	g_assert_true(figures_are_virtual(info, "guest"));
	g_assert_false(figures_are_virtual(info, "metal"));
	g_assert_false(figures_are_virtual(info, "none"));
	g_assert_false(figures_are_virtual(NULL, "none"));
	json_decref(info);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/figure/lines", lines);
	g_test_add_func("/figure/hostile-lines", hostile_lines);
	g_test_add_func("/figure/bounds", bounds);
	g_test_add_func("/figure/json", json);
	g_test_add_func("/figure/hostile-json", hostile_json);
	g_test_add_func("/figure/texts", texts);
	g_test_add_func("/figure/machines", machines);
	return g_test_run();
}
