// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One file that needs nothing else. The matrix and the environment are plain HTML; the list of cases is made by its script from
 * JSON that the page carries, because most readers look at few of many cases.
 */
#include <gio/gio.h>
#include <stdlib.h>
#include <string.h>

#include "html-resources.h"
#include "runner/report.h"
#include "runner/table.h"
#include "runner/text.h"

#define LOG_LIMIT  (16u << 10)
#define LOGS_LIMIT (48u << 20)
#define MAX_TEXT   8000

static void add_escaped(GString *out, const char *text)
{
	g_autofree char *escaped = g_markup_escape_text(text, -1);

	g_string_append(out, escaped);
}

static void add_resource(GString *out, const char *path)
{
	g_autoptr(GBytes) bytes = g_resource_lookup_data(html_get_resource(), path,
							 G_RESOURCE_LOOKUP_FLAGS_NONE, NULL);
	gsize length;
	const char *data = g_bytes_get_data(bytes, &length);

	g_string_append_len(out, data, (gssize)length);
}

static void add_pair(GString *out, const char *key, const char *text)
{
	if (!text)
		return;
	g_string_append_printf(out, ",\"%s\":", key);
	report_add_json(out, text);
}

static void add_case(GString *out, const struct run *run, const struct result *result)
{
	g_string_append_printf(out, "{\"number\":%u,\"us\":%" G_GINT64_FORMAT, result->number,
			       result->duration_us);
	add_pair(out, "id", result->id);
	add_pair(out, "profile", result->profile);
	add_pair(out, "verdict", verdict_name(result->verdict));
	add_pair(out, "reason", result->reason);
	add_pair(out, "lift", result->lift);
	add_pair(out, "details", result->details);
	add_pair(out, "proves", result->proves);
	add_pair(out, "devices", result->devices);
	add_pair(out, "kernel", result->kernel);
	add_pair(out, "known", result->known);
	if (verdict_is_bad(result->verdict)) {
		g_autofree char *replay = report_replay(run, result);

		add_pair(out, "replay", replay);
	}
	g_string_append_c(out, '}');
}

static void add_cases(GString *out, const struct run *run)
{
	g_string_append(out, "<script type=\"application/json\" id=\"cases\">[");
	for (guint i = 0; i < run->results->len; i++) {
		g_string_append(out, i ? ",\n" : "\n");
		add_case(out, run, run->results->pdata[i]);
	}
	g_string_append(out, "]</script>\n");
}

/* Looked up once: most cases of a long run have none. */
static GHashTable *cases_with_logs(const struct run *run)
{
	GHashTable *numbers = g_hash_table_new(NULL, NULL);
	g_autofree char *folder = g_build_filename(run->folder, "cases", NULL);
	g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
	const char *name;

	while (dir && (name = g_dir_read_name(dir)))
		g_hash_table_add(numbers,
				 GUINT_TO_POINTER((guint)g_ascii_strtoull(name, NULL, 10)));
	return numbers;
}

/* Those of what failed first, then of the others while there is room. */
static void add_logs(GString *out, const struct run *run)
{
	static const char *const names[] = { "stdout", "stderr", "kmsg" };
	g_autoptr(GHashTable) logged = cases_with_logs(run);
	gsize start = out->len;
	gboolean any = FALSE;

	g_string_append(out, "<script type=\"application/json\" id=\"logs\">{");
	for (guint pass = 0; pass < 2; pass++) {
		for (guint i = 0; i < run->results->len && out->len - start < LOGS_LIMIT; i++) {
			const struct result *result = run->results->pdata[i];

			/* Once: the tests of a program share its logs. */
			if (verdict_is_bad(result->verdict) != (pass == 0) ||
			    !g_hash_table_remove(logged, GUINT_TO_POINTER(result->number)))
				continue;
			g_string_append_printf(out, "%s\n\"%u\":{\"of\":%u", any ? "," : "",
					       result->number, result->number);
			any = TRUE;
			for (guint j = 0; j < G_N_ELEMENTS(names); j++) {
				g_autofree char *log =
					run_log(run, result->number, names[j], LOG_LIMIT);

				if (*log)
					add_pair(out, names[j], log);
			}
			g_string_append_c(out, '}');
		}
	}
	g_string_append(out, "}</script>\n");
}

static const char *cell_class(const guint *counts)
{
	if (table_cell_is_bad(counts))
		return "bad";
	return counts[VERDICT_PASS] ? "good" : "open";
}

