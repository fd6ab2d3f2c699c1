// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Virtual functions (PCIe SR-IOV): made by the kernel for the case's device, which stays with vfio-pci, used through VFIO like any other
 * function, and taken away again.
 */
#include <pthread.h>

#include <iommut/irq.h>

#include "suites/sriov.h"

SUITE("sriov",
      "virtual functions: apart from each other and from the function that they belong to");

#define RULE "PCIe 6.2, 9.1.2: a VF has a requester ID of its own; VT-d 4.1, 3.4.2: context entries"

CASE(apart,
     .proves = "two virtual functions and the physical one, each with the same IOVA in an address "
	       "space of its own, reach each its own page, and an unmap for one takes nothing from "
	       "the others",
     .rule = RULE, .marks = LIST("exclusive"), .timeout_ms = 20000, .parameters = { BACKENDS })
{
	struct trio trio = open_trio(t);
	struct rig *rig[] = { trio.virtual[0], trio.virtual[1], trio.physical };
	struct dma_buffer *buffer[3];

	buffer[0] = map_buffer(rig[0], PAGE);
	for (int i = 1; i < 3; i++)
		buffer[i] = map_buffer_with(
			rig[i], PAGE,
			&(struct buffer_options){ .fixed = true, .iova = buffer[0]->iova });
	for (int active = 0; active < 3; active++) {
		uint64_t value = random64(t);

		for (int i = 0; i < 3; i++)
			fill_canary(buffer[i]);
		expect_write(rig[active], buffer[active]->iova, &value, sizeof(value));
		expect_bytes(t, buffer[active]->data, &value, sizeof(value));
		for (int i = 0; i < 3; i++)
			if (i != active)
				expect_canary(buffer[i]);
	}
	unmap_buffer(buffer[0]);
	fill_canary(buffer[0]);
	expect_write_blocked(rig[0], buffer[0]->iova, 8);
	expect_canary(buffer[0]);
	expect_reaches(buffer[1]);
	expect_reaches(buffer[2]);
}

CASE(foreign_mapping,
     .proves = "what is mapped for one virtual function is reached neither by another nor by the "
	       "physical function",
     .rule = RULE, .marks = LIST("exclusive"), .timeout_ms = 20000, .parameters = { BACKENDS })
{
	struct trio trio = open_trio(t);
	struct dma_buffer *own[] = { map_buffer(trio.virtual[1], PAGE),
				     map_buffer(trio.physical, PAGE) };
	struct dma_buffer *only = map_buffer_with(
		trio.virtual [0], PAGE,
		&(struct buffer_options) { .fixed = true, .iova = own[0]->iova + (16 << 20) });

	expect_reaches(only);
	for (int i = 0; i < 2; i++) {
		/* The stimulus works where it may. */
		expect_reaches(own[i]);
		fill_canary(only);
		expect_write_blocked(own[i]->rig, only->iova, 8);
		expect_canary(only);
		memset(only->data, 0x5e, PAGE);
		expect_read_blocked(own[i]->rig, only->iova, only->data, 8);
	}
	expect_reaches(only);
}

CASE(token,
     .proves = "a virtual function whose physical function has a user is opened with that user's "
	       "token only, and the physical one only with it while a virtual one is open",
     .rule = "vfio.h: VFIO_DEVICE_FEATURE_PCI_VF_TOKEN", .marks = LIST("exclusive"),
     .timeout_ms = 20000, .parameters = { BACKENDS })
{
	uint8_t wrong[sizeof(token)];
	struct rig *physical, *virtual;
	const char *name;

	open_functions(t);
	name = functions.virtual[0];
	memcpy(wrong, token, sizeof(wrong));
	wrong[15] ^= 1;
	/* Before the physical function has a user, too. */
	expect_no_access(t, try_token(t, name, NULL));
	expect_no_access(t, try_token(t, name, wrong));
	physical = rig_open_in(t, NULL, 0, &with_token);
	expect_no_access(t, try_token(t, name, NULL));
	expect_no_access(t, try_token(t, name, wrong));
	virtual = rig_open_function(t, NULL, name, &with_token);
	expect_reaches(map_buffer(virtual, PAGE));
	/* Closing and opening it resets the physical function, and with it the virtual ones (PCIe 6.2, 9.2.2.2). */
	rig_close(physical);
	expect_no_access(t, try_token(t, functions.physical, NULL));
	expect_no_access(t, try_token(t, functions.physical, wrong));
	expect_zero(t, try_token(t, functions.physical, token));
	rig_close(virtual);
	/* Without users of its VFs the physical function is anybody's. */
	expect_zero(t, try_token(t, functions.physical, NULL));
}

