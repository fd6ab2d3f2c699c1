// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
#include <string.h>

#include "lib/fault.h"

static bool intel_reason(const char *line, struct iommut_fault *fault)
{
	static const char token[] = "[fault reason ";
	const char *at = strstr(line, token);
	uint64_t reason;

	if (!at)
		return false;
	at += sizeof(token) - 1;
	/* "0x06" since 5.18; "06", meaning the same up to 9, before. */
	if (!fault_number(&at, 16, &reason) || *at != ']')
		return false;
	fault->reason = (uint32_t)reason;
	fault->fields |= IOMMUT_FAULT_HAS_REASON;
	at++;
	at += strspn(at, " ");
	fault_text(fault, at, strlen(at));
	return true;
}

static bool intel_dma(const char *line, struct iommut_fault *fault)
{
	static const char device[] = "Request device [";
	const char *at = strstr(line, "[DMA ");
	const char *request = strstr(line, device);
	uint64_t value;

	if (!at || !request)
		return false;
	at += strlen("[DMA ");
	if (!strncmp(at, "Write", 5))
		fault->write = true;
	else if (strncmp(at, "Read", 4))
		return false;
	fault->kind = IOMMUT_FAULT_DMA;
	fault->fields |= IOMMUT_FAULT_HAS_DIRECTION;
	if (!fault_device(request + sizeof(device) - 1, fault) ||
	    !fault_field(line, "fault addr ", 16, &fault->address))
		return false;
	fault->fields |= IOMMUT_FAULT_HAS_ADDRESS;
	/* "NO_PASID" is no PASID; kernels before 5.18 print ffffffff for it. */
	if (!strstr(line, "NO_PASID") && fault_field(line, "PASID ", 16, &value) &&
	    value <= IOMMUT_PASID_MAX) {
		fault->pasid = (uint32_t)value;
		fault->fields |= IOMMUT_FAULT_HAS_PASID;
	}
	return intel_reason(line, fault);
}

static bool intel_interrupt(const char *line, struct iommut_fault *fault)
{
	static const char device[] = "Request device [";
	const char *request = strstr(line, device);

	if (!strstr(line, "INTR-REMAP") || !request)
		return false;
	fault->kind = IOMMUT_FAULT_INTERRUPT;
	if (!fault_device(request + sizeof(device) - 1, fault) ||
	    !fault_field(line, "fault index ", 16, &fault->address))
		return false;
	fault->fields |= IOMMUT_FAULT_HAS_ADDRESS;
	return intel_reason(line, fault);
}

static bool intel_other(const char *line, struct iommut_fault *fault)
{
	uint64_t status;
	const char *at;

	if (fault_field(line, "handling fault status reg ", 16, &status)) {
		/*
		 * Primary Fault Overflow (VT-d 11.4.7.1); without it the faults themselves follow.
		 */
		fault->kind = IOMMUT_FAULT_OVERFLOW;
		return status & 1;
	}
	if (strstr(line, "PRQ overflow detected")) {
		fault->kind = IOMMUT_FAULT_OVERFLOW;
		return true;
	}
	if (strstr(line, "Invalid page request:")) {
		fault->kind = IOMMUT_FAULT_PAGE_REQUEST;
		return true;
	}
	at = strstr(line, "VT-d detected ");
	if (!at)
		return false;
	at += strlen("VT-d detected ");
	fault->kind = IOMMUT_FAULT_COMMAND;
	fault_text(fault, at, strlen(at));
	return true;
}

bool fault_intel(const char *line, struct iommut_fault *fault)
{
	/*
	 * "DMAR:" on its own lines, "DMAR-IR:" of interrupt remapping; page requests come without
	 * either in some versions.
	 */
	if (!strstr(line, "DMAR") && !strstr(line, "PRQ overflow") &&
	    !strstr(line, "Invalid page request:"))
		return false;
	fault->source = IOMMUT_FAULT_INTEL;
	if (intel_dma(line, fault))
		return true;
	memset(fault, 0, sizeof(*fault));
	if (intel_interrupt(line, fault))
		return true;
	memset(fault, 0, sizeof(*fault));
	return intel_other(line, fault);
}

/*
 * Flags of an event log entry (AMD IOMMU 2.5.3) as Linux prints them, from bit 20 of the second
 * word on.
 */