static void add_cell(GString *out, const guint *counts, const char *profile, const char *area,
		     const char *backend)
{
	g_autofree char *text = counts ? table_cell_text(counts) : NULL;

	g_string_append(out, "<td>");
	if (counts) {
		g_string_append_printf(out, "<button class=\"%s\" data-profile=\"",
				       cell_class(counts));
		add_escaped(out, profile);
		g_string_append(out, "\" data-area=\"");
		add_escaped(out, area);
		g_string_append(out, "\" data-backend=\"");
		add_escaped(out, backend);
		g_string_append_printf(out, "\">%s</button>", text);
	}
	g_string_append(out, "</td>");
}

static void add_matrix(GString *out, const struct run *run, const char *profile)
{
	struct table *table = table_new(run, profile);

	g_string_append(out, "<table><thead><tr><th>");
	add_escaped(out, profile);
	g_string_append(out, "</th>");
	for (guint i = 0; i < table->columns->len; i++) {
		g_string_append(out, "<th>");
		add_escaped(out, table->columns->pdata[i]);
		g_string_append(out, "</th>");
	}
	g_string_append(out, "</tr></thead><tbody>\n");
	for (guint i = 0; i < table->areas->len; i++) {
		const char *area = table->areas->pdata[i];

		g_string_append(out, "<tr><td>");
		add_escaped(out, area);
		g_string_append(out, "</td>");
		for (guint j = 0; j < table->columns->len; j++) {
			const char *backend = table->columns->pdata[j];

			add_cell(out, table_cell(table, area, backend), profile, area, backend);
		}
		g_string_append(out, "</tr>\n");
	}
	g_string_append(out, "</tbody></table>\n");
	table_free(table);
}

/* What a machine says of itself, one level deep. */
static void add_texts(GString *out, json_t *object)
{
	const char *key;
	json_t *value;

	json_object_foreach(object, key, value)
	{
		g_autofree char *clean = NULL;

		if (!json_is_string(value) || !json_string_length(value))
			continue;
		g_string_append(out, "<dt>");
		add_escaped(out, key);
		g_string_append(out, "</dt><dd><code>");
		clean = text_clean_line(json_string_value(value), -1, MAX_TEXT);
		add_escaped(out, clean);
		g_string_append(out, "</code></dd>\n");
	}
}

/* "0000:00:05.0: 1234:11e8, group 5, driver vfio-pci, engine edu" */
static void add_devices(GString *out, json_t *devices)
{
	static const struct {
		const char *key, *title;
	} more[] = { { "group", "group" },
		     { "driver", "driver" },
		     { "engine", "engine" },
		     { "use", "in use:" } };
	json_t *device;
	size_t i;

	json_array_foreach(devices, i, device)
	{
		const char *vendor = json_string_value(json_object_get(device, "vendor"));
		const char *product = json_string_value(json_object_get(device, "device"));
		const char *name = json_string_value(json_object_get(device, "name"));

		if (!name || !vendor || !product)
			continue;
		g_string_append(out, "<dt>device ");
		add_escaped(out, name);
		g_string_append(out, "</dt><dd><code>");
		add_escaped(out, vendor);
		g_string_append_c(out, ':');
		add_escaped(out, product);
		for (gsize j = 0; j < G_N_ELEMENTS(more); j++) {
			const char *text = json_string_value(json_object_get(device, more[j].key));

			if (!text || !*text)
				continue;
			g_string_append_printf(out, ", %s ", more[j].title);
			add_escaped(out, text);
		}
		g_string_append(out, "</code></dd>\n");
	}
}

/* What was tested, at a glance: "intel-legacy: Linux 7.3.4, dmar0, QEMU 10.2.2, tcg". */
static void add_glance(GString *out, const struct run *run)
{
	json_t *machines = json_object_get(run->info, "machines");
	const char *profile;
	json_t *machine;

	json_object_foreach(machines, profile, machine)
	{
		json_t *facts = json_object_get(machine, "facts");
		json_t *describe = json_object_get(machine, "describe");
		const struct {
			const char *before;
			const json_t *text;
		} parts[] = {
			{ "Linux ", json_object_get(facts, "kernel") },
			{ "", json_object_get(facts, "iommus") },
			{ "QEMU ", json_object_get(describe, "qemu_version") },
			{ "", json_object_get(describe, "accelerator") },
		};
		const char *separator = ": ";

		g_string_append(out, "<div class=\"faint\">");
		add_escaped(out, profile);
		for (gsize i = 0; i < G_N_ELEMENTS(parts); i++) {
			if (!json_string_length(parts[i].text))
				continue;
			g_string_append(out, separator);
			g_string_append(out, parts[i].before);
			add_escaped(out, json_string_value(parts[i].text));
			separator = ", ";
		}
		g_string_append(out, "</div>\n");
	}
}

