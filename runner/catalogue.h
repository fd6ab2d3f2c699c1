/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef RUNNER_CATALOGUE_H
#define RUNNER_CATALOGUE_H

/* The cases that the suites on a machine under test have, as their --list says: docs/architecture.md. Untrusted input. */

#include <glib.h>

#define CATALOGUE_MAX_CASES      20000
#define CATALOGUE_MAX_PARAMETERS 16
#define CATALOGUE_MAX_VALUES     4096
#define CATALOGUE_MAX_LINE       (1u << 18)

/**
 * struct parameter - a parameter of a case
 * @name: its name
 * @values: its values, NULL-terminated
 * @fallback: the value left out of the ID, or NULL
 */
struct parameter {
	char *name;
	char **values;
	char *fallback;
};

struct foreign;

/**
 * struct test_case - a case before it is multiplied by its parameters
 * @suite: the suite's name
 * @name: the case's name
 * @about: what the suite is about
 * @proves: the sentence it proves
 * @rule: where that is promised
 * @marks: NULL-terminated
 * @needs: NULL-terminated
 * @devices: how many devices it uses
 * @timeout_ms: its deadline on idle hardware
 * @parameters: of struct parameter *, in the order of the ID
 * @excludes: combinations that do not exist: each "a=x,b=y"; NULL-terminated
 * @engines: engines whose devices it takes; NULL-terminated; NULL or empty: any
 * @foreign: the program that it is, if somebody else wrote it; else NULL
 * @part: which case of that program; NULL: all of it
 */
struct test_case {
	char *suite;
	char *name;
	char *about;
	char *proves;
	char *rule;
	char **marks;
	char **needs;
	guint devices;
	guint timeout_ms;
	GPtrArray *parameters;
	char **excludes;
	char **engines;
	const struct foreign *foreign;
	char *part;
};

/**
 * test_case_new() - a case without parameters, of which nothing is known yet
 */
struct test_case *test_case_new(void);

/**
 * test_case_parse() - take a line of a suite's --list
 * @line: the line
 * @length: bytes
 * @error: what is wrong with it
 *
 * Return: a case, or NULL.
 */
struct test_case *test_case_parse(const char *line, gsize length, GError **error);

void test_case_free(struct test_case *which);
typedef struct test_case test_case;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(test_case, test_case_free)

/**
 * test_case_has_mark() - is it marked so?
 */
gboolean test_case_has_mark(const struct test_case *which, const char *mark);

/**
 * test_case_takes() - does it take devices of this engine?
 */
gboolean test_case_takes(const struct test_case *which, const char *engine);

/**
 * test_case_parameter() - a parameter by name, or NULL
 */
const struct parameter *test_case_parameter(const struct test_case *which, const char *name);

/**
 * typedef variant_visitor - called once for each variant
 * @which: the case
 * @values: a value for each parameter, in order
 * @data: the caller's
 */
typedef void (*variant_visitor)(const struct test_case *which, const char *const *values,
				gpointer data);

/**
 * test_case_for_each_variant() - multiply the parameters, without what is excluded
 * @which: the case
 * @engine: name of the engine that excludes may speak of, or NULL
 * @visit: called for each
 * @data: for @visit
 *
 * The last parameter varies fastest.
 *
 * Return: FALSE if there would be more than a million.
 */
gboolean test_case_for_each_variant(const struct test_case *which, const char *engine,
				    variant_visitor visit, gpointer data);

/**
 * variant_text() - the text of a variant
 * @which: the case
 * @engine: name of the engine, or NULL to leave it out, as for a suite's --run
 * @values: a value for each parameter
 * @device: address to append, or NULL
 *
 * Return: a new string as in "write_after_unmap[engine=edu,backend=iommufd]", without the suite.
 */
char *variant_text(const struct test_case *which, const char *engine, const char *const *values,
		   const char *device);

#endif /* RUNNER_CATALOGUE_H */
