// SPDX-License-Identifier: GPL-2.0-or-later
/* What virtual functions can do, how many there are, their tokens and PASIDs, and a physical one that goes before them. */
#include <iommut/feature.h>
#include <iommut/irq.h>

#include "suites/sriov.h"

#define IRQ_DEADLINE_MS 2000

CASE(how_many,
     .proves = "no more virtual functions are made than there can be, and their number does not "
	       "change while there are some",
     .rule = "ABI sysfs-bus-pci: sriov_numvfs", .marks = LIST("exclusive"), .timeout_ms = 30000,
     .parameters = { IOMMUFD_ONLY })
{
	unsigned int total, enabled;

	open_functions(t);
	expect_that(t, iommut_pci_sriov_enable(functions.physical, 1) < 0, "their number changed");
	expect_zero(t, iommut_pci_sriov(functions.physical, &total, &enabled));
	expect_equal(t, enabled, VFS);
	expect_zero(t, iommut_pci_sriov_enable(functions.physical, 0));
	expect_that(t, iommut_pci_sriov_enable(functions.physical, total + 1) < 0, "%u were made",
		    total + 1);
	expect_zero(t, iommut_pci_sriov(functions.physical, &total, &enabled));
	expect_equal(t, enabled, 0);
	make_functions(t);
}

static void copies(struct rig *rig)
{
	struct dma_buffer *from = map_buffer(rig, PAGE), *to = map_buffer(rig, PAGE);
	struct engine_transfer copy = { .operation = ENGINE_OP_COPY,
					.pasid = IOMMUT_NO_PASID,
					.iova = from->iova,
					.target = to->iova,
					.length = PAGE };

	need(rig, ENGINE_COPY);
	for (size_t i = 0; i < PAGE; i++)
		from->data[i] = (uint8_t)random64(rig->t);
	expect_transfer(rig, &copy, ENGINE_OK, NULL);
	expect_bytes(rig->t, to->data, from->data, PAGE);
}

static void adds(struct rig *rig)
{
	struct dma_buffer *buffer = map_buffer(rig, PAGE);
	struct engine_transfer add = { .operation = ENGINE_OP_FETCH_ADD,
				       .pasid = IOMMUT_NO_PASID,
				       .iova = buffer->iova,
				       .length = 8,
				       .operand = 7 };
	uint64_t before = random64(rig->t), sum = before + 7;
	struct engine_result result;

	need(rig, ENGINE_ATOMIC);
	memcpy(buffer->data, &before, 8);
	expect_transfer(rig, &add, ENGINE_OK, &result);
	expect_equal(rig->t, result.value, before);
	expect_bytes(rig->t, buffer->data, &sum, 8);
}

static void interrupts(struct rig *rig)
{
	struct test *t = rig->t;
	struct iommut_irqs *irqs;
	uint64_t count = 0;

	need(rig, ENGINE_MSIX);
	expect_zero(t, iommut_irqs_open(&irqs, rig->device, IOMMUT_MSIX, 4));
	undo_later(t, (void (*)(void *))iommut_irqs_close, irqs);
	for (uint32_t vector = 0; vector < 4; vector++) {
		expect_zero(t, rig->engine.driver->interrupt(&rig->engine, vector));
		expect_zero(t, iommut_irqs_wait(irqs, vector, IRQ_DEADLINE_MS, &count));
		expect_equal(t, count, 1);
		for (uint32_t other = 0; other < 4; other++)
			expect_errno(t, iommut_irqs_wait(irqs, other, 0, NULL), ETIMEDOUT);
	}
}

static void refused(struct rig *rig)
{
	struct dma_buffer *buffer = map_buffer(rig, PAGE);

	expect_reaches(buffer);
	unmap_buffer(buffer);
	fill_canary(buffer);
	expect_write_blocked(rig, buffer->iova, 8);
	expect_canary(buffer);
	memset(buffer->data, 0x5e, PAGE);
	expect_read_blocked(rig, buffer->iova, buffer->data, 8);
}

static void storms(struct rig *rig)
{
	struct dma_buffer *buffer = map_buffer(rig, PAGE);

	need(rig, ENGINE_STORM | ENGINE_FILL);
	storm_fill(rig, buffer->iova, 0x1111111111111111);
	expect_zero(rig->t, testdev_storm_stop(&rig->engine, NULL, NULL));
	expect_reaches(buffer);
}

static void translates(struct rig *rig)
{
	struct dma_buffer *buffer = map_buffer(rig, PAGE);
	struct engine_transfer request = { .operation = ENGINE_OP_FILL,
					   .flags = ENGINE_TRANSLATED,
					   .pasid = IOMMUT_NO_PASID,
					   .iova = buffer->iova,
					   .length = 8,
					   .operand = random64(rig->t) };

	/* Where the kernel does not use it there is nothing to see. */
	if (!(testdev_get32(&rig->engine, TESTDEV_PRI_ENABLED) & 1)) {
		note(rig->t, "the kernel has not turned ATS on in the virtual function");
		return;
	}
	expect_transfer(rig, &request, ENGINE_OK, NULL);
	expect_bytes(rig->t, buffer->data, &request.operand, 8);
	unmap_buffer(buffer);
	fill_canary(buffer);
	expect_transfer(rig, &request, ENGINE_NO_TRANSLATION, NULL);
	expect_canary(buffer);
}

