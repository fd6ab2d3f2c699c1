// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <glib.h>
#include <string.h>

#include <linux/vfio.h>

#include "tests/lib/fake_ioctl.h"

int fake_map(struct fake_kernel *kernel, uint64_t iova, uint64_t length, uint32_t flags)
{
	struct fake_mapping *place = NULL;

	if (!length || length % 4096 || iova % 4096)
		return -EINVAL;
	for (int i = 0; i < FAKE_MAPPINGS; i++) {
		struct fake_mapping *mapping = &kernel->mappings[i];

		if (!mapping->used)
			place = mapping;
		else if (iova < mapping->iova + mapping->length && mapping->iova < iova + length)
			return -EEXIST;
	}
	if (!place)
		return -ENOSPC;
	*place = (struct fake_mapping){
		.used = true, .iova = iova, .length = length, .flags = flags
	};
	return 0;
}

int fake_unmap(struct fake_kernel *kernel, uint64_t iova, uint64_t length, uint64_t *unmapped)
{
	*unmapped = 0;
	for (int i = 0; i < FAKE_MAPPINGS; i++) {
		struct fake_mapping *mapping = &kernel->mappings[i];

		if (mapping->used && mapping->iova >= iova && mapping->length <= length &&
		    mapping->iova - iova <= length - mapping->length) {
			mapping->used = false;
			*unmapped += mapping->length;
		}
	}
	return 0;
}

static int iommu_info(struct fake_kernel *kernel, struct vfio_iommu_type1_info *args)
{
	struct vfio_iommu_type1_info_cap_iova_range ranges = {
		.header = { .id = VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE, .version = 1 },
		.nr_iovas = kernel->ranges,
	};
	struct vfio_iommu_type1_info_cap_migration migration = {
		.header = { .id = VFIO_IOMMU_TYPE1_INFO_CAP_MIGRATION, .version = 1 },
		.pgsize_bitmap = 4096,
		.max_dirty_bitmap_size = 1 << 20,
	};
	struct vfio_iommu_type1_info_dma_avail available = {
		.header = { .id = VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL, .version = 1 },
		.avail = 65535,
	};
	uint32_t length = sizeof(ranges) + kernel->ranges * sizeof(struct vfio_iova_range);
	uint32_t total = sizeof(*args) + length + sizeof(migration) + sizeof(available);
	uint32_t room = args->argsz;
	uint8_t *at = (uint8_t *)args + sizeof(*args);

	args->argsz = total;
	args->flags = VFIO_IOMMU_INFO_PGSIZES | VFIO_IOMMU_INFO_CAPS;
	args->iova_pgsizes = 4096 | 2 << 20;
	args->cap_offset = 0;
	if (room < total)
		return 0;
	args->cap_offset = sizeof(*args);
	ranges.header.next = sizeof(*args) + length;
	migration.header.next = ranges.header.next + sizeof(migration);
	available.header.next = kernel->loop ? ranges.header.next : 0;
	memcpy(at, &ranges, sizeof(ranges));
	for (unsigned int i = 0; i < kernel->ranges; i++) {
		struct vfio_iova_range range = { .start = i << 20, .end = (i << 20) + 0xfffff };

		memcpy(at + sizeof(ranges) + i * sizeof(range), &range, sizeof(range));
	}
	memcpy(at + length, &migration, sizeof(migration));
	memcpy(at + length + sizeof(migration), &available, sizeof(available));
	return 0;
}

