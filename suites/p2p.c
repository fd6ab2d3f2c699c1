// SPDX-License-Identifier: GPL-2.0-or-later
/* One device reaches the memory of another through its IOMMU: mapped by its address in the process, or as a dma-buf. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <linux/pci_regs.h>
#include <linux/vfio.h>

#include <iommut/config.h>
#include <iommut/feature.h>

#include "engines/testdev.h"
#include "suites/p2p.h"

SUITE("p2p", "devices that reach the memory of other devices");

#define REQUESTS PARAMETER("requests", "plain", "translated")

static void decoding(struct peers *peers, bool on)
{
	uint16_t command;

	expect_zero(peers->t, iommut_config_read16(peers->owner->device, PCI_COMMAND, &command));
	command = on ? command | PCI_COMMAND_MEMORY : command & ~PCI_COMMAND_MEMORY;
	expect_zero(peers->t, iommut_config_write16(peers->owner->device, PCI_COMMAND, command));
}

CASE(by_address,
     .proves = "the memory BAR of another device, mapped by its address in the process, is reached "
	       "byte for byte until it is unmapped; where a kernel refuses that, nothing is mapped",
     .rule = "vfio.h: VFIO_IOMMU_MAP_DMA; iommufd.h: IOMMU_IOAS_MAP", .devices = 2,
     .parameters = { BACKENDS, REQUESTS })
{
	struct peers *peers = peers_open(t);
	struct iommut_space *space = peers->rig->space;
	uint64_t unmapped = 0;
	int error;

	expect_peer_refused(peers, peers->iova);
	error = iommut_space_map(space, peers->memory, WINDOW, peers->iova, IOMMUT_RW);
	if (error) {
		note(t, "the BAR cannot be mapped by its address: %s", strerror(-error));
		expect_reaches(map_buffer(peers->rig, PAGE));
		expect_peer_refused(peers, peers->iova);
		expect_bar_stays(peers);
		expect_errno(t, iommut_space_unmap(space, peers->iova, WINDOW, &unmapped), ENOENT);
		return;
	}
	for (uint64_t offset = 0; offset < WINDOW; offset += PAGE)
		expect_peer_reaches(peers, peers->iova + offset, peers->memory + offset);
	expect_peer_refused(peers, peers->iova + WINDOW);
	expect_zero(t, iommut_space_unmap(space, peers->iova, WINDOW, &unmapped));
	expect_equal(t, unmapped, WINDOW);
	expect_peer_refused(peers, peers->iova);
	expect_bar_stays(peers);
}

CASE(dma_buf,
     .proves = "a dma-buf of another device's memory BAR, mapped in iommufd, is reached byte for "
	       "byte, page by page, and nothing beside it",
     .rule = "vfio.h: VFIO_DEVICE_FEATURE_DMA_BUF; iommufd.h: IOMMU_IOAS_MAP_FILE", .devices = 2,
     .marks = LIST("smoke"), .parameters = { IOMMUFD_ONLY, REQUESTS })
{
	struct peers *peers = peers_open_mapped(t);

	for (uint64_t offset = 0; offset < WINDOW; offset += PAGE)
		expect_peer_reaches(peers, peers->iova + offset, peers->memory + offset);
	expect_peer_refused(peers, peers->iova + WINDOW);
	expect_peer_refused(peers, peers->iova - PAGE);
	expect_bar_stays(peers);
}

CASE(dma_buf_part,
     .proves = "of a dma-buf that is mapped in part, just that part of the BAR is reached",
     .rule = "iommufd.h: IOMMU_IOAS_MAP_FILE: start, length", .devices = 2,
     .parameters = { IOMMUFD_ONLY })
{
	struct peers *peers = peers_open(t);

	peers->file = peers_export(peers->owner, WINDOW_START, WINDOW);
	expect_zero(t, peers_map(peers->rig, peers->file, 5 * PAGE, 2 * PAGE, peers->iova));
	expect_zero(t, peers_map(peers->rig, peers->file, PAGE, PAGE, peers->iova + 4 * PAGE));
	expect_peer_reaches(peers, peers->iova, peers->memory + 5 * PAGE);
	expect_peer_reaches(peers, peers->iova + PAGE, peers->memory + 6 * PAGE);
	expect_peer_reaches(peers, peers->iova + 4 * PAGE, peers->memory + PAGE);
	expect_peer_refused(peers, peers->iova + 2 * PAGE);
	expect_errno(
		t,
		peers_map(peers->rig, peers->file, WINDOW - PAGE, 2 * PAGE, peers->iova + 8 * PAGE),
		EINVAL);
	expect_peer_refused(peers, peers->iova + 8 * PAGE);
	expect_bar_stays(peers);
}

CASE(dma_buf_unmapped,
     .proves = "once a dma-buf is unmapped the other device's memory cannot be reached any more, "
	       "also by DMA that was under way",
     .rule = "iommufd.h: IOMMU_IOAS_UNMAP", .devices = 2,
     .parameters = { IOMMUFD_ONLY, REQUESTS, PARAMETER("dma", "idle", "running") })
{
	struct peers *peers = peers_open_mapped(t);
	bool running = param_is(t, "dma", "running");
	uint64_t unmapped = 0;

	expect_peer_reaches(peers, peers->iova, peers->memory);
	if (running)
		peers_storm(peers);
	peers_lose(peers);
	expect_zero(t, iommut_space_unmap(peers->rig->space, peers->iova, WINDOW, &unmapped));
	expect_equal(t, unmapped, WINDOW);
	expect_bar_stays(peers);
	if (running)
		expect_zero(t, testdev_storm_stop(&peers->rig->engine, NULL, NULL));
	expect_peer_refused(peers, peers->iova);
	expect_bar_stays(peers);
}

/* What takes the BAR away from those who mapped it, and whether it comes back. */
static void take_away(struct peers *peers)
{
	if (param_is(peers->t, "by", "reset"))
		expect_zero(peers->t, iommut_device_reset(peers->owner->device));
	else if (param_is(peers->t, "by", "decoding"))
		decoding(peers, false);
	else
		peers_close_owner(peers);
}

