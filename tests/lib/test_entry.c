// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Functions that always speak to the running kernel. Here they do not: what the library does without a kernel given is led to a fake
 * one, by the linker (--wrap), so that the functions themselves need no way to be told.
 */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <stdlib.h>
#include <string.h>

#include <iommut/backend.h>
#include <iommut/capability.h>
#include <iommut/iommufd.h>
#include <iommut/kmsg.h>
#include <iommut/pci.h>
#include <iommut/space.h>
#include <iommut/trace.h>
#include <iommut/uevent.h>
#include <iommut/vfio.h>

#include "lib/side_channels.h"
#include "lib/space.h"
#include "tests/lib/fake_kernel.h"

#define DEVICE "/sys/bus/pci/devices/" FAKE_BDF "/"
#define GROUP  "/sys/kernel/iommu_groups/7/"

static struct fake_kernel kernel;
static char *root;

#define INSTEAD(type, name, parameters, ...)                                    \
	type __real_sys_##name(const struct iommut_syscalls *sys, parameters);  \
	type __wrap_sys_##name(const struct iommut_syscalls *sys, parameters);  \
	type __wrap_sys_##name(const struct iommut_syscalls *sys, parameters)   \
	{                                                                       \
		return __real_sys_##name(sys ? sys : &kernel.sys, __VA_ARGS__); \
	}
#define LIST(...) __VA_ARGS__

INSTEAD(int, open, LIST(const char *path, int flags, mode_t mode), path, flags, mode)
INSTEAD(int, close, int fd, fd)
INSTEAD(ssize_t, read, LIST(int fd, void *data, size_t length), fd, data, length)
INSTEAD(ssize_t, pread, LIST(int fd, void *data, size_t length, off_t offset), fd, data, length,
	offset)
INSTEAD(ssize_t, pwrite, LIST(int fd, const void *data, size_t length, off_t offset), fd, data,
	length, offset)
INSTEAD(ssize_t, readlink, LIST(const char *path, char *data, size_t size), path, data, size)
INSTEAD(ssize_t, read_file, LIST(const char *path, char *text, size_t size), path, text, size)
INSTEAD(int, write_file, LIST(const char *path, const char *text), path, text)
INSTEAD(void *, calloc, LIST(size_t count, size_t size), count, size)

static void set_up(gconstpointer *fixture, gconstpointer data)
{
	root = fake_sysfs_new();
	fake_kernel_init(&kernel, root);
}

static void tear_down(gconstpointer *fixture, gconstpointer data)
{
	fake_sysfs_free(root);
}

static void expect_written(const char *path, const char *word)
{
	g_autofree char *real = g_build_filename(root, path, NULL);
	g_autofree char *text = NULL;

	g_assert_true(g_file_get_contents(real, &text, NULL, NULL));
	g_assert_cmpstr(text, ==, word);
}

/* One word into one file; without the file, the function is not there or cannot. */
static void test_control(gconstpointer *fixture, gconstpointer data)
{
	fake_sysfs_write(root, DEVICE "remove", "");
	fake_sysfs_write(root, DEVICE "reset", "");
	fake_sysfs_write(root, DEVICE "enable", "");
	fake_sysfs_write(root, DEVICE "reset_method", "flr bus\n");
	fake_sysfs_write(root, "/sys/bus/pci/rescan", "");
	g_assert_cmpint(iommut_pci_remove("00:05.0"), ==, 0);
	expect_written(DEVICE "remove", "1");
	g_assert_cmpint(iommut_pci_reset(FAKE_BDF), ==, 0);
	expect_written(DEVICE "reset", "1");
	g_assert_cmpint(iommut_pci_enable(FAKE_BDF, true), ==, 0);
	expect_written(DEVICE "enable", "1");
	fake_sysfs_write(root, DEVICE "enable", "");
	g_assert_cmpint(iommut_pci_enable(FAKE_BDF, false), ==, 0);
	expect_written(DEVICE "enable", "0");
	g_assert_cmpint(iommut_pci_rescan(), ==, 0);
	expect_written("/sys/bus/pci/rescan", "1");
	g_assert_cmpint(iommut_pci_remove("what"), ==, -EINVAL);
	g_assert_cmpint(iommut_pci_remove("00:06.0"), ==, -ENODEV);
}

static void test_reset_methods(gconstpointer *fixture, gconstpointer data)
{
	char methods[32];

	g_assert_cmpint(iommut_pci_reset_methods(FAKE_BDF, methods, sizeof(methods)), ==,
			-EOPNOTSUPP);
	g_assert_cmpint(iommut_pci_set_reset_methods(FAKE_BDF, "flr"), ==, -EOPNOTSUPP);
	g_assert_cmpint(iommut_pci_reset(FAKE_BDF), ==, -EOPNOTSUPP);
	fake_sysfs_write(root, DEVICE "reset_method", "flr bus\n");
	g_assert_cmpint(iommut_pci_reset_methods(FAKE_BDF, methods, sizeof(methods)), ==, 0);
	g_assert_cmpstr(methods, ==, "flr bus");
	g_assert_cmpint(iommut_pci_set_reset_methods(FAKE_BDF, "bus"), ==, 0);
	g_assert_cmpint(iommut_pci_reset_methods("00:06.0", methods, sizeof(methods)), ==, -ENODEV);
	g_assert_cmpint(iommut_pci_reset_methods("what", methods, sizeof(methods)), ==, -EINVAL);
	kernel.fail_at = kernel.calls + 1;
	g_assert_cmpint(iommut_pci_reset_methods(FAKE_BDF, methods, sizeof(methods)), ==, -EIO);
}

