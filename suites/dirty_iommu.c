// SPDX-License-Identifier: GPL-2.0-or-later
/* Dirty tracking by the IOMMU itself, and by the device itself, with the DMA of a real device. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <linux/vfio.h>

#include <iommut/feature.h>
#include <iommut/hwpt.h>
#include <iommut/iommufd.h>

#include "engines/testdev.h"
#include "harness/dma.h"

#define PAGE  UINT64_C(4096)
#define PAGES 1024
#define WORDS (PAGES / 64)
#define RULE  "iommufd.h: IOMMU_HWPT_SET_DIRTY_TRACKING, IOMMU_HWPT_GET_DIRTY_BITMAP"

/* A device in a page table that tracks, and memory of PAGES pages in it. */
struct tracked {
	struct rig *rig;
	struct dma_buffer *buffer;
	struct iommut_handle iommufd;
	uint32_t hwpt;
};

/* The page table goes after the device. */
static void undo_table(void *argument)
{
	iommut_hwpt_close(argument);
}

static struct tracked open_tracked(struct test *t, bool huge)
{
	const struct iommut_device_options detached = { .flags = IOMMUT_DEVICE_DETACHED };
	const struct buffer_options options = { .kind = huge ? IOMMUT_MEMORY_HUGETLB_2M
							     : IOMMUT_MEMORY_ANONYMOUS,
						.alignment = 2 << 20 };
	struct iommut_space *space = rig_open_space(t);
	struct tracked tracked = { .iommufd = iommut_space_handle(space) };
	struct iommut_hwpt *hwpt;
	struct rig *probe;
	uint32_t ioas;
	int error;

	/* Bits are kept for each entry: with huge pages off, for each page. */
	expect_zero(t, iommut_space_ioas(space, &ioas));
	expect_zero(t, iommut_option_set(tracked.iommufd, IOMMU_OPTION_HUGE_PAGES, ioas, huge));
	probe = rig_open_in(t, space, 0, &detached);
	error = iommut_hwpt_open(&hwpt, probe->device, space, IOMMU_HWPT_ALLOC_DIRTY_TRACKING,
				 NULL);
	if (error == -EOPNOTSUPP)
		skip(t, "the IOMMU does not track what devices write",
		     "an IOMMU with dirty bits: VT-d with ECAP.SSADS in scalable mode with second "
		     "stage, AMD-Vi with EFR.HDSup, SMMUv3 with HTTU");
	expect_zero(t, error);
	rig_close(probe);
	undo_later(t, undo_table, hwpt);
	tracked.hwpt = iommut_hwpt_id(hwpt);
	tracked.rig = rig_open_in(t, space, 0, &detached);
	need(tracked.rig, ENGINE_WRITE | ENGINE_READ);
	expect_zero(t, iommut_device_attach(tracked.rig->device, tracked.hwpt));
	rig_stage(tracked.rig);
	tracked.buffer = map_buffer_with(tracked.rig, PAGES * PAGE, &options);
	expect_reaches(tracked.buffer);
	return tracked;
}

static void read_bits(struct tracked *tracked, uint64_t granule, uint32_t flags, uint64_t *bits)
{
	memset(bits, 0, WORDS * sizeof(*bits));
	expect_zero(tracked->rig->t,
		    iommut_hwpt_dirty_bitmap(tracked->iommufd, tracked->hwpt, tracked->buffer->iova,
					     tracked->buffer->length, granule, flags, bits));
}

static void write_page(struct tracked *tracked, uint64_t page)
{
	uint64_t value = random64(tracked->rig->t);

	expect_write(tracked->rig, tracked->buffer->iova + page * PAGE + 64, &value, sizeof(value));
	expect_bytes(tracked->rig->t, tracked->buffer->data + page * PAGE + 64, &value,
		     sizeof(value));
}

