// SPDX-License-Identifier: GPL-2.0-or-later
/* PCI functions: what they are, who uses them, giving them to vfio-pci and back. */
#include <dirent.h>
#include <endian.h>
#include <errno.h>
#include <linux/pci_regs.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/agent.h"
#include "engines/engine.h"

#define DRIVER "vfio-pci"

/* Whether an entry of a class belongs to a function: its folder lies in the function's. */
static bool belongs_to(const char *class, const char *entry, const char *function)
{
	char link[PATH_MAX], target[PATH_MAX], folder[64];

	snprintf(link, sizeof(link), "/sys/class/%s/%s", class, entry);
	snprintf(folder, sizeof(folder), "/%s/", function);
	return realpath(link, target) && strstr(target, folder);
}

static void network_use(const char *function, char *use, size_t size)
{
	DIR *interfaces = opendir("/sys/class/net");
	struct dirent *entry;

	while (interfaces && !*use && (entry = readdir(interfaces))) {
		char path[PATH_MAX], text[32];

		snprintf(path, sizeof(path), "/sys/class/net/%s/flags", entry->d_name);
		if (entry->d_name[0] != '.' && belongs_to("net", entry->d_name, function) &&
		    read_text(path, text, sizeof(text)) && (strtoul(text, NULL, 16) & IFF_UP))
			snprintf(use, size, "network interface %s is up", entry->d_name);
	}
	if (interfaces)
		closedir(interfaces);
}

/* Whether a file has a line with this word, words being separated by spaces or tabs. */
static bool file_has_word(const char *path, const char *word)
{
	FILE *file = fopen(path, "re");
	bool found = false;
	char line[4096];

	while (file && !found && fgets(line, sizeof(line), file)) {
		char *rest = line, *part;

		while (!found && (part = strsep(&rest, " \t\n")))
			found = strcmp(part, word) == 0;
	}
	if (file)
		fclose(file);
	return found;
}

static bool has_entries(const char *path)
{
	DIR *folder = opendir(path);
	struct dirent *entry;
	bool found = false;

	while (folder && !found && (entry = readdir(folder)))
		found = entry->d_name[0] != '.';
	if (folder)
		closedir(folder);
	return found;
}

static void block_use(const char *function, char *use, size_t size)
{
	DIR *devices = opendir("/sys/class/block");
	struct dirent *entry;

	while (devices && !*use && (entry = readdir(devices))) {
		char path[PATH_MAX], number[32], node[300];

		if (entry->d_name[0] == '.' || !belongs_to("block", entry->d_name, function))
			continue;
		snprintf(path, sizeof(path), "/sys/class/block/%s/dev", entry->d_name);
		snprintf(node, sizeof(node), "/dev/%s", entry->d_name);
		if ((read_text(path, number, sizeof(number)) &&
		     file_has_word("/proc/self/mountinfo", number)) ||
		    file_has_word("/proc/self/mounts", node))
			snprintf(use, size, "%s is mounted", node);
		else if (file_has_word("/proc/swaps", node))
			snprintf(use, size, "%s is swap space", node);
		snprintf(path, sizeof(path), "/sys/class/block/%s/holders", entry->d_name);
		if (!*use && has_entries(path))
			snprintf(use, size, "%s is part of another block device", node);
	}
	if (devices)
		closedir(devices);
}

/* Why a function must not be taken from its driver; empty if it may be. */
static void use_of(const struct iommut_pci_device *device, char *use, size_t size)
{
	*use = '\0';
	if (!device->driver[0] || strncmp(device->driver, "vfio", 4) == 0)
		return;
	if (device->is_bridge) {
		snprintf(use, size, "it is a bridge");
		return;
	}
	network_use(device->name, use, size);
	if (!*use)
		block_use(device->name, use, size);
}

void send_devices(struct agent *agent)
{
	struct iommut_pci_device *devices = NULL;
	size_t count = 0;
	int error = iommut_pci_list(&devices, &count);

	if (error && error != -EOPNOTSUPP) {
		send_error(agent, "list of PCI functions: %s", strerror(-error));
		return;
	}
	for (size_t i = 0; i < count; i++) {
		const struct iommut_pci_device *device = &devices[i];
		const struct engine_driver *engine =
			engine_find(device->vendor, device->device, device->class_code);
		struct message message = { 0 };
		char use[400];

		use_of(device, use, sizeof(use));
		message_add(&message, "name", device->name);
		message_addf(&message, "vendor", "%04x", device->vendor);
		message_addf(&message, "device", "%04x", device->device);
		message_addf(&message, "class", "%06x", device->class_code);
		message_addf(&message, "group", "%d", device->iommu_group);
		message_add(&message, "driver", device->driver);
		message_add(&message, "engine", engine ? engine->name : "");
		message_add(&message, "use", use);
		send_frame(agent, FRAME_DEVICE, &message);
	}
	free(devices);
	send_done(agent);
}

