// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * NVMe controllers, PCI class 01:08:02, on nearly every machine (NVM Express Base 2.0, NVM Command Set 1.0).
 *
 * Nothing on the medium is changed unless the user says where it may be. Without that the device writes bytes of its own to
 * memory, and reads memory to compare it:
 *
 *	buffer 0, up to 512 bytes		the firmware slot log (Get Log Page), where those are no whole blocks
 *	buffer 0 to 16 KiB, whole blocks	the first blocks of namespace 1 (Read, Compare)
 *	buffer 16 KiB, 4096 bytes		what the controller says of itself (Identify)
 *
 * With
 *
 *	IOMMUT_NVME_SCRATCH=FIRST
 *
 * in the environment, the logical blocks of namespace 1 from FIRST on, 16 KiB of them, may be overwritten. They are the device's
 * buffer then: a read command makes the device write memory, a write command makes it read memory.
 *
 * Whole logical blocks at addresses that are multiples of 4 can be transferred by any controller, other lengths by those with
 * scatter gather lists; what is left of the last block then becomes whatever. A controller that cannot reach data memory need
 * not say so (QEMU's completes with success), so that errors are not seen.
 */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/pci_regs.h>

#include <iommut/config.h>
#include <iommut/region.h>

#include "engines/drivers.h"
#include "engines/nvme.h"

#define NVME_CLASS 0x010802

/* The firmware slot log, of the controller: it only changes when its firmware does. */
#define LOG_FIRMWARE   3
#define LOG_BYTES      512u
#define ALL_NAMESPACES 0xffffffffu
#define IDENTIFY_AT    NVME_BUFFER

#define STATUS_COMPARE_FAILURE 0x285

#define TRANSFER_MS 5000
/* A controller that may not master the bus can stay silent: that is long enough to wait for it. */
#define SILENCE_MS 500

static bool probe(uint16_t vendor, uint16_t device, uint32_t class_code)
{
	return class_code == NVME_CLASS;
}

static void remove_engine(struct engine *engine)
{
	struct nvme *nvme = engine->state;

	/* An error here means that the controller is gone: it is at rest then. */
	if (nvme->bar)
		nvme_disable(nvme);
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
	nvme->first_block = strtoull(text, &end, 0);
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
		error = nvme_open(engine);
	if (error) {
		remove_engine(engine);
		return error;
	}
	engine->capabilities = ENGINE_COMPARE | ENGINE_BUS_MASTER;
	engine->capabilities |= nvme->may_write ? ENGINE_READ | ENGINE_WRITE : ENGINE_OWN_BYTES;
	engine->max_length = NVME_BUFFER;
	engine->buffer_size = nvme->may_write ? NVME_BUFFER : IDENTIFY_AT + NVME_PAGE;
	engine->dma_mask = UINT64_MAX;
	engine->deadline_ms = TRANSFER_MS;
	engine->queue_depth = NVME_DEPTH;
	return 0;
}

/* The list that a transfer may need has a place of its own for each of those in flight. */
static unsigned int next_slot(const struct nvme *nvme)
{
	return (nvme->first + nvme->count) % NVME_DEPTH;
}

static uint32_t list_at(unsigned int slot)
{
	return NVME_AT_LISTS + slot * NVME_LIST_SIZE;
}

/* Pages of the transfer: one or two in the command itself, more in a list (Base 2.0, 4.1.1). */
static void set_pages(struct engine *engine, struct nvme_submission *submission, unsigned int slot,
		      uint64_t iova, uint32_t length)
{
	uint64_t *list = (void *)((uint8_t *)engine->staging.address + list_at(slot));
	uint64_t page = (iova & ~(uint64_t)(NVME_PAGE - 1)) + NVME_PAGE;
	uint64_t end = iova + length;
	unsigned int count = 0;

	submission->data[0] = htole64(iova);
	for (; page < end && page; page += NVME_PAGE)
		list[count++] = htole64(page);
	if (count == 1)
		submission->data[1] = list[0];
	else if (count > 1)
		submission->data[1] = htole64(engine->staging.iova + list_at(slot));
}

/*
 * Part of a block, or an odd address: a scatter gather list of the bytes that are meant, and staging
 * memory for the rest of the last block.
 */
static void set_list(struct engine *engine, struct nvme_submission *submission, unsigned int slot,
		     uint64_t iova, uint32_t length)
{
	struct {
		uint64_t address;
		uint32_t length;
		uint32_t type;
	} *list = (void *)((uint8_t *)engine->staging.address + list_at(slot));
	struct nvme *nvme = engine->state;
	uint32_t rest = (nvme->block_size - length % nvme->block_size) % nvme->block_size;

	list[0].address = htole64(iova);
	list[0].length = htole32(length);
	list[0].type = 0;
	list[1].address = htole64(engine->staging.iova + NVME_AT_REST);
	list[1].length = htole32(rest);
	list[1].type = 0;
	submission->command |= htole32(NVME_SGL);
	submission->data[0] = htole64(engine->staging.iova + list_at(slot));
	/* Length of the list, and its type: the last segment, in bits 63:60. */
	submission->data[1] = htole64((rest ? 2 : 1) * sizeof(list[0]) | 3ull << 60);
}

/* A transfer of what the controller says of itself. */
static void compose_own(const struct engine_transfer *transfer, struct nvme_submission *submission)
{
	uint32_t words = transfer->length / 4 - 1;

	if (transfer->buffer == IDENTIFY_AT) {
		submission->command = htole32(NVME_IDENTIFY);
		submission->words[0] = htole32(1);
		return;
	}
	submission->command = htole32(NVME_GET_LOG);
	submission->namespace_id = htole32(ALL_NAMESPACES);
	submission->words[0] = htole32(LOG_FIRMWARE | words << 16);
}

/* Of whole or partial blocks. */
static int compose_blocks(const struct nvme *nvme, const struct engine_transfer *transfer,
			  struct nvme_submission *submission, bool *partial)
{
	uint32_t size = nvme->block_size;
	bool compare = transfer->operation == ENGINE_OP_COMPARE;
	uint64_t block;

	if (!size || transfer->buffer % size || transfer->buffer > NVME_BUFFER - transfer->length)
		return -EOPNOTSUPP;
	*partial = transfer->iova % 4 || transfer->length % size;
	if (*partial && (!nvme->sgl_unit || transfer->iova % nvme->sgl_unit ||
			 transfer->length % nvme->sgl_unit))
		return -EOPNOTSUPP;
	/* What is left of a block cannot be compared with anything. */
	if (compare && (!nvme->compares || transfer->length % size))
		return -EOPNOTSUPP;
	/* The rest of the last block is not the caller's. */
	if (!nvme->may_write && transfer->length % size)
		return -EOPNOTSUPP;
	block = nvme->first_block + transfer->buffer / size;
	submission->command = htole32(compare                                  ? NVME_COMPARE
				      : transfer->operation == ENGINE_OP_WRITE ? NVME_READ
									       : NVME_WRITE);
	submission->namespace_id = htole32(NVME_NAMESPACE);
	submission->words[0] = htole32((uint32_t)block);
	submission->words[1] = htole32((uint32_t)(block >> 32));
	submission->words[2] = htole32((transfer->length + size - 1) / size - 1);
	return 0;
}

/* Whether the controller writes what it says of itself, and not what is in blocks. */
static bool is_own(const struct nvme *nvme, const struct engine_transfer *transfer)
{
	if (nvme->may_write || transfer->operation != ENGINE_OP_WRITE || transfer->iova % 4)
		return false;
	if (transfer->buffer == IDENTIFY_AT)
		return transfer->length == NVME_PAGE;
	return !transfer->buffer && !(transfer->length % 4) && transfer->length <= LOG_BYTES &&
	       (!nvme->block_size || transfer->length % nvme->block_size);
}

/* The controller is ready, and there is a slot. */
static int start_command(struct engine *engine, const struct engine_transfer *transfer)
{
	struct nvme *nvme = engine->state;
	unsigned int slot = next_slot(nvme);
	struct nvme_submission submission = { 0 };
	struct nvme_queue *queue = &nvme->io;
	bool partial = false;
	int error = 0;

	if (is_own(nvme, transfer)) {
		queue = &nvme->admin;
		compose_own(transfer, &submission);
	} else {
		error = compose_blocks(nvme, transfer, &submission, &partial);
	}
	if (error)
		return error;
	submission.command |= htole32(slot << NVME_NUMBER);
	if (partial)
		set_list(engine, &submission, slot, transfer->iova, transfer->length);
	else
		set_pages(engine, &submission, slot, transfer->iova, transfer->length);
	nvme->slots[slot] = (struct nvme_slot){ .operation = transfer->operation,
						.length = transfer->length,
						.started_ms = engine_now_ms() };
	error = nvme_submit(engine, queue, &submission);
	if (!error)
		nvme->count++;
	return error;
}

static int check(const struct engine *engine, const struct engine_transfer *transfer)
{
	const struct nvme *nvme = engine->state;
	bool reads = transfer->operation == ENGINE_OP_READ && nvme->may_write;

	if (!reads && transfer->operation != ENGINE_OP_WRITE &&
	    transfer->operation != ENGINE_OP_COMPARE)
		return -EOPNOTSUPP;
	if (transfer->pasid != IOMMUT_NO_PASID || transfer->flags || transfer->repeat > 1)
		return -EOPNOTSUPP;
	if (!engine->staging.address || !transfer->length ||
	    transfer->length > engine->max_length || transfer->buffer > engine->buffer_size ||
	    transfer->length > engine->buffer_size - transfer->buffer ||
	    transfer->iova + transfer->length - 1 < transfer->iova)
		return -EINVAL;
	return 0;
}

static int start(struct engine *engine, const struct engine_transfer *transfer)
{
	struct nvme *nvme = engine->state;
	int error = check(engine, transfer);

	if (error)
		return error;
	if (nvme->count == NVME_DEPTH || nvme->aborted)
		return -EBUSY;
	/* With transfers in flight, poll finds out what happened to the controller. */
	if (!nvme->count)
		error = nvme_make_ready(engine);
	return error ? error : start_command(engine, transfer);
}

/* The oldest transfer is over. */
static int finish(struct engine *engine, enum engine_status status, uint64_t value,
		  struct engine_result *result)
{
	struct nvme *nvme = engine->state;

	memset(result, 0, sizeof(*result));
	result->status = status;
	result->value = value;
	result->bytes = status == ENGINE_OK ? nvme->slots[nvme->first].length : 0;
	nvme->first = (nvme->first + 1) % NVME_DEPTH;
	nvme->count--;
	if (!nvme->count)
		nvme->aborted = false;
	return 0;
}

/* A command without completion may still be at work: only the controller's end is its end, and that of all others. */
static int give_up(struct engine *engine, enum engine_status status, struct engine_result *result)
{
	struct nvme *nvme = engine->state;
	int error = nvme_disable(nvme);

	nvme->aborted = true;
	finish(engine, status, 0, result);
	return error;
}

static int take_completions(struct engine *engine, struct nvme_queue *queue)
{
	struct nvme *nvme = engine->state;
	uint16_t number, status;
	int error;

	while (!(error = nvme_complete(engine, queue, &number, &status))) {
		if (number >= NVME_DEPTH)
			return -EIO;
		nvme->slots[number].status = status;
		nvme->slots[number].done = true;
	}
	return error == -EAGAIN ? 0 : error;
}

static int poll_transfer(struct engine *engine, struct engine_result *result)
{
	struct nvme *nvme = engine->state;
	const struct nvme_slot *oldest = &nvme->slots[nvme->first];
	uint16_t command;
	int error;

	if (!nvme->count)
		return -EINVAL;
	if (nvme->aborted)
		return finish(engine, ENGINE_ABORTED, 0, result);
	error = take_completions(engine, &nvme->io);
	if (!error)
		error = take_completions(engine, &nvme->admin);
	if (error)
		return error;
	if (oldest->done && oldest->operation == ENGINE_OP_COMPARE &&
	    (oldest->status & 0x7ff) == STATUS_COMPARE_FAILURE)
		return finish(engine, ENGINE_OK, 1, result);
	if (oldest->done)
		return finish(engine, oldest->status ? ENGINE_BLOCKED : ENGINE_OK, 0, result);
	error = nvme_alive(nvme);
	if (error == -EIO || error == -EAGAIN)
		return give_up(engine, error == -EIO ? ENGINE_BLOCKED : ENGINE_ABORTED, result);
	if (error)
		return error;
	if (engine_now_ms() - oldest->started_ms < SILENCE_MS)
		return -EAGAIN;
	error = iommut_config_read16(engine->device, PCI_COMMAND, &command);
	if (error)
		return error;
	return command & PCI_COMMAND_MASTER ? -EAGAIN : give_up(engine, ENGINE_DISABLED, result);
}

/* Between the device's buffer and staging memory. */
static int bounce(struct engine *engine, enum engine_operation operation, uint32_t offset,
		  uint32_t length)
{
	struct engine_transfer transfer = { .operation = operation,
					    .pasid = IOMMUT_NO_PASID,
					    .iova = engine->staging.iova + NVME_AT_BOUNCE,
					    .length = length,
					    .buffer = offset };
	struct engine_result result;
	int error = start_command(engine, &transfer);

	if (!error)
		error = engine_wait(engine, &result, 0);
	if (error)
		return error;
	return result.status == ENGINE_OK ? 0 : -EIO;
}

static int prepare(struct engine *engine, uint32_t offset, size_t length)
{
	struct nvme *nvme = engine->state;

	if (!engine->staging.address || offset > engine->buffer_size ||
	    length > engine->buffer_size - offset)
		return -EINVAL;
	return nvme->count ? -EBUSY : nvme_make_ready(engine);
}

/* Whole blocks; what else is in them stays. */
static int move(struct engine *engine, uint32_t offset, void *out, const void *in, size_t length)
{
	struct nvme *nvme = engine->state;
	uint8_t *staging = (uint8_t *)engine->staging.address + NVME_AT_BOUNCE;
	uint32_t first, bytes;
	int error;

	first = offset / nvme->block_size * nvme->block_size;
	bytes = (uint32_t)((offset + length + nvme->block_size - 1) / nvme->block_size *
			   nvme->block_size) -
		first;
	error = bounce(engine, ENGINE_OP_WRITE, first, bytes);
	if (error)
		return error;
	if (out) {
		memcpy(out, staging + (offset - first), length);
		return 0;
	}
	memcpy(staging + (offset - first), in, length);
	return bounce(engine, ENGINE_OP_READ, first, bytes);
}

static int load(struct engine *engine, uint32_t offset, const void *data, size_t length)
{
	const struct nvme *nvme = engine->state;
	int error;

	if (!nvme->may_write)
		return -EOPNOTSUPP;
	error = prepare(engine, offset, length);
	return error || !length ? error : move(engine, offset, NULL, data, length);
}

static int store(struct engine *engine, uint32_t offset, void *data, size_t length)
{
	const struct nvme *nvme = engine->state;
	int error = prepare(engine, offset, length);

	if (error || !length)
		return error;
	if (nvme->may_write)
		return move(engine, offset, data, NULL, length);
	if (length > engine->max_length)
		return -EOPNOTSUPP;
	error = bounce(engine, ENGINE_OP_WRITE, offset, (uint32_t)length);
	if (!error)
		memcpy(data, (uint8_t *)engine->staging.address + NVME_AT_BOUNCE, length);
	return error;
}

static int abort_transfers(struct engine *engine)
{
	struct nvme *nvme = engine->state;
	int error;

	if (!nvme->count)
		return 0;
	error = nvme_disable(nvme);
	nvme->aborted = true;
	return error;
}

const struct engine_driver engine_nvme = {
	.name = "nvme",
	.description =
		"NVMe controllers; blocks are only overwritten where IOMMUT_NVME_SCRATCH says",
	.needs_staging = true,
	.probe = probe,
	.init = init,
	.remove = remove_engine,
	.start = start,
	.poll = poll_transfer,
	.load = load,
	.store = store,
	.abort = abort_transfers,
};
