// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Signals that LAVA's dispatcher finds in a console. It splits at blanks and at '=', so that names are made of [A-Za-z0-9._-];
 * it lowers them and makes all else an underscore when it reads them by a pattern, so that two of ours could become one: a number
 * keeps them apart.
 */
#include "runner/report.h"

static char *signal_name(const char *text)
{
	char *name = g_strdup(text);

	for (char *at = name; *at; at++)
		if (!g_ascii_isalnum(*at) && *at != '.' && *at != '-' && *at != '_')
			*at = '_';
	return name;
}

/* What the world of tests calls lower case and without punctuation. */
static char *collapsed(const char *name)
{
	char *text = g_ascii_strdown(name, -1);

	for (char *at = text; *at; at++)
		if (!g_ascii_isalnum(*at))
			*at = '_';
	return text;
}

static const char *signal_result(enum verdict verdict)
{
	switch (verdict) {
	case VERDICT_PASS:
		return "pass";
	case VERDICT_SKIP:
	case VERDICT_XFAIL:
		return "skip";
	case VERDICT_ERROR:
		return "unknown";
	default:
		return "fail";
	}
}

static char *unique_name(GHashTable *taken, const char *id)
{
	g_autofree char *name = signal_name(id);
	char *unique = g_strdup(name);

	for (guint i = 2; !g_hash_table_add(taken, collapsed(unique)); i++) {
		g_free(unique);
		unique = g_strdup_printf("%s.%u", name, i);
	}
	return unique;
}

void report_lava(const struct run *run, const struct report_style *style, GString *out)
{
	g_autoptr(GPtrArray) profiles = report_profiles(run);

	for (guint i = 0; i < profiles->len; i++) {
		const char *profile = profiles->pdata[i];
		g_autofree char *set = signal_name(profile);
		g_autoptr(GHashTable) taken =
			g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

		g_string_append_printf(out, "<LAVA_SIGNAL_TESTSET START %s>\n", set);
		for (guint j = 0; j < run->results->len; j++) {
			const struct result *result = run->results->pdata[j];
			g_autofree char *name = NULL;

			if (!g_str_equal(result->profile, profile))
				continue;
			name = unique_name(taken, result->id);
			g_string_append_printf(out,
					       "<LAVA_SIGNAL_TESTCASE TEST_CASE_ID=%s RESULT=%s "
					       "UNITS=ms MEASUREMENT=%" G_GINT64_FORMAT ".%03d>\n",
					       name, signal_result(result->verdict),
					       result->duration_us / 1000,
					       (int)(result->duration_us % 1000));
		}
		g_string_append_printf(out, "<LAVA_SIGNAL_TESTSET STOP %s>\n", set);
	}
}
