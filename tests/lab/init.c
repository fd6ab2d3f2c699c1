/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A guest's init that does as told over the agent's port: "echo", "panic", "hang" or "off", a line each. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <unistd.h>

/* The port's device, by the name QEMU gave it. */
static int open_port(const char *name)
{
	DIR *ports = opendir("/sys/class/virtio-ports");
	struct dirent *entry;

	while (ports && (entry = readdir(ports))) {
		char path[512], found[64] = "";
		FILE *file;

		snprintf(path, sizeof(path), "/sys/class/virtio-ports/%s/name", entry->d_name);
		file = fopen(path, "r");
		if (!file)
			continue;
		if (!fgets(found, sizeof(found), file))
			found[0] = '\0';
		fclose(file);
		found[strcspn(found, "\n")] = '\0';
		if (strcmp(found, name) != 0)
			continue;
		snprintf(path, sizeof(path), "/dev/%s", entry->d_name);
		closedir(ports);
		return open(path, O_RDWR);
	}
	return -1;
}

int main(void)
{
	char line[64];
	FILE *port;
	int fd;

	mount("none", "/dev", "devtmpfs", 0, NULL);
	mount("none", "/sys", "sysfs", 0, NULL);
	fd = open_port("iommut.agent");
	port = fd < 0 ? NULL : fdopen(fd, "r");
	if (!port)
		return 1;
	while (fgets(line, sizeof(line), port)) {
		if (strcmp(line, "panic\n") == 0)
			return 1; /* the kernel panics when its init ends */
		if (strcmp(line, "hang\n") == 0)
			for (;;)
				pause();
		if (strcmp(line, "off\n") == 0)
			reboot(RB_POWER_OFF);
		if (write(fd, line, strlen(line)) < 0)
			return 1;
	}
	return 1;
}
