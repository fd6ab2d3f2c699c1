// SPDX-License-Identifier: GPL-2.0-or-later
/* The device as VFIO hands it out: open, close, reset, interrupts, bus mastering. */
#include <string.h>

#include <linux/vfio.h>

#include <iommut/config.h>
#include <iommut/irq.h>

#include "harness/dma.h"

SUITE("device", "a device as VFIO hands it out: open, close, reset, interrupts, bus mastering");

/* Long enough for a lost interrupt to be lost under emulation on a loaded machine. */
#define IRQ_DEADLINE_MS 2000

CASE(open,
     .proves =
	     "a device opens through the backend, says it is a PCI device, and its engine answers",
     .rule = "vfio.h: VFIO_DEVICE_GET_INFO", .marks = LIST("smoke"), .parameters = { BACKENDS })
{
	struct rig *rig = rig_open(t);
	struct vfio_device_info info;
	uint16_t vendor = 0;

	expect_zero(t, iommut_device_info(rig->device, &info));
	expect(t, info.flags & VFIO_DEVICE_FLAGS_PCI);
	expect(t, info.num_regions > VFIO_PCI_CONFIG_REGION_INDEX);
	expect(t, info.num_irqs > VFIO_PCI_MSIX_IRQ_INDEX);
	expect_zero(t, iommut_config_read16(rig->device, 0, &vendor));
	expect(t, vendor != 0 && vendor != 0xffff);
}

CASE(reopen,
     .proves = "a device can be closed and opened again in one process, and works each time",
     .rule = "vfio.rst: closing the last file descriptor gives the device back",
     .marks = LIST("smoke"), .needs = LIST("engine.read", "engine.write"),
     .parameters = { BACKENDS })
{
	for (int round = 0; round < 3; round++) {
		struct rig *rig = rig_open(t);

		expect_reaches(map_buffer(rig, 4096));
		rig_close(rig);
	}
}

CASE(open_twice,
     .proves = "a device that is open cannot be opened through another address space at the same "
	       "time",
     .rule = "vfio.h: VFIO_GROUP_SET_CONTAINER, VFIO_DEVICE_BIND_IOMMUFD",
     .parameters = { BACKENDS })
{
	struct rig *rig = rig_open(t);
	struct iommut_space *other = rig_open_space(t);
	struct iommut_device *second = NULL;
	int error = iommut_device_open(&second, other, test_device_name(t, 0));

	iommut_device_close(second);
	expect_that(t, error < 0, "the second open went well");
	note(t, "refused: %s", strerror(-error));
	expect_reaches(map_buffer(rig, 4096));
}

CASE(reset,
     .proves = "VFIO_DEVICE_RESET brings the device back to its first state and the device works "
	       "after it",
     .rule = "vfio.h: VFIO_DEVICE_RESET", .needs = LIST("engine.read", "engine.write"),
     .parameters = { BACKENDS })
{
	struct rig *rig = rig_open(t);
	struct dma_buffer *buffer = map_buffer(rig, 4096);
	uint32_t before, after;

	need_reset(rig);
	if (!rig->engine.driver->scratch)
		skip(t, "the device has no register that shows a reset",
		     "a device that has one, such as pcie-ats-testdev");
	expect_reaches(buffer);
	expect_zero(t, engine_scratch_set(&rig->engine, 0x7e57ab1e));
	expect_zero(t, engine_scratch_get(&rig->engine, &before));
	expect_equal(t, before, 0x7e57ab1e);
	expect_zero(t, iommut_device_reset(rig->device));
	expect_zero(t, engine_scratch_get(&rig->engine, &after));
	expect_that(t, after != before, "a register still holds 0x%x after the reset", after);
	/* The reset turned bus mastering off in the device or VFIO restored it: either way a driver turns it on. */
	expect_zero(t, iommut_device_bus_master(rig->device, true));
	expect_reaches(buffer);
}

CASE(msi_once, .proves = "an interrupt of the device arrives once and only once at its eventfd",
     .rule = "vfio.h: VFIO_DEVICE_SET_IRQS", .marks = LIST("smoke"), .needs = LIST("engine.msi"),
     .parameters = { BACKENDS, PARAMETER("kind", "msi", "msix") })
{
	struct rig *rig = rig_open(t);
	bool msix = param_is(t, "kind", "msix");
	struct iommut_irqs *irqs;
	uint64_t count;

	need(rig, msix ? ENGINE_MSIX : ENGINE_MSI);
	expect_zero(t, iommut_irqs_open(&irqs, rig->device, msix ? IOMMUT_MSIX : IOMMUT_MSI, 1));
	undo_later(t, (void (*)(void *))iommut_irqs_close, irqs);
	expect_errno(t, iommut_irqs_wait(irqs, 0, 0, &count), ETIMEDOUT);
	/* Later ones order this: had an earlier one come twice, even if late, it would be counted with them. */
	for (int round = 0; round < 16; round++) {
		expect_zero(t, rig->engine.driver->interrupt(&rig->engine, 0));
		expect_zero(t, iommut_irqs_wait(irqs, 0, IRQ_DEADLINE_MS, &count));
		expect_equal(t, count, 1);
	}
	expect_zero(t, rig->engine.driver->interrupt(&rig->engine, 0));
	expect_zero(t, iommut_irqs_wait(irqs, 0, IRQ_DEADLINE_MS, &count));
	expect_equal(t, count, 1);
	expect_errno(t, iommut_irqs_wait(irqs, 0, 0, &count), ETIMEDOUT);
}

CASE(bus_master_off,
     .proves = "with bus mastering off the device reaches no memory; with it on again it does",
     .rule = "PCI 3.0, 6.2.2: Command register, bit 2", .needs = LIST("engine.bus-master"),
     .parameters = { BACKENDS })
{
	struct rig *rig = rig_open(t);
	struct dma_buffer *buffer = map_buffer(rig, 4096);
	struct engine_transfer transfer = { .operation = ENGINE_OP_WRITE,
					    .pasid = IOMMUT_NO_PASID,
					    .iova = buffer->iova,
					    .length = 64 };
	struct engine_result result;
	uint8_t bytes[64];

	need(rig, ENGINE_BUS_MASTER | ENGINE_WRITE);
	expect_reaches(buffer);
	memset(bytes, 0x3a, sizeof(bytes));
	expect_zero(t, rig->engine.driver->load(&rig->engine, 0, bytes, sizeof(bytes)));
	fill_canary(buffer);
	expect_zero(t, iommut_device_bus_master(rig->device, false));
	expect_zero(t, engine_run(&rig->engine, &transfer, &result));
	if (rig->engine.capabilities & ENGINE_SEES_ERRORS)
		expect_that(t, result.status != ENGINE_OK, "the device saw no error");
	expect_canary(buffer);
	expect_zero(t, iommut_device_bus_master(rig->device, true));
	expect_reaches(buffer);
}
