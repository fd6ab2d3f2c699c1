// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <unistd.h>

#include "agent/viot.h"

/* Offsets of the table and of a PCI range node, which is as long as this. */
enum {
	TABLE_NODE_COUNT = 36,
	TABLE_NODE_OFFSET = 38,
	TABLE_HEADER = 48,
	NODE_LENGTH = 2,
	NODE_HEADER = 4,
	RANGE_ENDPOINT = 4,
	RANGE_SEGMENT_FIRST = 8,
	RANGE_SEGMENT_LAST = 10,
	RANGE_BDF_FIRST = 12,
	RANGE_BDF_LAST = 14,
	RANGE_SIZE = 24,
	TYPE_PCI_RANGE = 1,
};

size_t viot_read(uint8_t table[VIOT_MAX])
{
	int fd = open("/sys/firmware/acpi/tables/VIOT", O_RDONLY | O_CLOEXEC);
	size_t length = 0;
	ssize_t got = 1;

	while (fd >= 0 && got > 0 && length < VIOT_MAX) {
		got = read(fd, table + length, VIOT_MAX - length);
		length += got > 0 ? (size_t)got : 0;
	}
	if (fd >= 0)
		close(fd);
	/* All of it, or nothing. */
	return got == 0 ? length : 0;
}

static uint16_t read16(const uint8_t *at)
{
	return (uint16_t)(at[0] | at[1] << 8);
}

static uint32_t read32(const uint8_t *at)
{
	return read16(at) | (uint32_t)read16(at + 2) << 16;
}

/* Each segment of the range has 65536 IDs; the first function of the first one has the first ID. */
static bool in_range(const uint8_t *node, uint32_t endpoint, struct iommut_bdf *bdf)
{
	uint32_t first = read16(node + RANGE_BDF_FIRST), last = read16(node + RANGE_BDF_LAST);
	uint32_t segment = read16(node + RANGE_SEGMENT_FIRST);
	uint32_t start = read32(node + RANGE_ENDPOINT), at;

	if (endpoint < start)
		return false;
	segment += (endpoint - start) >> 16;
	at = ((endpoint - start) & 0xffff) + first;
	if (segment > read16(node + RANGE_SEGMENT_LAST) || at > last)
		return false;
	*bdf = (struct iommut_bdf){ .domain = segment,
				    .bus = (uint8_t)(at >> 8),
				    .device = at >> 3 & 0x1f,
				    .function = at & 7 };
	return true;
}

int viot_requester(const uint8_t *table, size_t length, uint32_t endpoint, struct iommut_bdf *bdf)
{
	size_t at;

	if (length < TABLE_HEADER)
		return -ENOENT;
	at = read16(table + TABLE_NODE_OFFSET);
	for (unsigned int left = read16(table + TABLE_NODE_COUNT); left; left--) {
		size_t size;

		if (at + NODE_HEADER > length)
			return -ENOENT;
		size = read16(table + at + NODE_LENGTH);
		if (size < NODE_HEADER || at + size > length)
			return -ENOENT;
		if (table[at] == TYPE_PCI_RANGE && size >= RANGE_SIZE &&
		    in_range(table + at, endpoint, bdf))
			return 0;
		at += size;
	}
	return -ENOENT;
}
