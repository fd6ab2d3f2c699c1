// SPDX-License-Identifier: GPL-2.0-or-later
/* The commands for this machine, and for runs that are over. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "runner/folders.h"
#include "runner/report.h"
#include "runner/run.h"

static enum exit_status code_of(enum parsed parsed)
{
	return parsed == PARSED_HELP_SHOWN ? EXIT_STATUS_GOOD : EXIT_STATUS_USAGE;
}

/* The words that repeat a case on this machine with the same device. */
static char **local_replay(const struct run_options *options, const char *on)
{
	GPtrArray *words = g_ptr_array_new();

	g_ptr_array_add(words, g_strdup("iommut"));
	g_ptr_array_add(words, g_strdup("run"));
	if (on) {
		g_ptr_array_add(words, g_strdup("--on"));
		g_ptr_array_add(words, g_strdup(on));
	}
	for (char **device = options->devices; device && *device; device++) {
		g_ptr_array_add(words, g_strdup("--device"));
		g_ptr_array_add(words, g_strdup(*device));
	}
	if (options->force)
		g_ptr_array_add(words, g_strdup("--force"));
	cli_replay_tests(options, words);
	g_ptr_array_add(words, NULL);
	return (char **)g_ptr_array_free(words, FALSE);
}

struct local {
	char *agent;
	char *suites;
	char *on;
};

static void add_local(struct local *local, GOptionContext *context)
{
	const GOptionEntry entries[] = {
		{ "on", 0, 0, G_OPTION_ARG_STRING, &local->on,
		  "Another machine: ssh://[user@]host[:port] (only a shell is needed there), or "
		  "exec:COMMAND, which reaches an agent's stdin and stdout",
		  "WHERE" },
		{ "agent", 0, 0, G_OPTION_ARG_FILENAME, &local->agent,
		  "The agent program to use instead of the one that belongs to iommut", "FILE" },
		{ "suites", 0, 0, G_OPTION_ARG_FILENAME, &local->suites,
		  "The folder of suites to use instead of the one beside the agent", "DIR" },
		{ 0 },
	};

	g_option_context_add_main_entries(context, entries, NULL);
}

enum what { WHAT_RUN, WHAT_LIST, WHAT_DEVICES };

static struct transport *transport_of(const struct local *local)
{
	g_autofree char *agent = local->agent ? g_strdup(local->agent) : cli_agent();
	g_autofree char *folder = NULL, *suites = NULL;

	if (!local->on)
		return transport_local(agent, local->suites);
	if (g_str_has_prefix(local->on, "exec:") && local->on[strlen("exec:")])
		return transport_exec(local->on + strlen("exec:"));
	if (!g_str_has_prefix(local->on, "ssh://") || !local->on[strlen("ssh://")]) {
		fprintf(stderr, "iommut: --on %s: it is ssh://[user@]host[:port] or exec:COMMAND\n",
			local->on);
		return NULL;
	}
	folder = g_path_get_dirname(agent);
	suites = local->suites ? g_strdup(local->suites)
			       : g_canonicalize_filename("../suites", folder);
	if (!g_file_test(suites, G_FILE_TEST_IS_DIR)) {
		g_free(suites);
		suites = g_build_filename(folder, "suites", NULL);
	}
	return transport_ssh(local->on + strlen("ssh://"), agent, suites);
}

static enum exit_status do_locally(const struct run_options *options, const struct local *local,
				   enum what what)
{
	g_auto(GStrv) replay = local_replay(options, local->on);
	const struct run_target target = {
		.transport = transport_of(local), .replay = replay, .share = 1, .shares = 1
	};
	enum exit_status code;

	if (!target.transport)
		return EXIT_STATUS_USAGE;
	if (what == WHAT_DEVICES)
		code = run_devices(options, &target);
	else if (what == WHAT_LIST || options->dry_run)
		code = run_list(options, &target, 1);
	else
		code = run_targets(options, &target, 1);
	target.transport->ops->free(target.transport);
	return code;
}

static enum exit_status local_command(GOptionContext *context, int argc, char **argv,
				      enum what what)
{
	struct run_options *options = run_options_new();
	struct local local = { 0 };
	enum exit_status code;
	enum parsed parsed;

