// SPDX-License-Identifier: GPL-2.0-or-later
#include "runner/past.h"

#include "runner/plan.h"
#include "runner/verdict.h"

struct past {
	/* "profile\nID" to whether it was bad */
	GHashTable *cases;
	/* "profile\nID\nattempt" */
	GHashTable *done;
};

struct past *past_new(const struct run *run)
{
	struct past *past = g_new0(struct past, 1);

	past->cases = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	past->done = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	for (guint i = 0; i < run->results->len; i++) {
		const struct result *result = run->results->pdata[i];
		char *key = g_strdup_printf("%s\n%s", result->profile, result->id);
		gboolean bad = verdict_is_bad(result->verdict) ||
			       GPOINTER_TO_INT(g_hash_table_lookup(past->cases, key));

		if (result->verdict != VERDICT_ERROR)
			g_hash_table_add(past->done,
					 g_strdup_printf("%s\n%u", key, result->attempt));
		g_hash_table_replace(past->cases, key, GINT_TO_POINTER(bad));
		/* What was bad in a part of a program can be seen again only by running the program. */
		if (bad && result->part_of)
			g_hash_table_replace(
				past->cases,
				g_strdup_printf("%s\n%s", result->profile, result->part_of),
				GINT_TO_POINTER(TRUE));
	}
	return past;
}

void past_free(struct past *past)
{
	if (!past)
		return;
	g_hash_table_unref(past->cases);
	g_hash_table_unref(past->done);
	g_free(past);
}

struct past_question {
	const struct past *past;
	const char *profile;
	enum past_choice choice;
};

static gboolean is_chosen(const struct item *item, gconstpointer data)
{
	const struct past_question *question = data;
	g_autofree char *key = g_strdup_printf("%s\n%s", question->profile, item->id);
	gpointer bad;

	if (!g_hash_table_lookup_extended(question->past->cases, key, NULL, &bad))
		return question->choice == PAST_NEW;
	return question->choice == PAST_BAD && GPOINTER_TO_INT(bad);
}

void past_keep(const struct past *past, const char *profile, enum past_choice choice,
	       GPtrArray *items)
{
	const struct past_question question = { past, profile, choice };

	plan_keep(items, is_chosen, &question);
}

void past_first(const struct past *past, const char *profile, enum past_choice choice,
		GPtrArray *items)
{
	const struct past_question question = { past, profile, choice };
	g_autoptr(GPtrArray) later = g_ptr_array_new();
	guint first = 0;

	for (guint i = 0; i < items->len; i++) {
		gpointer item = items->pdata[i];

		if (is_chosen(item, &question))
			items->pdata[first++] = item;
		else
			g_ptr_array_add(later, item);
	}
	for (guint i = 0; i < later->len; i++)
		items->pdata[first + i] = later->pdata[i];
}

static gboolean is_not_done(const struct item *item, gconstpointer data)
{
	const struct past_question *question = data;
	g_autofree char *key =
		g_strdup_printf("%s\n%s\n%u", question->profile, item->id, item->attempt);

	return !g_hash_table_contains(question->past->done, key);
}

void past_drop_done(const struct past *past, const char *profile, GPtrArray *items)
{
	const struct past_question question = { .past = past, .profile = profile };

	plan_keep(items, is_not_done, &question);
}

static gboolean load_last(struct earlier *earlier, const char *folder, GError **error)
{
	g_autoptr(test_run) run = NULL;

	if (!folder) {
		g_set_error_literal(
			error, RUNNER_ERROR, RUNNER_ERROR_USAGE,
			"--last-failed, --failed-first and --new-first look at the last "
			"run, and there was none yet");
		return FALSE;
	}
	run = run_load(folder, error);
	if (!run)
		return FALSE;
	earlier->last = past_new(run);
	return TRUE;
}

static gboolean load_balance(struct earlier *earlier, const char *folder, guint count,
			     GError **error)
{
	g_autoptr(test_run) run = run_load(folder, error);

	if (!run)
		return FALSE;
	earlier->balance = balance_new(run, count);
	return TRUE;
}

gboolean earlier_load(struct earlier *earlier, const struct run_options *options, const char *last,
		      GError **error)
{
	if ((options->last_failed || options->failed_first || options->new_first) &&
	    !load_last(earlier, last, error))
		return FALSE;
	return !options->balance ||
	       load_balance(earlier, options->balance, options->shard_count, error);
}

void earlier_clear(struct earlier *earlier)
{
	past_free(earlier->last);
	balance_free(earlier->balance);
	*earlier = (struct earlier){ 0 };
}
