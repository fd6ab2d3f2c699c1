// SPDX-License-Identifier: GPL-2.0-or-later
/* What a device reaches with a PASID, and what it does not. */
#include <string.h>

#include <iommut/pattern.h>

#include "suites/svm.h"

SUITE("pasid", "DMA with PASIDs: attach, replace, detach, and isolation of PASIDs from each other");

#define NEEDS LIST("iommufd", "engine.pasid")
#define PASIDS                                                                        \
	{                                                                             \
		IOMMUFD_ONLY, PARAMETER("pasid", "first", "second", "middle", "last") \
	}

/* The numbers at the ends are where a table of PASIDs has its mistakes. */
static uint32_t chosen_pasid(struct svm *svm)
{
	if (param_is(svm->t, "pasid", "first"))
		return 1;
	if (param_is(svm->t, "pasid", "second"))
		return 2;
	if (param_is(svm->t, "pasid", "middle"))
		return svm->last_pasid / 2 + 1;
	return svm->last_pasid;
}

CASE(write,
     .proves = "a device write with a PASID lands in the page table attached to it, byte for byte",
     .rule = "vfio.h: VFIO_DEVICE_ATTACH_IOMMUFD_PT with VFIO_DEVICE_ATTACH_PASID",
     .marks = LIST("smoke"), .needs = NEEDS, .parameters = PASIDS)
{
	struct svm *svm = svm_open(t, SVM_PASID);
	struct table *table = table_open(svm, NULL);
	struct area *area = area_in(table, 2 * PAGE);
	uint32_t pasid = chosen_pasid(svm);
	uint8_t bytes[200];

	attach_pasid(table, pasid);
	iommut_pattern_fill(bytes, sizeof(bytes), random64(t), 0);
	/* Across the border of two pages, with the canary around it. */
	expect_pasid_write(svm, pasid, area->iova + PAGE - 100, bytes, sizeof(bytes));
	expect_bytes(t, area->data + PAGE - 100, bytes, sizeof(bytes));
	memset(area->data + PAGE - 100, CANARY, sizeof(bytes));
	expect_area_canary(area);
}

CASE(read,
     .proves = "a device read with a PASID yields the memory of the page table attached to it",
     .rule = "vfio.h: VFIO_DEVICE_ATTACH_IOMMUFD_PT with VFIO_DEVICE_ATTACH_PASID",
     .marks = LIST("smoke"), .needs = NEEDS, .parameters = PASIDS)
{
	struct svm *svm = svm_open(t, SVM_PASID);
	struct table *table = table_open(svm, NULL);
	struct area *area = area_in(table, 2 * PAGE);
	uint32_t pasid = chosen_pasid(svm);
	uint8_t seen[200];

	attach_pasid(table, pasid);
	iommut_pattern_fill(area->data, area->length, random64(t), 0);
	expect_pasid_read(svm, pasid, area->iova + PAGE - 100, seen, sizeof(seen));
	expect_bytes(t, seen, area->data + PAGE - 100, sizeof(seen));
}

CASE(same_iova,
     .proves = "at one IOVA two PASIDs and requests without a PASID each reach their own memory, "
	       "writing and reading",
     .rule = "VT-d 3.4.3: the PASID selects the page table", .marks = LIST("smoke"), .needs = NEEDS,
     .parameters = { IOMMUFD_ONLY })
{
	struct svm *svm = svm_open(t, SVM_PASID);
	struct table *tables[3] = { svm->own, table_open(svm, NULL), table_open(svm, NULL) };
	const uint32_t pasids[3] = { IOMMUT_NO_PASID, 1, 2 };
	struct area *areas[3];
	uint64_t iova = free_iova(svm->rig, PAGE);
	uint8_t bytes[64], seen[64];

	for (int i = 0; i < 3; i++) {
		areas[i] = area_in_at(tables[i], PAGE, iova);
		if (pasids[i] != IOMMUT_NO_PASID)
			attach_pasid(tables[i], pasids[i]);
	}
	for (int round = 0; round < 6; round++) {
		int one = round % 3;

		iommut_pattern_fill(bytes, sizeof(bytes), random64(t), 0);
		expect_pasid_write(svm, pasids[one], iova, bytes, sizeof(bytes));
		expect_bytes(t, areas[one]->data, bytes, sizeof(bytes));
		memset(areas[one]->data, CANARY, sizeof(bytes));
		for (int i = 0; i < 3; i++)
			expect_area_canary(areas[i]);
	}
	for (int i = 0; i < 3; i++)
		iommut_pattern_fill(areas[i]->data, PAGE, 100 + (uint64_t)i, 0);
	for (int i = 0; i < 3; i++) {
		expect_pasid_read(svm, pasids[i], iova, seen, sizeof(seen));
		expect_bytes(t, seen, areas[i]->data, sizeof(seen));
	}
}

