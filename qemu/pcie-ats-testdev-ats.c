/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pcie-ats-testdev: address translation and page requests */

#include "qemu/osdep.h"
#include "qemu/host-utils.h"
#include "hw/pci/pci.h"
#include "pcie-ats-testdev.h"

static uint32_t register_pasid(uint32_t pasid)
{
    return pasid == PCI_NO_PASID ? TESTDEV_NO_PASID : pasid;
}

static bool entry_overlaps(const TestDevTlbEntry *entry,
                           const TestDevInvalidation *invalidation)
{
    uint64_t last = invalidation->length == UINT64_MAX ?
                    UINT64_MAX :
                    invalidation->iova + invalidation->length - 1;

    return entry->valid && entry->pasid == invalidation->pasid &&
           entry->iova <= last &&
           entry->iova + entry->mask >= invalidation->iova;
}

static uint32_t drop_entries(TestDev *s,
                             const TestDevInvalidation *invalidation)
{
    uint32_t dropped = 0;

    for (int i = 0; i < TESTDEV_TLB_ENTRIES; i++) {
        if (entry_overlaps(&s->tlb[i], invalidation)) {
            s->tlb[i].valid = false;
            dropped++;
        }
    }
    return dropped;
}

static void invalidated(IOMMUNotifier *notifier, IOMMUTLBEntry *data)
{
    TestDevListener *listener = container_of(notifier, TestDevListener,
                                             invalidations);
    TestDev *s = listener->testdev;
    TestDevInvalidation invalidation = {
        .pasid = listener->pasid,
        .iova = data->iova & ~data->addr_mask,
        .length = data->addr_mask == UINT64_MAX ? UINT64_MAX :
                                                  data->addr_mask + 1,
    };

    if (s->misbehave & TESTDEV_MISBEHAVE_LATE_INVAL) {
        /* More than fit are as good as one of everything. */
        if (s->late_count < TESTDEV_INVAL_RECORDS) {
            s->late[s->late_count++] = invalidation;
        }
    } else if (!(s->misbehave & TESTDEV_MISBEHAVE_KEEP_TLB)) {
        invalidation.dropped = drop_entries(s, &invalidation);
    }
    s->log[s->log_count++ % TESTDEV_INVAL_RECORDS] = invalidation;
}

void testdev_late_invalidations(TestDev *s)
{
    if (s->late_count == TESTDEV_INVAL_RECORDS) {
        testdev_tlb_flush(s);
    }
    for (unsigned int i = 0; i < s->late_count; i++) {
        drop_entries(s, &s->late[i]);
    }
    s->late_count = 0;
}

static void answer_transfer(TestDevTransfer *transfer, uint32_t group,
                            uint32_t code)
{
    if (transfer->waiting && transfer->group == group) {
        transfer->answered = true;
        transfer->answer = code;
    }
}

/* PCIe 6.2, 10.5.2.3: stopped is off, and nothing is outstanding. */
void testdev_pri_status(TestDev *owner)
{
    PCIDevice *pci = PCI_DEVICE(owner);
    uint8_t *status = pci->config + pci->exp.pri_cap + PCI_PRI_STATUS;

    if (!pci->exp.pri_cap) {
        return;
    }
    if (pcie_pri_enabled(pci) || owner->pri_credit) {
        pci_word_test_and_clear_mask(status, PCI_PRI_STATUS_STOPPED);
    } else {
        pci_word_test_and_set_mask(status, PCI_PRI_STATUS_STOPPED);
    }
}

static void set_pri_status(TestDev *owner, uint16_t bits)
{
    PCIDevice *pci = PCI_DEVICE(owner);

    pci_word_test_and_set_mask(pci->config + pci->exp.pri_cap + PCI_PRI_STATUS,
                               bits);
}

static void close_group(TestDev *s, uint32_t group)
{
    testdev_owner(s)->pri_credit -= s->group_requests[group];
    s->group_requests[group] = 0;
    s->outstanding -= s->group_closed[group];
    s->group_closed[group] = false;
}

void testdev_pri_forget(TestDev *s)
{
    for (uint32_t group = 0; group <= PCI_PRI_PRGI_MASK; group++) {
        close_group(s, group);
    }
}

