// SPDX-License-Identifier: GPL-2.0-or-later
/* The device, what is to be learned about it, and random calls of /dev/iommu. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <engines/testdev.h>
#include <iommut/pattern.h>

#include "harness/iommu_model.h"
#include "suites/model_iommufd.h"

static struct ranges usable(struct world *world, uint32_t ioas, uint64_t *alignment)
{
	struct iommut_iova_range *ranges;
	struct ranges seen = { .count = 0 };
	size_t count;

	expect_zero(world->t,
		    iommut_ioas_iova_ranges(world->iommufd, ioas, &ranges, &count, alignment));
	for (size_t i = 0; i < count && i < MAX_RANGES; i++)
		ranges_add(&seen, ranges[i].start, ranges[i].last);
	free(ranges);
	return seen;
}

/* Reserved addresses belong to the hardware, and no document has them: they are asked for once, and must then always be the same. */
static void learn_table(struct world *world, bool pasid)
{
	struct test *t = world->t;
	uint64_t alignment;
	uint32_t ioas, hwpt;
	struct ranges seen;
	int error;

	expect_zero(t, iommut_ioas_alloc(world->iommufd, &ioas));
	seen = usable(world, ioas, &alignment);
	expect(t, seen.count == 1 && seen.range[0].start == 0 && seen.range[0].last == UINT64_MAX);
	error = iommut_hwpt_alloc(world->iommufd, world->device_id, ioas,
				  pasid ? IOMMU_HWPT_ALLOC_PASID : 0, 0, &hwpt);
	if (pasid && error == -EOPNOTSUPP)
		skip(t, "the IOMMU has no page tables for PASIDs",
		     "a vIOMMU and device with them: lab profile intel-scalable-svm");
	expect_zero(t, error);
	seen = usable(world, ioas, &world->alignment);
	world->table[pasid] = ranges_complement(&seen);
	if (!pasid) {
		expect_zero(t, iommut_device_attach(world->rig->device, hwpt));
		seen = usable(world, ioas, &alignment);
		world->device = ranges_complement(&seen);
		for (int i = 0; i < world->table[0].count; i++)
			ranges_remove(&world->device, world->table[0].range[i].start,
				      world->table[0].range[i].last);
		expect_zero(t, iommut_device_detach(world->rig->device));
	}
	expect_zero(t, iommut_destroy(world->iommufd, hwpt));
	expect_zero(t, iommut_destroy(world->iommufd, ioas));
}

static struct world *open_world(struct test *t, bool pasids)
{
	const struct iommut_device_options detached = { .flags = IOMMUT_DEVICE_DETACHED };
	struct world *world = make_world(t);
	static uint32_t low_pasid;
	struct iommu_model iommu;

	world->rig = rig_open_in(t, NULL, 0, &detached);
	provokes_random(world);
	world->iommufd = iommut_space_handle(world->rig->space);
	need(world->rig, ENGINE_READ | ENGINE_WRITE | ENGINE_SEES_ERRORS);
	if (world->rig->engine.driver->needs_staging)
		skip(t, "the engine needs memory of its own in the address space",
		     "the device pcie-ats-testdev");
	expect_zero(t, iommut_device_id(world->rig->device, &world->device_id));
	/* Without sysfs nothing is known about the IOMMU: then reading may be possible where it is forbidden. */
	world->read_anyway = iommu_model_of(test_device_name(t, 0), &iommu) != 0 ||
			     iommu_model_first_stage(&iommu) || pasids;
	world->pasids = pasids;
	if (pasids) {
		struct iommut_hw_info info;

		need(world->rig, ENGINE_PASID);
		expect_zero(t, iommut_hw_info(world->iommufd, world->device_id,
					      IOMMU_HW_INFO_TYPE_DEFAULT, &info));
		if (!info.max_pasid_log2)
			skip(t, "the IOMMU offers the device no PASIDs (IOMMU_GET_HW_INFO)",
			     "a vIOMMU and device with them: lab profile intel-scalable-svm");
		world->pasid[1] = (1u << info.max_pasid_log2) - 1;
		/* The same in every process that plays. */
		if (!low_pasid)
			low_pasid = 1 + (uint32_t)random_below(t, world->pasid[1] - 1);
		world->pasid[0] = low_pasid;
		learn_table(world, true);
	}
	learn_table(world, false);
	choose_windows(world);
	return world;
}

