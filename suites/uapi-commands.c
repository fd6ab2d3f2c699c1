// SPDX-License-Identifier: GPL-2.0-or-later
/* The ioctls of /dev/iommu as data, for the rules that all of them follow (iommufd.h: "General ioctl format"). */
#include <stdint.h>
#include <string.h>

#include "suites/uapi-commands.h"

#define FIELD(type, field)      offsetof(struct type, field)
#define END_OF(type, field)     (offsetof(struct type, field) + sizeof(((struct type *)0)->field))
#define COUNT(array)            (sizeof(array) / sizeof((array)[0]))
#define SIZES(type, last_field) .size = sizeof(struct type), .minimum = END_OF(type, last_field)

static void fill_copy(void *args)
{
	struct iommu_ioas_copy *copy = args;

	copy->flags = IOMMU_IOAS_MAP_READABLE;
	copy->src_ioas_id = copy->dst_ioas_id;
	copy->length = 4096;
}

static void fill_map(void *args)
{
	struct iommu_ioas_map *map = args;

	map->flags = IOMMU_IOAS_MAP_READABLE;
	map->length = 4096;
}

static void fill_map_file(void *args)
{
	struct iommu_ioas_map_file *map = args;

	map->flags = IOMMU_IOAS_MAP_READABLE;
	map->length = 4096;
	map->fd = -1;
}

static void fill_unmap(void *args)
{
	struct iommu_ioas_unmap *unmap = args;

	unmap->length = 4096;
}

static void fill_get_pa(void *args)
{
	struct iommu_ioas_noiommu_get_pa *get = args;

	get->length = 4096;
}

static void fill_huge_pages_option(void *args)
{
	struct iommu_option *option = args;

	option->option_id = IOMMU_OPTION_HUGE_PAGES;
	option->op = IOMMU_OPTION_OP_GET;
}

static void fill_vfio_ioas(void *args)
{
	struct iommu_vfio_ioas *vfio = args;

	vfio->op = IOMMU_VFIO_IOAS_SET;
}

static void fill_viommu(void *args)
{
	struct iommu_viommu_alloc *viommu = args;

	viommu->type = IOMMU_VIOMMU_TYPE_ARM_SMMUV3;
}

static void fill_veventq(void *args)
{
	struct iommu_veventq_alloc *veventq = args;

	veventq->type = IOMMU_VEVENTQ_TYPE_ARM_SMMUV3;
	veventq->veventq_depth = 1;
}

static void fill_hw_queue(void *args)
{
	struct iommu_hw_queue_alloc *queue = args;

	queue->type = IOMMU_HW_QUEUE_TYPE_TEGRA241_CMDQV;
	queue->length = 4096;
}

static void fill_dirty_bitmap(void *args)
{
	struct iommu_hwpt_get_dirty_bitmap *bitmap = args;

	bitmap->length = 4096;
	bitmap->page_size = 4096;
}

