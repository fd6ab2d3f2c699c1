// SPDX-License-Identifier: GPL-2.0-or-later
/* The capability matrix: registers, sysfs, VFIO and iommufd must not contradict each other. */
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <iommut/vfio.h>

#include "suites/caps.h"

SUITE("caps",
      "what IOMMU, kernel and device say they can do, held against each other and against DMA");

/* A line of a file of the IOMMU's in sysfs. */
static void read_attribute(const struct caps *caps, const char *name, char *line, size_t size)
{
	char path[PATH_MAX];
	FILE *stream;
	bool got;

	snprintf(path, sizeof(path), "/sys/class/iommu/%s/%s", caps->model.name, name);
	stream = fopen(path, "re");
	expect_that(caps->t, stream, "%s: %s", path, strerror(errno));
	got = fgets(line, (int)size, stream);
	fclose(stream);
	expect_that(caps->t, got, "%s is empty", path);
}

CASE(registers_agree,
     .proves = "sysfs and iommufd show the same registers of the IOMMU, and name the same kind",
     .rule = "iommufd.h: struct iommu_hw_info_vtd, iommu_hw_info_amd; "
	     "ABI sysfs-class-iommu-intel-iommu, sysfs-class-iommu-amd-iommu",
     .marks = LIST("smoke"), .parameters = { IOMMUFD_ONLY })
{
	struct caps caps = caps_open(t);
	uint64_t efr = 0, efr2 = 0;
	char line[128];

	switch (caps.model.vendor) {
	case IOMMU_INTEL:
		expect_equal(t, caps.info.type, IOMMU_HW_INFO_TYPE_INTEL_VTD);
		expect_equal(t, caps.info.vtd.cap_reg, caps.model.cap);
		expect_equal(t, caps.info.vtd.ecap_reg, caps.model.ecap);
		note(t, "cap 0x%" PRIx64 ", ecap 0x%" PRIx64, caps.model.cap, caps.model.ecap);
		break;
	case IOMMU_AMD:
		if (caps.info.type == IOMMU_HW_INFO_TYPE_NONE)
			skip(t, "the kernel tells nothing about AMD IOMMUs",
			     "Linux 6.19 or later, with CONFIG_AMD_IOMMU_IOMMUFD");
		expect_equal(t, caps.info.type, IOMMU_HW_INFO_TYPE_AMD);
		read_attribute(&caps, "amd-iommu/features", line, sizeof(line));
		expect(t, sscanf(line, "%" SCNx64 ":%" SCNx64, &efr, &efr2) == 2);
		expect_equal(t, caps.info.amd.efr, efr);
		expect_equal(t, caps.info.amd.efr2, efr2);
		note(t, "efr 0x%" PRIx64 ", efr2 0x%" PRIx64, efr, efr2);
		break;
	case IOMMU_SMMUV3:
		expect_equal(t, caps.info.type, IOMMU_HW_INFO_TYPE_ARM_SMMUV3);
		break;
	default:
		/* No type of iommufd belongs to it. */
		expect_equal(t, caps.info.type, IOMMU_HW_INFO_TYPE_NONE);
		expect_equal(t, caps.info.data_length, 0);
	}
}

CASE(domains, .proves = "sysfs counts as many domains as VT-d's register allows, and uses no more",
     .rule = "VT-d 4.1, 11.4.2: CAP.ND; ABI sysfs-class-iommu-intel-iommu: domains_supported",
     .parameters = { BACKENDS })
{
	struct caps caps = caps_open(t);
	unsigned long supported, used;
	char line[64];

	need_vtd(&caps);
	read_attribute(&caps, "intel-iommu/domains_supported", line, sizeof(line));
	supported = strtoul(line, NULL, 10);
	read_attribute(&caps, "intel-iommu/domains_used", line, sizeof(line));
	used = strtoul(line, NULL, 10);
	note(t, "%lu of %lu domains are used", used, supported);
	expect_equal(t, supported, 1ul << (4 + 2 * VTD_CAP_ND(caps.model.cap)));
	/* The device is in one. */
	expect(t, used >= 1);
	expect(t, used <= supported);
}

