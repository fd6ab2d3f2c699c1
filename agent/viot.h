/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef AGENT_VIOT_H
#define AGENT_VIOT_H

/* Whose endpoint IDs a virtio-iommu reports: firmware says it in ACPI's table VIOT. */

#include <stddef.h>
#include <stdint.h>

#include <iommut/pci.h>

#define VIOT_MAX 4096

/**
 * viot_read() - this machine's table
 * @table: filled
 *
 * Return: its length; 0 if there is none, it is too long, or we must not read it.
 */
size_t viot_read(uint8_t table[VIOT_MAX]);

/**
 * viot_requester() - the function that a virtio-iommu knows by this ID
 * @table: the table, as ACPI has it
 * @length: bytes
 * @endpoint: the ID
 * @bdf: filled
 *
 * ACPI 6.5, 5.2.33.3: PCI range node structure.
 *
 * Return: 0, -ENOENT if the table does not tell.
 */
int viot_requester(const uint8_t *table, size_t length, uint32_t endpoint, struct iommut_bdf *bdf);

#endif /* AGENT_VIOT_H */
