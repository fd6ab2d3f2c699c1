// SPDX-License-Identifier: GPL-2.0-or-later
/* What is made ready for cases is there while they run, and undone after them, whatever ends the run. */
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/runner/e2e/support.h"

#define COUNT "/proc/sys/vm/nr_hugepages"

static guint hugepages(void)
{
	g_autofree char *text = NULL;

	g_assert_true(g_file_get_contents(COUNT, &text, NULL, NULL));
	return (guint)g_ascii_strtoull(text, NULL, 10);
}

static gboolean can_reserve(void)
{
	if (access(COUNT, W_OK) == 0)
		return TRUE;
	g_test_skip("huge pages can only be reserved by root");
	return FALSE;
}

/* What a case of the run counted. */
static guint counted(const struct run *run, const char *id)
{
	const char *at = strstr(result_of(run, id)->details, "hugepages: ");

	g_assert_nonnull(at);
	return (guint)g_ascii_strtoull(at + strlen("hugepages: "), NULL, 10);
}

static test_run *ran(int code, const char *fixtures, const char *cases)
{
	g_autofree char *folder = new_folder();
	struct outcome outcome =
		iommut("run -q --suites %s -o %s %s %s", suites, folder, fixtures, cases);
	test_run *run;

	if (outcome.code != code)
		g_test_message("%s%s", outcome.out, outcome.err);
	g_assert_cmpint(outcome.code, ==, code);
	clear(&outcome);
	run = load(folder);
	remove_tree(folder);
	return run;
}

static void test_scopes(void)
{
	static const char *const fixtures[] = {
		"--fixture hugepages=3",
		"--fixture run:hugepages=3",
		"--fixture suite:hugepages=3",
		"--fixture case:hugepages=3",
		"--fixture case:hugepages=3 --fixture suite:hugepages=2 --fixture hugepages=1",
		"--fixture hugepages=3 -j 4",
		"--fixture case:hugepages=3 -j 4",
	};
	guint before;

	if (!can_reserve())
		return;
	before = hugepages();
	for (gsize i = 0; i < G_N_ELEMENTS(fixtures); i++) {
		g_autoptr(test_run) run =
			ran(0, fixtures[i], "fake/counts_hugepages* fake/passes*");

		g_assert_cmpuint(counted(run, "fake/counts_hugepages[turn=1]"), >=, 3);
		g_assert_cmpuint(counted(run, "fake/counts_hugepages[turn=2]"), >=, 3);
		g_assert_cmpuint(hugepages(), ==, before);
	}
}

/* The agent died under a case: what it had made ready is made anew for the next ones. */
static void test_lost_agent(void)
{
	g_autoptr(test_run) run = NULL;
	guint before;

	if (!can_reserve())
		return;
	before = hugepages();
	run = ran(1, "--fixture hugepages=3", "fake/kills_the_agent fake/counts_hugepages*");
	g_assert_cmpint(result_of(run, "fake/kills_the_agent")->verdict, ==, VERDICT_CRASH);
	g_assert_cmpuint(counted(run, "fake/counts_hugepages[turn=2]"), >=, 3);
	g_assert_cmpuint(hugepages(), ==, before);
}

static void test_not_possible(void)
{
	g_autoptr(test_run) all = ran(3, "--fixture hugepages=1x3G", "fake/passes*");
	g_autoptr(test_run) each = ran(3, "--fixture case:module=no_such_module", "fake/passes*");
	const struct result *result = each->results->pdata[2];
	struct outcome outcome = iommut("run --suites %s --fixture week:hugepages=1", suites);

	/* What all cases need ends the run, and no case is blamed for the others. */
	g_assert_cmpuint(all->results->len, ==, 1);
	g_assert_nonnull(strstr(((struct result *)all->results->pdata[0])->reason,
				"no huge pages of that size"));
	g_assert_cmpuint(each->results->len, ==, 3);
	g_assert_cmpint(result->verdict, ==, VERDICT_ERROR);
	g_assert_nonnull(strstr(result->reason, "case:module=no_such_module"));
	g_assert_cmpint(outcome.code, ==, 2);
	g_assert_nonnull(strstr(outcome.err, "week:hugepages=1"));
	clear(&outcome);
}

