/*
 * pcie-ats-testdev: registers, interrupts and configuration space
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bitops.h"
#include "qemu/bswap.h"
#include "qemu/main-loop.h"
#include "qemu/module.h"
#include "qemu/timer.h"
#include "qemu/units.h"
#include "qapi/error.h"
#include "hw/pci/msi.h"
#include "hw/pci/msix.h"
#include "hw/pci/pci.h"
#include "hw/qdev-properties.h"
#include "migration/vmstate.h"
#include "pcie-ats-testdev.h"

#define MAX_VECTORS 32

/* Room for each extended capability; the first one has to be at 0x100. */
#define EXTENDED_SIZE 0x20

static bool sleeping(PCIDevice *pci)
{
    return pci_get_word(pci->config + pci->pm_cap + PCI_PM_CTRL) &
           PCI_PM_CTRL_STATE_MASK;
}

bool testdev_may_master(TestDev *s)
{
    PCIDevice *pci = PCI_DEVICE(s);
    uint16_t command = pci_get_word(pci->config + PCI_COMMAND);

    return !sleeping(pci) && ((command & PCI_COMMAND_MASTER) ||
                              (s->misbehave & TESTDEV_MISBEHAVE_NO_MASTER));
}

uint16_t testdev_requester(TestDev *s)
{
    return s->misbehave & TESTDEV_MISBEHAVE_RID ?
           s->forged_rid : pci_requester_id(PCI_DEVICE(s));
}

void testdev_schedule(TestDev *s)
{
    qemu_bh_schedule(s->work);
}

void testdev_send(TestDev *s, uint64_t address, uint32_t data)
{
    MemTxAttrs attributes = { .requester_id = testdev_requester(s) };
    MemTxResult result;

    if (!testdev_may_master(s)) {
        s->send_status = TESTDEV_STATUS_DISABLED;
        return;
    }
    address_space_stl_le(pci_get_address_space(PCI_DEVICE(s)), address, data,
                         attributes, &result);
    s->send_status = result == MEMTX_OK ? TESTDEV_STATUS_OK :
                                          TESTDEV_STATUS_BLOCKED;
}

/* An interrupt that claims to be another function's. */
static void forged_interrupt(TestDev *s, MSIMessage message)
{
    uint32_t status = s->send_status;

    testdev_send(s, message.address, message.data);
    s->send_status = status;
}

void testdev_interrupt(TestDev *s, uint32_t vector)
{
    PCIDevice *pci = PCI_DEVICE(s);
    bool forged = s->misbehave & TESTDEV_MISBEHAVE_RID;

    if (sleeping(pci)) {
        return;
    }
    s->interrupts++;
    if (msix_enabled(pci)) {
        if (vector >= s->msix_vectors) {
            s->interrupts--;
        } else if (forged && !msix_is_masked(pci, vector)) {
            forged_interrupt(s, msix_get_message(pci, vector));
        } else {
            msix_notify(pci, vector);
        }
    } else if (msi_enabled(pci)) {
        if (vector >= msi_nr_vectors_allocated(pci)) {
            s->interrupts--;
        } else if (forged) {
            forged_interrupt(s, msi_get_message(pci, vector));
        } else {
            msi_notify(pci, vector);
        }
    } else {
        s->intx = 1;
        pci_set_irq(pci, 1);
    }
}

static void lower_intx(TestDev *s)
{
    s->intx = 0;
    pci_set_irq(PCI_DEVICE(s), 0);
}

static void legacy_start(TestDev *s)
{
    PCIDevice *pci = PCI_DEVICE(s);
    TestDevTransfer *transfer = &s->legacy;

    memset(transfer, 0, sizeof(*transfer));
    transfer->operation = s->legacy_command & TESTDEV_LEGACY_TO_DEVICE ?
                          TESTDEV_OP_READ : TESTDEV_OP_WRITE;
    if (pcie_ats_enabled(pci)) {
        transfer->operation |= TESTDEV_FLAG_TRANSLATED;
        if (pcie_pri_enabled(pci)) {
            transfer->operation |= TESTDEV_FLAG_PAGE_REQUEST;
        }
    }
    transfer->iova = s->legacy_address;
    transfer->length = TESTDEV_LEGACY_LENGTH;
    transfer->repeat = 1;
    testdev_begin(s, transfer);
    s->legacy_running = true;
    testdev_schedule(s);
}

