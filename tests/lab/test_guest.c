/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Guests that end in every way a guest can end. IOMMUT_TEST_INIT names the init program, IOMMUT_TEST_SUITES a folder of suites. */
#include "lab/lab.h"

#include <glib/gstdio.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define ANSWER_MS 60000

static lab_config *config;
static char *accelerator;

/* Read a line, or NULL when the stream ends or stays silent. */
static char *read_line(int stream, int timeout_ms)
{
	gint64 deadline = g_get_monotonic_time() + timeout_ms * (gint64)1000;
	GString *line = g_string_new(NULL);

	for (;;) {
		struct pollfd ready = { .fd = stream, .events = POLLIN };
		gint64 left = deadline - g_get_monotonic_time();
		char c;

		if (left <= 0 || poll(&ready, 1, left / 1000 + 1) <= 0 ||
		    read(stream, &c, 1) != 1) {
			g_string_free(line, TRUE);
			return NULL;
		}
		if (c == '\n')
			return g_string_free(line, FALSE);
		g_string_append_c(line, c);
	}
}

static void tell(int stream, const char *text)
{
	g_assert_cmpint(write(stream, text, strlen(text)), ==, (ssize_t)strlen(text));
}

static struct transport *started(const char *profile_name, int *stream, lab_profile **profile)
{
	g_autoptr(GError) error = NULL;
	struct transport *transport;

	*profile = lab_profile_load(profile_name, &error);
	g_assert_no_error(error);
	transport = lab_transport(config, *profile, accelerator);
	*stream = transport->ops->start(transport, &error);
	g_assert_no_error(error);
	g_assert_cmpint(*stream, >=, 0);
	return transport;
}

/* What the stream's end is explained with. */
static char *told_death(struct transport *transport, int stream)
{
	g_assert_null(read_line(stream, ANSWER_MS));
	return transport->ops->death(transport);
}

/* Whatever a lab would leave in the file system; there never is anything. */
static unsigned int left_files(void)
{
	g_autoptr(GDir) temporary = g_dir_open(g_get_tmp_dir(), 0, NULL);
	unsigned int count = 0;

	while (g_dir_read_name(temporary))
		count++;
	return count;
}

static void test_echo(void)
{
	g_autoptr(lab_profile) profile = NULL;
	g_autofree char *line = NULL;
	struct transport *transport;
	int stream;

	transport = started("none", &stream, &profile);
	tell(stream, "hello\n");
	line = read_line(stream, ANSWER_MS);
	g_assert_cmpstr(line, ==, "hello");
	close(stream);
	transport->ops->free(transport);
	g_assert_cmpuint(left_files(), ==, 0);
}

/* One transport can start again after it was stopped. */
static void test_restart(void)
{
	g_autoptr(lab_profile) profile = NULL;
	g_autoptr(GError) error = NULL;
	g_autofree char *line = NULL;
	struct transport *transport;
	int stream;

	transport = started("none", &stream, &profile);
	close(stream);
	transport->ops->stop(transport);
	g_assert_cmpuint(left_files(), ==, 0);
	stream = transport->ops->start(transport, &error);
	g_assert_no_error(error);
	tell(stream, "again\n");
	line = read_line(stream, ANSWER_MS);
	g_assert_cmpstr(line, ==, "again");
	close(stream);
	transport->ops->free(transport);
}

static void expect_death(const char *command, const char *told)
{
	g_autoptr(lab_profile) profile = NULL;
	g_autofree char *why = NULL;
	struct transport *transport;
	int stream;

	transport = started("none", &stream, &profile);
	tell(stream, command);
	why = told_death(transport, stream);
	g_test_message("%s", why);
	g_assert_nonnull(strstr(why, told));
	close(stream);
	transport->ops->free(transport);
	g_assert_cmpuint(left_files(), ==, 0);
}

static void test_panic(void)
{
	expect_death("panic\n", "the guest's kernel panicked");
}

static void test_panic_shows_console(void)
{
	expect_death("panic\n", "Attempted to kill init");
}

static void test_power_off(void)
{
	expect_death("off\n", "powered off");
}

static void test_hang(void)
{
	g_autoptr(lab_profile) profile = NULL;
	g_autofree char *why = NULL;
	struct transport *transport;
	int stream;

	transport = started("none", &stream, &profile);
	tell(stream, "hang\n");
	g_assert_null(read_line(stream, 500));
	why = transport->ops->death(transport);
	g_assert_nonnull(strstr(why, "hangs"));
	close(stream);
	transport->ops->free(transport);
}

static GPid qemu_of(struct transport *transport)
{
	g_autofree char *path = g_strdup_printf("/proc/self/task/%d/children", getpid());
	g_autofree char *children = NULL;

	g_assert_true(g_file_get_contents(path, &children, NULL, NULL));
	return atoi(children);
}

