// SPDX-License-Identifier: GPL-2.0-or-later
/* What the IOAS commands must refuse, and what they answer. No device is attached: an IOAS is a table by itself. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "suites/uapi-support.h"

#define FIXED_RW (IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE | IOMMU_IOAS_MAP_WRITEABLE)
#define RW       (IOMMU_IOAS_MAP_READABLE | IOMMU_IOAS_MAP_WRITEABLE)
#define BASE     0x10000000ull

static int map_at(struct iommut_handle iommufd, uint32_t ioas, const void *address, uint64_t length,
		  uint64_t iova)
{
	return iommut_ioas_map(iommufd, ioas, address, length, &iova, FIXED_RW);
}

CASE(destroy_twice, .proves = "an object can be destroyed once; its ID means nothing afterwards",
     .rule = "iommufd.h: IOMMU_DESTROY", .devices = NO_DEVICE, .marks = LIST("smoke"))
{
	struct iommut_handle iommufd = open_iommufd(t);
	uint32_t ioas = new_ioas(t, iommufd);

	expect_zero(t, iommut_destroy(iommufd, ioas));
	expect_errno(t, iommut_destroy(iommufd, ioas), ENOENT);
	expect_errno(t, map_at(iommufd, ioas, new_pages(t, 1), PAGE, BASE), ENOENT);
}

CASE(ids_are_private, .proves = "an object's ID means nothing in another /dev/iommu file",
     .rule = "iommufd.rst: objects belong to one file", .devices = NO_DEVICE)
{
	struct iommut_handle iommufd = open_iommufd(t), other = open_iommufd(t);
	uint32_t ioas = new_ioas(t, iommufd);

	expect_errno(t, iommut_destroy(other, ioas), ENOENT);
	expect_errno(t, map_at(other, ioas, new_pages(t, 1), PAGE, BASE), ENOENT);
	expect_zero(t, iommut_destroy(iommufd, ioas));
}

CASE(destroy_fault_queue_in_use,
     .proves = "a fault queue whose file is open cannot be destroyed; once it is closed it can",
     .rule = "iommufd.h: IOMMU_DESTROY, EBUSY", .devices = NO_DEVICE)
{
	struct iommut_handle iommufd = open_iommufd(t);
	uint32_t id;
	int fd;

	expect_zero(t, iommut_fault_queue_alloc(iommufd, &id, &fd));
	expect_errno(t, iommut_destroy(iommufd, id), EBUSY);
	close(fd);
	expect_zero(t, iommut_destroy(iommufd, id));
}

CASE(map_without_access,
     .proves = "a mapping that allows neither reading nor writing is refused with EINVAL",
     .rule = "iommufd.h: IOMMU_IOAS_MAP", .devices = NO_DEVICE)
{
	struct iommut_handle iommufd = open_iommufd(t);
	uint32_t ioas = new_ioas(t, iommufd);
	uint64_t iova = BASE;

	expect_errno(t,
		     iommut_ioas_map(iommufd, ioas, new_pages(t, 1), PAGE, &iova,
				     IOMMU_IOAS_MAP_FIXED_IOVA),
		     EINVAL);
}

CASE(map_of_nothing, .proves = "a mapping of no bytes is refused with EINVAL",
     .rule = "iommufd.h: IOMMU_IOAS_MAP, length", .devices = NO_DEVICE)
{
	struct iommut_handle iommufd = open_iommufd(t);

	expect_errno(t, map_at(iommufd, new_ioas(t, iommufd), new_pages(t, 1), 0, BASE), EINVAL);
}

CASE(map_overflow,
     .proves = "a mapping whose IOVAs or addresses run over the end of 64 bits is refused with "
	       "EOVERFLOW",
     .rule = "iommufd.h: IOMMU_IOAS_MAP", .devices = NO_DEVICE)
{
	struct iommut_handle iommufd = open_iommufd(t);
	uint32_t ioas = new_ioas(t, iommufd);
	uint8_t *pages = new_pages(t, 2);

	expect_errno(t, map_at(iommufd, ioas, pages, 2 * PAGE, UINT64_MAX - PAGE + 1), EOVERFLOW);
	expect_errno(t, map_at(iommufd, ioas, pages, PAGE, UINT64_MAX), EOVERFLOW);
	expect_errno(t, map_at(iommufd, ioas, pages, UINT64_MAX, BASE), EOVERFLOW);
	expect_errno(t, map_at(iommufd, ioas, (void *)(UINTPTR_MAX - PAGE + 1), 2 * PAGE, BASE),
		     EOVERFLOW);
}

CASE(map_overlap,
     .proves = "mapping over a mapping, wholly or by one page, is refused with EEXIST and leaves "
	       "it as it was",
     .rule = "iommufd.h: IOMMU_IOAS_MAP", .devices = NO_DEVICE, .marks = LIST("smoke"))
{
	struct iommut_handle iommufd = open_iommufd(t);
	uint32_t ioas = new_ioas(t, iommufd);
	uint8_t *pages = new_pages(t, 8);
	uint64_t unmapped;

	expect_zero(t, map_at(iommufd, ioas, pages, 4 * PAGE, BASE));
	expect_errno(t, map_at(iommufd, ioas, pages, 4 * PAGE, BASE), EEXIST);
	expect_errno(t, map_at(iommufd, ioas, pages, PAGE, BASE + PAGE), EEXIST);
	expect_errno(t, map_at(iommufd, ioas, pages, 2 * PAGE, BASE - PAGE), EEXIST);
	expect_errno(t, map_at(iommufd, ioas, pages, 2 * PAGE, BASE + 3 * PAGE), EEXIST);
	expect_errno(t, map_at(iommufd, ioas, pages, 8 * PAGE, BASE - 2 * PAGE), EEXIST);
	expect_zero(t, map_at(iommufd, ioas, pages, PAGE, BASE + 4 * PAGE));
	expect_zero(t, iommut_ioas_unmap(iommufd, ioas, BASE, 4 * PAGE, &unmapped));
	expect_equal(t, unmapped, 4 * PAGE);
}

CASE(unmap_nothing,
     .proves = "unmapping where nothing is mapped is refused with ENOENT; of everything it is fine",
     .rule = "iommufd.h: IOMMU_IOAS_UNMAP", .devices = NO_DEVICE)
{
	struct iommut_handle iommufd = open_iommufd(t);
	uint32_t ioas = new_ioas(t, iommufd);
	uint64_t unmapped = 1;

	expect_errno(t, iommut_ioas_unmap(iommufd, ioas, BASE, PAGE, NULL), ENOENT);
	expect_zero(t, iommut_ioas_unmap(iommufd, ioas, 0, UINT64_MAX, &unmapped));
	expect_equal(t, unmapped, 0);
}

CASE(unmap_part,
     .proves = "a mapping cannot be cut: unmapping its head, middle or tail is refused with ENOENT",
     .rule = "iommufd.h: IOMMU_IOAS_UNMAP", .devices = NO_DEVICE, .marks = LIST("smoke"))
{
	struct iommut_handle iommufd = open_iommufd(t);
	uint32_t ioas = new_ioas(t, iommufd);
	uint64_t unmapped;

	expect_zero(t, map_at(iommufd, ioas, new_pages(t, 3), 3 * PAGE, BASE));
	for (uint64_t page = 0; page < 3; page++)
		expect_errno(t, iommut_ioas_unmap(iommufd, ioas, BASE + page * PAGE, PAGE, NULL),
			     ENOENT);
	expect_errno(t, iommut_ioas_unmap(iommufd, ioas, BASE - PAGE, 3 * PAGE, NULL), ENOENT);
	expect_zero(t, iommut_ioas_unmap(iommufd, ioas, BASE - PAGE, 5 * PAGE, &unmapped));
	expect_equal(t, unmapped, 3 * PAGE);
}

CASE(unmap_several,
     .proves = "one unmap takes all whole mappings in its range, holes included, and counts their "
	       "bytes",
     .rule = "iommufd.h: IOMMU_IOAS_UNMAP", .devices = NO_DEVICE)
{
	struct iommut_handle iommufd = open_iommufd(t);
	uint32_t ioas = new_ioas(t, iommufd);
	uint8_t *pages = new_pages(t, 4);
	uint64_t unmapped;

	for (uint64_t i = 0; i < 4; i++)
		expect_zero(t, map_at(iommufd, ioas, pages + i * PAGE, PAGE, BASE + 2 * i * PAGE));
	expect_zero(t, iommut_ioas_unmap(iommufd, ioas, BASE, 5 * PAGE, &unmapped));
	expect_equal(t, unmapped, 3 * PAGE);
	expect_zero(t, iommut_ioas_unmap(iommufd, ioas, 0, UINT64_MAX, &unmapped));
	expect_equal(t, unmapped, PAGE);
}

CASE(ranges_of_bare_ioas,
     .proves = "an IOAS without devices can map everything, and tells how many ranges it has if "
	       "there is too little room",
     .rule = "iommufd.h: IOMMU_IOAS_IOVA_RANGES, EMSGSIZE", .devices = NO_DEVICE)
{
	struct iommut_handle iommufd = open_iommufd(t);
	struct iommu_ioas_iova_ranges args = { .size = sizeof(args),
					       .ioas_id = new_ioas(t, iommufd) };
	struct iommu_iova_range range = { 1, 1 };

	expect_errno(t, iommut_ioas_iova_ranges_raw(iommufd, &args), EMSGSIZE);
	expect_equal(t, args.num_iovas, 1);
	args.allowed_iovas = (uintptr_t)&range;
	expect_zero(t, iommut_ioas_iova_ranges_raw(iommufd, &args));
	expect_equal(t, args.num_iovas, 1);
	expect_equal(t, range.start, 0);
	expect_equal(t, range.last, UINT64_MAX);
	args.allowed_iovas = (uintptr_t)forbidden_page(t);
	expect_errno(t, iommut_ioas_iova_ranges_raw(iommufd, &args), EFAULT);
}

CASE(allowed_iovas_rules,
     .proves = "ranges that are empty, reversed or overlap are refused with EINVAL",
     .rule = "iommufd.h: IOMMU_IOAS_ALLOW_IOVAS", .devices = NO_DEVICE)
{
	struct iommut_handle iommufd = open_iommufd(t);
	uint32_t ioas = new_ioas(t, iommufd);
	const struct iommut_iova_range reversed = { 0x2000, 0x1fff }, one_byte = { 0x1000, 0x1000 };
	const struct iommut_iova_range overlap[] = { { 0x1000, 0x2fff }, { 0x2000, 0x3fff } };
	const struct iommut_iova_range good[] = { { 0x100000, 0x1fffff }, { 0x300000, 0x3fffff } };

	expect_errno(t, iommut_ioas_allow_iovas(iommufd, ioas, &reversed, 1), EINVAL);
	expect_errno(t, iommut_ioas_allow_iovas(iommufd, ioas, &one_byte, 1), EINVAL);
	expect_errno(t, iommut_ioas_allow_iovas(iommufd, ioas, overlap, 2), EINVAL);
	expect_zero(t, iommut_ioas_allow_iovas(iommufd, ioas, good, 2));
	expect_zero(t, iommut_ioas_allow_iovas(iommufd, ioas, NULL, 0));
}

CASE(allowed_iovas_are_used,
     .proves = "the kernel places mappings in the allowed ranges only, and says ENOSPC when they "
	       "are full",
     .rule = "iommufd.h: IOMMU_IOAS_ALLOW_IOVAS", .devices = NO_DEVICE)
{
	struct iommut_handle iommufd = open_iommufd(t);
	uint32_t ioas = new_ioas(t, iommufd);
	const struct iommut_iova_range allowed = { 0x300000, 0x303fff };
	uint8_t *pages = new_pages(t, 5);
	uint64_t iova;

	expect_zero(t, iommut_ioas_allow_iovas(iommufd, ioas, &allowed, 1));
	for (int i = 0; i < 4; i++) {
		iova = 0;
		expect_zero(t, iommut_ioas_map(iommufd, ioas, pages + i * PAGE, PAGE, &iova, RW));
		expect_that(t, iova >= allowed.start && iova + PAGE - 1 <= allowed.last,
			    "placed at 0x%llx", (unsigned long long)iova);
	}
	expect_errno(t, iommut_ioas_map(iommufd, ioas, pages + 4 * PAGE, PAGE, &iova, RW), ENOSPC);
	/* A fixed address is the caller's own choice: the rule is for the kernel's. */
	expect_zero(t, map_at(iommufd, ioas, pages + 4 * PAGE, PAGE, BASE));
}

