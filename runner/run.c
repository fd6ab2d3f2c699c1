// SPDX-License-Identifier: GPL-2.0-or-later
#include "runner/run.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "runner/execute.h"
#include "runner/folders.h"
#include "runner/foreign.h"
#include "runner/known.h"
#include "runner/plan.h"
#include "runner/plan_file.h"
#include "runner/progress.h"
#include "runner/record.h"
#include "runner/report.h"
#include "runner/session.h"

#define VERSION "0.1.0"

/* What the threads of a run share. */
struct run_state {
	const struct run_options *options;
	int stop_fd;
	struct past *last;    /* --last-failed and its like: the last run; or NULL */
	struct past *resumed; /* what this run has done before it was cut off; or NULL */
	struct known_issues *known;
	GPtrArray *tests; /* of struct foreign * */

	GMutex lock; /* for all that follows */
	struct recorder *recorder;
	struct progress *progress;
	json_t *info;
	guint next_number;
	guint planned;
	guint bad;
	gboolean trouble; /* a machine could not do its job, or recording failed */
	gboolean full;    /* recording failed: nothing more may run */
	GString *plan;    /* --plan-out: IDs, a line each */
	GHashTable *plan_known;
	guint usage; /* machines on which what was chosen does not exist */
	char *usage_message;
};

struct target_run {
	struct run_state *state;
	const struct run_target *target;
	struct known_place place;
};

/* Written by the signal handler. */
static int stop_event = -1;

static void on_signal(int number)
{
	guint64 one = 1;

	/* A second one ends us at once (SA_RESETHAND). The result can only fail if it is readable already. */
	if (write(stop_event, &one, sizeof(one)) < 0)
		return;
}

static void catch_signals(int *stop_fd)
{
	static const int numbers[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction action = { .sa_handler = on_signal,
				    .sa_flags = SA_RESETHAND | SA_RESTART };

	if (stop_event < 0)
		stop_event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	*stop_fd = stop_event;
	for (gsize i = 0; i < G_N_ELEMENTS(numbers); i++)
		sigaction(numbers[i], &action, NULL);
	signal(SIGPIPE, SIG_IGN);
}

/* Looks without taking: every thread is to see it. */
static gboolean was_stopped(const struct run_state *state)
{
	struct pollfd stop = { .fd = state->stop_fd, .events = POLLIN };

	return poll(&stop, 1, 0) > 0;
}

/* --- the sink of execute_items() --- */

/* Called with the lock held. */
static gboolean recording(struct run_state *state, gboolean good, GError *error)
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
	good = recorder_begin(state->recorder, item->number, item->id, profile, &error);
	good = recording(state, good, error);
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
	good = recording(state, good, error);
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
	good = recording(state, good, error);
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
	return stopping || was_stopped(state);
}

/* --- one machine --- */

static json_t *words_to_json(char **words)
{
	json_t *array = json_array();

	for (; words && *words; words++)
		json_array_append_new(array, json_string(*words));
	return array;
}

static json_t *devices_to_json(const struct machine *machine)
{
	json_t *array = json_array();

	for (guint i = 0; i < machine->devices->len; i++) {
		const struct device *device = machine->devices->pdata[i];

		json_array_append_new(array,
				      json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "name",
						device->name, "vendor", device->vendor, "device",
						device->product, "class", device->class, "group",
						device->group, "driver", device->driver, "engine",
						device->engine, "use", device->use));
	}
	return array;
}

/* Adds to what run.json says of a machine. */
static void tell(struct target_run *run, const char *key, json_t *value)
{
	struct run_state *state = run->state;
	json_t *machines = json_object_get(state->info, "machines");
	GError *error = NULL;
	json_t *machine;

	g_mutex_lock(&state->lock);
	machine = json_object_get(machines, run->target->transport->name);
	json_object_set_new(machine, key, value);
	recording(state, recorder_update_run(state->recorder, state->info, &error), error);
	g_mutex_unlock(&state->lock);
}

static void in_trouble(struct target_run *run, const char *message)
{
	struct run_state *state = run->state;

	tell(run, "error", json_string(message));
	g_mutex_lock(&state->lock);
	state->trouble = TRUE;
	progress_note(state->progress, message);
	g_mutex_unlock(&state->lock);
}

static GPtrArray *make_plan(const struct run_options *options, const struct machine *machine,
			    GError **error)
{
	GPtrArray *items = plan_make(machine, options, error);

	if (!items)
		return NULL;
	if (options->plan_ids)
		plan_file_order(items, options->plan_ids);
	if (options->shard_count)
		plan_shard(items, options->shard_index, options->shard_count);
	if (options->shuffle)
		plan_shuffle(items, options->seed);
	plan_repeat(items, (guint)options->repeat);
	return items;
}

