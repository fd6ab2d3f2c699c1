// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The agent is behind the standard input and output of a child process: of the agent itself, when the machine under test is this
 * one, or of any command that reaches an agent elsewhere.
 */
#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <poll.h>
#include <unistd.h>

#include "runner/text.h"
#include "runner/transport_process.h"
#include "runner/verdict.h"

/* The agent ends by itself when its stream does, after it ended its jobs and restored the devices. */
#define STOP_TIMEOUT_MS 30000

#define MAX_ERRORS 2000

struct process_transport {
	struct transport transport;
	struct process_hooks hooks;
	gpointer data;
	char **command;
	pid_t process;
	int status;
	gboolean ended;
	/* what it writes to its standard error, for when it dies */
	int errors_fd;
};

static struct process_transport *process_of(struct transport *transport)
{
	return (struct process_transport *)transport;
}

/* In the child, between fork and exec. */
static void become_command(const struct process_transport *process, int fd)
{
	sigset_t none;

	/* A ^C on the terminal is for the runner, which ends us in order. */
	setpgid(0, 0);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	if (dup2(fd, STDIN_FILENO) < 0 || dup2(fd, STDOUT_FILENO) < 0 ||
	    dup2(process->errors_fd, STDERR_FILENO) < 0)
		_exit(126);
	execvp(process->command[0], process->command);
	_exit(127);
}

static int process_start(struct transport *transport, GError **error)
{
	struct process_transport *process = process_of(transport);
	int ends[2];

	g_strfreev(process->command);
	process->command = process->hooks.command(process->data, transport->tests, error);
	if (!process->command)
		return -1;
	if (process->errors_fd >= 0)
		close(process->errors_fd);
	process->errors_fd = memfd_create("errors", MFD_CLOEXEC);
	if (process->errors_fd < 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
		g_set_error(error, RUNNER_ERROR, RUNNER_ERROR_TROUBLE, "cannot make a stream: %s",
			    g_strerror(errno));
		return -1;
	}
	process->ended = FALSE;
	process->process = fork();
	if (process->process == 0)
		become_command(process, ends[1]);
	close(ends[1]);
	if (process->process < 0) {
		g_set_error(error, RUNNER_ERROR, RUNNER_ERROR_TROUBLE, "fork: %s",
			    g_strerror(errno));
		close(ends[0]);
		return -1;
	}
	g_unix_set_fd_nonblocking(ends[0], TRUE, NULL);
	return ends[0];
}

static json_t *process_describe(struct transport *transport)
{
	const struct process_transport *process = process_of(transport);
	g_autofree char *command = NULL;
	struct utsname name;

	if (transport->shares_fate)
		return uname(&name) == 0 ? json_pack("{s:s}", "host", name.nodename)
					 : json_object();
	command = g_strjoinv(" ", process->command);
	return json_pack("{s:s*}", "command", command);
}

/* Waits at most @timeout_ms for the agent's end. */
static gboolean wait_for_end(struct process_transport *process, int timeout_ms)
{
	struct pollfd ended = { .events = POLLIN };

	if (process->ended || process->process <= 0)
		return TRUE;
	ended.fd = (int)syscall(SYS_pidfd_open, process->process, 0);
	if (ended.fd < 0)
		return FALSE;
	while (poll(&ended, 1, timeout_ms) < 0 && errno == EINTR)
		;
	close(ended.fd);
	process->ended = waitpid(process->process, &process->status, WNOHANG) == process->process;
	return process->ended;
}

/* The end of what it wrote to its standard error; what comes from elsewhere is cleaned. */
static char *last_errors(const struct process_transport *process)
{
	char bytes[MAX_ERRORS];
	off_t end = lseek(process->errors_fd, 0, SEEK_END);
	off_t from = end > MAX_ERRORS ? end - MAX_ERRORS : 0;
	ssize_t length = pread(process->errors_fd, bytes, sizeof(bytes), from);

	return text_clean(bytes, MAX(length, 0), 4 * MAX_ERRORS);
}

