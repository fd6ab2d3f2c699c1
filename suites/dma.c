// SPDX-License-Identifier: GPL-2.0-or-later
/* DMA that must work: every byte, no other byte. */
#include <stdlib.h>
#include <string.h>

#include <iommut/pattern.h>

#include "harness/dma.h"

SUITE("dma", "DMA that must work: every byte, and no other byte");

#define GUARD 64

/* The device writes at an offset: its bytes arrive, the guards on both sides stay. */
static void write_between_guards(struct dma_buffer *buffer, size_t offset, size_t length)
{
	struct test *t = buffer->rig->t;
	uint8_t *bytes = random_bytes(t, length);

	fill_canary(buffer);
	expect_write(buffer->rig, buffer->iova + offset, bytes, length);
	expect_bytes(t, buffer->data + offset, bytes, length);
	expect_canary_at(buffer, 0, offset);
	expect_canary_at(buffer, offset + length, buffer->length - offset - length);
}

/* The device reads at an offset: it sees just those bytes, and memory stays as it is. */
static void read_between_guards(struct dma_buffer *buffer, size_t offset, size_t length)
{
	struct test *t = buffer->rig->t;
	uint8_t *bytes = random_bytes(t, length);
	uint8_t *seen = random_bytes(t, length);

	fill_canary(buffer);
	memcpy(buffer->data + offset, bytes, length);
	expect_read(buffer->rig, buffer->iova + offset, seen, length);
	expect_bytes(t, seen, bytes, length);
	expect_bytes(t, buffer->data + offset, bytes, length);
	expect_canary_at(buffer, 0, offset);
	expect_canary_at(buffer, offset + length, buffer->length - offset - length);
}

static size_t length_of(struct rig *rig)
{
	uint64_t length;

	if (param_is(rig->t, "size", "max"))
		return rig->engine.max_length;
	length = param_size(rig->t, "size");
	if (length > rig->engine.max_length)
		skipf(rig->t, "an engine with longer transfers",
		      "the longest transfer of %s is %u bytes", rig->engine.driver->name,
		      rig->engine.max_length);
	return length;
}

CASE(write, .proves = "a device write puts exactly its bytes into mapped memory",
     .rule = "iommufd.h: IOMMU_IOAS_MAP, vfio.h: VFIO_IOMMU_MAP_DMA", .marks = LIST("smoke"),
     .needs = LIST("engine.write"),
     .parameters = { BACKENDS,
		     PARAMETER("size", "1", "2", "3", "4", "8", "64", "4095", "4K", "max") })
{
	struct rig *rig = rig_open(t);
	size_t length = length_of(rig);
	struct dma_buffer *buffer = map_buffer(rig, length + 2 * GUARD);

	write_between_guards(buffer, GUARD, length);
}

CASE(read, .proves = "a device read sees exactly the bytes in mapped memory and changes none",
     .rule = "iommufd.h: IOMMU_IOAS_MAP, vfio.h: VFIO_IOMMU_MAP_DMA", .marks = LIST("smoke"),
     .needs = LIST("engine.read"),
     .parameters = { BACKENDS,
		     PARAMETER("size", "1", "2", "3", "4", "8", "64", "4095", "4K", "max") })
{
	struct rig *rig = rig_open(t);
	size_t length = length_of(rig);
	struct dma_buffer *buffer = map_buffer(rig, length + 2 * GUARD);

	read_between_guards(buffer, GUARD, length);
}

CASE(unaligned, .proves = "a transfer may start at any byte of a page",
     .rule = "PCIe 6.2, 2.2.5: first and last DW byte enables",
     .needs = LIST("engine.read", "engine.write"),
     .parameters = { BACKENDS, PARAMETER("offset", "1", "3", "7", "4093") })
{
	struct rig *rig = rig_open(t);
	struct dma_buffer *buffer = map_buffer(rig, 3 * 4096);
	size_t offset = param_size(t, "offset");

	write_between_guards(buffer, offset, 3);
	read_between_guards(buffer, offset, 3);
}