/* What runs of before say of the order, and of what is left to do. */
static void heed_past(const struct target_run *run, GPtrArray *items)
{
	const struct run_state *state = run->state;
	const struct run_options *options = state->options;
	const char *profile = run->target->transport->name;

	if (options->last_failed)
		past_keep(state->last, profile, PAST_BAD, items);
	if (options->failed_first)
		past_first(state->last, profile, PAST_BAD, items);
	if (options->new_first)
		past_first(state->last, profile, PAST_NEW, items);
	if (state->resumed)
		past_drop_done(state->resumed, profile, items);
}

static void note_plan(struct run_state *state, const GPtrArray *items)
{
	g_mutex_lock(&state->lock);
	for (guint i = 0; i < items->len; i++) {
		const struct item *item = items->pdata[i];

		if (item->attempt == 1 && !g_hash_table_contains(state->plan_known, item->id)) {
			g_hash_table_add(state->plan_known, g_strdup(item->id));
			g_string_append_printf(state->plan, "%s\n", item->id);
		}
	}
	g_mutex_unlock(&state->lock);
}

static void number_items(struct run_state *state, GPtrArray *items)
{
	g_mutex_lock(&state->lock);
	plan_number(items, state->next_number);
	state->next_number += items->len;
	state->planned += items->len;
	progress_plan(state->progress, items->len);
	g_mutex_unlock(&state->lock);
}

static void cannot_plan(struct target_run *run, const GError *error)
{
	struct run_state *state = run->state;

	/* On another machine it may exist. */
	g_mutex_lock(&state->lock);
	if (error->domain == RUNNER_ERROR && error->code == RUNNER_ERROR_USAGE) {
		state->usage++;
		g_free(state->usage_message);
		state->usage_message = g_strdup(error->message);
	} else {
		state->trouble = TRUE;
		progress_note(state->progress, error->message);
	}
	g_mutex_unlock(&state->lock);
}

static void run_on(struct target_run *run, struct session **session, const struct machine *machine)
{
	struct run_state *state = run->state;
	const struct execute_sink sink = {
		.begin = sink_begin,
		.save = sink_save,
		.add = sink_add,
		.note = sink_note,
		.stopping = sink_stopping,
		.data = run,
	};
	g_autoptr(GError) error = NULL;
	GPtrArray *items = make_plan(state->options, machine, &error);

	if (!items) {
		cannot_plan(run, error);
		return;
	}
	heed_past(run, items);
	note_plan(state, items);
	do {
		number_items(state, items);
		if (!execute_items(session, run->target->transport, state->stop_fd, machine, items,
				   state->options, &sink, &error) &&
		    error)
			in_trouble(run, error->message);
		for (guint i = 0; i < items->len; i++)
			((struct item *)items->pdata[i])->attempt++;
	} while (state->options->until_fail && items->len && *session && !error &&
		 !sink_stopping(run));
	g_ptr_array_unref(items);
}

static const char *text_in(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

/* What known issues are about; the texts live as long as run.json's. */
static struct known_place place_of(const struct run_target *target, const json_t *about,
				   const json_t *facts)
{
	return (struct known_place){
		.profile = target->transport->name,
		.kernel = text_in(facts, "kernel"),
		.qemu = text_in(about, "qemu_version"),
		.iommu = known_iommu_model(text_in(facts, "iommus")),
	};
}

static void run_target(gpointer data, gpointer user_data)
{
	struct target_run *run = data;
	struct run_state *state = run->state;
	g_autoptr(GError) error = NULL;
	struct session *session;
	struct machine *machine;

	if (sink_stopping(run))
		return;
	session = session_open(run->target->transport, state->stop_fd, &error);
	machine = session ? session_machine(session, &error) : NULL;
	if (machine) {
		json_t *about = run->target->transport->ops->describe(run->target->transport);

		run->place = place_of(run->target, about, machine->facts);
		tell(run, "describe", about ? about : json_object());
		tell(run, "facts", json_incref(machine->facts));
		tell(run, "devices", devices_to_json(machine));
		run_on(run, &session, machine);
		machine_free(machine);
	} else if (g_error_matches(error, RUNNER_ERROR, RUNNER_ERROR_USAGE)) {
		cannot_plan(run, error);
	} else if (!was_stopped(state)) {
		in_trouble(run, error->message);
	}
	g_clear_error(&error);
	if (!session_close(session, TRUE, &error))
		in_trouble(run, error->message);
}

/* --- the run --- */

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
			 VERSION, "started", started, "seed", seed, "directory", directory,
			 "command", words_to_json(options->command), "machines", machines);
	if (shares_fate) {
		g_autofree char *boot = boot_id();

		json_object_set_new(info, "boot_id", json_string(boot));
	}
	return info;
}

