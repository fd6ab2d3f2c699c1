/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef AGENT_PROTOCOL_H
#define AGENT_PROTOCOL_H

/*
 * The frames between runner and agent: docs/protocol.md. libc only: both sides link it.
 *
 * A frame is a header of 20 bytes, little-endian, and a payload:
 *   magic "IOMT", u32 length of the payload, u16 type, u16 zero, u32 sequence number (from 0 in each direction), u32 CRC-32 of
 *   the payload.
 * A payload is a list of NUL-terminated strings "key=value"; in FRAME_OUTPUT a u32 job number, a byte for the stream, raw bytes.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROTOCOL_VERSION     "1"
#define PROTOCOL_HEADER      20
#define PROTOCOL_MAX_PAYLOAD (1u << 20)

/* Beside a suite: what it answers to --list, by whoever made the folder. Without it the suite is asked. */
#define SUITE_LIST_NAME ".%s.list"

/**
 * enum frame_type - what a frame says; the upper ones are answers and reports of the agent
 * @FRAME_HELLO: version=
 * @FRAME_ENVIRONMENT: asks for FRAME_FACT frames, then FRAME_DONE
 * @FRAME_DEVICES: asks for FRAME_DEVICE frames, then FRAME_DONE
 * @FRAME_LIST: asks for FRAME_CASE frames, then FRAME_DONE; suite= (any number): only of these
 * @FRAME_BIND: device=, force=0/1: bind to vfio-pci, then FRAME_DONE or FRAME_ERROR
 * @FRAME_RESTORE: give every device back to its driver, then FRAME_DONE or FRAME_ERROR
 * @FRAME_RUN: job=, suite=, variant=, engine=, device= (0 to 2), seed=, timeout_ms=; for a program that is no suite also program=, folder=, and any number
 *             of argument= and environment=
 * @FRAME_KILL: job=
 * @FRAME_REPLY: job=, line=: answer to FRAME_REQUEST
 * @FRAME_POWEROFF: restore, end; an init powers the machine off
 * @FRAME_PREPARE: what= (hugepages, module), value=: change the machine, to be undone later, then FRAME_DONE or FRAME_ERROR; it counts also after an error
 * @FRAME_UNDO: keep=: undo all preparations but that many of the first, then FRAME_DONE or FRAME_ERROR
 * @FRAME_READY: first frame of the agent: version=, init=0/1
 * @FRAME_FACT: key=, value=
 * @FRAME_DEVICE: name=, vendor=, device=, class=, group=, driver=, engine=, use= (why it is in use, or empty)
 * @FRAME_CASE: json=: a line of a suite's --list
 * @FRAME_OUTPUT: output of a job
 * @FRAME_KMSG: level=, text=, time_us=, sequence= (the kernel's number of it): a line of the kernel log; user=1 if not the kernel wrote it; lost= lines that were overwritten
 *              before it. If it reports a fault of an IOMMU, fault= the requester's address, without the domain where the driver does
 *              not tell it, or "unknown"; kind= (dma, interrupt, page-request, overflow, other), and as far as the driver tells
 *              address= in hexadecimal, access= (read, write), pasid= (none: there was none). FRAME_OUTPUT with all that was written
 *              to stdout before comes first.
 * @FRAME_REQUEST: job=, line=: a case asks for a stimulus
 * @FRAME_EXIT: job=, status= (of waitpid), duration_us=, timeout=0/1, taint= (new bits), leak= (text or empty)
 * @FRAME_DONE: the request was done
 * @FRAME_ERROR: text=: the request could not be done
 */
enum frame_type {
	FRAME_HELLO = 1,
	FRAME_ENVIRONMENT,
	FRAME_DEVICES,
	FRAME_LIST,
	FRAME_BIND,
	FRAME_RESTORE,
	FRAME_RUN,
	FRAME_KILL,
	FRAME_REPLY,
	FRAME_POWEROFF,
	FRAME_PREPARE,
	FRAME_UNDO,
	FRAME_READY = 0x101,
	FRAME_FACT,
	FRAME_DEVICE,
	FRAME_CASE,
	FRAME_OUTPUT,
	FRAME_KMSG,
	FRAME_REQUEST,
	FRAME_EXIT,
	FRAME_DONE,
	FRAME_ERROR,
};

