// SPDX-License-Identifier: GPL-2.0-or-later
/* What the cases about interrupts share. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <linux/pci_regs.h>

#include <iommut/config.h>
#include <iommut/region.h>

#include "suites/irq.h"

enum iommut_irq_kind irq_kind(struct rig *rig)
{
	if (param_is(rig->t, "kind", "intx")) {
		need(rig, ENGINE_INTX);
		return IOMMUT_INTX;
	}
	if (param_is(rig->t, "kind", "msi")) {
		need(rig, ENGINE_MSI);
		return IOMMUT_MSI;
	}
	need(rig, ENGINE_MSIX);
	return IOMMUT_MSIX;
}

int irq_eventfd(struct test *t)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	expect_that(t, fd >= 0, "eventfd: %s", strerror(errno));
	close_later(t, fd);
	return fd;
}

int irq_assign(struct irq_set *set, uint32_t first, uint32_t count, const int32_t *fds)
{
	return iommut_vfio_set_irqs(iommut_device_handle(set->rig->device),
				    VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
				    (uint32_t)set->kind, first, count, fds);
}

int irq_act(struct irq_set *set, uint32_t action, uint32_t first, uint32_t count)
{
	return iommut_vfio_set_irqs(iommut_device_handle(set->rig->device),
				    VFIO_IRQ_SET_DATA_NONE | action, (uint32_t)set->kind, first,
				    count, NULL);
}

struct irq_set *irq_enable_some(struct rig *rig, enum iommut_irq_kind kind, uint32_t least,
				uint32_t count)
{
	struct test *t = rig->t;
	struct irq_set *set = calloc(1, sizeof(*set));
	uint32_t available;
	int given;

	if (!set)
		fail(t, "out of memory");
	undo_later(t, free, set);
	set->rig = rig;
	set->kind = kind;
	expect_zero(t, iommut_irq_count(rig->device, kind, &available, NULL));
	if (available < least)
		skipf(t, "a device with more, such as pcie-ats-testdev",
		      "the device has %u interrupts of this kind, the case needs %u", available,
		      least);
	set->count = available < count ? available : count;
	for (uint32_t i = 0; i < MAX_VECTORS; i++)
		set->fd[i] = i < set->count ? irq_eventfd(t) : -1;
	given = irq_assign(set, 0, set->count, set->fd);
	/* Above 0 it is how many the system could give: without remapping, MSI has one. */
	if (given > 0 && (uint32_t)given < least)
		skipf(t, "interrupt remapping", "the system gives %d interrupts of %u", given,
		      set->count);
	if (given > 0) {
		set->count = (uint32_t)given;
		given = irq_assign(set, 0, set->count, set->fd);
	}
	expect_zero(t, given);
	return set;
}

struct irq_set *irq_enable(struct rig *rig, enum iommut_irq_kind kind, uint32_t count)
{
	return irq_enable_some(rig, kind, count, count);
}

void irq_disable(struct irq_set *set)
{
	expect_zero(set->rig->t, irq_act(set, VFIO_IRQ_SET_ACTION_TRIGGER, 0, 0));
}

void irq_raise(struct rig *rig, uint32_t vector)
{
	expect_zero(rig->t, rig->engine.driver->interrupt(&rig->engine, vector));
}

uint64_t irq_take(struct test *t, int fd, int timeout_ms)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN };
	int64_t end = now_ms() + timeout_ms;
	uint64_t count;

	for (;;) {
		int64_t left = end - now_ms();
		int ready = poll(&wait, 1, left > 0 ? (int)left : 0);

		if (ready < 0 && errno == EINTR)
			continue;
		expect_that(t, ready >= 0, "poll: %s", strerror(errno));
		if (!ready)
			return 0;
		expect(t, read(fd, &count, sizeof(count)) == sizeof(count));
		return count;
	}
}

void check_irq(struct irq_set *set, uint32_t vector, uint64_t count, const struct place *place)
{
	struct test *t = set->rig->t;
	int64_t end = now_ms() + IRQ_DEADLINE_MS;
	uint64_t seen = 0;

	while (seen < count) {
		uint64_t more = irq_take(t, set->fd[vector], (int)(end - now_ms()));

		if (!more)
			expectation_failed(t, place, "vector %u: %llu of %llu came in %d ms",
					   vector, (unsigned long long)seen,
					   (unsigned long long)count, IRQ_DEADLINE_MS);
		seen += more;
	}
	if (seen != count)
		expectation_failed(t, place, "vector %u: %llu came instead of %llu", vector,
				   (unsigned long long)seen, (unsigned long long)count);
}

void check_quiet(struct irq_set *set, const struct place *place)
{
	struct test *t = set->rig->t;
	struct pollfd wait[MAX_VECTORS];
	int64_t end = now_ms() + IRQ_QUIET_MS;
	int ready;

	for (uint32_t i = 0; i < set->count; i++)
		wait[i] = (struct pollfd){ .fd = set->fd[i], .events = POLLIN };
	do {
		int64_t left = end - now_ms();

		ready = poll(wait, set->count, left > 0 ? (int)left : 0);
	} while (ready < 0 && errno == EINTR);
	expect_that(t, ready >= 0, "poll: %s", strerror(errno));
	for (uint32_t i = 0; i < set->count; i++)
		if (wait[i].revents & POLLIN)
			expectation_failed(t, place, "%llu interrupts of vector %u",
					   (unsigned long long)irq_take(t, set->fd[i], 0), i);
}

