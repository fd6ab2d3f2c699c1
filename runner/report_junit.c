// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * JUnit XML has no specification, but two schemas that tools enforce. What is valid in both: no attributes on <testsuites>;
 * properties, cases, system-out, system-err in this order in a suite; one of skipped, error, failure in a case, the latter two
 * with a type; local time without zone or fraction.
 */
#include <string.h>

#include "runner/report.h"

/* Only XML 1.0's characters: not even as a reference may others occur. Quotes and white space so that attributes keep them. */
static void add_escaped(GString *out, const char *text)
{
	while (*text) {
		gunichar c = g_utf8_get_char_validated(text, -1);

		if (c == (gunichar)-1 || c == (gunichar)-2) {
			g_string_append(out, "\xef\xbf\xbd");
			text++;
			continue;
		}
		if (c == '&')
			g_string_append(out, "&amp;");
		else if (c == '<')
			g_string_append(out, "&lt;");
		else if (c == '>')
			g_string_append(out, "&gt;");
		else if (c == '"')
			g_string_append(out, "&quot;");
		else if (c == '\t' || c == '\n' || c == '\r')
			g_string_append_printf(out, "&#%u;", c);
		else if (c < 0x20)
			g_string_append_printf(out, "\\x%02x", c);
		else if (c == 0xfffe || c == 0xffff)
			g_string_append(out, "\xef\xbf\xbd");
		else
			g_string_append_unichar(out, c);
		text = g_utf8_next_char(text);
	}
}

static void add_attribute(GString *out, const char *name, const char *value)
{
	g_string_append_printf(out, " %s=\"", name);
	add_escaped(out, value);
	g_string_append_c(out, '"');
}

/* A decimal point whatever the locale, no exponent, and no more than three digits behind it: a schema says so. */
static void add_time(GString *out, gint64 us)
{
	g_string_append_printf(out, " time=\"%" G_GINT64_FORMAT ".%03d\"", us / G_USEC_PER_SEC,
			       (int)(us % G_USEC_PER_SEC / 1000));
}

static void add_failure(GString *out, const struct run *run, const struct result *result,
			const char *element)
{
	g_autofree char *replay = report_replay(run, result);

	g_string_append_printf(out, "      <%s", element);
	add_attribute(out, "type", verdict_name(result->verdict));
	add_attribute(out, "message", result->reason);
	g_string_append_c(out, '>');
	add_escaped(out, result->details);
	if (*result->kernel) {
		add_escaped(out, "kernel log:\n");
		add_escaped(out, result->kernel);
		add_escaped(out, "\n");
	}
	add_escaped(out, "again: ");
	add_escaped(out, replay);
	g_string_append_printf(out, "</%s>\n", element);
}

static void add_skip(GString *out, const struct result *result, const char *kind)
{
	g_autofree char *message =
		g_strdup_printf("%s%s%s%s", kind, result->reason, result->lift ? "; lift: " : "",
				result->lift ? result->lift : "");

	g_string_append(out, "      <skipped");
	add_attribute(out, "message", message);
	g_string_append(out, "/>\n");
}

static void add_case(GString *out, const struct run *run, const struct result *result)
{
	g_autofree char *suite = report_suite(result->id);
	g_autofree char *class = g_strdup_printf("%s.%s", result->profile, suite);
	const char *slash = strchr(result->id, '/');

	g_string_append(out, "    <testcase");
	add_attribute(out, "name", slash ? slash + 1 : result->id);
	add_attribute(out, "classname", class);
	add_time(out, result->duration_us);
	if (result->verdict == VERDICT_PASS) {
		g_string_append(out, "/>\n");
		return;
	}
	g_string_append(out, ">\n");
	switch (result->verdict) {
	case VERDICT_SKIP:
		add_skip(out, result, "");
		break;
	case VERDICT_XFAIL:
		add_skip(out, result, "expected failure: ");
		break;
	case VERDICT_FAIL:
	case VERDICT_XPASS:
		add_failure(out, run, result, "failure");
		break;
	default:
		add_failure(out, run, result, "error");
		break;
	}
	g_string_append(out, "    </testcase>\n");
}

