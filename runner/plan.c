// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "runner/expression.h"
#include "runner/foreign.h"
#include "runner/plan.h"
#include "runner/plan_choices.h"
#include "runner/text.h"
#include "runner/verdict.h"

/* What is only run when asked for. */
static const char *const reluctant_marks[] = { "demo", "destructive", "stress", "perf" };

struct planner {
	const struct machine *machine;
	const struct run_options *options;
	gboolean *pattern_used;
	/* it is an ID: then it means that case alone, also if it is the beginning of others' */
	gboolean *pattern_exact;
	gboolean any_exact;
	/* of char *: the engines that the chosen devices have, in the order of their devices */
	GPtrArray *engines;
	/* of struct device *: the chosen ones that an engine can drive */
	GPtrArray *devices;
	/* device=BDF is a part of the IDs */
	gboolean each_device;
	const char *skip;
	const char *lift;
	GPtrArray *items;
	/* for the visit of a case */
	const char *engine;
	const char *device;
};

void item_free(struct item *item)
{
	if (!item)
		return;
	g_free(item->id);
	g_free(item->variant);
	g_free(item->engine);
	g_free(item->device);
	g_free(item->skip);
	g_free(item->lift);
	g_free(item->part);
	g_free(item);
}

struct item *item_copy(const struct item *item)
{
	struct item *copy = g_memdup2(item, sizeof(*item));

	copy->id = g_strdup(item->id);
	copy->variant = g_strdup(item->variant);
	copy->engine = g_strdup(item->engine);
	copy->device = g_strdup(item->device);
	copy->skip = g_strdup(item->skip);
	copy->lift = g_strdup(item->lift);
	copy->part = g_strdup(item->part);
	return copy;
}

const char *item_part(const struct item *item)
{
	return item->part ? item->part : item->which->part;
}

gboolean pattern_matches(const char *pattern, const char *id)
{
	const char *slash = strchr(id, '/');
	const char *bracket = strchr(id, '[');
	g_autofree char *part = NULL;

	if (g_str_equal(pattern, id) || g_pattern_match_simple(pattern, id))
		return TRUE;
	if (strchr(pattern, '['))
		return FALSE;
	if (!strchr(pattern, '/'))
		part = g_strndup(id, slash ? (gsize)(slash - id) : strlen(id));
	else
		part = g_strndup(id, bracket ? (gsize)(bracket - id) : strlen(id));
	return g_pattern_match_simple(pattern, part);
}

/* Names the suite itself, not by a wildcard. */
static gboolean pattern_means_it(const char *pattern, const struct test_case *which)
{
	gsize length = strlen(which->suite);

	return strncmp(pattern, which->suite, length) == 0 &&
	       (pattern[length] == '\0' || pattern[length] == '/');
}

struct mention {
	const char *word;
	gboolean found;
};

static gboolean note_mention(const char *word, gpointer data)
{
	struct mention *mention = data;

	mention->found = mention->found || g_str_equal(word, mention->word);
	return FALSE;
}

/* Also behind a "not": then the expression itself leaves it out. */
static gboolean mentions(const char *expression, const char *word)
{
	struct mention mention = { .word = word };

	if (expression)
		expression_matches(expression, note_mention, &mention);
	return mention.found;
}

static gboolean is_willing(const struct planner *planner, const struct test_case *which)
{
	for (gsize i = 0; i < G_N_ELEMENTS(reluctant_marks); i++) {
		const char *mark = reluctant_marks[i];
		gboolean named = mentions(planner->options->marks, mark);

		if (!test_case_has_mark(which, mark))
			continue;
		for (char **pattern = planner->options->patterns; pattern && *pattern; pattern++)
			named = named || pattern_means_it(*pattern, which);
		if (!named)
			return FALSE;
	}
	return TRUE;
}

static gboolean word_in_id(const char *word, gpointer id)
{
	g_autofree char *small_word = g_ascii_strdown(word, -1);
	g_autofree char *small_id = g_ascii_strdown(id, -1);

	return strstr(small_id, small_word) != NULL;
}

