// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <iommut/pci.h>
#include <iommut/vfio.h>

#include "lib/pci.h"
#include "lib/space.h"

int cdev_open_on(const struct iommut_syscalls *sys, struct iommut_handle *device, const char *bdf)
{
	struct iommut_pci_device pci;
	char path[320];
	char name[256];
	int fd, ret;

	/*
	 * vfio-pci makes this folder with one entry, the name of the cdev; with
	 * CONFIG_VFIO_DEVICE_CDEV=n it has no number.
	 */
	ret = pci_path(bdf, "vfio-dev", path, sizeof(path));
	if (!ret)
		ret = pci_first_entry_on(sys, path, "vfio", name, sizeof(name));
	/* Without an IOMMU, with enable_unsafe_noiommu_mode. */
	if (ret == -ENOENT)
		ret = pci_first_entry_on(sys, path, "noiommu-vfio", name, sizeof(name));
	if (ret == -ENOENT) {
		/* No such function at all is something else. */
		ret = pci_get_on(sys, bdf, &pci);
		return ret ? ret : -ENOENT;
	}
	if (ret)
		return ret;
	snprintf(path, sizeof(path), "/dev/vfio/devices/%s", name);
	fd = sys_open(sys, path, O_RDWR, 0);
	if (fd == -ENOENT)
		return -EOPNOTSUPP;
	if (fd < 0)
		return fd;
	device->fd = fd;
	device->sys = sys;
	return 0;
}

int iommut_vfio_cdev_open(struct iommut_handle *device, const char *bdf)
{
	return cdev_open_on(NULL, device, bdf);
}

int iommut_vfio_bind_iommufd(struct iommut_handle device, struct iommut_handle iommufd,
			     const uint8_t *token, uint32_t *dev_id)
{
	struct vfio_device_bind_iommufd args = {
		.argsz = sizeof(args),
		.iommufd = iommufd.fd,
	};
	int ret;

	if (token) {
		args.flags = VFIO_DEVICE_BIND_FLAG_TOKEN;
		args.token_uuid_ptr = (uintptr_t)token;
	} else {
		/* Kernels before the token take the structure without it. */
		args.argsz = offsetof(struct vfio_device_bind_iommufd, token_uuid_ptr);
	}
	ret = supported(iommut_vfio_device_bind_iommufd_raw(device, &args));
	if (!ret)
		*dev_id = args.out_devid;
	return ret;
}

int iommut_vfio_attach(struct iommut_handle device, uint32_t pasid, uint32_t pt_id)
{
	struct vfio_device_attach_iommufd_pt args = {
		/* Kernels before PASIDs take the structure without one. */
		.argsz = offsetof(struct vfio_device_attach_iommufd_pt, pasid),
		.pt_id = pt_id,
	};

	if (pasid != IOMMUT_NO_PASID) {
		args.argsz = sizeof(args);
		args.flags = VFIO_DEVICE_ATTACH_PASID;
		args.pasid = pasid;
	}
	return supported(iommut_vfio_device_attach_iommufd_pt_raw(device, &args));
}

int iommut_vfio_detach(struct iommut_handle device, uint32_t pasid)
{
	struct vfio_device_detach_iommufd_pt args = {
		.argsz = offsetof(struct vfio_device_detach_iommufd_pt, pasid),
	};

	if (pasid != IOMMUT_NO_PASID) {
		args.argsz = sizeof(args);
		args.flags = VFIO_DEVICE_DETACH_PASID;
		args.pasid = pasid;
	}
	return supported(iommut_vfio_device_detach_iommufd_pt_raw(device, &args));
}

int iommut_vfio_set_irqs(struct iommut_handle device, uint32_t flags, uint32_t index,
			 uint32_t start, uint32_t count, const void *data)
{
	size_t bytes = 0;
	struct vfio_irq_set *args;
	int ret;

	if (flags & VFIO_IRQ_SET_DATA_EVENTFD)
		bytes = (size_t)count * sizeof(int32_t);
	else if (flags & VFIO_IRQ_SET_DATA_BOOL)
		bytes = count;
	if (bytes && !data)
		return -EINVAL;
	args = sys_calloc(device.sys, 1, sizeof(*args) + bytes);
	if (!args)
		return -ENOMEM;
	args->argsz = sizeof(*args) + bytes;
	args->flags = flags;
	args->index = index;
	args->start = start;
	args->count = count;
	if (bytes)
		memcpy(args->data, data, bytes);
	ret = iommut_vfio_device_set_irqs_raw(device, args);
	free(args);
	return ret;
}

int iommut_vfio_ioeventfd(struct iommut_handle device, uint64_t offset, unsigned int width,
			  uint64_t data, int fd)
{
	struct vfio_device_ioeventfd args = {
		.argsz = sizeof(args),
		/* The flag of a width is the width itself. */
		.flags = width,
		.offset = offset,
		.data = data,
		.fd = fd,
	};

	if (width != 1 && width != 2 && width != 4 && width != 8)
		return -EINVAL;
	return supported(iommut_vfio_device_ioeventfd_raw(device, &args));
}

int iommut_vfio_hot_reset(struct iommut_handle device, const int32_t *groups, uint32_t count)
{
	size_t size = sizeof(struct vfio_pci_hot_reset) + (size_t)count * sizeof(*groups);
	struct vfio_pci_hot_reset *args = sys_calloc(device.sys, 1, size);
	int ret;

	if (!args)
		return -ENOMEM;
	args->argsz = size;
	args->count = count;
	for (uint32_t i = 0; i < count; i++)
		args->group_fds[i] = groups[i];
	ret = iommut_vfio_device_pci_hot_reset_raw(device, args);
	free(args);
	return ret;
}

int iommut_vfio_gfx_plane(struct iommut_handle device, uint32_t flags,
			  struct vfio_device_gfx_plane_info *plane)
{
	memset(plane, 0, sizeof(*plane));
	plane->argsz = sizeof(*plane);
	plane->flags = flags;
	return supported(iommut_vfio_device_query_gfx_plane_raw(device, plane));
}

int iommut_vfio_gfx_dmabuf(struct iommut_handle device, uint32_t dmabuf_id)
{
	return supported(iommut_vfio_device_get_gfx_dmabuf_raw(device, &dmabuf_id));
}

int iommut_vfio_precopy_info(struct iommut_handle data, struct vfio_precopy_info *info)
{
	memset(info, 0, sizeof(*info));
	info->argsz = sizeof(*info);
	return supported(iommut_vfio_mig_get_precopy_info_raw(data, info));
}
