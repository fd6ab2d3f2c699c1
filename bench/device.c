// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * How much DMA devices do through the IOMMU: transfers of 4 KiB, as many at once as the device takes, and what one of the test device's
 * costs in parts. bench/device runs this in the lab and compares the devices.
 */
#include <string.h>
#include <time.h>

#include "bench/queue.h"
#include "suites/svm.h"

SUITE("device", "how much DMA devices do through the IOMMU");

#define ROUNDS 5
/* Long enough that the clock's steps do not count. */
#define ROUND_NS 200000000

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Nanoseconds per transfer; of many rounds the fastest: what disturbs can only make a round slower. */
static double cost(struct queue *queue)
{
	double least = 0;

	queue->run(queue);
	for (int round = 0; round < ROUNDS; round++) {
		int64_t began = now_ns(), taken;
		unsigned int done = 0;
		double each;

		do {
			queue->run(queue);
			done += queue->depth;
			taken = now_ns() - began;
		} while (taken < ROUND_NS);
		each = (double)taken / done;
		if (!round || each < least)
			least = each;
	}
	return least;
}

CASE(rate, .proves = "how many transfers to memory a device does in a second",
     .rule = "bench: bench/device compares the devices", .marks = LIST("perf"),
     .parameters = { IOMMUFD_ONLY }, .timeout_ms = 60000)
{
	struct rig *rig = rig_open(t);
	const char *name = rig->engine.driver->name;
	struct queue queue;
	double each;

	if (testdev_is(&rig->engine))
		queue_testdev(&queue, rig);
	else if (strcmp(name, "nvme") == 0)
		queue_nvme(&queue, rig);
	else
		queue_engine(&queue, rig);
	each = cost(&queue);
	note(t, "rate: %s: %.0f transfers of %u bytes in a second, %.1f MiB/s, %u at once", name,
	     1e9 / each, queue.length, queue.length * 1e9 / each / (1 << 20), queue.depth);
}

/* One descriptor with many repetitions, in nanoseconds each: no descriptor is read and no result written for them. */
static double repeated(struct rig *rig, uint32_t flags, uint64_t iova, uint32_t length)
{
	struct engine_transfer transfer = { .operation = ENGINE_OP_WRITE,
					    .flags = flags,
					    .pasid = IOMMUT_NO_PASID,
					    .iova = iova,
					    .length = length,
					    .repeat = 20000 };
	double least = 0;

	for (int round = 0; round < ROUNDS; round++) {
		double each;

		expect_transfer(rig, &transfer, ENGINE_OK, NULL);
		/* The device's own clock: nobody has to notice the end. */
		each = (double)testdev_get64(&rig->engine,
					     TESTDEV_RESULT + TESTDEV_RESULT_DURATION) /
		       transfer.repeat;
		if (!round || each < least)
			least = each;
	}
	return least;
}

CASE(cost, .proves = "what a transfer of the test device costs, in parts",
     .rule = "bench: differences between transfers that lack one part", .marks = LIST("perf"),
     .parameters = { IOMMUFD_ONLY }, .timeout_ms = 60000)
{
	struct rig *rig = rig_open(t);
	struct dma_buffer *buffer = map_buffer(rig, 4096);
	double in_ring, few, many, kept, by_hand;
	struct queue queue;

	if (!testdev_is(&rig->engine))
		skip(t, "only the test device repeats a transfer by itself", "-e pcie-ats-testdev");
	need_ats(rig);
	few = repeated(rig, 0, buffer->iova, 8);
	many = repeated(rig, 0, buffer->iova, 4096);
	testdev_set32(&rig->engine, TESTDEV_CONTROL, TESTDEV_CONTROL_DEVICE_TLB);
	kept = repeated(rig, ENGINE_TRANSLATED, buffer->iova, 8);
	testdev_set32(&rig->engine, TESTDEV_CONTROL, 0);
	queue_engine(&queue, rig);
	by_hand = cost(&queue);
	queue_testdev(&queue, rig);
	in_ring = cost(&queue);
	note(t,
	     "cost: %.0f ns for 4096 bytes by a descriptor of the ring: translation %.0f ns, copy "
	     "%.0f ns, descriptor and result %.0f ns, the rest %.0f ns",
	     in_ring, few - kept, many - few, in_ring - many, kept);
	note(t, "cost: %.0f ns if registers start it and are asked for its end", by_hand);
}
