// SPDX-License-Identifier: GPL-2.0-or-later
/* How far IOVAs reach, what is left out of them, and whether interrupts are kept apart. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "suites/caps.h"

#define PAGE 4096ull

/* The IOVAs of an address space, freed at the end of the case. */
struct ranges {
	struct iommut_iova_range *range;
	size_t count;
};

static struct ranges ranges_of(struct test *t, struct iommut_space *space)
{
	struct ranges ranges;
	int error = iommut_space_ranges(space, &ranges.range, &ranges.count);

	if (error == -EOPNOTSUPP)
		skip(t, "the kernel does not tell which IOVAs can be mapped",
		     "a kernel that reports VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE (5.7 or later)");
	expect_zero(t, error);
	undo_later(t, free, ranges.range);
	expect(t, ranges.count > 0);
	return ranges;
}

/* Bits of an IOVA that VT-d can translate with the tables that Linux uses for the device. */
static unsigned int vtd_width(const struct caps *caps)
{
	unsigned int width = VTD_CAP_MGAW(caps->model.cap), tables = 30, sagaw;

	if (iommu_model_first_stage(&caps->model)) {
		/* VT-d 4.1, 3.6: the lower half of the canonical addresses. */
		tables = width > 48 && (caps->model.cap & VTD_CAP_FS5LP) ? 56 : 47;
	} else {
		sagaw = VTD_CAP_SAGAW(caps->model.cap);
		for (int bit = 1; bit < 4; bit++)
			if (sagaw & (1u << bit))
				tables = 30 + 9 * (unsigned int)bit;
	}
	return width < tables ? width : tables;
}

CASE(iova_width,
     .proves = "no IOVA is offered that VT-d's registers say it cannot translate, and the highest "
	       "one offered works",
     .rule = "VT-d 4.1, 11.4.2: CAP.MGAW, CAP.SAGAW; 3.6: first-stage addresses",
     .parameters = { BACKENDS })
{
	struct caps caps = caps_open(t);
	struct ranges ranges = ranges_of(t, caps.rig->space);
	struct iommut_iova_range *top = &ranges.range[ranges.count - 1];
	struct buffer_options options = { .fixed = true };
	unsigned int width;

	note(t, "IOVAs from 0x%" PRIx64 " to 0x%" PRIx64 " in %zu ranges", ranges.range[0].start,
	     top->last, ranges.count);
	need_vtd(&caps);
	width = vtd_width(&caps);
	note(t, "VT-d translates %u bits; cap 0x%" PRIx64, width, caps.model.cap);
	expect_that(t, width > 63 || top->last < UINT64_C(1) << width,
		    "0x%" PRIx64 " is offered, beyond %u bits", top->last, width);
	if (top->last > caps.rig->engine.dma_mask)
		skip(t, "the device cannot send the highest address", "a device with 64-bit DMA");
	options.iova = (top->last & ~(PAGE - 1)) - (top->last % PAGE == PAGE - 1 ? 0 : PAGE);
	/* An engine may have its staging memory there. */
	while (iommut_iova_reserve(caps.rig->iova, options.iova, PAGE) == -EBUSY)
		options.iova -= PAGE;
	expect_zero(t, iommut_iova_free(caps.rig->iova, options.iova, PAGE));
	expect_reaches(map_buffer_with(caps.rig, PAGE, &options));
}

static struct iommut_space *open_other(struct test *t, enum iommut_backend backend)
{
	struct iommut_space *space;
	char reason[256] = "";
	int error = iommut_backend_probe(backend, reason, sizeof(reason));

	if (!error)
		error = iommut_space_open(&space, backend);
	if (error == -EOPNOTSUPP)
		skipf(t, "a kernel with all interfaces of VFIO and iommufd", "no %s backend: %s",
		      iommut_backend_name(backend), reason);
	expect_zero(t, error);
	undo_later(t, (void (*)(void *))iommut_space_close, space);
	return space;
}

