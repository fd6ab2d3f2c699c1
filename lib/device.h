/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
#ifndef LIB_DEVICE_H
#define LIB_DEVICE_H

#include <iommut/device.h>
#include <iommut/pci.h>

#include "lib/space.h"

struct iommut_device {
	struct iommut_space *space;
	struct iommut_handle handle;
	struct group *group;
	uint32_t dev_id;
	char bdf[IOMMUT_BDF_SIZE + 4];
	uint64_t config_offset;
	uint64_t config_length;
};

#endif /* LIB_DEVICE_H */
