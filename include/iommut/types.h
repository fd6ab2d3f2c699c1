/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
#ifndef IOMMUT_TYPES_H
#define IOMMUT_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#define IOMMUT_BEGIN extern "C" {
#define IOMMUT_END   }
#else
#define IOMMUT_BEGIN
#define IOMMUT_END
#endif

IOMMUT_BEGIN

struct iommut_syscalls;

/**
 * struct iommut_handle - a file descriptor of the kernel
 * @fd: the file descriptor
 * @sys: how system calls are made on it; NULL means the running kernel
 *
 * Passed by value. Raw and typed calls take one, so that a test can aim any call at any file
 * descriptor, a wrong one included: ``iommut_handle(fd)``.
 */
struct iommut_handle {
	int fd;
	const struct iommut_syscalls *sys;
};

/**
 * iommut_handle() - a handle for a file descriptor of the running kernel
 * @fd: any number, valid or not
 *
 * Return: the handle; nothing is opened or checked.
 */
static inline struct iommut_handle iommut_handle(int fd)
{
	struct iommut_handle handle = { fd, NULL };

	return handle;
}

/**
 * enum iommut_access - what a device may do with a mapping
 * @IOMMUT_READ: the device may read memory (VFIO_DMA_MAP_FLAG_READ, IOMMU_IOAS_MAP_READABLE)
 * @IOMMUT_WRITE: the device may write memory (VFIO_DMA_MAP_FLAG_WRITE, IOMMU_IOAS_MAP_WRITEABLE)
 * @IOMMUT_RW: both
 */
enum iommut_access {
	IOMMUT_READ = 1 << 0,
	IOMMUT_WRITE = 1 << 1,
	IOMMUT_RW = IOMMUT_READ | IOMMUT_WRITE,
};

/**
 * struct iommut_iova_range - an interval of I/O virtual addresses
 * @start: first address
 * @last: last address, inclusive, so that the whole 64-bit space can be said
 */
struct iommut_iova_range {
	uint64_t start;
	uint64_t last;
};

/* PASIDs are 20 bits wide (PCIe 6.20). */
#define IOMMUT_PASID_MAX 0xfffffu
/* A number no PASID can have: "the request carries no PASID". */
#define IOMMUT_NO_PASID UINT32_MAX

IOMMUT_END

#endif /* IOMMUT_TYPES_H */
