// SPDX-License-Identifier: GPL-2.0-or-later
/* Reading a run directory. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "runner/record.h"
#include "runner/text.h"

#define MAX_ID      1024
#define MAX_TEXT    (128u << 10)
#define MAX_RESULTS 10000000

void result_free(struct result *result)
{
	if (!result)
		return;
	g_free(result->id);
	g_free(result->profile);
	g_free(result->reason);
	g_free(result->lift);
	g_free(result->details);
	g_free(result->proves);
	g_free(result->devices);
	g_free(result->kernel);
	g_free(result->known);
	g_clear_pointer(&result->figures, g_array_unref);
	g_free(result->part_of);
	g_free(result);
}

void run_free(struct run *run)
{
	if (!run)
		return;
	g_free(run->folder);
	json_decref(run->info);
	g_clear_pointer(&run->results, g_ptr_array_unref);
	g_clear_pointer(&run->in_flight, g_ptr_array_unref);
	g_free(run->notes);
	g_free(run);
}

/* We wrote it clean; but a file may have been edited, or come from anywhere. */
static char *text_of(const json_t *line, const char *key, gsize limit, gboolean one_line)
{
	const json_t *value = json_object_get(line, key);
	const char *text = json_string_value(value);
	gsize length = json_string_length(value);
	gboolean plain = text && length <= limit;

	if (!text)
		return NULL;
	for (gsize i = 0; plain && i < length; i++)
		plain = (text[i] >= 0x20 && text[i] < 0x7f) || (!one_line && text[i] == '\n');
	if (plain)
		return g_strndup(text, length);
	return one_line ? text_clean_line(text, (gssize)length, limit)
			: text_clean(text, (gssize)length, limit);
}

static gint64 number_of(const json_t *line, const char *key)
{
	return json_integer_value(json_object_get(line, key));
}

static guint attempt_of(const json_t *line)
{
	return (guint)CLAMP(number_of(line, "attempt"), 1, G_MAXINT32);
}

static char *or_empty(char *text)
{
	return text ? text : g_strdup("");
}

static struct result *to_result(const json_t *line)
{
	const char *verdict = json_string_value(json_object_get(line, "verdict"));
	const char *seed = json_string_value(json_object_get(line, "seed"));
	gint64 number = number_of(line, "number");
	gint64 timeout = number_of(line, "timeout_ms");
	struct result *result;
	enum verdict which;

	if (!verdict || !verdict_parse(verdict, &which) || number < 1 || number > G_MAXINT32 ||
	    !json_is_string(json_object_get(line, "id")))
		return NULL;
	result = g_new0(struct result, 1);
	result->number = (guint)number;
	result->verdict = which;
	result->id = text_of(line, "id", MAX_ID, TRUE);
	result->profile = text_of(line, "profile", MAX_ID, TRUE);
	if (!result->profile)
		result->profile = g_strdup("local");
	result->reason = or_empty(text_of(line, "reason", MAX_TEXT, TRUE));
	result->lift = text_of(line, "lift", MAX_TEXT, TRUE);
	result->details = or_empty(text_of(line, "details", MAX_TEXT, FALSE));
	result->proves = or_empty(text_of(line, "proves", MAX_TEXT, TRUE));
	result->devices = or_empty(text_of(line, "devices", MAX_ID, TRUE));
	result->kernel = or_empty(text_of(line, "kernel", MAX_TEXT, FALSE));
	result->known = text_of(line, "known", MAX_TEXT, TRUE);
	result->figures = figures_from_json(json_object_get(line, "figures"));
	result->part_of = text_of(line, "part_of", MAX_ID, TRUE);
	result->seed = seed ? strtoull(seed, NULL, 0) : 0;
	result->start_us = MAX(number_of(line, "start_us"), 0);
	result->duration_us = MAX(number_of(line, "duration_us"), 0);
	result->timeout_ms = (guint)CLAMP(timeout, 0, G_MAXINT32);
	result->attempt = attempt_of(line);
	return result;
}

