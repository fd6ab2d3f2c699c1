// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * dma BDF [type1|compat|iommufd]: the smallest complete use of libiommut. Opens a function that is
 * bound to vfio-pci, maps a page, lets the device write to it, unmaps it, and shows that the device
 * reaches it no more.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <engines/engine.h>
#include <iommut/memory.h>
#include <iommut/pattern.h>
#include <iommut/pci.h>

#define PAGE_IOVA    0x100000
#define STAGING_IOVA 0x200000

static int fail(const char *what, int error)
{
	fprintf(stderr, "dma: %s: %s\n", what, strerror(-error));
	return 1;
}

static int use_engine(struct iommut_space *space, struct engine *engine, struct iommut_memory *page)
{
	uint8_t data[64];
	struct engine_result result;
	int error;

	iommut_pattern_fill(data, sizeof(data), 1, 0);
	error = iommut_space_map(space, page->address, page->length, PAGE_IOVA, IOMMUT_RW);
	if (error)
		return fail("map", error);
	error = engine_write(engine, PAGE_IOVA, data, sizeof(data), &result);
	if (error)
		return fail("write", error);
	if (memcmp(page->address, data, sizeof(data)))
		return fail("the device's bytes did not arrive", -EIO);
	printf("mapped:   the device wrote %zu bytes\n", sizeof(data));

	error = iommut_space_unmap(space, PAGE_IOVA, page->length, NULL);
	if (error)
		return fail("unmap", error);
	memset(page->address, 0, page->length);
	error = engine_write(engine, PAGE_IOVA, data, sizeof(data), &result);
	if (error)
		return fail("write", error);
	if (iommut_byte_verify(page->address, page->length, 0, NULL))
		return fail("the device reached memory that is not mapped", -EIO);
	printf("unmapped: the device wrote nothing; it says: %s\n",
	       engine_status_name(result.status));
	return 0;
}

static int use_device(struct iommut_space *space, struct iommut_device *device)
{
	struct iommut_memory *page = NULL, *staging = NULL;
	const struct engine_driver *driver;
	struct iommut_pci_device pci;
	struct engine engine;
	int error, ret = 1;

	error = iommut_pci_get(iommut_device_bdf(device), &pci);
	if (error)
		return fail("device", error);
	driver = engine_find(pci.vendor, pci.device, pci.class_code);
	if (!driver)
		return fail("there is no engine for this device", -ENODEV);
	error = engine_open(&engine, driver, device);
	if (error)
		return fail(driver->name, error);
	error = iommut_memory_alloc(&page, 4096, IOMMUT_MEMORY_ANONYMOUS);
	if (!error)
		error = iommut_memory_alloc(&staging, ENGINE_STAGING_SIZE, IOMMUT_MEMORY_ANONYMOUS);
	if (!error)
		error = iommut_space_map(space, staging->address, staging->length, STAGING_IOVA,
					 IOMMUT_RW);
	if (!error)
		error = engine_stage(&engine,
				     &(struct engine_staging){ staging->address, STAGING_IOVA,
							       staging->length });
	ret = error ? fail("memory", error) : use_engine(space, &engine, page);
	engine_close(&engine);
	iommut_memory_free(page);
	iommut_memory_free(staging);
	return ret;
}

int main(int argc, char **argv)
{
	enum iommut_backend backend = IOMMUT_IOMMUFD;
	struct iommut_device *device;
	struct iommut_space *space;
	char reason[128];
	int error, ret;

	if (argc < 2 || argc > 3 || (argc == 3 && iommut_backend_parse(argv[2], &backend))) {
		fprintf(stderr, "usage: dma BDF [type1|compat|iommufd]\n");
		return 2;
	}
	if (iommut_backend_probe(backend, reason, sizeof(reason))) {
		fprintf(stderr, "dma: %s\n", reason);
		return 1;
	}
	error = iommut_space_open(&space, backend);
	if (error)
		return fail("space", error);
	error = iommut_device_open(&device, space, argv[1]);
	if (error) {
		iommut_space_close(space);
		return fail(argv[1], error);
	}
	ret = use_device(space, device);
	iommut_device_close(device);
	iommut_space_close(space);
	return ret;
}
