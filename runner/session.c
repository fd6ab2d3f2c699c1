// SPDX-License-Identifier: GPL-2.0-or-later
/* A session from its beginning to its end, and what is asked while no case runs. */
#include "runner/session.h"

#include <string.h>
#include <unistd.h>

#include "runner/foreign.h"
#include "runner/registers.h"
#include "runner/session_stream.h"
#include "runner/text.h"
#include "runner/verdict.h"

#define ANSWER_TIMEOUT_MS 30000
#define MAX_FACT          8000
#define MAX_FACTS         4096
#define MAX_DEATH         8000
#define MAX_DEVICES       4096

static int answer_timeout(const struct session *session)
{
	return (int)(ANSWER_TIMEOUT_MS * session->transport->slowness);
}

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
		while (session_take(session, &frame)) {
			if (frame.type == FRAME_DONE)
				return TRUE;
			if (frame.type == FRAME_ERROR) {
				g_autofree char *text =
					session_value(&frame, "text", SESSION_MAX_LINE);

				return trouble(session, error, doing, text);
			}
			if (take && !take(&frame, data, error))
				return FALSE;
		}
		if (session->lost)
			break;
		if (g_get_monotonic_time() >= deadline) {
			session_lose(session, "the agent does not answer");
			break;
		}
		if (!session_receive(session, deadline, &stopped))
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
	session_send(session, FRAME_HELLO, &hello);
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
	if (orderly && !session->lost && session_send(session, FRAME_POWEROFF, NULL))
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
		g_autofree char *key = session_value(frame, "key", 100);
		g_autofree char *value = session_value(frame, "value", MAX_FACT);

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
	device->name = session_value(frame, "name", 64);
	device->vendor = session_value(frame, "vendor", 16);
	device->product = session_value(frame, "device", 16);
	device->class = session_value(frame, "class", 16);
	device->group = group < 0 ? g_strdup("") : g_strdup_printf("%" G_GINT64_FORMAT, group);
	device->driver = session_value(frame, "driver", 64);
	device->engine = session_value(frame, "engine", 64);
	device->use = session_value(frame, "use", 200);
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
	session_send(session, type, NULL);
	return collect(session, doing, take, data, error);
}

static gboolean ask_for_cases(struct session *session, char **suites, GPtrArray *cases,
			      GError **error)
{
	struct message message = { 0 };

	for (char **suite = suites; suite && *suite; suite++)
		message_add(&message, "suite", *suite);
	session_send(session, FRAME_LIST, &message);
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
	session_send(session, FRAME_BIND, &message);
	return collect(session, "preparing a device", NULL, NULL, error);
}

gboolean session_prepare(struct session *session, const struct fixture *fixture, GError **error)
{
	g_autofree char *doing = g_strdup_printf("fixture %s", fixture->text);
	struct message message = { 0 };

	message_add(&message, "what", fixture->what);
	message_add(&message, "value", fixture->value);
	session_send(session, FRAME_PREPARE, &message);
	return collect(session, doing, NULL, NULL, error);
}

gboolean session_undo(struct session *session, guint keep, GError **error)
{
	struct message message = { 0 };

	message_addf(&message, "keep", "%u", keep);
	session_send(session, FRAME_UNDO, &message);
	return collect(session, "undoing fixtures", NULL, NULL, error);
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
