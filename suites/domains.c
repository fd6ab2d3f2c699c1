// SPDX-License-Identifier: GPL-2.0-or-later
/* The default domain of an IOMMU group: identity, DMA, with or without a flush queue; and VFIO on top of each. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "suites/domains.h"

SUITE("domains", "default domains of IOMMU groups, changed from one type to another");

#define DRIVER "vfio-pci"

static void change_type_for_vfio(struct test *t, struct group_keeper *keeper, const char *type)
{
	change_type(t, keeper, type);
	expect_zero(t, iommut_pci_bind(test_device_name(t, 0), DRIVER, NULL));
}

/*
 * A device that was let through may be so for ever: with QEMU 10.2 (docs/findings.md) until its IOMMU hears that it has gone. No later case
 * must suffer from it.
 */
static void begin_anew(struct test *t, struct group_keeper *keeper)
{
	struct iommut_pci_device pci;

	(void)iommut_pci_remove(test_device_name(t, 0));
	(void)iommut_pci_rescan();
	if (iommut_pci_get(test_device_name(t, 0), &pci) == 0)
		keeper->group = pci.iommu_group;
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
     .rule = RULE_TYPE "; vfio.rst: a user's device is in a domain of the user's",
     .marks = LIST("exclusive"), .timeout_ms = 20000,
     .parameters = { BACKENDS, PARAMETER("type", "identity", "DMA", "DMA-FQ", "auto") })
{
	struct dma_buffer *mapped, *secret;
	struct group_keeper *keeper;
	struct rig *rig;
	uint64_t address;

	keeper = keep_group(t, NULL);
	change_type_for_vfio(t, keeper, param(t, "type"));
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
     .rule = RULE_TYPE, .marks = LIST("exclusive"), .timeout_ms = 20000,
     .parameters = { BACKENDS, PARAMETER("type", "identity", "DMA") })
{
	struct group_keeper *keeper;
	char now[32];

	keeper = keep_group(t, NULL);
	change_type_for_vfio(t, keeper, param(t, "type"));
	for (int round = 0; round < 2; round++) {
		struct rig *rig = rig_open(t);

		expect_reaches(map_buffer(rig, PAGE));
		rig_close(rig);
		expect_zero(t, iommut_pci_group_type(keeper->group, now, sizeof(now)));
		expect_that(t, strcmp(now, param(t, "type")) == 0, "the type is %s", now);
	}
}

CASE(driverless,
     .proves =
	     "a device that no driver has reaches memory by its physical address while the type of "
	     "its group is identity, and nothing while it is another, however often it changes",
     .rule = RULE_TYPE "; kernel-parameters.txt: iommu.passthrough", .marks = LIST("exclusive"),
     .timeout_ms = 20000, .devices = 2,
     .parameters = { IOMMUFD_ONLY, PARAMETER("type", "DMA", "DMA-FQ") })
{
	struct dma_buffer *target;
	struct group_keeper *keeper;
	struct parts *parts;
	uint64_t address;
	bool refused;

	need_groups_apart(t, test_device_name(t, 0), test_device_name(t, 1));
	keeper = keep_group(t, NULL);
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
		change_type(t, keeper, "identity");
		parts = parts_open_driverless(t, 0);
		expect_parts_work(parts, target->data, address);
		parts_close_all(parts);
		change_type(t, keeper, param(t, "type"));
		parts = parts_open_driverless(t, 0);
		fill_canary(target);
		refused = !parts_fill(parts, address, PAGE, random64(t));
		parts_close_all(parts);
		if (!refused)
			begin_anew(t, keeper);
		expect_canary(target);
		expect_that(t, refused, "the device is told of no error");
	}
}

CASE(not_under_a_driver,
     .proves = "the type of a group does not change while a driver has its device, and not to one "
	       "that does not exist",
     .rule = RULE_TYPE, .marks = LIST("exclusive"), .parameters = { BACKENDS })
{
	static const char *const unknown[] = { "blocked", "bypass", "DMA-", "identity x" };
	struct dma_buffer *buffer;
	struct group_keeper *keeper;
	struct rig *rig;
	char now[32];
	int error;

	keeper = keep_group(t, NULL);
	rig = rig_open(t);
	buffer = map_buffer(rig, PAGE);
	error = group_write_type(keeper,
				 strcmp(keeper->type, "identity") == 0 ? "DMA" : "identity");
	expect_that(t, error == -EPERM || error == -EBUSY, "it returned %d", error);
	for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++)
		expect_errno(t, group_write_type(keeper, unknown[i]), EINVAL);
	expect_zero(t, iommut_pci_group_type(keeper->group, now, sizeof(now)));
	expect_that(t, strcmp(now, keeper->type) == 0, "the type is %s", now);
	expect_reaches(buffer);
}
