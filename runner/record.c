// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runner/record.h"

struct recorder {
	char *folder;
	int folder_fd;
	int cases_fd;
	int results_fd;
	off_t length;
	gboolean durable;
	/* the names of the files themselves are durable */
	gboolean settled;
};

static gboolean trouble(GError **error, const char *what, const char *path)
{
	g_set_error(error, RUNNER_ERROR, RUNNER_ERROR_TROUBLE, "%s %s: %s", what, path,
		    g_strerror(errno));
	return FALSE;
}

static gboolean write_all(int fd, const char *bytes, gsize length)
{
	while (length) {
		ssize_t written = write(fd, bytes, length);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return FALSE;
		bytes += written;
		length -= (gsize)written;
	}
	return TRUE;
}

/* A crash leaves the old file or the new one, never half of one. */
static gboolean replace_file(struct recorder *recorder, const char *name, const char *text,
			     GError **error)
{
	g_autofree char *fresh = g_strconcat(name, ".new", NULL);
	g_autofree char *path = g_build_filename(recorder->folder, name, NULL);
	int fd = openat(recorder->folder_fd, fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	gboolean good;

	if (fd < 0)
		return trouble(error, "cannot write", path);
	good = write_all(fd, text, strlen(text)) && (!recorder->durable || fdatasync(fd) == 0);
	good = close(fd) == 0 && good;
	if (good && renameat(recorder->folder_fd, fresh, recorder->folder_fd, name) == 0)
		return TRUE;
	trouble(error, "cannot write", path);
	unlinkat(recorder->folder_fd, fresh, 0);
	return FALSE;
}

gboolean recorder_update_run(struct recorder *recorder, json_t *run, GError **error)
{
	char *text = json_dumps(run, JSON_INDENT(2) | JSON_SORT_KEYS | JSON_ENSURE_ASCII);
	gboolean good;

	if (!text) {
		g_set_error_literal(error, RUNNER_ERROR, RUNNER_ERROR_TROUBLE,
				    "cannot write what is tested as JSON");
		return FALSE;
	}
	good = replace_file(recorder, "run.json", text, error);
	free(text);
	return good;
}

static struct recorder *open_folder(const char *folder, int flags, gboolean durable, GError **error)
{
	struct recorder *recorder = g_new0(struct recorder, 1);

	recorder->folder = g_strdup(folder);
	recorder->durable = durable;
	recorder->cases_fd = recorder->results_fd = -1;
	recorder->folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (recorder->folder_fd < 0)
		goto failed;
	if (mkdirat(recorder->folder_fd, "cases", 0755) != 0 && errno != EEXIST)
		goto failed;
	recorder->cases_fd =
		openat(recorder->folder_fd, "cases", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (recorder->cases_fd < 0)
		goto failed;
	recorder->results_fd =
		openat(recorder->folder_fd, "results.jsonl", O_RDWR | O_CLOEXEC | flags, 0644);
	if (recorder->results_fd < 0)
		goto failed;
	/* Two writers would make a mess of it that no reader could sort out. */
	if (flock(recorder->results_fd, LOCK_EX | LOCK_NB) == 0)
		return recorder;
	if (errno == EWOULDBLOCK) {
		g_set_error(error, RUNNER_ERROR, RUNNER_ERROR_USAGE,
			    "%s is being written by another run", folder);
		recorder_free(recorder);
		return NULL;
	}
failed:
	trouble(error, "cannot write into the run directory", folder);
	recorder_free(recorder);
	return NULL;
}

struct recorder *recorder_new(const char *folder, json_t *run, gboolean durable, GError **error)
{
	struct recorder *recorder;
	g_autoptr(GDir) dir = NULL;

	if (g_mkdir_with_parents(folder, 0755) != 0) {
		trouble(error, "cannot make the run directory", folder);
		return NULL;
	}
	dir = g_dir_open(folder, 0, error);
	if (!dir)
		return NULL;
	if (g_dir_read_name(dir)) {
		g_set_error(error, RUNNER_ERROR, RUNNER_ERROR_USAGE,
			    "%s is not empty: name a folder that does not exist yet", folder);
		return NULL;
	}
	/* Until a case begins there is nothing to lose: what is tested is written again before that. */
	recorder = open_folder(folder, O_CREAT | O_EXCL, FALSE, error);
	if (!recorder)
		return NULL;
	if (recorder_update_run(recorder, run, error)) {
		recorder->durable = durable;
		return recorder;
	}
	recorder_free(recorder);
	return NULL;
}

struct recorder *recorder_resume(const char *folder, gboolean durable, GError **error)
{
	struct recorder *recorder = open_folder(folder, 0, durable, error);
	g_autofree char *path = g_build_filename(folder, "results.jsonl", NULL);
	g_autofree char *text = NULL;
	const char *newline;
	gsize length;

	if (!recorder)
		return NULL;
	if (!g_file_get_contents(path, &text, &length, error)) {
		recorder_free(recorder);
		return NULL;
	}
	newline = g_strrstr_len(text, (gssize)length, "\n");
	recorder->length = newline ? newline + 1 - text : 0;
	if (ftruncate(recorder->results_fd, recorder->length) == 0 &&
	    lseek(recorder->results_fd, recorder->length, SEEK_SET) == recorder->length)
		return recorder;
	trouble(error, "cannot repair", path);
	recorder_free(recorder);
	return NULL;
}

gboolean recorder_save(struct recorder *recorder, guint number, const char *name, const char *bytes,
		       gsize length, GError **error)
{
	char path[64];
	int fd;
	gboolean good;

	if (!length)
		return TRUE;
	g_snprintf(path, sizeof(path), "%u", number);
	if (mkdirat(recorder->cases_fd, path, 0755) != 0 && errno != EEXIST)
		return trouble(error, "cannot make the folder of case", path);
	g_snprintf(path, sizeof(path), "%u/%s", number, name);
	fd = openat(recorder->cases_fd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		return trouble(error, "cannot write cases", path);
	good = write_all(fd, bytes, length);
	good = close(fd) == 0 && good;
	return good ? TRUE : trouble(error, "cannot write cases", path);
}

/* A disk that fills up in the middle of a line must not leave half of one. */
static gboolean append(struct recorder *recorder, json_t *line, GError **error)
{
	char *text = line ? json_dumps(line, JSON_COMPACT | FIGURE_JSON_FLAGS) : NULL;
	gsize length = text ? strlen(text) : 0;
	gboolean good;

	json_decref(line);
	if (!text) {
		g_set_error_literal(error, RUNNER_ERROR, RUNNER_ERROR_TROUBLE,
				    "cannot write a result as JSON");
		return FALSE;
	}
	/* The string's final NUL gives way to the newline, so that a line is one write. */
	text[length] = '\n';
	good = write_all(recorder->results_fd, text, length + 1);
	free(text);
	if (good) {
		recorder->length += (off_t)length + 1;
		return TRUE;
	}
	trouble(error, "cannot append to results.jsonl in", recorder->folder);
	if (ftruncate(recorder->results_fd, recorder->length) == 0)
		lseek(recorder->results_fd, recorder->length, SEEK_SET);
	return FALSE;
}

/* Results, and once also the names of the files: a folder is a file of its own. */
static gboolean make_durable(struct recorder *recorder, GError **error)
{
	if (!recorder->durable)
		return TRUE;
	if (fdatasync(recorder->results_fd) != 0 ||
	    (!recorder->settled && fsync(recorder->folder_fd) != 0))
		return trouble(error, "cannot sync results.jsonl in", recorder->folder);
	recorder->settled = TRUE;
	return TRUE;
}

gboolean recorder_begin(struct recorder *recorder, guint number, const char *id,
			const char *profile, guint attempt, GError **error)
{
	json_t *line = json_pack("{s:s, s:i, s:s, s:s}", "type", "begin", "number", (int)number,
				 "id", id, "profile", profile);

	if (attempt > 1)
		json_object_set_new_nocheck(line, "attempt", json_integer(attempt));
	/* This makes the results before it durable too: once per case is enough. */
	return append(recorder, line, error) && make_durable(recorder, error);
}

gboolean recorder_resumed(struct recorder *recorder, GError **error)
{
	return append(recorder, json_pack("{s:s}", "type", "resume"), error);
}

static void set_text(json_t *object, const char *key, const char *text)
{
	if (text && *text)
		json_object_set_new_nocheck(object, key, json_string_nocheck(text));
}

static json_t *to_json(const struct result *result)
{
	json_t *line = json_object();

	json_object_set_new_nocheck(line, "type", json_string_nocheck("result"));
	json_object_set_new_nocheck(line, "number", json_integer(result->number));
	set_text(line, "id", result->id);
	set_text(line, "profile", result->profile);
	json_object_set_new_nocheck(line, "verdict",
				    json_string_nocheck(verdict_name(result->verdict)));
	set_text(line, "reason", result->reason);
	set_text(line, "lift", result->lift);
	set_text(line, "details", result->details);
	set_text(line, "proves", result->proves);
	set_text(line, "devices", result->devices);
	set_text(line, "kernel", result->kernel);
	set_text(line, "known", result->known);
	if (result->figures)
		json_object_set_new_nocheck(line, "figures", figures_to_json(result->figures));
	set_text(line, "part_of", result->part_of);
	/* JSON's numbers end at 2^53 in many readers; a seed has 64 bits. */
	if (result->seed) {
		g_autofree char *seed = g_strdup_printf("%#" G_GINT64_MODIFIER "x", result->seed);

		set_text(line, "seed", seed);
	}
	json_object_set_new_nocheck(line, "start_us", json_integer(result->start_us));
	json_object_set_new_nocheck(line, "duration_us", json_integer(result->duration_us));
	json_object_set_new_nocheck(line, "timeout_ms", json_integer(result->timeout_ms));
	if (result->attempt > 1)
		json_object_set_new_nocheck(line, "attempt", json_integer(result->attempt));
	return line;
}

gboolean recorder_add(struct recorder *recorder, const struct result *result, GError **error)
{
	return append(recorder, to_json(result), error);
}

gboolean recorder_finish(struct recorder *recorder, GError **error)
{
	return make_durable(recorder, error);
}

void recorder_discard(struct recorder *recorder)
{
	unlinkat(recorder->folder_fd, "run.json", 0);
	unlinkat(recorder->folder_fd, "results.jsonl", 0);
	unlinkat(recorder->folder_fd, "cases", AT_REMOVEDIR);
	rmdir(recorder->folder);
}

const char *recorder_folder(const struct recorder *recorder)
{
	return recorder->folder;
}

void recorder_free(struct recorder *recorder)
{
	if (!recorder)
		return;
	if (recorder->results_fd >= 0)
		close(recorder->results_fd);
	if (recorder->cases_fd >= 0)
		close(recorder->cases_fd);
	if (recorder->folder_fd >= 0)
		close(recorder->folder_fd);
	g_free(recorder->folder);
	g_free(recorder);
}
