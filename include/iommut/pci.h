/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
#ifndef IOMMUT_PCI_H
#define IOMMUT_PCI_H

#include <iommut/types.h>

IOMMUT_BEGIN

#define IOMMUT_BDF_SIZE    13
#define IOMMUT_DRIVER_SIZE 64

/**
 * struct iommut_bdf - address of a PCI function
 * @domain: PCI segment
 * @bus: bus
 * @device: 0 to 31
 * @function: 0 to 7
 */
struct iommut_bdf {
	uint32_t domain;
	uint8_t bus;
	uint8_t device;
	uint8_t function;
};

/**
 * struct iommut_pci_device - a PCI function as sysfs shows it
 * @bdf: its address
 * @name: the address as sysfs writes it, "0000:00:05.0"
 * @vendor: vendor ID
 * @device: device ID
 * @subsystem_vendor: subsystem vendor ID
 * @subsystem_device: subsystem ID
 * @class_code: class, subclass and programming interface, 24 bits
 * @revision: revision
 * @iommu_group: number of its IOMMU group, -1 if it has none
 * @numa_node: its node, -1 if unknown
 * @driver: name of the bound driver, "" if none
 * @is_virtual: it is a VF
 * @is_bridge: its header is that of a bridge
 */
struct iommut_pci_device {
	struct iommut_bdf bdf;
	char name[IOMMUT_BDF_SIZE + 4];
	uint16_t vendor;
	uint16_t device;
	uint16_t subsystem_vendor;
	uint16_t subsystem_device;
	uint32_t class_code;
	uint8_t revision;
	int iommu_group;
	int numa_node;
	char driver[IOMMUT_DRIVER_SIZE];
	bool is_virtual;
	bool is_bridge;
};

/**
 * iommut_bdf_parse() - read an address
 * @text: "0000:00:05.0" or "00:05.0", hexadecimal, nothing after it
 * @bdf: where it is stored
 *
 * Return: 0, or -EINVAL.
 */
int iommut_bdf_parse(const char *text, struct iommut_bdf *bdf);

/**
 * iommut_bdf_format() - write an address as sysfs does
 * @bdf: an address
 * @text: where it is stored; 17 bytes are enough for a domain of 32 bits
 * @size: of @text
 *
 * Return: length of the text (as snprintf(3)).
 */
int iommut_bdf_format(const struct iommut_bdf *bdf, char *text, size_t size);

/**
 * iommut_pci_get() - look a function up
 * @name: "0000:00:05.0" or "00:05.0"
 * @device: where it is stored
 *
 * Return: 0, -ENODEV if there is none, -EINVAL for a malformed address.
 */
int iommut_pci_get(const char *name, struct iommut_pci_device *device);

/**
 * iommut_pci_list() - all functions, sorted by address
 * @devices: where an array is stored, to be freed with free(3)
 * @count: where its length is stored
 *
 * Return: 0 (also for none), -EOPNOTSUPP if the kernel has no PCI, -ENOMEM.
 */
int iommut_pci_list(struct iommut_pci_device **devices, size_t *count);

/**
 * iommut_pci_group() - the functions of an IOMMU group
 * @group: number of the group
 * @devices: where an array is stored, to be freed with free(3)
 * @count: where its length is stored
 *
 * Return: 0, -ENOENT if there is no such group, -ENOMEM.
 */
int iommut_pci_group(int group, struct iommut_pci_device **devices, size_t *count);

/**
 * struct iommut_pci_reserved - a reserved region of an IOMMU group
 * @range: the addresses
 * @type: "direct", "direct-relaxable", "reserved" or "msi"
 */
struct iommut_pci_reserved {
	struct iommut_iova_range range;
	char type[24];
};

/**
 * iommut_pci_group_reserved() - what sysfs says is reserved in an IOMMU group
 * @group: number of the group
 * @regions: where an array is stored, to be freed with free(3)
 * @count: where its length is stored
 *
 * Return: 0, -ENOENT if there is no such group, -EBADMSG if the file cannot be understood, -ENOMEM.
 */
int iommut_pci_group_reserved(int group, struct iommut_pci_reserved **regions, size_t *count);

/**
 * iommut_pci_group_type() - the type of the default domain of an IOMMU group
 * @group: number of the group
 * @type: where "DMA", "DMA-FQ", "identity", "blocked" or "auto" is stored
 * @size: of @type
 *
 * Return: 0, or -ENOENT.
 */
int iommut_pci_group_type(int group, char *type, size_t size);

/**
 * struct iommut_pci_binding - what bound a function before, to be restored
 * @name: the function
 * @driver: its driver, "" if none
 * @driver_override: its override, "" if none
 */
struct iommut_pci_binding {
	char name[IOMMUT_BDF_SIZE + 4];
	char driver[IOMMUT_DRIVER_SIZE];
	char driver_override[IOMMUT_DRIVER_SIZE];
};

