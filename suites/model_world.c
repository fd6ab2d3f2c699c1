// SPDX-License-Identifier: GPL-2.0-or-later
/* What all players have: memory, and places in the IOVA space. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <iommut/pattern.h>

#include "suites/model_iommufd.h"

#define MEMORY_BYTES (MEMORY_PAGES * PAGE)

static void undo_world(void *argument)
{
	struct world *world = argument;

	if (world->memory)
		munmap(world->memory, MEMORY_BYTES);
	if (world->memfd >= 0)
		close(world->memfd);
	free(world->shadow);
	free(world);
}

static void make_memory(struct world *world)
{
	struct test *t = world->t;
	void *address =
		mmap(NULL, MEMORY_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (address == MAP_FAILED)
		fail(t, "no memory: %s", strerror(errno));
	world->memory = address;
	world->shadow = malloc(MEMORY_BYTES);
	world->memfd = memfd_create("model", MFD_CLOEXEC);
	if (!world->shadow || world->memfd < 0 || ftruncate(world->memfd, FILE_PAGES * PAGE) != 0 ||
	    mmap(world->memory + ANONYMOUS_PAGES * PAGE, FILE_PAGES * PAGE, PROT_READ | PROT_WRITE,
		 MAP_SHARED | MAP_FIXED, world->memfd, 0) == MAP_FAILED)
		fail(t, "no memory: %s", strerror(errno));
	/* Neighbours for the CPU are strangers in physical memory, or a wrong page might be the right one by chance. */
	for (int i = 0; i < MEMORY_PAGES; i++)
		world->memory[(size_t)(i * 7 % MEMORY_PAGES) * PAGE] = 1;
	iommut_pattern_fill(world->memory, MEMORY_BYTES, random64(t), 0);
	memcpy(world->shadow, world->memory, MEMORY_BYTES);
	if (mprotect(world->memory + FORBIDDEN_PAGE * PAGE, PAGE, PROT_NONE) != 0)
		fail(t, "mprotect: %s", strerror(errno));
}

struct world *make_world(struct test *t)
{
	struct world *world = calloc(1, sizeof(*world));

	if (!world)
		fail(t, "out of memory");
	world->t = t;
	world->memfd = -1;
	world->own = NOTHING;
	world->meet_defects = has_param(t, "defects") && param_is(t, "defects", "met");
	for (int i = 0; i < PASIDS; i++)
		world->by_pasid[i] = NOTHING;
	undo_later(t, undo_world, world);
	make_memory(world);
	return world;
}

void close_world(void *state)
{
	struct world *world = state;

	rig_close(world->rig);
}

void provokes_random(struct world *world)
{
	provokes_dma_anywhere(world->rig, ANY_PASID);
}

void choose_windows(struct world *world)
{
	uint64_t end = world->table[0].count
			       ? world->table[0].range[world->table[0].count - 1].start
			       : UINT64_MAX - WINDOW_PAGES * PAGE + 1;
	uint64_t hole = world->device.count ? world->device.range[0].start : 0x20000000;
	uint64_t half = WINDOW_PAGES / 2 * PAGE;

	world->window[ORDINARY] = 0x10000000;
	world->window[BEFORE_HOLE] = (hole & ~(PAGE - 1)) - half;
	world->window[END_OF_TABLE] = (end & ~(PAGE - 1)) - half;
	world->window[LOWEST] = 0;
	world->window[HIGHEST] = UINT64_MAX - WINDOW_PAGES * PAGE + 1;
}

int choose(struct test *t, const uint8_t *weights, int count, size_t stride)
{
	unsigned int sum = 0, at;

	for (int i = 0; i < count; i++)
		sum += weights[(size_t)i * stride];
	at = (unsigned int)random_below(t, sum);
	for (int i = 0; i < count; i++) {
		if (at < weights[(size_t)i * stride])
			return i;
		at -= weights[(size_t)i * stride];
	}
	return 0;
}
