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

static void set_boot(const char *folder, const char *boot)
{
	g_autofree char *path = g_build_filename(folder, "run.json", NULL);
	json_t *info = json_load_file(path, 0, NULL);

	g_assert_nonnull(json_object_get(info, "boot_id"));
	json_object_set_new(info, "boot_id", json_string(boot));
	g_assert_cmpint(json_dump_file(info, path, 0), ==, 0);
	json_decref(info);
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

int main(int argc, char **argv)
{
	static const struct support_test tests[] = {
		{ "/resume/runner", test_runner },
		{ "/resume/machine", test_machine },
		{ "/resume/nothing-left", test_nothing_left },
		{ "/resume/of-nothing", test_of_nothing },
	};

	support_init(&argc, &argv);
	return support_run(tests, G_N_ELEMENTS(tests));
}