static void storm_begin(TestDev *s)
{
    testdev_load_descriptor(&s->storm_transfer, s->descriptor);
    testdev_begin(s, &s->storm_transfer);
}

/* A storm goes round and round; a round takes a bounded part of the budget. */
static void storm_round(TestDev *s, uint64_t *budget)
{
    while (*budget) {
        if (!testdev_advance(s, &s->storm_transfer, budget)) {
            return;
        }
        if (s->storm_transfer.status == TESTDEV_STATUS_OK) {
            s->storm_ok++;
        } else {
            s->storm_blocked++;
            s->storm_failed = s->storm_transfer.address;
        }
        if (!s->storm ||
            s->storm_transfer.status == TESTDEV_STATUS_BAD_DESCRIPTOR) {
            s->storm = 0;
            s->storm_running = false;
            return;
        }
        storm_begin(s);
        /* A refused transfer costs the IOMMU more than its bytes. */
        *budget -= MIN(*budget, 4096);
        if (s->storm_pause) {
            timer_mod(s->storm_timer,
                      qemu_clock_get_us(QEMU_CLOCK_VIRTUAL) + s->storm_pause);
            return;
        }
    }
}

static void work(void *opaque)
{
    TestDev *s = opaque;
    uint64_t budget = TESTDEV_ROUND_BYTES;

    if (s->legacy_running && testdev_advance(s, &s->legacy, &budget)) {
        s->legacy_running = false;
    }
    if (s->single_running && testdev_advance(s, &s->single, &budget)) {
        s->single_running = false;
    }
    testdev_ring_round(s, &budget);
    if (s->storm_running && !timer_pending(s->storm_timer)) {
        uint64_t part = MIN(budget, 64 * KiB);

        storm_round(s, &part);
        budget = 0;
    }
    /* Out of budget: go on after the main loop had its turn. */
    if (!budget && !timer_pending(s->storm_timer)) {
        testdev_schedule(s);
    }
}

static void storm_tick(void *opaque)
{
    testdev_schedule(opaque);
}

static void storm_write(TestDev *s, uint32_t value)
{
    s->storm = value & 1;
    if (!s->storm) {
        /* A storm that waits for a page that never comes ends, too. */
        timer_del(s->storm_timer);
        if (s->storm_running && s->storm_transfer.waiting) {
            testdev_abort(&s->storm_transfer);
        }
    } else if (!s->storm_running) {
        s->storm_running = true;
        s->storm_ok = 0;
        s->storm_blocked = 0;
        s->storm_failed = 0;
        storm_begin(s);
    }
    testdev_schedule(s);
}

static void abort_all(TestDev *s)
{
    if (s->legacy_running) {
        testdev_abort(&s->legacy);
    }
    if (s->single_running) {
        testdev_abort(&s->single);
    }
    for (unsigned int i = s->batch_done; i < s->batch_length; i++) {
        testdev_abort(&s->batch[i]);
    }
    s->storm = 0;
    timer_del(s->storm_timer);
    if (s->storm_running) {
        testdev_abort(&s->storm_transfer);
    }
    testdev_schedule(s);
}

static void control_write(TestDev *s, uint32_t value)
{
    s->control = value & (TESTDEV_CONTROL_DEVICE_TLB |
                          TESTDEV_CONTROL_OUT_OF_ORDER);
    if (value & TESTDEV_CONTROL_ABORT) {
        abort_all(s);
    }
    if ((value & TESTDEV_CONTROL_FLUSH) ||
        !(value & TESTDEV_CONTROL_DEVICE_TLB)) {
        testdev_tlb_flush(s);
    }
    if (value & TESTDEV_CONTROL_CLEAR_COUNTERS) {
        testdev_ats_clear(s);
        s->interrupts = 0;
        s->storm_ok = 0;
        s->storm_blocked = 0;
        s->storm_failed = 0;
    }
}

