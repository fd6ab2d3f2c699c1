// SPDX-License-Identifier: GPL-2.0-or-later
/* DMA that must not happen. Each case first shows that the same device and stimulus work. */
#include <stdlib.h>
#include <string.h>

#include <iommut/pattern.h>

#include "harness/dma.h"

SUITE("blocked", "DMA that must not happen, after the same DMA was shown to work");

#define SOME 64

CASE(write_never_mapped,
     .proves = "a device write to an IOVA that was never mapped is refused and changes nothing",
     .rule = "iommufd.rst: an IOAS maps nothing by itself", .marks = LIST("smoke"),
     .needs = LIST("engine.write"), .parameters = { BACKENDS })
{
	struct rig *rig = rig_open(t);
	struct dma_buffer *buffer = map_buffer(rig, 4096);
	struct fault_watch *watch = watch_faults(t);
	uint64_t nowhere = free_iova(rig, 4096);

	expect_reaches(buffer);
	fill_canary(buffer);
	expect_write_blocked(rig, nowhere, 4);
	expect_canary(buffer);
	fault_reported(watch, rig, nowhere, 4, true, 0, NULL);
	expect_reaches(buffer);
}

CASE(read_never_mapped,
     .proves = "a device read of an IOVA that was never mapped is refused and yields no memory",
     .rule = "iommufd.rst: an IOAS maps nothing by itself", .marks = LIST("smoke"),
     .needs = LIST("engine.read"), .parameters = { BACKENDS })
{
	struct rig *rig = rig_open(t);
	struct dma_buffer *buffer = map_buffer(rig, 4096);
	struct fault_watch *watch = watch_faults(t);
	uint64_t nowhere = free_iova(rig, 4096);

	expect_reaches(buffer);
	expect_read_blocked(rig, nowhere, buffer->data, 4);
	fault_reported(watch, rig, nowhere, 4, false, 0, NULL);
	expect_reaches(buffer);
}

CASE(write_after_unmap,
     .proves = "once unmap has returned, a device write to that IOVA changes nothing, cached "
	       "translations included",
     .rule = "iommufd.h: IOMMU_IOAS_UNMAP, vfio.h: VFIO_IOMMU_UNMAP_DMA", .marks = LIST("smoke"),
     .needs = LIST("engine.write"),
     .parameters = { BACKENDS, PARAMETER("size", "4K", "64K", "2M") })
{
	struct rig *rig = rig_open(t);
	struct dma_buffer *buffer = map_buffer(rig, param_size(t, "size"));
	struct fault_watch *watch = watch_faults(t);
	uint64_t last = buffer->iova + buffer->length - 4096;

	/* The control also fills the IOTLB, for the first page and the last. */
	expect_reaches(buffer);
	expect_write(rig, last, &(uint32_t){ 1 }, 4);
	unmap_buffer(buffer);
	fill_canary(buffer);
	expect_write_blocked(rig, buffer->iova, 4);
	expect_write_blocked(rig, last, 4);
	expect_canary(buffer);
	fault_reported(watch, rig, buffer->iova, buffer->length, true, 0, NULL);
	/* The device itself still works. */
	map_again(buffer, IOMMUT_RW);
	expect_reaches(buffer);
}

CASE(read_after_unmap,
     .proves = "once unmap has returned, a device read of that IOVA yields nothing of the memory",
     .rule = "iommufd.h: IOMMU_IOAS_UNMAP, vfio.h: VFIO_IOMMU_UNMAP_DMA", .marks = LIST("smoke"),
     .needs = LIST("engine.read"), .parameters = { BACKENDS, PARAMETER("size", "4K", "64K", "2M") })
{
	struct rig *rig = rig_open(t);
	struct dma_buffer *buffer = map_buffer(rig, param_size(t, "size"));
	struct fault_watch *watch = watch_faults(t);
	uint8_t secret[SOME];

	expect_reaches(buffer);
	unmap_buffer(buffer);
	iommut_pattern_fill(buffer->data, buffer->length, random64(t), 0);
	memcpy(secret, buffer->data, sizeof(secret));
	expect_read_blocked(rig, buffer->iova, secret, 4);
	expect_bytes(t, buffer->data, secret, sizeof(secret));
	fault_reported(watch, rig, buffer->iova, 4, false, 0, NULL);
	map_again(buffer, IOMMUT_RW);
	expect_reaches(buffer);
}

