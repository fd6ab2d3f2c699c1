// SPDX-License-Identifier: GPL-2.0-or-later
/* Resets, sleep and decoding: what a device goes through while its memory stays mapped. */
#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include <linux/pci_regs.h>
#include <linux/vfio.h>

#include <iommut/config.h>
#include <iommut/feature.h>
#include <iommut/pci.h>
#include <iommut/region.h>

#include "harness/storm.h"
#include "suites/parts.h"

/* The device is awake, has its registers, and reaches what was mapped before, without any new mapping. */
static void expect_mappings_kept(struct rig *rig, struct dma_buffer *buffers[], size_t count)
{
	expect_zero(rig->t, iommut_device_bus_master(rig->device, true));
	for (size_t i = 0; i < count; i++)
		expect_reaches(buffers[i]);
}

CASE(reset_keeps_mappings,
     .proves = "mappings outlive a reset under DMA: nothing is written between the reset and the "
	       "next "
	       "transfer, which reaches the same memory",
     .rule = "vfio.h: VFIO_DEVICE_RESET resets the device, not its address space",
     .marks = LIST("smoke"), .parameters = { BACKENDS })
{
	struct rig *rig = rig_open(t);
	struct buffer_options huge = { .kind = IOMMUT_MEMORY_THP };
	struct dma_buffer *buffers[] = { map_buffer(rig, PAGE), map_buffer(rig, 16 * PAGE),
					 map_buffer_with(rig, 2 << 20, &huge) };

	for (int round = 0; round < 2; round++) {
		storm_fill(rig, buffers[1]->iova, 0);
		expect_zero(t, iommut_device_reset(rig->device));
		for (size_t i = 0; i < 3; i++)
			fill_canary(buffers[i]);
		expect_equal(t, testdev_get32(&rig->engine, TESTDEV_STORM), 0);
		for (size_t i = 0; i < 3; i++)
			expect_canary(buffers[i]);
		expect_mappings_kept(rig, buffers, 3);
	}
}

CASE(reset_from_sysfs,
     .proves = "a reset that somebody else orders through sysfs ends the device's DMA; its owner "
	       "keeps mappings and configuration",
     .rule = "ABI/testing/sysfs-bus-pci: reset", .parameters = { BACKENDS })
{
	struct rig *rig = rig_open(t);
	struct dma_buffer *buffer = map_buffer(rig, PAGE);
	uint32_t before[6], after[6];
	int error;

	expect_reaches(buffer);
	expect_zero(t, iommut_config_read(rig->device, PCI_BASE_ADDRESS_0, before, 24));
	storm_fill(rig, buffer->iova, 0);
	error = iommut_pci_reset(test_device_name(t, 0));
	if (error == -EOPNOTSUPP)
		skip(t, "the device has no reset", "a device with FLR");
	expect_zero(t, error);
	fill_canary(buffer);
	expect_equal(t, testdev_get32(&rig->engine, TESTDEV_STORM), 0);
	expect_canary(buffer);
	expect_zero(t, iommut_config_read(rig->device, PCI_BASE_ADDRESS_0, after, 24));
	expect_bytes(t, after, before, sizeof(before));
	expect_mappings_kept(rig, &buffer, 1);
}

CASE(hot_reset_keeps_mappings,
     .proves = "mappings outlive a hot reset of the bus, which ends the device's DMA",
     .rule = "vfio.h: VFIO_DEVICE_PCI_HOT_RESET", .parameters = { BACKENDS })
{
	struct rig *rig = rig_open(t);
	struct dma_buffer *buffer = map_buffer(rig, 4 * PAGE);
	int error;

	expect_reaches(buffer);
	storm_fill(rig, buffer->iova, 0);
	error = iommut_device_hot_reset(rig->device);
	/* Linux gives up on QEMU's ports, whose link it does not see come up again. */
	if (error == -ENOTTY || error == -ENODEV || error == -EPERM)
		skipf(t, "a device alone behind a port of its own",
		      "no hot reset of this device's bus: %s", strerror(-error));
	expect_zero(t, error);
	fill_canary(buffer);
	expect_equal(t, testdev_get32(&rig->engine, TESTDEV_STORM), 0);
	expect_canary(buffer);
	expect_mappings_kept(rig, &buffer, 1);
}

