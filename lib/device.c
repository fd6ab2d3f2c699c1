// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/pci_regs.h>
#include <linux/vfio.h>

#include <iommut/config.h>
#include <iommut/device.h>
#include <iommut/iommufd.h>
#include <iommut/vfio.h>

#include "lib/device.h"
#include "lib/info_caps.h"
#include "lib/pci.h"

static int open_group(struct iommut_device *device, const struct iommut_device_options *options)
{
	int number, ret;

	if (options->flags & IOMMUT_DEVICE_DETACHED)
		return -EINVAL;
	number = pci_group_on(space_sys(device->space), device->bdf);
	if (number < 0)
		return number;
	ret = group_get(device->space, number, &device->group);
	if (ret)
		return ret;
	ret = iommut_vfio_group_device(device->group->handle, device->bdf, options->token,
				       &device->handle);
	if (ret)
		group_put(device->space, device->group);
	return ret;
}

static int open_cdev(struct iommut_device *device, const struct iommut_device_options *options)
{
	int ret = cdev_open_on(space_sys(device->space), &device->handle, device->bdf);

	if (ret)
		return ret;
	ret = iommut_vfio_bind_iommufd(device->handle, device->space->file->handle, options->token,
				       &device->dev_id);
	if (!ret && !(options->flags & IOMMUT_DEVICE_DETACHED))
		ret = iommut_vfio_attach(device->handle, IOMMUT_NO_PASID, device->space->ioas_id);
	if (ret)
		iommut_handle_close(&device->handle);
	return ret;
}

static int find_config(struct iommut_device *device)
{
	struct vfio_region_info info = {
		.argsz = sizeof(info),
		.index = VFIO_PCI_CONFIG_REGION_INDEX,
	};
	int ret = iommut_vfio_device_get_region_info_raw(device->handle, &info);

	if (ret)
		return ret;
	device->config_offset = info.offset;
	device->config_length = info.size;
	return 0;
}

int iommut_device_open(struct iommut_device **device, struct iommut_space *space, const char *bdf)
{
	struct iommut_device_options options = { 0 };

	return iommut_device_open_with(device, space, bdf, &options);
}

int iommut_device_open_with(struct iommut_device **device, struct iommut_space *space,
			    const char *bdf, const struct iommut_device_options *options)
{
	struct iommut_device *new_device;
	struct iommut_bdf address;
	int ret = iommut_bdf_parse(bdf, &address);

	if (ret)
		return ret;
	if (options->flags & ~(uint32_t)(IOMMUT_DEVICE_DETACHED | IOMMUT_DEVICE_NO_BUS_MASTER))
		return -EINVAL;
	new_device = sys_calloc(space_sys(space), 1, sizeof(*new_device));
	if (!new_device)
		return -ENOMEM;
	iommut_bdf_format(&address, new_device->bdf, sizeof(new_device->bdf));
	new_device->space = space_get(space);
	if (space->backend == IOMMUT_IOMMUFD)
		ret = open_cdev(new_device, options);
	else
		ret = open_group(new_device, options);
	if (ret) {
		iommut_space_close(space);
		free(new_device);
		return ret;
	}
	ret = find_config(new_device);
	if (!ret && !(options->flags & IOMMUT_DEVICE_NO_BUS_MASTER))
		ret = iommut_device_bus_master(new_device, true);
	if (ret) {
		iommut_device_close(new_device);
		return ret;
	}
	*device = new_device;
	return 0;
}

void iommut_device_close(struct iommut_device *device)
{
	if (!device)
		return;
	iommut_handle_close(&device->handle);
	if (device->group)
		group_put(device->space, device->group);
	iommut_space_close(device->space);
	free(device);
}

struct iommut_handle iommut_device_handle(const struct iommut_device *device)
{
	return device->handle;
}

struct iommut_space *iommut_device_space(const struct iommut_device *device)
{
	return device->space;
}

const char *iommut_device_bdf(const struct iommut_device *device)
{
	return device->bdf;
}

int iommut_device_id(const struct iommut_device *device, uint32_t *dev_id)
{
	if (device->space->backend != IOMMUT_IOMMUFD)
		return -EOPNOTSUPP;
	*dev_id = device->dev_id;
	return 0;
}

int iommut_device_info(struct iommut_device *device, struct vfio_device_info *info)
{
	memset(info, 0, sizeof(*info));
	info->argsz = sizeof(*info);
	return iommut_vfio_device_get_info_raw(device->handle, info);
}

