// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include <iommut/support.h>

#define IOMMUFD   "CONFIG_IOMMUFD"
#define CONTAINER "CONFIG_VFIO_CONTAINER"
#define GROUP     "CONFIG_VFIO_GROUP"
#define CDEV      "CONFIG_VFIO_DEVICE_CDEV"
#define VFIO_PCI  "CONFIG_VFIO_PCI"
#define VARIANT   "a VFIO driver made for the device"
#define SPAPR     "CONFIG_VFIO_IOMMU_SPAPR_TCE"

/* A version that has it, the first one as far as is known; and what else has to be there. */
static const struct {
	const char *name;
	const char *version;
	const char *with;
} calls[] = {
	{ "IOMMU_DESTROY", "6.2", IOMMUFD },
	{ "IOMMU_IOAS_ALLOC", "6.2", IOMMUFD },
	{ "IOMMU_IOAS_ALLOW_IOVAS", "6.2", IOMMUFD },
	{ "IOMMU_IOAS_COPY", "6.2", IOMMUFD },
	{ "IOMMU_IOAS_IOVA_RANGES", "6.2", IOMMUFD },
	{ "IOMMU_IOAS_MAP", "6.2", IOMMUFD },
	{ "IOMMU_IOAS_UNMAP", "6.2", IOMMUFD },
	{ "IOMMU_OPTION", "6.2", IOMMUFD },
	{ "IOMMU_VFIO_IOAS", "6.2", IOMMUFD },
	{ "IOMMU_GET_HW_INFO", "6.6", IOMMUFD },
	{ "IOMMU_HWPT_ALLOC", "6.6", IOMMUFD },
	{ "IOMMU_HWPT_SET_DIRTY_TRACKING", "6.7", IOMMUFD },
	{ "IOMMU_HWPT_GET_DIRTY_BITMAP", "6.7", IOMMUFD },
	{ "IOMMU_HWPT_INVALIDATE", "6.8", IOMMUFD },
	{ "IOMMU_FAULT_QUEUE_ALLOC", "6.11", IOMMUFD },
	{ "IOMMU_IOAS_MAP_FILE", "6.13", IOMMUFD },
	{ "IOMMU_IOAS_CHANGE_PROCESS", "6.13", IOMMUFD },
	{ "IOMMU_VIOMMU_ALLOC", "6.13", IOMMUFD },
	{ "IOMMU_VDEVICE_ALLOC", "6.13", IOMMUFD },
	{ "IOMMU_VEVENTQ_ALLOC", "6.15", IOMMUFD },
	{ "IOMMU_HW_QUEUE_ALLOC", "6.17", IOMMUFD },
	{ "IOMMU_IOAS_NOIOMMU_GET_PA", "7.3", IOMMUFD " and CONFIG_IOMMUFD_NOIOMMU" },

	{ "VFIO_GET_API_VERSION", "3.6", CONTAINER },
	{ "VFIO_CHECK_EXTENSION", "3.6", CONTAINER },
	{ "VFIO_SET_IOMMU", "3.6", CONTAINER },
	{ "VFIO_IOMMU_GET_INFO", "3.6", "CONFIG_VFIO_IOMMU_TYPE1" },
	{ "VFIO_IOMMU_MAP_DMA", "3.6", "CONFIG_VFIO_IOMMU_TYPE1" },
	{ "VFIO_IOMMU_UNMAP_DMA", "3.6", "CONFIG_VFIO_IOMMU_TYPE1" },
	{ "VFIO_IOMMU_DIRTY_PAGES", "5.8", "CONFIG_VFIO_IOMMU_TYPE1" },
	{ "VFIO_IOMMU_ENABLE", "3.10", SPAPR },
	{ "VFIO_IOMMU_DISABLE", "3.10", SPAPR },
	{ "VFIO_IOMMU_SPAPR_TCE_GET_INFO", "3.10", SPAPR },
	{ "VFIO_EEH_PE_OP", "3.17", SPAPR },
	{ "VFIO_IOMMU_SPAPR_REGISTER_MEMORY", "4.2", SPAPR },
	{ "VFIO_IOMMU_SPAPR_UNREGISTER_MEMORY", "4.2", SPAPR },
	{ "VFIO_IOMMU_SPAPR_TCE_CREATE", "4.2", SPAPR },
	{ "VFIO_IOMMU_SPAPR_TCE_REMOVE", "4.2", SPAPR },

	{ "VFIO_GROUP_GET_STATUS", "3.6", GROUP },
	{ "VFIO_GROUP_SET_CONTAINER", "3.6", GROUP },
	{ "VFIO_GROUP_UNSET_CONTAINER", "3.6", GROUP },
	{ "VFIO_GROUP_GET_DEVICE_FD", "3.6", GROUP },

	{ "VFIO_DEVICE_GET_INFO", "3.6", VFIO_PCI },
	{ "VFIO_DEVICE_GET_REGION_INFO", "3.6", VFIO_PCI },
	{ "VFIO_DEVICE_GET_IRQ_INFO", "3.6", VFIO_PCI },
	{ "VFIO_DEVICE_SET_IRQS", "3.6", VFIO_PCI },
	{ "VFIO_DEVICE_RESET", "3.6", VFIO_PCI },
	{ "VFIO_DEVICE_GET_PCI_HOT_RESET_INFO", "3.12", VFIO_PCI },
	{ "VFIO_DEVICE_PCI_HOT_RESET", "3.12", VFIO_PCI },
	{ "VFIO_DEVICE_QUERY_GFX_PLANE", "4.16", "a mediated graphics device" },
	{ "VFIO_DEVICE_GET_GFX_DMABUF", "4.16", "a mediated graphics device" },
	{ "VFIO_DEVICE_IOEVENTFD", "4.17", VFIO_PCI },
	{ "VFIO_DEVICE_FEATURE", "5.7", VFIO_PCI },
	{ "VFIO_DEVICE_BIND_IOMMUFD", "6.6", CDEV },
	{ "VFIO_DEVICE_ATTACH_IOMMUFD_PT", "6.6", CDEV },
	{ "VFIO_DEVICE_DETACH_IOMMUFD_PT", "6.6", CDEV },
	{ "VFIO_MIG_GET_PRECOPY_INFO", "6.2", VARIANT },

	{ "VFIO_DEVICE_FEATURE_PCI_VF_TOKEN", "5.7", VFIO_PCI " and a device with SR-IOV" },
	{ "VFIO_DEVICE_FEATURE_MIGRATION", "5.18", VARIANT },
	{ "VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE", "5.18", VARIANT },
	{ "VFIO_DEVICE_FEATURE_MIG_DATA_SIZE", "6.2", VARIANT },
	{ "VFIO_DEVICE_FEATURE_MIG_PRECOPY_INFOv2", "7.3", VARIANT },
	{ "VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY", "6.1", VFIO_PCI " and CONFIG_PM" },
	{ "VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY_WITH_WAKEUP", "6.1", VFIO_PCI " and CONFIG_PM" },
	{ "VFIO_DEVICE_FEATURE_LOW_POWER_EXIT", "6.1", VFIO_PCI " and CONFIG_PM" },
	{ "VFIO_DEVICE_FEATURE_DMA_LOGGING_START", "6.1", VARIANT },
	{ "VFIO_DEVICE_FEATURE_DMA_LOGGING_STOP", "6.1", VARIANT },
	{ "VFIO_DEVICE_FEATURE_DMA_LOGGING_REPORT", "6.1", VARIANT },
	{ "VFIO_DEVICE_FEATURE_BUS_MASTER", "6.7", "CONFIG_VFIO_CDX" },
	{ "VFIO_DEVICE_FEATURE_DMA_BUF", "6.19", "CONFIG_VFIO_PCI_DMABUF" },
	{ "VFIO_DEVICE_FEATURE_ZPCI_ERROR", "7.3", "CONFIG_VFIO_PCI_ZDEV_KVM on s390" },
};

int iommut_support_reason(const char *name, char *reason, size_t size)
{
	struct utsname system;

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		if (strcmp(calls[i].name, name))
			continue;
		/* It cannot fail: the structure exists. */
		uname(&system);
		return snprintf(reason, size, "%s: Linux %s with %s has it; this is %s %s", name,
				calls[i].version, calls[i].with, system.sysname, system.release);
	}
	return -EINVAL;
}