CASE(dma_buf_revoked,
     .proves = "a reset of the device, its memory decoding turned off, or its closing takes its "
	       "BAR from those who mapped its dma-buf: they do not reach it until it is there "
	       "again and they have mapped it anew",
     .rule = "vfio.h: VFIO_DEVICE_FEATURE_DMA_BUF; dma-buf.h: revocable attachments", .devices = 2,
     .parameters = { IOMMUFD_ONLY, REQUESTS, PARAMETER("by", "reset", "decoding", "close"),
		     PARAMETER("dma", "idle", "running") })
{
	struct peers *peers = peers_open_mapped(t);
	bool running = param_is(t, "dma", "running"), closed = param_is(t, "by", "close");

	expect_peer_reaches(peers, peers->iova, peers->memory);
	memset(peers->memory, CANARY, WINDOW);
	if (running)
		peers_storm(peers);
	peers_lose(peers);
	take_away(peers);
	if (running)
		expect_zero(t, testdev_storm_stop(&peers->rig->engine, NULL, NULL));
	expect_peer_refused(peers, peers->iova);
	expect_zero(t, iommut_space_unmap(peers->rig->space, peers->iova, WINDOW, NULL));
	if (!param_is(t, "by", "reset"))
		expect_that(t, peers_map(peers->rig, peers->file, 0, WINDOW, peers->iova) < 0,
			    "it could be mapped while it was not there");
	if (closed)
		return;
	if (param_is(t, "by", "decoding"))
		decoding(peers, true);
	expect_peer_refused(peers, peers->iova);
	if (!running)
		for (uint64_t offset = 0; offset < WINDOW; offset += 8)
			expect_equal(t, *(volatile uint64_t *)(peers->memory + offset),
				     0x0101010101010101ull * CANARY);
	expect_bar_stays(peers);
	expect_zero(t, peers_map(peers->rig, peers->file, 0, WINDOW, peers->iova));
	expect_peer_reaches(peers, peers->iova, peers->memory);
}

CASE(dma_buf_stays_revoked,
     .proves = "memory decoding that is on again gives the BAR to nobody by itself: the old "
	       "mapping stays without it",
     .rule = "vfio.h: VFIO_DEVICE_FEATURE_DMA_BUF; dma-buf.h: revocable attachments", .devices = 2,
     .parameters = { IOMMUFD_ONLY, REQUESTS })
{
	struct peers *peers = peers_open_mapped(t);

	expect_peer_reaches(peers, peers->iova, peers->memory);
	for (int round = 0; round < 3; round++) {
		decoding(peers, false);
		expect_peer_refused(peers, peers->iova);
		decoding(peers, true);
		memset(peers->memory, CANARY, WINDOW);
		expect_peer_refused(peers, peers->iova);
		expect_bar_stays(peers);
	}
}

CASE(dma_buf_in_two_spaces,
     .proves = "a BAR can be mapped for its own device and another at once; a reset takes it from "
	       "both",
     .rule = "vfio.h: VFIO_DEVICE_FEATURE_DMA_BUF; iommufd.h: IOMMU_IOAS_MAP_FILE", .devices = 2,
     .parameters = { IOMMUFD_ONLY })
{
	struct peers *peers = peers_open_mapped(t);
	struct peers own = *peers;

	own.rig = peers->owner;
	own.iova = free_iova(own.rig, 2 * WINDOW);
	need(own.rig, ENGINE_READ | ENGINE_WRITE | ENGINE_SEES_ERRORS);
	expect_zero(t, peers_map(own.rig, peers->file, 0, WINDOW, own.iova));
	expect_peer_reaches(peers, peers->iova, peers->memory);
	expect_peer_reaches(&own, own.iova, peers->memory);
	expect_zero(t, iommut_space_unmap(peers->rig->space, peers->iova, WINDOW, NULL));
	expect_peer_refused(peers, peers->iova);
	expect_peer_reaches(&own, own.iova, peers->memory);
	expect_zero(t, peers_map(peers->rig, peers->file, 0, WINDOW, peers->iova));
	expect_zero(t, iommut_device_reset(peers->owner->device));
	expect_zero(t, iommut_device_bus_master(peers->owner->device, true));
	expect_peer_refused(peers, peers->iova);
	expect_peer_refused(&own, own.iova);
	expect_bar_stays(peers);
}

