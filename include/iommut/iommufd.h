/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
#ifndef IOMMUT_IOMMUFD_H
#define IOMMUT_IOMMUFD_H

#include <linux/iommufd.h>

#include <iommut/types.h>

IOMMUT_BEGIN

/*
 * Every ioctl of /dev/iommu, twice. The raw call hands the kernel the structure exactly as given,
 * size and reserved fields included, so that a test can get them wrong. The typed call fills it in.
 * Both return 0 or the negative errno of the kernel. If the kernel does not know the ioctl, the raw
 * call returns -ENOTTY and the typed call -EOPNOTSUPP; see support.h for the reason.
 */

/**
 * iommut_iommufd_open() - open /dev/iommu
 * @iommufd: where the handle is stored, to be closed with iommut_handle_close()
 *
 * Return: 0, -EOPNOTSUPP if the kernel has no iommufd, or the error of open(2).
 */
int iommut_iommufd_open(struct iommut_handle *iommufd);

/**
 * iommut_handle_close() - close a file descriptor
 * @handle: a handle; its fd becomes -1
 *
 * Return: 0, or the error of close(2).
 */
int iommut_handle_close(struct iommut_handle *handle);

/**
 * iommut_ioctl_raw() - any ioctl
 * @handle: on what
 * @request: number of the ioctl
 * @argument: its argument, a pointer or a number
 *
 * Return: what the kernel returned, 0 or above, or a negative errno.
 */
int iommut_ioctl_raw(struct iommut_handle handle, unsigned long request, void *argument);

/* Raw calls: one for each ioctl, named as its structure. */
int iommut_destroy_raw(struct iommut_handle iommufd, struct iommu_destroy *args);
int iommut_ioas_alloc_raw(struct iommut_handle iommufd, struct iommu_ioas_alloc *args);
int iommut_ioas_allow_iovas_raw(struct iommut_handle iommufd, struct iommu_ioas_allow_iovas *args);
int iommut_ioas_copy_raw(struct iommut_handle iommufd, struct iommu_ioas_copy *args);
int iommut_ioas_iova_ranges_raw(struct iommut_handle iommufd, struct iommu_ioas_iova_ranges *args);
int iommut_ioas_map_raw(struct iommut_handle iommufd, struct iommu_ioas_map *args);
int iommut_ioas_map_file_raw(struct iommut_handle iommufd, struct iommu_ioas_map_file *args);
int iommut_ioas_unmap_raw(struct iommut_handle iommufd, struct iommu_ioas_unmap *args);
int iommut_ioas_change_process_raw(struct iommut_handle iommufd,
				   struct iommu_ioas_change_process *args);
int iommut_ioas_noiommu_get_pa_raw(struct iommut_handle iommufd,
				   struct iommu_ioas_noiommu_get_pa *args);
int iommut_option_raw(struct iommut_handle iommufd, struct iommu_option *args);
int iommut_vfio_ioas_raw(struct iommut_handle iommufd, struct iommu_vfio_ioas *args);
int iommut_hwpt_alloc_raw(struct iommut_handle iommufd, struct iommu_hwpt_alloc *args);
int iommut_hw_info_raw(struct iommut_handle iommufd, struct iommu_hw_info *args);
int iommut_hwpt_set_dirty_tracking_raw(struct iommut_handle iommufd,
				       struct iommu_hwpt_set_dirty_tracking *args);
int iommut_hwpt_get_dirty_bitmap_raw(struct iommut_handle iommufd,
				     struct iommu_hwpt_get_dirty_bitmap *args);
int iommut_hwpt_invalidate_raw(struct iommut_handle iommufd, struct iommu_hwpt_invalidate *args);
int iommut_fault_queue_alloc_raw(struct iommut_handle iommufd, struct iommu_fault_alloc *args);
int iommut_viommu_alloc_raw(struct iommut_handle iommufd, struct iommu_viommu_alloc *args);
int iommut_vdevice_alloc_raw(struct iommut_handle iommufd, struct iommu_vdevice_alloc *args);
int iommut_veventq_alloc_raw(struct iommut_handle iommufd, struct iommu_veventq_alloc *args);
int iommut_hw_queue_alloc_raw(struct iommut_handle iommufd, struct iommu_hw_queue_alloc *args);

