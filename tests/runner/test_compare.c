// SPDX-License-Identifier: GPL-2.0-or-later
#include <glib/gstdio.h>
#include <string.h>

#include "runner/compare.h"

static struct run *new_run(const char *name, const char *kernel)
{
	struct run *run = g_new0(struct run, 1);

	run->folder = g_strdup(name);
	run->info = json_pack("{s:i, s:s, s:s, s:i, s:{s:{s:{s:s}}}}", "version", RESULTS_VERSION,
			      "started", "2026-01-02T03:04:05Z", "finished", "2026-01-02T03:05:00Z",
			      "planned", 1, "machines", "p", "facts", "kernel", kernel);
	run->results = g_ptr_array_new_with_free_func((GDestroyNotify)result_free);
	run->in_flight = g_ptr_array_new_with_free_func((GDestroyNotify)result_free);
	return run;
}

static void add(struct run *run, const char *id, enum verdict verdict, gint64 us)
{
	struct result *result = g_new0(struct result, 1);

	result->number = run->results->len + 1;
	result->id = g_strdup(id);
	result->profile = g_strdup("p");
	result->verdict = verdict;
	result->reason = g_strdup(verdict_is_bad(verdict) ? "why" : "");
	result->details = g_strdup("");
	result->proves = g_strdup("");
	result->devices = g_strdup("");
	result->kernel = g_strdup("");
	result->duration_us = us;
	result->attempt = 1;
	run->counts[verdict]++;
	g_ptr_array_add(run->results, result);
}

static void diff(void)
{
	struct run *before = new_run("a", "6.12"), *after = new_run("b", "7.3");
	g_autoptr(GString) text = g_string_new(NULL);

	add(before, "s/breaks", VERDICT_PASS, 1000);
	add(before, "s/fixed", VERDICT_FAIL, 1000);
	add(before, "s/same", VERDICT_FAIL, 1000);
	add(before, "s/gone", VERDICT_PASS, 1000);
	add(before, "s/skipped", VERDICT_SKIP, 1000);
	add(before, "s/slower", VERDICT_PASS, 100000);
	add(before, "s/noise", VERDICT_PASS, 100000);
	add(after, "s/breaks", VERDICT_CRASH, 1000);
	add(after, "s/fixed", VERDICT_PASS, 1000);
	add(after, "s/same", VERDICT_FAIL, 1000);
	add(after, "s/new_good", VERDICT_PASS, 1000);
	add(after, "s/new_bad", VERDICT_FAIL, 1000);
	add(after, "s/skipped", VERDICT_PASS, 1000);
	add(after, "s/slower", VERDICT_PASS, 400000);
	add(after, "s/noise", VERDICT_PASS, 120000);
	/* What broke, and what is new and bad. */
	g_assert_cmpuint(compare_diff(before, after, FALSE, text), ==, 2);
	g_assert_nonnull(strstr(text->str, "kernel: 6.12 -> 7.3"));
	g_assert_nonnull(strstr(text->str, "broken: 1\n  p: s/breaks (pass -> crash): why"));
	g_assert_nonnull(strstr(text->str, "fixed: 1\n  p: s/fixed"));
	g_assert_nonnull(strstr(text->str, "new: 2"));
	g_assert_nonnull(strstr(text->str, "gone: 1\n  p: s/gone"));
	g_assert_nonnull(strstr(text->str, "s/skipped (skip -> pass)"));
	g_assert_nonnull(strstr(text->str, "s/slower: 100 ms -> 400 ms"));
	g_assert_null(strstr(text->str, "s/noise"));
	g_assert_null(strstr(text->str, "s/same"));
	g_string_truncate(text, 0);
	g_assert_cmpuint(compare_diff(after, after, FALSE, text), ==, 0);
	g_assert_nonnull(strstr(text->str, "no difference"));
	run_free(before);
	run_free(after);
}

