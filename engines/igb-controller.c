// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* Intel 82576 (datasheet, revision 2.65): from whatever state to queues that loop frames back. */
#include <errno.h>
#include <string.h>
#include <time.h>

#include <linux/vfio.h>

#include "engines/igb.h"

#define REG_CTRL   0x0000
#define REG_STATUS 0x0008
#define REG_MDIC   0x0020
#define REG_RCTL   0x0100
#define REG_TCTL   0x0400
#define REG_IMC    0x150c
#define REG_GPIE   0x1514
#define REG_EIMS   0x1524
#define REG_EIMC   0x1528
#define REG_EIAC   0x152c
#define REG_EIAM   0x1530
#define REG_RLPML  0x5004
#define REG_GCR    0x5b00
#define REG_RDBAL  0xc000
#define REG_RDBAH  0xc004
#define REG_RDLEN  0xc008
#define REG_SRRCTL 0xc00c
#define REG_RDH    0xc010
#define REG_RXDCTL 0xc028
#define REG_TDBAL  0xe000
#define REG_TDBAH  0xe004
#define REG_TDLEN  0xe008
#define REG_TXDCTL 0xe028

#define CTRL_FD           (1u << 0)
#define CTRL_SLU          (1u << 6)
#define CTRL_SPEED        (3u << 8)
#define CTRL_SPEED_1000   (2u << 8)
#define CTRL_FORCE_SPEED  (1u << 11)
#define CTRL_FORCE_DUPLEX (1u << 12)
#define CTRL_RST          (1u << 26)
#define STATUS_LU         (1u << 1)
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

#define FRAME_MAX 9728u

/* Autonegotiation that only QEMU finishes takes half a second there. */
#define LINK_MS     5000
#define REGISTER_MS 1000

int igb_get(struct igb *igb, uint32_t reg, uint32_t *value)
{
	return iommut_region_read32(igb->bar, reg, value);
}

int igb_set(struct igb *igb, uint32_t reg, uint32_t value)
{
	return iommut_region_write32(igb->bar, reg, value);
}

