/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef RUNNER_KTAP_H
#define RUNNER_KTAP_H

/* Reads KTAP version 1, and TAP 12 to 14 as far as foreign tests print it. Input is untrusted. */

#include <glib.h>

#define KTAP_MAX_RESULTS     100000
#define KTAP_MAX_DIAGNOSTICS (64u << 10)
#define KTAP_MAX_LINE        (64u << 10)

/* What stands behind a result's " # ". */
enum ktap_directive {
	KTAP_NONE,
	KTAP_SKIP,
	KTAP_TODO,
	KTAP_XFAIL,
	KTAP_XPASS,
	KTAP_TIMEOUT,
	KTAP_ERROR,
};

/**
 * struct ktap_result - a result line
 * @ok: "ok", not "not ok"
 * @leaf: has no subtests of its own
 * @name: its description, after those of the tests it is a part of and a dot; cleaned
 * @directive: of the line
 * @reason: text of the directive, cleaned; never NULL
 * @diagnostics: the "# text" lines before it, without the mark, cleaned; never NULL
 * @indent: private
 */
struct ktap_result {
	gboolean ok;
	gboolean leaf;
	char *name;
	enum ktap_directive directive;
	char *reason;
	char *diagnostics;
	guint indent;
};

/**
 * struct ktap - a stream that was read
 * @results: of struct ktap_result *
 * @version: there was a version line
 * @planned: results announced on the outermost level; -1 if none were
 * @top_results: results that came on the outermost level
 * @settled: so many of @results have their final names: a test's name comes after its subtests
 * @skip_all: why the plan has no results ("1..0 # SKIP reason"), cleaned, or NULL
 * @trailing: diagnostics after the last result, cleaned; NULL before ktap_end()
 * @in_flight: test that was announced ("# Subtest: NAME", or "#  RUN NAME ..." as kselftest_harness.h does) and has no
 *             result, cleaned; NULL before ktap_end() and if there is none
 * @problem: why the results cannot be trusted, or NULL
 * @reader: private
 */
struct ktap {
	GPtrArray *results;
	gboolean version;
	gint64 planned;
	guint top_results;
	guint settled;
	char *skip_all;
	char *trailing;
	char *in_flight;
	char *problem;
	struct ktap_reader *reader;
};

/**
 * ktap_new() - begin to read a stream that comes in pieces
 * @foreign: also what TAP allows and KTAP does not: results without a number, "\\#" in names, YAML behind results;
 *           lines that are no TAP are diagnostics
 */
struct ktap *ktap_new(gboolean foreign);

/**
 * ktap_feed() - read a piece, which may end anywhere
 * @ktap: a stream that has not ended
 * @bytes: the piece
 * @length: bytes
 */
void ktap_feed(struct ktap *ktap, const char *bytes, gsize length);

/**
 * ktap_end() - the stream is over: everything is settled, and what is missing is found
 */
void ktap_end(struct ktap *ktap);

/**
 * ktap_parse() - read a whole stream
 * @bytes: the stream
 * @length: bytes
 *
 * Return: what was found in it. Lines that are no KTAP are passed over, as its specification says.
 */
struct ktap *ktap_parse(const char *bytes, gsize length);

void ktap_free(struct ktap *ktap);
typedef struct ktap ktap_stream;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ktap_stream, ktap_free)

#endif /* RUNNER_KTAP_H */
