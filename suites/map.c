// SPDX-License-Identifier: GPL-2.0-or-later
/* What can be mapped where, proven by DMA. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <iommut/iommufd.h>
#include <iommut/pattern.h>
#include <iommut/pci.h>

#include "harness/dma.h"

SUITE("map", "what can be mapped where, what must be refused, and whether the device sees it so");

#define PAGE 4096ull

static int map(struct rig *rig, const void *address, uint64_t length, uint64_t iova)
{
	return iommut_space_map(rig->space, address, length, iova, IOMMUT_RW);
}

static int unmap(struct rig *rig, uint64_t iova, uint64_t length)
{
	return iommut_space_unmap(rig->space, iova, length, NULL);
}

/* The device writes a value of its own into a page, and the CPU finds it there. */
static void expect_page(struct rig *rig, uint64_t iova, const uint8_t *page)
{
	uint64_t value = random64(rig->t);

	expect_write(rig, iova + 8, &value, sizeof(value));
	expect_bytes(rig->t, page + 8, &value, sizeof(value));
}

CASE(overlap_refused,
     .proves = "a mapping over another is refused, and the first one still leads to its own memory",
     .rule = "vfio.h: VFIO_IOMMU_MAP_DMA, iommufd.h: IOMMU_IOAS_MAP", .parameters = { BACKENDS })
{
	struct rig *rig = rig_open(t);
	struct dma_buffer *buffer = map_buffer(rig, 4 * PAGE);
	struct dma_buffer *other = make_buffer(rig, 4 * PAGE, NULL);

	fill_canary(other);
	expect_errno(t, map(rig, other->data, 4 * PAGE, buffer->iova), EEXIST);
	expect_errno(t, map(rig, other->data, PAGE, buffer->iova + PAGE), EEXIST);
	for (int page = 0; page < 4; page++)
		expect_page(rig, buffer->iova + page * PAGE, buffer->data + page * PAGE);
	expect_canary(other);
}

CASE(unmap_cannot_cut,
     .proves = "a mapping cannot be cut in two: the attempt is refused and every page of it still "
	       "works",
     .rule = "vfio.h: VFIO_IOMMU_UNMAP_DMA (type1v2), iommufd.h: IOMMU_IOAS_UNMAP",
     .parameters = { BACKENDS, PARAMETER("page", "first", "middle", "last") })
{
	struct rig *rig = rig_open(t);
	struct dma_buffer *buffer = map_buffer(rig, 3 * PAGE);
	uint64_t page = param_is(t, "page", "first") ? 0 : param_is(t, "page", "middle") ? 1 : 2;

	expect_that(t, unmap(rig, buffer->iova + page * PAGE, PAGE) < 0,
		    "one page of three was unmapped");
	for (int i = 0; i < 3; i++)
		expect_page(rig, buffer->iova + i * PAGE, buffer->data + i * PAGE);
}

CASE(unmap_several, .proves = "one unmap ends all mappings in its range and none outside",
     .rule = "vfio.h: VFIO_IOMMU_UNMAP_DMA, iommufd.h: IOMMU_IOAS_UNMAP",
     .parameters = { BACKENDS })
{
	struct rig *rig = rig_open(t);
	struct dma_buffer *buffer = make_buffer(rig, 5 * PAGE, NULL);
	uint64_t unmapped = 0;

	need(rig, ENGINE_SEES_ERRORS);
	for (int i = 0; i < 5; i++)
		expect_zero(t, map(rig, buffer->data + i * PAGE, PAGE, buffer->iova + i * PAGE));
	for (int i = 0; i < 5; i++)
		expect_page(rig, buffer->iova + i * PAGE, buffer->data + i * PAGE);
	expect_zero(t, iommut_space_unmap(rig->space, buffer->iova + PAGE, 3 * PAGE, &unmapped));
	expect_equal(t, unmapped, 3 * PAGE);
	fill_canary(buffer);
	for (int i = 1; i < 4; i++)
		expect_write_blocked(rig, buffer->iova + i * PAGE, 8);
	expect_canary(buffer);
	expect_page(rig, buffer->iova, buffer->data);
	expect_page(rig, buffer->iova + 4 * PAGE, buffer->data + 4 * PAGE);
}

