// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Answers of VFIO with lists of capabilities, of which a driver for the device or a program that plays the kernel (vfio-user, mediated
 * devices) writes a part. The first byte of an input says which call; the rest is the answer from its flags on.
 */
#include <stdlib.h>
#include <string.h>

#include <linux/vfio.h>

#include <iommut/region.h>
#include <iommut/vfio.h>

#include "lib/device.h"
#include "lib/space.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct answer {
	struct iommut_syscalls sys;
	const uint8_t *data;
	size_t size;
};

/* Says how much it wants, and fills what there is room for. */
static int answer(const struct iommut_syscalls *sys, int fd, unsigned long request, void *argument)
{
	const struct answer *from = (const struct answer *)sys;
	uint32_t room, wanted = (uint32_t)(from->size + sizeof(wanted));

	memcpy(&room, argument, sizeof(room));
	memcpy(argument, &wanted, sizeof(wanted));
	if (room > sizeof(room))
		memcpy((uint8_t *)argument + sizeof(room), from->data,
		       from->size < room - sizeof(room) ? from->size : room - sizeof(room));
	return 0;
}

static void *plain_calloc(const struct iommut_syscalls *sys, size_t count, size_t size)
{
	return calloc(count, size);
}

static ssize_t no_pread(const struct iommut_syscalls *sys, int fd, void *data, size_t length,
			off_t offset)
{
	return -1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct answer from = {
		.sys = { .ioctl = answer, .calloc = plain_calloc, .pread = no_pread },
		.data = data + 1,
		.size = size - 1,
	};
	struct file_reference file = { .users = 2, .handle = { 3, &from.sys } };
	struct iommut_space space = { .users = 2, .file = &file };
	struct iommut_device device = { .handle = { 3, &from.sys }, .space = &space };
	struct vfio_pci_dependent_device *devices;
	struct iommut_vfio_iommu_info info;
	struct iommut_region *region;
	uint8_t capability[64];
	uint32_t flags;
	size_t count;

	if (!size)
		return 0;
	switch (data[0] % 6) {
	case 0:
		if (!iommut_vfio_iommu_info(device.handle, &info))
			free(info.ranges);
		break;
	case 1:
		if (iommut_region_open(&region, &device, 0))
			break;
		for (size_t i = 0; i < region->area_count; i++)
			if (region->areas[i].offset > region->length ||
			    region->areas[i].length > region->length - region->areas[i].offset)
				abort();
		iommut_region_close(region);
		break;
	case 2:
		iommut_device_info_capability(&device, 5, capability, sizeof(capability));
		break;
	case 3:
		iommut_region_capability(&device, 0, 4, capability, 16);
		break;
	case 4:
		iommut_device_atomics(&device, &flags);
		break;
	default:
		if (!iommut_device_hot_reset_info(&device, &devices, &count, &flags))
			free(devices);
		break;
	}
	return 0;
}
