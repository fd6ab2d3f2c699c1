// SPDX-License-Identifier: GPL-2.0-or-later
/* Faults that are many, late, left behind or outlived by nothing: what ends them, and that the device works afterwards. */
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <iommut/pattern.h>

#include "suites/svm.h"

#define NEEDS LIST("iommufd", "engine.pri", "engine.pasid")

static void request(struct requester *requester, uint64_t iova, uint32_t group)
{
	page_request(requester->svm, iova, requester->pasid, group,
		     TESTDEV_PRI_WRITE | TESTDEV_PRI_LAST);
}

static void wait_readable(struct requester *requester)
{
	struct pollfd wait = { .fd = iommut_fault_queue_handle(requester->table->queue).fd,
			       .events = POLLIN };

	expect(requester->svm->t, poll(&wait, 1, ARRIVAL_MS) == 1);
}

static void detach(struct requester *requester)
{
	if (requester->pasid == RID_PASID)
		expect_zero(requester->svm->t, iommut_device_detach(requester->svm->rig->device));
	else
		detach_pasid(requester->svm, requester->pasid);
}

static void attach(struct requester *requester, struct table *table)
{
	if (requester->pasid == RID_PASID)
		expect_zero(requester->svm->t, iommut_device_attach(requester->svm->rig->device,
								    iommut_hwpt_id(table->hwpt)));
	else
		attach_pasid(table, requester->pasid);
}

/* A whole fault and its answer: everything still works. */
static void expect_works(struct requester *requester, uint32_t group)
{
	struct iommu_hwpt_pgfault fault;

	request(requester, free_iova(requester->svm->rig, PAGE), group);
	fault = next_fault(requester->table);
	expect_equal(requester->svm->t, fault.grpid, group);
	respond(requester->table, fault.cookie, IOMMUFD_PAGE_RESP_SUCCESS);
	expect_response(requester->svm, group, requester->pasid, TESTDEV_PRI_CODE_SUCCESS);
}

/* Responses to these groups, in any order, none of them success. */
static void expect_all_refused(struct svm *svm, uint32_t first, uint32_t count)
{
	uint32_t seen = 0, group, code;

	for (uint32_t i = 0; i < count; i++) {
		code = any_response(svm, &group);
		expect_that(svm->t, group >= first && group < first + count,
			    "a response to group %u", group);
		expect_that(svm->t, !(seen & 1u << (group - first)), "two responses to group %u",
			    group);
		expect_that(svm->t, code == TESTDEV_PRI_CODE_INVALID,
			    "group %u was answered with code %u", group, code);
		seen |= 1u << (group - first);
	}
}

CASE(many_outstanding,
     .proves =
	     "many groups outstanding at once are answered in any order, each response to its own "
	     "group with its own code",
     .rule = "PCIe 10.4.2; iommufd.h: cookie", .needs = NEEDS, .timeout_ms = 20000,
     .parameters = { IOMMUFD_ONLY, PARAMETER("of", "device", "pasid"),
		     PARAMETER("groups", "32", "200") })
{
	struct requester requester = requester_open(t);
	struct svm *svm = requester.svm;
	uint32_t count = (uint32_t)param_size(t, "groups"), order[200];
	uint64_t nowhere = free_iova(svm->rig, 200 * PAGE);
	struct iommu_hwpt_pgfault faults[200];

	for (uint32_t i = 0; i < count; i++)
		request(&requester, nowhere + (uint64_t)i * PAGE, i);
	read_faults(requester.table->queue, svm, faults, count);
	for (uint32_t i = 0; i < count; i++) {
		uint32_t other = (uint32_t)random_below(t, i + 1);

		expect_equal(t, faults[i].grpid, i);
		expect_equal(t, faults[i].addr, nowhere + (uint64_t)i * PAGE);
		order[i] = order[other];
		order[other] = i;
	}
	expect_equal(t, testdev_get32(svm->engine, TESTDEV_PRI_OUTSTANDING), count);
	for (uint32_t i = 0; i < count; i++) {
		bool good = order[i] % 3;

		respond(requester.table, faults[order[i]].cookie,
			good ? IOMMUFD_PAGE_RESP_SUCCESS : IOMMUFD_PAGE_RESP_INVALID);
		expect_response(svm, order[i], requester.pasid,
				good ? TESTDEV_PRI_CODE_SUCCESS : TESTDEV_PRI_CODE_INVALID);
	}
	expect_equal(t, testdev_get32(svm->engine, TESTDEV_PRI_OUTSTANDING), 0);
}

