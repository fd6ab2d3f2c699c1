// SPDX-License-Identifier: GPL-2.0-or-later
/* Address spaces and the devices in them, over the three backends, down every error path. */
#include <errno.h>
#include <glib.h>
#include <stdlib.h>
#include <string.h>

#include <linux/pci_regs.h>
#include <linux/vfio.h>

#include <iommut/config.h>
#include <iommut/device.h>
#include <iommut/hwpt.h>
#include <iommut/iommufd.h>
#include <iommut/irq.h>
#include <iommut/region.h>
#include <iommut/space.h>
#include <iommut/viommu.h>

#include "lib/space.h"
#include "tests/lib/fake_kernel.h"

static char *root;

static int open_space(struct fake_kernel *kernel, enum iommut_backend backend,
		      struct iommut_space **space)
{
	struct iommut_space_options options = { .backend = backend };

	return space_open_on(&kernel->sys, space, &options);
}

static enum iommut_backend backend_of(gconstpointer data)
{
	return (enum iommut_backend)GPOINTER_TO_INT(data);
}

static void test_names(void)
{
	enum iommut_backend backend;

	for (int i = 0; i < IOMMUT_BACKENDS; i++) {
		g_assert_cmpint(
			iommut_backend_parse(iommut_backend_name((enum iommut_backend)i), &backend),
			==, 0);
		g_assert_cmpint(backend, ==, i);
	}
	g_assert_cmpint(iommut_backend_parse("type2", &backend), ==, -EINVAL);
	g_assert_null(iommut_backend_name((enum iommut_backend)IOMMUT_BACKENDS));
	g_assert_null(iommut_backend_name((enum iommut_backend) - 1));
}

static void test_probe(gconstpointer data)
{
	enum iommut_backend backend = backend_of(data);
	struct fake_kernel kernel;
	char reason[128] = "";
	unsigned int calls;

	fake_kernel_init(&kernel, NULL);
	g_assert_cmpint(backend_probe_on(&kernel.sys, backend, reason, sizeof(reason)), ==, 0);
	g_assert_cmpstr(reason, ==, "");
	calls = kernel.calls;
	for (unsigned int i = 1; i <= calls; i++) {
		int ret;

		fake_kernel_init(&kernel, NULL);
		kernel.fail_at = i;
		reason[0] = '\0';
		ret = backend_probe_on(&kernel.sys, backend, reason, sizeof(reason));
		if (kernel.fail_at < kernel.calls || ret) {
			g_assert_cmpuint(fake_kernel_open_files(&kernel), ==, 0);
			g_assert_true(!ret || *reason);
		}
	}
	fake_kernel_init(&kernel, NULL);
	kernel.missing = backend == IOMMUT_TYPE1 ? "/dev/vfio/vfio" : "/dev/iommu";
	g_assert_cmpint(backend_probe_on(&kernel.sys, backend, reason, sizeof(reason)), ==,
			-EOPNOTSUPP);
	g_assert_nonnull(strstr(reason, "the kernel has no"));
	g_assert_cmpint(backend_probe_on(&kernel.sys, backend, NULL, 0), ==, -EOPNOTSUPP);
	g_assert_cmpint(backend_probe_on(&kernel.sys, (enum iommut_backend)9, NULL, 0), ==,
			-EINVAL);
}

