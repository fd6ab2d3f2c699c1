// SPDX-License-Identifier: GPL-2.0-or-later
/* Features of IOMMU and device: what is announced works, and what is not announced does not. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/vfio.h>

#include <iommut/fault_queue.h>
#include <iommut/hwpt.h>
#include <iommut/page_table.h>
#include <iommut/vfio.h>

#include "suites/caps.h"

#define PAGE 4096ull

/* A page table with flags, destroyed at the end of the case; 0 if the IOMMU has none such. */
static uint32_t try_table(const struct caps *caps, uint32_t flags, uint32_t fault_id)
{
	uint32_t hwpt = 0;
	int error = iommut_hwpt_alloc(caps->iommufd, caps->device_id, caps->ioas, flags, fault_id,
				      &hwpt);

	if (error)
		expect_errno(caps->t, error, EOPNOTSUPP);
	return hwpt;
}

static bool write_arrives(const struct caps *caps, struct dma_buffer *buffer, uint32_t pasid)
{
	struct engine_transfer transfer = { .operation = ENGINE_OP_FILL,
					    .pasid = pasid,
					    .iova = buffer->iova,
					    .length = 8,
					    .operand = 0x3b3b3b3b3b3b3b3b };
	struct engine_result result = { 0 };

	fill_canary(buffer);
	provokes_transfer(caps->rig, &transfer);
	/* A device that cannot even begin does not reach it either. */
	(void)engine_run(&caps->rig->engine, &transfer, &result);
	for (size_t i = 0; i < buffer->length; i++)
		if (buffer->data[i] != CANARY)
			return true;
	return false;
}

CASE(pasid_width,
     .proves = "PASIDs are as wide as device and IOMMU both allow, and none is used where none is "
	       "offered",
     .rule = "iommufd.h: out_max_pasid_log2; PCIe 7.8.9.2: Max PASID Width; VT-d 11.4.3: ECAP.PSS",
     .marks = LIST("smoke"), .parameters = { IOMMUFD_ONLY })
{
	struct caps caps = caps_open(t);
	unsigned int width = caps.info.max_pasid_log2, iommu = 20;
	struct dma_buffer *buffer;

	note(t, "the device %s PASIDs%s, %u bits wide; iommufd says %u bits",
	     caps.features.pasid ? "has" : "has no", caps.features.pasid_enabled ? " (on)" : "",
	     caps.features.pasid_width, width);
	if (caps.model.vendor == IOMMU_INTEL) {
		iommu = caps.model.ecap & VTD_ECAP_PASID ? VTD_ECAP_PSS(caps.model.ecap) + 1 : 0;
		note(t, "VT-d has PASIDs of %u bits", iommu);
	}
	if (width) {
		expect(t, caps.features.pasid && caps.features.pasid_enabled);
		expect_that(t, width <= caps.features.pasid_width, "the device has %u bits only",
			    caps.features.pasid_width);
		expect_that(t, width <= iommu, "the IOMMU has %u bits only", iommu);
		return;
	}
	/* Not offered: then it must be off in the device, whatever comes back from an attempt to attach one. */
	expect(t, !caps.features.pasid_enabled);
	need(caps.rig, ENGINE_PASID | ENGINE_FILL);
	buffer = map_buffer(caps.rig, PAGE);
	expect(t, write_arrives(&caps, buffer, IOMMUT_NO_PASID));
	(void)iommut_device_attach_pasid(caps.rig->device, 1, caps.ioas);
	expect(t, !write_arrives(&caps, buffer, 1));
}

CASE(pasid_permissions,
     .proves = "permissions of PASIDs are announced only where the device and VT-d have them",
     .rule = "iommufd.h: IOMMU_HW_CAP_PCI_PASID_EXEC, IOMMU_HW_CAP_PCI_PASID_PRIV; PCIe 7.8.9.2",
     .parameters = { IOMMUFD_ONLY })
{
	struct caps caps = caps_open(t);
	bool execute = caps.info.capabilities & IOMMU_HW_CAP_PCI_PASID_EXEC,
	     privileged = caps.info.capabilities & IOMMU_HW_CAP_PCI_PASID_PRIV;

	if (!caps.info.max_pasid_log2)
		skip(t, "the IOMMU offers the device no PASIDs",
		     "a vIOMMU and device with them: lab profile intel-scalable-svm");
	note(t, "execute: device %d, iommufd %d; privileged: device %d, iommufd %d",
	     caps.features.pasid_exec, execute, caps.features.pasid_priv, privileged);
	expect(t, caps.features.pasid_exec || !execute);
	expect(t, caps.features.pasid_priv || !privileged);
}

