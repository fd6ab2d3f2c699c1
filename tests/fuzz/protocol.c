// SPDX-License-Identifier: GPL-2.0-or-later
/* The byte stream of an agent: the first byte says in pieces of which size it comes. */
#include <stdlib.h>
#include <string.h>

#include "agent/protocol.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_frames(struct decoder *decoder)
{
	struct frame frame;

	while (decoder_next(decoder, &frame) == 1) {
		const char *text = frame_get(&frame, "key");

		if (frame.length > PROTOCOL_MAX_PAYLOAD || frame.payload[frame.length] != '\0')
			abort();
		if (text && (const uint8_t *)text + strlen(text) > frame.payload + frame.length)
			abort();
		frame_get_nth(&frame, "device", 2);
		frame_get_number(&frame, "job", 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct decoder decoder = { 0 };
	size_t step;

	if (!size)
		return 0;
	step = data[0] + 1;
	data++;
	size--;
	while (size) {
		size_t length = size < step ? size : step;

		if (decoder_feed(&decoder, data, length))
			break;
		read_frames(&decoder);
		data += length;
		size -= length;
	}
	decoder_clear(&decoder);
	return 0;
}