CASE(unattached, .proves = "a PASID to which nothing is attached reaches nothing",
     .rule = "VT-d 3.4.3, 7.1.3: a PASID entry that is not present faults", .marks = LIST("smoke"),
     .needs = NEEDS, .parameters = { IOMMUFD_ONLY })
{
	struct svm *svm = svm_open(t, SVM_PASID);
	struct table *table = table_open(svm, NULL);
	struct area *area = area_in(table, PAGE);
	struct area *own = area_in_at(svm->own, PAGE, area->iova);

	attach_pasid(table, 1);
	expect_pasid_reaches(area, 1);
	for (uint32_t pasid = 2; pasid < 10; pasid++)
		expect_pasid_refused(svm, pasid, area->iova);
	expect_pasid_refused(svm, svm->last_pasid, area->iova);
	expect_area_canary(area);
	expect_area_canary(own);
	expect_pasid_reaches(area, 1);
}

CASE(neighbours, .proves = "attaching a PASID opens that PASID alone, not the numbers beside it",
     .rule = "vfio.h: VFIO_DEVICE_ATTACH_IOMMUFD_PT: pasid", .marks = LIST("smoke"), .needs = NEEDS,
     .parameters = PASIDS)
{
	struct svm *svm = svm_open(t, SVM_PASID);
	struct table *table = table_open(svm, NULL);
	struct area *area = area_in(table, PAGE);
	uint32_t pasid = chosen_pasid(svm);

	attach_pasid(table, pasid);
	expect_pasid_reaches(area, pasid);
	if (pasid > 1)
		expect_pasid_refused(svm, pasid - 1, area->iova);
	if (pasid < svm->last_pasid)
		expect_pasid_refused(svm, pasid + 1, area->iova);
	/* Numbers that differ in one bit: the same place in a table whose index was cut. */
	for (uint32_t bit = 1; bit <= svm->last_pasid; bit <<= 1)
		if ((pasid ^ bit) != 0)
			expect_pasid_refused(svm, pasid ^ bit, area->iova);
	expect_area_canary(area);
}

CASE(not_own_memory,
     .proves = "memory mapped for requests without a PASID cannot be reached with one, and the "
	       "other way round",
     .rule = "VT-d 3.4.3: the PASID selects the page table", .needs = NEEDS,
     .parameters = { IOMMUFD_ONLY })
{
	struct svm *svm = svm_open(t, SVM_PASID);
	struct table *table = table_open(svm, NULL);
	struct area *own = area_in(svm->own, PAGE), *theirs = area_in(table, PAGE);

	attach_pasid(table, 1);
	expect_pasid_reaches(own, IOMMUT_NO_PASID);
	expect_pasid_reaches(theirs, 1);
	expect_pasid_refused(svm, 1, own->iova);
	expect_pasid_refused(svm, IOMMUT_NO_PASID, theirs->iova);
	expect_area_canary(own);
	expect_area_canary(theirs);
}

