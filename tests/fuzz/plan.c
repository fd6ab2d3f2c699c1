// SPDX-License-Identifier: GPL-2.0-or-later
/* Plan files. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "runner/plan.h"
#include "runner/plan_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Every second of the plan's IDs, and one that it does not name. */
static GPtrArray *make_items(char **ids)
{
	GPtrArray *items = g_ptr_array_new_with_free_func((GDestroyNotify)item_free);

	for (guint i = 0; i < g_strv_length(ids) + 1; i += 2) {
		struct item *item = g_new0(struct item, 1);

		item->id = g_strdup(ids[i] ? ids[i] : "dma/none");
		g_ptr_array_add(items, item);
	}
	return items;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autoptr(GError) error = NULL;
	g_auto(GStrv) ids = plan_file_parse((const char *)data, size, &error);
	GPtrArray *items;

	if (!ids) {
		/* Nothing of the file goes to a terminal raw. */
		if (!error || strpbrk(error->message, "\x1b\x07\n"))
			abort();
		return 0;
	}
	for (char **id = ids; *id; id++)
		for (const char *at = *id; *at; at++)
			if (*at <= ' ' || *at >= 0x7f)
				abort();
	items = make_items(ids);
	plan_file_order(items, ids);
	for (guint i = 0; i < items->len; i++)
		if (!((struct item *)items->pdata[i])->id)
			abort();
	g_ptr_array_unref(items);
	return 0;
}
