// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * pasid BDF: two address spaces for one device. The same IOVA leads to one page with PASID 1, and
 * to another with PASID 2. The device and the IOMMU must have PASIDs, and an engine must be able to
 * send them.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <engines/engine.h>
#include <iommut/hwpt.h>
#include <iommut/iommufd.h>
#include <iommut/memory.h>
#include <iommut/pci.h>

#define IOVA 0x100000

static int fail(const char *what, int error)
{
	fprintf(stderr, "pasid: %s: %s\n", what, strerror(-error));
	return 1;
}

/* An IOAS of its own in the same /dev/iommu file, with one page, attached to a PASID. */
static int attach(struct iommut_space *beside, struct iommut_device *device, uint32_t pasid,
		  struct iommut_memory *page, struct iommut_space **space,
		  struct iommut_hwpt **hwpt)
{
	struct iommut_space_options options = { .backend = IOMMUT_IOMMUFD, .beside = beside };
	int error = iommut_space_open_with(space, &options);

	if (!error)
		error = iommut_hwpt_open(hwpt, device, *space, IOMMU_HWPT_ALLOC_PASID, NULL);
	if (!error)
		error = iommut_space_map(*space, page->address, page->length, IOVA, IOMMUT_RW);
	return error ? error : iommut_device_attach_pasid(device, pasid, iommut_hwpt_id(*hwpt));
}

static int write_both(struct iommut_device *device, struct iommut_memory **pages)
{
	const struct engine_driver *driver;
	struct iommut_pci_device pci;
	struct engine engine;
	int error = iommut_pci_get(iommut_device_bdf(device), &pci);

	driver = error ? NULL : engine_find(pci.vendor, pci.device, pci.class_code);
	if (!driver)
		return fail("there is no engine for this device", error ? error : -ENODEV);
	error = engine_open(&engine, driver, device);
	if (error)
		return fail(driver->name, error);
	for (uint32_t pasid = 1; pasid <= 2 && !error; pasid++) {
		struct engine_transfer transfer = {
			.operation = ENGINE_OP_WRITE,
			.pasid = pasid,
			.iova = IOVA,
			.length = sizeof(pasid),
		};
		struct engine_result result;

		error = driver->load(&engine, 0, &pasid, sizeof(pasid));
		if (!error)
			error = engine_run(&engine, &transfer, &result);
		if (!error)
			printf("PASID %u: %s, its page now says %u\n", pasid,
			       engine_status_name(result.status),
			       *(uint32_t *)pages[pasid - 1]->address);
	}
	engine_close(&engine);
	if (error)
		return fail("transfer", error);
	return *(uint32_t *)pages[0]->address == 1 && *(uint32_t *)pages[1]->address == 2 ? 0 : 1;
}

int main(int argc, char **argv)
{
	struct iommut_space *base = NULL, *spaces[2] = { NULL };
	struct iommut_hwpt *hwpts[2] = { NULL }, *own = NULL;
	struct iommut_memory *pages[2] = { NULL };
	struct iommut_device *device = NULL;
	struct iommut_hw_info info;
	uint32_t dev_id;
	char reason[128];
	int error, ret = 1;

	if (argc != 2) {
		fprintf(stderr, "usage: pasid BDF\n");
		return 2;
	}
	if (iommut_backend_probe(IOMMUT_IOMMUFD, reason, sizeof(reason))) {
		fprintf(stderr, "pasid: %s\n", reason);
		return 1;
	}
	error = iommut_space_open(&base, IOMMUT_IOMMUFD);
	if (!error)
		error = iommut_device_open_with(
			&device, base, argv[1],
			&(struct iommut_device_options){ .flags = IOMMUT_DEVICE_DETACHED });
	if (!error)
		error = iommut_device_id(device, &dev_id);
	if (!error)
		error = iommut_hw_info(iommut_space_handle(base), dev_id,
				       IOMMU_HW_INFO_TYPE_DEFAULT, &info);
	/* Linux attaches PASIDs even to a device that has none. */
	if (!error && !info.max_pasid_log2)
		error = -EOPNOTSUPP;
	/* What is attached to the device itself must allow PASIDs beside it. */
	if (!error)
		error = iommut_hwpt_open(&own, device, base, IOMMU_HWPT_ALLOC_PASID, NULL);
	if (!error)
		error = iommut_device_attach(device, iommut_hwpt_id(own));
	for (int i = 0; i < 2 && !error; i++) {
		error = iommut_memory_alloc(&pages[i], 4096, IOMMUT_MEMORY_ANONYMOUS);
		if (!error)
			error = attach(base, device, (uint32_t)i + 1, pages[i], &spaces[i],
				       &hwpts[i]);
	}
	ret = error ? fail(argv[1], error) : write_both(device, pages);
	/* Closing the device detaches it; then any order is right. */
	iommut_device_close(device);
	iommut_hwpt_close(own);
	for (int i = 0; i < 2; i++) {
		iommut_hwpt_close(hwpts[i]);
		iommut_space_close(spaces[i]);
		iommut_memory_free(pages[i]);
	}
	iommut_space_close(base);
	return ret;
}
