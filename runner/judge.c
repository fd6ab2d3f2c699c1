// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>
#include <sys/wait.h>

#include "runner/judge.h"
#include "runner/ktap.h"
#include "runner/text.h"

#define EXIT_CODE_PASS  0
#define EXIT_CODE_FAIL  1
#define EXIT_CODE_USAGE 2
#define EXIT_CODE_SKIP  4
#define MAX_REASON      2000

void judgement_clear(struct judgement *judgement)
{
	g_free(judgement->reason);
	g_free(judgement->lift);
	g_free(judgement->known);
	g_free(judgement->details);
	memset(judgement, 0, sizeof(*judgement));
}

void judgement_decide(struct judgement *judgement, enum verdict verdict, const char *format, ...)
{
	va_list arguments;

	g_free(judgement->reason);
	judgement->verdict = verdict;
	va_start(arguments, format);
	judgement->reason = g_strdup_vprintf(format, arguments);
	va_end(arguments);
}

/* The last "seen:" or "expected:" of the diagnostics is the failure in a line. */
static char *failure_in_a_line(const char *details)
{
	g_auto(GStrv) lines = g_strsplit(details, "\n", -1);
	const char *expected = NULL, *seen = NULL;

	for (char **line = lines; *line; line++) {
		const char *at = strstr(*line, "expected: ");

		if (at)
			expected = at;
		else if (g_str_has_prefix(*line, "seen: "))
			seen = *line;
	}
	if (expected && seen)
		return g_strdup_printf("%s; %s", expected, seen);
	if (seen)
		return g_strdup(seen + strlen("seen: "));
	return g_strdup(expected ? expected : "no expectation was named");
}

/* "reason; lift: what would lift it" */
static void decide_skip(struct judgement *judgement, const char *reason)
{
	static const char separator[] = "; lift: ";
	const char *lift = strstr(reason, separator);

	if (!lift) {
		judgement_decide(judgement, VERDICT_SKIP, "%s",
				 *reason ? reason : "no reason given");
		return;
	}
	judgement_decide(judgement, VERDICT_SKIP, "%.*s", (int)(lift - reason), reason);
	judgement->lift = g_strdup(lift + strlen(separator));
}

static void judge_exit(const struct observation *seen, struct judgement *judgement)
{
	g_autoptr(ktap_stream) ktap = ktap_parse(seen->output, seen->output_length);
	int code = WIFEXITED(seen->status) ? WEXITSTATUS(seen->status) : -1;
	const struct ktap_result *result = ktap->results->len ? ktap->results->pdata[0] : NULL;
	gboolean agrees;

	g_free(judgement->details);
	judgement->details = g_strconcat(result ? result->diagnostics : "", ktap->trailing, NULL);
	if (WIFSIGNALED(seen->status)) {
		judgement_decide(judgement, VERDICT_CRASH, "ended by signal %d (%s)",
				 WTERMSIG(seen->status), strsignal(WTERMSIG(seen->status)));
		return;
	}
	if (code == EXIT_CODE_USAGE) {
		judgement_decide(judgement, VERDICT_ERROR,
				 "the suite did not understand its command line");
		return;
	}
	if (code != EXIT_CODE_PASS && code != EXIT_CODE_FAIL && code != EXIT_CODE_SKIP) {
		judgement_decide(judgement, VERDICT_CRASH, "ended with exit status %d", code);
		return;
	}
	if (seen->truncated) {
		judgement_decide(judgement, VERDICT_CRASH, "printed too much");
		return;
	}
	if (!ktap->version || ktap->planned != 1 || ktap->results->len != 1 || ktap->problem) {
		judgement_decide(judgement, VERDICT_CRASH,
				 "exit status %d without one good result line: %s", code,
				 ktap->problem            ? ktap->problem
				 : !ktap->version         ? "no version line"
				 : ktap->results->len > 1 ? "several results"
							  : "no result");
		return;
	}
	if (!g_str_equal(result->name, seen->variant)) {
		judgement_decide(judgement, VERDICT_CRASH, "the result line names another case: %s",
				 result->name);
		return;
	}
	agrees = code == EXIT_CODE_PASS   ? result->ok && result->directive == KTAP_NONE
		 : code == EXIT_CODE_FAIL ? !result->ok && result->directive == KTAP_NONE
					  : result->ok && result->directive == KTAP_SKIP;
	if (!agrees) {
		judgement_decide(judgement, VERDICT_CRASH,
				 "exit status %d and the result line disagree", code);
		return;
	}
	if (code == EXIT_CODE_SKIP) {
		decide_skip(judgement, result->reason);
	} else if (code == EXIT_CODE_FAIL) {
		g_autofree char *line = failure_in_a_line(judgement->details);

		judgement_decide(judgement, VERDICT_FAIL, "%s", line);
	} else {
		judgement_decide(judgement, VERDICT_PASS, "%s", "");
	}
}

