/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Run the iommut program as a person would, with folders of its own. */
#ifndef TESTS_CLI_COMMAND_H
#define TESTS_CLI_COMMAND_H

#include <gio/gio.h>
#include <stdbool.h>

struct world {
	char *folder; /* holds all the others */
	char *cache;  /* IOMMUT_CACHE */
	char *state;  /* XDG_STATE_HOME, where runs are recorded */
	char *tmp;    /* TMPDIR */
};

/* @cache: an existing cache folder to use, or NULL for an empty one */
struct world *world_new(const char *cache);
/* Fails the test when a command left something in TMPDIR. */
void world_free(struct world *world);

struct ended {
	int status;   /* of exit, or -1 when a signal ended it */
	char *output; /* standard output, then standard error */
};

void ended_free(struct ended *ended);

/* Run `iommut` with these arguments, NULL at the end. No standard input. */
struct ended *iommut(const struct world *world, const char *first, ...) G_GNUC_NULL_TERMINATED;

/* Run any command line likewise. */
struct ended *run_command(const struct world *world, const char *const *command);

/* Start `iommut` and read its standard error (merged with standard output) through the pipe of the process. */
GSubprocess *iommut_started(const struct world *world, const char *first,
			    ...) G_GNUC_NULL_TERMINATED;

/* Assert that @ended exited with @status and said @words somewhere. */
void assert_ended(const struct ended *ended, int status, const char *words);

/* A QEMU that was started in this world, or 0: its files are in memory, but it has the environment. */
pid_t guest_of(const struct world *world);

#endif
