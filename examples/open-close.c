// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * open-close BDF [ROUNDS]: opens, uses and closes a device through each backend again and again in
 * one process, and tells whether a file descriptor, a mapping or a pinned page was left behind.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <iommut/accounting.h>
#include <iommut/device.h>
#include <iommut/irq.h>
#include <iommut/memory.h>
#include <iommut/region.h>

struct held {
	size_t files;
	size_t areas;
	uint64_t pinned;
	uint64_t locked;
};

static size_t entries(const char *path)
{
	DIR *folder = opendir(path);
	size_t count = 0;

	while (folder && readdir(folder))
		count++;
	if (folder)
		closedir(folder);
	return count;
}

static int look(struct held *held)
{
	struct iommut_accounting accounting;
	FILE *maps = fopen("/proc/self/maps", "re");
	int character, error;

	if (!maps)
		return -EIO;
	held->areas = 0;
	while ((character = getc(maps)) != EOF)
		held->areas += character == '\n';
	fclose(maps);
	held->files = entries("/proc/self/fd");
	error = iommut_accounting_get(&accounting);
	held->pinned = accounting.pinned;
	held->locked = accounting.locked;
	return error;
}

static int round_trip(enum iommut_backend backend, const char *bdf)
{
	struct iommut_region *region = NULL;
	struct iommut_memory *memory = NULL;
	struct iommut_device *device = NULL;
	struct iommut_irqs *irqs = NULL;
	struct iommut_space *space;
	uint32_t value, vectors;
	int error = iommut_space_open(&space, backend);

	if (error)
		return error;
	error = iommut_device_open(&device, space, bdf);
	if (!error)
		error = iommut_memory_alloc(&memory, 64 << 10, IOMMUT_MEMORY_ANONYMOUS);
	if (!error)
		error = iommut_space_map(space, memory->address, memory->length, 0x100000,
					 IOMMUT_RW);
	if (!error)
		error = iommut_region_open(&region, device, 0);
	if (!error)
		error = iommut_region_read32(region, 0, &value);
	if (!error)
		error = iommut_irq_count(device, IOMMUT_MSI, &vectors, NULL);
	if (!error && vectors)
		error = iommut_irqs_open(&irqs, device, IOMMUT_MSI, 1);
	iommut_irqs_close(irqs);
	iommut_region_close(region);
	iommut_device_close(device);
	iommut_space_close(space);
	iommut_memory_free(memory);
	return error;
}

int main(int argc, char **argv)
{
	unsigned int rounds = argc == 3 ? (unsigned int)strtoul(argv[2], NULL, 10) : 1000;
	int ret = 0;

	if (argc < 2 || argc > 3 || !rounds) {
		fprintf(stderr, "usage: open-close BDF [ROUNDS]\n");
		return 2;
	}
	for (int i = 0; i < IOMMUT_BACKENDS; i++) {
		const char *name = iommut_backend_name((enum iommut_backend)i);
		struct held before, after;
		char reason[128];
		int error;

		if (iommut_backend_probe((enum iommut_backend)i, reason, sizeof(reason))) {
			fprintf(stderr, "%s: %s\n", name, reason);
			ret = 1;
			continue;
		}
		/* The first round may leave what libc and the kernel keep for later. */
		error = round_trip((enum iommut_backend)i, argv[1]);
		if (!error)
			error = look(&before);
		for (unsigned int round = 1; round < rounds && !error; round++)
			error = round_trip((enum iommut_backend)i, argv[1]);
		if (!error)
			error = look(&after);
		if (error) {
			fprintf(stderr, "%s: %s\n", name, strerror(-error));
			ret = 1;
			continue;
		}
		printf("%s: %u rounds; files %zu -> %zu, areas %zu -> %zu, pinned %llu -> %llu, "
		       "locked %llu -> %llu\n",
		       name, rounds, before.files, after.files, before.areas, after.areas,
		       (unsigned long long)before.pinned, (unsigned long long)after.pinned,
		       (unsigned long long)before.locked, (unsigned long long)after.locked);
		if (after.files != before.files || after.areas > before.areas || after.pinned ||
		    after.locked)
			ret = 1;
	}
	return ret;
}
