// SPDX-License-Identifier: GPL-2.0-or-later
/* Devices that are taken away: from their driver, from the kernel, from the machine; while nobody has them, and while they do DMA. */
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include <linux/vfio.h>

#include <iommut/irq.h>
#include <iommut/pci.h>

#include "engines/testdev.h"
#include "suites/child.h"
#include "suites/parts.h"

#define DRIVER      "vfio-pci"
#define DEADLINE_MS 5000

/* What the case has to leave behind: the device there, with its driver and the way in which it was reset. */
struct keeper {
	const char *name;
	char reset_methods[128];
};

/* Not a case's own: it is needed after the case has returned. */
static struct keeper keeper;

static void put_back(void *argument)
{
	struct iommut_pci_device pci;

	if (iommut_pci_get(keeper.name, &pci) != 0)
		(void)iommut_pci_rescan();
	(void)iommut_pci_bind(keeper.name, DRIVER, NULL);
	if (*keeper.reset_methods)
		(void)iommut_pci_set_reset_methods(keeper.name, keeper.reset_methods);
}

/* To be called first: it is undone last, when the device is closed. */
static void keep_device(struct test *t)
{
	keeper.name = test_device_name(t, 0);
	if (iommut_pci_reset_methods(keeper.name, keeper.reset_methods,
				     sizeof(keeper.reset_methods)) != 0)
		*keeper.reset_methods = '\0';
	undo_later(t, put_back, NULL);
}

static bool present(const char *name)
{
	struct iommut_pci_device pci;

	return iommut_pci_get(name, &pci) == 0;
}

/* Waits until a device is there, or gone. */
static void wait_present(struct test *t, const char *name, bool wanted)
{
	for (int64_t end = now_ms() + DEADLINE_MS; present(name) != wanted;) {
		expect_that(t, now_ms() < end, "%s is still %s after %d ms", name,
			    wanted ? "missing" : "there", DEADLINE_MS);
		(void)poll(NULL, 0, 5);
	}
}

static void bring_back(struct test *t)
{
	if (!present(keeper.name))
		expect_zero(t, iommut_pci_rescan());
	wait_present(t, keeper.name, true);
	expect_zero(t, iommut_pci_bind(keeper.name, DRIVER, NULL));
	if (*keeper.reset_methods)
		(void)iommut_pci_set_reset_methods(keeper.name, keeper.reset_methods);
}

CASE(rebound,
     .proves = "a device taken from its driver is gone from VFIO, and given back it works, every "
	       "time",
     .rule = "vfio.rst: a group's devices are bound to a VFIO driver; ABI sysfs-bus-pci: unbind",
     .marks = LIST("smoke"), .parameters = { BACKENDS })
{
	keep_device(t);
	expect_usable(t, 0);
	for (int round = 0; round < 3; round++) {
		struct iommut_device *device = NULL;
		struct iommut_space *space;
		struct iommut_pci_device pci;
		int error;

		expect_zero(t, iommut_pci_unbind(keeper.name));
		expect_zero(t, iommut_pci_get(keeper.name, &pci));
		expect(t, pci.driver[0] == '\0');
		space = rig_open_space(t);
		error = iommut_device_open(&device, space, keeper.name);
		iommut_device_close(device);
		expect_that(t, error < 0, "it was opened without a driver");
		bring_back(t);
	}
	expect_usable(t, 0);
}

CASE(removed_and_found,
     .proves = "a device that the kernel forgot is found again by a scan of the bus, in an IOMMU "
	       "group of its own, and works",
     .rule = "ABI sysfs-bus-pci: remove, rescan", .marks = LIST("exclusive"),
     .parameters = { BACKENDS })
{
	keep_device(t);
	expect_usable(t, 0);
	for (int round = 0; round < 2; round++) {
		struct iommut_pci_device pci;

		expect_zero(t, iommut_pci_remove(keeper.name));
		expect(t, !present(keeper.name));
		bring_back(t);
		expect_zero(t, iommut_pci_get(keeper.name, &pci));
		expect(t, pci.iommu_group >= 0);
		expect_usable(t, 0);
	}
}

CASE(scan_while_open, .proves = "scans of the bus do not disturb a device that does DMA",
     .rule = "ABI sysfs-bus-pci: rescan", .marks = LIST("exclusive"), .parameters = { BACKENDS })
{
	uint8_t *page = shared_page(t);
	struct parts *parts = parts_open(t, 0);
	const uint64_t one = 1;

	expect_zero(t, parts_map(parts, page, PAGE, PARTS_IOVA));
	expect_parts_work(parts, page, PARTS_IOVA);
	parts_storm(parts, PARTS_IOVA, one);
	for (int round = 0; round < 3; round++) {
		expect_zero(t, iommut_pci_rescan());
		expect_storm_goes_on(t, page);
		expect_bytes(t, page + PAGE - sizeof(one), &one, sizeof(one));
	}
}

