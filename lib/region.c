// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <linux/vfio.h>

#include <iommut/region.h>
#include <iommut/vfio.h>

#include "lib/device.h"
#include "lib/guard.h"
#include "lib/info_caps.h"

static int take_sparse(struct iommut_region *region, const uint8_t *capability, size_t room,
		       const struct iommut_syscalls *sys)
{
	struct vfio_region_info_cap_sparse_mmap head;
	struct vfio_region_sparse_mmap_area area;

	if (room < sizeof(head) || region->areas)
		return -EBADMSG;
	memcpy(&head, capability, sizeof(head));
	if (head.nr_areas > (room - sizeof(head)) / sizeof(area))
		return -EBADMSG;
	region->areas = sys_calloc(sys, head.nr_areas ? head.nr_areas : 1, sizeof(*region->areas));
	if (!region->areas)
		return -ENOMEM;
	for (uint32_t i = 0; i < head.nr_areas; i++) {
		memcpy(&area, capability + sizeof(head) + i * sizeof(area), sizeof(area));
		if (area.offset > region->length || area.size > region->length - area.offset)
			return -EBADMSG;
		region->areas[i].offset = area.offset;
		region->areas[i].length = area.size;
	}
	region->area_count = head.nr_areas;
	return 0;
}

static int take_capability(void *data, uint16_t id, const uint8_t *capability, size_t room,
			   const struct iommut_syscalls *sys)
{
	struct iommut_region *region = data;
	struct vfio_region_info_cap_type type;

	switch (id) {
	case VFIO_REGION_INFO_CAP_SPARSE_MMAP:
		return take_sparse(region, capability, room, sys);
	case VFIO_REGION_INFO_CAP_TYPE:
		if (room < sizeof(type))
			return -EBADMSG;
		memcpy(&type, capability, sizeof(type));
		region->type = type.type;
		region->subtype = type.subtype;
		return 0;
	case VFIO_REGION_INFO_CAP_MSIX_MAPPABLE:
		region->msix_mappable = true;
		return 0;
	default:
		return 0;
	}
}

/* Without a sparse capability, all of a mappable region can be mapped. */
static int add_whole_area(struct iommut_region *region, const struct iommut_syscalls *sys)
{
	if (region->areas || !(region->flags & VFIO_REGION_INFO_FLAG_MMAP))
		return 0;
	region->areas = sys_calloc(sys, 1, sizeof(*region->areas));
	if (!region->areas)
		return -ENOMEM;
	region->areas[0].length = region->length;
	region->area_count = 1;
	return 0;
}

int iommut_region_open(struct iommut_region **region, struct iommut_device *device, uint32_t index)
{
	const struct iommut_syscalls *sys = device->handle.sys;
	struct vfio_region_info head = { .index = index };
	struct iommut_region *new_region;
	uint32_t length;
	uint8_t *args;
	int ret;

	ret = info_read(device->handle, VFIO_DEVICE_GET_REGION_INFO, &head, sizeof(head), &args,
			&length);
	if (ret)
		return ret;
	memcpy(&head, args, sizeof(head));
	ret = -ENOENT;
	if (!head.size)
		goto free_args;
	ret = -ENOMEM;
	new_region = sys_calloc(sys, 1, sizeof(*new_region));
	if (!new_region)
		goto free_args;
	new_region->device = device;
	new_region->index = index;
	new_region->flags = head.flags;
	new_region->length = head.size;
	new_region->offset = head.offset;
	ret = 0;
	if (head.flags & VFIO_REGION_INFO_FLAG_CAPS)
		ret = info_capabilities(sys, args, length, head.cap_offset, take_capability,
					new_region);
	if (!ret)
		ret = add_whole_area(new_region, sys);
	if (ret)
		iommut_region_close(new_region);
	else
		*region = new_region;
free_args:
	free(args);
	return ret;
}

int iommut_region_capability(struct iommut_device *device, uint32_t index, uint16_t id, void *data,
			     size_t size)
{
	struct vfio_region_info info = { .index = index };
	uint32_t length;
	uint8_t *args;
	int ret;

	ret = info_read(device->handle, VFIO_DEVICE_GET_REGION_INFO, &info, sizeof(info), &args,
			&length);
	if (ret)
		return ret;
	memcpy(&info, args, sizeof(info));
	ret = info_capability_copy(args, length,
				   info.flags & VFIO_REGION_INFO_FLAG_CAPS ? info.cap_offset : 0,
				   id, data, size);
	free(args);
	return ret;
}

