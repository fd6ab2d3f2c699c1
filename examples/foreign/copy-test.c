// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A test that knows nothing of iommutests, as anybody may have: it prints TAP. example.conf makes a suite of it. It looks at its
 * device in sysfs only, so that it can be shown on any machine.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *device;
static int failed;

static void report(unsigned int number, const char *name, int good)
{
	printf("%s %u %s\n", good ? "ok" : "not ok", number, name);
	failed |= !good;
}

/* The driver that has the device: the one that tests are given it by. */
static int is_given(void)
{
	char path[128], target[256];
	ssize_t length;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/driver", device);
	length = readlink(path, target, sizeof(target) - 1);
	if (length < 0)
		return 0;
	target[length] = '\0';
	printf("# driver: %s\n", target);
	return strcmp(strrchr(target, '/') + 1, "vfio-pci") == 0;
}

int main(int argc, char **argv)
{
	static const char *const names[] = { "small", "large", "unaligned" };
	const char *only = argc == 3 && strcmp(argv[1], "--only") == 0 ? argv[2] : NULL;
	unsigned int number = 0;

	device = getenv("COPY_TEST_DEVICE");
	if (!device || !*device) {
		printf("1..0 # SKIP no device in $COPY_TEST_DEVICE\n");
		return 4;
	}
	printf("TAP version 13\n1..%d\n", only ? 1 : 3);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!only || strcmp(only, names[i]) == 0)
			report(++number, names[i], is_given());
	return failed;
}
