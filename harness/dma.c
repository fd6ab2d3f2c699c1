// SPDX-License-Identifier: GPL-2.0-or-later
/* Expectations about what a device does to memory. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <iommut/pattern.h>

#include "harness/dma.h"

/* The positive control moves at most this much: enough to prove that a device works, little enough to cost nothing. */
#define CONTROL_BYTES 4096

static void mismatch_failed(struct test *t, const struct place *place, const char *what,
			    const struct iommut_mismatch *mismatch)
{
	char text[512];

	iommut_mismatch_format(mismatch, text, sizeof(text));
	expectation_failed(t, place, "%s\n%s", what, text);
}

void check_bytes(struct test *t, const void *actual, const void *expected, size_t length,
		 const struct place *place)
{
	struct iommut_mismatch mismatch;

	if (iommut_compare(expected, actual, length, &mismatch) != 0)
		mismatch_failed(t, place, "other bytes", &mismatch);
}

void check_canary(struct dma_buffer *buffer, size_t offset, size_t length,
		  const struct place *place)
{
	struct iommut_mismatch mismatch;

	if (iommut_byte_verify(buffer->data + offset, length, CANARY, &mismatch) != 0)
		mismatch_failed(buffer->rig->t, place, "the device wrote where it must not",
				&mismatch);
}

static void check_ran(struct rig *rig, int error, const char *what, const struct place *place)
{
	if (error == -ETIMEDOUT)
		expectation_failed(rig->t, place, "the %s did not end within %d ms", what,
				   rig->engine.deadline_ms);
	if (error == -EOPNOTSUPP)
		skipf(rig->t, "a device that can", "%s cannot do this %s", rig->engine.driver->name,
		      what);
	if (error)
		expectation_failed(rig->t, place, "the engine cannot do the %s: %s", what,
				   strerror(-error));
}

static void check_status(struct rig *rig, const struct engine_result *result,
			 enum engine_status expected, const struct place *place)
{
	if (result->status == expected)
		return;
	if (rig->engine.capabilities & ENGINE_EXACT_ADDRESS)
		expectation_failed(rig->t, place,
				   "status %s instead of %s after %" PRIu64
				   " bytes, at IOVA 0x%" PRIx64,
				   engine_status_name(result->status), engine_status_name(expected),
				   result->bytes, result->address);
	expectation_failed(rig->t, place, "status %s instead of %s",
			   engine_status_name(result->status), engine_status_name(expected));
}

void check_write(struct rig *rig, uint64_t iova, const void *data, size_t length,
		 const struct place *place)
{
	struct engine_result result;

	need(rig, ENGINE_WRITE);
	check_ran(rig, engine_write(&rig->engine, iova, data, length, &result), "write", place);
	check_status(rig, &result, ENGINE_OK, place);
}

void check_read(struct rig *rig, uint64_t iova, void *data, size_t length,
		const struct place *place)
{
	struct engine_result result;

	need(rig, ENGINE_READ);
	check_ran(rig, engine_read(&rig->engine, iova, data, length, &result), "read", place);
	check_status(rig, &result, ENGINE_OK, place);
}

uint8_t *random_bytes(struct test *t, size_t length)
{
	uint8_t *bytes = malloc(length);

	if (!bytes)
		fail(t, "out of memory");
	undo_later(t, free, bytes);
	iommut_pattern_fill(bytes, length, random64(t), 0);
	return bytes;
}

/* An engine that has no bytes of its own to write may still write one pattern: then that is what @data becomes. */
static void settle_for_pattern(struct rig *rig, uint8_t *data, size_t length)
{
	uint64_t pattern = rig->engine.fill_pattern;

	for (size_t i = 0; i < length; i++)
		data[i] = (uint8_t)(pattern >> i % 8 * 8);
}

/* What a device that has bytes of its own will write. They prove nothing if they cannot be told from what is there before. */
static void own_bytes(struct rig *rig, uint8_t *data, size_t length, const struct place *place)
{
	struct iommut_mismatch mismatch;

	check_ran(rig, rig->engine.driver->store(&rig->engine, 0, data, length), "store", place);
	if (iommut_byte_verify(data, length, CANARY, &mismatch) == 0)
		skipf(rig->t, "another device", "all bytes of %s's own are 0x%02x",
		      rig->engine.driver->name, CANARY);
}

/* Random bytes, or those that the engine has, into memory. Returns what they are, none of them the canary's. */
static uint8_t *write_something(struct rig *rig, uint64_t iova, size_t length,
				struct engine_result *result, const struct place *place)
{
	struct engine *engine = &rig->engine;
	uint8_t *data = random_bytes(rig->t, length);

	for (size_t i = 0; i < length; i++)
		if (data[i] == CANARY)
			data[i] ^= 0xff;
	if (engine->fill_pattern && !(engine->capabilities & ENGINE_WRITE)) {
		struct engine_transfer fill = { .operation = ENGINE_OP_FILL,
						.pasid = IOMMUT_NO_PASID,
						.iova = iova,
						.length = (uint32_t)length,
						.operand = engine->fill_pattern };

		settle_for_pattern(rig, data, length);
		check_ran(rig, engine_run(engine, &fill, result), "fill", place);
		return data;
	}
	if (engine->capabilities & ENGINE_OWN_BYTES && !(engine->capabilities & ENGINE_WRITE)) {
		struct engine_transfer write = { .operation = ENGINE_OP_WRITE,
						 .pasid = IOMMUT_NO_PASID,
						 .iova = iova,
						 .length = (uint32_t)length };

		own_bytes(rig, data, length, place);
		check_ran(rig, engine_run(engine, &write, result), "write", place);
		return data;
	}
	need(rig, ENGINE_WRITE);
	check_ran(rig, engine_write(engine, iova, data, length, result), "write", place);
	return data;
}

