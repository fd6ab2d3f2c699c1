// SPDX-License-Identifier: GPL-2.0-or-later
/* The commands that look at several runs. */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "cli/cli.h"
#include "runner/compare.h"
#include "runner/folders.h"

static enum exit_status code_of(enum parsed parsed)
{
	return parsed == PARSED_HELP_SHOWN ? EXIT_STATUS_GOOD : EXIT_STATUS_USAGE;
}

static enum exit_status usage(const struct command *command)
{
	fprintf(stderr, "iommut: it is: iommut %s %s\n", command->name, command->arguments);
	return EXIT_STATUS_USAGE;
}

/* A report that did not get out is no report. */
static enum exit_status show(const GString *text, enum exit_status code)
{
	if (fwrite(text->str, 1, text->len, stdout) == text->len && fflush(stdout) == 0)
		return code;
	fprintf(stderr, "iommut: cannot write: %s\n", g_strerror(errno));
	return EXIT_STATUS_TROUBLE;
}

static GPtrArray *load_runs(char **folders, GError **error)
{
	GPtrArray *runs = g_ptr_array_new_with_free_func((GDestroyNotify)run_free);

	for (char **folder = folders; *folder; folder++) {
		struct run *run = run_load(*folder, error);

		if (!run) {
			g_ptr_array_unref(runs);
			return NULL;
		}
		run_check_live(run);
		g_ptr_array_add(runs, run);
	}
	return runs;
}

enum exit_status command_diff(const struct command *command, int argc, char **argv)
{
	static const char description[] =
		"What was tested and differs comes first, then the cases that broke, were\n"
		"fixed, are new or gone, then durations and figures that changed by more than\n"
		"noise. The exit status is 1 if a case broke, or is new and bad, so that it\n"
		"serves in a bisection as it is; neither a duration nor a figure changes it.\n"
		"Where nothing did, it is 3 if the second run is not whole.\n";
	GOptionContext *context = cli_context(command, description);
	g_auto(GStrv) rest = NULL;
	g_autoptr(GPtrArray) runs = NULL, lacks = NULL;
	g_autoptr(GString) text = g_string_new(NULL);
	enum parsed parsed = cli_parse(context, argc, argv, &rest);
	GError *error = NULL;
	guint regressions;

	if (parsed != PARSED_GO_ON)
		return code_of(parsed);
	if (!rest || g_strv_length(rest) != 2)
		return usage(command);
	runs = load_runs(rest, &error);
	if (!runs)
		return cli_complain(error);
	regressions = compare_diff(runs->pdata[0], runs->pdata[1],
				   isatty(STDOUT_FILENO) && !g_getenv("NO_COLOR"), text);
	if (regressions)
		return show(text, EXIT_STATUS_FAILURES);
	lacks = run_lacks(runs->pdata[1]);
	return show(text, lacks->len ? EXIT_STATUS_TROUBLE : EXIT_STATUS_GOOD);
}

enum exit_status command_merge(const struct command *command, int argc, char **argv)
{
	static const char description[] =
		"Puts the results of shards, or of machines that were tested apart, into the\n"
		"new run directory FOLDER, which iommut report then reports as one.\n";
	GOptionContext *context = cli_context(command, description);
	g_auto(GStrv) rest = NULL;
	g_autoptr(GPtrArray) runs = NULL;
	enum parsed parsed = cli_parse(context, argc, argv, &rest);
	GError *error = NULL;

	if (parsed != PARSED_GO_ON)
		return code_of(parsed);
	if (!rest || g_strv_length(rest) < 2)
		return usage(command);
	runs = load_runs(rest + 1, &error);
	if (!runs || !compare_merge(rest[0], runs, &error))
		return cli_complain(error);
	return EXIT_STATUS_GOOD;
}

static int by_name(gconstpointer a, gconstpointer b)
{
	return g_strcmp0(*(const char *const *)a, *(const char *const *)b);
}

/* The run directories in a folder; their names are times, so that their order is that of time. */
static char **runs_in(const char *folder, GError **error)
{
	g_autoptr(GDir) dir = g_dir_open(folder, 0, error);
	GPtrArray *names = g_ptr_array_new();
	const char *name;

	while (dir && (name = g_dir_read_name(dir))) {
		g_autofree char *info = g_build_filename(folder, name, "run.json", NULL);
		g_autofree char *path = g_build_filename(folder, name, NULL);

		/* A link is another name of one that is there. */
		if (g_file_test(info, G_FILE_TEST_IS_REGULAR) &&
		    !g_file_test(path, G_FILE_TEST_IS_SYMLINK))
			g_ptr_array_add(names, g_steal_pointer(&path));
	}
	g_ptr_array_sort(names, by_name);
	g_ptr_array_add(names, NULL);
	return (char **)g_ptr_array_free(names, FALSE);
}

