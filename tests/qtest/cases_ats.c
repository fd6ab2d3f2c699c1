/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Address translation: requests, the device TLB, invalidations, PASIDs, and what a device can do wrong with them. */
#include "device.h"

#include <linux/pci_regs.h>

#define IOVA  0x100000000ull
#define DATA  FREE_MEMORY
#define OTHER (FREE_MEMORY + 0x100000)
#define PLAIN TESTDEV_NO_PASID
#define HELD  1u

static uint32_t flags_held(uint64_t iova, uint32_t pasid)
{
	set_wide(TESTDEV_TLB_QUERY_IOVA, iova);
	set(TESTDEV_TLB_QUERY_PASID, pasid);
	return get(TESTDEV_TLB_QUERY_FLAGS);
}

static struct descriptor translated_write(uint64_t iova, uint32_t pasid, uint64_t value)
{
	return (struct descriptor){
		.operation = TESTDEV_OP_FILL | TESTDEV_FLAG_TRANSLATED |
			     (pasid == PLAIN ? 0 : TESTDEV_FLAG_PASID),
		.pasid = pasid == PLAIN ? 0 : pasid,
		.iova = iova,
		.length = 8,
		.operand = value,
	};
}

static uint32_t write_translated(uint64_t iova, uint32_t pasid, uint64_t value)
{
	struct descriptor descriptor = translated_write(iova, pasid, value);

	return status_of(&descriptor);
}

static uint64_t word(uint64_t address)
{
	return qtest_read(machine, address, 8);
}

static void translate_only(void)
{
	struct descriptor request = {
		.operation = TESTDEV_OP_TRANSLATE,
		.iova = IOVA + 0x123,
		.length = 1,
	};
	struct result result;

	vtd_map(&vtd, &device, PLAIN, IOVA, OTHER, true);
	vtd_map(&vtd, &device, PLAIN, IOVA + 4096, DATA, false);
	result = transfer(&request);
	g_assert_cmpuint(result.status, ==, TESTDEV_STATUS_OK);
	g_assert_cmphex(result.value, ==, OTHER + 0x123);
	g_assert_cmpuint(result.length, ==, 4096 - 0x123);
	g_assert_cmpuint(result.permission & 1, ==, 1);
	request.operation |= TESTDEV_FLAG_WRITE;
	g_assert_cmpuint(transfer(&request).permission, ==, 3);
	request.iova = IOVA + 4096;
	result = transfer(&request);
	g_assert_cmpuint(result.status, ==, TESTDEV_STATUS_NO_TRANSLATION);
	g_assert_cmphex(result.address, ==, IOVA + 4096);
	request.operation = TESTDEV_OP_TRANSLATE;
	g_assert_cmpuint(status_of(&request), ==, TESTDEV_STATUS_OK);
	request.iova = IOVA + 8192;
	g_assert_cmpuint(status_of(&request), ==, TESTDEV_STATUS_NO_TRANSLATION);
	config_write(&device, device.ats + PCI_ATS_CTRL, 2, 0);
	request.iova = IOVA;
	g_assert_cmpuint(status_of(&request), ==, TESTDEV_STATUS_DISABLED);
}

/* Each PASID has tables of its own; one that is not attached has none. */
static void pasids(void)
{
	struct descriptor write = translated_write(IOVA, 5, 0x55);

	vtd_attach_pasid(&vtd, &device, 5);
	vtd_attach_pasid(&vtd, &device, 100);
	vtd_map(&vtd, &device, PLAIN, IOVA, DATA, true);
	vtd_map(&vtd, &device, 5, IOVA, DATA + 4096, true);
	vtd_map(&vtd, &device, 100, IOVA, DATA + 8192, true);
	fill(DATA, 12288, 0);
	g_assert_cmpuint(status_of(&write), ==, TESTDEV_STATUS_OK);
	g_assert_cmphex(word(DATA + 4096), ==, 0x55);
	g_assert_cmpuint(write_translated(IOVA, 100, 0x66), ==, TESTDEV_STATUS_OK);
	g_assert_cmphex(word(DATA + 8192), ==, 0x66);
	g_assert_cmphex(word(DATA), ==, 0);
	/* Untranslated, with a PASID: QEMU only has translations, a missing one blocks. */
	write.operation &= ~TESTDEV_FLAG_TRANSLATED;
	write.operand = 0x77;
	g_assert_cmpuint(status_of(&write), ==, TESTDEV_STATUS_OK);
	g_assert_cmphex(word(DATA + 4096), ==, 0x77);
	write.iova += 4096;
	g_assert_cmpuint(status_of(&write), ==, TESTDEV_STATUS_BLOCKED);
	g_assert_cmpuint(write_translated(IOVA + 4096, 5, 0), ==, TESTDEV_STATUS_NO_TRANSLATION);
	g_assert_cmpuint(write_translated(IOVA, 6, 0), ==, TESTDEV_STATUS_NO_TRANSLATION);
	/* A PASID that does not fit into 20 bits cannot be sent. */
	g_assert_cmpuint(write_translated(IOVA, 1 << 20, 0), ==, TESTDEV_STATUS_BAD_DESCRIPTOR);
	config_write(&device, device.pasid + PCI_PASID_CTRL, 2, 0);
	g_assert_cmpuint(write_translated(IOVA, 5, 0), ==, TESTDEV_STATUS_DISABLED);
}

