/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
#ifndef IOMMUT_VFIO_H
#define IOMMUT_VFIO_H

#include <linux/vfio.h>

#include <iommut/types.h>

IOMMUT_BEGIN

/*
 * Every ioctl of VFIO, twice. The raw call hands the kernel the structure exactly as given, argsz
 * and flags included, so that a test can get them wrong. The typed call fills it in. Both return 0
 * (or what the kernel counted) or the negative errno of the kernel. If the kernel does not know the
 * ioctl, the raw call returns -ENOTTY and the typed call -EOPNOTSUPP; see support.h for the reason. What concerns one device's features is in feature.h.
 */

/* Raw calls on a container (/dev/vfio/vfio, or /dev/iommu as one). */
int iommut_vfio_get_api_version_raw(struct iommut_handle container);
int iommut_vfio_check_extension_raw(struct iommut_handle container, unsigned long extension);
int iommut_vfio_set_iommu_raw(struct iommut_handle container, unsigned long type);
int iommut_vfio_iommu_get_info_raw(struct iommut_handle container,
				   struct vfio_iommu_type1_info *args);
int iommut_vfio_map_dma_raw(struct iommut_handle container, struct vfio_iommu_type1_dma_map *args);
int iommut_vfio_unmap_dma_raw(struct iommut_handle container,
			      struct vfio_iommu_type1_dma_unmap *args);
int iommut_vfio_iommu_enable_raw(struct iommut_handle container);
int iommut_vfio_iommu_disable_raw(struct iommut_handle container);
int iommut_vfio_dirty_pages_raw(struct iommut_handle container,
				struct vfio_iommu_type1_dirty_bitmap *args);

/* Raw calls on a container of POWER's sPAPR: elsewhere they can only be probed. */
int iommut_vfio_spapr_tce_get_info_raw(struct iommut_handle container,
				       struct vfio_iommu_spapr_tce_info *args);
int iommut_vfio_spapr_register_memory_raw(struct iommut_handle container,
					  struct vfio_iommu_spapr_register_memory *args);
int iommut_vfio_spapr_unregister_memory_raw(struct iommut_handle container,
					    struct vfio_iommu_spapr_register_memory *args);
int iommut_vfio_spapr_tce_create_raw(struct iommut_handle container,
				     struct vfio_iommu_spapr_tce_create *args);
int iommut_vfio_spapr_tce_remove_raw(struct iommut_handle container,
				     struct vfio_iommu_spapr_tce_remove *args);
int iommut_vfio_eeh_pe_op_raw(struct iommut_handle container, struct vfio_eeh_pe_op *args);

/* Raw calls on a group (/dev/vfio/N). */
int iommut_vfio_group_get_status_raw(struct iommut_handle group, struct vfio_group_status *args);
int iommut_vfio_group_set_container_raw(struct iommut_handle group, int *container);
int iommut_vfio_group_unset_container_raw(struct iommut_handle group);
int iommut_vfio_group_get_device_fd_raw(struct iommut_handle group, const char *name);

/* Raw calls on a device. */
int iommut_vfio_device_get_info_raw(struct iommut_handle device, struct vfio_device_info *args);
int iommut_vfio_device_get_region_info_raw(struct iommut_handle device,
					   struct vfio_region_info *args);
int iommut_vfio_device_get_irq_info_raw(struct iommut_handle device, struct vfio_irq_info *args);
int iommut_vfio_device_set_irqs_raw(struct iommut_handle device, struct vfio_irq_set *args);
int iommut_vfio_device_reset_raw(struct iommut_handle device);
int iommut_vfio_device_get_pci_hot_reset_info_raw(struct iommut_handle device,
						  struct vfio_pci_hot_reset_info *args);
int iommut_vfio_device_pci_hot_reset_raw(struct iommut_handle device,
					 struct vfio_pci_hot_reset *args);
int iommut_vfio_device_query_gfx_plane_raw(struct iommut_handle device,
					   struct vfio_device_gfx_plane_info *args);
int iommut_vfio_device_get_gfx_dmabuf_raw(struct iommut_handle device, uint32_t *dmabuf_id);
int iommut_vfio_device_ioeventfd_raw(struct iommut_handle device,
				     struct vfio_device_ioeventfd *args);
int iommut_vfio_device_feature_raw(struct iommut_handle device, struct vfio_device_feature *args);
int iommut_vfio_device_bind_iommufd_raw(struct iommut_handle device,
					struct vfio_device_bind_iommufd *args);
int iommut_vfio_device_attach_iommufd_pt_raw(struct iommut_handle device,
					     struct vfio_device_attach_iommufd_pt *args);