static gboolean word_is_mark(const char *word, gpointer which)
{
	return test_case_has_mark(which, word);
}

static gboolean matches_any(char **patterns, const char *id)
{
	for (char **pattern = patterns; pattern && *pattern; pattern++)
		if (pattern_matches(*pattern, id))
			return TRUE;
	return FALSE;
}

/* What is said of all but patterns. */
static gboolean passes(const struct planner *planner, const struct test_case *which, const char *id)
{
	const struct run_options *options = planner->options;

	return is_willing(planner, which) && !matches_any(options->deselect, id) &&
	       expression_matches(options->words, word_in_id, (gpointer)id) &&
	       expression_matches(options->marks, word_is_mark, (gpointer)which);
}

static gboolean is_chosen(struct planner *planner, const struct test_case *which, const char *id)
{
	const struct run_options *options = planner->options;
	gboolean named = !options->patterns || !options->patterns[0];

	for (guint i = 0; options->patterns && options->patterns[i]; i++) {
		const char *pattern = options->patterns[i];

		if (g_str_equal(pattern, id))
			planner->pattern_exact[i] = planner->any_exact = TRUE;
		if (planner->pattern_exact[i] ? g_str_equal(pattern, id)
					      : pattern_matches(pattern, id)) {
			planner->pattern_used[i] = TRUE;
			named = TRUE;
		}
	}
	return named && passes(planner, which, id);
}

static gboolean in_list(const char *list, const char *value)
{
	g_auto(GStrv) values = g_strsplit(list, ",", -1);

	return g_strv_contains((const char *const *)values, value);
}

/* A case without the parameter is not touched by a choice of its values; one with it must match. */
static gboolean values_chosen(const struct planner *planner, const struct test_case *which,
			      const char *const *values)
{
	const struct run_options *options = planner->options;

	for (guint i = 0; i < which->parameters->len; i++) {
		const struct parameter *parameter = which->parameters->pdata[i];
		gsize length = strlen(parameter->name);

		if (g_str_equal(parameter->name, "backend") && options->backends &&
		    options->backends[0] &&
		    !g_strv_contains((const char *const *)options->backends, values[i]))
			return FALSE;
		for (char **choice = options->params; choice && *choice; choice++)
			if (strncmp(*choice, parameter->name, length) == 0 &&
			    (*choice)[length] == '=' && !in_list(*choice + length + 1, values[i]))
				return FALSE;
	}
	return TRUE;
}

static struct item *new_item(const struct planner *planner, const struct test_case *which,
			     const char *const *values, const char *id)
{
	struct item *item = g_new0(struct item, 1);

	item->id = g_strdup(id);
	item->which = which;
	item->variant = variant_text(which, NULL, values, NULL);
	item->engine = g_strdup(planner->engine);
	item->device = g_strdup(planner->device);
	if (which->devices) {
		item->skip = g_strdup(planner->skip);
		item->lift = g_strdup(planner->lift);
	}
	item->attempt = 1;
	g_ptr_array_add(planner->items, item);
	return item;
}

/*
 * The tests of a program are known only when it has run. A pattern that names one, SUITE/PROGRAM.TEST[..], runs that one, if the
 * program can do that, or else all of it.
 */
static void add_parts(struct planner *planner, const struct test_case *which,
		      const char *const *values, const char *id)
{
	gsize length = strcspn(id, "[");
	gboolean whole = FALSE;

	for (guint i = 0; planner->options->patterns && planner->options->patterns[i]; i++) {
		const char *pattern = planner->options->patterns[i];
		gsize end = strcspn(pattern, "[");
		g_autofree char *part = NULL;

		if (strncmp(pattern, id, length) != 0 || pattern[length] != '.' ||
		    end == length + 1 || (pattern[end] && !g_str_equal(pattern + end, id + length)))
			continue;
		planner->pattern_used[i] = TRUE;
		part = g_strndup(pattern + length + 1, end - length - 1);
		if (which->foreign->select[0] && !strpbrk(part, "*?+")) {
			g_autofree char *name = g_strndup(pattern, end);
			g_autofree char *part_id = g_strconcat(name, id + length, NULL);

			if (passes(planner, which, part_id))
				new_item(planner, which, values, part_id)->part =
					g_steal_pointer(&part);
		} else if (!whole && passes(planner, which, id)) {
			whole = TRUE;
			new_item(planner, which, values, id);
		}
	}
}

