// SPDX-License-Identifier: GPL-2.0-or-later
/* What calls of /dev/iommu must answer: iommufd.h in sentences. */
#include <errno.h>

#include "suites/model_iommufd.h"

bool has_table(const struct world *world, int ioas)
{
	for (int i = 0; i <= AUTOMATIC; i++)
		if (world->hwpt[i].live && world->hwpt[i].ioas == ioas)
			return true;
	return false;
}

struct ranges reserved_in(const struct world *world, int ioas)
{
	struct ranges reserved = { .count = 0 };

	for (int i = 0; i <= AUTOMATIC; i++)
		if (world->hwpt[i].live && world->hwpt[i].ioas == ioas)
			ranges_add_all(&reserved, &world->table[world->hwpt[i].pasid]);
	if (world->own != NOTHING && world->hwpt[world->own].ioas == ioas)
		ranges_add_all(&reserved, &world->device);
	return reserved;
}

/* Page tables work in their own granule; without one, and with huge pages allowed, every byte will do. */
static uint64_t alignment_in(const struct world *world, int ioas)
{
	uint64_t alignment = has_table(world, ioas) ? world->alignment : 1;

	return world->ioas[ioas].small_pages && alignment < PAGE ? PAGE : alignment;
}

bool spoiled_end(const struct world *world, uint64_t iova, uint64_t length)
{
	return !world->meet_defects && length > PAGE && iova + (length - 1) == UINT64_MAX;
}

static bool touches_forbidden(uint64_t memory, uint64_t length)
{
	return memory < (FORBIDDEN_PAGE + 1) * PAGE && memory + length > FORBIDDEN_PAGE * PAGE;
}

static uint64_t power_of_two(uint64_t length)
{
	uint64_t power = PAGE;

	while (power < length)
		power *= 2;
	return power;
}

/*
 * A mapping that the kernel places must find room if there is some at any alignment it can wish for: that of the memory, offset in the page
 * included. It does not have to take the ends of the space.
 */
static void blame_room(const struct world *world, int ioas, uint64_t length, uint64_t memory,
		       struct errnos *errnos)
{
	uint64_t most = length + (memory % PAGE ? PAGE : 0);
	const struct ioas_model *model = &world->ioas[ioas];
	struct ranges reserved = reserved_in(world, ioas);
	bool may;

	if (length > UINT64_MAX / 2) {
		blame(errnos, EOVERFLOW);
		return;
	}
	if (model->allowed.count) {
		struct ranges forbidden = ranges_complement(&model->allowed);

		ranges_add_all(&reserved, &forbidden);
	}
	if (space_has_room(&model->space, &reserved, most, power_of_two(most), false))
		return;
	may = !errnos->count &&
	      space_has_room(&model->space, &reserved, length, alignment_in(world, ioas), true);
	blame(errnos, ENOSPC);
	errnos->or_success = may;
}

void blame_mapping(const struct world *world, int ioas, const struct step *step, uint64_t length,
		   uint64_t memory, struct errnos *errnos)
{
	uint64_t iova = step_iova(world, step), alignment = alignment_in(world, ioas);
	struct ranges reserved = reserved_in(world, ioas);

	if (!length || length % alignment || memory % alignment)
		blame(errnos, EINVAL);
	/* More than the memory there is. */
	if (length > MEMORY_PAGES * PAGE) {
		blame(errnos, EOVERFLOW);
		blame(errnos, EINVAL);
		return;
	}
	if (!length)
		return;
	if (step->flags & FLAG_AUTO) {
		blame_room(world, ioas, length, memory, errnos);
	} else if (iova + (length - 1) < iova) {
		blame(errnos, EOVERFLOW);
		blame(errnos, EINVAL);
	} else {
		if (iova % alignment || ranges_meet(&reserved, iova, iova + (length - 1)))
			blame(errnos, EINVAL);
		if (space_meets(&world->ioas[ioas].space, iova, iova + (length - 1)))
			blame(errnos, EEXIST);
	}
}

/* Memory is only pinned where a page table needs it. */
void blame_memory(const struct world *world, int ioas, const struct mapping *piece,
		  struct errnos *errnos)
{
	uint64_t length = piece->last - piece->start + 1;

	if ((piece->memory | length) % alignment_in(world, ioas))
		blame(errnos, EINVAL);
	if (has_table(world, ioas) && touches_forbidden(piece->memory, length))
		blame(errnos, EFAULT);
}

