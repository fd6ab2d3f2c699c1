/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
#ifndef IOMMUT_DEVICE_H
#define IOMMUT_DEVICE_H

#include <iommut/space.h>
#include <iommut/types.h>

struct vfio_device_info;
struct vfio_pci_dependent_device;

IOMMUT_BEGIN

/**
 * struct iommut_device - a PCI function opened through VFIO, in an address space
 *
 * The function must be bound to vfio-pci (or another VFIO PCI driver). type1 and compat open it
 * through its group, iommufd through its cdev, binds it to the space's /dev/iommu file and attaches
 * it to the space's IOAS.
 */
struct iommut_device;

/**
 * enum iommut_device_flags - how a device is opened
 * @IOMMUT_DEVICE_DETACHED: iommufd only: bind, but attach to nothing: DMA is blocked until
 *     iommut_device_attach()
 * @IOMMUT_DEVICE_NO_BUS_MASTER: leave bus mastering as the kernel left it (off); otherwise it is
 *     turned on
 */
enum iommut_device_flags {
	IOMMUT_DEVICE_DETACHED = 1 << 0,
	IOMMUT_DEVICE_NO_BUS_MASTER = 1 << 1,
};

/**
 * struct iommut_device_options - how a device is opened
 * @flags: enum iommut_device_flags bits
 * @token: VF token, 16 bytes of a UUID, or NULL
 */
struct iommut_device_options {
	uint32_t flags;
	const uint8_t *token;
};

/**
 * iommut_device_open() - open a PCI function in an address space
 * @device: where the device is stored
 * @space: the address space; the device keeps it alive
 * @bdf: "0000:00:05.0" or "00:05.0"
 *
 * Attaches to the space and turns bus mastering on. A group that is already part of the space is
 * shared.
 *
 * Return: 0; -ENODEV if there is no such function or it has no IOMMU group; -ENOENT if it is not
 * bound to a VFIO driver; -EBUSY if it or its group is in use; -EPERM if interrupts are not
 * isolated (VFIO's allow_unsafe_interrupts) or the group is not viable; -EINVAL for a malformed BDF
 * or a device whose IOMMU is not cache coherent; -EOPNOTSUPP if the kernel lacks the interface;
 * -ENOMEM.
 */
int iommut_device_open(struct iommut_device **device, struct iommut_space *space, const char *bdf);

/**
 * iommut_device_open_with() - open a PCI function in an address space, with options
 * @device: where the device is stored
 * @space: the address space
 * @bdf: "0000:00:05.0" or "00:05.0"
 * @options: how
 *
 * Return: as iommut_device_open(); -EACCES or -EINVAL also for a wrong token; -EINVAL for flags the
 * backend has not.
 */
int iommut_device_open_with(struct iommut_device **device, struct iommut_space *space,
			    const char *bdf, const struct iommut_device_options *options);

/**
 * iommut_device_close() - close a device
 * @device: a device, or NULL
 *
 * The kernel stops its interrupts, resets it where it can, and detaches it. Regions and interrupt
 * objects of the device must be closed before.
 */
void iommut_device_close(struct iommut_device *device);

/**
 * iommut_device_handle() - the device's file descriptor, for typed and raw calls
 * @device: a device
 *
 * Return: the handle; it belongs to the device.
 */
struct iommut_handle iommut_device_handle(const struct iommut_device *device);

/**
 * iommut_device_space() - the address space the device was opened in
 * @device: a device
 *
 * Return: the space.
 */
struct iommut_space *iommut_device_space(const struct iommut_device *device);

/**
 * iommut_device_bdf() - the device's full address
 * @device: a device
 *
 * Return: "DDDD:BB:DD.F".
 */
const char *iommut_device_bdf(const struct iommut_device *device);

/**
 * iommut_device_id() - the device's object ID in iommufd
 * @device: a device of an iommufd space
 * @dev_id: where it is stored
 *
 * Return: 0, or -EOPNOTSUPP for other backends.
 */
int iommut_device_id(const struct iommut_device *device, uint32_t *dev_id);

/**
 * iommut_device_info() - what VFIO says about the device
 * @device: a device
 * @info: where it is stored (VFIO_DEVICE_GET_INFO; capabilities left out)
 *
 * Return: 0, or -ENODEV after removal.
 */
int iommut_device_info(struct iommut_device *device, struct vfio_device_info *info);

/**
 * iommut_device_info_capability() - a capability of what VFIO says of a device
 * @device: a device
 * @id: VFIO_DEVICE_INFO_CAP_*
 * @data: where the capability is stored, its struct vfio_info_cap_header first
 * @size: of @data in bytes; of a longer capability the beginning is stored
 *
 * VFIO_DEVICE_GET_INFO, VFIO_DEVICE_FLAGS_CAPS.
 *
 * Return: 0, -ENOENT if there is no such capability, -EBADMSG if it is shorter than @size or the
 * list contradicts itself, -ENOMEM, or the error of ioctl(2).
 */
