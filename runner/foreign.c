// SPDX-License-Identifier: GPL-2.0-or-later
/* Descriptions of tests that somebody else wrote. */
#include "runner/foreign.h"

#include <string.h>

#include "runner/text.h"
#include "runner/verdict.h"

#define MAX_FILE        (1u << 20)
#define MAX_TEXT        1000
#define MAX_ARGUMENTS   48
#define MAX_SECONDS     86400
#define MAX_DEVICES     2
#define DEFAULT_SECONDS 60

/* What a description says, while it is read. */
struct description {
	GKeyFile *file;
	const char *text;
	const char *end;
	const char *folder;
	char *suite;
	char *about;
	GPtrArray *programs;
};

static void program_free(gpointer data)
{
	struct foreign *program = data;

	g_free(program->suite);
	g_free(program->name);
	g_free(program->about);
	g_free(program->proves);
	g_free(program->rule);
	g_free(program->folder);
	g_free(program->program);
	g_strfreev(program->files);
	g_strfreev(program->arguments);
	g_strfreev(program->environment);
	g_strfreev(program->select);
	g_strfreev(program->cases);
	g_strfreev(program->engines);
	g_strfreev(program->marks);
	g_ptr_array_unref(program->allowed);
	g_free(program);
}

GPtrArray *foreign_new(void)
{
	return g_ptr_array_new_with_free_func(program_free);
}

/* --- where in the file --- */

/* Calls for each line; without the blanks around it. Return: the number of the line that @is says TRUE of, or 0. */
static guint find_line(const struct description *of,
		       gboolean (*is)(const char *line, gpointer data), gpointer data)
{
	const char *at = of->text;

	for (guint number = 1; at < of->end; number++) {
		const char *newline = memchr(at, '\n', (gsize)(of->end - at));
		g_autofree char *line = g_strndup(at, (gsize)((newline ? newline : of->end) - at));

		if (is(g_strstrip(line), data))
			return number;
		at = newline ? newline + 1 : of->end;
	}
	return 0;
}

static gboolean is_no_line(const char *line, gpointer data)
{
	const char *equal = strchr(line, '=');

	if (!*line || *line == '#')
		return FALSE;
	if (*line == '[')
		return line[strlen(line) - 1] != ']' || strlen(line) < 3;
	return !equal || equal == line;
}

struct place {
	const char *group;
	const char *key;
	gboolean inside;
};

static gboolean is_place(const char *line, gpointer data)
{
	struct place *place = data;
	gsize length = strlen(place->group);

	if (*line == '[') {
		place->inside = strncmp(line + 1, place->group, length) == 0 &&
				g_str_equal(line + 1 + length, "]");
		return place->inside && !place->key;
	}
	if (!place->inside || !place->key)
		return FALSE;
	length = strlen(place->key);
	return strncmp(line, place->key, length) == 0 && strchr(" \t=", line[length]);
}

/* @key may be NULL: the group as a whole. */
G_GNUC_PRINTF(5, 6)
static gboolean fail(const struct description *of, GError **error, const char *group,
		     const char *key, const char *format, ...)
{
	struct place place = { .group = group, .key = key };
	g_autofree char *where = text_clean_line(group, -1, 100);
	g_autofree char *word = key ? text_clean_line(key, -1, 100) : g_strdup("");
	g_autofree char *what = NULL, *clean = NULL;
	va_list arguments;

	va_start(arguments, format);
	what = g_strdup_vprintf(format, arguments);
	va_end(arguments);
	clean = text_clean_line(what, -1, MAX_TEXT);
	g_set_error(error, RUNNER_ERROR, RUNNER_ERROR_USAGE, "line %u: [%s]%s%s: %s",
		    find_line(of, is_place, &place), where, key ? " " : "", word, clean);
	return FALSE;
}

/* --- values --- */

static char *text_of(const struct description *of, const char *group, const char *key)
{
	g_autofree char *text = g_key_file_get_string(of->file, group, key, NULL);

	return text ? text_clean_line(text, -1, MAX_TEXT) : g_strdup("");
}

