/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
#ifndef IOMMUT_IOVA_H
#define IOMMUT_IOVA_H

#include <iommut/types.h>

IOMMUT_BEGIN

/**
 * struct iommut_iova - an allocator of I/O virtual addresses
 *
 * It only counts addresses and makes no system call. Both trees in it are balanced: allocating and
 * freeing are O(log n) in the number of holes. With an alignment above the granule, each hole that
 * is long enough but holds no aligned start costs one more step. Not locked.
 */
struct iommut_iova;

/**
 * iommut_iova_create() - an allocator over ranges, all free
 * @iova: where the allocator is stored
 * @ranges: ranges, for instance of iommut_space_ranges(); sorted, not overlapping
 * @count: number of ranges
 * @granule: every allocation starts at a multiple and has a length that is a multiple of it, in
 *     bytes; a power of 2
 *
 * Parts of ranges that are no whole granule are never given out.
 *
 * Return: 0, -EINVAL for a granule or ranges that break these rules, -ENOMEM.
 */
int iommut_iova_create(struct iommut_iova **iova, const struct iommut_iova_range *ranges,
		       size_t count, uint64_t granule);

/**
 * iommut_iova_destroy() - forget an allocator
 * @iova: an allocator, or NULL
 */
void iommut_iova_destroy(struct iommut_iova *iova);

/**
 * iommut_iova_alloc() - take addresses from the hole that fits best
 * @iova: an allocator
 * @length: bytes, rounded up to the granule
 * @alignment: of the start, a power of 2; 0 is the granule
 * @start: where the first address is stored
 *
 * The smallest hole in which an aligned start exists is used, the lowest such hole among equals,
 * from its lower end.
 *
 * Return: 0, -ENOSPC if no hole fits, -EINVAL for a length of 0 or an alignment that is no power of
 * 2, -ENOMEM.
 */
int iommut_iova_alloc(struct iommut_iova *iova, uint64_t length, uint64_t alignment,
		      uint64_t *start);

/**
 * iommut_iova_alloc_first() - take the lowest addresses that fit
 * @iova: an allocator
 * @length: bytes, rounded up to the granule
 * @alignment: of the start, a power of 2; 0 is the granule
 * @start: where the first address is stored
 *
 * O(n).
 *
 * Return: as iommut_iova_alloc().
 */
int iommut_iova_alloc_first(struct iommut_iova *iova, uint64_t length, uint64_t alignment,
			    uint64_t *start);

/**
 * iommut_iova_alloc_last() - take the highest addresses that fit
 * @iova: an allocator
 * @length: bytes, rounded up to the granule
 * @alignment: of the start, a power of 2; 0 is the granule
 * @start: where the first address is stored
 *
 * O(n). For tests of the end of the space.
 *
 * Return: as iommut_iova_alloc().
 */
int iommut_iova_alloc_last(struct iommut_iova *iova, uint64_t length, uint64_t alignment,
			   uint64_t *start);

/**
 * iommut_iova_reserve() - take given addresses
 * @iova: an allocator
 * @start: first address
 * @length: bytes
 *
 * Return: 0, -EBUSY if a part is not free (or was never in a range), -EINVAL if not aligned to the
 * granule or beyond 64 bits, -ENOMEM.
 */
int iommut_iova_reserve(struct iommut_iova *iova, uint64_t start, uint64_t length);

/**
 * iommut_iova_free() - give addresses back
 * @iova: an allocator
 * @start: first address
 * @length: bytes; a part of an allocation may be given back
 *
 * Return: 0, -EINVAL if a part is free already or outside of the ranges, -ENOMEM.
 */
int iommut_iova_free(struct iommut_iova *iova, uint64_t start, uint64_t length);

/**
 * iommut_iova_available() - how much is free
 * @iova: an allocator
 * @largest: length of the largest hole in bytes, UINT64_MAX if that is 2^64; may be NULL
 * @holes: number of holes; may be NULL
 *
 * Return: bytes in all holes, UINT64_MAX if that is 2^64.
 */
uint64_t iommut_iova_available(const struct iommut_iova *iova, uint64_t *largest, size_t *holes);

IOMMUT_END

#endif /* IOMMUT_IOVA_H */
