// SPDX-License-Identifier: GPL-2.0-or-later
/* Calls that run out of memory halfway: they fail cleanly, leave no translation and no pinned page, and work when tried again. */
#include <string.h>

#include <linux/vfio.h>

#include <iommut/accounting.h>
#include <iommut/hwpt.h>
#include <iommut/iommufd.h>
#include <iommut/pci.h>
#include <iommut/vfio.h>

#include "suites/nomem.h"

SUITE("nomem", "calls of the kernel that run out of memory in the midst of their work");

#define PAGE 4096ull
#define RULE "ioctl(2): ENOMEM; a call that fails has changed nothing"

static uint64_t pinned(struct test *t)
{
	struct iommut_accounting accounting;

	expect_zero(t, iommut_accounting_get(&accounting));
	return accounting.pinned + accounting.locked;
}

/* What a failed mapping left to a device: nothing, at the first, a middle and the last page. */
static void expect_not_mapped(struct dma_buffer *buffer)
{
	fill_canary(buffer);
	expect_write_blocked(buffer->rig, buffer->iova, 8);
	if (buffer->length > PAGE) {
		expect_write_blocked(buffer->rig, buffer->iova + buffer->length / 2, 8);
		expect_write_blocked(buffer->rig, buffer->iova + buffer->length - PAGE, 8);
	}
	expect_canary(buffer);
}

/* Maps in one way or another, with the same outcome: memory of the buffer at its IOVA. */
static void map_short_of_memory(struct dma_buffer *buffer, int (*map)(struct dma_buffer *buffer))
{
	struct rig *rig = buffer->rig;
	struct test *t = rig->t;
	struct shortage *shortage = shortage_open(t);
	uint64_t before = pinned(t);
	uint64_t unmapped;

	need(rig, ENGINE_WRITE | ENGINE_SEES_ERRORS);
	while (shortage_next(shortage)) {
		if (call_failed(shortage, map(buffer))) {
			expect_equal(t, pinned(t), before);
			expect_not_mapped(buffer);
			/* Memory is there again. */
			expect_zero(t, map(buffer));
		}
		expect_reaches(buffer);
		expect_zero(
			t, iommut_space_unmap(rig->space, buffer->iova, buffer->length, &unmapped));
		expect_equal(t, unmapped, buffer->length);
		expect_equal(t, pinned(t), before);
	}
	shortage_proven(shortage);
}

static int map_memory(struct dma_buffer *buffer)
{
	return iommut_space_map(buffer->rig->space, buffer->data, buffer->length, buffer->iova,
				IOMMUT_RW);
}

CASE(map,
     .proves = "a mapping that fails for want of memory maps nothing and pins nothing, and can be "
	       "made again",
     .rule = RULE, .marks = LIST("exclusive", "stress"), .timeout_ms = 180000,
     .parameters = { BACKENDS, PARAMETER("pages", "1", "600") })
{
	struct rig *rig = rig_open(t);

	map_short_of_memory(make_buffer(rig, param_size(t, "pages") * PAGE, NULL), map_memory);
}

static int map_file(struct dma_buffer *buffer)
{
	struct iommut_space *space = buffer->rig->space;
	uint64_t iova = buffer->iova;
	uint32_t ioas;
	int error = iommut_space_ioas(space, &ioas);

	return error ? error
		     : iommut_ioas_map_file(iommut_space_handle(space), ioas, buffer->memory->fd, 0,
					    buffer->length, &iova,
					    IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE |
						    IOMMU_IOAS_MAP_WRITEABLE);
}

CASE(map_file,
     .proves = "a mapping of a file that fails for want of memory maps nothing and pins nothing, "
	       "and can be made again",
     .rule = RULE, .marks = LIST("exclusive", "stress"), .timeout_ms = 180000,
     .parameters = { IOMMUFD_ONLY, PARAMETER("pages", "1", "600") })
{
	const struct buffer_options options = { .kind = IOMMUT_MEMORY_MEMFD };
	struct rig *rig = rig_open(t);

	map_short_of_memory(make_buffer(rig, param_size(t, "pages") * PAGE, &options), map_file);
}

