// SPDX-License-Identifier: GPL-2.0-or-later
/* Each option that chooses, orders or ends a run, on a suite that behaves in every way. */
#include <string.h>

#include "tests/runner/e2e/support.h"

#define FIRST "fake/passes"
#define ALL   "fake/passes\nfake/passes[size=2]\nfake/passes[size=3]\n"

/* What "iommut list" says to these words. */
static char *listed(const char *words)
{
	struct outcome outcome = iommut("list --suites %s %s", suites, words);

	if (outcome.code)
		g_test_message("%s%s", outcome.out, outcome.err);
	g_assert_cmpint(outcome.code, ==, 0);
	g_free(outcome.err);
	return outcome.out;
}

static void expect_list(const char *words, const char *ids)
{
	g_autofree char *list = listed(words);

	g_assert_cmpstr(list, ==, ids);
}

static void expect_usage(const char *words, const char *in_error)
{
	struct outcome outcome = iommut("list --suites %s %s", suites, words);

	g_assert_cmpint(outcome.code, ==, 2);
	if (!strstr(outcome.err, in_error))
		g_test_message("%s", outcome.err);
	g_assert_nonnull(strstr(outcome.err, in_error));
	clear(&outcome);
}

/* Runs and loads what came of it; the folder is removed. */
static test_run *ran(int code, const char *words)
{
	g_autofree char *folder = new_folder();
	struct outcome outcome = iommut("run -q --suites %s -o %s %s", suites, folder, words);
	test_run *run;

	if (outcome.code != code)
		g_test_message("%s%s", outcome.out, outcome.err);
	g_assert_cmpint(outcome.code, ==, code);
	clear(&outcome);
	run = load(folder);
	remove_tree(folder);
	return run;
}

/* The IDs of a run in the order they ended, each with a newline. */
static char *ids_of(const struct run *run)
{
	GString *ids = g_string_new(NULL);

	for (guint i = 0; i < run->results->len; i++)
		g_string_append_printf(ids, "%s\n", ((struct result *)run->results->pdata[i])->id);
	return g_string_free(ids, FALSE);
}

static void test_patterns(void)
{
	expect_list("fake/passes", "fake/passes\n");
	expect_list("fake/passes*", ALL);
	expect_list("f*/passes*", ALL);
	expect_list("fake/passes[*] fake/skips",
		    "fake/passes[size=2]\nfake/passes[size=3]\nfake/skips\n");
	expect_usage("fake/pases", "no case here is fake/pases");
	expect_usage("nosuch", "no case here is nosuch");
	expect_usage("-b vfio", "--backend is type1, compat or iommufd, not: vfio");
}

static void test_words(void)
{
	expect_list("-k size", "fake/passes[size=2]\nfake/passes[size=3]\n");
	expect_list("-k SIZE=3", "fake/passes[size=3]\n");
	expect_list("fake/passes* -k 2", "fake/passes[size=2]\n");
	expect_usage("-k (", "(");
}

static void test_marks(void)
{
	expect_list("-m smoke", ALL);
	expect_list("-m destructive", "fake/only_when_asked\n");
}

static void test_params(void)
{
	expect_list("fake/passes* --param size=1,3", "fake/passes\nfake/passes[size=3]\n");
	/* A case without the parameter stays. */
	expect_list("fake/passes* fake/skips --param size=2", "fake/passes[size=2]\nfake/skips\n");
	expect_usage("--param colour=red", "no case has a parameter colour");
	expect_usage("--param size", "--param is NAME=VALUE");
	expect_usage("--param size=2,7", "no case has size=7");
	expect_usage("--param size=", "--param is NAME=VALUE");
}

static void test_deselect(void)
{
	expect_list("fake/passes* --deselect fake/passes[size=2]",
		    "fake/passes\nfake/passes[size=3]\n");
	expect_list("fake/passes* fake/skips --deselect fake/passes*", "fake/skips\n");
}

static void test_shuffle(void)
{
	g_autofree char *plain = listed("fake");
	g_autofree char *one = NULL, *again = NULL, *other = NULL, *by_seed = NULL, *by_list = NULL;
	struct outcome outcome = iommut("run --suites %s --dry-run --shuffle=1 fake", suites);

	one = g_strdup(outcome.out);
	clear(&outcome);
	outcome = iommut("run --suites %s --dry-run --shuffle=1 --seed 9 fake", suites);
	again = g_strdup(outcome.out);
	clear(&outcome);
	outcome = iommut("run --suites %s --dry-run --shuffle=2 fake", suites);
	other = g_strdup(outcome.out);
	clear(&outcome);
	outcome = iommut("run --suites %s --dry-run --shuffle --seed 1 fake", suites);
	by_seed = g_strdup(outcome.out);
	clear(&outcome);
	g_assert_cmpstr(one, ==, again);
	g_assert_cmpstr(one, ==, by_seed);
	g_assert_cmpstr(one, !=, other);
	g_assert_cmpstr(one, !=, plain);
	g_assert_cmpuint(strlen(one), ==, strlen(plain));
	by_list = listed("fake --shuffle=1");
	g_assert_cmpstr(one, ==, by_list);
	outcome = iommut("run --suites %s --dry-run --shuffle=x fake", suites);
	g_assert_cmpint(outcome.code, ==, 2);
	clear(&outcome);
}

