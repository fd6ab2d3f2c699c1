// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * IOMMUs of systems on a chip. Each driver says in one line of its own what happened; no two of them print the same words, so a
 * table tells how to read each. They number masters in their own ways, which cannot be told from the line to be requester IDs.
 */
#include <string.h>

#include "lib/fault.h"

struct format {
	enum iommut_fault_source source;
	const char *token;   /* which no other kind of line has */
	const char *driver;  /* also in the line, where the token alone could be anybody's */
	const char *address; /* what stands before the address; NULL: it is not printed */
	const char *reason;  /* what stands before the number of the reason */
	const char *write;   /* words that tell the direction; NULL: it is not printed */
	const char *read;
};

static const struct format formats[] = {
	/* "apple-dart 681008000.iommu: translation fault: status:0x.. stream:1 code:0x2 (NO PTE FOR IOVA) at 0x1000" */
	{ IOMMUT_FAULT_APPLE, "translation fault: status:", "dart", " at ",
	  "code:", "(WRITE FAULT)", "(READ FAULT)" },
	/* "exynos-sysmmu 14650000.sysmmu: 14400000.fimc: [READ] PAGE FAULT occurred at 0x1000" */
	{ IOMMUT_FAULT_EXYNOS, " FAULT occurred at ", "sysmmu", "occurred at ", NULL, "[WRITE]",
	  "[READ]" },
	/* "mtk-iommu 14017000.iommu: fault type=0x280 iova=0x1000 pa=0x0 master=.. layer=1 write" */
	{ IOMMUT_FAULT_MEDIATEK, "fault type=", "iommu", " iova=", "type=", " write", " read" },
	/* "omap-iommu 58882000.mmu: 58882000.mmu: errs:0x00000002 da:0x00001000 pgd:0x.. *pgd:.." */
	{ IOMMUT_FAULT_OMAP, "errs:0x", NULL, " da:", "errs:", NULL, NULL },
	/* "ipmmu-vmsa e6740000.iommu: Unhandled fault: status 0x00000001 iova 0x1000" */
	{ IOMMUT_FAULT_RENESAS, "Unhandled fault: status ", "mmu", " iova ", "status ", NULL,
	  NULL },
	/* "rk_iommu ff914000.iommu: Page fault at 0x0000000000001000 of type write" */
	{ IOMMUT_FAULT_ROCKCHIP, " of type ", "Page fault at ", "Page fault at ", NULL,
	  "type write", "type read" },
	/* "sun50i-iommu 30f0000.iommu: Page fault for 0x0000000000001000 (master 1, dir wr)" */
	{ IOMMUT_FAULT_SUN50I, "Page fault for ", "(master ", "Page fault for ", NULL, "dir wr",
	  "dir rd" },
	/* "tegra-mc 2c00000.memory-controller: pcie: write @0x1000: SMMU translation error (..)" */
	{ IOMMUT_FAULT_TEGRA, ": SMMU translation error", NULL, " @", NULL, "write @", "read @" },
	/* "vsi_iommu fdca0000.iommu: unexpected int_status=00000001" */
	{ IOMMUT_FAULT_VSI, "unexpected int_status=", NULL, NULL, "int_status=", NULL, NULL },
	/* "Unexpected IOMMU page fault!", with registers in the lines that follow */
	{ IOMMUT_FAULT_MSM, "Unexpected IOMMU page fault!", NULL, NULL, NULL, NULL, NULL },
	/* "fsl-pamu: pamu_av_isr: access violation interrupt", likewise */
	{ IOMMUT_FAULT_PAMU, "access violation interrupt", "pamu", NULL, NULL, NULL, NULL },
};

static bool read_line(const struct format *format, const char *line, struct iommut_fault *fault)
{
	uint64_t reason;

	if (!strstr(line, format->token) || (format->driver && !strstr(line, format->driver)))
		return false;
	fault->source = format->source;
	fault->kind = IOMMUT_FAULT_DMA;
	if (format->address) {
		if (!fault_field(line, format->address, 16, &fault->address))
			return false;
		fault->fields |= IOMMUT_FAULT_HAS_ADDRESS;
	}
	if (format->reason) {
		if (!fault_field(line, format->reason, 16, &reason))
			return false;
		fault->reason = (uint32_t)reason;
		fault->fields |= IOMMUT_FAULT_HAS_REASON;
	}
	if (format->write) {
		fault->write = strstr(line, format->write);
		if (fault->write || strstr(line, format->read))
			fault->fields |= IOMMUT_FAULT_HAS_DIRECTION;
	}
	return true;
}

bool fault_soc(const char *line, struct iommut_fault *fault)
{
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		memset(fault, 0, sizeof(*fault));
		if (read_line(&formats[i], line, fault))
			return true;
	}
	return false;
}
