// SPDX-License-Identifier: GPL-2.0-or-later
/* Interrupts are memory writes: which of those that a device makes up by itself arrive, and where they must not. */
#include <stdio.h>
#include <string.h>

#include "harness/iommu_model.h"
#include "suites/irq.h"

/* VT-d 5.1.2.2: remappable format: bit 4 says so, bits 19:5 and 2 are the handle, bit 3 says that data has a subhandle. */
#define VTD_REMAPPABLE (1u << 4)

static uint64_t vtd_address(uint32_t handle)
{
	return 0xfee00000u | (handle & 0x7fff) << 5 | VTD_REMAPPABLE | (handle & 0x8000) >> 13;
}

static uint32_t vtd_index(const struct irq_message *message)
{
	uint32_t index = (message->address >> 5 & 0x7fff) | (message->address & 4) << 13;

	return message->address & 8 ? index + (message->data & 0xffff) : index;
}

static enum iommu_vendor vendor_of(struct rig *rig)
{
	struct iommu_model model = { .vendor = IOMMU_UNKNOWN };

	(void)iommu_model_of(iommut_device_bdf(rig->device), &model);
	return model.vendor;
}

/* A device with MSI-X on, its table readable, and able to write messages. */
struct sender {
	struct rig *rig;
	struct irq_set *set;
	struct irq_table *table;
};

static struct sender open_sender(struct test *t, int index, uint32_t vectors)
{
	struct sender sender = { .rig = rig_open_in(t, NULL, index, NULL) };

	need(sender.rig, ENGINE_MSIX | ENGINE_MESSAGE);
	sender.table = irq_table_open(sender.rig);
	sender.set = irq_enable(sender.rig, IOMMUT_MSIX, vectors);
	return sender;
}

static uint32_t send_message(struct rig *rig, const struct irq_message *message)
{
	return irq_send(rig, message->address, message->data);
}

CASE(own_message,
     .proves = "a device that writes what its MSI-X table says, by itself, causes that interrupt "
	       "once",
     .rule = "PCI 3.0, 6.8: an MSI is a memory write", .marks = LIST("smoke"),
     .parameters = { BACKENDS })
{
	struct sender own = open_sender(t, 0, 4);

	for (uint32_t vector = 0; vector < own.set->count; vector++) {
		struct irq_message message = irq_table_get(own.table, vector);

		expect_equal(t, send_message(own.rig, &message), TESTDEV_STATUS_OK);
		expect_irq(own.set, vector);
	}
	expect_quiet(own.set);
}

CASE(dma_to_window,
     .proves = "a DMA write of 4 bytes into the interrupt window is an interrupt like any other, "
	       "without a mapping",
     .rule = "VT-d 3.14: requests to 0xFEEx_xxxx are not subject to DMA remapping; AMD IOMMU 2.2.5",
     .parameters = { BACKENDS })
{
	struct sender own = open_sender(t, 0, 2);
	struct irq_message message = irq_table_get(own.table, 1);

	expect_write(own.rig, message.address, &message.data, 4);
	expect_irq(own.set, 1);
	expect_quiet(own.set);
}

CASE(foreign_message,
     .proves = "a device that writes another device's interrupt message does not cause that "
	       "interrupt",
     .rule = "VT-d 5.1.5.1, 9.10: source-id validation; AMD IOMMU 2.2.5: a table for each device",
     .devices = 2, .marks = LIST("smoke"), .parameters = { BACKENDS })
{
	struct sender own = open_sender(t, 0, 2), other = open_sender(t, 1, 4);

	irq_need_remapping(other.rig);
	provokes_interrupts(own.rig);
	expect_all_arrive(other.set);
	for (uint32_t vector = 0; vector < other.set->count; vector++) {
		struct irq_message message = irq_table_get(other.table, vector);

		/* Positive control: sent by the device it belongs to, it arrives. */
		send_message(other.rig, &message);
		expect_irq(other.set, vector);
		send_message(own.rig, &message);
	}
	expect_quiet(other.set);
	expect_all_arrive(other.set);
}

