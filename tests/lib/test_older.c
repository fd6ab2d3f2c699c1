// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What only iommufd's spaces can, and how it is refused elsewhere; and kernels that lack a call: each typed call and each object says
 * -EOPNOTSUPP then, leaves nothing behind, and the raw call says what the kernel said.
 */
#include <errno.h>
#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/vfio.h>

#include <iommut/device.h>
#include <iommut/feature.h>
#include <iommut/hwpt.h>
#include <iommut/iommufd.h>
#include <iommut/region.h>
#include <iommut/space.h>
#include <iommut/vfio.h>
#include <iommut/viommu.h>

#include "lib/space.h"
#include "tests/lib/fake_kernel.h"

struct fixture {
	char *root;
	struct fake_kernel kernel;
	struct iommut_space *space;
	struct iommut_device *device;
};

static void set_up(struct fixture *fixture, gconstpointer data)
{
	struct iommut_space_options options = { .backend = IOMMUT_IOMMUFD };

	fixture->root = fake_sysfs_new();
	fake_kernel_init(&fixture->kernel, fixture->root);
	g_assert_cmpint(space_open_on(&fixture->kernel.sys, &fixture->space, &options), ==, 0);
	g_assert_cmpint(iommut_device_open(&fixture->device, fixture->space, FAKE_BDF), ==, 0);
}

static void tear_down(struct fixture *fixture, gconstpointer data)
{
	iommut_device_close(fixture->device);
	iommut_space_close(fixture->space);
	fake_kernel_assert_clean(&fixture->kernel);
	fake_sysfs_free(fixture->root);
}

#define LAST(type) (*(struct type *)fixture->kernel.last)

static void test_iommufd_only(struct fixture *fixture, gconstpointer data)
{
	const struct iommut_iova_range range = { 0x1000, 0x1fff };
	struct iommut_space_options options = { .backend = IOMMUT_IOMMUFD,
						.beside = fixture->space };
	struct iommut_space *space = fixture->space, *beside, *other, *container;
	uint32_t ioas, ioas_beside;

	g_assert_cmpint(iommut_space_open_with(&beside, &options), ==, 0);
	g_assert_cmpint(iommut_space_ioas(space, &ioas), ==, 0);
	g_assert_cmpint(iommut_space_ioas(beside, &ioas_beside), ==, 0);
	g_assert_cmpint(iommut_space_map_file(space, 5, 4096, 8192, 0x7000, IOMMUT_READ), ==, 0);
	g_assert_cmpuint(LAST(iommu_ioas_map_file).ioas_id, ==, ioas);
	g_assert_cmphex(LAST(iommu_ioas_map_file).flags, ==,
			IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE);
	g_assert_cmphex(LAST(iommu_ioas_map_file).iova, ==, 0x7000);
	g_assert_cmpuint(LAST(iommu_ioas_map_file).start, ==, 4096);
	g_assert_cmpuint(LAST(iommu_ioas_map_file).length, ==, 8192);
	g_assert_cmpint(iommut_space_map_file(space, 5, 0, 4096, 0, 4), ==, -EINVAL);
	g_assert_cmpint(iommut_space_copy(beside, 0x9000, space, 0x7000, 4096, IOMMUT_RW), ==, 0);
	g_assert_cmpuint(LAST(iommu_ioas_copy).dst_ioas_id, ==, ioas_beside);
	g_assert_cmpuint(LAST(iommu_ioas_copy).src_ioas_id, ==, ioas);
	g_assert_cmphex(LAST(iommu_ioas_copy).dst_iova, ==, 0x9000);
	g_assert_cmphex(LAST(iommu_ioas_copy).src_iova, ==, 0x7000);
	g_assert_cmpint(iommut_space_copy(beside, 0x9000, space, 0x7000, 4096, 8), ==, -EINVAL);
	g_assert_cmpint(iommut_space_allow(space, &range, 1), ==, 0);
	g_assert_cmpuint(LAST(iommu_ioas_allow_iovas).num_iovas, ==, 1);
	g_assert_cmpint(iommut_space_huge_pages(space, false), ==, 0);
	g_assert_cmpuint(LAST(iommu_option).option_id, ==, IOMMU_OPTION_HUGE_PAGES);
	g_assert_cmpuint(LAST(iommu_option).object_id, ==, ioas);
	g_assert_cmpuint(LAST(iommu_option).val64, ==, 0);

	/* IOVAs of another file mean nothing here. */
	options.beside = NULL;
	g_assert_cmpint(space_open_on(&fixture->kernel.sys, &other, &options), ==, 0);
	g_assert_cmpint(iommut_space_copy(other, 0, space, 0x7000, 4096, IOMMUT_RW), ==, -EINVAL);
	options.backend = IOMMUT_TYPE1;
	g_assert_cmpint(space_open_on(&fixture->kernel.sys, &container, &options), ==, 0);
	g_assert_cmpint(iommut_space_copy(space, 0, container, 0, 4096, IOMMUT_RW), ==,
			-EOPNOTSUPP);
	g_assert_cmpint(iommut_space_map_file(container, 5, 0, 4096, 0, IOMMUT_RW), ==,
			-EOPNOTSUPP);
	g_assert_cmpint(iommut_space_allow(container, &range, 1), ==, -EOPNOTSUPP);
	g_assert_cmpint(iommut_space_huge_pages(container, false), ==, -EOPNOTSUPP);
	iommut_space_close(container);
	iommut_space_close(other);
	iommut_space_close(beside);
}