static void test_map(gconstpointer data)
{
	enum iommut_backend backend = backend_of(data);
	struct iommut_iova_range *ranges;
	struct iommut_device *device;
	struct iommut_space *space;
	struct fake_kernel kernel;
	uint64_t unmapped, sizes;
	static char page[8192];
	uint32_t id, number;
	size_t count;

	fake_kernel_init(&kernel, root);
	g_assert_cmpint(open_space(&kernel, backend, &space), ==, 0);
	g_assert_cmpint(iommut_space_backend(space), ==, backend);
	if (backend != IOMMUT_IOMMUFD) {
		/* A container knows nothing before its first device. */
		g_assert_cmpint(iommut_space_map(space, page, 4096, 0, IOMMUT_RW), ==, -ENODEV);
		g_assert_cmpint(iommut_space_unmap(space, 0, 4096, NULL), ==, -ENODEV);
		g_assert_cmpint(iommut_space_ranges(space, &ranges, &count), ==, -ENODEV);
		g_assert_cmpint(iommut_space_page_sizes(space, &sizes), ==, -ENODEV);
		g_assert_cmpint(iommut_space_unmap_all(space, &unmapped), ==, 0);
	}
	g_assert_cmpint(iommut_device_open(&device, space, "00:05.0"), ==, 0);
	g_assert_cmpstr(iommut_device_bdf(device), ==, FAKE_BDF);
	g_assert_true(iommut_device_space(device) == space);

	g_assert_cmpint(iommut_space_map(space, page, 4096, 0x1000, IOMMUT_RW), ==, 0);
	g_assert_cmpint(iommut_space_map(space, page, 4096, 0x1000, IOMMUT_RW), ==, -EEXIST);
	g_assert_cmpint(iommut_space_map(space, page, 4096, 0x9000, 4), ==, -EINVAL);
	g_assert_cmpint(iommut_space_map(space, page, 4096, 0x3000, IOMMUT_READ), ==, 0);
	g_assert_cmpint(iommut_space_map(space, page, 4096, 0x5000, IOMMUT_WRITE), ==, 0);
	if (backend == IOMMUT_IOMMUFD) {
		g_assert_cmpuint(kernel.mappings[FAKE_MAPPINGS - 2].flags, ==,
				 IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE);
		g_assert_cmpuint(kernel.mappings[FAKE_MAPPINGS - 3].flags, ==,
				 IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_WRITEABLE);
	} else {
		g_assert_cmpuint(kernel.mappings[FAKE_MAPPINGS - 2].flags, ==,
				 VFIO_DMA_MAP_FLAG_READ);
		g_assert_cmpuint(kernel.mappings[FAKE_MAPPINGS - 3].flags, ==,
				 VFIO_DMA_MAP_FLAG_WRITE);
	}
	g_assert_cmpint(iommut_space_unmap(space, 0x1000, 4096, &unmapped), ==, 0);
	g_assert_cmpuint(unmapped, ==, 4096);
	g_assert_cmpint(iommut_space_unmap(space, 0x1000, 4096, &unmapped), ==, -ENOENT);
	g_assert_cmpuint(unmapped, ==, 0);
	g_assert_cmpint(iommut_space_unmap_all(space, &unmapped), ==, 0);
	g_assert_cmpuint(unmapped, ==, 8192);

	/* More ranges than the first guess has room for. */
	kernel.ranges = 20;
	g_assert_cmpint(iommut_space_ranges(space, &ranges, &count), ==, 0);
	g_assert_cmpuint(count, ==, 20);
	g_assert_cmphex(ranges[19].last, ==, (19 << 20) + 0xfffff);
	free(ranges);
	g_assert_cmpint(iommut_space_page_sizes(space, &sizes), ==, 0);
	g_assert_cmphex(sizes, ==, backend == IOMMUT_IOMMUFD ? 4096 : 4096 | 2 << 20);
	kernel.loop = true;
	g_assert_cmpint(iommut_space_ranges(space, &ranges, &count), ==, -EBADMSG);
	kernel.loop = false;

	if (backend == IOMMUT_IOMMUFD) {
		g_assert_cmpint(iommut_space_dma_available(space, &number), ==, -EOPNOTSUPP);
		g_assert_cmpint(iommut_device_id(device, &id), ==, 0);
		g_assert_cmpint(iommut_device_detach(device), ==, 0);
		g_assert_cmpint(iommut_space_ioas(space, &id), ==, 0);
		g_assert_cmpint(iommut_device_attach(device, id), ==, 0);
		g_assert_cmpuint(kernel.attached, ==, id);
		g_assert_cmpint(iommut_device_attach(device, 60), ==, -ENOENT);
		g_assert_cmpint(iommut_device_attach_pasid(device, 5, id), ==, 0);
		g_assert_cmpint(iommut_device_attach_pasid(device, IOMMUT_NO_PASID, id), ==,
				-EINVAL);
		g_assert_cmpint(iommut_device_detach_pasid(device, 5), ==, 0);
		g_assert_cmpint(iommut_device_detach_pasid(device, IOMMUT_NO_PASID), ==, -EINVAL);
	} else {
		g_assert_cmpint(iommut_space_dma_available(space, &number), ==, 0);
		g_assert_cmpuint(number, ==, 65535);
		g_assert_cmpint(iommut_device_id(device, &id), ==, -EOPNOTSUPP);
		g_assert_cmpint(iommut_device_attach(device, 1), ==, -EOPNOTSUPP);
		g_assert_cmpint(iommut_device_detach(device), ==, -EOPNOTSUPP);
		g_assert_cmpint(iommut_device_attach_pasid(device, 1, 1), ==, -EOPNOTSUPP);
		g_assert_cmpint(iommut_device_detach_pasid(device, 1), ==, -EOPNOTSUPP);
		kernel.unmap_all = false;
		g_assert_cmpint(iommut_space_unmap_all(space, NULL), ==, -EOPNOTSUPP);
	}
	g_assert_cmpint(iommut_space_ioas(space, &id), ==,
			backend == IOMMUT_TYPE1 ? -EOPNOTSUPP : 0);
	iommut_space_close(space);
	iommut_device_close(device);
	fake_kernel_assert_clean(&kernel);
}

