// SPDX-License-Identifier: GPL-2.0-or-later
/* Translations must not outlive what they were made from. */
#include <stdlib.h>
#include <string.h>

#include <iommut/hwpt.h>
#include <iommut/iommufd.h>
#include <iommut/pattern.h>

#include "harness/storm.h"

SUITE("iotlb", "translations must not outlive what they were made from");

#define PAGE 4096ull

/* The same IOVA, in the space of the rig and in another one, leads to two pages. */
struct two_spaces {
	struct rig *rig;
	struct iommut_space *other;
	uint32_t other_ioas;
	struct dma_buffer *here;
	struct dma_buffer *there;
};

static void two_spaces(struct test *t, struct two_spaces *two)
{
	struct iommut_space_options options = { .backend = IOMMUT_IOMMUFD };

	two->rig = rig_open(t);
	need(two->rig, ENGINE_SEES_ERRORS);
	options.beside = two->rig->space;
	expect_zero(t, iommut_space_open_with(&two->other, &options));
	undo_later(t, (void (*)(void *))iommut_space_close, two->other);
	expect_zero(t, iommut_space_ioas(two->other, &two->other_ioas));
	two->here = map_buffer(two->rig, PAGE);
	two->there = make_buffer(two->rig, PAGE, NULL);
	expect_zero(t, iommut_space_map(two->other, two->there->data, PAGE, two->here->iova,
					IOMMUT_RW));
}

static void expect_lands_in(struct dma_buffer *hit, struct dma_buffer *missed, uint64_t iova)
{
	struct test *t = hit->rig->t;
	uint64_t value = random64(t);

	fill_canary(hit);
	fill_canary(missed);
	expect_write(hit->rig, iova, &value, sizeof(value));
	expect_bytes(t, hit->data, &value, sizeof(value));
	expect_canary(missed);
}

CASE(every_page_of_a_range,
     .proves = "after an unmap of many pages none of their cached translations is used",
     .rule = "iommufd.h: IOMMU_IOAS_UNMAP", .marks = LIST("smoke"),
     .parameters = { BACKENDS, PARAMETER("pages", "2", "3", "7", "8", "64", "513") })
{
	struct rig *rig = rig_open(t);
	uint64_t pages = param_size(t, "pages");
	struct dma_buffer *buffer = map_buffer(rig, pages * PAGE);
	struct engine_transfer fill = { .operation = ENGINE_OP_FILL,
					.pasid = IOMMUT_NO_PASID,
					.iova = buffer->iova,
					.length = 8,
					.stride = PAGE,
					.repeat = (uint32_t)pages };

	need(rig, ENGINE_FILL | ENGINE_SEES_ERRORS);
	/* One write in each page brings each translation into the IOTLB. */
	expect_transfer(rig, &fill, ENGINE_OK, NULL);
	unmap_buffer(buffer);
	fill_canary(buffer);
	/* Page by page, so that one that is refused does not hide the next; the ends and a sample between. */
	for (uint64_t i = 0; i < pages; i += i < 8 || i + 9 > pages ? 1 : 1 + random_below(t, 32)) {
		fill.iova = buffer->iova + i * PAGE;
		fill.repeat = 1;
		expect_transfer(rig, &fill, ENGINE_BLOCKED, NULL);
	}
	expect_canary(buffer);
}

CASE(neighbour_stays, .proves = "an unmap takes no translation away from a neighbouring mapping",
     .rule = "iommufd.h: IOMMU_IOAS_UNMAP", .parameters = { BACKENDS })
{
	struct rig *rig = rig_open(t);
	struct dma_buffer *buffer = make_buffer(rig, 3 * PAGE, NULL);

	for (int i = 0; i < 3; i++)
		expect_zero(t, iommut_space_map(rig->space, buffer->data + i * PAGE, PAGE,
						buffer->iova + i * PAGE, IOMMUT_RW));
	expect_zero(t, iommut_space_unmap(rig->space, buffer->iova + PAGE, PAGE, NULL));
	for (int i = 0; i < 3; i += 2) {
		uint64_t value = random64(t);

		expect_write(rig, buffer->iova + i * PAGE, &value, sizeof(value));
		expect_bytes(t, buffer->data + i * PAGE, &value, sizeof(value));
	}
}

