/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
#ifndef LIB_HWPT_H
#define LIB_HWPT_H

#include <stdatomic.h>

#include <iommut/fault_queue.h>
#include <iommut/hwpt.h>
#include <iommut/viommu.h>

#include "lib/space.h"

/*
 * Every object holds a reference to what it was made from, and its ID in the kernel is destroyed
 * with its last reference: whatever the order in which objects are closed, the kernel sees children
 * go before their parents.
 */

struct iommut_fault_queue {
	atomic_uint users;
	struct iommut_space *space;
	struct iommut_handle handle;
	uint32_t id;
};

struct iommut_hwpt {
	atomic_uint users;
	struct iommut_space *space;
	struct iommut_fault_queue *queue;
	struct iommut_hwpt *parent;
	struct iommut_viommu *viommu;
	uint32_t id;
};

struct iommut_viommu {
	atomic_uint users;
	struct iommut_hwpt *parent;
	uint32_t id;
};

void hwpt_put(struct iommut_hwpt *hwpt);

#endif /* LIB_HWPT_H */
