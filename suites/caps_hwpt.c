// SPDX-License-Identifier: GPL-2.0-or-later
/* Which kinds of page table can be made: all combinations of flags against what the IOMMU announces. */
#include <inttypes.h>
#include <string.h>

#include <iommut/fault_queue.h>

#include "suites/caps.h"

/* Names of the variants are the flags' names, joined by plus. */
#define FLAG_SETS                                                                             \
	PARAMETER("flags", "none", "nest", "dirty", "nest+dirty", "pasid", "nest+pasid",      \
		  "dirty+pasid", "nest+dirty+pasid", "fault", "nest+fault", "dirty+fault",    \
		  "nest+dirty+fault", "pasid+fault", "nest+pasid+fault", "dirty+pasid+fault", \
		  "nest+dirty+pasid+fault")

static uint32_t flags_of(struct test *t)
{
	static const struct {
		const char *name;
		uint32_t flag;
	} names[] = {
		{ "nest", IOMMU_HWPT_ALLOC_NEST_PARENT },
		{ "dirty", IOMMU_HWPT_ALLOC_DIRTY_TRACKING },
		{ "pasid", IOMMU_HWPT_ALLOC_PASID },
		{ "fault", IOMMU_HWPT_FAULT_ID_VALID },
	};
	const char *text = param(t, "flags");
	uint32_t flags = 0;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strstr(text, names[i].name))
			flags |= names[i].flag;
	return flags;
}

/*
 * Whether a set of flags must, may or must not be refused, by what IOMMU and uAPI announce. VT-d cannot have PASIDs and dirty
 * bits or nesting in tables of the first stage, and the second stage has them by their own bits (VT-d 4.1, 11.4.3).
 */
enum verdict {
	MUST_WORK,
	MAY_WORK,
	MUST_NOT_WORK,
};

static enum verdict verdict_of(const struct caps *caps, uint32_t flags)
{
	uint64_t ecap = caps->model.ecap;
	bool vtd = caps->model.vendor == IOMMU_INTEL, scalable = vtd && (ecap & VTD_ECAP_SMTS);

	/* The default must work wherever there is an IOMMU. */
	if (!flags)
		return MUST_WORK;
	/* iommufd.h: faults of a nesting parent are its children's. */
	if ((flags & IOMMU_HWPT_FAULT_ID_VALID) && (flags & IOMMU_HWPT_ALLOC_NEST_PARENT))
		return MUST_NOT_WORK;
	if ((flags & IOMMU_HWPT_ALLOC_DIRTY_TRACKING) &&
	    !(caps->info.capabilities & IOMMU_HW_CAP_DIRTY_TRACKING))
		return MUST_NOT_WORK;
	if (vtd && (flags & IOMMU_HWPT_ALLOC_NEST_PARENT) &&
	    !(scalable && (ecap & VTD_ECAP_NEST) && (ecap & VTD_ECAP_SLTS)))
		return MUST_NOT_WORK;
	/* What is announced alone must work alone. */
	if (flags == IOMMU_HWPT_ALLOC_DIRTY_TRACKING)
		return MUST_WORK;
	if (flags == IOMMU_HWPT_ALLOC_PASID && caps->info.max_pasid_log2)
		return MUST_WORK;
	return MAY_WORK;
}

