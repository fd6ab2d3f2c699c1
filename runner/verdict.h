/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef RUNNER_VERDICT_H
#define RUNNER_VERDICT_H

#include <glib.h>

/* The order is that of tables and of severity in summaries. */
enum verdict {
	VERDICT_PASS,
	VERDICT_FAIL,
	VERDICT_SKIP,
	VERDICT_XFAIL,
	VERDICT_XPASS,
	VERDICT_CRASH,
	VERDICT_TIMEOUT,
	VERDICT_ERROR,
	VERDICT_COUNT,
};

/* Exit codes of every command. */
enum exit_status {
	EXIT_STATUS_GOOD = 0,
	EXIT_STATUS_FAILURES = 1,
	EXIT_STATUS_USAGE = 2,
	EXIT_STATUS_TROUBLE = 3,
	EXIT_STATUS_NOTHING = 4,
};

#define RUNNER_ERROR (runner_error_quark())
GQuark runner_error_quark(void);

/* What went wrong, and with it the command's exit code. */
enum runner_error {
	RUNNER_ERROR_USAGE, /* the user asked for something that does not exist or makes no sense */
	RUNNER_ERROR_TROUBLE, /* the tool or the machine under test could not do its job */
};

/**
 * verdict_name() - the word for a verdict in results and reports
 * @verdict: below VERDICT_COUNT
 */
const char *verdict_name(enum verdict verdict);

/**
 * verdict_parse() - the verdict of a word
 * @name: the word
 * @verdict: set
 *
 * Return: FALSE if there is no such verdict.
 */
gboolean verdict_parse(const char *name, enum verdict *verdict);

/**
 * verdict_is_bad() - does it make a run fail?
 * @verdict: a verdict
 *
 * An error is bad but not the IOMMU's fault: a run whose only bad verdicts are errors ends with EXIT_STATUS_TROUBLE.
 */
gboolean verdict_is_bad(enum verdict verdict);

/**
 * exit_status_of() - exit code of a run
 * @counts: number of cases by verdict
 */
enum exit_status exit_status_of(const unsigned int counts[VERDICT_COUNT]);

#endif /* RUNNER_VERDICT_H */
