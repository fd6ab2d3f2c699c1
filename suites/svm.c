// SPDX-License-Identifier: GPL-2.0-or-later
/* Fixtures for cases with PASIDs, ATS and page requests. */
#include <stdlib.h>
#include <string.h>

#include <iommut/pattern.h>

#include "suites/svm.h"

#define LIFT "a vIOMMU and device with them: lab profile intel-scalable-svm"

/* The bits of TESTDEV_PRI_ENABLED. */
#define ENABLED_ATS   (1u << 0)
#define ENABLED_PRI   (1u << 1)
#define ENABLED_PASID (1u << 2)

void need_ats(struct rig *rig)
{
	need(rig, ENGINE_ATS);
	if (!testdev_is(&rig->engine))
		skip(rig->t, "the device does not say what its TLB holds",
		     "the device pcie-ats-testdev");
	if (!(testdev_get32(&rig->engine, TESTDEV_PRI_ENABLED) & ENABLED_ATS))
		skip(rig->t, "the kernel has not turned ATS on in the device",
		     "an IOMMU with device TLB support: device-iotlb=on with intel-iommu");
}

static void need_enabled(struct svm *svm, uint32_t needs)
{
	uint32_t enabled;

	if (!testdev_is(svm->engine))
		skip(svm->t, "the engine has no page requests and PASIDs by hand",
		     "the device pcie-ats-testdev");
	enabled = testdev_get32(svm->engine, TESTDEV_PRI_ENABLED);
	if (!(enabled & ENABLED_PASID))
		skip(svm->t, "the kernel has not turned PASIDs on in the device", LIFT);
	if ((needs & SVM_PRI) && !(enabled & ENABLED_PRI))
		skip(svm->t, "the kernel has not turned page requests on in the device", LIFT);
}

struct iommut_fault_queue *queue_open(struct svm *svm)
{
	struct iommut_fault_queue *queue;
	int error = iommut_fault_queue_open(&queue, svm->rig->space);

	if (error == -EOPNOTSUPP)
		skip(svm->t, "the kernel has no fault queues",
		     "a kernel with IOMMU_FAULT_QUEUE_ALLOC (6.11 or later)");
	expect_zero(svm->t, error);
	if (svm->queue_count == MAX_TABLES)
		fail(svm->t, "too many queues");
	svm->queues[svm->queue_count++] = queue;
	return queue;
}

static struct table *make_table(struct svm *svm, struct iommut_space *space,
				struct iommut_fault_queue *queue)
{
	struct table *table = calloc(1, sizeof(*table));
	int error;

	if (!table || svm->table_count == MAX_TABLES)
		fail(svm->t, "no room for another page table");
	table->svm = svm;
	table->space = space;
	table->queue = queue;
	svm->tables[svm->table_count++] = table;
	error = iommut_hwpt_open(&table->hwpt, svm->rig->device, space, IOMMU_HWPT_ALLOC_PASID,
				 queue);
	if (error == -EOPNOTSUPP)
		skip(svm->t,
		     queue ? "the IOMMU has no page tables with page faults for the device"
			   : "the IOMMU has no page tables for PASIDs",
		     LIFT);
	expect_zero(svm->t, error);
	return table;
}

struct table *table_open(struct svm *svm, struct iommut_fault_queue *queue)
{
	struct iommut_space_options options = { .backend = IOMMUT_IOMMUFD,
						.beside = svm->rig->space };
	struct iommut_space *space;

	expect_zero(svm->t, iommut_space_open_with(&space, &options));
	return make_table(svm, space, queue);
}

void table_close(struct table *table)
{
	expect_zero(table->svm->t, iommut_hwpt_close(table->hwpt));
	table->hwpt = NULL;
}

/* The device goes before the page tables it is attached to: an error here could only repeat one the case has seen. */
void svm_close(struct svm *svm)
{
	if (svm->closed)
		return;
	svm->closed = true;
	if (!svm->rig)
		return;
	if (!svm->rig->closed) {
		if (svm->engine->capabilities & ENGINE_STORM)
			testdev_storm_stop(svm->engine, NULL, NULL);
		while (svm->attached_count)
			iommut_device_detach_pasid(svm->rig->device,
						   svm->attached[--svm->attached_count]);
		iommut_device_detach(svm->rig->device);
	}
	for (size_t i = 0; i < svm->table_count; i++) {
		iommut_hwpt_close(svm->tables[i]->hwpt);
		svm->tables[i]->hwpt = NULL;
	}
	for (size_t i = 0; i < svm->queue_count; i++)
		iommut_fault_queue_close(svm->queues[i]);
	svm->queue_count = 0;
	rig_close(svm->rig);
	for (size_t i = 0; i < svm->table_count; i++)
		if (svm->tables[i] != svm->own)
			iommut_space_close(svm->tables[i]->space);
}

