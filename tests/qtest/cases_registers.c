/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the device says it is, and the registers that keep what they are told. */
#include "device.h"

#include <linux/pci_regs.h>

static void identity(void)
{
	g_assert_cmphex(config_read(&device, PCI_VENDOR_ID, 2), ==, TESTDEV_VENDOR);
	g_assert_cmphex(config_read(&device, PCI_DEVICE_ID, 2), ==, TESTDEV_DEVICE);
	g_assert_cmphex(config_read(&device, PCI_CLASS_DEVICE, 2), ==, 0xff00);
	g_assert_cmphex(get(TESTDEV_VERSION), ==, TESTDEV_VERSION_VALUE);
	g_assert_cmphex(get(TESTDEV_CAPABILITIES), ==,
			TESTDEV_CAP_RING | TESTDEV_CAP_ATS | TESTDEV_CAP_PRI | TESTDEV_CAP_PASID |
				TESTDEV_CAP_MSI | TESTDEV_CAP_MSIX | TESTDEV_CAP_INTX |
				TESTDEV_CAP_MEMORY_BAR | TESTDEV_CAP_ATOMIC);
	g_assert_cmpuint(get(TESTDEV_MAX_LENGTH), ==, 1 << 20);
	g_assert_cmpuint(get(TESTDEV_BUFFER_SIZE), ==, 2 << 20);
	g_assert_cmpuint(get(TESTDEV_MAX_RING), ==, 1024);
	g_assert_cmphex(get(TESTDEV_VECTORS), ==, 16 | 16 << 8);
	g_assert_cmpuint(get(TESTDEV_DEVICE_TLB_SIZE), ==, 256);
	g_assert_cmpuint(get(TESTDEV_PASID_BITS), ==, 20);
}

static void time_goes_on(void)
{
	uint64_t before = get_wide(TESTDEV_TIME);

	qtest_clock_step(machine, 12345);
	g_assert_cmpuint(get_wide(TESTDEV_TIME), ==, before + 12345);
	g_assert_cmpuint(get(TESTDEV_TIME), ==, (uint32_t)(before + 12345));
	g_assert_cmpuint(get(TESTDEV_TIME + 4), ==, (before + 12345) >> 32);
}

/* Registers that keep what is written, with the bits that they have, and lose it in a reset. */
static void keep(void)
{
	static const struct {
		unsigned int offset;
		bool wide;
		uint64_t bits;
	} registers[] = {
		{ TESTDEV_LEGACY_ADDRESS, true, UINT64_MAX },
		{ TESTDEV_SCRATCH, true, UINT64_MAX },
		{ TESTDEV_CONTROL, false,
		  TESTDEV_CONTROL_DEVICE_TLB | TESTDEV_CONTROL_OUT_OF_ORDER },
		{ TESTDEV_MISBEHAVE, false, 0x7f },
		{ TESTDEV_FORGED_RID, false, 0xffff },
		{ TESTDEV_RING_BASE, true, UINT64_MAX },
		{ TESTDEV_RING_RESULTS, true, UINT64_MAX },
		{ TESTDEV_SEND_ADDRESS, true, UINT64_MAX },
		{ TESTDEV_SEND_DATA, false, UINT32_MAX },
		{ TESTDEV_TLB_QUERY_IOVA, true, UINT64_MAX },
		{ TESTDEV_TLB_QUERY_PASID, false, UINT32_MAX },
		{ TESTDEV_INVAL_INDEX, false, UINT32_MAX },
		{ TESTDEV_PRI_IOVA, true, UINT64_MAX },
		{ TESTDEV_PRI_PASID, false, UINT32_MAX },
		{ TESTDEV_PRI_GROUP, false, 0x1ff },
		{ TESTDEV_PRI_INDEX, false, UINT32_MAX },
	};
	const uint64_t value = 0xfedcba9876543210;

	for (unsigned int i = 0; i < G_N_ELEMENTS(registers); i++) {
		unsigned int offset = registers[i].offset;
		uint64_t bits = registers[i].bits;

		if (registers[i].wide) {
			set_wide(offset, value);
			g_assert_cmphex(get_wide(offset), ==, value);
			set(offset + 4, 0x11223344);
			g_assert_cmphex(get_wide(offset), ==, 0x1122334476543210);
			g_assert_cmphex(get(offset), ==, 0x76543210);
			g_assert_cmphex(get(offset + 4), ==, 0x11223344);
			set(offset, 0x55667788);
			g_assert_cmphex(get_wide(offset), ==, 0x1122334455667788);
		} else {
			set(offset, (uint32_t)value);
			g_assert_cmphex(get(offset), ==, (uint32_t)value & bits);
			set(offset, (uint32_t)~value);
			g_assert_cmphex(get(offset), ==, (uint32_t)~value & bits);
		}
	}
	set(TESTDEV_MISBEHAVE, 0);
	function_reset(&device);
	for (unsigned int i = 0; i < G_N_ELEMENTS(registers); i++)
		g_assert_cmphex(get(registers[i].offset), ==, 0);
}

