/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
#ifndef IOMMUT_REGION_H
#define IOMMUT_REGION_H

#include <iommut/device.h>
#include <iommut/types.h>

IOMMUT_BEGIN

/**
 * struct iommut_region_area - a part of a region that can be mmapped
 * @offset: bytes from the start of the region
 * @length: bytes
 */
struct iommut_region_area {
	uint64_t offset;
	uint64_t length;
};

/**
 * struct iommut_region - a region of a device: a BAR, the ROM, config space, or one a driver
 * defines
 * @device: the device
 * @index: VFIO region index
 * @flags: VFIO_REGION_INFO_FLAG_*
 * @length: bytes; 0 if the device has no such region
 * @offset: of the region in the device's file
 * @msix_mappable: the MSI-X table may be mmapped too (VFIO_REGION_INFO_CAP_MSIX_MAPPABLE)
 * @type: of a region a driver defines (VFIO_REGION_INFO_CAP_TYPE), else 0
 * @subtype: likewise
 * @areas: the parts that can be mmapped; one that covers all when there is no sparse capability
 * @area_count: number of @areas; 0 if nothing can be mmapped
 *
 * Fields are for reading. The accessors below go through the device's file (pread, pwrite): they
 * keep the width of the access and return an error where a mapped access would be a SIGBUS. Code
 * that must be faster maps the region and says so.
 */
struct iommut_region {
	struct iommut_device *device;
	uint32_t index;
	uint32_t flags;
	uint64_t length;
	uint64_t offset;
	bool msix_mappable;
	uint32_t type;
	uint32_t subtype;
	struct iommut_region_area *areas;
	size_t area_count;
};

/**
 * iommut_region_open() - look a region up
 * @region: where the region is stored
 * @device: the device, which must outlive the region
 * @index: VFIO_PCI_BAR0_REGION_INDEX (0) to BAR5 (5), VFIO_PCI_ROM_REGION_INDEX,
 *     VFIO_PCI_CONFIG_REGION_INDEX, or above
 *
 * Return: 0, -ENOENT if the region has no bytes, -EINVAL for an index the device has not, -EBADMSG
 * for capabilities that contradict themselves, -ENOMEM.
 */
int iommut_region_open(struct iommut_region **region, struct iommut_device *device, uint32_t index);

/**
 * iommut_region_close() - forget a region
 * @region: a region, or NULL
 *
 * What was mapped from it stays mapped until iommut_region_unmap().
 */
void iommut_region_close(struct iommut_region *region);

/**
 * iommut_region_capability() - a capability of what VFIO says of a region
 * @device: the device
 * @index: VFIO region index
 * @id: VFIO_REGION_INFO_CAP_*
 * @data: where the capability is stored, its struct vfio_info_cap_header first
 * @size: of @data in bytes; of a longer capability the beginning is stored
 *
 * VFIO_DEVICE_GET_REGION_INFO. What iommut_region_open() decodes needs no such call; this is for
 * those of other buses and drivers (NVLink2), and of kernels to come.
 *
 * Return: 0, -ENOENT if there is no such capability, -EBADMSG if it is shorter than @size or the
 * list contradicts itself, -EINVAL for an index the device has not, -ENOMEM.
 */
int iommut_region_capability(struct iommut_device *device, uint32_t index, uint16_t id, void *data,
			     size_t size);

/**
 * iommut_region_map() - map a part of a region into this process
 * @region: a region
 * @offset: bytes from its start, a multiple of the system's page size
 * @length: bytes; 0 means up to the end of the region
 * @address: where the address is stored
 *
 * An access through the mapping while the device's memory decoding is off, in a reset, or after the
 * device was unplugged, raises SIGBUS, unless iommut_guard_begin() was called.
 *
 * Return: 0, -EINVAL, -ENOMEM, -EOPNOTSUPP if the region cannot be mmapped, or the error of mmap(2).
 */
int iommut_region_map(struct iommut_region *region, uint64_t offset, uint64_t length,
		      void **address);