CASE(reset_clears_master,
     .proves =
	     "a device that was reset reaches no memory until its owner turns bus mastering on or "
	     "VFIO restored it as it was: with it off before the reset it stays off",
     .rule = "vfio-pci: configuration is restored after a reset", .parameters = { BACKENDS })
{
	struct rig *rig = rig_open(t);
	struct dma_buffer *buffer = map_buffer(rig, PAGE);
	struct engine_transfer fill = { .operation = ENGINE_OP_FILL,
					.pasid = IOMMUT_NO_PASID,
					.iova = buffer->iova,
					.length = 64,
					.operand = 0x1212121212121212 };
	struct engine_result result;
	uint16_t command;

	need(rig, ENGINE_FILL | ENGINE_BUS_MASTER);
	expect_reaches(buffer);
	expect_zero(t, iommut_device_bus_master(rig->device, false));
	expect_zero(t, iommut_device_reset(rig->device));
	expect_zero(t, iommut_config_read16(rig->device, PCI_COMMAND, &command));
	expect(t, !(command & PCI_COMMAND_MASTER));
	fill_canary(buffer);
	expect_zero(t, engine_run(&rig->engine, &fill, &result));
	expect(t, result.status != ENGINE_OK);
	expect_canary(buffer);
	expect_mappings_kept(rig, &buffer, 1);
}

static void set_power(struct rig *rig, unsigned int state)
{
	uint16_t control;
	uint32_t at;

	expect_zero(rig->t, iommut_config_capability(rig->device, PCI_CAP_ID_PM, &at));
	expect_zero(rig->t, iommut_config_read16(rig->device, at + PCI_PM_CTRL, &control));
	control = (uint16_t)((control & ~PCI_PM_CTRL_STATE_MASK) | state);
	expect_zero(rig->t, iommut_config_write16(rig->device, at + PCI_PM_CTRL, control));
	expect_zero(rig->t, iommut_config_read16(rig->device, at + PCI_PM_CTRL, &control));
	expect_equal(rig->t, control & PCI_PM_CTRL_STATE_MASK, state);
}

CASE(sleep_keeps_mappings,
     .proves = "mappings made before and during a device's sleep are there when it wakes up",
     .rule = "PCI PM 1.2, 5.4.1: D3hot; vfio.h: mappings belong to the address space",
     .parameters = { BACKENDS })
{
	struct rig *rig = rig_open(t);
	struct dma_buffer *buffers[2] = { map_buffer(rig, PAGE) }, *gone = map_buffer(rig, PAGE);

	need(rig, ENGINE_BUS_MASTER | ENGINE_STORM);
	expect_reaches(buffers[0]);
	expect_reaches(gone);
	for (int round = 0; round < 2; round++) {
		set_power(rig, 3);
		if (!round) {
			buffers[1] = map_buffer(rig, PAGE);
			unmap_buffer(gone);
		}
		set_power(rig, 0);
		expect_mappings_kept(rig, buffers, 2);
	}
	fill_canary(gone);
	expect_write_blocked(rig, gone->iova, 64);
	expect_canary(gone);
}

CASE(registers_asleep,
     .proves = "while a device sleeps VFIO refuses its registers instead of reading all ones, and "
	       "gives them again when it is awake",
     .rule = "vfio-pci: device memory is not accessible in D3hot", .parameters = { BACKENDS })
{
	struct rig *rig = rig_open(t);
	struct iommut_region *bar;
	uint32_t version;

	need(rig, ENGINE_BUS_MASTER | ENGINE_STORM);
	expect_zero(t, iommut_region_open(&bar, rig->device, VFIO_PCI_BAR0_REGION_INDEX));
	undo_later(t, (void (*)(void *))iommut_region_close, bar);
	expect_zero(t, iommut_region_read32(bar, TESTDEV_VERSION, &version));
	expect_equal(t, version, TESTDEV_VERSION_VALUE);
	set_power(rig, 3);
	expect_errno(t, iommut_region_read32(bar, TESTDEV_VERSION, &version), EIO);
	expect_errno(t, iommut_region_write32(bar, TESTDEV_SCRATCH, 1), EIO);
	set_power(rig, 0);
	expect_zero(t, iommut_region_read32(bar, TESTDEV_VERSION, &version));
	expect_equal(t, version, TESTDEV_VERSION_VALUE);
}

static sigjmp_buf bus_error;

static void on_bus_error(int signal)
{
	siglongjmp(bus_error, 1);
}

/* Whether a load from a mapping of the registers ends in SIGBUS. */
static bool load_faults(struct rig *rig)
{
	struct sigaction action = { .sa_handler = on_bus_error }, before;
	volatile bool faulted = true;

	expect(rig->t, sigaction(SIGBUS, &action, &before) == 0);
	if (sigsetjmp(bus_error, 1) == 0) {
		(void)testdev_get32(&rig->engine, TESTDEV_VERSION);
		faulted = false;
	}
	expect(rig->t, sigaction(SIGBUS, &before, NULL) == 0);
	return faulted;
}

