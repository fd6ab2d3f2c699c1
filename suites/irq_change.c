// SPDX-License-Identifier: GPL-2.0-or-later
/* Interrupts that are turned on and off, given to other eventfds, masked, and outlived: while the device goes on raising them. */
#include <string.h>
#include <unistd.h>

#include <linux/pci_regs.h>

#include <iommut/config.h>
#include <iommut/pci.h>

#include "suites/child.h"
#include "suites/irq.h"

#define TRIGGER (VFIO_IRQ_SET_ACTION_TRIGGER)

CASE(loopback, .proves = "VFIO signals exactly the eventfds it is told to, without the device",
     .rule = "vfio.h: VFIO_IRQ_SET_DATA_NONE and DATA_BOOL with ACTION_TRIGGER: loopback testing",
     .parameters = { BACKENDS, MSI_KINDS })
{
	struct rig *rig = rig_open(t);
	struct irq_set *set = irq_enable_some(rig, irq_kind(rig), 1, 8);
	uint32_t last = set->count - 1;
	uint8_t chosen[MAX_VECTORS] = { 0 };

	expect_zero(t, irq_act(set, TRIGGER, last, 1));
	expect_irq(set, last);
	expect_zero(t, irq_act(set, TRIGGER, 0, set->count));
	for (uint32_t i = 0; i < set->count; i++)
		expect_irq(set, i);
	chosen[last] = 1;
	expect_zero(t, iommut_vfio_set_irqs(iommut_device_handle(rig->device),
					    VFIO_IRQ_SET_DATA_BOOL | TRIGGER, (uint32_t)set->kind,
					    0, set->count, chosen));
	expect_irq(set, last);
	expect_quiet(set);
	expect_equal(t,
		     testdev_is(&rig->engine) ? testdev_get32(&rig->engine, TESTDEV_INTERRUPT_COUNT)
					      : 0,
		     0);
	expect_all_arrive(set);
}

CASE(one_kind_at_a_time,
     .proves = "a kind of interrupt cannot be turned on beside another, and the one that is on "
	       "goes on working",
     .rule = "vfio.h: VFIO_DEVICE_SET_IRQS; PCI 3.0, 6.8.2: MSI and MSI-X are not both on",
     .parameters = { BACKENDS, PARAMETER("kind", "intx", "msi", "msix") })
{
	struct rig *rig = rig_open(t);
	enum iommut_irq_kind kind = irq_kind(rig);
	struct irq_set *set = irq_enable(rig, kind, 1);

	for (enum iommut_irq_kind other = IOMMUT_INTX; other <= IOMMUT_MSIX; other++) {
		struct irq_set wrong = { .rig = rig, .kind = other, .count = 1 };

		wrong.fd[0] = irq_eventfd(t);
		if (other != kind)
			expect_errno(t, irq_assign(&wrong, 0, 1, wrong.fd), EINVAL);
	}
	irq_raise(rig, 0);
	expect_irq(set, 0);
	expect_quiet(set);
}

CASE(kinds_in_turn,
     .proves = "a device's interrupts can be changed from one kind to another, and each kind works",
     .rule = "vfio.h: VFIO_DEVICE_SET_IRQS: count 0 disables", .parameters = { BACKENDS })
{
	static const enum iommut_irq_kind order[] = { IOMMUT_MSI,  IOMMUT_MSIX, IOMMUT_INTX,
						      IOMMUT_MSIX, IOMMUT_MSI,  IOMMUT_INTX };
	struct rig *rig = rig_open(t);

	need(rig, ENGINE_MSI | ENGINE_MSIX | ENGINE_INTX | ENGINE_STORM);
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		struct irq_set *set = irq_enable(rig, order[i], 1);

		irq_raise(rig, 0);
		expect_irq(set, 0);
		expect_quiet(set);
		testdev_set32(&rig->engine, TESTDEV_INTX_STATE, 1);
		irq_disable(set);
	}
}

CASE(after_disable,
     .proves =
	     "an interrupt that was disabled signals nothing any more; enabled again it does, and "
	     "brings nothing from before",
     .rule = "vfio.h: VFIO_DEVICE_SET_IRQS: DATA_NONE with count 0 disables",
     .parameters = { BACKENDS, MSI_KINDS })
{
	struct rig *rig = rig_open(t);
	struct irq_set *set = irq_enable(rig, irq_kind(rig), 1);

	need(rig, ENGINE_STORM);
	for (int round = 0; round < 3; round++) {
		expect_all_arrive(set);
		irq_disable(set);
		/* Without MSI the device has its pin, which nobody listens to. */
		irq_raise(rig, 0);
		testdev_set32(&rig->engine, TESTDEV_INTX_STATE, 1);
		expect_quiet(set);
		expect_errno(t, irq_act(set, TRIGGER, 0, 1), EINVAL);
		expect_zero(t, irq_assign(set, 0, 1, set->fd));
		expect_quiet(set);
	}
	expect_all_arrive(set);
}