/* Where copy_memory() copies from. */
static uint64_t source_iova;

static int copy_memory(struct dma_buffer *buffer)
{
	struct iommut_space *space = buffer->rig->space;
	uint64_t iova = buffer->iova;
	uint32_t ioas;
	int error = iommut_space_ioas(space, &ioas);

	return error ? error
		     : iommut_ioas_copy(iommut_space_handle(space), ioas, &iova, ioas, source_iova,
					buffer->length,
					IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE |
						IOMMU_IOAS_MAP_WRITEABLE);
}

CASE(copy,
     .proves = "a copy of a mapping that fails for want of memory maps nothing, leaves the "
	       "original working, and can be made again",
     .rule = RULE, .marks = LIST("exclusive", "stress"), .timeout_ms = 180000,
     .parameters = { IOMMUFD_ONLY, PARAMETER("pages", "1", "600") })
{
	struct rig *rig = rig_open(t);
	struct dma_buffer *buffer = make_buffer(rig, param_size(t, "pages") * PAGE, NULL);

	source_iova = free_iova(rig, buffer->length);
	expect_zero(t, iommut_space_map(rig->space, buffer->data, buffer->length, source_iova,
					IOMMUT_RW));
	map_short_of_memory(buffer, copy_memory);
	/* The memory can still be reached through the original. */
	buffer->iova = source_iova;
	buffer->mapped = true;
	expect_reaches(buffer);
}

CASE(unmap,
     .proves = "an unmap that is short of memory either unmaps, and then blocks, or fails and "
	       "leaves the mapping whole",
     .rule = RULE, .marks = LIST("exclusive", "stress"), .timeout_ms = 180000,
     .parameters = { BACKENDS, PARAMETER("pages", "1", "600") })
{
	struct rig *rig = rig_open(t);
	struct dma_buffer *buffer = make_buffer(rig, param_size(t, "pages") * PAGE, NULL);
	struct shortage *shortage = shortage_open(t);
	uint64_t before = pinned(t), unmapped;

	need(rig, ENGINE_WRITE | ENGINE_SEES_ERRORS);
	while (shortage_next(shortage)) {
		expect_zero(t, map_memory(buffer));
		expect_reaches(buffer);
		if (call_failed(shortage, iommut_space_unmap(rig->space, buffer->iova,
							     buffer->length, &unmapped))) {
			expect_reaches(buffer);
			expect_zero(t, iommut_space_unmap(rig->space, buffer->iova, buffer->length,
							  &unmapped));
		}
		expect_equal(t, unmapped, buffer->length);
		expect_not_mapped(buffer);
		expect_equal(t, pinned(t), before);
	}
	note(t, "%u allocations could fail, %u times the unmap did", shortage->round - 1,
	     shortage->failures);
}

/* A device's descriptors, without anything that the library does beside. */
struct handles {
	struct iommut_handle space;
	struct iommut_handle group;
	struct iommut_handle device;
	uint32_t ioas;
};

static void close_handles(struct handles *handles)
{
	struct iommut_handle *all[] = { &handles->device, &handles->group, &handles->space };

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (all[i]->fd >= 0)
			(void)iommut_handle_close(all[i]);
}

static void expect_opened(struct test *t, int error)
{
	if (error == -EOPNOTSUPP)
		skip(t, "the kernel has no such interface of VFIO or iommufd",
		     "a kernel with CONFIG_IOMMUFD, CONFIG_VFIO_GROUP, CONFIG_VFIO_CONTAINER and "
		     "CONFIG_VFIO_DEVICE_CDEV");
	expect_zero(t, error);
}

/* The files are opened beforehand; what follows is the kernel's work on the device. */
static struct handles prepare_handles(struct test *t)
{
	struct handles handles = { { .fd = -1 }, { .fd = -1 }, { .fd = -1 }, 0 };
	struct iommut_pci_device pci;

