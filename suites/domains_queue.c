// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a device reaches of memory that the kernel's own driver of another device in its group has unmapped: the other one is an NVMe
 * controller, whose driver maps a page of ours as long as a command lasts. The command is Compare: it only reads, memory and medium.
 */
#include <fcntl.h>
#include <glob.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/fs.h>
#include <linux/nvme_ioctl.h>

#include <iommut/testdev-registers.h>

#include "suites/domains.h"
#include "suites/samples.h"

#define DRIVER  "nvme"
#define CLASS   0x010802u
#define COMPARE 0x05

/* Of a command: status code and its type. */
#define STATUS_MASK    0x7ff
#define INVALID_OPCODE 0x001
#define NOT_EQUAL      0x285 /* Compare Failure */

/* Where the kernel's allocator begins to look for room for PCI devices (drivers/iommu/dma-iommu.c). */
#define TOP        0x100000000ull
#define CANDIDATES 4096u

#define ROUNDS      8
#define DEADLINE_MS 10000
/* A command in which much of that can be looked at. */
#define LONG_ENOUGH_NS 50000000u
/* The longest that Linux lets an entry of a flush queue wait is a second; a machine that has much to do may be late. */
#define WINDOW_MS 10000
/* So long the device goes on trying. */
#define AFTER_MS 50
#define NEVER    (-1)

#define LIFT                                                                                  \
	"a slot in which a pcie-ats-testdev and an NVMe controller with a namespace share a " \
	"group: "                                                                             \
	"lab profile intel-shared-group"

struct window {
	struct test *t;
	struct parts *parts;
	bool translated;
	int disk;
	uint32_t block;
	/* What the controller's driver maps; its first bytes are a new value for each command. */
	volatile uint64_t *page;
	uint64_t value;
	uint64_t iova;
	uint64_t known;
	unsigned int candidate;
	/* The command in flight. */
	pthread_t thread;
	bool runs;
	int status;
	atomic_bool ended;
	_Atomic uint64_t ended_ns;
};

/* The first namespace of a controller that has its driver, opened for this process alone; -EBUSY if one of them is in use, -ENOENT if there is none. */
static int open_namespace(const char *controller)
{
	char pattern[96], node[32];
	unsigned int number, id;
	int fd = -ENOENT;
	glob_t found;

	snprintf(pattern, sizeof(pattern), "/sys/bus/pci/devices/%s/nvme/nvme*/nvme*n*",
		 controller);
	if (glob(pattern, 0, NULL, &found) != 0)
		return -ENOENT;
	for (size_t i = 0; i < found.gl_pathc; i++) {
		char more;
		int another;

		if (sscanf(strrchr(found.gl_pathv[i], '/') + 1, "nvme%un%u%c", &number, &id,
			   &more) != 2)
			continue;
		snprintf(node, sizeof(node), "/dev/nvme%un%u", number, id);
		another = open(node, O_RDONLY | O_EXCL | O_CLOEXEC);
		if (another < 0 && errno == EBUSY) {
			if (fd >= 0)
				close(fd);
			fd = -EBUSY;
			break;
		}
		if (fd < 0)
			fd = another < 0 ? -errno : another;
		else if (another >= 0)
			close(another);
	}
	globfree(&found);
	return fd;
}

/* The NVMe controller that shares the group of the case's device, and that nobody uses. */
static void find_controller(struct test *t, char *name, size_t size)
{
	struct iommut_pci_device pci, *members;
	size_t count;
	int fd;

	parts_need(t, 0, &pci);
	expect_zero(t, iommut_pci_group(pci.iommu_group, &members, &count));
	*name = '\0';
	for (size_t i = 0; i < count; i++)
		if (members[i].class_code == CLASS)
			snprintf(name, size, "%s", members[i].name);
	free(members);
	if (!*name)
		skip(t, "no NVMe controller is in the group of the device", LIFT);
	fd = open_namespace(name);
	if (fd == -EBUSY)
		skipf(t, LIFT, "the namespaces of %s are in use", name);
	if (fd >= 0)
		close(fd);
}

