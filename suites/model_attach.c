// SPDX-License-Identifier: GPL-2.0-or-later
/* Page tables, what is attached to them, and what the device reaches through them. */
#include <inttypes.h>
#include <string.h>

#include <engines/testdev.h>
#include <iommut/pattern.h>

#include "suites/model_iommufd.h"

void call_hwpt_alloc(struct world *world, const struct step *step, struct tally *tally,
		     struct finding *finding)
{
	struct hwpt_model *hwpt = step->other < HWPT_SLOTS ? &world->hwpt[step->other] : NULL;
	bool pasid = world->pasids && (step->flags & FLAG_PASID);
	uint32_t flags = pasid ? IOMMU_HWPT_ALLOC_PASID : 0, id = 0;
	struct errnos errnos = { .count = 0 };

	if (!hwpt || hwpt->live)
		return;
	if (step->odd == UNKNOWN_FLAG) {
		flags |= 1u << 20;
		blame(&errnos, EOPNOTSUPP);
	}
	if (step->object < IOAS_SLOTS && world->ioas[step->object].live) {
		blame_table(world, step->object, pasid, &errnos);
	} else {
		/* Which of the two is not written anywhere. */
		blame(&errnos, EINVAL);
		blame(&errnos, ENOENT);
	}
	if (!judge(iommut_hwpt_alloc(world->iommufd, world->device_id, ioas_id(world, step->object),
				     flags, 0, &id),
		   &errnos, tally, finding))
		return;
	*hwpt = (struct hwpt_model){ true, id, step->object, pasid };
}

static void detached(struct world *world)
{
	if (world->own == AUTOMATIC)
		world->hwpt[AUTOMATIC].live = false;
	world->own = NOTHING;
}

static bool in_same_ioas(const struct world *world, int object)
{
	if (world->own == NOTHING || object >= THE_DEVICE)
		return false;
	return world->hwpt[world->own].ioas ==
	       (object < FIRST_HWPT ? object : world->hwpt[object - FIRST_HWPT].ioas);
}

void call_attach(struct world *world, const struct step *step, struct tally *tally,
		 struct finding *finding)
{
	struct errnos errnos = { .count = 0 };

	blame_attach(world, step->other, &errnos);
	/* Linux 7.3 forgets what the device reserves. */
	if (errnos.count && !world->meet_defects && in_same_ioas(world, step->other))
		return;
	if (!judge(iommut_device_attach(world->rig->device, object_id(world, step->other)), &errnos,
		   tally, finding))
		return;
	detached(world);
	if (step->other < FIRST_HWPT) {
		world->own = AUTOMATIC;
		world->hwpt[AUTOMATIC] = (struct hwpt_model){ true, 0, step->other, false };
	} else {
		world->own = step->other - FIRST_HWPT;
	}
}

void call_attach_pasid(struct world *world, const struct step *step, struct tally *tally,
		       struct finding *finding)
{
	struct errnos errnos = { .count = 0 };
	int which = step->page % PASIDS;

	blame_attach_pasid(world, step->other, &errnos);
	if (judge(iommut_device_attach_pasid(world->rig->device, world->pasid[which],
					     object_id(world, step->other)),
		  &errnos, tally, finding))
		world->by_pasid[which] = step->other - FIRST_HWPT;
}

void call_detach(struct world *world, const struct step *step, struct tally *tally,
		 struct finding *finding)
{
	struct errnos errnos = { .count = 0 };
	int which = step->page % PASIDS;

	/* What is not attached is detached without an error. */
	if (step->call == CALL_DETACH) {
		if (judge(iommut_device_detach(world->rig->device), &errnos, tally, finding))
			detached(world);
	} else if (judge(iommut_device_detach_pasid(world->rig->device, world->pasid[which]),
			 &errnos, tally, finding)) {
		world->by_pasid[which] = NOTHING;
	}
}

/* Whether the device can send such a request at all now: PASIDs go through ATS in some devices. */
static bool can_send(struct world *world, struct engine_transfer *transfer)
{
	struct engine *engine = &world->rig->engine;

	if (transfer->pasid == IOMMUT_NO_PASID ||
	    (testdev_get32(engine, TESTDEV_CAPABILITIES) & TESTDEV_CAP_PASID_PLAIN))
		return true;
	transfer->flags = ENGINE_TRANSLATED;
	return (testdev_get32(engine, TESTDEV_PRI_ENABLED) & 5) == 5;
}

void call_dma(struct world *world, const struct step *step, struct tally *tally,
	      struct finding *finding)
{
	struct engine *engine = &world->rig->engine;
	int pasid = step->other % (world->pasids ? PASIDS + 1 : 1) - 1;
	int hwpt = pasid < 0 ? world->own : world->by_pasid[pasid];
	bool write = step->call == CALL_DMA_WRITE, allowed;
	const struct mapping *mapping = NULL;
	struct engine_transfer transfer = {
		.operation = write ? ENGINE_OP_WRITE : ENGINE_OP_READ,
		.pasid = pasid < 0 ? IOMMUT_NO_PASID : world->pasid[pasid],
		.iova = world->window[step->window] + step->page * PAGE + step->memory * 8,
		.length = 8,
	};
	uint64_t data = random64(world->t), at = 0;
	struct iommut_mismatch mismatch;
	struct engine_result result;
	char text[512];
	int error;

	/* Writes to interrupt messages are another suite's. */
	if (ranges_meet(&world->device, transfer.iova, transfer.iova + 7) ||
	    transfer.iova > engine->dma_mask - 8 || !can_send(world, &transfer))
		return;
	/* QEMU 10.2 may refuse it. */
	if (pasid >= 0 && world->own == NOTHING && !world->meet_defects)
		return;
	if (hwpt != NOTHING)
		mapping = space_at(&world->ioas[world->hwpt[hwpt].ioas].space, transfer.iova);
	allowed = mapping && (write ? mapping->write : mapping->read);
	error = engine->driver->load(engine, 0, &data, sizeof(data));
	if (!error)
		error = engine_run(engine, &transfer, &result);
	if (error) {
		found(finding, "the transfer did not end: %s", strerror(-error));
		return;
	}
	if (mapping)
		at = mapping->memory + (transfer.iova - mapping->start);
	/* Some page tables cannot forbid reading: then it must still be the right memory. */
	if (mapping && !write && world->read_anyway)
		allowed = result.status == ENGINE_OK;
	if (allowed != (result.status == ENGINE_OK)) {
		found(finding, "the transfer ended %s, but %s", engine_status_name(result.status),
		      allowed   ? "the mapping allows it"
		      : mapping ? "the mapping does not allow it"
				: "nothing is mapped there");
		return;
	}
	if (allowed)
		tally->reached++;
	else
		tally->blocked++;
	if (allowed && write)
		memcpy(world->shadow + at, &data, sizeof(data));
	if (allowed && !write) {
		error = engine->driver->store(engine, 0, &data, sizeof(data));
		if (error || memcmp(&data, world->shadow + at, sizeof(data)) != 0)
			found(finding, "the device did not read byte 0x%" PRIx64 " of the memory",
			      at);
	}
	for (int page = 0; page < MEMORY_PAGES; page++) {
		if (page == FORBIDDEN_PAGE ||
		    iommut_compare(world->shadow + page * PAGE, world->memory + page * PAGE, PAGE,
				   &mismatch) == 0)
			continue;
		iommut_mismatch_format(&mismatch, text, sizeof(text));
		found(finding, "page %d of the memory is not as it must be\n%s", page, text);
	}
}
