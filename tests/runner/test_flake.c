// SPDX-License-Identifier: GPL-2.0-or-later
/* How often a case must run, from what was seen of it. */
#include "runner/flake.h"
#include "runner/record.h"

static void add(GPtrArray *runs, const char *profile, const char *id, enum verdict verdict,
		guint times)
{
	struct run *run = runs->pdata[runs->len - 1];

	for (guint i = 0; i < times; i++) {
		struct result *result = g_new0(struct result, 1);

		result->profile = g_strdup(profile);
		result->id = g_strdup(id);
		result->verdict = verdict;
		g_ptr_array_add(run->results, result);
	}
}

static GPtrArray *one_run(void)
{
	GPtrArray *runs = g_ptr_array_new_with_free_func((GDestroyNotify)run_free);
	struct run *run = g_new0(struct run, 1);

	run->results = g_ptr_array_new_with_free_func((GDestroyNotify)result_free);
	g_ptr_array_add(runs, run);
	return runs;
}

/* What was good before the first failure says nothing; skips and errors never do. */
static void measured(void)
{
	g_autoptr(GPtrArray) runs = one_run();
	char *ids[] = { (char *)"s/a[x=1]", NULL };
	char *both[] = { (char *)"s/a", NULL };
	struct flake flake;

	add(runs, "p", "s/a[x=1]", VERDICT_PASS, 50);
	add(runs, "p", "s/a[x=1]", VERDICT_FAIL, 1);
	add(runs, "p", "s/a[x=1]", VERDICT_SKIP, 7);
	add(runs, "p", "s/a[x=1]", VERDICT_ERROR, 7);
	add(runs, "p", "s/a[x=1]", VERDICT_PASS, 2);
	add(runs, "p", "s/a[x=1]", VERDICT_XFAIL, 1);
	add(runs, "q", "s/a[x=1]", VERDICT_CRASH, 9);
	add(runs, "p", "s/a[x=2]", VERDICT_FAIL, 1);
	add(runs, "p", "s/a[x=2]", VERDICT_PASS, 9);
	flake = flake_measure(runs, "p", ids);
	g_assert_cmpuint(flake.bad, ==, 2);
	g_assert_cmpuint(flake.times, ==, 4);
	flake = flake_measure(runs, "q", ids);
	g_assert_cmpuint(flake.bad, ==, 9);
	/* Of several cases, the rarest failure decides. */
	flake = flake_measure(runs, NULL, both);
	g_assert_cmpuint(flake.bad, ==, 1);
	g_assert_cmpuint(flake.times, ==, 10);
	flake = flake_measure(runs, "r", ids);
	g_assert_cmpuint(flake.times, ==, 0);
}

static guint repeats(guint bad, guint times)
{
	struct flake flake = { bad, times };

	return flake_repeats(&flake);
}

static void chosen(void)
{
	g_assert_cmpuint(repeats(0, 0), ==, 3);
	g_assert_cmpuint(repeats(100, 100), ==, 2);
	g_assert_cmpuint(repeats(50, 100), ==, 10);
	g_assert_cmpuint(repeats(100, 1000), ==, 66);
	g_assert_cmpuint(repeats(1, 100000), ==, FLAKE_MOST_REPEATS);
	/* One failure alone does not show that it always fails. */
	g_assert_cmpuint(repeats(1, 1), >, 5);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/flake/measured", measured);
	g_test_add_func("/flake/chosen", chosen);
	return g_test_run();
}
