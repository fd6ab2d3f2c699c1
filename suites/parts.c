// SPDX-License-Identifier: GPL-2.0-or-later
/* A device opened descriptor by descriptor. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <linux/pci_regs.h>
#include <linux/vfio.h>

#include <iommut/testdev-registers.h>

#include "suites/parts.h"

#define NONE        ((struct iommut_handle){ .fd = -1 })
#define DEADLINE_MS 2000
/* Whoever takes the device from its owner works his way through the kernel first. */
#define REQUEST_MS 10000

static uint32_t get32(struct parts *parts, uint32_t offset)
{
	return parts->registers[offset / 4];
}

static void set32(struct parts *parts, uint32_t offset, uint32_t value)
{
	parts->registers[offset / 4] = value;
}

static void set64(struct parts *parts, uint32_t offset, uint64_t value)
{
	set32(parts, offset, (uint32_t)value);
	set32(parts, offset + 4, (uint32_t)(value >> 32));
}

static void close_handle(struct iommut_handle *handle)
{
	if (handle->fd >= 0)
		(void)iommut_handle_close(handle);
	*handle = NONE;
}

void parts_close(struct parts *parts, char which)
{
	switch (which) {
	case 's':
		close_handle(&parts->space);
		break;
	case 'g':
		close_handle(&parts->group);
		break;
	case 'd':
		close_handle(&parts->device);
		break;
	case 'r':
		if (parts->registers)
			munmap((void *)parts->registers, TESTDEV_REGISTERS_SIZE);
		if (parts->buffer)
			munmap((void *)parts->buffer, PAGE);
		parts->registers = NULL;
		parts->buffer = NULL;
	}
}

void parts_close_all(struct parts *parts)
{
	for (const char *which = "rdgs"; *which; which++)
		parts_close(parts, *which);
}

static void undo_parts(void *argument)
{
	parts_close_all(argument);
	free(argument);
}

/* What it means that a descriptor cannot be had. */
static void opened(struct parts *parts, int error, const char *what)
{
	need_isolated_interrupts(parts->t, error);
	if (error == -EOPNOTSUPP)
		skipf(parts->t, "a kernel with this interface of VFIO or iommufd",
		      "no %s backend: %s: %s", iommut_backend_name(parts->backend), what,
		      strerror(-error));
	if (error)
		fail(parts->t, "%s: %s", what, strerror(-error));
}

static void open_through_group(struct parts *parts, const struct iommut_pci_device *pci)
{
	if (parts->backend == IOMMUT_COMPAT)
		opened(parts, iommut_iommufd_open(&parts->space), "/dev/iommu");
	else
		opened(parts, iommut_vfio_container_open(&parts->space), "/dev/vfio/vfio");
	opened(parts, iommut_vfio_group_open(&parts->group, pci->iommu_group), "the group");
	opened(parts, iommut_vfio_group_set_container(parts->group, parts->space),
	       "VFIO_GROUP_SET_CONTAINER");
	opened(parts, iommut_vfio_set_iommu_raw(parts->space, VFIO_TYPE1v2_IOMMU),
	       "VFIO_SET_IOMMU");
	opened(parts, iommut_vfio_group_device(parts->group, pci->name, NULL, &parts->device),
	       "VFIO_GROUP_GET_DEVICE_FD");
}

static void open_cdev(struct parts *parts, const struct iommut_pci_device *pci)
{
	uint32_t id;

	opened(parts, iommut_iommufd_open(&parts->space), "/dev/iommu");
	opened(parts, iommut_vfio_cdev_open(&parts->device, pci->name), "the device's file");
	opened(parts, iommut_vfio_bind_iommufd(parts->device, parts->space, NULL, &id),
	       "VFIO_DEVICE_BIND_IOMMUFD");
	opened(parts, iommut_ioas_alloc(parts->space, &parts->ioas), "IOMMU_IOAS_ALLOC");
	opened(parts, iommut_vfio_attach(parts->device, IOMMUT_NO_PASID, parts->ioas),
	       "VFIO_DEVICE_ATTACH_IOMMUFD_PT");
}

static void start_device(struct parts *parts)
{
	struct vfio_region_info bar = { .argsz = sizeof(bar), .index = VFIO_PCI_BAR0_REGION_INDEX },
				config = { .argsz = sizeof(config),
					   .index = VFIO_PCI_CONFIG_REGION_INDEX };
	struct test *t = parts->t;
	uint16_t command;
	void *address;

	expect_zero(t, iommut_vfio_device_get_region_info_raw(parts->device, &config));
	expect(t, pread(parts->device.fd, &command, 2, (off_t)(config.offset + PCI_COMMAND)) == 2);
	command |= PCI_COMMAND_MASTER | PCI_COMMAND_MEMORY;
	expect(t, pwrite(parts->device.fd, &command, 2, (off_t)(config.offset + PCI_COMMAND)) == 2);
	expect_zero(t, iommut_vfio_device_get_region_info_raw(parts->device, &bar));
	address = mmap(NULL, TESTDEV_REGISTERS_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
		       parts->device.fd, (off_t)bar.offset);
	expect_that(t, address != MAP_FAILED, "mmap: %s", strerror(errno));
	parts->registers = address;
	expect_equal(t, get32(parts, TESTDEV_VERSION), TESTDEV_VERSION_VALUE);
}

