// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What an engine promises (engines/engine.h), checked against the device it drives. Everything else
 * in this project believes what engines say: these cases are why it may. An engine that passes them
 * all on type1 and iommufd is fit for use.
 */
#include <string.h>

#include <iommut/pattern.h>

#include "suites/conformance.h"

SUITE("conformance", "engines keep their promises");

/* Bytes around a transfer that must stay as they are. */
#define AROUND 8192

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
	uint8_t *in = random_bytes(t, engine->buffer_size);
	uint8_t *out = random_bytes(t, engine->buffer_size);
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
	uint32_t longest = some_length(rig, 0);
	struct dma_buffer *buffer = map_buffer(rig, longest + AROUND);
	uint8_t *bytes = random_bytes(t, longest);
	size_t used;

	need(rig, ENGINE_WRITE);
	used = usual_length(rig) + AROUND;
	for (int round = 0; round < rounds_of(&rig->engine); round++) {
		uint32_t length = some_length(rig, round);
		size_t offset = (size_t)random_below(t, AROUND - 64);
		size_t looked_at = round ? used : buffer->length;

		iommut_pattern_fill(bytes, length, random64(t), 0);
		/* What only the longest reaches is filled for good behind it. */
		if (round == 1)
			fill_canary(buffer);
		memset(buffer->data, CANARY, looked_at);
		expect_write(rig, buffer->iova + offset, bytes, length);
		expect_bytes(t, buffer->data + offset, bytes, length);
		expect_canary_at(buffer, 0, offset);
		expect_canary_at(buffer, offset + length, looked_at - offset - length);
	}
	expect_canary_at(buffer, used, buffer->length - used);
}

CASE(fill_exact,
     .proves = "a fill that ended puts its pattern into all its bytes, no other byte, and at once",
     .rule = "engines/engine.h: ENGINE_OP_FILL", .marks = LIST("smoke"),
     .needs = LIST("engine.fill"), .parameters = { BACKENDS })
{
	struct rig *rig = rig_open(t);
	uint32_t longest = rig->engine.max_length < 65536 ? rig->engine.max_length : 65536;
	struct dma_buffer *buffer = map_buffer(rig, longest + 8192);
	uint8_t *bytes = random_bytes(t, longest);

	need(rig, ENGINE_FILL);
	for (int round = 0; round < rounds_of(&rig->engine); round++) {
		uint32_t length = 8 * (1 + (uint32_t)random_below(t, longest / 8));
		size_t offset = 8 * (size_t)random_below(t, 8192 / 8 - 8);
		struct engine_transfer fill =
			transfer_of(ENGINE_OP_FILL, buffer->iova + offset, length);

		fill.operand = rig->engine.fill_pattern ? rig->engine.fill_pattern : random64(t);
		pattern_bytes(bytes, length, fill.operand);
		fill_canary(buffer);
		expect_transfer(rig, &fill, ENGINE_OK, NULL);
		expect_bytes(t, buffer->data + offset, bytes, length);
		expect_canary_at(buffer, 0, offset);
		expect_canary_at(buffer, offset + length, buffer->length - offset - length);
	}
}

static void expect_pattern(struct rig *rig, const uint8_t *data, size_t length, uint64_t seed,
			   uint64_t offset)
{
	struct iommut_mismatch mismatch;
	char text[512];

	if (!iommut_pattern_verify(data, length, seed, offset, &mismatch))
		return;
	iommut_mismatch_format(&mismatch, text, sizeof(text));
	fail(rig->t, "the read changed memory\n%s", text);
}

CASE(read_exact,
     .proves = "a read that ended has seen all bytes as they are in memory, and changed none",
     .rule = "engines/engine.h: ENGINE_OP_READ", .marks = LIST("smoke"),
     .needs = LIST("engine.read"), .parameters = { BACKENDS }, .timeout_ms = 60000)
{
	struct rig *rig = rig_open(t);
	uint32_t longest = some_length(rig, 0);
	struct dma_buffer *buffer = map_buffer(rig, longest + AROUND);
	uint8_t *seen = random_bytes(t, longest);
	uint64_t first = random64(t);
	size_t used;

	need(rig, ENGINE_READ);
	used = usual_length(rig) + AROUND;
	for (int round = 0; round < rounds_of(&rig->engine); round++) {
		uint64_t seed = round ? random64(t) : first;
		uint32_t length = some_length(rig, round);
		size_t offset = (size_t)random_below(t, AROUND - 64);
		size_t looked_at = round ? used : buffer->length;

		iommut_pattern_fill(buffer->data, looked_at, seed, 0);
		memset(seen, 0, length);
		expect_read(rig, buffer->iova + offset, seen, length);
		expect_bytes(t, seen, buffer->data + offset, length);
		expect_pattern(rig, buffer->data, looked_at, seed, 0);
	}
	expect_pattern(rig, buffer->data + used, buffer->length - used, first, used);
}

