// SPDX-License-Identifier: GPL-2.0-or-later
/* What has to be listened to: tracepoints, device events, page faults and events of virtual IOMMUs, when it comes and when it fails. */
#include <errno.h>
#include <glib.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <iommut/fault_queue.h>
#include <iommut/hwpt.h>
#include <iommut/iommufd.h>
#include <iommut/viommu.h>

#include "lib/side_channels.h"
#include "lib/space.h"
#include "tests/lib/fake_kernel.h"

#define TRACING "/sys/kernel/tracing/"

struct fixture {
	char *root;
	struct fake_kernel kernel;
};

static void set_up(struct fixture *fixture, gconstpointer data)
{
	fixture->root = fake_sysfs_new();
	fake_kernel_init(&fixture->kernel, fixture->root);
}

static void tear_down(struct fixture *fixture, gconstpointer data)
{
	fake_kernel_assert_clean(&fixture->kernel);
	g_assert_cmpint(fixture->kernel.instances, ==, 0);
	fake_sysfs_free(fixture->root);
}

static void add_instance_files(struct fixture *fixture, const char *folder, const char *pipe)
{
	g_autofree char *event = g_strconcat(folder, "/events/iommu/map/enable", NULL);
	g_autofree char *trace = g_strconcat(folder, "/trace_pipe", NULL);

	fake_sysfs_write(fixture->root, event, "");
	fake_sysfs_write(fixture->root, trace, pipe);
}

/* The library's mkdir() puts the files there too. */
static struct fixture *filling;
static const char *filled_pipe;
static int (*plain_mkdir)(const struct iommut_syscalls *sys, const char *path, mode_t mode);

static int filling_mkdir(const struct iommut_syscalls *sys, const char *path, mode_t mode)
{
	int ret = plain_mkdir(sys, path, mode);

	if (!ret)
		add_instance_files(filling, path, filled_pipe);
	return ret;
}

static int never_ready(const struct iommut_syscalls *sys, struct pollfd *fds, nfds_t count,
		       int timeout_ms)
{
	return 0;
}

static int always_ready(const struct iommut_syscalls *sys, struct pollfd *fds, nfds_t count,
			int timeout_ms)
{
	fds[0].revents = POLLIN;
	return 1;
}

static void test_trace(struct fixture *fixture, gconstpointer data)
{
	const struct iommut_syscalls *sys = &fixture->kernel.sys;
	static const char *const events[] = { "iommu:map", NULL };
	static const char *const unknown[] = { "iommu:map", "iommu:nothing", NULL };
	static const char *const malformed[] = { "iommu", NULL };
	g_autofree char *word = g_strnfill(300, 'e');
	g_autofree char *event = g_strconcat(word, ":", word, NULL);
	const char *const long_name[] = { event, NULL };
	g_autofree char *lengthy = g_strnfill(5000, 'x');
	g_autofree char *pipe = g_strconcat("one line\nanother\n", lengthy, "\nlast", NULL);
	struct iommut_trace *trace;
	char line[64];
	unsigned int calls;

	g_assert_cmpint(trace_open_on(sys, &trace, events), ==, -EOPNOTSUPP);
	fake_sysfs_write(fixture->root, TRACING "instances/.keep", "");
	filling = fixture;
	filled_pipe = pipe;
	plain_mkdir = sys->mkdir;
	fixture->kernel.sys.mkdir = filling_mkdir;
	g_assert_cmpint(trace_open_on(sys, &trace, malformed), ==, -EINVAL);
	g_assert_cmpint(trace_open_on(sys, &trace, unknown), ==, -ENOENT);
	g_assert_cmpint(trace_open_on(sys, &trace, long_name), ==, -ENAMETOOLONG);
	/* The folders of those are still there, so that names go on. */
	g_assert_cmpint(trace_open_on(sys, &trace, events), ==, 0);
	fixture->kernel.sys.poll = never_ready;
	g_assert_cmpint(iommut_trace_read(trace, line, sizeof(line), 0), ==, 0);
	g_assert_cmpstr(line, ==, "one line");
	g_assert_cmpint(iommut_trace_read(trace, line, sizeof(line), 0), ==, 0);
	g_assert_cmpstr(line, ==, "another");
	/* A line longer than anything is cut, in pieces of what is kept. */
	g_assert_cmpint(iommut_trace_read(trace, line, sizeof(line), 0), ==, 0);
	g_assert_cmpuint(strlen(line), ==, sizeof(line) - 1);
	g_assert_cmpint(iommut_trace_read(trace, line, sizeof(line), 0), ==, 0);
	/* Half a line is none, whether there is nothing more or only said to be. */
	g_assert_cmpint(iommut_trace_read(trace, line, sizeof(line), 0), ==, -ETIMEDOUT);
	fixture->kernel.sys.poll = always_ready;
	g_assert_cmpint(iommut_trace_read(trace, line, sizeof(line), 1000), ==, -ETIMEDOUT);
	fixture->kernel.fail_at = fixture->kernel.calls + 1;
	g_assert_cmpint(iommut_trace_read(trace, line, sizeof(line), 0), ==, -EIO);
	iommut_trace_close(trace);
	iommut_trace_close(NULL);

	fixture->kernel.fail_at = 0;
	calls = fixture->kernel.calls;
	g_assert_cmpint(trace_open_on(sys, &trace, events), ==, 0);
	calls = fixture->kernel.calls - calls;
	iommut_trace_close(trace);
	for (unsigned int i = 1; i <= calls; i++) {
		fixture->kernel.fail_at = fixture->kernel.calls + i;
		/* A failing close is nobody's concern. */
		if (trace_open_on(sys, &trace, events) == 0)
			iommut_trace_close(trace);
		fixture->kernel.fail_at = 0;
	}
}

