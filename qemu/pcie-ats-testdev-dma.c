/*
 * pcie-ats-testdev: transfers
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "qemu/timer.h"
#include "qemu/units.h"
#include "hw/pci/pci.h"
#include "pcie-ats-testdev.h"

#define PAGE_BYTES 4096ull
/* Page requests for one page before the device gives up: a response that says
 * success without a page must not make it ask for ever. */
#define MAX_REQUESTS 4

void testdev_load_descriptor(TestDevTransfer *transfer, const uint8_t *bytes)
{
    memset(transfer, 0, sizeof(*transfer));
    transfer->operation = ldl_le_p(bytes + TESTDEV_DESC_OPERATION);
    transfer->pasid = ldl_le_p(bytes + TESTDEV_DESC_PASID);
    transfer->iova = ldq_le_p(bytes + TESTDEV_DESC_IOVA);
    transfer->target = ldq_le_p(bytes + TESTDEV_DESC_TARGET);
    transfer->length = ldl_le_p(bytes + TESTDEV_DESC_LENGTH);
    transfer->stride = ldl_le_p(bytes + TESTDEV_DESC_STRIDE);
    transfer->operand = ldq_le_p(bytes + TESTDEV_DESC_OPERAND);
    transfer->swap = ldq_le_p(bytes + TESTDEV_DESC_SWAP);
    transfer->repeat = ldl_le_p(bytes + TESTDEV_DESC_REPEAT);
    transfer->vector = ldl_le_p(bytes + TESTDEV_DESC_VECTOR);
    transfer->buffer = ldl_le_p(bytes + TESTDEV_DESC_BUFFER);
    transfer->tag = ldl_le_p(bytes + TESTDEV_DESC_TAG);
    if (!transfer->repeat) {
        transfer->repeat = 1;
    }
}

static uint32_t operation_of(const TestDevTransfer *transfer)
{
    return transfer->operation & TESTDEV_OP_MASK;
}

static bool is_atomic(uint32_t operation)
{
    return operation == TESTDEV_OP_FETCH_ADD ||
           operation == TESTDEV_OP_COMPARE_SWAP;
}

static uint32_t transfer_pasid(const TestDevTransfer *transfer)
{
    return transfer->operation & TESTDEV_FLAG_PASID ? transfer->pasid :
                                                      PCI_NO_PASID;
}

static bool well_formed(TestDev *s, const TestDevTransfer *transfer)
{
    uint32_t operation = operation_of(transfer);
    uint64_t end = (uint64_t)transfer->buffer + transfer->length;

    if (operation == TESTDEV_OP_NONE || operation > TESTDEV_OP_MAX ||
        !transfer->length || transfer->length > TESTDEV_MAX_TRANSFER ||
        transfer->repeat > TESTDEV_MAX_REPEAT) {
        return false;
    }
    if ((operation == TESTDEV_OP_READ || operation == TESTDEV_OP_WRITE) &&
        end > s->memory_size) {
        return false;
    }
    if (is_atomic(operation) && ((transfer->length != 4 &&
                                  transfer->length != 8) ||
                                 transfer->iova % transfer->length)) {
        return false;
    }
    if ((transfer->operation & TESTDEV_FLAG_FORGED) &&
        operation == TESTDEV_OP_COPY) {
        return false;
    }
    return transfer->vector < MAX(s->msi_vectors, s->msix_vectors) ||
           transfer->vector == 0;
}

void testdev_begin(TestDev *s, TestDevTransfer *transfer)
{
    transfer->started = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
    transfer->status = well_formed(s, transfer) ? TESTDEV_STATUS_NONE :
                                                  TESTDEV_STATUS_BAD_DESCRIPTOR;
}

void testdev_abort(TestDevTransfer *transfer)
{
    transfer->status = TESTDEV_STATUS_ABORTED;
    transfer->waiting = false;
}

