// SPDX-License-Identifier: GPL-2.0-or-later
/* What a person sees at the end: failures, then a table of areas and backends for each profile, then one line. */
#include <stdlib.h>
#include <string.h>

#include "runner/report.h"
#include "runner/table.h"
#include "runner/text.h"

#define RED    "\x1b[31m"
#define GREEN  "\x1b[32m"
#define YELLOW "\x1b[33m"
#define BOLD   "\x1b[1m"
#define PLAIN  "\x1b[0m"

#define LOG_LINES    8
#define MAX_FAILURES 200
#define MAX_FIGURES  200

struct page {
	const struct run *run;
	const struct report_style *style;
	GString *out;
};

static void paint(struct page *page, const char *colour, const char *text)
{
	if (page->style->colour)
		g_string_append_printf(page->out, "%s%s%s", colour, text, PLAIN);
	else
		g_string_append(page->out, text);
}

static const char *colour_of(enum verdict verdict)
{
	if (verdict_is_bad(verdict))
		return RED;
	return verdict == VERDICT_PASS ? GREEN : YELLOW;
}

/* Each line behind a margin; only the last ones if there are many. */
static void add_block(struct page *page, const char *title, const char *text, guint most)
{
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
	guint count = g_strv_length(lines);
	guint first = 0;

	while (count && !*lines[count - 1])
		count--;
	if (!count)
		return;
	if (count > most)
		first = count - most;
	g_string_append_printf(page->out, "    %s:\n", title);
	for (guint i = first; i < count; i++)
		g_string_append_printf(page->out, "      %s\n", lines[i]);
}

static void add_failure(struct page *page, const struct result *result)
{
	const struct run *run = page->run;
	g_autofree char *replay = report_replay(run, result);
	g_autofree char *errors = run_log(run, result->number, "stderr", 2000);
	g_autofree char *title =
		g_strdup_printf("%s %s", verdict_name(result->verdict), result->id);

	g_string_append(page->out, "\n  ");
	paint(page, RED, title);
	g_string_append_printf(page->out, "  (%s)\n", result->profile);
	if (*result->proves)
		g_string_append_printf(page->out, "    should prove: %s\n", result->proves);
	if (*result->reason)
		g_string_append_printf(page->out, "    %s\n", result->reason);
	if (result->known)
		g_string_append_printf(page->out, "    known issue: %s\n", result->known);
	add_block(page, "the case says", result->details, 30);
	add_block(page, "its stderr", errors, LOG_LINES);
	add_block(page, "last lines of the kernel log", result->kernel, LOG_LINES);
	g_string_append_printf(page->out, "    logs: %s/cases/%u\n", run->folder, result->number);
	g_string_append_printf(page->out, "    again: %s\n", replay);
}

static void add_failures(struct page *page)
{
	guint shown = 0, bad = 0;

	for (guint i = 0; i < page->run->results->len; i++) {
		const struct result *result = page->run->results->pdata[i];

		if (!verdict_is_bad(result->verdict))
			continue;
		bad++;
		if (shown < MAX_FAILURES || page->style->verbosity >= 2) {
			shown++;
			add_failure(page, result);
		}
	}
	if (bad > shown)
		g_string_append_printf(page->out, "\n  and %u more: iommut report -vv %s\n",
				       bad - shown, page->run->folder);
	if (bad)
		g_string_append_c(page->out, '\n');
}

/* --- the table --- */

static const char *cell_colour(const guint counts[VERDICT_COUNT])
{
	if (table_cell_is_bad(counts))
		return RED;
	return counts[VERDICT_PASS] ? GREEN : YELLOW;
}

static void add_cell(struct page *page, const guint *counts, guint width)
{
	g_autofree char *text = counts ? table_cell_text(counts) : g_strdup("");

	g_string_append(page->out, "  ");
	if (counts)
		paint(page, cell_colour(counts), text);
	for (gsize i = strlen(text); i < width; i++)
		g_string_append_c(page->out, ' ');
}

static void end_line(struct page *page)
{
	while (page->out->len && page->out->str[page->out->len - 1] == ' ')
		g_string_truncate(page->out, page->out->len - 1);
	g_string_append_c(page->out, '\n');
}

static guint column_width(const struct table *table, const char *column)
{
	gsize width = strlen(column);

	for (guint i = 0; i < table->areas->len; i++) {
		const guint *counts = table_cell(table, table->areas->pdata[i], column);
		g_autofree char *text = counts ? table_cell_text(counts) : NULL;

		if (text)
			width = MAX(width, strlen(text));
	}
	return (guint)width;
}

