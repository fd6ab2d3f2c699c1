// SPDX-License-Identifier: GPL-2.0-or-later
/* What a case prints, the verdict that comes of it, and what it has measured. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "runner/figure.h"
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

/* What was taken is told and read again as the same. */
static void read_figures(const uint8_t *data, size_t size)
{
	GArray *figures = figures_read((const char *)data, size), *again;
	json_t *object;

	if (!figures)
		return;
	object = figures_to_json(figures);
	again = figures_from_json(object);
	if (!again || again->len != figures->len || figures->len > FIGURES_MAX)
		abort();
	for (guint i = 0; i < figures->len; i++) {
		const struct figure *figure = &g_array_index(figures, struct figure, i);
		const struct figure *back = &g_array_index(again, struct figure, i);
		char *text = figure_text(figure->value, figure->unit);

		if (strcmp(figure->name, back->name) != 0 || figure->value != back->value ||
		    figure->unit != back->unit || !g_utf8_validate(text, -1, NULL))
			abort();
		g_free(text);
	}
	json_decref(object);
	g_array_unref(figures);
	g_array_unref(again);
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
	read_figures(data, size);
	read_foreign(data, size, FALSE);
	read_foreign(data, size, TRUE);
	return 0;
}
