// SPDX-License-Identifier: GPL-2.0-or-later
/* Devices pulled out of the machine and put back, with the lab's help. */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <linux/vfio.h>

#include <iommut/pci.h>

#include "suites/control.h"
#include "suites/parts.h"

#define DRIVER      "vfio-pci"
#define DEADLINE_MS 8000

/* Not a case's own: it is needed after the case has returned. */
static const char *name;

static bool present(void)
{
	struct iommut_pci_device pci;

	return iommut_pci_get(name, &pci) == 0;
}

static void wait_present(struct test *t, bool wanted)
{
	for (int64_t end = now_ms() + DEADLINE_MS; present() != wanted;) {
		expect_that(t, now_ms() < end, "%s is still %s after %d ms", name,
			    wanted ? "missing" : "there", DEADLINE_MS);
		(void)poll(NULL, 0, 5);
	}
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

static void plug_in(struct test *t)
{
	control_ask(t, "plug %s", name);
	wait_present(t, true);
	expect_zero(t, wait_bound(t));
}

/* Whatever happens in between, the cases after this one have the device. */
static void put_back(void *argument)
{
	char line[64], answer[256];

	if (present())
		return;
	snprintf(line, sizeof(line), "plug %s", name);
	if (!control_request(line, answer, sizeof(answer)))
		return;
	(void)wait_bound(argument);
}

static void pull_out(struct test *t)
{
	control_ask(t, "unplug %s", name);
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
	struct pollfd wait = { .events = POLLIN };
	struct parts *parts;
	int32_t request;

	name = test_device_name(t, 0);
	undo_later(t, put_back, t);
	parts = parts_open(t, 0);
	expect_zero(t, parts_map(parts, page, PAGE, PARTS_IOVA));
	expect_parts_work(parts, page, PARTS_IOVA);
	request = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	expect_that(t, request >= 0, "eventfd: %s", strerror(errno));
	expect_zero(t, iommut_vfio_set_irqs(parts->device,
					    VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
					    VFIO_PCI_REQ_IRQ_INDEX, 0, 1, &request));
	if (param_is(t, "dma", "running"))
		parts_storm(parts, PARTS_IOVA, 0x3737373737373737);
	pull_out(t);
	wait.fd = request;
	expect_that(t, poll(&wait, 1, DEADLINE_MS) == 1, "nobody asked for the device in %d ms",
		    DEADLINE_MS);
	close(request);
	if (param_is(t, "dma", "running")) {
		memset(page, CANARY, PAGE);
		for (int64_t end = now_ms() + 2000; page[PAGE - 1] == CANARY;) {
			expect_that(t, now_ms() < end, "the device stands still");
			__sync_synchronize();
		}
	} else {
		expect_parts_work(parts, page, PARTS_IOVA);
	}
	parts_close_all(parts);
	wait_present(t, false);
	memset(page, CANARY, PAGE);
	expect_stays(t, page);
	plug_in(t);
	expect_usable(t, 0);
}
