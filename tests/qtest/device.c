/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "device.h"

#include <string.h>

#define BARS    0xe0000000ull
#define DEVFN   (4 << 3)
#define OVER_MS 10000

struct qtest *machine;
struct vtd vtd;
struct function device;

uint32_t get(unsigned int offset)
{
	return qtest_read(machine, device.registers + offset, 4);
}

uint64_t get_wide(unsigned int offset)
{
	return qtest_read(machine, device.registers + offset, 8);
}

void set(unsigned int offset, uint32_t value)
{
	qtest_write(machine, device.registers + offset, 4, value);
}

void set_wide(unsigned int offset, uint64_t value)
{
	qtest_write(machine, device.registers + offset, 8, value);
}

/* The machine runs between two commands, so that a handful of reads is enough; a loaded host may need more. */
static void wait_zero(unsigned int offset, uint32_t bits)
{
	gint64 deadline = g_get_monotonic_time() + OVER_MS * (gint64)1000;

	while (get(offset) & bits)
		g_assert_cmpint(g_get_monotonic_time(), <, deadline);
}

void start(const struct descriptor *descriptor)
{
	qtest_put(machine, device.registers + TESTDEV_TRANSFER, descriptor, sizeof(*descriptor));
	set(TESTDEV_START, 1);
}

struct result finish(void)
{
	struct result result;

	wait_zero(TESTDEV_START, 1);
	qtest_get(machine, device.registers + TESTDEV_RESULT, &result, sizeof(result));
	return result;
}

struct result transfer(const struct descriptor *descriptor)
{
	start(descriptor);
	return finish();
}

uint32_t status_of(const struct descriptor *descriptor)
{
	return transfer(descriptor).status;
}

void fill(uint64_t address, size_t length, uint8_t value)
{
	qtest_fill(machine, address, length, value);
}

void assert_filled(uint64_t address, size_t length, uint8_t value)
{
	g_autofree uint8_t *bytes = g_malloc(length);

	qtest_get(machine, address, bytes, length);
	for (size_t i = 0; i < length; i++)
		if (bytes[i] != value)
			g_error("0x%02x at 0x%" G_GINT64_MODIFIER "x instead of 0x%02x", bytes[i],
				address + i, value);
}

static uint8_t *pattern_bytes(uint64_t address, size_t length)
{
	uint8_t *bytes = g_malloc(length);

	for (size_t i = 0; i < length; i++)
		bytes[i] = (address + i) * 0x9e3779b97f4a7c15ull >> 56;
	return bytes;
}

void pattern(uint64_t address, size_t length)
{
	g_autofree uint8_t *bytes = pattern_bytes(address, length);

	qtest_put(machine, address, bytes, length);
}

void assert_pattern(uint64_t address, size_t length, uint64_t as_at)
{
	g_autofree uint8_t *expected = pattern_bytes(as_at, length);
	g_autofree uint8_t *bytes = g_malloc(length);

	qtest_get(machine, address, bytes, length);
	g_assert_cmpmem(bytes, length, expected, length);
}

static void run_case(gconstpointer data)
{
	void (*const *run)(void) = data;

	function_reset(&device);
	vtd_start(&vtd, machine);
	vtd_attach(&vtd, &device);
	function_enable(&device);
	(*run)();
}

void add_case(const char *name, void (*run)(void))
{
	g_autofree char *path = g_strconcat("/qtest/", name, NULL);
	void (**data)(void) = g_new(typeof(run), 1);

	*data = run;
	g_test_add_data_func_full(path, data, run_case, g_free);
}
