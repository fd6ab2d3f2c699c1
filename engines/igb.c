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
#include <time.h>

#include <linux/vfio.h>

#include <iommut/region.h>

#include "engines/drivers.h"

#define IGB_VENDOR 0x8086
#define IGB_DEVICE 0x10c9

#define REG_CTRL     0x0000
#define REG_STATUS   0x0008
#define REG_CTRL_EXT 0x0018
#define REG_MDIC     0x0020
#define REG_RCTL     0x0100
#define REG_TCTL     0x0400
#define REG_IMC      0x150c
#define REG_GPIE     0x1514
#define REG_EICS     0x1520
#define REG_EIMS     0x1524
#define REG_EIMC     0x1528
#define REG_EIAC     0x152c
#define REG_EIAM     0x1530
#define REG_RLPML    0x5004
#define REG_GCR      0x5b00
#define REG_RDBAL    0xc000
#define REG_RDBAH    0xc004
#define REG_RDLEN    0xc008
#define REG_SRRCTL   0xc00c
#define REG_RDH      0xc010
#define REG_RDT      0xc018
#define REG_RXDCTL   0xc028
#define REG_TDBAL    0xe000
#define REG_TDBAH    0xe004
#define REG_TDLEN    0xe008
#define REG_TDH      0xe010
#define REG_TDT      0xe018
#define REG_TXDCTL   0xe028

#define CTRL_FD           (1u << 0)
#define CTRL_SLU          (1u << 6)
#define CTRL_SPEED        (3u << 8)
#define CTRL_SPEED_1000   (2u << 8)
#define CTRL_FORCE_SPEED  (1u << 11)
#define CTRL_FORCE_DUPLEX (1u << 12)
#define CTRL_RST          (1u << 26)
#define STATUS_LU         (1u << 1)
#define CTRL_EXT_DRV_LOAD (1u << 28)
#define CTRL_EXT_LINK     (3u << 22)
#define RCTL_EN           (1u << 1)
#define RCTL_UPE          (1u << 3)
#define RCTL_MPE          (1u << 4)
#define RCTL_LPE          (1u << 5)
#define RCTL_LBM_MAC      (1u << 6)
#define RCTL_BAM          (1u << 15)
#define RCTL_SECRC        (1u << 26)
#define TCTL_EN           (1u << 1)
#define TCTL_PSP          (1u << 3)
#define GPIE_MSIX         (1u << 4)
#define GCR_RESEND        (1u << 16)
#define SRRCTL_ONE_BUFFER (1u << 25)
#define QUEUE_ENABLE      (1u << 25)
#define MDIC_WRITE        (1u << 26)
#define MDIC_PHY          (1u << 21)
#define MDIC_READY        (1u << 28)
#define MDIC_ERROR        (1u << 30)

#define PHY_CONTROL       0
#define PHY_FULL_DUPLEX   0x0100
#define PHY_RESTART       0x0200
#define PHY_AUTONEGOTIATE 0x1000
#define PHY_SPEED_1000    0x0040
#define PHY_LOOPBACK      0x4000

#define TX_DATA  (3u << 20)
#define TX_END   (1u << 24)
#define TX_FCS   (1u << 25)
#define TX_DEXT  (1u << 29)
#define TX_TOTAL 14
#define RX_DONE  (1u << 0)

#define DESCRIPTORS 64
#define PAGE        4096u
#define PIECE       1024u
#define FENCE       64u
#define BUFFER_SIZE 4096u
#define FRAME_MAX   9728u
#define VECTORS     10

/* Where things are in staging memory. */
#define AT_TX        0x0000u
#define AT_RX        0x0400u
#define AT_HEADER    0x0800u
#define AT_HEADER_IN 0x0c00u
#define AT_FENCE     0x1000u
#define AT_FENCE_IN  0x1400u
#define AT_BUFFER    0x4000u

/* Autonegotiation that only QEMU finishes takes half a second there. */
#define LINK_MS     5000
#define REGISTER_MS 1000
#define TRANSFER_MS 2000
/* How long frames may still be on their way when all of them have been fetched. */
#define SETTLE_MS 100

struct tx_descriptor {
	uint64_t address;
	uint32_t command_length;
	uint32_t status;
};

/* As given to the device; it writes status and length over it. */
struct rx_descriptor {
	uint64_t address;
	uint32_t status;
	uint16_t length;
	uint16_t vlan;
};

struct igb {
	struct iommut_region *bar;
	/* The queues are set up for this staging memory; 0 length if they are not. */
	struct engine_staging queues;
	uint32_t tx;
	uint32_t rx;
	uint32_t first;
	uint32_t fence;
	uint32_t length;
	int64_t fetched_ms;
	bool busy;
	bool aborted;
	bool confused;
};

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int get(struct igb *igb, uint32_t reg, uint32_t *value)
{
	return iommut_region_read32(igb->bar, reg, value);
}