static void tell(struct fixture *fixture, struct iommut_uevents *uevents, const char *message,
		 size_t length)
{
	struct fake_fd *file = fake_kernel_fd(&fixture->kernel, iommut_uevents_fd(uevents));

	g_assert_cmpuint(length, <=, sizeof(file->queue));
	memcpy(file->queue, message, length);
	file->queued = length;
}

static void test_uevents(struct fixture *fixture, gconstpointer data)
{
	static const char add[] = "add@/devices/pci0000:00/0000:00:05.0\0ACTION=add\0"
				  "DEVPATH=/devices/pci0000:00/0000:00:05.0\0SUBSYSTEM=pci\0"
				  "PCI_SLOT_NAME=0000:00:05.0";
	const struct iommut_syscalls *sys = &fixture->kernel.sys;
	struct iommut_uevents *uevents;
	struct iommut_uevent event;

	for (unsigned int i = 1; i <= 3; i++) {
		fixture->kernel.fail_at = fixture->kernel.calls + i;
		fixture->kernel.fail_with = -EAFNOSUPPORT;
		g_assert_cmpint(uevents_open_on(sys, &uevents), ==,
				i == 1   ? -ENOMEM
				: i == 2 ? -EOPNOTSUPP
					 : -EAFNOSUPPORT);
	}
	fixture->kernel.fail_at = 0;
	g_assert_cmpint(uevents_open_on(sys, &uevents), ==, 0);
	g_assert_cmpint(iommut_uevents_read(uevents, &event, 0), ==, -ETIMEDOUT);
	g_assert_cmpint(iommut_uevents_wait(uevents, FAKE_BDF, "add", 0), ==, -ETIMEDOUT);
	tell(fixture, uevents, add, sizeof(add));
	g_assert_cmpint(iommut_uevents_read(uevents, &event, 0), ==, 0);
	g_assert_cmpstr(event.name, ==, FAKE_BDF);
	tell(fixture, uevents, add, sizeof(add));
	g_assert_cmpint(iommut_uevents_wait(uevents, FAKE_BDF, "add", 0), ==, 0);
	/* Of another device, of another kind, and one that cannot be understood: they are passed over. */
	tell(fixture, uevents, add, sizeof(add));
	g_assert_cmpint(iommut_uevents_wait(uevents, "0000:00:06.0", "add", 0), ==, -ETIMEDOUT);
	tell(fixture, uevents, add, sizeof(add));
	g_assert_cmpint(iommut_uevents_wait(uevents, FAKE_BDF, "remove", 0), ==, -ETIMEDOUT);
	tell(fixture, uevents, "rubbish", 8);
	g_assert_cmpint(iommut_uevents_wait(uevents, FAKE_BDF, "add", 0), ==, -ETIMEDOUT);
	/* Another process is not believed. */
	fixture->kernel.sender = 77;
	tell(fixture, uevents, add, sizeof(add));
	g_assert_cmpint(iommut_uevents_read(uevents, &event, 0), ==, -EBADMSG);
	fixture->kernel.sender = 0;
	/* Lost events, and a wait that somebody else's read made vain. */
	tell(fixture, uevents, add, sizeof(add));
	fixture->kernel.fail_at = fixture->kernel.calls + 2;
	fixture->kernel.fail_with = -ENOBUFS;
	g_assert_cmpint(iommut_uevents_wait(uevents, FAKE_BDF, "add", 0), ==, -ENOBUFS);
	fixture->kernel.sys.poll = always_ready;
	fixture->kernel.fail_at = 0;
	tell(fixture, uevents, add, 0);
	g_assert_cmpint(iommut_uevents_read(uevents, &event, 0), ==, -ETIMEDOUT);
	iommut_uevents_close(uevents);
	iommut_uevents_close(NULL);
}

