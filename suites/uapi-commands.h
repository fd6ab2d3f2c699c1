/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SUITES_UAPI_COMMANDS_H
#define SUITES_UAPI_COMMANDS_H

#include <stddef.h>
#include <stdint.h>

#include <linux/iommufd.h>

/* Where a command has no such field. */
#define NO_FIELD SIZE_MAX

/* Every iommufd structure fits in here with room behind it for bytes the kernel does not know. */
#define COMMAND_BUFFER 4096

/**
 * struct command - what the common rules of iommufd's ioctls need to know of one of them
 * @name: as case IDs spell it
 * @request: the ioctl's number
 * @size: bytes of the whole structure in the headers we are built with
 * @minimum: bytes of the structure as the kernel first had it: what it must at least be given
 * @flags: offset of a 32-bit flags field that is checked before any object is looked up
 * @reserved: offset of a field of 16 or 32 bits that must be zero, checked before any object is looked up
 * @object: offset of a 32-bit object ID that is looked up first of all
 * @writes_back: the kernel writes into the structure when the call succeeds without any device
 * @fill: fills the structure so that only the object may be wrong; the object and size are set by the caller. May be NULL.
 */
struct command {
	const char *name;
	unsigned long request;
	size_t size;
	size_t minimum;
	size_t flags;
	size_t reserved;
	size_t object;
	int writes_back;
	void (*fill)(void *args);
};

/**
 * command_find() - a command by name
 * @name: as case IDs spell it
 *
 * Return: the command; NULL if there is none.
 */
const struct command *command_find(const char *name);

/**
 * command_prepare() - fill a buffer with a well-formed call
 * @command: which
 * @buffer: COMMAND_BUFFER bytes
 * @object: ID to put where the command has its first object
 */
void command_prepare(const struct command *command, void *buffer, uint32_t object);

#endif /* SUITES_UAPI_COMMANDS_H */
