/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
#ifndef IOMMUT_TESTDEV_REGISTERS_H
#define IOMMUT_TESTDEV_REGISTERS_H

/*
 * The registers of pcie-ats-testdev, used by the device's model in QEMU and by its engine. docs/testdev.md says what they do; this
 * header only says where they are. All values are little-endian. Registers of 64 bits may be accessed as one access
 * of 64 bits or two of 32 bits, low half first.
 *
 * The header needs nothing but the preprocessor, so that both sides can include it.
 */

#define TESTDEV_VENDOR    0x1234
#define TESTDEV_DEVICE    0x11e9
#define TESTDEV_VF_DEVICE 0x11ea

#define TESTDEV_BAR_REGISTERS 0
#define TESTDEV_BAR_MEMORY    2 /* plain memory, 64-bit prefetchable: the device's buffer */
#define TESTDEV_BAR_MSIX      4

#define TESTDEV_REGISTERS_SIZE 0x4000

/* The registers of the first device of this name. */
#define TESTDEV_LEGACY_ADDRESS 0x000 /* 64: where the next transfer goes */
#define TESTDEV_LEGACY_COMMAND \
	0x008 /* 64: writing RUN starts a transfer of TESTDEV_LEGACY_LENGTH bytes */
#define TESTDEV_LEGACY_RUN       0x1 /* reads as 1 until the transfer is done */
#define TESTDEV_LEGACY_TO_DEVICE 0x2 /* 1: memory to device; 0: device to memory */
#define TESTDEV_LEGACY_LENGTH    4096

/* What it is. */
#define TESTDEV_VERSION         0x100 /* 32 */
#define TESTDEV_VERSION_VALUE   0x49540001
#define TESTDEV_CAPABILITIES    0x104 /* 32: TESTDEV_CAP_* */
#define TESTDEV_CAP_RING        (1u << 0)
#define TESTDEV_CAP_ATS         (1u << 1)
#define TESTDEV_CAP_PRI         (1u << 2)
#define TESTDEV_CAP_PASID       (1u << 3)
#define TESTDEV_CAP_MSI         (1u << 4)
#define TESTDEV_CAP_MSIX        (1u << 5)
#define TESTDEV_CAP_INTX        (1u << 6)
#define TESTDEV_CAP_MEMORY_BAR  (1u << 7)
#define TESTDEV_CAP_VF          (1u << 8) /* this function is a VF */
#define TESTDEV_CAP_ATOMIC      (1u << 9)
#define TESTDEV_CAP_PASID_PLAIN (1u << 10) /* untranslated requests can carry a PASID */
#define TESTDEV_MAX_LENGTH      0x108      /* 32: longest transfer in bytes */
#define TESTDEV_BUFFER_SIZE     0x10c      /* 32: bytes of the device's own buffer */
#define TESTDEV_MAX_RING        0x110      /* 32: most descriptors of a ring */
#define TESTDEV_VECTORS         0x114 /* 32: MSI vectors in bits 7:0, MSI-X vectors in bits 15:8 */
#define TESTDEV_DEVICE_TLB_SIZE 0x118 /* 32: entries of the device TLB */
#define TESTDEV_PASID_BITS      0x11c /* 32 */
#define TESTDEV_TIME            0x120 /* 64: nanoseconds of the device's clock */
#define TESTDEV_SCRATCH         0x128 /* 64: keeps what is written until a reset */

/* What it is told. */
#define TESTDEV_CONTROL 0x130 /* 32 */
#define TESTDEV_CONTROL_ABORT \
	(1u << 0) /* end everything in flight with STATUS_ABORTED; reads as 0 */
#define TESTDEV_CONTROL_DEVICE_TLB     (1u << 1) /* keep translations obtained by ATS */
#define TESTDEV_CONTROL_FLUSH          (1u << 2) /* empty the device TLB; reads as 0 */
#define TESTDEV_CONTROL_CLEAR_COUNTERS (1u << 3) /* all counters and logs to 0; reads as 0 */
#define TESTDEV_CONTROL_OUT_OF_ORDER \
	(1u << 4) /* complete ring descriptors in another order than they were started */
