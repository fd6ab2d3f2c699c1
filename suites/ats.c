// SPDX-License-Identifier: GPL-2.0-or-later
/* Translations that a device obtains and uses by itself. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <iommut/capability.h>
#include <iommut/pci.h>

#include "suites/ats.h"

SUITE("ats", "translations that devices obtain and keep: right, and gone when they must be");

#define NEEDS LIST("engine.ats")
#define NONE  IOMMUT_NO_PASID

CASE(enabled,
     .proves = "the kernel turned ATS on in the device, and a translation request is answered",
     .rule = "PCIe 10.5.1.3: ATS Control Register; VT-d 10.4.3: ECAP.DT", .marks = LIST("smoke"),
     .needs = NEEDS, .parameters = { BACKENDS })
{
	struct rig *rig = ats_open(t);
	struct dma_buffer *buffer = map_buffer(rig, PAGE);
	struct iommut_pci_features features;
	struct engine_result result;

	expect_zero(t, iommut_pci_features_get(iommut_device_bdf(rig->device), &features));
	expect(t, features.ats);
	expect(t, features.ats_enabled);
	/* Linux uses pages as units: 4 KiB times 2^0. */
	expect_equal(t, features.ats_stu, 0);
	expect_equal(t, ats_translate(rig, buffer->iova, NONE, true, &result), ENGINE_OK);
}

CASE(translation,
     .proves = "a translation is the physical address of the memory mapped there, with the "
	       "permissions "
	       "of the mapping",
     .rule = "PCIe 10.2.3: Translation Completion; VT-d 4.1.2", .marks = LIST("smoke"),
     .needs = NEEDS, .parameters = { BACKENDS, PARAMETER("size", "4K", "64K", "2M") })
{
	struct rig *rig = ats_open(t);
	struct dma_buffer *buffer = map_buffer(rig, param_size(t, "size"));
	bool told = true;

	for (size_t offset = 0; offset < buffer->length; offset += buffer->length / 8 + 8) {
		uint64_t physical = ats_physical(buffer->data + offset);
		struct engine_result result;

		expect_equal(t, ats_translate(rig, buffer->iova + offset, NONE, true, &result),
			     ENGINE_OK);
		expect_equal(t, result.permission, IOMMUT_RW);
		expect_that(t, result.length > 0 && result.length <= buffer->length - offset,
			    "a translation of %llu bytes at offset %zu of %zu",
			    (unsigned long long)result.length, offset, buffer->length);
		if (physical)
			expect_equal(t, result.value, physical);
		else
			told = false;
	}
	if (!told)
		note(t, "the kernel does not tell physical addresses: only lengths were compared");
	expect_ats_reaches(rig, buffer->iova, NONE, buffer->data);
}

CASE(translation_of_huge_page,
     .proves = "a translation that covers more than a page never covers more than is contiguous in "
	       "memory and mapped",
     .rule = "PCIe 10.2.3.2: S field; VT-d 4.1.2", .needs = NEEDS, .parameters = { BACKENDS })
{
	struct rig *rig = ats_open(t);
	struct buffer_options huge = { .kind = IOMMUT_MEMORY_THP };
	struct dma_buffer *buffer = map_buffer_with(rig, 4 << 20, &huge);
	uint64_t longest = 0;

	for (size_t offset = 0; offset < buffer->length; offset += 64 << 10) {
		uint64_t physical = ats_physical(buffer->data + offset);
		struct engine_result result;

		expect_equal(t, ats_translate(rig, buffer->iova + offset, NONE, false, &result),
			     ENGINE_OK);
		expect(t, result.length <= buffer->length - offset);
		if (result.length > longest)
			longest = result.length;
		if (!physical)
			continue;
		/* The last page of the translation, too. */
		expect_equal(t, result.value, physical);
		expect_equal(t, result.value + result.length - PAGE,
			     ats_physical(buffer->data + offset + result.length - PAGE));
	}
	note(t, "the longest translation covered %llu bytes", (unsigned long long)longest);
}

CASE(unmapped, .proves = "there is no translation for an IOVA that is not mapped",
     .rule = "PCIe 10.2.3.5: no R, no W", .marks = LIST("smoke"), .needs = NEEDS,
     .parameters = { BACKENDS })
{
	struct rig *rig = ats_open(t);
	struct dma_buffer *buffer = map_buffer(rig, PAGE);
	uint64_t nowhere = free_iova(rig, PAGE);
	struct engine_result result;

	expect_ats_reaches(rig, buffer->iova, NONE, buffer->data);
	expect_equal(t, ats_translate(rig, nowhere, NONE, false, &result), ENGINE_NO_TRANSLATION);
	expect_equal(t, ats_translate(rig, nowhere, NONE, true, &result), ENGINE_NO_TRANSLATION);
	expect_ats_gone(rig, nowhere, NONE);
	expect_ats_gone(rig, buffer->iova + PAGE, NONE);
	expect_ats_gone(rig, buffer->iova - PAGE, NONE);
}

