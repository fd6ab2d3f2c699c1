// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * NVMe controllers, PCI class 01:08:02, on nearly every machine (NVM Express Base 2.0, NVM Command
 * Set 1.0).
 *
 * The device's buffer is on its medium: a read command makes the device write memory, a write
 * command makes it read memory. That destroys what was on the medium, so the engine only does it
 * where it was told that it may:
 *
 *	IOMMUT_NVME_SCRATCH=FIRST
 *
 * in the environment gives the first of the logical blocks of namespace 1, 16 KiB of them, that may
 * be overwritten. Without it no transfer is offered.
 *
 * Whole logical blocks at addresses that are multiples of 4 can be transferred by any controller,
 * other lengths by those with scatter gather lists; what is left of the last block then becomes
 * whatever. A controller that cannot reach data memory need not say so (QEMU's completes with
 * success), so that errors are not seen.
 */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <linux/pci_regs.h>
#include <linux/vfio.h>

#include <iommut/config.h>
#include <iommut/region.h>

#include "engines/drivers.h"

#define NVME_CLASS 0x010802

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
#define ADMIN_IDENTIFY  0x06
#define IO_WRITE        0x01
#define COMMAND_SGL     (1u << 14)
#define IO_READ         0x02
#define NAMESPACE       1

#define ENTRIES     16u
#define PAGE        4096u
#define BUFFER_SIZE 16384u
#define ADMIN_MS    2000
#define TRANSFER_MS 5000
/* A controller that may not master the bus can stay silent: that is long enough to wait for it. */
#define SILENCE_MS 500

/* Where things are in staging memory. */
#define AT_ADMIN_SQ 0x0000u
#define AT_ADMIN_CQ 0x1000u
#define AT_IO_SQ    0x2000u
#define AT_IO_CQ    0x3000u
#define AT_LIST     0x4000u
#define AT_BOUNCE   0x8000u
#define AT_REST     0xc000u

struct submission {
	uint32_t command;
	uint32_t namespace_id;
	uint64_t reserved;
	uint64_t metadata;
	uint64_t data[2];
	uint32_t words[6];
};

struct completion {
	uint32_t result;
	uint32_t reserved;
	uint32_t submission;
	uint32_t status;
};

struct queue {
	uint32_t sq_at;
	uint32_t cq_at;
	uint32_t id;
	uint32_t tail;
	uint32_t head;
	uint16_t phase;
};

struct nvme {
	struct iommut_region *bar;
	uint64_t cap;
	bool may_write;
	uint64_t scratch;
	uint32_t block_size;
	/*
	 * What addresses and lengths of scatter gather lists are multiples of; 0 without such
	 * lists.
	 */
	uint32_t sgl_unit;
	/* The controller runs with this staging memory; 0 length if it does not run. */
	struct engine_staging running;
	struct queue admin;
	struct queue io;
	uint32_t length;
	int64_t started_ms;
	bool busy;
	bool aborted;
};

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void pause_briefly(void)
{
	struct timespec pause = { .tv_nsec = 100000 };

	nanosleep(&pause, NULL);
}

