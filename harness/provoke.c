// SPDX-License-Identifier: GPL-2.0-or-later
/* What a case says of the faults that it provokes. The runner reads it: docs/architecture.md, "The suite's command line". */
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <iommut/capability.h>
#include <iommut/pci.h>

#include "harness/case.h"
#include "harness/dma.h"

static bool is_of_memory(const struct provocation *faults)
{
	return faults->access & (PROVOKED_READ | PROVOKED_WRITE);
}

/* Whether whoever was told of @said knows of @faults, too. */
static bool includes(const struct provocation *said, const struct provocation *faults)
{
	return strcmp(said->device, faults->device) == 0 &&
	       (said->access & faults->access) == faults->access && said->first <= faults->first &&
	       said->last >= faults->last &&
	       (said->pasid == ANY_PASID || said->pasid == faults->pasid);
}

/* Returns whether that is news. */
static bool remember(struct test *t, const struct provocation *faults)
{
	struct provoked *provoked = &t->provoked;

	for (size_t i = 0; i < provoked->count; i++)
		if (includes(&provoked->list[i], faults))
			return false;
	if (provoked->count == provoked->space) {
		size_t space = provoked->space ? 2 * provoked->space : 8;
		struct provocation *list = realloc(provoked->list, space * sizeof(*list));

		if (!list)
			fail(t, "out of memory");
		provoked->list = list;
		provoked->space = space;
	}
	provoked->list[provoked->count] = *faults;
	provoked->list[provoked->count].device = strdup(faults->device);
	if (!provoked->list[provoked->count].device)
		fail(t, "out of memory");
	provoked->count++;
	return true;
}

static const char *access_name(enum provoked_access access)
{
	switch (access) {
	case PROVOKED_READ:
		return "read";
	case PROVOKED_WRITE:
		return "write";
	case PROVOKED_INTERRUPT:
		return "interrupt";
	case PROVOKED_PAGE_REQUEST:
		return "page-request";
	default:
		return "read+write";
	}
}

void watch_log(struct test *t)
{
	/* What needs no device provokes nothing; and what may not read the log cannot say how far it was. */
	if (!t->device_count || iommut_kmsg_open(&t->provoked.log, false) != 0)
		t->provoked.log = NULL;
}

/* Where the kernel's log is, if anything has been written since the case began: what was reported by then was not announced. */
static const char *log_position(struct test *t, char *text, size_t size)
{
	struct provoked *provoked = &t->provoked;
	struct iommut_kmsg_record record;

	*text = '\0';
	while (provoked->log && iommut_kmsg_read(provoked->log, &record, 0) == 0) {
		provoked->logged = record.sequence;
		provoked->has_logged = true;
	}
	if (provoked->has_logged)
		snprintf(text, size, " after=%" PRIu64, provoked->logged);
	return text;
}

static void announce(struct test *t, const struct provocation *faults)
{
	char pasid[16], position[32];

	log_position(t, position, sizeof(position));
	if (!is_of_memory(faults)) {
		note(t, "this case provokes faults: %s %s%s", faults->device,
		     access_name(faults->access), position);
		return;
	}
	if (faults->pasid == IOMMUT_NO_PASID)
		snprintf(pasid, sizeof(pasid), "none");
	else if (faults->pasid == ANY_PASID)
		snprintf(pasid, sizeof(pasid), "any");
	else
		snprintf(pasid, sizeof(pasid), "%" PRIu32, faults->pasid);
	note(t, "this case provokes faults: %s %s 0x%" PRIx64 "-0x%" PRIx64 " pasid=%s%s",
	     faults->device, access_name(faults->access), faults->first, faults->last, pasid,
	     position);
}

/*
 * A bridge to conventional PCI sends what the devices behind it do as function 0 of their bus (PCI Express to PCI/PCI-X Bridge 1.0,
 * 2.3). A conventional device beside the root ports has an ID of its own.
 */
