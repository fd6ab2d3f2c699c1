/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
#ifndef IOMMUT_BACKEND_H
#define IOMMUT_BACKEND_H

#include <iommut/types.h>

IOMMUT_BEGIN

/**
 * enum iommut_backend - which kernel interface an address space is made with
 * @IOMMUT_TYPE1: a VFIO container, /dev/vfio/vfio, with VFIO_TYPE1v2_IOMMU
 * @IOMMUT_COMPAT: /dev/iommu in the role of a VFIO container
 * @IOMMUT_IOMMUFD: /dev/iommu with an IOAS, and device cdevs, /dev/vfio/devices/vfioN
 */
enum iommut_backend {
	IOMMUT_TYPE1,
	IOMMUT_COMPAT,
	IOMMUT_IOMMUFD,
};

#define IOMMUT_BACKENDS 3

/**
 * iommut_backend_name() - the name of a backend as case IDs and options spell it
 * @backend: a backend
 *
 * Return: "type1", "compat" or "iommufd"; NULL for any other value.
 */
const char *iommut_backend_name(enum iommut_backend backend);

/**
 * iommut_backend_parse() - the backend of a name
 * @name: "type1", "compat" or "iommufd"
 * @backend: where it is stored
 *
 * Return: 0, or -EINVAL if there is no such backend.
 */
int iommut_backend_parse(const char *name, enum iommut_backend *backend);

/**
 * iommut_backend_probe() - whether the running kernel offers a backend
 * @backend: a backend
 * @reason: filled with what is missing, in words, when the return value is not 0; may be NULL
 * @size: size of @reason in bytes
 *
 * Opens and closes what the backend begins with and asks for its extensions. It cannot know whether
 * a device can be used: that needs a device.
 *
 * Return: 0, -EOPNOTSUPP if the kernel has no such interface, -EINVAL for an unknown backend, or
 * the error of open(2), for instance -EACCES.
 */
int iommut_backend_probe(enum iommut_backend backend, char *reason, size_t size);

IOMMUT_END

#endif /* IOMMUT_BACKEND_H */
