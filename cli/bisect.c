// SPDX-License-Identifier: GPL-2.0-or-later
/* iommut bisect: the command that finds the commit of a kernel that broke a case. */
#include <gio/gio.h>
#include <stdio.h>
#include <string.h>

#include "cli/bisect.h"
#include "cli/cli.h"
#include "lab/lab.h"
#include "runner/flake.h"
#include "runner/folders.h"
#include "runner/record.h"
#include "runner/text.h"

static gboolean usage(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);
static gboolean usage(GError **error, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	if (error)
		*error = g_error_new_valist(RUNNER_ERROR, RUNNER_ERROR_USAGE, format, arguments);
	va_end(arguments);
	return FALSE;
}

/* A revision of the tree, as its commit. */
static char *commit_of(const struct bisect *bisect, const char *revision, GError **error)
{
	g_autofree char *name = g_strdup_printf("%s^{commit}", revision);
	const char *const words[] = { "git",      "-C",      bisect->tree, "rev-parse",
				      "--verify", "--quiet", name,         NULL };
	g_autoptr(GSubprocess) process = g_subprocess_newv(
		words, G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_SILENCE, error);
	g_autofree char *text = NULL;

	if (!process || !g_subprocess_communicate_utf8(process, NULL, NULL, &text, NULL, error))
		return NULL;
	if (g_subprocess_get_successful(process))
		return g_strdup(g_strchomp(text));
	usage(error, "%s is no commit of the git tree %s", revision, bisect->tree);
	return NULL;
}

static gboolean is_ancestor(const struct bisect *bisect, const char *older, const char *newer)
{
	const char *const words[] = { "git",           "-C",  bisect->tree, "merge-base",
				      "--is-ancestor", older, newer,        NULL };
	g_autoptr(GSubprocess) process =
		g_subprocess_newv(words, G_SUBPROCESS_FLAGS_STDERR_SILENCE, NULL);

	return process && g_subprocess_wait(process, NULL, NULL) &&
	       g_subprocess_get_successful(process);
}

/* A mistake in the command is to be found now, and not after the first kernel was built. Its patterns need a guest: they have to wait. */
static gboolean check_command(const struct bisect *bisect, GError **error)
{
	g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
	g_autoptr(GSubprocess) process = NULL;
	g_autofree char *complaint = NULL;
	g_auto(GStrv) words = NULL;

	if (!g_str_equal(bisect->words[0], "lab"))
		return TRUE;
	g_strv_builder_add_many(builder, "/proc/self/exe", "lab", "--print-qemu", NULL);
	g_strv_builder_addv(builder, (const char **)bisect->words + 1);
	words = g_strv_builder_end(builder);
	process = g_subprocess_newv(
		(const char *const *)words,
		G_SUBPROCESS_FLAGS_STDOUT_SILENCE | G_SUBPROCESS_FLAGS_STDERR_PIPE, error);
	if (!process ||
	    !g_subprocess_communicate_utf8(process, NULL, NULL, NULL, &complaint, error))
		return FALSE;
	if (!g_subprocess_get_if_exited(process) ||
	    g_subprocess_get_exit_status(process) != EXIT_STATUS_USAGE)
		return TRUE;
	return usage(error, "%s",
		     g_strchomp(complaint) + (g_str_has_prefix(complaint, "iommut: ") ? 8 : 0));
}

/* The value of a word's option, "--name VALUE" or "--name=VALUE"; NULL if it is not among them. */
static const char *option_in(char **words, const char *name)
{
	gsize length = strlen(name);

	for (; *words; words++) {
		if (g_str_equal(*words, name))
			return words[1];
		if (strncmp(*words, name, length) == 0 && (*words)[length] == '=')
			return *words + length + 1;
	}
	return NULL;
}

/* The words that are patterns: the others are options, or values that stand behind one. */
static char **patterns_in(char **words)
{
	g_autoptr(GStrvBuilder) patterns = g_strv_builder_new();

	for (char **word = words + 1; *word; word++)
		if (**word != '-' && (word[-1][0] != '-' || strchr(word[-1], '=')) &&
		    strchr(*word, '/') && **word != '/' && **word != '.')
			g_strv_builder_add(patterns, *word);
	return g_strv_builder_end(patterns);
}

static gboolean choose_repeat(struct bisect *bisect, GError **error)
{
	g_auto(GStrv) patterns = patterns_in(bisect->words);
	g_autofree char *folder = bisect->history ? g_strdup(bisect->history) : folders_of_runs();
	g_autoptr(GPtrArray) runs = NULL;
	struct flake flake;

	if (bisect->repeat)
		return TRUE;
	if (bisect->history || g_file_test(folder, G_FILE_TEST_IS_DIR))
		runs = cli_load_runs_in(folder, error);
	else
		runs = g_ptr_array_new();
	if (!runs)
		return FALSE;
	flake = flake_measure(runs, option_in(bisect->words, "--profile"), patterns);
	bisect->repeat = (int)flake_repeats(&flake);
	if (flake.times)
		fprintf(stderr,
			"iommut: it was bad in %u of %u attempts (%s): %d attempts for each "
			"commit\n",
			flake.bad, flake.times, folder, bisect->repeat);
	else
		fprintf(stderr,
			"iommut: no run in %s in which it was bad: %d attempts for each commit "
			"(--repeat)\n",
			folder, bisect->repeat);
	return TRUE;
}