#define TESTDEV_MISBEHAVE 0x134 /* 32 */
#define TESTDEV_MISBEHAVE_KEEP_TLB \
	(1u << 0) /* keep using device TLB entries after their invalidation */
#define TESTDEV_MISBEHAVE_LATE_INVAL \
	(1u << 1) /* act on invalidations only when this bit is cleared */
#define TESTDEV_MISBEHAVE_PRI_FLOOD \
	(1u << 2) /* each page request is sent TESTDEV_FLOOD_COUNT times more, with other groups */
#define TESTDEV_MISBEHAVE_WRONG_GROUP \
	(1u << 3) /* page requests by hand carry the group index plus 1 */
#define TESTDEV_MISBEHAVE_NO_MASTER    (1u << 4) /* do DMA although bus mastering is off */
#define TESTDEV_MISBEHAVE_IGNORE_RESET (1u << 5) /* an FLR does not stop the storm */
#define TESTDEV_MISBEHAVE_RID          (1u << 6) /* interrupts and memory writes carry TESTDEV_FORGED_RID */
#define TESTDEV_FORGED_RID             0x138 /* 32: requester ID for TESTDEV_MISBEHAVE_RID */
#define TESTDEV_FLOOD_COUNT            0x13c /* 32: at most 256 */

/*
 * One transfer, as registers at TESTDEV_TRANSFER and as an element of the ring in memory: the same 64 bytes.
 * The registers are started by TESTDEV_START.
 */
#define TESTDEV_TRANSFER       0x140
#define TESTDEV_DESC_OPERATION 0x00 /* 32: TESTDEV_OP_* in bits 7:0, TESTDEV_FLAG_* above */
#define TESTDEV_DESC_PASID     0x04 /* 32 */
#define TESTDEV_DESC_IOVA      0x08 /* 64 */
#define TESTDEV_DESC_TARGET \
	0x10 /* 64: COPY: where to; forged: the address used instead of a translation */
#define TESTDEV_DESC_LENGTH 0x18 /* 32: bytes of one repetition; 0 is a bad descriptor */
#define TESTDEV_DESC_STRIDE \
	0x1c /* 32: added to IOVA (and TARGET) from one repetition to the next */
#define TESTDEV_DESC_OPERAND 0x20 /* 64: FILL: pattern; FETCH_ADD: addend; COMPARE_SWAP: compared */
#define TESTDEV_DESC_SWAP    0x28 /* 64: COMPARE_SWAP: new value */
#define TESTDEV_DESC_REPEAT  0x30 /* 32: repetitions; 0 means 1 */
#define TESTDEV_DESC_VECTOR  0x34 /* 32: interrupt when done, with FLAG_INTERRUPT */
#define TESTDEV_DESC_BUFFER  0x38 /* 32: READ, WRITE: offset in the device's buffer */
#define TESTDEV_DESC_TAG     0x3c /* 32: comes back in the result */
#define TESTDEV_DESC_SIZE    0x40

#define TESTDEV_OP_NONE         0
#define TESTDEV_OP_READ         1 /* memory to the device's buffer */
#define TESTDEV_OP_WRITE        2 /* the device's buffer to memory */
#define TESTDEV_OP_COPY         3 /* memory at IOVA to memory at TARGET */
#define TESTDEV_OP_FILL         4 /* OPERAND, repeated every 8 bytes, to memory */
#define TESTDEV_OP_FETCH_ADD    5 /* 4 or 8 bytes */
#define TESTDEV_OP_COMPARE_SWAP 6 /* 4 or 8 bytes */
#define TESTDEV_OP_TRANSLATE \
	7 /* ATS translation request only; TESTDEV_RESULT_VALUE is the address */
#define TESTDEV_OP_MAX  7
#define TESTDEV_OP_MASK 0xff

#define TESTDEV_FLAG_PASID      (1u << 8)
#define TESTDEV_FLAG_PRIVILEGED (1u << 9)
#define TESTDEV_FLAG_EXECUTE    (1u << 10)
#define TESTDEV_FLAG_TRANSLATED \
	(1u << 11)                     /* translate by ATS first, then use the address obtained */
