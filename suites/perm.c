// SPDX-License-Identifier: GPL-2.0-or-later
/* Permissions, page by page. */
#include <string.h>

#include <iommut/pattern.h>

#include "harness/dma.h"

SUITE("perm", "what a mapping allows is allowed, what it does not is refused, page by page");

#define PAGE 4096ull

CASE(per_page, .proves = "in one range of pages with different access, each page follows its own",
     .rule = "iommufd.h: IOMMU_IOAS_MAP, vfio.h: VFIO_IOMMU_MAP_DMA", .marks = LIST("smoke"),
     .parameters = { BACKENDS })
{
	struct rig *rig = rig_open(t);
	struct dma_buffer *buffer = make_buffer(rig, 8 * PAGE, NULL);
	uint8_t seen[64];

	need(rig, ENGINE_SEES_ERRORS);
	for (int i = 0; i < 8; i++)
		expect_zero(t, iommut_space_map(rig->space, buffer->data + i * PAGE, PAGE,
						buffer->iova + i * PAGE,
						i % 2 ? IOMMUT_READ : IOMMUT_RW));
	fill_canary(buffer);
	for (int i = 0; i < 8; i++) {
		uint64_t iova = buffer->iova + i * PAGE, value = random64(t);

		expect_read(rig, iova, seen, sizeof(seen));
		expect_bytes(t, seen, buffer->data + i * PAGE, sizeof(seen));
		if (i % 2) {
			expect_write_blocked(rig, iova, 8);
			expect_canary_at(buffer, i * PAGE, PAGE);
		} else {
			expect_write(rig, iova, &value, 8);
			expect_bytes(t, buffer->data + i * PAGE, &value, 8);
		}
	}
}

CASE(write_runs_into_read_only,
     .proves = "a write that begins in a writable page does not go on into a read-only one",
     .rule = "iommufd.h: IOMMU_IOAS_MAP_WRITEABLE", .parameters = { BACKENDS })
{
	struct rig *rig = rig_open(t);
	struct dma_buffer *buffer = make_buffer(rig, 2 * PAGE, NULL);

	need(rig, ENGINE_SEES_ERRORS);
	expect_zero(t, iommut_space_map(rig->space, buffer->data, PAGE, buffer->iova, IOMMUT_RW));
	expect_zero(t, iommut_space_map(rig->space, buffer->data + PAGE, PAGE, buffer->iova + PAGE,
					IOMMUT_READ));
	expect_write(rig, buffer->iova + PAGE - 64, buffer->data, 64);
	fill_canary(buffer);
	expect_write_blocked(rig, buffer->iova + PAGE - 64, 128);
	expect_canary_at(buffer, PAGE, PAGE);
	expect_canary_at(buffer, 0, PAGE - 64);
}

CASE(downgrade,
     .proves = "an IOVA mapped again for reading only can no longer be written, though it could be "
	       "before",
     .rule = "iommufd.h: IOMMU_IOAS_UNMAP, IOMMU_IOAS_MAP_WRITEABLE", .parameters = { BACKENDS })
{
	struct rig *rig = rig_open(t);
	struct dma_buffer *buffer = map_buffer(rig, PAGE);

	need(rig, ENGINE_SEES_ERRORS);
	for (int round = 0; round < 3; round++) {
		expect_reaches(buffer);
		unmap_buffer(buffer);
		map_again(buffer, IOMMUT_READ);
		expect_reaches(buffer);
		fill_canary(buffer);
		expect_write_blocked(rig, buffer->iova, 8);
		expect_canary(buffer);
		unmap_buffer(buffer);
		map_again(buffer, IOMMUT_RW);
	}
}

CASE(upgrade,
     .proves = "an IOVA mapped again for writing can be written, though it was refused before",
     .rule = "iommufd.h: IOMMU_IOAS_MAP_WRITEABLE", .parameters = { BACKENDS })
{
	struct rig *rig = rig_open(t);
	struct buffer_options read_only = { .access = IOMMUT_READ };
	struct dma_buffer *buffer = map_buffer_with(rig, PAGE, &read_only);

	need(rig, ENGINE_SEES_ERRORS);
	expect_reaches(buffer);
	expect_write_blocked(rig, buffer->iova, 8);
	unmap_buffer(buffer);
	map_again(buffer, IOMMUT_RW);
	expect_reaches(buffer);
}

CASE(same_page_two_ways,
     .proves = "one page mapped at two IOVAs can be written through the one that allows it and not "
	       "through the other",
     .rule = "iommufd.h: IOMMU_IOAS_MAP", .parameters = { BACKENDS })
{
	struct rig *rig = rig_open(t);
	struct dma_buffer *buffer = map_buffer(rig, PAGE);
	uint64_t read_only = free_iova(rig, PAGE), value = random64(t);
	uint8_t seen[8];

	need(rig, ENGINE_SEES_ERRORS);
	expect_zero(t, iommut_space_map(rig->space, buffer->data, PAGE, read_only, IOMMUT_READ));
	expect_write(rig, buffer->iova, &value, 8);
	expect_read(rig, read_only, seen, 8);
	expect_bytes(t, seen, &value, 8);
	fill_canary(buffer);
	expect_write_blocked(rig, read_only, 8);
	expect_canary(buffer);
	expect_zero(t, iommut_space_unmap(rig->space, read_only, PAGE, NULL));
}

CASE(atomic_needs_write,
     .proves = "an atomic operation on a read-only page is refused and changes nothing; on a "
	       "writable page it works",
     .rule = "PCIe 6.2, 6.15: AtomicOps are requests that write",
     .parameters = { BACKENDS, PARAMETER("operation", "fetch-add", "compare-swap") })
{
	struct rig *rig = rig_open(t);
	struct buffer_options read_only = { .access = IOMMUT_READ };
	struct dma_buffer *writable = map_buffer(rig, PAGE);
	struct dma_buffer *buffer = map_buffer_with(rig, PAGE, &read_only);
	bool add = param_is(t, "operation", "fetch-add");
	struct engine_transfer transfer = { .operation = add ? ENGINE_OP_FETCH_ADD
							     : ENGINE_OP_COMPARE_SWAP,
					    .pasid = IOMMUT_NO_PASID,
					    .iova = writable->iova + 64,
					    .length = 8,
					    .operand = add ? 5 : 100,
					    .swap = 105 };
	struct engine_result result;
	uint64_t value = 100;

	need(rig, ENGINE_ATOMIC);
	memcpy(writable->data + 64, &value, 8);
	expect_transfer(rig, &transfer, ENGINE_OK, &result);
	expect_equal(t, result.value, 100);
	value = 105;
	expect_bytes(t, writable->data + 64, &value, 8);
	fill_canary(buffer);
	transfer.iova = buffer->iova + 64;
	memcpy(&transfer.operand, buffer->data, 8);
	expect_transfer(rig, &transfer, ENGINE_BLOCKED, NULL);
	expect_canary(buffer);
}
