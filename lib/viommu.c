// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <iommut/iommufd.h>
#include <iommut/viommu.h>

#include "lib/device.h"
#include "lib/hwpt.h"

struct iommut_vdevice {
	struct iommut_viommu *viommu;
	uint32_t id;
};

struct iommut_veventq {
	struct iommut_viommu *viommu;
	struct iommut_handle handle;
	uint32_t id;
	uint32_t data_length;
	size_t start;
	size_t end;
	uint8_t data[4096];
};

struct iommut_hw_queue {
	struct iommut_viommu *viommu;
	uint32_t id;
};

static struct iommut_handle file_of(const struct iommut_viommu *viommu)
{
	return viommu->parent->space->file->handle;
}

static struct iommut_viommu *get(struct iommut_viommu *viommu)
{
	atomic_fetch_add(&viommu->users, 1);
	return viommu;
}

int iommut_viommu_open(struct iommut_viommu **viommu, struct iommut_device *device,
		       struct iommut_hwpt *parent, uint32_t type, void *data, uint32_t size)
{
	struct iommut_space *space = parent->space;
	struct iommut_viommu *new_viommu;
	int ret;

	if (device->space->file != space->file)
		return -EINVAL;
	new_viommu = sys_calloc(space_sys(space), 1, sizeof(*new_viommu));
	if (!new_viommu)
		return -ENOMEM;
	ret = iommut_viommu_alloc(space->file->handle, type, device->dev_id, parent->id, data, size,
				  &new_viommu->id);
	if (ret) {
		free(new_viommu);
		return ret;
	}
	new_viommu->users = 1;
	new_viommu->parent = parent;
	atomic_fetch_add(&parent->users, 1);
	*viommu = new_viommu;
	return 0;
}

void iommut_viommu_close(struct iommut_viommu *viommu)
{
	if (!viommu || atomic_fetch_sub(&viommu->users, 1) > 1)
		return;
	iommut_destroy(file_of(viommu), viommu->id);
	hwpt_put(viommu->parent);
	free(viommu);
}

uint32_t iommut_viommu_id(const struct iommut_viommu *viommu)
{
	return viommu->id;
}

int iommut_viommu_map(struct iommut_viommu *viommu, uint64_t offset, uint64_t length,
		      void **address)
{
	struct iommut_handle file = file_of(viommu);

	return sys_mmap(file.sys, NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, file.fd,
			(off_t)offset, address);
}

int iommut_vdevice_open(struct iommut_vdevice **vdevice, struct iommut_viommu *viommu,
			struct iommut_device *device, uint64_t virtual_id)
{
	struct iommut_vdevice *new_vdevice =
		sys_calloc(file_of(viommu).sys, 1, sizeof(*new_vdevice));
	int ret;

	if (!new_vdevice)
		return -ENOMEM;
	ret = iommut_vdevice_alloc(file_of(viommu), viommu->id, device->dev_id, virtual_id,
				   &new_vdevice->id);
	if (ret) {
		free(new_vdevice);
		return ret;
	}
	new_vdevice->viommu = get(viommu);
	*vdevice = new_vdevice;
	return 0;
}

void iommut_vdevice_close(struct iommut_vdevice *vdevice)
{
	if (!vdevice)
		return;
	iommut_destroy(file_of(vdevice->viommu), vdevice->id);
	iommut_viommu_close(vdevice->viommu);
	free(vdevice);
}

uint32_t iommut_vdevice_id(const struct iommut_vdevice *vdevice)
{
	return vdevice->id;
}

/* Nothing in the queue tells how long an event is: that is the type's. */
static uint32_t event_length(uint32_t type)
{
	switch (type) {
	case IOMMU_VEVENTQ_TYPE_ARM_SMMUV3:
		return sizeof(struct iommu_vevent_arm_smmuv3);
	case IOMMU_VEVENTQ_TYPE_TEGRA241_CMDQV:
		return sizeof(struct iommu_vevent_tegra241_cmdqv);
	default:
		return 0;
	}
}