CASE(decoding_off,
     .proves = "with memory decoding off a device's registers cannot be read, through VFIO or a "
	       "mapping, by anybody; with it on again they can",
     .rule = "PCI 3.0, 6.2.2: Command register, bit 1; vfio-pci: mappings are revoked",
     .parameters = { BACKENDS })
{
	struct rig *rig = rig_open(t);
	struct dma_buffer *buffer = map_buffer(rig, PAGE);
	struct iommut_region *bar;
	uint16_t command;
	uint32_t version;

	need(rig, ENGINE_STORM);
	expect_zero(t, iommut_region_open(&bar, rig->device, VFIO_PCI_BAR0_REGION_INDEX));
	undo_later(t, (void (*)(void *))iommut_region_close, bar);
	expect_zero(t, iommut_config_read16(rig->device, PCI_COMMAND, &command));
	for (int round = 0; round < 3; round++) {
		expect(t, !load_faults(rig));
		expect_zero(t, iommut_config_write16(rig->device, PCI_COMMAND,
						     command & ~PCI_COMMAND_MEMORY));
		expect_errno(t, iommut_region_read32(bar, TESTDEV_VERSION, &version), EIO);
		expect_that(t, load_faults(rig), "the mapping can be read");
		expect_zero(t, iommut_config_write16(rig->device, PCI_COMMAND, command));
		expect_zero(t, iommut_region_read32(bar, TESTDEV_VERSION, &version));
		expect_equal(t, version, TESTDEV_VERSION_VALUE);
	}
	expect_reaches(buffer);
}

CASE(low_power,
     .proves = "a device that its owner sends to sleep through VFIO wakes up with its mappings",
     .rule = "vfio.h: VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY, LOW_POWER_EXIT",
     .parameters = { BACKENDS })
{
	struct rig *rig = rig_open(t);
	struct dma_buffer *buffer = map_buffer(rig, PAGE);
	int error;

	expect_reaches(buffer);
	for (int round = 0; round < 2; round++) {
		error = iommut_feature_low_power_entry(rig->device, -1);
		if (error == -EOPNOTSUPP)
			skip(t, "the kernel or the device has no such sleep",
			     "a kernel with CONFIG_PM (6.1 or later) and a device with power "
			     "states");
		expect_zero(t, error);
		/* Asked for twice is refused, not counted. */
		expect_errno(t, iommut_feature_low_power_entry(rig->device, -1), EINVAL);
		expect_zero(t, iommut_feature_low_power_exit(rig->device));
		expect_mappings_kept(rig, &buffer, 1);
	}
}

CASE(many_resets,
     .proves = "a device that is reset again and again reaches its memory after each time",
     .rule = "vfio.h: VFIO_DEVICE_RESET", .marks = LIST("stress"), .timeout_ms = 20000,
     .parameters = { BACKENDS })
{
	struct rig *rig = rig_open(t);
	struct dma_buffer *buffer = map_buffer(rig, PAGE);

	need_reset(rig);
	for (int round = 0; round < 8; round++) {
		expect_zero(t, iommut_device_reset(rig->device));
		expect_mappings_kept(rig, &buffer, 1);
	}
}

static void go_to_state(struct rig *rig, uint32_t wanted, bool with_data)
{
	struct test *t = rig->t;
	uint32_t state = VFIO_DEVICE_STATE_ERROR;
	int data = -1;

	expect_zero(t, iommut_feature_migration_set_state(rig->device, wanted, &data));
	if (data >= 0)
		close_later(t, data);
	expect_equal(t, data >= 0, with_data);
	expect_zero(t, iommut_feature_migration_state(rig->device, &state));
	expect_equal(t, state, wanted);
}

CASE(migration_states,
     .proves = "a device that can be migrated is stopped, gives its state away, and goes on with "
	       "the mappings that it had",
     .rule = "vfio.h: VFIO_DEVICE_FEATURE_MIGRATION, enum vfio_device_mig_state",
     .marks = LIST("exclusive"), .timeout_ms = 60000, .parameters = { BACKENDS })
{
	struct rig *rig = rig_open(t);
	struct dma_buffer *buffer = map_buffer(rig, PAGE);
	uint32_t state = VFIO_DEVICE_STATE_ERROR;
	uint64_t flags = 0;
	int error = iommut_feature_migration(rig->device, &flags);

	if (error == -EOPNOTSUPP)
		skip(t, "the driver of the device does not migrate it",
		     "a device with a VFIO driver that does, and an engine for it");
	expect_zero(t, error);
	expect_that(t, flags & VFIO_MIGRATION_STOP_COPY, "the states are 0x%" PRIx64, flags);
	expect_zero(t, iommut_feature_migration_state(rig->device, &state));
	expect_equal(t, state, VFIO_DEVICE_STATE_RUNNING);
	expect_reaches(buffer);
	go_to_state(rig, VFIO_DEVICE_STATE_STOP, false);
	go_to_state(rig, VFIO_DEVICE_STATE_STOP_COPY, true);
	go_to_state(rig, VFIO_DEVICE_STATE_STOP, false);
	go_to_state(rig, VFIO_DEVICE_STATE_RUNNING, false);
	expect_mappings_kept(rig, &buffer, 1);
}
