// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <linux/netlink.h>

#include <iommut/uevent.h>

#include "lib/side_channels.h"

struct iommut_uevents {
	int fd;
	const struct iommut_syscalls *sys;
};

int uevents_open_on(const struct iommut_syscalls *sys, struct iommut_uevents **uevents)
{
	/* Group 1 is the kernel's own events; group 2 is what udev makes of them. */
	struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = 1 };
	struct iommut_uevents *new_uevents = sys_calloc(sys, 1, sizeof(*new_uevents));
	int error;

	if (!new_uevents)
		return -ENOMEM;
	new_uevents->sys = sys;
	new_uevents->fd = sys_socket(sys, AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK,
				     NETLINK_KOBJECT_UEVENT);
	if (new_uevents->fd < 0) {
		error = new_uevents->fd;
		free(new_uevents);
		return error == -EPROTONOSUPPORT || error == -EAFNOSUPPORT ? -EOPNOTSUPP : error;
	}
	error = sys_bind(sys, new_uevents->fd, (struct sockaddr *)&address, sizeof(address));
	if (error) {
		iommut_uevents_close(new_uevents);
		return error;
	}
	*uevents = new_uevents;
	return 0;
}

int iommut_uevents_open(struct iommut_uevents **uevents)
{
	return uevents_open_on(NULL, uevents);
}

void iommut_uevents_close(struct iommut_uevents *uevents)
{
	if (!uevents)
		return;
	sys_close(uevents->sys, uevents->fd);
	free(uevents);
}

int iommut_uevents_fd(const struct iommut_uevents *uevents)
{
	return uevents->fd;
}

static void copy(char *to, size_t size, const char *from)
{
	snprintf(to, size, "%.*s", (int)size - 1, from);
}

int iommut_uevent_parse(const char *data, size_t length, struct iommut_uevent *event)
{
	const char *end = data + length;
	const char *slash;

	memset(event, 0, sizeof(*event));
	/* "action@path", then "NAME=value" each. All of them end with a NUL. */
	if (!length || end[-1] || !strchr(data, '@'))
		return -EBADMSG;
	for (data += strlen(data) + 1; data < end; data += strlen(data) + 1) {
		if (!strncmp(data, "ACTION=", 7))
			copy(event->action, sizeof(event->action), data + 7);
		else if (!strncmp(data, "DEVPATH=", 8))
			copy(event->path, sizeof(event->path), data + 8);
		else if (!strncmp(data, "SUBSYSTEM=", 10))
			copy(event->subsystem, sizeof(event->subsystem), data + 10);
		else if (!strncmp(data, "DRIVER=", 7))
			copy(event->driver, sizeof(event->driver), data + 7);
		else if (!strncmp(data, "PCI_SLOT_NAME=", 14))
			copy(event->name, sizeof(event->name), data + 14);
	}
	if (!*event->action || !*event->path)
		return -EBADMSG;
	if (!*event->name) {
		slash = strrchr(event->path, '/');
		copy(event->name, sizeof(event->name), slash ? slash + 1 : event->path);
	}
	return 0;
}

int iommut_uevents_read(struct iommut_uevents *uevents, struct iommut_uevent *event, int timeout_ms)
{
	struct sockaddr_nl from;
	socklen_t from_length = sizeof(from);
	char data[8192];
	ssize_t got;
	int ret = sys_wait(uevents->sys, uevents->fd, timeout_ms);

	/* Lost events are an error condition, which the read then names. */
	if (ret && ret != -EIO)
		return ret;
	got = sys_recvfrom(uevents->sys, uevents->fd, data, sizeof(data), (struct sockaddr *)&from,
			   &from_length);
	if (got < 0)
		return got == -EAGAIN ? -ETIMEDOUT : (int)got;
	/* Only the kernel is believed: any process could send here. */
	if (from.nl_pid)
		return -EBADMSG;
	return iommut_uevent_parse(data, (size_t)got, event);
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int iommut_uevents_wait(struct iommut_uevents *uevents, const char *bdf, const char *action,
			int timeout_ms)
{
	int64_t deadline = now_ms() + timeout_ms;
	struct iommut_uevent event;

	for (;;) {
		int64_t left = deadline - now_ms();
		int ret = iommut_uevents_read(uevents, &event, left > 0 ? (int)left : 0);

		if (ret == -EBADMSG)
			continue;
		if (ret)
			return ret;
		if (!strcmp(event.subsystem, "pci") && !strcmp(event.name, bdf) &&
		    !strcmp(event.action, action))
			return 0;
	}
}