static void test_sriov(gconstpointer *fixture, gconstpointer data)
{
	unsigned int total, enabled;
	char name[32];

	g_assert_cmpint(iommut_pci_sriov(FAKE_BDF, &total, &enabled), ==, -EOPNOTSUPP);
	g_assert_cmpint(iommut_pci_sriov_enable(FAKE_BDF, 2), ==, -EOPNOTSUPP);
	fake_sysfs_write(root, DEVICE "sriov_totalvfs", "7\n");
	g_assert_cmpint(iommut_pci_sriov(FAKE_BDF, &total, &enabled), ==, -EOPNOTSUPP);
	fake_sysfs_write(root, DEVICE "sriov_numvfs", "3\n");
	g_assert_cmpint(iommut_pci_sriov(FAKE_BDF, &total, &enabled), ==, 0);
	g_assert_cmpuint(total, ==, 7);
	g_assert_cmpuint(enabled, ==, 3);
	fake_sysfs_write(root, DEVICE "sriov_drivers_autoprobe", "");
	fake_sysfs_write(root, DEVICE "sriov_numvfs", "");
	g_assert_cmpint(iommut_pci_sriov_enable(FAKE_BDF, 2), ==, 0);
	expect_written(DEVICE "sriov_drivers_autoprobe", "0");
	expect_written(DEVICE "sriov_numvfs", "2");
	g_assert_cmpint(iommut_pci_sriov_function(FAKE_BDF, 0, name, sizeof(name)), ==, -ENODEV);
	fake_sysfs_link(root, DEVICE "virtfn0", "../0000:00:06.1");
	g_assert_cmpint(iommut_pci_sriov_function(FAKE_BDF, 0, name, sizeof(name)), ==, 0);
	g_assert_cmpstr(name, ==, "0000:00:06.1");
	g_assert_cmpint(iommut_pci_sriov_function(FAKE_BDF, 0, name, 4), ==, -ENAMETOOLONG);
	g_assert_cmpint(iommut_pci_sriov_function("what", 0, name, sizeof(name)), ==, -EINVAL);
	kernel.fail_at = kernel.calls + 1;
	g_assert_cmpint(iommut_pci_sriov_function(FAKE_BDF, 0, name, sizeof(name)), ==, -EIO);
}

static void test_bind(gconstpointer *fixture, gconstpointer data)
{
	struct iommut_pci_binding before;
	struct iommut_pci_device device;

	fake_sysfs_link(root, DEVICE "driver", "../../drivers/vfio-pci");
	fake_sysfs_write(root, "/sys/bus/pci/drivers/vfio-pci/unbind", "");
	g_assert_cmpint(iommut_pci_bind(FAKE_BDF, "vfio-pci", &before), ==, 0);
	g_assert_cmpstr(before.driver, ==, "vfio-pci");
	g_assert_cmpint(iommut_pci_restore(&before), ==, 0);
	g_assert_cmpint(iommut_pci_get(FAKE_BDF, &device), ==, 0);
	g_assert_cmpstr(device.driver, ==, "vfio-pci");
	g_assert_cmpint(iommut_pci_unbind("00:06.0"), ==, -ENODEV);
}

/* What is opened here is the running kernel's, and may not be there. */
static void test_running(gconstpointer *fixture, gconstpointer data)
{
	static const char *const events[] = { "iommu:map", NULL };
	const uint8_t byte = 0x5a;
	uint8_t seen = 0;
	struct iommut_uevents *uevents;
	struct iommut_handle iommufd;
	struct iommut_space *space;
	struct iommut_trace *trace;

	g_assert_cmpint(iommut_trace_open(&trace, events), ==, -EOPNOTSUPP);
	kernel.missing = "/dev/iommu";
	g_assert_cmpint(iommut_iommufd_open(&iommufd), ==, -EOPNOTSUPP);
	g_assert_cmpint(iommut_space_open(&space, IOMMUT_IOMMUFD), ==, -EOPNOTSUPP);
	kernel.missing = NULL;
	if (!iommut_uevents_open(&uevents))
		iommut_uevents_close(uevents);
	fake_sysfs_write(root, DEVICE "config", "0123456789");
	g_assert_cmpint(iommut_pci_config_write(FAKE_BDF, 4, &byte, 1), ==, 1);
	g_assert_cmpint(iommut_pci_config_read(FAKE_BDF, 4, &seen, 1), ==, 1);
	g_assert_cmphex(seen, ==, byte);
}

