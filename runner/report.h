/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef RUNNER_REPORT_H
#define RUNNER_REPORT_H

/* Reports are made from a run directory alone, at any time, also while it is written. */

#include <glib.h>

#include "runner/record.h"

/**
 * struct report_style - how much, and how it looks
 * @colour: with escape sequences for colours
 * @verbosity: -1 quiet: one line; 0; 1 with the reasons of skips; 2 with every case
 * @durations: how many of the slowest cases to name
 * @width: columns of the terminal, for tables; 0: as many as there need to be
 */
struct report_style {
	gboolean colour;
	int verbosity;
	int durations;
	guint width;
};

/**
 * report_to_stdout() - how a report looks on the standard output, be it a terminal or not
 *
 * Return: colours and width; the rest is 0.
 */
struct report_style report_to_stdout(void);

/**
 * typedef report_writer - make a report
 * @run: what happened
 * @style: as wanted; formats for programs ignore it
 * @out: gets the report
 */
typedef void (*report_writer)(const struct run *run, const struct report_style *style,
			      GString *out);

void report_terminal(const struct run *run, const struct report_style *style, GString *out);
void report_ktap(const struct run *run, const struct report_style *style, GString *out);
void report_tap14(const struct run *run, const struct report_style *style, GString *out);
void report_junit(const struct run *run, const struct report_style *style, GString *out);
void report_json(const struct run *run, const struct report_style *style, GString *out);
void report_lava(const struct run *run, const struct report_style *style, GString *out);
void report_markdown(const struct run *run, const struct report_style *style, GString *out);
void report_html(const struct run *run, const struct report_style *style, GString *out);

/**
 * report_find() - a report by the name of its format
 * * @format: "terminal", "ktap", "tap14", "junit", "json", "lava", "markdown" or
 *          "html"
 *
 * Return: NULL if there is no such format.
 */
report_writer report_find(const char *format);

/**
 * report_save() - make a report and write it
 * @run: what happened
 * @format: name of the format
 * @style: as wanted
 * @path: file, or "-" for stdout
 * @error: set on failure
 */
gboolean report_save(const struct run *run, const char *format, const struct report_style *style,
		     const char *path, GError **error);

/* --- what reports share --- */

/**
 * report_suite() - the suite of an ID
 *
 * Return: a new string.
 */
char *report_suite(const char *id);

/**
 * report_parameter() - the value of a parameter in an ID
 * @id: SUITE/CASE[name=value,...]
 * @name: the parameter
 *
 * Return: a new string, or NULL.
 */
char *report_parameter(const char *id, const char *name);

/**
 * report_replay() - the command that runs a case again
 * @run: its run
 * @result: its result, or one of run_lacks(): then the command that goes on with the run
 *
 * Return: a new string, quoted for a shell.
 */
char *report_replay(const struct run *run, const struct result *result);

/**
 * report_fact() - a text of run.json
 * @run: a run
 * @profile: whose machine
 * @key: as the agent says it
 *
 * Return: the text, or "" if there is none.
 */
const char *report_fact(const struct run *run, const char *profile, const char *key);

/**
 * report_profiles() - the profiles of a run
 *
 * Return: of const char *, in the order of their first result.
 */
GPtrArray *report_profiles(const struct run *run);

/**
 * report_add_json() - add a text as a JSON string
 * @out: gets it
 * @text: UTF-8
 *
 * Fit for a script element of HTML: neither "</script" nor "<!--" appears in it.
 */
void report_add_json(GString *out, const char *text);

#endif /* RUNNER_REPORT_H */
