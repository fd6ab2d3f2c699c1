// SPDX-License-Identifier: GPL-2.0-or-later
/* Cases that run: one process group each, with a deadline. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/agent.h"

#define CONTROL_FD 3

static int64_t now_ms(void)
{
	return monotonic_us() / 1000;
}

static struct job *job_by_id(struct agent *agent, int64_t id)
{
	for (size_t i = 0; i < MAX_JOBS; i++)
		if (agent->jobs[i].id == id)
			return &agent->jobs[i];
	return NULL;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void close_pair(int pair[2])
{
	close_fd(&pair[0]);
	close_fd(&pair[1]);
}

/* In the child, between vfork and exec: our memory is the agent's, our descriptors and signals are our own. */
static void become_case(const struct agent *agent, const struct frame *request, int out, int err,
			int control)
{
	const char *arguments[16], *device;
	size_t count = 0;
	char path[PATH_MAX + 256];
	sigset_t none;
	int null;

	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	null = open("/dev/null", O_RDONLY);
	/* Moved out of the way first: any of them may have the number another is to get. */
	out = fcntl(out, F_DUPFD, 64);
	err = fcntl(err, F_DUPFD, 64);
	control = fcntl(control, F_DUPFD, 64);
	if (null < 0 || out < 0 || err < 0 || control < 0 || dup2(null, STDIN_FILENO) < 0 ||
	    dup2(out, STDOUT_FILENO) < 0 || dup2(err, STDERR_FILENO) < 0 ||
	    dup2(control, CONTROL_FD) < 0)
		_exit(126);
	if (frame_get(request, "program")) {
		/* What it complains of is to stand before the result that it is about. */
		dup2(STDOUT_FILENO, STDERR_FILENO);
		syscall(SYS_close_range, CONTROL_FD, ~0U, 0);
		become_foreign(agent, request);
	}
	syscall(SYS_close_range, CONTROL_FD + 1, ~0U, 0);
	snprintf(path, sizeof(path), "%s/%s", agent->suites, frame_get(request, "suite"));
	arguments[count++] = path;
	arguments[count++] = "--run";
	arguments[count++] = frame_get(request, "variant");
	if (frame_get(request, "engine")) {
		arguments[count++] = "--engine";
		arguments[count++] = frame_get(request, "engine");
	}
	for (unsigned int i = 0; i < 2 && (device = frame_get_nth(request, "device", i)); i++) {
		arguments[count++] = "--device";
		arguments[count++] = device;
	}
	arguments[count++] = "--seed";
	arguments[count++] = frame_get(request, "seed");
	arguments[count] = NULL;
	execv(path, (char *const *)arguments);
	dprintf(STDERR_FILENO, "%s: %s\n", path, strerror(errno));
	_exit(127);
}

static bool make_channels(int out[2], int err[2], int control[2])
{
	if (pipe2(out, O_CLOEXEC) != 0 || pipe2(err, O_CLOEXEC) != 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, control) != 0)
		return false;
	return fcntl(out[0], F_SETFL, O_NONBLOCK) == 0 && fcntl(err[0], F_SETFL, O_NONBLOCK) == 0 &&
	       fcntl(control[0], F_SETFL, O_NONBLOCK) == 0;
}

/* A job that could not start ends at once; the runner waits for exactly one end per job. */
static void refuse_job(struct agent *agent, int64_t id, const char *why)
{
	struct message message = { 0 };

	message_addf(&message, "job", "%" PRId64, id);
	message_add(&message, "refused", why);
	send_frame(agent, FRAME_EXIT, &message);
}

