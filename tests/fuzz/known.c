// SPDX-License-Identifier: GPL-2.0-or-later
/* Files of known issues. */
#include <stdint.h>

#include "runner/known.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct known_place place = { "intel-scalable", "7.3.4", "10.2.2", "lab",
						  "intel" };
	struct known_issues *issues = known_new();
	struct result result = {
		.id = (char *)"dma/write[engine=edu,size=4K]",
		.verdict = VERDICT_FAIL,
		.reason = g_strdup("why"),
	};

	known_parse(issues, (const char *)data, size, NULL);
	known_apply(issues, &place, &result);
	g_free(result.reason);
	g_free(result.known);
	known_free(issues);
	return 0;
}