/**
 * iommut_pci_bind() - give a function to a driver
 * @name: the function
 * @driver: name of the driver, usually "vfio-pci"
 * @before: where what was before is stored, also when the call fails; may be NULL
 *
 * Uses driver_override, unbind and drivers_probe.
 *
 * Return: 0 (also if it was so already); -ENODEV if there is no such function; -ENOENT if there is
 * no such driver; -EIO if the driver did not take it; or the error of open(2) or write(2).
 */
int iommut_pci_bind(const char *name, const char *driver, struct iommut_pci_binding *before);

/**
 * iommut_pci_restore() - undo iommut_pci_bind()
 * @before: what iommut_pci_bind() stored
 *
 * Return: as iommut_pci_bind().
 */
int iommut_pci_restore(const struct iommut_pci_binding *before);

/**
 * iommut_pci_unbind() - take a function from its driver
 * @name: the function
 *
 * Return: 0 (also if none was bound), -ENODEV.
 */
int iommut_pci_unbind(const char *name);

/**
 * iommut_pci_remove() - let the kernel forget a function
 * @name: the function
 *
 * Return: 0, -ENODEV.
 */
int iommut_pci_remove(const char *name);

/**
 * iommut_pci_rescan() - let the kernel look for functions
 *
 * Return: 0, or the error of write(2).
 */
int iommut_pci_rescan(void);

/**
 * iommut_pci_reset() - reset a function through sysfs
 * @name: the function
 *
 * Return: 0, -ENODEV, -EOPNOTSUPP if it has no reset, or the error of write(2).
 */
int iommut_pci_reset(const char *name);

/**
 * iommut_pci_enable() - enable a function that has no driver, or take that back
 * @name: the function
 * @enable: whether it is to be enabled
 *
 * Linux counts: what is enabled here stays so whoever enables and disables it meanwhile. Its memory can be accessed; it is
 * no bus master by that.
 *
 * Return: 0, -ENODEV, -EBUSY if it has a driver, -EIO if it was to be disabled and is not enabled.
 */
int iommut_pci_enable(const char *name, bool enable);

/**
 * iommut_pci_reset_methods() - how a function can be reset
 * @name: the function
 * @methods: where the words are stored, separated by spaces: "flr pm bus"
 * @size: of @methods
 *
 * Return: 0, -ENODEV, -EOPNOTSUPP if it has no reset.
 */
int iommut_pci_reset_methods(const char *name, char *methods, size_t size);

/**
 * iommut_pci_set_reset_methods() - choose and order the reset methods
 * @name: the function
 * @methods: words separated by spaces, "default" for the kernel's own choice
 *
 * Return: 0, -ENODEV, -EINVAL for a method it has not.
 */
int iommut_pci_set_reset_methods(const char *name, const char *methods);

/**
 * iommut_pci_sriov() - how many VFs a function can have and has
 * @name: the physical function
 * @total: where the number it can have is stored
 * @enabled: where the number it has is stored
 *
 * Return: 0, -ENODEV, -EOPNOTSUPP if it has no SR-IOV.
 */
int iommut_pci_sriov(const char *name, unsigned int *total, unsigned int *enabled);

/**
 * iommut_pci_sriov_enable() - make VFs
 * @name: the physical function, bound to a driver that allows it
 * @count: how many; 0 removes them. They are not given to a driver.
 *
 * Return: 0, -ENODEV, -EOPNOTSUPP, -EBUSY, -ENOENT if its driver cannot, or the error of write(2).
 */
int iommut_pci_sriov_enable(const char *name, unsigned int count);

/**
 * iommut_pci_sriov_function() - the address of a VF
 * @name: the physical function
 * @index: of the VF, from 0
 * @function: where its address is stored
 * @size: of @function
 *
 * Return: 0, -ENODEV if there is none.
 */
int iommut_pci_sriov_function(const char *name, unsigned int index, char *function, size_t size);

/**
 * iommut_pci_config_read() - read config space through sysfs
 * @name: the function
 * @offset: bytes
 * @data: where the bytes are stored
 * @length: how many
 *
 * What the device really has, where VFIO's view hides something.
 *
 * Return: number of bytes read, less than @length if config space ends or the caller may not see
 * more; -ENODEV.
 */
int iommut_pci_config_read(const char *name, uint32_t offset, void *data, size_t length);

/**
 * iommut_pci_config_write() - write config space through sysfs
 * @name: the function
 * @offset: bytes
 * @data: the bytes
 * @length: how many
 *
 * Return: number of bytes written, -ENODEV, -EPERM (lockdown).
 */
int iommut_pci_config_write(const char *name, uint32_t offset, const void *data, size_t length);

IOMMUT_END

#endif /* IOMMUT_PCI_H */
