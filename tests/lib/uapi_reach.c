// SPDX-License-Identifier: GPL-2.0-or-later
/* How a value of the uAPI headers gets through the library: each function gives it one, and returns what arrived on the other side. */
#include <errno.h>
#include <glib.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <linux/iommufd.h>
#include <linux/vfio.h>

#include <iommut/feature.h>
#include <iommut/iommufd.h>
#include <iommut/irq.h>
#include <iommut/region.h>
#include <iommut/support.h>
#include <iommut/vfio.h>

#include "lib/device.h"
#include "lib/space.h"
#include "tests/lib/uapi_reach.h"

/* A kernel that keeps what it is given, and gives one thing: a description with a capability. */
static uint8_t seen[256];
static unsigned long seen_request;
static uint16_t given_capability;
static uint64_t given;

static uint32_t argument_size(unsigned long request, const void *argument)
{
	uint32_t size;

	memcpy(&size, argument, sizeof(size));
	return MIN(size, sizeof(seen));
}

static void give_capability(uint8_t *argument, uint32_t head)
{
	struct {
		struct vfio_info_cap_header header;
		uint64_t words[4];
	} capability = { .header = { .id = given_capability } };
	uint32_t room, wanted = head + sizeof(capability);

	/* One area of sparse mappings, one range of IOVAs, or whatever else the first words are. */
	capability.words[0] = given_capability == 1 ? 1 : given;
	memcpy(&room, argument, sizeof(room));
	memcpy(argument, &wanted, sizeof(wanted));
	if (room >= wanted)
		memcpy(argument + head, &capability, sizeof(capability));
}

static int look(const struct iommut_syscalls *sys, int fd, unsigned long request, void *argument)
{
	struct vfio_device_info *device = argument;
	struct vfio_region_info *region = argument;
	struct vfio_iommu_type1_info *iommu = argument;
	struct vfio_irq_info *irq = argument;
	struct iommu_hw_info *hw = argument;

	seen_request = request;
	memset(seen, 0, sizeof(seen));
	if (request == VFIO_CHECK_EXTENSION || request == VFIO_SET_IOMMU) {
		given = (uintptr_t)argument;
		return 0;
	}
	memcpy(seen, argument, argument_size(request, argument));
	switch (request) {
	case VFIO_DEVICE_GET_INFO:
		device->flags = given_capability ? VFIO_DEVICE_FLAGS_CAPS : (uint32_t)given;
		device->cap_offset = sizeof(*device);
		if (given_capability)
			give_capability(argument, sizeof(*device));
		break;
	case VFIO_DEVICE_GET_REGION_INFO:
		region->flags = given_capability ? VFIO_REGION_INFO_FLAG_CAPS : (uint32_t)given;
		region->size = 4096;
		region->cap_offset = sizeof(*region);
		if (given_capability)
			give_capability(argument, sizeof(*region));
		break;
	case VFIO_DEVICE_GET_IRQ_INFO:
		irq->count = 1;
		irq->flags = (uint32_t)given;
		break;
	case VFIO_IOMMU_GET_INFO: /* also VFIO_DEVICE_GET_PCI_HOT_RESET_INFO */
		if (!given_capability) {
			iommu->flags = (uint32_t)given;
			break;
		}
		iommu->flags = VFIO_IOMMU_INFO_CAPS;
		iommu->cap_offset = sizeof(*iommu);
		give_capability(argument, sizeof(*iommu));
		break;
	case IOMMU_GET_HW_INFO:
		if (!(hw->flags & IOMMU_HW_INFO_FLAG_INPUT_TYPE))
			hw->out_data_type = (uint32_t)given;
		hw->out_capabilities = given;
		break;
	default:
		break;
	}
	return 0;
}

static void *plain_calloc(const struct iommut_syscalls *sys, size_t count, size_t size)
{
	return calloc(count, size);
}

static const struct iommut_syscalls kernel = { .ioctl = look, .calloc = plain_calloc };
static const struct iommut_handle handle = { 3, &kernel };
static struct file_reference file = { .users = 1, .handle = { 3, &kernel } };
static struct iommut_space space = { .users = 1, .backend = IOMMUT_IOMMUFD, .file = &file };
static struct iommut_device device = { .handle = { 3, &kernel }, .space = &space };

/* --- values that go in: the call, and where the kernel finds the value --- */