int fake_container_ioctl(struct fake_kernel *kernel, unsigned long request, void *argument)
{
	struct vfio_iommu_type1_dma_map *map = argument;
	struct vfio_iommu_type1_dma_unmap *unmap = argument;
	uint64_t unmapped;
	int ret;

	switch (request) {
	case VFIO_GET_API_VERSION:
		return VFIO_API_VERSION;
	case VFIO_CHECK_EXTENSION:
		if ((uintptr_t)argument == VFIO_UNMAP_ALL)
			return kernel->unmap_all;
		return (uintptr_t)argument == VFIO_TYPE1v2_IOMMU;
	case VFIO_SET_IOMMU:
		if (!kernel->group_in_container || (uintptr_t)argument != VFIO_TYPE1v2_IOMMU)
			return -EINVAL;
		kernel->iommu_set = true;
		if (!kernel->compat_ioas)
			kernel->compat_ioas = (uint32_t)fake_object_new(kernel, FAKE_IOAS, 0, 0);
		return 0;
	}
	if (!kernel->iommu_set)
		return -EINVAL;
	switch (request) {
	case VFIO_IOMMU_GET_INFO:
		return iommu_info(kernel, argument);
	case VFIO_IOMMU_MAP_DMA:
		memcpy(kernel->last, map, sizeof(*map));
		return fake_map(kernel, map->iova, map->size, map->flags);
	case VFIO_IOMMU_UNMAP_DMA:
		memcpy(kernel->last, unmap, unmap->argsz);
		if (unmap->flags & VFIO_DMA_UNMAP_FLAG_ALL)
			ret = fake_unmap(kernel, 0, UINT64_MAX, &unmapped);
		else
			ret = fake_unmap(kernel, unmap->iova, unmap->size, &unmapped);
		unmap->size = unmapped;
		return ret;
	case VFIO_IOMMU_DIRTY_PAGES:
		memcpy(kernel->last, argument,
		       ((struct vfio_iommu_type1_dirty_bitmap *)argument)->argsz);
		return 0;
	default:
		return -ENOTTY;
	}
}

int fake_group_ioctl(struct fake_kernel *kernel, unsigned long request, void *argument)
{
	struct vfio_group_status *status = argument;
	struct fake_fd *container;

	switch (request) {
	case VFIO_GROUP_GET_STATUS:
		status->flags = VFIO_GROUP_FLAGS_VIABLE |
				(kernel->group_in_container ? VFIO_GROUP_FLAGS_CONTAINER_SET : 0);
		return 0;
	case VFIO_GROUP_SET_CONTAINER:
		container = fake_kernel_fd(kernel, *(int *)argument);
		if (!container ||
		    (container->file != FAKE_CONTAINER && container->file != FAKE_IOMMU))
			return -EBADF;
		kernel->group_in_container = true;
		return 0;
	case VFIO_GROUP_UNSET_CONTAINER:
		kernel->group_in_container = false;
		kernel->iommu_set = false;
		return 0;
	case VFIO_GROUP_GET_DEVICE_FD:
		g_strlcpy((char *)kernel->last, argument, sizeof(kernel->last));
		if (!kernel->group_in_container || !g_str_has_prefix(argument, FAKE_BDF))
			return -ENODEV;
		return fake_fd_new(kernel, FAKE_DEVICE);
	default:
		return -ENOTTY;
	}
}

/* BAR0 can be mapped except for its second half, and is of a driver's type. */
static int region_info(struct fake_kernel *kernel, struct vfio_region_info *args)
{
	struct {
		struct vfio_region_info_cap_type type;
		struct vfio_info_cap_header msix;
		/* struct vfio_region_info_cap_sparse_mmap, whose areas follow. */
		struct vfio_info_cap_header sparse;
		__u32 nr_areas, reserved;
		struct vfio_region_sparse_mmap_area area;
	} capabilities = {
		.type = { .header = { .id = VFIO_REGION_INFO_CAP_TYPE, .version = 1 },
			  .type = 3,
			  .subtype = 4 },
		.msix = { .id = VFIO_REGION_INFO_CAP_MSIX_MAPPABLE, .version = 1 },
		.sparse = { .id = VFIO_REGION_INFO_CAP_SPARSE_MMAP, .version = 1 },
		.nr_areas = 1,
		.area = { .offset = 0, .size = FAKE_BAR_SIZE / 2 },
	};
	uint32_t room = args->argsz;

	if (args->index >= VFIO_PCI_NUM_REGIONS)
		return -EINVAL;
	args->flags = 0;
	args->size = 0;
	if (args->index == VFIO_PCI_CONFIG_REGION_INDEX) {
		args->size = sizeof(kernel->config);
		args->offset = FAKE_CONFIG_OFFSET;
		args->flags = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE;
	}
	if (args->index == VFIO_PCI_BAR1_REGION_INDEX) {
		args->size = FAKE_BAR_SIZE;
		args->offset = FAKE_BAR_OFFSET;
		args->flags = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_MMAP;
	}
	if (args->index != VFIO_PCI_BAR0_REGION_INDEX)
		return 0;
	args->size = FAKE_BAR_SIZE;
	args->offset = FAKE_BAR_OFFSET;
	args->flags = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE |
		      VFIO_REGION_INFO_FLAG_MMAP | VFIO_REGION_INFO_FLAG_CAPS;
	args->argsz = sizeof(*args) + sizeof(capabilities);
	if (room < args->argsz)
		return 0;
	args->cap_offset = sizeof(*args);
	capabilities.type.header.next = sizeof(*args) + sizeof(capabilities.type);
	capabilities.msix.next = capabilities.type.header.next + sizeof(capabilities.msix);
	if (kernel->loop)
		capabilities.nr_areas = 1000;
	memcpy(args + 1, &capabilities, sizeof(capabilities));
	return 0;
}

