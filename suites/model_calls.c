// SPDX-License-Identifier: GPL-2.0-or-later
/* The calls of /dev/iommu, each beside what the model says to it. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "suites/model_iommufd.h"

uint64_t step_iova(const struct world *world, const struct step *step)
{
	return world->window[step->window] + step->page * PAGE + (step->odd == ODD_IOVA ? 16 : 0);
}

uint64_t step_length(const struct step *step)
{
	switch (step->odd) {
	case NO_LENGTH:
		return 0;
	case ODD_LENGTH:
		return 100;
	case TOO_LONG:
		return UINT64_MAX - PAGE + 1;
	default:
		return step->pages * PAGE;
	}
}

uint64_t step_memory(const struct step *step)
{
	return step->memory * PAGE + (step->odd == ODD_MEMORY ? 16 : 0);
}

static uint32_t map_flags(const struct step *step)
{
	uint32_t flags = step->flags & FLAG_AUTO ? 0 : IOMMU_IOAS_MAP_FIXED_IOVA;

	if (step->odd == UNKNOWN_FLAG)
		flags |= 1u << 20;
	if (step->odd == NO_ACCESS)
		return flags;
	if (step->flags & FLAG_READ)
		flags |= IOMMU_IOAS_MAP_READABLE;
	if (step->flags & FLAG_WRITE)
		flags |= IOMMU_IOAS_MAP_WRITEABLE;
	return flags;
}

/* Compares an answer. Return: whether the call succeeded, as it had to. */
bool judge(int result, const struct errnos *errnos, struct tally *tally, struct finding *finding)
{
	char seen[64], expected[256];

	if (!answers(errnos, result)) {
		describe_answer(result, seen, sizeof(seen));
		describe_errnos(errnos, expected, sizeof(expected));
		found(finding, "the call answered %s instead of %s", seen, expected);
		return false;
	}
	if (result < 0)
		tally->refused++;
	else
		tally->done++;
	return result >= 0;
}

uint32_t ioas_id(const struct world *world, int object)
{
	if (object == WRONG_TYPE)
		return world->device_id;
	if (object == UNUSED || !world->ioas[object].live)
		return UNUSED_ID;
	return world->ioas[object].id;
}

/* The IOAS of a step; NULL if its ID is none. */
static struct ioas_model *ioas_of(struct world *world, int object, struct errnos *errnos)
{
	if (object >= IOAS_SLOTS || !world->ioas[object].live) {
		blame(errnos, ENOENT);
		return NULL;
	}
	return &world->ioas[object];
}

uint32_t object_id(const struct world *world, int object)
{
	if (object == THE_DEVICE)
		return world->device_id;
	if (object == NO_OBJECT)
		return UNUSED_ID;
	if (object < FIRST_HWPT)
		return ioas_id(world, object);
	return world->hwpt[object - FIRST_HWPT].live ? world->hwpt[object - FIRST_HWPT].id
						     : UNUSED_ID;
}

static void call_ioas_alloc(struct world *world, const struct step *step, struct tally *tally,
			    struct finding *finding)
{
	struct ioas_model *ioas = step->object < IOAS_SLOTS ? &world->ioas[step->object] : NULL;
	struct errnos errnos = { .count = 0 };
	uint32_t id = 0;

	/* No room in the model. */
	if (!ioas || ioas->live)
		return;
	if (!judge(iommut_ioas_alloc(world->iommufd, &id), &errnos, tally, finding))
		return;
	memset(ioas, 0, sizeof(*ioas));
	ioas->live = true;
	ioas->id = id;
}

static void call_destroy(struct world *world, const struct step *step, struct tally *tally,
			 struct finding *finding)
{
	struct errnos errnos = { .count = 0 };

	blame_destroy(world, step->other, &errnos);
	if (!judge(iommut_destroy(world->iommufd, object_id(world, step->other)), &errnos, tally,
		   finding))
		return;
	if (step->other < FIRST_HWPT)
		world->ioas[step->other].live = false;
	else
		world->hwpt[step->other - FIRST_HWPT].live = false;
}

/* What the kernel chose by itself must be usable. */
static void check_chosen(struct world *world, int object, uint64_t iova, uint64_t length,
			 struct finding *finding)
{
	const struct ioas_model *ioas = &world->ioas[object];
	struct ranges reserved = reserved_in(world, object);
	uint64_t last = iova + (length - 1);

