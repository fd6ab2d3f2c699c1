// SPDX-License-Identifier: GPL-2.0-or-later
/* Where the interrupt window ends, messages that have outlived their interrupt, and the masks of MSI-X and MSI. */
#include <string.h>

#include <linux/pci_regs.h>

#include <iommut/config.h>
#include <iommut/pci.h>

#include "suites/irq.h"

#define WINDOW_FIRST 0xfee00000ull
#define WINDOW_LAST  0xfeefffffull

static struct irq_set *open_msix(struct test *t, int index, uint32_t vectors,
				 struct irq_table **table)
{
	struct rig *rig = rig_open_in(t, NULL, index, NULL);

	need(rig, ENGINE_MSIX);
	*table = irq_table_open(rig);
	return irq_enable(rig, IOMMUT_MSIX, vectors);
}

/* Memory at an IOVA of the case's choice; NULL if the IOMMU has no such address. */
static struct dma_buffer *memory_at(struct rig *rig, uint64_t iova)
{
	struct buffer_options options = { .fixed = true, .iova = iova };
	struct dma_buffer *buffer = make_buffer(rig, PAGE, &options);
	int error = iommut_space_map(rig->space, buffer->data, buffer->length, iova, IOMMUT_RW);

	if (error == -EINVAL || error == -ERANGE || error == -EFAULT)
		return NULL;
	expect_zero(rig->t, error);
	buffer->mapped = true;
	buffer->access = IOMMUT_RW;
	return buffer;
}

CASE(above_4g,
     .proves = "a write to an address that is an interrupt message in its low 32 bits only goes to "
	       "memory, and causes no interrupt",
     .rule = "VT-d 3.14: the interrupt address range is 0x0000_0000_FEEx_xxxx",
     .parameters = { BACKENDS })
{
	struct irq_table *table;
	struct irq_set *set = open_msix(t, 0, 2, &table);
	struct irq_message message = irq_table_get(table, 0);
	uint64_t alias = message.address + (1ull << 32);
	struct dma_buffer *buffer;

	need(set->rig, ENGINE_MESSAGE);
	irq_send(set->rig, message.address, message.data);
	expect_irq(set, 0);
	/* Nothing is there: it is refused like any other. */
	provokes_dma(set->rig, PROVOKED_WRITE, alias, sizeof(message.data), IOMMUT_NO_PASID);
	expect(t, irq_send(set->rig, alias, message.data) != TESTDEV_STATUS_OK);
	expect_quiet(set);
	buffer = memory_at(set->rig, alias & ~(PAGE - 1));
	if (!buffer)
		skip(t, "the IOMMU has no addresses above 4 GiB", "an IOMMU with 39 bits or more");
	fill_canary(buffer);
	expect_equal(t, irq_send(set->rig, alias, message.data), TESTDEV_STATUS_OK);
	expect_quiet(set);
	expect_bytes(t, buffer->data + alias % PAGE, &message.data, 4);
	memset(buffer->data + alias % PAGE, CANARY, 4);
	expect_canary(buffer);
}

CASE(window_neighbours,
     .proves = "the pages before and after the interrupt window are memory like any other, to the "
	       "last byte",
     .rule = "VT-d 3.14; sysfs: reserved_regions: msi", .parameters = { BACKENDS })
{
	static const uint64_t places[] = { WINDOW_FIRST - PAGE, WINDOW_LAST + 1 };
	struct irq_table *table;
	struct irq_set *set = open_msix(t, 0, 2, &table);
	struct irq_message message = irq_table_get(table, 0);
	int tried = 0;

	expect_all_arrive(set);
	for (size_t i = 0; i < 2; i++) {
		struct dma_buffer *buffer = memory_at(set->rig, places[i]);
		uint64_t edge = i ? 0 : PAGE - 4;

		if (!buffer)
			continue;
		tried++;
		fill_canary(buffer);
		expect_write(set->rig, buffer->iova + edge, &message.data, 4);
		expect_bytes(t, buffer->data + edge, &message.data, 4);
		expect_canary_at(buffer, i ? 4 : 0, PAGE - 4);
		expect_reaches(buffer);
	}
	expect_quiet(set);
	if (!tried)
		skip(t, "the pages beside the window are reserved, too",
		     "an IOMMU that reserves the window only");
}

