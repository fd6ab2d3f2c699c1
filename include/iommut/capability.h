/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
#ifndef IOMMUT_CAPABILITY_H
#define IOMMUT_CAPABILITY_H

#include <iommut/types.h>

IOMMUT_BEGIN

/**
 * struct iommut_capability - one capability of a PCI function
 * @id: capability ID
 * @version: of an extended capability, else 0
 * @extended: it is an extended capability
 * @offset: where it is in config space
 * @length: bytes up to the next known capability or the end of its part of config space
 */
struct iommut_capability {
	uint16_t id;
	uint8_t version;
	bool extended;
	uint16_t offset;
	uint16_t length;
};

/**
 * iommut_capability_list() - the capabilities in a copy of config space
 * @config: config space from byte 0
 * @length: bytes of it: 64, 256 or 4096, or anything between
 * @capabilities: where they are stored, in the order of the lists; may be NULL if @room is 0
 * @room: how many fit
 *
 * Safe for any content: loops and offsets outside end a list.
 *
 * Return: how many there are, which may be more than @room; -EBADMSG if a list loops or leaves
 * config space.
 */
int iommut_capability_list(const uint8_t *config, size_t length,
			   struct iommut_capability *capabilities, size_t room);

/**
 * iommut_capability_find() - find a capability in a copy of config space
 * @config: config space from byte 0
 * @length: bytes of it
 * @id: capability ID
 * @extended: whether it is an extended one
 * @capability: where it is stored; may be NULL
 *
 * Return: 0, -ENOENT if there is none, -EBADMSG if it was not found and the list is broken.
 */
int iommut_capability_find(const uint8_t *config, size_t length, uint16_t id, bool extended,
			   struct iommut_capability *capability);

/**
 * iommut_capability_name() - the name of a capability
 * @id: capability ID
 * @extended: whether it is an extended one
 *
 * Return: such as "msix" or "ats"; NULL if unknown.
 */
const char *iommut_capability_name(uint16_t id, bool extended);

/**
 * struct iommut_pci_features - what a function's capabilities say about DMA and interrupts
 * @express: it is PCI Express
 * @express_type: device/port type of PCI Express
 * @flr: it has a function level reset
 * @msi_vectors: MSI vectors it can have, 0 without MSI
 * @msix_vectors: MSI-X vectors it can have, 0 without MSI-X
 * @ats: it has ATS
 * @ats_enabled: ATS is on
 * @ats_aligned: its requests are page aligned
 * @ats_queue_depth: invalidations it can queue
 * @ats_stu: smallest translation unit, as a power of 2 times 4096 bytes
 * @pri: it has PRI
 * @pri_enabled: PRI is on
 * @pri_pasid_required: responses to its requests carry the PASID
 * @pri_max: outstanding page requests it can have
 * @pri_allocated: outstanding page requests it may have
 * @pasid: it has PASIDs
 * @pasid_enabled: they are on
 * @pasid_width: bits of a PASID
 * @pasid_exec: it can ask for execute permission
 * @pasid_priv: it can make privileged requests
 * @acs: it has ACS
 * @acs_control: the control register of ACS
 * @sriov: it has SR-IOV
 * @sriov_total: VFs it can have
 * @power_management: it has power management
 */
struct iommut_pci_features {
	bool express;
	uint8_t express_type;
	bool flr;
	uint16_t msi_vectors;
	uint16_t msix_vectors;
	bool ats;
	bool ats_enabled;
	bool ats_aligned;
	uint8_t ats_queue_depth;
	uint8_t ats_stu;
	bool pri;
	bool pri_enabled;
	bool pri_pasid_required;
	uint32_t pri_max;
	uint32_t pri_allocated;
	bool pasid;
	bool pasid_enabled;
	uint8_t pasid_width;
	bool pasid_exec;
	bool pasid_priv;
	bool acs;
	uint16_t acs_control;
	bool sriov;
	uint16_t sriov_total;
	bool power_management;
};

/**
 * iommut_pci_features_decode() - read the capabilities in a copy of config space
 * @config: config space from byte 0
 * @length: bytes of it
 * @features: where they are stored
 *
 * Return: 0, or -EBADMSG if a capability list is broken or a capability is cut; what could be read
 * is stored all the same.
 */
int iommut_pci_features_decode(const uint8_t *config, size_t length,
			       struct iommut_pci_features *features);

/**
 * iommut_pci_features_get() - read the capabilities of a function through sysfs
 * @name: the function
 * @features: where they are stored
 *
 * Without CAP_SYS_ADMIN sysfs shows 64 bytes only, and then no capability.
 *
 * Return: 0, -ENODEV, or as iommut_pci_features_decode().
 */
int iommut_pci_features_get(const char *name, struct iommut_pci_features *features);

IOMMUT_END

#endif /* IOMMUT_CAPABILITY_H */
