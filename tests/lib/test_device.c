// SPDX-License-Identifier: GPL-2.0-or-later
/* Regions, config space, interrupts, resets and features of a device. */
#include <errno.h>
#include <glib.h>
#include <stdlib.h>
#include <string.h>

#include <linux/pci_regs.h>
#include <linux/vfio.h>

#include <iommut/config.h>
#include <iommut/feature.h>
#include <iommut/iommufd.h>
#include <iommut/irq.h>
#include <iommut/region.h>
#include <iommut/vfio.h>

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
	struct iommut_space_options options = { .backend = IOMMUT_TYPE1 };

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

static void test_region(struct fixture *fixture, gconstpointer data)
{
	struct fake_kernel *kernel = &fixture->kernel;
	struct iommut_region *region, *plain;
	void *address;
	uint8_t byte;
	uint16_t word;
	uint32_t value;
	uint64_t wide;

	g_assert_cmpint(iommut_region_open(&region, fixture->device, 77), ==, -EINVAL);
	g_assert_cmpint(iommut_region_open(&region, fixture->device, VFIO_PCI_ROM_REGION_INDEX), ==,
			-ENOENT);
	kernel->loop = true;
	g_assert_cmpint(iommut_region_open(&region, fixture->device, 0), ==, -EBADMSG);
	kernel->loop = false;
	g_assert_cmpint(iommut_region_open(&region, fixture->device, 0), ==, 0);
	g_assert_cmpuint(region->type, ==, 3);
	g_assert_cmpuint(region->subtype, ==, 4);
	g_assert_true(region->msix_mappable);
	g_assert_cmpuint(region->area_count, ==, 1);
	g_assert_cmpuint(region->areas[0].length, ==, FAKE_BAR_SIZE / 2);

	g_assert_cmpint(iommut_region_write64(region, 0, 0x1122334455667788), ==, 0);
	g_assert_cmpint(iommut_region_read8(region, 0, &byte), ==, 0);
	g_assert_cmphex(byte, ==, 0x88);
	g_assert_cmpint(iommut_region_read16(region, 2, &word), ==, 0);
	g_assert_cmphex(word, ==, 0x5566);
	g_assert_cmpint(iommut_region_read32(region, 4, &value), ==, 0);
	g_assert_cmphex(value, ==, 0x11223344);
	g_assert_cmpint(iommut_region_read64(region, 0, &wide), ==, 0);
	g_assert_cmphex(wide, ==, 0x1122334455667788);
	g_assert_cmpint(iommut_region_write8(region, 1, 0xab), ==, 0);
	g_assert_cmpint(iommut_region_write16(region, 2, 0xcdef), ==, 0);
	g_assert_cmpint(iommut_region_read32(region, 0, &value), ==, 0);
	g_assert_cmphex(value, ==, 0xcdefab88);

	g_assert_cmpint(iommut_region_read32(region, 2, &value), ==, -EINVAL);
	g_assert_cmpint(iommut_region_write64(region, 4, 0), ==, -EINVAL);
	g_assert_cmpint(iommut_region_read32(region, FAKE_BAR_SIZE, &value), ==, -EINVAL);
	g_assert_cmpint(iommut_region_read32(region, UINT64_MAX - 3, &value), ==, -EINVAL);
	g_assert_cmpint(iommut_region_write32(region, FAKE_BAR_SIZE, 0), ==, -EINVAL);

	/* All ones that the device really says, and all ones because it is gone. */
	g_assert_cmpint(iommut_region_write32(region, 8, UINT32_MAX), ==, 0);
	g_assert_cmpint(iommut_region_read32(region, 8, &value), ==, 0);
	g_assert_cmphex(value, ==, UINT32_MAX);
	g_assert_false(iommut_device_gone(fixture->device));
	kernel->memory_off = true;
	g_assert_cmpint(iommut_region_read32(region, 8, &value), ==, -EIO);
	g_assert_cmpint(iommut_region_write32(region, 8, 0), ==, -EIO);
	kernel->removed = true;
	g_assert_true(iommut_device_gone(fixture->device));
	g_assert_cmpint(iommut_region_read32(region, 8, &value), ==, -ENODEV);
	g_assert_cmpint(iommut_region_write32(region, 8, 0), ==, -ENODEV);
	kernel->memory_off = false;
	g_assert_cmpint(iommut_region_read32(region, 0, &value), ==, -ENODEV);
	kernel->removed = false;

	g_assert_cmpint(iommut_region_map(region, 0, 0, &address), ==, 0);
	g_assert_cmpint(iommut_region_unmap(region, address, region->length), ==, 0);
	g_assert_cmpint(iommut_region_map(region, FAKE_BAR_SIZE, 0, &address), ==, -EINVAL);
	g_assert_cmpint(iommut_region_map(region, FAKE_BAR_SIZE + 1, 0, &address), ==, -EINVAL);
	g_assert_cmpint(iommut_region_map(region, 0, FAKE_BAR_SIZE + 1, &address), ==, -EINVAL);
	iommut_region_close(region);
	iommut_region_close(NULL);

	g_assert_cmpint(iommut_region_open(&plain, fixture->device, 1), ==, 0);
	g_assert_cmpuint(plain->area_count, ==, 1);
	g_assert_cmpuint(plain->areas[0].length, ==, FAKE_BAR_SIZE);
	iommut_region_close(plain);
	g_assert_cmpint(iommut_region_open(&plain, fixture->device, VFIO_PCI_CONFIG_REGION_INDEX),
			==, 0);
	g_assert_cmpuint(plain->area_count, ==, 0);
	g_assert_cmpint(iommut_region_map(plain, 0, 0, &address), ==, -EOPNOTSUPP);
	iommut_region_close(plain);
}

