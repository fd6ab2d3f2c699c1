// SPDX-License-Identifier: GPL-2.0-or-later
#include "runner/execute.h"

#include <string.h>

#include "agent/protocol.h"
#include "runner/executor.h"
#include "runner/foreign.h"
#include "runner/foreign_run.h"
#include "runner/verdict.h"

#define MAX_OUTPUT (4u << 20)
/* What the agent takes to end a case after its deadline, and a margin for a machine that is busy. */
#define AGENT_GRACE_MS 22000
/* Whoever asked for the end does not want to wait for a machine that does not answer. */
#define STOP_GRACE_US (15 * G_USEC_PER_SEC)
/* Losing a machine over and over is the machine's or our trouble, no case's. */
#define MAX_LOSSES 5

/* --- what the agent says --- */

static struct running *running_job(const struct executor *executor, guint32 job)
{
	for (guint i = 0; i < executor->running->len; i++) {
		struct running *run = executor->running->pdata[i];

		if (run->job == job)
			return run;
	}
	return NULL;
}

static void on_output(gpointer data, guint32 job, guint stream, const char *bytes, gsize length)
{
	struct running *run = running_job(data, job);
	GString *output;

	if (!run || (stream != STREAM_STDOUT && stream != STREAM_STDERR))
		return;
	output = run->output[stream == STREAM_STDERR];
	if (run->stream && stream == STREAM_STDOUT) {
		foreign_stream_feed(run->stream, bytes, length);
		executor_record_parts(data, run);
	}
	if (length > MAX_OUTPUT - output->len) {
		run->truncated = run->truncated || stream == STREAM_STDOUT;
		length = MAX_OUTPUT - output->len;
	}
	g_string_append_len(output, bytes, (gssize)length);
}

static void on_end(gpointer data, const struct session_exit *end)
{
	struct executor *executor = data;
	struct running *run = running_job(executor, end->job);

	if (!run)
		return;
	executor->losses = 0;
	if (end->refused) {
		executor_finish(executor, run, ENDING_REFUSED, end, end->refused);
	} else if (end->hung) {
		executor->stuck = TRUE;
		executor_finish(executor, run, ENDING_HUNG, end, NULL);
	} else if (end->timed_out) {
		executor_finish(executor, run, ENDING_TIMEOUT, end, NULL);
	} else {
		executor_finish(executor, run, executor->stopped ? ENDING_STOPPED : ENDING_EXIT,
				end, NULL);
	}
}

/* --- starting --- */

static gboolean runs_alone(const struct executor *executor, const struct item *item)
{
	return executor_has_fixtures(executor, FIXTURE_CASE) ||
	       test_case_has_mark(item->which, "exclusive") ||
	       test_case_has_mark(item->which, "destructive") ||
	       test_case_has_mark(item->which, "perf");
}

static gboolean fits_beside(const struct executor *executor, const struct item *item)
{
	if (!executor->running->len)
		return TRUE;
	if (executor->running->len >= (guint)executor->options->jobs || runs_alone(executor, item))
		return FALSE;
	if (executor_has_fixtures(executor, FIXTURE_SUITE) &&
	    g_strcmp0(executor->suite, item->which->suite) != 0)
		return FALSE;
	return !runs_alone(executor, ((struct running *)executor->running->pdata[0])->item);
}

static guint timeout_of(const struct executor *executor, const struct item *item)
{
	double ms = item->which->timeout_ms * executor->options->timeout_factor *
		    executor->transport->slowness;

	return (guint)CLAMP(ms, 1, G_MAXINT32);
}

static void start(struct executor *executor, const struct item *item, struct device **devices)
{
	struct running *run = running_new(item);
	struct session_job job = {
		.job = ++executor->next_job,
		.suite = item->which->suite,
		.variant = item->variant,
		.engine = item->engine,
	};

	run->job = job.job;
	run->timeout_ms = timeout_of(executor, item);
	/* Repeats are to differ; the first one is what a replay by the printed seed does. */
	run->seed = executor->options->seed + item->attempt - 1;
	if (run->stream && !foreign_uses_seed(item->which->foreign))
		run->seed = 0;
	run->start_us = run->part_start_us = g_get_real_time();
	run->lost_at =
		g_get_monotonic_time() +
		(run->timeout_ms + (gint64)(AGENT_GRACE_MS * executor->transport->slowness)) * 1000;
	for (guint i = 0; devices[i]; i++) {
		run->devices[i] = devices[i];
		job.devices[i] = devices[i]->name;
	}
	job.seed = run->seed;
	job.timeout_ms = run->timeout_ms;
	if (run->stream)
		foreign_job(&job, item, executor->transport->copies);
	g_ptr_array_add(executor->running, run);
	if (!executor->sink->begin(executor->sink->data, item))
		executor->broken = TRUE;
	/* A lost session shows at the next wait, with this case in flight. */
	session_run(*executor->session, &job);
	foreign_job_clear(&job);
}

