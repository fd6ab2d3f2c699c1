// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Devices without an IOMMU, in VFIO's unsafe mode for them: iommufd pins memory and says where it is, and the device does DMA to
 * physical addresses. Only a test device is taken for it, and nothing protects the machine from it.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <iommut/iommufd.h>
#include <iommut/pci.h>

#include "engines/testdev.h"
#include "harness/dma.h"

SUITE("noiommu",
      "devices without an IOMMU: what iommufd does for them, and what it must not do for others");

#define PAGE    4096ull
#define SWITCH  "/sys/module/vfio/parameters/enable_unsafe_noiommu_mode"
#define RULE    "iommufd.h: IOMMU_IOAS_NOIOMMU_GET_PA"
#define IOVA    0x10000000ull
#define RW_HERE (IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE | IOMMU_IOAS_MAP_WRITEABLE)

/* A device without an IOMMU in its engine's hands, and an IOAS that stands for the addresses it could have. */
struct bare {
	struct test *t;
	struct iommut_space *space;
	struct iommut_device *device;
	struct engine engine;
	struct iommut_handle iommufd;
	uint32_t ioas;
	struct iommut_pci_binding before;
	bool bound;
	char switched; /* what the switch was before; 0 if it is as it was */
};

static char read_switch(void)
{
	int fd = open(SWITCH, O_RDONLY | O_CLOEXEC);
	char value = 'N';

	if (fd >= 0 && read(fd, &value, 1) != 1)
		value = 'N';
	if (fd >= 0)
		close(fd);
	return value;
}

static bool set_switch(char value)
{
	return write_setting(SWITCH, (const char[]){ value, '\0' }) == 0;
}

static void close_bare(void *argument)
{
	struct bare *bare = argument;

	if (bare->engine.device)
		engine_close(&bare->engine);
	iommut_device_close(bare->device);
	iommut_space_close(bare->space);
	if (bare->bound)
		(void)iommut_pci_restore(&bare->before);
	if (bare->switched)
		(void)set_switch(bare->switched);
	free(bare);
}

/* A test device that has no IOMMU; skips where each has one. */
static struct iommut_pci_device find_device(struct test *t)
{
	struct iommut_pci_device *devices, found = { 0 };
	size_t count;
	char path[128];

	expect_zero(t, iommut_pci_list(&devices, &count));
	for (size_t i = 0; i < count && !found.vendor; i++) {
		snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/iommu", devices[i].name);
		if (devices[i].vendor == TESTDEV_VENDOR && devices[i].device == TESTDEV_DEVICE &&
		    devices[i].iommu_group < 0 && access(path, F_OK) != 0)
			found = devices[i];
	}
	free(devices);
	if (!found.vendor)
		skip(t, "there is no pcie-ats-testdev without an IOMMU",
		     "such a device on a machine without IOMMU: lab profile none");
	return found;
}

static struct bare *open_bare(struct test *t)
{
	struct iommut_pci_device pci = find_device(t);
	struct bare *bare = calloc(1, sizeof(*bare));
	int error;

	if (!bare)
		fail(t, "out of memory");
	bare->t = t;
	undo_later(t, close_bare, bare);
	bare->switched = read_switch();
	if (!set_switch('Y'))
		skip(t, "the kernel has no unsafe mode for devices without IOMMU",
		     "a kernel with CONFIG_VFIO_NOIOMMU, and root");
	error = iommut_pci_bind(pci.name, "vfio-pci", &bare->before);
	bare->bound = true;
	expect_zero(t, error);
	error = iommut_space_open(&bare->space, IOMMUT_IOMMUFD);
	if (!error)
		error = iommut_device_open(&bare->device, bare->space, pci.name);
	if (error == -EOPNOTSUPP || error == -ENOENT)
		skip(t, "iommufd does not take devices without IOMMU",
		     "a kernel with CONFIG_IOMMUFD_NOIOMMU (Linux 7.3 or later)");
	expect_zero(t, error);
	expect_zero(t,
		    engine_open(&bare->engine, engine_by_name("pcie-ats-testdev"), bare->device));
	bare->iommufd = iommut_space_handle(bare->space);
	expect_zero(t, iommut_space_ioas(bare->space, &bare->ioas));
	return bare;
}

static struct iommut_memory *map_memory(struct bare *bare, size_t length,
					enum iommut_memory_kind kind)
{
	struct iommut_memory *memory;
	uint64_t iova = IOVA;
	int error = iommut_memory_alloc(&memory, length, kind);

