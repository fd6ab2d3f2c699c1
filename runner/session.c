// SPDX-License-Identifier: GPL-2.0-or-later
#include "runner/session.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "agent/protocol.h"
#include "runner/foreign.h"
#include "runner/registers.h"
#include "runner/text.h"
#include "runner/verdict.h"

#define ANSWER_TIMEOUT_MS 30000
#define SEND_TIMEOUT_MS   10000
#define MAX_LINE          1000
#define MAX_FACT          8000
#define MAX_DEATH         8000
#define MAX_FACTS         4096
#define MAX_DEVICES       4096

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

static void lose(struct session *session, const char *why)
{
	if (!session->lost)
		session->why = g_strdup(why);
	session->lost = TRUE;
}

static int answer_timeout(const struct session *session)
{
	return (int)(ANSWER_TIMEOUT_MS * session->transport->slowness);
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

/* Sends and empties @message, which may be NULL. */
static gboolean send_frame(struct session *session, enum frame_type type, struct message *message)
{
	struct message none = { 0 };
	struct message *content = message ? message : &none;
	guint8 header[PROTOCOL_HEADER];
	struct iovec parts[2] = { { header, sizeof(header) }, { content->data, content->length } };

	frame_header(header, type, session->sequence++, content->data, content->length);
	if (content->failed)
		lose(session, "a request was too long");
	else if (!session->lost && !write_parts(session->fd, parts, content->length ? 2 : 1))
		lose(session, "the agent takes no requests");
	message_clear(content);
	return !session->lost;
}

/*
 * Waits for bytes until @deadline (monotonic, microseconds; -1: for ever). Returns FALSE if the stream ended; *stopped tells
 * whether the stop descriptor ended the wait.
 */
static gboolean receive(struct session *session, gint64 deadline, gboolean *stopped)
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
		lose(session, "the stream from the agent ended");
		return FALSE;
	}
	if (decoder_feed(&session->decoder, bytes, (gsize)length) != 0) {
		lose(session, "out of memory");
		return FALSE;
	}
	return TRUE;
}

/* The next frame that is there already. */
static gboolean take_frame(struct session *session, struct frame *frame)
{
	int more = decoder_next(&session->decoder, frame);

	if (more < 0)
		lose(session, "the agent's stream is broken");
	return more > 0;
}

static char *clean_value(const struct frame *frame, const char *key, gsize limit)
{
	const char *value = frame_get(frame, key);

	return text_clean_line(value ? value : "", -1, limit);
}

/* --- requests with answers --- */

static gboolean trouble(struct session *session, GError **error, const char *doing,
			const char *what)
{
	g_set_error(error, RUNNER_ERROR, RUNNER_ERROR_TROUBLE, "%s: %s: %s",
		    session->transport->name, doing, what);
	return FALSE;
}

typedef gboolean (*frame_taker)(const struct frame *frame, gpointer data, GError **error);

/*
 * Hands every frame to @take until DONE. Frames that belong to no request (late kernel log) pass by. @take returns FALSE to give
 * up, with what is wrong in @error.
 */
static gboolean collect(struct session *session, const char *doing, frame_taker take, gpointer data,
			GError **error)
{
	gint64 deadline =
		g_get_monotonic_time() + answer_timeout(session) * G_GINT64_CONSTANT(1000);
	gboolean stopped = FALSE;
	struct frame frame;

	while (!session->lost) {
		while (take_frame(session, &frame)) {
			if (frame.type == FRAME_DONE)
				return TRUE;
			if (frame.type == FRAME_ERROR) {
				g_autofree char *text = clean_value(&frame, "text", MAX_LINE);

				return trouble(session, error, doing, text);
			}
			if (take && !take(&frame, data, error))
				return FALSE;
		}
		if (session->lost)
			break;
		if (g_get_monotonic_time() >= deadline) {
			lose(session, "the agent does not answer");
			break;
		}
		if (!receive(session, deadline, &stopped))
			break;
		if (stopped)
			return trouble(session, error, doing, "stopped");
	}
	{
		g_autofree char *death = session_death(session);

		return trouble(session, error, doing, death);
	}
}

struct greeting {
	gboolean ready;
	gboolean guest;
	gboolean good;
};