/* The configuration and the folder of the lab, unless others were chosen. */
static gboolean choose_places(struct bisect *bisect, GError **error)
{
	g_autoptr(lab_config) config = NULL;
	char *absolute;

	if (!bisect->folder || (!bisect->config && !bisect->build)) {
		config = lab_config_new(NULL, NULL, NULL, error);
		if (!config)
			return FALSE;
	}
	if (!bisect->folder)
		bisect->folder = g_build_filename(config->cache, "bisect", NULL);
	if (!bisect->config && !bisect->build)
		bisect->config = g_strdup(config->kernel_config);
	if (!bisect->build && !bisect->config)
		return usage(error, "--config: the set-up built no kernel: give a configuration");
	if (bisect->config && !g_file_test(bisect->config, G_FILE_TEST_IS_REGULAR))
		return usage(error, "--config: no such file: %s", bisect->config);
	/* The steps run in the tree. */
	absolute = g_canonicalize_filename(bisect->folder, NULL);
	g_free(bisect->folder);
	bisect->folder = absolute;
	absolute = bisect->config ? g_canonicalize_filename(bisect->config, NULL) : NULL;
	g_free(bisect->config);
	bisect->config = absolute;
	return TRUE;
}

static gboolean check_tree(const struct bisect *bisect, GError **error)
{
	g_autofree char *git = g_build_filename(bisect->tree, ".git", NULL);
	g_autofree char *built = g_build_filename(bisect->tree, ".config", NULL);

	if (!g_file_test(git, G_FILE_TEST_EXISTS))
		return usage(error, "--tree: %s is not the top of a git tree", bisect->tree);
	if (!bisect->build && g_file_test(built, G_FILE_TEST_EXISTS))
		return usage(error,
			     "--tree: a kernel was built inside %s, so none can be built beside "
			     "it: make -C %s mrproper",
			     bisect->tree, bisect->tree);
	return TRUE;
}

static gboolean check_words(struct bisect *bisect, GError **error)
{
	char **words = bisect->words;

	/* As a report prints it: "iommut lab ...". */
	if (words && words[0] && g_str_has_suffix(words[0], "iommut")) {
		g_free(words[0]);
		memmove(words, words + 1,
			g_strv_length(words + 1) * sizeof(*words) + sizeof(*words));
	}
	if (!words || !words[0] || (!g_str_equal(words[0], "lab") && !g_str_equal(words[0], "run")))
		return usage(error, "after the options comes what repeats the failure: lab "
				    "--profile NAME ID");
	if (option_in(words, "--kernel"))
		return usage(error, "--kernel: the kernel is the one that is built");
	if (!bisect->build && g_str_equal(words[0], "run"))
		return usage(error, "run: --build says how a kernel gets onto the machine");
	return TRUE;
}

static void add_word(GString *line, const char *word)
{
	g_autofree char *quoted = text_shell_quote(word);

	g_string_append_printf(line, " %s", quoted);
}

static void add_option(GString *line, const char *name, const char *value)
{
	if (!value)
		return;
	add_word(line, name);
	add_word(line, value);
}

static void print_command(const struct bisect *bisect, const char *good, const char *bad)
{
	g_autofree char *program = g_file_read_link("/proc/self/exe", NULL);
	g_autofree char *repeat = g_strdup_printf("%d", bisect->repeat);
	g_autoptr(GString) line = g_string_new("git -C");

	add_word(line, bisect->tree);
	g_string_append_printf(line, " bisect start %s %s && git -C", bad, good);
	add_word(line, bisect->tree);
	g_string_append(line, " bisect run");
	add_word(line, program ? program : "iommut");
	g_string_append(line, " bisect --step");
	add_option(line, "--build-dir", bisect->folder);
	add_option(line, "--config", bisect->build ? NULL : bisect->config);
	add_option(line, "--build", bisect->build);
	add_option(line, "--repeat", repeat);
	for (char **word = bisect->words; *word; word++)
		add_word(line, *word);
	puts(line->str);
}

