// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* NVMe controllers: registers and queues (NVM Express Base 2.0, NVM Command Set 1.0). */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <linux/vfio.h>

#include <iommut/region.h>

#include "engines/nvme.h"

#define REG_CAP      0x00
#define REG_CC       0x14
#define REG_CSTS     0x1c
#define REG_AQA      0x24
#define REG_ASQ      0x28
#define REG_ACQ      0x30
#define REG_DOORBELL 0x1000

#define CC_ENABLE (1u << 0)
/* 64-byte submissions, 16-byte completions, pages of 4 KiB, the NVM command set. */
#define CC_SIZES       (6u << 16 | 4u << 20)
#define CSTS_READY     (1u << 0)
#define CSTS_FATAL     (1u << 1)
#define CAP_TIMEOUT(c) (500 * (int)((c) >> 24 & 0xff))
#define CAP_STRIDE(c)  ((unsigned int)((c) >> 32 & 0xf))

#define ADMIN_CREATE_SQ 0x01
#define ADMIN_CREATE_CQ 0x05
#define ADMIN_MS        2000

struct completion {
	uint32_t result;
	uint32_t reserved;
	uint32_t submission;
	uint32_t status;
};

static void pause_briefly(void)
{
	struct timespec pause = { .tv_nsec = 100000 };

	nanosleep(&pause, NULL);
}

static int await_ready(struct nvme *nvme, uint32_t wanted)
{
	int64_t deadline = engine_now_ms() + CAP_TIMEOUT(nvme->cap) + ADMIN_MS;
	uint32_t status;

	for (;;) {
		bool late = engine_now_ms() > deadline;
		int error = iommut_region_read32(nvme->bar, REG_CSTS, &status);

		if (error)
			return error;
		if ((status & CSTS_READY) == wanted)
			return 0;
		if (wanted && status & CSTS_FATAL)
			return -EIO;
		if (late)
			return -ETIMEDOUT;
		pause_briefly();
	}
}

int nvme_disable(struct nvme *nvme)
{
	uint32_t configuration;
	int error;

	nvme->running.length = 0;
	error = iommut_region_read32(nvme->bar, REG_CC, &configuration);
	if (!error)
		error = iommut_region_write32(nvme->bar, REG_CC, configuration & ~CC_ENABLE);
	return error ? error : await_ready(nvme, 0);
}

int nvme_submit(struct engine *engine, struct nvme_queue *queue,
		const struct nvme_submission *submission)
{
	struct nvme *nvme = engine->state;
	struct nvme_submission *ring = (void *)((uint8_t *)engine->staging.address + queue->sq_at);
	uint64_t doorbell = REG_DOORBELL + ((2ull * queue->id) << (2 + CAP_STRIDE(nvme->cap)));

	ring[queue->tail] = *submission;
	queue->tail = (queue->tail + 1) % NVME_ENTRIES;
	__sync_synchronize();
	return iommut_region_write32(nvme->bar, doorbell, queue->tail);
}

int nvme_complete(struct engine *engine, struct nvme_queue *queue, uint16_t *number,
		  uint16_t *status)
{
	struct nvme *nvme = engine->state;
	volatile struct completion *ring =
		(volatile void *)((uint8_t *)engine->staging.address + queue->cq_at);
	uint64_t doorbell = REG_DOORBELL + ((2ull * queue->id + 1) << (2 + CAP_STRIDE(nvme->cap)));
	uint32_t word = le32toh(ring[queue->head].status);

	if ((word >> 16 & 1) != queue->phase)
		return -EAGAIN;
	__sync_synchronize();
	*number = (uint16_t)word;
	*status = (uint16_t)(word >> 17);
	queue->head = (queue->head + 1) % NVME_ENTRIES;
	if (!queue->head)
		queue->phase ^= 1;
	return iommut_region_write32(nvme->bar, doorbell, queue->head);
}

static int admin(struct engine *engine, const struct nvme_submission *submission)
{
	struct nvme *nvme = engine->state;
	int64_t deadline = engine_now_ms() + ADMIN_MS;
	uint16_t number, status;
	int error = nvme_submit(engine, &nvme->admin, submission);

	while (!error) {
		bool late = engine_now_ms() > deadline;

		error = nvme_complete(engine, &nvme->admin, &number, &status);
		if (!error)
			return status ? -EIO : 0;
		if (error != -EAGAIN || late)
			return error == -EAGAIN ? -ETIMEDOUT : error;
		error = 0;
		pause_briefly();
	}
	return error;
}

static int create_queues(struct engine *engine)
{
	struct nvme_submission completions = {
		.command = htole32(ADMIN_CREATE_CQ),
		.data = { htole64(engine->staging.iova + NVME_AT_IO_CQ) },
		/* Queue 1, contiguous, without interrupts. */
		.words = { htole32((NVME_ENTRIES - 1) << 16 | 1), htole32(1) },
	};
	struct nvme_submission submissions = {
		.command = htole32(ADMIN_CREATE_SQ),
		.data = { htole64(engine->staging.iova + NVME_AT_IO_SQ) },
		.words = { htole32((NVME_ENTRIES - 1) << 16 | 1), htole32(1u << 16 | 1) },
	};
	int error = admin(engine, &completions);

	return error ? error : admin(engine, &submissions);
}

/*
 * One page of what the controller says of itself (CNS 1) or of the namespace (CNS 0), in staging
 * memory.
 */
