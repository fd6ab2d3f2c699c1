// SPDX-License-Identifier: GPL-2.0-or-later
/* The fault queue as a file: reading, writing, polling, and every way to get them wrong. */
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <unistd.h>

#include "suites/svm.h"

#define NEEDS LIST("iommufd", "engine.pri", "engine.pasid")

#define RECORD sizeof(struct iommu_hwpt_pgfault)

static int queue_fd(struct requester *requester)
{
	return iommut_fault_queue_handle(requester->table->queue).fd;
}

static ssize_t queue_read(struct requester *requester, void *data, size_t length)
{
	ssize_t got = read(queue_fd(requester), data, length);

	return got < 0 ? -errno : got;
}

static ssize_t queue_write(struct requester *requester, const void *data, size_t length)
{
	ssize_t put = write(queue_fd(requester), data, length);

	return put < 0 ? -errno : put;
}

/* Page requests of one group each, that were seen to arrive: the queue is not empty. */
static void request_groups(struct requester *requester, uint32_t first, uint32_t count)
{
	struct svm *svm = requester->svm;
	struct pollfd wait = { .fd = queue_fd(requester), .events = POLLIN };
	uint64_t nowhere = free_iova(svm->rig, PAGE);

	for (uint32_t i = 0; i < count; i++)
		page_request(svm, nowhere, requester->pasid, first + i,
			     TESTDEV_PRI_READ | TESTDEV_PRI_LAST);
	expect(svm->t, poll(&wait, 1, ARRIVAL_MS) == 1);
}

static void answer_next(struct requester *requester, uint32_t group)
{
	struct iommu_hwpt_pgfault fault = next_fault(requester->table);

	expect_equal(requester->svm->t, fault.grpid, group);
	respond(requester->table, fault.cookie, IOMMUFD_PAGE_RESP_SUCCESS);
	expect_response(requester->svm, group, requester->pasid, TESTDEV_PRI_CODE_SUCCESS);
}

CASE(read_short, .proves = "a read that cannot hold a whole fault group fails and loses nothing",
     .rule = "iommufd.rst: a fault group is read whole; uAPI: EINVAL", .marks = LIST("smoke"),
     .needs = NEEDS,
     .parameters = { IOMMUFD_ONLY, PARAMETER("room", "none", "half", "one-of-three", "two-of-three",
					     "two-and-a-half") })
{
	struct requester requester = requester_open(t);
	struct svm *svm = requester.svm;
	uint64_t base = free_iova(svm->rig, 3 * PAGE);
	struct iommu_hwpt_pgfault faults[4];
	struct pollfd wait = { .fd = queue_fd(&requester), .events = POLLIN };
	size_t room = param_is(t, "room", "none")           ? 0
		      : param_is(t, "room", "half")         ? RECORD / 2
		      : param_is(t, "room", "one-of-three") ? RECORD
		      : param_is(t, "room", "two-of-three") ? 2 * RECORD
							    : 2 * RECORD + RECORD / 2;
	ssize_t got;

	for (uint32_t i = 0; i < 3; i++)
		page_request(svm, base + (uint64_t)i * PAGE, requester.pasid, 8,
			     TESTDEV_PRI_READ | (i == 2 ? TESTDEV_PRI_LAST : 0));
	expect(t, poll(&wait, 1, ARRIVAL_MS) == 1);
	for (int round = 0; round < 3; round++) {
		got = queue_read(&requester, faults, room);
		if (room % RECORD)
			expect_that(t, got < 0, "a read of %zu bytes returned %zd", room, got);
		else
			expect_errno(t, got, EINVAL);
	}
	/* All three are still there. */
	expect_equal(t, (uint64_t)queue_read(&requester, faults, sizeof(faults)), 3 * RECORD);
	for (uint32_t i = 0; i < 3; i++)
		expect_equal(t, faults[i].addr, base + (uint64_t)i * PAGE);
	respond(requester.table, faults[0].cookie, IOMMUFD_PAGE_RESP_SUCCESS);
	expect_response(svm, 8, requester.pasid, TESTDEV_PRI_CODE_SUCCESS);
}