GPtrArray *cli_load_runs_in(const char *folder, GError **error)
{
	g_auto(GStrv) folders = NULL;
	GError *problem = NULL;

	if (!g_file_test(folder, G_FILE_TEST_IS_DIR)) {
		g_set_error(error, RUNNER_ERROR, RUNNER_ERROR_USAGE, "no such folder: %s", folder);
		return NULL;
	}
	folders = runs_in(folder, &problem);
	if (!problem)
		return load_runs(folders, error);
	g_propagate_error(error, problem);
	return NULL;
}

enum exit_status command_history(const struct command *command, int argc, char **argv)
{
	static const char description[] =
		"FOLDER holds run directories, oldest first by name. For each case that was\n"
		"ever bad: in how many of the runs, how often it changed (a flake changes\n"
		"often), and since when it is bad. The exit status is 1 if a case is bad in\n"
		"the last run it was part of.\n";
	GOptionContext *context = cli_context(command, description);
	g_auto(GStrv) rest = NULL;
	g_autoptr(GPtrArray) runs = NULL;
	g_autoptr(GString) text = g_string_new(NULL);
	gboolean all = FALSE;
	GError *error = NULL;
	enum parsed parsed;
	guint bad;
	const GOptionEntry entries[] = {
		{ "all", 'a', 0, G_OPTION_ARG_NONE, &all, "Also cases that were never bad", NULL },
		{ 0 },
	};

	g_option_context_add_main_entries(context, entries, NULL);
	parsed = cli_parse(context, argc, argv, &rest);
	if (parsed != PARSED_GO_ON)
		return code_of(parsed);
	if (!rest || g_strv_length(rest) != 1)
		return usage(command);
	runs = cli_load_runs_in(rest[0], &error);
	if (!runs)
		return cli_complain(error);
	if (!runs->len) {
		fprintf(stderr, "iommut: no run directory in %s\n", rest[0]);
		return EXIT_STATUS_USAGE;
	}
	bad = compare_history(runs, all, text);
	return show(text, bad ? EXIT_STATUS_FAILURES : EXIT_STATUS_GOOD);
}

/* The words that a run was started with, so that it does what it was to do; its folder and seed stay. */
static char **resuming_words(const struct run *run, GError **error)
{
	const json_t *command = json_object_get(run->info, "command");
	const char *seed = json_string_value(json_object_get(run->info, "seed"));
	g_autoptr(GStrvBuilder) words = g_strv_builder_new();
	g_autofree char *folder = g_canonicalize_filename(run->folder, NULL);
	g_autofree char *resume = g_strconcat("--resume=", folder, NULL);
	g_autofree char *with_seed = g_strconcat("--seed=", seed, NULL);

	if (json_object_get(run->info, "merged")) {
		g_set_error(error, RUNNER_ERROR, RUNNER_ERROR_USAGE,
			    "%s was made by iommut merge: resume the run that is not whole, then "
			    "merge again",
			    run->folder);
		return NULL;
	}
	if (!json_array_size(command) || !seed) {
		g_set_error(error, RUNNER_ERROR, RUNNER_ERROR_USAGE,
			    "%s does not say how it was started", run->folder);
		return NULL;
	}
	for (gsize i = 0; i < json_array_size(command); i++) {
		const char *word = json_string_value(json_array_get(command, i));

		g_strv_builder_add(words, word ? word : "");
		if (i == 0)
			g_strv_builder_add_many(words, resume, with_seed, NULL);
	}
	return g_strv_builder_end(words);
}

enum exit_status command_resume(const struct command *command, int argc, char **argv)
{
	static const char description[] =
		"Goes on with a run that was stopped, or whose runner or machine died: every\n"
		"case that has no result runs, with the options the run was started with.\n"
		"Without RUN, the last run.\n";
	GOptionContext *context = cli_context(command, description);
	g_auto(GStrv) rest = NULL, words = NULL;
	g_autofree char **view = NULL;
	g_autofree char *folder = NULL;
	enum parsed parsed = cli_parse(context, argc, argv, &rest);
	GError *error = NULL;
	struct run *run;
	const char *directory;

	if (parsed != PARSED_GO_ON)
		return code_of(parsed);
	if (rest && g_strv_length(rest) > 1)
		return usage(command);
	folder = rest && rest[0] ? g_strdup(rest[0]) : folders_last_run(&error);
	run = folder ? run_load(folder, &error) : NULL;
	if (run)
		words = resuming_words(run, &error);
	if (!words) {
		run_free(run);
		return cli_complain(error);
	}
	/* Paths among its words are meant from there. */
	directory = json_string_value(json_object_get(run->info, "directory"));
	if (directory && chdir(directory) != 0) {
		fprintf(stderr, "iommut: %s: %s\n", directory, g_strerror(errno));
		run_free(run);
		return EXIT_STATUS_TROUBLE;
	}
	run_free(run);
	/* GLib's parser moves the words about. */
	view = g_memdup2(words, (g_strv_length(words) + 1) * sizeof(*words));
	return cli_run_again((int)g_strv_length(words), view);
}