/* Takes the device away as soon as it is told to. The kernel lets it wait until the device is closed. */
struct taker {
	const char *name;
	bool remove;
};

static void take_away(struct child *child, void *argument)
{
	struct taker *taker = argument;

	child_listen(child);
	expect_zero(child_test(child), taker->remove ? iommut_pci_remove(taker->name)
						     : iommut_pci_unbind(taker->name));
	child_say(child);
}

CASE(asked_back,
     .proves =
	     "taking a device from its driver or the kernel while it is open asks its owner for it "
	     "and waits; it works until it is closed, then it is gone, and nothing is written any "
	     "more",
     .rule = "vfio.h: VFIO_PCI_REQ_IRQ_INDEX", .marks = LIST("exclusive"),
     .parameters = { BACKENDS, PARAMETER("by", "unbind", "remove"),
		     PARAMETER("dma", "idle", "running") })
{
	struct taker taker = { .name = test_device_name(t, 0),
			       .remove = param_is(t, "by", "remove") };
	uint8_t *page = shared_page(t);
	struct iommut_pci_device pci;
	struct child *child;
	struct parts *parts;
	int request;

	keep_device(t);
	child = child_start(t, take_away, &taker);
	parts = parts_open(t, 0);
	expect_zero(t, parts_map(parts, page, PAGE, PARTS_IOVA));
	expect_parts_work(parts, page, PARTS_IOVA);
	request = parts_listen_for_request(parts);
	if (param_is(t, "dma", "running"))
		parts_storm(parts, PARTS_IOVA, 0x3737373737373737);
	child_tell(child);
	parts_wait_for_request(t, request);
	expect_zero(t, iommut_pci_get(taker.name, &pci));
	if (param_is(t, "dma", "running"))
		expect_storm_goes_on(t, page);
	else
		expect_parts_work(parts, page, PARTS_IOVA);
	parts_close_all(parts);
	child_await(child);
	child_finish(child);
	memset(page, CANARY, PAGE);
	expect_stays(t, page);
	if (taker.remove)
		expect(t, !present(taker.name));
	bring_back(t);
	expect_usable(t, 0);
}

static void own_until_asked(struct child *child, void *argument)
{
	struct test *t = child_test(child);
	struct rig *rig = rig_open(t);
	struct iommut_irqs *request;

	expect_zero(t, iommut_irqs_open(&request, rig->device, IOMMUT_IRQ_REQUEST, 1));
	child_say(child);
	expect_zero(t, iommut_irqs_wait(request, 0, DEADLINE_MS, NULL));
	child_say(child);
	child_stay(child);
}

CASE(owner_killed_when_asked,
     .proves = "a device that is being taken away is let go when its owner is killed instead of "
	       "closing it",
     .rule = "vfio.h: VFIO_PCI_REQ_IRQ_INDEX; vfio.rst: closing the last file descriptor",
     .parameters = { BACKENDS })
{
	struct taker taker = { .name = test_device_name(t, 0) };
	struct child *child, *owner;

	keep_device(t);
	expect_usable(t, 0);
	child = child_start(t, take_away, &taker);
	owner = child_start(t, own_until_asked, NULL);
	child_await(owner);
	child_tell(child);
	child_await(owner);
	child_kill(owner);
	child_await(child);
	child_finish(child);
	bring_back(t);
	expect_usable(t, 0);
}

CASE(request_heard,
     .proves = "VFIO signals the eventfd for requests, and the one for errors, when told to",
     .rule = "vfio.h: VFIO_PCI_REQ_IRQ_INDEX, VFIO_PCI_ERR_IRQ_INDEX: loopback testing",
     .parameters = { BACKENDS, PARAMETER("index", "request", "error") })
{
	struct rig *rig = rig_open(t);
	enum iommut_irq_kind kind =
		param_is(t, "index", "request") ? IOMMUT_IRQ_REQUEST : IOMMUT_IRQ_ERROR;
	struct iommut_irqs *irqs;
	uint32_t available;
	uint64_t count;

	expect_zero(t, iommut_irq_count(rig->device, kind, &available, NULL));
	expect_equal(t, available, 1);
	expect_zero(t, iommut_irqs_open(&irqs, rig->device, kind, 1));
	undo_later(t, (void (*)(void *))iommut_irqs_close, irqs);
	expect_errno(t, iommut_irqs_wait(irqs, 0, 0, &count), ETIMEDOUT);
	for (int round = 0; round < 3; round++) {
		expect_zero(t, iommut_irqs_trigger(irqs, 0, 1));
		expect_zero(t, iommut_irqs_wait(irqs, 0, DEADLINE_MS, &count));
		expect_equal(t, count, 1);
	}
}
