// SPDX-License-Identifier: GPL-2.0-or-later
#include "runner/fixture.h"

#include <string.h>

#include "runner/text.h"
#include "runner/verdict.h"

static const char *const scopes[FIXTURE_SCOPES] = { "run", "suite", "case" };

void fixture_free(gpointer data)
{
	struct fixture *fixture = data;

	if (!fixture)
		return;
	g_free(fixture->text);
	g_free(fixture->what);
	g_free(fixture->value);
	g_free(fixture);
}

static gboolean parse_scope(const char *word, enum fixture_scope *scope)
{
	for (guint i = 0; i < FIXTURE_SCOPES; i++) {
		if (!g_str_equal(scopes[i], word))
			continue;
		*scope = i;
		return TRUE;
	}
	return FALSE;
}

/* The rest is for the machine to say: which sizes of pages and which modules it has. */
static gboolean is_good(const struct fixture *fixture)
{
	if (g_str_equal(fixture->what, "hugepages")) {
		g_auto(GStrv) words = g_strsplit(fixture->value, "x", 2);

		return words[0] &&
		       g_ascii_string_to_unsigned(words[0], 10, 1, G_MAXINT, NULL, NULL);
	}
	return g_str_equal(fixture->what, "module") && text_is_name(fixture->value);
}

struct fixture *fixture_parse(const char *text, GError **error)
{
	struct fixture *fixture = g_new0(struct fixture, 1);
	const char *colon = strchr(text, ':');
	const char *rest = colon ? colon + 1 : text;
	g_autofree char *scope = g_strndup(text, colon ? (gsize)(colon - text) : 0);
	g_auto(GStrv) pair = g_strsplit(rest, "=", 2);

	fixture->text = g_strdup(text);
	fixture->what = g_strdup(pair[0] ? pair[0] : "");
	fixture->value = g_strdup(pair[0] && pair[1] ? pair[1] : "");
	if (parse_scope(colon ? scope : "run", &fixture->scope) && is_good(fixture))
		return fixture;
	fixture_free(fixture);
	g_set_error(error, RUNNER_ERROR, RUNNER_ERROR_USAGE,
		    "--fixture is [run:|suite:|case:]hugepages=N[xSIZE] or module=NAME, not: %s",
		    text);
	return NULL;
}
