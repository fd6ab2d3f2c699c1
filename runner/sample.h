/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef RUNNER_SAMPLE_H
#define RUNNER_SAMPLE_H

/* Something measured several times, and whether it has changed by more than noise. */

#include <glib.h>

/* Fewer say too little of the noise. */
#define SAMPLE_ENOUGH 5
#define SAMPLE_SIGMAS 3.5

/**
 * struct sample - the same thing, measured again and again; zeroed before the first time
 * @times: how often
 * @mean: of all values
 * @squares: sum of the squares of their distances from @mean
 */
struct sample {
	guint times;
	double mean;
	double squares;
};

/**
 * sample_add() - one more value
 */
void sample_add(struct sample *sample, double value);

/**
 * sample_changed() - whether two samples differ by more than noise
 * @before: at least one value
 * @after: at least one value
 * @least: differences below it are none, where both have SAMPLE_ENOUGH values
 * @least_once: the same where one has fewer
 *
 * With enough repeats in both their noise is known: the means must differ by a tenth, and by more than they would once in some thousand
 * times (Welch's t). With fewer, only what nobody would call noise counts.
 */
gboolean sample_changed(const struct sample *before, const struct sample *after, double least,
			double least_once);

#endif /* RUNNER_SAMPLE_H */
