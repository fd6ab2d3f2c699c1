/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SUITES_CAPS_H
#define SUITES_CAPS_H

/* What cases about capabilities share: a device, its IOMMU, and what each source says about the two. */

#include <iommut/capability.h>
#include <iommut/fault_queue.h>
#include <iommut/iommufd.h>
#include <iommut/pci.h>

#include "harness/dma.h"
#include "harness/iommu_model.h"

/* VT-d 4.1, 11.4.2: Capability Register */
#define VTD_CAP_ND(cap)    ((unsigned int)((cap)&7))
#define VTD_CAP_SAGAW(cap) ((unsigned int)((cap) >> 8 & 0x1f))
#define VTD_CAP_MGAW(cap)  ((unsigned int)((cap) >> 16 & 0x3f) + 1)
#define VTD_CAP_SSLPS_2M   (UINT64_C(1) << 34)
#define VTD_CAP_SSLPS_1G   (UINT64_C(1) << 35)
#define VTD_CAP_FS1GP      (UINT64_C(1) << 56)
#define VTD_CAP_FS5LP      (UINT64_C(1) << 60)

/* VT-d 4.1, 11.4.3: Extended Capability Register, what harness/iommu_model.h has not */
#define VTD_ECAP_SC     (UINT64_C(1) << 7)
#define VTD_ECAP_PSS(e) ((unsigned int)((e) >> 35 & 0x1f))

/* AMD IOMMU 3.4.9: Extended Feature Register */
#define AMD_EFR_HDSUP (UINT64_C(1) << 52)

/**
 * struct caps - a device, its IOMMU, and what is said about both
 * @t: the case
 * @rig: the device in an address space of the variant's backend
 * @pci: the device in sysfs
 * @features: its capabilities in config space, as they are now
 * @model: its IOMMU in sysfs
 * @iommufd: /dev/iommu, with the backend iommufd
 * @device_id: the device there
 * @ioas: its address space there
 * @info: what IOMMU_GET_HW_INFO says
 */
struct caps {
	struct test *t;
	struct rig *rig;
	struct iommut_pci_device pci;
	struct iommut_pci_features features;
	struct iommu_model model;
	struct iommut_handle iommufd;
	uint32_t device_id;
	uint32_t ioas;
	struct iommut_hw_info info;
};

/* Opens the case's device and asks every source. Skips where sysfs shows no IOMMU. */
struct caps caps_open(struct test *t);

/* Skips unless the IOMMU is VT-d. */
void need_vtd(const struct caps *caps);

/* Whether a VFIO backend's container announces an extension. */
bool caps_extension(const struct caps *caps, unsigned long extension);

/* A fault queue in the case's iommufd, closed when the case ends. Skips where the kernel has none. */
struct iommut_fault_queue *caps_fault_queue(const struct caps *caps);

/* A page table that can be made must also work: attached, DMA reaches what is mapped, and once unmapped it does not. */
void check_page_table(const struct caps *caps, uint32_t hwpt, const struct place *place);
#define expect_page_table_works(caps, hwpt) \
	check_page_table(caps, hwpt, PLACE("page table " #hwpt " works"))

#endif /* SUITES_CAPS_H */
