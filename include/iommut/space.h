/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
#ifndef IOMMUT_SPACE_H
#define IOMMUT_SPACE_H

#include <iommut/backend.h>
#include <iommut/types.h>

IOMMUT_BEGIN

/**
 * struct iommut_space - a DMA address space: IOVAs that devices use, and the memory behind them
 *
 * One notion over three backends: a VFIO container (type1, compat) or an IOAS (iommufd). A device
 * that is opened in a space does its DMA there. Spaces are independent: any number can be open at
 * once, and closed and opened again.
 *
 * A space is not locked: calls on one space (and on its devices) from several threads at once must
 * be map and unmap calls only, which the kernel serialises.
 */
struct iommut_space;

/**
 * struct iommut_space_options - how a space is made
 * @backend: the kernel interface
 * @beside: iommufd only: make another IOAS in the same /dev/iommu file as this space; NULL opens a
 *     file of its own. IOAS, HWPTs and devices can only be combined within one file.
 * @iommu_type: type1 and compat only: the argument of VFIO_SET_IOMMU, e.g. VFIO_TYPE1_IOMMU; 0 is
 *     VFIO_TYPE1v2_IOMMU
 */
struct iommut_space_options {
	enum iommut_backend backend;
	struct iommut_space *beside;
	uint32_t iommu_type;
};

/**
 * iommut_space_open() - make an empty address space
 * @space: where the space is stored
 * @backend: the kernel interface
 *
 * With type1 and compat the kernel accepts no mapping before a first device is opened in the space.
 *
 * Return: 0, -EOPNOTSUPP if the kernel has no such interface, -EINVAL, -ENOMEM, or the error of
 * open(2) or ioctl(2).
 */
int iommut_space_open(struct iommut_space **space, enum iommut_backend backend);

/**
 * iommut_space_open_with() - make an empty address space, with options
 * @space: where the space is stored
 * @options: how
 *
 * Return: as iommut_space_open(); -EINVAL also for options that do not belong to the backend.
 */
int iommut_space_open_with(struct iommut_space **space, const struct iommut_space_options *options);

/**
 * iommut_space_close() - give a space back
 * @space: a space, or NULL
 *
 * Everything mapped is unmapped. Devices and objects made from the space keep it alive: what is
 * left in the kernel goes when the last of them is closed, in the right order.
 */
void iommut_space_close(struct iommut_space *space);

/**
 * iommut_space_map() - map memory of this process at an IOVA
 * @space: a space
 * @address: first byte, aligned to the system's page size
 * @length: bytes, a multiple of the system's page size
 * @iova: where the device will find it
 * @access: enum iommut_access bits; 0 is passed on as it is
 *
 * VFIO_IOMMU_MAP_DMA, or IOMMU_IOAS_MAP with IOMMU_IOAS_MAP_FIXED_IOVA.
 *
 * Return: 0; -EEXIST if a part of the range is mapped; -EINVAL for what the kernel cannot map there
 * (reserved, unaligned, beyond the address width); -ENOMEM above RLIMIT_MEMLOCK; -EFAULT if the
 * memory is not there; -ENODEV if a container has no device yet.
 */
int iommut_space_map(struct iommut_space *space, const void *address, uint64_t length,
		     uint64_t iova, uint32_t access);

/**
 * iommut_space_map_file() - map a file at an IOVA
 * @space: an iommufd space
 * @fd: a memfd, or a dma-buf such as iommut_feature_dma_buf() gives
 * @start: first byte in the file, aligned to the system's page size
 * @length: bytes, a multiple of the system's page size
 * @iova: where the device will find it
 * @access: enum iommut_access bits
 *
 * IOMMU_IOAS_MAP_FILE with IOMMU_IOAS_MAP_FIXED_IOVA.
 *
 * Return: as iommut_space_map(); -EOPNOTSUPP for other backends or kernels, -EBADF.
 */
int iommut_space_map_file(struct iommut_space *space, int fd, uint64_t start, uint64_t length,
			  uint64_t iova, uint32_t access);

/**
 * iommut_space_copy() - map what another space has mapped
 * @space: an iommufd space
 * @iova: where the device will find it in @space
 * @source: a space of the same /dev/iommu file, also @space itself
 * @source_iova: where it is mapped in @source
 * @length: bytes, within one mapping of @source
 * @access: enum iommut_access bits
 *
 * IOMMU_IOAS_COPY with IOMMU_IOAS_MAP_FIXED_IOVA: the memory is not looked up again.
 *
 * Return: as iommut_space_map(); -EOPNOTSUPP for other backends, -EINVAL for spaces of two files,
 * -ENOENT if nothing is mapped there.
 */
int iommut_space_copy(struct iommut_space *space, uint64_t iova, struct iommut_space *source,
		      uint64_t source_iova, uint64_t length, uint32_t access);

