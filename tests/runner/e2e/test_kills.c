// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The runner, the agent, QEMU and the guest are killed at random points of a run. What was shown is recorded, nothing is left behind,
 * and a resume does what is missing. $IOMMUT_KILLS says how often; --seed repeats the same choices. Without further words it is about
 * this machine and its fake suite; "lab" behind them makes it one about guests.
 */
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/runner/e2e/victim.h"

enum victim {
	RUNNER_KILL,
	RUNNER_TERM,
	RUNNER_INT,
	AGENT_WORKER,
	AGENT_KEEPER,
	CASE_PROCESS,
	QEMU_KILL,
	QEMU_TERM,
	GUEST_PANIC,
	GUEST_RESET,
	GUEST_OFF,
	VICTIMS,
};

static const struct {
	const char *name;
	const char *process; /* whose name in /proc begins so; NULL: not a process of its own */
	const char *command; /* for QEMU's monitor instead */
	int signal;
	gboolean in_lab;
	gboolean here;
} victims[VICTIMS] = {
	[RUNNER_KILL] = { "runner, SIGKILL", "iommut", NULL, SIGKILL, TRUE, TRUE },
	[RUNNER_TERM] = { "runner, SIGTERM", "iommut", NULL, SIGTERM, TRUE, TRUE },
	[RUNNER_INT] = { "runner, SIGINT", "iommut", NULL, SIGINT, TRUE, TRUE },
	[AGENT_WORKER] = { "agent's worker", "iommut-agent", NULL, SIGKILL, FALSE, TRUE },
	[AGENT_KEEPER] = { "agent's keeper", "iommut-agent", NULL, SIGKILL, FALSE, TRUE },
	[CASE_PROCESS] = { "case", "fake", NULL, SIGKILL, FALSE, TRUE },
	[QEMU_KILL] = { "QEMU, SIGKILL", "qemu-system", NULL, SIGKILL, TRUE, FALSE },
	[QEMU_TERM] = { "QEMU, SIGTERM", "qemu-system", NULL, SIGTERM, TRUE, FALSE },
	[GUEST_PANIC] = { "guest, panic", NULL, "nmi\n", 0, TRUE, FALSE },
	[GUEST_RESET] = { "guest, reset", NULL, "system_reset\n", 0, TRUE, FALSE },
	[GUEST_OFF] = { "guest, power cut", NULL, "quit\n", 0, TRUE, FALSE },
};

static gboolean about_lab;
static char *profile_file;
static char *monitor;
static gint64 whole_us; /* of a run that nobody kills */
static guint planned;

/* --- the run --- */

static char **command(const char *folder)
{
	const char *const here[] = {
		program,
		"run",
		"-v",
		"--suites",
		suites,
		"--repeat",
		"20",
		"-o",
		folder,
		"fake/passes*",
		"fake/fails",
		"fake/skips",
		"fake/leaves_a_child",
		NULL,
	};
	const char *const lab[] = {
		program, "lab", "-v",   "--profile", profile_file, "--machines", "1",       "-j",
		"2",     "-o",  folder, "-b",        "type1",      "dma",        "blocked", NULL,
	};

	return g_strdupv((char **)(about_lab ? lab : here));
}

/* Of the agent's two processes the keeper is the one that the runner has started. */
static pid_t find_process(const struct attempt *attempt, enum victim victim)
{
	g_auto(GStrv) found = NULL;

	if (victims[victim].signal && g_str_equal(victims[victim].process, "iommut"))
		return attempt->pid;
	found = attempt_processes(attempt, victims[victim].process);
	for (char **pid = found; *pid; pid++) {
		g_autofree char *name = NULL;
		pid_t parent;

		if (!read_process(*pid, &name, &parent))
			continue;
		if ((victim == AGENT_KEEPER && parent != attempt->pid) ||
		    (victim == AGENT_WORKER && parent == attempt->pid))
			continue;
		return atoi(*pid);
	}
	return 0;
}

/* --- the kill --- */

static gboolean tell_monitor(const char *words)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	gboolean good;
	char answer[4096];

	g_assert_cmpint(fd, >=, 0);
	g_strlcpy(address.sun_path, monitor, sizeof(address.sun_path));
	good = connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
	       send(fd, words, strlen(words), MSG_NOSIGNAL) == (ssize_t)strlen(words);
	/* Until it has been read, closing could take it back. */
	shutdown(fd, SHUT_WR);
	while (good && read(fd, answer, sizeof(answer)) > 0)
		;
	close(fd);
	return good;
}

