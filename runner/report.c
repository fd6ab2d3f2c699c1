// SPDX-License-Identifier: GPL-2.0-or-later
/* What reports share. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "runner/output.h"
#include "runner/report.h"
#include "runner/text.h"

static const struct {
	const char *format;
	report_writer write;
	gboolean names_lacks; /* and what was cut off, by itself: in others they are errors */
} formats[] = {
	{ "terminal", report_terminal, TRUE },  { "ktap", report_ktap, FALSE },
	{ "tap14", report_tap14, FALSE },       { "junit", report_junit, FALSE },
	{ "json", report_json, TRUE },          { "lava", report_lava, FALSE },
	{ "markdown", report_markdown, FALSE }, { "html", report_html, FALSE },
};

struct report_style report_to_stdout(void)
{
	struct report_style style = { 0 };
	struct winsize size;

	if (!isatty(STDOUT_FILENO))
		return style;
	style.colour = !g_getenv("NO_COLOR");
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0)
		style.width = size.ws_col;
	return style;
}

report_writer report_find(const char *format)
{
	for (gsize i = 0; i < G_N_ELEMENTS(formats); i++)
		if (g_str_equal(formats[i].format, format))
			return formats[i].write;
	return NULL;
}

/* Its results, and those that never came. */
static void write_with_lacks(report_writer write, const struct run *run,
			     const struct report_style *style, GString *text)
{
	g_autoptr(GPtrArray) lacks = run_lacks(run);
	struct run whole = *run;

	whole.results = g_ptr_array_new();
	for (guint i = 0; i < run->results->len; i++)
		g_ptr_array_add(whole.results, run->results->pdata[i]);
	for (guint i = 0; i < run->in_flight->len; i++)
		g_ptr_array_add(whole.results, run->in_flight->pdata[i]);
	for (guint i = 0; i < lacks->len; i++)
		g_ptr_array_add(whole.results, lacks->pdata[i]);
	whole.counts[VERDICT_ERROR] += run->in_flight->len + lacks->len;
	write(&whole, style, text);
	g_ptr_array_unref(whole.results);
}

static void write_text(const struct run *run, const char *format, const struct report_style *style,
		       GString *text)
{
	for (gsize i = 0; i < G_N_ELEMENTS(formats); i++) {
		if (!g_str_equal(formats[i].format, format))
			continue;
		if (formats[i].names_lacks)
			formats[i].write(run, style, text);
		else
			write_with_lacks(formats[i].write, run, style, text);
	}
}

/*
 * LAVA reads them from a console, where the kernel's lines could come between: each is one write. A test shell that was told to use
 * the kernel's log sets KMSG; the kernel never breaks a line of its own.
 */
static gboolean write_signals(const GString *text, GError **error)
{
	const char *kmsg = g_getenv("KMSG");
	gboolean by_kernel = kmsg && *kmsg;
	const char *path = by_kernel ? "/dev/kmsg" : "stdout";
	int fd = by_kernel ? open(path, O_WRONLY | O_CLOEXEC) : STDOUT_FILENO;
	g_auto(GStrv) lines = g_strsplit(text->str, "\n", -1);
	gboolean good = fd >= 0 && fflush(stdout) == 0;

	for (char **line = lines; good && **line; line++) {
		g_autofree char *whole = g_strdup_printf("%s%s\n", by_kernel ? "<0>" : "", *line);
		ssize_t length = (ssize_t)strlen(whole);

		good = write(fd, whole, (size_t)length) == length;
	}
	if (!good)
		g_set_error(error, RUNNER_ERROR, RUNNER_ERROR_TROUBLE,
			    "cannot write the report to %s: %s", path, g_strerror(errno));
	if (by_kernel && fd >= 0)
		close(fd);
	return good;
}

gboolean report_save(const struct run *run, const char *format, const struct report_style *style,
		     const char *path, GError **error)
{
	g_autoptr(GString) text = g_string_new(NULL);

	if (!report_find(format)) {
		g_autoptr(GString) names = g_string_new(NULL);

		for (gsize i = 0; i < G_N_ELEMENTS(formats); i++)
			g_string_append_printf(names, "%s%s", i ? ", " : "", formats[i].format);
		g_set_error(error, RUNNER_ERROR, RUNNER_ERROR_USAGE,
			    "no report format '%s': there are %s", format, names->str);
		return FALSE;
	}
	write_text(run, format, style, text);
	if (g_str_equal(path, "-") && g_str_equal(format, "lava"))
		return write_signals(text, error);
	return output_save(path, text, error);
}

char *report_suite(const char *id)
{
	return g_strndup(id, strcspn(id, "/["));
}

char *report_parameter(const char *id, const char *name)
{
	const char *at = strchr(id, '[');
	gsize length = strlen(name);

	while (at) {
		at++;
		if (strncmp(at, name, length) == 0 && at[length] == '=')
			return g_strndup(at + length + 1, strcspn(at + length + 1, ",]"));
		at = strchr(at, ',');
	}
	return NULL;
}

const char *report_fact(const struct run *run, const char *profile, const char *key)
{
	const json_t *machines = json_object_get(run->info, "machines");
	const json_t *facts = json_object_get(json_object_get(machines, profile), "facts");
	const char *text = json_string_value(json_object_get(facts, key));

	return text ? text : "";
}

char *report_replay(const struct run *run, const struct result *result)
{
	const json_t *machines = json_object_get(run->info, "machines");
	const json_t *machine = json_object_get(machines, result->profile);
	const json_t *replay = json_object_get(machine, "replay");
	g_autoptr(GString) command = g_string_new(NULL);
	g_autofree char *id = text_shell_quote(result->id);

	if (!result->number) {
		g_autofree char *folder = text_shell_quote(run->folder);

		return g_strconcat("iommut resume ", folder, NULL);
	}
	for (gsize i = 0; i < json_array_size(replay); i++) {
		const char *word = json_string_value(json_array_get(replay, i));
		g_autofree char *clean = text_clean_line(word ? word : "", -1, 4096);
		g_autofree char *quoted = text_shell_quote(clean);

		g_string_append(command, quoted);
		g_string_append_c(command, ' ');
	}
	if (!command->len)
		g_string_append(command, "iommut run ");
	if (result->seed)
		g_string_append_printf(command, "--seed %#" G_GINT64_MODIFIER "x ", result->seed);
	g_string_append(command, id);
	return g_string_free(g_steal_pointer(&command), FALSE);
}

GPtrArray *report_profiles(const struct run *run)
{
	GPtrArray *profiles = g_ptr_array_new();

	for (guint i = 0; i < run->results->len; i++) {
		const struct result *result = run->results->pdata[i];

		if (!g_ptr_array_find_with_equal_func(profiles, result->profile, g_str_equal, NULL))
			g_ptr_array_add(profiles, result->profile);
	}
	return profiles;
}

void report_add_json(GString *out, const char *text)
{
	const char *plain = text;

	g_string_append_c(out, '"');
	for (; *text; text++) {
		guchar c = (guchar)*text;

		if (c >= 0x20 && !strchr("\"\\<>&", c))
			continue;
		g_string_append_len(out, plain, text - plain);
		plain = text + 1;
		if (c == '"' || c == '\\')
			g_string_append_printf(out, "\\%c", c);
		else
			g_string_append_printf(out, "\\u%04x", c);
	}
	g_string_append_len(out, plain, text - plain);
	g_string_append_c(out, '"');
}
