/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef RUNNER_FOREIGN_RUN_H
#define RUNNER_FOREIGN_RUN_H

/* What running a program that somebody else wrote takes, beside what a suite takes. */

#include "runner/foreign_stream.h"
#include "runner/plan.h"
#include "runner/record.h"
#include "runner/session.h"
#include "runner/transport.h"

/**
 * foreign_job() - say what is to be started
 * @job: gets program, folder, arguments, environment; its devices and seed are there already
 * @item: of a program that somebody else wrote
 * @copies: the transport brought the program's files to the machine
 *
 * To be cleared with foreign_job_clear().
 */
void foreign_job(struct session_job *job, const struct item *item, gboolean copies);
void foreign_job_clear(struct session_job *job);

/**
 * foreign_part_result() - a test of a program as a result of its own
 * @item: the program
 * @part: the test
 *
 * Return: a new result, without times and what else belongs to the process.
 */
struct result *foreign_part_result(const struct item *item, const struct foreign_part *part);

#endif /* RUNNER_FOREIGN_RUN_H */
