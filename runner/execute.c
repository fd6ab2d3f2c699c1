// SPDX-License-Identifier: GPL-2.0-or-later
#include "runner/execute.h"

#include <string.h>

#include "agent/protocol.h"
#include "runner/foreign.h"
#include "runner/foreign_run.h"
#include "runner/judge.h"
#include "runner/text.h"
#include "runner/verdict.h"

#define MAX_OUTPUT   (4u << 20)
#define MAX_KERNEL   (1u << 20)
#define SHOWN_KERNEL 4000
#define MAX_REASON   300
/* What the agent takes to end a case after its deadline, and a margin for a machine that is busy. */
#define AGENT_GRACE_MS 22000
/* Whoever asked for the end does not want to wait for a machine that does not answer. */
#define STOP_GRACE_US (15 * G_USEC_PER_SEC)
/* Losing a machine over and over is the machine's or our trouble, no case's. */
#define MAX_LOSSES 5

struct running {
	const struct item *item;
	guint32 job;
	struct device *devices[PLAN_MAX_DEVICES + 1];
	GString *output[2];
	GString *kernel;
	struct foreign_stream *stream; /* of a program that somebody else wrote; else NULL */
	gint64 part_start_us;          /* when its last test ended, as far as we can tell */
	char *bad_line;
	char *fault_line;
	gboolean truncated;
	gint64 start_us;
	gint64 lost_at;
	guint timeout_ms;
	guint64 seed;
};

struct executor {
	struct session **session;
	struct transport *transport;
	int stop_fd;
	const struct machine *machine;
	const struct run_options *options;
	const struct execute_sink *sink;
	GPtrArray *allowed; /* of GRegex * */
	GPtrArray *waiting; /* of const struct item * */
	GPtrArray *running; /* of struct running * */
	GHashTable *bound;  /* name of a device -> "" or why it could not be bound */
	guint32 next_job;
	guint losses;
	gboolean stopped;
	gboolean stuck;  /* a case that cannot be ended occupies the machine */
	gboolean broken; /* results cannot be recorded any more */
};

static void running_free(gpointer data)
{
	struct running *run = data;

	g_string_free(run->output[0], TRUE);
	g_string_free(run->output[1], TRUE);
	g_string_free(run->kernel, TRUE);
	foreign_stream_free(run->stream);
	g_free(run->bad_line);
	g_free(run->fault_line);
	g_free(run);
}

/* --- devices --- */

static gboolean in_same_group(const struct device *a, const struct device *b)
{
	return g_str_equal(a->group, b->group);
}

static gboolean is_free(const struct executor *executor, const struct device *device)
{
	for (guint i = 0; i < executor->running->len; i++) {
		const struct running *run = executor->running->pdata[i];

		for (guint j = 0; run->devices[j]; j++)
			if (in_same_group(run->devices[j], device))
				return FALSE;
	}
	return TRUE;
}

/*
 * Finds as many devices as the item needs; the second in another group than the first where there is one. @any: also busy ones.
 * Returns how many were found.
 */
static guint find_devices(const struct executor *executor, const struct item *item, gboolean any,
			  struct device **found)
{
	const GPtrArray *all = executor->machine->devices;
	guint count = 0;

	for (guint round = 0; round < 2; round++) {
		for (guint i = 0; i < all->len && count < item->which->devices; i++) {
			struct device *device = all->pdata[i];

			if (g_strcmp0(device->engine, item->engine) != 0 ||
			    !plan_offers(executor->machine, executor->options, device) ||
			    (count == 0 && item->device &&
			     !g_str_equal(item->device, device->name)) ||
			    (!any && !is_free(executor, device)) ||
			    (count && (device == found[0] ||
				       (round == 0 && in_same_group(device, found[0])))))
				continue;
			found[count++] = device;
		}
	}
	return count;
}

static void bind_device(struct executor *executor, const struct device *device)
{
	g_autoptr(GError) error = NULL;

	if (g_hash_table_contains(executor->bound, device->name))
		return;
	session_bind(*executor->session, device->name, executor->options->force, &error);
	g_hash_table_insert(executor->bound, device->name, g_strdup(error ? error->message : ""));
}

