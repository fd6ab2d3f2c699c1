// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The library against the uAPI headers: every ioctl and every device feature that they define has a function, which makes that call.
 * The first argument is a file with all macros of the headers, as the compiler sees them.
 */
#include <glib.h>
#include <stdlib.h>
#include <string.h>

#include <linux/iommufd.h>
#include <linux/vfio.h>

#include <iommut/feature.h>
#include <iommut/iommufd.h>
#include <iommut/vfio.h>

#include "lib/device.h"
#include "lib/space.h"

/* A kernel that only looks. */
static unsigned long last_request;
static uint32_t last_flags;

static int look(const struct iommut_syscalls *sys, int fd, unsigned long request, void *argument)
{
	last_request = request;
	if (request == VFIO_DEVICE_FEATURE)
		last_flags = ((struct vfio_device_feature *)argument)->flags;
	return 0;
}

static void *plain_calloc(const struct iommut_syscalls *sys, size_t count, size_t size)
{
	return calloc(count, size);
}

static const struct iommut_syscalls kernel = { .ioctl = look, .calloc = plain_calloc };
static const struct iommut_handle handle = { 3, &kernel };

struct call {
	const char *name;
	unsigned long request;
	void (*make)(void);
};

#define WITH(function, type)                            \
	static void function##_call(void)               \
	{                                               \
		type args;                              \
                                                        \
		memset(&args, 0, sizeof(args));         \
		iommut_##function##_raw(handle, &args); \
	}
#define WITHOUT(function, ...)                                  \
	static void function##_call(void)                       \
	{                                                       \
		iommut_##function##_raw(handle, ##__VA_ARGS__); \
	}

#define IOMMUFD_CALLS(X)                                                                          \
	X(IOMMU_DESTROY, destroy, struct iommu_destroy)                                           \
	X(IOMMU_IOAS_ALLOC, ioas_alloc, struct iommu_ioas_alloc)                                  \
	X(IOMMU_IOAS_IOVA_RANGES, ioas_iova_ranges, struct iommu_ioas_iova_ranges)                \
	X(IOMMU_IOAS_ALLOW_IOVAS, ioas_allow_iovas, struct iommu_ioas_allow_iovas)                \
	X(IOMMU_IOAS_MAP, ioas_map, struct iommu_ioas_map)                                        \
	X(IOMMU_IOAS_NOIOMMU_GET_PA, ioas_noiommu_get_pa, struct iommu_ioas_noiommu_get_pa)       \
	X(IOMMU_IOAS_MAP_FILE, ioas_map_file, struct iommu_ioas_map_file)                         \
	X(IOMMU_IOAS_COPY, ioas_copy, struct iommu_ioas_copy)                                     \
	X(IOMMU_IOAS_UNMAP, ioas_unmap, struct iommu_ioas_unmap)                                  \
	X(IOMMU_IOAS_CHANGE_PROCESS, ioas_change_process, struct iommu_ioas_change_process)       \
	X(IOMMU_OPTION, option, struct iommu_option)                                              \
	X(IOMMU_VFIO_IOAS, vfio_ioas, struct iommu_vfio_ioas)                                     \
	X(IOMMU_HWPT_ALLOC, hwpt_alloc, struct iommu_hwpt_alloc)                                  \
	X(IOMMU_GET_HW_INFO, hw_info, struct iommu_hw_info)                                       \
	X(IOMMU_HWPT_SET_DIRTY_TRACKING, hwpt_set_dirty_tracking,                                 \
	  struct iommu_hwpt_set_dirty_tracking)                                                   \
	X(IOMMU_HWPT_GET_DIRTY_BITMAP, hwpt_get_dirty_bitmap, struct iommu_hwpt_get_dirty_bitmap) \
	X(IOMMU_HWPT_INVALIDATE, hwpt_invalidate, struct iommu_hwpt_invalidate)                   \
	X(IOMMU_FAULT_QUEUE_ALLOC, fault_queue_alloc, struct iommu_fault_alloc)                   \
	X(IOMMU_VIOMMU_ALLOC, viommu_alloc, struct iommu_viommu_alloc)                            \
	X(IOMMU_VDEVICE_ALLOC, vdevice_alloc, struct iommu_vdevice_alloc)                         \
	X(IOMMU_VEVENTQ_ALLOC, veventq_alloc, struct iommu_veventq_alloc)                         \
	X(IOMMU_HW_QUEUE_ALLOC, hw_queue_alloc, struct iommu_hw_queue_alloc)

