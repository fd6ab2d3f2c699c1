// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
#include <errno.h>
#include <stdlib.h>

#include <iommut/iommufd.h>
#include <iommut/space.h>
#include <iommut/vfio.h>

#include "lib/calls.h"
#include "lib/space.h"

static int file_open(const struct iommut_syscalls *sys, enum iommut_backend backend,
		     struct file_reference **file)
{
	struct file_reference *new_file = sys_calloc(sys, 1, sizeof(*new_file));
	int ret;

	if (!new_file)
		return -ENOMEM;
	if (backend == IOMMUT_TYPE1)
		ret = container_open_on(sys, &new_file->handle);
	else
		ret = iommufd_open_on(sys, &new_file->handle);
	if (ret) {
		free(new_file);
		return ret;
	}
	new_file->users = 1;
	*file = new_file;
	return 0;
}

static void file_put(struct file_reference *file)
{
	if (atomic_fetch_sub(&file->users, 1) > 1)
		return;
	iommut_handle_close(&file->handle);
	free(file);
}

int space_open_on(const struct iommut_syscalls *sys, struct iommut_space **space,
		  const struct iommut_space_options *options)
{
	struct iommut_space *beside = options->beside;
	struct iommut_space *new_space;
	int ret;

	if ((unsigned int)options->backend >= IOMMUT_BACKENDS)
		return -EINVAL;
	if (options->backend == IOMMUT_IOMMUFD && options->iommu_type)
		return -EINVAL;
	if (beside && (options->backend != IOMMUT_IOMMUFD || beside->backend != IOMMUT_IOMMUFD))
		return -EINVAL;

	new_space = sys_calloc(sys, 1, sizeof(*new_space));
	if (!new_space)
		return -ENOMEM;
	new_space->users = 1;
	new_space->backend = options->backend;
	new_space->iommu_type = options->iommu_type ? options->iommu_type : VFIO_TYPE1v2_IOMMU;
	if (beside) {
		new_space->file = beside->file;
		atomic_fetch_add(&new_space->file->users, 1);
	} else {
		ret = file_open(sys, options->backend, &new_space->file);
		if (ret)
			goto free_space;
	}
	if (options->backend == IOMMUT_IOMMUFD) {
		ret = iommut_ioas_alloc(new_space->file->handle, &new_space->ioas_id);
		if (ret)
			goto put_file;
	}
	*space = new_space;
	return 0;

put_file:
	file_put(new_space->file);
free_space:
	free(new_space);
	return ret;
}

int iommut_space_open(struct iommut_space **space, enum iommut_backend backend)
{
	struct iommut_space_options options = { .backend = backend };

	return space_open_on(NULL, space, &options);
}

int iommut_space_open_with(struct iommut_space **space, const struct iommut_space_options *options)
{
	const struct iommut_syscalls *sys = options->beside ? space_sys(options->beside) : NULL;

	return space_open_on(sys, space, options);
}

struct iommut_space *space_get(struct iommut_space *space)
{
	atomic_fetch_add(&space->users, 1);
	return space;
}

void iommut_space_close(struct iommut_space *space)
{
	if (!space || atomic_fetch_sub(&space->users, 1) > 1)
		return;
	/*
	 * Nothing can use the IOAS any more: what is made from it holds a reference to the space.
	 */
	if (space->backend == IOMMUT_IOMMUFD)
		iommut_destroy(space->file->handle, space->ioas_id);
	file_put(space->file);
	free(space);
}

/* Without a group a container has no IOMMU behind it and refuses everything, as EINVAL. */
static int check_ready(const struct iommut_space *space)
{
	return space->backend != IOMMUT_IOMMUFD && !space->groups ? -ENODEV : 0;
}

/* What mapping says to iommufd, wherever the memory comes from. */
static int ioas_flags(uint32_t access, uint32_t *flags)
{
	if (access & ~(uint32_t)IOMMUT_RW)
		return -EINVAL;
	*flags = IOMMU_IOAS_MAP_FIXED_IOVA | (access & IOMMUT_READ ? IOMMU_IOAS_MAP_READABLE : 0) |
		 (access & IOMMUT_WRITE ? IOMMU_IOAS_MAP_WRITEABLE : 0);
	return 0;
}

