// SPDX-License-Identifier: GPL-2.0-or-later
/* A device's descriptors: opened, closed, copied and handed on in every order. */
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <iommut/pci.h>
#include <iommut/testdev-registers.h>

#include "suites/child.h"
#include "suites/parts.h"

SUITE("lifecycle", "devices from open to close, in every order, and what ends them early");

#define GROUP_BACKENDS PARAMETER("backend", "type1", "compat")

/* Opens everything, maps a page, and sees the device reach it. */
static struct parts *open_working(struct test *t, int index, uint8_t *page)
{
	struct parts *parts = parts_open(t, index);

	expect_zero(t, parts_map(parts, page, PAGE, PARTS_IOVA));
	expect_parts_work(parts, page, PARTS_IOVA);
	return parts;
}

/* Closes in an order. The device works as long as a descriptor or a mapping of it is left, and can be opened again afterwards. */
static void close_in_order(struct test *t, const char *order)
{
	uint8_t *page = shared_page(t);
	struct parts *parts = open_working(t, 0, page);

	for (const char *which = order; *which; which++) {
		parts_close(parts, *which);
		if (parts->registers)
			expect_parts_work(parts, page, PARTS_IOVA);
	}
	expect_usable(t, 0);
}

CASE(close_order_group,
     .proves =
	     "container, group, device and a mapping of its registers can be closed in any order: "
	     "the device works until the last of its own is gone, and can then be opened again",
     .rule = "vfio.rst: a device file keeps its group, a group its container",
     .marks = LIST("smoke"),
     .parameters = { GROUP_BACKENDS, PARAMETER("order", "rdgs", "rdsg", "sgdr", "gsdr", "sgrd",
					       "gdrs", "dsgr", "drsg") })
{
	close_in_order(t, param(t, "order"));
}

CASE(close_order_cdev,
     .proves = "/dev/iommu, device and a mapping of its registers can be closed in any order: the "
	       "device works until the last of its own is gone, and can then be opened again",
     .rule = "iommufd.rst: a bound device keeps its iommufd context", .marks = LIST("smoke"),
     .needs = LIST("iommufd"),
     .parameters = { IOMMUFD_ONLY, PARAMETER("order", "rds", "rsd", "sdr", "srd", "dsr", "drs") })
{
	close_in_order(t, param(t, "order"));
}

CASE(mapping_keeps_open,
     .proves = "while a mapping of its registers is left, a device whose descriptors are closed is "
	       "still its owner's: nobody else can open it",
     .rule = "mmap(2): a mapping keeps the file; vfio.rst: closing the last file descriptor",
     .parameters = { BACKENDS })
{
	uint8_t *page = shared_page(t);
	struct parts *parts = open_working(t, 0, page);
	struct iommut_space *space;
	struct iommut_device *second = NULL;
	int error;

	parts_close(parts, 'd');
	parts_close(parts, 'g');
	parts_close(parts, 's');
	expect_zero(t, iommut_space_open(&space, parts->backend));
	error = iommut_device_open(&second, space, test_device_name(t, 0));
	iommut_device_close(second);
	iommut_space_close(space);
	expect_that(t, error < 0, "it was opened a second time");
	note(t, "refused: %s", strerror(-error));
	expect_parts_work(parts, page, PARTS_IOVA);
	parts_close(parts, 'r');
	expect_usable(t, 0);
}

CASE(duplicated,
     .proves = "of two copies of a device's descriptor either can be closed first; the device is "
	       "given back with the second",
     .rule = "dup(2); vfio.rst: closing the last file descriptor", .parameters = { BACKENDS })
{
	uint8_t *page = shared_page(t);

	for (int first = 0; first < 2; first++) {
		struct parts *parts = open_working(t, 0, page);
		int copy = dup(parts->device.fd);

		expect_that(t, copy >= 0, "dup: %s", strerror(errno));
		if (first) {
			int original = parts->device.fd;

			parts->device.fd = copy;
			copy = original;
		}
		close(copy);
		expect_parts_work(parts, page, PARTS_IOVA);
		expect_zero(t, parts_map(parts, page, PAGE, PARTS_IOVA + PAGE));
		expect_parts_work(parts, page, PARTS_IOVA + PAGE);
		parts_close_all(parts);
		expect_usable(t, 0);
	}
}

