/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef RUNNER_OPTIONS_H
#define RUNNER_OPTIONS_H

/* What every command that chooses, runs or reports cases lets the user choose. */

#include <glib.h>

/* What --abort-on names: a machine that cannot be trusted any more. */
enum abort_on {
	ABORT_ON_TAINT = 1 << 0,  /* a case made its kernel tainted */
	ABORT_ON_KERNEL = 1 << 1, /* its kernel said a line that no good kernel says */
};

/**
 * struct run_options - what the user chose
 * @patterns: globs over IDs: the remaining arguments
 * @words: -k, an expression over words of the ID, or NULL
 * @marks: -m, an expression over marks, or NULL
 * @params: --param, each "name=value[,value]"
 * @engines: --engine
 * @devices: --device, each a PCI address or vendor:device
 * @backends: --backend
 * @deselect: --deselect, globs over IDs
 * @tests: --tests, descriptions of tests of others, or folders of them
 * @shuffle: in a random order
 * @shuffle_seed: chooses the order
 * @seed: of every other random choice
 * @stop_first: -x
 * @max_fail: --max-fail, 0 for no limit
 * @abort_on: what ends the run on a machine: enum abort_on
 * @max_lost: the run on a machine ends when it is lost that often; 0 for no limit
 * @jobs: cases at once on one machine
 * @machines: machines at once
 * @timeout_factor: deadlines are multiplied by it
 * @repeat: how often each case runs
 * @shard_index: --shard: which part, from 1; 0 for all
 * @shard_count: --shard: of how many
 * @balance: run directory whose durations balance the parts, or NULL
 * @plan: file of IDs to run, in their order, or NULL
 * @plan_out: file to write the IDs to that run, or NULL
 * @plan_ids: what @plan holds; they are among @patterns too
 * @failed_first: what was bad in the last run comes first
 * @new_first: what was no part of the last run comes first
 * @until_fail: repeat until something fails
 * @resume: run directory to go on with, or NULL
 * @command: the words of the command, for resuming; NULL-terminated
 * @last_failed: only what was bad in the last run
 * @force: take devices that are in use
 * @dry_run: only print what would run
 * @output: run directory, or NULL for a new one in the usual place
 * @ktap: file for the report, "-" for stdout, or NULL
 * @junit: as @ktap
 * @html: as @ktap
 * @markdown: as @ktap
 * @known: files of known issues
 * @fixtures: of struct fixture *: --fixture
 * @allow_log: regular expressions of kernel log lines that are no failure
 * @quiet: only the summary
 * @verbose: how many -v
 * @durations: how many of the slowest cases to show
 *
 * The lists are NULL-terminated, or NULL if nothing was given.
 */
struct run_options {
	char **patterns;
	char *words;
	char *marks;
	char **params;
	char **engines;
	char **devices;
	char **backends;
	char **deselect;
	char **tests;
	gboolean shuffle;
	guint64 shuffle_seed;
	guint64 seed;
	gboolean stop_first;
	int max_fail;
	guint abort_on;
	guint max_lost;
	int jobs;
	int machines;
	double timeout_factor;
	int repeat;
	guint shard_index;
	guint shard_count;
	char *balance;
	char *plan;
	char *plan_out;
	char **plan_ids;
	gboolean failed_first;
	gboolean new_first;
	gboolean until_fail;
	char *resume;
	char **command;
	gboolean last_failed;
	gboolean force;
	gboolean dry_run;
	char *output;
	char *ktap;
	char *junit;
	char *html;
	char *markdown;
	char **known;
	GPtrArray *fixtures;
	char **allow_log;
	gboolean quiet;
	int verbose;
	int durations;
	/*< private >*/
	char *seed_text;
	char *shuffle_text;
	char **abort_words;
	char **fixture_texts;
	char *shard;
};

/**
 * run_options_new() - defaults
 *
 * Return: options, to be freed with run_options_free().
 */
struct run_options *run_options_new(void);
void run_options_free(struct run_options *options);

/**
 * run_options_add() - let a command take the options
 * @options: filled when @context is parsed
 * @context: the command's
 * @running: those of running and reporting as well, not only those of choosing
 */
void run_options_add(struct run_options *options, GOptionContext *context, gboolean running);

/**
 * run_options_check() - what the parser cannot check; chooses a seed if none was given
 * @options: parsed
 * @error: what makes no sense
 */
gboolean run_options_check(struct run_options *options, GError **error);

#endif /* RUNNER_OPTIONS_H */
