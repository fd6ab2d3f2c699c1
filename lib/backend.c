// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <iommut/backend.h>
#include <iommut/iommufd.h>
#include <iommut/vfio.h>

#include "lib/space.h"

static const char *const names[IOMMUT_BACKENDS] = {
	[IOMMUT_TYPE1] = "type1",
	[IOMMUT_COMPAT] = "compat",
	[IOMMUT_IOMMUFD] = "iommufd",
};

const char *iommut_backend_name(enum iommut_backend backend)
{
	return (unsigned int)backend < IOMMUT_BACKENDS ? names[backend] : NULL;
}

int iommut_backend_parse(const char *name, enum iommut_backend *backend)
{
	for (unsigned int i = 0; i < IOMMUT_BACKENDS; i++) {
		if (!strcmp(name, names[i])) {
			*backend = (enum iommut_backend)i;
			return 0;
		}
	}
	return -EINVAL;
}

static int explain(char *reason, size_t size, const char *what, int error)
{
	if (!reason || !size)
		return error;
	if (error == -EOPNOTSUPP)
		snprintf(reason, size, "the kernel has no %s", what);
	else
		snprintf(reason, size, "%s: %s", what, strerror(-error));
	return error;
}

static int probe_container(struct iommut_handle container, const char *path, char *reason,
			   size_t size)
{
	int ret = iommut_vfio_get_api_version_raw(container);

	/*
	 * /dev/iommu answers this only with CONFIG_IOMMUFD_VFIO_CONTAINER or a CDEV-only VFIO's
	 * compatibility.
	 */
	if (ret != VFIO_API_VERSION)
		return explain(reason, size, path, -EOPNOTSUPP);
	if (iommut_vfio_check_extension(container, VFIO_TYPE1v2_IOMMU) <= 0)
		return explain(reason, size, "VFIO type1 IOMMU driver", -EOPNOTSUPP);
	return 0;
}

int backend_probe_on(const struct iommut_syscalls *sys, enum iommut_backend backend, char *reason,
		     size_t size)
{
	static const char *const paths[IOMMUT_BACKENDS] = {
		[IOMMUT_TYPE1] = "VFIO container (/dev/vfio/vfio)",
		[IOMMUT_COMPAT] = "VFIO container in iommufd (/dev/iommu)",
		[IOMMUT_IOMMUFD] = "iommufd (/dev/iommu)",
	};
	struct iommut_handle handle;
	uint32_t ioas_id;
	int ret;

	if ((unsigned int)backend >= IOMMUT_BACKENDS)
		return -EINVAL;
	ret = backend == IOMMUT_TYPE1 ? container_open_on(sys, &handle)
				      : iommufd_open_on(sys, &handle);
	if (ret)
		return explain(reason, size, paths[backend], ret);
	if (backend == IOMMUT_IOMMUFD) {
		ret = iommut_ioas_alloc(handle, &ioas_id);
		if (ret)
			explain(reason, size, paths[backend], ret);
	} else {
		ret = probe_container(handle, paths[backend], reason, size);
	}
	iommut_handle_close(&handle);
	return ret;
}

int iommut_backend_probe(enum iommut_backend backend, char *reason, size_t size)
{
	return backend_probe_on(NULL, backend, reason, size);
}