/* One bad attempt of several is bad; and with repeats the noise is known, so that less than half is a change. */
static void repeats(void)
{
	struct run *before = new_run("a", "7"), *after = new_run("b", "7");
	g_autoptr(GString) text = g_string_new(NULL);

	for (guint i = 0; i < 5; i++) {
		add(before, "s/flaky", VERDICT_PASS, 1000);
		add(after, "s/flaky", i == 2 ? VERDICT_FAIL : VERDICT_PASS, 1000);
		add(before, "s/steady", VERDICT_PASS, 1000000 + i * 1000);
		add(after, "s/steady", VERDICT_PASS, 1200000 + i * 1000);
		add(before, "s/wild", VERDICT_PASS, 1000000 + i * 300000);
		add(after, "s/wild", VERDICT_PASS, 1200000 + i * 300000);
	}
	g_assert_cmpuint(compare_diff(before, after, FALSE, text), ==, 1);
	g_assert_nonnull(strstr(text->str, "s/flaky (pass -> fail in 1 of 5)"));
	g_assert_nonnull(strstr(text->str, "s/steady"));
	g_assert_null(strstr(text->str, "s/wild"));
	run_free(before);
	run_free(after);
}

static void measure(struct run *run, const char *name, double value, enum figure_unit unit)
{
	struct result *last = run->results->pdata[run->results->len - 1];
	struct figure figure = { .value = value, .unit = unit };

	if (!last->figures)
		last->figures = g_array_new(FALSE, FALSE, sizeof(struct figure));
	g_strlcpy(figure.name, name, sizeof(figure.name));
	g_array_append_val(last->figures, figure);
}

/* With repeats the noise is known; and a figure that changed is no regression. */
static void figures(void)
{
	struct run *before = new_run("a", "6.12"), *after = new_run("b", "7.3");
	g_autoptr(GString) text = g_string_new(NULL);
	const char *kernel, *title;

	for (guint i = 0; i < 5; i++) {
		add(before, "s/measured", VERDICT_PASS, 1000);
		add(after, "s/measured", VERDICT_PASS, 1000);
		measure(before, "steady_p99", 10 + i * 0.1, FIGURE_US);
		measure(after, "steady_p99", 13 + i * 0.1, FIGURE_US);
		measure(before, "small", 1000 + i, FIGURE_US);
		measure(after, "small", 1050 + i, FIGURE_US);
		measure(before, "wild", 10 + i * 5, FIGURE_US);
		measure(after, "wild", 13 + i * 5, FIGURE_US);
		measure(before, "maps", 200000, FIGURE_PER_SECOND);
		measure(after, "maps", 50000, FIGURE_PER_SECOND);
		measure(before, "unit", 1, FIGURE_PER_SECOND);
		measure(after, "unit", 1000, FIGURE_US);
		measure(before, "gone", 1, FIGURE_US);
		measure(after, "new", 1, FIGURE_US);
	}
	g_assert_cmpuint(compare_diff(before, after, FALSE, text), ==, 0);
	kernel = strstr(text->str, "kernel: 6.12 -> 7.3");
	title = strstr(text->str, "figures beyond noise:\n"
				  "  p: s/measured: steady_p99 10.2 us -> 13.2 us\n"
				  "  p: s/measured: maps 200000 /s -> 50000 /s\n");
	g_assert_nonnull(kernel);
	g_assert_nonnull(title);
	g_assert_true(kernel < title);
	g_assert_null(strstr(text->str, "small"));
	g_assert_null(strstr(text->str, "wild"));
	g_assert_null(strstr(text->str, "unit"));
	g_assert_null(strstr(text->str, "gone"));
	g_assert_null(strstr(text->str, "new"));
	g_assert_null(strstr(text->str, "virtual"));
	run_free(before);
	run_free(after);
}

/* Without repeats only what changed by half is told. A case that fails is compared by its verdict alone. */
static void figures_once(void)
{
	struct run *before = new_run("a", "7"), *after = new_run("b", "7");
	g_autoptr(GString) text = g_string_new(NULL);

	add(before, "s/once", VERDICT_PASS, 1000);
	measure(before, "a_third", 90, FIGURE_US);
	measure(before, "twice", 90, FIGURE_US);
	measure(before, "nothing", 0, FIGURE_PERCENT);
	add(before, "s/breaks", VERDICT_PASS, 1000);
	measure(before, "broken", 1, FIGURE_US);
	add(after, "s/once", VERDICT_PASS, 1000);
	measure(after, "a_third", 120, FIGURE_US);
	measure(after, "twice", 180, FIGURE_US);
	measure(after, "nothing", 0, FIGURE_PERCENT);
	add(after, "s/breaks", VERDICT_FAIL, 1000);
	measure(after, "broken", 1000, FIGURE_US);
	g_assert_cmpuint(compare_diff(before, after, FALSE, text), ==, 1);
	g_assert_nonnull(
		strstr(text->str, "figures beyond noise:\n  p: s/once: twice 90 us -> 180 us\n"));
	g_assert_null(strstr(text->str, "a_third"));
	g_assert_null(strstr(text->str, "nothing"));
	g_assert_null(strstr(text->str, "s/breaks: "));
	g_string_truncate(text, 0);
	compare_diff(after, after, FALSE, text);
	g_assert_null(strstr(text->str, "figures"));
	run_free(before);
	run_free(after);
}

