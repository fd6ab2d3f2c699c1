// SPDX-License-Identifier: GPL-2.0-or-later
/* The default domain of an IOMMU group: identity, DMA, with or without a flush queue; and VFIO on top of each. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <iommut/pci.h>

#include "suites/parts.h"

SUITE("domains", "default domains of IOMMU groups, changed from one type to another");

#define DRIVER "vfio-pci"
#define RULE   "ABI sysfs-kernel-iommu_groups: type"

/* What the case has to leave as it was: the type of the group, and the device with its driver. */
static struct keeper {
	struct iommut_pci_device pci;
	char type[32];
} keeper;

static int write_type(const char *type)
{
	char path[96];
	int fd, error = 0;

	snprintf(path, sizeof(path), "/sys/kernel/iommu_groups/%d/type", keeper.pci.iommu_group);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (write(fd, type, strlen(type)) < 0)
		error = -errno;
	close(fd);
	return error;
}

static void put_back(void *argument)
{
	(void)iommut_pci_unbind(keeper.pci.name);
	(void)write_type(keeper.type);
	(void)iommut_pci_bind(keeper.pci.name, DRIVER, NULL);
}

/* Learns what there is, and skips where types cannot be changed. */
static void keep_group(struct test *t)
{
	struct iommut_pci_device *members;
	size_t count;

	expect_zero(t, iommut_pci_get(test_device_name(t, 0), &keeper.pci));
	if (iommut_pci_group_type(keeper.pci.iommu_group, keeper.type, sizeof(keeper.type)))
		skip(t, "the kernel shows no types of groups", "Linux 5.11 or later");
	expect_zero(t, iommut_pci_group(keeper.pci.iommu_group, &members, &count));
	free(members);
	if (count > 1)
		skip(t, "the group has other devices", "a device in a group of its own");
	undo_later(t, put_back, NULL);
}

/* The group gets a type, and its device no driver; skips for a type that the IOMMU has not. */
static void change_type(struct test *t, const char *type)
{
	char now[32];
	int error;

	expect_zero(t, iommut_pci_unbind(keeper.pci.name));
	error = write_type(type);
	if (error == -EINVAL || error == -ENODEV || error == -EOPNOTSUPP)
		skipf(t, "an IOMMU and a device that can have such a domain",
		      "the group cannot be of type %s: %s", type, strerror(-error));
	expect_zero(t, error);
	expect_zero(t, iommut_pci_group_type(keeper.pci.iommu_group, now, sizeof(now)));
	note(t, "group %d is of type %s after %s was written; it was %s", keeper.pci.iommu_group,
	     now, type, keeper.type);
	if (strcmp(type, "auto") != 0)
		expect_that(t, strcmp(now, type) == 0, "the type is %s", now);
}

static void change_type_for_vfio(struct test *t, const char *type)
{
	change_type(t, type);
	expect_zero(t, iommut_pci_bind(keeper.pci.name, DRIVER, NULL));
}

/*
 * A device that was let through may be so for ever: with QEMU 10.2 (docs/findings.md) until its IOMMU hears that it has gone. No later case
 * must suffer from it.
 */
static void begin_anew(void)
{
	(void)iommut_pci_remove(keeper.pci.name);
	(void)iommut_pci_rescan();
	(void)iommut_pci_get(keeper.pci.name, &keeper.pci);
}

/* Where a page of this process is in memory (Documentation/admin-guide/mm/pagemap.rst); 0 if the kernel does not tell. */
static uint64_t physical(const void *address)
{
	uint64_t page = (uintptr_t)address / PAGE, entry = 0;
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? -1 : pread(fd, &entry, sizeof(entry), (off_t)(page * sizeof(entry)));

	if (fd >= 0)
		close(fd);
	return got == sizeof(entry) && entry >> 63 ? (entry & ((1ull << 55) - 1)) * PAGE : 0;
}