CASE(unmap_nothing,
     .proves = "unmapping where nothing is mapped takes nothing away from what is mapped beside",
     .rule = "vfio.h: VFIO_IOMMU_UNMAP_DMA, iommufd.h: IOMMU_IOAS_UNMAP",
     .parameters = { BACKENDS })
{
	struct rig *rig = rig_open(t);
	struct dma_buffer *buffer = map_buffer(rig, PAGE);
	uint64_t nowhere = free_iova(rig, 4 * PAGE);

	expect_errno(t, unmap(rig, nowhere, 4 * PAGE), ENOENT);
	expect_reaches(buffer);
}

CASE(remap_elsewhere,
     .proves = "an IOVA that is mapped again leads to the new memory, not to the old",
     .rule = "iommufd.h: IOMMU_IOAS_UNMAP", .marks = LIST("smoke"), .parameters = { BACKENDS })
{
	struct rig *rig = rig_open(t);
	struct dma_buffer *old = map_buffer(rig, PAGE);
	struct dma_buffer *new = make_buffer(rig, PAGE, NULL);

	for (int round = 0; round < 4; round++) {
		expect_page(rig, old->iova, old->data);
		expect_zero(t, unmap(rig, old->iova, PAGE));
		fill_canary(old);
		expect_zero(t, map(rig, new->data, PAGE, old->iova));
		expect_page(rig, old->iova, new->data);
		expect_canary(old);
		expect_zero(t, unmap(rig, old->iova, PAGE));
		expect_zero(t, map(rig, old->data, PAGE, old->iova));
	}
}

CASE(backwards,
     .proves = "pages mapped and unmapped from the highest to the lowest each lead to their own "
	       "memory",
     .rule = "iommufd.h: IOMMU_IOAS_MAP", .parameters = { BACKENDS })
{
	struct rig *rig = rig_open(t);
	struct dma_buffer *buffer = make_buffer(rig, 16 * PAGE, NULL);

	need(rig, ENGINE_SEES_ERRORS);
	for (int i = 15; i >= 0; i--)
		expect_zero(t, map(rig, buffer->data + i * PAGE, PAGE, buffer->iova + i * PAGE));
	for (int i = 0; i < 16; i++)
		expect_page(rig, buffer->iova + i * PAGE, buffer->data + i * PAGE);
	for (int i = 15; i >= 0; i--) {
		expect_zero(t, unmap(rig, buffer->iova + i * PAGE, PAGE));
		expect_write_blocked(rig, buffer->iova + i * PAGE, 8);
		if (i)
			expect_page(rig, buffer->iova, buffer->data);
	}
}

CASE(checkerboard,
     .proves = "with every other page mapped, the mapped ones work and those between are refused",
     .rule = "iommufd.h: IOMMU_IOAS_MAP", .parameters = { BACKENDS })
{
	struct rig *rig = rig_open(t);
	struct dma_buffer *buffer = make_buffer(rig, 16 * PAGE, NULL);

	need(rig, ENGINE_SEES_ERRORS);
	for (int i = 0; i < 16; i += 2)
		expect_zero(t, map(rig, buffer->data + i * PAGE, PAGE, buffer->iova + i * PAGE));
	for (int i = 0; i < 16; i++) {
		if (i % 2) {
			fill_canary(buffer);
			expect_write_blocked(rig, buffer->iova + i * PAGE, 8);
			expect_canary(buffer);
		} else {
			expect_page(rig, buffer->iova + i * PAGE, buffer->data + i * PAGE);
		}
	}
}

CASE(reversed_pages,
     .proves = "pages mapped in the opposite order of their addresses are translated one by one",
     .rule = "iommufd.h: IOMMU_IOAS_MAP", .parameters = { BACKENDS })
{
	struct rig *rig = rig_open(t);
	struct dma_buffer *buffer = make_buffer(rig, 8 * PAGE, NULL);
	uint8_t bytes[1024], expected[8 * PAGE];

	need(rig, ENGINE_SEES_ERRORS);
	for (int i = 0; i < 8; i++)
		expect_zero(t,
			    map(rig, buffer->data + (7 - i) * PAGE, PAGE, buffer->iova + i * PAGE));
	fill_canary(buffer);
	memset(expected, CANARY, sizeof(expected));
	iommut_pattern_fill(bytes, sizeof(bytes), random64(t), 0);
	/* From the end of the device's page 2 into its page 3: the CPU's pages 5 and 4. */
	expect_write(rig, buffer->iova + 3 * PAGE - 512, bytes, sizeof(bytes));
	memcpy(expected + 6 * PAGE - 512, bytes, 512);
	memcpy(expected + 4 * PAGE, bytes + 512, 512);
	expect_bytes(t, buffer->data, expected, sizeof(expected));
}