CASE(second_descriptor,
     .proves = "a group hands out a device twice; each descriptor works, and closing one takes "
	       "nothing from the other",
     .rule = "vfio.h: VFIO_GROUP_GET_DEVICE_FD", .parameters = { GROUP_BACKENDS })
{
	uint8_t *page = shared_page(t);
	struct parts *parts = open_working(t, 0, page);
	int second = parts_device_again(parts), first = parts->device.fd;

	if (second == -EBUSY)
		skip(t, "the group hands a device out once",
		     "a kernel whose groups open a device several times");
	expect_that(t, second >= 0, "%s", strerror(-second));
	expect_parts_work(parts, page, PARTS_IOVA);
	parts->device.fd = dup(second);
	close(first);
	expect_parts_work(parts, page, PARTS_IOVA);
	expect_zero(t, parts_map(parts, page, PAGE, PARTS_IOVA + PAGE));
	expect_parts_work(parts, page, PARTS_IOVA + PAGE);
}

CASE(cdev_second,
     .proves = "a device's file can be opened again while it is bound, but not bound again, to the "
	       "same iommufd or another",
     .rule = "vfio.h: VFIO_DEVICE_BIND_IOMMUFD: a device is bound once", .needs = LIST("iommufd"),
     .parameters = { IOMMUFD_ONLY })
{
	uint8_t *page = shared_page(t);
	struct parts *parts = open_working(t, 0, page);
	struct iommut_handle other;
	uint32_t id;
	int second = parts_device_again(parts);

	expect_that(t, second >= 0, "%s", strerror(-second));
	expect(t, iommut_vfio_bind_iommufd(iommut_handle(second), parts->space, NULL, &id) < 0);
	expect_zero(t, iommut_iommufd_open(&other));
	expect(t, iommut_vfio_bind_iommufd(iommut_handle(second), other, NULL, &id) < 0);
	/* Nor can the one that is bound be bound again. */
	expect(t, iommut_vfio_bind_iommufd(parts->device, other, NULL, &id) < 0);
	expect_zero(t, iommut_handle_close(&other));
	expect_parts_work(parts, page, PARTS_IOVA);
}

CASE(unbound_descriptor,
     .proves =
	     "a device's file that is not bound to an iommufd gives nothing away: no registers, no "
	     "interrupts, no attachment",
     .rule = "vfio.rst: device access is blocked until VFIO_DEVICE_BIND_IOMMUFD",
     .needs = LIST("iommufd"), .parameters = { IOMMUFD_ONLY })
{
	struct vfio_region_info bar = { .argsz = sizeof(bar) };
	struct vfio_device_info info = { .argsz = sizeof(info) };
	struct iommut_handle device;
	uint32_t word;

	expect_usable(t, 0);
	expect_zero(t, iommut_vfio_cdev_open(&device, test_device_name(t, 0)));
	expect(t, iommut_vfio_device_get_info_raw(device, &info) < 0);
	expect(t, iommut_vfio_device_get_region_info_raw(device, &bar) < 0);
	expect(t, iommut_vfio_attach(device, IOMMUT_NO_PASID, 1) < 0);
	expect(t, iommut_vfio_device_reset_raw(device) < 0);
	expect(t, pread(device.fd, &word, sizeof(word), 0) < 0);
	expect(t, mmap(NULL, PAGE, PROT_READ, MAP_SHARED, device.fd, 0) == MAP_FAILED);
	expect_zero(t, iommut_handle_close(&device));
	expect_usable(t, 0);
}