CASE(late_answer,
     .proves = "a fault answered late, after much other traffic and many other faults, is still "
	       "answered",
     .rule = "PCIe 10.4: the responder has no deadline", .needs = NEEDS, .timeout_ms = 20000,
     .parameters = { IOMMUFD_ONLY, PARAMETER("of", "device", "pasid") })
{
	struct requester requester = requester_open(t);
	struct svm *svm = requester.svm;
	struct area *area = area_in(requester.table, PAGE);
	struct iommu_hwpt_pgfault late;

	request(&requester, free_iova(svm->rig, PAGE), 300);
	late = next_fault(requester.table);
	for (uint32_t i = 0; i < 100; i++) {
		expect_works(&requester, 301 + i);
		if (i % 10 == 0)
			expect_pasid_reaches(area, requester.transfer_pasid);
	}
	respond(requester.table, late.cookie, IOMMUFD_PAGE_RESP_SUCCESS);
	expect_response(svm, 300, requester.pasid, TESTDEV_PRI_CODE_SUCCESS);
}

CASE(detach_unread, .proves = "detaching with faults that nobody has read answers them as invalid",
     .rule = "iommufd: faults of a detached page table are answered automatically; PCIe 10.4.2.1",
     .marks = LIST("smoke"), .needs = NEEDS,
     .parameters = { IOMMUFD_ONLY, PARAMETER("of", "device", "pasid") })
{
	struct requester requester = requester_open(t);
	struct svm *svm = requester.svm;

	for (uint32_t i = 0; i < 5; i++)
		request(&requester, free_iova(svm->rig, PAGE), 20 + i);
	wait_readable(&requester);
	detach(&requester);
	expect_all_refused(svm, 20, 5);
	expect_no_fault(requester.table);
	attach(&requester, requester.table);
	expect_works(&requester, 30);
}

CASE(detach_unanswered,
     .proves = "detaching with faults that were read and not answered answers them as invalid, and "
	       "answers that come later fail",
     .rule = "iommufd: faults of a detached page table are answered automatically",
     .marks = LIST("smoke"), .needs = NEEDS,
     .parameters = { IOMMUFD_ONLY, PARAMETER("of", "device", "pasid") })
{
	struct requester requester = requester_open(t);
	struct svm *svm = requester.svm;
	struct iommu_hwpt_pgfault faults[5];

	for (uint32_t i = 0; i < 5; i++)
		request(&requester, free_iova(svm->rig, PAGE), 20 + i);
	read_faults(requester.table->queue, svm, faults, 5);
	detach(&requester);
	expect_all_refused(svm, 20, 5);
	for (int i = 0; i < 5; i++)
		expect_errno(t,
			     iommut_fault_queue_respond(requester.table->queue, faults[i].cookie,
							IOMMUFD_PAGE_RESP_SUCCESS),
			     EINVAL);
	expect_equal(t, response_count(svm), 5);
	attach(&requester, requester.table);
	expect_works(&requester, 30);
}

CASE(detach_waiting_transfer,
     .proves = "a transfer that waits for a page ends as refused when its PASID is detached",
     .rule = "iommufd: faults of a detached page table are answered automatically", .needs = NEEDS,
     .parameters = { IOMMUFD_ONLY, PARAMETER("of", "device", "pasid") })
{
	struct requester requester = requester_open(t);
	struct svm *svm = requester.svm;
	struct area *area = area_make(svm, PAGE);
	struct engine_transfer transfer =
		transfer_with(svm, ENGINE_OP_FILL, area->iova, requester.transfer_pasid, 64);
	struct engine_result result;

	transfer.flags |= ENGINE_TRANSLATED | ENGINE_PAGE_REQUEST;
	expect_zero(t, svm->engine->driver->start(svm->engine, &transfer));
	wait_readable(&requester);
	detach(&requester);
	expect_zero(t, engine_wait(svm->engine, &result, ARRIVAL_MS));
	expect_equal(t, result.status, ENGINE_REFUSED);
	expect_area_canary(area);
}

CASE(replace_outstanding,
     .proves = "replacing a page table answers its outstanding faults as invalid; new faults go to "
	       "the "
	       "new queue",
     .rule = "iommufd: faults of a replaced page table are answered automatically", .needs = NEEDS,
     .parameters = { IOMMUFD_ONLY, PARAMETER("of", "device", "pasid") })
{
	struct requester requester = requester_open(t), other;
	struct svm *svm = requester.svm;
	struct iommu_hwpt_pgfault fault;

	other = requester;
	other.table = table_open(svm, queue_open(svm));
	request(&requester, free_iova(svm->rig, PAGE), 40);
	fault = next_fault(requester.table);
	request(&requester, free_iova(svm->rig, PAGE), 41);
	wait_readable(&requester);
	attach(&other, other.table);
	expect_all_refused(svm, 40, 2);
	expect_errno(t,
		     iommut_fault_queue_respond(requester.table->queue, fault.cookie,
						IOMMUFD_PAGE_RESP_SUCCESS),
		     EINVAL);
	expect_no_fault(requester.table);
	expect_works(&other, 42);
	expect_no_fault(requester.table);
}

