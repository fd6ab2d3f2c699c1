// SPDX-License-Identifier: GPL-2.0-or-later
/* The kernel's own reports of faults, read from its log. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <iommut/kmsg.h>

#include "harness/case.h"
#include "harness/dma.h"
#include "harness/iommu_model.h"

/* How long a refused transaction is repeated, and how long a report of each is waited for. Linux' rate limits end after 5 s. */
#define PROVOKE_MS 6000
#define EACH_MS    250
/* So many reports of something else, each right after a refused transaction, are reports of it that are wrong. */
#define STRANGERS 8

#define PAGE_MASK_4K (~(uint64_t)0xfff)

struct fault_watch {
	struct test *t;
	struct iommut_kmsg *kmsg; /* NULL where the log cannot be read */
};

static void undo_watch(void *argument)
{
	struct fault_watch *watch = argument;

	iommut_kmsg_close(watch->kmsg);
	free(watch);
}

struct fault_watch *watch_faults(struct test *t)
{
	struct fault_watch *watch = calloc(1, sizeof(*watch));
	int error;

	if (!watch)
		fail(t, "out of memory");
	watch->t = t;
	undo_later(t, undo_watch, watch);
	error = iommut_kmsg_open(&watch->kmsg, false);
	if (error)
		note(t, "the kernel log cannot be read: %s", strerror(-error));
	return watch;
}

bool fault_is_of(const struct iommut_fault *fault, const char *name)
{
	struct iommut_bdf bdf;

	if (!(fault->fields & IOMMUT_FAULT_HAS_DEVICE) || iommut_bdf_parse(name, &bdf) != 0)
		return false;
	return bdf.bus == fault->bdf.bus && bdf.device == fault->bdf.device &&
	       bdf.function == fault->bdf.function &&
	       (!(fault->fields & IOMMUT_FAULT_HAS_DOMAIN) || bdf.domain == fault->bdf.domain);
}

/* Under its own ID, or that of the bridge that it is behind. */
static bool is_of_rig(const struct iommut_fault *fault, const struct rig *rig)
{
	const char *device = iommut_device_bdf(rig->device);
	char alias[BDF_SPACE];

	return fault_is_of(fault, device) ||
	       (shared_requester(device, alias) && fault_is_of(fault, alias));
}

/* The next fault in the log, of whatever device and kind. */
static bool next_fault(struct fault_watch *watch, int64_t end, struct iommut_fault *fault)
{
	int64_t left = end - now_ms();
	char text[256];

	if (iommut_kmsg_fault(watch->kmsg, fault, left > 0 ? (int)left : 0) != 0)
		return false;
	iommut_fault_format(fault, text, sizeof(text));
	note(watch->t, "kernel: %s", text);
	return true;
}

static bool in_pages(const struct iommut_fault *fault, uint64_t iova, size_t length)
{
	return (fault->address & PAGE_MASK_4K) >= (iova & PAGE_MASK_4K) &&
	       (fault->address & PAGE_MASK_4K) <= ((iova + length - 1) & PAGE_MASK_4K);
}

bool fault_reported(struct fault_watch *watch, struct rig *rig, uint64_t iova, size_t length,
		    bool write, int timeout_ms, struct iommut_fault *fault)
{
	int64_t end = now_ms() + timeout_ms;
	struct iommut_fault seen;

	if (!watch->kmsg)
		return false;
	while (next_fault(watch, end, &seen)) {
		if (seen.kind != IOMMUT_FAULT_DMA || !is_of_rig(&seen, rig))
			continue;
		if ((seen.fields & IOMMUT_FAULT_HAS_ADDRESS) && !in_pages(&seen, iova, length))
			continue;
		if ((seen.fields & IOMMUT_FAULT_HAS_DIRECTION) && seen.write != write)
			fail(watch->t, "the kernel reports a %s, the device did a %s",
			     seen.write ? "write" : "read", write ? "write" : "read");
		if (fault)
			*fault = seen;
		return true;
	}
	return false;
}

bool any_fault_reported(struct fault_watch *watch, struct rig *rig, int timeout_ms)
{
	int64_t end = now_ms() + timeout_ms;
	struct iommut_fault seen;

	while (watch->kmsg && next_fault(watch, end, &seen))
		if (seen.kind == IOMMUT_FAULT_DMA &&
		    (!(seen.fields & IOMMUT_FAULT_HAS_DEVICE) || is_of_rig(&seen, rig)))
			return true;
	return false;
}

void provoke_report(struct fault_watch *watch, struct rig *rig, uint64_t iova,
		    void (*again)(void *argument), void *argument, struct iommut_fault *fault)
{
	const char *device = iommut_device_bdf(rig->device);
	struct iommu_model model;
	int strangers = 0;

	if (!watch->kmsg)
		skip(rig->t, "the kernel log cannot be read", "root, or kernel.dmesg_restrict=0");
	for (int64_t end = now_ms() + PROVOKE_MS; now_ms() < end && strangers < STRANGERS;) {
		again(argument);
		if (!next_fault(watch, now_ms() + EACH_MS, fault))
			continue;
		if (fault->kind == IOMMUT_FAULT_DMA &&
		    (is_of_rig(fault, rig) ||
		     ((fault->fields & IOMMUT_FAULT_HAS_ADDRESS) && in_pages(fault, iova, 1))))
			return;
		strangers++;
	}
	if (iommu_model_of(device, &model) != 0 || model.vendor == IOMMU_UNKNOWN)
		skip(rig->t, "the kernel reported no fault, and which IOMMU this is is not known",
		     "a kernel whose IOMMU driver registers in /sys/class/iommu");
	fail(rig->t, "transactions were refused, and the kernel reported %s of %s or at 0x%" PRIx64,
	     strangers ? "other faults, but no DMA fault" : "no fault", device, iova);
}

struct refused {
	struct rig *rig;
	uint64_t iova;
	bool write;
};

static void refused_again(void *argument)
{
	const struct refused *refused = argument;
	const uint64_t secret = random64(refused->rig->t);

	if (refused->write)
		expect_write_blocked(refused->rig, refused->iova, 4);
	else
		expect_read_blocked(refused->rig, refused->iova, &secret, 4);
}

void provoke_dma_report(struct fault_watch *watch, struct rig *rig, uint64_t iova, bool write,
			struct iommut_fault *fault)
{
	struct refused refused = { .rig = rig, .iova = iova, .write = write };

	provoke_report(watch, rig, iova, refused_again, &refused, fault);
}
