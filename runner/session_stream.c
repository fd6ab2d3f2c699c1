// SPDX-License-Identifier: GPL-2.0-or-later
#include "runner/session_stream.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "runner/text.h"

#define SEND_TIMEOUT_MS 10000

void session_lose(struct session *session, const char *why)
{
	if (!session->lost)
		session->why = g_strdup(why);
	session->lost = TRUE;
}

/* Sends what can be sent of @parts within the time; the stream does not block. */
static gboolean write_parts(int fd, struct iovec *parts, int count)
{
	gint64 deadline = g_get_monotonic_time() + SEND_TIMEOUT_MS * 1000;

	while (count) {
		struct pollfd writable = { .fd = fd, .events = POLLOUT };
		ssize_t written = writev(fd, parts, count);

		if (written < 0 && errno == EAGAIN) {
			gint64 left = (deadline - g_get_monotonic_time()) / 1000;

			if (left <= 0 || poll(&writable, 1, (int)left) == 0)
				return FALSE;
			continue;
		}
		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return FALSE;
		while (count && (gsize)written >= parts->iov_len) {
			written -= (ssize_t)parts->iov_len;
			parts++;
			count--;
		}
		if (count) {
			parts->iov_base = (char *)parts->iov_base + written;
			parts->iov_len -= (gsize)written;
		}
	}
	return TRUE;
}

gboolean session_send(struct session *session, enum frame_type type, struct message *message)
{
	struct message none = { 0 };
	struct message *content = message ? message : &none;
	guint8 header[PROTOCOL_HEADER];
	struct iovec parts[2] = { { header, sizeof(header) }, { content->data, content->length } };

	frame_header(header, type, session->sequence++, content->data, content->length);
	if (content->failed)
		session_lose(session, "a request was too long");
	else if (!session->lost && !write_parts(session->fd, parts, content->length ? 2 : 1))
		session_lose(session, "the agent takes no requests");
	message_clear(content);
	return !session->lost;
}

gboolean session_receive(struct session *session, gint64 deadline, gboolean *stopped)
{
	struct pollfd fds[2] = { { .fd = session->fd, .events = POLLIN },
				 { .fd = stopped ? session->stop_fd : -1, .events = POLLIN } };
	char bytes[64 * 1024];
	ssize_t length;
	int wait = -1;

	if (deadline >= 0)
		wait = (int)MAX(0, (deadline - g_get_monotonic_time() + 999) / 1000);
	if (poll(fds, 2, wait) <= 0)
		return TRUE;
	if (fds[1].revents) {
		*stopped = TRUE;
		return TRUE;
	}
	length = read(session->fd, bytes, sizeof(bytes));
	if (length < 0 && (errno == EAGAIN || errno == EINTR))
		return TRUE;
	if (length <= 0) {
		session_lose(session, "the stream from the agent ended");
		return FALSE;
	}
	if (decoder_feed(&session->decoder, bytes, (gsize)length) != 0) {
		session_lose(session, "out of memory");
		return FALSE;
	}
	return TRUE;
}

gboolean session_take(struct session *session, struct frame *frame)
{
	int more = decoder_next(&session->decoder, frame);

	if (more < 0)
		session_lose(session, "the agent's stream is broken");
	return more > 0;
}

char *session_value(const struct frame *frame, const char *key, gsize limit)
{
	const char *value = frame_get(frame, key);

	return text_clean_line(value ? value : "", -1, limit);
}
