/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
#ifndef IOMMUT_KMSG_H
#define IOMMUT_KMSG_H

#include <iommut/fault.h>
#include <iommut/types.h>

IOMMUT_BEGIN

/**
 * struct iommut_kmsg - a reader of the kernel's log, /dev/kmsg
 */
struct iommut_kmsg;

/**
 * struct iommut_kmsg_record - one message of the kernel's log
 * @sequence: its number
 * @timestamp_us: when it was written, in microseconds of the kernel's clock
 * @level: 0 (emergency) to 7 (debug)
 * @facility: 0 for the kernel itself
 * @lost: messages that were overwritten before this one could be read
 * @text: the message, without a newline
 */
struct iommut_kmsg_record {
	uint64_t sequence;
	uint64_t timestamp_us;
	unsigned int level;
	unsigned int facility;
	uint64_t lost;
	char text[1024];
};

/**
 * iommut_kmsg_open() - read the kernel's log
 * @kmsg: where the reader is stored
 * @from_start: with what is there already; otherwise from now on
 *
 * Return: 0, -EPERM or -EACCES (dmesg_restrict), -EOPNOTSUPP if the kernel has no log, -ENOMEM.
 */
int iommut_kmsg_open(struct iommut_kmsg **kmsg, bool from_start);

/**
 * iommut_kmsg_close() - stop reading
 * @kmsg: a reader, or NULL
 */
void iommut_kmsg_close(struct iommut_kmsg *kmsg);

/**
 * iommut_kmsg_fd() - the file descriptor, to be polled beside others
 * @kmsg: a reader
 *
 * Return: the file descriptor, which belongs to the reader.
 */
int iommut_kmsg_fd(const struct iommut_kmsg *kmsg);

/**
 * iommut_kmsg_read() - the next message
 * @kmsg: a reader
 * @record: where it is stored
 * @timeout_ms: longest wait in milliseconds; 0 only looks
 *
 * Return: 0, -ETIMEDOUT, -EBADMSG for a record that cannot be understood, or the error of read(2).
 */
int iommut_kmsg_read(struct iommut_kmsg *kmsg, struct iommut_kmsg_record *record, int timeout_ms);

/**
 * iommut_kmsg_skip() - go to the end of the log
 * @kmsg: a reader
 *
 * Return: 0, or the error of lseek(2).
 */
int iommut_kmsg_skip(struct iommut_kmsg *kmsg);

/**
 * iommut_kmsg_fault() - the next fault of an IOMMU in the log
 * @kmsg: a reader; other messages on the way are dropped
 * @fault: where it is stored
 * @timeout_ms: longest wait in milliseconds; 0 only looks
 *
 * IOMMU drivers limit the rate of these messages: one that does not come proves nothing.
 *
 * Return: 0, -ETIMEDOUT, or as iommut_kmsg_read().
 */
int iommut_kmsg_fault(struct iommut_kmsg *kmsg, struct iommut_fault *fault, int timeout_ms);

/**
 * iommut_kmsg_write() - write a line into the kernel's log
 * @text: the line
 *
 * Return: 0, or the error of open(2) or write(2).
 */
int iommut_kmsg_write(const char *text);

/**
 * iommut_kmsg_parse() - take a record apart
 * @data: what read(2) on /dev/kmsg gave
 * @length: its bytes
 * @record: where it is stored; @lost becomes 0
 *
 * Return: 0, or -EBADMSG.
 */
int iommut_kmsg_parse(const char *data, size_t length, struct iommut_kmsg_record *record);

IOMMUT_END

#endif /* IOMMUT_KMSG_H */
