// SPDX-License-Identifier: GPL-2.0-or-later
/* What programs of others print and how they end, and the verdicts that come of it. */
#include <string.h>

#include "runner/foreign_stream.h"
#include "runner/judge.h"

#define EXITED(code) ((code) << 8)

static void add_parts(struct foreign_stream *stream, GString *parts)
{
	const struct foreign_part *part;

	while ((part = foreign_stream_next(stream)))
		g_string_append_printf(parts, "%s%s %s", parts->len ? "; " : "", part->name,
				       verdict_name(part->verdict));
}

/* A program that runs all its tests: its parts as "name verdict; name verdict", and its own verdict. */
static void whole(const char *text, int status, const char *parts, enum verdict verdict,
		  const char *reason)
{
	struct foreign_stream *stream = foreign_stream_new();
	g_autoptr(GString) seen_parts = g_string_new(NULL);
	const struct observation seen = { .ending = ENDING_EXIT,
					  .status = status,
					  .output = text,
					  .output_length = strlen(text),
					  .stream = stream };
	struct judgement judgement;

	/* Byte by byte: a piece may end anywhere. */
	for (const char *at = text; *at; at++) {
		foreign_stream_feed(stream, at, 1);
		add_parts(stream, seen_parts);
	}
	foreign_stream_end(stream);
	add_parts(stream, seen_parts);
	judge(&seen, &judgement);
	g_assert_cmpstr(seen_parts->str, ==, parts);
	g_assert_cmpstr(verdict_name(judgement.verdict), ==, verdict_name(verdict));
	if (!strstr(judgement.reason, reason))
		g_error("\"%s\" does not say \"%s\"", judgement.reason, reason);
	judgement_clear(&judgement);
	foreign_stream_free(stream);
}

static void kselftest(void)
{
	whole("TAP version 13\n1..4\n# Starting 4 tests from 2 test cases.\n#  RUN a.b ...\n"
	      "#            OK  a.b\nok 1 a.b\n# x.c:1:c:Expected 0 (0) == r (1)\nnot ok 2 a.c\n"
	      "ok 3 a.d # SKIP no hugepages\nok 4 a.e # XFAIL KB-1\n# FAILED: 3 / 4\n"
	      "# Totals: pass:1 fail:1 xfail:1 xpass:0 skip:1 error:0\n",
	      EXITED(1), "a.b pass; a.c fail; a.d skip; a.e xfail", VERDICT_PASS, "");
	whole("TAP version 13\n1..1\nok 1 a # XPASS fixed\n", EXITED(3), "a xpass", VERDICT_PASS,
	      "");
	whole("TAP version 13\n1..1\nok 1 a # SKIP no\n", EXITED(4), "a skip", VERDICT_SKIP,
	      "all 1 of its results");
	whole("TAP version 13\n1..0 # SKIP not on this machine\n", EXITED(4), "", VERDICT_SKIP,
	      "not on this machine");
	whole("KTAP version 1\n1..2\nnot ok 1 a # TIMEOUT 5 s\nnot ok 2 b # ERROR no fixture\n",
	      EXITED(1), "a timeout; b error", VERDICT_PASS, "");
}

/* What TAP allows and KTAP does not; a plan at the end; names that are no IDs, and names that come twice. */
static void tap(void)
{
	whole("ok\nnot ok - it works\n  ---\n  message: no\n  ok 7 not a result\n  ...\nok it "
	      "works\n"
	      "ok 4 - a \\# b # TODO later\nnot ok 5 # TODO not yet\n1..5\n",
	      EXITED(1), "test pass; it_works fail; it_works+2 pass; a_b pass; test+2 xfail",
	      VERDICT_PASS, "");
	whole("1..2\nok 1\r\nnot ok 2\r\n", EXITED(0), "test pass; test+2 fail", VERDICT_PASS, "");
}

/* A test's name comes after its subtests; a parent that is bad by itself must not be lost. */
static void nested(void)
{
	whole("KTAP version 1\n1..2\n  KTAP version 1\n  # Subtest: x\n  1..2\n  ok 1 a\n"
	      "  not ok 2 b\nnot ok 1 x\n  1..1\n  ok 1 a\nnot ok 2 y\n",
	      EXITED(1), "x.a pass; x.b fail; y.a pass; y fail", VERDICT_PASS, "");
	whole("TAP version 14\n1..1\n# Subtest: x\n    1..1\n    ok 1 - a\nok 1 - x\n", EXITED(0),
	      "x.a pass", VERDICT_PASS, "");
	/* It died inside: what is there counts, under the name it has. */
	whole("KTAP version 1\n1..2\n  1..2\n  ok 1 a\n", 9, "a pass", VERDICT_CRASH,
	      "after 0 of 2 results: 2 missing");
}

