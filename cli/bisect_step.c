// SPDX-License-Identifier: GPL-2.0-or-later
/* What iommut bisect does at each commit: build the kernel, run the case, and judge. */
#include <errno.h>
#include <gio/gio.h>
#include <stdio.h>

#include "cli/bisect.h"
#include "cli/cli.h"
#include "runner/record.h"
#include "runner/text.h"

#define LOG_LINES 15

/* In a shell at the top of the tree. What was built before is kept: only what differs is compiled. */
static const char build_kernel[] =
	"cp \"$CONFIG\" \"$BUILD/.config\" && make -s O=\"$BUILD\" olddefconfig && "
	"make -s O=\"$BUILD\" -j\"$(nproc)\" vmlinux bzImage";

static void show_end(const char *path)
{
	g_autofree char *text = NULL;
	g_auto(GStrv) lines = NULL;
	gsize length;
	guint count;

	if (!g_file_get_contents(path, &text, &length, NULL))
		return;
	{
		g_autofree char *clean = text_clean(text, (gssize)length, 4 * length + 16);

		lines = g_strsplit(g_strchomp(clean), "\n", -1);
	}
	count = g_strv_length(lines);
	for (guint i = count > LOG_LINES ? count - LOG_LINES : 0; i < count; i++)
		fprintf(stderr, "  %s\n", lines[i]);
}

static gboolean build_it(const struct bisect *bisect, GError **error)
{
	const char *const words[] = { "/bin/sh", "-c", bisect->build ? bisect->build : build_kernel,
				      NULL };
	g_autoptr(GSubprocessLauncher) launcher =
		g_subprocess_launcher_new(G_SUBPROCESS_FLAGS_STDERR_MERGE);
	g_autofree char *log = g_build_filename(bisect->folder, "build.log", NULL);
	g_autoptr(GSubprocess) process = NULL;

	g_subprocess_launcher_setenv(launcher, "BUILD", bisect->folder, TRUE);
	if (bisect->config)
		g_subprocess_launcher_setenv(launcher, "CONFIG", bisect->config, TRUE);
	g_subprocess_launcher_set_stdin_file_path(launcher, "/dev/null");
	g_subprocess_launcher_set_stdout_file_path(launcher, log);
	process = g_subprocess_launcher_spawnv(launcher, words, error);
	if (!process || !g_subprocess_wait(process, NULL, error))
		return FALSE;
	if (g_subprocess_get_successful(process))
		return TRUE;
	fprintf(stderr, "iommut: this commit does not build (%s):\n", log);
	show_end(log);
	return FALSE;
}

/* Our own program again, with the kernel that was built and a place for the results. */
static char **test_words(const struct bisect *bisect, const char *run)
{
	g_autoptr(GStrvBuilder) words = g_strv_builder_new();
	g_autofree char *repeat = g_strdup_printf("--repeat=%d", bisect->repeat);
	g_autofree char *output = g_strdup_printf("--output=%s", run);

	g_strv_builder_add_many(words, "/proc/self/exe", bisect->words[0], NULL);
	if (g_str_equal(bisect->words[0], "lab"))
		g_strv_builder_add_many(words, "--kernel", bisect->folder, NULL);
	g_strv_builder_add_many(words, repeat, "--stop-first", "--quiet", output, NULL);
	g_strv_builder_addv(words, (const char **)bisect->words + 1);
	return g_strv_builder_end(words);
}

static void remove_tree(const char *path)
{
	const char *const words[] = { "rm", "-rf", "--", path, NULL };
	g_autoptr(GSubprocess) process = g_subprocess_newv(words, G_SUBPROCESS_FLAGS_NONE, NULL);

	if (process)
		g_subprocess_wait(process, NULL, NULL);
}

/*
 * The case decides. What could not run, or was skipped, says nothing of the commit; and a case that was not tried as often as it was
 * to be may have failed in the rest.
 */
static int judge_commit(const char *folder)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(test_run) run = run_load(folder, &error);
	g_autoptr(GPtrArray) lacks = NULL;
	guint good, bad;
	gboolean tried;

	if (!run) {
		text_complain(error);
		return COMMIT_IS_MUTE;
	}
	good = run->counts[VERDICT_PASS] + run->counts[VERDICT_XPASS];
	bad = run->counts[VERDICT_FAIL] + run->counts[VERDICT_CRASH] +
	      run->counts[VERDICT_TIMEOUT] + run->counts[VERDICT_XFAIL];
	lacks = run_lacks(run);
	/* An unexpected pass stops a run as a failure does. */
	tried = good && !run->counts[VERDICT_ERROR] && (!lacks->len || run->counts[VERDICT_XPASS]);
	fprintf(stderr, "iommut: %u good, %u bad, %u skipped, %u errors: this commit %s\n", good,
		bad, run->counts[VERDICT_SKIP], run->counts[VERDICT_ERROR],
		bad     ? "is bad"
		: tried ? "is good"
			: "cannot be tested");
	return bad ? COMMIT_IS_BAD : tried ? COMMIT_IS_GOOD : COMMIT_IS_MUTE;
}

static int test_it(const struct bisect *bisect, GError **error)
{
	g_autofree char *run = g_build_filename(bisect->folder, "run", NULL);
	g_auto(GStrv) words = test_words(bisect, run);
	g_autoptr(GSubprocess) process = NULL;

	remove_tree(run);
	process = g_subprocess_newv((const char *const *)words, G_SUBPROCESS_FLAGS_NONE, error);
	if (!process || !g_subprocess_wait(process, NULL, error))
		return GIVE_UP;
	if (g_subprocess_get_if_exited(process) &&
	    g_subprocess_get_exit_status(process) == EXIT_STATUS_USAGE)
		return GIVE_UP;
	/* Somebody pressed ^C: that is about no commit. */
	if (!g_subprocess_get_if_exited(process))
		return GIVE_UP;
	return judge_commit(run);
}

int bisect_step(const struct bisect *bisect)
{
	g_autoptr(GError) error = NULL;
	int code;

	if (g_mkdir_with_parents(bisect->folder, 0755) != 0) {
		fprintf(stderr, "iommut: cannot make %s: %s\n", bisect->folder, g_strerror(errno));
		return GIVE_UP;
	}
	if (!build_it(bisect, &error)) {
		if (!error)
			return COMMIT_IS_MUTE;
		text_complain(error);
		return GIVE_UP;
	}
	code = test_it(bisect, &error);
	if (error)
		text_complain(error);
	return code;
}