static gboolean take_greeting(const struct frame *frame, gpointer data, GError **error)
{
	struct greeting *greeting = data;
	const char *version = frame_get(frame, "version");

	if (frame->type != FRAME_READY)
		return TRUE;
	greeting->ready = TRUE;
	greeting->good = g_strcmp0(version, PROTOCOL_VERSION) == 0;
	greeting->guest = frame_get_number(frame, "init", 0) == 1;
	return TRUE;
}

struct session *session_open(struct transport *transport, int stop_fd, GError **error)
{
	struct session *session = g_new0(struct session, 1);
	struct greeting greeting = { 0 };
	struct message hello = { 0 };

	session->transport = transport;
	session->stop_fd = stop_fd;
	session->fd = transport->ops->start(transport, error);
	if (session->fd < 0) {
		g_free(session);
		return NULL;
	}
	message_add(&hello, "version", PROTOCOL_VERSION);
	send_frame(session, FRAME_HELLO, &hello);
	if (collect(session, "greeting the agent", take_greeting, &greeting, error)) {
		if (greeting.ready && greeting.good) {
			session->guest = greeting.guest;
			return session;
		}
		trouble(session, error, "greeting the agent", "it is of another version");
	}
	session_close(session, FALSE, NULL);
	return NULL;
}

gboolean session_close(struct session *session, gboolean orderly, GError **error)
{
	gboolean good = TRUE;

	if (!session)
		return TRUE;
	session->stop_fd = -1;
	if (orderly && !session->lost && send_frame(session, FRAME_POWEROFF, NULL))
		good = collect(session, "giving the devices back", NULL, NULL, error);
	/* Our end goes first: an agent that still lives sees it, restores and ends. */
	close(session->fd);
	session->transport->ops->stop(session->transport);
	decoder_clear(&session->decoder);
	g_free(session->why);
	g_free(session);
	return good;
}

static gboolean take_fact(const struct frame *frame, gpointer data, GError **error)
{
	json_t *facts = data;

	if (frame->type == FRAME_FACT && json_object_size(facts) < MAX_FACTS) {
		g_autofree char *key = clean_value(frame, "key", 100);
		g_autofree char *value = clean_value(frame, "value", MAX_FACT);

		json_object_set_new_nocheck(facts, key, json_string_nocheck(value));
	}
	return TRUE;
}

static gboolean take_device(const struct frame *frame, gpointer data, GError **error)
{
	GPtrArray *devices = data;
	gint64 group = frame_get_number(frame, "group", -1);
	struct device *device;

	if (frame->type != FRAME_DEVICE || devices->len == MAX_DEVICES)
		return TRUE;
	device = g_new0(struct device, 1);
	g_ptr_array_add(devices, device);
	device->name = clean_value(frame, "name", 64);
	device->vendor = clean_value(frame, "vendor", 16);
	device->product = clean_value(frame, "device", 16);
	device->class = clean_value(frame, "class", 16);
	device->group = group < 0 ? g_strdup("") : g_strdup_printf("%" G_GINT64_FORMAT, group);
	device->driver = clean_value(frame, "driver", 64);
	device->engine = clean_value(frame, "engine", 64);
	device->use = clean_value(frame, "use", 200);
	if (text_is_bdf(device->name) && (!*device->engine || text_is_name(device->engine)))
		return TRUE;
	g_set_error(error, RUNNER_ERROR, RUNNER_ERROR_TROUBLE, "no PCI function: %s", device->name);
	return FALSE;
}

static gboolean take_case(const struct frame *frame, gpointer data, GError **error)
{
	GPtrArray *cases = data;
	const char *json = frame_get(frame, "json");
	struct test_case *which;

	if (frame->type != FRAME_CASE)
		return TRUE;
	if (cases->len == CATALOGUE_MAX_CASES) {
		g_set_error_literal(error, RUNNER_ERROR, RUNNER_ERROR_TROUBLE, "too many cases");
		return FALSE;
	}
	which = test_case_parse(json ? json : "", json ? strlen(json) : 0, error);
	if (!which)
		return FALSE;
	g_ptr_array_add(cases, which);
	return TRUE;
}

static gboolean ask(struct session *session, enum frame_type type, const char *doing,
		    frame_taker take, gpointer data, GError **error)
{
	send_frame(session, type, NULL);
	return collect(session, doing, take, data, error);
}

