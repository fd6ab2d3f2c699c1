// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
#include <iommut/vfio.h>

#include "lib/syscalls.h"

#define RAW_NONE(name, request)                                         \
	int iommut_vfio_##name##_raw(struct iommut_handle handle)       \
	{                                                               \
		return sys_ioctl(handle.sys, handle.fd, request, NULL); \
	}

#define RAW_NUMBER(name, request)                                                            \
	int iommut_vfio_##name##_raw(struct iommut_handle handle, unsigned long number)      \
	{                                                                                    \
		/* The ioctl's argument is a number: it travels as a pointer. */             \
		return sys_ioctl(handle.sys, handle.fd, request, (void *)(uintptr_t)number); \
	}

#define RAW(name, type, request)                                                \
	int iommut_vfio_##name##_raw(struct iommut_handle handle, type *args)   \
	{                                                                       \
		return sys_ioctl(handle.sys, handle.fd, request, (void *)args); \
	}

RAW_NONE(get_api_version, VFIO_GET_API_VERSION)
RAW_NUMBER(check_extension, VFIO_CHECK_EXTENSION)
RAW_NUMBER(set_iommu, VFIO_SET_IOMMU)
RAW(iommu_get_info, struct vfio_iommu_type1_info, VFIO_IOMMU_GET_INFO)
RAW(map_dma, struct vfio_iommu_type1_dma_map, VFIO_IOMMU_MAP_DMA)
RAW(unmap_dma, struct vfio_iommu_type1_dma_unmap, VFIO_IOMMU_UNMAP_DMA)
RAW_NONE(iommu_enable, VFIO_IOMMU_ENABLE)
RAW_NONE(iommu_disable, VFIO_IOMMU_DISABLE)
RAW(dirty_pages, struct vfio_iommu_type1_dirty_bitmap, VFIO_IOMMU_DIRTY_PAGES)

RAW(spapr_tce_get_info, struct vfio_iommu_spapr_tce_info, VFIO_IOMMU_SPAPR_TCE_GET_INFO)
RAW(spapr_register_memory, struct vfio_iommu_spapr_register_memory,
    VFIO_IOMMU_SPAPR_REGISTER_MEMORY)
RAW(spapr_unregister_memory, struct vfio_iommu_spapr_register_memory,
    VFIO_IOMMU_SPAPR_UNREGISTER_MEMORY)
RAW(spapr_tce_create, struct vfio_iommu_spapr_tce_create, VFIO_IOMMU_SPAPR_TCE_CREATE)
RAW(spapr_tce_remove, struct vfio_iommu_spapr_tce_remove, VFIO_IOMMU_SPAPR_TCE_REMOVE)
RAW(eeh_pe_op, struct vfio_eeh_pe_op, VFIO_EEH_PE_OP)

RAW(group_get_status, struct vfio_group_status, VFIO_GROUP_GET_STATUS)
RAW(group_set_container, int, VFIO_GROUP_SET_CONTAINER)
RAW_NONE(group_unset_container, VFIO_GROUP_UNSET_CONTAINER)
RAW(group_get_device_fd, const char, VFIO_GROUP_GET_DEVICE_FD)

RAW(device_get_info, struct vfio_device_info, VFIO_DEVICE_GET_INFO)
RAW(device_get_region_info, struct vfio_region_info, VFIO_DEVICE_GET_REGION_INFO)
RAW(device_get_irq_info, struct vfio_irq_info, VFIO_DEVICE_GET_IRQ_INFO)
RAW(device_set_irqs, struct vfio_irq_set, VFIO_DEVICE_SET_IRQS)
RAW_NONE(device_reset, VFIO_DEVICE_RESET)
RAW(device_get_pci_hot_reset_info, struct vfio_pci_hot_reset_info,
    VFIO_DEVICE_GET_PCI_HOT_RESET_INFO)
RAW(device_pci_hot_reset, struct vfio_pci_hot_reset, VFIO_DEVICE_PCI_HOT_RESET)
RAW(device_query_gfx_plane, struct vfio_device_gfx_plane_info, VFIO_DEVICE_QUERY_GFX_PLANE)
RAW(device_get_gfx_dmabuf, uint32_t, VFIO_DEVICE_GET_GFX_DMABUF)
RAW(device_ioeventfd, struct vfio_device_ioeventfd, VFIO_DEVICE_IOEVENTFD)
RAW(device_feature, struct vfio_device_feature, VFIO_DEVICE_FEATURE)
RAW(device_bind_iommufd, struct vfio_device_bind_iommufd, VFIO_DEVICE_BIND_IOMMUFD)
RAW(device_attach_iommufd_pt, struct vfio_device_attach_iommufd_pt, VFIO_DEVICE_ATTACH_IOMMUFD_PT)
RAW(device_detach_iommufd_pt, struct vfio_device_detach_iommufd_pt, VFIO_DEVICE_DETACH_IOMMUFD_PT)

RAW(mig_get_precopy_info, struct vfio_precopy_info, VFIO_MIG_GET_PRECOPY_INFO)