/* QEMU's own numbers for what PCIe calls a response code. */
static uint32_t code_of(const IOMMUPRIResponse *response)
{
    switch (response->response_code) {
    case IOMMU_PRI_RESP_SUCCESS:
        return TESTDEV_PRI_CODE_SUCCESS;
    case IOMMU_PRI_RESP_INVALID_REQUEST:
        return TESTDEV_PRI_CODE_INVALID;
    default:
        return TESTDEV_PRI_CODE_FAILURE;
    }
}

/* Called inside the guest's write to the IOMMU: only takes note. */
static void responded(IOMMUPRINotifier *notifier, IOMMUPRIResponse *response)
{
    TestDevListener *listener = container_of(notifier, TestDevListener,
                                             responses);
    TestDev *s = listener->testdev;
    TestDev *owner = testdev_owner(s);
    uint32_t group = response->prgi & PCI_PRI_PRGI_MASK;
    uint32_t code = code_of(response);
    bool expected = s->group_closed[group];

    if (s->response_count < TESTDEV_PRI_RECORDS) {
        s->responses[s->response_count] = group | code << 12 |
                                          (expected ? 0 : 1u << 16);
        s->response_pasids[s->response_count] =
            register_pasid(listener->pasid);
    }
    s->response_count++;
    if (expected) {
        close_group(s, group);
    } else {
        set_pri_status(owner, PCI_PRI_STATUS_UPRGI);
    }
    if (code == TESTDEV_PRI_CODE_FAILURE) {
        /* PCIe 6.2, 10.4.2.2: no further requests until PRI is enabled anew. */
        owner->pri_stopped = true;
        set_pri_status(owner, PCI_PRI_STATUS_RF);
    }
    testdev_pri_status(owner);
    answer_transfer(&s->legacy, group, code);
    answer_transfer(&s->single, group, code);
    answer_transfer(&s->storm_transfer, group, code);
    for (unsigned int i = 0; i < TESTDEV_WINDOW; i++) {
        answer_transfer(&s->window[i], group, code);
    }
    testdev_schedule(s);
}

static TestDevListener *listener_for(TestDev *s, uint32_t pasid)
{
    TestDevListener *free_one = NULL;

    for (int i = 0; i < TESTDEV_LISTENERS; i++) {
        if (s->listeners[i].used && s->listeners[i].pasid == pasid) {
            return &s->listeners[i];
        }
        if (!s->listeners[i].used && !free_one) {
            free_one = &s->listeners[i];
        }
    }
    if (free_one) {
        memset(free_one, 0, sizeof(*free_one));
        free_one->testdev = s;
        free_one->pasid = pasid;
        free_one->used = true;
    }
    return free_one;
}

/* False if the translation could never be invalidated: it must not be kept. */
static bool listen_to_invalidations(TestDev *s, uint32_t pasid)
{
    PCIDevice *pci = PCI_DEVICE(s);
    TestDevListener *listener = listener_for(s, pasid);

    if (!listener) {
        return false;
    }
    if (!listener->has_invalidations) {
        if (pci_iommu_init_iotlb_notifier(pci, &listener->invalidations,
                                          invalidated, s) != 0 ||
            pci_iommu_register_iotlb_notifier(pci, pasid,
                                              &listener->invalidations) != 0) {
            return false;
        }
        listener->has_invalidations = true;
    }
    return true;
}

static int listen_to_responses(TestDev *s, uint32_t pasid)
{
    TestDevListener *listener = listener_for(s, pasid);
    int error;

    if (!listener) {
        return -ENOSPC;
    }
    if (listener->has_responses) {
        return 0;
    }
    listener->responses.notify = responded;
    error = pci_pri_register_notifier(PCI_DEVICE(s), pasid,
                                      &listener->responses);
    listener->has_responses = error == 0;
    return error;
}

/*
 * QEMU refuses to unregister what listens to a PASID once PASIDs are off, and a
 * guest may turn them off at any time: they are on for that long.
 */
