// SPDX-License-Identifier: GPL-2.0-or-later
/* Many interrupts, as many as possible, and numbers at the edge of what there is. */
#include <string.h>

#include "suites/irq.h"

#define RING 64

CASE(thousand,
     .proves = "of a thousand interrupts over all vectors each arrives, none twice and none "
	       "elsewhere",
     .rule = "vfio.h: VFIO_DEVICE_SET_IRQS: the eventfd counts", .marks = LIST("stress"),
     .timeout_ms = 20000, .parameters = { BACKENDS, MSI_KINDS })
{
	struct rig *rig = rig_open(t);
	struct irq_set *set = irq_enable_some(rig, irq_kind(rig), 2, 16);
	uint64_t sent[MAX_VECTORS] = { 0 }, seen[MAX_VECTORS] = { 0 };

	for (int i = 0; i < 1000; i++) {
		uint32_t vector = (uint32_t)random_below(t, set->count);

		irq_raise(rig, vector);
		sent[vector]++;
		/* Two of a vector at once would be one: the first is seen before the second is raised. */
		seen[vector] += irq_take(t, set->fd[vector], IRQ_DEADLINE_MS);
	}
	expect_quiet(set);
	for (uint32_t i = 0; i < set->count; i++)
		expect_equal(t, seen[i], sent[i]);
}

CASE(storm_bounded,
     .proves =
	     "under a storm no more interrupts arrive than were sent, and the last one of them is "
	     "not lost",
     .rule = "PCI 3.0, 6.8.3.4: messages of a vector may merge while it is not served",
     .marks = LIST("stress"), .parameters = { BACKENDS, MSI_KINDS })
{
	struct rig *rig = rig_open(t);
	struct irq_set *set = irq_enable(rig, irq_kind(rig), 1);
	struct dma_buffer *buffer = map_buffer(rig, PAGE);
	uint64_t seen = 0, sent;

	need(rig, ENGINE_STORM | ENGINE_FILL);
	testdev_set32(&rig->engine, TESTDEV_CONTROL, TESTDEV_CONTROL_CLEAR_COUNTERS);
	irq_storm(rig, buffer, 0);
	for (int64_t end = now_ms() + 5000; testdev_get64(&rig->engine, TESTDEV_STORM_OK) < 200;) {
		expect_that(t, now_ms() < end, "the storm is slow");
		seen += irq_take(t, set->fd[0], 1);
	}
	/* What is there is taken: the last transfer's interrupt has to come by itself. */
	expect_zero(t, testdev_storm_stop(&rig->engine, NULL, NULL));
	for (uint64_t more; (more = irq_take(t, set->fd[0], IRQ_QUIET_MS)) > 0;)
		seen += more;
	sent = testdev_get32(&rig->engine, TESTDEV_INTERRUPT_COUNT);
	note(t, "%llu interrupts sent, %llu counted", (unsigned long long)sent,
	     (unsigned long long)seen);
	expect(t, seen > 0 && seen <= sent);
	expect_all_arrive(set);
}