CASE(window_not_mappable,
     .proves = "no page of the interrupt window can be mapped, and interrupts go on after the "
	       "attempt",
     .rule = "vfio.h, iommufd.h: reserved ranges are no IOVAs", .parameters = { BACKENDS })
{
	struct irq_table *table;
	struct irq_set *set = open_msix(t, 0, 2, &table);
	struct dma_buffer *buffer = map_buffer(set->rig, 2 * PAGE);
	static const uint64_t places[] = { WINDOW_FIRST, WINDOW_FIRST + 0x80000,
					   WINDOW_LAST + 1 - PAGE };

	expect_reaches(buffer);
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		expect_that(t,
			    iommut_space_map(set->rig->space, buffer->data, PAGE, places[i],
					     IOMMUT_RW) < 0,
			    "0x%llx was mapped", (unsigned long long)places[i]);
	/* Two pages, one of them outside. */
	expect(t, iommut_space_map(set->rig->space, buffer->data, 2 * PAGE, WINDOW_FIRST - PAGE,
				   IOMMUT_RW) < 0);
	expect(t, iommut_space_map(set->rig->space, buffer->data, 2 * PAGE, WINDOW_LAST + 1 - PAGE,
				   IOMMUT_RW) < 0);
	expect_all_arrive(set);
	expect_reaches(buffer);
}

/* The messages of 4 interrupts, each of which the device sends to show that it is good; then the interrupts are disabled. */
static void keep_and_disable(struct irq_set *set, struct irq_table *table,
			     struct irq_message kept[4])
{
	need(set->rig, ENGINE_MESSAGE);
	irq_need_remapping(set->rig);
	provokes_interrupts(set->rig);
	for (uint32_t i = 0; i < 4; i++) {
		kept[i] = irq_table_get(table, i);
		irq_send(set->rig, kept[i].address, kept[i].data);
		expect_irq(set, i);
	}
	irq_disable(set);
}

CASE(stale_message,
     .proves = "a message that a device kept from an interrupt since disabled signals nobody",
     .rule = "VT-d 6.5.2.7: interrupt entry cache invalidation; vfio.h: VFIO_DEVICE_SET_IRQS",
     .parameters = { BACKENDS })
{
	struct irq_table *table;
	struct irq_set *set = open_msix(t, 0, 4, &table);
	struct irq_message kept[4];

	keep_and_disable(set, table, kept);
	for (uint32_t i = 0; i < 4; i++)
		irq_send(set->rig, kept[i].address, kept[i].data);
	expect_quiet(set);
	expect_zero(t, irq_assign(set, 0, set->count, set->fd));
	expect_quiet(set);
	expect_all_arrive(set);
}

CASE(stale_message_reused,
     .proves = "a message that a device kept from an interrupt since disabled does not cause the "
	       "interrupt of another device that was given the same entry",
     .rule = "VT-d 5.1.5.1: source-id validation, 6.5.2.7: interrupt entry cache invalidation",
     .devices = 2, .parameters = { BACKENDS })
{
	struct irq_table *table, *other_table;
	struct irq_set *set = open_msix(t, 0, 4, &table), *other;
	struct irq_message kept[4];
	int reused = 0;

	keep_and_disable(set, table, kept);
	other = open_msix(t, 1, 4, &other_table);
	for (uint32_t i = 0; i < 4; i++)
		for (uint32_t j = 0; j < 4; j++) {
			struct irq_message now = irq_table_get(other_table, i);

			reused += now.address == kept[j].address && now.data == kept[j].data;
		}
	expect_all_arrive(other);
	for (int round = 0; round < 4; round++)
		for (uint32_t i = 0; i < 4; i++)
			irq_send(set->rig, kept[i].address, kept[i].data);
	expect_quiet(other);
	expect_quiet(set);
	expect_all_arrive(other);
	note(t, "%d of 4 entries were given to the other device", reused);
}

CASE(vector_masked,
     .proves = "a vector masked in the MSI-X table is pending instead of sent, and comes once when "
	       "it is unmasked; its neighbours are not touched",
     .rule = "PCI 3.0, 6.8.2.9: Vector Control, 6.8.2.10: Pending Bits", .parameters = { BACKENDS })
{
	struct irq_table *table;
	struct irq_set *set = open_msix(t, 0, 4, &table);
	struct irq_message open = irq_table_get(table, 2), masked = open;

	expect_all_arrive(set);
	expect(t, !irq_table_pending(table, 2));
	masked.control |= PCI_MSIX_ENTRY_CTRL_MASKBIT;
	for (int round = 0; round < 3; round++) {
		irq_table_set(table, 2, &masked);
		for (int i = 0; i < 3; i++)
			irq_raise(set->rig, 2);
		irq_raise(set->rig, 3);
		expect_irq(set, 3);
		expect_quiet(set);
		expect(t, irq_table_pending(table, 2));
		irq_table_set(table, 2, &open);
		expect_irq(set, 2);
		expect(t, !irq_table_pending(table, 2));
		expect_quiet(set);
	}
	expect_all_arrive(set);
}

