// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What an engine promises (engines/engine.h), checked against the device it drives. Everything else
 * in this project believes what engines say: these cases are why it may. An engine that passes them
 * all on type1 and iommufd is fit for use.
 */
#include <stdlib.h>
#include <string.h>

#include <iommut/irq.h>
#include <iommut/pattern.h>

#include "harness/dma.h"

SUITE("conformance", "engines keep their promises");

#define ROUNDS 50

static struct engine_transfer transfer_of(enum engine_operation operation, uint64_t iova,
					  uint32_t length)
{
	struct engine_transfer transfer = {
		.operation = operation,
		.pasid = IOMMUT_NO_PASID,
		.iova = iova,
		.length = length,
	};

	return transfer;
}

static uint8_t *block(struct test *t, size_t length)
{
	uint8_t *bytes = malloc(length);

	if (!bytes)
		fail(t, "out of memory");
	undo_later(t, free, bytes);
	iommut_pattern_fill(bytes, length, random64(t), 0);
	return bytes;
}

/* The longest transfer at this place that the engine says it can start. */
static uint32_t random_length(struct rig *rig)
{
	uint32_t longest = rig->engine.max_length < rig->engine.buffer_size
				   ? rig->engine.max_length
				   : rig->engine.buffer_size;

	return 1 + (uint32_t)random_below(rig->t, longest);
}

CASE(identity, .proves = "an engine says something usable of itself and of the device",
     .rule = "engines/engine.h: struct engine", .parameters = { BACKENDS })
{
	struct rig *rig = rig_open(t);
	const struct engine *engine = &rig->engine;

	expect(t, engine->driver->name && *engine->driver->name);
	expect(t, engine->driver->description && *engine->driver->description);
	expect(t, engine_by_name(engine->driver->name) == engine->driver);
	expect(t, engine->max_length > 0);
	expect(t,
	       engine->buffer_size > 0 || !(engine->capabilities & (ENGINE_READ | ENGINE_WRITE)));
	expect(t, engine->dma_mask >= 0xfff && !(engine->dma_mask & (engine->dma_mask + 1)));
	expect(t, engine->deadline_ms > 0);
	expect(t, engine->driver->interrupt ||
			  !(engine->capabilities & (ENGINE_MSI | ENGINE_MSIX | ENGINE_INTX)));
	note(t,
	     "%s: capabilities 0x%x, %u bytes at once, buffer of %u bytes, addresses up to 0x%llx",
	     engine->driver->name, engine->capabilities, engine->max_length, engine->buffer_size,
	     (unsigned long long)engine->dma_mask);
}

CASE(load_store, .proves = "what is put into the device's buffer can be taken out of it",
     .rule = "engines/engine.h: load, store", .needs = LIST("engine.read", "engine.write"),
     .parameters = { BACKENDS })
{
	struct rig *rig = rig_open(t);
	struct engine *engine = &rig->engine;
	uint8_t *in = block(t, engine->buffer_size);
	uint8_t *out = block(t, engine->buffer_size);
	uint8_t byte = 0;

	need(rig, ENGINE_READ | ENGINE_WRITE);
	for (int round = 0; round < 3; round++) {
		iommut_pattern_fill(in, engine->buffer_size, random64(t), 0);
		expect_zero(t, engine->driver->load(engine, 0, in, engine->buffer_size));
		expect_zero(t, engine->driver->store(engine, 0, out, engine->buffer_size));
		expect_bytes(t, out, in, engine->buffer_size);
	}
	expect(t, engine->driver->load(engine, engine->buffer_size, &byte, 1) < 0);
	expect(t, engine->driver->store(engine, engine->buffer_size, &byte, 1) < 0);
	expect(t, engine->driver->store(engine, UINT32_MAX, &byte, 1) < 0);
}