static uint32_t id;
static uint64_t number;
static int fd;

#define FIELD32(type, field)                                                          \
	({                                                                            \
		uint32_t value_;                                                      \
                                                                                      \
		memcpy(&value_, seen + offsetof(struct type, field), sizeof(value_)); \
		(uint64_t) value_;                                                    \
	})
#define FIELD16(type, field)                                                          \
	({                                                                            \
		uint16_t value_;                                                      \
                                                                                      \
		memcpy(&value_, seen + offsetof(struct type, field), sizeof(value_)); \
		(uint64_t) value_;                                                    \
	})

uint64_t reach_map_flags(uint64_t value)
{
	iommut_ioas_map(handle, 1, NULL, 4096, &number, (uint32_t)value);
	return FIELD32(iommu_ioas_map, flags);
}

uint64_t reach_option_set(uint64_t value)
{
	iommut_option_set(handle, (uint32_t)value, 0, 1);
	return FIELD32(iommu_option, option_id);
}

uint64_t reach_option_operation(uint64_t value)
{
	if (value == IOMMU_OPTION_OP_SET)
		iommut_option_set(handle, 0, 0, 1);
	else
		iommut_option_get(handle, 0, 0, &number);
	return FIELD16(iommu_option, op);
}

uint64_t reach_vfio_ioas(uint64_t value)
{
	if (value == IOMMU_VFIO_IOAS_GET)
		iommut_vfio_ioas_get(handle, &id);
	else if (value == IOMMU_VFIO_IOAS_SET)
		iommut_vfio_ioas_set(handle, 1);
	else
		iommut_vfio_ioas_clear(handle);
	return FIELD16(iommu_vfio_ioas, op);
}

uint64_t reach_hwpt_flags(uint64_t value)
{
	iommut_hwpt_alloc(handle, 1, 2, (uint32_t)value, 3, &id);
	return FIELD32(iommu_hwpt_alloc, flags);
}

uint64_t reach_hwpt_data(uint64_t value)
{
	iommut_hwpt_alloc_nested(handle, 1, 2, 0, 0, (uint32_t)value, &number, 8, &id);
	return FIELD32(iommu_hwpt_alloc, data_type);
}

/* The data of a type is handed over as it is. */
uint64_t reach_hwpt_vtd_flags(uint64_t value)
{
	struct iommu_hwpt_vtd_s1 data = { .flags = value };
	const struct iommu_hwpt_vtd_s1 *got;
	uint64_t address;

	iommut_hwpt_alloc_nested(handle, 1, 2, 0, 0, IOMMU_HWPT_DATA_VTD_S1, &data, sizeof(data),
				 &id);
	memcpy(&address, seen + offsetof(struct iommu_hwpt_alloc, data_uptr), sizeof(address));
	got = (const void *)(uintptr_t)address;
	return got->flags;
}

uint64_t reach_hw_info_input(uint64_t value)
{
	struct iommut_hw_info info;

	iommut_hw_info(handle, 1, IOMMU_HW_INFO_TYPE_AMD, &info);
	return FIELD32(iommu_hw_info, flags);
}

uint64_t reach_dirty_on(uint64_t value)
{
	iommut_hwpt_dirty_tracking(handle, 1, true);
	return FIELD32(iommu_hwpt_set_dirty_tracking, flags);
}

uint64_t reach_dirty_read(uint64_t value)
{
	iommut_hwpt_dirty_bitmap(handle, 1, 0, 4096, 4096, (uint32_t)value, &number);
	return FIELD32(iommu_hwpt_get_dirty_bitmap, flags);
}

uint64_t reach_invalidate(uint64_t value)
{
	uint32_t count = 1;

	iommut_hwpt_invalidate(handle, 1, (uint32_t)value, &number, 8, &count);
	return FIELD32(iommu_hwpt_invalidate, data_type);
}

uint64_t reach_invalidate_flags(uint64_t value)
{
	struct iommu_hwpt_vtd_s1_invalidate entry = { .flags = (uint32_t)value };
	const struct iommu_hwpt_vtd_s1_invalidate *got;
	uint32_t count = 1;
	uint64_t address;

	iommut_hwpt_invalidate(handle, 1, IOMMU_HWPT_INVALIDATE_DATA_VTD_S1, &entry, sizeof(entry),
			       &count);
	memcpy(&address, seen + offsetof(struct iommu_hwpt_invalidate, data_uptr), sizeof(address));
	got = (const void *)(uintptr_t)address;
	return got->flags;
}