static void unlisten(TestDev *s)
{
    PCIDevice *pci = PCI_DEVICE(s);
    uint8_t *control = pci->config + pci->exp.pasid_cap + PCI_PASID_CTRL;
    uint16_t kept = pci->exp.pasid_cap ? pci_get_word(control) : 0;

    if (pci->exp.pasid_cap) {
        pci_set_word(control, kept | PCI_PASID_CTRL_ENABLE);
    }
    for (int i = 0; i < TESTDEV_LISTENERS; i++) {
        TestDevListener *listener = &s->listeners[i];

        if (!listener->used) {
            continue;
        }
        if (listener->has_responses) {
            pci_pri_unregister_notifier(pci, listener->pasid);
            listener->has_responses = false;
        }
        if (listener->has_invalidations &&
            pci_iommu_unregister_iotlb_notifier(pci, listener->pasid,
                                                &listener->invalidations)) {
            /* It is in a list that is not ours: its memory must stay. */
            continue;
        }
        listener->used = false;
    }
    if (pci->exp.pasid_cap) {
        pci_set_word(control, kept);
    }
}

void testdev_tlb_flush(TestDev *s)
{
    for (int i = 0; i < TESTDEV_TLB_ENTRIES; i++) {
        s->tlb[i].valid = false;
    }
}

static TestDevTlbEntry *tlb_lookup(TestDev *s, uint32_t pasid, uint64_t iova)
{
    for (int i = 0; i < TESTDEV_TLB_ENTRIES; i++) {
        TestDevTlbEntry *entry = &s->tlb[i];

        if (entry->valid && entry->pasid == pasid && iova >= entry->iova &&
            iova - entry->iova <= entry->mask) {
            return entry;
        }
    }
    return NULL;
}

uint32_t testdev_translate(TestDev *s, uint32_t pasid, uint64_t iova,
                           bool write, uint32_t flags, TestDevTlbEntry *result)
{
    PCIDevice *pci = PCI_DEVICE(s);
    bool keep = s->control & TESTDEV_CONTROL_DEVICE_TLB;
    uint32_t wanted = write ? 2 : 1;
    TestDevTlbEntry *held;
    IOMMUTLBEntry entry = { 0 };
    uint32_t errors = 0;
    ssize_t count;

    if (keep) {
        held = tlb_lookup(s, pasid, iova);
        if (held && (held->permission & wanted)) {
            s->tlb_hits++;
            *result = *held;
            return TESTDEV_STATUS_OK;
        }
        s->tlb_misses++;
        if (held) {
            held->valid = false;
        }
        keep = listen_to_invalidations(s, pasid);
    }
    count = pci_ats_request_translation(pci, pasid,
                                        flags & TESTDEV_FLAG_PRIVILEGED,
                                        flags & TESTDEV_FLAG_EXECUTE,
                                        iova & ~0xfffull, 0x1000, !write,
                                        &entry, 1, &errors);
    if (count == -EPERM) {
        return TESTDEV_STATUS_DISABLED;
    }
    if (count < 0 && count != -ENOMEM) {
        return TESTDEV_STATUS_NO_TRANSLATION;
    }
    result->valid = true;
    result->pasid = pasid;
    result->mask = entry.addr_mask;
    result->iova = iova & ~entry.addr_mask;
    result->translated = entry.translated_addr & ~entry.addr_mask;
    result->space = entry.target_as;
    result->permission = (entry.perm & IOMMU_RO ? 1 : 0) |
                         (entry.perm & IOMMU_WO ? 2 : 0);
    if (!result->permission || !(result->permission & wanted)) {
        return TESTDEV_STATUS_NO_TRANSLATION;
    }
    if (keep) {
        s->tlb[s->tlb_next++ % TESTDEV_TLB_ENTRIES] = *result;
    }
    return TESTDEV_STATUS_OK;
}

uint32_t testdev_next_group(TestDev *s)
{
    /* Groups a test would choose by hand are the low ones. */
    for (int i = 0; i <= PCI_PRI_PRGI_MASK; i++) {
        uint32_t group = 0x100 | (s->pri_next_group++ & 0xff);

        if (!s->group_requests[group]) {
            return group;
        }
    }
    return PCI_PRI_PRGI_MASK;
}

/* Linux binds the requester's own requests to PASID 0 once PASID is on. */
static uint32_t request_pasid(TestDev *s, uint32_t pasid)
{
    return pasid == PCI_NO_PASID && pcie_pasid_enabled(PCI_DEVICE(s)) ? 0 :
                                                                       pasid;
}

/*
 * PCIe 6.2, 10.4.1.2.1: the last request of a group that asks for nothing, with
 * a PASID, is a stop marker. Nothing answers it.
 */
static bool is_stop_marker(uint32_t flags)
{
    return (flags & (TESTDEV_PRI_READ | TESTDEV_PRI_WRITE |
                     TESTDEV_PRI_LAST)) == TESTDEV_PRI_LAST;
}