CASE(page_crossing,
     .proves =
	     "a transfer across pages that are not neighbours in memory is taken apart at the page",
     .rule = "iommufd.h: IOMMU_IOAS_MAP", .needs = LIST("engine.read", "engine.write"),
     .parameters = { BACKENDS })
{
	struct rig *rig = rig_open(t);
	struct dma_buffer *first = make_buffer(rig, 2 * 4096, NULL);
	struct dma_buffer *second = make_buffer(rig, 2 * 4096, NULL);
	uint8_t *bytes = random_bytes(t, 256), *seen = random_bytes(t, 256);

	/* Page 0 of the first and page 1 of the second become neighbours for the device alone. */
	expect_zero(t, iommut_space_map(rig->space, first->data, 4096, first->iova, IOMMUT_RW));
	expect_zero(t, iommut_space_map(rig->space, second->data + 4096, 4096, first->iova + 4096,
					IOMMUT_RW));
	fill_canary(first);
	fill_canary(second);
	expect_write(rig, first->iova + 4096 - 100, bytes, 256);
	expect_bytes(t, first->data + 4096 - 100, bytes, 100);
	expect_bytes(t, second->data + 4096, bytes + 100, 156);
	expect_canary_at(first, 0, 4096 - 100);
	expect_canary_at(first, 4096, 4096);
	expect_canary_at(second, 0, 4096);
	expect_canary_at(second, 4096 + 156, 4096 - 156);
	expect_read(rig, first->iova + 4096 - 100, seen, 256);
	expect_bytes(t, seen, bytes, 256);
	expect_zero(t, iommut_space_unmap(rig->space, first->iova, 2 * 4096, NULL));
}

CASE(end_of_space,
     .proves =
	     "the lowest and the highest page that the IOMMU says can be mapped really can be used",
     .rule = "iommufd.h: IOMMU_IOAS_IOVA_RANGES, vfio.h: VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE",
     .needs = LIST("engine.read", "engine.write"),
     .parameters = { BACKENDS, PARAMETER("page", "lowest", "highest") })
{
	struct rig *rig = rig_open(t);
	struct iommut_iova_range *ranges;
	struct buffer_options options = { .fixed = true };
	struct dma_buffer *buffer;
	uint64_t lowest, highest;
	size_t count;

	expect_zero(t, iommut_space_ranges(rig->space, &ranges, &count));
	undo_later(t, free, ranges);
	expect(t, count > 0);
	lowest = ranges[0].start;
	highest = ranges[count - 1].last - 4095;
	options.iova = param_is(t, "page", "lowest") ? lowest : highest;
	if (options.iova + 4095 > rig->engine.dma_mask)
		skipf(t, "a device that can send higher addresses",
		      "%s sends addresses up to %#llx only, the highest page is %#llx",
		      rig->engine.driver->name, (unsigned long long)rig->engine.dma_mask,
		      (unsigned long long)options.iova);
	buffer = map_buffer_with(rig, 4096, &options);
	note(t, "IOVA %#llx", (unsigned long long)buffer->iova);
	write_between_guards(buffer, 0, GUARD);
	write_between_guards(buffer, 4096 - GUARD, GUARD);
	read_between_guards(buffer, 4096 - GUARD, GUARD);
}

CASE(two_mappings, .proves = "one page mapped at two IOVAs is the same memory through both",
     .rule = "iommufd.h: IOMMU_IOAS_MAP", .needs = LIST("engine.read", "engine.write"),
     .parameters = { BACKENDS })
{
	struct rig *rig = rig_open(t);
	struct dma_buffer *buffer = map_buffer(rig, 4096);
	uint64_t other = free_iova(rig, 4096);
	uint8_t *bytes = random_bytes(t, 512), *seen = random_bytes(t, 512);

	expect_zero(t, iommut_space_map(rig->space, buffer->data, 4096, other, IOMMUT_RW));
	expect_write(rig, other + 128, bytes, 512);
	expect_bytes(t, buffer->data + 128, bytes, 512);
	expect_read(rig, buffer->iova + 128, seen, 512);
	expect_bytes(t, seen, bytes, 512);
	/* One of them ends; the other must not notice. */
	expect_zero(t, iommut_space_unmap(rig->space, other, 4096, NULL));
	expect_reaches(buffer);
}

