// SPDX-License-Identifier: GPL-2.0-or-later
/* Config space, which is the device's to fill. */
#include <stdlib.h>

#include <iommut/capability.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct iommut_capability list[16];
	struct iommut_pci_features features;
	int count;

	if (size > 4096)
		size = 4096;
	count = iommut_capability_list(data, size, list, 16);
	for (int i = 0; i < count && i < 16; i++)
		if ((size_t)list[i].offset + list[i].length > size)
			abort();
	iommut_capability_find(data, size, 5, false, NULL);
	iommut_capability_find(data, size, 15, true, NULL);
	iommut_pci_features_decode(data, size, &features);
	return 0;
}