static MemTxAttrs attributes_of(TestDev *s, const TestDevTransfer *transfer,
                                bool translated)
{
    return (MemTxAttrs) {
        .requester_id = testdev_requester(s),
        .user = !(transfer->operation & TESTDEV_FLAG_PRIVILEGED),
        .address_type = translated,
    };
}

/* Where a device's own requests go: through the IOMMU, gated by bus mastering
 * unless the device ignores that. */
static AddressSpace *requests_space(TestDev *s)
{
    PCIDevice *pci = PCI_DEVICE(s);

    return s->misbehave & TESTDEV_MISBEHAVE_NO_MASTER ?
           pci_device_iommu_address_space(pci) : pci_get_address_space(pci);
}

/*
 * A refused access of a page would be refused again for every few bytes of it,
 * and each time reported. So the first bytes go ahead of the others: whether a
 * page can be reached does not change within it.
 */
static uint32_t access_piece(AddressSpace *space, uint64_t address,
                             MemTxAttrs attributes, uint8_t *bytes,
                             uint32_t length, bool write)
{
    uint32_t head = MIN(length, 4 - address % 4);
    MemTxResult result = address_space_rw(space, address, attributes, bytes,
                                          head, write);

    if (result == MEMTX_OK && length > head) {
        result = address_space_rw(space, address + head, attributes,
                                  bytes + head, length - head, write);
    }
    return result == MEMTX_OK ? TESTDEV_STATUS_OK : TESTDEV_STATUS_BLOCKED;
}

/* Finds where an address is to be reached: the space and the address in it. */
static uint32_t route(TestDev *s, const TestDevTransfer *transfer,
                      uint64_t iova, bool write, AddressSpace **space,
                      uint64_t *address, bool *translated)
{
    PCIDevice *pci = PCI_DEVICE(s);
    uint32_t pasid = transfer_pasid(transfer);
    TestDevTlbEntry entry;
    uint32_t status;

    *translated = false;
    if (transfer->operation & TESTDEV_FLAG_FORGED) {
        /*
         * With ATS on, a root complex believes a translated address. With it
         * off, it must not: the request goes where the IOMMU looks at it.
         */
        *translated = true;
        *space = pcie_ats_enabled(pci) ? &address_space_memory :
                                         requests_space(s);
        *address = transfer->target + (iova - transfer->iova);
        return TESTDEV_STATUS_OK;
    }
    if (!(transfer->operation & TESTDEV_FLAG_TRANSLATED) &&
        pasid == PCI_NO_PASID) {
        *space = requests_space(s);
        *address = iova;
        return TESTDEV_STATUS_OK;
    }
    /* QEMU's only way to an address with a PASID is a translation. */
    status = testdev_translate(s, pasid, iova, write, transfer->operation,
                               &entry);
    if (status != TESTDEV_STATUS_OK) {
        return status == TESTDEV_STATUS_NO_TRANSLATION &&
               !(transfer->operation & TESTDEV_FLAG_TRANSLATED) ?
               TESTDEV_STATUS_BLOCKED : status;
    }
    *translated = true;
    *space = entry.space;
    *address = entry.translated + (iova - entry.iova);
    return TESTDEV_STATUS_OK;
}

/* A missing page: ask for it, and wait. */
static uint32_t request_missing(TestDev *s, TestDevTransfer *transfer,
                                uint64_t iova, bool write)
{
    uint32_t group = testdev_next_group(s);
    uint32_t flags = TESTDEV_PRI_LAST |
                     (write ? TESTDEV_PRI_WRITE : TESTDEV_PRI_READ);
    uint32_t status = TESTDEV_STATUS_NONE;

    if (++transfer->requests > MAX_REQUESTS) {
        return TESTDEV_STATUS_NO_TRANSLATION;
    }
    /* The response may come before the request returns. */
    transfer->group = group;
    transfer->waiting = true;
    transfer->answered = false;
    if (testdev_page_request(s, transfer_pasid(transfer), iova, group,
                             flags) != 0) {
        transfer->waiting = false;
        status = TESTDEV_STATUS_REFUSED;
    }
    return status;
}

