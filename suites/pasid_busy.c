// SPDX-License-Identifier: GPL-2.0-or-later
/* PASIDs under load: replaced and detached while DMA runs, many at once, and gone with their process. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <iommut/pattern.h>

#include "suites/svm.h"

#define NEEDS       LIST("iommufd", "engine.pasid")
#define NEEDS_STORM LIST("iommufd", "engine.pasid", "engine.storm")

/* Rounds of a loop whose every round is a chance for a race. */
#define ROUNDS 40

#define STORM_BYTES 64u

CASE(replace,
     .proves =
	     "replacing the page table of a PASID moves it to the new memory, cached translations "
	     "included",
     .rule = "vfio.h: VFIO_DEVICE_ATTACH_IOMMUFD_PT: attaching again replaces",
     .marks = LIST("smoke"), .needs = NEEDS, .parameters = { IOMMUFD_ONLY })
{
	struct svm *svm = svm_open(t, SVM_PASID);
	struct table *one = table_open(svm, NULL), *two = table_open(svm, NULL);
	struct area *first = area_in(one, PAGE);
	struct area *second = area_in_at(two, PAGE, first->iova);
	struct area *only_first = area_in(one, PAGE);

	attach_pasid(one, 1);
	expect_pasid_reaches(first, 1);
	expect_pasid_reaches(only_first, 1);
	attach_pasid(two, 1);
	expect_pasid_reaches(second, 1);
	expect_pasid_refused(svm, 1, only_first->iova);
	expect_area_canary(first);
	expect_area_canary(only_first);
	/* The old page table is free: nothing holds it. */
	table_close(one);
	expect_pasid_reaches(second, 1);
}

static void start_storm(struct svm *svm, uint64_t iova, uint32_t pasid)
{
	struct engine_transfer storm = transfer_with(svm, ENGINE_OP_FILL, iova, pasid, STORM_BYTES);

	storm.operand = random64(svm->t) | 1;
	expect_zero(svm->t, testdev_storm(svm->engine, &storm, 0));
	expect_storm(svm->t, svm->engine, STORM_ANY, 10);
}

CASE(replace_under_dma,
     .proves =
	     "while its page table is replaced back and forth under running DMA, all that arrives "
	     "after a replacement has returned arrives in the new memory",
     .rule = "iommufd: replacing an attachment; VT-d 6.5.3.3, 9.6: present bit",
     .marks = LIST("stress"), .needs = NEEDS_STORM, .timeout_ms = 30000,
     .parameters = { IOMMUFD_ONLY, PARAMETER("on", "device", "pasid") })
{
	struct svm *svm = svm_open(t, SVM_PASID | SVM_STORM);
	bool own = param_is(t, "on", "device");
	struct table *tables[2] = { own ? svm->own : table_open(svm, NULL), table_open(svm, NULL) };
	uint32_t pasid = own ? IOMMUT_NO_PASID : 1;
	struct area *areas[2];
	uint64_t done = 0, blocked = 0;

	areas[0] = area_in(tables[0], PAGE);
	areas[1] = area_in_at(tables[1], PAGE, areas[0]->iova);
	if (!own)
		attach_pasid(tables[0], pasid);
	expect_pasid_reaches(areas[0], pasid);
	/* Whether a driver replaces without a gap is its own choice; VT-d in Linux 7.3 takes the old entry away first. */
	provokes_dma(svm->rig, PROVOKED_READ | PROVOKED_WRITE, areas[0]->iova, PAGE, pasid);
	start_storm(svm, areas[0]->iova, pasid);
	for (int round = 1; round <= ROUNDS; round++) {
		struct table *next = tables[round % 2];

		if (own)
			expect_zero(t, iommut_device_attach(svm->rig->device,
							    iommut_hwpt_id(next->hwpt)));
		else
			attach_pasid(next, pasid);
		memset(areas[(round + 1) % 2]->data, CANARY, PAGE);
		memset(areas[round % 2]->data, CANARY, PAGE);
		expect_storm(t, svm->engine, STORM_ANY, 5);
		expect_area_canary(areas[(round + 1) % 2]);
		expect_that(t,
			    areas[round % 2]->data[0] != CANARY ||
				    areas[round % 2]->data[1] != CANARY,
			    "nothing arrived in the new page in round %d", round);
	}
	expect_zero(t, testdev_storm_stop(svm->engine, &done, &blocked));
	expect(t, done > 0);
	note(t, "%d replacements: %llu transfers went well, %llu were refused in between", ROUNDS,
	     (unsigned long long)done, (unsigned long long)blocked);
	expect_zero(t, iommut_device_attach(svm->rig->device, iommut_hwpt_id(svm->own->hwpt)));
}

