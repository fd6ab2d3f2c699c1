// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * docs/cases.md from the suites themselves: cases PAGE SUITE... writes the page, cases --check PAGE SUITE... only says whether it is
 * what would be written.
 */
#include <glib.h>
#include <jansson.h>
#include <string.h>

static const char *text_of(json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

static void add_strings(GString *page, json_t *strings, const char *separator)
{
	json_t *string;
	size_t i;

	json_array_foreach(strings, i, string)
		g_string_append_printf(page, "%s%s", i ? separator : "", json_string_value(string));
}

/* A bar would end the table's cell. */
static void add_cell(GString *page, const char *text)
{
	for (; *text; text++)
		g_string_append_printf(page, *text == '|' ? "\\%c" : "%c", *text);
}

static void add_case(GString *page, json_t *which)
{
	json_t *parameters = json_object_get(which, "params"), *parameter;
	size_t i;

	g_string_append_printf(page, "| `%s` | ", text_of(which, "case"));
	add_cell(page, text_of(which, "proves"));
	g_string_append(page, " | ");
	add_cell(page, text_of(which, "rule"));
	g_string_append(page, " | ");
	json_array_foreach(parameters, i, parameter)
	{
		g_string_append_printf(page, "%s%s: ", i ? "; " : "", text_of(parameter, "name"));
		add_strings(page, json_object_get(parameter, "values"), ", ");
	}
	g_string_append(page, " | ");
	add_strings(page, json_object_get(which, "needs"), ", ");
	if (json_integer_value(json_object_get(which, "devices")) == 2)
		g_string_append(page, json_array_size(json_object_get(which, "needs"))
					      ? ", two devices"
					      : "two devices");
	g_string_append(page, " | ");
	add_strings(page, json_object_get(which, "marks"), ", ");
	g_string_append(page, " |\n");
}

static guint add_suite(GString *page, const char *suite, GError **error)
{
	const char *command[] = { suite, "--list", NULL };
	g_autofree char *output = NULL;
	g_auto(GStrv) lines = NULL;
	guint count = 0;
	int status;

	if (!g_spawn_sync(NULL, (char **)command, NULL, G_SPAWN_DEFAULT, NULL, NULL, &output, NULL,
			  &status, error) ||
	    !g_spawn_check_wait_status(status, error))
		return 0;
	lines = g_strsplit(g_strchomp(output), "\n", -1);
	for (; lines[count]; count++) {
		json_t *which = json_loads(lines[count], 0, NULL);

		if (!count)
			g_string_append_printf(page,
					       "\n## %s\n%s.\n\n| case | proves | rule | "
					       "parameters | needs | marks |\n"
					       "|---|---|---|---|---|---|\n",
					       text_of(which, "suite"), text_of(which, "about"));
		add_case(page, which);
		json_decref(which);
	}
	return count;
}

int main(int argc, char **argv)
{
	g_autoptr(GString) page = g_string_new(NULL);
	g_autoptr(GString) body = g_string_new(NULL);
	g_autoptr(GError) error = NULL;
	g_autofree char *there = NULL;
	gboolean check = argc > 1 && strcmp(argv[1], "--check") == 0;
	guint cases = 0;

	if (argc < 3 + check) {
		g_printerr("usage: cases [--check] PAGE SUITE...\n");
		return 2;
	}
	for (int i = 2 + check; i < argc && !error; i++)
		cases += add_suite(body, argv[i], &error);
	g_string_printf(page,
			"# Cases\n\nMade from the suites by `docs/cases/cases.c` (`ninja -C build "
			"cases-page`): %u cases in %d suites, before parameters.\n%s",
			cases, argc - 2 - check, body->str);
	if (!error && check) {
		g_file_get_contents(argv[2], &there, NULL, &error);
		if (!error && strcmp(there, page->str) != 0) {
			g_printerr("%s is not what the suites say: run ninja -C build cases-page\n",
				   argv[2]);
			return 1;
		}
	} else if (!error) {
		g_file_set_contents(argv[1], page->str, -1, &error);
	}
	if (error) {
		g_printerr("cases: %s\n", error->message);
		return 3;
	}
	return 0;
}
