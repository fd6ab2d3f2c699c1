// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/dma.h"
#include "harness/iommu_model.h"

static int read_hex(const char *device, const char *file, uint64_t *value)
{
	char path[PATH_MAX];
	FILE *stream;
	int fields;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/iommu/%s", device, file);
	stream = fopen(path, "re");
	if (!stream)
		return -errno;
	fields = fscanf(stream, "%" SCNx64, value);
	fclose(stream);
	return fields == 1 ? 0 : -EINVAL;
}

/* /sys/class/iommu names tell the driver: dmar0, ivhd0, smmu3.0x..., virtio1, riscv-iommu... */
static enum iommu_vendor vendor_of(const char *name)
{
	static const struct {
		const char *prefix;
		enum iommu_vendor vendor;
	} names[] = {
		{ "dmar", IOMMU_INTEL },    { "ivhd", IOMMU_AMD },    { "smmu3", IOMMU_SMMUV3 },
		{ "virtio", IOMMU_VIRTIO }, { "riscv", IOMMU_RISCV },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strncmp(name, names[i].prefix, strlen(names[i].prefix)) == 0)
			return names[i].vendor;
	return IOMMU_UNKNOWN;
}

int iommu_model_of(const char *device, struct iommu_model *model)
{
	char path[PATH_MAX], link[PATH_MAX];
	const char *name;
	ssize_t length;

	memset(model, 0, sizeof(*model));
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/iommu", device);
	length = readlink(path, link, sizeof(link) - 1);
	if (length < 0)
		return -ENOENT;
	link[length] = '\0';
	name = strrchr(link, '/');
	snprintf(model->name, sizeof(model->name), "%.63s", name ? name + 1 : link);
	model->vendor = vendor_of(model->name);
	if (model->vendor == IOMMU_INTEL) {
		int error = read_hex(device, "intel-iommu/cap", &model->cap);

		return error ? error : read_hex(device, "intel-iommu/ecap", &model->ecap);
	}
	return 0;
}

bool iommu_model_first_stage(const struct iommu_model *model)
{
	switch (model->vendor) {
	case IOMMU_INTEL:
		return (model->ecap & VTD_ECAP_SMTS) && (model->ecap & VTD_ECAP_FLTS);
	case IOMMU_SMMUV3:
	case IOMMU_RISCV:
		return true;
	default:
		return false;
	}
}

void skip_unless_write_only(struct rig *rig)
{
	struct iommu_model model;

	if (iommu_model_of(iommut_device_bdf(rig->device), &model) != 0)
		skip(rig->t,
		     "sysfs does not show which IOMMU this is, so whether it can express "
		     "write-only is not known",
		     "a kernel whose IOMMU driver registers in /sys/class/iommu");
	if (iommu_model_first_stage(&model))
		skipf(rig->t,
		      "an IOMMU with second-stage tables, such as the lab's profiles intel-legacy "
		      "and intel-scalable",
		      "%s uses first-stage tables, which cannot forbid reading", model.name);
}
