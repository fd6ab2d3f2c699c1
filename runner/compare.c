// SPDX-License-Identifier: GPL-2.0-or-later
#include <math.h>
#include <string.h>

#include "runner/compare.h"
#include "runner/compare_figures.h"
#include "runner/text.h"

#define LEAST_CHANGE_US      1000
#define LEAST_CHANGE_ONCE_US 50000

/* A case of a profile in a run, all its attempts taken together. */
struct tally {
	const char *id;
	const char *profile;
	guint counts[VERDICT_COUNT];
	guint times;
	guint bad;
	struct sample duration;
	/* NULL if it has none */
	GArray *figures;
	/* the worst of its results */
	const struct result *worst;
};

static void tally_free(gpointer data)
{
	struct tally *tally = data;

	g_clear_pointer(&tally->figures, g_array_unref);
	g_free(tally);
}

static guint badness(enum verdict verdict)
{
	static const guint ranks[VERDICT_COUNT] = {
		[VERDICT_PASS] = 0,  [VERDICT_XFAIL] = 1,   [VERDICT_SKIP] = 2, [VERDICT_XPASS] = 3,
		[VERDICT_ERROR] = 4, [VERDICT_TIMEOUT] = 5, [VERDICT_FAIL] = 6, [VERDICT_CRASH] = 7,
	};

	return ranks[verdict];
}

static char *key_of(const char *profile, const char *id)
{
	return g_strdup_printf("%s\n%s", profile, id);
}

/* The tallies in the order of their first results; also found by "profile\nID". */
static GPtrArray *tally_run(const struct run *run, GHashTable **by_key)
{
	GPtrArray *tallies = g_ptr_array_new_with_free_func(tally_free);

	*by_key = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	for (guint i = 0; i < run->results->len; i++) {
		const struct result *result = run->results->pdata[i];
		char *key = key_of(result->profile, result->id);
		struct tally *tally = g_hash_table_lookup(*by_key, key);

		if (tally) {
			g_free(key);
		} else {
			tally = g_new0(struct tally, 1);
			tally->id = result->id;
			tally->profile = result->profile;
			tally->worst = result;
			g_ptr_array_add(tallies, tally);
			g_hash_table_insert(*by_key, key, tally);
		}
		tally->counts[result->verdict]++;
		tally->times++;
		tally->bad += verdict_is_bad(result->verdict);
		sample_add(&tally->duration, (double)result->duration_us);
		compare_add_figures(&tally->figures, result->figures);
		if (badness(result->verdict) > badness(tally->worst->verdict))
			tally->worst = result;
	}
	return tallies;
}

static struct tally *find_tally(GHashTable *by_key, const struct tally *like)
{
	g_autofree char *key = key_of(like->profile, like->id);

	return g_hash_table_lookup(by_key, key);
}

/* --- diff --- */

static void heading(GString *out, const char *text, gboolean colour)
{
	g_string_append_printf(out, colour ? "\x1b[1m%s\x1b[0m\n" : "%s\n", text);
}

static void add_change(GString *out, const char *profile, const char *key, const char *before,
		       const char *after)
{
	g_string_append_printf(out, "  %s %s: %s -> %s\n", profile, key, before ? before : "(none)",
			       after ? after : "(none)");
}

/* The texts of two objects that differ. */
static void diff_objects(GString *out, const char *profile, json_t *before, json_t *after)
{
	const char *key;
	json_t *value;

	json_object_foreach(before, key, value)
	{
		const char *old = json_string_value(value);
		const char *now = json_string_value(json_object_get(after, key));

		if (old && g_strcmp0(old, now) != 0)
			add_change(out, profile, key, old, now);
	}
	json_object_foreach(after, key,
			    value) if (json_is_string(value) && !json_object_get(before, key))
		add_change(out, profile, key, NULL, json_string_value(value));
}

static void diff_texts(GString *out, const char *profile, const char *key, const json_t *before,
		       const json_t *after)
{
	if (g_strcmp0(json_string_value(before), json_string_value(after)) != 0)
		add_change(out, profile, key, json_string_value(before), json_string_value(after));
}