static void test_config(struct fixture *fixture, gconstpointer data)
{
	struct fake_kernel *kernel = &fixture->kernel;
	uint32_t value, offset;
	uint16_t word;
	uint8_t byte;

	g_assert_cmphex(kernel->config[PCI_COMMAND] & PCI_COMMAND_MASTER, ==, PCI_COMMAND_MASTER);
	g_assert_cmpint(iommut_device_bus_master(fixture->device, false), ==, 0);
	g_assert_cmphex(kernel->config[PCI_COMMAND], ==, 0);
	g_assert_cmpint(iommut_config_write32(fixture->device, 0x80, 0x11223344), ==, 0);
	g_assert_cmpint(iommut_config_read8(fixture->device, 0x83, &byte), ==, 0);
	g_assert_cmphex(byte, ==, 0x11);
	g_assert_cmpint(iommut_config_write8(fixture->device, 0x83, 0x99), ==, 0);
	g_assert_cmpint(iommut_config_read16(fixture->device, 0x82, &word), ==, 0);
	g_assert_cmphex(word, ==, 0x9922);
	g_assert_cmpint(iommut_config_read32(fixture->device, 0x82, &value), ==, -EINVAL);
	g_assert_cmpint(iommut_config_read16(fixture->device, 0x81, &word), ==, -EINVAL);
	g_assert_cmpint(iommut_config_write16(fixture->device, 0x81, 0), ==, -EINVAL);
	g_assert_cmpint(iommut_config_write32(fixture->device, 0x82, 0), ==, -EINVAL);
	g_assert_cmpint(iommut_config_read32(fixture->device, 4096, &value), ==, -EINVAL);
	g_assert_cmpint(iommut_config_capability(fixture->device, PCI_CAP_ID_MSIX, &offset), ==, 0);
	g_assert_cmphex(offset, ==, 0x40);
	g_assert_cmpint(iommut_config_capability(fixture->device, PCI_CAP_ID_MSI, &offset), ==,
			-ENOENT);
	g_assert_cmpint(
		iommut_config_extended_capability(fixture->device, PCI_EXT_CAP_ID_ATS, &offset), ==,
		-ENOENT);
	kernel->removed = true;
	g_assert_cmpint(iommut_config_read32(fixture->device, 0, &value), ==, -ENODEV);
	kernel->removed = false;
}

