// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/vfio.h>

#include "lib/info_caps.h"

/* Most answers fit at once. */
#define ANSWER_USUAL 256u

/* Far above any answer of a kernel; what is wanted beyond it is nonsense. */
#define ANSWER_MAX (1u << 20)

int info_read(struct iommut_handle handle, unsigned long request, const void *head,
	      uint32_t head_size, uint8_t **args, uint32_t *length)
{
	uint32_t room = head_size < ANSWER_USUAL ? ANSWER_USUAL : head_size;

	/* The answer can grow between two calls; each call says how much it wants. */
	for (;;) {
		uint8_t *answer = sys_calloc(handle.sys, 1, room);
		uint32_t wanted;
		int ret;

		if (!answer)
			return -ENOMEM;
		memcpy(answer, head, head_size);
		memcpy(answer, &room, sizeof(room));
		ret = sys_ioctl(handle.sys, handle.fd, request, answer);
		memcpy(&wanted, answer, sizeof(wanted));
		if (ret >= 0 && wanted <= room) {
			*args = answer;
			*length = wanted < head_size ? head_size : wanted;
			return 0;
		}
		free(answer);
		if (ret < 0)
			return ret;
		if (wanted > ANSWER_MAX)
			return -EBADMSG;
		room = wanted;
	}
}

int info_capabilities(const struct iommut_syscalls *sys, const uint8_t *args, uint32_t length,
		      uint32_t offset, info_capability_fn take, void *data)
{
	/* Each capability has a header: a list with more of them than fit must loop. */
	uint32_t left = length / sizeof(struct vfio_info_cap_header);

	while (offset) {
		struct vfio_info_cap_header header;
		int ret;

		if (!left-- || offset > length || length - offset < sizeof(header))
			return -EBADMSG;
		memcpy(&header, args + offset, sizeof(header));
		ret = take(data, header.id, args + offset, length - offset, sys);
		if (ret)
			return ret;
		offset = header.next;
	}
	return 0;
}

struct wanted {
	uint16_t id;
	void *data;
	size_t size;
	bool found;
};

static int take_wanted(void *data, uint16_t id, const uint8_t *capability, size_t room,
		       const struct iommut_syscalls *sys)
{
	struct wanted *wanted = data;

	if (id != wanted->id || wanted->found)
		return 0;
	if (room < wanted->size)
		return -EBADMSG;
	memcpy(wanted->data, capability, wanted->size);
	wanted->found = true;
	return 0;
}

int info_capability_copy(const uint8_t *args, uint32_t length, uint32_t offset, uint16_t id,
			 void *data, size_t size)
{
	struct wanted wanted = { .id = id, .data = data, .size = size };
	int ret = info_capabilities(NULL, args, length, offset, take_wanted, &wanted);

	return ret || wanted.found ? ret : -ENOENT;
}
