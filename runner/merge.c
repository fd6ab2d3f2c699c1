// SPDX-License-Identifier: GPL-2.0-or-later
/* One run directory of several: shards, or machines that were tested apart. */
#include <string.h>

#include "runner/compare.h"
#include "runner/report.h"

/* What must agree for results of one machine's name to stand in one table. */
static gboolean same_machine(const char *profile, json_t *one, json_t *other, GError **error)
{
	static const char *const keys[] = { "kernel", "kernel_build", "command_line", "iommus" };
	json_t *facts = json_object_get(one, "facts");
	json_t *others = json_object_get(other, "facts");

	for (gsize i = 0; facts && others && i < G_N_ELEMENTS(keys); i++) {
		const char *a = json_string_value(json_object_get(facts, keys[i]));
		const char *b = json_string_value(json_object_get(others, keys[i]));

		if (g_strcmp0(a, b) == 0)
			continue;
		g_set_error(error, RUNNER_ERROR, RUNNER_ERROR_USAGE,
			    "these runs tested different machines of the name %s: %s is \"%s\" and "
			    "\"%s\"",
			    profile, keys[i], a ? a : "", b ? b : "");
		return FALSE;
	}
	return TRUE;
}

static gboolean merge_machines(json_t *machines, const struct run *run, GError **error)
{
	const char *profile;
	json_t *machine;

	json_object_foreach(json_object_get(run->info, "machines"), profile, machine)
	{
		json_t *known = json_object_get(machines, profile);

		if (known && !same_machine(profile, known, machine, error))
			return FALSE;
		/* Of a machine that one part has and could not test, another may say all the same what it is. */
		if (known)
			json_object_update_missing(known, machine);
		else
			json_object_set_new(machines, profile, json_deep_copy(machine));
	}
	return TRUE;
}

/* It began with the first part and ended with the last; times are of one form, so that they compare as texts. */
static void merge_times(json_t *info, const struct run *run)
{
	static const struct {
		const char *key;
		int later;
	} times[] = { { "started", -1 }, { "finished", 1 } };

	for (gsize i = 0; i < G_N_ELEMENTS(times); i++) {
		json_t *time = json_object_get(run->info, times[i].key);
		const char *text = json_string_value(time);
		const char *known = json_string_value(json_object_get(info, times[i].key));

		if (text && (!known || strcmp(text, known) * times[i].later > 0))
			json_object_set(info, times[i].key, time);
	}
}

/* What one part lacks the whole lacks: its machines' errors are theirs, its end is the end of all. */
static void merge_ends(json_t *info, const struct run *run)
{
	const char *stopped = json_string_value(json_object_get(run->info, "stopped"));
	json_t *planned = json_object_get(run->info, "planned");
	g_autofree char *why = NULL;

	if (planned)
		json_object_set_new(
			info, "planned",
			json_integer(json_integer_value(json_object_get(info, "planned")) +
				     json_integer_value(planned)));
	if (stopped)
		why = g_strdup_printf("%s: %s", run->folder, stopped);
	else if (!json_object_get(run->info, "finished"))
		why = g_strdup_printf("%s: %s", run->folder,
				      run->live ? "it still ran when it was merged"
						: "its runner died before it was at its end");
	if (why && !json_object_get(info, "stopped"))
		json_object_set_new(info, "stopped", json_string(why));
}

static json_t *merge_info(const GPtrArray *runs, GError **error)
{
	static const char *const of_parts[] = { "started", "finished", "planned", "stopped",
						"machines" };
	const struct run *first = runs->pdata[0];
	json_t *info = json_deep_copy(first->info);
	json_t *machines = json_object();
	json_t *parts = json_array();

	for (gsize i = 0; i < G_N_ELEMENTS(of_parts); i++)
		json_object_del(info, of_parts[i]);
	json_object_set_new(info, "machines", machines);
	json_object_set_new(info, "merged", parts);
	for (guint i = 0; i < runs->len; i++) {
		const struct run *run = runs->pdata[i];

		json_array_append_new(parts, json_string(run->folder));
		if (!merge_machines(machines, run, error)) {
			json_decref(info);
			return NULL;
		}
		merge_times(info, run);
		merge_ends(info, run);
	}
	return info;
}

static gboolean copy_log(struct recorder *recorder, const struct run *run, guint from, guint to,
			 const char *name, GError **error)
{
	g_autofree char *path = g_strdup_printf("%s/cases/%u/%s", run->folder, from, name);
	g_autofree char *bytes = NULL;
	gsize length;

	if (!g_file_test(path, G_FILE_TEST_IS_REGULAR))
		return TRUE;
	return g_file_get_contents(path, &bytes, &length, error) &&
	       recorder_save(recorder, to, name, bytes, length, error);
}

static gboolean copy_results(struct recorder *recorder, const struct run *run, guint *number,
			     GError **error)
{
	static const char *const names[] = { "stdout", "stderr", "kmsg" };
	/* Parts of a program have its number. */
	g_autoptr(GHashTable) copied = g_hash_table_new(NULL, NULL);

	for (guint i = 0; i < run->results->len; i++) {
		struct result result = *(const struct result *)run->results->pdata[i];
		gpointer from = GUINT_TO_POINTER(result.number);
		gboolean first = !g_hash_table_contains(copied, from);

		if (first)
			g_hash_table_insert(copied, from, GUINT_TO_POINTER((*number)++));
		result.number = GPOINTER_TO_UINT(g_hash_table_lookup(copied, from));
		for (gsize j = 0; first && j < G_N_ELEMENTS(names); j++)
			if (!copy_log(recorder, run, GPOINTER_TO_UINT(from), result.number,
				      names[j], error))
				return FALSE;
		if (!recorder_add(recorder, &result, error))
			return FALSE;
	}
	/* What was cut off there stays visible here. */
	for (guint i = 0; i < run->in_flight->len; i++) {
		const struct result *cut_off = run->in_flight->pdata[i];

		if (!recorder_begin(recorder, (*number)++, cut_off->id, cut_off->profile,
				    cut_off->attempt, error))
			return FALSE;
	}
	return TRUE;
}

gboolean compare_merge(const char *folder, const GPtrArray *runs, GError **error)
{
	json_t *info = merge_info(runs, error);
	struct recorder *recorder;
	guint number = 1;
	gboolean good;

	if (!info)
		return FALSE;
	recorder = recorder_new(folder, info, TRUE, error);
	json_decref(info);
	good = recorder != NULL;
	for (guint i = 0; good && i < runs->len; i++)
		good = copy_results(recorder, runs->pdata[i], &number, error);
	good = good && recorder_finish(recorder, error);
	recorder_free(recorder);
	return good;
}