/* Its devices as an object of texts: "device 0000:00:05.0" is "1234:11e8, driver vfio-pci, group 5". */
static json_t *devices_of(const json_t *machine)
{
	json_t *all = json_object();
	json_t *device;
	size_t i;

	json_array_foreach(json_object_get(machine, "devices"), i, device)
	{
		static const char *const keys[] = { "name", "vendor", "device", "driver", "group" };
		const char *texts[G_N_ELEMENTS(keys)];
		g_autofree char *key = NULL, *value = NULL;

		for (gsize j = 0; j < G_N_ELEMENTS(keys); j++) {
			texts[j] = json_string_value(json_object_get(device, keys[j]));
			texts[j] = texts[j] && *texts[j] ? texts[j] : "none";
		}
		key = g_strdup_printf("device %s", texts[0]);
		value = g_strdup_printf("%s:%s, driver %s, group %s", texts[1], texts[2], texts[3],
					texts[4]);
		json_object_set_new(all, key, json_string(value));
	}
	return all;
}

static void diff_devices(GString *out, const char *profile, const json_t *before,
			 const json_t *after)
{
	json_t *old = devices_of(before), *now = devices_of(after);

	diff_objects(out, profile, old, now);
	json_decref(old);
	json_decref(now);
}

static void diff_environments(GString *out, const struct run *before, const struct run *after,
			      gboolean colour)
{
	json_t *old_machines = json_object_get(before->info, "machines");
	json_t *new_machines = json_object_get(after->info, "machines");
	g_autoptr(GString) changes = g_string_new(NULL);
	static const char *const of_tool[] = { "tool", "tool_commit" };
	const char *profile;
	json_t *machine;

	for (gsize i = 0; i < G_N_ELEMENTS(of_tool); i++)
		diff_texts(changes, "iommutests", of_tool[i],
			   json_object_get(before->info, of_tool[i]),
			   json_object_get(after->info, of_tool[i]));
	json_object_foreach(old_machines, profile, machine)
	{
		json_t *now = json_object_get(new_machines, profile);

		if (!now) {
			g_string_append_printf(changes, "  %s: not in the second run\n", profile);
			continue;
		}
		diff_objects(changes, profile, json_object_get(machine, "describe"),
			     json_object_get(now, "describe"));
		diff_objects(changes, profile, json_object_get(machine, "facts"),
			     json_object_get(now, "facts"));
		diff_devices(changes, profile, machine, now);
	}
	json_object_foreach(new_machines, profile,
			    machine) if (!json_object_get(old_machines, profile))
		g_string_append_printf(changes, "  %s: not in the first run\n", profile);
	if (!changes->len)
		return;
	heading(out, "what was tested differs:", colour);
	g_string_append_len(out, changes->str, (gssize)changes->len);
}

static void add_lacks(GString *out, const char *which, const struct run *run, gboolean colour)
{
	g_autoptr(GPtrArray) lacks = run_lacks(run);

	if (!lacks->len)
		return;
	heading(out, which, colour);
	for (guint i = 0; i < lacks->len; i++)
		g_string_append_printf(out, "  %s\n",
				       ((const struct result *)lacks->pdata[i])->reason);
}

enum change { CHANGE_BROKEN, CHANGE_FIXED, CHANGE_OTHER, CHANGE_NEW, CHANGE_GONE, CHANGE_COUNT };

struct diff {
	GString *lists[CHANGE_COUNT];
	guint counts[CHANGE_COUNT];
	GString *durations;
	struct figure_changes figures;
	guint regressions;
};

/* "fail", or where it ran several times and was not always so, "fail in 3 of 50". */
static void add_outcome(GString *out, const struct tally *tally)
{
	g_string_append(out, verdict_name(tally->worst->verdict));
	if (tally->bad && tally->times > 1)
		g_string_append_printf(out, " in %u of %u", tally->bad, tally->times);
}

