/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef RUNNER_SESSION_STREAM_H
#define RUNNER_SESSION_STREAM_H

/* The frames of a session, for what makes requests and what runs jobs. */

#include "agent/protocol.h"
#include "runner/session.h"

#define SESSION_MAX_LINE 1000

struct session {
	struct transport *transport;
	int fd;
	int stop_fd;
	struct decoder decoder;
	guint32 sequence;
	gboolean guest;
	gboolean lost;
	char *why;
};

/**
 * session_lose() - from now on it is lost
 * @why: counts if it was not before
 */
void session_lose(struct session *session, const char *why);

/**
 * session_send() - send a frame
 * @message: what it says, emptied; may be NULL
 *
 * Return: FALSE if the session is lost.
 */
gboolean session_send(struct session *session, enum frame_type type, struct message *message);

/**
 * session_receive() - wait for bytes
 * @deadline: monotonic, microseconds; -1: for ever
 * @stopped: set if the stop descriptor ended the wait; NULL: it does not
 *
 * Return: FALSE if the stream ended.
 */
gboolean session_receive(struct session *session, gint64 deadline, gboolean *stopped);

/**
 * session_take() - the next frame that is there already
 */
gboolean session_take(struct session *session, struct frame *frame);

/**
 * session_value() - what a frame has for a key, cleaned
 * @limit: bytes at most
 *
 * Return: a new string, empty if it has none.
 */
char *session_value(const struct frame *frame, const char *key, gsize limit);

#endif /* RUNNER_SESSION_STREAM_H */
