// SPDX-License-Identifier: GPL-2.0-or-later
/* Translations that devices keep must be gone before the call that takes the memory away has returned. */
#include <stdlib.h>
#include <string.h>

#include "suites/ats.h"

#define NEEDS       LIST("engine.ats")
#define NEEDS_STORM LIST("engine.ats", "engine.storm")
#define NEEDS_PASID LIST("iommufd", "engine.ats", "engine.pasid")
#define NONE        IOMMUT_NO_PASID

CASE(unmap,
     .proves =
	     "when unmap returns, the device keeps no translation of the range and reaches nothing "
	     "of it",
     .rule = "VT-d 6.5.2.5: device TLB invalidation; iommufd.h: IOMMU_IOAS_UNMAP, "
	     "vfio.h: VFIO_IOMMU_UNMAP_DMA",
     .marks = LIST("smoke"), .needs = NEEDS,
     .parameters = { BACKENDS, PARAMETER("size", "4K", "8K", "12K", "64K", "2M") })
{
	struct rig *rig = ats_open(t);
	struct dma_buffer *buffer = map_buffer(rig, param_size(t, "size"));
	uint64_t at[3] = { buffer->iova, buffer->iova + buffer->length / 2 / PAGE * PAGE,
			   buffer->iova + buffer->length - PAGE };

	for (int i = 0; i < 3; i++) {
		expect_ats_reaches(rig, at[i], NONE, buffer->data + (at[i] - buffer->iova));
		expect(t, ats_held(rig, at[i], NONE));
	}
	unmap_buffer(buffer);
	fill_canary(buffer);
	for (int i = 0; i < 3; i++)
		expect_ats_gone(rig, at[i], NONE);
	expect_canary(buffer);
}

CASE(unmap_many_pages,
     .proves = "a range whose every page is kept by the device is dropped whole, and the "
	       "invalidations "
	       "cover it to the last page",
     .rule = "VT-d 6.5.2.5: device TLB invalidation: size", .needs = NEEDS,
     .parameters = { BACKENDS, PARAMETER("pages", "3", "7", "16", "31") })
{
	struct rig *rig = ats_open(t);
	uint32_t pages = (uint32_t)param_size(t, "pages");
	/* At an odd page, so that no power of 2 fits. */
	uint64_t base = free_iova(rig, 64 * PAGE) + PAGE;
	struct buffer_options options = { .fixed = true, .iova = base };
	struct dma_buffer *buffer = map_buffer_with(rig, (size_t)pages * PAGE, &options);

	for (uint32_t i = 0; i < pages; i++)
		ats_hold(rig, base + (uint64_t)i * PAGE, NONE);
	expect_ats_reaches(rig, base + buffer->length - PAGE, NONE,
			   buffer->data + buffer->length - PAGE);
	unmap_buffer(buffer);
	expect_ats_logged(rig, base, buffer->length, NONE);
	fill_canary(buffer);
	for (uint32_t i = 0; i < pages; i++)
		expect_ats_gone(rig, base + (uint64_t)i * PAGE, NONE);
	expect_canary(buffer);
}

CASE(unmap_huge_page,
     .proves = "a translation of a huge page is dropped when the huge page is unmapped",
     .rule = "VT-d 6.5.2.5: device TLB invalidation: size", .needs = NEEDS,
     .parameters = { BACKENDS })
{
	struct rig *rig = ats_open(t);
	struct buffer_options huge = { .kind = IOMMUT_MEMORY_THP };
	struct dma_buffer *buffer = map_buffer_with(rig, 2 << 20, &huge);
	const uint64_t offsets[] = { 0, PAGE, 1 << 20, (2 << 20) - PAGE };

	for (int i = 0; i < 4; i++)
		ats_hold(rig, buffer->iova + offsets[i], NONE);
	expect_ats_reaches(rig, buffer->iova + offsets[3], NONE, buffer->data + offsets[3]);
	unmap_buffer(buffer);
	fill_canary(buffer);
	for (int i = 0; i < 4; i++)
		expect_ats_gone(rig, buffer->iova + offsets[i], NONE);
	expect_canary(buffer);
}

