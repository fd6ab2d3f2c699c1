// SPDX-License-Identifier: GPL-2.0-or-later
#include <math.h>
#include <string.h>

#include "runner/figure.h"

#define BEGINNING "# figure: "
#define MAX_LINE  128
#define LARGEST   1e15

static const char *const units[FIGURE_UNIT_COUNT] = {
	[FIGURE_US] = "us",
	[FIGURE_PER_SECOND] = "/s",
	[FIGURE_PERCENT] = "%",
};

static gboolean set_name(struct figure *figure, const char *name)
{
	for (const char *at = name; *at; at++)
		if (!g_ascii_isalnum(*at) && *at != '_')
			return FALSE;
	return *name && g_strlcpy(figure->name, name, sizeof(figure->name)) < sizeof(figure->name);
}

static gboolean set_value(struct figure *figure, double value)
{
	figure->value = value;
	return isfinite(value) && fabs(value) <= LARGEST;
}

static gboolean set_unit(struct figure *figure, const char *unit)
{
	for (guint i = 0; i < FIGURE_UNIT_COUNT; i++) {
		if (g_strcmp0(unit, units[i]) != 0)
			continue;
		figure->unit = i;
		return TRUE;
	}
	return FALSE;
}

static void add(GArray **figures, const struct figure *figure)
{
	if (!*figures)
		*figures = g_array_new(FALSE, FALSE, sizeof(struct figure));
	if ((*figures)->len >= FIGURES_MAX)
		return;
	for (guint i = 0; i < (*figures)->len; i++)
		if (g_str_equal(g_array_index(*figures, struct figure, i).name, figure->name))
			return;
	g_array_append_val(*figures, *figure);
}

/* A decimal number and nothing else: strtod() would also take "nan", "0x1p3" and blanks. */
static gboolean read_value(struct figure *figure, const char *word)
{
	char *end;
	double value = g_ascii_strtod(word, &end);

	return *word && !*end && strspn(word, "+-.0123456789e") == strlen(word) &&
	       set_value(figure, value);
}

/* "NAME VALUE UNIT" */
static gboolean read_figure(struct figure *figure, const char *text)
{
	g_auto(GStrv) words = g_strsplit(text, " ", 4);

	return g_strv_length(words) == 3 && set_name(figure, words[0]) &&
	       read_value(figure, words[1]) && set_unit(figure, words[2]);
}

GArray *figures_read(const char *output, gsize length)
{
	const char *end = output + length;
	GArray *figures = NULL;
	const char *newline;

	/* A line without an end was cut off. */
	for (const char *at = output; at < end && (newline = memchr(at, '\n', (gsize)(end - at)));
	     at = newline + 1) {
		gsize size = (gsize)(newline - at);
		struct figure figure = { 0 };

		if (size > strlen(BEGINNING) && size <= MAX_LINE &&
		    memcmp(at, BEGINNING, strlen(BEGINNING)) == 0) {
			g_autofree char *text =
				g_strndup(at + strlen(BEGINNING), size - strlen(BEGINNING));

			if (read_figure(&figure, text))
				add(&figures, &figure);
		}
	}
	return figures;
}

GArray *figures_from_json(const json_t *object)
{
	GArray *figures = NULL;
	const char *name;
	json_t *value;

	/* The macro wants what it does not change to be changeable. */
	json_object_foreach((json_t *)object, name, value)
	{
		const json_t *number = json_object_get(value, "value");
		const json_t *unit = json_object_get(value, "unit");
		struct figure figure = { 0 };

		if (set_name(&figure, name) && json_is_number(number) &&
		    set_value(&figure, json_number_value(number)) &&
		    set_unit(&figure, json_string_value(unit)))
			add(&figures, &figure);
	}
	return figures;
}

json_t *figures_to_json(const GArray *figures)
{
	json_t *object = json_object();

	for (guint i = 0; i < figures->len; i++) {
		const struct figure *figure = &g_array_index(figures, struct figure, i);

		json_object_set_new(object, figure->name,
				    json_pack("{s:f, s:s}", "value", figure->value, "unit",
					      units[figure->unit]));
	}
	return object;
}

char *figure_text(double value, enum figure_unit unit)
{
	char number[G_ASCII_DTOSTR_BUF_SIZE];

	g_ascii_formatd(number, sizeof(number), fabs(value) >= 100 ? "%.0f" : "%.3g", value);
	return g_strdup_printf("%s %s", number, units[unit]);
}

gboolean figures_are_virtual(const json_t *info, const char *profile)
{
	const json_t *machine = json_object_get(json_object_get(info, "machines"), profile);

	return json_object_get(json_object_get(machine, "describe"), "accelerator") ||
	       json_object_get(json_object_get(machine, "facts"), "virtual");
}
