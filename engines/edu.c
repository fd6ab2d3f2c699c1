// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * QEMU's educational device, 1234:11e8 (QEMU, docs/specs/edu.rst). It copies between memory and a buffer of 4096 bytes that the
 * CPU cannot see: what goes in or comes out takes a transfer of its own through staging memory. It takes 100 ms for each
 * transfer, never tells of an error, and sends 28 bits of an address unless QEMU was told otherwise.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/vfio.h>

#include <iommut/region.h>

#include "engines/drivers.h"

#define EDU_VENDOR 0x1234
#define EDU_DEVICE 0x11e8

#define EDU_IDENTIFICATION 0x00
#define EDU_LIVENESS       0x04
#define EDU_RAISE          0x60
#define EDU_ACKNOWLEDGE    0x64
#define EDU_IRQ_STATUS     0x24
#define EDU_DMA_SOURCE     0x80
#define EDU_DMA_TARGET     0x88
#define EDU_DMA_COUNT      0x90
#define EDU_DMA_COMMAND    0x98
#define EDU_DMA_RUN        0x1
#define EDU_DMA_TO_MEMORY  0x2

#define EDU_BUFFER      0x40000
#define EDU_BUFFER_SIZE 4096
#define EDU_DMA_MASK    0x0fffffffu
#define EDU_LENGTH      0x1000

#define TRANSFER_MS 100
#define DEADLINE_MS (30 * TRANSFER_MS)

struct edu {
	struct iommut_region *bar;
	volatile uint8_t *registers;
	uint64_t length;
	/* What the buffer holds, as far as it is known: loading the same bytes again costs 100 ms for nothing. */
	uint8_t shadow[EDU_BUFFER_SIZE];
	uint32_t shadow_length;
	bool busy;
};

static uint32_t get32(struct edu *edu, uint32_t offset)
{
	return *(volatile uint32_t *)(edu->registers + offset);
}

static void set32(struct edu *edu, uint32_t offset, uint32_t value)
{
	*(volatile uint32_t *)(edu->registers + offset) = value;
}

/* The DMA registers take 64 bits at once only. */
static void set64(struct edu *edu, uint32_t offset, uint64_t value)
{
	*(volatile uint64_t *)(edu->registers + offset) = value;
}

static bool probe(uint16_t vendor, uint16_t device, uint32_t class_code)
{
	return vendor == EDU_VENDOR && device == EDU_DEVICE;
}

static void remove_engine(struct engine *engine)
{
	struct edu *edu = engine->state;
	struct engine_result result;

	/* There is no way to stop a transfer but to wait for its end. */
	if (edu->busy)
		engine_wait(engine, &result, 0);
	if (edu->registers)
		iommut_region_unmap(edu->bar, (void *)edu->registers, edu->length);
	iommut_region_close(edu->bar);
	free(edu);
	engine->state = NULL;
}

/* Bits 7:0 say edu, the rest is its version. */
static bool is_there(struct edu *edu)
{
	return (get32(edu, EDU_IDENTIFICATION) & 0xff) == 0xed;
}

static int map_bar(struct engine *engine, struct edu *edu)
{
	void *address;
	uint32_t probe_value = 0x5a17c0de;
	int error;

	error = iommut_region_open(&edu->bar, engine->device, VFIO_PCI_BAR0_REGION_INDEX);
	if (error)
		return error;
	edu->length = EDU_LENGTH;
	error = iommut_region_map(edu->bar, 0, edu->length, &address);
	if (error)
		return error;
	edu->registers = address;
	if (!is_there(edu))
		return -ENODEV;
	/* The liveness register answers with the complement. */
	set32(edu, EDU_LIVENESS, probe_value);
	return get32(edu, EDU_LIVENESS) == ~probe_value ? 0 : -ENODEV;
}

static int init(struct engine *engine)
{
	struct edu *edu = calloc(1, sizeof(*edu));
	int error;

	if (!edu)
		return -ENOMEM;
	engine->state = edu;
	error = map_bar(engine, edu);
	if (error) {
		remove_engine(engine);
		return error;
	}
	engine->capabilities =
		ENGINE_READ | ENGINE_WRITE | ENGINE_MSI | ENGINE_INTX | ENGINE_BUS_MASTER;
	engine->max_length = EDU_BUFFER_SIZE;
	engine->buffer_size = EDU_BUFFER_SIZE;
	engine->dma_mask = EDU_DMA_MASK;
	engine->deadline_ms = DEADLINE_MS;
	engine->transfer_ms = TRANSFER_MS;
	set32(edu, EDU_ACKNOWLEDGE, get32(edu, EDU_IRQ_STATUS));
	return 0;
}