static void device_tlb(void)
{
	vtd_map(&vtd, &device, PLAIN, IOVA, DATA, true);
	vtd_map(&vtd, &device, PLAIN, IOVA + 4096, DATA + 4096, false);
	/* Off: nothing is kept. */
	g_assert_cmpuint(write_translated(IOVA, PLAIN, 1), ==, TESTDEV_STATUS_OK);
	g_assert_cmpuint(get(TESTDEV_TLB_ENTRIES_HELD), ==, 0);
	set(TESTDEV_CONTROL, TESTDEV_CONTROL_DEVICE_TLB);
	g_assert_cmpuint(write_translated(IOVA, PLAIN, 1), ==, TESTDEV_STATUS_OK);
	g_assert_cmpuint(get(TESTDEV_TLB_MISSES), ==, 1);
	g_assert_cmpuint(get(TESTDEV_TLB_HITS), ==, 0);
	g_assert_cmpuint(get(TESTDEV_TLB_ENTRIES_HELD), ==, 1);
	g_assert_cmphex(flags_held(IOVA + 5, PLAIN), ==, HELD | 2 | 4);
	g_assert_cmphex(get_wide(TESTDEV_TLB_QUERY_VALUE), ==, DATA + 5);
	g_assert_cmphex(flags_held(IOVA, 0), ==, 0);
	g_assert_cmphex(flags_held(IOVA + 4096, PLAIN), ==, 0);
	g_assert_cmpuint(write_translated(IOVA + 8, PLAIN, 2), ==, TESTDEV_STATUS_OK);
	g_assert_cmpuint(get(TESTDEV_TLB_HITS), ==, 1);
	/* What is held is used: the tables are not looked at again. */
	vtd_map(&vtd, &device, PLAIN, IOVA, OTHER, true);
	fill(OTHER, 64, 0);
	g_assert_cmpuint(write_translated(IOVA, PLAIN, 3), ==, TESTDEV_STATUS_OK);
	g_assert_cmphex(word(DATA), ==, 3);
	g_assert_cmphex(word(OTHER), ==, 0);
	set(TESTDEV_CONTROL, TESTDEV_CONTROL_DEVICE_TLB | TESTDEV_CONTROL_FLUSH);
	g_assert_cmpuint(get(TESTDEV_TLB_ENTRIES_HELD), ==, 0);
	vtd_invalidate(&vtd);
	g_assert_cmpuint(write_translated(IOVA, PLAIN, 4), ==, TESTDEV_STATUS_OK);
	g_assert_cmphex(word(OTHER), ==, 4);
	/* Turning it off, or ATS, empties it. */
	set(TESTDEV_CONTROL, 0);
	g_assert_cmpuint(get(TESTDEV_TLB_ENTRIES_HELD), ==, 0);
	set(TESTDEV_CONTROL, TESTDEV_CONTROL_DEVICE_TLB);
	g_assert_cmpuint(write_translated(IOVA, PLAIN, 5), ==, TESTDEV_STATUS_OK);
	config_write(&device, device.ats + PCI_ATS_CTRL, 2, 0);
	config_write(&device, device.ats + PCI_ATS_CTRL, 2, PCI_ATS_CTRL_ENABLE);
	g_assert_cmpuint(get(TESTDEV_TLB_ENTRIES_HELD), ==, 0);
}

/* 256 are held; the oldest one goes first. */
static void device_tlb_full(void)
{
	set(TESTDEV_CONTROL, TESTDEV_CONTROL_DEVICE_TLB);
	for (unsigned int i = 0; i < 257; i++) {
		vtd_map(&vtd, &device, PLAIN, IOVA + 4096 * i, DATA, true);
		g_assert_cmpuint(write_translated(IOVA + 4096 * i, PLAIN, i), ==,
				 TESTDEV_STATUS_OK);
	}
	g_assert_cmpuint(get(TESTDEV_TLB_ENTRIES_HELD), ==, 256);
	g_assert_cmphex(flags_held(IOVA, PLAIN), ==, 0);
	g_assert_cmphex(flags_held(IOVA + 4096, PLAIN), !=, 0);
	g_assert_cmphex(flags_held(IOVA + 4096 * 256, PLAIN), !=, 0);
}

