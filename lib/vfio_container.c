// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <iommut/iommufd.h>
#include <iommut/vfio.h>

#include "lib/calls.h"
#include "lib/info_caps.h"
#include "lib/space.h"

int container_open_on(const struct iommut_syscalls *sys, struct iommut_handle *container)
{
	int fd = sys_open(sys, "/dev/vfio/vfio", O_RDWR, 0);
	struct iommut_handle handle = { fd, sys };

	if (fd == -ENOENT || fd == -ENXIO || fd == -ENODEV)
		return -EOPNOTSUPP;
	if (fd < 0)
		return fd;
	if (iommut_vfio_get_api_version_raw(handle) != VFIO_API_VERSION) {
		sys_close(sys, fd);
		return -EOPNOTSUPP;
	}
	*container = handle;
	return 0;
}

int iommut_vfio_container_open(struct iommut_handle *container)
{
	return container_open_on(NULL, container);
}

int group_open_on(const struct iommut_syscalls *sys, struct iommut_handle *group, int number)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/dev/vfio/%d", number);
	fd = sys_open(sys, path, O_RDWR, 0);
	if (fd == -ENOENT) {
		/* A group without an IOMMU, with enable_unsafe_noiommu_mode. */
		snprintf(path, sizeof(path), "/dev/vfio/noiommu-%d", number);
		fd = sys_open(sys, path, O_RDWR, 0);
	}
	if (fd < 0)
		return fd;
	group->fd = fd;
	group->sys = sys;
	return 0;
}

int iommut_vfio_group_open(struct iommut_handle *group, int number)
{
	return group_open_on(NULL, group, number);
}

int iommut_vfio_check_extension(struct iommut_handle container, uint32_t extension)
{
	return iommut_vfio_check_extension_raw(container, extension);
}

int iommut_vfio_set_iommu(struct iommut_handle container, uint32_t type)
{
	return iommut_vfio_set_iommu_raw(container, type);
}

int iommut_vfio_group_unset_container(struct iommut_handle group)
{
	return iommut_vfio_group_unset_container_raw(group);
}

int iommut_vfio_group_set_container(struct iommut_handle group, struct iommut_handle container)
{
	return iommut_vfio_group_set_container_raw(group, &container.fd);
}

int iommut_vfio_group_status(struct iommut_handle group, uint32_t *flags)
{
	struct vfio_group_status args = { .argsz = sizeof(args) };
	int ret = iommut_vfio_group_get_status_raw(group, &args);

	if (!ret)
		*flags = args.flags;
	return ret;
}

int iommut_vfio_group_device(struct iommut_handle group, const char *bdf, const uint8_t *token,
			     struct iommut_handle *device)
{
	char name[96];
	int length = snprintf(name, sizeof(name), "%s", bdf);
	int fd;

	if (length >= 32)
		return -EINVAL;
	if (token)
		snprintf(name + length, sizeof(name) - length,
			 " vf_token=%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%"
			 "02x%02x",
			 token[0], token[1], token[2], token[3], token[4], token[5], token[6],
			 token[7], token[8], token[9], token[10], token[11], token[12], token[13],
			 token[14], token[15]);
	fd = iommut_vfio_group_get_device_fd_raw(group, name);
	if (fd < 0)
		return fd;
	device->fd = fd;
	device->sys = group.sys;
	return 0;
}

int iommut_vfio_map_dma(struct iommut_handle container, const void *address, uint64_t length,
			uint64_t iova, uint32_t flags)
{
	return call_map_dma(container, address, length, iova, flags);
}

int iommut_vfio_unmap_dma(struct iommut_handle container, uint64_t iova, uint64_t length,
			  uint32_t flags, uint64_t *unmapped)
{
	return call_unmap_dma(container, iova, length, flags, unmapped);
}

static uint64_t bitmap_bytes(uint64_t length, uint64_t page_size)
{
	uint64_t pages = length / page_size + (length % page_size != 0);

	return (pages + 63) / 64 * 8;
}

int iommut_vfio_unmap_dma_dirty(struct iommut_handle container, uint64_t iova, uint64_t length,
				uint64_t page_size, uint64_t *bitmap, uint64_t *unmapped)
{
	union {
		struct vfio_iommu_type1_dma_unmap head;
		uint8_t room[sizeof(struct vfio_iommu_type1_dma_unmap) +
			     sizeof(struct vfio_bitmap)];
	} args = { .room = { 0 } };
	struct vfio_bitmap tail;
	int ret;

	if (!page_size)
		return -EINVAL;
	tail = (struct vfio_bitmap){
		.pgsize = page_size,
		.size = bitmap_bytes(length, page_size),
		.data = (__u64 *)bitmap,
	};
	args.head.argsz = sizeof(args.head) + sizeof(tail);
	args.head.flags = VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP;
	args.head.iova = iova;
	args.head.size = length;
	memcpy(args.head.data, &tail, sizeof(tail));
	ret = iommut_vfio_unmap_dma_raw(container, &args.head);
	if (!ret && unmapped)
		*unmapped = args.head.size;
	return ret;
}

