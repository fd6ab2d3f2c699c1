/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SUITES_NOMEM_H
#define SUITES_NOMEM_H

/* One allocation of a system call fails: the first, then the second, and so on, until there is none left to fail. */

#include <stdbool.h>

#include "harness/dma.h"

/**
 * struct shortage - allocations that are made to fail, one in each round
 * @t: the case
 * @fd: where the kernel is told which one (/proc/self/fail-nth)
 * @round: which allocation fails, from 1
 * @happened: one did, in the round that has just ended
 * @failures: rounds in which the call failed for it
 * @survived: rounds in which the call did without
 * @other_error: what the call may say beside ENOMEM, if it is documented so
 * @own_points: iommufd has test points, which say ENOENT, EFAULT or EINVAL
 */
struct shortage {
	struct test *t;
	int fd;
	unsigned int round;
	bool happened;
	unsigned int failures;
	unsigned int survived;
	int other_error;
	bool own_points;
};

/* Prepares the kernel to let allocations of this process fail. Skips where it cannot. */
struct shortage *shortage_open(struct test *t);

/* Another round, unless all allocations of the call have had theirs. */
bool shortage_next(struct shortage *shortage);

/* What happens between these two lacks one allocation; call_failed() is for a call that may fail for it. */
void shortage_begin(struct shortage *shortage);
void shortage_end(struct shortage *shortage);

/*
 * How the call went: 0, or a negative errno, which must be one that says that memory was short. True if it failed, so that nothing
 * of it must be left.
 */
bool shortage_failed(struct shortage *shortage, int error, const struct place *place);

/* One call that lacks one allocation, and what shortage_failed() says of it. */
#define call_failed(shortage, call)                                  \
	({                                                           \
		int call_error;                                      \
                                                                     \
		shortage_begin(shortage);                            \
		call_error = (call);                                 \
		shortage_end(shortage);                              \
		shortage_failed(shortage, call_error, PLACE(#call)); \
	})

/* At the end: some call did fail, or the case has shown nothing. */
void shortage_proven(struct shortage *shortage);

#endif /* SUITES_NOMEM_H */