struct suite {
	GPtrArray *results;
	const char *profile;
	char *name;
	guint failures, errors, skipped;
	gint64 us, start_us;
};

static void suite_free(gpointer data)
{
	struct suite *suite = data;

	g_ptr_array_unref(suite->results);
	g_free(suite->name);
	g_free(suite);
}

static void count(struct suite *suite, const struct result *result)
{
	switch (result->verdict) {
	case VERDICT_PASS:
		break;
	case VERDICT_FAIL:
	case VERDICT_XPASS:
		suite->failures++;
		break;
	case VERDICT_SKIP:
	case VERDICT_XFAIL:
		suite->skipped++;
		break;
	default:
		suite->errors++;
		break;
	}
	suite->us += result->duration_us;
	if (!suite->start_us || result->start_us < suite->start_us)
		suite->start_us = result->start_us;
	g_ptr_array_add(suite->results, (gpointer)result);
}

/* One for each profile and suite, in the order of their first results. */
static GPtrArray *group(const struct run *run)
{
	GPtrArray *suites = g_ptr_array_new_with_free_func(suite_free);
	g_autoptr(GHashTable) known = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

	for (guint i = 0; i < run->results->len; i++) {
		const struct result *result = run->results->pdata[i];
		g_autofree char *name = report_suite(result->id);
		char *key = g_strdup_printf("%s\n%s", result->profile, name);
		struct suite *suite = g_hash_table_lookup(known, key);

		if (suite) {
			g_free(key);
		} else {
			suite = g_new0(struct suite, 1);
			suite->results = g_ptr_array_new();
			suite->profile = result->profile;
			suite->name = g_steal_pointer(&name);
			g_ptr_array_add(suites, suite);
			g_hash_table_insert(known, key, suite);
		}
		count(suite, result);
	}
	return suites;
}

static void add_property(GString *out, const char *name, const char *value)
{
	if (!*value)
		return;
	g_string_append(out, "      <property");
	add_attribute(out, "name", name);
	add_attribute(out, "value", value);
	g_string_append(out, "/>\n");
}

static void add_suite(GString *out, const struct run *run, const struct suite *suite, guint id)
{
	const char *host = report_fact(run, suite->profile, "host");
	g_autoptr(GDateTime) start =
		g_date_time_new_from_unix_utc(suite->start_us / G_USEC_PER_SEC);
	g_autofree char *timestamp = start ? g_date_time_format(start, "%Y-%m-%dT%H:%M:%S")
					   : g_strdup("1970-01-01T00:00:00");

	g_string_append(out, "  <testsuite");
	add_attribute(out, "name", suite->name);
	add_attribute(out, "package", suite->profile);
	g_string_append_printf(out,
			       " id=\"%u\" tests=\"%u\" failures=\"%u\" errors=\"%u\" "
			       "skipped=\"%u\"",
			       id, suite->results->len, suite->failures, suite->errors,
			       suite->skipped);
	add_time(out, suite->us);
	add_attribute(out, "timestamp", timestamp);
	add_attribute(out, "hostname", *host ? host : "localhost");
	g_string_append(out, ">\n    <properties>\n");
	add_property(out, "profile", suite->profile);
	add_property(out, "kernel", report_fact(run, suite->profile, "kernel"));
	add_property(out, "command_line", report_fact(run, suite->profile, "command_line"));
	g_string_append(out, "    </properties>\n");
	for (guint i = 0; i < suite->results->len; i++)
		add_case(out, run, suite->results->pdata[i]);
	g_string_append(out, "    <system-out/>\n    <system-err/>\n  </testsuite>\n");
}

void report_junit(const struct run *run, const struct report_style *style, GString *out)
{
	g_autoptr(GPtrArray) suites = group(run);

	g_string_append(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
	for (guint i = 0; i < suites->len; i++)
		add_suite(out, run, suites->pdata[i], i);
	g_string_append(out, "</testsuites>\n");
}
