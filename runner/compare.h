/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef RUNNER_COMPARE_H
#define RUNNER_COMPARE_H

/* Several runs side by side: what changed between two, one of many shards, how a case did over time. */

#include "runner/record.h"

/**
 * compare_diff() - what changed from one run to another
 * @before: a run
 * @after: another
 * @colour: with escape sequences for colours
 * @out: gets the text: what either run lacks, the environment, then what is broken, fixed, new and gone, then durations and figures
 *
 * A case that ran several times in a run is bad if it was bad once. Durations and figures have changed when they differ by more than
 * noise, as sample_changed() says; of durations, a millisecond is none, nor are 50 where it was not repeated. They are no regressions.
 *
 * Return: number of regressions: cases that were good and are bad, or new and bad.
 */
guint compare_diff(const struct run *before, const struct run *after, gboolean colour,
		   GString *out);

/**
 * compare_merge() - make one run directory of several
 * @folder: new run directory
 * @runs: of struct run *
 * @error: set on failure
 *
 * Cases are numbered anew; their logs are copied. Machines of one name must be the same kernel and IOMMU.
 */
gboolean compare_merge(const char *folder, const GPtrArray *runs, GError **error);

/**
 * compare_history() - how each case did over several runs
 * @runs: of struct run *, oldest first
 * @all: also cases that were good in all of them
 * @out: gets the text
 *
 * Return: number of cases that are bad in the last run they were part of.
 */
guint compare_history(const GPtrArray *runs, gboolean all, GString *out);

#endif /* RUNNER_COMPARE_H */