void start_job(struct agent *agent, const struct frame *request)
{
	int out[2] = { -1, -1 }, err[2] = { -1, -1 }, control[2] = { -1, -1 };
	int64_t id = frame_get_number(request, "job", 0);
	int64_t timeout = frame_get_number(request, "timeout_ms", 0);
	const char *name = frame_get(request, "suite");
	struct job *job = job_by_id(agent, 0);
	char problem[512];

	if (id <= 0 || id > UINT32_MAX || timeout <= 0 || !name || strchr(name, '/') ||
	    name[0] == '.' || !frame_get(request, "variant") || !frame_get(request, "seed") ||
	    job_by_id(agent, id)) {
		refuse_job(agent, id, "the request makes no sense");
		return;
	}
	if (!job) {
		refuse_job(agent, id, "too many jobs");
		return;
	}
	if (frame_get(request, "program") &&
	    !check_foreign(agent, request, problem, sizeof(problem))) {
		refuse_job(agent, id, problem);
		return;
	}
	/* What the kernel said until now belongs to what came before. */
	send_kernel_log(agent);
	*job = (struct job){ .output = { -1, -1 }, .control = -1, .pidfd = -1 };
	if (!make_channels(out, err, control)) {
		close_pair(out);
		close_pair(err);
		close_pair(control);
		refuse_job(agent, id, strerror(errno));
		return;
	}
	job->foreign = frame_get(request, "program") != NULL;
	note_health(agent, job, request);
	job->start_us = monotonic_us();
	job->deadline_ms = job->start_us / 1000 + timeout;
	/* Should it be the end of this machine, then nobody else's verdict is to be lost. */
	flush_frames(agent);
	job->process = vfork();
	if (job->process == 0)
		become_case(agent, request, out[1], err[1], control[1]);
	close_fd(&out[1]);
	close_fd(&err[1]);
	close_fd(&control[1]);
	job->output[0] = out[0];
	job->output[1] = err[0];
	job->control = control[0];
	if (job->process > 0) {
		/* Done by both sides, so that it is done before either goes on. */
		setpgid(job->process, job->process);
		job->pidfd = (int)syscall(SYS_pidfd_open, job->process, 0);
		if (job->pidfd >= 0) {
			job->id = (uint32_t)id;
			return;
		}
		kill(job->process, SIGKILL);
		waitpid(job->process, NULL, 0);
	}
	refuse_job(agent, id, strerror(errno));
	close_pair(job->output);
	close_fd(&job->control);
}

void kill_job(struct agent *agent, const struct frame *request)
{
	int64_t id = frame_get_number(request, "job", 0);
	struct job *job = id > 0 ? job_by_id(agent, id) : NULL;

	if (job && !job->ending) {
		kill(-job->process, SIGTERM);
		job->ending = 1;
		job->deadline_ms = now_ms() + TERM_GRACE_MS;
	}
}

void reply_to_job(struct agent *agent, const struct frame *request)
{
	int64_t id = frame_get_number(request, "job", 0);
	struct job *job = id > 0 ? job_by_id(agent, id) : NULL;
	const char *line = frame_get(request, "line");
	char text[MAX_CONTROL_LINE + 2];
	int length;

	if (!job || !line || job->control < 0)
		return;
	length = snprintf(text, sizeof(text), "%.*s\n", MAX_CONTROL_LINE, line);
	/* A case that does not read what it asked for has its own deadline to answer for that. */
	if (send(job->control, text, (size_t)length, MSG_NOSIGNAL | MSG_DONTWAIT) != length)
		close_fd(&job->control);
}

size_t poll_jobs(const struct agent *agent, struct pollfd *fds, int *timeout_ms)
{
	int64_t now = now_ms();
	size_t count = 0;

	for (size_t i = 0; i < MAX_JOBS; i++) {
		const struct job *job = &agent->jobs[i];
		int64_t left = job->deadline_ms - now;

		if (!job->id)
			continue;
		fds[count++] = (struct pollfd){ .fd = job->pidfd, .events = POLLIN };
		fds[count++] = (struct pollfd){ .fd = job->control, .events = POLLIN };
		if (left < 0)
			left = 0;
		if (left > OUTPUT_TICK_MS)
			left = OUTPUT_TICK_MS;
		if (*timeout_ms < 0 || left < *timeout_ms)
			*timeout_ms = (int)left;
	}
	return count;
}

