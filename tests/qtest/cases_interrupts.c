/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Interrupts: a message is a memory write, so each vector's goes to memory where it can be seen. */
#include "device.h"

#include <linux/pci_regs.h>

#define MAILBOX      0x200000ull
#define MAILBOX_DATA (FREE_MEMORY + 0x400000)
#define IOVA         0x100000000ull
#define DATA         FREE_MEMORY

static void map(uint64_t iova, uint64_t address)
{
	vtd_map(&vtd, &device, TESTDEV_NO_PASID, iova, address, true);
}

static uint32_t mail(unsigned int vector)
{
	return qtest_read(machine, MAILBOX_DATA + 4 * vector, 4);
}

static void empty_mailbox(void)
{
	fill(MAILBOX_DATA, 4096, 0);
}

static void msix(bool masked)
{
	for (unsigned int i = 0; i < 16; i++) {
		qtest_write(machine, device.table + 16 * i, 8, MAILBOX + 4 * i);
		qtest_write(machine, device.table + 16 * i + 8, 4, 0xa000 + i);
		qtest_write(machine, device.table + 16 * i + 12, 4, masked);
	}
	config_write(&device, device.msix + PCI_MSIX_FLAGS, 2, PCI_MSIX_FLAGS_ENABLE);
}

static void prepare(void)
{
	map(MAILBOX, MAILBOX_DATA);
	map(IOVA, DATA);
	empty_mailbox();
}

/* Exactly one vector of 16 arrived. */
static void assert_only(unsigned int vector, uint32_t data)
{
	for (unsigned int i = 0; i < 32; i++)
		g_assert_cmphex(mail(i), ==, i == vector ? data : 0);
}

static void msix_each(void)
{
	struct descriptor descriptor = {
		.operation = TESTDEV_OP_FILL | TESTDEV_FLAG_INTERRUPT,
		.iova = IOVA,
		.length = 8,
	};

	prepare();
	msix(false);
	for (unsigned int i = 0; i < 16; i++) {
		/* By hand, */
		set(TESTDEV_INTERRUPT, i);
		assert_only(i, 0xa000 + i);
		empty_mailbox();
		/* and chosen by a transfer, also by one that fails. */
		descriptor.vector = i;
		descriptor.iova = i % 2 ? IOVA : IOVA + 0x5000;
		g_assert_cmpuint(status_of(&descriptor), ==,
				 i % 2 ? TESTDEV_STATUS_OK : TESTDEV_STATUS_BLOCKED);
		assert_only(i, 0xa000 + i);
		empty_mailbox();
	}
	g_assert_cmpuint(get(TESTDEV_INTERRUPT_COUNT), ==, 32);
	set(TESTDEV_INTERRUPT, 16);
	set(TESTDEV_INTERRUPT, UINT32_MAX);
	g_assert_cmpuint(get(TESTDEV_INTERRUPT_COUNT), ==, 32);
	assert_only(UINT32_MAX, 0);
	/* No pin beside messages. */
	g_assert_cmpuint(get(TESTDEV_INTX_STATE), ==, 0);
	/* A transfer that was not told to raises none. */
	descriptor.operation = TESTDEV_OP_FILL;
	g_assert_cmpuint(status_of(&descriptor), ==, TESTDEV_STATUS_OK);
	assert_only(UINT32_MAX, 0);
}

/* A masked vector is pending, and comes when it is unmasked. */
static void msix_masked(void)
{
	prepare();
	msix(true);
	set(TESTDEV_INTERRUPT, 3);
	assert_only(UINT32_MAX, 0);
	g_assert_cmphex(qtest_read(machine, device.table + 2048, 4), ==, 1 << 3);
	qtest_write(machine, device.table + 16 * 3 + 12, 4, 0);
	assert_only(3, 0xa003);
}

static void msi(void)
{
	unsigned int flags = config_read(&device, device.msi + PCI_MSI_FLAGS, 2);

	g_assert_cmphex(flags & PCI_MSI_FLAGS_QMASK, ==, 4 << 1);
	g_assert_true(flags & PCI_MSI_FLAGS_64BIT);
	g_assert_true(flags & PCI_MSI_FLAGS_MASKBIT);
	prepare();
	config_write(&device, device.msi + PCI_MSI_ADDRESS_LO, 4, MAILBOX);
	config_write(&device, device.msi + PCI_MSI_ADDRESS_HI, 4, 0);
	config_write(&device, device.msi + PCI_MSI_DATA_64, 2, 0x40);
	config_write(&device, device.msi + PCI_MSI_FLAGS, 2,
		     PCI_MSI_FLAGS_ENABLE | 4 << 4 | PCI_MSI_FLAGS_64BIT);
	for (unsigned int i = 0; i < 16; i++) {
		set(TESTDEV_INTERRUPT, i);
		assert_only(0, 0x40 + i);
		empty_mailbox();
	}
	set(TESTDEV_INTERRUPT, 16);
	assert_only(UINT32_MAX, 0);
	g_assert_cmpuint(get(TESTDEV_INTERRUPT_COUNT), ==, 16);
}

