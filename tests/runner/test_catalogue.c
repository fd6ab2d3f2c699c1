// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "runner/catalogue.h"

#define GOOD                                                                                      \
	"{\"suite\":\"dma\",\"case\":\"write\",\"proves\":\"p\",\"rule\":\"r\",\"marks\":"        \
	"[\"slow\"],\"needs\":[],\"devices\":1,\"timeout_ms\":500,\"params\":[{\"name\":\"a\","   \
	"\"values\":[\"1\",\"2\"]},{\"name\":\"b\",\"values\":[\"x\",\"y\"],\"default\":\"x\"}]," \
	"\"excludes\":[\"a=2,b=y\",\"engine=edu,a=1\"]}"

static struct test_case *parse(const char *line)
{
	return test_case_parse(line, strlen(line), NULL);
}

static void good(void)
{
	g_autoptr(test_case) which = parse(GOOD);

	g_assert_nonnull(which);
	g_assert_cmpstr(which->suite, ==, "dma");
	g_assert_cmpstr(which->name, ==, "write");
	g_assert_true(test_case_has_mark(which, "slow"));
	g_assert_false(test_case_has_mark(which, "slo"));
	g_assert_cmpuint(which->devices, ==, 1);
	g_assert_cmpuint(which->timeout_ms, ==, 500);
	g_assert_nonnull(test_case_parameter(which, "b"));
	g_assert_null(test_case_parameter(which, "c"));
}

static void collect(const struct test_case *which, const char *const *values, gpointer data)
{
	g_autofree char *text = variant_text(which, NULL, values, NULL);

	g_string_append(data, text);
	g_string_append_c(data, ' ');
}

/* Product, constraints, and defaults that are left out: IDs do not change when a parameter with a default is added. */
static void variants(void)
{
	g_autoptr(test_case) which = parse(GOOD);
	g_autoptr(GString) all = g_string_new(NULL);

	g_assert_true(test_case_for_each_variant(which, NULL, collect, all));
	g_assert_cmpstr(all->str, ==, "write[a=1] write[a=1,b=y] write[a=2] ");
	g_string_truncate(all, 0);
	g_assert_true(test_case_for_each_variant(which, "edu", collect, all));
	g_assert_cmpstr(all->str, ==, "write[a=2] ");
}

static void texts(void)
{
	static const char *const values[] = { "1", "x", NULL };
	g_autoptr(test_case) which = parse(GOOD);
	g_autoptr(test_case) bare = parse("{\"suite\":\"s\",\"case\":\"c\"}");
	g_autofree char *full = variant_text(which, "edu", values, "0000:00:05.0");
	g_autofree char *plain = variant_text(bare, NULL, NULL, NULL);

	g_assert_cmpstr(full, ==, "write[engine=edu,a=1,device=0000:00:05.0]");
	g_assert_cmpstr(plain, ==, "c");
	g_assert_cmpuint(bare->timeout_ms, ==, 10000);
}

static void too_many(void)
{
	g_autoptr(GString) line = g_string_new("{\"suite\":\"s\",\"case\":\"c\",\"params\":[");
	g_autoptr(test_case) which = NULL;

	for (guint i = 0; i < 3; i++) {
		g_string_append_printf(line, "%s{\"name\":\"p%u\",\"values\":[\"0\"", i ? "," : "",
				       i);
		for (guint j = 1; j < 200; j++)
			g_string_append_printf(line, ",\"%u\"", j);
		g_string_append(line, "]}");
	}
	g_string_append(line, "]}");
	which = parse(line->str);
	g_assert_nonnull(which);
	g_assert_false(test_case_for_each_variant(which, NULL, collect, NULL));
}

static void bad(void)
{
	static const char *const lines[] = {
		"",
		"{",
		"[]",
		"{}",
		"{\"suite\":\"s\"}",
		"{\"suite\":\"../s\",\"case\":\"c\"}",
		"{\"suite\":\"s\",\"case\":\"a b\"}",
		"{\"suite\":\"s\",\"case\":\"c\",\"suite\":\"t\"}",
		"{\"suite\":\"s\",\"case\":\"c\",\"devices\":3}",
		"{\"suite\":\"s\",\"case\":\"c\",\"devices\":-1}",
		"{\"suite\":\"s\",\"case\":\"c\",\"devices\":\"1\"}",
		"{\"suite\":\"s\",\"case\":\"c\",\"timeout_ms\":0}",
		"{\"suite\":\"s\",\"case\":\"c\",\"timeout_ms\":1e99}",
		"{\"suite\":\"s\",\"case\":\"c\",\"marks\":\"slow\"}",
		"{\"suite\":\"s\",\"case\":\"c\",\"marks\":[1]}",
		"{\"suite\":\"s\",\"case\":\"c\",\"params\":{}}",
		"{\"suite\":\"s\",\"case\":\"c\",\"params\":[{\"name\":\"a\"}]}",
		"{\"suite\":\"s\",\"case\":\"c\",\"params\":[{\"name\":\"a\",\"values\":[]}]}",
		"{\"suite\":\"s\",\"case\":\"c\",\"params\":[{\"name\":\"a\",\"values\":[\"x]\"]}]"
		"}",
		"{\"suite\":\"s\",\"case\":\"c\",\"params\":[{\"name\":\"engine\",\"values\":["
		"\"x\"]}]}",
		"{\"suite\":\"s\",\"case\":\"c\",\"params\":[{\"name\":\"a\",\"values\":[\"x\"],"
		"\"default\":\"y\"}]}",
		"{\"suite\":\"s\",\"case\":\"c\",\"params\":[{\"name\":\"a\",\"values\":[\"x\"]},"
		"{\"name\":\"a\",\"values\":[\"x\"]}]}",
		"{\"suite\":\"s\",\"case\":\"c\",\"excludes\":[\"b=1\"]}",
		"{\"suite\":\"s\",\"case\":\"c\",\"excludes\":[\"b\"]}",
		"{\"suite\":\"s\",\"case\":\"c\"} x",
	};

	for (gsize i = 0; i < G_N_ELEMENTS(lines); i++) {
		g_autoptr(GError) error = NULL;

		g_assert_null(test_case_parse(lines[i], strlen(lines[i]), &error));
		g_assert_nonnull(error);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/catalogue/good", good);
	g_test_add_func("/catalogue/variants", variants);
	g_test_add_func("/catalogue/texts", texts);
	g_test_add_func("/catalogue/too-many", too_many);
	g_test_add_func("/catalogue/bad", bad);
	return g_test_run();
}
