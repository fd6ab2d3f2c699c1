// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/mempolicy.h>

#include <iommut/memory.h>

#include "lib/lines.h"
#include "lib/memory.h"

#define SIZE_2M (2ul << 20)
#define SIZE_1G (1ul << 30)

#define HUGE_SHIFT    26
#define MAP_HUGE_2M   (21 << HUGE_SHIFT)
#define MAP_HUGE_1G   (30 << HUGE_SHIFT)
#define MEMFD_HUGE_2M (21u << HUGE_SHIFT)
#define MEMFD_HUGE_1G (30u << HUGE_SHIFT)

struct kind {
	const char *name;
	size_t page_size; /* 0 is the system's */
	int map_flags;
	unsigned int memfd_flags;
	bool memfd;
};

static const struct kind kinds[IOMMUT_MEMORY_KINDS] = {
	[IOMMUT_MEMORY_ANONYMOUS] = { .name = "anonymous",
				      .map_flags = MAP_PRIVATE | MAP_ANONYMOUS },
	[IOMMUT_MEMORY_THP] = { .name = "thp",
				.page_size = SIZE_2M,
				.map_flags = MAP_PRIVATE | MAP_ANONYMOUS },
	[IOMMUT_MEMORY_HUGETLB_2M] = { .name = "hugetlb2M",
				       .page_size = SIZE_2M,
				       .map_flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB |
						    MAP_HUGE_2M },
	[IOMMUT_MEMORY_HUGETLB_1G] = { .name = "hugetlb1G",
				       .page_size = SIZE_1G,
				       .map_flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB |
						    MAP_HUGE_1G },
	[IOMMUT_MEMORY_SHARED] = { .name = "shared", .map_flags = MAP_SHARED | MAP_ANONYMOUS },
	[IOMMUT_MEMORY_MEMFD] = { .name = "memfd", .map_flags = MAP_SHARED, .memfd = true },
	[IOMMUT_MEMORY_MEMFD_2M] = { .name = "memfd2M",
				     .page_size = SIZE_2M,
				     .map_flags = MAP_SHARED,
				     .memfd_flags = MFD_HUGETLB | MEMFD_HUGE_2M,
				     .memfd = true },
	[IOMMUT_MEMORY_MEMFD_1G] = { .name = "memfd1G",
				     .page_size = SIZE_1G,
				     .map_flags = MAP_SHARED,
				     .memfd_flags = MFD_HUGETLB | MEMFD_HUGE_1G,
				     .memfd = true },
	[IOMMUT_MEMORY_FILE] = { .name = "file", .map_flags = MAP_SHARED },
};

const char *iommut_memory_kind_name(enum iommut_memory_kind kind)
{
	return (unsigned int)kind < IOMMUT_MEMORY_KINDS ? kinds[kind].name : NULL;
}

int iommut_memory_kind_parse(const char *name, enum iommut_memory_kind *kind)
{
	for (unsigned int i = 0; i < IOMMUT_MEMORY_KINDS; i++) {
		if (!strcmp(kinds[i].name, name)) {
			*kind = (enum iommut_memory_kind)i;
			return 0;
		}
	}
	return -EINVAL;
}

static int open_file(const struct iommut_syscalls *sys, const struct kind *kind, const char *folder,
		     size_t length, int *file)
{
	int fd, ret;

	*file = -1;
	if (kind->map_flags & MAP_ANONYMOUS)
		return 0;
	if (kind->memfd)
		fd = sys_memfd_create(sys, "iommut", MFD_CLOEXEC | kind->memfd_flags);
	else
		fd = sys_open(sys, folder ? folder : "/tmp", O_RDWR | O_TMPFILE, 0600);
	if (fd < 0)
		/* An unknown page size is EINVAL or, without hugetlbfs, ENOSYS. */
		return kind->memfd_flags && (fd == -EINVAL || fd == -ENOSYS || fd == -ENODEV)
			       ? -EOPNOTSUPP
			       : fd;
	ret = sys_ftruncate(sys, fd, (off_t)length);
	if (ret) {
		sys_close(sys, fd);
		return ret;
	}
	*file = fd;
	return 0;
}

static int bind_node(const struct iommut_syscalls *sys, const struct iommut_memory *memory,
		     int node)
{
	unsigned long nodes[16] = { 0 };
	const unsigned int bits = 8 * sizeof(nodes[0]);

	if (node < 0 || (unsigned int)node >= bits * 16)
		return -EINVAL;
	nodes[(unsigned int)node / bits] = 1ul << (unsigned int)node % bits;
	return sys_mbind(sys, memory->address, memory->length, MPOL_BIND, nodes, bits * 16 + 1, 0);
}

/*
 * Touch every page: MAP_POPULATE would come before advice and binding, and does not report failure.
 */
static int populate(const struct iommut_syscalls *sys, const struct iommut_memory *memory,
		    bool read_only)
{
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ  22
#define MADV_POPULATE_WRITE 23
#endif
	return sys_madvise(sys, memory->address, memory->length,
			   read_only ? MADV_POPULATE_READ : MADV_POPULATE_WRITE);
}