static gboolean kill_now(const struct attempt *attempt, enum victim victim)
{
	pid_t pid;

	if (victims[victim].command)
		return tell_monitor(victims[victim].command);
	pid = find_process(attempt, victim);
	return pid && kill(pid, victims[victim].signal) == 0;
}

static guint shown_lines(const struct attempt *attempt)
{
	g_autofree char *text = NULL;
	guint lines = 0;

	g_assert_true(g_file_get_contents(attempt->shown, &text, NULL, NULL));
	for (const char *at = text; (at = strchr(at, '\n')); at++)
		lines++;
	return lines;
}

/*
 * A random point: in the time before the first result, or behind a random one of them and a part of what a case takes. The time alone
 * would mostly hit what is before or after a run on a machine that is not always equally fast.
 */
static void wait_for_point(struct attempt *attempt)
{
	gint32 results = g_test_rand_int_range(-(gint32)planned / 4, (gint32)planned);
	double part = g_test_rand_double();
	int status;

	while (results > 0 && shown_lines(attempt) < (guint)results &&
	       !attempt_has_ended(attempt, &status))
		g_usleep(500);
	g_usleep((gulong)(part * (double)whole_us / (results > 0 ? planned / 2 : 4)));
}

/* Return: whether the run was still there to be killed. What does not exist at this point is killed as soon as it does. */
static gboolean kill_one(struct attempt *attempt, enum victim victim)
{
	int status;

	while (!attempt->ended && !attempt_has_ended(attempt, &status)) {
		if (kill_now(attempt, victim))
			return TRUE;
		g_usleep(500);
	}
	return FALSE;
}

static enum victim choose(void)
{
	for (;;) {
		enum victim victim = (enum victim)g_test_rand_int_range(0, VICTIMS);

		if (about_lab ? victims[victim].in_lab : victims[victim].here)
			return victim;
	}
}

/* --- what must hold --- */

static char *result_key(const char *verdict, const char *profile, const char *id)
{
	return g_strdup_printf("%s %s: %s", verdict, profile, id);
}

/* How often each result was recorded, by its key. */
static GHashTable *count_recorded(const struct run *run)
{
	GHashTable *counts = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

	for (guint i = 0; i < run->results->len; i++) {
		const struct result *result = run->results->pdata[i];
		char *key = result_key(verdict_name(result->verdict), result->profile, result->id);
		guint count = GPOINTER_TO_UINT(g_hash_table_lookup(counts, key));

		g_hash_table_insert(counts, key, GUINT_TO_POINTER(count + 1));
	}
	return counts;
}

/* Lines as "pass    local: fake/passes (1 ms)"; each must have a record of its own. An error does not count any more after a resume. */
static guint expect_recorded(const struct attempt *attempt, const struct run *run, gboolean resumed)
{
	g_autoptr(GHashTable) counts = count_recorded(run);
	g_autofree char *text = NULL;
	g_auto(GStrv) lines = NULL;
	guint shown = 0;

	g_assert_true(g_file_get_contents(attempt->shown, &text, NULL, NULL));
	lines = g_strsplit(text, "\n", -1);
	for (char **line = lines; *line; line++) {
		gsize length = strcspn(*line, " ");
		const char *name = *line + length + strspn(*line + length, " ");
		const char *end = strstr(name, " (");
		g_autofree char *verdict = g_strndup(*line, length);
		g_autofree char *key = NULL;
		enum verdict which;
		guint count;

		/* The last line may have been cut off. */
		if (!end || !verdict_parse(verdict, &which) || (resumed && which == VERDICT_ERROR))
			continue;
		key = g_strdup_printf("%s %.*s", verdict, (int)(end - name), name);
		count = GPOINTER_TO_UINT(g_hash_table_lookup(counts, key));
		if (!count)
			g_error("shown, but not recorded: %s", key);
		g_hash_table_insert(counts, g_steal_pointer(&key), GUINT_TO_POINTER(count - 1));
		shown++;
	}
	return shown;
}

static void expect_empty(const char *path)
{
	g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
	const char *name = g_dir_read_name(dir);

	if (name)
		g_error("left in the folder for temporary files: %s", name);
}

/* Everything that was to run has one result. */
static void expect_whole(const struct run *run)
{
	g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

	for (guint i = 0; i < run->results->len; i++) {
		const struct result *result = run->results->pdata[i];

		g_assert_cmpint(result->verdict, !=, VERDICT_ERROR);
		g_assert_true(g_hash_table_add(
			seen, g_strdup_printf("%s %u", result->id, result->attempt)));
	}
	g_assert_cmpuint(run->in_flight->len, ==, 0);
	g_assert_cmpuint(g_hash_table_size(seen), ==, planned);
}

