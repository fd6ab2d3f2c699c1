// SPDX-License-Identifier: GPL-2.0-or-later
#include "runner/verdict.h"

G_DEFINE_QUARK(iommut - runner - error, runner_error)

static const char *const names[VERDICT_COUNT] = {
	[VERDICT_PASS] = "pass",       [VERDICT_FAIL] = "fail",   [VERDICT_SKIP] = "skip",
	[VERDICT_XFAIL] = "xfail",     [VERDICT_XPASS] = "xpass", [VERDICT_CRASH] = "crash",
	[VERDICT_TIMEOUT] = "timeout", [VERDICT_ERROR] = "error",
};

const char *verdict_name(enum verdict verdict)
{
	return names[verdict];
}

gboolean verdict_parse(const char *name, enum verdict *verdict)
{
	for (guint i = 0; i < VERDICT_COUNT; i++) {
		if (g_str_equal(name, names[i])) {
			*verdict = i;
			return TRUE;
		}
	}
	return FALSE;
}

gboolean verdict_is_bad(enum verdict verdict)
{
	switch (verdict) {
	case VERDICT_PASS:
	case VERDICT_SKIP:
	case VERDICT_XFAIL:
		return FALSE;
	default:
		return TRUE;
	}
}

enum exit_status exit_status_of(const unsigned int counts[VERDICT_COUNT])
{
	unsigned int bad = 0, all = 0;

	for (guint i = 0; i < VERDICT_COUNT; i++) {
		all += counts[i];
		if (verdict_is_bad(i) && i != VERDICT_ERROR)
			bad += counts[i];
	}
	if (bad)
		return EXIT_STATUS_FAILURES;
	if (counts[VERDICT_ERROR])
		return EXIT_STATUS_TROUBLE;
	/* Skips alone say nothing about the IOMMU, but they are an answer: the machine cannot do it, and why. */
	return all ? EXIT_STATUS_GOOD : EXIT_STATUS_NOTHING;
}
