// SPDX-License-Identifier: GPL-2.0-or-later
/* What the command makes of what an agent says of its machine: argv[1] is iommut, argv[2] an agent that tells stories. */
#include <glib.h>
#include <string.h>
#include <sys/wait.h>

#include "tests/runner/e2e/support.h"

static char *on;
static char *folders;

/* "iommut run" with these words, separated by blanks, on the agent that tells stories. */
static test_run *run(int expected, const char *words)
{
	static guint count;
	g_autofree char *folder = g_strdup_printf("%s/run%u", folders, ++count);
	g_autofree char *line = g_strdup_printf("-q -o %s %s", folder, words);
	g_auto(GStrv) more = g_strsplit(line, " ", -1);
	g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
	g_auto(GStrv) command = NULL;
	g_autofree char *out = NULL, *err = NULL;
	g_autoptr(GError) error = NULL;
	test_run *result;
	int status;

	g_strv_builder_add_many(builder, program, "run", "--on", on, NULL);
	g_strv_builder_addv(builder, (const char **)more);
	command = g_strv_builder_end(builder);
	g_spawn_sync(NULL, command, NULL, G_SPAWN_DEFAULT, NULL, NULL, &out, &err, &status, &error);
	g_assert_no_error(error);
	g_assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) != expected)
		g_test_message("%s%s", out, err);
	g_assert_cmpint(WEXITSTATUS(status), ==, expected);
	result = run_load(folder, &error);
	g_assert_no_error(error);
	return result;
}

static void expect(const char *name, enum verdict verdict, const char *reason)
{
	g_autofree char *words = g_strdup_printf("story/%s", name);
	g_autoptr(test_run) seen = run(verdict_is_bad(verdict) ? 1 : 0, words);
	const struct result *result = seen->results->pdata[0];

	g_assert_cmpuint(seen->results->len, ==, 1);
	g_assert_cmpstr(verdict_name(result->verdict), ==, verdict_name(verdict));
	g_assert_nonnull(strstr(result->reason, reason));
}

static void test_content(void)
{
	expect("content", VERDICT_PASS, "");
}

static void test_kernel(void)
{
	expect("warns", VERDICT_FAIL, "the kernel complained: WARNING: drivers/iommu");
	expect("program_warns", VERDICT_PASS, "");
	expect("warns --allow-log ^WARNING:.*iommu.c:1\\b", VERDICT_PASS, "");
	expect("warns --allow-log iommu.c:2\\b", VERDICT_FAIL, "WARNING");
}

static void test_faults(void)
{
	expect("faults", VERDICT_FAIL, "(provokes_faults): DMAR: [DMA Write");
	expect("faults --allow-log fault.addr.0x1000$", VERDICT_PASS, "");
	expect("provokes", VERDICT_PASS, "");
	expect("provokes_other", VERDICT_FAIL, "(provokes_faults): DMAR: [DMA Write");
	expect("provokes_late", VERDICT_FAIL, "(provokes_faults): DMAR: [DMA Write");
	expect("quotes", VERDICT_FAIL, "(provokes_faults)");
	expect("fault_of_nobody", VERDICT_FAIL, "(provokes_faults)");
}

static void test_taint(void)
{
	expect("taints", VERDICT_FAIL, "tainted: W (warning)");
	expect("forces_module", VERDICT_PASS, "");
}

static void test_left_behind(void)
{
	expect("leaks", VERDICT_FAIL, "left behind: IOMMU group 5 of 0000:00:01.0 is still in use");
}

/* A machine whose kernel is broken has nothing more to say. */
static void test_abort(void)
{
	g_autoptr(test_run) both =
		run(1, "--abort-on kernel,taint story/content story/taints story/leaks");
	g_autoptr(test_run) line = run(1, "--abort-on kernel story/warns story/program_warns");
	g_autoptr(test_run) off = run(1, "story/content story/taints story/leaks");
	const char *why = json_string_value(json_object_get(
		json_object_get(json_object_get(both->info, "machines"), "exec"), "error"));

	g_assert_cmpuint(both->results->len, ==, 2);
	g_assert_nonnull(strstr(
		why, "story/taints made the kernel tainted: W (warning): 1 cases did not run"));
	g_assert_cmpuint(line->results->len, ==, 1);
	g_assert_cmpuint(off->results->len, ==, 3);
}

/* What the kernel said while a case ran is in the record, whatever the verdict. */
static void test_log_is_attached(void)
{
	g_autoptr(test_run) seen = run(0, "story/provokes");
	const struct result *result = seen->results->pdata[0];
	g_autofree char *path = g_build_filename(seen->folder, "cases", "1", "kmsg", NULL);
	g_autofree char *text = NULL;

	g_assert_nonnull(strstr(result->kernel, "DMAR: [DMA Write"));
	g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
	g_assert_true(g_str_has_prefix(text, "DMAR: [DMA Write"));
}

int main(int argc, char **argv)
{
	static const struct support_test tests[] = {
		{ "/judging/content", test_content },
		{ "/judging/kernel", test_kernel },
		{ "/judging/faults", test_faults },
		{ "/judging/taint", test_taint },
		{ "/judging/left-behind", test_left_behind },
		{ "/judging/abort", test_abort },
		{ "/judging/log-is-attached", test_log_is_attached },
	};
	int code;

	support_init(&argc, &argv);
	on = g_strdup_printf("exec:%s", suites);
	folders = new_folder();
	code = support_run(tests, G_N_ELEMENTS(tests));
	remove_tree(folders);
	g_free(folders);
	g_free(on);
	return code;
}