enum try { TRY_STARTED, TRY_DONE, TRY_LATER };

static enum try try_item(struct executor *executor, const struct item *item)
{
	struct device *devices[PLAN_MAX_DEVICES + 1] = { NULL };
	g_autofree char *reason = NULL;
	g_autoptr(GError) error = NULL;
	guint count;

	if (item->skip) {
		executor_finish_unstarted(executor, item, VERDICT_SKIP, item->skip, item->lift);
		return TRY_DONE;
	}
	count = executor_find_devices(executor, item, TRUE, devices);
	if (count < item->which->devices) {
		reason = g_strdup_printf("it needs %u devices of engine %s, and there is %u",
					 item->which->devices, item->engine, count);
		executor_finish_unstarted(executor, item, VERDICT_SKIP, reason,
					  "another such device");
		return TRY_DONE;
	}
	if (!fits_beside(executor, item))
		return TRY_LATER;
	memset(devices, 0, sizeof(devices));
	if (executor_find_devices(executor, item, FALSE, devices) < item->which->devices)
		return TRY_LATER;
	for (guint i = 0; devices[i]; i++) {
		const char *problem = g_hash_table_lookup(executor->bound, devices[i]->name);

		if (problem && *problem) {
			executor_finish_unstarted(executor, item, VERDICT_ERROR, problem, NULL);
			return TRY_DONE;
		}
	}
	if (!executor_prepare(executor, item, &error)) {
		if (session_is_lost(*executor->session))
			return TRY_LATER;
		executor_finish_unstarted(executor, item, VERDICT_ERROR, error->message, NULL);
		return TRY_DONE;
	}
	start(executor, item, devices);
	return TRY_STARTED;
}

static void start_what_fits(struct executor *executor)
{
	guint i = 0;

	while (i < executor->waiting->len && !executor->broken && !executor->stopped &&
	       !executor->abort && !executor->stuck &&
	       executor->running->len < (guint)executor->options->jobs &&
	       !executor->sink->stopping(executor->sink->data)) {
		const struct item *item = executor->waiting->pdata[i];

		if (try_item(executor, item) == TRY_LATER)
			i++;
		else
			g_ptr_array_remove_index(executor->waiting, i);
	}
}

/* --- a machine that is lost --- */

static void lose_all(struct executor *executor, enum ending ending, const char *death)
{
	while (executor->running->len)
		executor_finish(executor, executor->running->pdata[0], ending, NULL, death);
}

static gboolean bring_back(struct executor *executor, GError **error)
{
	g_autofree char *note = NULL;

	session_close(*executor->session, FALSE, NULL);
	*executor->session = NULL;
	g_hash_table_remove_all(executor->bound);
	executor_forget_fixtures(executor);
	if (executor->options->max_lost && ++executor->all_losses >= executor->options->max_lost &&
	    !executor->abort)
		executor->abort =
			g_strdup_printf("the machine was lost %u times", executor->all_losses);
	if (!executor->waiting->len || executor->stopped || executor->abort ||
	    executor->sink->stopping(executor->sink->data))
		return TRUE;
	if (++executor->losses > MAX_LOSSES) {
		g_set_error(error, RUNNER_ERROR, RUNNER_ERROR_TROUBLE,
			    "%s: lost %d times in a row: %u cases did not run",
			    executor->transport->name, MAX_LOSSES + 1, executor->waiting->len);
		return FALSE;
	}
	note = g_strdup_printf("%s was lost and is started again", executor->transport->name);
	executor->sink->note(executor->sink->data, note);
	*executor->session = session_open(executor->transport, executor->stop_fd, error);
	if (!*executor->session)
		return FALSE;
	executor_bind_devices(executor);
	return TRUE;
}

