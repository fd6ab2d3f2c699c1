/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
#ifndef LIB_MEMORY_H
#define LIB_MEMORY_H

#include <iommut/memory.h>

#include "lib/syscalls.h"

int memory_alloc_on(const struct iommut_syscalls *sys, struct iommut_memory **memory, size_t length,
		    const struct iommut_memory_options *options);
void memory_free_on(const struct iommut_syscalls *sys, struct iommut_memory *memory);
int memory_physical_size_on(const struct iommut_syscalls *sys, const void *address, size_t *size);

#endif /* LIB_MEMORY_H */