/**
 * iommut_destroy() - destroy an object
 * @iommufd: /dev/iommu
 * @id: any object's ID
 *
 * IOMMU_DESTROY.
 *
 * Return: 0, -ENOENT, -EBUSY while something uses it.
 */
int iommut_destroy(struct iommut_handle iommufd, uint32_t id);

/**
 * iommut_ioas_alloc() - make an I/O address space
 * @iommufd: /dev/iommu
 * @ioas_id: where its ID is stored
 *
 * IOMMU_IOAS_ALLOC.
 *
 * Return: 0, -ENOMEM.
 */
int iommut_ioas_alloc(struct iommut_handle iommufd, uint32_t *ioas_id);

/**
 * iommut_ioas_allow_iovas() - keep IOVAs usable whatever is attached
 * @iommufd: /dev/iommu
 * @ioas_id: an IOAS
 * @ranges: the ranges
 * @count: how many; 0 lifts the rule
 *
 * IOMMU_IOAS_ALLOW_IOVAS.
 *
 * Return: 0, -EADDRINUSE if they are narrower already, -EINVAL, -EOVERFLOW, -ENOENT.
 */
int iommut_ioas_allow_iovas(struct iommut_handle iommufd, uint32_t ioas_id,
			    const struct iommut_iova_range *ranges, uint32_t count);

/**
 * iommut_ioas_copy() - map again what another IOAS maps
 * @iommufd: /dev/iommu
 * @destination: IOAS in which to map
 * @destination_iova: where; in and out if @flags lack IOMMU_IOAS_MAP_FIXED_IOVA
 * @source: IOAS to copy from; may be the same
 * @source_iova: start there
 * @length: bytes
 * @flags: enum iommufd_ioas_map_flags bits
 *
 * IOMMU_IOAS_COPY.
 *
 * Return: 0, -ENOENT if @source maps nothing there, -EEXIST, -EPERM for more access than the source
 * has, -EINVAL.
 */
int iommut_ioas_copy(struct iommut_handle iommufd, uint32_t destination, uint64_t *destination_iova,
		     uint32_t source, uint64_t source_iova, uint64_t length, uint32_t flags);

/**
 * iommut_ioas_iova_ranges() - the IOVAs an IOAS can map
 * @iommufd: /dev/iommu
 * @ioas_id: an IOAS
 * @ranges: where an array is stored, to be freed with free(3)
 * @count: where its length is stored
 * @alignment: where the alignment of IOVAs and lengths is stored, in bytes; may be NULL
 *
 * IOMMU_IOAS_IOVA_RANGES.
 *
 * Return: 0, -ENOENT, -ENOMEM.
 */
int iommut_ioas_iova_ranges(struct iommut_handle iommufd, uint32_t ioas_id,
			    struct iommut_iova_range **ranges, size_t *count, uint64_t *alignment);

/**
 * iommut_ioas_map() - map memory of this process
 * @iommufd: /dev/iommu
 * @ioas_id: an IOAS
 * @address: first byte
 * @length: bytes
 * @iova: where; in with IOMMU_IOAS_MAP_FIXED_IOVA, else out
 * @flags: enum iommufd_ioas_map_flags bits
 *
 * IOMMU_IOAS_MAP.
 *
 * Return: 0, -EEXIST, -EINVAL, -EFAULT, -ENOMEM, -ENOSPC if no IOVA is left, -ENOENT.
 */
int iommut_ioas_map(struct iommut_handle iommufd, uint32_t ioas_id, const void *address,
		    uint64_t length, uint64_t *iova, uint32_t flags);

/**
 * iommut_ioas_map_file() - map a part of a memfd or a VFIO dma-buf
 * @iommufd: /dev/iommu
 * @ioas_id: an IOAS
 * @fd: the file
 * @start: byte in the file
 * @length: bytes
 * @iova: where; in with IOMMU_IOAS_MAP_FIXED_IOVA, else out
 * @flags: enum iommufd_ioas_map_flags bits
 *
 * IOMMU_IOAS_MAP_FILE.
 *
 * Return: as iommut_ioas_map(); -EBADF, -EINVAL or -EOPNOTSUPP for a file that cannot be mapped.
 */
int iommut_ioas_map_file(struct iommut_handle iommufd, uint32_t ioas_id, int fd, uint64_t start,
			 uint64_t length, uint64_t *iova, uint32_t flags);

