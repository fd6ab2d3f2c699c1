// SPDX-License-Identifier: GPL-2.0-or-later
#include "runner/output.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "runner/verdict.h"

gboolean output_check(const char *option, const char *path, GError **error)
{
	g_autofree char *folder = NULL;
	const char *why = NULL;

	if (!path || g_str_equal(path, "-"))
		return TRUE;
	folder = g_path_get_dirname(path);
	if (!*path)
		why = "it has no name";
	else if (g_file_test(path, G_FILE_TEST_IS_DIR))
		why = "it is a folder";
	else if (g_file_test(path, G_FILE_TEST_EXISTS) &&
		 !g_file_test(path, G_FILE_TEST_IS_REGULAR))
		why = access(path, W_OK) == 0 ? NULL : g_strerror(errno);
	else if (!g_file_test(folder, G_FILE_TEST_IS_DIR))
		why = "there is no such folder";
	else if (access(folder, W_OK) != 0)
		why = g_strerror(errno);
	if (why)
		g_set_error(error, RUNNER_ERROR, RUNNER_ERROR_USAGE, "%s cannot write %s: %s",
			    option, path, why);
	return !why;
}

static gboolean write_stream(FILE *stream, const char *name, const GString *text, GError **error)
{
	if (fwrite(text->str, 1, text->len, stream) == text->len && fflush(stream) == 0)
		return TRUE;
	g_set_error(error, RUNNER_ERROR, RUNNER_ERROR_TROUBLE, "cannot write %s: %s", name,
		    g_strerror(errno));
	return FALSE;
}

gboolean output_save(const char *path, const GString *text, GError **error)
{
	gboolean good;
	FILE *file;

	if (g_str_equal(path, "-"))
		return write_stream(stdout, "stdout", text, error);
	if (!g_file_test(path, G_FILE_TEST_EXISTS) || g_file_test(path, G_FILE_TEST_IS_REGULAR))
		return g_file_set_contents(path, text->str, (gssize)text->len, error);
	file = fopen(path, "we");
	if (!file) {
		g_set_error(error, RUNNER_ERROR, RUNNER_ERROR_TROUBLE, "cannot write %s: %s", path,
			    g_strerror(errno));
		return FALSE;
	}
	good = write_stream(file, path, text, error);
	fclose(file);
	return good;
}