int iommut_vfio_device_detach_iommufd_pt_raw(struct iommut_handle device,
					     struct vfio_device_detach_iommufd_pt *args);

/* Raw call on the data file of a migration. */
int iommut_vfio_mig_get_precopy_info_raw(struct iommut_handle data, struct vfio_precopy_info *args);

/**
 * iommut_vfio_container_open() - open /dev/vfio/vfio
 * @container: where the handle is stored, to be closed with iommut_handle_close()
 *
 * VFIO_GET_API_VERSION is checked.
 *
 * Return: 0, -EOPNOTSUPP if the kernel has no container or another version, or the error of
 * open(2).
 */
int iommut_vfio_container_open(struct iommut_handle *container);

/**
 * iommut_vfio_group_open() - open a group
 * @group: where the handle is stored, to be closed with iommut_handle_close()
 * @number: of the IOMMU group
 *
 * Return: 0, -ENOENT if no device of the group has a VFIO driver, -EBUSY if it is open, or the
 * error of open(2).
 */
int iommut_vfio_group_open(struct iommut_handle *group, int number);

/**
 * iommut_vfio_cdev_open() - open a device's cdev, /dev/vfio/devices/vfioN
 * @device: where the handle is stored, to be closed with iommut_handle_close()
 * @bdf: "0000:00:05.0"
 *
 * Return: 0, -ENODEV if there is no such function, -ENOENT if it has no VFIO driver, -EOPNOTSUPP if
 * the kernel has no cdevs, or the error of open(2).
 */
int iommut_vfio_cdev_open(struct iommut_handle *device, const char *bdf);

/**
 * iommut_vfio_check_extension() - whether a container can do something
 * @container: the container
 * @extension: VFIO_TYPE1v2_IOMMU, VFIO_UNMAP_ALL, ...
 *
 * VFIO_CHECK_EXTENSION.
 *
 * Return: above 0 if it can, 0 if not, or the error of ioctl(2).
 */
int iommut_vfio_check_extension(struct iommut_handle container, uint32_t extension);

/**
 * iommut_vfio_set_iommu() - choose what stands behind a container
 * @container: the container, with a group in it
 * @type: VFIO_TYPE1v2_IOMMU, VFIO_TYPE1_IOMMU, VFIO_NOIOMMU_IOMMU, ...
 *
 * VFIO_SET_IOMMU.
 *
 * Return: 0, -ENODEV if the kernel has no such type, -EINVAL without a group or if it is chosen.
 */
int iommut_vfio_set_iommu(struct iommut_handle container, uint32_t type);

/**
 * iommut_vfio_group_unset_container() - take a group out of its container
 * @group: the group, with no device open
 *
 * VFIO_GROUP_UNSET_CONTAINER.
 *
 * Return: 0, -EINVAL if it is in none, -EBUSY.
 */
int iommut_vfio_group_unset_container(struct iommut_handle group);

/**
 * iommut_vfio_group_set_container() - put a group into a container
 * @group: the group
 * @container: the container
 *
 * VFIO_GROUP_SET_CONTAINER.
 *
 * Return: 0, -EINVAL, -EBUSY, -EPERM.
 */
int iommut_vfio_group_set_container(struct iommut_handle group, struct iommut_handle container);

/**
 * iommut_vfio_group_status() - the flags of a group
 * @group: the group
 * @flags: where VFIO_GROUP_FLAGS_* are stored
 *
 * VFIO_GROUP_GET_STATUS.
 *
 * Return: 0.
 */
int iommut_vfio_group_status(struct iommut_handle group, uint32_t *flags);

/**
 * iommut_vfio_group_device() - open a device of a group
 * @group: the group
 * @bdf: "0000:00:05.0"
 * @token: VF token, 16 bytes, or NULL
 * @device: where the handle is stored, to be closed with iommut_handle_close()
 *
 * VFIO_GROUP_GET_DEVICE_FD.
 *
 * Return: 0, -ENODEV, -EINVAL or -EACCES for a token that is wrong, missing or not expected.
 */
int iommut_vfio_group_device(struct iommut_handle group, const char *bdf, const uint8_t *token,
			     struct iommut_handle *device);

/**
 * iommut_vfio_map_dma() - map memory of this process
 * @container: the container
 * @address: first byte
 * @length: bytes
 * @iova: where
 * @flags: VFIO_DMA_MAP_FLAG_*
 *
 * VFIO_IOMMU_MAP_DMA. With VFIO_DMA_MAP_FLAG_VADDR a mapping gets a new address
 * (VFIO_UPDATE_VADDR).
 *
 * Return: 0, -EEXIST, -EINVAL, -EFAULT, -ENOMEM, -ENOSPC above the limit of mappings.
 */
