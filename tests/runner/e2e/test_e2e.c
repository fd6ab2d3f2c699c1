// SPDX-License-Identifier: GPL-2.0-or-later
/* The real command, the real agent, and a suite that behaves in every way: argv[1] is iommut, argv[2] the folder of the suite. */
#include <glib.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/runner/e2e/support.h"

static void check_verdict(const char *name, enum verdict verdict, int code, const char *in_reason)
{
	g_autofree char *folder = new_folder();
	g_autofree char *id = g_strdup_printf("fake/%s", name);
	struct outcome outcome = iommut("run --suites %s -o %s %s", suites, folder, id);
	g_autoptr(test_run) run = load(folder);
	const struct result *result = result_of(run, id);

	g_assert_cmpuint(run->results->len, ==, 1);
	g_assert_cmpstr(verdict_name(result->verdict), ==, verdict_name(verdict));
	g_assert_cmpint(outcome.code, ==, code);
	g_assert_nonnull(strstr(result->reason, in_reason));
	if (verdict_is_bad(verdict)) {
		g_assert_nonnull(strstr(outcome.out, id));
		g_assert_nonnull(strstr(outcome.out, "--seed"));
	}
	clear(&outcome);
	remove_tree(folder);
}

static void test_verdicts(void)
{
	check_verdict("passes", VERDICT_PASS, 0, "");
}

static void test_fail(void)
{
	check_verdict("fails", VERDICT_FAIL, 1, "1 == 2");
}

static void test_skip(void)
{
	check_verdict("skips", VERDICT_SKIP, 0, "no such thing");
}

static void test_signal(void)
{
	check_verdict("aborts", VERDICT_CRASH, 1, "signal 6");
}

static void test_silence(void)
{
	check_verdict("says_nothing", VERDICT_CRASH, 1, "without one good result");
}

static void test_contradiction(void)
{
	check_verdict("contradicts_itself", VERDICT_CRASH, 1, "disagree");
}

static void test_wrong_name(void)
{
	check_verdict("names_another", VERDICT_CRASH, 1, "names another case");
}

/* It ignores SIGTERM: the deadline, and two seconds. */
static void test_timeout(void)
{
	gint64 before = g_get_monotonic_time();

	check_verdict("hangs", VERDICT_TIMEOUT, 1, "deadline");
	g_assert_cmpint(g_get_monotonic_time() - before, <, 10 * G_USEC_PER_SEC);
}

static void test_flood(void)
{
	check_verdict("floods", VERDICT_CRASH, 1, "too much");
}

static void test_leak(void)
{
	check_verdict("leaves_a_child", VERDICT_FAIL, 1, "left behind");
}

static void test_stimulus(void)
{
	check_verdict("asks_for_a_stimulus", VERDICT_PASS, 0, "");
}

static void test_escapes(void)
{
	g_autofree char *folder = new_folder();
	struct outcome outcome =
		iommut("run --suites %s -o %s fake/prints_escapes", suites, folder);

	g_assert_cmpint(outcome.code, ==, 1);
	g_assert_null(strchr(outcome.out, '\x1b'));
	g_assert_null(strchr(outcome.out, '\x07'));
	g_assert_null(strchr(outcome.err, '\x1b'));
	g_assert_true(g_utf8_validate(outcome.out, -1, NULL));
	clear(&outcome);
	remove_tree(folder);
}

/* What a case measured gets into its result, and from there into a comparison. */
static void test_figures(void)
{
	g_autofree char *first = new_folder(), *second = new_folder();
	struct outcome outcome =
		iommut("run --suites %s -o %s --seed 1000 fake/measures", suites, first);
	g_autoptr(test_run) run = load(first);
	const struct figure *figure;

	g_assert_cmpint(outcome.code, ==, 0);
	g_assert_cmpuint(result_of(run, "fake/measures")->figures->len, ==, 1);
	figure = &g_array_index(result_of(run, "fake/measures")->figures, struct figure, 0);
	g_assert_cmpstr(figure->name, ==, "seed");
	g_assert_cmpfloat(figure->value, ==, 1000);
	clear(&outcome);
	outcome = iommut("run --suites %s -o %s --seed 2000 fake/measures", suites, second);
	clear(&outcome);
	outcome = iommut("diff %s %s", first, second);
	g_assert_cmpint(outcome.code, ==, 0);
	g_assert_nonnull(strstr(outcome.out, "figures beyond noise:\n"
					     "  local: fake/measures: seed 1000 us -> 2000 us"));
	clear(&outcome);
	remove_tree(first);
	remove_tree(second);
}