/* One piece inside a page. NONE: nothing was done, a page was asked for. */
static uint32_t access_page(TestDev *s, TestDevTransfer *transfer,
                            uint64_t iova, uint8_t *bytes, uint32_t length,
                            bool write)
{
    AddressSpace *space;
    uint64_t address;
    bool translated;
    uint32_t status;

    if (!testdev_may_master(s)) {
        return TESTDEV_STATUS_DISABLED;
    }
    status = route(s, transfer, iova, write, &space, &address, &translated);
    if (status == TESTDEV_STATUS_NO_TRANSLATION &&
        (transfer->operation & TESTDEV_FLAG_PAGE_REQUEST)) {
        return request_missing(s, transfer, iova, write);
    }
    if (status != TESTDEV_STATUS_OK) {
        return status;
    }
    status = access_piece(space, address,
                          attributes_of(s, transfer, translated), bytes,
                          length, write);
    if (status == TESTDEV_STATUS_OK) {
        transfer->requests = 0;
    }
    return status;
}

static uint8_t *device_buffer(TestDev *s, const TestDevTransfer *transfer)
{
    return (uint8_t *)memory_region_get_ram_ptr(&s->memory) +
           transfer->buffer + transfer->done;
}

static uint32_t fill_page(TestDev *s, TestDevTransfer *transfer, uint64_t iova,
                          uint32_t length)
{
    uint8_t page[PAGE_BYTES], pattern[8];

    stq_le_p(pattern, transfer->operand);
    for (uint32_t i = 0; i < length; i++) {
        page[i] = pattern[(transfer->done + i) % 8];
    }
    return access_page(s, transfer, iova, page, length, true);
}

static uint32_t copy_page(TestDev *s, TestDevTransfer *transfer, uint64_t from,
                          uint64_t to, uint32_t length)
{
    uint8_t page[PAGE_BYTES];
    uint32_t status = access_page(s, transfer, from, page, length, false);

    if (status == TESTDEV_STATUS_OK) {
        status = access_page(s, transfer, to, page, length, true);
    }
    return status;
}

/*
 * QEMU has no atomic DMA across an IOMMU. All devices run under one lock, so it
 * is atomic between devices, not against the guest's CPUs.
 */
static uint32_t atomic(TestDev *s, TestDevTransfer *transfer, uint64_t iova)
{
    uint8_t bytes[8] = { 0 };
    uint32_t length = transfer->length;
    uint64_t mask = length == 4 ? UINT32_MAX : UINT64_MAX;
    uint64_t value;
    uint32_t status;

    status = access_page(s, transfer, iova, bytes, length, false);
    if (status != TESTDEV_STATUS_OK) {
        return status;
    }
    value = ldq_le_p(bytes);
    transfer->value = value;
    if (operation_of(transfer) == TESTDEV_OP_FETCH_ADD) {
        value += transfer->operand;
    } else if (value == (transfer->operand & mask)) {
        value = transfer->swap;
    }
    stq_le_p(bytes, value);
    return access_page(s, transfer, iova, bytes, length, true);
}

static uint32_t translate_only(TestDev *s, TestDevTransfer *transfer,
                               uint64_t iova)
{
    TestDevTlbEntry entry = { 0 };
    bool write = transfer->operation & TESTDEV_FLAG_WRITE;
    uint32_t status;

    if (!testdev_may_master(s)) {
        return TESTDEV_STATUS_DISABLED;
    }
    status = testdev_translate(s, transfer_pasid(transfer), iova, write,
                               transfer->operation, &entry);
    if (status == TESTDEV_STATUS_NO_TRANSLATION &&
        (transfer->operation & TESTDEV_FLAG_PAGE_REQUEST)) {
        return request_missing(s, transfer, iova, write);
    }
    if (status == TESTDEV_STATUS_OK) {
        transfer->value = entry.translated + (iova - entry.iova);
        transfer->value_length = MIN(entry.mask - (iova - entry.iova) + 1,
                                     1u << 31);
    }
    transfer->permission = entry.permission;
    return status;
}