CASE(instrument,
     .proves =
	     "a virtual function does by itself what a physical one does: transfers of all kinds, "
	     "interrupts, translations; and it is refused what is not mapped for it",
     .rule = "PCIe 6.2, 9.2: VF", .marks = LIST("exclusive"), .timeout_ms = 30000,
     .parameters = { BACKENDS })
{
	struct trio trio = open_trio(t);
	struct rig *rig = trio.virtual[1];

	expect_reaches(map_buffer(rig, PAGE));
	copies(rig);
	adds(rig);
	interrupts(rig);
	refused(rig);
	storms(rig);
	translates(rig);
}

CASE(closed_first,
     .proves = "a physical function that is closed, and with that reset, before its virtual ones: "
	       "the storm of one writes to nobody else's memory, and once they are reset they work",
     .rule = "vfio_pci_core.c: the PF can disrupt its VFs with a reset; vfio.h: VFIO_DEVICE_RESET",
     .marks = LIST("exclusive"), .timeout_ms = 30000, .parameters = { BACKENDS })
{
	struct buffer_options same = { .fixed = true };
	struct trio trio = open_trio(t);
	struct dma_buffer *stormed, *others[2];

	need(trio.virtual[0], ENGINE_STORM | ENGINE_FILL | ENGINE_SEES_ERRORS);
	stormed = map_buffer(trio.virtual[0], PAGE);
	same.iova = stormed->iova;
	others[0] = map_buffer_with(trio.virtual[1], PAGE, &same);
	others[1] = map_buffer_with(trio.physical, PAGE, &same);
	storm_fill(trio.virtual[0], stormed -> iova, 0x2222222222222222);
	rig_close(trio.physical);
	for (int i = 0; i < 2; i++)
		fill_canary(others[i]);
	for (int i = 0; i < VFS; i++) {
		expect_zero(t, iommut_device_reset(trio.virtual[i] -> device));
		expect_zero(t, iommut_device_bus_master(trio.virtual[i] -> device, true));
	}
	for (int i = 0; i < 2; i++)
		expect_canary(others[i]);
	expect_reaches(stormed);
	expect_reaches(others[0]);
	unmap_buffer(stormed);
	fill_canary(stormed);
	expect_write_blocked(trio.virtual[0], stormed -> iova, 8);
	expect_canary(stormed);
}

CASE(token_changed,
     .proves = "a new token is asked of whoever opens a virtual function after it was set; one "
	       "that is open goes on",
     .rule = "vfio.h: VFIO_DEVICE_FEATURE_PCI_VF_TOKEN", .marks = LIST("exclusive"),
     .timeout_ms = 30000, .parameters = { BACKENDS })
{
	struct rig *physical, *first;
	struct dma_buffer *buffer;
	uint8_t other[sizeof(token)];

	open_functions(t);
	need_groups_apart(t, functions.virtual[0], functions.virtual[1]);
	physical = rig_open_in(t, NULL, 0, &with_token);
	first = rig_open_function(t, NULL, functions.virtual[0], &with_token);
	buffer = map_buffer(first, PAGE);
	memcpy(other, token, sizeof(other));
	other[0] ^= 0x80;
	expect_zero(t, try_token(t, functions.virtual[1], token));
	expect_zero(t, iommut_feature_vf_token(physical->device, other));
	expect_reaches(buffer);
	expect_no_access(t, try_token(t, functions.virtual[1], token));
	expect_zero(t, try_token(t, functions.virtual[1], other));
	expect_reaches(buffer);
}

CASE(token_unasked,
     .proves = "a token for a function that is neither physical nor virtual is refused",
     .rule = "vfio_pci_core.c: if the VF token is provided but unused, an error is generated",
     .parameters = { BACKENDS })
{
	static const uint8_t any[16] = { 1 };
	unsigned int total, enabled;

	if (iommut_pci_sriov(test_device_name(t, 0), &total, &enabled) == 0)
		skipf(t, "a device without SR-IOV", "%s can have virtual functions",
		      test_device_name(t, 0));
	expect_no_access(t, try_token(t, test_device_name(t, 0), any));
	expect_zero(t, try_token(t, test_device_name(t, 0), NULL));
}

CASE(pasids_apart,
     .proves = "a virtual function's PASID and the same PASID of its physical one lead each to its "
	       "own memory; one that only the other has leads nowhere",
     .rule = "PCIe 6.2, 9.3.7.9: a VF uses its PF's PASID capability; iommufd.h: PASID attach",
     .marks = LIST("exclusive"), .timeout_ms = 30000, .parameters = { IOMMUFD_ONLY })
{
	struct svm *svm[2];
	struct table *table[2];
	struct area *area[2];

	open_functions(t);
	for (int i = 0; i < 2; i++) {
		svm[i] = svm_open_function(t, SVM_PASID,
					   i ? functions.virtual[0] : functions.physical, token);
		table[i] = table_open(svm[i], NULL);
		attach_pasid(table[i], 5);
	}
	area[0] = area_in(table[0], PAGE);
	area[1] = area_in_at(table[1], PAGE, area[0]->iova);
	for (int round = 0; round < 2; round++) {
		expect_pasid_reaches(area[round], 5);
		expect_area_canary(area[!round]);
	}
	attach_pasid(table[0], 6);
	expect_pasid_reaches(area[0], 6);
	expect_pasid_refused(svm[1], 6, area[1]->iova);
	expect_area_canary(area[0]);
	expect_area_canary(area[1]);
}
