/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef RUNNER_FOREIGN_STREAM_H
#define RUNNER_FOREIGN_STREAM_H

/* What a program that somebody else wrote prints: results as they come, and the verdict on the whole. Untrusted. */

#include <glib.h>

#include "runner/verdict.h"

struct foreign_stream;
struct judgement;
struct observation;

/**
 * struct foreign_part - a test of a program
 * @name: a part of its ID, in this stream only once
 * @title: what the program calls it, cleaned
 * @verdict: the verdict
 * @reason: one line
 * @known: why the program expects a failure, or NULL
 * @details: what it printed about it
 */
struct foreign_part {
	char *name;
	char *title;
	enum verdict verdict;
	char *reason;
	char *known;
	char *details;
};

struct foreign_stream *foreign_stream_new(void);
void foreign_stream_free(struct foreign_stream *stream);

/**
 * foreign_stream_feed() - more of its stdout came
 */
void foreign_stream_feed(struct foreign_stream *stream, const char *bytes, gsize length);

/**
 * foreign_stream_end() - nothing more comes
 */
void foreign_stream_end(struct foreign_stream *stream);

/**
 * foreign_stream_next() - the next test whose result is sure
 *
 * Return: valid until the next call; NULL if there is none yet.
 */
const struct foreign_part *foreign_stream_next(struct foreign_stream *stream);

/**
 * foreign_stream_progress() - how far it came
 * @stream: ended
 *
 * Return: a new string, as in "in NAME, after 3 of 12 results: 9 missing"; NULL if it printed no result and no plan.
 */
char *foreign_stream_progress(const struct foreign_stream *stream);

/**
 * foreign_stream_trailing() - what it said after its last result
 * @stream: ended
 *
 * Return: a new string.
 */
char *foreign_stream_trailing(const struct foreign_stream *stream);

/**
 * foreign_judge_all() - the verdict on a program that ran all its tests
 * @stream: ended
 * @seen: it ended by itself: @seen->status tells how
 * @judgement: filled
 *
 * The program passes when its results and its exit status agree: a test of it that fails is bad, the program is not. Without results
 * the exit status is all there is: 0 pass, 1 fail, 4 or 77 skip.
 */
void foreign_judge_all(const struct foreign_stream *stream, const struct observation *seen,
		       struct judgement *judgement);

/**
 * foreign_judge_one() - the verdict on a program that ran one test: that of the test
 */
void foreign_judge_one(struct foreign_stream *stream, const struct observation *seen,
		       struct judgement *judgement);

#endif /* RUNNER_FOREIGN_STREAM_H */