_Static_assert(IOMMUT_READ == VFIO_DMA_MAP_FLAG_READ && IOMMUT_WRITE == VFIO_DMA_MAP_FLAG_WRITE,
	       "access is what VFIO calls it");

int iommut_space_map(struct iommut_space *space, const void *address, uint64_t length,
		     uint64_t iova, uint32_t access)
{
	uint32_t flags;
	int ret = check_ready(space);

	if (ret)
		return ret;
	ret = ioas_flags(access, &flags);
	if (ret)
		return ret;
	if (space->backend == IOMMUT_IOMMUFD)
		return call_ioas_map(space->file->handle, space->ioas_id, address, length, &iova,
				     flags);
	return call_map_dma(space->file->handle, address, length, iova, access);
}

int iommut_space_map_file(struct iommut_space *space, int fd, uint64_t start, uint64_t length,
			  uint64_t iova, uint32_t access)
{
	uint32_t flags;
	int ret = ioas_flags(access, &flags);

	if (ret)
		return ret;
	if (space->backend != IOMMUT_IOMMUFD)
		return -EOPNOTSUPP;
	return iommut_ioas_map_file(space->file->handle, space->ioas_id, fd, start, length, &iova,
				    flags);
}

int iommut_space_copy(struct iommut_space *space, uint64_t iova, struct iommut_space *source,
		      uint64_t source_iova, uint64_t length, uint32_t access)
{
	uint32_t flags;
	int ret = ioas_flags(access, &flags);

	if (ret)
		return ret;
	if (space->backend != IOMMUT_IOMMUFD || source->backend != IOMMUT_IOMMUFD)
		return -EOPNOTSUPP;
	/* IDs mean nothing in another file. */
	if (space->file != source->file)
		return -EINVAL;
	return iommut_ioas_copy(space->file->handle, space->ioas_id, &iova, source->ioas_id,
				source_iova, length, flags);
}

int iommut_space_allow(struct iommut_space *space, const struct iommut_iova_range *ranges,
		       uint32_t count)
{
	if (space->backend != IOMMUT_IOMMUFD)
		return -EOPNOTSUPP;
	return iommut_ioas_allow_iovas(space->file->handle, space->ioas_id, ranges, count);
}

int iommut_space_huge_pages(struct iommut_space *space, bool on)
{
	if (space->backend != IOMMUT_IOMMUFD)
		return -EOPNOTSUPP;
	return iommut_option_set(space->file->handle, IOMMU_OPTION_HUGE_PAGES, space->ioas_id, on);
}

int iommut_space_unmap(struct iommut_space *space, uint64_t iova, uint64_t length,
		       uint64_t *unmapped)
{
	uint64_t done = 0;
	int ret = check_ready(space);

	if (ret)
		return ret;
	if (space->backend == IOMMUT_IOMMUFD)
		ret = call_ioas_unmap(space->file->handle, space->ioas_id, iova, length, &done);
	else
		ret = call_unmap_dma(space->file->handle, iova, length, 0, &done);
	if (!ret && !done)
		ret = -ENOENT;
	if (unmapped)
		*unmapped = done;
	return ret;
}

int iommut_space_unmap_all(struct iommut_space *space, uint64_t *unmapped)
{
	struct iommut_handle handle = space->file->handle;
	uint64_t done = 0;
	int ret;

	if (check_ready(space)) {
		ret = 0;
	} else if (space->backend == IOMMUT_IOMMUFD) {
		ret = iommut_ioas_unmap(handle, space->ioas_id, 0, UINT64_MAX, &done);
	} else {
		if (iommut_vfio_check_extension(handle, VFIO_UNMAP_ALL) <= 0)
			return -EOPNOTSUPP;
		ret = iommut_vfio_unmap_dma(handle, 0, 0, VFIO_DMA_UNMAP_FLAG_ALL, &done);
	}
	if (unmapped)
		*unmapped = done;
	return ret;
}

