/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
#ifndef IOMMUT_PAGE_TABLE_H
#define IOMMUT_PAGE_TABLE_H

#include <iommut/types.h>

IOMMUT_BEGIN

/**
 * struct iommut_leaf - an entry at the end of a walk through an IOMMU's page table
 * @iova: first address it maps
 * @size: bytes it maps: the page size that is really used
 * @entry: the entry as hardware reads it
 */
struct iommut_leaf {
	uint64_t iova;
	uint64_t size;
	uint64_t entry;
};

/**
 * iommut_page_table_supported() - whether this kernel lets page tables be read
 *
 * Intel VT-d does, with CONFIG_INTEL_IOMMU_DEBUGFS (CONFIG_IOMMU_DEBUGFS) and debugfs mounted at
 * /sys/kernel/debug. No other driver of Linux 7.3 shows its page tables.
 *
 * Return: 0, -EOPNOTSUPP if not, -EACCES without privilege.
 */
int iommut_page_table_supported(void);

/**
 * iommut_page_table_leaf() - the entry that maps an IOVA for a device
 * @bdf: the device, "0000:00:05.0"
 * @pasid: the PASID, or IOMMUT_NO_PASID for the device itself
 * @iova: the address
 * @leaf: where the entry is stored
 *
 * domain_translation_struct in debugfs (Linux 6.7 and later), of Intel VT-d. The whole page table
 * is printed by the kernel: a large one takes its time.
 *
 * Return: 0, -ENOENT if nothing maps the address, -EOPNOTSUPP if the kernel does not tell, -ENODEV
 * if the device has no page table, -EBADMSG if the file cannot be understood.
 */
int iommut_page_table_leaf(const char *bdf, uint32_t pasid, uint64_t iova,
			   struct iommut_leaf *leaf);

IOMMUT_END

#endif /* IOMMUT_PAGE_TABLE_H */