CASE(detach,
     .proves = "once a PASID is detached it reaches nothing, cached translations included, and "
	       "requests without a PASID go on",
     .rule = "vfio.h: VFIO_DEVICE_DETACH_IOMMUFD_PT; VT-d 6.5.3.3: invalidation on teardown",
     .marks = LIST("smoke"), .needs = NEEDS, .parameters = PASIDS)
{
	struct svm *svm = svm_open(t, SVM_PASID);
	struct table *table = table_open(svm, NULL);
	struct area *area = area_in(table, PAGE), *own = area_in(svm->own, PAGE);
	uint32_t pasid = chosen_pasid(svm);

	attach_pasid(table, pasid);
	expect_pasid_reaches(area, pasid);
	detach_pasid(svm, pasid);
	expect_pasid_refused(svm, pasid, area->iova);
	expect_area_canary(area);
	expect_pasid_reaches(own, IOMMUT_NO_PASID);
	attach_pasid(table, pasid);
	expect_pasid_reaches(area, pasid);
}

CASE(detach_one_of_two, .proves = "detaching one PASID leaves another one attached and working",
     .rule = "vfio.h: VFIO_DEVICE_DETACH_IOMMUFD_PT: pasid", .needs = NEEDS,
     .parameters = { IOMMUFD_ONLY, PARAMETER("tables", "shared", "separate") })
{
	struct svm *svm = svm_open(t, SVM_PASID);
	struct table *one = table_open(svm, NULL);
	struct table *two = param_is(t, "tables", "shared") ? one : table_open(svm, NULL);
	struct area *first = area_in(one, PAGE), *second = area_in(two, PAGE);

	attach_pasid(one, 5);
	attach_pasid(two, 6);
	expect_pasid_reaches(first, 5);
	expect_pasid_reaches(second, 6);
	detach_pasid(svm, 5);
	expect_pasid_refused(svm, 5, first->iova);
	expect_pasid_refused(svm, 5, second->iova);
	expect_pasid_reaches(second, 6);
	expect_area_canary(first);
}

CASE(own_detached, .proves = "detaching the page table of requests without a PASID blocks these",
     .rule = "vfio.h: VFIO_DEVICE_DETACH_IOMMUFD_PT", .needs = NEEDS,
     .parameters = { IOMMUFD_ONLY })
{
	struct svm *svm = svm_open(t, SVM_PASID);
	struct area *own = area_in(svm->own, PAGE);

	expect_pasid_reaches(own, IOMMUT_NO_PASID);
	expect_zero(t, iommut_device_detach(svm->rig->device));
	expect_pasid_refused(svm, IOMMUT_NO_PASID, own->iova);
	expect_area_canary(own);
	expect_zero(t, iommut_device_attach(svm->rig->device, iommut_hwpt_id(svm->own->hwpt)));
	expect_pasid_reaches(own, IOMMUT_NO_PASID);
}

CASE(unmap,
     .proves = "once unmap has returned, the PASIDs of that page table reach the memory no more",
     .rule = "iommufd.h: IOMMU_IOAS_UNMAP; VT-d 6.5.2.4: PASID-based IOTLB invalidation",
     .marks = LIST("smoke"), .needs = NEEDS,
     .parameters = { IOMMUFD_ONLY, PARAMETER("size", "4K", "64K", "2M") })
{
	struct svm *svm = svm_open(t, SVM_PASID);
	struct table *table = table_open(svm, NULL);
	struct area *area = area_in(table, param_size(t, "size"));
	struct area *other = area_in(table, PAGE);

	attach_pasid(table, 1);
	attach_pasid(table, 7);
	/* Both PASIDs fill the IOTLB for the first page and the last. */
	expect_pasid_reaches(area, 1);
	expect_pasid_reaches(area, 7);
	area_unmap(area, table);
	for (int i = 0; i < 2; i++) {
		uint32_t pasid = i ? 7 : 1;

		expect_pasid_refused(svm, pasid, area->iova);
		expect_pasid_refused(svm, pasid, area->iova + area->length - PAGE);
		expect_pasid_reaches(other, pasid);
	}
	expect_area_canary(area);
}