CASE(read_only,
     .proves = "a translation of memory mapped for reading has no write permission, and none is "
	       "given "
	       "for writing",
     .rule = "PCIe 10.2.3.2: R and W fields; iommufd.h: IOMMU_IOAS_MAP_WRITEABLE",
     .marks = LIST("smoke"), .needs = NEEDS, .parameters = { BACKENDS })
{
	struct rig *rig = ats_open(t);
	struct buffer_options options = { .access = IOMMUT_READ };
	struct dma_buffer *buffer = map_buffer_with(rig, PAGE, &options);
	struct engine_result result;
	uint64_t seen;

	fill_canary(buffer);
	expect_equal(t, ats_translate(rig, buffer->iova, NONE, false, &result), ENGINE_OK);
	expect_equal(t, result.permission, IOMMUT_READ);
	expect_equal(t, ats_translate(rig, buffer->iova, NONE, true, &result),
		     ENGINE_NO_TRANSLATION);
	expect_equal(t, ats_read(rig, buffer->iova, NONE, &seen), ENGINE_OK);
	expect_bytes(t, &seen, buffer->data, sizeof(seen));
	/* The translation for reading that is kept by now does not help a write. */
	expect_equal(t, ats_write(rig, buffer->iova, NONE, 1), ENGINE_NO_TRANSLATION);
	expect_canary(buffer);
}

CASE(kept,
     .proves = "a kept translation serves further DMA without asking again, byte for byte right",
     .rule = "PCIe 10.1.1: Address Translation Cache", .marks = LIST("smoke"), .needs = NEEDS,
     .parameters = { BACKENDS })
{
	struct rig *rig = ats_open(t);
	struct dma_buffer *buffer = map_buffer(rig, PAGE);
	uint32_t misses;

	expect_ats_reaches(rig, buffer->iova, NONE, buffer->data);
	expect(t, ats_held(rig, buffer->iova, NONE));
	misses = testdev_get32(&rig->engine, TESTDEV_TLB_MISSES);
	for (int i = 0; i < 10; i++)
		expect_ats_reaches(rig, buffer->iova + 64 * i, NONE, buffer->data + 64 * i);
	expect_equal(t, testdev_get32(&rig->engine, TESTDEV_TLB_MISSES), misses);
	expect(t, testdev_get32(&rig->engine, TESTDEV_TLB_HITS) >= 20);
}

CASE(end_of_space,
     .proves = "translations and their invalidation work for the highest page that can be mapped",
     .rule = "VT-d 6.5.2.5: device TLB invalidation: address", .needs = NEEDS,
     .parameters = { BACKENDS })
{
	struct rig *rig = ats_open(t);
	struct iommut_iova_range *ranges;
	struct buffer_options options = { .fixed = true };
	struct dma_buffer *buffer;
	size_t count;

	expect_zero(t, iommut_space_ranges(rig->space, &ranges, &count));
	expect(t, count > 0);
	options.iova = ranges[count - 1].last & ~(uint64_t)(PAGE - 1);
	free(ranges);
	buffer = map_buffer_with(rig, PAGE, &options);
	expect_ats_reaches(rig, buffer->iova, NONE, buffer->data);
	unmap_buffer(buffer);
	fill_canary(buffer);
	expect_ats_gone(rig, buffer->iova, NONE);
	expect_canary(buffer);
}

CASE(bus_master_off,
     .proves = "with bus mastering off the device gets no translation and reaches nothing with one "
	       "it "
	       "kept",
     .rule = "PCI 3.0, 6.2.2: Command register, bit 2", .needs = NEEDS, .parameters = { BACKENDS })
{
	struct rig *rig = ats_open(t);
	struct dma_buffer *buffer = map_buffer(rig, PAGE), *other = map_buffer(rig, PAGE);
	struct engine_result result;

	expect_ats_reaches(rig, buffer->iova, NONE, buffer->data);
	fill_canary(buffer);
	expect_zero(t, iommut_device_bus_master(rig->device, false));
	expect(t, ats_write(rig, buffer->iova, NONE, 1) != ENGINE_OK);
	expect(t, ats_translate(rig, other->iova, NONE, false, &result) != ENGINE_OK);
	expect_canary(buffer);
	expect_zero(t, iommut_device_bus_master(rig->device, true));
	expect_ats_reaches(rig, other->iova, NONE, other->data);
}

