// SPDX-License-Identifier: GPL-2.0-or-later
/* Devices pulled out of the machine and put back, with the lab's help. */
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/pci_regs.h>
#include <linux/vfio.h>

#include <iommut/capability.h>
#include <iommut/config.h>
#include <iommut/irq.h>
#include <iommut/pci.h>
#include <iommut/region.h>

#include "suites/child.h"
#include "suites/control.h"
#include "suites/parts.h"

#define DRIVER      "vfio-pci"
#define DEADLINE_MS 8000

/* Not a case's own: they are needed after the case has returned. */
static const char *name;
static bool pulled;
static unsigned int virtual_functions;

static bool present(void)
{
	struct iommut_pci_device pci;

	return iommut_pci_get(name, &pci) == 0;
}

static bool becomes_present(bool wanted, int timeout_ms)
{
	for (int64_t end = now_ms() + timeout_ms; present() != wanted;) {
		if (now_ms() > end)
			return false;
		(void)poll(NULL, 0, 5);
	}
	return true;
}

static void wait_present(struct test *t, bool wanted)
{
	expect_that(t, becomes_present(wanted, DEADLINE_MS), "%s is still %s after %d ms", name,
		    wanted ? "missing" : "there", DEADLINE_MS);
}

/*
 * The kernel, which has just found the device, may be giving it to the driver itself: binding it returns before that is over. So it
 * is there when it can be opened.
 */
static int try_open(struct test *t)
{
	enum iommut_backend backend = IOMMUT_IOMMUFD;
	struct iommut_device *device = NULL;
	struct iommut_space *space;
	int error = iommut_pci_bind(name, DRIVER, NULL);

	if (!error)
		error = iommut_backend_parse(param(t, "backend"), &backend);
	if (!error)
		error = iommut_space_open(&space, backend);
	if (error)
		return error;
	error = iommut_device_open(&device, space, name);
	iommut_device_close(device);
	iommut_space_close(space);
	return error;
}

static int wait_bound(struct test *t)
{
	int64_t end = now_ms() + DEADLINE_MS;
	int error;

	while ((error = try_open(t)) && now_ms() < end)
		(void)poll(NULL, 0, 5);
	return error;
}

/*
 * Linux shows no device any more, but has yet to tell ACPI to eject the slot (_EJ0), and QEMU ejects what is in the slot by then: a
 * device that is put in too early is gone again at once. All of a removal happens under one lock, which a rescan has to wait for.
 */
static int wait_ejected(void)
{
	return iommut_pci_rescan();
}

/*
 * QEMU 10.2 describes the functions of a slot that a machine begins with to ACPI as if each were a slot of its own, those of SR-IOV
 * among them (docs/findings.md). So Linux ejects once for the device and once for each VF, and each of these may hit the next device,
 * which then has to be put in again. Without VFs nothing excuses a device that does not come.
 */
static void plug_in(struct test *t)
{
	char line[64], answer[256];

	expect_zero(t, wait_ejected());
	snprintf(line, sizeof(line), "plug %s", name);
	/* It went on request: that it cannot come back is no reason to skip. */
	expect_that(t, control_request(line, answer, sizeof(answer)), "asked to %s: %s", line,
		    answer);
	for (unsigned int spare = virtual_functions;
	     spare && !becomes_present(true, DEADLINE_MS / 4); spare--) {
		(void)control_request(line, answer, sizeof(answer));
		note(t, "plugged once more: %s", answer);
	}
	wait_present(t, true);
	expect_zero(t, wait_bound(t));
	pulled = false;
}

/* Whatever happens in between, the cases after this one have the device. */
static void put_back(void *argument)
{
	char line[64], answer[256];

	if (!pulled)
		return;
	/* What a failed case had open is closed by now, so that the kernel lets go of the device. */
	(void)becomes_present(false, DEADLINE_MS);
	(void)wait_ejected();
	snprintf(line, sizeof(line), "plug %s", name);
	if (!control_request(line, answer, sizeof(answer)))
		return;
	(void)wait_bound(argument);
}