/**
 * iommut_space_allow() - let the kernel place mappings only in some ranges
 * @space: an iommufd space
 * @ranges: the ranges, sorted, not overlapping
 * @count: their number; 0 takes the restriction back
 *
 * IOMMU_IOAS_ALLOW_IOVAS. Mappings at a given IOVA, such as those of iommut_space_map(), are not
 * restricted; a device whose IOMMU cannot reach a range cannot be attached any more.
 *
 * Return: 0, -EOPNOTSUPP for other backends, -EINVAL, -EADDRINUSE if an attached device cannot.
 */
int iommut_space_allow(struct iommut_space *space, const struct iommut_iova_range *ranges,
		       uint32_t count);

/**
 * iommut_space_huge_pages() - whether the IOMMU may use pages above the smallest
 * @space: an iommufd space without mappings
 * @on: what a new space has
 *
 * IOMMU_OPTION with IOMMU_OPTION_HUGE_PAGES.
 *
 * Return: 0, -EOPNOTSUPP for other backends, or as iommut_option_set().
 */
int iommut_space_huge_pages(struct iommut_space *space, bool on);

/**
 * iommut_space_unmap() - unmap a range of IOVAs
 * @space: a space
 * @iova: start
 * @length: bytes
 * @unmapped: bytes that were really unmapped; may be NULL
 *
 * VFIO_IOMMU_UNMAP_DMA or IOMMU_IOAS_UNMAP. A range may cover several whole mappings, but must not
 * cut one. Once it has returned, no device can reach the memory through these IOVAs.
 *
 * Return: 0. If nothing is mapped there, -ENOENT on every backend (type1 itself answers success
 * with 0 bytes unmapped). If a mapping would be cut -EINVAL (type1) or -ENOENT (compat, iommufd).
 */
int iommut_space_unmap(struct iommut_space *space, uint64_t iova, uint64_t length,
		       uint64_t *unmapped);

/**
 * iommut_space_unmap_all() - unmap everything
 * @space: a space
 * @unmapped: bytes that were really unmapped; may be NULL
 *
 * VFIO_DMA_UNMAP_FLAG_ALL, or IOMMU_IOAS_UNMAP of 0..U64_MAX.
 *
 * Return: 0, also when nothing was mapped; -EOPNOTSUPP if the kernel lacks VFIO_UNMAP_ALL.
 */
int iommut_space_unmap_all(struct iommut_space *space, uint64_t *unmapped);

/**
 * iommut_space_ranges() - the IOVAs that can be mapped
 * @space: a space
 * @ranges: where an array is stored, to be freed by the caller with free(3); sorted, not
 *     overlapping
 * @count: where its length is stored
 *
 * VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE or IOMMU_IOAS_IOVA_RANGES. Ranges may shrink when a device
 * is attached.
 *
 * Return: 0, -EOPNOTSUPP if the kernel does not tell, -ENODEV if a container has no device yet,
 * -ENOMEM.
 */
int iommut_space_ranges(struct iommut_space *space, struct iommut_iova_range **ranges,
			size_t *count);

/**
 * iommut_space_page_sizes() - the page sizes of the address space
 * @space: a space
 * @sizes: bitmap; bit n set means pages of 2^n bytes
 *
 * type1 and compat report what VFIO_IOMMU_GET_INFO says. An IOAS only knows the smallest size
 * (out_iova_alignment of IOMMU_IOAS_IOVA_RANGES): with iommufd the bitmap has that one bit. The
 * smallest set bit is what IOVAs and lengths must be aligned to; it can be below the system's page
 * size.
 *
 * Return: 0, -ENODEV if a container has no device yet, or the error of ioctl(2).
 */
int iommut_space_page_sizes(struct iommut_space *space, uint64_t *sizes);

/**
 * iommut_space_dma_available() - how many more mappings type1 will take
 * @space: a type1 space
 * @available: number of mappings
 *
 * Return: 0, -EOPNOTSUPP if the backend has no such limit to report, -ENODEV if there is no device
 * yet.
 */
int iommut_space_dma_available(struct iommut_space *space, uint32_t *available);

/**
 * iommut_space_backend() - the backend of a space
 * @space: a space
 *
 * Return: the backend.
 */
enum iommut_backend iommut_space_backend(const struct iommut_space *space);

/**
 * iommut_space_handle() - the file descriptor of a space, for typed and raw calls
 * @space: a space
 *
 * Return: the handle of the container (type1: /dev/vfio/vfio; compat and iommufd: /dev/iommu). It
 * belongs to the space.
 */
struct iommut_handle iommut_space_handle(const struct iommut_space *space);

/**
 * iommut_space_ioas() - the IOAS of a space
 * @space: an iommufd or compat space
 * @ioas_id: where its ID is stored
 *
 * Return: 0, -EOPNOTSUPP for type1, -ENODEV for compat before its first device
 * (IOMMU_VFIO_IOAS_GET).
 */
int iommut_space_ioas(struct iommut_space *space, uint32_t *ioas_id);

IOMMUT_END

#endif /* IOMMUT_SPACE_H */
