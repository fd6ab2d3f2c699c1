// SPDX-License-Identifier: GPL-2.0-or-later
#include <glib/gstdio.h>
#include <string.h>
#include <sys/resource.h>
#include <signal.h>

#include "runner/record.h"

struct folder {
	char *path;
};

static void set_up(struct folder *folder, gconstpointer data)
{
	folder->path = g_dir_make_tmp("iommut-record-XXXXXX", NULL);
	g_assert_nonnull(folder->path);
}

static void remove_tree(const char *path)
{
	GDir *dir = g_dir_open(path, 0, NULL);
	const char *name;

	while (dir && (name = g_dir_read_name(dir))) {
		g_autofree char *inner = g_build_filename(path, name, NULL);

		if (g_file_test(inner, G_FILE_TEST_IS_DIR))
			remove_tree(inner);
		else
			g_unlink(inner);
	}
	if (dir)
		g_dir_close(dir);
	g_rmdir(path);
}

static void tear_down(struct folder *folder, gconstpointer data)
{
	remove_tree(folder->path);
	g_free(folder->path);
}

static struct recorder *start(struct folder *folder)
{
	json_t *info = json_pack("{s:i}", "version", RESULTS_VERSION);
	g_autoptr(GError) error = NULL;
	struct recorder *recorder = recorder_new(folder->path, info, TRUE, &error);

	g_assert_no_error(error);
	json_decref(info);
	return recorder;
}

static const struct result full = {
	.number = 7,
	.id = (char *)"dma/write[engine=edu]",
	.profile = (char *)"intel",
	.verdict = VERDICT_FAIL,
	.reason = (char *)"expected \"x\"; seen: \xe2\x82\xac",
	.lift = (char *)"more",
	.details = (char *)"two\nlines",
	.proves = (char *)"a sentence",
	.devices = (char *)"0000:00:05.0",
	.kernel = (char *)"DMAR: fault",
	.known = (char *)"link",
	.seed = G_GUINT64_CONSTANT(0xfedcba9876543210),
	.start_us = G_GINT64_CONSTANT(1700000000123456),
	.duration_us = 4321,
	.timeout_ms = 10000,
	.attempt = 2,
};

static void round_trip(struct folder *folder, gconstpointer data)
{
	struct recorder *recorder = start(folder);
	struct figure figure = { "unmap_p99", 12.3, FIGURE_US };
	struct result measured = full;
	g_autoptr(test_run) run = NULL;
	g_autofree char *log = NULL;
	const struct result *back, *cut_off;
	const struct figure *told;

	g_assert_true(recorder_begin(recorder, 7, full.id, full.profile, 1, NULL));
	g_assert_true(recorder_save(recorder, 7, "stdout", "a\x1b\n", 3, NULL));
	g_assert_true(recorder_save(recorder, 7, "stderr", "", 0, NULL));
	measured.figures = g_array_new(FALSE, FALSE, sizeof(struct figure));
	g_array_append_val(measured.figures, figure);
	g_assert_true(recorder_add(recorder, &measured, NULL));
	g_array_unref(measured.figures);
	g_assert_true(recorder_begin(recorder, 8, "dma/other", "intel", 3, NULL));
	/* Readable while it is written. */
	run = run_load(folder->path, NULL);
	g_assert_cmpuint(run->results->len, ==, 1);
	g_assert_cmpuint(run->in_flight->len, ==, 1);
	cut_off = run->in_flight->pdata[0];
	g_assert_cmpstr(cut_off->id, ==, "dma/other");
	g_assert_cmpuint(cut_off->attempt, ==, 3);
	g_assert_cmpint(cut_off->verdict, ==, VERDICT_ERROR);
	g_assert_nonnull(strstr(cut_off->reason, "cut off"));
	run_check_live(run);
	g_assert_true(run->live);
	g_assert_nonnull(strstr(cut_off->reason, "still ran"));
	back = run->results->pdata[0];
	g_assert_cmpuint(back->number, ==, full.number);
	g_assert_cmpstr(back->id, ==, full.id);
	g_assert_cmpstr(back->profile, ==, full.profile);
	g_assert_cmpint(back->verdict, ==, full.verdict);
	g_assert_cmpstr(back->reason, ==, full.reason);
	g_assert_cmpstr(back->lift, ==, full.lift);
	g_assert_cmpstr(back->details, ==, full.details);
	g_assert_cmpstr(back->proves, ==, full.proves);
	g_assert_cmpstr(back->devices, ==, full.devices);
	g_assert_cmpstr(back->kernel, ==, full.kernel);
	g_assert_cmpstr(back->known, ==, full.known);
	g_assert_cmpuint(back->figures->len, ==, 1);
	told = &g_array_index(back->figures, struct figure, 0);
	g_assert_cmpstr(told->name, ==, figure.name);
	g_assert_cmpfloat(told->value, ==, figure.value);
	g_assert_cmpint(told->unit, ==, figure.unit);
	g_assert_cmpuint(back->seed, ==, full.seed);
	g_assert_cmpint(back->start_us, ==, full.start_us);
	g_assert_cmpint(back->duration_us, ==, full.duration_us);
	g_assert_cmpuint(back->timeout_ms, ==, full.timeout_ms);
	g_assert_cmpuint(back->attempt, ==, full.attempt);
	log = run_log(run, 7, "stdout", 100);
	g_assert_cmpstr(log, ==, "a\\x1b\n");
	recorder_free(recorder);
}