CASE(detach_under_dma,
     .proves = "once detach has returned no DMA that was running with the PASID writes any more",
     .rule = "vfio.h: VFIO_DEVICE_DETACH_IOMMUFD_PT; VT-d 6.5.3.3", .marks = LIST("stress"),
     .needs = NEEDS_STORM, .timeout_ms = 30000, .parameters = { IOMMUFD_ONLY })
{
	struct svm *svm = svm_open(t, SVM_PASID | SVM_STORM);
	struct table *table = table_open(svm, NULL);
	struct area *area = area_in(table, PAGE);
	uint64_t done, blocked;

	provokes_dma(svm->rig, PROVOKED_READ | PROVOKED_WRITE, area->iova, PAGE, 1);
	for (int round = 0; round < ROUNDS / 4; round++) {
		attach_pasid(table, 1);
		start_storm(svm, area->iova, 1);
		detach_pasid(svm, 1);
		memset(area->data, CANARY, area->length);
		expect_storm(t, svm->engine, STORM_ANY, 5);
		expect_area_canary(area);
		expect_zero(t, testdev_storm_stop(svm->engine, &done, &blocked));
		expect(t, done > 0);
		expect(t, blocked > 0);
	}
}

CASE(unmap_under_dma,
     .proves =
	     "once unmap has returned no DMA that was running with the PASID writes any more, and "
	     "memory mapped next gets it all",
     .rule = "iommufd.h: IOMMU_IOAS_UNMAP", .marks = LIST("stress"), .needs = NEEDS_STORM,
     .timeout_ms = 30000, .parameters = { IOMMUFD_ONLY })
{
	struct svm *svm = svm_open(t, SVM_PASID | SVM_STORM);
	struct table *table = table_open(svm, NULL);
	struct area *areas[2];

	areas[0] = area_in(table, PAGE);
	areas[1] = area_make_at(svm, PAGE, areas[0]->iova);
	attach_pasid(table, 1);
	provokes_dma(svm->rig, PROVOKED_READ | PROVOKED_WRITE, areas[0]->iova, PAGE, 1);
	start_storm(svm, areas[0]->iova, 1);
	for (int round = 0; round < ROUNDS / 2; round++) {
		struct area *old = areas[round % 2], *new = areas[(round + 1) % 2];

		area_unmap(old, table);
		memset(old->data, CANARY, PAGE);
		expect_storm(t, svm->engine, STORM_ANY, 2);
		expect_area_canary(old);
		area_map(new, table, IOMMUT_RW);
		expect_storm(t, svm->engine, STORM_ANY, 3);
		expect_area_canary(old);
	}
	expect_zero(t, testdev_storm_stop(svm->engine, NULL, NULL));
	expect_pasid_reaches(area_in(table, PAGE), 1);
}

