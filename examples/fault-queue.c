// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fault-queue BDF: memory that is mapped when the device asks for it. The device writes to an IOVA
 * where nothing is mapped; its page request comes out of a fault queue, the page is mapped, the
 * request answered, and the write goes through. Needs ATS, PRI and PASID in the device and page
 * faults in the IOMMU.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <engines/engine.h>
#include <iommut/fault_queue.h>
#include <iommut/hwpt.h>
#include <iommut/memory.h>
#include <iommut/pci.h>

#define IOVA   0x100000
#define PASID  1
#define FAULTS 8

static int fail(const char *what, int error)
{
	fprintf(stderr, "fault-queue: %s: %s\n", what, strerror(-error));
	return 1;
}

/* Answers the faults of one group by mapping the page that was asked for. */
static int serve(struct iommut_space *space, struct iommut_fault_queue *queue,
		 struct iommut_memory *page)
{
	struct iommu_hwpt_pgfault faults[FAULTS];
	size_t count = FAULTS;
	int error = iommut_fault_queue_read(queue, faults, &count, 2000);

	if (error)
		return error;
	for (size_t i = 0; i < count; i++)
		printf("page request at 0x%llx, PASID %u, cookie %u\n",
		       (unsigned long long)faults[i].addr, faults[i].pasid, faults[i].cookie);
	error = iommut_space_map(space, page->address, page->length, faults[0].addr, IOMMUT_RW);
	if (error)
		return error;
	return iommut_fault_queue_respond(queue, faults[count - 1].cookie,
					  IOMMUFD_PAGE_RESP_SUCCESS);
}

static int run(struct iommut_device *device, struct iommut_space *space,
	       struct iommut_fault_queue *queue, struct iommut_memory *page)
{
	struct engine_transfer transfer = {
		.operation = ENGINE_OP_WRITE,
		.flags = ENGINE_TRANSLATED | ENGINE_PAGE_REQUEST,
		.pasid = PASID,
		.iova = IOVA,
		.length = 64,
	};
	const struct engine_driver *driver;
	struct iommut_pci_device pci;
	struct engine_result result;
	struct engine engine;
	uint8_t data[64];
	int error = iommut_pci_get(iommut_device_bdf(device), &pci);

	driver = error ? NULL : engine_find(pci.vendor, pci.device, pci.class_code);
	if (!driver)
		return fail("there is no engine for this device", error ? error : -ENODEV);
	error = engine_open(&engine, driver, device);
	if (error)
		return fail(driver->name, error);
	memset(data, 0x5a, sizeof(data));
	error = driver->load(&engine, 0, data, sizeof(data));
	if (!error)
		error = driver->start(&engine, &transfer);
	if (!error)
		error = serve(space, queue, page);
	if (!error)
		error = engine_wait(&engine, &result, 0);
	engine_close(&engine);
	if (error)
		return fail("transfer", error);
	printf("the transfer ended: %s\n", engine_status_name(result.status));
	return memcmp(page->address, data, sizeof(data)) ? 1 : 0;
}

int main(int argc, char **argv)
{
	struct iommut_space_options options = { .backend = IOMMUT_IOMMUFD };
	struct iommut_hwpt *hwpt = NULL, *own = NULL;
	struct iommut_space *base = NULL, *space = NULL;
	struct iommut_fault_queue *queue = NULL;
	struct iommut_memory *page = NULL;
	struct iommut_device *device = NULL;
	char reason[128];
	int error, ret;

	if (argc != 2) {
		fprintf(stderr, "usage: fault-queue BDF\n");
		return 2;
	}
	if (iommut_backend_probe(IOMMUT_IOMMUFD, reason, sizeof(reason))) {
		fprintf(stderr, "fault-queue: %s\n", reason);
		return 1;
	}
	error = iommut_space_open(&base, IOMMUT_IOMMUFD);
	options.beside = base;
	if (!error)
		error = iommut_space_open_with(&space, &options);
	if (!error)
		error = iommut_device_open_with(
			&device, base, argv[1],
			&(struct iommut_device_options){ .flags = IOMMUT_DEVICE_DETACHED });
	if (!error)
		error = iommut_fault_queue_open(&queue, base);
	if (!error)
		error = iommut_hwpt_open(&own, device, base, IOMMU_HWPT_ALLOC_PASID, NULL);
	if (!error)
		error = iommut_device_attach(device, iommut_hwpt_id(own));
	if (!error)
		error = iommut_hwpt_open(&hwpt, device, space, IOMMU_HWPT_ALLOC_PASID, queue);
	if (!error)
		error = iommut_device_attach_pasid(device, PASID, iommut_hwpt_id(hwpt));
	if (!error)
		error = iommut_memory_alloc(&page, 4096, IOMMUT_MEMORY_ANONYMOUS);
	ret = error ? fail(argv[1], error) : run(device, space, queue, page);
	iommut_device_close(device);
	iommut_hwpt_close(hwpt);
	iommut_hwpt_close(own);
	iommut_fault_queue_close(queue);
	iommut_space_close(space);
	iommut_space_close(base);
	iommut_memory_free(page);
	return ret;
}
