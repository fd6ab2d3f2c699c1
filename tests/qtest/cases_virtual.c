/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Virtual functions, and what the device's properties make of it. Each case has a machine of its own. */
#include "device.h"

#include <linux/pci_regs.h>
#include <string.h>

#define IOVA    0x100000000ull
#define DATA    FREE_MEMORY
#define VF_BARS 0xd0000000ull
#define PLAIN   TESTDEV_NO_PASID
/* Where an interrupt is written to that has entry 0 of the table. VT-d 5.0, 5.1.5.2. */
#define REMAPPABLE 0xfee00010ull

static const struct lab_config *config;
static const char *plain_iommu;

/* The cases of one machine use the global one: it is put aside meanwhile. */
static struct qtest *put_aside;
static struct function put_aside_device;
static struct vtd put_aside_vtd;

static void another_machine(const char *iommu, const char *testdev)
{
	const char *const arguments[] = { "-machine", "q35",     "-m",    "128", "-device",
					  iommu,      "-device", testdev, NULL };

	put_aside = machine;
	put_aside_device = device;
	put_aside_vtd = vtd;
	machine = qtest_start(config, arguments);
	machine_start_pci(machine);
	function_probe(&device, machine, 0, 4 << 3, 0xe0000000ull);
	vtd = (struct vtd){ 0 };
	vtd_start(&vtd, machine);
	vtd_attach(&vtd, &device);
	function_enable(&device);
}

static void machine_back(void)
{
	qtest_stop(machine);
	machine = put_aside;
	device = put_aside_device;
	vtd = put_aside_vtd;
}

/* Turns VFs on, each with tables and ATS of its own. */
static void enable_vfs(const struct function *pf, struct function *vfs, unsigned int count)
{
	function_enable_vfs(pf, vfs, count, VF_BARS);
	for (unsigned int i = 0; i < count; i++) {
		vtd_attach(&vtd, &vfs[i]);
		config_write(&vfs[i], vfs[i].ats + PCI_ATS_CTRL, 2, PCI_ATS_CTRL_ENABLE);
	}
}

/* Two VFs and their PF write to one IOVA, each to memory of its own. */
static void functions_apart(void)
{
	struct descriptor mark = { .operation = TESTDEV_OP_FILL, .iova = IOVA, .length = 8 };
	struct function functions[3];

	another_machine(plain_iommu, "pcie-ats-testdev,addr=4,sriov-vfs=2");
	functions[2] = device;
	g_assert_cmpuint(config_read(&device, device.sriov + PCI_SRIOV_TOTAL_VF, 2), ==, 2);
	g_assert_cmphex(config_read(&device, device.sriov + PCI_SRIOV_VF_DID, 2), ==,
			TESTDEV_VF_DEVICE);
	enable_vfs(&functions[2], functions, 2);
	fill(DATA, 3 * 4096, 0);
	for (unsigned int i = 0; i < 3; i++)
		vtd_map(&vtd, &functions[i], PLAIN, IOVA, DATA + 4096 * i, true);
	for (unsigned int i = 0; i < 3; i++) {
		device = functions[i];
		g_assert_cmphex(get(TESTDEV_VERSION), ==, TESTDEV_VERSION_VALUE);
		g_assert_cmpint(!!(get(TESTDEV_CAPABILITIES) & TESTDEV_CAP_VF), ==, i < 2);
		g_assert_cmpint(!!(get(TESTDEV_CAPABILITIES) & TESTDEV_CAP_INTX), ==, i == 2);
		g_assert_cmphex(get(TESTDEV_CAPABILITIES) & (TESTDEV_CAP_PASID | TESTDEV_CAP_PRI),
				==, TESTDEV_CAP_PASID | TESTDEV_CAP_PRI);
		mark.operand = 0x10 + i;
		g_assert_cmpuint(status_of(&mark), ==, TESTDEV_STATUS_OK);
		pattern(device.memory, 64);
	}
	for (unsigned int i = 0; i < 3; i++)
		g_assert_cmphex(qtest_read(machine, DATA + 4096 * i, 8), ==, 0x10 + i);
	/* A VF's reset is its own. */
	device = functions[0];
	set(TESTDEV_SCRATCH, 1);
	device = functions[1];
	set(TESTDEV_SCRATCH, 2);
	config_write(&functions[0], functions[0].express + PCI_EXP_DEVCTL, 2,
		     PCI_EXP_DEVCTL_BCR_FLR);
	g_assert_cmpuint(get(TESTDEV_SCRATCH), ==, 2);
	device = functions[0];
	g_assert_cmpuint(get(TESTDEV_SCRATCH), ==, 0);
	/* The PF's takes them away. */
	config_write(&functions[2], functions[2].express + PCI_EXP_DEVCTL, 2,
		     PCI_EXP_DEVCTL_BCR_FLR);
	g_assert_cmphex(get(TESTDEV_VERSION), !=, TESTDEV_VERSION_VALUE);
	machine_back();
}