int iommut_device_info_capability(struct iommut_device *device, uint16_t id, void *data,
				  size_t size)
{
	struct vfio_device_info info = { 0 };
	uint32_t length;
	uint8_t *args;
	int ret;

	ret = info_read(device->handle, VFIO_DEVICE_GET_INFO, &info, sizeof(info), &args, &length);
	if (ret)
		return ret;
	memcpy(&info, args, sizeof(info));
	ret = info_capability_copy(args, length,
				   info.flags & VFIO_DEVICE_FLAGS_CAPS ? info.cap_offset : 0, id,
				   data, size);
	free(args);
	return ret;
}

int iommut_device_atomics(struct iommut_device *device, uint32_t *flags)
{
	struct vfio_device_info_cap_pci_atomic_comp capability;
	int ret = iommut_device_info_capability(device, VFIO_DEVICE_INFO_CAP_PCI_ATOMIC_COMP,
						&capability, sizeof(capability));

	if (ret && ret != -ENOENT)
		return ret;
	*flags = ret ? 0 : capability.flags;
	return 0;
}

int iommut_device_attach(struct iommut_device *device, uint32_t pt_id)
{
	if (device->space->backend != IOMMUT_IOMMUFD)
		return -EOPNOTSUPP;
	return iommut_vfio_attach(device->handle, IOMMUT_NO_PASID, pt_id);
}

int iommut_device_detach(struct iommut_device *device)
{
	if (device->space->backend != IOMMUT_IOMMUFD)
		return -EOPNOTSUPP;
	return iommut_vfio_detach(device->handle, IOMMUT_NO_PASID);
}

int iommut_device_attach_pasid(struct iommut_device *device, uint32_t pasid, uint32_t pt_id)
{
	if (device->space->backend != IOMMUT_IOMMUFD)
		return -EOPNOTSUPP;
	return pasid == IOMMUT_NO_PASID ? -EINVAL
					: iommut_vfio_attach(device->handle, pasid, pt_id);
}

int iommut_device_detach_pasid(struct iommut_device *device, uint32_t pasid)
{
	if (device->space->backend != IOMMUT_IOMMUFD)
		return -EOPNOTSUPP;
	return pasid == IOMMUT_NO_PASID ? -EINVAL : iommut_vfio_detach(device->handle, pasid);
}

int iommut_device_reset(struct iommut_device *device)
{
	return iommut_vfio_device_reset_raw(device->handle);
}

int iommut_device_bus_master(struct iommut_device *device, bool on)
{
	uint16_t command;
	int ret = iommut_config_read16(device, PCI_COMMAND, &command);

	if (ret)
		return ret;
	if (on)
		command |= PCI_COMMAND_MASTER;
	else
		command &= ~PCI_COMMAND_MASTER;
	return iommut_config_write16(device, PCI_COMMAND, command);
}

int iommut_device_hot_reset_info(struct iommut_device *device,
				 struct vfio_pci_dependent_device **devices, size_t *count,
				 uint32_t *flags)
{
	const struct iommut_syscalls *sys = device->handle.sys;
	uint32_t room = 1;

	for (;;) {
		uint32_t size = sizeof(struct vfio_pci_hot_reset_info) +
				room * sizeof(struct vfio_pci_dependent_device);
		struct vfio_pci_hot_reset_info *info = sys_calloc(sys, 1, size);
		uint32_t found;
		int ret;

		if (!info)
			return -ENOMEM;
		info->argsz = size;
		ret = iommut_vfio_device_get_pci_hot_reset_info_raw(device->handle, info);
		found = info->count;
		if (!ret && found <= room) {
			*devices = sys_calloc(sys, found ? found : 1, sizeof(**devices));
			if (*devices) {
				memcpy(*devices, info->devices, found * sizeof(**devices));
				*count = found;
				if (flags)
					*flags = info->flags;
			}
			free(info);
			return *devices ? 0 : -ENOMEM;
		}
		free(info);
		/* Too little room is ENOSPC, with the number that is wanted. */
		if (ret != -ENOSPC)
			return ret ? ret : -EBADMSG;
		if (found <= room || found > 1u << 16)
			return -EBADMSG;
		room = found;
	}
}

int iommut_device_hot_reset(struct iommut_device *device)
{
	uint32_t count = 0, at = 0;
	int32_t *groups;
	int ret;

	/* With no groups given, ownership by the /dev/iommu file is what counts. */
	for (struct group *group = device->space->groups; group; group = group->next)
		count++;
	groups = sys_calloc(device->handle.sys, count ? count : 1, sizeof(*groups));
	if (!groups)
		return -ENOMEM;
	for (struct group *group = device->space->groups; group; group = group->next)
		groups[at++] = group->handle.fd;
	ret = iommut_vfio_hot_reset(device->handle, groups, count);
	free(groups);
	return ret;
}