/* A list whose every element passes @check. */
static gboolean read_list(const struct description *of, const char *group, const char *key,
			  gboolean (*check)(const char *), const char *right, gsize most,
			  char ***list, GError **error)
{
	gsize count = 0;

	*list = g_key_file_get_string_list(of->file, group, key, &count, NULL);
	if (!*list)
		*list = g_new0(char *, 1);
	if (count > most)
		return fail(of, error, group, key, "at most %" G_GSIZE_FORMAT " of them", most);
	for (char **word = *list; *word; word++)
		if (!check(*word))
			return fail(of, error, group, key, "%s is not %s", *word, right);
	return TRUE;
}

static gboolean read_number(const struct description *of, const char *group, const char *key,
			    guint most, guint *number, GError **error)
{
	g_autofree char *text = g_key_file_get_string(of->file, group, key, NULL);
	guint64 value;

	if (!text)
		return TRUE;
	if (!g_ascii_string_to_unsigned(text, 10, 0, most, &value, NULL))
		return fail(of, error, group, key, "%s is no number from 0 to %u", text, most);
	*number = (guint)value;
	return TRUE;
}

static gboolean read_switch(const struct description *of, const char *group, const char *key,
			    gboolean *value, GError **error)
{
	g_autofree char *text = g_key_file_get_string(of->file, group, key, NULL);

	*value = g_strcmp0(text, "true") == 0;
	if (!text || *value || g_str_equal(text, "false"))
		return TRUE;
	return fail(of, error, group, key, "%s is neither true nor false", text);
}

/* Below the description's folder, and fit for a shell and an archive. */
static gboolean is_path_below(const char *path)
{
	g_auto(GStrv) parts = g_strsplit(path, "/", -1);

	for (char **part = parts; *part; part++)
		if (!**part || g_str_equal(*part, ".") || g_str_equal(*part, ".."))
			return FALSE;
	for (const char *at = path; *at; at++)
		if (!g_ascii_isalnum(*at) && !strchr("_./+-", *at))
			return FALSE;
	return *path && *path != '-' && strlen(path) <= MAX_TEXT;
}

static gboolean is_program(const char *path)
{
	return is_path_below(*path == '/' ? path + 1 : path);
}

static gboolean is_case_name(const char *name)
{
	g_autofree char *clean = foreign_name(name);

	return *name && g_str_equal(clean, name);
}

/* Every ${...} in it is one that we know; printable, and not so long that it would not pass. */
static gboolean is_template(const char *text)
{
	static const char *const known[] = { "${device}", "${device2}", "${case}", "${seed}" };
	const char *at = text;

	while ((at = strstr(at, "${"))) {
		gsize length = 0;

		for (gsize i = 0; i < G_N_ELEMENTS(known); i++)
			if (g_str_has_prefix(at, known[i]))
				length = strlen(known[i]);
		if (!length)
			return FALSE;
		at += length;
	}
	return strlen(text) <= MAX_TEXT && g_utf8_validate(text, -1, NULL);
}

static gboolean is_setting(const char *text)
{
	const char *equal = strchr(text, '=');

	if (!equal || equal == text || g_ascii_isdigit(*text))
		return FALSE;
	for (const char *at = text; at < equal; at++)
		if (!g_ascii_isalnum(*at) && *at != '_')
			return FALSE;
	return is_template(equal + 1);
}

static gboolean mentions(char **list, const char *word)
{
	for (; *list; list++)
		if (strstr(*list, word))
			return TRUE;
	return FALSE;
}

static gboolean read_allowed(const struct description *of, const char *group,
			     struct foreign *program, GError **error)
{
	g_auto(GStrv) texts = g_key_file_get_string_list(of->file, group, "allow_log", NULL, NULL);

	for (char **text = texts; text && *text; text++) {
		g_autoptr(GError) problem = NULL;
		GRegex *regex = g_regex_new(*text, G_REGEX_OPTIMIZE, 0, &problem);

		if (!regex)
			return fail(of, error, group, "allow_log", "%s", problem->message);
		g_ptr_array_add(program->allowed, regex);
	}
	return TRUE;
}

