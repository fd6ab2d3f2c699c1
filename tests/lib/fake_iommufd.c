// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>

#include <glib.h>
#include <linux/iommufd.h>
#include <linux/vfio.h>

#include "tests/lib/fake_ioctl.h"

int fake_object_new(struct fake_kernel *kernel, enum fake_type type, uint32_t parent,
		    uint32_t other)
{
	/* ID 0 is never used, as in the kernel. */
	for (int i = 1; i < FAKE_OBJECTS; i++) {
		if (kernel->objects[i].type == FAKE_NONE) {
			kernel->objects[i].type = type;
			kernel->objects[i].parents[0] = parent;
			kernel->objects[i].parents[1] = other;
			return i;
		}
	}
	return -ENOSPC;
}

static bool exists(struct fake_kernel *kernel, uint32_t id, enum fake_type type)
{
	return id && id < FAKE_OBJECTS && kernel->objects[id].type == type;
}

static int destroy(struct fake_kernel *kernel, uint32_t id)
{
	if (!id || id >= FAKE_OBJECTS || kernel->objects[id].type == FAKE_NONE) {
		kernel->violations++;
		return -ENOENT;
	}
	for (int i = 0; i < FAKE_OBJECTS; i++)
		if (kernel->objects[i].type &&
		    (kernel->objects[i].parents[0] == id || kernel->objects[i].parents[1] == id))
			return -EBUSY;
	if (kernel->attached == id)
		return -EBUSY;
	kernel->objects[id].type = FAKE_NONE;
	return 0;
}

static int new_object(struct fake_kernel *kernel, enum fake_type type, uint32_t parent,
		      uint32_t other, __u32 *id)
{
	int ret = fake_object_new(kernel, type, parent, other);

	if (ret < 0)
		return ret;
	*id = (uint32_t)ret;
	return 0;
}

static int ranges(struct fake_kernel *kernel, struct iommu_ioas_iova_ranges *args)
{
	struct iommu_iova_range *to = (void *)(uintptr_t)args->allowed_iovas;
	uint32_t room = args->num_iovas;

	if (!exists(kernel, args->ioas_id, FAKE_IOAS))
		return -ENOENT;
	args->num_iovas = kernel->ranges;
	args->out_iova_alignment = 4096;
	if (room < kernel->ranges) {
		/* A kernel that asks for less than it was given is broken. */
		if (kernel->loop)
			args->num_iovas = room;
		return -EMSGSIZE;
	}
	for (unsigned int i = 0; i < kernel->ranges; i++)
		to[i] = (struct iommu_iova_range){ .start = i << 20, .last = (i << 20) + 0xfffff };
	return 0;
}

static int hw_info(struct fake_kernel *kernel, struct iommu_hw_info *args)
{
	struct iommu_hw_info_vtd vtd = { .cap_reg = 0xcafe, .ecap_reg = 0xecaf };

	if (!exists(kernel, args->dev_id, FAKE_BOUND))
		return -ENOENT;
	if (args->flags & IOMMU_HW_INFO_FLAG_INPUT_TYPE &&
	    args->in_data_type != IOMMU_HW_INFO_TYPE_INTEL_VTD)
		return -EOPNOTSUPP;
	memcpy((void *)(uintptr_t)args->data_uptr, &vtd, MIN(sizeof(vtd), args->data_len));
	args->data_len = sizeof(vtd);
	args->out_data_type = IOMMU_HW_INFO_TYPE_INTEL_VTD;
	args->out_max_pasid_log2 = 20;
	args->out_capabilities = IOMMU_HW_CAP_DIRTY_TRACKING;
	return 0;
}

static int hwpt_alloc(struct fake_kernel *kernel, struct iommu_hwpt_alloc *args)
{
	uint32_t fault = args->flags & IOMMU_HWPT_FAULT_ID_VALID ? args->fault_id : 0;

	if (!exists(kernel, args->dev_id, FAKE_BOUND) || args->pt_id >= FAKE_OBJECTS ||
	    !kernel->objects[args->pt_id].type || (fault && !exists(kernel, fault, FAKE_FAULT)))
		return -ENOENT;
	if (!args->data_type != !args->data_len)
		return -EINVAL;
	return new_object(kernel, FAKE_HWPT, args->pt_id, fault, &args->out_hwpt_id);
}

static int with_file(struct fake_kernel *kernel, enum fake_type type, uint32_t parent,
		     enum fake_file file, __u32 *id, __u32 *fd)
{
	int ret = new_object(kernel, type, parent, 0, id);
	int new_fd;

	if (ret)
		return ret;
	new_fd = fake_fd_new(kernel, file);
	if (new_fd < 0)
		return new_fd;
	*fd = (uint32_t)new_fd;
	return 0;
}

