// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <iommut/kmsg.h>

#include "lib/kmsg.h"
#include "lib/syscalls.h"

/*
 * The kernel fails a read that has less room than one record: its limit is 2048
 * (PRINTK_MESSAGE_MAX).
 */
#define RECORD_MAX 8192

struct iommut_kmsg {
	struct iommut_handle handle;
	struct iommut_fault_parser parser;
	uint64_t next;
	bool started;
};

int kmsg_open_on(const struct iommut_syscalls *sys, struct iommut_kmsg **kmsg, bool from_start)
{
	int fd = sys_open(sys, "/dev/kmsg", O_RDONLY | O_NONBLOCK, 0);
	struct iommut_kmsg *new_kmsg;
	int ret;

	if (fd == -ENOENT || fd == -ENXIO || fd == -ENODEV)
		return -EOPNOTSUPP;
	if (fd < 0)
		return fd;
	new_kmsg = sys_calloc(sys, 1, sizeof(*new_kmsg));
	if (!new_kmsg) {
		sys_close(sys, fd);
		return -ENOMEM;
	}
	new_kmsg->handle.fd = fd;
	new_kmsg->handle.sys = sys;
	if (!from_start) {
		ret = iommut_kmsg_skip(new_kmsg);
		if (ret) {
			iommut_kmsg_close(new_kmsg);
			return ret;
		}
	}
	*kmsg = new_kmsg;
	return 0;
}

int iommut_kmsg_open(struct iommut_kmsg **kmsg, bool from_start)
{
	return kmsg_open_on(NULL, kmsg, from_start);
}

void iommut_kmsg_close(struct iommut_kmsg *kmsg)
{
	if (!kmsg)
		return;
	sys_close(kmsg->handle.sys, kmsg->handle.fd);
	free(kmsg);
}

int iommut_kmsg_fd(const struct iommut_kmsg *kmsg)
{
	return kmsg->handle.fd;
}

int iommut_kmsg_skip(struct iommut_kmsg *kmsg)
{
	off_t ret = sys_lseek(kmsg->handle.sys, kmsg->handle.fd, 0, SEEK_END);

	if (ret < 0)
		return (int)ret;
	/* What is skipped is not lost, and half an event of before is of no use. */
	kmsg->started = false;
	memset(&kmsg->parser, 0, sizeof(kmsg->parser));
	return 0;
}

static int parse_number(const char **at, const char *end, uint64_t *value)
{
	const char *start = *at;

	*value = 0;
	for (; *at < end && isdigit((unsigned char)**at); (*at)++) {
		uint64_t digit = (uint64_t)(**at - '0');

		if (*value > (UINT64_MAX - digit) / 10)
			return -EBADMSG;
		*value = *value * 10 + digit;
	}
	return *at == start ? -EBADMSG : 0;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

/* The kernel writes what is not printable as \xNN: tabs in SMMUv3 events, for instance. */
static void unescape(const char *at, const char *end, char *text, size_t size)
{
	size_t length = 0;

	while (at < end && *at != '\n' && length + 1 < size) {
		if (end - at >= 4 && at[0] == '\\' && at[1] == 'x' && hex_digit(at[2]) >= 0 &&
		    hex_digit(at[3]) >= 0) {
			char byte = (char)(hex_digit(at[2]) << 4 | hex_digit(at[3]));

			text[length++] = byte ? byte : ' ';
			at += 4;
		} else {
			text[length++] = *at ? *at : ' ';
			at++;
		}
	}
	text[length] = '\0';
}

/*
 * "priority,sequence,timestamp,flags[,more];text\n SUBSYSTEM=..\n"
 * (Documentation/ABI/testing/dev-kmsg)
 */
int iommut_kmsg_parse(const char *data, size_t length, struct iommut_kmsg_record *record)
{
	const char *at = data;
	const char *end = data + length;
	const char *semicolon = memchr(data, ';', length);
	uint64_t priority;

	if (!semicolon)
		return -EBADMSG;
	memset(record, 0, sizeof(*record));
	if (parse_number(&at, semicolon, &priority) || at == semicolon || *at++ != ',' ||
	    parse_number(&at, semicolon, &record->sequence) || at == semicolon || *at++ != ',' ||
	    parse_number(&at, semicolon, &record->timestamp_us))
		return -EBADMSG;
	if (at != semicolon && *at != ',')
		return -EBADMSG;
	record->level = priority & 7;
	record->facility = (unsigned int)(priority >> 3);
	unescape(semicolon + 1, end, record->text, sizeof(record->text));
	return 0;
}

int iommut_kmsg_read(struct iommut_kmsg *kmsg, struct iommut_kmsg_record *record, int timeout_ms)
{
	char data[RECORD_MAX];
	bool overwritten = false;

	for (;;) {
		ssize_t got = sys_read(kmsg->handle.sys, kmsg->handle.fd, data, sizeof(data));
		int ret;

		if (got == -EPIPE) {
			/*
			 * Records were overwritten; the position is now at the oldest that is left.
			 */
			overwritten = true;
			continue;
		}
		if (got == -EINTR)
			continue;
		if (got == -EAGAIN) {
			ret = sys_wait(kmsg->handle.sys, kmsg->handle.fd, timeout_ms);
			/* poll() says POLLERR beside POLLIN after an overrun: the read tells. */
			if (ret && ret != -EIO)
				return ret;
			timeout_ms = 0;
			continue;
		}
		if (got < 0)
			return (int)got;
		if (got == 0)
			return -EBADMSG;
		ret = iommut_kmsg_parse(data, got, record);
		if (ret)
			return ret;
		if (overwritten && kmsg->started && record->sequence > kmsg->next)
			record->lost = record->sequence - kmsg->next;
		kmsg->next = record->sequence + 1;
		kmsg->started = true;
		return 0;
	}
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int iommut_kmsg_fault(struct iommut_kmsg *kmsg, struct iommut_fault *fault, int timeout_ms)
{
	int64_t deadline = now_ms() + (timeout_ms > 0 ? timeout_ms : 0);
	struct iommut_kmsg_record record;

	for (;;) {
		int64_t left = deadline - now_ms();
		int ret = iommut_kmsg_read(kmsg, &record, left > 0 ? (int)left : 0);

		if (ret)
			return ret;
		if (record.facility == 0 && iommut_fault_feed(&kmsg->parser, record.text, fault))
			return 0;
	}
}

int iommut_kmsg_write(const char *text)
{
	return sys_write_file(NULL, "/dev/kmsg", text);
}
