// SPDX-License-Identifier: GPL-2.0-or-later
/* From a case that ran, or cannot, to its result. */
#include <string.h>

#include "runner/executor.h"
#include "runner/foreign.h"
#include "runner/foreign_run.h"
#include "runner/text.h"

#define SHOWN_KERNEL 4000
#define MAX_REASON   300

struct running *running_new(const struct item *item)
{
	struct running *run = g_new0(struct running, 1);

	run->item = item;
	run->output[0] = g_string_new(NULL);
	run->output[1] = g_string_new(NULL);
	run->kernel = g_string_new(NULL);
	run->stream = item->which->foreign ? foreign_stream_new() : NULL;
	run->provoked = provoked_new();
	return run;
}

void running_free(gpointer data)
{
	struct running *run = data;

	g_string_free(run->output[0], TRUE);
	g_string_free(run->output[1], TRUE);
	g_string_free(run->kernel, TRUE);
	foreign_stream_free(run->stream);
	g_free(run->bad_line);
	provoked_free(run->provoked);
	g_free(run->fault_line);
	g_free(run);
}

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

/* --abort-on: what comes after would be about a kernel that is broken. */
static void abort_if_broken(struct executor *executor, const struct running *run, const char *taint)
{
	guint on = executor->options->abort_on;

	if (executor->abort)
		return;
	if (taint && (on & ABORT_ON_TAINT))
		executor->abort =
			g_strdup_printf("%s made the kernel tainted: %s", run->item->id, taint);
	else if (run->bad_line && (on & ABORT_ON_KERNEL))
		executor->abort = g_strdup_printf("while %s ran the kernel complained: %s",
						  run->item->id, run->bad_line);
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
	/* What somebody else's program prints is not said to us. */
	result->figures =
		run->stream ? NULL : figures_read(observation->output, observation->output_length);
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

void executor_record_parts(struct executor *executor, struct running *run)
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
void executor_finish(struct executor *executor, struct running *run, enum ending ending,
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
		.stream = run->stream,
		.one = item_part(run->item) != NULL,
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
		executor_record_parts(executor, run);
	}
	duration = end && end->duration_us ? end->duration_us : g_get_real_time() - run->start_us;
	abort_if_broken(executor, run, taint);
	/* A crash of the machine is explained by its console, in full. */
	record(executor, run, &observation, duration,
	       ending == ENDING_LOST || ending == ENDING_HUNG ? death : NULL);
	g_ptr_array_remove_fast(executor->running, run);
}

/* An item that never starts. */
void executor_finish_unstarted(struct executor *executor, const struct item *item,
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