static void test_qemu_killed(void)
{
	g_autoptr(lab_profile) profile = NULL;
	g_autofree char *why = NULL;
	struct transport *transport;
	int stream;

	transport = started("none", &stream, &profile);
	g_assert_cmpint(kill(qemu_of(transport), SIGKILL), ==, 0);
	why = told_death(transport, stream);
	g_assert_nonnull(strstr(why, "killed by signal 9"));
	close(stream);
	transport->ops->free(transport);
	g_assert_cmpuint(left_files(), ==, 0);
}

/* The lab's own process is killed: QEMU goes with it. */
static void test_lab_killed(void)
{
	g_autofree char *told = NULL;
	int pipes[2], status;
	pid_t child, qemu;

	g_assert_cmpint(pipe(pipes), ==, 0);
	child = fork();
	if (child == 0) {
		g_autoptr(lab_profile) profile = NULL;
		int stream;
		struct transport *transport = started("none", &stream, &profile);

		dprintf(pipes[1], "%d\n", qemu_of(transport));
		for (;;)
			pause();
	}
	close(pipes[1]);
	told = read_line(pipes[0], ANSWER_MS);
	g_assert_nonnull(told);
	close(pipes[0]);
	qemu = atoi(told);
	kill(child, SIGKILL);
	g_assert_cmpint(waitpid(child, &status, 0), ==, child);
	for (int tries = 0; kill(qemu, 0) == 0 && tries < 5000; tries++)
		g_usleep(1000);
	g_assert_cmpint(kill(qemu, 0), ==, -1);
	g_assert_cmpuint(left_files(), ==, 0);
}

/* Every profile that this QEMU can emulate boots. */
static void test_profiles(void)
{
	g_autoptr(GPtrArray) names = lab_profile_names(NULL);

	g_assert_nonnull(names);
	for (unsigned int i = 0; i < names->len; i++) {
		g_autoptr(lab_profile) profile = lab_profile_load(names->pdata[i], NULL);
		g_autoptr(GError) error = NULL;
		struct transport *transport;
		int stream;

		g_assert_nonnull(profile);
		transport = lab_transport(config, profile, accelerator);
		stream = transport->ops->start(transport, &error);
		if (g_error_matches(error, LAB_ERROR, LAB_ERROR_UNAVAILABLE)) {
			g_test_message("%s", error->message);
		} else {
			g_assert_no_error(error);
			close(stream);
		}
		transport->ops->free(transport);
	}
}

/* What boots but never opens the port ends by the phase's deadline or by its panic, and is named. */
static void test_no_agent(void)
{
	g_autoptr(lab_profile) profile = lab_profile_load("none", NULL);
	lab_config broken = *config;
	g_autoptr(GError) error = NULL;
	struct transport *transport;

	broken.agent = (char *)"/bin/false"; /* linked dynamically: no interpreter in the guest */
	transport = lab_transport(&broken, profile, accelerator);
	g_assert_cmpint(transport->ops->start(transport, &error), ==, -1);
	g_assert_error(error, LAB_ERROR, LAB_ERROR_GUEST);
	g_assert_nonnull(strstr(error->message, "Linux boots and starts the agent"));
	g_assert_nonnull(strstr(error->message, "panicked"));
	transport->ops->free(transport);
	g_assert_cmpuint(left_files(), ==, 0);
}

int main(int argc, char **argv)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *why = NULL;
	char temporary[] = "/tmp/iommut-test-XXXXXX";
	int status;

	g_test_init(&argc, &argv, NULL);
	/* A folder of our own, so that other labs on this machine do not count. GLib must not have looked before. */
	g_assert_nonnull(mkdtemp(temporary));
	g_setenv("TMPDIR", temporary, TRUE);
	g_assert_cmpstr(g_get_tmp_dir(), ==, temporary);
	config = lab_config_new(NULL, NULL, NULL, &error);
	if (!config && g_error_matches(error, LAB_ERROR, LAB_ERROR_SYSTEM)) {
		g_printerr("skipped: %s\n", error->message);
		return 77;
	}
	g_assert_no_error(error);
	g_free(config->agent);
	config->agent = g_strdup(g_getenv("IOMMUT_TEST_INIT"));
	g_free(config->suites);
	config->suites = g_strdup(g_getenv("IOMMUT_TEST_SUITES"));
	accelerator = g_strdup(lab_accelerator(config, &why));

	g_test_add_func("/lab/guest/echo", test_echo);
	g_test_add_func("/lab/guest/restart", test_restart);
	g_test_add_func("/lab/guest/panic", test_panic);
	g_test_add_func("/lab/guest/panic-shows-console", test_panic_shows_console);
	g_test_add_func("/lab/guest/power-off", test_power_off);
	g_test_add_func("/lab/guest/hang", test_hang);
	g_test_add_func("/lab/guest/qemu-killed", test_qemu_killed);
	g_test_add_func("/lab/guest/lab-killed", test_lab_killed);
	g_test_add_func("/lab/guest/no-agent", test_no_agent);
	g_test_add_func("/lab/guest/profiles", test_profiles);
	status = g_test_run();
	g_rmdir(temporary);
	return status;
}