static void add_variant(const struct test_case *which, const char *const *values, gpointer data)
{
	struct planner *planner = data;
	g_autofree char *text = NULL, *id = NULL;

	if (!values_chosen(planner, which, values))
		return;
	text = variant_text(which, planner->engine, values, planner->device);
	id = g_strdup_printf("%s/%s", which->suite, text);
	if (is_chosen(planner, which, id))
		new_item(planner, which, values, id);
	else if (which->foreign && !which->part)
		add_parts(planner, which, values, id);
}

static gboolean add_variants(struct planner *planner, const struct test_case *which,
			     const char *engine, const char *device, GError **error)
{
	planner->engine = engine;
	planner->device = device;
	if (test_case_for_each_variant(which, engine, add_variant, planner))
		return TRUE;
	g_set_error(error, RUNNER_ERROR, RUNNER_ERROR_TROUBLE, "%s/%s has too many variants",
		    which->suite, which->name);
	return FALSE;
}

/* Devices are there, but none of an engine that the case takes. */
static gboolean add_without_engine(struct planner *planner, const struct test_case *which,
				   GError **error)
{
	g_autofree char *engines = g_strjoinv(" or ", which->engines);
	g_autofree char *skip = g_strdup_printf("no device here of engine %s", engines);
	g_autofree char *lift = g_strdup_printf("a device of engine %s", engines);
	gboolean good;

	planner->skip = skip;
	planner->lift = lift;
	good = add_variants(planner, which, NULL, NULL, error);
	planner->skip = planner->lift = NULL;
	return good;
}

static gboolean add_case(struct planner *planner, const struct test_case *which, GError **error)
{
	gboolean any = FALSE;

	if (!which->devices || !planner->engines->len)
		return add_variants(planner, which, NULL, NULL, error);
	for (guint i = 0; planner->each_device && i < planner->devices->len; i++) {
		const struct device *device = planner->devices->pdata[i];

		if (!test_case_takes(which, device->engine))
			continue;
		any = TRUE;
		if (!add_variants(planner, which, device->engine, device->name, error))
			return FALSE;
	}
	for (guint i = 0; !planner->each_device && i < planner->engines->len; i++) {
		const char *engine = planner->engines->pdata[i];

		if (!test_case_takes(which, engine))
			continue;
		any = TRUE;
		if (!add_variants(planner, which, engine, NULL, error))
			return FALSE;
	}
	return any || add_without_engine(planner, which, error);
}

static void choose_devices(struct planner *planner)
{
	const struct run_options *options = planner->options;
	const struct machine *machine = planner->machine;
	gboolean driven = FALSE, grouped = FALSE, any_group = FALSE;

	for (guint i = 0; i < machine->devices->len; i++) {
		struct device *device = machine->devices->pdata[i];

		any_group = any_group || *device->group;
		if (!*device->engine || !plan_names(options, device))
			continue;
		if (options->engines && options->engines[0] &&
		    !g_strv_contains((const char *const *)options->engines, device->engine))
			continue;
		driven = TRUE;
		if (!*device->group)
			continue;
		grouped = TRUE;
		if (*device->use && !options->force)
			continue;
		if (!plan_may_take(machine, options, device)) {
			planner->skip = "the devices here that an engine can drive were not named";
			planner->lift = "--device with one of them: iommut devices lists them";
			continue;
		}
		g_ptr_array_add(planner->devices, device);
		if (!g_ptr_array_find_with_equal_func(planner->engines, device->engine, g_str_equal,
						      NULL))
			g_ptr_array_add(planner->engines, device->engine);
	}
	planner->each_device = options->devices && planner->devices->len > 1;
	if (planner->devices->len) {
		planner->skip = planner->lift = NULL;
		return;
	}
	if (planner->skip)
		return;
	if (!any_group) {
		planner->skip = "this machine has no IOMMU groups";
		planner->lift = "an IOMMU that firmware and kernel enable (intel_iommu=on, or "
				"iommu=on in the firmware's settings)";
	} else if (!driven) {
		planner->skip = options->engines && options->engines[0]
					? "no device here of an engine that --engine names"
					: "no device here that an engine can drive";
		planner->lift = "a supported device, as pcie-ats-testdev or edu; iommut devices "
				"shows what there is";
	} else if (!grouped) {
		planner->skip = "no device that an engine can drive is behind an IOMMU";
		planner->lift = "a slot whose IOMMU is enabled";
	} else {
		planner->skip = "every device that an engine can drive is in use";
		planner->lift = "a device that nothing uses, or --force";
	}
}

