// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <iommut/fault.h>

#include "lib/fault.h"

bool fault_number(const char **at, int base, uint64_t *value)
{
	const char *start = *at;

	if (base == 16 && start[0] == '0' && start[1] == 'x' && isxdigit((unsigned char)start[2]))
		start = *at += 2;
	*value = 0;
	for (;; (*at)++) {
		int digit;

		if (isdigit((unsigned char)**at))
			digit = **at - '0';
		else if (base == 16 && isxdigit((unsigned char)**at))
			digit = (**at | 0x20) - 'a' + 10;
		else
			break;
		if (*value > (UINT64_MAX - (unsigned int)digit) / (unsigned int)base)
			return false;
		*value = *value * (unsigned int)base + (unsigned int)digit;
	}
	return *at != start;
}

bool fault_field(const char *line, const char *name, int base, uint64_t *value)
{
	const char *at = strstr(line, name);

	if (!at)
		return false;
	at += strlen(name);
	return fault_number(&at, base, value);
}

bool fault_device(const char *at, struct iommut_fault *fault)
{
	size_t length = strspn(at, "0123456789abcdefABCDEF:.");
	char name[IOMMUT_BDF_SIZE + 4];

	/* Where an address ends a word that goes on, as in "00:05.0:". */
	while (length && (at[length - 1] == ':' || at[length - 1] == '.'))
		length--;
	if (length >= sizeof(name))
		return false;
	memcpy(name, at, length);
	name[length] = '\0';
	if (iommut_bdf_parse(name, &fault->bdf))
		return false;
	fault->fields |= IOMMUT_FAULT_HAS_DEVICE;
	if (strchr(name, ':') != strrchr(name, ':'))
		fault->fields |= IOMMUT_FAULT_HAS_DOMAIN;
	return true;
}

void fault_text(struct iommut_fault *fault, const char *text, size_t length)
{
	if (length >= sizeof(fault->text))
		length = sizeof(fault->text) - 1;
	memcpy(fault->text, text, length);
	fault->text[length] = '\0';
}

void fault_stream(struct iommut_fault *fault, uint64_t stream)
{
	fault->fields |= IOMMUT_FAULT_HAS_STREAM;
	fault->stream = (uint32_t)stream;
	fault->bdf.bus = stream >> 8 & 0xff;
	fault->bdf.device = stream >> 3 & 0x1f;
	fault->bdf.function = stream & 7;
}

int iommut_fault_feed(struct iommut_fault_parser *parser, const char *line,
		      struct iommut_fault *fault)
{
	static bool (*const formats[])(const char *text, struct iommut_fault *found) = {
		fault_intel,  fault_amd,         fault_virtio, fault_riscv,
		fault_smmuv2, fault_smmuv3_line, fault_soc,
	};
	char text[1024];
	size_t length = strcspn(line, "\n");
	struct iommut_fault found;

	if (length >= sizeof(text))
		length = sizeof(text) - 1;
	memcpy(text, line, length);
	text[length] = '\0';

	memset(&found, 0, sizeof(found));
	if (fault_smmuv3_event(parser, text, &found)) {
		*fault = found;
		return 1;
	}
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		memset(&found, 0, sizeof(found));
		if (formats[i](text, &found)) {
			*fault = found;
			return 1;
		}
	}
	return 0;
}

static const char *const sources[] = {
	[IOMMUT_FAULT_INTEL] = "intel",       [IOMMUT_FAULT_AMD] = "amd",
	[IOMMUT_FAULT_SMMUV3] = "smmuv3",     [IOMMUT_FAULT_SMMUV2] = "smmuv2",
	[IOMMUT_FAULT_VIRTIO] = "virtio",     [IOMMUT_FAULT_RISCV] = "riscv",
	[IOMMUT_FAULT_APPLE] = "apple",       [IOMMUT_FAULT_EXYNOS] = "exynos",
	[IOMMUT_FAULT_MEDIATEK] = "mediatek", [IOMMUT_FAULT_MSM] = "msm",
	[IOMMUT_FAULT_OMAP] = "omap",         [IOMMUT_FAULT_PAMU] = "pamu",
	[IOMMUT_FAULT_RENESAS] = "renesas",   [IOMMUT_FAULT_ROCKCHIP] = "rockchip",
	[IOMMUT_FAULT_SUN50I] = "sun50i",     [IOMMUT_FAULT_TEGRA] = "tegra",
	[IOMMUT_FAULT_VSI] = "vsi",
};

const char *iommut_fault_source_name(enum iommut_fault_source source)
{
	return (unsigned int)source < sizeof(sources) / sizeof(sources[0]) ? sources[source] : NULL;
}

int iommut_fault_format(const struct iommut_fault *fault, char *text, size_t size)
{
	static const char *const kinds[] = {
		[IOMMUT_FAULT_DMA] = "DMA fault",
		[IOMMUT_FAULT_INTERRUPT] = "interrupt fault",
		[IOMMUT_FAULT_PAGE_REQUEST] = "page request",
		[IOMMUT_FAULT_COMMAND] = "command error",
		[IOMMUT_FAULT_OVERFLOW] = "overflow",
		[IOMMUT_FAULT_OTHER] = "event",
	};
	char device[32] = "", pasid[32] = "", address[40] = "", reason[32] = "";
	const char *source = iommut_fault_source_name(fault->source);
	const char *direction = "";

	if (fault->fields & IOMMUT_FAULT_HAS_DEVICE) {
		memcpy(device, " of ", 5);
		iommut_bdf_format(&fault->bdf, device + 4, sizeof(device) - 4);
	} else if (fault->fields & IOMMUT_FAULT_HAS_STREAM) {
		snprintf(device, sizeof(device), " of stream 0x%x", fault->stream);
	}
	if (fault->fields & IOMMUT_FAULT_HAS_PASID)
		snprintf(pasid, sizeof(pasid), " pasid 0x%x", fault->pasid);
	if (fault->fields & IOMMUT_FAULT_HAS_DIRECTION)
		direction = fault->write ? " write" : " read";
	if (fault->fields & IOMMUT_FAULT_HAS_ADDRESS)
		snprintf(address, sizeof(address), " at 0x%llx",
			 (unsigned long long)fault->address);
	if (fault->fields & IOMMUT_FAULT_HAS_REASON)
		snprintf(reason, sizeof(reason), " reason 0x%x", fault->reason);
	return snprintf(
		text, size, "%s %s%s%s%s%s%s%s%s", source ? source : "unknown",
		(unsigned int)fault->kind <= IOMMUT_FAULT_OTHER ? kinds[fault->kind] : "event",
		device, pasid, direction, address, reason, *fault->text ? ": " : "", fault->text);
}