/* How much of the transfer may be done at once: nothing crosses a page. */
static uint32_t piece_length(const TestDevTransfer *transfer, uint64_t iova,
                             uint64_t target)
{
    uint32_t left = transfer->length - transfer->done;
    uint32_t piece = MIN(left, PAGE_BYTES - iova % PAGE_BYTES);

    if (operation_of(transfer) == TESTDEV_OP_COPY) {
        piece = MIN(piece, PAGE_BYTES - target % PAGE_BYTES);
    }
    return piece;
}

static uint32_t do_piece(TestDev *s, TestDevTransfer *transfer, uint64_t iova,
                         uint64_t target, uint32_t length)
{
    switch (operation_of(transfer)) {
    case TESTDEV_OP_READ:
        return access_page(s, transfer, iova, device_buffer(s, transfer),
                           length, false);
    case TESTDEV_OP_WRITE:
        return access_page(s, transfer, iova, device_buffer(s, transfer),
                           length, true);
    case TESTDEV_OP_COPY:
        return copy_page(s, transfer, iova, target, length);
    case TESTDEV_OP_FILL:
        return fill_page(s, transfer, iova, length);
    case TESTDEV_OP_TRANSLATE:
        return translate_only(s, transfer, iova);
    default:
        return atomic(s, transfer, iova);
    }
}

static void complete(TestDev *s, TestDevTransfer *transfer, uint32_t status)
{
    transfer->status = status;
    transfer->sequence = ++s->sequence;
    transfer->time = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
    if (transfer->operation & TESTDEV_FLAG_INTERRUPT) {
        testdev_interrupt(s, transfer->vector);
    }
}

/*
 * Goes on with a transfer until it is over, waits for a page, or the round's
 * budget of bytes is spent. True when it is over.
 */
bool testdev_advance(TestDev *s, TestDevTransfer *transfer, uint64_t *budget)
{
    if (transfer->status != TESTDEV_STATUS_NONE) {
        complete(s, transfer, transfer->status);
        return true;
    }
    if (transfer->waiting) {
        if (!transfer->answered) {
            return false;
        }
        transfer->waiting = false;
        if (transfer->answer != TESTDEV_PRI_CODE_SUCCESS) {
            transfer->address = transfer->iova +
                (uint64_t)transfer->round * transfer->stride + transfer->done;
            complete(s, transfer, TESTDEV_STATUS_REFUSED);
            return true;
        }
    }
    while (transfer->round < transfer->repeat) {
        uint64_t offset = (uint64_t)transfer->round * transfer->stride;
        uint64_t iova = transfer->iova + offset + transfer->done;
        uint64_t target = transfer->target + offset + transfer->done;
        uint32_t length = piece_length(transfer, iova, target);
        uint32_t status;

        /* A piece costs at least as much as a few hundred bytes of copying. */
        if (*budget < length + 256) {
            *budget = 0;
            return false;
        }
        *budget -= length + 256;
        if (is_atomic(operation_of(transfer)) ||
            operation_of(transfer) == TESTDEV_OP_TRANSLATE) {
            length = transfer->length;
        }
        status = do_piece(s, transfer, iova, target, length);
        if (status == TESTDEV_STATUS_NONE) {
            /* The answer may have come already. */
            return transfer->answered ? testdev_advance(s, transfer, budget) :
                                        false;
        }
        if (status != TESTDEV_STATUS_OK) {
            transfer->address = iova;
            complete(s, transfer, status);
            return true;
        }
        transfer->bytes += length;
        transfer->done += length;
        if (transfer->done == transfer->length) {
            transfer->done = 0;
            transfer->round++;
        }
    }
    complete(s, transfer, TESTDEV_STATUS_OK);
    return true;
}