static void make_virtual(struct run *run, const char *part, const char *key)
{
	json_t *machine = json_object_get(json_object_get(run->info, "machines"), "p");

	json_object_set_new(machine, part, json_pack("{s:s}", key, "x"));
}

static void virtual_figures(void)
{
	struct run *before = new_run("a", "7"), *after = new_run("b", "7");
	g_autoptr(GString) text = g_string_new(NULL);

	add(before, "s/one", VERDICT_PASS, 1000);
	measure(before, "f", 1, FIGURE_US);
	add(after, "s/one", VERDICT_PASS, 1000);
	measure(after, "f", 3, FIGURE_US);
	make_virtual(after, "describe", "accelerator");
	compare_diff(before, after, FALSE, text);
	g_assert_nonnull(strstr(text->str, "f 1 us -> 3 us (the second in a virtual machine)\n"));
	g_string_truncate(text, 0);
	compare_diff(after, before, FALSE, text);
	g_assert_nonnull(strstr(text->str, "f 3 us -> 1 us (the first in a virtual machine)\n"));
	g_string_truncate(text, 0);
	make_virtual(before, "facts", "virtual");
	compare_diff(before, after, FALSE, text);
	g_assert_nonnull(strstr(text->str, "f 1 us -> 3 us (in a virtual machine)\n"));
	run_free(before);
	run_free(after);
}

static void read_into(struct run *run, const char *text)
{
	g_autoptr(GError) error = NULL;
	gsize good;

	g_assert_true(run_read_results(run, text, strlen(text), &good, &error));
	g_assert_no_error(error);
	g_assert_cmpuint(good, ==, strlen(text));
}

#define LINE(figures)                                                                              \
	"{\"type\":\"result\",\"number\":1,\"id\":\"s/x\",\"profile\":\"p\",\"verdict\":\"pass\"," \
	"\"figures\":" figures "}\n"

/* Records that nobody wrote so: as many names as attempts, values at the edge, things that are no figures. */
static void hostile_figures(void)
{
	struct run *before = new_run("a", "7"), *after = new_run("b", "7");
	g_autoptr(GString) text = g_string_new(NULL);

	for (guint i = 0; i < 50; i++) {
		g_autoptr(GString) line = g_string_new(NULL);

		for (guint j = 0; j < FIGURES_MAX; j++)
			g_string_append_printf(line, "%s\"f%u\":{\"value\":%s1e15,\"unit\":\"us\"}",
					       j ? "," : "", i * FIGURES_MAX + j, j % 2 ? "-" : "");
		g_string_prepend(line,
				 "{\"type\":\"result\",\"number\":1,\"id\":\"s/x\",\"profile\":"
				 "\"p\",\"verdict\":\"pass\",\"figures\":{");
		g_string_append(line, "}}\n");
		read_into(before, line->str);
	}
	read_into(after, LINE("{\"f0\":{\"value\":-1e15,\"unit\":\"us\"},"
			      "\"f1\":{\"value\":1e300,\"unit\":\"us\"},"
			      "\"f2\":{\"value\":1,\"unit\":\"\\u001b[31m\"},"
			      "\"f\\u001b[31m\":{\"value\":1,\"unit\":\"us\"},"
			      "\"f4\":7,\"f5\":{\"value\":[],\"unit\":{}},"
			      "\"f64\":{\"value\":1,\"unit\":\"us\"}}"));
	read_into(after, LINE("7") LINE("[]") LINE("null") LINE("{\"f0\":{}}"));
	compare_diff(before, after, FALSE, text);
	g_assert_nonnull(strstr(text->str, "figures beyond noise:\n"
					   "  p: s/x: f0 1000000000000000 us -> "
					   "-1000000000000000 us\n"));
	g_assert_null(strstr(text->str, "f64"));
	g_assert_null(strchr(text->str, '\x1b'));
	g_assert_true(g_utf8_validate(text->str, (gssize)text->len, NULL));
	g_string_truncate(text, 0);
	compare_diff(before, before, FALSE, text);
	g_assert_null(strstr(text->str, "figures"));
	run_free(before);
	run_free(after);
}

