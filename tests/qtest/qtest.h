/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A machine without a guest: QEMU's qtest accelerator gives its memory, ports and clock to a client, here to us. A refused command or a QEMU that
 * dies ends the test program with what QEMU said.
 */
#ifndef TESTS_QTEST_QTEST_H
#define TESTS_QTEST_QTEST_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lab/lab.h"

struct qtest;

/* What the set-up built, or NULL with the reason. IOMMUT_QTEST_QEMU names another QEMU. */
struct lab_config *qtest_config(char **why);

/* Called when QEMU died or broke the protocol, before the program ends. */
extern void (*qtest_on_break)(void);

/* Starts its QEMU with @arguments (strings, NULL at the end) beside those that make it a qtest machine. */
struct qtest *qtest_start(const struct lab_config *config, const char *const *arguments);
void qtest_stop(struct qtest *qtest);

/* Starts QEMU as above and waits for its end: what it wrote to its standard error. */
char *qtest_refusal(const struct lab_config *config, const char *const *arguments);

uint64_t qtest_read(struct qtest *qtest, uint64_t address, unsigned int bytes);
void qtest_write(struct qtest *qtest, uint64_t address, unsigned int bytes, uint64_t value);
void qtest_out(struct qtest *qtest, uint16_t port, uint32_t value);
uint32_t qtest_in(struct qtest *qtest, uint16_t port);

void qtest_get(struct qtest *qtest, uint64_t address, void *buffer, size_t length);
void qtest_put(struct qtest *qtest, uint64_t address, const void *buffer, size_t length);
void qtest_fill(struct qtest *qtest, uint64_t address, size_t length, uint8_t value);

/* Lets the machine's clock go on. Returns its time in nanoseconds. */
uint64_t qtest_clock_step(struct qtest *qtest, uint64_t nanoseconds);

/* Many commands without waiting for each answer: @lines has @count of them. */
void qtest_batch(struct qtest *qtest, const GString *lines, unsigned int count);

#endif