	add_local(&local, context);
	run_options_add(options, context, what == WHAT_RUN);
	parsed = cli_parse_run(context, argc, argv, options);
	if (parsed == PARSED_GO_ON && what == WHAT_DEVICES && options->patterns &&
	    options->patterns[0]) {
		fprintf(stderr, "iommut: unexpected argument %s\n", options->patterns[0]);
		parsed = PARSED_WRONG;
	}
	code = parsed == PARSED_GO_ON ? do_locally(options, &local, what) : code_of(parsed);
	run_options_free(options);
	g_free(local.agent);
	g_free(local.suites);
	g_free(local.on);
	return code;
}

enum exit_status command_run(const struct command *command, int argc, char **argv)
{
	static const char description[] =
		"A device that a driver uses is only taken when --device names it, and never\n"
		"one that is in use (mounted, or a network interface that is up) without\n"
		"--force. Every device is given back to its driver at the end, whatever the\n"
		"end is.\n\n"
		"Examples:\n"
		"  iommut devices\n"
		"  iommut run --device 0000:03:00.0\n"
		"  iommut run --device 0000:03:00.0 blocked -b iommufd -k 'not 2M'\n";

	return local_command(cli_context(command, description), argc, argv, WHAT_RUN);
}

enum exit_status command_list(const struct command *command, int argc, char **argv)
{
	static const char description[] =
		"With -v, what each case proves, where that is promised, and why it would be\n"
		"skipped here.\n";

	return local_command(cli_context(command, description), argc, argv, WHAT_LIST);
}

enum exit_status command_devices(const struct command *command, int argc, char **argv)
{
	return local_command(cli_context(command, NULL), argc, argv, WHAT_DEVICES);
}

static int verbosity;

/* -v, which main's option groups have no data for. */
static gboolean count_verbose(const char *name, const char *value, gpointer data, GError **error)
{
	verbosity++;
	return TRUE;
}

enum exit_status command_report(const struct command *command, int argc, char **argv)
{
	GOptionContext *context = cli_context(command, "Without RUN, the last run.\n");
	struct report_style style = report_to_stdout();
	g_autofree char *format = NULL, *path = NULL, *folder = NULL;
	g_auto(GStrv) rest = NULL;
	gboolean quiet = FALSE;
	GError *error = NULL;
	struct run *run;
	enum parsed parsed;
	enum exit_status code;
	const GOptionEntry entries[] = {
		{ "format", 'f', 0, G_OPTION_ARG_STRING, &format,
		  "terminal (the default), ktap, tap14, junit, json, lava, markdown or html",
		  "FORMAT" },
		{ "output", 'o', 0, G_OPTION_ARG_FILENAME, &path, "File instead of stdout",
		  "FILE" },
		{ "verbose", 'v', G_OPTION_FLAG_NO_ARG, G_OPTION_ARG_CALLBACK,
		  (gpointer)count_verbose,
		  "Also why cases were skipped, and what would lift it; twice: every case", NULL },
		{ "quiet", 'q', 0, G_OPTION_ARG_NONE, &quiet, "Only the summary", NULL },
		{ "durations", 0, 0, G_OPTION_ARG_INT, &style.durations, "The N slowest cases",
		  "N" },
		{ 0 },
	};

	g_option_context_add_main_entries(context, entries, NULL);
	parsed = cli_parse(context, argc, argv, &rest);
	if (parsed != PARSED_GO_ON)
		return code_of(parsed);
	if (rest && rest[0] && rest[1]) {
		fprintf(stderr, "iommut: one run at a time\n");
		return EXIT_STATUS_USAGE;
	}
	style.verbosity = quiet ? -1 : verbosity;
	folder = rest && rest[0] ? g_strdup(rest[0]) : folders_last_run(&error);
	run = folder ? run_load(folder, &error) : NULL;
	if (!run)
		return cli_complain(error);
	run_check_live(run);
	code = run_status(run);
	if (!report_save(run, format ? format : "terminal", &style, path ? path : "-", &error))
		code = cli_complain(error);
	run_free(run);
	return code;
}