/* A VF has no capability for PASID and PRI: the PF's controls are for both. */
static void shared_controls(void)
{
	struct descriptor write = {
		.operation = TESTDEV_OP_FILL | TESTDEV_FLAG_TRANSLATED | TESTDEV_FLAG_PASID,
		.pasid = 3,
		.iova = IOVA,
		.length = 8,
		.operand = 0x33,
	};
	struct page_request request;
	struct function pf, vf;

	another_machine(plain_iommu, "pcie-ats-testdev,addr=4,sriov-vfs=3");
	pf = device;
	enable_vfs(&pf, &vf, 1);
	device = vf;
	g_assert_cmpuint(vf.pasid, ==, 0);
	g_assert_cmpuint(vf.pri, ==, 0);
	for (unsigned int offset = 0xf00; offset < 0x1000; offset += 4)
		g_assert_cmphex(config_read(&vf, offset, 4), ==, 0);
	vtd_attach_pasid(&vtd, &vf, 3);
	vtd_map(&vtd, &vf, 3, IOVA, DATA, true);
	fill(DATA, 64, 0);
	g_assert_cmpuint(status_of(&write), ==, TESTDEV_STATUS_OK);
	g_assert_cmphex(qtest_read(machine, DATA, 8), ==, 0x33);
	write.operation |= TESTDEV_FLAG_PAGE_REQUEST;
	write.iova = IOVA + 4096;
	start(&write);
	g_assert_true(vtd_page_request(&vtd, &request));
	g_assert_cmphex(request.source, ==, vf.devfn);
	g_assert_cmpuint(request.pasid, ==, 3);
	vtd_map(&vtd, &vf, 3, IOVA + 4096, DATA, true);
	vtd_respond(&vtd, &request, TESTDEV_PRI_CODE_SUCCESS);
	g_assert_cmpuint(finish().status, ==, TESTDEV_STATUS_OK);
	config_write(&pf, pf.pri + PCI_PRI_CTRL, 2, 0);
	g_assert_cmphex(get(TESTDEV_PRI_ENABLED), ==, 1 | 4);
	config_write(&pf, pf.pasid + PCI_PASID_CTRL, 2, 0);
	g_assert_cmphex(get(TESTDEV_PRI_ENABLED), ==, 1);
	g_assert_cmpuint(status_of(&write), ==, TESTDEV_STATUS_DISABLED);
	machine_back();
}

static void smaller(void)
{
	another_machine(plain_iommu,
			"pcie-ats-testdev,addr=4,ats=off,pri=off,pasid-bits=0,msi-vectors=0,"
			"msix-vectors=3,memory-size=4194304");
	g_assert_cmphex(get(TESTDEV_CAPABILITIES), ==,
			TESTDEV_CAP_RING | TESTDEV_CAP_MSIX | TESTDEV_CAP_INTX |
				TESTDEV_CAP_MEMORY_BAR | TESTDEV_CAP_ATOMIC);
	g_assert_cmpuint(device.ats | device.pri | device.pasid | device.msi | device.sriov, ==, 0);
	g_assert_cmphex(get(TESTDEV_VECTORS), ==, 3 << 8);
	g_assert_cmpuint(get(TESTDEV_BUFFER_SIZE), ==, 4 << 20);
	g_assert_cmpuint(get(TESTDEV_PASID_BITS), ==, 0);
	machine_back();
}

/* Interrupts, vectors and by hand, are the requester's that the device claims to be: whoever remaps them sees that one. */
static void requester(void)
{
	g_autofree char *iommu = machine_iommu(config->qemu, true);
	uint16_t source = 0;

	another_machine(iommu, "pcie-ats-testdev,addr=4");
	vtd_remap_interrupts(&vtd);
	qtest_write(machine, device.table, 8, REMAPPABLE);
	qtest_write(machine, device.table + 8, 8, 0);
	config_write(&device, device.msix + PCI_MSIX_FLAGS, 2, PCI_MSIX_FLAGS_ENABLE);
	set_wide(TESTDEV_SEND_ADDRESS, REMAPPABLE);
	g_assert_false(vtd_refused_interrupt(&vtd, &source));
	for (unsigned int forged = 0; forged < 2; forged++) {
		uint16_t expected = forged ? 0x1234 : device.devfn;

		set(TESTDEV_FORGED_RID, 0x1234);
		set(TESTDEV_MISBEHAVE, forged ? TESTDEV_MISBEHAVE_RID : 0);
		set(TESTDEV_SEND, 1);
		g_assert_true(vtd_refused_interrupt(&vtd, &source));
		g_assert_cmphex(source, ==, expected);
		set(TESTDEV_INTERRUPT, 0);
		g_assert_true(vtd_refused_interrupt(&vtd, &source));
		g_assert_cmphex(source, ==, expected);
		g_assert_false(vtd_refused_interrupt(&vtd, &source));
	}
	machine_back();
}

/* Properties that make no sense are refused, and so is migration. */
static void refused(void)
{
	static const char *const bad[][2] = {
		{ "msi-vectors=3", "msi-vectors must be" },
		{ "msix-vectors=33", "msix-vectors must be" },
		{ "pasid-bits=21", "pasid-bits must be" },
		{ "memory-size=1048577", "memory-size must be" },
		{ "memory-size=4096", "memory-size must be" },
		{ "ats=off", "pri=on needs ats=on" },
		{ "sriov-vfs=8", "sriov-vfs must be" },
	};

	for (unsigned int i = 0; i < G_N_ELEMENTS(bad); i++) {
		g_autofree char *testdev = g_strconcat("pcie-ats-testdev,", bad[i][0], NULL);
		const char *const arguments[] = { "-machine", "q35", "-device", testdev, NULL };
		g_autofree char *text = qtest_refusal(config, arguments);

		g_assert_nonnull(strstr(text, bad[i][1]));
	}
	{
		const char *const arguments[] = { "-machine",         "q35",
						  "-only-migratable", "-device",
						  "pcie-ats-testdev", NULL };
		g_autofree char *text = qtest_refusal(config, arguments);

		g_assert_nonnull(strstr(text, "not migratable"));
	}
}

void add_virtual_cases(const struct lab_config *with, const char *option)
{
	config = with;
	plain_iommu = option;
	g_test_add_func("/qtest/virtual/apart", functions_apart);
	g_test_add_func("/qtest/virtual/shared-controls", shared_controls);
	g_test_add_func("/qtest/properties/smaller", smaller);
	g_test_add_func("/qtest/function/forged-requester", requester);
	g_test_add_func("/qtest/properties/refused", refused);
}
