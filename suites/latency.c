// SPDX-License-Identifier: GPL-2.0-or-later
/* How long calls take, as percentiles. The verdict is about what they did: a fast unmap that leaves a translation behind fails. */
#include <string.h>

#include "harness/dma.h"
#include "suites/samples.h"

SUITE("latency",
      "how long mapping, unmapping, transfers and page requests take, and how threads share");

#define ROUNDS      MAX_SAMPLES
#define CHECK_EVERY 50

CASE(map_and_unmap,
     .proves =
	     "among a thousand rounds of map and unmap a device reaches memory after each map and "
	     "nothing after each unmap, beside many other mappings or none; tells how long the "
	     "calls "
	     "take",
     .rule = "iommufd.h: IOMMU_IOAS_MAP, IOMMU_IOAS_UNMAP", .marks = LIST("perf"),
     .timeout_ms = 60000,
     .parameters = { BACKENDS, PARAMETER("size", "4K", "64K", "2M"),
		     PARAMETER("beside", "0", "512") })
{
	static struct samples map = { .what = "map" }, unmap = { .what = "unmap" };
	struct rig *rig = rig_open(t);
	struct dma_buffer *buffer;
	uint64_t start;

	need(rig, ENGINE_READ | ENGINE_WRITE);
	for (uint64_t others = param_size(t, "beside"); others; others--)
		(void)map_buffer(rig, 4096);
	buffer = map_buffer(rig, param_size(t, "size"));
	/* What is measured is the IOMMU's part: the pages are there. */
	memset(buffer->data, 0, buffer->length);
	for (int round = 0; round < ROUNDS; round++) {
		bool look = round % CHECK_EVERY == 0;

		if (look)
			expect_reaches(buffer);
		start = now_ns();
		unmap_buffer(buffer);
		add_sample(&unmap, start);
		if (look) {
			fill_canary(buffer);
			expect_write_blocked(rig, buffer->iova, 8);
			expect_canary(buffer);
		}
		start = now_ns();
		map_again(buffer, IOMMUT_RW);
		add_sample(&map, start);
	}
	expect_reaches(buffer);
	tell_samples(t, &map);
	tell_samples(t, &unmap);
}

CASE(working_set,
     .proves = "a device that goes through more and more pages in random order reads from each "
	       "what is "
	       "in it, in or out of the IOTLB; tells how long a transfer takes",
     .rule = "VT-d 6.2: translation caches are not visible but in time", .marks = LIST("perf"),
     .timeout_ms = 300000, .parameters = { BACKENDS, PARAMETER("pages", "1", "16", "256", "2048") })
{
	static struct samples transfer = { .what = "transfer" };
	struct rig *rig = rig_open(t);
	uint64_t pages = param_size(t, "pages"), seen, value;
	struct dma_buffer *buffer;
	uint64_t start;

	need(rig, ENGINE_READ);
	buffer = map_buffer(rig, pages * 4096);
	for (uint64_t page = 0; page < pages; page++) {
		value = page * 0x9e3779b97f4a7c15;
		memcpy(buffer->data + page * 4096, &value, sizeof(value));
	}
	for (int round = 0; round < ROUNDS; round++) {
		uint64_t page = random_below(t, pages);
		struct engine_result result;

		start = now_ns();
		expect_zero(t, engine_read(&rig->engine, buffer->iova + page * 4096, &seen,
					   sizeof(seen), &result));
		add_sample(&transfer, start);
		expect(t, result.status == ENGINE_OK);
		expect_equal(t, seen, page * 0x9e3779b97f4a7c15);
	}
	tell_samples(t, &transfer);
}
