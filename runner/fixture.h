/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef RUNNER_FIXTURE_H
#define RUNNER_FIXTURE_H

/* What is made ready on the machine before cases run, and undone after them: huge pages, modules. */

#include <glib.h>

/* How long it stays. */
enum fixture_scope {
	FIXTURE_RUN,   /* from the first case to the last */
	FIXTURE_SUITE, /* from the first case of a suite until one of another suite runs */
	FIXTURE_CASE,  /* for each case anew */
	FIXTURE_SCOPES,
};

/**
 * struct fixture - something to make ready
 * @text: as it was written
 * @scope: how long it stays
 * @what: hugepages or module
 * @value: how many, or which
 */
struct fixture {
	char *text;
	enum fixture_scope scope;
	char *what;
	char *value;
};

/**
 * fixture_parse() - read "[run:|suite:|case:]hugepages=N[xSIZE]" or "..module=NAME"
 * @text: the text
 * @error: RUNNER_ERROR_USAGE
 *
 * Return: a new fixture, or NULL.
 */
struct fixture *fixture_parse(const char *text, GError **error);
void fixture_free(gpointer fixture);

#endif /* RUNNER_FIXTURE_H */
