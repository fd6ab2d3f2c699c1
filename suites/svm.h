/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SUITES_SVM_H
#define SUITES_SVM_H

/*
 * Fixtures for cases with PASIDs, ATS and page requests: a device whose own page table allows PASIDs, address spaces to attach
 * to them, memory in these, and the page faults of all. Everything is given back when the case ends.
 */

#include <harness/storm.h>
#include <iommut/fault_queue.h>
#include <iommut/hwpt.h>
#include <iommut/iommufd.h>

#define PAGE 4096u

/* Long enough for a fault or an interrupt to arrive under emulation on a loaded machine. */
#define ARRIVAL_MS 3000

/*
 * QEMU's VT-d takes no page request without a PASID. With PASID 0 the request reaches the page table of requests without a PASID:
 * Linux uses that number for it.
 */
#define RID_PASID 0u

/* What a case cannot do without. */
enum svm_needs {
	SVM_PASID = 1 << 0,
	SVM_PRI = 1 << 1,
	SVM_STORM = 1 << 2,
};

#define MAX_TABLES   80
#define MAX_ATTACHED 256

/**
 * struct table - an address space with a page table that can be attached to PASIDs
 * @svm: the device it is for
 * @space: where memory is mapped
 * @hwpt: the page table
 * @queue: where its page faults go; NULL if it has none
 */
struct table {
	struct svm *svm;
	struct iommut_space *space;
	struct iommut_hwpt *hwpt;
	struct iommut_fault_queue *queue;
};

/**
 * struct svm - a device whose own page table allows PASIDs
 * @t: the case
 * @rig: the device, attached to the page table of @own
 * @engine: its engine
 * @own: the page table of requests without a PASID
 * @last_pasid: the highest PASID it can use
 * @responses: page responses the case has looked at
 * @tables: all page tables
 * @table_count: number of @tables
 * @queues: fault queues to be closed at the end
 * @queue_count: number of @queues
 * @attached: PASIDs to detach at the end
 * @attached_count: number of @attached
 * @closed: given back already
 */
struct svm {
	struct test *t;
	struct rig *rig;
	struct engine *engine;
	struct table *own;
	uint32_t last_pasid;
	uint32_t responses;
	struct table *tables[MAX_TABLES];
	size_t table_count;
	struct iommut_fault_queue *queues[MAX_TABLES];
	size_t queue_count;
	uint32_t attached[MAX_ATTACHED];
	size_t attached_count;
	bool closed;
};

/**
 * struct area - memory mapped in one or more page tables
 * @svm: the device
 * @memory: what stands behind it
 * @data: first byte for the CPU
 * @iova: first byte for the device
 * @length: bytes
 */
struct area {
	struct svm *svm;
	struct iommut_memory *memory;
	uint8_t *data;
	uint64_t iova;
	size_t length;
};

/* Opens the case's device attached to a page table that allows PASIDs. Skips where something needed is missing. */
struct svm *svm_open(struct test *t, uint32_t needs);

/* The same with a function that the runner did not choose, or NULL for the case's device; it may need a VF token. */
struct svm *svm_open_function(struct test *t, uint32_t needs, const char *name,
			      const uint8_t *token);

/* Gives device, page tables and queues back before the case ends. */
void svm_close(struct svm *svm);

/* A fault queue beside the device's address space. */
struct iommut_fault_queue *queue_open(struct svm *svm);

/* Another address space with a page table that allows PASIDs; its faults go to a queue if one is given. */
struct table *table_open(struct svm *svm, struct iommut_fault_queue *queue);

/* Attaches a PASID, or replaces what is attached to it. */
void attach_pasid(struct table *table, uint32_t pasid);

void detach_pasid(struct svm *svm, uint32_t pasid);

/* A page table is destroyed; nothing may be attached to it any more. */
void table_close(struct table *table);

/* Memory filled with the canary, and an address for it that is free in every table. */
struct area *area_make(struct svm *svm, size_t length);

/* The same with a given address, for two areas at one address. */
struct area *area_make_at(struct svm *svm, size_t length, uint64_t iova);

void area_map(struct area *area, struct table *table, uint32_t access);
void area_unmap(struct area *area, struct table *table);

/* Makes memory and maps it for reading and writing. */
struct area *area_in(struct table *table, size_t length);
struct area *area_in_at(struct table *table, size_t length, uint64_t iova);

/* A transfer with a PASID, or without if it is IOMMUT_NO_PASID, as this device must do it. */
struct engine_transfer transfer_with(struct svm *svm, enum engine_operation operation,
				     uint64_t iova, uint32_t pasid, uint32_t length);

