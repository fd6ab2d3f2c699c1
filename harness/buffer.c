// SPDX-License-Identifier: GPL-2.0-or-later
/* Memory that a device can reach. */
#include <stdlib.h>
#include <string.h>

#include "harness/dma.h"

static void undo_buffer(void *argument)
{
	struct dma_buffer *buffer = argument;

	/* A space that is closed has unmapped everything itself. */
	if (buffer->mapped && !buffer->rig->closed)
		iommut_space_unmap(buffer->rig->space, buffer->iova, buffer->length, NULL);
	iommut_memory_free(buffer->memory);
	free(buffer);
}

static const char *lift_of(enum iommut_memory_kind kind)
{
	switch (kind) {
	case IOMMUT_MEMORY_HUGETLB_2M:
	case IOMMUT_MEMORY_MEMFD_2M:
		return "free huge pages of 2 MiB: vm.nr_hugepages, or iommut.hugepages=N on the "
		       "lab kernel's command line";
	case IOMMUT_MEMORY_HUGETLB_1G:
	case IOMMUT_MEMORY_MEMFD_1G:
		return "free huge pages of 1 GiB: hugepagesz=1G hugepages=N on the kernel's "
		       "command line";
	default:
		return "more free memory";
	}
}

struct dma_buffer *make_buffer(struct rig *rig, size_t length, const struct buffer_options *options)
{
	static const struct buffer_options defaults;
	struct iommut_memory_options memory = { .flags = IOMMUT_MEMORY_POPULATE };
	struct dma_buffer *buffer = calloc(1, sizeof(*buffer));
	struct test *t = rig->t;
	uint64_t alignment;
	int error;

	if (!buffer)
		fail(t, "out of memory");
	if (!options)
		options = &defaults;
	buffer->rig = rig;
	memory.kind = options->kind;
	error = iommut_memory_alloc_with(&buffer->memory, length, &memory);
	if (error) {
		free(buffer);
		if (error == -ENOMEM || error == -EOPNOTSUPP)
			skipf(t, lift_of(options->kind), "no %zu bytes of %s memory", length,
			      iommut_memory_kind_name(options->kind));
		fail(t, "cannot make %zu bytes of %s memory: %s", length,
		     iommut_memory_kind_name(options->kind), strerror(-error));
	}
	undo_later(t, undo_buffer, buffer);
	buffer->data = buffer->memory->address;
	buffer->length = buffer->memory->length;
	buffer->access = options->access ? options->access : IOMMUT_RW;
	if (options->fixed) {
		buffer->iova = options->iova;
		/* The allocator may not manage the address (below its reserve, above the mask): then it cannot give it away either. */
		(void)iommut_iova_reserve(rig->iova, buffer->iova, buffer->length);
		return buffer;
	}
	alignment = options->alignment ? options->alignment : buffer->memory->page_size;
	error = iommut_iova_alloc(rig->iova, buffer->length, alignment, &buffer->iova);
	if (error == -ENOSPC || error == -ENOMEM)
		skipf(t, "a device that can send higher addresses",
		      "no %zu bytes of IOVA aligned to %llu below %#llx", buffer->length,
		      (unsigned long long)alignment, (unsigned long long)rig->engine.dma_mask);
	expect_zero(t, error);
	return buffer;
}

struct dma_buffer *map_buffer_with(struct rig *rig, size_t length,
				   const struct buffer_options *options)
{
	struct dma_buffer *buffer = make_buffer(rig, length, options);

	map_again(buffer, buffer->access);
	return buffer;
}

struct dma_buffer *map_buffer(struct rig *rig, size_t length)
{
	return map_buffer_with(rig, length, NULL);
}

void map_again(struct dma_buffer *buffer, uint32_t access)
{
	expect_zero(buffer->rig->t, iommut_space_map(buffer->rig->space, buffer->data,
						     buffer->length, buffer->iova, access));
	buffer->access = access;
	buffer->mapped = true;
}

void unmap_buffer(struct dma_buffer *buffer)
{
	uint64_t unmapped = 0;

	expect_zero(buffer->rig->t, iommut_space_unmap(buffer->rig->space, buffer->iova,
						       buffer->length, &unmapped));
	buffer->mapped = false;
	expect_equal(buffer->rig->t, unmapped, buffer->length);
}

uint64_t free_iova(struct rig *rig, uint64_t length)
{
	uint64_t iova;

	expect_zero(rig->t, iommut_iova_alloc(rig->iova, length, 4096, &iova));
	return iova;
}

void fill_canary(struct dma_buffer *buffer)
{
	memset(buffer->data, CANARY, buffer->length);
}
