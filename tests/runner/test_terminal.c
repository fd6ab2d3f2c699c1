// SPDX-License-Identifier: GPL-2.0-or-later
/* The report for people, on terminals of any width. */
#include <string.h>

#include "runner/report.h"

static void add(struct run *run, const char *id, enum verdict verdict)
{
	struct result *result = g_new0(struct result, 1);

	result->number = run->results->len + 1;
	result->id = g_strdup(id);
	result->profile = g_strdup("intel");
	result->verdict = verdict;
	result->reason = g_strdup("");
	result->details = g_strdup("");
	result->proves = g_strdup("");
	result->devices = g_strdup("");
	result->kernel = g_strdup("");
	result->attempt = 1;
	run->counts[verdict]++;
	g_ptr_array_add(run->results, result);
}

static struct run *new_run(void)
{
	struct run *run = g_new0(struct run, 1);

	run->folder = g_strdup("/run");
	run->info = json_pack("{s:i, s:{s:{s:{s:s}}}}", "version", RESULTS_VERSION, "machines",
			      "intel", "facts", "kernel", "7.3.4");
	run->results = g_ptr_array_new_with_free_func((GDestroyNotify)result_free);
	run->in_flight = g_ptr_array_new_with_free_func((GDestroyNotify)result_free);
	add(run, "dma/a[backend=type1]", VERDICT_PASS);
	add(run, "dma/a[backend=compat]", VERDICT_SKIP);
	add(run, "dma/a[backend=iommufd]", VERDICT_PASS);
	add(run, "uapi/a", VERDICT_XFAIL);
	return run;
}

static char *report(guint width)
{
	const struct report_style style = { .width = width };
	g_autoptr(test_run) run = new_run();
	GString *text = g_string_new(NULL);

	report_find("terminal")(run, &style, text);
	return g_string_free(text, FALSE);
}

static void expect(guint width, const char *table)
{
	g_autofree char *text = report(width);

	if (!g_str_has_prefix(text, table))
		g_test_message("%s", text);
	g_assert_true(g_str_has_prefix(text, table));
}

static void test_wide(void)
{
	const char *table = "intel   type1   compat  iommufd  -        (Linux 7.3.4)\n"
			    "  dma   1 pass  1 skip  1 pass\n"
			    "  uapi                           1 xfail\n";

	expect(0, table);
	expect(200, table);
	expect(55, table);
}

static void test_narrow(void)
{
	expect(54, "intel  (Linux 7.3.4)\n"
		   "        type1   compat  iommufd  -\n"
		   "  dma   1 pass  1 skip  1 pass\n"
		   "  uapi                           1 xfail\n");
}

static void test_narrowest(void)
{
	g_autofree char *text = report(30);
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

	expect(30, "intel  (Linux 7.3.4)\n"
		   "  dma\n"
		   "    type1    1 pass\n"
		   "    compat   1 skip\n"
		   "    iommufd  1 pass\n"
		   "  uapi\n"
		   "    -        1 xfail\n");
	for (guint i = 0; i < 7; i++)
		g_assert_cmpuint(strlen(lines[i]), <=, 30);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/terminal/wide", test_wide);
	g_test_add_func("/terminal/narrow", test_narrow);
	g_test_add_func("/terminal/narrowest", test_narrowest);
	return g_test_run();
}
