// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The library against the values of the uAPI headers: every flag, type, operation, index and capability that they define either goes
 * through a typed call or an object into the structure that the kernel gets, or is understood when the kernel gives it. The first
 * argument is the headers as the compiler sees them, the second all their macros: a header with a name that nobody thought of fails.
 */
#include <errno.h>
#include <glib.h>
#include <string.h>

#include <linux/iommufd.h>
#include <linux/vfio.h>

#include <iommut/support.h>

#include "tests/lib/uapi_reach.h"

struct name {
	const char *name;
	uint64_t value;
	uint64_t (*reach)(
		uint64_t value); /* what arrives on the other side; 0: only the name of a 0 */
};

#define NAME(value, reach)                       \
	{                                        \
#value, (uint64_t)(value), reach \
	}

static const struct name names[] = {
	NAME(IOMMU_IOAS_MAP_FIXED_IOVA, reach_map_flags),
	NAME(IOMMU_IOAS_MAP_WRITEABLE, reach_map_flags),
	NAME(IOMMU_IOAS_MAP_READABLE, reach_map_flags),
	NAME(IOMMU_OPTION_RLIMIT_MODE, reach_option_set),
	NAME(IOMMU_OPTION_HUGE_PAGES, reach_option_set),
	NAME(IOMMU_OPTION_OP_SET, reach_option_operation),
	NAME(IOMMU_OPTION_OP_GET, reach_option_operation),
	NAME(IOMMU_VFIO_IOAS_GET, reach_vfio_ioas),
	NAME(IOMMU_VFIO_IOAS_SET, reach_vfio_ioas),
	NAME(IOMMU_VFIO_IOAS_CLEAR, reach_vfio_ioas),
	NAME(IOMMU_HWPT_ALLOC_NEST_PARENT, reach_hwpt_flags),
	NAME(IOMMU_HWPT_ALLOC_DIRTY_TRACKING, reach_hwpt_flags),
	NAME(IOMMU_HWPT_FAULT_ID_VALID, reach_hwpt_flags),
	NAME(IOMMU_HWPT_ALLOC_PASID, reach_hwpt_flags),
	NAME(IOMMU_HWPT_DATA_NONE, reach_hwpt_data),
	NAME(IOMMU_HWPT_DATA_VTD_S1, reach_hwpt_data),
	NAME(IOMMU_HWPT_DATA_ARM_SMMUV3, reach_hwpt_data),
	NAME(IOMMU_HWPT_DATA_AMD_GUEST, reach_hwpt_data),
	NAME(IOMMU_VTD_S1_SRE, reach_hwpt_vtd_flags),
	NAME(IOMMU_VTD_S1_EAFE, reach_hwpt_vtd_flags),
	NAME(IOMMU_VTD_S1_WPE, reach_hwpt_vtd_flags),
	NAME(IOMMU_HW_INFO_TYPE_NONE, reach_hw_type),
	NAME(IOMMU_HW_INFO_TYPE_DEFAULT, reach_hw_type),
	NAME(IOMMU_HW_INFO_TYPE_INTEL_VTD, reach_hw_type),
	NAME(IOMMU_HW_INFO_TYPE_ARM_SMMUV3, reach_hw_type),
	NAME(IOMMU_HW_INFO_TYPE_TEGRA241_CMDQV, reach_hw_type),
	NAME(IOMMU_HW_INFO_TYPE_AMD, reach_hw_type),
	NAME(IOMMU_HW_INFO_FLAG_INPUT_TYPE, reach_hw_info_input),
	NAME(IOMMU_HW_CAP_DIRTY_TRACKING, reach_hw_capabilities),
	NAME(IOMMU_HW_CAP_PCI_PASID_EXEC, reach_hw_capabilities),
	NAME(IOMMU_HW_CAP_PCI_PASID_PRIV, reach_hw_capabilities),
	NAME(IOMMU_HW_CAP_PCI_ATS_NOT_SUPPORTED, reach_hw_capabilities),
	NAME(IOMMU_HWPT_DIRTY_TRACKING_ENABLE, reach_dirty_on),
	NAME(IOMMU_HWPT_GET_DIRTY_BITMAP_NO_CLEAR, reach_dirty_read),
	NAME(IOMMU_HWPT_INVALIDATE_DATA_VTD_S1, reach_invalidate),
	NAME(IOMMU_VIOMMU_INVALIDATE_DATA_ARM_SMMUV3, reach_invalidate),
	NAME(IOMMU_VTD_INV_FLAGS_LEAF, reach_invalidate_flags),
	NAME(IOMMU_VIOMMU_TYPE_DEFAULT, reach_viommu),
	NAME(IOMMU_VIOMMU_TYPE_ARM_SMMUV3, reach_viommu),
	NAME(IOMMU_VIOMMU_TYPE_TEGRA241_CMDQV, reach_viommu),
	NAME(IOMMU_VEVENTQ_TYPE_DEFAULT, reach_veventq),
	NAME(IOMMU_VEVENTQ_TYPE_ARM_SMMUV3, reach_veventq),
	NAME(IOMMU_VEVENTQ_TYPE_TEGRA241_CMDQV, reach_veventq),
	NAME(IOMMU_HW_QUEUE_TYPE_DEFAULT, reach_hw_queue),
	NAME(IOMMU_HW_QUEUE_TYPE_TEGRA241_CMDQV, reach_hw_queue),

	NAME(VFIO_TYPE1_IOMMU, reach_extension),
	NAME(VFIO_SPAPR_TCE_IOMMU, reach_extension),
	NAME(VFIO_TYPE1v2_IOMMU, reach_extension),
	NAME(VFIO_DMA_CC_IOMMU, reach_extension),
	NAME(VFIO_EEH, reach_extension),
	NAME(VFIO_SPAPR_TCE_v2_IOMMU, reach_extension),
	NAME(VFIO_NOIOMMU_IOMMU, reach_extension),
	NAME(VFIO_UNMAP_ALL, reach_extension),
	NAME(VFIO_UPDATE_VADDR, reach_extension),
	NAME(VFIO_DEVICE_FLAGS_RESET, reach_device_flags),
	NAME(VFIO_DEVICE_FLAGS_PCI, reach_device_flags),
	NAME(VFIO_DEVICE_FLAGS_PLATFORM, reach_device_flags),
	NAME(VFIO_DEVICE_FLAGS_AMBA, reach_device_flags),
	NAME(VFIO_DEVICE_FLAGS_CCW, reach_device_flags),
	NAME(VFIO_DEVICE_FLAGS_AP, reach_device_flags),
	NAME(VFIO_DEVICE_FLAGS_FSL_MC, reach_device_flags),
	NAME(VFIO_DEVICE_FLAGS_CAPS, reach_device_flags),
	NAME(VFIO_DEVICE_FLAGS_CDX, reach_device_flags),
	NAME(VFIO_DEVICE_INFO_CAP_ZPCI_BASE, reach_device_capability),
	NAME(VFIO_DEVICE_INFO_CAP_ZPCI_GROUP, reach_device_capability),
	NAME(VFIO_DEVICE_INFO_CAP_ZPCI_UTIL, reach_device_capability),
	NAME(VFIO_DEVICE_INFO_CAP_ZPCI_PFIP, reach_device_capability),
	NAME(VFIO_DEVICE_INFO_CAP_PCI_ATOMIC_COMP, reach_device_capability),
	NAME(VFIO_PCI_ATOMIC_COMP32, reach_atomics),
	NAME(VFIO_PCI_ATOMIC_COMP64, reach_atomics),
	NAME(VFIO_PCI_ATOMIC_COMP128, reach_atomics),
	NAME(VFIO_REGION_INFO_FLAG_READ, reach_region_flags),
	NAME(VFIO_REGION_INFO_FLAG_WRITE, reach_region_flags),
	NAME(VFIO_REGION_INFO_FLAG_MMAP, reach_region_flags),
	NAME(VFIO_REGION_INFO_FLAG_CAPS, reach_region_flags),
	NAME(VFIO_REGION_INFO_CAP_SPARSE_MMAP, reach_region_capability),
	NAME(VFIO_REGION_INFO_CAP_TYPE, reach_region_capability),
	NAME(VFIO_REGION_INFO_CAP_MSIX_MAPPABLE, reach_region_capability),
	NAME(VFIO_REGION_INFO_CAP_NVLINK2_SSATGT, reach_region_capability),
	NAME(VFIO_REGION_INFO_CAP_NVLINK2_LNKSPD, reach_region_capability),
	NAME((uint32_t)VFIO_REGION_TYPE_PCI_VENDOR_TYPE, reach_region_type),
	NAME(VFIO_REGION_TYPE_PCI_VENDOR_MASK, reach_region_type),
	NAME(VFIO_REGION_TYPE_GFX, reach_region_type),
	NAME(VFIO_REGION_TYPE_CCW, reach_region_type),
	NAME(VFIO_REGION_TYPE_MIGRATION_DEPRECATED, reach_region_type),
	NAME(VFIO_REGION_SUBTYPE_INTEL_IGD_OPREGION, reach_region_subtype),
	NAME(VFIO_REGION_SUBTYPE_INTEL_IGD_HOST_CFG, reach_region_subtype),
	NAME(VFIO_REGION_SUBTYPE_INTEL_IGD_LPC_CFG, reach_region_subtype),
	NAME(VFIO_REGION_SUBTYPE_NVIDIA_NVLINK2_RAM, reach_region_subtype),
	NAME(VFIO_REGION_SUBTYPE_IBM_NVLINK2_ATSD, reach_region_subtype),
	NAME(VFIO_REGION_SUBTYPE_GFX_EDID, reach_region_subtype),
	NAME(VFIO_REGION_SUBTYPE_CCW_ASYNC_CMD, reach_region_subtype),
	NAME(VFIO_REGION_SUBTYPE_CCW_SCHIB, reach_region_subtype),
	NAME(VFIO_REGION_SUBTYPE_CCW_CRW, reach_region_subtype),
	NAME(VFIO_REGION_SUBTYPE_MIGRATION_DEPRECATED, reach_region_subtype),
	NAME(VFIO_PCI_BAR0_REGION_INDEX, reach_region_index),
	NAME(VFIO_PCI_BAR1_REGION_INDEX, reach_region_index),
	NAME(VFIO_PCI_BAR2_REGION_INDEX, reach_region_index),
	NAME(VFIO_PCI_BAR3_REGION_INDEX, reach_region_index),
	NAME(VFIO_PCI_BAR4_REGION_INDEX, reach_region_index),
	NAME(VFIO_PCI_BAR5_REGION_INDEX, reach_region_index),
	NAME(VFIO_PCI_ROM_REGION_INDEX, reach_region_index),
	NAME(VFIO_PCI_CONFIG_REGION_INDEX, reach_region_index),
	NAME(VFIO_PCI_VGA_REGION_INDEX, reach_region_index),
	NAME(VFIO_IRQ_INFO_EVENTFD, reach_irq_flags),
	NAME(VFIO_IRQ_INFO_MASKABLE, reach_irq_flags),
	NAME(VFIO_IRQ_INFO_AUTOMASKED, reach_irq_flags),
	NAME(VFIO_IRQ_INFO_NORESIZE, reach_irq_flags),
	NAME(VFIO_IRQ_SET_DATA_NONE, reach_irq_set),
	NAME(VFIO_IRQ_SET_DATA_BOOL, reach_irq_set),
	NAME(VFIO_IRQ_SET_DATA_EVENTFD, reach_irq_set),
	NAME(VFIO_IRQ_SET_ACTION_MASK, reach_irq_set),
	NAME(VFIO_IRQ_SET_ACTION_UNMASK, reach_irq_set),
	NAME(VFIO_IRQ_SET_ACTION_TRIGGER, reach_irq_set),
	NAME(VFIO_PCI_INTX_IRQ_INDEX, reach_irq_index),
	NAME(VFIO_PCI_MSI_IRQ_INDEX, reach_irq_index),
	NAME(VFIO_PCI_MSIX_IRQ_INDEX, reach_irq_index),
	NAME(VFIO_PCI_ERR_IRQ_INDEX, reach_irq_index),
	NAME(VFIO_PCI_REQ_IRQ_INDEX, reach_irq_index),
	NAME(VFIO_GFX_PLANE_TYPE_PROBE, reach_gfx),
	NAME(VFIO_GFX_PLANE_TYPE_DMABUF, reach_gfx),
	NAME(VFIO_GFX_PLANE_TYPE_REGION, reach_gfx),
	NAME(VFIO_DEVICE_IOEVENTFD_8, reach_ioeventfd),
	NAME(VFIO_DEVICE_IOEVENTFD_16, reach_ioeventfd),
	NAME(VFIO_DEVICE_IOEVENTFD_32, reach_ioeventfd),
	NAME(VFIO_DEVICE_IOEVENTFD_64, reach_ioeventfd),
	NAME(VFIO_DEVICE_FEATURE_GET, reach_feature_flags),
	NAME(VFIO_DEVICE_FEATURE_SET, reach_feature_flags),
	NAME(VFIO_DEVICE_FEATURE_PROBE, reach_feature_flags),
	NAME(VFIO_DEVICE_FEATURE_CLEAR_MASTER, reach_bus_master),
	NAME(VFIO_DEVICE_FEATURE_SET_MASTER, reach_bus_master),
	NAME(VFIO_DEVICE_STATE_ERROR, reach_migration_state),
	NAME(VFIO_DEVICE_STATE_STOP, reach_migration_state),
	NAME(VFIO_DEVICE_STATE_RUNNING, reach_migration_state),
	NAME(VFIO_DEVICE_STATE_STOP_COPY, reach_migration_state),
	NAME(VFIO_DEVICE_STATE_RESUMING, reach_migration_state),
	NAME(VFIO_DEVICE_STATE_RUNNING_P2P, reach_migration_state),
	NAME(VFIO_DEVICE_STATE_PRE_COPY, reach_migration_state),
	NAME(VFIO_DEVICE_STATE_PRE_COPY_P2P, reach_migration_state),
	NAME(VFIO_DEVICE_BIND_FLAG_TOKEN, reach_bind_flags),
	NAME(VFIO_DEVICE_ATTACH_PASID, reach_attach_flags),
	NAME(VFIO_DEVICE_DETACH_PASID, reach_detach_flags),
	NAME(VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE, reach_iommu_capability),
	NAME(VFIO_IOMMU_TYPE1_INFO_CAP_MIGRATION, reach_iommu_capability),
	NAME(VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL, reach_iommu_capability),
	NAME(VFIO_DMA_MAP_FLAG_READ, reach_vfio_map_flags),
	NAME(VFIO_DMA_MAP_FLAG_WRITE, reach_vfio_map_flags),
	NAME(VFIO_DMA_MAP_FLAG_VADDR, reach_vfio_map_flags),
	NAME(VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP, reach_vfio_unmap_flags),
	NAME(VFIO_DMA_UNMAP_FLAG_ALL, reach_vfio_unmap_flags),
	NAME(VFIO_DMA_UNMAP_FLAG_VADDR, reach_vfio_unmap_flags),
	NAME(VFIO_IOMMU_DIRTY_PAGES_FLAG_START, reach_dirty_pages),
	NAME(VFIO_IOMMU_DIRTY_PAGES_FLAG_STOP, reach_dirty_pages),
	NAME(VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP, reach_dirty_pages),
};

