/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Transfers through the registers: every operation and every status that needs no translation service. */
#include "device.h"

#define IOVA 0x100000000ull
#define DATA FREE_MEMORY

/* @pages from @iova on, one after the other in memory. */
static void map(uint64_t iova, uint64_t address, unsigned int pages)
{
	for (unsigned int i = 0; i < pages; i++)
		vtd_map(&vtd, &device, TESTDEV_NO_PASID, iova + 4096ull * i, address + 4096ull * i,
			true);
}

static void assert_ok(struct result result, uint64_t bytes)
{
	g_assert_cmpuint(result.status, ==, TESTDEV_STATUS_OK);
	g_assert_cmpuint(result.bytes, ==, bytes);
}

/* Lengths and offsets around pages, the bytes beside them untouched. */
static void write_lengths(void)
{
	static const uint32_t lengths[] = { 1, 3, 4, 64, 4095, 4096, 4097, 12345 };

	map(IOVA, DATA, 8);
	pattern(device.memory, 32768);
	for (unsigned int i = 0; i < G_N_ELEMENTS(lengths); i++) {
		uint32_t offset = 4090, length = lengths[i];
		struct descriptor write = {
			.operation = TESTDEV_OP_WRITE,
			.iova = IOVA + offset,
			.length = length,
			.buffer = 5,
		};

		fill(DATA, 32768, 0xee);
		assert_ok(transfer(&write), length);
		assert_filled(DATA, offset, 0xee);
		assert_pattern(DATA + offset, length, device.memory + 5);
		assert_filled(DATA + offset + length, 100, 0xee);
	}
}

static void read_back(void)
{
	struct descriptor read = {
		.operation = TESTDEV_OP_READ,
		.iova = IOVA + 10,
		.length = 9000,
		.buffer = 1 << 20,
		.tag = 0x12345678,
	};
	struct result result;

	map(IOVA, DATA, 4);
	pattern(DATA, 16384);
	fill(device.memory + (1 << 20) - 16, 9032, 0xdd);
	result = transfer(&read);
	assert_ok(result, 9000);
	g_assert_cmphex(result.tag, ==, 0x12345678);
	assert_filled(device.memory + (1 << 20) - 16, 16, 0xdd);
	assert_pattern(device.memory + (1 << 20), 9000, DATA + 10);
	assert_filled(device.memory + (1 << 20) + 9000, 16, 0xdd);
}

static void longest(void)
{
	struct descriptor write = {
		.operation = TESTDEV_OP_FILL,
		.iova = IOVA,
		.length = 1 << 20,
		.operand = 0x7777777777777777,
	};

	map(IOVA, DATA, 256);
	fill(DATA, (1 << 20) + 4096, 0);
	assert_ok(transfer(&write), 1 << 20);
	assert_filled(DATA, 1 << 20, 0x77);
	assert_filled(DATA + (1 << 20), 4096, 0);
}

static void copy(void)
{
	struct descriptor descriptor = {
		.operation = TESTDEV_OP_COPY,
		.iova = IOVA + 100,
		.target = IOVA + 0x10000 + 3000,
		.length = 10000,
	};

	map(IOVA, DATA, 4);
	map(IOVA + 0x10000, DATA + 0x100000, 4);
	pattern(DATA, 16384);
	fill(DATA + 0x100000, 16384, 0);
	assert_ok(transfer(&descriptor), 10000);
	assert_filled(DATA + 0x100000, 3000, 0);
	assert_pattern(DATA + 0x100000 + 3000, 10000, DATA + 100);
	assert_filled(DATA + 0x100000 + 13000, 16384 - 13000, 0);
}

/* The pattern begins anew with each repetition; a stride leaves gaps. */
static void stride(void)
{
	struct descriptor descriptor = {
		.operation = TESTDEV_OP_FILL,
		.iova = IOVA + 16,
		.length = 8,
		.stride = 1024,
		.repeat = 12,
		.operand = 0x0807060504030201,
	};

	map(IOVA, DATA, 4);
	fill(DATA, 16384, 0);
	assert_ok(transfer(&descriptor), 8 * 12);
	for (unsigned int i = 0; i < 12; i++) {
		g_assert_cmphex(qtest_read(machine, DATA + 16 + 1024 * i, 8), ==,
				0x0807060504030201);
		assert_filled(DATA + 24 + 1024 * i, 1016, 0);
	}
	assert_filled(DATA + 24 + 1024 * 12, 100, 0);
}

static void atomics(void)
{
	struct descriptor add = {
		.operation = TESTDEV_OP_FETCH_ADD,
		.iova = IOVA + 8,
		.length = 8,
		.operand = 5,
	};
	struct descriptor swap = {
		.operation = TESTDEV_OP_COMPARE_SWAP,
		.iova = IOVA + 4,
		.length = 4,
		.operand = 0xffffffff00000001, /* the upper half does not take part */
		.swap = 0xaabbccdd,
	};
	struct result result;

	map(IOVA, DATA, 1);
	qtest_write(machine, DATA, 8, 0x00000001deadbeef);
	qtest_write(machine, DATA + 8, 8, UINT64_MAX);
	result = transfer(&add);
	assert_ok(result, 8);
	g_assert_cmphex(result.value, ==, UINT64_MAX);
	g_assert_cmphex(qtest_read(machine, DATA + 8, 8), ==, 4);
	/* 4 bytes carry nothing over into the next 4. */
	add.length = 4;
	add.iova = IOVA;
	add.operand = 0xffffffff;
	result = transfer(&add);
	g_assert_cmphex(result.value, ==, 0xdeadbeef);
	g_assert_cmphex(qtest_read(machine, DATA, 8), ==, 0x00000001deadbeee);
	result = transfer(&swap);
	g_assert_cmphex(result.value, ==, 1);
	g_assert_cmphex(qtest_read(machine, DATA, 8), ==, 0xaabbccdddeadbeee);
	/* What is not equal stays. */
	result = transfer(&swap);
	g_assert_cmphex(result.value, ==, 0xaabbccdd);
	g_assert_cmphex(qtest_read(machine, DATA, 8), ==, 0xaabbccdddeadbeee);
}

