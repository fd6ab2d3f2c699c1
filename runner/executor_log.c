// SPDX-License-Identifier: GPL-2.0-or-later
/* What the kernel's log says of the cases that run. */
#include <string.h>

#include "runner/executor.h"
#include "runner/foreign.h"

#define MAX_KERNEL (1u << 20)

static gboolean is_allowed(const struct executor *executor, const char *line)
{
	for (guint i = 0; i < executor->allowed->len; i++)
		if (g_regex_match(executor->allowed->pdata[i], line, 0, NULL))
			return TRUE;
	return FALSE;
}

static gboolean concerns(const struct running *run, const struct device *device)
{
	for (guint i = 0; run->devices[i]; i++)
		if (device_shares_group(run->devices[i], device))
			return TRUE;
	return FALSE;
}

/* The device with this address; most drivers do not tell the domain. */
static const struct device *faulting_device(const struct executor *executor, const char *name)
{
	const GPtrArray *all = executor->machine->devices;
	const char *tail = strchr(name, ':');

	for (guint i = 0; i < all->len; i++) {
		const struct device *device = all->pdata[i];

		if (g_str_equal(device->name, name) ||
		    (tail && g_str_has_suffix(device->name, tail)))
			return device;
	}
	return NULL;
}

/* A fault is that of the case that has the device. One of a device that no case has may be anybody's, but not on a machine at work. */
static gboolean may_have_caused(const struct executor *executor, const struct running *run,
				const struct device *device)
{
	if (!device || concerns(run, device))
		return TRUE;
	if (!executor->machine->is_guest && *device->driver)
		return FALSE;
	for (guint i = 0; i < executor->running->len; i++)
		if (concerns(executor->running->pdata[i], device))
			return FALSE;
	return TRUE;
}

/* Which of several cases the kernel speaks of cannot be known, but of faults: each gets the line. */
void executor_take_kernel(gpointer data, const char *line, gboolean user, const char *fault)
{
	struct executor *executor = data;
	gboolean allowed = user || is_allowed(executor, line);
	gboolean bad = !allowed && kernel_line_is_bad(line);
	const struct device *device = fault ? faulting_device(executor, fault) : NULL;

	for (guint i = 0; i < executor->running->len; i++) {
		struct running *run = executor->running->pdata[i];
		gboolean meant =
			allowed || (run->stream && foreign_allows(run->item->which->foreign, line));

		if (bad && !meant && !run->bad_line)
			run->bad_line = g_strdup(line);
		if (fault && !meant && !run->fault_line && may_have_caused(executor, run, device))
			run->fault_line = g_strdup(line);
		if (run->kernel->len < MAX_KERNEL)
			g_string_append_printf(run->kernel, "%s\n", line);
	}
}
