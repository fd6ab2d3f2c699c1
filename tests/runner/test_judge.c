// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "runner/judge.h"

#define EXITED(code) ((code) << 8)
#define HEAD         "KTAP version 1\n1..1\n"

struct row {
	const char *output;
	int status;
	enum verdict verdict;
	const char *reason;
};

static void check(const struct observation *seen, enum verdict verdict, const char *reason)
{
	struct judgement judgement;

	judge(seen, &judgement);
	if (judgement.verdict != verdict || !strstr(judgement.reason, reason))
		g_error("%s (%s) instead of %s (%s), of: %s", verdict_name(judgement.verdict),
			judgement.reason, verdict_name(verdict), reason, seen->output);
	judgement_clear(&judgement);
}

static void exits(void)
{
	static const struct row rows[] = {
		{ HEAD "ok 1 v\n", EXITED(0), VERDICT_PASS, "" },
		{ HEAD "# f.c:1: expected: x == 1\n# seen: 2\nnot ok 1 v\n", EXITED(1),
		  VERDICT_FAIL, "expected: x == 1; seen: 2" },
		{ HEAD "ok 1 v # SKIP why; lift: how\n", EXITED(4), VERDICT_SKIP, "why" },
		/* What is said and how it ends must agree. */
		{ HEAD "ok 1 v\n", EXITED(1), VERDICT_CRASH, "disagree" },
		{ HEAD "not ok 1 v\n", EXITED(0), VERDICT_CRASH, "disagree" },
		{ HEAD "ok 1 v # SKIP x\n", EXITED(0), VERDICT_CRASH, "disagree" },
		{ HEAD "ok 1 v\n", EXITED(4), VERDICT_CRASH, "disagree" },
		{ HEAD "not ok 1 v # SKIP x\n", EXITED(4), VERDICT_CRASH, "disagree" },
		{ HEAD "not ok 1 v # TODO x\n", EXITED(1), VERDICT_CRASH, "disagree" },
		{ HEAD, EXITED(0), VERDICT_CRASH, "plan" },
		{ "", EXITED(0), VERDICT_CRASH, "no version" },
		{ "1..1\nok 1 v\n", EXITED(0), VERDICT_CRASH, "no version" },
		{ HEAD "ok 1 w\n", EXITED(0), VERDICT_CRASH, "another case" },
		{ HEAD "ok 1 v\nok 2 v\n", EXITED(0), VERDICT_CRASH, "plan" },
		{ "KTAP version 1\nok 1 v\n", EXITED(0), VERDICT_CRASH, "no result" },
		{ HEAD "ok 1 v\n", EXITED(2), VERDICT_ERROR, "command line" },
		{ HEAD "ok 1 v\n", EXITED(3), VERDICT_CRASH, "status 3" },
		{ HEAD "ok 1 v\n", 11, VERDICT_CRASH, "signal 11" },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		const struct observation seen = {
			.variant = "v",
			.ending = ENDING_EXIT,
			.status = rows[i].status,
			.output = rows[i].output,
			.output_length = strlen(rows[i].output),
		};

		check(&seen, rows[i].verdict, rows[i].reason);
	}
}

static void skip_lift(void)
{
	static const char output[] = HEAD "ok 1 v # SKIP no PASID; lift: svm=on\n";
	const struct observation seen = { .variant = "v",
					  .ending = ENDING_EXIT,
					  .status = EXITED(4),
					  .output = output,
					  .output_length = strlen(output) };
	struct judgement judgement;

	judge(&seen, &judgement);
	g_assert_cmpstr(judgement.reason, ==, "no PASID");
	g_assert_cmpstr(judgement.lift, ==, "svm=on");
	judgement_clear(&judgement);
}

static void endings(void)
{
	struct observation seen = { .variant = "v", .death = "panic", .output = "partly\n" };

	seen.output_length = strlen(seen.output);
	seen.ending = ENDING_TIMEOUT;
	check(&seen, VERDICT_TIMEOUT, "deadline");
	seen.ending = ENDING_HUNG;
	check(&seen, VERDICT_TIMEOUT, "could not be killed");
	seen.ending = ENDING_LOST;
	check(&seen, VERDICT_CRASH, "panic");
	seen.ending = ENDING_STOPPED;
	check(&seen, VERDICT_ERROR, "stopped");
	seen.ending = ENDING_REFUSED;
	check(&seen, VERDICT_ERROR, "panic");
}