	if (ranges_meet(&reserved, iova, last))
		found(finding, "the kernel chose IOVA 0x%" PRIx64 ", which is reserved", iova);
	if (space_meets(&ioas->space, iova, last))
		found(finding, "the kernel chose IOVA 0x%" PRIx64 ", which is mapped", iova);
	if (ioas->allowed.count) {
		struct ranges forbidden = ranges_complement(&ioas->allowed);

		if (ranges_meet(&forbidden, iova, last))
			found(finding, "the kernel chose IOVA 0x%" PRIx64 ", which is not allowed",
			      iova);
	}
}

static void call_map(struct world *world, const struct step *step, struct tally *tally,
		     struct finding *finding)
{
	struct errnos errnos = { .count = 0 };
	struct ioas_model *ioas = ioas_of(world, step->object, &errnos);
	uint64_t iova = step->flags & FLAG_AUTO ? 0 : step_iova(world, step);
	uint64_t length = step_length(step), memory = step_memory(step);
	struct mapping mapping = { .memory = memory,
				   .read = step->flags & FLAG_READ,
				   .write = step->flags & FLAG_WRITE,
				   .writable = step->flags & FLAG_WRITE,
				   .file = step->call == CALL_MAP_FILE };
	uint32_t flags = map_flags(step);
	int result;

	if (!(step->flags & FLAG_AUTO) && spoiled_end(world, iova, length))
		return;
	if (step->odd == UNKNOWN_FLAG)
		blame(&errnos, EOPNOTSUPP);
	if (!(flags & (IOMMU_IOAS_MAP_READABLE | IOMMU_IOAS_MAP_WRITEABLE)))
		blame(&errnos, EINVAL);
	if (ioas)
		blame_mapping(world, step->object, step, length, memory, &errnos);
	if (ioas && length && length <= MEMORY_PAGES * PAGE) {
		mapping.last = length - 1;
		blame_memory(world, step->object, &mapping, &errnos);
	}
	if (step->call == CALL_MAP)
		result = iommut_ioas_map(world->iommufd, ioas_id(world, step->object),
					 world->memory + memory, length, &iova, flags);
	else
		result = iommut_ioas_map_file(world->iommufd, ioas_id(world, step->object),
					      world->memfd, memory - ANONYMOUS_PAGES * PAGE, length,
					      &iova, flags);
	if (!judge(result, &errnos, tally, finding))
		return;
	if (step->flags & FLAG_AUTO)
		check_chosen(world, step->object, iova, length, finding);
	mapping.start = iova;
	mapping.last = iova + (length - 1);
	space_add(&ioas->space, &mapping);
}

static void call_copy(struct world *world, const struct step *step, struct tally *tally,
		      struct finding *finding)
{
	struct errnos errnos = { .count = 0 };
	struct ioas_model *target = ioas_of(world, step->object, &errnos);
	struct ioas_model *source = ioas_of(world, step->other, &errnos);
	uint64_t from = world->window[step->window2] + step->page2 * PAGE;
	uint64_t iova = step->flags & FLAG_AUTO ? 0 : step_iova(world, step);
	uint64_t length = step_length(step), at;
	struct mapping pieces[MAX_MAPPINGS];
	uint32_t flags = map_flags(step);
	int count = 0;

	if (!(step->flags & FLAG_AUTO) && spoiled_end(world, iova, length))
		return;
	if (step->odd == UNKNOWN_FLAG)
		blame(&errnos, EOPNOTSUPP);
	if (!(flags & (IOMMU_IOAS_MAP_READABLE | IOMMU_IOAS_MAP_WRITEABLE)))
		blame(&errnos, EINVAL);
	if (source && length && from + (length - 1) >= from)
		count = space_pieces(&source->space, from, from + (length - 1), pieces);
	if (source && length && !count)
		blame(&errnos, from + (length - 1) < from ? EOVERFLOW : ENOENT);
	if (!length)
		blame(&errnos, EINVAL);
	if (target && count)
		blame_mapping(world, step->object, step, length, pieces[0].memory, &errnos);
	for (int i = 0; i < count; i++) {
		if (target)
			blame_memory(world, step->object, &pieces[i], &errnos);
		if ((step->flags & FLAG_WRITE) && !pieces[i].writable)
			blame(&errnos, EPERM);
	}
	if (!judge(iommut_ioas_copy(world->iommufd, ioas_id(world, step->object), &iova,
				    ioas_id(world, step->other), from, length, flags),
		   &errnos, tally, finding))
		return;
	if (step->flags & FLAG_AUTO)
		check_chosen(world, step->object, iova, length, finding);
	at = iova;
	for (int i = 0; i < count; i++) {
		uint64_t size = pieces[i].last - pieces[i].start + 1;

		pieces[i].start = at;
		pieces[i].last = at + (size - 1);
		pieces[i].read = step->flags & FLAG_READ;
		pieces[i].write = step->flags & FLAG_WRITE;
		space_add(&target->space, &pieces[i]);
		at += size;
	}
}