CASE(write_exact,
     .proves = "a write that ended puts all its bytes into memory, no other byte, and at once",
     .rule = "engines/engine.h: ENGINE_OP_WRITE, poll", .marks = LIST("smoke"),
     .needs = LIST("engine.write"), .parameters = { BACKENDS }, .timeout_ms = 60000)
{
	struct rig *rig = rig_open(t);
	uint32_t longest = rig->engine.buffer_size;
	struct dma_buffer *buffer = map_buffer(rig, longest + 8192);
	uint8_t *bytes = block(t, longest);

	need(rig, ENGINE_WRITE);
	for (int round = 0; round < ROUNDS; round++) {
		uint32_t length = random_length(rig);
		size_t offset = (size_t)random_below(t, 8192 - 64);

		iommut_pattern_fill(bytes, length, random64(t), 0);
		fill_canary(buffer);
		expect_write(rig, buffer->iova + offset, bytes, length);
		expect_bytes(t, buffer->data + offset, bytes, length);
		expect_canary_at(buffer, 0, offset);
		expect_canary_at(buffer, offset + length, buffer->length - offset - length);
	}
}

CASE(read_exact,
     .proves = "a read that ended has seen all bytes as they are in memory, and changed none",
     .rule = "engines/engine.h: ENGINE_OP_READ", .marks = LIST("smoke"),
     .needs = LIST("engine.read"), .parameters = { BACKENDS }, .timeout_ms = 60000)
{
	struct rig *rig = rig_open(t);
	uint32_t longest = rig->engine.buffer_size;
	struct dma_buffer *buffer = map_buffer(rig, longest + 8192);
	uint8_t *seen = block(t, longest);

	need(rig, ENGINE_READ);
	for (int round = 0; round < ROUNDS; round++) {
		uint64_t seed = random64(t);
		uint32_t length = random_length(rig);
		size_t offset = (size_t)random_below(t, 8192 - 64);
		struct iommut_mismatch mismatch;
		char text[512];

		iommut_pattern_fill(buffer->data, buffer->length, seed, 0);
		memset(seen, 0, length);
		expect_read(rig, buffer->iova + offset, seen, length);
		expect_bytes(t, seen, buffer->data + offset, length);
		if (iommut_pattern_verify(buffer->data, buffer->length, seed, 0, &mismatch)) {
			iommut_mismatch_format(&mismatch, text, sizeof(text));
			fail(t, "the read changed memory\n%s", text);
		}
	}
}

CASE(result,
     .proves = "a transfer that ended well says so, with the number of its bytes where it counts "
	       "them",
     .rule = "engines/engine.h: struct engine_result", .needs = LIST("engine.write"),
     .parameters = { BACKENDS })
{
	struct rig *rig = rig_open(t);
	struct dma_buffer *buffer = map_buffer(rig, 8192);
	struct engine_result result;

	need(rig, ENGINE_WRITE);
	for (int round = 0; round < 10; round++) {
		uint32_t length = 64u << random_below(t, 4);
		struct engine_transfer transfer =
			transfer_of(ENGINE_OP_WRITE, buffer->iova, length);

		expect_transfer(rig, &transfer, ENGINE_OK, &result);
		expect_that(t, result.bytes == length || result.bytes == 0,
			    "%llu bytes instead of %u", (unsigned long long)result.bytes, length);
	}
}

CASE(one_at_a_time,
     .proves = "an engine that is busy takes no second transfer, and ends the first as if nothing "
	       "had been",
     .rule = "engines/engine.h: start", .needs = LIST("engine.write"), .parameters = { BACKENDS })
{
	struct rig *rig = rig_open(t);
	struct engine *engine = &rig->engine;
	struct dma_buffer *first = map_buffer(rig, 8192);
	struct dma_buffer *second = map_buffer(rig, 8192);
	uint32_t length = engine->buffer_size < 4096 ? engine->buffer_size : 4096;
	struct engine_transfer one = transfer_of(ENGINE_OP_WRITE, first->iova, length);
	struct engine_transfer two = transfer_of(ENGINE_OP_WRITE, second->iova, length);
	uint8_t *bytes = block(t, length);
	struct engine_result result;

	need(rig, ENGINE_WRITE);
	expect_zero(t, engine->driver->load(engine, 0, bytes, length));
	fill_canary(first);
	fill_canary(second);
	expect_zero(t, engine->driver->start(engine, &one));
	expect_errno(t, engine->driver->start(engine, &two), EBUSY);
	expect_zero(t, engine_wait(engine, &result, 0));
	expect_equal(t, result.status, ENGINE_OK);
	expect_bytes(t, first->data, bytes, length);
	expect_canary(second);
	expect_zero(t, engine_run(engine, &two, &result));
	expect_bytes(t, second->data, bytes, length);
}