static void bounded(void)
{
	set(TESTDEV_FLOOD_COUNT, 7);
	g_assert_cmpuint(get(TESTDEV_FLOOD_COUNT), ==, 7);
	set(TESTDEV_FLOOD_COUNT, 1000);
	g_assert_cmpuint(get(TESTDEV_FLOOD_COUNT), ==, 256);
	set(TESTDEV_STORM_PAUSE, 2000000);
	g_assert_cmpuint(get(TESTDEV_STORM_PAUSE), ==, 1000000);
	/* A ring is a power of two, up to 1024; what is none changes nothing. */
	set(TESTDEV_RING_COUNT, 1024);
	g_assert_cmpuint(get(TESTDEV_RING_COUNT), ==, 1024);
	set(TESTDEV_RING_COUNT, 2048);
	g_assert_cmpuint(get(TESTDEV_RING_COUNT), ==, 1024);
	set(TESTDEV_RING_COUNT, 12);
	g_assert_cmpuint(get(TESTDEV_RING_COUNT), ==, 1024);
	set(TESTDEV_RING_COUNT, 0);
	g_assert_cmpuint(get(TESTDEV_RING_COUNT), ==, 0);
}

/* The descriptor's registers keep what is written, by 4 and by 8 bytes. */
static void descriptor(void)
{
	for (unsigned int i = 0; i < TESTDEV_DESC_SIZE; i += 8)
		set_wide(TESTDEV_TRANSFER + i, 0x0101010101010101 * i + 0x0807060504030201);
	for (unsigned int i = 0; i < TESTDEV_DESC_SIZE; i += 4)
		g_assert_cmphex(get(TESTDEV_TRANSFER + i), ==,
				0x01010101u * (i & ~7u) + (i & 4 ? 0x08070605 : 0x04030201));
}

/* Writing to registers that only tell does nothing, and what is no register reads as 0. */
static void read_only(void)
{
	static const unsigned int offsets[] = {
		TESTDEV_VERSION,     TESTDEV_CAPABILITIES,     TESTDEV_MAX_LENGTH,
		TESTDEV_MAX_RING,    TESTDEV_BUFFER_SIZE,      TESTDEV_VECTORS,
		TESTDEV_PASID_BITS,  TESTDEV_DEVICE_TLB_SIZE,  TESTDEV_RING_HEAD,
		TESTDEV_STORM_OK,    TESTDEV_STORM_BLOCKED,    TESTDEV_STORM_FAILED,
		TESTDEV_TLB_HITS,    TESTDEV_TLB_ENTRIES_HELD, TESTDEV_TLB_MISSES,
		TESTDEV_PRI_SENT,    TESTDEV_INVAL_COUNT,      TESTDEV_INTERRUPT_COUNT,
		TESTDEV_PRI_REFUSED, TESTDEV_PRI_OUTSTANDING,  TESTDEV_PRI_RESPONSES,
		TESTDEV_PRI_ENABLED, TESTDEV_RESULT,           TESTDEV_TIME,
	};

	for (unsigned int i = 0; i < G_N_ELEMENTS(offsets); i++) {
		uint32_t before = get(offsets[i]);

		set(offsets[i], ~before);
		g_assert_cmphex(get(offsets[i]), ==, before);
	}
	for (unsigned int offset = 0x400; offset < TESTDEV_REGISTERS_SIZE; offset += 0x3fc) {
		set(offset, UINT32_MAX);
		g_assert_cmphex(get(offset), ==, 0);
	}
}

void add_register_cases(void)
{
	add_case("registers/identity", identity);
	add_case("registers/time", time_goes_on);
	add_case("registers/keep", keep);
	add_case("registers/bounded", bounded);
	add_case("registers/descriptor", descriptor);
	add_case("registers/read-only", read_only);
}