CASE(ats,
     .proves = "a device whose ATS is on gets translations, and one that cannot have ATS has it "
	       "off and gets none",
     .rule = "iommufd.h: IOMMU_HW_CAP_PCI_ATS_NOT_SUPPORTED; VT-d 11.4.3: ECAP.DT; PCIe 10.5.1.3",
     .marks = LIST("smoke"), .parameters = { IOMMUFD_ONLY })
{
	struct caps caps = caps_open(t);
	bool denied = caps.info.capabilities & IOMMU_HW_CAP_PCI_ATS_NOT_SUPPORTED;
	struct engine_transfer transfer = { .operation = ENGINE_OP_TRANSLATE,
					    .pasid = IOMMUT_NO_PASID };
	struct engine_result result = { 0 };
	struct dma_buffer *buffer;

	note(t, "the device %s ATS, which is %s; iommufd says it %s be used",
	     caps.features.ats ? "has" : "has no", caps.features.ats_enabled ? "on" : "off",
	     denied ? "cannot" : "can");
	expect(t, caps.features.ats || !caps.features.ats_enabled);
	if (denied)
		expect(t, !caps.features.ats_enabled);
	if (caps.features.ats_enabled && caps.model.vendor == IOMMU_INTEL)
		expect(t, caps.model.ecap & VTD_ECAP_DT);
	need(caps.rig, ENGINE_ATS);
	buffer = map_buffer(caps.rig, PAGE);
	expect_reaches(buffer);
	transfer.iova = buffer->iova;
	transfer.length = PAGE;
	provokes_transfer(caps.rig, &transfer);
	expect_zero(t, engine_run(&caps.rig->engine, &transfer, &result));
	note(t, "a translation request ends with '%s'", engine_status_name(result.status));
	if (caps.features.ats_enabled)
		expect_equal(t, result.status, ENGINE_OK);
	else
		expect_that(t, result.status != ENGINE_OK, "there was a translation");
}

CASE(page_requests,
     .proves = "page requests are on in a device only if it, its ATS and its IOMMU allow them, and "
	       "then "
	       "a page table with a fault queue can be attached",
     .rule = "iommufd.h: IOMMU_HWPT_FAULT_ID_VALID; VT-d 11.4.3: ECAP.PRS; PCIe 10.5.2.3",
     .parameters = { IOMMUFD_ONLY })
{
	struct caps caps = caps_open(t);
	struct iommut_fault_queue *queue;
	uint32_t hwpt;
	int error;

	note(t, "the device %s page requests, which are %s; at most %u may be outstanding",
	     caps.features.pri ? "has" : "has no", caps.features.pri_enabled ? "on" : "off",
	     caps.features.pri_allocated);
	if (caps.features.pri_enabled) {
		expect(t, caps.features.pri && caps.features.ats_enabled);
		expect(t, caps.features.pri_allocated > 0);
		expect(t, caps.features.pri_allocated <= caps.features.pri_max);
		if (caps.model.vendor == IOMMU_INTEL)
			expect(t, caps.model.ecap & VTD_ECAP_PRS);
		/* Responses without the PASID would go nowhere. */
		if (caps.features.pasid_enabled && caps.features.pri_pasid_required)
			expect(t, caps.info.max_pasid_log2 > 0);
	}
	queue = caps_fault_queue(&caps);
	hwpt = try_table(&caps, IOMMU_HWPT_FAULT_ID_VALID, iommut_fault_queue_id(queue));
	if (!hwpt) {
		expect_that(t, !caps.features.pri_enabled,
			    "page requests are on, and no page table can handle them");
		return;
	}
	error = iommut_device_attach(caps.rig->device, hwpt);
	note(t, "attaching a page table with a fault queue: %s", strerror(-error));
	if (caps.features.pri_enabled)
		expect_zero(t, error);
	if (!error) {
		expect_reaches(map_buffer(caps.rig, PAGE));
		expect_zero(t, iommut_device_attach(caps.rig->device, caps.ioas));
	}
	expect_zero(t, iommut_destroy(caps.iommufd, hwpt));
}

