// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
#include <endian.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <iommut/pattern.h>

/*
 * The finaliser of SplitMix64: every bit of the seed and the position reaches every bit of the
 * word.
 */
static uint64_t pattern_word(uint64_t seed, uint64_t index)
{
	uint64_t x = seed + (index + 1) * 0x9e3779b97f4a7c15u;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return x ^ x >> 31;
}

static uint8_t pattern_byte(uint64_t seed, uint64_t position)
{
	return (uint8_t)(pattern_word(seed, position / 8) >> position % 8 * 8);
}

void iommut_pattern_fill(void *address, size_t length, uint64_t seed, uint64_t offset)
{
	uint8_t *bytes = address;
	size_t i = 0;

	while (i < length) {
		uint64_t word = pattern_word(seed, (offset + i) / 8);
		size_t part = (offset + i) % 8;

		/* Most of the bytes come in whole words. */
		if (!part && length - i >= sizeof(word)) {
			word = htole64(word);
			memcpy(bytes + i, &word, sizeof(word));
			i += sizeof(word);
			continue;
		}
		for (; part < 8 && i < length; part++)
			bytes[i++] = (uint8_t)(word >> part * 8);
	}
}

/* What is expected at a position: of a pattern, of one byte, or of other memory. */
struct expected {
	const uint8_t *memory;
	uint64_t seed;
	uint64_t offset;
	int byte;
};

static uint8_t expected_at(const struct expected *expected, size_t position)
{
	if (expected->memory)
		return expected->memory[position];
	if (expected->byte >= 0)
		return (uint8_t)expected->byte;
	return pattern_byte(expected->seed, expected->offset + position);
}

static void describe(const struct expected *expected, const uint8_t *bytes, size_t length,
		     size_t first, struct iommut_mismatch *mismatch)
{
	size_t start = first > IOMMUT_WINDOW ? (first - IOMMUT_WINDOW) & ~(size_t)15 : 0;
	size_t window = length - start;

	if (window > sizeof(mismatch->actual_window))
		window = sizeof(mismatch->actual_window);
	memset(mismatch, 0, sizeof(*mismatch));
	mismatch->offset = first;
	mismatch->expected = expected_at(expected, first);
	mismatch->actual = bytes[first];
	mismatch->window_offset = start;
	mismatch->window_length = window;
	for (size_t i = 0; i < window; i++) {
		mismatch->expected_window[i] = expected_at(expected, start + i);
		mismatch->actual_window[i] = bytes[start + i];
	}
	for (size_t i = first; i < length; i++)
		mismatch->count += bytes[i] != expected_at(expected, i);
}

static int verify(const struct expected *expected, const uint8_t *bytes, size_t length, size_t from,
		  struct iommut_mismatch *mismatch)
{
	for (size_t i = from; i < length; i++) {
		if (bytes[i] == expected_at(expected, i))
			continue;
		if (mismatch)
			describe(expected, bytes, length, i, mismatch);
		return -EILSEQ;
	}
	return 0;
}

int iommut_pattern_verify(const void *address, size_t length, uint64_t seed, uint64_t offset,
			  struct iommut_mismatch *mismatch)
{
	struct expected expected = { .seed = seed, .offset = offset, .byte = -1 };
	const uint8_t *bytes = address;
	size_t i = 0;

	/* Whole words first: verification of large buffers is most of a test's time. */
	if (offset % 8 == 0) {
		for (; length - i >= 8; i += 8) {
			uint64_t word = pattern_word(seed, (offset + i) / 8);
			uint64_t found = 0;

			for (size_t part = 0; part < 8; part++)
				found |= (uint64_t)bytes[i + part] << part * 8;
			if (found != word)
				break;
		}
	}
	return verify(&expected, bytes, length, i, mismatch);
}

int iommut_byte_verify(const void *address, size_t length, uint8_t value,
		       struct iommut_mismatch *mismatch)
{
	struct expected expected = { .byte = value };
	const uint8_t *bytes = address;

	/* If the first byte is right and each equals the one before it, all are. */
	if (!length || (bytes[0] == value && !memcmp(bytes, bytes + 1, length - 1)))
		return 0;
	return verify(&expected, bytes, length, 0, mismatch);
}

int iommut_compare(const void *expected_memory, const void *actual, size_t length,
		   struct iommut_mismatch *mismatch)
{
	struct expected expected = { .memory = expected_memory };

	if (!length || !memcmp(expected_memory, actual, length))
		return 0;
	return verify(&expected, actual, length, 0, mismatch);
}

struct writer {
	char *text;
	size_t size;
	size_t length;
};

__attribute__((format(printf, 2, 3))) static void put(struct writer *writer, const char *format,
						      ...)
{
	bool room = writer->length < writer->size;
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(room ? writer->text + writer->length : NULL,
			   room ? writer->size - writer->length : 0, format, args);
	va_end(args);
	if (length > 0)
		writer->length += length;
}

int iommut_mismatch_format(const struct iommut_mismatch *mismatch, char *text, size_t size)
{
	struct writer writer = { .text = text, .size = size };

	if (size)
		*text = '\0';
	put(&writer, "first of %zu wrong bytes at offset 0x%zx: expected 0x%02x, found 0x%02x",
	    mismatch->count, mismatch->offset, mismatch->expected, mismatch->actual);
	put(&writer, "\nexpected 0x%06zx:", mismatch->window_offset);
	for (size_t i = 0; i < mismatch->window_length; i++)
		put(&writer, " %02x", mismatch->expected_window[i]);
	put(&writer, "\nfound    0x%06zx:", mismatch->window_offset);
	for (size_t i = 0; i < mismatch->window_length; i++)
		put(&writer, " %02x", mismatch->actual_window[i]);
	return (int)writer.length;
}