CASE(foreign_table,
     .proves = "another device's message in a device's own MSI-X table does not cause that "
	       "interrupt",
     .rule = "vfio.h: VFIO_REGION_INFO_CAP_MSIX_MAPPABLE; VT-d 5.1.5.1: source-id validation",
     .devices = 2, .parameters = { BACKENDS })
{
	struct sender own = open_sender(t, 0, 2), other = open_sender(t, 1, 2);
	struct irq_message kept = irq_table_get(own.table, 0),
			   foreign = irq_table_get(other.table, 0);

	irq_need_remapping(other.rig);
	provokes_interrupts(own.rig);
	expect_all_arrive(own.set);
	expect_all_arrive(other.set);
	irq_table_set(own.table, 0, &foreign);
	for (int i = 0; i < 4; i++)
		irq_raise(own.rig, 0);
	expect_quiet(other.set);
	irq_table_set(own.table, 0, &kept);
	/* Where each device has a table of its own, the foreign message means an interrupt of its own. */
	for (uint32_t vector = 0; vector < own.set->count; vector++)
		(void)irq_take(t, own.set->fd[vector], 0);
	expect_all_arrive(own.set);
	expect_all_arrive(other.set);
}

CASE(wrong_requester,
     .proves = "a device's own interrupt message with a requester ID that is not its own causes no "
	       "interrupt",
     .rule = "VT-d 5.1.5.1, 9.10: source-id validation; AMD IOMMU 2.2.5: a table for each device",
     .parameters = { BACKENDS, PARAMETER("by", "message", "vector") })
{
	struct sender own = open_sender(t, 0, 2);
	struct irq_message message = irq_table_get(own.table, 0);

	irq_need_remapping(own.rig);
	send_message(own.rig, &message);
	expect_irq(own.set, 0);
	/* Bus 0xfe has no device in any machine that this can harm: it is only ever named. */
	provokes_faults(t, &(struct provocation){ .device = "0000:fe:00.0",
						  .access = PROVOKED_INTERRUPT,
						  .pasid = IOMMUT_NO_PASID });
	/* Linux has no entry for it in AMD-Vi's device table: that is reported with the address of the table. */
	provokes_faults(t, &(struct provocation){ .device = "0000:fe:00.0",
						  .access = PROVOKED_READ | PROVOKED_WRITE,
						  .last = UINT64_MAX,
						  .pasid = IOMMUT_NO_PASID });
	testdev_set32(&own.rig->engine, TESTDEV_FORGED_RID, 0xfe00);
	testdev_set32(&own.rig->engine, TESTDEV_MISBEHAVE, TESTDEV_MISBEHAVE_RID);
	for (int i = 0; i < 4; i++)
		if (param_is(t, "by", "message"))
			send_message(own.rig, &message);
		else
			irq_raise(own.rig, 0);
	expect_quiet(own.set);
	testdev_set32(&own.rig->engine, TESTDEV_MISBEHAVE, 0);
	expect_all_arrive(own.set);
}

CASE(forged_handles,
     .proves = "no message that a device makes up causes an interrupt of another device, or one of "
	       "its own that it has no message for",
     .rule = "VT-d 5.1.3: interrupt index, 5.1.4.1: present bit; AMD IOMMU 2.2.5.1: IRTE",
     .devices = 2, .timeout_ms = 20000, .parameters = { BACKENDS })
{
	struct sender own = open_sender(t, 0, 4), other = open_sender(t, 1, 4);
	enum iommu_vendor vendor = vendor_of(own.rig);
	struct irq_message mine[4];

	irq_need_remapping(own.rig);
	irq_need_remapping(other.rig);
	provokes_interrupts(own.rig);
	if (vendor != IOMMU_INTEL && vendor != IOMMU_AMD)
		skip(t, "the format of this IOMMU's interrupt messages is not known here",
		     "VT-d or AMD-Vi");
	for (uint32_t vector = 0; vector < 4; vector++)
		mine[vector] = irq_table_get(own.table, vector);
	expect_all_arrive(own.set);
	expect_all_arrive(other.set);
	for (uint32_t i = 0; i < 1024; i++) {
		/* The first ones are those that are in use; then some of all there are. */
		uint32_t handle = i < 512 ? i : (uint32_t)random_below(t, 0x10000);
		struct irq_message message = { vtd_address(handle), 0, 0 };
		bool owned = false;

		if (vendor == IOMMU_AMD)
			message = (struct irq_message){ mine[0].address, handle & 0x7ff, 0 };
		for (int vector = 0; vector < 4; vector++)
			owned |= vendor == IOMMU_AMD ? (mine[vector].data & 0x7ff) == message.data
						     : vtd_index(&mine[vector]) == handle;
		if (!owned)
			send_message(own.rig, &message);
	}
	expect_quiet(own.set);
	expect_quiet(other.set);
	expect_all_arrive(own.set);
	expect_all_arrive(other.set);
}