static int await_ready(struct nvme *nvme, uint32_t wanted)
{
	int64_t deadline = now_ms() + CAP_TIMEOUT(nvme->cap) + ADMIN_MS;
	uint32_t status;

	for (;;) {
		bool late = now_ms() > deadline;
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

static int disable(struct nvme *nvme)
{
	uint32_t configuration;
	int error;

	nvme->running.length = 0;
	error = iommut_region_read32(nvme->bar, REG_CC, &configuration);
	if (!error)
		error = iommut_region_write32(nvme->bar, REG_CC, configuration & ~CC_ENABLE);
	return error ? error : await_ready(nvme, 0);
}

static int submit(struct engine *engine, struct queue *queue, const struct submission *submission)
{
	struct nvme *nvme = engine->state;
	struct submission *ring = (void *)((uint8_t *)engine->staging.address + queue->sq_at);
	uint64_t doorbell = REG_DOORBELL + ((2ull * queue->id) << (2 + CAP_STRIDE(nvme->cap)));

	ring[queue->tail] = *submission;
	queue->tail = (queue->tail + 1) % ENTRIES;
	__sync_synchronize();
	return iommut_region_write32(nvme->bar, doorbell, queue->tail);
}

/* The next completion, if it is there: its status, 0 being success. */
static int complete(struct engine *engine, struct queue *queue, uint16_t *status)
{
	struct nvme *nvme = engine->state;
	volatile struct completion *ring =
		(volatile void *)((uint8_t *)engine->staging.address + queue->cq_at);
	uint64_t doorbell = REG_DOORBELL + ((2ull * queue->id + 1) << (2 + CAP_STRIDE(nvme->cap)));
	uint32_t word = le32toh(ring[queue->head].status);

	if ((word >> 16 & 1) != queue->phase)
		return -EAGAIN;
	__sync_synchronize();
	*status = (uint16_t)(word >> 17);
	queue->head = (queue->head + 1) % ENTRIES;
	if (!queue->head)
		queue->phase ^= 1;
	return iommut_region_write32(nvme->bar, doorbell, queue->head);
}

static int admin(struct engine *engine, const struct submission *submission)
{
	struct nvme *nvme = engine->state;
	int64_t deadline = now_ms() + ADMIN_MS;
	uint16_t status;
	int error = submit(engine, &nvme->admin, submission);

	while (!error) {
		bool late = now_ms() > deadline;

		error = complete(engine, &nvme->admin, &status);
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
	struct submission completions = {
		.command = htole32(ADMIN_CREATE_CQ),
		.data = { htole64(engine->staging.iova + AT_IO_CQ) },
		/* Queue 1, contiguous, without interrupts. */
		.words = { htole32((ENTRIES - 1) << 16 | 1), htole32(1) },
	};
	struct submission submissions = {
		.command = htole32(ADMIN_CREATE_SQ),
		.data = { htole64(engine->staging.iova + AT_IO_SQ) },
		.words = { htole32((ENTRIES - 1) << 16 | 1), htole32(1u << 16 | 1) },
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
	struct submission submission = {
		.command = htole32(ADMIN_IDENTIFY),
		.namespace_id = htole32(namespace_id),
		.data = { htole64(engine->staging.iova + AT_BOUNCE) },
		.words = { htole32(what) },
	};

	memset((uint8_t *)engine->staging.address + AT_BOUNCE, 0, PAGE);
	return admin(engine, &submission);
}

/*
 * Size of a logical block, whether the scratch blocks are there at all, and scatter gather lists.
 */
static int identify(struct engine *engine)
{
	struct nvme *nvme = engine->state;
	const uint8_t *answer = (uint8_t *)engine->staging.address + AT_BOUNCE;
	uint64_t blocks;
	uint32_t format, lists;
	int error;

	error = identify_page(engine, 1, 0);
	if (error)
		return error;
	/* SGLS: 1 is any alignment, 2 is multiples of 4. */
	memcpy(&lists, answer + 536, sizeof(lists));
	nvme->sgl_unit = (le32toh(lists) & 3) == 1 ? 1 : (le32toh(lists) & 3) == 2 ? 4 : 0;
	error = identify_page(engine, 0, NAMESPACE);
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
	nvme->block_size = 1u << (format >> 16 & 0xff);
	if (nvme->scratch >= blocks || blocks - nvme->scratch < BUFFER_SIZE / nvme->block_size)
		return -ERANGE;
	return 0;
}

static int enable(struct engine *engine)
{
	struct nvme *nvme = engine->state;
	int error;

	memset(engine->staging.address, 0, AT_BOUNCE);
	nvme->admin = (struct queue){ .sq_at = AT_ADMIN_SQ, .cq_at = AT_ADMIN_CQ, .phase = 1 };
	nvme->io = (struct queue){ .sq_at = AT_IO_SQ, .cq_at = AT_IO_CQ, .id = 1, .phase = 1 };
	error = iommut_region_write32(nvme->bar, REG_AQA, (ENTRIES - 1) << 16 | (ENTRIES - 1));
	if (!error)
		error = iommut_region_write64(nvme->bar, REG_ASQ,
					      engine->staging.iova + AT_ADMIN_SQ);
	if (!error)
		error = iommut_region_write64(nvme->bar, REG_ACQ,
					      engine->staging.iova + AT_ADMIN_CQ);
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
static int make_ready(struct engine *engine)
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
	error = disable(nvme);
	return error ? error : enable(engine);
}

static bool probe(uint16_t vendor, uint16_t device, uint32_t class_code)
{
	return class_code == NVME_CLASS;
}

static void remove_engine(struct engine *engine)
{
	struct nvme *nvme = engine->state;

	/* An error here means that the controller is gone: it is at rest then. */
	if (nvme->bar)
		disable(nvme);
	iommut_region_close(nvme->bar);
	free(nvme);
	engine->state = NULL;
}

static int read_scratch(struct nvme *nvme)
{
	const char *text = getenv("IOMMUT_NVME_SCRATCH");
	char *end;

	if (!text)
		return 0;
	errno = 0;
	nvme->scratch = strtoull(text, &end, 0);
	if (errno || end == text || *end)
		return -EINVAL;
	nvme->may_write = true;
	return 0;
}

static int init(struct engine *engine)
{
	struct nvme *nvme = calloc(1, sizeof(*nvme));
	int error;

	if (!nvme)
		return -ENOMEM;
	engine->state = nvme;
	error = read_scratch(nvme);
	if (!error)
		error = iommut_region_open(&nvme->bar, engine->device, VFIO_PCI_BAR0_REGION_INDEX);
	if (!error)
		error = iommut_region_read64(nvme->bar, REG_CAP, &nvme->cap);
	if (!error)
		error = disable(nvme);
	if (error) {
		remove_engine(engine);
		return error;
	}
	if (nvme->may_write)
		engine->capabilities = ENGINE_READ | ENGINE_WRITE | ENGINE_BUS_MASTER;
	engine->max_length = BUFFER_SIZE;
	engine->buffer_size = BUFFER_SIZE;
	engine->dma_mask = UINT64_MAX;
	engine->deadline_ms = TRANSFER_MS;
	return 0;
}

/* Pages of the transfer: one or two in the command itself, more in a list (Base 2.0, 4.1.1). */
static void set_pages(struct engine *engine, struct submission *submission, uint64_t iova,
		      uint32_t length)
{
	uint64_t *list = (void *)((uint8_t *)engine->staging.address + AT_LIST);
	uint64_t page = (iova & ~(uint64_t)(PAGE - 1)) + PAGE;
	uint64_t end = iova + length;
	unsigned int count = 0;

	submission->data[0] = htole64(iova);
	for (; page < end && page; page += PAGE)
		list[count++] = htole64(page);
	if (count == 1)
		submission->data[1] = list[0];
	else if (count > 1)
		submission->data[1] = htole64(engine->staging.iova + AT_LIST);
}

/*
 * Part of a block, or an odd address: a scatter gather list of the bytes that are meant, and staging
 * memory for the rest of the last block.
 */
static void set_list(struct engine *engine, struct submission *submission, uint64_t iova,
		     uint32_t length)
{
	struct {
		uint64_t address;
		uint32_t length;
		uint32_t type;
	} *list = (void *)((uint8_t *)engine->staging.address + AT_LIST);
	struct nvme *nvme = engine->state;
	uint32_t rest = (nvme->block_size - length % nvme->block_size) % nvme->block_size;

	list[0].address = htole64(iova);
	list[0].length = htole32(length);
	list[0].type = 0;
	list[1].address = htole64(engine->staging.iova + AT_REST);
	list[1].length = htole32(rest);
	list[1].type = 0;
	submission->command |= htole32(COMMAND_SGL);
	submission->data[0] = htole64(engine->staging.iova + AT_LIST);
	/* Length of the list, and its type: the last segment, in bits 63:60. */
	submission->data[1] = htole64((rest ? 2 : 1) * sizeof(list[0]) | 3ull << 60);
}

static int start_command(struct engine *engine, bool to_memory, uint64_t iova, uint32_t offset,
			 uint32_t length)
{
	struct nvme *nvme = engine->state;
	struct submission submission = {
		.command = htole32(to_memory ? IO_READ : IO_WRITE),
		.namespace_id = htole32(NAMESPACE),
	};
	uint64_t block = nvme->scratch + offset / nvme->block_size;
	int error;

	submission.words[0] = htole32((uint32_t)block);
	submission.words[1] = htole32((uint32_t)(block >> 32));
	submission.words[2] = htole32((length + nvme->block_size - 1) / nvme->block_size - 1);
	if (iova % 4 || length % nvme->block_size)
		set_list(engine, &submission, iova, length);
	else
		set_pages(engine, &submission, iova, length);
	nvme->length = length;
	nvme->aborted = false;
	nvme->started_ms = now_ms();
	error = submit(engine, &nvme->io, &submission);
	nvme->busy = !error;
	return error;
}

static int start(struct engine *engine, const struct engine_transfer *transfer)
{
	struct nvme *nvme = engine->state;
	int error;

	if (!nvme->may_write)
		return -EOPNOTSUPP;
	if (transfer->operation != ENGINE_OP_READ && transfer->operation != ENGINE_OP_WRITE)
		return -EOPNOTSUPP;
	if (transfer->pasid != IOMMUT_NO_PASID || transfer->flags || transfer->repeat > 1)
		return -EOPNOTSUPP;
	if (!engine->staging.address || !transfer->length || transfer->length > BUFFER_SIZE ||
	    transfer->buffer > BUFFER_SIZE - transfer->length ||
	    transfer->iova + transfer->length - 1 < transfer->iova)
		return -EINVAL;
	if (nvme->busy)
		return -EBUSY;
	error = make_ready(engine);
	if (error)
		return error;
	if (transfer->buffer % nvme->block_size)
		return -EOPNOTSUPP;
	if ((transfer->iova % 4 || transfer->length % nvme->block_size) &&
	    (!nvme->sgl_unit || transfer->iova % nvme->sgl_unit ||
	     transfer->length % nvme->sgl_unit))
		return -EOPNOTSUPP;
	return start_command(engine, transfer->operation == ENGINE_OP_WRITE, transfer->iova,
			     transfer->buffer, transfer->length);
}

static int finish(struct engine *engine, enum engine_status status, struct engine_result *result)
{
	struct nvme *nvme = engine->state;
	int error = 0;

	/*
	 * A command without completion may still be at work: only the controller's end is its end.
	 */
	if (status != ENGINE_OK)
		error = disable(nvme);
	nvme->busy = false;
	memset(result, 0, sizeof(*result));
	result->status = status;
	result->bytes = status == ENGINE_OK ? nvme->length : 0;
	return error;
}

static int poll_transfer(struct engine *engine, struct engine_result *result)
{
	struct nvme *nvme = engine->state;
	uint32_t controller;
	uint16_t status, command;
	int error;

	if (!nvme->busy)
		return -EINVAL;
	if (nvme->aborted)
		return finish(engine, ENGINE_ABORTED, result);
	error = complete(engine, &nvme->io, &status);
	if (!error)
		return finish(engine, status ? ENGINE_BLOCKED : ENGINE_OK, result);
	if (error != -EAGAIN)
		return error;
	error = iommut_region_read32(nvme->bar, REG_CSTS, &controller);
	if (error)
		return error;
	if (controller & CSTS_FATAL)
		return finish(engine, ENGINE_BLOCKED, result);
	if (now_ms() - nvme->started_ms < SILENCE_MS)
		return -EAGAIN;
	error = iommut_config_read16(engine->device, PCI_COMMAND, &command);
	if (error)
		return error;
	return command & PCI_COMMAND_MASTER ? -EAGAIN : finish(engine, ENGINE_DISABLED, result);
}

/* Whole blocks between the device's buffer and staging memory. */
static int bounce(struct engine *engine, bool to_memory, uint32_t offset, uint32_t length)
{
	struct engine_result result;
	int error =
		start_command(engine, to_memory, engine->staging.iova + AT_BOUNCE, offset, length);

	if (!error)
		error = engine_wait(engine, &result, 0);
	if (error)
		return error;
	return result.status == ENGINE_OK ? 0 : -EIO;
}

static int move(struct engine *engine, uint32_t offset, void *out, const void *in, size_t length)
{
	struct nvme *nvme = engine->state;
	uint8_t *staging = (uint8_t *)engine->staging.address + AT_BOUNCE;
	uint32_t first, bytes;
	int error;

	if (!nvme->may_write)
		return -EOPNOTSUPP;
	if (!engine->staging.address || offset > BUFFER_SIZE || length > BUFFER_SIZE - offset)
		return -EINVAL;
	if (nvme->busy)
		return -EBUSY;
	error = make_ready(engine);
	if (error || !length)
		return error;
	first = offset / nvme->block_size * nvme->block_size;
	bytes = (uint32_t)((offset + length + nvme->block_size - 1) / nvme->block_size *
			   nvme->block_size) -
		first;
	/* What else is in the blocks stays. */
	error = bounce(engine, true, first, bytes);
	if (error)
		return error;
	if (out) {
		memcpy(out, staging + (offset - first), length);
		return 0;
	}
	memcpy(staging + (offset - first), in, length);
	return bounce(engine, false, first, bytes);
}

static int load(struct engine *engine, uint32_t offset, const void *data, size_t length)
{
	return move(engine, offset, NULL, data, length);
}

static int store(struct engine *engine, uint32_t offset, void *data, size_t length)
{
	return move(engine, offset, data, NULL, length);
}

static int abort_transfer(struct engine *engine)
{
	struct nvme *nvme = engine->state;
	int error;

	if (!nvme->busy)
		return 0;
	error = disable(nvme);
	nvme->aborted = true;
	return error;
}

const struct engine_driver engine_nvme = {
	.name = "nvme",
	.description =
		"NVMe controllers, with blocks that may be overwritten (IOMMUT_NVME_SCRATCH)",
	.needs_staging = true,
	.probe = probe,
	.init = init,
	.remove = remove_engine,
	.start = start,
	.poll = poll_transfer,
	.load = load,
	.store = store,
	.abort = abort_transfer,
};
