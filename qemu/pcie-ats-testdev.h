/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HW_MISC_PCIE_ATS_TESTDEV_H
#define HW_MISC_PCIE_ATS_TESTDEV_H

/*
 * pcie-ats-testdev: a PCIe device that does the transactions a test asks
 * for, and says what came back. docs/testdev.md of iommutests specifies it.
 */

#include "hw/pci/pci_bus.h"
#include "hw/pci/pci_device.h"
#include "hw/pci/pcie.h"
#include "system/memory.h"
#include "qom/object.h"
#include "testdev-registers.h"

#define TYPE_TESTDEV "pcie-ats-testdev"
OBJECT_DECLARE_SIMPLE_TYPE(TestDev, TESTDEV)

#define TESTDEV_MAX_TRANSFER (1 * MiB)
#define TESTDEV_MAX_REPEAT   65536
#define TESTDEV_TLB_ENTRIES  256
#define TESTDEV_RING_ENTRIES 1024
/* Descriptors of the ring that are in flight at once. */
#define TESTDEV_WINDOW       64
/* Descriptors or results that one access to the ring takes. */
#define TESTDEV_BATCH        16
/* Bytes done in one round, so that a guest's wish never keeps QEMU busy. */
#define TESTDEV_ROUND_BYTES  (1 * MiB)
/* PASIDs whose invalidations and responses the device listens to. */
#define TESTDEV_LISTENERS    128
/* Most page requests that may be outstanding. */
#define TESTDEV_PRI_ALLOCATION 512

#define TESTDEV_BAR_REGISTERS_TYPE PCI_BASE_ADDRESS_SPACE_MEMORY
#define TESTDEV_BAR_MSIX_TYPE      PCI_BASE_ADDRESS_SPACE_MEMORY
#define TESTDEV_BAR_MEMORY_TYPE    (PCI_BASE_ADDRESS_SPACE_MEMORY | \
                                    PCI_BASE_ADDRESS_MEM_TYPE_64 | \
                                    PCI_BASE_ADDRESS_MEM_PREFETCH)

/* A transfer in the device: its descriptor, and how far it is. */
typedef struct TestDevTransfer {
    uint32_t operation;
    uint32_t pasid;
    uint64_t iova;
    uint64_t target;
    uint32_t length;
    uint32_t stride;
    uint64_t operand;
    uint64_t swap;
    uint32_t repeat;
    uint32_t vector;
    uint32_t buffer;
    uint32_t tag;

    uint32_t round;      /* repetition that is next */
    uint32_t done;       /* bytes of this repetition that are done */
    bool waiting;        /* for the response to a page request */
    bool answered;       /* it came */
    uint32_t answer;     /* with this code */
    uint32_t group;      /* of the page request */
    uint32_t requests;   /* page requests made without progress */
    bool over;           /* in the ring's window: has a status */
    bool retired;        /* and its result is in memory */
    int64_t started;     /* nanoseconds */

    uint32_t status;
    uint64_t bytes;
    uint64_t address;
    uint64_t value;
    uint32_t value_length;
    uint32_t permission;
    uint64_t sequence;
    uint64_t time;
} TestDevTransfer;

typedef struct TestDevTlbEntry {
    bool valid;
    uint32_t pasid;      /* PCI_NO_PASID for none */
    uint64_t iova;
    uint64_t mask;       /* size - 1 */
    uint64_t translated;
    AddressSpace *space;
    uint32_t permission; /* bit 0 read, bit 1 write */
} TestDevTlbEntry;

typedef struct TestDevInvalidation {
    uint32_t pasid;
    uint64_t iova;
    uint64_t length;
    uint32_t dropped;
} TestDevInvalidation;

/* What listens to the IOMMU for one PASID. */
typedef struct TestDevListener {
    TestDev *testdev;
    bool used;
    uint32_t pasid;
    IOMMUNotifier invalidations;
    bool has_invalidations;
    IOMMUPRINotifier responses;
    bool has_responses;
} TestDevListener;

struct TestDev {
    PCIDevice parent_obj;

    MemoryRegion registers;
    MemoryRegion memory;
    MemoryRegion table;
    QEMUBH *work;
    QEMUTimer storm_timer;
    unsigned int generation; /* changes with every reset */

    /* properties */
    bool ats;
    bool pri;
    uint8_t pasid_bits;
    uint8_t msi_vectors;
    uint8_t msix_vectors;
    uint32_t memory_size;
    uint8_t vfs;

    uint64_t scratch;
    uint32_t control;
    uint32_t misbehave;
    uint32_t forged_rid;
    uint32_t flood_count;
    uint64_t sequence;

