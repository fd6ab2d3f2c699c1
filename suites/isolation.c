// SPDX-License-Identifier: GPL-2.0-or-later
/* Devices apart from each other, and a device cut off from memory by every way there is. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/pci_regs.h>

#include <iommut/config.h>
#include <iommut/hwpt.h>
#include <iommut/pci.h>

#include "harness/storm.h"

SUITE("isolation", "devices apart from each other, and devices cut off by every way there is");

#define PAGE 4096ull

/* Two devices in two address spaces, the same IOVA leading to a page of each. */
struct pair {
	struct rig *rig[2];
	struct dma_buffer *buffer[2];
};

static void open_pair(struct test *t, struct pair *pair)
{
	need_groups_apart(t, test_device_name(t, 0), test_device_name(t, 1));
	for (int i = 0; i < 2; i++) {
		struct buffer_options options = { .fixed = i > 0 };

		pair->rig[i] = rig_open_in(t, NULL, i, NULL);
		need(pair->rig[i], ENGINE_SEES_ERRORS | ENGINE_WRITE | ENGINE_READ);
		options.iova = i ? pair->buffer[0]->iova : 0;
		pair->buffer[i] = map_buffer_with(pair->rig[i], PAGE, &options);
	}
}

CASE(same_iova_two_devices,
     .proves = "two devices that use the same IOVA in two address spaces reach each its own page",
     .rule = "iommufd.rst: an IOAS per device", .devices = 2, .marks = LIST("smoke"),
     .parameters = { BACKENDS })
{
	struct pair pair;

	open_pair(t, &pair);
	for (int round = 0; round < 4; round++) {
		int active = round % 2;
		uint64_t value = random64(t);

		fill_canary(pair.buffer[0]);
		fill_canary(pair.buffer[1]);
		expect_write(pair.rig[active], pair.buffer[active]->iova, &value, 8);
		expect_bytes(t, pair.buffer[active]->data, &value, 8);
		expect_canary(pair.buffer[!active]);
	}
}

CASE(foreign_mapping, .proves = "what is mapped for one device cannot be reached by another",
     .rule = "iommufd.rst: an IOAS per device", .devices = 2, .marks = LIST("smoke"),
     .parameters = { BACKENDS })
{
	struct pair pair;
	struct dma_buffer *only;

	open_pair(t, &pair);
	only = map_buffer(pair.rig[0], PAGE);
	expect_reaches(only);
	expect_reaches(pair.buffer[1]);
	fill_canary(only);
	expect_write_blocked(pair.rig[1], only->iova, 8);
	expect_canary(only);
	memset(only->data, 0x5e, PAGE);
	expect_read_blocked(pair.rig[1], only->iova, only->data, 8);
	expect_reaches(only);
}

CASE(unmap_for_one,
     .proves = "an unmap for one device takes nothing from another that uses the same IOVA",
     .rule = "iommufd.h: IOMMU_IOAS_UNMAP", .devices = 2, .parameters = { BACKENDS })
{
	struct pair pair;

	open_pair(t, &pair);
	expect_reaches(pair.buffer[0]);
	expect_reaches(pair.buffer[1]);
	unmap_buffer(pair.buffer[0]);
	fill_canary(pair.buffer[0]);
	expect_write_blocked(pair.rig[0], pair.buffer[0]->iova, 8);
	expect_canary(pair.buffer[0]);
	expect_reaches(pair.buffer[1]);
}

CASE(close_of_one, .proves = "closing one device leaves another working",
     .rule = "vfio.rst: closing a device", .devices = 2, .parameters = { BACKENDS })
{
	struct pair pair;

	open_pair(t, &pair);
	expect_reaches(pair.buffer[0]);
	rig_close(pair.rig[0]);
	expect_reaches(pair.buffer[1]);
}

CASE(shared_space,
     .proves = "two devices in one address space reach the same memory, and lose it together",
     .rule = "iommufd.rst: several devices on one IOAS, vfio.rst: several groups in one container",
     .devices = 2, .parameters = { BACKENDS })
{
	struct iommut_space *space = rig_open_space(t);
	struct rig *first = rig_open_in(t, space, 0, NULL),
		   *second = rig_open_in(t, space, 1, NULL);
	struct dma_buffer *buffer = map_buffer(first, PAGE);
	uint64_t value = random64(t), seen = 0;

	need(first, ENGINE_SEES_ERRORS);
	need(second, ENGINE_SEES_ERRORS);
	expect_write(first, buffer->iova, &value, 8);
	expect_read(second, buffer->iova, &seen, 8);
	expect_equal(t, seen, value);
	unmap_buffer(buffer);
	fill_canary(buffer);
	expect_write_blocked(first, buffer->iova, 8);
	expect_write_blocked(second, buffer->iova, 8);
	expect_canary(buffer);
}

CASE(sleeping_device, .proves = "a device in D3hot reaches no memory; awake again it does",
     .rule = "PCI PM 1.2, 5.4.1: D3hot", .parameters = { BACKENDS })
{
	struct rig *rig = rig_open(t);
	struct dma_buffer *buffer = map_buffer(rig, PAGE);
	uint16_t control;
	uint32_t at;

	need(rig, ENGINE_STORM | ENGINE_FILL);
	expect_zero(t, iommut_config_capability(rig->device, PCI_CAP_ID_PM, &at));
	storm_fill(rig, buffer->iova, 0);
	expect_zero(t, iommut_config_read16(rig->device, at + PCI_PM_CTRL, &control));
	control = (control & ~PCI_PM_CTRL_STATE_MASK) | 3;
	expect_zero(t, iommut_config_write16(rig->device, at + PCI_PM_CTRL, control));
	fill_canary(buffer);
	/* Another storm's worth of time, measured by the device's own register once it is awake, would be of no use: it was reset. */
	for (int64_t end = now_ms() + 20; now_ms() < end;)
		expect_canary(buffer);
	control &= ~PCI_PM_CTRL_STATE_MASK;
	expect_zero(t, iommut_config_write16(rig->device, at + PCI_PM_CTRL, control));
	expect_zero(t, iommut_device_bus_master(rig->device, true));
	expect_canary(buffer);
	expect_reaches(buffer);
}

