// SPDX-License-Identifier: GPL-2.0-or-later
#include "runner/compare_figures.h"

/* A figure of a case, of all its attempts. */
struct tally {
	/* as the first attempt told it */
	struct figure figure;
	struct sample sample;
};

static struct tally *find(const GArray *tallies, const struct figure *figure)
{
	for (guint i = 0; i < tallies->len; i++) {
		struct tally *tally = &g_array_index(tallies, struct tally, i);

		if (g_str_equal(tally->figure.name, figure->name))
			return tally;
	}
	return NULL;
}

void compare_add_figures(GArray **tallies, const GArray *figures)
{
	for (guint i = 0; figures && i < figures->len; i++) {
		const struct figure *figure = &g_array_index(figures, struct figure, i);
		struct tally *tally;

		if (!*tallies)
			*tallies = g_array_new(FALSE, FALSE, sizeof(struct tally));
		tally = find(*tallies, figure);
		if (!tally && (*tallies)->len < FIGURES_MAX) {
			const struct tally fresh = { .figure = *figure };

			g_array_append_val(*tallies, fresh);
			tally = find(*tallies, figure);
		}
		if (tally && tally->figure.unit == figure->unit)
			sample_add(&tally->sample, figure->value);
	}
}

/* Where a figure is not of hardware, nobody shall take it for one. */
static const char *remark(const struct figure_changes *changes, const char *profile)
{
	gboolean before = figures_are_virtual(changes->before, profile);
	gboolean after = figures_are_virtual(changes->after, profile);

	if (before && after)
		return " (in a virtual machine)";
	return before  ? " (the first in a virtual machine)"
	       : after ? " (the second in a virtual machine)"
		       : "";
}

void compare_figures(struct figure_changes *changes, const char *profile, const char *id,
		     const GArray *before, const GArray *after)
{
	for (guint i = 0; before && after && i < after->len; i++) {
		const struct tally *now = &g_array_index(after, struct tally, i);
		const struct tally *was = find(before, &now->figure);
		g_autofree char *old = NULL, *new = NULL;

		if (!was || was->figure.unit != now->figure.unit ||
		    !sample_changed(&was->sample, &now->sample, 0, 0) ||
		    changes->count++ >= MAX_LISTED)
			continue;
		old = figure_text(was->sample.mean, was->figure.unit);
		new = figure_text(now->sample.mean, now->figure.unit);
		g_string_append_printf(changes->list, "  %s: %s: %s %s -> %s%s\n", profile, id,
				       now->figure.name, old, new, remark(changes, profile));
	}
}
