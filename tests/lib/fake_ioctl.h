/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_LIB_FAKE_IOCTL_H
#define TESTS_LIB_FAKE_IOCTL_H

#include "tests/lib/fake_kernel.h"

int fake_fd_new(struct fake_kernel *kernel, enum fake_file file);

int fake_container_ioctl(struct fake_kernel *kernel, unsigned long request, void *argument);
int fake_group_ioctl(struct fake_kernel *kernel, unsigned long request, void *argument);
int fake_device_ioctl(struct fake_kernel *kernel, unsigned long request, void *argument);
int fake_iommufd_ioctl(struct fake_kernel *kernel, unsigned long request, void *argument);
void fake_device_closed(struct fake_kernel *kernel);

int fake_map(struct fake_kernel *kernel, uint64_t iova, uint64_t length, uint32_t flags);
int fake_unmap(struct fake_kernel *kernel, uint64_t iova, uint64_t length, uint64_t *unmapped);
int fake_object_new(struct fake_kernel *kernel, enum fake_type type, uint32_t parent,
		    uint32_t other);

#endif /* TESTS_LIB_FAKE_IOCTL_H */