CASE(read_some,
     .proves = "a read takes as many whole groups as fit and leaves the others for the next",
     .rule = "iommufd.rst: fault queue; read(2)", .needs = NEEDS, .parameters = { IOMMUFD_ONLY })
{
	struct requester requester = requester_open(t);
	struct svm *svm = requester.svm;
	uint64_t base = free_iova(svm->rig, 3 * PAGE);
	struct iommu_hwpt_pgfault faults[4];

	page_request(svm, base, requester.pasid, 1, TESTDEV_PRI_READ | TESTDEV_PRI_LAST);
	for (uint32_t i = 0; i < 3; i++)
		page_request(svm, base + (uint64_t)i * PAGE, requester.pasid, 2,
			     TESTDEV_PRI_READ | (i == 2 ? TESTDEV_PRI_LAST : 0));
	request_groups(&requester, 3, 1);
	/* The order of arrival is the order of requests, so all are there once the last was seen; read one that fits. */
	expect_equal(t, (uint64_t)queue_read(&requester, faults, RECORD), RECORD);
	expect_equal(t, faults[0].grpid, 1);
	respond(requester.table, faults[0].cookie, IOMMUFD_PAGE_RESP_SUCCESS);
	expect_response(svm, 1, requester.pasid, TESTDEV_PRI_CODE_SUCCESS);
	read_faults(requester.table->queue, svm, faults, 4);
	expect_equal(t, faults[0].grpid, 2);
	expect_equal(t, faults[2].grpid, 2);
	expect_equal(t, faults[3].grpid, 3);
	respond(requester.table, faults[2].cookie, IOMMUFD_PAGE_RESP_SUCCESS);
	respond(requester.table, faults[3].cookie, IOMMUFD_PAGE_RESP_SUCCESS);
	expect_response(svm, 2, requester.pasid, TESTDEV_PRI_CODE_SUCCESS);
	expect_response(svm, 3, requester.pasid, TESTDEV_PRI_CODE_SUCCESS);
}

CASE(read_empty, .proves = "a read of an empty queue returns at once with nothing",
     .rule = "iommufd.rst: fault queue; poll(2) tells when there is something", .needs = NEEDS,
     .parameters = { IOMMUFD_ONLY })
{
	struct requester requester = requester_open(t);
	struct iommu_hwpt_pgfault faults[4];
	ssize_t got = queue_read(&requester, faults, sizeof(faults));

	expect_that(t, got == 0 || got == -EAGAIN, "the read returned %zd", got);
	request_groups(&requester, 4, 1);
	answer_next(&requester, 4);
	got = queue_read(&requester, faults, sizeof(faults));
	expect_that(t, got == 0 || got == -EAGAIN, "the read returned %zd", got);
}

CASE(read_bad_address, .proves = "a read into memory that is not there fails and loses no fault",
     .rule = "read(2): EFAULT", .needs = NEEDS, .parameters = { IOMMUFD_ONLY })
{
	struct requester requester = requester_open(t);
	struct svm *svm = requester.svm;
	uint64_t base = free_iova(svm->rig, 2 * PAGE);
	struct iommu_hwpt_pgfault faults[2];
	struct pollfd wait = { .fd = queue_fd(&requester), .events = POLLIN };
	uint8_t *page =
		mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	expect(t, page != MAP_FAILED);
	expect_zero(t, munmap(page + PAGE, PAGE));
	page_request(svm, base, requester.pasid, 9, TESTDEV_PRI_READ);
	page_request(svm, base + PAGE, requester.pasid, 9, TESTDEV_PRI_READ | TESTDEV_PRI_LAST);
	expect(t, poll(&wait, 1, ARRIVAL_MS) == 1);
	/* Nothing of it is there; then the first record is and the second is not. */
	expect_errno(t, queue_read(&requester, page + PAGE, 2 * RECORD), EFAULT);
	expect_errno(t, queue_read(&requester, page + PAGE - RECORD, 2 * RECORD), EFAULT);
	expect_zero(t, munmap(page, PAGE));
	read_faults(requester.table->queue, svm, faults, 2);
	expect_equal(t, faults[0].addr, base);
	expect_equal(t, faults[1].addr, base + PAGE);
	respond(requester.table, faults[1].cookie, IOMMUFD_PAGE_RESP_SUCCESS);
	expect_response(svm, 9, requester.pasid, TESTDEV_PRI_CODE_SUCCESS);
	expect_no_fault(requester.table);
}