/* Carries what there is. @all: until nothing is left, otherwise a bounded part so that others get their turn. */
static void carry_output(struct agent *agent, struct job *job, int index, bool all)
{
	uint8_t bytes[32 * 1024];
	int rounds = all ? 256 : 2;

	while (job->output[index] >= 0 && rounds--) {
		ssize_t length = read(job->output[index], bytes, sizeof(bytes));
		uint8_t start[5] = { (uint8_t)job->id, (uint8_t)(job->id >> 8),
				     (uint8_t)(job->id >> 16), (uint8_t)(job->id >> 24),
				     index ? STREAM_STDERR : STREAM_STDOUT };
		struct message message = { 0 };

		if (length < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (length <= 0) {
			close_fd(&job->output[index]);
			return;
		}
		message_add_bytes(&message, start, sizeof(start));
		message_add_bytes(&message, bytes, (size_t)length);
		send_frame(agent, FRAME_OUTPUT, &message);
	}
}

static void carry_requests(struct agent *agent, struct job *job)
{
	ssize_t length;
	char *end;

	if (job->control < 0)
		return;
	length = read(job->control, job->line + job->line_length,
		      sizeof(job->line) - job->line_length);
	if (length < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (length <= 0) {
		close_fd(&job->control);
		return;
	}
	job->line_length += (size_t)length;
	while ((end = memchr(job->line, '\n', job->line_length))) {
		struct message message = { 0 };
		size_t used = (size_t)(end - job->line) + 1;

		*end = '\0';
		message_addf(&message, "job", "%" PRIu32, job->id);
		message_add(&message, "line", job->line);
		send_frame(agent, FRAME_REQUEST, &message);
		job->line_length -= used;
		memmove(job->line, job->line + used, job->line_length);
	}
	if (job->line_length == sizeof(job->line))
		close_fd(&job->control);
}

/*
 * VT-d 4.1, 7.1.3: reasons of faults at entries of the PASID directory and table. QEMU reports them without the PASID, whose entry it
 * was.
 */
static bool at_pasid_entry(const struct iommut_fault *fault)
{
	return fault->fields & IOMMUT_FAULT_HAS_REASON && fault->reason >= 0x50 &&
	       fault->reason <= 0x5f;
}

/* A line that completes the report of a fault says so, with all that the driver tells of it. */
static void add_fault(const struct agent *agent, const struct iommut_fault *fault,
		      struct message *message)
{
	static const char *const kinds[] = {
		[IOMMUT_FAULT_DMA] = "dma",
		[IOMMUT_FAULT_INTERRUPT] = "interrupt",
		[IOMMUT_FAULT_PAGE_REQUEST] = "page-request",
		[IOMMUT_FAULT_COMMAND] = "other",
		[IOMMUT_FAULT_OVERFLOW] = "overflow",
		[IOMMUT_FAULT_OTHER] = "other",
	};
	char name[IOMMUT_BDF_SIZE + 4] = "unknown";
	const char *requester = name;
	struct iommut_bdf bdf;

	if (fault->source == IOMMUT_FAULT_VIRTIO && fault->fields & IOMMUT_FAULT_HAS_STREAM &&
	    viot_requester(agent->viot, agent->viot_length, fault->stream, &bdf) == 0) {
		iommut_bdf_format(&bdf, name, sizeof(name));
	} else if (fault->fields & IOMMUT_FAULT_HAS_DEVICE) {
		iommut_bdf_format(&fault->bdf, name, sizeof(name));
		if (!(fault->fields & IOMMUT_FAULT_HAS_DOMAIN))
			requester = strchr(name, ':') + 1;
	}
	message_add(message, "fault", requester);
	message_add(message, "kind", kinds[fault->kind]);
	if (fault->fields & IOMMUT_FAULT_HAS_ADDRESS)
		message_addf(message, "address", "0x%" PRIx64, fault->address);
	if (fault->fields & IOMMUT_FAULT_HAS_DIRECTION)
		message_add(message, "access", fault->write ? "write" : "read");
	if (fault->fields & IOMMUT_FAULT_HAS_PASID)
		message_addf(message, "pasid", "%" PRIu32, fault->pasid);
	else if (fault->source == IOMMUT_FAULT_INTEL && fault->kind == IOMMUT_FAULT_DMA &&
		 !at_pasid_entry(fault))
		message_add(message, "pasid", "none");
}

static void send_record(struct agent *agent, const struct iommut_kmsg_record *record)
{
	struct iommut_fault fault;
	struct message message = { 0 };
	bool reports =
		!record->facility && iommut_fault_feed(&agent->faults, record->text, &fault) == 1;

	/* Who provokes a fault says so before: what was said until the log told of it is to be known first. */
	for (size_t i = 0; reports && i < MAX_JOBS; i++)
		if (agent->jobs[i].id)
			carry_output(agent, &agent->jobs[i], 0, false);
	message_addf(&message, "level", "%u", record->level);
	message_addf(&message, "time_us", "%" PRIu64, record->timestamp_us);
	message_addf(&message, "sequence", "%" PRIu64, record->sequence);
	message_add(&message, "text", record->text);
	if (record->facility)
		message_add(&message, "user", "1");
	if (reports)
		add_fault(agent, &fault, &message);
	if (record->lost)
		message_addf(&message, "lost", "%" PRIu64, record->lost);
	send_frame(agent, FRAME_KMSG, &message);
}

void send_kernel_log(struct agent *agent)
{
	struct iommut_kmsg_record record;

	/* Bounded: a kernel that talks faster than we listen must not keep us from everything else. */
	for (int i = 0; agent->kmsg && i < 4096; i++) {
		int error = iommut_kmsg_read(agent->kmsg, &record, 0);

		if (error == -EBADMSG)
			continue;
		if (error)
			return;
		send_record(agent, &record);
	}
}

static void report_end(struct agent *agent, struct job *job, int status, bool hung)
{
	int64_t duration = monotonic_us() - job->start_us;
	uint64_t taint = kernel_taint() & ~job->taint;
	bool left_behind = !hung && kill(-job->process, 0) == 0;
	struct message message = { 0 };
	char leak[512];

	/* What it left running must not disturb the next case. */
	if (left_behind)
		kill(-job->process, SIGKILL);
	if (job->foreign && !hung && kill_descendants(job))
		left_behind = true;
	carry_output(agent, job, 0, true);
	carry_output(agent, job, 1, true);
	carry_requests(agent, job);
	send_kernel_log(agent);
	message_addf(&message, "job", "%" PRIu32, job->id);
	message_addf(&message, "status", "%d", status);
	message_addf(&message, "duration_us", "%" PRId64, duration);
	message_add(&message, "timeout", job->timed_out ? "1" : "0");
	message_addf(&message, "taint", "%" PRIu64, taint);
	*leak = '\0';
	if (!hung)
		find_left_behind(agent, job, left_behind, leak, sizeof(leak));
	message_add(&message, "leak", leak);
	if (hung)
		message_add(&message, "hung", "1");
	send_frame(agent, FRAME_EXIT, &message);
	close_pair(job->output);
	close_fd(&job->control);
	close_fd(&job->pidfd);
	job->id = 0;
}

static void end_what_is_due(struct agent *agent, struct job *job)
{
	if (now_ms() < job->deadline_ms)
		return;
	switch (job->ending++) {
	case 0:
		job->timed_out = true;
		kill(-job->process, SIGTERM);
		job->deadline_ms = now_ms() + TERM_GRACE_MS;
		break;
	case 1:
		kill(-job->process, SIGKILL);
		job->deadline_ms = now_ms() + KILL_GRACE_MS;
		break;
	default:
		/* Stuck inside the kernel: nothing on this machine can end it. */
		report_end(agent, job, 0, true);
	}
}

static bool reap(struct job *job, int *status)
{
	return waitpid(job->process, status, WNOHANG) == job->process;
}

void serve_jobs(struct agent *agent)
{
	for (size_t i = 0; i < MAX_JOBS; i++) {
		struct job *job = &agent->jobs[i];
		int status;

		if (!job->id)
			continue;
		carry_output(agent, job, 0, false);
		carry_output(agent, job, 1, false);
		carry_requests(agent, job);
		if (reap(job, &status))
			report_end(agent, job, status, false);
		else
			end_what_is_due(agent, job);
	}
}

void end_jobs(struct agent *agent)
{
	struct pollfd fds[JOB_DESCRIPTORS * MAX_JOBS];
	int timeout = -1;

	for (size_t i = 0; i < MAX_JOBS; i++)
		if (agent->jobs[i].id && !agent->jobs[i].ending) {
			kill(-agent->jobs[i].process, SIGTERM);
			agent->jobs[i].ending = 1;
			agent->jobs[i].deadline_ms = now_ms() + TERM_GRACE_MS;
		}
	while (poll_jobs(agent, fds, &timeout)) {
		size_t count = poll_jobs(agent, fds, &timeout);

		flush_frames(agent);
		if (poll(fds, count, timeout) < 0 && errno != EINTR)
			return;
		serve_jobs(agent);
		timeout = -1;
	}
}
