/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_RUNNER_E2E_VICTIM_H
#define TESTS_RUNNER_E2E_VICTIM_H

/* A run of the command that is to be killed, and all its processes. */

#include "tests/runner/e2e/support.h"

/**
 * struct attempt - the run
 * @work: a folder for all of it
 * @folder: the run directory
 * @scratch: its TMPDIR
 * @shown: the file with what it said on stderr
 * @mark: what stands in the environment of all its processes
 * @pid: the runner
 * @ended: the runner has been waited for
 */
struct attempt {
	char *work;
	char *folder;
	char *scratch;
	char *shown;
	char *mark;
	GPid pid;
	gboolean ended;
};

/**
 * attempt_begin() - start it
 * @command: makes the words of the command for a run directory
 * @number: makes it different from all others of this process
 */
struct attempt *attempt_begin(char **(*command)(const char *folder), guint number);
void attempt_forget(struct attempt *attempt);

gboolean attempt_has_ended(struct attempt *attempt, int *status);
void attempt_wait(struct attempt *attempt);

/* Those of its processes whose name begins so, or all with NULL; a NULL-terminated array of their numbers. */
char **attempt_processes(const struct attempt *attempt, const char *beginning);

/* Ends the test if one of them is left. */
void attempt_expect_no_process(const struct attempt *attempt);

/* A process's name and parent. Return: FALSE if it has ended. */
gboolean read_process(const char *pid, char **name, pid_t *parent);

#endif /* TESTS_RUNNER_E2E_VICTIM_H */