CASE(request_after_detach,
     .proves = "a page request of something that is no longer attached is answered as an error and "
	       "reaches no queue",
     .rule = "Linux io-pgfault.c: a fault nobody handles is completed with an error; PCIe 10.4.2",
     .needs = NEEDS, .parameters = { IOMMUFD_ONLY })
{
	struct requester requester = requester_open(t);
	struct svm *svm = requester.svm;
	int error;

	expect_works(&requester, 50);
	detach(&requester);
	error = testdev_page_request(svm->engine, free_iova(svm->rig, PAGE), requester.pasid, 51,
				     TESTDEV_PRI_READ | TESTDEV_PRI_LAST);
	/* The IOMMU may refuse it by itself, or hand it to a kernel that has to. */
	if (error == 0)
		expect(t, any_response(svm, NULL) != TESTDEV_PRI_CODE_SUCCESS);
	else
		note(t, "the IOMMU did not take the request: %s", strerror(-error));
	expect_no_fault(requester.table);
	expect_no_fault(svm->own);
	attach(&requester, requester.table);
	expect_works(&requester, 52);
}

CASE(partial_then_detach,
     .proves =
	     "requests of a group that was never completed do not turn up after detach and attach",
     .rule = "PCIe 10.4.1: Last request in PRG; Linux iopf: partial faults go with their device",
     .needs = NEEDS, .parameters = { IOMMUFD_ONLY, PARAMETER("of", "device", "pasid") })
{
	struct requester requester = requester_open(t);
	struct svm *svm = requester.svm;
	struct iommu_hwpt_pgfault fault;
	uint64_t old = free_iova(svm->rig, PAGE), new = free_iova(svm->rig, PAGE);

	page_request(svm, old, requester.pasid, 60, TESTDEV_PRI_READ);
	expect_works(&requester, 61);
	detach(&requester);
	attach(&requester, requester.table);
	page_request(svm, new, requester.pasid, 62, TESTDEV_PRI_READ | TESTDEV_PRI_LAST);
	fault = next_fault(requester.table);
	expect_equal(t, fault.grpid, 62);
	expect_equal(t, fault.addr, new);
	expect_no_fault(requester.table);
	respond(requester.table, fault.cookie, IOMMUFD_PAGE_RESP_SUCCESS);
	expect_response(svm, 62, requester.pasid, TESTDEV_PRI_CODE_SUCCESS);
}

CASE(close_queue_file,
     .proves = "faults outstanding when the last file of their queue is closed are answered once "
	       "their "
	       "page table is detached",
     .rule = "iommufd.rst: fault queue lifetime", .needs = NEEDS, .parameters = { IOMMUFD_ONLY })
{
	struct svm *svm = svm_open(t, SVM_PASID | SVM_PRI);
	struct iommut_handle iommufd = iommut_space_handle(svm->rig->space);
	struct table *table = table_open(svm, NULL);
	struct iommu_hwpt_pgfault fault;
	uint32_t queue_id, dev_id, ioas_id, hwpt_id;
	struct pollfd wait = { .events = POLLIN };
	int fd;

	expect_zero(t, iommut_fault_queue_alloc(iommufd, &queue_id, &fd));
	expect_zero(t, iommut_device_id(svm->rig->device, &dev_id));
	expect_zero(t, iommut_space_ioas(table->space, &ioas_id));
	expect_zero(t, iommut_hwpt_alloc(iommufd, dev_id, ioas_id,
					 IOMMU_HWPT_ALLOC_PASID | IOMMU_HWPT_FAULT_ID_VALID,
					 queue_id, &hwpt_id));
	expect_zero(t, iommut_device_attach_pasid(svm->rig->device, 3, hwpt_id));
	wait.fd = fd;
	for (uint32_t i = 0; i < 2; i++) {
		page_request(svm, free_iova(svm->rig, PAGE), 3, 70 + i,
			     TESTDEV_PRI_READ | TESTDEV_PRI_LAST);
		expect(t, poll(&wait, 1, ARRIVAL_MS) == 1);
		/* One is read, one is not. */
		if (i == 0)
			expect_equal(t, (uint64_t)read(fd, &fault, sizeof(fault)), sizeof(fault));
	}
	expect_zero(t, close(fd));
	expect_errno(t, iommut_destroy(iommufd, queue_id), EBUSY);
	expect_zero(t, iommut_device_detach_pasid(svm->rig->device, 3));
	expect_all_refused(svm, 70, 2);
	expect_zero(t, iommut_destroy(iommufd, hwpt_id));
	expect_zero(t, iommut_destroy(iommufd, queue_id));
}