static void *open_iommufd(struct test *t)
{
	return open_world(t, false);
}

static void *open_pasids(struct test *t)
{
	return open_world(t, true);
}

/* Everything that was made is given back in an order in which nothing is in use. */
static void finish_iommufd(void *state, struct finding *finding)
{
	struct world *world = state;
	struct tally tally = { 0 };

	for (int i = 0; i < PASIDS; i++)
		if (world->by_pasid[i] != NOTHING)
			call_detach(world,
				    &(struct step){ .call = CALL_DETACH_PASID, .page = (uint8_t)i },
				    &tally, finding);
	call_detach(world, &(struct step){ .call = CALL_DETACH }, &tally, finding);
	for (int i = NO_OBJECT - 1; i-- > 0;)
		if (i < FIRST_HWPT ? world->ioas[i].live : world->hwpt[i - FIRST_HWPT].live)
			play_iommufd(world,
				     &(struct step){ .call = CALL_DESTROY, .other = (uint8_t)i },
				     &tally, finding);
}

/* How often a call is made; with PASIDs in the second column. */
static const uint8_t weight[CALL_CALLS][2] = {
	[CALL_IOAS_ALLOC] = { 8, 8 },     [CALL_DESTROY] = { 4, 5 },
	[CALL_MAP] = { 20, 16 },          [CALL_MAP_FILE] = { 4, 3 },
	[CALL_UNMAP] = { 6, 5 },          [CALL_UNMAP_ALL] = { 2, 1 },
	[CALL_COPY] = { 9, 4 },           [CALL_RANGES] = { 4, 4 },
	[CALL_ALLOW] = { 3, 1 },          [CALL_LARGE_PAGES] = { 2, 1 },
	[CALL_CHANGE_PROCESS] = { 1, 1 }, [CALL_HWPT_ALLOC] = { 6, 9 },
	[CALL_ATTACH] = { 9, 8 },         [CALL_DETACH] = { 1, 1 },
	[CALL_ATTACH_PASID] = { 0, 10 },  [CALL_DETACH_PASID] = { 0, 2 },
	[CALL_DMA_WRITE] = { 16, 18 },    [CALL_DMA_READ] = { 11, 12 },
};

/* Most sequences begin with an address space that the device is in, or little would ever be reached. */
static bool opening(const struct script *script, struct step *step)
{
	static const uint8_t calls[] = { CALL_IOAS_ALLOC, CALL_HWPT_ALLOC, CALL_ATTACH };

	for (int i = 0; i < script->count; i++)
		if (i >= 3 || script->step[i].call != calls[i])
			return false;
	if (script->count >= 3)
		return false;
	step->call = calls[script->count];
	step->object = 0;
	step->other = step->call == CALL_ATTACH ? FIRST_HWPT : 0;
	step->odd = USUAL;
	return true;
}

void aim(struct test *t, const struct script *script, struct step *step)
{
	const struct step *earlier;

	if (!script->count)
		return;
	for (int i = 0; i < 8; i++) {
		earlier = &script->step[random_below(t, (uint64_t)script->count)];
		if (earlier->call != CALL_MAP && earlier->call != CALL_MAP_FILE &&
		    (earlier->call != CALL_COPY || step->call == CALL_COPY))
			continue;
		if (step->call == CALL_COPY) {
			uint8_t offset = (uint8_t)random_below(t, earlier->pages);

			step->other = earlier->object;
			step->window2 = earlier->window;
			step->page2 = earlier->page + offset;
			step->pages = earlier->pages - offset;
			return;
		}
		step->window = earlier->window;
		step->page = earlier->page;
		if (step->call == CALL_UNMAP) {
			step->object = earlier->object;
			step->pages = earlier->pages;
		} else {
			step->page += (uint8_t)random_below(t, earlier->pages);
		}
		return;
	}
}

static struct step generate(struct test *t, const struct script *script, bool pasids)
{
	static const uint8_t objects[] = { 82, 10, 5, 1, 2 };
	static const uint8_t targets[] = { 22, 8, 3, 34, 22, 6, 2, 3 };
	static const uint8_t windows[] = { 66, 12, 11, 8, 3 };
	static const uint8_t lengths[] = { 0, 45, 30, 15, 10 };
	static const uint8_t oddities[] = { 88, 2, 2, 2, 2, 1, 1, 2 };
	static const uint8_t access[] = { 0, 20, 10, 70 };
	struct step step = { .call = (uint8_t)choose(t, &weight[0][pasids], CALL_CALLS, 2) };
	int pages = choose(t, lengths, 5, 1);