static void test_irqs(struct fixture *fixture, gconstpointer data)
{
	struct fake_kernel *kernel = &fixture->kernel;
	struct iommut_irqs *irqs;
	uint32_t count, flags;
	uint64_t arrived;

	g_assert_cmpint(iommut_irq_count(fixture->device, IOMMUT_MSIX, &count, &flags), ==, 0);
	g_assert_cmpuint(count, ==, FAKE_VECTORS);
	g_assert_cmpuint(flags, ==, VFIO_IRQ_INFO_EVENTFD);
	g_assert_cmpint(iommut_irq_count(fixture->device, (enum iommut_irq_kind)9, &count, NULL),
			==, -EINVAL);
	g_assert_cmpint(iommut_irqs_open(&irqs, fixture->device, IOMMUT_MSIX, 0), ==, -EINVAL);
	g_assert_cmpint(iommut_irqs_open(&irqs, fixture->device, IOMMUT_MSIX, 5), ==, -EINVAL);
	kernel->vectors_available = 2;
	g_assert_cmpint(iommut_irqs_open(&irqs, fixture->device, IOMMUT_MSIX, 3), ==, -ENOSPC);
	kernel->vectors_available = FAKE_VECTORS;
	g_assert_cmpint(iommut_irqs_open(&irqs, fixture->device, IOMMUT_MSIX, 3), ==, 0);
	g_assert_cmpuint(iommut_irqs_count(irqs), ==, 3);
	g_assert_cmpint(iommut_irqs_eventfd(irqs, 3), ==, -EINVAL);
	g_assert_cmpint(iommut_irqs_eventfd(irqs, 2), >=, FAKE_FD_BASE);
	g_assert_cmpint(iommut_irqs_wait(irqs, 1, 0, NULL), ==, -ETIMEDOUT);
	g_assert_cmpint(iommut_irqs_trigger(irqs, 1, 2), ==, 0);
	g_assert_cmpint(iommut_irqs_trigger(irqs, 1, 1), ==, 0);
	g_assert_cmpint(iommut_irqs_wait(irqs, 0, 0, NULL), ==, -ETIMEDOUT);
	g_assert_cmpint(iommut_irqs_wait(irqs, 1, 0, &arrived), ==, 0);
	g_assert_cmpuint(arrived, ==, 2);
	g_assert_cmpint(iommut_irqs_wait(irqs, 2, 0, &arrived), ==, 0);
	g_assert_cmpuint(arrived, ==, 1);
	g_assert_cmpint(iommut_irqs_wait(irqs, 3, 0, NULL), ==, -EINVAL);
	g_assert_cmpint(iommut_irqs_trigger(irqs, 2, 2), ==, -EINVAL);
	g_assert_cmpint(iommut_irqs_mask(irqs, 0, 1), ==, -ENOTTY);
	g_assert_cmpint(iommut_irqs_unmask_eventfd(irqs, -1), ==, -EINVAL);
	iommut_irqs_close(irqs);
	iommut_irqs_close(NULL);
	g_assert_cmpuint(kernel->irqs, ==, 0);
	g_assert_cmpint(iommut_irqs_open(&irqs, fixture->device, IOMMUT_INTX, 1), ==, 0);
	g_assert_cmpint(iommut_irqs_mask(irqs, 0, 1), ==, 0);
	g_assert_cmpint(iommut_irqs_unmask(irqs, 0, 1), ==, 0);
	g_assert_cmpint(iommut_irqs_unmask_eventfd(irqs, -1), ==, 0);
	iommut_irqs_close(irqs);
	g_assert_cmpint(iommut_vfio_set_irqs(iommut_device_handle(fixture->device),
					     VFIO_IRQ_SET_DATA_BOOL, 0, 0, 1, NULL),
			==, -EINVAL);
}