/* Two devices of one group share it, and it leaves the container with the last of them. */
static void test_group(gconstpointer data)
{
	struct iommut_device *devices[2];
	struct iommut_space *space;
	struct fake_kernel kernel;

	fake_kernel_init(&kernel, root);
	g_assert_cmpint(open_space(&kernel, backend_of(data), &space), ==, 0);
	kernel.group_busy = true;
	g_assert_cmpint(iommut_device_open(&devices[0], space, FAKE_BDF), ==, -EBUSY);
	kernel.group_busy = false;
	g_assert_cmpint(iommut_device_open(&devices[0], space, FAKE_BDF), ==, 0);
	kernel.group_busy = true;
	g_assert_cmpint(iommut_device_open(&devices[1], space, FAKE_BDF), ==, 0);
	kernel.group_busy = false;
	iommut_device_close(devices[0]);
	g_assert_true(kernel.group_in_container);
	iommut_device_close(devices[1]);
	g_assert_false(kernel.group_in_container);
	g_assert_cmpint(iommut_device_open(&devices[0], space, FAKE_BDF), ==, 0);
	iommut_device_close(devices[0]);
	iommut_space_close(space);
	fake_kernel_assert_clean(&kernel);
}

static void test_options(void)
{
	struct iommut_space_options options = { .backend = (enum iommut_backend)7 };
	struct iommut_space *space, *other;
	struct iommut_device *device;
	struct fake_kernel kernel;
	uint32_t first, second;
	uint8_t token[16];

	fake_kernel_init(&kernel, root);
	g_assert_cmpint(space_open_on(&kernel.sys, &space, &options), ==, -EINVAL);
	options = (struct iommut_space_options){ .backend = IOMMUT_IOMMUFD, .iommu_type = 1 };
	g_assert_cmpint(space_open_on(&kernel.sys, &space, &options), ==, -EINVAL);
	g_assert_cmpint(open_space(&kernel, IOMMUT_IOMMUFD, &space), ==, 0);
	options = (struct iommut_space_options){ .backend = IOMMUT_TYPE1, .beside = space };
	g_assert_cmpint(iommut_space_open_with(&other, &options), ==, -EINVAL);
	options.backend = IOMMUT_IOMMUFD;
	g_assert_cmpint(iommut_space_open_with(&other, &options), ==, 0);
	g_assert_cmpint(iommut_space_handle(space).fd, ==, iommut_space_handle(other).fd);
	iommut_space_ioas(space, &first);
	iommut_space_ioas(other, &second);
	g_assert_cmpuint(first, !=, second);
	iommut_space_close(space);

	for (unsigned int i = 0; i < sizeof(token); i++)
		token[i] = (uint8_t)(i * 17);
	g_assert_cmpint(iommut_device_open_with(&device, other, FAKE_BDF,
						&(struct iommut_device_options){
							.flags = IOMMUT_DEVICE_DETACHED |
								 IOMMUT_DEVICE_NO_BUS_MASTER,
							.token = token }),
			==, 0);
	g_assert_cmpuint(kernel.attached, ==, 0);
	g_assert_cmphex(kernel.config[PCI_COMMAND], ==, 0);
	g_assert_cmpuint(((struct vfio_device_bind_iommufd *)kernel.last)->flags, ==,
			 VFIO_DEVICE_BIND_FLAG_TOKEN);
	iommut_device_close(device);
	g_assert_cmpint(iommut_device_open(&device, other, "00:05"), ==, -EINVAL);
	g_assert_cmpint(iommut_device_open(&device, other, "00:06.0"), ==, -ENODEV);
	g_assert_cmpint(iommut_device_open_with(&device, other, FAKE_BDF,
						&(struct iommut_device_options){ .flags = 8 }),
			==, -EINVAL);
	kernel.missing = "/dev/vfio/devices/vfio0";
	g_assert_cmpint(iommut_device_open(&device, other, FAKE_BDF), ==, -EOPNOTSUPP);
	kernel.missing = NULL;
	iommut_space_close(other);
	fake_kernel_assert_clean(&kernel);

	g_assert_cmpint(open_space(&kernel, IOMMUT_TYPE1, &space), ==, 0);
	g_assert_cmpint(iommut_device_open_with(
				&device, space, FAKE_BDF,
				&(struct iommut_device_options){ .flags = IOMMUT_DEVICE_DETACHED }),
			==, -EINVAL);
	g_assert_cmpint(iommut_device_open_with(&device, space, FAKE_BDF,
						&(struct iommut_device_options){ .token = token }),
			==, 0);
	g_assert_cmpstr((char *)kernel.last, ==,
			FAKE_BDF " vf_token=00112233-4455-6677-8899-aabbccddeeff");
	iommut_device_close(device);
	iommut_space_close(space);
	iommut_space_close(NULL);
	iommut_device_close(NULL);
	fake_kernel_assert_clean(&kernel);
}