/* What was cut off, and what the tool could not do, runs again under another number. */
static void drop_unfinished(struct run *run, GHashTable *flying)
{
	guint kept = 0;

	for (guint i = 0; i < run->results->len; i++) {
		struct result *result = run->results->pdata[i];
		gboolean again = result->part_of &&
				 g_hash_table_contains(flying, GUINT_TO_POINTER(result->number));

		if (again || result->verdict == VERDICT_ERROR) {
			run->counts[result->verdict]--;
			result_free(result);
		} else {
			run->results->pdata[kept++] = result;
		}
	}
	/* What is cut off here has moved or is freed: the array must not free it. */
	for (guint i = kept; i < run->results->len; i++)
		run->results->pdata[i] = NULL;
	g_ptr_array_set_size(run->results, (gint)kept);
	g_hash_table_remove_all(flying);
}

/* A case that has begun. */
static struct result *to_flight(const json_t *line)
{
	struct result *result = g_new0(struct result, 1);

	result->number = (guint)number_of(line, "number");
	result->verdict = VERDICT_ERROR;
	result->id = text_of(line, "id", MAX_ID, TRUE);
	result->profile = text_of(line, "profile", MAX_ID, TRUE);
	if (!result->profile)
		result->profile = g_strdup("local");
	result->reason = g_strdup("cut off while it ran");
	result->details = g_strdup("");
	result->proves = g_strdup("");
	result->devices = g_strdup("");
	result->kernel = g_strdup("");
	result->attempt = attempt_of(line);
	return result;
}

static gboolean read_line(struct run *run, GHashTable *flying, const char *text, gsize length,
			  GError **error)
{
	json_error_t problem;
	json_t *line = json_loadb(text, length, 0, &problem);
	const char *type = json_string_value(json_object_get(line, "type"));
	const char *id = json_string_value(json_object_get(line, "id"));
	gint64 number = number_of(line, "number");
	gboolean good = TRUE;

	if (g_strcmp0(type, "begin") == 0 && id && number >= 1 && number <= G_MAXINT32) {
		g_hash_table_replace(flying, GUINT_TO_POINTER((guint)number), to_flight(line));
		run->last_number = MAX(run->last_number, (guint)number);
	} else if (g_strcmp0(type, "resume") == 0) {
		drop_unfinished(run, flying);
	} else if (g_strcmp0(type, "result") == 0) {
		struct result *result = to_result(line);

		good = result && run->results->len < MAX_RESULTS;
		if (good) {
			g_ptr_array_add(run->results, result);
			run->counts[result->verdict]++;
			run->last_number = MAX(run->last_number, result->number);
			if (!result->part_of)
				g_hash_table_remove(flying, GUINT_TO_POINTER(result->number));
		} else {
			result_free(result);
		}
	} else if (!type) {
		good = FALSE;
	}
	json_decref(line);
	if (!good)
		g_set_error(error, RUNNER_ERROR, RUNNER_ERROR_USAGE,
			    "line %u of the results is no result", run->results->len + 1);
	return good;
}

static int by_number(gconstpointer a, gconstpointer b)
{
	guint left = GPOINTER_TO_UINT(a), right = GPOINTER_TO_UINT(b);

	return left < right ? -1 : left > right;
}

/* What is still in flight at the end, in the order of the numbers. */
static void note_flying(struct run *run, GHashTable *flying)
{
	g_autoptr(GList) numbers = g_list_sort(g_hash_table_get_keys(flying), by_number);

	for (const GList *number = numbers; number; number = number->next)
		g_ptr_array_add(run->in_flight, g_hash_table_lookup(flying, number->data));
	g_hash_table_steal_all(flying);
}

