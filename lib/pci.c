// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/pci_regs.h>

#include <iommut/pci.h>

#include "lib/pci.h"

#define SYSFS_DEVICES "/sys/bus/pci/devices"

/* At most @digits hexadecimal digits and then @end; moves *text behind it. */
static int parse_field(const char **text, unsigned int digits, char end, uint32_t max,
		       uint32_t *value)
{
	const char *at = *text;

	*value = 0;
	while (digits && isxdigit((unsigned char)*at)) {
		*value = *value << 4 |
			 (uint32_t)(isdigit((unsigned char)*at) ? *at - '0'
								: (*at | 0x20) - 'a' + 10);
		at++;
		digits--;
	}
	if (at == *text || *at != end || *value > max)
		return -EINVAL;
	*text = end ? at + 1 : at;
	return 0;
}

int iommut_bdf_parse(const char *text, struct iommut_bdf *bdf)
{
	const char *colon = strchr(text, ':');
	uint32_t domain = 0, bus, device, function;

	if (colon && strchr(colon + 1, ':') && parse_field(&text, 8, ':', UINT32_MAX, &domain))
		return -EINVAL;
	if (parse_field(&text, 2, ':', 0xff, &bus) || parse_field(&text, 2, '.', 0x1f, &device) ||
	    parse_field(&text, 1, '\0', 7, &function))
		return -EINVAL;
	bdf->domain = domain;
	bdf->bus = bus;
	bdf->device = device;
	bdf->function = function;
	return 0;
}

static char *put_hex(char *at, uint32_t value, unsigned int digits)
{
	while (digits--)
		*at++ = "0123456789abcdef"[value >> 4 * digits & 0xf];
	return at;
}

/* By hand: every opening of a device comes here, and snprintf() would be what it spends most instructions of its own on. */
int iommut_bdf_format(const struct iommut_bdf *bdf, char *text, size_t size)
{
	unsigned int digits = 4;
	char whole[17], *at;
	size_t kept;

	while (digits < 8 && bdf->domain >> 4 * digits)
		digits++;
	at = put_hex(whole, bdf->domain, digits);
	*at++ = ':';
	at = put_hex(at, bdf->bus, 2);
	*at++ = ':';
	at = put_hex(at, bdf->device, 2);
	*at++ = '.';
	at = put_hex(at, bdf->function, 1);
	if (size) {
		kept = (size_t)(at - whole) < size ? (size_t)(at - whole) : size - 1;
		memcpy(text, whole, kept);
		text[kept] = '\0';
	}
	return (int)(at - whole);
}

int pci_path(const char *name, const char *file, char *path, size_t size)
{
	struct iommut_bdf bdf;
	char text[17];
	int ret = iommut_bdf_parse(name, &bdf);

	if (ret)
		return ret;
	iommut_bdf_format(&bdf, text, sizeof(text));
	ret = snprintf(path, size, SYSFS_DEVICES "/%s%s%s", text, *file ? "/" : "", file);
	return ret < (int)size ? 0 : -ENAMETOOLONG;
}

static int read_number(const struct iommut_syscalls *sys, const char *name, const char *file,
		       long *value)
{
	char path[128], text[64], *end;
	ssize_t length;
	int ret = pci_path(name, file, path, sizeof(path));

	length = ret ? ret : sys_read_file(sys, path, text, sizeof(text));
	if (length < 0)
		return length;
	errno = 0;
	*value = strtol(text, &end, 0);
	return errno || end == text || *end ? -EBADMSG : 0;
}

/* The last part of where a link of a function points to. */
static int read_link(const struct iommut_syscalls *sys, const char *name, const char *file,
		     char *target, size_t size)
{
	char path[128], link[PATH_MAX], *last;
	ssize_t length;
	int ret = pci_path(name, file, path, sizeof(path));

	if (ret)
		return ret;
	length = sys_readlink(sys, path, link, sizeof(link) - 1);
	if (length < 0)
		return length;
	link[length] = '\0';
	last = strrchr(link, '/');
	last = last ? last + 1 : link;
	length -= last - link;
	if ((size_t)length >= size)
		return -ENAMETOOLONG;
	memcpy(target, last, length + 1);
	return 0;
}

