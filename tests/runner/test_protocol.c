// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <glib.h>
#include <string.h>

#include "agent/protocol.h"

static void append_frame(GByteArray *stream, enum frame_type type, guint32 sequence,
			 struct message *message)
{
	guint8 header[PROTOCOL_HEADER];

	g_assert_false(message->failed);
	frame_header(header, type, sequence, message->data, message->length);
	g_byte_array_append(stream, header, sizeof(header));
	if (message->length)
		g_byte_array_append(stream, message->data, (guint)message->length);
	message_clear(message);
}

static GByteArray *sample(void)
{
	GByteArray *stream = g_byte_array_new();
	struct message message = { 0 };

	message_add(&message, "version", PROTOCOL_VERSION);
	message_addf(&message, "number", "%d", -5);
	message_add(&message, "device", "first");
	message_add(&message, "device", "second");
	append_frame(stream, FRAME_READY, 0, &message);
	append_frame(stream, FRAME_DONE, 1, &message);
	message_add_bytes(&message, "\0\1\2\3", 4);
	append_frame(stream, FRAME_OUTPUT, 2, &message);
	return stream;
}

static void check_sample(struct decoder *decoder, guint index, const struct frame *frame)
{
	switch (index) {
	case 0:
		g_assert_cmpuint(frame->type, ==, FRAME_READY);
		g_assert_cmpstr(frame_get(frame, "version"), ==, PROTOCOL_VERSION);
		g_assert_cmpint(frame_get_number(frame, "number", 0), ==, -5);
		g_assert_cmpint(frame_get_number(frame, "device", 7), ==, 7);
		g_assert_cmpstr(frame_get_nth(frame, "device", 1), ==, "second");
		g_assert_null(frame_get_nth(frame, "device", 2));
		g_assert_null(frame_get(frame, "dev"));
		break;
	case 1:
		g_assert_cmpuint(frame->type, ==, FRAME_DONE);
		g_assert_cmpuint(frame->length, ==, 0);
		break;
	case 2:
		g_assert_cmpmem(frame->payload, frame->length, "\0\1\2\3", 4);
		break;
	default:
		g_assert_not_reached();
	}
}

/* However the bytes are cut: the same frames come out. */
static void any_cut(void)
{
	g_autoptr(GByteArray) stream = sample();

	for (guint step = 1; step <= stream->len; step++) {
		struct decoder decoder = { 0 };
		guint index = 0;

		for (guint at = 0; at < stream->len; at += step) {
			struct frame frame;

			g_assert_cmpint(decoder_feed(&decoder, stream->data + at,
						     MIN(step, stream->len - at)),
					==, 0);
			while (decoder_next(&decoder, &frame) == 1)
				check_sample(&decoder, index++, &frame);
		}
		g_assert_cmpuint(index, ==, 3);
		decoder_clear(&decoder);
	}
}

/* Any byte of it changed is noticed, and what comes behind is not believed. */
static void any_damage(void)
{
	g_autoptr(GByteArray) stream = sample();

	for (guint at = 0; at < stream->len; at++) {
		struct decoder decoder = { 0 };
		struct frame frame;
		guint frames = 0;
		int got;

		stream->data[at] ^= 0x40;
		g_assert_cmpint(decoder_feed(&decoder, stream->data, stream->len), ==, 0);
		while ((got = decoder_next(&decoder, &frame)) == 1)
			frames++;
		/*
		 * The type is not covered by the sum: the reader refuses what it does not know. A frame that became
		 * longer is waited for, and the reader's deadline ends that.
		 */
		if (got == -EPROTO)
			g_assert_cmpint(decoder_next(&decoder, &frame), ==, -EPROTO);
		else
			g_assert_true(frames == 3 || decoder.length > 0);
		decoder_clear(&decoder);
		stream->data[at] ^= 0x40;
	}
}

static void too_long(void)
{
	guint8 header[PROTOCOL_HEADER];
	struct decoder decoder = { 0 };
	struct message message = { 0 };
	g_autofree char *megabyte = g_malloc0(PROTOCOL_MAX_PAYLOAD);
	struct frame frame;

	frame_header(header, FRAME_DONE, 0, megabyte, PROTOCOL_MAX_PAYLOAD);
	header[6]++;
	g_assert_cmpint(decoder_feed(&decoder, header, sizeof(header)), ==, 0);
	g_assert_cmpint(decoder_next(&decoder, &frame), ==, -EPROTO);
	decoder_clear(&decoder);
	message_add_bytes(&message, megabyte, PROTOCOL_MAX_PAYLOAD);
	g_assert_false(message.failed);
	message_add(&message, "k", "");
	g_assert_true(message.failed);
	message_clear(&message);
}

/* A payload need not end with a NUL; a key is only found at the beginning of a string. */
static void odd_payloads(void)
{
	g_autoptr(GByteArray) stream = g_byte_array_new();
	struct message message = { 0 };
	struct decoder decoder = { 0 };
	struct frame frame;

	message_add_bytes(&message, "xkey=1\0key=open", 15);
	append_frame(stream, FRAME_FACT, 0, &message);
	decoder_feed(&decoder, stream->data, stream->len);
	g_assert_cmpint(decoder_next(&decoder, &frame), ==, 1);
	g_assert_cmpstr(frame_get(&frame, "key"), ==, "open");
	g_assert_null(frame_get(&frame, "ey"));
	decoder_clear(&decoder);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/protocol/any-cut", any_cut);
	g_test_add_func("/protocol/any-damage", any_damage);
	g_test_add_func("/protocol/too-long", too_long);
	g_test_add_func("/protocol/odd-payloads", odd_payloads);
	return g_test_run();
}
