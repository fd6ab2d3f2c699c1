/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
#ifndef LIB_IOVA_H
#define LIB_IOVA_H

#include <iommut/iova.h>

#include "lib/syscalls.h"

int iova_create_on(const struct iommut_syscalls *sys, struct iommut_iova **iova,
		   const struct iommut_iova_range *ranges, size_t count, uint64_t granule);

#endif /* LIB_IOVA_H */