static int vfio_ioas(struct fake_kernel *kernel, struct iommu_vfio_ioas *args)
{
	switch (args->op) {
	case IOMMU_VFIO_IOAS_GET:
		if (!kernel->compat_ioas)
			return -ENODEV;
		args->ioas_id = kernel->compat_ioas;
		return 0;
	case IOMMU_VFIO_IOAS_SET:
		kernel->compat_ioas = args->ioas_id;
		return 0;
	default:
		kernel->compat_ioas = 0;
		return 0;
	}
}

int fake_iommufd_ioctl(struct fake_kernel *kernel, unsigned long request, void *argument)
{
	struct iommu_ioas_unmap *unmap = argument;
	struct iommu_ioas_map *map = argument;
	struct iommu_fault_alloc *fault = argument;
	struct iommu_viommu_alloc *viommu = argument;
	struct iommu_vdevice_alloc *vdevice = argument;
	struct iommu_veventq_alloc *veventq = argument;
	struct iommu_hw_queue_alloc *hw_queue = argument;
	struct iommu_option *option = argument;
	struct iommu_hwpt_invalidate *invalidate = argument;
	struct iommu_ioas_noiommu_get_pa *physical = argument;

	/* /dev/iommu in the role of a container. */
	if (_IOC_NR(request) < IOMMUFD_CMD_BASE)
		return fake_container_ioctl(kernel, request, argument);
	memcpy(kernel->last, argument, MIN(*(__u32 *)argument, sizeof(kernel->last)));
	switch (request) {
	case IOMMU_DESTROY:
		return destroy(kernel, ((struct iommu_destroy *)argument)->id);
	case IOMMU_IOAS_ALLOC:
		return new_object(kernel, FAKE_IOAS, 0, 0,
				  &((struct iommu_ioas_alloc *)argument)->out_ioas_id);
	case IOMMU_IOAS_IOVA_RANGES:
		return ranges(kernel, argument);
	case IOMMU_IOAS_MAP:
		if (!(map->flags & IOMMU_IOAS_MAP_FIXED_IOVA))
			map->iova = 0x100000;
		return fake_map(kernel, map->iova, map->length, map->flags);
	case IOMMU_IOAS_MAP_FILE:
		((struct iommu_ioas_map_file *)argument)->iova = 0x200000;
		return 0;
	case IOMMU_IOAS_COPY:
		((struct iommu_ioas_copy *)argument)->dst_iova = 0x300000;
		return 0;
	case IOMMU_IOAS_UNMAP:
		return fake_unmap(kernel, unmap->iova, unmap->length, (uint64_t *)&unmap->length);
	case IOMMU_OPTION:
		option->val64 = 9;
		return 0;
	case IOMMU_VFIO_IOAS:
		return vfio_ioas(kernel, argument);
	case IOMMU_HWPT_ALLOC:
		return hwpt_alloc(kernel, argument);
	case IOMMU_GET_HW_INFO:
		return hw_info(kernel, argument);
	case IOMMU_HWPT_INVALIDATE:
		invalidate->entry_num = 1;
		return invalidate->data_type ? -EIO : 0;
	case IOMMU_FAULT_QUEUE_ALLOC:
		return with_file(kernel, FAKE_FAULT, 0, FAKE_FAULT_QUEUE, &fault->out_fault_id,
				 &fault->out_fault_fd);
	case IOMMU_VIOMMU_ALLOC:
		return new_object(kernel, FAKE_VIOMMU, viommu->hwpt_id, 0, &viommu->out_viommu_id);
	case IOMMU_VDEVICE_ALLOC:
		return new_object(kernel, FAKE_VDEVICE, vdevice->viommu_id, 0,
				  &vdevice->out_vdevice_id);
	case IOMMU_VEVENTQ_ALLOC:
		return with_file(kernel, FAKE_EVENTS, veventq->viommu_id, FAKE_VEVENTQ,
				 &veventq->out_veventq_id, &veventq->out_veventq_fd);
	case IOMMU_HW_QUEUE_ALLOC:
		return new_object(kernel, FAKE_HW_QUEUE, hw_queue->viommu_id, 0,
				  &hw_queue->out_hw_queue_id);
	case IOMMU_IOAS_NOIOMMU_GET_PA:
		physical->out_phys = 0x1234000;
		physical->length = 4096;
		return 0;
	case IOMMU_IOAS_ALLOW_IOVAS:
	case IOMMU_IOAS_CHANGE_PROCESS:
	case IOMMU_HWPT_SET_DIRTY_TRACKING:
	case IOMMU_HWPT_GET_DIRTY_BITMAP:
		return 0;
	default:
		return -ENOTTY;
	}
}
