/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef RUNNER_RANDOM_H
#define RUNNER_RANDOM_H

/* Numbers that are the same with every version of every library, on every machine. */

#include <glib.h>

/**
 * random_next() - the next number of a sequence (splitmix64)
 * @state: any value at first; changed
 */
guint64 random_next(guint64 *state);

/**
 * random_hash() - a number for a text, even in every bit
 */
guint64 random_hash(const char *text);

#endif /* RUNNER_RANDOM_H */
