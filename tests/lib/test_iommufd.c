// SPDX-License-Identifier: GPL-2.0-or-later
/* Typed calls fill in the structures that the kernel expects, and bring back what it answers. */
#include <errno.h>
#include <glib.h>
#include <stdlib.h>
#include <string.h>

#include <iommut/iommufd.h>
#include <iommut/vfio.h>

#include "lib/space.h"
#include "tests/lib/fake_kernel.h"

struct fixture {
	struct fake_kernel kernel;
	struct iommut_handle iommufd;
};

static void set_up(struct fixture *fixture, gconstpointer data)
{
	fake_kernel_init(&fixture->kernel, NULL);
	g_assert_cmpint(iommufd_open_on(&fixture->kernel.sys, &fixture->iommufd), ==, 0);
}

static void tear_down(struct fixture *fixture, gconstpointer data)
{
	g_assert_cmpint(iommut_handle_close(&fixture->iommufd), ==, 0);
	g_assert_cmpint(fixture->iommufd.fd, ==, -1);
	g_assert_cmpuint(fixture->kernel.violations, ==, 0);
}

#define LAST(type) (*(struct type *)fixture->kernel.last)

static void test_ioas(struct fixture *fixture, gconstpointer data)
{
	struct iommut_handle iommufd = fixture->iommufd;
	struct iommut_iova_range range = { 0x1000, 0x1fff }, *ranges;
	uint64_t iova = 0x5000, length, alignment, value;
	uint32_t ioas;
	size_t count;

	g_assert_cmpint(iommut_ioas_alloc(iommufd, &ioas), ==, 0);
	g_assert_cmpuint(fixture->kernel.last_request, ==, IOMMU_IOAS_ALLOC);
	g_assert_cmpint(iommut_ioas_map(iommufd, ioas, (void *)0x7000, 4096, &iova,
					IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE),
			==, 0);
	g_assert_cmpuint(LAST(iommu_ioas_map).size, ==, sizeof(struct iommu_ioas_map));
	g_assert_cmpuint(LAST(iommu_ioas_map).ioas_id, ==, ioas);
	g_assert_cmphex(LAST(iommu_ioas_map).user_va, ==, 0x7000);
	g_assert_cmphex(LAST(iommu_ioas_map).iova, ==, 0x5000);
	g_assert_cmpint(iommut_ioas_map(iommufd, ioas, (void *)0x7000, 4096, &iova,
					IOMMU_IOAS_MAP_READABLE),
			==, 0);
	g_assert_cmphex(LAST(iommu_ioas_map).iova, ==, 0);
	g_assert_cmphex(iova, ==, 0x100000);
	g_assert_cmpint(iommut_ioas_unmap(iommufd, ioas, 0, UINT64_MAX, &length), ==, 0);
	g_assert_cmpuint(length, ==, 8192);
	g_assert_cmpint(
		iommut_ioas_map_file(iommufd, ioas, 5, 4096, 8192, &iova, IOMMU_IOAS_MAP_WRITEABLE),
		==, 0);
	g_assert_cmpint(LAST(iommu_ioas_map_file).fd, ==, 5);
	g_assert_cmpuint(LAST(iommu_ioas_map_file).start, ==, 4096);
	g_assert_cmphex(iova, ==, 0x200000);
	g_assert_cmpint(
		iommut_ioas_copy(iommufd, ioas, &iova, 3, 0x9000, 4096, IOMMU_IOAS_MAP_WRITEABLE),
		==, 0);
	g_assert_cmpuint(LAST(iommu_ioas_copy).src_ioas_id, ==, 3);
	g_assert_cmphex(LAST(iommu_ioas_copy).src_iova, ==, 0x9000);
	g_assert_cmphex(iova, ==, 0x300000);
	g_assert_cmpint(iommut_ioas_allow_iovas(iommufd, ioas, &range, 1), ==, 0);
	g_assert_cmpuint(LAST(iommu_ioas_allow_iovas).num_iovas, ==, 1);
	g_assert_cmphex(LAST(iommu_ioas_allow_iovas).allowed_iovas, ==, (uintptr_t)&range);
	g_assert_cmpint(iommut_ioas_iova_ranges(iommufd, 99, &ranges, &count, NULL), ==, -ENOENT);
	g_assert_cmpint(iommut_ioas_iova_ranges(iommufd, ioas, &ranges, &count, &alignment), ==, 0);
	g_assert_cmpuint(alignment, ==, 4096);
	free(ranges);
	fixture->kernel.fail_at = fixture->kernel.calls + 1;
	g_assert_cmpint(iommut_ioas_iova_ranges(iommufd, ioas, &ranges, &count, NULL), ==, -ENOMEM);
	fixture->kernel.ranges = 30;
	fixture->kernel.loop = true;
	g_assert_cmpint(iommut_ioas_iova_ranges(iommufd, ioas, &ranges, &count, NULL), ==,
			-EBADMSG);
	g_assert_cmpint(iommut_ioas_change_process(iommufd), ==, 0);
	length = 65536;
	g_assert_cmpint(iommut_ioas_noiommu_get_pa(iommufd, ioas, 0x1000, &length, &value), ==, 0);
	g_assert_cmphex(value, ==, 0x1234000);
	g_assert_cmpuint(length, ==, 4096);
	g_assert_cmpint(iommut_option_get(iommufd, IOMMU_OPTION_HUGE_PAGES, ioas, &value), ==, 0);
	g_assert_cmpuint(value, ==, 9);
	g_assert_cmpuint(LAST(iommu_option).op, ==, IOMMU_OPTION_OP_GET);
	g_assert_cmpint(iommut_option_set(iommufd, IOMMU_OPTION_RLIMIT_MODE, 0, 1), ==, 0);
	g_assert_cmpuint(LAST(iommu_option).op, ==, IOMMU_OPTION_OP_SET);
	g_assert_cmpuint(LAST(iommu_option).val64, ==, 1);
	g_assert_cmpint(iommut_vfio_ioas_get(iommufd, &ioas), ==, -ENODEV);
	g_assert_cmpint(iommut_vfio_ioas_set(iommufd, 4), ==, 0);
	g_assert_cmpint(iommut_vfio_ioas_get(iommufd, &ioas), ==, 0);
	g_assert_cmpuint(ioas, ==, 4);
	g_assert_cmpint(iommut_vfio_ioas_clear(iommufd), ==, 0);
	g_assert_cmpint(iommut_destroy(iommufd, 50), ==, -ENOENT);
	fixture->kernel.violations = 0;
	g_assert_cmpint(iommut_destroy(iommufd, 1), ==, 0);
}

