// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <iommut/feature.h>
#include <iommut/vfio.h>

#include "lib/device.h"

/* @in is copied into the call, and what came back is copied to @out; both may be NULL. */
static int call(struct iommut_device *device, uint32_t flags, const void *in, void *out,
		size_t size)
{
	struct vfio_device_feature *args = sys_calloc(device->handle.sys, 1, sizeof(*args) + size);
	int ret;

	if (!args)
		return -ENOMEM;
	args->argsz = sizeof(*args) + size;
	args->flags = flags;
	if (in)
		memcpy(args->data, in, size);
	ret = supported(iommut_vfio_device_feature_raw(device->handle, args));
	if (ret >= 0 && out)
		memcpy(out, args->data, size);
	free(args);
	return ret;
}

int iommut_feature_probe(struct iommut_device *device, uint32_t feature, uint32_t operations)
{
	if (feature & ~(uint32_t)VFIO_DEVICE_FEATURE_MASK ||
	    operations & ~(uint32_t)(VFIO_DEVICE_FEATURE_GET | VFIO_DEVICE_FEATURE_SET))
		return -EINVAL;
	return call(device, feature | operations | VFIO_DEVICE_FEATURE_PROBE, NULL, NULL, 0);
}

int iommut_feature_get(struct iommut_device *device, uint32_t feature, void *data, size_t size)
{
	if (feature & ~(uint32_t)VFIO_DEVICE_FEATURE_MASK)
		return -EINVAL;
	return call(device, feature | VFIO_DEVICE_FEATURE_GET, data, data, size);
}

int iommut_feature_set(struct iommut_device *device, uint32_t feature, const void *data,
		       size_t size)
{
	if (feature & ~(uint32_t)VFIO_DEVICE_FEATURE_MASK)
		return -EINVAL;
	return call(device, feature | VFIO_DEVICE_FEATURE_SET, data, NULL, size);
}

int iommut_feature_bus_master(struct iommut_device *device, bool on)
{
	struct vfio_device_feature_bus_master args = {
		.op = on ? VFIO_DEVICE_FEATURE_SET_MASTER : VFIO_DEVICE_FEATURE_CLEAR_MASTER,
	};

	return iommut_feature_set(device, VFIO_DEVICE_FEATURE_BUS_MASTER, &args, sizeof(args));
}

int iommut_feature_vf_token(struct iommut_device *device, const uint8_t *token)
{
	return iommut_feature_set(device, VFIO_DEVICE_FEATURE_PCI_VF_TOKEN, token, 16);
}

int iommut_feature_low_power_entry(struct iommut_device *device, int wakeup_eventfd)
{
	struct vfio_device_low_power_entry_with_wakeup args = { .wakeup_eventfd = wakeup_eventfd };

	if (wakeup_eventfd < 0)
		return iommut_feature_set(device, VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY, NULL, 0);
	return iommut_feature_set(device, VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY_WITH_WAKEUP, &args,
				  sizeof(args));
}

int iommut_feature_low_power_exit(struct iommut_device *device)
{
	return iommut_feature_set(device, VFIO_DEVICE_FEATURE_LOW_POWER_EXIT, NULL, 0);
}

int iommut_feature_dma_buf(struct iommut_device *device, uint32_t region,
			   const struct vfio_region_dma_range *ranges, uint32_t count,
			   uint32_t open_flags)
{
	size_t size = sizeof(struct vfio_device_feature_dma_buf) + (size_t)count * sizeof(*ranges);
	struct vfio_device_feature_dma_buf *args = sys_calloc(device->handle.sys, 1, size);
	int ret;

	if (!args)
		return -ENOMEM;
	args->region_index = region;
	args->open_flags = open_flags;
	args->nr_ranges = count;
	memcpy(args->dma_ranges, ranges, (size_t)count * sizeof(*ranges));
	ret = iommut_feature_get(device, VFIO_DEVICE_FEATURE_DMA_BUF, args, size);
	free(args);
	return ret;
}

int iommut_feature_dma_logging_start(struct iommut_device *device, uint64_t page_size,
				     const struct vfio_device_feature_dma_logging_range *ranges,
				     uint32_t count)
{
	struct vfio_device_feature_dma_logging_control args = {
		.page_size = page_size,
		.num_ranges = count,
		.ranges = (uintptr_t)ranges,
	};

	return iommut_feature_set(device, VFIO_DEVICE_FEATURE_DMA_LOGGING_START, &args,
				  sizeof(args));
}

int iommut_feature_dma_logging_stop(struct iommut_device *device)
{
	return iommut_feature_set(device, VFIO_DEVICE_FEATURE_DMA_LOGGING_STOP, NULL, 0);
}

int iommut_feature_dma_logging_report(struct iommut_device *device, uint64_t iova, uint64_t length,
				      uint64_t page_size, uint64_t *bitmap)
{
	struct vfio_device_feature_dma_logging_report args = {
		.iova = iova,
		.length = length,
		.page_size = page_size,
		.bitmap = (uintptr_t)bitmap,
	};

	return iommut_feature_get(device, VFIO_DEVICE_FEATURE_DMA_LOGGING_REPORT, &args,
				  sizeof(args));
}

int iommut_feature_migration(struct iommut_device *device, uint64_t *flags)
{
	struct vfio_device_feature_migration args = { 0 };
	int ret = iommut_feature_get(device, VFIO_DEVICE_FEATURE_MIGRATION, &args, sizeof(args));

	if (!ret)
		*flags = args.flags;
	return ret;
}

int iommut_feature_migration_state(struct iommut_device *device, uint32_t *state)
{
	struct vfio_device_feature_mig_state args = { .data_fd = -1 };
	int ret = iommut_feature_get(device, VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE, &args,
				     sizeof(args));

	if (!ret)
		*state = args.device_state;
	return ret;
}

int iommut_feature_migration_set_state(struct iommut_device *device, uint32_t state, int *data_fd)
{
	struct vfio_device_feature_mig_state args = { .device_state = state, .data_fd = -1 };
	int ret;

	/* The one SET that answers with data. */
	ret = call(device, VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE | VFIO_DEVICE_FEATURE_SET, &args,
		   &args, sizeof(args));
	if (!ret)
		*data_fd = args.data_fd;
	return ret;
}

int iommut_feature_migration_size(struct iommut_device *device, uint64_t *bytes)
{
	struct vfio_device_feature_mig_data_size args = { 0 };
	int ret =
		iommut_feature_get(device, VFIO_DEVICE_FEATURE_MIG_DATA_SIZE, &args, sizeof(args));

	if (!ret)
		*bytes = args.stop_copy_length;
	return ret;
}

int iommut_feature_precopy_info_v2(struct iommut_device *device)
{
	return iommut_feature_set(device, VFIO_DEVICE_FEATURE_MIG_PRECOPY_INFOv2, NULL, 0);
}

int iommut_feature_zpci_error(struct iommut_device *device, void *data)
{
	struct vfio_device_feature_zpci_err args = { .data = (uintptr_t)data };

	return iommut_feature_get(device, VFIO_DEVICE_FEATURE_ZPCI_ERROR, &args, sizeof(args));
}