/* In structures of the headers that the library hands over as the kernel wrote them, or the caller. */
static const char *const handed_over[] = {
	"IOMMU_PGFAULT_*",            /* iommut_fault_queue_read() */
	"IOMMUFD_PAGE_RESP_*",        /* iommut_fault_queue_respond() */
	"IOMMU_VEVENTQ_FLAG_*",       /* iommut_veventq_read() */
	"IOMMU_HW_INFO_VTD_ERRATA_*", /* iommut_hw_info() */
	"IOMMU_HW_INFO_ARM_SMMUV3_ERRATA_*",
	"VFIO_GROUP_FLAGS_*",        /* iommut_vfio_group_status() */
	"VFIO_PCI_HOT_RESET_FLAG_*", /* iommut_device_hot_reset_info() */
	"VFIO_PCI_DEVID_*",
	"VFIO_MIGRATION_*",             /* iommut_feature_migration() */
	"VFIO_PRECOPY_INFO_*",          /* iommut_vfio_precopy_info() */
	"VFIO_IOMMU_INFO_*",            /* iommut_vfio_iommu_info() */
	"VFIO_DEVICE_GFX_LINK_STATE_*", /* in a region, iommut_region_write() */
	NULL,
};

/* Nothing to reach: other buses, counts and masks, names of drivers, the first migration interface, and calls themselves. */
static const char *const no_values[] = {
	"IOMMUFD_CMD_*",
	"IOMMUFD_TYPE",
	"VFIO_TYPE",
	"VFIO_BASE",
	"VFIO_H",
	"VFIO_API_VERSION",
	"VFIO_CCW_*",
	"VFIO_AP_*",
	"VFIO_EEH_PE_*",
	"VFIO_IOMMU_SPAPR_INFO_*",
	"VFIO_DEVICE_API_*",
	"VFIO_PCI_NUM_*",
	"VFIO_DEVICE_STATE_NR",
	"VFIO_DEVICE_STATE_V1_*",
	"VFIO_DEVICE_STATE_MASK",
	"VFIO_IRQ_SET_*_TYPE_MASK",
	"VFIO_DEVICE_IOEVENTFD_SIZE_MASK",
	"VFIO_DEVICE_FEATURE_*", /* /uapi/every-feature */
	NULL,
};

