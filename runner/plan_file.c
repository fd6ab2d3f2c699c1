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
