/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SUITES_MOCK_H
#define SUITES_MOCK_H

/*
 * The mock device and mock IOMMU of Linux' own iommufd tests (CONFIG_IOMMUFD_TEST). They translate nothing, but they take everything that
 * iommufd can do, so that its rules can be tried where no real IOMMU offers the feature. What they prove is about iommufd alone.
 */

#include <iommut/iommufd.h>

#include "harness/harness.h"

/* Types that only the mock IOMMU knows. */
#define MOCK_HWPT_DATA       0xdeadu
#define MOCK_INVALIDATE_DATA 0xdeadbeefu
#define MOCK_VIOMMU_TYPE     0xdeadbeefu
#define MOCK_VEVENTQ_TYPE    0xbeefbeefu

/* Its page tables map from here on, in pages of 2 KiB. */
#define MOCK_IOVA      (UINT64_C(1) << 24)
#define MOCK_PAGE_SIZE 2048

/* Entries of the pretended IOTLB of a nested page table. */
#define MOCK_IOTLB_ENTRIES 4
#define MOCK_IOTLB_VALUE   0xbadbeefu

struct mock_hwpt_data {
	uint32_t iotlb;
	uint32_t table_type;
};

struct mock_invalidate {
	uint32_t flags;
	uint32_t entry;
};

struct mock_event {
	uint32_t virtual_id;
};

/**
 * struct mock - /dev/iommu with a mock device
 * @t: the test
 * @iommufd: /dev/iommu
 * @ioas: an IOAS
 * @device_id: the device's ID, attached to @ioas
 * @owner_id: the object that owns the device
 * @hwpt_id: the page table that the kernel made for it
 */
struct mock {
	struct test *t;
	struct iommut_handle iommufd;
	uint32_t ioas;
	uint32_t device_id;
	uint32_t owner_id;
	uint32_t hwpt_id;
};

/* Opens /dev/iommu and makes an IOAS and a mock device in it. Skips if the kernel has none. */
struct mock mock_open(struct test *t);

/* Another mock device in the same /dev/iommu and IOAS. */
struct mock mock_another(const struct mock *mock);

/* Destroys a mock device. */
int mock_destroy(struct mock *mock);

/* Moves the device to a page table. */
int mock_replace(struct mock *mock, uint32_t pt_id);

/* Whether an entry of a nested page table's IOTLB has this value. */
bool mock_iotlb_is(const struct mock *mock, uint32_t hwpt_id, uint32_t entry, uint32_t value);

/* The device has an event for its vIOMMU. */
int mock_event(const struct mock *mock);

/* Sets dirty bits in a page table made with IOMMU_HWPT_ALLOC_DIRTY_TRACKING, as a device would that writes there. */
int mock_write(const struct mock *mock, uint32_t hwpt_id, uint64_t iova, uint64_t length,
	       uint64_t page_size, const uint64_t *bitmap);

/* A page table for the device: 0 or a negative errno. */
int mock_hwpt(const struct mock *mock, uint32_t pt_id, uint32_t flags, uint32_t *hwpt_id);

/* A nested one, under a page table or a vIOMMU. */
int mock_nested(const struct mock *mock, uint32_t parent_id, uint32_t flags, uint32_t *hwpt_id);

#endif /* SUITES_MOCK_H */