/**
 * iommut_region_unmap() - undo iommut_region_map()
 * @region: the region
 * @address: what iommut_region_map() stored
 * @length: bytes that were mapped
 *
 * Return: 0, or the error of munmap(2).
 */
int iommut_region_unmap(struct iommut_region *region, void *address, uint64_t length);

/**
 * iommut_region_read() - read bytes of a region
 * @region: a region
 * @offset: bytes from its start
 * @data: where they are stored
 * @length: bytes; the kernel splits an odd length or offset into naturally aligned accesses
 *
 * Return: 0, -EINVAL beyond the region's end, -EIO if memory decoding is off, -ENODEV if the device
 * is gone.
 */
int iommut_region_read(struct iommut_region *region, uint64_t offset, void *data, size_t length);

/**
 * iommut_region_write() - write bytes of a region
 * @region: a region
 * @offset: bytes from its start
 * @data: the bytes
 * @length: how many
 *
 * Return: as iommut_region_read().
 */
int iommut_region_write(struct iommut_region *region, uint64_t offset, const void *data,
			size_t length);

/**
 * iommut_region_read8() - read one byte
 * @region: a region
 * @offset: bytes from its start
 * @value: where it is stored
 *
 * A read of all ones is only believed if the device is there (iommut_device_gone()).
 *
 * Return: 0, -EINVAL beyond the end, -EIO if memory decoding is off, -ENODEV if the device is gone.
 */
int iommut_region_read8(struct iommut_region *region, uint64_t offset, uint8_t *value);

/**
 * iommut_region_read16() - read a little-endian 16-bit value in one access
 * @region: a region
 * @offset: bytes from its start, a multiple of 2
 * @value: where it is stored, in the CPU's byte order
 *
 * Return: as iommut_region_read8().
 */
int iommut_region_read16(struct iommut_region *region, uint64_t offset, uint16_t *value);

/**
 * iommut_region_read32() - read a little-endian 32-bit value in one access
 * @region: a region
 * @offset: bytes from its start, a multiple of 4
 * @value: where it is stored, in the CPU's byte order
 *
 * Return: as iommut_region_read8().
 */
int iommut_region_read32(struct iommut_region *region, uint64_t offset, uint32_t *value);

/**
 * iommut_region_read64() - read a little-endian 64-bit value
 * @region: a region
 * @offset: bytes from its start, a multiple of 8
 * @value: where it is stored, in the CPU's byte order
 *
 * Kernels before 6.11 make two 32-bit accesses of it, lower half first.
 *
 * Return: as iommut_region_read8().
 */
int iommut_region_read64(struct iommut_region *region, uint64_t offset, uint64_t *value);

/**
 * iommut_region_write8() - write one byte
 * @region: a region
 * @offset: bytes from its start
 * @value: the value
 *
 * Return: 0, -EINVAL beyond the end, -EIO if memory decoding is off. Writes are posted: a device
 * that is gone is seen at the next read.
 */
int iommut_region_write8(struct iommut_region *region, uint64_t offset, uint8_t value);

/**
 * iommut_region_write16() - write a 16-bit value, little-endian, in one access
 * @region: a region
 * @offset: bytes from its start, a multiple of 2
 * @value: the value
 *
 * Return: as iommut_region_write8().
 */
int iommut_region_write16(struct iommut_region *region, uint64_t offset, uint16_t value);

/**
 * iommut_region_write32() - write a 32-bit value, little-endian, in one access
 * @region: a region
 * @offset: bytes from its start, a multiple of 4
 * @value: the value
 *
 * Return: as iommut_region_write8().
 */
int iommut_region_write32(struct iommut_region *region, uint64_t offset, uint32_t value);

/**
 * iommut_region_write64() - write a 64-bit value, little-endian
 * @region: a region
 * @offset: bytes from its start, a multiple of 8
 * @value: the value
 *
 * Kernels before 6.11 make two 32-bit accesses of it, lower half first.
 *
 * Return: as iommut_region_write8().
 */
int iommut_region_write64(struct iommut_region *region, uint64_t offset, uint64_t value);

IOMMUT_END

#endif /* IOMMUT_REGION_H */
