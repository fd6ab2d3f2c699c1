// SPDX-License-Identifier: GPL-2.0-or-later
/* What a case must leave as it found it: taint, its devices' drivers and groups, pinned memory. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/agent.h"

/* The last part of what a symbolic link below a function's folder names; empty without one. */
static void link_name(const char *function, const char *link, char *name, size_t size)
{
	char path[128], target[PATH_MAX];
	ssize_t length;

	*name = '\0';
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/%s", function, link);
	length = readlink(path, target, sizeof(target) - 1);
	if (length <= 0)
		return;
	target[length] = '\0';
	snprintf(name, size, "%.*s", (int)size - 1,
		 strrchr(target, '/') ? strrchr(target, '/') + 1 : target);
}

static void see_function(const char *name, struct function_state *state)
{
	char path[128];

	snprintf(state->name, sizeof(state->name), "%.*s", (int)sizeof(state->name) - 1, name);
	link_name(name, "driver", state->driver, sizeof(state->driver));
	link_name(name, "iommu_group", state->group, sizeof(state->group));
	snprintf(path, sizeof(path), "/sys/kernel/iommu_groups/%s/type", state->group);
	if (!*state->group || !read_text(path, state->type, sizeof(state->type)))
		state->type[0] = '\0';
}

/*
 * Pages that are pinned for DMA, on the whole machine. Counters of each processor are folded into the sum first: without that a
 * hundred pages could hide. -1 where the kernel does not tell.
 */
static int64_t pinned_pages(void)
{
	static int refresh = -1, counters = -1;
	static char text[64 * 1024];
	const char *acquired, *released;
	char value[64];

	/* Its content is empty: to read it is to fold. */
	(void)read_again(&refresh, "/proc/sys/vm/stat_refresh", value, sizeof(value));
	if (!read_again(&counters, "/proc/vmstat", text, sizeof(text)))
		return -1;
	acquired = strstr(text, "nr_foll_pin_acquired ");
	released = strstr(text, "nr_foll_pin_released ");
	if (!acquired || !released)
		return -1;
	return (int64_t)(strtoull(strchr(acquired, ' '), NULL, 10) -
			 strtoull(strchr(released, ' '), NULL, 10));
}

static bool runs_alone(const struct agent *agent, const struct job *job)
{
	for (size_t i = 0; i < MAX_JOBS; i++)
		if (agent->jobs[i].id && &agent->jobs[i] != job)
			return false;
	return true;
}

void note_health(struct agent *agent, struct job *job, const struct frame *request)
{
	const char *name;

	job->taint = kernel_taint();
	for (unsigned int i = 0; i < 2 && (name = frame_get_nth(request, "device", i)); i++)
		see_function(name, &job->functions[i]);
	/* Only in a guest of ours is nobody else who could pin memory meanwhile. */
	if (agent->init && runs_alone(agent, job)) {
		agent->pinned = pinned_pages();
		agent->company = false;
	} else {
		agent->company = true;
	}
}

__attribute__((format(printf, 3, 4))) static void complain(char *text, size_t size,
							   const char *format, ...)
{
	size_t length = strlen(text);
	va_list arguments;

	if (length && length + 2 < size)
		length += (size_t)snprintf(text + length, size - length, "; ");
	va_start(arguments, format);
	vsnprintf(text + length, size - length, format, arguments);
	va_end(arguments);
}

/* A group, or a device of it, that is still open refuses to be opened. */
static bool group_is_held(const char *group)
{
	char path[64];
	int file;

	snprintf(path, sizeof(path), "/dev/vfio/%.20s", group);
	file = open(path, O_RDWR | O_CLOEXEC);
	if (file < 0)
		return errno == EBUSY;
	close(file);
	return false;
}

static void compare_function(const struct function_state *before, bool held_is_known, char *text,
			     size_t size)
{
	struct function_state after = { 0 };

	see_function(before->name, &after);
	if (*before->driver && !*after.driver)
		complain(text, size, "%s has no driver any more", before->name);
	else if (strcmp(before->driver, after.driver) != 0)
		complain(text, size, "%s has driver %s instead of %s", before->name, after.driver,
			 *before->driver ? before->driver : "none");
	if (strcmp(before->group, after.group) != 0)
		complain(text, size, "%s is in IOMMU group %s instead of %s", before->name,
			 *after.group ? after.group : "none",
			 *before->group ? before->group : "none");
	else if (strcmp(before->type, after.type) != 0)
		complain(text, size, "IOMMU group %s has type %s instead of %s", after.group,
			 after.type, before->type);
	else if (!held_is_known && *after.group && group_is_held(after.group))
		complain(text, size, "IOMMU group %s of %s is still in use", after.group,
			 before->name);
}

void find_left_behind(struct agent *agent, struct job *job, bool processes, char *text, size_t size)
{
	int64_t pinned;

	*text = '\0';
	if (processes)
		complain(text, size, "processes of the case were still running");
	for (size_t i = 0; i < 2; i++)
		if (job->functions[i].name[0])
			compare_function(&job->functions[i], processes, text, size);
	if (!agent->init || !runs_alone(agent, job) || agent->pinned < 0 || processes)
		return;
	pinned = pinned_pages();
	if (pinned > agent->pinned)
		complain(text, size, "%" PRId64 " pages are still pinned%s", pinned - agent->pinned,
			 agent->company ? " (by it, or by a case that ran beside it)" : "");
}
