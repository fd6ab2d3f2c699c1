/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef RUNNER_EXPRESSION_H
#define RUNNER_EXPRESSION_H

#include <glib.h>

/**
 * expression_check() - whether a text is an expression: words, and, or, not, parentheses
 * @text: the expression
 * @error: where and why not
 */
gboolean expression_check(const char *text, GError **error);

/**
 * expression_matches() - evaluate an expression
 * @text: one that expression_check() accepted; NULL matches all
 * @holds: whether a word holds
 * @data: for @holds
 */
gboolean expression_matches(const char *text, gboolean (*holds)(const char *word, gpointer data),
			    gpointer data);

#endif /* RUNNER_EXPRESSION_H */