CASE(unmap_spares_others, .proves = "other mappings stay reachable when one is unmapped",
     .rule = "iommufd.h: IOMMU_IOAS_UNMAP, vfio.h: VFIO_IOMMU_UNMAP_DMA", .needs = NEEDS,
     .parameters = { BACKENDS })
{
	struct rig *rig = ats_open(t);
	struct dma_buffer *before = map_buffer(rig, PAGE), *buffer = map_buffer(rig, PAGE),
			  *after = map_buffer(rig, PAGE);

	ats_hold(rig, before->iova, NONE);
	ats_hold(rig, buffer->iova, NONE);
	ats_hold(rig, after->iova, NONE);
	unmap_buffer(buffer);
	expect_ats_gone(rig, buffer->iova, NONE);
	expect_ats_reaches(rig, before->iova, NONE, before->data);
	expect_ats_reaches(rig, after->iova, NONE, after->data);
}

CASE(unmap_all, .proves = "unmapping everything at once leaves the device no translation at all",
     .rule = "iommufd.h: IOMMU_IOAS_UNMAP of everything, vfio.h: VFIO_DMA_UNMAP_FLAG_ALL",
     .needs = NEEDS, .parameters = { BACKENDS })
{
	struct rig *rig = ats_open(t);
	struct dma_buffer *buffers[8];
	uint64_t unmapped;
	int error;

	for (int i = 0; i < 8; i++) {
		buffers[i] = map_buffer(rig, (size_t)(i + 1) * PAGE);
		ats_hold(rig, buffers[i]->iova, NONE);
		expect_ats_reaches(rig, buffers[i]->iova, NONE, buffers[i]->data);
		ats_hold(rig, buffers[i]->iova + buffers[i]->length - PAGE, NONE);
	}
	error = iommut_space_unmap_all(rig->space, &unmapped);
	if (error == -EOPNOTSUPP)
		skip(t, "the kernel cannot unmap all at once", "a kernel with VFIO_UNMAP_ALL");
	expect_zero(t, error);
	for (int i = 0; i < 8; i++) {
		buffers[i]->mapped = false;
		fill_canary(buffers[i]);
		expect_ats_gone(rig, buffers[i]->iova, NONE);
		expect_ats_gone(rig, buffers[i]->iova + buffers[i]->length - PAGE, NONE);
		expect_canary(buffers[i]);
	}
	expect_equal(t, testdev_get32(&rig->engine, TESTDEV_TLB_ENTRIES_HELD), 0);
}

CASE(remap,
     .proves = "after other memory was mapped at the IOVA the device reaches only that, although "
	       "it had "
	       "kept the old translation",
     .rule = "VT-d 6.5.2.5: device TLB invalidation", .marks = LIST("smoke"), .needs = NEEDS,
     .parameters = { BACKENDS })
{
	struct rig *rig = ats_open(t);
	struct dma_buffer *old = map_buffer(rig, PAGE);
	struct buffer_options options = { .fixed = true, .iova = old->iova };
	struct dma_buffer *new;

	ats_hold(rig, old->iova, NONE);
	for (int round = 0; round < 10; round++) {
		unmap_buffer(old);
		fill_canary(old);
		new = round ? new : make_buffer(rig, PAGE, &options);
		map_again(new, IOMMUT_RW);
		expect_ats_reaches(rig, new->iova, NONE, new->data);
		expect_canary(old);
		unmap_buffer(new);
		fill_canary(new);
		map_again(old, IOMMUT_RW);
		expect_ats_reaches(rig, old->iova, NONE, old->data);
		expect_canary(new);
	}
}

CASE(permission_taken,
     .proves = "after memory was mapped again for reading only, a kept translation for writing is "
	       "gone",
     .rule = "VT-d 6.5.2.5: device TLB invalidation when permissions are reduced", .needs = NEEDS,
     .parameters = { BACKENDS })
{
	struct rig *rig = ats_open(t);
	struct dma_buffer *buffer = map_buffer(rig, PAGE);
	uint64_t seen;

	ats_hold(rig, buffer->iova, NONE);
	unmap_buffer(buffer);
	map_again(buffer, IOMMUT_READ);
	fill_canary(buffer);
	expect_equal(t, ats_write(rig, buffer->iova, NONE, 1), ENGINE_NO_TRANSLATION);
	expect_canary(buffer);
	expect_equal(t, ats_read(rig, buffer->iova, NONE, &seen), ENGINE_OK);
	unmap_buffer(buffer);
	map_again(buffer, IOMMUT_RW);
	expect_ats_reaches(rig, buffer->iova, NONE, buffer->data);
}

