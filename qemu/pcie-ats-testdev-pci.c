/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pcie-ats-testdev: the PCI function, physical or virtual */

#include "qemu/osdep.h"
#include "qemu/module.h"
#include "qemu/range.h"
#include "qemu/units.h"
#include "qapi/error.h"
#include "hw/pci/msi.h"
#include "hw/pci/msix.h"
#include "hw/pci/pci.h"
#include "hw/pci/pcie_sriov.h"
#include "hw/qdev-properties.h"
#include "migration/vmstate.h"
#include "pcie-ats-testdev.h"

#define TYPE_TESTDEV_VF "pcie-ats-testdev-vf"

#define MAX_VECTORS 32
/* VFs are the other functions of the device: more would need ARI. */
#define MAX_VFS     7
#define TABLE_SIZE  4096

/* Room for each extended capability; the first one has to be at 0x100. */
#define EXTENDED_SIZE 0x20
/*
 * A VF has no capability for PASID and PRI: it uses the PF's (PCIe 6.2,
 * 9.3.7.9 and 9.3.7.11). QEMU looks for the enable bits in the configuration
 * space of the function itself, so each VF has a copy that no guest can see.
 */
#define HIDDEN_PASID 0xf00
#define HIDDEN_PRI   0xf20
#define HIDDEN_SIZE  0x100

/* PASID and PRI are the PF's. */
TestDev *testdev_owner(TestDev *s)
{
    PCIDevice *pci = PCI_DEVICE(s);

    return pci_is_vf(pci) ? TESTDEV(pcie_sriov_get_pf(pci)) : s;
}

static bool sleeping(PCIDevice *pci)
{
    return pci_get_word(pci->config + pci->pm_cap + PCI_PM_CTRL) &
           PCI_PM_CTRL_STATE_MASK;
}

bool testdev_may_master(TestDev *s)
{
    PCIDevice *pci = PCI_DEVICE(s);
    uint16_t command = pci_get_word(pci->config + PCI_COMMAND);

    return pci->enabled && !sleeping(pci) &&
           ((command & PCI_COMMAND_MASTER) ||
            (s->misbehave & TESTDEV_MISBEHAVE_NO_MASTER));
}

uint16_t testdev_requester(TestDev *s)
{
    return s->misbehave & TESTDEV_MISBEHAVE_RID ?
           s->forged_rid : pci_requester_id(PCI_DEVICE(s));
}

uint32_t testdev_send(TestDev *s, uint64_t address, uint32_t data)
{
    MemTxAttrs attributes = { .requester_id = testdev_requester(s) };
    MemTxResult result;

    if (!testdev_may_master(s)) {
        return TESTDEV_STATUS_DISABLED;
    }
    address_space_stl_le(testdev_requests_space(s), address, data, attributes,
                         &result);
    return result == MEMTX_OK ? TESTDEV_STATUS_OK : TESTDEV_STATUS_BLOCKED;
}

/* Message signalled interrupts; false if neither kind is enabled. */
static bool send_message(TestDev *s, uint32_t vector, bool *sent)
{
    PCIDevice *pci = PCI_DEVICE(s);
    bool by_hand = s->misbehave & (TESTDEV_MISBEHAVE_RID |
                                   TESTDEV_MISBEHAVE_NO_MASTER);
    bool extended = msix_enabled(pci);
    MSIMessage message;

    if (!extended && !msi_enabled(pci)) {
        return false;
    }
    *sent = testdev_may_master(s) &&
            vector < (extended ? s->msix_vectors :
                                 msi_nr_vectors_allocated(pci));
    if (!*sent) {
        return true;
    }
    if (!by_hand || (extended ? msix_is_masked(pci, vector) :
                               msi_is_masked(pci, vector))) {
        if (extended) {
            msix_notify(pci, vector);
        } else {
            msi_notify(pci, vector);
        }
        return true;
    }
    /*
     * An interrupt that claims to be another function's, or is sent without
     * leave: QEMU's own functions do neither.
     */
    message = extended ? msix_get_message(pci, vector) :
                         msi_get_message(pci, vector);
    testdev_send(s, message.address, message.data);
    return true;
}

void testdev_interrupt(TestDev *s, uint32_t vector)
{
    PCIDevice *pci = PCI_DEVICE(s);
    bool sent = true;

    if (sleeping(pci) || !pci->enabled) {
        return;
    }
    if (!send_message(s, vector, &sent)) {
        /* A VF has no pin. */
        sent = !pci_is_vf(pci);
        if (sent) {
            s->intx = 1;
            pci_set_irq(pci, 1);
        }
    }
    s->interrupts += sent;
}

