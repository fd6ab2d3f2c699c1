// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
#include <errno.h>
#include <string.h>

#include <iommut/iommufd.h>

#include "lib/syscalls.h"

int iommut_hwpt_alloc(struct iommut_handle iommufd, uint32_t dev_id, uint32_t ioas_id,
		      uint32_t flags, uint32_t fault_id, uint32_t *hwpt_id)
{
	return iommut_hwpt_alloc_nested(iommufd, dev_id, ioas_id, flags, fault_id,
					IOMMU_HWPT_DATA_NONE, NULL, 0, hwpt_id);
}

int iommut_hwpt_alloc_nested(struct iommut_handle iommufd, uint32_t dev_id, uint32_t parent_id,
			     uint32_t flags, uint32_t fault_id, uint32_t data_type,
			     const void *data, uint32_t data_size, uint32_t *hwpt_id)
{
	struct iommu_hwpt_alloc args = {
		.size = sizeof(args),
		.flags = flags,
		.dev_id = dev_id,
		.pt_id = parent_id,
		.data_type = data_type,
		.data_len = data_size,
		.data_uptr = (uintptr_t)data,
		.fault_id = fault_id,
	};
	int ret = supported(iommut_hwpt_alloc_raw(iommufd, &args));

	if (!ret)
		*hwpt_id = args.out_hwpt_id;
	return ret;
}

int iommut_hw_info(struct iommut_handle iommufd, uint32_t dev_id, uint32_t type,
		   struct iommut_hw_info *info)
{
	struct iommu_hw_info args = {
		.size = sizeof(args),
		.dev_id = dev_id,
		.data_len = sizeof(info->raw),
		.data_uptr = (uintptr_t)info->raw,
	};
	int ret;

	memset(info, 0, sizeof(*info));
	if (type != IOMMU_HW_INFO_TYPE_DEFAULT) {
		args.flags = IOMMU_HW_INFO_FLAG_INPUT_TYPE;
		args.in_data_type = type;
	}
	ret = supported(iommut_hw_info_raw(iommufd, &args));
	if (ret)
		return ret;
	info->type = args.out_data_type;
	info->max_pasid_log2 = args.out_max_pasid_log2;
	info->capabilities = args.out_capabilities;
	info->data_length = args.data_len;
	return 0;
}

int iommut_hwpt_dirty_tracking(struct iommut_handle iommufd, uint32_t hwpt_id, bool on)
{
	struct iommu_hwpt_set_dirty_tracking args = {
		.size = sizeof(args),
		.flags = on ? IOMMU_HWPT_DIRTY_TRACKING_ENABLE : 0,
		.hwpt_id = hwpt_id,
	};

	return supported(iommut_hwpt_set_dirty_tracking_raw(iommufd, &args));
}

int iommut_hwpt_dirty_bitmap(struct iommut_handle iommufd, uint32_t hwpt_id, uint64_t iova,
			     uint64_t length, uint64_t page_size, uint32_t flags, uint64_t *bitmap)
{
	struct iommu_hwpt_get_dirty_bitmap args = {
		.size = sizeof(args),
		.hwpt_id = hwpt_id,
		.flags = flags,
		.iova = iova,
		.length = length,
		.page_size = page_size,
		.data = (uintptr_t)bitmap,
	};

	return supported(iommut_hwpt_get_dirty_bitmap_raw(iommufd, &args));
}

int iommut_hwpt_invalidate(struct iommut_handle iommufd, uint32_t id, uint32_t type,
			   const void *entries, uint32_t entry_size, uint32_t *count)
{
	struct iommu_hwpt_invalidate args = {
		.size = sizeof(args),
		.hwpt_id = id,
		.data_uptr = (uintptr_t)entries,
		.data_type = type,
		.entry_len = entry_size,
		.entry_num = *count,
	};
	int ret = supported(iommut_hwpt_invalidate_raw(iommufd, &args));

	*count = args.entry_num;
	return ret;
}

int iommut_fault_queue_alloc(struct iommut_handle iommufd, uint32_t *fault_id, int *fd)
{
	struct iommu_fault_alloc args = { .size = sizeof(args) };
	int ret = supported(iommut_fault_queue_alloc_raw(iommufd, &args));

	if (!ret) {
		*fault_id = args.out_fault_id;
		*fd = args.out_fault_fd;
	}
	return ret;
}

int iommut_viommu_alloc(struct iommut_handle iommufd, uint32_t type, uint32_t dev_id,
			uint32_t hwpt_id, void *data, uint32_t data_size, uint32_t *viommu_id)
{
	struct iommu_viommu_alloc args = {
		.size = sizeof(args),
		.type = type,
		.dev_id = dev_id,
		.hwpt_id = hwpt_id,
		.data_len = data_size,
		.data_uptr = (uintptr_t)data,
	};
	int ret = supported(iommut_viommu_alloc_raw(iommufd, &args));

	if (!ret)
		*viommu_id = args.out_viommu_id;
	return ret;
}

int iommut_vdevice_alloc(struct iommut_handle iommufd, uint32_t viommu_id, uint32_t dev_id,
			 uint64_t virtual_id, uint32_t *vdevice_id)
{
	struct iommu_vdevice_alloc args = {
		.size = sizeof(args),
		.viommu_id = viommu_id,
		.dev_id = dev_id,
		.virt_id = virtual_id,
	};
	int ret = supported(iommut_vdevice_alloc_raw(iommufd, &args));

	if (!ret)
		*vdevice_id = args.out_vdevice_id;
	return ret;
}

int iommut_veventq_alloc(struct iommut_handle iommufd, uint32_t viommu_id, uint32_t type,
			 uint32_t depth, uint32_t *veventq_id, int *fd)
{
	struct iommu_veventq_alloc args = {
		.size = sizeof(args),
		.viommu_id = viommu_id,
		.type = type,
		.veventq_depth = depth,
	};
	int ret = supported(iommut_veventq_alloc_raw(iommufd, &args));

	if (!ret) {
		*veventq_id = args.out_veventq_id;
		*fd = args.out_veventq_fd;
	}
	return ret;
}

int iommut_hw_queue_alloc(struct iommut_handle iommufd, uint32_t viommu_id, uint32_t type,
			  uint32_t index, uint64_t parent_iova, uint64_t length,
			  uint32_t *hw_queue_id)
{
	struct iommu_hw_queue_alloc args = {
		.size = sizeof(args),
		.viommu_id = viommu_id,
		.type = type,
		.index = index,
		.nesting_parent_iova = parent_iova,
		.length = length,
	};
	int ret = supported(iommut_hw_queue_alloc_raw(iommufd, &args));

	if (!ret)
		*hw_queue_id = args.out_hw_queue_id;
	return ret;
}