/* Streams of FRAME_OUTPUT. */
#define STREAM_STDOUT 1
#define STREAM_STDERR 2

/**
 * struct message - a payload being made; grows as needed
 * @data: bytes
 * @length: how many
 * @space: private
 * @failed: memory ran out or it became too long: it will not be sent
 */
struct message {
	uint8_t *data;
	size_t length;
	size_t space;
	bool failed;
};

/**
 * message_add() - add key=value
 * @message: a message, zeroed at first
 * @key: letters
 * @value: any text
 */
void message_add(struct message *message, const char *key, const char *value);

/**
 * message_addf() - add key=value with a formatted value
 * @message: a message
 * @key: letters
 * @format: as printf(3)
 */
void message_addf(struct message *message, const char *key, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/**
 * message_add_bytes() - add raw bytes
 * @message: a message
 * @bytes: the bytes
 * @length: how many
 */
void message_add_bytes(struct message *message, const void *bytes, size_t length);

/**
 * message_clear() - make it empty and free its memory
 * @message: a message
 */
void message_clear(struct message *message);

/**
 * frame_header() - the header of a frame
 * @header: filled
 * @type: what it says
 * @sequence: number of the frame in its direction
 * @payload: its payload
 * @length: bytes of the payload, at most PROTOCOL_MAX_PAYLOAD
 */
void frame_header(uint8_t header[PROTOCOL_HEADER], enum frame_type type, uint32_t sequence,
		  const void *payload, size_t length);

/**
 * struct frame - a frame that was received
 * @type: what it says
 * @payload: its payload, followed by a NUL byte that is not part of it
 * @length: bytes of the payload
 */
struct frame {
	uint16_t type;
	const uint8_t *payload;
	size_t length;
};

/**
 * struct decoder - takes a byte stream apart
 * @data: what has come and is not consumed
 * @length: how much
 * @space: private
 * @sequence: expected next
 * @consumed: bytes of the frame last returned
 * @saved: the byte behind it, which was replaced by a NUL
 */
struct decoder {
	uint8_t *data;
	size_t length;
	size_t space;
	uint32_t sequence;
	size_t consumed;
	uint8_t saved;
};

/**
 * decoder_feed() - give a decoder bytes
 * @decoder: a decoder, zeroed at first
 * @bytes: the bytes
 * @length: how many
 *
 * Return: 0, -ENOMEM.
 */
int decoder_feed(struct decoder *decoder, const void *bytes, size_t length);

/**
 * decoder_next() - take the next frame
 * @decoder: a decoder
 * @frame: filled; valid until the next call with this decoder
 *
 * Return: 1 if there was one, 0 if more bytes are needed, -EPROTO if the stream is broken: it stays so.
 */
int decoder_next(struct decoder *decoder, struct frame *frame);

/**
 * decoder_clear() - forget everything, free the memory
 * @decoder: a decoder
 */
void decoder_clear(struct decoder *decoder);

/**
 * frame_get() - value of a key
 * @frame: a frame of strings
 * @key: the key
 *
 * Return: the first value, NUL-terminated, inside the frame; NULL if there is none.
 */
const char *frame_get(const struct frame *frame, const char *key);

/**
 * frame_get_nth() - value of a key that comes several times
 * @frame: a frame of strings
 * @key: the key
 * @index: from 0
 *
 * Return: as frame_get().
 */
const char *frame_get_nth(const struct frame *frame, const char *key, unsigned int index);

/**
 * frame_get_number() - value of a key as a number
 * @frame: a frame of strings
 * @key: the key
 * @fallback: if there is none, or it is no number
 *
 * Return: the number.
 */
int64_t frame_get_number(const struct frame *frame, const char *key, int64_t fallback);

#endif /* AGENT_PROTOCOL_H */
