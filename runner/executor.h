/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef RUNNER_EXECUTOR_H
#define RUNNER_EXECUTOR_H

/* What the parts of execute_items() share: cases that run, and the devices, logs and results they have. */

#include <glib.h>

#include "runner/execute.h"
#include "runner/fixture.h"
#include "runner/judge.h"
#include "runner/provoked.h"

/**
 * struct running - a case that runs
 * @item: what it is
 * @job: its number in the session
 * @devices: what it has, NULL-terminated
 * @output: its stdout and stderr, bounded
 * @kernel: the kernel's log since it began, bounded
 * @stream: of a program that somebody else wrote; else NULL
 * @part_start_us: when its last test ended, as far as we can tell
 * @bad_line: the first line of the log that no good kernel prints, or NULL
 * @provoked: the faults that it has said it provokes
 * @fault_line: the first line that reports a fault that is held against it, or NULL
 * @truncated: more output came than is kept
 * @start_us: real time
 * @lost_at: when its end must have been told, monotonic
 * @timeout_ms: its deadline
 * @seed: its seed
 */
struct running {
	const struct item *item;
	guint32 job;
	struct device *devices[PLAN_MAX_DEVICES + 1];
	GString *output[2];
	GString *kernel;
	struct foreign_stream *stream;
	gint64 part_start_us;
	char *bad_line;
	struct provoked *provoked;
	char *fault_line;
	gboolean truncated;
	gint64 start_us;
	gint64 lost_at;
	guint timeout_ms;
	guint64 seed;
};

/**
 * struct executor - the state of execute_items()
 * @session: as given to it, as are @transport, @stop_fd, @machine, @options and @sink
 * @allowed: of GRegex *: lines of the kernel's log that are no failure
 * @waiting: of const struct item *
 * @running: of struct running *
 * @bound: name of a device to "" or why it could not be bound
 * @prepared: fixtures of each scope that the agent has to undo
 * @ready: all fixtures of the scope are in force
 * @suite: whose fixtures are, or NULL
 * @next_job: number of the job that was started last
 * @losses: how often the machine was lost since a case last ended by itself
 * @all_losses: how often it was lost
 * @abort: why nothing more may run here (--abort-on), or NULL
 * @stopped: somebody asked for the end
 * @stuck: a case that cannot be ended occupies the machine
 * @broken: results cannot be recorded any more
 */
struct executor {
	struct session **session;
	struct transport *transport;
	int stop_fd;
	const struct machine *machine;
	const struct run_options *options;
	const struct execute_sink *sink;
	GPtrArray *allowed;
	GPtrArray *waiting;
	GPtrArray *running;
	GHashTable *bound;
	guint prepared[FIXTURE_SCOPES];
	gboolean ready[FIXTURE_SCOPES];
	const char *suite;
	guint32 next_job;
	guint losses;
	guint all_losses;
	char *abort;
	gboolean stopped;
	gboolean stuck;
	gboolean broken;
};

/* executor_devices.c */

gboolean device_shares_group(const struct device *a, const struct device *b);

/**
 * executor_find_devices() - find as many devices as an item needs
 * @executor: the executor
 * @item: the item
 * @any: also those that a case uses now
 * @found: filled; the second is in another group than the first where there is one
 *
 * Return: how many were found.
 */
guint executor_find_devices(const struct executor *executor, const struct item *item, gboolean any,
			    struct device **found);

/**
 * executor_bind_devices() - give vfio-pci what the waiting cases will use, and no more
 */
void executor_bind_devices(struct executor *executor);

/* executor_fixtures.c */

gboolean executor_has_fixtures(const struct executor *executor, enum fixture_scope scope);

/**
 * executor_prepare() - make ready what an item is to find, and undo what it is not to; nothing may run that needs that
 * @executor: the executor; nothing more runs if what all cases need cannot be made ready
 * @item: about to start
 * @error: what could not be made ready
 */
gboolean executor_prepare(struct executor *executor, const struct item *item, GError **error);

/**
 * executor_case_is_over() - undo what was made ready for one case
 */
void executor_case_is_over(struct executor *executor);

/**
 * executor_forget_fixtures() - the machine was lost, and all changes with it
 */
void executor_forget_fixtures(struct executor *executor);

/* executor_log.c */

/**
 * executor_take_kernel() - a line of the kernel's log, for session_wait(); the data is the executor
 *
 * Which of several cases the kernel speaks of cannot be known, but of faults: each gets the line. A fault is held against the cases
 * that have the device, unless they have said before that they provoke it; one of a device that no case has, such as a made-up one,
 * against all that run, unless one of them has.
 */
void executor_take_kernel(gpointer data, const char *line, gboolean user,
			  const struct reported_fault *fault);

/* executor_results.c */

struct running *running_new(const struct item *item);
void running_free(gpointer data);

/**
 * executor_record_parts() - each test of a program that somebody else wrote is a result as soon as it has come
 */
void executor_record_parts(struct executor *executor, struct running *run);

/**
 * executor_finish() - a case is over: judge and record it
 * @executor: the executor
 * @run: the case, which is gone after this
 * @ending: how it ended
 * @end: what the agent said of its end, or NULL
 * @death: why the machine was lost or the start refused, or NULL
 */
void executor_finish(struct executor *executor, struct running *run, enum ending ending,
		     const struct session_exit *end, const char *death);

/**
 * executor_finish_unstarted() - record an item that never starts
 */
void executor_finish_unstarted(struct executor *executor, const struct item *item,
			       enum verdict verdict, const char *reason, const char *lift);

#endif /* RUNNER_EXECUTOR_H */
