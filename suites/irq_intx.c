// SPDX-License-Identifier: GPL-2.0-or-later
/* The interrupt pin: level-triggered, shared, masked by VFIO each time until it is unmasked. */
#include <unistd.h>

#include <linux/pci_regs.h>

#include <iommut/config.h>

#include "suites/irq.h"

static struct irq_set *open_pin(struct test *t, int index)
{
	struct rig *rig = rig_open_in(t, NULL, index, NULL);
	struct irq_set *set;

	need(rig, ENGINE_INTX | ENGINE_STORM);
	set = irq_enable(rig, IOMMUT_INTX, 1);
	return set;
}

static void release(struct irq_set *set)
{
	testdev_set32(&set->rig->engine, TESTDEV_INTX_STATE, 1);
}

static void unmask(struct irq_set *set)
{
	expect_zero(set->rig->t, irq_act(set, VFIO_IRQ_SET_ACTION_UNMASK, 0, 1));
}

static void mask(struct irq_set *set)
{
	expect_zero(set->rig->t, irq_act(set, VFIO_IRQ_SET_ACTION_MASK, 0, 1));
}

/* Positive control: the pin is heard once, and can be heard again. */
static void expect_pin_works(struct irq_set *set)
{
	irq_raise(set->rig, 0);
	expect_irq(set, 0);
	release(set);
	unmask(set);
	expect_quiet(set);
}

CASE(intx_once,
     .proves =
	     "the pin is heard once, and masked from then on until it is unmasked, however long it "
	     "stays asserted",
     .rule = "vfio.h: VFIO_IRQ_INFO_AUTOMASKED", .marks = LIST("smoke"), .parameters = { BACKENDS })
{
	struct irq_set *set = open_pin(t, 0);
	uint32_t count, flags;

	expect_zero(t, iommut_irq_count(set->rig->device, IOMMUT_INTX, &count, &flags));
	expect_equal(t, count, 1);
	expect(t, flags & VFIO_IRQ_INFO_EVENTFD);
	expect(t, flags & VFIO_IRQ_INFO_MASKABLE);
	expect(t, flags & VFIO_IRQ_INFO_AUTOMASKED);
	for (int round = 0; round < 3; round++) {
		irq_raise(set->rig, 0);
		expect_irq(set, 0);
		expect_equal(t, testdev_get32(&set->rig->engine, TESTDEV_INTX_STATE), 1);
		expect_quiet(set);
		release(set);
		unmask(set);
		expect_quiet(set);
	}
}

CASE(intx_still_asserted,
     .proves = "a pin that is still asserted when it is unmasked is heard again",
     .rule = "PCI 3.0, 2.2.6: interrupts are level sensitive", .parameters = { BACKENDS })
{
	struct irq_set *set = open_pin(t, 0);

	irq_raise(set->rig, 0);
	for (int round = 0; round < 4; round++) {
		expect_irq(set, 0);
		unmask(set);
	}
	expect_irq(set, 0);
	release(set);
	unmask(set);
	expect_quiet(set);
	expect_pin_works(set);
}

CASE(intx_masked,
     .proves = "a pin that was masked is not heard while it is, and is heard once it is unmasked",
     .rule = "vfio.h: VFIO_IRQ_SET_ACTION_MASK", .parameters = { BACKENDS })
{
	struct irq_set *set = open_pin(t, 0);

	expect_pin_works(set);
	mask(set);
	irq_raise(set->rig, 0);
	expect_quiet(set);
	/* Masking twice is no deeper than once. */
	mask(set);
	unmask(set);
	expect_irq(set, 0);
	release(set);
	unmask(set);
	/* Asserted and released while it was masked: there is nothing to hear. */
	mask(set);
	irq_raise(set->rig, 0);
	release(set);
	unmask(set);
	expect_quiet(set);
	expect_pin_works(set);
}

CASE(intx_unmask_eventfd,
     .proves = "an eventfd unmasks the pin from within the kernel, until it is taken away",
     .rule = "vfio.h: VFIO_IRQ_SET_ACTION_UNMASK with DATA_EVENTFD", .parameters = { BACKENDS })
{
	struct irq_set *set = open_pin(t, 0);
	struct iommut_handle handle = iommut_device_handle(set->rig->device);
	const uint32_t action = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_UNMASK;
	int32_t wake = irq_eventfd(t), none = -1;
	uint64_t one = 1;

	expect_pin_works(set);
	expect_zero(t, iommut_vfio_set_irqs(handle, action, VFIO_PCI_INTX_IRQ_INDEX, 0, 1, &wake));
	irq_raise(set->rig, 0);
	for (int round = 0; round < 4; round++) {
		expect_irq(set, 0);
		expect_quiet(set);
		expect_equal(t, (uint64_t)write(wake, &one, sizeof(one)), sizeof(one));
	}
	expect_irq(set, 0);
	expect_zero(t, iommut_vfio_set_irqs(handle, action, VFIO_PCI_INTX_IRQ_INDEX, 0, 1, &none));
	expect_equal(t, (uint64_t)write(wake, &one, sizeof(one)), sizeof(one));
	expect_quiet(set);
	release(set);
	unmask(set);
	expect_pin_works(set);
}

