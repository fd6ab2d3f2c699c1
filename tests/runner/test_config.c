// SPDX-License-Identifier: GPL-2.0-or-later
#include <glib/gstdio.h>
#include <string.h>

#include "runner/config.h"
#include "runner/verdict.h"

static void parse(GPtrArray *settings, const char *text, const char *place)
{
	g_autoptr(GError) error = NULL;

	config_parse(settings, text, strlen(text), place, &error);
	g_assert_no_error(error);
}

static void expect(const GPtrArray *settings, const char *command, const char *typed,
		   const char *expected)
{
	g_auto(GStrv) argv = g_strsplit(typed, " ", -1);
	g_auto(GStrv) words = config_arguments(settings, command, (int)g_strv_length(argv), argv);
	g_autofree char *line = g_strjoinv(" ", words);

	g_assert_cmpstr(line, ==, expected);
}

/* A later file wins over an earlier one, what is typed over both; commands do not see each other's settings. */
static void order(void)
{
	g_autoptr(GPtrArray) settings = config_new();

	parse(settings, "[run]\nbackend=type1;compat\njobs=2\nquiet=true\nforce=false\n",
	      "machine");
	parse(settings, "[run]\njobs=3\n[lab]\nprofile=amd\n", "project");
	expect(settings, "run", "run", "run --backend=type1 --backend=compat --quiet --jobs=3");
	expect(settings, "run", "run -b iommufd dma", "run --quiet --jobs=3 -b iommufd dma");
	expect(settings, "run", "run --backend=iommufd --jobs 1",
	       "run --quiet --backend=iommufd --jobs 1");
	/* Behind -- come patterns. */
	expect(settings, "run", "run -- -j",
	       "run --backend=type1 --backend=compat --quiet --jobs=3 -- -j");
	expect(settings, "lab", "lab", "lab --profile=amd");
	expect(settings, "list", "list", "list");
	parse(settings, "[run]\nquiet=false\nbackend=\n", "user");
	expect(settings, "run", "run", "run --jobs=3");
}

static void mistakes(void)
{
	static const char *const texts[] = { "[walk]\nx=1\n", "x=1\n", "[run\n", "\xff",
					     "[run]\n-x=1\n" };

	for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
		g_autoptr(GPtrArray) settings = config_new();
		g_autoptr(GError) error = NULL;

		g_assert_false(config_parse(settings, texts[i], strlen(texts[i]), "file", &error));
		g_assert_nonnull(error);
	}
}

static void files(void)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *path = NULL;
	g_autoptr(GPtrArray) settings = NULL, none = NULL;
	int fd = g_file_open_tmp("iommut-config-XXXXXX", &path, NULL);

	g_assert_cmpint(fd, >=, 0);
	g_close(fd, NULL);
	g_assert_true(g_file_set_contents(path, "[run]\nquiet=true\n", -1, NULL));
	g_setenv("IOMMUT_CONFIG", path, TRUE);
	settings = config_load(&error);
	g_assert_no_error(error);
	g_assert_cmpuint(settings->len, ==, 1);
	g_assert_cmpstr(((struct setting *)settings->pdata[0])->place, ==, path);
	g_unlink(path);
	/* Who names a file means it. */
	g_assert_null(config_load(&error));
	g_assert_error(error, RUNNER_ERROR, RUNNER_ERROR_USAGE);
	g_setenv("IOMMUT_CONFIG", "", TRUE);
	none = config_load(NULL);
	g_assert_cmpuint(none->len, ==, 0);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/config/order", order);
	g_test_add_func("/config/mistakes", mistakes);
	g_test_add_func("/config/files", files);
	return g_test_run();
}