CASE(detach, .proves = "when detach returns, the device keeps no translation and reaches nothing",
     .rule = "vfio.h: VFIO_DEVICE_DETACH_IOMMUFD_PT; VT-d 6.5.3.3", .marks = LIST("smoke"),
     .needs = NEEDS, .parameters = { IOMMUFD_ONLY })
{
	struct rig *rig = ats_open(t);
	struct dma_buffer *buffer = map_buffer(rig, 2 * PAGE);
	uint32_t ioas_id;

	ats_hold(rig, buffer->iova, NONE);
	ats_hold(rig, buffer->iova + PAGE, NONE);
	expect_zero(t, iommut_device_detach(rig->device));
	fill_canary(buffer);
	expect_ats_gone(rig, buffer->iova, NONE);
	expect_ats_gone(rig, buffer->iova + PAGE, NONE);
	expect_canary(buffer);
	expect_zero(t, iommut_space_ioas(rig->space, &ioas_id));
	expect_zero(t, iommut_device_attach(rig->device, ioas_id));
	expect_ats_reaches(rig, buffer->iova, NONE, buffer->data);
}

static void close_space(void *space)
{
	iommut_space_close(space);
}

CASE(replace,
     .proves = "when the address space of the device was replaced, it reaches only the new one, "
	       "although it had kept translations of the old",
     .rule = "vfio.h: VFIO_DEVICE_ATTACH_IOMMUFD_PT: attaching again replaces; VT-d 6.5.3.3",
     .marks = LIST("smoke"), .needs = NEEDS, .parameters = { IOMMUFD_ONLY })
{
	struct rig *rig = ats_open(t);
	struct dma_buffer *old = map_buffer(rig, PAGE), *only_old = map_buffer(rig, PAGE);
	struct iommut_space_options beside = { .backend = IOMMUT_IOMMUFD, .beside = rig->space };
	struct iommut_space *space;
	struct buffer_options options = { .fixed = true, .iova = old->iova };
	struct dma_buffer *new = make_buffer(rig, PAGE, &options);
	uint32_t ioas_id;

	expect_zero(t, iommut_space_open_with(&space, &beside));
	undo_later(t, close_space, space);
	expect_zero(t, iommut_space_map(space, new->data, PAGE, new->iova, IOMMUT_RW));
	ats_hold(rig, old->iova, NONE);
	ats_hold(rig, only_old->iova, NONE);
	expect_zero(t, iommut_space_ioas(space, &ioas_id));
	expect_zero(t, iommut_device_attach(rig->device, ioas_id));
	fill_canary(old);
	fill_canary(only_old);
	expect_ats_reaches(rig, new->iova, NONE, new->data);
	expect_ats_gone(rig, only_old->iova, NONE);
	expect_canary(old);
	expect_canary(only_old);
	expect_zero(t, iommut_device_detach(rig->device));
}

CASE(reset,
     .proves = "after a reset the device keeps no translation, and ATS works and is invalidated as "
	       "before",
     .rule = "vfio.h: VFIO_DEVICE_RESET; PCIe 10.5.1: ATS after FLR", .needs = NEEDS,
     .parameters = { BACKENDS })
{
	struct rig *rig = ats_open(t);
	struct dma_buffer *buffer = map_buffer(rig, PAGE);

	ats_hold(rig, buffer->iova, NONE);
	expect_zero(t, iommut_device_reset(rig->device));
	expect_zero(t, iommut_device_bus_master(rig->device, true));
	expect(t, !ats_held(rig, buffer->iova, NONE));
	need_ats(rig);
	ats_keep(rig);
	expect_ats_reaches(rig, buffer->iova, NONE, buffer->data);
	expect(t, ats_held(rig, buffer->iova, NONE));
	unmap_buffer(buffer);
	fill_canary(buffer);
	expect_ats_gone(rig, buffer->iova, NONE);
	expect_canary(buffer);
}

CASE(two_devices,
     .proves =
	     "unmapping in an address space that two devices share drops the translations of both",
     .rule = "VT-d 6.5.2.5: device TLB invalidation goes to every device of the domain",
     .needs = LIST("engine.ats", "devices.2"), .devices = 2, .parameters = { BACKENDS })
{
	struct rig *one = ats_open(t), *two = rig_open_in(t, one->space, 1, NULL);
	struct dma_buffer *buffer = map_buffer(one, 2 * PAGE);

	need_ats(two);
	ats_keep(two);
	for (int i = 0; i < 2; i++) {
		struct rig *rig = i ? two : one;

		expect_ats_reaches(rig, buffer->iova, NONE, buffer->data);
		ats_hold(rig, buffer->iova + PAGE, NONE);
	}
	unmap_buffer(buffer);
	fill_canary(buffer);
	for (int i = 0; i < 2; i++) {
		expect_ats_gone(i ? two : one, buffer->iova, NONE);
		expect_ats_gone(i ? two : one, buffer->iova + PAGE, NONE);
	}
	expect_canary(buffer);
}