static struct past *read_last(GError **error)
{
	g_autofree char *folder = folders_last_run(error);
	g_autoptr(test_run) last = folder ? run_load(folder, error) : NULL;

	return last ? past_new(last) : NULL;
}

static enum exit_status complain(const GError *error)
{
	fprintf(stderr, "iommut: %s\n", error->message);
	return error->domain == RUNNER_ERROR && error->code == RUNNER_ERROR_USAGE
		       ? EXIT_STATUS_USAGE
		       : EXIT_STATUS_TROUBLE;
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
	const struct report_style style = {
		.colour = isatty(STDOUT_FILENO) && !g_getenv("NO_COLOR"),
		.verbosity = options->quiet ? -1 : options->verbose,
		.durations = options->durations,
	};
	gboolean to_stdout = FALSE, good = TRUE;
	GError *error = NULL;

	for (gsize i = 0; i < G_N_ELEMENTS(reports); i++) {
		if (!reports[i].path)
			continue;
		to_stdout = to_stdout || g_str_equal(reports[i].path, "-");
		if (!report_save(run, reports[i].format, &style, reports[i].path, &error)) {
			fprintf(stderr, "iommut: %s\n", error->message);
			g_clear_error(&error);
			good = FALSE;
		}
	}
	/* A program that reads our stdout reads nothing but what it asked for. */
	if (!to_stdout && !report_save(run, "terminal", &style, "-", &error)) {
		fprintf(stderr, "iommut: %s\n", error->message);
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
	json_object_set_new(state->info, "planned", json_integer(state->planned));
	if (was_stopped(state))
		json_object_set_new(state->info, "stopped", json_string("by a signal"));
	else if (state->full)
		json_object_set_new(state->info, "stopped",
				    json_string("results could not be recorded"));
	else if (state->options->max_fail && state->bad >= (guint)state->options->max_fail)
		json_object_set_new(state->info, "stopped",
				    json_string("at the limit of failures"));
	good = recorder_finish(state->recorder, &error) &&
	       recorder_update_run(state->recorder, state->info, &error);
	recording(state, good, error);
	g_clear_pointer(&state->progress, progress_free);
	if (state->usage == count && !state->trouble) {
		fprintf(stderr, "iommut: %s\n", state->usage_message);
		return EXIT_STATUS_USAGE;
	}
	error = NULL;
	run = run_load(folder, &error);
	if (!run) {
		code = complain(error);
		g_error_free(error);
		return code == EXIT_STATUS_USAGE ? EXIT_STATUS_TROUBLE : code;
	}
	folders_note_last(folder);
	if (!write_reports(state->options, run))
		state->trouble = TRUE;
	if (!state->options->quiet)
		fprintf(stderr, "Everything about this run: %s\n", folder);
	code = exit_status_of(run->counts);
	if (code != EXIT_STATUS_FAILURES && (state->trouble || was_stopped(state)))
		return EXIT_STATUS_TROUBLE;
	return code;
}

/* A case that this machine died under, and not only the runner, is not run again: it would kill the machine again. */
static gboolean close_cut_off(struct run_state *state, const struct run *run, GError **error)
{
	g_autofree char *now = boot_id();
	const char *then = json_string_value(json_object_get(run->info, "boot_id"));

	if (!then || g_str_equal(then, now))
		return TRUE;
	for (guint i = 0; i < run->in_flight->len; i++) {
		const struct result result = {
			.number = run->in_flight_numbers[i],
			.id = run->in_flight->pdata[i],
			.profile = (char *)"local",
			.verdict = VERDICT_CRASH,
			.reason = (char *)"the machine died while it ran",
			.attempt = 1,
		};

		if (!recorder_add(state->recorder, &result, error))
			return FALSE;
	}
	return TRUE;
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
			json_object_del(state->info, "stopped");
			json_object_del(state->info, "finished");
			good = recorder_resumed(state->recorder, error);
		}
	}
	run_free(run);
	return good;
}

/* Gives the machines the tests of others. Return: these, or NULL. */
static GPtrArray *give_tests(const struct run_options *options, const struct run_target *targets,
			     gsize count, GError **error)
{
	GPtrArray *tests = foreign_load(options->tests, error);

	for (gsize i = 0; i < count; i++)
		targets[i].transport->tests = tests;
	return tests;
}

