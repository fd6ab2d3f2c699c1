// SPDX-License-Identifier: GPL-2.0-or-later
/* What an engine promises about errors, closing, resets and interrupts. */
#include <iommut/irq.h>

#include "suites/conformance.h"

CASE(recovers, .proves = "after a blocked transfer the next one works",
     .rule = "engines/engine.h: start", .needs = LIST("engine.write"), .parameters = { BACKENDS },
     .timeout_ms = 60000)
{
	struct rig *rig = rig_open(t);
	struct dma_buffer *buffer = map_buffer(rig, 4096);
	uint64_t nowhere = free_iova(rig, 4096);

	need_writer(rig);
	for (int round = 0; round < 5; round++) {
		expect_write_blocked(rig, nowhere, 4);
		expect_reaches(buffer);
		if (rig->engine.capabilities & ENGINE_READ) {
			struct engine_transfer read = transfer_of(ENGINE_OP_READ, nowhere, 4);
			struct engine_result result;

			provokes_transfer(rig, &read);
			expect_zero(t, engine_run(&rig->engine, &read, &result));
			expect_reaches(buffer);
		}
	}
}

CASE(rests_when_closed,
     .proves = "an engine that is closed in the midst of a transfer leaves nothing in flight",
     .rule = "engines/engine.h: remove", .needs = LIST("engine.write"), .parameters = { BACKENDS },
     .timeout_ms = 60000)
{
	struct rig *rig = rig_open(t);
	struct engine *engine = &rig->engine;
	const struct engine_driver *driver = engine->driver;
	uint32_t length = longest_write(engine);
	struct engine_transfer transfer;
	struct dma_buffer *buffer;

	need_writer(rig);
	buffer = map_buffer(rig, length);
	transfer = write_of(engine, buffer->iova, length);
	for (int round = 0; round < 3; round++) {
		load_block(rig, length);
		expect_zero(t, engine->driver->start(engine, &transfer));
		engine_close(engine);
		fill_canary(buffer);
		/*
		 * A new engine's first transfer comes after whatever the old one might have left.
		 */
		expect_zero(t, engine_open(engine, driver, rig->device));
		expect_canary(buffer);
		rig_stage(rig);
		expect_reaches(map_buffer(rig, 4096));
		expect_canary(buffer);
	}
	engine_close(engine);
	engine_close(engine);
	expect_zero(t, engine_open(engine, driver, rig->device));
}

/* Nothing is mapped here, nor anywhere else. */
#define NOWHERE       0x200000
#define NOWHERE_BYTES 0x100000
#define SETTLED_MS    20
#define CONCLUSIVE_MS 20000
#define REPORTED_MS   250

/* The device tries to write, or to read what its engine has for it to do. How that ends is not the question. */
static void reach_nowhere(void *argument)
{
	struct rig *rig = argument;
	struct engine_transfer write = write_of(&rig->engine, NOWHERE, 4);
	struct engine_result result;

	(void)engine_run(&rig->engine, &write, &result);
}

static void open_again(struct rig *rig, const struct engine_driver *driver, void *staging)
{
	const struct engine_staging nowhere = { .address = staging,
						.iova = NOWHERE,
						.length = ENGINE_STAGING_SIZE };

	engine_close(&rig->engine);
	expect_zero(rig->t, engine_open(&rig->engine, driver, rig->device));
	if (driver->needs_staging)
		expect_zero(rig->t, engine_stage(&rig->engine, &nowhere));
}