CASE(bus_master_of_one,
     .proves = "a function whose bus mastering is off reaches nothing, and those beside it go on, "
	       "be it virtual or physical",
     .rule = "PCIe 6.2, 9.3.4.1.3: Bus Master Enable of a VF", .marks = LIST("exclusive"),
     .timeout_ms = 20000, .parameters = { BACKENDS })
{
	struct trio trio = open_trio(t);
	struct rig *rig[] = { trio.virtual[0], trio.virtual[1], trio.physical };
	struct dma_buffer *buffer[3];

	for (int i = 0; i < 3; i++) {
		need(rig[i], ENGINE_BUS_MASTER);
		buffer[i] = map_buffer(rig[i], PAGE);
		expect_reaches(buffer[i]);
	}
	for (int off = 0; off < 3; off++) {
		struct engine_result result;

		fill_canary(buffer[off]);
		expect_zero(t, iommut_device_bus_master(rig[off]->device, false));
		expect_zero(t, engine_write(&rig[off]->engine, buffer[off]->iova, "disabled", 8,
					    &result));
		if (rig[off]->engine.capabilities & ENGINE_SEES_ERRORS)
			expect_that(t, result.status != ENGINE_OK, "the device saw no error");
		expect_canary(buffer[off]);
		for (int i = 0; i < 3; i++)
			if (i != off)
				expect_reaches(buffer[i]);
		expect_zero(t, iommut_device_bus_master(rig[off]->device, true));
		expect_reaches(buffer[off]);
	}
}

CASE(reset_of_one,
     .proves = "a reset of a virtual function ends its DMA and not that of another or of the "
	       "physical function, whose mappings stay",
     .rule = "PCIe 6.2, 9.2.2.2: an FLR of a VF affects this VF only; vfio.h: VFIO_DEVICE_RESET",
     .marks = LIST("exclusive"), .timeout_ms = 20000, .parameters = { BACKENDS })
{
	struct trio trio = open_trio(t);
	struct rig *rig[] = { trio.virtual[0], trio.virtual[1], trio.physical };
	struct dma_buffer *buffer[3];

	for (int i = 0; i < 3; i++) {
		need(rig[i], ENGINE_STORM | ENGINE_FILL);
		buffer[i] = map_buffer(rig[i], PAGE);
		storm_fill(rig[i], buffer[i]->iova, 0x6161616161616161);
	}
	expect_zero(t, iommut_device_reset(rig[0]->device));
	fill_canary(buffer[0]);
	for (int i = 1; i < 3; i++) {
		expect_storm(t, &rig[i]->engine, STORM_DONE, 4);
		expect_zero(t, testdev_storm_stop(&rig[i]->engine, NULL, NULL));
	}
	expect_canary(buffer[0]);
	expect_zero(t, iommut_device_bus_master(rig[0]->device, true));
	for (int i = 0; i < 3; i++)
		expect_reaches(buffer[i]);
}

CASE(fault_names_function,
     .proves = "the report of a virtual function's refused transaction names it, and neither its "
	       "neighbour nor the physical function",
     .rule = RULE "; 7.3: fault recording, SID", .marks = LIST("exclusive"), .timeout_ms = 30000,
     .parameters = { BACKENDS })
{
	struct trio trio = open_trio(t);
	struct rig *rig = trio.virtual[1];
	uint64_t iova = free_iova(rig, PAGE);
	struct fault_watch *watch = watch_faults(t);
	struct iommut_fault fault;

	expect_reaches(map_buffer(rig, PAGE));
	provoke_dma_report(watch, rig, iova, true, &fault);
	if (!(fault.fields & IOMMUT_FAULT_HAS_DEVICE))
		skip(t, "this IOMMU's reports do not tell the device",
		     "an IOMMU whose driver prints it");
	expect_that(t, fault_is_of(&fault, functions.virtual[1]),
		    "%s did it, another function was reported", functions.virtual[1]);
}

static void *remove_functions(void *result)
{
	*(int *)result = iommut_pci_sriov_enable(functions.physical, 0);
	return NULL;
}

