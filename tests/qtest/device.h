/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The test device under qtest: a machine that all cases share, reset before each of them. */
#ifndef TESTS_QTEST_DEVICE_H
#define TESTS_QTEST_DEVICE_H

#include "machine.h"

/* What a case has: set before it starts. */
extern struct qtest *machine;
extern struct vtd vtd;
extern struct function device;

/* A transfer as it is written to the registers or the ring; 0 is the default of every field. */
struct descriptor {
	uint32_t operation; /* and flags */
	uint32_t pasid;
	uint64_t iova, target;
	uint32_t length, stride;
	uint64_t operand, swap;
	uint32_t repeat, vector, buffer, tag;
};

struct result {
	uint32_t status, tag;
	uint64_t bytes, address, value, sequence, time, duration;
	uint32_t length, permission;
};

G_STATIC_ASSERT(sizeof(struct descriptor) == TESTDEV_DESC_SIZE);
G_STATIC_ASSERT(sizeof(struct result) == TESTDEV_RESULT_SIZE);

uint32_t get(unsigned int offset);
uint64_t get_wide(unsigned int offset);
void set(unsigned int offset, uint32_t value);
void set_wide(unsigned int offset, uint64_t value);

void start(const struct descriptor *descriptor);
/* What is in the result registers once the transfer is over. */
struct result finish(void);
struct result transfer(const struct descriptor *descriptor);
uint32_t status_of(const struct descriptor *descriptor);

/* Memory of the machine, by its address. */
void fill(uint64_t address, size_t length, uint8_t value);
void assert_filled(uint64_t address, size_t length, uint8_t value);
/* Bytes that tell where they are. */
void pattern(uint64_t address, size_t length);
void assert_pattern(uint64_t address, size_t length, uint64_t as_at);

/* The cases, file by file. */
void add_register_cases(void);
void add_transfer_cases(void);
void add_ring_cases(void);
void add_virtual_cases(const struct lab_config *with, const char *option);
void add_function_cases(void);
void add_pri_cases(void);
void add_ats_cases(void);
void add_interrupt_cases(void);

/* A case that starts with the device just reset and its tables empty. */
void add_case(const char *name, void (*run)(void));

#endif
