/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef RUNNER_PAST_H
#define RUNNER_PAST_H

/* What runs of before say of a plan: which cases it has, in which order and parts. */

#include <glib.h>

#include "runner/balance.h"
#include "runner/options.h"
#include "runner/record.h"

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

/**
 * struct earlier - the runs that options speak of
 * @last: the last run, for --last-failed and its like; or NULL
 * @balance: for --balance, or NULL
 */
struct earlier {
	struct past *last;
	struct balance *balance;
};

/**
 * earlier_load() - read the runs that options speak of
 * @earlier: filled; to be cleared with earlier_clear(), also after an error
 * @options: the options
 * @last: folder of the last run, or NULL if there was none
 * @error: RUNNER_ERROR_USAGE
 */
gboolean earlier_load(struct earlier *earlier, const struct run_options *options, const char *last,
		      GError **error);
void earlier_clear(struct earlier *earlier);

#endif /* RUNNER_PAST_H */