bool shared_requester(const char *device, char alias[BDF_SPACE])
{
	char path[64], target[PATH_MAX], *slash;
	struct iommut_pci_features features;
	struct iommut_bdf bdf;

	if (iommut_pci_features_get(device, &features) != 0 || features.express ||
	    iommut_bdf_parse(device, &bdf) != 0)
		return false;
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s", device);
	if (!realpath(path, target))
		return false;
	/* Its parent is the bridge, or the root that is called "pci0000:00". */
	slash = strrchr(target, '/');
	*slash = '\0';
	slash = strrchr(target, '/');
	if (!slash || iommut_bdf_parse(slash + 1, &(struct iommut_bdf){ 0 }) != 0)
		return false;
	bdf.device = 0;
	bdf.function = 0;
	iommut_bdf_format(&bdf, alias, BDF_SPACE);
	return true;
}

void provokes_faults(struct test *t, const struct provocation *faults)
{
	char alias[BDF_SPACE];
	struct provocation also = *faults;

	if (!remember(t, faults))
		return;
	announce(t, faults);
	also.device = alias;
	if (shared_requester(faults->device, alias) && remember(t, &also))
		announce(t, &also);
}

void provokes_dma(struct rig *rig, enum provoked_access access, uint64_t iova, uint64_t length,
		  uint32_t pasid)
{
	const struct engine_staging *staging = &rig->engine.staging;

	/* Such an engine's device first fetches from there what it is to do. Where a case takes all mappings away, that is refused. */
	if (rig->staging)
		provokes_faults(rig->t,
				&(struct provocation){ .device = iommut_device_bdf(rig->device),
						       .access = PROVOKED_READ | PROVOKED_WRITE,
						       .first = staging->iova,
						       .last = staging->iova + staging->length - 1,
						       .pasid = IOMMUT_NO_PASID });
	provokes_faults(rig->t, &(struct provocation){ .device = iommut_device_bdf(rig->device),
						       .access = access,
						       .first = iova,
						       .last = iova + length - 1,
						       .pasid = pasid });
}

void provokes_dma_anywhere(struct rig *rig, uint32_t pasid)
{
	provokes_faults(rig->t, &(struct provocation){ .device = iommut_device_bdf(rig->device),
						       .access = PROVOKED_READ | PROVOKED_WRITE,
						       .last = UINT64_MAX,
						       .pasid = pasid });
}

void provokes_interrupts(struct rig *rig)
{
	provokes_faults(rig->t, &(struct provocation){ .device = iommut_device_bdf(rig->device),
						       .access = PROVOKED_INTERRUPT,
						       .pasid = IOMMUT_NO_PASID });
}

void provokes_page_requests(struct rig *rig)
{
	provokes_faults(rig->t, &(struct provocation){ .device = iommut_device_bdf(rig->device),
						       .access = PROVOKED_PAGE_REQUEST,
						       .pasid = IOMMUT_NO_PASID });
}

static enum provoked_access access_of(const struct engine_transfer *transfer)
{
	/* What a device asks the IOMMU for before it has a translation is its own business. */
	if (transfer->flags & ENGINE_TRANSLATED)
		return PROVOKED_READ | PROVOKED_WRITE;
	switch (transfer->operation) {
	case ENGINE_OP_READ:
	case ENGINE_OP_COPY:
	case ENGINE_OP_COMPARE:
		return PROVOKED_READ;
	case ENGINE_OP_WRITE:
	case ENGINE_OP_FILL:
		return PROVOKED_WRITE;
	case ENGINE_OP_FETCH_ADD:
	case ENGINE_OP_COMPARE_SWAP:
	case ENGINE_OP_TRANSLATE:
		break;
	}
	return PROVOKED_READ | PROVOKED_WRITE;
}

void provokes_transfer(struct rig *rig, const struct engine_transfer *transfer)
{
	uint64_t length = transfer->length;

	if (transfer->repeat)
		length += (uint64_t)transfer->stride * (transfer->repeat - 1);
	provokes_dma(rig, access_of(transfer), transfer->iova, length, transfer->pasid);
	if (transfer->operation == ENGINE_OP_COPY)
		provokes_dma(rig, PROVOKED_WRITE, transfer->target, length, transfer->pasid);
	else if (transfer->flags & ENGINE_FORGED)
		provokes_dma(rig, access_of(transfer), transfer->target, length, transfer->pasid);
}
