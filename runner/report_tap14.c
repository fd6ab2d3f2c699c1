// SPDX-License-Identifier: GPL-2.0-or-later
/* TAP version 14: testanything.org/tap-version-14-specification. Its directives are only TODO and SKIP; details are YAML. */
#include <string.h>

#include "runner/report.h"

static void add_escaped(GString *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '#' || *text == '\\')
			g_string_append_c(out, '\\');
		g_string_append_c(out, *text == '\n' ? ' ' : *text);
	}
}

/* A quoted scalar: JSON's strings are YAML's too. */
static void add_pair(GString *out, const char *key, const char *text)
{
	if (!*text)
		return;
	g_string_append_printf(out, "  %s: \"", key);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			g_string_append_c(out, '\\');
		if (*text == '\n')
			g_string_append(out, "\\n");
		else if (*text == '\t')
			g_string_append(out, "\\t");
		else
			g_string_append_c(out, *text);
	}
	g_string_append(out, "\"\n");
}

static void add_details(GString *out, const struct run *run, const struct result *result)
{
	g_autofree char *replay = report_replay(run, result);

	g_string_append(out, "  ---\n");
	add_pair(out, "verdict", verdict_name(result->verdict));
	add_pair(out, "message", result->reason);
	add_pair(out, "details", result->details);
	add_pair(out, "kernel", result->kernel);
	add_pair(out, "again", replay);
	g_string_append_printf(out, "  duration_ms: %" G_GINT64_FORMAT ".%03d\n",
			       result->duration_us / 1000, (int)(result->duration_us % 1000));
	g_string_append(out, "  ...\n");
}

static void add_result(GString *out, const struct run *run, const struct result *result,
		       guint number, gboolean name_profile)
{
	gboolean expected = result->verdict == VERDICT_XFAIL;

	/* An expected failure is a "not ok" that does not count. */
	g_string_append_printf(out, "%s %u - ",
			       verdict_is_bad(result->verdict) || expected ? "not ok" : "ok",
			       number);
	if (name_profile) {
		add_escaped(out, result->profile);
		g_string_append_c(out, ':');
	}
	add_escaped(out, result->id);
	if (result->verdict == VERDICT_SKIP)
		g_string_append(out, " # SKIP ");
	else if (expected)
		g_string_append(out, " # TODO ");
	if (result->verdict == VERDICT_SKIP || expected)
		add_escaped(out, expected && result->known ? result->known : result->reason);
	g_string_append_c(out, '\n');
	if (verdict_is_bad(result->verdict))
		add_details(out, run, result);
}

void report_tap14(const struct run *run, const struct report_style *style, GString *out)
{
	g_autoptr(GPtrArray) profiles = report_profiles(run);

	g_string_append_printf(out, "TAP version 14\n1..%u\n", run->results->len);
	for (guint i = 0; i < run->results->len; i++)
		add_result(out, run, run->results->pdata[i], i + 1, profiles->len > 1);
}
