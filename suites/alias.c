// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Devices that share a requester ID. A bridge from PCI Express to conventional PCI sends what the devices behind it do under an ID
 * of its own, so that the IOMMU cannot tell them apart: Linux puts them into one group.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <iommut/capability.h>
#include <iommut/iommufd.h>
#include <iommut/pci.h>
#include <iommut/vfio.h>

#include "harness/dma.h"

SUITE("alias", "devices that the IOMMU cannot tell apart: one requester ID, one group");

#define PAGE 4096ull
#define RULE                                                                                     \
	"PCI Express to PCI/PCI-X Bridge 1.0, 2.3: the requester ID of forwarded transactions; " \
	"vfio.rst: a group is what can be isolated"

/* Two devices of one group. */
struct aliases {
	struct iommut_pci_device pci[2];
};

static struct aliases need_aliases(struct test *t)
{
	struct iommut_pci_features features;
	struct aliases aliases;

	for (int i = 0; i < 2; i++)
		expect_zero(t, iommut_pci_get(test_device_name(t, i), &aliases.pci[i]));
	expect_zero(t, iommut_pci_features_get(aliases.pci[0].name, &features));
	if (features.express || aliases.pci[0].bdf.bus != aliases.pci[1].bdf.bus)
		skipf(t,
		      "two devices behind a bridge to conventional PCI: lab profile intel-bridge",
		      "%s and %s have requester IDs of their own", aliases.pci[0].name,
		      aliases.pci[1].name);
	return aliases;
}

CASE(one_group, .proves = "devices behind a bridge to conventional PCI are in one IOMMU group",
     .rule = RULE, .devices = 2, .parameters = { IOMMUFD_ONLY })
{
	struct aliases aliases = need_aliases(t);

	note(t, "%s is in group %d, %s in group %d", aliases.pci[0].name,
	     aliases.pci[0].iommu_group, aliases.pci[1].name, aliases.pci[1].iommu_group);
	expect(t, aliases.pci[0].iommu_group >= 0);
	expect_equal(t, aliases.pci[0].iommu_group, aliases.pci[1].iommu_group);
}

CASE(one_space,
     .proves = "devices that share a requester ID work side by side in one address space, and lose "
	       "a mapping together",
     .rule = RULE, .devices = 2, .timeout_ms = 20000, .parameters = { BACKENDS })
{
	struct iommut_space *space;
	struct rig *first, *second;
	struct dma_buffer *buffer;
	uint64_t value, seen = 0;

	(void)need_aliases(t);
	space = rig_open_space(t);
	first = rig_open_in(t, space, 0, NULL);
	second = rig_open_in(t, space, 1, NULL);
	buffer = map_buffer(first, PAGE);
	value = random64(t);
	expect_write(first, buffer->iova, &value, sizeof(value));
	expect_bytes(t, buffer->data, &value, sizeof(value));
	expect_read(second, buffer->iova, &seen, sizeof(seen));
	expect_equal(t, seen, value);
	unmap_buffer(buffer);
	fill_canary(buffer);
	expect_write_blocked(first, buffer->iova, 8);
	expect_write_blocked(second, buffer->iova, 8);
	expect_canary(buffer);
}

CASE(no_second_space,
     .proves = "a device cannot go to another address space than the one that shares its requester "
	       "ID, and the other one goes on undisturbed",
     .rule = RULE, .devices = 2, .timeout_ms = 20000, .parameters = { BACKENDS })
{
	struct iommut_device *second = NULL;
	struct iommut_space *space;
	struct dma_buffer *buffer;
	struct rig *rig;
	int error;

	(void)need_aliases(t);
	rig = rig_open(t);
	buffer = map_buffer(rig, PAGE);
	expect_reaches(buffer);
	space = rig_open_space(t);
	error = iommut_device_open(&second, space, test_device_name(t, 1));
	iommut_device_close(second);
	note(t, "the second device: %s", strerror(-error));
	expect_that(t, error < 0, "it was opened in an address space of its own");
	expect_reaches(buffer);
}

CASE(no_second_ioas,
     .proves = "within one iommufd, too, a device cannot be attached to another IOAS than the one "
	       "that shares its requester ID",
     .rule = "iommufd: devices of a group are attached to one page table", .devices = 2,
     .timeout_ms = 20000, .parameters = { IOMMUFD_ONLY })
{
	struct rig *first, *second;
	struct iommut_handle iommufd;
	struct dma_buffer *buffer;
	uint32_t ioas[2];

	(void)need_aliases(t);
	first = rig_open(t);
	buffer = map_buffer(first, PAGE);
	expect_reaches(buffer);
	iommufd = iommut_space_handle(first->space);
	expect_zero(t, iommut_space_ioas(first->space, &ioas[0]));
	expect_zero(t, iommut_ioas_alloc(iommufd, &ioas[1]));
	second = rig_open_in(t, first->space, 1,
			     &(struct iommut_device_options){ .flags = IOMMUT_DEVICE_DETACHED });
	expect_that(t, iommut_device_attach(second->device, ioas[1]) < 0,
		    "it is attached to an IOAS of its own");
	expect_reaches(buffer);
	expect_zero(t, iommut_device_attach(second->device, ioas[0]));
	expect_reaches(buffer);
	/* The second one leaves; what the first one is attached to stays. */
	rig_close(second);
	expect_reaches(buffer);
	expect_zero(t, iommut_destroy(iommufd, ioas[1]));
}

/* The IDs under which a device behind the bridge may be seen: its own, the bridge's, or function 0 of the bridge's bus. */
static bool is_alias(const struct iommut_bdf *seen, const struct iommut_bdf *device)
{
	if (seen->domain != device->domain)
		return false;
	if (seen->bus == device->bus)
		return (seen->device == device->device && seen->function == device->function) ||
		       (seen->device == 0 && seen->function == 0);
	return false;
}

CASE(fault_names_alias,
     .proves = "the report of a refused transaction names the device or the ID that it shares, and "
	       "the address",
     .rule = RULE "; VT-d 4.1, 7.3: fault recording: SID", .devices = 2, .marks = LIST("exclusive"),
     .timeout_ms = 30000, .parameters = { BACKENDS })
{
	struct aliases aliases = need_aliases(t);
	struct rig *rig = rig_open(t);
	struct dma_buffer *buffer = map_buffer(rig, PAGE);
	struct fault_watch *watch = watch_faults(t);
	struct iommut_fault fault;

	expect_reaches(buffer);
	unmap_buffer(buffer);
	fill_canary(buffer);
	provoke_dma_report(watch, rig, buffer->iova, true, &fault);
	expect_canary(buffer);
	expect(t, fault.fields & IOMMUT_FAULT_HAS_DEVICE);
	expect_that(t, is_alias(&fault.bdf, &aliases.pci[0].bdf),
		    "this is neither %s nor what stands for it", aliases.pci[0].name);
	if (fault.fields & IOMMUT_FAULT_HAS_ADDRESS)
		expect_equal(t, fault.address & ~(PAGE - 1), buffer->iova);
}