static void note_change(struct diff *diff, enum change change, const struct tally *before,
			const struct tally *after)
{
	const struct tally *tally = after ? after : before;
	GString *list = diff->lists[change];

	if (diff->counts[change]++ >= MAX_LISTED)
		return;
	g_string_append_printf(list, "  %s: %s (", tally->profile, tally->id);
	if (before)
		add_outcome(list, before);
	if (before && after)
		g_string_append(list, " -> ");
	if (after)
		add_outcome(list, after);
	g_string_append_c(list, ')');
	if (after && *after->worst->reason && verdict_is_bad(after->worst->verdict))
		g_string_append_printf(list, ": %s", after->worst->reason);
	g_string_append_c(list, '\n');
}

/* How many standard errors more often it is bad after than before; 0 if that cannot be told. */
static double worsening(const struct tally *before, const struct tally *after)
{
	double pooled = (double)(before->bad + after->bad) / (before->times + after->times);
	double error = sqrt(pooled * (1 - pooled) * (1.0 / before->times + 1.0 / after->times));

	if (MIN(before->times, after->times) < SAMPLE_ENOUGH || error <= 0)
		return 0;
	return ((double)after->bad / after->times - (double)before->bad / before->times) / error;
}

static void compare_durations(struct diff *diff, const struct tally *before,
			      const struct tally *after)
{
	g_autofree char *old = text_duration((gint64)before->duration.mean);
	g_autofree char *now = text_duration((gint64)after->duration.mean);

	if (sample_changed(&before->duration, &after->duration, LEAST_CHANGE_US,
			   LEAST_CHANGE_ONCE_US))
		g_string_append_printf(diff->durations, "  %s: %s: %s -> %s\n", after->profile,
				       after->id, old, now);
}

static void compare_tallies(struct diff *diff, const struct tally *before,
			    const struct tally *after)
{
	gboolean was_bad = verdict_is_bad(before->worst->verdict);
	gboolean is_bad = verdict_is_bad(after->worst->verdict);

	/* What was bad now and then and is so much more often has broken, too. */
	if (is_bad && (!was_bad || worsening(before, after) > SAMPLE_SIGMAS)) {
		diff->regressions++;
		note_change(diff, CHANGE_BROKEN, before, after);
	} else if (was_bad && !is_bad) {
		note_change(diff, CHANGE_FIXED, before, after);
	} else if (before->worst->verdict != after->worst->verdict ||
		   worsening(before, after) < -SAMPLE_SIGMAS) {
		note_change(diff, CHANGE_OTHER, before, after);
	} else if (!is_bad) {
		compare_durations(diff, before, after);
		compare_figures(&diff->figures, after->profile, after->id, before->figures,
				after->figures);
	}
}

static void print_diff(const struct diff *diff, gboolean colour, GString *out)
{
	static const char *const titles[CHANGE_COUNT] = {
		[CHANGE_BROKEN] = "broken",
		[CHANGE_FIXED] = "fixed",
		[CHANGE_OTHER] = "otherwise different",
		[CHANGE_NEW] = "new",
		[CHANGE_GONE] = "gone",
	};

	for (guint i = 0; i < CHANGE_COUNT; i++) {
		g_autofree char *title = NULL;

		if (!diff->counts[i])
			continue;
		title = g_strdup_printf("%s: %u", titles[i], diff->counts[i]);
		heading(out, title, colour);
		g_string_append_len(out, diff->lists[i]->str, (gssize)diff->lists[i]->len);
		if (diff->counts[i] > MAX_LISTED)
			g_string_append_printf(out, "  and %u more\n",
					       diff->counts[i] - MAX_LISTED);
	}
	if (diff->durations->len) {
		heading(out, "durations beyond noise:", colour);
		g_string_append_len(out, diff->durations->str, (gssize)diff->durations->len);
	}
	if (diff->figures.count) {
		heading(out, "figures beyond noise:", colour);
		g_string_append_len(out, diff->figures.list->str, (gssize)diff->figures.list->len);
		if (diff->figures.count > MAX_LISTED)
			g_string_append_printf(out, "  and %u more\n",
					       diff->figures.count - MAX_LISTED);
	}
}

