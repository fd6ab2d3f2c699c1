// SPDX-License-Identifier: GPL-2.0-or-later
/* The pair that iommutests began with: what a pass and a failure look like. */
#include "harness/dma.h"

SUITE("demo", "what a pass and a failure look like");

CASE(passes,
     .proves = "a device that writes to mapped memory changes that memory and nothing beside it",
     .rule = "iommufd.h: IOMMU_IOAS_MAP", .marks = LIST("demo"), .parameters = { BACKENDS })
{
	struct rig *rig = rig_open(t);
	struct dma_buffer *buffer = map_buffer(rig, 3 * 4096);
	const uint64_t value = random64(t);

	fill_canary(buffer);
	expect_write(rig, buffer->iova + 4096, &value, sizeof(value));
	expect_bytes(t, buffer->data + 4096, &value, sizeof(value));
	expect_canary_at(buffer, 0, 4096);
	expect_canary_at(buffer, 4096 + sizeof(value), 2 * 4096 - sizeof(value));
}

CASE(fails,
     .proves = "nothing: it expects memory that a device wrote to be unchanged, to show a failure",
     .rule = "none", .marks = LIST("demo"), .parameters = { BACKENDS })
{
	struct rig *rig = rig_open(t);
	struct dma_buffer *buffer = map_buffer(rig, 4096);
	const uint64_t value = random64(t);

	fill_canary(buffer);
	expect_write(rig, buffer->iova + 64, &value, sizeof(value));
	expect_canary(buffer);
}
