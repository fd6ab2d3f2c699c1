// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
#include <errno.h>
#include <stdlib.h>

#include <iommut/iova.h>

#include "lib/iova.h"
#include "lib/tree.h"

/* A hole is in two trees: by address, and by length with the address to tell equals apart. */
struct hole {
	struct tree_node by_address;
	struct tree_node by_length;
	uint64_t start;
	uint64_t last;
};

struct iommut_iova {
	const struct iommut_syscalls *sys;
	struct tree_node *by_address;
	struct tree_node *by_length;
	uint64_t granule;
	size_t holes;
	uint64_t free; /* bytes, modulo 2^64 */
	size_t range_count;
	struct iommut_iova_range ranges[];
};

static int compare_addresses(const struct tree_node *a, const struct tree_node *b)
{
	const struct hole *x = tree_entry(a, struct hole, by_address);
	const struct hole *y = tree_entry(b, struct hole, by_address);

	return x->start < y->start ? -1 : x->start > y->start;
}

static int compare_lengths(const struct tree_node *a, const struct tree_node *b)
{
	const struct hole *x = tree_entry(a, struct hole, by_length);
	const struct hole *y = tree_entry(b, struct hole, by_length);
	uint64_t length_x = x->last - x->start, length_y = y->last - y->start;

	if (length_x != length_y)
		return length_x < length_y ? -1 : 1;
	return x->start < y->start ? -1 : x->start > y->start;
}

static void insert(struct iommut_iova *iova, struct hole *hole)
{
	tree_insert(&iova->by_address, &hole->by_address, compare_addresses);
	tree_insert(&iova->by_length, &hole->by_length, compare_lengths);
	iova->holes++;
	iova->free += hole->last - hole->start + 1;
}

static void take_out(struct iommut_iova *iova, struct hole *hole)
{
	tree_remove(&iova->by_address, &hole->by_address, compare_addresses);
	tree_remove(&iova->by_length, &hole->by_length, compare_lengths);
	iova->holes--;
	iova->free -= hole->last - hole->start + 1;
}

static struct hole *new_hole(struct iommut_iova *iova, uint64_t start, uint64_t last)
{
	struct hole *hole = sys_calloc(iova->sys, 1, sizeof(*hole));

	if (hole) {
		hole->start = start;
		hole->last = last;
	}
	return hole;
}

/* The hole that starts at or below an address, or else above it. */
static struct hole *below(const struct iommut_iova *iova, uint64_t address)
{
	struct hole key = { .start = address };
	struct tree_node *node =
		tree_at_or_below(iova->by_address, &key.by_address, compare_addresses);

	return node ? tree_entry(node, struct hole, by_address) : NULL;
}

static struct hole *above(const struct iommut_iova *iova, uint64_t address)
{
	struct hole key = { .start = address };
	struct tree_node *node =
		tree_at_or_above(iova->by_address, &key.by_address, compare_addresses);

	return node ? tree_entry(node, struct hole, by_address) : NULL;
}

/* Ranges cut to whole granules, those that touch joined. */
static int add_range(struct iommut_iova *iova, const struct iommut_iova_range *range)
{
	uint64_t mask = iova->granule - 1;
	uint64_t start = (range->start + mask) & ~mask;
	uint64_t last = ((range->last + 1) & ~mask) - 1;
	struct iommut_iova_range *before =
		iova->range_count ? &iova->ranges[iova->range_count - 1] : NULL;

	if (range->start > range->last)
		return -EINVAL;
	/* Rounding up can go past the end of the space, rounding down below its start. */
	if (start < range->start || range->last - range->start < mask || last < start ||
	    last > range->last)
		return 0;
	if (before && before->last != UINT64_MAX && before->last + 1 == start) {
		before->last = last;
		return 0;
	}
	iova->ranges[iova->range_count].start = start;
	iova->ranges[iova->range_count].last = last;
	iova->range_count++;
	return 0;
}

