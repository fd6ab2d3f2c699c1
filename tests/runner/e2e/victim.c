// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/runner/e2e/victim.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* The lab under emulation, on a machine that others use as well. */
#define END_DEADLINE_S  600
#define GONE_DEADLINE_S 60
#define MARK            "IOMMUT_KILLED"

static void in_child(gpointer data)
{
	g_assert_cmpint(dup2(GPOINTER_TO_INT(data), STDERR_FILENO), ==, STDERR_FILENO);
}

struct attempt *attempt_begin(char **(*command)(const char *folder), guint number)
{
	struct attempt *attempt = g_new0(struct attempt, 1);
	g_auto(GStrv) environment = g_get_environ();
	g_auto(GStrv) words = NULL;
	g_autoptr(GError) error = NULL;
	int shown;

	attempt->work = new_folder();
	attempt->folder = g_build_filename(attempt->work, "run", NULL);
	attempt->scratch = g_build_filename(attempt->work, "tmp", NULL);
	attempt->shown = g_build_filename(attempt->work, "shown", NULL);
	attempt->mark = g_strdup_printf(MARK "=%d.%u", getpid(), number);
	g_assert_cmpint(g_mkdir(attempt->scratch, 0700), ==, 0);
	shown = g_open(attempt->shown, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	g_assert_cmpint(shown, >=, 0);
	environment = g_environ_setenv(environment, "TMPDIR", attempt->scratch, TRUE);
	environment = g_environ_setenv(environment, MARK, strchr(attempt->mark, '=') + 1, TRUE);
	words = command(attempt->folder);
	g_spawn_async(NULL, words, environment,
		      G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_STDOUT_TO_DEV_NULL, in_child,
		      GINT_TO_POINTER(shown), &attempt->pid, &error);
	g_assert_no_error(error);
	g_close(shown, NULL);
	return attempt;
}

void attempt_forget(struct attempt *attempt)
{
	remove_tree(attempt->work);
	g_free(attempt->work);
	g_free(attempt->folder);
	g_free(attempt->scratch);
	g_free(attempt->shown);
	g_free(attempt->mark);
	g_free(attempt);
}

gboolean attempt_has_ended(struct attempt *attempt, int *status)
{
	if (attempt->ended)
		return TRUE;
	if (waitpid(attempt->pid, status, WNOHANG) != attempt->pid)
		return FALSE;
	g_spawn_close_pid(attempt->pid);
	return attempt->ended = TRUE;
}

void attempt_wait(struct attempt *attempt)
{
	gint64 deadline = g_get_monotonic_time() + END_DEADLINE_S * G_USEC_PER_SEC;
	int status;

	while (!attempt->ended && !attempt_has_ended(attempt, &status)) {
		g_assert_cmpint(g_get_monotonic_time(), <, deadline);
		g_usleep(2000);
	}
}

static char *process_file(const char *pid, const char *name, gsize *length)
{
	g_autofree char *path = g_build_filename("/proc", pid, name, NULL);
	char *text = NULL;

	return g_file_get_contents(path, &text, length, NULL) ? text : NULL;
}

static gboolean is_marked(const struct attempt *attempt, const char *pid)
{
	gsize length;
	g_autofree char *environment = process_file(pid, "environ", &length);

	/* Each setting has a NUL behind it. */
	for (const char *at = environment; at && at < environment + length; at += strlen(at) + 1)
		if (g_str_equal(at, attempt->mark))
			return TRUE;
	return FALSE;
}

/* "12 (a name) S 1 ..": the name may hold anything but is the last to end with ')'. */
gboolean read_process(const char *pid, char **name, pid_t *parent)
{
	gsize length;
	g_autofree char *text = process_file(pid, "stat", &length);
	const char *begin = text ? strchr(text, '(') : NULL;
	const char *end = text ? strrchr(text, ')') : NULL;
	char state;
	int number;

	if (!begin || !end || sscanf(end + 1, " %c %d", &state, &number) != 2 || state == 'Z')
		return FALSE;
	*name = g_strndup(begin + 1, (gsize)(end - begin - 1));
	*parent = number;
	return TRUE;
}

/* Processes of the attempt whose name begins with @name, or all; NULL-terminated. */
char **attempt_processes(const struct attempt *attempt, const char *beginning)
{
	g_autoptr(GStrvBuilder) found = g_strv_builder_new();
	g_autoptr(GDir) dir = g_dir_open("/proc", 0, NULL);
	const char *pid;

	while ((pid = g_dir_read_name(dir))) {
		g_autofree char *name = NULL;
		pid_t parent;

		if (!g_ascii_isdigit(*pid) || !is_marked(attempt, pid) ||
		    !read_process(pid, &name, &parent))
			continue;
		if (!beginning || g_str_has_prefix(name, beginning))
			g_strv_builder_add(found, pid);
	}
	return g_strv_builder_end(found);
}

void attempt_expect_no_process(const struct attempt *attempt)
{
	gint64 deadline = g_get_monotonic_time() + GONE_DEADLINE_S * G_USEC_PER_SEC;

	for (;;) {
		g_auto(GStrv) left = attempt_processes(attempt, NULL);
		g_autofree char *name = NULL;
		pid_t parent;

		if (!*left)
			return;
		if (g_get_monotonic_time() > deadline) {
			g_assert_true(read_process(*left, &name, &parent));
			g_error("process %s (%s) is left", *left, name);
		}
		g_usleep(2000);
	}
}
