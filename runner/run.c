// SPDX-License-Identifier: GPL-2.0-or-later
#include "runner/run.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "runner/folders.h"
#include "runner/output.h"
#include "runner/report.h"
#include "runner/run_state.h"
#include "runner/text.h"
#include "tool_version.h"

static json_t *words_to_json(char **words)
{
	json_t *array = json_array();

	for (; words && *words; words++)
		json_array_append_new(array, json_string(*words));
	return array;
}

static char *now_text(void)
{
	g_autoptr(GDateTime) now = g_date_time_new_now_utc();

	return g_date_time_format(now, "%Y-%m-%dT%H:%M:%SZ");
}

/* Another one tells that the machine was started anew. */
static char *boot_id(void)
{
	char *id = NULL;

	if (!g_file_get_contents("/proc/sys/kernel/random/boot_id", &id, NULL, NULL))
		return g_strdup("");
	return g_strstrip(id);
}

/* Which life of this machine it is, where it is the one under test. */
static void note_boot(json_t *info, gboolean shares_fate)
{
	g_autofree char *boot = boot_id();

	if (shares_fate)
		json_object_set_new(info, "boot_id", json_string(boot));
}

static json_t *first_info(const struct run_options *options, const struct run_target *targets,
			  gsize count, gboolean shares_fate)
{
	g_autofree char *started = now_text();
	g_autofree char *seed = g_strdup_printf("%#" G_GINT64_MODIFIER "x", options->seed);
	g_autofree char *directory = g_get_current_dir();
	json_t *machines = json_object();
	json_t *info;

	for (gsize i = 0; i < count; i++)
		json_object_set_new(machines, targets[i].transport->name,
				    json_pack("{s:o}", "replay", words_to_json(targets[i].replay)));
	info = json_pack("{s:i, s:s, s:s, s:s, s:s, s:o, s:o}", "version", RESULTS_VERSION, "tool",
			 TOOL_VERSION, "started", started, "seed", seed, "directory", directory,
			 "command", words_to_json(options->command), "machines", machines);
	if (*TOOL_COMMIT)
		json_object_set_new(info, "tool_commit", json_string(TOOL_COMMIT));
	note_boot(info, shares_fate);
	return info;
}

static gboolean write_reports(const struct run_options *options, const struct run *run)
{
	const struct {
		const char *format, *path;
	} reports[] = {
		{ "ktap", options->ktap },
		{ "junit", options->junit },
		{ "html", options->html },
		{ "markdown", options->markdown },
	};
	struct report_style style = report_to_stdout();
	gboolean to_stdout = FALSE, good = TRUE;
	GError *error = NULL;

	style.verbosity = options->quiet ? -1 : options->verbose;
	style.durations = options->durations;
	for (gsize i = 0; i < G_N_ELEMENTS(reports); i++) {
		if (!reports[i].path)
			continue;
		to_stdout = to_stdout || g_str_equal(reports[i].path, "-");
		if (!report_save(run, reports[i].format, &style, reports[i].path, &error)) {
			text_complain(error);
			g_clear_error(&error);
			good = FALSE;
		}
	}
	/* A program that reads our stdout reads nothing but what it asked for. */
	if (!to_stdout && !report_save(run, "terminal", &style, "-", &error)) {
		text_complain(error);
		g_clear_error(&error);
		good = FALSE;
	}
	return good;
}

static enum exit_status finish_run(struct run_state *state, gsize count)
{
	const char *folder = recorder_folder(state->recorder);
	g_autofree char *finished = now_text();
	g_autoptr(test_run) run = NULL;
	GError *error = NULL;
	enum exit_status code;
	gboolean good;

	json_object_set_new(state->info, "finished", json_string(finished));
	json_object_set_new(state->info, "planned",
			    json_integer(state->done_before + state->planned));
	if (run_state_was_stopped(state))
		json_object_set_new(state->info, "stopped", json_string("by a signal"));
	else if (state->full)
		json_object_set_new(state->info, "stopped",
				    json_string("results could not be recorded"));
	else if (state->options->max_fail && state->bad >= (guint)state->options->max_fail &&
		 state->ended < state->planned)
		json_object_set_new(state->info, "stopped",
				    json_string("at the limit of failures"));
	good = recorder_finish(state->recorder, &error) &&
	       recorder_update_run(state->recorder, state->info, &error);
	run_state_recording(state, good, error);
	g_clear_pointer(&state->progress, progress_free);
	if (state->usage == count && !state->trouble) {
		if (!state->options->resume)
			recorder_discard(state->recorder);
		fprintf(stderr, "iommut: %s\n", state->usage_message);
		return EXIT_STATUS_USAGE;
	}
	error = NULL;
	run = run_load(folder, &error);
	if (!run) {
		code = run_complain(error);
		g_error_free(error);
		return code == EXIT_STATUS_USAGE ? EXIT_STATUS_TROUBLE : code;
	}
	folders_note_last(folder);
	if (!write_reports(state->options, run))
		state->trouble = TRUE;
	if (!state->options->quiet)
		fprintf(stderr, "Everything about this run: %s\n", folder);
	code = run_status(run);
	return code != EXIT_STATUS_FAILURES && state->trouble ? EXIT_STATUS_TROUBLE : code;
}