CASE(taken_away,
     .proves = "virtual functions that are taken away under DMA are asked back from their user, "
	       "and once they are closed nothing is written any more and they are gone",
     .rule = "vfio.h: VFIO_PCI_REQ_IRQ_INDEX; ABI sysfs-bus-pci: sriov_numvfs",
     .marks = LIST("exclusive"), .timeout_ms = 30000, .parameters = { BACKENDS })
{
	struct trio trio = open_trio(t);
	struct dma_buffer *buffer = map_buffer(trio.virtual[0], PAGE);
	struct iommut_memory *page;
	struct iommut_pci_device pci;
	struct iommut_irqs *request;
	uint64_t count = 0;
	pthread_t thread;
	int error = 1;

	need(trio.virtual[0], ENGINE_STORM | ENGINE_FILL);
	/* The last one goes first, and must have no user for the other to be asked back. */
	rig_close(trio.virtual[1]);
	/* Memory that outlives the device's address space. */
	expect_zero(t, iommut_memory_alloc(&page, PAGE, IOMMUT_MEMORY_SHARED));
	undo_later(t, (void (*)(void *))iommut_memory_free, page);
	unmap_buffer(buffer);
	expect_zero(t, iommut_space_map(trio.virtual[0] -> space, page -> address, PAGE,
					buffer -> iova, IOMMUT_RW));
	expect_zero(t,
		    iommut_irqs_open(&request, trio.virtual[0] -> device, IOMMUT_IRQ_REQUEST, 1));
	storm_fill(trio.virtual[0], buffer -> iova, 0x6363636363636363);
	expect_that(t, pthread_create(&thread, NULL, remove_functions, &error) == 0,
		    "no thread can be made");
	count = 0;
	if (iommut_irqs_wait(request, 0, DEADLINE_MS, &count))
		note(t, "no request came within %d ms", DEADLINE_MS);
	iommut_irqs_close(request);
	rig_close(trio.virtual[0]);
	memset(page->address, CANARY, PAGE);
	pthread_join(thread, NULL);
	expect_zero(t, error);
	expect_that(t, count > 0, "the function was not asked back");
	for (int i = 0; i < VFS; i++)
		expect_errno(t, iommut_pci_get(functions.virtual[i], &pci), ENODEV);
	for (size_t i = 0; i < PAGE; i++)
		expect_that(t, ((uint8_t *)page->address)[i] == CANARY,
			    "byte %zu was written after the function was closed", i);
	expect_reaches(map_buffer(trio.physical, PAGE));
}

CASE(made_again,
     .proves = "a virtual function that is made again has nothing of what was mapped for the one "
	       "before it, and works with mappings of its own",
     .rule = RULE "; ABI sysfs-bus-pci: sriov_numvfs", .marks = LIST("exclusive"),
     .timeout_ms = 30000, .parameters = { BACKENDS })
{
	struct iommut_memory *old;
	uint64_t iova = 0;

	open_functions(t);
	expect_zero(t, iommut_memory_alloc(&old, PAGE, IOMMUT_MEMORY_ANONYMOUS));
	undo_later(t, (void (*)(void *))iommut_memory_free, old);
	for (int round = 0; round < 2; round++) {
		struct rig *physical = rig_open_in(t, NULL, 0, &with_token), *virtual;
		struct dma_buffer *buffer;

		virtual = rig_open_function(t, NULL, functions.virtual[0], &with_token);
		if (round) {
			/* The positive control of this is the write that reached it the last time. */
			memset(old->address, CANARY, PAGE);
			expect_write_blocked(virtual, iova, 8);
			for (size_t i = 0; i < PAGE; i++)
				expect_that(t, ((uint8_t *)old->address)[i] == CANARY,
					    "byte %zu of what the last one had was written", i);
		}
		buffer = map_buffer(virtual, PAGE);
		expect_reaches(buffer);
		unmap_buffer(buffer);
		iova = buffer->iova;
		expect_zero(t,
			    iommut_space_map(virtual->space, old->address, PAGE, iova, IOMMUT_RW));
		expect_write(virtual, iova, "reached!", 8);
		expect_bytes(t, old->address, "reached!", 8);
		rig_close(virtual);
		rig_close(physical);
		if (round == 0) {
			expect_zero(t, iommut_pci_sriov_enable(functions.physical, 0));
			make_functions(t);
		}
	}
}
