// SPDX-License-Identifier: GPL-2.0-or-later
/* Answers that no good kernel gives, and failures of calls that hardly ever fail. */
#include <errno.h>
#include <glib.h>
#include <stdlib.h>
#include <string.h>

#include <linux/vfio.h>

#include <iommut/accounting.h>
#include <iommut/config.h>
#include <iommut/device.h>
#include <iommut/fault.h>
#include <iommut/feature.h>
#include <iommut/hwpt.h>
#include <iommut/irq.h>
#include <iommut/memory.h>
#include <iommut/region.h>
#include <iommut/vfio.h>

#include "lib/kmsg.h"
#include "lib/memory.h"
#include "lib/pci.h"
#include "lib/side_channels.h"
#include "lib/space.h"
#include "tests/lib/fake_kernel.h"

#define OTHER_BDF "0000:00:06.0"

struct fixture {
	char *root;
	struct fake_kernel kernel;
	struct iommut_space *space;
	struct iommut_device *device;
};

/* What one ioctl answers in place of the fake kernel, if its number is not 0. */
static struct {
	unsigned long request;
	int (*honest)(const struct iommut_syscalls *sys, int fd, unsigned long request,
		      void *argument);
	uint8_t bytes[256];
	uint32_t length;
	int status;
} answer;

static int other_ioctl(const struct iommut_syscalls *sys, int fd, unsigned long request,
		       void *argument)
{
	uint32_t room;

	/* The fake kernel has one function; here another may have its name. */
	if (request == VFIO_GROUP_GET_DEVICE_FD && !strcmp(argument, OTHER_BDF))
		return answer.honest(sys, fd, request, (void *)FAKE_BDF);
	if (request != answer.request)
		return answer.honest(sys, fd, request, argument);
	memcpy(&room, argument, sizeof(room));
	memcpy(argument, answer.bytes, MIN(room, answer.length));
	return answer.status;
}

static void open_on(struct fixture *fixture, enum iommut_backend backend)
{
	struct iommut_space_options options = { .backend = backend };

	fixture->root = fake_sysfs_new();
	fake_kernel_init(&fixture->kernel, fixture->root);
	memset(&answer, 0, sizeof(answer));
	answer.honest = fixture->kernel.sys.ioctl;
	fixture->kernel.sys.ioctl = other_ioctl;
	g_assert_cmpint(space_open_on(&fixture->kernel.sys, &fixture->space, &options), ==, 0);
	g_assert_cmpint(iommut_device_open(&fixture->device, fixture->space, FAKE_BDF), ==, 0);
}

static void set_up(struct fixture *fixture, gconstpointer data)
{
	open_on(fixture, (enum iommut_backend)GPOINTER_TO_INT(data));
}

static void tear_down(struct fixture *fixture, gconstpointer data)
{
	answer.request = 0;
	iommut_device_close(fixture->device);
	iommut_space_close(fixture->space);
	fake_kernel_assert_clean(&fixture->kernel);
	fake_sysfs_free(fixture->root);
}

/* The next call fails, or the one after so many. */
static void fail_after(struct fixture *fixture, unsigned int calls, int error)
{
	fixture->kernel.fail_at = fixture->kernel.calls + 1 + calls;
	fixture->kernel.fail_with = error;
}

/* The answer to a request: a structure, and behind it what is to be taken for a capability. */
static void answer_with(unsigned long request, const void *head, size_t head_size,
			const void *capability, size_t capability_size)
{
	uint32_t total = (uint32_t)(head_size + capability_size);

	answer.request = request;
	answer.length = total;
	answer.status = 0;
	memcpy(answer.bytes, head, head_size);
	memcpy(answer.bytes, &total, sizeof(total));
	if (capability_size)
		memcpy(answer.bytes + head_size, capability, capability_size);
}

static void expect_region(struct fixture *fixture, const void *capability, size_t size, int error)
{
	struct vfio_region_info head = { .flags = VFIO_REGION_INFO_FLAG_CAPS |
						  VFIO_REGION_INFO_FLAG_MMAP,
					 .cap_offset = sizeof(head),
					 .size = 0x1000 };
	struct iommut_region *region;
	int ret;

	answer_with(VFIO_DEVICE_GET_REGION_INFO, &head, sizeof(head), capability, size);
	ret = iommut_region_open(&region, fixture->device, 0);
	g_assert_cmpint(ret, ==, error);
	if (!ret)
		iommut_region_close(region);
}

