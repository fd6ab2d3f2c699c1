/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef RUNNER_TABLE_H
#define RUNNER_TABLE_H

/* Areas (suites) by backends, with counts: what the terminal, Markdown and HTML reports show of a profile. */

#include "runner/record.h"

#define TABLE_MAX_COLUMNS 8

/**
 * struct table - a profile's results, counted
 * @areas: of char *: suites, in the order of their first results
 * @columns: of char *: backends, "-" for cases without
 */
struct table {
	GPtrArray *areas;
	GPtrArray *columns;
	/*< private >*/
	GHashTable *cells;
};

/**
 * table_new() - count a profile's results
 */
struct table *table_new(const struct run *run, const char *profile);
void table_free(struct table *table);

/**
 * table_cell() - counts by verdict
 *
 * Return: VERDICT_COUNT numbers, or NULL if there is no such case.
 */
const guint *table_cell(const struct table *table, const char *area, const char *column);

/**
 * table_cell_text() - counts in words, as "12 pass 3 skip"
 *
 * Return: a new string.
 */
char *table_cell_text(const guint counts[VERDICT_COUNT]);

/**
 * table_cell_is_bad() - is there a verdict that makes a run fail?
 */
gboolean table_cell_is_bad(const guint counts[VERDICT_COUNT]);

#endif /* RUNNER_TABLE_H */
