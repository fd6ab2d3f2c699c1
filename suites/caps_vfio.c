// SPDX-License-Identifier: GPL-2.0-or-later
/* What VFIO announces of containers and devices: extensions, features, regions, interrupts, resets. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/pci_regs.h>
#include <linux/vfio.h>

#include <iommut/config.h>
#include <iommut/feature.h>
#include <iommut/irq.h>
#include <iommut/region.h>
#include <iommut/vfio.h>

#include "suites/caps.h"

#define PAGE        4096ull
#define CONTAINERS  PARAMETER("backend", "type1", "compat")
#define NESTING     6 /* VFIO_TYPE1_NESTING_IOMMU, which Linux 6.15 took out of vfio.h */
#define NO_SUCH_ONE 0x7001

/* A container with the case's device's group in it, and no IOMMU chosen yet. Given back at the end. */
struct container {
	struct iommut_handle container;
	struct iommut_handle group;
};

static void close_container(void *argument)
{
	struct container *container = argument;

	if (container->group.fd >= 0)
		(void)iommut_handle_close(&container->group);
	if (container->container.fd >= 0)
		(void)iommut_handle_close(&container->container);
	free(container);
}

static struct container *open_container(struct test *t)
{
	struct container *container = calloc(1, sizeof(*container));
	struct iommut_pci_device pci;
	int error;

	if (!container)
		fail(t, "out of memory");
	container->container.fd = container->group.fd = -1;
	undo_later(t, close_container, container);
	expect_zero(t, iommut_pci_get(test_device_name(t, 0), &pci));
	error = param_is(t, "backend", "type1") ? iommut_vfio_container_open(&container->container)
						: iommut_iommufd_open(&container->container);
	if (!error)
		error = iommut_vfio_group_open(&container->group, pci.iommu_group);
	if (error == -EOPNOTSUPP)
		skipf(t, "a kernel with VFIO's container and group, or iommufd's emulation of them",
		      "no %s backend", param(t, "backend"));
	expect_zero(t, error);
	error = iommut_vfio_group_set_container(container->group, container->container);
	need_isolated_interrupts(t, error);
	expect_zero(t, error);
	return container;
}

/* Where type1 looks at interrupts; iommufd does when it gets a group. */
static int choose_iommu(struct test *t, struct container *container, unsigned long type)
{
	int error = iommut_vfio_set_iommu_raw(container->container, type);

	need_isolated_interrupts(t, error);
	return error;
}

CASE(iommu_types,
     .proves = "a container takes exactly the kinds of IOMMU that it announces as extensions",
     .rule = "vfio.h: VFIO_CHECK_EXTENSION, VFIO_SET_IOMMU",
     .parameters = { CONTAINERS, PARAMETER("type", "type1", "type1v2", "spapr", "spapr-v2",
					   "nesting", "unknown") })
{
	static const struct {
		const char *name;
		unsigned long type;
	} types[] = {
		{ "type1", VFIO_TYPE1_IOMMU },
		{ "type1v2", VFIO_TYPE1v2_IOMMU },
		{ "spapr", VFIO_SPAPR_TCE_IOMMU },
		{ "spapr-v2", VFIO_SPAPR_TCE_v2_IOMMU },
		{ "nesting", NESTING },
		{ "unknown", NO_SUCH_ONE },
	};
	struct container *container = open_container(t);
	unsigned long type = NO_SUCH_ONE;
	int announced, error;

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (param_is(t, "type", types[i].name))
			type = types[i].type;
	announced = iommut_vfio_check_extension_raw(container->container, type);
	expect_that(t, announced >= 0, "VFIO_CHECK_EXTENSION: %s", strerror(-announced));
	error = choose_iommu(t, container, type);
	note(t, "%s is %s; choosing it: %s", param(t, "type"),
	     announced ? "announced" : "not announced", strerror(-error));
	if (type == NO_SUCH_ONE)
		expect_equal(t, announced, 0);
	if (announced) {
		expect_zero(t, error);
		return;
	}
	expect_that(t, error < 0, "it was not announced, and could be chosen");
	/* The refusal has spoilt nothing. */
	expect_zero(t, choose_iommu(t, container, VFIO_TYPE1v2_IOMMU));
}

CASE(no_noiommu,
     .proves = "a device behind an IOMMU is never given out in the mode without IOMMU, whatever is "
	       "announced",
     .rule = "vfio.h: VFIO_NOIOMMU_IOMMU: for groups without an IOMMU",
     .parameters = { CONTAINERS })
{
	struct container *container = open_container(t);

	note(t, "VFIO_NOIOMMU_IOMMU: %d",
	     iommut_vfio_check_extension_raw(container->container, VFIO_NOIOMMU_IOMMU));
	expect_that(t, iommut_vfio_set_iommu_raw(container->container, VFIO_NOIOMMU_IOMMU) < 0,
		    "the container went without an IOMMU");
	expect_zero(t, choose_iommu(t, container, VFIO_TYPE1v2_IOMMU));
}

