/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef RUNNER_RUN_STATE_H
#define RUNNER_RUN_STATE_H

/* What the threads of a run share, and how what happens on a machine gets into the records and on the screen. */

#include <glib.h>
#include <jansson.h>

#include "runner/execute.h"
#include "runner/known.h"
#include "runner/past.h"
#include "runner/progress.h"
#include "runner/record.h"
#include "runner/run.h"

/**
 * struct run_state - a run
 * @options: what the user chose
 * @stop_fd: becomes readable when everything is to end
 * @suites: whose cases may be among those chosen, or NULL for all
 * @earlier: runs that the options speak of
 * @resumed: what this run has done before it was cut off; or NULL
 * @known: failures that are expected
 * @tests: of struct foreign *: tests of others
 * @lock: for all that follows
 * @recorder: the run directory
 * @progress: what is shown meanwhile
 * @info: run.json
 * @next_number: of the next case
 * @planned: cases that were to run
 * @done_before: cases that had a result when the run was resumed
 * @ended: cases that have a result since
 * @bad: cases with a bad verdict
 * @trouble: a machine could not do its job, or recording failed
 * @full: recording failed: nothing more may run
 * @plan: --plan-out: IDs, a line each
 * @plan_known: the IDs in @plan
 * @usage: machines on which what was chosen does not exist
 * @usage_message: what does not
 */
struct run_state {
	const struct run_options *options;
	int stop_fd;
	char **suites;
	struct earlier earlier;
	struct past *resumed;
	struct known_issues *known;
	GPtrArray *tests;

	GMutex lock;
	struct recorder *recorder;
	struct progress *progress;
	json_t *info;
	guint next_number;
	guint planned;
	guint done_before;
	guint ended;
	guint bad;
	gboolean trouble;
	gboolean full;
	GString *plan;
	GHashTable *plan_known;
	guint usage;
	char *usage_message;
};

/**
 * struct target_run - the run on one machine
 * @state: the run
 * @target: the machine
 * @place: what known issues are about
 */
struct target_run {
	struct run_state *state;
	const struct run_target *target;
	struct known_place place;
};

/**
 * run_state_catch_signals() - let SIGINT, SIGTERM and SIGHUP make a descriptor readable; one that comes more than a second later ends us at once
 *
 * Return: the descriptor, or -1.
 */
int run_state_catch_signals(void);

/**
 * run_state_was_stopped() - whether such a signal came
 */
gboolean run_state_was_stopped(const struct run_state *state);

/**
 * run_state_recording() - note whether recording went well; called with the lock held
 * @state: the run
 * @good: whether it did
 * @error: if not, why; freed
 *
 * Return: @good.
 */
gboolean run_state_recording(struct run_state *state, gboolean good, GError *error);

/**
 * run_state_sink() - where execute_items() puts what happens on a machine
 */
struct execute_sink run_state_sink(struct target_run *run);

/**
 * run_complain() - say on stderr what went wrong
 *
 * Return: the exit status that belongs to it.
 */
enum exit_status run_complain(const GError *error);

/**
 * run_give_tests() - give the machines the tests of others that options name
 *
 * Return: of struct foreign *, to be kept as long as the machines are used; NULL with @error set.
 */
GPtrArray *run_give_tests(const struct run_options *options, const struct run_target *targets,
			  gsize count, GError **error);

/* run_target.c */

/**
 * run_note_plan() - a case for --plan-out
 * @known: IDs that are in the plan
 * @plan: its text; the item's ID is added if it is not there yet
 */
void run_note_plan(GHashTable *known, GString *plan, const struct item *item);

/**
 * run_target() - everything that is to run on one machine, for a GThreadPool
 * @data: a struct target_run
 * @user_data: not used
 */
void run_target(gpointer data, gpointer user_data);

#endif /* RUNNER_RUN_STATE_H */
