// SPDX-License-Identifier: GPL-2.0-or-later
/* The machine under test is this one: the agent is a child process behind a socketpair. */
#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <poll.h>
#include <unistd.h>

#include "runner/verdict.h"
#include "runner/transport.h"

/* The agent ends by itself when its stream does, after it ended its jobs and restored the devices. */
#define STOP_TIMEOUT_MS 30000

struct local {
	struct transport transport;
	char *agent;
	char *suites;
	pid_t process;
	int status;
	gboolean ended;
};

static struct local *local_of(struct transport *transport)
{
	return (struct local *)transport;
}

/* In the child, between fork and exec. */
static void become_agent(const struct local *local, int fd)
{
	char number[16];
	sigset_t none;

	/* A ^C on the terminal is for the runner, which ends us in order. */
	setpgid(0, 0);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	fcntl(fd, F_SETFD, 0);
	g_snprintf(number, sizeof(number), "%d", fd);
	if (local->suites)
		execl(local->agent, local->agent, "--fd", number, "--suites", local->suites,
		      (char *)NULL);
	else
		execl(local->agent, local->agent, "--fd", number, (char *)NULL);
	_exit(127);
}

static int local_start(struct transport *transport, GError **error)
{
	struct local *local = local_of(transport);
	int ends[2];

	if (access(local->agent, X_OK) != 0) {
		g_set_error(error, RUNNER_ERROR, RUNNER_ERROR_TROUBLE, "agent %s: %s", local->agent,
			    g_strerror(errno));
		return -1;
	}
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
		g_set_error(error, RUNNER_ERROR, RUNNER_ERROR_TROUBLE, "socketpair: %s",
			    g_strerror(errno));
		return -1;
	}
	local->ended = FALSE;
	local->process = fork();
	if (local->process == 0)
		become_agent(local, ends[1]);
	close(ends[1]);
	if (local->process < 0) {
		g_set_error(error, RUNNER_ERROR, RUNNER_ERROR_TROUBLE, "fork: %s",
			    g_strerror(errno));
		close(ends[0]);
		return -1;
	}
	g_unix_set_fd_nonblocking(ends[0], TRUE, NULL);
	return ends[0];
}

static json_t *local_describe(struct transport *transport)
{
	struct utsname name;

	if (uname(&name) != 0)
		return json_object();
	return json_pack("{s:s}", "host", name.nodename);
}

/* Waits at most @timeout_ms for the agent's end. */
static gboolean wait_for_end(struct local *local, int timeout_ms)
{
	struct pollfd ended = { .events = POLLIN };

	if (local->ended || local->process <= 0)
		return TRUE;
	ended.fd = (int)syscall(SYS_pidfd_open, local->process, 0);
	if (ended.fd < 0)
		return FALSE;
	while (poll(&ended, 1, timeout_ms) < 0 && errno == EINTR)
		;
	close(ended.fd);
	local->ended = waitpid(local->process, &local->status, WNOHANG) == local->process;
	return local->ended;
}

static char *local_death(struct transport *transport)
{
	struct local *local = local_of(transport);

	if (!wait_for_end(local, 1000))
		return g_strdup("the agent does not answer");
	if (WIFSIGNALED(local->status))
		return g_strdup_printf("the agent was killed by signal %d (%s)",
				       WTERMSIG(local->status),
				       g_strsignal(WTERMSIG(local->status)));
	if (WEXITSTATUS(local->status) == 127)
		return g_strdup_printf("%s could not be executed", local->agent);
	return g_strdup_printf("the agent ended with status %d", WEXITSTATUS(local->status));
}

static void local_stop(struct transport *transport)
{
	struct local *local = local_of(transport);

	if (local->process <= 0)
		return;
	if (!wait_for_end(local, STOP_TIMEOUT_MS)) {
		/* SIGTERM makes it end its jobs and restore; only then by force. */
		kill(local->process, SIGTERM);
		if (!wait_for_end(local, STOP_TIMEOUT_MS)) {
			kill(local->process, SIGKILL);
			wait_for_end(local, STOP_TIMEOUT_MS);
		}
	}
	local->process = 0;
}

static void local_free(struct transport *transport)
{
	struct local *local = local_of(transport);

	local_stop(transport);
	g_free(local->transport.name);
	g_free(local->agent);
	g_free(local->suites);
	g_free(local);
}

static const struct transport_ops local_ops = {
	.start = local_start,
	.describe = local_describe,
	.death = local_death,
	.stop = local_stop,
	.free = local_free,
};

struct transport *transport_local(const char *agent, const char *suites)
{
	struct local *local = g_new0(struct local, 1);

	local->transport.ops = &local_ops;
	local->transport.name = g_strdup("local");
	local->transport.slowness = 1;
	local->transport.shares_fate = TRUE;
	local->agent = g_strdup(agent);
	local->suites = g_strdup(suites);
	return &local->transport;
}