static void incomplete(void)
{
	whole("1..3\nok 1 a\n", 11, "a pass", VERDICT_CRASH, "signal 11");
	whole("1..3\nok 1 a\n", 11, "a pass", VERDICT_CRASH, "after 1 of 3 results: 2 missing");
	whole("1..3\nok 1 a\n", EXITED(0), "a pass", VERDICT_CRASH, "differ");
	whole("1..3\nok 1 a\nok 3 c\n", EXITED(0), "a pass; c pass", VERDICT_CRASH, "out of order");
	whole("1..3\nok 1 a\nBail out! no device\n", EXITED(255), "a pass", VERDICT_CRASH,
	      "bailed out: no device");
	whole("TAP version 13\n", EXITED(0), "", VERDICT_CRASH, "no result");
	whole("TAP version 13\n1..0\n", EXITED(0), "", VERDICT_CRASH, "no result");
	whole("TAP version 13\n1..0\n", EXITED(1), "", VERDICT_CRASH, "exit status 1");
	whole("1..1\nok 1 a\n", EXITED(1), "a pass", VERDICT_FAIL, "none of its 1 results is bad");
	whole("1..1\nnot ok 1 a\n", EXITED(0), "a fail", VERDICT_PASS, "");
}

/* Which test it was in when it died: as kselftest_harness.h, KTAP and TAP 14 announce them. */
static void in_flight(void)
{
	static const char harness[] =
		"TAP version 13\n1..3\n#  RUN           a.b ...\n#            OK  a.b\nok 1 a.b\n"
		"#  RUN           a.c ...\n# some words\n";

	whole(harness, 11, "a.b pass", VERDICT_CRASH,
	      "ended by signal 11 (Segmentation fault), in a.c, after 1 of 3 results: 2 missing");
	whole("KTAP version 1\n1..2\n  KTAP version 1\n  # Subtest: x\n  1..2\n  ok 1 a\nok 1 x\n"
	      "  KTAP version 1\n  # Subtest: y\n  1..2\n    KTAP version 1\n    # Subtest: z\n    "
	      "1..2\n    ok 1 a\n",
	      9, "x.a pass; a pass", VERDICT_CRASH, "in y.z, after 1 of 2 results: 1 missing");
	whole("TAP version 14\n1..2\n# Subtest: x\n    1..2\n    ok 1 - a\n", 9, "a pass",
	      VERDICT_CRASH, "in x, after 0 of 2 results: 2 missing");
	/* What has a result is no longer in flight. */
	whole("TAP version 14\n1..2\n# Subtest: x\n    1..1\n    ok 1 - a\nok 1 - x\n", 9,
	      "x.a pass", VERDICT_CRASH, "(Killed), after 1 of 2 results: 1 missing");
}

static void status_alone(void)
{
	whole("all is well\n", EXITED(0), "", VERDICT_PASS, "");
	whole("first\n\x1b[31mno luck\n\n", EXITED(1), "", VERDICT_FAIL,
	      "exit status 1: \\x1b[31mno luck");
	whole("", EXITED(1), "", VERDICT_FAIL, "said nothing");
	whole("no device\n", EXITED(4), "", VERDICT_SKIP, "no device");
	whole("no device\n", EXITED(77), "", VERDICT_SKIP, "no device");
	whole("", EXITED(2), "", VERDICT_CRASH, "exit status 2");
	whole("", 6, "", VERDICT_CRASH, "signal 6");
}

/* A program that runs one of its tests: the verdict is that of the test. */
static void one(const char *text, int status, enum verdict verdict, const char *reason)
{
	struct foreign_stream *stream = foreign_stream_new();
	const struct observation seen = { .ending = ENDING_EXIT,
					  .status = status,
					  .output = text,
					  .output_length = strlen(text),
					  .stream = stream,
					  .one = TRUE };
	struct judgement judgement;

	foreign_stream_feed(stream, text, strlen(text));
	foreign_stream_end(stream);
	judge(&seen, &judgement);
	g_assert_cmpstr(verdict_name(judgement.verdict), ==, verdict_name(verdict));
	if (!strstr(judgement.reason, reason))
		g_error("\"%s\" does not say \"%s\"", judgement.reason, reason);
	g_assert_true((judgement.known != NULL) == (verdict == VERDICT_XFAIL));
	judgement_clear(&judgement);
	foreign_stream_free(stream);
}

