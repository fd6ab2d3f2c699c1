// SPDX-License-Identifier: GPL-2.0-or-later
/* What a case prints, and the verdict that comes of it. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "runner/judge.h"
#include "runner/ktap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ktap *ktap = ktap_parse((const char *)data, size);
	const struct observation seen = {
		.variant = "case[a=b]",
		.ending = ENDING_EXIT,
		.status = size && data[0] % 2 ? 0 : 0x100,
		.output = (const char *)data,
		.output_length = size,
	};
	struct judgement judgement;

	for (guint i = 0; i < ktap->results->len; i++) {
		const struct ktap_result *result = ktap->results->pdata[i];

		if (!g_utf8_validate(result->name, -1, NULL) ||
		    !g_utf8_validate(result->reason, -1, NULL) ||
		    !g_utf8_validate(result->diagnostics, -1, NULL) || strchr(result->name, '\x1b'))
			abort();
	}
	ktap_free(ktap);
	judge(&seen, &judgement);
	judgement_clear(&judgement);
	return 0;
}