static int place(const struct iommut_syscalls *sys, struct iommut_memory *memory,
		 const struct kind *kind, const struct iommut_memory_options *options)
{
	bool read_only = options->flags & IOMMUT_MEMORY_READ_ONLY;
	int ret;

	ret = sys_mmap(sys, memory->address, memory->length,
		       read_only ? PROT_READ : PROT_READ | PROT_WRITE, kind->map_flags | MAP_FIXED,
		       memory->fd, 0, &memory->address);
	if (ret)
		return kind->map_flags & MAP_HUGETLB && (ret == -EINVAL || ret == -ENODEV)
			       ? -EOPNOTSUPP
			       : ret;
	if (options->kind == IOMMUT_MEMORY_THP)
		ret = sys_madvise(sys, memory->address, memory->length, MADV_HUGEPAGE);
	else if (options->kind == IOMMUT_MEMORY_ANONYMOUS)
		ret = sys_madvise(sys, memory->address, memory->length, MADV_NOHUGEPAGE);
	/*
	 * A kernel without transparent huge pages does not know the advice: then there is nothing
	 * to refuse.
	 */
	if (ret == -EINVAL)
		ret = options->kind == IOMMUT_MEMORY_THP ? -EOPNOTSUPP : 0;
	if (!ret && options->numa_node)
		ret = bind_node(sys, memory, options->numa_node - 1);
	if (!ret && options->flags & IOMMUT_MEMORY_POPULATE)
		ret = populate(sys, memory, read_only);
	return ret;
}

int memory_alloc_on(const struct iommut_syscalls *sys, struct iommut_memory **memory, size_t length,
		    const struct iommut_memory_options *options)
{
	struct iommut_memory *new_memory;
	const struct kind *kind;
	size_t guard, page;
	int ret;

	if ((unsigned int)options->kind >= IOMMUT_MEMORY_KINDS || !length)
		return -EINVAL;
	if (options->flags & ~(uint32_t)(IOMMUT_MEMORY_POPULATE | IOMMUT_MEMORY_READ_ONLY))
		return -EINVAL;
	kind = &kinds[options->kind];
	guard = (size_t)sysconf(_SC_PAGESIZE);
	page = kind->page_size ? kind->page_size : guard;
	if (length > SIZE_MAX / 2 - 3 * page)
		return -ENOMEM;
	length = (length + page - 1) / page * page;

	new_memory = sys_calloc(sys, 1, sizeof(*new_memory));
	if (!new_memory)
		return -ENOMEM;
	new_memory->length = length;
	new_memory->page_size = page;
	new_memory->kind = options->kind;
	ret = open_file(sys, kind, options->folder, length, &new_memory->fd);
	if (ret)
		goto free_memory;
	/* Addresses that nobody may touch, and the memory in their midst, aligned. */
	new_memory->reserved = length + page + 2 * guard;
	ret = sys_mmap(sys, NULL, new_memory->reserved, PROT_NONE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0, &new_memory->base);
	if (ret)
		goto close_file;
	new_memory->address =
		(void *)(((uintptr_t)new_memory->base + guard + page - 1) / page * page);
	ret = place(sys, new_memory, kind, options);
	if (ret)
		goto unmap;
	*memory = new_memory;
	return 0;

unmap:
	sys_munmap(sys, new_memory->base, new_memory->reserved);
close_file:
	if (new_memory->fd >= 0)
		sys_close(sys, new_memory->fd);
free_memory:
	free(new_memory);
	return ret;
}

void memory_free_on(const struct iommut_syscalls *sys, struct iommut_memory *memory)
{
	if (!memory)
		return;
	sys_munmap(sys, memory->base, memory->reserved);
	if (memory->fd >= 0)
		sys_close(sys, memory->fd);
	free(memory);
}

int iommut_memory_alloc(struct iommut_memory **memory, size_t length, enum iommut_memory_kind kind)
{
	struct iommut_memory_options options = { .kind = kind };

	return memory_alloc_on(NULL, memory, length, &options);
}

int iommut_memory_alloc_with(struct iommut_memory **memory, size_t length,
			     const struct iommut_memory_options *options)
{
	return memory_alloc_on(NULL, memory, length, options);
}

void iommut_memory_free(struct iommut_memory *memory)
{
	memory_free_on(NULL, memory);
}

int memory_physical_size_on(const struct iommut_syscalls *sys, const void *address, size_t *size)
{
	struct line_reader reader = { .sys = sys };
	unsigned long start, end, area = 0, kilobytes, huge = 0, kernel_page = 0;
	bool inside = false;
	char *line, name[32];
	ssize_t ret;

	reader.fd = sys_open(sys, "/proc/self/smaps", O_RDONLY, 0);
	if (reader.fd < 0)
		return reader.fd;
	while ((ret = lines_next(&reader, &line)) > 0) {
		if (sscanf(line, "%31[A-Za-z_]: %lu kB", name, &kilobytes) == 2) {
			if (!inside)
				continue;
			if (!strcmp(name, "KernelPageSize"))
				kernel_page = kilobytes << 10;
			else if (!strcmp(name, "AnonHugePages") ||
				 !strcmp(name, "ShmemPmdMapped") || !strcmp(name, "FilePmdMapped"))
				huge += kilobytes << 10;
		} else if (sscanf(line, "%lx-%lx ", &start, &end) == 2) {
			if (inside)
				break;
			inside = (uintptr_t)address >= start && (uintptr_t)address < end;
			area = end - start;
		}
	}
	sys_close(sys, reader.fd);
	if (ret < 0)
		return (int)ret;
	if (!inside || !kernel_page)
		return -EFAULT;
	*size = huge && huge == area ? SIZE_2M : kernel_page;
	return 0;
}

int iommut_memory_physical_size(const void *address, size_t *size)
{
	return memory_physical_size_on(NULL, address, size);
}
