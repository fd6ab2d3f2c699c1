// SPDX-License-Identifier: GPL-2.0-or-later
/* A summary for a pull request or a wiki. */
#include <string.h>

#include "runner/report.h"
#include "runner/table.h"
#include "runner/text.h"

#define MAX_FAILURES 50

/* Text outside of code: nothing in it may become a mark, a link or HTML. */
static void add_escaped(GString *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '\n') {
			g_string_append_c(out, ' ');
			continue;
		}
		if (strchr("\\`*_{}[]<>()#+!|~&@", *text))
			g_string_append_c(out, '\\');
		g_string_append_c(out, *text);
	}
}

/* Indented by four: code, whatever backticks the text has. */
static void add_code(GString *out, const char *text)
{
	while (*text) {
		gsize length = strcspn(text, "\n");

		g_string_append(out, "    ");
		g_string_append_len(out, text, (gssize)length);
		g_string_append_c(out, '\n');
		text += length;
		if (*text)
			text++;
	}
}

static void add_table(GString *out, const struct run *run, const char *profile)
{
	struct table *table = table_new(run, profile);

	g_string_append(out, "| ");
	add_escaped(out, profile);
	g_string_append(out, " |");
	for (guint i = 0; i < table->columns->len; i++) {
		g_string_append_c(out, ' ');
		add_escaped(out, table->columns->pdata[i]);
		g_string_append(out, " |");
	}
	g_string_append(out, "\n|---|");
	for (guint i = 0; i < table->columns->len; i++)
		g_string_append(out, "---|");
	g_string_append_c(out, '\n');
	for (guint i = 0; i < table->areas->len; i++) {
		g_string_append(out, "| ");
		add_escaped(out, table->areas->pdata[i]);
		g_string_append(out, " |");
		for (guint j = 0; j < table->columns->len; j++) {
			const guint *counts =
				table_cell(table, table->areas->pdata[i], table->columns->pdata[j]);
			g_autofree char *text = counts ? table_cell_text(counts) : NULL;

			if (counts && table_cell_is_bad(counts))
				g_string_append_printf(out, " **%s** |", text);
			else
				g_string_append_printf(out, " %s |", text ? text : "");
		}
		g_string_append_c(out, '\n');
	}
	g_string_append_c(out, '\n');
	table_free(table);
}

static void add_failure(GString *out, const struct run *run, const struct result *result)
{
	g_autofree char *replay = report_replay(run, result);

	g_string_append_printf(out, "### %s: ", verdict_name(result->verdict));
	add_escaped(out, result->id);
	g_string_append(out, " on ");
	add_escaped(out, result->profile);
	g_string_append(out, "\n\n");
	if (*result->proves) {
		g_string_append(out, "Should prove: ");
		add_escaped(out, result->proves);
		g_string_append(out, "\n\n");
	}
	add_code(out, result->reason);
	add_code(out, result->details);
	if (*result->kernel) {
		g_string_append(out, "\nKernel log:\n\n");
		add_code(out, result->kernel);
	}
	g_string_append(out, "\nAgain:\n\n");
	add_code(out, replay);
	g_string_append_c(out, '\n');
}

void report_markdown(const struct run *run, const struct report_style *style, GString *out)
{
	g_autoptr(GPtrArray) profiles = report_profiles(run);
	g_autofree char *counts = table_cell_text(run->counts);
	guint bad = 0;

	g_string_append_printf(out, "# iommutests: %s\n\n", *counts ? counts : "nothing ran");
	for (guint i = 0; i < profiles->len; i++) {
		const char *kernel = report_fact(run, profiles->pdata[i], "kernel");

		add_table(out, run, profiles->pdata[i]);
		if (*kernel) {
			g_string_append(out, "Linux ");
			add_escaped(out, kernel);
			g_string_append(out, "\n\n");
		}
	}
	for (guint i = 0; i < run->results->len; i++) {
		const struct result *result = run->results->pdata[i];

		if (verdict_is_bad(result->verdict) && bad++ < MAX_FAILURES)
			add_failure(out, run, result);
	}
	if (bad > MAX_FAILURES)
		g_string_append_printf(out, "And %u more.\n", bad - MAX_FAILURES);
}
