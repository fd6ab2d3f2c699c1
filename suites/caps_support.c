// SPDX-License-Identifier: GPL-2.0-or-later
/* What cases about capabilities share. */
#include <errno.h>
#include <string.h>

#include <iommut/vfio.h>

#include "suites/caps.h"

struct caps caps_open(struct test *t)
{
	struct caps caps = { .t = t };

	caps.rig = rig_open(t);
	expect_zero(t, iommut_pci_get(test_device_name(t, 0), &caps.pci));
	expect_zero(t, iommut_pci_features_get(caps.pci.name, &caps.features));
	if (iommu_model_of(caps.pci.name, &caps.model) != 0)
		skip(t, "sysfs does not show the device's IOMMU",
		     "a kernel whose IOMMU driver registers in /sys/class/iommu");
	if (iommut_space_backend(caps.rig->space) != IOMMUT_IOMMUFD)
		return caps;
	caps.iommufd = iommut_space_handle(caps.rig->space);
	expect_zero(t, iommut_space_ioas(caps.rig->space, &caps.ioas));
	expect_zero(t, iommut_device_id(caps.rig->device, &caps.device_id));
	expect_zero(t, iommut_hw_info(caps.iommufd, caps.device_id, IOMMU_HW_INFO_TYPE_DEFAULT,
				      &caps.info));
	return caps;
}

void need_vtd(const struct caps *caps)
{
	if (caps->model.vendor != IOMMU_INTEL)
		skipf(caps->t, "an Intel IOMMU", "%s is not VT-d", caps->model.name);
}

bool caps_extension(const struct caps *caps, unsigned long extension)
{
	int result =
		iommut_vfio_check_extension_raw(iommut_space_handle(caps->rig->space), extension);

	expect_that(caps->t, result >= 0, "VFIO_CHECK_EXTENSION %lu: %s", extension,
		    strerror(-result));
	return result > 0;
}

void check_page_table(const struct caps *caps, uint32_t hwpt, const struct place *place)
{
	struct test *t = caps->t;
	struct dma_buffer *buffer;
	int error = iommut_device_attach(caps->rig->device, hwpt);

	if (error)
		expectation_failed(t, place, "it cannot be attached: %s", strerror(-error));
	buffer = map_buffer(caps->rig, 4096);
	check_reaches(buffer, place);
	unmap_buffer(buffer);
	fill_canary(buffer);
	check_write_blocked(caps->rig, buffer->iova, 8, place);
	check_canary(buffer, 0, buffer->length, place);
	expect_zero(t, iommut_device_attach(caps->rig->device, caps->ioas));
}

struct iommut_fault_queue *caps_fault_queue(const struct caps *caps)
{
	struct iommut_fault_queue *queue;
	int error = iommut_fault_queue_open(&queue, caps->rig->space);

	if (error == -EOPNOTSUPP)
		skip(caps->t, "the kernel has no fault queues",
		     "a kernel with IOMMU_FAULT_QUEUE_ALLOC (6.11 or later)");
	expect_zero(caps->t, error);
	undo_later(caps->t, (void (*)(void *))iommut_fault_queue_close, queue);
	return queue;
}
