/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
#ifndef IOMMUT_FEATURE_H
#define IOMMUT_FEATURE_H

#include <linux/vfio.h>

#include <iommut/device.h>
#include <iommut/types.h>

IOMMUT_BEGIN

/*
 * What VFIO_DEVICE_FEATURE can do. -EOPNOTSUPP from any of these means that the device or the kernel
 * lacks the feature.
 */

/**
 * iommut_feature_probe() - whether a device has a feature
 * @device: a device
 * @feature: VFIO_DEVICE_FEATURE_*
 * @operations: VFIO_DEVICE_FEATURE_GET, VFIO_DEVICE_FEATURE_SET or both
 *
 * Return: 0 if it has, -EOPNOTSUPP if not, -EINVAL if it has the feature but not the operation.
 */
int iommut_feature_probe(struct iommut_device *device, uint32_t feature, uint32_t operations);

/**
 * iommut_feature_get() - get a feature's data
 * @device: a device
 * @feature: VFIO_DEVICE_FEATURE_*
 * @data: in and out, as the feature defines
 * @size: of @data
 *
 * Return: 0 or above as the feature defines (DMA_BUF: a file descriptor), -EOPNOTSUPP, -EINVAL.
 */
int iommut_feature_get(struct iommut_device *device, uint32_t feature, void *data, size_t size);

/**
 * iommut_feature_set() - set a feature's data
 * @device: a device
 * @feature: VFIO_DEVICE_FEATURE_*
 * @data: as the feature defines; NULL if @size is 0
 * @size: of @data
 *
 * Return: 0, -EOPNOTSUPP, -EINVAL.
 */
int iommut_feature_set(struct iommut_device *device, uint32_t feature, const void *data,
		       size_t size);

/**
 * iommut_feature_bus_master() - turn bus mastering on or off through the feature
 * @device: a device
 * @on: wanted state
 *
 * VFIO_DEVICE_FEATURE_BUS_MASTER.
 *
 * Return: 0, -EOPNOTSUPP.
 */
int iommut_feature_bus_master(struct iommut_device *device, bool on);

/**
 * iommut_feature_vf_token() - set the token that users of the function's VFs must know
 * @device: a physical function
 * @token: 16 bytes of a UUID
 *
 * VFIO_DEVICE_FEATURE_PCI_VF_TOKEN.
 *
 * Return: 0, -EOPNOTSUPP.
 */
int iommut_feature_vf_token(struct iommut_device *device, const uint8_t *token);

/**
 * iommut_feature_low_power_entry() - let the kernel put the device into a low power state
 * @device: a device
 * @wakeup_eventfd: signalled when the device wakes by itself; -1 for none
 *
 * VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY and _ENTRY_WITH_WAKEUP.
 *
 * Return: 0, -EOPNOTSUPP, -EINVAL if it is in that state.
 */
int iommut_feature_low_power_entry(struct iommut_device *device, int wakeup_eventfd);

/**
 * iommut_feature_low_power_exit() - wake the device
 * @device: a device
 *
 * VFIO_DEVICE_FEATURE_LOW_POWER_EXIT.
 *
 * Return: 0, -EOPNOTSUPP.
 */
int iommut_feature_low_power_exit(struct iommut_device *device);

/**
 * iommut_feature_dma_buf() - export parts of a region as a dma-buf
 * @device: a device
 * @region: index of a BAR
 * @ranges: the parts
 * @count: how many
 * @open_flags: O_CLOEXEC, O_RDWR and the like
 *
 * VFIO_DEVICE_FEATURE_DMA_BUF.
 *
 * Return: a file descriptor to be closed by the caller, -EOPNOTSUPP, -EINVAL, -ENODEV, -ENOMEM.
 */
int iommut_feature_dma_buf(struct iommut_device *device, uint32_t region,
			   const struct vfio_region_dma_range *ranges, uint32_t count,
			   uint32_t open_flags);