/* Everything a test does with a device, to be failed at every single call. */
static int use_device(struct fake_kernel *kernel, enum iommut_backend backend)
{
	struct iommut_region *region = NULL;
	struct iommut_device *device = NULL;
	struct iommut_space *space = NULL;
	struct iommut_irqs *irqs = NULL;
	struct iommut_iova_range *ranges;
	static char page[4096];
	uint32_t value;
	size_t count;
	int ret;

	ret = open_space(kernel, backend, &space);
	if (ret)
		return ret;
	ret = iommut_device_open(&device, space, FAKE_BDF);
	if (ret)
		goto close_space;
	ret = iommut_space_ranges(space, &ranges, &count);
	if (ret)
		goto close_device;
	free(ranges);
	ret = iommut_space_map(space, page, sizeof(page), 0x1000, IOMMUT_RW);
	if (ret)
		goto close_device;
	ret = iommut_region_open(&region, device, VFIO_PCI_BAR0_REGION_INDEX);
	if (ret)
		goto close_device;
	ret = iommut_region_write32(region, 8, 0x12345678);
	if (ret)
		goto close_region;
	ret = iommut_region_read32(region, 8, &value);
	if (ret)
		goto close_region;
	g_assert_cmphex(value, ==, 0x12345678);
	ret = iommut_irqs_open(&irqs, device, IOMMUT_MSIX, 3);
	if (ret)
		goto close_region;
	ret = iommut_irqs_trigger(irqs, 1, 1);
	if (!ret)
		ret = iommut_irqs_wait(irqs, 1, 0, NULL);
	iommut_irqs_close(irqs);
	kernel->irqs = 0;
close_region:
	iommut_region_close(region);
close_device:
	iommut_device_close(device);
close_space:
	iommut_space_close(space);
	return ret;
}

static void test_every_failure(gconstpointer data)
{
	struct fake_kernel kernel;
	unsigned int calls;

	fake_kernel_init(&kernel, root);
	g_assert_cmpint(use_device(&kernel, backend_of(data)), ==, 0);
	fake_kernel_assert_clean(&kernel);
	calls = kernel.calls;
	g_assert_cmpuint(calls, >, 40);
	for (unsigned int i = 1; i <= calls; i++) {
		fake_kernel_init(&kernel, root);
		kernel.fail_at = i;
		use_device(&kernel, backend_of(data));
		/* A failing destroy leaves its object; nothing else may stay. */
		g_assert_cmpuint(fake_kernel_open_files(&kernel), ==, 0);
		g_assert_cmpuint(kernel.violations, ==, 0);
	}
}

