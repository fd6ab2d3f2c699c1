// SPDX-License-Identifier: GPL-2.0-or-later
/* Frames out, and the small helpers that every part of the agent needs. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "agent/agent.h"

int64_t monotonic_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static bool write_all(int fd, const uint8_t *data, size_t length)
{
	while (length) {
		ssize_t written = write(fd, data, length);

		if (written < 0) {
			struct pollfd writable = { .fd = fd, .events = POLLOUT };

			if (errno == EAGAIN && poll(&writable, 1, -1) >= 0)
				continue;
			if (errno == EINTR)
				continue;
			return false;
		}
		data += written;
		length -= (size_t)written;
	}
	return true;
}

bool have_port(struct agent *agent)
{
	struct pollfd port = { .fd = agent->stream };

	if (!agent->init || poll(&port, 1, 0) == 0)
		return true;
	agent->stream = agent->stream_out = init_resume(agent->stream);
	return agent->stream >= 0;
}

void flush_frames(struct agent *agent)
{
	if (agent->waiting && !agent->broken &&
	    (!have_port(agent) || !write_all(agent->stream_out, agent->frames, agent->waiting)))
		agent->broken = true;
	agent->waiting = 0;
}

/* Each write to a virtio-serial port stops the guest until the host has taken it: many small ones cost more than their cases. */
static void append(struct agent *agent, const uint8_t *data, size_t length)
{
	while (length) {
		size_t part = sizeof(agent->frames) - agent->waiting;

		if (part > length)
			part = length;
		memcpy(agent->frames + agent->waiting, data, part);
		agent->waiting += part;
		data += part;
		length -= part;
		if (agent->waiting == sizeof(agent->frames))
			flush_frames(agent);
	}
}

/* Empties @message, which may be NULL. */
void send_frame(struct agent *agent, enum frame_type type, struct message *message)
{
	static struct message none;
	struct message *content = message ? message : &none;
	uint8_t header[PROTOCOL_HEADER];

	if (content->failed) {
		message_clear(content);
		send_error(agent, "an answer was too long or memory ran out");
		return;
	}
	frame_header(header, type, agent->sequence++, content->data, content->length);
	append(agent, header, sizeof(header));
	append(agent, content->data, content->length);
	message_clear(content);
}

void send_done(struct agent *agent)
{
	send_frame(agent, FRAME_DONE, NULL);
}

void send_error(struct agent *agent, const char *format, ...)
{
	struct message message = { 0 };
	char text[1024];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	message_add(&message, "text", text);
	if (message.failed)
		agent->broken = true;
	else
		send_frame(agent, FRAME_ERROR, &message);
}

bool read_again(int *file, const char *path, char *text, size_t size)
{
	ssize_t length = -1;

	text[0] = '\0';
	if (*file < 0)
		*file = open(path, O_RDONLY | O_CLOEXEC);
	if (*file >= 0)
		length = pread(*file, text, size - 1, 0);
	if (length < 0)
		return false;
	while (length && (text[length - 1] == '\n' || text[length - 1] == ' '))
		length--;
	text[length] = '\0';
	return true;
}

bool read_text(const char *path, char *text, size_t size)
{
	int file = -1;
	bool done = read_again(&file, path, text, size);

	if (file >= 0)
		close(file);
	return done;
}

bool write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t length;

	if (fd < 0)
		return false;
	length = write(fd, text, strlen(text));
	return close(fd) == 0 && length == (ssize_t)strlen(text);
}
