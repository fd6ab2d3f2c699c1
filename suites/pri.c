// SPDX-License-Identifier: GPL-2.0-or-later
/* Page requests from the device to the fault queue, and responses back. */
#include <stdlib.h>
#include <string.h>

#include <iommut/pattern.h>

#include "suites/svm.h"

SUITE("pri", "page requests: delivered, answered, retried, and what goes wrong with them");

#define NEEDS LIST("iommufd", "engine.pri", "engine.pasid")
#define WHOM  PARAMETER("of", "device", "pasid")

CASE(write_fault,
     .proves = "a device write to a missing page is reported, waits, and lands once the page is "
	       "mapped and the fault answered with success",
     .rule = "iommufd.h: struct iommu_hwpt_pgfault, IOMMUFD_PAGE_RESP_SUCCESS; PCIe 10.4",
     .marks = LIST("smoke"), .needs = NEEDS, .parameters = { IOMMUFD_ONLY, WHOM })
{
	struct requester requester = requester_open(t);
	struct svm *svm = requester.svm;
	struct area *area = area_make(svm, PAGE);
	struct iommu_hwpt_pgfault fault;
	struct engine_result result;
	uint8_t bytes[64];

	iommut_pattern_fill(bytes, sizeof(bytes), random64(t), 0);
	expect_zero(t, svm->engine->driver->load(svm->engine, 0, bytes, sizeof(bytes)));
	start_faulting(&requester, ENGINE_OP_WRITE, area->iova + 128, sizeof(bytes), 0);
	fault = next_fault(requester.table);
	expect_fault(&requester, &fault, area->iova, IOMMU_PGFAULT_PERM_WRITE);
	/* It waits as long as it takes: nothing has happened so far. */
	expect_errno(t, svm->engine->driver->poll(svm->engine, &result), EAGAIN);
	expect_area_canary(area);
	area_map(area, requester.table, IOMMUT_RW);
	respond(requester.table, fault.cookie, IOMMUFD_PAGE_RESP_SUCCESS);
	expect_end(svm, ENGINE_OK);
	expect_bytes(t, area->data + 128, bytes, sizeof(bytes));
	memset(area->data + 128, CANARY, sizeof(bytes));
	expect_area_canary(area);
	expect_response(svm, fault.grpid, requester.pasid, TESTDEV_PRI_CODE_SUCCESS);
	expect_no_fault(requester.table);
}

CASE(read_fault,
     .proves =
	     "a device read of a missing page is reported as a read, and yields the memory mapped "
	     "in answer",
     .rule = "iommufd.h: IOMMU_PGFAULT_PERM_READ; PCIe 10.4", .marks = LIST("smoke"),
     .needs = NEEDS, .parameters = { IOMMUFD_ONLY, WHOM })
{
	struct requester requester = requester_open(t);
	struct svm *svm = requester.svm;
	struct area *area = area_make(svm, PAGE);
	struct iommu_hwpt_pgfault fault;
	uint8_t seen[64];

	iommut_pattern_fill(area->data, area->length, random64(t), 0);
	start_faulting(&requester, ENGINE_OP_READ, area->iova + 64, sizeof(seen), 0);
	fault = next_fault(requester.table);
	expect_fault(&requester, &fault, area->iova, IOMMU_PGFAULT_PERM_READ);
	area_map(area, requester.table, IOMMUT_READ);
	respond(requester.table, fault.cookie, IOMMUFD_PAGE_RESP_SUCCESS);
	expect_end(svm, ENGINE_OK);
	expect_zero(t, svm->engine->driver->store(svm->engine, 0, seen, sizeof(seen)));
	expect_bytes(t, seen, area->data + 64, sizeof(seen));
}

