/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pcie-ats-testdev: transfers */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "qemu/timer.h"
#include "qemu/units.h"
#include "hw/pci/pci.h"
#include "pcie-ats-testdev.h"

#define PAGE_BYTES 4096ull
#define PIECE_COST 256
/*
 * Page requests for one page before the device gives up: a response that says
 * success without a page must not make it ask for ever.
 */
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
    if ((transfer->operation & TESTDEV_FLAG_PASID) &&
        transfer->pasid >> s->pasid_bits) {
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

/*
 * Where a device's own requests go: through the IOMMU, gated by bus mastering
 * unless the device ignores that.
 */
AddressSpace *testdev_requests_space(TestDev *s)
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
                                         testdev_requests_space(s);
        *address = transfer->target + (iova - transfer->iova);
        return TESTDEV_STATUS_OK;
    }
    if (!(transfer->operation & TESTDEV_FLAG_TRANSLATED) &&
        pasid == PCI_NO_PASID) {
        *space = testdev_requests_space(s);
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
                     (write ? TESTDEV_PRI_WRITE : TESTDEV_PRI_READ) |
                     (transfer->operation & TESTDEV_FLAG_EXECUTE && !write ?
                      TESTDEV_PRI_EXECUTE : 0) |
                     (transfer->operation & TESTDEV_FLAG_PRIVILEGED ?
                      TESTDEV_PRI_PRIVILEGED : 0);
    uint32_t status = TESTDEV_STATUS_NONE;

    transfer->address = iova;
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
        transfer->address = iova;
        return TESTDEV_STATUS_DISABLED;
    }
    status = route(s, transfer, iova, write, &space, &address, &translated);
    if (status == TESTDEV_STATUS_NO_TRANSLATION &&
        (transfer->operation & TESTDEV_FLAG_PAGE_REQUEST)) {
        return request_missing(s, transfer, iova, write);
    }
    if (status == TESTDEV_STATUS_OK) {
        status = access_piece(space, address,
                              attributes_of(s, transfer, translated), bytes,
                              length, write);
    }
    if (status == TESTDEV_STATUS_OK) {
        transfer->requests = 0;
    } else {
        transfer->address = iova;
    }
    return status;
}

static uint8_t *device_buffer(TestDev *s, const TestDevTransfer *transfer)
{
    return (uint8_t *)memory_region_get_ram_ptr(&s->memory) +
           transfer->buffer + transfer->done;
}

/*
 * By way of a page of its own: a guest may give the device's memory itself as
 * the other end, and what QEMU copies must not overlap.
 */
