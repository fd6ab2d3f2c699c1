/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef RUNNER_PROGRESS_H
#define RUNNER_PROGRESS_H

/* What people see on stderr while a run goes on. The caller serializes the calls. */

#include <glib.h>

#include "runner/plan.h"
#include "runner/record.h"

struct progress;

/**
 * progress_new() - begin
 * @verbosity: -1 says nothing but notes, 0 names what is bad, 1 every case
 */
struct progress *progress_new(int verbosity);
void progress_free(struct progress *progress);

/**
 * progress_plan() - more cases are going to run
 */
void progress_plan(struct progress *progress, guint count);
void progress_begin(struct progress *progress, const struct item *item, const char *profile);

/**
 * progress_part() - a part of a case that goes on has its result
 */
void progress_part(struct progress *progress, const struct result *result);
void progress_end(struct progress *progress, const struct item *item, const struct result *result);
void progress_note(struct progress *progress, const char *text);

#endif /* RUNNER_PROGRESS_H */