static void pull_out(struct test *t)
{
	unsigned int enabled;

	if (iommut_pci_sriov(name, &virtual_functions, &enabled))
		virtual_functions = 0;
	control_ask(t, "unplug %s", name);
	pulled = true;
}

CASE(unplugged_idle,
     .proves =
	     "a device that nobody has open goes when it is pulled out, and one that is put in its "
	     "place works, every time",
     .rule = "PCIe 6.7.1.5: removal by attention; vfio.rst: a device's group ends with it",
     .marks = LIST("exclusive"), .timeout_ms = 30000, .parameters = { BACKENDS })
{
	name = test_device_name(t, 0);
	undo_later(t, put_back, t);
	expect_usable(t, 0);
	for (int round = 0; round < 2; round++) {
		pull_out(t);
		wait_present(t, false);
		plug_in(t);
		expect_usable(t, 0);
	}
}

CASE(unplugged_open,
     .proves = "a device that is pulled out while it is mapped is asked back from its owner and "
	       "works "
	       "until it is closed; then it is gone, nothing is written any more, and one that is "
	       "put "
	       "in its place works",
     .rule = "vfio.h: VFIO_PCI_REQ_IRQ_INDEX; PCIe 6.7.1.5", .marks = LIST("exclusive"),
     .timeout_ms = 30000, .parameters = { BACKENDS, PARAMETER("dma", "idle", "running") })
{
	uint8_t *page = shared_page(t);
	struct parts *parts;
	int request;

	name = test_device_name(t, 0);
	undo_later(t, put_back, t);
	parts = parts_open(t, 0);
	expect_zero(t, parts_map(parts, page, PAGE, PARTS_IOVA));
	expect_parts_work(parts, page, PARTS_IOVA);
	request = parts_listen_for_request(parts);
	if (param_is(t, "dma", "running"))
		parts_storm(parts, PARTS_IOVA, 0x3737373737373737);
	pull_out(t);
	parts_wait_for_request(t, request);
	if (param_is(t, "dma", "running"))
		expect_storm_goes_on(t, page);
	else
		expect_parts_work(parts, page, PARTS_IOVA);
	parts_close_all(parts);
	wait_present(t, false);
	memset(page, CANARY, PAGE);
	expect_stays(t, page);
	plug_in(t);
	expect_usable(t, 0);
}

/* The slot that the device is in: the function above it, and its slot control register. */
struct slot {
	char port[32];
	uint32_t control;
	uint32_t pause_ms;
};

static void find_slot(struct test *t, struct slot *slot)
{
	char path[128], folder[PATH_MAX];
	uint8_t config[256];
	struct iommut_capability express;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s", name);
	expect(t, realpath(path, folder) != NULL);
	snprintf(slot->port, sizeof(slot->port), "%.31s", basename(dirname(folder)));
	if (iommut_pci_config_read(slot->port, 0, config, sizeof(config)) != sizeof(config) ||
	    iommut_capability_find(config, sizeof(config), PCI_CAP_ID_EXP, false, &express))
		skip(t, "the device is in no slot of its own", "a device behind a root port");
	slot->control = express.offset + PCI_EXP_SLTCTL;
	slot->pause_ms = (uint32_t)random_below(t, 40);
}

/* As if somebody had torn the device out: its slot has no power, whatever its driver is doing. */
static void cut_power(struct child *child, void *argument)
{
	const struct slot *slot = argument;
	uint16_t control;

	child_listen(child);
	(void)poll(NULL, 0, (int)slot->pause_ms);
	expect_equal(child_test(child),
		     iommut_pci_config_read(slot->port, slot->control, &control, sizeof(control)),
		     sizeof(control));
	control &= (uint16_t)~PCI_EXP_SLTCTL_PIC;
	control |= PCI_EXP_SLTCTL_PCC | PCI_EXP_SLTCTL_PWR_IND_OFF;
	expect_equal(child_test(child),
		     iommut_pci_config_write(slot->port, slot->control, &control, sizeof(control)),
		     sizeof(control));
}