CASE(unmap_all, .proves = "a container unmaps everything at once exactly where it says so",
     .rule = "vfio.h: VFIO_UNMAP_ALL, VFIO_DMA_UNMAP_FLAG_ALL", .parameters = { CONTAINERS })
{
	struct caps caps = caps_open(t);
	struct vfio_iommu_type1_dma_unmap unmap = { .argsz = sizeof(unmap),
						    .flags = VFIO_DMA_UNMAP_FLAG_ALL };
	struct dma_buffer *buffer = map_buffer(caps.rig, PAGE);
	bool announced = caps_extension(&caps, VFIO_UNMAP_ALL);
	int error;

	need(caps.rig, ENGINE_WRITE);
	expect_reaches(buffer);
	error = iommut_vfio_unmap_dma_raw(iommut_space_handle(caps.rig->space), &unmap);
	note(t, "%s; %s", announced ? "announced" : "not announced", strerror(-error));
	if (!announced) {
		expect_that(t, error < 0, "it was not announced, and it was done");
		expect_reaches(buffer);
		return;
	}
	expect_zero(t, error);
	expect(t, unmap.size >= PAGE);
	buffer->mapped = false;
	fill_canary(buffer);
	expect_write_blocked(caps.rig, buffer->iova, 8);
	expect_canary(buffer);
}

CASE(update_address,
     .proves = "a container lets the process's address of a mapping change exactly where it says "
	       "so, and the device keeps its memory either way",
     .rule = "vfio.h: VFIO_UPDATE_VADDR, VFIO_DMA_UNMAP_FLAG_VADDR, VFIO_DMA_MAP_FLAG_VADDR",
     .parameters = { CONTAINERS })
{
	struct caps caps = caps_open(t);
	struct iommut_handle container = iommut_space_handle(caps.rig->space);
	struct dma_buffer *buffer = map_buffer_with(
		caps.rig, PAGE, &(struct buffer_options){ .kind = IOMMUT_MEMORY_MEMFD });
	struct vfio_iommu_type1_dma_unmap unmap = { .argsz = sizeof(unmap),
						    .flags = VFIO_DMA_UNMAP_FLAG_VADDR,
						    .iova = buffer->iova,
						    .size = PAGE };
	struct vfio_iommu_type1_dma_map map = { .argsz = sizeof(map),
						.flags = VFIO_DMA_MAP_FLAG_VADDR,
						.iova = buffer->iova,
						.size = PAGE };
	bool announced = caps_extension(&caps, VFIO_UPDATE_VADDR);
	void *again;
	int error;

	expect_reaches(buffer);
	error = iommut_vfio_unmap_dma_raw(container, &unmap);
	note(t, "%s; %s", announced ? "announced" : "not announced", strerror(-error));
	if (!announced) {
		expect_that(t, error < 0, "it was not announced, and it was done");
		expect_reaches(buffer);
		return;
	}
	expect_zero(t, error);
	/* Translations stay while there is no address. */
	expect_reaches(buffer);
	again = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, buffer->memory->fd, 0);
	expect_that(t, again != MAP_FAILED, "mmap: %s", strerror(errno));
	map.vaddr = (uintptr_t)again;
	expect_zero(t, iommut_vfio_map_dma_raw(container, &map));
	expect_reaches(buffer);
	unmap_buffer(buffer);
	munmap(again, PAGE);
}

/* Every feature by its name in vfio.h, and one that does not exist. */
static const struct {
	const char *name;
	uint32_t feature;
} features[] = {
	{ "vf-token", VFIO_DEVICE_FEATURE_PCI_VF_TOKEN },
	{ "migration", VFIO_DEVICE_FEATURE_MIGRATION },
	{ "migration-state", VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE },
	{ "low-power-entry", VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY },
	{ "low-power-wakeup", VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY_WITH_WAKEUP },
	{ "low-power-exit", VFIO_DEVICE_FEATURE_LOW_POWER_EXIT },
	{ "logging-start", VFIO_DEVICE_FEATURE_DMA_LOGGING_START },
	{ "logging-stop", VFIO_DEVICE_FEATURE_DMA_LOGGING_STOP },
	{ "logging-report", VFIO_DEVICE_FEATURE_DMA_LOGGING_REPORT },
	{ "migration-size", VFIO_DEVICE_FEATURE_MIG_DATA_SIZE },
	{ "bus-master", VFIO_DEVICE_FEATURE_BUS_MASTER },
	{ "unknown", VFIO_DEVICE_FEATURE_MASK },
};