int iommut_vfio_map_dma(struct iommut_handle container, const void *address, uint64_t length,
			uint64_t iova, uint32_t flags);

/**
 * iommut_vfio_unmap_dma() - unmap a range
 * @container: the container
 * @iova: start; 0 with VFIO_DMA_UNMAP_FLAG_ALL
 * @length: bytes; 0 with VFIO_DMA_UNMAP_FLAG_ALL
 * @flags: VFIO_DMA_UNMAP_FLAG_* without VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP
 * @unmapped: bytes really unmapped; may be NULL
 *
 * VFIO_IOMMU_UNMAP_DMA.
 *
 * Return: 0, also if nothing was mapped; if a mapping would be cut -EINVAL (type1) or -ENOENT
 * (compat); -EINVAL.
 */
int iommut_vfio_unmap_dma(struct iommut_handle container, uint64_t iova, uint64_t length,
			  uint32_t flags, uint64_t *unmapped);

/**
 * iommut_vfio_unmap_dma_dirty() - unmap a range and tell which pages were dirty
 * @container: the container, with dirty tracking on
 * @iova: start
 * @length: bytes
 * @page_size: bytes per bit: the smallest of the container's page sizes
 * @bitmap: 64-bit words, one bit per page
 * @unmapped: bytes really unmapped; may be NULL
 *
 * VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP.
 *
 * Return: as iommut_vfio_unmap_dma().
 */
int iommut_vfio_unmap_dma_dirty(struct iommut_handle container, uint64_t iova, uint64_t length,
				uint64_t page_size, uint64_t *bitmap, uint64_t *unmapped);

/**
 * iommut_vfio_dirty_tracking() - turn type1's dirty page tracking on or off
 * @container: the container
 * @on: wanted state
 *
 * VFIO_IOMMU_DIRTY_PAGES. Type1 reports every pinned page as dirty unless a driver pins pages one
 * by one.
 *
 * Return: 0, -EINVAL, -EOPNOTSUPP.
 */
int iommut_vfio_dirty_tracking(struct iommut_handle container, bool on);

/**
 * iommut_vfio_dirty_bitmap() - the dirty pages of a range
 * @container: the container, with dirty tracking on
 * @iova: of bit 0
 * @length: bytes
 * @page_size: bytes per bit: the smallest of the container's page sizes
 * @bitmap: 64-bit words, one bit per page
 *
 * VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP.
 *
 * Return: 0, -EINVAL.
 */
int iommut_vfio_dirty_bitmap(struct iommut_handle container, uint64_t iova, uint64_t length,
			     uint64_t page_size, uint64_t *bitmap);

/**
 * struct iommut_vfio_iommu_info - what a container knows
 * @page_sizes: bitmap of page sizes, 0 if not reported
 * @ranges: usable IOVAs, NULL if not reported
 * @range_count: their number
 * @has_migration: the dirty page capability is there
 * @dirty_page_sizes: page sizes of dirty bitmaps
 * @max_dirty_bitmap_size: bytes of the largest bitmap
 * @has_dma_available: the number of mappings is reported
 * @dma_available: how many more mappings fit
 */
struct iommut_vfio_iommu_info {
	uint64_t page_sizes;
	struct iommut_iova_range *ranges;
	size_t range_count;
	bool has_migration;
	uint64_t dirty_page_sizes;
	uint64_t max_dirty_bitmap_size;
	bool has_dma_available;
	uint32_t dma_available;
};

/**
 * iommut_vfio_iommu_info() - what a container knows, its capabilities decoded
 * @container: the container
 * @info: where it is stored; its ranges are to be freed with free(3)
 *
 * VFIO_IOMMU_GET_INFO.
 *
 * Return: 0, -EINVAL or -ENODEV without a device, -EBADMSG for capabilities that contradict
 * themselves, -ENOMEM.
 */
int iommut_vfio_iommu_info(struct iommut_handle container, struct iommut_vfio_iommu_info *info);

/**
 * iommut_vfio_bind_iommufd() - bind a device to /dev/iommu
 * @device: the device's cdev
 * @iommufd: /dev/iommu
 * @token: VF token, 16 bytes, or NULL
 * @dev_id: where the device's ID is stored
 *
 * VFIO_DEVICE_BIND_IOMMUFD.
 *
 * Return: 0, -EINVAL, -EBUSY, -EPERM, -EACCES.
 */
int iommut_vfio_bind_iommufd(struct iommut_handle device, struct iommut_handle iommufd,
			     const uint8_t *token, uint32_t *dev_id);