/* Before the first case starts: no more is taken than cases will use. */
static void bind_devices(struct executor *executor)
{
	const GPtrArray *all = executor->machine->devices;

	for (guint i = 0; i < executor->waiting->len; i++) {
		const struct item *item = executor->waiting->pdata[i];
		struct device *found[PLAN_MAX_DEVICES + 1];
		guint count = find_devices(executor, item, TRUE, found);

		for (guint j = 0; j < count; j++)
			bind_device(executor, found[j]);
		/* Several cases at once use all that are offered. */
		for (guint j = 0; executor->options->jobs > 1 && count && j < all->len; j++) {
			const struct device *device = all->pdata[j];

			if (g_strcmp0(device->engine, item->engine) == 0 &&
			    plan_offers(executor->machine, executor->options, device))
				bind_device(executor, device);
		}
	}
}

/* --- results --- */

static char *device_names(const struct running *run)
{
	GString *names = g_string_new(NULL);

	for (guint i = 0; run->devices[i]; i++)
		g_string_append_printf(names, "%s%s", i ? "," : "", run->devices[i]->name);
	return g_string_free(names, FALSE);
}

/* The end of the log, from the beginning of a line. */
static char *last_kernel_lines(const GString *kernel)
{
	const char *from = kernel->str;

	if (kernel->len > SHOWN_KERNEL) {
		from += kernel->len - SHOWN_KERNEL;
		from = strchr(from, '\n') ? strchr(from, '\n') + 1 : from;
	}
	return g_strdup(from);
}

static void save_log(struct executor *executor, const struct running *run, const char *name,
		     const GString *log)
{
	if (log->len &&
	    !executor->sink->save(executor->sink->data, run->item, name, log->str, log->len))
		executor->broken = TRUE;
}

static void record(struct executor *executor, struct running *run,
		   const struct observation *observation, gint64 duration_us, const char *details)
{
	struct result *result = g_new0(struct result, 1);
	struct judgement judgement;

	judge(observation, &judgement);
	result->number = run->item->number;
	result->id = g_strdup(run->item->id);
	result->profile = g_strdup(executor->transport->name);
	result->verdict = judgement.verdict;
	result->reason = g_strdup(judgement.reason);
	result->lift = g_strdup(judgement.lift);
	result->known = g_strdup(judgement.known);
	result->details = details ? g_strconcat(judgement.details, details, NULL)
				  : g_strdup(judgement.details);
	result->proves = g_strdup(run->item->which->proves);
	result->devices = device_names(run);
	result->kernel = last_kernel_lines(run->kernel);
	result->seed = run->seed;
	result->start_us = run->start_us;
	result->duration_us = duration_us;
	result->timeout_ms = run->timeout_ms;
	result->attempt = run->item->attempt;
	judgement_clear(&judgement);
	save_log(executor, run, "stdout", run->output[0]);
	save_log(executor, run, "stderr", run->output[1]);
	save_log(executor, run, "kmsg", run->kernel);
	if (!executor->sink->add(executor->sink->data, run->item, result))
		executor->broken = TRUE;
	result_free(result);
}

/* Each test of a program is a result as soon as it has come. */
static void record_parts(struct executor *executor, struct running *run)
{
	const struct foreign_part *part;

	if (!run->stream || item_part(run->item))
		return;
	while ((part = foreign_stream_next(run->stream))) {
		struct result *result = foreign_part_result(run->item, part);

		result->profile = g_strdup(executor->transport->name);
		result->devices = device_names(run);
		result->seed = run->seed;
		result->start_us = run->part_start_us;
		run->part_start_us = g_get_real_time();
		result->duration_us = MAX(0, run->part_start_us - result->start_us);
		result->timeout_ms = run->timeout_ms;
		if (!executor->sink->add(executor->sink->data, run->item, result))
			executor->broken = TRUE;
		result_free(result);
	}
}