/* Whether the kernel still has a mapping, by a copy of it into an address space without a page table. */
static bool still_there(struct world *world, const struct ioas_model *ioas,
			const struct mapping *mapping)
{
	uint64_t length = mapping->last - mapping->start + 1, iova = mapping->start;
	uint32_t scratch;
	int result;

	if (iommut_ioas_alloc(world->iommufd, &scratch) != 0)
		return false;
	result = iommut_ioas_copy(world->iommufd, scratch, &iova, ioas->id, mapping->start, length,
				  IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE);
	iommut_destroy(world->iommufd, scratch);
	return result == 0;
}

/* An unmap that would cut a mapping is refused, but nothing says that whole mappings in its range stay: the kernel is asked. */
static void ask_what_is_left(struct world *world, struct ioas_model *ioas, uint64_t start,
			     uint64_t last)
{
	for (int i = 0; i < ioas->space.count;) {
		struct mapping *mapping = &ioas->space.mapping[i];

		if (mapping->start < start || mapping->last > last ||
		    still_there(world, ioas, mapping))
			i++;
		else
			*mapping = ioas->space.mapping[--ioas->space.count];
	}
}

static void call_unmap(struct world *world, const struct step *step, struct tally *tally,
		       struct finding *finding)
{
	struct errnos errnos = { .count = 0 };
	struct ioas_model *ioas = ioas_of(world, step->object, &errnos);
	bool all = step->call == CALL_UNMAP_ALL, cut = false;
	uint64_t iova = all ? 0 : step_iova(world, step);
	uint64_t length = all ? UINT64_MAX : step_length(step);
	uint64_t last = all ? UINT64_MAX : iova + (length - 1), unmapped = 0, expected = 0;

	if (ioas && !all) {
		if (!length)
			blame(&errnos, EINVAL);
		else if (last < iova)
			blame(&errnos, EOVERFLOW);
		else if (space_would_cut(&ioas->space, iova, last))
			cut = true;
		else if (!space_meets(&ioas->space, iova, last))
			blame(&errnos, ENOENT);
	}
	if (cut)
		blame(&errnos, ENOENT);
	if (!judge(iommut_ioas_unmap(world->iommufd, ioas_id(world, step->object), iova, length,
				     &unmapped),
		   &errnos, tally, finding)) {
		if (cut)
			ask_what_is_left(world, ioas, iova, last);
		return;
	}
	expected = space_remove(&ioas->space, iova, last);
	if (unmapped != expected)
		found(finding, "0x%" PRIx64 " bytes were unmapped instead of 0x%" PRIx64, unmapped,
		      expected);
}

static void call_ranges(struct world *world, const struct step *step, struct tally *tally,
			struct finding *finding)
{
	struct errnos errnos = { .count = 0 };
	struct ranges seen = { .count = 0 }, reserved, expected;
	struct iommut_iova_range *ranges = NULL;
	uint64_t alignment = 0;
	size_t count = 0;

	ioas_of(world, step->object, &errnos);
	if (!judge(iommut_ioas_iova_ranges(world->iommufd, ioas_id(world, step->object), &ranges,
					   &count, &alignment),
		   &errnos, tally, finding))
		return;
	for (size_t i = 0; i < count && i < MAX_RANGES; i++)
		ranges_add(&seen, ranges[i].start, ranges[i].last);
	free(ranges);
	reserved = reserved_in(world, step->object);
	expected = ranges_complement(&reserved);
	for (int i = 0; i < seen.count || i < expected.count; i++)
		if (!ranges_same(&seen, &expected) &&
		    (i >= seen.count || i >= expected.count ||
		     seen.range[i].start != expected.range[i].start ||
		     seen.range[i].last != expected.range[i].last))
			found(finding,
			      "range %d that can be mapped is 0x%" PRIx64 "-0x%" PRIx64
			      " instead of 0x%" PRIx64 "-0x%" PRIx64,
			      i + 1, i < seen.count ? seen.range[i].start : 0,
			      i < seen.count ? seen.range[i].last : 0,
			      i < expected.count ? expected.range[i].start : 0,
			      i < expected.count ? expected.range[i].last : 0);
}