/* Writes the ATS enable bit in the device, past VFIO, which shows the capability but lets nobody change it. */
static void set_ats(struct rig *rig, bool on)
{
	const char *name = iommut_device_bdf(rig->device);
	uint8_t config[4096];
	struct iommut_capability ats;
	uint16_t control;

	expect_equal(rig->t, (uint64_t)iommut_pci_config_read(name, 0, config, sizeof(config)),
		     sizeof(config));
	expect_zero(rig->t, iommut_capability_find(config, sizeof(config), 0x0f, true, &ats));
	memcpy(&control, config + ats.offset + 6, sizeof(control));
	control = (uint16_t)(on ? control | 0x8000 : control & 0x7fff);
	expect_equal(
		rig->t,
		(uint64_t)iommut_pci_config_write(name, ats.offset + 6u, &control, sizeof(control)),
		sizeof(control));
}

static enum engine_status forged_write(struct rig *rig, uint64_t iova, uint64_t target)
{
	struct engine_transfer transfer = { .operation = ENGINE_OP_FILL,
					    .flags = ENGINE_FORGED,
					    .pasid = NONE,
					    .iova = iova,
					    .target = target,
					    .operand = 0x1122334455667788,
					    .length = 64 };
	struct engine_result result;

	provokes_transfer(rig, &transfer);
	expect_zero(rig->t, engine_run(&rig->engine, &transfer, &result));
	return result.status;
}

CASE(forged_while_off,
     .proves = "while ATS is off, a request that claims to be translated reaches no memory, though "
	       "it "
	       "names the right physical address",
     .rule = "PCIe 10.1.1, 6.12: AT field; VT-d 4.1.1: translated requests are blocked without ATS",
     .needs = NEEDS, .parameters = { BACKENDS })
{
	struct rig *rig = ats_open(t);
	struct dma_buffer *buffer = map_buffer(rig, PAGE);
	struct engine_result result;
	uint64_t physical;

	expect_equal(t, ats_translate(rig, buffer->iova, NONE, true, &result), ENGINE_OK);
	physical = result.value;
	/* Positive control: with ATS on the same request is believed. That is what ATS means. */
	expect_equal(t, forged_write(rig, buffer->iova, physical), ENGINE_OK);
	expect_equal(t, *(uint64_t *)buffer->data, 0x1122334455667788);
	fill_canary(buffer);
	set_ats(rig, false);
	expect(t, forged_write(rig, buffer->iova, physical) != ENGINE_OK);
	expect(t, ats_write(rig, buffer->iova, NONE, 1) != ENGINE_OK);
	expect(t, !ats_held(rig, buffer->iova, NONE));
	expect_canary(buffer);
	/* Requests that are translated by the IOMMU go on. */
	expect_reaches(buffer);
	set_ats(rig, true);
	expect_ats_reaches(rig, buffer->iova, NONE, buffer->data);
}

CASE(off_and_on_again,
     .proves = "a device whose ATS was off for a while starts with no translation, and those it "
	       "obtains afterwards are invalidated as ever",
     .rule = "PCIe 10.5.1.3: ATS Control Register, Enable", .needs = NEEDS,
     .parameters = { BACKENDS })
{
	struct rig *rig = ats_open(t);
	struct dma_buffer *buffer = map_buffer(rig, 4 * PAGE);

	for (int round = 0; round < 3; round++) {
		ats_hold(rig, buffer->iova, NONE);
		set_ats(rig, false);
		set_ats(rig, true);
		expect(t, !ats_held(rig, buffer->iova, NONE));
		ats_hold(rig, buffer->iova, NONE);
		expect_ats_reaches(rig, buffer->iova, NONE, buffer->data);
		unmap_buffer(buffer);
		fill_canary(buffer);
		expect_ats_gone(rig, buffer->iova, NONE);
		expect_canary(buffer);
		map_again(buffer, IOMMUT_RW);
	}
}

CASE(msi_window, .proves = "there is no translation for the window of interrupts",
     .rule = "VT-d 3.14, 4.1.2: translation requests to 0xFEEx_xxxx", .needs = NEEDS,
     .parameters = { BACKENDS })
{
	struct rig *rig = ats_open(t);
	struct dma_buffer *buffer = map_buffer(rig, PAGE);
	struct engine_result result;

	expect_ats_reaches(rig, buffer->iova, NONE, buffer->data);
	for (uint64_t iova = 0xfee00000; iova < 0xfef00000; iova += 0x3f000) {
		enum engine_status status = ats_translate(rig, iova, NONE, true, &result);

		expect_that(t, status == ENGINE_NO_TRANSLATION || status == ENGINE_BLOCKED,
			    "the request for 0x%llx ended %s", (unsigned long long)iova,
			    engine_status_name(status));
		expect(t, ats_write(rig, iova, NONE, 0) != ENGINE_OK);
	}
	expect_ats_reaches(rig, buffer->iova, NONE, buffer->data);
}