CASE(invalid,
     .proves = "a fault answered as invalid ends the transfer as refused and nothing is written, "
	       "although the page is mapped meanwhile",
     .rule = "iommufd.h: IOMMUFD_PAGE_RESP_INVALID; PCIe 10.4.2.1: Invalid Request",
     .marks = LIST("smoke"), .needs = NEEDS, .parameters = { IOMMUFD_ONLY, WHOM })
{
	struct requester requester = requester_open(t);
	struct svm *svm = requester.svm;
	struct area *area = area_make(svm, PAGE);
	struct iommu_hwpt_pgfault fault;

	start_faulting(&requester, ENGINE_OP_WRITE, area->iova, 64, 0);
	fault = next_fault(requester.table);
	area_map(area, requester.table, IOMMUT_RW);
	respond(requester.table, fault.cookie, IOMMUFD_PAGE_RESP_INVALID);
	expect_end(svm, ENGINE_REFUSED);
	expect_response(svm, fault.grpid, requester.pasid, TESTDEV_PRI_CODE_INVALID);
	expect_area_canary(area);
	expect_pasid_reaches(area, requester.transfer_pasid);
}

CASE(success_without_page,
     .proves =
	     "a fault answered with success although nothing was mapped gives the device nothing: "
	     "it asks again",
     .rule = "PCIe 10.4.2.1: Success says the request was processed, not that the page is there",
     .needs = NEEDS, .parameters = { IOMMUFD_ONLY, WHOM })
{
	struct requester requester = requester_open(t);
	struct svm *svm = requester.svm;
	struct area *area = area_make(svm, PAGE);
	struct iommu_hwpt_pgfault fault;

	start_faulting(&requester, ENGINE_OP_FILL, area->iova, 64, 0);
	fault = next_fault(requester.table);
	respond(requester.table, fault.cookie, IOMMUFD_PAGE_RESP_SUCCESS);
	fault = next_fault(requester.table);
	expect_fault(&requester, &fault, area->iova, IOMMU_PGFAULT_PERM_WRITE);
	expect_area_canary(area);
	respond(requester.table, fault.cookie, IOMMUFD_PAGE_RESP_INVALID);
	expect_end(svm, ENGINE_REFUSED);
	expect_area_canary(area);
}

CASE(permission_fault,
     .proves =
	     "a device write to a page mapped for reading faults for writing, and lands once it is "
	     "mapped for writing",
     .rule = "iommufd.h: IOMMU_PGFAULT_PERM_WRITE", .needs = NEEDS,
     .parameters = { IOMMUFD_ONLY, WHOM })
{
	struct requester requester = requester_open(t);
	struct svm *svm = requester.svm;
	struct area *area = area_make(svm, PAGE);
	struct iommu_hwpt_pgfault fault;
	uint8_t bytes[64];

	area_map(area, requester.table, IOMMUT_READ);
	expect_pasid_read(svm, requester.transfer_pasid, area->iova, bytes, sizeof(bytes));
	iommut_pattern_fill(bytes, sizeof(bytes), random64(t), 0);
	expect_zero(t, svm->engine->driver->load(svm->engine, 0, bytes, sizeof(bytes)));
	start_faulting(&requester, ENGINE_OP_WRITE, area->iova, sizeof(bytes), 0);
	fault = next_fault(requester.table);
	expect(t, fault.perm & IOMMU_PGFAULT_PERM_WRITE);
	expect_equal(t, fault.addr, area->iova);
	expect_area_canary(area);
	area_unmap(area, requester.table);
	area_map(area, requester.table, IOMMUT_RW);
	respond(requester.table, fault.cookie, IOMMUFD_PAGE_RESP_SUCCESS);
	expect_end(svm, ENGINE_OK);
	expect_bytes(t, area->data, bytes, sizeof(bytes));
}