	step.object = (uint8_t)choose(t, objects, 5, 1);
	step.other = (uint8_t)(step.call == CALL_DESTROY || step.call == CALL_ATTACH ||
					       step.call == CALL_ATTACH_PASID
				       ? choose(t, targets, 8, 1)
			       : step.call == CALL_HWPT_ALLOC ? (int)random_below(t, HWPT_SLOTS)
							      : choose(t, objects, 5, 1));
	step.window = (uint8_t)choose(t, windows, WINDOWS, 1);
	step.page = (uint8_t)random_below(t, WINDOW_PAGES);
	step.window2 = (uint8_t)choose(t, windows, WINDOWS, 1);
	step.page2 = (uint8_t)random_below(t, WINDOW_PAGES);
	step.pages = (uint8_t)pages;
	/* The forbidden page is the last one that can be reached this way. */
	step.memory = (uint8_t)(step.call == CALL_MAP_FILE
					? ANONYMOUS_PAGES +
						  random_below(t, FILE_PAGES - 1 - (uint64_t)pages)
					: random_below(t, ANONYMOUS_PAGES - (uint64_t)pages));
	step.flags = (uint8_t)choose(t, access, 4, 1);
	if (random_below(t, 8) == 0)
		step.flags |= FLAG_AUTO;
	if (random_below(t, 4) != 0)
		step.flags |= FLAG_PASID;
	step.odd = (uint8_t)choose(t, oddities, ODDITIES, 1);
	if (random_below(t, 32) != 0 && opening(script, &step))
		return step;
	if ((step.call == CALL_DMA_WRITE || step.call == CALL_DMA_READ || step.call == CALL_UNMAP ||
	     step.call == CALL_COPY) &&
	    random_below(t, 4) != 0)
		aim(t, script, &step);
	return step;
}

static struct step generate_iommufd(struct test *t, const struct script *script)
{
	return generate(t, script, false);
}

static struct step generate_pasids(struct test *t, const struct script *script)
{
	return generate(t, script, true);
}

static const char *ioas_name(int object)
{
	static const char *const names[] = { "ioas0", "ioas1", "ioas2", "the device's ID",
					     "an unused ID" };

	return names[object];
}

static const char *object_name(int object)
{
	static const char *const names[] = { "ioas0", "ioas1", "ioas2",           "hwpt0",
					     "hwpt1", "hwpt2", "the device's ID", "an unused ID" };

	return names[object];
}

static const char *access_name(const struct step *step)
{
	static const char *const names[] = { "", "readable", "writeable", "readable|writeable" };

	return step->odd == NO_ACCESS      ? "no access"
	       : step->odd == UNKNOWN_FLAG ? "an unknown flag"
					   : names[step->flags & 3];
}

static void print_place(const struct world *world, const struct step *step, char *text, size_t size)
{
	if (step->flags & FLAG_AUTO)
		snprintf(text, size, "anywhere");
	else
		snprintf(text, size, "at 0x%" PRIx64, step_iova(world, step));
}