CASE(reset_outstanding,
     .proves =
	     "a reset of the device with faults outstanding leaves a device and a queue that work",
     .rule = "vfio.h: VFIO_DEVICE_RESET; PCIe 7.8.12: PRI after FLR", .needs = NEEDS,
     .parameters = { IOMMUFD_ONLY, PARAMETER("of", "device", "pasid") })
{
	struct requester requester = requester_open(t);
	struct svm *svm = requester.svm;
	struct iommu_hwpt_pgfault faults[2];
	size_t count = 2;

	request(&requester, free_iova(svm->rig, PAGE), 80);
	faults[0] = next_fault(requester.table);
	request(&requester, free_iova(svm->rig, PAGE), 81);
	wait_readable(&requester);
	expect_zero(t, iommut_device_reset(svm->rig->device));
	expect_zero(t, iommut_device_bus_master(svm->rig->device, true));
	/* The kernel may have answered them for the reset, or still wait for answers: both are fine. */
	(void)iommut_fault_queue_respond(requester.table->queue, faults[0].cookie,
					 IOMMUFD_PAGE_RESP_SUCCESS);
	if (iommut_fault_queue_read(requester.table->queue, faults, &count, 0) == 0)
		for (size_t i = 0; i < count; i++)
			(void)iommut_fault_queue_respond(requester.table->queue, faults[i].cookie,
							 IOMMUFD_PAGE_RESP_INVALID);
	/* Responses to requests from before the reset are not what the device asked for now. */
	svm->responses = response_count(svm);
	expect_works(&requester, 82);
	expect_pasid_reaches(area_in(requester.table, PAGE), requester.transfer_pasid);
}

static void child_faults(struct test *t, int ready)
{
	struct requester requester = requester_open(t);
	struct svm *svm = requester.svm;

	for (uint32_t i = 0; i < 4; i++)
		request(&requester, free_iova(svm->rig, PAGE), 90 + i);
	/* One is read and not answered, the others not even read. */
	next_fault(requester.table);
	if (write(ready, "", 1) != 1)
		_exit(1);
	for (;;)
		pause();
}

CASE(process_killed,
     .proves =
	     "a process killed with faults outstanding dies at once, and device and page requests "
	     "work for the next",
     .rule = "iommufd: the last close answers what is outstanding", .needs = NEEDS,
     .timeout_ms = 20000, .parameters = { IOMMUFD_ONLY, PARAMETER("of", "device", "pasid") })
{
	struct requester requester = requester_open(t);
	int ready[2], status;
	ssize_t got;
	pid_t child;
	char byte;

	svm_close(requester.svm);
	expect_zero(t, pipe(ready));
	child = fork();
	expect(t, child >= 0);
	if (child == 0) {
		close(ready[0]);
		child_faults(t, ready[1]);
	}
	close(ready[1]);
	got = read(ready[0], &byte, 1);
	close(ready[0]);
	expect_zero(t, kill(child, SIGKILL));
	expect(t, waitpid(child, &status, 0) == child);
	expect_that(t, got == 1, "the child saw no fault");
	requester = requester_open(t);
	expect_works(&requester, 95);
	expect_pasid_reaches(area_in(requester.table, PAGE), requester.transfer_pasid);
}

