/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SUITES_CONTROL_H
#define SUITES_CONTROL_H

#include "harness/harness.h"

/*
 * Asks the controlling side for a stimulus that no machine can give itself (docs/architecture.md, IOMMUT_CONTROL_FD): one line, "unplug
 * BDF". Skips where nobody is there to ask, or who is there cannot do it.
 */
void control_ask(struct test *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The same without an opinion: the answer, which begins with "ok" if it was done. For undo functions. */
bool control_request(const char *line, char *answer, size_t size);

#endif /* SUITES_CONTROL_H */