static int send_request(TestDev *s, uint32_t pasid, uint64_t iova,
                        uint32_t group, uint32_t flags)
{
    int error = listen_to_responses(s, pasid);

    if (!error) {
        error = pci_pri_request_page(PCI_DEVICE(s), pasid,
                                     flags & TESTDEV_PRI_PRIVILEGED,
                                     flags & TESTDEV_PRI_EXECUTE,
                                     iova & ~0xfffull,
                                     flags & TESTDEV_PRI_LAST, group,
                                     flags & TESTDEV_PRI_READ,
                                     flags & TESTDEV_PRI_WRITE);
    }
    if (error) {
        s->pri_refused++;
        return error;
    }
    s->pri_sent++;
    if (is_stop_marker(flags)) {
        return 0;
    }
    if (s->group_requests[group] < UINT16_MAX) {
        s->group_requests[group]++;
        testdev_owner(s)->pri_credit++;
    }
    if ((flags & TESTDEV_PRI_LAST) && !s->group_closed[group]) {
        s->group_closed[group] = true;
        s->outstanding++;
    }
    return 0;
}

/* What software allowed the function, and its VFs, to have outstanding. */
static uint32_t allocation(TestDev *owner)
{
    PCIDevice *pci = PCI_DEVICE(owner);

    return MIN(pcie_pri_get_req_alloc(pci), TESTDEV_PRI_ALLOCATION);
}

uint32_t testdev_page_request(TestDev *s, uint32_t pasid, uint64_t iova,
                              uint32_t group, uint32_t flags)
{
    TestDev *owner = testdev_owner(s);
    bool flood = s->misbehave & TESTDEV_MISBEHAVE_PRI_FLOOD;
    int error = 0;

    if (owner->pri_stopped || !pcie_pri_enabled(PCI_DEVICE(s))) {
        error = -EPERM;
    } else if (pasid != PCI_NO_PASID && pasid >> s->pasid_bits) {
        error = -EINVAL;
    } else if (owner->pri_credit >= allocation(owner) && !flood &&
               !is_stop_marker(flags)) {
        /* Asking for more than was allocated is misbehaviour. */
        error = -ENOSPC;
    }
    if (error) {
        s->pri_refused++;
        return error;
    }
    pasid = request_pasid(s, pasid);
    error = send_request(s, pasid, iova, group & PCI_PRI_PRGI_MASK, flags);
    for (uint32_t i = 0; flood && i < s->flood_count; i++) {
        send_request(s, pasid, iova + 0x1000ull * (i + 1),
                     (group + 1 + i) & PCI_PRI_PRGI_MASK, flags);
    }
    testdev_pri_status(owner);
    return error;
}

void testdev_ats_clear(TestDev *s)
{
    s->tlb_hits = 0;
    s->tlb_misses = 0;
    s->log_count = 0;
    s->log_index = 0;
    s->pri_sent = 0;
    s->pri_refused = 0;
    s->response_count = 0;
    s->response_index = 0;
}

void testdev_ats_reset(TestDev *s)
{
    unlisten(s);
    testdev_tlb_flush(s);
    testdev_ats_clear(s);
    s->query_iova = 0;
    s->query_pasid = 0;
    s->late_count = 0;
    s->pri_iova = 0;
    s->pri_pasid = 0;
    s->pri_group = 0;
    s->pri_error = 0;
    s->pri_next_group = 0;
    s->pri_stopped = false;
    testdev_pri_forget(s);
    testdev_pri_status(testdev_owner(s));
}

static uint32_t given_pasid(uint32_t value)
{
    return value == TESTDEV_NO_PASID ? PCI_NO_PASID : value;
}

static const TestDevInvalidation *logged(TestDev *s)
{
    static const TestDevInvalidation none;
    uint32_t held = MIN(s->log_count, TESTDEV_INVAL_RECORDS);

    if (s->log_index >= held) {
        return &none;
    }
    return &s->log[(s->log_count - 1 - s->log_index) % TESTDEV_INVAL_RECORDS];
}