static void stop(struct executor *executor)
{
	gint64 latest = g_get_monotonic_time() + STOP_GRACE_US;

	executor->stopped = TRUE;
	for (guint i = 0; i < executor->running->len; i++) {
		struct running *run = executor->running->pdata[i];

		session_kill(*executor->session, run->job);
		run->lost_at = MIN(run->lost_at, latest);
	}
}

/* Until when the next running case must have been reported; -1 if none runs. */
static int next_wait(const struct executor *executor)
{
	gint64 earliest = G_MAXINT64;

	for (guint i = 0; i < executor->running->len; i++)
		earliest = MIN(earliest, ((struct running *)executor->running->pdata[i])->lost_at);
	return (int)CLAMP((earliest - g_get_monotonic_time()) / 1000 + 1, 0, G_MAXINT32);
}

static gboolean is_overdue(const struct executor *executor)
{
	for (guint i = 0; i < executor->running->len; i++)
		if (((struct running *)executor->running->pdata[i])->lost_at <=
		    g_get_monotonic_time())
			return TRUE;
	return FALSE;
}

static gboolean loop(struct executor *executor, GError **error)
{
	const struct session_events events = {
		.output = on_output,
		.kernel = executor_take_kernel,
		.ended = on_end,
		.data = executor,
	};

	for (;;) {
		executor_case_is_over(executor);
		start_what_fits(executor);
		if (executor->broken)
			return FALSE;
		if (!executor->running->len &&
		    (executor->stuck || session_is_lost(*executor->session))) {
			executor->stuck = FALSE;
			if (!bring_back(executor, error))
				return FALSE;
			if (*executor->session)
				continue;
		}
		if (!executor->running->len)
			return TRUE;
		switch (session_wait(*executor->session, next_wait(executor), !executor->stopped,
				     &events)) {
		case SESSION_STOP:
			stop(executor);
			break;
		case SESSION_LOST: {
			g_autofree char *death = session_death(*executor->session);

			lose_all(executor, ENDING_LOST, death);
			if (!bring_back(executor, error))
				return FALSE;
			break;
		}
		case SESSION_EVENTS:
			if (is_overdue(executor)) {
				g_autofree char *death = session_death(*executor->session);

				lose_all(executor, executor->stopped ? ENDING_STOPPED : ENDING_HUNG,
					 death);
				if (!bring_back(executor, error))
					return FALSE;
			}
			break;
		}
		if (!*executor->session)
			return TRUE;
	}
}

static void unref_regex(gpointer regex)
{
	g_regex_unref(regex);
}

gboolean execute_items(struct session **session, struct transport *transport, int stop_fd,
		       const struct machine *machine, const GPtrArray *items,
		       const struct run_options *options, const struct execute_sink *sink,
		       GError **error)
{
	struct executor executor = {
		.session = session,
		.transport = transport,
		.stop_fd = stop_fd,
		.machine = machine,
		.options = options,
		.sink = sink,
		.allowed = g_ptr_array_new_with_free_func(unref_regex),
		.waiting = g_ptr_array_new(),
		.running = g_ptr_array_new_with_free_func(running_free),
		.bound = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, g_free),
	};
	gboolean good;

	for (char **text = options->allow_log; text && *text; text++) {
		GRegex *regex = g_regex_new(*text, G_REGEX_OPTIMIZE, 0, NULL);

		if (regex)
			g_ptr_array_add(executor.allowed, regex);
	}
	for (guint i = 0; i < items->len; i++)
		g_ptr_array_add(executor.waiting, items->pdata[i]);
	executor_bind_devices(&executor);
	good = loop(&executor, error);
	if (good && executor.abort && executor.waiting->len) {
		g_set_error(error, RUNNER_ERROR, RUNNER_ERROR_TROUBLE,
			    "%s: nothing more runs there: %s: %u cases did not run",
			    transport->name, executor.abort, executor.waiting->len);
		good = FALSE;
	}
	/* The records broke: nothing may be left running on the machine. */
	g_ptr_array_unref(executor.running);
	g_ptr_array_unref(executor.waiting);
	g_ptr_array_unref(executor.allowed);
	g_hash_table_unref(executor.bound);
	g_free(executor.abort);
	return good;
}
