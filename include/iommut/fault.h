/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
#ifndef IOMMUT_FAULT_H
#define IOMMUT_FAULT_H

#include <iommut/pci.h>
#include <iommut/types.h>

IOMMUT_BEGIN

/**
 * enum iommut_fault_source - which IOMMU driver reported
 * @IOMMUT_FAULT_INTEL: Intel VT-d ("DMAR:")
 * @IOMMUT_FAULT_AMD: AMD-Vi
 * @IOMMUT_FAULT_SMMUV3: ARM SMMUv3
 * @IOMMUT_FAULT_SMMUV2: ARM SMMU before v3
 * @IOMMUT_FAULT_VIRTIO: virtio-iommu
 * @IOMMUT_FAULT_RISCV: RISC-V IOMMU
 * @IOMMUT_FAULT_APPLE: Apple DART
 * @IOMMUT_FAULT_EXYNOS: Samsung Exynos System MMU
 * @IOMMUT_FAULT_MEDIATEK: MediaTek M4U
 * @IOMMUT_FAULT_MSM: Qualcomm MSM
 * @IOMMUT_FAULT_OMAP: TI OMAP
 * @IOMMUT_FAULT_PAMU: Freescale PAMU
 * @IOMMUT_FAULT_RENESAS: Renesas IPMMU
 * @IOMMUT_FAULT_ROCKCHIP: Rockchip
 * @IOMMUT_FAULT_SUN50I: Allwinner H6
 * @IOMMUT_FAULT_TEGRA: NVIDIA Tegra's own SMMU
 * @IOMMUT_FAULT_VSI: Verisilicon
 */
enum iommut_fault_source {
	IOMMUT_FAULT_INTEL,
	IOMMUT_FAULT_AMD,
	IOMMUT_FAULT_SMMUV3,
	IOMMUT_FAULT_SMMUV2,
	IOMMUT_FAULT_VIRTIO,
	IOMMUT_FAULT_RISCV,
	IOMMUT_FAULT_APPLE,
	IOMMUT_FAULT_EXYNOS,
	IOMMUT_FAULT_MEDIATEK,
	IOMMUT_FAULT_MSM,
	IOMMUT_FAULT_OMAP,
	IOMMUT_FAULT_PAMU,
	IOMMUT_FAULT_RENESAS,
	IOMMUT_FAULT_ROCKCHIP,
	IOMMUT_FAULT_SUN50I,
	IOMMUT_FAULT_TEGRA,
	IOMMUT_FAULT_VSI,
};

/**
 * enum iommut_fault_kind - what was reported
 * @IOMMUT_FAULT_DMA: a transaction was not translated or not permitted
 * @IOMMUT_FAULT_INTERRUPT: an interrupt was not remapped
 * @IOMMUT_FAULT_PAGE_REQUEST: a page request that nobody can answer
 * @IOMMUT_FAULT_COMMAND: the IOMMU could not do a command (invalidation time-out, illegal command)
 * @IOMMUT_FAULT_OVERFLOW: reports were lost in hardware
 * @IOMMUT_FAULT_OTHER: something else
 */
enum iommut_fault_kind {
	IOMMUT_FAULT_DMA,
	IOMMUT_FAULT_INTERRUPT,
	IOMMUT_FAULT_PAGE_REQUEST,
	IOMMUT_FAULT_COMMAND,
	IOMMUT_FAULT_OVERFLOW,
	IOMMUT_FAULT_OTHER,
};

/**
 * enum iommut_fault_fields - which fields of a report are known
 * @IOMMUT_FAULT_HAS_DEVICE: bdf
 * @IOMMUT_FAULT_HAS_DOMAIN: the PCI segment in bdf was printed (else it is 0)
 * @IOMMUT_FAULT_HAS_PASID: pasid
 * @IOMMUT_FAULT_HAS_ADDRESS: address
 * @IOMMUT_FAULT_HAS_DIRECTION: write
 * @IOMMUT_FAULT_HAS_REASON: reason
 * @IOMMUT_FAULT_HAS_STREAM: stream, where no BDF was printed
 * @IOMMUT_FAULT_HAS_PRIVILEGE: privileged
 * @IOMMUT_FAULT_HAS_EXECUTE: execute
 */
enum iommut_fault_fields {
	IOMMUT_FAULT_HAS_DEVICE = 1 << 0,
	IOMMUT_FAULT_HAS_DOMAIN = 1 << 1,
	IOMMUT_FAULT_HAS_PASID = 1 << 2,
	IOMMUT_FAULT_HAS_ADDRESS = 1 << 3,
	IOMMUT_FAULT_HAS_DIRECTION = 1 << 4,
	IOMMUT_FAULT_HAS_REASON = 1 << 5,
	IOMMUT_FAULT_HAS_STREAM = 1 << 6,
	IOMMUT_FAULT_HAS_PRIVILEGE = 1 << 7,
	IOMMUT_FAULT_HAS_EXECUTE = 1 << 8,
};

/**
 * struct iommut_fault - a fault as an IOMMU driver logged it
 * @source: the driver
 * @kind: what it is
 * @fields: enum iommut_fault_fields bits
 * @bdf: the requester
 * @stream: the requester's stream or device ID
 * @pasid: PASID or substream ID
 * @address: the I/O virtual address; of an interrupt its index
 * @write: the device wanted to write, otherwise to read
 * @execute: the device wanted to execute
 * @privileged: the request was privileged
 * @reason: the driver's number of the reason (VT-d fault reason, SMMUv3 event, AMD flags, RISC-V
 *     cause)
 * @text: the reason in the driver's words, cut if too long
 */
struct iommut_fault {
	enum iommut_fault_source source;
	enum iommut_fault_kind kind;
	uint32_t fields;
	struct iommut_bdf bdf;
	uint32_t stream;
	uint32_t pasid;
	uint64_t address;
	bool write;
	bool execute;
	bool privileged;
	uint32_t reason;
	char text[96];
};

/**
 * struct iommut_fault_parser - puts lines of the kernel log together to faults
 * @state: private to the library
 *
 * SMMUv3 writes several lines per event; the others one. Start with all bytes 0.
 */
struct iommut_fault_parser {
	uint64_t state[8];
};

/**
 * iommut_fault_feed() - give a parser the next line of the kernel log
 * @parser: the parser
 * @line: message without the log's prefix, ended by a NUL or a newline
 * @fault: where a fault is stored when one is complete
 *
 * Formats of Linux 6.1 to 7.3.
 *
 * Return: 1 if @fault was filled, 0 if not (another kind of line, or more lines are needed).
 */
int iommut_fault_feed(struct iommut_fault_parser *parser, const char *line,
		      struct iommut_fault *fault);

/**
 * iommut_fault_source_name() - short name of a driver
 * @source: the driver
 *
 * Return: "intel", "amd", "smmuv3", "smmuv2", "virtio", "riscv", "apple", "exynos", "mediatek",
 * "msm", "omap", "pamu", "renesas", "rockchip", "sun50i", "tegra" or "vsi"; NULL for any other value.
 */
const char *iommut_fault_source_name(enum iommut_fault_source source);

/**
 * iommut_fault_format() - a fault in one line of words
 * @fault: the fault
 * @text: where the line is stored, always terminated
 * @size: of @text; 256 is enough
 *
 * Return: length of the whole text (as snprintf(3)).
 */
int iommut_fault_format(const struct iommut_fault *fault, char *text, size_t size);

IOMMUT_END

#endif /* IOMMUT_FAULT_H */