CASE(quiet_at_rest, .proves = "opening and closing an engine makes the device touch nothing",
     .rule = "engines/engine.h: init, remove", .marks = LIST("exclusive"), .timeout_ms = 40000,
     .parameters = { IOMMUFD_ONLY })
{
	struct rig *rig = rig_open_in(
		t, NULL, 0, &(struct iommut_device_options){ .flags = IOMMUT_DEVICE_DETACHED });
	const struct engine_driver *driver = rig->engine.driver;
	struct fault_watch *watch = watch_faults(t);
	void *staging = random_bytes(t, ENGINE_STAGING_SIZE);
	int64_t end = now_ms() + CONCLUSIVE_MS;
	struct iommut_fault fault;
	uint32_t ioas;

	need_writer(rig);
	/*
	 * Nothing is mapped: whatever the device sends is a fault. Were it attached to nothing, not every IOMMU would report that:
	 * QEMU's AMD-Vi does not.
	 */
	expect_zero(t, iommut_space_ioas(rig->space, &ioas));
	expect_zero(t, iommut_device_attach(rig->device, ioas));
	provokes_dma(rig, PROVOKED_READ | PROVOKED_WRITE, NOWHERE, NOWHERE_BYTES, IOMMUT_NO_PASID);
	/*
	 * Silence says something only where a fault would have been reported: the device's own is, before it and after it. The
	 * kernel may have reached its limit in between; then once more.
	 */
	do {
		expect_that(t, now_ms() < end, "the kernel never reported two faults in a row");
		open_again(rig, driver, staging);
		provoke_report(watch, rig, NOWHERE, reach_nowhere, rig, &fault);
		engine_close(&rig->engine);
		while (any_fault_reported(watch, rig, SETTLED_MS))
			;
		for (int round = 0; round < 3; round++) {
			expect_zero(t, engine_open(&rig->engine, driver, rig->device));
			engine_close(&rig->engine);
		}
		expect_that(t, !any_fault_reported(watch, rig, SETTLED_MS),
			    "the device was refused something, of which the line before tells");
		expect_zero(t, engine_open(&rig->engine, driver, rig->device));
		open_again(rig, driver, staging);
		reach_nowhere(rig);
	} while (!any_fault_reported(watch, rig, REPORTED_MS));
}

CASE(abort_ends, .proves = "a transfer that is aborted ends, and the engine works after it",
     .rule = "engines/engine.h: abort", .needs = LIST("engine.write"), .parameters = { BACKENDS },
     .timeout_ms = 60000)
{
	struct rig *rig = rig_open(t);
	struct engine *engine = &rig->engine;
	struct dma_buffer *buffer = map_buffer(rig, 4096);
	struct engine_transfer transfer = write_of(engine, buffer->iova, 64);
	struct engine_result result;

	need_writer(rig);
	if (!engine->driver->abort)
		skip(t, "the engine cannot abort", "an engine that can");
	for (int round = 0; round < 3; round++) {
		expect_zero(t, engine->driver->start(engine, &transfer));
		expect_zero(t, engine->driver->abort(engine));
		expect_zero(t, engine_wait(engine, &result, 0));
		expect_that(t, result.status == ENGINE_OK || result.status == ENGINE_ABORTED,
			    "status %s", engine_status_name(result.status));
		expect_reaches(buffer);
	}
	/* With nothing in flight there is nothing to end. */
	expect_zero(t, engine->driver->abort(engine));
	expect_reaches(buffer);
}

CASE(survives_reset,
     .proves = "after a reset of the function the engine works without being opened again",
     .rule = "engines/engine.h: start", .needs = LIST("engine.write"), .parameters = { BACKENDS },
     .timeout_ms = 60000)
{
	struct rig *rig = rig_open(t);
	struct dma_buffer *buffer = map_buffer(rig, 4096);

	need_writer(rig);
	need_reset(rig);
	expect_reaches(buffer);
	expect_zero(t, iommut_device_reset(rig->device));
	expect_zero(t, iommut_device_bus_master(rig->device, true));
	expect_reaches(buffer);
}

CASE(interrupts_once,
     .proves = "each interrupt that is raised arrives once, at its own vector, and none by itself",
     .rule = "engines/engine.h: interrupt", .needs = LIST("engine.msi"), .parameters = { BACKENDS })
{
	struct rig *rig = rig_open(t);
	struct engine *engine = &rig->engine;
	enum iommut_irq_kind kind;
	struct iommut_irqs *irqs;
	uint32_t vectors;
	uint64_t count;

	if (engine_irq_kind(engine, &kind) || kind == IOMMUT_INTX)
		skip(t, "the engine can raise no message signalled interrupt",
		     "an engine that can");
	expect_zero(t, iommut_irq_count(rig->device, kind, &vectors, NULL));
	if (vectors > 4)
		vectors = 4;
	expect_zero(t, iommut_irqs_open(&irqs, rig->device, kind, vectors));
	undo_later(t, (void (*)(void *))iommut_irqs_close, irqs);
	for (uint32_t vector = 0; vector < vectors; vector++) {
		/* An engine may have fewer interrupts than the function has vectors. */
		if (engine->driver->interrupt(engine, vector) == -EINVAL && vector)
			break;
		expect_zero(t, iommut_irqs_wait(irqs, vector, engine->deadline_ms, &count));
		expect_equal(t, count, 1);
		for (uint32_t other = 0; other < vectors; other++)
			expect_errno(t, iommut_irqs_wait(irqs, other, 0, &count), ETIMEDOUT);
	}
	expect(t, engine->driver->interrupt(engine, UINT32_MAX) < 0);
}
