// SPDX-License-Identifier: GPL-2.0-or-later
/* What the kernel tells beside its ioctls: pinned memory, page tables, device events. */
#include <errno.h>
#include <glib.h>
#include <string.h>

#include <iommut/uevent.h>

#include "lib/side_channels.h"
#include "tests/lib/fake_kernel.h"

#define INTEL "/sys/kernel/debug/iommu/intel/" FAKE_BDF

static void test_accounting(void)
{
	struct iommut_accounting accounting;
	struct fake_kernel kernel;
	char *root = fake_sysfs_new();

	fake_kernel_init(&kernel, root);
	g_assert_cmpint(accounting_get_on(&kernel.sys, &accounting), ==, -ENOENT);
	fake_sysfs_write(root, "/proc/self/status",
			 "Name:\tx\nVmPeak:\t 100 kB\nVmLck:\t    8 kB\nVmPin:\t 2048 kB\n");
	g_assert_cmpint(accounting_get_on(&kernel.sys, &accounting), ==, 0);
	g_assert_cmpuint(accounting.locked, ==, 8 << 10);
	g_assert_cmpuint(accounting.pinned, ==, 2048 << 10);
	g_assert_cmpuint(accounting.locked_limit, >, 0);
	fake_sysfs_write(root, "/proc/self/status", "Name:\tx\nVmLck:\t    8 kB\n");
	g_assert_cmpint(accounting_get_on(&kernel.sys, &accounting), ==, -EBADMSG);
	g_assert_cmpint(iommut_accounting_get(&accounting), ==, 0);
	kernel.fail_at = kernel.calls + 2;
	g_assert_cmpint(accounting_get_on(&kernel.sys, &accounting), ==, -EIO);
	fake_sysfs_free(root);
}

static void test_page_table(void)
{
	struct fake_kernel kernel;
	struct iommut_leaf leaf;
	char *root = fake_sysfs_new();

	fake_kernel_init(&kernel, root);
	g_assert_cmpint(page_table_leaf_on(&kernel.sys, "what", 0, 0, &leaf), ==, -EINVAL);
	g_assert_cmpint(page_table_leaf_on(&kernel.sys, FAKE_BDF, IOMMUT_NO_PASID, 0, &leaf), ==,
			-EOPNOTSUPP);
	fake_sysfs_write(root, INTEL "/domain_translation_struct", "");
	g_assert_cmpint(page_table_leaf_on(&kernel.sys, FAKE_BDF, IOMMUT_NO_PASID, 0, &leaf), ==,
			-ENODEV);
	fake_sysfs_write(
		root, INTEL "/domain_translation_struct",
		"Device 0000:00:05.0 with pasid 0 @0x104d7f000\n"
		"IOVA_PFN         \tPML5E             \tPML4E             \tPDPE\tPDE\tPTE\n"
		"0x0000000000100 "
		"|\t0x0000000000000000\t0x0000000104d80003\t0x0000000104d81003\t0x0000000104d82003"
		"\t0x0000000003c00003\n"
		"0x0000000000200 "
		"|\t0x0000000000000000\t0x0000000104d80003\t0x0000000104d81003\t0x0000000105000083"
		"\n"
		"0x0000000040000 |\t0x0000000000000000\t0x0000000104d80003\t0x0000000140000083\n");
	g_assert_cmpint(
		page_table_leaf_on(&kernel.sys, "00:05.0", IOMMUT_NO_PASID, 0x100fff, &leaf), ==,
		0);
	g_assert_cmpuint(leaf.size, ==, 4096);
	g_assert_cmphex(leaf.entry, ==, 0x3c00003);
	g_assert_cmpint(page_table_leaf_on(&kernel.sys, FAKE_BDF, IOMMUT_NO_PASID, 0x3fffff, &leaf),
			==, 0);
	g_assert_cmphex(leaf.iova, ==, 0x200000);
	g_assert_cmpuint(leaf.size, ==, 2 << 20);
	g_assert_cmpint(
		page_table_leaf_on(&kernel.sys, FAKE_BDF, IOMMUT_NO_PASID, 0x40000000, &leaf), ==,
		0);
	g_assert_cmpuint(leaf.size, ==, 1 << 30);
	g_assert_cmpint(page_table_leaf_on(&kernel.sys, FAKE_BDF, IOMMUT_NO_PASID, 0x101000, &leaf),
			==, -ENOENT);
	g_assert_cmpint(page_table_leaf_on(&kernel.sys, FAKE_BDF, 0x1f, 0x101000, &leaf), ==,
			-EOPNOTSUPP);
	fake_sysfs_write(root, INTEL "/1f/domain_translation_struct", "Device\n0x1 | 0x2\n");
	g_assert_cmpint(page_table_leaf_on(&kernel.sys, FAKE_BDF, 0x1f, 0x1000, &leaf), ==,
			-EBADMSG);
	fake_sysfs_write(root, INTEL "/1f/domain_translation_struct",
			 "Device\n0x1 | 0x0 0x0 0x0 0x0 0x0\n");
	g_assert_cmpint(page_table_leaf_on(&kernel.sys, FAKE_BDF, 0x1f, 0x1000, &leaf), ==,
			-EBADMSG);
	fake_sysfs_free(root);
}

#define AMD "/sys/kernel/debug/iommu/amd"

