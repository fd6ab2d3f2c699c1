/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLI_BISECT_H
#define CLI_BISECT_H

/* iommut bisect: what the command and what it does at each commit share. */

#include <glib.h>

/* What git bisect run takes a command's exit status for. */
#define COMMIT_IS_GOOD 0
#define COMMIT_IS_BAD  1
#define COMMIT_IS_MUTE 125
#define GIVE_UP        255

/**
 * struct bisect - the search
 * @tree: the kernel's git tree
 * @good: a commit where the case passes
 * @bad: one where it fails
 * @folder: where kernels are built
 * @config: their configuration, or NULL
 * @history: folder of runs that say how often the case fails
 * @build: what builds instead, or NULL
 * @repeat: how often the case runs at each commit
 * @step: a commit is to be tested now
 * @words: what is typed behind the options: "lab", its options and patterns
 */
struct bisect {
	char *tree;
	char *good;
	char *bad;
	char *folder;
	char *config;
	char *history;
	char *build;
	int repeat;
	gboolean step;
	char **words;
};

/**
 * bisect_step() - build and test the commit that is checked out
 *
 * Return: COMMIT_IS_GOOD and the like.
 */
int bisect_step(const struct bisect *bisect);

#endif /* CLI_BISECT_H */
