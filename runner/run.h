/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef RUNNER_RUN_H
#define RUNNER_RUN_H

/* A whole run: several machines, one run directory. What goes wrong is said on stderr; the exit code is returned. */

#include <glib.h>

#include "runner/options.h"
#include "runner/transport.h"
#include "runner/verdict.h"

/**
 * struct run_target - a machine to run on
 * @transport: how to reach it; the caller frees it
 * @replay: the words before "--seed N ID" of the command that repeats a case there; NULL-terminated
 * @share: several targets may be machines of one name that are alike: which of them it is, from 1
 * @shares: how many those are, 1 for a machine of its own; they share what is to run
 */
struct run_target {
	struct transport *transport;
	char **replay;
	guint share;
	guint shares;
};

/**
 * run_targets() - run what was chosen on every machine, record it, report it
 * @options: checked
 * @targets: the machines
 * @count: how many
 */
enum exit_status run_targets(const struct run_options *options, const struct run_target *targets,
			     gsize count);

/**
 * run_list() - print what would run on every machine: IDs, with -v what they prove
 * @options: checked
 * @targets: the machines
 * @count: how many
 */
enum exit_status run_list(const struct run_options *options, const struct run_target *targets,
			  gsize count);

/**
 * run_devices() - print the machine's PCI functions that an engine can drive; with -v all of them
 * @options: checked
 * @target: the machine
 */
enum exit_status run_devices(const struct run_options *options, const struct run_target *target);

#endif /* RUNNER_RUN_H */
