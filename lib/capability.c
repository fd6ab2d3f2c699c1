// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
#include <errno.h>
#include <string.h>

#include <linux/pci_regs.h>

#include <iommut/capability.h>
#include <iommut/pci.h>

static uint16_t get16(const uint8_t *config, size_t offset)
{
	return (uint16_t)(config[offset] | config[offset + 1] << 8);
}

static uint32_t get32(const uint8_t *config, size_t offset)
{
	return get16(config, offset) | (uint32_t)get16(config, offset + 2) << 16;
}

struct listing {
	struct iommut_capability *capabilities;
	size_t room;
	size_t count;
};

static void add(struct listing *listing, uint16_t id, uint8_t version, bool extended,
		uint16_t offset)
{
	if (listing->count < listing->room)
		listing->capabilities[listing->count] = (struct iommut_capability){
			.id = id,
			.version = version,
			.extended = extended,
			.offset = offset,
		};
	listing->count++;
}

static int walk(const uint8_t *config, size_t length, struct listing *listing)
{
	/*
	 * Each capability has at least 4 bytes and starts behind the header: more of them are a
	 * loop.
	 */
	unsigned int left = (PCI_CFG_SPACE_SIZE - PCI_STD_HEADER_SIZEOF) / 4;
	size_t end = length < PCI_CFG_SPACE_SIZE ? length : PCI_CFG_SPACE_SIZE;
	uint8_t at;

	if (length < PCI_STD_HEADER_SIZEOF || !(get16(config, PCI_STATUS) & PCI_STATUS_CAP_LIST))
		return 0;
	/* The two lowest bits are reserved (PCI 3.0, 6.7). */
	at = config[PCI_CAPABILITY_LIST] & ~3;
	while (at) {
		if (at < PCI_STD_HEADER_SIZEOF || at + 4u > PCI_CFG_SPACE_SIZE || !left--)
			return -EBADMSG;
		/*
		 * What cannot be seen is no fault of the list: sysfs cuts config space for users
		 * without privilege.
		 */
		if (at + 4u > end)
			return 0;
		add(listing, config[at + PCI_CAP_LIST_ID], 0, false, at);
		at = config[at + PCI_CAP_LIST_NEXT] & ~3;
	}
	return 0;
}

static int walk_extended(const uint8_t *config, size_t length, struct listing *listing)
{
	unsigned int left = (PCI_CFG_SPACE_EXP_SIZE - PCI_CFG_SPACE_SIZE) / 4;
	uint16_t at = PCI_CFG_SPACE_SIZE;

	while (at) {
		uint32_t header;

		if (at < PCI_CFG_SPACE_SIZE || at + 4u > PCI_CFG_SPACE_EXP_SIZE || !left--)
			return -EBADMSG;
		if (at + 4u > length)
			return 0;
		header = get32(config, at);
		/* All ones: the device or the host has no extended config space. */
		if (header == 0 || header == UINT32_MAX)
			return 0;
		add(listing, PCI_EXT_CAP_ID(header), PCI_EXT_CAP_VER(header), true, at);
		at = PCI_EXT_CAP_NEXT(header);
	}
	return 0;
}

/* A capability ends where the next one in address order starts. */
static void measure(const struct listing *listing, size_t stored, size_t length,
		    struct iommut_capability *this)
{
	size_t end = this->extended ? length : PCI_CFG_SPACE_SIZE;

	if (end > length)
		end = length;
	for (size_t i = 0; i < stored; i++) {
		uint16_t offset = listing->capabilities[i].offset;

		if (offset > this->offset && offset < end)
			end = offset;
	}
	this->length = (uint16_t)(end - this->offset);
}

int iommut_capability_list(const uint8_t *config, size_t length,
			   struct iommut_capability *capabilities, size_t room)
{
	struct listing listing = { .capabilities = capabilities, .room = room };
	int ret = walk(config, length, &listing);

	if (!ret)
		ret = walk_extended(config, length, &listing);
	if (ret)
		return ret;
	for (size_t i = 0; i < listing.count && i < room; i++)
		measure(&listing, listing.count < room ? listing.count : room, length,
			&capabilities[i]);
	return (int)listing.count;
}

/* As many as both lists can have. */
#define CAPABILITIES_MAX ((PCI_CFG_SPACE_EXP_SIZE - PCI_STD_HEADER_SIZEOF) / 4)

int iommut_capability_find(const uint8_t *config, size_t length, uint16_t id, bool extended,
			   struct iommut_capability *capability)
{
	struct iommut_capability list[CAPABILITIES_MAX];
	struct listing listing = { .capabilities = list, .room = CAPABILITIES_MAX };
	int ret =
		extended ? walk_extended(config, length, &listing) : walk(config, length, &listing);

