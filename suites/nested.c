// SPDX-License-Identifier: GPL-2.0-or-later
/* The rules of nesting that hold on every IOMMU, the real one in front of the device included. */
#include <iommut/hwpt.h>
#include <iommut/iommufd.h>

#include "harness/dma.h"
#include "harness/iommu_model.h"

SUITE("nested", "first-stage tables of user space under a nesting parent, and virtual IOMMUs");

#define UNUSED_ID 0x7ffffff0u

/**
 * struct real - a device and its IOMMU
 * @rig: the device, attached to its address space
 * @iommufd: /dev/iommu
 * @ioas: the IOAS of the address space
 * @device_id: the device's ID
 */
struct real {
	struct rig *rig;
	struct iommut_handle iommufd;
	uint32_t ioas;
	uint32_t device_id;
};

static struct real open_real(struct test *t)
{
	struct real real = { .rig = rig_open(t) };

	real.iommufd = iommut_space_handle(real.rig->space);
	expect_zero(t, iommut_space_ioas(real.rig->space, &real.ioas));
	expect_zero(t, iommut_device_id(real.rig->device, &real.device_id));
	return real;
}

CASE(parent_as_announced,
     .proves = "a nesting parent can be made exactly where VT-d announces nested translation",
     .rule = "VT-d 4.1, 11.4.3: ECAP.NEST; iommufd.h: IOMMU_HWPT_ALLOC_NEST_PARENT",
     .parameters = { IOMMUFD_ONLY })
{
	struct real real = open_real(t);
	struct iommut_hw_info info;
	uint32_t parent = 0;
	int error;

	expect_zero(
		t, iommut_hw_info(real.iommufd, real.device_id, IOMMU_HW_INFO_TYPE_DEFAULT, &info));
	if (info.type != IOMMU_HW_INFO_TYPE_INTEL_VTD)
		skip(t, "the IOMMU is not VT-d", "an Intel IOMMU");
	error = iommut_hwpt_alloc(real.iommufd, real.device_id, real.ioas,
				  IOMMU_HWPT_ALLOC_NEST_PARENT, 0, &parent);
	if (!(info.vtd.ecap_reg & VTD_ECAP_NEST))
		expect_errno(t, error, EOPNOTSUPP);
	else if (error == -EOPNOTSUPP)
		skip(t, "the IOMMU announces nesting, but the kernel does not use scalable mode",
		     "intel_iommu=on,sm_on");
	else
		expect_zero(t, error);
	if (!error)
		expect_zero(t, iommut_destroy(real.iommufd, parent));
	/* The device goes on as before. */
	expect_reaches(map_buffer(real.rig, 4096));
}

CASE(only_under_a_parent,
     .proves = "no page table that is not a nesting parent takes a first stage of user space",
     .rule = "iommufd.h: IOMMU_HWPT_ALLOC, pt_id", .parameters = { IOMMUFD_ONLY })
{
	struct real real = open_real(t);
	const struct iommu_hwpt_vtd_s1 tables = { .addr_width = 48 };
	uint32_t plain, id = 0;
	int error;

	expect_zero(t, iommut_hwpt_alloc(real.iommufd, real.device_id, real.ioas, 0, 0, &plain));
	error = iommut_hwpt_alloc_nested(real.iommufd, real.device_id, plain, 0, 0,
					 IOMMU_HWPT_DATA_VTD_S1, &tables, sizeof(tables), &id);
	/* An IOMMU without nesting says that instead. */
	expect_that(t, error == -EINVAL || error == -EOPNOTSUPP, "it returned %d", error);
	error = iommut_hwpt_alloc_nested(real.iommufd, real.device_id, real.ioas, 0, 0,
					 IOMMU_HWPT_DATA_VTD_S1, &tables, sizeof(tables), &id);
	expect_that(t, error == -EINVAL || error == -EOPNOTSUPP, "it returned %d", error);
	expect_errno(t,
		     iommut_hwpt_alloc_nested(real.iommufd, real.device_id, plain, 0, 0,
					      IOMMU_HWPT_DATA_VTD_S1, NULL, 0, &id),
		     EINVAL);
	expect_errno(t,
		     iommut_hwpt_alloc_nested(real.iommufd, real.device_id, plain, 0, 0,
					      IOMMU_HWPT_DATA_NONE, &tables, sizeof(tables), &id),
		     EINVAL);
	expect_zero(t, iommut_destroy(real.iommufd, plain));
	expect_reaches(map_buffer(real.rig, 4096));
}

