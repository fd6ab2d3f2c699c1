/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef RUNNER_SESSION_H
#define RUNNER_SESSION_H

/*
 * A conversation with one agent, from start to stop of the machine behind it. What the agent says is untrusted: it is bounded and
 * cleaned here. Not thread safe; a session belongs to the thread that opened it.
 */

#include <glib.h>

#include "runner/fixture.h"
#include "runner/plan.h"
#include "runner/provoked.h"
#include "runner/transport.h"

/**
 * struct session_exit - how a job ended
 * @job: its number
 * @status: as of waitpid(2)
 * @duration_us: how long it ran
 * @timed_out: its deadline passed
 * @hung: it could not be killed
 * @taint: bits of the kernel's taint that are new
 * @leak: what it left behind, or NULL
 * @refused: why it did not start, or NULL
 */
struct session_exit {
	guint32 job;
	int status;
	gint64 duration_us;
	gboolean timed_out;
	gboolean hung;
	guint64 taint;
	const char *leak;
	const char *refused;
};

/**
 * struct session_events - what is called while session_wait() runs
 * @output: a job wrote bytes; @stream is STREAM_STDOUT or STREAM_STDERR of agent/protocol.h
 * @kernel: a line of the log, cleaned; @user: a program wrote it, not the kernel; @fault: what it reports if it completes the
 *          report of a fault, or NULL
 * @ended: a job ended; nothing more comes from it
 * @data: for them
 */
struct session_events {
	void (*output)(gpointer data, guint32 job, guint stream, const char *bytes, gsize length);
	void (*kernel)(gpointer data, const char *line, gboolean user,
		       const struct reported_fault *fault);
	void (*ended)(gpointer data, const struct session_exit *end);
	gpointer data;
};

enum session_result {
	SESSION_EVENTS, /* something happened, or nothing within the time */
	SESSION_STOP,   /* the stop descriptor became readable */
	SESSION_LOST,   /* the agent ended, broke the protocol or does not read */
};

struct session;

/**
 * session_open() - start a machine and greet its agent
 * @transport: the machine; must outlive the session
 * @stop_fd: becomes readable when everything is to end; or -1
 * @error: RUNNER_ERROR_TROUBLE
 */
struct session *session_open(struct transport *transport, int stop_fd, GError **error);

/**
 * session_close() - end: devices are given back, then the machine is stopped
 * @session: a session, or NULL
 * @orderly: ask the agent first; otherwise it is known to be beyond that
 * @error: what could not be given back; may be NULL
 *
 * Return: whether everything was given back, as far as the agent can tell.
 */
gboolean session_close(struct session *session, gboolean orderly, GError **error);

/**
 * session_machine() - what the machine is and has
 * @session: a session
 * @suites: whose cases to ask for, NULL-terminated, or NULL for all; what does not exist has none
 * @error: RUNNER_ERROR_TROUBLE
 *
 * Return: a new machine, or NULL with @error set.
 */
struct machine *session_machine(struct session *session, char **suites, GError **error);

/**
 * session_bind() - give a device, and what shares its IOMMU group, to vfio-pci
 * @session: a session
 * @device: address
 * @force: also if it is in use
 * @error: why not
 *
 * Events of running jobs must not be expected meanwhile: call it while none runs, or before the first.
 */
gboolean session_bind(struct session *session, const char *device, gboolean force, GError **error);

/**
 * session_prepare() - change something of the machine, until session_undo() or the end; as session_bind()
 * @session: a session
 * @fixture: what
 * @error: why not; it is to be undone all the same
 */
gboolean session_prepare(struct session *session, const struct fixture *fixture, GError **error);

/**
 * session_undo() - undo all but the first @keep of what was prepared; as session_bind()
 */
gboolean session_undo(struct session *session, guint keep, GError **error);

/**
 * struct session_job - what to run
 * @job: a number above 0, not used before in this session
 * @suite: the suite's name
 * @variant: for --run
 * @engine: for --engine, or NULL
 * @devices: for --device, NULL-terminated
 * @seed: for --seed
 * @timeout_ms: deadline
 * @program: instead of a suite: path of a program that somebody else wrote, relative to @folder or absolute; or NULL
 * @folder: then: where it runs; a name means the copy beside the suites
 * @arguments: then: NULL-terminated
 * @environment: then: NAME=VALUE, NULL-terminated
 */
struct session_job {
	guint32 job;
	const char *suite;
	const char *variant;
	const char *engine;
	const char *devices[3];
	guint64 seed;
	guint timeout_ms;
	const char *program;
	const char *folder;
	char **arguments;
	char **environment;
};

/**
 * session_run() - start a job
 *
 * Return: FALSE if the session is lost.
 */
gboolean session_run(struct session *session, const struct session_job *job);

/**
 * session_kill() - end a job before its deadline; its end is still reported
 */
gboolean session_kill(struct session *session, guint32 job);

/**
 * session_wait() - take what the agent says
 * @session: a session
 * @timeout_ms: longest wait; -1 for ever
 * @watch_stop: whether the stop descriptor ends the wait
 * @events: what to call
 *
 * Requests of cases for a stimulus are answered meanwhile by the transport.
 */
enum session_result session_wait(struct session *session, int timeout_ms, gboolean watch_stop,
				 const struct session_events *events);

/**
 * session_is_lost() - whether nothing more can come of it
 */
gboolean session_is_lost(const struct session *session);

/**
 * session_death() - why a session was lost, cleaned, several lines; to be freed with g_free()
 */
char *session_death(struct session *session);

#endif /* RUNNER_SESSION_H */