/**
 * iommut_ioas_unmap() - unmap a range
 * @iommufd: /dev/iommu
 * @ioas_id: an IOAS
 * @iova: start
 * @length: bytes; 0 to UINT64_MAX is everything
 * @unmapped: bytes really unmapped; may be NULL
 *
 * IOMMU_IOAS_UNMAP.
 *
 * Return: 0, -ENOENT if nothing is mapped there or a mapping would be cut, -EINVAL.
 */
int iommut_ioas_unmap(struct iommut_handle iommufd, uint32_t ioas_id, uint64_t iova,
		      uint64_t length, uint64_t *unmapped);

/**
 * iommut_ioas_change_process() - account all mappings to this process from now on
 * @iommufd: /dev/iommu, which may have been made by another process
 *
 * IOMMU_IOAS_CHANGE_PROCESS.
 *
 * Return: 0, -EINVAL if there are mappings that are not of files, -ENOMEM above RLIMIT_MEMLOCK.
 */
int iommut_ioas_change_process(struct iommut_handle iommufd);

/**
 * iommut_ioas_noiommu_get_pa() - the physical address behind an IOVA of a device without IOMMU
 * @iommufd: /dev/iommu
 * @ioas_id: an IOAS
 * @iova: the address
 * @length: in: how many bytes are of interest; out: how many of them are contiguous
 * @physical: where the physical address is stored
 *
 * IOMMU_IOAS_NOIOMMU_GET_PA.
 *
 * Return: 0, -ENOENT, -EINVAL, -EPERM, -EOPNOTSUPP.
 */
int iommut_ioas_noiommu_get_pa(struct iommut_handle iommufd, uint32_t ioas_id, uint64_t iova,
			       uint64_t *length, uint64_t *physical);

/**
 * iommut_option_set() - set an option
 * @iommufd: /dev/iommu
 * @option: enum iommufd_option
 * @object: ID of the IOAS (IOMMU_OPTION_HUGE_PAGES), else 0
 * @value: the value
 *
 * IOMMU_OPTION.
 *
 * Return: 0, -EINVAL, -EPERM, -ENOENT, -EOPNOTSUPP, -EBUSY.
 */
int iommut_option_set(struct iommut_handle iommufd, uint32_t option, uint32_t object,
		      uint64_t value);

/**
 * iommut_option_get() - get an option
 * @iommufd: /dev/iommu
 * @option: enum iommufd_option
 * @object: ID of the IOAS (IOMMU_OPTION_HUGE_PAGES), else 0
 * @value: where the value is stored
 *
 * Return: as iommut_option_set().
 */
int iommut_option_get(struct iommut_handle iommufd, uint32_t option, uint32_t object,
		      uint64_t *value);

/**
 * iommut_vfio_ioas_get() - the IOAS that stands for a VFIO container
 * @iommufd: /dev/iommu
 * @ioas_id: where its ID is stored
 *
 * IOMMU_VFIO_IOAS with IOMMU_VFIO_IOAS_GET.
 *
 * Return: 0, -ENODEV if there is none.
 */
int iommut_vfio_ioas_get(struct iommut_handle iommufd, uint32_t *ioas_id);

/**
 * iommut_vfio_ioas_set() - choose the IOAS that stands for a VFIO container
 * @iommufd: /dev/iommu
 * @ioas_id: an IOAS
 *
 * Return: 0, -ENOENT.
 */
int iommut_vfio_ioas_set(struct iommut_handle iommufd, uint32_t ioas_id);

/**
 * iommut_vfio_ioas_clear() - let no IOAS stand for a VFIO container
 * @iommufd: /dev/iommu
 *
 * Return: 0.
 */
int iommut_vfio_ioas_clear(struct iommut_handle iommufd);

/**
 * iommut_hwpt_alloc() - make a page table object whose mappings are those of an IOAS
 * @iommufd: /dev/iommu
 * @dev_id: device whose IOMMU it is for
 * @ioas_id: the IOAS
 * @flags: enum iommufd_hwpt_alloc_flags bits; IOMMU_HWPT_FAULT_ID_VALID if @fault_id counts
 * @fault_id: a fault queue, or 0
 * @hwpt_id: where its ID is stored
 *
 * IOMMU_HWPT_ALLOC with IOMMU_HWPT_DATA_NONE.
 *
 * Return: 0, -EOPNOTSUPP for flags the IOMMU cannot, -ENOENT, -EINVAL, -ENOMEM.
 */
