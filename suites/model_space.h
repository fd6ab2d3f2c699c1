/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SUITES_MODEL_SPACE_H
#define SUITES_MODEL_SPACE_H

/*
 * What an address space should be like: plain lists that are searched from end to end, so that they can be believed. The kernel's
 * interval trees are compared with them.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAGE UINT64_C(4096)

/* A sequence of MAX_STEPS calls cannot make more mappings than this: a copy takes over the pieces of its source. */
#define MAX_MAPPINGS 128
#define MAX_RANGES   (MAX_MAPPINGS + 32)

/**
 * struct errnos - errors that a call may answer with
 * @number: positive errno values
 * @count: how many; 0 means that the call must succeed
 * @or_success: it may succeed as well
 *
 * A call that is wrong in several ways may be refused for any of them: no document says what is looked at first.
 */
struct errnos {
	int number[12];
	int count;
	bool or_success;
};

/* One more reason to refuse the call: it may no longer succeed. */
void blame(struct errnos *errnos, int number);

/* Whether a call that may end so ended so: @result is 0 or above, or a negative errno. */
bool answers(const struct errnos *errnos, int result);

/* "0" or "EINVAL or EEXIST". */
void describe_errnos(const struct errnos *errnos, char *text, size_t size);

/* "0" or "-EINVAL". */
void describe_answer(int result, char *text, size_t size);

/**
 * struct ranges - a set of addresses
 * @range: sorted, neither overlapping nor touching
 * @count: how many
 */
struct ranges {
	struct {
		uint64_t start;
		uint64_t last;
	} range[MAX_RANGES];
	int count;
};

void ranges_add(struct ranges *ranges, uint64_t start, uint64_t last);
void ranges_add_all(struct ranges *ranges, const struct ranges *others);
void ranges_remove(struct ranges *ranges, uint64_t start, uint64_t last);
bool ranges_meet(const struct ranges *ranges, uint64_t start, uint64_t last);
bool ranges_same(const struct ranges *one, const struct ranges *other);

/* Every other address. */
struct ranges ranges_complement(const struct ranges *ranges);

/**
 * struct mapping - one mapping
 * @start: first IOVA
 * @last: last IOVA
 * @memory: first byte, counted from the start of the memory that is mapped
 * @read: the device may read
 * @write: the device may write
 * @writable: what stands behind it was pinned for writing: a copy may be for writing
 * @file: mapped through a file descriptor
 */
struct mapping {
	uint64_t start;
	uint64_t last;
	uint64_t memory;
	bool read;
	bool write;
	bool writable;
	bool file;
};

/**
 * struct space - an address space
 * @mapping: mappings, in no order
 * @count: how many
 */
struct space {
	struct mapping mapping[MAX_MAPPINGS];
	int count;
};

/* The mapping of an address; NULL if there is none. */
const struct mapping *space_at(const struct space *space, uint64_t iova);

bool space_meets(const struct space *space, uint64_t start, uint64_t last);
void space_add(struct space *space, const struct mapping *mapping);

/* Whether an unmap of the range would cut a mapping. */
bool space_would_cut(const struct space *space, uint64_t start, uint64_t last);

/* Takes away the mappings that lie wholly in the range. Return: how many bytes they were. */
uint64_t space_remove(struct space *space, uint64_t start, uint64_t last);

/**
 * space_pieces() - what is mapped in a range, in order
 * @space: the space
 * @start: first IOVA
 * @last: last IOVA
 * @pieces: where the parts that lie in the range are stored; room for MAX_MAPPINGS
 *
 * Return: how many; 0 unless every address of the range is mapped.
 */
int space_pieces(const struct space *space, uint64_t start, uint64_t last, struct mapping *pieces);

/**
 * space_has_room() - whether a mapping fits somewhere
 * @space: the space
 * @reserved: where nothing can be mapped
 * @length: bytes
 * @alignment: of its start, a power of two
 * @ends: the first and the last two pages count, too
 *
 * Return: true if it does.
 */
bool space_has_room(const struct space *space, const struct ranges *reserved, uint64_t length,
		    uint64_t alignment, bool ends);

#endif /* SUITES_MODEL_SPACE_H */
