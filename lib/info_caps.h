/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
#ifndef LIB_INFO_CAPS_H
#define LIB_INFO_CAPS_H

#include <iommut/types.h>

#include "lib/syscalls.h"

/**
 * info_read() - call a VFIO ioctl that reports, with as much room as it wants
 * @handle: on what
 * @request: the ioctl; its structure starts with argsz
 * @head: the structure with what goes in
 * @head_size: its size, without capabilities
 * @args: where the whole answer is stored, to be freed with free(3)
 * @length: where its length is stored
 *
 * Return: 0, -ENOMEM, or the error of ioctl(2).
 */
int info_read(struct iommut_handle handle, unsigned long request, const void *head,
	      uint32_t head_size, uint8_t **args, uint32_t *length);

typedef int (*info_capability_fn)(void *data, uint16_t id, const uint8_t *capability, size_t room,
				  const struct iommut_syscalls *sys);

/**
 * info_capabilities() - go through the capabilities of such an answer
 * @sys: passed on
 * @args: the answer
 * @length: its length
 * @offset: of the first capability, 0 for none
 * @take: called for each, with the bytes from its header to the end of the answer; not 0 ends the
 *     walk
 * @data: passed on
 *
 * Return: 0, -EBADMSG for a list that loops or leaves the answer, or what @take returned.
 */
int info_capabilities(const struct iommut_syscalls *sys, const uint8_t *args, uint32_t length,
		      uint32_t offset, info_capability_fn take, void *data);

/**
 * info_capability_copy() - the first capability with an ID
 * @args: the answer
 * @length: its length
 * @offset: of the first capability, 0 for none
 * @id: which
 * @data: where it is stored from its header on
 * @size: of @data
 *
 * Return: 0, -ENOENT, or -EBADMSG for a list that loops or leaves the answer, or a capability with less than @size.
 */
int info_capability_copy(const uint8_t *args, uint32_t length, uint32_t offset, uint16_t id,
			 void *data, size_t size);

#endif /* LIB_INFO_CAPS_H */
