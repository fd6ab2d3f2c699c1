// SPDX-License-Identifier: GPL-2.0-or-later
/* Capability lists of config space: right, cut, looping, and random. */
#include <errno.h>
#include <glib.h>
#include <string.h>

#include <linux/pci_regs.h>

#include <iommut/capability.h>

static void put16(uint8_t *config, size_t offset, uint16_t value)
{
	config[offset] = (uint8_t)value;
	config[offset + 1] = (uint8_t)(value >> 8);
}

static void put32(uint8_t *config, size_t offset, uint32_t value)
{
	put16(config, offset, (uint16_t)value);
	put16(config, offset + 2, (uint16_t)(value >> 16));
}

static void extended(uint8_t *config, size_t offset, uint16_t id, uint16_t next)
{
	put32(config, offset, id | 1u << 16 | (uint32_t)next << 20);
}

/* PM, MSI, PCIe with FLR, MSI-X; AER, ATS, PRI, PASID, ACS, SR-IOV. */
static void example(uint8_t *config)
{
	memset(config, 0, 4096);
	put16(config, PCI_STATUS, PCI_STATUS_CAP_LIST);
	config[PCI_CAPABILITY_LIST] = 0x40;
	put16(config, 0x40, PCI_CAP_ID_PM | 0x50 << 8);
	put16(config, 0x50, PCI_CAP_ID_MSI | 0x60 << 8);
	put16(config, 0x52, 4 << 1);
	put16(config, 0x60, PCI_CAP_ID_EXP | 0xa0 << 8);
	put32(config, 0x60 + PCI_EXP_DEVCAP, PCI_EXP_DEVCAP_FLR);
	put16(config, 0xa0, PCI_CAP_ID_MSIX);
	put16(config, 0xa2, 31);
	extended(config, 0x100, PCI_EXT_CAP_ID_ERR, 0x150);
	extended(config, 0x150, PCI_EXT_CAP_ID_ATS, 0x160);
	put16(config, 0x154, PCI_ATS_CAP_PAGE_ALIGNED);
	put16(config, 0x156, PCI_ATS_CTRL_ENABLE | 2);
	extended(config, 0x160, PCI_EXT_CAP_ID_PRI, 0x170);
	put16(config, 0x160 + PCI_PRI_STATUS, PCI_PRI_STATUS_PASID);
	put32(config, 0x160 + PCI_PRI_MAX_REQ, 1024);
	put32(config, 0x160 + PCI_PRI_ALLOC_REQ, 32);
	extended(config, 0x170, PCI_EXT_CAP_ID_PASID, 0x180);
	put16(config, 0x174, PCI_PASID_CAP_PRIV | 20 << 8);
	put16(config, 0x176, PCI_PASID_CTRL_ENABLE);
	extended(config, 0x180, PCI_EXT_CAP_ID_ACS, 0x190);
	put16(config, 0x186, 0x1d);
	extended(config, 0x190, PCI_EXT_CAP_ID_SRIOV, 0);
	put16(config, 0x19e, 7);
}

static void test_example(void)
{
	struct iommut_capability list[16], one;
	struct iommut_pci_features features;
	uint8_t config[4096];

	example(config);
	g_assert_cmpint(iommut_capability_list(config, sizeof(config), NULL, 0), ==, 10);
	g_assert_cmpint(iommut_capability_list(config, sizeof(config), list, 16), ==, 10);
	g_assert_cmpuint(list[0].length, ==, 16);
	g_assert_cmpuint(list[3].length, ==, 256 - 0xa0);
	g_assert_cmpuint(list[4].version, ==, 1);
	g_assert_cmpuint(list[9].length, ==, 4096 - 0x190);
	g_assert_cmpstr(iommut_capability_name(list[5].id, true), ==, "ats");
	g_assert_cmpstr(iommut_capability_name(list[3].id, false), ==, "msix");
	g_assert_null(iommut_capability_name(0xffff, true));
	g_assert_null(iommut_capability_name(0xff, false));
	g_assert_cmpstr(iommut_capability_name(0x2e, true), ==, "doe");
	g_assert_cmpstr(iommut_capability_name(0x30, true), ==, "ide");
	g_assert_cmpint(
		iommut_capability_find(config, sizeof(config), PCI_EXT_CAP_ID_PASID, true, &one),
		==, 0);
	g_assert_cmphex(one.offset, ==, 0x170);
	g_assert_cmpint(iommut_capability_find(config, sizeof(config), PCI_CAP_ID_HT, false, NULL),
			==, -ENOENT);
	g_assert_cmpint(iommut_pci_features_decode(config, sizeof(config), &features), ==, 0);
	g_assert_true(features.express && features.flr && features.ats && features.pri &&
		      features.pasid && features.acs && features.sriov &&
		      features.power_management);
	g_assert_cmpuint(features.msi_vectors, ==, 16);
	g_assert_cmpuint(features.msix_vectors, ==, 32);
	g_assert_cmpuint(features.ats_queue_depth, ==, 32);
	g_assert_cmpuint(features.ats_stu, ==, 2);
	g_assert_true(features.ats_enabled && features.ats_aligned && features.pri_pasid_required);
	g_assert_cmpuint(features.pri_max, ==, 1024);
	g_assert_cmpuint(features.pri_allocated, ==, 32);
	g_assert_cmpuint(features.pasid_width, ==, 20);
	g_assert_true(features.pasid_priv && !features.pasid_exec && features.pasid_enabled);
	g_assert_cmphex(features.acs_control, ==, 0x1d);
	g_assert_cmpuint(features.sriov_total, ==, 7);
}

