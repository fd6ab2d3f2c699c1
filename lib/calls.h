/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
#ifndef LIB_CALLS_H
#define LIB_CALLS_H

/*
 * Mapping and unmapping, of which programs do millions: typed calls and spaces share these, so that neither costs more than the
 * system call and its structure.
 */
#include <linux/iommufd.h>
#include <linux/vfio.h>

#include "lib/syscalls.h"

static inline int call_map_dma(struct iommut_handle container, const void *address, uint64_t length,
			       uint64_t iova, uint32_t flags)
{
	struct vfio_iommu_type1_dma_map args = {
		.argsz = sizeof(args),
		.flags = flags,
		.vaddr = (uintptr_t)address,
		.iova = iova,
		.size = length,
	};

	return sys_ioctl(container.sys, container.fd, VFIO_IOMMU_MAP_DMA, &args);
}

static inline int call_unmap_dma(struct iommut_handle container, uint64_t iova, uint64_t length,
				 uint32_t flags, uint64_t *unmapped)
{
	struct vfio_iommu_type1_dma_unmap args = {
		.argsz = sizeof(args),
		.flags = flags,
		.iova = iova,
		.size = length,
	};
	int ret = sys_ioctl(container.sys, container.fd, VFIO_IOMMU_UNMAP_DMA, &args);

	if (!ret && unmapped)
		*unmapped = args.size;
	return ret;
}

static inline int call_ioas_map(struct iommut_handle iommufd, uint32_t ioas_id, const void *address,
				uint64_t length, uint64_t *iova, uint32_t flags)
{
	struct iommu_ioas_map args = {
		.size = sizeof(args),
		.flags = flags,
		.ioas_id = ioas_id,
		.user_va = (uintptr_t)address,
		.length = length,
		.iova = flags & IOMMU_IOAS_MAP_FIXED_IOVA ? *iova : 0,
	};
	int ret = supported(sys_ioctl(iommufd.sys, iommufd.fd, IOMMU_IOAS_MAP, &args));

	if (!ret)
		*iova = args.iova;
	return ret;
}

static inline int call_ioas_unmap(struct iommut_handle iommufd, uint32_t ioas_id, uint64_t iova,
				  uint64_t length, uint64_t *unmapped)
{
	struct iommu_ioas_unmap args = {
		.size = sizeof(args),
		.ioas_id = ioas_id,
		.iova = iova,
		.length = length,
	};
	int ret = supported(sys_ioctl(iommufd.sys, iommufd.fd, IOMMU_IOAS_UNMAP, &args));

	if (!ret && unmapped)
		*unmapped = args.length;
	return ret;
}

#endif /* LIB_CALLS_H */
