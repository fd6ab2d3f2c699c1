// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
#include <endian.h>
#include <errno.h>
#include <string.h>

#include <linux/pci_regs.h>

#include <iommut/capability.h>
#include <iommut/config.h>

#include "lib/device.h"
#include "lib/syscalls.h"

static int access_config(struct iommut_device *device, uint32_t offset, void *in, const void *out,
			 size_t length)
{
	struct iommut_handle handle = device->handle;
	off_t position = device->config_offset + offset;
	ssize_t done;

	if (offset > device->config_length || length > device->config_length - offset)
		return -EINVAL;
	if (in)
		done = sys_pread(handle.sys, handle.fd, in, length, position);
	else
		done = sys_pwrite(handle.sys, handle.fd, out, length, position);
	if (done < 0)
		return done;
	return (size_t)done == length ? 0 : -EIO;
}

bool iommut_device_gone(struct iommut_device *device)
{
	uint32_t class_revision;

	/* Not the vendor ID: VFIO answers that from its own copy. */
	return access_config(device, PCI_CLASS_REVISION, &class_revision, NULL,
			     sizeof(class_revision)) ||
	       class_revision == UINT32_MAX;
}

int iommut_config_read(struct iommut_device *device, uint32_t offset, void *data, size_t length)
{
	const uint8_t *bytes = data;
	int ret = access_config(device, offset, data, NULL, length);

	if (ret == -EINVAL)
		return ret;
	if (ret)
		return iommut_device_gone(device) ? -ENODEV : ret;
	for (size_t i = 0; i < length; i++)
		if (bytes[i] != 0xff)
			return 0;
	return length && iommut_device_gone(device) ? -ENODEV : 0;
}

int iommut_config_write(struct iommut_device *device, uint32_t offset, const void *data,
			size_t length)
{
	int ret = access_config(device, offset, NULL, data, length);

	return ret && ret != -EINVAL && iommut_device_gone(device) ? -ENODEV : ret;
}

int iommut_config_read8(struct iommut_device *device, uint32_t offset, uint8_t *value)
{
	return iommut_config_read(device, offset, value, sizeof(*value));
}

int iommut_config_read16(struct iommut_device *device, uint32_t offset, uint16_t *value)
{
	uint16_t little = 0;
	int ret = offset % sizeof(little)
			  ? -EINVAL
			  : iommut_config_read(device, offset, &little, sizeof(little));

	if (!ret)
		*value = le16toh(little);
	return ret;
}

int iommut_config_read32(struct iommut_device *device, uint32_t offset, uint32_t *value)
{
	uint32_t little = 0;
	int ret = offset % sizeof(little)
			  ? -EINVAL
			  : iommut_config_read(device, offset, &little, sizeof(little));

	if (!ret)
		*value = le32toh(little);
	return ret;
}

int iommut_config_write8(struct iommut_device *device, uint32_t offset, uint8_t value)
{
	return iommut_config_write(device, offset, &value, sizeof(value));
}

int iommut_config_write16(struct iommut_device *device, uint32_t offset, uint16_t value)
{
	uint16_t little = htole16(value);

	return offset % sizeof(little)
		       ? -EINVAL
		       : iommut_config_write(device, offset, &little, sizeof(little));
}

int iommut_config_write32(struct iommut_device *device, uint32_t offset, uint32_t value)
{
	uint32_t little = htole32(value);

	return offset % sizeof(little)
		       ? -EINVAL
		       : iommut_config_write(device, offset, &little, sizeof(little));
}

static int find_capability(struct iommut_device *device, uint16_t id, bool extended,
			   uint32_t *offset)
{
	uint8_t config[PCI_CFG_SPACE_EXP_SIZE];
	size_t wanted = extended ? sizeof(config) : PCI_CFG_SPACE_SIZE;
	size_t length = device->config_length < wanted ? device->config_length : wanted;
	struct iommut_capability capability;
	int ret = iommut_config_read(device, 0, config, length);

	if (ret)
		return ret;
	ret = iommut_capability_find(config, length, id, extended, &capability);
	if (!ret)
		*offset = capability.offset;
	return ret;
}

int iommut_config_capability(struct iommut_device *device, uint8_t id, uint32_t *offset)
{
	return find_capability(device, id, false, offset);
}

int iommut_config_extended_capability(struct iommut_device *device, uint16_t id, uint32_t *offset)
{
	return find_capability(device, id, true, offset);
}
