// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "runner/config.h"
#include "runner/text.h"
#include "runner/verdict.h"

#define MAX_FILE (1u << 20)

static void setting_free(gpointer data)
{
	struct setting *setting = data;

	g_free(setting->command);
	g_free(setting->option);
	g_free(setting->value);
	g_free(setting->place);
	g_free(setting);
}

GPtrArray *config_new(void)
{
	return g_ptr_array_new_with_free_func(setting_free);
}

static void forget(GPtrArray *settings, const char *command, const char *option)
{
	for (guint i = settings->len; i > 0; i--) {
		const struct setting *setting = settings->pdata[i - 1];

		if (g_str_equal(setting->command, command) && g_str_equal(setting->option, option))
			g_ptr_array_remove_index(settings, i - 1);
	}
}

static void add(GPtrArray *settings, const char *command, const char *option, const char *value,
		const char *place)
{
	struct setting *setting = g_new0(struct setting, 1);

	setting->command = g_strdup(command);
	setting->option = g_strdup(option);
	setting->value = g_strdup(value);
	setting->place = g_strdup(place);
	g_ptr_array_add(settings, setting);
}

static gboolean add_option(GPtrArray *settings, GKeyFile *file, const char *command,
			   const char *option, const char *place, GError **error)
{
	g_auto(GStrv) values = g_key_file_get_string_list(file, command, option, NULL, error);

	if (!values)
		return FALSE;
	if (!text_is_name(option)) {
		g_set_error(error, RUNNER_ERROR, RUNNER_ERROR_USAGE,
			    "[%s]: that is no option's name: %s", command, option);
		return FALSE;
	}
	forget(settings, command, option);
	if (values[0] && !values[1] && g_str_equal(values[0], "true"))
		add(settings, command, option, NULL, place);
	else if (!values[0] || values[1] || !g_str_equal(values[0], "false"))
		for (char **value = values; *value; value++)
			add(settings, command, option, *value, place);
	return TRUE;
}

gboolean config_parse(GPtrArray *settings, const char *text, gsize length, const char *place,
		      GError **error)
{
	static const char *const commands[] = { "run", "lab", "list", "devices", "report", NULL };
	g_autoptr(GKeyFile) file = g_key_file_new();
	g_auto(GStrv) groups = NULL;

	if (length > MAX_FILE || !g_utf8_validate(text, (gssize)length, NULL)) {
		g_set_error(error, RUNNER_ERROR, RUNNER_ERROR_USAGE,
			    "it is no UTF-8 text, or too long");
		return FALSE;
	}
	if (!g_key_file_load_from_data(file, text, length, G_KEY_FILE_NONE, error))
		return FALSE;
	groups = g_key_file_get_groups(file, NULL);
	for (char **group = groups; *group; group++) {
		g_auto(GStrv) options = g_key_file_get_keys(file, *group, NULL, NULL);

		if (!g_strv_contains(commands, *group)) {
			g_set_error(error, RUNNER_ERROR, RUNNER_ERROR_USAGE,
				    "[%s]: that is no command with settings", *group);
			return FALSE;
		}
		for (char **option = options; option && *option; option++)
			if (!add_option(settings, file, *group, *option, place, error))
				return FALSE;
	}
	return TRUE;
}

static gboolean load(GPtrArray *settings, const char *path, gboolean must_exist, GError **error)
{
	g_autofree char *text = NULL;
	g_autoptr(GError) problem = NULL;
	gsize length;

	if (g_file_get_contents(path, &text, &length, &problem)) {
		if (config_parse(settings, text, length, path, &problem))
			return TRUE;
	} else if (!must_exist && g_error_matches(problem, G_FILE_ERROR, G_FILE_ERROR_NOENT)) {
		return TRUE;
	}
	g_set_error(error, RUNNER_ERROR, RUNNER_ERROR_USAGE, "settings %s: %s", path,
		    problem->message);
	return FALSE;
}

/* In the working directory, or the nearest one above. */
static char *project_file(void)
{
	g_autofree char *folder = g_get_current_dir();

	for (;;) {
		g_autofree char *path = g_build_filename(folder, "iommut.conf", NULL);
		char *above;

		if (g_file_test(path, G_FILE_TEST_IS_REGULAR))
			return g_steal_pointer(&path);
		above = g_path_get_dirname(folder);
		if (g_str_equal(above, folder)) {
			g_free(above);
			return NULL;
		}
		g_free(folder);
		folder = above;
	}
}

GPtrArray *config_load(GError **error)
{
	GPtrArray *settings = config_new();
	const char *only = g_getenv("IOMMUT_CONFIG");
	g_autofree char *user = g_build_filename(g_get_user_config_dir(), "iommut.conf", NULL);
	g_autofree char *project = project_file();
	gboolean good;

	if (only)
		good = !*only || load(settings, only, TRUE, error);
	else
		good = load(settings, "/etc/iommut.conf", FALSE, error) &&
		       load(settings, user, FALSE, error) &&
		       (!project || load(settings, project, FALSE, error));
	if (good)
		return settings;
	g_ptr_array_unref(settings);
	return NULL;
}

/* Whether somebody typed it, in its long or its short form. */
static gboolean was_typed(const char *option, int argc, char **argv)
{
	static const struct {
		const char *option;
		char letter;
	} letters[] = {
		{ "words", 'k' },  { "marks", 'm' }, { "backend", 'b' }, { "engine", 'e' },
		{ "device", 'd' }, { "jobs", 'j' },  { "output", 'o' },  { "format", 'f' },
	};
	gsize length = strlen(option);
	char letter = 0;

	for (gsize i = 0; i < G_N_ELEMENTS(letters); i++)
		if (g_str_equal(letters[i].option, option))
			letter = letters[i].letter;
	for (int i = 1; i < argc && !g_str_equal(argv[i], "--"); i++) {
		const char *word = argv[i];

		if (g_str_has_prefix(word, "--") && strncmp(word + 2, option, length) == 0 &&
		    (word[2 + length] == '\0' || word[2 + length] == '='))
			return TRUE;
		if (letter && word[0] == '-' && word[1] == letter)
			return TRUE;
	}
	return FALSE;
}

char **config_arguments(const GPtrArray *settings, const char *command, int argc, char **argv)
{
	g_autoptr(GStrvBuilder) words = g_strv_builder_new();

	g_strv_builder_add(words, argv[0]);
	for (guint i = 0; i < settings->len; i++) {
		const struct setting *setting = settings->pdata[i];
		g_autofree char *word = NULL;

		if (!g_str_equal(setting->command, command) ||
		    was_typed(setting->option, argc, argv))
			continue;
		word = setting->value ? g_strdup_printf("--%s=%s", setting->option, setting->value)
				      : g_strdup_printf("--%s", setting->option);
		g_strv_builder_add(words, word);
	}
	for (int i = 1; i < argc; i++)
		g_strv_builder_add(words, argv[i]);
	return g_strv_builder_end(words);
}
