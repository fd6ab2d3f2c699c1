// SPDX-License-Identifier: GPL-2.0-or-later
/* PCI functions in a sysfs of the test's own, with drivers that come and go as a kernel's do. */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>

#include <iommut/pci.h>

#include "lib/pci.h"
#include "tests/lib/fake_kernel.h"

#define DEVICE "/sys/bus/pci/devices/" FAKE_BDF "/"

/* The fake kernel, and what makes drivers move. */
struct fixture {
	struct fake_kernel kernel;
	char *root;
	char *opened;
	bool driver_refuses;
	int (*open)(const struct iommut_syscalls *sys, const char *path, int flags, mode_t mode);
	ssize_t (*write)(const struct iommut_syscalls *sys, int fd, const void *data,
			 size_t length);
};

static struct fixture *fixture_of(const struct iommut_syscalls *sys)
{
	return (struct fixture *)sys;
}

static int watch_open(const struct iommut_syscalls *sys, const char *path, int flags, mode_t mode)
{
	struct fixture *fixture = fixture_of(sys);

	g_free(fixture->opened);
	fixture->opened = g_strdup(path);
	return fixture->open(sys, path, flags, mode);
}

static ssize_t act_on_write(const struct iommut_syscalls *sys, int fd, const void *data,
			    size_t length)
{
	struct fixture *fixture = fixture_of(sys);
	g_autofree char *link = g_build_filename(fixture->root, DEVICE "driver", NULL);
	g_autofree char *override_path =
		g_build_filename(fixture->root, DEVICE "driver_override", NULL);
	g_autofree char *word = g_strndup(data, length);
	g_autofree char *override = NULL;
	ssize_t ret = fixture->write(sys, fd, data, length);

	if (ret < 0)
		return ret;
	g_strstrip(word);
	if (g_str_has_suffix(fixture->opened, "driver_override"))
		g_file_set_contents(override_path, *word ? word : "(null)", -1, NULL);
	if (g_str_has_suffix(fixture->opened, "driver/unbind"))
		g_assert_cmpint(g_unlink(link), ==, 0);
	if (g_str_has_suffix(fixture->opened, "drivers_probe") && !fixture->driver_refuses) {
		g_autofree char *target = NULL;

		g_file_get_contents(override_path, &override, NULL, NULL);
		g_strstrip(override);
		target = g_strconcat("../../drivers/",
				     strcmp(override, "(null)") ? override : "e1000", NULL);
		fake_sysfs_link(fixture->root, DEVICE "driver", target);
	}
	return ret;
}

static void set_up(struct fixture *fixture, gconstpointer data)
{
	fixture->root = fake_sysfs_new();
	fake_kernel_init(&fixture->kernel, fixture->root);
	fixture->open = fixture->kernel.sys.open;
	fixture->write = fixture->kernel.sys.write;
	fixture->kernel.sys.open = watch_open;
	fixture->kernel.sys.write = act_on_write;
	fake_sysfs_write(fixture->root, "/sys/bus/pci/drivers_probe", "");
	fake_sysfs_write(fixture->root, "/sys/bus/pci/drivers/vfio-pci/bind", "");
	fake_sysfs_write(fixture->root, "/sys/bus/pci/drivers/vfio-pci/unbind", "");
	fake_sysfs_write(fixture->root, "/sys/bus/pci/drivers/e1000/bind", "");
	fake_sysfs_write(fixture->root, "/sys/bus/pci/drivers/e1000/unbind", "");
}

static void tear_down(struct fixture *fixture, gconstpointer data)
{
	fake_sysfs_free(fixture->root);
	g_free(fixture->opened);
}

static void test_bdf(void)
{
	static const char *const wrong[] = { "",
					     "5",
					     "00:05",
					     "00:05.8",
					     "00:20.0",
					     "100:05.0",
					     "00:05.0 ",
					     "00:05.0x",
					     ":00:05.0",
					     "123456789:00:00.0",
					     "0000:00:05,0",
					     "g0:05.0",
					     "0000:00:05.0:0" };
	struct iommut_bdf bdf;
	char text[32];

	g_assert_cmpint(iommut_bdf_parse("00:1f.7", &bdf), ==, 0);
	iommut_bdf_format(&bdf, text, sizeof(text));
	g_assert_cmpstr(text, ==, "0000:00:1f.7");
	g_assert_cmpint(iommut_bdf_parse("10000:AB:0c.3", &bdf), ==, 0);
	iommut_bdf_format(&bdf, text, sizeof(text));
	g_assert_cmpstr(text, ==, "10000:ab:0c.3");
	for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++)
		g_assert_cmpint(iommut_bdf_parse(wrong[i], &bdf), ==, -EINVAL);
}