static char *results_path(struct folder *folder)
{
	return g_build_filename(folder->path, "results.jsonl", NULL);
}

/* Cut at every byte: what was whole before stays, nothing else appears, and it can go on. */
static void cut_anywhere(struct folder *folder, gconstpointer data)
{
	struct recorder *recorder = start(folder);
	g_autofree char *path = results_path(folder);
	g_autofree char *text = NULL;
	struct result other = full;
	gsize length, first;

	g_assert_true(recorder_add(recorder, &full, NULL));
	other.number = 8;
	g_assert_true(recorder_add(recorder, &other, NULL));
	recorder_free(recorder);
	g_assert_true(g_file_get_contents(path, &text, &length, NULL));
	first = (gsize)(strchr(text, '\n') + 1 - text);
	for (gsize cut = 0; cut <= length; cut++) {
		g_autoptr(test_run) run = NULL, resumed = NULL;
		guint whole = cut == length ? 2 : cut >= first ? 1 : 0;

		g_assert_true(g_file_set_contents(path, text, (gssize)cut, NULL));
		run = run_load(folder->path, NULL);
		g_assert_nonnull(run);
		g_assert_cmpuint(run->results->len, ==, whole);
		recorder = recorder_resume(folder->path, FALSE, NULL);
		g_assert_nonnull(recorder);
		g_assert_true(recorder_add(recorder, &other, NULL));
		recorder_free(recorder);
		resumed = run_load(folder->path, NULL);
		g_assert_cmpuint(resumed->results->len, ==, whole + 1);
		g_assert_null(resumed->notes);
	}
}

static void not_twice(struct folder *folder, gconstpointer data)
{
	struct recorder *recorder = start(folder);
	json_t *info = json_object();
	g_autoptr(GError) again = NULL, parallel = NULL;

	g_assert_null(recorder_new(folder->path, info, FALSE, &again));
	g_assert_error(again, RUNNER_ERROR, RUNNER_ERROR_USAGE);
	g_assert_null(recorder_resume(folder->path, FALSE, &parallel));
	g_assert_error(parallel, RUNNER_ERROR, RUNNER_ERROR_USAGE);
	json_decref(info);
	recorder_free(recorder);
}

static void unwritable(struct folder *folder, gconstpointer data)
{
	g_autoptr(GError) error = NULL;
	json_t *info = json_object();

	/* Not even root can make a folder there. */
	g_assert_null(recorder_new("/proc/iommut-run", info, FALSE, &error));
	g_assert_error(error, RUNNER_ERROR, RUNNER_ERROR_TROUBLE);
	g_assert_nonnull(strstr(error->message, "/proc/iommut-run"));
	json_decref(info);
}

