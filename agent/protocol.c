// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/protocol.h"

static const uint8_t magic[4] = { 'I', 'O', 'M', 'T' };

static void put16(uint8_t *at, uint16_t value)
{
	at[0] = (uint8_t)value;
	at[1] = (uint8_t)(value >> 8);
}

static void put32(uint8_t *at, uint32_t value)
{
	put16(at, (uint16_t)value);
	put16(at + 2, (uint16_t)(value >> 16));
}

static uint16_t get16(const uint8_t *at)
{
	return (uint16_t)(at[0] | at[1] << 8);
}

static uint32_t get32(const uint8_t *at)
{
	return get16(at) | (uint32_t)get16(at + 2) << 16;
}

/* CRC-32 of IEEE 802.3, a nibble at a time. */
static uint32_t crc32_of(const uint8_t *bytes, size_t length)
{
	static const uint32_t table[16] = {
		0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4,
		0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
		0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
	};
	uint32_t crc = UINT32_MAX;

	for (size_t i = 0; i < length; i++) {
		crc ^= bytes[i];
		crc = crc >> 4 ^ table[crc & 15];
		crc = crc >> 4 ^ table[crc & 15];
	}
	return ~crc;
}

static bool grow(uint8_t **data, size_t *space, size_t needed)
{
	size_t wanted = *space ? *space : 256;
	uint8_t *bigger;

	if (needed <= *space)
		return true;
	while (wanted < needed)
		wanted *= 2;
	bigger = realloc(*data, wanted);
	if (!bigger)
		return false;
	*data = bigger;
	*space = wanted;
	return true;
}

void message_add_bytes(struct message *message, const void *bytes, size_t length)
{
	if (message->failed || length > PROTOCOL_MAX_PAYLOAD - message->length ||
	    !grow(&message->data, &message->space, message->length + length)) {
		message->failed = true;
		return;
	}
	if (length)
		memcpy(message->data + message->length, bytes, length);
	message->length += length;
}

void message_add(struct message *message, const char *key, const char *value)
{
	message_add_bytes(message, key, strlen(key));
	message_add_bytes(message, "=", 1);
	message_add_bytes(message, value, strlen(value) + 1);
}

void message_addf(struct message *message, const char *key, const char *format, ...)
{
	va_list arguments;
	char *value;
	int length;

	va_start(arguments, format);
	length = vasprintf(&value, format, arguments);
	va_end(arguments);
	if (length < 0) {
		message->failed = true;
		return;
	}
	message_add(message, key, value);
	free(value);
}

void message_clear(struct message *message)
{
	free(message->data);
	memset(message, 0, sizeof(*message));
}

void frame_header(uint8_t header[PROTOCOL_HEADER], enum frame_type type, uint32_t sequence,
		  const void *payload, size_t length)
{
	memcpy(header, magic, sizeof(magic));
	put32(header + 4, (uint32_t)length);
	put16(header + 8, (uint16_t)type);
	put16(header + 10, 0);
	put32(header + 12, sequence);
	put32(header + 16, crc32_of(payload, length));
}

/* Gives back what the last frame took: it may be used until the decoder is touched again. */
static void drop_consumed(struct decoder *decoder)
{
	if (!decoder->consumed)
		return;
	decoder->data[decoder->consumed] = decoder->saved;
	decoder->length -= decoder->consumed;
	memmove(decoder->data, decoder->data + decoder->consumed, decoder->length);
	decoder->consumed = 0;
}

int decoder_feed(struct decoder *decoder, const void *bytes, size_t length)
{
	drop_consumed(decoder);
	/* One byte more, for the NUL behind a payload that ends where the data ends. */
	if (!grow(&decoder->data, &decoder->space, decoder->length + length + 1))
		return -ENOMEM;
	if (length)
		memcpy(decoder->data + decoder->length, bytes, length);
	decoder->length += length;
	return 0;
}

int decoder_next(struct decoder *decoder, struct frame *frame)
{
	const uint8_t *header;
	size_t length, known;

	drop_consumed(decoder);
	header = decoder->data;
	known = decoder->length < sizeof(magic) ? decoder->length : sizeof(magic);
	if (known && memcmp(header, magic, known) != 0)
		return -EPROTO;
	if (decoder->length < PROTOCOL_HEADER)
		return 0;
	length = get32(header + 4);
	if (length > PROTOCOL_MAX_PAYLOAD || get16(header + 10) != 0 ||
	    get32(header + 12) != decoder->sequence)
		return -EPROTO;
	if (decoder->length < PROTOCOL_HEADER + length)
		return 0;
	if (get32(header + 16) != crc32_of(header + PROTOCOL_HEADER, length))
		return -EPROTO;
	frame->type = get16(header + 8);
	frame->payload = header + PROTOCOL_HEADER;
	frame->length = length;
	decoder->sequence++;
	decoder->consumed = PROTOCOL_HEADER + length;
	decoder->saved = decoder->data[decoder->consumed];
	decoder->data[decoder->consumed] = '\0';
	return 1;
}

void decoder_clear(struct decoder *decoder)
{
	free(decoder->data);
	memset(decoder, 0, sizeof(*decoder));
}

const char *frame_get_nth(const struct frame *frame, const char *key, unsigned int index)
{
	const char *at = (const char *)frame->payload;
	const char *end = at + frame->length;
	size_t key_length = strlen(key);

	while (at < end) {
		size_t length = strnlen(at, (size_t)(end - at));

		if (length > key_length && at[key_length] == '=' &&
		    strncmp(at, key, key_length) == 0 && index-- == 0)
			return at + key_length + 1;
		at += length + 1;
	}
	return NULL;
}

const char *frame_get(const struct frame *frame, const char *key)
{
	return frame_get_nth(frame, key, 0);
}

int64_t frame_get_number(const struct frame *frame, const char *key, int64_t fallback)
{
	const char *value = frame_get(frame, key);
	int64_t number;
	char *end;

	if (!value || !*value)
		return fallback;
	errno = 0;
	number = strtoll(value, &end, 10);
	return errno || *end ? fallback : number;
}