/* A line for each cell, where a line for each suite would be too long. */
static void add_list(struct page *page, const struct table *table)
{
	guint width = 0;

	for (guint i = 0; i < table->columns->len; i++)
		width = MAX(width, (guint)strlen(table->columns->pdata[i]));
	for (guint i = 0; i < table->areas->len; i++) {
		const char *area = table->areas->pdata[i];

		g_string_append_printf(page->out, "  %s\n", area);
		for (guint j = 0; j < table->columns->len; j++) {
			const char *column = table->columns->pdata[j];
			const guint *counts = table_cell(table, area, column);

			if (!counts)
				continue;
			g_string_append_printf(page->out, "    %-*s", (int)width, column);
			add_cell(page, counts, 0);
			end_line(page);
		}
	}
}

static void add_columns(struct page *page, const struct table *table, const char *profile,
			const char *kernel)
{
	guint widths[TABLE_MAX_COLUMNS];
	gsize name_width = strlen(profile), whole, limit;

	for (guint i = 0; i < table->areas->len; i++)
		name_width = MAX(name_width, strlen(table->areas->pdata[i]) + 2);
	whole = name_width;
	for (guint i = 0; i < table->columns->len; i++) {
		widths[i] = column_width(table, table->columns->pdata[i]);
		whole += 2 + widths[i];
	}
	limit = page->style->width ? page->style->width : G_MAXSIZE;
	paint(page, BOLD, profile);
	/* The kernel stands behind the columns, or where there is no room behind the profile. */
	if (*kernel && whole + strlen("  (Linux )") + strlen(kernel) > limit) {
		g_string_append_printf(page->out, "  (Linux %s)\n", kernel);
		kernel = profile = "";
	}
	if (whole > limit) {
		if (*profile)
			end_line(page);
		add_list(page, table);
		return;
	}
	for (gsize i = strlen(profile); i < name_width; i++)
		g_string_append_c(page->out, ' ');
	for (guint i = 0; i < table->columns->len; i++)
		g_string_append_printf(page->out, "  %-*s", (int)widths[i],
				       (const char *)table->columns->pdata[i]);
	if (*kernel)
		g_string_append_printf(page->out, "  (Linux %s)", kernel);
	end_line(page);
	for (guint i = 0; i < table->areas->len; i++) {
		g_string_append_printf(page->out, "  %-*s", (int)name_width - 2,
				       (const char *)table->areas->pdata[i]);
		for (guint j = 0; j < table->columns->len; j++)
			add_cell(
				page,
				table_cell(table, table->areas->pdata[i], table->columns->pdata[j]),
				widths[j]);
		end_line(page);
	}
}

static void add_table(struct page *page, const char *profile)
{
	struct table *table = table_new(page->run, profile);

	add_columns(page, table, profile, report_fact(page->run, profile, "kernel"));
	table_free(table);
}

/* --- skips and durations --- */

struct reason {
	const struct result *example;
	guint count;
};

static int by_count(gconstpointer a, gconstpointer b)
{
	const struct reason *left = *(struct reason *const *)a;
	const struct reason *right = *(struct reason *const *)b;

	return left->count == right->count ? strcmp(left->example->reason, right->example->reason)
					   : (left->count > right->count ? -1 : 1);
}

static void add_skips(struct page *page)
{
	g_autoptr(GHashTable) known = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	g_autoptr(GPtrArray) reasons = g_ptr_array_new_with_free_func(g_free);

	for (guint i = 0; i < page->run->results->len; i++) {
		const struct result *result = page->run->results->pdata[i];
		struct reason *reason;
		char *key;

		if (result->verdict != VERDICT_SKIP)
			continue;
		key = g_strdup_printf("%s\n%s", result->profile, result->reason);
		reason = g_hash_table_lookup(known, key);
		if (!reason) {
			reason = g_new0(struct reason, 1);
			reason->example = result;
			g_ptr_array_add(reasons, reason);
			g_hash_table_insert(known, key, reason);
		} else {
			g_free(key);
		}
		reason->count++;
	}
	if (!reasons->len)
		return;
	g_ptr_array_sort(reasons, by_count);
	g_string_append(page->out, "\nskipped, and what would lift it:\n");
	for (guint i = 0; i < reasons->len; i++) {
		const struct reason *reason = reasons->pdata[i];

		g_string_append_printf(page->out, "  %4u  %s: %s\n", reason->count,
				       reason->example->profile, reason->example->reason);
		if (reason->example->lift)
			g_string_append_printf(page->out, "        %s\n", reason->example->lift);
	}
}