CASE(own_exact,
     .proves =
	     "a device that writes bytes of its own writes those that it tells, no other byte, and "
	     "at once",
     .rule = "engines/engine.h: ENGINE_OWN_BYTES, store", .marks = LIST("smoke"),
     .parameters = { BACKENDS })
{
	struct rig *rig = rig_open(t);
	struct engine *engine = &rig->engine;
	struct dma_buffer *buffer = map_buffer(rig, engine->max_length + 8192);
	uint32_t last = engine->buffer_size > 4096 ? engine->buffer_size - 4096 : 0;
	const uint32_t pieces[][2] = {
		{ 0, 4 },      { 0, 64 }, { 0, 512 }, { 0, 4096 }, { 0, engine->max_length },
		{ last, 4096 }
	};
	uint8_t *bytes = random_bytes(t, engine->max_length + 4096);
	unsigned int kinds = 0;

	need(rig, ENGINE_OWN_BYTES);
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		struct engine_transfer write = transfer_of(ENGINE_OP_WRITE, 0, pieces[i][1]);
		int error;

		write.buffer = pieces[i][0];
		error = engine->driver->store(engine, write.buffer, bytes, write.length);
		if (error == -EOPNOTSUPP)
			continue;
		expect_zero(t, error);
		kinds++;
		for (int round = 0; round < 5; round++) {
			size_t offset = 4 * (size_t)random_below(t, 8192 / 4 - 16);

			write.iova = buffer->iova + offset;
			fill_canary(buffer);
			expect_transfer(rig, &write, ENGINE_OK, NULL);
			expect_bytes(t, buffer->data + offset, bytes, write.length);
			expect_canary_at(buffer, 0, offset);
			expect_canary_at(buffer, offset + write.length,
					 buffer->length - offset - write.length);
		}
	}
	expect(t, kinds > 0);
	expect(t, engine->driver->load(engine, 0, bytes, 64) == -EOPNOTSUPP);
}

