// SPDX-License-Identifier: GPL-2.0-or-later
/* What the runner wants of the machine besides devices: huge pages and modules. Each is noted first, so that it can be undone. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/agent.h"

#define HUGEPAGES "/sys/kernel/mm/hugepages/hugepages-%" PRIu64 "kB/%s"

static bool say(char *problem, size_t size, const char *what, const char *why)
{
	snprintf(problem, size, "%s: %s", what, why);
	return false;
}

static uint64_t read_number(const char *path)
{
	char text[32];

	return read_text(path, text, sizeof(text)) ? strtoull(text, NULL, 10) : 0;
}

/* Of huge pages of the size that this machine takes when none is named. */
static uint64_t default_size_kb(void)
{
	char text[4096], *at;

	if (!read_text("/proc/meminfo", text, sizeof(text)))
		return 0;
	at = strstr(text, "Hugepagesize:");
	return at ? strtoull(at + strlen("Hugepagesize:"), NULL, 10) : 0;
}

/* "N" or "NxSIZE" with SIZE in K, M or G. */
static bool parse_hugepages(const char *value, uint64_t *count, uint64_t *size_kb)
{
	char *end;

	*count = strtoull(value, &end, 10);
	if (end == value || *value < '0' || *value > '9' || !*count)
		return false;
	if (!*end) {
		*size_kb = default_size_kb();
		return true;
	}
	if (*end != 'x')
		return false;
	*size_kb = strtoull(end + 1, &end, 10);
	if (*end == 'M')
		*size_kb <<= 10;
	else if (*end == 'G')
		*size_kb <<= 20;
	else if (*end != 'K')
		return false;
	return end[1] == '\0';
}

static bool reserve_hugepages(struct preparation *preparation, const char *value, char *problem,
			      size_t size)
{
	char all[128], unused[128], text[32];
	uint64_t count, size_kb, before, available;

	if (!parse_hugepages(value, &count, &size_kb))
		return say(problem, size, value, "it reads N or NxSIZE, as 64 or 2x1G");
	snprintf(all, sizeof(all), HUGEPAGES, size_kb, "nr_hugepages");
	snprintf(unused, sizeof(unused), HUGEPAGES, size_kb, "free_hugepages");
	if (access(all, F_OK) != 0)
		return say(problem, size, value, "this machine has no huge pages of that size");
	before = read_number(all);
	available = read_number(unused);
	if (available >= count)
		return true;
	snprintf(preparation->before, sizeof(preparation->before), "%" PRIu64, before);
	snprintf(preparation->file, sizeof(preparation->file), "%s", all);
	snprintf(text, sizeof(text), "%" PRIu64, before + count - available);
	if (!write_text(all, text))
		return say(problem, size, all, strerror(errno));
	available = read_number(unused);
	if (available >= count)
		return true;
	snprintf(problem, size, "only %" PRIu64 " of %" PRIu64 " huge pages of %" PRIu64 " KiB",
		 available, count, size_kb);
	return false;
}

static bool is_loaded(const char *module)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/module/%.64s", module);
	for (char *at = path + strlen("/sys/module/"); *at; at++)
		if (*at == '-')
			*at = '_';
	return access(path, F_OK) == 0;
}

static bool modprobe(const char *option, const char *module)
{
	pid_t child = vfork();
	int status;

	if (child == 0) {
		execlp("modprobe", "modprobe", option, "--", module, (char *)NULL);
		_exit(127);
	}
	while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	return child > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static bool load_module(struct preparation *preparation, const char *name, char *problem,
			size_t size)
{
	static const char letters[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";

	if (strspn(name, letters) != strlen(name) || strlen(name) >= sizeof(preparation->module) ||
	    !*name)
		return say(problem, size, name, "that is no module's name");
	if (is_loaded(name))
		return true;
	snprintf(preparation->module, sizeof(preparation->module), "%s", name);
	if (modprobe("-q", name))
		return true;
	preparation->module[0] = '\0';
	return say(problem, size, name, "modprobe could not load this module");
}

void prepare(struct agent *agent, const struct frame *request)
{
	const char *what = frame_get(request, "what"), *value = frame_get(request, "value");
	struct preparation *preparation = &agent->prepared[agent->prepared_count];
	char problem[300];
	bool good;

	if (agent->prepared_count == MAX_PREPARED) {
		send_error(agent, "more than %d preparations", MAX_PREPARED);
		return;
	}
	memset(preparation, 0, sizeof(*preparation));
	/* Counted first: also what is half done is to be undone. */
	agent->prepared_count++;
	if (what && value && strcmp(what, "hugepages") == 0)
		good = reserve_hugepages(preparation, value, problem, sizeof(problem));
	else if (what && value && strcmp(what, "module") == 0)
		good = load_module(preparation, value, problem, sizeof(problem));
	else
		good = say(problem, sizeof(problem), what ? what : "nothing",
			   "this cannot be prepared");
	if (good)
		send_done(agent);
	else
		send_error(agent, "%s", problem);
}

static bool undo_one(const struct preparation *preparation, char *problem, size_t size)
{
	if (preparation->file[0] && !write_text(preparation->file, preparation->before))
		return say(problem, size, preparation->file, strerror(errno));
	if (preparation->module[0] && !modprobe("-r", preparation->module))
		return say(problem, size, preparation->module, "this module could not be removed");
	return true;
}

bool undo_preparations(struct agent *agent, size_t keep, char *problem, size_t size)
{
	bool good = true;

	while (agent->prepared_count > keep) {
		good = undo_one(&agent->prepared[agent->prepared_count - 1], problem, size) && good;
		agent->prepared_count--;
	}
	return good;
}

bool restore_everything(struct agent *agent, char *problem, size_t size)
{
	char more[512];
	bool devices = restore_devices(agent, problem, size);
	bool rest = undo_preparations(agent, 0, more, sizeof(more));

	if (devices && !rest)
		snprintf(problem, size, "%s", more);
	return devices && rest;
}