	for (size_t i = 0; i < listing.count && i < CAPABILITIES_MAX; i++) {
		if (list[i].id == id) {
			measure(&listing, listing.count, length, &list[i]);
			if (capability)
				*capability = list[i];
			return 0;
		}
	}
	return ret ? ret : -ENOENT;
}

const char *iommut_capability_name(uint16_t id, bool extended)
{
	static const char *const names[] = {
		[PCI_CAP_ID_PM] = "pm",       [PCI_CAP_ID_AGP] = "agp",
		[PCI_CAP_ID_VPD] = "vpd",     [PCI_CAP_ID_SLOTID] = "slot",
		[PCI_CAP_ID_MSI] = "msi",     [PCI_CAP_ID_PCIX] = "pcix",
		[PCI_CAP_ID_HT] = "ht",       [PCI_CAP_ID_VNDR] = "vendor",
		[PCI_CAP_ID_DBG] = "debug",   [PCI_CAP_ID_SHPC] = "shpc",
		[PCI_CAP_ID_SSVID] = "ssvid", [PCI_CAP_ID_SECDEV] = "secure",
		[PCI_CAP_ID_EXP] = "express", [PCI_CAP_ID_MSIX] = "msix",
		[PCI_CAP_ID_SATA] = "sata",   [PCI_CAP_ID_AF] = "af",
		[PCI_CAP_ID_EA] = "ea",       [PCI_CAP_ID_CHSWP] = "hotswap",
		[PCI_CAP_ID_CCRC] = "crc",    [PCI_CAP_ID_AGP3] = "agp3",
	};
	static const char *const extended_names[] = {
		[PCI_EXT_CAP_ID_ERR] = "aer",           [PCI_EXT_CAP_ID_VC] = "vc",
		[PCI_EXT_CAP_ID_DSN] = "dsn",           [PCI_EXT_CAP_ID_PWR] = "power",
		[PCI_EXT_CAP_ID_RCRB] = "rcrb",         [PCI_EXT_CAP_ID_VNDR] = "vendor",
		[PCI_EXT_CAP_ID_ACS] = "acs",           [PCI_EXT_CAP_ID_ARI] = "ari",
		[PCI_EXT_CAP_ID_ATS] = "ats",           [PCI_EXT_CAP_ID_SRIOV] = "sriov",
		[PCI_EXT_CAP_ID_MRIOV] = "mriov",       [PCI_EXT_CAP_ID_MCAST] = "multicast",
		[PCI_EXT_CAP_ID_PRI] = "pri",           [PCI_EXT_CAP_ID_REBAR] = "rebar",
		[PCI_EXT_CAP_ID_DPA] = "dpa",           [PCI_EXT_CAP_ID_TPH] = "tph",
		[PCI_EXT_CAP_ID_LTR] = "ltr",           [PCI_EXT_CAP_ID_SECPCI] = "secondary",
		[PCI_EXT_CAP_ID_PMUX] = "pmux",         [PCI_EXT_CAP_ID_PASID] = "pasid",
		[PCI_EXT_CAP_ID_DPC] = "dpc",           [PCI_EXT_CAP_ID_L1SS] = "l1ss",
		[PCI_EXT_CAP_ID_PTM] = "ptm",           [PCI_EXT_CAP_ID_DVSEC] = "dvsec",
		[PCI_EXT_CAP_ID_DLF] = "dlf",           [PCI_EXT_CAP_ID_PL_16GT] = "16gt",
		[PCI_EXT_CAP_ID_RCLD] = "rcld",         [PCI_EXT_CAP_ID_RCILC] = "rcilc",
		[PCI_EXT_CAP_ID_RCEC] = "rcec",         [PCI_EXT_CAP_ID_MFVC] = "mfvc",
		[PCI_EXT_CAP_ID_VC9] = "vc9",           [PCI_EXT_CAP_ID_CAC] = "cac",
		[PCI_EXT_CAP_ID_VF_REBAR] = "vf-rebar", [PCI_EXT_CAP_ID_NPEM] = "npem",
		[PCI_EXT_CAP_ID_PL_32GT] = "32gt",      [PCI_EXT_CAP_ID_PL_64GT] = "64gt",
		[PCI_EXT_CAP_ID_DOE] = "doe",           [PCI_EXT_CAP_ID_DEV3] = "dev3",
		[PCI_EXT_CAP_ID_IDE] = "ide",
	};

	if (extended)
		return id < sizeof(extended_names) / sizeof(extended_names[0]) ? extended_names[id]
									       : NULL;
	return id < sizeof(names) / sizeof(names[0]) ? names[id] : NULL;
}

/* Whether a capability is there with all the bytes that will be read; a cut one is an error. */
static bool have(const uint8_t *config, size_t length, uint16_t id, bool extended, size_t bytes,
		 const uint8_t **at, int *error)
{
	struct iommut_capability capability;
	int ret = iommut_capability_find(config, length, id, extended, &capability);

	if (!ret && capability.length < bytes)
		ret = -EBADMSG;
	if (ret == -EBADMSG)
		*error = ret;
	if (ret)
		return false;
	*at = config + capability.offset;
	return true;
}