CASE(long_transfer,
     .proves = "a transfer over many missing pages faults at each in turn and arrives whole",
     .rule = "iommufd.h: struct iommu_hwpt_pgfault", .needs = NEEDS, .timeout_ms = 20000,
     .parameters = { IOMMUFD_ONLY, WHOM })
{
	struct requester requester = requester_open(t);
	struct svm *svm = requester.svm;
	enum { PAGES = 24 };
	uint64_t base = free_iova(svm->rig, PAGES * PAGE), seed = random64(t);
	struct area *areas[PAGES];
	static uint8_t bytes[PAGES * PAGE];

	iommut_pattern_fill(bytes, sizeof(bytes), seed, 0);
	expect_zero(t, svm->engine->driver->load(svm->engine, 0, bytes, sizeof(bytes)));
	for (int i = 0; i < PAGES; i++)
		areas[i] = area_make_at(svm, PAGE, base + (uint64_t)i * PAGE);
	start_faulting(&requester, ENGINE_OP_WRITE, base, sizeof(bytes), 0);
	for (int i = 0; i < PAGES; i++) {
		struct iommu_hwpt_pgfault fault = next_fault(requester.table);

		expect_fault(&requester, &fault, areas[i]->iova, IOMMU_PGFAULT_PERM_WRITE);
		expect_area_canary(areas[i]);
		area_map(areas[i], requester.table, IOMMUT_RW);
		respond(requester.table, fault.cookie, IOMMUFD_PAGE_RESP_SUCCESS);
	}
	expect_end(svm, ENGINE_OK);
	for (int i = 0; i < PAGES; i++)
		expect_zero(t, iommut_pattern_verify(areas[i]->data, PAGE, seed, (uint64_t)i * PAGE,
						     NULL));
}

CASE(others_go_on,
     .proves = "a fault of one PASID that is not answered holds up neither another PASID nor "
	       "requests without one",
     .rule = "PCIe 10.4: page requests are independent of other traffic", .needs = NEEDS,
     .parameters = { IOMMUFD_ONLY })
{
	struct svm *svm = svm_open(t, SVM_PASID | SVM_PRI);
	struct table *one = table_open(svm, queue_open(svm));
	struct table *two = table_open(svm, queue_open(svm));
	struct area *own = area_in(svm->own, PAGE), *second = area_in(two, PAGE);
	struct iommu_hwpt_pgfault stuck, fault;
	uint64_t nowhere = free_iova(svm->rig, PAGE);

	attach_pasid(one, 1);
	attach_pasid(two, 2);
	page_request(svm, nowhere, 1, 10, TESTDEV_PRI_WRITE | TESTDEV_PRI_LAST);
	stuck = next_fault(one);
	for (int i = 0; i < 10; i++) {
		expect_pasid_reaches(own, IOMMUT_NO_PASID);
		expect_pasid_reaches(second, 2);
	}
	page_request(svm, nowhere, 2, 11, TESTDEV_PRI_READ | TESTDEV_PRI_LAST);
	fault = next_fault(two);
	respond(two, fault.cookie, IOMMUFD_PAGE_RESP_SUCCESS);
	expect_response(svm, 11, 2, TESTDEV_PRI_CODE_SUCCESS);
	expect_equal(t, response_count(svm), 1);
	respond(one, stuck.cookie, IOMMUFD_PAGE_RESP_INVALID);
	expect_response(svm, 10, 1, TESTDEV_PRI_CODE_INVALID);
}

CASE(own_queue,
     .proves =
	     "faults of the device and of two PASIDs each go to the queue of their own page table",
     .rule = "iommufd.h: struct iommu_hwpt_alloc: fault_id", .needs = NEEDS,
     .parameters = { IOMMUFD_ONLY })
{
	struct svm *svm = svm_open(t, SVM_PASID | SVM_PRI);
	struct table *tables[3] = { svm->own, table_open(svm, queue_open(svm)),
				    table_open(svm, queue_open(svm)) };
	const uint32_t pasids[3] = { RID_PASID, 1, 2 };
	uint64_t nowhere = free_iova(svm->rig, PAGE);

	attach_pasid(tables[1], 1);
	attach_pasid(tables[2], 2);
	for (uint32_t i = 0; i < 9; i++) {
		struct table *table = tables[i % 3];
		struct iommu_hwpt_pgfault fault;

		page_request(svm, nowhere, pasids[i % 3], i, TESTDEV_PRI_READ | TESTDEV_PRI_LAST);
		fault = next_fault(table);
		expect_equal(t, fault.grpid, i);
		for (int other = 0; other < 3; other++)
			expect_no_fault(tables[other]);
		respond(table, fault.cookie, IOMMUFD_PAGE_RESP_SUCCESS);
		expect_response(svm, i, pasids[i % 3], TESTDEV_PRI_CODE_SUCCESS);
	}
}

