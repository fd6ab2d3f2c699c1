// SPDX-License-Identifier: GPL-2.0-or-later
/* The IOVA allocator against a model that is simple enough to be right: one flag per granule. */
#include <errno.h>
#include <glib.h>
#include <string.h>

#include "lib/iova.h"
#include "tests/lib/fake_kernel.h"

#define GRANULE 0x1000ull
#define PAGES   512

struct model {
	uint64_t base;
	bool usable[PAGES];
	bool taken[PAGES];
};

static bool is_free(const struct model *model, uint64_t page)
{
	return page < PAGES && model->usable[page] && !model->taken[page];
}

/* Length of the smallest hole that has an aligned place for @pages, 0 if there is none. */
static uint64_t best_hole(const struct model *model, uint64_t pages, uint64_t alignment,
			  uint64_t *start)
{
	uint64_t best = 0;

	for (uint64_t at = 0; at < PAGES;) {
		uint64_t end = at;

		while (is_free(model, end))
			end++;
		if (end > at) {
			uint64_t first =
				((model->base + at * GRANULE + alignment - 1) & ~(alignment - 1));
			uint64_t page = (first - model->base) / GRANULE;

			if (page + pages <= end && (!best || end - at < best)) {
				best = end - at;
				*start = first;
			}
		}
		at = end + 1;
	}
	return best;
}

static void check(const struct model *model, const struct iommut_iova *iova)
{
	uint64_t free = 0, longest = 0, run = 0, largest;
	size_t holes = 0, found;

	for (int i = 0; i < PAGES; i++) {
		run = is_free(model, i) ? run + 1 : 0;
		free += is_free(model, i);
		holes += run == 1;
		longest = MAX(longest, run);
	}
	g_assert_cmpuint(iommut_iova_available(iova, &largest, &found), ==, free * GRANULE);
	g_assert_cmpuint(largest, ==, longest * GRANULE);
	g_assert_cmpuint(found, ==, holes);
}

static void mark(struct model *model, uint64_t start, uint64_t pages, bool taken)
{
	for (uint64_t i = 0; i < pages; i++) {
		uint64_t page = (start - model->base) / GRANULE + i;

		g_assert_cmpuint(page, <, PAGES);
		g_assert_true(model->usable[page]);
		g_assert_true(model->taken[page] != taken);
		model->taken[page] = taken;
	}
}

static bool all(const struct model *model, uint64_t page, uint64_t pages, bool taken)
{
	for (uint64_t i = page; i < page + pages; i++)
		if (i >= PAGES || !model->usable[i] || model->taken[i] != taken)
			return false;
	return true;
}

static void step(struct model *model, struct iommut_iova *iova)
{
	uint64_t pages = (uint64_t)g_test_rand_int_range(1, g_test_rand_bit() ? 4 : 40);
	uint64_t alignment = GRANULE << g_test_rand_int_range(0, 6);
	uint64_t page = (uint64_t)g_test_rand_int_range(0, PAGES);
	uint64_t start = 0, expected = 0;
	/* Past the end of the 64-bit space. */
	bool beyond = UINT64_MAX - model->base < (page + pages) * GRANULE - 1;
	int ret;

	switch (g_test_rand_int_range(0, 5)) {
	case 0:
		ret = iommut_iova_alloc(iova,
					pages * GRANULE - (uint64_t)g_test_rand_int_range(0, 4096),
					alignment, &start);
		if (!best_hole(model, pages, alignment, &expected)) {
			g_assert_cmpint(ret, ==, -ENOSPC);
			break;
		}
		g_assert_cmpint(ret, ==, 0);
		g_assert_cmphex(start, ==, expected);
		mark(model, start, pages, true);
		break;
	case 1:
		ret = iommut_iova_alloc_first(iova, pages * GRANULE, alignment, &start);
		g_assert_cmpint(ret, ==,
				best_hole(model, pages, alignment, &expected) ? 0 : -ENOSPC);
		if (!ret)
			mark(model, start, pages, true);
		break;
	case 2:
		ret = iommut_iova_alloc_last(iova, pages * GRANULE, alignment, &start);
		g_assert_cmpint(ret, ==,
				best_hole(model, pages, alignment, &expected) ? 0 : -ENOSPC);
		if (!ret)
			mark(model, start, pages, true);
		break;
	case 3:
		ret = iommut_iova_reserve(iova, model->base + page * GRANULE, pages * GRANULE);
		if (beyond)
			g_assert_cmpint(ret, ==, -EINVAL);
		else
			g_assert_cmpint(ret, ==, all(model, page, pages, false) ? 0 : -EBUSY);
		if (!ret)
			mark(model, model->base + page * GRANULE, pages, true);
		break;
	default:
		ret = iommut_iova_free(iova, model->base + page * GRANULE, pages * GRANULE);
		g_assert_cmpint(ret, ==, all(model, page, pages, true) ? 0 : -EINVAL);
		if (!ret)
			mark(model, model->base + page * GRANULE, pages, false);
		break;
	}
}

