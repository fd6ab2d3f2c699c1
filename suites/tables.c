// SPDX-License-Identifier: GPL-2.0-or-later
/* What the kernel lets be seen of IOMMU page tables, beside what a device sees of them: entries in debugfs, calls in tracing. */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <iommut/iommufd.h>
#include <iommut/page_table.h>
#include <iommut/trace.h>

#include "harness/dma.h"

SUITE("tables", "IOMMU page tables as the kernel shows them");

#define HUGE_PAGE (2ull << 20)

static void need_page_tables(struct test *t)
{
	int error = iommut_page_table_supported();

	if (error == -EOPNOTSUPP)
		skip(t, "the kernel does not show this IOMMU's page tables",
		     "VT-d, with CONFIG_INTEL_IOMMU_DEBUGFS and /sys/kernel/debug mounted");
	expect_zero(t, error);
}

/* The entry that maps an IOVA; skips where the device is behind an IOMMU that shows none. */
static struct iommut_leaf leaf_of(struct rig *rig, uint64_t iova)
{
	struct iommut_leaf leaf = { 0 };
	int error =
		iommut_page_table_leaf(test_device_name(rig->t, 0), IOMMUT_NO_PASID, iova, &leaf);

	if (error == -EOPNOTSUPP)
		skip(rig->t, "the kernel does not show this device's page table",
		     "a device behind VT-d, Linux 6.7 or later");
	expect_zero(rig->t, error);
	return leaf;
}

/* Where a page of this process is in memory (Documentation/admin-guide/mm/pagemap.rst). */
static uint64_t physical(struct test *t, const void *address)
{
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	uint64_t page = (uintptr_t)address / 4096, entry = 0;
	ssize_t got = fd < 0 ? -1 : pread(fd, &entry, sizeof(entry), (off_t)(page * sizeof(entry)));

	if (fd >= 0)
		close(fd);
	if (got != sizeof(entry) || !(entry & ((1ull << 55) - 1)))
		skip(t, "physical addresses cannot be seen", "CONFIG_PROC_PAGE_MONITOR, and root");
	expect(t, entry >> 63);
	return (entry & ((1ull << 55) - 1)) * 4096 + (uintptr_t)address % 4096;
}

/* Bits 51:12 of an entry of VT-d are the address; below the size of a large page they are not (VT-d 9.8). */
static uint64_t target_of(const struct iommut_leaf *leaf, uint64_t iova)
{
	uint64_t mask = ((1ull << 52) - 1) & ~(leaf->size - 1);

	return (leaf->entry & mask) + (iova - leaf->iova);
}

CASE(entry, .proves = "the page table entry of each page points at the memory that was mapped",
     .rule = "iommufd.h: IOMMU_IOAS_MAP; VT-d 9.8, 9.9: addresses in entries",
     .marks = LIST("smoke"), .parameters = { BACKENDS, PARAMETER("memory", "4K", "2M") })
{
	struct rig *rig = rig_open(t);
	bool huge = param_is(t, "memory", "2M");
	struct buffer_options options = { .kind = huge ? IOMMUT_MEMORY_HUGETLB_2M
						       : IOMMUT_MEMORY_ANONYMOUS };
	struct dma_buffer *buffer = map_buffer_with(rig, huge ? HUGE_PAGE : 8 * 4096, &options);
	struct iommut_leaf leaf;

	need_page_tables(t);
	for (size_t at = 0; at < buffer->length; at += huge ? 37 * 4096 : 4096) {
		leaf = leaf_of(rig, buffer->iova + at);
		expect_equal(t, target_of(&leaf, buffer->iova + at),
			     physical(t, buffer->data + at));
	}
	note(t, "pages of 0x%" PRIx64 " bytes", leaf.size);
	unmap_buffer(buffer);
	expect_errno(t,
		     iommut_page_table_leaf(test_device_name(t, 0), IOMMUT_NO_PASID, buffer->iova,
					    &leaf),
		     ENOENT);
}

