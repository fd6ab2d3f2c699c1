// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
#include <errno.h>
#include <stdlib.h>

#include <iommut/fault_queue.h>
#include <iommut/iommufd.h>

#include "lib/hwpt.h"

int iommut_fault_queue_open(struct iommut_fault_queue **queue, struct iommut_space *space)
{
	struct iommut_fault_queue *new_queue;
	int fd, ret;

	if (space->backend != IOMMUT_IOMMUFD)
		return -EOPNOTSUPP;
	new_queue = sys_calloc(space_sys(space), 1, sizeof(*new_queue));
	if (!new_queue)
		return -ENOMEM;
	ret = iommut_fault_queue_alloc(space->file->handle, &new_queue->id, &fd);
	if (ret) {
		free(new_queue);
		return ret;
	}
	new_queue->users = 1;
	new_queue->handle.fd = fd;
	new_queue->handle.sys = space_sys(space);
	new_queue->space = space_get(space);
	*queue = new_queue;
	return 0;
}

void iommut_fault_queue_close(struct iommut_fault_queue *queue)
{
	if (!queue || atomic_fetch_sub(&queue->users, 1) > 1)
		return;
	/* The file holds a reference to the object: it has to go first. */
	iommut_handle_close(&queue->handle);
	iommut_destroy(queue->space->file->handle, queue->id);
	iommut_space_close(queue->space);
	free(queue);
}

uint32_t iommut_fault_queue_id(const struct iommut_fault_queue *queue)
{
	return queue->id;
}

struct iommut_handle iommut_fault_queue_handle(const struct iommut_fault_queue *queue)
{
	return queue->handle;
}

int iommut_fault_queue_read(struct iommut_fault_queue *queue, struct iommu_hwpt_pgfault *faults,
			    size_t *count, int timeout_ms)
{
	size_t room = *count;
	ssize_t got;
	int ret;

	*count = 0;
	if (!room)
		return -EINVAL;
	ret = sys_wait(queue->handle.sys, queue->handle.fd, timeout_ms);
	if (ret)
		return ret;
	got = sys_read(queue->handle.sys, queue->handle.fd, faults, room * sizeof(*faults));
	if (got < 0)
		return got == -EAGAIN ? -ETIMEDOUT : (int)got;
	/* An empty queue reads as nothing: somebody else took the faults since the wait. */
	if (got == 0)
		return -ETIMEDOUT;
	if (got % (ssize_t)sizeof(*faults))
		return -EBADMSG;
	*count = (size_t)got / sizeof(*faults);
	return 0;
}

int iommut_fault_queue_respond(struct iommut_fault_queue *queue, uint32_t cookie, uint32_t code)
{
	struct iommu_hwpt_page_response response = { .cookie = cookie, .code = code };
	ssize_t done = sys_write(queue->handle.sys, queue->handle.fd, &response, sizeof(response));

	if (done < 0)
		return (int)done;
	return done == sizeof(response) ? 0 : -EIO;
}
