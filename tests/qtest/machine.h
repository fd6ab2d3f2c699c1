/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A PC with a VT-d IOMMU in scalable mode and test devices, without a guest: what firmware and kernel would do is done here, by hand and from the
 * specifications, so that nothing else can be blamed for what the device does.
 */
#ifndef TESTS_QTEST_MACHINE_H
#define TESTS_QTEST_MACHINE_H

#include "iommut/testdev-registers.h"
#include "qtest.h"

/* What a case may use of the memory: nothing of ours is there. */
#define FREE_MEMORY 0x2000000ull
#define FREE_BYTES  0x1000000ull
/* PASID of requests that carry none, in the tables. */
#define RID_PASID 0u

/* A PCI function with its BARs in place. */
struct function {
	struct qtest *qtest;
	uint8_t bus, devfn;
	uint64_t registers, memory, table;      /* BARs 0, 2, 4; 0: it has none */
	unsigned int express, power, msi, msix; /* offsets of capabilities; 0: it has none */
	unsigned int ats, pri, pasid, sriov;
};

/* The tables of the IOMMU, built in memory that grows. */
struct vtd {
	struct qtest *qtest;
	uint64_t free;
	uint64_t root, queue, requests;
	unsigned int tail;
	unsigned int requests_head;
};

/* A page request as the IOMMU queued it. */
struct page_request {
	uint32_t pasid; /* TESTDEV_NO_PASID for none */
	uint16_t source;
	uint16_t group;
	uint64_t address;
	bool read, write, execute, privileged, last;
};

/* machine.c */
/* An intel-iommu device with everything on, by the names that this QEMU has for it. */
char *machine_iommu(const char *qemu, bool remaps_interrupts);
void machine_start_pci(struct qtest *qtest);
void function_probe(struct function *function, struct qtest *qtest, uint8_t bus, uint8_t devfn,
		    uint64_t bars);
uint32_t config_read(const struct function *function, unsigned int offset, unsigned int bytes);
void config_write(const struct function *function, unsigned int offset, unsigned int bytes,
		  uint32_t value);
unsigned int find_capability(const struct function *function, unsigned int id);
unsigned int find_extended(const struct function *function, unsigned int id);
void function_reset(const struct function *function);
/* Bus mastering and memory on; ATS, PRI and PASID as far as they are there. */
void function_enable(const struct function *function);
/* Makes VFs, with their BARs one kind after the other from @bars on, and bus mastering on. */
void function_enable_vfs(const struct function *pf, struct function *vfs, unsigned int count,
			 uint64_t bars);
/* Where a function's configuration space is in memory. */
uint64_t config_address(const struct function *function, unsigned int offset);

/* vtd.c */
void vtd_start(struct vtd *vtd, struct qtest *qtest);
uint64_t vtd_page(struct vtd *vtd);
/* Gives a function tables: requests without PASID use first-stage tables of their own. */
void vtd_attach(struct vtd *vtd, const struct function *function);
void vtd_attach_pasid(struct vtd *vtd, const struct function *function, uint32_t pasid);
void vtd_map(struct vtd *vtd, const struct function *function, uint32_t pasid, uint64_t iova,
	     uint64_t address, bool writable);
/* Removes the entry; the caches, the device's included, know of it only after an invalidation. */
void vtd_unmap(struct vtd *vtd, const struct function *function, uint32_t pasid, uint64_t iova);
/* The IOMMU's own caches, all of them. */
void vtd_invalidate(struct vtd *vtd);
/* The device's, by a message to it; @pages is a power of two, @iova aligned to it. */
void vtd_invalidate_device(struct vtd *vtd, const struct function *function, uint32_t pasid,
			   uint64_t iova, uint64_t pages);
bool vtd_page_request(struct vtd *vtd, struct page_request *request);
void vtd_respond(struct vtd *vtd, const struct page_request *request, unsigned int code);
/* Whether a fault was recorded since the last call; its address. */
bool vtd_fault(struct vtd *vtd, uint64_t *address);
/* Turns interrupt remapping on, with a table that has no entry: each interrupt is a fault. */
void vtd_remap_interrupts(struct vtd *vtd);
/* The requester of the interrupt that was refused last; false if there was none since the last call. */
bool vtd_refused_interrupt(struct vtd *vtd, uint16_t *source);

#endif
