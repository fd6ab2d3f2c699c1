/* SPDX-License-Identifier: GPL-2.0-or-later */
/* PCI as firmware leaves it: configuration space in memory, BARs with addresses. PCI Express 6.2, 7.5; Intel's Q35 chipset, PCIEXBAR. */
#include "machine.h"

#include <linux/pci_regs.h>

#define MMCONFIG       0xb0000000ull
#define Q35_PCIEXBAR   0x60
#define CONFIG_ADDRESS 0xcf8
#define CONFIG_DATA    0xcfc

char *machine_iommu(const char *qemu, bool remaps_interrupts)
{
	static char *const options[][3] = {
		{ "scalable-mode", "x-scalable-mode" },
		{ "fsts", "x-flts" },
		{ "pasid-mode", "x-pasid-mode" },
		{ "device-iotlb" },
		{ "svm" },
	};
	g_autoptr(GString) option = g_string_new("intel-iommu");

	g_string_append_printf(option, ",intremap=%s", remaps_interrupts ? "on" : "off");
	for (unsigned int i = 0; i < G_N_ELEMENTS(options); i++) {
		const char *name = lab_qemu_option(qemu, "intel-iommu", options[i]);

		if (name)
			g_string_append_printf(option, ",%s=on", name);
	}
	return g_string_free(g_steal_pointer(&option), FALSE);
}

void machine_start_pci(struct qtest *qtest)
{
	qtest_out(qtest, CONFIG_ADDRESS, 0x80000000u | Q35_PCIEXBAR);
	qtest_out(qtest, CONFIG_DATA, MMCONFIG | 1);
}

uint64_t config_address(const struct function *function, unsigned int offset)
{
	return MMCONFIG | (uint64_t)function->bus << 20 | (uint64_t)function->devfn << 12 | offset;
}

uint32_t config_read(const struct function *function, unsigned int offset, unsigned int bytes)
{
	return qtest_read(function->qtest, config_address(function, offset), bytes);
}

void config_write(const struct function *function, unsigned int offset, unsigned int bytes,
		  uint32_t value)
{
	qtest_write(function->qtest, config_address(function, offset), bytes, value);
}

unsigned int find_capability(const struct function *function, unsigned int id)
{
	unsigned int offset = config_read(function, PCI_CAPABILITY_LIST, 1);

	for (int left = 48; offset && left; left--) {
		if (config_read(function, offset, 1) == id)
			return offset;
		offset = config_read(function, offset + 1, 1);
	}
	return 0;
}

unsigned int find_extended(const struct function *function, unsigned int id)
{
	unsigned int offset = PCI_CFG_SPACE_SIZE;

	for (int left = 48; offset && left; left--) {
		uint32_t header = config_read(function, offset, 4);

		if (header && PCI_EXT_CAP_ID(header) == id)
			return offset;
		offset = PCI_EXT_CAP_NEXT(header);
	}
	return 0;
}

/* The address and size of a BAR that gets the next free place at *@free. */
static uint64_t place_bar(const struct function *function, unsigned int bar, uint64_t *free)
{
	unsigned int offset = PCI_BASE_ADDRESS_0 + 4 * bar;
	uint32_t type = config_read(function, offset, 4);
	uint64_t size, address;

	config_write(function, offset, 4, UINT32_MAX);
	size = (uint32_t) - (config_read(function, offset, 4) & ~0xfu);
	if (!size)
		return 0;
	address = (*free + size - 1) & ~(size - 1);
	*free = address + size;
	config_write(function, offset, 4, address);
	if (type & PCI_BASE_ADDRESS_MEM_TYPE_64)
		config_write(function, offset + 4, 4, address >> 32);
	return address;
}

static void find_capabilities(struct function *function)
{
	function->express = find_capability(function, PCI_CAP_ID_EXP);
	function->power = find_capability(function, PCI_CAP_ID_PM);
	function->msi = find_capability(function, PCI_CAP_ID_MSI);
	function->msix = find_capability(function, PCI_CAP_ID_MSIX);
	function->ats = find_extended(function, PCI_EXT_CAP_ID_ATS);
	function->pri = find_extended(function, PCI_EXT_CAP_ID_PRI);
	function->pasid = find_extended(function, PCI_EXT_CAP_ID_PASID);
	function->sriov = find_extended(function, PCI_EXT_CAP_ID_SRIOV);
}