static void undo_svm(void *argument)
{
	struct svm *svm = argument;

	svm_close(svm);
	for (size_t i = 0; i < svm->table_count; i++)
		free(svm->tables[i]);
	free(svm);
}

struct svm *svm_open(struct test *t, uint32_t needs)
{
	return svm_open_function(t, needs, NULL, NULL);
}

struct svm *svm_open_function(struct test *t, uint32_t needs, const char *name,
			      const uint8_t *token)
{
	const struct iommut_device_options detached = { .flags = IOMMUT_DEVICE_DETACHED,
							.token = token };
	struct svm *svm = calloc(1, sizeof(*svm));
	struct iommut_hw_info info;
	struct iommut_fault_queue *queue = NULL;
	uint32_t capabilities = ENGINE_READ | ENGINE_WRITE | ENGINE_PASID;
	uint32_t dev_id;

	if (!svm)
		fail(t, "out of memory");
	svm->t = t;
	svm->rig = name ? rig_open_function(t, NULL, name, &detached)
			: rig_open_in(t, NULL, 0, &detached);
	/* After the rig's, so that it runs before. */
	undo_later(t, undo_svm, svm);
	svm->engine = &svm->rig->engine;
	if (needs & SVM_PRI)
		capabilities |= ENGINE_PRI | ENGINE_ATS;
	if (needs & SVM_STORM)
		capabilities |= ENGINE_STORM;
	need(svm->rig, capabilities);
	expect_zero(t, iommut_device_id(svm->rig->device, &dev_id));
	expect_zero(t, iommut_hw_info(iommut_space_handle(svm->rig->space), dev_id,
				      IOMMU_HW_INFO_TYPE_DEFAULT, &info));
	if (!info.max_pasid_log2)
		skip(t, "the IOMMU offers the device no PASIDs (IOMMU_GET_HW_INFO)", LIFT);
	svm->last_pasid = (1u << info.max_pasid_log2) - 1;
	need_enabled(svm, needs);
	if (needs & SVM_PRI) {
		queue = queue_open(svm);
		/*
		 * A translation that is missing may be reported before the page is requested, for whichever page and PASID a
		 * case asks.
		 */
		provokes_dma_anywhere(svm->rig, ANY_PASID);
	}
	svm->own = make_table(svm, svm->rig->space, queue);
	expect_zero(t, iommut_device_attach(svm->rig->device, iommut_hwpt_id(svm->own->hwpt)));
	rig_stage(svm->rig);
	/* A request that is not of PASIDs alone goes through ATS here: without it nothing can be said. */
	if (!(testdev_get32(svm->engine, TESTDEV_CAPABILITIES) & TESTDEV_CAP_PASID_PLAIN))
		need_ats(svm->rig);
	return svm;
}

void attach_pasid(struct table *table, uint32_t pasid)
{
	struct svm *svm = table->svm;

	expect_zero(svm->t, iommut_device_attach_pasid(svm->rig->device, pasid,
						       iommut_hwpt_id(table->hwpt)));
	for (size_t i = 0; i < svm->attached_count; i++)
		if (svm->attached[i] == pasid)
			return;
	if (svm->attached_count == MAX_ATTACHED)
		fail(svm->t, "too many PASIDs");
	svm->attached[svm->attached_count++] = pasid;
}

void detach_pasid(struct svm *svm, uint32_t pasid)
{
	expect_zero(svm->t, iommut_device_detach_pasid(svm->rig->device, pasid));
	for (size_t i = 0; i < svm->attached_count; i++)
		if (svm->attached[i] == pasid)
			svm->attached[i] = svm->attached[--svm->attached_count];
}

static void undo_area(void *argument)
{
	struct area *area = argument;

	iommut_memory_free(area->memory);
	free(area);
}

struct area *area_make_at(struct svm *svm, size_t length, uint64_t iova)
{
	const struct iommut_memory_options options = { .kind = IOMMUT_MEMORY_ANONYMOUS,
						       .flags = IOMMUT_MEMORY_POPULATE };
	struct area *area = calloc(1, sizeof(*area));