static int set(struct igb *igb, uint32_t reg, uint32_t value)
{
	return iommut_region_write32(igb->bar, reg, value);
}

/* Waits until the masked bits of a register have a value. */
static int await(struct igb *igb, uint32_t reg, uint32_t mask, uint32_t wanted, int timeout_ms)
{
	struct timespec pause = { .tv_nsec = 200000 };
	int64_t deadline = now_ms() + timeout_ms;
	uint32_t value;

	for (;;) {
		bool late = now_ms() > deadline;
		int error = get(igb, reg, &value);

		if (error)
			return error;
		if ((value & mask) == wanted)
			return 0;
		if (late)
			return -ETIMEDOUT;
		nanosleep(&pause, NULL);
	}
}

static int write_phy(struct igb *igb, uint32_t reg, uint16_t value)
{
	uint32_t result;
	int error = set(igb, REG_MDIC, value | reg << 16 | MDIC_PHY | MDIC_WRITE);

	if (!error)
		error = await(igb, REG_MDIC, MDIC_READY, MDIC_READY, REGISTER_MS);
	if (!error)
		error = get(igb, REG_MDIC, &result);
	return error ? error : result & MDIC_ERROR ? -EIO : 0;
}

/*
 * Silicon loops frames back in the PHY (3.5.6.3.1) with speed and duplex forced. QEMU knows the
 * MAC's loopback instead, which silicon has not, and raises the link only when autonegotiation
 * ends, which silicon leaves with the second write.
 */
static int loop_back(struct igb *igb)
{
	uint32_t control;
	int error;

	error = write_phy(igb, PHY_CONTROL, PHY_AUTONEGOTIATE | PHY_RESTART);
	if (!error)
		error = write_phy(igb, PHY_CONTROL,
				  PHY_LOOPBACK | PHY_SPEED_1000 | PHY_FULL_DUPLEX);
	if (!error)
		error = get(igb, REG_CTRL, &control);
	if (error)
		return error;
	control &= ~CTRL_SPEED;
	control |= CTRL_FORCE_SPEED | CTRL_FORCE_DUPLEX | CTRL_SPEED_1000 | CTRL_FD | CTRL_SLU;
	error = set(igb, REG_CTRL, control);
	return error ? error : await(igb, REG_STATUS, STATUS_LU, STATUS_LU, LINK_MS);
}

/* Brings the device from whatever state to rest, ready for queues. */
static int set_up(struct igb *igb)
{
	uint32_t value;
	int error;

	igb->queues.length = 0;
	error = get(igb, REG_CTRL, &value);
	if (!error)
		error = set(igb, REG_CTRL, value | CTRL_RST);
	if (!error)
		error = await(igb, REG_CTRL, CTRL_RST, 0, REGISTER_MS);
	if (!error)
		error = set(igb, REG_IMC, UINT32_MAX);
	if (!error)
		error = set(igb, REG_EIMC, UINT32_MAX);
	if (!error)
		error = get(igb, REG_CTRL_EXT, &value);
	if (!error)
		error = set(igb, REG_CTRL_EXT, (value & ~CTRL_EXT_LINK) | CTRL_EXT_DRV_LOAD);
	if (!error)
		error = loop_back(igb);
	/* A read that the IOMMU refuses must end, and not be asked for again and again (8.6.1). */
	if (!error)
		error = get(igb, REG_GCR, &value);
	if (!error)
		error = set(igb, REG_GCR, value & ~GCR_RESEND);
	if (!error)
		error = set(igb, REG_RLPML, FRAME_MAX);
	/* Vectors are raised one by one, and clear themselves. */
	if (!error)
		error = set(igb, REG_GPIE, GPIE_MSIX);
	if (!error)
		error = set(igb, REG_EIAC, (1u << VECTORS) - 1);
	if (!error)
		error = set(igb, REG_EIAM, 0);
	if (!error)
		error = set(igb, REG_EIMS, (1u << VECTORS) - 1);
	return error;
}

static int queues_off(struct igb *igb)
{
	int error;

	igb->queues.length = 0;
	error = set(igb, REG_RCTL, 0);
	if (!error)
		error = set(igb, REG_TCTL, 0);
	if (!error)
		error = set(igb, REG_RXDCTL, 0);
	if (!error)
		error = set(igb, REG_TXDCTL, 0);
	if (!error)
		error = await(igb, REG_RXDCTL, QUEUE_ENABLE, 0, REGISTER_MS);
	return error ? error : await(igb, REG_TXDCTL, QUEUE_ENABLE, 0, REGISTER_MS);
}

