// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Opening, using and closing everything again and again in one process: what is held after the last round is what was held after
 * the first ones. Files, mappings and pinned pages are counted, and while something is open they must be seen to be more.
 */
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <iommut/accounting.h>
#include <iommut/hwpt.h>
#include <iommut/irq.h>
#include <iommut/pattern.h>

#include "harness/dma.h"

SUITE("rounds", "what is opened, used and closed leaves nothing behind");

#define WARM_UP    3
#define LENGTH     65536
#define USED       64
#define MEMORY_AT  0x200000
#define STAGING_AT 0x400000

struct held {
	unsigned int files;
	unsigned int mappings;
	uint64_t accounted; /* bytes that the kernel counts against this process */
	int64_t pinned; /* pages that the whole machine has pinned; -1 if the kernel does not say */
};

/* Counters are kept for each processor, and added up now and then: this does it at once. */
static void add_counters_up(void)
{
	FILE *file = fopen("/proc/sys/vm/stat_refresh", "w");

	if (file) {
		fputs("1\n", file);
		fclose(file);
	}
}

static int64_t pinned_pages(void)
{
	FILE *file = fopen("/proc/vmstat", "re");
	int64_t acquired = -1, released = -1;
	char line[128];

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "nr_foll_pin_acquired %" SCNd64, &acquired) != 1)
			(void)sscanf(line, "nr_foll_pin_released %" SCNd64, &released);
	if (file)
		fclose(file);
	return acquired < 0 || released < 0 ? -1 : acquired - released;
}

static struct held count(struct test *t)
{
	struct iommut_accounting accounting;
	struct held held = { 0 };
	DIR *folder = opendir("/proc/self/fd");
	FILE *maps = fopen("/proc/self/maps", "re");

	expect(t, folder && maps);
	while (readdir(folder))
		held.files++;
	closedir(folder);
	for (int c; (c = getc(maps)) != EOF;)
		held.mappings += c == '\n';
	fclose(maps);
	expect_zero(t, iommut_accounting_get(&accounting));
	held.accounted = accounting.pinned + accounting.locked;
	add_counters_up();
	held.pinned = pinned_pages();
	return held;
}

struct things {
	struct iommut_space *space;
	struct iommut_device *device;
	struct engine engine;
	struct iommut_memory *memory;
	struct iommut_memory *staging;
	struct iommut_irqs *irqs;
};

static void open_all(struct test *t, struct things *things, enum iommut_backend backend,
		     const struct engine_driver *driver)
{
	struct engine *engine = &things->engine;
	enum iommut_irq_kind kind;

	memset(things, 0, sizeof(*things));
	expect_zero(t, iommut_space_open(&things->space, backend));
	expect_zero(t, iommut_device_open(&things->device, things->space, test_device_name(t, 0)));
	expect_zero(t, engine_open(engine, driver, things->device));
	expect_zero(t, iommut_memory_alloc(&things->memory, LENGTH, IOMMUT_MEMORY_ANONYMOUS));
	expect_zero(t, iommut_space_map(things->space, things->memory->address, LENGTH, MEMORY_AT,
					IOMMUT_RW));
	if (driver->needs_staging) {
		struct engine_staging staging = { .iova = STAGING_AT,
						  .length = ENGINE_STAGING_SIZE };

		expect_zero(t, iommut_memory_alloc(&things->staging, staging.length,
						   IOMMUT_MEMORY_ANONYMOUS));
		staging.address = things->staging->address;
		expect_zero(t, iommut_space_map(things->space, staging.address, staging.length,
						staging.iova, IOMMUT_RW));
		expect_zero(t, engine_stage(engine, &staging));
	}
	if (!engine_irq_kind(engine, &kind))
		expect_zero(t, iommut_irqs_open(&things->irqs, things->device, kind, 1));
}