/* The first page that is missing ends it: what came before is done, and its address is told. */
static void blocked(void)
{
	struct descriptor write = {
		.operation = TESTDEV_OP_WRITE,
		.iova = IOVA + 4000,
		.length = 8192,
	};
	uint64_t fault = 0;
	struct result result;

	map(IOVA, DATA, 2);
	fill(DATA, 12288, 0xee);
	pattern(device.memory, 8192);
	while (vtd_fault(&vtd, &fault))
		;
	result = transfer(&write);
	g_assert_cmpuint(result.status, ==, TESTDEV_STATUS_BLOCKED);
	g_assert_cmphex(result.address, ==, IOVA + 8192);
	g_assert_cmpuint(result.bytes, ==, 8192 - 4000);
	assert_pattern(DATA + 4000, 8192 - 4000, device.memory);
	assert_filled(DATA + 8192, 4096, 0xee);
	g_assert_true(vtd_fault(&vtd, &fault));
	g_assert_cmphex(fault, ==, IOVA + 8192);
	/* Read-only memory can be read, not written. */
	vtd_map(&vtd, &device, TESTDEV_NO_PASID, IOVA + 8192, DATA + 8192, false);
	vtd_invalidate(&vtd);
	g_assert_cmpuint(status_of(&write), ==, TESTDEV_STATUS_BLOCKED);
	write.operation = TESTDEV_OP_READ;
	g_assert_cmpuint(status_of(&write), ==, TESTDEV_STATUS_OK);
}

/* Each of these is refused whole; the next one, in order, goes. */
static void bad_descriptor(void)
{
	static const struct descriptor bad[] = {
		{ .operation = TESTDEV_OP_NONE, .length = 4 },
		{ .operation = TESTDEV_OP_MAX + 1, .length = 4 },
		{ .operation = 0xff, .length = 4 },
		{ .operation = TESTDEV_OP_FILL, .length = 0 },
		{ .operation = TESTDEV_OP_FILL, .length = (1 << 20) + 1 },
		{ .operation = TESTDEV_OP_FILL, .length = UINT32_MAX },
		{ .operation = TESTDEV_OP_FILL, .length = 4, .repeat = 65537 },
		{ .operation = TESTDEV_OP_WRITE, .length = 4, .buffer = (2 << 20) - 3 },
		{ .operation = TESTDEV_OP_READ, .length = 4, .buffer = UINT32_MAX },
		{ .operation = TESTDEV_OP_FETCH_ADD, .length = 2 },
		{ .operation = TESTDEV_OP_FETCH_ADD, .length = 8, .iova = 4 },
		{ .operation = TESTDEV_OP_COMPARE_SWAP, .length = 16 },
		{ .operation = TESTDEV_OP_COPY | TESTDEV_FLAG_FORGED, .length = 4 },
		{ .operation = TESTDEV_OP_FILL | TESTDEV_FLAG_INTERRUPT,
		  .length = 4,
		  .vector = 16 },
		{ .operation = TESTDEV_OP_FILL, .length = 4, .vector = UINT32_MAX },
	};
	struct descriptor good = { .operation = TESTDEV_OP_FILL, .iova = IOVA, .length = 8 };

	map(0, DATA, 1);
	map(IOVA, DATA, 1);
	fill(DATA, 4096, 0x99);
	for (unsigned int i = 0; i < G_N_ELEMENTS(bad); i++) {
		struct result result = transfer(&bad[i]);

		g_assert_cmpuint(result.status, ==, TESTDEV_STATUS_BAD_DESCRIPTOR);
		g_assert_cmpuint(result.bytes, ==, 0);
		assert_filled(DATA, 64, 0x99);
		g_assert_cmpuint(status_of(&good), ==, TESTDEV_STATUS_OK);
		fill(DATA, 64, 0x99);
	}
}

static void results(void)
{
	struct descriptor descriptor = {
		.operation = TESTDEV_OP_FILL,
		.iova = IOVA,
		.length = 8,
	};
	struct result first, second;

	g_assert_cmpuint(get(TESTDEV_RESULT), ==, TESTDEV_STATUS_NONE);
	map(IOVA, DATA, 1);
	first = transfer(&descriptor);
	qtest_clock_step(machine, 1000);
	second = transfer(&descriptor);
	g_assert_cmpuint(second.sequence, ==, first.sequence + 1);
	g_assert_cmpuint(second.time, ==, first.time + 1000);
	g_assert_cmpuint(second.duration, ==, 0); /* the clock stands still under qtest */
}

void add_transfer_cases(void)
{
	add_case("transfers/write-lengths", write_lengths);
	add_case("transfers/read", read_back);
	add_case("transfers/longest", longest);
	add_case("transfers/copy", copy);
	add_case("transfers/stride", stride);
	add_case("transfers/atomics", atomics);
	add_case("transfers/blocked", blocked);
	add_case("transfers/bad-descriptor", bad_descriptor);
	add_case("transfers/results", results);
}