/* The case is over; @run is gone after this. */
static void finish(struct executor *executor, struct running *run, enum ending ending,
		   const struct session_exit *end, const char *death)
{
	g_autofree char *taint = end ? taint_names(end->taint) : NULL;
	g_autofree char *why = death ? text_clean_line(death, -1, MAX_REASON) : NULL;
	struct observation observation = {
		.variant = run->item->variant,
		.ending = ending,
		.status = end ? end->status : 0,
		.output = run->output[0]->str,
		.output_length = run->output[0]->len,
		.errors = run->output[1]->str,
		.stream = run->stream,
		.one = item_part(run->item) != NULL,
		.provokes_faults = run->stream && run->item->which->foreign->provokes_faults,
		.truncated = run->truncated,
		.kernel = run->bad_line,
		.fault = run->fault_line,
		.taint = taint,
		.leak = end ? end->leak : NULL,
		.death = why,
	};
	gint64 duration;

	if (run->stream) {
		foreign_stream_end(run->stream);
		record_parts(executor, run);
	}
	duration = end && end->duration_us ? end->duration_us : g_get_real_time() - run->start_us;

	/* A crash of the machine is explained by its console, in full. */
	record(executor, run, &observation, duration,
	       ending == ENDING_LOST || ending == ENDING_HUNG ? death : NULL);
	g_ptr_array_remove_fast(executor->running, run);
}

/* An item that never starts. */
static void finish_unstarted(struct executor *executor, const struct item *item,
			     enum verdict verdict, const char *reason, const char *lift)
{
	struct result result = {
		.number = item->number,
		.id = item->id,
		.profile = executor->transport->name,
		.verdict = verdict,
		.reason = (char *)reason,
		.lift = (char *)lift,
		.details = (char *)"",
		.proves = item->which->proves,
		.devices = (char *)"",
		.kernel = (char *)"",
		.start_us = g_get_real_time(),
		.attempt = item->attempt,
	};

	if (!executor->sink->add(executor->sink->data, item, &result))
		executor->broken = TRUE;
}

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
		record_parts(data, run);
	}
	if (length > MAX_OUTPUT - output->len) {
		run->truncated = run->truncated || stream == STREAM_STDOUT;
		length = MAX_OUTPUT - output->len;
	}
	g_string_append_len(output, bytes, (gssize)length);
}

static gboolean is_allowed(const struct executor *executor, const char *line)
{
	for (guint i = 0; i < executor->allowed->len; i++)
		if (g_regex_match(executor->allowed->pdata[i], line, 0, NULL))
			return TRUE;
	return FALSE;
}

static gboolean concerns(const struct running *run, const struct device *device)
{
	for (guint i = 0; run->devices[i]; i++)
		if (in_same_group(run->devices[i], device))
			return TRUE;
	return FALSE;
}

/* The device with this address; most drivers do not tell the domain. */
static const struct device *faulting_device(const struct executor *executor, const char *name)
{
	const GPtrArray *all = executor->machine->devices;
	const char *tail = strchr(name, ':');

	for (guint i = 0; i < all->len; i++) {
		const struct device *device = all->pdata[i];

		if (g_str_equal(device->name, name) ||
		    (tail && g_str_has_suffix(device->name, tail)))
			return device;
	}
	return NULL;
}

/* A fault is that of the case that has the device. One of a device that no case has may be anybody's, but not on a machine at work. */
static gboolean may_have_caused(const struct executor *executor, const struct running *run,
				const struct device *device)
{
	if (!device || concerns(run, device))
		return TRUE;
	if (!executor->machine->is_guest && *device->driver)
		return FALSE;
	for (guint i = 0; i < executor->running->len; i++)
		if (concerns(executor->running->pdata[i], device))
			return FALSE;
	return TRUE;
}

/* Which of several cases the kernel speaks of cannot be known, but of faults: each gets the line. */
static void on_kernel(gpointer data, const char *line, gboolean user, const char *fault)
{
	struct executor *executor = data;
	gboolean allowed = user || is_allowed(executor, line);
	gboolean bad = !allowed && kernel_line_is_bad(line);
	const struct device *device = fault ? faulting_device(executor, fault) : NULL;

	for (guint i = 0; i < executor->running->len; i++) {
		struct running *run = executor->running->pdata[i];
		gboolean meant =
			allowed || (run->stream && foreign_allows(run->item->which->foreign, line));

		if (bad && !meant && !run->bad_line)
			run->bad_line = g_strdup(line);
		if (fault && !meant && !run->fault_line && may_have_caused(executor, run, device))
			run->fault_line = g_strdup(line);
		if (run->kernel->len < MAX_KERNEL)
			g_string_append_printf(run->kernel, "%s\n", line);
	}
}