static void test_region(struct fixture *fixture, gconstpointer data)
{
	/* struct vfio_region_info_cap_sparse_mmap, whose areas follow. */
	struct {
		struct vfio_info_cap_header header;
		__u32 nr_areas, reserved;
		struct vfio_region_sparse_mmap_area area;
	} sparse = { .header = { .id = VFIO_REGION_INFO_CAP_SPARSE_MMAP },
		     .nr_areas = 1,
		     .area = { .offset = 0x800, .size = 0x800 } };
	struct vfio_region_info_cap_type type = { .header = { .id = VFIO_REGION_INFO_CAP_TYPE } };
	struct iommut_region *region;

	expect_region(fixture, &sparse, sizeof(sparse), 0);
	expect_region(fixture, &sparse, sizeof(sparse.header), -EBADMSG);
	expect_region(fixture, &sparse, sizeof(sparse) - 1, -EBADMSG);
	sparse.area.size = 0x801;
	expect_region(fixture, &sparse, sizeof(sparse), -EBADMSG);
	expect_region(fixture, &type, sizeof(type), 0);
	expect_region(fixture, &type, sizeof(type) - 1, -EBADMSG);
	answer.request = 0;
	/* Whichever call fails, it is told. */
	for (unsigned int calls = 0; calls < 6; calls++) {
		int ret;

		fail_after(fixture, calls, -ENOMEM);
		ret = iommut_region_open(&region, fixture->device, VFIO_PCI_BAR1_REGION_INDEX);
		g_assert_true(ret == -ENOMEM || (!ret && calls > 2));
		if (!ret)
			iommut_region_close(region);
	}
}

static void expect_iommu(struct fixture *fixture, const void *capability, size_t size, int error)
{
	struct vfio_iommu_type1_info head = { .flags = VFIO_IOMMU_INFO_CAPS,
					      .cap_offset = sizeof(head) };
	struct iommut_vfio_iommu_info info;
	int ret;

	answer_with(VFIO_IOMMU_GET_INFO, &head, sizeof(head), capability, size);
	ret = iommut_vfio_iommu_info(iommut_space_handle(fixture->space), &info);
	g_assert_cmpint(ret, ==, error);
	if (!ret)
		free(info.ranges);
}

