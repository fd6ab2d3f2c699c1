// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * iommu-testdev, 1b36:0005, of QEMU 11 and newer (QEMU, docs/specs/iommu-testdev.rst). Made for
 * tests that have no kernel: reading a register makes it write the word 0x12345678 again and again
 * through the IOMMU, and then compare what is at a physical address. The comparison is of no use to
 * a program that knows no physical addresses; memory is looked at instead.
 *
 * It is one small step away from others of these IDs: pci-testdev has them, too, and different
 * registers. It tells of writes that failed, but not where; does all of a transfer before the read of
 * the register has ended; has no buffer, no interrupt and no reset of its own; and does not care
 * about bus mastering.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/vfio.h>

#include <iommut/region.h>

#include "engines/drivers.h"

#define ITD_VENDOR 0x1b36
#define ITD_DEVICE 0x0005

#define ITD_TRIGGER    0x00
#define ITD_ADDRESS_LO 0x04
#define ITD_ADDRESS_HI 0x08
#define ITD_LENGTH     0x0c
#define ITD_RESULT     0x10
#define ITD_DOORBELL   0x14
#define ITD_ATTRIBUTES 0x18
#define ITD_COMPARE_LO 0x1c
#define ITD_COMPARE_HI 0x20
#define ITD_BAR_SIZE   0x1000

#define DOORBELL_DISARM 0u
#define DOORBELL_ARM    1u

/* Bits 2:1: the normal world of Arm, which is the only one elsewhere. */
#define ATTRIBUTES_NORMAL (1u << 1)

#define RESULT_OK         0u
#define RESULT_IDLE       0xffffffffu
#define RESULT_ARMED      0xfffffffeu
#define RESULT_WRITE      0xdead0002u
#define RESULT_READ_BACK  0xdead0003u
#define RESULT_DIFFERENCE 0xdead0004u

#define PATTERN 0x1234567812345678ull

/* QEMU allocates this much twice; no register says how much is too much. */
#define MAX_LENGTH  65536u
#define DEADLINE_MS 5000

struct itd {
	struct iommut_region *bar;
	uint32_t length;
	bool busy;
};

static int get(struct itd *itd, uint32_t reg, uint32_t *value)
{
	return iommut_region_read32(itd->bar, reg, value);
}

static int set(struct itd *itd, uint32_t reg, uint32_t value)
{
	return iommut_region_write32(itd->bar, reg, value);
}

static bool probe(uint16_t vendor, uint16_t device, uint32_t class_code)
{
	return vendor == ITD_VENDOR && device == ITD_DEVICE;
}

static void remove_engine(struct engine *engine)
{
	struct itd *itd = engine->state;

	/* An error here means that the device is gone: it is at rest then. */
	if (itd->bar)
		set(itd, ITD_DOORBELL, DOORBELL_DISARM);
	iommut_region_close(itd->bar);
	free(itd);
	engine->state = NULL;
}

/* Whether the registers behave as they should; no other device with these IDs has them all. */
static int identify(struct itd *itd)
{
	static const struct {
		uint32_t reg;
		uint32_t value;
	} steps[] = {
		{ ITD_COMPARE_LO, 0x5a17c0de },
		{ ITD_COMPARE_HI, 0x000c0ffe },
		{ ITD_LENGTH, 0x00000abc },
	};
	uint32_t value;
	int error = 0;

	if (itd->bar->length < ITD_BAR_SIZE)
		return -ENODEV;
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]) && !error; i++)
		error = set(itd, steps[i].reg, steps[i].value);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]) && !error; i++) {
		error = get(itd, steps[i].reg, &value);
		if (!error && value != steps[i].value)
			error = -ENODEV;
	}
	if (!error)
		error = set(itd, ITD_DOORBELL, DOORBELL_ARM);
	if (!error)
		error = get(itd, ITD_RESULT, &value);
	if (!error && value != RESULT_ARMED)
		error = -ENODEV;
	if (!error)
		error = set(itd, ITD_DOORBELL, DOORBELL_DISARM);
	return error;
}

static int init(struct engine *engine)
{
	struct itd *itd = calloc(1, sizeof(*itd));
	int error;

	if (!itd)
		return -ENOMEM;
	engine->state = itd;
	error = iommut_region_open(&itd->bar, engine->device, VFIO_PCI_BAR0_REGION_INDEX);
	if (!error)
		error = identify(itd);
	if (error) {
		remove_engine(engine);
		return error;
	}
	engine->capabilities = ENGINE_FILL | ENGINE_SEES_ERRORS;
	engine->fill_pattern = PATTERN;
	engine->max_length = MAX_LENGTH;
	engine->dma_mask = UINT64_MAX;
	engine->deadline_ms = DEADLINE_MS;
	return 0;
}

static int start(struct engine *engine, const struct engine_transfer *transfer)
{
	const struct {
		uint32_t reg;
		uint32_t value;
	} steps[] = {
		{ ITD_ADDRESS_LO, (uint32_t)transfer->iova },
		{ ITD_ADDRESS_HI, (uint32_t)(transfer->iova >> 32) },
		{ ITD_COMPARE_LO, 0 },
		{ ITD_COMPARE_HI, 0 },
		{ ITD_LENGTH, transfer->length },
		{ ITD_ATTRIBUTES, ATTRIBUTES_NORMAL },
		{ ITD_DOORBELL, DOORBELL_ARM },
	};
	struct itd *itd = engine->state;
	uint32_t ignored;
	int error = 0;

	if (transfer->operation != ENGINE_OP_FILL || transfer->pasid != IOMMUT_NO_PASID ||
	    transfer->flags || transfer->repeat > 1 || transfer->operand != PATTERN)
		return -EOPNOTSUPP;
	if (!transfer->length || transfer->length > MAX_LENGTH ||
	    transfer->iova + transfer->length - 1 < transfer->iova)
		return -EINVAL;
	if (itd->busy)
		return -EBUSY;
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]) && !error; i++)
		error = set(itd, steps[i].reg, steps[i].value);
	if (!error)
		error = get(itd, ITD_TRIGGER, &ignored);
	if (error)
		return error;
	itd->length = transfer->length;
	itd->busy = true;
	return 0;
}

static int poll_transfer(struct engine *engine, struct engine_result *result)
{
	struct itd *itd = engine->state;
	uint32_t value;
	int error;

	if (!itd->busy)
		return -EINVAL;
	error = get(itd, ITD_RESULT, &value);
	if (error)
		return error;
	if (value == RESULT_ARMED)
		return -EAGAIN;
	__sync_synchronize();
	itd->busy = false;
	memset(result, 0, sizeof(*result));
	switch (value) {
	/* All that differs is how the comparison went, which comes after the write. */
	case RESULT_OK:
	case RESULT_READ_BACK:
	case RESULT_DIFFERENCE:
		result->status = ENGINE_OK;
		result->bytes = itd->length;
		return 0;
	case RESULT_WRITE:
		result->status = ENGINE_BLOCKED;
		return 0;
	/* A reset came in between. */
	case RESULT_IDLE:
		result->status = ENGINE_ABORTED;
		return 0;
	default:
		return -EIO;
	}
}

const struct engine_driver engine_iommu_testdev = {
	.name = "iommu-testdev",
	.description = "QEMU's test device for IOMMUs (1b36:0005), in QEMU 11 and newer",
	.probe = probe,
	.init = init,
	.remove = remove_engine,
	.start = start,
	.poll = poll_transfer,
};