static void test_get(struct fixture *fixture, gconstpointer data)
{
	const struct iommut_syscalls *sys = &fixture->kernel.sys;
	g_autofree char *longest = g_strnfill(IOMMUT_DRIVER_SIZE - 1, 'd');
	g_autofree char *target = g_strconcat("../../drivers/", longest, NULL);
	g_autofree char *too_long = g_strconcat(target, "d", NULL);
	struct iommut_pci_device device, *devices;
	size_t count;

	g_assert_cmpint(pci_get_on(sys, "00:05.0", &device), ==, 0);
	g_assert_cmpstr(device.name, ==, FAKE_BDF);
	g_assert_cmphex(device.vendor, ==, 0x1234);
	g_assert_cmphex(device.device, ==, 0x11e9);
	g_assert_cmphex(device.class_code, ==, 0x00ff00);
	g_assert_cmpint(device.iommu_group, ==, 7);
	g_assert_cmpint(device.numa_node, ==, -1);
	g_assert_cmpstr(device.driver, ==, "");
	g_assert_false(device.is_virtual);
	g_assert_false(device.is_bridge);
	g_assert_cmpint(pci_get_on(sys, "00:06.0", &device), ==, -ENODEV);
	g_assert_cmpint(pci_get_on(sys, "bogus", &device), ==, -EINVAL);
	fake_sysfs_write(fixture->root, DEVICE "vendor", "what\n");
	g_assert_cmpint(pci_get_on(sys, FAKE_BDF, &device), ==, -EBADMSG);
	fake_sysfs_write(fixture->root, DEVICE "vendor", "0x1234\n");
	fake_sysfs_link(fixture->root, DEVICE "driver", target);
	g_assert_cmpint(pci_get_on(sys, FAKE_BDF, &device), ==, 0);
	g_assert_cmpstr(device.driver, ==, longest);
	fake_sysfs_link(fixture->root, DEVICE "driver", too_long);
	g_assert_cmpint(pci_get_on(sys, FAKE_BDF, &device), ==, 0);
	g_assert_cmpstr(device.driver, ==, "");

	/* Sorted, and without what is no address. */
	for (int i = 20; i >= 0; i--) {
		static const char *const files[] = {
			"vendor",           "device", "subsystem_vendor",
			"subsystem_device", "class",  "revision"
		};

		for (size_t j = 0; j < G_N_ELEMENTS(files); j++) {
			g_autofree char *path = g_strdup_printf(
				"/sys/bus/pci/devices/0000:01:%02x.0/%s", i, files[j]);

			fake_sysfs_write(fixture->root, path, "0x01\n");
		}
	}
	fake_sysfs_write(fixture->root, "/sys/bus/pci/devices/not-a-device/vendor", "0x01\n");
	fake_sysfs_write(fixture->root, "/sys/bus/pci/devices/0000:02:00.0/nothing", "");
	g_assert_cmpint(pci_list_on(sys, "/sys/bus/pci/devices", &devices, &count), ==, 0);
	g_assert_cmpuint(count, ==, 22);
	g_assert_cmpstr(devices[0].name, ==, FAKE_BDF);
	for (int i = 0; i <= 20; i++)
		g_assert_cmpuint(devices[i + 1].bdf.device, ==, i);
	free(devices);
	g_assert_cmpint(pci_list_on(sys, "/sys/nowhere", &devices, &count), ==, -ENOENT);
	fixture->kernel.fail_at = fixture->kernel.calls + 3;
	g_assert_cmpint(pci_list_on(sys, "/sys/bus/pci/devices", &devices, &count), ==, -EIO);
}