int iommut_veventq_open(struct iommut_veventq **veventq, struct iommut_viommu *viommu,
			uint32_t type, uint32_t depth)
{
	struct iommut_veventq *new_queue = sys_calloc(file_of(viommu).sys, 1, sizeof(*new_queue));
	int fd, ret;

	if (!new_queue)
		return -ENOMEM;
	ret = iommut_veventq_alloc(file_of(viommu), viommu->id, type, depth, &new_queue->id, &fd);
	if (ret) {
		free(new_queue);
		return ret;
	}
	new_queue->handle.fd = fd;
	new_queue->handle.sys = file_of(viommu).sys;
	new_queue->data_length = event_length(type);
	new_queue->viommu = get(viommu);
	*veventq = new_queue;
	return 0;
}

void iommut_veventq_close(struct iommut_veventq *veventq)
{
	if (!veventq)
		return;
	iommut_handle_close(&veventq->handle);
	iommut_destroy(file_of(veventq->viommu), veventq->id);
	iommut_viommu_close(veventq->viommu);
	free(veventq);
}

struct iommut_handle iommut_veventq_handle(const struct iommut_veventq *veventq)
{
	return veventq->handle;
}

static int refill(struct iommut_veventq *veventq, int timeout_ms)
{
	struct iommut_handle handle = veventq->handle;
	ssize_t got;
	int ret = sys_wait(handle.sys, handle.fd, timeout_ms);

	if (ret)
		return ret;
	got = sys_read(handle.sys, handle.fd, veventq->data, sizeof(veventq->data));
	if (got < 0)
		return got == -EAGAIN ? -ETIMEDOUT : (int)got;
	veventq->start = 0;
	veventq->end = (size_t)got;
	/* An empty queue reads as nothing: somebody else took the events since the wait. */
	return got ? 0 : -ETIMEDOUT;
}

int iommut_veventq_read(struct iommut_veventq *veventq, struct iommut_vevent *event, int timeout_ms)
{
	struct iommufd_vevent_header header;
	size_t left;
	int ret;

	if (veventq->start == veventq->end) {
		ret = refill(veventq, timeout_ms);
		if (ret)
			return ret;
	}
	left = veventq->end - veventq->start;
	if (left < sizeof(header))
		goto broken;
	memcpy(&header, veventq->data + veventq->start, sizeof(header));
	memset(event, 0, sizeof(*event));
	event->flags = header.flags;
	event->sequence = header.sequence;
	left -= sizeof(header);
	veventq->start += sizeof(header);
	if (header.flags & IOMMU_VEVENTQ_FLAG_LOST_EVENTS)
		return 0;
	if (left < veventq->data_length)
		goto broken;
	event->length = veventq->data_length;
	memcpy(event->data, veventq->data + veventq->start, event->length);
	veventq->start += event->length;
	return 0;

broken:
	veventq->start = 0;
	veventq->end = 0;
	return -EBADMSG;
}

int iommut_hw_queue_open(struct iommut_hw_queue **queue, struct iommut_viommu *viommu,
			 uint32_t type, uint32_t index, uint64_t parent_iova, uint64_t length)
{
	struct iommut_hw_queue *new_queue = sys_calloc(file_of(viommu).sys, 1, sizeof(*new_queue));
	int ret;

	if (!new_queue)
		return -ENOMEM;
	ret = iommut_hw_queue_alloc(file_of(viommu), viommu->id, type, index, parent_iova, length,
				    &new_queue->id);
	if (ret) {
		free(new_queue);
		return ret;
	}
	new_queue->viommu = get(viommu);
	*queue = new_queue;
	return 0;
}

void iommut_hw_queue_close(struct iommut_hw_queue *queue)
{
	if (!queue)
		return;
	iommut_destroy(file_of(queue->viommu), queue->id);
	iommut_viommu_close(queue->viommu);
	free(queue);
}