CASE(sysfs_links,
     .proves = "sysfs leads from a device to its IOMMU and its group, and from both back to it",
     .rule = "ABI sysfs-class-iommu: devices; ABI sysfs-kernel-iommu_groups: devices",
     .parameters = { IOMMUFD_ONLY })
{
	struct caps caps = caps_open(t);
	struct iommut_pci_device *members;
	char path[PATH_MAX], type[32];
	bool found = false;
	size_t count;

	snprintf(path, sizeof(path), "/sys/class/iommu/%s/devices/%s", caps.model.name,
		 caps.pci.name);
	expect_that(t, access(path, F_OK) == 0, "%s is missing", path);
	expect_zero(t, iommut_pci_group(caps.pci.iommu_group, &members, &count));
	for (size_t i = 0; i < count; i++)
		found |= strcmp(members[i].name, caps.pci.name) == 0;
	free(members);
	expect_that(t, found, "group %d does not know %s", caps.pci.iommu_group, caps.pci.name);
	expect_zero(t, iommut_pci_group_type(caps.pci.iommu_group, type, sizeof(type)));
	note(t, "%s is behind %s, in group %d of type %s", caps.pci.name, caps.model.name,
	     caps.pci.iommu_group, type);
	expect_that(t,
		    strcmp(type, "DMA") == 0 || strcmp(type, "DMA-FQ") == 0 ||
			    strcmp(type, "identity") == 0 || strcmp(type, "blocked") == 0,
		    "the group's type is '%s'", type);
}

CASE(info_of_any_size,
     .proves = "hardware information is cut where the caller has less room, and filled up with "
	       "zeros where it has more",
     .rule = "iommufd.h: struct iommu_hw_info: data_len", .parameters = { IOMMUFD_ONLY })
{
	struct caps caps = caps_open(t);
	uint32_t length = caps.info.data_length;
	uint8_t data[256];

	expect(t, length < sizeof(data) - 8);
	for (uint32_t room = 0; room < length + 8; room += 4) {
		struct iommu_hw_info args = { .size = sizeof(args),
					      .dev_id = caps.device_id,
					      .data_len = room,
					      .data_uptr = (uintptr_t)data };

		memset(data, CANARY, sizeof(data));
		expect_zero(t, iommut_hw_info_raw(caps.iommufd, &args));
		expect_equal(t, args.out_data_type, caps.info.type);
		expect_equal(t, args.data_len, length);
		for (uint32_t i = 0; i < sizeof(data); i++) {
			uint8_t wanted = i >= room ? CANARY : i >= length ? 0 : caps.info.raw[i];

			expect_that(t, data[i] == wanted,
				    "byte %u is 0x%02x instead of 0x%02x, with room for %u of %u "
				    "bytes",
				    i, data[i], wanted, room, length);
		}
	}
}

CASE(info_type,
     .proves = "hardware information is given for the IOMMU's own type, and for none that it is "
	       "not",
     .rule = "iommufd.h: IOMMU_HW_INFO_FLAG_INPUT_TYPE", .parameters = { IOMMUFD_ONLY })
{
	static const uint32_t types[] = { IOMMU_HW_INFO_TYPE_INTEL_VTD,
					  IOMMU_HW_INFO_TYPE_ARM_SMMUV3, IOMMU_HW_INFO_TYPE_AMD,
					  0x7fffffff };
	struct caps caps = caps_open(t);
	struct iommut_hw_info info;

	if (caps.info.type == IOMMU_HW_INFO_TYPE_NONE)
		skip(t, "the IOMMU has no information of any type", "VT-d, AMD-Vi or SMMUv3");
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		int error = iommut_hw_info(caps.iommufd, caps.device_id, types[i], &info);

		if (types[i] == caps.info.type) {
			expect_zero(t, error);
			expect_equal(t, info.type, caps.info.type);
			expect_bytes(t, info.raw, caps.info.raw, caps.info.data_length);
		} else {
			expect_errno(t, error, EOPNOTSUPP);
		}
	}
}

/* The rest of what reads only. */
CASE(device_info,
     .proves = "VFIO says what the device is: a PCI function with the regions and interrupts of "
	       "one, of version 0 of the interface",
     .rule = "vfio.h: VFIO_GET_API_VERSION, struct vfio_device_info", .parameters = { BACKENDS })
{
	struct caps caps = caps_open(t);
	struct vfio_device_info info;

	if (iommut_space_backend(caps.rig->space) != IOMMUT_IOMMUFD)
		expect_equal(t,
			     iommut_vfio_get_api_version_raw(iommut_space_handle(caps.rig->space)),
			     VFIO_API_VERSION);
	expect_zero(t, iommut_device_info(caps.rig->device, &info));
	expect(t, info.flags & VFIO_DEVICE_FLAGS_PCI);
	expect(t, !(info.flags & (VFIO_DEVICE_FLAGS_PLATFORM | VFIO_DEVICE_FLAGS_AMBA |
				  VFIO_DEVICE_FLAGS_CCW | VFIO_DEVICE_FLAGS_AP)));
	expect(t, info.num_regions > VFIO_PCI_CONFIG_REGION_INDEX);
	expect(t, info.num_irqs > VFIO_PCI_MSIX_IRQ_INDEX);
	note(t, "%u regions, %u kinds of interrupt, %s", info.num_regions, info.num_irqs,
	     info.flags & VFIO_DEVICE_FLAGS_RESET ? "a reset" : "no reset");
}