/* The reads of queues that somebody else empties, or that fail. */
static void test_queues(struct fixture *fixture, gconstpointer data)
{
	struct iommut_space_options options = { .backend = IOMMUT_IOMMUFD };
	const struct iommut_syscalls *sys = &fixture->kernel.sys;
	struct iommufd_vevent_header header = { .sequence = 5 };
	struct iommut_fault_queue *queue;
	struct iommu_hwpt_pgfault fault;
	struct iommut_veventq *events;
	struct iommut_viommu *viommu, *none;
	struct iommut_device *device;
	struct iommut_space *space, *other;
	struct iommut_vdevice *vdevice;
	struct iommut_vevent event;
	struct iommut_hwpt *hwpt;
	struct fake_fd *file;
	void *page;
	size_t count = 1;

	g_assert_cmpint(space_open_on(sys, &space, &options), ==, 0);
	g_assert_cmpint(iommut_device_open(&device, space, FAKE_BDF), ==, 0);
	g_assert_cmpint(iommut_fault_queue_open(&queue, space), ==, 0);
	g_assert_cmpuint(iommut_fault_queue_id(queue), >, 0);
	fixture->kernel.sys.poll = always_ready;
	g_assert_cmpint(iommut_fault_queue_read(queue, &fault, &count, 0), ==, -ETIMEDOUT);
	count = 1;
	fixture->kernel.fail_at = fixture->kernel.calls + 1;
	fixture->kernel.fail_with = -EAGAIN;
	g_assert_cmpint(iommut_fault_queue_read(queue, &fault, &count, 0), ==, -ETIMEDOUT);
	count = 1;
	fixture->kernel.fail_at = fixture->kernel.calls + 1;
	fixture->kernel.fail_with = -EIO;
	g_assert_cmpint(iommut_fault_queue_read(queue, &fault, &count, 0), ==, -EIO);
	fixture->kernel.fail_at = fixture->kernel.calls + 1;
	g_assert_cmpint(iommut_fault_queue_respond(queue, 1, 0), ==, -EIO);
	fixture->kernel.fail_at = 0;

	g_assert_cmpint(iommut_hwpt_open(&hwpt, device, space, IOMMU_HWPT_ALLOC_NEST_PARENT, NULL),
			==, 0);
	g_assert_cmpint(iommut_viommu_open(&viommu, device, hwpt, IOMMU_VIOMMU_TYPE_TEGRA241_CMDQV,
					   NULL, 0),
			==, 0);
	g_assert_cmpuint(iommut_viommu_id(viommu), >, 0);
	g_assert_cmpint(iommut_viommu_map(viommu, 0x1000, 4096, &page), ==, 0);
	g_assert_cmpint(munmap(page, 4096), ==, 0);
	g_assert_cmpint(iommut_vdevice_open(&vdevice, viommu, device, 7), ==, 0);
	g_assert_cmpuint(iommut_vdevice_id(vdevice), >, 0);
	iommut_vdevice_close(vdevice);
	g_assert_cmpint(iommut_veventq_open(&events, viommu, IOMMU_VEVENTQ_TYPE_TEGRA241_CMDQV, 4),
			==, 0);
	file = fake_kernel_fd(&fixture->kernel, iommut_veventq_handle(events).fd);
	memcpy(file->queue, &header, sizeof(header));
	memset(file->queue + sizeof(header), 0x5a, sizeof(struct iommu_vevent_tegra241_cmdqv));
	file->queued = sizeof(header) + sizeof(struct iommu_vevent_tegra241_cmdqv);
	g_assert_cmpint(iommut_veventq_read(events, &event, 0), ==, 0);
	g_assert_cmpuint(event.length, ==, sizeof(struct iommu_vevent_tegra241_cmdqv));
	fixture->kernel.fail_at = fixture->kernel.calls + 1;
	fixture->kernel.fail_with = -EAGAIN;
	g_assert_cmpint(iommut_veventq_read(events, &event, 0), ==, -ETIMEDOUT);
	fixture->kernel.fail_at = fixture->kernel.calls + 1;
	fixture->kernel.fail_with = -ENODEV;
	g_assert_cmpint(iommut_veventq_read(events, &event, 0), ==, -ENODEV);
	fixture->kernel.fail_at = 0;
	iommut_veventq_close(events);
	/* A type of which only the header is known. */
	g_assert_cmpint(iommut_veventq_open(&events, viommu, 99, 4), ==, 0);
	file = fake_kernel_fd(&fixture->kernel, iommut_veventq_handle(events).fd);
	memcpy(file->queue, &header, sizeof(header));
	file->queued = sizeof(header);
	g_assert_cmpint(iommut_veventq_read(events, &event, 0), ==, 0);
	g_assert_cmpuint(event.length, ==, 0);
	iommut_veventq_close(events);

	/* A device of another file cannot back it. */
	g_assert_cmpint(space_open_on(sys, &other, &options), ==, 0);
	iommut_device_close(device);
	g_assert_cmpint(iommut_device_open(&device, other, FAKE_BDF), ==, 0);
	g_assert_cmpint(iommut_viommu_open(&none, device, hwpt, 1, NULL, 0), ==, -EINVAL);
	iommut_viommu_close(viommu);
	g_assert_cmpint(iommut_hwpt_close(hwpt), ==, 0);
	iommut_fault_queue_close(queue);
	iommut_device_close(device);
	iommut_space_close(other);
	iommut_space_close(space);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
#define ADD(name, function) \
	g_test_add("/events/" name, struct fixture, NULL, set_up, function, tear_down)
	ADD("trace", test_trace);
	ADD("uevents", test_uevents);
	ADD("queues", test_queues);
	return g_test_run();
}