static void blame_reserved(const struct ioas_model *model, const struct ranges *reserved,
			   struct errnos *errnos)
{
	for (int i = 0; i < model->space.count; i++)
		if (ranges_meet(reserved, model->space.mapping[i].start,
				model->space.mapping[i].last))
			blame(errnos, EADDRINUSE);
	for (int i = 0; i < model->allowed.count; i++)
		if (ranges_meet(reserved, model->allowed.range[i].start,
				model->allowed.range[i].last))
			blame(errnos, EADDRINUSE);
}

/* A new page table must be able to take everything that is mapped. */
void blame_table(const struct world *world, int ioas, bool pasid, struct errnos *errnos)
{
	const struct ioas_model *model = &world->ioas[ioas];

	blame_reserved(model, &world->table[pasid], errnos);
	for (int i = 0; i < model->space.count; i++) {
		const struct mapping *mapping = &model->space.mapping[i];
		uint64_t length = mapping->last - mapping->start + 1;

		if ((mapping->start | length | mapping->memory) % world->alignment)
			blame(errnos, EADDRINUSE);
		if (touches_forbidden(mapping->memory, length))
			blame(errnos, EFAULT);
	}
}

void blame_device(const struct world *world, int ioas, struct errnos *errnos)
{
	blame_reserved(&world->ioas[ioas], &world->device, errnos);
}

void blame_destroy(const struct world *world, int object, struct errnos *errnos)
{
	int hwpt = object - FIRST_HWPT;

	if (object == THE_DEVICE) {
		blame(errnos, EBUSY);
	} else if (object == NO_OBJECT) {
		blame(errnos, ENOENT);
	} else if (object < FIRST_HWPT) {
		if (!world->ioas[object].live)
			blame(errnos, ENOENT);
		else if (has_table(world, object))
			blame(errnos, EBUSY);
	} else if (!world->hwpt[hwpt].live) {
		blame(errnos, ENOENT);
	} else {
		if (world->own == hwpt)
			blame(errnos, EBUSY);
		for (int i = 0; i < PASIDS; i++)
			if (world->by_pasid[i] == hwpt)
				blame(errnos, EBUSY);
	}
}

static bool any_pasid(const struct world *world)
{
	for (int i = 0; i < PASIDS; i++)
		if (world->by_pasid[i] != NOTHING)
			return true;
	return false;
}

/* Whether an ID of the step's object was ever given out for something a device can be attached to. */
static bool blame_target(const struct world *world, int object, struct errnos *errnos)
{
	if (object == THE_DEVICE)
		blame(errnos, EINVAL);
	else if (object == NO_OBJECT)
		blame(errnos, ENOENT);
	else if (object < FIRST_HWPT ? !world->ioas[object].live
				     : !world->hwpt[object - FIRST_HWPT].live)
		blame(errnos, ENOENT);
	return errnos->count > 0;
}

void blame_attach(const struct world *world, int object, struct errnos *errnos)
{
	bool automatic = object < FIRST_HWPT;
	int ioas;

	if (blame_target(world, object, errnos))
		return;
	ioas = automatic ? object : world->hwpt[object - FIRST_HWPT].ioas;
	/* Where it is already. */
	if (automatic ? world->own == AUTOMATIC && world->hwpt[AUTOMATIC].ioas == ioas
		      : world->own == object - FIRST_HWPT)
		return;
	if (automatic)
		blame_table(world, ioas, false, errnos);
	/* What a device does with PASIDs goes on: the page table must be made for that. */
	if (any_pasid(world) && (automatic || !world->hwpt[object - FIRST_HWPT].pasid))
		blame(errnos, EINVAL);
	blame_device(world, ioas, errnos);
}

void blame_attach_pasid(const struct world *world, int object, struct errnos *errnos)
{
	if (blame_target(world, object, errnos))
		return;
	if (object < FIRST_HWPT) {
		/* The kernel makes no page table for PASIDs by itself. */
		blame_table(world, object, false, errnos);
		blame(errnos, EINVAL);
		return;
	}
	if (!world->hwpt[object - FIRST_HWPT].pasid)
		blame(errnos, EINVAL);
	if (world->own != NOTHING && !world->hwpt[world->own].pasid)
		blame(errnos, EINVAL);
}

void blame_small_pages(const struct world *world, int ioas, struct errnos *errnos)
{
	const struct ioas_model *model = &world->ioas[ioas];

	if (model->small_pages)
		return;
	if (has_table(world, ioas) && model->space.count)
		blame(errnos, EINVAL);
	for (int i = 0; i < model->space.count; i++) {
		const struct mapping *mapping = &model->space.mapping[i];

		if ((mapping->start | (mapping->last + 1) | mapping->memory) % PAGE)
			blame(errnos, EADDRINUSE);
	}
}