static uint32_t capabilities(TestDev *s)
{
    PCIDevice *pci = PCI_DEVICE(s);

    return TESTDEV_CAP_RING | TESTDEV_CAP_MEMORY_BAR | TESTDEV_CAP_INTX |
           TESTDEV_CAP_ATOMIC |
           (pci->exp.ats_cap ? TESTDEV_CAP_ATS : 0) |
           (pci->exp.pri_cap ? TESTDEV_CAP_PRI : 0) |
           (pci->exp.pasid_cap ? TESTDEV_CAP_PASID : 0) |
           (s->msi_vectors ? TESTDEV_CAP_MSI : 0) |
           (s->msix_vectors ? TESTDEV_CAP_MSIX : 0);
}

static uint64_t result_read(TestDev *s, hwaddr offset)
{
    const TestDevTransfer *single = &s->single;
    bool over = !s->single_running;

    switch (offset) {
    case TESTDEV_RESULT_STATUS:
        return over ? single->status : TESTDEV_STATUS_NONE;
    case TESTDEV_RESULT_TAG:
        return single->tag;
    case TESTDEV_RESULT_BYTES:
        return single->bytes;
    case TESTDEV_RESULT_ADDRESS:
        return single->address;
    case TESTDEV_RESULT_VALUE:
        return single->value;
    case TESTDEV_RESULT_SEQUENCE:
        return single->sequence;
    case TESTDEV_RESULT_TIME:
        return single->time;
    case TESTDEV_RESULT_DURATION:
        return single->time - single->started;
    case TESTDEV_RESULT_LENGTH:
        return single->value_length;
    case TESTDEV_RESULT_PERMISSION:
        return single->permission;
    }
    return 0;
}

/* A whole register, 32 or 64 bits, by the offset of its low half. */
static uint64_t bar_register(TestDev *s, hwaddr address)
{
    if (address >= TESTDEV_TRANSFER &&
        address < TESTDEV_TRANSFER + TESTDEV_DESC_SIZE) {
        return ldl_le_p(s->descriptor + (address - TESTDEV_TRANSFER));
    }
    if (address >= TESTDEV_RESULT &&
        address < TESTDEV_RESULT + TESTDEV_RESULT_SIZE) {
        return result_read(s, address - TESTDEV_RESULT);
    }
    switch (address) {
    case TESTDEV_LEGACY_ADDRESS:
        return s->legacy_address;
    case TESTDEV_LEGACY_COMMAND:
        return (s->legacy_command & ~TESTDEV_LEGACY_RUN) | s->legacy_running;
    case TESTDEV_VERSION:
        return TESTDEV_VERSION_VALUE;
    case TESTDEV_CAPABILITIES:
        return capabilities(s);
    case TESTDEV_MAX_LENGTH:
        return TESTDEV_MAX_TRANSFER;
    case TESTDEV_BUFFER_SIZE:
        return s->memory_size;
    case TESTDEV_MAX_RING:
        return TESTDEV_RING_ENTRIES;
    case TESTDEV_VECTORS:
        return s->msi_vectors | s->msix_vectors << 8;
    case TESTDEV_DEVICE_TLB_SIZE:
        return TESTDEV_TLB_ENTRIES;
    case TESTDEV_PASID_BITS:
        return s->pasid_bits;
    case TESTDEV_TIME:
        return qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
    case TESTDEV_SCRATCH:
        return s->scratch;
    case TESTDEV_CONTROL:
        return s->control;
    case TESTDEV_MISBEHAVE:
        return s->misbehave;
    case TESTDEV_FORGED_RID:
        return s->forged_rid;
    case TESTDEV_FLOOD_COUNT:
        return s->flood_count;
    case TESTDEV_START:
        return s->single_running;
    case TESTDEV_RING_BASE:
        return s->ring_base;
    case TESTDEV_RING_RESULTS:
        return s->ring_results;
    case TESTDEV_RING_COUNT:
        return s->ring_count;
    case TESTDEV_RING_TAIL:
        return s->ring_tail;
    case TESTDEV_RING_HEAD:
        return s->ring_head;
    case TESTDEV_RING_ERROR:
        return s->ring_error;
    case TESTDEV_STORM:
        return s->storm_running;
    case TESTDEV_STORM_PAUSE:
        return s->storm_pause;
    case TESTDEV_STORM_OK:
        return s->storm_ok;
    case TESTDEV_STORM_BLOCKED:
        return s->storm_blocked;
    case TESTDEV_STORM_FAILED:
        return s->storm_failed;
    case TESTDEV_INTX_STATE:
        return s->intx;
    case TESTDEV_INTERRUPT_COUNT:
        return s->interrupts;
    case TESTDEV_SEND_ADDRESS:
        return s->send_address;
    case TESTDEV_SEND_DATA:
        return s->send_data;
    case TESTDEV_SEND:
        return s->send_status;
    }
    return testdev_ats_read(s, address);
}

