// SPDX-License-Identifier: GPL-2.0-or-later
/* What a case has measured. The runner reads it: docs/architecture.md, "The suite's command line". */
#include <ctype.h>
#include <math.h>
#include <string.h>

#include "harness/case.h"

#define MAX_NAME 48
#define LARGEST  1e15

static const char *unit_word(enum figure_unit unit)
{
	switch (unit) {
	case FIGURE_US:
		return "us";
	case FIGURE_PER_SECOND:
		return "/s";
	case FIGURE_PERCENT:
		return "%";
	}
	suite_mistake("a figure without a unit", "");
}

static bool is_name(const char *name)
{
	size_t length = strlen(name);

	for (size_t i = 0; i < length; i++)
		if (!isalnum((unsigned char)name[i]) && name[i] != '_')
			return false;
	return length && length <= MAX_NAME;
}

void figure(struct test *t, const char *name, double value, enum figure_unit unit)
{
	uint64_t hash = hash_text(name);

	if (!is_name(name))
		suite_mistake("no name for a figure", name);
	if (!isfinite(value) || fabs(value) > LARGEST)
		suite_mistake("a figure that is no number", name);
	for (size_t i = 0; i < t->figure_count; i++)
		if (t->figures[i] == hash)
			suite_mistake("a figure that was told before", name);
	if (t->figure_count == MAX_FIGURES)
		suite_mistake("too many figures", name);
	t->figures[t->figure_count++] = hash;
	note(t, "figure: %s %.9g %s", name, value, unit_word(unit));
}