/* Objects over objects, closed in every order that a user can think of. */
static int use_objects(struct fake_kernel *kernel, const unsigned int *order)
{
	struct iommut_fault_queue *queue = NULL;
	struct iommut_hwpt *parent = NULL, *nested = NULL, *over_viommu = NULL;
	struct iommut_viommu *viommu = NULL;
	struct iommut_veventq *events = NULL;
	struct iommut_vdevice *vdevice = NULL;
	struct iommut_hw_queue *hw_queue = NULL;
	struct iommut_device *device = NULL;
	struct iommut_space *space = NULL;
	struct iommu_hwpt_vtd_s1 data = { .addr_width = 48 };
	int ret;

	ret = open_space(kernel, IOMMUT_IOMMUFD, &space);
	if (!ret)
		ret = iommut_device_open(&device, space, FAKE_BDF);
	if (!ret)
		ret = iommut_fault_queue_open(&queue, space);
	if (!ret)
		ret = iommut_hwpt_open(&parent, device, space, IOMMU_HWPT_ALLOC_NEST_PARENT, NULL);
	if (!ret)
		ret = iommut_hwpt_open_nested(&nested, device, parent, NULL, queue,
					      IOMMU_HWPT_DATA_VTD_S1, &data, sizeof(data));
	if (!ret)
		ret = iommut_viommu_open(&viommu, device, parent, IOMMU_VIOMMU_TYPE_ARM_SMMUV3,
					 NULL, 0);
	if (!ret)
		ret = iommut_vdevice_open(&vdevice, viommu, device, 8);
	if (!ret)
		ret = iommut_veventq_open(&events, viommu, IOMMU_VEVENTQ_TYPE_ARM_SMMUV3, 16);
	if (!ret)
		ret = iommut_hw_queue_open(&hw_queue, viommu, IOMMU_HW_QUEUE_TYPE_TEGRA241_CMDQV, 0,
					   0, 4096);
	if (!ret)
		ret = iommut_hwpt_open_nested(&over_viommu, device, NULL, viommu, NULL,
					      IOMMU_HWPT_DATA_ARM_SMMUV3, &data, sizeof(data));
	for (unsigned int i = 0; i < 9; i++) {
		switch (order[i]) {
		case 0:
			iommut_space_close(space);
			break;
		case 1:
			iommut_fault_queue_close(queue);
			break;
		case 2:
			iommut_hwpt_close(parent);
			break;
		case 3:
			iommut_hwpt_close(nested);
			break;
		case 4:
			iommut_viommu_close(viommu);
			break;
		case 5:
			iommut_vdevice_close(vdevice);
			break;
		case 6:
			iommut_veventq_close(events);
			break;
		case 7:
			iommut_hw_queue_close(hw_queue);
			break;
		case 8:
			iommut_hwpt_close(over_viommu);
			break;
		}
	}
	iommut_device_close(device);
	return ret;
}

static void test_close_order(void)
{
	struct fake_kernel kernel;
	unsigned int order[9];

	for (unsigned int round = 0; round < 500; round++) {
		for (unsigned int i = 0; i < 9; i++)
			order[i] = i;
		for (unsigned int i = 8; i; i--) {
			unsigned int j = (unsigned int)g_test_rand_int_range(0, (int)i + 1);
			unsigned int swap = order[i];

			order[i] = order[j];
			order[j] = swap;
		}
		fake_kernel_init(&kernel, root);
		g_assert_cmpint(use_objects(&kernel, order), ==, 0);
		fake_kernel_assert_clean(&kernel);
	}
}

static void test_objects_every_failure(void)
{
	static const unsigned int order[9] = { 0, 1, 2, 3, 4, 5, 6, 7, 8 };
	struct fake_kernel kernel;
	unsigned int calls;

	fake_kernel_init(&kernel, root);
	use_objects(&kernel, order);
	calls = kernel.calls;
	for (unsigned int i = 1; i <= calls; i++) {
		fake_kernel_init(&kernel, root);
		kernel.fail_at = i;
		use_objects(&kernel, order);
		g_assert_cmpuint(fake_kernel_open_files(&kernel), ==, 0);
		g_assert_cmpuint(kernel.violations, ==, 0);
	}
}