/*
 * What an entry of the remapping table makes of a message: in the old format the same can be said by anybody. Other vectors than
 * the device's own are left alone: were they let through, the machine would stand still instead of the case failing.
 */
static struct irq_message compatible(struct test *t, uint32_t index)
{
	const char *path = "/sys/kernel/debug/iommu/intel/ir_translation_struct";
	FILE *file = fopen(path, "re");
	struct irq_message message = { 0 };
	char line[256];

	if (!file)
		skipf(t, "a kernel with CONFIG_INTEL_IOMMU_DEBUGFS, and debugfs mounted",
		      "which processor's vector an interrupt becomes is not shown: %s: %s", path,
		      strerror(errno));
	while (!message.address && fgets(line, sizeof(line), file)) {
		unsigned int entry, destination, vector;
		unsigned long long high, low;

		if (sscanf(line, " %u %*x:%*x.%*x %x %x %llx %llx", &entry, &destination, &vector,
			   &high, &low) != 5 ||
		    entry != index)
			continue;
		/* VT-d 9.10: without EIME the destination stands in bits 15:8. Bits 2 and 3: logical destination, redirection hint. */
		if (destination > 0xff)
			destination >>= 8;
		message.address = 0xfee00000u | (destination & 0xff) << 12 | (low & 0xc);
		message.data = vector;
	}
	fclose(file);
	expect_that(t, message.address != 0, "%s does not show entry %u", path, index);
	return message;
}

CASE(compatibility_format,
     .proves = "interrupt messages in the old format, which names a processor's vector, cause none "
	       "of the device's interrupts",
     .rule = "VT-d 5.1.4: compatibility format requests are blocked with GSTS.CFIS clear or EIME "
	     "set",
     .parameters = { BACKENDS })
{
	struct sender own = open_sender(t, 0, 4);

	irq_need_remapping(own.rig);
	provokes_interrupts(own.rig);
	if (vendor_of(own.rig) != IOMMU_INTEL)
		skip(t, "this IOMMU has one format of interrupt messages only", "VT-d");
	expect_all_arrive(own.set);
	for (uint32_t vector = 0; vector < own.set->count; vector++) {
		struct irq_message mine = irq_table_get(own.table, vector);

		mine = compatible(t, vtd_index(&mine));
		for (int i = 0; i < 4; i++)
			send_message(own.rig, &mine);
	}
	expect_quiet(own.set);
	expect_all_arrive(own.set);
}

CASE(subhandle_beyond, .proves = "a subhandle beyond the interrupts a device was given causes none",
     .rule = "VT-d 5.1.3: interrupt index is handle plus subhandle, 5.1.4.1: present bit",
     .parameters = { BACKENDS })
{
	struct sender own = open_sender(t, 0, 2);
	struct irq_message mine[2];

	irq_need_remapping(own.rig);
	provokes_interrupts(own.rig);
	if (vendor_of(own.rig) != IOMMU_INTEL)
		skip(t, "this IOMMU's interrupt messages have no subhandle", "VT-d");
	for (uint32_t vector = 0; vector < 2; vector++)
		mine[vector] = irq_table_get(own.table, vector);
	if (!(mine[0].address & 8))
		skip(t, "the kernel's messages have no subhandle", "a kernel that sets it (Linux)");
	expect_all_arrive(own.set);
	for (uint32_t i = 1; i < 0x400; i++) {
		struct irq_message message = mine[0];

		message.data += i < 0x200 ? i : (uint32_t)random_below(t, 0x10000);
		message.data &= 0xffff;
		if (vtd_index(&message) != vtd_index(&mine[0]) &&
		    vtd_index(&message) != vtd_index(&mine[1]))
			send_message(own.rig, &message);
	}
	expect_quiet(own.set);
	expect_all_arrive(own.set);
}