static bool pin(void)
{
	return config_read(&device, PCI_STATUS, 2) & PCI_STATUS_INTERRUPT;
}

static void intx(void)
{
	g_assert_cmpuint(config_read(&device, PCI_INTERRUPT_PIN, 1), ==, 1);
	g_assert_false(pin());
	set(TESTDEV_INTERRUPT, 0);
	g_assert_true(pin());
	g_assert_cmpuint(get(TESTDEV_INTX_STATE), ==, 1);
	set(TESTDEV_INTX_STATE, 0);
	g_assert_true(pin());
	set(TESTDEV_INTX_STATE, 1);
	g_assert_false(pin());
	g_assert_cmpuint(get(TESTDEV_INTX_STATE), ==, 0);
	g_assert_cmpuint(get(TESTDEV_INTERRUPT_COUNT), ==, 1);
	/* A reset releases it. */
	set(TESTDEV_INTERRUPT, 0);
	function_reset(&device);
	g_assert_false(pin());
}

/* A result that is in memory before its interrupt: the mailbox is the result's own place. */
static void after_result(void)
{
	struct descriptor descriptor = {
		.operation = TESTDEV_OP_FILL | TESTDEV_FLAG_INTERRUPT,
		.iova = IOVA,
		.length = 8,
		.vector = 5,
	};

	prepare();
	msix(false);
	qtest_put(machine, DATA + 0x100, &descriptor, sizeof(descriptor));
	set_wide(TESTDEV_RING_BASE, IOVA + 0x100);
	set_wide(TESTDEV_RING_RESULTS, MAILBOX);
	qtest_write(machine, device.table + 16 * 5, 8, MAILBOX); /* over the result's status */
	set(TESTDEV_RING_COUNT, 1);
	set(TESTDEV_RING_TAIL, 1);
	while (!get(TESTDEV_RING_HEAD))
		;
	g_assert_cmphex(mail(0), ==, 0xa005);
}

static void send_anywhere(void)
{
	prepare();
	set_wide(TESTDEV_SEND_ADDRESS, MAILBOX + 8);
	set(TESTDEV_SEND_DATA, 0x12345678);
	set(TESTDEV_SEND, 0);
	g_assert_cmpuint(get(TESTDEV_SEND), ==, TESTDEV_STATUS_NONE);
	set(TESTDEV_SEND, 1);
	g_assert_cmpuint(get(TESTDEV_SEND), ==, TESTDEV_STATUS_OK);
	assert_only(2, 0x12345678);
	set_wide(TESTDEV_SEND_ADDRESS, IOVA + 0x8000);
	set(TESTDEV_SEND, 1);
	g_assert_cmpuint(get(TESTDEV_SEND), ==, TESTDEV_STATUS_BLOCKED);
	config_write(&device, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	set(TESTDEV_SEND, 1);
	g_assert_cmpuint(get(TESTDEV_SEND), ==, TESTDEV_STATUS_DISABLED);
}

/* Without bus mastering no message leaves; with the misbehaviour it does. */
static void no_master(void)
{
	prepare();
	msix(false);
	config_write(&device, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	set(TESTDEV_INTERRUPT, 1);
	assert_only(UINT32_MAX, 0);
	g_assert_cmpuint(get(TESTDEV_INTERRUPT_COUNT), ==, 0);
	set(TESTDEV_MISBEHAVE, TESTDEV_MISBEHAVE_NO_MASTER);
	set(TESTDEV_INTERRUPT, 1);
	assert_only(1, 0xa001);
}

void add_interrupt_cases(void)
{
	add_case("interrupts/msix", msix_each);
	add_case("interrupts/msix-masked", msix_masked);
	add_case("interrupts/msi", msi);
	add_case("interrupts/intx", intx);
	add_case("interrupts/after-result", after_result);
	add_case("interrupts/send", send_anywhere);
	add_case("interrupts/no-master", no_master);
}
