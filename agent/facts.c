// SPDX-License-Identifier: GPL-2.0-or-later
/* What machine this is: said once per run, for run.json. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/sha256.h"

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
	static int file = -1;
	char text[32];

	return read_again(&file, "/proc/sys/kernel/tainted", text, sizeof(text))
		       ? strtoull(text, NULL, 10)
		       : 0;
}

/* The value of the first line of a file of "name : value" lines that has the name; NULL if there is none. */
static char *line_of(const char *path, const char *name, char *line, int size)
{
	FILE *file = fopen(path, "re");
	char *value = NULL;

	while (file && !value && fgets(line, size, file)) {
		char *colon = strchr(line, ':');

		if (!colon || strncmp(line, name, strlen(name)) != 0)
			continue;
		value = colon + 1;
		value += strspn(value, " \t");
		value[strcspn(value, "\n")] = '\0';
	}
	if (file)
		fclose(file);
	return value;
}

static void send_line_of(struct agent *agent, const char *key, const char *path, const char *name)
{
	char line[1024];
	const char *value = line_of(path, name, line, sizeof(line));

	if (value)
		send_fact(agent, key, value);
}

/* What is measured here says nothing of an IOMMU made of hardware. Only x86 tells. */
static void send_virtual(struct agent *agent)
{
	char line[4096];
	const char *flags = line_of("/proc/cpuinfo", "flags", line, sizeof(line));

	if (flags && strstr(flags, " hypervisor"))
		send_fact(agent, "virtual", "yes");
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

/* Of the kernel's configuration, where a kernel or a distribution keeps it: "SHA256 of FILE". */
static void send_config_digest(struct agent *agent, const char *release)
{
	static const struct {
		const char *folder, *name;
		bool of_release;
	} places[] = {
		{ "/proc/config.gz", "", false },
		{ "/boot/config-", "", true },
		{ "/lib/modules/", "/config", true },
	};

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		char path[200], digest[SHA256_TEXT], text[300];

		snprintf(path, sizeof(path), "%s%s%s", places[i].folder,
			 places[i].of_release ? release : "", places[i].name);
		if (!sha256_file(path, digest))
			continue;
		snprintf(text, sizeof(text), "%s of %s", digest, path);
		send_fact(agent, "kernel_config", text);
		return;
	}
}

/* What the modules in question were told: "parameter.vfio_iommu_type1.allow_unsafe_interrupts". */
static void send_parameters(struct agent *agent)
{
	static const char *const modules[] = { "vfio",          "vfio_pci",
					       "vfio_pci_core", "vfio_iommu_type1",
					       "iommufd",       "iommu" };

	for (size_t i = 0; i < sizeof(modules) / sizeof(modules[0]); i++) {
		char path[100], key[200], file[400];
		struct dirent *entry;
		DIR *folder;

		snprintf(path, sizeof(path), "/sys/module/%s/parameters", modules[i]);
		folder = opendir(path);
		while (folder && (entry = readdir(folder))) {
			if (entry->d_name[0] == '.')
				continue;
			snprintf(key, sizeof(key), "parameter.%s.%.64s", modules[i], entry->d_name);
			snprintf(file, sizeof(file), "%s/%s", path, entry->d_name);
			send_file(agent, key, file);
		}
		if (folder)
			closedir(folder);
	}
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
		send_config_digest(agent, name.release);
	}
	send_file(agent, "command_line", "/proc/cmdline");
	snprintf(taint, sizeof(taint), "%llu", (unsigned long long)kernel_taint());
	send_fact(agent, "taint", taint);
	send_line_of(agent, "cpu", "/proc/cpuinfo", "model name");
	send_line_of(agent, "microcode", "/proc/cpuinfo", "microcode");
	send_virtual(agent);
	send_line_of(agent, "memory", "/proc/meminfo", "MemTotal");
	send_line_of(agent, "hugepages", "/proc/meminfo", "HugePages_Total");
	send_file(agent, "firmware", "/sys/class/dmi/id/bios_version");
	send_file(agent, "system", "/sys/class/dmi/id/product_name");
	send_parameters(agent);
	send_iommus(agent);
	send_groups(agent);
	send_done(agent);
}
