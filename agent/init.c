// SPDX-License-Identifier: GPL-2.0-or-later
/* The agent as process 1 of a guest: what an init must do and no more. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "agent/agent.h"

#define PORT_NAME       "iommut.agent"
#define PORT_TIMEOUT_MS 30000
#define PORT_RETRY_MS   5

static const struct {
	const char *type, *place, *options;
	bool required;
} file_systems[] = {
	{ "proc", "/proc", NULL, true },
	{ "sysfs", "/sys", NULL, true },
	{ "devtmpfs", "/dev", NULL, true },
	{ "devpts", "/dev/pts", NULL, false },
	{ "tmpfs", "/dev/shm", NULL, false },
	{ "tmpfs", "/tmp", NULL, false },
	{ "tmpfs", "/run", NULL, false },
	{ "debugfs", "/sys/kernel/debug", NULL, false },
	{ "tracefs", "/sys/kernel/tracing", NULL, false },
	{ "hugetlbfs", "/dev/hugepages", NULL, false },
};

static void mount_all(void)
{
	for (size_t i = 0; i < sizeof(file_systems) / sizeof(file_systems[0]); i++) {
		const char *place = file_systems[i].place;

		mkdir(place, 0755);
		if (mount(file_systems[i].type, place, file_systems[i].type, 0,
			  file_systems[i].options) != 0 &&
		    file_systems[i].required && errno != EBUSY)
			fprintf(stderr, "agent: mounting %s: %s\n", place, strerror(errno));
	}
}

static void load_module(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || (syscall(SYS_finit_module, fd, "", 0) != 0 && errno != EEXIST))
		fprintf(stderr, "agent: loading %s: %s\n", path, strerror(errno));
	if (fd >= 0)
		close(fd);
}

/* The order of their names is the order to load them in. */
static void load_modules(void)
{
	struct dirent **entries;
	int count = scandir("/modules", &entries, NULL, alphasort);

	for (int i = 0; i < count; i++) {
		char path[300];

		snprintf(path, sizeof(path), "/modules/%s", entries[i]->d_name);
		if (entries[i]->d_name[0] != '.')
			load_module(path);
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
}

/* iommut.hugepages=N on the kernel's command line. */
static void reserve_hugepages(void)
{
	char line[4096], *at;

	if (!read_text("/proc/cmdline", line, sizeof(line)))
		return;
	at = strstr(line, "iommut.hugepages=");
	if (!at)
		return;
	at += strlen("iommut.hugepages=");
	at[strcspn(at, " ")] = '\0';
	if (!write_text("/proc/sys/vm/nr_hugepages", at))
		fprintf(stderr, "agent: reserving %s hugepages: %s\n", at, strerror(errno));
}

static int open_named_port(void)
{
	DIR *ports = opendir("/sys/class/virtio-ports");
	struct dirent *entry;
	int fd = -1;

	while (ports && fd < 0 && (entry = readdir(ports))) {
		char path[PATH_MAX], name[64];

		snprintf(path, sizeof(path), "/sys/class/virtio-ports/%s/name", entry->d_name);
		if (!read_text(path, name, sizeof(name)) || strcmp(name, PORT_NAME) != 0)
			continue;
		snprintf(path, sizeof(path), "/dev/%s", entry->d_name);
		fd = open(path, O_RDWR | O_CLOEXEC);
	}
	if (ports)
		closedir(ports);
	return fd;
}

int init_prepare(void)
{
	const struct timespec pause = { .tv_nsec = PORT_RETRY_MS * 1000000 };
	int64_t deadline;
	int console, fd;

	mount_all();
	/* Without devtmpfs in the image's root there was no console to open for us. */
	console = open("/dev/console", O_RDWR | O_NOCTTY);
	for (int i = 0; console >= 0 && i <= 2; i++)
		if (console != i && fcntl(i, F_GETFD) < 0)
			dup2(console, i);
	if (console > 2)
		close(console);
	load_modules();
	reserve_hugepages();
	/* The port gets its name by a message of the host, at a time of the host's choice. */
	deadline = monotonic_us() / 1000 + PORT_TIMEOUT_MS;
	while ((fd = open_named_port()) < 0 && monotonic_us() / 1000 < deadline)
		nanosleep(&pause, NULL);
	if (fd < 0)
		fprintf(stderr, "agent: no virtio-serial port " PORT_NAME " within %d s\n",
			PORT_TIMEOUT_MS / 1000);
	return fd;
}

void init_power_off(void)
{
	sync();
	reboot(RB_POWER_OFF);
	/* Without ACPI: the machine's owner sees a halt at least. */
	reboot(RB_HALT_SYSTEM);
	abort();
}
