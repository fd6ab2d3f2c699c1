/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <glib.h>

#include "runner/options.h"
#include "runner/verdict.h"

/**
 * struct command - a word behind "iommut"
 * @name: the word
 * @arguments: what follows its options, for its help
 * @summary: one line
 * @run: does it; arguments[0] is the word
 */
struct command {
	const char *name;
	const char *arguments;
	const char *summary;
	enum exit_status (*run)(const struct command *command, int argc, char **argv);
};

enum exit_status command_run(const struct command *command, int argc, char **argv);
enum exit_status command_lab(const struct command *command, int argc, char **argv);
enum exit_status command_list(const struct command *command, int argc, char **argv);
enum exit_status command_devices(const struct command *command, int argc, char **argv);
enum exit_status command_report(const struct command *command, int argc, char **argv);
enum exit_status command_diff(const struct command *command, int argc, char **argv);
enum exit_status command_merge(const struct command *command, int argc, char **argv);
enum exit_status command_history(const struct command *command, int argc, char **argv);
enum exit_status command_resume(const struct command *command, int argc, char **argv);
enum exit_status command_bisect(const struct command *command, int argc, char **argv);
enum exit_status command_config(const struct command *command, int argc, char **argv);

/**
 * cli_with_settings() - a command line with what files of settings say before what was typed
 * @command: name of the command
 * @argc: number of arguments, of which the first is the command
 * @argv: arguments
 *
 * Return: a new NULL-terminated array; NULL after a complaint.
 */
char **cli_with_settings(const char *command, int argc, char **argv);

/**
 * cli_run_again() - run a command whose words have all settings in them
 * @argc: number of words
 * @argv: words, of which the first is "run" or "lab"
 */
enum exit_status cli_run_again(int argc, char **argv);

/* What parsing a command line came to. */
enum parsed {
	PARSED_GO_ON,
	PARSED_HELP_SHOWN,
	PARSED_WRONG,
};

/**
 * cli_context() - a command's options
 * @command: the command
 * @description: what its help says below the options, or NULL
 */
GOptionContext *cli_context(const struct command *command, const char *description);

/**
 * cli_parse() - parse a command line; help and complaints are printed
 * @context: freed
 * @argc: number of arguments
 * @argv: arguments
 * @rest: gets what remains of the arguments, NULL-terminated; NULL if nothing may
 */
enum parsed cli_parse(GOptionContext *context, int argc, char **argv, char ***rest);

/**
 * cli_parse_run() - as cli_parse(), for a command with options of a run, whose arguments are patterns
 */
enum parsed cli_parse_run(GOptionContext *context, int argc, char **argv,
			  struct run_options *options);

/**
 * cli_complain() - say what is wrong
 * @error: freed
 *
 * Return: the exit code for it.
 */
enum exit_status cli_complain(GError *error);

/**
 * cli_replay_tests() - add the words by which a replay finds the tests of others, from wherever it is started
 */
void cli_replay_tests(const struct run_options *options, GPtrArray *words);

/**
 * cli_load_runs_in() - the run directories in a folder
 * @folder: the folder
 * @error: set on failure
 *
 * Return: of struct run *, oldest first: their names are times.
 */
GPtrArray *cli_load_runs_in(const char *folder, GError **error);

/**
 * cli_agent() - path of the agent program that belongs to this program
 */
char *cli_agent(void);

#endif /* CLI_CLI_H */
