/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
#ifndef ENGINES_NVME_H
#define ENGINES_NVME_H

/* The NVMe controller beneath the engine: registers, queues, what it says of itself. Private to the engine. */

#include <stdint.h>

#include "engines/engine.h"

#define NVME_PAGE    4096u
#define NVME_ENTRIES 16u
/* Transfers in flight; the queues have room for more. */
#define NVME_DEPTH  8u
#define NVME_BUFFER 16384u

#define NVME_GET_LOG  0x02
#define NVME_IDENTIFY 0x06
#define NVME_WRITE    0x01
#define NVME_READ     0x02
#define NVME_COMPARE  0x05
#define NVME_SGL      (1u << 14)
/* Where a command's number is in its first word. */
#define NVME_NUMBER    16
#define NVME_NAMESPACE 1

/* Where things are in staging memory. */
#define NVME_AT_ADMIN_SQ 0x0000u
#define NVME_AT_ADMIN_CQ 0x1000u
#define NVME_AT_IO_SQ    0x2000u
#define NVME_AT_IO_CQ    0x3000u
#define NVME_AT_LISTS    0x4000u
#define NVME_LIST_SIZE   256u
#define NVME_AT_BOUNCE   0x8000u
#define NVME_AT_REST     0xc000u

struct nvme_submission {
	uint32_t command;
	uint32_t namespace_id;
	uint64_t reserved;
	uint64_t metadata;
	uint64_t data[2];
	uint32_t words[6];
};

struct nvme_queue {
	uint32_t sq_at;
	uint32_t cq_at;
	uint32_t id;
	uint32_t tail;
	uint32_t head;
	uint16_t phase;
};

/* A transfer in flight. */
struct nvme_slot {
	enum engine_operation operation;
	uint32_t length;
	int64_t started_ms;
	bool done;
	uint16_t status;
};

struct nvme {
	struct iommut_region *bar;
	uint64_t cap;
	bool may_write;
	/* The logical blocks that are the device's buffer; block_size is 0 if the namespace cannot be used. */
	uint64_t first_block;
	uint32_t block_size;
	/* What addresses and lengths of scatter gather lists are multiples of; 0 without such lists. */
	uint32_t sgl_unit;
	bool compares;
	/* The controller runs with this staging memory; 0 length if it does not run. */
	struct engine_staging running;
	struct nvme_queue admin;
	struct nvme_queue io;
	/* A ring: the oldest, and how many there are. */
	struct nvme_slot slots[NVME_DEPTH];
	unsigned int first;
	unsigned int count;
	/* What is in flight was ended, and poll has yet to say so. */
	bool aborted;
};

/* Opens BAR 0 and brings the controller to rest. */
int nvme_open(struct engine *engine);

/* Nothing of the controller's touches memory after it. */
int nvme_disable(struct nvme *nvme);

/* Enables the controller unless it runs, with queues in staging memory, and asks what it is. */
int nvme_make_ready(struct engine *engine);

/* Puts a command into a queue. */
int nvme_submit(struct engine *engine, struct nvme_queue *queue,
		const struct nvme_submission *submission);

/* The next completion: the command's number and its status, 0 being success; -EAGAIN if there is none. */
int nvme_complete(struct engine *engine, struct nvme_queue *queue, uint16_t *number,
		  uint16_t *status);

/* -EIO if the controller has failed for good, -EAGAIN if it does not run, the error of the access. */
int nvme_alive(const struct nvme *nvme);

#endif /* ENGINES_NVME_H */