/**
 * iommut_vfio_attach() - attach a device, or a PASID of it, to an IOAS or HWPT
 * @device: the device's cdev
 * @pasid: the PASID, or IOMMUT_NO_PASID for the device itself
 * @pt_id: in: ID of an IOAS or HWPT
 *
 * VFIO_DEVICE_ATTACH_IOMMUFD_PT.
 *
 * Return: 0, -EINVAL, -ENOENT, -EBUSY, -EOPNOTSUPP.
 */
int iommut_vfio_attach(struct iommut_handle device, uint32_t pasid, uint32_t pt_id);

/**
 * iommut_vfio_detach() - detach a device, or a PASID of it
 * @device: the device's cdev
 * @pasid: the PASID, or IOMMUT_NO_PASID for the device itself
 *
 * VFIO_DEVICE_DETACH_IOMMUFD_PT.
 *
 * Return: 0, -EINVAL, -EOPNOTSUPP.
 */
int iommut_vfio_detach(struct iommut_handle device, uint32_t pasid);

/**
 * iommut_vfio_set_irqs() - set interrupts up
 * @device: the device
 * @flags: one VFIO_IRQ_SET_DATA_* and one VFIO_IRQ_SET_ACTION_*
 * @index: VFIO_PCI_*_IRQ_INDEX
 * @start: first
 * @count: how many
 * @data: @count int32_t (DATA_EVENTFD), @count uint8_t (DATA_BOOL), or NULL (DATA_NONE)
 *
 * VFIO_DEVICE_SET_IRQS.
 *
 * Return: 0, -EINVAL, -ENOTTY, -EBADF, -ENOSPC, -ENOMEM; above 0: fewer vectors are available, none
 * was enabled.
 */
int iommut_vfio_set_irqs(struct iommut_handle device, uint32_t flags, uint32_t index,
			 uint32_t start, uint32_t count, const void *data);

/**
 * iommut_vfio_ioeventfd() - let an eventfd write into a region, from within the kernel
 * @device: the device
 * @offset: in the device's file
 * @width: bytes of the write: 1, 2, 4 or 8
 * @data: what is written
 * @fd: the eventfd, or -1 to undo
 *
 * VFIO_DEVICE_IOEVENTFD.
 *
 * Return: 0, -EINVAL, -EEXIST, -ENOSPC, -ENODEV.
 */
int iommut_vfio_ioeventfd(struct iommut_handle device, uint64_t offset, unsigned int width,
			  uint64_t data, int fd);

/**
 * iommut_vfio_hot_reset() - reset a device's bus or slot
 * @device: the device
 * @groups: file descriptors of the groups of all functions that are touched; NULL for a cdev, where
 *     the ownership of its /dev/iommu file counts
 * @count: number of @groups; 0 for a cdev
 *
 * VFIO_DEVICE_PCI_HOT_RESET.
 *
 * Return: 0, -EINVAL or -EPERM if a touched function is not owned, -ENODEV if not possible, -ENOMEM.
 */
int iommut_vfio_hot_reset(struct iommut_handle device, const int32_t *groups, uint32_t count);

/**
 * iommut_vfio_gfx_plane() - ask for a plane of a graphics device
 * @device: the device
 * @flags: VFIO_GFX_PLANE_TYPE_*
 * @plane: where it is stored
 *
 * VFIO_DEVICE_QUERY_GFX_PLANE.
 *
 * Return: 0, -EINVAL, -EOPNOTSUPP if the device has no planes: no PCI device of vfio-pci has.
 */
int iommut_vfio_gfx_plane(struct iommut_handle device, uint32_t flags,
			  struct vfio_device_gfx_plane_info *plane);

/**
 * iommut_vfio_gfx_dmabuf() - a plane as a dma-buf
 * @device: the device
 * @dmabuf_id: of what iommut_vfio_gfx_plane() stored
 *
 * VFIO_DEVICE_GET_GFX_DMABUF.
 *
 * Return: a file descriptor to be closed by the caller, -EINVAL, -EOPNOTSUPP.
 */
int iommut_vfio_gfx_dmabuf(struct iommut_handle device, uint32_t dmabuf_id);

/**
 * iommut_vfio_precopy_info() - how much data is left before a migration's last step
 * @data: the file of iommut_feature_migration_set_state(), of a device in a PRE_COPY state
 * @info: where the estimates are stored, bytes
 *
 * VFIO_MIG_GET_PRECOPY_INFO.
 *
 * Return: 0, -EINVAL in any other state, -EOPNOTSUPP.
 */
int iommut_vfio_precopy_info(struct iommut_handle data, struct vfio_precopy_info *info);

IOMMUT_END

#endif /* IOMMUT_VFIO_H */
