/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef RUNNER_PLAN_FILE_H
#define RUNNER_PLAN_FILE_H

/* Plan files: an ID on each line, in the order to run them; "#" begins a comment line. */

#include <glib.h>

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

#endif /* RUNNER_PLAN_FILE_H */
