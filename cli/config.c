// SPDX-License-Identifier: GPL-2.0-or-later
/* What files of settings say. */
#include <stdio.h>

#include "cli/cli.h"
#include "runner/config.h"
#include "runner/text.h"

enum exit_status command_config(const struct command *command, int argc, char **argv)
{
	static const char description[] =
		"Every option of run, lab, list, devices and report can stand in a file, in a\n"
		"group named as the command, without its dashes:\n\n"
		"  [lab]\n"
		"  profile=intel-scalable;amd\n"
		"  known-issues=known.conf\n\n"
		"  [run]\n"
		"  device=0000:03:00.0\n"
		"  quiet=true\n\n"
		"Read are /etc/iommut.conf, then iommut.conf in ~/.config, then the one of\n"
		"the project: in the working directory or the nearest above it. A later file\n"
		"replaces what an earlier one says of an option; what is typed replaces both.\n"
		"IOMMUT_CONFIG names the only file to read.\n";
	GOptionContext *context = cli_context(command, description);
	enum parsed parsed = cli_parse(context, argc, argv, NULL);
	g_autoptr(GPtrArray) settings = NULL;
	GError *error = NULL;

	if (parsed != PARSED_GO_ON)
		return parsed == PARSED_HELP_SHOWN ? EXIT_STATUS_GOOD : EXIT_STATUS_USAGE;
	settings = config_load(&error);
	if (!settings)
		return cli_complain(error);
	for (guint i = 0; i < settings->len; i++) {
		const struct setting *setting = settings->pdata[i];
		g_autofree char *value =
			text_clean_line(setting->value ? setting->value : "true", -1, 4096);

		printf("%-8s %-16s %-30s %s\n", setting->command, setting->option, value,
		       setting->place);
	}
	if (!settings->len)
		printf("no file sets anything\n");
	return EXIT_STATUS_GOOD;
}

char **cli_with_settings(const char *command, int argc, char **argv)
{
	g_autoptr(GPtrArray) settings = NULL;
	GError *error = NULL;

	settings = config_load(&error);
	if (settings)
		return config_arguments(settings, command, argc, argv);
	cli_complain(error);
	return NULL;
}