static void hold(uint64_t iova, uint32_t pasid)
{
	g_assert_cmpuint(write_translated(iova, pasid, 0x1), ==, TESTDEV_STATUS_OK);
	g_assert_cmphex(flags_held(iova, pasid) & HELD, ==, HELD);
}

static void invalidated(void)
{
	set(TESTDEV_CONTROL, TESTDEV_CONTROL_DEVICE_TLB);
	vtd_attach_pasid(&vtd, &device, 7);
	for (unsigned int i = 0; i < 8; i++) {
		vtd_map(&vtd, &device, PLAIN, IOVA + 4096 * i, DATA + 4096 * i, true);
		vtd_map(&vtd, &device, 7, IOVA + 4096 * i, DATA + 4096 * i, true);
		hold(IOVA + 4096 * i, PLAIN);
		hold(IOVA + 4096 * i, 7);
	}
	set(TESTDEV_CONTROL, TESTDEV_CONTROL_DEVICE_TLB | TESTDEV_CONTROL_CLEAR_COUNTERS);
	vtd_invalidate_device(&vtd, &device, PLAIN, IOVA + 4096, 1);
	g_assert_cmpuint(get(TESTDEV_INVAL_COUNT), ==, 1);
	g_assert_cmphex(get_wide(TESTDEV_INVAL_IOVA), ==, IOVA + 4096);
	g_assert_cmphex(get_wide(TESTDEV_INVAL_LENGTH), ==, 4096);
	g_assert_cmphex(get(TESTDEV_INVAL_PASID), ==, TESTDEV_NO_PASID);
	g_assert_cmpuint(get(TESTDEV_INVAL_DROPPED), ==, 1);
	g_assert_cmphex(flags_held(IOVA + 4096, PLAIN), ==, 0);
	g_assert_cmphex(flags_held(IOVA + 4096, 7), !=, 0);
	/* A range of 4 pages, with a PASID. */
	vtd_invalidate_device(&vtd, &device, 7, IOVA + 16384, 4);
	g_assert_cmpuint(get(TESTDEV_INVAL_COUNT), ==, 2);
	g_assert_cmphex(get_wide(TESTDEV_INVAL_IOVA), ==, IOVA + 16384);
	g_assert_cmphex(get_wide(TESTDEV_INVAL_LENGTH), ==, 16384);
	g_assert_cmpuint(get(TESTDEV_INVAL_PASID), ==, 7);
	g_assert_cmpuint(get(TESTDEV_INVAL_DROPPED), ==, 4);
	for (unsigned int i = 0; i < 8; i++) {
		g_assert_cmpint(!!flags_held(IOVA + 4096 * i, 7), ==, i < 4);
		g_assert_cmpint(!!flags_held(IOVA + 4096 * i, PLAIN), ==, i != 1);
	}
	/* The one before is still there, behind the newest. */
	set(TESTDEV_INVAL_INDEX, 1);
	g_assert_cmphex(get_wide(TESTDEV_INVAL_IOVA), ==, IOVA + 4096);
	set(TESTDEV_INVAL_INDEX, 2);
	g_assert_cmphex(get_wide(TESTDEV_INVAL_LENGTH), ==, 0);
	set(TESTDEV_INVAL_INDEX, 0);
	for (unsigned int i = 0; i < 70; i++)
		vtd_invalidate_device(&vtd, &device, PLAIN, IOVA + 4096 * i, 1);
	g_assert_cmpuint(get(TESTDEV_INVAL_COUNT), ==, 72);
	g_assert_cmphex(get_wide(TESTDEV_INVAL_IOVA), ==, IOVA + 4096 * 69);
	set(TESTDEV_INVAL_INDEX, 63);
	g_assert_cmphex(get_wide(TESTDEV_INVAL_IOVA), ==, IOVA + 4096 * 6);
	set(TESTDEV_INVAL_INDEX, 64);
	g_assert_cmphex(get_wide(TESTDEV_INVAL_IOVA), ==, 0);
}