CASE(all_at_once,
     .proves = "dozens of PASIDs attached at once, each with its own memory at one IOVA, never "
	       "reach each other's",
     .rule = "VT-d 3.4.3: the PASID selects the page table", .marks = LIST("stress"),
     .needs = NEEDS, .timeout_ms = 30000, .parameters = { IOMMUFD_ONLY })
{
	struct svm *svm = svm_open(t, SVM_PASID);
	enum { COUNT = 48 };
	struct area *areas[COUNT];
	uint32_t pasids[COUNT];
	uint64_t iova = free_iova(svm->rig, PAGE), tag;

	for (uint32_t i = 0; i < COUNT; i++) {
		struct table *table = table_open(svm, NULL);

		/* Spread over all numbers, the last one included. */
		pasids[i] = svm->last_pasid - i * (svm->last_pasid / COUNT);
		areas[i] = area_in_at(table, PAGE, iova);
		attach_pasid(table, pasids[i]);
	}
	for (uint32_t i = 0; i < COUNT; i++) {
		tag = 0xabcd000000000000 | i;
		expect_pasid_write(svm, pasids[i], iova, &tag, sizeof(tag));
	}
	for (uint32_t i = 0; i < COUNT; i++) {
		expect_equal(t, *(uint64_t *)areas[i]->data, 0xabcd000000000000 | i);
		expect_pasid_read(svm, pasids[i], iova, &tag, sizeof(tag));
		expect_equal(t, tag, 0xabcd000000000000 | i);
	}
	/* Every other one goes; the rest stay. */
	for (uint32_t i = 0; i < COUNT; i += 2)
		detach_pasid(svm, pasids[i]);
	for (uint32_t i = 0; i < COUNT; i++) {
		memset(areas[i]->data, CANARY, PAGE);
		if (i % 2)
			expect_pasid_reaches(areas[i], pasids[i]);
		else
			expect_pasid_refused(svm, pasids[i], iova);
		expect_area_canary(areas[i]);
	}
}

CASE(churn,
     .proves =
	     "every PASID the device has can be attached, used and detached, in random order, and "
	     "the device's own traffic goes on",
     .rule = "iommufd.h: IOMMU_GET_HW_INFO: out_max_pasid_log2", .marks = LIST("stress", "slow"),
     .needs = NEEDS, .timeout_ms = 60000, .parameters = { IOMMUFD_ONLY })
{
	struct svm *svm = svm_open(t, SVM_PASID);
	struct table *tables[2] = { table_open(svm, NULL), table_open(svm, NULL) };
	struct area *own = area_in(svm->own, PAGE), *areas[2];
	uint32_t count = svm->last_pasid < 255 ? svm->last_pasid : 255, *order;
	uint64_t tag;

	areas[0] = area_in(tables[0], PAGE);
	areas[1] = area_in_at(tables[1], PAGE, areas[0]->iova);
	order = calloc(count, sizeof(*order));
	if (!order)
		fail(t, "out of memory");
	undo_later(t, free, order);
	for (uint32_t i = 0; i < count; i++) {
		uint32_t other = (uint32_t)random_below(t, i + 1);

		order[i] = order[other];
		order[other] = svm->last_pasid - i;
	}
	for (uint32_t i = 0; i < count; i++) {
		struct area *area = areas[i % 2];

		attach_pasid(tables[i % 2], order[i]);
		tag = random64(t);
		expect_pasid_write(svm, order[i], area->iova, &tag, sizeof(tag));
		expect_bytes(t, area->data, &tag, sizeof(tag));
		memset(area->data, CANARY, sizeof(tag));
		detach_pasid(svm, order[i]);
		expect_pasid_refused(svm, order[i], area->iova);
		if (i % 32 == 0)
			expect_pasid_reaches(own, IOMMUT_NO_PASID);
	}
	expect_area_canary(areas[0]);
	expect_area_canary(areas[1]);
	expect_area_canary(own);
}