int iova_create_on(const struct iommut_syscalls *sys, struct iommut_iova **iova,
		   const struct iommut_iova_range *ranges, size_t count, uint64_t granule)
{
	struct iommut_iova *new_iova;
	int ret = 0;

	if (!granule || granule & (granule - 1))
		return -EINVAL;
	new_iova = sys_calloc(sys, 1, sizeof(*new_iova) + count * sizeof(*ranges));
	if (!new_iova)
		return -ENOMEM;
	new_iova->sys = sys;
	new_iova->granule = granule;
	for (size_t i = 0; i < count && !ret; i++) {
		if (i && ranges[i].start <= ranges[i - 1].last)
			ret = -EINVAL;
		else
			ret = add_range(new_iova, &ranges[i]);
	}
	for (size_t i = 0; i < new_iova->range_count && !ret; i++) {
		struct hole *hole =
			new_hole(new_iova, new_iova->ranges[i].start, new_iova->ranges[i].last);

		if (hole)
			insert(new_iova, hole);
		else
			ret = -ENOMEM;
	}
	if (ret) {
		iommut_iova_destroy(new_iova);
		return ret;
	}
	*iova = new_iova;
	return 0;
}

int iommut_iova_create(struct iommut_iova **iova, const struct iommut_iova_range *ranges,
		       size_t count, uint64_t granule)
{
	return iova_create_on(NULL, iova, ranges, count, granule);
}

void iommut_iova_destroy(struct iommut_iova *iova)
{
	struct tree_node *node;

	if (!iova)
		return;
	while ((node = tree_first(iova->by_address))) {
		struct hole *hole = tree_entry(node, struct hole, by_address);

		take_out(iova, hole);
		free(hole);
	}
	free(iova);
}

/* Takes start..last, which lies in the hole, out of it. */
static int carve(struct iommut_iova *iova, struct hole *hole, uint64_t start, uint64_t last)
{
	struct hole *rest = NULL;

	if (start > hole->start && last < hole->last) {
		rest = new_hole(iova, last + 1, hole->last);
		if (!rest)
			return -ENOMEM;
	}
	take_out(iova, hole);
	if (rest) {
		insert(iova, rest);
		hole->last = start - 1;
	} else if (start > hole->start) {
		hole->last = start - 1;
	} else if (last < hole->last) {
		hole->start = last + 1;
	} else {
		free(hole);
		return 0;
	}
	insert(iova, hole);
	return 0;
}

/* Rounds to whole granules; @span is the length minus 1, so that 2^64 can be said. */
static int check_request(const struct iommut_iova *iova, uint64_t length, uint64_t *alignment,
			 uint64_t *span)
{
	uint64_t mask = iova->granule - 1;

	if (!length || *alignment & (*alignment - 1))
		return -EINVAL;
	if (*alignment < iova->granule)
		*alignment = iova->granule;
	*span = (length - 1) | mask;
	return 0;
}

static bool lowest_start(const struct hole *hole, uint64_t span, uint64_t alignment,
			 uint64_t *start)
{
	uint64_t aligned = (hole->start + alignment - 1) & ~(alignment - 1);

	if (aligned < hole->start || aligned > hole->last || hole->last - aligned < span)
		return false;
	*start = aligned;
	return true;
}

int iommut_iova_alloc(struct iommut_iova *iova, uint64_t length, uint64_t alignment,
		      uint64_t *start)
{
	struct hole key = { 0 };
	struct tree_node *node;
	uint64_t span, at;
	int ret = check_request(iova, length, &alignment, &span);

	if (ret)
		return ret;
	key.last = span;
	while ((node = tree_at_or_above(iova->by_length, &key.by_length, compare_lengths))) {
		struct hole *hole = tree_entry(node, struct hole, by_length);

		if (lowest_start(hole, span, alignment, &at)) {
			ret = carve(iova, hole, at, at + span);
			if (!ret)
				*start = at;
			return ret;
		}
		/* The next one in order: one further in address, or one longer. */
		key.start = hole->start + 1;
		key.last = hole->last + 1;
		if (key.last == 0) {
			/*
			 * The hole ends with the space: of its length there is none further up. It is not all of the space: that
			 * has room for anything.
			 */
			key.start = 0;
			key.last = hole->last - hole->start + 1;
		}
	}
	return -ENOSPC;
}

