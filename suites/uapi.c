// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The format every ioctl of /dev/iommu follows (iommufd.h, "General ioctl format"; Documentation/userspace-api/iommufd.rst):
 * a size first, unknown bytes behind must be zero, unknown flags and reserved fields are refused, objects are looked up by ID
 * and type. No device is needed: what is wrong is found before one is touched.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "suites/uapi-support.h"

SUITE("uapi", "the kernel's interface itself: what it must refuse, and with which error");

/* clang-format off */
#define ALL_COMMANDS                                                                               \
	PARAMETER("command", "destroy", "ioas-alloc", "ioas-allow-iovas", "ioas-copy",             \
		  "ioas-iova-ranges", "ioas-map", "ioas-map-file", "ioas-unmap",                   \
		  "ioas-change-process", "option", "vfio-ioas", "hwpt-alloc", "hw-info",           \
		  "hwpt-set-dirty-tracking", "hwpt-get-dirty-bitmap", "hwpt-invalidate",           \
		  "fault-queue-alloc", "viommu-alloc", "vdevice-alloc", "veventq-alloc",           \
		  "hw-queue-alloc", "ioas-noiommu-get-pa")
#define COMMANDS_WITH_FLAGS                                                                        \
	PARAMETER("command", "ioas-alloc", "ioas-copy", "ioas-map", "ioas-map-file", "hw-info",    \
		  "hwpt-set-dirty-tracking", "hwpt-get-dirty-bitmap", "fault-queue-alloc",         \
		  "viommu-alloc", "veventq-alloc", "hw-queue-alloc", "ioas-noiommu-get-pa")
#define COMMANDS_WITH_RESERVED                                                                     \
	PARAMETER("command", "ioas-allow-iovas", "ioas-iova-ranges", "ioas-map",                   \
		  "ioas-change-process", "option", "vfio-ioas", "hwpt-alloc",                      \
		  "hwpt-get-dirty-bitmap", "hwpt-invalidate", "veventq-alloc",                     \
		  "ioas-noiommu-get-pa")
#define COMMANDS_WITH_OBJECT                                                                       \
	PARAMETER("command", "destroy", "ioas-allow-iovas", "ioas-copy", "ioas-iova-ranges",       \
		  "ioas-map", "ioas-map-file", "ioas-unmap", "option", "vfio-ioas", "hwpt-alloc",  \
		  "hw-info", "hwpt-set-dirty-tracking", "hwpt-get-dirty-bitmap",                   \
		  "hwpt-invalidate", "viommu-alloc", "vdevice-alloc", "veventq-alloc",             \
		  "hw-queue-alloc", "ioas-noiommu-get-pa")
/* clang-format on */

static const struct command *command_of(struct test *t)
{
	const struct command *command = command_find(param(t, "command"));

	if (!command)
		fail(t, "no such command: %s", param(t, "command"));
	return command;
}

/* An ioctl the kernel was built without cannot be judged. */
static void skip_if_unknown(struct test *t, int result)
{
	if (result == -ENOTTY)
		skip(t, "the kernel does not know this ioctl", "a newer kernel");
}

/* What a call that succeeds makes goes with the iommufd, but for a descriptor of its own. */
static void close_descriptor(const struct command *command, const void *args)
{
	if (command->request == IOMMU_FAULT_QUEUE_ALLOC)
		close((int)((const struct iommu_fault_alloc *)args)->out_fault_fd);
}

static int call(struct iommut_handle iommufd, const struct command *command, void *args)
{
	int result = iommut_ioctl_raw(iommufd, command->request, args);

	if (result == 0)
		close_descriptor(command, args);
	return result;
}

CASE(size_too_small,
     .proves = "an ioctl structure shorter than its first version is refused with EINVAL",
     .rule = "iommufd.h: General ioctl format", .devices = NO_DEVICE, .marks = LIST("smoke"),
     .parameters = { ALL_COMMANDS })
{
	const struct command *command = command_of(t);
	struct iommut_handle iommufd = open_iommufd(t);
	uint8_t *buffer = new_pages(t, 1);

	command_prepare(command, buffer, UNUSED_ID);
	skip_if_unknown(t, call(iommufd, command, buffer));
	for (uint32_t size = 0; size < command->minimum; size++) {
		command_prepare(command, buffer, UNUSED_ID);
		memcpy(buffer, &size, sizeof(size));
		expect_errno(t, call(iommufd, command, buffer), EINVAL);
	}
}

