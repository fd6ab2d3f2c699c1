// SPDX-License-Identifier: GPL-2.0-or-later
/* Jobs of a session: what is asked of the agent while cases run, and what it reports of them. */
#include <string.h>

#include "runner/session_stream.h"

gboolean session_run(struct session *session, const struct session_job *job)
{
	struct message message = { 0 };

	message_addf(&message, "job", "%u", job->job);
	message_add(&message, "suite", job->suite);
	message_add(&message, "variant", job->variant);
	if (job->engine)
		message_add(&message, "engine", job->engine);
	for (const char *const *device = job->devices; *device; device++)
		message_add(&message, "device", *device);
	message_addf(&message, "seed", "%" G_GUINT64_FORMAT, job->seed);
	message_addf(&message, "timeout_ms", "%u", job->timeout_ms);
	if (job->program) {
		message_add(&message, "program", job->program);
		message_add(&message, "folder", job->folder);
		for (char **argument = job->arguments; *argument; argument++)
			message_add(&message, "argument", *argument);
		for (char **setting = job->environment; *setting; setting++)
			message_add(&message, "environment", *setting);
	}
	return session_send(session, FRAME_RUN, &message);
}

gboolean session_kill(struct session *session, guint32 job)
{
	struct message message = { 0 };

	message_addf(&message, "job", "%u", job);
	return session_send(session, FRAME_KILL, &message);
}

static void answer_request(struct session *session, const struct frame *frame)
{
	const struct transport_ops *ops = session->transport->ops;
	g_autofree char *line = session_value(frame, "line", 512);
	g_autofree char *answer = NULL;
	struct message message = { 0 };

	if (ops->request)
		answer = ops->request(session->transport, line);
	message_addf(&message, "job", "%" G_GINT64_FORMAT, frame_get_number(frame, "job", 0));
	message_add(&message, "line",
		    answer ? answer : "error nobody can do this to this machine from outside");
	session_send(session, FRAME_REPLY, &message);
}

static void give_output(const struct frame *frame, const struct session_events *events)
{
	const guint8 *at = frame->payload;

	if (frame->length < 5)
		return;
	events->output(events->data,
		       at[0] | (guint32)at[1] << 8 | (guint32)at[2] << 16 | (guint32)at[3] << 24,
		       at[4], (const char *)at + 5, frame->length - 5);
}

static enum fault_kind kind_of_fault(const char *name)
{
	static const char *const names[] = { "dma", "interrupt", "page-request", "overflow" };

	for (guint kind = 0; name && kind < G_N_ELEMENTS(names); kind++)
		if (g_str_equal(names[kind], name))
			return (enum fault_kind)kind;
	return FAULT_OTHER;
}

static void give_kernel(const struct frame *frame, const struct session_events *events)
{
	g_autofree char *line = session_value(frame, "text", SESSION_MAX_LINE);
	g_autofree char *requester = session_value(frame, "fault", 32);
	const char *address = frame_get(frame, "address"), *access = frame_get(frame, "access");
	const struct reported_fault fault = {
		.kind = kind_of_fault(frame_get(frame, "kind")),
		.requester = requester,
		.has_address = address != NULL,
		.address = address ? g_ascii_strtoull(address, NULL, 16) : 0,
		.reads = g_strcmp0(access, "read") == 0,
		.writes = g_strcmp0(access, "write") == 0,
		.sequence = (guint64)MAX(0, frame_get_number(frame, "sequence", 0)),
		.pasid = g_strcmp0(frame_get(frame, "pasid"), "none") == 0
				 ? PASID_NONE
				 : frame_get_number(frame, "pasid", PASID_UNKNOWN),
	};

	events->kernel(events->data, line, frame_get_number(frame, "user", 0) == 1,
		       *requester ? &fault : NULL);
}

static void give_end(const struct frame *frame, const struct session_events *events)
{
	g_autofree char *leak = session_value(frame, "leak", SESSION_MAX_LINE);
	g_autofree char *refused = session_value(frame, "refused", SESSION_MAX_LINE);
	const char *taint = frame_get(frame, "taint");
	const struct session_exit end = {
		.job = (guint32)frame_get_number(frame, "job", 0),
		.status = (int)frame_get_number(frame, "status", 0),
		.duration_us = MAX(0, frame_get_number(frame, "duration_us", 0)),
		.timed_out = frame_get_number(frame, "timeout", 0) == 1,
		.hung = frame_get_number(frame, "hung", 0) == 1,
		.taint = taint ? g_ascii_strtoull(taint, NULL, 10) : 0,
		.leak = *leak ? leak : NULL,
		.refused = *refused ? refused : NULL,
	};

	events->ended(events->data, &end);
}

static void give_frame(struct session *session, const struct frame *frame,
		       const struct session_events *events)
{
	switch (frame->type) {
	case FRAME_OUTPUT:
		give_output(frame, events);
		break;
	case FRAME_KMSG:
		give_kernel(frame, events);
		break;
	case FRAME_EXIT:
		give_end(frame, events);
		break;
	case FRAME_REQUEST:
		answer_request(session, frame);
		break;
	case FRAME_ERROR: {
		g_autofree char *text = session_value(frame, "text", SESSION_MAX_LINE);

		session_lose(session, text);
		break;
	}
	default:
		break;
	}
}

enum session_result session_wait(struct session *session, int timeout_ms, gboolean watch_stop,
				 const struct session_events *events)
{
	gint64 deadline = timeout_ms < 0 ? -1 : g_get_monotonic_time() + timeout_ms * 1000LL;
	gboolean stopped = FALSE;
	struct frame frame;

	if (!session->lost)
		session_receive(session, deadline, watch_stop ? &stopped : NULL);
	/* What came before the end is still worth having. */
	while (session_take(session, &frame))
		give_frame(session, &frame, events);
	if (session->lost)
		return SESSION_LOST;
	return stopped ? SESSION_STOP : SESSION_EVENTS;
}
