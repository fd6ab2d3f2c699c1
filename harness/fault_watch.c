// SPDX-License-Identifier: GPL-2.0-or-later
/* The kernel's own reports of faults, read from its log. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <iommut/kmsg.h>

#include "harness/dma.h"

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
	provokes_faults(t);
	undo_later(t, undo_watch, watch);
	error = iommut_kmsg_open(&watch->kmsg, false);
	if (error)
		note(t, "the kernel log cannot be read: %s", strerror(-error));
	return watch;
}

static bool same_function(const struct iommut_fault *fault, const char *name)
{
	struct iommut_bdf bdf;

	if (!(fault->fields & IOMMUT_FAULT_HAS_DEVICE) || iommut_bdf_parse(name, &bdf) != 0)
		return false;
	return bdf.bus == fault->bdf.bus && bdf.device == fault->bdf.device &&
	       bdf.function == fault->bdf.function &&
	       (!(fault->fields & IOMMUT_FAULT_HAS_DOMAIN) || bdf.domain == fault->bdf.domain);
}

bool fault_reported(struct fault_watch *watch, struct rig *rig, uint64_t iova, size_t length,
		    bool write, int timeout_ms, struct iommut_fault *fault)
{
	int64_t end = now_ms() + timeout_ms;
	struct iommut_fault seen;
	char text[256];

	if (!watch->kmsg)
		return false;
	for (;;) {
		int64_t left = end - now_ms();

		if (iommut_kmsg_fault(watch->kmsg, &seen, left > 0 ? (int)left : 0) != 0)
			return false;
		if (seen.kind != IOMMUT_FAULT_DMA ||
		    !same_function(&seen, iommut_device_bdf(rig->device)))
			continue;
		if ((seen.fields & IOMMUT_FAULT_HAS_ADDRESS) &&
		    ((seen.address & PAGE_MASK_4K) < (iova & PAGE_MASK_4K) ||
		     (seen.address & PAGE_MASK_4K) > ((iova + length - 1) & PAGE_MASK_4K)))
			continue;
		iommut_fault_format(&seen, text, sizeof(text));
		note(watch->t, "kernel: %s", text);
		if ((seen.fields & IOMMUT_FAULT_HAS_DIRECTION) && seen.write != write)
			fail(watch->t, "the kernel reports a %s, the device did a %s: %s",
			     seen.write ? "write" : "read", write ? "write" : "read", text);
		if (fault)
			*fault = seen;
		return true;
	}
}
