/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SUITES_SAMPLES_H
#define SUITES_SAMPLES_H

/* How long something takes, measured again and again. */

#include "harness/harness.h"

#define MAX_SAMPLES 1000

/**
 * struct samples - durations of the same thing
 * @what: what it is, as the names of figures begin
 * @ns: nanoseconds
 * @count: number of @ns
 */
struct samples {
	const char *what;
	uint64_t ns[MAX_SAMPLES];
	size_t count;
};

/* A clock that only goes forward, in nanoseconds. */
uint64_t now_ns(void);

/* One more duration, from @since until now. */
void add_sample(struct samples *samples, uint64_t since);

/* Figures WHAT_p50, WHAT_p90 and WHAT_p99. The longest is only noted: one round that was disturbed decides it. */
void tell_samples(struct test *t, struct samples *samples);

#endif /* SUITES_SAMPLES_H */