void iommut_region_close(struct iommut_region *region)
{
	if (!region)
		return;
	free(region->areas);
	free(region);
}

int iommut_region_map(struct iommut_region *region, uint64_t offset, uint64_t length,
		      void **address)
{
	struct iommut_handle handle = region->device->handle;
	int protection = 0, ret;

	if (!(region->flags & VFIO_REGION_INFO_FLAG_MMAP))
		return -EOPNOTSUPP;
	if (offset > region->length)
		return -EINVAL;
	if (!length)
		length = region->length - offset;
	if (!length || length > region->length - offset)
		return -EINVAL;
	if (region->flags & VFIO_REGION_INFO_FLAG_READ)
		protection |= PROT_READ;
	if (region->flags & VFIO_REGION_INFO_FLAG_WRITE)
		protection |= PROT_WRITE;
	ret = sys_mmap(handle.sys, NULL, length, protection, MAP_SHARED, handle.fd,
		       (off_t)(region->offset + offset), address);
	if (ret)
		return ret;
	ret = guard_add(handle.sys, *address, length);
	if (ret)
		sys_munmap(handle.sys, *address, length);
	return ret;
}

int iommut_region_unmap(struct iommut_region *region, void *address, uint64_t length)
{
	guard_remove(address);
	return sys_munmap(region->device->handle.sys, address, length);
}

int iommut_region_read(struct iommut_region *region, uint64_t offset, void *data, size_t length)
{
	struct iommut_handle handle = region->device->handle;
	const uint8_t *bytes = data;
	ssize_t done;

	if (offset > region->length || length > region->length - offset)
		return -EINVAL;
	done = sys_pread(handle.sys, handle.fd, data, length, (off_t)(region->offset + offset));
	if (done != (ssize_t)length) {
		if (iommut_device_gone(region->device))
			return -ENODEV;
		return done < 0 ? (int)done : -EIO;
	}
	for (size_t i = 0; i < length; i++)
		if (bytes[i] != 0xff)
			return 0;
	return length && iommut_device_gone(region->device) ? -ENODEV : 0;
}

int iommut_region_write(struct iommut_region *region, uint64_t offset, const void *data,
			size_t length)
{
	struct iommut_handle handle = region->device->handle;
	ssize_t done;

	if (offset > region->length || length > region->length - offset)
		return -EINVAL;
	done = sys_pwrite(handle.sys, handle.fd, data, length, (off_t)(region->offset + offset));
	if (done == (ssize_t)length)
		return 0;
	if (iommut_device_gone(region->device))
		return -ENODEV;
	return done < 0 ? (int)done : -EIO;
}

#define ACCESSORS(bits)                                                                    \
	int iommut_region_read##bits(struct iommut_region *region, uint64_t offset,        \
				     uint##bits##_t *value)                                \
	{                                                                                  \
		uint##bits##_t little = 0;                                                 \
		int ret = -EINVAL;                                                         \
                                                                                           \
		if (offset % sizeof(little) == 0)                                          \
			ret = iommut_region_read(region, offset, &little, sizeof(little)); \
		if (!ret)                                                                  \
			*value = FROM_LITTLE_##bits(little);                               \
		return ret;                                                                \
	}                                                                                  \
                                                                                           \
	int iommut_region_write##bits(struct iommut_region *region, uint64_t offset,       \
				      uint##bits##_t value)                                \
	{                                                                                  \
		uint##bits##_t little = TO_LITTLE_##bits(value);                           \
                                                                                           \
		if (offset % sizeof(little))                                               \
			return -EINVAL;                                                    \
		return iommut_region_write(region, offset, &little, sizeof(little));       \
	}

#define FROM_LITTLE_8(value)  (value)
#define FROM_LITTLE_16(value) le16toh(value)
#define FROM_LITTLE_32(value) le32toh(value)
#define FROM_LITTLE_64(value) le64toh(value)
#define TO_LITTLE_8(value)    (value)
#define TO_LITTLE_16(value)   htole16(value)
#define TO_LITTLE_32(value)   htole32(value)
#define TO_LITTLE_64(value)   htole64(value)

ACCESSORS(8)
ACCESSORS(16)
ACCESSORS(32)
ACCESSORS(64)
