// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "runner/ktap.h"
#include "runner/text.h"

#define MAX_NAME   512
#define MAX_REASON 2000
#define MAX_DEPTH  64

struct ktap_reader {
	struct ktap *ktap;
	gboolean foreign;
	/* the beginning of a line whose end has not come */
	GString *line;
	GString *diagnostics;
	/* of struct announced *: those that have no result, the outer ones first */
	GPtrArray *announced;
	guint next_number;
	/* the last line was a result: YAML may follow it */
	gboolean after_result;
	gboolean in_yaml;
	char *bail_out;
};

struct announced {
	guint indent;
	char *name;
};

static void announced_free(gpointer data)
{
	struct announced *announced = data;

	g_free(announced->name);
	g_free(announced);
}

static void result_free(gpointer data)
{
	struct ktap_result *result = data;

	g_free(result->name);
	g_free(result->reason);
	g_free(result->diagnostics);
	g_free(result);
}

static void reader_free(struct ktap_reader *reader)
{
	if (!reader)
		return;
	g_string_free(reader->line, TRUE);
	g_string_free(reader->diagnostics, TRUE);
	g_ptr_array_unref(reader->announced);
	g_free(reader->bail_out);
	g_free(reader);
}

void ktap_free(struct ktap *ktap)
{
	if (!ktap)
		return;
	g_ptr_array_unref(ktap->results);
	reader_free(ktap->reader);
	g_free(ktap->skip_all);
	g_free(ktap->trailing);
	g_free(ktap->in_flight);
	g_free(ktap->problem);
	g_free(ktap);
}

static void complain(struct ktap_reader *reader, const char *problem)
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