static uint32_t buffer_page(TestDev *s, TestDevTransfer *transfer,
                            uint64_t iova, uint32_t length, bool write)
{
    uint8_t page[PAGE_BYTES];
    uint32_t status;

    if (write) {
        memcpy(page, device_buffer(s, transfer), length);
    }
    status = access_page(s, transfer, iova, page, length, write);
    if (!write && status == TESTDEV_STATUS_OK) {
        memcpy(device_buffer(s, transfer), page, length);
    }
    return status;
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
    uint32_t status = TESTDEV_STATUS_DISABLED;

    if (testdev_may_master(s)) {
        status = testdev_translate(s, transfer_pasid(transfer), iova, write,
                                   transfer->operation, &entry);
    }
    if (status == TESTDEV_STATUS_NO_TRANSLATION &&
        (transfer->operation & TESTDEV_FLAG_PAGE_REQUEST)) {
        return request_missing(s, transfer, iova, write);
    }
    if (status == TESTDEV_STATUS_OK) {
        transfer->value = entry.translated + (iova - entry.iova);
        transfer->value_length = MIN(entry.mask - (iova - entry.iova) + 1,
                                     1u << 31);
    } else {
        transfer->address = iova;
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
        return buffer_page(s, transfer, iova, length, false);
    case TESTDEV_OP_WRITE:
        return buffer_page(s, transfer, iova, length, true);
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
}

/* For when the result can be seen: an interrupt must not come before it. */
void testdev_finished(TestDev *s, const TestDevTransfer *transfer)
{
    if (s->work && (transfer->operation & TESTDEV_FLAG_INTERRUPT)) {
        testdev_interrupt(s, transfer->vector);
    }
}

static uint64_t position(const TestDevTransfer *transfer, uint64_t base)
{
    return base + (uint64_t)transfer->round * transfer->stride +
           transfer->done;
}

/* The response to a page request came. */
static bool page_granted(TestDevTransfer *transfer)
{
    transfer->waiting = false;
    return transfer->answer == TESTDEV_PRI_CODE_SUCCESS;
}

/* One piece of a transfer: what is left of the status NONE is to go on. */
static uint32_t advance_piece(TestDev *s, TestDevTransfer *transfer,
                              uint64_t iova)
{
    uint64_t target = position(transfer, transfer->target);
    uint32_t operation = operation_of(transfer);
    uint32_t length = is_atomic(operation) ||
                      operation == TESTDEV_OP_TRANSLATE ?
                      transfer->length : piece_length(transfer, iova, target);
    unsigned int generation = s->generation;
    uint32_t status = do_piece(s, transfer, iova, target, length);

    /* A DMA can reach the device's own configuration space, and reset it. */
    if (status != TESTDEV_STATUS_OK || generation != s->generation) {
        return status;
    }
    transfer->bytes += length;
    transfer->done += length;
    if (transfer->done == transfer->length) {
        transfer->done = 0;
        transfer->round++;
    }
    return TESTDEV_STATUS_NONE;
}

/*
 * Goes on with a transfer until it is over, waits for a page, or the round's
 * budget of bytes is spent. True when it is over.
 */
bool testdev_advance(TestDev *s, TestDevTransfer *transfer, uint64_t *budget)
{
    unsigned int generation = s->generation;
    uint32_t status = transfer->status;

    while (status == TESTDEV_STATUS_NONE) {
        uint64_t iova = position(transfer, transfer->iova);

        if (transfer->waiting) {
            if (!transfer->answered) {
                return false;
            }
            if (!page_granted(transfer)) {
                status = TESTDEV_STATUS_REFUSED;
                break;
            }
        }
        if (transfer->round == transfer->repeat) {
            status = TESTDEV_STATUS_OK;
            break;
        }
        /* A piece costs as much as some bytes of copying, whatever it is. */
        if (*budget < PAGE_BYTES + PIECE_COST) {
            *budget = 0;
            return false;
        }
        *budget -= piece_length(transfer, iova,
                                position(transfer, transfer->target)) +
                   PIECE_COST;
        status = advance_piece(s, transfer, iova);
        if (generation != s->generation) {
            return false;
        }
    }
    if (status == TESTDEV_STATUS_OK) {
        transfer->address = 0;
    }
    complete(s, transfer, status);
    return true;
}

static uint32_t ring_access(TestDev *s, uint64_t address, uint8_t *bytes,
                            uint32_t length, bool write)
{
    static const TestDevTransfer plain;

    if (!testdev_may_master(s)) {
        return TESTDEV_STATUS_DISABLED;
    }
    return access_piece(testdev_requests_space(s), address,
                        attributes_of(s, &plain, false), bytes, length, write);
}

static void store_result(const TestDevTransfer *transfer, uint8_t *bytes)
{
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
}

/* Descriptors and results are of one size: where one is. */
QEMU_BUILD_BUG_ON(TESTDEV_DESC_SIZE != TESTDEV_RESULT_SIZE);

static uint64_t slot(TestDev *s, uint64_t base, uint32_t number)
{
    return base + (uint64_t)(number & (s->ring_count - 1)) * TESTDEV_DESC_SIZE;
}

/* How many of them one access may take: neither a page nor the ring ends. */
static uint32_t slots_together(TestDev *s, uint64_t base, uint32_t number,
                               uint32_t wanted)
{
    uint32_t index = number & (s->ring_count - 1);
    uint64_t in_page = PAGE_BYTES - slot(s, base, number) % PAGE_BYTES;

    wanted = MIN(wanted, MIN(TESTDEV_BATCH, s->ring_count - index));
    return MAX(1, MIN(wanted, in_page / TESTDEV_DESC_SIZE));
}

static TestDevTransfer *in_window(TestDev *s, uint32_t number)
{
    return &s->window[number % TESTDEV_WINDOW];
}

void testdev_ring_abort(TestDev *s)
{
    for (uint32_t i = s->ring_head; i != s->ring_fetched; i++) {
        if (!in_window(s, i)->over) {
            testdev_abort(in_window(s, i));
        }
    }
}

/* Fills the window of descriptors in flight, as long as all goes well. */
static void fetch(TestDev *s)
{
    unsigned int generation = s->generation;
    uint32_t room = MIN(s->ring_count, TESTDEV_WINDOW);

    while (s->ring_fetched != s->ring_tail &&
           s->ring_fetched - s->ring_head < room) {
        uint8_t bytes[TESTDEV_BATCH * TESTDEV_DESC_SIZE];
        uint32_t wanted = MIN(s->ring_tail - s->ring_fetched,
                              room - (s->ring_fetched - s->ring_head));
        uint32_t count = slots_together(s, s->ring_base, s->ring_fetched,
                                        wanted);
        uint32_t status;

        status = ring_access(s, slot(s, s->ring_base, s->ring_fetched), bytes,
                             count * TESTDEV_DESC_SIZE, false);
        if (generation != s->generation) {
            return;
        }
        if (status != TESTDEV_STATUS_OK) {
            s->ring_error = status;
            return;
        }
        for (uint32_t i = 0; i < count; i++) {
            TestDevTransfer *transfer = in_window(s, s->ring_fetched++);

            testdev_load_descriptor(transfer, bytes + i * TESTDEV_DESC_SIZE);
            testdev_begin(s, transfer);
        }
    }
}

/*
 * The results of transfers that are over go to memory, and then their
 * interrupts are raised. Returns how many of them are done with: where memory
 * cannot be reached the first one's result is lost, and the ring stands.
 */
static uint32_t retire(TestDev *s, uint32_t number, uint32_t count)
{
    uint8_t bytes[TESTDEV_BATCH * TESTDEV_RESULT_SIZE];
    unsigned int generation = s->generation;
    uint32_t status;

    for (uint32_t i = 0; i < count; i++) {
        store_result(in_window(s, number + i), bytes + i * TESTDEV_RESULT_SIZE);
    }
    status = ring_access(s, slot(s, s->ring_results, number), bytes,
                         count * TESTDEV_RESULT_SIZE, true);
    if (generation == s->generation && status != TESTDEV_STATUS_OK) {
        s->ring_error = status;
        count = 1;
    }
    for (uint32_t i = 0; i < count && generation == s->generation; i++) {
        in_window(s, number + i)->retired = true;
        testdev_finished(s, in_window(s, number + i));
    }
    return count;
}

/* One turn for everything in flight. False if nothing could go on. */
static bool advance_window(TestDev *s, uint64_t *budget)
{
    bool backwards = s->control & TESTDEV_CONTROL_OUT_OF_ORDER;
    unsigned int generation = s->generation;
    uint32_t count = s->ring_fetched - s->ring_head;
    bool progress = false;

    for (uint32_t i = 0; i < count && *budget; i++) {
        uint32_t number = backwards ? s->ring_fetched - 1 - i :
                                      s->ring_head + i;
        TestDevTransfer *transfer = in_window(s, number);

        if (!transfer->over) {
            transfer->over = testdev_advance(s, transfer, budget);
            progress |= transfer->over;
        }
        if (generation == s->generation && backwards && transfer->over &&
            !transfer->retired) {
            retire(s, number, 1);
        }
        if (generation != s->generation || s->ring_error) {
            return false;
        }
    }
    return progress;
}

/* How many from the head on are over, with results that are still to come. */
static uint32_t over_together(TestDev *s)
{
    uint32_t most = slots_together(s, s->ring_results, s->ring_head,
                                   s->ring_fetched - s->ring_head);
    uint32_t count = 0;

    while (count < most && in_window(s, s->ring_head + count)->over &&
           !in_window(s, s->ring_head + count)->retired) {
        count++;
    }
    return count;
}

/* The head passes what is complete: in order, or when all before it is. */
static void move_head(TestDev *s)
{
    unsigned int generation = s->generation;

    while (s->ring_head != s->ring_fetched && !s->ring_error &&
           in_window(s, s->ring_head)->over) {
        uint32_t count = 1;

        if (!in_window(s, s->ring_head)->retired) {
            count = retire(s, s->ring_head, over_together(s));
        }
        if (generation != s->generation) {
            return;
        }
        s->ring_head += count;
    }
}

/*
 * Descriptors in flight are in a window of the ring. All of them go on in each
 * turn, so that one that waits for a page does not hold up the others.
 */
void testdev_ring_round(TestDev *s, uint64_t *budget)
{
    unsigned int generation = s->generation;
    bool progress = true;

    while (progress && *budget && s->ring_count && !s->ring_error) {
        fetch(s);
        if (generation != s->generation) {
            return;
        }
        progress = advance_window(s, budget);
        if (generation != s->generation) {
            return;
        }
        move_head(s);
        /* Even a refused descriptor takes its time. */
        *budget -= MIN(*budget, PIECE_COST);
    }
}
