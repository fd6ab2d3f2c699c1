/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_QTEST_FUZZ_H
#define TESTS_QTEST_FUZZ_H

#include <string.h>

#include "machine.h"

/* Pages that are mapped for every function, one after the other: memory, registers, configuration space. */
#define FUZZ_IOVA  0x100000ull
#define FUZZ_PAGES 24
/* Physical addresses that are worth being hit. */
#define FUZZ_PLACES 64

struct fuzz {
	GRand *rand;
	uint64_t places[FUZZ_PLACES];
	unsigned int place_count;
};

struct access {
	uint32_t offset;
	unsigned int bytes;
	uint64_t value;
};

uint32_t below(struct fuzz *fuzz, uint32_t bound);
uint64_t some_address(struct fuzz *fuzz);
/* A register of BAR 0 and what to write there. */
void some_register(struct fuzz *fuzz, struct access *access);
/* TESTDEV_DESC_SIZE bytes. */
void some_descriptor(struct fuzz *fuzz, uint8_t *bytes);
uint32_t some_number(struct fuzz *fuzz);

#endif