static bool matches(const char *const *patterns, const char *name)
{
	for (; *patterns; patterns++)
		if (g_pattern_match_simple(*patterns, name))
			return true;
	return false;
}

static bool known(const char *name)
{
	for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
		/* A cast stands before one of them. */
		const char *end = strrchr(names[i].name, ')');

		if (!strcmp(end ? end + 1 : names[i].name, name))
			return true;
	}
	return matches(handed_over, name) || matches(no_values, name);
}

static char *text, *macros;

static void test_values(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
		g_test_message("%s", names[i].name);
		g_assert_cmphex(names[i].reach(names[i].value), ==, names[i].value);
	}
}

/* Enumerators: what is left of such names once the headers are preprocessed. */
static void test_every_enumerator(void)
{
	g_autoptr(GRegex) regex = g_regex_new("\\b(IOMMU|IOMMUFD|VFIO)_\\w+", 0, 0, NULL);
	g_autoptr(GMatchInfo) match = NULL;
	unsigned int found = 0;

	for (g_regex_match(regex, text, 0, &match); g_match_info_matches(match);
	     g_match_info_next(match, NULL)) {
		g_autofree char *name = g_match_info_fetch(match, 0);

		found++;
		if (!known(name))
			g_error("the headers have %s, of which the library is not known to know",
				name);
	}
	g_assert_cmpuint(found, >, 100);
}

