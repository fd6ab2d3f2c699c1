// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * First-stage tables of VT-d made by hand (VT-d 4.1, 3.6 and 9.8), below a nesting parent: what the device sends is translated by them to an
 * address of the parent, and by the parent to memory.
 */
#include <string.h>

#include <iommut/hwpt.h>
#include <iommut/iommufd.h>

#include "harness/dma.h"
#include "harness/iommu_model.h"

#define PAGE UINT64_C(4096)

/* Entries of first-stage tables. */
#define PRESENT  (UINT64_C(1) << 0)
#define WRITE    (UINT64_C(1) << 1)
#define USER     (UINT64_C(1) << 2)
#define ACCESSED (UINT64_C(1) << 5)
#define DIRTY    (UINT64_C(1) << 6)
#define LARGE    (UINT64_C(1) << 7)
#define ALL      (PRESENT | WRITE | USER)

/* What is mapped in the parent: five tables, then the data. */
#define TABLES     5
#define DATA_PAGES 8

/* Where the device sends its requests: index 1, 2, 3 and 4 in the four levels, so that a mixed-up level is seen. */
#define REQUEST \
	((UINT64_C(1) << 39) | (UINT64_C(2) << 30) | (UINT64_C(3) << 21) | (UINT64_C(4) << 12))

/**
 * struct nested - a device behind tables of its own
 * @t: the test
 * @rig: the device
 * @parent: the nesting parent
 * @tables: level 4, 3, 2, 1, and a spare one
 * @table_iova: the first table's address in the parent
 * @data: pages for the device
 * @data_iova: their address in the parent
 * @hwpt: the nested page table
 */
struct nested {
	struct test *t;
	struct rig *rig;
	struct iommut_hwpt *parent;
	uint64_t (*tables)[512];
	uint64_t table_iova;
	struct dma_buffer *data;
	uint64_t data_iova;
	struct iommut_hwpt *hwpt;
};

static void undo_nested(void *argument)
{
	struct nested *nested = argument;

	/* The device leaves first; what was never made is NULL. */
	if (!nested->rig->closed)
		iommut_device_detach(nested->rig->device);
	iommut_hwpt_close(nested->hwpt);
	iommut_hwpt_close(nested->parent);
}

static void set_leaf(struct nested *nested, int page, uint64_t flags)
{
	__atomic_store_n(&nested->tables[3][4], (nested->data_iova + (uint64_t)page * PAGE) | flags,
			 __ATOMIC_RELEASE);
}

static void open_nested(struct test *t, struct nested *nested)
{
	struct iommu_hwpt_vtd_s1 data = { .addr_width = 48 };
	struct iommut_hw_info info;
	struct dma_buffer *tables;
	uint32_t dev_id;
	int error;

	memset(nested, 0, sizeof(*nested));
	nested->t = t;
	nested->rig = rig_open(t);
	undo_later(t, undo_nested, nested);
	need(nested->rig, ENGINE_READ | ENGINE_WRITE | ENGINE_SEES_ERRORS);
	expect_zero(t, iommut_device_id(nested->rig->device, &dev_id));
	expect_zero(t, iommut_hw_info(iommut_space_handle(nested->rig->space), dev_id,
				      IOMMU_HW_INFO_TYPE_DEFAULT, &info));
	if (info.type != IOMMU_HW_INFO_TYPE_INTEL_VTD)
		skip(t, "the IOMMU is not VT-d", "an Intel IOMMU with nested translation");
	if (!(info.vtd.ecap_reg & VTD_ECAP_NEST))
		skip(t, "the IOMMU announces no nested translation (ECAP.NEST)",
		     "an Intel IOMMU of the fourth generation of Xeon Scalable or later; QEMU has "
		     "none");
	error = iommut_hwpt_open(&nested->parent, nested->rig->device, nested->rig->space,
				 IOMMU_HWPT_ALLOC_NEST_PARENT, NULL);
	if (error == -EOPNOTSUPP)
		skip(t, "the kernel makes no nesting parent: it does not use scalable mode",
		     "intel_iommu=on,sm_on");
	expect_zero(t, error);
	tables = map_buffer(nested->rig, TABLES * PAGE);
	nested->tables = (void *)tables->data;
	nested->table_iova = tables->iova;
	nested->data = map_buffer(nested->rig, DATA_PAGES * PAGE);
	nested->data_iova = nested->data->iova;
	for (uint64_t level = 0; level < 3; level++)
		nested->tables[level][level + 1] = (nested->table_iova + (level + 1) * PAGE) | ALL;
	set_leaf(nested, 0, ALL);
	data.pgtbl_addr = nested->table_iova;
	expect_zero(t, iommut_hwpt_open_nested(&nested->hwpt, nested->rig->device, nested->parent,
					       NULL, NULL, IOMMU_HWPT_DATA_VTD_S1, &data,
					       sizeof(data)));
	expect_zero(t, iommut_device_attach(nested->rig->device, iommut_hwpt_id(nested->hwpt)));
}

