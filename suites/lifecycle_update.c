// SPDX-License-Identifier: GPL-2.0-or-later
/* Live update: the kernel is replaced by another one while devices keep their memory. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/liveupdate.h>

#include "harness/dma.h"

#define UPDATES "/dev/liveupdate"
#define PAGE    4096ull

/* A session ends with its descriptor, and what it was to keep is kept no longer. */
static int open_session(struct test *t)
{
	struct liveupdate_ioctl_create_session session = { .size = sizeof(session) };
	int updates = open(UPDATES, O_RDWR | O_CLOEXEC);

	if (updates < 0)
		skipf(t,
		      "a kernel with CONFIG_LIVEUPDATE, started with kho=on liveupdate=on, and "
		      "root",
		      UPDATES ": %s", strerror(errno));
	close_later(t, updates);
	snprintf((char *)session.name, sizeof(session.name), "iommutests-%d", (int)getpid());
	expect_that(t, ioctl(updates, LIVEUPDATE_IOCTL_CREATE_SESSION, &session) == 0,
		    "LIVEUPDATE_IOCTL_CREATE_SESSION: %s", strerror(errno));
	return session.fd;
}

CASE(kept_for_update,
     .proves = "a space and a device that a live update is to keep, or refuses to, work on, and so "
	       "they do when it is called off",
     .rule = "liveupdate.h: LIVEUPDATE_SESSION_PRESERVE_FD", .marks = LIST("exclusive"),
     .parameters = { BACKENDS })
{
	struct rig *rig = rig_open(t);
	struct dma_buffer *buffer = map_buffer(rig, PAGE);
	const int fds[] = { iommut_space_handle(rig->space).fd,
			    iommut_device_handle(rig->device).fd };
	int session;

	/* Before there is a session: a skip must not leave it open. */
	need(rig, ENGINE_READ | ENGINE_WRITE);
	session = open_session(t);
	for (size_t i = 0; i < 2; i++) {
		struct liveupdate_session_preserve_fd keep = { .size = sizeof(keep),
							       .fd = fds[i],
							       .token = i + 1 };
		int refused = ioctl(session, LIVEUPDATE_SESSION_PRESERVE_FD, &keep);

		note(t, "%s: %s", i ? "the device" : "the space",
		     refused ? strerror(errno) : "would be kept");
		expect_reaches(buffer);
	}
	close(session);
	expect_reaches(buffer);
	unmap_buffer(buffer);
	need(rig, ENGINE_SEES_ERRORS);
	fill_canary(buffer);
	expect_write_blocked(rig, buffer->iova, 8);
	expect_canary(buffer);
}