	if (!area)
		fail(svm->t, "out of memory");
	undo_later(svm->t, undo_area, area);
	area->svm = svm;
	expect_zero(svm->t, iommut_memory_alloc_with(&area->memory, length, &options));
	area->data = area->memory->address;
	area->length = area->memory->length;
	area->iova = iova;
	memset(area->data, CANARY, area->length);
	return area;
}

struct area *area_make(struct svm *svm, size_t length)
{
	return area_make_at(svm, length, free_iova(svm->rig, length));
}

void area_map(struct area *area, struct table *table, uint32_t access)
{
	expect_zero(area->svm->t,
		    iommut_space_map(table->space, area->data, area->length, area->iova, access));
}

void area_unmap(struct area *area, struct table *table)
{
	uint64_t unmapped = 0;

	expect_zero(area->svm->t,
		    iommut_space_unmap(table->space, area->iova, area->length, &unmapped));
	expect_equal(area->svm->t, unmapped, area->length);
}

struct area *area_in(struct table *table, size_t length)
{
	struct area *area = area_make(table->svm, length);

	area_map(area, table, IOMMUT_RW);
	return area;
}

struct area *area_in_at(struct table *table, size_t length, uint64_t iova)
{
	struct area *area = area_make_at(table->svm, length, iova);

	area_map(area, table, IOMMUT_RW);
	return area;
}

struct engine_transfer transfer_with(struct svm *svm, enum engine_operation operation,
				     uint64_t iova, uint32_t pasid, uint32_t length)
{
	struct engine_transfer transfer = {
		.operation = operation,
		.pasid = pasid,
		.iova = iova,
		.length = length,
	};

	if (pasid != IOMMUT_NO_PASID &&
	    !(testdev_get32(svm->engine, TESTDEV_CAPABILITIES) & TESTDEV_CAP_PASID_PLAIN))
		transfer.flags |= ENGINE_TRANSLATED;
	return transfer;
}

static enum engine_status run(struct svm *svm, const struct engine_transfer *transfer,
			      const struct place *place)
{
	struct engine_result result;
	int error = engine_run(svm->engine, transfer, &result);

	if (error)
		expectation_failed(svm->t, place, "the transfer did not end: %s", strerror(-error));
	return result.status;
}

void check_pasid_write(struct svm *svm, uint32_t pasid, uint64_t iova, const void *data,
		       uint32_t length, const struct place *place)
{
	struct engine_transfer transfer = transfer_with(svm, ENGINE_OP_WRITE, iova, pasid, length);
	enum engine_status status;

	check_zero(svm->t, svm->engine->driver->load(svm->engine, 0, data, length), place);
	status = run(svm, &transfer, place);
	if (status != ENGINE_OK)
		expectation_failed(svm->t, place, "the device's write ended %s",
				   engine_status_name(status));
}

void check_pasid_read(struct svm *svm, uint32_t pasid, uint64_t iova, void *data, uint32_t length,
		      const struct place *place)
{
	struct engine_transfer transfer = transfer_with(svm, ENGINE_OP_READ, iova, pasid, length);
	enum engine_status status = run(svm, &transfer, place);

	if (status != ENGINE_OK)
		expectation_failed(svm->t, place, "the device's read ended %s",
				   engine_status_name(status));
	check_zero(svm->t, svm->engine->driver->store(svm->engine, 0, data, length), place);
}

/* Refused by the IOMMU; a device that is switched off or was reset proves nothing. */
static bool refused(enum engine_status status)
{
	return status == ENGINE_BLOCKED || status == ENGINE_NO_TRANSLATION;
}

void check_pasid_refused(struct svm *svm, uint32_t pasid, uint64_t iova, const struct place *place)
{
	struct engine_transfer transfer = transfer_with(svm, ENGINE_OP_WRITE, iova, pasid, 8);
	uint64_t bytes = random64(svm->t);
	enum engine_status status;

	check_zero(svm->t, svm->engine->driver->load(svm->engine, 0, &bytes, sizeof(bytes)), place);
	provokes_transfer(svm->rig, &transfer);
	status = run(svm, &transfer, place);
	if (!refused(status))
		expectation_failed(svm->t, place, "the device's write ended %s",
				   engine_status_name(status));
	transfer.operation = ENGINE_OP_READ;
	provokes_transfer(svm->rig, &transfer);
	status = run(svm, &transfer, place);
	if (!refused(status))
		expectation_failed(svm->t, place, "the device's read ended %s",
				   engine_status_name(status));
}