#define AMD_FLAG_US 0x004
#define AMD_FLAG_I  0x008
#define AMD_FLAG_RW 0x020

static void amd_kind(const char *name, size_t length, struct iommut_fault *fault)
{
	static const struct {
		const char *name;
		enum iommut_fault_kind kind;
	} kinds[] = {
		{ "IO_PAGE_FAULT", IOMMUT_FAULT_DMA },
		{ "INVALID_DEVICE_REQUEST", IOMMUT_FAULT_DMA },
		{ "ILLEGAL_DEV_TABLE_ENTRY", IOMMUT_FAULT_DMA },
		{ "RMP_PAGE_FAULT", IOMMUT_FAULT_DMA },
		{ "RMP_HW_ERROR", IOMMUT_FAULT_DMA },
		{ "INVALID_PPR_REQUEST", IOMMUT_FAULT_PAGE_REQUEST },
		{ "ILLEGAL_COMMAND_ERROR", IOMMUT_FAULT_COMMAND },
		{ "COMMAND_HARDWARE_ERROR", IOMMUT_FAULT_COMMAND },
		{ "IOTLB_INV_TIMEOUT", IOMMUT_FAULT_COMMAND },
	};

	fault->kind = IOMMUT_FAULT_OTHER;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (length == strlen(kinds[i].name) && !strncmp(name, kinds[i].name, length))
			fault->kind = kinds[i].kind;
}

/*
 * Where the device is not in the brackets, the log's own prefix names it: "vfio-pci 0000:00:05.0:
 * AMD-Vi: ..."
 */
static void amd_prefix_device(const char *line, const char *end, struct iommut_fault *fault)
{
	for (const char *at = line; at < end; at++)
		if ((at == line || at[-1] == ' ') && fault_device(at, fault))
			return;
}

/*
 * A log that stopped because it was full: "IOMMU event log overflow" up to 6.5, then "IOMMU Event log restarting", with PPR or GA
 * for the other logs.
 */
static bool amd_other(const char *line, struct iommut_fault *fault)
{
	if (strstr(line, "IOMMU event log overflow") || strstr(line, " log restarting") ||
	    strstr(line, " Log restarting")) {
		fault->kind = IOMMUT_FAULT_OVERFLOW;
		return true;
	}
	if (strstr(line, "Completion-Wait loop timed out") ||
	    strstr(line, "Command buffer timeout")) {
		fault->kind = IOMMUT_FAULT_COMMAND;
		return true;
	}
	return false;
}

bool fault_amd(const char *line, struct iommut_fault *fault)
{
	static const char token[] = "Event logged [";
	const char *prefix = strstr(line, "AMD-Vi:");
	const char *at = strstr(line, token);
	const char *device;
	uint64_t value;
	size_t length;

	if (!prefix)
		return false;
	fault->source = IOMMUT_FAULT_AMD;
	if (!at)
		return amd_other(prefix, fault);
	at += sizeof(token) - 1;
	length = strcspn(at, " ]");
	amd_kind(at, length, fault);
	fault_text(fault, at, length);
	device = strstr(at, "device=");
	if (device)
		fault_device(device + strlen("device="), fault);
	else
		amd_prefix_device(line, prefix, fault);
	if (fault_field(at, " address=", 16, &fault->address) ||
	    fault_field(at, " gpa=", 16, &fault->address))
		fault->fields |= IOMMUT_FAULT_HAS_ADDRESS;
	if (fault_field(at, " pasid=", 16, &value)) {
		fault->pasid = (uint32_t)value;
		fault->fields |= IOMMUT_FAULT_HAS_PASID;
	}
	if (fault_field(at, " flags=", 16, &value)) {
		fault->reason = (uint32_t)value;
		fault->write = value & AMD_FLAG_RW;
		fault->privileged = !(value & AMD_FLAG_US);
		fault->fields |= IOMMUT_FAULT_HAS_REASON | IOMMUT_FAULT_HAS_DIRECTION |
				 IOMMUT_FAULT_HAS_PRIVILEGE;
		if (fault->kind == IOMMUT_FAULT_DMA && value & AMD_FLAG_I)
			fault->kind = IOMMUT_FAULT_INTERRUPT;
	}
	return true;
}
