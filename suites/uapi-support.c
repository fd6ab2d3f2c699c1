// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "suites/uapi-support.h"

struct mapping {
	void *address;
	size_t length;
};

struct iommut_handle open_iommufd(struct test *t)
{
	struct iommut_handle iommufd;
	int error = iommut_iommufd_open(&iommufd);

	if (error == -EOPNOTSUPP)
		skip(t, "the kernel has no /dev/iommu", "a kernel with CONFIG_IOMMUFD");
	expect_zero(t, error);
	close_later(t, iommufd.fd);
	return iommufd;
}

uint32_t new_ioas(struct test *t, struct iommut_handle iommufd)
{
	uint32_t id = 0;

	expect_zero(t, iommut_ioas_alloc(iommufd, &id));
	expect(t, id != 0);
	return id;
}

static void undo_mapping(void *argument)
{
	struct mapping *mapping = argument;

	munmap(mapping->address, mapping->length);
	free(mapping);
}

uint8_t *new_pages(struct test *t, size_t count)
{
	struct mapping *mapping = malloc(sizeof(*mapping));

	if (!mapping)
		fail(t, "out of memory");
	mapping->length = count * PAGE;
	mapping->address = mmap(NULL, mapping->length, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (mapping->address == MAP_FAILED) {
		free(mapping);
		fail(t, "no %zu pages of memory: %s", count, strerror(errno));
	}
	undo_later(t, undo_mapping, mapping);
	return mapping->address;
}

uint8_t *forbidden_page(struct test *t)
{
	uint8_t *pages = new_pages(t, 2);

	if (mprotect(pages + PAGE, PAGE, PROT_NONE) != 0)
		fail(t, "mprotect: %s", strerror(errno));
	return pages + PAGE;
}
