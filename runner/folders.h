/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef RUNNER_FOLDERS_H
#define RUNNER_FOLDERS_H

/* Where run directories lie when the user names none: $XDG_STATE_HOME/iommutests/runs (~/.local/state). */

#include <glib.h>

/**
 * folders_of_runs() - the folder of run directories; it may not exist
 */
char *folders_of_runs(void);

/**
 * folders_new_run() - a name for a new run directory, after the time; it does not exist yet
 */
char *folders_new_run(void);

/**
 * folders_note_last() - remember the last run directory
 * @folder: it
 *
 * Best effort: what was recorded does not depend on it.
 */
void folders_note_last(const char *folder);

/**
 * folders_last_run() - the last run directory
 * @error: RUNNER_ERROR_USAGE if there was none
 */
char *folders_last_run(GError **error);

#endif /* RUNNER_FOLDERS_H */
