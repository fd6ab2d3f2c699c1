/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef RUNNER_FLAKE_H
#define RUNNER_FLAKE_H

/* How often a case fails where it is known to be broken, and how often it must run so that this shows. */

#include <glib.h>

#define FLAKE_MOST_REPEATS 100

/**
 * struct flake - attempts of some cases since the first one that was bad
 * @bad: how many of them were bad
 * @times: how many there were; 0: none was ever bad
 */
struct flake {
	guint bad;
	guint times;
};

/**
 * flake_measure() - look through runs
 * @runs: of struct run *, oldest first
 * @profile: only on this machine; NULL: on any
 * @patterns: which cases; NULL-terminated. The one that is bad least often counts.
 */
struct flake flake_measure(const GPtrArray *runs, const char *profile, char **patterns);

/**
 * flake_repeats() - how often to run
 * @flake: as measured
 *
 * Return: so many attempts that a broken case is taken for a good one once in a thousand times, at most FLAKE_MOST_REPEATS; 3 if
 *         nothing was measured.
 */
guint flake_repeats(const struct flake *flake);

#endif /* RUNNER_FLAKE_H */
