// SPDX-License-Identifier: GPL-2.0-or-later
#include "runner/foreign_stream.h"

#include <string.h>
#include <sys/wait.h>

#include "runner/foreign.h"
#include "runner/judge.h"
#include "runner/ktap.h"
#include "runner/text.h"

#define EXIT_CODE_PASS   0
#define EXIT_CODE_FAIL   1
#define EXIT_CODE_SKIP   4  /* kselftest */
#define EXIT_CODE_SKIP_2 77 /* automake */
#define MAX_LAST_WORDS   300

struct foreign_stream {
	struct ktap *ktap;
	/* results that were given out, or are no tests of their own */
	guint taken;
	GHashTable *names; /* name -> how often it came */
	struct foreign_part part;
	guint counts[VERDICT_COUNT];
};

struct foreign_stream *foreign_stream_new(void)
{
	struct foreign_stream *stream = g_new0(struct foreign_stream, 1);

	stream->ktap = ktap_new(TRUE);
	stream->names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	return stream;
}

static void part_clear(struct foreign_part *part)
{
	g_free(part->name);
	g_free(part->title);
	g_free(part->reason);
	g_free(part->known);
	g_free(part->details);
	memset(part, 0, sizeof(*part));
}

void foreign_stream_free(struct foreign_stream *stream)
{
	if (!stream)
		return;
	ktap_free(stream->ktap);
	g_hash_table_unref(stream->names);
	part_clear(&stream->part);
	g_free(stream);
}

void foreign_stream_feed(struct foreign_stream *stream, const char *bytes, gsize length)
{
	ktap_feed(stream->ktap, bytes, length);
}

void foreign_stream_end(struct foreign_stream *stream)
{
	ktap_end(stream->ktap);
}

/* --- results --- */

static enum verdict verdict_of(const struct ktap_result *result)
{
	switch (result->directive) {
	case KTAP_SKIP:
		return VERDICT_SKIP;
	case KTAP_XFAIL:
		return VERDICT_XFAIL;
	case KTAP_TODO:
		return result->ok ? VERDICT_PASS : VERDICT_XFAIL;
	case KTAP_XPASS:
		return VERDICT_XPASS;
	case KTAP_TIMEOUT:
		return VERDICT_TIMEOUT;
	case KTAP_ERROR:
		return VERDICT_ERROR;
	case KTAP_NONE:
		break;
	}
	return result->ok ? VERDICT_PASS : VERDICT_FAIL;
}

/* The last line that says something is most often the one that says why. */
static char *last_line(const char *text)
{
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

	for (guint i = g_strv_length(lines); i > 0; i--) {
		const char *line = g_strstrip(lines[i - 1]);

		if (*line)
			return text_clean_line(line, -1, MAX_LAST_WORDS);
	}
	return NULL;
}

/* The first line that speaks of an expectation or of an end; or the last one that does not merely name the test, as harnesses do of every failure. */
static char *failure_in_a_line(const struct ktap_result *result)
{
	g_auto(GStrv) lines = g_strsplit(result->diagnostics, "\n", -1);
	const char *dot = strrchr(result->name, '.');
	const char *name = dot ? dot + 1 : result->name;

	for (guint i = 0; lines[i]; i++)
		if (strstr(lines[i], "xpected") || strstr(lines[i], "ssertion ") ||
		    strstr(lines[i], "terminated by"))
			return text_clean_line(g_strstrip(lines[i]), -1, MAX_LAST_WORDS);
	for (guint i = g_strv_length(lines); i > 0; i--)
		if (*g_strstrip(lines[i - 1]) && !(*name && strstr(lines[i - 1], name)))
			return text_clean_line(lines[i - 1], -1, MAX_LAST_WORDS);
	return last_line(result->diagnostics);
}

static char *reason_of(const struct ktap_result *result, enum verdict verdict)
{
	g_autofree char *line = NULL;

	if (verdict == VERDICT_PASS || *result->reason)
		return g_strdup(verdict == VERDICT_PASS ? "" : result->reason);
	if (verdict == VERDICT_SKIP)
		return g_strdup("no reason given");
	line = failure_in_a_line(result);
	return line ? g_steal_pointer(&line) : g_strdup("the program says no more than that");
}