CASE(two_spaces,
     .proves = "unmapping in one device's address space leaves another device's translation of the "
	       "same IOVA usable and right",
     .rule = "VT-d 6.5.2.5: device TLB invalidation", .needs = LIST("engine.ats", "devices.2"),
     .devices = 2, .parameters = { BACKENDS })
{
	struct rig *one = ats_open(t), *two = rig_open_in(t, NULL, 1, NULL);
	struct dma_buffer *first = map_buffer(one, PAGE), *second;
	struct buffer_options same = { .fixed = true, .iova = first->iova };

	need_ats(two);
	ats_keep(two);
	second = map_buffer_with(two, PAGE, &same);
	ats_hold(one, first->iova, NONE);
	ats_hold(two, first->iova, NONE);
	unmap_buffer(first);
	fill_canary(first);
	expect_ats_gone(one, first->iova, NONE);
	expect_ats_reaches(two, second->iova, NONE, second->data);
	expect_canary(first);
}

CASE(unmap_under_dma,
     .proves =
	     "with DMA running on kept translations, nothing arrives any more in memory once unmap "
	     "has returned, and memory mapped next gets it",
     .rule = "VT-d 6.5.2.5, 6.5.2.8: invalidation wait", .marks = LIST("stress"),
     .needs = NEEDS_STORM, .timeout_ms = 30000, .parameters = { BACKENDS })
{
	struct rig *rig = ats_open(t);
	struct dma_buffer *buffers[2] = { map_buffer(rig, PAGE), NULL };
	struct buffer_options same = { .fixed = true, .iova = buffers[0]->iova };
	struct engine_transfer storm = { .operation = ENGINE_OP_FILL,
					 .flags = ENGINE_TRANSLATED,
					 .pasid = NONE,
					 .iova = buffers[0]->iova,
					 .operand = 0x0101010101010101,
					 .length = 64 };

	need(rig, ENGINE_STORM);
	provokes_transfer(rig, &storm);
	buffers[1] = make_buffer(rig, PAGE, &same);
	expect_zero(t, testdev_storm(&rig->engine, &storm, 0));
	for (int round = 0; round < 30; round++) {
		struct dma_buffer *old = buffers[round % 2], *new = buffers[(round + 1) % 2];

		expect_storm(t, &rig->engine, STORM_ANY, 5);
		expect_equal(t, old->data[0], 1);
		unmap_buffer(old);
		fill_canary(old);
		expect_storm(t, &rig->engine, STORM_ANY, 3);
		expect_canary(old);
		map_again(new, IOMMUT_RW);
	}
	expect_zero(t, testdev_storm_stop(&rig->engine, NULL, NULL));
	expect(t, testdev_get32(&rig->engine, TESTDEV_TLB_HITS) > 0);
}

/* A device that breaks the rules, to show that the checks above would see it: no kernel can do anything about such a device. */
CASE(broken_device_is_seen,
     .proves =
	     "these cases notice a device that goes on using a translation after its invalidation",
     .rule = "PCIe 10.3.1: Invalidate Request; the check of the checks", .needs = NEEDS,
     .parameters = { BACKENDS, PARAMETER("how", "keeps", "late") })
{
	struct rig *rig = ats_open(t);
	struct dma_buffer *buffer = map_buffer(rig, PAGE);

	ats_hold(rig, buffer->iova, NONE);
	testdev_set32(&rig->engine, TESTDEV_MISBEHAVE,
		      param_is(t, "how", "keeps") ? TESTDEV_MISBEHAVE_KEEP_TLB
						  : TESTDEV_MISBEHAVE_LATE_INVAL);
	unmap_buffer(buffer);
	fill_canary(buffer);
	/* The memory stays ours until the end of the case: nobody else is harmed. */
	expect_ats_logged(rig, buffer->iova, PAGE, NONE);
	expect(t, ats_held(rig, buffer->iova, NONE));
	expect_equal(t, ats_write(rig, buffer->iova, NONE, 0x55), ENGINE_OK);
	expect_equal(t, buffer->data[0], 0x55);
	fill_canary(buffer);
	testdev_set32(&rig->engine, TESTDEV_MISBEHAVE, 0);
	if (param_is(t, "how", "keeps"))
		ats_keep(rig);
	expect_ats_gone(rig, buffer->iova, NONE);
	expect_canary(buffer);
}

static struct svm *open_keeping(struct test *t)
{
	struct svm *svm = svm_open(t, SVM_PASID);

	need_ats(svm->rig);
	ats_keep(svm->rig);
	return svm;
}

