// SPDX-License-Identifier: GPL-2.0-or-later
/* One IOAS under several page tables: what is mapped in it is mapped in all of them, and unmapped in all of them. */
#include <stdlib.h>
#include <string.h>

#include <iommut/accounting.h>
#include <iommut/iommufd.h>

#include "harness/dma.h"

#define PAGE 4096ull
#define RULE "iommufd.rst: an IOAS maps into every page table made from it"

/* Two devices, each with a page table of its own; both tables are made from one IOAS. */
struct tables {
	struct rig *rig[2];
	uint32_t hwpt[2];
	struct iommut_handle iommufd;
	uint32_t ioas;
};

static void make_table(struct tables *tables, int index)
{
	struct test *t = tables->rig[0]->t;
	uint32_t device;

	expect_zero(t, iommut_device_id(tables->rig[index]->device, &device));
	expect_zero(t, iommut_hwpt_alloc(tables->iommufd, device, tables->ioas, 0, 0,
					 &tables->hwpt[index]));
	expect_zero(t, iommut_device_attach(tables->rig[index]->device, tables->hwpt[index]));
}

static struct tables *open_devices(struct test *t)
{
	struct tables *tables = calloc(1, sizeof(*tables));
	struct iommut_space *space;

	if (!tables)
		fail(t, "out of memory");
	undo_later(t, free, tables);
	need_groups_apart(t, test_device_name(t, 0), test_device_name(t, 1));
	space = rig_open_space(t);
	for (int i = 0; i < 2; i++) {
		tables->rig[i] = rig_open_in(t, space, i, NULL);
		need(tables->rig[i], ENGINE_WRITE | ENGINE_READ);
	}
	tables->iommufd = iommut_space_handle(space);
	expect_zero(t, iommut_space_ioas(space, &tables->ioas));
	return tables;
}