static void one_test(void)
{
	one("1..1\nok 1 a\n", EXITED(0), VERDICT_PASS, "");
	one("1..1\n# c.c:1:a:Expected 1\n# a: Test failed\nnot ok 1 a\n", EXITED(1), VERDICT_FAIL,
	    "Expected 1");
	one("1..1\n# Starting 1 tests from 1 test cases.\n#  RUN           x.a ...\n# a: Test "
	    "terminated by "
	    "timeout\n#          FAIL  x.a\nnot ok 1 x.a\n",
	    EXITED(1), VERDICT_FAIL, "a: Test terminated by timeout");
	one("1..1\n#  RUN           x.a ...\nno memory left\n#          FAIL  x.a\nnot ok 1 x.a\n",
	    EXITED(1), VERDICT_FAIL, "no memory left");
	one("1..1\nok 1 a # SKIP no\n", EXITED(0), VERDICT_SKIP, "no");
	one("1..1\nok 1 a # XFAIL KB-1\n", EXITED(2), VERDICT_XFAIL, "KB-1");
	one("1..2\nok 1 a\nnot ok 2 b\n", EXITED(1), VERDICT_FAIL, "");
	one("1..2\nok 1 a # SKIP no\nok 2 b\n", EXITED(0), VERDICT_PASS, "");
	one("1..1\nok 1 a\n", 11, VERDICT_CRASH, "signal 11");
	one("1..1\nok 1 a\n", EXITED(1), VERDICT_FAIL, "none of its");
	one("1..0\n", EXITED(0), VERDICT_CRASH, "no result");
	one("", EXITED(0), VERDICT_PASS, "");
}

/* Whatever a program says of itself: a kernel that warns is no pass. */
static void kernel(void)
{
	struct foreign_stream *stream = foreign_stream_new();
	struct observation seen = { .ending = ENDING_EXIT, .stream = stream };
	struct judgement judgement;

	foreign_stream_end(stream);
	seen.kernel = "WARNING: x";
	judge(&seen, &judgement);
	g_assert_cmpint(judgement.verdict, ==, VERDICT_FAIL);
	judgement_clear(&judgement);
	seen.kernel = NULL;
	seen.fault = "DMAR: x";
	judge(&seen, &judgement);
	g_assert_cmpint(judgement.verdict, ==, VERDICT_FAIL);
	judgement_clear(&judgement);
	seen.fault = NULL;
	judge(&seen, &judgement);
	g_assert_cmpint(judgement.verdict, ==, VERDICT_PASS);
	judgement_clear(&judgement);
	foreign_stream_free(stream);
}

/* At its deadline, or with the machine: how far it came is told. */
static void cut_off(void)
{
	static const char text[] = "1..3\nok 1 a\n# on its way to b\n";
	struct foreign_stream *stream = foreign_stream_new();
	const struct observation seen = { .ending = ENDING_TIMEOUT,
					  .output = text,
					  .output_length = strlen(text),
					  .stream = stream };
	struct judgement judgement;

	foreign_stream_feed(stream, text, strlen(text));
	foreign_stream_end(stream);
	judge(&seen, &judgement);
	g_assert_cmpint(judgement.verdict, ==, VERDICT_TIMEOUT);
	g_assert_nonnull(strstr(judgement.reason, "after 1 of 3 results: 2 missing"));
	g_assert_cmpstr(judgement.details, ==, "on its way to b\n");
	judgement_clear(&judgement);
	foreign_stream_free(stream);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/foreign-stream/kselftest", kselftest);
	g_test_add_func("/foreign-stream/tap", tap);
	g_test_add_func("/foreign-stream/nested", nested);
	g_test_add_func("/foreign-stream/incomplete", incomplete);
	g_test_add_func("/foreign-stream/in-flight", in_flight);
	g_test_add_func("/foreign-stream/status", status_alone);
	g_test_add_func("/foreign-stream/one", one_test);
	g_test_add_func("/foreign-stream/kernel", kernel);
	g_test_add_func("/foreign-stream/cut-off", cut_off);
	return g_test_run();
}
