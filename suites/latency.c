// SPDX-License-Identifier: GPL-2.0-or-later
/* How long calls take, as percentiles. The verdict is about what they did: a fast unmap that leaves a translation behind fails. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "harness/dma.h"

SUITE("latency", "how long mapping, unmapping and a device's transfers take, as percentiles");

#define ROUNDS      1000
#define CHECK_EVERY 50

struct samples {
	const char *what;
	uint64_t ns[ROUNDS];
	size_t count;
};

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void add_sample(struct samples *samples, uint64_t since)
{
	samples->ns[samples->count++] = now_ns() - since;
}

static int by_size(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

	return (left > right) - (left < right);
}

static double percentile_us(const struct samples *samples, unsigned int percent)
{
	return (double)samples->ns[(samples->count - 1) * percent / 100] / 1000;
}

static bool is_virtual(void)
{
	FILE *stream = fopen("/proc/cpuinfo", "re");
	char line[4096];
	bool found = false;

	while (stream && !found && fgets(line, sizeof(line), stream))
		found = strncmp(line, "flags", 5) == 0 && strstr(line, " hypervisor");
	if (stream)
		fclose(stream);
	return found;
}

static void tell(struct test *t, struct samples *samples)
{
	qsort(samples->ns, samples->count, sizeof(samples->ns[0]), by_size);
	note(t, "%s: p50 %.1f us, p90 %.1f us, p99 %.1f us, most %.1f us, of %zu%s", samples->what,
	     percentile_us(samples, 50), percentile_us(samples, 90), percentile_us(samples, 99),
	     percentile_us(samples, 100), samples->count,
	     is_virtual() ? " (in a virtual machine: no figures of an IOMMU)" : "");
}

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
	tell(t, &map);
	tell(t, &unmap);
}

CASE(working_set,
     .proves = "a device that goes through more and more pages in random order reads from each "
	       "what is "
	       "in it, in or out of the IOTLB; tells how long a transfer takes",
     .rule = "VT-d 6.2: translation caches are not visible but in time", .marks = LIST("perf"),
     .timeout_ms = 60000, .parameters = { BACKENDS, PARAMETER("pages", "1", "16", "256", "2048") })
{
	static struct samples transfer = { .what = "read of 8 bytes" };
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
	tell(t, &transfer);
}