/* Registers of 64 bits begin at multiples of 8; all of them are listed here. */
static bool is_wide(hwaddr address)
{
    switch (address) {
    case TESTDEV_LEGACY_ADDRESS:
    case TESTDEV_LEGACY_COMMAND:
    case TESTDEV_TIME:
    case TESTDEV_SCRATCH:
    case TESTDEV_RESULT + TESTDEV_RESULT_BYTES:
    case TESTDEV_RESULT + TESTDEV_RESULT_ADDRESS:
    case TESTDEV_RESULT + TESTDEV_RESULT_VALUE:
    case TESTDEV_RESULT + TESTDEV_RESULT_SEQUENCE:
    case TESTDEV_RESULT + TESTDEV_RESULT_TIME:
    case TESTDEV_RESULT + TESTDEV_RESULT_DURATION:
    case TESTDEV_RING_BASE:
    case TESTDEV_RING_RESULTS:
    case TESTDEV_STORM_OK:
    case TESTDEV_STORM_BLOCKED:
    case TESTDEV_STORM_FAILED:
    case TESTDEV_SEND_ADDRESS:
    case TESTDEV_TLB_QUERY_IOVA:
    case TESTDEV_TLB_QUERY_VALUE:
    case TESTDEV_INVAL_IOVA:
    case TESTDEV_INVAL_LENGTH:
    case TESTDEV_PRI_IOVA:
        return true;
    }
    return false;
}

static uint64_t bar_read(void *opaque, hwaddr address, unsigned size)
{
    TestDev *s = opaque;
    uint64_t low;

    if (size == 4) {
        if (address % 8 && is_wide(address - 4)) {
            return bar_register(s, address - 4) >> 32;
        }
        return (uint32_t)bar_register(s, address);
    }
    low = bar_register(s, address);
    return is_wide(address) ? low :
           (uint32_t)low | bar_register(s, address + 4) << 32;
}

static void set_half(uint64_t *value, hwaddr address, uint32_t half)
{
    *value = deposit64(*value, address % 8 ? 32 : 0, 32, half);
}

static void misbehave_write(TestDev *s, uint32_t value)
{
    bool was_late = s->misbehave & TESTDEV_MISBEHAVE_LATE_INVAL;

    s->misbehave = value & 0x7f;
    if (was_late && !(value & TESTDEV_MISBEHAVE_LATE_INVAL)) {
        testdev_late_invalidations(s);
    }
}

static void ring_count_write(TestDev *s, uint32_t value)
{
    if (value && (value > TESTDEV_RING_ENTRIES || !is_power_of_2(value))) {
        return;
    }
    s->ring_count = value;
    s->ring_head = 0;
    s->ring_tail = 0;
    s->ring_error = 0;
    s->batch_length = 0;
    s->batch_done = 0;
}

static void ring_tail_write(TestDev *s, uint32_t value)
{
    /* More descriptors than the ring has would be the same ones again. */
    if (value - s->ring_head <= s->ring_count) {
        s->ring_tail = value;
        testdev_schedule(s);
    }
}

static void single_start(TestDev *s)
{
    if (s->single_running) {
        return;
    }
    testdev_load_descriptor(&s->single, s->descriptor);
    testdev_begin(s, &s->single);
    s->single_running = true;
    testdev_schedule(s);
}

