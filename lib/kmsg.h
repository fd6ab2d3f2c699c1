/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
#ifndef LIB_KMSG_H
#define LIB_KMSG_H

#include <iommut/kmsg.h>

#include "lib/syscalls.h"

int kmsg_open_on(const struct iommut_syscalls *sys, struct iommut_kmsg **kmsg, bool from_start);

#endif /* LIB_KMSG_H */
