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
 * struct iommut_amd_entry - what an AMD IOMMU is told of a device
 * @words: the device table entry as hardware reads it, quadwords 0 to 3
 * @valid: the entry counts (V)
 * @translated: addresses are translated as said here (TV)
 * @levels: of the page table; 0 passes addresses through, 7 is a reserved value (Mode)
 * @root: physical address of the page table
 * @domain: domain ID
 * @access: enum iommut_access bits of all that the device may do (IR, IW)
 *
 * AMD I/O Virtualization Technology (IOMMU) Specification, 2.2.2.1.
 */
struct iommut_amd_entry {
	uint64_t words[4];
	bool valid;
	bool translated;
	uint32_t levels;
	uint64_t root;
	uint16_t domain;
	uint32_t access;
};

/**
 * iommut_page_table_supported() - whether this kernel lets page tables be read
 *
 * Intel VT-d does, with CONFIG_INTEL_IOMMU_DEBUGFS (CONFIG_IOMMU_DEBUGFS) and debugfs mounted at
 * /sys/kernel/debug. No other driver of Linux 7.3 shows its page tables: that of AMD shows the
 * table of devices, see iommut_amd_entry_get(), that of SMMUv3 nothing.
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

/**
 * iommut_amd_entry_get() - the entry of the device table of an AMD IOMMU
 * @bdf: the device, "0000:00:05.0"
 * @entry: where it is stored
 *
 * devid and devtbl in debugfs (Linux 6.17 and later, CONFIG_AMD_IOMMU_DEBUGFS). The first of them
 * is one for the whole machine: nobody else should use it at the same time.
 *
 * Return: 0, -EOPNOTSUPP if the kernel does not tell, -ENODEV if the device is not behind an AMD
 * IOMMU, -EBADMSG if the file cannot be understood, -EINVAL for a malformed address, -EACCES.
 */
int iommut_amd_entry_get(const char *bdf, struct iommut_amd_entry *entry);

IOMMUT_END

#endif /* IOMMUT_PAGE_TABLE_H */
