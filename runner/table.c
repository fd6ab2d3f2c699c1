// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "runner/report.h"
#include "runner/table.h"

static guint position(GPtrArray *names, const char *name)
{
	guint index;

	if (!g_ptr_array_find_with_equal_func(names, name, g_str_equal, &index)) {
		index = names->len;
		g_ptr_array_add(names, g_strdup(name));
	}
	return index;
}

static int by_rank(gconstpointer a, gconstpointer b)
{
	static const char *const order[] = { "type1", "compat", "iommufd" };
	const char *names[2] = { *(const char *const *)a, *(const char *const *)b };
	guint ranks[2];

	for (guint i = 0; i < 2; i++) {
		ranks[i] = 0;
		while (ranks[i] < G_N_ELEMENTS(order) && !g_str_equal(order[ranks[i]], names[i]))
			ranks[i]++;
		if (g_str_equal(names[i], "-"))
			ranks[i]++;
	}
	return ranks[0] != ranks[1] ? (ranks[0] < ranks[1] ? -1 : 1) : strcmp(names[0], names[1]);
}

struct table *table_new(const struct run *run, const char *profile)
{
	struct table *table = g_new0(struct table, 1);

	table->areas = g_ptr_array_new_with_free_func(g_free);
	table->columns = g_ptr_array_new_with_free_func(g_free);
	table->cells = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	for (guint i = 0; i < run->results->len; i++) {
		const struct result *result = run->results->pdata[i];
		g_autofree char *area = NULL, *backend = NULL, *key = NULL;
		guint *counts;

		if (!g_str_equal(result->profile, profile))
			continue;
		area = report_suite(result->id);
		backend = report_parameter(result->id, "backend");
		if (!backend)
			backend = g_strdup("-");
		position(table->areas, area);
		position(table->columns, backend);
		key = g_strdup_printf("%s\n%s", area, backend);
		counts = g_hash_table_lookup(table->cells, key);
		if (!counts) {
			counts = g_new0(guint, VERDICT_COUNT);
			g_hash_table_insert(table->cells, g_steal_pointer(&key), counts);
		}
		counts[result->verdict]++;
	}
	g_ptr_array_sort(table->columns, by_rank);
	if (table->columns->len > TABLE_MAX_COLUMNS)
		g_ptr_array_set_size(table->columns, TABLE_MAX_COLUMNS);
	return table;
}

void table_free(struct table *table)
{
	g_ptr_array_unref(table->areas);
	g_ptr_array_unref(table->columns);
	g_hash_table_unref(table->cells);
	g_free(table);
}

/* "12 pass 3 skip": words beside every number, so that a table needs no legend. */
char *table_cell_text(const guint counts[VERDICT_COUNT])
{
	GString *text = g_string_new(NULL);

	for (guint i = 0; i < VERDICT_COUNT; i++) {
		if (!counts[i])
			continue;
		g_string_append_printf(text, "%s%u %s", text->len ? " " : "", counts[i],
				       verdict_name(i));
	}
	return g_string_free(text, FALSE);
}

const guint *table_cell(const struct table *table, const char *area, const char *column)
{
	g_autofree char *key = g_strdup_printf("%s\n%s", area, column);

	return g_hash_table_lookup(table->cells, key);
}

gboolean table_cell_is_bad(const guint counts[VERDICT_COUNT])
{
	for (guint i = 0; i < VERDICT_COUNT; i++)
		if (counts[i] && verdict_is_bad(i))
			return TRUE;
	return FALSE;
}