static void check_bits(struct test *t, const uint64_t *bits, const uint64_t *wanted,
		       const struct place *place)
{
	for (int i = 0; i < WORDS; i++)
		if (bits[i] != wanted[i])
			expectation_failed(t, place,
					   "word %d of the bitmap is 0x%" PRIx64
					   " instead of 0x%" PRIx64,
					   i, bits[i], wanted[i]);
}
#define expect_bits(t, bits, wanted) check_bits(t, bits, wanted, PLACE("exactly what was written"))

CASE(iommu_exact,
     .proves = "the IOMMU reports every page a device wrote, once, and no other, at each granule; "
	       "what a device reads is not reported",
     .rule = RULE, .parameters = { IOMMUFD_ONLY, PARAMETER("granule", "4K", "64K", "2M") })
{
	struct tracked tracked = open_tracked(t, false);
	uint64_t granule = param_size(t, "granule"), bits[WORDS], wanted[WORDS] = { 0 }, seen;

	expect_zero(t, iommut_hwpt_dirty_tracking(tracked.iommufd, tracked.hwpt, true));
	for (int i = 0; i < 32; i++) {
		uint64_t page = random_below(t, PAGES), index = page * PAGE / granule;

		write_page(&tracked, page);
		wanted[index / 64] |= UINT64_C(1) << (index % 64);
		expect_read(tracked.rig, tracked.buffer->iova + random_below(t, PAGES) * PAGE,
			    &seen, sizeof(seen));
	}
	read_bits(&tracked, granule, 0, bits);
	expect_bits(t, bits, wanted);
	memset(wanted, 0, sizeof(wanted));
	read_bits(&tracked, granule, 0, bits);
	expect_bits(t, bits, wanted);
	/* Each page is reported again when it is written again, although its translation is cached. */
	write_page(&tracked, 7);
	wanted[7 * PAGE / granule / 64] |= UINT64_C(1) << (7 * PAGE / granule % 64);
	read_bits(&tracked, granule, 0, bits);
	expect_bits(t, bits, wanted);
}

CASE(iommu_no_clear,
     .proves = "dirty bits that were read without clearing are there the next time, and those that "
	       "were cleared are not",
     .rule = "iommufd.h: IOMMU_HWPT_GET_DIRTY_BITMAP_NO_CLEAR", .parameters = { IOMMUFD_ONLY })
{
	struct tracked tracked = open_tracked(t, false);
	uint64_t bits[WORDS], wanted[WORDS] = { 0 };

	expect_zero(t, iommut_hwpt_dirty_tracking(tracked.iommufd, tracked.hwpt, true));
	write_page(&tracked, 65);
	wanted[1] = 2;
	for (int round = 0; round < 2; round++) {
		read_bits(&tracked, PAGE, IOMMU_HWPT_GET_DIRTY_BITMAP_NO_CLEAR, bits);
		expect_bits(t, bits, wanted);
	}
	read_bits(&tracked, PAGE, 0, bits);
	expect_bits(t, bits, wanted);
	wanted[1] = 0;
	read_bits(&tracked, PAGE, 0, bits);
	expect_bits(t, bits, wanted);
}

CASE(iommu_off_and_on,
     .proves = "what is written while tracking is off is not reported, whatever was before, and "
	       "DMA does not notice",
     .rule = RULE, .parameters = { IOMMUFD_ONLY })
{
	struct tracked tracked = open_tracked(t, false);
	uint64_t bits[WORDS], wanted[WORDS] = { 0 };

	for (int round = 0; round < 3; round++) {
		write_page(&tracked, 3);
		expect_zero(t, iommut_hwpt_dirty_tracking(tracked.iommufd, tracked.hwpt, true));
		write_page(&tracked, 5);
		wanted[0] = 1 << 5;
		read_bits(&tracked, PAGE, 0, bits);
		expect_bits(t, bits, wanted);
		write_page(&tracked, 9);
		expect_zero(t, iommut_hwpt_dirty_tracking(tracked.iommufd, tracked.hwpt, false));
	}
}