CASE(beyond_the_ranges,
     .proves = "what lies outside the ranges the kernel reports cannot be mapped",
     .rule = "vfio.h: VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE, iommufd.h: IOMMU_IOAS_IOVA_RANGES",
     .parameters = { BACKENDS })
{
	struct rig *rig = rig_open(t);
	struct dma_buffer *buffer = make_buffer(rig, PAGE, NULL);
	struct iommut_iova_range *ranges;
	size_t count;

	expect_zero(t, iommut_space_ranges(rig->space, &ranges, &count));
	undo_later(t, free, ranges);
	for (size_t i = 0; i < count; i++) {
		uint64_t next = i + 1 < count ? ranges[i + 1].start : UINT64_MAX;

		note(t, "usable: %#llx to %#llx", (unsigned long long)ranges[i].start,
		     (unsigned long long)ranges[i].last);
		if (ranges[i].last == UINT64_MAX || ranges[i].last + 1 == next)
			continue;
		expect_that(t, map(rig, buffer->data, PAGE, ranges[i].last + 1) < 0,
			    "mapped at %#llx, behind a range",
			    (unsigned long long)ranges[i].last + 1);
		if (next != UINT64_MAX)
			expect_that(t, map(rig, buffer->data, PAGE, next - PAGE) < 0,
				    "mapped at %#llx, before a range",
				    (unsigned long long)(next - PAGE));
	}
	expect_reaches(map_buffer(rig, PAGE));
}

/* Whether all of [start, last] lies in regions that sysfs shows. */
static bool is_reserved(const struct iommut_pci_reserved *reserved, size_t count, uint64_t start,
			uint64_t last)
{
	size_t r = 0;

	while (r < count && start <= last) {
		if (reserved[r].range.start > start || reserved[r].range.last < start) {
			r++;
			continue;
		}
		start = reserved[r].range.last + 1;
		r = 0;
	}
	return start > last;
}

CASE(reserved_regions,
     .proves = "no range the kernel reports as usable touches a region that sysfs reports as "
	       "reserved, the MSI window included, and what lies between two ranges is such a "
	       "region",
     .rule = "sysfs-kernel-iommu_groups: reserved_regions", .parameters = { BACKENDS })
{
	struct rig *rig = rig_open(t);
	struct dma_buffer *buffer = make_buffer(rig, PAGE, NULL);
	struct iommut_pci_reserved *reserved;
	struct iommut_iova_range *ranges;
	struct iommut_pci_device pci;
	size_t count, reserved_count;

	expect_zero(t, iommut_pci_get(test_device_name(t, 0), &pci));
	expect_zero(t, iommut_pci_group_reserved(pci.iommu_group, &reserved, &reserved_count));
	undo_later(t, free, reserved);
	expect_zero(t, iommut_space_ranges(rig->space, &ranges, &count));
	undo_later(t, free, ranges);
	for (size_t i = 1; i < count; i++)
		expect_that(t,
			    is_reserved(reserved, reserved_count, ranges[i - 1].last + 1,
					ranges[i].start - 1),
			    "%#llx to %#llx is not usable, and sysfs does not say why",
			    (unsigned long long)ranges[i - 1].last + 1,
			    (unsigned long long)ranges[i].start - 1);
	if (!reserved_count)
		skip(t, "the group has no reserved region", "a machine with an MSI window");
	for (size_t r = 0; r < reserved_count; r++) {
		const struct iommut_iova_range *hole = &reserved[r].range;

		note(t, "%s: %#llx to %#llx", reserved[r].type, (unsigned long long)hole->start,
		     (unsigned long long)hole->last);
		/* A relaxable region is one that a device under VFIO does not need. */
		if (strcmp(reserved[r].type, "direct-relaxable") == 0)
			continue;
		for (size_t i = 0; i < count; i++)
			expect_that(t, ranges[i].last < hole->start || ranges[i].start > hole->last,
				    "range %#llx to %#llx is said to be usable",
				    (unsigned long long)ranges[i].start,
				    (unsigned long long)ranges[i].last);
		expect_that(t, map(rig, buffer->data, PAGE, hole->start & ~(PAGE - 1)) < 0,
			    "a reserved address was mapped");
	}
}