/* How far a program with many tests came before it was ended. */
static void add_progress(const struct observation *seen, struct judgement *judgement)
{
	g_autofree char *progress = NULL;
	char *longer;

	if (!seen->stream || seen->one || seen->ending == ENDING_EXIT)
		return;
	progress = foreign_stream_progress(seen->stream);
	if (!progress)
		return;
	longer = g_strdup_printf("%s, %s", judgement->reason, progress);
	g_free(judgement->reason);
	judgement->reason = longer;
}

void judge(const struct observation *seen, struct judgement *judgement)
{
	const char *death = seen->death ? seen->death : "no reason is known";

	memset(judgement, 0, sizeof(*judgement));
	judgement->details = g_strdup("");
	if (seen->output_length && seen->ending != ENDING_EXIT) {
		g_free(judgement->details);
		judgement->details = seen->stream
					     ? foreign_stream_trailing(seen->stream)
					     : text_clean(seen->output, (gssize)seen->output_length,
							  KTAP_MAX_DIAGNOSTICS);
	}
	switch (seen->ending) {
	case ENDING_EXIT:
		if (!seen->stream)
			judge_exit(seen, judgement);
		else if (seen->one)
			foreign_judge_one(seen->stream, seen, judgement);
		else
			foreign_judge_all(seen->stream, seen, judgement);
		break;
	case ENDING_TIMEOUT:
		judgement_decide(judgement, VERDICT_TIMEOUT, "not done at its deadline");
		break;
	case ENDING_HUNG:
		judgement_decide(
			judgement, VERDICT_TIMEOUT,
			"not done at its deadline, and could not be killed: the kernel holds it");
		break;
	case ENDING_LOST:
		judgement_decide(judgement, VERDICT_CRASH, "the machine under test was lost: %s",
				 death);
		break;
	case ENDING_STOPPED:
		judgement_decide(judgement, VERDICT_ERROR, "the run was stopped while it ran");
		break;
	case ENDING_REFUSED:
		judgement_decide(judgement, VERDICT_ERROR, "%s", death);
		break;
	}
	add_progress(seen, judgement);
	/* Whatever the case says of itself: a kernel that warns is no pass. */
	if (judgement->verdict != VERDICT_PASS && judgement->verdict != VERDICT_SKIP)
		return;
	if (seen->kernel)
		judgement_decide(judgement, VERDICT_FAIL, "the kernel complained: %s",
				 seen->kernel);
	else if (seen->taint)
		judgement_decide(judgement, VERDICT_FAIL, "the kernel became tainted: %s",
				 seen->taint);
	else if (seen->fault)
		judgement_decide(judgement, VERDICT_FAIL,
				 "an IOMMU reported a fault that the case does not speak of "
				 "(provokes_faults): %s",
				 seen->fault);
	else if (seen->leak)
		judgement_decide(judgement, VERDICT_FAIL, "left behind: %s", seen->leak);
	if (judgement->verdict == VERDICT_FAIL)
		g_clear_pointer(&judgement->lift, g_free);
}

gboolean kernel_line_is_bad(const char *line)
{
	/* Where a line begins so; "WARNING" elsewhere may be a driver's own wording. */
	static const char *const beginnings[] = {
		"BUG: ",
		"WARNING: ",
		"Oops",
		"kernel BUG at ",
		"UBSAN: ",
		"INFO: task ",
		"INFO: rcu",
		"INFO: possible ",
		"INFO: inconsistent ",
		"rcu: INFO: ",
		"watchdog: BUG: ",
		"refcount_t: ",
		"general protection fault",
		"Unable to handle kernel ",
		"list_add corruption",
		"list_del corruption",
		"Kernel panic",
		"DEBUG_LOCKS_WARN_ON",
		"Internal error: ",
		"Unhandled fault: ",
		"double fault: ",
		"kmemleak: ",
	};

	for (gsize i = 0; i < G_N_ELEMENTS(beginnings); i++)
		if (g_str_has_prefix(line, beginnings[i]))
			return TRUE;
	return strstr(line, "soft lockup") || strstr(line, "hard LOCKUP");
}

char *taint_names(guint64 taint)
{
	static const struct {
		guint bit;
		const char *name;
	} flags[] = {
		{ 4, "M (machine check)" }, { 5, "B (bad page)" },     { 7, "D (died)" },
		{ 9, "W (warning)" },       { 14, "L (soft lockup)" },
	};
	GString *names = g_string_new(NULL);

	for (gsize i = 0; i < G_N_ELEMENTS(flags); i++)
		if (taint & G_GUINT64_CONSTANT(1) << flags[i].bit)
			g_string_append_printf(names, "%s%s", names->len ? ", " : "",
					       flags[i].name);
	if (names->len)
		return g_string_free(names, FALSE);
	g_string_free(names, TRUE);
	return NULL;
}
