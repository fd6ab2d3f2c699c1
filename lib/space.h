/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
#ifndef LIB_SPACE_H
#define LIB_SPACE_H

#include <stdatomic.h>

#include <iommut/space.h>

#include "lib/syscalls.h"

/* The /dev/iommu or /dev/vfio/vfio file, shared by the spaces that were made beside each other. */
struct file_reference {
	atomic_uint users;
	struct iommut_handle handle;
};

/* A VFIO group that is part of a container as long as one of its devices is open. */
struct group {
	struct group *next;
	unsigned int devices;
	int number;
	struct iommut_handle handle;
};

struct iommut_space {
	atomic_uint users;
	enum iommut_backend backend;
	struct file_reference *file;
	uint32_t ioas_id;
	uint32_t iommu_type;
	struct group *groups;
};

int space_open_on(const struct iommut_syscalls *sys, struct iommut_space **space,
		  const struct iommut_space_options *options);
int backend_probe_on(const struct iommut_syscalls *sys, enum iommut_backend backend, char *reason,
		     size_t size);
int iommufd_open_on(const struct iommut_syscalls *sys, struct iommut_handle *iommufd);
int container_open_on(const struct iommut_syscalls *sys, struct iommut_handle *container);
int group_open_on(const struct iommut_syscalls *sys, struct iommut_handle *group, int number);
int cdev_open_on(const struct iommut_syscalls *sys, struct iommut_handle *device, const char *bdf);

struct iommut_space *space_get(struct iommut_space *space);

static inline const struct iommut_syscalls *space_sys(const struct iommut_space *space)
{
	return space->file->handle.sys;
}

/* Adds the group to the container, or takes one more reference to it; see group_put(). */
int group_get(struct iommut_space *space, int number, struct group **group);
void group_put(struct iommut_space *space, struct group *group);

#endif /* LIB_SPACE_H */