/* A file that may not grow is as good as a full disk: the result is refused, those before stay. */
static void full_disk(struct folder *folder, gconstpointer data)
{
	struct recorder *recorder = start(folder);
	struct rlimit before, small;
	g_autoptr(test_run) run = NULL;
	g_autoptr(GError) error = NULL;
	guint added = 0;

	signal(SIGXFSZ, SIG_IGN);
	g_assert_cmpint(getrlimit(RLIMIT_FSIZE, &before), ==, 0);
	small = before;
	small.rlim_cur = 2000;
	g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &small), ==, 0);
	while (recorder_add(recorder, &full, &error))
		g_assert_cmpuint(++added, <, 100);
	g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &before), ==, 0);
	g_assert_error(error, RUNNER_ERROR, RUNNER_ERROR_TROUBLE);
	g_assert_cmpuint(added, >, 0);
	run = run_load(folder->path, NULL);
	g_assert_cmpuint(run->results->len, ==, added);
	g_assert_null(run->notes);
	/* There is room again: it goes on where it was. */
	g_assert_true(recorder_add(recorder, &full, NULL));
	recorder_free(recorder);
	test_run *after = run_load(folder->path, NULL);
	g_assert_cmpuint(after->results->len, ==, added + 1);
	run_free(after);
}

static void bad_lines(struct folder *folder, gconstpointer data)
{
	static const char *const lines[] = {
		"x\n",
		"{}\n",
		"[]\n",
		"{\"type\":\"result\"}\n",
		"{\"type\":\"result\",\"number\":1,\"id\":\"a\",\"verdict\":\"fine\"}\n",
		"{\"type\":\"result\",\"number\":0,\"id\":\"a\",\"verdict\":\"pass\"}\n",
		"{\"type\":\"result\",\"number\":1,\"id\":5,\"verdict\":\"pass\"}\n",
		"\n",
	};

	for (gsize i = 0; i < G_N_ELEMENTS(lines); i++) {
		struct run *run = g_new0(struct run, 1);
		g_autoptr(GError) error = NULL;
		gsize good;

		g_assert_false(run_read_results(run, lines[i], strlen(lines[i]), &good, &error));
		g_assert_nonnull(error);
		run_free(run);
	}
}

/* A run from before there were figures, and one whose figures are none, are runs. */
static void no_figures(struct folder *folder, gconstpointer data)
{
	static const char text[] =
		"{\"type\":\"result\",\"number\":1,\"id\":\"a\",\"verdict\":\"pass\"}\n"
		"{\"type\":\"result\",\"number\":2,\"id\":\"a\",\"verdict\":\"pass\",\"figures\":["
		"5]}\n";
	struct run *run = g_new0(struct run, 1);
	gsize good;

	g_assert_true(run_read_results(run, text, strlen(text), &good, NULL));
	g_assert_cmpuint(run->results->len, ==, 2);
	for (guint i = 0; i < 2; i++)
		g_assert_null(((struct result *)run->results->pdata[i])->figures);
	run_free(run);
}

/* Kinds of lines that a later version adds do not disturb this one. */
static void unknown_kind(struct folder *folder, gconstpointer data)
{
	static const char text[] = "{\"type\":\"weather\",\"number\":3}\n";
	struct run *run = g_new0(struct run, 1);
	gsize good;

	g_assert_true(run_read_results(run, text, strlen(text), &good, NULL));
	g_assert_cmpuint(run->results->len, ==, 0);
	run_free(run);
}

static void no_run(struct folder *folder, gconstpointer data)
{
	g_autoptr(GError) error = NULL;

	g_assert_null(run_load(folder->path, &error));
	g_assert_error(error, RUNNER_ERROR, RUNNER_ERROR_USAGE);
	g_assert_nonnull(strstr(error->message, "run.json"));
}

#define ADD(name, function) g_test_add(name, struct folder, NULL, set_up, function, tear_down)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD("/record/round-trip", round_trip);
	ADD("/record/cut-anywhere", cut_anywhere);
	ADD("/record/not-twice", not_twice);
	ADD("/record/unwritable", unwritable);
	ADD("/record/full-disk", full_disk);
	ADD("/record/bad-lines", bad_lines);
	ADD("/record/no-figures", no_figures);
	ADD("/record/unknown-kind", unknown_kind);
	ADD("/record/no-run", no_run);
	return g_test_run();
}