int iommut_hwpt_alloc(struct iommut_handle iommufd, uint32_t dev_id, uint32_t ioas_id,
		      uint32_t flags, uint32_t fault_id, uint32_t *hwpt_id);

/**
 * iommut_hwpt_alloc_nested() - make a nested page table object, whose first stage is the caller's
 * @iommufd: /dev/iommu
 * @dev_id: device whose IOMMU it is for
 * @parent_id: HWPT made with IOMMU_HWPT_ALLOC_NEST_PARENT, or a vIOMMU
 * @flags: enum iommufd_hwpt_alloc_flags bits
 * @fault_id: a fault queue, or 0
 * @data_type: enum iommu_hwpt_data_type
 * @data: struct iommu_hwpt_vtd_s1, iommu_hwpt_arm_smmuv3 or iommu_hwpt_amd_guest
 * @data_size: its size
 * @hwpt_id: where its ID is stored
 *
 * IOMMU_HWPT_ALLOC.
 *
 * Return: as iommut_hwpt_alloc(); -EIO for an entry the SMMUv3 driver refuses.
 */
int iommut_hwpt_alloc_nested(struct iommut_handle iommufd, uint32_t dev_id, uint32_t parent_id,
			     uint32_t flags, uint32_t fault_id, uint32_t data_type,
			     const void *data, uint32_t data_size, uint32_t *hwpt_id);

/**
 * struct iommut_hw_info - what the IOMMU behind a device can do
 * @type: enum iommu_hw_info_type: which member of the union is valid
 * @max_pasid_log2: bits of a PASID, 0 if the device cannot use PASIDs
 * @capabilities: enum iommufd_hw_capabilities bits
 * @data_length: bytes of data that the kernel has for the type
 * @vtd: Intel VT-d
 * @smmuv3: ARM SMMUv3
 * @tegra241: NVIDIA Tegra241 CMDQV
 * @amd: AMD
 * @raw: as bytes
 */
struct iommut_hw_info {
	uint32_t type;
	uint8_t max_pasid_log2;
	uint64_t capabilities;
	uint32_t data_length;
	union {
		struct iommu_hw_info_vtd vtd;
		struct iommu_hw_info_arm_smmuv3 smmuv3;
		struct iommu_hw_info_tegra241_cmdqv tegra241;
		struct iommu_hw_info_amd amd;
		uint8_t raw[128];
	};
};

/**
 * iommut_hw_info() - what the IOMMU behind a device can do
 * @iommufd: /dev/iommu
 * @dev_id: the device
 * @type: enum iommu_hw_info_type: the type asked for, IOMMU_HW_INFO_TYPE_DEFAULT for the driver's
 *     own
 * @info: where it is stored
 *
 * IOMMU_GET_HW_INFO.
 *
 * Return: 0, -EOPNOTSUPP for a type the driver has not, -ENOENT.
 */
int iommut_hw_info(struct iommut_handle iommufd, uint32_t dev_id, uint32_t type,
		   struct iommut_hw_info *info);

/**
 * iommut_hwpt_dirty_tracking() - turn dirty tracking on or off
 * @iommufd: /dev/iommu
 * @hwpt_id: HWPT made with IOMMU_HWPT_ALLOC_DIRTY_TRACKING
 * @on: wanted state
 *
 * IOMMU_HWPT_SET_DIRTY_TRACKING.
 *
 * Return: 0, -EOPNOTSUPP, -EINVAL, -ENOENT.
 */
int iommut_hwpt_dirty_tracking(struct iommut_handle iommufd, uint32_t hwpt_id, bool on);

/**
 * iommut_hwpt_dirty_bitmap() - which pages devices have written
 * @iommufd: /dev/iommu
 * @hwpt_id: the HWPT
 * @iova: of bit 0
 * @length: bytes of IOVA
 * @page_size: bytes per bit
 * @flags: IOMMU_HWPT_GET_DIRTY_BITMAP_NO_CLEAR or 0
 * @bitmap: 64-bit words, one bit per page; bits are set, never cleared
 *
 * IOMMU_HWPT_GET_DIRTY_BITMAP.
 *
 * Return: 0, -EINVAL, -EOPNOTSUPP, -ENOENT, -EFAULT.
 */
int iommut_hwpt_dirty_bitmap(struct iommut_handle iommufd, uint32_t hwpt_id, uint64_t iova,
			     uint64_t length, uint64_t page_size, uint32_t flags, uint64_t *bitmap);

