// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>

#include <linux/vfio.h>

#include <iommut/irq.h>
#include <iommut/vfio.h>

#include "lib/device.h"

struct iommut_irqs {
	struct iommut_device *device;
	uint32_t index;
	uint32_t count;
	int32_t *eventfds;
};

_Static_assert(IOMMUT_INTX == (int)VFIO_PCI_INTX_IRQ_INDEX &&
		       IOMMUT_MSI == (int)VFIO_PCI_MSI_IRQ_INDEX &&
		       IOMMUT_MSIX == (int)VFIO_PCI_MSIX_IRQ_INDEX &&
		       IOMMUT_IRQ_ERROR == (int)VFIO_PCI_ERR_IRQ_INDEX &&
		       IOMMUT_IRQ_REQUEST == (int)VFIO_PCI_REQ_IRQ_INDEX,
	       "a kind is VFIO's index");

int iommut_irq_count(struct iommut_device *device, enum iommut_irq_kind kind, uint32_t *count,
		     uint32_t *flags)
{
	struct vfio_irq_info info = { .argsz = sizeof(info), .index = (uint32_t)kind };
	int ret = iommut_vfio_device_get_irq_info_raw(device->handle, &info);

	if (ret)
		return ret;
	*count = info.count;
	if (flags)
		*flags = info.flags;
	return 0;
}

static void close_eventfds(struct iommut_irqs *irqs)
{
	for (uint32_t i = 0; i < irqs->count; i++)
		if (irqs->eventfds[i] >= 0)
			sys_close(irqs->device->handle.sys, irqs->eventfds[i]);
	free(irqs->eventfds);
	free(irqs);
}

int iommut_irqs_open(struct iommut_irqs **irqs, struct iommut_device *device,
		     enum iommut_irq_kind kind, uint32_t count)
{
	const struct iommut_syscalls *sys = device->handle.sys;
	struct iommut_irqs *new_irqs;
	uint32_t available;
	int ret;

	ret = iommut_irq_count(device, kind, &available, NULL);
	if (ret)
		return ret;
	if (!count || count > available)
		return -EINVAL;
	new_irqs = sys_calloc(sys, 1, sizeof(*new_irqs));
	if (!new_irqs)
		return -ENOMEM;
	new_irqs->eventfds = sys_calloc(sys, count, sizeof(*new_irqs->eventfds));
	if (!new_irqs->eventfds) {
		free(new_irqs);
		return -ENOMEM;
	}
	new_irqs->device = device;
	new_irqs->index = (uint32_t)kind;
	for (uint32_t i = 0; i < count; i++) {
		ret = sys_eventfd(sys, 0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (ret < 0)
			goto close;
		new_irqs->eventfds[i] = ret;
		new_irqs->count = i + 1;
	}
	ret = iommut_vfio_set_irqs(device->handle,
				   VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
				   new_irqs->index, 0, count, new_irqs->eventfds);
	/* A number above 0 is how many the system could give: none has been enabled. */
	if (ret > 0)
		ret = -ENOSPC;
	if (ret)
		goto close;
	*irqs = new_irqs;
	return 0;

close:
	close_eventfds(new_irqs);
	return ret;
}

void iommut_irqs_close(struct iommut_irqs *irqs)
{
	if (!irqs)
		return;
	iommut_vfio_set_irqs(irqs->device->handle,
			     VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER, irqs->index, 0,
			     0, NULL);
	close_eventfds(irqs);
}

uint32_t iommut_irqs_count(const struct iommut_irqs *irqs)
{
	return irqs->count;
}

int iommut_irqs_eventfd(const struct iommut_irqs *irqs, uint32_t vector)
{
	return vector < irqs->count ? irqs->eventfds[vector] : -EINVAL;
}

int iommut_irqs_wait(struct iommut_irqs *irqs, uint32_t vector, int timeout_ms, uint64_t *count)
{
	const struct iommut_syscalls *sys = irqs->device->handle.sys;
	uint64_t arrived;
	ssize_t done;
	int ret;

	if (vector >= irqs->count)
		return -EINVAL;
	ret = sys_wait(sys, irqs->eventfds[vector], timeout_ms);
	if (ret)
		return ret;
	done = sys_read(sys, irqs->eventfds[vector], &arrived, sizeof(arrived));
	if (done < 0)
		return done == -EAGAIN ? -ETIMEDOUT : (int)done;
	if (done != sizeof(arrived))
		return -EIO;
	if (count)
		*count = arrived;
	return 0;
}

static int act(struct iommut_irqs *irqs, uint32_t action, uint32_t vector, uint32_t count)
{
	if (vector >= irqs->count || count > irqs->count - vector)
		return -EINVAL;
	return iommut_vfio_set_irqs(irqs->device->handle, VFIO_IRQ_SET_DATA_NONE | action,
				    irqs->index, vector, count, NULL);
}

int iommut_irqs_mask(struct iommut_irqs *irqs, uint32_t vector, uint32_t count)
{
	return act(irqs, VFIO_IRQ_SET_ACTION_MASK, vector, count);
}

int iommut_irqs_unmask(struct iommut_irqs *irqs, uint32_t vector, uint32_t count)
{
	return act(irqs, VFIO_IRQ_SET_ACTION_UNMASK, vector, count);
}

int iommut_irqs_unmask_eventfd(struct iommut_irqs *irqs, int fd)
{
	int32_t eventfd = fd;

	if (irqs->index != VFIO_PCI_INTX_IRQ_INDEX)
		return -EINVAL;
	return iommut_vfio_set_irqs(irqs->device->handle,
				    VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_UNMASK,
				    irqs->index, 0, 1, &eventfd);
}

int iommut_irqs_trigger(struct iommut_irqs *irqs, uint32_t vector, uint32_t count)
{
	return act(irqs, VFIO_IRQ_SET_ACTION_TRIGGER, vector, count);
}
