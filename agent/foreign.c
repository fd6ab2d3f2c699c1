// SPDX-License-Identifier: GPL-2.0-or-later
/* Programs that know nothing of us: other words, another environment, another folder; and children that leave their group. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "agent/agent.h"

#define MAX_WORDS    64
#define MARK         "IOMMUT_JOB"
#define MARK_SIZE    64
#define MAX_SETTINGS 256
#define EXEC_MOST_US 1000000

/* Where it runs: an absolute folder is this machine's own, a name means what was copied beside the suites. */
static bool folder_of(const struct agent *agent, const struct frame *request, char *path,
		      size_t size)
{
	const char *folder = frame_get(request, "folder");
	int length;

	if (!folder || strstr(folder, ".."))
		return false;
	length = *folder == '/' ? snprintf(path, size, "%s", folder)
				: snprintf(path, size, "%s/../tests/%s", agent->suites, folder);
	return length > 0 && (size_t)length < size;
}

bool check_foreign(const struct agent *agent, const struct frame *request, char *problem,
		   size_t size)
{
	const char *program = frame_get(request, "program");
	char folder[PATH_MAX], path[2 * PATH_MAX];
	struct stat status;

	if (!folder_of(agent, request, folder, sizeof(folder))) {
		snprintf(problem, size, "no folder for %s", program);
		return false;
	}
	if (*program == '/')
		snprintf(path, sizeof(path), "%.*s", PATH_MAX - 1, program);
	else
		snprintf(path, sizeof(path), "%s/%.*s", folder, PATH_MAX - 1, program);
	if (access(path, X_OK) == 0 && stat(path, &status) == 0 && S_ISREG(status.st_mode))
		return true;
	snprintf(problem, size, "%s cannot be started here: %s", path,
		 errno ? strerror(errno) : "it is no program");
	return false;
}

/* As far as there is room: what is too much is the runner's mistake, which it makes not. */
static size_t add_all(const struct frame *request, const char *key, const char **list, size_t count,
		      size_t most)
{
	const char *value;

	for (unsigned int i = 0; count < most && (value = frame_get_nth(request, key, i)); i++)
		list[count++] = value;
	return count;
}

static bool same_name(const char *one, const char *other)
{
	size_t length = strcspn(one, "=");

	return strncmp(one, other, length) == 0 && other[length] == '=';
}

/* Ours, without what is for suites, and what the request says instead. */
static void fill_environment(const struct frame *request, const char *mark, const char **list)
{
	size_t given = add_all(request, "environment", list, 1, MAX_SETTINGS / 2);
	size_t count = given;

	list[0] = mark;

	for (char **setting = environ; *setting && count < MAX_SETTINGS - 1; setting++) {
		bool replaced = same_name("IOMMUT_CONTROL_FD=", *setting);

		for (size_t i = 0; i < given; i++)
			replaced = replaced || same_name(list[i], *setting);
		if (!replaced)
			list[count++] = *setting;
	}
	list[count] = NULL;
}

static void mark_of(uint32_t job, pid_t of, char *mark, size_t size)
{
	snprintf(mark, size, MARK "=%d.%" PRIu32, (int)of, job);
}

void become_foreign(const struct agent *agent, const struct frame *request)
{
	const char *words[MAX_WORDS] = { NULL }, *settings[MAX_SETTINGS];
	const char *program = frame_get(request, "program");
	char folder[PATH_MAX], path[PATH_MAX + 2], mark[MARK_SIZE];

	if (!folder_of(agent, request, folder, sizeof(folder)) || chdir(folder) != 0) {
		dprintf(STDERR_FILENO, "%s: %s\n", folder, strerror(errno));
		_exit(127);
	}
	snprintf(path, sizeof(path), "%s%s", *program == '/' ? "" : "./", program);
	words[0] = path;
	add_all(request, "argument", words, 1, MAX_WORDS - 1);
	/* The agent's process is our parent. */
	mark_of((uint32_t)frame_get_number(request, "job", 0), getppid(), mark, sizeof(mark));
	fill_environment(request, mark, settings);
	execve(path, (char *const *)words, (char *const *)settings);
	dprintf(STDERR_FILENO, "%s/%s: %s\n", folder, program, strerror(errno));
	_exit(127);
}

/*
 * Is it in the middle of execve(2)? Then it has its new memory (vsize in proc_pid_stat(5)), and where its environment is (env_end) the
 * kernel has yet to write down: it reads as empty.
 */
static bool is_in_exec(const char *process)
{
	unsigned long long size = 0, end = 1;
	char path[64], text[1024] = "", *field;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%.20s/stat", process);
	file = fopen(path, "re");
	if (!file)
		return false;
	if (!fgets(text, sizeof(text), file))
		text[0] = '\0';
	fclose(file);
	field = strrchr(text, ')');
	for (int number = 2; field && number < 51; number++) {
		field = strchr(field + 1, ' ');
		if (field && number + 1 == 23)
			size = strtoull(field, NULL, 10);
		if (field && number + 1 == 51)
			end = strtoull(field, NULL, 10);
	}
	return size && !end;
}

enum descent { DESCENT_NO, DESCENT_YES, DESCENT_UNKNOWN };

/* Is it a descendant of the job? What a process was started with stays to be read, also after setsid(). */
static enum descent descent_of(const char *process, const char *mark)
{
	static char text[128 * 1024];
	char path[64];
	ssize_t length;
	int file;

	snprintf(path, sizeof(path), "/proc/%.20s/environ", process);
	file = open(path, O_RDONLY | O_CLOEXEC);
	if (file < 0)
		return DESCENT_NO;
	length = read(file, text, sizeof(text) - 1);
	close(file);
	for (ssize_t at = 0; at < length; at += (ssize_t)strlen(text + at) + 1) {
		text[length] = '\0';
		if (strcmp(text + at, mark) == 0)
			return DESCENT_YES;
	}
	return length == 0 ? DESCENT_UNKNOWN : DESCENT_NO;
}

/* Waits for what is in the middle of execve(2). Other processes without an environment are looked at twice. */
static bool is_marked(const char *process, const char *mark)
{
	const struct timespec pause = { .tv_nsec = 1000000 };
	int64_t deadline = monotonic_us() + EXEC_MOST_US;
	bool last = false;

	for (;;) {
		enum descent descent = descent_of(process, mark);

		if (descent != DESCENT_UNKNOWN || last || monotonic_us() > deadline)
			return descent == DESCENT_YES;
		last = !is_in_exec(process);
		if (!last)
			nanosleep(&pause, NULL);
	}
}

bool kill_descendants(const struct job *job)
{
	DIR *processes = opendir("/proc");
	const struct dirent *entry;
	char mark[MARK_SIZE];
	bool any = false;

	mark_of(job->id, getpid(), mark, sizeof(mark));
	while (processes && (entry = readdir(processes)))
		if (isdigit((unsigned char)entry->d_name[0]) && is_marked(entry->d_name, mark))
			any = kill(atoi(entry->d_name), SIGKILL) == 0 || any;
	if (processes)
		closedir(processes);
	return any;
}