int iommut_device_info_capability(struct iommut_device *device, uint16_t id, void *data,
				  size_t size);

/**
 * iommut_device_atomics() - which atomic operations of a device the root complex completes
 * @device: a device
 * @flags: where VFIO_PCI_ATOMIC_COMP* are stored; 0 for none
 *
 * VFIO_DEVICE_INFO_CAP_PCI_ATOMIC_COMP.
 *
 * Return: 0, or as iommut_device_info_capability() without -ENOENT.
 */
int iommut_device_atomics(struct iommut_device *device, uint32_t *flags);

/**
 * iommut_device_attach() - attach, or replace what is attached
 * @device: a device of an iommufd space
 * @pt_id: ID of an IOAS or HWPT of the same /dev/iommu file
 *
 * VFIO_DEVICE_ATTACH_IOMMUFD_PT. If something is attached it is replaced without a gap, where the
 * IOMMU driver can.
 *
 * Return: 0, -EOPNOTSUPP for other backends, -ENOENT or -EINVAL for an ID that is none, -EBUSY,
 * -EINVAL if incompatible.
 */
int iommut_device_attach(struct iommut_device *device, uint32_t pt_id);

/**
 * iommut_device_detach() - detach from whatever is attached
 * @device: a device of an iommufd space
 *
 * VFIO_DEVICE_DETACH_IOMMUFD_PT. DMA is blocked afterwards.
 *
 * Return: 0 (also if nothing was attached), -EOPNOTSUPP for other backends.
 */
int iommut_device_detach(struct iommut_device *device);

/**
 * iommut_device_attach_pasid() - attach a PASID of the device, or replace what is attached to it
 * @device: a device of an iommufd space
 * @pasid: 1 up to what the device and the IOMMU can
 * @pt_id: ID of a HWPT allocated with IOMMU_HWPT_ALLOC_PASID
 *
 * Linux 7.3 accepts this for a device without PASID: check out_max_pasid_log2 of iommut_hw_info()
 * first.
 *
 * Return: 0, -EOPNOTSUPP if the backend, kernel or device has no PASIDs, -EINVAL.
 */
int iommut_device_attach_pasid(struct iommut_device *device, uint32_t pasid, uint32_t pt_id);

/**
 * iommut_device_detach_pasid() - detach a PASID
 * @device: a device of an iommufd space
 * @pasid: the PASID
 *
 * Return: 0, -EOPNOTSUPP as for attaching.
 */
int iommut_device_detach_pasid(struct iommut_device *device, uint32_t pasid);

/**
 * iommut_device_reset() - reset the function
 * @device: a device
 *
 * VFIO_DEVICE_RESET: the best reset the kernel has for it. Bus mastering is off in the device
 * afterwards only if the kernel did not restore it: VFIO restores the configuration it saved.
 *
 * Return: 0, -EINVAL or -ENOTTY if the function has no reset.
 */
int iommut_device_reset(struct iommut_device *device);

/**
 * iommut_device_bus_master() - turn bus mastering on or off
 * @device: a device
 * @on: wanted state of bit 2 of the command register
 *
 * Writes the command register through VFIO's config space.
 *
 * Return: 0, -ENODEV if the device is gone, -EIO.
 */
int iommut_device_bus_master(struct iommut_device *device, bool on);

/**
 * iommut_device_gone() - whether the device has been removed
 * @device: a device
 *
 * VFIO keeps a copy of the vendor ID, so class and revision are what tells.
 *
 * Return: true if they read as all ones, or config space cannot be read.
 */
bool iommut_device_gone(struct iommut_device *device);

/**
 * iommut_device_hot_reset_info() - which functions a bus or slot reset would touch
 * @device: a device
 * @devices: where an array is stored, to be freed with free(3)
 * @count: where its length is stored
 * @flags: where VFIO_PCI_HOT_RESET_FLAG_* are stored; may be NULL
 *
 * Return: 0, -ENODEV if no such reset is possible, -ENOMEM.
 */
int iommut_device_hot_reset_info(struct iommut_device *device,
				 struct vfio_pci_dependent_device **devices, size_t *count,
				 uint32_t *flags);

/**
 * iommut_device_hot_reset() - reset the device's bus or slot
 * @device: a device
 *
 * VFIO_DEVICE_PCI_HOT_RESET, with every group of the device's space (type1, compat) or with the
 * ownership of its /dev/iommu file (iommufd).
 *
 * Return: 0, -EPERM or -EINVAL if not every touched function belongs to the space, -ENODEV if not
 * possible.
 */
int iommut_device_hot_reset(struct iommut_device *device);

IOMMUT_END

#endif /* IOMMUT_DEVICE_H */