static void test_container(struct fixture *fixture, gconstpointer data)
{
	/* struct vfio_iommu_type1_info_cap_iova_range, whose ranges follow. */
	struct {
		struct vfio_info_cap_header header;
		__u32 nr_iovas, reserved;
		struct vfio_iova_range range;
	} ranges = { .header = { .id = VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE }, .nr_iovas = 1 };
	struct vfio_iommu_type1_info_cap_migration migration = {
		.header = { .id = VFIO_IOMMU_TYPE1_INFO_CAP_MIGRATION }
	};
	struct vfio_iommu_type1_info_dma_avail available = {
		.header = { .id = VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL }
	};
	struct vfio_info_cap_header unknown = { .id = 77 };
	struct vfio_iommu_type1_info none = { .flags = VFIO_IOMMU_INFO_PGSIZES };
	struct iommut_iova_range *found;
	struct iommut_space *empty;
	struct iommut_space_options options = { .backend = IOMMUT_TYPE1 };
	uint32_t count32;
	uint64_t sizes;
	size_t count;

	expect_iommu(fixture, &ranges, sizeof(ranges), 0);
	expect_iommu(fixture, &ranges, sizeof(ranges.header), -EBADMSG);
	expect_iommu(fixture, &ranges, sizeof(ranges) - 1, -EBADMSG);
	expect_iommu(fixture, &migration, sizeof(migration), 0);
	expect_iommu(fixture, &migration, sizeof(migration) - 1, -EBADMSG);
	expect_iommu(fixture, &available, sizeof(available), 0);
	expect_iommu(fixture, &available, sizeof(available) - 1, -EBADMSG);
	/* What a newer kernel tells is passed over. */
	expect_iommu(fixture, &unknown, sizeof(unknown), 0);

	/* An older one tells nothing. */
	answer_with(VFIO_IOMMU_GET_INFO, &none, sizeof(none), NULL, 0);
	g_assert_cmpint(iommut_space_ranges(fixture->space, &found, &count), ==, -EOPNOTSUPP);
	g_assert_cmpint(iommut_space_dma_available(fixture->space, &count32), ==, -EOPNOTSUPP);
	answer.status = -EPERM;
	g_assert_cmpint(iommut_space_ranges(fixture->space, &found, &count), ==, -EPERM);
	g_assert_cmpint(iommut_space_page_sizes(fixture->space, &sizes), ==, -EPERM);
	g_assert_cmpint(iommut_space_dma_available(fixture->space, &count32), ==, -EPERM);
	/* It says that it needs more room than anybody has. */
	none.argsz = 2u << 20;
	answer.status = 0;
	memcpy(answer.bytes, &none, sizeof(none));
	g_assert_cmpint(iommut_space_ranges(fixture->space, &found, &count), ==, -EBADMSG);
	answer.request = 0;

	/* More than usual takes a second call, which may fail as well. */
	fixture->kernel.ranges = 100;
	g_assert_cmpint(iommut_space_ranges(fixture->space, &found, &count), ==, 0);
	g_assert_cmpuint(count, ==, 100);
	free(found);
	fail_after(fixture, 2, -ENOMEM);
	g_assert_cmpint(iommut_space_ranges(fixture->space, &found, &count), ==, -ENOMEM);
	fail_after(fixture, 3, -EIO);
	g_assert_cmpint(iommut_space_ranges(fixture->space, &found, &count), ==, -EIO);
	fixture->kernel.ranges = 2;

	g_assert_cmpint(space_open_on(&fixture->kernel.sys, &empty, &options), ==, 0);
	g_assert_cmpint(iommut_space_dma_available(empty, &count32), ==, -ENODEV);
	g_assert_cmpint(iommut_space_page_sizes(empty, &sizes), ==, -ENODEV);
	iommut_space_close(empty);
}

static void test_device(struct fixture *fixture, gconstpointer data)
{
	struct vfio_pci_hot_reset_info reset = { 0 };
	struct vfio_pci_dependent_device *devices;
	struct iommut_device *device = fixture->device;
	uint32_t value, flags, offset;
	size_t count;

	/* Too little room, it says, and that as much is wanted as there was. */
	answer_with(VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, &reset, sizeof(reset), NULL, 0);
	answer.status = -ENOSPC;
	g_assert_cmpint(iommut_device_hot_reset_info(device, &devices, &count, &flags), ==,
			-EBADMSG);
	answer.request = 0;

	g_assert_cmpint(iommut_config_read32(device, 0, &value), ==, 0);
	g_assert_cmpint(iommut_config_read32(device, 2, &value), ==, -EINVAL);
	fail_after(fixture, 0, -EIO);
	g_assert_cmpint(iommut_config_capability(device, 0x11, &offset), ==, -EIO);
	g_assert_cmpint(iommut_config_capability(device, 0x11, &offset), ==, 0);
	fail_after(fixture, 0, -ENOMEM);
	g_assert_cmpint(iommut_feature_probe(device, VFIO_DEVICE_FEATURE_MIGRATION,
					     VFIO_DEVICE_FEATURE_GET),
			==, -ENOMEM);
}

static ssize_t read_half(const struct iommut_syscalls *sys, int fd, void *data, size_t length)
{
	memset(data, 0, length / 2);
	return (ssize_t)(length / 2);
}

static void test_interrupts(struct fixture *fixture, gconstpointer data)
{
	struct iommut_irqs *irqs;
	uint64_t count;

	g_assert_cmpint(iommut_irqs_open(&irqs, fixture->device, IOMMUT_MSIX, 1), ==, 0);
	fake_kernel_fd(&fixture->kernel, iommut_irqs_eventfd(irqs, 0))->count = 1;
	fixture->kernel.sys.read = read_half;
	g_assert_cmpint(iommut_irqs_wait(irqs, 0, 0, &count), ==, -EIO);
	iommut_irqs_close(irqs);
}

