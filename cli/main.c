// SPDX-License-Identifier: GPL-2.0-or-later
/* The iommut command. */
#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "tool_version.h"

static const struct command commands[] = {
	{ "lab", "[PATTERN...]", "boot Linux behind emulated IOMMUs and test its DMA there",
	  command_lab },
	{ "run", "[PATTERN...]", "test the IOMMU of this machine", command_run },
	{ "list", "[PATTERN...]", "name the cases that would run", command_list },
	{ "devices", "", "name the devices of this machine that can be used for testing",
	  command_devices },
	{ "resume", "[RUN]", "go on with a run that was cut off", command_resume },
	{ "report", "[RUN]", "report a run again, in any format", command_report },
	{ "diff", "RUN RUN", "tell what changed from one run to another", command_diff },
	{ "merge", "FOLDER RUN RUN...", "make one run of several", command_merge },
	{ "config", "", "tell what files of settings say", command_config },
	{ "bisect", "lab|run [OPTION...] PATTERN...",
	  "print the command that finds the commit of a kernel that broke a case", command_bisect },
	{ "history", "FOLDER", "tell how each case did in the runs of a folder", command_history },
};

static void print_help(FILE *to)
{
	fprintf(to, "Usage: iommut COMMAND [OPTION...]\n\n"
		    "Tests IOMMU-mediated DMA on Linux: on this machine, or on emulated IOMMUs.\n\n"
		    "Commands:\n");
	for (gsize i = 0; i < G_N_ELEMENTS(commands); i++)
		fprintf(to, "  %-10s %s\n", commands[i].name, commands[i].summary);
	fprintf(to,
		"\n"
		"  iommut COMMAND --help tells about one.\n\n"
		"A PATTERN is an ID as 'iommut list' prints it, or a part of the way to it:\n"
		"  blocked                 a suite\n"
		"  blocked/write_after*    cases of it\n"
		"  'dma/*[*iommufd*'       variants\n\n"
		"Exit status: 0 all good, 1 failures, 2 usage, 3 the tool or the machine could\n"
		"not do its job, 4 nothing ran.\n");
}

enum exit_status cli_run_again(int argc, char **argv)
{
	for (gsize i = 0; i < G_N_ELEMENTS(commands); i++)
		if ((commands[i].run == command_run || commands[i].run == command_lab) &&
		    strcmp(argv[0], commands[i].name) == 0)
			return commands[i].run(&commands[i], argc, argv);
	fprintf(stderr, "iommut: %s cannot be resumed\n", argv[0]);
	return EXIT_STATUS_USAGE;
}

static enum exit_status run_command(const struct command *command, int argc, char **argv)
{
	g_auto(GStrv) words = NULL;
	g_autofree char **view = NULL;

	/* Whoever asks what the files say must hear of a mistake in them from that command alone. */
	if (command->run == command_config)
		return command->run(command, argc, argv);
	words = cli_with_settings(command->name, argc, argv);
	if (!words)
		return EXIT_STATUS_USAGE;
	/* GLib's parser moves the words about. */
	view = g_memdup2(words, (g_strv_length(words) + 1) * sizeof(*words));
	return command->run(command, (int)g_strv_length(words), view);
}

int main(int argc, char **argv)
{
	setlocale(LC_CTYPE, "");
	g_set_prgname("iommut");
	if (argc < 2) {
		print_help(stderr);
		return EXIT_STATUS_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
	    strcmp(argv[1], "help") == 0) {
		print_help(stdout);
		return EXIT_STATUS_GOOD;
	}
	if (strcmp(argv[1], "--version") == 0) {
		printf("iommutests %s%s%s%s\n", TOOL_VERSION, *TOOL_COMMIT ? " (" : "", TOOL_COMMIT,
		       *TOOL_COMMIT ? ")" : "");
		return EXIT_STATUS_GOOD;
	}
	for (gsize i = 0; i < G_N_ELEMENTS(commands); i++)
		if (strcmp(argv[1], commands[i].name) == 0)
			return run_command(&commands[i], argc - 1, argv + 1);
	fprintf(stderr, "iommut: no command %s; iommut --help names them\n", argv[1]);
	return EXIT_STATUS_USAGE;
}