CASE(compare_exact,
     .proves =
	     "a device that compares memory with its buffer sees each bit that differs, sees none "
	     "where there is none, and changes nothing",
     .rule = "engines/engine.h: ENGINE_OP_COMPARE", .marks = LIST("smoke"),
     .parameters = { BACKENDS })
{
	struct rig *rig = rig_open(t);
	struct engine *engine = &rig->engine;
	struct dma_buffer *buffer = map_buffer(rig, 4096 + 8192);
	uint32_t length = longest_write(engine) < 4096 ? longest_write(engine) : 4096;
	uint8_t *bytes, *before = random_bytes(t, buffer->length);
	struct engine_transfer compare;

	need(rig, ENGINE_COMPARE);
	need_writer(rig);
	bytes = load_block(rig, length);
	compare = transfer_of(ENGINE_OP_COMPARE, 0, length);
	for (int round = 0; round < rounds_of(engine); round++) {
		size_t offset = 4 * (size_t)random_below(t, 8192 / 4 - 16);
		uint8_t different = round % 2 ? (uint8_t)(1u << random_below(t, 8)) : 0;
		struct engine_result result;

		fill_canary(buffer);
		memcpy(buffer->data + offset, bytes, length);
		buffer->data[offset + random_below(t, length)] ^= different;
		memcpy(before, buffer->data, buffer->length);
		compare.iova = buffer->iova + offset;
		expect_transfer(rig, &compare, ENGINE_OK, &result);
		expect_equal(t, result.value, different ? 1 : 0);
		expect_bytes(t, buffer->data, before, buffer->length);
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

	need_writer(rig);
	for (int round = 0; round < 10; round++) {
		uint32_t length = 64u << random_below(t, 4);
		struct engine_transfer transfer = write_of(&rig->engine, buffer->iova, length);
		uint8_t *bytes = load_block(rig, length);

		fill_canary(buffer);
		expect_transfer(rig, &transfer, ENGINE_OK, &result);
		expect_bytes(t, buffer->data, bytes, length);
		expect_that(t, result.bytes == length || result.bytes == 0,
			    "%llu bytes instead of %u", (unsigned long long)result.bytes, length);
	}
}

CASE(queue_depth,
     .proves = "an engine takes as many transfers at once as it says and no more, and ends each as "
	       "if it "
	       "were alone",
     .rule = "engines/engine.h: start, poll", .needs = LIST("engine.write"),
     .parameters = { BACKENDS })
{
	struct rig *rig = rig_open(t);
	struct engine *engine = &rig->engine;
	uint32_t length = longest_write(engine) < 4096 ? longest_write(engine) : 4096;
	uint32_t depth = engine->queue_depth;
	struct dma_buffer *buffer;
	struct engine_result result;
	uint8_t *bytes;

	need_writer(rig);
	expect(t, depth > 0);
	/* Every second page is to stay as it is. */
	buffer = map_buffer(rig, (depth + 1) * 8192);
	bytes = load_block(rig, length);
	for (int round = 0; round < 2; round++) {
		struct engine_transfer more = write_of(engine, buffer->iova + depth * 8192, length);

		fill_canary(buffer);
		for (uint32_t n = 0; n < depth; n++) {
			struct engine_transfer one =
				write_of(engine, buffer->iova + n * 8192, length);

			expect_zero(t, engine->driver->start(engine, &one));
		}
		expect_errno(t, engine->driver->start(engine, &more), EBUSY);
		for (uint32_t n = 0; n < depth; n++) {
			expect_zero(t, engine_wait(engine, &result, 0));
			expect_equal(t, result.status, ENGINE_OK);
			expect_bytes(t, buffer->data + n * 8192, bytes, length);
			expect_canary_at(buffer, n * 8192 + length, 8192 - length);
		}
		expect(t, engine->driver->poll(engine, &result) < 0);
		expect_canary_at(buffer, depth * 8192, 8192);
		expect_zero(t, engine_run(engine, &more, &result));
		expect_bytes(t, buffer->data + depth * 8192, bytes, length);
	}
}

CASE(refuses_nonsense,
     .proves = "a transfer that the device cannot do is refused before anything moves",
     .rule = "engines/engine.h: start", .parameters = { BACKENDS })
{
	struct rig *rig = rig_open(t);
	struct engine *engine = &rig->engine;
	struct dma_buffer *buffer = map_buffer(rig, 8192);
	struct engine_transfer good = write_of(engine, buffer->iova, 64), bad;

	need_writer(rig);
	fill_canary(buffer);
	bad = good;
	bad.length = 0;
	expect(t, engine->driver->start(engine, &bad) < 0);
	if (engine->max_length < UINT32_MAX) {
		bad.length = engine->max_length + 1;
		expect(t, engine->driver->start(engine, &bad) < 0);
	}
	if (engine->buffer_size) {
		bad = good;
		bad.buffer = engine->buffer_size;
		expect(t, engine->driver->start(engine, &bad) < 0);
	}
	if (engine->fill_pattern) {
		bad = good;
		bad.operation = ENGINE_OP_FILL;
		bad.operand = ~engine->fill_pattern;
		expect_errno(t, engine->driver->start(engine, &bad), EOPNOTSUPP);
	}
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
     .parameters = { BACKENDS, PARAMETER("operation", "read", "write", "fill") })
{
	struct rig *rig = rig_open(t);
	bool write = param_is(t, "operation", "write"), fill = param_is(t, "operation", "fill");
	struct dma_buffer *buffer = map_buffer(rig, 4096);
	uint64_t nowhere = free_iova(rig, 4096);
	struct engine_result result;

	need(rig, ENGINE_SEES_ERRORS | (write ? ENGINE_WRITE : fill ? ENGINE_FILL : ENGINE_READ));
	for (int round = 0; round < rounds_of(&rig->engine); round++) {
		bool blocked = random_below(t, 2);
		struct engine_transfer transfer = transfer_of(write  ? ENGINE_OP_WRITE
							      : fill ? ENGINE_OP_FILL
								     : ENGINE_OP_READ,
							      blocked ? nowhere : buffer->iova, 8);

		transfer.operand = rig->engine.fill_pattern;
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
