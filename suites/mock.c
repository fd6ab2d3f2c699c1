// SPDX-License-Identifier: GPL-2.0-or-later
/* The ioctl of Linux' iommufd tests. It is no uAPI: what is used here are its numbers and offsets, and a kernel that has others skips. */
#include <string.h>
#include <unistd.h>

#include "suites/mock.h"

#define MOCK_COMMAND _IO(IOMMUFD_TYPE, 0xa0)

enum operation {
	MOCK_DEVICE = 2,
	MOCK_DEVICE_REPLACE = 10,
	MOCK_DIRTY = 13,
	MOCK_CHECK_IOTLB = 14,
	MOCK_EVENT = 17,
};

struct command {
	uint32_t size;
	uint32_t operation;
	uint32_t id;
	uint32_t reserved;
	union {
		struct {
			uint32_t owner_id;
			uint32_t hwpt_id;
			uint32_t device_id;
		} device;
		uint32_t pt_id;
		struct {
			uint32_t flags;
			uint64_t iova;
			uint64_t length;
			uint64_t page_size;
			uint64_t bitmap;
			uint64_t count;
		} dirty;
		struct {
			uint32_t entry;
			uint32_t value;
		} iotlb;
		uint32_t device_id;
	};
	uint32_t end;
};

static int call(const struct mock *mock, enum operation operation, uint32_t id,
		struct command *command)
{
	command->size = offsetof(struct command, end) + sizeof(command->end);
	command->operation = operation;
	command->id = id;
	return iommut_ioctl_raw(mock->iommufd, MOCK_COMMAND, command);
}

static int make_device(struct mock *mock)
{
	struct command command = { 0 };
	int error = call(mock, MOCK_DEVICE, mock->ioas, &command);

	mock->owner_id = command.device.owner_id;
	mock->hwpt_id = command.device.hwpt_id;
	mock->device_id = command.device.device_id;
	return error;
}

struct mock mock_open(struct test *t)
{
	struct mock mock = { .t = t };
	int error = iommut_iommufd_open(&mock.iommufd);

	if (error == -EOPNOTSUPP)
		skip(t, "the kernel has no /dev/iommu", "a kernel with CONFIG_IOMMUFD");
	expect_zero(t, error);
	close_later(t, mock.iommufd.fd);
	expect_zero(t, iommut_ioas_alloc(mock.iommufd, &mock.ioas));
	error = make_device(&mock);
	if (error == -ENOTTY || error == -EINVAL || error == -EOPNOTSUPP)
		skip(t, "the kernel has no mock device, or one with other numbers",
		     "a kernel with CONFIG_IOMMUFD_TEST, such as the lab's");
	expect_zero(t, error);
	return mock;
}

struct mock mock_another(const struct mock *mock)
{
	struct mock another = *mock;

	expect_zero(mock->t, make_device(&another));
	return another;
}

int mock_destroy(struct mock *mock)
{
	return iommut_destroy(mock->iommufd, mock->owner_id);
}

int mock_replace(struct mock *mock, uint32_t pt_id)
{
	struct command command = { .pt_id = pt_id };

	return call(mock, MOCK_DEVICE_REPLACE, mock->owner_id, &command);
}

bool mock_iotlb_is(const struct mock *mock, uint32_t hwpt_id, uint32_t entry, uint32_t value)
{
	struct command command = { .iotlb = { entry, value } };

	return call(mock, MOCK_CHECK_IOTLB, hwpt_id, &command) == 0;
}

int mock_event(const struct mock *mock)
{
	struct command command = { .device_id = mock->device_id };

	return call(mock, MOCK_EVENT, 0, &command);
}

int mock_write(const struct mock *mock, uint32_t hwpt_id, uint64_t iova, uint64_t length,
	       uint64_t page_size, const uint64_t *bitmap)
{
	struct command command = { .dirty = { .iova = iova,
					      .length = length,
					      .page_size = page_size,
					      .bitmap = (uintptr_t)bitmap } };

	return call(mock, MOCK_DIRTY, hwpt_id, &command);
}

int mock_hwpt(const struct mock *mock, uint32_t pt_id, uint32_t flags, uint32_t *hwpt_id)
{
	return iommut_hwpt_alloc(mock->iommufd, mock->device_id, pt_id, flags, 0, hwpt_id);
}

int mock_nested(const struct mock *mock, uint32_t parent_id, uint32_t flags, uint32_t *hwpt_id)
{
	const struct mock_hwpt_data data = { .iotlb = MOCK_IOTLB_VALUE };

	return iommut_hwpt_alloc_nested(mock->iommufd, mock->device_id, parent_id, flags, 0,
					MOCK_HWPT_DATA, &data, sizeof(data), hwpt_id);
}
