// SPDX-License-Identifier: GPL-2.0-or-later
/* What a case prints, and the verdict that comes of it. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "runner/foreign_stream.h"
#include "runner/judge.h"
#include "runner/ktap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What anybody may print, in pieces whose size the input chooses. */
static void read_foreign(const uint8_t *data, size_t size, gboolean one)
{
	struct foreign_stream *stream = foreign_stream_new();
	const struct observation seen = {
		.ending = ENDING_EXIT,
		.status = size && data[0] % 2 ? 0 : 0x100,
		.output = (const char *)data,
		.output_length = size,
		.stream = stream,
		.one = one,
	};
	size_t piece = size ? data[size - 1] % 64 + 1 : 1;
	const struct foreign_part *part;
	struct judgement judgement;

	for (size_t at = 0; at < size; at += piece) {
		foreign_stream_feed(stream, (const char *)data + at, MIN(piece, size - at));
		while (!one && (part = foreign_stream_next(stream)))
			if (!*part->name || strpbrk(part->name, "/[] \x1b\n") ||
			    !g_utf8_validate(part->reason, -1, NULL) ||
			    !g_utf8_validate(part->details, -1, NULL) ||
			    strpbrk(part->reason, "\x1b\n"))
				abort();
	}
	foreign_stream_end(stream);
	while (!one && foreign_stream_next(stream))
		;
	judge(&seen, &judgement);
	if (!g_utf8_validate(judgement.reason, -1, NULL) || strchr(judgement.reason, '\x1b'))
		abort();
	judgement_clear(&judgement);
	foreign_stream_free(stream);
}

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
	read_foreign(data, size, FALSE);
	read_foreign(data, size, TRUE);
	return 0;
}
