// SPDX-License-Identifier: GPL-2.0-or-later
/* Owners that end while their device does DMA: killed, exited, forked, or having handed the device on. */
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "suites/child.h"
#include "suites/parts.h"

#define STORM_VALUE 0x5757575757575757

struct job {
	uint8_t *page;
	int index;
	const char *how;
	int sockets[2];
	struct parts *inherited;
};

static struct parts *start_storm(struct child *child, struct job *job)
{
	struct parts *parts = parts_open(child_test(child), job->index);

	expect_zero(child_test(child), parts_map(parts, job->page, PAGE, PARTS_IOVA));
	parts_storm(parts, PARTS_IOVA, STORM_VALUE);
	return parts;
}

static void storm_and_end(struct child *child, void *argument)
{
	struct job *job = argument;
	struct parts *parts = start_storm(child, job);

	child_say(child);
	if (strcmp(job->how, "kill") == 0)
		child_stay(child);
	child_listen(child);
	if (strcmp(job->how, "close") == 0)
		parts_close_all(parts);
	/* "exit": the kernel closes what is open. */
}

CASE(end_under_dma,
     .proves =
	     "when the owner of a device ends while it does DMA, no byte is written any more, and "
	     "the next owner gets it at rest and working",
     .rule = "vfio.rst: closing the last file descriptor gives the device back",
     .marks = LIST("smoke"), .parameters = { BACKENDS, PARAMETER("how", "close", "exit", "kill") })
{
	struct job job = { .page = shared_page(t), .how = param(t, "how") };
	const uint64_t value = STORM_VALUE;
	struct child *child;

	expect_usable(t, 0);
	child = child_start(t, storm_and_end, &job);
	child_await(child);
	expect_bytes(t, job.page, &value, sizeof(value));
	if (param_is(t, "how", "kill")) {
		child_kill(child);
	} else {
		child_tell(child);
		child_finish(child);
	}
	memset(job.page, CANARY, PAGE);
	expect_stays(t, job.page);
	expect_usable(t, 0);
}

CASE(killed_again_and_again,
     .proves = "a device whose owners are killed one after the other, each at another moment of "
	       "opening, mapping and DMA, can be used by the next",
     .rule = "vfio.rst: closing the last file descriptor gives the device back",
     .marks = LIST("stress"), .timeout_ms = 30000, .parameters = { BACKENDS })
{
	struct job job = { .page = shared_page(t), .how = "kill" };

	expect_usable(t, 0);
	for (int round = 0; round < 8; round++) {
		struct child *child = child_start(t, storm_and_end, &job);

		/* Anywhere between the start and a storm that runs. */
		if (round % 2)
			child_await(child);
		else
			(void)poll(NULL, 0, (int)random_below(t, 60));
		child_kill(child);
		memset(job.page, CANARY, PAGE);
		expect_stays(t, job.page);
	}
	expect_usable(t, 0);
}

static void use_inherited(struct child *child, void *argument)
{
	struct job *job = argument;

	child_listen(child);
	/* The parent has closed its descriptors by now. */
	expect_parts_work(job->inherited, job->page, PARTS_IOVA);
	parts_storm(job->inherited, PARTS_IOVA, STORM_VALUE);
	child_say(child);
	child_listen(child);
}

CASE(inherited,
     .proves = "a child that inherited a device keeps it alive and working after its parent has "
	       "closed it; with the child's end it is given back",
     .rule = "fork(2); vfio.rst: closing the last file descriptor", .parameters = { BACKENDS })
{
	struct job job = { .page = shared_page(t) };
	const uint64_t value = STORM_VALUE;
	struct child *child;

	job.inherited = parts_open(t, 0);
	expect_zero(t, parts_map(job.inherited, job.page, PAGE, PARTS_IOVA));
	expect_parts_work(job.inherited, job.page, PARTS_IOVA);
	child = child_start(t, use_inherited, &job);
	parts_close_all(job.inherited);
	child_tell(child);
	child_await(child);
	expect_bytes(t, job.page, &value, sizeof(value));
	child_tell(child);
	child_finish(child);
	memset(job.page, CANARY, PAGE);
	expect_stays(t, job.page);
	expect_usable(t, 0);
}

/* Sends or takes a descriptor. */
static int hand_over(struct test *t, int socket, int fd)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control = { .header = { .cmsg_len = CMSG_LEN(sizeof(int)),
				  .cmsg_level = SOL_SOCKET,
				  .cmsg_type = SCM_RIGHTS } };
	char byte = 'd';
	struct iovec data = { &byte, 1 };
	struct msghdr message = { .msg_iov = &data,
				  .msg_iovlen = 1,
				  .msg_control = control.room,
				  .msg_controllen = sizeof(control.room) };

	if (fd >= 0) {
		memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
		expect_that(t, sendmsg(socket, &message, 0) == 1, "sendmsg: %s", strerror(errno));
		return fd;
	}
	expect_that(t, recvmsg(socket, &message, MSG_CMSG_CLOEXEC) == 1, "recvmsg: %s",
		    strerror(errno));
	expect(t, message.msg_controllen >= CMSG_LEN(sizeof(int)));
	memcpy(&fd, CMSG_DATA(&control.header), sizeof(fd));
	return fd;
}

static void hand_on(struct child *child, void *argument)
{
	struct job *job = argument;
	struct parts *parts = start_storm(child, job);

	hand_over(child_test(child), job->sockets[1], parts->device.fd);
	/* The process ends; what it sent is not yet taken. */
}

CASE(handed_over,
     .proves =
	     "a device whose descriptor was sent to another process lives on with its DMA when the "
	     "sender has ended, and ends with the receiver's close",
     .rule = "unix(7): SCM_RIGHTS; vfio.rst: closing the last file descriptor",
     .parameters = { BACKENDS })
{
	struct job job = { .page = shared_page(t) };
	struct child *child;
	int fd;

	expect_usable(t, 0);
	expect_that(t, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, job.sockets) == 0,
		    "socketpair: %s", strerror(errno));
	child = child_start(t, hand_on, &job);
	child_finish(child);
	/* The storm goes on, though the device's descriptor is on its way and nobody has it open. */
	expect_storm_goes_on(t, job.page);
	fd = hand_over(t, job.sockets[0], -1);
	expect_storm_goes_on(t, job.page);
	close(fd);
	close(job.sockets[0]);
	close(job.sockets[1]);
	memset(job.page, CANARY, PAGE);
	expect_stays(t, job.page);
	expect_usable(t, 0);
}

CASE(neighbour_killed,
     .proves = "a device goes on with its DMA, without a gap in time or memory, while the owner of "
	       "another is killed in the midst of its own",
     .rule = "vfio.rst: a device of another group is not touched", .devices = 2,
     .parameters = { BACKENDS })
{
	struct job job = { .page = shared_page(t), .index = 1, .how = "kill" };
	uint8_t *page = shared_page(t);
	struct parts *parts;

	expect_usable(t, 0);
	expect_usable(t, 1);
	for (int round = 0; round < 2; round++) {
		struct child *child = child_start(t, storm_and_end, &job);

		child_await(child);
		parts = parts_open(t, 0);
		expect_zero(t, parts_map(parts, page, PAGE, PARTS_IOVA));
		expect_parts_work(parts, page, PARTS_IOVA);
		child_kill(child);
		memset(job.page, CANARY, PAGE);
		for (int64_t end = now_ms() + 20; now_ms() < end;)
			expect_parts_work(parts, page, PARTS_IOVA);
		expect_stays(t, job.page);
		parts_close_all(parts);
	}
	expect_usable(t, 1);
}