CASE(huge_page, .proves = "after a huge page was unmapped, no part of it can be reached any more",
     .rule = "iommufd.h: IOMMU_IOAS_UNMAP", .parameters = { BACKENDS })
{
	struct rig *rig = rig_open(t);
	struct buffer_options options = { .kind = IOMMUT_MEMORY_HUGETLB_2M };
	struct dma_buffer *buffer = map_buffer_with(rig, 2 << 20, &options);

	need(rig, ENGINE_SEES_ERRORS);
	expect_reaches(buffer);
	expect_write(rig, buffer->iova + buffer->length - 8, &(uint64_t){ 1 }, 8);
	unmap_buffer(buffer);
	fill_canary(buffer);
	for (int i = 0; i < 8; i++)
		expect_write_blocked(rig, buffer->iova + random_below(t, buffer->length / 8) * 8,
				     8);
	expect_write_blocked(rig, buffer->iova, 8);
	expect_write_blocked(rig, buffer->iova + buffer->length - 8, 8);
	expect_canary(buffer);
}

CASE(small_after_huge,
     .proves = "a small page mapped where a huge one was is what the device reaches, and nothing "
	       "else of the old page",
     .rule = "iommufd.h: IOMMU_IOAS_MAP", .parameters = { BACKENDS })
{
	struct rig *rig = rig_open(t);
	struct buffer_options options = { .kind = IOMMUT_MEMORY_HUGETLB_2M };
	struct dma_buffer *huge = map_buffer_with(rig, 2 << 20, &options);
	struct dma_buffer *small = make_buffer(rig, PAGE, NULL);
	uint64_t iova = huge->iova + 17 * PAGE, value = random64(t);

	need(rig, ENGINE_SEES_ERRORS);
	expect_reaches(huge);
	expect_write(rig, iova, &value, 8);
	unmap_buffer(huge);
	fill_canary(huge);
	expect_zero(t, iommut_space_map(rig->space, small->data, PAGE, iova, IOMMUT_RW));
	expect_write(rig, iova + 16, &value, 8);
	expect_bytes(t, small->data + 16, &value, 8);
	expect_write_blocked(rig, iova - PAGE, 8);
	expect_write_blocked(rig, iova + PAGE, 8);
	expect_canary(huge);
	expect_zero(t, iommut_space_unmap(rig->space, iova, PAGE, NULL));
}

CASE(replace_ioas,
     .proves = "once replace has returned, the same IOVA leads to the new IOAS's memory, never to "
	       "the old one's",
     .rule = "vfio.h: VFIO_DEVICE_ATTACH_IOMMUFD_PT", .marks = LIST("smoke"),
     .parameters = { IOMMUFD_ONLY })
{
	struct two_spaces two;
	uint32_t first;

	two_spaces(t, &two);
	expect_zero(t, iommut_space_ioas(two.rig->space, &first));
	for (int round = 0; round < 4; round++) {
		expect_lands_in(two.here, two.there, two.here->iova);
		expect_zero(t, iommut_device_attach(two.rig->device, two.other_ioas));
		expect_lands_in(two.there, two.here, two.here->iova);
		expect_zero(t, iommut_device_attach(two.rig->device, first));
	}
}

CASE(detach,
     .proves = "once detach has returned, the device reaches nothing; attached again it works",
     .rule = "vfio.h: VFIO_DEVICE_DETACH_IOMMUFD_PT", .marks = LIST("smoke"),
     .parameters = { IOMMUFD_ONLY })
{
	struct rig *rig = rig_open(t);
	struct dma_buffer *buffer = map_buffer(rig, PAGE);
	uint32_t ioas;

	need(rig, ENGINE_SEES_ERRORS);
	expect_zero(t, iommut_space_ioas(rig->space, &ioas));
	for (int round = 0; round < 3; round++) {
		expect_reaches(buffer);
		fill_canary(buffer);
		expect_zero(t, iommut_device_detach(rig->device));
		expect_write_blocked(rig, buffer->iova, 8);
		expect_canary(buffer);
		expect_zero(t, iommut_device_attach(rig->device, ioas));
	}
	expect_reaches(buffer);
}