#define VFIO_CALLS(X)                                                                             \
	X(VFIO_GROUP_GET_STATUS, vfio_group_get_status, struct vfio_group_status)                 \
	X(VFIO_GROUP_SET_CONTAINER, vfio_group_set_container, int)                                \
	X(VFIO_GROUP_GET_DEVICE_FD, vfio_group_get_device_fd, char)                               \
	X(VFIO_DEVICE_GET_INFO, vfio_device_get_info, struct vfio_device_info)                    \
	X(VFIO_DEVICE_GET_REGION_INFO, vfio_device_get_region_info, struct vfio_region_info)      \
	X(VFIO_DEVICE_GET_IRQ_INFO, vfio_device_get_irq_info, struct vfio_irq_info)               \
	X(VFIO_DEVICE_SET_IRQS, vfio_device_set_irqs, struct vfio_irq_set)                        \
	X(VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, vfio_device_get_pci_hot_reset_info,                 \
	  struct vfio_pci_hot_reset_info)                                                         \
	X(VFIO_DEVICE_PCI_HOT_RESET, vfio_device_pci_hot_reset, struct vfio_pci_hot_reset)        \
	X(VFIO_DEVICE_QUERY_GFX_PLANE, vfio_device_query_gfx_plane,                               \
	  struct vfio_device_gfx_plane_info)                                                      \
	X(VFIO_DEVICE_GET_GFX_DMABUF, vfio_device_get_gfx_dmabuf, uint32_t)                       \
	X(VFIO_DEVICE_IOEVENTFD, vfio_device_ioeventfd, struct vfio_device_ioeventfd)             \
	X(VFIO_DEVICE_FEATURE, vfio_device_feature, struct vfio_device_feature)                   \
	X(VFIO_DEVICE_BIND_IOMMUFD, vfio_device_bind_iommufd, struct vfio_device_bind_iommufd)    \
	X(VFIO_DEVICE_ATTACH_IOMMUFD_PT, vfio_device_attach_iommufd_pt,                           \
	  struct vfio_device_attach_iommufd_pt)                                                   \
	X(VFIO_DEVICE_DETACH_IOMMUFD_PT, vfio_device_detach_iommufd_pt,                           \
	  struct vfio_device_detach_iommufd_pt)                                                   \
	X(VFIO_MIG_GET_PRECOPY_INFO, vfio_mig_get_precopy_info, struct vfio_precopy_info)         \
	X(VFIO_IOMMU_GET_INFO, vfio_iommu_get_info, struct vfio_iommu_type1_info)                 \
	X(VFIO_IOMMU_MAP_DMA, vfio_map_dma, struct vfio_iommu_type1_dma_map)                      \
	X(VFIO_IOMMU_UNMAP_DMA, vfio_unmap_dma, struct vfio_iommu_type1_dma_unmap)                \
	X(VFIO_IOMMU_DIRTY_PAGES, vfio_dirty_pages, struct vfio_iommu_type1_dirty_bitmap)         \
	X(VFIO_IOMMU_SPAPR_TCE_GET_INFO, vfio_spapr_tce_get_info,                                 \
	  struct vfio_iommu_spapr_tce_info)                                                       \
	X(VFIO_EEH_PE_OP, vfio_eeh_pe_op, struct vfio_eeh_pe_op)                                  \
	X(VFIO_IOMMU_SPAPR_REGISTER_MEMORY, vfio_spapr_register_memory,                           \
	  struct vfio_iommu_spapr_register_memory)                                                \
	X(VFIO_IOMMU_SPAPR_UNREGISTER_MEMORY, vfio_spapr_unregister_memory,                       \
	  struct vfio_iommu_spapr_register_memory)                                                \
	X(VFIO_IOMMU_SPAPR_TCE_CREATE, vfio_spapr_tce_create, struct vfio_iommu_spapr_tce_create) \
	X(VFIO_IOMMU_SPAPR_TCE_REMOVE, vfio_spapr_tce_remove, struct vfio_iommu_spapr_tce_remove)