CASE(shared_queue,
     .proves = "page tables may share a fault queue: each fault in it says which PASID it is of",
     .rule = "iommufd.h: struct iommu_hwpt_pgfault: pasid", .needs = NEEDS,
     .parameters = { IOMMUFD_ONLY })
{
	struct svm *svm = svm_open(t, SVM_PASID | SVM_PRI);
	struct iommut_fault_queue *queue = queue_open(svm);
	struct table *one = table_open(svm, queue), *two = table_open(svm, queue);
	uint64_t nowhere = free_iova(svm->rig, PAGE);
	struct iommu_hwpt_pgfault faults[4];

	attach_pasid(one, 3);
	attach_pasid(two, 4);
	for (uint32_t i = 0; i < 4; i++)
		page_request(svm, nowhere, i % 2 ? 4 : 3, 20 + i,
			     TESTDEV_PRI_READ | TESTDEV_PRI_LAST);
	read_faults(queue, svm, faults, 4);
	for (uint32_t i = 0; i < 4; i++) {
		expect_equal(t, faults[i].grpid, 20 + i);
		expect(t, faults[i].flags & IOMMU_PGFAULT_FLAGS_PASID_VALID);
		expect_equal(t, faults[i].pasid, i % 2 ? 4 : 3);
		expect_zero(t, iommut_fault_queue_respond(queue, faults[i].cookie,
							  IOMMUFD_PAGE_RESP_SUCCESS));
		expect_response(svm, 20 + i, i % 2 ? 4 : 3, TESTDEV_PRI_CODE_SUCCESS);
	}
}

static uint64_t address_of(struct svm *svm)
{
	struct test *t = svm->t;
	uint64_t high = 0;
	struct iommut_iova_range *ranges;
	size_t count;

	if (param_is(t, "address", "low"))
		return 0x1000;
	if (param_is(t, "address", "4G"))
		return 0x100000000;
	expect_zero(t, iommut_space_ranges(svm->rig->space, &ranges, &count));
	if (count)
		high = ranges[count - 1].last & ~(uint64_t)(PAGE - 1);
	free(ranges);
	return high;
}

CASE(fields,
     .proves = "every field of a page request arrives in the fault: address, permissions, PASID, "
	       "group, last",
     .rule = "iommufd.h: struct iommu_hwpt_pgfault; PCIe 10.4.1", .marks = LIST("smoke"),
     .needs = NEEDS,
     .parameters = { IOMMUFD_ONLY, WHOM, PARAMETER("address", "low", "4G", "last") })
{
	struct requester requester = requester_open(t);
	struct svm *svm = requester.svm;
	uint64_t iova = address_of(svm);
	static const struct {
		uint32_t flags, perm;
	} kinds[] = {
		{ TESTDEV_PRI_READ, IOMMU_PGFAULT_PERM_READ },
		{ TESTDEV_PRI_WRITE, IOMMU_PGFAULT_PERM_WRITE },
		{ TESTDEV_PRI_READ | TESTDEV_PRI_WRITE,
		  IOMMU_PGFAULT_PERM_READ | IOMMU_PGFAULT_PERM_WRITE },
	};
	static const uint32_t groups[] = { 0, 1, 2, 255, 256, 510, 511 };

	for (size_t i = 0; i < 21; i++) {
		uint32_t group = groups[i % 7];
		struct iommu_hwpt_pgfault fault;

		page_request(svm, iova, requester.pasid, group,
			     kinds[i % 3].flags | TESTDEV_PRI_LAST);
		fault = next_fault(requester.table);
		expect_fault(&requester, &fault, iova, kinds[i % 3].perm);
		expect_equal(t, fault.grpid, group);
		expect_equal(t, fault.__reserved, 0);
		respond(requester.table, fault.cookie,
			i % 2 ? IOMMUFD_PAGE_RESP_SUCCESS : IOMMUFD_PAGE_RESP_INVALID);
		expect_response(svm, group, requester.pasid,
				i % 2 ? TESTDEV_PRI_CODE_SUCCESS : TESTDEV_PRI_CODE_INVALID);
	}
}

