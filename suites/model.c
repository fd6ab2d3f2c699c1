// SPDX-License-Identifier: GPL-2.0-or-later
/* Random sequences of calls against a model of what they must do. */
#include "suites/model_iommufd.h"

SUITE("model", "random sequences of calls and DMA against a model that knows every answer");

CASE(iommufd,
     .proves = "in random sequences of calls every answer of /dev/iommu is the one that the "
	       "objects and mappings made so far "
	       "demand, and the device reaches exactly the memory that is mapped",
     .rule = "iommufd.h, vfio.h: VFIO_DEVICE_ATTACH_IOMMUFD_PT", .timeout_ms = 40000,
     .parameters = { IOMMUFD_ONLY })
{
	play_scripts(t, &iommufd_player, 40, 40);
}

CASE(iommufd_long, .proves = "the same over thousands of sequences",
     .rule = "iommufd.h, vfio.h: VFIO_DEVICE_ATTACH_IOMMUFD_PT", .marks = LIST("stress", "slow"),
     .timeout_ms = 180000, .parameters = { IOMMUFD_ONLY })
{
	play_scripts(t, &iommufd_player, 4000, MAX_STEPS);
}

CASE(pasids,
     .proves = "in random sequences with PASIDs every answer is the one that is due, and the "
	       "device and each of its PASIDs "
	       "reach exactly the memory that is mapped for them",
     .rule = "iommufd.h: IOMMU_HWPT_ALLOC_PASID, vfio.h: VFIO_DEVICE_ATTACH_PASID",
     .needs = LIST("engine.pasid"), .timeout_ms = 40000,
     .parameters = { IOMMUFD_ONLY, PARAMETER_OR("defects", "avoided", "avoided") })
{
	play_scripts(t, &pasid_player, 40, 40);
}

CASE(pasids_long, .proves = "the same with PASIDs over thousands of sequences",
     .rule = "iommufd.h: IOMMU_HWPT_ALLOC_PASID, vfio.h: VFIO_DEVICE_ATTACH_PASID",
     .needs = LIST("engine.pasid"), .marks = LIST("stress", "slow"), .timeout_ms = 180000,
     .parameters = { IOMMUFD_ONLY, PARAMETER_OR("defects", "avoided", "avoided", "met") })
{
	play_scripts(t, &pasid_player, 4000, MAX_STEPS);
}

CASE(refused_replace_keeps_reserved,
     .proves = "a replace that is refused leaves what the device reserves reserved: the MSI window "
	       "cannot be mapped",
     .rule = "iommufd.h: IOMMU_IOAS_IOVA_RANGES", .needs = LIST("engine.pasid"),
     .parameters = { IOMMUFD_ONLY })
{
	const struct script script = {
		.step = { { .call = CALL_IOAS_ALLOC },
			  { .call = CALL_HWPT_ALLOC, .flags = FLAG_PASID },
			  { .call = CALL_ATTACH, .other = FIRST_HWPT },
			  { .call = CALL_ATTACH_PASID, .other = FIRST_HWPT },
			  { .call = CALL_RANGES },
			  /* Not for PASIDs, but one is in use. */
			  { .call = CALL_ATTACH, .other = 0 },
			  { .call = CALL_RANGES },
			  { .call = CALL_MAP,
			    .window = BEFORE_HOLE,
			    .page = WINDOW_PAGES / 2,
			    .pages = 1,
			    .flags = FLAG_READ | FLAG_WRITE } },
		.count = 8,
	};

	play_script(t, &pasid_player, &script);
}

CASE(pasid_without_its_device,
     .proves = "a PASID reaches its memory while the device itself is attached to nothing",
     .rule = "vfio.h: VFIO_DEVICE_ATTACH_PASID; VT-d 4.1, 9.4: RID_PASID is for requests without a "
	     "PASID",
     .needs = LIST("engine.pasid"), .parameters = { IOMMUFD_ONLY })
{
	const struct script script = {
		.step = { { .call = CALL_IOAS_ALLOC },
			  { .call = CALL_HWPT_ALLOC, .flags = FLAG_PASID },
			  { .call = CALL_MAP, .pages = 1, .flags = FLAG_READ | FLAG_WRITE },
			  { .call = CALL_ATTACH, .other = FIRST_HWPT },
			  { .call = CALL_ATTACH_PASID, .other = FIRST_HWPT },
			  { .call = CALL_DMA_WRITE },
			  { .call = CALL_DETACH },
			  { .call = CALL_DMA_WRITE },
			  { .call = CALL_DMA_WRITE, .other = 1 },
			  { .call = CALL_DMA_READ, .other = 1 } },
		.count = 10,
	};

	play_script(t, &pasid_player, &script);
}