CASE(unknown_bytes,
     .proves = "bytes behind the structure the kernel knows are refused with E2BIG, and ignored "
	       "when they are zero",
     .rule = "iommufd.h: General ioctl format, E2BIG", .devices = NO_DEVICE, .marks = LIST("smoke"),
     .parameters = { ALL_COMMANDS })
{
	const struct command *command = command_of(t);
	struct iommut_handle iommufd = open_iommufd(t);
	uint8_t *buffer = new_pages(t, 1);
	const uint32_t size = COMMAND_BUFFER;
	int exact;

	command_prepare(command, buffer, UNUSED_ID);
	exact = call(iommufd, command, buffer);
	skip_if_unknown(t, exact);
	command_prepare(command, buffer, UNUSED_ID);
	memcpy(buffer, &size, sizeof(size));
	expect_equal(t, (uint64_t)call(iommufd, command, buffer), (uint64_t)exact);
	command_prepare(command, buffer, UNUSED_ID);
	memcpy(buffer, &size, sizeof(size));
	buffer[COMMAND_BUFFER - 1] = 1;
	expect_errno(t, call(iommufd, command, buffer), E2BIG);
}

CASE(unknown_flag, .proves = "a flag the kernel does not know is refused with EOPNOTSUPP",
     .rule = "iommufd.h: General ioctl format, EOPNOTSUPP", .devices = NO_DEVICE,
     .marks = LIST("smoke"), .parameters = { COMMANDS_WITH_FLAGS })
{
	const struct command *command = command_of(t);
	struct iommut_handle iommufd = open_iommufd(t);
	uint8_t *buffer = new_pages(t, 1);
	uint32_t flags;

	command_prepare(command, buffer, UNUSED_ID);
	skip_if_unknown(t, call(iommufd, command, buffer));
	/* The highest bits: those that a later kernel will use last. */
	for (int bit = 24; bit < 32; bit++) {
		command_prepare(command, buffer, UNUSED_ID);
		memcpy(&flags, buffer + command->flags, sizeof(flags));
		flags |= 1u << bit;
		memcpy(buffer + command->flags, &flags, sizeof(flags));
		expect_errno(t, call(iommufd, command, buffer), EOPNOTSUPP);
	}
}

CASE(reserved_field, .proves = "a reserved field that is not zero is refused with EOPNOTSUPP",
     .rule = "iommufd.h: General ioctl format, EOPNOTSUPP", .devices = NO_DEVICE,
     .parameters = { COMMANDS_WITH_RESERVED })
{
	const struct command *command = command_of(t);
	struct iommut_handle iommufd = open_iommufd(t);
	uint8_t *buffer = new_pages(t, 1);

	command_prepare(command, buffer, UNUSED_ID);
	skip_if_unknown(t, call(iommufd, command, buffer));
	command_prepare(command, buffer, UNUSED_ID);
	buffer[command->reserved] = 1;
	expect_errno(t, call(iommufd, command, buffer), EOPNOTSUPP);
}

CASE(unknown_object, .proves = "an object ID that was never given out is refused with ENOENT",
     .rule = "iommufd.h: General ioctl format, ENOENT", .devices = NO_DEVICE,
     .marks = LIST("smoke"), .parameters = { COMMANDS_WITH_OBJECT })
{
	const struct command *command = command_of(t);
	struct iommut_handle iommufd = open_iommufd(t);
	uint8_t *buffer = new_pages(t, 1);
	static const uint32_t ids[] = { 0, 1, UNUSED_ID, UINT32_MAX };

	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		int result;

		command_prepare(command, buffer, ids[i]);
		result = call(iommufd, command, buffer);
		skip_if_unknown(t, result);
		expect_errno(t, result, ENOENT);
	}
}

/* For the IOAS commands a fault queue is an object of another type; for all others an IOAS is. */
static uint32_t object_of_another_type(struct test *t, struct iommut_handle iommufd,
				       const struct command *command)
{
	uint32_t id;
	int fd;

	if (strncmp(command->name, "ioas", 4) != 0 && strcmp(command->name, "option") != 0 &&
	    strcmp(command->name, "vfio-ioas") != 0)
		return new_ioas(t, iommufd);
	expect_zero(t, iommut_fault_queue_alloc(iommufd, &id, &fd));
	close_later(t, fd);
	return id;
}