/* Three ranges with gaps; at the start of the space, in its midst, and at its end. */
static void test_model(gconstpointer data)
{
	uint64_t base = *(const uint64_t *)data;
	static struct model model;

	for (int round = 0; round < 20; round++) {
		struct iommut_iova_range ranges[] = {
			{ base + 0x10, base + 99 * GRANULE + 0xfff },
			{ base + 120 * GRANULE, base + 199 * GRANULE + 0xffe },
			{ base + 300 * GRANULE, base + (PAGES - 1) * GRANULE + 0xfff },
		};
		struct iommut_iova *iova;

		memset(&model, 0, sizeof(model));
		model.base = base;
		/*
		 * The first page of the first range and the last of the second are no whole
		 * granules.
		 */
		for (int i = 0; i < PAGES; i++)
			model.usable[i] = (i >= 1 && i < 100) || (i >= 120 && i < 199) || i >= 300;
		g_assert_cmpint(iommut_iova_create(&iova, ranges, 3, GRANULE), ==, 0);
		for (int i = 0; i < 1000; i++) {
			step(&model, iova);
			check(&model, iova);
		}
		iommut_iova_destroy(iova);
	}
}

static void test_whole_space(void)
{
	struct iommut_iova_range all_of_it = { 0, UINT64_MAX };
	uint64_t start, largest;
	struct iommut_iova *iova;
	size_t holes;

	g_assert_cmpint(iommut_iova_create(&iova, &all_of_it, 1, 1), ==, 0);
	g_assert_cmphex(iommut_iova_available(iova, &largest, &holes), ==, UINT64_MAX);
	g_assert_cmphex(largest, ==, UINT64_MAX);
	g_assert_cmpint(iommut_iova_alloc_last(iova, 1, 0, &start), ==, 0);
	g_assert_cmphex(start, ==, UINT64_MAX);
	g_assert_cmphex(iommut_iova_available(iova, NULL, NULL), ==, UINT64_MAX);
	g_assert_cmpint(iommut_iova_alloc(iova, UINT64_MAX, 1, &start), ==, 0);
	g_assert_cmphex(start, ==, 0);
	g_assert_cmphex(iommut_iova_available(iova, NULL, &holes), ==, 0);
	g_assert_cmpuint(holes, ==, 0);
	g_assert_cmpint(iommut_iova_alloc(iova, 1, 0, &start), ==, -ENOSPC);
	g_assert_cmpint(iommut_iova_free(iova, UINT64_MAX, 1), ==, 0);
	g_assert_cmpint(iommut_iova_free(iova, 0, UINT64_MAX), ==, 0);
	g_assert_cmphex(iommut_iova_available(iova, NULL, &holes), ==, UINT64_MAX);
	g_assert_cmpuint(holes, ==, 1);
	/* An alignment that only 0 has. */
	g_assert_cmpint(iommut_iova_alloc(iova, 16, 1ull << 63, &start), ==, 0);
	g_assert_cmphex(start, ==, 0);
	g_assert_cmpint(iommut_iova_alloc(iova, 16, 1ull << 63, &start), ==, 0);
	g_assert_cmphex(start, ==, 1ull << 63);
	g_assert_cmpint(iommut_iova_alloc(iova, 16, 1ull << 63, &start), ==, -ENOSPC);
	iommut_iova_destroy(iova);
}