CASE(group_or_cdev,
     .proves = "a device that is open through its group cannot be bound through its own file, and "
	       "the other way round",
     .rule = "vfio.rst: group and cdev access exclude each other", .parameters = { BACKENDS })
{
	uint8_t *page = shared_page(t);
	struct parts *parts = open_working(t, 0, page);
	struct iommut_handle other = { .fd = -1 }, iommufd = { .fd = -1 };
	struct iommut_pci_device pci;
	int error;

	expect_zero(t, iommut_pci_get(test_device_name(t, 0), &pci));
	if (parts->backend == IOMMUT_IOMMUFD) {
		error = iommut_vfio_group_open(&other, pci.iommu_group);
		if (error == -EOPNOTSUPP || error == -ENOENT)
			skip(t, "the kernel has no groups", "a kernel with CONFIG_VFIO_GROUP");
	} else {
		uint32_t id;

		error = iommut_vfio_cdev_open(&other, pci.name);
		if (error == -EOPNOTSUPP || error == -ENOENT)
			skip(t, "the kernel has no files of devices",
			     "a kernel with CONFIG_VFIO_DEVICE_CDEV");
		if (!error) {
			expect_zero(t, iommut_iommufd_open(&iommufd));
			error = iommut_vfio_bind_iommufd(other, iommufd, NULL, &id);
		}
	}
	if (other.fd >= 0)
		(void)iommut_handle_close(&other);
	if (iommufd.fd >= 0)
		(void)iommut_handle_close(&iommufd);
	expect_that(t, error < 0, "it was opened both ways");
	note(t, "refused: %s", strerror(-error));
	expect_parts_work(parts, page, PARTS_IOVA);
	parts_close_all(parts);
	expect_usable(t, 0);
}

CASE(group_twice,
     .proves = "a group that is open cannot be opened again, by its owner or another process",
     .rule = "vfio.rst: a group is opened once", .parameters = { GROUP_BACKENDS })
{
	uint8_t *page = shared_page(t);
	struct parts *parts = open_working(t, 0, page);
	struct iommut_handle again;
	struct iommut_pci_device pci;

	expect_zero(t, iommut_pci_get(test_device_name(t, 0), &pci));
	expect_errno(t, iommut_vfio_group_open(&again, pci.iommu_group), EBUSY);
	expect_parts_work(parts, page, PARTS_IOVA);
	parts_close_all(parts);
	expect_zero(t, iommut_vfio_group_open(&again, pci.iommu_group));
	expect_zero(t, iommut_handle_close(&again));
}

CASE(group_reopened,
     .proves = "a group whose descriptor was closed while its device is open is still in use: it "
	       "cannot be opened again, so that nobody gets the device a second time",
     .rule = "vfio.rst: a group is opened once; vfio_group_fops_release(): device descriptors hold "
	     "the group's file",
     .parameters = { GROUP_BACKENDS })
{
	uint8_t *page = shared_page(t);
	struct parts *parts = open_working(t, 0, page);
	struct iommut_handle again = { .fd = -1 };
	struct iommut_pci_device pci;
	int error;

	expect_zero(t, iommut_pci_get(test_device_name(t, 0), &pci));
	expect_errno(t, iommut_vfio_group_open(&again, pci.iommu_group), EBUSY);
	parts_close(parts, 'g');
	expect_parts_work(parts, page, PARTS_IOVA);
	error = iommut_vfio_group_open(&again, pci.iommu_group);
	if (!error)
		(void)iommut_handle_close(&again);
	expect_errno(t, error, EBUSY);
	expect_parts_work(parts, page, PARTS_IOVA);
	parts_close_all(parts);
	expect_zero(t, iommut_vfio_group_open(&again, pci.iommu_group));
	expect_zero(t, iommut_handle_close(&again));
	expect_usable(t, 0);
}

CASE(mappings_outlive_device,
     .proves = "an address space keeps its mappings while no device is in it, and the device that "
	       "comes back finds them",
     .rule = "iommufd.rst: an IOAS lives until it is destroyed", .needs = LIST("iommufd"),
     .parameters = { IOMMUFD_ONLY })
{
	struct iommut_space *space = rig_open_space(t);
	struct rig *rig = rig_open_in(t, space, 0, NULL);
	struct dma_buffer *buffer = map_buffer(rig, 4 * PAGE);
	uint64_t iova = buffer->iova;

	for (int round = 0; round < 3; round++) {
		uint64_t value = random64(t);

		expect_write(rig, iova, &value, sizeof(value));
		expect_bytes(t, buffer->data, &value, sizeof(value));
		fill_canary(buffer);
		rig_close(rig);
		expect_canary(buffer);
		rig = rig_open_in(t, space, 0, NULL);
	}
}
