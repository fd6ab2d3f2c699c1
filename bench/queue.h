/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BENCH_QUEUE_H
#define BENCH_QUEUE_H

/* Devices that are given many transfers at once, which the engines do not do. */

#include "harness/dma.h"

/**
 * struct queue - a device that works through a queue of equal transfers to memory
 * @rig: the device
 * @depth: transfers that are handed over at once
 * @length: bytes of each
 * @run: hands @depth transfers over, each to a place of its own, and returns when all are done
 * @state: of the device's kind
 */
struct queue {
	struct rig *rig;
	unsigned int depth;
	uint32_t length;
	void (*run)(struct queue *queue);
	void *state;
};

/* The test device's ring: it writes what is in its buffer. */
void queue_testdev(struct queue *queue, struct rig *rig);

/* An NVMe controller's own queues: it reads from its medium. */
void queue_nvme(struct queue *queue, struct rig *rig);

/* One after the other, through the engine: for devices that have no queue. */
void queue_engine(struct queue *queue, struct rig *rig);

/* Waits until masked bits of a word in memory have a value. */
void await(struct test *t, const volatile uint32_t *word, uint32_t mask, uint32_t value);

#endif /* BENCH_QUEUE_H */