static void test_look(gconstpointer *fixture, gconstpointer data)
{
	static const uint8_t header[64] = { [0x0e] = 0x81 };
	g_autofree char *config = g_build_filename(root, DEVICE "config", NULL);
	struct iommut_pci_device device, *devices;
	struct iommut_pci_features features;
	struct iommut_pci_reserved *regions;
	uint8_t bytes[2];
	char type[16];
	size_t count;

	g_assert_cmpint(iommut_pci_list(&devices, &count), ==, 0);
	g_assert_cmpuint(count, ==, 1);
	free(devices);
	fake_sysfs_link(root, GROUP "devices/" FAKE_BDF, "../../../../bus/pci/devices/" FAKE_BDF);
	g_assert_cmpint(iommut_pci_group(7, &devices, &count), ==, 0);
	g_assert_cmpuint(count, ==, 1);
	g_assert_cmpstr(devices[0].name, ==, FAKE_BDF);
	free(devices);
	g_assert_cmpint(iommut_pci_group(8, &devices, &count), ==, -ENOENT);
	g_assert_cmpint(iommut_pci_group_type(7, type, sizeof(type)), ==, -ENOENT);
	fake_sysfs_write(root, GROUP "type", "DMA-FQ\n");
	g_assert_cmpint(iommut_pci_group_type(7, type, sizeof(type)), ==, 0);
	g_assert_cmpstr(type, ==, "DMA-FQ");
	fake_sysfs_write(root, GROUP "reserved_regions", "0x0 0xfff direct\n");
	g_assert_cmpint(iommut_pci_group_reserved(7, &regions, &count), ==, 0);
	g_assert_cmpuint(count, ==, 1);
	free(regions);

	g_assert_true(g_file_set_contents(config, (const char *)header, sizeof(header), NULL));
	g_assert_cmpint(iommut_pci_get(FAKE_BDF, &device), ==, 0);
	g_assert_true(device.is_bridge);
	g_assert_cmpint(iommut_pci_config_read(FAKE_BDF, 0x0e, bytes, 2), ==, 2);
	g_assert_cmphex(bytes[0], ==, 0x81);
	g_assert_cmpint(iommut_pci_config_read("00:06.0", 0, bytes, 2), ==, -ENODEV);
	g_assert_cmpint(iommut_pci_config_read("what", 0, bytes, 2), ==, -EINVAL);
	g_assert_cmpint(iommut_pci_features_get(FAKE_BDF, &features), ==, 0);
	g_assert_false(features.express);
	g_assert_cmpint(iommut_pci_features_get("00:06.0", &features), ==, -ENODEV);
}

static void test_open(gconstpointer *fixture, gconstpointer data)
{
	struct iommut_handle handle;
	struct iommut_kmsg *kmsg;
	struct iommut_amd_entry entry;
	struct iommut_leaf leaf;

	kernel.missing = "/dev/vfio/vfio";
	g_assert_cmpint(iommut_backend_probe(IOMMUT_TYPE1, NULL, 0), ==, -EOPNOTSUPP);
	g_assert_cmpint(iommut_vfio_container_open(&handle), ==, -EOPNOTSUPP);
	g_assert_cmpint(iommut_vfio_group_open(&handle, 8), ==, -ENOENT);
	g_assert_cmpint(iommut_vfio_cdev_open(&handle, "00:06.0"), ==, -ENODEV);
	g_assert_cmpint(iommut_page_table_supported(), ==, -EOPNOTSUPP);
	g_assert_cmpint(iommut_page_table_leaf(FAKE_BDF, 1, 0, &leaf), ==, -EOPNOTSUPP);
	g_assert_cmpint(iommut_amd_entry_get(FAKE_BDF, &entry), ==, -EOPNOTSUPP);
	fake_sysfs_write(root, "/sys/kernel/debug/iommu/intel/dmar_translation_struct", "");
	g_assert_cmpint(iommut_page_table_supported(), ==, 0);
	kernel.fail_at = kernel.calls + 1;
	kernel.fail_with = -EACCES;
	g_assert_cmpint(iommut_page_table_supported(), ==, -EACCES);
	g_assert_cmpint(iommut_kmsg_write("words"), ==, 0);
	g_assert_cmpmem(kernel.last, 5, "words", 5);
	kernel.missing = "/dev/kmsg";
	g_assert_cmpint(iommut_kmsg_open(&kmsg, true), ==, -EOPNOTSUPP);
	kernel.missing = NULL;
	kernel.fail_at = kernel.calls + 2;
	g_assert_cmpint(iommut_kmsg_open(&kmsg, true), ==, -ENOMEM);
	kernel.fail_at = 0;
	/* Of what was opened nothing is left. */
	g_assert_cmpuint(fake_kernel_open_files(&kernel), ==, 0);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
#define ADD(name, function) \
	g_test_add("/entry/" name, gconstpointer, NULL, set_up, function, tear_down)
	ADD("control", test_control);
	ADD("reset-methods", test_reset_methods);
	ADD("sriov", test_sriov);
	ADD("bind", test_bind);
	ADD("running", test_running);
	ADD("look", test_look);
	ADD("open", test_open);
	return g_test_run();
}