/* Two groups in one container, closed in the order in which they were opened. */
static void test_two_groups(struct fixture *fixture, gconstpointer data)
{
	struct iommut_device *second;

	fake_sysfs_link(fixture->root, "/sys/bus/pci/devices/" OTHER_BDF "/iommu_group",
			"../../../kernel/iommu_groups/9");
	g_assert_cmpint(iommut_device_open(&second, fixture->space, OTHER_BDF), ==, 0);
	iommut_device_close(fixture->device);
	fixture->device = NULL;
	iommut_device_close(second);
}

static void test_page_table(struct fixture *fixture, gconstpointer data)
{
	struct iommut_hwpt *hwpt;

	g_assert_cmpint(iommut_hwpt_open(&hwpt, fixture->device, fixture->space, 0, NULL), ==, 0);
	g_assert_cmpint(iommut_hwpt_handle(hwpt).fd, ==, iommut_space_handle(fixture->space).fd);
	g_assert_cmpint(iommut_hwpt_close(hwpt), ==, 0);
}

static void test_files(struct fixture *fixture, gconstpointer data)
{
	struct iommut_accounting accounting;
	g_autofree char *line = g_strnfill(5000, 'x');
	const struct iommut_syscalls *sys = &fixture->kernel.sys;
	size_t size;

	fake_sysfs_write(fixture->root, "/proc/self/status", line);
	g_assert_cmpint(accounting_get_on(sys, &accounting), ==, -EBADMSG);
	fake_sysfs_write(fixture->root, "/proc/self/status", "Name: one line\n");
	g_assert_cmpint(accounting_get_on(sys, &accounting), ==, -EBADMSG);
	fake_sysfs_write(fixture->root, "/proc/self/smaps", "");
	fail_after(fixture, 1, -EIO);
	g_assert_cmpint(memory_physical_size_on(sys, sys, &size), ==, -EIO);
}

static void test_memory(struct fixture *fixture, gconstpointer data)
{
	struct iommut_memory_options options = { .kind = IOMMUT_MEMORY_THP };
	const struct iommut_syscalls *sys = &fixture->kernel.sys;
	struct iommut_memory *memory;
	unsigned int refused = 0;

	/* A kernel without transparent huge pages does not know the advice. */
	for (unsigned int calls = 0; calls < 8; calls++) {
		int ret;

		fail_after(fixture, calls, -EINVAL);
		ret = memory_alloc_on(sys, &memory, 2 << 20, &options);
		if (!ret)
			memory_free_on(sys, memory);
		refused += ret == -EOPNOTSUPP;
	}
	g_assert_cmpuint(refused, ==, 1);
	options.kind = IOMMUT_MEMORY_ANONYMOUS;
	for (unsigned int calls = 0; calls < 8; calls++) {
		fail_after(fixture, calls, -EINVAL);
		if (!memory_alloc_on(sys, &memory, 4096, &options))
			memory_free_on(sys, memory);
	}
}

/* What reads of the kernel's log answer, one after the other. */
static const char *const *log_answers;

static ssize_t read_log(const struct iommut_syscalls *sys, int fd, void *data, size_t length)
{
	const char *next = *log_answers++;

	if (!strcmp(next, "overrun"))
		return -EPIPE;
	if (!strcmp(next, "interrupted"))
		return -EINTR;
	memcpy(data, next, strlen(next));
	return (ssize_t)strlen(next);
}

