// SPDX-License-Identifier: GPL-2.0-or-later
/* Transfers for the cases about engines. */
#include <stdlib.h>

#include <iommut/pattern.h>

#include "suites/conformance.h"

struct engine_transfer transfer_of(enum engine_operation operation, uint64_t iova, uint32_t length)
{
	struct engine_transfer transfer = {
		.operation = operation,
		.pasid = IOMMUT_NO_PASID,
		.iova = iova,
		.length = length,
	};

	return transfer;
}

/* Also for an engine that has one pattern to write and no bytes of its own. */
static bool writes_pattern(const struct engine *engine)
{
	return engine->fill_pattern && !(engine->capabilities & ENGINE_WRITE);
}

void need_writer(struct rig *rig)
{
	if (!writes_pattern(&rig->engine))
		need(rig, ENGINE_WRITE);
}

struct engine_transfer write_of(const struct engine *engine, uint64_t iova, uint32_t length)
{
	struct engine_transfer transfer = transfer_of(ENGINE_OP_WRITE, iova, length);

	if (writes_pattern(engine)) {
		transfer.operation = ENGINE_OP_FILL;
		transfer.operand = engine->fill_pattern;
	}
	return transfer;
}

void pattern_bytes(uint8_t *bytes, size_t length, uint64_t pattern)
{
	for (size_t i = 0; i < length; i++)
		bytes[i] = (uint8_t)(pattern >> i % 8 * 8);
}

/* The longest write that ends soon. */
uint32_t longest_write(const struct engine *engine)
{
	uint32_t longest = writes_pattern(engine) ? 4096 : engine->buffer_size;

	return longest < engine->max_length ? longest : engine->max_length;
}

uint8_t *block(struct test *t, size_t length)
{
	uint8_t *bytes = malloc(length);

	if (!bytes)
		fail(t, "out of memory");
	undo_later(t, free, bytes);
	iommut_pattern_fill(bytes, length, random64(t), 0);
	return bytes;
}

/* Random bytes, or those of the pattern: what write_of() is to put into memory. */
uint8_t *load_block(struct rig *rig, uint32_t length)
{
	struct engine *engine = &rig->engine;
	uint8_t *bytes = block(rig->t, length);

	if (writes_pattern(engine))
		pattern_bytes(bytes, length, engine->fill_pattern);
	else
		expect_zero(rig->t, engine->driver->load(engine, 0, bytes, length));
	return bytes;
}

/* The longest transfer at this place that the engine says it can start. */
uint32_t random_length(struct rig *rig)
{
	uint32_t longest = rig->engine.max_length < rig->engine.buffer_size
				   ? rig->engine.max_length
				   : rig->engine.buffer_size;

	return 1 + (uint32_t)random_below(rig->t, longest);
}
