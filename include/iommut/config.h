/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
#ifndef IOMMUT_CONFIG_H
#define IOMMUT_CONFIG_H

#include <iommut/device.h>
#include <iommut/types.h>

IOMMUT_BEGIN

/**
 * iommut_config_read() - read config space of an open device
 * @device: a device
 * @offset: bytes, up to 4096
 * @data: where the bytes are stored, as they are (little-endian)
 * @length: how many
 *
 * VFIO virtualises a part of config space: BARs, MSI, and capabilities that it hides.
 *
 * Return: 0, -EINVAL beyond the end, -ENODEV if the device is gone, or the error of pread(2).
 */
int iommut_config_read(struct iommut_device *device, uint32_t offset, void *data, size_t length);

/**
 * iommut_config_write() - write config space of an open device
 * @device: a device
 * @offset: bytes, up to 4096
 * @data: the bytes, little-endian
 * @length: how many
 *
 * Return: as iommut_config_read().
 */
int iommut_config_write(struct iommut_device *device, uint32_t offset, const void *data,
			size_t length);

/**
 * iommut_config_read8() - read a byte of config space
 * @device: a device
 * @offset: bytes
 * @value: where it is stored
 *
 * Return: as iommut_config_read().
 */
int iommut_config_read8(struct iommut_device *device, uint32_t offset, uint8_t *value);

/**
 * iommut_config_read16() - read 16 bits of config space
 * @device: a device
 * @offset: bytes, a multiple of 2
 * @value: where it is stored, in the CPU's byte order
 *
 * Return: as iommut_config_read().
 */
int iommut_config_read16(struct iommut_device *device, uint32_t offset, uint16_t *value);

/**
 * iommut_config_read32() - read 32 bits of config space
 * @device: a device
 * @offset: bytes, a multiple of 4
 * @value: where it is stored, in the CPU's byte order
 *
 * Return: as iommut_config_read().
 */
int iommut_config_read32(struct iommut_device *device, uint32_t offset, uint32_t *value);

/**
 * iommut_config_write8() - write a byte of config space
 * @device: a device
 * @offset: bytes
 * @value: the value
 *
 * Return: as iommut_config_read().
 */
int iommut_config_write8(struct iommut_device *device, uint32_t offset, uint8_t value);

/**
 * iommut_config_write16() - write 16 bits of config space
 * @device: a device
 * @offset: bytes, a multiple of 2
 * @value: the value
 *
 * Return: as iommut_config_read().
 */
int iommut_config_write16(struct iommut_device *device, uint32_t offset, uint16_t value);

/**
 * iommut_config_write32() - write 32 bits of config space
 * @device: a device
 * @offset: bytes, a multiple of 4
 * @value: the value
 *
 * Return: as iommut_config_read().
 */
int iommut_config_write32(struct iommut_device *device, uint32_t offset, uint32_t value);

/**
 * iommut_config_capability() - where a capability of an open device is
 * @device: a device
 * @id: capability ID (PCI_CAP_ID_*)
 * @offset: where its offset is stored
 *
 * What VFIO shows; iommut_pci_config_read() has what the device really has.
 *
 * Return: 0, -ENOENT if the device has none, or as iommut_config_read().
 */
int iommut_config_capability(struct iommut_device *device, uint8_t id, uint32_t *offset);

/**
 * iommut_config_extended_capability() - where an extended capability of an open device is
 * @device: a device
 * @id: extended capability ID (PCI_EXT_CAP_ID_*)
 * @offset: where its offset is stored
 *
 * Return: 0, -ENOENT if the device has none or no extended config space, or as
 * iommut_config_read().
 */
int iommut_config_extended_capability(struct iommut_device *device, uint16_t id, uint32_t *offset);

IOMMUT_END

#endif /* IOMMUT_CONFIG_H */