CASE(group,
     .proves = "requests of one group arrive together, in order, with one cookie and the last one "
	       "marked, and one answer serves them all",
     .rule = "iommufd.h: IOMMU_PGFAULT_FLAGS_LAST_PAGE, cookie; PCIe 10.4.1",
     .marks = LIST("smoke"), .needs = NEEDS,
     .parameters = { IOMMUFD_ONLY, WHOM, PARAMETER("requests", "2", "3", "16") })
{
	struct requester requester = requester_open(t);
	struct svm *svm = requester.svm;
	uint32_t count = (uint32_t)param_size(t, "requests");
	uint64_t base = free_iova(svm->rig, 16 * PAGE);
	struct iommu_hwpt_pgfault faults[16];

	for (uint32_t i = 0; i < count; i++)
		page_request(svm, base + (uint64_t)i * PAGE, requester.pasid, 77,
			     TESTDEV_PRI_READ | (i == count - 1 ? TESTDEV_PRI_LAST : 0));
	read_faults(requester.table->queue, svm, faults, count);
	for (uint32_t i = 0; i < count; i++) {
		expect_equal(t, faults[i].addr, base + (uint64_t)i * PAGE);
		expect_equal(t, faults[i].grpid, 77);
		expect_equal(t, faults[i].cookie, faults[0].cookie);
		expect_equal(t, !!(faults[i].flags & IOMMU_PGFAULT_FLAGS_LAST_PAGE),
			     i == count - 1);
	}
	expect_equal(t, response_count(svm), 0);
	respond(requester.table, faults[0].cookie, IOMMUFD_PAGE_RESP_SUCCESS);
	expect_response(svm, 77, requester.pasid, TESTDEV_PRI_CODE_SUCCESS);
	expect_equal(t, response_count(svm), 1);
}

CASE(partial_group,
     .proves = "a group is held back until its last request, while complete groups pass it",
     .rule = "PCIe 10.4.1: Last request in PRG; iommufd.h: IOMMU_PGFAULT_FLAGS_LAST_PAGE",
     .needs = NEEDS, .parameters = { IOMMUFD_ONLY, WHOM })
{
	struct requester requester = requester_open(t);
	struct svm *svm = requester.svm;
	uint64_t base = free_iova(svm->rig, 4 * PAGE);
	struct iommu_hwpt_pgfault faults[3], other;

	page_request(svm, base, requester.pasid, 30, TESTDEV_PRI_READ);
	page_request(svm, base + PAGE, requester.pasid, 30, TESTDEV_PRI_WRITE);
	page_request(svm, base + 2 * PAGE, requester.pasid, 31,
		     TESTDEV_PRI_READ | TESTDEV_PRI_LAST);
	/* The complete one came later, so the other two were seen before it: they are held back, not late. */
	other = next_fault(requester.table);
	expect_equal(t, other.grpid, 31);
	expect_equal(t, other.addr, base + 2 * PAGE);
	expect_no_fault(requester.table);
	respond(requester.table, other.cookie, IOMMUFD_PAGE_RESP_SUCCESS);
	expect_response(svm, 31, requester.pasid, TESTDEV_PRI_CODE_SUCCESS);
	page_request(svm, base + 3 * PAGE, requester.pasid, 30,
		     TESTDEV_PRI_READ | TESTDEV_PRI_LAST);
	read_faults(requester.table->queue, svm, faults, 3);
	expect_equal(t, faults[0].addr, base);
	expect_equal(t, faults[1].addr, base + PAGE);
	expect_equal(t, faults[1].perm, IOMMU_PGFAULT_PERM_WRITE);
	expect_equal(t, faults[2].addr, base + 3 * PAGE);
	respond(requester.table, faults[2].cookie, IOMMUFD_PAGE_RESP_INVALID);
	expect_response(svm, 30, requester.pasid, TESTDEV_PRI_CODE_INVALID);
	expect_equal(t, response_count(svm), 2);
}

