/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
#ifndef IOMMUT_UEVENT_H
#define IOMMUT_UEVENT_H

#include <iommut/types.h>

IOMMUT_BEGIN

/**
 * struct iommut_uevents - a listener to the kernel's device events (NETLINK_KOBJECT_UEVENT)
 */
struct iommut_uevents;

/**
 * struct iommut_uevent - something happened to a device
 * @action: "add", "remove", "bind", "unbind", "change", ...
 * @path: of the device below /sys
 * @subsystem: such as "pci" or "vfio-dev"
 * @name: of a PCI function its address, "0000:00:05.0"; of others the last part of the path
 * @driver: its driver, "" if the event names none
 */
struct iommut_uevent {
	char action[16];
	char path[256];
	char subsystem[32];
	char name[64];
	char driver[64];
};

/**
 * iommut_uevents_open() - listen from now on
 * @uevents: where the listener is stored
 *
 * Return: 0, -EOPNOTSUPP if the kernel has no such events, -ENOMEM, or the error of socket(2) or
 * bind(2).
 */
int iommut_uevents_open(struct iommut_uevents **uevents);

/**
 * iommut_uevents_close() - stop listening
 * @uevents: a listener, or NULL
 */
void iommut_uevents_close(struct iommut_uevents *uevents);

/**
 * iommut_uevents_fd() - the file descriptor, to be polled beside others
 * @uevents: a listener
 *
 * Return: the file descriptor, which belongs to the listener.
 */
int iommut_uevents_fd(const struct iommut_uevents *uevents);

/**
 * iommut_uevents_read() - the next event
 * @uevents: a listener
 * @event: where it is stored
 * @timeout_ms: longest wait in milliseconds; 0 only looks
 *
 * Return: 0, -ETIMEDOUT, -ENOBUFS if events were lost, -EBADMSG for one that cannot be understood.
 */
int iommut_uevents_read(struct iommut_uevents *uevents, struct iommut_uevent *event,
			int timeout_ms);

/**
 * iommut_uevents_wait() - wait until something happens to a PCI function
 * @uevents: a listener that was opened before it could happen; other events are dropped
 * @bdf: the function, "0000:00:05.0"
 * @action: "add", "remove", "bind" or "unbind"
 * @timeout_ms: longest wait in milliseconds
 *
 * Return: 0, or as iommut_uevents_read().
 */
int iommut_uevents_wait(struct iommut_uevents *uevents, const char *bdf, const char *action,
			int timeout_ms);

/**
 * iommut_uevent_parse() - take an event apart
 * @data: as the kernel sent it: strings, each ended by a NUL
 * @length: bytes
 * @event: where it is stored
 *
 * Return: 0, or -EBADMSG.
 */
int iommut_uevent_parse(const char *data, size_t length, struct iommut_uevent *event);

IOMMUT_END

#endif /* IOMMUT_UEVENT_H */
