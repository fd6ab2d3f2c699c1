// SPDX-License-Identifier: GPL-2.0-or-later
/* What a case must have given back by its end: descriptors, and memory that is pinned or locked for DMA. */
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/case.h"

#define MAX_DESCRIPTORS 1024

struct belongings {
	bool open[MAX_DESCRIPTORS];
	unsigned long long pinned_kb;
	unsigned long long locked_kb;
};

static unsigned long long status_kb(const char *status, const char *name)
{
	const char *line = strstr(status, name);

	return line ? strtoull(line + strlen(name), NULL, 10) : 0;
}

static void see_memory(struct belongings *seen)
{
	char status[4096] = "";
	FILE *file = fopen("/proc/self/status", "re");
	size_t length = file ? fread(status, 1, sizeof(status) - 1, file) : 0;

	status[length] = '\0';
	if (file)
		fclose(file);
	seen->pinned_kb = status_kb(status, "\nVmPin:");
	seen->locked_kb = status_kb(status, "\nVmLck:");
}

static bool see(struct belongings *seen)
{
	DIR *folder = opendir("/proc/self/fd");
	struct dirent *entry;

	if (!folder)
		return false;
	while ((entry = readdir(folder))) {
		int number = atoi(entry->d_name);

		if (entry->d_name[0] != '.' && number < MAX_DESCRIPTORS && number != dirfd(folder))
			seen->open[number] = true;
	}
	closedir(folder);
	see_memory(seen);
	return true;
}

/* NULL where nothing can be seen: then nothing is judged. */
struct belongings *note_belongings(void)
{
	static struct belongings before;

	return see(&before) ? &before : NULL;
}

static void name_descriptor(struct test *t, int number)
{
	char path[64], target[PATH_MAX];
	ssize_t length;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", number);
	length = readlink(path, target, sizeof(target) - 1);
	target[length > 0 ? length : 0] = '\0';
	note(t, "seen: descriptor %d is still open: %s", number, target);
}

bool left_nothing_behind(struct test *t)
{
	static struct belongings after;
	const struct belongings *before = t->belongings;
	bool good = true;

	if (!before || !see(&after))
		return true;
	for (int i = 0; i < MAX_DESCRIPTORS; i++)
		if (after.open[i] && !before->open[i]) {
			name_descriptor(t, i);
			good = false;
		}
	if (after.pinned_kb > before->pinned_kb) {
		note(t, "seen: %llu KiB are still pinned", after.pinned_kb - before->pinned_kb);
		good = false;
	}
	if (after.locked_kb > before->locked_kb) {
		note(t, "seen: %llu KiB are still accounted as locked",
		     after.locked_kb - before->locked_kb);
		good = false;
	}
	if (!good)
		note(t, "expected: everything given back at the end of the case");
	return good;
}
