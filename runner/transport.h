/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef RUNNER_TRANSPORT_H
#define RUNNER_TRANSPORT_H

/*
 * How the runner reaches an agent: a byte stream, and what can be said about the machine behind it. The lab implements one over a
 * virtio-serial port, transport_local() one over a socketpair to a child process.
 */

#include <glib.h>
#include <jansson.h>

struct transport;

/**
 * struct transport_ops - what a transport implements
 * @start: bring the machine up until its agent can be spoken to. Returns a connected, non-blocking stream, owned by the
 *         caller; -1 with an error that names the phase that failed and the last console lines. May be called again after stop.
 * @request: a stimulus from outside the machine (docs/architecture.md, IOMMUT_CONTROL_FD): one line without newline in, one out
 *           ("ok ..." or "error ..."), to be freed with g_free(). NULL if there is none.
 * @describe: what is behind it, for run.json: a new reference
 * @death: why the stream ended or nothing comes any more: text with the last console lines, to be freed with g_free()
 * @stop: end the machine, whatever state it is in; nothing of it is left. Harmless if it is not running.
 * @free: give the transport itself back; stops first
 */
struct transport_ops {
	int (*start)(struct transport *transport, GError **error);
	char *(*request)(struct transport *transport, const char *line);
	json_t *(*describe)(struct transport *transport);
	char *(*death)(struct transport *transport);
	void (*stop)(struct transport *transport);
	void (*free)(struct transport *transport);
};

/**
 * struct transport - a way to a machine under test; the first member of what implements it
 * @ops: what it implements
 * @name: for people: "local", or the lab's profile
 * @slowness: how much longer than on idle hardware things may take: deadlines are multiplied by it
 * @shares_fate: the machine is this one: its death would take unsynced records along
 * @copies: it brings the machine the files of @tests
 * @tests: of struct foreign *, or NULL: set before start(), and must outlive the transport's use
 */
struct transport {
	const struct transport_ops *ops;
	char *name;
	double slowness;
	gboolean shares_fate;
	gboolean copies;
	const GPtrArray *tests;
};

/**
 * transport_local() - this machine
 * @agent: path of the agent program
 * @suites: folder of the suites, or NULL for the one that lies beside the agent
 *
 * Return: a transport to a child process.
 */
struct transport *transport_local(const char *agent, const char *suites);

/**
 * transport_exec() - a machine that a command reaches
 * @command: for a shell; its standard input and output are those of an agent that runs with --stdio, with the suites beside it
 */
struct transport *transport_exec(const char *command);

/**
 * transport_ssh() - a machine that ssh reaches: only a shell is needed there
 * @where: [user@]host[:port]
 * @agent: path of the agent program, for that machine's architecture
 * @suites: folder of suites, likewise
 *
 * Agent and suites are copied to a folder of their own, which is removed at the end. $IOMMUT_SSH names another ssh program.
 */
struct transport *transport_ssh(const char *where, const char *agent, const char *suites);

#endif /* RUNNER_TRANSPORT_H */
