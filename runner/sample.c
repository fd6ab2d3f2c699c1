// SPDX-License-Identifier: GPL-2.0-or-later
#include <math.h>

#include "runner/sample.h"

/* Welford's way: no two large sums are subtracted. */
void sample_add(struct sample *sample, double value)
{
	double distance = value - sample->mean;

	sample->times++;
	sample->mean += distance / sample->times;
	sample->squares += distance * (value - sample->mean);
}

/* The variance that the population of which these are a sample is thought to have. */
static double variance(const struct sample *sample)
{
	return sample->times > 1 ? sample->squares / (sample->times - 1) : 0;
}

gboolean sample_changed(const struct sample *before, const struct sample *after, double least,
			double least_once)
{
	double difference = fabs(after->mean - before->mean);
	double error = sqrt(variance(before) / before->times + variance(after) / after->times);
	double widest = sqrt(MAX(variance(before), variance(after)));

	if (MIN(before->times, after->times) >= SAMPLE_ENOUGH)
		return difference > MAX(SAMPLE_SIGMAS * error, 0.1 * fabs(before->mean)) &&
		       difference > least;
	return difference > MAX(SAMPLE_SIGMAS * widest, 0.5 * fabs(before->mean)) &&
	       difference > least_once;
}
