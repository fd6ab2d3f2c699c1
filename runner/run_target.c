// SPDX-License-Identifier: GPL-2.0-or-later
/* The run on one machine, from its start to its end. */
#include "runner/plan.h"
#include "runner/run_state.h"
#include "runner/session.h"

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
static void tell(struct target_run *run, json_t *more)
{
	struct run_state *state = run->state;
	json_t *machines = json_object_get(state->info, "machines");
	GError *error = NULL;

	g_mutex_lock(&state->lock);
	json_object_update(json_object_get(machines, run->target->transport->name), more);
	json_decref(more);
	run_state_recording(state, recorder_update_run(state->recorder, state->info, &error),
			    error);
	g_mutex_unlock(&state->lock);
}

static void in_trouble(struct target_run *run, const char *message)
{
	struct run_state *state = run->state;

	tell(run, json_pack("{s:s}", "error", message));
	g_mutex_lock(&state->lock);
	state->trouble = TRUE;
	progress_note(state->progress, message);
	g_mutex_unlock(&state->lock);
}

void run_note_plan(GHashTable *known, GString *plan, const struct item *item)
{
	if (item->attempt == 1 && g_hash_table_add(known, g_strdup(item->id)))
		g_string_append_printf(plan, "%s\n", item->id);
}

static void note_plan(struct run_state *state, const GPtrArray *items)
{
	g_mutex_lock(&state->lock);
	for (guint i = 0; i < items->len; i++)
		run_note_plan(state->plan_known, state->plan, items->pdata[i]);
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
	if (g_error_matches(error, RUNNER_ERROR, RUNNER_ERROR_USAGE)) {
		state->usage++;
		g_free(state->usage_message);
		state->usage_message = g_strdup(error->message);
	} else {
		state->trouble = TRUE;
		progress_note(state->progress, error->message);
	}
	g_mutex_unlock(&state->lock);
}

/* Whether somebody wants to have the cases in an order of his. */
static gboolean has_order(const struct run_options *options)
{
	return options->shuffle || options->plan_ids || options->failed_first || options->new_first;
}

static void drop_done(struct run_state *state, const char *profile, GPtrArray *items)
{
	guint all = items->len;

	past_drop_done(state->resumed, profile, items);
	g_mutex_lock(&state->lock);
	state->done_before += all - items->len;
	g_mutex_unlock(&state->lock);
}

static void run_on(struct target_run *run, struct session **session, const struct machine *machine)
{
	struct run_state *state = run->state;
	const struct execute_sink sink = run_state_sink(run);
	const char *profile = run->target->transport->name;
	g_autoptr(GError) error = NULL;
	GPtrArray *items = plan_arrange(machine, state->options, &state->earlier, profile, &error);

	if (!items) {
		cannot_plan(run, error);
		return;
	}
	if (state->resumed)
		drop_done(state, profile, items);
	note_plan(state, items);
	if (state->options->jobs > 1 && !has_order(state->options))
		plan_longest_first(items);
	plan_share(items, run->target->share, run->target->shares);
	do {
		number_items(state, items);
		if (!execute_items(session, run->target->transport, state->stop_fd, machine, items,
				   state->options, &sink, &error) &&
		    error)
			in_trouble(run, error->message);
		for (guint i = 0; i < items->len; i++)
			((struct item *)items->pdata[i])->attempt++;
	} while (state->options->until_fail && items->len && *session && !error &&
		 !sink.stopping(run));
	g_ptr_array_unref(items);
}

static const char *text_in(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

/* What known issues are about; the texts are those of @about and @facts. */
static struct known_place place_of(const struct run_target *target, const json_t *about,
				   const json_t *facts)
{
	return (struct known_place){
		.profile = target->transport->name,
		.kernel = text_in(facts, "kernel"),
		.qemu = text_in(about, "qemu_version"),
		.qemu_build = text_in(about, "qemu_build"),
		.iommu = known_iommu_model(text_in(facts, "iommus")),
	};
}

void run_target(gpointer data, gpointer user_data)
{
	struct target_run *run = data;
	struct run_state *state = run->state;
	g_autoptr(GError) error = NULL;
	struct session *session;
	struct machine *machine;

	if (run_state_sink(run).stopping(run))
		return;
	session = session_open(run->target->transport, state->stop_fd, &error);
	machine = session ? session_machine(session, state->suites, &error) : NULL;
	if (machine) {
		json_t *about = run->target->transport->ops->describe(run->target->transport);

		about = about ? about : json_object();
		run->place = place_of(run->target, about, machine->facts);
		/* Another guest of the same profile puts its own in the place of these: the texts are ours until the end. */
		tell(run, json_pack("{s:O, s:O, s:o}", "describe", about, "facts", machine->facts,
				    "devices", devices_to_json(machine)));
		run_on(run, &session, machine);
		json_decref(about);
		machine_free(machine);
	} else if (g_error_matches(error, RUNNER_ERROR, RUNNER_ERROR_USAGE)) {
		cannot_plan(run, error);
	} else if (!run_state_was_stopped(state)) {
		in_trouble(run, error->message);
	}
	g_clear_error(&error);
	if (!session_close(session, TRUE, &error))
		in_trouble(run, error->message);
}