CASE(intx_disable_bit,
     .proves =
	     "with Interrupt Disable set in the command register the pin is not heard; once it is "
	     "clear it is",
     .rule = "PCI 3.0, 6.2.2: Command register, bit 10", .parameters = { BACKENDS })
{
	struct irq_set *set = open_pin(t, 0);
	struct iommut_device *device = set->rig->device;
	uint16_t command;

	expect_pin_works(set);
	expect_zero(t, iommut_config_read16(device, PCI_COMMAND, &command));
	expect_zero(t,
		    iommut_config_write16(device, PCI_COMMAND, command | PCI_COMMAND_INTX_DISABLE));
	irq_raise(set->rig, 0);
	expect_quiet(set);
	/* What VFIO is told besides does not open what the bit has closed. */
	unmask(set);
	expect_quiet(set);
	expect_zero(t, iommut_config_write16(device, PCI_COMMAND, command));
	expect_irq(set, 0);
	release(set);
	unmask(set);
	expect_pin_works(set);
}

CASE(intx_status_bit,
     .proves = "Interrupt Status in the status register follows the pin, masked or not",
     .rule = "PCI 3.0, 6.2.3: Status register, bit 3", .parameters = { BACKENDS })
{
	struct irq_set *set = open_pin(t, 0);
	uint16_t status;

	for (int round = 0; round < 2; round++) {
		expect_zero(t, iommut_config_read16(set->rig->device, PCI_STATUS, &status));
		expect_that(t, !(status & PCI_STATUS_INTERRUPT), "status 0x%04x", status);
		irq_raise(set->rig, 0);
		expect_irq(set, 0);
		expect_zero(t, iommut_config_read16(set->rig->device, PCI_STATUS, &status));
		expect_that(t, status & PCI_STATUS_INTERRUPT, "status 0x%04x", status);
		release(set);
		unmask(set);
	}
	expect_quiet(set);
}

CASE(intx_two_devices,
     .proves =
	     "the pin of one device is not heard by the owner of another, though both may share a "
	     "line",
     .rule = "vfio-pci: shared INTx by the status bit of PCI 2.3", .devices = 2,
     .parameters = { BACKENDS })
{
	struct irq_set *first = open_pin(t, 0), *second = open_pin(t, 1);

	for (int round = 0; round < 4; round++) {
		struct irq_set *active = round % 2 ? first : second,
			       *idle = round % 2 ? second : first;

		irq_raise(active->rig, 0);
		expect_irq(active, 0);
		expect_quiet(idle);
		release(active);
		unmask(active);
	}
	/* Both at once, one of them masked: the other is heard. */
	mask(first);
	irq_raise(first->rig, 0);
	irq_raise(second->rig, 0);
	expect_irq(second, 0);
	expect_quiet(first);
	release(second);
	unmask(second);
	unmask(first);
	expect_irq(first, 0);
	release(first);
	unmask(first);
	expect_quiet(first);
	expect_quiet(second);
}

CASE(intx_eventfd_replaced,
     .proves = "the pin's eventfd can be replaced, and taken away while the pin stays enabled",
     .rule = "vfio.h: VFIO_DEVICE_SET_IRQS", .parameters = { BACKENDS })
{
	struct irq_set *set = open_pin(t, 0), old = *set;
	const int32_t none = -1;

	expect_pin_works(set);
	set->fd[0] = irq_eventfd(t);
	expect_zero(t, irq_assign(set, 0, 1, set->fd));
	expect_pin_works(set);
	expect_quiet(&old);
	expect_zero(t, irq_assign(set, 0, 1, &none));
	irq_raise(set->rig, 0);
	expect_quiet(set);
	expect_zero(t, irq_assign(set, 0, 1, set->fd));
	unmask(set);
	expect_irq(set, 0);
	release(set);
	unmask(set);
	expect_pin_works(set);
	expect_quiet(&old);
}

CASE(intx_left_asserted,
     .proves = "a device closed with its pin asserted disturbs nobody, and the next owner starts "
	       "with a pin that is released",
     .rule = "vfio.rst: closing the last file descriptor; PCIe 6.2, 6.6.2: FLR",
     .parameters = { BACKENDS })
{
	struct irq_set *set = open_pin(t, 0);

	expect_pin_works(set);
	irq_raise(set->rig, 0);
	expect_irq(set, 0);
	rig_close(set->rig);
	set = open_pin(t, 0);
	expect_equal(t, testdev_get32(&set->rig->engine, TESTDEV_INTX_STATE), 0);
	expect_quiet(set);
	expect_pin_works(set);
}