static void test_arguments(void)
{
	struct iommut_iova_range swapped = { 2, 1 };
	struct iommut_iova_range overlapping[] = { { 0, 0x1fff }, { 0x1000, 0x2fff } };
	struct iommut_iova_range touching[] = { { 0, 0xfff },
						{ 0x1000, 0x1fff },
						{ 0x8000, 0x8ffe } };
	struct iommut_iova_range tiny = { UINT64_MAX - 5, UINT64_MAX };
	struct iommut_iova *iova;
	uint64_t start;
	size_t holes;

	g_assert_cmpint(iommut_iova_create(&iova, touching, 2, 0), ==, -EINVAL);
	g_assert_cmpint(iommut_iova_create(&iova, touching, 2, 3), ==, -EINVAL);
	g_assert_cmpint(iommut_iova_create(&iova, &swapped, 1, 1), ==, -EINVAL);
	g_assert_cmpint(iommut_iova_create(&iova, overlapping, 2, GRANULE), ==, -EINVAL);
	g_assert_cmpint(iommut_iova_create(&iova, &tiny, 1, GRANULE), ==, 0);
	g_assert_cmpint(iommut_iova_alloc(iova, 1, 0, &start), ==, -ENOSPC);
	iommut_iova_destroy(iova);
	g_assert_cmpint(iommut_iova_create(&iova, touching, 3, GRANULE), ==, 0);
	g_assert_cmphex(iommut_iova_available(iova, NULL, &holes), ==, 0x2000);
	g_assert_cmpuint(holes, ==, 1);
	g_assert_cmpint(iommut_iova_alloc(iova, 0, 0, &start), ==, -EINVAL);
	g_assert_cmpint(iommut_iova_alloc(iova, 1, 3, &start), ==, -EINVAL);
	g_assert_cmpint(iommut_iova_alloc_first(iova, 0, 0, &start), ==, -EINVAL);
	g_assert_cmpint(iommut_iova_alloc_last(iova, 0, 0, &start), ==, -EINVAL);
	g_assert_cmpint(iommut_iova_reserve(iova, 1, GRANULE), ==, -EINVAL);
	g_assert_cmpint(iommut_iova_reserve(iova, 0, 0), ==, -EINVAL);
	g_assert_cmpint(iommut_iova_reserve(iova, 0 - 2 * GRANULE, 3 * GRANULE), ==, -EINVAL);
	g_assert_cmpint(iommut_iova_free(iova, 0x8000, GRANULE), ==, -EINVAL);
	g_assert_cmpint(iommut_iova_free(iova, 0, GRANULE), ==, -EINVAL);
	iommut_iova_destroy(iova);
	iommut_iova_destroy(NULL);
}

static void test_memory(void)
{
	struct iommut_iova_range ranges[] = { { 0, 0xffff }, { 0x20000, 0x2ffff } };
	struct iommut_iova *iova;
	struct fake_kernel kernel;
	uint64_t start;

	for (unsigned int i = 1; i <= 3; i++) {
		fake_kernel_init(&kernel, NULL);
		kernel.fail_at = i;
		g_assert_cmpint(iova_create_on(&kernel.sys, &iova, ranges, 2, GRANULE), ==,
				-ENOMEM);
	}
	fake_kernel_init(&kernel, NULL);
	g_assert_cmpint(iova_create_on(&kernel.sys, &iova, ranges, 2, GRANULE), ==, 0);
	kernel.fail_at = kernel.calls + 1;
	/* In the midst of a hole: a second one is needed for the rest. */
	g_assert_cmpint(iommut_iova_reserve(iova, 0x4000, GRANULE), ==, -ENOMEM);
	g_assert_cmphex(iommut_iova_available(iova, NULL, NULL), ==, 0x20000);
	g_assert_cmpint(iommut_iova_alloc(iova, 0x10000, 0, &start), ==, 0);
	g_assert_cmphex(start, ==, 0);
	kernel.fail_at = kernel.calls + 1;
	g_assert_cmpint(iommut_iova_free(iova, 0x4000, GRANULE), ==, -ENOMEM);
	g_assert_cmpint(iommut_iova_free(iova, 0x4000, GRANULE), ==, 0);
	iommut_iova_destroy(iova);
}

int main(int argc, char **argv)
{
	static const uint64_t low = 0, middle = 0x123456789000, high = 0 - PAGES * GRANULE;

	g_test_init(&argc, &argv, NULL);
	g_test_add_data_func("/iova/model/low", &low, test_model);
	g_test_add_data_func("/iova/model/middle", &middle, test_model);
	g_test_add_data_func("/iova/model/high", &high, test_model);
	g_test_add_func("/iova/whole-space", test_whole_space);
	g_test_add_func("/iova/arguments", test_arguments);
	g_test_add_func("/iova/memory", test_memory);
	return g_test_run();
}
