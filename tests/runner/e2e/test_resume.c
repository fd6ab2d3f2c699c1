// SPDX-License-Identifier: GPL-2.0-or-later
/* Runs that go on after they were cut off; test_kills.c cuts them off in earnest. */
#include <string.h>

#include "tests/runner/e2e/support.h"

/* A run of three cases that was cut off in the last of them. */
static char *cut_off_run(void)
{
	char *folder = new_folder();
	struct outcome outcome =
		iommut("run -q --suites %s -o %s --seed 5 fake/passes fake/fails fake/skips",
		       suites, folder);
	g_autofree char *path = g_build_filename(folder, "results.jsonl", NULL);
	g_autofree char *text = NULL;
	char *last;

	g_assert_cmpint(outcome.code, ==, 1);
	clear(&outcome);
	g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
	last = strstr(text, "{\"type\":\"result\",\"number\":3");
	g_assert_nonnull(last);
	/* Half of a line is there. */
	last[20] = '\0';
	g_assert_true(g_file_set_contents(path, text, -1, NULL));
	return folder;
}

static json_t *load_info(const char *folder)
{
	g_autofree char *path = g_build_filename(folder, "run.json", NULL);
	json_t *info = json_load_file(path, 0, NULL);

	g_assert_nonnull(info);
	return info;
}

static void save_info(const char *folder, json_t *info)
{
	g_autofree char *path = g_build_filename(folder, "run.json", NULL);

	g_assert_cmpint(json_dump_file(info, path, 0), ==, 0);
	json_decref(info);
}

static void set_boot(const char *folder, const char *boot)
{
	json_t *info = load_info(folder);

	g_assert_nonnull(json_object_get(info, "boot_id"));
	json_object_set_new(info, "boot_id", json_string(boot));
	save_info(folder, info);
}

/* As if the runner had been killed before its end, and a machine had been in trouble. */
static void unfinish(const char *folder)
{
	json_t *info = load_info(folder);
	json_t *machine = json_object_get(json_object_get(info, "machines"), "local");

	g_assert_nonnull(machine);
	g_assert_cmpint(json_object_del(info, "finished"), ==, 0);
	json_object_set_new(machine, "error", json_string("it is in trouble"));
	save_info(folder, info);
}

static void expect_report(const char *folder, const char *format, int code, const char *text)
{
	struct outcome outcome = iommut("report -f %s %s", format, folder);

	g_assert_cmpint(outcome.code, ==, code);
	if (!strstr(outcome.out, text))
		g_error("no \"%s\" in %s", text, outcome.out);
	clear(&outcome);
}

static test_run *resumed(const char *folder, int code)
{
	struct outcome outcome = iommut("resume %s", folder);
	test_run *run;

	if (outcome.code != code)
		g_test_message("%s%s", outcome.out, outcome.err);
	g_assert_cmpint(outcome.code, ==, code);
	clear(&outcome);
	run = load(folder);
	g_assert_cmpuint(run->in_flight->len, ==, 0);
	g_assert_null(run->notes);
	return run;
}

/* The runner was cut off: the case that ran runs again, and only that. */
static void test_runner(void)
{
	g_autofree char *folder = cut_off_run();
	g_autoptr(test_run) cut = load(folder);
	g_autoptr(test_run) whole = NULL;

	g_assert_cmpuint(cut->results->len, ==, 2);
	g_assert_cmpuint(cut->in_flight->len, ==, 1);
	g_assert_nonnull(cut->notes);
	whole = resumed(folder, 1);
	g_assert_cmpuint(whole->results->len, ==, 3);
	g_assert_cmpint(result_of(whole, "fake/skips")->verdict, ==, VERDICT_SKIP);
	g_assert_cmpuint(result_of(whole, "fake/skips")->number, ==, 4);
	g_assert_cmpuint(result_of(whole, "fake/passes")->seed, ==, 5);
	g_assert_cmpuint(result_of(whole, "fake/skips")->seed, ==, 5);
	remove_tree(folder);
}

