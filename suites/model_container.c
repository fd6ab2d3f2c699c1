// SPDX-License-Identifier: GPL-2.0-or-later
/* The same for a VFIO container, type1 or iommufd's emulation of it: one address space that the device is always in. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <iommut/vfio.h>

#include "harness/iommu_model.h"
#include "suites/model_iommufd.h"

/* An address space that the device is in, in the words of the other model. */
static void begin(struct world *world)
{
	memset(&world->ioas[0], 0, sizeof(world->ioas[0]));
	world->ioas[0].live = true;
	world->hwpt[AUTOMATIC] = (struct hwpt_model){ .live = true, .ioas = 0 };
	world->own = AUTOMATIC;
}

static bool is_type1(const struct world *world)
{
	return iommut_space_backend(world->rig->space) == IOMMUT_TYPE1;
}

static struct ranges reserved_now(struct world *world)
{
	struct iommut_iova_range *ranges;
	struct ranges usable = { .count = 0 };
	size_t count;
	int error = iommut_space_ranges(world->rig->space, &ranges, &count);

	if (error == -EOPNOTSUPP)
		skip(world->t, "the kernel does not tell which IOVAs can be mapped",
		     "a kernel that reports VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE (5.7 or later)");
	expect_zero(world->t, error);
	for (size_t i = 0; i < count && i < MAX_RANGES; i++)
		ranges_add(&usable, ranges[i].start, ranges[i].last);
	free(ranges);
	return ranges_complement(&usable);
}

static void *open_container(struct test *t)
{
	struct world *world = make_world(t);
	struct iommu_model iommu;
	struct ranges reserved;
	int last;

	world->rig = rig_open(t);
	provokes_random(world);
	need(world->rig, ENGINE_READ | ENGINE_WRITE | ENGINE_SEES_ERRORS);
	if (world->rig->engine.driver->needs_staging)
		skip(t, "the engine needs memory of its own in the address space",
		     "the device pcie-ats-testdev");
	world->read_anyway = iommu_model_of(test_device_name(t, 0), &iommu) != 0 ||
			     iommu_model_first_stage(&iommu);
	world->alignment = PAGE;
	reserved = reserved_now(world);
	/* Beyond the width of the page table; what lies below are holes. */
	last = reserved.count - 1;
	if (last >= 0 && reserved.range[last].last == UINT64_MAX) {
		ranges_add(&world->table[0], reserved.range[last].start, UINT64_MAX);
		reserved.count--;
	}
	world->device = reserved;
	choose_windows(world);
	begin(world);
	return world;
}

static uint32_t map_flags(const struct step *step)
{
	uint32_t flags = step->odd == UNKNOWN_FLAG ? 1u << 20 : 0;

	if (step->odd == NO_ACCESS)
		return 0;
	if (step->flags & FLAG_READ)
		flags |= VFIO_DMA_MAP_FLAG_READ;
	if (step->flags & FLAG_WRITE)
		flags |= VFIO_DMA_MAP_FLAG_WRITE;
	return flags;
}

static void container_map(struct world *world, const struct step *step, struct tally *tally,
			  struct finding *finding)
{
	uint64_t iova = step_iova(world, step), length = step_length(step);
	struct mapping mapping = { .start = iova,
				   .last = iova + (length - 1),
				   .memory = step_memory(step),
				   .read = step->flags & FLAG_READ,
				   .write = step->flags & FLAG_WRITE,
				   .writable = true };
	struct errnos errnos = { .count = 0 };

	if (spoiled_end(world, iova, length))
		return;
	/* Linux 7.3 warns in the kernel log, and some IOMMUs take it. */
	if (step->odd == NO_ACCESS && !is_type1(world) && !world->meet_defects)
		return;
	if (step->odd == UNKNOWN_FLAG)
		blame(&errnos, EINVAL);
	blame_mapping(world, 0, step, length, mapping.memory, &errnos);
	if (length && length <= MEMORY_PAGES * PAGE)
		blame_memory(world, 0, &mapping, &errnos);
	if (step->odd == NO_ACCESS) {
		/* Nothing says that such a mapping is refused; it must not be more than it says. */
		bool may = !errnos.count && !is_type1(world);

		blame(&errnos, EINVAL);
		errnos.or_success = may;
		mapping.read = mapping.write = false;
	}
	if (judge(iommut_vfio_map_dma(iommut_space_handle(world->rig->space),
				      world->memory + mapping.memory, length, iova,
				      map_flags(step)),
		  &errnos, tally, finding))
		space_add(&world->ioas[0].space, &mapping);
}

/* Whether a mapping is still there: another one cannot be made over it. */
static bool still_there(struct world *world, const struct mapping *mapping)
{
	struct iommut_handle container = iommut_space_handle(world->rig->space);
	int error = iommut_vfio_map_dma(container, world->memory, PAGE, mapping->start,
					VFIO_DMA_MAP_FLAG_READ);

	if (!error)
		iommut_vfio_unmap_dma(container, mapping->start, PAGE, 0, NULL);
	return error == -EEXIST;
}

static void container_unmap(struct world *world, const struct step *step, struct tally *tally,
			    struct finding *finding)
{
	struct space *space = &world->ioas[0].space;
	bool all = step->call == CALL_UNMAP_ALL, cut = false;
	uint64_t iova = all ? 0 : step_iova(world, step), length = all ? 0 : step_length(step);
	uint64_t last = all ? UINT64_MAX : iova + (length - 1), unmapped = 0, expected;
	uint32_t flags = all ? VFIO_DMA_UNMAP_FLAG_ALL : 0;
	struct errnos errnos = { .count = 0 };