static void invalidate(struct nested *nested, uint64_t address, uint64_t pages, uint32_t flags)
{
	const struct iommu_hwpt_vtd_s1_invalidate entry = { .addr = address,
							    .npages = pages,
							    .flags = flags };
	uint32_t count = 1;

	expect_zero(nested->t, iommut_hwpt_invalidate(iommut_hwpt_handle(nested->hwpt),
						      iommut_hwpt_id(nested->hwpt),
						      IOMMU_HWPT_INVALIDATE_DATA_VTD_S1, &entry,
						      sizeof(entry), &count));
	expect_equal(nested->t, count, 1);
}

static void expect_lands(struct nested *nested, uint64_t address, int page)
{
	struct dma_buffer *data = nested->data;
	uint64_t value = random64(nested->t);
	size_t offset = (size_t)page * PAGE + 16;

	fill_canary(data);
	expect_write(nested->rig, address + 16, &value, sizeof(value));
	expect_bytes(nested->t, data->data + offset, &value, sizeof(value));
	expect_canary_at(data, 0, offset);
	expect_canary_at(data, offset + 8, data->length - offset - 8);
}

static void expect_nothing(struct nested *nested, uint64_t address)
{
	fill_canary(nested->data);
	expect_write_blocked(nested->rig, address + 16, 8);
	expect_canary(nested->data);
}

CASE(walk,
     .proves = "the device's address goes through all four levels of the tables, and then through "
	       "the parent",
     .rule = "VT-d 4.1, 3.6, 3.8", .parameters = { IOMMUFD_ONLY })
{
	struct nested nested;

	open_nested(t, &nested);
	expect_lands(&nested, REQUEST, 0);
	/* Neighbours at each level are not present. */
	for (int shift = 12; shift <= 39; shift += 9)
		expect_nothing(&nested, REQUEST ^ (UINT64_C(8) << shift));
	/* The address of the parent means nothing to the device any more. */
	expect_nothing(&nested, nested.data_iova);
}

CASE(permission, .proves = "what an entry of the tables does not allow is blocked, at each level",
     .rule = "VT-d 4.1, 3.6.1",
     .parameters = { IOMMUFD_ONLY, PARAMETER("level", "1", "2", "3", "4"),
		     PARAMETER("bit", "present", "write", "user") })
{
	uint64_t bit = param_is(t, "bit", "present") ? PRESENT
		       : param_is(t, "bit", "write") ? WRITE
						     : USER;
	int level = 4 - (int)param_size(t, "level");
	struct nested nested;
	uint64_t secret;

	open_nested(t, &nested);
	expect_lands(&nested, REQUEST, 0);
	nested.tables[level][level + 1] &= ~bit;
	invalidate(&nested, 0, UINT64_MAX, 0);
	expect_nothing(&nested, REQUEST);
	if (bit == WRITE) {
		expect_read(nested.rig, REQUEST, &secret, sizeof(secret));
		expect_bytes(t, &secret, nested.data->data, sizeof(secret));
	}
	nested.tables[level][level + 1] |= bit;
	invalidate(&nested, 0, UINT64_MAX, 0);
	expect_lands(&nested, REQUEST, 0);
}

CASE(accessed_and_dirty,
     .proves = "reading sets accessed bits, and only writing the dirty bit of the leaf",
     .rule = "VT-d 4.1, 3.6.2", .parameters = { IOMMUFD_ONLY })
{
	struct nested nested;
	uint64_t value = 0;

	open_nested(t, &nested);
	expect_read(nested.rig, REQUEST, &value, sizeof(value));
	for (int level = 0; level < 4; level++)
		expect(t, nested.tables[level][level + 1] & ACCESSED);
	expect(t, !(nested.tables[3][4] & DIRTY));
	expect_write(nested.rig, REQUEST, &value, sizeof(value));
	expect(t, nested.tables[3][4] & DIRTY);
}

