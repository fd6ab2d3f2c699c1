/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `iommut lab` from its start to its end, and its ends that nobody wished for. Uses the set-up's kernel and QEMU. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "tests/cli/command.h"

#define PROFILE     "intel-legacy"
#define DEADLINE_US (120 * G_USEC_PER_SEC)

static char *cache;

static char *file_in(const struct world *world, const char *name)
{
	return g_build_filename(world->folder, name, NULL);
}

static unsigned int lines_of(const char *folder, const char *name)
{
	g_autofree char *path = g_build_filename(folder, name, NULL);
	g_autofree char *text = NULL;
	unsigned int lines = 0;

	g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
	for (const char *at = text; (at = strchr(at, '\n')); at++)
		lines++;
	return lines;
}

/* The passing half of the demonstration: its verdicts are on the screen, in the run and in JUnit's file. */
static void test_green(void)
{
	struct world *world = world_new(cache);
	g_autofree char *run = file_in(world, "run");
	g_autofree char *junit = file_in(world, "junit.xml");
	struct ended *ended = iommut(world, "lab", "--profile", PROFILE, "--output", run, "--junit",
				     junit, "--seed", "7", "demo/passes", NULL);

	assert_ended(ended, 0, " pass in ");
	g_assert_cmpuint(lines_of(run, "results.jsonl"), >=, 6);
	g_assert_cmpuint(lines_of(world->folder, "junit.xml"), >=, 6);
	ended_free(ended);
	world_free(world);
}

static void test_failure_can_be_replayed(void)
{
	struct world *world = world_new(cache);
	struct ended *ended = iommut(world, "lab", "--profile", PROFILE, "--seed", "7", "--engine",
				     "pcie-ats-testdev", "--backend", "type1", "demo/fails", NULL);

	assert_ended(ended, 1, "the device wrote where it must not");
	assert_ended(ended, 1, "last lines of the kernel log:");
	assert_ended(ended, 1,
		     "again: iommut lab --profile " PROFILE " --seed 0x7 "
		     "'demo/fails[engine=pcie-ats-testdev,backend=type1]'");
	ended_free(ended);
	world_free(world);
}

static void test_no_iommu(void)
{
	struct world *world = world_new(cache);
	struct ended *ended = iommut(world, "lab", "--profile", "none", "-v", "blocked", NULL);

	assert_ended(ended, 0, "this machine has no IOMMU groups");
	g_assert_null(strstr(ended->output, " pass"));
	ended_free(ended);
	world_free(world);
}

/* A lab run in so many guests that has judged its first case, and its output so far. */
static GSubprocess *running(const struct world *world, const char *run, const char *guests,
			    GDataInputStream **output)
{
	GSubprocess *process =
		iommut_started(world, "lab", "--profile", PROFILE, "--machines", guests, "-vv",
			       "--output", run, "--seed", "7", "dma", "blocked", NULL);

	*output = g_data_input_stream_new(g_subprocess_get_stdout_pipe(process));
	for (;;) {
		g_autofree char *line = g_data_input_stream_read_line(*output, NULL, NULL, NULL);

		g_assert_nonnull(line);
		if (g_str_has_prefix(line, "pass "))
			return process;
	}
}

static void read_to_end(GDataInputStream *output)
{
	char *line;

	while ((line = g_data_input_stream_read_line(output, NULL, NULL, NULL)))
		g_free(line);
}

static void assert_no_guest(const struct world *world)
{
	gint64 deadline = g_get_monotonic_time() + DEADLINE_US;

	/* A process that is told to die needs a moment to be gone. */
	while (guest_of(world) && g_get_monotonic_time() < deadline)
		g_usleep(20000);
	g_assert_cmpint(guest_of(world), ==, 0);
}

/* Ctrl-C: what is known is recorded, the guest is gone. */
static void test_interrupt(void)
{
	struct world *world = world_new(cache);
	g_autofree char *run = file_in(world, "run");
	g_autoptr(GDataInputStream) output = NULL;
	g_autoptr(GSubprocess) process = running(world, run, "2", &output);
	struct ended *ended;

	g_subprocess_send_signal(process, SIGINT);
	read_to_end(output);
	g_assert_true(g_subprocess_wait(process, NULL, NULL));
	g_assert_true(g_subprocess_get_if_exited(process));
	g_assert_cmpint(g_subprocess_get_exit_status(process), ==, 3);
	assert_no_guest(world);
	g_assert_cmpuint(lines_of(run, "results.jsonl"), >=, 1);
	ended = iommut(world, "report", run, NULL);
	assert_ended(ended, 3, "by a signal");
	ended_free(ended);
	world_free(world);
}

/* Killed without a word: the guest dies with it, the next run removes the folder, and the verdicts are there. */
static void test_kill(void)
{
	struct world *world = world_new(cache);
	g_autofree char *run = file_in(world, "run");
	g_autoptr(GDataInputStream) output = NULL;
	g_autoptr(GSubprocess) process = running(world, run, "2", &output);
	struct ended *ended;

	g_subprocess_force_exit(process);
	g_assert_true(g_subprocess_wait(process, NULL, NULL));
	assert_no_guest(world);
	g_assert_cmpuint(lines_of(run, "results.jsonl"), >=, 1);
	ended = iommut(world, "report", run, NULL);
	g_assert_nonnull(strstr(ended->output, PROFILE));
	ended_free(ended);
	ended = iommut(world, "lab", "--profile", PROFILE, "demo/passes", NULL);
	assert_ended(ended, 0, " pass in ");
	ended_free(ended);
	world_free(world);
}

/* QEMU dies under a case: that case is named, and the rest runs in a new guest. */
static void test_qemu_dies(void)
{
	struct world *world = world_new(cache);
	g_autofree char *run = file_in(world, "run");
	g_autoptr(GDataInputStream) output = NULL;
	g_autoptr(GSubprocess) process = running(world, run, "1", &output);
	struct ended *ended;
	pid_t qemu = guest_of(world);

	g_assert_cmpint(qemu, >, 0);
	g_assert_cmpint(kill(qemu, SIGKILL), ==, 0);
	read_to_end(output);
	g_assert_true(g_subprocess_wait(process, NULL, NULL));
	g_assert_true(g_subprocess_get_if_exited(process));
	g_assert_cmpint(g_subprocess_get_exit_status(process), ==, 1);
	ended = iommut(world, "report", run, NULL);
	assert_ended(ended, 1, "crash");
	assert_ended(ended, 1, " pass ");
	ended_free(ended);
	assert_no_guest(world);
	world_free(world);
}

int main(int argc, char **argv)
{
	const char *chosen = g_getenv("IOMMUT_CACHE");
	g_autofree char *conf = NULL;

	g_test_init(&argc, &argv, NULL);
	cache = chosen && *chosen ? g_strdup(chosen)
				  : g_build_filename(g_get_user_cache_dir(), "iommutests", NULL);
	conf = g_build_filename(cache, "lab.conf", NULL);
	if (!g_file_test(conf, G_FILE_TEST_EXISTS)) {
		g_print("1..0 # SKIP no lab: setup/setup builds it\n");
		return 77;
	}
	g_test_add_func("/lab/green", test_green);
	g_test_add_func("/lab/failure-can-be-replayed", test_failure_can_be_replayed);
	g_test_add_func("/lab/no-iommu", test_no_iommu);
	g_test_add_func("/lab/interrupt", test_interrupt);
	g_test_add_func("/lab/kill", test_kill);
	g_test_add_func("/lab/qemu-dies", test_qemu_dies);
	return g_test_run();
}
