// SPDX-License-Identifier: GPL-2.0-or-later
/* One JSON object with everything: docs/results.md. Written piece by piece: a run may have very many results. */
#include <stdlib.h>

#include "runner/report.h"

static void add_json(GString *out, json_t *value, size_t flags)
{
	char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | flags);

	g_string_append(out, text ? text : "null");
	free(text);
	json_decref(value);
}

static void add_text(GString *out, const char *key, const char *text)
{
	if (!text || !*text)
		return;
	g_string_append_printf(out, ",\"%s\":", key);
	report_add_json(out, text);
}

static void add_result(GString *out, const struct run *run, const struct result *result)
{
	g_autofree char *seed = g_strdup_printf("%#" G_GINT64_MODIFIER "x", result->seed);
	g_autofree char *replay =
		verdict_is_bad(result->verdict) ? report_replay(run, result) : NULL;

	g_string_append_printf(out, "{\"number\":%u", result->number);
	add_text(out, "id", result->id);
	add_text(out, "profile", result->profile);
	add_text(out, "verdict", verdict_name(result->verdict));
	add_text(out, "reason", result->reason);
	add_text(out, "lift", result->lift);
	add_text(out, "details", result->details);
	add_text(out, "proves", result->proves);
	add_text(out, "devices", result->devices);
	add_text(out, "kernel", result->kernel);
	add_text(out, "known", result->known);
	if (result->figures) {
		g_string_append(out, ",\"figures\":");
		add_json(out, figures_to_json(result->figures), FIGURE_JSON_FLAGS);
	}
	add_text(out, "part_of", result->part_of);
	add_text(out, "seed", seed);
	add_text(out, "replay", replay);
	g_string_append_printf(
		out,
		",\"start_us\":%" G_GINT64_FORMAT ",\"duration_us\":%" G_GINT64_FORMAT
		",\"timeout_ms\":%u,\"attempt\":%u}",
		result->start_us, result->duration_us, result->timeout_ms, result->attempt);
}

void report_json(const struct run *run, const struct report_style *style, GString *out)
{
	g_string_append(out, "{\"run\":");
	add_json(out, json_incref(run->info), 0);
	g_string_append(out, ",\n\"counts\":{");
	for (guint i = 0; i < VERDICT_COUNT; i++)
		g_string_append_printf(out, "%s\"%s\":%u", i ? "," : "", verdict_name(i),
				       run->counts[i]);
	g_string_append(out, "},\n\"in_flight\":[");
	for (guint i = 0; i < run->in_flight->len; i++) {
		if (i)
			g_string_append_c(out, ',');
		report_add_json(out, ((struct result *)run->in_flight->pdata[i])->id);
	}
	g_string_append(out, "],\n\"results\":[");
	for (guint i = 0; i < run->results->len; i++) {
		g_string_append(out, i ? ",\n" : "\n");
		add_result(out, run, run->results->pdata[i]);
	}
	g_string_append(out, "\n]}\n");
}