/* The machine dies under one case: that one is named, and the rest still runs. */
static void test_lost_machine(void)
{
	g_autofree char *folder = new_folder();
	struct outcome outcome = iommut("run --suites %s -o %s fake/kills_the_agent "
					"fake/fails_with_seed_7 fake/asks_for_a_stimulus",
					suites, folder);
	g_autoptr(test_run) run = load(folder);

	g_assert_cmpint(outcome.code, ==, 1);
	g_assert_cmpuint(run->results->len, ==, 3);
	g_assert_cmpint(result_of(run, "fake/kills_the_agent")->verdict, ==, VERDICT_CRASH);
	g_assert_nonnull(strstr(result_of(run, "fake/kills_the_agent")->reason, "signal 9"));
	g_assert_cmpint(result_of(run, "fake/fails_with_seed_7")->verdict, ==, VERDICT_PASS);
	g_assert_cmpint(result_of(run, "fake/asks_for_a_stimulus")->verdict, ==, VERDICT_PASS);
	clear(&outcome);
	remove_tree(folder);
}

static void test_choosing(void)
{
	struct outcome outcome = iommut("list --suites %s", suites);

	g_assert_cmpint(outcome.code, ==, 0);
	g_assert_nonnull(strstr(outcome.out, "fake/passes\nfake/passes[size=2]\n"));
	g_assert_null(strstr(outcome.out, "only_when_asked"));
	clear(&outcome);
	outcome = iommut("list --suites %s -m destructive", suites);
	g_assert_cmpstr(outcome.out, ==, "fake/only_when_asked\n");
	clear(&outcome);
	outcome = iommut("list --suites %s --param size=2,3 -k size", suites);
	g_assert_cmpstr(outcome.out, ==, "fake/passes[size=2]\nfake/passes[size=3]\n");
	clear(&outcome);
	outcome = iommut("list --suites %s fake/passes[size=3]", suites);
	g_assert_cmpstr(outcome.out, ==, "fake/passes[size=3]\n");
	clear(&outcome);
	outcome = iommut("list --suites %s fake/not_there", suites);
	g_assert_cmpint(outcome.code, ==, 2);
	clear(&outcome);
	outcome = iommut("list --suites %s -k and", suites);
	g_assert_cmpint(outcome.code, ==, 2);
	clear(&outcome);
}

static void test_shards(void)
{
	g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	struct outcome all = iommut("list --suites %s", suites);
	guint count = 0;

	for (int i = 1; i <= 3; i++) {
		struct outcome part = iommut("list --suites %s --shard %d/3", suites, i);
		g_auto(GStrv) lines = g_strsplit(g_strchomp(part.out), "\n", -1);

		for (char **line = lines; *line; line++, count += **lines != '\0')
			g_assert_true(!**line || g_hash_table_add(seen, g_strdup(*line)));
		clear(&part);
	}
	g_strchomp(all.out);
	{
		g_auto(GStrv) lines = g_strsplit(all.out, "\n", -1);

		g_assert_cmpuint(g_strv_length(lines), ==, count);
	}
	clear(&all);
}

static void test_seed(void)
{
	g_autofree char *folder = new_folder(), *second = new_folder();
	struct outcome outcome =
		iommut("run --suites %s -o %s --seed 7 fake/fails_with_seed_7", suites, folder);

	g_assert_cmpint(outcome.code, ==, 1);
	g_assert_nonnull(strstr(outcome.out, "--seed 0x7 "));
	clear(&outcome);
	outcome = iommut("run --suites %s -o %s --seed 8 fake/fails_with_seed_7", suites, second);
	g_assert_cmpint(outcome.code, ==, 0);
	clear(&outcome);
	remove_tree(folder);
	remove_tree(second);
}