#define TESTDEV_FLAG_FORGED (1u << 12) /* use TARGET as an already translated address */
#define TESTDEV_FLAG_PAGE_REQUEST \
	(1u << 13) /* with TRANSLATED: request missing pages and try again after the response */
#define TESTDEV_FLAG_INTERRUPT (1u << 14)
#define TESTDEV_FLAG_WRITE     (1u << 15) /* TRANSLATE: ask for write permission */

#define TESTDEV_START 0x180 /* 32: writing 1 starts the transfer; reads as 1 until it is done */

/* The result of the last transfer started by TESTDEV_START, and of each ring element: the same 64 bytes. */
#define TESTDEV_RESULT         0x1c0
#define TESTDEV_RESULT_STATUS  0x00 /* 32: TESTDEV_STATUS_* */
#define TESTDEV_RESULT_TAG     0x04 /* 32 */
#define TESTDEV_RESULT_BYTES   0x08 /* 64: done, over all repetitions */
#define TESTDEV_RESULT_ADDRESS 0x10 /* 64: first IOVA that failed */
#define TESTDEV_RESULT_VALUE \
	0x18 /* 64: atomics: the old value; TRANSLATE: address, length and permissions */
#define TESTDEV_RESULT_SEQUENCE 0x20 /* 64: counts completed transfers, from 1 */
#define TESTDEV_RESULT_TIME     0x28 /* 64: nanoseconds, when it completed */
#define TESTDEV_RESULT_DURATION 0x30 /* 64: nanoseconds it took */
#define TESTDEV_RESULT_LENGTH \
	0x38 /* 32: TRANSLATE: bytes of the translation from its start, at most 2^31 */
#define TESTDEV_RESULT_PERMISSION 0x3c /* 32: TRANSLATE: bit 0 read, bit 1 write */
#define TESTDEV_RESULT_SIZE       0x40

#define TESTDEV_STATUS_NONE           0 /* nothing has completed */
#define TESTDEV_STATUS_OK             1
#define TESTDEV_STATUS_BLOCKED        2 /* the IOMMU (or the bus) refused */
#define TESTDEV_STATUS_NO_TRANSLATION 3 /* ATS gave no translation with these permissions */
#define TESTDEV_STATUS_ABORTED        4 /* a reset or TESTDEV_CONTROL_ABORT came first */
#define TESTDEV_STATUS_BAD_DESCRIPTOR 5
#define TESTDEV_STATUS_DISABLED       6 /* bus mastering, ATS or PASID is off, or the device sleeps */
#define TESTDEV_STATUS_REFUSED \
	7 /* the page request was answered with an error, or could not be sent */

/* The ring: descriptors in memory, results in memory, all reached through the IOMMU without a PASID. */
#define TESTDEV_RING_BASE    0x200 /* 64: IOVA of the descriptors */
#define TESTDEV_RING_RESULTS 0x208 /* 64: IOVA of the results, one for each descriptor */
#define TESTDEV_RING_COUNT \
	0x210 /* 32: number of elements, a power of two, at most TESTDEV_MAX_RING; 0: no ring */
#define TESTDEV_RING_TAIL \
	0x214 /* 32: counts descriptors handed over, modulo 2^32; writing starts them */
#define TESTDEV_RING_HEAD 0x218 /* 32: counts completed descriptors, modulo 2^32; read only */
#define TESTDEV_RING_ERROR \
	0x21c /* 32: a descriptor or result that could not be reached stops the ring: its status; write 0 to go on */

/* The storm: the transfer at TESTDEV_TRANSFER again and again until told to stop. */
#define TESTDEV_STORM         0x220 /* 32: 1 runs, 0 stops: when it reads as 0 nothing is in flight */
#define TESTDEV_STORM_PAUSE   0x224 /* 32: microseconds between rounds, at most 1000000 */
#define TESTDEV_STORM_OK      0x228 /* 64: transfers that went well */
#define TESTDEV_STORM_BLOCKED 0x230 /* 64: transfers that did not */
#define TESTDEV_STORM_FAILED  0x238 /* 64: IOVA of the last one that did not */

/* Interrupts. */
#define TESTDEV_INTERRUPT \
	0x240 /* 32: writing n raises vector n (INTx, if neither MSI nor MSI-X is enabled) */