CASE(flood,
     .proves =
	     "a flood of page requests, more than the IOMMU's queue may hold, loses none that was "
	     "accepted, and page requests work after it",
     .rule = "VT-d 7.2.1: page request queue, overflow; PCIe 10.4.1", .marks = LIST("stress"),
     .needs = NEEDS, .timeout_ms = 60000, .parameters = { IOMMUFD_ONLY })
{
	struct requester requester = requester_open(t);
	struct svm *svm = requester.svm;
	uint64_t nowhere = free_iova(svm->rig, 300 * PAGE);
	uint32_t accepted, refused, answered = 0;
	struct iommu_hwpt_pgfault faults[64];
	int64_t end = now_ms() + 30000;

	testdev_set32(svm->engine, TESTDEV_FLOOD_COUNT, 255);
	testdev_set32(svm->engine, TESTDEV_MISBEHAVE, TESTDEV_MISBEHAVE_PRI_FLOOD);
	for (int i = 0; i < 10; i++)
		/* Refusals are what an overflow looks like from here. */
		(void)testdev_page_request(svm->engine, nowhere, requester.pasid, 0,
					   TESTDEV_PRI_READ | TESTDEV_PRI_LAST);
	testdev_set32(svm->engine, TESTDEV_MISBEHAVE, 0);
	accepted = testdev_get32(svm->engine, TESTDEV_PRI_SENT);
	refused = testdev_get32(svm->engine, TESTDEV_PRI_REFUSED);
	note(t, "%u requests accepted, %u refused", accepted, refused);
	expect(t, accepted > 0);
	expect_equal(t, accepted + refused, 2560);
	while (answered < accepted) {
		size_t count = 64;

		expect_that(t, now_ms() < end, "%u faults of %u accepted requests", answered,
			    accepted);
		if (iommut_fault_queue_read(requester.table->queue, faults, &count, 1000) != 0)
			continue;
		for (size_t i = 0; i < count; i++)
			respond(requester.table, faults[i].cookie, IOMMUFD_PAGE_RESP_SUCCESS);
		answered += (uint32_t)count;
	}
	expect_equal(t, response_count(svm), accepted);
	expect_no_fault(requester.table);
	/* Counting from here again. */
	testdev_set32(svm->engine, TESTDEV_CONTROL, TESTDEV_CONTROL_CLEAR_COUNTERS);
	svm->responses = 0;
	/* After an overflow the kernel's thread has to clear it first: until then requests are refused. */
	while (testdev_page_request(svm->engine, nowhere, requester.pasid, 400,
				    TESTDEV_PRI_READ | TESTDEV_PRI_LAST) != 0)
		expect_that(t, now_ms() < end, "the IOMMU takes no page request any more");
	faults[0] = next_fault(requester.table);
	expect_equal(t, faults[0].grpid, 400);
	respond(requester.table, faults[0].cookie, IOMMUFD_PAGE_RESP_SUCCESS);
	expect_response(svm, 400, requester.pasid, TESTDEV_PRI_CODE_SUCCESS);
	expect_pasid_reaches(area_in(requester.table, PAGE), requester.transfer_pasid);
}

CASE(random_faults,
     .proves =
	     "random page requests of three requesters, read and answered at random, all get their "
	     "own answer and no other",
     .rule = "iommufd.h: struct iommu_hwpt_pgfault, iommu_hwpt_page_response",
     .marks = LIST("stress"), .needs = NEEDS, .timeout_ms = 30000, .parameters = { IOMMUFD_ONLY })
{
	struct svm *svm = svm_open(t, SVM_PASID | SVM_PRI);
	struct iommut_fault_queue *queue = queue_open(svm);
	struct table *tables[3] = { svm->own, table_open(svm, queue), table_open(svm, queue) };
	const uint32_t pasids[3] = { RID_PASID, 1, 2 };
	uint64_t nowhere = free_iova(svm->rig, PAGE);
	struct {
		bool outstanding;
		uint32_t cookie;
		struct iommut_fault_queue *queue;
	} groups[64] = { 0 };

	attach_pasid(tables[1], 1);
	attach_pasid(tables[2], 2);
	for (int step = 0; step < 400; step++) {
		uint32_t group = (uint32_t)random_below(t, 64);
		/* A group belongs to one requester for good, so that its answer is known. */
		uint32_t who = group % 3;

		if (!groups[group].outstanding) {
			struct iommu_hwpt_pgfault fault;

			page_request(svm, nowhere, pasids[who], group,
				     TESTDEV_PRI_WRITE | TESTDEV_PRI_LAST);
			fault = next_fault(tables[who]);
			expect_equal(t, fault.grpid, group);
			expect_equal(t, fault.pasid, pasids[who]);
			for (int i = 0; i < 64; i++)
				expect(t, !groups[i].outstanding ||
						  groups[i].queue != tables[who]->queue ||
						  groups[i].cookie != fault.cookie);
			groups[group].outstanding = true;
			groups[group].cookie = fault.cookie;
			groups[group].queue = tables[who]->queue;
		} else {
			uint32_t code = random_below(t, 2) ? IOMMUFD_PAGE_RESP_SUCCESS
							   : IOMMUFD_PAGE_RESP_INVALID;

			expect_zero(t, iommut_fault_queue_respond(groups[group].queue,
								  groups[group].cookie, code));
			expect_response(svm, group, pasids[who],
					code == IOMMUFD_PAGE_RESP_SUCCESS
						? TESTDEV_PRI_CODE_SUCCESS
						: TESTDEV_PRI_CODE_INVALID);
			groups[group].outstanding = false;
		}
	}
}