#define VFIO_CALLS_WITHOUT(X)                                     \
	X(VFIO_GET_API_VERSION, vfio_get_api_version)             \
	X(VFIO_CHECK_EXTENSION, vfio_check_extension, 1)          \
	X(VFIO_SET_IOMMU, vfio_set_iommu, 1)                      \
	X(VFIO_GROUP_UNSET_CONTAINER, vfio_group_unset_container) \
	X(VFIO_DEVICE_RESET, vfio_device_reset)                   \
	X(VFIO_IOMMU_ENABLE, vfio_iommu_enable)                   \
	X(VFIO_IOMMU_DISABLE, vfio_iommu_disable)

#define DEFINE_WITH(name, function, type)   WITH(function, type)
#define DEFINE_WITHOUT(name, function, ...) WITHOUT(function, ##__VA_ARGS__)
#define ENTRY(name, function, ...)          { #name, name, function##_call },

IOMMUFD_CALLS(DEFINE_WITH)
VFIO_CALLS(DEFINE_WITH)
VFIO_CALLS_WITHOUT(DEFINE_WITHOUT)

static const struct call calls[] = { IOMMUFD_CALLS(ENTRY) VFIO_CALLS(ENTRY)
					     VFIO_CALLS_WITHOUT(ENTRY) };

/* --- device features, each through its typed function --- */

static struct iommut_device *device;

#define FEATURE(name, expression)        \
	static void name##_feature(void) \
	{                                \
		expression;              \
	}

static uint64_t number;
static uint32_t state;
static uint8_t token[16];

FEATURE(PCI_VF_TOKEN, iommut_feature_vf_token(device, token))
FEATURE(MIGRATION, iommut_feature_migration(device, &number))
FEATURE(MIG_DEVICE_STATE, iommut_feature_migration_state(device, &state))
FEATURE(LOW_POWER_ENTRY, iommut_feature_low_power_entry(device, -1))
FEATURE(LOW_POWER_ENTRY_WITH_WAKEUP, iommut_feature_low_power_entry(device, 5))
FEATURE(LOW_POWER_EXIT, iommut_feature_low_power_exit(device))
FEATURE(DMA_LOGGING_START, iommut_feature_dma_logging_start(device, 4096, NULL, 0))
FEATURE(DMA_LOGGING_STOP, iommut_feature_dma_logging_stop(device))
FEATURE(DMA_LOGGING_REPORT, iommut_feature_dma_logging_report(device, 0, 4096, 4096, &number))
FEATURE(MIG_DATA_SIZE, iommut_feature_migration_size(device, &number))
FEATURE(BUS_MASTER, iommut_feature_bus_master(device, true))
FEATURE(DMA_BUF, iommut_feature_dma_buf(device, 0, NULL, 0, 0))
FEATURE(MIG_PRECOPY_INFOv2, iommut_feature_precopy_info_v2(device))
FEATURE(ZPCI_ERROR, iommut_feature_zpci_error(device, token))

#define FEATURE_ENTRY(name)                                                              \
	{                                                                                \
		"VFIO_DEVICE_FEATURE_" #name, VFIO_DEVICE_FEATURE_##name, name##_feature \
	}