CASE(iommu_huge_page,
     .proves = "of huge pages at least the page that was written is reported, and nothing of a "
	       "huge page that was not",
     .rule = RULE, .parameters = { IOMMUFD_ONLY })
{
	struct tracked tracked = open_tracked(t, true);
	uint64_t bits[WORDS];

	expect_zero(t, iommut_hwpt_dirty_tracking(tracked.iommufd, tracked.hwpt, true));
	for (uint64_t half = 0; half < 2; half++) {
		uint64_t page = half * PAGES / 2 + random_below(t, PAGES / 2);

		write_page(&tracked, page);
		read_bits(&tracked, PAGE, 0, bits);
		expect(t, bits[page / 64] >> (page % 64) & 1);
		for (uint64_t i = 0; i < WORDS; i++)
			if (i / (WORDS / 2) != half)
				expect_equal(t, bits[i], 0);
	}
}

CASE(iommu_under_storm,
     .proves = "while a device writes one page without end, that page is reported each time the "
	       "bits are read and cleared, and no other",
     .rule = RULE, .parameters = { IOMMUFD_ONLY })
{
	struct tracked tracked = open_tracked(t, false);
	uint64_t bits[WORDS], wanted[WORDS] = { 0 };
	const uint64_t page = 130;
	struct engine_transfer transfer = { .operation = ENGINE_OP_FILL,
					    .pasid = IOMMUT_NO_PASID,
					    .iova = tracked.buffer->iova + page * PAGE,
					    .length = 64 };

	need(tracked.rig, ENGINE_STORM);
	expect_zero(t, iommut_hwpt_dirty_tracking(tracked.iommufd, tracked.hwpt, true));
	expect_zero(t, testdev_storm(&tracked.rig->engine, &transfer, 0));
	wanted[page / 64] = UINT64_C(1) << (page % 64);
	for (int round = 0; round < 20; round++) {
		for (int64_t end = now_ms() + 2000;;) {
			read_bits(&tracked, PAGE, 0, bits);
			if (bits[page / 64])
				break;
			expect_that(t, now_ms() < end, "writes are not reported any more");
		}
		expect_bits(t, bits, wanted);
	}
	expect_zero(t, testdev_storm_stop(&tracked.rig->engine, NULL, NULL));
}

CASE(device_logs,
     .proves =
	     "a device that logs its own writes reports every page it wrote in the range, and none "
	     "once it has been told",
     .rule = "vfio.h: VFIO_DEVICE_FEATURE_DMA_LOGGING_START, _REPORT, _STOP",
     .parameters = { BACKENDS })
{
	struct rig *rig = rig_open(t);
	struct dma_buffer *buffer = map_buffer(rig, 64 * PAGE);
	struct vfio_device_feature_dma_logging_range range = { .iova = buffer->iova,
							       .length = buffer->length };
	uint64_t bits = 0;

	if (iommut_feature_probe(rig->device, VFIO_DEVICE_FEATURE_DMA_LOGGING_START,
				 VFIO_DEVICE_FEATURE_SET))
		skip(t, "the device does not log what it writes",
		     "a device whose VFIO driver can, such as mlx5-vfio-pci");
	expect_reaches(buffer);
	expect_zero(t, iommut_feature_dma_logging_start(rig->device, PAGE, &range, 1));
	for (uint64_t page = 3; page < 64; page += 20) {
		uint64_t value = random64(t);

		expect_write(rig, buffer->iova + page * PAGE, &value, sizeof(value));
		expect_zero(t, iommut_feature_dma_logging_report(rig->device, buffer->iova,
								 buffer->length, PAGE, &bits));
		expect(t, bits >> page & 1);
		bits = 0;
		expect_zero(t, iommut_feature_dma_logging_report(rig->device, buffer->iova,
								 buffer->length, PAGE, &bits));
		expect_equal(t, bits, 0);
	}
	expect_zero(t, iommut_feature_dma_logging_stop(rig->device));
}
