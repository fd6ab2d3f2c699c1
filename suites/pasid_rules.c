// SPDX-License-Identifier: GPL-2.0-or-later
/* What may be attached to a PASID, and what the kernel must refuse. */
#include "suites/svm.h"

#define NEEDS LIST("iommufd", "engine.pasid")

static int try_attach(struct svm *svm, uint32_t pasid, uint32_t pt_id)
{
	return iommut_device_attach_pasid(svm->rig->device, pasid, pt_id);
}

static void close_hwpt(void *argument)
{
	iommut_hwpt_close(argument);
}

CASE(zero_refused,
     .proves = "PASID 0 stands for requests without a PASID and cannot be attached as one",
     .rule = "vfio.h: VFIO_DEVICE_ATTACH_IOMMUFD_PT: pasid; Linux IOMMU_NO_PASID", .needs = NEEDS,
     .parameters = { IOMMUFD_ONLY })
{
	struct svm *svm = svm_open(t, SVM_PASID);
	struct table *table = table_open(svm, NULL);
	struct area *own = area_in(svm->own, PAGE), *area = area_in(table, PAGE);
	int error = try_attach(svm, 0, iommut_hwpt_id(table->hwpt));

	expect_that(t, error < 0, "PASID 0 was attached");
	/* Neither did the attempt change what requests without a PASID reach. */
	expect_pasid_reaches(own, IOMMUT_NO_PASID);
	expect_pasid_refused(svm, IOMMUT_NO_PASID, area->iova);
	attach_pasid(table, 1);
	expect_pasid_reaches(area, 1);
}

CASE(too_high_refused,
     .proves = "a PASID above what device and IOMMU can is refused, and none below is attached for "
	       "it",
     .rule = "iommufd.h: IOMMU_GET_HW_INFO: out_max_pasid_log2", .needs = NEEDS,
     .parameters = { IOMMUFD_ONLY,
		     PARAMETER("pasid", "one-more", "twice", "20-bits", "31-bits", "all-ones") })
{
	struct svm *svm = svm_open(t, SVM_PASID);
	struct table *table = table_open(svm, NULL);
	struct area *area = area_in(table, PAGE);
	uint32_t limit = svm->last_pasid + 1, pasid;
	int error;

	if (param_is(t, "pasid", "one-more"))
		pasid = limit;
	else if (param_is(t, "pasid", "twice"))
		pasid = 2 * limit + 1;
	else if (param_is(t, "pasid", "20-bits"))
		pasid = 1u << 20;
	else if (param_is(t, "pasid", "31-bits"))
		pasid = (1u << 30) + 1;
	else
		pasid = UINT32_MAX;
	error = try_attach(svm, pasid, iommut_hwpt_id(table->hwpt));
	expect_that(t, error < 0, "PASID 0x%x was attached; the limit is 0x%x", pasid, limit);
	if (pasid & svm->last_pasid)
		expect_pasid_refused(svm, pasid & svm->last_pasid, area->iova);
	attach_pasid(table, svm->last_pasid);
	expect_pasid_reaches(area, svm->last_pasid);
}

CASE(plain_table_refused, .proves = "a page table not made for PASIDs cannot be attached to one",
     .rule = "iommufd.h: IOMMU_HWPT_ALLOC_PASID", .needs = NEEDS, .parameters = { IOMMUFD_ONLY })
{
	struct svm *svm = svm_open(t, SVM_PASID);
	struct table *table = table_open(svm, NULL);
	struct area *area = area_in(table, PAGE);
	struct iommut_hwpt *plain;

	expect_zero(t, iommut_hwpt_open(&plain, svm->rig->device, table->space, 0, NULL));
	undo_later(t, close_hwpt, plain);
	expect_errno(t, try_attach(svm, 1, iommut_hwpt_id(plain)), EINVAL);
	expect_pasid_refused(svm, 1, area->iova);
	attach_pasid(table, 1);
	expect_pasid_reaches(area, 1);
}

CASE(ioas_refused,
     .proves =
	     "an IOAS, whose page table the kernel makes by itself, cannot be attached to a PASID",
     .rule = "iommufd.h: IOMMU_HWPT_ALLOC_PASID: any domain of a PASID must be flagged",
     .needs = NEEDS, .parameters = { IOMMUFD_ONLY })
{
	struct svm *svm = svm_open(t, SVM_PASID);
	struct table *table = table_open(svm, NULL);
	struct area *area = area_in(table, PAGE);
	uint32_t ioas_id;

	expect_zero(t, iommut_space_ioas(table->space, &ioas_id));
	expect_errno(t, try_attach(svm, 1, ioas_id), EINVAL);
	expect_pasid_refused(svm, 1, area->iova);
	attach_pasid(table, 1);
	expect_pasid_reaches(area, 1);
}

CASE(own_table_plain,
     .proves =
	     "while the device's own page table was not made for PASIDs, no PASID can be attached",
     .rule = "iommufd.h: IOMMU_HWPT_ALLOC_PASID: any domain attached to the non-PASID part of the "
	     "device must also be flagged, otherwise attaching a PASID will be blocked",
     .needs = NEEDS, .parameters = { IOMMUFD_ONLY })
{
	struct svm *svm = svm_open(t, SVM_PASID);
	struct table *table = table_open(svm, NULL);
	struct area *area = area_in(table, PAGE), *own = area_in(svm->own, PAGE);
	uint32_t ioas_id;

	expect_zero(t, iommut_space_ioas(svm->rig->space, &ioas_id));
	expect_zero(t, iommut_device_attach(svm->rig->device, ioas_id));
	expect_pasid_reaches(own, IOMMUT_NO_PASID);
	expect_errno(t, try_attach(svm, 1, iommut_hwpt_id(table->hwpt)), EINVAL);
	expect_pasid_refused(svm, 1, area->iova);
	expect_zero(t, iommut_device_attach(svm->rig->device, iommut_hwpt_id(svm->own->hwpt)));
	attach_pasid(table, 1);
	expect_pasid_reaches(area, 1);
}

