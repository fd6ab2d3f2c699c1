// SPDX-License-Identifier: GPL-2.0-or-later
/* Which pages a device has written: type1's dirty pages with real DMA, and iommufd's dirty tracking on Linux' mock IOMMU. */
#include <stdlib.h>
#include <string.h>

#include <iommut/vfio.h>

#include "harness/dma.h"
#include "suites/mock.h"

SUITE("dirty", "which pages a device has written");

#define PAGE  UINT64_C(4096)
#define GUARD UINT64_C(0xa5a5a5a5a5a5a5a5)

static bool bit(const uint64_t *bitmap, uint64_t index)
{
	return bitmap[index / 64] >> (index % 64) & 1;
}

static struct iommut_handle open_tracker(struct test *t, struct rig **rig)
{
	struct iommut_vfio_iommu_info info;
	struct iommut_handle container;

	*rig = rig_open(t);
	container = iommut_space_handle((*rig)->space);
	expect_zero(t, iommut_vfio_iommu_info(container, &info));
	free(info.ranges);
	if (!info.has_migration)
		skip(t, "type1 does not track dirty pages",
		     "a kernel with VFIO_IOMMU_TYPE1_INFO_CAP_MIGRATION");
	expect(t, info.dirty_page_sizes & PAGE);
	return container;
}

CASE(type1_written,
     .proves = "every page that the device has written is reported, and the bitmap ends where the "
	       "range does",
     .rule = "vfio.h: VFIO_IOMMU_DIRTY_PAGES",
     .parameters = { PARAMETER("backend", "type1"),
		     PARAMETER("pages", "1", "63", "64", "65", "512") })
{
	uint64_t pages = param_size(t, "pages"), bitmap[10], words = (pages + 63) / 64;
	struct rig *rig;
	struct iommut_handle container = open_tracker(t, &rig);
	struct dma_buffer *buffer = map_buffer(rig, pages * PAGE);

	expect_zero(t, iommut_vfio_dirty_tracking(container, true));
	for (int round = 0; round < 4; round++) {
		uint64_t page = random_below(t, pages), value = random64(t);

		expect_write(rig, buffer->iova + page * PAGE, &value, sizeof(value));
		expect_bytes(t, buffer->data + page * PAGE, &value, sizeof(value));
		for (size_t i = 0; i < 10; i++)
			bitmap[i] = i < words ? 0 : GUARD;
		expect_zero(t, iommut_vfio_dirty_bitmap(container, buffer->iova, buffer->length,
							PAGE, bitmap));
		expect(t, bit(bitmap, page));
		for (uint64_t i = pages; i < words * 64; i++)
			expect(t, !bit(bitmap, i));
		for (size_t i = words; i < 10; i++)
			expect_equal(t, bitmap[i], GUARD);
	}
	expect_zero(t, iommut_vfio_dirty_tracking(container, false));
}

CASE(type1_unmap, .proves = "an unmap tells which pages had been written, and then blocks",
     .rule = "vfio.h: VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP",
     .parameters = { PARAMETER("backend", "type1") })
{
	uint64_t bitmap = 0, unmapped = 0, value = random64(t);
	struct rig *rig;
	struct iommut_handle container = open_tracker(t, &rig);
	struct dma_buffer *buffer = map_buffer(rig, 8 * PAGE);

	expect_zero(t, iommut_vfio_dirty_tracking(container, true));
	expect_write(rig, buffer->iova + 5 * PAGE, &value, sizeof(value));
	expect_zero(t, iommut_vfio_unmap_dma_dirty(container, buffer->iova, buffer->length, PAGE,
						   &bitmap, &unmapped));
	buffer->mapped = false;
	expect_equal(t, unmapped, buffer->length);
	expect(t, bit(&bitmap, 5));
	expect_equal(t, bitmap >> 8, 0);
	fill_canary(buffer);
	expect_write_blocked(rig, buffer->iova + 5 * PAGE, 8);
	expect_canary(buffer);
}

CASE(type1_refused,
     .proves = "a bitmap is refused while nothing is tracked, in another granule, for no bytes, "
	       "and for a part of a mapping",
     .rule = "vfio.h: VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP",
     .parameters = { PARAMETER("backend", "type1") })
{
	uint64_t bitmap = GUARD;
	struct rig *rig;
	struct iommut_handle container = open_tracker(t, &rig);
	struct dma_buffer *buffer = map_buffer(rig, 8 * PAGE);
	uint64_t iova = buffer->iova;

	expect_errno(t, iommut_vfio_dirty_bitmap(container, iova, 8 * PAGE, PAGE, &bitmap), EINVAL);
	expect_zero(t, iommut_vfio_dirty_tracking(container, true));
	expect_zero(t, iommut_vfio_dirty_tracking(container, true));
	expect_errno(t, iommut_vfio_dirty_bitmap(container, iova, 8 * PAGE, 2 * PAGE, &bitmap),
		     EINVAL);
	expect_errno(t, iommut_vfio_dirty_bitmap(container, iova, 0, PAGE, &bitmap), EINVAL);
	expect_errno(t, iommut_vfio_dirty_bitmap(container, iova + PAGE, PAGE, PAGE, &bitmap),
		     EINVAL);
	expect_errno(t, iommut_vfio_dirty_bitmap(container, iova, 7 * PAGE, PAGE, &bitmap), EINVAL);
	expect_equal(t, bitmap, GUARD);
	expect_zero(t, iommut_vfio_dirty_bitmap(container, iova, 8 * PAGE, PAGE, &bitmap));
	expect_zero(t, iommut_vfio_dirty_tracking(container, false));
	expect_zero(t, iommut_vfio_dirty_tracking(container, false));
	expect_errno(t, iommut_vfio_dirty_bitmap(container, iova, 8 * PAGE, PAGE, &bitmap), EINVAL);
}

