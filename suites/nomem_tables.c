// SPDX-License-Identifier: GPL-2.0-or-later
/* Page tables, attachments and interrupts that run out of memory while they are made. */
#include <string.h>
#include <unistd.h>

#include <iommut/fault_queue.h>
#include <iommut/iommufd.h>
#include <iommut/irq.h>

#include "suites/nomem.h"

#define PAGE 4096ull

/* Numbers that the kernel gives to the first objects of a file. */
#define FIRST_IDS 8
#define RULE      "ioctl(2): ENOMEM; iommufd: a call that fails has changed nothing"

/* A device in one address space, and another one beside with other memory at the same IOVA. */
struct two_spaces {
	struct rig *rig;
	struct dma_buffer *first;
	struct iommut_memory *second;
	struct iommut_space *other;
	struct iommut_handle iommufd;
	uint32_t device;
	uint32_t ioas[2];
};

static struct two_spaces open_two_spaces(struct test *t)
{
	struct two_spaces two = { .rig = rig_open(t) };
	struct iommut_space_options options = { .backend = IOMMUT_IOMMUFD,
						.beside = two.rig->space };

	need(two.rig, ENGINE_WRITE | ENGINE_SEES_ERRORS);
	if (two.rig->staging)
		skip(t, "the engine's memory is mapped in one address space only",
		     "a device with memory of its own, such as pcie-ats-testdev");
	two.first = map_buffer(two.rig, PAGE);
	two.iommufd = iommut_space_handle(two.rig->space);
	expect_zero(t, iommut_device_id(two.rig->device, &two.device));
	expect_zero(t, iommut_space_ioas(two.rig->space, &two.ioas[0]));
	expect_zero(t, iommut_space_open_with(&two.other, &options));
	undo_later(t, (void (*)(void *))iommut_space_close, two.other);
	expect_zero(t, iommut_space_ioas(two.other, &two.ioas[1]));
	expect_zero(t, iommut_memory_alloc(&two.second, PAGE, IOMMUT_MEMORY_ANONYMOUS));
	undo_later(t, (void (*)(void *))iommut_memory_free, two.second);
	expect_zero(t, iommut_space_map(two.other, two.second->address, PAGE, two.first->iova,
					IOMMUT_RW));
	return two;
}