CASE(read_only_written,
     .proves = "a device write to memory mapped for reading only is refused and changes nothing",
     .rule = "iommufd.h: IOMMU_IOAS_MAP_WRITEABLE, vfio.h: VFIO_DMA_MAP_FLAG_WRITE",
     .marks = LIST("smoke"), .needs = LIST("engine.read", "engine.write"),
     .parameters = { BACKENDS })
{
	struct rig *rig = rig_open(t);
	struct buffer_options read_only = { .access = IOMMUT_READ };
	struct dma_buffer *control = map_buffer(rig, 4096);
	struct dma_buffer *buffer = map_buffer_with(rig, 4096, &read_only);
	struct fault_watch *watch = watch_faults(t);

	/* The stimulus works on the neighbour, and this mapping works for what it allows. */
	expect_reaches(control);
	expect_reaches(buffer);
	fill_canary(buffer);
	expect_write_blocked(rig, buffer->iova, 4);
	expect_canary(buffer);
	fault_reported(watch, rig, buffer->iova, 4, true, 0, NULL);
	expect_reaches(buffer);
}

CASE(write_only_read,
     .proves =
	     "a device read of memory mapped for writing only is refused and yields nothing of it",
     .rule = "iommufd.h: IOMMU_IOAS_MAP_READABLE, vfio.h: VFIO_DMA_MAP_FLAG_READ",
     .needs = LIST("engine.read", "engine.write"), .parameters = { BACKENDS })
{
	struct rig *rig = rig_open(t);
	struct buffer_options write_only = { .access = IOMMUT_WRITE };
	struct dma_buffer *control = map_buffer(rig, 4096);
	struct dma_buffer *buffer = map_buffer_with(rig, 4096, &write_only);
	struct fault_watch *watch = watch_faults(t);

	skip_unless_write_only(rig);
	expect_reaches(control);
	expect_reaches(buffer);
	iommut_pattern_fill(buffer->data, buffer->length, random64(t), 0);
	expect_read_blocked(rig, buffer->iova, buffer->data, 4);
	fault_reported(watch, rig, buffer->iova, 4, false, 0, NULL);
	expect_reaches(buffer);
}

CASE(write_beside_mapping,
     .proves = "a transfer that runs over the end of a mapping does not reach the memory behind it",
     .rule = "iommufd.h: IOMMU_IOAS_MAP, length", .needs = LIST("engine.write"),
     .parameters = { BACKENDS })
{
	struct rig *rig = rig_open(t);
	struct dma_buffer *buffer = make_buffer(rig, 2 * 4096, NULL);

	expect_zero(t, iommut_space_map(rig->space, buffer->data, 4096, buffer->iova, IOMMUT_RW));
	expect_write(rig, buffer->iova + 4096 - 8, &(uint64_t){ 0 }, 8);
	fill_canary(buffer);
	expect_write_blocked(rig, buffer->iova + 4096 - 8, 16);
	/* The bytes before the end may have been written or not: PCIe does not say. Those behind must not. */
	expect_canary_at(buffer, 4096, 4096);
	expect_canary_at(buffer, 0, 4096 - 8);
	expect_zero(t, iommut_space_unmap(rig->space, buffer->iova, 4096, NULL));
}

CASE(after_unmap_all,
     .proves = "once everything was unmapped at a stroke, the device reaches nothing any more",
     .rule = "vfio.h: VFIO_DMA_UNMAP_FLAG_ALL, iommufd.h: IOMMU_IOAS_UNMAP of everything",
     .needs = LIST("engine.write"), .parameters = { BACKENDS })
{
	struct rig *rig = rig_open(t);
	struct dma_buffer *first = map_buffer(rig, 4096);
	struct dma_buffer *second = map_buffer(rig, 64 * 1024);
	uint64_t staging = rig->staging ? rig->staging->length : 0, unmapped = 0;
	int error;

	if (rig->engine.driver->needs_staging)
		skip(t, "the engine needs a mapping of its own for each transfer",
		     "a device that can be given data without DMA, such as pcie-ats-testdev");
	expect_reaches(first);
	expect_reaches(second);
	error = iommut_space_unmap_all(rig->space, &unmapped);
	if (error == -EOPNOTSUPP)
		skip(t, "the kernel has no VFIO_UNMAP_ALL", "Linux 5.12 or later");
	expect_zero(t, error);
	first->mapped = second->mapped = false;
	expect_equal(t, unmapped, first->length + second->length + staging);
	fill_canary(first);
	fill_canary(second);
	expect_write_blocked(rig, first->iova, 4);
	expect_write_blocked(rig, second->iova + 4096, 4);
	expect_canary(first);
	expect_canary(second);
	map_again(first, IOMMUT_RW);
	expect_reaches(first);
}
