// SPDX-License-Identifier: GPL-2.0-or-later
/* The agent's loop: requests in, cases run, everything restored whatever ends it. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "agent/agent.h"

#define CONNECT_TIMEOUT_MS 60000
#define CONNECT_RETRY_MS   5

static void send_ready(struct agent *agent)
{
	struct message message = { 0 };

	message_add(&message, "version", PROTOCOL_VERSION);
	message_add(&message, "init", agent->init ? "1" : "0");
	send_frame(agent, FRAME_READY, &message);
}

static void say_hello(struct agent *agent, const struct frame *request)
{
	const char *version = frame_get(request, "version");

	if (version && strcmp(version, PROTOCOL_VERSION) == 0)
		send_done(agent);
	else
		send_error(agent, "the agent speaks version " PROTOCOL_VERSION ", not %s",
			   version ? version : "none");
}

static void answer(struct agent *agent, bool good, const char *problem)
{
	if (good)
		send_done(agent);
	else
		send_error(agent, "%s", problem);
}

static void restore_all(struct agent *agent)
{
	char problem[512];
	bool good = restore_everything(agent, problem, sizeof(problem));

	answer(agent, good, problem);
}

static void undo(struct agent *agent, const struct frame *request)
{
	int64_t keep = frame_get_number(request, "keep", 0);
	char problem[512];
	bool good = undo_preparations(agent, keep > 0 ? (size_t)keep : 0, problem, sizeof(problem));

	answer(agent, good, problem);
}

/* Returns false when the agent is to end. */
static bool serve_request(struct agent *agent, const struct frame *request)
{
	switch (request->type) {
	case FRAME_HELLO:
		say_hello(agent, request);
		break;
	case FRAME_ENVIRONMENT:
		send_environment(agent);
		break;
	case FRAME_DEVICES:
		send_devices(agent);
		break;
	case FRAME_LIST:
		send_list(agent, request);
		break;
	case FRAME_BIND:
		bind_device(agent, request);
		break;
	case FRAME_RESTORE:
		restore_all(agent);
		break;
	case FRAME_RUN:
		start_job(agent, request);
		break;
	case FRAME_KILL:
		kill_job(agent, request);
		break;
	case FRAME_REPLY:
		reply_to_job(agent, request);
		break;
	case FRAME_PREPARE:
		prepare(agent, request);
		break;
	case FRAME_UNDO:
		undo(agent, request);
		break;
	case FRAME_POWEROFF:
		end_jobs(agent);
		restore_all(agent);
		return false;
	default:
		send_error(agent, "unknown request %u", request->type);
	}
	return true;
}

/* Takes what came from the runner. Returns false when the agent is to end. */
static bool serve_stream(struct agent *agent, struct decoder *decoder)
{
	uint8_t bytes[32 * 1024];
	struct frame frame;
	ssize_t length = read(agent->stream, bytes, sizeof(bytes));
	int more;

	if (length < 0)
		return errno == EAGAIN || errno == EINTR;
	if (length == 0 || decoder_feed(decoder, bytes, (size_t)length) != 0)
		return false;
	while ((more = decoder_next(decoder, &frame)) > 0)
		if (!serve_request(agent, &frame))
			return false;
	if (more < 0)
		fprintf(stderr, "agent: the stream from the runner is broken\n");
	return more == 0;
}

/* As process 1 we inherit what cases leave behind. The children we know are waited for by their id. */
static void reap_orphans(const struct agent *agent)
{
	siginfo_t info = { 0 };

	while (agent->init && waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
	       info.si_pid) {
		for (size_t i = 0; i < MAX_JOBS; i++)
			if (agent->jobs[i].id && agent->jobs[i].process == info.si_pid)
				return;
		waitpid(info.si_pid, NULL, 0);
		info.si_pid = 0;
	}
}

/* Before the other side has opened its end, a virtio-serial port looks as if it had been closed. */
static bool wait_for_runner(const struct agent *agent)
{
	const struct timespec pause = { .tv_nsec = CONNECT_RETRY_MS * 1000000 };
	int64_t deadline = monotonic_us() / 1000 + CONNECT_TIMEOUT_MS;

	while (monotonic_us() / 1000 < deadline) {
		struct pollfd stream = { .fd = agent->stream, .events = POLLIN };

		if (poll(&stream, 1, CONNECT_TIMEOUT_MS) > 0 && (stream.revents & POLLIN) &&
		    !(stream.revents & POLLHUP))
			return true;
		nanosleep(&pause, NULL);
	}
	fprintf(stderr, "agent: nobody spoke within %d s\n", CONNECT_TIMEOUT_MS / 1000);
	return false;
}

