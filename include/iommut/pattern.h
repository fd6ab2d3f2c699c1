/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
#ifndef IOMMUT_PATTERN_H
#define IOMMUT_PATTERN_H

#include <iommut/types.h>

IOMMUT_BEGIN

#define IOMMUT_WINDOW 16

/**
 * struct iommut_mismatch - where memory first differs from what was expected
 * @offset: of the first wrong byte, from the start of what was checked
 * @count: how many bytes are wrong in all
 * @expected: the byte that should be there
 * @actual: the byte that is there
 * @window_offset: of the first byte in the two windows
 * @window_length: bytes in the two windows
 * @expected_window: what should be around the first wrong byte
 * @actual_window: what is around it
 */
struct iommut_mismatch {
	size_t offset;
	size_t count;
	uint8_t expected;
	uint8_t actual;
	size_t window_offset;
	size_t window_length;
	uint8_t expected_window[2 * IOMMUT_WINDOW];
	uint8_t actual_window[2 * IOMMUT_WINDOW];
};

/**
 * iommut_pattern_fill() - fill memory with a pattern
 * @address: first byte
 * @length: bytes
 * @seed: which pattern; two seeds differ in nearly every byte
 * @offset: position of the first byte in the pattern, so that a part of a pattern can be written or
 *     verified by itself
 */
void iommut_pattern_fill(void *address, size_t length, uint64_t seed, uint64_t offset);

/**
 * iommut_pattern_verify() - compare memory with a pattern
 * @address: first byte
 * @length: bytes
 * @seed: which pattern
 * @offset: position of the first byte in the pattern
 * @mismatch: filled when the return value is not 0; may be NULL
 *
 * Return: 0, or -EILSEQ if a byte differs.
 */
int iommut_pattern_verify(const void *address, size_t length, uint64_t seed, uint64_t offset,
			  struct iommut_mismatch *mismatch);

/**
 * iommut_byte_verify() - check that all bytes have one value
 * @address: first byte
 * @length: bytes
 * @value: the value
 * @mismatch: filled when the return value is not 0; may be NULL
 *
 * Return: 0, or -EILSEQ if a byte differs.
 */
int iommut_byte_verify(const void *address, size_t length, uint8_t value,
		       struct iommut_mismatch *mismatch);

/**
 * iommut_compare() - compare two pieces of memory
 * @expected: what should be there
 * @actual: what is there
 * @length: bytes
 * @mismatch: filled when the return value is not 0; may be NULL
 *
 * Return: 0, or -EILSEQ if a byte differs.
 */
int iommut_compare(const void *expected, const void *actual, size_t length,
		   struct iommut_mismatch *mismatch);

/**
 * iommut_mismatch_format() - a mismatch in words, with both windows in hexadecimal
 * @mismatch: what was found
 * @text: where the text is stored, always terminated; three lines without a newline at the end
 * @size: of @text in bytes; 512 is enough
 *
 * Return: length of the whole text, which was cut if that is @size or more (as snprintf(3)).
 */
int iommut_mismatch_format(const struct iommut_mismatch *mismatch, char *text, size_t size);

IOMMUT_END

#endif /* IOMMUT_PATTERN_H */