static int start(struct engine *engine, const struct engine_transfer *transfer)
{
	struct edu *edu = engine->state;
	bool to_memory = transfer->operation == ENGINE_OP_WRITE;
	uint64_t buffer = EDU_BUFFER + transfer->buffer;

	if (transfer->operation != ENGINE_OP_READ && transfer->operation != ENGINE_OP_WRITE)
		return -EOPNOTSUPP;
	if (transfer->pasid != IOMMUT_NO_PASID || transfer->flags || transfer->repeat > 1)
		return -EOPNOTSUPP;
	if (!transfer->length || transfer->buffer > EDU_BUFFER_SIZE ||
	    transfer->length > EDU_BUFFER_SIZE - transfer->buffer ||
	    transfer->iova + transfer->length - 1 > EDU_DMA_MASK ||
	    transfer->iova + transfer->length - 1 < transfer->iova)
		return -EINVAL;
	if (edu->busy)
		return -EBUSY;
	if (!to_memory)
		edu->shadow_length = 0;
	set64(edu, EDU_DMA_SOURCE, to_memory ? buffer : transfer->iova);
	set64(edu, EDU_DMA_TARGET, to_memory ? transfer->iova : buffer);
	set64(edu, EDU_DMA_COUNT, transfer->length);
	edu->busy = true;
	__sync_synchronize();
	set64(edu, EDU_DMA_COMMAND, EDU_DMA_RUN | (to_memory ? EDU_DMA_TO_MEMORY : 0));
	return 0;
}

static int poll_transfer(struct engine *engine, struct engine_result *result)
{
	struct edu *edu = engine->state;
	uint32_t command;

	if (!edu->busy)
		return -EINVAL;
	command = get32(edu, EDU_DMA_COMMAND);
	if (command == UINT32_MAX)
		return -ENODEV;
	if (command & EDU_DMA_RUN)
		return -EAGAIN;
	/* QEMU answers with zeros where no device is any more. */
	if (!is_there(edu))
		return -ENODEV;
	__sync_synchronize();
	edu->busy = false;
	memset(result, 0, sizeof(*result));
	result->status = ENGINE_OK;
	return 0;
}

/* Between staging memory and the device's buffer. */
static int bounce(struct engine *engine, enum engine_operation operation, uint32_t offset,
		  uint32_t length)
{
	struct engine_transfer transfer = { .operation = operation,
					    .pasid = IOMMUT_NO_PASID,
					    .iova = engine->staging.iova,
					    .length = length,
					    .buffer = offset };
	struct engine_result result;

	if (!engine->staging.address)
		return -EINVAL;
	return engine_run(engine, &transfer, &result);
}

static int load(struct engine *engine, uint32_t offset, const void *data, size_t length)
{
	struct edu *edu = engine->state;
	int error;

	if (offset || length > EDU_BUFFER_SIZE)
		return -EINVAL;
	if (length <= edu->shadow_length && memcmp(edu->shadow, data, length) == 0)
		return 0;
	memcpy(engine->staging.address, data, length);
	error = bounce(engine, ENGINE_OP_READ, 0, (uint32_t)length);
	if (error)
		return error;
	memcpy(edu->shadow, data, length);
	edu->shadow_length = (uint32_t)length;
	return 0;
}

static int store(struct engine *engine, uint32_t offset, void *data, size_t length)
{
	int error;

	if (offset > EDU_BUFFER_SIZE || length > EDU_BUFFER_SIZE - offset)
		return -EINVAL;
	error = bounce(engine, ENGINE_OP_WRITE, offset, (uint32_t)length);
	if (!error)
		memcpy(data, engine->staging.address, length);
	return error;
}

static int interrupt(struct engine *engine, uint32_t vector)
{
	struct edu *edu = engine->state;

	if (vector)
		return -EINVAL;
	/* The device raises one interrupt for each bit that was clear. */
	set32(edu, EDU_ACKNOWLEDGE, 1);
	set32(edu, EDU_RAISE, 1);
	return 0;
}

const struct engine_driver engine_edu = {
	.name = "edu",
	.description = "QEMU's educational device (1234:11e8)",
	.needs_staging = true,
	.probe = probe,
	.init = init,
	.remove = remove_engine,
	.start = start,
	.poll = poll_transfer,
	.load = load,
	.store = store,
	.interrupt = interrupt,
};