static uint32_t ring_access(TestDev *s, uint64_t address, uint8_t *bytes,
                            uint32_t length, bool write)
{
    static const TestDevTransfer plain;

    if (!testdev_may_master(s)) {
        return TESTDEV_STATUS_DISABLED;
    }
    return access_piece(requests_space(s), address,
                        attributes_of(s, &plain, false), bytes, length, write);
}

static uint32_t write_result(TestDev *s, const TestDevTransfer *transfer,
                             uint32_t index)
{
    uint8_t bytes[TESTDEV_RESULT_SIZE];

    stl_le_p(bytes + TESTDEV_RESULT_STATUS, transfer->status);
    stl_le_p(bytes + TESTDEV_RESULT_TAG, transfer->tag);
    stq_le_p(bytes + TESTDEV_RESULT_BYTES, transfer->bytes);
    stq_le_p(bytes + TESTDEV_RESULT_ADDRESS, transfer->address);
    stq_le_p(bytes + TESTDEV_RESULT_VALUE, transfer->value);
    stq_le_p(bytes + TESTDEV_RESULT_SEQUENCE, transfer->sequence);
    stq_le_p(bytes + TESTDEV_RESULT_TIME, transfer->time);
    stq_le_p(bytes + TESTDEV_RESULT_DURATION,
             transfer->time - transfer->started);
    stl_le_p(bytes + TESTDEV_RESULT_LENGTH, transfer->value_length);
    stl_le_p(bytes + TESTDEV_RESULT_PERMISSION, transfer->permission);
    return ring_access(s, s->ring_results + index * TESTDEV_RESULT_SIZE, bytes,
                       sizeof(bytes), true);
}

static bool fetch_batch(TestDev *s)
{
    uint32_t waiting = s->ring_tail - s->ring_head;

    s->batch_length = 0;
    s->batch_done = 0;
    waiting = MIN(waiting, MIN(s->ring_count, TESTDEV_RING_BATCH));
    for (uint32_t i = 0; i < waiting; i++) {
        uint8_t bytes[TESTDEV_DESC_SIZE];
        uint32_t index = (s->ring_head + i) & (s->ring_count - 1);
        uint32_t status;

        status = ring_access(s, s->ring_base + index * TESTDEV_DESC_SIZE,
                             bytes, sizeof(bytes), false);
        if (status != TESTDEV_STATUS_OK) {
            s->ring_error = status;
            break;
        }
        testdev_load_descriptor(&s->batch[i], bytes);
        testdev_begin(s, &s->batch[i]);
        s->batch_length++;
    }
    return s->batch_length > 0;
}

/*
 * Takes descriptors from the ring in batches. Out of order means that a batch
 * is completed from its end; the head moves when a whole batch is done.
 */
void testdev_ring_round(TestDev *s, uint64_t *budget)
{
    while (*budget && !s->ring_error && s->ring_count) {
        if (s->batch_done == s->batch_length) {
            if (s->ring_head == s->ring_tail || !fetch_batch(s)) {
                return;
            }
        }
        while (s->batch_done < s->batch_length) {
            unsigned int number = s->control & TESTDEV_CONTROL_OUT_OF_ORDER ?
                                  s->batch_length - 1 - s->batch_done :
                                  s->batch_done;
            uint32_t index = (s->ring_head + number) & (s->ring_count - 1);

            if (!testdev_advance(s, &s->batch[number], budget)) {
                return;
            }
            s->ring_error = write_result(s, &s->batch[number], index);
            if (s->ring_error == TESTDEV_STATUS_OK) {
                s->ring_error = 0;
            }
            s->batch_done++;
        }
        s->ring_head += s->batch_length;
    }
}