CASE(function_masked,
     .proves =
	     "the function's MSI-X mask holds all its vectors back, and each comes once when it is "
	     "cleared",
     .rule = "PCI 3.0, 6.8.2.3: Function Mask", .parameters = { BACKENDS })
{
	struct irq_table *table;
	struct irq_set *set = open_msix(t, 0, 4, &table);
	const char *name = iommut_device_bdf(set->rig->device);
	uint16_t open, masked;
	uint32_t at;

	expect_all_arrive(set);
	expect_zero(t, iommut_config_capability(set->rig->device, PCI_CAP_ID_MSIX, &at));
	expect_equal(t, (uint64_t)iommut_pci_config_read(name, at + PCI_MSIX_FLAGS, &open, 2), 2);
	expect_that(t, open & PCI_MSIX_FLAGS_ENABLE && !(open & PCI_MSIX_FLAGS_MASKALL),
		    "message control is 0x%04x", open);
	masked = open | PCI_MSIX_FLAGS_MASKALL;
	expect_equal(t, (uint64_t)iommut_pci_config_write(name, at + PCI_MSIX_FLAGS, &masked, 2),
		     2);
	for (uint32_t i = 0; i < set->count; i++)
		for (int times = 0; times < 2; times++)
			irq_raise(set->rig, i);
	expect_quiet(set);
	for (uint32_t i = 0; i < set->count; i++)
		expect(t, irq_table_pending(table, i));
	expect_equal(t, (uint64_t)iommut_pci_config_write(name, at + PCI_MSIX_FLAGS, &open, 2), 2);
	for (uint32_t i = 0; i < set->count; i++)
		expect_irq(set, i);
	expect_quiet(set);
	expect_all_arrive(set);
}

CASE(msi_enable_bit,
     .proves = "MSI turned off in config space sends nothing, and turned on again works with the "
	       "eventfds it had",
     .rule = "PCI 3.0, 6.8.1.3: MSI Enable; vfio-pci: virtual MSI capability",
     .parameters = { BACKENDS })
{
	struct rig *rig = rig_open(t);
	struct irq_set *set;
	uint16_t flags;
	uint32_t at;

	need(rig, ENGINE_MSI | ENGINE_STORM);
	set = irq_enable(rig, IOMMUT_MSI, 1);
	expect_all_arrive(set);
	expect_zero(t, iommut_config_capability(rig->device, PCI_CAP_ID_MSI, &at));
	expect_zero(t, iommut_config_read16(rig->device, at + PCI_MSI_FLAGS, &flags));
	for (int round = 0; round < 3; round++) {
		expect_zero(t, iommut_config_write16(rig->device, at + PCI_MSI_FLAGS,
						     flags & ~PCI_MSI_FLAGS_ENABLE));
		irq_raise(rig, 0);
		testdev_set32(&rig->engine, TESTDEV_INTX_STATE, 1);
		expect_quiet(set);
		expect_zero(t, iommut_config_write16(rig->device, at + PCI_MSI_FLAGS,
						     flags | PCI_MSI_FLAGS_ENABLE));
		expect_all_arrive(set);
	}
}

CASE(address_virtual,
     .proves = "what is written to address and data of the MSI capability through VFIO does not "
	       "reach the device: its interrupts go where the kernel sent them",
     .rule = "vfio-pci: MSI address and data are virtual", .parameters = { BACKENDS })
{
	struct rig *rig = rig_open(t);
	struct irq_set *set;
	uint32_t at, before, after;
	uint16_t flags;

	need(rig, ENGINE_MSI);
	set = irq_enable(rig, IOMMUT_MSI, 1);
	expect_all_arrive(set);
	expect_zero(t, iommut_config_capability(rig->device, PCI_CAP_ID_MSI, &at));
	expect_zero(t, iommut_config_read16(rig->device, at + PCI_MSI_FLAGS, &flags));
	expect_equal(t,
		     (uint64_t)iommut_pci_config_read(iommut_device_bdf(rig->device),
						      at + PCI_MSI_ADDRESS_LO, &before, 4),
		     4);
	expect_zero(t, iommut_config_write32(rig->device, at + PCI_MSI_ADDRESS_LO, 0xfee00000));
	expect_zero(t, iommut_config_write16(rig->device,
					     at + (flags & PCI_MSI_FLAGS_64BIT ? PCI_MSI_DATA_64
									       : PCI_MSI_DATA_32),
					     0x4041));
	expect_equal(t,
		     (uint64_t)iommut_pci_config_read(iommut_device_bdf(rig->device),
						      at + PCI_MSI_ADDRESS_LO, &after, 4),
		     4);
	expect_equal(t, after, before);
	expect_all_arrive(set);
}