static int identify_page(struct engine *engine, uint32_t what, uint32_t namespace_id)
{
	struct nvme_submission submission = {
		.command = htole32(NVME_IDENTIFY),
		.namespace_id = htole32(namespace_id),
		.data = { htole64(engine->staging.iova + NVME_AT_BOUNCE) },
		.words = { htole32(what) },
	};

	memset((uint8_t *)engine->staging.address + NVME_AT_BOUNCE, 0, NVME_PAGE);
	return admin(engine, &submission);
}

/* The blocks that are the device's buffer: their size, and whether they are there at all. */
static int identify_blocks(struct engine *engine)
{
	struct nvme *nvme = engine->state;
	const uint8_t *answer = (uint8_t *)engine->staging.address + NVME_AT_BOUNCE;
	uint64_t blocks;
	uint32_t format, size;
	int error;

	nvme->block_size = 0;
	error = identify_page(engine, 0, NVME_NAMESPACE);
	if (error)
		return error;
	memcpy(&blocks, answer, sizeof(blocks));
	blocks = le64toh(blocks);
	/* Formatted LBA size: index of the format in bits 3:0; the formats start at byte 128. */
	memcpy(&format, answer + 128 + 4 * (answer[26] & 0xf), sizeof(format));
	format = le32toh(format);
	/* Metadata would need a buffer of its own. */
	if (format & 0xffff || (format >> 16 & 0xff) < 9 || (format >> 16 & 0xff) > 12)
		return -EOPNOTSUPP;
	size = 1u << (format >> 16 & 0xff);
	if (nvme->first_block >= blocks || blocks - nvme->first_block < NVME_BUFFER / size)
		return -ERANGE;
	nvme->block_size = size;
	return 0;
}

/* Scatter gather lists, comparisons, blocks. */
static int identify(struct engine *engine)
{
	struct nvme *nvme = engine->state;
	const uint8_t *answer = (uint8_t *)engine->staging.address + NVME_AT_BOUNCE;
	uint32_t lists;
	int error;

	error = identify_page(engine, 1, 0);
	if (error)
		return error;
	/* ONCS, bit 0. */
	nvme->compares = answer[520] & 1;
	/* SGLS: 1 is any alignment, 2 is multiples of 4. */
	memcpy(&lists, answer + 536, sizeof(lists));
	nvme->sgl_unit = (le32toh(lists) & 3) == 1 ? 1 : (le32toh(lists) & 3) == 2 ? 4 : 0;
	error = identify_blocks(engine);
	/* Without a namespace to use there is still what the controller says of itself. */
	return nvme->may_write || error == -ENODEV || error == -ETIMEDOUT ? error : 0;
}

static int enable(struct engine *engine)
{
	struct nvme *nvme = engine->state;
	int error;

	memset(engine->staging.address, 0, NVME_AT_BOUNCE);
	nvme->admin = (struct nvme_queue){ .sq_at = NVME_AT_ADMIN_SQ,
					   .cq_at = NVME_AT_ADMIN_CQ,
					   .phase = 1 };
	nvme->io = (struct nvme_queue){
		.sq_at = NVME_AT_IO_SQ, .cq_at = NVME_AT_IO_CQ, .id = 1, .phase = 1
	};
	error = iommut_region_write32(nvme->bar, REG_AQA,
				      (NVME_ENTRIES - 1) << 16 | (NVME_ENTRIES - 1));
	if (!error)
		error = iommut_region_write64(nvme->bar, REG_ASQ,
					      engine->staging.iova + NVME_AT_ADMIN_SQ);
	if (!error)
		error = iommut_region_write64(nvme->bar, REG_ACQ,
					      engine->staging.iova + NVME_AT_ADMIN_CQ);
	if (!error)
		error = iommut_region_write32(nvme->bar, REG_CC, CC_SIZES | CC_ENABLE);
	if (!error)
		error = await_ready(nvme, CSTS_READY);
	if (!error)
		error = identify(engine);
	if (!error)
		error = create_queues(engine);
	if (!error)
		nvme->running = engine->staging;
	return error;
}

/* Whatever happened to the controller or the staging memory since the last transfer. */
int nvme_make_ready(struct engine *engine)
{
	struct nvme *nvme = engine->state;
	uint32_t status;
	int error = iommut_region_read32(nvme->bar, REG_CSTS, &status);

	if (error)
		return error;
	if (nvme->running.length && (status & (CSTS_READY | CSTS_FATAL)) == CSTS_READY &&
	    nvme->running.address == engine->staging.address &&
	    nvme->running.iova == engine->staging.iova)
		return 0;
	/* Of a device that is gone QEMU reads zeros: it would be waited for. */
	if (iommut_device_gone(engine->device))
		return -ENODEV;
	error = nvme_disable(nvme);
	return error ? error : enable(engine);
}

int nvme_alive(const struct nvme *nvme)
{
	uint32_t status;
	int error = iommut_region_read32(nvme->bar, REG_CSTS, &status);

	if (error)
		return error;
	return status & CSTS_FATAL ? -EIO : status & CSTS_READY ? 0 : -EAGAIN;
}

int nvme_open(struct engine *engine)
{
	struct nvme *nvme = engine->state;
	int error = iommut_region_open(&nvme->bar, engine->device, VFIO_PCI_BAR0_REGION_INDEX);

	if (!error)
		error = iommut_region_read64(nvme->bar, REG_CAP, &nvme->cap);
	return error ? error : nvme_disable(nvme);
}
