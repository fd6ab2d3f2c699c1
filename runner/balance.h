/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef RUNNER_BALANCE_H
#define RUNNER_BALANCE_H

/* Which part of a plan a case belongs to: by its ID, or so that all parts take the same time. */

#include <glib.h>

#include "runner/record.h"

/**
 * struct balance - parts that take the same time
 *
 * It depends on the run and the number of parts alone: whatever else is chosen, and on whatever machine, a case is in the same part.
 */
struct balance;

/**
 * balance_new() - share out the cases of a run
 * @run: tells how long each case takes on each machine
 * @count: how many parts
 */
struct balance *balance_new(const struct run *run, guint count);
void balance_free(struct balance *balance);

/**
 * balance_part() - the part of a case
 * @balance: parts of equal time, or NULL for parts of about as many cases
 * @profile: name of the machine
 * @id: the case's
 * @count: how many parts
 *
 * Return: from 1 to @count; by the ID alone for a case that the run did not know.
 */
guint balance_part(const struct balance *balance, const char *profile, const char *id, guint count);

#endif /* RUNNER_BALANCE_H */
