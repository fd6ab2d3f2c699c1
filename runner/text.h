/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef RUNNER_TEXT_H
#define RUNNER_TEXT_H

/* Nothing that a machine under test sends is printed, stored in JSON or used as a name before it went through here. */

#include <glib.h>

/**
 * text_clean() - make untrusted bytes safe to show and to store
 * @bytes: anything
 * @length: how many; -1 for a NUL-terminated string
 * @limit: bytes to keep at most; the end of what is longer is replaced by an ellipsis
 *
 * Bytes that are no UTF-8 become U+FFFD; control characters, also those of C1 and those that change the direction of text,
 * become visible as \x1b; newline and tab stay.
 *
 * Return: a new string.
 */
char *text_clean(const void *bytes, gssize length, gsize limit);

/**
 * text_clean_line() - as text_clean(), for one line: newlines and tabs become blanks
 */
char *text_clean_line(const void *bytes, gssize length, gsize limit);

/**
 * text_complain() - print an error to stderr, as a line that begins with "iommut: "
 * @error: its message may repeat what somebody else wrote, such as a line of a file; it is cleaned
 */
void text_complain(const GError *error);

/**
 * text_is_name() - may it be the name of a suite, case, parameter or engine?
 * @text: anything
 *
 * Return: TRUE for 1 to 64 characters of [A-Za-z0-9_.-], not beginning with a dot or a minus.
 */
gboolean text_is_name(const char *text);

/**
 * text_is_value() - may it be the value of a parameter?
 * @text: anything
 *
 * Return: TRUE for 1 to 64 characters of [A-Za-z0-9_.:+*-].
 */
gboolean text_is_value(const char *text);

/**
 * text_is_bdf() - is it a PCI function's address, as in 0000:00:05.0?
 * @text: anything
 */
gboolean text_is_bdf(const char *text);

/**
 * text_shell_quote() - a word for a command line that people paste
 * @text: any text
 *
 * Return: a new string, quoted only if it must be.
 */
char *text_shell_quote(const char *text);

/**
 * text_duration() - a duration for people
 * @us: microseconds
 *
 * Return: a new string, as in "12 ms", "3.4 s", "2 min 05 s".
 */
char *text_duration(gint64 us);

#endif /* RUNNER_TEXT_H */
