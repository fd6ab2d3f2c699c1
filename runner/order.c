// SPDX-License-Identifier: GPL-2.0-or-later
/* The order and the parts of a plan. */
#include "runner/past.h"
#include "runner/plan.h"
#include "runner/plan_file.h"
#include "runner/random.h"

void plan_shuffle(GPtrArray *items, guint64 seed)
{
	for (guint i = items->len; i > 1; i--) {
		guint j = (guint)(random_next(&seed) % i);
		gpointer item = items->pdata[i - 1];

		items->pdata[i - 1] = items->pdata[j];
		items->pdata[j] = item;
	}
	plan_number(items, 1);
}

void plan_keep(GPtrArray *items, gboolean (*wanted)(const struct item *item, gconstpointer data),
	       gconstpointer data)
{
	guint kept = 0;

	for (guint i = 0; i < items->len; i++) {
		struct item *item = items->pdata[i];

		items->pdata[i] = NULL;
		if (wanted(item, data))
			items->pdata[kept++] = item;
		else
			item_free(item);
	}
	g_ptr_array_set_size(items, (gint)kept);
}

struct part {
	guint index, count;
	const struct balance *balance;
	const char *profile;
};

static gboolean is_in_part(const struct item *item, gconstpointer data)
{
	const struct part *part = data;

	return balance_part(part->balance, part->profile, item->id, part->count) == part->index;
}

void plan_shard(GPtrArray *items, guint index, guint count, const struct balance *balance,
		const char *profile)
{
	const struct part part = { index, count, balance, profile };

	plan_keep(items, is_in_part, &part);
	plan_number(items, 1);
}

static gint by_deadline(gconstpointer a, gconstpointer b)
{
	const struct item *first = *(struct item *const *)a, *second = *(struct item *const *)b;

	return (second->which->timeout_ms > first->which->timeout_ms) -
	       (second->which->timeout_ms < first->which->timeout_ms);
}

void plan_longest_first(GPtrArray *items)
{
	g_ptr_array_sort(items, by_deadline);
}

void plan_share(GPtrArray *items, guint index, guint count)
{
	for (guint i = items->len; i > 0; i--)
		if ((i - 1) % count != index - 1)
			g_ptr_array_remove_index(items, i - 1);
}

void plan_repeat(GPtrArray *items, guint times)
{
	guint once = items->len;

	for (guint attempt = 2; attempt <= times; attempt++) {
		for (guint i = 0; i < once; i++) {
			struct item *item = item_copy(items->pdata[i]);

			item->attempt = attempt;
			g_ptr_array_add(items, item);
		}
	}
	plan_number(items, 1);
}

void plan_number(GPtrArray *items, guint first)
{
	for (guint i = 0; i < items->len; i++)
		((struct item *)items->pdata[i])->number = first + i;
}

/* What the last run says. */
static void heed_last(const struct past *last, const struct run_options *options,
		      const char *profile, GPtrArray *items)
{
	if (options->last_failed)
		past_keep(last, profile, PAST_BAD, items);
	if (options->failed_first)
		past_first(last, profile, PAST_BAD, items);
	if (options->new_first)
		past_first(last, profile, PAST_NEW, items);
}

/* More would need memory by the gigabyte before the first case starts. */
static gboolean check_repeat(const GPtrArray *items, const struct run_options *options,
			     GError **error)
{
	guint64 runs = (guint64)items->len * (guint64)options->repeat;

	if (runs <= PLAN_MAX_ITEMS)
		return TRUE;
	g_set_error(error, RUNNER_ERROR, RUNNER_ERROR_USAGE,
		    "--repeat %d: with %u cases that is more than %u in all", options->repeat,
		    items->len, PLAN_MAX_ITEMS);
	return FALSE;
}

GPtrArray *plan_arrange(const struct machine *machine, const struct run_options *options,
			const struct earlier *earlier, const char *profile, GError **error)
{
	GPtrArray *items = plan_make(machine, options, error);

	if (!items)
		return NULL;
	if (options->plan_ids)
		plan_file_order(items, options->plan_ids);
	if (options->shard_count)
		plan_shard(items, options->shard_index, options->shard_count, earlier->balance,
			   profile);
	if (options->shuffle)
		plan_shuffle(items, options->shuffle_seed);
	if (!check_repeat(items, options, error)) {
		g_ptr_array_unref(items);
		return NULL;
	}
	plan_repeat(items, (guint)options->repeat);
	heed_last(earlier->last, options, profile, items);
	plan_number(items, 1);
	return items;
}