/* Two tests of one name must not become one. */
static char *unique_name(struct foreign_stream *stream, const struct ktap_result *result)
{
	g_autofree char *name = foreign_name(result->name);
	guint times;
	char *unique;

	if (!*name) {
		g_free(name);
		name = g_strdup("test");
	}
	times = GPOINTER_TO_UINT(g_hash_table_lookup(stream->names, name)) + 1;
	g_hash_table_replace(stream->names, g_strdup(name), GUINT_TO_POINTER(times));
	if (times == 1)
		return g_steal_pointer(&name);
	/* "+" is in no name that a program gives. */
	unique = g_strdup_printf("%s+%u", name, times);
	return unique;
}

/* Results that have no subtests, and those that are bad though none of their subtests is. */
static gboolean is_test(const struct ktap *ktap, guint index)
{
	const struct ktap_result *result = ktap->results->pdata[index];

	if (result->leaf || !verdict_is_bad(verdict_of(result)))
		return result->leaf;
	for (guint i = index; i > 0; i--) {
		const struct ktap_result *child = ktap->results->pdata[i - 1];

		if (child->indent <= result->indent)
			break;
		if (verdict_is_bad(verdict_of(child)))
			return FALSE;
	}
	return TRUE;
}

const struct foreign_part *foreign_stream_next(struct foreign_stream *stream)
{
	const struct ktap *ktap = stream->ktap;
	struct foreign_part *part = &stream->part;
	const struct ktap_result *result;

	part_clear(part);
	while (stream->taken < ktap->settled && !is_test(ktap, stream->taken))
		stream->taken++;
	if (stream->taken == ktap->settled)
		return NULL;
	result = ktap->results->pdata[stream->taken++];
	part->name = unique_name(stream, result);
	part->title = g_strdup(result->name);
	part->verdict = verdict_of(result);
	part->reason = reason_of(result, part->verdict);
	part->details = g_strdup(result->diagnostics);
	if (part->verdict == VERDICT_XFAIL || part->verdict == VERDICT_XPASS)
		part->known =
			g_strdup_printf("the program expects a failure: %s",
					*result->reason ? result->reason : "it does not say why");
	stream->counts[part->verdict]++;
	return part;
}

char *foreign_stream_progress(const struct foreign_stream *stream)
{
	const struct ktap *ktap = stream->ktap;
	gint64 missing = ktap->planned - (gint64)ktap->top_results;
	g_autoptr(GString) text = g_string_new(NULL);

	if (ktap->planned < 0 && !ktap->top_results)
		return NULL;
	if (ktap->in_flight)
		g_string_append_printf(text, "in %s, ", ktap->in_flight);
	g_string_append_printf(text, "after %u", ktap->top_results);
	if (missing > 0)
		g_string_append_printf(
			text, " of %" G_GINT64_FORMAT " results: %" G_GINT64_FORMAT " missing",
			ktap->planned, missing);
	else
		g_string_append(text, " results");
	return g_string_free(g_steal_pointer(&text), FALSE);
}

char *foreign_stream_trailing(const struct foreign_stream *stream)
{
	return g_strdup(stream->ktap->trailing);
}

/* --- verdicts --- */

/* Output of a program that prints no results, for people: what it wrote to stderr is among it. */
static char *last_words(const struct observation *seen)
{
	g_autofree char *output = text_clean(seen->output ? seen->output : "",
					     (gssize)seen->output_length, MAX_LAST_WORDS * 1000);

	return last_line(output);
}

static void judge_status(const struct observation *seen, int code, struct judgement *judgement)
{
	g_autofree char *words = last_words(seen);
	const char *said = words ? words : "it said nothing";

	switch (code) {
	case EXIT_CODE_PASS:
		judgement_decide(judgement, VERDICT_PASS, "%s", "");
		break;
	case EXIT_CODE_FAIL:
		judgement_decide(judgement, VERDICT_FAIL, "exit status 1: %s", said);
		break;
	case EXIT_CODE_SKIP:
	case EXIT_CODE_SKIP_2:
		judgement_decide(judgement, VERDICT_SKIP, "%s", said);
		break;
	default:
		judgement_decide(judgement, VERDICT_CRASH, "ended with exit status %d: %s", code,
				 said);
	}
}