static void add_environment(GString *out, const struct run *run)
{
	json_t *machines = json_object_get(run->info, "machines");
	const char *profile;
	json_t *machine;

	g_string_append(out,
			"<h2>Environment</h2>\n<details><summary>The run</summary><div><dl>\n");
	add_texts(out, run->info);
	g_string_append(out, "</dl></div></details>\n");
	json_object_foreach(machines, profile, machine)
	{
		g_string_append(out, "<details><summary>");
		add_escaped(out, profile);
		g_string_append(out, "</summary><div><dl>\n");
		add_texts(out, json_object_get(machine, "describe"));
		add_texts(out, json_object_get(machine, "facts"));
		add_devices(out, json_object_get(machine, "devices"));
		g_string_append(out, "</dl></div></details>\n");
	}
}

static void add_filter(GString *out, const struct run *run, const GPtrArray *profiles)
{
	g_string_append(
		out,
		"<h2>Cases <span class=\"faint\" id=\"count\"></span></h2>\n"
		"<form id=\"filter\"><input type=\"search\" name=\"text\" aria-label=\"words\" "
		"placeholder=\"words of ID or reason; -word leaves out\">\n"
		"<select name=\"verdict\" aria-label=\"verdict\"><option value=\"\">every "
		"verdict</option><option value=\"bad\">all that is bad</option>");
	for (guint i = 0; i < VERDICT_COUNT; i++)
		if (run->counts[i])
			g_string_append_printf(out, "<option>%s</option>", verdict_name(i));
	g_string_append(out, "</select>\n<select name=\"profile\" aria-label=\"machine\"><option "
			     "value=\"\">every machine</option>");
	for (guint i = 0; i < profiles->len; i++) {
		g_string_append(out, "<option>");
		add_escaped(out, profiles->pdata[i]);
		g_string_append(out, "</option>");
	}
	g_string_append(
		out, "</select>\n<select name=\"order\" aria-label=\"order\"><option value=\"\">as "
		     "they ended</option><option value=\"name\">by ID</option><option "
		     "value=\"slow\">slowest first</option></select> <button type=\"button\" "
		     "id=\"cell\" "
		     "title=\"all cases again\" hidden></button></form>\n"
		     "<noscript><p>The list of cases needs JavaScript.</p></noscript>\n"
		     "<div id=\"list\"></div><p><button id=\"more\" hidden>more</button></p>\n");
}

void report_html(const struct run *run, const struct report_style *style, GString *out)
{
	g_autoptr(GPtrArray) profiles = report_profiles(run);
	g_autofree char *counts = table_cell_text(run->counts);
	const char *started = json_string_value(json_object_get(run->info, "started"));
	g_autoptr(GPtrArray) lacks = run_lacks(run);

	g_string_append(out, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
			     "<meta name=\"viewport\" content=\"width=device-width\">\n"
			     "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src "
			     "'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'\">\n"
			     "<title>iommutests: ");
	add_escaped(out, *counts ? counts : "nothing ran");
	g_string_append(out, "</title>\n<style>\n");
	add_resource(out, "/iommut/report.css");
	g_string_append(out, "</style></head><body>\n<h1>iommutests: ");
	add_escaped(out, *counts ? counts : "nothing ran");
	g_string_append(out, "</h1>\n<div class=\"faint\">");
	add_escaped(out, started ? started : "");
	g_string_append(out, "</div>\n");
	add_glance(out, run);
	for (guint i = 0; i < lacks->len; i++) {
		const struct result *lack = lacks->pdata[i];

		g_string_append(out, "<div class=\"bad\">");
		add_escaped(out, lack->reason);
		g_string_append(out, "</div>\n");
	}
	g_string_append(out, "<h2>What works where</h2>\n");
	for (guint i = 0; i < profiles->len; i++)
		add_matrix(out, run, profiles->pdata[i]);
	add_filter(out, run, profiles);
	add_environment(out, run);
	add_cases(out, run);
	add_logs(out, run);
	g_string_append(out, "<script>\n");
	add_resource(out, "/iommut/report.js");
	g_string_append(out, "</script></body></html>\n");
}
