// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Intel 82576 Gigabit Ethernet, 8086:10c9, on cards and in QEMU (Intel 82576 datasheet, revision
 * 2.65).
 *
 * Frames that the device sends to itself copy memory. A frame is a header of 1024 bytes from
 * staging memory and the payload; the receive queue has buffers of 1024 bytes, so that the header
 * fills the first, which is staging memory again, and the payload falls byte for byte into the ones
 * behind it, with nothing added. Right behind goes a second, small frame, the fence: queues are
 * served in order, so its arrival says that the first frame is over, and where it arrived says
 * whether that was lost on the way.
 *
 * The device's buffer is a part of staging memory. A write that the IOMMU refuses is not noticed by
 * the device.
 */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engines/drivers.h"
#include "engines/igb.h"

#define IGB_VENDOR 0x8086
#define IGB_DEVICE 0x10c9

#define TX_DATA  (3u << 20)
#define TX_END   (1u << 24)
#define TX_FCS   (1u << 25)
#define TX_DEXT  (1u << 29)
#define TX_TOTAL 14
#define RX_DONE  (1u << 0)

#define PAGE 4096u

#define TRANSFER_MS 2000
/* How long frames may still be on their way when all of them have been fetched. */
#define SETTLE_MS 100

static bool probe(uint16_t vendor, uint16_t device, uint32_t class_code)
{
	return vendor == IGB_VENDOR && device == IGB_DEVICE;
}

static void remove_engine(struct engine *engine)
{
	struct igb *igb = engine->state;

	igb_close(igb);
	free(igb);
	engine->state = NULL;
}

static int init(struct engine *engine)
{
	struct igb *igb = calloc(1, sizeof(*igb));
	int error;

	if (!igb)
		return -ENOMEM;
	engine->state = igb;
	error = igb_open(engine);
	if (error) {
		remove_engine(engine);
		return error;
	}
	engine->capabilities =
		ENGINE_READ | ENGINE_WRITE | ENGINE_COPY | ENGINE_MSIX | ENGINE_BUS_MASTER;
	engine->max_length = IGB_BUFFER_SIZE;
	engine->buffer_size = IGB_BUFFER_SIZE;
	engine->dma_mask = UINT64_MAX;
	engine->deadline_ms = TRANSFER_MS;
	return 0;
}

static void put_tx(struct engine *engine, uint64_t address, uint32_t length, uint32_t total,
		   bool last)
{
	struct igb *igb = engine->state;
	struct igb_tx *ring = (void *)((uint8_t *)engine->staging.address + IGB_AT_TX);

	ring[igb->tx] = (struct igb_tx){
		.address = htole64(address),
		.command_length =
			htole32(length | TX_DATA | TX_DEXT | TX_FCS | (last ? TX_END : 0)),
		.status = htole32(total << TX_TOTAL),
	};
	igb->tx = (igb->tx + 1) % IGB_DESCRIPTORS;
}

static uint32_t put_rx(struct engine *engine, uint64_t address)
{
	struct igb *igb = engine->state;
	struct igb_rx *ring = (void *)((uint8_t *)engine->staging.address + IGB_AT_RX);
	uint32_t index = igb->rx;

	ring[index] = (struct igb_rx){ .address = htole64(address) };
	igb->rx = (igb->rx + 1) % IGB_DESCRIPTORS;
	return index;
}

static int check(struct engine *engine, const struct engine_transfer *transfer, uint64_t *from,
		 uint64_t *to)
{
	uint64_t buffer = engine->staging.iova + IGB_AT_BUFFER + transfer->buffer;

	switch (transfer->operation) {
	case ENGINE_OP_READ:
		*from = transfer->iova;
		*to = buffer;
		break;
	case ENGINE_OP_WRITE:
		*from = buffer;
		*to = transfer->iova;
		break;
	case ENGINE_OP_COPY:
		*from = transfer->iova;
		*to = transfer->target;
		break;
	default:
		return -EOPNOTSUPP;
	}
	if (transfer->pasid != IOMMUT_NO_PASID || transfer->flags || transfer->repeat > 1)
		return -EOPNOTSUPP;
	if (!transfer->length || transfer->length > IGB_BUFFER_SIZE)
		return -EINVAL;
	if (transfer->operation != ENGINE_OP_COPY &&
	    transfer->buffer > IGB_BUFFER_SIZE - transfer->length)
		return -EINVAL;
	if (*from + transfer->length - 1 < *from || *to + transfer->length - 1 < *to)
		return -EINVAL;
	/* A receive descriptor with address 0 stands for none. */
	if (*to == 0)
		return -EOPNOTSUPP;
	return engine->staging.address ? 0 : -EINVAL;
}

