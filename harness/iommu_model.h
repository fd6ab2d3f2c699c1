/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HARNESS_IOMMU_MODEL_H
#define HARNESS_IOMMU_MODEL_H

/* Which IOMMU is in front of a device, as sysfs tells. */

#include <stdbool.h>
#include <stdint.h>

/**
 * enum iommu_vendor - whose IOMMU
 * @IOMMU_UNKNOWN: sysfs does not tell
 * @IOMMU_INTEL: Intel VT-d
 * @IOMMU_AMD: AMD-Vi
 * @IOMMU_SMMUV3: ARM SMMUv3
 * @IOMMU_VIRTIO: virtio-iommu
 * @IOMMU_RISCV: RISC-V IOMMU
 */
enum iommu_vendor {
	IOMMU_UNKNOWN,
	IOMMU_INTEL,
	IOMMU_AMD,
	IOMMU_SMMUV3,
	IOMMU_VIRTIO,
	IOMMU_RISCV,
};

/**
 * struct iommu_model - the IOMMU in front of a device
 * @vendor: whose
 * @name: its name in /sys/class/iommu
 * @cap: VT-d: capability register
 * @ecap: VT-d: extended capability register
 */
struct iommu_model {
	enum iommu_vendor vendor;
	char name[64];
	uint64_t cap;
	uint64_t ecap;
};

/* VT-d 4.1, 11.4.3: Extended Capability Register */
#define VTD_ECAP_IR    (UINT64_C(1) << 3)
#define VTD_ECAP_DT    (UINT64_C(1) << 2)
#define VTD_ECAP_PRS   (UINT64_C(1) << 29)
#define VTD_ECAP_NEST  (UINT64_C(1) << 26)
#define VTD_ECAP_PASID (UINT64_C(1) << 40)
#define VTD_ECAP_SMTS  (UINT64_C(1) << 43)
#define VTD_ECAP_SLADS (UINT64_C(1) << 45)
#define VTD_ECAP_SLTS  (UINT64_C(1) << 46)
#define VTD_ECAP_FLTS  (UINT64_C(1) << 47)

/**
 * iommu_model_of() - the IOMMU in front of a device
 * @device: "DDDD:BB:DD.F"
 * @model: filled
 *
 * Return: 0, -ENOENT if sysfs shows no IOMMU for the device.
 */
int iommu_model_of(const char *device, struct iommu_model *model);

/**
 * iommu_model_first_stage() - whether Linux uses first-stage tables for a plain mapping
 * @model: the IOMMU
 *
 * Such tables can forbid writing but not reading.
 *
 * Return: true if it does.
 */
bool iommu_model_first_stage(const struct iommu_model *model);

#endif /* HARNESS_IOMMU_MODEL_H */
