// SPDX-License-Identifier: GPL-2.0-or-later
/* KTAP version 1, one level: kernel's Documentation/dev-tools/ktap.rst. */
#include <string.h>

#include "runner/report.h"

/* A description or a reason may hold neither '#' nor a newline: KTAP has no escape. */
static void add_plain(GString *out, const char *text)
{
	for (; *text; text++)
		g_string_append_c(out, *text == '#' || *text == '\n' ? ' ' : *text);
}

static void add_diagnostics(GString *out, const char *text)
{
	while (*text) {
		gsize length = strcspn(text, "\n");

		g_string_append(out, "# ");
		g_string_append_len(out, text, (gssize)length);
		g_string_append_c(out, '\n');
		text += length;
		if (*text)
			text++;
	}
}

/* As kselftest.h prints known failures: "ok" with a directive, for parsers that know only SKIP. */
static void add_directive(GString *out, const struct result *result)
{
	switch (result->verdict) {
	case VERDICT_SKIP:
		g_string_append(out, " # SKIP ");
		break;
	case VERDICT_XFAIL:
		g_string_append(out, " # XFAIL ");
		break;
	case VERDICT_TIMEOUT:
		g_string_append(out, " # TIMEOUT ");
		break;
	case VERDICT_CRASH:
	case VERDICT_ERROR:
		g_string_append(out, " # ERROR ");
		break;
	default:
		return;
	}
	add_plain(out, result->reason);
	if (result->lift) {
		g_string_append(out, "; lift: ");
		add_plain(out, result->lift);
	}
}

static void add_result(GString *out, const struct run *run, const struct result *result,
		       guint number, gboolean name_profile)
{
	if (verdict_is_bad(result->verdict)) {
		g_autofree char *replay = report_replay(run, result);

		g_string_append_printf(out, "# verdict: %s", verdict_name(result->verdict));
		if (*result->reason)
			g_string_append_printf(out, ": %s", result->reason);
		g_string_append_c(out, '\n');
		add_diagnostics(out, result->details);
		add_diagnostics(out, result->kernel);
		g_string_append_printf(out, "# again: %s\n", replay);
	}
	g_string_append_printf(out, "%s %u ", verdict_is_bad(result->verdict) ? "not ok" : "ok",
			       number);
	if (name_profile) {
		add_plain(out, result->profile);
		g_string_append_c(out, ':');
	}
	add_plain(out, result->id);
	add_directive(out, result);
	g_string_append_c(out, '\n');
}

void report_ktap(const struct run *run, const struct report_style *style, GString *out)
{
	g_autoptr(GPtrArray) profiles = report_profiles(run);

	g_string_append_printf(out, "KTAP version 1\n1..%u\n", run->results->len);
	for (guint i = 0; i < run->results->len; i++)
		add_result(out, run, run->results->pdata[i], i + 1, profiles->len > 1);
	g_string_append_printf(
		out, "# Totals: pass:%u fail:%u xfail:%u xpass:%u skip:%u error:%u\n",
		run->counts[VERDICT_PASS], run->counts[VERDICT_FAIL], run->counts[VERDICT_XFAIL],
		run->counts[VERDICT_XPASS], run->counts[VERDICT_SKIP],
		run->counts[VERDICT_CRASH] + run->counts[VERDICT_TIMEOUT] +
			run->counts[VERDICT_ERROR]);
}