static void test_every_macro(void)
{
	g_auto(GStrv) lines = g_strsplit(macros, "\n", -1);
	unsigned int found = 0;

	for (char **line = lines; *line; line++) {
		g_auto(GStrv) words = g_strsplit(*line, " ", 3);

		/* Those with arguments are functions, those of _IO() are in /uapi/every-ioctl. */
		if (g_strv_length(words) < 3 || strchr(words[1], '(') ||
		    !g_str_has_prefix(words[1], "VFIO_") || g_str_has_prefix(words[2], "_IO("))
			continue;
		found++;
		if (!known(words[1]))
			g_error("the headers have %s, of which the library is not known to know",
				words[1]);
	}
	g_assert_cmpuint(found, >, 100);
}

/* Every call has a reason for the day it is missing. */
static void test_reasons(void)
{
	g_auto(GStrv) lines = g_strsplit(macros, "\n", -1);
	char reason[256];
	unsigned int found = 0;

	for (char **line = lines; *line; line++) {
		g_auto(GStrv) words = g_strsplit(*line, " ", 3);
		bool feature;

		if (g_strv_length(words) < 3)
			continue;
		feature = g_str_has_prefix(words[1], "VFIO_DEVICE_FEATURE_") &&
			  !g_pattern_match_simple("*_MASTER", words[1] + 20) &&
			  strcmp(words[1], "VFIO_DEVICE_FEATURE_MASK") &&
			  strcmp(words[1], "VFIO_DEVICE_FEATURE_GET") &&
			  strcmp(words[1], "VFIO_DEVICE_FEATURE_SET") &&
			  strcmp(words[1], "VFIO_DEVICE_FEATURE_PROBE");
		if (!feature && !g_str_has_prefix(words[2], "_IO(IOMMUFD_TYPE,") &&
		    !g_str_has_prefix(words[2], "_IO(VFIO_TYPE,"))
			continue;
		found++;
		if (iommut_support_reason(words[1], reason, sizeof(reason)) <= 0)
			g_error("no reason for a missing %s", words[1]);
		g_assert_true(g_str_has_prefix(reason, words[1]));
		g_assert_nonnull(strstr(reason, "this is Linux "));
	}
	g_assert_cmpuint(found, >, 60);
	g_assert_cmpint(iommut_support_reason("IOMMU_NOTHING", reason, sizeof(reason)), ==,
			-EINVAL);
	g_assert_cmpint(iommut_support_reason("IOMMU_OPTION", reason, 4), >, 10);
	g_assert_cmpstr(reason, ==, "IOM");
}

int main(int argc, char **argv)
{
	g_autoptr(GError) error = NULL;

	g_test_init(&argc, &argv, NULL);
	if (argc != 3 || !g_file_get_contents(argv[1], &text, NULL, &error) ||
	    !g_file_get_contents(argv[2], &macros, NULL, &error))
		g_error("%s", error ? error->message : "usage: test-lib-uapi-values TEXT MACROS");
	g_test_add_func("/uapi/values", test_values);
	g_test_add_func("/uapi/every-enumerator", test_every_enumerator);
	g_test_add_func("/uapi/every-macro", test_every_macro);
	g_test_add_func("/uapi/reasons", test_reasons);
	return g_test_run();
}