static void test_hwpt(struct fixture *fixture, gconstpointer data)
{
	struct iommut_handle iommufd = fixture->iommufd;
	struct iommu_hwpt_vtd_s1_invalidate entries[3] = { 0 };
	struct iommut_hw_info info;
	uint32_t id, count = 3;
	uint64_t bitmap[2];

	fixture->kernel.objects[5].type = FAKE_BOUND;
	fixture->kernel.objects[6].type = FAKE_IOAS;
	g_assert_cmpint(iommut_hw_info(iommufd, 5, IOMMU_HW_INFO_TYPE_DEFAULT, &info), ==, 0);
	g_assert_cmpuint(LAST(iommu_hw_info).flags, ==, 0);
	g_assert_cmpuint(info.type, ==, IOMMU_HW_INFO_TYPE_INTEL_VTD);
	g_assert_cmphex(info.vtd.cap_reg, ==, 0xcafe);
	g_assert_cmpuint(info.max_pasid_log2, ==, 20);
	g_assert_cmpint(iommut_hw_info(iommufd, 5, IOMMU_HW_INFO_TYPE_AMD, &info), ==, -EOPNOTSUPP);
	g_assert_cmpuint(LAST(iommu_hw_info).flags, ==, IOMMU_HW_INFO_FLAG_INPUT_TYPE);
	g_assert_cmpint(iommut_hw_info(iommufd, 9, 0, &info), ==, -ENOENT);

	g_assert_cmpint(iommut_hwpt_alloc(iommufd, 5, 6, IOMMU_HWPT_ALLOC_PASID, 0, &id), ==, 0);
	g_assert_cmpuint(LAST(iommu_hwpt_alloc).flags, ==, IOMMU_HWPT_ALLOC_PASID);
	g_assert_cmpint(iommut_hwpt_alloc(iommufd, 5, 6, IOMMU_HWPT_FAULT_ID_VALID, 40, &id), ==,
			-ENOENT);
	g_assert_cmpint(iommut_hwpt_dirty_tracking(iommufd, id, true), ==, 0);
	g_assert_cmpuint(LAST(iommu_hwpt_set_dirty_tracking).flags, ==,
			 IOMMU_HWPT_DIRTY_TRACKING_ENABLE);
	g_assert_cmpint(iommut_hwpt_dirty_tracking(iommufd, id, false), ==, 0);
	g_assert_cmpuint(LAST(iommu_hwpt_set_dirty_tracking).flags, ==, 0);
	g_assert_cmpint(iommut_hwpt_dirty_bitmap(iommufd, id, 0x1000, 0x2000, 4096, 1, bitmap), ==,
			0);
	g_assert_cmphex(LAST(iommu_hwpt_get_dirty_bitmap).data, ==, (uintptr_t)bitmap);
	g_assert_cmpuint(LAST(iommu_hwpt_get_dirty_bitmap).page_size, ==, 4096);
	g_assert_cmpint(iommut_hwpt_invalidate(iommufd, id, 1, entries, sizeof(entries[0]), &count),
			==, -EIO);
	g_assert_cmpuint(count, ==, 1);
	g_assert_cmpuint(LAST(iommu_hwpt_invalidate).entry_num, ==, 3);
}