static gboolean ask_for_cases(struct session *session, char **suites, GPtrArray *cases,
			      GError **error)
{
	struct message message = { 0 };

	for (char **suite = suites; suite && *suite; suite++)
		message_add(&message, "suite", *suite);
	send_frame(session, FRAME_LIST, &message);
	return collect(session, "listing cases", take_case, cases, error);
}

struct machine *session_machine(struct session *session, char **suites, GError **error)
{
	struct machine *machine = machine_new();

	machine->is_guest = session->guest;
	if (ask(session, FRAME_ENVIRONMENT, "asking what the machine is", take_fact, machine->facts,
		error) &&
	    ask(session, FRAME_DEVICES, "listing devices", take_device, machine->devices, error) &&
	    ask_for_cases(session, suites, machine->cases, error) &&
	    foreign_add_cases(machine->cases, session->transport->tests, error)) {
		registers_explain(machine->facts);
		return machine;
	}
	machine_free(machine);
	return NULL;
}

gboolean session_bind(struct session *session, const char *device, gboolean force, GError **error)
{
	struct message message = { 0 };

	message_add(&message, "device", device);
	message_add(&message, "force", force ? "1" : "0");
	send_frame(session, FRAME_BIND, &message);
	return collect(session, "preparing a device", NULL, NULL, error);
}

gboolean session_prepare(struct session *session, const struct fixture *fixture, GError **error)
{
	g_autofree char *doing = g_strdup_printf("fixture %s", fixture->text);
	struct message message = { 0 };

	message_add(&message, "what", fixture->what);
	message_add(&message, "value", fixture->value);
	send_frame(session, FRAME_PREPARE, &message);
	return collect(session, doing, NULL, NULL, error);
}

gboolean session_undo(struct session *session, guint keep, GError **error)
{
	struct message message = { 0 };

	message_addf(&message, "keep", "%u", keep);
	send_frame(session, FRAME_UNDO, &message);
	return collect(session, "undoing fixtures", NULL, NULL, error);
}

/* --- jobs --- */

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
	return send_frame(session, FRAME_RUN, &message);
}

gboolean session_kill(struct session *session, guint32 job)
{
	struct message message = { 0 };

	message_addf(&message, "job", "%u", job);
	return send_frame(session, FRAME_KILL, &message);
}

static void answer_request(struct session *session, const struct frame *frame)
{
	const struct transport_ops *ops = session->transport->ops;
	g_autofree char *line = clean_value(frame, "line", 512);
	g_autofree char *answer = NULL;
	struct message message = { 0 };

	if (ops->request)
		answer = ops->request(session->transport, line);
	message_addf(&message, "job", "%" G_GINT64_FORMAT, frame_get_number(frame, "job", 0));
	message_add(&message, "line",
		    answer ? answer : "error nobody can do this to this machine from outside");
	send_frame(session, FRAME_REPLY, &message);
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

static void give_kernel(const struct frame *frame, const struct session_events *events)
{
	g_autofree char *line = clean_value(frame, "text", MAX_LINE);
	g_autofree char *fault = clean_value(frame, "fault", 32);

	events->kernel(events->data, line, frame_get_number(frame, "user", 0) == 1,
		       *fault ? fault : NULL);
}

static void give_end(const struct frame *frame, const struct session_events *events)
{
	g_autofree char *leak = clean_value(frame, "leak", MAX_LINE);
	g_autofree char *refused = clean_value(frame, "refused", MAX_LINE);
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
		g_autofree char *text = clean_value(frame, "text", MAX_LINE);

		lose(session, text);
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
		receive(session, deadline, watch_stop ? &stopped : NULL);
	/* What came before the end is still worth having. */
	while (take_frame(session, &frame))
		give_frame(session, &frame, events);
	if (session->lost)
		return SESSION_LOST;
	return stopped ? SESSION_STOP : SESSION_EVENTS;
}

gboolean session_is_lost(const struct session *session)
{
	return session->lost;
}

char *session_death(struct session *session)
{
	g_autofree char *death = session->transport->ops->death(session->transport);
	g_autofree char *text = text_clean(death ? death : "", -1, MAX_DEATH);

	if (!session->why)
		return g_steal_pointer(&text);
	return g_strdup_printf("%s: %s", session->why, *text ? text : "no reason is known");
}