CASE(huge_pages_off,
     .proves = "with huge pages switched off every page of a mapping has an entry of its own",
     .rule = "iommufd.h: IOMMU_OPTION_HUGE_PAGES, value 0: everything is mapped to PAGE_SIZE",
     .needs = LIST("iommufd"), .parameters = { IOMMUFD_ONLY })
{
	struct rig *rig = rig_open(t);
	struct buffer_options options = { .kind = IOMMUT_MEMORY_HUGETLB_2M };
	struct iommut_handle file = iommut_space_handle(rig->space);
	struct dma_buffer *buffer;
	struct iommut_leaf leaf;
	uint64_t iova;
	uint32_t ioas;

	need_page_tables(t);
	expect_zero(t, iommut_space_ioas(rig->space, &ioas));
	/* Without the option this IOMMU uses a huge page, or there is nothing to switch off. */
	buffer = map_buffer_with(rig, HUGE_PAGE, &options);
	if (leaf_of(rig, buffer->iova).size < HUGE_PAGE)
		skip(t, "the IOMMU has no huge pages", "an IOMMU with pages of 2 MiB");
	iova = buffer->iova;
	unmap_buffer(buffer);
	/* The kernel takes the option only while nothing uses the address space. */
	rig_close(rig);

	rig = rig_open_in(t, NULL, 0,
			  &(struct iommut_device_options){ .flags = IOMMUT_DEVICE_DETACHED });
	file = iommut_space_handle(rig->space);
	expect_zero(t, iommut_space_ioas(rig->space, &ioas));
	expect_zero(t, iommut_option_set(file, IOMMU_OPTION_HUGE_PAGES, ioas, 0));
	expect_zero(t, iommut_device_attach(rig->device, ioas));
	expect_zero(t, iommut_space_map(rig->space, buffer->data, HUGE_PAGE, iova, IOMMUT_RW));
	for (size_t at = 0; at < HUGE_PAGE; at += 61 * 4096) {
		leaf = leaf_of(rig, iova + at);
		expect_equal(t, leaf.size, 4096);
		expect_equal(t, target_of(&leaf, iova + at), physical(t, buffer->data + at));
	}
}

/* Looks for a record of an event with this IOVA: "map: IOMMU: iova=0x... - 0x... paddr=0x... size=N". */
static bool traced(struct iommut_trace *trace, const char *event, uint64_t iova)
{
	char line[512], wanted[40];

	snprintf(wanted, sizeof(wanted), "0x%016" PRIx64, iova);
	while (!iommut_trace_read(trace, line, sizeof(line), 0)) {
		const char *at = strstr(line, event);

		if (at && strstr(at, wanted))
			return true;
	}
	return false;
}

CASE(traced, .proves = "mapping and unmapping are seen by the tracepoints map and unmap",
     .rule = "include/trace/events/iommu.h", .marks = LIST("exclusive"), .parameters = { BACKENDS })
{
	static const char *const events[] = { "iommu:map", "iommu:unmap", NULL };
	struct rig *rig = rig_open(t);
	struct iommut_trace *trace;
	struct dma_buffer *buffer;
	int error = iommut_trace_open(&trace, events);

	if (error == -EOPNOTSUPP || error == -ENOENT)
		skip(t, "the kernel has no tracepoints of IOMMUs",
		     "CONFIG_EVENT_TRACING and CONFIG_FTRACE, and /sys/kernel/tracing mounted");
	expect_zero(t, error);
	undo_later(t, (void (*)(void *))iommut_trace_close, trace);
	buffer = map_buffer(rig, 4096);
	expect(t, traced(trace, " map: ", buffer->iova));
	expect(t, !traced(trace, " unmap: ", buffer->iova));
	unmap_buffer(buffer);
	expect(t, traced(trace, " unmap: ", buffer->iova));
}
