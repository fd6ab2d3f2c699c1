/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
#ifndef IOMMUT_IRQ_H
#define IOMMUT_IRQ_H

#include <iommut/device.h>
#include <iommut/types.h>

IOMMUT_BEGIN

/**
 * enum iommut_irq_kind - the kinds of interrupt VFIO has for a PCI function
 * @IOMMUT_INTX: the interrupt pin; VFIO masks it each time until iommut_irqs_unmask()
 * @IOMMUT_MSI: message signalled
 * @IOMMUT_MSIX: message signalled, with a table
 * @IOMMUT_IRQ_ERROR: VFIO tells of an uncorrectable error
 * @IOMMUT_IRQ_REQUEST: VFIO asks for the device back (it is being removed or unbound)
 */
enum iommut_irq_kind {
	IOMMUT_INTX,
	IOMMUT_MSI,
	IOMMUT_MSIX,
	IOMMUT_IRQ_ERROR,
	IOMMUT_IRQ_REQUEST,
};

/**
 * struct iommut_irqs - enabled interrupts of one kind, each with an eventfd
 */
struct iommut_irqs;

/**
 * iommut_irq_count() - how many interrupts of a kind a device has
 * @device: a device
 * @kind: the kind
 * @count: where the number is stored, 0 if it has none
 * @flags: where VFIO_IRQ_INFO_* are stored; may be NULL
 *
 * VFIO_DEVICE_GET_IRQ_INFO.
 *
 * Return: 0, -EINVAL for a kind the kernel has not.
 */
int iommut_irq_count(struct iommut_device *device, enum iommut_irq_kind kind, uint32_t *count,
		     uint32_t *flags);

/**
 * iommut_irqs_open() - enable interrupts, each signalling an eventfd of its own
 * @irqs: where the object is stored
 * @device: the device, which must outlive the object
 * @kind: the kind; a device can have only one of INTx, MSI and MSI-X enabled
 * @count: how many, from 0 on
 *
 * VFIO_DEVICE_SET_IRQS with VFIO_IRQ_SET_DATA_EVENTFD and ACTION_TRIGGER.
 *
 * Return: 0, -EINVAL for more than the device has or another kind being enabled, -ENOSPC if the
 * system has no vectors left, -ENOMEM.
 */
int iommut_irqs_open(struct iommut_irqs **irqs, struct iommut_device *device,
		     enum iommut_irq_kind kind, uint32_t count);

/**
 * iommut_irqs_close() - disable the interrupts
 * @irqs: an object, or NULL
 *
 * After it has returned no eventfd of it is signalled.
 */
void iommut_irqs_close(struct iommut_irqs *irqs);

/**
 * iommut_irqs_count() - how many interrupts an object holds
 * @irqs: an object
 *
 * Return: the number given to iommut_irqs_open().
 */
uint32_t iommut_irqs_count(const struct iommut_irqs *irqs);

/**
 * iommut_irqs_eventfd() - the eventfd of an interrupt, to be polled beside others
 * @irqs: an object
 * @vector: number of the interrupt
 *
 * Return: the file descriptor, which belongs to the object, or -EINVAL.
 */
int iommut_irqs_eventfd(const struct iommut_irqs *irqs, uint32_t vector);

/**
 * iommut_irqs_wait() - wait for an interrupt
 * @irqs: an object
 * @vector: number of the interrupt
 * @timeout_ms: longest wait in milliseconds; 0 only looks
 * @count: how many arrived since it was last read; may be NULL
 *
 * Return: 0, -ETIMEDOUT, -EINVAL.
 */
int iommut_irqs_wait(struct iommut_irqs *irqs, uint32_t vector, int timeout_ms, uint64_t *count);

/**
 * iommut_irqs_mask() - mask interrupts
 * @irqs: an object
 * @vector: first
 * @count: how many
 *
 * Return: 0, or -EINVAL or -ENOTTY where VFIO cannot (MSI and MSI-X today).
 */
int iommut_irqs_mask(struct iommut_irqs *irqs, uint32_t vector, uint32_t count);

/**
 * iommut_irqs_unmask() - unmask interrupts
 * @irqs: an object
 * @vector: first
 * @count: how many
 *
 * Return: as iommut_irqs_mask().
 */
int iommut_irqs_unmask(struct iommut_irqs *irqs, uint32_t vector, uint32_t count);

/**
 * iommut_irqs_unmask_eventfd() - let an eventfd unmask INTx from within the kernel
 * @irqs: an INTx object
 * @fd: an eventfd, or -1 to undo
 *
 * Return: 0, -EINVAL, or the error of ioctl(2).
 */
int iommut_irqs_unmask_eventfd(struct iommut_irqs *irqs, int fd);

/**
 * iommut_irqs_trigger() - let VFIO signal eventfds as if the device had interrupted
 * @irqs: an object
 * @vector: first
 * @count: how many
 *
 * Return: 0, -EINVAL.
 */
int iommut_irqs_trigger(struct iommut_irqs *irqs, uint32_t vector, uint32_t count);

IOMMUT_END

#endif /* IOMMUT_IRQ_H */
