/* SPDX-License-Identifier: GPL-2.0-or-later */
/* QEMU's control protocol: a JSON object per line; answers carry the command's id, events come in between. */
#include "lab/lab.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ANSWER_TIMEOUT_MS 20000
#define EVENTS_KEPT       256

struct lab_qmp {
	int fd;
	GByteArray *input;
	GPtrArray *events; /* of json_t, oldest first */
	int last_id;
	bool gone;
};

static void drop(gpointer data)
{
	json_decref(data);
}

/* A whole line out of the input, or NULL. */
static json_t *take_message(struct lab_qmp *qmp)
{
	guint8 *end = qmp->input->len ? memchr(qmp->input->data, '\n', qmp->input->len) : NULL;
	size_t length;
	json_t *message;

	if (!end)
		return NULL;
	length = end - qmp->input->data;
	message = json_loadb((const char *)qmp->input->data, length, 0, NULL);
	g_byte_array_remove_range(qmp->input, 0, length + 1);
	/* What is no JSON is no answer either: an empty object matches nothing. */
	return message ? message : json_object();
}

/* The next message before @deadline, or NULL. */
static json_t *next_message(struct lab_qmp *qmp, gint64 deadline)
{
	for (;;) {
		json_t *message = take_message(qmp);
		struct pollfd ready = { .fd = qmp->fd, .events = POLLIN };
		gint64 left = MAX(deadline - g_get_monotonic_time(), 0);
		guint8 chunk[4096];
		ssize_t length;

		if (message)
			return message;
		if (qmp->gone || poll(&ready, 1, (left + 999) / 1000) <= 0)
			return NULL;
		length = recv(qmp->fd, chunk, sizeof(chunk), MSG_DONTWAIT);
		if (length > 0)
			g_byte_array_append(qmp->input, chunk, length);
		else if (length == 0 || (errno != EAGAIN && errno != EINTR))
			qmp->gone = true;
	}
}

/* Keep events for whoever asks; true if @message was one. */
static bool keep_event(struct lab_qmp *qmp, json_t *message)
{
	if (!json_object_get(message, "event"))
		return false;
	if (qmp->events->len >= EVENTS_KEPT)
		g_ptr_array_remove_index(qmp->events, 0);
	g_ptr_array_add(qmp->events, message);
	return true;
}

json_t *lab_qmp_execute(struct lab_qmp *qmp, const char *command, json_t *arguments, GError **error)
{
	gint64 deadline = g_get_monotonic_time() + ANSWER_TIMEOUT_MS * 1000;
	json_t *request = json_pack("{s:s, s:i, s:o*}", "execute", command, "id", ++qmp->last_id,
				    "arguments", arguments);
	g_autofree char *text = json_dumps(request, JSON_COMPACT);
	size_t length = strlen(text);
	json_t *message;

	json_decref(request);
	text[length] = '\n';
	if (send(qmp->fd, text, length + 1, MSG_NOSIGNAL) != (ssize_t)length + 1) {
		g_set_error(error, LAB_ERROR, LAB_ERROR_GUEST, "QEMU takes no commands: %s",
			    g_strerror(errno));
		return NULL;
	}
	while ((message = next_message(qmp, deadline))) {
		json_t *result = json_object_get(message, "return");
		json_t *problem = json_object_get(message, "error");

		if (keep_event(qmp, message))
			continue;
		if (json_integer_value(json_object_get(message, "id")) != qmp->last_id) {
			json_decref(message);
			continue;
		}
		if (result)
			json_incref(result);
		else
			g_set_error(error, LAB_ERROR, LAB_ERROR_SYSTEM, "QEMU refuses %s: %s",
				    command, json_string_value(json_object_get(problem, "desc")));
		json_decref(message);
		return result;
	}
	g_set_error(error, LAB_ERROR, LAB_ERROR_GUEST, "QEMU %s before it answered %s",
		    qmp->gone ? "ended" : "hung", command);
	return NULL;
}

static bool matches(json_t *event, const char *name, const char *member, const char *value)
{
	json_t *found = member ? json_object_get(json_object_get(event, "data"), member) : NULL;

	if (strcmp(json_string_value(json_object_get(event, "event")), name) != 0)
		return false;
	if (!member)
		return true;
	if (json_is_string(found))
		return strcmp(json_string_value(found), value) == 0;
	return json_is_true(found) && strcmp(value, "true") == 0;
}

bool lab_qmp_wait(struct lab_qmp *qmp, const char *name, const char *member, const char *value,
		  int timeout_ms)
{
	gint64 deadline = g_get_monotonic_time() + timeout_ms * (gint64)1000;
	json_t *message;

	for (;;) {
		for (unsigned int i = 0; i < qmp->events->len; i++)
			if (matches(qmp->events->pdata[i], name, member, value)) {
				g_ptr_array_remove_index(qmp->events, i);
				return true;
			}
		message = next_message(qmp, deadline);
		if (!message)
			return false;
		if (!keep_event(qmp, message))
			json_decref(message);
	}
}

/* QEMU speaks first, when it is ready to be spoken to: what is sent before that has nobody who waits for it. */
static bool greeted(struct lab_qmp *qmp, GError **error)
{
	gint64 deadline = g_get_monotonic_time() + ANSWER_TIMEOUT_MS * (gint64)1000;
	json_t *message;

	while ((message = next_message(qmp, deadline))) {
		bool greeting = json_object_get(message, "QMP");

		json_decref(message);
		if (greeting)
			return true;
	}
	g_set_error(error, LAB_ERROR, LAB_ERROR_GUEST, "QEMU %s before it said a word",
		    qmp->gone ? "ended" : "hung");
	return false;
}

struct lab_qmp *lab_qmp_new(int fd, GError **error)
{
	struct lab_qmp *qmp = g_new0(struct lab_qmp, 1);
	json_t *result = NULL;

	qmp->fd = fd;
	qmp->input = g_byte_array_new();
	qmp->events = g_ptr_array_new_with_free_func(drop);
	if (greeted(qmp, error))
		result = lab_qmp_execute(qmp, "qmp_capabilities", NULL, error);
	if (!result) {
		lab_qmp_free(qmp);
		return NULL;
	}
	json_decref(result);
	return qmp;
}

void lab_qmp_free(struct lab_qmp *qmp)
{
	if (!qmp)
		return;
	close(qmp->fd);
	g_byte_array_unref(qmp->input);
	g_ptr_array_unref(qmp->events);
	g_free(qmp);
}
