/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SUITES_SRIOV_H
#define SUITES_SRIOV_H

/* Virtual functions that a case makes of its device, and that are gone when it ends. */

#include <errno.h>
#include <string.h>

#include <iommut/pci.h>

#include "harness/storm.h"
#include "suites/svm.h"

#define VFS         2
#define DEADLINE_MS 5000

extern uint8_t token[16];
extern const struct iommut_device_options with_token;

/* Not a case's own: what has to be put back after it has returned. */
struct functions {
	const char *physical;
	char virtual[VFS][16];
	char switched;
};

extern struct functions functions;

/* Makes the virtual functions, bound to VFIO. To be called first: they go last. Skips where there are none. */
void open_functions(struct test *t);
/* The same after they were taken away. */
void make_functions(struct test *t);

/* The physical function, and both virtual ones, each in an address space of its own. */
struct trio {
	struct rig *physical;
	struct rig *virtual[VFS];
};

struct trio open_trio(struct test *t);

/* Opens and closes a function with a token, or without: 0 or a negative errno. */
int try_token(struct test *t, const char *name, const uint8_t *secret);

/* A token that is missing or wrong. */
#define expect_no_access(t, error)                                                      \
	do {                                                                            \
		int refusal = (error);                                                  \
		expect_that(t, refusal == -EACCES || refusal == -EINVAL, #error ": %s", \
			    refusal ? strerror(-refusal) : "it was opened");            \
	} while (0)

#endif /* SUITES_SRIOV_H */
