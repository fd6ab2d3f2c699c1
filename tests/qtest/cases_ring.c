/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ring, the storm, and the first device's registers. */
#include "device.h"

#include <linux/pci_regs.h>

#define RING    0x200000ull
#define RESULTS 0x300000ull
#define IOVA    0x100000000ull
#define DATA    FREE_MEMORY
/* Where the ring is in memory: behind the data. */
#define RING_DATA    (DATA + 0x400000)
#define RESULTS_DATA (DATA + 0x500000)
#define PLAIN        TESTDEV_NO_PASID

static void map(uint64_t iova, uint64_t address, unsigned int pages)
{
	for (unsigned int i = 0; i < pages; i++)
		vtd_map(&vtd, &device, PLAIN, iova + 4096ull * i, address + 4096ull * i, true);
}

static void ring(unsigned int count)
{
	unsigned int pages = (count * 64 + 4095) / 4096;

	map(RING, RING_DATA, pages);
	map(RESULTS, RESULTS_DATA, pages);
	fill(RESULTS_DATA, count * 64, 0);
	set_wide(TESTDEV_RING_BASE, RING);
	set_wide(TESTDEV_RING_RESULTS, RESULTS);
	set(TESTDEV_RING_COUNT, count);
}

static void put(unsigned int index, const struct descriptor *descriptor)
{
	qtest_put(machine, RING_DATA + index * 64, descriptor, sizeof(*descriptor));
}

static struct result taken(unsigned int index)
{
	struct result result;

	qtest_get(machine, RESULTS_DATA + index * 64, &result, sizeof(result));
	return result;
}

static void wait_head(uint32_t head)
{
	gint64 deadline = g_get_monotonic_time() + 10 * G_TIME_SPAN_SECOND;

	while (get(TESTDEV_RING_HEAD) != head)
		g_assert_cmpint(g_get_monotonic_time(), <, deadline);
}

/* Marks 8 bytes of the data with its number. */
static struct descriptor mark(unsigned int number)
{
	return (struct descriptor){
		.operation = TESTDEV_OP_FILL,
		.iova = IOVA + 8 * number,
		.length = 8,
		.operand = 0x1000 + number,
		.tag = 77 + number,
	};
}

static void in_order(void)
{
	uint64_t sequence = 0;

	ring(1024);
	map(IOVA, DATA, 2);
	fill(DATA, 8192, 0);
	for (unsigned int i = 0; i < 1024; i++) {
		struct descriptor descriptor = mark(i);

		put(i, &descriptor);
	}
	set(TESTDEV_RING_TAIL, 1024);
	wait_head(1024);
	for (unsigned int i = 0; i < 1024; i++) {
		struct result result = taken(i);

		g_assert_cmpuint(result.status, ==, TESTDEV_STATUS_OK);
		g_assert_cmpuint(result.tag, ==, 77 + i);
		g_assert_cmpuint(result.bytes, ==, 8);
		g_assert_cmpuint(result.sequence, >, sequence);
		sequence = result.sequence;
		g_assert_cmphex(qtest_read(machine, DATA + 8 * i, 8), ==, 0x1000 + i);
	}
}

/* The same, but each of 64 in flight completes before the one before it. */
static void out_of_order(void)
{
	uint64_t sequence = UINT64_MAX;

	ring(64);
	map(IOVA, DATA, 1);
	set(TESTDEV_CONTROL, TESTDEV_CONTROL_OUT_OF_ORDER);
	for (unsigned int i = 0; i < 64; i++) {
		struct descriptor descriptor = mark(i);

		put(i, &descriptor);
	}
	set(TESTDEV_RING_TAIL, 64);
	wait_head(64);
	for (unsigned int i = 0; i < 64; i++) {
		struct result result = taken(i);

		g_assert_cmpuint(result.status, ==, TESTDEV_STATUS_OK);
		g_assert_cmpuint(result.sequence, <, sequence);
		sequence = result.sequence;
	}
}

/* The counters go on past the ring's end; more than fit are ignored. */
static void wraps(void)
{
	struct descriptor descriptor;

	ring(4);
	map(IOVA, DATA, 1);
	for (unsigned int i = 0; i < 11; i++) {
		descriptor = mark(i);
		put(i % 4, &descriptor);
		set(TESTDEV_RING_TAIL, i + 1);
		wait_head(i + 1);
		g_assert_cmpuint(taken(i % 4).tag, ==, 77 + i);
	}
	set(TESTDEV_RING_TAIL, 11 + 5);
	g_assert_cmpuint(get(TESTDEV_RING_TAIL), ==, 11);
	g_assert_cmpuint(get(TESTDEV_RING_HEAD), ==, 11);
	set(TESTDEV_RING_COUNT, 4);
	g_assert_cmpuint(get(TESTDEV_RING_TAIL), ==, 0);
	g_assert_cmpuint(get(TESTDEV_RING_HEAD), ==, 0);
}

