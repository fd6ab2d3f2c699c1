// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * list-devices: the PCI functions of this machine, their IOMMU groups, and what they can do that
 * matters for an IOMMU. Needs no privilege; without it capabilities stay unseen.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <iommut/capability.h>
#include <iommut/pci.h>

int main(void)
{
	struct iommut_pci_device *devices;
	size_t count;
	int error = iommut_pci_list(&devices, &count);

	if (error) {
		fprintf(stderr, "list-devices: %s\n", strerror(-error));
		return 1;
	}
	for (size_t i = 0; i < count; i++) {
		struct iommut_pci_device *device = &devices[i];
		struct iommut_pci_features features;

		printf("%s %04x:%04x group %d driver %s", device->name, device->vendor,
		       device->device, device->iommu_group, *device->driver ? device->driver : "-");
		if (!iommut_pci_features_get(device->name, &features)) {
			if (features.msix_vectors)
				printf(" msix=%u", features.msix_vectors);
			if (features.ats)
				printf(" ats%s", features.ats_enabled ? "(on)" : "");
			if (features.pri)
				printf(" pri%s", features.pri_enabled ? "(on)" : "");
			if (features.pasid)
				printf(" pasid=%u%s", features.pasid_width,
				       features.pasid_enabled ? "(on)" : "");
			if (features.sriov)
				printf(" sriov=%u", features.sriov_total);
			if (features.flr)
				printf(" flr");
		}
		printf("\n");
	}
	free(devices);
	return 0;
}