/* An unknown ioctl, a wrong file, and one that is not open. */
static void test_raw(struct fixture *fixture, gconstpointer data)
{
	struct iommu_ioas_alloc args = { .size = sizeof(args) };

	g_assert_cmpint(iommut_ioctl_raw(fixture->iommufd, _IO(IOMMUFD_TYPE, 0xff), &args), ==,
			-ENOTTY);
	g_assert_cmpint(iommut_ioas_alloc_raw(iommut_handle(-1), &args), ==, -EBADF);
	g_assert_cmpint(iommut_vfio_get_api_version_raw(iommut_handle(-1)), ==, -EBADF);
	g_assert_cmpint(iommut_vfio_spapr_tce_remove_raw(fixture->iommufd, NULL), ==, -EINVAL);
	fixture->kernel.missing = "/dev/iommu";
	g_assert_cmpint(iommufd_open_on(&fixture->kernel.sys, &(struct iommut_handle){ 0 }), ==,
			-EOPNOTSUPP);
	fixture->kernel.fail_at = fixture->kernel.calls + 1;
	fixture->kernel.fail_with = -EACCES;
	g_assert_cmpint(iommufd_open_on(&fixture->kernel.sys, &(struct iommut_handle){ 0 }), ==,
			-EACCES);
}

static void test_vfio(struct fixture *fixture, gconstpointer data)
{
	struct vfio_iommu_type1_dma_unmap *unmap = (void *)fixture->kernel.last;
	struct vfio_iommu_type1_dirty_bitmap *dirty = (void *)fixture->kernel.last;
	struct vfio_iommu_type1_dirty_bitmap_get get;
	struct vfio_bitmap bitmap;
	struct iommut_handle container, group, device;
	uint64_t bits[2], unmapped;
	uint32_t flags;

	g_assert_cmpint(container_open_on(&fixture->kernel.sys, &container), ==, 0);
	g_assert_cmpint(group_open_on(&fixture->kernel.sys, &group, 7), ==, 0);
	g_assert_cmpint(iommut_vfio_group_set_container(group, iommut_handle(3)), ==, -EBADF);
	g_assert_cmpint(iommut_vfio_group_set_container(group, container), ==, 0);
	g_assert_cmpint(iommut_vfio_group_status(group, &flags), ==, 0);
	g_assert_cmpuint(flags, ==, VFIO_GROUP_FLAGS_VIABLE | VFIO_GROUP_FLAGS_CONTAINER_SET);
	g_assert_cmpint(iommut_vfio_set_iommu_raw(container, VFIO_TYPE1v2_IOMMU), ==, 0);
	g_assert_cmpint(iommut_vfio_group_device(group, "0000:00:09.0", NULL, &device), ==,
			-ENODEV);
	g_assert_cmpint(iommut_vfio_group_device(
				group, "a name that no PCI function will ever have", NULL, &device),
			==, -EINVAL);
	g_assert_cmpint(iommut_vfio_dirty_tracking(container, true), ==, 0);
	g_assert_cmpuint(dirty->flags, ==, VFIO_IOMMU_DIRTY_PAGES_FLAG_START);
	g_assert_cmpint(iommut_vfio_dirty_bitmap(container, 0x1000, 65 * 4096, 4096, bits), ==, 0);
	memcpy(&get, dirty->data, sizeof(get));
	g_assert_cmpuint(get.bitmap.size, ==, 16);
	g_assert_cmpint(iommut_vfio_dirty_bitmap(container, 0, 4096, 0, bits), ==, -EINVAL);
	g_assert_cmpint(iommut_vfio_map_dma(container, bits, 4096, 0x1000, VFIO_DMA_MAP_FLAG_READ),
			==, 0);
	g_assert_cmpint(iommut_vfio_unmap_dma_dirty(container, 0x1000, 4096, 4096, bits, &unmapped),
			==, 0);
	g_assert_cmpuint(unmapped, ==, 4096);
	g_assert_cmpuint(unmap->flags, ==, VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP);
	memcpy(&bitmap, unmap->data, sizeof(bitmap));
	g_assert_cmpuint(bitmap.size, ==, 8);
	g_assert_true(bitmap.data == (void *)bits);
	g_assert_cmpint(iommut_vfio_unmap_dma_dirty(container, 0, 4096, 0, bits, NULL), ==,
			-EINVAL);
	g_assert_cmpint(iommut_vfio_ioeventfd(container, 0, 3, 0, 1), ==, -EINVAL);
	iommut_handle_close(&group);
	iommut_handle_close(&container);
	fixture->kernel.fail_at = fixture->kernel.calls + 2;
	g_assert_cmpint(container_open_on(&fixture->kernel.sys, &container), ==, -EOPNOTSUPP);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
#define ADD(name, function) \
	g_test_add("/calls/" name, struct fixture, NULL, set_up, function, tear_down)
	ADD("ioas", test_ioas);
	ADD("hwpt", test_hwpt);
	ADD("raw", test_raw);
	ADD("vfio", test_vfio);
	return g_test_run();
}