/**
 * iommut_hwpt_invalidate() - invalidate what the IOMMU keeps of a user's page table, or of a vIOMMU
 * @iommufd: /dev/iommu
 * @id: nested HWPT or vIOMMU
 * @type: enum iommu_hwpt_invalidate_data_type
 * @entries: struct iommu_hwpt_vtd_s1_invalidate or iommu_viommu_arm_smmuv3_invalidate
 * @entry_size: size of one
 * @count: in: how many; out: how many were done
 *
 * IOMMU_HWPT_INVALIDATE.
 *
 * Return: 0, -EOPNOTSUPP, -EINVAL, -EIO, -ENOENT. @count is stored in any case.
 */
int iommut_hwpt_invalidate(struct iommut_handle iommufd, uint32_t id, uint32_t type,
			   const void *entries, uint32_t entry_size, uint32_t *count);

/**
 * iommut_fault_queue_alloc() - make a fault queue
 * @iommufd: /dev/iommu
 * @fault_id: where its ID is stored
 * @fd: where its file descriptor is stored, to be closed by the caller
 *
 * IOMMU_FAULT_QUEUE_ALLOC.
 *
 * Return: 0, -ENOMEM.
 */
int iommut_fault_queue_alloc(struct iommut_handle iommufd, uint32_t *fault_id, int *fd);

/**
 * iommut_viommu_alloc() - make a virtual IOMMU
 * @iommufd: /dev/iommu
 * @type: enum iommu_viommu_type
 * @dev_id: device whose IOMMU backs it
 * @hwpt_id: HWPT made with IOMMU_HWPT_ALLOC_NEST_PARENT
 * @data: of the type, or NULL
 * @data_size: its size
 * @viommu_id: where its ID is stored
 *
 * IOMMU_VIOMMU_ALLOC.
 *
 * Return: 0, -EOPNOTSUPP, -EINVAL, -ENOENT.
 */
int iommut_viommu_alloc(struct iommut_handle iommufd, uint32_t type, uint32_t dev_id,
			uint32_t hwpt_id, void *data, uint32_t data_size, uint32_t *viommu_id);

/**
 * iommut_vdevice_alloc() - make a virtual device of a vIOMMU
 * @iommufd: /dev/iommu
 * @viommu_id: the vIOMMU
 * @dev_id: the device
 * @virtual_id: the device's ID as the guest sees it
 * @vdevice_id: where its ID is stored
 *
 * IOMMU_VDEVICE_ALLOC.
 *
 * Return: 0, -EEXIST, -EINVAL, -ENOENT.
 */
int iommut_vdevice_alloc(struct iommut_handle iommufd, uint32_t viommu_id, uint32_t dev_id,
			 uint64_t virtual_id, uint32_t *vdevice_id);

/**
 * iommut_veventq_alloc() - make an event queue of a vIOMMU
 * @iommufd: /dev/iommu
 * @viommu_id: the vIOMMU
 * @type: enum iommu_veventq_type
 * @depth: events it holds
 * @veventq_id: where its ID is stored
 * @fd: where its file descriptor is stored, to be closed by the caller
 *
 * IOMMU_VEVENTQ_ALLOC.
 *
 * Return: 0, -EOPNOTSUPP, -EEXIST, -EINVAL, -ENOENT.
 */
int iommut_veventq_alloc(struct iommut_handle iommufd, uint32_t viommu_id, uint32_t type,
			 uint32_t depth, uint32_t *veventq_id, int *fd);

/**
 * iommut_hw_queue_alloc() - make a hardware queue of a vIOMMU
 * @iommufd: /dev/iommu
 * @viommu_id: the vIOMMU
 * @type: enum iommu_hw_queue_type
 * @index: number of the queue
 * @parent_iova: its memory, as IOVA of the nesting parent
 * @length: bytes
 * @hw_queue_id: where its ID is stored
 *
 * IOMMU_HW_QUEUE_ALLOC.
 *
 * Return: 0, -EOPNOTSUPP, -EEXIST, -EINVAL, -ENOENT.
 */
int iommut_hw_queue_alloc(struct iommut_handle iommufd, uint32_t viommu_id, uint32_t type,
			  uint32_t index, uint64_t parent_iova, uint64_t length,
			  uint32_t *hw_queue_id);

IOMMUT_END

#endif /* IOMMUT_IOMMUFD_H */
