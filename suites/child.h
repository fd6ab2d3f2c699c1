/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SUITES_CHILD_H
#define SUITES_CHILD_H

/*
 * A process of a case, to be killed or to end by itself. It is made before anything is opened that it must not inherit. What it
 * expects counts: it ends with an error if it is not met, and says why.
 */

#include <sys/types.h>

#include "harness/harness.h"

struct child;

/* Starts a process that runs a function. It ends when the function returns. */
struct child *child_start(struct test *t, void (*body)(struct child *child, void *argument),
			  void *argument);

/* In the child: the test, a word to the parent, a wait for a word of the parent, a wait for the end. */
struct test *child_test(struct child *child);
void child_say(struct child *child);
void child_listen(struct child *child);
void child_stay(struct child *child) __attribute__((noreturn));

/* In the parent: wait for the child's word, say one, kill the child and see it gone, see it end well by itself. */
void child_await(struct child *child);
void child_tell(struct child *child);
void child_kill(struct child *child);
void child_finish(struct child *child);

#endif /* SUITES_CHILD_H */