/* A case may be content while the kernel is not. */
static void kernel_has_a_say(void)
{
	static const char pass[] = HEAD "ok 1 v\n";
	static const char skip[] = HEAD "ok 1 v # SKIP x\n";
	static const char fail[] = HEAD "# seen: 1\nnot ok 1 v\n";
	struct observation seen = { .variant = "v", .ending = ENDING_EXIT };

	seen.output = pass;
	seen.output_length = strlen(pass);
	seen.kernel = "WARNING: CPU: 0";
	check(&seen, VERDICT_FAIL, "WARNING: CPU: 0");
	seen.kernel = NULL;
	seen.taint = "W (warning)";
	check(&seen, VERDICT_FAIL, "tainted");
	seen.taint = NULL;
	seen.leak = "pinned memory";
	check(&seen, VERDICT_FAIL, "pinned memory");
	seen.output = skip;
	seen.output_length = strlen(skip);
	seen.status = EXITED(4);
	check(&seen, VERDICT_FAIL, "pinned memory");
	seen.output = fail;
	seen.output_length = strlen(fail);
	seen.status = EXITED(1);
	check(&seen, VERDICT_FAIL, "1");
	seen.leak = NULL;
	seen.output = pass;
	seen.output_length = strlen(pass);
	seen.status = 0;
	seen.fault = "DMAR: [DMA Write NO_PASID] Request device [00:05.0] fault addr 0x1000";
	check(&seen, VERDICT_FAIL, "(provokes_faults): DMAR: ");
	seen.fault = NULL;
	seen.output = pass;
	seen.output_length = strlen(pass);
	seen.status = 0;
	seen.truncated = TRUE;
	check(&seen, VERDICT_CRASH, "too much");
}

static void kernel_lines(void)
{
	static const char *const bad[] = {
		"WARNING: CPU: 0 PID: 1 at drivers/iommu/iommu.c:1 f+0x1/0x2",
		"BUG: KASAN: slab-out-of-bounds in f",
		"BUG: unable to handle page fault for address: 0",
		"INFO: task suite:12 blocked for more than 120 seconds.",
		"INFO: possible recursive locking detected",
		"watchdog: BUG: soft lockup - CPU#0 stuck for 22s!",
		"UBSAN: shift-out-of-bounds in f",
		"refcount_t: underflow; use-after-free.",
		"Kernel panic - not syncing: x",
		"rcu: INFO: rcu_sched self-detected stall on CPU",
	};
	static const char *const good[] = {
		"DMAR: [DMA Write NO_PASID] Request device [00:05.0] fault addr 0x1000",
		"vfio-pci 0000:00:05.0: enabling device (0000 -> 0002)",
		"iommu: Default domain type: Translated",
		"this is not a BUG: just words",
		"",
	};

	for (gsize i = 0; i < G_N_ELEMENTS(bad); i++)
		g_assert_true(kernel_line_is_bad(bad[i]));
	for (gsize i = 0; i < G_N_ELEMENTS(good); i++)
		g_assert_false(kernel_line_is_bad(good[i]));
}

static void taint(void)
{
	g_autofree char *none = taint_names(1u << 11 | 1u << 12 | 1u << 0);
	g_autofree char *some = taint_names(1u << 9 | 1u << 5);

	g_assert_null(none);
	g_assert_cmpstr(some, ==, "B (bad page), W (warning)");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/judge/exits", exits);
	g_test_add_func("/judge/skip-lift", skip_lift);
	g_test_add_func("/judge/endings", endings);
	g_test_add_func("/judge/kernel-has-a-say", kernel_has_a_say);
	g_test_add_func("/judge/kernel-lines", kernel_lines);
	g_test_add_func("/judge/taint", taint);
	return g_test_run();
}
