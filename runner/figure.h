/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef RUNNER_FIGURE_H
#define RUNNER_FIGURE_H

/*
 * What a case has measured: docs/architecture.md, "The suite's command line", has its line, docs/results.md the record. Neither a
 * machine under test nor a file is trusted: what is no figure is passed over.
 */

#include <glib.h>
#include <jansson.h>

/* Of one case; more are passed over. */
#define FIGURES_MAX     64
#define FIGURE_MAX_NAME 48

enum figure_unit { FIGURE_US, FIGURE_PER_SECOND, FIGURE_PERCENT, FIGURE_UNIT_COUNT };

/**
 * struct figure - something measured
 * @name: 1 to FIGURE_MAX_NAME characters of [A-Za-z0-9_]
 * @value: a finite number, not beyond 1e15
 * @unit: of @value
 */
struct figure {
	char name[FIGURE_MAX_NAME + 1];
	double value;
	enum figure_unit unit;
};

/**
 * figures_read() - find the figures in what a case printed
 * @output: its stdout
 * @length: bytes
 *
 * Of two with one name the first counts.
 *
 * Return: of struct figure, or NULL if there is none.
 */
GArray *figures_read(const char *output, gsize length);

/**
 * figures_from_json() - the same from a line of results.jsonl
 * @object: value of "figures"; may be anything
 */
GArray *figures_from_json(const json_t *object);

/**
 * figures_to_json() - the value of "figures"
 * @figures: of struct figure
 */
json_t *figures_to_json(const GArray *figures);

/* For json_dumps(): as many digits as a case tells. */
#define FIGURE_JSON_FLAGS JSON_REAL_PRECISION(9)

/**
 * figure_text() - a value for people
 * @value: the value
 * @unit: its unit
 *
 * Return: a new string, as in "12.3 us", "45678 /s", "98.7 %".
 */
char *figure_text(double value, enum figure_unit unit);

/**
 * figures_are_virtual() - whether what a machine measures is of an emulated IOMMU, or one behind a hypervisor
 * @info: run.json
 * @profile: the machine
 */
gboolean figures_are_virtual(const json_t *info, const char *profile);

#endif /* RUNNER_FIGURE_H */