CASE(wrap_refused, .proves = "a mapping that would run over the end of 64 bits is refused",
     .rule = "vfio.h: VFIO_IOMMU_MAP_DMA, iommufd.h: IOMMU_IOAS_MAP", .parameters = { BACKENDS })
{
	struct rig *rig = rig_open(t);
	struct dma_buffer *buffer = make_buffer(rig, 2 * PAGE, NULL);

	expect_that(t, map(rig, buffer->data, 2 * PAGE, UINT64_MAX - PAGE + 1) < 0,
		    "two pages were mapped at the last page of 64 bits");
	expect_reaches(map_buffer(rig, PAGE));
}

CASE(unaligned_refused,
     .proves = "an IOVA or a length that is not a multiple of the smallest page is refused",
     .rule = "vfio.h: VFIO_IOMMU_MAP_DMA, iommufd.h: out_iova_alignment",
     .parameters = { BACKENDS })
{
	struct rig *rig = rig_open(t);
	struct dma_buffer *buffer = make_buffer(rig, 2 * PAGE, NULL);
	uint64_t sizes = 0;

	expect_zero(t, iommut_space_page_sizes(rig->space, &sizes));
	expect(t, sizes != 0);
	if ((sizes & -sizes) < PAGE)
		skip(t, "the smallest page is below 4 KiB: nothing here is unaligned",
		     "an IOMMU whose smallest page is 4 KiB");
	expect_that(t, map(rig, buffer->data, PAGE, buffer->iova + 512) < 0,
		    "an unaligned IOVA was mapped");
	expect_that(t, map(rig, buffer->data, 512, buffer->iova) < 0, "512 bytes were mapped");
	expect_that(t, map(rig, buffer->data, 0, buffer->iova) < 0, "0 bytes were mapped");
}

CASE(memory_that_is_not_there,
     .proves = "memory that the process does not have cannot be mapped for a device",
     .rule = "vfio.h: VFIO_IOMMU_MAP_DMA: EFAULT, iommufd.h: IOMMU_IOAS_MAP: EFAULT",
     .parameters = { BACKENDS })
{
	struct rig *rig = rig_open(t);
	struct dma_buffer *buffer = make_buffer(rig, PAGE, NULL);

	/* The library puts a guard that nobody may touch behind the memory. */
	expect_errno(t, map(rig, buffer->data + PAGE, PAGE, buffer->iova), EFAULT);
	expect_errno(t, map(rig, buffer->data, 2 * PAGE, buffer->iova), EFAULT);
	/* And nothing of the second attempt's good half stayed behind. */
	expect_zero(t, map(rig, buffer->data, PAGE, buffer->iova));
	expect_page(rig, buffer->iova, buffer->data);
}

CASE(read_only_memory,
     .proves = "memory that the process may only read cannot be mapped for a device to write",
     .rule = "vfio.h: VFIO_IOMMU_MAP_DMA: EFAULT, iommufd.h: IOMMU_IOAS_MAP: EFAULT",
     .parameters = { BACKENDS })
{
	struct rig *rig = rig_open(t);
	struct iommut_memory_options options = { .kind = IOMMUT_MEMORY_ANONYMOUS };
	struct iommut_memory *memory;
	uint64_t iova = free_iova(rig, PAGE);
	uint8_t seen[64];

	expect_zero(t, iommut_memory_alloc_with(&memory, PAGE, &options));
	undo_later(t, (void (*)(void *))iommut_memory_free, memory);
	iommut_pattern_fill(memory->address, PAGE, random64(t), 0);
	expect_that(t, mprotect(memory->address, PAGE, PROT_READ) == 0, "mprotect: %s",
		    strerror(errno));
	expect_errno(t, map(rig, memory->address, PAGE, iova), EFAULT);
	expect_zero(t, iommut_space_map(rig->space, memory->address, PAGE, iova, IOMMUT_READ));
	expect_read(rig, iova, seen, sizeof(seen));
	expect_bytes(t, seen, memory->address, sizeof(seen));
	expect_zero(t, unmap(rig, iova, PAGE));
}