void parts_need(struct test *t, int index, struct iommut_pci_device *pci)
{
	expect_zero(t, iommut_pci_get(test_device_name(t, index), pci));
	if (pci->vendor != TESTDEV_VENDOR || pci->device != TESTDEV_DEVICE)
		skip(t, "the case drives the device without an engine", "a pcie-ats-testdev");
}

static struct parts *parts_new(struct test *t, int index, struct iommut_pci_device *pci)
{
	struct parts *parts = calloc(1, sizeof(*parts));

	if (!parts)
		fail(t, "out of memory");
	parts->t = t;
	parts->index = index;
	parts->space = parts->group = parts->device = NONE;
	undo_later(t, undo_parts, parts);
	parts_need(t, index, pci);
	return parts;
}

struct parts *parts_open(struct test *t, int index)
{
	struct iommut_pci_device pci;
	struct parts *parts = parts_new(t, index, &pci);

	expect_zero(t, iommut_backend_parse(param(t, "backend"), &parts->backend));
	if (parts->backend == IOMMUT_IOMMUFD)
		open_cdev(parts, &pci);
	else
		open_through_group(parts, &pci);
	start_device(parts);
	return parts;
}

static int set_command(const char *name, uint16_t set, uint16_t clear)
{
	uint16_t command;

	if (iommut_pci_config_read(name, PCI_COMMAND, &command, 2) != 2)
		return -EIO;
	command = (uint16_t)((command & ~clear) | set);
	return iommut_pci_config_write(name, PCI_COMMAND, &command, 2) == 2 ? 0 : -EPERM;
}

static void stop_driverless(void *argument)
{
	(void)set_command(argument, 0, PCI_COMMAND_MASTER);
}

static void *map_resource(struct test *t, const char *name, int index, size_t length)
{
	char path[96];
	void *address;
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/resource%d", name, index);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		skipf(t, "a kernel that is not locked down", "%s: %s", path, strerror(errno));
	address = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	expect_that(t, address != MAP_FAILED, "mmap: %s", strerror(errno));
	return address;
}

struct parts *parts_open_driverless(struct test *t, int index)
{
	struct iommut_pci_device pci;
	struct parts *parts = parts_new(t, index, &pci);
	const char *name = test_device_name(t, index);

	expect_that(t, !*pci.driver, "%s has the driver %s", name, pci.driver);
	undo_later(t, stop_driverless, (void *)name);
	expect_zero(t, set_command(name, PCI_COMMAND_MASTER | PCI_COMMAND_MEMORY, 0));
	parts->registers = map_resource(t, name, TESTDEV_BAR_REGISTERS, TESTDEV_REGISTERS_SIZE);
	expect_equal(t, get32(parts, TESTDEV_VERSION), TESTDEV_VERSION_VALUE);
	parts->buffer = map_resource(t, name, TESTDEV_BAR_MEMORY, PAGE);
	return parts;
}

int parts_listen_for_request(struct parts *parts)
{
	int32_t request = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	expect_that(parts->t, request >= 0, "eventfd: %s", strerror(errno));
	close_later(parts->t, request);
	expect_zero(parts->t,
		    iommut_vfio_set_irqs(parts->device,
					 VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
					 VFIO_PCI_REQ_IRQ_INDEX, 0, 1, &request));
	return request;
}

void parts_wait_for_request(struct test *t, int request)
{
	struct pollfd wait = { .fd = request, .events = POLLIN };
	int ready = poll(&wait, 1, REQUEST_MS);

	expect_that(t, ready == 1, "VFIO did not ask for the device within %d ms", REQUEST_MS);
}

int parts_device_again(struct parts *parts)
{
	struct iommut_handle again;
	int error;

	if (parts->backend == IOMMUT_IOMMUFD)
		error = iommut_vfio_cdev_open(&again, test_device_name(parts->t, parts->index));
	else
		error = iommut_vfio_group_device(
			parts->group, test_device_name(parts->t, parts->index), NULL, &again);
	if (error)
		return error;
	close_later(parts->t, again.fd);
	return again.fd;
}

int parts_map(struct parts *parts, void *address, uint64_t length, uint64_t iova)
{
	uint64_t at = iova;

	if (parts->backend == IOMMUT_IOMMUFD)
		return iommut_ioas_map(parts->space, parts->ioas, address, length, &at,
				       IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE |
					       IOMMU_IOAS_MAP_WRITEABLE);
	return iommut_vfio_map_dma(parts->space, address, length, iova, IOMMUT_RW);
}