void check_write_blocked(struct rig *rig, uint64_t iova, size_t length, const struct place *place)
{
	struct engine_result result;

	provokes_dma(rig, PROVOKED_WRITE, iova, length, IOMMUT_NO_PASID);
	write_something(rig, iova, length, &result, place);
	if (rig->engine.capabilities & ENGINE_SEES_ERRORS)
		check_status(rig, &result, ENGINE_BLOCKED, place);
}

/* Whether any 8 bytes in a row of the secret are where they were in memory: a few equal bytes are chance. */
static bool leaked(const uint8_t *seen, const uint8_t *secret, size_t length)
{
	size_t run = length < 8 ? length : 8;

	for (size_t i = 0; i + run <= length; i += run)
		if (memcmp(seen + i, secret + i, run) == 0)
			return true;
	return false;
}

void check_read_blocked(struct rig *rig, uint64_t iova, const void *secret, size_t length,
			const struct place *place)
{
	struct engine *engine = &rig->engine;
	struct engine_transfer transfer = { .operation = ENGINE_OP_READ,
					    .pasid = IOMMUT_NO_PASID,
					    .iova = iova,
					    .length = (uint32_t)length };
	uint8_t *seen = random_bytes(rig->t, length);
	struct engine_result result;

	need(rig, ENGINE_READ);
	if (length > engine->buffer_size)
		fail(rig->t, "the device's buffer holds %u bytes only", engine->buffer_size);
	/* What the device read before must not be mistaken for what it reads now. */
	check_ran(rig, engine->driver->load(engine, 0, seen, length), "load", place);
	provokes_transfer(rig, &transfer);
	check_ran(rig, engine_run(engine, &transfer, &result), "read", place);
	if (engine->capabilities & ENGINE_SEES_ERRORS)
		check_status(rig, &result, ENGINE_BLOCKED, place);
	check_ran(rig, engine->driver->store(engine, 0, seen, length), "store", place);
	if (leaked(seen, secret, length))
		expectation_failed(rig->t, place, "the device read what it must not reach");
}

void check_transfer(struct rig *rig, const struct engine_transfer *transfer,
		    enum engine_status status, struct engine_result *result,
		    const struct place *place)
{
	struct engine_result own;

	if (!result)
		result = &own;
	if (status != ENGINE_OK)
		provokes_transfer(rig, transfer);
	check_ran(rig, engine_run(&rig->engine, transfer, result), "transfer", place);
	check_status(rig, result, status, place);
}

/* A device that tells whether memory is what it has: it must see a difference of one bit, and none where there is none. */
static void check_compares(struct dma_buffer *buffer, size_t length, const struct place *place)
{
	struct rig *rig = buffer->rig;
	struct engine_transfer compare = { .operation = ENGINE_OP_COMPARE,
					   .pasid = IOMMUT_NO_PASID,
					   .iova = buffer->iova,
					   .length = (uint32_t)length };

	check_ran(rig, rig->engine.driver->store(&rig->engine, 0, buffer->data, length), "store",
		  place);
	for (uint64_t different = 0; different < 2; different++) {
		struct engine_result result;

		buffer->data[length / 2] ^= (uint8_t)(different << 3);
		check_ran(rig, engine_run(&rig->engine, &compare, &result), "comparison", place);
		check_status(rig, &result, ENGINE_OK, place);
		if (result.value != different)
			expectation_failed(rig->t, place,
					   "memory that %s the device's bytes %s to it",
					   different ? "differs from" : "is",
					   different ? "is the same" : "differs");
	}
}

void check_reaches(struct dma_buffer *buffer, const struct place *place)
{
	struct rig *rig = buffer->rig;
	size_t length = buffer->length;
	struct engine_result result;
	uint8_t *bytes, *seen;
	uint32_t access = buffer->access;

	if (length > CONTROL_BYTES)
		length = CONTROL_BYTES;
	if (length > rig->engine.max_length)
		length = rig->engine.max_length;
	/* A device that cannot read shows by writing that it reaches, or by comparing. */
	if (access & IOMMUT_WRITE && !(rig->engine.capabilities & (ENGINE_READ | ENGINE_COMPARE)))
		access &= ~(uint32_t)IOMMUT_READ;
	if (access & IOMMUT_WRITE) {
		memset(buffer->data, CANARY, length);
		bytes = write_something(rig, buffer->iova, length, &result, place);
		check_status(rig, &result, ENGINE_OK, place);
		check_bytes(rig->t, buffer->data, bytes, length, place);
	}
	if (access & IOMMUT_READ && !(rig->engine.capabilities & ENGINE_READ) &&
	    rig->engine.capabilities & ENGINE_COMPARE) {
		check_compares(buffer, length, place);
	} else if (access & IOMMUT_READ) {
		seen = random_bytes(rig->t, length);
		bytes = random_bytes(rig->t, length);
		memcpy(buffer->data, bytes, length);
		check_read(rig, buffer->iova, seen, length, place);
		check_bytes(rig->t, seen, bytes, length, place);
	}
}