CASE(unknown_tables, .proves = "a first stage of a format that does not exist is refused",
     .rule = "iommufd.h: enum iommu_hwpt_data_type", .parameters = { IOMMUFD_ONLY })
{
	struct real real = open_real(t);
	uint8_t data[64] = { 0 };
	uint32_t id = 0;

	for (uint32_t type = 0x100; type < 0x110; type++) {
		int error = iommut_hwpt_alloc_nested(real.iommufd, real.device_id, real.ioas, 0, 0,
						     type, data, sizeof(data), &id);

		expect_that(t, error == -EINVAL || error == -EOPNOTSUPP, "type %#x: %d", type,
			    error);
	}
}

CASE(invalidate_refused,
     .proves = "there is nothing to invalidate in what is not nested, and a wrong array is refused "
	       "before that",
     .rule = "iommufd.h: IOMMU_HWPT_INVALIDATE", .parameters = { IOMMUFD_ONLY })
{
	struct real real = open_real(t);
	const struct iommu_hwpt_vtd_s1_invalidate all = { .npages = UINT64_MAX };
	const uint32_t type = IOMMU_HWPT_INVALIDATE_DATA_VTD_S1;
	struct dma_buffer *buffer = map_buffer(real.rig, 4096);
	uint32_t plain, count;

	expect_zero(t, iommut_hwpt_alloc(real.iommufd, real.device_id, real.ioas, 0, 0, &plain));
	count = 1;
	expect_errno(t,
		     iommut_hwpt_invalidate(real.iommufd, plain, type, &all, sizeof(all), &count),
		     EINVAL);
	expect_equal(t, count, 0);
	count = 1;
	expect_errno(
		t, iommut_hwpt_invalidate(real.iommufd, real.ioas, type, &all, sizeof(all), &count),
		EINVAL);
	expect_equal(t, count, 0);
	count = 1;
	expect_errno(
		t, iommut_hwpt_invalidate(real.iommufd, UNUSED_ID, type, &all, sizeof(all), &count),
		ENOENT);
	expect_equal(t, count, 0);
	count = 1;
	expect_errno(t, iommut_hwpt_invalidate(real.iommufd, plain, type, &all, 0, &count), EINVAL);
	expect_equal(t, count, 0);
	expect_zero(t, iommut_destroy(real.iommufd, plain));
	expect_reaches(buffer);
}

CASE(viommu_refused,
     .proves =
	     "a vIOMMU of no type, of an unknown type, or on what is no nesting parent, is refused",
     .rule = "iommufd.h: IOMMU_VIOMMU_ALLOC", .parameters = { IOMMUFD_ONLY })
{
	struct real real = open_real(t);
	uint32_t plain, id = 0;

	expect_zero(t, iommut_hwpt_alloc(real.iommufd, real.device_id, real.ioas, 0, 0, &plain));
	expect_errno(t,
		     iommut_viommu_alloc(real.iommufd, IOMMU_VIOMMU_TYPE_DEFAULT, real.device_id,
					 plain, NULL, 0, &id),
		     EOPNOTSUPP);
	for (uint32_t type = 1; type < 0x20; type++) {
		int error = iommut_viommu_alloc(real.iommufd, type, real.device_id, plain, NULL, 0,
						&id);

		/* EINVAL is for a type that the IOMMU knows. */
		expect_that(t, error == -EINVAL || error == -EOPNOTSUPP, "type %u: %d", type,
			    error);
	}
	expect_zero(t, iommut_destroy(real.iommufd, plain));
}

CASE(parts_need_a_viommu,
     .proves = "vDEVICEs, event queues and hardware queues are not made on anything else than a "
	       "vIOMMU",
     .rule = "iommufd.h: IOMMU_VDEVICE_ALLOC, IOMMU_VEVENTQ_ALLOC, IOMMU_HW_QUEUE_ALLOC",
     .parameters = { IOMMUFD_ONLY, PARAMETER("on", "ioas", "hwpt", "device", "nothing") })
{
	struct real real = open_real(t);
	uint32_t plain, on, id = 0;
	int fd;

	expect_zero(t, iommut_hwpt_alloc(real.iommufd, real.device_id, real.ioas, 0, 0, &plain));
	on = param_is(t, "on", "ioas")     ? real.ioas
	     : param_is(t, "on", "hwpt")   ? plain
	     : param_is(t, "on", "device") ? real.device_id
					   : UNUSED_ID;
	expect_errno(t, iommut_vdevice_alloc(real.iommufd, on, real.device_id, 1, &id), ENOENT);
	expect_errno(
		t,
		iommut_veventq_alloc(real.iommufd, on, IOMMU_VEVENTQ_TYPE_ARM_SMMUV3, 8, &id, &fd),
		ENOENT);
	expect_errno(t,
		     iommut_hw_queue_alloc(real.iommufd, on, IOMMU_HW_QUEUE_TYPE_TEGRA241_CMDQV, 0,
					   0, 4096, &id),
		     ENOENT);
	expect_zero(t, iommut_destroy(real.iommufd, plain));
}