	if (step->odd == UNKNOWN_FLAG) {
		flags |= 1u << 20;
		blame(&errnos, EINVAL);
	}
	if (!all && (!length || last < iova)) {
		blame(&errnos, EINVAL);
		if (length)
			blame(&errnos, EOVERFLOW);
	} else if (!all) {
		if (is_type1(world) && (iova | length) % PAGE)
			blame(&errnos, EINVAL);
		cut = space_would_cut(space, iova, last);
	}
	/* The second version of type1 cuts nothing; iommufd's emulation has another error for that. */
	if (cut)
		blame(&errnos, is_type1(world) ? EINVAL : ENOENT);
	if (!judge(iommut_vfio_unmap_dma(iommut_space_handle(world->rig->space), iova, length,
					 flags, &unmapped),
		   &errnos, tally, finding)) {
		for (int i = 0; cut && i < space->count;)
			if (space->mapping[i].start < iova || space->mapping[i].last > last ||
			    still_there(world, &space->mapping[i]))
				i++;
			else
				space->mapping[i] = space->mapping[--space->count];
		return;
	}
	expected = space_remove(space, iova, last);
	if (unmapped != expected)
		found(finding, "0x%" PRIx64 " bytes were unmapped instead of 0x%" PRIx64, unmapped,
		      expected);
}

static void container_ranges(struct world *world, struct tally *tally, struct finding *finding)
{
	struct ranges expected = reserved_in(world, 0), seen = reserved_now(world);

	tally->done++;
	if (!ranges_same(&expected, &seen))
		found(finding, "the IOVAs that can be mapped have changed");
}

static void play_container(void *state, const struct step *step, struct tally *tally,
			   struct finding *finding)
{
	struct world *world = state;

	switch (step->call) {
	case CALL_MAP:
		container_map(world, step, tally, finding);
		break;
	case CALL_UNMAP:
	case CALL_UNMAP_ALL:
		container_unmap(world, step, tally, finding);
		break;
	case CALL_RANGES:
		container_ranges(world, tally, finding);
		break;
	default:
		call_dma(world, step, tally, finding);
		break;
	}
}

static void finish_container(void *state, struct finding *finding)
{
	struct tally tally = { 0 };

	container_unmap(state, &(struct step){ .call = CALL_UNMAP_ALL }, &tally, finding);
	begin(state);
}

static struct step generate_container(struct test *t, const struct script *script)
{
	static const uint8_t calls[] = { CALL_MAP,       CALL_UNMAP,    CALL_UNMAP_ALL,
					 CALL_DMA_WRITE, CALL_DMA_READ, CALL_RANGES };
	static const uint8_t weights[] = { 34, 16, 2, 26, 18, 4 };
	static const uint8_t windows[] = { 66, 12, 11, 8, 3 };
	static const uint8_t oddities[] = { 88, 2, 2, 2, 2, 1, 1, 2 };
	struct step step = { .call = calls[choose(t, weights, 6, 1)],
			     .window = (uint8_t)choose(t, windows, WINDOWS, 1),
			     .page = (uint8_t)random_below(t, WINDOW_PAGES),
			     .pages = (uint8_t)(1 + random_below(t, 4)),
			     .odd = (uint8_t)choose(t, oddities, ODDITIES, 1) };

	step.memory = (uint8_t)random_below(t, ANONYMOUS_PAGES - (uint64_t)step.pages);
	/* For reading, for writing, mostly for both. */
	step.flags = (uint8_t)(random_below(t, 4) ? 3 : 1 + random_below(t, 2));
	if (step.call != CALL_MAP && script->count && random_below(t, 8) != 0)
		aim(t, script, &step);
	return step;
}

static void print_container(void *state, const struct step *step, char *text, size_t size)
{
	static const char *const access[] = { "", "read", "write", "read|write" };
	const struct world *world = state;
	uint64_t iova = step_iova(world, step), length = step_length(step);

	switch (step->call) {
	case CALL_MAP:
		snprintf(text, size,
			 "VFIO_IOMMU_MAP_DMA(memory 0x%" PRIx64 ", 0x%" PRIx64
			 " bytes, at 0x%" PRIx64 ", %s)",
			 step_memory(step), length, iova,
			 step->odd == NO_ACCESS      ? "no access"
			 : step->odd == UNKNOWN_FLAG ? "an unknown flag"
						     : access[step->flags & 3]);
		break;
	case CALL_UNMAP:
		snprintf(text, size, "VFIO_IOMMU_UNMAP_DMA(0x%" PRIx64 ", 0x%" PRIx64 " bytes%s)",
			 iova, length, step->odd == UNKNOWN_FLAG ? ", an unknown flag" : "");
		break;
	case CALL_UNMAP_ALL:
		snprintf(text, size, "VFIO_IOMMU_UNMAP_DMA(all%s)",
			 step->odd == UNKNOWN_FLAG ? ", an unknown flag" : "");
		break;
	case CALL_RANGES:
		snprintf(text, size, "VFIO_IOMMU_GET_INFO()");
		break;
	default:
		snprintf(text, size, "the device %s 8 bytes at 0x%" PRIx64,
			 step->call == CALL_DMA_WRITE ? "writes" : "reads",
			 world->window[step->window] + step->page * PAGE + step->memory * 8);
		break;
	}
}

const struct player container_player = {
	.open = open_container,
	.close = close_world,
	.generate = generate_container,
	.play = play_container,
	.finish = finish_container,
	.print = print_container,
};