CASE(dma_buf_file_closed,
     .proves = "a mapping of a dma-buf needs no descriptor of it: it works until it is unmapped",
     .rule = "iommufd.h: IOMMU_IOAS_MAP_FILE", .devices = 2, .parameters = { IOMMUFD_ONLY })
{
	const struct vfio_region_dma_range range = { WINDOW_START, WINDOW };
	struct peers *peers = peers_open(t);
	int file;

	/* Skips where there are none. */
	peers_export(peers->owner, WINDOW_START, PAGE);
	file = iommut_feature_dma_buf(peers->owner->device, VFIO_PCI_BAR2_REGION_INDEX, &range, 1,
				      O_CLOEXEC | O_RDWR);
	expect_that(t, file >= 0, "VFIO_DEVICE_FEATURE_DMA_BUF: %s", strerror(-file));
	expect_zero(t, peers_map(peers->rig, file, 0, WINDOW, peers->iova));
	close(file);
	expect_peer_reaches(peers, peers->iova + 3 * PAGE, peers->memory + 3 * PAGE);
	expect_zero(t, iommut_device_reset(peers->owner->device));
	expect_peer_refused(peers, peers->iova + 3 * PAGE);
	expect_zero(t, iommut_space_unmap(peers->rig->space, peers->iova, WINDOW, NULL));
	expect_bar_stays(peers);
}

CASE(both_ways,
     .proves = "two devices write into each other's memory at once, each reaching the other's and "
	       "not its own",
     .rule = "iommufd.h: IOMMU_IOAS_MAP_FILE", .devices = 2, .parameters = { IOMMUFD_ONLY })
{
	struct peers *peers = peers_open_mapped(t);
	struct peers back = *peers;
	struct engine_transfer fill = { .operation = ENGINE_OP_FILL,
					.pasid = IOMMUT_NO_PASID,
					.length = PAGE,
					.operand = 0x5b5b5b5b5b5b5b5b };
	uint64_t seen[2] = { 0 };
	int file;

	back.rig = peers->owner;
	back.owner = peers->rig;
	need(back.rig, ENGINE_STORM | ENGINE_FILL | ENGINE_SEES_ERRORS);
	need(back.owner, ENGINE_MEMORY_BAR);
	back.iova = free_iova(back.rig, WINDOW);
	file = peers_export(back.owner, WINDOW_START, WINDOW);
	expect_zero(t, peers_map(back.rig, file, 0, WINDOW, back.iova));
	fill.iova = back.iova;
	expect_zero(t, testdev_storm(&back.rig->engine, &fill, 100));
	peers_storm(peers);
	for (int64_t end = now_ms() + 2000; seen[0] != fill.operand;) {
		expect_that(t, now_ms() < end, "the second device does not reach the first");
		expect_zero(t, back.owner->engine.driver->store(&back.owner->engine, WINDOW_START,
								&seen[0], sizeof(seen[0])));
	}
	memcpy(&seen[1], peers->memory, sizeof(seen[1]));
	expect_equal(t, seen[1], 0x3c3c3c3c3c3c3c3cull);
	expect_zero(t, testdev_storm_stop(&back.rig->engine, NULL, NULL));
	expect_zero(t, testdev_storm_stop(&peers->rig->engine, NULL, NULL));
}

CASE(dma_buf_rules, .proves = "VFIO exports whole pages that lie in a BAR, and nothing else",
     .rule = "vfio.h: VFIO_DEVICE_FEATURE_DMA_BUF", .parameters = { IOMMUFD_ONLY })
{
	const struct vfio_region_dma_range good = { 0, PAGE }, bad[] = {
		{ 0, 0 },
		{ 0, PAGE + 1 },
		{ 100, PAGE },
		{ UINT64_MAX - PAGE + 1, 2ull * PAGE },
		{ 1ull << 40, PAGE },
		{ 0, 1ull << 40 },
	};
	struct rig *rig = rig_open(t);

	need(rig, ENGINE_MEMORY_BAR);
	peers_export(rig, 0, PAGE);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		int file = iommut_feature_dma_buf(rig->device, VFIO_PCI_BAR2_REGION_INDEX, &bad[i],
						  1, O_CLOEXEC);

		expect_that(t, file < 0, "range %zu was exported: offset %#llx, length %#llx", i,
			    (unsigned long long)bad[i].offset, (unsigned long long)bad[i].length);
	}
	expect_that(t,
		    iommut_feature_dma_buf(rig->device, VFIO_PCI_BAR2_REGION_INDEX, &good, 0,
					   O_CLOEXEC) < 0,
		    "no range at all was exported");
	expect_that(t,
		    iommut_feature_dma_buf(rig->device, VFIO_PCI_CONFIG_REGION_INDEX, &good, 1,
					   O_CLOEXEC) < 0,
		    "config space was exported");
	expect_that(t, iommut_feature_dma_buf(rig->device, 1000, &good, 1, O_CLOEXEC) < 0,
		    "a region that is none was exported");
}