CASE(poll_states,
     .proves = "poll and epoll say that the queue can be read exactly while it holds a fault, and "
	       "that "
	       "it can be written always",
     .rule = "iommufd.rst: fault queue; poll(2), epoll(7)", .needs = NEEDS,
     .parameters = { IOMMUFD_ONLY })
{
	struct requester requester = requester_open(t);
	struct epoll_event event = { .events = EPOLLIN };
	struct pollfd now = { .fd = queue_fd(&requester), .events = POLLIN | POLLOUT };
	int epoll_fd = epoll_create1(EPOLL_CLOEXEC);

	expect(t, epoll_fd >= 0);
	expect_zero(t, epoll_ctl(epoll_fd, EPOLL_CTL_ADD, now.fd, &event));
	expect_equal(t, (uint64_t)poll(&now, 1, 0), 1);
	expect_equal(t, now.revents, POLLOUT);
	expect_equal(t, (uint64_t)epoll_wait(epoll_fd, &event, 1, 0), 0);
	page_request(requester.svm, free_iova(requester.svm->rig, PAGE), requester.pasid, 5,
		     TESTDEV_PRI_READ | TESTDEV_PRI_LAST);
	expect_equal(t, (uint64_t)epoll_wait(epoll_fd, &event, 1, ARRIVAL_MS), 1);
	expect(t, event.events & EPOLLIN);
	expect_equal(t, (uint64_t)poll(&now, 1, 0), 1);
	expect_equal(t, now.revents, POLLIN | POLLOUT);
	answer_next(&requester, 5);
	expect_equal(t, (uint64_t)poll(&now, 1, 0), 1);
	expect_equal(t, now.revents, POLLOUT);
	expect_equal(t, (uint64_t)epoll_wait(epoll_fd, &event, 1, 0), 0);
	expect_zero(t, close(epoll_fd));
}

CASE(unknown_cookie,
     .proves =
	     "an answer with a cookie that no fault has fails, and the fault can still be answered",
     .rule = "iommufd.h: struct iommu_hwpt_page_response: cookie", .marks = LIST("smoke"),
     .needs = NEEDS, .parameters = { IOMMUFD_ONLY })
{
	struct requester requester = requester_open(t);
	struct iommu_hwpt_pgfault fault;
	struct iommu_hwpt_page_response answer = { .code = IOMMUFD_PAGE_RESP_SUCCESS };

	request_groups(&requester, 6, 1);
	fault = next_fault(requester.table);
	for (int bit = 0; bit < 32; bit += 5) {
		answer.cookie = fault.cookie ^ 1u << bit;
		expect_errno(t, queue_write(&requester, &answer, sizeof(answer)), EINVAL);
	}
	answer.cookie = UINT32_MAX;
	expect_errno(t, queue_write(&requester, &answer, sizeof(answer)), EINVAL);
	expect_equal(t, response_count(requester.svm), 0);
	respond(requester.table, fault.cookie, IOMMUFD_PAGE_RESP_SUCCESS);
	expect_response(requester.svm, 6, requester.pasid, TESTDEV_PRI_CODE_SUCCESS);
}

CASE(cookie_before_read, .proves = "a fault that was not read yet cannot be answered",
     .rule = "iommufd.h: the cookie is echoed from the fault message", .needs = NEEDS,
     .parameters = { IOMMUFD_ONLY })
{
	struct requester requester = requester_open(t);
	struct iommu_hwpt_page_response answer = { .code = IOMMUFD_PAGE_RESP_SUCCESS };

	request_groups(&requester, 7, 1);
	for (uint32_t cookie = 0; cookie < 8; cookie++) {
		answer.cookie = cookie;
		expect_errno(t, queue_write(&requester, &answer, sizeof(answer)), EINVAL);
	}
	expect_equal(t, response_count(requester.svm), 0);
	answer_next(&requester, 7);
}