CASE(ring_of_vectors,
     .proves = "transfers handed over together, each with a vector of its own, signal each eventfd "
	       "as often as there were transfers for it",
     .rule = "vfio.h: VFIO_DEVICE_SET_IRQS", .parameters = { BACKENDS })
{
	struct rig *rig = rig_open(t);
	struct irq_set *set;
	struct dma_buffer *ring, *data;

	need(rig, ENGINE_RING | ENGINE_MSIX);
	set = irq_enable(rig, IOMMUT_MSIX, 8);
	ring = map_buffer(rig, 2 * RING * TESTDEV_DESC_SIZE);
	data = map_buffer(rig, PAGE);
	testdev_set64(&rig->engine, TESTDEV_RING_BASE, ring->iova);
	testdev_set64(&rig->engine, TESTDEV_RING_RESULTS, ring->iova + RING * TESTDEV_DESC_SIZE);
	testdev_set32(&rig->engine, TESTDEV_RING_COUNT, RING);
	for (uint32_t round = 0; round < RING / 8; round++) {
		for (uint32_t i = 0; i < 8; i++) {
			uint32_t *d =
				(uint32_t *)(ring->data + (round * 8 + i) * TESTDEV_DESC_SIZE);
			const uint64_t iova = data->iova + 8 * i, operand = random64(t);

			d[TESTDEV_DESC_OPERATION / 4] = TESTDEV_OP_FILL | TESTDEV_FLAG_INTERRUPT;
			memcpy((uint8_t *)d + TESTDEV_DESC_IOVA, &iova, 8);
			memcpy((uint8_t *)d + TESTDEV_DESC_OPERAND, &operand, 8);
			d[TESTDEV_DESC_LENGTH / 4] = 8;
			d[TESTDEV_DESC_VECTOR / 4] = i;
		}
		__sync_synchronize();
		testdev_set32(&rig->engine, TESTDEV_RING_TAIL, (round + 1) * 8);
		for (uint32_t i = 0; i < 8; i++)
			expect_irq(set, i);
	}
	expect_equal(t, testdev_get32(&rig->engine, TESTDEV_RING_HEAD), RING);
	expect_equal(t, testdev_get32(&rig->engine, TESTDEV_RING_ERROR), 0);
	expect_quiet(set);
}

CASE(blocked_transfer,
     .proves = "a transfer that the IOMMU refuses raises its interrupt as one that went well does: "
	       "the interrupt needs no mapping",
     .rule = "VT-d 3.14: requests to 0xFEEx_xxxx are not subject to DMA remapping",
     .parameters = { BACKENDS, MSI_KINDS })
{
	struct rig *rig = rig_open(t);
	struct irq_set *set = irq_enable(rig, irq_kind(rig), 1);
	struct dma_buffer *buffer = map_buffer(rig, PAGE);
	struct engine_transfer fill = { .operation = ENGINE_OP_FILL,
					.flags = ENGINE_INTERRUPT,
					.pasid = IOMMUT_NO_PASID,
					.iova = buffer->iova,
					.length = 8 };

	need(rig, ENGINE_FILL | ENGINE_SEES_ERRORS | ENGINE_STORM);
	expect_transfer(rig, &fill, ENGINE_OK, NULL);
	expect_irq(set, 0);
	unmap_buffer(buffer);
	fill_canary(buffer);
	for (int i = 0; i < 3; i++) {
		expect_transfer(rig, &fill, ENGINE_BLOCKED, NULL);
		expect_irq(set, 0);
	}
	expect_canary(buffer);
	expect_quiet(set);
}

CASE(while_unmapped,
     .proves = "the interrupts of a device do not suffer while memory is mapped and unmapped under "
	       "it",
     .rule = "vfio.h, iommufd.h: the interrupt window is no part of the mappings",
     .parameters = { BACKENDS, MSI_KINDS })
{
	struct rig *rig = rig_open(t);
	struct irq_set *set = irq_enable(rig, irq_kind(rig), 1);
	struct dma_buffer *buffer = map_buffer(rig, 16 * PAGE);

	for (int round = 0; round < 30; round++) {
		unmap_buffer(buffer);
		irq_raise(rig, 0);
		map_again(buffer, IOMMUT_RW);
		expect_irq(set, 0);
	}
	expect_quiet(set);
	expect_reaches(buffer);
}

CASE(detached,
     .proves = "a device that is attached to nothing reaches no memory, but its interrupts arrive",
     .rule = "vfio.h: VFIO_DEVICE_DETACH_IOMMUFD_PT; VT-d 5: interrupt remapping is independent of "
	     "DMA remapping",
     .needs = LIST("iommufd"), .parameters = { IOMMUFD_ONLY, MSI_KINDS })
{
	struct rig *rig = rig_open(t);
	struct irq_set *set = irq_enable(rig, irq_kind(rig), 1);
	struct dma_buffer *buffer = map_buffer(rig, PAGE);

	irq_need_remapping(rig);
	expect_reaches(buffer);
	expect_all_arrive(set);
	expect_zero(t, iommut_device_detach(rig->device));
	fill_canary(buffer);
	expect_write_blocked(rig, buffer->iova, 8);
	expect_canary(buffer);
	expect_all_arrive(set);
}

