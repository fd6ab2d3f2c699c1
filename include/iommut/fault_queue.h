/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
#ifndef IOMMUT_FAULT_QUEUE_H
#define IOMMUT_FAULT_QUEUE_H

#include <linux/iommufd.h>

#include <iommut/space.h>
#include <iommut/types.h>

IOMMUT_BEGIN

/**
 * struct iommut_fault_queue - where I/O page faults are delivered and answered
 */
struct iommut_fault_queue;

/**
 * iommut_fault_queue_open() - make a fault queue
 * @queue: where the object is stored
 * @space: an iommufd space; the queue keeps it alive
 *
 * IOMMU_FAULT_QUEUE_ALLOC.
 *
 * Return: 0, -EOPNOTSUPP for other backends or kernels, -ENOMEM.
 */
int iommut_fault_queue_open(struct iommut_fault_queue **queue, struct iommut_space *space);

/**
 * iommut_fault_queue_close() - close a fault queue
 * @queue: an object, or NULL
 *
 * Objects that use the queue keep it alive. Faults that were not answered are answered by the
 * kernel.
 */
void iommut_fault_queue_close(struct iommut_fault_queue *queue);

/**
 * iommut_fault_queue_id() - the ID of a fault queue
 * @queue: a queue
 *
 * Return: the ID.
 */
uint32_t iommut_fault_queue_id(const struct iommut_fault_queue *queue);

/**
 * iommut_fault_queue_handle() - the queue's file descriptor, for polling and for raw reads and
 * writes
 * @queue: a queue
 *
 * Return: the handle; it belongs to the queue.
 */
struct iommut_handle iommut_fault_queue_handle(const struct iommut_fault_queue *queue);

/**
 * iommut_fault_queue_read() - the next page faults
 * @queue: a queue
 * @faults: where they are stored
 * @count: in: how many fit; out: how many there were
 * @timeout_ms: longest wait in milliseconds for the first; 0 only looks
 *
 * The kernel gives whole groups, as many as fit.
 *
 * Return: 0; -ETIMEDOUT, with @count 0; -EINVAL if there is room for none, or not for the next
 * group; -EBADMSG for half a record; or the error of read(2).
 */
int iommut_fault_queue_read(struct iommut_fault_queue *queue, struct iommu_hwpt_pgfault *faults,
			    size_t *count, int timeout_ms);

/**
 * iommut_fault_queue_respond() - answer a fault group
 * @queue: a queue
 * @cookie: of the last fault of the group
 * @code: IOMMUFD_PAGE_RESP_SUCCESS or IOMMUFD_PAGE_RESP_INVALID
 *
 * Return: 0, -EINVAL for a cookie that waits for no answer or an unknown code.
 */
int iommut_fault_queue_respond(struct iommut_fault_queue *queue, uint32_t cookie, uint32_t code);

IOMMUT_END

#endif /* IOMMUT_FAULT_QUEUE_H */