static const struct call features[] = {
	FEATURE_ENTRY(PCI_VF_TOKEN),
	FEATURE_ENTRY(MIGRATION),
	FEATURE_ENTRY(MIG_DEVICE_STATE),
	FEATURE_ENTRY(LOW_POWER_ENTRY),
	FEATURE_ENTRY(LOW_POWER_ENTRY_WITH_WAKEUP),
	FEATURE_ENTRY(LOW_POWER_EXIT),
	FEATURE_ENTRY(DMA_LOGGING_START),
	FEATURE_ENTRY(DMA_LOGGING_STOP),
	FEATURE_ENTRY(DMA_LOGGING_REPORT),
	FEATURE_ENTRY(MIG_DATA_SIZE),
	FEATURE_ENTRY(BUS_MASTER),
	FEATURE_ENTRY(DMA_BUF),
	FEATURE_ENTRY(MIG_PRECOPY_INFOv2),
	FEATURE_ENTRY(ZPCI_ERROR),
};

/* Of the same beginning, but no features: fields of the call, and values of one feature. */
static const char *const no_features[] = {
	"VFIO_DEVICE_FEATURE_MASK",
	"VFIO_DEVICE_FEATURE_GET",
	"VFIO_DEVICE_FEATURE_SET",
	"VFIO_DEVICE_FEATURE_PROBE",
	"VFIO_DEVICE_FEATURE_SET_MASTER",
	"VFIO_DEVICE_FEATURE_CLEAR_MASTER",
	NULL,
};

static char *macros;

static bool is_ioctl(const char *name, const char *value)
{
	return g_str_has_prefix(value, "_IO(IOMMUFD_TYPE,") ||
	       g_str_has_prefix(value, "_IO(VFIO_TYPE,");
}

static bool is_feature(const char *name, const char *value)
{
	return g_str_has_prefix(name, "VFIO_DEVICE_FEATURE_") &&
	       !g_strv_contains(no_features, name);
}

/* Names that the headers define, compared with the names of a table, both ways. */
static void compare_names(bool (*wanted)(const char *name, const char *value),
			  const struct call *table, size_t count, size_t least)
{
	g_autoptr(GHashTable) known = g_hash_table_new(g_str_hash, g_str_equal);
	g_auto(GStrv) lines = g_strsplit(macros, "\n", -1);
	size_t found = 0;

	for (size_t i = 0; i < count; i++)
		g_assert_true(g_hash_table_add(known, (char *)table[i].name));
	for (char **line = lines; *line; line++) {
		g_auto(GStrv) words = g_strsplit(*line, " ", 3);

		if (g_strv_length(words) < 3 || !wanted(words[1], words[2]))
			continue;
		found++;
		if (!g_hash_table_remove(known, words[1]))
			g_error("the headers have %s, the library has not", words[1]);
	}
	g_assert_cmpuint(found, >=, least);
	g_assert_cmpuint(g_hash_table_size(known), ==, 0);
}

static void test_every_ioctl(void)
{
	compare_names(is_ioctl, calls, G_N_ELEMENTS(calls), 50);
	for (size_t i = 0; i < G_N_ELEMENTS(calls); i++) {
		last_request = 0;
		calls[i].make();
		g_assert_cmphex(last_request, ==, calls[i].request);
	}
}

static void test_every_feature(void)
{
	struct iommut_space space = { .users = 1 };
	struct iommut_device fake = { .handle = handle, .space = &space };

	device = &fake;
	compare_names(is_feature, features, G_N_ELEMENTS(features), 14);
	for (size_t i = 0; i < G_N_ELEMENTS(features); i++) {
		last_request = 0;
		last_flags = UINT32_MAX;
		features[i].make();
		g_assert_cmphex(last_request, ==, VFIO_DEVICE_FEATURE);
		g_assert_cmpuint(last_flags & VFIO_DEVICE_FEATURE_MASK, ==, features[i].request);
	}
}

int main(int argc, char **argv)
{
	g_autoptr(GError) error = NULL;

	g_test_init(&argc, &argv, NULL);
	if (argc != 2 || !g_file_get_contents(argv[1], &macros, NULL, &error))
		g_error("%s", error ? error->message : "usage: test-lib-uapi MACROS");
	g_test_add_func("/uapi/every-ioctl", test_every_ioctl);
	g_test_add_func("/uapi/every-feature", test_every_feature);
	return g_test_run();
}