CASE(hwpt_replace_and_destroy,
     .proves = "a page table that was replaced and destroyed leaves no translation behind",
     .rule = "iommufd.h: IOMMU_HWPT_ALLOC, IOMMU_DESTROY", .parameters = { IOMMUFD_ONLY })
{
	struct two_spaces two;
	struct iommut_hwpt *hwpt, *other;

	two_spaces(t, &two);
	expect_zero(t, iommut_hwpt_open(&hwpt, two.rig->device, two.rig->space, 0, NULL));
	expect_zero(t, iommut_hwpt_open(&other, two.rig->device, two.other, 0, NULL));
	expect_zero(t, iommut_device_attach(two.rig->device, iommut_hwpt_id(hwpt)));
	expect_lands_in(two.here, two.there, two.here->iova);
	expect_errno(t, iommut_hwpt_close(hwpt), EBUSY);
	expect_zero(t, iommut_device_attach(two.rig->device, iommut_hwpt_id(other)));
	expect_zero(t, iommut_hwpt_close(hwpt));
	expect_lands_in(two.there, two.here, two.here->iova);
	expect_zero(t, iommut_device_detach(two.rig->device));
	expect_zero(t, iommut_hwpt_close(other));
	fill_canary(two.there);
	expect_write_blocked(two.rig, two.here->iova, 8);
	expect_canary(two.there);
}

CASE(ioas_in_use,
     .proves = "an IOAS that a device is attached to cannot be destroyed, and goes on working",
     .rule = "iommufd.h: IOMMU_DESTROY, EBUSY", .parameters = { IOMMUFD_ONLY })
{
	struct rig *rig = rig_open(t);
	struct dma_buffer *buffer = map_buffer(rig, PAGE);
	uint32_t ioas, device;

	expect_zero(t, iommut_space_ioas(rig->space, &ioas));
	expect_zero(t, iommut_device_id(rig->device, &device));
	expect_errno(t, iommut_destroy(iommut_space_handle(rig->space), ioas), EBUSY);
	expect_errno(t, iommut_destroy(iommut_space_handle(rig->space), device), EBUSY);
	expect_reaches(buffer);
}

CASE(unmap_under_storm,
     .proves = "with DMA in flight, nothing is written any more once unmap has returned",
     .rule = "iommufd.h: IOMMU_IOAS_UNMAP", .marks = LIST("smoke"), .parameters = { BACKENDS })
{
	struct rig *rig = rig_open(t);
	struct dma_buffer *buffer = map_buffer(rig, 16 * PAGE);
	struct engine_transfer fill = { .operation = ENGINE_OP_FILL,
					.pasid = IOMMUT_NO_PASID,
					.iova = buffer->iova,
					.length = 64,
					.stride = PAGE,
					.repeat = 16,
					.operand = 0x1111111111111111 };
	uint64_t done = 0, blocked = 0;

	need(rig, ENGINE_STORM | ENGINE_FILL);
	provokes_transfer(rig, &fill);
	for (int round = 0; round < 3; round++) {
		int64_t end = now_ms() + 2000;

		expect_zero(t, testdev_storm(&rig->engine, &fill, 200));
		/* The storm really runs: it has been round several times. */
		while (testdev_get64(&rig->engine, TESTDEV_STORM_OK) < 4)
			expect_that(t, now_ms() < end, "the storm did not start");
		unmap_buffer(buffer);
		fill_canary(buffer);
		/* And it goes on: it is refused now. */
		end = now_ms() + 2000;
		while (testdev_get64(&rig->engine, TESTDEV_STORM_BLOCKED) < 2)
			expect_that(t, now_ms() < end, "the storm was never refused");
		expect_zero(t, testdev_storm_stop(&rig->engine, &done, &blocked));
		expect_canary(buffer);
		map_again(buffer, IOMMUT_RW);
	}
	note(t, "last round: %llu transfers went well, %llu were refused", (unsigned long long)done,
	     (unsigned long long)blocked);
}

