// SPDX-License-Identifier: GPL-2.0-or-later
/* Which suites there are, and which cases they have. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/agent.h"

#define LIST_TIMEOUT_MS 60000

/* Beside the agent, as in what is copied to a machine; or beside the agent's folder, as in a build folder. */
bool find_suites(struct agent *agent, const char *chosen)
{
	static const char *const places[] = { "suites", "../suites" };
	char program[PATH_MAX - 16];
	struct stat status;
	ssize_t length;

	if (chosen)
		return (size_t)snprintf(agent->suites, sizeof(agent->suites), "%s", chosen) <
		       sizeof(agent->suites);
	length = readlink("/proc/self/exe", program, sizeof(program) - 1);
	if (length < 0)
		return false;
	program[length] = '\0';
	*strrchr(program, '/') = '\0';
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		snprintf(agent->suites, sizeof(agent->suites), "%s/%s", program, places[i]);
		if (stat(agent->suites, &status) == 0 && S_ISDIR(status.st_mode))
			return true;
	}
	return false;
}

static pid_t start_list(const char *path, int *output)
{
	int ends[2];
	pid_t child;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return -1;
	child = vfork();
	if (child == 0) {
		dup2(ends[1], STDOUT_FILENO);
		execl(path, path, "--list", (char *)NULL);
		_exit(127);
	}
	close(ends[1]);
	if (child < 0)
		close(ends[0]);
	*output = ends[0];
	return child;
}

static void send_lines(struct agent *agent, char *text)
{
	char *rest = text, *line;

	while ((line = strsep(&rest, "\n"))) {
		struct message message = { 0 };

		if (!*line)
			continue;
		message_add(&message, "json", line);
		send_frame(agent, FRAME_CASE, &message);
	}
}

/* All of a pipe until it ends or the deadline passes; NULL if it did not end or became too long. */
static char *read_to_end(int fd)
{
	int64_t deadline = monotonic_us() / 1000 + LIST_TIMEOUT_MS;
	size_t length = 0, space = 1 << 16;
	char *text = malloc(space);

	while (text) {
		struct pollfd readable = { .fd = fd, .events = POLLIN };
		int64_t left = deadline - monotonic_us() / 1000;
		ssize_t got;

		if (left <= 0 || poll(&readable, 1, (int)left) <= 0 || space > 16 << 20)
			break;
		got = read(fd, text + length, space - length - 1);
		if (got < 0)
			break;
		if (got == 0) {
			text[length] = '\0';
			return text;
		}
		length += (size_t)got;
		if (length + 1 == space) {
			char *bigger = realloc(text, space *= 2);

			if (!bigger)
				break;
			text = bigger;
		}
	}
	free(text);
	return NULL;
}

/* What whoever made the folder has asked the suite already. */
static bool send_known_list(struct agent *agent, const char *name)
{
	char path[PATH_MAX + 300], file_name[280];
	char *text = NULL;
	int file;

	snprintf(file_name, sizeof(file_name), SUITE_LIST_NAME, name);
	snprintf(path, sizeof(path), "%s/%s", agent->suites, file_name);
	file = open(path, O_RDONLY | O_CLOEXEC);
	if (file >= 0) {
		text = read_to_end(file);
		close(file);
	}
	if (!text)
		return false;
	send_lines(agent, text);
	free(text);
	return true;
}

static bool list_suite(struct agent *agent, const char *name)
{
	char path[PATH_MAX + 256];
	int output, status;
	pid_t child;
	char *text;

	if (send_known_list(agent, name))
		return true;
	snprintf(path, sizeof(path), "%s/%s", agent->suites, name);
	child = start_list(path, &output);
	if (child < 0) {
		send_error(agent, "%s --list: %s", name, strerror(errno));
		return false;
	}
	text = read_to_end(output);
	close(output);
	if (!text)
		kill(child, SIGKILL);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	if (!text)
		send_error(agent, "%s --list did not end within %d s", name,
			   LIST_TIMEOUT_MS / 1000);
	else if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		send_error(agent, "%s --list: %s %d", name,
			   WIFEXITED(status) ? "exit status" : "signal",
			   WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
	else
		send_lines(agent, text);
	free(text);
	return text && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* A request that names none wants all of them. */
static bool is_wanted(const struct frame *request, const char *name)
{
	const char *wanted = frame_get(request, "suite");

	for (unsigned int i = 1; wanted && strcmp(wanted, name) != 0; i++) {
		wanted = frame_get_nth(request, "suite", i);
		if (!wanted)
			return false;
	}
	return true;
}

void send_list(struct agent *agent, const struct frame *request)
{
	struct dirent **entries;
	bool good = true;
	int count;

	count = scandir(agent->suites, &entries, NULL, alphasort);
	if (count < 0) {
		send_error(agent, "%s: %s", agent->suites, strerror(errno));
		return;
	}
	for (int i = 0; i < count; i++) {
		char path[PATH_MAX + 256];
		struct stat status;

		snprintf(path, sizeof(path), "%s/%s", agent->suites, entries[i]->d_name);
		if (good && entries[i]->d_name[0] != '.' &&
		    is_wanted(request, entries[i]->d_name) && stat(path, &status) == 0 &&
		    S_ISREG(status.st_mode) && access(path, X_OK) == 0)
			good = list_suite(agent, entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	if (good)
		send_done(agent);
}
