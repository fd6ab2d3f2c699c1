/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SUITES_CONFORMANCE_H
#define SUITES_CONFORMANCE_H

#include "harness/dma.h"

/* A transfer without attributes. */
struct engine_transfer transfer_of(enum engine_operation operation, uint64_t iova, uint32_t length);

/* How often to try again with other bytes and places: less often where each transfer takes long. */
int rounds_of(const struct engine *engine);

/* Skips unless the engine writes, be it only a pattern or bytes of its own. */
void need_writer(struct rig *rig);

/* A write, of the device's bytes if it has bytes of its own; a fill for an engine that has one pattern to write and no bytes of its own. */
struct engine_transfer write_of(const struct engine *engine, uint64_t iova, uint32_t length);

/* The longest write_of() that ends soon. */
uint32_t longest_write(const struct engine *engine);

/* What the next write_of() of this length is to put into memory. */
uint8_t *load_block(struct rig *rig, uint32_t length);

/* What a fill puts into memory. */
void pattern_bytes(uint8_t *bytes, size_t length, uint64_t pattern);

/* Of a transfer through the device's buffer: up to 64 KiB, which takes no longer than it must. */
uint32_t usual_length(const struct rig *rig);

/* Of a transfer through the device's buffer: in round 0 the longest there is, in round 1 the shortest, then any usual one. */
uint32_t some_length(struct rig *rig, int round);

#endif /* SUITES_CONFORMANCE_H */
