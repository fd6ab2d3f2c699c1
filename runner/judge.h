/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef RUNNER_JUDGE_H
#define RUNNER_JUDGE_H

/* From what was seen of a case to its verdict. Pure: no files, no clock, no machine. */

#include <glib.h>

#include "runner/foreign_stream.h"
#include "runner/verdict.h"

/* How a case's process ended. */
enum ending {
	ENDING_EXIT,    /* by itself: the wait status tells how */
	ENDING_TIMEOUT, /* killed at its deadline */
	ENDING_HUNG,    /* did not even end when killed */
	ENDING_LOST,    /* the machine under test died or fell silent */
	ENDING_STOPPED, /* the run was stopped */
	ENDING_REFUSED, /* never began: a device could not be bound, the program not started */
};

/**
 * struct observation - what was seen of a case
 * @variant: what the result line must be called
 * @ending: how its process ended
 * @status: as waitpid(2) gave it, for ENDING_EXIT
 * @output: its stdout
 * @output_length: bytes
 * @stream: its stdout as read already, if it is a program that somebody else wrote; else NULL
 * @one: then: it runs one test, not all that it has
 * @truncated: more output came than is kept
 * @kernel: a line of the kernel log that no good kernel prints, cleaned, or NULL
 * @fault: a line of the kernel log that reports a fault of an IOMMU which the case does not say that it provokes, cleaned, or NULL
 * @taint: names of new taint flags, cleaned, or NULL
 * @leak: what the case left behind, cleaned, or NULL
 * @death: why the machine was lost or the start refused, cleaned, or NULL
 */
struct observation {
	const char *variant;
	enum ending ending;
	int status;
	const char *output;
	gsize output_length;
	struct foreign_stream *stream;
	gboolean one;
	gboolean truncated;
	const char *kernel;
	const char *fault;
	const char *taint;
	const char *leak;
	const char *death;
};

/**
 * struct judgement - a verdict and why
 * @verdict: the verdict
 * @reason: one line; empty for a pass
 * @lift: what would lift a skip, or NULL
 * @known: why a failure is expected, if the case itself expects it; or NULL
 * @details: diagnostics of the case: expectation, values seen, seed; never NULL
 */
struct judgement {
	enum verdict verdict;
	char *reason;
	char *lift;
	char *known;
	char *details;
};

/**
 * judgement_decide() - set the verdict and the reason
 */
void judgement_decide(struct judgement *judgement, enum verdict verdict, const char *format, ...)
	G_GNUC_PRINTF(3, 4);

/**
 * judge() - give a verdict
 * @observation: what was seen
 * @judgement: filled; to be cleared with judgement_clear()
 *
 * The exit status and the result line must say the same, or it is a crash.
 */
void judge(const struct observation *observation, struct judgement *judgement);

void judgement_clear(struct judgement *judgement);

/**
 * kernel_line_is_bad() - does this line of the kernel log turn a verdict to fail?
 * @line: the text, without its header
 *
 * Return: TRUE for BUG, WARNING, lockdep, KASAN, KFENCE, UBSAN, hung tasks, stalls, refcount errors and the like.
 */
gboolean kernel_line_is_bad(const char *line);

/**
 * taint_names() - words for taint flags
 * @taint: bits of /proc/sys/kernel/tainted
 *
 * Return: a new string, as in "W (warning), B (bad page)"; NULL when no bit is set that tells of a defect. A firmware
 *         workaround (bit 11) is one of the machine, which IOMMU drivers set, and no defect of the kernel.
 */
char *taint_names(guint64 taint);

#endif /* RUNNER_JUDGE_H */