CASE(remap_under_storm,
     .proves = "with DMA in flight while an IOVA moves to another page, each write lands in the "
	       "old or the new page, and never in the old one after unmap returned",
     .rule = "iommufd.h: IOMMU_IOAS_UNMAP, IOMMU_IOAS_MAP", .parameters = { BACKENDS })
{
	struct rig *rig = rig_open(t);
	struct dma_buffer *old = map_buffer(rig, PAGE);
	struct dma_buffer *new = make_buffer(rig, PAGE, NULL);
	struct dma_buffer *bystander = map_buffer(rig, PAGE);
	struct engine_transfer fill = { .operation = ENGINE_OP_FILL,
					.pasid = IOMMUT_NO_PASID,
					.iova = old->iova,
					.length = 64,
					.operand = 0x2222222222222222 };

	need(rig, ENGINE_STORM | ENGINE_FILL);
	provokes_transfer(rig, &fill);
	fill_canary(bystander);
	fill_canary(new);
	expect_zero(t, testdev_storm(&rig->engine, &fill, 100));
	expect_storm(t, &rig->engine, STORM_DONE, 4);
	expect_zero(t, iommut_space_unmap(rig->space, old->iova, PAGE, NULL));
	fill_canary(old);
	expect_storm(t, &rig->engine, STORM_ANY, 4);
	expect_canary(old);
	expect_zero(t, iommut_space_map(rig->space, new->data, PAGE, old->iova, IOMMUT_RW));
	expect_storm(t, &rig->engine, STORM_DONE, 4);
	expect_zero(t, testdev_storm_stop(&rig->engine, NULL, NULL));
	expect_canary(old);
	expect_canary(bystander);
	expect_bytes(t, new->data, &fill.operand, 8);
	expect_canary_at(new, 64, PAGE - 64);
}

CASE(replace_under_storm,
     .proves = "while a device never stops, replace moves its writes from one IOAS to the other: "
	       "once it has returned none lands in the old one",
     .rule = "vfio.h: VFIO_DEVICE_ATTACH_IOMMUFD_PT: replace", .parameters = { IOMMUFD_ONLY })
{
	struct two_spaces two;
	struct engine_transfer fill = { .operation = ENGINE_OP_FILL,
					.pasid = IOMMUT_NO_PASID,
					.length = 64,
					.operand = 0x3333333333333333 };
	uint64_t done = 0, refused = 0;
	uint32_t first;

	two_spaces(t, &two);
	need(two.rig, ENGINE_STORM | ENGINE_FILL);
	expect_zero(t, iommut_space_ioas(two.rig->space, &first));
	fill.iova = two.here->iova;
	/* No rule says that a replace is without a gap: how many fell into it is worth knowing, not judging. */
	provokes_transfer(two.rig, &fill);
	expect_zero(t, testdev_storm(&two.rig->engine, &fill, 50));
	for (int round = 0; round < 16; round++) {
		struct dma_buffer *new = round % 2 ? two.here : two.there;
		struct dma_buffer *old = round % 2 ? two.there : two.here;
		int64_t end = now_ms() + 2000;
		uint64_t before;

		expect_zero(t, iommut_device_attach(two.rig->device,
						    round % 2 ? first : two.other_ioas));
		fill_canary(old);
		before = testdev_get64(&two.rig->engine, TESTDEV_STORM_OK);
		while (testdev_get64(&two.rig->engine, TESTDEV_STORM_OK) < before + 2)
			expect_that(t, now_ms() < end, "the storm stands still after replace %d",
				    round);
		expect_canary(old);
		expect_bytes(t, new->data, &fill.operand, 8);
	}
	expect_zero(t, testdev_storm_stop(&two.rig->engine, &done, &refused));
	note(t, "%llu transfers went well over 16 replaces, %llu were refused",
	     (unsigned long long)done, (unsigned long long)refused);
}
