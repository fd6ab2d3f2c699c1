/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HARNESS_STORM_H
#define HARNESS_STORM_H

/* Transfers that the test device repeats until it is told to stop: testdev_storm(), with deadlines. */

#include "engines/testdev.h"
#include "harness/dma.h"

/* Those that went well, or those that were refused, too. */
enum storm_transfers { STORM_DONE, STORM_ANY };

/**
 * storm_fill() - a storm that fills 64 bytes with a value, every 100 microseconds or so
 * @rig: of a device that can; the case skips for others
 * @iova: where
 * @value: what with
 *
 * Returns once the first of its transfers went well; fails the case if none does.
 */
void storm_fill(struct rig *rig, uint64_t iova, uint64_t value);

/**
 * expect_storm() - wait until a storm has gone on
 * @t: the case; it fails when the storm stands still
 * @engine: the test device
 * @which: the transfers that count
 * @more: how many there have to be from now on
 */
void check_storm(struct test *t, struct engine *engine, enum storm_transfers which, uint64_t more,
		 const struct place *place);
#define expect_storm(t, engine, which, more) \
	check_storm(t, engine, which, more, PLACE("a storm of DMA goes on"))

#endif
