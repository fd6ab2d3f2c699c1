/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_RUNNER_E2E_SUPPORT_H
#define TESTS_RUNNER_E2E_SUPPORT_H

/* What tests of the whole command share. */

#include <glib.h>

#include "runner/record.h"

#define DEADLINE_S 60

/* The command, and a folder of suites. */
extern const char *program;
extern const char *suites;

/**
 * struct outcome - how a command ended
 * @code: its exit status
 * @out: what it printed
 * @err: what it said on stderr
 */
struct outcome {
	int code;
	char *out;
	char *err;
};

void clear(struct outcome *outcome);

/**
 * support_init() - take the command line, and keep to a state folder of our own
 *
 * For support_run() after it.
 */
void support_init(int *argc, char ***argv);

/* A test, and what it is called. */
struct support_test {
	const char *name;
	void (*run)(void);
};

/**
 * support_run() - run tests, and remove the state folder
 * @tests: those
 * @count: how many
 *
 * Return: what main() is to return.
 */
int support_run(const struct support_test *tests, gsize count);

char *new_folder(void);
void remove_tree(const char *path);

/**
 * iommut() - run "iommut WORDS.."; words are separated by blanks
 */
struct outcome iommut(const char *format, ...) G_GNUC_PRINTF(1, 2);

struct run *load(const char *folder);
const struct result *result_of(const struct run *run, const char *id);

#endif /* TESTS_RUNNER_E2E_SUPPORT_H */
