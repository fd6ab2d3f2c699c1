/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef RUNNER_COMPARE_FIGURES_H
#define RUNNER_COMPARE_FIGURES_H

/* What cases have measured in two runs, beside each other: a part of compare_diff(). */

#include "runner/figure.h"
#include "runner/sample.h"

/* More lines of one kind nobody reads. */
#define MAX_LISTED 1000

/**
 * struct figure_changes - figures that have changed
 * @before: run.json of the first run
 * @after: of the second
 * @list: a line for each, MAX_LISTED at most
 * @count: how many there are
 */
struct figure_changes {
	const json_t *before;
	const json_t *after;
	GString *list;
	guint count;
};

/**
 * compare_add_figures() - take those of one more attempt of a case
 * @tallies: what its attempts have measured until now; points to NULL at first
 * @figures: of struct figure, or NULL
 */
void compare_add_figures(GArray **tallies, const GArray *figures);

/**
 * compare_figures() - what has changed by more than noise
 * @changes: gets it
 * @profile: the machine
 * @id: the case
 * @before: from compare_add_figures(), or NULL
 * @after: the same of the second run
 *
 * A figure that only one run has is no change, nor is one that is counted in another unit now.
 */
void compare_figures(struct figure_changes *changes, const char *profile, const char *id,
		     const GArray *before, const GArray *after);

#endif /* RUNNER_COMPARE_FIGURES_H */
