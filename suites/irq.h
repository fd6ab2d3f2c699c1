/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SUITES_IRQ_H
#define SUITES_IRQ_H

/* What the cases about interrupts share: eventfds set up by hand, so that each vector, its order and its replacement are the case's own. */

#include <linux/vfio.h>

#include <iommut/irq.h>
#include <iommut/vfio.h>

#include "harness/storm.h"

#define PAGE        4096ull
#define MAX_VECTORS 32

/* Long enough for a lost interrupt to be lost under emulation on a loaded machine. */
#define IRQ_DEADLINE_MS 2000
/* How long "no interrupt" is watched. Too short never fails a case by mistake. */
#define IRQ_QUIET_MS 20

#define MSI_KINDS PARAMETER("kind", "msi", "msix")

/* Interrupts of one kind of a device, each with an eventfd; -1 where a vector has none. */
struct irq_set {
	struct rig *rig;
	enum iommut_irq_kind kind;
	uint32_t count;
	int32_t fd[MAX_VECTORS];
};

/* The variant's parameter "kind"; skips if the engine cannot raise it. */
enum iommut_irq_kind irq_kind(struct rig *rig);

/* An eventfd, closed at the end of the case. */
int irq_eventfd(struct test *t);

/* VFIO_DEVICE_SET_IRQS with eventfds for some vectors of a set: as it answers. */
int irq_assign(struct irq_set *set, uint32_t first, uint32_t count, const int32_t *fds);

/* VFIO_DEVICE_SET_IRQS without data. */
int irq_act(struct irq_set *set, uint32_t action, uint32_t first, uint32_t count);

/*
 * Enables interrupts, each with an eventfd of its own. "At most": as many as device and system have, up to @count.
 * Skips where there are fewer than @least.
 */
struct irq_set *irq_enable_some(struct rig *rig, enum iommut_irq_kind kind, uint32_t least,
				uint32_t count);
struct irq_set *irq_enable(struct rig *rig, enum iommut_irq_kind kind, uint32_t count);

/* Disables all interrupts of the set's kind; the eventfds stay. */
void irq_disable(struct irq_set *set);

/* The device raises a vector. */
void irq_raise(struct rig *rig, uint32_t vector);

/* Waits for an eventfd; its count, 0 after the time. */
uint64_t irq_take(struct test *t, int fd, int timeout_ms);

/* A vector's eventfd gets exactly so many signals, and gets them in time. */
void check_irq(struct irq_set *set, uint32_t vector, uint64_t count, const struct place *place);
#define expect_irq(set, vector) check_irq(set, vector, 1, PLACE("one interrupt of vector " #vector))
#define expect_irqs(set, vector, count) \
	check_irq(set, vector, count, PLACE(#count " interrupts of vector " #vector))

/* No eventfd of the set is signalled for a while. */
void check_quiet(struct irq_set *set, const struct place *place);
#define expect_quiet(set) check_quiet(set, PLACE("no interrupt in " #set))

/* Positive control: every vector arrives once at its own eventfd and nowhere else. */
void check_all_arrive(struct irq_set *set, const struct place *place);
#define expect_all_arrive(set) check_all_arrive(set, PLACE("each interrupt of " #set " arrives"))

/* What a vector's MSI-X table entry says, read from the device. Skips where the table cannot be mapped. */
struct irq_message {
	uint64_t address;
	uint32_t data;
	uint32_t control;
};
struct irq_table;
struct irq_table *irq_table_open(struct rig *rig);
struct irq_message irq_table_get(struct irq_table *table, uint32_t vector);
void irq_table_set(struct irq_table *table, uint32_t vector, const struct irq_message *message);
bool irq_table_pending(struct irq_table *table, uint32_t vector);

/* The device writes 4 bytes to an address, as interrupts are written. How it ended: TESTDEV_STATUS_*. */
uint32_t irq_send(struct rig *rig, uint64_t address, uint32_t data);

/* Whether the kernel has an IOMMU remap this device's interrupts: it must have one enabled by VFIO. */
bool irq_remapped(struct rig *rig);
/* For cases about what is refused; one that sends it says so, too: provokes_interrupts(). */
void irq_need_remapping(struct rig *rig);

/* Starts a storm of fills that raise a vector each, and waits until it runs. */
void irq_storm(struct rig *rig, struct dma_buffer *buffer, uint32_t vector);

#endif /* SUITES_IRQ_H */