CASE(copy_rules,
     .proves =
	     "a copy needs a source that is mapped throughout, a length, access, and a free place",
     .rule = "iommufd.h: IOMMU_IOAS_COPY", .devices = NO_DEVICE)
{
	struct iommut_handle iommufd = open_iommufd(t);
	uint32_t from = new_ioas(t, iommufd), to = new_ioas(t, iommufd);
	uint64_t iova = BASE;

	expect_zero(t, map_at(iommufd, from, new_pages(t, 2), 2 * PAGE, BASE));
	expect_errno(t, iommut_ioas_copy(iommufd, to, &iova, from, BASE + 4 * PAGE, PAGE, FIXED_RW),
		     ENOENT);
	expect_errno(t, iommut_ioas_copy(iommufd, to, &iova, from, BASE + PAGE, 2 * PAGE, FIXED_RW),
		     ENOENT);
	expect_errno(t, iommut_ioas_copy(iommufd, to, &iova, from, BASE, 0, FIXED_RW), EINVAL);
	expect_errno(
		t,
		iommut_ioas_copy(iommufd, to, &iova, from, BASE, PAGE, IOMMU_IOAS_MAP_FIXED_IOVA),
		EINVAL);
	expect_errno(t, iommut_ioas_copy(iommufd, UNUSED_ID, &iova, from, BASE, PAGE, FIXED_RW),
		     ENOENT);
	expect_errno(t, iommut_ioas_copy(iommufd, to, &iova, UNUSED_ID, BASE, PAGE, FIXED_RW),
		     ENOENT);
	expect_zero(t, iommut_ioas_copy(iommufd, to, &iova, from, BASE + PAGE, PAGE, FIXED_RW));
	expect_errno(t, iommut_ioas_copy(iommufd, to, &iova, from, BASE, PAGE, FIXED_RW), EEXIST);
}

