// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
#include <errno.h>
#include <stdlib.h>

#include <iommut/hwpt.h>
#include <iommut/iommufd.h>

#include "lib/device.h"
#include "lib/hwpt.h"

static int prepare(struct iommut_hwpt **hwpt, struct iommut_device *device,
		   struct iommut_space *space)
{
	struct iommut_hwpt *new_hwpt;

	if (space->backend != IOMMUT_IOMMUFD || device->space->backend != IOMMUT_IOMMUFD)
		return -EOPNOTSUPP;
	/* IDs mean nothing in another file. */
	if (space->file != device->space->file)
		return -EINVAL;
	new_hwpt = sys_calloc(space_sys(space), 1, sizeof(*new_hwpt));
	if (!new_hwpt)
		return -ENOMEM;
	new_hwpt->users = 1;
	*hwpt = new_hwpt;
	return 0;
}

static void finish(struct iommut_hwpt *hwpt, struct iommut_space *space,
		   struct iommut_fault_queue *queue)
{
	hwpt->space = space_get(space);
	hwpt->queue = queue;
	if (queue)
		atomic_fetch_add(&queue->users, 1);
}

int iommut_hwpt_open(struct iommut_hwpt **hwpt, struct iommut_device *device,
		     struct iommut_space *space, uint32_t flags, struct iommut_fault_queue *queue)
{
	struct iommut_hwpt *new_hwpt;
	int ret = prepare(&new_hwpt, device, space);

	if (ret)
		return ret;
	if (queue)
		flags |= IOMMU_HWPT_FAULT_ID_VALID;
	ret = iommut_hwpt_alloc(space->file->handle, device->dev_id, space->ioas_id, flags,
				queue ? queue->id : 0, &new_hwpt->id);
	if (ret) {
		free(new_hwpt);
		return ret;
	}
	finish(new_hwpt, space, queue);
	*hwpt = new_hwpt;
	return 0;
}

int iommut_hwpt_open_nested(struct iommut_hwpt **hwpt, struct iommut_device *device,
			    struct iommut_hwpt *parent, struct iommut_viommu *viommu,
			    struct iommut_fault_queue *queue, uint32_t type, const void *data,
			    uint32_t size)
{
	struct iommut_space *space;
	struct iommut_hwpt *new_hwpt;
	int ret;

	if (!parent == !viommu)
		return -EINVAL;
	space = parent ? parent->space : viommu->parent->space;
	ret = prepare(&new_hwpt, device, space);
	if (ret)
		return ret;
	ret = iommut_hwpt_alloc_nested(space->file->handle, device->dev_id,
				       parent ? parent->id : viommu->id,
				       queue ? IOMMU_HWPT_FAULT_ID_VALID : 0, queue ? queue->id : 0,
				       type, data, size, &new_hwpt->id);
	if (ret) {
		free(new_hwpt);
		return ret;
	}
	finish(new_hwpt, space, queue);
	if (parent)
		atomic_fetch_add(&parent->users, 1);
	if (viommu)
		atomic_fetch_add(&viommu->users, 1);
	new_hwpt->parent = parent;
	new_hwpt->viommu = viommu;
	*hwpt = new_hwpt;
	return 0;
}

static void release(struct iommut_hwpt *hwpt)
{
	hwpt_put(hwpt->parent);
	iommut_viommu_close(hwpt->viommu);
	iommut_fault_queue_close(hwpt->queue);
	iommut_space_close(hwpt->space);
	free(hwpt);
}

void hwpt_put(struct iommut_hwpt *hwpt)
{
	if (!hwpt || atomic_fetch_sub(&hwpt->users, 1) > 1)
		return;
	/* A failure leaves the object to the end of the file: nobody is left who could be told. */
	iommut_destroy(hwpt->space->file->handle, hwpt->id);
	release(hwpt);
}

int iommut_hwpt_close(struct iommut_hwpt *hwpt)
{
	int ret;

	if (!hwpt || atomic_fetch_sub(&hwpt->users, 1) > 1)
		return 0;
	ret = iommut_destroy(hwpt->space->file->handle, hwpt->id);
	if (ret == -EBUSY) {
		atomic_fetch_add(&hwpt->users, 1);
		return ret;
	}
	release(hwpt);
	return ret;
}

uint32_t iommut_hwpt_id(const struct iommut_hwpt *hwpt)
{
	return hwpt->id;
}

struct iommut_handle iommut_hwpt_handle(const struct iommut_hwpt *hwpt)
{
	return hwpt->space->file->handle;
}