/* What is listed can be saved as a plan, and listed again from it. */
static void test_plan_of_list(void)
{
	g_autofree char *folder = new_folder();
	g_autofree char *plan = g_build_filename(folder, "plan", NULL);
	g_autofree char *words = g_strdup_printf("--shuffle=5 --plan-out %s fake", plan);
	g_autofree char *again = g_strdup_printf("--plan %s", plan);
	g_autofree char *list = listed(words), *text = NULL;

	g_assert_true(g_file_get_contents(plan, &text, NULL, NULL));
	g_assert_cmpstr(text, ==, list);
	expect_list(again, list);
	expect_usage("--plan-out /nonexistent/plan fake", "cannot write /nonexistent/plan");
	remove_tree(folder);
}

static void test_repeat(void)
{
	g_autoptr(test_run) run = ran(0, "--repeat 3 fake/passes fake/skips");
	g_autofree char *ids = ids_of(run);

	g_assert_cmpstr(
		ids, ==,
		"fake/passes\nfake/skips\nfake/passes\nfake/skips\nfake/passes\nfake/skips\n");
	g_assert_cmpuint(((struct result *)run->results->pdata[4])->attempt, ==, 3);
}

static void test_max_fail(void)
{
	g_autoptr(test_run) run = ran(
		1, "--max-fail 2 fake/fails fake/skips fake/aborts fake/says_nothing fake/passes");
	g_autofree char *ids = ids_of(run);

	g_assert_cmpstr(ids, ==, "fake/passes\nfake/fails\nfake/skips\nfake/aborts\n");
	g_assert_cmpstr(json_string_value(json_object_get(run->info, "stopped")), ==,
			"at the limit of failures");
}

/* The limit is reached by the last case: nothing was left out. */
static void test_max_fail_at_the_end(void)
{
	g_autoptr(test_run) run = ran(1, "-x fake/passes fake/fails");

	g_assert_cmpuint(run->results->len, ==, 2);
	g_assert_null(json_object_get(run->info, "stopped"));
}

static void test_dry_run(void)
{
	struct outcome outcome = iommut("run --suites %s --dry-run fake/passes*", suites);

	g_assert_cmpint(outcome.code, ==, 0);
	g_assert_cmpstr(outcome.out, ==, ALL);
	clear(&outcome);
}

/* A run whose folder stays until the end of the test. */
static test_run *kept(int code, char **folder, const char *words)
{
	struct outcome outcome;

	*folder = new_folder();
	outcome = iommut("run -q --suites %s -o %s %s", suites, *folder, words);
	g_assert_cmpint(outcome.code, ==, code);
	clear(&outcome);
	return load(*folder);
}

static void test_last_run(void)
{
	g_autofree char *folder = NULL;
	g_autoptr(test_run) before = kept(1, &folder, "fake/passes fake/fails fake/skips");
	g_autofree char *first = NULL;
	struct outcome outcome;

	expect_list("--last-failed", "fake/fails\n");
	outcome =
		iommut("run --suites %s --dry-run --failed-first fake/passes fake/skips fake/fails",
		       suites);
	g_assert_cmpstr(outcome.out, ==, "fake/fails\nfake/passes\nfake/skips\n");
	clear(&outcome);
	outcome = iommut("run --suites %s --dry-run --new-first fake/passes* fake/skips", suites);
	g_assert_cmpstr(outcome.out, ==,
			"fake/passes[size=2]\nfake/passes[size=3]\nfake/passes\nfake/skips\n");
	clear(&outcome);
	outcome =
		iommut("run --suites %s --dry-run --failed-first --repeat 2 fake/skips fake/fails",
		       suites);
	g_assert_cmpstr(outcome.out, ==, "fake/fails\nfake/fails\nfake/skips\nfake/skips\n");
	clear(&outcome);
	remove_tree(folder);
	expect_usage("--last-failed", "no run directory");
}