/* A process that any thread of @parent has started; 0 if there is none. */
static pid_t child_of(pid_t parent)
{
	g_autofree char *tasks = g_strdup_printf("/proc/%d/task", parent);
	g_autoptr(GDir) dir = g_dir_open(tasks, 0, NULL);
	const char *task;

	while (dir && (task = g_dir_read_name(dir))) {
		g_autofree char *path = g_build_filename(tasks, task, "children", NULL);
		g_autofree char *text = NULL;

		if (g_file_get_contents(path, &text, NULL, NULL) && *text)
			return (pid_t)g_ascii_strtoll(text, NULL, 10);
	}
	return 0;
}

static void wait_for(guint pages)
{
	gint64 deadline = g_get_monotonic_time() + DEADLINE_S * G_USEC_PER_SEC;

	while (hugepages() != pages) {
		g_assert_cmpint(g_get_monotonic_time(), <, deadline);
		g_usleep(2000);
	}
}

static void wait_for_begin(const char *folder)
{
	g_autofree char *path = g_build_filename(folder, "results.jsonl", NULL);
	gint64 deadline = g_get_monotonic_time() + DEADLINE_S * G_USEC_PER_SEC;

	for (;;) {
		g_autofree char *text = NULL;

		if (g_file_get_contents(path, &text, NULL, NULL) && strstr(text, "\"begin\""))
			return;
		g_assert_cmpint(g_get_monotonic_time(), <, deadline);
		g_usleep(2000);
	}
}

/* A run that has three more pages than before and hangs. */
static GPid start_hanging(const char *folder, guint before)
{
	char *words[] = { (char *)program,
			  "run",
			  "-q",
			  "--suites",
			  (char *)suites,
			  "-o",
			  (char *)folder,
			  "--timeout-factor",
			  (char *)"500",
			  "--fixture",
			  "hugepages=3",
			  "fake/hangs",
			  NULL };
	GPid pid;

	g_assert_true(g_spawn_async(NULL, words, NULL,
				    G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_STDOUT_TO_DEV_NULL |
					    G_SPAWN_STDERR_TO_DEV_NULL,
				    NULL, NULL, &pid, NULL));
	wait_for_begin(folder);
	g_assert_cmpuint(hugepages(), ==, before + 3);
	return pid;
}

enum victim { RUNNER, KEEPER, WORKER };

/* Whoever is killed, somebody is left who gives back. */
static void kill_one(enum victim victim)
{
	g_autofree char *folder = NULL;
	pid_t keeper, worker;
	guint before;
	GPid pid;
	int status;

	if (!can_reserve())
		return;
	folder = new_folder();
	before = hugepages();
	pid = start_hanging(folder, before);
	keeper = child_of(pid);
	worker = child_of(keeper);
	g_assert_cmpint(keeper, >, 0);
	g_assert_cmpint(worker, >, 0);
	kill(victim == RUNNER ? pid : victim == KEEPER ? keeper : worker, SIGKILL);
	wait_for(before);
	g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
	if (victim == RUNNER)
		g_assert_true(WIFSIGNALED(status));
	else
		g_assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
	remove_tree(folder);
}

static void test_runner_killed(void)
{
	kill_one(RUNNER);
}

static void test_keeper_killed(void)
{
	kill_one(KEEPER);
}

static void test_worker_killed(void)
{
	kill_one(WORKER);
}

int main(int argc, char **argv)
{
	static const struct support_test tests[] = {
		{ "/fixtures/scopes", test_scopes },
		{ "/fixtures/lost-agent", test_lost_agent },
		{ "/fixtures/not-possible", test_not_possible },
		{ "/fixtures/runner-killed", test_runner_killed },
		{ "/fixtures/keeper-killed", test_keeper_killed },
		{ "/fixtures/worker-killed", test_worker_killed },
	};

	support_init(&argc, &argv);
	return support_run(tests, G_N_ELEMENTS(tests));
}
