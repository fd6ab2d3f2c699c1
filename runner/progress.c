// SPDX-License-Identifier: GPL-2.0-or-later
#include "runner/progress.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "runner/text.h"

#define CLEAR_LINE       "\r\033[K"
#define LIVE_INTERVAL_US (G_USEC_PER_SEC / 20)
#define DEFAULT_WIDTH    80

struct progress {
	int verbosity;
	gboolean live;
	guint planned;
	guint done;
	guint bad;
	GPtrArray *running; /* of char *: "profile: ID" */
	gint64 shown_at;
};

struct progress *progress_new(int verbosity)
{
	struct progress *progress = g_new0(struct progress, 1);
	const char *terminal = g_getenv("TERM");

	progress->verbosity = verbosity;
	progress->live =
		verbosity >= 0 && isatty(STDERR_FILENO) && g_strcmp0(terminal, "dumb") != 0;
	progress->running = g_ptr_array_new_with_free_func(g_free);
	return progress;
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

/* The line with what runs now; not for every one of many quick cases. */
static void show(struct progress *progress)
{
	gint64 now = g_get_monotonic_time();
	g_autoptr(GString) line = NULL;

	if (!progress->live || now - progress->shown_at < LIVE_INTERVAL_US)
		return;
	progress->shown_at = now;
	line = g_string_new(NULL);
	g_string_append_printf(line, "[%u/%u]", progress->done, progress->planned);
	if (progress->bad)
		g_string_append_printf(line, " %u bad", progress->bad);
	for (guint i = 0; i < progress->running->len; i++)
		g_string_append_printf(line, "%s %s", i ? "," : "",
				       (char *)progress->running->pdata[i]);
	/* IDs and names are ASCII: bytes are columns. */
	if (line->len >= width())
		g_string_truncate(line, width() - 1);
	fprintf(stderr, CLEAR_LINE "%s", line->str);
	fflush(stderr);
}

void progress_free(struct progress *progress)
{
	if (!progress)
		return;
	clear(progress);
	fflush(stderr);
	g_ptr_array_unref(progress->running);
	g_free(progress);
}

void progress_plan(struct progress *progress, guint count)
{
	progress->planned += count;
	show(progress);
}

static char *title(const char *profile, const char *id)
{
	return g_strdup_printf("%s: %s", profile, id);
}

void progress_begin(struct progress *progress, const struct item *item, const char *profile)
{
	g_ptr_array_add(progress->running, title(profile, item->id));
	show(progress);
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
	tell(progress, result);
}

void progress_end(struct progress *progress, const struct item *item, const struct result *result)
{
	g_autofree char *name = title(result->profile, item->id);
	guint index;

	if (g_ptr_array_find_with_equal_func(progress->running, name, g_str_equal, &index))
		g_ptr_array_remove_index(progress->running, index);
	progress->done++;
	tell(progress, result);
}

void progress_note(struct progress *progress, const char *text)
{
	clear(progress);
	fprintf(stderr, "iommut: %s\n", text);
	progress->shown_at = 0;
	show(progress);
}
