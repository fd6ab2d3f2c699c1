// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "runner/ktap.h"
#include "runner/text.h"

#define MAX_NAME   512
#define MAX_REASON 2000
#define MAX_DEPTH  64

struct reader {
	struct ktap *ktap;
	GString *diagnostics;
	guint next_number;
	guint top_results;
	gboolean bailed_out;
};

static void result_free(gpointer data)
{
	struct ktap_result *result = data;

	g_free(result->name);
	g_free(result->reason);
	g_free(result->diagnostics);
	g_free(result);
}

void ktap_free(struct ktap *ktap)
{
	if (!ktap)
		return;
	g_ptr_array_unref(ktap->results);
	g_free(ktap->trailing);
	g_free(ktap->problem);
	g_free(ktap);
}

static void complain(struct reader *reader, const char *problem)
{
	if (!reader->ktap->problem)
		reader->ktap->problem = g_strdup(problem);
}

static gboolean take(const char **at, const char *end, const char *word)
{
	gsize length = strlen(word);

	if ((gsize)(end - *at) < length || strncmp(*at, word, length) != 0)
		return FALSE;
	*at += length;
	return TRUE;
}

static gboolean take_number(const char **at, const char *end, guint *number)
{
	const char *start = *at;
	guint64 value = 0;

	while (*at < end && g_ascii_isdigit(**at)) {
		value = value * 10 + (guint64)(**at - '0');
		if (value > G_MAXINT32)
			return FALSE;
		(*at)++;
	}
	*number = (guint)value;
	return *at > start;
}

static enum ktap_directive take_directive(const char **at, const char *end)
{
	static const struct {
		const char *word;
		enum ktap_directive directive;
	} words[] = {
		{ "SKIP", KTAP_SKIP },   { "TODO", KTAP_TODO },       { "XFAIL", KTAP_XFAIL },
		{ "XPASS", KTAP_XPASS }, { "TIMEOUT", KTAP_TIMEOUT }, { "ERROR", KTAP_ERROR },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(words); i++) {
		gsize length = strlen(words[i].word);

		if ((gsize)(end - *at) >= length &&
		    g_ascii_strncasecmp(*at, words[i].word, length) == 0 &&
		    ((gsize)(end - *at) == length || !g_ascii_isalnum((*at)[length]))) {
			*at += length;
			return words[i].directive;
		}
	}
	return KTAP_NONE;
}

static void strip(const char **at, const char **end)
{
	while (*at < *end && g_ascii_isspace(**at))
		(*at)++;
	while (*at < *end && g_ascii_isspace((*end)[-1]))
		(*end)--;
}

/* The results since the last one of this level or above are this one's parts. */
static void adopt(struct ktap *ktap, struct ktap_result *parent)
{
	for (guint i = ktap->results->len; i > 0; i--) {
		struct ktap_result *result = ktap->results->pdata[i - 1];
		char *name;

		if (result->indent <= parent->indent)
			break;
		parent->leaf = FALSE;
		if (strlen(result->name) + strlen(parent->name) > MAX_NAME)
			continue;
		name = g_strdup_printf("%s.%s", parent->name, result->name);
		g_free(result->name);
		result->name = name;
	}
}

/* After "ok " or "not ok ". */
static void read_result(struct reader *reader, const char *at, const char *end, guint indent,
			gboolean ok)
{
	struct ktap *ktap = reader->ktap;
	struct ktap_result *result;
	const char *name, *name_end, *mark;
	guint number;

	while (at < end && *at == ' ')
		at++;
	if (!take_number(&at, end, &number)) {
		complain(reader, "a result without a number");
		return;
	}
	if (ktap->results->len >= KTAP_MAX_RESULTS) {
		complain(reader, "too many results");
		return;
	}
	if (indent == 0) {
		reader->top_results++;
		if (number != reader->next_number++)
			complain(reader, "results out of order: one may be lost");
	}
	result = g_new0(struct ktap_result, 1);
	result->ok = ok;
	result->leaf = TRUE;
	result->indent = indent;
	name = at;
	mark = memchr(at, '#', (gsize)(end - at));
	name_end = mark ? mark : end;
	strip(&name, &name_end);
	if (take(&name, name_end, "- "))
		strip(&name, &name_end);
	result->name = text_clean_line(name, name_end - name, MAX_NAME);
	if (mark) {
		const char *reason = mark + 1;

		strip(&reason, &end);
		result->directive = take_directive(&reason, end);
		strip(&reason, &end);
		result->reason = text_clean_line(reason, end - reason, MAX_REASON);
	} else {
		result->reason = g_strdup("");
	}
	result->diagnostics = text_clean(reader->diagnostics->str, (gssize)reader->diagnostics->len,
					 KTAP_MAX_DIAGNOSTICS);
	g_string_truncate(reader->diagnostics, 0);
	adopt(ktap, result);
	g_ptr_array_add(ktap->results, result);
}

static void read_plan(struct reader *reader, const char *at, const char *end)
{
	guint planned;

	if (!take_number(&at, end, &planned))
		return;
	if (reader->ktap->planned >= 0)
		complain(reader, "two plans");
	reader->ktap->planned = planned;
}

static void read_line(struct reader *reader, const char *at, const char *end)
{
	const char *start = at;
	guint indent;

	while (at < end && *at == ' ')
		at++;
	indent = (guint)MIN(at - start, 2 * MAX_DEPTH);
	if (take(&at, end, "ok ")) {
		read_result(reader, at, end, indent, TRUE);
	} else if (take(&at, end, "not ok ")) {
		read_result(reader, at, end, indent, FALSE);
	} else if (take(&at, end, "KTAP version ") || take(&at, end, "TAP version ")) {
		reader->ktap->version = TRUE;
	} else if (take(&at, end, "Bail out!")) {
		reader->bailed_out = TRUE;
	} else if (indent == 0 && take(&at, end, "1..")) {
		read_plan(reader, at, end);
	} else if (take(&at, end, "#")) {
		if (at < end && *at == ' ')
			at++;
		if (reader->diagnostics->len < KTAP_MAX_DIAGNOSTICS) {
			g_string_append_len(reader->diagnostics, at, end - at);
			g_string_append_c(reader->diagnostics, '\n');
		}
	}
}

struct ktap *ktap_parse(const char *bytes, gsize length)
{
	struct ktap *ktap = g_new0(struct ktap, 1);
	struct reader reader = { .ktap = ktap, .next_number = 1 };
	const char *at = bytes;
	const char *end = bytes + length;

	ktap->results = g_ptr_array_new_with_free_func(result_free);
	ktap->planned = -1;
	reader.diagnostics = g_string_new(NULL);
	while (at < end) {
		const char *newline = memchr(at, '\n', (gsize)(end - at));
		const char *line_end = newline ? newline : end;

		if (line_end > at && line_end[-1] == '\r')
			read_line(&reader, at, line_end - 1);
		else
			read_line(&reader, at, line_end);
		at = newline ? newline + 1 : end;
	}
	if (reader.bailed_out)
		complain(&reader, "the test bailed out");
	if (ktap->planned >= 0 && ktap->planned != reader.top_results)
		complain(&reader, "the plan and the number of results differ");
	ktap->trailing = text_clean(reader.diagnostics->str, (gssize)reader.diagnostics->len,
				    KTAP_MAX_DIAGNOSTICS);
	g_string_free(reader.diagnostics, TRUE);
	return ktap;
}
