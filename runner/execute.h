/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef RUNNER_EXECUTE_H
#define RUNNER_EXECUTE_H

/* Runs the items of a plan on one machine: starts, watches, judges, and brings a lost machine back. */

#include <glib.h>

#include "runner/plan.h"
#include "runner/record.h"
#include "runner/session.h"
#include "runner/transport.h"

/**
 * struct execute_sink - where what happens goes; called from the thread of execute_items()
 * @begin: a case is about to start. FALSE if that could not be recorded: the run ends.
 * @save: a log of a case, "stdout", "stderr" or "kmsg"; FALSE as above
 * @add: a case ended; FALSE as above
 * @note: something people should know now: the machine was lost, is started again
 * @stopping: whether no more cases may start: a limit of failures was reached, or somebody asked
 * @allows: whether a line of the kernel's log is that of a known issue, and so no failure
 * @data: for them
 */
struct execute_sink {
	gboolean (*begin)(gpointer data, const struct item *item);
	gboolean (*save)(gpointer data, const struct item *item, const char *name,
			 const char *bytes, gsize length);
	gboolean (*add)(gpointer data, const struct item *item, struct result *result);
	void (*note)(gpointer data, const char *text);
	gboolean (*stopping)(gpointer data);
	gboolean (*allows)(gpointer data, const char *line);
	gpointer data;
};

/**
 * execute_items() - run them
 * @session: the machine's session, which is replaced when the machine is lost; NULL if it could not be brought back
 * @transport: the machine
 * @stop_fd: becomes readable when everything is to end; or -1
 * @machine: what is on it
 * @items: of struct item *
 * @options: what the user chose
 * @sink: where results go
 * @error: why not all items ran, if it is not that somebody asked to stop
 *
 * Return: whether every item has a result, or was not started because of @sink->stopping or @stop_fd.
 */
gboolean execute_items(struct session **session, struct transport *transport, int stop_fd,
		       const struct machine *machine, const GPtrArray *items,
		       const struct run_options *options, const struct execute_sink *sink,
		       GError **error);

#endif /* RUNNER_EXECUTE_H */