void testdev_lower_intx(TestDev *s)
{
    s->intx = 0;
    if (!pci_is_vf(PCI_DEVICE(s))) {
        pci_set_irq(PCI_DEVICE(s), 0);
    }
}

uint32_t testdev_capabilities(TestDev *s)
{
    PCIDevice *pci = PCI_DEVICE(s);

    return TESTDEV_CAP_RING | TESTDEV_CAP_MEMORY_BAR | TESTDEV_CAP_ATOMIC |
           (pci_is_vf(pci) ? TESTDEV_CAP_VF : TESTDEV_CAP_INTX) |
           (pci->exp.ats_cap ? TESTDEV_CAP_ATS : 0) |
           (pci->exp.pri_cap ? TESTDEV_CAP_PRI : 0) |
           (pci->exp.pasid_cap ? TESTDEV_CAP_PASID : 0) |
           (s->msi_vectors ? TESTDEV_CAP_MSI : 0) |
           (s->msix_vectors ? TESTDEV_CAP_MSIX : 0);
}

/* What the PF's controls for PASID and PRI say holds for its VFs. */
static void share_controls(PCIDevice *pf)
{
    PCIDevice **vfs = pf->exp.sriov_pf.vf;
    uint16_t total;

    if (!vfs) {
        return;
    }
    total = pci_get_word(pf->config + pf->exp.sriov_cap + PCI_SRIOV_TOTAL_VF);
    for (uint16_t i = 0; i < total; i++) {
        if (pf->exp.pasid_cap) {
            pci_set_word(vfs[i]->config + HIDDEN_PASID + PCI_PASID_CTRL,
                         pci_get_word(pf->config + pf->exp.pasid_cap +
                                      PCI_PASID_CTRL));
        }
        if (pf->exp.pri_cap) {
            pci_set_word(vfs[i]->config + HIDDEN_PRI + PCI_PRI_CTRL,
                         pci_get_word(pf->config + pf->exp.pri_cap +
                                      PCI_PRI_CTRL));
        }
    }
}

static void disable_extended(PCIDevice *pci)
{
    if (pci->exp.ats_cap) {
        pci_set_word(pci->config + pci->exp.ats_cap + PCI_ATS_CTRL, 0);
    }
    if (pci_is_vf(pci)) {
        return;
    }
    if (pci->exp.pri_cap) {
        uint8_t *pri = pci->config + pci->exp.pri_cap;

        pci_set_word(pri + PCI_PRI_CTRL, 0);
        pci_set_long(pri + PCI_PRI_ALLOC_REQ, 0);
        pci_word_test_and_clear_mask(pri + PCI_PRI_STATUS,
                                     PCI_PRI_STATUS_RF |
                                     PCI_PRI_STATUS_UPRGI);
    }
    if (pci->exp.pasid_cap) {
        pci_set_word(pci->config + pci->exp.pasid_cap + PCI_PASID_CTRL, 0);
    }
    share_controls(pci);
}

static void reset(DeviceState *dev)
{
    TestDev *s = TESTDEV(dev);

    disable_extended(PCI_DEVICE(dev));
    testdev_lower_intx(s);
    testdev_ats_reset(s);
    testdev_registers_reset(s);
}

/* All groups of a PF and its VFs are forgotten. */
static void forget_page_requests(PCIDevice *pf)
{
    PCIDevice **vfs = pf->exp.sriov_pf.vf;

    testdev_pri_forget(TESTDEV(pf));
    if (vfs) {
        uint16_t total = pci_get_word(pf->config + pf->exp.sriov_cap +
                                      PCI_SRIOV_TOTAL_VF);

        for (uint16_t i = 0; i < total; i++) {
            testdev_pri_forget(TESTDEV(vfs[i]));
        }
    }
}

/*
 * PCIe 6.2, 10.5.2.2: setting Reset while Enable is clear forgets what is
 * outstanding. Enabling it again ends the stop that a failure was.
 */
static void pri_control_written(PCIDevice *pci, bool was_enabled)
{
    uint8_t *control = pci->config + pci->exp.pri_cap + PCI_PRI_CTRL;
    bool enabled = pcie_pri_enabled(pci);

    if (pci_get_word(control) & PCI_PRI_CTRL_RESET) {
        pci_word_test_and_clear_mask(control, PCI_PRI_CTRL_RESET);
        if (!enabled) {
            forget_page_requests(pci);
        }
    }
    if (enabled && !was_enabled) {
        TESTDEV(pci)->pri_stopped = false;
    }
    testdev_pri_status(TESTDEV(pci));
}