	expect_zero(t, iommut_pci_get(test_device_name(t, 0), &pci));
	expect_opened(t, param_is(t, "backend", "type1")
				 ? iommut_vfio_container_open(&handles.space)
				 : iommut_iommufd_open(&handles.space));
	if (param_is(t, "backend", "iommufd")) {
		expect_opened(t, iommut_vfio_cdev_open(&handles.device, pci.name));
		expect_zero(t, iommut_ioas_alloc(handles.space, &handles.ioas));
	} else {
		expect_opened(t, iommut_vfio_group_open(&handles.group, pci.iommu_group));
	}
	return handles;
}

static int attach_handles(struct test *t, struct handles *handles)
{
	uint32_t id;
	int error;

	if (param_is(t, "backend", "iommufd")) {
		error = iommut_vfio_bind_iommufd(handles->device, handles->space, NULL, &id);
		return error ? error
			     : iommut_vfio_attach(handles->device, IOMMUT_NO_PASID, handles->ioas);
	}
	error = iommut_vfio_group_set_container(handles->group, handles->space);
	if (!error)
		error = iommut_vfio_set_iommu_raw(handles->space, VFIO_TYPE1v2_IOMMU);
	return error ? error
		     : iommut_vfio_group_device(handles->group, test_device_name(t, 0), NULL,
						&handles->device);
}

static void give_reset_back(void *name)
{
	(void)iommut_pci_set_reset_methods(name, "default");
}

/* Opening and closing are judged without the resets that VFIO does then: case reset is about these. */
static void without_reset(struct test *t)
{
	undo_later(t, give_reset_back, (void *)(uintptr_t)test_device_name(t, 0));
	expect_zero(t, iommut_pci_set_reset_methods(test_device_name(t, 0), "\n"));
}

CASE(open,
     .proves = "a device that cannot be opened for want of memory is not held, and can be opened "
	       "afterwards",
     .rule = RULE, .marks = LIST("exclusive", "stress"), .timeout_ms = 180000,
     .parameters = { BACKENDS })
{
	struct shortage *shortage;

	/* Says why if the device cannot be had at all. */
	rig_close(rig_open(t));
	without_reset(t);
	shortage = shortage_open(t);
	while (shortage_next(shortage)) {
		struct handles handles = prepare_handles(t);

		(void)call_failed(shortage, attach_handles(t, &handles));
		close_handles(&handles);
	}
	shortage_proven(shortage);
	expect_reaches(map_buffer(rig_open(t), PAGE));
}

CASE(close,
     .proves = "a device is given back with its mappings even when memory is short, and works for "
	       "the next",
     .rule = "close(2): what a file held is given back", .marks = LIST("exclusive", "stress"),
     .timeout_ms = 180000, .parameters = { BACKENDS })
{
	struct shortage *shortage = shortage_open(t);
	uint64_t before = pinned(t);

	without_reset(t);
	while (shortage_next(shortage)) {
		struct rig *rig = rig_open(t);
		struct dma_buffer *buffer = map_buffer(rig, 16 * PAGE);

		expect_reaches(buffer);
		shortage_begin(shortage);
		rig_close(rig);
		shortage_end(shortage);
		buffer->mapped = false;
		expect_equal(t, pinned(t), before);
	}
	note(t, "%u allocations could fail", shortage->round - 1);
	expect_reaches(map_buffer(rig_open(t), PAGE));
}

CASE(reset,
     .proves = "a reset for which memory is short leaves the device with its mappings, and the "
	       "kernel "
	       "with nothing to complain about",
     .rule = "vfio.h: VFIO_DEVICE_RESET; include/linux/iommu.h: pci_dev_reset_iommu_done()",
     .marks = LIST("exclusive", "stress"), .timeout_ms = 180000, .parameters = { BACKENDS })
{
	struct rig *rig = rig_open(t);
	struct dma_buffer *buffer = map_buffer(rig, PAGE);
	struct shortage *shortage = shortage_open(t);

	while (shortage_next(shortage)) {
		expect_reaches(buffer);
		if (call_failed(shortage, iommut_device_reset(rig->device)))
			expect_zero(t, iommut_device_reset(rig->device));
	}
	note(t, "%u allocations could fail", shortage->round - 1);
	expect_reaches(buffer);
}
