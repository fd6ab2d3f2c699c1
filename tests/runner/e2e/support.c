// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/runner/e2e/support.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/wait.h>

const char *program;
const char *suites;
static char *state;

void clear(struct outcome *outcome)
{
	g_free(outcome->out);
	g_free(outcome->err);
}

char *new_folder(void)
{
	char *folder = g_dir_make_tmp("iommut-e2e-XXXXXX", NULL);

	g_assert_nonnull(folder);
	return folder;
}

void remove_tree(const char *path)
{
	const char *name;
	GDir *dir = g_file_test(path, G_FILE_TEST_IS_SYMLINK) ? NULL : g_dir_open(path, 0, NULL);

	while (dir && (name = g_dir_read_name(dir))) {
		g_autofree char *child = g_build_filename(path, name, NULL);

		remove_tree(child);
	}
	if (dir)
		g_dir_close(dir);
	g_remove(path);
}

struct outcome iommut(const char *format, ...)
{
	g_autofree char *text = NULL, *line = NULL;
	g_auto(GStrv) words = NULL;
	g_autoptr(GError) error = NULL;
	struct outcome outcome = { 0 };
	va_list arguments;
	int status;

	va_start(arguments, format);
	text = g_strdup_vprintf(format, arguments);
	va_end(arguments);
	line = g_strdup_printf("%s %s", program, text);
	words = g_strsplit(line, " ", -1);
	g_spawn_sync(NULL, words, NULL, G_SPAWN_DEFAULT, NULL, NULL, &outcome.out, &outcome.err,
		     &status, &error);
	g_assert_no_error(error);
	g_assert_true(WIFEXITED(status));
	outcome.code = WEXITSTATUS(status);
	return outcome;
}

struct run *load(const char *folder)
{
	g_autoptr(GError) error = NULL;
	struct run *run = run_load(folder, &error);

	g_assert_no_error(error);
	return run;
}

const struct result *result_of(const struct run *run, const char *id)
{
	for (guint i = 0; i < run->results->len; i++) {
		const struct result *result = run->results->pdata[i];

		if (g_str_equal(result->id, id))
			return result;
	}
	g_test_message("no result of %s", id);
	g_assert_not_reached();
}

void support_init(int *argc, char ***argv)
{
	g_test_init(argc, argv, NULL);
	if (*argc != 3)
		g_error("usage: %s IOMMUT SUITES", (*argv)[0]);
	program = (*argv)[1];
	suites = (*argv)[2];
	state = new_folder();
	g_setenv("XDG_STATE_HOME", state, TRUE);
	g_setenv("IOMMUT_CONFIG", "", TRUE);
}

int support_run(const struct support_test *tests, gsize count)
{
	int code;

	for (gsize i = 0; i < count; i++)
		g_test_add_func(tests[i].name, tests[i].run);
	code = g_test_run();
	remove_tree(state);
	g_free(state);
	return code;
}
