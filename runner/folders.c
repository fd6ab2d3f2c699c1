// SPDX-License-Identifier: GPL-2.0-or-later
#include "runner/folders.h"

#include <glib/gstdio.h>
#include <unistd.h>

#include "runner/verdict.h"

char *folders_of_runs(void)
{
	return g_build_filename(g_get_user_state_dir(), "iommutests", "runs", NULL);
}

static char *last_link(void)
{
	g_autofree char *runs = folders_of_runs();

	return g_build_filename(runs, "latest", NULL);
}

char *folders_new_run(void)
{
	g_autoptr(GDateTime) now = g_date_time_new_now_local();
	g_autofree char *runs = folders_of_runs();
	g_autofree char *time = g_date_time_format(now, "%Y%m%d-%H%M%S");
	char *folder = g_build_filename(runs, time, NULL);

	/* Two runs within a second. */
	for (guint i = 2; g_file_test(folder, G_FILE_TEST_EXISTS); i++) {
		g_free(folder);
		folder = g_strdup_printf("%s/%s-%u", runs, time, i);
	}
	return folder;
}

void folders_note_last(const char *folder)
{
	g_autofree char *link_path = last_link();
	g_autofree char *fresh = g_strdup_printf("%s.%d", link_path, getpid());
	g_autofree char *runs = folders_of_runs();
	g_autofree char *target = g_canonicalize_filename(folder, NULL);

	if (g_mkdir_with_parents(runs, 0755) == 0 && symlink(target, fresh) == 0 &&
	    g_rename(fresh, link_path) != 0)
		g_unlink(fresh);
}

char *folders_last_run(GError **error)
{
	g_autofree char *link_path = last_link();
	char *folder = g_file_read_link(link_path, NULL);

	if (!folder)
		g_set_error_literal(error, RUNNER_ERROR, RUNNER_ERROR_USAGE,
				    "there was no run yet: name a run directory");
	return folder;
}
