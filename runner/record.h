/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef RUNNER_RECORD_H
#define RUNNER_RECORD_H

/* The run directory: docs/results.md. One side writes it while a run goes on, the other reads it, then or later. */

#include <glib.h>
#include <jansson.h>

#include "runner/figure.h"
#include "runner/verdict.h"

#define RESULTS_VERSION 1

/**
 * struct result - a line of results.jsonl
 * @number: of the case in its run, from 1: the folder cases/<number>
 * @id: SUITE/CASE[..]
 * @profile: the lab's profile, or "local"
 * @verdict: the verdict
 * @reason: why, one line
 * @lift: what would lift a skip, or NULL
 * @details: expectation and values, several lines
 * @proves: the sentence it proves
 * @devices: addresses used, joined by a comma
 * @kernel: last lines of the kernel log of the case
 * @known: for xfail and xpass: the known issue's link or reason; else NULL
 * @figures: of struct figure: what it has measured; NULL if nothing
 * @part_of: ID of the case whose process it is a part of, and whose @number it has; NULL: it is one by itself
 * @seed: given to the case
 * @start_us: real time at its start, microseconds since 1970
 * @duration_us: how long it took
 * @timeout_ms: its deadline
 * @attempt: from 1; more with repeats
 */
struct result {
	guint number;
	char *id;
	char *profile;
	enum verdict verdict;
	char *reason;
	char *lift;
	char *details;
	char *proves;
	char *devices;
	char *kernel;
	char *known;
	GArray *figures;
	char *part_of;
	guint64 seed;
	gint64 start_us;
	gint64 duration_us;
	guint timeout_ms;
	guint attempt;
};

void result_free(struct result *result);

/* --- writing --- */

struct recorder;

/**
 * recorder_new() - make a run directory
 * @folder: where; must not exist, or be an empty folder
 * @run: what is tested: becomes run.json; new reference not taken
 * @durable: each result must survive the death of this machine before recorder_add() returns
 * @error: set on failure
 */
struct recorder *recorder_new(const char *folder, json_t *run, gboolean durable, GError **error);

/**
 * recorder_resume() - go on with a run directory
 * @folder: the folder
 * @durable: as recorder_new()
 * @error: set on failure
 *
 * A last line that was cut off by a crash is removed.
 */
struct recorder *recorder_resume(const char *folder, gboolean durable, GError **error);

/**
 * recorder_update_run() - replace run.json, atomically
 */
gboolean recorder_update_run(struct recorder *recorder, json_t *run, GError **error);

/**
 * recorder_save() - write a log of a case
 * @recorder: the run directory
 * @number: of the case
 * @name: "stdout", "stderr" or "kmsg"
 * @bytes: raw
 * @length: bytes; nothing is written for 0
 * @error: set on failure
 */
gboolean recorder_save(struct recorder *recorder, guint number, const char *name, const char *bytes,
		       gsize length, GError **error);

/**
 * recorder_begin() - note which case is in flight, so that it is named whatever happens to us
 */
gboolean recorder_begin(struct recorder *recorder, guint number, const char *id,
			const char *profile, guint attempt, GError **error);

/**
 * recorder_resumed() - note that the run goes on: cases in flight are not any more
 */
gboolean recorder_resumed(struct recorder *recorder, GError **error);

/**
 * recorder_add() - append a result
 */
gboolean recorder_add(struct recorder *recorder, const struct result *result, GError **error);

/**
 * recorder_finish() - the run is over: make the last results durable
 */
gboolean recorder_finish(struct recorder *recorder, GError **error);

/**
 * recorder_discard() - remove the run directory again: nothing ran, and nothing is worth keeping
 */
void recorder_discard(struct recorder *recorder);

const char *recorder_folder(const struct recorder *recorder);
void recorder_free(struct recorder *recorder);

/* --- reading --- */

/**
 * struct run - what a run directory says
 * @folder: where it is
 * @info: run.json
 * @results: of struct result *, in the order they ended
 * @in_flight: of struct result *: what began and has no result, by number; the verdict is VERDICT_ERROR, the reason that it was cut off
 * @live: it is being written: what is in flight runs
 * @last_number: the highest number of a case that began or ended
 * @counts: results by verdict
 * @notes: what was wrong with the files and passed over, or NULL
 */
struct run {
	char *folder;
	json_t *info;
	GPtrArray *results;
	GPtrArray *in_flight;
	gboolean live;
	guint last_number;
	guint counts[VERDICT_COUNT];
	char *notes;
};

/**
 * run_load() - read a run directory, also one that is being written
 * @folder: the folder
 * @error: set on failure
 */
struct run *run_load(const char *folder, GError **error);

/**
 * run_check_live() - whether somebody writes it now: what is in flight then still runs
 * @run: as loaded
 */
void run_check_live(struct run *run);

/**
 * run_lacks() - what keeps a run from being whole: a machine that could not be tested, an end before its time
 * @run: as loaded
 *
 * Return: of struct result *, with VERDICT_ERROR and a number of 0; @reason says what it is. Who shows only what ran hides these.
 */
GPtrArray *run_lacks(const struct run *run);

/**
 * run_status() - exit code of a run
 * @run: as loaded
 *
 * Return: as exit_status_of(); but a run that is not whole has not gone well, even if all that it has has passed.
 */
enum exit_status run_status(const struct run *run);

/**
 * run_read_results() - read the text of a results.jsonl
 * @run: gets the results; zeroed, or with results from before
 * @text: the text
 * @length: bytes
 * @good: set to the bytes of whole lines
 * @error: set on failure
 *
 * A last line without newline is none. Any other line that is no result is an error.
 */
gboolean run_read_results(struct run *run, const char *text, gsize length, gsize *good,
			  GError **error);

void run_free(struct run *run);
typedef struct run test_run;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(test_run, run_free)

/**
 * run_log() - read a log of a case
 * @run: a run
 * @number: of the case
 * @name: "stdout", "stderr" or "kmsg"
 * @limit: bytes from the end to read at most
 *
 * Return: cleaned text, empty if there is none.
 */
char *run_log(const struct run *run, guint number, const char *name, gsize limit);

#endif /* RUNNER_RECORD_H */