CASE(refuses_nonsense,
     .proves = "a transfer that the device cannot do is refused before anything moves",
     .rule = "engines/engine.h: start", .parameters = { BACKENDS })
{
	struct rig *rig = rig_open(t);
	struct engine *engine = &rig->engine;
	struct dma_buffer *buffer = map_buffer(rig, 8192);
	struct engine_transfer good = transfer_of(ENGINE_OP_WRITE, buffer->iova, 64), bad;

	need(rig, ENGINE_WRITE);
	fill_canary(buffer);
	bad = good;
	bad.length = 0;
	expect(t, engine->driver->start(engine, &bad) < 0);
	if (engine->max_length < UINT32_MAX) {
		bad.length = engine->max_length + 1;
		expect(t, engine->driver->start(engine, &bad) < 0);
	}
	bad = good;
	bad.buffer = engine->buffer_size;
	expect(t, engine->driver->start(engine, &bad) < 0);
	bad = good;
	bad.iova = UINT64_MAX - 15;
	expect(t, engine->driver->start(engine, &bad) < 0);
	if (engine->dma_mask < UINT64_MAX) {
		bad.iova = engine->dma_mask - 15;
		expect(t, engine->driver->start(engine, &bad) < 0);
	}
	bad = good;
	bad.operation = (enum engine_operation)77;
	expect_errno(t, engine->driver->start(engine, &bad), EOPNOTSUPP);
	if (!(engine->capabilities & ENGINE_PASID)) {
		bad = good;
		bad.pasid = 1;
		expect_errno(t, engine->driver->start(engine, &bad), EOPNOTSUPP);
	}
	if (!(engine->capabilities & ENGINE_ATS)) {
		bad = good;
		bad.flags = ENGINE_TRANSLATED;
		expect_errno(t, engine->driver->start(engine, &bad), EOPNOTSUPP);
	}
	if (!(engine->capabilities & ENGINE_COPY)) {
		bad = good;
		bad.operation = ENGINE_OP_COPY;
		bad.target = buffer->iova + 4096;
		expect_errno(t, engine->driver->start(engine, &bad), EOPNOTSUPP);
	}
	expect_canary(buffer);
	expect_reaches(buffer);
}

CASE(tells_errors,
     .proves = "an engine that sees errors calls every blocked transfer blocked, and no other",
     .rule = "engines/engine.h: ENGINE_SEES_ERRORS", .needs = LIST("engine.sees-errors"),
     .parameters = { BACKENDS, PARAMETER("operation", "read", "write") })
{
	struct rig *rig = rig_open(t);
	bool write = param_is(t, "operation", "write");
	struct dma_buffer *buffer = map_buffer(rig, 4096);
	uint64_t nowhere = free_iova(rig, 4096);
	struct engine_result result;

	need(rig, ENGINE_SEES_ERRORS | (write ? ENGINE_WRITE : ENGINE_READ));
	for (int round = 0; round < ROUNDS; round++) {
		bool blocked = random_below(t, 2);
		struct engine_transfer transfer =
			transfer_of(write ? ENGINE_OP_WRITE : ENGINE_OP_READ,
				    blocked ? nowhere : buffer->iova, 4);

		expect_transfer(rig, &transfer, blocked ? ENGINE_BLOCKED : ENGINE_OK, &result);
	}
}

CASE(tells_permission,
     .proves = "a write to memory that may only be read is an error, a read of it is none",
     .rule = "engines/engine.h: ENGINE_SEES_ERRORS", .needs = LIST("engine.sees-errors"),
     .parameters = { BACKENDS })
{
	struct rig *rig = rig_open(t);
	struct dma_buffer *buffer =
		map_buffer_with(rig, 4096, &(struct buffer_options){ .access = IOMMUT_READ });
	struct engine_transfer write = transfer_of(ENGINE_OP_WRITE, buffer->iova, 4);
	struct engine_transfer read = transfer_of(ENGINE_OP_READ, buffer->iova, 4);
	struct engine_result result;

	need(rig, ENGINE_SEES_ERRORS | ENGINE_READ | ENGINE_WRITE);
	fill_canary(buffer);
	expect_transfer(rig, &read, ENGINE_OK, &result);
	expect_transfer(rig, &write, ENGINE_BLOCKED, &result);
	expect_transfer(rig, &read, ENGINE_OK, &result);
	expect_canary(buffer);
}