CASE(groups_interleaved,
     .proves =
	     "two groups whose requests alternate are delivered apart, each with its own requests "
	     "in order",
     .rule = "PCIe 10.4.1: Page Request Group Index", .needs = NEEDS,
     .parameters = { IOMMUFD_ONLY, WHOM })
{
	struct requester requester = requester_open(t);
	struct svm *svm = requester.svm;
	uint64_t base = free_iova(svm->rig, 8 * PAGE);
	struct iommu_hwpt_pgfault faults[8];

	for (uint32_t i = 0; i < 8; i++)
		page_request(svm, base + (uint64_t)i * PAGE, requester.pasid, 40 + i % 2,
			     TESTDEV_PRI_READ | (i >= 6 ? TESTDEV_PRI_LAST : 0));
	read_faults(requester.table->queue, svm, faults, 8);
	for (uint32_t i = 0; i < 8; i++) {
		expect_equal(t, faults[i].grpid, 40 + i / 4);
		expect_equal(t, faults[i].addr, base + (i % 4 * 2 + i / 4) * (uint64_t)PAGE);
	}
	expect(t, faults[0].cookie != faults[4].cookie);
	respond(requester.table, faults[4].cookie, IOMMUFD_PAGE_RESP_SUCCESS);
	respond(requester.table, faults[0].cookie, IOMMUFD_PAGE_RESP_SUCCESS);
	expect_response(svm, 41, requester.pasid, TESTDEV_PRI_CODE_SUCCESS);
	expect_response(svm, 40, requester.pasid, TESTDEV_PRI_CODE_SUCCESS);
}

CASE(no_queue,
     .proves =
	     "a page request for a page table without a fault queue is answered by the kernel, and "
	     "not with success",
     .rule = "Linux io-pgfault.c: a fault nobody handles is completed with an error; PCIe 10.4.2",
     .needs = NEEDS, .parameters = { IOMMUFD_ONLY })
{
	struct svm *svm = svm_open(t, SVM_PASID | SVM_PRI);
	struct table *with = table_open(svm, queue_open(svm)), *without = table_open(svm, NULL);
	struct iommu_hwpt_pgfault fault;
	uint32_t group, code;

	attach_pasid(with, 1);
	attach_pasid(without, 2);
	page_request(svm, free_iova(svm->rig, PAGE), 2, 50, TESTDEV_PRI_READ | TESTDEV_PRI_LAST);
	code = any_response(svm, &group);
	expect_equal(t, group, 50);
	expect_that(t, code != TESTDEV_PRI_CODE_SUCCESS, "the kernel answered with success");
	expect_no_fault(with);
	page_request(svm, free_iova(svm->rig, PAGE), 1, 51, TESTDEV_PRI_READ | TESTDEV_PRI_LAST);
	fault = next_fault(with);
	respond(with, fault.cookie, IOMMUFD_PAGE_RESP_SUCCESS);
	expect_response(svm, 51, 1, TESTDEV_PRI_CODE_SUCCESS);
}

