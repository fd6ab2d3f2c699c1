// SPDX-License-Identifier: GPL-2.0-or-later
/* The rules of nested page tables and vIOMMUs, on Linux' mock IOMMU: they are iommufd's, whatever the IOMMU. */
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "suites/mock.h"

#define UNUSED_ID 0x7ffffff0u

static uint32_t parent_of(const struct mock *mock)
{
	uint32_t parent;

	expect_zero(mock->t, mock_hwpt(mock, mock->ioas, IOMMU_HWPT_ALLOC_NEST_PARENT, &parent));
	return parent;
}

static uint32_t viommu_of(const struct mock *mock)
{
	uint32_t viommu;

	expect_zero(mock->t, iommut_viommu_alloc(mock->iommufd, MOCK_VIOMMU_TYPE, mock->device_id,
						 parent_of(mock), NULL, 0, &viommu));
	return viommu;
}

CASE(mock_parent,
     .proves = "only a page table made as a nesting parent takes nested ones, and is kept while it "
	       "has some",
     .rule = "iommufd.h: IOMMU_HWPT_ALLOC_NEST_PARENT, IOMMU_DESTROY", .devices = NO_DEVICE)
{
	struct mock mock = mock_open(t);
	uint32_t plain, nested, parent, id;

	expect_zero(t, mock_hwpt(&mock, mock.ioas, 0, &plain));
	expect_errno(t, mock_nested(&mock, plain, 0, &id), EINVAL);
	/* The one that the kernel made by itself. */
	expect_errno(t, mock_nested(&mock, mock.hwpt_id, 0, &id), EINVAL);
	parent = parent_of(&mock);
	expect_zero(t, mock_nested(&mock, parent, 0, &nested));
	expect_errno(t, mock_nested(&mock, nested, 0, &id), EINVAL);
	expect_errno(t, iommut_destroy(mock.iommufd, parent), EBUSY);
	expect_zero(t, mock_replace(&mock, nested));
	expect_errno(t, iommut_destroy(mock.iommufd, nested), EBUSY);
	expect_zero(t, mock_replace(&mock, mock.ioas));
	expect_zero(t, iommut_destroy(mock.iommufd, nested));
	expect_zero(t, iommut_destroy(mock.iommufd, parent));
}

CASE(mock_flags, .proves = "flags and data that do not belong to a nested page table are refused",
     .rule = "iommufd.h: struct iommu_hwpt_alloc", .devices = NO_DEVICE)
{
	struct mock mock = mock_open(t);
	struct mock_hwpt_data data = { .iotlb = MOCK_IOTLB_VALUE };
	uint32_t parent = parent_of(&mock), id;

	expect_errno(t, mock_nested(&mock, parent, IOMMU_HWPT_ALLOC_NEST_PARENT, &id), EOPNOTSUPP);
	expect_errno(t, mock_nested(&mock, parent, IOMMU_HWPT_ALLOC_DIRTY_TRACKING, &id),
		     EOPNOTSUPP);
	/* Page faults of a parent are the guest's. */
	expect_errno(t,
		     iommut_hwpt_alloc(mock.iommufd, mock.device_id, mock.ioas,
				       IOMMU_HWPT_ALLOC_NEST_PARENT | IOMMU_HWPT_FAULT_ID_VALID,
				       UNUSED_ID, &id),
		     EOPNOTSUPP);
	expect_errno(t,
		     iommut_hwpt_alloc_nested(mock.iommufd, mock.device_id, parent, 0, 0,
					      MOCK_HWPT_DATA, NULL, 0, &id),
		     EINVAL);
	expect_errno(t,
		     iommut_hwpt_alloc_nested(mock.iommufd, mock.device_id, parent, 0, 0,
					      IOMMU_HWPT_DATA_NONE, &data, sizeof(data), &id),
		     EINVAL);
	expect_errno(t,
		     iommut_hwpt_alloc_nested(mock.iommufd, mock.device_id, parent, 0, 0,
					      IOMMU_HWPT_DATA_VTD_S1, &data, sizeof(data), &id),
		     EOPNOTSUPP);
	/* With the faults of a queue that does not exist, and then all is well. */
	expect_errno(t,
		     iommut_hwpt_alloc_nested(mock.iommufd, mock.device_id, parent,
					      IOMMU_HWPT_FAULT_ID_VALID, UNUSED_ID, MOCK_HWPT_DATA,
					      &data, sizeof(data), &id),
		     ENOENT);
	expect_zero(t, mock_nested(&mock, parent, 0, &id));
}