/* A feature that is not announced for getting or setting is refused with the same error when it is tried. */
static void check_feature(const struct caps *caps, const char *name, uint32_t feature, bool get)
{
	struct test *t = caps->t;
	int probed, tried;
	uint8_t data[64] = { 0 };

	probed = iommut_feature_probe(caps->rig->device, feature,
				      get ? VFIO_DEVICE_FEATURE_GET : VFIO_DEVICE_FEATURE_SET);
	note(t, "%s %s: %s", get ? "get" : "set", name, probed ? strerror(-probed) : "announced");
	if (!probed) {
		expect_that(t, feature != VFIO_DEVICE_FEATURE_MASK,
			    "a feature that does not exist is announced");
		return;
	}
	/* The library tells ENOTTY, a call that the kernel does not know, as EOPNOTSUPP. */
	expect_that(t, probed == -EOPNOTSUPP || probed == -EINVAL, "probing %s returned %d", name,
		    probed);
	tried = get ? iommut_feature_get(caps->rig->device, feature, data, sizeof(data))
		    : iommut_feature_set(caps->rig->device, feature, data, sizeof(data));
	expect_that(t, tried == probed, "%s is refused with %d when it is probed, and returns %d",
		    name, probed, tried);
}

CASE(device_features,
     .proves = "a feature that VFIO does not announce for a device cannot be used, and asking for "
	       "it changes nothing",
     .rule = "vfio.h: VFIO_DEVICE_FEATURE_PROBE", .parameters = { BACKENDS })
{
	struct caps caps = caps_open(t);

	for (size_t i = 0; i < sizeof(features) / sizeof(features[0]); i++) {
		check_feature(&caps, features[i].name, features[i].feature, true);
		check_feature(&caps, features[i].name, features[i].feature, false);
	}
	expect_reaches(map_buffer(caps.rig, PAGE));
}

CASE(low_power_as_announced,
     .proves = "a device that VFIO says it can send to sleep goes to sleep and comes back working",
     .rule = "vfio.h: VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY, _EXIT", .parameters = { BACKENDS })
{
	struct caps caps = caps_open(t);
	struct dma_buffer *buffer = map_buffer(caps.rig, PAGE);

	if (iommut_feature_probe(caps.rig->device, VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY,
				 VFIO_DEVICE_FEATURE_SET))
		skip(t, "VFIO cannot send the device to sleep",
		     "Linux 6.1 or later, with CONFIG_PM");
	expect_zero(t, iommut_feature_probe(caps.rig->device, VFIO_DEVICE_FEATURE_LOW_POWER_EXIT,
					    VFIO_DEVICE_FEATURE_SET));
	expect_reaches(buffer);
	expect_zero(t, iommut_feature_low_power_entry(caps.rig->device, -1));
	expect_zero(t, iommut_feature_low_power_exit(caps.rig->device));
	expect_reaches(buffer);
}

/* A region that exists can be read and mapped as its flags say; one that does not can be neither. */
static void check_region(const struct caps *caps, uint32_t index)
{
	struct vfio_region_info info = { .argsz = sizeof(info), .index = index };
	struct iommut_handle device = iommut_device_handle(caps->rig->device);
	struct test *t = caps->t;
	bool can_read, can_map;
	uint32_t value;
	uint8_t byte;
	void *mapped;

	expect_zero(t, iommut_vfio_device_get_region_info_raw(device, &info));
	note(t, "region %u: 0x%llx bytes, flags 0x%x", index, (unsigned long long)info.size,
	     info.flags);
	/* Behind the end there is nothing, whether or not the region exists. */
	expect_that(t, pread(device.fd, &byte, 1, (off_t)(info.offset + info.size)) <= 0,
		    "there is something behind the end of region %u", index);
	mapped = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, device.fd, (off_t)info.offset);
	can_map = mapped != MAP_FAILED;
	if (can_map)
		munmap(mapped, PAGE);
	expect_that(t, can_map == !!(info.flags & VFIO_REGION_INFO_FLAG_MMAP),
		    "region %u %s be mapped, and its flags are 0x%x", index,
		    can_map ? "can" : "cannot", info.flags);
	can_read = pread(device.fd, &value, sizeof(value), (off_t)info.offset) == sizeof(value);
	expect_that(t, can_read == (info.size && (info.flags & VFIO_REGION_INFO_FLAG_READ)),
		    "region %u %s be read, and its flags are 0x%x", index,
		    can_read ? "can" : "cannot", info.flags);
	if (index == VFIO_PCI_CONFIG_REGION_INDEX)
		expect_equal(t, info.size, caps->features.express ? 4096 : 256);
}