CASE(answered_twice,
     .proves = "a second answer to one fault fails, and the device gets one response",
     .rule = "iommufd.h: struct iommu_hwpt_page_response; PCIe 10.4.2: one response per group",
     .marks = LIST("smoke"), .needs = NEEDS, .parameters = { IOMMUFD_ONLY })
{
	struct requester requester = requester_open(t);
	struct iommu_hwpt_pgfault fault;

	request_groups(&requester, 12, 1);
	fault = next_fault(requester.table);
	respond(requester.table, fault.cookie, IOMMUFD_PAGE_RESP_SUCCESS);
	expect_errno(t,
		     iommut_fault_queue_respond(requester.table->queue, fault.cookie,
						IOMMUFD_PAGE_RESP_SUCCESS),
		     EINVAL);
	expect_errno(t,
		     iommut_fault_queue_respond(requester.table->queue, fault.cookie,
						IOMMUFD_PAGE_RESP_INVALID),
		     EINVAL);
	expect_response(requester.svm, 12, requester.pasid, TESTDEV_PRI_CODE_SUCCESS);
	/* A response to a later request would come after a second one to this. */
	request_groups(&requester, 13, 1);
	answer_next(&requester, 13);
	expect_equal(t, response_count(requester.svm), 2);
}

CASE(unknown_code,
     .proves =
	     "an answer with a code that does not exist fails, and the fault can still be answered",
     .rule = "iommufd.h: enum iommufd_page_response_code", .needs = NEEDS,
     .parameters = { IOMMUFD_ONLY })
{
	static const uint32_t codes[] = { 2, 3, 15, 16, 0x80000000, UINT32_MAX };
	struct requester requester = requester_open(t);
	struct iommu_hwpt_pgfault fault;

	request_groups(&requester, 14, 1);
	fault = next_fault(requester.table);
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		expect_errno(
			t,
			iommut_fault_queue_respond(requester.table->queue, fault.cookie, codes[i]),
			EINVAL);
	expect_equal(t, response_count(requester.svm), 0);
	respond(requester.table, fault.cookie, IOMMUFD_PAGE_RESP_INVALID);
	expect_response(requester.svm, 14, requester.pasid, TESTDEV_PRI_CODE_INVALID);
}

CASE(write_odd_length,
     .proves = "a write that is no whole number of answers fails and answers nothing",
     .rule = "iommufd.h: struct iommu_hwpt_page_response", .needs = NEEDS,
     .parameters = { IOMMUFD_ONLY })
{
	struct requester requester = requester_open(t);
	struct iommu_hwpt_page_response answers[2] = { { 0 } };
	struct iommu_hwpt_pgfault fault;
	static const size_t lengths[] = { 1, sizeof(answers[0]) - 1, sizeof(answers[0]) + 1,
					  sizeof(answers) - 1 };

	request_groups(&requester, 15, 1);
	fault = next_fault(requester.table);
	answers[0].cookie = answers[1].cookie = fault.cookie;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		ssize_t put = queue_write(&requester, answers, lengths[i]);

		expect_that(t, put < 0, "a write of %zu bytes returned %zd", lengths[i], put);
	}
	expect_equal(t, response_count(requester.svm), 0);
	respond(requester.table, fault.cookie, IOMMUFD_PAGE_RESP_SUCCESS);
	expect_response(requester.svm, 15, requester.pasid, TESTDEV_PRI_CODE_SUCCESS);
}

CASE(answers_in_one_write,
     .proves = "many faults answered with one write are all answered, each with its own code",
     .rule = "iommufd.h: struct iommu_hwpt_page_response", .needs = NEEDS,
     .parameters = { IOMMUFD_ONLY })
{
	struct requester requester = requester_open(t);
	struct svm *svm = requester.svm;
	enum { COUNT = 12 };
	struct iommu_hwpt_pgfault faults[COUNT];
	struct iommu_hwpt_page_response answers[COUNT];

	request_groups(&requester, 100, COUNT);
	read_faults(requester.table->queue, svm, faults, COUNT);
	for (uint32_t i = 0; i < COUNT; i++) {
		/* Backwards, so that order cannot be taken for identity. */
		answers[i].cookie = faults[COUNT - 1 - i].cookie;
		answers[i].code = i % 3 ? IOMMUFD_PAGE_RESP_SUCCESS : IOMMUFD_PAGE_RESP_INVALID;
	}
	expect_equal(t, (uint64_t)queue_write(&requester, answers, sizeof(answers)),
		     sizeof(answers));
	for (uint32_t i = 0; i < COUNT; i++)
		expect_response(svm, 100 + COUNT - 1 - i, requester.pasid,
				i % 3 ? TESTDEV_PRI_CODE_SUCCESS : TESTDEV_PRI_CODE_INVALID);
	expect_equal(t, response_count(svm), COUNT);
}

