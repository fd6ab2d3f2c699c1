/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The PCI function: bus mastering, resets, power, the memory BAR, and what it does although it must not. */
#include "device.h"

#include <linux/pci_regs.h>

#define IOVA  0x100000000ull
#define DATA  FREE_MEMORY
#define PLAIN TESTDEV_NO_PASID

static const struct descriptor mark = {
	.operation = TESTDEV_OP_FILL,
	.iova = IOVA,
	.length = 8,
	.operand = 0x1234,
};

static uint64_t word(void)
{
	return qtest_read(machine, DATA, 8);
}

static void prepare(void)
{
	vtd_map(&vtd, &device, PLAIN, IOVA, DATA, true);
	fill(DATA, 4096, 0);
}

static void power(unsigned int state)
{
	config_write(&device, device.power + PCI_PM_CTRL, 2, state);
}

static void bus_master(void)
{
	prepare();
	config_write(&device, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	g_assert_cmpuint(status_of(&mark), ==, TESTDEV_STATUS_DISABLED);
	g_assert_cmphex(word(), ==, 0);
	set(TESTDEV_MISBEHAVE, TESTDEV_MISBEHAVE_NO_MASTER);
	g_assert_cmpuint(status_of(&mark), ==, TESTDEV_STATUS_OK);
	g_assert_cmphex(word(), ==, 0x1234);
}

/* Asleep it does nothing, and its BARs are gone; waking up is a reset. */
static void sleep_and_wake(void)
{
	struct descriptor descriptor = mark;

	prepare();
	set(TESTDEV_SCRATCH, 0x77);
	descriptor.repeat = 1;
	qtest_put(machine, device.registers + TESTDEV_TRANSFER, &descriptor, sizeof(descriptor));
	set(TESTDEV_MISBEHAVE, TESTDEV_MISBEHAVE_NO_MASTER);
	set(TESTDEV_STORM_PAUSE, 1000);
	set(TESTDEV_STORM, 1);
	while (word() != 0x1234)
		;
	power(3);
	fill(DATA, 64, 0);
	qtest_clock_step(machine, 10000000);
	g_assert_cmphex(word(), ==, 0);
	g_assert_cmphex(get(TESTDEV_VERSION), !=, TESTDEV_VERSION_VALUE);
	power(0);
	g_assert_cmphex(config_read(&device, device.ats + PCI_ATS_CTRL, 2), ==, 0);
	g_assert_cmphex(config_read(&device, device.pasid + PCI_PASID_CTRL, 2), ==, 0);
	/* The reset took the BARs' addresses. */
	function_probe(&device, machine, device.bus, device.devfn, device.registers);
	g_assert_cmphex(get(TESTDEV_VERSION), ==, TESTDEV_VERSION_VALUE);
	g_assert_cmphex(get(TESTDEV_SCRATCH), ==, 0);
	g_assert_cmpuint(get(TESTDEV_STORM), ==, 0);
	qtest_clock_step(machine, 10000000);
	g_assert_cmphex(word(), ==, 0);
}

/* An FLR ends everything, turns off what was on, and keeps only the memory of BAR 2. */
static void reset(void)
{
	struct descriptor descriptor = mark;

	prepare();
	pattern(device.memory, 4096);
	set(TESTDEV_CONTROL, TESTDEV_CONTROL_DEVICE_TLB);
	descriptor.operation |= TESTDEV_FLAG_TRANSLATED;
	g_assert_cmpuint(status_of(&descriptor), ==, TESTDEV_STATUS_OK);
	g_assert_cmpuint(get(TESTDEV_TLB_ENTRIES_HELD), ==, 1);
	set_wide(TESTDEV_PRI_IOVA, IOVA);
	set(TESTDEV_PRI_SEND, TESTDEV_PRI_READ | TESTDEV_PRI_LAST);
	g_assert_cmpuint(get(TESTDEV_PRI_OUTSTANDING), ==, 1);
	set(TESTDEV_STORM, 1);
	while (!get_wide(TESTDEV_STORM_OK))
		;
	function_reset(&device);
	g_assert_cmpuint(get(TESTDEV_STORM), ==, 0);
	fill(DATA, 64, 0);
	for (unsigned int i = 0; i < 100; i++)
		g_assert_cmphex(word(), ==, 0);
	g_assert_cmphex(get(TESTDEV_PRI_ENABLED), ==, 0);
	g_assert_cmphex(config_read(&device, device.ats + PCI_ATS_CTRL, 2), ==, 0);
	g_assert_cmphex(config_read(&device, device.pri + PCI_PRI_CTRL, 2), ==, 0);
	g_assert_cmphex(config_read(&device, device.pri + PCI_PRI_ALLOC_REQ, 4), ==, 0);
	g_assert_cmphex(config_read(&device, device.pasid + PCI_PASID_CTRL, 2), ==, 0);
	g_assert_cmpuint(get(TESTDEV_TLB_ENTRIES_HELD), ==, 0);
	g_assert_cmpuint(get(TESTDEV_PRI_OUTSTANDING), ==, 0);
	g_assert_cmpuint(get(TESTDEV_PRI_SENT), ==, 0);
	g_assert_cmpuint(get(TESTDEV_TLB_MISSES), ==, 0);
	assert_pattern(device.memory, 4096, device.memory);
	g_assert_cmpuint(status_of(&mark), ==, TESTDEV_STATUS_OK);
}

/* The storm that an FLR does not stop; bus mastering, which an FLR turns off, is ignored, too. */
static void ignores_reset(void)
{
	prepare();
	qtest_put(machine, device.registers + TESTDEV_TRANSFER, &mark, sizeof(mark));
	set(TESTDEV_MISBEHAVE, TESTDEV_MISBEHAVE_IGNORE_RESET | TESTDEV_MISBEHAVE_NO_MASTER);
	set(TESTDEV_STORM_PAUSE, 1000);
	set(TESTDEV_STORM, 1);
	config_write(&device, device.express + PCI_EXP_DEVCTL, 2, PCI_EXP_DEVCTL_BCR_FLR);
	fill(DATA, 64, 0);
	for (unsigned int i = 0; i < 100 && word() != 0x1234; i++)
		qtest_clock_step(machine, 1000000);
	g_assert_cmphex(word(), ==, 0x1234);
	/* The BARs are gone until they are given addresses again. */
	function_probe(&device, machine, device.bus, device.devfn, device.registers);
	g_assert_cmpuint(get(TESTDEV_STORM), ==, 1);
	set(TESTDEV_STORM, 0);
	set(TESTDEV_MISBEHAVE, 0);
	while (get(TESTDEV_STORM))
		;
}

/* Memory is where it is for a forged requester, too: QEMU's IOMMUs know a device by its place. */
static void requester(void)
{
	prepare();
	set(TESTDEV_FORGED_RID, 0x1234);
	set(TESTDEV_MISBEHAVE, TESTDEV_MISBEHAVE_RID);
	set_wide(TESTDEV_SEND_ADDRESS, IOVA);
	set(TESTDEV_SEND_DATA, 0x99);
	set(TESTDEV_SEND, 1);
	g_assert_cmpuint(get(TESTDEV_SEND), ==, TESTDEV_STATUS_OK);
	g_assert_cmphex(word(), ==, 0x99);
}

/* Its own memory as the target of its DMA, through the IOMMU: peer to peer. */
static void peer_to_peer(void)
{
	struct descriptor descriptor = {
		.operation = TESTDEV_OP_COPY,
		.iova = IOVA,
		.target = IOVA + 4096,
		.length = 4096,
	};

	vtd_map(&vtd, &device, PLAIN, IOVA, DATA, true);
	vtd_map(&vtd, &device, PLAIN, IOVA + 4096, device.memory + 0x10000, true);
	pattern(DATA, 4096);
	fill(device.memory + 0x10000, 4096, 0);
	g_assert_cmpuint(status_of(&descriptor), ==, TESTDEV_STATUS_OK);
	assert_pattern(device.memory + 0x10000, 4096, DATA);
}

/* Its own memory at both ends, one over the other: a page is taken as a whole before it is put down. */
static void own_memory(void)
{
	struct descriptor descriptor = {
		.operation = TESTDEV_OP_WRITE,
		.iova = IOVA + 100,
		.length = 3000,
	};

	vtd_map(&vtd, &device, PLAIN, IOVA, device.memory, true);
	pattern(device.memory, 4096);
	g_assert_cmpuint(status_of(&descriptor), ==, TESTDEV_STATUS_OK);
	assert_pattern(device.memory + 100, 3000, device.memory);
	pattern(device.memory, 4096);
	descriptor.operation = TESTDEV_OP_READ;
	g_assert_cmpuint(status_of(&descriptor), ==, TESTDEV_STATUS_OK);
	assert_pattern(device.memory, 3000, device.memory + 100);
}

/* It may not reach its own registers: QEMU refuses what would come back into it. */
static void own_registers(void)
{
	struct descriptor descriptor = {
		.operation = TESTDEV_OP_FILL,
		.iova = IOVA + TESTDEV_SCRATCH,
		.length = 8,
		.operand = 0x66,
	};

	vtd_map(&vtd, &device, PLAIN, IOVA, device.registers, true);
	g_assert_cmpuint(status_of(&descriptor), ==, TESTDEV_STATUS_BLOCKED);
	g_assert_cmphex(get_wide(TESTDEV_SCRATCH), ==, 0);
}

/* Its own configuration space it can: an FLR from within a transfer ends that transfer. */
static void resets_itself(void)
{
	uint64_t control = 0xb0000000ull + (device.devfn << 12) + device.express + PCI_EXP_DEVCTL;
	struct descriptor descriptor = {
		.operation = TESTDEV_OP_WRITE,
		.iova = IOVA + (control & 0xfff),
		.length = 2,
		.repeat = 1000,
	};

	vtd_map(&vtd, &device, PLAIN, IOVA, control & ~0xfffull, true);
	qtest_write(machine, device.memory, 2, PCI_EXP_DEVCTL_BCR_FLR);
	start(&descriptor);
	while (config_read(&device, PCI_COMMAND, 2) & PCI_COMMAND_MASTER)
		;
	function_probe(&device, machine, device.bus, device.devfn, device.registers);
	g_assert_cmpuint(get(TESTDEV_START), ==, 0);
	g_assert_cmpuint(get(TESTDEV_RESULT), ==, TESTDEV_STATUS_ABORTED);
	prepare();
	vtd_invalidate(&vtd);
	g_assert_cmpuint(status_of(&mark), ==, TESTDEV_STATUS_OK);
}

void add_function_cases(void)
{
	add_case("function/bus-master", bus_master);
	add_case("function/sleep", sleep_and_wake);
	add_case("function/reset", reset);
	add_case("function/ignores-reset", ignores_reset);
	add_case("function/requester", requester);
	add_case("function/peer-to-peer", peer_to_peer);
	add_case("function/own-memory", own_memory);
	add_case("function/own-registers", own_registers);
	add_case("function/resets-itself", resets_itself);
}
