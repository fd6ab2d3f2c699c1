// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the library reads in files of sysfs, debugfs, procfs and tracing, where names of drivers, devices and processes are other people's.
 * The first byte of an input says who reads, the second after how many bytes each read ends; the rest is the file.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/pci.h"
#include "lib/side_channels.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define BDF "0000:00:05.0"

struct file {
	struct iommut_syscalls sys;
	const uint8_t *data;
	size_t size;
	size_t at;
	size_t piece;
};

static int open_file(const struct iommut_syscalls *sys, const char *path, int flags, mode_t mode)
{
	((struct file *)sys)->at = 0;
	return 3;
}

static int close_file(const struct iommut_syscalls *sys, int fd)
{
	return 0;
}

static ssize_t read_file(const struct iommut_syscalls *sys, int fd, void *data, size_t length)
{
	struct file *file = (struct file *)sys;

	if (length > file->size - file->at)
		length = file->size - file->at;
	if (length > file->piece)
		length = file->piece;
	memcpy(data, file->data + file->at, length);
	file->at += length;
	return (ssize_t)length;
}

static ssize_t pread_file(const struct iommut_syscalls *sys, int fd, void *data, size_t length,
			  off_t offset)
{
	struct file *file = (struct file *)sys;

	if ((size_t)offset >= file->size)
		return 0;
	if (length > file->size - (size_t)offset)
		length = file->size - (size_t)offset;
	memcpy(data, file->data + offset, length);
	return (ssize_t)length;
}

static ssize_t write_file(const struct iommut_syscalls *sys, int fd, const void *data,
			  size_t length)
{
	return (ssize_t)length;
}

static ssize_t read_link(const struct iommut_syscalls *sys, const char *path, char *data,
			 size_t size)
{
	struct file *file = (struct file *)sys;

	if (size > file->size)
		size = file->size;
	memcpy(data, file->data, size);
	return (ssize_t)size;
}

static int nothing(const struct iommut_syscalls *sys, const char *path)
{
	return 0;
}

static int make_folder(const struct iommut_syscalls *sys, const char *path, mode_t mode)
{
	return 0;
}

static int poll_file(const struct iommut_syscalls *sys, struct pollfd *fds, nfds_t count,
		     int timeout_ms)
{
	return 0;
}

static void *plain_calloc(const struct iommut_syscalls *sys, size_t count, size_t size)
{
	return calloc(count, size);
}

static void read_trace(const struct iommut_syscalls *sys)
{
	static const char *const events[] = { "iommu:map", NULL };
	struct iommut_trace *trace;
	char line[100];

	if (trace_open_on(sys, &trace, events))
		abort();
	while (!iommut_trace_read(trace, line, sizeof(line), 0))
		if (strlen(line) >= sizeof(line))
			abort();
	iommut_trace_close(trace);
}

static void read_reserved(const struct iommut_syscalls *sys)
{
	struct iommut_pci_reserved *regions;
	size_t count;

	if (pci_group_reserved_on(sys, 7, &regions, &count))
		return;
	for (size_t i = 0; i < count; i++)
		if (strlen(regions[i].type) >= sizeof(regions[i].type))
			abort();
	free(regions);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct file file = {
		.sys = {
			.open = open_file,
			.close = close_file,
			.read = read_file,
			.pread = pread_file,
			.write = write_file,
			.readlink = read_link,
			.mkdir = make_folder,
			.rmdir = nothing,
			.poll = poll_file,
			.calloc = plain_calloc,
		},
		.data = data + 2,
		.size = size - 2,
	};
	struct iommut_accounting accounting;
	struct iommut_pci_binding before;
	struct iommut_pci_device device;
	struct iommut_amd_entry entry;
	struct iommut_leaf leaf;

	if (size < 2)
		return 0;
	file.piece = data[1] ? data[1] : SIZE_MAX;
	switch (data[0] % 7) {
	case 0:
		page_table_leaf_on(&file.sys, BDF, IOMMUT_NO_PASID, 0x100000, &leaf);
		break;
	case 1:
		amd_entry_get_on(&file.sys, BDF, &entry);
		break;
	case 2:
		accounting_get_on(&file.sys, &accounting);
		break;
	case 3:
		if (!pci_get_on(&file.sys, BDF, &device) &&
		    strlen(device.driver) >= sizeof(device.driver))
			abort();
		break;
	case 4:
		read_reserved(&file.sys);
		break;
	case 5:
		read_trace(&file.sys);
		break;
	default:
		/* The driver before is "": it is asked for what it never can become. */
		if (!pci_bind_on(&file.sys, BDF, "vfio-pci", &before) &&
		    strlen(before.driver_override) >= sizeof(before.driver_override))
			abort();
		break;
	}
	return 0;
}
