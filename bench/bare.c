// SPDX-License-Identifier: GPL-2.0-or-later
/* VFIO and iommufd by hand, as little of it as there can be. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/iommufd.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>

#include <iommut/testdev-registers.h>

#include "bench/bare.h"

/* A FILL takes microseconds; no wait for it is longer than that of so many looks. */
#define LOOKS 1000000

static void set(const struct bare *bare, uint32_t offset, uint32_t value)
{
	*(volatile uint32_t *)(bare->registers + offset) = value;
}

static uint32_t get(const struct bare *bare, uint32_t offset)
{
	return *(volatile uint32_t *)(bare->registers + offset);
}

int bare_map(const struct bare *bare, const void *address, uint64_t length, uint64_t iova)
{
	if (bare->backend == IOMMUT_IOMMUFD) {
		struct iommu_ioas_map map = {
			.size = sizeof(map),
			.flags = IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE |
				 IOMMU_IOAS_MAP_WRITEABLE,
			.ioas_id = bare->ioas,
			.user_va = (uintptr_t)address,
			.length = length,
			.iova = iova,
		};

		return ioctl(bare->file, IOMMU_IOAS_MAP, &map) ? -errno : 0;
	}
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.vaddr = (uintptr_t)address,
		.iova = iova,
		.size = length,
	};

	return ioctl(bare->file, VFIO_IOMMU_MAP_DMA, &map) ? -errno : 0;
}

int bare_unmap(const struct bare *bare, uint64_t iova, uint64_t length)
{
	if (bare->backend == IOMMUT_IOMMUFD) {
		struct iommu_ioas_unmap unmap = {
			.size = sizeof(unmap),
			.ioas_id = bare->ioas,
			.iova = iova,
			.length = length,
		};

		return ioctl(bare->file, IOMMU_IOAS_UNMAP, &unmap) ? -errno : 0;
	}
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap),
		.iova = iova,
		.size = length,
	};

	return ioctl(bare->file, VFIO_IOMMU_UNMAP_DMA, &unmap) ? -errno : 0;
}

int bare_open_file(struct bare *bare, enum iommut_backend backend)
{
	struct iommu_ioas_alloc ioas = { .size = sizeof(ioas) };

	*bare = (struct bare){ .backend = backend, .file = -1, .group = -1, .device = -1 };
	bare->file =
		open(backend == IOMMUT_TYPE1 ? "/dev/vfio/vfio" : "/dev/iommu", O_RDWR | O_CLOEXEC);
	if (bare->file < 0)
		return -errno;
	if (backend != IOMMUT_IOMMUFD)
		return ioctl(bare->file, VFIO_GET_API_VERSION) == VFIO_API_VERSION ? 0 : -EINVAL;
	if (ioctl(bare->file, IOMMU_IOAS_ALLOC, &ioas))
		return -errno;
	bare->ioas = ioas.out_ioas_id;
	return 0;
}

static int open_by_group(struct bare *bare, const char *bdf)
{
	char path[128], link[256];
	ssize_t length;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/iommu_group", bdf);
	length = readlink(path, link, sizeof(link) - 1);
	if (length < 0)
		return -errno;
	link[length] = '\0';
	snprintf(path, sizeof(path), "/dev/vfio/%s", strrchr(link, '/') + 1);
	bare->group = open(path, O_RDWR | O_CLOEXEC);
	if (bare->group < 0 || ioctl(bare->group, VFIO_GROUP_SET_CONTAINER, &bare->file) ||
	    ioctl(bare->file, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU))
		return -errno;
	bare->device = ioctl(bare->group, VFIO_GROUP_GET_DEVICE_FD, bdf);
	return bare->device < 0 ? -errno : 0;
}