CASE(copy_outlives_source,
     .proves = "a copy stays when its source is unmapped or its IOAS destroyed",
     .rule = "iommufd.h: IOMMU_IOAS_COPY", .devices = NO_DEVICE)
{
	struct iommut_handle iommufd = open_iommufd(t);
	uint32_t from = new_ioas(t, iommufd), to = new_ioas(t, iommufd);
	uint64_t iova = BASE, unmapped;

	expect_zero(t, map_at(iommufd, from, new_pages(t, 2), 2 * PAGE, BASE));
	expect_zero(t, iommut_ioas_copy(iommufd, to, &iova, from, BASE, 2 * PAGE, FIXED_RW));
	expect_zero(t, iommut_ioas_unmap(iommufd, from, BASE, 2 * PAGE, NULL));
	expect_zero(t, iommut_destroy(iommufd, from));
	expect_zero(t, iommut_ioas_unmap(iommufd, to, BASE, 2 * PAGE, &unmapped));
	expect_equal(t, unmapped, 2 * PAGE);
}

CASE(map_file_rules,
     .proves = "a mapping of a file needs an open file, a length, and offsets that do not overflow",
     .rule = "iommufd.h: IOMMU_IOAS_MAP_FILE", .devices = NO_DEVICE)
{
	struct iommut_handle iommufd = open_iommufd(t);
	uint32_t ioas = new_ioas(t, iommufd);
	int memory = memfd_create("iommut", MFD_CLOEXEC);
	uint64_t iova = BASE;
	int error;

	expect_that(t, memory >= 0, "memfd_create: %s", strerror(errno));
	close_later(t, memory);
	if (ftruncate(memory, 4 * PAGE) != 0)
		fail(t, "ftruncate: %s", strerror(errno));
	error = iommut_ioas_map_file(iommufd, ioas, memory, 0, 4 * PAGE, &iova, FIXED_RW);
	if (error == -EOPNOTSUPP)
		skip(t, "the kernel cannot map files", "Linux 6.13 or later");
	expect_zero(t, error);
	iova += 16 * PAGE;
	/* Whether an open file is one that can be mapped shows when its pages are pinned: with a device. */
	expect_that(t, iommut_ioas_map_file(iommufd, ioas, -1, 0, PAGE, &iova, FIXED_RW) < 0,
		    "fd -1 was mapped");
	expect_errno(t, iommut_ioas_map_file(iommufd, ioas, memory, 0, 0, &iova, FIXED_RW), EINVAL);
	expect_errno(t,
		     iommut_ioas_map_file(iommufd, ioas, memory, UINT64_MAX - PAGE + 1, 2 * PAGE,
					  &iova, FIXED_RW),
		     EOVERFLOW);
}