uint64_t reach_viommu(uint64_t value)
{
	iommut_viommu_alloc(handle, (uint32_t)value, 1, 2, NULL, 0, &id);
	return FIELD32(iommu_viommu_alloc, type);
}

uint64_t reach_veventq(uint64_t value)
{
	iommut_veventq_alloc(handle, 1, (uint32_t)value, 8, &id, &fd);
	return FIELD32(iommu_veventq_alloc, type);
}

uint64_t reach_hw_queue(uint64_t value)
{
	iommut_hw_queue_alloc(handle, 1, (uint32_t)value, 0, 0, 4096, &id);
	return FIELD32(iommu_hw_queue_alloc, type);
}

uint64_t reach_extension(uint64_t value)
{
	given = UINT64_MAX;
	iommut_vfio_check_extension(handle, (uint32_t)value);
	return given;
}

uint64_t reach_irq_set(uint64_t value)
{
	const int32_t data = -1;
	uint32_t flags = (uint32_t)value & VFIO_IRQ_SET_DATA_TYPE_MASK
				 ? (uint32_t)value | VFIO_IRQ_SET_ACTION_TRIGGER
				 : (uint32_t)value | VFIO_IRQ_SET_DATA_NONE;

	iommut_vfio_set_irqs(handle, flags, 0, 0, 1, &data);
	return FIELD32(vfio_irq_set, flags) & value;
}

uint64_t reach_irq_index(uint64_t value)
{
	uint32_t count;

	iommut_irq_count(&device, (enum iommut_irq_kind)value, &count, NULL);
	return FIELD32(vfio_irq_info, index);
}

uint64_t reach_region_index(uint64_t value)
{
	struct iommut_region *region;

	given_capability = 0;
	if (iommut_region_open(&region, &device, (uint32_t)value) == 0)
		iommut_region_close(region);
	return FIELD32(vfio_region_info, index);
}

uint64_t reach_gfx(uint64_t value)
{
	struct vfio_device_gfx_plane_info plane;

	iommut_vfio_gfx_plane(handle, (uint32_t)value, &plane);
	return FIELD32(vfio_device_gfx_plane_info, flags);
}

uint64_t reach_ioeventfd(uint64_t value)
{
	iommut_vfio_ioeventfd(handle, 0, (unsigned int)value, 0, 1);
	return FIELD32(vfio_device_ioeventfd, flags);
}

uint64_t reach_feature_flags(uint64_t value)
{
	uint32_t data = 0;

	if (value == VFIO_DEVICE_FEATURE_GET)
		iommut_feature_get(&device, 1, &data, sizeof(data));
	else if (value == VFIO_DEVICE_FEATURE_SET)
		iommut_feature_set(&device, 1, &data, sizeof(data));
	else
		iommut_feature_probe(&device, 1, VFIO_DEVICE_FEATURE_GET);
	return FIELD32(vfio_device_feature, flags) & value;
}

uint64_t reach_bus_master(uint64_t value)
{
	iommut_feature_bus_master(&device, value);
	return FIELD32(vfio_device_feature, data);
}

uint64_t reach_migration_state(uint64_t value)
{
	iommut_feature_migration_set_state(&device, (uint32_t)value, &fd);
	return FIELD32(vfio_device_feature, data);
}

uint64_t reach_bind_flags(uint64_t value)
{
	const uint8_t token[16] = { 0 };

	iommut_vfio_bind_iommufd(handle, handle, token, &id);
	return FIELD32(vfio_device_bind_iommufd, flags);
}

uint64_t reach_attach_flags(uint64_t value)
{
	iommut_vfio_attach(handle, 5, 1);
	return FIELD32(vfio_device_attach_iommufd_pt, flags);
}

uint64_t reach_detach_flags(uint64_t value)
{
	iommut_vfio_detach(handle, 5);
	return FIELD32(vfio_device_detach_iommufd_pt, flags);
}

uint64_t reach_vfio_map_flags(uint64_t value)
{
	iommut_vfio_map_dma(handle, NULL, 4096, 0, (uint32_t)value);
	return FIELD32(vfio_iommu_type1_dma_map, flags);
}