static void start_driver(struct window *window, const char *controller)
{
	struct test *t = window->t;
	int error = iommut_pci_bind(controller, DRIVER, NULL);

	if (error == -ENOENT)
		skip(t, "the kernel has no driver " DRIVER, "CONFIG_BLK_DEV_NVME");
	expect_zero(t, error);
	for (int64_t end = now_ms() + DEADLINE_MS; (window->disk = open_namespace(controller)) < 0;
	     sched_yield())
		if (now_ms() > end)
			skipf(t, LIFT, "%s has no namespace: %s", controller,
			      strerror(-window->disk));
	close_later(t, window->disk);
	expect_zero(t, ioctl(window->disk, BLKSSZGET, &window->block));
	if (window->block > PAGE)
		skipf(t, "a namespace with blocks of a page at most", "its blocks have %u bytes",
		      window->block);
}

static void *compare(void *argument)
{
	struct window *window = argument;
	struct nvme_passthru_cmd command = {
		.opcode = COMPARE,
		.addr = (uintptr_t)window->page,
		.data_len = PAGE,
		.cdw12 = (uint32_t)PAGE / window->block - 1,
	};
	int id = ioctl(window->disk, NVME_IOCTL_ID);

	command.nsid = (uint32_t)id;
	window->status = ioctl(window->disk, NVME_IOCTL_IO_CMD, &command);
	if (window->status < 0)
		window->status = -errno;
	window->ended_ns = now_ns();
	window->ended = true;
	return NULL;
}

static void join(void *argument)
{
	struct window *window = argument;

	if (window->runs)
		pthread_join(window->thread, NULL);
	window->runs = false;
}

static void start_command(struct window *window)
{
	int error;

	window->value = random64(window->t) | 1;
	*window->page = window->value;
	window->ended = false;
	error = pthread_create(&window->thread, NULL, compare, window);
	expect_that(window->t, error == 0, "pthread_create: %s", strerror(error));
	window->runs = true;
}

/* Memory and medium were compared, with whatever outcome: so the controller could read the page. */
static void end_command(struct window *window)
{
	int status;

	join(window);
	status = window->status & STATUS_MASK;
	if (window->status < 0)
		fail(window->t, "NVME_IOCTL_IO_CMD: %s", strerror(-window->status));
	if (status == INVALID_OPCODE)
		skip(window->t, "the controller does not compare", "one that does");
	expect_that(window->t, !status || status == NOT_EQUAL, "Compare ended with status 0x%x",
		    (unsigned int)status);
}

/* Whether the device gets what the page holds from where it aims. */
static bool reached(struct window *window)
{
	uint64_t value;

	(void)parts_read(window->parts, &value);
	return value == window->value;
}

/* Looks for the page: by turns where it was the last time, which is likely, and at the next place. */
static bool next_reached(struct window *window, unsigned int turn)
{
	if (window->known && turn % 2 == 0) {
		window->iova = window->known;
	} else {
		window->candidate = window->candidate % CANDIDATES + 1;
		window->iova = TOP - window->candidate * PAGE;
	}
	parts_aim(window->parts, window->iova, window->translated);
	return reached(window);
}

/* Whether the kernel was told to begin elsewhere than below 4 GiB. */
static bool begins_elsewhere(void)
{
	char line[4096] = "";
	FILE *file = fopen("/proc/cmdline", "re");

	if (!file)
		return false;
	(void)fgets(line, sizeof(line), file);
	fclose(file);
	return strstr(line, "iommu.forcedac");
}