CASE(accounting_option,
     .proves = "the accounting mode is 0 or 1, belongs to no object, and cannot change once there "
	       "are objects",
     .rule = "iommufd.h: IOMMU_OPTION_RLIMIT_MODE", .devices = NO_DEVICE)
{
	struct iommut_handle iommufd = open_iommufd(t);
	uint64_t value = 7;

	expect_zero(t, iommut_option_get(iommufd, IOMMU_OPTION_RLIMIT_MODE, 0, &value));
	expect_equal(t, value, 0);
	expect_errno(t, iommut_option_set(iommufd, IOMMU_OPTION_RLIMIT_MODE, 0, 2), EINVAL);
	expect_errno(t, iommut_option_set(iommufd, IOMMU_OPTION_RLIMIT_MODE, 1, 1), EOPNOTSUPP);
	expect_errno(t, iommut_option_set(iommufd, 0x7fffffff, 0, 0), EOPNOTSUPP);
	expect_zero(t, iommut_option_set(iommufd, IOMMU_OPTION_RLIMIT_MODE, 0, 1));
	expect_zero(t, iommut_option_get(iommufd, IOMMU_OPTION_RLIMIT_MODE, 0, &value));
	expect_equal(t, value, 1);
	new_ioas(t, iommufd);
	expect_errno(t, iommut_option_set(iommufd, IOMMU_OPTION_RLIMIT_MODE, 0, 0), EBUSY);
}