static gboolean prepare(struct run_state *state, const struct run_target *targets, gsize count,
			GError **error)
{
	const struct run_options *options = state->options;
	g_autofree char *folder = options->output ? g_strdup(options->output) : folders_new_run();
	gboolean durable = FALSE;

	state->next_number = 1;
	state->plan = g_string_new(NULL);
	state->plan_known = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	state->known = known_new();
	state->tests = give_tests(options, targets, count, error);
	if (!state->tests)
		return FALSE;
	for (char **path = options->known; path && *path; path++)
		if (!known_load(state->known, *path, error))
			return FALSE;
	if (options->last_failed || options->failed_first || options->new_first) {
		state->last = read_last(error);
		if (!state->last)
			return FALSE;
	}
	for (gsize i = 0; i < count; i++)
		durable = durable || targets[i].transport->shares_fate;
	state->info = first_info(options, targets, count, durable);
	if (options->resume)
		return resume(state, durable, error);
	state->recorder = recorder_new(folder, state->info, durable, error);
	return state->recorder != NULL;
}

static void clean_up(struct run_state *state)
{
	recorder_free(state->recorder);
	json_decref(state->info);
	g_free(state->usage_message);
	past_free(state->last);
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
		return complain(error);
	}
	g_mutex_init(&state.lock);
	catch_signals(&state.stop_fd);
	state.progress = progress_new(options->quiet ? -1 : MIN(options->verbose, 1));
	/* Each machine has a thread of its own from its start to its end. */
	pool = g_thread_pool_new(run_target, NULL, options->machines, TRUE, NULL);
	for (gsize i = 0; i < count; i++) {
		runs[i] = (struct target_run){ .state = &state, .target = &targets[i] };
		g_thread_pool_push(pool, &runs[i], NULL);
	}
	g_thread_pool_free(pool, FALSE, TRUE);
	if (options->plan_out && !g_file_set_contents(options->plan_out, state.plan->str,
						      (gssize)state.plan->len, &error)) {
		fprintf(stderr, "iommut: %s\n", error->message);
		state.trouble = TRUE;
	}
	code = finish_run(&state, count);
	g_mutex_clear(&state.lock);
	clean_up(&state);
	return code;
}

/* --- looking without running --- */

static struct machine *look_at(const struct run_target *target, GError **error)
{
	struct session *session = session_open(target->transport, -1, error);
	struct machine *machine = session ? session_machine(session, error) : NULL;

	session_close(session, machine != NULL, NULL);
	return machine;
}

static void print_item(const struct item *item, const char *profile, int verbosity)
{
	if (profile)
		printf("%s: ", profile);
	printf("%s\n", item->id);
	if (verbosity < 1)
		return;
	printf("        %s\n", item->which->proves);
	if (item->which->rule && *item->which->rule)
		printf("        rule: %s\n", item->which->rule);
	if (item->which->marks[0]) {
		g_autofree char *marks = g_strjoinv(" ", item->which->marks);

		printf("        marks: %s\n", marks);
	}
	if (item->skip)
		printf("        skipped here: %s; lift: %s\n", item->skip, item->lift);
}

enum exit_status run_list(const struct run_options *options, const struct run_target *targets,
			  gsize count)
{
	g_autoptr(GError) problem = NULL;
	g_autoptr(GPtrArray) tests = give_tests(options, targets, count, &problem);
	gboolean any = FALSE;

	if (!tests)
		return complain(problem);
	for (gsize i = 0; i < count; i++) {
		g_autoptr(GError) error = NULL;
		struct machine *machine = look_at(&targets[i], &error);
		GPtrArray *items = machine ? make_plan(options, machine, &error) : NULL;

		if (!items) {
			machine_free(machine);
			return complain(error);
		}
		for (guint j = 0; j < items->len; j++)
			print_item(items->pdata[j], count > 1 ? targets[i].transport->name : NULL,
				   options->verbose);
		any = any || items->len;
		g_ptr_array_unref(items);
		machine_free(machine);
	}
	return any ? EXIT_STATUS_GOOD : EXIT_STATUS_NOTHING;
}

enum exit_status run_devices(const struct run_options *options, const struct run_target *target)
{
	g_autoptr(GError) error = NULL;
	struct machine *machine = look_at(target, &error);
	guint shown = 0;

	if (!machine)
		return complain(error);
	printf("%-14s %-9s %-6s %-16s %-18s %s\n", "DEVICE", "ID", "GROUP", "DRIVER", "ENGINE",
	       "USE");
	for (guint i = 0; i < machine->devices->len; i++) {
		const struct device *device = machine->devices->pdata[i];

		if (!*device->engine && !options->verbose)
			continue;
		shown++;
		printf("%-14s %s:%s %-6s %-16s %-18s %s\n", device->name, device->vendor,
		       device->product, *device->group ? device->group : "-",
		       *device->driver ? device->driver : "-",
		       *device->engine ? device->engine : "-", *device->use ? device->use : "-");
	}
	if (!shown)
		printf("none that an engine can drive; -v shows all\n");
	machine_free(machine);
	return EXIT_STATUS_GOOD;
}