CASE(unmap_in_other,
     .proves = "unmapping in one PASID's address space leaves the same IOVA of another untouched",
     .rule = "iommufd.h: IOMMU_IOAS_UNMAP", .needs = NEEDS, .parameters = { IOMMUFD_ONLY })
{
	struct svm *svm = svm_open(t, SVM_PASID);
	struct table *one = table_open(svm, NULL), *two = table_open(svm, NULL);
	struct area *first = area_in(one, PAGE);
	struct area *second = area_in_at(two, PAGE, first->iova);

	attach_pasid(one, 1);
	attach_pasid(two, 2);
	expect_pasid_reaches(first, 1);
	expect_pasid_reaches(second, 2);
	area_unmap(first, one);
	expect_pasid_refused(svm, 1, first->iova);
	expect_pasid_reaches(second, 2);
	expect_area_canary(first);
}

CASE(remap,
     .proves = "after unmapping and mapping other memory at the IOVA, a PASID reaches only the new "
	       "memory",
     .rule = "iommufd.h: IOMMU_IOAS_UNMAP, IOMMU_IOAS_MAP", .needs = NEEDS,
     .parameters = { IOMMUFD_ONLY })
{
	struct svm *svm = svm_open(t, SVM_PASID);
	struct table *table = table_open(svm, NULL);
	struct area *old = area_in(table, PAGE), *new = area_make_at(svm, PAGE, old->iova);

	attach_pasid(table, 3);
	expect_pasid_reaches(old, 3);
	area_unmap(old, table);
	area_map(new, table, IOMMUT_RW);
	expect_pasid_reaches(new, 3);
	expect_area_canary(old);
}

CASE(read_only, .proves = "memory mapped for reading only cannot be written with a PASID",
     .rule = "iommufd.h: IOMMU_IOAS_MAP_WRITEABLE", .marks = LIST("smoke"), .needs = NEEDS,
     .parameters = { IOMMUFD_ONLY })
{
	struct svm *svm = svm_open(t, SVM_PASID);
	struct table *table = table_open(svm, NULL);
	struct area *area = area_make(svm, PAGE), *control = area_in(table, PAGE);
	struct engine_transfer write = transfer_with(svm, ENGINE_OP_WRITE, area->iova, 4, 64);
	struct engine_result result;
	uint8_t seen[64];

	area_map(area, table, IOMMUT_READ);
	attach_pasid(table, 4);
	expect_pasid_reaches(control, 4);
	expect_pasid_read(svm, 4, area->iova, seen, sizeof(seen));
	expect_bytes(t, seen, area->data, sizeof(seen));
	memset(seen, 0x11, sizeof(seen));
	expect_zero(t, svm->engine->driver->load(svm->engine, 0, seen, sizeof(seen)));
	provokes_transfer(svm->rig, &write);
	expect_zero(t, engine_run(svm->engine, &write, &result));
	expect_area_canary(area);
	expect_that(t, result.status == ENGINE_BLOCKED || result.status == ENGINE_NO_TRANSLATION,
		    "the device's write ended %s", engine_status_name(result.status));
}

CASE(one_table_for_all,
     .proves = "one page table attached to the device and to several PASIDs serves them all alike",
     .rule = "iommufd.h: IOMMU_HWPT_ALLOC_PASID", .needs = NEEDS, .parameters = { IOMMUFD_ONLY })
{
	struct svm *svm = svm_open(t, SVM_PASID);
	struct area *area = area_in(svm->own, PAGE);
	const uint32_t pasids[] = { IOMMUT_NO_PASID, 1, 2, 17, svm->last_pasid };
	const size_t count = sizeof(pasids) / sizeof(pasids[0]);

	for (size_t i = 1; i < count; i++)
		attach_pasid(svm->own, pasids[i]);
	for (size_t i = 0; i < count; i++)
		expect_pasid_reaches(area, pasids[i]);
	area_unmap(area, svm->own);
	for (size_t i = 0; i < count; i++)
		expect_pasid_refused(svm, pasids[i], area->iova);
	expect_area_canary(area);
}