CASE(vector_off,
     .proves = "a vector without an eventfd signals nothing, its neighbours go on, and it can get "
	       "one again",
     .rule = "vfio.h: VFIO_DEVICE_SET_IRQS: eventfd -1", .parameters = { BACKENDS, MSI_KINDS })
{
	struct rig *rig = rig_open(t);
	struct irq_set *set = irq_enable_some(rig, irq_kind(rig), 3, 4);
	const int32_t none = -1;

	expect_all_arrive(set);
	expect_zero(t, irq_assign(set, 1, 1, &none));
	for (int i = 0; i < 4; i++) {
		irq_raise(rig, 1);
		irq_raise(rig, 2);
		expect_irq(set, 2);
	}
	irq_raise(rig, 0);
	expect_irq(set, 0);
	expect_quiet(set);
	expect_zero(t, irq_assign(set, 1, 1, &set->fd[1]));
	/* MSI-X keeps one for a vector that is masked, which is how Linux turns it off. */
	expect(t, irq_take(t, set->fd[1], IRQ_QUIET_MS) <= 1);
	expect_all_arrive(set);
}

CASE(eventfd_shared, .proves = "vectors that share an eventfd each count in it",
     .rule = "vfio.h: VFIO_DEVICE_SET_IRQS: an eventfd for each interrupt",
     .parameters = { BACKENDS, MSI_KINDS })
{
	struct rig *rig = rig_open(t);
	struct irq_set *set = irq_enable_some(rig, irq_kind(rig), 2, 8);
	int32_t same[MAX_VECTORS];

	expect_all_arrive(set);
	for (uint32_t i = 0; i < set->count; i++)
		same[i] = set->fd[0];
	expect_zero(t, irq_assign(set, 0, set->count, same));
	for (uint32_t i = 0; i < set->count; i++)
		irq_raise(rig, i);
	expect_irqs(set, 0, set->count);
	expect_quiet(set);
}

CASE(eventfd_replaced,
     .proves = "an eventfd that was replaced is signalled no more, and the new one from then on",
     .rule = "vfio.h: VFIO_DEVICE_SET_IRQS", .parameters = { BACKENDS, MSI_KINDS })
{
	struct rig *rig = rig_open(t);
	struct irq_set *set = irq_enable_some(rig, irq_kind(rig), 1, 4);
	uint32_t vector = set->count - 1;
	struct irq_set old = *set;

	for (int round = 0; round < 8; round++) {
		int32_t fresh = irq_eventfd(t);

		expect_zero(t, irq_assign(set, vector, 1, &fresh));
		old.fd[vector] = set->fd[vector];
		set->fd[vector] = fresh;
		irq_raise(rig, vector);
		expect_irq(set, vector);
		expect_equal(t, irq_take(t, old.fd[vector], 0), 0);
	}
	expect_all_arrive(set);
	expect_quiet(&old);
}

CASE(eventfd_replaced_running,
     .proves = "eventfds are replaced while the device interrupts: none is signalled once it has "
	       "been replaced, and each new one is",
     .rule = "vfio.h: VFIO_DEVICE_SET_IRQS", .timeout_ms = 20000,
     .parameters = { BACKENDS, MSI_KINDS })
{
	struct rig *rig = rig_open(t);
	struct irq_set *set = irq_enable(rig, irq_kind(rig), 1);
	struct dma_buffer *buffer = map_buffer(rig, PAGE);
	int32_t spare = irq_eventfd(t);

	irq_storm(rig, buffer, 0);
	for (int round = 0; round < 50; round++) {
		int32_t old = set->fd[0];

		expect_zero(t, irq_assign(set, 0, 1, &spare));
		/* What came before the call returned may be there; nothing may be added to it. */
		(void)irq_take(t, old, 0);
		expect(t, irq_take(t, spare, IRQ_DEADLINE_MS) > 0);
		expect_equal(t, irq_take(t, old, 0), 0);
		set->fd[0] = spare;
		spare = old;
	}
	expect_zero(t, testdev_storm_stop(&rig->engine, NULL, NULL));
	(void)irq_take(t, set->fd[0], IRQ_QUIET_MS);
	expect_all_arrive(set);
	expect_equal(t, irq_take(t, spare, 0), 0);
}

