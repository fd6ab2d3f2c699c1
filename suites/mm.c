// SPDX-License-Identifier: GPL-2.0-or-later
/* Memory management while a device has the memory: device and CPU go on seeing the same pages, or the mapping is refused. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/dma.h"
#include "suites/child.h"

SUITE("mm", "what the memory manager does while a device has the memory");

#define PAGE 4096ull

/* The device writes, the CPU sees it; the CPU writes, the device sees it. */
static void expect_same_page(struct rig *rig, uint64_t iova, volatile uint8_t *page)
{
	struct test *t = rig->t;
	uint64_t value = random64(t), seen = 0, other = random64(t);

	expect_write(rig, iova + 32, &value, 8);
	expect_bytes(t, (uint8_t *)page + 32, &value, 8);
	memcpy((uint8_t *)page + 64, &other, 8);
	expect_read(rig, iova + 64, &seen, 8);
	expect_equal(t, seen, other);
}

CASE(fork_and_write,
     .proves = "after a fork, writes of parent and child to private memory leave the device with "
	       "the parent's page",
     .rule = "Documentation/core-api/pin_user_pages.rst: FOLL_LONGTERM", .parameters = { BACKENDS })
{
	struct rig *rig = rig_open(t);
	struct dma_buffer *buffer = map_buffer(rig, 4 * PAGE);
	int status;
	pid_t child;

	need(rig, ENGINE_READ | ENGINE_WRITE);
	expect_reaches(buffer);
	child = fork();
	expect_that(t, child >= 0, "fork: %s", strerror(errno));
	if (child == 0) {
		memset(buffer->data, 0xee, buffer->length);
		_exit(0);
	}
	/* While the child is there, the parent's first write would copy a page that is not pinned. */
	for (int i = 0; i < 4; i++)
		expect_same_page(rig, buffer->iova + i * PAGE, buffer->data + i * PAGE);
	expect_that(t, waitpid(child, &status, 0) == child && status == 0, "the child failed");
	for (int i = 0; i < 4; i++)
		expect_same_page(rig, buffer->iova + i * PAGE, buffer->data + i * PAGE);
}

CASE(memory_unmapped_by_process,
     .proves = "memory that the process has unmapped stays the device's until it is unmapped there",
     .rule = "vfio.rst, iommufd.rst: pinned pages", .parameters = { BACKENDS })
{
	struct rig *rig = rig_open(t);
	uint64_t iova = free_iova(rig, PAGE), value = random64(t), seen = 0;
	uint8_t *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	expect_that(t, page != MAP_FAILED, "mmap: %s", strerror(errno));
	expect_zero(t, iommut_space_map(rig->space, page, PAGE, iova, IOMMUT_RW));
	munmap(page, PAGE);
	/* Where the process had the page there may be another now; the device's is still its own. */
	expect_write(rig, iova, &value, 8);
	expect_read(rig, iova, &seen, 8);
	expect_equal(t, seen, value);
	expect_zero(t, iommut_space_unmap(rig->space, iova, PAGE, NULL));
	need(rig, ENGINE_SEES_ERRORS);
	expect_write_blocked(rig, iova, 8);
}

CASE(discarded,
     .proves = "MADV_DONTNEED on private memory gives the process a new page; the old one stays "
	       "the device's, and nothing else is touched",
     .rule = "madvise(2), iommufd.rst: pinned pages", .parameters = { BACKENDS })
{
	struct rig *rig = rig_open(t);
	struct dma_buffer *buffer = map_buffer(rig, PAGE);
	uint64_t value = random64(t), seen = 0;

	expect_reaches(buffer);
	if (madvise(buffer->data, PAGE, MADV_DONTNEED) != 0)
		skipf(t, "a kernel that lets pinned memory be discarded", "MADV_DONTNEED: %s",
		      strerror(errno));
	fill_canary(buffer);
	expect_write(rig, buffer->iova, &value, 8);
	expect_read(rig, buffer->iova, &seen, 8);
	expect_equal(t, seen, value);
	expect_canary(buffer);
}

CASE(shared_file_written,
     .proves = "the device and everyone who has a shared file mapped see the same pages",
     .rule = "memfd_create(2), iommufd.h: IOMMU_IOAS_MAP", .parameters = { BACKENDS })
{
	struct rig *rig = rig_open(t);
	struct buffer_options options = { .kind = IOMMUT_MEMORY_MEMFD };
	struct dma_buffer *buffer = map_buffer_with(rig, 2 * PAGE, &options);
	uint64_t value = random64(t), seen = 0;

	expect_write(rig, buffer->iova + PAGE, &value, 8);
	expect_that(t, pread(buffer->memory->fd, &seen, 8, PAGE) == 8, "pread: %s",
		    strerror(errno));
	expect_equal(t, seen, value);
	value = random64(t);
	expect_that(t, pwrite(buffer->memory->fd, &value, 8, 128) == 8, "pwrite: %s",
		    strerror(errno));
	expect_read(rig, buffer->iova + 128, &seen, 8);
	expect_equal(t, seen, value);
}