static void test_log(struct fixture *fixture, gconstpointer data)
{
	static const char *const answers[] = {
		"interrupted",   "6,7,1;first\\x0aline\\x4Aend\n",
		"overrun",       "6,10,2;later\n",
		"6;no record\n", "",
	};
	static const char *const faults[] = {
		"6,11,3;nothing\n",
		"6,12,4;DMAR: [DMA Write NO_PASID] Request device [00:05.0] fault addr 0x1000 "
		"[fault reason 0x05] PTE Write access is not set\n",
	};
	struct iommut_fault fault;
	struct iommut_kmsg_record record;
	struct iommut_kmsg *kmsg;

	g_assert_cmpint(kmsg_open_on(&fixture->kernel.sys, &kmsg, true), ==, 0);
	fail_after(fixture, 0, -ENODEV);
	g_assert_cmpint(iommut_kmsg_read(kmsg, &record, 0), ==, -ENODEV);
	/* Nothing to read, and then still nothing. */
	g_assert_cmpint(iommut_kmsg_read(kmsg, &record, 0), ==, -ETIMEDOUT);
	fixture->kernel.sys.read = read_log;
	log_answers = answers;
	g_assert_cmpint(iommut_kmsg_read(kmsg, &record, 0), ==, 0);
	g_assert_cmpstr(record.text, ==, "first\nline\\x4Aend");
	g_assert_cmpuint(record.lost, ==, 0);
	g_assert_cmpint(iommut_kmsg_read(kmsg, &record, 0), ==, 0);
	g_assert_cmpuint(record.lost, ==, 2);
	g_assert_cmpint(iommut_kmsg_read(kmsg, &record, 0), ==, -EBADMSG);
	g_assert_cmpint(iommut_kmsg_read(kmsg, &record, 0), ==, -EBADMSG);
	/* A line of no fault is passed over. */
	log_answers = faults;
	g_assert_cmpint(iommut_kmsg_fault(kmsg, &fault, 1000), ==, 0);
	g_assert_cmphex(fault.address, ==, 0x1000);
	iommut_kmsg_close(kmsg);
}

static int there_is_data(const struct iommut_syscalls *sys, struct pollfd *fds, nfds_t count,
			 int timeout_ms)
{
	static int calls;

	if (!(calls++ % 2))
		return -EINTR;
	fds[0].revents = POLLIN;
	return 1;
}

/* A wait that says that there is something, and a read that then finds nothing: once more, without waiting. */
static void test_log_wait(struct fixture *fixture, gconstpointer data)
{
	struct iommut_fault fault;
	struct iommut_kmsg *kmsg;

	g_assert_cmpint(kmsg_open_on(&fixture->kernel.sys, &kmsg, true), ==, 0);
	fixture->kernel.sys.poll = there_is_data;
	fail_after(fixture, 1, -EIO);
	g_assert_cmpint(iommut_kmsg_fault(kmsg, &fault, 0), ==, -EIO);
	iommut_kmsg_close(kmsg);
}

static int all_taken(const struct iommut_syscalls *sys, const char *path, mode_t mode)
{
	return -EEXIST;
}

static void test_trace(struct fixture *fixture, gconstpointer data)
{
	static const char *const events[] = { "iommu:map", NULL };
	struct iommut_trace *trace;

	fake_sysfs_write(fixture->root, "/sys/kernel/tracing/instances/x/trace_pipe", "");
	fixture->kernel.sys.mkdir = all_taken;
	g_assert_cmpint(trace_open_on(&fixture->kernel.sys, &trace, events), ==, -EEXIST);
}

static void test_faults(struct fixture *fixture, gconstpointer data)
{
	static const char *const record[] = {
		"arm-smmu-v3 arm-smmu-v3.0.auto: event 0x02 received:",
		"arm-smmu-v3 arm-smmu-v3.0.auto: \t0x0000000000000002",
		"arm-smmu-v3 arm-smmu-v3.0.auto: \t0x0000000000000000",
		"arm-smmu-v3 arm-smmu-v3.0.auto: \t0x0000000000001000",
		"arm-smmu-v3 arm-smmu-v3.0.auto: \t0x0000000000000000",
	};
	g_autofree char *longest = g_strnfill(3000, 'x');
	struct iommut_fault_parser parser = { 0 };
	struct iommut_fault fault;

	g_assert_cmpint(iommut_fault_feed(&parser, longest, &fault), ==, 0);
	/* An event that has no address. */
	for (size_t i = 0; i < G_N_ELEMENTS(record); i++)
		g_assert_cmpint(iommut_fault_feed(&parser, record[i], &fault), ==, i == 4);
	g_assert_cmpuint(fault.reason, ==, 2);
	g_assert_false(fault.fields & IOMMUT_FAULT_HAS_ADDRESS);
	/* A parser that was not started with zeros. */
	parser.state[0] = 99;
	g_assert_cmpint(iommut_fault_feed(&parser, record[1], &fault), ==, 0);
	g_assert_cmpuint(parser.state[0], ==, 0);
}

