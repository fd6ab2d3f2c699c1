// SPDX-License-Identifier: GPL-2.0-or-later
#include "runner/flake.h"

#include <math.h>
#include <string.h>

#include "runner/plan.h"
#include "runner/record.h"

#define UNKNOWN_REPEATS 3
#define MISSED          0.001

static gboolean is_meant(const struct result *result, const char *profile, char **patterns)
{
	if ((profile && !g_str_equal(profile, result->profile)) ||
	    result->verdict == VERDICT_SKIP || result->verdict == VERDICT_ERROR)
		return FALSE;
	for (; *patterns; patterns++)
		if (pattern_matches(*patterns, result->id))
			return TRUE;
	return FALSE;
}

/* Since it was bad first: before, it may not have been broken. */
static void count(GHashTable *cases, const struct result *result)
{
	gboolean bad = verdict_is_bad(result->verdict) || result->verdict == VERDICT_XFAIL;
	g_autofree char *key = g_strdup_printf("%s\n%s", result->profile, result->id);
	struct flake *flake = g_hash_table_lookup(cases, key);

	if (!flake && !bad)
		return;
	if (!flake) {
		flake = g_new0(struct flake, 1);
		g_hash_table_insert(cases, g_steal_pointer(&key), flake);
	}
	flake->times++;
	flake->bad += bad;
}

struct flake flake_measure(const GPtrArray *runs, const char *profile, char **patterns)
{
	g_autoptr(GHashTable) cases =
		g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	struct flake rarest = { 0 };
	const struct flake *flake;
	GHashTableIter iterator;

	for (guint i = 0; i < runs->len; i++) {
		const struct run *run = runs->pdata[i];

		for (guint j = 0; j < run->results->len; j++)
			if (is_meant(run->results->pdata[j], profile, patterns))
				count(cases, run->results->pdata[j]);
	}
	g_hash_table_iter_init(&iterator, cases);
	while (g_hash_table_iter_next(&iterator, NULL, (gpointer *)&flake))
		if (!rarest.times ||
		    (guint64)flake->bad * rarest.times < (guint64)rarest.bad * flake->times)
			rarest = *flake;
	return rarest;
}

guint flake_repeats(const struct flake *flake)
{
	double good, repeats;

	if (!flake->times)
		return UNKNOWN_REPEATS;
	/* The rule of succession: that it was bad ten times out of ten does not mean that it always is. */
	good = (flake->times - flake->bad + 1.0) / (flake->times + 2.0);
	repeats = ceil(log(MISSED) / log(good));
	return (guint)CLAMP(repeats, 1, FLAKE_MOST_REPEATS);
}
