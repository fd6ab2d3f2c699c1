// SPDX-License-Identifier: GPL-2.0-or-later
/* The programs of examples/, each run in a process of its own as a user would: it ends well, and prints what it says it prints. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/dma.h"

SUITE("examples", "the examples do what they say");

/* The examples' main functions, which the build has given other names. */
int dma_main(int argc, char **argv);
int fault_queue_main(int argc, char **argv);
int list_devices_main(int argc, char **argv);
int open_close_main(int argc, char **argv);
int pasid_main(int argc, char **argv);

static void ends(struct test *t, int (*example)(int argc, char **argv), const char *first,
		 const char *second, int status, const char *prints)
{
	char *arguments[] = { (char *)"example", (char *)first, (char *)second, NULL };
	int count = !first ? 1 : !second ? 2 : 3, ways[2], result;
	char output[8192];
	size_t length = 0;
	ssize_t got;
	pid_t child;

	expect_zero(t, pipe(ways));
	fflush(stdout);
	child = fork();
	expect(t, child >= 0);
	if (!child) {
		dup2(ways[1], STDOUT_FILENO);
		dup2(ways[1], STDERR_FILENO);
		close(ways[0]);
		close(ways[1]);
		exit(example(count, arguments));
	}
	close(ways[1]);
	while ((got = read(ways[0], output + length, sizeof(output) - 1 - length)) > 0)
		length += (size_t)got;
	close(ways[0]);
	output[length] = '\0';
	expect(t, waitpid(child, &result, 0) == child);
	note(t, "%s", output);
	expect_that(t, WIFEXITED(result) && WEXITSTATUS(result) == status, "status 0x%x", result);
	expect_that(t, strstr(output, prints), "it does not print '%s'", prints);
}

CASE(list_devices, .proves = "list-devices lists the device under test",
     .rule = "examples/list-devices.c")
{
	ends(t, list_devices_main, NULL, NULL, 0, test_device_name(t, 0));
}

CASE(dma,
     .proves = "dma lets a device write to mapped memory, and not any more once it is unmapped",
     .rule = "examples/dma.c", .parameters = { BACKENDS })
{
	rig_close(rig_open(t));
	provokes_faults(t, &(struct provocation){ .device = test_device_name(t, 0),
						  .access = PROVOKED_WRITE,
						  .first = 0x100000,
						  .last = 0x100fff,
						  .pasid = IOMMUT_NO_PASID });
	ends(t, dma_main, test_device_name(t, 0), param(t, "backend"), 0,
	     "unmapped: the device wrote nothing");
	ends(t, dma_main, NULL, NULL, 2, "usage: dma");
	ends(t, dma_main, "0000:ff:1f.7", param(t, "backend"), 1, "dma: 0000:ff:1f.7");
}

CASE(open_close, .proves = "open-close leaves nothing behind", .rule = "examples/open-close.c",
     .timeout_ms = 60000)
{
	ends(t, open_close_main, test_device_name(t, 0), "5", 0, "iommufd: 5 rounds");
}

CASE(pasid, .proves = "pasid shows two address spaces of one device", .rule = "examples/pasid.c",
     .needs = LIST("engine.pasid"))
{
	struct rig *rig = rig_open(t);

	need(rig, ENGINE_PASID);
	rig_close(rig);
	ends(t, pasid_main, test_device_name(t, 0), NULL, 0, "PASID 2: ok");
}

CASE(fault_queue, .proves = "fault-queue answers a page request", .rule = "examples/fault-queue.c",
     .needs = LIST("engine.pri"))
{
	struct rig *rig = rig_open(t);

	need(rig, ENGINE_PRI);
	rig_close(rig);
	/* The device asks for the page after a translation that fails. */
	provokes_faults(t, &(struct provocation){ .device = test_device_name(t, 0),
						  .access = PROVOKED_READ | PROVOKED_WRITE,
						  .first = 0x100000,
						  .last = 0x100fff,
						  .pasid = 1 });
	ends(t, fault_queue_main, test_device_name(t, 0), NULL, 0, "the transfer ended: ok");
}