static int open_by_cdev(struct bare *bare, const char *bdf)
{
	struct vfio_device_bind_iommufd bind = { .argsz = sizeof(bind), .iommufd = bare->file };
	struct vfio_device_attach_iommufd_pt attach = { .argsz = sizeof(attach),
							.pt_id = bare->ioas };
	struct dirent *entry;
	char path[320];
	DIR *folder;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/vfio-dev", bdf);
	folder = opendir(path);
	if (!folder)
		return -errno;
	do
		entry = readdir(folder);
	while (entry && entry->d_name[0] == '.');
	if (entry)
		snprintf(path, sizeof(path), "/dev/vfio/devices/%s", entry->d_name);
	closedir(folder);
	bare->device = entry ? open(path, O_RDWR | O_CLOEXEC) : -1;
	if (bare->device < 0)
		return -ENOENT;
	if (ioctl(bare->device, VFIO_DEVICE_BIND_IOMMUFD, &bind) ||
	    ioctl(bare->device, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &attach))
		return -errno;
	return 0;
}

int bare_open_device(struct bare *bare, const char *bdf)
{
	struct vfio_region_info config = { .argsz = sizeof(config),
					   .index = VFIO_PCI_CONFIG_REGION_INDEX };
	uint16_t command;
	int error;

	error = bare->backend == IOMMUT_IOMMUFD ? open_by_cdev(bare, bdf)
						: open_by_group(bare, bdf);
	if (error)
		return error;
	if (ioctl(bare->device, VFIO_DEVICE_GET_REGION_INFO, &config) ||
	    pread(bare->device, &command, 2, (off_t)config.offset + PCI_COMMAND) != 2)
		return -EIO;
	command |= PCI_COMMAND_MASTER;
	return pwrite(bare->device, &command, 2, (off_t)config.offset + PCI_COMMAND) == 2 ? 0
											  : -EIO;
}

int bare_open_registers(struct bare *bare)
{
	struct vfio_region_info bar = { .argsz = sizeof(bar), .index = VFIO_PCI_BAR0_REGION_INDEX };
	void *registers;

	if (ioctl(bare->device, VFIO_DEVICE_GET_REGION_INFO, &bar))
		return -errno;
	registers = mmap(NULL, TESTDEV_REGISTERS_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
			 bare->device, (off_t)bar.offset);
	if (registers == MAP_FAILED)
		return -errno;
	bare->registers = registers;
	return get(bare, TESTDEV_VERSION) == TESTDEV_VERSION_VALUE ? 0 : -ENODEV;
}

void bare_close_registers(struct bare *bare)
{
	if (bare->registers)
		munmap(bare->registers, TESTDEV_REGISTERS_SIZE);
}

void bare_close_device(struct bare *bare)
{
	if (bare->device >= 0)
		close(bare->device);
	if (bare->group >= 0)
		close(bare->group);
}

void bare_close_file(struct bare *bare)
{
	if (bare->file >= 0)
		close(bare->file);
}

int bare_fill(const struct bare *bare, uint64_t iova, uint32_t length, uint64_t pattern)
{
	const uint32_t at = TESTDEV_TRANSFER;

	set(bare, at + TESTDEV_DESC_OPERATION, TESTDEV_OP_FILL);
	set(bare, at + TESTDEV_DESC_IOVA, (uint32_t)iova);
	set(bare, at + TESTDEV_DESC_IOVA + 4, (uint32_t)(iova >> 32));
	set(bare, at + TESTDEV_DESC_LENGTH, length);
	set(bare, at + TESTDEV_DESC_OPERAND, (uint32_t)pattern);
	set(bare, at + TESTDEV_DESC_OPERAND + 4, (uint32_t)(pattern >> 32));
	set(bare, at + TESTDEV_DESC_REPEAT, 1);
	set(bare, TESTDEV_START, 1);
	for (int look = 0; get(bare, TESTDEV_START); look++)
		if (look == LOOKS)
			return -ETIMEDOUT;
	return get(bare, TESTDEV_RESULT + TESTDEV_RESULT_STATUS) == TESTDEV_STATUS_OK ? 0 : -EIO;
}
