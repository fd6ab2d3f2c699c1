// SPDX-License-Identifier: GPL-2.0-or-later
#include <glib.h>

#include "runner/registers.h"

static void expect(const char *name, const char *text, const char *fields)
{
	g_autofree char *seen = registers_decode(name, text);

	g_assert_cmpstr(seen, ==, fields);
}

/* Values that real machines and QEMU show; what they mean was worked out by hand. */
static void test_intel(void)
{
	expect("intel-iommu/cap", "d2008c40660462",
	       "ND=256 PLMR PHMR SAGAW=48 MGAW=39 ZLR FRO=0x400 SSLPS=2M,1G PSI NFR=1 MAMV=18 DWD "
	       "DRD");
	expect("intel-iommu/cap", "0", "ND=16 MGAW=1 FRO=0 NFR=1 MAMV=0");
	expect("intel-iommu/ecap", "f050da", "QI IR EIM PT SC IRO=0x500 MHMV=15 PSS=1");
	expect("intel-iommu/ecap", "800000000000", "IRO=0 MHMV=0 PSS=1 FSTS");
}

static void test_amd(void)
{
	expect("amd-iommu/cap", "180b640f", "EFRSup CapExt");
	expect("amd-iommu/features", "29d3:0",
	       "PreFSup PPRSup GTSup IASup GASup HESup HATS=6 GATS=6 GLXSup=0 SmiFSup=0 GAMSup=0 "
	       "PASmax=1 MarcSup=0");
}

static void test_nonsense(void)
{
	expect("intel-iommu/cap", "", NULL);
	expect("intel-iommu/cap", "xyz", NULL);
	expect("intel-iommu/cap", "12 34", NULL);
	expect("intel-iommu/cap", "-1", NULL);
	expect("amd-iommu/features", "1:x", NULL);
	expect("intel-iommu/version", "6:0", NULL);
	expect("arm-smmu-v3/idr0", "0", NULL);
}

static void test_explain(void)
{
	json_t *facts =
		json_pack("{s:s, s:s, s:s, s:s, s:s}", "iommu.dmar0.intel-iommu.cap", "0",
			  "iommu.ivhd0.amd-iommu.cap", "8000000", "iommu.dmar0.intel-iommu.version",
			  "6:0", "iommus", "dmar0", "iommu.", "1");

	registers_explain(facts);
	g_assert_cmpuint(json_object_size(facts), ==, 7);
	g_assert_cmpstr(
		json_string_value(json_object_get(facts, "iommu.ivhd0.amd-iommu.cap.fields")), ==,
		"EFRSup");
	g_assert_nonnull(json_object_get(facts, "iommu.dmar0.intel-iommu.cap.fields"));
	json_decref(facts);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/registers/intel", test_intel);
	g_test_add_func("/registers/amd", test_amd);
	g_test_add_func("/registers/nonsense", test_nonsense);
	g_test_add_func("/registers/explain", test_explain);
	return g_test_run();
}