CASE(refused_table,
     .proves =
	     "a device that a page table with a fault queue was refused to stays attached where it "
	     "was, and its DMA goes on",
     .rule = "iommufd: if replace fails then no change is made to the attachment",
     .parameters = { IOMMUFD_ONLY })
{
	struct caps caps = caps_open(t);
	struct dma_buffer *buffer = map_buffer(caps.rig, PAGE);
	struct iommut_fault_queue *queue;
	uint32_t hwpt;

	/* Linux asks the devices of a group one after the other: it may be another one to which the table is refused. */
	need_own_group(t, test_device_name(t, 0));
	if (caps.features.pri_enabled)
		skip(t, "page requests are on in the device: no such page table is refused to it",
		     "a device without page requests, such as in the lab's profile intel-legacy");
	queue = caps_fault_queue(&caps);
	hwpt = try_table(&caps, IOMMU_HWPT_FAULT_ID_VALID, iommut_fault_queue_id(queue));
	if (!hwpt)
		skip(t, "the IOMMU makes no page tables with a fault queue",
		     "an IOMMU whose driver has page requests");
	expect_reaches(buffer);
	if (!iommut_device_attach(caps.rig->device, hwpt)) {
		expect_zero(t, iommut_device_attach(caps.rig->device, caps.ioas));
		skip(t, "the IOMMU takes such a page table for a device without page requests, too",
		     "an IOMMU whose driver refuses it, such as VT-d's");
	}
	expect_zero(t, iommut_destroy(caps.iommufd, hwpt));
	expect_reaches(buffer);
}

CASE(dirty_tracking,
     .proves = "dirty tracking is announced exactly where a page table with it can be made, and "
	       "such a table reports the page a device writes and no other",
     .rule = "iommufd.h: IOMMU_HW_CAP_DIRTY_TRACKING, IOMMU_HWPT_ALLOC_DIRTY_TRACKING; VT-d "
	     "11.4.3: ECAP.SSADS; AMD IOMMU: EFR.HDSup",
     .parameters = { IOMMUFD_ONLY })
{
	struct caps caps = caps_open(t);
	bool announced = caps.info.capabilities & IOMMU_HW_CAP_DIRTY_TRACKING;
	uint32_t hwpt = try_table(&caps, IOMMU_HWPT_ALLOC_DIRTY_TRACKING, 0);
	struct dma_buffer *buffer;
	uint64_t bitmap = 0;

	note(t, "dirty tracking is %s", announced ? "announced" : "not announced");
	if (caps.info.type == IOMMU_HW_INFO_TYPE_INTEL_VTD)
		expect(t, (caps.model.ecap & VTD_ECAP_SLADS) || !announced);
	if (caps.info.type == IOMMU_HW_INFO_TYPE_AMD)
		expect(t, (caps.info.amd.efr & AMD_EFR_HDSUP) || !announced);
	expect_that(t, announced == (hwpt != 0), "it is %s, but a page table with it %s be made",
		    announced ? "announced" : "not announced", hwpt ? "can" : "cannot");
	if (!hwpt)
		return;
	expect_page_table_works(&caps, hwpt);
	expect_zero(t, iommut_device_attach(caps.rig->device, hwpt));
	buffer = map_buffer(caps.rig, 8 * PAGE);
	expect_zero(t, iommut_hwpt_dirty_tracking(caps.iommufd, hwpt, true));
	expect_write(caps.rig, buffer->iova + 5 * PAGE, &bitmap, 8);
	expect_zero(t, iommut_hwpt_dirty_bitmap(caps.iommufd, hwpt, buffer->iova, buffer->length,
						PAGE, 0, &bitmap));
	expect_equal(t, bitmap, 1u << 5);
	expect_zero(t, iommut_device_attach(caps.rig->device, caps.ioas));
	expect_zero(t, iommut_destroy(caps.iommufd, hwpt));
}

CASE(container_dirty_tracking, .proves = "a container tracks dirty pages exactly where it says so",
     .rule = "vfio.h: VFIO_IOMMU_TYPE1_INFO_CAP_MIGRATION, VFIO_IOMMU_DIRTY_PAGES",
     .parameters = { PARAMETER("backend", "type1", "compat") })
{
	struct caps caps = caps_open(t);
	struct iommut_handle container = iommut_space_handle(caps.rig->space);
	struct dma_buffer *buffer = map_buffer(caps.rig, PAGE);
	struct iommut_vfio_iommu_info info;
	uint64_t bitmap = 0;
	int error;

	expect_zero(t, iommut_vfio_iommu_info(container, &info));
	free(info.ranges);
	note(t, "dirty tracking is %s, in pages 0x%" PRIx64,
	     info.has_migration ? "announced" : "not announced", info.dirty_page_sizes);
	error = iommut_vfio_dirty_tracking(container, true);
	if (!info.has_migration) {
		expect_that(t, error < 0, "not announced, but it works");
		expect_reaches(buffer);
		return;
	}
	expect_zero(t, error);
	expect(t, info.dirty_page_sizes & PAGE);
	/* A bit for each page, in whole words, up to the size announced. */
	expect(t, info.max_dirty_bitmap_size >= 8);
	expect_reaches(buffer);
	expect_zero(t, iommut_vfio_dirty_bitmap(container, buffer->iova, buffer->length, PAGE,
						&bitmap));
	expect_equal(t, bitmap, 1);
	expect_zero(t, iommut_vfio_dirty_tracking(container, false));
}