static void decode_basic(const uint8_t *config, size_t length, struct iommut_pci_features *features,
			 int *error)
{
	const uint8_t *at;

	features->power_management =
		have(config, length, PCI_CAP_ID_PM, false, PCI_PM_SIZEOF, &at, error);
	if (have(config, length, PCI_CAP_ID_EXP, false, PCI_EXP_DEVCAP + 4, &at, error)) {
		features->express = true;
		features->express_type = (get16(at, PCI_EXP_FLAGS) & PCI_EXP_FLAGS_TYPE) >> 4;
		features->flr = get32(at, PCI_EXP_DEVCAP) & PCI_EXP_DEVCAP_FLR;
	}
	if (have(config, length, PCI_CAP_ID_AF, false, PCI_AF_CAP + 1, &at, error) &&
	    (at[PCI_AF_CAP] & PCI_AF_CAP_FLR))
		features->flr = true;
	if (have(config, length, PCI_CAP_ID_MSI, false, PCI_MSI_FLAGS + 2, &at, error))
		features->msi_vectors = 1
					<< ((get16(at, PCI_MSI_FLAGS) & PCI_MSI_FLAGS_QMASK) >> 1);
	if (have(config, length, PCI_CAP_ID_MSIX, false, PCI_MSIX_FLAGS + 2, &at, error))
		features->msix_vectors = (get16(at, PCI_MSIX_FLAGS) & PCI_MSIX_FLAGS_QSIZE) + 1;
}

static void decode_extended(const uint8_t *config, size_t length,
			    struct iommut_pci_features *features, int *error)
{
	const uint8_t *at;
	uint16_t word;

	if (have(config, length, PCI_EXT_CAP_ID_ATS, true, PCI_ATS_CTRL + 2, &at, error)) {
		features->ats = true;
		word = get16(at, PCI_ATS_CAP);
		features->ats_aligned = word & PCI_ATS_CAP_PAGE_ALIGNED;
		/* 0 stands for 32 (PCIe 10.5.1.2). */
		features->ats_queue_depth = PCI_ATS_CAP_QDEP(word) ? PCI_ATS_CAP_QDEP(word) : 32;
		word = get16(at, PCI_ATS_CTRL);
		features->ats_enabled = word & PCI_ATS_CTRL_ENABLE;
		features->ats_stu = PCI_ATS_CTRL_STU(word);
	}
	if (have(config, length, PCI_EXT_CAP_ID_PRI, true, PCI_EXT_CAP_PRI_SIZEOF, &at, error)) {
		features->pri = true;
		features->pri_enabled = get16(at, PCI_PRI_CTRL) & PCI_PRI_CTRL_ENABLE;
		features->pri_pasid_required = get16(at, PCI_PRI_STATUS) & PCI_PRI_STATUS_PASID;
		features->pri_max = get32(at, PCI_PRI_MAX_REQ);
		features->pri_allocated = get32(at, PCI_PRI_ALLOC_REQ);
	}
	if (have(config, length, PCI_EXT_CAP_ID_PASID, true, PCI_PASID_CTRL + 2, &at, error)) {
		features->pasid = true;
		word = get16(at, PCI_PASID_CAP);
		features->pasid_exec = word & PCI_PASID_CAP_EXEC;
		features->pasid_priv = word & PCI_PASID_CAP_PRIV;
		features->pasid_width = (word >> 8) & 0x1f;
		features->pasid_enabled = get16(at, PCI_PASID_CTRL) & PCI_PASID_CTRL_ENABLE;
	}
	if (have(config, length, PCI_EXT_CAP_ID_ACS, true, PCI_ACS_CTRL + 2, &at, error)) {
		features->acs = true;
		features->acs_control = get16(at, PCI_ACS_CTRL);
	}
	if (have(config, length, PCI_EXT_CAP_ID_SRIOV, true, PCI_SRIOV_TOTAL_VF + 2, &at, error)) {
		features->sriov = true;
		features->sriov_total = get16(at, PCI_SRIOV_TOTAL_VF);
	}
}

int iommut_pci_features_decode(const uint8_t *config, size_t length,
			       struct iommut_pci_features *features)
{
	int error = 0;

	memset(features, 0, sizeof(*features));
	decode_basic(config, length, features, &error);
	decode_extended(config, length, features, &error);
	return error;
}

int iommut_pci_features_get(const char *name, struct iommut_pci_features *features)
{
	uint8_t config[PCI_CFG_SPACE_EXP_SIZE];
	int length = iommut_pci_config_read(name, 0, config, sizeof(config));

	if (length < 0)
		return length;
	return iommut_pci_features_decode(config, length, features);
}
