// SPDX-License-Identifier: GPL-2.0-or-later
#include "runner/progress.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "runner/text.h"

#define CLEAR_LINE       "\r\033[K"
#define LIVE_INTERVAL_US (G_USEC_PER_SEC / 20)
/* What runs for longer shows for how long. */
#define LONG_US       (2 * G_USEC_PER_SEC)
#define DEFAULT_WIDTH 80

struct shown_case {
	char *name; /* "profile: ID" */
	gint64 begin;
};

struct progress {
	int verbosity;
	gboolean live;
	guint planned;
	guint done;
	guint bad;
	GPtrArray *running; /* of struct shown_case * */
	gint64 shown_at;
	/* The line is also shown while nothing happens. */
	GThread *thread;
	GMutex lock;
	GCond end;
	gboolean ending;
};

static void shown_case_free(gpointer data)
{
	struct shown_case *shown = data;

	g_free(shown->name);
	g_free(shown);
}

static void clear(const struct progress *progress)
{
	if (progress->live)
		fputs(CLEAR_LINE, stderr);
}

static guint width(void)
{
	struct winsize size;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 20)
		return size.ws_col;
	return DEFAULT_WIDTH;
}

static void add_running(const struct progress *progress, GString *line, gint64 now)
{
	for (guint i = 0; i < progress->running->len; i++) {
		const struct shown_case *shown = progress->running->pdata[i];

		g_string_append_printf(line, "%s %s", i ? "," : "", shown->name);
		if (now - shown->begin >= LONG_US)
			g_string_append_printf(line, " %" G_GINT64_FORMAT " s",
					       (now - shown->begin) / G_USEC_PER_SEC);
	}
}

static void show_now(struct progress *progress)
{
	g_autoptr(GString) line = g_string_new(NULL);
	gint64 now = g_get_monotonic_time();

	progress->shown_at = now;
	g_string_append_printf(line, "[%u/%u]", progress->done, progress->planned);
	if (progress->bad)
		g_string_append_printf(line, " %u bad", progress->bad);
	add_running(progress, line, now);
	/* IDs and names are ASCII: bytes are columns. */
	if (line->len >= width())
		g_string_truncate(line, width() - 1);
	fprintf(stderr, CLEAR_LINE "%s", line->str);
	fflush(stderr);
}

/* The line with what runs now; not for every one of many quick cases: the thread shows what is left out here. */
static void show(struct progress *progress)
{
	if (progress->live && g_get_monotonic_time() - progress->shown_at >= LIVE_INTERVAL_US)
		show_now(progress);
}

static gpointer keep_showing(gpointer data)
{
	struct progress *progress = data;

	g_mutex_lock(&progress->lock);
	while (!progress->ending) {
		gint64 next = g_get_monotonic_time() + 4 * LIVE_INTERVAL_US;

		g_cond_wait_until(&progress->end, &progress->lock, next);
		if (!progress->ending && progress->planned)
			show(progress);
	}
	g_mutex_unlock(&progress->lock);
	return NULL;
}

struct progress *progress_new(int verbosity)
{
	struct progress *progress = g_new0(struct progress, 1);
	const char *terminal = g_getenv("TERM");

	progress->verbosity = verbosity;
	progress->live =
		verbosity >= 0 && isatty(STDERR_FILENO) && g_strcmp0(terminal, "dumb") != 0;
	progress->running = g_ptr_array_new_with_free_func(shown_case_free);
	g_mutex_init(&progress->lock);
	g_cond_init(&progress->end);
	if (progress->live)
		progress->thread = g_thread_new("progress", keep_showing, progress);
	return progress;
}

void progress_free(struct progress *progress)
{
	if (!progress)
		return;
	g_mutex_lock(&progress->lock);
	progress->ending = TRUE;
	g_cond_signal(&progress->end);
	g_mutex_unlock(&progress->lock);
	if (progress->thread)
		g_thread_join(progress->thread);
	clear(progress);
	fflush(stderr);
	g_ptr_array_unref(progress->running);
	g_mutex_clear(&progress->lock);
	g_cond_clear(&progress->end);
	g_free(progress);
}

void progress_plan(struct progress *progress, guint count)
{
	g_mutex_lock(&progress->lock);
	progress->planned += count;
	show(progress);
	g_mutex_unlock(&progress->lock);
}

static char *title(const char *profile, const char *id)
{
	return g_strdup_printf("%s: %s", profile, id);
}

void progress_begin(struct progress *progress, const struct item *item, const char *profile)
{
	struct shown_case *shown = g_new0(struct shown_case, 1);

	shown->name = title(profile, item->id);
	shown->begin = g_get_monotonic_time();
	g_mutex_lock(&progress->lock);
	g_ptr_array_add(progress->running, shown);
	show(progress);
	g_mutex_unlock(&progress->lock);
}

static void tell(struct progress *progress, const struct result *result)
{
	gboolean bad = verdict_is_bad(result->verdict);

	progress->bad += bad;
	if (progress->verbosity >= (bad ? 0 : 1)) {
		g_autofree char *name = title(result->profile, result->id);
		g_autofree char *duration = text_duration(result->duration_us);

		clear(progress);
		fprintf(stderr, "%-7s %s (%s)%s%s\n", verdict_name(result->verdict), name, duration,
			*result->reason ? ": " : "", result->reason);
		progress->shown_at = 0;
	}
	show(progress);
}

void progress_part(struct progress *progress, const struct result *result)
{
	g_mutex_lock(&progress->lock);
	tell(progress, result);
	g_mutex_unlock(&progress->lock);
}

static gboolean has_name(gconstpointer shown, gconstpointer name)
{
	return g_str_equal(((const struct shown_case *)shown)->name, name);
}

void progress_end(struct progress *progress, const struct item *item, const struct result *result)
{
	g_autofree char *name = title(result->profile, item->id);
	guint index;

	g_mutex_lock(&progress->lock);
	if (g_ptr_array_find_with_equal_func(progress->running, name, has_name, &index))
		g_ptr_array_remove_index(progress->running, index);
	progress->done++;
	tell(progress, result);
	g_mutex_unlock(&progress->lock);
}

void progress_note(struct progress *progress, const char *text)
{
	g_mutex_lock(&progress->lock);
	clear(progress);
	fprintf(stderr, "iommut: %s\n", text);
	progress->shown_at = 0;
	show(progress);
	g_mutex_unlock(&progress->lock);
}