CASE(bad_answer_among_good,
     .proves = "a write stops at the first wrong answer and says how far it came; the faults "
	       "behind it "
	       "can still be answered",
     .rule = "write(2): a partial count; iommufd.h: struct iommu_hwpt_page_response",
     .needs = NEEDS, .parameters = { IOMMUFD_ONLY })
{
	struct requester requester = requester_open(t);
	struct svm *svm = requester.svm;
	struct iommu_hwpt_pgfault faults[3];
	struct iommu_hwpt_page_response answers[3];

	request_groups(&requester, 200, 3);
	read_faults(requester.table->queue, svm, faults, 3);
	for (int i = 0; i < 3; i++) {
		answers[i].cookie = faults[i].cookie;
		answers[i].code = IOMMUFD_PAGE_RESP_SUCCESS;
	}
	answers[1].code = 7;
	expect_equal(t, (uint64_t)queue_write(&requester, answers, sizeof(answers)),
		     sizeof(answers[0]));
	expect_response(svm, 200, requester.pasid, TESTDEV_PRI_CODE_SUCCESS);
	expect_equal(t, response_count(svm), 1);
	respond(requester.table, faults[2].cookie, IOMMUFD_PAGE_RESP_SUCCESS);
	respond(requester.table, faults[1].cookie, IOMMUFD_PAGE_RESP_INVALID);
	expect_response(svm, 202, requester.pasid, TESTDEV_PRI_CODE_SUCCESS);
	expect_response(svm, 201, requester.pasid, TESTDEV_PRI_CODE_INVALID);
}

CASE(queue_in_use,
     .proves = "a fault queue that a page table uses cannot be destroyed, and goes on working",
     .rule = "iommufd.h: IOMMU_DESTROY: EBUSY", .needs = NEEDS, .parameters = { IOMMUFD_ONLY })
{
	struct requester requester = requester_open(t);
	struct svm *svm = requester.svm;

	expect_errno(t,
		     iommut_destroy(iommut_space_handle(svm->rig->space),
				    iommut_fault_queue_id(requester.table->queue)),
		     EBUSY);
	request_groups(&requester, 16, 1);
	answer_next(&requester, 16);
}

CASE(wrong_queue_id, .proves = "a page table cannot be made with a fault queue that is none",
     .rule = "iommufd.h: struct iommu_hwpt_alloc: fault_id", .needs = NEEDS,
     .parameters = { IOMMUFD_ONLY, PARAMETER("object", "none", "ioas", "page-table", "device") })
{
	struct requester requester = requester_open(t);
	struct svm *svm = requester.svm;
	struct iommut_handle iommufd = iommut_space_handle(svm->rig->space);
	uint32_t dev_id, ioas_id, wrong, made = 0;
	int error;

	expect_zero(t, iommut_device_id(svm->rig->device, &dev_id));
	expect_zero(t, iommut_space_ioas(svm->rig->space, &ioas_id));
	wrong = param_is(t, "object", "none")         ? 0x7ffffff0
		: param_is(t, "object", "ioas")       ? ioas_id
		: param_is(t, "object", "page-table") ? iommut_hwpt_id(svm->own->hwpt)
						      : dev_id;
	error = iommut_hwpt_alloc(iommufd, dev_id, ioas_id,
				  IOMMU_HWPT_ALLOC_PASID | IOMMU_HWPT_FAULT_ID_VALID, wrong, &made);
	if (!error)
		iommut_destroy(iommufd, made);
	expect_that(t, error == -ENOENT || error == -EINVAL, "object %u as a queue returned %d",
		    wrong, error);
	/* The same with a queue that is one. */
	expect_zero(t, iommut_hwpt_alloc(iommufd, dev_id, ioas_id,
					 IOMMU_HWPT_ALLOC_PASID | IOMMU_HWPT_FAULT_ID_VALID,
					 iommut_fault_queue_id(requester.table->queue), &made));
	expect_zero(t, iommut_destroy(iommufd, made));
}