static void config_write(PCIDevice *pci, uint32_t address, uint32_t value,
                         int length)
{
    bool slept = sleeping(pci);
    bool paged = pcie_pri_enabled(pci);

    /*
     * Decoding and bus mastering change all BARs: each by itself would make
     * QEMU build the address spaces of every device anew.
     */
    memory_region_transaction_begin();
    pci_default_write_config(pci, address, value, length);
    memory_region_transaction_commit();
    /* PCI PM 1.2, 3.2.4: No_Soft_Reset is clear, so waking up is a reset. */
    if (slept && !sleeping(pci)) {
        pci_device_reset(pci);
    }
    pcie_cap_flr_write_config(pci, address, value, length);
    if (!pci_is_vf(pci)) {
        if (pci->exp.pri_cap &&
            ranges_overlap(address, length, pci->exp.pri_cap,
                           PCI_EXT_CAP_PRI_SIZEOF)) {
            pri_control_written(pci, paged);
        }
        share_controls(pci);
    }
    /* PCIe 6.2, 10.5.1.3: what ATS gave is worth nothing once it is off. */
    if (!pcie_ats_enabled(pci)) {
        testdev_tlb_flush(TESTDEV(pci));
    }
}

/* The copies of the PF's controls are not there for a guest. */
static uint32_t config_read(PCIDevice *pci, uint32_t address, int length)
{
    if (pci_is_vf(pci) &&
        ranges_overlap(address, length, HIDDEN_PASID, HIDDEN_SIZE)) {
        return 0;
    }
    return pci_default_read_config(pci, address, length);
}

static bool init_interrupts(TestDev *s, Error **errp)
{
    PCIDevice *pci = PCI_DEVICE(s);

    if (!pci_is_vf(pci)) {
        pci_config_set_interrupt_pin(pci->config, 1);
    }
    if (s->msi_vectors &&
        msi_init(pci, 0, s->msi_vectors, true, true, errp) < 0) {
        return false;
    }
    if (s->msix_vectors) {
        memory_region_init(&s->table, OBJECT(s), "pcie-ats-testdev-msix",
                           TABLE_SIZE);
        pci_register_bar(pci, TESTDEV_BAR_MSIX, TESTDEV_BAR_MSIX_TYPE,
                         &s->table);
        if (msix_init(pci, s->msix_vectors, &s->table, TESTDEV_BAR_MSIX, 0,
                      &s->table, TESTDEV_BAR_MSIX, TABLE_SIZE / 2, 0,
                      errp) < 0) {
            return false;
        }
    }
    for (int i = 0; i < s->msix_vectors; i++) {
        msix_vector_use(pci, i);
    }
    return true;
}

static bool init_express(TestDev *s, uint16_t *offset, Error **errp)
{
    PCIDevice *pci = PCI_DEVICE(s);

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
    if (s->ats) {
        pcie_ats_init(pci, *offset, true);
        *offset += EXTENDED_SIZE;
    }
    return true;
}

static void init_shared(TestDev *s, uint16_t *offset)
{
    PCIDevice *pci = PCI_DEVICE(s);

    if (pci_is_vf(pci)) {
        pci->exp.pasid_cap = s->pasid_bits ? HIDDEN_PASID : 0;
        pci->exp.pri_cap = s->pri ? HIDDEN_PRI : 0;
        return;
    }
    if (s->pasid_bits) {
        pcie_pasid_init(pci, *offset, s->pasid_bits, true, true);
        *offset += EXTENDED_SIZE;
    }
    if (s->pri) {
        pcie_pri_init(pci, *offset, TESTDEV_PRI_ALLOCATION, true);
        *offset += EXTENDED_SIZE;
    }
}

static bool init_bars(TestDev *s, Error **errp)
{
    PCIDevice *pci = PCI_DEVICE(s);

    memory_region_init_io(&s->registers, OBJECT(s), &testdev_register_ops, s,
                          "pcie-ats-testdev", TESTDEV_REGISTERS_SIZE);
    pci_register_bar(pci, TESTDEV_BAR_REGISTERS, TESTDEV_BAR_REGISTERS_TYPE,
                     &s->registers);
    if (!memory_region_init_ram(&s->memory, OBJECT(s),
                                "pcie-ats-testdev-memory", s->memory_size,
                                errp)) {
        return false;
    }
    pci_register_bar(pci, TESTDEV_BAR_MEMORY, TESTDEV_BAR_MEMORY_TYPE,
                     &s->memory);
    return true;
}