static void set_register(TestDev *s, hwaddr address, uint32_t value)
{
    if (address >= TESTDEV_TRANSFER &&
        address < TESTDEV_TRANSFER + TESTDEV_DESC_SIZE) {
        stl_le_p(s->descriptor + (address - TESTDEV_TRANSFER), value);
        return;
    }
    switch (address) {
    case TESTDEV_LEGACY_ADDRESS:
    case TESTDEV_LEGACY_ADDRESS + 4:
        set_half(&s->legacy_address, address, value);
        return;
    case TESTDEV_LEGACY_COMMAND:
        if (!s->legacy_running) {
            s->legacy_command = value;
            if (value & TESTDEV_LEGACY_RUN) {
                legacy_start(s);
            }
        }
        return;
    case TESTDEV_SCRATCH:
    case TESTDEV_SCRATCH + 4:
        set_half(&s->scratch, address, value);
        return;
    case TESTDEV_CONTROL:
        control_write(s, value);
        return;
    case TESTDEV_MISBEHAVE:
        misbehave_write(s, value);
        return;
    case TESTDEV_FORGED_RID:
        s->forged_rid = value & 0xffff;
        return;
    case TESTDEV_FLOOD_COUNT:
        s->flood_count = MIN(value, 256);
        return;
    case TESTDEV_START:
        if (value & 1) {
            single_start(s);
        }
        return;
    case TESTDEV_RING_BASE:
    case TESTDEV_RING_BASE + 4:
        set_half(&s->ring_base, address, value);
        return;
    case TESTDEV_RING_RESULTS:
    case TESTDEV_RING_RESULTS + 4:
        set_half(&s->ring_results, address, value);
        return;
    case TESTDEV_RING_COUNT:
        ring_count_write(s, value);
        return;
    case TESTDEV_RING_TAIL:
        ring_tail_write(s, value);
        return;
    case TESTDEV_RING_ERROR:
        s->ring_error = 0;
        testdev_schedule(s);
        return;
    case TESTDEV_STORM:
        storm_write(s, value);
        return;
    case TESTDEV_STORM_PAUSE:
        s->storm_pause = MIN(value, 1000000);
        return;
    case TESTDEV_INTERRUPT:
        testdev_interrupt(s, value);
        return;
    case TESTDEV_INTX_STATE:
        if (value & 1) {
            lower_intx(s);
        }
        return;
    case TESTDEV_SEND_ADDRESS:
    case TESTDEV_SEND_ADDRESS + 4:
        set_half(&s->send_address, address, value);
        return;
    case TESTDEV_SEND_DATA:
        s->send_data = value;
        return;
    case TESTDEV_SEND:
        if (value & 1) {
            testdev_send(s, s->send_address, s->send_data);
        }
        return;
    }
    testdev_ats_write(s, address, value);
}

static void bar_write(void *opaque, hwaddr address, uint64_t value,
                      unsigned size)
{
    TestDev *s = opaque;

    if (size == 8) {
        set_register(s, address, value);
        /* The command's run bit is in its low half; there is no other. */
        if (address != TESTDEV_LEGACY_COMMAND) {
            set_register(s, address + 4, value >> 32);
        }
        return;
    }
    set_register(s, address, value);
}

static const MemoryRegionOps register_ops = {
    .read = bar_read,
    .write = bar_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .valid = { .min_access_size = 4, .max_access_size = 8 },
    .impl = { .min_access_size = 4, .max_access_size = 8 },
};

static void disable_extended(PCIDevice *pci)
{
    if (pci->exp.ats_cap) {
        pci_set_word(pci->config + pci->exp.ats_cap + PCI_ATS_CTRL, 0);
    }
    if (pci->exp.pri_cap) {
        pci_set_word(pci->config + pci->exp.pri_cap + PCI_PRI_CTRL, 0);
        pci_set_long(pci->config + pci->exp.pri_cap + PCI_PRI_ALLOC_REQ, 0);
    }
    if (pci->exp.pasid_cap) {
        pci_set_word(pci->config + pci->exp.pasid_cap + PCI_PASID_CTRL, 0);
    }
}

