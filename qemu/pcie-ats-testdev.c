/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pcie-ats-testdev: registers, and what they start */

#include "qemu/osdep.h"
#include "qemu/bitops.h"
#include "qemu/bswap.h"
#include "qemu/main-loop.h"
#include "qemu/timer.h"
#include "qemu/units.h"
#include "hw/pci/pci.h"
#include "pcie-ats-testdev.h"

void testdev_schedule(TestDev *s)
{
    if (s->work) {
        qemu_bh_schedule(s->work);
    }
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
    testdev_load_descriptor(&s->storm_transfer, s->storm_descriptor);
    testdev_begin(s, &s->storm_transfer);
}

/*
 * A storm goes round and round; a round takes a bounded part of the budget.
 * False if it has to wait, for its pause or for a page.
 */
static bool storm_round(TestDev *s, uint64_t *budget)
{
    TestDevTransfer *transfer = &s->storm_transfer;

    while (*budget) {
        if (!testdev_advance(s, transfer, budget)) {
            return !transfer->waiting;
        }
        if (transfer->status == TESTDEV_STATUS_OK) {
            s->storm_ok++;
        } else {
            s->storm_blocked++;
            s->storm_failed = transfer->address;
        }
        testdev_finished(s, transfer);
        if (!s->storm || transfer->status == TESTDEV_STATUS_BAD_DESCRIPTOR) {
            s->storm = 0;
            s->storm_running = false;
            return false;
        }
        storm_begin(s);
        /* A refused transfer costs the IOMMU more than its bytes. */
        *budget -= MIN(*budget, 4096);
        if (s->storm_pause) {
            timer_mod(&s->storm_timer,
                      qemu_clock_get_us(QEMU_CLOCK_VIRTUAL) + s->storm_pause);
            return false;
        }
    }
    return true;
}

static void work(void *opaque)
{
    TestDev *s = opaque;
    uint64_t budget = TESTDEV_ROUND_BYTES;
    bool more = false;

    if (s->legacy_running && testdev_advance(s, &s->legacy, &budget)) {
        s->legacy_running = false;
    }
    if (s->single_running && testdev_advance(s, &s->single, &budget)) {
        s->single_running = false;
        testdev_finished(s, &s->single);
    }
    testdev_ring_round(s, &budget);
    if (s->storm_running && !timer_pending(&s->storm_timer)) {
        uint64_t part = MIN(budget, 64 * KiB);

        more = storm_round(s, &part);
    }
    /* Out of budget: go on after the main loop had its turn. */
    if (!budget || more) {
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
        timer_del(&s->storm_timer);
        if (s->storm_running && s->storm_transfer.waiting) {
            testdev_abort(&s->storm_transfer);
        }
    } else if (!s->storm_running) {
        s->storm_running = true;
        s->storm_ok = 0;
        s->storm_blocked = 0;
        s->storm_failed = 0;
        memcpy(s->storm_descriptor, s->descriptor, sizeof(s->descriptor));
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
    testdev_ring_abort(s);
    s->storm = 0;
    timer_del(&s->storm_timer);
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
        return testdev_capabilities(s);
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
    s->ring_fetched = 0;
    s->ring_error = 0;
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
            testdev_lower_intx(s);
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
            s->send_status = testdev_send(s, s->send_address, s->send_data);
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

const MemoryRegionOps testdev_register_ops = {
    .read = bar_read,
    .write = bar_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .valid = { .min_access_size = 4, .max_access_size = 8 },
    .impl = { .min_access_size = 4, .max_access_size = 8 },
};

void testdev_registers_reset(TestDev *s)
{
    bool keep_storm = s->storm_running &&
                      (s->misbehave & TESTDEV_MISBEHAVE_IGNORE_RESET);
    bool aborted = s->single_running;

    s->generation++;
    s->scratch = 0;
    s->control = 0;
    s->flood_count = 0;
    s->interrupts = 0;
    s->legacy_address = 0;
    s->legacy_command = 0;
    s->legacy_running = false;
    s->ring_base = 0;
    s->ring_results = 0;
    ring_count_write(s, 0);
    s->send_address = 0;
    s->send_data = 0;
    s->send_status = TESTDEV_STATUS_NONE;
    s->single_running = false;
    memset(&s->single, 0, sizeof(s->single));
    if (aborted) {
        testdev_abort(&s->single);
    }
    if (keep_storm) {
        testdev_schedule(s);
        return;
    }
    s->misbehave = 0;
    s->forged_rid = 0;
    s->storm = 0;
    s->storm_running = false;
    s->storm_pause = 0;
    s->storm_ok = 0;
    s->storm_blocked = 0;
    s->storm_failed = 0;
    timer_del(&s->storm_timer);
    memset(s->descriptor, 0, sizeof(s->descriptor));
    qemu_bh_cancel(s->work);
}

void testdev_registers_init(TestDev *s)
{
    s->work = qemu_bh_new_guarded(work, s, &DEVICE(s)->mem_reentrancy_guard);
    timer_init_us(&s->storm_timer, QEMU_CLOCK_VIRTUAL, storm_tick, s);
}

void testdev_registers_exit(TestDev *s)
{
    timer_del(&s->storm_timer);
    qemu_bh_delete(s->work);
    s->work = NULL;
    /* A DMA of the device itself may have unplugged it: nothing goes on. */
    s->generation++;
    s->legacy_running = false;
    s->single_running = false;
    s->storm_running = false;
    s->ring_count = 0;
}