CASE(under_vfio,
     .proves = "whatever type a group has, VFIO's users see their own mappings: what is mapped is "
	       "reached, and physical addresses are not",
     .rule = RULE "; vfio.rst: a user's device is in a domain of the user's",
     .marks = LIST("exclusive"), .timeout_ms = 20000,
     .parameters = { BACKENDS, PARAMETER("type", "identity", "DMA", "DMA-FQ", "auto") })
{
	struct dma_buffer *mapped, *secret;
	struct rig *rig;
	uint64_t address;

	keep_group(t);
	change_type_for_vfio(t, param(t, "type"));
	rig = rig_open(t);
	need(rig, ENGINE_WRITE | ENGINE_READ);
	/* Where memory is found is chance: a verdict must not hang on it. */
	if (rig->engine.dma_mask != UINT64_MAX)
		skip(t, "the device cannot send every physical address",
		     "a device with 64-bit DMA");
	mapped = map_buffer(rig, PAGE);
	expect_reaches(mapped);
	/* Memory that is there and pinned, but that the device can only know by its physical address. */
	secret = map_buffer(rig, PAGE);
	expect_reaches(secret);
	fill_canary(secret);
	address = physical(secret->data);
	if (!address)
		skip(t, "physical addresses cannot be seen", "CONFIG_PROC_PAGE_MONITOR, and root");
	expect(t, address != secret->iova && address != mapped->iova);
	expect_write_blocked(rig, address, 8);
	expect_canary(secret);
	memset(secret->data, 0x5e, PAGE);
	expect_read_blocked(rig, address, secret->data, 8);
	unmap_buffer(mapped);
	fill_canary(mapped);
	expect_write_blocked(rig, mapped->iova, 8);
	expect_canary(mapped);
}

CASE(after_vfio,
     .proves = "a device that VFIO has given back keeps the type of its group, and can be used "
	       "again",
     .rule = RULE, .marks = LIST("exclusive"), .timeout_ms = 20000,
     .parameters = { BACKENDS, PARAMETER("type", "identity", "DMA") })
{
	char now[32];

	keep_group(t);
	change_type_for_vfio(t, param(t, "type"));
	for (int round = 0; round < 2; round++) {
		struct rig *rig = rig_open(t);

		expect_reaches(map_buffer(rig, PAGE));
		rig_close(rig);
		expect_zero(t, iommut_pci_group_type(keeper.pci.iommu_group, now, sizeof(now)));
		expect_that(t, strcmp(now, param(t, "type")) == 0, "the type is %s", now);
	}
}

CASE(driverless,
     .proves =
	     "a device that no driver has reaches memory by its physical address while the type of "
	     "its group is identity, and nothing while it is another, however often it changes",
     .rule = RULE "; kernel-parameters.txt: iommu.passthrough", .marks = LIST("exclusive"),
     .timeout_ms = 20000, .devices = 2,
     .parameters = { IOMMUFD_ONLY, PARAMETER("type", "DMA", "DMA-FQ") })
{
	struct dma_buffer *target;
	struct parts *parts;
	uint64_t address;
	bool refused;

	need_groups_apart(t, test_device_name(t, 0), test_device_name(t, 1));
	keep_group(t);
	/* The other device's mapping keeps the page where it is. */
	target = map_buffer(rig_open_in(t, NULL, 1, NULL), PAGE);
	address = physical(target->data);
	if (!address)
		skip(t, "physical addresses cannot be seen", "CONFIG_PROC_PAGE_MONITOR, and root");
	provokes_faults(t, &(struct provocation){ .device = test_device_name(t, 0),
						  .access = PROVOKED_WRITE,
						  .first = address,
						  .last = address + PAGE - 1,
						  .pasid = ANY_PASID });
	for (int round = 0; round < 3; round++) {
		change_type(t, "identity");
		parts = parts_open_driverless(t, 0);
		expect_parts_work(parts, target->data, address);
		parts_close_all(parts);
		change_type(t, param(t, "type"));
		parts = parts_open_driverless(t, 0);
		fill_canary(target);
		refused = !parts_fill(parts, address, PAGE, random64(t));
		parts_close_all(parts);
		if (!refused)
			begin_anew();
		expect_canary(target);
		expect_that(t, refused, "the device is told of no error");
	}
}

CASE(not_under_a_driver,
     .proves = "the type of a group does not change while a driver has its device, and not to one "
	       "that does not exist",
     .rule = RULE, .marks = LIST("exclusive"), .parameters = { BACKENDS })
{
	static const char *const unknown[] = { "blocked", "bypass", "DMA-", "identity x" };
	struct dma_buffer *buffer;
	struct rig *rig;
	char now[32];
	int error;

	keep_group(t);
	rig = rig_open(t);
	buffer = map_buffer(rig, PAGE);
	error = write_type(strcmp(keeper.type, "identity") == 0 ? "DMA" : "identity");
	expect_that(t, error == -EPERM || error == -EBUSY, "it returned %d", error);
	for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++)
		expect_errno(t, write_type(unknown[i]), EINVAL);
	expect_zero(t, iommut_pci_group_type(keeper.pci.iommu_group, now, sizeof(now)));
	expect_that(t, strcmp(now, keeper.type) == 0, "the type is %s", now);
	expect_reaches(buffer);
}