static bool init_vfs(TestDev *s, uint16_t offset, Error **errp)
{
    PCIDevice *pci = PCI_DEVICE(s);

    if (!s->vfs || pci_is_vf(pci)) {
        return true;
    }
    if (!pcie_sriov_pf_init(pci, offset, TYPE_TESTDEV_VF, TESTDEV_VF_DEVICE,
                            s->vfs, s->vfs, 1, 1, errp)) {
        return false;
    }
    pcie_sriov_pf_init_vf_bar(pci, TESTDEV_BAR_REGISTERS,
                              TESTDEV_BAR_REGISTERS_TYPE,
                              TESTDEV_REGISTERS_SIZE);
    pcie_sriov_pf_init_vf_bar(pci, TESTDEV_BAR_MEMORY, TESTDEV_BAR_MEMORY_TYPE,
                              s->memory_size);
    if (s->msix_vectors) {
        pcie_sriov_pf_init_vf_bar(pci, TESTDEV_BAR_MSIX, TESTDEV_BAR_MSIX_TYPE,
                                  TABLE_SIZE);
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
    if (s->msix_vectors > MAX_VECTORS) {
        error_setg(errp, "msix-vectors must be at most 32, not %u",
                   s->msix_vectors);
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
    if (s->vfs > MAX_VFS) {
        error_setg(errp, "sriov-vfs must be at most %d, not %u", MAX_VFS,
                   s->vfs);
        return false;
    }
    return true;
}

/* A VF is what its PF is. */
static void inherit(TestDev *s, const TestDev *pf)
{
    s->ats = pf->ats;
    s->pri = pf->pri;
    s->pasid_bits = pf->pasid_bits;
    s->msi_vectors = pf->msi_vectors;
    s->msix_vectors = pf->msix_vectors;
    s->memory_size = pf->memory_size;
}

static void undo_realize(TestDev *s)
{
    PCIDevice *pci = PCI_DEVICE(s);

    testdev_ats_reset(s);
    testdev_registers_exit(s);
    if (msix_present(pci)) {
        msix_uninit(pci, &s->table, &s->table);
    }
    if (msi_present(pci)) {
        msi_uninit(pci);
    }
    if (pci->exp.exp_cap) {
        pcie_cap_exit(pci);
    }
}

static void realize(PCIDevice *pci, Error **errp)
{
    TestDev *s = TESTDEV(pci);
    uint16_t offset = PCI_CONFIG_SPACE_SIZE;

    if (pci_is_vf(pci)) {
        inherit(s, testdev_owner(s));
    } else if (!check_properties(s, errp)) {
        return;
    }
    testdev_registers_init(s);
    if (!init_bars(s, errp) || !init_express(s, &offset, errp) ||
        !init_interrupts(s, errp)) {
        undo_realize(s);
        return;
    }
    init_shared(s, &offset);
    if (!init_vfs(s, offset, errp)) {
        undo_realize(s);
    }
}

static void unrealize(PCIDevice *pci)
{
    pcie_sriov_pf_exit(pci);
    undo_realize(TESTDEV(pci));
}

static const Property properties[] = {
    DEFINE_PROP_BOOL("ats", TestDev, ats, true),
    DEFINE_PROP_BOOL("pri", TestDev, pri, true),
    DEFINE_PROP_UINT8("pasid-bits", TestDev, pasid_bits, 20),
    DEFINE_PROP_UINT8("msi-vectors", TestDev, msi_vectors, 16),
    DEFINE_PROP_UINT8("msix-vectors", TestDev, msix_vectors, 16),
    DEFINE_PROP_UINT32("memory-size", TestDev, memory_size, 2 * MiB),
    DEFINE_PROP_UINT8("sriov-vfs", TestDev, vfs, 0),
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
    pc->config_read = config_read;
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

static void vf_class_init(ObjectClass *klass, const void *data)
{
    DeviceClass *dc = DEVICE_CLASS(klass);
    PCIDeviceClass *pc = PCI_DEVICE_CLASS(klass);

    pc->device_id = TESTDEV_VF_DEVICE;
    dc->desc = "IOMMU test device: virtual function";
    dc->user_creatable = false;
}

static const TypeInfo types[] = {
    {
        .name = TYPE_TESTDEV,
        .parent = TYPE_PCI_DEVICE,
        .instance_size = sizeof(TestDev),
        .class_init = class_init,
        .interfaces = (const InterfaceInfo[]) {
            { INTERFACE_PCIE_DEVICE },
            { }
        },
    },
    {
        .name = TYPE_TESTDEV_VF,
        .parent = TYPE_TESTDEV,
        .class_init = vf_class_init,
    },
};

DEFINE_TYPES(types)