CASE(tells_address,
     .proves = "an engine that knows where a transfer failed names the first address that is not "
	       "mapped",
     .rule = "engines/engine.h: ENGINE_EXACT_ADDRESS", .needs = LIST("engine.exact-address"),
     .parameters = { BACKENDS })
{
	struct rig *rig = rig_open(t);
	uint64_t iova = free_iova(rig, 8192);
	struct dma_buffer *buffer = map_buffer_with(
		rig, 4096,
		&(struct buffer_options){ .iova = iova, .fixed = true, .access = IOMMUT_RW });
	struct engine_result result;

	need(rig, ENGINE_EXACT_ADDRESS | ENGINE_WRITE);
	for (int round = 0; round < 10; round++) {
		uint32_t inside = 4 * (uint32_t)(1 + random_below(t, 100));
		struct engine_transfer transfer =
			transfer_of(ENGINE_OP_WRITE, iova + 4096 - inside, inside + 64);

		fill_canary(buffer);
		expect_transfer(rig, &transfer, ENGINE_BLOCKED, &result);
		expect_equal(t, result.address, iova + 4096);
		expect_canary_at(buffer, 0, 4096 - inside);
	}
}

CASE(recovers, .proves = "after a blocked transfer the next one works",
     .rule = "engines/engine.h: start", .needs = LIST("engine.write"), .parameters = { BACKENDS },
     .timeout_ms = 60000)
{
	struct rig *rig = rig_open(t);
	struct dma_buffer *buffer = map_buffer(rig, 4096);
	uint64_t nowhere = free_iova(rig, 4096);

	need(rig, ENGINE_WRITE);
	for (int round = 0; round < 5; round++) {
		expect_write_blocked(rig, nowhere, 4);
		expect_reaches(buffer);
		if (rig->engine.capabilities & ENGINE_READ) {
			struct engine_transfer read = transfer_of(ENGINE_OP_READ, nowhere, 4);
			struct engine_result result;

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
	uint32_t length =
		engine->max_length < engine->buffer_size ? engine->max_length : engine->buffer_size;
	struct dma_buffer *buffer = map_buffer(rig, length);
	const struct engine_driver *driver = engine->driver;
	struct engine_transfer transfer = transfer_of(ENGINE_OP_WRITE, buffer->iova, length);
	uint8_t *bytes = block(t, length);

	need(rig, ENGINE_WRITE);
	for (int round = 0; round < 3; round++) {
		expect_zero(t, engine->driver->load(engine, 0, bytes, length));
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

CASE(quiet_at_rest, .proves = "opening and closing an engine makes the device touch nothing",
     .rule = "engines/engine.h: init, remove", .parameters = { IOMMUFD_ONLY })
{
	/* Attached to nothing: whatever the device sends would be a fault. */
	struct rig *rig = rig_open_in(
		t, NULL, 0, &(struct iommut_device_options){ .flags = IOMMUT_DEVICE_DETACHED });
	const struct engine_driver *driver = rig->engine.driver;
	struct fault_watch *watch = watch_faults(t);
	struct iommut_fault fault;

	for (int round = 0; round < 3; round++) {
		engine_close(&rig->engine);
		expect_zero(t, engine_open(&rig->engine, driver, rig->device));
	}
	engine_close(&rig->engine);
	expect(t, !fault_reported(watch, rig, 0, SIZE_MAX, true, 0, &fault));
	expect_zero(t, engine_open(&rig->engine, driver, rig->device));
}

CASE(abort_ends, .proves = "a transfer that is aborted ends, and the engine works after it",
     .rule = "engines/engine.h: abort", .needs = LIST("engine.write"), .parameters = { BACKENDS },
     .timeout_ms = 60000)
{
	struct rig *rig = rig_open(t);
	struct engine *engine = &rig->engine;
	struct dma_buffer *buffer = map_buffer(rig, 4096);
	struct engine_transfer transfer = transfer_of(ENGINE_OP_WRITE, buffer->iova, 64);
	struct engine_result result;

	need(rig, ENGINE_WRITE);
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
	int error;

	need(rig, ENGINE_WRITE);
	expect_reaches(buffer);
	error = iommut_device_reset(rig->device);
	if (error == -EINVAL || error == -ENOTTY)
		skip(t, "the kernel has no way to reset the device",
		     "a device with FLR, or behind a root port of its own");
	expect_zero(t, error);
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
