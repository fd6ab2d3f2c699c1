// SPDX-License-Identifier: GPL-2.0-or-later
/* What the cases about ATS share. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "suites/ats.h"

void ats_keep(struct rig *rig)
{
	testdev_set32(&rig->engine, TESTDEV_CONTROL,
		      TESTDEV_CONTROL_FLUSH | TESTDEV_CONTROL_CLEAR_COUNTERS);
	testdev_set32(&rig->engine, TESTDEV_CONTROL, TESTDEV_CONTROL_DEVICE_TLB);
	expect(rig->t, testdev_get32(&rig->engine, TESTDEV_TLB_ENTRIES_HELD) == 0);
}

struct rig *ats_open(struct test *t)
{
	struct rig *rig = rig_open(t);

	need_ats(rig);
	ats_keep(rig);
	return rig;
}

enum engine_status ats_translate(struct rig *rig, uint64_t iova, uint32_t pasid, bool write,
				 struct engine_result *result)
{
	struct engine_transfer transfer = { .operation = ENGINE_OP_TRANSLATE,
					    .flags = write ? ENGINE_FOR_WRITE : 0,
					    .pasid = pasid,
					    .iova = iova,
					    .length = 1 };

	/* Whether there is a translation is for the caller to judge. */
	provokes_transfer(rig, &transfer);
	expect_zero(rig->t, engine_run(&rig->engine, &transfer, result));
	return result->status;
}

void ats_hold(struct rig *rig, uint64_t iova, uint32_t pasid)
{
	struct engine_result result;

	expect_equal(rig->t, ats_translate(rig, iova, pasid, true, &result), ENGINE_OK);
	expect(rig->t, ats_held(rig, iova, pasid));
}

bool ats_held(struct rig *rig, uint64_t iova, uint32_t pasid)
{
	struct testdev_translation translation;

	testdev_tlb_query(&rig->engine, iova, pasid, &translation);
	return translation.held;
}

static enum engine_status translated(struct rig *rig, enum engine_operation operation,
				     uint64_t iova, uint32_t pasid)
{
	struct engine_transfer transfer = { .operation = operation,
					    .flags = ENGINE_TRANSLATED,
					    .pasid = pasid,
					    .iova = iova,
					    .length = 8 };
	struct engine_result result;

	provokes_transfer(rig, &transfer);
	expect_zero(rig->t, engine_run(&rig->engine, &transfer, &result));
	return result.status;
}

enum engine_status ats_write(struct rig *rig, uint64_t iova, uint32_t pasid, uint64_t value)
{
	expect_zero(rig->t, rig->engine.driver->load(&rig->engine, 0, &value, sizeof(value)));
	return translated(rig, ENGINE_OP_WRITE, iova, pasid);
}

enum engine_status ats_read(struct rig *rig, uint64_t iova, uint32_t pasid, uint64_t *value)
{
	enum engine_status status = translated(rig, ENGINE_OP_READ, iova, pasid);

	if (status == ENGINE_OK)
		expect_zero(rig->t,
			    rig->engine.driver->store(&rig->engine, 0, value, sizeof(*value)));
	return status;
}

void check_ats_gone(struct rig *rig, uint64_t iova, uint32_t pasid, const struct place *place)
{
	enum engine_status status;
	uint64_t value;

	if (ats_held(rig, iova, pasid))
		expectation_failed(rig->t, place, "the device keeps a translation for 0x%llx",
				   (unsigned long long)iova);
	status = ats_write(rig, iova, pasid, random64(rig->t));
	if (status == ENGINE_OK)
		expectation_failed(rig->t, place, "the device wrote at 0x%llx",
				   (unsigned long long)iova);
	status = ats_read(rig, iova, pasid, &value);
	if (status == ENGINE_OK)
		expectation_failed(rig->t, place, "the device read at 0x%llx",
				   (unsigned long long)iova);
}

void check_ats_reaches(struct rig *rig, uint64_t iova, uint32_t pasid, void *memory,
		       const struct place *place)
{
	uint64_t value = random64(rig->t), seen = 0;
	enum engine_status status = ats_write(rig, iova, pasid, value);

	if (status != ENGINE_OK)
		expectation_failed(rig->t, place, "the write ended %s", engine_status_name(status));
	check_bytes(rig->t, memory, &value, sizeof(value), place);
	value = random64(rig->t);
	memcpy(memory, &value, sizeof(value));
	status = ats_read(rig, iova, pasid, &seen);
	if (status != ENGINE_OK)
		expectation_failed(rig->t, place, "the read ended %s", engine_status_name(status));
	check_bytes(rig->t, &seen, &value, sizeof(value), place);
}

uint64_t ats_physical(const void *memory)
{
	uint64_t entry = 0, frame;
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return 0;
	if (pread(fd, &entry, sizeof(entry), (off_t)((uintptr_t)memory / PAGE * sizeof(entry))) !=
	    sizeof(entry))
		entry = 0;
	close(fd);
	frame = entry & ((1ull << 55) - 1);
	return entry >> 63 && frame ? frame * PAGE + (uintptr_t)memory % PAGE : 0;
}

static bool logged(struct rig *rig, uint64_t page, uint32_t pasid)
{
	struct testdev_invalidation record;

	for (uint32_t i = 0; testdev_invalidation(&rig->engine, i, &record) == 0; i++)
		if (record.pasid == pasid &&
		    (record.length == UINT64_MAX ||
		     (page >= record.iova && page - record.iova < record.length)))
			return true;
	return false;
}

void check_ats_logged(struct rig *rig, uint64_t iova, uint64_t length, uint32_t pasid,
		      const struct place *place)
{
	uint32_t count = testdev_get32(&rig->engine, TESTDEV_INVAL_COUNT);

	/* What has left the log cannot be looked at. */
	expect(rig->t, count <= TESTDEV_INVAL_RECORDS);
	for (uint64_t offset = 0; offset < length; offset += PAGE)
		if (!logged(rig, iova + offset, pasid))
			expectation_failed(rig->t, place,
					   "no invalidation of 0x%llx among the %u received",
					   (unsigned long long)(iova + offset), count);
}