/* Stopped in the middle, a run of what had failed goes on with that, and not with what failed in itself. */
static void test_resume_of_last_failed(void)
{
	g_autofree char *first = NULL, *second = NULL;
	g_autoptr(test_run) before = kept(1, &first, "fake/fails fake/aborts fake/passes");
	g_autoptr(test_run) stopped = kept(1, &second, "--last-failed -x");
	struct outcome outcome = iommut("resume %s", second);
	g_autoptr(test_run) whole = load(second);
	g_autofree char *ids = ids_of(whole);

	g_assert_cmpint(outcome.code, ==, 1);
	g_assert_cmpuint(stopped->results->len, ==, 1);
	g_assert_cmpstr(ids, ==, "fake/fails\nfake/aborts\n");
	clear(&outcome);
	remove_tree(first);
	remove_tree(second);
}

static guint lines_in(const char *text)
{
	guint count = 0;

	for (; *text; text++)
		count += *text == '\n';
	return count;
}

/* Parts of equal time: the one case that takes as long as all others has a part of its own. */
static void test_balance(void)
{
	g_autofree char *folder = NULL;
	g_autoptr(test_run) run = kept(1, &folder, "--repeat 2 fake/passes* fake/skips fake/hangs");
	g_autofree char *words =
		g_strdup_printf("--balance %s fake/passes* fake/skips fake/hangs", folder);
	g_autofree char *one = g_strdup_printf("--shard 1/2 %s", words);
	g_autofree char *two = g_strdup_printf("--shard 2/2 %s", words);
	g_autofree char *few =
		g_strdup_printf("--shard 2/2 --balance %s fake/passes fake/skips", folder);

	expect_list(one, "fake/hangs\n");
	expect_list(two, ALL "fake/skips\n");
	/* What else is chosen does not move a case. */
	expect_list(few, "fake/passes\nfake/skips\n");
	expect_usage("--balance /nonexistent --shard 1/2", "/nonexistent");
	expect_usage("--balance /nonexistent", "--balance is about the parts of --shard");
	remove_tree(folder);
}

static void test_slurm(void)
{
	g_autofree char *all = listed("fake");
	guint sum = 0;

	expect_usage("--shard slurm", "Slurm job array");
	g_setenv("SLURM_ARRAY_TASK_MIN", "10", TRUE);
	g_setenv("SLURM_ARRAY_TASK_COUNT", "3", TRUE);
	g_setenv("SLURM_ARRAY_TASK_STEP", "2", TRUE);
	for (int task = 10; task <= 14; task += 2) {
		g_autofree char *number = g_strdup_printf("%d", task);
		g_autofree char *words = g_strdup_printf("--shard %d/3 fake", (task - 10) / 2 + 1);
		g_autofree char *expected = listed(words), *seen = NULL;

		g_setenv("SLURM_ARRAY_TASK_ID", number, TRUE);
		seen = listed("--shard slurm fake");
		g_assert_cmpstr(seen, ==, expected);
		sum += lines_in(seen);
	}
	g_assert_cmpuint(sum, ==, lines_in(all));
	g_setenv("SLURM_ARRAY_TASK_ID", "16", TRUE);
	expect_usage("--shard slurm", "Slurm job array");
	g_unsetenv("SLURM_ARRAY_TASK_ID");
}

static const char *why_ended(const struct run *run, const char *machine)
{
	const json_t *machines = json_object_get(run->info, "machines");
	const char *why =
		json_string_value(json_object_get(json_object_get(machines, machine), "error"));

	return why ? why : "";
}

static void test_abort_on_loss(void)
{
	g_autoptr(test_run) run = ran(1, "--abort-on lost=2 --repeat 3 fake/kills_the_agent");

	g_assert_cmpuint(run->results->len, ==, 2);
	g_assert_nonnull(strstr(why_ended(run, "local"), "lost 2 times: 1 cases did not run"));
}