    uint64_t legacy_address;
    uint64_t legacy_command;
    bool legacy_running;
    TestDevTransfer legacy;

    uint8_t descriptor[TESTDEV_DESC_SIZE];
    bool single_running;
    TestDevTransfer single;

    uint32_t storm;      /* wanted */
    bool storm_running;
    uint32_t storm_pause;
    uint64_t storm_ok;
    uint64_t storm_blocked;
    uint64_t storm_failed;
    uint8_t storm_descriptor[TESTDEV_DESC_SIZE];
    TestDevTransfer storm_transfer;

    uint64_t ring_base;
    uint64_t ring_results;
    uint32_t ring_count;
    uint32_t ring_tail;
    uint32_t ring_head;
    uint32_t ring_error;
    uint32_t ring_fetched; /* counts those that are or were in the window */
    TestDevTransfer window[TESTDEV_WINDOW];

    uint32_t intx;
    uint32_t interrupts;
    uint64_t send_address;
    uint32_t send_data;
    uint32_t send_status;

    TestDevTlbEntry tlb[TESTDEV_TLB_ENTRIES];
    unsigned int tlb_next;
    uint32_t tlb_hits;
    uint32_t tlb_misses;
    uint64_t query_iova;
    uint32_t query_pasid;
    TestDevInvalidation log[TESTDEV_INVAL_RECORDS];
    uint32_t log_count;
    uint32_t log_index;
    TestDevInvalidation late[TESTDEV_INVAL_RECORDS];
    unsigned int late_count;

    uint64_t pri_iova;
    uint32_t pri_pasid;
    uint32_t pri_group;
    uint32_t pri_error;
    uint32_t pri_sent;
    uint32_t pri_refused;
    uint32_t pri_next_group;
    bool pri_stopped;      /* a PF's */
    uint16_t group_requests[PCI_PRI_PRGI_MASK + 1]; /* outstanding */
    bool group_closed[PCI_PRI_PRGI_MASK + 1];       /* the last one was sent */
    uint32_t outstanding;  /* groups that are closed */
    uint32_t pri_credit;   /* requests outstanding, a PF's with its VFs' */
    uint32_t responses[TESTDEV_PRI_RECORDS];
    uint32_t response_pasids[TESTDEV_PRI_RECORDS];
    uint32_t response_count;
    uint32_t response_index;

    TestDevListener listeners[TESTDEV_LISTENERS];
};

/* pcie-ats-testdev.c */
extern const MemoryRegionOps testdev_register_ops;
void testdev_schedule(TestDev *s);
void testdev_registers_init(TestDev *s);
void testdev_registers_reset(TestDev *s);
void testdev_registers_exit(TestDev *s);

/* pcie-ats-testdev-pci.c */
TestDev *testdev_owner(TestDev *s);
uint32_t testdev_capabilities(TestDev *s);
bool testdev_may_master(TestDev *s);
uint16_t testdev_requester(TestDev *s);
void testdev_interrupt(TestDev *s, uint32_t vector);
void testdev_lower_intx(TestDev *s);
uint32_t testdev_send(TestDev *s, uint64_t address, uint32_t data);

/* pcie-ats-testdev-dma.c */
AddressSpace *testdev_requests_space(TestDev *s);
void testdev_load_descriptor(TestDevTransfer *transfer, const uint8_t *bytes);
void testdev_begin(TestDev *s, TestDevTransfer *transfer);
bool testdev_advance(TestDev *s, TestDevTransfer *transfer, uint64_t *budget);
void testdev_finished(TestDev *s, const TestDevTransfer *transfer);
void testdev_abort(TestDevTransfer *transfer);
void testdev_ring_round(TestDev *s, uint64_t *budget);
void testdev_ring_abort(TestDev *s);

/* pcie-ats-testdev-ats.c */
uint32_t testdev_translate(TestDev *s, uint32_t pasid, uint64_t iova,
                           bool write, uint32_t flags,
                           TestDevTlbEntry *result);
uint32_t testdev_page_request(TestDev *s, uint32_t pasid, uint64_t iova,
                              uint32_t group, uint32_t flags);
uint32_t testdev_next_group(TestDev *s);
void testdev_tlb_flush(TestDev *s);
void testdev_late_invalidations(TestDev *s);
void testdev_pri_forget(TestDev *s);
void testdev_pri_status(TestDev *owner);
uint64_t testdev_ats_read(TestDev *s, hwaddr address);
bool testdev_ats_write(TestDev *s, hwaddr address, uint32_t value);
void testdev_ats_clear(TestDev *s);
void testdev_ats_reset(TestDev *s);

#endif