/* Waits until the masked bits of a register have a value. */
static int await(struct igb *igb, uint32_t reg, uint32_t mask, uint32_t wanted, int timeout_ms)
{
	struct timespec pause = { .tv_nsec = 200000 };
	int64_t deadline = engine_now_ms() + timeout_ms;
	uint32_t value;

	for (;;) {
		bool late = engine_now_ms() > deadline;
		int error = igb_get(igb, reg, &value);

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
	int error = igb_set(igb, REG_MDIC, value | reg << 16 | MDIC_PHY | MDIC_WRITE);

	if (!error)
		error = await(igb, REG_MDIC, MDIC_READY, MDIC_READY, REGISTER_MS);
	if (!error)
		error = igb_get(igb, REG_MDIC, &result);
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
		error = igb_get(igb, REG_CTRL, &control);
	if (error)
		return error;
	control &= ~CTRL_SPEED;
	control |= CTRL_FORCE_SPEED | CTRL_FORCE_DUPLEX | CTRL_SPEED_1000 | CTRL_FD | CTRL_SLU;
	error = igb_set(igb, REG_CTRL, control);
	return error ? error : await(igb, REG_STATUS, STATUS_LU, STATUS_LU, LINK_MS);
}

int igb_set_up(struct igb *igb)
{
	uint32_t value;
	int error;

	igb->queues.length = 0;
	error = igb_get(igb, REG_CTRL, &value);
	if (!error)
		error = igb_set(igb, REG_CTRL, value | CTRL_RST);
	if (!error)
		error = await(igb, REG_CTRL, CTRL_RST, 0, REGISTER_MS);
	if (!error)
		error = igb_set(igb, REG_IMC, UINT32_MAX);
	if (!error)
		error = igb_set(igb, REG_EIMC, UINT32_MAX);
	if (!error)
		error = igb_get(igb, IGB_REG_CTRL_EXT, &value);
	if (!error)
		error = igb_set(igb, IGB_REG_CTRL_EXT,
				(value & ~CTRL_EXT_LINK) | IGB_CTRL_EXT_DRV_LOAD);
	if (!error)
		error = loop_back(igb);
	/* A read that the IOMMU refuses must end, and not be asked for again and again (8.6.1). */
	if (!error)
		error = igb_get(igb, REG_GCR, &value);
	if (!error)
		error = igb_set(igb, REG_GCR, value & ~GCR_RESEND);
	if (!error)
		error = igb_set(igb, REG_RLPML, FRAME_MAX);
	/* Vectors are raised one by one, and clear themselves. */
	if (!error)
		error = igb_set(igb, REG_GPIE, GPIE_MSIX);
	if (!error)
		error = igb_set(igb, REG_EIAC, (1u << IGB_VECTORS) - 1);
	if (!error)
		error = igb_set(igb, REG_EIAM, 0);
	if (!error)
		error = igb_set(igb, REG_EIMS, (1u << IGB_VECTORS) - 1);
	return error;
}

int igb_queues_off(struct igb *igb)
{
	int error;

	igb->queues.length = 0;
	error = igb_set(igb, REG_RCTL, 0);
	if (!error)
		error = igb_set(igb, REG_TCTL, 0);
	if (!error)
		error = igb_set(igb, REG_RXDCTL, 0);
	if (!error)
		error = igb_set(igb, REG_TXDCTL, 0);
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
		{ REG_TDBAL, (uint32_t)(engine->staging.iova + IGB_AT_TX) },
		{ REG_TDBAH, (uint32_t)((engine->staging.iova + IGB_AT_TX) >> 32) },
		{ REG_TDLEN, IGB_DESCRIPTORS * sizeof(struct igb_tx) },
		{ IGB_REG_TDH, 0 },
		{ IGB_REG_TDT, 0 },
		{ REG_TXDCTL, QUEUE_ENABLE },
		{ REG_RDBAL, (uint32_t)(engine->staging.iova + IGB_AT_RX) },
		{ REG_RDBAH, (uint32_t)((engine->staging.iova + IGB_AT_RX) >> 32) },
		{ REG_RDLEN, IGB_DESCRIPTORS * sizeof(struct igb_rx) },
		{ REG_RDH, 0 },
		{ IGB_REG_RDT, 0 },
		{ REG_SRRCTL, SRRCTL_ONE_BUFFER | IGB_PIECE / 1024 },
		{ REG_RXDCTL, QUEUE_ENABLE },
		{ REG_RCTL,
		  RCTL_EN | RCTL_UPE | RCTL_MPE | RCTL_BAM | RCTL_LPE | RCTL_LBM_MAC | RCTL_SECRC },
		{ REG_TCTL, TCTL_EN | TCTL_PSP },
	};
	struct igb *igb = engine->state;
	uint8_t *staging = engine->staging.address;
	int error = 0;

	memset(staging, 0, IGB_AT_BUFFER);
	/*
	 * Destination and source addresses that nobody has, and a type for experiments (IEEE 802
	 * local, 0x88b5).
	 */
	for (int i = 0; i < 12; i++) {
		staging[IGB_AT_HEADER + i] = i % 6 ? (uint8_t)i : 2;
		staging[IGB_AT_FENCE + i] = staging[IGB_AT_HEADER + i];
	}
	staging[IGB_AT_HEADER + 12] = 0x88;
	staging[IGB_AT_HEADER + 13] = 0xb5;
	staging[IGB_AT_FENCE + 12] = 0x88;
	staging[IGB_AT_FENCE + 13] = 0xb5;
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]) && !error; i++)
		error = igb_set(igb, values[i].reg, values[i].value);
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
int igb_make_ready(struct engine *engine)
{
	struct igb *igb = engine->state;
	uint32_t loaded;
	int error = igb_get(igb, IGB_REG_CTRL_EXT, &loaded);

	if (error)
		return error;
	if (!(loaded & IGB_CTRL_EXT_DRV_LOAD) || igb->confused) {
		/* Of a device that is gone QEMU reads zeros: it would be waited for. */
		error = iommut_device_gone(engine->device) ? -ENODEV : igb_set_up(igb);
		if (error)
			return error;
		igb->confused = false;
	}
	if (igb->queues.length && igb->queues.address == engine->staging.address &&
	    igb->queues.iova == engine->staging.iova)
		return 0;
	error = igb_queues_off(igb);
	return error ? error : queues_on(engine);
}

int igb_open(struct engine *engine)
{
	struct igb *igb = engine->state;
	int error = iommut_region_open(&igb->bar, engine->device, VFIO_PCI_BAR0_REGION_INDEX);

	return error ? error : igb_set_up(igb);
}

void igb_close(struct igb *igb)
{
	if (igb->bar) {
		/* An error here means that the device is gone: it is at rest then. */
		igb_queues_off(igb);
		igb_set(igb, REG_EIMC, UINT32_MAX);
		igb_set(igb, REG_CTRL, CTRL_RST);
	}
	iommut_region_close(igb->bar);
}