static void prepare_fill(struct parts *parts, uint64_t iova, uint32_t length, uint64_t value)
{
	const uint32_t at = TESTDEV_TRANSFER;

	set32(parts, at + TESTDEV_DESC_OPERATION, TESTDEV_OP_FILL);
	set64(parts, at + TESTDEV_DESC_IOVA, iova);
	set32(parts, at + TESTDEV_DESC_LENGTH, length);
	set32(parts, at + TESTDEV_DESC_REPEAT, 1);
	set64(parts, at + TESTDEV_DESC_OPERAND, value);
}

static bool transfer(struct parts *parts)
{
	/* The CPU is left to others: an emulated device may need it. */
	const struct timespec pause = { 0, 20000 };

	__sync_synchronize();
	set32(parts, TESTDEV_START, 1);
	for (int64_t end = now_ms() + DEADLINE_MS; get32(parts, TESTDEV_START);
	     nanosleep(&pause, NULL))
		expect_that(parts->t, now_ms() < end, "the transfer does not end");
	__sync_synchronize();
	return get32(parts, TESTDEV_RESULT + TESTDEV_RESULT_STATUS) == TESTDEV_STATUS_OK;
}

bool parts_fill(struct parts *parts, uint64_t iova, uint32_t length, uint64_t value)
{
	prepare_fill(parts, iova, length, value);
	return transfer(parts);
}

void parts_aim(struct parts *parts, uint64_t iova, bool translated)
{
	const uint32_t at = TESTDEV_TRANSFER;

	set32(parts, TESTDEV_CONTROL, translated ? TESTDEV_CONTROL_DEVICE_TLB : 0);
	set32(parts, at + TESTDEV_DESC_OPERATION,
	      TESTDEV_OP_READ | (translated ? TESTDEV_FLAG_TRANSLATED : 0));
	set64(parts, at + TESTDEV_DESC_IOVA, iova);
	set32(parts, at + TESTDEV_DESC_LENGTH, sizeof(*parts->buffer));
	set32(parts, at + TESTDEV_DESC_REPEAT, 1);
	set32(parts, at + TESTDEV_DESC_BUFFER, 0);
}

bool parts_read(struct parts *parts, uint64_t *value)
{
	bool done;

	*parts->buffer = 0;
	done = transfer(parts);
	*value = *parts->buffer;
	return done;
}

void parts_check(struct parts *parts, void *address, uint64_t iova, const struct place *place)
{
	uint64_t value = random64(parts->t), *words = address;

	memset(address, CANARY, PAGE);
	if (!parts_fill(parts, iova, PAGE, value))
		expectation_failed(parts->t, place, "the device saw an error");
	for (size_t i = 0; i < PAGE / 8; i++)
		if (words[i] != value)
			expectation_failed(
				parts->t, place, "0x%llx instead of 0x%llx at offset %zu",
				(unsigned long long)words[i], (unsigned long long)value, 8 * i);
}

void parts_storm(struct parts *parts, uint64_t iova, uint64_t value)
{
	prepare_fill(parts, iova, PAGE, value);
	set32(parts, TESTDEV_STORM_PAUSE, 100);
	__sync_synchronize();
	set32(parts, TESTDEV_STORM, 1);
	for (int64_t end = now_ms() + DEADLINE_MS; get32(parts, TESTDEV_STORM_OK) < 4;)
		expect_that(parts->t, now_ms() < end, "the storm did not start");
}

void parts_usable(struct test *t, int index, const struct place *place)
{
	struct parts *parts = parts_open(t, index);
	uint8_t *page = shared_page(t);

	/* The next owner finds a device at rest. */
	if (get32(parts, TESTDEV_STORM) || get32(parts, TESTDEV_SCRATCH))
		expectation_failed(t, place, "the device was not reset: storm %u, scratch 0x%x",
				   get32(parts, TESTDEV_STORM), get32(parts, TESTDEV_SCRATCH));
	expect_zero(t, parts_map(parts, page, PAGE, PARTS_IOVA));
	parts_check(parts, page, PARTS_IOVA, place);
	parts_close_all(parts);
}

static void free_page(void *page)
{
	munmap(page, PAGE);
}

uint8_t *shared_page(struct test *t)
{
	void *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	expect_that(t, page != MAP_FAILED, "mmap: %s", strerror(errno));
	undo_later(t, free_page, page);
	return page;
}

void check_storm_goes_on(struct test *t, uint8_t *page, const struct place *place)
{
	memset(page, CANARY, PAGE);
	for (int64_t end = now_ms() + 2000; *(volatile uint8_t *)(page + PAGE - 1) == CANARY;)
		if (now_ms() > end)
			expectation_failed(t, place, "the device stands still");
	__sync_synchronize();
}

void check_stays(struct test *t, const uint8_t *page, const struct place *place)
{
	uint8_t before[PAGE];

	memcpy(before, page, PAGE);
	for (int64_t end = now_ms() + 20; now_ms() < end;)
		check_bytes(t, page, before, PAGE, place);
}