CASE(regions,
     .proves =
	     "each region of a device can be read and mapped exactly where VFIO says so, and ends "
	     "where it says",
     .rule = "vfio.h: struct vfio_region_info: flags, size", .parameters = { BACKENDS })
{
	struct caps caps = caps_open(t);

	for (uint32_t i = VFIO_PCI_BAR0_REGION_INDEX; i <= VFIO_PCI_CONFIG_REGION_INDEX; i++)
		check_region(&caps, i);
}

CASE(interrupt_kinds,
     .proves = "VFIO announces as many interrupts of each kind as the device's capabilities have",
     .rule = "vfio.h: struct vfio_irq_info: count; PCI 3.0, 6.8: MSI, MSI-X",
     .parameters = { BACKENDS })
{
	struct caps caps = caps_open(t);
	uint32_t count, flags;
	uint8_t pin = 0;

	expect_zero(t, iommut_config_read8(caps.rig->device, PCI_INTERRUPT_PIN, &pin));
	expect_zero(t, iommut_irq_count(caps.rig->device, IOMMUT_INTX, &count, &flags));
	expect_equal(t, count, pin ? 1 : 0);
	if (pin)
		expect(t, (flags & VFIO_IRQ_INFO_MASKABLE) && (flags & VFIO_IRQ_INFO_AUTOMASKED));
	expect_zero(t, iommut_irq_count(caps.rig->device, IOMMUT_MSI, &count, &flags));
	expect_equal(t, count, caps.features.msi_vectors);
	expect(t, !count || (flags & VFIO_IRQ_INFO_EVENTFD));
	expect_zero(t, iommut_irq_count(caps.rig->device, IOMMUT_MSIX, &count, &flags));
	expect_equal(t, count, caps.features.msix_vectors);
	expect(t, !count || (flags & VFIO_IRQ_INFO_EVENTFD));
	note(t, "pin %u, %u MSI, %u MSI-X", pin, caps.features.msi_vectors,
	     caps.features.msix_vectors);
}

CASE(reset,
     .proves = "a device can be reset exactly where VFIO says so, and sysfs names a way to do it",
     .rule = "vfio.h: VFIO_DEVICE_FLAGS_RESET; ABI sysfs-bus-pci: reset_method",
     .parameters = { BACKENDS })
{
	struct caps caps = caps_open(t);
	struct vfio_device_info info;
	char methods[128] = "";
	int error;

	(void)iommut_pci_reset_methods(caps.pci.name, methods, sizeof(methods));
	expect_zero(t, iommut_device_info(caps.rig->device, &info));
	error = iommut_device_reset(caps.rig->device);
	note(t, "%s; sysfs: '%s'; a reset: %s",
	     info.flags & VFIO_DEVICE_FLAGS_RESET ? "announced" : "not announced", methods,
	     strerror(-error));
	if (caps.features.flr)
		expect_that(t, strstr(methods, "flr"),
			    "the device has a function level reset; sysfs: '%s'", methods);
	if (info.flags & VFIO_DEVICE_FLAGS_RESET) {
		expect_zero(t, error);
		expect(t, *methods != '\0');
	} else {
		expect_that(t, error < 0, "it was not announced, and it was done");
	}
}

CASE(hot_reset,
     .proves = "what VFIO says a hot reset touches includes the device itself, by its group or as "
	       "one that this iommufd owns",
     .rule = "vfio.h: VFIO_DEVICE_GET_PCI_HOT_RESET_INFO", .parameters = { BACKENDS })
{
	struct caps caps = caps_open(t);
	struct vfio_pci_dependent_device *devices;
	struct iommut_bdf bdf = caps.pci.bdf;
	bool found = false;
	uint32_t flags = 0;
	size_t count;
	int error = iommut_device_hot_reset_info(caps.rig->device, &devices, &count, &flags);

	if (error == -ENODEV)
		skip(t, "no hot reset reaches the device", "a device in a slot or behind a bridge");
	expect_zero(t, error);
	undo_later(t, free, devices);
	note(t, "%zu functions, flags 0x%x", count, flags);
	expect_equal(t, !!(flags & VFIO_PCI_HOT_RESET_FLAG_DEV_ID), caps.device_id != 0);
	for (size_t i = 0; i < count; i++) {
		if (devices[i].segment != bdf.domain || devices[i].bus != bdf.bus ||
		    devices[i].devfn != (bdf.device << 3 | bdf.function))
			continue;
		found = true;
		if (caps.device_id)
			expect_equal(t, devices[i].devid, caps.device_id);
		else
			expect_equal(t, devices[i].group_id, (uint32_t)caps.pci.iommu_group);
	}
	expect_that(t, found, "the device is not among them");
}