void function_probe(struct function *function, struct qtest *qtest, uint8_t bus, uint8_t devfn,
		    uint64_t bars)
{
	*function = (struct function){ .qtest = qtest, .bus = bus, .devfn = devfn };
	function->registers = place_bar(function, TESTDEV_BAR_REGISTERS, &bars);
	function->memory = place_bar(function, TESTDEV_BAR_MEMORY, &bars);
	function->table = place_bar(function, TESTDEV_BAR_MSIX, &bars);
	find_capabilities(function);
	config_write(function, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
}

/* An FLR keeps the BARs of an emulated device no more than those of a real one: what was there is put back. */
void function_reset(const struct function *function)
{
	uint32_t bars[6];

	for (unsigned int i = 0; i < 6; i++)
		bars[i] = config_read(function, PCI_BASE_ADDRESS_0 + 4 * i, 4);
	config_write(function, function->express + PCI_EXP_DEVCTL, 2, PCI_EXP_DEVCTL_BCR_FLR);
	for (unsigned int i = 0; i < 6; i++)
		config_write(function, PCI_BASE_ADDRESS_0 + 4 * i, 4, bars[i]);
	config_write(function, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
}

void function_enable(const struct function *function)
{
	/* PCIe 6.2, 10.5.1: PASID is enabled before ATS. */
	if (function->pasid)
		config_write(function, function->pasid + PCI_PASID_CTRL, 2,
			     PCI_PASID_CTRL_ENABLE | PCI_PASID_CTRL_EXEC | PCI_PASID_CTRL_PRIV);
	if (function->ats)
		config_write(function, function->ats + PCI_ATS_CTRL, 2, PCI_ATS_CTRL_ENABLE);
	if (function->pri) {
		config_write(function, function->pri + PCI_PRI_ALLOC_REQ, 4, 512);
		config_write(function, function->pri + PCI_PRI_CTRL, 2, PCI_PRI_CTRL_ENABLE);
	}
}

void function_enable_vfs(const struct function *pf, struct function *vfs, unsigned int count,
			 uint64_t bars)
{
	static const unsigned int kinds[] = { TESTDEV_BAR_REGISTERS, TESTDEV_BAR_MEMORY,
					      TESTDEV_BAR_MSIX };
	unsigned int first = config_read(pf, pf->sriov + PCI_SRIOV_VF_OFFSET, 2);
	unsigned int stride = config_read(pf, pf->sriov + PCI_SRIOV_VF_STRIDE, 2);
	uint64_t places[6] = { 0 }, sizes[6] = { 0 };

	for (unsigned int i = 0; i < G_N_ELEMENTS(kinds); i++) {
		unsigned int offset = pf->sriov + PCI_SRIOV_BAR + 4 * kinds[i];

		config_write(pf, offset, 4, UINT32_MAX);
		sizes[kinds[i]] = (uint32_t) - (config_read(pf, offset, 4) & ~0xfu);
		places[kinds[i]] = bars = (bars + sizes[kinds[i]] - 1) & ~(sizes[kinds[i]] - 1);
		config_write(pf, offset, 4, bars);
		if (kinds[i] == TESTDEV_BAR_MEMORY)
			config_write(pf, offset + 4, 4, 0);
		bars += sizes[kinds[i]] * count;
	}
	config_write(pf, pf->sriov + PCI_SRIOV_NUM_VF, 2, count);
	config_write(pf, pf->sriov + PCI_SRIOV_CTRL, 2, PCI_SRIOV_CTRL_VFE | PCI_SRIOV_CTRL_MSE);
	for (unsigned int i = 0; i < count; i++) {
		vfs[i] = (struct function){
			.qtest = pf->qtest,
			.bus = pf->bus,
			.devfn = pf->devfn + first + i * stride,
			.registers =
				places[TESTDEV_BAR_REGISTERS] + i * sizes[TESTDEV_BAR_REGISTERS],
			.memory = places[TESTDEV_BAR_MEMORY] + i * sizes[TESTDEV_BAR_MEMORY],
			.table = places[TESTDEV_BAR_MSIX] + i * sizes[TESTDEV_BAR_MSIX],
		};
		find_capabilities(&vfs[i]);
		config_write(&vfs[i], PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	}
}