gboolean run_read_results(struct run *run, const char *text, gsize length, gsize *good,
			  GError **error)
{
	g_autoptr(GHashTable) flying =
		g_hash_table_new_full(NULL, NULL, NULL, (GDestroyNotify)result_free);
	const char *end = text + length;
	const char *at = text;
	const char *newline;

	if (!run->results)
		run->results = g_ptr_array_new_with_free_func((GDestroyNotify)result_free);
	if (!run->in_flight)
		run->in_flight = g_ptr_array_new_with_free_func((GDestroyNotify)result_free);
	while (at < end && (newline = memchr(at, '\n', (gsize)(end - at)))) {
		if (!read_line(run, flying, at, (gsize)(newline - at), error))
			return FALSE;
		at = newline + 1;
	}
	*good = (gsize)(at - text);
	note_flying(run, flying);
	return TRUE;
}

/* Each text of what was tested, too, may come from anywhere. */
static void clean_texts(json_t *value)
{
	const char *key, *text = json_string_value(value);
	json_t *child;
	size_t i;

	json_object_foreach(value, key, child) clean_texts(child);
	json_array_foreach(value, i, child) clean_texts(child);
	if (text) {
		g_autofree char *clean =
			text_clean_line(text, (gssize)json_string_length(value), MAX_TEXT);

		json_string_set(value, clean);
	}
}

/* But what a resume uses stays as it is. */
static void clean_info(json_t *info)
{
	static const char *const kept[] = { "command", "directory", "last", NULL };
	const char *key;
	json_t *value;

	json_object_foreach(info, key, value) if (!g_strv_contains(kept, key)) clean_texts(value);
}

struct run *run_load(const char *folder, GError **error)
{
	g_autoptr(test_run) run = g_new0(struct run, 1);
	g_autofree char *info = g_build_filename(folder, "run.json", NULL);
	g_autofree char *results = g_build_filename(folder, "results.jsonl", NULL);
	g_autofree char *text = NULL;
	json_error_t problem;
	gsize length, good;

	run->folder = g_strdup(folder);
	if (!g_file_test(info, G_FILE_TEST_IS_REGULAR)) {
		g_set_error(error, RUNNER_ERROR, RUNNER_ERROR_USAGE,
			    "%s is no run directory: it has no run.json", folder);
		return NULL;
	}
	run->info = json_load_file(info, 0, &problem);
	if (!json_is_object(run->info) || number_of(run->info, "version") != RESULTS_VERSION) {
		g_set_error(error, RUNNER_ERROR, RUNNER_ERROR_USAGE,
			    "%s is not written by this version of iommutests", info);
		return NULL;
	}
	clean_info(run->info);
	if (!g_file_get_contents(results, &text, &length, error))
		return NULL;
	if (!run_read_results(run, text, length, &good, error)) {
		g_prefix_error(error, "%s: ", results);
		return NULL;
	}
	if (good < length)
		run->notes = g_strdup("the last line of the results was cut off");
	return g_steal_pointer(&run);
}

/* Its writer holds a lock. */
static gboolean is_being_written(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	gboolean locked = fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;

	if (fd >= 0)
		close(fd);
	return locked;
}

void run_check_live(struct run *run)
{
	g_autofree char *results = g_build_filename(run->folder, "results.jsonl", NULL);

	if (!is_being_written(results))
		return;
	run->live = TRUE;
	g_clear_pointer(&run->notes, g_free);
	for (guint i = 0; i < run->in_flight->len; i++) {
		struct result *result = run->in_flight->pdata[i];

		g_free(result->reason);
		result->reason = g_strdup("it still ran when this report was made");
	}
}

char *run_log(const struct run *run, guint number, const char *name, gsize limit)
{
	g_autofree char *path = g_strdup_printf("%s/cases/%u/%s", run->folder, number, name);
	g_autofree char *bytes = NULL;
	gsize length;

	if (!g_file_get_contents(path, &bytes, &length, NULL))
		return g_strdup("");
	if (length <= limit)
		return text_clean(bytes, (gssize)length, 4 * limit + 16);
	return text_clean(bytes + length - limit, (gssize)limit, 4 * limit + 16);
}