/* A command is in flight, and it is known where its page is mapped: the device has read it from there. */
static void start_and_find(struct window *window)
{
	uint64_t started = 0, took;

	for (int64_t end = now_ms() + DEADLINE_MS; now_ms() < end; end_command(window)) {
		started = now_ns();
		start_command(window);
		for (unsigned int turn = 0; !window->ended; turn++)
			if (next_reached(window, turn)) {
				window->known = window->iova;
				return;
			}
	}
	took = window->ended_ns - started;
	if (took < LONG_ENOUGH_NS)
		skipf(window->t, "a medium that takes 100 ms",
		      "the controller's driver maps memory for %llu ns only, too short to look for "
		      "it",
		      (unsigned long long)took);
	if (begins_elsewhere())
		skip(window->t, "the case does not know where the kernel begins to give IOVAs",
		     "a kernel without iommu.forcedac on its command line");
	fail(window->t,
	     "the device does not find the page that the controller's driver has mapped");
}

/*
 * Reads as long as something is there, and on. How long the device reached the page after it was unmapped, in nanoseconds; NEVER if it did
 * not. It must not be so for longer than a bound.
 */
static int64_t watch(struct window *window, int64_t bound_ms)
{
	int64_t lasted = NEVER, late = INT64_MAX, end = INT64_MAX;

	for (int64_t now = 0; now < end;) {
		bool ended = window->ended;
		uint64_t at = now_ns();

		now = now_ms();
		if (ended && late == INT64_MAX)
			late = now + bound_ms;
		if (reached(window)) {
			expect_that(window->t, end == INT64_MAX,
				    "the device reaches the page again");
			lasted = ended ? (int64_t)(at - window->ended_ns) : lasted;
			expect_that(window->t, now < late,
				    "the device reaches memory that was unmapped %lld ns ago",
				    (long long)lasted);
		} else if (ended && end == INT64_MAX) {
			end = now + AFTER_MS;
		}
	}
	return lasted;
}

CASE(flush_queue,
     .proves =
	     "once the kernel's driver has unmapped memory, another device of its group does not "
	     "reach it: at no time in a group of type DMA, and not for long in one of type DMA-FQ",
     .rule = "kernel-parameters.txt: iommu.strict; " RULE_TYPE, .marks = LIST("exclusive"),
     .timeout_ms = 60000,
     .parameters = { PARAMETER("type", "DMA", "DMA-FQ"),
		     PARAMETER("requests", "untranslated", "translated") })
{
	/* Needed after the case has returned. */
	static struct window window;
	static struct samples lasting = { .what = "window" };
	const int64_t bound_ms = param_is(t, "type", "DMA") ? 0 : WINDOW_MS;
	struct group_keeper *keeper;
	char controller[32];

	window.t = t;
	window.translated = param_is(t, "requests", "translated");
	find_controller(t, controller, sizeof(controller));
	keeper = keep_group(t, controller);
	change_type(t, keeper, param(t, "type"));
	start_driver(&window, controller);
	window.parts = parts_open_driverless(t, 0);
	if (window.translated && !(window.parts->registers[TESTDEV_PRI_ENABLED / 4] & 1))
		skip(t, "the kernel has not turned ATS on in the device",
		     "an IOMMU with device TLB support: device-iotlb=on with intel-iommu");
	window.page = (uint64_t *)shared_page(t);
	undo_later(t, join, &window);
	provokes_faults(t, &(struct provocation){ .device = test_device_name(t, 0),
						  .access = PROVOKED_READ,
						  .first = TOP - CANDIDATES * PAGE,
						  .last = TOP - 1,
						  .pasid = ANY_PASID });
	for (int round = 0; round < ROUNDS; round++) {
		int64_t lasted;

		start_and_find(&window);
		lasted = watch(&window, bound_ms);
		end_command(&window);
		if (lasted != NEVER)
			lasting.ns[lasting.count++] = (uint64_t)lasted;
	}
	note(t, "in %zu of %d rounds the device reached a page after it was unmapped",
	     lasting.count, ROUNDS);
	if (lasting.count)
		tell_samples(t, &lasting);
}