uint64_t testdev_ats_read(TestDev *s, hwaddr address)
{
    PCIDevice *pci = PCI_DEVICE(s);
    TestDevTlbEntry *held;
    uint32_t count = 0;

    switch (address) {
    case TESTDEV_TLB_HITS:
        return s->tlb_hits;
    case TESTDEV_TLB_MISSES:
        return s->tlb_misses;
    case TESTDEV_TLB_ENTRIES_HELD:
        for (int i = 0; i < TESTDEV_TLB_ENTRIES; i++) {
            count += s->tlb[i].valid;
        }
        return count;
    case TESTDEV_INVAL_COUNT:
        return s->log_count;
    case TESTDEV_TLB_QUERY_IOVA:
        return s->query_iova;
    case TESTDEV_TLB_QUERY_PASID:
        return s->query_pasid;
    case TESTDEV_TLB_QUERY_FLAGS:
        held = tlb_lookup(s, given_pasid(s->query_pasid), s->query_iova);
        return held ? 1 | held->permission << 1 : 0;
    case TESTDEV_TLB_QUERY_VALUE:
        held = tlb_lookup(s, given_pasid(s->query_pasid), s->query_iova);
        return held ? held->translated + (s->query_iova - held->iova) : 0;
    case TESTDEV_INVAL_INDEX:
        return s->log_index;
    case TESTDEV_INVAL_PASID:
        return register_pasid(logged(s)->pasid);
    case TESTDEV_INVAL_IOVA:
        return logged(s)->iova;
    case TESTDEV_INVAL_LENGTH:
        return logged(s)->length;
    case TESTDEV_INVAL_DROPPED:
        return logged(s)->dropped;
    case TESTDEV_PRI_IOVA:
        return s->pri_iova;
    case TESTDEV_PRI_PASID:
        return s->pri_pasid;
    case TESTDEV_PRI_GROUP:
        return s->pri_group;
    case TESTDEV_PRI_SEND:
        return s->pri_error;
    case TESTDEV_PRI_SENT:
        return s->pri_sent;
    case TESTDEV_PRI_REFUSED:
        return s->pri_refused;
    case TESTDEV_PRI_OUTSTANDING:
        return s->outstanding;
    case TESTDEV_PRI_RESPONSES:
        return s->response_count;
    case TESTDEV_PRI_INDEX:
        return s->response_index;
    case TESTDEV_PRI_RESPONSE:
    case TESTDEV_PRI_RESPONSE_PASID:
        if (s->response_index >= MIN(s->response_count, TESTDEV_PRI_RECORDS)) {
            return 0;
        }
        return address == TESTDEV_PRI_RESPONSE ?
               s->responses[s->response_index] :
               s->response_pasids[s->response_index];
    case TESTDEV_PRI_ENABLED:
        return (pcie_ats_enabled(pci) ? 1 : 0) |
               (pcie_pri_enabled(pci) ? 2 : 0) |
               (pcie_pasid_enabled(pci) ? 4 : 0) |
               (testdev_owner(s)->pri_stopped ? 8 : 0);
    }
    return 0;
}

bool testdev_ats_write(TestDev *s, hwaddr address, uint32_t value)
{
    switch (address) {
    case TESTDEV_TLB_QUERY_IOVA:
        s->query_iova = deposit64(s->query_iova, 0, 32, value);
        return true;
    case TESTDEV_TLB_QUERY_IOVA + 4:
        s->query_iova = deposit64(s->query_iova, 32, 32, value);
        return true;
    case TESTDEV_TLB_QUERY_PASID:
        s->query_pasid = value;
        return true;
    case TESTDEV_INVAL_INDEX:
        s->log_index = value;
        return true;
    case TESTDEV_PRI_IOVA:
        s->pri_iova = deposit64(s->pri_iova, 0, 32, value);
        return true;
    case TESTDEV_PRI_IOVA + 4:
        s->pri_iova = deposit64(s->pri_iova, 32, 32, value);
        return true;
    case TESTDEV_PRI_PASID:
        s->pri_pasid = value;
        return true;
    case TESTDEV_PRI_GROUP:
        s->pri_group = value & PCI_PRI_PRGI_MASK;
        return true;
    case TESTDEV_PRI_SEND:
        s->pri_error = testdev_page_request(
            s, given_pasid(s->pri_pasid), s->pri_iova,
            s->pri_group + !!(s->misbehave & TESTDEV_MISBEHAVE_WRONG_GROUP),
            value);
        return true;
    case TESTDEV_PRI_INDEX:
        s->response_index = value;
        return true;
    }
    return false;
}
