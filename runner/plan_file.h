/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef RUNNER_PLAN_FILE_H
#define RUNNER_PLAN_FILE_H

/* Plan files: an ID on each line, in the order to run them; "#" begins a comment line. And what other runs say of an order. */

#include <glib.h>

#include "runner/record.h"

/**
 * plan_file_parse() - read the text of a plan file
 * @text: the text
 * @length: bytes
 * @error: RUNNER_ERROR_USAGE, naming the line
 *
 * Return: IDs, a new NULL-terminated array.
 */
char **plan_file_parse(const char *text, gsize length, GError **error);

/**
 * plan_file_load() - read a plan file
 * @path: the file
 * @error: RUNNER_ERROR_USAGE, naming the file
 */
char **plan_file_load(const char *path, GError **error);

/**
 * plan_file_order() - bring items into the order of a plan file
 * @items: of struct item *
 * @ids: its IDs
 */
void plan_file_order(GPtrArray *items, char **ids);

/**
 * struct past - what a run said of each case
 */
struct past;

struct past *past_new(const struct run *run);
void past_free(struct past *past);

/* What to look for in a run of before. */
enum past_choice {
	PAST_BAD, /* it was bad */
	PAST_NEW, /* it was no part of it */
};

/**
 * past_keep() - keep only some items
 * @past: a run of before
 * @profile: the machine the items are for
 * @choice: which to keep
 * @items: of struct item *
 */
void past_keep(const struct past *past, const char *profile, enum past_choice choice,
	       GPtrArray *items);

/**
 * past_first() - put some items first; otherwise their order stays
 * @past: a run of before
 * @profile: the machine the items are for
 * @choice: which to put first
 * @items: of struct item *
 */
void past_first(const struct past *past, const char *profile, enum past_choice choice,
		GPtrArray *items);

/**
 * past_drop_done() - for resuming: leave out every attempt that has a result
 */
void past_drop_done(const struct past *past, const char *profile, GPtrArray *items);

#endif /* RUNNER_PLAN_FILE_H */