/* --- groups --- */

static gboolean check_keys(const struct description *of, const char *group,
			   const char *const *known, GError **error)
{
	g_auto(GStrv) keys = g_key_file_get_keys(of->file, group, NULL, NULL);
	g_autofree char *right = g_strjoinv(", ", (char **)known);

	for (char **key = keys; *key; key++)
		if (!g_strv_contains(known, *key))
			return fail(of, error, group, *key, "there is no such key; there are: %s",
				    right);
	return TRUE;
}

static gboolean read_suite(struct description *of, GError **error)
{
	static const char *const known[] = { "name", "about", NULL };

	if (!g_key_file_has_group(of->file, "suite")) {
		g_set_error(error, RUNNER_ERROR, RUNNER_ERROR_USAGE,
			    "it has no group [suite] with a name");
		return FALSE;
	}
	of->suite = text_of(of, "suite", "name");
	of->about = text_of(of, "suite", "about");
	if (!check_keys(of, "suite", known, error))
		return FALSE;
	if (text_is_name(of->suite))
		return TRUE;
	return fail(of, error, "suite",
		    g_key_file_has_key(of->file, "suite", "name", NULL) ? "name" : NULL,
		    "a name is 1 to 64 of letters, digits, _ . -, not %s",
		    *of->suite ? of->suite : "nothing");
}

static gboolean read_lists(const struct description *of, const char *group, struct foreign *program,
			   GError **error)
{
	static const char template[] = "a text whose ${...} are device, device2, case or seed";
	const struct {
		const char *key;
		gboolean (*check)(const char *);
		const char *right;
		gsize most;
		char ***list;
	} lists[] = {
		{ "files", is_path_below, "the path of a file below the description's folder", 100,
		  &program->files },
		{ "arguments", is_template, template, MAX_ARGUMENTS, &program->arguments },
		{ "select", is_template, template, 8, &program->select },
		{ "environment", is_setting, "NAME=VALUE", MAX_ARGUMENTS, &program->environment },
		{ "cases", is_case_name, "a name of letters, digits, _ . -", CATALOGUE_MAX_CASES,
		  &program->cases },
		{ "engines", text_is_name, "the name of an engine", 16, &program->engines },
		{ "marks", text_is_name, "a mark", 16, &program->marks },
	};
	gboolean good = TRUE;

	for (gsize i = 0; i < G_N_ELEMENTS(lists); i++)
		good = read_list(of, group, lists[i].key, lists[i].check, lists[i].right,
				 lists[i].most, lists[i].list, good ? error : NULL) &&
		       good;
	return good;
}

/* Two results of one ID could not be told apart. */
static const char *first_repeated(char **words)
{
	g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);

	for (char **word = words; *word; word++)
		if (!g_hash_table_add(seen, *word))
			return *word;
	return NULL;
}

/* What makes sense only together. */
static gboolean check_program(const struct description *of, const char *group,
			      const struct foreign *program, GError **error)
{
	static const char *const words[] = { "${device}", "${device2}" };
	const char *repeated = first_repeated(program->cases);

	if (repeated)
		return fail(of, error, group, "cases", "%s comes twice", repeated);
	if (!text_is_name(program->name))
		return fail(of, error, group, NULL,
			    "a program is called by 1 to 64 of letters, digits, _ . -");
	if (!*program->program)
		return fail(of, error, group, NULL, "it has no program");
	if (!is_program(program->program))
		return fail(of, error, group, "program",
			    "%s is neither a path below the description's folder nor an absolute "
			    "one",
			    program->program);
	if (!program->timeout_ms)
		return fail(of, error, group, "timeout", "it must be at least a second");
	if (program->engines[0] && !program->devices)
		return fail(of, error, group, "engines", "it takes no device: devices=1 or 2");
	for (guint i = 0; i < G_N_ELEMENTS(words); i++)
		if (program->devices <= i && (mentions(program->arguments, words[i]) ||
					      mentions(program->select, words[i]) ||
					      mentions(program->environment, words[i])))
			return fail(of, error, group, NULL, "%s, but devices=%u", words[i],
				    program->devices);
	if (program->cases[0] && !program->select[0])
		return fail(of, error, group, "cases",
			    "without select=, which makes the program run one of them");
	if (program->select[0] && !mentions(program->select, "${case}"))
		return fail(of, error, group, "select", "it does not name ${case}");
	if (mentions(program->arguments, "${case}"))
		return fail(of, error, group, "arguments", "${case} belongs to select");
	return TRUE;
}

