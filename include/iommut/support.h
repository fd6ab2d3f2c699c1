/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
#ifndef IOMMUT_SUPPORT_H
#define IOMMUT_SUPPORT_H

#include <iommut/types.h>

IOMMUT_BEGIN

/**
 * iommut_support_reason() - why the running kernel does not know a part of the uAPI
 * @name: an ioctl or a device feature as the headers call it: "IOMMU_VIOMMU_ALLOC",
 *     "VFIO_DEVICE_FEATURE_DMA_BUF"
 * @reason: where the words are stored, always terminated: such as "IOMMU_VIOMMU_ALLOC: Linux 6.13
 *     with CONFIG_IOMMUFD has it; this is Linux 6.1.0"
 * @size: of @reason in bytes; 256 is enough
 *
 * For the reader of an -EOPNOTSUPP. It asks the kernel for nothing but its version: distributions
 * take features over, so whether a call works is known by calling.
 *
 * Return: length of the whole text (as snprintf(3)), or -EINVAL for a name that is none.
 */
int iommut_support_reason(const char *name, char *reason, size_t size);

IOMMUT_END

#endif /* IOMMUT_SUPPORT_H */
