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

static struct stray_fault *stray_new(const char *line)
{
	struct stray_fault *stray = g_rc_box_new0(struct stray_fault);

	stray->line = g_strdup(line);
	return stray;
}

static void stray_clear(gpointer data)
{
	struct stray_fault *stray = data;

	g_free(stray->line);
}

static void stray_release(gpointer data)
{
	g_rc_box_release_full(data, stray_clear);
}

/* Which of several cases the kernel speaks of cannot be known, but of faults: each gets the line. */
void executor_take_kernel(gpointer data, const char *line, gboolean user, const char *fault)
{
	struct executor *executor = data;
	gboolean allowed = user || is_allowed(executor, line);
	gboolean bad = !allowed && kernel_line_is_bad(line);
	const struct device *device = fault ? faulting_device(executor, fault) : NULL;
	enum blame blame = fault ? blame_of(executor, device) : BLAME_NONE;
	struct stray_fault *stray = blame == BLAME_ALL ? stray_new(line) : NULL;

	for (guint i = 0; i < executor->running->len; i++) {
		struct running *run = executor->running->pdata[i];
		gboolean meant =
			allowed || (run->stream && foreign_allows(run->item->which->foreign, line));

		if (bad && !meant && !run->bad_line)
			run->bad_line = g_strdup(line);
		if (blame == BLAME_OWNERS && !meant && !run->fault_line && concerns(run, device))
			run->fault_line = g_strdup(line);
		if (stray) {
			if (!run->strays)
				run->strays = g_ptr_array_new_with_free_func(stray_release);
			g_ptr_array_add(run->strays, g_rc_box_acquire(stray));
			if (meant)
				stray->meant = TRUE;
		}
		if (run->kernel->len < MAX_KERNEL)
			g_string_append_printf(run->kernel, "%s\n", line);
	}
	if (stray)
		stray_release(stray);
}

gboolean running_provokes_faults(const struct running *run)
{
	return run->stream ? run->item->which->foreign->provokes_faults
			   : output_provokes_faults(run->output[0]->str, run->output[0]->len);
}

const char *executor_unmeant_fault(const struct executor *executor, const struct running *run)
{
	for (guint i = 0; i < executor->running->len; i++) {
		const struct running *other = executor->running->pdata[i];

		if (!other->strays || !running_provokes_faults(other))
			continue;
		for (guint s = 0; s < other->strays->len; s++)
			((struct stray_fault *)other->strays->pdata[s])->meant = TRUE;
	}
	if (run->fault_line || !run->strays)
		return run->fault_line;
	for (guint s = 0; s < run->strays->len; s++) {
		const struct stray_fault *stray = run->strays->pdata[s];

		if (!stray->meant)
			return stray->line;
	}
	return NULL;
}
