// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include <iommut/iommufd.h>

#include "lib/calls.h"
#include "lib/space.h"
#include "lib/syscalls.h"

int iommufd_open_on(const struct iommut_syscalls *sys, struct iommut_handle *iommufd)
{
	int fd = sys_open(sys, "/dev/iommu", O_RDWR, 0);

	if (fd == -ENOENT || fd == -ENXIO || fd == -ENODEV)
		return -EOPNOTSUPP;
	if (fd < 0)
		return fd;
	iommufd->fd = fd;
	iommufd->sys = sys;
	return 0;
}

int iommut_iommufd_open(struct iommut_handle *iommufd)
{
	return iommufd_open_on(NULL, iommufd);
}

int iommut_handle_close(struct iommut_handle *handle)
{
	int fd = handle->fd;

	handle->fd = -1;
	return sys_close(handle->sys, fd);
}

int iommut_ioctl_raw(struct iommut_handle handle, unsigned long request, void *argument)
{
	return sys_ioctl(handle.sys, handle.fd, request, argument);
}

#define RAW(name, type, request)                                                 \
	int iommut_##name##_raw(struct iommut_handle iommufd, struct type *args) \
	{                                                                        \
		return sys_ioctl(iommufd.sys, iommufd.fd, request, args);        \
	}

RAW(destroy, iommu_destroy, IOMMU_DESTROY)
RAW(ioas_alloc, iommu_ioas_alloc, IOMMU_IOAS_ALLOC)
RAW(ioas_allow_iovas, iommu_ioas_allow_iovas, IOMMU_IOAS_ALLOW_IOVAS)
RAW(ioas_copy, iommu_ioas_copy, IOMMU_IOAS_COPY)
RAW(ioas_iova_ranges, iommu_ioas_iova_ranges, IOMMU_IOAS_IOVA_RANGES)
RAW(ioas_map, iommu_ioas_map, IOMMU_IOAS_MAP)
RAW(ioas_map_file, iommu_ioas_map_file, IOMMU_IOAS_MAP_FILE)
RAW(ioas_unmap, iommu_ioas_unmap, IOMMU_IOAS_UNMAP)
RAW(ioas_change_process, iommu_ioas_change_process, IOMMU_IOAS_CHANGE_PROCESS)
RAW(ioas_noiommu_get_pa, iommu_ioas_noiommu_get_pa, IOMMU_IOAS_NOIOMMU_GET_PA)
RAW(option, iommu_option, IOMMU_OPTION)
RAW(vfio_ioas, iommu_vfio_ioas, IOMMU_VFIO_IOAS)
RAW(hwpt_alloc, iommu_hwpt_alloc, IOMMU_HWPT_ALLOC)
RAW(hw_info, iommu_hw_info, IOMMU_GET_HW_INFO)
RAW(hwpt_set_dirty_tracking, iommu_hwpt_set_dirty_tracking, IOMMU_HWPT_SET_DIRTY_TRACKING)
RAW(hwpt_get_dirty_bitmap, iommu_hwpt_get_dirty_bitmap, IOMMU_HWPT_GET_DIRTY_BITMAP)
RAW(hwpt_invalidate, iommu_hwpt_invalidate, IOMMU_HWPT_INVALIDATE)
RAW(fault_queue_alloc, iommu_fault_alloc, IOMMU_FAULT_QUEUE_ALLOC)
RAW(viommu_alloc, iommu_viommu_alloc, IOMMU_VIOMMU_ALLOC)
RAW(vdevice_alloc, iommu_vdevice_alloc, IOMMU_VDEVICE_ALLOC)
RAW(veventq_alloc, iommu_veventq_alloc, IOMMU_VEVENTQ_ALLOC)
RAW(hw_queue_alloc, iommu_hw_queue_alloc, IOMMU_HW_QUEUE_ALLOC)

int iommut_destroy(struct iommut_handle iommufd, uint32_t id)
{
	struct iommu_destroy args = { .size = sizeof(args), .id = id };

	return supported(iommut_destroy_raw(iommufd, &args));
}

int iommut_ioas_alloc(struct iommut_handle iommufd, uint32_t *ioas_id)
{
	struct iommu_ioas_alloc args = { .size = sizeof(args) };
	int ret = supported(iommut_ioas_alloc_raw(iommufd, &args));

	if (!ret)
		*ioas_id = args.out_ioas_id;
	return ret;
}

int iommut_ioas_allow_iovas(struct iommut_handle iommufd, uint32_t ioas_id,
			    const struct iommut_iova_range *ranges, uint32_t count)
{
	/* The layouts are the same: see the assertion in iommut_ioas_iova_ranges(). */
	struct iommu_ioas_allow_iovas args = {
		.size = sizeof(args),
		.ioas_id = ioas_id,
		.num_iovas = count,
		.allowed_iovas = (uintptr_t)ranges,
	};

	return supported(iommut_ioas_allow_iovas_raw(iommufd, &args));
}

int iommut_ioas_copy(struct iommut_handle iommufd, uint32_t destination, uint64_t *destination_iova,
		     uint32_t source, uint64_t source_iova, uint64_t length, uint32_t flags)
{
	struct iommu_ioas_copy args = {
		.size = sizeof(args),
		.flags = flags,
		.dst_ioas_id = destination,
		.src_ioas_id = source,
		.length = length,
		.dst_iova = *destination_iova,
		.src_iova = source_iova,
	};
	int ret = supported(iommut_ioas_copy_raw(iommufd, &args));

	if (!ret)
		*destination_iova = args.dst_iova;
	return ret;
}