CASE(reset_stops_dma,
     .proves = "a reset ends a device's DMA: nothing is written any more once it has returned",
     .rule = "vfio.h: VFIO_DEVICE_RESET, PCIe 6.2, 6.6.2: FLR",
     .parameters = { BACKENDS, PARAMETER("method", "flr", "pm") })
{
	struct rig *rig = rig_open(t);
	struct dma_buffer *buffer = map_buffer(rig, PAGE);
	const char *method = param(t, "method"), *name = test_device_name(t, 0);
	char before[128];
	int error;

	need(rig, ENGINE_STORM | ENGINE_FILL);
	error = iommut_pci_reset_methods(name, before, sizeof(before));
	if (!error)
		error = iommut_pci_set_reset_methods(name, method);
	if (error)
		skipf(t, "a kernel with reset_method and a device with this reset",
		      "%s cannot be reset by %s: %s", name, method, strerror(-error));
	storm_fill(rig, buffer->iova, 0);
	error = iommut_device_reset(rig->device);
	(void)iommut_pci_set_reset_methods(name, before);
	expect_zero(t, error);
	fill_canary(buffer);
	expect_equal(t, testdev_get32(&rig->engine, TESTDEV_STORM), 0);
	for (int64_t end = now_ms() + 20; now_ms() < end;)
		expect_canary(buffer);
	expect_zero(t, iommut_device_bus_master(rig->device, true));
	expect_reaches(buffer);
}

/* A child opens the device, starts a storm into shared memory and waits to be killed. */
static void storm_until_killed(struct test *t, struct iommut_memory *shared, int ready)
{
	struct rig *rig = rig_open(t);
	const uint64_t iova = 0x200000;

	expect_zero(t, iommut_space_map(rig->space, shared->address, PAGE, iova, IOMMUT_RW));
	storm_fill(rig, iova, 0x4444444444444444);
	if (write(ready, "r", 1) != 1)
		fail(t, "the parent is gone");
	for (;;)
		pause();
}

CASE(process_killed,
     .proves = "when the process that has a device is killed, the device's DMA ends, and the next "
	       "process can use it",
     .rule = "vfio.rst: closing the last file descriptor", .parameters = { BACKENDS })
{
	struct rig *probe = rig_open(t);
	struct iommut_memory *shared;
	const uint64_t written = 0x4444444444444444;
	int ready[2], status;
	char byte;
	pid_t child;

	/* What the engine can do is seen before anything is left to a child. */
	need(probe, ENGINE_STORM | ENGINE_FILL);
	rig_close(probe);
	expect_zero(t, iommut_memory_alloc(&shared, PAGE, IOMMUT_MEMORY_SHARED));
	undo_later(t, (void (*)(void *))iommut_memory_free, shared);
	expect_that(t, pipe(ready) == 0, "pipe: %s", strerror(errno));
	child = fork();
	if (child == 0) {
		close(ready[0]);
		storm_until_killed(t, shared, ready[1]);
	}
	close(ready[1]);
	expect_that(t, read(ready[0], &byte, 1) == 1, "the child did not get its device going");
	close(ready[0]);
	expect_bytes(t, shared->address, &written, 8);
	kill(child, SIGKILL);
	expect_that(t, waitpid(child, &status, 0) == child, "waitpid: %s", strerror(errno));
	expect(t, WIFSIGNALED(status));
	memset(shared->address, CANARY, PAGE);
	for (int64_t end = now_ms() + 20; now_ms() < end;)
		for (size_t i = 0; i < PAGE; i++)
			expect_that(t, ((uint8_t *)shared->address)[i] == CANARY,
				    "byte %zu was written after the process was gone", i);
	expect_reaches(map_buffer(rig_open(t), PAGE));
}

CASE(peer_not_mapped,
     .proves = "a device cannot reach the memory BAR of another by its bus address: nothing is "
	       "mapped there",
     .rule = "iommufd.rst: an IOAS maps nothing by itself", .devices = 2,
     .parameters = { BACKENDS })
{
	struct pair pair;
	uint64_t bar = 0;
	uint32_t low, high;
	char path[64];

	open_pair(t, &pair);
	need(pair.rig[1], ENGINE_MEMORY_BAR);
	expect_equal(t, iommut_pci_config_read(test_device_name(t, 1), PCI_BASE_ADDRESS_2, &low, 4),
		     4);
	expect_equal(
		t, iommut_pci_config_read(test_device_name(t, 1), PCI_BASE_ADDRESS_3, &high, 4), 4);
	bar = (low & PCI_BASE_ADDRESS_MEM_MASK) | (uint64_t)high << 32;
	snprintf(path, sizeof(path), "%#llx", (unsigned long long)bar);
	note(t, "BAR 2 of %s is at %s", test_device_name(t, 1), path);
	expect(t, bar != 0);
	expect_reaches(pair.buffer[0]);
	expect_write_blocked(pair.rig[0], bar, 8);
}
