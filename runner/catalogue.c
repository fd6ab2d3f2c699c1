// SPDX-License-Identifier: GPL-2.0-or-later
#include <jansson.h>
#include <string.h>

#include "runner/catalogue.h"
#include "runner/text.h"
#include "runner/verdict.h"

#define MAX_SENTENCE       1000
#define MAX_WORDS          256
#define MAX_VARIANTS       (1u << 20)
#define DEFAULT_TIMEOUT_MS 10000
#define LONGEST_TIMEOUT_MS (24 * 3600 * 1000)
#define MAX_DEVICES        2

static void parameter_free(gpointer data)
{
	struct parameter *parameter = data;

	g_free(parameter->name);
	g_strfreev(parameter->values);
	g_free(parameter->fallback);
	g_free(parameter);
}

void test_case_free(struct test_case *which)
{
	if (!which)
		return;
	g_free(which->suite);
	g_free(which->name);
	g_free(which->about);
	g_free(which->proves);
	g_free(which->rule);
	g_strfreev(which->marks);
	g_strfreev(which->needs);
	g_clear_pointer(&which->parameters, g_ptr_array_unref);
	g_strfreev(which->excludes);
	g_strfreev(which->engines);
	g_free(which->part);
	g_free(which);
}

struct test_case *test_case_new(void)
{
	struct test_case *which = g_new0(struct test_case, 1);

	which->parameters = g_ptr_array_new_with_free_func(parameter_free);
	return which;
}

static gboolean fail(GError **error, const char *what)
{
	g_set_error(error, RUNNER_ERROR, RUNNER_ERROR_TROUBLE, "a suite's list: %s", what);
	return FALSE;
}

static char *sentence(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	return text_clean_line(json_is_string(value) ? json_string_value(value) : "", -1,
			       MAX_SENTENCE);
}

/* An array of words, each of which passes @check; NULL if it is none. */
static char **words(const json_t *array, gboolean (*check)(const char *), gsize most)
{
	g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func(g_free);

	if (array && (!json_is_array(array) || json_array_size(array) > most))
		return NULL;
	for (gsize i = 0; i < json_array_size(array); i++) {
		const char *word = json_string_value(json_array_get(array, i));

		if (!word || !check(word))
			return NULL;
		g_ptr_array_add(list, g_strdup(word));
	}
	g_ptr_array_add(list, NULL);
	return (char **)g_ptr_array_free(g_steal_pointer(&list), FALSE);
}

static gboolean is_sentence(const char *text)
{
	return strlen(text) <= MAX_SENTENCE && g_utf8_validate(text, -1, NULL);
}

static gboolean parse_parameter(struct test_case *which, const json_t *object, GError **error)
{
	const char *name = json_string_value(json_object_get(object, "name"));
	const json_t *fallback = json_object_get(object, "default");
	struct parameter *parameter;

	if (!name || !text_is_name(name) || g_str_equal(name, "engine") ||
	    g_str_equal(name, "device") || test_case_parameter(which, name))
		return fail(error, "a parameter without a good name");
	parameter = g_new0(struct parameter, 1);
	g_ptr_array_add(which->parameters, parameter);
	parameter->name = g_strdup(name);
	parameter->values =
		words(json_object_get(object, "values"), text_is_value, CATALOGUE_MAX_VALUES);
	if (!parameter->values || !parameter->values[0])
		return fail(error, "a parameter without good values");
	if (!fallback)
		return TRUE;
	if (!json_is_string(fallback) ||
	    !g_strv_contains((const char *const *)parameter->values, json_string_value(fallback)))
		return fail(error, "a default that is none of the values");
	parameter->fallback = g_strdup(json_string_value(fallback));
	return TRUE;
}

/* Each pair of an exclude names a parameter that exists, or the combination would silently not be excluded. */
static gboolean check_exclude(const struct test_case *which, const char *exclude)
{
	g_auto(GStrv) pairs = g_strsplit(exclude, ",", -1);

	for (char **pair = pairs; *pair; pair++) {
		char *value = strchr(*pair, '=');

		if (!value)
			return FALSE;
		*value++ = '\0';
		if (!g_str_equal(*pair, "engine") && !test_case_parameter(which, *pair))
			return FALSE;
	}
	return TRUE;
}

static gboolean parse_numbers(struct test_case *which, const json_t *object, GError **error)
{
	const json_t *devices = json_object_get(object, "devices");
	const json_t *timeout = json_object_get(object, "timeout_ms");
	json_int_t ms = timeout ? json_integer_value(timeout) : DEFAULT_TIMEOUT_MS;

	if (devices && (!json_is_integer(devices) || json_integer_value(devices) < 0 ||
			json_integer_value(devices) > MAX_DEVICES))
		return fail(error, "a strange number of devices");
	if (ms <= 0 || ms > LONGEST_TIMEOUT_MS)
		return fail(error, "a strange deadline");
	which->devices = (guint)json_integer_value(devices);
	which->timeout_ms = (guint)ms;
	return TRUE;
}

static gboolean parse_lists(struct test_case *which, const json_t *object, GError **error)
{
	const json_t *parameters = json_object_get(object, "params");

	which->marks = words(json_object_get(object, "marks"), text_is_name, MAX_WORDS);
	which->needs = words(json_object_get(object, "needs"), is_sentence, MAX_WORDS);
	which->excludes = words(json_object_get(object, "excludes"), is_sentence, MAX_WORDS);
	if (!which->marks || !which->needs || !which->excludes)
		return fail(error, "marks, needs or excludes that are no list of words");
	if ((parameters && !json_is_array(parameters)) ||
	    json_array_size(parameters) > CATALOGUE_MAX_PARAMETERS)
		return fail(error, "too many parameters");
	for (gsize i = 0; i < json_array_size(parameters); i++)
		if (!parse_parameter(which, json_array_get(parameters, i), error))
			return FALSE;
	for (char **exclude = which->excludes; *exclude; exclude++)
		if (!check_exclude(which, *exclude))
			return fail(error, "an exclude of a parameter that is not there");
	return TRUE;
}