CASE(huge_pages_option,
     .proves = "huge pages of an IOAS are on at first, can be turned off and on, and take no other "
	       "value",
     .rule = "iommufd.h: IOMMU_OPTION_HUGE_PAGES", .devices = NO_DEVICE)
{
	struct iommut_handle iommufd = open_iommufd(t);
	uint32_t ioas = new_ioas(t, iommufd);
	uint64_t value = 7;

	expect_zero(t, iommut_option_get(iommufd, IOMMU_OPTION_HUGE_PAGES, ioas, &value));
	expect_equal(t, value, 1);
	expect_zero(t, iommut_option_set(iommufd, IOMMU_OPTION_HUGE_PAGES, ioas, 0));
	expect_zero(t, iommut_option_get(iommufd, IOMMU_OPTION_HUGE_PAGES, ioas, &value));
	expect_equal(t, value, 0);
	expect_zero(t, iommut_option_set(iommufd, IOMMU_OPTION_HUGE_PAGES, ioas, 1));
	expect_errno(t, iommut_option_set(iommufd, IOMMU_OPTION_HUGE_PAGES, ioas, 2), EINVAL);
}

CASE(option_operation,
     .proves = "an operation on an option other than get and set is refused with EOPNOTSUPP",
     .rule = "iommufd.h: IOMMU_OPTION", .devices = NO_DEVICE)
{
	struct iommut_handle iommufd = open_iommufd(t);
	struct iommu_option args = { .size = sizeof(args),
				     .option_id = IOMMU_OPTION_RLIMIT_MODE,
				     .op = 2 };

	expect_errno(t, iommut_option_raw(iommufd, &args), EOPNOTSUPP);
}

CASE(compat_ioas,
     .proves = "the IOAS that stands for a VFIO container can be set, asked and cleared; at first "
	       "there is none",
     .rule = "iommufd.h: IOMMU_VFIO_IOAS", .devices = NO_DEVICE)
{
	struct iommut_handle iommufd = open_iommufd(t);
	struct iommu_vfio_ioas args = { .size = sizeof(args), .op = 0xffff };
	uint32_t ioas = new_ioas(t, iommufd), seen = 0;

	expect_errno(t, iommut_vfio_ioas_get(iommufd, &seen), ENODEV);
	expect_zero(t, iommut_vfio_ioas_set(iommufd, ioas));
	expect_zero(t, iommut_vfio_ioas_get(iommufd, &seen));
	expect_equal(t, seen, ioas);
	expect_zero(t, iommut_vfio_ioas_clear(iommufd));
	expect_errno(t, iommut_vfio_ioas_get(iommufd, &seen), ENODEV);
	expect_errno(t, iommut_vfio_ioas_raw(iommufd, &args), EOPNOTSUPP);
}

CASE(change_process_rules,
     .proves = "mappings of files can change hands; mappings of a process's own memory cannot",
     .rule = "iommufd.h: IOMMU_IOAS_CHANGE_PROCESS", .devices = NO_DEVICE)
{
	struct iommut_handle iommufd = open_iommufd(t);
	uint32_t ioas = new_ioas(t, iommufd);
	int memory = memfd_create("iommut", MFD_CLOEXEC);
	uint64_t iova = BASE;
	int error;

	expect_that(t, memory >= 0, "memfd_create: %s", strerror(errno));
	close_later(t, memory);
	if (ftruncate(memory, PAGE) != 0)
		fail(t, "ftruncate: %s", strerror(errno));
	error = iommut_ioas_map_file(iommufd, ioas, memory, 0, PAGE, &iova, FIXED_RW);
	if (error == -EOPNOTSUPP)
		skip(t, "the kernel cannot map files", "Linux 6.13 or later");
	expect_zero(t, error);
	error = iommut_ioas_change_process(iommufd);
	if (error == -EOPNOTSUPP)
		skip(t, "the kernel cannot hand mappings over", "Linux 6.13 or later");
	expect_zero(t, error);
	expect_zero(t, map_at(iommufd, ioas, new_pages(t, 1), PAGE, BASE + 16 * PAGE));
	expect_errno(t, iommut_ioas_change_process(iommufd), EINVAL);
}