static void test_reset(struct fixture *fixture, gconstpointer data)
{
	struct vfio_pci_hot_reset *hot = (struct vfio_pci_hot_reset *)fixture->kernel.last;
	struct vfio_pci_dependent_device *devices;
	struct vfio_device_info info;
	uint32_t flags;
	size_t count;

	g_assert_cmpint(iommut_device_reset(fixture->device), ==, 0);
	g_assert_cmpint(iommut_device_info(fixture->device, &info), ==, 0);
	g_assert_cmpuint(info.num_irqs, ==, VFIO_PCI_NUM_IRQS);
	g_assert_cmpint(iommut_device_hot_reset_info(fixture->device, &devices, &count, &flags), ==,
			0);
	g_assert_cmpuint(count, ==, 3);
	g_assert_cmpuint(devices[2].devfn, ==, 2);
	g_assert_cmpuint(flags, ==, VFIO_PCI_HOT_RESET_FLAG_DEV_ID);
	free(devices);
	for (unsigned int i = 1; i < 5; i++) {
		fixture->kernel.fail_at = fixture->kernel.calls + i;
		g_assert_cmpint(
			iommut_device_hot_reset_info(fixture->device, &devices, &count, NULL), <,
			0);
	}
	fixture->kernel.fail_at = 0;
	g_assert_cmpint(iommut_device_hot_reset(fixture->device), ==, 0);
	g_assert_cmpuint(hot->count, ==, 1);
	fixture->kernel.fail_at = fixture->kernel.calls + 1;
	g_assert_cmpint(iommut_device_hot_reset(fixture->device), ==, -ENOMEM);
}

static void test_features(struct fixture *fixture, gconstpointer data)
{
	struct vfio_device_feature *last = (struct vfio_device_feature *)fixture->kernel.last;
	struct vfio_device_feature_dma_logging_range range = { .iova = 0x1000, .length = 0x1000 };
	struct vfio_region_dma_range part = { .offset = 0, .length = 4096 };
	struct iommut_device *device = fixture->device;
	uint8_t token[16] = { 1, 2, 3 };
	uint64_t value;
	uint32_t state;
	int fd;

	g_assert_cmpint(
		iommut_feature_probe(device, VFIO_DEVICE_FEATURE_DMA_BUF, VFIO_DEVICE_FEATURE_GET),
		==, 0);
	g_assert_cmpint(iommut_feature_probe(device, 13, VFIO_DEVICE_FEATURE_GET), ==, -EOPNOTSUPP);
	g_assert_cmpint(iommut_feature_probe(device, 1 << 16, 0), ==, -EINVAL);
	g_assert_cmpint(iommut_feature_probe(device, 1, 1), ==, -EINVAL);
	g_assert_cmpint(iommut_feature_get(device, 1 << 16, NULL, 0), ==, -EINVAL);
	g_assert_cmpint(iommut_feature_set(device, 1 << 16, NULL, 0), ==, -EINVAL);
	g_assert_cmpint(iommut_feature_bus_master(device, true), ==, 0);
	g_assert_cmphex(last->flags, ==, VFIO_DEVICE_FEATURE_SET | VFIO_DEVICE_FEATURE_BUS_MASTER);
	g_assert_cmpuint(((struct vfio_device_feature_bus_master *)last->data)->op, ==,
			 VFIO_DEVICE_FEATURE_SET_MASTER);
	g_assert_cmpint(iommut_feature_vf_token(device, token), ==, 0);
	g_assert_cmpmem(last->data, 16, token, 16);
	g_assert_cmpint(iommut_feature_low_power_entry(device, -1), ==, 0);
	g_assert_cmphex(last->flags, ==,
			VFIO_DEVICE_FEATURE_SET | VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY);
	g_assert_cmpuint(last->argsz, ==, sizeof(*last));
	g_assert_cmpint(iommut_feature_low_power_entry(device, 5), ==, 0);
	g_assert_cmphex(last->flags, ==,
			VFIO_DEVICE_FEATURE_SET | VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY_WITH_WAKEUP);
	g_assert_cmpint(iommut_feature_low_power_exit(device), ==, 0);
	fd = iommut_feature_dma_buf(device, 0, &part, 1, 0);
	g_assert_cmpint(fd, >=, FAKE_FD_BASE);
	fixture->kernel.sys.close(&fixture->kernel.sys, fd);
	g_assert_cmpint(iommut_feature_dma_logging_start(device, 4096, &range, 1), ==, 0);
	g_assert_cmpuint(((struct vfio_device_feature_dma_logging_control *)last->data)->num_ranges,
			 ==, 1);
	g_assert_cmpint(iommut_feature_dma_logging_report(device, 0x1000, 0x1000, 4096, &value), ==,
			0);
	g_assert_cmphex(last->flags, ==,
			VFIO_DEVICE_FEATURE_GET | VFIO_DEVICE_FEATURE_DMA_LOGGING_REPORT);
	g_assert_cmpint(iommut_feature_dma_logging_stop(device), ==, 0);
	g_assert_cmpint(iommut_feature_migration(device, &value), ==, 0);
	g_assert_cmpuint(value, ==, VFIO_MIGRATION_STOP_COPY);
	g_assert_cmpint(iommut_feature_migration_state(device, &state), ==, 0);
	g_assert_cmpuint(state, ==, VFIO_DEVICE_STATE_RUNNING);
	g_assert_cmpint(
		iommut_feature_migration_set_state(device, VFIO_DEVICE_STATE_STOP_COPY, &fd), ==,
		0);
	g_assert_cmpint(fd, ==, 77);
	g_assert_cmpint(iommut_feature_migration_size(device, &value), ==, 0);
	g_assert_cmpuint(value, ==, 12345);
	fixture->kernel.fail_at = fixture->kernel.calls + 1;
	g_assert_cmpint(iommut_feature_dma_buf(device, 0, &part, 1, 0), ==, -ENOMEM);
	fixture->kernel.fail_at = fixture->kernel.calls + 2;
	g_assert_cmpint(iommut_feature_migration(device, &value), ==, -EIO);
}