/* A case that this machine died under, and not only the runner, is not run again: it would kill the machine again. */
static gboolean close_cut_off(struct run_state *state, const struct run *run, GError **error)
{
	g_autofree char *now = boot_id();
	const char *then = json_string_value(json_object_get(run->info, "boot_id"));

	if (!then || g_str_equal(then, now))
		return TRUE;
	for (guint i = 0; i < run->in_flight->len; i++) {
		struct result result = *(const struct result *)run->in_flight->pdata[i];

		result.verdict = VERDICT_CRASH;
		result.reason = (char *)"the machine died while it ran";
		if (!recorder_add(state->recorder, &result, error))
			return FALSE;
	}
	return TRUE;
}

/* What kept the run from being whole does so no more, or is found again. */
static void forget_end(json_t *info)
{
	const char *profile;
	json_t *machine;

	json_object_del(info, "stopped");
	json_object_del(info, "finished");
	json_object_foreach(json_object_get(info, "machines"), profile, machine)
		json_object_del(machine, "error");
}

static gboolean resume(struct run_state *state, gboolean durable, GError **error)
{
	const char *folder = state->options->resume;
	gboolean good = FALSE;
	test_run *run;

	state->recorder = recorder_resume(folder, durable, error);
	if (!state->recorder)
		return FALSE;
	run = run_load(folder, error);
	if (run && close_cut_off(state, run, error)) {
		run_free(run);
		run = run_load(folder, error);
		if (run) {
			state->next_number = run->last_number + 1;
			state->resumed = past_new(run);
			json_decref(state->info);
			state->info = json_incref(run->info);
			forget_end(state->info);
			note_boot(state->info, durable);
			good = recorder_resumed(state->recorder, error);
		}
	}
	run_free(run);
	return good;
}

static gboolean load_earlier(struct run_state *state, GError **error)
{
	return earlier_load(&state->earlier, state->options,
			    json_string_value(json_object_get(state->info, "last")), error);
}

static gboolean prepare(struct run_state *state, const struct run_target *targets, gsize count,
			GError **error)
{
	const struct run_options *options = state->options;
	g_autofree char *folder = options->output ? g_strdup(options->output) : folders_new_run();
	g_autofree char *last = folders_last_run(NULL);
	gboolean durable = FALSE;

	state->next_number = 1;
	state->plan = g_string_new(NULL);
	state->plan_known = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	state->tests = run_give_tests(options, targets, count, error);
	state->known = state->tests ? known_load_all(options->known, error) : NULL;
	if (!state->known)
		return FALSE;
	state->suites = plan_suites(options);
	for (gsize i = 0; i < count; i++)
		durable = durable || targets[i].transport->shares_fate;
	state->info = first_info(options, targets, count, durable);
	if (options->resume)
		return resume(state, durable, error) && load_earlier(state, error);
	/* Once this run has begun it is the last one, also for itself when it is resumed. */
	if (last)
		json_object_set_new(state->info, "last", json_string(last));
	if (!load_earlier(state, error))
		return FALSE;
	state->recorder = recorder_new(folder, state->info, durable, error);
	return state->recorder != NULL;
}

static void clean_up(struct run_state *state)
{
	recorder_free(state->recorder);
	json_decref(state->info);
	g_free(state->usage_message);
	earlier_clear(&state->earlier);
	g_strfreev(state->suites);
	past_free(state->resumed);
	known_free(state->known);
	g_clear_pointer(&state->tests, g_ptr_array_unref);
	g_string_free(state->plan, TRUE);
	g_hash_table_unref(state->plan_known);
}

enum exit_status run_targets(const struct run_options *options, const struct run_target *targets,
			     gsize count)
{
	struct run_state state = { .options = options };
	g_autofree struct target_run *runs = g_new0(struct target_run, count);
	g_autoptr(GError) error = NULL;
	enum exit_status code;
	GThreadPool *pool;

	if (!prepare(&state, targets, count, &error)) {
		clean_up(&state);
		return run_complain(error);
	}
	g_mutex_init(&state.lock);
	state.stop_fd = run_state_catch_signals();
	state.progress = progress_new(options->quiet ? -1 : MIN(options->verbose, 1));
	/* Each machine has a thread of its own from its start to its end. */
	pool = g_thread_pool_new(run_target, NULL, options->machines, TRUE, NULL);
	for (gsize i = 0; i < count; i++) {
		runs[i] = (struct target_run){ .state = &state, .target = &targets[i] };
		g_thread_pool_push(pool, &runs[i], NULL);
	}
	g_thread_pool_free(pool, FALSE, TRUE);
	if (options->plan_out && !output_save(options->plan_out, state.plan, &error)) {
		text_complain(error);
		state.trouble = TRUE;
	}
	code = finish_run(&state, count);
	g_mutex_clear(&state.lock);
	clean_up(&state);
	return code;
}
