// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * On a machine that is somebody's own the agent is two processes: one that works, and one that keeps watch over it. What was
 * changed on the machine stands in memory that both share. Whichever dies, the other gives everything back.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "agent/agent.h"

#define GONE_TIMEOUT_MS 10000
#define GONE_RETRY_MS   2

struct agent *agent_new(void)
{
	struct agent *agent = mmap(NULL, sizeof(*agent), PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (agent == MAP_FAILED)
		return NULL;
	agent->stream = -1;
	agent->pinned = -1;
	return agent;
}

/* A device can only be given back when nobody holds it any more. */
static void end_orphans(const struct agent *agent)
{
	const struct timespec pause = { .tv_nsec = GONE_RETRY_MS * 1000000 };
	int64_t deadline = monotonic_us() / 1000 + GONE_TIMEOUT_MS;

	for (size_t i = 0; i < MAX_JOBS; i++) {
		const struct job *job = &agent->jobs[i];

		if (!job->id)
			continue;
		kill(-job->process, SIGKILL);
		if (job->foreign)
			kill_descendants(job);
		while (kill(-job->process, 0) == 0 && monotonic_us() / 1000 < deadline) {
			/* They are our children now. */
			if (waitpid(-1, NULL, WNOHANG) <= 0)
				nanosleep(&pause, NULL);
		}
	}
}

/* The worker died: nobody else can do this now. */
static void give_back(struct agent *agent)
{
	char problem[512];

	end_orphans(agent);
	/* The one that was being bound has its entry, but was not counted yet. */
	while (agent->bound_count < MAX_BOUND && agent->bound[agent->bound_count].name[0])
		agent->bound_count++;
	if (!restore_everything(agent, problem, sizeof(problem)))
		fprintf(stderr, "agent: %s\n", problem);
}

/* Ends as the worker did: to whoever started us, we are the agent. */
static _Noreturn void end_like(int status)
{
	const struct rlimit no_core = { 0 };

	if (WIFEXITED(status))
		_exit(WEXITSTATUS(status));
	setrlimit(RLIMIT_CORE, &no_core);
	signal(WTERMSIG(status), SIG_DFL);
	raise(WTERMSIG(status));
	_exit(1);
}

static _Noreturn void keep(struct agent *agent, pid_t worker, const sigset_t *signals)
{
	int status;

	for (;;) {
		int number = sigwaitinfo(signals, NULL);
		pid_t ended;

		if (number > 0 && number != SIGCHLD)
			kill(worker, number);
		/* What cases leave behind comes to us when its parent ends. */
		while ((ended = waitpid(-1, &status, WNOHANG)) > 0) {
			if (ended != worker)
				continue;
			if (!WIFEXITED(status))
				give_back(agent);
			end_like(status);
		}
	}
}

bool keep_watch(struct agent *agent)
{
	pid_t keeper = getpid(), worker;
	sigset_t signals, before;

	sigemptyset(&signals);
	sigaddset(&signals, SIGCHLD);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGHUP);
	sigprocmask(SIG_BLOCK, &signals, &before);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	worker = fork();
	if (worker < 0)
		return false;
	if (worker > 0) {
		signal(SIGPIPE, SIG_IGN);
		keep(agent, worker, &signals);
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
	/* As if the keeper had been asked to end in order. */
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	return getppid() == keeper;
}
