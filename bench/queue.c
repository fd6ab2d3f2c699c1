// SPDX-License-Identifier: GPL-2.0-or-later
/* The test device's ring, and devices without a queue. Results are looked for in memory: an access to the device would stop it meanwhile. */
#include <stdlib.h>
#include <string.h>

#include "bench/queue.h"
#include "engines/testdev.h"

#define RING 1024u
/* As many as the other devices' queues have: more would be a test of the IOMMU's cache of translations. */
#define PAGES       64u
#define DEADLINE_MS 10000

struct ring {
	struct dma_buffer *descriptors, *results;
	uint32_t tail;
};

struct descriptor {
	uint32_t operation, pasid;
	uint64_t iova, target;
	uint32_t length, stride;
	uint64_t operand, swap;
	uint32_t repeat, vector, buffer, tag;
};

static volatile uint32_t *last_status(const struct queue *queue)
{
	const struct ring *ring = queue->state;

	return (volatile uint32_t *)(ring->results->data +
				     (size_t)(queue->depth - 1) * TESTDEV_RESULT_SIZE);
}

/* Emulation has a lock around the clock: it is looked at now and then only. */
void await(struct test *t, const volatile uint32_t *word, uint32_t mask, uint32_t value)
{
	int64_t end = now_ms() + DEADLINE_MS;

	for (unsigned int spin = 1; (*word & mask) != value; spin++)
		if (spin % 4096 == 0 && now_ms() > end)
			fail(t, "nothing after %d ms: %#x", DEADLINE_MS, *word);
}

static void run_ring(struct queue *queue)
{
	struct ring *ring = queue->state;
	volatile uint32_t *status = last_status(queue);

	*status = TESTDEV_STATUS_NONE;
	ring->tail += queue->depth;
	__sync_synchronize();
	testdev_set32(&queue->rig->engine, TESTDEV_RING_TAIL, ring->tail);
	await(queue->rig->t, status, ~0u, TESTDEV_STATUS_OK);
	/* What is written last is in memory before the head is counted. */
	while (testdev_get32(&queue->rig->engine, TESTDEV_RING_HEAD) != ring->tail)
		;
}

void queue_testdev(struct queue *queue, struct rig *rig)
{
	struct test *t = rig->t;
	struct dma_buffer *data = map_buffer(rig, PAGES * 4096);
	struct ring *ring = calloc(1, sizeof(*ring));

	if (!ring)
		fail(t, "out of memory");
	undo_later(t, free, ring);
	ring->descriptors = map_buffer(rig, RING * TESTDEV_DESC_SIZE);
	ring->results = map_buffer(rig, RING * TESTDEV_RESULT_SIZE);
	*queue = (struct queue){
		.rig = rig, .depth = RING, .length = 4096, .run = run_ring, .state = ring
	};
	for (unsigned int i = 0; i < RING; i++) {
		struct descriptor descriptor = { .operation = TESTDEV_OP_WRITE,
						 .iova = data->iova + 4096ull * (i % PAGES),
						 .length = queue->length };

		memcpy(ring->descriptors->data + i * sizeof(descriptor), &descriptor,
		       sizeof(descriptor));
	}
	testdev_set64(&rig->engine, TESTDEV_RING_BASE, ring->descriptors->iova);
	testdev_set64(&rig->engine, TESTDEV_RING_RESULTS, ring->results->iova);
	testdev_set32(&rig->engine, TESTDEV_RING_COUNT, RING);
}

static void run_engine(struct queue *queue)
{
	struct engine *engine = &queue->rig->engine;
	struct dma_buffer *data = queue->state;
	struct engine_transfer transfer = {
		.operation = engine->capabilities & ENGINE_WRITE ? ENGINE_OP_WRITE : ENGINE_OP_FILL,
		.pasid = IOMMUT_NO_PASID,
		.iova = data->iova,
		.length = queue->length,
		.operand = engine->fill_pattern,
	};
	struct engine_result result;

	expect_zero(queue->rig->t, engine_run(engine, &transfer, &result));
	expect_equal(queue->rig->t, result.status, ENGINE_OK);
}

void queue_engine(struct queue *queue, struct rig *rig)
{
	*queue = (struct queue){ .rig = rig,
				 .depth = 1,
				 .length = 4096,
				 .run = run_engine,
				 .state = map_buffer(rig, 4096) };
	if (rig->engine.max_length < queue->length)
		queue->length = rig->engine.max_length;
}