static void check_both(struct tables *tables, struct dma_buffer *buffer, const struct place *place)
{
	for (int i = 0; i < 2; i++) {
		struct test *t = tables->rig[i]->t;
		uint64_t value = random64(t);

		fill_canary(buffer);
		check_write(tables->rig[i], buffer->iova, &value, sizeof(value), place);
		check_bytes(t, buffer->data, &value, sizeof(value), place);
		check_canary(buffer, sizeof(value), buffer->length - sizeof(value), place);
	}
}
#define expect_both_reach(tables, buffer) \
	check_both(tables, buffer, PLACE("both devices reach " #buffer))

static void check_neither(struct tables *tables, struct dma_buffer *buffer,
			  const struct place *place)
{
	fill_canary(buffer);
	for (int i = 0; i < 2; i++)
		check_write_blocked(tables->rig[i], buffer->iova, 8, place);
	check_canary(buffer, 0, buffer->length, place);
}
#define expect_neither_reaches(tables, buffer) \
	check_neither(tables, buffer, PLACE("neither device reaches " #buffer))

CASE(two_tables,
     .proves = "what is mapped in an IOAS with two page tables is reached through both, before and "
	       "after they were made, pinned once, and blocked in both once it is unmapped",
     .rule = RULE, .devices = 2, .marks = LIST("smoke"), .parameters = { IOMMUFD_ONLY })
{
	struct tables *tables = open_devices(t);
	struct iommut_accounting before, after;
	struct dma_buffer *early, *between, *late;

	early = map_buffer(tables->rig[0], 2 * PAGE);
	make_table(tables, 0);
	between = map_buffer(tables->rig[0], PAGE);
	make_table(tables, 1);
	late = make_buffer(tables->rig[0], 4 * PAGE, NULL);
	expect_zero(t, iommut_accounting_get(&before));
	map_again(late, IOMMUT_RW);
	expect_zero(t, iommut_accounting_get(&after));
	expect_equal(t, after.pinned - before.pinned, late->length);
	expect_both_reach(tables, early);
	expect_both_reach(tables, between);
	expect_both_reach(tables, late);
	unmap_buffer(between);
	expect_neither_reaches(tables, between);
	unmap_buffer(late);
	expect_neither_reaches(tables, late);
	expect_both_reach(tables, early);
}

CASE(table_goes,
     .proves = "when one of two page tables of an IOAS is destroyed the other one keeps all its "
	       "mappings, the one that first held the pages included",
     .rule = RULE "; IOMMU_DESTROY", .devices = 2,
     .parameters = { IOMMUFD_ONLY, PARAMETER("goes", "first", "second") })
{
	struct tables *tables = open_devices(t);
	int goes = param_is(t, "goes", "second"), stays = !goes;
	struct dma_buffer *old, *new;

	old = map_buffer(tables->rig[0], 3 * PAGE);
	make_table(tables, 0);
	make_table(tables, 1);
	expect_both_reach(tables, old);
	expect_errno(t, iommut_destroy(tables->iommufd, tables->hwpt[goes]), EBUSY);
	expect_zero(t, iommut_device_detach(tables->rig[goes]->device));
	expect_zero(t, iommut_destroy(tables->iommufd, tables->hwpt[goes]));
	fill_canary(old);
	expect_write_blocked(tables->rig[goes], old->iova, 8);
	expect_canary(old);
	for (uint64_t at = 0; at < old->length; at += PAGE) {
		uint64_t value = random64(t);

		expect_write(tables->rig[stays], old->iova + at, &value, sizeof(value));
		expect_bytes(t, old->data + at, &value, sizeof(value));
	}
	new = map_buffer(tables->rig[0], PAGE);
	fill_canary(new);
	expect_write_blocked(tables->rig[goes], new->iova, 8);
	expect_canary(new);
	make_table(tables, goes);
	expect_both_reach(tables, old);
	expect_both_reach(tables, new);
}

CASE(copy_between_tables,
     .proves = "what is copied into the IOAS of another device is reached by that device at the "
	       "copy's address, and lost by each with its own mapping",
     .rule = "iommufd.h: IOMMU_IOAS_COPY", .devices = 2, .parameters = { IOMMUFD_ONLY })
{
	struct tables *tables = open_devices(t);
	struct dma_buffer *buffer = map_buffer(tables->rig[0], PAGE);
	uint64_t iova = buffer->iova + (64 << 20), value = random64(t), seen = 0;
	struct rig *first = tables->rig[0], *second = tables->rig[1];
	uint32_t other;

	if (second->staging)
		skip(t, "the engine's memory is mapped in one address space only",
		     "a device with memory of its own, such as pcie-ats-testdev");
	expect_zero(t, iommut_ioas_alloc(tables->iommufd, &other));
	expect_zero(t, iommut_device_attach(second->device, other));
	expect_zero(t, iommut_ioas_copy(tables->iommufd, other, &iova, tables->ioas, buffer->iova,
					PAGE,
					IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE |
						IOMMU_IOAS_MAP_WRITEABLE));
	expect_write(first, buffer->iova, &value, sizeof(value));
	expect_read(second, iova, &seen, sizeof(seen));
	expect_equal(t, seen, value);
	fill_canary(buffer);
	expect_write_blocked(second, buffer->iova, 8);
	expect_write_blocked(first, iova, 8);
	expect_canary(buffer);
	unmap_buffer(buffer);
	fill_canary(buffer);
	expect_write_blocked(first, buffer->iova, 8);
	expect_canary(buffer);
	expect_write(second, iova, &value, sizeof(value));
	expect_bytes(t, buffer->data, &value, sizeof(value));
	expect_zero(t, iommut_ioas_unmap(tables->iommufd, other, iova, PAGE, NULL));
	fill_canary(buffer);
	expect_write_blocked(second, iova, 8);
	expect_canary(buffer);
	expect_zero(t, iommut_device_attach(second->device, tables->ioas));
	expect_zero(t, iommut_destroy(tables->iommufd, other));
}
