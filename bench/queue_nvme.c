// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * An NVMe controller with as many commands under way as its queue holds (NVM Express Base 2.0, 3 and 4). The engine has
 * shown before that the controller works; here it is started anew with queues of its own.
 */
#include <stdlib.h>
#include <string.h>

#include <linux/vfio.h>

#include <iommut/region.h>

#include "bench/queue.h"

#define ENTRIES     64u
#define DEADLINE_MS 10000

#define REG_CC       0x14
#define REG_CSTS     0x1c
#define REG_AQA      0x24
#define REG_ASQ      0x28
#define REG_ACQ      0x30
#define REG_DOORBELL 0x1000
/* 64-byte submissions, 16-byte completions, the NVM command set, on. */
#define CC_RUN (6u << 16 | 4u << 20 | 1u)

struct submission {
	uint32_t command, namespace_id;
	uint64_t reserved, metadata, data[2];
	uint32_t words[6];
};

struct completion {
	uint32_t result, reserved, submission;
	volatile uint32_t status;
};

struct side {
	struct dma_buffer *submissions, *completions;
	unsigned int id, tail, head, phase;
};

struct nvme {
	struct iommut_region *bar;
	volatile uint8_t *registers;
	struct dma_buffer *data;
	struct side admin, io;
};

static volatile uint32_t *reg(struct nvme *nvme, unsigned int offset)
{
	return (volatile uint32_t *)(nvme->registers + offset);
}

static void push(struct side *side, const struct submission *submission)
{
	memcpy(side->submissions->data + side->tail * sizeof(*submission), submission,
	       sizeof(*submission));
	side->tail = (side->tail + 1) % ENTRIES;
}

static void ring_doorbell(struct nvme *nvme, const struct side *side)
{
	__sync_synchronize();
	*reg(nvme, REG_DOORBELL + 8 * side->id) = side->tail;
}

/* Waits for a number of completions; each must be a success. */
static void reap(struct test *t, struct nvme *nvme, struct side *side, unsigned int count)
{
	struct completion *completions = (void *)side->completions->data;

	for (; count; count--) {
		volatile uint32_t *status = &completions[side->head].status;

		await(t, status, 1u << 16, side->phase << 16);
		expect_equal(t, *status >> 17, 0);
		side->head = (side->head + 1) % ENTRIES;
		side->phase ^= side->head == 0;
	}
	*reg(nvme, REG_DOORBELL + 8 * side->id + 4) = side->head;
}

static void make_side(struct rig *rig, struct side *side, unsigned int id)
{
	*side = (struct side){ .submissions = map_buffer(rig, 4096),
			       .completions = map_buffer(rig, 4096),
			       .id = id,
			       .phase = 1 };
}

static void create(struct test *t, struct nvme *nvme, uint32_t opcode, uint64_t iova,
		   uint32_t flags)
{
	struct submission submission = { .command = opcode, .data = { iova } };

	submission.words[0] = (ENTRIES - 1) << 16 | nvme->io.id;
	submission.words[1] = flags;
	push(&nvme->admin, &submission);
	ring_doorbell(nvme, &nvme->admin);
	reap(t, nvme, &nvme->admin, 1);
}

static void wait_ready(struct test *t, struct nvme *nvme, uint32_t ready)
{
	for (int64_t end = now_ms() + DEADLINE_MS; (*reg(nvme, REG_CSTS) & 1) != ready;)
		expect_that(t, now_ms() < end, "the controller does not become %sready",
			    ready ? "" : "un");
}

static void run_nvme(struct queue *queue)
{
	struct nvme *nvme = queue->state;

	for (unsigned int i = 0; i < queue->depth; i++) {
		struct submission read = { .command = 2 | i << 16, .namespace_id = 1 };

		read.data[0] = nvme->data->iova + 4096ull * i;
		read.words[0] = 8 * i;
		read.words[2] = queue->length / 512 - 1;
		push(&nvme->io, &read);
	}
	ring_doorbell(nvme, &nvme->io);
	reap(queue->rig->t, nvme, &nvme->io, queue->depth);
}

static void stop(void *argument)
{
	struct nvme *nvme = argument;

	*reg(nvme, REG_CC) = 0;
	while (*reg(nvme, REG_CSTS) & 1)
		;
	iommut_region_unmap(nvme->bar, (void *)nvme->registers, 8192);
	iommut_region_close(nvme->bar);
	free(nvme);
}

void queue_nvme(struct queue *queue, struct rig *rig)
{
	struct test *t = rig->t;
	struct nvme *nvme = calloc(1, sizeof(*nvme));
	void *address;

	if (!nvme)
		fail(t, "out of memory");
	/* A full queue has one place free. */
	*queue = (struct queue){
		.rig = rig, .depth = ENTRIES - 1, .length = 4096, .run = run_nvme, .state = nvme
	};
	nvme->data = map_buffer(rig, 4096 * ENTRIES);
	make_side(rig, &nvme->admin, 0);
	make_side(rig, &nvme->io, 1);
	expect_zero(t, iommut_region_open(&nvme->bar, rig->device, VFIO_PCI_BAR0_REGION_INDEX));
	expect_zero(t, iommut_region_map(nvme->bar, 0, 8192, &address));
	nvme->registers = address;
	undo_later(t, stop, nvme);
	*reg(nvme, REG_CC) = 0;
	wait_ready(t, nvme, 0);
	*reg(nvme, REG_AQA) = (ENTRIES - 1) << 16 | (ENTRIES - 1);
	*reg(nvme, REG_ASQ) = (uint32_t)nvme->admin.submissions->iova;
	*reg(nvme, REG_ASQ + 4) = nvme->admin.submissions->iova >> 32;
	*reg(nvme, REG_ACQ) = (uint32_t)nvme->admin.completions->iova;
	*reg(nvme, REG_ACQ + 4) = nvme->admin.completions->iova >> 32;
	*reg(nvme, REG_CC) = CC_RUN;
	wait_ready(t, nvme, 1);
	create(t, nvme, 5, nvme->io.completions->iova, 1);
	create(t, nvme, 1, nvme->io.submissions->iova, nvme->io.id << 16 | 1);
}