static void test_bind(struct fixture *fixture, gconstpointer data)
{
	const struct iommut_syscalls *sys = &fixture->kernel.sys;
	struct iommut_pci_binding before, again;
	struct iommut_pci_device device;
	g_autofree char *path = g_build_filename(fixture->root, DEVICE "driver_override", NULL);
	g_autofree char *override = NULL;

	fake_sysfs_link(fixture->root, DEVICE "driver", "../../drivers/e1000");
	g_assert_cmpint(pci_bind_on(sys, "00:05.0", "nonexistent", &before), ==, -ENOENT);
	g_assert_cmpint(pci_bind_on(sys, "00:05.0", "vfio-pci", &before), ==, 0);
	g_assert_cmpstr(before.driver, ==, "e1000");
	g_assert_cmpstr(before.driver_override, ==, "");
	g_assert_cmpint(pci_get_on(sys, FAKE_BDF, &device), ==, 0);
	g_assert_cmpstr(device.driver, ==, "vfio-pci");
	g_assert_cmpint(pci_bind_on(sys, "00:05.0", "vfio-pci", &again), ==, 0);
	g_assert_cmpstr(again.driver, ==, "vfio-pci");
	g_assert_cmpstr(again.driver_override, ==, "vfio-pci");
	g_assert_cmpint(pci_restore_on(sys, &before), ==, 0);
	g_assert_cmpint(pci_get_on(sys, FAKE_BDF, &device), ==, 0);
	g_assert_cmpstr(device.driver, ==, "e1000");
	g_assert_true(g_file_get_contents(path, &override, NULL, NULL));
	g_assert_cmpstr(override, ==, "(null)");
	fixture->driver_refuses = true;
	g_assert_cmpint(pci_bind_on(sys, "00:05.0", "vfio-pci", NULL), ==, -EIO);
	g_assert_cmpint(pci_bind_on(sys, "00:07.0", "vfio-pci", NULL), ==, -ENODEV);
	/* Without a driver before, without one after. */
	*before.driver = '\0';
	g_assert_cmpint(pci_restore_on(sys, &before), ==, 0);
	g_assert_cmpint(pci_get_on(sys, FAKE_BDF, &device), ==, 0);
	g_assert_cmpstr(device.driver, ==, "");
}

static void test_bind_every_failure(struct fixture *fixture, gconstpointer data)
{
	const struct iommut_syscalls *sys = &fixture->kernel.sys;
	struct iommut_pci_binding before;
	unsigned int calls;

	fake_sysfs_link(fixture->root, DEVICE "driver", "../../drivers/e1000");
	fixture->kernel.calls = 0;
	g_assert_cmpint(pci_bind_on(sys, FAKE_BDF, "vfio-pci", &before), ==, 0);
	calls = fixture->kernel.calls;
	for (unsigned int i = 1; i <= calls; i++) {
		/* However the attempt ends, what was before can be had again. */
		fixture->kernel.fail_at = 0;
		fake_sysfs_link(fixture->root, DEVICE "driver", "../../drivers/e1000");
		fixture->kernel.calls = 0;
		fixture->kernel.fail_at = i;
		pci_bind_on(sys, FAKE_BDF, "vfio-pci", NULL);
		fixture->kernel.fail_at = 0;
		g_assert_cmpint(pci_restore_on(sys, &before), ==, 0);
	}
}

static void test_reserved(struct fixture *fixture, gconstpointer data)
{
	const struct iommut_syscalls *sys = &fixture->kernel.sys;
	static const char path[] = "/sys/kernel/iommu_groups/7/reserved_regions";
	struct iommut_pci_reserved *regions;
	size_t count;

	g_assert_cmpint(pci_group_reserved_on(sys, 7, &regions, &count), ==, -ENOENT);
	fake_sysfs_write(fixture->root, path,
			 "0x00000000fee00000 0x00000000feefffff msi\n"
			 "0x000000fd00000000 0x000000ffffffffff reserved\n");
	g_assert_cmpint(pci_group_reserved_on(sys, 7, &regions, &count), ==, 0);
	g_assert_cmpuint(count, ==, 2);
	g_assert_cmphex(regions[0].range.start, ==, 0xfee00000);
	g_assert_cmpstr(regions[0].type, ==, "msi");
	g_assert_cmphex(regions[1].range.last, ==, 0xffffffffff);
	free(regions);
	fixture->kernel.fail_at = fixture->kernel.calls + 5;
	g_assert_cmpint(pci_group_reserved_on(sys, 7, &regions, &count), ==, -ENOMEM);
	fake_sysfs_write(fixture->root, path, "0x1 what\n");
	g_assert_cmpint(pci_group_reserved_on(sys, 7, &regions, &count), ==, -EBADMSG);
	fake_sysfs_write(fixture->root, path, "");
	g_assert_cmpint(pci_group_reserved_on(sys, 7, &regions, &count), ==, 0);
	g_assert_cmpuint(count, ==, 0);
	free(regions);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/pci/bdf", test_bdf);
#define ADD(name, function) \
	g_test_add("/pci/" name, struct fixture, NULL, set_up, function, tear_down)
	ADD("get", test_get);
	ADD("bind", test_bind);
	ADD("bind-every-failure", test_bind_every_failure);
	ADD("reserved", test_reserved);
	return g_test_run();
}