#define MOCK_LENGTH (UINT64_C(256) * MOCK_PAGE_SIZE)

static struct mock open_tracked(struct test *t, uint32_t *hwpt)
{
	struct mock mock = mock_open(t);
	void *memory = NULL;
	uint64_t iova = MOCK_IOVA;

	expect(t, posix_memalign(&memory, PAGE, MOCK_LENGTH) == 0);
	undo_later(t, free, memory);
	memset(memory, 1, MOCK_LENGTH);
	/* One entry of the page table for each 4 KiB: an entry is dirty as a whole. */
	expect_zero(t, iommut_option_set(mock.iommufd, IOMMU_OPTION_HUGE_PAGES, mock.ioas, 0));
	expect_zero(t, iommut_ioas_map(mock.iommufd, mock.ioas, memory, MOCK_LENGTH, &iova,
				       IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE |
					       IOMMU_IOAS_MAP_WRITEABLE));
	expect_zero(t, mock_hwpt(&mock, mock.ioas, IOMMU_HWPT_ALLOC_DIRTY_TRACKING, hwpt));
	expect_zero(t, iommut_hwpt_dirty_tracking(mock.iommufd, *hwpt, true));
	return mock;
}

CASE(mock_exact,
     .proves = "iommufd reports exactly the pages that were written, once, at each granule; "
	       "without clearing, again",
     .rule = "iommufd.h: IOMMU_HWPT_GET_DIRTY_BITMAP", .devices = NO_DEVICE,
     .parameters = { PARAMETER("granule", "4K", "16K", "64K") })
{
	uint64_t granule = param_size(t, "granule"), written[4], seen[4], expected[4] = { 0 };
	const uint32_t keep = IOMMU_HWPT_GET_DIRTY_BITMAP_NO_CLEAR;
	uint32_t hwpt;
	struct mock mock = open_tracked(t, &hwpt);

	for (int i = 0; i < 4; i++)
		written[i] = random64(t) & random64(t) & random64(t);
	expect_zero(t, mock_write(&mock, hwpt, MOCK_IOVA, MOCK_LENGTH, MOCK_PAGE_SIZE, written));
	for (uint64_t page = 0; page < 256; page++)
		if (bit(written, page)) {
			uint64_t index = page * MOCK_PAGE_SIZE / granule;

			expected[index / 64] |= UINT64_C(1) << (index % 64);
		}
	for (int round = 0; round < 3; round++) {
		memset(seen, 0, sizeof(seen));
		expect_zero(t, iommut_hwpt_dirty_bitmap(mock.iommufd, hwpt, MOCK_IOVA, MOCK_LENGTH,
							granule, round < 2 ? keep : 0, seen));
		for (int i = 0; i < 4; i++)
			expect_equal(t, seen[i], expected[i]);
	}
	memset(seen, 0, sizeof(seen));
	expect_zero(t, iommut_hwpt_dirty_bitmap(mock.iommufd, hwpt, MOCK_IOVA, MOCK_LENGTH, granule,
						0, seen));
	for (int i = 0; i < 4; i++)
		expect_equal(t, seen[i], 0);
}

CASE(mock_refused,
     .proves = "dirty bits are refused of a page table that does not track, unaligned, of no "
	       "length and beyond the end; turning it on "
	       "forgets what was before",
     .rule = "iommufd.h: IOMMU_HWPT_SET_DIRTY_TRACKING, IOMMU_HWPT_GET_DIRTY_BITMAP",
     .devices = NO_DEVICE)
{
	uint64_t all[4] = { UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX }, seen[4] = { 0 };
	uint32_t hwpt, plain;
	struct mock mock = open_tracked(t, &hwpt);
	struct iommut_handle iommufd = mock.iommufd;

	expect_zero(t, mock_hwpt(&mock, mock.ioas, 0, &plain));
	expect_errno(t, iommut_hwpt_dirty_tracking(iommufd, plain, true), EOPNOTSUPP);
	expect_errno(
		t, iommut_hwpt_dirty_bitmap(iommufd, plain, MOCK_IOVA, MOCK_LENGTH, PAGE, 0, seen),
		EOPNOTSUPP);
	expect_errno(t, iommut_hwpt_dirty_bitmap(iommufd, hwpt, MOCK_IOVA, 0, PAGE, 0, seen),
		     EINVAL);
	expect_errno(t, iommut_hwpt_dirty_bitmap(iommufd, hwpt, MOCK_IOVA, MOCK_LENGTH, 0, 0, seen),
		     EINVAL);
	expect_errno(
		t,
		iommut_hwpt_dirty_bitmap(iommufd, hwpt, MOCK_IOVA + 1, MOCK_LENGTH, PAGE, 0, seen),
		EINVAL);
	expect_errno(t, iommut_hwpt_dirty_bitmap(iommufd, hwpt, 0 - PAGE, 2 * PAGE, PAGE, 0, seen),
		     EOVERFLOW);
	expect_zero(t, mock_write(&mock, hwpt, MOCK_IOVA, MOCK_LENGTH, MOCK_PAGE_SIZE, all));
	expect_zero(t, iommut_hwpt_dirty_tracking(iommufd, hwpt, false));
	expect_zero(t, iommut_hwpt_dirty_tracking(iommufd, hwpt, true));
	expect_zero(t, iommut_hwpt_dirty_bitmap(iommufd, hwpt, MOCK_IOVA, MOCK_LENGTH,
						MOCK_PAGE_SIZE, 0, seen));
	for (int i = 0; i < 4; i++)
		expect_equal(t, seen[i], 0);
}