static void test_hwpt_rules(void)
{
	struct iommut_space *space, *foreign, *container;
	struct iommut_fault_queue *queue;
	struct iommut_device *device;
	struct iommut_viommu *viommu;
	struct fake_kernel kernel;
	struct iommut_hwpt *hwpt;

	fake_kernel_init(&kernel, root);
	g_assert_cmpint(open_space(&kernel, IOMMUT_IOMMUFD, &space), ==, 0);
	g_assert_cmpint(open_space(&kernel, IOMMUT_IOMMUFD, &foreign), ==, 0);
	g_assert_cmpint(open_space(&kernel, IOMMUT_TYPE1, &container), ==, 0);
	g_assert_cmpint(iommut_device_open(&device, space, FAKE_BDF), ==, 0);
	g_assert_cmpint(iommut_hwpt_open(&hwpt, device, foreign, 0, NULL), ==, -EINVAL);
	g_assert_cmpint(iommut_hwpt_open(&hwpt, device, container, 0, NULL), ==, -EOPNOTSUPP);
	g_assert_cmpint(iommut_fault_queue_open(&queue, container), ==, -EOPNOTSUPP);
	g_assert_cmpint(iommut_hwpt_open_nested(&hwpt, device, NULL, NULL, NULL, 1, NULL, 0), ==,
			-EINVAL);
	g_assert_cmpint(iommut_hwpt_open(&hwpt, device, space, 0, NULL), ==, 0);
	g_assert_cmpint(iommut_device_attach(device, iommut_hwpt_id(hwpt)), ==, 0);
	g_assert_cmpint(iommut_hwpt_close(hwpt), ==, -EBUSY);
	g_assert_cmpint(iommut_device_detach(device), ==, 0);
	g_assert_cmpint(iommut_viommu_open(&viommu, device, hwpt, 1, NULL, 0), ==, 0);
	g_assert_cmpint(iommut_hwpt_close(hwpt), ==, 0);
	g_assert_cmpuint(kernel.objects[iommut_viommu_id(viommu)].type, ==, FAKE_VIOMMU);
	iommut_viommu_close(viommu);
	g_assert_cmpint(iommut_hwpt_close(NULL), ==, 0);
	iommut_device_close(device);
	iommut_space_close(space);
	iommut_space_close(foreign);
	iommut_space_close(container);
	fake_kernel_assert_clean(&kernel);
}

