// SPDX-License-Identifier: GPL-2.0-or-later
/* The kernel's reports of refused transactions, against the transaction that was made. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "harness/dma.h"

SUITE("fault", "what the kernel reports of a refused transaction agrees with the transaction");

#define PAGE 4096ull

static struct rig *open_rig(struct test *t)
{
	struct rig *rig = rig_open(t);

	need(rig, ENGINE_SEES_ERRORS);
	expect_reaches(map_buffer(rig, PAGE));
	return rig;
}

CASE(address, .proves = "the report has the address of the transaction",
     .rule = "VT-d 4.1, 7.3: fault recording; virtio 1.2, 5.13.6.9", .marks = LIST("exclusive"),
     .parameters = { BACKENDS, PARAMETER("access", "read", "write") })
{
	struct rig *rig = open_rig(t);
	uint64_t iova = free_iova(rig, PAGE);
	struct iommut_fault fault;

	provoke_dma_report(watch_faults(t), rig, iova, param_is(t, "access", "write"), &fault);
	if (!(fault.fields & IOMMUT_FAULT_HAS_ADDRESS))
		skip(t, "this IOMMU's reports have no address", "an IOMMU whose driver prints it");
	expect_equal(t, fault.address & ~(PAGE - 1), iova);
}

CASE(direction, .proves = "the report tells a read from a write",
     .rule = "VT-d 4.1, 7.3: fault recording, T1", .marks = LIST("exclusive"),
     .parameters = { BACKENDS, PARAMETER("access", "read", "write") })
{
	struct rig *rig = open_rig(t);
	uint64_t iova = free_iova(rig, PAGE);
	struct iommut_fault fault;

	provoke_dma_report(watch_faults(t), rig, iova, param_is(t, "access", "write"), &fault);
	if (!(fault.fields & IOMMUT_FAULT_HAS_DIRECTION))
		skip(t, "this IOMMU's reports do not tell the direction",
		     "an IOMMU whose driver prints it");
	expect_equal(t, fault.write, param_is(t, "access", "write"));
}

CASE(requester, .proves = "the report names the device that did it, not the other one that works",
     .rule = "VT-d 4.1, 7.3: fault recording, SID", .devices = 2, .marks = LIST("exclusive"),
     .parameters = { BACKENDS })
{
	struct rig *rig = open_rig(t), *other = rig_open_in(t, NULL, 1, NULL);
	uint64_t iova = free_iova(rig, PAGE);
	struct fault_watch *watch = watch_faults(t);
	struct iommut_fault fault;

	need(other, ENGINE_SEES_ERRORS);
	provoke_dma_report(watch, rig, iova, true, &fault);
	if (!(fault.fields & IOMMUT_FAULT_HAS_DEVICE))
		skip(t, "this IOMMU's reports do not tell the device",
		     "an IOMMU whose driver prints it");
	expect_that(t, fault_is_of(&fault, test_device_name(t, 0)),
		    "%s did it, another function was reported", test_device_name(t, 0));
	expect_reaches(map_buffer(other, PAGE));
	expect_that(t, !fault_reported(watch, other, iova, 4, true, 0, NULL),
		    "a fault of %s was reported at this address", test_device_name(t, 1));
}

CASE(none_without_cause, .proves = "DMA that is allowed makes the kernel report nothing",
     .rule = "VT-d 4.1, 7.3: faults are recorded for refused requests", .marks = LIST("exclusive"),
     .parameters = { BACKENDS })
{
	struct rig *rig = rig_open(t);
	struct fault_watch *watch = watch_faults(t);
	struct dma_buffer *buffer = map_buffer(rig, 16 * PAGE);

	for (int i = 0; i < 8; i++)
		expect_reaches(buffer);
	expect_that(t, !fault_reported(watch, rig, buffer->iova, buffer->length, true, 100, NULL),
		    "the kernel reported a fault");
}