CASE(change,
     .proves = "after an invalidation of its page the device uses the changed entry, however much "
	       "is invalidated",
     .rule = "iommufd.h: struct iommu_hwpt_vtd_s1_invalidate; VT-d 4.1, 6.5.2",
     .parameters = { IOMMUFD_ONLY, PARAMETER("how", "page", "leaf", "range", "all") })
{
	struct nested nested;

	open_nested(t, &nested);
	for (int page = 0; page < DATA_PAGES; page++) {
		set_leaf(&nested, page, ALL);
		if (param_is(t, "how", "page"))
			invalidate(&nested, REQUEST, 1, 0);
		else if (param_is(t, "how", "leaf"))
			invalidate(&nested, REQUEST, 1, IOMMU_VTD_INV_FLAGS_LEAF);
		else if (param_is(t, "how", "range"))
			invalidate(&nested, REQUEST & ~(16 * PAGE - 1), 16, 0);
		else
			invalidate(&nested, 0, UINT64_MAX, 0);
		expect_lands(&nested, REQUEST, page);
	}
}

CASE(malformed,
     .proves = "an entry with reserved bits, or one that leads out of the parent, blocks the "
	       "device and nothing else",
     .rule = "VT-d 4.1, 3.6.1, 7.1.3",
     .parameters = { IOMMUFD_ONLY, PARAMETER("what", "reserved", "large-root", "outside") })
{
	struct nested nested;
	uint64_t good;
	int level;

	open_nested(t, &nested);
	expect_lands(&nested, REQUEST, 0);
	level = param_is(t, "what", "large-root") ? 0 : 3;
	good = nested.tables[level][level + 1];
	/* Bits 62 to 52 are ignored; the address has at most 52. A large page of 512 GiB does not exist. */
	if (param_is(t, "what", "reserved"))
		nested.tables[level][level + 1] = good | (UINT64_C(1) << 51);
	else if (param_is(t, "what", "large-root"))
		nested.tables[level][level + 1] = good | LARGE;
	else
		nested.tables[level][level + 1] = free_iova(nested.rig, PAGE) | ALL;
	invalidate(&nested, 0, UINT64_MAX, 0);
	expect_nothing(&nested, REQUEST);
	nested.tables[level][level + 1] = good;
	invalidate(&nested, 0, UINT64_MAX, 0);
	expect_lands(&nested, REQUEST, 0);
}

CASE(parent_unmapped,
     .proves = "what is unmapped in the parent cannot be reached through the tables any more, "
	       "without any invalidation of them",
     .rule = "iommufd.h: IOMMU_IOAS_UNMAP; VT-d 4.1, 6.5.2.5", .parameters = { IOMMUFD_ONLY })
{
	struct nested nested;

	open_nested(t, &nested);
	expect_lands(&nested, REQUEST, 0);
	unmap_buffer(nested.data);
	expect_nothing(&nested, REQUEST);
}

CASE(replaced,
     .proves = "a device moved to other tables uses these from then on, and the first ones again "
	       "when it is moved back",
     .rule = "vfio.h: VFIO_DEVICE_ATTACH_IOMMUFD_PT", .parameters = { IOMMUFD_ONLY })
{
	struct iommu_hwpt_vtd_s1 data = { .addr_width = 48 };
	struct iommut_hwpt *other;
	struct nested nested;

	open_nested(t, &nested);
	/* Another root, with the same tables below it at another place. */
	nested.tables[4][5] = (nested.table_iova + PAGE) | ALL;
	data.pgtbl_addr = nested.table_iova + 4 * PAGE;
	expect_zero(t, iommut_hwpt_open_nested(&other, nested.rig->device, nested.parent, NULL,
					       NULL, IOMMU_HWPT_DATA_VTD_S1, &data, sizeof(data)));
	expect_lands(&nested, REQUEST, 0);
	expect_zero(t, iommut_device_attach(nested.rig->device, iommut_hwpt_id(other)));
	expect_nothing(&nested, REQUEST);
	expect_lands(&nested, REQUEST ^ (UINT64_C(4) << 39), 0);
	expect_zero(t, iommut_device_attach(nested.rig->device, iommut_hwpt_id(nested.hwpt)));
	expect_zero(t, iommut_hwpt_close(other));
	expect_nothing(&nested, REQUEST ^ (UINT64_C(4) << 39));
	expect_lands(&nested, REQUEST, 0);
}
