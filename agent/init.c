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
#define PORT_DRIVER     "/sys/bus/virtio/drivers/virtio_console"
#define RESUME_MS       300

static const struct timespec retry_pause = { .tv_nsec = 5000000 };

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

/* The name of our port in /sys/class/virtio-ports: "vport1p1". */
static bool find_port(char *port, size_t size)
{
	DIR *ports = opendir("/sys/class/virtio-ports");
	struct dirent *entry;
	bool found = false;

	while (ports && !found && (entry = readdir(ports))) {
		char path[PATH_MAX], name[64];

		snprintf(path, sizeof(path), "/sys/class/virtio-ports/%s/name", entry->d_name);
		found = read_text(path, name, sizeof(name)) && strcmp(name, PORT_NAME) == 0;
		if (found)
			snprintf(port, size, "%s", entry->d_name);
	}
	if (ports)
		closedir(ports);
	return found;
}

/* The port gets its name by a message of the host, at a time of the host's choice. */
static int wait_for_port(void)
{
	int64_t deadline = monotonic_us() / 1000 + PORT_TIMEOUT_MS;
	char port[NAME_MAX + 1], path[PATH_MAX];
	int fd = -1;

	while (fd < 0 && monotonic_us() / 1000 < deadline) {
		if (find_port(port, sizeof(port))) {
			snprintf(path, sizeof(path), "/dev/%s", port);
			fd = open(path, O_RDWR | O_CLOEXEC);
		}
		if (fd < 0)
			nanosleep(&retry_pause, NULL);
	}
	if (fd < 0)
		fprintf(stderr, "agent: no virtio-serial port " PORT_NAME " within %d s\n",
			PORT_TIMEOUT_MS / 1000);
	return fd;
}

/* A port looks as if it had been closed until the host's word that it is open has come. */
static bool host_is_there(int fd, int timeout_ms)
{
	int64_t deadline = monotonic_us() / 1000 + timeout_ms;
	struct pollfd port = { .fd = fd };

	while (poll(&port, 1, 0) != 0) {
		if (monotonic_us() / 1000 > deadline)
			return false;
		nanosleep(&retry_pause, NULL);
	}
	return true;
}

/* The driver of the device with our port starts anew. */
static bool restart_driver(void)
{
	char port[NAME_MAX + 1], path[PATH_MAX], target[PATH_MAX];
	const char *device;
	ssize_t length;

	if (!find_port(port, sizeof(port)))
		return false;
	snprintf(path, sizeof(path), "/sys/class/virtio-ports/%s/device", port);
	length = readlink(path, target, sizeof(target) - 1);
	if (length < 0)
		return false;
	target[length] = '\0';
	device = strrchr(target, '/') ? strrchr(target, '/') + 1 : target;
	return write_text(PORT_DRIVER "/unbind", device) && write_text(PORT_DRIVER "/bind", device);
}

int init_resume(int fd)
{
	if (host_is_there(fd, RESUME_MS))
		return fd;
	/* Linux 7.3 has asked the host before there was room for its answer (docs/findings.md). A driver that starts asks again. */
	close(fd);
	if (!restart_driver()) {
		fprintf(stderr, "agent: cannot restart " PORT_DRIVER ": %s\n", strerror(errno));
		return -1;
	}
	fd = wait_for_port();
	if (fd >= 0 && !host_is_there(fd, PORT_TIMEOUT_MS)) {
		close(fd);
		fd = -1;
	}
	return fd;
}

int init_prepare(void)
{
	int console;

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
	return wait_for_port();
}

void init_power_off(void)
{
	sync();
	reboot(RB_POWER_OFF);
	/* Without ACPI: the machine's owner sees a halt at least. */
	reboot(RB_HALT_SYSTEM);
	abort();
}