/* Nobody reads more lines of them than of cases. */
static void many_figures(void)
{
	struct run *before = new_run("a", "7"), *after = new_run("b", "7");
	g_autoptr(GString) text = g_string_new(NULL);

	for (guint i = 0; i < 1500; i++) {
		g_autofree char *id = g_strdup_printf("s/c%u", i);

		add(before, id, VERDICT_PASS, 1000);
		measure(before, "f", 1, FIGURE_US);
		add(after, id, VERDICT_PASS, 1000);
		measure(after, "f", 2, FIGURE_US);
	}
	compare_diff(before, after, FALSE, text);
	g_assert_nonnull(strstr(text->str, "s/c999: f 1 us"));
	g_assert_null(strstr(text->str, "s/c1000: f 1 us"));
	g_assert_nonnull(strstr(text->str, "  and 500 more\n"));
	run_free(before);
	run_free(after);
}

/* How often it is bad counts where both runs say enough of it; a little noise does not. */
static void rates(void)
{
	struct run *before = new_run("a", "7"), *after = new_run("b", "7");
	g_autoptr(GString) text = g_string_new(NULL);

	for (guint i = 0; i < 40; i++) {
		add(before, "s/worse", i == 3 ? VERDICT_FAIL : VERDICT_PASS, 1000);
		add(after, "s/worse", i % 2 ? VERDICT_FAIL : VERDICT_PASS, 1000);
		add(before, "s/better", i % 2 ? VERDICT_FAIL : VERDICT_PASS, 1000);
		add(after, "s/better", i == 3 ? VERDICT_FAIL : VERDICT_PASS, 1000);
		add(before, "s/as_before", i % 8 ? VERDICT_PASS : VERDICT_FAIL, 1000);
		add(after, "s/as_before", i % 7 ? VERDICT_PASS : VERDICT_FAIL, 1000);
		/* Two milliseconds of ten are seen through noise of one. */
		add(before, "s/slower", VERDICT_PASS, 10000 + (i % 2) * 1000);
		add(after, "s/slower", VERDICT_PASS, 12000 + (i % 2) * 1000);
	}
	g_assert_cmpuint(compare_diff(before, after, FALSE, text), ==, 1);
	g_assert_nonnull(strstr(text->str, "s/worse (fail in 1 of 40 -> fail in 20 of 40)"));
	g_assert_nonnull(strstr(text->str, "otherwise different: 1\n  p: s/better (fail in 20 of"));
	g_assert_null(strstr(text->str, "s/as_before"));
	g_assert_nonnull(strstr(text->str, "s/slower: 10 ms -> 12 ms"));
	run_free(before);
	run_free(after);
}

static void set_machine(struct run *run, const char *commit, const char *driver)
{
	json_t *machine = json_object_get(json_object_get(run->info, "machines"), "p");

	json_object_set_new(run->info, "tool_commit", json_string(commit));
	json_object_set_new(machine, "devices",
			    json_pack("[{s:s, s:s, s:s, s:s, s:s}]", "name", "0000:00:05.0",
				      "vendor", "1234", "device", "11e8", "driver", driver, "group",
				      "5"));
}