/* Requests the specification has but Linux need not support: delivered for what they are, or refused. */
CASE(special_requests,
     .proves = "a page request that is privileged or for execution is reported as what it is or "
	       "answered as an error, never reported as less",
     .rule = "PCIe 10.4.1, 6.20.2; iommufd.h: IOMMU_PGFAULT_PERM_EXEC, IOMMU_PGFAULT_PERM_PRIV",
     .needs = NEEDS,
     .parameters = { IOMMUFD_ONLY, PARAMETER("kind", "execute", "privileged", "both") })
{
	struct requester requester = requester_open(t);
	struct svm *svm = requester.svm;
	uint32_t flags = TESTDEV_PRI_READ | TESTDEV_PRI_LAST, perm = IOMMU_PGFAULT_PERM_READ;
	uint64_t nowhere = free_iova(svm->rig, PAGE);
	int64_t end = now_ms() + ARRIVAL_MS;
	struct iommu_hwpt_pgfault fault;

	if (!param_is(t, "kind", "privileged")) {
		flags |= TESTDEV_PRI_EXECUTE;
		perm |= IOMMU_PGFAULT_PERM_EXEC;
	}
	if (!param_is(t, "kind", "execute")) {
		flags |= TESTDEV_PRI_PRIVILEGED;
		perm |= IOMMU_PGFAULT_PERM_PRIV;
	}
	provokes_page_requests(svm->rig);
	page_request(svm, nowhere, requester.pasid, 60, flags);
	for (;;) {
		size_t count = 1;
		int error = iommut_fault_queue_read(requester.table->queue, &fault, &count, 20);

		if (!error) {
			expect_that(t, (fault.perm & perm) == perm,
				    "a request with permissions 0x%x was reported as 0x%x", perm,
				    fault.perm);
			respond(requester.table, fault.cookie, IOMMUFD_PAGE_RESP_SUCCESS);
			expect_response(svm, 60, requester.pasid, TESTDEV_PRI_CODE_SUCCESS);
			break;
		}
		expect_errno(t, error, ETIMEDOUT);
		if (response_count(svm)) {
			expect(t, any_response(svm, NULL) != TESTDEV_PRI_CODE_SUCCESS);
			note(t, "the kernel refused the request");
			break;
		}
		expect_that(t, now_ms() < end, "neither fault nor response within %d ms",
			    ARRIVAL_MS);
	}
	/* The queue still works. */
	page_request(svm, nowhere, requester.pasid, 61, TESTDEV_PRI_READ | TESTDEV_PRI_LAST);
	fault = next_fault(requester.table);
	respond(requester.table, fault.cookie, IOMMUFD_PAGE_RESP_SUCCESS);
	if (!(testdev_get32(svm->engine, TESTDEV_PRI_ENABLED) & 8))
		expect_response(svm, 61, requester.pasid, TESTDEV_PRI_CODE_SUCCESS);
}

CASE(stop_marker, .proves = "a PASID stop marker is neither reported as a fault nor answered",
     .rule = "PCIe 10.4.1.2.1: Stop Marker: L set, R and W clear", .needs = NEEDS,
     .parameters = { IOMMUFD_ONLY })
{
	struct requester requester = requester_open(t);
	struct svm *svm = requester.svm;
	uint64_t nowhere = free_iova(svm->rig, PAGE);
	struct iommu_hwpt_pgfault fault;

	page_request(svm, 0, requester.pasid, 0, TESTDEV_PRI_LAST);
	/* A real request after it proves that the marker has been taken by then. */
	page_request(svm, nowhere, requester.pasid, 62, TESTDEV_PRI_READ | TESTDEV_PRI_LAST);
	fault = next_fault(requester.table);
	expect_equal(t, fault.grpid, 62);
	expect_equal(t, fault.addr, nowhere);
	expect_no_fault(requester.table);
	expect_equal(t, response_count(svm), 0);
	respond(requester.table, fault.cookie, IOMMUFD_PAGE_RESP_SUCCESS);
	expect_response(svm, 62, requester.pasid, TESTDEV_PRI_CODE_SUCCESS);
	expect_equal(t, response_count(svm), 1);
}
