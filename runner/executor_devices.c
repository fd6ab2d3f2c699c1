// SPDX-License-Identifier: GPL-2.0-or-later
/* Which devices cases get, and who may run beside whom. */
#include "runner/executor.h"

gboolean device_shares_group(const struct device *a, const struct device *b)
{
	return g_str_equal(a->group, b->group);
}

static gboolean is_free(const struct executor *executor, const struct device *device)
{
	for (guint i = 0; i < executor->running->len; i++) {
		const struct running *run = executor->running->pdata[i];

		for (guint j = 0; run->devices[j]; j++)
			if (device_shares_group(run->devices[j], device))
				return FALSE;
	}
	return TRUE;
}

/*
 * Finds as many devices as the item needs; the second in another group than the first where there is one. @any: also busy ones.
 * Returns how many were found.
 */
guint executor_find_devices(const struct executor *executor, const struct item *item, gboolean any,
			    struct device **found)
{
	const GPtrArray *all = executor->machine->devices;
	guint count = 0;

	for (guint round = 0; round < 2; round++) {
		for (guint i = 0; i < all->len && count < item->which->devices; i++) {
			struct device *device = all->pdata[i];

			if (g_strcmp0(device->engine, item->engine) != 0 ||
			    !plan_offers(executor->machine, executor->options, device) ||
			    (count == 0 && item->device &&
			     !g_str_equal(item->device, device->name)) ||
			    (!any && !is_free(executor, device)) ||
			    (count && (device == found[0] ||
				       (round == 0 && device_shares_group(device, found[0])))))
				continue;
			found[count++] = device;
		}
	}
	return count;
}

static void bind_device(struct executor *executor, const struct device *device)
{
	g_autoptr(GError) error = NULL;

	if (g_hash_table_contains(executor->bound, device->name))
		return;
	session_bind(*executor->session, device->name, executor->options->force, &error);
	/* That says nothing of the device. */
	if (session_is_lost(*executor->session))
		return;
	g_hash_table_insert(executor->bound, device->name, g_strdup(error ? error->message : ""));
}

/* Before the first case starts: no more is taken than cases will use. */
void executor_bind_devices(struct executor *executor)
{
	const GPtrArray *all = executor->machine->devices;

	for (guint i = 0; i < executor->waiting->len; i++) {
		const struct item *item = executor->waiting->pdata[i];
		struct device *found[PLAN_MAX_DEVICES + 1];
		guint count = executor_find_devices(executor, item, TRUE, found);

		for (guint j = 0; j < count; j++)
			bind_device(executor, found[j]);
		/* Several cases at once use all that are offered. */
		for (guint j = 0; executor->options->jobs > 1 && count && j < all->len; j++) {
			const struct device *device = all->pdata[j];

			if (g_strcmp0(device->engine, item->engine) == 0 &&
			    plan_offers(executor->machine, executor->options, device))
				bind_device(executor, device);
		}
	}
}
