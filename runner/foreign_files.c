// SPDX-License-Identifier: GPL-2.0-or-later
/* Tests of others, from their files to the words of their processes. */
#include <string.h>

#include "runner/foreign.h"
#include "runner/text.h"
#include "runner/verdict.h"

static gboolean load_file(GPtrArray *programs, const char *path, GError **error)
{
	g_autofree char *absolute = g_canonicalize_filename(path, NULL);
	g_autofree char *folder = g_path_get_dirname(absolute);
	g_autoptr(GError) problem = NULL;
	g_autofree char *text = NULL;
	gsize length;

	if (g_file_get_contents(absolute, &text, &length, &problem) &&
	    foreign_parse(programs, text, length, folder, &problem))
		return TRUE;
	g_set_error(error, RUNNER_ERROR, RUNNER_ERROR_USAGE, "tests %s: %s", path,
		    problem->message);
	return FALSE;
}

static int by_name(gconstpointer a, gconstpointer b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static gboolean load_folder(GPtrArray *programs, const char *path, GError **error)
{
	g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(GError) problem = NULL;
	g_autoptr(GDir) folder = g_dir_open(path, 0, &problem);
	const char *name;

	while (folder && (name = g_dir_read_name(folder)))
		if (g_str_has_suffix(name, ".conf"))
			g_ptr_array_add(names, g_build_filename(path, name, NULL));
	if (!names->len) {
		g_set_error(error, RUNNER_ERROR, RUNNER_ERROR_USAGE, "tests %s: %s", path,
			    problem ? problem->message : "no NAME.conf in it");
		return FALSE;
	}
	g_ptr_array_sort(names, by_name);
	for (guint i = 0; i < names->len; i++)
		if (!load_file(programs, names->pdata[i], error))
			return FALSE;
	return TRUE;
}

/* What is to be copied must be there: better said now than by a machine under test. */
static gboolean check_files(const GPtrArray *programs, GError **error)
{
	g_autoptr(GPtrArray) files = foreign_files(programs);

	for (guint i = 0; i < files->len; i++) {
		const struct foreign_file *file = files->pdata[i];

		if (g_file_test(file->from, G_FILE_TEST_IS_REGULAR))
			continue;
		g_set_error(error, RUNNER_ERROR, RUNNER_ERROR_USAGE,
			    "tests: suite %.*s needs the file %s, which is not there",
			    (int)strcspn(file->to, "/"), file->to, file->from);
		return FALSE;
	}
	return TRUE;
}

GPtrArray *foreign_load(char **paths, GError **error)
{
	g_autoptr(GPtrArray) programs = foreign_new();

	for (; paths && *paths; paths++)
		if (g_file_test(*paths, G_FILE_TEST_IS_DIR) ? !load_folder(programs, *paths, error)
							    : !load_file(programs, *paths, error))
			return NULL;
	return check_files(programs, error) ? g_steal_pointer(&programs) : NULL;
}

/* --- files --- */

static void file_free(gpointer data)
{
	struct foreign_file *file = data;

	g_free(file->from);
	g_free(file->to);
	g_free(file);
}

static gboolean goes_there(gconstpointer file, gconstpointer to)
{
	return g_str_equal(((const struct foreign_file *)file)->to, to);
}

static void add_file(GPtrArray *files, const struct foreign *program, const char *path)
{
	g_autofree char *to = g_strdup_printf("%s/%s", program->suite, path);
	struct foreign_file *file;

	if (*path == '/' || g_ptr_array_find_with_equal_func(files, to, goes_there, NULL))
		return;
	file = g_new0(struct foreign_file, 1);
	file->from = g_build_filename(program->folder, path, NULL);
	file->to = g_steal_pointer(&to);
	g_ptr_array_add(files, file);
}

GPtrArray *foreign_files(const GPtrArray *programs)
{
	GPtrArray *files = g_ptr_array_new_with_free_func(file_free);

	for (guint i = 0; programs && i < programs->len; i++) {
		const struct foreign *program = programs->pdata[i];

		add_file(files, program, program->program);
		for (char **path = program->files; *path; path++)
			add_file(files, program, *path);
	}
	return files;
}

/* --- cases --- */

static void add_case(GPtrArray *cases, const struct foreign *program, const char *part)
{
	struct test_case *which = test_case_new();

	which->suite = g_strdup(program->suite);
	which->name =
		part ? g_strdup_printf("%s.%s", program->name, part) : g_strdup(program->name);
	which->about = g_strdup(program->about);
	which->proves = g_strdup(program->proves);
	which->rule = g_strdup(program->rule);
	which->marks = g_strdupv(program->marks);
	which->needs = g_new0(char *, 1);
	which->excludes = g_new0(char *, 1);
	which->engines = g_strdupv(program->engines);
	which->devices = program->devices;
	which->timeout_ms = program->timeout_ms;
	which->foreign = program;
	which->part = g_strdup(part);
	g_ptr_array_add(cases, which);
}

gboolean foreign_add_cases(GPtrArray *cases, const GPtrArray *programs, GError **error)
{
	g_autoptr(GHashTable) names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	g_autoptr(GHashTable) suites = g_hash_table_new(g_str_hash, g_str_equal);

	for (guint i = 0; i < cases->len; i++)
		g_hash_table_add(suites, ((struct test_case *)cases->pdata[i])->suite);
	for (guint i = 0; programs && i < programs->len; i++) {
		const struct foreign *program = programs->pdata[i];
		char *name = g_strdup_printf("%s/%s", program->suite, program->name);

		if (g_hash_table_contains(suites, program->suite) ||
		    !g_hash_table_add(names, name)) {
			g_set_error(error, RUNNER_ERROR, RUNNER_ERROR_USAGE,
				    "tests: %s/%s: there is another of this name", program->suite,
				    program->name);
			return FALSE;
		}
		if (!program->cases[0])
			add_case(cases, program, NULL);
		for (char **part = program->cases; *part; part++)
			add_case(cases, program, *part);
	}
	return TRUE;
}

/* --- processes --- */

static char *fill(const char *text, const struct foreign_call *call)
{
	guint count = g_strv_length((char **)call->devices);
	g_autofree char *seed = g_strdup_printf("%#" G_GINT64_MODIFIER "x", call->seed);
	const struct {
		const char *word;
		const char *value;
	} words[] = {
		{ "${device}", count > 0 ? call->devices[0] : "" },
		{ "${device2}", count > 1 ? call->devices[1] : "" },
		{ "${case}", call->part ? call->part : "" },
		{ "${seed}", seed },
	};
	GString *filled = g_string_new(text);

	for (gsize i = 0; i < G_N_ELEMENTS(words); i++)
		g_string_replace(filled, words[i].word, words[i].value, 0);
	return g_string_free(filled, FALSE);
}

static void fill_all(GStrvBuilder *filled, char **texts, const struct foreign_call *call)
{
	for (; *texts; texts++) {
		g_autofree char *text = fill(*texts, call);

		g_strv_builder_add(filled, text);
	}
}

char **foreign_arguments(const struct foreign *program, const struct foreign_call *call)
{
	g_autoptr(GStrvBuilder) filled = g_strv_builder_new();

	/* First, as some programs take options only before the rest. */
	if (call->part)
		fill_all(filled, program->select, call);
	fill_all(filled, program->arguments, call);
	return g_strv_builder_end(filled);
}

char **foreign_environment(const struct foreign *program, const struct foreign_call *call)
{
	g_autoptr(GStrvBuilder) filled = g_strv_builder_new();

	fill_all(filled, program->environment, call);
	return g_strv_builder_end(filled);
}

gboolean foreign_uses_seed(const struct foreign *program)
{
	char **const lists[] = { program->arguments, program->environment, program->select };

	for (gsize i = 0; i < G_N_ELEMENTS(lists); i++)
		for (char **text = lists[i]; *text; text++)
			if (strstr(*text, "${seed}"))
				return TRUE;
	return FALSE;
}

gboolean foreign_allows(const struct foreign *program, const char *line)
{
	for (guint i = 0; i < program->allowed->len; i++)
		if (g_regex_match(program->allowed->pdata[i], line, 0, NULL))
			return TRUE;
	return FALSE;
}

char *foreign_name(const char *text)
{
	GString *name = g_string_new(NULL);
	gboolean gap = FALSE;

	/* What separates words becomes one underscore, and none at the ends. */
	for (; *text && name->len < FOREIGN_MAX_NAME - 1; text++) {
		gboolean good = g_ascii_isalnum(*text) || strchr("_.-", *text);

		if (good && gap && name->len)
			g_string_append_c(name, '_');
		if (good)
			g_string_append_c(name, *text);
		gap = !good;
	}
	return g_string_free(name, FALSE);
}