/* The machine under test was cut off, as when its power fails: the case that it died under must not kill it again. */
static void test_machine(void)
{
	g_autofree char *folder = cut_off_run();
	g_autoptr(test_run) whole = NULL;
	const struct result *result;

	set_boot(folder, "another");
	whole = resumed(folder, 1);
	g_assert_cmpuint(whole->results->len, ==, 3);
	result = result_of(whole, "fake/skips");
	g_assert_cmpint(result->verdict, ==, VERDICT_CRASH);
	g_assert_nonnull(strstr(result->reason, "the machine died while it ran"));
	/* From now on it is another life of the machine. */
	run_free(g_steal_pointer(&whole));
	whole = resumed(folder, 1);
	g_assert_cmpuint(whole->results->len, ==, 3);
	remove_tree(folder);
}

/* What has ended is not run again. */
static void test_nothing_left(void)
{
	g_autofree char *folder = new_folder();
	struct outcome outcome =
		iommut("run -q --suites %s -o %s fake/passes fake/fails", suites, folder);
	g_autoptr(test_run) run = NULL;

	clear(&outcome);
	run = resumed(folder, 1);
	g_assert_cmpuint(run->results->len, ==, 2);
	remove_tree(folder);
}

static void test_of_nothing(void)
{
	g_autofree char *folder = new_folder();
	struct outcome outcome = iommut("resume %s", folder);

	g_assert_cmpint(outcome.code, ==, 2);
	g_assert_nonnull(strstr(outcome.err, folder));
	clear(&outcome);
	remove_tree(folder);
}

/* Reports that show only what ran would say that all is well. */
static void test_not_whole(void)
{
	static const char died[] = "the runner died before the run was at its end";
	static const char *const formats[] = { "terminal", "ktap",     "tap14",
					       "junit",    "markdown", "html" };
	g_autofree char *folder = new_folder();
	struct outcome outcome =
		iommut("run -q --suites %s -o %s fake/passes fake/skips", suites, folder);
	g_autoptr(test_run) run = NULL;

	g_assert_cmpint(outcome.code, ==, 0);
	clear(&outcome);
	unfinish(folder);
	for (gsize i = 0; i < G_N_ELEMENTS(formats); i++) {
		expect_report(folder, formats[i], 3, died);
		expect_report(folder, formats[i], 3, "local: it is in trouble");
	}
	expect_report(folder, "lava", 3, "TEST_CASE_ID=run_whole RESULT=unknown");
	outcome = iommut("diff %s %s", folder, folder);
	g_assert_cmpint(outcome.code, ==, 3);
	clear(&outcome);
	run = resumed(folder, 0);
	g_assert_cmpuint(run->results->len, ==, 2);
	g_assert_cmpint(json_integer_value(json_object_get(run->info, "planned")), ==, 2);
	expect_report(folder, "terminal", 0, "1 pass 1 skip");
	remove_tree(folder);
}

/* Which of its parts would go on where? */
static void test_merged(void)
{
	g_autofree char *folder = new_folder(), *other = new_folder(), *merged = new_folder();
	struct outcome outcome;

	outcome = iommut("run -q --suites %s -o %s fake/passes", suites, folder);
	clear(&outcome);
	outcome = iommut("run -q --suites %s -o %s fake/skips", suites, other);
	clear(&outcome);
	outcome = iommut("merge %s %s %s", merged, folder, other);
	g_assert_cmpint(outcome.code, ==, 0);
	clear(&outcome);
	expect_report(merged, "terminal", 0, "1 pass 1 skip");
	outcome = iommut("resume %s", merged);
	g_assert_cmpint(outcome.code, ==, 2);
	g_assert_nonnull(strstr(outcome.err, "was made by iommut merge"));
	clear(&outcome);
	remove_tree(merged);
	remove_tree(other);
	remove_tree(folder);
}

int main(int argc, char **argv)
{
	static const struct support_test tests[] = {
		{ "/resume/runner", test_runner },
		{ "/resume/machine", test_machine },
		{ "/resume/nothing-left", test_nothing_left },
		{ "/resume/of-nothing", test_of_nothing },
		{ "/resume/not-whole", test_not_whole },
		{ "/resume/merged", test_merged },
	};

	support_init(&argc, &argv);
	return support_run(tests, G_N_ELEMENTS(tests));
}