CASE(edge_values,
     .proves = "numbers of interrupts beyond what the device has are refused, and those that are "
	       "enabled go on",
     .rule = "vfio.h: VFIO_DEVICE_SET_IRQS: start, count", .marks = LIST("smoke"),
     .parameters = { BACKENDS, PARAMETER("kind", "intx", "msi", "msix") })
{
	struct rig *rig = rig_open(t);
	struct irq_set *set = irq_enable(rig, irq_kind(rig), 1);
	struct iommut_handle handle = iommut_device_handle(rig->device);
	enum { eventfd = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER };
	uint32_t kind = (uint32_t)set->kind, all;
	int32_t fds[MAX_VECTORS + 1];
	static const uint32_t malformed[] = {
		VFIO_IRQ_SET_ACTION_TRIGGER,
		eventfd | VFIO_IRQ_SET_DATA_BOOL,
		VFIO_IRQ_SET_DATA_EVENTFD,
		eventfd | VFIO_IRQ_SET_ACTION_MASK,
	};
	expect_zero(t, iommut_irq_count(rig->device, set->kind, &all, NULL));
	expect(t, all >= 1 && all <= MAX_VECTORS);
	for (int i = 0; i <= MAX_VECTORS; i++)
		fds[i] = irq_eventfd(t);
	expect_errno(t, iommut_vfio_set_irqs(handle, eventfd, kind, 0, all + 1, fds), EINVAL);
	expect_errno(t, iommut_vfio_set_irqs(handle, eventfd, kind, all, 1, fds), EINVAL);
	expect_errno(t, iommut_vfio_set_irqs(handle, eventfd, kind, UINT32_MAX, 1, fds), EINVAL);
	expect_errno(t, iommut_vfio_set_irqs(handle, eventfd, kind, UINT32_MAX, 2, fds), EINVAL);
	expect_errno(t, iommut_vfio_set_irqs(handle, eventfd, VFIO_PCI_NUM_IRQS, 0, 1, fds),
		     EINVAL);
	expect_errno(t, iommut_vfio_set_irqs(handle, eventfd, UINT32_MAX, 0, 1, fds), EINVAL);
	/* No kind of data, two kinds, no action, two actions: which error is not written anywhere. */

	for (size_t i = 0; i < sizeof(malformed) / sizeof(malformed[0]); i++)
		expect(t, iommut_vfio_set_irqs(handle, malformed[i], kind, 0, 1, fds) < 0);
	irq_raise(rig, 0);
	expect_irq(set, 0);
	expect_quiet(set);
}

CASE(no_eventfd,
     .proves = "a file that is no eventfd is refused; other vectors go on, and the vector can be "
	       "set up again",
     .rule = "vfio.h: VFIO_DEVICE_SET_IRQS: DATA_EVENTFD", .parameters = { BACKENDS })
{
	struct rig *rig = rig_open(t);
	struct irq_set *set;
	int32_t wrong[] = { 0, iommut_device_handle(rig->device).fd, 9999 };

	need(rig, ENGINE_MSIX);
	set = irq_enable(rig, IOMMUT_MSIX, 2);
	expect_all_arrive(set);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		int error = irq_assign(set, 1, 1, &wrong[i]);

		expect_that(t, error == -EINVAL || error == -EBADF, "it returned %d", error);
		irq_raise(rig, 0);
		expect_irq(set, 0);
	}
	expect_zero(t, irq_assign(set, 1, 1, &set->fd[1]));
	expect_all_arrive(set);
}