static gboolean check_patterns(const struct planner *planner, GError **error)
{
	char **patterns = planner->options->patterns;

	for (guint i = 0; patterns && patterns[i]; i++) {
		if (planner->pattern_used[i])
			continue;
		g_set_error(error, RUNNER_ERROR, RUNNER_ERROR_USAGE,
			    "no case here is %s: iommut list shows what there is", patterns[i]);
		return FALSE;
	}
	return TRUE;
}

/* The name of the suite that a pattern means; NULL if it may mean several. */
static char *suite_of(const char *pattern)
{
	gsize length = strcspn(pattern, "/[");

	return strcspn(pattern, "*?") < length ? NULL : g_strndup(pattern, length);
}

char **plan_suites(const struct run_options *options)
{
	g_autoptr(GHashTable) known = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	g_autoptr(GStrvBuilder) suites = g_strv_builder_new();

	/* Whether a parameter exists is asked of all suites. */
	if (!options->patterns || !options->patterns[0] || (options->params && options->params[0]))
		return NULL;
	for (char **pattern = options->patterns; *pattern; pattern++) {
		g_autofree char *suite = suite_of(*pattern);

		if (!suite)
			return NULL;
		if (g_hash_table_contains(known, suite))
			continue;
		g_strv_builder_add(suites, suite);
		g_hash_table_add(known, g_steal_pointer(&suite));
	}
	return g_strv_builder_end(suites);
}

static gboolean add_cases(struct planner *planner, GError **error)
{
	const GPtrArray *cases = planner->machine->cases;

	for (guint i = 0; i < cases->len; i++)
		if (!add_case(planner, cases->pdata[i], error))
			return FALSE;
	return TRUE;
}

GPtrArray *plan_make(const struct machine *machine, const struct run_options *options,
		     GError **error)
{
	struct planner planner = { .machine = machine, .options = options };
	gboolean good;

	planner.pattern_used =
		g_new0(gboolean, options->patterns ? g_strv_length(options->patterns) + 1 : 1);
	planner.pattern_exact =
		g_new0(gboolean, options->patterns ? g_strv_length(options->patterns) + 1 : 1);
	planner.items = g_ptr_array_new_with_free_func((GDestroyNotify)item_free);
	planner.engines = g_ptr_array_new();
	planner.devices = g_ptr_array_new();
	good = (!options->words || expression_check(options->words, error)) &&
	       (!options->marks || expression_check(options->marks, error)) &&
	       plan_check_choices(machine, options, error);
	if (good)
		choose_devices(&planner);
	good = good && add_cases(&planner, error);
	/* Which patterns are IDs is known only now. */
	if (good && planner.any_exact) {
		g_ptr_array_set_size(planner.items, 0);
		good = add_cases(&planner, error);
	}
	good = good && check_patterns(&planner, error);
	g_ptr_array_unref(planner.engines);
	g_ptr_array_unref(planner.devices);
	g_free(planner.pattern_used);
	g_free(planner.pattern_exact);
	if (good) {
		plan_number(planner.items, 1);
		return planner.items;
	}
	g_ptr_array_unref(planner.items);
	return NULL;
}