static gboolean prepare(struct bisect *bisect, GError **error)
{
	g_autofree char *tree = g_canonicalize_filename(bisect->tree ? bisect->tree : ".", NULL);
	g_autofree char *good = NULL, *bad = NULL;

	g_free(bisect->tree);
	bisect->tree = g_steal_pointer(&tree);
	if (!check_words(bisect, error) || !check_tree(bisect, error))
		return FALSE;
	if (!bisect->good)
		return usage(error, "--good REV is missing: a commit where the case passes");
	good = commit_of(bisect, bisect->good, error);
	bad = good ? commit_of(bisect, bisect->bad ? bisect->bad : "HEAD", error) : NULL;
	if (!bad)
		return FALSE;
	if (g_str_equal(good, bad))
		return usage(error, "--good and --bad are the same commit");
	if (is_ancestor(bisect, bad, good))
		return usage(error, "--good %s comes after --bad %s", bisect->good,
			     bisect->bad ? bisect->bad : "HEAD");
	if (!check_command(bisect, error))
		return FALSE;
	if (!choose_places(bisect, error) || !choose_repeat(bisect, error))
		return FALSE;
	print_command(bisect, good, bad);
	return TRUE;
}

/* As git bisect run wants it: of a mistake it must not take it that the commit is bad. */
static int step(struct bisect *bisect)
{
	GError *error = NULL;

	if (check_words(bisect, &error) && !bisect->folder)
		usage(&error, "--step needs --build-dir");
	if (!error) {
		bisect->repeat = MAX(bisect->repeat, 1);
		return bisect_step(bisect);
	}
	cli_complain(error);
	return GIVE_UP;
}

static enum exit_status print(struct bisect *bisect)
{
	GError *error = NULL;

	if (bisect->repeat < 0)
		usage(&error, "--repeat must be at least 1");
	else if (prepare(bisect, &error))
		return EXIT_STATUS_GOOD;
	return cli_complain(error);
}

enum exit_status command_bisect(const struct command *command, int argc, char **argv)
{
	static const char description[] =
		"Prints the command that finds the commit of a kernel that broke a case: git\n"
		"bisect, which at each commit builds the kernel with the lab's configuration,\n"
		"boots it, and runs what follows the options. A commit that does not build or\n"
		"boot, or on which the case is skipped, is passed over.\n\n"
		"Where the case fails only sometimes, it runs as often as its runs of before\n"
		"say that it must, so that a bad commit is taken for a good one once in a\n"
		"thousand times.\n\n"
		"Example: what a report's \"again:\" says, behind the options\n"
		"  iommut bisect --tree ~/linux --good v7.2 --bad v7.3 \\\n"
		"          iommut lab --profile amd 'dma/copy[engine=edu,backend=iommufd]'\n"
		"  sh -c \"$(iommut bisect ...)\"     to do it at once\n";
	struct bisect bisect = { 0 };
	GOptionContext *context = cli_context(command, description);
	const GOptionEntry entries[] = {
		{ "tree", 0, 0, G_OPTION_ARG_FILENAME, &bisect.tree,
		  "The kernel's git tree, in which nothing was built (the working directory)",
		  "DIR" },
		{ "good", 0, 0, G_OPTION_ARG_STRING, &bisect.good, "A commit where the case passes",
		  "REV" },
		{ "bad", 0, 0, G_OPTION_ARG_STRING, &bisect.bad, "A commit where it fails (HEAD)",
		  "REV" },
		{ "repeat", 0, 0, G_OPTION_ARG_INT, &bisect.repeat,
		  "How often the case runs at each commit", "N" },
		{ "history", 0, 0, G_OPTION_ARG_FILENAME, &bisect.history,
		  "Folder of runs that say how often it fails (where runs are recorded)", "DIR" },
		{ "config", 0, 0, G_OPTION_ARG_FILENAME, &bisect.config,
		  "Configuration of the kernel (the lab's)", "FILE" },
		{ "build-dir", 0, 0, G_OPTION_ARG_FILENAME, &bisect.folder,
		  "Where kernels are built, one after the other (bisect in the cache)", "DIR" },
		{ "build", 0, 0, G_OPTION_ARG_STRING, &bisect.build,
		  "What builds instead, for a shell in the tree; $BUILD is the folder. With run "
		  "instead of lab it also brings the kernel to the machine",
		  "COMMAND" },
		{ "step", 0, 0, G_OPTION_ARG_NONE, &bisect.step,
		  "Build and test the commit that is checked out: for git bisect run", NULL },
		{ 0 },
	};
	enum exit_status code;
	enum parsed parsed;

	/* What follows has options of its own. */
	g_option_context_set_strict_posix(context, TRUE);
	g_option_context_add_main_entries(context, entries, NULL);
	parsed = cli_parse(context, argc, argv, &bisect.words);
	if (parsed == PARSED_GO_ON)
		code = bisect.step ? (enum exit_status)step(&bisect) : print(&bisect);
	else
		code = parsed == PARSED_HELP_SHOWN ? EXIT_STATUS_GOOD : EXIT_STATUS_USAGE;
	g_free(bisect.tree);
	g_free(bisect.good);
	g_free(bisect.bad);
	g_free(bisect.folder);
	g_free(bisect.config);
	g_free(bisect.history);
	g_free(bisect.build);
	g_strfreev(bisect.words);
	return code;
}