/* "  intel: s/case: map_p50 12.3 us, map_p99 45.6 us" */
static void add_figures_of(struct page *page, const struct result *result)
{
	const char *separator = ": ";

	g_string_append_printf(page->out, "  %s: %s", result->profile, result->id);
	for (guint i = 0; i < result->figures->len; i++) {
		const struct figure *figure = &g_array_index(result->figures, struct figure, i);
		g_autofree char *text = figure_text(figure->value, figure->unit);

		g_string_append_printf(page->out, "%s%s %s", separator, figure->name, text);
		separator = ", ";
	}
	if (figures_are_virtual(page->run->info, result->profile))
		g_string_append(page->out, " (in a virtual machine)");
	g_string_append_c(page->out, '\n');
}

static void add_figures(struct page *page)
{
	guint count = 0;

	for (guint i = 0; i < page->run->results->len; i++) {
		const struct result *result = page->run->results->pdata[i];

		if (!result->figures)
			continue;
		if (!count++)
			g_string_append(page->out, "\nfigures:\n");
		if (count <= MAX_FIGURES || page->style->verbosity >= 2)
			add_figures_of(page, result);
	}
	if (count > MAX_FIGURES && page->style->verbosity < 2)
		g_string_append_printf(page->out, "  and of %u more: iommut report -vv %s\n",
				       count - MAX_FIGURES, page->run->folder);
}

static int by_duration(gconstpointer a, gconstpointer b)
{
	const struct result *left = *(struct result *const *)a;
	const struct result *right = *(struct result *const *)b;

	return left->duration_us == right->duration_us  ? 0
	       : left->duration_us > right->duration_us ? -1
							: 1;
}

static void add_durations(struct page *page)
{
	g_autoptr(GPtrArray) sorted = g_ptr_array_new();

	for (guint i = 0; i < page->run->results->len; i++)
		g_ptr_array_add(sorted, page->run->results->pdata[i]);
	g_ptr_array_sort(sorted, by_duration);
	g_string_append(page->out, "\nslowest:\n");
	for (guint i = 0; i < sorted->len && i < (guint)page->style->durations; i++) {
		const struct result *result = sorted->pdata[i];
		g_autofree char *duration = text_duration(result->duration_us);

		g_string_append_printf(page->out, "  %10s  %s (%s)\n", duration, result->id,
				       result->profile);
	}
}

static void add_all(struct page *page)
{
	for (guint i = 0; i < page->run->results->len; i++) {
		const struct result *result = page->run->results->pdata[i];
		g_autofree char *duration = text_duration(result->duration_us);
		g_autofree char *verdict = g_strdup_printf("%-7s", verdict_name(result->verdict));

		paint(page, colour_of(result->verdict), verdict);
		g_string_append_printf(page->out, " %8s  %s (%s)\n", duration, result->id,
				       result->profile);
	}
	g_string_append_c(page->out, '\n');
}

/* --- the last line --- */

static gint64 wall_time(const struct run *run)
{
	gint64 first = G_MAXINT64, last = 0;

	for (guint i = 0; i < run->results->len; i++) {
		const struct result *result = run->results->pdata[i];

		first = MIN(first, result->start_us);
		last = MAX(last, result->start_us + result->duration_us);
	}
	return last > first ? last - first : 0;
}

static void add_summary(struct page *page)
{
	const struct run *run = page->run;
	g_autoptr(GPtrArray) lacks = run_lacks(run);
	g_autofree char *counts = table_cell_text(run->counts);
	g_autofree char *duration = text_duration(wall_time(run));

	for (guint i = 0; i < run->in_flight->len; i++)
		g_string_append_printf(page->out, "%s: %s\n",
				       run->live ? "runs now" : "cut off while it ran",
				       ((struct result *)run->in_flight->pdata[i])->id);
	if (run->notes)
		g_string_append_printf(page->out, "note: %s\n", run->notes);
	for (guint i = 0; i < lacks->len; i++) {
		const struct result *lack = lacks->pdata[i];
		g_autofree char *why = text_clean_line(lack->reason, -1, 500);

		g_string_append_printf(page->out, "%s\n", why);
	}
	if (!run->results->len)
		g_string_append(page->out, "nothing ran");
	else
		paint(page, cell_colour(run->counts), counts);
	g_string_append_printf(page->out, " in %s: %s\n", duration, run->folder);
}

void report_terminal(const struct run *run, const struct report_style *style, GString *out)
{
	struct page page = { .run = run, .style = style, .out = out };
	g_autoptr(GPtrArray) profiles = report_profiles(run);

	if (style->verbosity >= 2)
		add_all(&page);
	if (style->verbosity >= 0) {
		add_failures(&page);
		for (guint i = 0; i < profiles->len; i++)
			add_table(&page, profiles->pdata[i]);
		if (style->verbosity >= 1 || run->counts[VERDICT_SKIP] == run->results->len)
			add_skips(&page);
		if (style->verbosity >= 1)
			add_figures(&page);
		if (style->durations > 0)
			add_durations(&page);
		g_string_append_c(out, '\n');
	}
	add_summary(&page);
}
