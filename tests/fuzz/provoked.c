// SPDX-License-Identifier: GPL-2.0-or-later
/* What a case says of the faults that it provokes: the same, in whatever pieces it arrives. */
#include <stdint.h>
#include <stdlib.h>

#include "runner/provoked.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct reported_fault faults[] = {
	{ .kind = FAULT_OF_DMA,
	  .requester = "0000:01:00.0",
	  .has_address = TRUE,
	  .address = 0x1000,
	  .writes = TRUE,
	  .pasid = 7,
	  .sequence = 100 },
	{ .kind = FAULT_OF_DMA,
	  .requester = "01:00.0",
	  .has_address = TRUE,
	  .address = G_MAXUINT64,
	  .reads = TRUE,
	  .pasid = PASID_NONE },
	{ .kind = FAULT_OF_DMA, .requester = "unknown", .pasid = PASID_UNKNOWN, .sequence = 1 },
	{ .kind = FAULT_OF_INTERRUPT, .requester = "01:00.0", .pasid = PASID_UNKNOWN },
	{ .kind = FAULT_OF_PAGE_REQUEST, .requester = "unknown", .pasid = PASID_UNKNOWN },
	{ .kind = FAULT_OTHER, .requester = "0000:01:00.0", .pasid = PASID_UNKNOWN },
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct provoked *at_once = provoked_new(), *in_pieces = provoked_new();
	size_t piece = size ? data[size - 1] % 64 + 1 : 1;

	provoked_read(at_once, (const char *)data, size);
	for (size_t end = 0; end < size; end += piece)
		provoked_read(in_pieces, (const char *)data, end);
	provoked_read(in_pieces, (const char *)data, size);
	for (size_t i = 0; i < G_N_ELEMENTS(faults); i++)
		if (provoked_covers(at_once, &faults[i]) != provoked_covers(in_pieces, &faults[i]))
			abort();
	/* What is not about a fault of a kind that can be announced is not covered. */
	if (provoked_covers(at_once, &faults[G_N_ELEMENTS(faults) - 1]))
		abort();
	provoked_free(at_once);
	provoked_free(in_pieces);
	return 0;
}