/* PCIe 4.0, 7.5.1.1.4: after a reset nobody has to wait. */
static bool immediately_ready(const char *name)
{
	uint16_t status = 0;

	return iommut_pci_config_read(name, PCI_STATUS, &status, sizeof(status)) ==
		       sizeof(status) &&
	       (le16toh(status) & PCI_STATUS_IMM_READY);
}

/*
 * VFIO resets a function whenever it is opened. Linux waits 100 ms for a function level reset of a function that needs time, but
 * 20 ms for one by power state, and in a guest of ours nothing else hangs on the choice. Cases about resets choose for themselves.
 */
static void prefer_quick_reset(const char *name)
{
	char methods[128];

	if (iommut_pci_reset_methods(name, methods, sizeof(methods)) == 0 &&
	    strstr(methods, "flr") && strstr(methods, "pm"))
		(void)iommut_pci_set_reset_methods(name, immediately_ready(name) ? "flr" : "pm");
}

/*
 * Whenever a driver enables a function, Linux interprets the firmware's table of interrupt routes, a third of the time that
 * opening it takes on an emulated processor. A function that is enabled already costs that once.
 */
static void enable_once(const struct iommut_pci_device *device)
{
	if (!device->driver[0])
		(void)iommut_pci_enable(device->name, true);
}

static bool bind_one(struct agent *agent, const struct iommut_pci_device *device, bool force)
{
	struct iommut_pci_binding *before = &agent->bound[agent->bound_count];
	char use[400];
	int error;

	use_of(device, use, sizeof(use));
	if (*use && !force) {
		send_error(agent, "%s is in use: %s", device->name, use);
		return false;
	}
	if (agent->bound_count == MAX_BOUND) {
		send_error(agent, "more than %d functions", MAX_BOUND);
		return false;
	}
	if (agent->init) {
		prefer_quick_reset(device->name);
		enable_once(device);
	}
	if (strcmp(device->driver, DRIVER) == 0)
		return true;
	error = iommut_pci_bind(device->name, DRIVER, before);
	/* A function that is half taken is to be restored as well. */
	if (before->name[0])
		agent->bound_count++;
	if (error == -ENOENT)
		send_error(agent,
			   "%s: this kernel has no driver " DRIVER
			   ": load its module (modprobe " DRIVER
			   "), or use a kernel with CONFIG_VFIO_PCI",
			   device->name);
	else if (error == -EACCES || error == -EPERM)
		send_error(agent, "%s: binding to " DRIVER ": %s: run as root", device->name,
			   strerror(-error));
	else if (error)
		send_error(agent, "%s: binding to " DRIVER ": %s", device->name, strerror(-error));
	return error == 0;
}

/* A group can only be used through VFIO if no function of it is left to another driver. */
void bind_device(struct agent *agent, const struct frame *request)
{
	const char *name = frame_get(request, "device");
	bool force = frame_get_number(request, "force", 0);
	struct iommut_pci_device device, *members = NULL;
	size_t count = 0;
	bool good = true;
	int error = name ? iommut_pci_get(name, &device) : -EINVAL;

	if (error) {
		send_error(agent, "%s: %s", name ? name : "device", strerror(-error));
		return;
	}
	if (device.iommu_group < 0) {
		send_error(agent,
			   "%s has no IOMMU group: the kernel found no IOMMU or it is switched off",
			   device.name);
		return;
	}
	error = iommut_pci_group(device.iommu_group, &members, &count);
	if (error) {
		send_error(agent, "IOMMU group %d: %s", device.iommu_group, strerror(-error));
		return;
	}
	for (size_t i = 0; i < count && good; i++) {
		bool chosen = strcmp(members[i].name, device.name) == 0;

		if (chosen || (members[i].driver[0] && !members[i].is_bridge))
			good = bind_one(agent, &members[i], force);
	}
	free(members);
	if (good)
		send_done(agent);
}

bool restore_devices(struct agent *agent, char *problem, size_t size)
{
	bool good = true;

	*problem = '\0';
	while (agent->bound_count) {
		struct iommut_pci_binding *before = &agent->bound[--agent->bound_count];
		int error = iommut_pci_restore(before);

		/* A function that a case unplugged cannot and need not be restored. */
		if (error && error != -ENODEV) {
			snprintf(problem, size, "%s could not be given back to driver '%s': %s",
				 before->name, before->driver, strerror(-error));
			good = false;
		}
		memset(before, 0, sizeof(*before));
	}
	return good;
}