/* All that was tested is compared, and before the cases. */
static void environments(void)
{
	struct run *before = new_run("a", "7"), *after = new_run("b", "7");
	g_autoptr(GString) text = g_string_new(NULL);
	const char *tool, *device, *broken;

	set_machine(before, "abc", "");
	set_machine(after, "def", "vfio-pci");
	add(before, "s/breaks", VERDICT_PASS, 1000);
	add(after, "s/breaks", VERDICT_FAIL, 1000);
	g_assert_cmpuint(compare_diff(before, after, FALSE, text), ==, 1);
	tool = strstr(text->str, "iommutests tool_commit: abc -> def");
	device = strstr(text->str, "p device 0000:00:05.0: 1234:11e8, driver none, group 5 -> "
				   "1234:11e8, driver vfio-pci, group 5");
	broken = strstr(text->str, "broken: 1");
	g_assert_nonnull(tool);
	g_assert_nonnull(device);
	g_assert_nonnull(broken);
	g_assert_true(tool < device && device < broken);
	run_free(before);
	run_free(after);
}

static void history(void)
{
	static const enum verdict flaky[] = { VERDICT_FAIL, VERDICT_PASS, VERDICT_FAIL,
					      VERDICT_FAIL };
	g_autoptr(GPtrArray) runs = g_ptr_array_new_with_free_func((GDestroyNotify)run_free);
	g_autoptr(GString) text = g_string_new(NULL);

	for (guint i = 0; i < G_N_ELEMENTS(flaky); i++) {
		g_autofree char *name = g_strdup_printf("/runs/r%u", i);
		struct run *run = new_run(name, "7");

		add(run, "s/flaky", flaky[i], 1000);
		add(run, "s/good", VERDICT_PASS, 1000);
		g_ptr_array_add(runs, run);
	}
	g_assert_cmpuint(compare_history(runs, FALSE, text), ==, 1);
	g_assert_nonnull(strstr(text->str,
				"75% bad (3 of 4 runs), 2 changes, now fail  p: s/flaky  "
				"(bad since r2)"));
	g_assert_null(strstr(text->str, "s/good"));
	compare_history(runs, TRUE, text);
	g_assert_nonnull(strstr(text->str, "s/good"));
}

static void remove_run(const char *folder)
{
	static const char *const files[] = { "run.json", "results.jsonl", "cases" };

	for (gsize i = 0; i < G_N_ELEMENTS(files); i++) {
		g_autofree char *path = g_build_filename(folder, files[i], NULL);

		g_remove(path);
	}
	g_rmdir(folder);
}

static gint64 integer_of(const struct run *run, const char *key)
{
	return json_integer_value(json_object_get(run->info, key));
}

static guint lacks_of(const struct run *run)
{
	g_autoptr(GPtrArray) lacks = run_lacks(run);

	return lacks->len;
}

static void set_text(struct run *run, const char *key, const char *text)
{
	json_object_set_new(run->info, key, json_string(text));
}

static json_t *machine_of(const struct run *run)
{
	return json_object_get(json_object_get(run->info, "machines"), "p");
}

static void merge(void)
{
	g_autofree char *work = g_dir_make_tmp("iommut-compare-XXXXXX", NULL);
	g_autofree char *folder = g_build_filename(work, "merged", NULL);
	g_autoptr(GPtrArray) runs = g_ptr_array_new_with_free_func((GDestroyNotify)run_free);
	g_autoptr(GError) error = NULL;
	g_autoptr(test_run) merged = NULL;
	struct run *other;

	g_ptr_array_add(runs, new_run("a", "7"));
	g_ptr_array_add(runs, new_run("b", "7"));
	add(runs->pdata[0], "s/one", VERDICT_PASS, 1);
	add(runs->pdata[1], "s/two", VERDICT_FAIL, 1);
	g_assert_true(compare_merge(folder, runs, &error));
	merged = run_load(folder, &error);
	g_assert_no_error(error);
	g_assert_cmpuint(merged->results->len, ==, 2);
	g_assert_cmpuint(((struct result *)merged->results->pdata[1])->number, ==, 2);
	g_assert_cmpuint(merged->counts[VERDICT_FAIL], ==, 1);
	g_assert_cmpint(integer_of(merged, "planned"), ==, 2);
	g_assert_cmpuint(lacks_of(merged), ==, 0);
	/* Two kernels in one column would be a lie. */
	other = new_run("c", "6.12");
	g_ptr_array_add(runs, other);
	remove_run(folder);
	g_assert_false(compare_merge(folder, runs, &error));
	g_assert_error(error, RUNNER_ERROR, RUNNER_ERROR_USAGE);
	g_rmdir(work);
}

