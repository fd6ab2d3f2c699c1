/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
#ifndef IOMMUT_MEMORY_H
#define IOMMUT_MEMORY_H

#include <iommut/types.h>

IOMMUT_BEGIN

/**
 * enum iommut_memory_kind - what stands behind the addresses
 * @IOMMUT_MEMORY_ANONYMOUS: private anonymous pages, transparent huge pages refused
 *     (MADV_NOHUGEPAGE)
 * @IOMMUT_MEMORY_THP: private anonymous pages, aligned for and advised to be transparent huge pages
 * @IOMMUT_MEMORY_HUGETLB_2M: anonymous hugetlb pages of 2 MiB
 * @IOMMUT_MEMORY_HUGETLB_1G: anonymous hugetlb pages of 1 GiB
 * @IOMMUT_MEMORY_SHARED: shared anonymous pages
 * @IOMMUT_MEMORY_MEMFD: shared pages of a memfd
 * @IOMMUT_MEMORY_MEMFD_2M: shared pages of a hugetlb memfd, 2 MiB each
 * @IOMMUT_MEMORY_MEMFD_1G: shared pages of a hugetlb memfd, 1 GiB each
 * @IOMMUT_MEMORY_FILE: shared pages of an unnamed file in a folder (O_TMPFILE)
 */
enum iommut_memory_kind {
	IOMMUT_MEMORY_ANONYMOUS,
	IOMMUT_MEMORY_THP,
	IOMMUT_MEMORY_HUGETLB_2M,
	IOMMUT_MEMORY_HUGETLB_1G,
	IOMMUT_MEMORY_SHARED,
	IOMMUT_MEMORY_MEMFD,
	IOMMUT_MEMORY_MEMFD_2M,
	IOMMUT_MEMORY_MEMFD_1G,
	IOMMUT_MEMORY_FILE,
};

#define IOMMUT_MEMORY_KINDS 9

/**
 * enum iommut_memory_flags - how memory is made
 * @IOMMUT_MEMORY_POPULATE: all pages are there at once (otherwise at first touch)
 * @IOMMUT_MEMORY_READ_ONLY: the process itself may only read it; a mapping that the device may
 *     write must then be refused
 */
enum iommut_memory_flags {
	IOMMUT_MEMORY_POPULATE = 1 << 0,
	IOMMUT_MEMORY_READ_ONLY = 1 << 1,
};

/**
 * struct iommut_memory_options - how memory is made
 * @kind: what stands behind it
 * @flags: enum iommut_memory_flags bits
 * @numa_node: number of a node plus 1, bound strictly; 0 is any node
 * @folder: for IOMMUT_MEMORY_FILE: where the file is made; NULL is "/tmp"
 */
struct iommut_memory_options {
	enum iommut_memory_kind kind;
	uint32_t flags;
	int numa_node;
	const char *folder;
};

/**
 * struct iommut_memory - memory for tests
 * @address: first byte, aligned to @page_size
 * @length: bytes, a multiple of @page_size
 * @page_size: bytes of a page: what the kind promises (2 MiB for THP, where the kernel may still
 *     use smaller ones)
 * @kind: what stands behind it
 * @fd: the memfd or file, whose byte 0 is @address; -1 if there is none
 * @base: private to the library
 * @reserved: private to the library
 *
 * On both sides is a guard of at least one page that nobody can touch: an overrun of the CPU is a
 * SIGSEGV. Fields are for reading.
 */
struct iommut_memory {
	void *address;
	size_t length;
	size_t page_size;
	enum iommut_memory_kind kind;
	int fd;
	void *base;
	size_t reserved;
};

/**
 * iommut_memory_alloc() - make memory
 * @memory: where the object is stored
 * @length: bytes, rounded up to whole pages
 * @kind: what stands behind it
 *
 * Return: 0; -ENOMEM (for hugetlb: the pool has too few pages free); -EOPNOTSUPP if the kernel has
 * no such pages; -EINVAL for a length of 0 or an unknown kind; or the error of mmap(2),
 * memfd_create(2) or open(2).
 */
int iommut_memory_alloc(struct iommut_memory **memory, size_t length, enum iommut_memory_kind kind);

/**
 * iommut_memory_alloc_with() - make memory, with options
 * @memory: where the object is stored
 * @length: bytes, rounded up to whole pages
 * @options: how
 *
 * Return: as iommut_memory_alloc(), and the error of mbind(2).
 */
int iommut_memory_alloc_with(struct iommut_memory **memory, size_t length,
			     const struct iommut_memory_options *options);

/**
 * iommut_memory_free() - give memory back
 * @memory: an object, or NULL
 */
void iommut_memory_free(struct iommut_memory *memory);

/**
 * iommut_memory_kind_name() - name of a kind
 * @kind: a kind
 *
 * Return: "anonymous", "thp", "hugetlb2M", "hugetlb1G", "shared", "memfd", "memfd2M", "memfd1G" or
 * "file"; NULL for any other value.
 */
const char *iommut_memory_kind_name(enum iommut_memory_kind kind);

/**
 * iommut_memory_kind_parse() - the kind of a name
 * @name: as iommut_memory_kind_name() has it
 * @kind: where it is stored
 *
 * Return: 0, or -EINVAL.
 */
int iommut_memory_kind_parse(const char *name, enum iommut_memory_kind *kind);

/**
 * iommut_memory_physical_size() - the page size that is really used at an address
 * @address: an address of this process, touched before
 * @size: where it is stored, in bytes
 *
 * KernelPageSize, and AnonHugePages or ShmemPmdMapped for transparent huge pages, of
 * /proc/self/smaps: 2 MiB is reported only if the whole area of the address is made of such pages.
 *
 * Return: 0, -EFAULT if nothing is mapped at @address, or the error of open(2).
 */
int iommut_memory_physical_size(const void *address, size_t *size);

IOMMUT_END

#endif /* IOMMUT_MEMORY_H */