static void resume(const struct attempt *attempt)
{
	struct outcome outcome;

	g_setenv("TMPDIR", attempt->scratch, TRUE);
	outcome = iommut("resume %s", attempt->folder);
	g_unsetenv("TMPDIR");
	if (outcome.code > 1)
		g_test_message("%s%s", outcome.out, outcome.err);
	g_assert_cmpint(outcome.code, <=, 1);
	clear(&outcome);
}

static void check(const struct attempt *attempt, const char *what, gint64 after_us, gboolean killed)
{
	g_autofree char *info = g_build_filename(attempt->folder, "run.json", NULL);
	guint shown = 0, recorded = 0;

	attempt_expect_no_process(attempt);
	expect_empty(attempt->scratch);
	/* Killed before there was anything to resume. */
	if (g_file_test(info, G_FILE_TEST_IS_REGULAR)) {
		g_autoptr(test_run) cut = load(attempt->folder);
		g_autoptr(test_run) whole = NULL;

		shown = expect_recorded(attempt, cut, FALSE);
		recorded = cut->results->len;
		resume(attempt);
		whole = load(attempt->folder);
		expect_recorded(attempt, whole, TRUE);
		expect_whole(whole);
		expect_empty(attempt->scratch);
	}
	g_test_message("%s after %.3f s%s: %u shown, %u recorded of %u", what,
		       (double)after_us / G_USEC_PER_SEC, killed ? "" : " (had ended)", shown,
		       recorded, planned);
}

/* --- the tests --- */

/* A run that nobody disturbs: how long it takes, and how many results it has. */
static void measure(void)
{
	gint64 start = g_get_monotonic_time();
	struct attempt *attempt = attempt_begin(command, 0);
	g_autoptr(test_run) run = NULL;

	attempt_wait(attempt);
	whole_us = g_get_monotonic_time() - start;
	run = load(attempt->folder);
	planned = run->results->len;
	g_assert_cmpuint(planned, >, 10);
	g_assert_cmpuint(expect_recorded(attempt, run, FALSE), ==, planned);
	expect_whole(run);
	attempt_expect_no_process(attempt);
	expect_empty(attempt->scratch);
	attempt_forget(attempt);
}

static void test_kills(void)
{
	const char *times = g_getenv("IOMMUT_KILLS");
	guint kills = times ? (guint)atoi(times) : (about_lab ? 3 : 12);
	guint counts[VICTIMS] = { 0 }, missed = 0;

	measure();
	for (guint i = 1; i <= kills; i++) {
		enum victim victim = choose();
		gint64 start = g_get_monotonic_time();
		struct attempt *attempt = attempt_begin(command, i);
		gboolean killed;
		gint64 after;

		wait_for_point(attempt);
		killed = kill_one(attempt, victim);
		after = g_get_monotonic_time() - start;
		attempt_wait(attempt);
		check(attempt, victims[victim].name, after, killed);
		counts[victim]++;
		missed += !killed;
		attempt_forget(attempt);
	}
	for (guint i = 0; i < VICTIMS; i++)
		if (counts[i])
			g_test_message("%3u x %s", counts[i], victims[i].name);
	g_test_message("%u kills, of %u of which the run had ended before", kills, missed);
}

/* As intel-legacy, with a monitor through which the guest can be killed. */
static void write_profile(const char *folder)
{
	g_autofree char *text = NULL;

	monitor = g_build_filename(folder, "monitor", NULL);
	profile_file = g_build_filename(folder, "killed.conf", NULL);
	text = g_strdup_printf("[profile]\ndescription=a guest to be killed\n"
			       "machine=q35,kernel-irqchip=split\niommu=intel-iommu\n"
			       "append=intel_iommu=on,sm_off unknown_nmi_panic\n"
			       "[options]\nintremap=on\ndevice-iotlb=on\n"
			       "[devices]\ntestdev=2\n"
			       "extra=-monitor;unix:%s,server=on,wait=off\n",
			       monitor);
	g_assert_true(g_file_set_contents(profile_file, text, -1, NULL));
}

int main(int argc, char **argv)
{
	g_autofree char *folder = NULL;
	int code;

	about_lab = argc > 1 && g_str_equal(argv[argc - 1], "lab");
	argc -= about_lab;
	support_init(&argc, &argv);
	folder = new_folder();
	write_profile(folder);
	code = support_run(
		&(struct support_test){ about_lab ? "/kills/lab" : "/kills/here", test_kills }, 1);
	remove_tree(folder);
	g_free(profile_file);
	g_free(monitor);
	return code;
}
