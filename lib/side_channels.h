/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
#ifndef LIB_SIDE_CHANNELS_H
#define LIB_SIDE_CHANNELS_H

#include <iommut/accounting.h>
#include <iommut/page_table.h>
#include <iommut/trace.h>
#include <iommut/uevent.h>

#include "lib/syscalls.h"

int accounting_get_on(const struct iommut_syscalls *sys, struct iommut_accounting *accounting);
int page_table_leaf_on(const struct iommut_syscalls *sys, const char *bdf, uint32_t pasid,
		       uint64_t iova, struct iommut_leaf *leaf);
int amd_entry_get_on(const struct iommut_syscalls *sys, const char *bdf,
		     struct iommut_amd_entry *entry);
int trace_open_on(const struct iommut_syscalls *sys, struct iommut_trace **trace,
		  const char *const *events);
int uevents_open_on(const struct iommut_syscalls *sys, struct iommut_uevents **uevents);

#endif /* LIB_SIDE_CHANNELS_H */
