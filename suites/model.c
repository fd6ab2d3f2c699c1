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
	play_scripts(t, &iommufd_player, 80, 40);
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
     .needs = LIST("engine.pasid"), .timeout_ms = 40000, .parameters = { IOMMUFD_ONLY })
{
	play_scripts(t, &pasid_player, 80, 40);
}

CASE(pasids_long, .proves = "the same with PASIDs over thousands of sequences",
     .rule = "iommufd.h: IOMMU_HWPT_ALLOC_PASID, vfio.h: VFIO_DEVICE_ATTACH_PASID",
     .needs = LIST("engine.pasid"), .marks = LIST("stress", "slow"), .timeout_ms = 180000,
     .parameters = { IOMMUFD_ONLY, PARAMETER_OR("defects", "avoided", "avoided", "met") })
{
	play_scripts(t, &pasid_player, 4000, MAX_STEPS);
}

CASE(container,
     .proves = "in random sequences every answer of a VFIO container is the one that the mappings "
	       "made so far demand, and the "
	       "device reaches exactly the memory that is mapped",
     .rule = "vfio.h: VFIO_IOMMU_MAP_DMA, VFIO_IOMMU_UNMAP_DMA (type1v2)", .timeout_ms = 40000,
     .parameters = { PARAMETER("backend", "type1", "compat") })
{
	play_scripts(t, &container_player, 40, 40);
}

CASE(container_long, .proves = "the same with a VFIO container over thousands of sequences",
     .rule = "vfio.h: VFIO_IOMMU_MAP_DMA, VFIO_IOMMU_UNMAP_DMA (type1v2)",
     .marks = LIST("stress", "slow"), .timeout_ms = 180000,
     .parameters = { PARAMETER("backend", "type1", "compat") })
{
	play_scripts(t, &container_player, 4000, MAX_STEPS);
}

CASE(refused_replace_keeps_reserved,
     .proves = "a replace that is refused leaves what the device reserves reserved: the MSI window "
	       "cannot be mapped",
     .rule = "iommufd.h: IOMMU_IOAS_IOVA_RANGES", .needs = LIST("engine.pasid"),
     .parameters = { IOMMUFD_ONLY, PARAMETER_OR("defects", "met", "met") })
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

	play_script(t, &pasid_player, &script, NULL);
}

CASE(pasid_without_its_device,
     .proves = "a PASID reaches its memory while the device itself is attached to nothing",
     .rule = "vfio.h: VFIO_DEVICE_ATTACH_PASID; VT-d 4.1, 9.4: RID_PASID is for requests without a "
	     "PASID",
     .needs = LIST("engine.pasid"),
     .parameters = { IOMMUFD_ONLY, PARAMETER_OR("defects", "met", "met") })
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

	play_script(t, &pasid_player, &script, NULL);
}

static void need_last_address(struct test *t, void *state)
{
	const struct world *world = state;

	if (world->table[0].count &&
	    world->table[0].range[world->table[0].count - 1].last == UINT64_MAX)
		skip(t, "the IOMMU's page tables end below the last address",
		     "an IOMMU of 64 bits: lab profile amd");
}

CASE(last_pages,
     .proves = "several pages up to the last address of the 64-bit space can be mapped, and the "
	       "device reads each of them",
     .rule = "iommufd.h: IOMMU_IOAS_IOVA_RANGES, IOMMU_IOAS_MAP",
     .parameters = { IOMMUFD_ONLY, PARAMETER_OR("defects", "met", "met"),
		     PARAMETER("huge_pages", "on", "off") })
{
	const struct script script = {
		.step = { { .call = CALL_IOAS_ALLOC },
			  { .call = CALL_LARGE_PAGES, .flags = param_is(t, "huge_pages", "on") },
			  { .call = CALL_HWPT_ALLOC },
			  { .call = CALL_ATTACH, .other = FIRST_HWPT },
			  { .call = CALL_RANGES },
			  { .call = CALL_MAP,
			    .window = HIGHEST,
			    .page = WINDOW_PAGES - 4,
			    .pages = 4,
			    .flags = FLAG_READ },
			  { .call = CALL_DMA_READ, .window = HIGHEST, .page = WINDOW_PAGES - 4 },
			  { .call = CALL_DMA_READ, .window = HIGHEST, .page = WINDOW_PAGES - 3 },
			  { .call = CALL_DMA_READ, .window = HIGHEST, .page = WINDOW_PAGES - 2 },
			  { .call = CALL_DMA_READ, .window = HIGHEST, .page = WINDOW_PAGES - 1 } },
		.count = 10,
	};

	play_script(t, &iommufd_player, &script, need_last_address);
}

CASE(map_without_access,
     .proves = "a mapping through iommufd's emulation of a container that allows neither reading "
	       "nor writing is refused, or "
	       "blocks both; and the kernel has nothing to complain about",
     .rule = "vfio.h: VFIO_IOMMU_MAP_DMA", .marks = LIST("exclusive"),
     .parameters = { PARAMETER("backend", "compat"), PARAMETER_OR("defects", "met", "met") })
{
	const struct script script = {
		.step = { { .call = CALL_MAP, .pages = 1, .odd = NO_ACCESS },
			  { .call = CALL_DMA_READ },
			  { .call = CALL_DMA_WRITE } },
		.count = 3,
	};

	play_script(t, &container_player, &script, NULL);
}
