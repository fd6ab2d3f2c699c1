/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef RUNNER_TRANSPORT_PROCESS_H
#define RUNNER_TRANSPORT_PROCESS_H

#include "runner/transport.h"

/**
 * struct process_hooks - what makes one transport by a process differ from another
 * @command: given the tests of others that the machine needs, or NULL: the command whose standard input and output reach the agent, a new NULL-terminated array; called at each start, after
 *           which the one before is of no use any more. NULL with @error set if the machine cannot be reached.
 * @free: frees the data of both
 */
struct process_hooks {
	char **(*command)(gpointer data, const GPtrArray *tests, GError **error);
	void (*free)(gpointer data);
};

/**
 * transport_process() - an agent behind the standard input and output of a process
 * @name: of the machine
 * @shares_fate: it is this machine
 * @hooks: how the process is made
 * @data: for @hooks, which own it
 */
struct transport *transport_process(const char *name, gboolean shares_fate,
				    const struct process_hooks *hooks, gpointer data);

#endif /* RUNNER_TRANSPORT_PROCESS_H */