CASE(cache_coherency,
     .proves = "a container says that the IOMMU enforces coherency only where VT-d can; what the "
	       "CPU wrote last is what the device reads in any case",
     .rule = "vfio.h: VFIO_DMA_CC_IOMMU; VT-d 11.4.3: ECAP.SC; iommufd: devices need cache "
	     "coherency",
     .parameters = { PARAMETER("backend", "type1", "compat") })
{
	struct caps caps = caps_open(t);
	bool announced = caps_extension(&caps, VFIO_DMA_CC_IOMMU);
	struct dma_buffer *buffer = map_buffer(caps.rig, PAGE);

	note(t, "coherency is %s", announced ? "enforced" : "not enforced");
	if (caps.model.vendor == IOMMU_INTEL)
		expect_that(t, !announced || (caps.model.ecap & VTD_ECAP_SC),
			    "announced, but VT-d has no snoop control: ecap 0x%" PRIx64,
			    caps.model.ecap);
	need(caps.rig, ENGINE_READ);
	for (int round = 0; round < 4; round++) {
		uint64_t value = random64(t), seen = 0;

		memcpy(buffer->data + 64 * round, &value, sizeof(value));
		expect_read(caps.rig, buffer->iova + 64 * (uint64_t)round, &seen, sizeof(seen));
		expect_equal(t, seen, value);
	}
}

/* The size of the page that really maps an address, where the kernel shows it; 0 elsewhere. */
static uint64_t leaf_size(const struct caps *caps, uint64_t iova)
{
	struct iommut_leaf leaf;

	if (iommut_page_table_supported() ||
	    iommut_page_table_leaf(caps->pci.name, IOMMUT_NO_PASID, iova, &leaf))
		return 0;
	return leaf.size;
}

/* Whether VT-d's registers allow pages of this size in the tables that Linux uses for the device. */
static bool vtd_has_pages(const struct caps *caps, uint64_t size)
{
	if (iommu_model_first_stage(&caps->model))
		return size <= (2u << 20) || (caps->model.cap & VTD_CAP_FS1GP);
	return caps->model.cap & (size <= (2u << 20) ? VTD_CAP_SSLPS_2M : VTD_CAP_SSLPS_1G);
}

CASE(huge_pages,
     .proves = "huge pages that are announced map every part of themselves, and the page tables "
	       "hold none that VT-d's registers do not allow",
     .rule = "vfio.h: VFIO_IOMMU_INFO_PGSIZES; VT-d 11.4.2: CAP.SSLPS, CAP.FS1GP",
     .parameters = { BACKENDS, PARAMETER("size", "2M", "1G") })
{
	struct caps caps = caps_open(t);
	uint64_t size = param_size(t, "size"), sizes = 0, used;
	struct buffer_options options = { .kind = size > (2u << 20) ? IOMMUT_MEMORY_HUGETLB_1G
								    : IOMMUT_MEMORY_HUGETLB_2M };
	struct dma_buffer *buffer;

	expect_zero(t, iommut_space_page_sizes(caps.rig->space, &sizes));
	if (caps.model.vendor == IOMMU_INTEL &&
	    iommut_space_backend(caps.rig->space) != IOMMUT_IOMMUFD && (sizes & size))
		expect_that(t, vtd_has_pages(&caps, size),
			    "pages of %s are announced; cap 0x%" PRIx64, param(t, "size"),
			    caps.model.cap);
	need(caps.rig, ENGINE_READ | ENGINE_WRITE);
	buffer = map_buffer_with(caps.rig, size, &options);
	used = leaf_size(&caps, buffer->iova);
	note(t, "page sizes 0x%" PRIx64 ", entry of 0x%" PRIx64 " bytes", sizes, used);
	if (used >= size && caps.model.vendor == IOMMU_INTEL)
		expect_that(t, vtd_has_pages(&caps, used),
			    "an entry maps 0x%" PRIx64 " bytes; cap 0x%" PRIx64, used,
			    caps.model.cap);
	for (uint64_t at = 0; at < size; at += size / 8 + 3 * PAGE) {
		uint64_t value = random64(t);

		expect_write(caps.rig, buffer->iova + at, &value, sizeof(value));
		expect_bytes(t, buffer->data + at, &value, sizeof(value));
	}
}