static int queues_on(struct engine *engine)
{
	const struct {
		uint32_t reg;
		uint32_t value;
	} values[] = {
		{ REG_TDBAL, (uint32_t)(engine->staging.iova + AT_TX) },
		{ REG_TDBAH, (uint32_t)((engine->staging.iova + AT_TX) >> 32) },
		{ REG_TDLEN, DESCRIPTORS * sizeof(struct tx_descriptor) },
		{ REG_TDH, 0 },
		{ REG_TDT, 0 },
		{ REG_TXDCTL, QUEUE_ENABLE },
		{ REG_RDBAL, (uint32_t)(engine->staging.iova + AT_RX) },
		{ REG_RDBAH, (uint32_t)((engine->staging.iova + AT_RX) >> 32) },
		{ REG_RDLEN, DESCRIPTORS * sizeof(struct rx_descriptor) },
		{ REG_RDH, 0 },
		{ REG_RDT, 0 },
		{ REG_SRRCTL, SRRCTL_ONE_BUFFER | PIECE / 1024 },
		{ REG_RXDCTL, QUEUE_ENABLE },
		{ REG_RCTL,
		  RCTL_EN | RCTL_UPE | RCTL_MPE | RCTL_BAM | RCTL_LPE | RCTL_LBM_MAC | RCTL_SECRC },
		{ REG_TCTL, TCTL_EN | TCTL_PSP },
	};
	struct igb *igb = engine->state;
	uint8_t *staging = engine->staging.address;
	int error = 0;

	memset(staging, 0, AT_BUFFER);
	/*
	 * Destination and source addresses that nobody has, and a type for experiments (IEEE 802
	 * local, 0x88b5).
	 */
	for (int i = 0; i < 12; i++) {
		staging[AT_HEADER + i] = i % 6 ? (uint8_t)i : 2;
		staging[AT_FENCE + i] = staging[AT_HEADER + i];
	}
	staging[AT_HEADER + 12] = 0x88;
	staging[AT_HEADER + 13] = 0xb5;
	staging[AT_FENCE + 12] = 0x88;
	staging[AT_FENCE + 13] = 0xb5;
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]) && !error; i++)
		error = set(igb, values[i].reg, values[i].value);
	if (!error)
		error = await(igb, REG_RXDCTL, QUEUE_ENABLE, QUEUE_ENABLE, REGISTER_MS);
	if (!error)
		error = await(igb, REG_TXDCTL, QUEUE_ENABLE, QUEUE_ENABLE, REGISTER_MS);
	if (error)
		return error;
	igb->queues = engine->staging;
	igb->tx = 0;
	igb->rx = 0;
	return 0;
}

/* Whatever happened to the device or the staging memory since the last transfer. */
static int make_ready(struct engine *engine)
{
	struct igb *igb = engine->state;
	uint32_t loaded;
	int error = get(igb, REG_CTRL_EXT, &loaded);

	if (error)
		return error;
	if (!(loaded & CTRL_EXT_DRV_LOAD) || igb->confused) {
		/* Of a device that is gone QEMU reads zeros: it would be waited for. */
		error = iommut_device_gone(engine->device) ? -ENODEV : set_up(igb);
		if (error)
			return error;
		igb->confused = false;
	}
	if (igb->queues.length && igb->queues.address == engine->staging.address &&
	    igb->queues.iova == engine->staging.iova)
		return 0;
	error = queues_off(igb);
	return error ? error : queues_on(engine);
}

static bool probe(uint16_t vendor, uint16_t device, uint32_t class_code)
{
	return vendor == IGB_VENDOR && device == IGB_DEVICE;
}

static void remove_engine(struct engine *engine)
{
	struct igb *igb = engine->state;

	if (igb->bar) {
		/* An error here means that the device is gone: it is at rest then. */
		queues_off(igb);
		set(igb, REG_EIMC, UINT32_MAX);
		set(igb, REG_CTRL, CTRL_RST);
	}
	iommut_region_close(igb->bar);
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
	error = iommut_region_open(&igb->bar, engine->device, VFIO_PCI_BAR0_REGION_INDEX);
	if (!error)
		error = set_up(igb);
	if (error) {
		remove_engine(engine);
		return error;
	}
	engine->capabilities =
		ENGINE_READ | ENGINE_WRITE | ENGINE_COPY | ENGINE_MSIX | ENGINE_BUS_MASTER;
	engine->max_length = BUFFER_SIZE;
	engine->buffer_size = BUFFER_SIZE;
	engine->dma_mask = UINT64_MAX;
	engine->deadline_ms = TRANSFER_MS;
	return 0;
}

static void put_tx(struct engine *engine, uint64_t address, uint32_t length, uint32_t total,
		   bool last)
{
	struct igb *igb = engine->state;
	struct tx_descriptor *ring = (void *)((uint8_t *)engine->staging.address + AT_TX);

	ring[igb->tx] = (struct tx_descriptor){
		.address = htole64(address),
		.command_length =
			htole32(length | TX_DATA | TX_DEXT | TX_FCS | (last ? TX_END : 0)),
		.status = htole32(total << TX_TOTAL),
	};
	igb->tx = (igb->tx + 1) % DESCRIPTORS;
}