CASE(ranges_agree,
     .proves = "VFIO's container, its emulation and iommufd offer the same IOVAs for a device",
     .rule = "vfio.h: VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE; iommufd.h: IOMMU_IOAS_IOVA_RANGES",
     .marks = LIST("smoke"))
{
	static const enum iommut_backend backends[] = { IOMMUT_IOMMUFD, IOMMUT_TYPE1,
							IOMMUT_COMPAT };
	struct ranges first = { 0 };

	for (size_t i = 0; i < sizeof(backends) / sizeof(backends[0]); i++) {
		struct rig *rig = rig_open_in(t, open_other(t, backends[i]), 0, NULL);
		struct ranges ranges = ranges_of(t, rig->space);

		for (size_t at = 0; at < ranges.count; at++) {
			note(t, "%s: 0x%" PRIx64 " to 0x%" PRIx64, iommut_backend_name(backends[i]),
			     ranges.range[at].start, ranges.range[at].last);
			if (i == 0)
				continue;
			expect(t, at < first.count);
			expect_equal(t, ranges.range[at].start, first.range[at].start);
			expect_equal(t, ranges.range[at].last, first.range[at].last);
		}
		if (i == 0)
			first = ranges;
		expect_equal(t, ranges.count, first.count);
		rig_close(rig);
	}
}

CASE(holes_are_reserved,
     .proves = "every hole between the IOVAs on offer is a region that sysfs calls reserved",
     .rule = "ABI sysfs-kernel-iommu_groups: reserved_regions; iommufd.h: IOMMU_IOAS_IOVA_RANGES",
     .parameters = { BACKENDS })
{
	struct caps caps = caps_open(t);
	struct ranges ranges = ranges_of(t, caps.rig->space);
	struct iommut_pci_reserved *regions;
	size_t count;

	expect_zero(t, iommut_pci_group_reserved(caps.pci.iommu_group, &regions, &count));
	undo_later(t, free, regions);
	for (size_t i = 0; i < count; i++)
		note(t, "reserved: 0x%" PRIx64 " to 0x%" PRIx64 ", %s", regions[i].range.start,
		     regions[i].range.last, regions[i].type);
	for (size_t i = 0; i + 1 < ranges.count; i++) {
		uint64_t at = ranges.range[i].last + 1;

		/* Regions may lie side by side. */
		while (at < ranges.range[i + 1].start) {
			uint64_t before = at;

			for (size_t r = 0; r < count; r++)
				if (regions[r].range.start <= at && at <= regions[r].range.last)
					at = regions[r].range.last + 1;
			expect_that(t, at != before,
				    "0x%" PRIx64 " is not offered, and not reserved", at);
		}
	}
}

static bool parameter_on(const char *module)
{
	char path[128], value = 'N';
	FILE *stream;

	snprintf(path, sizeof(path), "/sys/module/%s/parameters/allow_unsafe_interrupts", module);
	stream = fopen(path, "re");
	if (stream) {
		if (fread(&value, 1, 1, stream) != 1)
			value = 'N';
		fclose(stream);
	}
	return value == 'Y';
}

CASE(isolated_interrupts,
     .proves = "a device is only given out where interrupts are remapped, unless the kernel was "
	       "told to accept less",
     .rule = "vfio.rst, iommufd.rst: allow_unsafe_interrupts; VT-d 11.4.3: ECAP.IR",
     .parameters = { BACKENDS })
{
	struct iommut_space *space = rig_open_space(t);
	struct iommut_device *device = NULL;
	struct iommu_model model;
	const char *module;
	int error;

	module = iommut_space_backend(space) == IOMMUT_TYPE1 ? "vfio_iommu_type1" : "iommufd";
	if (parameter_on(module))
		skipf(t, "a kernel started without allow_unsafe_interrupts",
		      "%s was told to accept interrupts that are not isolated", module);
	if (iommu_model_of(test_device_name(t, 0), &model) != 0 || model.vendor != IOMMU_INTEL)
		skip(t, "only VT-d shows in sysfs whether it can remap interrupts",
		     "an Intel IOMMU, such as in the lab's profile intel-unsafe");
	error = iommut_device_open(&device, space, test_device_name(t, 0));
	iommut_device_close(device);
	note(t, "%s %s interrupts; opening the device: %s", model.name,
	     model.ecap & VTD_ECAP_IR ? "can remap" : "cannot remap", strerror(-error));
	if (!(model.ecap & VTD_ECAP_IR))
		expect_errno(t, error, EPERM);
	else if (error)
		/* The kernel may have been told not to use it. */
		expect_errno(t, error, EPERM);
}