static int start(struct engine *engine, const struct engine_transfer *transfer)
{
	struct igb *igb = engine->state;
	uint32_t length = transfer->length;
	uint64_t from, to;
	int error = check(engine, transfer, &from, &to);

	if (error)
		return error;
	if (igb->busy)
		return -EBUSY;
	error = igb_make_ready(engine);
	if (error)
		return error;
	igb->first = put_rx(engine, engine->staging.iova + IGB_AT_HEADER_IN);
	for (uint32_t done = 0; done < length; done += IGB_PIECE)
		put_rx(engine, to + done);
	igb->fence = put_rx(engine, engine->staging.iova + IGB_AT_FENCE_IN);
	put_tx(engine, engine->staging.iova + IGB_AT_HEADER, IGB_PIECE, IGB_PIECE + length, false);
	/* No piece crosses a page: QEMU takes one only if it is contiguous behind the IOMMU. */
	for (uint32_t done = 0, piece; done < length; done += piece) {
		piece = PAGE - (uint32_t)((from + done) % PAGE);
		if (piece > length - done)
			piece = length - done;
		put_tx(engine, from + done, piece, IGB_PIECE + length, done + piece == length);
	}
	put_tx(engine, engine->staging.iova + IGB_AT_FENCE, IGB_FENCE, IGB_FENCE, true);
	igb->length = length;
	igb->fetched_ms = 0;
	igb->aborted = false;
	__sync_synchronize();
	error = igb_set(igb, IGB_REG_RDT, igb->rx);
	if (!error)
		error = igb_set(igb, IGB_REG_TDT, igb->tx);
	if (error)
		return error;
	igb->busy = true;
	return 0;
}

static int finish(struct engine *engine, enum engine_status status, struct engine_result *result)
{
	struct igb *igb = engine->state;
	int error = 0;

	/*
	 * Buffers that were not filled are still the device's: take them back before anything else
	 * arrives.
	 */
	if (status != ENGINE_OK)
		error = igb_queues_off(igb);
	igb->busy = false;
	memset(result, 0, sizeof(*result));
	result->status = status;
	result->bytes = status == ENGINE_OK ? igb->length : 0;
	return error;
}

static int poll_transfer(struct engine *engine, struct engine_result *result)
{
	volatile struct igb_rx *ring =
		(volatile void *)((uint8_t *)engine->staging.address + IGB_AT_RX);
	struct igb *igb = engine->state;
	uint32_t head;
	int error;

	if (!igb->busy)
		return -EINVAL;
	if (igb->aborted)
		return finish(engine, ENGINE_ABORTED, result);
	if (le32toh(ring[igb->fence].status) & RX_DONE) {
		__sync_synchronize();
		return finish(engine, ENGINE_OK, result);
	}
	/* The fence where the header should be: the first frame never came. */
	if (le32toh(ring[igb->first].status) & RX_DONE &&
	    le16toh(ring[igb->first].length) == IGB_FENCE)
		return finish(engine, ENGINE_BLOCKED, result);
	/*
	 * All descriptors fetched and no frame, not even the fence: the device cannot reach its own
	 * queues.
	 */
	error = igb_get(igb, IGB_REG_TDH, &head);
	if (error)
		return error;
	if (head != igb->tx)
		return -EAGAIN;
	if (!igb->fetched_ms)
		igb->fetched_ms = engine_now_ms();
	if (engine_now_ms() - igb->fetched_ms < SETTLE_MS)
		return -EAGAIN;
	/* What it took for descriptors is anybody's guess: only a reset makes it forget. */
	igb->confused = true;
	return finish(engine, ENGINE_BLOCKED, result);
}

static int load(struct engine *engine, uint32_t offset, const void *data, size_t length)
{
	if (offset > IGB_BUFFER_SIZE || length > IGB_BUFFER_SIZE - offset ||
	    !engine->staging.address)
		return -EINVAL;
	memcpy((uint8_t *)engine->staging.address + IGB_AT_BUFFER + offset, data, length);
	return 0;
}

static int store(struct engine *engine, uint32_t offset, void *data, size_t length)
{
	if (offset > IGB_BUFFER_SIZE || length > IGB_BUFFER_SIZE - offset ||
	    !engine->staging.address)
		return -EINVAL;
	memcpy(data, (uint8_t *)engine->staging.address + IGB_AT_BUFFER + offset, length);
	return 0;
}

static int interrupt(struct engine *engine, uint32_t vector)
{
	struct igb *igb = engine->state;
	uint32_t loaded;
	int error;

	if (vector >= IGB_VECTORS)
		return -EINVAL;
	/* A reset in between has disabled the vectors. */
	error = igb_get(igb, IGB_REG_CTRL_EXT, &loaded);
	if (!error && !(loaded & IGB_CTRL_EXT_DRV_LOAD))
		error = iommut_device_gone(engine->device) ? -ENODEV : igb_set_up(igb);
	return error ? error : igb_set(igb, IGB_REG_EICS, 1u << vector);
}

static int abort_transfer(struct engine *engine)
{
	struct igb *igb = engine->state;
	int error;

	if (!igb->busy)
		return 0;
	error = igb_queues_off(igb);
	igb->aborted = true;
	return error;
}

const struct engine_driver engine_igb = {
	.name = "igb",
	.description = "Intel 82576 Gigabit Ethernet (8086:10c9)",
	.needs_staging = true,
	.probe = probe,
	.init = init,
	.remove = remove_engine,
	.start = start,
	.poll = poll_transfer,
	.load = load,
	.store = store,
	.interrupt = interrupt,
	.abort = abort_transfer,
};