/* A bad one among good ones has its own result; the others go on. */
static void mixed(void)
{
	ring(8);
	map(IOVA, DATA, 1);
	for (unsigned int i = 0; i < 8; i++) {
		struct descriptor descriptor = mark(i);

		if (i == 2)
			descriptor.length = 0;
		if (i == 5)
			descriptor.iova = IOVA + 0x10000;
		put(i, &descriptor);
	}
	set(TESTDEV_RING_TAIL, 8);
	wait_head(8);
	for (unsigned int i = 0; i < 8; i++)
		g_assert_cmpuint(taken(i).status, ==,
				 i == 2   ? TESTDEV_STATUS_BAD_DESCRIPTOR
				 : i == 5 ? TESTDEV_STATUS_BLOCKED
					  : TESTDEV_STATUS_OK);
	g_assert_cmphex(taken(5).address, ==, IOVA + 0x10000);
}

/* A ring that cannot be reached stands, tells why, and goes on when told. */
static void unreachable(void)
{
	struct descriptor descriptor = mark(0);

	ring(4);
	map(IOVA, DATA, 1);
	put(0, &descriptor);
	vtd_unmap(&vtd, &device, PLAIN, RING);
	set(TESTDEV_RING_TAIL, 1);
	g_assert_cmpuint(get(TESTDEV_RING_ERROR), ==, TESTDEV_STATUS_BLOCKED);
	g_assert_cmpuint(get(TESTDEV_RING_HEAD), ==, 0);
	map(RING, RING_DATA, 1);
	vtd_invalidate(&vtd);
	set(TESTDEV_RING_ERROR, 0);
	wait_head(1);
	/* The same with its results. */
	vtd_unmap(&vtd, &device, PLAIN, RESULTS);
	put(1, &descriptor);
	set(TESTDEV_RING_TAIL, 2);
	g_assert_cmpuint(get(TESTDEV_RING_ERROR), ==, TESTDEV_STATUS_BLOCKED);
	/* And with bus mastering. */
	ring(4);
	put(0, &descriptor);
	config_write(&device, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	set(TESTDEV_RING_TAIL, 1);
	g_assert_cmpuint(get(TESTDEV_RING_ERROR), ==, TESTDEV_STATUS_DISABLED);
}

/* Long ones end with ABORTED, told in their results. */
static void aborted(void)
{
	ring(16);
	map(IOVA, DATA, 1);
	for (unsigned int i = 0; i < 16; i++) {
		struct descriptor descriptor = mark(0);

		/* Far more than the device does between two accesses to its registers. */
		descriptor.repeat = 65536;
		put(i, &descriptor);
	}
	set(TESTDEV_RING_TAIL, 16);
	set(TESTDEV_CONTROL, TESTDEV_CONTROL_ABORT);
	wait_head(16);
	g_assert_cmpuint(taken(15).status, ==, TESTDEV_STATUS_ABORTED);
	g_assert_cmpuint(taken(15).bytes, <, 8 * 65536);
}

static void single_aborted(void)
{
	struct descriptor descriptor = mark(0);

	map(IOVA, DATA, 1);
	descriptor.repeat = 65536;
	start(&descriptor);
	set(TESTDEV_CONTROL, TESTDEV_CONTROL_ABORT);
	g_assert_cmpuint(finish().status, ==, TESTDEV_STATUS_ABORTED);
	/* What ends by a reset says the same. */
	start(&descriptor);
	function_reset(&device);
	g_assert_cmpuint(get(TESTDEV_START), ==, 0);
	g_assert_cmpuint(get(TESTDEV_RESULT), ==, TESTDEV_STATUS_ABORTED);
	/* A whole one takes its time, and is whole. */
	descriptor.repeat = 10000;
	vtd_attach(&vtd, &device);
	map(IOVA, DATA, 1);
	g_assert_cmpuint(transfer(&descriptor).bytes, ==, 80000);
}

static void storm(void)
{
	struct descriptor descriptor = mark(0);

	map(IOVA, DATA, 1);
	fill(DATA, 64, 0);
	qtest_put(machine, device.registers + TESTDEV_TRANSFER, &descriptor, sizeof(descriptor));
	set(TESTDEV_STORM_PAUSE, 100);
	set(TESTDEV_STORM, 1);
	for (unsigned int i = 1; i <= 20; i++) {
		g_assert_cmpuint(get(TESTDEV_STORM), ==, 1);
		g_assert_cmpuint(get_wide(TESTDEV_STORM_OK), ==, i);
		qtest_clock_step(machine, 100000);
	}
	g_assert_cmphex(qtest_read(machine, DATA, 8), ==, 0x1000);
	/* The registers are free while it runs. */
	descriptor.iova = IOVA + 8;
	g_assert_cmpuint(status_of(&descriptor), ==, TESTDEV_STATUS_OK);
	fill(DATA, 64, 0);
	qtest_clock_step(machine, 100000);
	g_assert_cmphex(qtest_read(machine, DATA, 8), ==, 0x1000);
	g_assert_cmphex(qtest_read(machine, DATA + 8, 8), ==, 0);
	vtd_unmap(&vtd, &device, PLAIN, IOVA);
	g_assert_cmpuint(get_wide(TESTDEV_STORM_BLOCKED), ==, 0);
	qtest_clock_step(machine, 100000);
	g_assert_cmpuint(get_wide(TESTDEV_STORM_BLOCKED), ==, 1);
	g_assert_cmphex(get_wide(TESTDEV_STORM_FAILED), ==, IOVA);
	set(TESTDEV_STORM, 0);
	g_assert_cmpuint(get(TESTDEV_STORM), ==, 0);
	qtest_clock_step(machine, 1000000);
	g_assert_cmpuint(get_wide(TESTDEV_STORM_BLOCKED), <=, 2);
	set(TESTDEV_CONTROL, TESTDEV_CONTROL_CLEAR_COUNTERS);
	g_assert_cmpuint(get_wide(TESTDEV_STORM_OK), ==, 0);
	g_assert_cmpuint(get_wide(TESTDEV_STORM_FAILED), ==, 0);
}

/* Without a pause it is as fast as it can, and ends when told. */
static void storm_at_full_speed(void)
{
	struct descriptor descriptor = mark(0);
	uint64_t done;

	map(IOVA, DATA, 1);
	qtest_put(machine, device.registers + TESTDEV_TRANSFER, &descriptor, sizeof(descriptor));
	set(TESTDEV_STORM, 1);
	while (get_wide(TESTDEV_STORM_OK) < 1000)
		;
	set(TESTDEV_STORM, 0);
	while (get(TESTDEV_STORM))
		;
	done = get_wide(TESTDEV_STORM_OK);
	for (unsigned int i = 0; i < 100; i++)
		g_assert_cmpuint(get_wide(TESTDEV_STORM_OK), ==, done);
	/* One that could never do anything does not begin to. */
	descriptor.length = 0;
	qtest_put(machine, device.registers + TESTDEV_TRANSFER, &descriptor, sizeof(descriptor));
	set(TESTDEV_STORM, 1);
	while (get(TESTDEV_STORM))
		;
	g_assert_cmpuint(get_wide(TESTDEV_STORM_BLOCKED), ==, 1);
}

/* With ATS and PRI: a missing page is asked for, and the transfer goes on after the answer. */
static void first_device(void)
{
	struct page_request request;

	for (unsigned int direction = 0; direction < 2; direction++) {
		uint64_t iova = IOVA + 4096 * (10 + direction);
		uint32_t command = TESTDEV_LEGACY_RUN | (direction ? TESTDEV_LEGACY_TO_DEVICE : 0);

		pattern(device.memory, 4096);
		if (direction)
			pattern(DATA, 4096);
		set_wide(TESTDEV_LEGACY_ADDRESS, iova);
		set_wide(TESTDEV_LEGACY_COMMAND, command);
		g_assert_cmphex(get_wide(TESTDEV_LEGACY_COMMAND), ==, command);
		g_assert_true(vtd_page_request(&vtd, &request));
		g_assert_cmphex(request.address, ==, iova);
		g_assert_true(request.last);
		g_assert_cmpint(request.write, ==, !direction);
		map(iova, DATA, 1);
		vtd_respond(&vtd, &request, TESTDEV_PRI_CODE_SUCCESS);
		while (get(TESTDEV_LEGACY_COMMAND) & TESTDEV_LEGACY_RUN)
			;
		if (direction)
			assert_pattern(device.memory, 4096, DATA);
		else
			assert_pattern(DATA, 4096, device.memory);
	}
}

/* Its registers by 32 bits, no translation service: straight through the IOMMU. */
static void first_device_plain(void)
{
	config_write(&device, device.ats + PCI_ATS_CTRL, 2, 0);
	map(IOVA, DATA, 1);
	fill(DATA, 4096, 0);
	pattern(device.memory, 4096);
	set(TESTDEV_LEGACY_ADDRESS, (uint32_t)IOVA);
	set(TESTDEV_LEGACY_ADDRESS + 4, IOVA >> 32);
	set(TESTDEV_LEGACY_COMMAND, TESTDEV_LEGACY_RUN);
	while (get(TESTDEV_LEGACY_COMMAND) & TESTDEV_LEGACY_RUN)
		;
	assert_pattern(DATA, 4096, device.memory);
}

void add_ring_cases(void)
{
	add_case("ring/in-order", in_order);
	add_case("ring/out-of-order", out_of_order);
	add_case("ring/wraps", wraps);
	add_case("ring/mixed", mixed);
	add_case("ring/unreachable", unreachable);
	add_case("ring/aborted", aborted);
	add_case("single/aborted", single_aborted);
	add_case("storm/paused", storm);
	add_case("storm/full-speed", storm_at_full_speed);
	add_case("legacy/with-ats-and-pri", first_device);
	add_case("legacy/plain", first_device_plain);
}