int pci_group_on(const struct iommut_syscalls *sys, const char *name)
{
	char target[64];
	int ret = read_link(sys, name, "iommu_group", target, sizeof(target));

	if (ret)
		return ret == -ENOENT ? -ENODEV : ret;
	return atoi(target);
}

int pci_get_on(const struct iommut_syscalls *sys, const char *name,
	       struct iommut_pci_device *device)
{
	struct iommut_pci_device found = { .iommu_group = -1, .numa_node = -1 };
	uint8_t header = 0;
	char target[64], path[128];
	long value;
	int fd, ret;

	ret = iommut_bdf_parse(name, &found.bdf);
	if (ret)
		return ret;
	iommut_bdf_format(&found.bdf, found.name, sizeof(found.name));
#define FIELD(file, field)                                        \
	do {                                                      \
		ret = read_number(sys, found.name, file, &value); \
		if (ret)                                          \
			return ret == -ENOENT ? -ENODEV : ret;    \
		found.field = value;                              \
	} while (0)
	FIELD("vendor", vendor);
	FIELD("device", device);
	FIELD("subsystem_vendor", subsystem_vendor);
	FIELD("subsystem_device", subsystem_device);
	FIELD("class", class_code);
	FIELD("revision", revision);
#undef FIELD
	if (!read_number(sys, found.name, "numa_node", &value))
		found.numa_node = value;
	if (!read_link(sys, found.name, "iommu_group", target, sizeof(target)))
		found.iommu_group = atoi(target);
	if (read_link(sys, found.name, "driver", found.driver, sizeof(found.driver)))
		found.driver[0] = '\0';
	found.is_virtual = !read_link(sys, found.name, "physfn", target, sizeof(target));
	ret = pci_path(found.name, "config", path, sizeof(path));
	fd = ret ? ret : sys_open(sys, path, O_RDONLY, 0);
	if (fd >= 0) {
		if (sys_pread(sys, fd, &header, 1, PCI_HEADER_TYPE) == 1)
			found.is_bridge = (header & 0x7f) != PCI_HEADER_TYPE_NORMAL;
		sys_close(sys, fd);
	}
	*device = found;
	return 0;
}

int iommut_pci_get(const char *name, struct iommut_pci_device *device)
{
	return pci_get_on(NULL, name, device);
}

/* A DIR of the real kernel over a descriptor that may come from a fake one. */
static int open_folder(const struct iommut_syscalls *sys, const char *path, DIR **folder)
{
	int fd = sys_open(sys, path, O_RDONLY | O_DIRECTORY, 0);
	int error;

	if (fd < 0)
		return fd;
	*folder = fdopendir(fd);
	if (*folder)
		return 0;
	error = -errno;
	sys_close(sys, fd);
	return error;
}

int pci_first_entry_on(const struct iommut_syscalls *sys, const char *folder, const char *prefix,
		       char *name, size_t size)
{
	struct dirent *entry;
	DIR *open;
	int ret = open_folder(sys, folder, &open);

	if (ret)
		return ret;
	ret = -ENOENT;
	while (ret == -ENOENT && (entry = readdir(open)))
		if (!strncmp(entry->d_name, prefix, strlen(prefix)))
			ret = snprintf(name, size, "%s", entry->d_name) < (int)size ? 0
										    : -ENAMETOOLONG;
	closedir(open);
	return ret;
}

static int compare_devices(const void *a, const void *b)
{
	const struct iommut_bdf *x = &((const struct iommut_pci_device *)a)->bdf;
	const struct iommut_bdf *y = &((const struct iommut_pci_device *)b)->bdf;

	if (x->domain != y->domain)
		return x->domain < y->domain ? -1 : 1;
	if (x->bus != y->bus)
		return x->bus - y->bus;
	return x->device != y->device ? x->device - y->device : x->function - y->function;
}