CASE(own_table_kept,
     .proves =
	     "while a PASID is attached, the device's own page table cannot be replaced by one not "
	     "made for PASIDs, and both keep working",
     .rule = "iommufd.h: IOMMU_HWPT_ALLOC_PASID", .needs = NEEDS, .parameters = { IOMMUFD_ONLY })
{
	struct svm *svm = svm_open(t, SVM_PASID);
	struct table *table = table_open(svm, NULL);
	struct area *area = area_in(table, PAGE), *own = area_in(svm->own, PAGE);
	uint32_t ioas_id;

	attach_pasid(table, 1);
	expect_zero(t, iommut_space_ioas(svm->rig->space, &ioas_id));
	expect_errno(t, iommut_device_attach(svm->rig->device, ioas_id), EINVAL);
	expect_pasid_reaches(area, 1);
	expect_pasid_reaches(own, IOMMUT_NO_PASID);
}

CASE(no_such_table,
     .proves = "attaching a PASID to an object that is no page table fails and attaches nothing",
     .rule = "vfio.h: VFIO_DEVICE_ATTACH_IOMMUFD_PT: pt_id", .needs = NEEDS,
     .parameters = { IOMMUFD_ONLY, PARAMETER("object", "none", "device", "zero") })
{
	struct svm *svm = svm_open(t, SVM_PASID);
	struct table *table = table_open(svm, NULL);
	struct area *area = area_in(table, PAGE);
	uint32_t id = 0;
	int error;

	if (param_is(t, "object", "none"))
		id = 0x7ffffff0;
	else if (param_is(t, "object", "device"))
		expect_zero(t, iommut_device_id(svm->rig->device, &id));
	error = try_attach(svm, 1, id);
	expect_that(t, error == -ENOENT || error == -EINVAL, "attaching object %u returned %d", id,
		    error);
	expect_pasid_refused(svm, 1, area->iova);
	attach_pasid(table, 1);
	expect_pasid_reaches(area, 1);
}

CASE(destroy_attached,
     .proves = "a page table attached to a PASID cannot be destroyed, and can once it is detached",
     .rule = "iommufd.h: IOMMU_DESTROY", .needs = NEEDS, .parameters = { IOMMUFD_ONLY })
{
	struct svm *svm = svm_open(t, SVM_PASID);
	struct table *table = table_open(svm, NULL);
	struct area *area = area_in(table, PAGE);

	attach_pasid(table, 1);
	expect_errno(t,
		     iommut_destroy(iommut_space_handle(table->space), iommut_hwpt_id(table->hwpt)),
		     EBUSY);
	expect_pasid_reaches(area, 1);
	detach_pasid(svm, 1);
	table_close(table);
	expect_pasid_refused(svm, 1, area->iova);
	expect_area_canary(area);
}

CASE(detach_unattached,
     .proves = "detaching a PASID that was never attached changes nothing for the others",
     .rule = "vfio.h: VFIO_DEVICE_DETACH_IOMMUFD_PT", .needs = NEEDS,
     .parameters = { IOMMUFD_ONLY })
{
	struct svm *svm = svm_open(t, SVM_PASID);
	struct table *table = table_open(svm, NULL);
	struct area *area = area_in(table, PAGE), *own = area_in(svm->own, PAGE);
	const uint32_t never[] = { 2, svm->last_pasid, svm->last_pasid + 1 };

	attach_pasid(table, 1);
	for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++) {
		int error = iommut_device_detach_pasid(svm->rig->device, never[i]);

		note(t, "detaching PASID %u: %d", never[i], error);
		expect_pasid_reaches(area, 1);
		expect_pasid_reaches(own, IOMMUT_NO_PASID);
	}
	detach_pasid(svm, 1);
	/* Twice is once too many, not a reason to lose count. */
	(void)iommut_device_detach_pasid(svm->rig->device, 1);
	expect_pasid_refused(svm, 1, area->iova);
	attach_pasid(table, 1);
	expect_pasid_reaches(area, 1);
}

CASE(failed_replace,
     .proves = "replacing what is attached to a PASID by something that cannot be leaves the old "
	       "page table in place",
     .rule = "iommufd: if replace fails then no change is made to the attachment", .needs = NEEDS,
     .parameters = { IOMMUFD_ONLY })
{
	struct svm *svm = svm_open(t, SVM_PASID);
	struct table *table = table_open(svm, NULL);
	struct area *area = area_in(table, PAGE);
	uint32_t ioas_id;

	attach_pasid(table, 1);
	expect_zero(t, iommut_space_ioas(table->space, &ioas_id));
	expect_errno(t, try_attach(svm, 1, ioas_id), EINVAL);
	expect_pasid_reaches(area, 1);
	expect_errno(t, try_attach(svm, 1, 0x7ffffff0), ENOENT);
	expect_pasid_reaches(area, 1);
}
