/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
#ifndef LIB_PCI_H
#define LIB_PCI_H

#include <iommut/pci.h>

#include "lib/syscalls.h"

int pci_get_on(const struct iommut_syscalls *sys, const char *name,
	       struct iommut_pci_device *device);
/**
 * pci_group_on() - the IOMMU group of a function, which is all that opening it needs
 * @sys: the kernel
 * @name: the function, in either form
 *
 * Return: the group; -ENODEV if there is no such function or it has no group, -EINVAL for a malformed address.
 */
int pci_group_on(const struct iommut_syscalls *sys, const char *name);
int pci_list_on(const struct iommut_syscalls *sys, const char *folder,
		struct iommut_pci_device **devices, size_t *count);
int pci_bind_on(const struct iommut_syscalls *sys, const char *name, const char *driver,
		struct iommut_pci_binding *before);
int pci_restore_on(const struct iommut_syscalls *sys, const struct iommut_pci_binding *before);
int pci_group_reserved_on(const struct iommut_syscalls *sys, int group,
			  struct iommut_pci_reserved **regions, size_t *count);

/**
 * pci_path() - the path of a file of a function in sysfs
 * @name: the function, in either form
 * @file: name of the file
 * @path: where the path is stored
 * @size: of @path
 *
 * Return: 0, or -EINVAL for a malformed address.
 */
int pci_path(const char *name, const char *file, char *path, size_t size);

/**
 * pci_first_entry_on() - the first entry of a folder whose name starts so
 * @sys: the kernel
 * @folder: the folder
 * @prefix: how the name starts
 * @name: where the name is stored
 * @size: of @name
 *
 * Return: 0, -ENOENT if there is none, or the error of open(2).
 */
int pci_first_entry_on(const struct iommut_syscalls *sys, const char *folder, const char *prefix,
		       char *name, size_t size);

#endif /* LIB_PCI_H */
