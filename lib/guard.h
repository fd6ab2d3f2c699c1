/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
#ifndef LIB_GUARD_H
#define LIB_GUARD_H

#include <iommut/guard.h>

#include "lib/syscalls.h"

/* A mapping that the guard is to know. Returns 0 or -ENOMEM. */
int guard_add(const struct iommut_syscalls *sys, void *address, size_t length);

/* Before it is unmapped: what is there afterwards is somebody else's. */
void guard_remove(void *address);

#endif /* LIB_GUARD_H */