static void test_info(struct fixture *fixture, gconstpointer data)
{
	struct fake_kernel *kernel = &fixture->kernel;
	struct iommut_device *device = fixture->device;
	struct vfio_info_cap_header header;
	struct vfio_precopy_info precopy = { .initial_bytes = 1 };
	struct iommut_handle group;
	uint8_t much[4096];
	uint32_t flags = 77;

	g_assert_cmpint(iommut_device_atomics(device, &flags), ==, 0);
	g_assert_cmpuint(flags, ==, 0);
	kernel->device_capabilities = true;
	g_assert_cmpint(iommut_device_atomics(device, &flags), ==, 0);
	g_assert_cmphex(flags, ==, VFIO_PCI_ATOMIC_COMP32 | VFIO_PCI_ATOMIC_COMP128);
	g_assert_cmpint(iommut_device_info_capability(device, VFIO_DEVICE_INFO_CAP_ZPCI_BASE,
						      &header, sizeof(header)),
			==, 0);
	g_assert_cmpuint(header.id, ==, VFIO_DEVICE_INFO_CAP_ZPCI_BASE);
	g_assert_cmpint(iommut_device_info_capability(device, 99, &header, sizeof(header)), ==,
			-ENOENT);
	g_assert_cmpint(iommut_device_info_capability(device, VFIO_DEVICE_INFO_CAP_ZPCI_BASE, much,
						      sizeof(much)),
			==, -EBADMSG);
	kernel->loop = true;
	g_assert_cmpint(iommut_device_atomics(device, &flags), ==, -EBADMSG);
	kernel->loop = false;
	for (int call = 1; call <= 2; call++) {
		kernel->fail_at = kernel->calls + call;
		kernel->fail_with = -ENOMEM;
		g_assert_cmpint(iommut_device_atomics(device, &flags), ==, -ENOMEM);
	}
	kernel->fail_at = 0;

	/* The fake device does not migrate. */
	g_assert_cmpint(iommut_vfio_precopy_info(iommut_device_handle(device), &precopy), ==,
			-EOPNOTSUPP);
	g_assert_cmpuint(precopy.initial_bytes, ==, 0);
	/* A group without an IOMMU has another name. */
	g_assert_cmpint(group_open_on(&kernel->sys, &group, 9), ==, 0);
	g_assert_cmpint(iommut_handle_close(&group), ==, 0);
	g_assert_cmpint(group_open_on(&kernel->sys, &group, 8), ==, -ENOENT);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
#define ADD(name, function) \
	g_test_add("/device/" name, struct fixture, NULL, set_up, function, tear_down)
	ADD("region", test_region);
	ADD("config", test_config);
	ADD("irqs", test_irqs);
	ADD("reset", test_reset);
	ADD("features", test_features);
	ADD("info", test_info);
	return g_test_run();
}