CASE(table_flags,
     .proves = "a page table can be made with exactly the flags that the IOMMU announces; one that "
	       "can be made works, and a refusal leaves nothing behind",
     .rule = "iommufd.h: enum iommufd_hwpt_alloc_flags, IOMMU_GET_HW_INFO",
     .parameters = { IOMMUFD_ONLY, FLAG_SETS })
{
	struct caps caps = caps_open(t);
	uint32_t flags = flags_of(t), hwpt = 0, fault_id = 0;
	struct iommut_fault_queue *queue;
	enum verdict verdict = verdict_of(&caps, flags);
	int error;

	if (flags & IOMMU_HWPT_FAULT_ID_VALID) {
		queue = caps_fault_queue(&caps);
		fault_id = iommut_fault_queue_id(queue);
	}
	error = iommut_hwpt_alloc(caps.iommufd, caps.device_id, caps.ioas, flags, fault_id, &hwpt);
	note(t, "flags 0x%x: %s", flags, error ? strerror(-error) : "made");
	if (error) {
		expect_errno(t, error, EOPNOTSUPP);
		expect_that(t, verdict != MUST_WORK, "what is announced was refused");
		/* Nothing of the attempt keeps the address space from working. */
		expect_reaches(map_buffer(caps.rig, 4096));
		return;
	}
	expect_that(t, verdict != MUST_NOT_WORK, "what is not announced was made");
	/* Page faults need a device that requests pages: caps/page_requests. */
	if (!(flags & IOMMU_HWPT_FAULT_ID_VALID))
		expect_page_table_works(&caps, hwpt);
	expect_zero(t, iommut_destroy(caps.iommufd, hwpt));
	expect_reaches(map_buffer(caps.rig, 4096));
}

CASE(table_unknown_flag,
     .proves = "a page table is refused with each flag that does not exist, alone and beside one "
	       "that does",
     .rule = "iommufd.h: struct iommu_hwpt_alloc: flags", .parameters = { IOMMUFD_ONLY })
{
	const uint32_t known = IOMMU_HWPT_ALLOC_NEST_PARENT | IOMMU_HWPT_ALLOC_DIRTY_TRACKING |
			       IOMMU_HWPT_FAULT_ID_VALID | IOMMU_HWPT_ALLOC_PASID;
	struct caps caps = caps_open(t);
	uint32_t hwpt;

	for (uint32_t flag = 1; flag; flag <<= 1) {
		if (flag & known)
			continue;
		expect_errno(
			t,
			iommut_hwpt_alloc(caps.iommufd, caps.device_id, caps.ioas, flag, 0, &hwpt),
			EOPNOTSUPP);
		expect_errno(t,
			     iommut_hwpt_alloc(caps.iommufd, caps.device_id, caps.ioas,
					       flag | IOMMU_HWPT_ALLOC_PASID, 0, &hwpt),
			     EOPNOTSUPP);
	}
	expect_zero(t, iommut_hwpt_alloc(caps.iommufd, caps.device_id, caps.ioas, 0, 0, &hwpt));
	expect_zero(t, iommut_destroy(caps.iommufd, hwpt));
}

CASE(table_pasid_as_offered,
     .proves = "page tables for PASIDs can be made wherever iommufd offers the device PASIDs",
     .rule = "iommufd.h: IOMMU_HWPT_ALLOC_PASID, out_max_pasid_log2",
     .parameters = { IOMMUFD_ONLY })
{
	struct caps caps = caps_open(t);
	uint32_t first, second;

	if (!caps.info.max_pasid_log2)
		skip(t, "the IOMMU offers the device no PASIDs",
		     "a vIOMMU and device with them: lab profile intel-scalable-svm");
	expect_zero(t, iommut_hwpt_alloc(caps.iommufd, caps.device_id, caps.ioas,
					 IOMMU_HWPT_ALLOC_PASID, 0, &first));
	expect_page_table_works(&caps, first);
	expect_zero(t, iommut_hwpt_alloc(caps.iommufd, caps.device_id, caps.ioas,
					 IOMMU_HWPT_ALLOC_PASID, 0, &second));
	/* Both ends of the range can be attached, and what is beyond cannot: pasid/too_high_refused. */
	expect_zero(t, iommut_device_attach(caps.rig->device, first));
	expect_zero(t, iommut_device_attach_pasid(caps.rig->device, 1, second));
	expect_zero(t, iommut_device_attach_pasid(caps.rig->device,
						  (1u << caps.info.max_pasid_log2) - 1, second));
	expect_zero(t, iommut_device_detach_pasid(caps.rig->device,
						  (1u << caps.info.max_pasid_log2) - 1));
	expect_zero(t, iommut_device_detach_pasid(caps.rig->device, 1));
	expect_zero(t, iommut_device_attach(caps.rig->device, caps.ioas));
	expect_zero(t, iommut_destroy(caps.iommufd, second));
	expect_zero(t, iommut_destroy(caps.iommufd, first));
}
