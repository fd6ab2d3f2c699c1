// SPDX-License-Identifier: GPL-2.0-or-later
/* A results file, every report that is made of it, and how it differs from itself. */
#include <stdint.h>

#include <stdlib.h>

#include "runner/compare.h"
#include "runner/report.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_same(const struct run *run)
{
	g_autoptr(GString) text = g_string_new(NULL);

	if (compare_diff(run, run, FALSE, text) || !g_str_has_prefix(text->str, "no difference"))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const formats[] = { "terminal", "ktap", "tap14",   "junit",
					       "json",     "lava", "markdown" };
	const struct report_style style = { .verbosity = 2, .durations = 3 };
	struct run *run = g_new0(struct run, 1);
	gsize good;

	run->folder = g_strdup("/nonexistent");
	/* A run that is not whole says so where it would be the same. */
	run->info = json_pack("{s:s}", "finished", "2026-01-02T03:04:05Z");
	if (run_read_results(run, (const char *)data, size, &good, NULL)) {
		for (gsize i = 0; i < G_N_ELEMENTS(formats); i++) {
			GString *text = g_string_new(NULL);

			report_find(formats[i])(run, &style, text);
			if (!g_utf8_validate(text->str, (gssize)text->len, NULL))
				abort();
			g_string_free(text, TRUE);
		}
		check_same(run);
	}
	run_free(run);
	return 0;
}