/* What is expected to fail does not count as a failure, where it is expected; when it passes, somebody should know. */
static void test_known_issues(void)
{
	g_autofree char *folder = new_folder();
	g_autofree char *file = g_build_filename(folder, "known.conf", NULL);
	g_autofree char *words = g_strdup_printf("--known-issues %s fake/fails fake/aborts", file);
	g_autofree char *all = g_strdup_printf("%s fake/passes", words);
	const char *text =
		"[a]\ncase=fake/fails;fake/passes\niommu=none;local\n"
		"reason=it is made so\nlink=https://example.org/1\n"
		"[b]\ncase=fake/aborts\nverdict=crash\nkernel=>=1.0\nreason=so is this\n";
	const char *elsewhere = "[a]\ncase=fake/fails\nkernel=<1.0\nreason=long ago\n"
				"[b]\ncase=fake/aborts\niommu=amd\nverdict=crash\nreason=there\n";
	g_autoptr(test_run) expected = NULL;
	g_autoptr(test_run) passed = NULL;
	g_autoptr(test_run) unknown = NULL;

	g_assert_true(g_file_set_contents(file, text, -1, NULL));
	expected = ran(0, words);
	g_assert_cmpuint(expected->counts[VERDICT_XFAIL], ==, 2);
	g_assert_cmpstr(result_of(expected, "fake/fails")->known, ==,
			"a: it is made so (https://example.org/1)");
	passed = ran(1, all);
	g_assert_cmpint(result_of(passed, "fake/passes")->verdict, ==, VERDICT_XPASS);
	g_assert_true(g_file_set_contents(file, elsewhere, -1, NULL));
	unknown = ran(1, words);
	g_assert_cmpint(result_of(unknown, "fake/fails")->verdict, ==, VERDICT_FAIL);
	g_assert_cmpint(result_of(unknown, "fake/aborts")->verdict, ==, VERDICT_CRASH);
	remove_tree(folder);
}

/* The command line wins over files, and what is in force is told with its place. */
static void test_settings(void)
{
	g_autofree char *folder = new_folder();
	g_autofree char *path = g_build_filename(folder, "iommut.conf", NULL);
	g_autofree char *text = g_strdup_printf("[list]\nsuites=%s\nparam=size=3\nwords=size\n"
						"[run]\nrepeat=2\nquiet=true\nabort-on=taint\n"
						"shuffle=7\n",
						suites);
	struct outcome outcome;

	g_assert_true(g_file_set_contents(path, text, -1, NULL));
	g_setenv("IOMMUT_CONFIG", path, TRUE);
	outcome = iommut("list fake/passes*");
	g_assert_cmpstr(outcome.out, ==, "fake/passes[size=3]\n");
	clear(&outcome);
	outcome = iommut("list fake/passes* --param size=2");
	g_assert_cmpstr(outcome.out, ==, "fake/passes[size=2]\n");
	clear(&outcome);
	outcome = iommut("config");
	g_assert_cmpint(outcome.code, ==, 0);
	g_assert_nonnull(strstr(outcome.out, "list     param            size=3"));
	g_assert_nonnull(strstr(outcome.out, "run      abort-on         taint"));
	g_assert_nonnull(strstr(outcome.out, path));
	clear(&outcome);
	outcome = iommut("run --dry-run --suites %s --repeat 1 fake/passes", suites);
	g_assert_cmpstr(outcome.out, ==, "fake/passes\n");
	clear(&outcome);
	g_assert_true(g_file_set_contents(path, "[list]\nwurds=size\n", -1, NULL));
	outcome = iommut("list --suites %s", suites);
	g_assert_cmpint(outcome.code, ==, 2);
	g_assert_nonnull(strstr(outcome.err, "wurds"));
	clear(&outcome);
	/* What a file has in it does not move the cursor of who reads the error. */
	g_assert_true(g_file_set_contents(path, "[li\x1b[2Jst]\n", -1, NULL));
	outcome = iommut("list --suites %s", suites);
	g_assert_cmpint(outcome.code, ==, 2);
	g_assert_nonnull(strstr(outcome.err, "\\x1b[2J"));
	g_assert_null(strchr(outcome.err, '\x1b'));
	clear(&outcome);
	g_setenv("IOMMUT_CONFIG", "", TRUE);
	remove_tree(folder);
}

int main(int argc, char **argv)
{
	static const struct support_test tests[] = {
		{ "/options/patterns", test_patterns },
		{ "/options/words", test_words },
		{ "/options/marks", test_marks },
		{ "/options/params", test_params },
		{ "/options/deselect", test_deselect },
		{ "/options/shuffle", test_shuffle },
		{ "/options/plan-of-list", test_plan_of_list },
		{ "/options/repeat", test_repeat },
		{ "/options/max-fail", test_max_fail },
		{ "/options/max-fail-at-the-end", test_max_fail_at_the_end },
		{ "/options/dry-run", test_dry_run },
		{ "/options/last-run", test_last_run },
		{ "/options/resume-of-last-failed", test_resume_of_last_failed },
		{ "/options/balance", test_balance },
		{ "/options/slurm", test_slurm },
		{ "/options/abort-on-loss", test_abort_on_loss },
		{ "/options/known-issues", test_known_issues },
		{ "/options/settings", test_settings },
	};

	support_init(&argc, &argv);
	return support_run(tests, G_N_ELEMENTS(tests));
}