static void on_end(gpointer data, const struct session_exit *end)
{
	struct executor *executor = data;
	struct running *run = running_job(executor, end->job);

	if (!run)
		return;
	executor->losses = 0;
	if (end->refused) {
		finish(executor, run, ENDING_REFUSED, end, end->refused);
	} else if (end->hung) {
		executor->stuck = TRUE;
		finish(executor, run, ENDING_HUNG, end, NULL);
	} else if (end->timed_out) {
		finish(executor, run, ENDING_TIMEOUT, end, NULL);
	} else {
		finish(executor, run, executor->stopped ? ENDING_STOPPED : ENDING_EXIT, end, NULL);
	}
}

/* --- starting --- */

static gboolean runs_alone(const struct item *item)
{
	return test_case_has_mark(item->which, "exclusive") ||
	       test_case_has_mark(item->which, "destructive") ||
	       test_case_has_mark(item->which, "perf");
}

static gboolean fits_beside(const struct executor *executor, const struct item *item)
{
	if (!executor->running->len)
		return TRUE;
	if (executor->running->len >= (guint)executor->options->jobs || runs_alone(item))
		return FALSE;
	return !runs_alone(((struct running *)executor->running->pdata[0])->item);
}

static guint timeout_of(const struct executor *executor, const struct item *item)
{
	double ms = item->which->timeout_ms * executor->options->timeout_factor *
		    executor->transport->slowness;

	return (guint)CLAMP(ms, 1, G_MAXINT32);
}

static void start(struct executor *executor, const struct item *item, struct device **devices)
{
	struct running *run = g_new0(struct running, 1);
	struct session_job job = {
		.job = ++executor->next_job,
		.suite = item->which->suite,
		.variant = item->variant,
		.engine = item->engine,
	};

	run->item = item;
	run->output[0] = g_string_new(NULL);
	run->output[1] = g_string_new(NULL);
	run->kernel = g_string_new(NULL);
	run->stream = item->which->foreign ? foreign_stream_new() : NULL;
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
	guint count;

	if (item->skip) {
		finish_unstarted(executor, item, VERDICT_SKIP, item->skip, item->lift);
		return TRY_DONE;
	}
	count = find_devices(executor, item, TRUE, devices);
	if (count < item->which->devices) {
		reason = g_strdup_printf("it needs %u devices of engine %s, and there is %u",
					 item->which->devices, item->engine, count);
		finish_unstarted(executor, item, VERDICT_SKIP, reason, "another such device");
		return TRY_DONE;
	}
	if (!fits_beside(executor, item))
		return TRY_LATER;
	memset(devices, 0, sizeof(devices));
	if (find_devices(executor, item, FALSE, devices) < item->which->devices)
		return TRY_LATER;
	for (guint i = 0; devices[i]; i++) {
		const char *problem = g_hash_table_lookup(executor->bound, devices[i]->name);

		if (problem && *problem) {
			finish_unstarted(executor, item, VERDICT_ERROR, problem, NULL);
			return TRY_DONE;
		}
	}
	start(executor, item, devices);
	return TRY_STARTED;
}

static void start_what_fits(struct executor *executor)
{
	guint i = 0;

	while (i < executor->waiting->len && !executor->broken && !executor->stopped &&
	       !executor->stuck && executor->running->len < (guint)executor->options->jobs &&
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
		finish(executor, executor->running->pdata[0], ending, NULL, death);
}

static gboolean bring_back(struct executor *executor, GError **error)
{
	g_autofree char *note = NULL;

	session_close(*executor->session, FALSE, NULL);
	*executor->session = NULL;
	g_hash_table_remove_all(executor->bound);
	if (!executor->waiting->len || executor->stopped ||
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
	bind_devices(executor);
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
		.kernel = on_kernel,
		.ended = on_end,
		.data = executor,
	};

	for (;;) {
		start_what_fits(executor);
		if (executor->broken)
			return FALSE;
		if (!executor->running->len && executor->stuck) {
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
	bind_devices(&executor);
	good = loop(&executor, error);
	/* The records broke: nothing may be left running on the machine. */
	g_ptr_array_unref(executor.running);
	g_ptr_array_unref(executor.waiting);
	g_ptr_array_unref(executor.allowed);
	g_hash_table_unref(executor.bound);
	return good;
}