int iommut_ioas_iova_ranges(struct iommut_handle iommufd, uint32_t ioas_id,
			    struct iommut_iova_range **ranges, size_t *count, uint64_t *alignment)
{
	uint32_t room = 8;

	_Static_assert(sizeof(struct iommut_iova_range) == sizeof(struct iommu_iova_range) &&
			       offsetof(struct iommut_iova_range, last) ==
				       offsetof(struct iommu_iova_range, last),
		       "the kernel fills our ranges");
	/* The number of ranges can change between two calls when a device comes or goes. */
	for (;;) {
		struct iommut_iova_range *found = sys_calloc(iommufd.sys, room, sizeof(*found));
		struct iommu_ioas_iova_ranges args = {
			.size = sizeof(args),
			.ioas_id = ioas_id,
			.num_iovas = room,
			.allowed_iovas = (uintptr_t)found,
		};
		int ret;

		if (!found)
			return -ENOMEM;
		ret = supported(iommut_ioas_iova_ranges_raw(iommufd, &args));
		if (!ret) {
			*ranges = found;
			*count = args.num_iovas;
			if (alignment)
				*alignment = args.out_iova_alignment;
			return 0;
		}
		free(found);
		if (ret != -EMSGSIZE)
			return ret;
		if (args.num_iovas <= room)
			return -EBADMSG;
		room = args.num_iovas;
	}
}

int iommut_ioas_map(struct iommut_handle iommufd, uint32_t ioas_id, const void *address,
		    uint64_t length, uint64_t *iova, uint32_t flags)
{
	return call_ioas_map(iommufd, ioas_id, address, length, iova, flags);
}

int iommut_ioas_map_file(struct iommut_handle iommufd, uint32_t ioas_id, int fd, uint64_t start,
			 uint64_t length, uint64_t *iova, uint32_t flags)
{
	struct iommu_ioas_map_file args = {
		.size = sizeof(args),
		.flags = flags,
		.ioas_id = ioas_id,
		.fd = fd,
		.start = start,
		.length = length,
		.iova = flags & IOMMU_IOAS_MAP_FIXED_IOVA ? *iova : 0,
	};
	int ret = supported(iommut_ioas_map_file_raw(iommufd, &args));

	if (!ret)
		*iova = args.iova;
	return ret;
}

int iommut_ioas_unmap(struct iommut_handle iommufd, uint32_t ioas_id, uint64_t iova,
		      uint64_t length, uint64_t *unmapped)
{
	return call_ioas_unmap(iommufd, ioas_id, iova, length, unmapped);
}

int iommut_ioas_change_process(struct iommut_handle iommufd)
{
	struct iommu_ioas_change_process args = { .size = sizeof(args) };

	return supported(iommut_ioas_change_process_raw(iommufd, &args));
}

int iommut_ioas_noiommu_get_pa(struct iommut_handle iommufd, uint32_t ioas_id, uint64_t iova,
			       uint64_t *length, uint64_t *physical)
{
	struct iommu_ioas_noiommu_get_pa args = {
		.size = sizeof(args),
		.ioas_id = ioas_id,
		.iova = iova,
		.length = *length,
	};
	int ret = supported(iommut_ioas_noiommu_get_pa_raw(iommufd, &args));

	if (!ret) {
		*length = args.length;
		*physical = args.out_phys;
	}
	return ret;
}

int iommut_option_set(struct iommut_handle iommufd, uint32_t option, uint32_t object,
		      uint64_t value)
{
	struct iommu_option args = {
		.size = sizeof(args),
		.option_id = option,
		.op = IOMMU_OPTION_OP_SET,
		.object_id = object,
		.val64 = value,
	};

	return supported(iommut_option_raw(iommufd, &args));
}

int iommut_option_get(struct iommut_handle iommufd, uint32_t option, uint32_t object,
		      uint64_t *value)
{
	struct iommu_option args = {
		.size = sizeof(args),
		.option_id = option,
		.op = IOMMU_OPTION_OP_GET,
		.object_id = object,
	};
	int ret = supported(iommut_option_raw(iommufd, &args));

	if (!ret)
		*value = args.val64;
	return ret;
}

int iommut_vfio_ioas_get(struct iommut_handle iommufd, uint32_t *ioas_id)
{
	struct iommu_vfio_ioas args = { .size = sizeof(args), .op = IOMMU_VFIO_IOAS_GET };
	int ret = supported(iommut_vfio_ioas_raw(iommufd, &args));

	if (!ret)
		*ioas_id = args.ioas_id;
	return ret;
}

int iommut_vfio_ioas_set(struct iommut_handle iommufd, uint32_t ioas_id)
{
	struct iommu_vfio_ioas args = {
		.size = sizeof(args),
		.ioas_id = ioas_id,
		.op = IOMMU_VFIO_IOAS_SET,
	};

	return supported(iommut_vfio_ioas_raw(iommufd, &args));
}

int iommut_vfio_ioas_clear(struct iommut_handle iommufd)
{
	struct iommu_vfio_ioas args = { .size = sizeof(args), .op = IOMMU_VFIO_IOAS_CLEAR };

	return supported(iommut_vfio_ioas_raw(iommufd, &args));
}
