// SPDX-License-Identifier: GPL-2.0-or-later
/* Interrupts that arrive: each where it must, as often as it was raised, after the data it tells of. */
#include <string.h>

#include "suites/irq.h"

SUITE("irq", "interrupts of devices: where they arrive, how often, and which never must");

CASE(vectors_apart, .proves = "each vector signals its own eventfd, once, and no other",
     .rule = "vfio.h: VFIO_DEVICE_SET_IRQS; VT-d 5.1.5: Interrupt Remapping Table Entry",
     .marks = LIST("smoke"), .parameters = { BACKENDS, MSI_KINDS })
{
	struct rig *rig = rig_open(t);
	struct irq_set *set = irq_enable_some(rig, irq_kind(rig), 2, 16);

	expect_quiet(set);
	for (int round = 0; round < 2; round++)
		expect_all_arrive(set);
	/* And in an order of chance. */
	for (int i = 0; i < 32; i++) {
		uint32_t vector = (uint32_t)random_below(t, set->count);

		irq_raise(rig, vector);
		expect_irq(set, vector);
	}
	expect_quiet(set);
}

CASE(transfer_counted,
     .proves =
	     "an interrupt for each transfer, exactly, and the bytes are in memory when it arrives",
     .rule = "PCIe 2.4.1: a message signalled interrupt passes no write before it; vfio.h: "
	     "VFIO_DEVICE_SET_IRQS",
     .marks = LIST("smoke"), .parameters = { BACKENDS, PARAMETER("kind", "intx", "msi", "msix") })
{
	struct rig *rig = rig_open(t);
	struct irq_set *set = irq_enable(rig, irq_kind(rig), 1);
	struct dma_buffer *buffer = map_buffer(rig, PAGE);
	struct engine_transfer fill = { .operation = ENGINE_OP_FILL,
					.flags = ENGINE_INTERRUPT,
					.pasid = IOMMUT_NO_PASID,
					.iova = buffer->iova,
					.length = 256 };

	need(rig, ENGINE_FILL | ENGINE_STORM);
	for (int round = 0; round < 100; round++) {
		struct engine_result result;

		fill.operand = random64(t);
		expect_zero(t, rig->engine.driver->start(&rig->engine, &fill));
		/* The interrupt alone tells that it is over: the device is not asked. */
		expect_irq(set, 0);
		for (size_t i = 0; i < fill.length; i += 8)
			expect_bytes(t, buffer->data + i, &fill.operand, 8);
		expect_zero(t, engine_wait(&rig->engine, &result, 0));
		expect_equal(t, result.status, ENGINE_OK);
		if (set->kind == IOMMUT_INTX) {
			testdev_set32(&rig->engine, TESTDEV_INTX_STATE, 1);
			expect_zero(t, irq_act(set, VFIO_IRQ_SET_ACTION_UNMASK, 0, 1));
		}
	}
	expect_quiet(set);
}
