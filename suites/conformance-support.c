// SPDX-License-Identifier: GPL-2.0-or-later
/* Transfers for the cases about engines. */

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

/* Or for one whose bytes nobody can choose. */
static bool writes_own(const struct engine *engine)
{
	return engine->capabilities & ENGINE_OWN_BYTES && !(engine->capabilities & ENGINE_WRITE);
}

void need_writer(struct rig *rig)
{
	if (!writes_pattern(&rig->engine) && !writes_own(&rig->engine))
		need(rig, ENGINE_WRITE);
}

int rounds_of(const struct engine *engine)
{
	return engine->transfer_ms >= 10 ? 6 : 50;
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
	bool settles = writes_pattern(engine) || writes_own(engine);
	uint32_t longest = settles ? 4096 : engine->buffer_size;

	return longest < engine->max_length ? longest : engine->max_length;
}

/* Random bytes, those of the pattern, or the device's own: what write_of() is to put into memory. */
uint8_t *load_block(struct rig *rig, uint32_t length)
{
	struct engine *engine = &rig->engine;
	uint8_t *bytes = random_bytes(rig->t, length);

	if (writes_pattern(engine))
		pattern_bytes(bytes, length, engine->fill_pattern);
	else if (writes_own(engine))
		expect_zero(rig->t, engine->driver->store(engine, 0, bytes, length));
	else
		expect_zero(rig->t, engine->driver->load(engine, 0, bytes, length));
	return bytes;
}

/* The longest transfer through the device's buffer that the engine says it can start. */
static uint32_t longest_through_buffer(const struct engine *engine)
{
	return engine->max_length < engine->buffer_size ? engine->max_length : engine->buffer_size;
}

uint32_t usual_length(const struct rig *rig)
{
	uint32_t longest = longest_through_buffer(&rig->engine);

	return longest < 65536 ? longest : 65536;
}

uint32_t some_length(struct rig *rig, int round)
{
	if (round < 2)
		return round ? 1 : longest_through_buffer(&rig->engine);
	return 1 + (uint32_t)random_below(rig->t, usual_length(rig));
}