/* "ok" is a word, the beginning of "okay" is none. */
static gboolean take_word(const char **at, const char *end, const char *word)
{
	const char *from = *at;

	if (take(at, end, word) && (*at == end || **at == ' '))
		return TRUE;
	*at = from;
	return FALSE;
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

/* What was announced from this level on inwards is over. */
static void settle_announced(struct ktap_reader *reader, guint indent)
{
	GPtrArray *announced = reader->announced;

	while (announced->len) {
		const struct announced *last = announced->pdata[announced->len - 1];

		if (last->indent < indent)
			break;
		g_ptr_array_set_size(announced, (int)announced->len - 1);
	}
}

/* A diagnostic that says which test begins. KTAP has "Subtest: NAME" on the level of the test's parts, the others on that of its result. */
static void read_announcement(struct ktap_reader *reader, const char *at, const char *end,
			      guint indent)
{
	struct announced *announced;

	strip(&at, &end);
	if (take(&at, end, "RUN ")) {
		if (end - at > 4 && strncmp(end - 4, " ...", 4) == 0)
			end -= 4;
		indent++;
	} else if (!take(&at, end, "Subtest: ")) {
		return;
	} else if (!indent) {
		indent++;
	}
	strip(&at, &end);
	settle_announced(reader, indent);
	announced = g_new0(struct announced, 1);
	announced->indent = indent;
	announced->name = text_clean_line(at, end - at, MAX_NAME);
	g_ptr_array_add(reader->announced, announced);
}

static char *in_flight(const struct ktap_reader *reader)
{
	g_autoptr(GString) name = g_string_new(NULL);

	for (guint i = 0; i < reader->announced->len && name->len < MAX_NAME; i++) {
		const struct announced *announced = reader->announced->pdata[i];

		g_string_append_printf(name, "%s%s", i ? "." : "", announced->name);
	}
	return name->len ? g_string_free(g_steal_pointer(&name), FALSE) : NULL;
}

/* Where the directive begins: the first "#", unless it is written "\\#". */
static const char *find_mark(const struct ktap_reader *reader, const char *at, const char *end)
{
	for (const char *mark = at; mark < end; mark++) {
		if (*mark == '\\' && reader->foreign)
			mark++;
		else if (*mark == '#')
			return mark;
	}
	return NULL;
}

static gboolean check_number(struct ktap_reader *reader, const char **at, const char *end,
			     guint indent)
{
	gboolean numbered = *at < end && g_ascii_isdigit(**at);
	guint number = reader->next_number;

	if ((numbered && !take_number(at, end, &number)) || (!numbered && !reader->foreign)) {
		complain(reader, "a result without a number");
		return FALSE;
	}
	if (indent)
		return TRUE;
	reader->ktap->top_results++;
	if (number != reader->next_number++)
		complain(reader, "results out of order: one may be lost");
	return TRUE;
}

/* After "ok" or "not ok". */
static void read_result(struct ktap_reader *reader, const char *at, const char *end, guint indent,
			gboolean ok)
{
	struct ktap *ktap = reader->ktap;
	struct ktap_result *result;
	const char *name, *name_end, *mark;

	while (at < end && *at == ' ')
		at++;
	if (ktap->results->len >= KTAP_MAX_RESULTS) {
		complain(reader, "too many results");
		return;
	}
	if (!check_number(reader, &at, end, indent))
		return;
	result = g_new0(struct ktap_result, 1);
	result->ok = ok;
	result->leaf = TRUE;
	result->indent = indent;
	name = at;
	mark = find_mark(reader, at, end);
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
	settle_announced(reader, indent + 1);
	if (!indent)
		ktap->settled = ktap->results->len;
	reader->after_result = TRUE;
}

/* After "1..": "1..0 # SKIP reason" plans nothing, and says why. */
static void read_plan(struct ktap_reader *reader, const char *at, const char *end)
{
	struct ktap *ktap = reader->ktap;
	guint planned;

	if (!take_number(&at, end, &planned))
		return;
	if (ktap->planned >= 0)
		complain(reader, "two plans");
	ktap->planned = planned;
	strip(&at, &end);
	if (planned || !take(&at, end, "#"))
		return;
	strip(&at, &end);
	take_directive(&at, end);
	strip(&at, &end);
	g_free(ktap->skip_all);
	ktap->skip_all = text_clean_line(at, end - at, MAX_REASON);
}

/* Between "---" and "...", indented, behind a result: it belongs to it. Return: whether the line is of that kind. */
static gboolean read_yaml(struct ktap_reader *reader, const char *at, const char *end,
			  gboolean indented)
{
	struct ktap *ktap = reader->ktap;
	struct ktap_result *result;
	g_autofree char *line = NULL;
	char *longer;

	if (!reader->in_yaml) {
		reader->in_yaml = reader->foreign && reader->after_result && indented &&
				  end - at == 3 && take(&at, end, "---");
		return reader->in_yaml;
	}
	if (end - at == 3 && take(&at, end, "...")) {
		reader->in_yaml = FALSE;
		return TRUE;
	}
	result = ktap->results->pdata[ktap->results->len - 1];
	if (strlen(result->diagnostics) >= KTAP_MAX_DIAGNOSTICS)
		return TRUE;
	line = text_clean_line(at, end - at, KTAP_MAX_LINE);
	longer = g_strconcat(result->diagnostics, line, "\n", NULL);
	g_free(result->diagnostics);
	result->diagnostics = longer;
	return TRUE;
}

static void read_line(struct ktap_reader *reader, const char *at, const char *end)
{
	const char *start = at;
	guint indent;

	while (at < end && *at == ' ')
		at++;
	indent = (guint)MIN(at - start, 2 * MAX_DEPTH);
	if (read_yaml(reader, at, end, indent > 0))
		return;
	reader->after_result = FALSE;
	if (take_word(&at, end, "ok")) {
		read_result(reader, at, end, indent, TRUE);
	} else if (take_word(&at, end, "not ok")) {
		read_result(reader, at, end, indent, FALSE);
	} else if (take(&at, end, "KTAP version ") || take(&at, end, "TAP version ")) {
		reader->ktap->version = TRUE;
	} else if (take(&at, end, "Bail out!")) {
		strip(&at, &end);
		g_free(reader->bail_out);
		reader->bail_out = text_clean_line(at, end - at, MAX_REASON);
	} else if (indent == 0 && take(&at, end, "1..")) {
		read_plan(reader, at, end);
	} else if (take(&at, end, "#") || (reader->foreign && at < end)) {
		if (at < end && *at == ' ')
			at++;
		read_announcement(reader, at, end, indent);
		if (reader->diagnostics->len < KTAP_MAX_DIAGNOSTICS) {
			g_string_append_len(reader->diagnostics, at, end - at);
			g_string_append_c(reader->diagnostics, '\n');
		}
	}
}

static void end_line(struct ktap_reader *reader)
{
	GString *line = reader->line;

	if (line->len && line->str[line->len - 1] == '\r')
		g_string_truncate(line, line->len - 1);
	read_line(reader, line->str, line->str + line->len);
	g_string_truncate(line, 0);
}

struct ktap *ktap_new(gboolean foreign)
{
	struct ktap *ktap = g_new0(struct ktap, 1);
	struct ktap_reader *reader = g_new0(struct ktap_reader, 1);

	ktap->results = g_ptr_array_new_with_free_func(result_free);
	ktap->planned = -1;
	ktap->reader = reader;
	reader->ktap = ktap;
	reader->foreign = foreign;
	reader->next_number = 1;
	reader->line = g_string_new(NULL);
	reader->diagnostics = g_string_new(NULL);
	reader->announced = g_ptr_array_new_with_free_func(announced_free);
	return ktap;
}

void ktap_feed(struct ktap *ktap, const char *bytes, gsize length)
{
	struct ktap_reader *reader = ktap->reader;
	const char *end = bytes + length;

	while (bytes < end) {
		const char *newline = memchr(bytes, '\n', (gsize)(end - bytes));
		gsize more = (gsize)((newline ? newline : end) - bytes);

		/* The end of a line that is too long is cut off. */
		g_string_append_len(reader->line, bytes,
				    (gssize)MIN(more, KTAP_MAX_LINE - reader->line->len));
		if (newline)
			end_line(reader);
		bytes += more + (newline ? 1 : 0);
	}
}

void ktap_end(struct ktap *ktap)
{
	struct ktap_reader *reader = ktap->reader;

	if (reader->line->len)
		end_line(reader);
	if (reader->bail_out) {
		g_autofree char *why =
			*reader->bail_out
				? g_strdup_printf("the test bailed out: %s", reader->bail_out)
				: g_strdup("the test bailed out");

		complain(reader, why);
	}
	if (ktap->planned >= 0 && ktap->planned != ktap->top_results)
		complain(reader, "the plan and the number of results differ");
	ktap->settled = ktap->results->len;
	ktap->trailing = text_clean(reader->diagnostics->str, (gssize)reader->diagnostics->len,
				    KTAP_MAX_DIAGNOSTICS);
	ktap->in_flight = in_flight(reader);
	g_clear_pointer(&ktap->reader, reader_free);
}

struct ktap *ktap_parse(const char *bytes, gsize length)
{
	struct ktap *ktap = ktap_new(FALSE);

	ktap_feed(ktap, bytes, length);
	ktap_end(ktap);
	return ktap;
}