	if (error == -ENOMEM && kind == IOMMUT_MEMORY_HUGETLB_2M)
		skip(bare->t, "no huge page is free", "huge pages set aside (hugepages=)");
	expect_zero(bare->t, error);
	undo_later(bare->t, (void (*)(void *))iommut_memory_free, memory);
	memset(memory->address, CANARY, memory->length);
	expect_zero(bare->t, iommut_ioas_map(bare->iommufd, bare->ioas, memory->address,
					     memory->length, &iova, RW_HERE));
	return memory;
}

static uint64_t physical(struct bare *bare, uint64_t iova, uint64_t *length)
{
	uint64_t address = 0;

	expect_zero(bare->t,
		    iommut_ioas_noiommu_get_pa(bare->iommufd, bare->ioas, iova, length, &address));
	return address;
}

CASE(dma_to_physical,
     .proves = "where iommufd says that mapped memory is, there the device finds it, page by page, "
	       "and no other byte changes",
     .rule = RULE, .devices = NO_DEVICE, .marks = LIST("exclusive"))
{
	struct bare *bare = open_bare(t);
	struct iommut_memory *memory = map_memory(bare, 8 * PAGE, IOMMUT_MEMORY_ANONYMOUS);
	uint8_t *bytes = memory->address, wanted[PAGE];
	struct engine_result result;

	for (uint64_t page = 0; page < 8; page++) {
		uint64_t length = PAGE, value = random64(t), seen = 0;
		uint64_t address = physical(bare, IOVA + page * PAGE, &length);

		expect_equal(t, length, PAGE);
		expect_equal(t, address % PAGE, 0);
		memset(wanted, CANARY, PAGE);
		memcpy(wanted + 128, &value, sizeof(value));
		expect_zero(t, engine_write(&bare->engine, address + 128, &value, sizeof(value),
					    &result));
		expect_equal(t, result.status, ENGINE_OK);
		expect_bytes(t, bytes + page * PAGE, wanted, PAGE);
		expect_zero(
			t, engine_read(&bare->engine, address + 128, &seen, sizeof(seen), &result));
		expect_equal(t, seen, value);
	}
}

CASE(within_a_page,
     .proves = "an address within a page has its physical address within the page, and no more "
	       "bytes are promised than were asked for or are left",
     .rule = RULE ": length", .devices = NO_DEVICE, .marks = LIST("exclusive"))
{
	struct bare *bare = open_bare(t);
	uint64_t length = PAGE, start;

	(void)map_memory(bare, PAGE, IOMMUT_MEMORY_ANONYMOUS);
	start = physical(bare, IOVA, &length);
	for (uint64_t offset = 1; offset < PAGE; offset = offset * 3 + 1) {
		length = UINT64_MAX;
		expect_equal(t, physical(bare, IOVA + offset, &length), start + offset);
		expect_equal(t, length, PAGE - offset);
		length = 1;
		expect_equal(t, physical(bare, IOVA + offset, &length), start + offset);
		expect_equal(t, length, 1);
	}
}

CASE(contiguous,
     .proves = "a huge page is one piece, as far as it was asked for, and the device reaches its "
	       "last byte by the address of its first",
     .rule = RULE ": contiguous bytes", .devices = NO_DEVICE, .marks = LIST("exclusive"))
{
	struct bare *bare = open_bare(t);
	struct iommut_memory *memory = map_memory(bare, 2 << 20, IOMMUT_MEMORY_HUGETLB_2M);
	uint64_t length = 2 << 20, value = random64(t), start;
	struct engine_result result;

	start = physical(bare, IOVA, &length);
	expect_equal(t, length, 2 << 20);
	length = 5 * PAGE;
	expect_equal(t, physical(bare, IOVA, &length), start);
	expect_equal(t, length, 5 * PAGE);
	expect_zero(t, engine_write(&bare->engine, start + memory->length - sizeof(value), &value,
				    sizeof(value), &result));
	expect_equal(t, result.status, ENGINE_OK);
	expect_bytes(t, (uint8_t *)memory->address + memory->length - sizeof(value), &value,
		     sizeof(value));
}

