// SPDX-License-Identifier: GPL-2.0-or-later
#include "runner/run_state.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "runner/foreign.h"
#include "runner/text.h"

/* timeout(1) sends its signal to its child, and right after that to the whole process group: that is one wish, not two. */
#define SAME_WISH_US G_USEC_PER_SEC

/* Written by the signal handler. */
static int stop_event = -1;
static gint64 stopped_us;

static gint64 now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (gint64)now.tv_sec * G_USEC_PER_SEC + now.tv_nsec / 1000;
}

/* A second one ends us at once. */
static void on_signal(int number)
{
	guint64 one = 1;

	if (!stopped_us) {
		stopped_us = now_us();
	} else if (now_us() - stopped_us > SAME_WISH_US) {
		signal(number, SIG_DFL);
		raise(number);
	}
	/* It can only fail if it is readable already. */
	if (write(stop_event, &one, sizeof(one)) < 0)
		return;
}

int run_state_catch_signals(void)
{
	static const int numbers[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART };

	if (stop_event < 0)
		stop_event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	for (gsize i = 0; i < G_N_ELEMENTS(numbers); i++)
		sigaction(numbers[i], &action, NULL);
	signal(SIGPIPE, SIG_IGN);
	return stop_event;
}

/* Looks without taking: every thread is to see it. */
gboolean run_state_was_stopped(const struct run_state *state)
{
	struct pollfd stop = { .fd = state->stop_fd, .events = POLLIN };

	return poll(&stop, 1, 0) > 0;
}

gboolean run_state_recording(struct run_state *state, gboolean good, GError *error)
{
	if (good)
		return TRUE;
	if (!state->full)
		progress_note(state->progress, error->message);
	g_error_free(error);
	state->trouble = state->full = TRUE;
	return FALSE;
}

static gboolean sink_begin(gpointer data, const struct item *item)
{
	struct target_run *run = data;
	struct run_state *state = run->state;
	const char *profile = run->target->transport->name;
	GError *error = NULL;
	gboolean good;

	g_mutex_lock(&state->lock);
	good = recorder_begin(state->recorder, item->number, item->id, profile, item->attempt,
			      &error);
	good = run_state_recording(state, good, error);
	progress_begin(state->progress, item, profile);
	g_mutex_unlock(&state->lock);
	return good;
}

static gboolean sink_save(gpointer data, const struct item *item, const char *name,
			  const char *bytes, gsize length)
{
	struct target_run *run = data;
	struct run_state *state = run->state;
	GError *error = NULL;
	gboolean good;

	g_mutex_lock(&state->lock);
	good = recorder_save(state->recorder, item->number, name, bytes, length, &error);
	good = run_state_recording(state, good, error);
	g_mutex_unlock(&state->lock);
	return good;
}

static gboolean sink_add(gpointer data, const struct item *item, struct result *result)
{
	struct target_run *run = data;
	struct run_state *state = run->state;
	GError *error = NULL;
	gboolean good;

	g_mutex_lock(&state->lock);
	known_apply(state->known, &run->place, result);
	good = recorder_add(state->recorder, result, &error);
	good = run_state_recording(state, good, error);
	state->ended += !result->part_of;
	if (verdict_is_bad(result->verdict))
		state->bad++;
	/* What is shown has been recorded. */
	if (good && result->part_of)
		progress_part(state->progress, result);
	else if (good)
		progress_end(state->progress, item, result);
	g_mutex_unlock(&state->lock);
	return good;
}

static void sink_note(gpointer data, const char *text)
{
	struct target_run *run = data;

	g_mutex_lock(&run->state->lock);
	progress_note(run->state->progress, text);
	g_mutex_unlock(&run->state->lock);
}

static gboolean sink_stopping(gpointer data)
{
	struct target_run *run = data;
	struct run_state *state = run->state;
	gboolean stopping;

	g_mutex_lock(&state->lock);
	stopping = state->full ||
		   (state->options->max_fail && state->bad >= (guint)state->options->max_fail);
	g_mutex_unlock(&state->lock);
	return stopping || run_state_was_stopped(state);
}

/* Neither the issues nor the place change while cases run. */
static gboolean sink_allows(gpointer data, const char *line)
{
	struct target_run *run = data;

	return known_allows(run->state->known, &run->place, line);
}

struct execute_sink run_state_sink(struct target_run *run)
{
	return (struct execute_sink){
		.begin = sink_begin,
		.save = sink_save,
		.add = sink_add,
		.note = sink_note,
		.stopping = sink_stopping,
		.allows = sink_allows,
		.data = run,
	};
}

enum exit_status run_complain(const GError *error)
{
	text_complain(error);
	return error->domain == RUNNER_ERROR && error->code == RUNNER_ERROR_USAGE
		       ? EXIT_STATUS_USAGE
		       : EXIT_STATUS_TROUBLE;
}

GPtrArray *run_give_tests(const struct run_options *options, const struct run_target *targets,
			  gsize count, GError **error)
{
	GPtrArray *tests = foreign_load(options->tests, error);

	for (gsize i = 0; i < count; i++)
		targets[i].transport->tests = tests;
	return tests;
}
