// SPDX-License-Identifier: GPL-2.0-or-later
/* The order and the parts of a plan. */
#include "runner/plan.h"

/* splitmix64: GLib does not promise that its generators stay the same. */
static guint64 next_random(guint64 *state)
{
	guint64 z = *state += G_GUINT64_CONSTANT(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * G_GUINT64_CONSTANT(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * G_GUINT64_CONSTANT(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

void plan_shuffle(GPtrArray *items, guint64 seed)
{
	for (guint i = items->len; i > 1; i--) {
		guint j = (guint)(next_random(&seed) % i);
		gpointer item = items->pdata[i - 1];

		items->pdata[i - 1] = items->pdata[j];
		items->pdata[j] = item;
	}
	plan_number(items, 1);
}

/* FNV-1a, then mixed: its low bits alone are not even. */
static guint64 hash_id(const char *id)
{
	guint64 hash = G_GUINT64_CONSTANT(0xcbf29ce484222325);

	for (; *id; id++)
		hash = (hash ^ (guchar)*id) * G_GUINT64_CONSTANT(0x100000001b3);
	return next_random(&hash);
}

void plan_shard(GPtrArray *items, guint index, guint count)
{
	for (guint i = items->len; i > 0; i--) {
		const struct item *item = items->pdata[i - 1];

		if (hash_id(item->id) % count != index - 1)
			g_ptr_array_remove_index(items, i - 1);
	}
	plan_number(items, 1);
}

void plan_repeat(GPtrArray *items, guint times)
{
	guint once = items->len;

	for (guint attempt = 2; attempt <= times; attempt++) {
		for (guint i = 0; i < once; i++) {
			struct item *item = item_copy(items->pdata[i]);

			item->attempt = attempt;
			g_ptr_array_add(items, item);
		}
	}
	plan_number(items, 1);
}

void plan_number(GPtrArray *items, guint first)
{
	for (guint i = 0; i < items->len; i++)
		((struct item *)items->pdata[i])->number = first + i;
}