CASE(own_traffic_beside,
     .proves = "requests without a PASID and requests of two PASIDs that alternate transfer by "
	       "transfer never mix",
     .rule = "VT-d 3.4.3: the PASID selects the page table", .marks = LIST("stress"),
     .needs = NEEDS, .timeout_ms = 20000, .parameters = { IOMMUFD_ONLY })
{
	struct svm *svm = svm_open(t, SVM_PASID);
	struct table *tables[3] = { svm->own, table_open(svm, NULL), table_open(svm, NULL) };
	const uint32_t pasids[3] = { IOMMUT_NO_PASID, 1, 2 };
	uint64_t iova = free_iova(svm->rig, PAGE), expected[3] = { 0 }, seen;
	struct area *areas[3];

	for (int i = 0; i < 3; i++) {
		areas[i] = area_in_at(tables[i], PAGE, iova);
		memset(areas[i]->data, 0, PAGE);
		if (i)
			attach_pasid(tables[i], pasids[i]);
	}
	for (int step = 0; step < 300; step++) {
		int who = (int)random_below(t, 3);

		if (random_below(t, 2)) {
			expected[who] = random64(t);
			expect_pasid_write(svm, pasids[who], iova, &expected[who], 8);
		} else {
			expect_pasid_read(svm, pasids[who], iova, &seen, 8);
			expect_equal(t, seen, expected[who]);
		}
		for (int i = 0; i < 3; i++)
			expect_bytes(t, areas[i]->data, &expected[i], 8);
	}
}

CASE(close_detaches,
     .proves =
	     "a device that is closed with a PASID attached has nothing attached when it is opened "
	     "again",
     .rule = "vfio: closing the device detaches every PASID", .needs = NEEDS,
     .parameters = { IOMMUFD_ONLY })
{
	struct svm *svm = svm_open(t, SVM_PASID), *again;
	struct table *table = table_open(svm, NULL);
	struct area *area = area_in(table, PAGE);
	uint64_t iova = area->iova;

	attach_pasid(table, 1);
	expect_pasid_reaches(area, 1);
	/* Without detaching: that is what the kernel has to do. */
	svm->attached_count = 0;
	rig_close(svm->rig);
	svm_close(svm);
	memset(area->data, CANARY, area->length);
	again = svm_open(t, SVM_PASID);
	expect_pasid_refused(again, 1, iova);
	expect_area_canary(area);
	table = table_open(again, NULL);
	attach_pasid(table, 1);
	expect_pasid_reaches(area_in(table, PAGE), 1);
}

CASE(reset, .proves = "a PASID that is attached works again after a reset of the device",
     .rule = "vfio.h: VFIO_DEVICE_RESET; PCIe 7.8.9: the kernel restores the PASID capability",
     .needs = NEEDS, .parameters = { IOMMUFD_ONLY })
{
	struct svm *svm = svm_open(t, SVM_PASID);
	struct table *table = table_open(svm, NULL);
	struct area *area = area_in(table, PAGE);

	attach_pasid(table, 1);
	expect_pasid_reaches(area, 1);
	expect_zero(t, iommut_device_reset(svm->rig->device));
	expect_zero(t, iommut_device_bus_master(svm->rig->device, true));
	expect_pasid_refused(svm, 2, area->iova);
	expect_pasid_reaches(area, 1);
}

static void child_storms(struct test *t, uint8_t *memory, int ready)
{
	struct svm *svm = svm_open(t, SVM_PASID | SVM_STORM);
	struct table *table = table_open(svm, NULL);
	uint64_t iova = free_iova(svm->rig, PAGE);

	expect_zero(t, iommut_space_map(table->space, memory, PAGE, iova, IOMMUT_RW));
	attach_pasid(table, 1);
	start_storm(svm, iova, 1);
	if (write(ready, &iova, sizeof(iova)) != sizeof(iova))
		_exit(1);
	for (;;)
		pause();
}

static void undo_memory(void *memory)
{
	munmap(memory, PAGE);
}