CASE(hole_punched,
     .proves = "a hole punched into a file takes the page from the file, not from the device",
     .rule = "fallocate(2): FALLOC_FL_PUNCH_HOLE, iommufd.rst: pinned pages",
     .parameters = { BACKENDS })
{
	struct rig *rig = rig_open(t);
	struct buffer_options options = { .kind = IOMMUT_MEMORY_MEMFD };
	struct dma_buffer *buffer = map_buffer_with(rig, 2 * PAGE, &options);
	uint64_t value = random64(t), seen = 0, zero = 0;

	expect_write(rig, buffer->iova, &value, 8);
	if (fallocate(buffer->memory->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, PAGE) != 0)
		skipf(t, "a kernel and file system that can punch holes", "fallocate: %s",
		      strerror(errno));
	expect_bytes(t, buffer->data, &zero, 8);
	expect_read(rig, buffer->iova, &seen, 8);
	expect_equal(t, seen, value);
	value = random64(t);
	expect_write(rig, buffer->iova, &value, 8);
	expect_bytes(t, buffer->data, &zero, 8);
	expect_same_page(rig, buffer->iova + PAGE, buffer->data + PAGE);
}

CASE(huge_page_split,
     .proves = "a transparent huge page that is taken apart while mapped stays the same memory for "
	       "the device",
     .rule = "Documentation/admin-guide/mm/transhuge.rst", .parameters = { BACKENDS })
{
	struct rig *rig = rig_open(t);
	struct buffer_options options = { .kind = IOMMUT_MEMORY_THP };
	struct dma_buffer *buffer = map_buffer_with(rig, 2 << 20, &options);
	size_t size = 0;

	expect_zero(t, iommut_memory_physical_size(buffer->data, &size));
	note(t, "pages of %zu bytes before", size);
	expect_same_page(rig, buffer->iova + 5 * PAGE, buffer->data + 5 * PAGE);
	expect_that(t, mprotect(buffer->data + 4 * PAGE, PAGE, PROT_READ) == 0, "mprotect: %s",
		    strerror(errno));
	expect_zero(t, iommut_memory_physical_size(buffer->data, &size));
	note(t, "pages of %zu bytes after one of them was protected", size);
	for (int i = 0; i < 4; i++) {
		uint64_t page = 5 + random_below(t, 500);

		expect_same_page(rig, buffer->iova + page * PAGE, buffer->data + page * PAGE);
	}
	expect_that(t, mprotect(buffer->data + 4 * PAGE, PAGE, PROT_READ | PROT_WRITE) == 0,
		    "mprotect: %s", strerror(errno));
	expect_same_page(rig, buffer->iova + 4 * PAGE, buffer->data + 4 * PAGE);
}

CASE(moved_by_process,
     .proves = "memory that the process moves to another address stays the same memory for the "
	       "device",
     .rule = "mremap(2), iommufd.rst: pinned pages", .parameters = { BACKENDS })
{
	struct rig *rig = rig_open(t);
	uint64_t iova = free_iova(rig, PAGE);
	uint8_t *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	uint8_t *place = mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	expect_that(t, page != MAP_FAILED && place != MAP_FAILED, "mmap: %s", strerror(errno));
	expect_zero(t, iommut_space_map(rig->space, page, PAGE, iova, IOMMUT_RW));
	expect_same_page(rig, iova, page);
	page = mremap(page, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, place);
	expect_that(t, page == place, "mremap: %s", strerror(errno));
	expect_same_page(rig, iova, page);
	expect_zero(t, iommut_space_unmap(rig->space, iova, PAGE, NULL));
	munmap(page, PAGE);
}

static void stay_after_word(struct child *child, void *argument)
{
	(void)argument;
	child_say(child);
	child_stay(child);
}

/* A page that the process may write and that is not its own yet: of zeros, of a file, of another process, too. */
static uint8_t *borrowed_page(struct test *t, uint64_t content)
{
	int flags = MAP_PRIVATE, fd = -1;
	uint8_t *page;

	if (param_is(t, "memory", "private-file")) {
		fd = memfd_create("page", MFD_CLOEXEC);
		expect_that(t, pwrite(fd, &content, 8, 0) == 8 && ftruncate(fd, PAGE) == 0,
			    "memfd: %s", strerror(errno));
	} else {
		flags |= MAP_ANONYMOUS;
	}
	page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, flags, fd, 0);
	expect_that(t, page != MAP_FAILED, "mmap: %s", strerror(errno));
	if (fd >= 0)
		close(fd);
	if (param_is(t, "memory", "forked")) {
		memcpy(page, &content, 8);
		child_await(child_start(t, stay_after_word, NULL));
	}
	return page;
}

CASE(device_only_reads,
     .proves = "a device that may only read memory sees what the process writes afterwards, be it "
	       "to a page that was never touched, of a private file, or shared since a fork",
     .rule = "Documentation/core-api/pin_user_pages.rst: FOLL_LONGTERM; vfio.rst, iommufd.rst: "
	     "pinned pages",
     .parameters = { BACKENDS, PARAMETER("memory", "untouched", "private-file", "forked") })
{
	uint64_t content = param_is(t, "memory", "untouched") ? 0 : random64(t);
	volatile uint8_t *page = borrowed_page(t, content);
	uint64_t before = *(volatile uint64_t *)page, value = random64(t), seen = 1, iova;
	struct rig *rig = rig_open(t);

	expect_equal(t, before, content);
	iova = free_iova(rig, PAGE);
	expect_zero(t, iommut_space_map(rig->space, (void *)page, PAGE, iova, IOMMUT_READ));
	expect_read(rig, iova, &seen, 8);
	expect_equal(t, seen, content);
	*(volatile uint64_t *)page = value;
	expect_read(rig, iova, &seen, 8);
	expect_equal(t, seen, value);
	expect_zero(t, iommut_space_unmap(rig->space, iova, PAGE, NULL));
	munmap((void *)page, PAGE);
}
