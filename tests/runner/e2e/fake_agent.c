// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * An agent that runs nothing: it answers on stdin and stdout as one whose machine has two devices, and says of each case what the
 * case's name asks for. What it does shows what the runner makes of a kernel that complains, without one that does.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/protocol.h"

#define FAULT "DMAR: [DMA Write NO_PASID] Request device [00:01.0] fault addr 0x1000"

#define PROVOKES(pages) "this case provokes faults: 0000:00:01.0 write " pages " pasid=none"

struct story {
	const char *name;
	int devices;
	const char *line;  /* of the kernel's log, or NULL */
	const char *fault; /* whose fault it reports, or NULL */
	const char *user;  /* "1": a program wrote it */
	const char *taint;
	const char *leak;
	const char *words; /* among the diagnostics, before the line, or NULL */
	const char *late;  /* after it, or NULL */
};

static const struct story stories[] = {
	{ "content", 0 },
	{ "warns", 0, "WARNING: drivers/iommu/iommu.c:1 at f+0x1/0x2, CPU#0: x/1" },
	{ "program_warns", 0, "WARNING: a program says so", .user = "1" },
	{ "faults", 1, FAULT, .fault = "0000:00:01.0" },
	{ "provokes", 1, FAULT, .fault = "00:01.0", .words = PROVOKES("0x0-0x1fff") },
	{ "provokes_other", 1, FAULT, .fault = "00:01.0", .words = PROVOKES("0x2000-0x2fff") },
	{ "provokes_late", 1, FAULT, .fault = "00:01.0", .late = PROVOKES("0x0-0x1fff") },
	{ "quotes", 1, FAULT, .fault = "00:01.0", .words = "'" PROVOKES("0x0-0x1fff") },
	{ "fault_of_nobody", 0, FAULT, .fault = "unknown" },
	{ "taints", 0, .taint = "512" },
	{ "forces_module", 0, .taint = "2" },
	{ "leaks", 0, .leak = "IOMMU group 5 of 0000:00:01.0 is still in use" },
	{ "dies", 0 },
};

#define STORIES (sizeof(stories) / sizeof(stories[0]))

static uint32_t sequence;

static void send_frame(enum frame_type type, struct message *message)
{
	static struct message none;
	struct message *content = message ? message : &none;
	uint8_t header[PROTOCOL_HEADER];

	frame_header(header, type, sequence++, content->data, content->length);
	if (fwrite(header, sizeof(header), 1, stdout) != 1 ||
	    (content->length && fwrite(content->data, content->length, 1, stdout) != 1) ||
	    fflush(stdout) != 0)
		exit(1);
	message_clear(content);
}

static void send_device(const char *name, const char *group)
{
	struct message message = { 0 };

	message_add(&message, "name", name);
	message_add(&message, "vendor", "1234");
	message_add(&message, "device", "11e8");
	message_add(&message, "class", "00ff00");
	message_add(&message, "group", group);
	message_add(&message, "driver", "");
	message_add(&message, "engine", "edu");
	message_add(&message, "use", "");
	send_frame(FRAME_DEVICE, &message);
}

static void send_cases(void)
{
	for (size_t i = 0; i < STORIES; i++) {
		struct message message = { 0 };

		message_addf(&message, "json",
			     "{\"suite\":\"story\",\"case\":\"%s\",\"proves\":\"nothing\","
			     "\"devices\":%d,\"params\":[]}",
			     stories[i].name, stories[i].devices);
		send_frame(FRAME_CASE, &message);
	}
}

static void send_output(const char *job, const char *beginning, const char *text)
{
	const uint32_t number = (uint32_t)atoi(job);
	const uint8_t start[5] = { (uint8_t)number, (uint8_t)(number >> 8), (uint8_t)(number >> 16),
				   (uint8_t)(number >> 24), STREAM_STDOUT };
	struct message message = { 0 };
	char line[512];
	int length = snprintf(line, sizeof(line), "%s%s\n", beginning, text);

	message_add_bytes(&message, start, sizeof(start));
	message_add_bytes(&message, line, (size_t)length);
	send_frame(FRAME_OUTPUT, &message);
}

static void send_line(const struct story *story)
{
	struct message message = { 0 };

	message_add(&message, "level", "4");
	message_add(&message, "text", story->line);
	if (story->user)
		message_add(&message, "user", story->user);
	if (story->fault) {
		message_add(&message, "fault", story->fault);
		message_add(&message, "kind", "dma");
		message_add(&message, "address", "0x1000");
		message_add(&message, "access", "write");
		message_add(&message, "pasid", "none");
	}
	send_frame(FRAME_KMSG, &message);
}

static void tell(const struct story *story, const char *job)
{
	struct message message = { 0 };

	send_output(job, "KTAP version 1\n1..1", "");
	if (story->words)
		send_output(job, "# ", story->words);
	if (story->line)
		send_line(story);
	if (story->late)
		send_output(job, "# ", story->late);
	send_output(job, "ok 1 ", story->name);
	message_add(&message, "job", job);
	message_add(&message, "status", "0");
	message_add(&message, "duration_us", "10");
	message_add(&message, "timeout", "0");
	message_add(&message, "taint", story->taint ? story->taint : "0");
	message_add(&message, "leak", story->leak ? story->leak : "");
	send_frame(FRAME_EXIT, &message);
}

static void run(const struct frame *request)
{
	const char *job = frame_get(request, "job"), *variant = frame_get(request, "variant");

	for (size_t i = 0; job && variant && i < STORIES; i++) {
		/* Arguments of the case do not matter. */
		if (strncmp(stories[i].name, variant, strcspn(variant, "[")) != 0 ||
		    strlen(stories[i].name) != strcspn(variant, "["))
			continue;
		if (strcmp(variant, "dies") == 0)
			_exit(1);
		tell(&stories[i], job);
	}
}

static void serve(const struct frame *request)
{
	struct message message = { 0 };

	switch (request->type) {
	case FRAME_ENVIRONMENT:
		message_add(&message, "key", "kernel");
		message_add(&message, "value", "7.0.0-story");
		send_frame(FRAME_FACT, &message);
		break;
	case FRAME_DEVICES:
		send_device("0000:00:01.0", "1");
		send_device("0000:00:02.0", "2");
		break;
	case FRAME_LIST:
		send_cases();
		break;
	case FRAME_RUN:
		run(request);
		return;
	case FRAME_KILL:
	case FRAME_REPLY:
		return;
	}
	send_frame(FRAME_DONE, NULL);
}

int main(void)
{
	struct message ready = { 0 };
	struct decoder decoder = { 0 };
	uint8_t bytes[4096];
	struct frame frame;
	ssize_t length;

	message_add(&ready, "version", PROTOCOL_VERSION);
	message_add(&ready, "init", "0");
	send_frame(FRAME_READY, &ready);
	while ((length = read(STDIN_FILENO, bytes, sizeof(bytes))) > 0) {
		if (decoder_feed(&decoder, bytes, (size_t)length) != 0)
			return 1;
		while (decoder_next(&decoder, &frame) > 0) {
			serve(&frame);
			if (frame.type == FRAME_POWEROFF)
				return 0;
		}
	}
	return 0;
}
