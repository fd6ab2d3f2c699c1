// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "runner/plan.h"
#include "runner/plan_file.h"
#include "runner/verdict.h"

#define MAX_FILE (64u << 20)
#define MAX_ID   1024

static gboolean is_id(const char *text)
{
	if (strlen(text) > MAX_ID || !strchr(text, '/'))
		return FALSE;
	for (; *text; text++)
		if (*text <= ' ' || *text >= 0x7f)
			return FALSE;
	return TRUE;
}

char **plan_file_parse(const char *text, gsize length, GError **error)
{
	g_autoptr(GStrvBuilder) ids = g_strv_builder_new();
	const char *end = text + length;
	guint number = 0;

	if (length > MAX_FILE) {
		g_set_error(error, RUNNER_ERROR, RUNNER_ERROR_USAGE, "it is too long");
		return NULL;
	}
	while (text < end) {
		const char *newline = memchr(text, '\n', (gsize)(end - text));
		g_autofree char *line = g_strndup(text, (gsize)((newline ? newline : end) - text));

		number++;
		text = newline ? newline + 1 : end;
		g_strstrip(line);
		if (!*line || *line == '#')
			continue;
		if (!is_id(line)) {
			g_set_error(error, RUNNER_ERROR, RUNNER_ERROR_USAGE, "line %u is no ID",
				    number);
			return NULL;
		}
		g_strv_builder_add(ids, line);
	}
	return g_strv_builder_end(ids);
}

char **plan_file_load(const char *path, GError **error)
{
	g_autofree char *text = NULL;
	g_autoptr(GError) problem = NULL;
	char **ids = NULL;
	gsize length;

	if (g_file_get_contents(path, &text, &length, &problem))
		ids = plan_file_parse(text, length, &problem);
	if (ids && ids[0])
		return ids;
	g_strfreev(ids);
	g_set_error(error, RUNNER_ERROR, RUNNER_ERROR_USAGE, "plan %s: %s", path,
		    problem ? problem->message : "it names no case");
	return NULL;
}

static int by_position(gconstpointer a, gconstpointer b, gpointer data)
{
	const struct item *left = *(struct item *const *)a;
	const struct item *right = *(struct item *const *)b;
	guint first = GPOINTER_TO_UINT(g_hash_table_lookup(data, left->id));
	guint second = GPOINTER_TO_UINT(g_hash_table_lookup(data, right->id));

	return first == second ? 0 : first < second ? -1 : 1;
}

void plan_file_order(GPtrArray *items, char **ids)
{
	g_autoptr(GHashTable) positions = g_hash_table_new(g_str_hash, g_str_equal);

	for (guint i = 0; ids[i]; i++)
		if (!g_hash_table_contains(positions, ids[i]))
			g_hash_table_insert(positions, ids[i], GUINT_TO_POINTER(i + 1));
	g_ptr_array_sort_with_data(items, by_position, positions);
}

/* --- runs of before --- */

struct past {
	/* "profile\nID" to whether it was bad */
	GHashTable *cases;
	/* "profile\nID\nattempt" */
	GHashTable *done;
};

struct past *past_new(const struct run *run)
{
	struct past *past = g_new0(struct past, 1);

	past->cases = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	past->done = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	for (guint i = 0; i < run->results->len; i++) {
		const struct result *result = run->results->pdata[i];
		char *key = g_strdup_printf("%s\n%s", result->profile, result->id);
		gboolean bad = verdict_is_bad(result->verdict) ||
			       GPOINTER_TO_INT(g_hash_table_lookup(past->cases, key));

		if (result->verdict != VERDICT_ERROR)
			g_hash_table_add(past->done,
					 g_strdup_printf("%s\n%u", key, result->attempt));
		g_hash_table_replace(past->cases, key, GINT_TO_POINTER(bad));
		/* What was bad in a part of a program can be seen again only by running the program. */
		if (bad && result->part_of)
			g_hash_table_replace(
				past->cases,
				g_strdup_printf("%s\n%s", result->profile, result->part_of),
				GINT_TO_POINTER(TRUE));
	}
	return past;
}

void past_free(struct past *past)
{
	if (!past)
		return;
	g_hash_table_unref(past->cases);
	g_hash_table_unref(past->done);
	g_free(past);
}

static gboolean is_chosen(const struct past *past, const char *profile, enum past_choice choice,
			  const struct item *item)
{
	g_autofree char *key = g_strdup_printf("%s\n%s", profile, item->id);
	gpointer bad;

	if (!g_hash_table_lookup_extended(past->cases, key, NULL, &bad))
		return choice == PAST_NEW;
	return choice == PAST_BAD && GPOINTER_TO_INT(bad);
}

void past_keep(const struct past *past, const char *profile, enum past_choice choice,
	       GPtrArray *items)
{
	for (guint i = items->len; i > 0; i--)
		if (!is_chosen(past, profile, choice, items->pdata[i - 1]))
			g_ptr_array_remove_index(items, i - 1);
}

void past_first(const struct past *past, const char *profile, enum past_choice choice,
		GPtrArray *items)
{
	g_autoptr(GPtrArray) later = g_ptr_array_new();
	guint first = 0;

	for (guint i = 0; i < items->len; i++) {
		gpointer item = items->pdata[i];

		if (is_chosen(past, profile, choice, item))
			items->pdata[first++] = item;
		else
			g_ptr_array_add(later, item);
	}
	for (guint i = 0; i < later->len; i++)
		items->pdata[first + i] = later->pdata[i];
}

void past_drop_done(const struct past *past, const char *profile, GPtrArray *items)
{
	for (guint i = items->len; i > 0; i--) {
		const struct item *item = items->pdata[i - 1];
		g_autofree char *key =
			g_strdup_printf("%s\n%s\n%u", profile, item->id, item->attempt);

		if (g_hash_table_contains(past->done, key))
			g_ptr_array_remove_index(items, i - 1);
	}
}