void check_pasid_reaches(struct area *area, uint32_t pasid, const struct place *place)
{
	struct svm *svm = area->svm;
	uint8_t bytes[64], seen[64];

	for (size_t i = 0; i < 2; i++) {
		/* The first bytes of the area and the last. */
		size_t offset = i ? area->length - sizeof(bytes) : 0;

		iommut_pattern_fill(bytes, sizeof(bytes), random64(svm->t), 0);
		check_pasid_write(svm, pasid, area->iova + offset, bytes, sizeof(bytes), place);
		check_bytes(svm->t, area->data + offset, bytes, sizeof(bytes), place);
		iommut_pattern_fill(area->data + offset, sizeof(bytes), random64(svm->t), 0);
		check_pasid_read(svm, pasid, area->iova + offset, seen, sizeof(seen), place);
		check_bytes(svm->t, seen, area->data + offset, sizeof(seen), place);
		memset(area->data + offset, CANARY, sizeof(bytes));
	}
	check_area_canary(area, place);
}

void check_area_canary(struct area *area, const struct place *place)
{
	struct iommut_mismatch mismatch;
	char text[512];

	if (iommut_byte_verify(area->data, area->length, CANARY, &mismatch) == 0)
		return;
	iommut_mismatch_format(&mismatch, text, sizeof(text));
	expectation_failed(area->svm->t, place, "the device wrote where it must not\n%s", text);
}

void page_request(struct svm *svm, uint64_t iova, uint32_t pasid, uint32_t group, uint32_t flags)
{
	expect_zero(svm->t, testdev_page_request(svm->engine, iova, pasid, group, flags));
}

void read_faults(struct iommut_fault_queue *queue, struct svm *svm,
		 struct iommu_hwpt_pgfault *faults, size_t count)
{
	int64_t end = now_ms() + ARRIVAL_MS;
	size_t done = 0;

	while (done < count) {
		size_t got = count - done;
		int64_t left = end - now_ms();
		int error = iommut_fault_queue_read(queue, faults + done, &got,
						    left > 0 ? (int)left : 0);

		if (error == -ETIMEDOUT)
			fail(svm->t, "%zu page faults instead of %zu within %d ms", done, count,
			     ARRIVAL_MS);
		expect_zero(svm->t, error);
		done += got;
	}
}

struct iommu_hwpt_pgfault next_fault(struct table *table)
{
	struct iommu_hwpt_pgfault fault;

	read_faults(table->queue, table->svm, &fault, 1);
	expect(table->svm->t, fault.flags & IOMMU_PGFAULT_FLAGS_LAST_PAGE);
	return fault;
}

void check_no_fault(struct iommut_fault_queue *queue, struct svm *svm, const struct place *place)
{
	struct iommu_hwpt_pgfault faults[8];
	size_t count = 8;
	int error = iommut_fault_queue_read(queue, faults, &count, 0);

	if (error != -ETIMEDOUT)
		expectation_failed(svm->t, place, "%zu faults, the first at 0x%llx (%s)", count,
				   (unsigned long long)faults[0].addr, strerror(-error));
}

void respond(struct table *table, uint32_t cookie, uint32_t code)
{
	expect_zero(table->svm->t, iommut_fault_queue_respond(table->queue, cookie, code));
}

static uint32_t take_response(struct svm *svm, uint32_t *pasid, const struct place *place)
{
	uint32_t response = 0;
	int error =
		testdev_page_response(svm->engine, svm->responses, ARRIVAL_MS, &response, pasid);

	if (error)
		expectation_failed(svm->t, place, "the device has no response: %s",
				   strerror(-error));
	svm->responses++;
	return response;
}

void check_response(struct svm *svm, uint32_t group, uint32_t pasid, uint32_t code,
		    const struct place *place)
{
	uint32_t seen_pasid = 0;
	uint32_t response = take_response(svm, &seen_pasid, place);

	if ((response & 0x1ff) != group || (response >> 12 & 0xf) != code || seen_pasid != pasid)
		expectation_failed(svm->t, place,
				   "response to group %u, PASID %u, code %u instead of group %u, "
				   "PASID %u, code %u",
				   response & 0x1ff, seen_pasid, response >> 12 & 0xf, group, pasid,
				   code);
}

uint32_t any_response(struct svm *svm, uint32_t *group)
{
	uint32_t response = take_response(svm, NULL, PLACE("a page response arrives"));

	if (group)
		*group = response & 0x1ff;
	return response >> 12 & 0xf;
}

uint32_t response_count(struct svm *svm)
{
	return testdev_get32(svm->engine, TESTDEV_PRI_RESPONSES);
}