CASE(map_size,
     .proves = "every page of a mapping reaches its own memory, whatever page size backs it",
     .rule = "iommufd.h: IOMMU_IOAS_MAP", .needs = LIST("engine.read", "engine.write"),
     .parameters = { BACKENDS, PARAMETER("size", "4K", "64K", "2M"),
		     PARAMETER("memory", "anonymous", "thp", "hugetlb2M", "memfd") },
     .excludes = LIST("size=4K,memory=thp", "size=4K,memory=hugetlb2M", "size=64K,memory=thp",
		      "size=64K,memory=hugetlb2M"))
{
	struct rig *rig = rig_open(t);
	struct buffer_options options = { 0 };
	struct dma_buffer *buffer;
	size_t probes[5], pages;

	expect_zero(t, iommut_memory_kind_parse(param(t, "memory"), &options.kind));
	buffer = map_buffer_with(rig, param_size(t, "size"), &options);
	pages = buffer->length / 4096;
	/* First, last, and some in between: a wrong leaf size shows at any of them. */
	probes[0] = 0;
	probes[1] = pages - 1;
	for (int i = 2; i < 5; i++)
		probes[i] = random_below(t, pages);
	for (int i = 0; i < 5; i++) {
		write_between_guards(buffer, probes[i] * 4096 + random_below(t, 4096 - GUARD),
				     GUARD);
		if (rig->engine.driver->needs_staging && i == 1)
			break; /* a device that takes 100 ms for each transfer */
	}
	read_between_guards(buffer, (pages - 1) * 4096, GUARD);
}

CASE(copy,
     .proves = "a device that reads at one IOVA and writes at another moves exactly those bytes",
     .rule = "iommufd.h: IOMMU_IOAS_MAP", .needs = LIST("engine.copy"),
     .parameters = { BACKENDS, PARAMETER("size", "1", "64", "4K", "64K", "1M") })
{
	struct rig *rig = rig_open(t);
	size_t length = length_of(rig);
	struct dma_buffer *from = map_buffer_with(
		rig, length + GUARD, &(struct buffer_options){ .access = IOMMUT_READ });
	struct dma_buffer *to = map_buffer_with(rig, length + 2 * GUARD,
						&(struct buffer_options){ .access = IOMMUT_RW });
	struct engine_transfer transfer = { .operation = ENGINE_OP_COPY,
					    .pasid = IOMMUT_NO_PASID,
					    .iova = from->iova,
					    .target = to->iova + GUARD,
					    .length = (uint32_t)length };
	struct engine_result result;

	need(rig, ENGINE_COPY);
	iommut_pattern_fill(from->data, from->length, random64(t), 0);
	fill_canary(to);
	expect_transfer(rig, &transfer, ENGINE_OK, &result);
	expect_equal(t, result.bytes, length);
	expect_bytes(t, to->data + GUARD, from->data, length);
	expect_canary_at(to, 0, GUARD);
	expect_canary_at(to, GUARD + length, to->length - GUARD - length);
}

CASE(fill,
     .proves = "a device that fills memory in strides touches each stride and nothing between",
     .rule = "iommufd.h: IOMMU_IOAS_MAP", .needs = LIST("engine.fill"), .parameters = { BACKENDS })
{
	struct rig *rig = rig_open(t);
	struct dma_buffer *buffer = map_buffer(rig, 16 * 4096);
	struct engine_transfer transfer = { .operation = ENGINE_OP_FILL,
					    .pasid = IOMMUT_NO_PASID,
					    .iova = buffer->iova + 8,
					    .length = 16,
					    .stride = 4096,
					    .repeat = 16,
					    .operand = random64(t) };

	need(rig, ENGINE_FILL);
	if (rig->engine.fill_pattern)
		transfer.operand = rig->engine.fill_pattern;
	fill_canary(buffer);
	expect_transfer(rig, &transfer, ENGINE_OK, NULL);
	for (size_t page = 0; page < 16; page++) {
		expect_bytes(t, buffer->data + page * 4096 + 8, &transfer.operand, 8);
		expect_bytes(t, buffer->data + page * 4096 + 16, &transfer.operand, 8);
		expect_canary_at(buffer, page * 4096, 8);
		expect_canary_at(buffer, page * 4096 + 24, 4096 - 24);
	}
}