CASE(mock_invalidate,
     .proves = "an array of invalidations is done up to the entry that is wrong, and the kernel "
	       "says how many that were",
     .rule = "iommufd.h: IOMMU_HWPT_INVALIDATE, entry_num", .devices = NO_DEVICE,
     .parameters = { PARAMETER("wrong", "none", "first", "second", "last") })
{
	struct mock mock = mock_open(t);
	struct mock_invalidate entries[3] = { { 0, 1 }, { 0, 2 }, { 0, 3 } };
	uint32_t wrong = param_is(t, "wrong", "none")     ? 3
			 : param_is(t, "wrong", "first")  ? 0
			 : param_is(t, "wrong", "second") ? 1
							  : 2;
	uint32_t nested, count = 3;
	int result;

	expect_zero(t, mock_nested(&mock, parent_of(&mock), 0, &nested));
	for (uint32_t i = 0; i < MOCK_IOTLB_ENTRIES; i++)
		expect(t, mock_iotlb_is(&mock, nested, i, MOCK_IOTLB_VALUE));
	if (wrong < 3)
		entries[wrong].flags = 1u << 31;
	result = iommut_hwpt_invalidate(mock.iommufd, nested, MOCK_INVALIDATE_DATA, entries,
					sizeof(entries[0]), &count);
	if (wrong < 3)
		expect_errno(t, result, EOPNOTSUPP);
	else
		expect_zero(t, result);
	expect_equal(t, count, wrong);
	for (uint32_t i = 0; i < 3; i++)
		expect(t, mock_iotlb_is(&mock, nested, i + 1, i < wrong ? 0 : MOCK_IOTLB_VALUE));
	expect(t, mock_iotlb_is(&mock, nested, 0, MOCK_IOTLB_VALUE));
}

CASE(mock_invalidate_refused,
     .proves = "invalidations of another type, of no size, too many, or of what is not nested, are "
	       "refused and none is done",
     .rule = "iommufd.h: IOMMU_HWPT_INVALIDATE", .devices = NO_DEVICE)
{
	struct mock mock = mock_open(t);
	struct mock_invalidate entry = { 0, 1 };
	uint32_t nested, parent = parent_of(&mock), count;

	expect_zero(t, mock_nested(&mock, parent, 0, &nested));
	count = 1;
	expect_errno(t,
		     iommut_hwpt_invalidate(mock.iommufd, nested, IOMMU_HWPT_INVALIDATE_DATA_VTD_S1,
					    &entry, sizeof(entry), &count),
		     EINVAL);
	expect_equal(t, count, 0);
	count = 1;
	expect_errno(t,
		     iommut_hwpt_invalidate(mock.iommufd, nested, MOCK_INVALIDATE_DATA, &entry, 0,
					    &count),
		     EINVAL);
	expect_equal(t, count, 0);
	count = 1;
	expect_errno(t,
		     iommut_hwpt_invalidate(mock.iommufd, nested, MOCK_INVALIDATE_DATA, NULL,
					    sizeof(entry), &count),
		     EINVAL);
	expect_equal(t, count, 0);
	count = 1;
	expect_errno(t,
		     iommut_hwpt_invalidate(mock.iommufd, parent, MOCK_INVALIDATE_DATA, &entry,
					    sizeof(entry), &count),
		     EINVAL);
	expect_equal(t, count, 0);
	count = 1;
	expect_errno(t,
		     iommut_hwpt_invalidate(mock.iommufd, mock.ioas, MOCK_INVALIDATE_DATA, &entry,
					    sizeof(entry), &count),
		     EINVAL);
	expect(t, mock_iotlb_is(&mock, nested, 1, MOCK_IOTLB_VALUE));
	/* None at all asks whether the type is known. */
	count = 0;
	expect_zero(t, iommut_hwpt_invalidate(mock.iommufd, nested, MOCK_INVALIDATE_DATA, &entry,
					      sizeof(entry), &count));
	expect(t, mock_iotlb_is(&mock, nested, 1, MOCK_IOTLB_VALUE));
}