static void test_queues(void)
{
	struct iommu_hwpt_pgfault fault = { .cookie = 3, .addr = 0x5000 }, faults[4];
	struct iommufd_vevent_header header = { .sequence = 5 };
	struct iommut_fault_queue *queue;
	struct iommut_veventq *events;
	struct iommut_viommu *viommu;
	struct iommut_device *device;
	struct iommut_vevent event;
	struct iommut_space *space;
	struct fake_kernel kernel;
	struct iommut_hwpt *hwpt;
	struct fake_fd *file;
	size_t count = 4;

	fake_kernel_init(&kernel, root);
	g_assert_cmpint(open_space(&kernel, IOMMUT_IOMMUFD, &space), ==, 0);
	g_assert_cmpint(iommut_device_open(&device, space, FAKE_BDF), ==, 0);
	g_assert_cmpint(iommut_fault_queue_open(&queue, space), ==, 0);
	file = fake_kernel_fd(&kernel, iommut_fault_queue_handle(queue).fd);
	g_assert_cmpint(iommut_fault_queue_read(queue, faults, &count, 0), ==, -ETIMEDOUT);
	g_assert_cmpuint(count, ==, 0);
	g_assert_cmpint(iommut_fault_queue_read(queue, faults, &count, 0), ==, -EINVAL);
	memcpy(file->queue, &fault, sizeof(fault));
	file->queued = sizeof(fault);
	count = 4;
	g_assert_cmpint(iommut_fault_queue_read(queue, faults, &count, 1000), ==, 0);
	g_assert_cmpuint(count, ==, 1);
	g_assert_cmphex(faults[0].addr, ==, 0x5000);
	file->queued = sizeof(fault) - 1;
	count = 4;
	g_assert_cmpint(iommut_fault_queue_read(queue, faults, &count, 0), ==, -EBADMSG);
	g_assert_cmpint(iommut_fault_queue_respond(queue, 3, IOMMUFD_PAGE_RESP_INVALID), ==, 0);
	g_assert_cmpuint(((struct iommu_hwpt_page_response *)kernel.last)->cookie, ==, 3);
	g_assert_cmpuint(((struct iommu_hwpt_page_response *)kernel.last)->code, ==, 1);

	g_assert_cmpint(iommut_hwpt_open(&hwpt, device, space, IOMMU_HWPT_ALLOC_NEST_PARENT, queue),
			==, 0);
	g_assert_cmpint(iommut_viommu_open(&viommu, device, hwpt, 1, NULL, 0), ==, 0);
	g_assert_cmpint(iommut_veventq_open(&events, viommu, IOMMU_VEVENTQ_TYPE_ARM_SMMUV3, 4), ==,
			0);
	file = fake_kernel_fd(&kernel, iommut_veventq_handle(events).fd);
	g_assert_cmpint(iommut_veventq_read(events, &event, 0), ==, -ETIMEDOUT);
	/* An event, then the word that more were lost, in one read. */
	memcpy(file->queue, &header, sizeof(header));
	memset(file->queue + sizeof(header), 0x5a, sizeof(struct iommu_vevent_arm_smmuv3));
	file->queued = sizeof(header) + sizeof(struct iommu_vevent_arm_smmuv3);
	header = (struct iommufd_vevent_header){ .flags = IOMMU_VEVENTQ_FLAG_LOST_EVENTS,
						 .sequence = 9 };
	memcpy(file->queue + file->queued, &header, sizeof(header));
	file->queued += sizeof(header);
	g_assert_cmpint(iommut_veventq_read(events, &event, 0), ==, 0);
	g_assert_cmpuint(event.sequence, ==, 5);
	g_assert_cmpuint(event.length, ==, sizeof(struct iommu_vevent_arm_smmuv3));
	g_assert_cmphex(event.data[31], ==, 0x5a);
	g_assert_cmpint(iommut_veventq_read(events, &event, 0), ==, 0);
	g_assert_cmpuint(event.flags, ==, IOMMU_VEVENTQ_FLAG_LOST_EVENTS);
	g_assert_cmpuint(event.sequence, ==, 9);
	g_assert_cmpuint(event.length, ==, 0);
	g_assert_cmpint(iommut_veventq_read(events, &event, 0), ==, -ETIMEDOUT);
	file->queued = 4;
	g_assert_cmpint(iommut_veventq_read(events, &event, 0), ==, -EBADMSG);
	header.flags = 0;
	memcpy(file->queue, &header, sizeof(header));
	file->queued = sizeof(header) + 7;
	g_assert_cmpint(iommut_veventq_read(events, &event, 0), ==, -EBADMSG);

	iommut_fault_queue_close(queue);
	iommut_veventq_close(events);
	iommut_viommu_close(viommu);
	iommut_hwpt_close(hwpt);
	iommut_device_close(device);
	iommut_space_close(space);
	fake_kernel_assert_clean(&kernel);
}

int main(int argc, char **argv)
{
	int ret;

	g_test_init(&argc, &argv, NULL);
	root = fake_sysfs_new();
	g_test_add_func("/space/names", test_names);
	g_test_add_func("/space/options", test_options);
	for (int i = 0; i < IOMMUT_BACKENDS; i++) {
		const char *name = iommut_backend_name((enum iommut_backend)i);
		static const struct {
			const char *name;
			GTestDataFunc function;
		} tests[] = {
			{ "probe", test_probe },
			{ "map", test_map },
			{ "every-failure", test_every_failure },
		};

		for (size_t j = 0; j < G_N_ELEMENTS(tests); j++) {
			g_autofree char *path =
				g_strdup_printf("/space/%s/%s", name, tests[j].name);

			g_test_add_data_func(path, GINT_TO_POINTER(i), tests[j].function);
		}
	}
	g_test_add_data_func("/space/type1/group", GINT_TO_POINTER(IOMMUT_TYPE1), test_group);
	g_test_add_data_func("/space/compat/group", GINT_TO_POINTER(IOMMUT_COMPAT), test_group);
	g_test_add_func("/objects/close-order", test_close_order);
	g_test_add_func("/objects/every-failure", test_objects_every_failure);
	g_test_add_func("/objects/hwpt-rules", test_hwpt_rules);
	g_test_add_func("/objects/queues", test_queues);
	ret = g_test_run();
	fake_sysfs_free(root);
	return ret;
}
