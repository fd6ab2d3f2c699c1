/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef RUNNER_OUTPUT_H
#define RUNNER_OUTPUT_H

/* Files that a person asked for: reports and plans. */

#include <glib.h>

/**
 * output_check() - will it be possible to write there? Asked before a run, which may take hours.
 * @option: the option, for the message
 * @path: file; "-" for stdout; or NULL
 * @error: RUNNER_ERROR_USAGE
 */
gboolean output_check(const char *option, const char *path, GError **error);

/**
 * output_save() - write a text
 * @path: file, or "-" for stdout; what is no regular file, such as a pipe, is written to and stays
 * @text: the text
 * @error: RUNNER_ERROR_TROUBLE
 *
 * A regular file is either old or new, never half.
 */
gboolean output_save(const char *path, const GString *text, GError **error);

#endif /* RUNNER_OUTPUT_H */