static const struct command commands[] = {
	{ "destroy", IOMMU_DESTROY, SIZES(iommu_destroy, id), NO_FIELD, NO_FIELD,
	  FIELD(iommu_destroy, id) },
	{ "ioas-alloc", IOMMU_IOAS_ALLOC, SIZES(iommu_ioas_alloc, out_ioas_id),
	  FIELD(iommu_ioas_alloc, flags), NO_FIELD, NO_FIELD, 1 },
	{ "ioas-allow-iovas", IOMMU_IOAS_ALLOW_IOVAS, SIZES(iommu_ioas_allow_iovas, allowed_iovas),
	  NO_FIELD, FIELD(iommu_ioas_allow_iovas, __reserved),
	  FIELD(iommu_ioas_allow_iovas, ioas_id) },
	{ "ioas-copy", IOMMU_IOAS_COPY, SIZES(iommu_ioas_copy, src_iova),
	  FIELD(iommu_ioas_copy, flags), NO_FIELD, FIELD(iommu_ioas_copy, dst_ioas_id), 0,
	  fill_copy },
	{ "ioas-iova-ranges", IOMMU_IOAS_IOVA_RANGES,
	  SIZES(iommu_ioas_iova_ranges, out_iova_alignment), NO_FIELD,
	  FIELD(iommu_ioas_iova_ranges, __reserved), FIELD(iommu_ioas_iova_ranges, ioas_id) },
	{ "ioas-map", IOMMU_IOAS_MAP, SIZES(iommu_ioas_map, iova), FIELD(iommu_ioas_map, flags),
	  FIELD(iommu_ioas_map, __reserved), FIELD(iommu_ioas_map, ioas_id), 0, fill_map },
	{ "ioas-map-file", IOMMU_IOAS_MAP_FILE, SIZES(iommu_ioas_map_file, iova),
	  FIELD(iommu_ioas_map_file, flags), NO_FIELD, FIELD(iommu_ioas_map_file, ioas_id), 0,
	  fill_map_file },
	{ "ioas-unmap", IOMMU_IOAS_UNMAP, SIZES(iommu_ioas_unmap, length), NO_FIELD, NO_FIELD,
	  FIELD(iommu_ioas_unmap, ioas_id), 0, fill_unmap },
	{ "ioas-change-process", IOMMU_IOAS_CHANGE_PROCESS,
	  SIZES(iommu_ioas_change_process, __reserved), NO_FIELD,
	  FIELD(iommu_ioas_change_process, __reserved), NO_FIELD },
	{ "ioas-noiommu-get-pa", IOMMU_IOAS_NOIOMMU_GET_PA,
	  SIZES(iommu_ioas_noiommu_get_pa, out_phys), FIELD(iommu_ioas_noiommu_get_pa, flags),
	  FIELD(iommu_ioas_noiommu_get_pa, __reserved), FIELD(iommu_ioas_noiommu_get_pa, ioas_id),
	  0, fill_get_pa },
	{ "option", IOMMU_OPTION, SIZES(iommu_option, val64), NO_FIELD,
	  FIELD(iommu_option, __reserved), FIELD(iommu_option, object_id), 0,
	  fill_huge_pages_option },
	{ "vfio-ioas", IOMMU_VFIO_IOAS, SIZES(iommu_vfio_ioas, __reserved), NO_FIELD,
	  FIELD(iommu_vfio_ioas, __reserved), FIELD(iommu_vfio_ioas, ioas_id), 0, fill_vfio_ioas },
	{ "hwpt-alloc", IOMMU_HWPT_ALLOC, SIZES(iommu_hwpt_alloc, __reserved), NO_FIELD,
	  FIELD(iommu_hwpt_alloc, __reserved), FIELD(iommu_hwpt_alloc, dev_id) },
	{ "hw-info", IOMMU_GET_HW_INFO, SIZES(iommu_hw_info, __reserved),
	  FIELD(iommu_hw_info, flags), NO_FIELD, FIELD(iommu_hw_info, dev_id) },
	{ "hwpt-set-dirty-tracking", IOMMU_HWPT_SET_DIRTY_TRACKING,
	  SIZES(iommu_hwpt_set_dirty_tracking, __reserved),
	  FIELD(iommu_hwpt_set_dirty_tracking, flags), NO_FIELD,
	  FIELD(iommu_hwpt_set_dirty_tracking, hwpt_id) },
	{ "hwpt-get-dirty-bitmap", IOMMU_HWPT_GET_DIRTY_BITMAP,
	  SIZES(iommu_hwpt_get_dirty_bitmap, data), FIELD(iommu_hwpt_get_dirty_bitmap, flags),
	  FIELD(iommu_hwpt_get_dirty_bitmap, __reserved),
	  FIELD(iommu_hwpt_get_dirty_bitmap, hwpt_id), 0, fill_dirty_bitmap },
	{ "hwpt-invalidate", IOMMU_HWPT_INVALIDATE, SIZES(iommu_hwpt_invalidate, __reserved),
	  NO_FIELD, FIELD(iommu_hwpt_invalidate, __reserved),
	  FIELD(iommu_hwpt_invalidate, hwpt_id) },
	{ "fault-queue-alloc", IOMMU_FAULT_QUEUE_ALLOC, SIZES(iommu_fault_alloc, out_fault_fd),
	  FIELD(iommu_fault_alloc, flags), NO_FIELD, NO_FIELD, 1 },
	{ "viommu-alloc", IOMMU_VIOMMU_ALLOC, SIZES(iommu_viommu_alloc, out_viommu_id),
	  FIELD(iommu_viommu_alloc, flags), NO_FIELD, FIELD(iommu_viommu_alloc, dev_id), 0,
	  fill_viommu },
	{ "vdevice-alloc", IOMMU_VDEVICE_ALLOC, SIZES(iommu_vdevice_alloc, virt_id), NO_FIELD,
	  NO_FIELD, FIELD(iommu_vdevice_alloc, viommu_id) },
	{ "veventq-alloc", IOMMU_VEVENTQ_ALLOC, SIZES(iommu_veventq_alloc, out_veventq_fd),
	  FIELD(iommu_veventq_alloc, flags), FIELD(iommu_veventq_alloc, __reserved),
	  FIELD(iommu_veventq_alloc, viommu_id), 0, fill_veventq },
	{ "hw-queue-alloc", IOMMU_HW_QUEUE_ALLOC, SIZES(iommu_hw_queue_alloc, length),
	  FIELD(iommu_hw_queue_alloc, flags), NO_FIELD, FIELD(iommu_hw_queue_alloc, viommu_id), 0,
	  fill_hw_queue },
};

const struct command *command_find(const char *name)
{
	for (size_t i = 0; i < COUNT(commands); i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

void command_prepare(const struct command *command, void *buffer, uint32_t object)
{
	uint32_t size = (uint32_t)command->size;

	memset(buffer, 0, COMMAND_BUFFER);
	memcpy(buffer, &size, sizeof(size));
	if (command->object != NO_FIELD)
		memcpy((char *)buffer + command->object, &object, sizeof(object));
	if (command->fill)
		command->fill(buffer);
}