/* Calls of newer kernels, each on a kernel that does not know it. */
static void test_unknown_calls(struct fixture *fixture, gconstpointer data)
{
	const struct iommut_handle file = iommut_space_handle(fixture->space);
	const struct iommut_handle device = iommut_device_handle(fixture->device);
	const uint8_t token[16] = { 0 };
	struct vfio_device_gfx_plane_info plane;
	struct vfio_precopy_info precopy;
	struct iommut_fault_queue *queue;
	struct iommut_hw_info info;
	struct iommut_hwpt *hwpt;
	uint64_t number = 4096;
	uint32_t id, count = 1;
	int fd;

#define UNKNOWN(call)                                                \
	do {                                                         \
		fixture->kernel.fail_at = fixture->kernel.calls + 1; \
		fixture->kernel.fail_with = -ENOTTY;                 \
		g_test_message("%s", #call);                         \
		g_assert_cmpint(call, ==, -EOPNOTSUPP);              \
	} while (0)
	UNKNOWN(iommut_ioas_alloc(file, &id));
	UNKNOWN(iommut_ioas_map_file(file, 1, 5, 0, 4096, &number, 0));
	UNKNOWN(iommut_ioas_change_process(file));
	UNKNOWN(iommut_ioas_noiommu_get_pa(file, 1, 0, &number, &number));
	UNKNOWN(iommut_option_set(file, 0, 0, 0));
	UNKNOWN(iommut_vfio_ioas_get(file, &id));
	UNKNOWN(iommut_hwpt_alloc(file, 1, 2, 0, 0, &id));
	UNKNOWN(iommut_hw_info(file, 1, 0, &info));
	UNKNOWN(iommut_hwpt_dirty_tracking(file, 1, true));
	UNKNOWN(iommut_hwpt_dirty_bitmap(file, 1, 0, 4096, 4096, 0, &number));
	UNKNOWN(iommut_hwpt_invalidate(file, 1, 0, &number, 8, &count));
	UNKNOWN(iommut_fault_queue_alloc(file, &id, &fd));
	UNKNOWN(iommut_viommu_alloc(file, 1, 1, 2, NULL, 0, &id));
	UNKNOWN(iommut_vdevice_alloc(file, 1, 1, 2, &id));
	UNKNOWN(iommut_veventq_alloc(file, 1, 1, 8, &id, &fd));
	UNKNOWN(iommut_hw_queue_alloc(file, 1, 1, 0, 0, 4096, &id));
	UNKNOWN(iommut_vfio_bind_iommufd(device, file, token, &id));
	UNKNOWN(iommut_vfio_attach(device, 5, 1));
	UNKNOWN(iommut_vfio_detach(device, 5));
	UNKNOWN(iommut_vfio_ioeventfd(device, 0, 4, 0, 5));
	UNKNOWN(iommut_vfio_gfx_plane(device, VFIO_GFX_PLANE_TYPE_PROBE, &plane));
	UNKNOWN(iommut_vfio_gfx_dmabuf(device, 1));
	UNKNOWN(iommut_vfio_precopy_info(device, &precopy));
	UNKNOWN(iommut_vfio_dirty_tracking(file, true));
	UNKNOWN(iommut_device_attach_pasid(fixture->device, 5, 1));
#undef UNKNOWN
	/* Objects allocate memory for themselves first. */
	fixture->kernel.fail_at = fixture->kernel.calls + 2;
	g_assert_cmpint(iommut_hwpt_open(&hwpt, fixture->device, fixture->space, 0, NULL), ==,
			-EOPNOTSUPP);
	fixture->kernel.fail_at = fixture->kernel.calls + 2;
	g_assert_cmpint(iommut_fault_queue_open(&queue, fixture->space), ==, -EOPNOTSUPP);
	fixture->kernel.fail_at = fixture->kernel.calls + 2;
	g_assert_cmpint(iommut_feature_bus_master(fixture->device, true), ==, -EOPNOTSUPP);
	fixture->kernel.fail_at = fixture->kernel.calls + 1;
	g_assert_cmpint(iommut_ioas_alloc_raw(file, &(struct iommu_ioas_alloc){ .size = 12 }), ==,
			-ENOTTY);
	fixture->kernel.fail_at = 0;
}

/* An IOMMU-less machine with enable_unsafe_noiommu_mode: the cdev has another name. */
static void test_noiommu_cdev(struct fixture *fixture, gconstpointer data)
{
	g_autofree char *old = g_strconcat(
		fixture->root, "/sys/bus/pci/devices/" FAKE_BDF "/vfio-dev/vfio0/dev", NULL);
	g_autofree char *folder = g_path_get_dirname(old);
	struct iommut_handle device;

	g_assert_cmpint(cdev_open_on(&fixture->kernel.sys, &device, FAKE_BDF), ==, 0);
	g_assert_cmpint(iommut_handle_close(&device), ==, 0);
	g_assert_cmpint(remove(old), ==, 0);
	g_assert_cmpint(remove(folder), ==, 0);
	g_assert_cmpint(cdev_open_on(&fixture->kernel.sys, &device, FAKE_BDF), ==, -ENOENT);
	fake_sysfs_write(fixture->root,
			 "/sys/bus/pci/devices/" FAKE_BDF "/vfio-dev/noiommu-vfio0/dev", "511:0\n");
	g_assert_cmpint(cdev_open_on(&fixture->kernel.sys, &device, FAKE_BDF), ==, 0);
	g_assert_cmpint(iommut_handle_close(&device), ==, 0);
}

static void test_capabilities(struct fixture *fixture, gconstpointer data)
{
	struct {
		struct vfio_info_cap_header header;
		uint32_t type, subtype;
	} type;
	uint8_t much[4096];

	g_assert_cmpint(iommut_region_capability(fixture->device, 0, VFIO_REGION_INFO_CAP_TYPE,
						 &type, sizeof(type)),
			==, 0);
	g_assert_cmpuint(type.type, ==, 3);
	g_assert_cmpuint(type.subtype, ==, 4);
	g_assert_cmpint(iommut_region_capability(fixture->device, 0,
						 VFIO_REGION_INFO_CAP_NVLINK2_SSATGT, &type,
						 sizeof(type)),
			==, -ENOENT);
	/* A region without any. */
	g_assert_cmpint(iommut_region_capability(fixture->device, 1, VFIO_REGION_INFO_CAP_TYPE,
						 &type, sizeof(type)),
			==, -ENOENT);
	g_assert_cmpint(iommut_region_capability(fixture->device, 77, VFIO_REGION_INFO_CAP_TYPE,
						 &type, sizeof(type)),
			==, -EINVAL);
	g_assert_cmpint(iommut_region_capability(fixture->device, 0, VFIO_REGION_INFO_CAP_TYPE,
						 much, sizeof(much)),
			==, -EBADMSG);
}

static void test_hot_reset(struct fixture *fixture, gconstpointer data)
{
	const struct iommut_handle device = iommut_device_handle(fixture->device);
	const struct vfio_pci_hot_reset *last = (const void *)fixture->kernel.last;
	const int32_t groups[] = { 7, 8 };

	/* By ownership, with no groups, and with them. */
	g_assert_cmpint(iommut_device_hot_reset(fixture->device), ==, 0);
	g_assert_cmpuint(last->count, ==, 0);
	g_assert_cmpint(iommut_vfio_hot_reset(device, groups, 2), ==, 0);
	g_assert_cmpuint(last->count, ==, 2);
	g_assert_cmpuint(last->argsz, ==, sizeof(*last) + sizeof(groups));
	g_assert_cmpint(last->group_fds[1], ==, 8);
	fixture->kernel.fail_at = fixture->kernel.calls + 1;
	g_assert_cmpint(iommut_vfio_hot_reset(device, groups, 2), ==, -ENOMEM);
	fixture->kernel.fail_at = 0;
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
#define ADD(name, function) \
	g_test_add("/older/" name, struct fixture, NULL, set_up, function, tear_down)
	ADD("iommufd-only", test_iommufd_only);
	ADD("unknown-calls", test_unknown_calls);
	ADD("noiommu-cdev", test_noiommu_cdev);
	ADD("capabilities", test_capabilities);
	ADD("hot-reset", test_hot_reset);
	return g_test_run();
}