static void call_allow(struct world *world, const struct step *step, struct tally *tally,
		       struct finding *finding)
{
	struct errnos errnos = { .count = 0 };
	struct ioas_model *ioas = ioas_of(world, step->object, &errnos);
	struct iommut_iova_range range = { step_iova(world, step),
					   step_iova(world, step) + step->pages * PAGE - 1 };
	uint32_t count = step->flags & FLAG_AUTO ? 0 : 1;
	struct ranges reserved;

	if (step->odd == NO_LENGTH)
		range.last = range.start;
	if (ioas && count) {
		reserved = reserved_in(world, step->object);
		if (range.start >= range.last)
			blame(&errnos, EINVAL);
		else if (ranges_meet(&reserved, range.start, range.last))
			blame(&errnos, EADDRINUSE);
	}
	if (!judge(iommut_ioas_allow_iovas(world->iommufd, ioas_id(world, step->object), &range,
					   count),
		   &errnos, tally, finding))
		return;
	ioas->allowed.count = 0;
	if (count)
		ranges_add(&ioas->allowed, range.start, range.last);
}

static void call_large_pages(struct world *world, const struct step *step, struct tally *tally,
			     struct finding *finding)
{
	struct errnos errnos = { .count = 0 };
	struct ioas_model *ioas = ioas_of(world, step->object, &errnos);
	uint64_t on = step->odd == UNKNOWN_FLAG ? 2 : step->flags & 1;

	if (on == 2)
		blame(&errnos, EINVAL);
	else if (ioas && !on)
		blame_small_pages(world, step->object, &errnos);
	if (judge(iommut_option_set(world->iommufd, IOMMU_OPTION_HUGE_PAGES,
				    ioas_id(world, step->object), on),
		  &errnos, tally, finding))
		ioas->small_pages = !on;
}

static void call_change_process(struct world *world, struct tally *tally, struct finding *finding)
{
	struct errnos errnos = { .count = 0 };

	for (int i = 0; i < IOAS_SLOTS; i++)
		for (int j = 0; world->ioas[i].live && j < world->ioas[i].space.count; j++)
			if (!world->ioas[i].space.mapping[j].file)
				blame(&errnos, EINVAL);
	judge(iommut_ioas_change_process(world->iommufd), &errnos, tally, finding);
}

void play_iommufd(void *state, const struct step *step, struct tally *tally,
		  struct finding *finding)
{
	struct world *world = state;

	switch ((enum call)step->call) {
	case CALL_IOAS_ALLOC:
		call_ioas_alloc(world, step, tally, finding);
		break;
	case CALL_DESTROY:
		call_destroy(world, step, tally, finding);
		break;
	case CALL_MAP:
	case CALL_MAP_FILE:
		call_map(world, step, tally, finding);
		break;
	case CALL_UNMAP:
	case CALL_UNMAP_ALL:
		call_unmap(world, step, tally, finding);
		break;
	case CALL_COPY:
		call_copy(world, step, tally, finding);
		break;
	case CALL_RANGES:
		call_ranges(world, step, tally, finding);
		break;
	case CALL_ALLOW:
		call_allow(world, step, tally, finding);
		break;
	case CALL_LARGE_PAGES:
		call_large_pages(world, step, tally, finding);
		break;
	case CALL_CHANGE_PROCESS:
		call_change_process(world, tally, finding);
		break;
	case CALL_HWPT_ALLOC:
		call_hwpt_alloc(world, step, tally, finding);
		break;
	case CALL_ATTACH:
		call_attach(world, step, tally, finding);
		break;
	case CALL_ATTACH_PASID:
		call_attach_pasid(world, step, tally, finding);
		break;
	case CALL_DETACH:
	case CALL_DETACH_PASID:
		call_detach(world, step, tally, finding);
		break;
	case CALL_DMA_WRITE:
	case CALL_DMA_READ:
		call_dma(world, step, tally, finding);
		break;
	case CALL_CALLS:
		break;
	}
}