CASE(eventfd_closed,
     .proves = "an eventfd that its owner closed while interrupts run harms nothing, and the "
	       "vector can get another",
     .rule = "vfio.h: VFIO_DEVICE_SET_IRQS: the kernel keeps the eventfd",
     .parameters = { BACKENDS, MSI_KINDS })
{
	struct rig *rig = rig_open(t);
	struct irq_set *set = irq_enable(rig, irq_kind(rig), 1);
	struct dma_buffer *buffer = map_buffer(rig, PAGE);
	int32_t gone;

	need(rig, ENGINE_STORM);
	gone = dup(irq_eventfd(t));
	expect_zero(t, irq_assign(set, 0, 1, &gone));
	irq_storm(rig, buffer, 0);
	close(gone);
	expect_storm(t, &rig->engine, STORM_DONE, 8);
	expect_zero(t, irq_assign(set, 0, 1, set->fd));
	expect(t, irq_take(t, set->fd[0], IRQ_DEADLINE_MS) > 0);
	expect_zero(t, testdev_storm_stop(&rig->engine, NULL, NULL));
	(void)irq_take(t, set->fd[0], IRQ_QUIET_MS);
	expect_all_arrive(set);
}

struct owner {
	enum iommut_irq_kind kind;
	int32_t fd;
};

/* Owns the device until it is killed, its interrupts going to an eventfd that outlives it. */
static void own_until_killed(struct child *child, void *argument)
{
	struct owner *owner = argument;
	struct rig *rig = rig_open(child_test(child));
	struct irq_set set = { .rig = rig, .kind = owner->kind, .count = 1, .fd = { owner->fd } };

	expect_zero(child_test(child), irq_assign(&set, 0, 1, set.fd));
	irq_storm(rig, map_buffer(rig, PAGE), 0);
	child_say(child);
	child_stay(child);
}

CASE(after_close,
     .proves =
	     "when the owner of a device is killed its interrupts end: its eventfd is signalled no "
	     "more, and the next owner sees none of them",
     .rule = "vfio.rst: closing the last file descriptor gives the device back",
     .parameters = { BACKENDS, MSI_KINDS })
{
	struct owner owner = { .fd = irq_eventfd(t) };
	struct rig *rig = rig_open(t);
	struct irq_set *next, old = { .count = 1, .fd = { owner.fd } };
	struct child *child;

	/* What the engine can do is seen before anything is left to a child. */
	need(rig, ENGINE_STORM | ENGINE_FILL);
	owner.kind = irq_kind(rig);
	rig_close(rig);
	child = child_start(t, own_until_killed, &owner);
	child_await(child);
	expect(t, irq_take(t, owner.fd, IRQ_DEADLINE_MS) > 0);
	child_kill(child);
	(void)irq_take(t, owner.fd, 0);
	rig = rig_open(t);
	old.rig = rig;
	expect_quiet(&old);
	next = irq_enable(rig, owner.kind, 1);
	expect_quiet(next);
	expect_all_arrive(next);
	expect_quiet(&old);
}

CASE(after_reset,
     .proves = "a reset ends a storm of interrupts; the interrupts that were enabled work after it",
     .rule = "vfio.h: VFIO_DEVICE_RESET; pci_reset_function(): the device's state is restored",
     .parameters = { BACKENDS, MSI_KINDS })
{
	struct rig *rig = rig_open(t);
	struct irq_set *set = irq_enable(rig, irq_kind(rig), 1);

	irq_storm(rig, map_buffer(rig, PAGE), 0);
	expect(t, irq_take(t, set->fd[0], IRQ_DEADLINE_MS) > 0);
	expect_zero(t, iommut_device_reset(rig->device));
	(void)irq_take(t, set->fd[0], 0);
	expect_quiet(set);
	expect_zero(t, iommut_device_bus_master(rig->device, true));
	expect_all_arrive(set);
}

CASE(bus_master_off,
     .proves = "with bus mastering off the device's message interrupts go nowhere; with it on they "
	       "arrive",
     .rule = "PCI 3.0, 6.2.2: Command register, bit 2: an MSI is a memory write",
     .parameters = { BACKENDS, MSI_KINDS })
{
	struct rig *rig = rig_open(t);
	struct irq_set *set = irq_enable(rig, irq_kind(rig), 1);

	need(rig, ENGINE_BUS_MASTER);
	expect_all_arrive(set);
	expect_zero(t, iommut_device_bus_master(rig->device, false));
	for (int i = 0; i < 4; i++)
		irq_raise(rig, 0);
	expect_quiet(set);
	expect_zero(t, iommut_device_bus_master(rig->device, true));
	expect_all_arrive(set);
}