/* What is wrong with the stream as a whole; FALSE if nothing is. */
static gboolean judge_stream(const struct foreign_stream *stream, const struct observation *seen,
			     struct judgement *judgement)
{
	const struct ktap *ktap = stream->ktap;
	g_autofree char *progress = foreign_stream_progress(stream);
	const char *glue = progress ? ", " : "";

	g_free(judgement->details);
	judgement->details = foreign_stream_trailing(stream);
	if (WIFSIGNALED(seen->status)) {
		judgement_decide(judgement, VERDICT_CRASH, "ended by signal %d (%s)%s%s",
				 WTERMSIG(seen->status), strsignal(WTERMSIG(seen->status)), glue,
				 progress ? progress : "");
		return TRUE;
	}
	if (ktap->problem) {
		judgement_decide(judgement, VERDICT_CRASH, "exit status %d, %s%s%s",
				 WEXITSTATUS(seen->status), ktap->problem, glue,
				 progress ? progress : "");
		return TRUE;
	}
	return FALSE;
}

/* It prints no results at all: the exit status is its answer. */
static gboolean is_silent(const struct ktap *ktap)
{
	return !ktap->results->len && !ktap->version && ktap->planned < 0;
}

static void judge_counts(const struct foreign_stream *stream, int code, struct judgement *judgement)
{
	const guint *counts = stream->counts;
	guint bad = 0, all = 0;

	for (guint i = 0; i < VERDICT_COUNT; i++) {
		all += counts[i];
		if (verdict_is_bad(i))
			bad += counts[i];
	}
	/* Perl's Test::More ends with the number of failures, kselftest with 2 and 3 when a failure was expected. */
	if (code != EXIT_CODE_PASS && !bad && !counts[VERDICT_XFAIL] && counts[VERDICT_SKIP] != all)
		judgement_decide(judgement, VERDICT_FAIL,
				 "exit status %d, but none of its %u results is bad", code, all);
	else if (counts[VERDICT_SKIP] == all)
		judgement_decide(judgement, VERDICT_SKIP, "all %u of its results are skips", all);
	else
		judgement_decide(judgement, VERDICT_PASS, "%s", "");
}

void foreign_judge_all(const struct foreign_stream *stream, const struct observation *seen,
		       struct judgement *judgement)
{
	const struct ktap *ktap = stream->ktap;
	int code = WEXITSTATUS(seen->status);

	if (judge_stream(stream, seen, judgement))
		return;
	if (is_silent(ktap))
		judge_status(seen, code, judgement);
	else if (ktap->results->len)
		judge_counts(stream, code, judgement);
	else if (code != EXIT_CODE_PASS && code != EXIT_CODE_SKIP && code != EXIT_CODE_SKIP_2)
		judgement_decide(judgement, VERDICT_CRASH, "exit status %d without a result", code);
	else if (ktap->skip_all)
		judgement_decide(judgement, VERDICT_SKIP, "%s",
				 *ktap->skip_all ? ktap->skip_all : "no reason given");
	else
		judgement_decide(judgement, VERDICT_CRASH, "it printed no result");
}

/* The worst of what it printed: it may be more than one, as for a pattern. */
void foreign_judge_one(struct foreign_stream *stream, const struct observation *seen,
		       struct judgement *judgement)
{
	static const guint ranks[VERDICT_COUNT] = {
		[VERDICT_SKIP] = 0,  [VERDICT_PASS] = 1, [VERDICT_XFAIL] = 2,   [VERDICT_XPASS] = 3,
		[VERDICT_ERROR] = 4, [VERDICT_FAIL] = 5, [VERDICT_TIMEOUT] = 6, [VERDICT_CRASH] = 7,
	};
	struct judgement worst = { 0 };
	const struct foreign_part *part;

	while ((part = foreign_stream_next(stream))) {
		if (worst.details && ranks[part->verdict] <= ranks[worst.verdict])
			continue;
		judgement_clear(&worst);
		worst.verdict = part->verdict;
		worst.reason = g_strdup(part->reason);
		worst.known = g_strdup(part->known);
		worst.details = g_strdup(part->details);
	}
	foreign_judge_all(stream, seen, judgement);
	/* Of the whole, only what is bad matters more. */
	if (worst.details && !verdict_is_bad(judgement->verdict)) {
		judgement_clear(judgement);
		*judgement = worst;
		return;
	}
	judgement_clear(&worst);
}