CASE(mock_viommu,
     .proves = "a vIOMMU needs a nesting parent, keeps it, and is kept by what is made from it",
     .rule = "iommufd.h: IOMMU_VIOMMU_ALLOC, IOMMU_DESTROY", .devices = NO_DEVICE)
{
	struct mock mock = mock_open(t);
	uint32_t plain, parent = parent_of(&mock), viommu, nested, id;

	expect_zero(t, mock_hwpt(&mock, mock.ioas, 0, &plain));
	expect_errno(t,
		     iommut_viommu_alloc(mock.iommufd, MOCK_VIOMMU_TYPE, mock.device_id, plain,
					 NULL, 0, &id),
		     EINVAL);
	expect_errno(t,
		     iommut_viommu_alloc(mock.iommufd, MOCK_VIOMMU_TYPE, mock.device_id, mock.ioas,
					 NULL, 0, &id),
		     ENOENT);
	expect_errno(t,
		     iommut_viommu_alloc(mock.iommufd, IOMMU_VIOMMU_TYPE_DEFAULT, mock.device_id,
					 parent, NULL, 0, &id),
		     EOPNOTSUPP);
	expect_errno(t,
		     iommut_viommu_alloc(mock.iommufd, IOMMU_VIOMMU_TYPE_ARM_SMMUV3, mock.device_id,
					 parent, NULL, 0, &id),
		     EOPNOTSUPP);
	expect_zero(t, iommut_viommu_alloc(mock.iommufd, MOCK_VIOMMU_TYPE, mock.device_id, parent,
					   NULL, 0, &viommu));
	expect_errno(t, iommut_destroy(mock.iommufd, parent), EBUSY);
	expect_zero(t, mock_nested(&mock, viommu, 0, &nested));
	expect_errno(t, mock_nested(&mock, viommu, IOMMU_HWPT_ALLOC_DIRTY_TRACKING, &id),
		     EOPNOTSUPP);
	expect_errno(t, iommut_destroy(mock.iommufd, viommu), EBUSY);
	expect_zero(t, iommut_destroy(mock.iommufd, nested));
	expect_zero(t, iommut_destroy(mock.iommufd, viommu));
	expect_zero(t, iommut_destroy(mock.iommufd, parent));
}

CASE(mock_vdevice,
     .proves =
	     "a device has one vDEVICE, a vIOMMU one of each virtual ID, and both keep the vIOMMU",
     .rule = "iommufd.h: IOMMU_VDEVICE_ALLOC", .devices = NO_DEVICE)
{
	struct mock mock = mock_open(t), other = mock_another(&mock);
	uint32_t viommu = viommu_of(&mock), vdevice, second, id;

	expect_errno(t, iommut_vdevice_alloc(mock.iommufd, UNUSED_ID, mock.device_id, 7, &id),
		     ENOENT);
	expect_errno(t, iommut_vdevice_alloc(mock.iommufd, viommu, UNUSED_ID, 7, &id), ENOENT);
	/* A page table is no vIOMMU. */
	expect_errno(t, iommut_vdevice_alloc(mock.iommufd, mock.hwpt_id, mock.device_id, 7, &id),
		     ENOENT);
	expect_zero(t, iommut_vdevice_alloc(mock.iommufd, viommu, mock.device_id, 7, &vdevice));
	expect_errno(t, iommut_vdevice_alloc(mock.iommufd, viommu, mock.device_id, 8, &id), EEXIST);
	expect_errno(t, iommut_vdevice_alloc(mock.iommufd, viommu, other.device_id, 7, &id),
		     EEXIST);
	expect_zero(t, iommut_vdevice_alloc(mock.iommufd, viommu, other.device_id, 8, &second));
	expect_errno(t, iommut_destroy(mock.iommufd, viommu), EBUSY);
	expect_zero(t, iommut_destroy(mock.iommufd, vdevice));
	expect_errno(t, iommut_destroy(mock.iommufd, vdevice), ENOENT);
	/* The ID and the device are free again. */
	expect_zero(t, iommut_vdevice_alloc(mock.iommufd, viommu, mock.device_id, 7, &vdevice));
	expect_zero(t, iommut_destroy(mock.iommufd, vdevice));
	expect_zero(t, iommut_destroy(mock.iommufd, second));
	expect_zero(t, iommut_destroy(mock.iommufd, viommu));
}

CASE(mock_vdevice_outlived,
     .proves = "when a device goes, its vDEVICE goes with it: the ID stays taken, but leads to "
	       "nothing any more",
     .rule = "iommufd.rst: vDEVICE", .devices = NO_DEVICE)
{
	struct mock mock = mock_open(t), other = mock_another(&mock);
	uint32_t viommu = viommu_of(&mock), vdevice, id;

	expect_zero(t, iommut_vdevice_alloc(mock.iommufd, viommu, other.device_id, 7, &vdevice));
	expect_zero(t, mock_destroy(&other));
	expect_errno(t, iommut_destroy(mock.iommufd, vdevice), ENOENT);
	for (int i = 0; i < 32; i++) {
		expect_zero(t, iommut_ioas_alloc(mock.iommufd, &id));
		expect(t, id != vdevice);
	}
	/* Its virtual ID is free, and nothing keeps the vIOMMU. */
	expect_zero(t, iommut_vdevice_alloc(mock.iommufd, viommu, mock.device_id, 7, &id));
	expect_zero(t, iommut_destroy(mock.iommufd, id));
	expect_zero(t, iommut_destroy(mock.iommufd, viommu));
}