static uint32_t put_rx(struct engine *engine, uint64_t address)
{
	struct igb *igb = engine->state;
	struct rx_descriptor *ring = (void *)((uint8_t *)engine->staging.address + AT_RX);
	uint32_t index = igb->rx;

	ring[index] = (struct rx_descriptor){ .address = htole64(address) };
	igb->rx = (igb->rx + 1) % DESCRIPTORS;
	return index;
}

static int check(struct engine *engine, const struct engine_transfer *transfer, uint64_t *from,
		 uint64_t *to)
{
	uint64_t buffer = engine->staging.iova + AT_BUFFER + transfer->buffer;

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
	if (!transfer->length || transfer->length > BUFFER_SIZE)
		return -EINVAL;
	if (transfer->operation != ENGINE_OP_COPY &&
	    transfer->buffer > BUFFER_SIZE - transfer->length)
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
	error = make_ready(engine);
	if (error)
		return error;
	igb->first = put_rx(engine, engine->staging.iova + AT_HEADER_IN);
	for (uint32_t done = 0; done < length; done += PIECE)
		put_rx(engine, to + done);
	igb->fence = put_rx(engine, engine->staging.iova + AT_FENCE_IN);
	put_tx(engine, engine->staging.iova + AT_HEADER, PIECE, PIECE + length, false);
	/* No piece crosses a page: QEMU takes one only if it is contiguous behind the IOMMU. */
	for (uint32_t done = 0, piece; done < length; done += piece) {
		piece = PAGE - (uint32_t)((from + done) % PAGE);
		if (piece > length - done)
			piece = length - done;
		put_tx(engine, from + done, piece, PIECE + length, done + piece == length);
	}
	put_tx(engine, engine->staging.iova + AT_FENCE, FENCE, FENCE, true);
	igb->length = length;
	igb->fetched_ms = 0;
	igb->aborted = false;
	__sync_synchronize();
	error = set(igb, REG_RDT, igb->rx);
	if (!error)
		error = set(igb, REG_TDT, igb->tx);
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
		error = queues_off(igb);
	igb->busy = false;
	memset(result, 0, sizeof(*result));
	result->status = status;
	result->bytes = status == ENGINE_OK ? igb->length : 0;
	return error;
}

static int poll_transfer(struct engine *engine, struct engine_result *result)
{
	volatile struct rx_descriptor *ring =
		(volatile void *)((uint8_t *)engine->staging.address + AT_RX);
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
	if (le32toh(ring[igb->first].status) & RX_DONE && le16toh(ring[igb->first].length) == FENCE)
		return finish(engine, ENGINE_BLOCKED, result);
	/*
	 * All descriptors fetched and no frame, not even the fence: the device cannot reach its own
	 * queues.
	 */
	error = get(igb, REG_TDH, &head);
	if (error)
		return error;
	if (head != igb->tx)
		return -EAGAIN;
	if (!igb->fetched_ms)
		igb->fetched_ms = now_ms();
	if (now_ms() - igb->fetched_ms < SETTLE_MS)
		return -EAGAIN;
	/* What it took for descriptors is anybody's guess: only a reset makes it forget. */
	igb->confused = true;
	return finish(engine, ENGINE_BLOCKED, result);
}

static int load(struct engine *engine, uint32_t offset, const void *data, size_t length)
{
	if (offset > BUFFER_SIZE || length > BUFFER_SIZE - offset || !engine->staging.address)
		return -EINVAL;
	memcpy((uint8_t *)engine->staging.address + AT_BUFFER + offset, data, length);
	return 0;
}

static int store(struct engine *engine, uint32_t offset, void *data, size_t length)
{
	if (offset > BUFFER_SIZE || length > BUFFER_SIZE - offset || !engine->staging.address)
		return -EINVAL;
	memcpy(data, (uint8_t *)engine->staging.address + AT_BUFFER + offset, length);
	return 0;
}

static int interrupt(struct engine *engine, uint32_t vector)
{
	struct igb *igb = engine->state;
	uint32_t loaded;
	int error;

	if (vector >= VECTORS)
		return -EINVAL;
	/* A reset in between has disabled the vectors. */
	error = get(igb, REG_CTRL_EXT, &loaded);
	if (!error && !(loaded & CTRL_EXT_DRV_LOAD))
		error = iommut_device_gone(engine->device) ? -ENODEV : set_up(igb);
	return error ? error : set(igb, REG_EICS, 1u << vector);
}

static int abort_transfer(struct engine *engine)
{
	struct igb *igb = engine->state;
	int error;

	if (!igb->busy)
		return 0;
	error = queues_off(igb);
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
