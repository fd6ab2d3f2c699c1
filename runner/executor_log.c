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
	return executor->sink->allows(executor->sink->data, line);
}

static gboolean concerns(const struct running *run, const struct device *device)
{
	for (guint i = 0; run->devices[i]; i++)
		if (device_shares_group(run->devices[i], device))
			return TRUE;
	return FALSE;
}

static const struct device *faulting_device(const struct executor *executor, const char *requester)
{
	const GPtrArray *all = executor->machine->devices;

	for (guint i = 0; i < all->len; i++) {
		const struct device *device = all->pdata[i];

		if (provoked_requester_is(requester, device->name))
			return device;
	}
	return NULL;
}

/* What is done with a fault of @device, or of none that is known. */
enum blame {
	BLAME_NONE,
	BLAME_OWNERS, /* the cases that have the device */
	BLAME_ALL,    /* no case has it: it may be anybody's */
};

static enum blame blame_of(const struct executor *executor, const struct device *device)
{
	if (!device)
		return BLAME_ALL;
	for (guint i = 0; i < executor->running->len; i++)
		if (concerns(executor->running->pdata[i], device))
			return BLAME_OWNERS;
	/* On a machine at work others use devices, too. */
	return !executor->machine->is_guest && *device->driver ? BLAME_NONE : BLAME_ALL;
}

/* A program that somebody else wrote cannot say which: its description says that any fault is meant to be. */
static gboolean provokes(struct running *run, const struct reported_fault *fault)
{
	if (run->stream)
		return run->item->which->foreign->provokes_faults;
	provoked_read(run->provoked, run->output[0]->str, run->output[0]->len);
	return provoked_covers(run->provoked, fault);
}

static gboolean means(struct running *run, const char *line, const struct reported_fault *fault)
{
	return (run->stream && foreign_allows(run->item->which->foreign, line)) ||
	       provokes(run, fault);
}

static void hold_against(struct running *run, const char *line)
{
	if (!run->fault_line)
		run->fault_line = g_strdup(line);
}

static void take_fault(struct executor *executor, const char *line,
		       const struct reported_fault *fault)
{
	const struct device *device = faulting_device(executor, fault->requester);
	enum blame blame = blame_of(executor, device);
	gboolean meant = blame == BLAME_NONE;

	for (guint i = 0; blame == BLAME_ALL && i < executor->running->len; i++)
		meant = meant || means(executor->running->pdata[i], line, fault);
	for (guint i = 0; !meant && i < executor->running->len; i++) {
		struct running *run = executor->running->pdata[i];

		if (blame == BLAME_ALL || (concerns(run, device) && !means(run, line, fault)))
			hold_against(run, line);
	}
}

void executor_take_kernel(gpointer data, const char *line, gboolean user,
			  const struct reported_fault *fault)
{
	struct executor *executor = data;
	gboolean allowed = user || is_allowed(executor, line);
	gboolean bad = !allowed && kernel_line_is_bad(line);

	for (guint i = 0; i < executor->running->len; i++) {
		struct running *run = executor->running->pdata[i];

		if (bad && !run->bad_line &&
		    !(run->stream && foreign_allows(run->item->which->foreign, line)))
			run->bad_line = g_strdup(line);
		if (run->kernel->len < MAX_KERNEL)
			g_string_append_printf(run->kernel, "%s\n", line);
	}
	if (fault && !allowed)
		take_fault(executor, line, fault);
}