static void print_iommufd(void *state, const struct step *step, char *text, size_t size)
{
	const struct world *world = state;
	uint64_t iova = step_iova(world, step), length = step_length(step);
	uint32_t pasid = world->pasid[step->page % PASIDS];
	int sender = step->other % (world->pasids ? PASIDS + 1 : 1) - 1;
	char place[64], who[32] = "";

	print_place(world, step, place, sizeof(place));
	if (sender >= 0)
		snprintf(who, sizeof(who), " with PASID %u", world->pasid[sender]);
	switch ((enum call)step->call) {
	case CALL_IOAS_ALLOC:
		snprintf(text, size, "%s = IOMMU_IOAS_ALLOC()", ioas_name(step->object));
		break;
	case CALL_DESTROY:
		snprintf(text, size, "IOMMU_DESTROY(%s)", object_name(step->other));
		break;
	case CALL_MAP:
		snprintf(text, size,
			 "IOMMU_IOAS_MAP(%s, memory 0x%" PRIx64 ", 0x%" PRIx64 " bytes, %s, %s)",
			 ioas_name(step->object), step_memory(step), length, place,
			 access_name(step));
		break;
	case CALL_MAP_FILE:
		snprintf(text, size,
			 "IOMMU_IOAS_MAP_FILE(%s, byte 0x%" PRIx64 " of the memfd, 0x%" PRIx64
			 " bytes, %s, %s)",
			 ioas_name(step->object), step_memory(step) - ANONYMOUS_PAGES * PAGE,
			 length, place, access_name(step));
		break;
	case CALL_UNMAP:
		snprintf(text, size, "IOMMU_IOAS_UNMAP(%s, 0x%" PRIx64 ", 0x%" PRIx64 " bytes)",
			 ioas_name(step->object), iova, length);
		break;
	case CALL_UNMAP_ALL:
		snprintf(text, size, "IOMMU_IOAS_UNMAP(%s, all)", ioas_name(step->object));
		break;
	case CALL_COPY:
		snprintf(text, size,
			 "IOMMU_IOAS_COPY(to %s %s, from %s at 0x%" PRIx64 ", 0x%" PRIx64
			 " bytes, %s)",
			 ioas_name(step->object), place, ioas_name(step->other),
			 world->window[step->window2] + step->page2 * PAGE, length,
			 access_name(step));
		break;
	case CALL_RANGES:
		snprintf(text, size, "IOMMU_IOAS_IOVA_RANGES(%s)", ioas_name(step->object));
		break;
	case CALL_ALLOW:
		if (step->flags & FLAG_AUTO)
			snprintf(text, size, "IOMMU_IOAS_ALLOW_IOVAS(%s, everything)",
				 ioas_name(step->object));
		else
			snprintf(text, size,
				 "IOMMU_IOAS_ALLOW_IOVAS(%s, 0x%" PRIx64 "-0x%" PRIx64 ")",
				 ioas_name(step->object), iova,
				 step->odd == NO_LENGTH ? iova : iova + step->pages * PAGE - 1);
		break;
	case CALL_LARGE_PAGES:
		snprintf(text, size, "IOMMU_OPTION(huge pages, %s, %d)", ioas_name(step->object),
			 step->odd == UNKNOWN_FLAG ? 2 : step->flags & 1);
		break;
	case CALL_CHANGE_PROCESS:
		snprintf(text, size, "IOMMU_IOAS_CHANGE_PROCESS()");
		break;
	case CALL_HWPT_ALLOC:
		snprintf(text, size, "%s = IOMMU_HWPT_ALLOC(%s, %s)",
			 object_name(FIRST_HWPT + step->other), ioas_name(step->object),
			 step->odd == UNKNOWN_FLAG                     ? "an unknown flag"
			 : world->pasids && (step->flags & FLAG_PASID) ? "for PASIDs"
								       : "no flags");
		break;
	case CALL_ATTACH:
		snprintf(text, size, "VFIO_DEVICE_ATTACH_IOMMUFD_PT(%s)", object_name(step->other));
		break;
	case CALL_ATTACH_PASID:
		snprintf(text, size, "VFIO_DEVICE_ATTACH_IOMMUFD_PT(%s, PASID %u)",
			 object_name(step->other), pasid);
		break;
	case CALL_DETACH:
		snprintf(text, size, "VFIO_DEVICE_DETACH_IOMMUFD_PT()");
		break;
	case CALL_DETACH_PASID:
		snprintf(text, size, "VFIO_DEVICE_DETACH_IOMMUFD_PT(PASID %u)", pasid);
		break;
	case CALL_DMA_WRITE:
	case CALL_DMA_READ:
		snprintf(text, size, "the device %s 8 bytes at 0x%" PRIx64 "%s",
			 step->call == CALL_DMA_WRITE ? "writes" : "reads",
			 world->window[step->window] + step->page * PAGE + step->memory * 8, who);
		break;
	case CALL_CALLS:
		break;
	}
}

const struct player iommufd_player = {
	.open = open_iommufd,
	.close = close_world,
	.generate = generate_iommufd,
	.play = play_iommufd,
	.finish = finish_iommufd,
	.print = print_iommufd,
};

const struct player pasid_player = {
	.open = open_pasids,
	.close = close_world,
	.generate = generate_pasids,
	.play = play_iommufd,
	.finish = finish_iommufd,
	.print = print_iommufd,
};