/* What a user without privilege sees: 64 bytes, and no fault in that. */
static void test_cut(void)
{
	struct iommut_pci_features features;
	uint8_t config[4096];

	example(config);
	for (size_t length = 0; length <= 64; length++) {
		g_assert_cmpint(iommut_capability_list(config, length, NULL, 0), ==, 0);
		g_assert_cmpint(iommut_pci_features_decode(config, length, &features), ==, 0);
		g_assert_false(features.express);
	}
	/* Each length gives what it has, or says that something was cut; ASan watches the rest. */
	for (size_t length = 65; length < sizeof(config); length++) {
		g_autofree uint8_t *copy = g_memdup2(config, length);
		int ret = iommut_pci_features_decode(copy, length, &features);

		g_assert_true(ret == 0 || ret == -EBADMSG);
		g_assert_cmpint(features.sriov, ==, length >= 0x1a0);
	}
}

static void test_broken(void)
{
	struct iommut_pci_features features;
	uint8_t config[4096];

	example(config);
	config[0xa1] = 0x40;
	g_assert_cmpint(iommut_capability_list(config, sizeof(config), NULL, 0), ==, -EBADMSG);
	g_assert_cmpint(iommut_capability_find(config, sizeof(config), PCI_CAP_ID_HT, false, NULL),
			==, -EBADMSG);
	g_assert_cmpint(
		iommut_capability_find(config, sizeof(config), PCI_CAP_ID_MSIX, false, NULL), ==,
		0);
	g_assert_cmpint(iommut_pci_features_decode(config, sizeof(config), &features), ==,
			-EBADMSG);
	g_assert_true(features.pasid);
	example(config);
	config[0xa1] = 0x10;
	g_assert_cmpint(iommut_capability_list(config, sizeof(config), NULL, 0), ==, -EBADMSG);
	example(config);
	extended(config, 0x190, PCI_EXT_CAP_ID_SRIOV, 0x100);
	g_assert_cmpint(iommut_capability_list(config, sizeof(config), NULL, 0), ==, -EBADMSG);
	extended(config, 0x190, PCI_EXT_CAP_ID_SRIOV, 0x40);
	g_assert_cmpint(iommut_capability_list(config, sizeof(config), NULL, 0), ==, -EBADMSG);
	memset(config, 0xff, sizeof(config));
	g_assert_cmpint(iommut_capability_list(config, sizeof(config), NULL, 0), ==, -EBADMSG);
	g_assert_cmpint(iommut_pci_features_decode(config, sizeof(config), &features), ==,
			-EBADMSG);
}

static void test_random(void)
{
	for (int round = 0; round < (g_test_slow() ? 20000 : 1000); round++) {
		size_t length = (size_t)g_test_rand_int_range(0, 1024);
		g_autofree uint8_t *config = g_malloc(length);
		struct iommut_pci_features features;
		struct iommut_capability list[8];
		int count;

		for (size_t i = 0; i < length; i++)
			config[i] = (uint8_t)(g_test_rand_bit() ? g_test_rand_int_range(0, 256)
								: g_test_rand_int_range(0, 20) * 4);
		count = iommut_capability_list(config, length, list, 8);
		g_assert_true(count == -EBADMSG || count >= 0);
		for (int i = 0; i < MIN(count, 8); i++)
			g_assert_cmpuint(list[i].offset + list[i].length, <=, length);
		iommut_pci_features_decode(config, length, &features);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/capability/example", test_example);
	g_test_add_func("/capability/cut", test_cut);
	g_test_add_func("/capability/broken", test_broken);
	g_test_add_func("/capability/random", test_random);
	return g_test_run();
}