void check_all_arrive(struct irq_set *set, const struct place *place)
{
	for (uint32_t i = 0; i < set->count; i++) {
		irq_raise(set->rig, i);
		check_irq(set, i, 1, place);
	}
	check_quiet(set, place);
}

/* The MSI-X table and the pending bits, in the device itself. */
struct irq_table {
	struct iommut_region *region;
	volatile uint32_t *bar;
	uint32_t table;
	uint32_t pending;
};

static void close_table(void *argument)
{
	struct irq_table *table = argument;

	if (table->bar)
		iommut_region_unmap(table->region, (void *)table->bar, table->region->length);
	iommut_region_close(table->region);
	free(table);
}

struct irq_table *irq_table_open(struct rig *rig)
{
	struct test *t = rig->t;
	struct irq_table *table = calloc(1, sizeof(*table));
	uint32_t at, where, pending;
	void *address;
	int error;

	if (!table)
		fail(t, "out of memory");
	undo_later(t, close_table, table);
	if (iommut_config_capability(rig->device, PCI_CAP_ID_MSIX, &at) != 0)
		skip(t, "the device has no MSI-X", "a device that has, such as pcie-ats-testdev");
	expect_zero(t, iommut_config_read32(rig->device, at + PCI_MSIX_TABLE, &where));
	expect_zero(t, iommut_config_read32(rig->device, at + PCI_MSIX_PBA, &pending));
	table->table = where & PCI_MSIX_TABLE_OFFSET;
	table->pending = pending & PCI_MSIX_PBA_OFFSET;
	expect_equal(t, where & PCI_MSIX_TABLE_BIR, pending & PCI_MSIX_PBA_BIR);
	expect_zero(t, iommut_region_open(&table->region, rig->device, where & PCI_MSIX_TABLE_BIR));
	if (!table->region->msix_mappable)
		skip(t, "the kernel does not let the MSI-X table be mapped",
		     "a kernel with VFIO_REGION_INFO_CAP_MSIX_MAPPABLE (4.16 or later)");
	error = iommut_region_map(table->region, 0, table->region->length, &address);
	expect_zero(t, error);
	table->bar = address;
	return table;
}

struct irq_message irq_table_get(struct irq_table *table, uint32_t vector)
{
	volatile uint32_t *entry = table->bar + (table->table + vector * PCI_MSIX_ENTRY_SIZE) / 4;

	return (struct irq_message){ .address = entry[0] | (uint64_t)entry[1] << 32,
				     .data = entry[2],
				     .control = entry[3] };
}

void irq_table_set(struct irq_table *table, uint32_t vector, const struct irq_message *message)
{
	volatile uint32_t *entry = table->bar + (table->table + vector * PCI_MSIX_ENTRY_SIZE) / 4;

	entry[0] = (uint32_t)message->address;
	entry[1] = (uint32_t)(message->address >> 32);
	entry[2] = message->data;
	entry[3] = message->control;
}

bool irq_table_pending(struct irq_table *table, uint32_t vector)
{
	return table->bar[table->pending / 4 + vector / 32] >> vector % 32 & 1;
}

uint32_t irq_send(struct rig *rig, uint64_t address, uint32_t data)
{
	need(rig, ENGINE_MESSAGE);
	testdev_set64(&rig->engine, TESTDEV_SEND_ADDRESS, address);
	testdev_set32(&rig->engine, TESTDEV_SEND_DATA, data);
	testdev_set32(&rig->engine, TESTDEV_SEND, 1);
	return testdev_get32(&rig->engine, TESTDEV_SEND);
}

bool irq_remapped(struct rig *rig)
{
	FILE *file = fopen("/proc/interrupts", "re");
	bool remapped = false, found = false;
	char *line = NULL;
	size_t room = 0;
	char name[64];

	if (!file)
		skip(rig->t, "the kernel does not show interrupts", "a kernel with CONFIG_PROC_FS");
	snprintf(name, sizeof(name), "(%s)", iommut_device_bdf(rig->device));
	while (!found && getline(&line, &room, file) > 0)
		if (strstr(line, "vfio-") && strstr(line, name)) {
			found = true;
			/* The interrupt chip's name: Intel's and AMD's remapping put this before it. */
			remapped = strstr(line, " IR-") != NULL;
		}
	free(line);
	fclose(file);
	expect_that(rig->t, found, "/proc/interrupts shows no interrupt of %s",
		    iommut_device_bdf(rig->device));
	return remapped;
}

void irq_need_remapping(struct rig *rig)
{
	if (!irq_remapped(rig))
		skip(rig->t, "nothing remaps the interrupts of this device",
		     "an IOMMU with interrupt remapping turned on (intremap=on)");
}

void irq_storm(struct rig *rig, struct dma_buffer *buffer, uint32_t vector)
{
	struct engine_transfer fill = { .operation = ENGINE_OP_FILL,
					.flags = ENGINE_INTERRUPT,
					.pasid = IOMMUT_NO_PASID,
					.iova = buffer->iova,
					.length = 64,
					.operand = random64(rig->t),
					.vector = vector };

	need(rig, ENGINE_STORM | ENGINE_FILL);
	expect_zero(rig->t, testdev_storm(&rig->engine, &fill, 100));
	expect_storm(rig->t, &rig->engine, STORM_DONE, 4);
	expect_bytes(rig->t, buffer->data, &fill.operand, sizeof(fill.operand));
}