guint compare_diff(const struct run *before, const struct run *after, gboolean colour, GString *out)
{
	struct diff diff = { .durations = g_string_new(NULL),
			     .figures = { .list = g_string_new(NULL),
					  .before = before->info,
					  .after = after->info } };
	g_autoptr(GHashTable) old_keys = NULL, new_keys = NULL;
	g_autoptr(GPtrArray) old = tally_run(before, &old_keys);
	g_autoptr(GPtrArray) new = tally_run(after, &new_keys);
	gsize start = out->len;

	for (guint i = 0; i < CHANGE_COUNT; i++)
		diff.lists[i] = g_string_new(NULL);
	for (guint i = 0; i < new->len; i++) {
		const struct tally *tally = new->pdata[i];
		const struct tally *was = find_tally(old_keys, tally);

		if (was) {
			compare_tallies(&diff, was, tally);
			continue;
		}
		diff.regressions += verdict_is_bad(tally->worst->verdict);
		note_change(&diff, CHANGE_NEW, NULL, tally);
	}
	for (guint i = 0; i < old->len; i++)
		if (!find_tally(new_keys, old->pdata[i]))
			note_change(&diff, CHANGE_GONE, old->pdata[i], NULL);
	add_lacks(out, "the first run is not whole:", before, colour);
	add_lacks(out, "the second run is not whole:", after, colour);
	diff_environments(out, before, after, colour);
	print_diff(&diff, colour, out);
	if (out->len == start)
		g_string_append_printf(out, "no difference in %u cases\n", new->len);
	for (guint i = 0; i < CHANGE_COUNT; i++)
		g_string_free(diff.lists[i], TRUE);
	g_string_free(diff.durations, TRUE);
	g_string_free(diff.figures.list, TRUE);
	return diff.regressions;
}

/* --- history --- */

struct history {
	/* the worst of the last run that it was part of */
	const struct result *last;
	guint runs;
	guint bad_runs;
	guint changes;
	gboolean was_bad;
	const char *first_bad;
};

static char *run_title(const struct run *run)
{
	return g_path_get_basename(run->folder);
}

guint compare_history(const GPtrArray *runs, gboolean all, GString *out)
{
	g_autoptr(GHashTable) by_key =
		g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	g_autoptr(GPtrArray) titles = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(GPtrArray) order = g_ptr_array_new();
	guint bad = 0;

	for (guint i = 0; i < runs->len; i++) {
		g_autoptr(GHashTable) keys = NULL;
		g_autoptr(GPtrArray) tallies = tally_run(runs->pdata[i], &keys);

		g_ptr_array_add(titles, run_title(runs->pdata[i]));
		for (guint j = 0; j < tallies->len; j++) {
			const struct tally *tally = tallies->pdata[j];
			char *key = key_of(tally->profile, tally->id);
			struct history *history = g_hash_table_lookup(by_key, key);
			gboolean is_bad = verdict_is_bad(tally->worst->verdict);

			if (history) {
				g_free(key);
				history->changes += history->was_bad != is_bad;
			} else {
				history = g_new0(struct history, 1);
				g_hash_table_insert(by_key, key, history);
				g_ptr_array_add(order, history);
			}
			history->last = tally->worst;
			history->runs++;
			history->bad_runs += is_bad;
			/* Since when it is bad now: a time of goodness begins the count anew. */
			if (!is_bad)
				history->first_bad = NULL;
			else if (!history->first_bad)
				history->first_bad = titles->pdata[i];
			history->was_bad = is_bad;
		}
	}
	for (guint i = 0; i < order->len; i++) {
		const struct history *history = order->pdata[i];

		bad += history->was_bad;
		if (!history->bad_runs && !all)
			continue;
		g_string_append_printf(out, "%3u%% bad (%u of %u runs), %u changes, now %s  %s: %s",
				       100 * history->bad_runs / history->runs, history->bad_runs,
				       history->runs, history->changes,
				       verdict_name(history->last->verdict), history->last->profile,
				       history->last->id);
		if (history->first_bad)
			g_string_append_printf(out, "  (bad since %s)", history->first_bad);
		g_string_append_c(out, '\n');
	}
	g_string_append_printf(out, "%u cases in %u runs, %u bad now\n", order->len, runs->len,
			       bad);
	return bad;
}