CASE(object_of_wrong_type,
     .proves = "the ID of an object of another type is refused as if it did not exist",
     .rule = "iommufd.h: General ioctl format, ENOENT", .devices = NO_DEVICE,
     .parameters = { COMMANDS_WITH_OBJECT },
     .excludes = LIST("command=destroy", "command=hwpt-invalidate"))
{
	const struct command *command = command_of(t);
	struct iommut_handle iommufd = open_iommufd(t);
	uint8_t *buffer = new_pages(t, 1);
	int result;

	command_prepare(command, buffer, object_of_another_type(t, iommufd, command));
	result = call(iommufd, command, buffer);
	skip_if_unknown(t, result);
	expect_errno(t, result, ENOENT);
}

CASE(unreadable_argument,
     .proves = "an argument that cannot be read, whole or from its second half on, is refused with "
	       "EFAULT",
     .rule = "ioctl(2): EFAULT", .devices = NO_DEVICE, .parameters = { ALL_COMMANDS })
{
	const struct command *command = command_of(t);
	struct iommut_handle iommufd = open_iommufd(t);
	uint8_t *buffer = new_pages(t, 1), *wall = forbidden_page(t);

	command_prepare(command, buffer, UNUSED_ID);
	skip_if_unknown(t, call(iommufd, command, buffer));
	expect_errno(t, call(iommufd, command, wall), EFAULT);
	/* The size can be read, the last bytes cannot. */
	memcpy(wall - 4, buffer, 4);
	expect_errno(t, call(iommufd, command, wall - 4), EFAULT);
}

CASE(unwritable_answer,
     .proves = "a command whose answer cannot be written fails with EFAULT and leaves no object "
	       "behind",
     .rule = "ioctl(2): EFAULT", .devices = NO_DEVICE,
     .parameters = { PARAMETER("command", "ioas-alloc", "fault-queue-alloc") })
{
	const struct command *command = command_of(t);
	struct iommut_handle iommufd = open_iommufd(t);
	uint8_t *buffer = new_pages(t, 1);

	command_prepare(command, buffer, 0);
	if (mprotect(buffer, PAGE, PROT_READ) != 0)
		fail(t, "mprotect: %s", strerror(errno));
	expect_errno(t, call(iommufd, command, buffer), EFAULT);
	/* The accounting mode can only be set while there is no object at all. */
	expect_zero(t, iommut_option_set(iommufd, IOMMU_OPTION_RLIMIT_MODE, 0, 0));
}

CASE(unknown_ioctl, .proves = "an ioctl number that does not exist is refused with ENOTTY",
     .rule = "iommufd.h: General ioctl format, ENOTTY", .devices = NO_DEVICE)
{
	struct iommut_handle iommufd = open_iommufd(t);
	uint8_t *buffer = new_pages(t, 1);

	buffer[0] = 64;
	/* The highest number of iommufd's range in Linux 7.3 is 0x95; 0xa0 is its kernel's own test command. */
	for (unsigned int number = 0xb0; number <= 0xff; number++)
		expect_errno(t, iommut_ioctl_raw(iommufd, _IO(IOMMUFD_TYPE, number), buffer),
			     ENOTTY);
	/* A right number of another kind: with a size in it. */
	expect_errno(t, iommut_ioctl_raw(iommufd, _IOWR(IOMMUFD_TYPE, 0x81, uint64_t), buffer),
		     ENOTTY);
}

CASE(wrong_file,
     .proves = "iommufd's ioctls on a closed or foreign file descriptor are refused with EBADF or "
	       "ENOTTY",
     .rule = "ioctl(2): EBADF, ENOTTY", .devices = NO_DEVICE, .parameters = { ALL_COMMANDS })
{
	const struct command *command = command_of(t);
	uint8_t *buffer = new_pages(t, 1);
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	expect_that(t, fd >= 0, "/dev/null: %s", strerror(errno));
	command_prepare(command, buffer, UNUSED_ID);
	expect_errno(t, call(iommut_handle(fd), command, buffer), ENOTTY);
	close(fd);
	expect_errno(t, call(iommut_handle(fd), command, buffer), EBADF);
}
