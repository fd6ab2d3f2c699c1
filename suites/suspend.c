// SPDX-License-Identifier: GPL-2.0-or-later
/* The machine goes to sleep and wakes up: Linux saves and restores IOMMU and devices, which lose their power. */
#include <string.h>

#include <iommut/irq.h>

#include "suites/ats.h"
#include "suites/sleep.h"

SUITE("suspend", "devices and mappings over a suspend and resume of the machine");

#define RULE  "Documentation/driver-api/pm/devices.rst: resume restores what suspend saved; "
#define MARKS .marks = LIST("exclusive", "destructive"), .timeout_ms = 30000

static void by_sleep(struct test *t)
{
	sleep_in_memory(t);
}

static void by_trial(struct test *t)
{
	sleep_tried(t, param(t, "level"));
}

/*
 * Should nothing be translated after the sleep, DMA goes where its address says. So that this is seen, and the machine survives it, the
 * address is none of memory's.
 */
static struct dma_buffer *map_beyond_memory(struct rig *rig, size_t length)
{
	uint64_t end = sleep_memory_end();
	struct buffer_options options = { .fixed = true };

	if (!end)
		skip(rig->t, "physical addresses cannot be seen", "root");
	/* With a page behind it: the last one of all is another case's. */
	expect_zero(rig->t, iommut_iova_alloc_last(rig->iova, length + PAGE, PAGE, &options.iova));
	if (options.iova <= end)
		skip(rig->t, "the device cannot send an address beyond memory",
		     "a device with 64-bit DMA");
	return map_buffer_with(rig, length, &options);
}

/* What was mapped is reached afterwards, what was unmapped is not; and so for what is mapped and unmapped then. */
static void expect_kept_over(struct test *t, void (*suspend)(struct test *t))
{
	struct rig *rig = rig_open(t);
	struct dma_buffer *kept, *gone;

	need(rig, ENGINE_WRITE | ENGINE_READ);
	kept = map_beyond_memory(rig, 3 * PAGE);
	gone = map_beyond_memory(rig, PAGE);
	expect_reaches(kept);
	expect_reaches(gone);
	unmap_buffer(gone);
	fill_canary(gone);
	suspend(t);
	expect_reaches(kept);
	expect_write_blocked(rig, gone->iova, 8);
	expect_canary(gone);
	unmap_buffer(kept);
	fill_canary(kept);
	expect_write_blocked(rig, kept->iova, 8);
	expect_canary(kept);
	expect_reaches(map_beyond_memory(rig, PAGE));
}

CASE(mappings,
     .proves =
	     "after a suspend to memory a device reaches exactly what it reached before, and what "
	     "is mapped and unmapped afterwards",
     .rule = RULE "iommufd.h: IOMMU_IOAS_MAP, IOMMU_IOAS_UNMAP", MARKS, .parameters = { BACKENDS })
{
	expect_kept_over(t, by_sleep);
}

CASE(mappings_tried,
     .proves = "a device reaches exactly what it reached before after a suspend that Linux breaks "
	       "off, "
	       "at each depth: processes frozen, devices suspended, the IOMMU turned off",
     .rule = RULE "Documentation/power/basic-pm-debugging.rst: pm_test", MARKS,
     .parameters = { BACKENDS,
		     PARAMETER("level", "freezer", "devices", "platform", "processors", "core") })
{
	expect_kept_over(t, by_trial);
}

CASE(mappings_kexec,
     .proves = "a device reaches exactly what it reached before after a kexec to a program that "
	       "comes "
	       "back to the kernel that made the mappings",
     .rule = RULE "kexec_load(2): KEXEC_PRESERVE_CONTEXT", MARKS, .parameters = { BACKENDS })
{
	expect_kept_over(t, sleep_in_kexec);
}

CASE(under_dma,
     .proves = "a device that does DMA when the machine is suspended writes to its mapping and "
	       "nowhere else, before, meanwhile and afterwards",
     .rule = RULE "iommufd.h: IOMMU_IOAS_UNMAP", MARKS, .parameters = { BACKENDS })
{
	struct rig *rig = rig_open(t);
	struct dma_buffer *buffer;
	struct engine_transfer transfer = { .operation = ENGINE_OP_FILL,
					    .pasid = IOMMUT_NO_PASID,
					    .length = 64,
					    .operand = 0x4d4d4d4d4d4d4d4d };

	need(rig, ENGINE_STORM | ENGINE_FILL);
	buffer = map_beyond_memory(rig, 3 * PAGE);
	expect_reaches(buffer);
	fill_canary(buffer);
	transfer.iova = buffer->iova + PAGE;
	expect_zero(t, testdev_storm(&rig->engine, &transfer, 50));
	for (int64_t end = now_ms() + 2000; buffer->data[PAGE] == CANARY;) {
		expect_that(t, now_ms() < end, "the device does not begin");
		__sync_synchronize();
	}
	sleep_in_memory(t);
	/* Whether it goes on is the device's own affair: it may have lost its power. */
	(void)testdev_storm_stop(&rig->engine, NULL, NULL);
	expect_canary_at(buffer, 0, PAGE);
	expect_canary_at(buffer, PAGE + 64, 2 * PAGE - 64);
	unmap_buffer(buffer);
	fill_canary(buffer);
	expect_write_blocked(rig, buffer->iova + PAGE, 8);
	expect_canary(buffer);
	expect_reaches(map_beyond_memory(rig, PAGE));
}