uint64_t reach_vfio_unmap_flags(uint64_t value)
{
	if (value == VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP)
		iommut_vfio_unmap_dma_dirty(handle, 0, 4096, 4096, &number, NULL);
	else
		iommut_vfio_unmap_dma(handle, 0, 4096, (uint32_t)value, NULL);
	return FIELD32(vfio_iommu_type1_dma_unmap, flags);
}

uint64_t reach_dirty_pages(uint64_t value)
{
	if (value == VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP)
		iommut_vfio_dirty_bitmap(handle, 0, 4096, 4096, &number);
	else
		iommut_vfio_dirty_tracking(handle, value == VFIO_IOMMU_DIRTY_PAGES_FLAG_START);
	return FIELD32(vfio_iommu_type1_dirty_bitmap, flags);
}

/* --- values that come out: the kernel gives them, the library tells --- */

uint64_t reach_hw_type(uint64_t value)
{
	struct iommut_hw_info info;

	given = value;
	g_assert_cmpint(iommut_hw_info(handle, 1, 0, &info), ==, 0);
	return info.type;
}

uint64_t reach_hw_capabilities(uint64_t value)
{
	struct iommut_hw_info info;

	given = value;
	g_assert_cmpint(iommut_hw_info(handle, 1, 0, &info), ==, 0);
	return info.capabilities;
}

uint64_t reach_device_flags(uint64_t value)
{
	struct vfio_device_info info;

	given_capability = 0;
	given = value;
	g_assert_cmpint(iommut_device_info(&device, &info), ==, 0);
	return info.flags;
}

uint64_t reach_device_capability(uint64_t value)
{
	struct vfio_info_cap_header header;

	given_capability = (uint16_t)value;
	g_assert_cmpint(
		iommut_device_info_capability(&device, (uint16_t)value, &header, sizeof(header)),
		==, 0);
	return header.id;
}

uint64_t reach_atomics(uint64_t value)
{
	uint32_t flags;

	given_capability = VFIO_DEVICE_INFO_CAP_PCI_ATOMIC_COMP;
	given = value;
	g_assert_cmpint(iommut_device_atomics(&device, &flags), ==, 0);
	return flags;
}

uint64_t reach_region_flags(uint64_t value)
{
	struct iommut_region *region;
	uint32_t flags;

	given_capability = value == VFIO_REGION_INFO_FLAG_CAPS ? 99 : 0;
	given = value;
	g_assert_cmpint(iommut_region_open(&region, &device, 0), ==, 0);
	flags = region->flags;
	iommut_region_close(region);
	return flags;
}

uint64_t reach_region_capability(uint64_t value)
{
	struct vfio_info_cap_header header;

	given_capability = (uint16_t)value;
	g_assert_cmpint(
		iommut_region_capability(&device, 0, (uint16_t)value, &header, sizeof(header)), ==,
		0);
	return header.id;
}

uint64_t reach_region_type(uint64_t value)
{
	struct iommut_region *region;
	uint32_t type;

	given_capability = VFIO_REGION_INFO_CAP_TYPE;
	given = value;
	g_assert_cmpint(iommut_region_open(&region, &device, 9), ==, 0);
	type = region->type;
	iommut_region_close(region);
	return type;
}

uint64_t reach_region_subtype(uint64_t value)
{
	struct iommut_region *region;
	uint32_t subtype;

	given_capability = VFIO_REGION_INFO_CAP_TYPE;
	given = value << 32;
	g_assert_cmpint(iommut_region_open(&region, &device, 9), ==, 0);
	subtype = region->subtype;
	iommut_region_close(region);
	return subtype;
}

uint64_t reach_irq_flags(uint64_t value)
{
	uint32_t count, flags;

	given = value;
	g_assert_cmpint(iommut_irq_count(&device, IOMMUT_MSIX, &count, &flags), ==, 0);
	return flags;
}

uint64_t reach_iommu_capability(uint64_t value)
{
	struct iommut_vfio_iommu_info info;
	uint64_t told;

	given_capability = (uint16_t)value;
	given = 1;
	g_assert_cmpint(iommut_vfio_iommu_info(handle, &info), ==, 0);
	told = info.ranges              ? VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE
	       : info.has_migration     ? VFIO_IOMMU_TYPE1_INFO_CAP_MIGRATION
	       : info.has_dma_available ? VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL
					: 0;
	free(info.ranges);
	return told;
}