CASE(pasid_unmap,
     .proves = "when unmap returns, the device keeps no translation with the PASID, and the "
	       "invalidation named that PASID",
     .rule = "VT-d 6.5.2.6: PASID-based device TLB invalidation", .marks = LIST("smoke"),
     .needs = NEEDS_PASID,
     .parameters = { IOMMUFD_ONLY, PARAMETER("pasid", "1", "2", "last"),
		     PARAMETER("size", "4K", "12K", "2M") })
{
	struct svm *svm = open_keeping(t);
	struct table *table = table_open(svm, NULL);
	struct area *area = area_in(table, param_size(t, "size"));
	uint32_t pasid =
		param_is(t, "pasid", "last") ? svm->last_pasid : (uint32_t)param_size(t, "pasid");
	uint64_t last = area->iova + area->length - PAGE;

	attach_pasid(table, pasid);
	/* What attaching invalidated is not what unmapping does. */
	ats_keep(svm->rig);
	expect_ats_reaches(svm->rig, area->iova, pasid, area->data);
	ats_hold(svm->rig, last, pasid);
	area_unmap(area, table);
	expect_ats_logged(svm->rig, area->iova, area->length, pasid);
	memset(area->data, CANARY, area->length);
	expect_ats_gone(svm->rig, area->iova, pasid);
	expect_ats_gone(svm->rig, last, pasid);
	expect_area_canary(area);
}

CASE(pasid_detach,
     .proves =
	     "when a PASID was detached, the device keeps no translation with it; those of another "
	     "PASID and without one still work",
     .rule = "VT-d 6.5.3.3: guidance for PASID table entries", .marks = LIST("smoke"),
     .needs = NEEDS_PASID, .parameters = { IOMMUFD_ONLY })
{
	struct svm *svm = open_keeping(t);
	struct table *table = table_open(svm, NULL);
	struct area *area = area_in(table, PAGE), *own = area_in(svm->own, PAGE);

	attach_pasid(table, 3);
	attach_pasid(table, 4);
	ats_hold(svm->rig, area->iova, 3);
	ats_hold(svm->rig, area->iova, 4);
	ats_hold(svm->rig, own->iova, NONE);
	detach_pasid(svm, 3);
	expect_ats_gone(svm->rig, area->iova, 3);
	expect_area_canary(area);
	expect_ats_reaches(svm->rig, area->iova, 4, area->data);
	expect_ats_reaches(svm->rig, own->iova, NONE, own->data);
}

CASE(pasid_replace,
     .proves = "when the page table of a PASID was replaced, the device reaches only the new one, "
	       "although it had kept translations of the old",
     .rule = "VT-d 6.5.3.3: guidance for PASID table entries", .needs = NEEDS_PASID,
     .parameters = { IOMMUFD_ONLY })
{
	struct svm *svm = open_keeping(t);
	struct table *one = table_open(svm, NULL), *two = table_open(svm, NULL);
	struct area *old = area_in(one, PAGE), *only_old = area_in(one, PAGE);
	struct area *new = area_in_at(two, PAGE, old->iova);

	attach_pasid(one, 1);
	ats_hold(svm->rig, old->iova, 1);
	ats_hold(svm->rig, only_old->iova, 1);
	attach_pasid(two, 1);
	expect_ats_reaches(svm->rig, new->iova, 1, new->data);
	expect_ats_gone(svm->rig, only_old->iova, 1);
	expect_area_canary(old);
	expect_area_canary(only_old);
}

CASE(shared_table,
     .proves = "unmapping in a page table that the device and several PASIDs share drops the "
	       "translations of all of them",
     .rule = "VT-d 6.5.2.6: PASID-based device TLB invalidation", .needs = NEEDS_PASID,
     .parameters = { IOMMUFD_ONLY })
{
	struct svm *svm = open_keeping(t);
	struct area *area = area_in(svm->own, 2 * PAGE);
	const uint32_t pasids[] = { NONE, 1, 2, 9, svm->last_pasid };

	for (int i = 0; i < 5; i++) {
		if (i)
			attach_pasid(svm->own, pasids[i]);
		ats_hold(svm->rig, area->iova, pasids[i]);
		ats_hold(svm->rig, area->iova + PAGE, pasids[i]);
	}
	area_unmap(area, svm->own);
	for (int i = 0; i < 5; i++) {
		expect_ats_gone(svm->rig, area->iova, pasids[i]);
		expect_ats_gone(svm->rig, area->iova + PAGE, pasids[i]);
	}
	expect_area_canary(area);
}