static int irq_info(struct fake_kernel *kernel, struct vfio_irq_info *args)
{
	if (args->index >= VFIO_PCI_NUM_IRQS)
		return -EINVAL;
	args->count = args->index == VFIO_PCI_MSIX_IRQ_INDEX
			      ? FAKE_VECTORS
			      : args->index == VFIO_PCI_INTX_IRQ_INDEX;
	args->flags = args->count ? VFIO_IRQ_INFO_EVENTFD : 0;
	return 0;
}

static int set_irqs(struct fake_kernel *kernel, const struct vfio_irq_set *args)
{
	memcpy(kernel->last, args, MIN(args->argsz, sizeof(kernel->last)));
	if (!(args->flags & VFIO_IRQ_SET_ACTION_TRIGGER))
		return args->index == VFIO_PCI_INTX_IRQ_INDEX ? 0 : -ENOTTY;
	if (args->flags & VFIO_IRQ_SET_DATA_EVENTFD) {
		if (args->count > kernel->vectors_available)
			return (int)kernel->vectors_available;
		memcpy(kernel->irq_fds, args->data, args->count * sizeof(int));
		kernel->irqs = args->count;
		return 0;
	}
	if (!args->count) {
		kernel->irqs = 0;
		return 0;
	}
	for (uint32_t i = args->start; i < args->start + args->count; i++)
		fake_kernel_fd(kernel, kernel->irq_fds[i])->count++;
	return 0;
}

static int hot_reset_info(struct vfio_pci_hot_reset_info *args)
{
	args->flags = VFIO_PCI_HOT_RESET_FLAG_DEV_ID;
	args->count = 3;
	if (args->argsz < sizeof(*args) + 3 * sizeof(args->devices[0]))
		return -ENOSPC;
	for (int i = 0; i < 3; i++)
		args->devices[i] = (struct vfio_pci_dependent_device){ .devfn = i, .bus = 1 };
	return 0;
}

static int feature(struct fake_kernel *kernel, struct vfio_device_feature *args)
{
	struct vfio_device_feature_migration *migration = (void *)args->data;
	struct vfio_device_feature_mig_state *state = (void *)args->data;
	struct vfio_device_feature_mig_data_size *size = (void *)args->data;

	memcpy(kernel->last, args, MIN(args->argsz, sizeof(kernel->last)));
	if (args->flags & VFIO_DEVICE_FEATURE_PROBE)
		return (args->flags & VFIO_DEVICE_FEATURE_MASK) < 12 ? 0 : -ENOTTY;
	switch (args->flags & VFIO_DEVICE_FEATURE_MASK) {
	case VFIO_DEVICE_FEATURE_MIGRATION:
		migration->flags = VFIO_MIGRATION_STOP_COPY;
		return 0;
	case VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE:
		if (args->flags & VFIO_DEVICE_FEATURE_SET)
			state->data_fd = 77;
		else
			state->device_state = VFIO_DEVICE_STATE_RUNNING;
		return 0;
	case VFIO_DEVICE_FEATURE_MIG_DATA_SIZE:
		size->stop_copy_length = 12345;
		return 0;
	case VFIO_DEVICE_FEATURE_DMA_BUF:
		return fake_fd_new(kernel, FAKE_OTHER);
	default:
		return 0;
	}
}