/* What a part lacks the whole lacks, and says of which part. */
static void merge_lacks(void)
{
	g_autofree char *work = g_dir_make_tmp("iommut-compare-XXXXXX", NULL);
	g_autofree char *folder = g_build_filename(work, "merged", NULL);
	g_autoptr(GPtrArray) runs = g_ptr_array_new_with_free_func((GDestroyNotify)run_free);
	g_autoptr(GPtrArray) lacks = NULL;
	g_autoptr(GError) error = NULL;
	g_autoptr(test_run) merged = NULL;
	struct run *second;

	for (guint i = 0; i < 3; i++) {
		g_autofree char *name = g_strdup_printf("part%u", i);

		g_ptr_array_add(runs, new_run(name, "7"));
		add(runs->pdata[i], name, VERDICT_PASS, 1);
	}
	second = runs->pdata[1];
	set_text(second, "started", "2026-01-02T03:04:04Z");
	json_object_del(second->info, "finished");
	set_text(runs->pdata[2], "finished", "2026-01-02T04:00:00Z");
	json_object_set_new(machine_of(runs->pdata[2]), "error", json_string("it died"));
	g_assert_true(compare_merge(folder, runs, &error));
	merged = run_load(folder, &error);
	g_assert_no_error(error);
	g_assert_cmpuint(merged->counts[VERDICT_PASS], ==, 3);
	g_assert_cmpint(run_status(merged), ==, EXIT_STATUS_TROUBLE);
	g_assert_cmpstr(json_string_value(json_object_get(merged->info, "started")), ==,
			"2026-01-02T03:04:04Z");
	g_assert_cmpstr(json_string_value(json_object_get(merged->info, "finished")), ==,
			"2026-01-02T04:00:00Z");
	lacks = run_lacks(merged);
	g_assert_cmpuint(lacks->len, ==, 2);
	g_assert_cmpstr(((struct result *)lacks->pdata[0])->reason, ==, "p: it died");
	g_assert_cmpstr(((struct result *)lacks->pdata[1])->reason, ==,
			"stopped early: part1: its runner died before it was at its end");
	remove_run(folder);
	g_rmdir(work);
}

/* A run whose cases all passed, as far as they ran, is no good run. */
static void not_whole(void)
{
	struct run *before = new_run("a", "7"), *after = new_run("b", "7");
	g_autoptr(GString) text = g_string_new(NULL);

	add(before, "s/one", VERDICT_PASS, 1000);
	add(after, "s/one", VERDICT_PASS, 1000);
	g_assert_cmpint(run_status(after), ==, EXIT_STATUS_GOOD);
	json_object_del(after->info, "finished");
	g_assert_cmpint(run_status(after), ==, EXIT_STATUS_TROUBLE);
	/* It is not at its end yet. */
	after->live = TRUE;
	g_assert_cmpint(run_status(after), ==, EXIT_STATUS_GOOD);
	set_text(after, "stopped", "by a signal");
	set_text(after, "finished", "2026-01-02T03:05:00Z");
	g_assert_cmpint(run_status(after), ==, EXIT_STATUS_TROUBLE);
	g_assert_cmpuint(compare_diff(before, after, FALSE, text), ==, 0);
	g_assert_nonnull(strstr(text->str, "the second run is not whole:\n"
					   "  stopped early: by a signal\n"));
	add(after, "s/two", VERDICT_FAIL, 1000);
	g_assert_cmpint(run_status(after), ==, EXIT_STATUS_FAILURES);
	run_free(before);
	run_free(after);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/compare/diff", diff);
	g_test_add_func("/compare/repeats", repeats);
	g_test_add_func("/compare/rates", rates);
	g_test_add_func("/compare/figures", figures);
	g_test_add_func("/compare/figures-once", figures_once);
	g_test_add_func("/compare/figures-virtual", virtual_figures);
	g_test_add_func("/compare/figures-hostile", hostile_figures);
	g_test_add_func("/compare/figures-many", many_figures);
	g_test_add_func("/compare/environments", environments);
	g_test_add_func("/compare/history", history);
	g_test_add_func("/compare/merge", merge);
	g_test_add_func("/compare/merge-lacks", merge_lacks);
	g_test_add_func("/compare/not-whole", not_whole);
	return g_test_run();
}