CASE(refused,
     .proves = "no physical address is told of what is not mapped any more, of no bytes, with "
	       "unknown flags, or to a user without the right to raw access",
     .rule = RULE, .devices = NO_DEVICE, .marks = LIST("exclusive"))
{
	struct bare *bare = open_bare(t);
	struct iommu_ioas_noiommu_get_pa args;
	uint64_t length = PAGE, address = 0;

	(void)map_memory(bare, PAGE, IOMMUT_MEMORY_ANONYMOUS);
	(void)physical(bare, IOVA, &length);
	args = (struct iommu_ioas_noiommu_get_pa){
		.size = sizeof(args), .ioas_id = bare->ioas, .iova = IOVA, .length = PAGE
	};
	args.flags = 1;
	expect_errno(t, iommut_ioas_noiommu_get_pa_raw(bare->iommufd, &args), EOPNOTSUPP);
	args.flags = 0;
	args.__reserved = 1;
	expect_errno(t, iommut_ioas_noiommu_get_pa_raw(bare->iommufd, &args), EOPNOTSUPP);
	args.__reserved = 0;
	args.length = 0;
	expect_errno(t, iommut_ioas_noiommu_get_pa_raw(bare->iommufd, &args), EINVAL);
	args.length = PAGE;
	expect_that(t, seteuid(65534) == 0, "seteuid: %s", strerror(errno));
	expect_errno(t, iommut_ioas_noiommu_get_pa_raw(bare->iommufd, &args), EPERM);
	expect_that(t, seteuid(0) == 0, "seteuid: %s", strerror(errno));
	expect_zero(t, iommut_ioas_noiommu_get_pa_raw(bare->iommufd, &args));
	expect_errno(t,
		     iommut_ioas_noiommu_get_pa(bare->iommufd, bare->ioas, IOVA + PAGE, &length,
						&address),
		     ENOENT);
	expect_zero(t, iommut_ioas_unmap(bare->iommufd, bare->ioas, IOVA, PAGE, NULL));
	expect_errno(t,
		     iommut_ioas_noiommu_get_pa(bare->iommufd, bare->ioas, IOVA, &length, &address),
		     ENOENT);
}

CASE(no_iommu_to_ask,
     .proves = "a device without an IOMMU has no hardware information, no page tables with "
	       "features and no PASIDs",
     .rule = "iommufd.h: IOMMU_GET_HW_INFO, IOMMU_HWPT_ALLOC", .devices = NO_DEVICE,
     .marks = LIST("exclusive"))
{
	struct bare *bare = open_bare(t);
	struct iommut_hw_info info;
	uint32_t device, hwpt;

	expect_zero(t, iommut_device_id(bare->device, &device));
	expect_errno(t, iommut_hw_info(bare->iommufd, device, IOMMU_HW_INFO_TYPE_DEFAULT, &info),
		     EOPNOTSUPP);
	for (uint32_t flag = IOMMU_HWPT_ALLOC_NEST_PARENT; flag <= IOMMU_HWPT_ALLOC_PASID;
	     flag <<= 1)
		expect_that(
			t, iommut_hwpt_alloc(bare->iommufd, device, bare->ioas, flag, 0, &hwpt) < 0,
			"a page table was made with flag 0x%x", flag);
	expect_that(t, iommut_device_attach_pasid(bare->device, 1, bare->ioas) < 0,
		    "a PASID was attached");
}

CASE(hidden_behind_an_iommu,
     .proves = "iommufd tells no physical address of memory that is mapped for a device with an "
	       "IOMMU, or for none",
     .rule = RULE ": for noiommu devices only", .parameters = { IOMMUFD_ONLY })
{
	struct rig *rig = rig_open(t);
	struct dma_buffer *buffer = map_buffer(rig, PAGE);
	struct iommut_handle iommufd = iommut_space_handle(rig->space);
	uint64_t length = PAGE, address = 0, iova = IOVA;
	uint32_t ioas, other;
	int error;

	expect_reaches(buffer);
	expect_zero(t, iommut_space_ioas(rig->space, &ioas));
	error = iommut_ioas_noiommu_get_pa(iommufd, ioas, buffer->iova, &length, &address);
	if (error == -ENOTTY)
		skip(t, "the kernel does not know this ioctl", "Linux 7.3 or later");
	expect_errno(t, error, EOPNOTSUPP);
	expect_equal(t, address, 0);
	expect_zero(t, iommut_ioas_alloc(iommufd, &other));
	expect_zero(t, iommut_ioas_map(iommufd, other, buffer->data, PAGE, &iova, RW_HERE));
	expect_errno(t, iommut_ioas_noiommu_get_pa(iommufd, other, iova, &length, &address),
		     EOPNOTSUPP);
	expect_equal(t, address, 0);
	expect_zero(t, iommut_ioas_unmap(iommufd, other, iova, PAGE, NULL));
	expect_zero(t, iommut_destroy(iommufd, other));
}