void check_pasid_write(struct svm *svm, uint32_t pasid, uint64_t iova, const void *data,
		       uint32_t length, const struct place *place);
void check_pasid_read(struct svm *svm, uint32_t pasid, uint64_t iova, void *data, uint32_t length,
		      const struct place *place);
void check_pasid_refused(struct svm *svm, uint32_t pasid, uint64_t iova, const struct place *place);
void check_pasid_reaches(struct area *area, uint32_t pasid, const struct place *place);
void check_area_canary(struct area *area, const struct place *place);

/* The device writes these bytes with the PASID. */
#define expect_pasid_write(svm, pasid, iova, data, length) \
	check_pasid_write(svm, pasid, iova, data, length,  \
			  PLACE("device writes with PASID " #pasid " at " #iova))

/* The device reads with the PASID. */
#define expect_pasid_read(svm, pasid, iova, data, length) \
	check_pasid_read(svm, pasid, iova, data, length,  \
			 PLACE("device reads with PASID " #pasid " at " #iova))

/* The device can neither write nor read 8 bytes there with the PASID, and sees it. */
#define expect_pasid_refused(svm, pasid, iova) \
	check_pasid_refused(svm, pasid, iova, PLACE("PASID " #pasid " is refused at " #iova))

/* The device writes random bytes into the first page with the PASID, and reads others back. Ends with the canary. */
#define expect_pasid_reaches(area, pasid) \
	check_pasid_reaches(area, pasid, PLACE("PASID " #pasid " reaches " #area))

/* Every byte of the area is the canary. */
#define expect_area_canary(area) check_area_canary(area, PLACE("canary intact in " #area))

/* A page request by hand that the IOMMU takes. */
void page_request(struct svm *svm, uint64_t iova, uint32_t pasid, uint32_t group, uint32_t flags);

/* Reads exactly this many faults within the deadline. */
void read_faults(struct iommut_fault_queue *queue, struct svm *svm,
		 struct iommu_hwpt_pgfault *faults, size_t count);

/* The next fault; it must be the only one of its group. */
struct iommu_hwpt_pgfault next_fault(struct table *table);

/* The queue holds nothing now. */
void check_no_fault(struct iommut_fault_queue *queue, struct svm *svm, const struct place *place);
#define expect_no_fault(table) \
	check_no_fault((table)->queue, (table)->svm, PLACE("no page fault in the queue of " #table))

void respond(struct table *table, uint32_t cookie, uint32_t code);

/* The next response at the device: its group and code (TESTDEV_PRI_CODE_*). */
void check_response(struct svm *svm, uint32_t group, uint32_t pasid, uint32_t code,
		    const struct place *place);
#define expect_response(svm, group, pasid, code) \
	check_response(svm, group, pasid, code, PLACE("response to group " #group))

/* The next response at the device, whatever it says; its code. */
uint32_t any_response(struct svm *svm, uint32_t *group);

/* How many responses the device has received. */
uint32_t response_count(struct svm *svm);

/**
 * struct requester - one requester whose faults a case handles: the device itself, or one of its PASIDs
 * @svm: the device
 * @table: the page table, with a fault queue
 * @pasid: of its page requests
 * @transfer_pasid: of its DMA
 */
struct requester {
	struct svm *svm;
	struct table *table;
	uint32_t pasid;
	uint32_t transfer_pasid;
};

/* Opens the requester that the parameter "of" says, "device" or "pasid"; PASID 5 without the parameter. */
struct requester requester_open(struct test *t);

/* A transfer that asks for missing pages begins, with more of enum engine_transfer_flags. */
void start_faulting(struct requester *requester, enum engine_operation operation, uint64_t iova,
		    uint32_t length, uint32_t flags);

void check_end(struct svm *svm, enum engine_status status, const struct place *place);
void check_fault(struct requester *requester, const struct iommu_hwpt_pgfault *fault, uint64_t iova,
		 uint32_t perm, const struct place *place);

/* The transfer ends within the deadline, like this. */
#define expect_end(svm, status) check_end(svm, status, PLACE("transfer ends " #status))

/* The fault is the requester's, of this page and for this access. */
#define expect_fault(requester, fault, iova, perm) \
	check_fault(requester, fault, iova, perm, PLACE(#fault " is " #perm " at " #iova))

/* Skips unless the kernel has turned ATS on in the device. */
void need_ats(struct rig *rig);

#endif /* SUITES_SVM_H */