struct test_case *test_case_parse(const char *line, gsize length, GError **error)
{
	g_autoptr(test_case) which = test_case_new();
	const char *suite, *name;
	json_error_t problem;
	json_t *object;
	gboolean good;

	if (length > CATALOGUE_MAX_LINE) {
		fail(error, "a line that is too long");
		return NULL;
	}
	object = json_loadb(line, length, JSON_REJECT_DUPLICATES, &problem);
	if (!object) {
		g_autofree char *text = text_clean_line(problem.text, -1, 200);

		g_set_error(error, RUNNER_ERROR, RUNNER_ERROR_TROUBLE, "a suite's list: %s", text);
		return NULL;
	}
	suite = json_string_value(json_object_get(object, "suite"));
	name = json_string_value(json_object_get(object, "case"));
	good = suite && name && text_is_name(suite) && text_is_name(name);
	if (!good) {
		fail(error, "a case without a good name");
	} else {
		which->suite = g_strdup(suite);
		which->name = g_strdup(name);
		which->about = sentence(object, "about");
		which->proves = sentence(object, "proves");
		which->rule = sentence(object, "rule");
		good = parse_numbers(which, object, error) && parse_lists(which, object, error);
	}
	json_decref(object);
	return good ? g_steal_pointer(&which) : NULL;
}

gboolean test_case_has_mark(const struct test_case *which, const char *mark)
{
	return g_strv_contains((const char *const *)which->marks, mark);
}

gboolean test_case_takes(const struct test_case *which, const char *engine)
{
	return !which->engines || !which->engines[0] ||
	       g_strv_contains((const char *const *)which->engines, engine);
}

const struct parameter *test_case_parameter(const struct test_case *which, const char *name)
{
	for (guint i = 0; i < which->parameters->len; i++) {
		const struct parameter *parameter = which->parameters->pdata[i];

		if (g_str_equal(parameter->name, name))
			return parameter;
	}
	return NULL;
}

static const char *value_of(const struct test_case *which, const char *engine,
			    const char *const *values, const char *name, gsize length)
{
	if (length == strlen("engine") && strncmp(name, "engine", length) == 0)
		return engine;
	for (guint i = 0; i < which->parameters->len; i++) {
		const struct parameter *parameter = which->parameters->pdata[i];

		if (strlen(parameter->name) == length &&
		    strncmp(parameter->name, name, length) == 0)
			return values[i];
	}
	return NULL;
}

/* "a=x,b=y": does the variant match every pair? */
static gboolean matches(const struct test_case *which, const char *engine,
			const char *const *values, const char *exclude)
{
	while (*exclude) {
		const char *equal = strchr(exclude, '=');
		gsize length = strcspn(equal + 1, ",");
		const char *value =
			value_of(which, engine, values, exclude, (gsize)(equal - exclude));

		if (!value || strlen(value) != length || strncmp(value, equal + 1, length) != 0)
			return FALSE;
		exclude = equal + 1 + length;
		if (*exclude == ',')
			exclude++;
	}
	return TRUE;
}

static gboolean excluded(const struct test_case *which, const char *engine,
			 const char *const *values)
{
	for (char **exclude = which->excludes; *exclude; exclude++)
		if (matches(which, engine, values, *exclude))
			return TRUE;
	return FALSE;
}

gboolean test_case_for_each_variant(const struct test_case *which, const char *engine,
				    variant_visitor visit, gpointer data)
{
	guint position[CATALOGUE_MAX_PARAMETERS] = { 0 };
	const char *values[CATALOGUE_MAX_PARAMETERS + 1] = { NULL };
	guint count = which->parameters->len;
	gsize product = 1;
	guint turn;

	for (guint i = 0; i < count; i++) {
		const struct parameter *parameter = which->parameters->pdata[i];

		product *= g_strv_length(parameter->values);
		if (product > MAX_VARIANTS)
			return FALSE;
	}
	do {
		for (guint i = 0; i < count; i++) {
			const struct parameter *parameter = which->parameters->pdata[i];

			values[i] = parameter->values[position[i]];
		}
		if (!excluded(which, engine, values))
			visit(which, values, data);
		for (turn = count; turn > 0; turn--) {
			const struct parameter *parameter = which->parameters->pdata[turn - 1];

			if (parameter->values[++position[turn - 1]])
				break;
			position[turn - 1] = 0;
		}
	} while (turn > 0);
	return TRUE;
}

static void add_pair(GString *text, const char *name, const char *value)
{
	g_string_append_c(text, strchr(text->str, '[') ? ',' : '[');
	g_string_append(text, name);
	g_string_append_c(text, '=');
	g_string_append(text, value);
}

char *variant_text(const struct test_case *which, const char *engine, const char *const *values,
		   const char *device)
{
	GString *text = g_string_new(which->name);

	if (engine)
		add_pair(text, "engine", engine);
	for (guint i = 0; i < which->parameters->len; i++) {
		const struct parameter *parameter = which->parameters->pdata[i];

		if (g_strcmp0(values[i], parameter->fallback) != 0)
			add_pair(text, parameter->name, values[i]);
	}
	if (device)
		add_pair(text, "device", device);
	if (strchr(text->str, '['))
		g_string_append_c(text, ']');
	return g_string_free(text, FALSE);
}