CASE(process_killed,
     .proves =
	     "when the process that attached a PASID is killed in the middle of DMA, memory is no "
	     "longer written and the device can be used again",
     .rule = "vfio, iommufd: the last close detaches and unmaps", .needs = NEEDS_STORM,
     .timeout_ms = 20000, .parameters = { IOMMUFD_ONLY })
{
	uint8_t *memory =
		mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct svm *svm;
	struct iommut_mismatch mismatch;
	struct table *table;
	uint64_t iova = 0;
	int ready[2], status;
	ssize_t got;
	pid_t child;

	expect(t, memory != MAP_FAILED);
	undo_later(t, undo_memory, memory);
	/* Also finds out here, where a skip counts, whether there are PASIDs at all. */
	svm = svm_open(t, SVM_PASID | SVM_STORM);
	svm_close(svm);
	expect_zero(t, pipe(ready));
	child = fork();
	expect(t, child >= 0);
	if (child == 0) {
		close(ready[0]);
		child_storms(t, memory, ready[1]);
	}
	close(ready[1]);
	/* A child that fails closes its end. */
	got = read(ready[0], &iova, sizeof(iova));
	close(ready[0]);
	expect_zero(t, kill(child, SIGKILL));
	expect(t, waitpid(child, &status, 0) == child);
	expect_that(t, got == sizeof(iova), "the child could not start its storm");
	expect_that(t, memory[0] != 0 || memory[1] != 0, "the child's storm wrote nothing");
	memset(memory, CANARY, PAGE);
	svm = svm_open(t, SVM_PASID | SVM_STORM);
	expect_pasid_refused(svm, 1, iova);
	table = table_open(svm, NULL);
	attach_pasid(table, 1);
	expect_pasid_reaches(area_in(table, PAGE), 1);
	if (iommut_byte_verify(memory, PAGE, CANARY, &mismatch) != 0)
		fail(t, "memory of the dead process was written at byte %zu", mismatch.offset);
}

/* A request whose bits the page table entry forbids: refused, or allowed as the bits say, but never a way round the mapping. */
CASE(privileged_and_execute,
     .proves =
	     "privileged and execute requests with a PASID reach what is mapped or nothing, never "
	     "what is not mapped or not writable",
     .rule = "VT-d 3.6.1, 9.6: access rights of first-stage translation; PCIe 6.20.2",
     .needs = NEEDS,
     .parameters = { IOMMUFD_ONLY, PARAMETER("as", "privileged", "execute", "both") })
{
	struct svm *svm = svm_open(t, SVM_PASID);
	struct table *table = table_open(svm, NULL);
	struct area *mapped = area_in(table, PAGE), *read_only = area_make(svm, PAGE);
	struct area *elsewhere = area_in(svm->own, PAGE);
	uint32_t flags = param_is(t, "as", "privileged") ? ENGINE_PRIVILEGED
			 : param_is(t, "as", "execute")  ? ENGINE_EXECUTE
							 : ENGINE_PRIVILEGED | ENGINE_EXECUTE;
	const struct {
		struct area *area;
		enum engine_operation operation;
		bool may;
	} tries[] = {
		{ mapped, ENGINE_OP_READ, true },
		{ read_only, ENGINE_OP_WRITE, false },
		{ elsewhere, ENGINE_OP_READ, false },
		{ elsewhere, ENGINE_OP_WRITE, false },
	};
	uint64_t bytes = random64(t);

	area_map(read_only, table, IOMMUT_READ);
	attach_pasid(table, 1);
	expect_pasid_reaches(mapped, 1);
	for (size_t i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
		struct engine_transfer transfer =
			transfer_with(svm, tries[i].operation, tries[i].area->iova, 1, 8);
		struct engine_result result;
		uint64_t seen = bytes;

		transfer.flags |= flags;
		expect_zero(t, svm->engine->driver->load(svm->engine, 0, &bytes, sizeof(bytes)));
		provokes_transfer(svm->rig, &transfer);
		expect_zero(t, engine_run(svm->engine, &transfer, &result));
		note(t, "try %zu: %s", i, engine_status_name(result.status));
		if (tries[i].operation == ENGINE_OP_READ)
			expect_zero(
				t, svm->engine->driver->store(svm->engine, 0, &seen, sizeof(seen)));
		if (tries[i].may && result.status == ENGINE_OK)
			expect_bytes(t, &seen, tries[i].area->data, sizeof(seen));
		else
			expect(t, result.status == ENGINE_BLOCKED ||
					  result.status == ENGINE_NO_TRANSLATION);
		if (!tries[i].may && tries[i].operation == ENGINE_OP_READ)
			expect(t, memcmp(&seen, tries[i].area->data, sizeof(seen)) != 0);
		expect_area_canary(tries[i].area);
	}
	expect_pasid_reaches(mapped, 1);
}