/* The device does DMA and interrupts; with iommufd it also moves to a page table of its own and back. */
static void use_all(struct test *t, struct things *things)
{
	struct engine *engine = &things->engine;
	bool own = engine->capabilities & ENGINE_OWN_BYTES;
	struct engine_transfer given = { .operation = own ? ENGINE_OP_WRITE : ENGINE_OP_FILL,
					 .pasid = IOMMUT_NO_PASID,
					 .iova = MEMORY_AT,
					 .length = USED,
					 .operand = engine->fill_pattern };
	uint8_t bytes[USED], *memory = things->memory->address;
	struct engine_result result;
	uint64_t interrupts;

	memset(memory, CANARY, LENGTH);
	if (engine->capabilities & ENGINE_WRITE) {
		iommut_pattern_fill(bytes, sizeof(bytes), random64(t), 0);
		expect_zero(t, engine_write(engine, MEMORY_AT, bytes, sizeof(bytes), &result));
		expect_equal(t, result.status, ENGINE_OK);
		expect_bytes(t, memory, bytes, sizeof(bytes));
	} else {
		expect_zero(t, engine_run(engine, &given, &result));
		expect_equal(t, result.status, ENGINE_OK);
		expect(t, memory[0] != CANARY && memory[USED] == CANARY);
	}
	if (things->irqs) {
		expect_zero(t, engine->driver->interrupt(engine, 0));
		expect_zero(t, iommut_irqs_wait(things->irqs, 0, engine->deadline_ms, &interrupts));
	}
	if (iommut_space_backend(things->space) == IOMMUT_IOMMUFD) {
		struct iommut_hwpt *hwpt;
		uint32_t ioas_id;

		expect_zero(t, iommut_space_ioas(things->space, &ioas_id));
		expect_zero(t, iommut_hwpt_open(&hwpt, things->device, things->space, 0, NULL));
		expect_zero(t, iommut_device_attach(things->device, iommut_hwpt_id(hwpt)));
		expect_zero(t, iommut_device_attach(things->device, ioas_id));
		expect_zero(t, iommut_hwpt_close(hwpt));
	}
}

/* @unmap: memory is unmapped; otherwise the space's end has to do it. */
static void close_all(struct test *t, struct things *things, bool unmap)
{
	if (unmap)
		expect_zero(t, iommut_space_unmap(things->space, MEMORY_AT, LENGTH, NULL));
	iommut_irqs_close(things->irqs);
	engine_close(&things->engine);
	iommut_device_close(things->device);
	iommut_space_close(things->space);
	iommut_memory_free(things->staging);
	iommut_memory_free(things->memory);
}

static void do_rounds(struct test *t, int rounds)
{
	struct rig *rig = rig_open(t);
	const struct engine_driver *driver = rig->engine.driver;
	enum iommut_backend backend = iommut_space_backend(rig->space);
	struct held before = { 0 }, during, after;
	struct things things;

	if (!(rig->engine.capabilities & (ENGINE_WRITE | ENGINE_FILL | ENGINE_OWN_BYTES)))
		need(rig, ENGINE_WRITE);
	rig_close(rig);
	for (int round = 0; round < WARM_UP + rounds; round++) {
		if (round == WARM_UP)
			before = count(t);
		open_all(t, &things, backend, driver);
		use_all(t, &things);
		if (round == WARM_UP) {
			during = count(t);
			expect(t, during.files > before.files);
			expect(t, during.mappings > before.mappings);
			expect(t, during.accounted >= before.accounted + LENGTH);
			expect(t,
			       before.pinned < 0 || during.pinned >= before.pinned + LENGTH / 4096);
		}
		close_all(t, &things, round % 2);
	}
	after = count(t);
	note(t,
	     "%d rounds: %u files, %u mappings, %" PRIu64 " bytes accounted, %" PRId64
	     " pages pinned before; %u, %u, %" PRIu64 ", %" PRId64 " after",
	     rounds, before.files, before.mappings, before.accounted, before.pinned, after.files,
	     after.mappings, after.accounted, after.pinned);
	expect_equal(t, after.files, before.files);
	expect_equal(t, after.mappings, before.mappings);
	expect_equal(t, after.accounted, before.accounted);
	expect_equal(t, after.pinned, before.pinned);
}

CASE(few, .proves = "ten rounds of opening, DMA and closing leave no file, mapping or pinned page",
     .rule = "close(2), munmap(2), iommufd.rst: objects go with their file",
     .marks = LIST("smoke", "exclusive"), .needs = LIST("engine.write"), .parameters = { BACKENDS },
     .timeout_ms = 60000)
{
	do_rounds(t, 10);
}

CASE(thousand,
     .proves =
	     "a thousand rounds of opening, DMA and closing leave no file, mapping or pinned page",
     .rule = "close(2), munmap(2), iommufd.rst: objects go with their file",
     .marks = LIST("stress", "exclusive"), .needs = LIST("engine.write"),
     .parameters = { BACKENDS }, .timeout_ms = 600000)
{
	do_rounds(t, 1000);
}