int iommut_vfio_dirty_tracking(struct iommut_handle container, bool on)
{
	struct vfio_iommu_type1_dirty_bitmap args = {
		.argsz = sizeof(args),
		.flags = on ? VFIO_IOMMU_DIRTY_PAGES_FLAG_START : VFIO_IOMMU_DIRTY_PAGES_FLAG_STOP,
	};

	return supported(iommut_vfio_dirty_pages_raw(container, &args));
}

int iommut_vfio_dirty_bitmap(struct iommut_handle container, uint64_t iova, uint64_t length,
			     uint64_t page_size, uint64_t *bitmap)
{
	union {
		struct vfio_iommu_type1_dirty_bitmap head;
		uint8_t room[sizeof(struct vfio_iommu_type1_dirty_bitmap) +
			     sizeof(struct vfio_iommu_type1_dirty_bitmap_get)];
	} args = { .room = { 0 } };
	struct vfio_iommu_type1_dirty_bitmap_get tail;

	if (!page_size)
		return -EINVAL;
	tail = (struct vfio_iommu_type1_dirty_bitmap_get){
		.iova = iova,
		.size = length,
		.bitmap = {
			.pgsize = page_size,
			.size = bitmap_bytes(length, page_size),
			.data = (__u64 *)bitmap,
		},
	};
	args.head.argsz = sizeof(args.head) + sizeof(tail);
	args.head.flags = VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP;
	memcpy(args.head.data, &tail, sizeof(tail));
	return supported(iommut_vfio_dirty_pages_raw(container, &args.head));
}

static int take_ranges(const uint8_t *capability, size_t room, struct iommut_vfio_iommu_info *info,
		       const struct iommut_syscalls *sys)
{
	struct vfio_iommu_type1_info_cap_iova_range head;
	struct vfio_iova_range range;

	if (room < sizeof(head))
		return -EBADMSG;
	memcpy(&head, capability, sizeof(head));
	if (head.nr_iovas > (room - sizeof(head)) / sizeof(range) || info->ranges)
		return -EBADMSG;
	info->ranges = sys_calloc(sys, head.nr_iovas ? head.nr_iovas : 1, sizeof(*info->ranges));
	if (!info->ranges)
		return -ENOMEM;
	for (uint32_t i = 0; i < head.nr_iovas; i++) {
		memcpy(&range, capability + sizeof(head) + i * sizeof(range), sizeof(range));
		info->ranges[i].start = range.start;
		info->ranges[i].last = range.end;
	}
	info->range_count = head.nr_iovas;
	return 0;
}

static int take_capability(void *data, uint16_t id, const uint8_t *capability, size_t room,
			   const struct iommut_syscalls *sys)
{
	struct iommut_vfio_iommu_info *info = data;
	struct vfio_iommu_type1_info_cap_migration migration;
	struct vfio_iommu_type1_info_dma_avail available;

	switch (id) {
	case VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE:
		return take_ranges(capability, room, info, sys);
	case VFIO_IOMMU_TYPE1_INFO_CAP_MIGRATION:
		if (room < sizeof(migration))
			return -EBADMSG;
		memcpy(&migration, capability, sizeof(migration));
		info->has_migration = true;
		info->dirty_page_sizes = migration.pgsize_bitmap;
		info->max_dirty_bitmap_size = migration.max_dirty_bitmap_size;
		return 0;
	case VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL:
		if (room < sizeof(available))
			return -EBADMSG;
		memcpy(&available, capability, sizeof(available));
		info->has_dma_available = true;
		info->dma_available = available.avail;
		return 0;
	default:
		return 0;
	}
}

int iommut_vfio_iommu_info(struct iommut_handle container, struct iommut_vfio_iommu_info *info)
{
	struct vfio_iommu_type1_info head = { 0 };
	uint32_t length = sizeof(head);
	uint8_t *args;
	int ret;

	memset(info, 0, sizeof(*info));
	ret = info_read(container, VFIO_IOMMU_GET_INFO, &head, sizeof(head), &args, &length);
	if (ret)
		return ret;
	memcpy(&head, args, sizeof(head));
	if (head.flags & VFIO_IOMMU_INFO_PGSIZES)
		info->page_sizes = head.iova_pgsizes;
	if (head.flags & VFIO_IOMMU_INFO_CAPS)
		ret = info_capabilities(container.sys, args, length, head.cap_offset,
					take_capability, info);
	if (ret) {
		free(info->ranges);
		memset(info, 0, sizeof(*info));
	}
	free(args);
	return ret;
}