static void test_amd_entry(void)
{
	struct iommut_amd_entry entry;
	struct fake_kernel kernel;
	char *root = fake_sysfs_new();

	fake_kernel_init(&kernel, root);
	g_assert_cmpint(amd_entry_get_on(&kernel.sys, "5", &entry), ==, -EINVAL);
	g_assert_cmpint(amd_entry_get_on(&kernel.sys, FAKE_BDF, &entry), ==, -EOPNOTSUPP);
	fake_sysfs_write(root, AMD "/devid", "");
	g_assert_cmpint(amd_entry_get_on(&kernel.sys, FAKE_BDF, &entry), ==, -EOPNOTSUPP);
	fake_sysfs_write(root, AMD "/devtbl", "Enter a valid device ID to 'devid' file\n");
	g_assert_cmpint(amd_entry_get_on(&kernel.sys, FAKE_BDF, &entry), ==, -EBADMSG);
	fake_sysfs_write(root, AMD "/devtbl",
			 "DeviceId             QWORD[3]         QWORD[2]         QWORD[1]         "
			 "QWORD[0] iommu\n"
			 "0000:00:05.0 0000000000000000 20000001373b8013 0000000000000038 "
			 "6000000114d7b603 iommu3\n");
	g_assert_cmpint(amd_entry_get_on(&kernel.sys, "00:05.0", &entry), ==, 0);
	g_assert_cmphex(entry.words[0], ==, 0x6000000114d7b603);
	g_assert_cmphex(entry.words[2], ==, 0x20000001373b8013);
	g_assert_true(entry.valid);
	g_assert_true(entry.translated);
	g_assert_cmpuint(entry.levels, ==, 3);
	g_assert_cmphex(entry.root, ==, 0x114d7b000);
	g_assert_cmphex(entry.domain, ==, 0x38);
	g_assert_cmpuint(entry.access, ==, IOMMUT_RW);
	/* Another device's line is not taken for this one's. */
	g_assert_cmpint(amd_entry_get_on(&kernel.sys, "00:06.0", &entry), ==, -EBADMSG);
	/* The kernel does not take a device that is behind no such IOMMU. */
	for (int error = EINVAL; error; error = error == EINVAL ? EACCES : 0) {
		kernel.fail_at = kernel.calls + 2;
		kernel.fail_with = -error;
		g_assert_cmpint(amd_entry_get_on(&kernel.sys, FAKE_BDF, &entry), ==,
				error == EINVAL ? -ENODEV : -EACCES);
	}
	for (unsigned int call = 4; call <= 5; call++) {
		kernel.fail_at = kernel.calls + call;
		kernel.fail_with = -EIO;
		g_assert_cmpint(amd_entry_get_on(&kernel.sys, FAKE_BDF, &entry), ==, -EIO);
	}
	fake_sysfs_free(root);
}

static void test_uevent(void)
{
	static const char add[] =
		"add@/devices/pci0000:00/0000:00:05.0\0ACTION=add\0"
		"DEVPATH=/devices/pci0000:00/0000:00:05.0\0SUBSYSTEM=pci\0PCI_ID=1234:11E9\0"
		"PCI_SLOT_NAME=0000:00:05.0\0SEQNUM=77";
	static const char cdev[] = "add@/x\0ACTION=add\0DEVPATH=/devices/x/vfio-dev/"
				   "vfio0\0SUBSYSTEM=vfio-dev\0DRIVER=d";
	g_autofree char *word = g_strnfill(1000, 'a');
	g_autofree char *lengthy = g_strconcat("a@b\nACTION=", word, "\nDEVPATH=", word, NULL);
	size_t length = strlen(lengthy) + 1;
	struct iommut_uevent event;

	g_assert_cmpint(iommut_uevent_parse(add, sizeof(add), &event), ==, 0);
	g_assert_cmpstr(event.action, ==, "add");
	g_assert_cmpstr(event.subsystem, ==, "pci");
	g_assert_cmpstr(event.name, ==, "0000:00:05.0");
	g_assert_cmpstr(event.driver, ==, "");
	g_assert_cmpint(iommut_uevent_parse(cdev, sizeof(cdev), &event), ==, 0);
	g_assert_cmpstr(event.name, ==, "vfio0");
	g_assert_cmpstr(event.driver, ==, "d");
	/* Without the last NUL, without words, from udev, or with words that are too long. */
	g_assert_cmpint(iommut_uevent_parse(add, sizeof(add) - 1, &event), ==, -EBADMSG);
	g_assert_cmpint(iommut_uevent_parse(add, 0, &event), ==, -EBADMSG);
	g_assert_cmpint(iommut_uevent_parse("libudev", 8, &event), ==, -EBADMSG);
	g_assert_cmpint(iommut_uevent_parse("add@/x", 7, &event), ==, -EBADMSG);
	for (char *at = lengthy; *at; at++)
		if (*at == '\n')
			*at = '\0';
	g_assert_cmpint(iommut_uevent_parse(lengthy, length, &event), ==, 0);
	g_assert_cmpuint(strlen(event.action), ==, sizeof(event.action) - 1);
	g_assert_cmpuint(strlen(event.path), ==, sizeof(event.path) - 1);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/accounting", test_accounting);
	g_test_add_func("/page-table", test_page_table);
	g_test_add_func("/amd-entry", test_amd_entry);
	g_test_add_func("/uevent", test_uevent);
	return g_test_run();
}