static void keeps_after_invalidation(void)
{
	set(TESTDEV_CONTROL, TESTDEV_CONTROL_DEVICE_TLB);
	vtd_map(&vtd, &device, PLAIN, IOVA, DATA, true);
	hold(IOVA, PLAIN);
	set(TESTDEV_MISBEHAVE, TESTDEV_MISBEHAVE_KEEP_TLB);
	vtd_unmap(&vtd, &device, PLAIN, IOVA);
	vtd_invalidate_device(&vtd, &device, PLAIN, IOVA, 1);
	g_assert_cmpuint(get(TESTDEV_INVAL_DROPPED), ==, 0);
	g_assert_cmpuint(write_translated(IOVA, PLAIN, 0xbad), ==, TESTDEV_STATUS_OK);
	g_assert_cmphex(word(DATA), ==, 0xbad);
	set(TESTDEV_MISBEHAVE, 0);
	vtd_invalidate_device(&vtd, &device, PLAIN, IOVA, 1);
	g_assert_cmpuint(write_translated(IOVA, PLAIN, 0), ==, TESTDEV_STATUS_NO_TRANSLATION);
}

static void late_invalidation(void)
{
	set(TESTDEV_CONTROL, TESTDEV_CONTROL_DEVICE_TLB);
	vtd_map(&vtd, &device, PLAIN, IOVA, DATA, true);
	vtd_map(&vtd, &device, PLAIN, IOVA + 4096, DATA, true);
	hold(IOVA, PLAIN);
	hold(IOVA + 4096, PLAIN);
	set(TESTDEV_MISBEHAVE, TESTDEV_MISBEHAVE_LATE_INVAL);
	vtd_invalidate_device(&vtd, &device, PLAIN, IOVA, 1);
	g_assert_cmphex(flags_held(IOVA, PLAIN), !=, 0);
	set(TESTDEV_MISBEHAVE, 0);
	g_assert_cmphex(flags_held(IOVA, PLAIN), ==, 0);
	g_assert_cmphex(flags_held(IOVA + 4096, PLAIN), !=, 0);
	/* More than it can note: everything goes. */
	set(TESTDEV_MISBEHAVE, TESTDEV_MISBEHAVE_LATE_INVAL);
	for (unsigned int i = 0; i < 100; i++)
		vtd_invalidate_device(&vtd, &device, PLAIN, IOVA + 4096 * (i + 10), 1);
	g_assert_cmphex(flags_held(IOVA + 4096, PLAIN), !=, 0);
	set(TESTDEV_MISBEHAVE, 0);
	g_assert_cmphex(flags_held(IOVA + 4096, PLAIN), ==, 0);
}

/* A translated address of the device's own invention goes where it says while ATS is on, and to the IOMMU when it is off. */
static void forged(void)
{
	struct descriptor descriptor = {
		.operation = TESTDEV_OP_FILL | TESTDEV_FLAG_FORGED,
		.iova = IOVA,
		.target = OTHER,
		.length = 8,
		.operand = 0xf0,
	};

	fill(OTHER, 64, 0);
	g_assert_cmpuint(status_of(&descriptor), ==, TESTDEV_STATUS_OK);
	g_assert_cmphex(word(OTHER), ==, 0xf0);
	config_write(&device, device.ats + PCI_ATS_CTRL, 2, 0);
	fill(OTHER, 64, 0);
	g_assert_cmpuint(status_of(&descriptor), ==, TESTDEV_STATUS_BLOCKED);
	g_assert_cmphex(word(OTHER), ==, 0);
}

/* PASIDs may go away under a device that listens for them: nothing of it stays behind in QEMU. */
static void listens_across_resets(void)
{
	for (unsigned int i = 0; i < 20; i++) {
		vtd_attach(&vtd, &device);
		function_enable(&device);
		set(TESTDEV_CONTROL, TESTDEV_CONTROL_DEVICE_TLB);
		for (uint32_t pasid = 1 + i % 2; pasid < 6; pasid += 1 + i % 3) {
			vtd_attach_pasid(&vtd, &device, pasid);
			vtd_map(&vtd, &device, pasid, IOVA, DATA, true);
			hold(IOVA, pasid);
		}
		config_write(&device, device.pasid + PCI_PASID_CTRL, 2, 0);
		function_reset(&device);
		g_assert_cmpuint(get(TESTDEV_TLB_ENTRIES_HELD), ==, 0);
	}
}

void add_ats_cases(void)
{
	add_case("ats/translate", translate_only);
	add_case("ats/pasids", pasids);
	add_case("ats/device-tlb", device_tlb);
	add_case("ats/device-tlb-full", device_tlb_full);
	add_case("ats/invalidated", invalidated);
	add_case("ats/keeps", keeps_after_invalidation);
	add_case("ats/late", late_invalidation);
	add_case("ats/forged", forged);
	add_case("ats/listens-across-resets", listens_across_resets);
}