static void reset(DeviceState *dev)
{
    TestDev *s = TESTDEV(dev);
    PCIDevice *pci = PCI_DEVICE(dev);
    bool keep_storm = s->storm_running &&
                      (s->misbehave & TESTDEV_MISBEHAVE_IGNORE_RESET);
    uint32_t misbehave = s->misbehave;

    disable_extended(pci);
    lower_intx(s);
    testdev_ats_reset(s);
    s->scratch = 0;
    s->control = 0;
    s->flood_count = 0;
    s->interrupts = 0;
    s->legacy_address = 0;
    s->legacy_command = 0;
    s->ring_base = 0;
    s->ring_results = 0;
    ring_count_write(s, 0);
    s->send_address = 0;
    s->send_data = 0;
    s->send_status = TESTDEV_STATUS_NONE;
    s->legacy_running = false;
    memset(&s->single, 0, sizeof(s->single));
    if (s->single_running) {
        testdev_abort(&s->single);
        s->single_running = false;
    }
    if (keep_storm) {
        s->misbehave = misbehave;
        testdev_schedule(s);
        return;
    }
    s->misbehave = 0;
    s->forged_rid = 0;
    s->storm = 0;
    s->storm_running = false;
    s->storm_pause = 0;
    timer_del(s->storm_timer);
    memset(s->descriptor, 0, sizeof(s->descriptor));
    qemu_bh_cancel(s->work);
}

static void config_write(PCIDevice *pci, uint32_t address, uint32_t value,
                         int length)
{
    bool slept = sleeping(pci);

    pci_default_write_config(pci, address, value, length);
    /* PCI PM 1.2, 3.2.4: No_Soft_Reset is clear, so waking up is a reset. */
    if (slept && !sleeping(pci)) {
        pci_device_reset(pci);
    }
    pcie_cap_flr_write_config(pci, address, value, length);
    /* PCIe 6.2, 10.5.1.3: what ATS gave is worth nothing once it is off. */
    if (!pcie_ats_enabled(pci)) {
        testdev_tlb_flush(TESTDEV(pci));
    }
}

static bool init_interrupts(TestDev *s, Error **errp)
{
    PCIDevice *pci = PCI_DEVICE(s);

    pci_config_set_interrupt_pin(pci->config, 1);
    if (s->msi_vectors &&
        msi_init(pci, 0, s->msi_vectors, true, false, errp) < 0) {
        return false;
    }
    if (s->msix_vectors &&
        msix_init_exclusive_bar(pci, s->msix_vectors, TESTDEV_BAR_MSIX,
                                errp) < 0) {
        return false;
    }
    for (int i = 0; i < s->msix_vectors; i++) {
        msix_vector_use(pci, i);
    }
    return true;
}

static bool init_express(TestDev *s, Error **errp)
{
    PCIDevice *pci = PCI_DEVICE(s);
    uint16_t offset = PCI_CONFIG_SPACE_SIZE;

    if (pcie_endpoint_cap_init(pci, 0) < 0) {
        error_setg(errp, "pcie-ats-testdev: no PCI Express capability");
        return false;
    }
    /* PCIe 4.0, 7.5.1.1.4: nobody has to wait for us after a reset. */
    pci_set_word(pci->config + PCI_STATUS,
                 pci_get_word(pci->config + PCI_STATUS) |
                 PCI_STATUS_IMM_READY);
    if (pci_pm_init(pci, 0, errp) < 0) {
        return false;
    }
    pci_set_word(pci->wmask + pci->pm_cap + PCI_PM_CTRL,
                 PCI_PM_CTRL_STATE_MASK);
    pcie_cap_flr_init(pci);
    if (s->pasid_bits) {
        pcie_pasid_init(pci, offset, s->pasid_bits, true, true);
        offset += EXTENDED_SIZE;
    }
    if (s->ats) {
        pcie_ats_init(pci, offset, true);
        offset += EXTENDED_SIZE;
    }
    if (s->pri) {
        pcie_pri_init(pci, offset, PCI_PRI_PRGI_MASK + 1, true);
    }
    return true;
}

static bool check_properties(TestDev *s, Error **errp)
{
    if (s->msi_vectors > MAX_VECTORS || (s->msi_vectors &&
                                         !is_power_of_2(s->msi_vectors))) {
        error_setg(errp, "msi-vectors must be 0 or a power of 2 up to 32, "
                   "not %u", s->msi_vectors);
        return false;
    }
    if (s->pasid_bits > PCI_EXT_CAP_PASID_MAX_WIDTH) {
        error_setg(errp, "pasid-bits must be at most %u, not %u",
                   PCI_EXT_CAP_PASID_MAX_WIDTH, s->pasid_bits);
        return false;
    }
    if (s->memory_size < TESTDEV_MAX_TRANSFER || s->memory_size > 1 * GiB ||
        !is_power_of_2(s->memory_size)) {
        error_setg(errp, "memory-size must be a power of 2 from 1M to 1G, "
                   "not %u", s->memory_size);
        return false;
    }
    if (s->pri && !s->ats) {
        error_setg(errp, "pri=on needs ats=on");
        return false;
    }
    return true;
}

