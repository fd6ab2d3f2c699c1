/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
#ifndef IOMMUT_ACCOUNTING_H
#define IOMMUT_ACCOUNTING_H

#include <iommut/types.h>

IOMMUT_BEGIN

/**
 * struct iommut_accounting - memory of this process that the kernel counts as held in place
 * @pinned: VmPin, bytes: what iommufd pins is counted here
 * @locked: VmLck, bytes: what type1 pins, and what is mlocked, is counted here
 * @locked_limit: RLIMIT_MEMLOCK, bytes; UINT64_MAX is no limit
 */
struct iommut_accounting {
	uint64_t pinned;
	uint64_t locked;
	uint64_t locked_limit;
};

/**
 * iommut_accounting_get() - what this process has pinned and locked
 * @accounting: where it is stored
 *
 * VmPin and VmLck of /proc/self/status. With IOMMU_OPTION_RLIMIT_MODE at its default, iommufd
 * counts against the user and shows VmPin all the same.
 *
 * Return: 0, -EBADMSG if the file lacks the lines, or the error of open(2) or getrlimit(2).
 */
int iommut_accounting_get(struct iommut_accounting *accounting);

IOMMUT_END

#endif /* IOMMUT_ACCOUNTING_H */
