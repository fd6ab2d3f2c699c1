// SPDX-License-Identifier: GPL-2.0-or-later
/* What the commands share. */
#include "cli/cli.h"

#include <stdio.h>

#include "lab/lab.h"
#include "runner/text.h"

GOptionContext *cli_context(const struct command *command, const char *description)
{
	GOptionContext *context = g_option_context_new(command->arguments);
	g_autofree char *name = g_strdup_printf("iommut %s", command->name);

	g_set_prgname(name);
	g_option_context_set_summary(context, command->summary);
	g_option_context_set_description(context, description);
	/* GLib's own --help hides the groups. */
	g_option_context_set_help_enabled(context, FALSE);
	return context;
}

enum parsed cli_parse(GOptionContext *context, int argc, char **argv, char ***rest)
{
	gboolean help = FALSE;
	char **arguments = NULL;
	const GOptionEntry entries[] = {
		{ "help", 'h', 0, G_OPTION_ARG_NONE, &help, "Show this help", NULL },
		{ G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_STRING_ARRAY, &arguments, NULL, NULL },
		{ 0 },
	};
	enum parsed parsed = PARSED_GO_ON;
	GError *error = NULL;

	g_option_context_add_main_entries(context, entries, NULL);
	if (!g_option_context_parse(context, &argc, &argv, &error)) {
		text_complain(error);
		g_error_free(error);
		parsed = PARSED_WRONG;
	} else if (help) {
		g_autofree char *text = g_option_context_get_help(context, FALSE, NULL);

		fputs(text, stdout);
		parsed = PARSED_HELP_SHOWN;
	} else if (rest) {
		*rest = g_steal_pointer(&arguments);
	} else if (arguments) {
		fprintf(stderr, "iommut: unexpected argument %s\n", arguments[0]);
		parsed = PARSED_WRONG;
	}
	g_strfreev(arguments);
	g_option_context_free(context);
	return parsed;
}

enum parsed cli_parse_run(GOptionContext *context, int argc, char **argv,
			  struct run_options *options)
{
	/* Before the parser takes them away. */
	char **command = g_strdupv(argv);
	enum parsed parsed = cli_parse(context, argc, argv, &options->patterns);
	GError *error = NULL;

	options->command = command;
	if (parsed != PARSED_GO_ON || run_options_check(options, &error))
		return parsed;
	cli_complain(error);
	return PARSED_WRONG;
}

enum exit_status cli_complain(GError *error)
{
	enum exit_status code = EXIT_STATUS_TROUBLE;

	if ((error->domain == RUNNER_ERROR && error->code == RUNNER_ERROR_USAGE) ||
	    (error->domain == LAB_ERROR && error->code == LAB_ERROR_USAGE))
		code = EXIT_STATUS_USAGE;
	text_complain(error);
	g_error_free(error);
	return code;
}

void cli_replay_tests(const struct run_options *options, GPtrArray *words)
{
	for (char **path = options->tests; path && *path; path++) {
		g_ptr_array_add(words, g_strdup("--tests"));
		g_ptr_array_add(words, g_canonicalize_filename(*path, NULL));
	}
}

/* Run from the build folder (BUILD/cli/iommut), or installed (PREFIX/bin/iommut). */
char *cli_agent(void)
{
	g_autofree char *program = g_file_read_link("/proc/self/exe", NULL);
	g_autofree char *folder = program ? g_path_get_dirname(program) : g_strdup(".");
	char *agent = g_canonicalize_filename("../agent/iommut-agent", folder);

	if (g_file_test(agent, G_FILE_TEST_IS_EXECUTABLE))
		return agent;
	g_free(agent);
	return g_canonicalize_filename("../libexec/iommutests/iommut-agent", folder);
}