static uint64_t status_pages(struct test *t, const char *key)
{
	char line[256];
	FILE *status = fopen("/proc/self/status", "re");
	uint64_t kib = 0;
	bool found = false;

	expect_that(t, status != NULL, "/proc/self/status: %s", strerror(errno));
	while (fgets(line, sizeof(line), status)) {
		if (strncmp(line, key, strlen(key)) == 0) {
			kib = strtoull(line + strlen(key), NULL, 10);
			found = true;
		}
	}
	fclose(status);
	expect_that(t, found, "/proc/self/status has no %s", key);
	return kib / 4;
}

CASE(accounting,
     .proves =
	     "each mapped page is accounted to the process once, and taken off when it is unmapped",
     .rule = "vfio.rst: locked memory; iommufd.h: IOMMU_OPTION_RLIMIT_MODE",
     .parameters = { BACKENDS })
{
	struct rig *rig = rig_open(t);
	struct dma_buffer *buffer = make_buffer(rig, 256 * PAGE, NULL);
	/* type1 and compat count locked memory; iommufd counts pinned memory in its default mode. */
	const char *key = param_is(t, "backend", "iommufd") ? "VmPin:" : "VmLck:";
	uint64_t before = status_pages(t, key), during;

	if (param_is(t, "backend", "compat")) {
		key = "VmPin:";
		before = status_pages(t, key);
	}
	expect_zero(t, map(rig, buffer->data, buffer->length, buffer->iova));
	during = status_pages(t, key);
	note(t, "%s %llu pages before, %llu while 256 are mapped", key, (unsigned long long)before,
	     (unsigned long long)during);
	expect_equal(t, during - before, 256);
	expect_zero(t, unmap(rig, buffer->iova, buffer->length));
	expect_equal(t, status_pages(t, key), before);
}

CASE(many_small,
     .proves =
	     "a thousand mappings of one page each stand beside each other, and all can be undone",
     .rule = "iommufd.h: IOMMU_IOAS_MAP", .parameters = { BACKENDS })
{
	struct rig *rig = rig_open(t);
	struct dma_buffer *buffer = make_buffer(rig, 1024 * PAGE, NULL);
	uint64_t unmapped = 0;

	need(rig, ENGINE_SEES_ERRORS);
	for (uint64_t i = 0; i < 1024; i++)
		expect_zero(t, map(rig, buffer->data + i * PAGE, PAGE, buffer->iova + i * PAGE));
	for (int i = 0; i < 16; i++) {
		uint64_t page = random_below(t, 1024);

		expect_page(rig, buffer->iova + page * PAGE, buffer->data + page * PAGE);
	}
	expect_zero(t, iommut_space_unmap(rig->space, buffer->iova, buffer->length, &unmapped));
	expect_equal(t, unmapped, buffer->length);
	fill_canary(buffer);
	for (int i = 0; i < 4; i++)
		expect_write_blocked(rig, buffer->iova + random_below(t, 1024) * PAGE, 8);
	expect_canary(buffer);
}

CASE(ioas_copy,
     .proves = "what is copied into another IOVA leads to the same memory with the access the copy "
	       "was given",
     .rule = "iommufd.h: IOMMU_IOAS_COPY", .parameters = { IOMMUFD_ONLY })
{
	struct rig *rig = rig_open(t);
	struct dma_buffer *buffer = map_buffer(rig, 4 * PAGE);
	struct iommut_handle iommufd = iommut_space_handle(rig->space);
	uint64_t copy = free_iova(rig, PAGE), read_only = free_iova(rig, PAGE);
	uint32_t ioas;

	need(rig, ENGINE_SEES_ERRORS);
	expect_zero(t, iommut_space_ioas(rig->space, &ioas));
	expect_zero(t, iommut_ioas_copy(iommufd, ioas, &copy, ioas, buffer->iova + PAGE, PAGE,
					IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE |
						IOMMU_IOAS_MAP_WRITEABLE));
	expect_zero(t, iommut_ioas_copy(iommufd, ioas, &read_only, ioas, buffer->iova + 2 * PAGE,
					PAGE, IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE));
	expect_page(rig, copy, buffer->data + PAGE);
	fill_canary(buffer);
	expect_write_blocked(rig, read_only, 8);
	expect_canary(buffer);
	unmap_buffer(buffer);
	expect_page(rig, copy, buffer->data + PAGE);
	expect_zero(t, unmap(rig, copy, PAGE));
	expect_zero(t, unmap(rig, read_only, PAGE));
}