static void test_stop_first(void)
{
	g_autofree char *folder = new_folder();
	struct outcome outcome = iommut(
		"run --suites %s -o %s -x fake/fails fake/skips fake/aborts", suites, folder);
	g_autoptr(test_run) run = load(folder);

	g_assert_cmpint(outcome.code, ==, 1);
	g_assert_cmpuint(run->results->len, ==, 1);
	clear(&outcome);
	remove_tree(folder);
}

/* More cases at once than one: each still has its own output and verdict. */
static void test_parallel(void)
{
	g_autofree char *folder = new_folder();
	struct outcome outcome = iommut("run --suites %s -o %s -j 4 --repeat 25 fake/passes* "
					"fake/fails fake/skips",
					suites, folder);
	g_autoptr(test_run) run = load(folder);

	g_assert_cmpint(outcome.code, ==, 1);
	g_assert_cmpuint(run->results->len, ==, 25 * 5);
	g_assert_cmpuint(run->counts[VERDICT_PASS], ==, 25 * 3);
	g_assert_cmpuint(run->counts[VERDICT_FAIL], ==, 25);
	g_assert_cmpuint(run->counts[VERDICT_SKIP], ==, 25);
	clear(&outcome);
	remove_tree(folder);
}

static void test_output_in_the_way(void)
{
	g_autofree char *folder = new_folder();
	g_autofree char *file = g_build_filename(folder, "mine", NULL);
	struct outcome outcome;

	g_assert_true(g_file_set_contents(file, "x", 1, NULL));
	outcome = iommut("run --suites %s -o %s fake/passes", suites, folder);
	g_assert_cmpint(outcome.code, ==, 2);
	g_assert_true(g_file_test(file, G_FILE_TEST_EXISTS));
	clear(&outcome);
	remove_tree(folder);
}

static void on_end(GPid pid, int status, gpointer data)
{
	*(int *)data = status;
}

static gboolean on_deadline(gpointer data)
{
	g_error("the run did not end within %d s", DEADLINE_S);
	return G_SOURCE_REMOVE;
}

/* SIGINT while a case hangs: all that ended is recorded, the case is ended, the exit code says that it was no whole run. */
static gboolean when_it_hangs(gpointer data)
{
	void **both = data;
	g_autofree char *path = g_build_filename(both[0], "results.jsonl", NULL);
	g_autofree char *text = NULL;

	if (!g_file_get_contents(path, &text, NULL, NULL) || !strstr(text, "fake/hangs"))
		return G_SOURCE_CONTINUE;
	/* Twice, as timeout(1) does. */
	kill(*(GPid *)both[1], SIGINT);
	kill(*(GPid *)both[1], SIGINT);
	return G_SOURCE_REMOVE;
}

static void test_interrupt(void)
{
	g_autofree char *folder = new_folder();
	char *words[] = { (char *)program,    "run", "--suites",   (char *)suites, "-o", folder,
			  "--timeout-factor", "500", "fake/skips", "fake/hangs",   NULL };
	g_autoptr(test_run) run = NULL;
	int status = -1;
	guint deadline;
	GPid pid;
	void *both[2] = { folder, &pid };

	g_assert_true(g_spawn_async(NULL, words, NULL,
				    G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_STDOUT_TO_DEV_NULL |
					    G_SPAWN_STDERR_TO_DEV_NULL,
				    NULL, NULL, &pid, NULL));
	g_child_watch_add(pid, on_end, &status);
	deadline = g_timeout_add_seconds(DEADLINE_S, on_deadline, NULL);
	g_timeout_add(10, when_it_hangs, both);
	while (status == -1)
		g_main_context_iteration(NULL, TRUE);
	g_source_remove(deadline);
	g_assert_true(WIFEXITED(status));
	g_assert_cmpint(WEXITSTATUS(status), ==, 3);
	run = load(folder);
	g_assert_cmpint(result_of(run, "fake/skips")->verdict, ==, VERDICT_SKIP);
	g_assert_cmpuint(run->in_flight->len, ==, 0);
	g_assert_nonnull(json_object_get(run->info, "stopped"));
	remove_tree(folder);
}

