/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
#ifndef IOMMUT_HWPT_H
#define IOMMUT_HWPT_H

#include <linux/iommufd.h>

#include <iommut/device.h>
#include <iommut/fault_queue.h>
#include <iommut/space.h>
#include <iommut/types.h>

IOMMUT_BEGIN

/**
 * struct iommut_hwpt - a hardware page table
 */
struct iommut_hwpt;

struct iommut_viommu;

/**
 * iommut_hwpt_open() - make a page table with the mappings of a space
 * @hwpt: where the object is stored
 * @device: the device it is for, of the same /dev/iommu file as @space
 * @space: the space; the object keeps it alive
 * @flags: enum iommufd_hwpt_alloc_flags bits without IOMMU_HWPT_FAULT_ID_VALID
 * @queue: a fault queue, kept alive, or NULL
 *
 * Return: as iommut_hwpt_alloc().
 */
int iommut_hwpt_open(struct iommut_hwpt **hwpt, struct iommut_device *device,
		     struct iommut_space *space, uint32_t flags, struct iommut_fault_queue *queue);

/**
 * iommut_hwpt_open_nested() - make a page table whose first stage is the caller's
 * @hwpt: where the object is stored
 * @device: the device it is for
 * @parent: page table made with IOMMU_HWPT_ALLOC_NEST_PARENT, kept alive; NULL if @viommu is given
 * @viommu: a vIOMMU, kept alive; NULL if @parent is given
 * @queue: a fault queue, kept alive, or NULL
 * @type: enum iommu_hwpt_data_type
 * @data: the type's data
 * @size: its size
 *
 * Return: as iommut_hwpt_alloc_nested().
 */
int iommut_hwpt_open_nested(struct iommut_hwpt **hwpt, struct iommut_device *device,
			    struct iommut_hwpt *parent, struct iommut_viommu *viommu,
			    struct iommut_fault_queue *queue, uint32_t type, const void *data,
			    uint32_t size);

/**
 * iommut_hwpt_close() - destroy a page table
 * @hwpt: an object, or NULL
 *
 * What is made from it keeps it alive. Devices must be detached from it or attached elsewhere
 * before, or be closed.
 *
 * Return: 0, or -EBUSY if a device is attached; then nothing happened.
 */
int iommut_hwpt_close(struct iommut_hwpt *hwpt);

/**
 * iommut_hwpt_id() - the ID of a page table, to attach devices to
 * @hwpt: an object
 *
 * Return: the ID.
 */
uint32_t iommut_hwpt_id(const struct iommut_hwpt *hwpt);

/**
 * iommut_hwpt_handle() - the /dev/iommu file of a page table
 * @hwpt: an object
 *
 * Return: the handle; it belongs to the space.
 */
struct iommut_handle iommut_hwpt_handle(const struct iommut_hwpt *hwpt);

IOMMUT_END

#endif /* IOMMUT_HWPT_H */