int pci_list_on(const struct iommut_syscalls *sys, const char *folder,
		struct iommut_pci_device **devices, size_t *count)
{
	struct iommut_pci_device *list, *larger;
	size_t room = 16, found = 0;
	struct dirent *entry;
	struct iommut_bdf bdf;
	DIR *open;
	int ret = open_folder(sys, folder, &open);

	if (ret)
		return ret;
	list = sys_calloc(sys, room, sizeof(*list));
	ret = list ? 0 : -ENOMEM;
	while (!ret && (entry = readdir(open))) {
		if (iommut_bdf_parse(entry->d_name, &bdf))
			continue;
		if (found == room) {
			larger = sys_calloc(sys, 2 * room, sizeof(*list));
			if (!larger) {
				ret = -ENOMEM;
				break;
			}
			memcpy(larger, list, room * sizeof(*list));
			free(list);
			list = larger;
			room *= 2;
		}
		ret = pci_get_on(sys, entry->d_name, &list[found]);
		/* A function may vanish between the two looks. */
		if (ret == -ENODEV)
			ret = 0;
		else if (!ret)
			found++;
	}
	closedir(open);
	if (ret) {
		free(list);
		return ret;
	}
	qsort(list, found, sizeof(*list), compare_devices);
	*devices = list;
	*count = found;
	return 0;
}

int iommut_pci_list(struct iommut_pci_device **devices, size_t *count)
{
	int ret = pci_list_on(NULL, SYSFS_DEVICES, devices, count);

	return ret == -ENOENT ? -EOPNOTSUPP : ret;
}

int iommut_pci_group(int group, struct iommut_pci_device **devices, size_t *count)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/kernel/iommu_groups/%d/devices", group);
	return pci_list_on(NULL, path, devices, count);
}

int iommut_pci_group_type(int group, char *type, size_t size)
{
	char path[64];
	ssize_t ret;

	snprintf(path, sizeof(path), "/sys/kernel/iommu_groups/%d/type", group);
	ret = sys_read_file(NULL, path, type, size);
	return ret < 0 ? ret : 0;
}

int pci_group_reserved_on(const struct iommut_syscalls *sys, int group,
			  struct iommut_pci_reserved **regions, size_t *count)
{
	char path[64], text[8192], *line, *rest;
	struct iommut_pci_reserved *list;
	size_t lines = 1, found = 0;
	ssize_t length;

	snprintf(path, sizeof(path), "/sys/kernel/iommu_groups/%d/reserved_regions", group);
	length = sys_read_file(sys, path, text, sizeof(text));
	if (length < 0)
		return length;
	for (const char *at = text; *at; at++)
		lines += *at == '\n';
	list = sys_calloc(sys, lines, sizeof(*list));
	if (!list)
		return -ENOMEM;
	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		unsigned long long start, last;

		if (sscanf(line, "%llx %llx %23s", &start, &last, list[found].type) != 3) {
			free(list);
			return -EBADMSG;
		}
		list[found].range.start = start;
		list[found].range.last = last;
		found++;
	}
	*regions = list;
	*count = found;
	return 0;
}

int iommut_pci_group_reserved(int group, struct iommut_pci_reserved **regions, size_t *count)
{
	return pci_group_reserved_on(NULL, group, regions, count);
}

static int config_access(const char *name, uint32_t offset, void *in, const void *out,
			 size_t length)
{
	char path[128];
	ssize_t done;
	int fd, ret;

	ret = pci_path(name, "config", path, sizeof(path));
	if (ret)
		return ret;
	fd = sys_open(NULL, path, in ? O_RDONLY : O_WRONLY, 0);
	if (fd < 0)
		return fd == -ENOENT ? -ENODEV : fd;
	done = in ? sys_pread(NULL, fd, in, length, offset)
		  : sys_pwrite(NULL, fd, out, length, offset);
	sys_close(NULL, fd);
	return done;
}

int iommut_pci_config_read(const char *name, uint32_t offset, void *data, size_t length)
{
	return config_access(name, offset, data, NULL, length);
}

int iommut_pci_config_write(const char *name, uint32_t offset, const void *data, size_t length)
{
	return config_access(name, offset, NULL, data, length);
}