static char *process_death(struct transport *transport)
{
	struct process_transport *process = process_of(transport);
	g_autofree char *errors = NULL;

	if (!wait_for_end(process, 1000))
		return g_strdup_printf("%s still runs", process->command[0]);
	errors = g_strstrip(last_errors(process));
	if (WIFSIGNALED(process->status))
		return g_strdup_printf("%s was killed by signal %d (%s)%s%s", process->command[0],
				       WTERMSIG(process->status),
				       g_strsignal(WTERMSIG(process->status)), *errors ? ":\n" : "",
				       errors);
	if (WEXITSTATUS(process->status) == 127 && !*errors)
		return g_strdup_printf("%s could not be executed", process->command[0]);
	return g_strdup_printf("%s ended with status %d%s%s", process->command[0],
			       WEXITSTATUS(process->status), *errors ? ":\n" : "", errors);
}

static void process_stop(struct transport *transport)
{
	struct process_transport *process = process_of(transport);

	if (process->process <= 0)
		return;
	if (!wait_for_end(process, STOP_TIMEOUT_MS)) {
		/* SIGTERM makes it end its jobs and restore; only then by force. */
		kill(process->process, SIGTERM);
		if (!wait_for_end(process, STOP_TIMEOUT_MS)) {
			kill(process->process, SIGKILL);
			wait_for_end(process, STOP_TIMEOUT_MS);
		}
	}
	process->process = 0;
}

static void process_free(struct transport *transport)
{
	struct process_transport *process = process_of(transport);

	process_stop(transport);
	if (process->errors_fd >= 0)
		close(process->errors_fd);
	process->hooks.free(process->data);
	g_free(process->transport.name);
	g_strfreev(process->command);
	g_free(process);
}

static const struct transport_ops process_ops = {
	.start = process_start,
	.describe = process_describe,
	.death = process_death,
	.stop = process_stop,
	.free = process_free,
};

struct transport *transport_process(const char *name, gboolean shares_fate,
				    const struct process_hooks *hooks, gpointer data)
{
	struct process_transport *process = g_new0(struct process_transport, 1);

	process->transport.ops = &process_ops;
	process->transport.name = g_strdup(name);
	process->transport.slowness = 1;
	process->transport.shares_fate = shares_fate;
	process->hooks = *hooks;
	process->data = data;
	process->errors_fd = -1;
	return &process->transport;
}

/* --- this machine --- */

struct local {
	char *agent;
	char *suites;
};

static char **local_command(gpointer data, const GPtrArray *tests, GError **error)
{
	const struct local *local = data;
	g_autoptr(GStrvBuilder) words = g_strv_builder_new();

	if (access(local->agent, X_OK) != 0) {
		g_set_error(error, RUNNER_ERROR, RUNNER_ERROR_TROUBLE, "agent %s: %s", local->agent,
			    g_strerror(errno));
		return NULL;
	}
	g_strv_builder_add_many(words, local->agent, "--stdio", NULL);
	if (local->suites)
		g_strv_builder_add_many(words, "--suites", local->suites, NULL);
	return g_strv_builder_end(words);
}

static void local_free(gpointer data)
{
	struct local *local = data;

	g_free(local->agent);
	g_free(local->suites);
	g_free(local);
}

struct transport *transport_local(const char *agent, const char *suites)
{
	static const struct process_hooks hooks = { local_command, local_free };
	struct local *local = g_new0(struct local, 1);

	local->agent = g_strdup(agent);
	local->suites = g_strdup(suites);
	return transport_process("local", TRUE, &hooks, local);
}

/* --- a command that reaches an agent --- */

static char **exec_command(gpointer data, const GPtrArray *tests, GError **error)
{
	const char *const words[] = { "/bin/sh", "-c", data, NULL };

	return g_strdupv((char **)words);
}

struct transport *transport_exec(const char *command)
{
	static const struct process_hooks hooks = { exec_command, g_free };

	return transport_process("exec", FALSE, &hooks, g_strdup(command));
}
