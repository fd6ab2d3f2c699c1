// SPDX-License-Identifier: GPL-2.0-or-later
#include "runner/balance.h"

#include <string.h>

#include "runner/random.h"

struct balance {
	/* "profile\nID" to its part */
	GHashTable *parts;
};

struct cost {
	char *key;
	const char *profile;
	gint64 sum_us;
	guint times;
};

static void cost_free(gpointer data)
{
	struct cost *cost = data;

	g_free(cost->key);
	g_free(cost);
}

static gint64 mean(const struct cost *cost)
{
	return cost->sum_us / cost->times;
}

/* Machine by machine, the longest first; never by the order of the results, which differs from run to run. */
static int by_cost(gconstpointer a, gconstpointer b)
{
	const struct cost *left = *(struct cost *const *)a, *right = *(struct cost *const *)b;
	int machine = g_strcmp0(left->profile, right->profile);

	if (machine)
		return machine;
	if (mean(left) != mean(right))
		return mean(left) > mean(right) ? -1 : 1;
	return g_strcmp0(left->key, right->key);
}

static char *key_of(const char *profile, const char *id)
{
	return g_strdup_printf("%s\n%s", profile, id);
}

/* Of struct cost *, sorted. */
static GPtrArray *costs_of(const struct run *run)
{
	g_autoptr(GHashTable) by_key = g_hash_table_new(g_str_hash, g_str_equal);
	GPtrArray *costs = g_ptr_array_new_with_free_func(cost_free);

	for (guint i = 0; i < run->results->len; i++) {
		const struct result *result = run->results->pdata[i];
		char *key = key_of(result->profile, result->id);
		struct cost *cost = g_hash_table_lookup(by_key, key);

		if (cost) {
			g_free(key);
		} else {
			cost = g_new0(struct cost, 1);
			cost->key = key;
			cost->profile = result->profile;
			g_ptr_array_add(costs, cost);
			g_hash_table_insert(by_key, key, cost);
		}
		cost->sum_us += result->duration_us;
		cost->times++;
	}
	g_ptr_array_sort(costs, by_cost);
	return costs;
}

static guint lightest(const gint64 *loads, guint count)
{
	guint best = 0;

	for (guint i = 1; i < count; i++)
		if (loads[i] < loads[best])
			best = i;
	return best;
}

struct balance *balance_new(const struct run *run, guint count)
{
	struct balance *balance = g_new0(struct balance, 1);
	g_autofree gint64 *loads = g_new0(gint64, count);
	g_autoptr(GPtrArray) costs = costs_of(run);
	const char *profile = NULL;

	balance->parts = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	for (guint i = 0; i < costs->len; i++) {
		struct cost *cost = costs->pdata[i];
		guint part;

		if (g_strcmp0(cost->profile, profile) != 0)
			memset(loads, 0, count * sizeof(*loads));
		profile = cost->profile;
		part = lightest(loads, count);
		/* A case that took no time, as a skip, costs starting it all the same. */
		loads[part] += MAX(mean(cost), 1);
		g_hash_table_insert(balance->parts, g_steal_pointer(&cost->key),
				    GUINT_TO_POINTER(part + 1));
	}
	return balance;
}

void balance_free(struct balance *balance)
{
	if (!balance)
		return;
	g_hash_table_unref(balance->parts);
	g_free(balance);
}

guint balance_part(const struct balance *balance, const char *profile, const char *id, guint count)
{
	g_autofree char *key = balance ? key_of(profile, id) : NULL;
	guint part = balance ? GPOINTER_TO_UINT(g_hash_table_lookup(balance->parts, key)) : 0;

	return part ? part : (guint)(random_hash(id) % count) + 1;
}