#define TESTDEV_INTX_STATE      0x244 /* 32: 1 while the pin is asserted; writing 1 releases it */
#define TESTDEV_INTERRUPT_COUNT 0x248 /* 32: interrupts sent */
#define TESTDEV_SEND_ADDRESS    0x250 /* 64: for TESTDEV_SEND */
#define TESTDEV_SEND_DATA       0x258 /* 32 */
#define TESTDEV_SEND \
	0x25c /* 32: writing 1 sends 4 bytes of data to the address, untranslated; reads TESTDEV_STATUS_* */

/* ATS. */
#define TESTDEV_TLB_HITS         0x280 /* 32 */
#define TESTDEV_TLB_MISSES       0x284 /* 32 */
#define TESTDEV_TLB_ENTRIES_HELD 0x288 /* 32: translations held now */
#define TESTDEV_INVAL_COUNT      0x28c /* 32: invalidations received */
#define TESTDEV_TLB_QUERY_IOVA   0x290 /* 64 */
#define TESTDEV_TLB_QUERY_PASID \
	0x298 /* 32: TESTDEV_NO_PASID for none; writing it makes the query */
#define TESTDEV_TLB_QUERY_FLAGS 0x29c /* 32: bit 0 held, bit 1 readable, bit 2 writable */
#define TESTDEV_TLB_QUERY_VALUE 0x2a0 /* 64: the translated address held */
#define TESTDEV_INVAL_INDEX \
	0x2a8 /* 32: which record the next four registers show; 0 is the newest */
#define TESTDEV_INVAL_PASID   0x2ac /* 32: TESTDEV_NO_PASID for none */
#define TESTDEV_INVAL_IOVA    0x2b0 /* 64 */
#define TESTDEV_INVAL_LENGTH  0x2b8 /* 64: bytes; all ones is everything */
#define TESTDEV_INVAL_DROPPED 0x2c0 /* 32: device TLB entries that the record removed */
#define TESTDEV_INVAL_RECORDS 64
#define TESTDEV_NO_PASID      0xffffffffu

/* PRI. */
#define TESTDEV_PRI_IOVA  0x300 /* 64 */
#define TESTDEV_PRI_PASID 0x308 /* 32: TESTDEV_NO_PASID for none */
#define TESTDEV_PRI_GROUP 0x30c /* 32: page request group index, 9 bits */
#define TESTDEV_PRI_SEND \
	0x310 /* 32: writing flags sends a request; reads 0, or a negative errno of the refusal */
#define TESTDEV_PRI_READ        (1u << 0)
#define TESTDEV_PRI_WRITE       (1u << 1)
#define TESTDEV_PRI_LAST        (1u << 2)
#define TESTDEV_PRI_EXECUTE     (1u << 3)
#define TESTDEV_PRI_PRIVILEGED  (1u << 4)
#define TESTDEV_PRI_SENT        0x314 /* 32: requests accepted */
#define TESTDEV_PRI_REFUSED     0x318 /* 32: requests that could not be sent */
#define TESTDEV_PRI_OUTSTANDING 0x31c /* 32: groups with a last request and no response yet */
#define TESTDEV_PRI_RESPONSES   0x320 /* 32: responses received */
#define TESTDEV_PRI_INDEX       0x324 /* 32: which response the next registers show; 0 is the oldest */
#define TESTDEV_PRI_RESPONSE \
	0x328 /* 32: group in bits 8:0, TESTDEV_PRI_CODE_* in bits 15:12, bit 16: unexpected */
#define TESTDEV_PRI_RESPONSE_PASID 0x32c /* 32 */
#define TESTDEV_PRI_CODE_SUCCESS   0x0
#define TESTDEV_PRI_CODE_INVALID   0x1
#define TESTDEV_PRI_CODE_FAILURE   0xf
#define TESTDEV_PRI_RECORDS        512
#define TESTDEV_PRI_ENABLED \
	0x330 /* 32: bit 0 ATS, bit 1 PRI, bit 2 PASID enabled, bit 3 PRI stopped by a failure */

#endif /* IOMMUT_TESTDEV_REGISTERS_H */
