// SPDX-License-Identifier: GPL-2.0-or-later
/* A process of a case, to be killed or to end by itself. */
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "suites/child.h"

#define DEADLINE_MS 8000

struct child {
	struct test *t;
	pid_t pid;
	int link;
};

static void end_child(void *argument)
{
	struct child *child = argument;

	if (child->pid > 0) {
		kill(child->pid, SIGKILL);
		waitpid(child->pid, NULL, 0);
	}
	if (child->link >= 0)
		close(child->link);
	free(child);
}

struct child *child_start(struct test *t, void (*body)(struct child *child, void *argument),
			  void *argument)
{
	struct child *child = calloc(1, sizeof(*child));
	int link[2];

	if (!child)
		fail(t, "out of memory");
	child->t = t;
	child->link = -1;
	undo_later(t, end_child, child);
	expect_that(t, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, link) == 0,
		    "socketpair: %s", strerror(errno));
	child->pid = fork();
	if (child->pid == 0) {
		/* Nothing that it opens may outlive a parent that fails. */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(link[0]);
		child->link = link[1];
		body(child, argument);
		_exit(0);
	}
	close(link[1]);
	child->link = link[0];
	expect_that(t, child->pid > 0, "fork: %s", strerror(errno));
	return child;
}

struct test *child_test(struct child *child)
{
	return child->t;
}

static void say(struct child *child)
{
	expect_that(child->t, send(child->link, "w", 1, MSG_NOSIGNAL) == 1,
		    "the other process is gone");
}

static void listen_for(struct child *child)
{
	struct pollfd wait = { .fd = child->link, .events = POLLIN };
	int64_t end = now_ms() + DEADLINE_MS;
	int ready;
	char byte;

	do {
		int64_t left = end - now_ms();

		ready = poll(&wait, 1, left > 0 ? (int)left : 0);
	} while (ready < 0 && errno == EINTR);
	expect_that(child->t, ready == 1, "the other process says nothing for %d ms", DEADLINE_MS);
	expect_that(child->t, read(child->link, &byte, 1) == 1, "the other process is gone");
}

void child_say(struct child *child)
{
	say(child);
}

void child_listen(struct child *child)
{
	listen_for(child);
}

void child_stay(struct child *child)
{
	for (;;)
		pause();
}

void child_await(struct child *child)
{
	listen_for(child);
}

void child_tell(struct child *child)
{
	say(child);
}

void child_kill(struct child *child)
{
	int status;

	kill(child->pid, SIGKILL);
	expect_that(child->t, waitpid(child->pid, &status, 0) == child->pid, "waitpid: %s",
		    strerror(errno));
	child->pid = 0;
	expect_that(child->t, WIFSIGNALED(status), "the process ended before it was killed");
}

void child_finish(struct child *child)
{
	int status;

	expect_that(child->t, waitpid(child->pid, &status, 0) == child->pid, "waitpid: %s",
		    strerror(errno));
	child->pid = 0;
	/* 4 is a skip, which the process said why; the case as a whole has not skipped. */
	expect_that(child->t, WIFEXITED(status) && WEXITSTATUS(status) == 0,
		    "the process ended with status 0x%x", (unsigned int)status);
}
