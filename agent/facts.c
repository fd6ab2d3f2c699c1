// SPDX-License-Identifier: GPL-2.0-or-later
/* What machine this is: said once per run, for run.json. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "agent/agent.h"

static void send_fact(struct agent *agent, const char *key, const char *value)
{
	struct message message = { 0 };

	message_add(&message, "key", key);
	message_add(&message, "value", value);
	send_frame(agent, FRAME_FACT, &message);
}

static void send_file(struct agent *agent, const char *key, const char *path)
{
	char text[4096];

	if (read_text(path, text, sizeof(text)))
		send_fact(agent, key, text);
}

uint64_t kernel_taint(void)
{
	char text[32];

	return read_text("/proc/sys/kernel/tainted", text, sizeof(text)) ? strtoull(text, NULL, 10)
									 : 0;
}

/* The first line of a file of "name : value" lines that has the name. */
static void send_line_of(struct agent *agent, const char *key, const char *path, const char *name)
{
	FILE *file = fopen(path, "re");
	char line[1024];

	while (file && fgets(line, sizeof(line), file)) {
		char *colon = strchr(line, ':');

		if (!colon || strncmp(line, name, strlen(name)) != 0)
			continue;
		colon++;
		colon += strspn(colon, " \t");
		colon[strcspn(colon, "\n")] = '\0';
		send_fact(agent, key, colon);
		break;
	}
	if (file)
		fclose(file);
}

/* Every file of a driver's folder below an IOMMU: "iommu.dmar0.intel-iommu.ecap". */
static void send_iommu_files(struct agent *agent, const char *iommu, const char *folder)
{
	char path[PATH_MAX], key[600], file[PATH_MAX + 300];
	struct dirent *entry;
	DIR *files;

	snprintf(path, sizeof(path), "/sys/class/iommu/%s/%s", iommu, folder);
	files = opendir(path);
	while (files && (entry = readdir(files))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(key, sizeof(key), "iommu.%.64s.%.64s.%.64s", iommu, folder, entry->d_name);
		snprintf(file, sizeof(file), "%s/%s", path, entry->d_name);
		send_file(agent, key, file);
	}
	if (files)
		closedir(files);
}

static void send_iommus(struct agent *agent)
{
	static const char *const folders[] = { "intel-iommu", "amd-iommu", "arm-smmu-v3" };
	DIR *iommus = opendir("/sys/class/iommu");
	struct dirent *entry;
	char names[1024] = "";

	while (iommus && (entry = readdir(iommus))) {
		size_t length = strlen(names);

		if (entry->d_name[0] == '.')
			continue;
		snprintf(names + length, sizeof(names) - length, "%s%s", length ? " " : "",
			 entry->d_name);
		for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
			send_iommu_files(agent, entry->d_name, folders[i]);
	}
	if (iommus)
		closedir(iommus);
	send_fact(agent, "iommus", names);
}

static void send_groups(struct agent *agent)
{
	DIR *groups = opendir("/sys/kernel/iommu_groups");
	struct dirent *entry;

	while (groups && (entry = readdir(groups))) {
		char path[PATH_MAX], key[300];

		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/sys/kernel/iommu_groups/%s/type", entry->d_name);
		snprintf(key, sizeof(key), "group.%s.type", entry->d_name);
		send_file(agent, key, path);
	}
	if (groups)
		closedir(groups);
}

void send_environment(struct agent *agent)
{
	struct utsname name;
	char taint[32];

	if (uname(&name) == 0) {
		send_fact(agent, "kernel", name.release);
		send_fact(agent, "kernel_build", name.version);
		send_fact(agent, "machine", name.machine);
		send_fact(agent, "host", name.nodename);
	}
	send_file(agent, "command_line", "/proc/cmdline");
	snprintf(taint, sizeof(taint), "%llu", (unsigned long long)kernel_taint());
	send_fact(agent, "taint", taint);
	send_line_of(agent, "cpu", "/proc/cpuinfo", "model name");
	send_line_of(agent, "microcode", "/proc/cpuinfo", "microcode");
	send_line_of(agent, "memory", "/proc/meminfo", "MemTotal");
	send_line_of(agent, "hugepages", "/proc/meminfo", "HugePages_Total");
	send_file(agent, "firmware", "/sys/class/dmi/id/bios_version");
	send_file(agent, "system", "/sys/class/dmi/id/product_name");
	send_iommus(agent);
	send_groups(agent);
	send_done(agent);
}