/* One of each kind of call about a device and its address space. Any may fail; none may do anything else. */
static void make_calls(struct rig *rig, struct iommut_region *bar, struct dma_buffer *spare)
{
	uint8_t bytes[64] = { 0x77 };
	struct vfio_pci_dependent_device *others = NULL;
	struct engine_result result;
	enum iommut_irq_kind kind;
	struct iommut_irqs *irqs;
	uint64_t interrupts;
	uint32_t value;
	size_t count;

	(void)iommut_config_read32(rig->device, PCI_COMMAND, &value);
	(void)iommut_region_read32(bar, 0, &value);
	(void)iommut_device_bus_master(rig->device, true);
	(void)engine_write(&rig->engine, spare->iova, bytes, sizeof(bytes), &result);
	(void)engine_read(&rig->engine, spare->iova, bytes, sizeof(bytes), &result);
	if (!engine_irq_kind(&rig->engine, &kind) &&
	    !iommut_irqs_open(&irqs, rig->device, kind, 1)) {
		(void)rig->engine.driver->interrupt(&rig->engine, 0);
		(void)iommut_irqs_wait(irqs, 0, 0, &interrupts);
		iommut_irqs_close(irqs);
	}
	if (!iommut_device_hot_reset_info(rig->device, &others, &count, &value))
		free(others);
	unmap_buffer(spare);
	map_again(spare, IOMMUT_RW);
}

CASE(torn_out,
     .proves = "a device that is torn out in the middle of calls makes them fail with an error, "
	       "and nothing "
	       "else: no signal, no hang; memory stays as it is and mappings can be given back",
     .rule = "PCIe 6.7.1.6: surprise removal; iommut/device.h: iommut_device_gone()",
     .marks = LIST("exclusive"), .timeout_ms = 30000, .parameters = { BACKENDS })
{
	struct engine_result result = { .status = ENGINE_OK };
	struct dma_buffer *buffer, *spare;
	struct iommut_region *bar;
	struct child *child;
	struct slot slot;
	struct rig *rig;
	uint8_t bytes[64] = { 0x77 };
	unsigned int rounds = 0;
	uint32_t value;
	int error;

	name = test_device_name(t, 0);
	find_slot(t, &slot);
	child = child_start(t, cut_power, &slot);
	undo_later(t, put_back, t);
	rig = rig_open(t);
	need(rig, ENGINE_WRITE);
	buffer = map_buffer(rig, 4096);
	spare = map_buffer(rig, 4096);
	expect_zero(t, iommut_region_open(&bar, rig->device, VFIO_PCI_BAR0_REGION_INDEX));
	undo_later(t, (void (*)(void *))iommut_region_close, bar);
	expect_reaches(buffer);
	pull_out(t);
	child_tell(child);
	for (int64_t end = now_ms() + DEADLINE_MS; !iommut_device_gone(rig->device); rounds++) {
		expect_that(t, now_ms() < end, "the device is still there");
		make_calls(rig, bar, spare);
	}
	child_finish(child);
	note(t, "%u rounds of calls before the device was gone", rounds);

	/* Now each call about the device fails, and each about the address space does not. */
	for (int round = 0; round < 3; round++) {
		fill_canary(buffer);
		error = engine_write(&rig->engine, buffer->iova, bytes, sizeof(bytes), &result);
		expect_that(t, error || result.status != ENGINE_OK,
			    "a write of a device that is gone ends well");
		expect_canary(buffer);
		/* Not the command register: VFIO has a copy of that. */
		expect_errno(t, iommut_config_read32(rig->device, PCI_CLASS_REVISION, &value),
			     ENODEV);
		make_calls(rig, bar, spare);
	}
	unmap_buffer(buffer);
	rig_close(rig);
	wait_present(t, false);
	plug_in(t);
	expect_reaches(map_buffer(rig_open(t), 4096));
}