CASE(other_table_after_detach,
     .proves = "a PASID that is detached and attached to another page table reaches only that one",
     .rule = "vfio.h: VFIO_DEVICE_ATTACH_IOMMUFD_PT", .needs = NEEDS,
     .parameters = { IOMMUFD_ONLY })
{
	struct svm *svm = svm_open(t, SVM_PASID);
	struct table *one = table_open(svm, NULL), *two = table_open(svm, NULL);
	struct area *first = area_in(one, PAGE);
	struct area *second = area_in_at(two, PAGE, first->iova);
	struct area *only_first = area_in(one, PAGE);

	attach_pasid(one, 9);
	expect_pasid_reaches(first, 9);
	expect_pasid_reaches(only_first, 9);
	detach_pasid(svm, 9);
	attach_pasid(two, 9);
	expect_pasid_reaches(second, 9);
	expect_pasid_refused(svm, 9, only_first->iova);
	expect_area_canary(first);
	expect_area_canary(only_first);
}

CASE(msi_window,
     .proves =
	     "the window of interrupts reaches nothing with a PASID, and cannot be mapped for one",
     .rule = "VT-d 3.14: requests with PASID to 0xFEEx_xxxx are translated like any other",
     .needs = NEEDS, .parameters = { IOMMUFD_ONLY })
{
	struct svm *svm = svm_open(t, SVM_PASID);
	struct table *table = table_open(svm, NULL);
	struct area *area = area_in(table, PAGE);
	struct area *window = area_make_at(svm, PAGE, 0xfee00000);
	int error;

	attach_pasid(table, 1);
	expect_pasid_reaches(area, 1);
	/*
	 * Reserved ranges belong to requests without a PASID: an address space used for PASIDs alone may have this mapped.
	 * Then the memory must be what the device reaches.
	 */
	error = iommut_space_map(table->space, window->data, PAGE, window->iova, IOMMUT_RW);
	if (error == 0) {
		note(t, "the window can be mapped for a PASID");
		return;
	}
	expect_pasid_refused(svm, 1, window->iova);
	expect_area_canary(window);
	expect_pasid_reaches(area, 1);
}

struct refused_write {
	struct svm *svm;
	struct engine_transfer transfer;
};

static void write_again(void *argument)
{
	struct refused_write *refused = argument;
	struct test *t = refused->svm->rig->t;
	struct engine_result result;

	expect_zero(t, engine_run(refused->svm->engine, &refused->transfer, &result));
	expect_that(t, result.status == ENGINE_BLOCKED || result.status == ENGINE_NO_TRANSLATION,
		    "the device's write ended %s", engine_status_name(result.status));
}

CASE(fault_report,
     .proves = "the kernel's report of a refused request with a PASID agrees with the request",
     .rule = "VT-d 11.4.14: Fault Recording Registers: PASID value, PASID present, address",
     .marks = LIST("exclusive"), .needs = NEEDS, .parameters = { IOMMUFD_ONLY })
{
	struct svm *svm = svm_open(t, SVM_PASID);
	struct table *table = table_open(svm, NULL);
	struct area *area = area_in(table, PAGE);
	uint64_t nowhere = free_iova(svm->rig, PAGE);
	struct refused_write refused = {
		.svm = svm, .transfer = transfer_with(svm, ENGINE_OP_WRITE, nowhere, 6, 8)
	};
	struct iommut_fault fault;

	attach_pasid(table, 6);
	expect_pasid_reaches(area, 6);
	/* A translation request may ask for reading first: its direction is the device's business. */
	provokes_transfer(svm->rig, &refused.transfer);
	provoke_report(watch_faults(t), svm->rig, nowhere, write_again, &refused, &fault);
	expect_that(t, fault.fields & IOMMUT_FAULT_HAS_PASID, "the report names no PASID");
	expect_equal(t, fault.pasid, 6);
	if (fault.fields & IOMMUT_FAULT_HAS_ADDRESS)
		expect_equal(t, fault.address & ~(uint64_t)0xfff, nowhere);
}