CASE(detached,
     .proves = "a device that is attached to nothing reaches nothing after a suspend to memory "
	       "either",
     .rule = RULE "vfio.h: VFIO_DEVICE_DETACH_IOMMUFD_PT", MARKS, .parameters = { IOMMUFD_ONLY })
{
	struct rig *rig = rig_open(t);
	struct dma_buffer *buffer;
	uint32_t ioas;

	need(rig, ENGINE_WRITE | ENGINE_SEES_ERRORS);
	buffer = map_beyond_memory(rig, PAGE);
	expect_reaches(buffer);
	expect_zero(t, iommut_space_ioas(rig->space, &ioas));
	expect_zero(t, iommut_device_detach(rig->device));
	sleep_in_memory(t);
	fill_canary(buffer);
	expect_write_blocked(rig, buffer->iova, 8);
	expect_canary(buffer);
	expect_zero(t, iommut_device_attach(rig->device, ioas));
	expect_reaches(buffer);
}

CASE(interrupts,
     .proves = "after a suspend to memory each interrupt of a device arrives once, at the eventfd "
	       "it had",
     .rule = RULE "VT-d 5.1: interrupt remapping; vfio.h: VFIO_DEVICE_SET_IRQS", MARKS,
     .parameters = { BACKENDS, PARAMETER("kind", "msi", "msix") })
{
	bool msix = param_is(t, "kind", "msix");
	struct rig *rig = rig_open(t);
	struct iommut_irqs *irqs;
	uint64_t count = 0;

	need(rig, msix ? ENGINE_MSIX : ENGINE_MSI);
	expect_zero(t, iommut_irqs_open(&irqs, rig->device, msix ? IOMMUT_MSIX : IOMMUT_MSI, 1));
	undo_later(t, (void (*)(void *))iommut_irqs_close, irqs);
	for (int round = 0; round < 2; round++) {
		expect_zero(t, rig->engine.driver->interrupt(&rig->engine, 0));
		expect_zero(t, iommut_irqs_wait(irqs, 0, ARRIVAL_MS, &count));
		expect_equal(t, count, 1);
		expect_errno(t, iommut_irqs_wait(irqs, 0, 0, &count), ETIMEDOUT);
		if (round == 0)
			sleep_in_memory(t);
	}
}

CASE(pasid,
     .proves = "after a suspend to memory a PASID reaches what is mapped for it, and one that is "
	       "not attached nothing",
     .rule = RULE "VT-d 3.4.3: the PASID selects the page table; PCIe 7.8.9: PASID Control", MARKS,
     .needs = LIST("iommufd", "engine.pasid"), .parameters = { IOMMUFD_ONLY })
{
	struct svm *svm = svm_open(t, SVM_PASID);
	struct table *table = table_open(svm, NULL);
	struct area *area = area_in(table, PAGE);

	attach_pasid(table, 5);
	expect_pasid_reaches(area, 5);
	sleep_with_extensions(t);
	expect_pasid_reaches(area, 5);
	expect_pasid_refused(svm, 6, area->iova);
	area_unmap(area, table);
	expect_pasid_refused(svm, 5, area->iova);
	expect_area_canary(area);
}

CASE(page_fault,
     .proves =
	     "after a suspend to memory a page fault of a device reaches its fault queue, and the "
	     "answer the device",
     .rule = RULE "VT-d 7.4: page requests; PCIe 10.5.2: Page Request Enable", MARKS,
     .needs = LIST("iommufd", "engine.pri", "engine.pasid"), .parameters = { IOMMUFD_ONLY })
{
	struct requester of = requester_open(t);

	for (int round = 0; round < 2; round++) {
		struct area *area = area_make(of.svm, PAGE);
		struct iommu_hwpt_pgfault fault;

		page_request(of.svm, area->iova, of.pasid, 3 + round, 0);
		fault = next_fault(of.table);
		expect_equal(t, fault.addr, area->iova);
		respond(of.table, fault.cookie, IOMMUFD_PAGE_RESP_INVALID);
		expect_response(of.svm, 3 + round, of.pasid, TESTDEV_PRI_CODE_INVALID);
		if (round == 0)
			sleep_with_extensions(t);
	}
}

CASE(translations,
     .proves = "after a suspend to memory a device obtains translations and loses them with the "
	       "mapping, as before",
     .rule = RULE "PCIe 10.5.1.3: ATS Control; VT-d 6.5.2.5: device TLB invalidation", MARKS,
     .needs = LIST("engine.ats"), .parameters = { BACKENDS })
{
	struct rig *rig = ats_open(t);
	struct dma_buffer *buffer = map_beyond_memory(rig, PAGE);

	expect_ats_reaches(rig, buffer->iova, IOMMUT_NO_PASID, buffer->data);
	sleep_with_extensions(t);
	ats_keep(rig);
	expect_ats_reaches(rig, buffer->iova, IOMMUT_NO_PASID, buffer->data);
	unmap_buffer(buffer);
	expect_ats_gone(rig, buffer->iova, IOMMUT_NO_PASID);
}