void fake_device_closed(struct fake_kernel *kernel)
{
	/* The kernel detaches and unbinds a device whose file is closed. */
	kernel->attached = 0;
	for (unsigned int i = 0; i < FAKE_OBJECTS; i++)
		if (kernel->objects[i].type == FAKE_BOUND)
			kernel->objects[i].type = FAKE_NONE;
}

/* One that nobody asks for, then what the root complex does of atomic operations. */
static int device_capabilities(struct fake_kernel *kernel, struct vfio_device_info *info)
{
	struct {
		struct vfio_device_info info;
		struct vfio_info_cap_header other;
		struct vfio_device_info_cap_pci_atomic_comp atomic;
	} *whole = (void *)info;

	if (!kernel->device_capabilities)
		return 0;
	info->flags |= VFIO_DEVICE_FLAGS_CAPS;
	info->cap_offset = 0;
	if (info->argsz >= sizeof(*whole)) {
		info->cap_offset = offsetof(typeof(*whole), other);
		whole->other.id = VFIO_DEVICE_INFO_CAP_ZPCI_BASE;
		whole->other.next = kernel->loop ? offsetof(typeof(*whole), other)
						 : offsetof(typeof(*whole), atomic);
		whole->atomic.header.id = VFIO_DEVICE_INFO_CAP_PCI_ATOMIC_COMP;
		whole->atomic.flags = VFIO_PCI_ATOMIC_COMP32 | VFIO_PCI_ATOMIC_COMP128;
	}
	info->argsz = sizeof(*whole);
	return 0;
}

int fake_device_ioctl(struct fake_kernel *kernel, unsigned long request, void *argument)
{
	struct vfio_device_attach_iommufd_pt *attach = argument;
	struct vfio_device_bind_iommufd *bind = argument;
	struct vfio_device_info *info = argument;
	int id;

	switch (request) {
	case VFIO_DEVICE_GET_INFO:
		info->num_regions = VFIO_PCI_NUM_REGIONS;
		info->num_irqs = VFIO_PCI_NUM_IRQS;
		return device_capabilities(kernel, info);
	case VFIO_DEVICE_GET_REGION_INFO:
		return region_info(kernel, argument);
	case VFIO_DEVICE_GET_IRQ_INFO:
		return irq_info(kernel, argument);
	case VFIO_DEVICE_SET_IRQS:
		return set_irqs(kernel, argument);
	case VFIO_DEVICE_RESET:
		return 0;
	case VFIO_DEVICE_GET_PCI_HOT_RESET_INFO:
		return hot_reset_info(argument);
	case VFIO_DEVICE_PCI_HOT_RESET:
		memcpy(kernel->last, argument, ((struct vfio_pci_hot_reset *)argument)->argsz);
		return 0;
	case VFIO_DEVICE_FEATURE:
		return feature(kernel, argument);
	case VFIO_DEVICE_IOEVENTFD:
		memcpy(kernel->last, argument, sizeof(struct vfio_device_ioeventfd));
		return 0;
	case VFIO_DEVICE_BIND_IOMMUFD:
		memcpy(kernel->last, bind, bind->argsz);
		id = fake_object_new(kernel, FAKE_BOUND, 0, 0);
		bind->out_devid = (uint32_t)id;
		return id < 0 ? id : 0;
	case VFIO_DEVICE_ATTACH_IOMMUFD_PT:
		memcpy(kernel->last, attach, attach->argsz);
		if (attach->pt_id >= FAKE_OBJECTS || !kernel->objects[attach->pt_id].type)
			return -ENOENT;
		if (!(attach->flags & VFIO_DEVICE_ATTACH_PASID))
			kernel->attached = attach->pt_id;
		return 0;
	case VFIO_DEVICE_DETACH_IOMMUFD_PT:
		memcpy(kernel->last, argument,
		       ((struct vfio_device_detach_iommufd_pt *)argument)->argsz);
		kernel->attached = 0;
		return 0;
	default:
		return -ENOTTY;
	}
}