CASE(mock_veventq, .proves = "a vIOMMU has one event queue of each type, of a sensible depth",
     .rule = "iommufd.h: IOMMU_VEVENTQ_ALLOC", .devices = NO_DEVICE)
{
	struct mock mock = mock_open(t);
	uint32_t viommu = viommu_of(&mock), queue, id;
	int fd, other;

	expect_errno(t,
		     iommut_veventq_alloc(mock.iommufd, viommu, MOCK_VEVENTQ_TYPE, 0, &id, &other),
		     EINVAL);
	expect_errno(t,
		     iommut_veventq_alloc(mock.iommufd, viommu, MOCK_VEVENTQ_TYPE, UINT32_MAX, &id,
					  &other),
		     EINVAL);
	expect_errno(t,
		     iommut_veventq_alloc(mock.iommufd, viommu, IOMMU_VEVENTQ_TYPE_DEFAULT, 1, &id,
					  &other),
		     EOPNOTSUPP);
	expect_errno(
		t, iommut_veventq_alloc(mock.iommufd, mock.ioas, MOCK_VEVENTQ_TYPE, 1, &id, &other),
		ENOENT);
	expect_zero(t,
		    iommut_veventq_alloc(mock.iommufd, viommu, MOCK_VEVENTQ_TYPE, 1, &queue, &fd));
	expect_errno(t,
		     iommut_veventq_alloc(mock.iommufd, viommu, MOCK_VEVENTQ_TYPE, 1, &id, &other),
		     EEXIST);
	expect_errno(t, iommut_destroy(mock.iommufd, viommu), EBUSY);
	/* The file keeps the queue. */
	expect_errno(t, iommut_destroy(mock.iommufd, queue), EBUSY);
	close(fd);
	expect_zero(t, iommut_destroy(mock.iommufd, queue));
	expect_zero(t, iommut_destroy(mock.iommufd, viommu));
}

struct event {
	struct iommufd_vevent_header header;
	struct mock_event data;
};

static bool readable(int fd)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };

	return poll(&poll_fd, 1, 0) == 1 && (poll_fd.revents & POLLIN);
}

CASE(mock_events,
     .proves = "events come in order, each with its number and the virtual ID of its device; what "
	       "does not fit is told, and a "
	       "read that is too short takes nothing away",
     .rule = "iommufd.h: struct iommufd_vevent_header, IOMMU_VEVENTQ_FLAG_LOST_EVENTS",
     .devices = NO_DEVICE)
{
	struct mock mock = mock_open(t);
	uint32_t viommu = viommu_of(&mock), vdevice, nested, queue;
	struct event events[4];
	int fd;

	expect_zero(t, iommut_vdevice_alloc(mock.iommufd, viommu, mock.device_id, 0x99, &vdevice));
	expect_zero(t, mock_nested(&mock, viommu, 0, &nested));
	expect_zero(t, mock_replace(&mock, nested));
	expect_zero(t,
		    iommut_veventq_alloc(mock.iommufd, viommu, MOCK_VEVENTQ_TYPE, 2, &queue, &fd));
	expect(t, !readable(fd));
	expect_zero(t, mock_event(&mock));
	expect(t, readable(fd));
	/* Shorter than a header, and shorter than an event. */
	expect(t, read(fd, events, sizeof(events[0].header) - 1) == -1 && errno == EINVAL);
	expect(t, read(fd, events, sizeof(events[0].header)) == -1 && errno == EINVAL);
	expect_equal(t, (uint64_t)read(fd, events, sizeof(events)), sizeof(events[0]));
	expect_equal(t, events[0].header.flags, 0);
	expect_equal(t, events[0].header.sequence, 0);
	expect_equal(t, events[0].data.virtual_id, 0x99);
	expect(t, !readable(fd));
	/* Two fit, the third is lost. */
	for (int i = 0; i < 3; i++)
		expect_zero(t, mock_event(&mock));
	expect_equal(t, (uint64_t)read(fd, events, sizeof(events)),
		     2 * sizeof(events[0]) + sizeof(events[0].header));
	for (uint32_t i = 0; i < 2; i++) {
		expect_equal(t, events[i].header.flags, 0);
		expect_equal(t, events[i].header.sequence, 1 + i);
		expect_equal(t, events[i].data.virtual_id, 0x99);
	}
	expect_equal(t, events[2].header.flags, IOMMU_VEVENTQ_FLAG_LOST_EVENTS);
	expect(t, !readable(fd));
	close(fd);
	expect_zero(t, mock_replace(&mock, mock.ioas));
}