static gboolean read_program(const struct description *of, const char *group, GError **error)
{
	static const char *const known[] = { "program",   "arguments",       "environment", "files",
					     "timeout",   "devices",         "engines",     "marks",
					     "select",    "cases",           "proves",      "rule",
					     "allow_log", "provokes_faults", NULL };
	struct foreign *program = g_new0(struct foreign, 1);
	guint seconds = DEFAULT_SECONDS;
	gboolean good;

	program->allowed = g_ptr_array_new_with_free_func((GDestroyNotify)g_regex_unref);
	g_ptr_array_add(of->programs, program);
	program->suite = g_strdup(of->suite);
	program->about = g_strdup(of->about);
	program->name = g_strdup(group);
	program->folder = g_strdup(of->folder);
	program->program = text_of(of, group, "program");
	program->proves = text_of(of, group, "proves");
	program->rule = text_of(of, group, "rule");
	good = read_lists(of, group, program, error) && check_keys(of, group, known, error) &&
	       read_number(of, group, "timeout", MAX_SECONDS, &seconds, error) &&
	       read_number(of, group, "devices", MAX_DEVICES, &program->devices, error) &&
	       read_switch(of, group, "provokes_faults", &program->provokes_faults, error) &&
	       read_allowed(of, group, program, error);
	program->timeout_ms = seconds * 1000;
	return good && check_program(of, group, program, error);
}

gboolean foreign_parse(GPtrArray *programs, const char *text, gsize length, const char *folder,
		       GError **error)
{
	g_autoptr(GKeyFile) file = g_key_file_new();
	struct description of = { .file = file,
				  .text = text,
				  .end = text + length,
				  .folder = folder,
				  .programs = programs };
	guint before = programs->len, line;
	g_autoptr(GError) wrong = NULL;
	g_autofree char *clean = NULL;
	g_auto(GStrv) groups = NULL;
	gboolean good;

	if (length > MAX_FILE || !g_utf8_validate(text, (gssize)length, NULL)) {
		g_set_error(error, RUNNER_ERROR, RUNNER_ERROR_USAGE,
			    "it is no UTF-8 text, or too long");
		return FALSE;
	}
	line = find_line(&of, is_no_line, NULL);
	if (line) {
		g_set_error(error, RUNNER_ERROR, RUNNER_ERROR_USAGE,
			    "line %u: a line is [group], key=value, or begins with #", line);
		return FALSE;
	}
	if (!g_key_file_load_from_data(file, text, length, G_KEY_FILE_NONE, &wrong)) {
		/* GLib repeats what is in the file as it is. */
		clean = text_clean_line(wrong->message, -1, MAX_TEXT);
		g_set_error_literal(error, RUNNER_ERROR, RUNNER_ERROR_USAGE, clean);
		return FALSE;
	}
	good = read_suite(&of, error);
	groups = g_key_file_get_groups(file, NULL);
	for (char **group = groups; good && *group; group++) {
		if (g_str_equal(*group, "suite"))
			continue;
		if (programs->len >= FOREIGN_MAX_PROGRAMS)
			good = fail(&of, error, *group, NULL, "there are too many programs");
		else
			good = read_program(&of, *group, error);
	}
	if (good && programs->len == before)
		good = fail(&of, error, "suite", NULL,
			    "no program: each has a group of its own, with program=");
	g_free(of.suite);
	g_free(of.about);
	return good;
}