static void serve(struct agent *agent, int signals)
{
	struct pollfd fds[3 + JOB_DESCRIPTORS * MAX_JOBS];
	struct decoder decoder = { 0 };
	bool going = true;

	while (going && !agent->broken) {
		int timeout = -1;
		size_t count;

		fds[0] = (struct pollfd){ .fd = agent->stream, .events = POLLIN };
		fds[1] = (struct pollfd){ .fd = signals, .events = POLLIN };
		count = 3 + poll_jobs(agent, fds + 3, &timeout);
		/* While cases run, the log is read with their output. */
		fds[2] = (struct pollfd){ .fd = agent->kmsg && count == 3
							? iommut_kmsg_fd(agent->kmsg)
							: -1,
					  .events = POLLIN };
		flush_frames(agent);
		if (poll(fds, count, timeout) < 0 && errno != EINTR)
			break;
		if (count > 3 || fds[2].revents)
			send_kernel_log(agent);
		serve_jobs(agent);
		if (fds[1].revents) {
			struct signalfd_siginfo info;

			if (read(signals, &info, sizeof(info)) == sizeof(info) &&
			    info.ssi_signo != SIGCHLD)
				break;
			reap_orphans(agent);
		}
		if (agent->init && fds[0].revents & POLLHUP)
			going = have_port(agent);
		else if (fds[0].revents)
			going = serve_stream(agent, &decoder);
	}
	decoder_clear(&decoder);
}

static int usage(const char *program)
{
	fprintf(stderr,
		"usage: %s --stdio|--fd N [--suites FOLDER]\n"
		"Serves the runner on its standard input and output, or on descriptor N. As "
		"process 1, "
		"on the virtio-serial port.\n",
		program);
	return 2;
}

/* Takes the standard descriptors away from whatever else might read or print: they are the stream. */
static void take_stdio(struct agent *agent)
{
	int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);

	agent->stream = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
	agent->stream_out = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	if (nothing < 0 || agent->stream_out < 0 || dup2(nothing, STDIN_FILENO) < 0 ||
	    dup2(nothing, STDOUT_FILENO) < 0)
		agent->stream = -1;
}

static int open_signals(bool init)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	if (init)
		sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "fd", required_argument, NULL, 'f' },
		{ "stdio", no_argument, NULL, 'i' },
		{ "suites", required_argument, NULL, 's' },
		{ NULL, 0, NULL, 0 },
	};
	struct agent *agent = agent_new();
	const char *suites = NULL;
	char problem[512];
	int option, signals;

	if (!agent) {
		fprintf(stderr, "agent: no memory\n");
		return 3;
	}
	agent->init = getpid() == 1;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'f' && strspn(optarg, "0123456789") == strlen(optarg) && *optarg)
			agent->stream = agent->stream_out = atoi(optarg);
		else if (option == 'i' && !agent->init)
			take_stdio(agent);
		else if (option == 's')
			suites = optarg;
		else if (!agent->init)
			return usage(argv[0]);
	}
	if (agent->init)
		agent->stream = agent->stream_out = init_prepare();
	else if (agent->stream < 0)
		return usage(argv[0]);
	/* For the cases. */
	setenv("IOMMUT_CONTROL_FD", "3", 1);
	if (!agent->init && agent->stream >= 0 && !keep_watch(agent)) {
		fprintf(stderr, "agent: cannot start: %s\n", strerror(errno));
		return 3;
	}
	signals = open_signals(agent->init);
	if (agent->stream >= 0 && signals >= 0 && find_suites(agent, suites)) {
		fcntl(agent->stream, F_SETFD, FD_CLOEXEC);
		fcntl(agent->stream_out, F_SETFD, FD_CLOEXEC);
		/* Without the right to read the log there is none; the runner says so. */
		if (iommut_kmsg_open(&agent->kmsg, false) != 0)
			agent->kmsg = NULL;
		agent->viot_length = viot_read(agent->viot);
		if (!agent->init || wait_for_runner(agent)) {
			send_ready(agent);
			serve(agent, signals);
		}
		end_jobs(agent);
		if (!restore_everything(agent, problem, sizeof(problem)))
			fprintf(stderr, "agent: %s\n", problem);
		flush_frames(agent);
	} else {
		fprintf(stderr, "agent: cannot start: no stream, or no folder of suites\n");
	}
	if (agent->init)
		init_power_off();
	return agent->broken;
}
