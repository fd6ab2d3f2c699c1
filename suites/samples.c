// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "suites/samples.h"

uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

void add_sample(struct samples *samples, uint64_t since)
{
	samples->ns[samples->count++] = now_ns() - since;
}

static int by_size(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

	return (left > right) - (left < right);
}

static double percentile_us(const struct samples *samples, unsigned int percent)
{
	return (double)samples->ns[(samples->count - 1) * percent / 100] / 1000;
}

void tell_samples(struct test *t, struct samples *samples)
{
	static const unsigned int percents[] = { 50, 90, 99 };

	qsort(samples->ns, samples->count, sizeof(samples->ns[0]), by_size);
	for (size_t i = 0; i < sizeof(percents) / sizeof(percents[0]); i++) {
		char name[49];

		snprintf(name, sizeof(name), "%s_p%u", samples->what, percents[i]);
		figure(t, name, percentile_us(samples, percents[i]), FIGURE_US);
	}
	note(t, "%s: %zu times, the longest %.1f us", samples->what, samples->count,
	     percentile_us(samples, 100));
}
