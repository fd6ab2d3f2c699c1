/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
#ifndef IOMMUT_VIOMMU_H
#define IOMMUT_VIOMMU_H

#include <linux/iommufd.h>

#include <iommut/device.h>
#include <iommut/hwpt.h>
#include <iommut/types.h>

IOMMUT_BEGIN

/**
 * struct iommut_viommu - a virtual IOMMU: the slice of a physical one that a guest gets
 */
struct iommut_viommu;

/**
 * struct iommut_vdevice - a device as a virtual IOMMU knows it
 */
struct iommut_vdevice;

/**
 * struct iommut_veventq - a queue of events of a virtual IOMMU
 */
struct iommut_veventq;

/**
 * struct iommut_hw_queue - a queue of a virtual IOMMU that hardware serves
 */
struct iommut_hw_queue;

/**
 * iommut_viommu_open() - make a virtual IOMMU
 * @viommu: where the object is stored
 * @device: the device whose IOMMU backs it
 * @parent: page table made with IOMMU_HWPT_ALLOC_NEST_PARENT, kept alive
 * @type: enum iommu_viommu_type
 * @data: of the type, in and out, or NULL
 * @size: its size
 *
 * Return: as iommut_viommu_alloc().
 */
int iommut_viommu_open(struct iommut_viommu **viommu, struct iommut_device *device,
		       struct iommut_hwpt *parent, uint32_t type, void *data, uint32_t size);

/**
 * iommut_viommu_close() - destroy a virtual IOMMU
 * @viommu: an object, or NULL
 *
 * What is made from it keeps it alive.
 */
void iommut_viommu_close(struct iommut_viommu *viommu);

/**
 * iommut_viommu_id() - the ID of a virtual IOMMU
 * @viommu: an object
 *
 * Return: the ID.
 */
uint32_t iommut_viommu_id(const struct iommut_viommu *viommu);

/**
 * iommut_viommu_map() - map pages that a virtual IOMMU offers
 * @viommu: an object
 * @offset: as the kernel gave it in the type's data (out_vintf_mmap_offset)
 * @length: likewise, bytes
 * @address: where the address is stored, to be unmapped with munmap(2)
 *
 * Return: 0, -EINVAL, -ENXIO, -EAGAIN.
 */
int iommut_viommu_map(struct iommut_viommu *viommu, uint64_t offset, uint64_t length,
		      void **address);

/**
 * iommut_vdevice_open() - tell a virtual IOMMU of a device
 * @vdevice: where the object is stored
 * @viommu: the virtual IOMMU, kept alive
 * @device: the device
 * @virtual_id: its ID as the guest sees it
 *
 * Return: as iommut_vdevice_alloc().
 */
int iommut_vdevice_open(struct iommut_vdevice **vdevice, struct iommut_viommu *viommu,
			struct iommut_device *device, uint64_t virtual_id);

/**
 * iommut_vdevice_close() - destroy a virtual device
 * @vdevice: an object, or NULL; to be closed before its device
 */
void iommut_vdevice_close(struct iommut_vdevice *vdevice);

/**
 * iommut_vdevice_id() - the ID of a virtual device
 * @vdevice: an object
 *
 * Return: the ID.
 */
uint32_t iommut_vdevice_id(const struct iommut_vdevice *vdevice);

/**
 * struct iommut_vevent - an event of a virtual IOMMU
 * @flags: enum iommu_veventq_flag bits
 * @sequence: its number, modulo 2^31
 * @length: bytes of @data; 0 if events were lost at the end of the queue
 * @data: struct iommu_vevent_arm_smmuv3 or iommu_vevent_tegra241_cmdqv
 */
struct iommut_vevent {
	uint32_t flags;
	uint32_t sequence;
	uint32_t length;
	uint8_t data[64];
};

/**
 * iommut_veventq_open() - make an event queue
 * @veventq: where the object is stored
 * @viommu: the virtual IOMMU, kept alive
 * @type: enum iommu_veventq_type
 * @depth: events it holds
 *
 * Return: as iommut_veventq_alloc().
 */
int iommut_veventq_open(struct iommut_veventq **veventq, struct iommut_viommu *viommu,
			uint32_t type, uint32_t depth);

/**
 * iommut_veventq_close() - destroy an event queue
 * @veventq: an object, or NULL
 */
void iommut_veventq_close(struct iommut_veventq *veventq);

/**
 * iommut_veventq_handle() - the queue's file descriptor, for polling and raw reads
 * @veventq: an object
 *
 * Return: the handle; it belongs to the queue.
 */
struct iommut_handle iommut_veventq_handle(const struct iommut_veventq *veventq);

/**
 * iommut_veventq_read() - the next event
 * @veventq: an object
 * @event: where it is stored
 * @timeout_ms: longest wait in milliseconds; 0 only looks
 *
 * Return: 0, -ETIMEDOUT, -EBADMSG for half a record, or the error of read(2).
 */
int iommut_veventq_read(struct iommut_veventq *veventq, struct iommut_vevent *event,
			int timeout_ms);

/**
 * iommut_hw_queue_open() - make a hardware queue
 * @queue: where the object is stored
 * @viommu: the virtual IOMMU, kept alive
 * @type: enum iommu_hw_queue_type
 * @index: number of the queue; Tegra241 wants them made upwards and closed downwards
 * @parent_iova: its memory, as IOVA of the nesting parent
 * @length: bytes
 *
 * Return: as iommut_hw_queue_alloc().
 */
int iommut_hw_queue_open(struct iommut_hw_queue **queue, struct iommut_viommu *viommu,
			 uint32_t type, uint32_t index, uint64_t parent_iova, uint64_t length);

/**
 * iommut_hw_queue_close() - destroy a hardware queue
 * @queue: an object, or NULL
 */
void iommut_hw_queue_close(struct iommut_hw_queue *queue);

IOMMUT_END

#endif /* IOMMUT_VIOMMU_H */