int iommut_iova_alloc_first(struct iommut_iova *iova, uint64_t length, uint64_t alignment,
			    uint64_t *start)
{
	struct hole *hole = above(iova, 0);
	uint64_t span, at;
	int ret = check_request(iova, length, &alignment, &span);

	if (ret)
		return ret;
	while (hole) {
		if (lowest_start(hole, span, alignment, &at)) {
			ret = carve(iova, hole, at, at + span);
			if (!ret)
				*start = at;
			return ret;
		}
		hole = hole->last == UINT64_MAX ? NULL : above(iova, hole->last + 1);
	}
	return -ENOSPC;
}

int iommut_iova_alloc_last(struct iommut_iova *iova, uint64_t length, uint64_t alignment,
			   uint64_t *start)
{
	struct hole *hole = below(iova, UINT64_MAX);
	uint64_t span, at;
	int ret = check_request(iova, length, &alignment, &span);

	if (ret)
		return ret;
	while (hole) {
		at = (hole->last - span) & ~(alignment - 1);
		if (hole->last - hole->start >= span && at >= hole->start) {
			ret = carve(iova, hole, at, at + span);
			if (!ret)
				*start = at;
			return ret;
		}
		hole = hole->start == 0 ? NULL : below(iova, hole->start - 1);
	}
	return -ENOSPC;
}

static int check_range(const struct iommut_iova *iova, uint64_t start, uint64_t length,
		       uint64_t *last)
{
	uint64_t mask = iova->granule - 1;

	if (!length || start & mask || length & mask || start + length - 1 < start)
		return -EINVAL;
	*last = start + length - 1;
	return 0;
}

int iommut_iova_reserve(struct iommut_iova *iova, uint64_t start, uint64_t length)
{
	struct hole *hole;
	uint64_t last;
	int ret = check_range(iova, start, length, &last);

	if (ret)
		return ret;
	hole = below(iova, start);
	if (!hole || hole->last < last)
		return -EBUSY;
	return carve(iova, hole, start, last);
}

static bool inside_ranges(const struct iommut_iova *iova, uint64_t start, uint64_t last)
{
	for (size_t i = 0; i < iova->range_count; i++)
		if (start >= iova->ranges[i].start && last <= iova->ranges[i].last)
			return true;
	return false;
}

int iommut_iova_free(struct iommut_iova *iova, uint64_t start, uint64_t length)
{
	struct hole *left, *right;
	uint64_t last;
	int ret = check_range(iova, start, length, &last);

	if (ret)
		return ret;
	if (!inside_ranges(iova, start, last))
		return -EINVAL;
	left = below(iova, last);
	if (left && left->last >= start)
		return -EINVAL;
	right = last == UINT64_MAX ? NULL : above(iova, last + 1);
	/* Holes of two ranges never touch: ranges that do are one. */
	if (right && right->start != last + 1)
		right = NULL;
	if (left && left->last + 1 != start)
		left = NULL;
	if (!left && !right) {
		left = new_hole(iova, start, last);
		if (!left)
			return -ENOMEM;
		insert(iova, left);
		return 0;
	}
	if (left)
		take_out(iova, left);
	if (right)
		take_out(iova, right);
	if (left && right) {
		left->last = right->last;
		free(right);
	} else if (left) {
		left->last = last;
	} else {
		right->start = start;
		left = right;
	}
	insert(iova, left);
	return 0;
}

uint64_t iommut_iova_available(const struct iommut_iova *iova, uint64_t *largest, size_t *holes)
{
	struct tree_node *node = tree_last(iova->by_length);
	uint64_t longest = 0;

	if (node) {
		struct hole *hole = tree_entry(node, struct hole, by_length);

		longest = hole->last - hole->start;
		if (longest != UINT64_MAX)
			longest++;
	}
	if (largest)
		*largest = longest;
	if (holes)
		*holes = iova->holes;
	/* 0 bytes free with a hole left is 2^64. */
	return iova->holes && !iova->free ? UINT64_MAX : iova->free;
}