#define DEVICES "/sys/bus/pci/devices"

static void add_function(const char *root, const char *name)
{
	static const char *const files[] = { "vendor",           "device", "subsystem_vendor",
					     "subsystem_device", "class",  "revision" };

	for (size_t i = 0; i < G_N_ELEMENTS(files); i++) {
		g_autofree char *path = g_strdup_printf(DEVICES "/%s/%s", name, files[i]);

		fake_sysfs_write(root, path, "0x1");
	}
}

static void test_functions(struct fixture *fixture, gconstpointer data)
{
	struct iommut_pci_binding before = { .name = OTHER_BDF };
	struct iommut_pci_device *devices;
	const struct iommut_syscalls *sys = &fixture->kernel.sys;
	unsigned int failures = 0, each;
	size_t count;
	int ret;

	g_assert_cmpint(pci_group_on(sys, "what"), ==, -EINVAL);
	/* What is opened as a folder is none. */
	g_assert_cmpint(pci_list_on(sys, "/tmp", &devices, &count), ==, -EBADF);
	/* More than a first guess has room for, in two domains. */
	for (int i = 0; i < 20; i++) {
		g_autofree char *name = g_strdup_printf("%04x:01:%02x.0", i % 2, i);

		add_function(fixture->root, name);
	}
	fixture->kernel.calls = 0;
	g_assert_cmpint(pci_list_on(sys, DEVICES, &devices, &count), ==, 0);
	g_assert_cmpuint(count, ==, 21);
	free(devices);
	/* There is room for 16 at first. Nothing but memory fails with this error. */
	each = fixture->kernel.calls / 21;
	for (unsigned int calls = 15 * each; calls < 18 * each; calls++) {
		fail_after(fixture, calls, -EIO);
		ret = pci_list_on(sys, DEVICES, &devices, &count);
		failures += ret == -ENOMEM;
		if (!ret)
			free(devices);
	}
	g_assert_cmpuint(failures, ==, 1);
	fixture->kernel.fail_at = 0;
	g_assert_cmpint(pci_list_on(sys, DEVICES, &devices, &count), ==, 0);
	g_assert_cmpuint(count, ==, 21);
	for (size_t i = 1; i < count; i++)
		g_assert_cmpuint(devices[i - 1].bdf.domain, <=, devices[i].bdf.domain);
	free(devices);

	g_assert_cmpint(pci_restore_on(sys, &before), ==, -ENODEV);
	strcpy(before.name, FAKE_BDF);
	strcpy(before.driver, "old");
	strcpy(before.driver_override, "old");
	for (unsigned int calls = 0, ended = 0; calls < 60 && !ended; calls++) {
		fail_after(fixture, calls, -EPERM);
		ended = !pci_restore_on(sys, &before);
	}
	fixture->kernel.fail_at = 0;
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
#define ADD(name, backend, function)                                                             \
	g_test_add("/answers/" name, struct fixture, GINT_TO_POINTER(backend), set_up, function, \
		   tear_down)
	ADD("region", IOMMUT_TYPE1, test_region);
	ADD("container", IOMMUT_TYPE1, test_container);
	ADD("device", IOMMUT_TYPE1, test_device);
	ADD("interrupts", IOMMUT_TYPE1, test_interrupts);
	ADD("two-groups", IOMMUT_TYPE1, test_two_groups);
	ADD("page-table", IOMMUT_IOMMUFD, test_page_table);
	ADD("files", IOMMUT_TYPE1, test_files);
	ADD("memory", IOMMUT_TYPE1, test_memory);
	ADD("log", IOMMUT_TYPE1, test_log);
	ADD("log-wait", IOMMUT_TYPE1, test_log_wait);
	ADD("trace", IOMMUT_TYPE1, test_trace);
	ADD("faults", IOMMUT_TYPE1, test_faults);
	ADD("functions", IOMMUT_TYPE1, test_functions);
	return g_test_run();
}