int iommut_space_ranges(struct iommut_space *space, struct iommut_iova_range **ranges,
			size_t *count)
{
	struct iommut_vfio_iommu_info info;
	int ret = check_ready(space);

	if (ret)
		return ret;
	if (space->backend == IOMMUT_IOMMUFD)
		return iommut_ioas_iova_ranges(space->file->handle, space->ioas_id, ranges, count,
					       NULL);
	ret = iommut_vfio_iommu_info(space->file->handle, &info);
	if (ret)
		return ret;
	if (!info.ranges)
		return -EOPNOTSUPP;
	*ranges = info.ranges;
	*count = info.range_count;
	return 0;
}

int iommut_space_page_sizes(struct iommut_space *space, uint64_t *sizes)
{
	struct iommut_iova_range *ranges;
	struct iommut_vfio_iommu_info info;
	size_t count;
	int ret = check_ready(space);

	if (ret)
		return ret;
	if (space->backend == IOMMUT_IOMMUFD) {
		ret = iommut_ioas_iova_ranges(space->file->handle, space->ioas_id, &ranges, &count,
					      sizes);
		if (!ret)
			free(ranges);
		return ret;
	}
	ret = iommut_vfio_iommu_info(space->file->handle, &info);
	if (ret)
		return ret;
	free(info.ranges);
	*sizes = info.page_sizes;
	return 0;
}

int iommut_space_dma_available(struct iommut_space *space, uint32_t *available)
{
	struct iommut_vfio_iommu_info info;
	int ret;

	if (space->backend == IOMMUT_IOMMUFD)
		return -EOPNOTSUPP;
	ret = check_ready(space);
	if (ret)
		return ret;
	ret = iommut_vfio_iommu_info(space->file->handle, &info);
	if (ret)
		return ret;
	free(info.ranges);
	if (!info.has_dma_available)
		return -EOPNOTSUPP;
	*available = info.dma_available;
	return 0;
}

enum iommut_backend iommut_space_backend(const struct iommut_space *space)
{
	return space->backend;
}

struct iommut_handle iommut_space_handle(const struct iommut_space *space)
{
	return space->file->handle;
}

int iommut_space_ioas(struct iommut_space *space, uint32_t *ioas_id)
{
	switch (space->backend) {
	case IOMMUT_IOMMUFD:
		*ioas_id = space->ioas_id;
		return 0;
	case IOMMUT_COMPAT:
		return iommut_vfio_ioas_get(space->file->handle, ioas_id);
	default:
		return -EOPNOTSUPP;
	}
}

int group_get(struct iommut_space *space, int number, struct group **group)
{
	struct group *found;
	int ret;

	for (found = space->groups; found; found = found->next) {
		if (found->number == number) {
			found->devices++;
			*group = found;
			return 0;
		}
	}
	found = sys_calloc(space_sys(space), 1, sizeof(*found));
	if (!found)
		return -ENOMEM;
	ret = group_open_on(space_sys(space), &found->handle, number);
	if (ret)
		goto free_group;
	ret = iommut_vfio_group_set_container(found->handle, space->file->handle);
	if (ret)
		goto close_group;
	if (!space->groups) {
		ret = iommut_vfio_set_iommu(space->file->handle, space->iommu_type);
		if (ret)
			goto unset_container;
	}
	found->number = number;
	found->devices = 1;
	found->next = space->groups;
	space->groups = found;
	*group = found;
	return 0;

unset_container:
	iommut_vfio_group_unset_container(found->handle);
close_group:
	iommut_handle_close(&found->handle);
free_group:
	free(found);
	return ret;
}

void group_put(struct iommut_space *space, struct group *group)
{
	struct group **link = &space->groups;

	if (--group->devices)
		return;
	while (*link != group)
		link = &(*link)->next;
	*link = group->next;
	/* With its file the group leaves the container. */
	iommut_handle_close(&group->handle);
	free(group);
}