static void test_plan_file(void)
{
	g_autofree char *folder = new_folder(), *first = NULL, *second = NULL, *plan = NULL;
	g_autofree char *text = NULL, *reversed = NULL;
	g_auto(GStrv) lines = NULL;
	struct outcome outcome;

	plan = g_build_filename(folder, "plan", NULL);
	first = g_build_filename(folder, "first", NULL);
	second = g_build_filename(folder, "second", NULL);
	outcome = iommut("run --suites %s -o %s --plan-out %s fake/passes* fake/skips", suites,
			 first, plan);
	g_assert_cmpint(outcome.code, ==, 0);
	clear(&outcome);
	g_assert_true(g_file_get_contents(plan, &text, NULL, NULL));
	g_assert_cmpstr(text, ==,
			"fake/passes\nfake/passes[size=2]\nfake/passes[size=3]\nfake/skips\n");
	reversed = g_strdup("# mine\nfake/skips\n\nfake/passes[size=3]\nfake/passes\n");
	g_assert_true(g_file_set_contents(plan, reversed, -1, NULL));
	outcome = iommut("list --suites %s --plan %s", suites, plan);
	g_assert_cmpstr(outcome.out, ==, "fake/skips\nfake/passes[size=3]\nfake/passes\n");
	clear(&outcome);
	g_assert_true(g_file_set_contents(plan, "no id\n", -1, NULL));
	outcome = iommut("list --suites %s --plan %s", suites, plan);
	g_assert_cmpint(outcome.code, ==, 2);
	clear(&outcome);
	remove_tree(folder);
}

static void test_until_fail(void)
{
	g_autofree char *folder = new_folder();
	struct outcome outcome = iommut("run --suites %s -o %s --until-fail --seed 3 fake/passes "
					"fake/fails_with_seed_7",
					suites, folder);
	g_autoptr(test_run) run = load(folder);

	/* Each attempt has a seed of its own: the fifth has 7. */
	g_assert_cmpint(outcome.code, ==, 1);
	g_assert_cmpuint(run->results->len, ==, 10);
	g_assert_cmpuint(run->counts[VERDICT_FAIL], ==, 1);
	clear(&outcome);
	remove_tree(folder);
}

int main(int argc, char **argv)
{
	static const struct support_test tests[] = {
		{ "/e2e/pass", test_verdicts },
		{ "/e2e/fail", test_fail },
		{ "/e2e/skip", test_skip },
		{ "/e2e/signal", test_signal },
		{ "/e2e/silence", test_silence },
		{ "/e2e/contradiction", test_contradiction },
		{ "/e2e/wrong-name", test_wrong_name },
		{ "/e2e/timeout", test_timeout },
		{ "/e2e/flood", test_flood },
		{ "/e2e/leak", test_leak },
		{ "/e2e/stimulus", test_stimulus },
		{ "/e2e/escapes", test_escapes },
		{ "/e2e/figures", test_figures },
		{ "/e2e/lost-machine", test_lost_machine },
		{ "/e2e/choosing", test_choosing },
		{ "/e2e/shards", test_shards },
		{ "/e2e/seed", test_seed },
		{ "/e2e/stop-first", test_stop_first },
		{ "/e2e/parallel", test_parallel },
		{ "/e2e/output-in-the-way", test_output_in_the_way },
		{ "/e2e/interrupt", test_interrupt },
		{ "/e2e/plan-file", test_plan_file },
		{ "/e2e/until-fail", test_until_fail },
	};

	support_init(&argc, &argv);
	return support_run(tests, G_N_ELEMENTS(tests));
}