static void check_in_space(struct two_spaces *two, int which, const struct place *place)
{
	struct test *t = two->rig->t;
	uint8_t *memory[2] = { two->first->data, two->second->address };
	uint64_t value = random64(t);

	memset(memory[0], CANARY, PAGE);
	memset(memory[1], CANARY, PAGE);
	check_write(two->rig, two->first->iova, &value, sizeof(value), place);
	check_bytes(t, memory[which], &value, sizeof(value), place);
	for (size_t i = 0; i < PAGE; i++)
		if (memory[!which][i] != CANARY)
			expectation_failed(t, place, "it wrote in the other address space");
}
#define expect_in_space(two, which) \
	check_in_space(two, which, PLACE("the device is in address space " #which))

CASE(page_table,
     .proves = "a page table that cannot be made for want of memory leaves its address space "
	       "usable, and can be made afterwards",
     .rule = RULE, .marks = LIST("exclusive", "stress"), .timeout_ms = 180000,
     .parameters = { IOMMUFD_ONLY })
{
	struct two_spaces two = open_two_spaces(t);
	struct shortage *shortage = shortage_open(t);

	while (shortage_next(shortage)) {
		uint32_t hwpt = 0;

		if (call_failed(shortage, iommut_hwpt_alloc(two.iommufd, two.device, two.ioas[1], 0,
							    0, &hwpt)))
			expect_zero(t, iommut_hwpt_alloc(two.iommufd, two.device, two.ioas[1], 0, 0,
							 &hwpt));
		expect_in_space(&two, 0);
		expect_zero(t, iommut_device_attach(two.rig->device, hwpt));
		expect_in_space(&two, 1);
		expect_zero(t, iommut_device_attach(two.rig->device, two.ioas[0]));
		expect_zero(t, iommut_destroy(two.iommufd, hwpt));
	}
	shortage_proven(shortage);
}

CASE(replace,
     .proves = "a device whose replacement fails for want of memory reaches neither more nor other "
	       "memory than before, and can be moved afterwards",
     .rule = RULE, .marks = LIST("exclusive", "stress"), .timeout_ms = 180000,
     .parameters = { IOMMUFD_ONLY })
{
	struct two_spaces two = open_two_spaces(t);
	struct shortage *shortage = shortage_open(t);

	while (shortage_next(shortage)) {
		if (call_failed(shortage, iommut_device_attach(two.rig->device, two.ioas[1]))) {
			struct engine_result result;
			uint64_t value = random64(t);

			memset(two.second->address, CANARY, PAGE);
			provokes_dma(two.rig, PROVOKED_WRITE, two.first->iova, sizeof(value),
				     IOMMUT_NO_PASID);
			expect_zero(t, engine_write(&two.rig->engine, two.first->iova, &value,
						    sizeof(value), &result));
			for (size_t i = 0; i < PAGE; i++)
				expect(t, ((uint8_t *)two.second->address)[i] == CANARY);
			expect_zero(t, iommut_device_attach(two.rig->device, two.ioas[1]));
		}
		expect_in_space(&two, 1);
		expect_zero(t, iommut_device_attach(two.rig->device, two.ioas[0]));
		expect_in_space(&two, 0);
	}
	shortage_proven(shortage);
}

CASE(replace_keeps,
     .proves =
	     "a device whose replacement fails for want of memory stays in the address space that "
	     "it was in",
     .rule = "iommufd: if replace fails then no change is made to the attachment",
     .marks = LIST("exclusive", "stress"), .timeout_ms = 180000, .parameters = { IOMMUFD_ONLY })
{
	struct two_spaces two = open_two_spaces(t);
	struct shortage *shortage = shortage_open(t);

	while (shortage_next(shortage)) {
		if (call_failed(shortage, iommut_device_attach(two.rig->device, two.ioas[1])))
			expect_in_space(&two, 0);
		else
			expect_zero(t, iommut_device_attach(two.rig->device, two.ioas[0]));
	}
	shortage_proven(shortage);
}

CASE(attach,
     .proves = "a device whose attachment fails for want of memory reaches nothing, and can be "
	       "attached afterwards",
     .rule = RULE, .marks = LIST("exclusive", "stress"), .timeout_ms = 180000,
     .parameters = { IOMMUFD_ONLY })
{
	struct two_spaces two = open_two_spaces(t);
	struct shortage *shortage = shortage_open(t);

	while (shortage_next(shortage)) {
		expect_zero(t, iommut_device_detach(two.rig->device));
		if (call_failed(shortage, iommut_device_attach(two.rig->device, two.ioas[0]))) {
			fill_canary(two.first);
			expect_write_blocked(two.rig, two.first->iova, 8);
			expect_canary(two.first);
			expect_zero(t, iommut_device_attach(two.rig->device, two.ioas[0]));
		}
		expect_in_space(&two, 0);
	}
	shortage_proven(shortage);
}

CASE(detach, .proves = "a detach does not depend on memory: the device reaches nothing afterwards",
     .rule = "vfio.h: VFIO_DEVICE_DETACH_IOMMUFD_PT", .marks = LIST("exclusive", "stress"),
     .timeout_ms = 180000, .parameters = { IOMMUFD_ONLY })
{
	struct two_spaces two = open_two_spaces(t);
	struct shortage *shortage = shortage_open(t);

	while (shortage_next(shortage)) {
		int error;

		shortage_begin(shortage);
		error = iommut_device_detach(two.rig->device);
		shortage_end(shortage);
		expect_zero(t, error);
		fill_canary(two.first);
		expect_write_blocked(two.rig, two.first->iova, 8);
		expect_canary(two.first);
		expect_zero(t, iommut_device_attach(two.rig->device, two.ioas[0]));
		expect_in_space(&two, 0);
	}
	note(t, "%u allocations could fail", shortage->round - 1);
}

CASE(address_space,
     .proves = "an address space or a fault queue that cannot be made for want of memory leaves no "
	       "object behind, and can be made afterwards",
     .rule = RULE, .marks = LIST("exclusive", "stress"), .devices = NO_DEVICE,
     .parameters = { PARAMETER("object", "ioas", "fault-queue") })
{
	bool queue = param_is(t, "object", "fault-queue");
	struct iommut_handle iommufd;
	struct shortage *shortage;
	uint32_t id;
	int error = iommut_iommufd_open(&iommufd), fd;

	if (error == -EOPNOTSUPP)
		skip(t, "the kernel has no iommufd", "a kernel with CONFIG_IOMMUFD");
	expect_zero(t, error);
	shortage = shortage_open(t);
	while (shortage_next(shortage)) {
		fd = -1;
		id = 0;
		if (call_failed(shortage, queue ? iommut_fault_queue_alloc(iommufd, &id, &fd)
						: iommut_ioas_alloc(iommufd, &id))) {
			/* One that was made after all would be among the first, like those below. */
			for (id = 1; id <= FIRST_IDS; id++)
				expect_errno(t, iommut_destroy(iommufd, id), ENOENT);
			continue;
		}
		expect_that(t, id <= FIRST_IDS, "the only object has number %u", id);
		if (fd >= 0)
			close(fd);
		expect_zero(t, iommut_destroy(iommufd, id));
	}
	shortage_proven(shortage);
	expect_zero(t, iommut_handle_close(&iommufd));
}

CASE(interrupts,
     .proves = "interrupts that cannot be set up for want of memory are off, and can be set up "
	       "afterwards and arrive",
     .rule = "vfio.h: VFIO_DEVICE_SET_IRQS; ioctl(2): ENOMEM", .marks = LIST("exclusive", "stress"),
     .timeout_ms = 180000, .parameters = { BACKENDS })
{
	struct rig *rig = rig_open(t);
	struct shortage *shortage;
	enum iommut_irq_kind kind;

	need(rig, ENGINE_MSIX);
	expect_zero(t, engine_irq_kind(&rig->engine, &kind));
	shortage = shortage_open(t);
	/* pci_alloc_irq_vectors(): fewer vectors than asked for. */
	shortage->other_error = ENOSPC;
	while (shortage_next(shortage)) {
		struct iommut_irqs *irqs = NULL;
		uint64_t count = 0;
		int error;

		if (call_failed(shortage, iommut_irqs_open(&irqs, rig->device, kind, 2)))
			expect_zero(t, iommut_irqs_open(&irqs, rig->device, kind, 2));
		expect_zero(t, rig->engine.driver->interrupt(&rig->engine, 1));
		error = iommut_irqs_wait(irqs, 1, 2000, &count);
		iommut_irqs_close(irqs);
		expect_zero(t, error);
		expect_equal(t, count, 1);
	}
	shortage_proven(shortage);
}