static void realize(PCIDevice *pci, Error **errp)
{
    TestDev *s = TESTDEV(pci);

    if (!check_properties(s, errp)) {
        return;
    }
    memory_region_init_io(&s->registers, OBJECT(s), &register_ops, s,
                          "pcie-ats-testdev", TESTDEV_REGISTERS_SIZE);
    pci_register_bar(pci, TESTDEV_BAR_REGISTERS,
                     PCI_BASE_ADDRESS_SPACE_MEMORY, &s->registers);
    if (!memory_region_init_ram(&s->memory, OBJECT(s),
                                "pcie-ats-testdev-memory", s->memory_size,
                                errp)) {
        return;
    }
    pci_register_bar(pci, TESTDEV_BAR_MEMORY,
                     PCI_BASE_ADDRESS_SPACE_MEMORY |
                     PCI_BASE_ADDRESS_MEM_TYPE_64 |
                     PCI_BASE_ADDRESS_MEM_PREFETCH, &s->memory);
    if (!init_express(s, errp) || !init_interrupts(s, errp)) {
        return;
    }
    s->work = qemu_bh_new_guarded(work, s,
                                  &DEVICE(s)->mem_reentrancy_guard);
    s->storm_timer = timer_new_us(QEMU_CLOCK_VIRTUAL, storm_tick, s);
}

static void unrealize(PCIDevice *pci)
{
    TestDev *s = TESTDEV(pci);

    testdev_ats_reset(s);
    timer_free(s->storm_timer);
    qemu_bh_delete(s->work);
    if (s->msix_vectors) {
        msix_uninit_exclusive_bar(pci);
    }
    if (s->msi_vectors) {
        msi_uninit(pci);
    }
    pcie_cap_exit(pci);
}

static const Property properties[] = {
    DEFINE_PROP_BOOL("ats", TestDev, ats, true),
    DEFINE_PROP_BOOL("pri", TestDev, pri, true),
    DEFINE_PROP_UINT8("pasid-bits", TestDev, pasid_bits, 20),
    DEFINE_PROP_UINT8("msi-vectors", TestDev, msi_vectors, 16),
    DEFINE_PROP_UINT8("msix-vectors", TestDev, msix_vectors, 16),
    DEFINE_PROP_UINT32("memory-size", TestDev, memory_size, 2 * MiB),
};

/* What is in flight cannot be carried over. */
static const VMStateDescription vmstate = {
    .name = TYPE_TESTDEV,
    .unmigratable = 1,
};

static void class_init(ObjectClass *klass, const void *data)
{
    DeviceClass *dc = DEVICE_CLASS(klass);
    PCIDeviceClass *pc = PCI_DEVICE_CLASS(klass);

    pc->realize = realize;
    pc->exit = unrealize;
    pc->config_write = config_write;
    pc->vendor_id = TESTDEV_VENDOR;
    pc->device_id = TESTDEV_DEVICE;
    /* QEMU's PCI_CLASS_OTHERS lacks the class: 00, "before classes". */
    pc->class_id = 0xff00;
    pc->revision = 1;
    dc->desc = "IOMMU test device: DMA, PASID, ATS and PRI on command";
    dc->vmsd = &vmstate;
    device_class_set_legacy_reset(dc, reset);
    device_class_set_props(dc, properties);
    set_bit(DEVICE_CATEGORY_MISC, dc->categories);
}

static const TypeInfo testdev_info = {
    .name = TYPE_TESTDEV,
    .parent = TYPE_PCI_DEVICE,
    .instance_size = sizeof(TestDev),
    .class_init = class_init,
    .interfaces = (const InterfaceInfo[]) {
        { INTERFACE_PCIE_DEVICE },
        { }
    },
};

static void register_types(void)
{
    type_register_static(&testdev_info);
}

type_init(register_types)