CASE(ioas_map_file,
     .proves =
	     "a part of a memory file that is mapped by its descriptor is what the device reaches",
     .rule = "iommufd.h: IOMMU_IOAS_MAP_FILE", .parameters = { IOMMUFD_ONLY })
{
	struct rig *rig = rig_open(t);
	struct buffer_options options = { .kind = IOMMUT_MEMORY_MEMFD };
	struct dma_buffer *buffer = make_buffer(rig, 4 * PAGE, &options);
	uint64_t iova = free_iova(rig, PAGE);
	uint32_t ioas;
	int error;

	expect_zero(t, iommut_space_ioas(rig->space, &ioas));
	error = iommut_ioas_map_file(
		iommut_space_handle(rig->space), ioas, buffer->memory->fd, 2 * PAGE, PAGE, &iova,
		IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE | IOMMU_IOAS_MAP_WRITEABLE);
	if (error == -EOPNOTSUPP)
		skip(t, "the kernel cannot map files", "Linux 6.13 or later");
	expect_zero(t, error);
	fill_canary(buffer);
	expect_page(rig, iova, buffer->data + 2 * PAGE);
	expect_canary_at(buffer, 0, 2 * PAGE);
	expect_canary_at(buffer, 3 * PAGE, PAGE);
	expect_zero(t, unmap(rig, iova, PAGE));
}

CASE(map_before_attach,
     .proves = "what was mapped before the device was attached can be reached once it is",
     .rule = "iommufd.rst: an IOAS maps into every page table made from it",
     .parameters = { IOMMUFD_ONLY })
{
	struct iommut_space *space = rig_open_space(t);
	struct iommut_memory *memory;
	struct rig *rig;

	expect_zero(t, iommut_memory_alloc(&memory, PAGE, IOMMUT_MEMORY_ANONYMOUS));
	undo_later(t, (void (*)(void *))iommut_memory_free, memory);
	expect_zero(t, iommut_space_map(space, memory->address, PAGE, 0x200000, IOMMUT_RW));
	rig = rig_open_in(t, space, 0, NULL);
	expect_page(rig, 0x200000, memory->address);
	expect_zero(t, unmap(rig, 0x200000, PAGE));
}

CASE(memlock_limit,
     .proves = "without the right to lock memory, a mapping above RLIMIT_MEMLOCK is refused and "
	       "one below it works",
     .rule = "vfio.rst, iommufd.rst: RLIMIT_MEMLOCK", .marks = LIST("exclusive"),
     .parameters = { BACKENDS })
{
	struct rig *rig = rig_open(t);
	struct dma_buffer *buffer = make_buffer(rig, 64 * PAGE, NULL);
	struct rlimit limit = { 16 * PAGE, 16 * PAGE };
	uint64_t pinned = status_pages(t, "VmPin:") + status_pages(t, "VmLck:");

	limit.rlim_cur += pinned * PAGE;
	limit.rlim_max = limit.rlim_cur;
	if (setrlimit(RLIMIT_MEMLOCK, &limit) != 0)
		fail(t, "setrlimit: %s", strerror(errno));
	/* CAP_IPC_LOCK lifts the limit; with another user's ID it is gone. */
	if (seteuid(65534) != 0)
		fail(t, "seteuid: %s", strerror(errno));
	expect_errno(t, map(rig, buffer->data, 64 * PAGE, buffer->iova), ENOMEM);
	expect_zero(t, map(rig, buffer->data, 8 * PAGE, buffer->iova));
	expect_page(rig, buffer->iova, buffer->data);
	expect_zero(t, unmap(rig, buffer->iova, 8 * PAGE));
	if (seteuid(0) != 0)
		fail(t, "seteuid: %s", strerror(errno));
}