/**
 * iommut_feature_dma_logging_start() - let the device itself log which pages it writes
 * @device: a device
 * @page_size: wanted bytes per bit
 * @ranges: what to watch
 * @count: how many
 *
 * VFIO_DEVICE_FEATURE_DMA_LOGGING_START.
 *
 * Return: 0, -EOPNOTSUPP, -EINVAL, -EBUSY.
 */
int iommut_feature_dma_logging_start(struct iommut_device *device, uint64_t page_size,
				     const struct vfio_device_feature_dma_logging_range *ranges,
				     uint32_t count);

/**
 * iommut_feature_dma_logging_stop() - end logging
 * @device: a device
 *
 * VFIO_DEVICE_FEATURE_DMA_LOGGING_STOP.
 *
 * Return: 0, -EOPNOTSUPP, -EINVAL.
 */
int iommut_feature_dma_logging_stop(struct iommut_device *device);

/**
 * iommut_feature_dma_logging_report() - which pages the device has written
 * @device: a device
 * @iova: of bit 0
 * @length: bytes
 * @page_size: bytes per bit
 * @bitmap: 64-bit words; bits are set, never cleared
 *
 * VFIO_DEVICE_FEATURE_DMA_LOGGING_REPORT.
 *
 * Return: 0, -EOPNOTSUPP, -EINVAL.
 */
int iommut_feature_dma_logging_report(struct iommut_device *device, uint64_t iova, uint64_t length,
				      uint64_t page_size, uint64_t *bitmap);

/**
 * iommut_feature_migration() - what kind of migration a device can do
 * @device: a device
 * @flags: where VFIO_MIGRATION_* are stored
 *
 * VFIO_DEVICE_FEATURE_MIGRATION.
 *
 * Return: 0, -EOPNOTSUPP.
 */
int iommut_feature_migration(struct iommut_device *device, uint64_t *flags);

/**
 * iommut_feature_migration_state() - the migration state of a device
 * @device: a device
 * @state: where enum vfio_device_mig_state is stored
 *
 * VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE.
 *
 * Return: 0, -EOPNOTSUPP.
 */
int iommut_feature_migration_state(struct iommut_device *device, uint32_t *state);

/**
 * iommut_feature_migration_set_state() - move a device to another migration state
 * @device: a device
 * @state: enum vfio_device_mig_state
 * @data_fd: where the file for the data is stored, -1 if the new state has none; to be closed by
 *     the caller
 *
 * VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE.
 *
 * Return: 0, -EOPNOTSUPP, -EINVAL for a state it cannot get to.
 */
int iommut_feature_migration_set_state(struct iommut_device *device, uint32_t state, int *data_fd);

/**
 * iommut_feature_migration_size() - how much data a stop-and-copy would have
 * @device: a device
 * @bytes: where it is stored
 *
 * VFIO_DEVICE_FEATURE_MIG_DATA_SIZE.
 *
 * Return: 0, -EOPNOTSUPP.
 */
int iommut_feature_migration_size(struct iommut_device *device, uint64_t *bytes);

/**
 * iommut_feature_precopy_info_v2() - have iommut_vfio_precopy_info() tell of new initial data
 * @device: a device
 *
 * VFIO_DEVICE_FEATURE_MIG_PRECOPY_INFOv2.
 *
 * Return: 0, -EOPNOTSUPP.
 */
int iommut_feature_precopy_info_v2(struct iommut_device *device);

/**
 * iommut_feature_zpci_error() - the pending error of a device on s390
 * @device: a device
 * @data: where the event is stored, as long as VFIO_DEVICE_INFO_CAP_ZPCI_BASE says
 *
 * VFIO_DEVICE_FEATURE_ZPCI_ERROR.
 *
 * Return: 0, -ENOMSG if none is pending, -EOPNOTSUPP.
 */
int iommut_feature_zpci_error(struct iommut_device *device, void *data);

IOMMUT_END

#endif /* IOMMUT_FEATURE_H */
