// SPDX-License-Identifier: GPL-2.0-or-later
/* What the cases about peer-to-peer share. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/iommufd.h>
#include <linux/vfio.h>

#include <iommut/feature.h>
#include <iommut/iommufd.h>
#include <iommut/pattern.h>

#include "engines/testdev.h"
#include "suites/ats.h"
#include "suites/p2p.h"

static void forget_view(struct peers *peers)
{
	if (peers->memory)
		iommut_region_unmap(peers->bar, peers->memory, WINDOW);
	iommut_region_close(peers->bar);
	peers->memory = NULL;
	peers->bar = NULL;
}

void peers_close_owner(struct peers *peers)
{
	forget_view(peers);
	rig_close(peers->owner);
}

struct peers *peers_open(struct test *t)
{
	struct peers *peers = calloc(1, sizeof(*peers));
	void *address;

	if (!peers)
		fail(t, "out of memory");
	undo_later(t, free, peers);
	need_groups_apart(t, test_device_name(t, 0), test_device_name(t, 1));
	peers->t = t;
	peers->file = -1;
	peers->rig = rig_open(t);
	peers->owner = rig_open_in(t, NULL, 1, NULL);
	need(peers->rig, ENGINE_READ | ENGINE_WRITE | ENGINE_SEES_ERRORS);
	need(peers->owner, ENGINE_MEMORY_BAR);
	peers->translated = has_param(t, "requests") && param_is(t, "requests", "translated");
	if (peers->translated) {
		need(peers->rig, ENGINE_ATS);
		need_ats(peers->rig);
		ats_keep(peers->rig);
	}
	peers->iova = free_iova(peers->rig, 2 * WINDOW);
	expect_zero(t, iommut_region_open(&peers->bar, peers->owner->device,
					  VFIO_PCI_BAR2_REGION_INDEX));
	/* After the rigs', so that it runs before; the memory of the structure goes after them all. */
	undo_later(t, (void (*)(void *))forget_view, peers);
	expect_zero(t, iommut_region_map(peers->bar, WINDOW_START, WINDOW, &address));
	peers->memory = address;
	memset(peers->memory, CANARY, WINDOW);
	return peers;
}

int peers_export(struct rig *owner, uint64_t offset, uint64_t length)
{
	const struct vfio_region_dma_range range = { offset, length };
	int file = iommut_feature_dma_buf(owner->device, VFIO_PCI_BAR2_REGION_INDEX, &range, 1,
					  O_CLOEXEC | O_RDWR);

	if (file == -ENOTTY || file == -EOPNOTSUPP)
		skip(owner->t, "VFIO exports no BAR as a dma-buf",
		     "a kernel with CONFIG_VFIO_PCI_DMABUF");
	expect_that(owner->t, file >= 0, "VFIO_DEVICE_FEATURE_DMA_BUF: %s", strerror(-file));
	close_later(owner->t, file);
	return file;
}

int peers_map(struct rig *rig, int file, uint64_t start, uint64_t length, uint64_t iova)
{
	uint32_t ioas;

	expect_zero(rig->t, iommut_space_ioas(rig->space, &ioas));
	return iommut_ioas_map_file(
		iommut_space_handle(rig->space), ioas, file, start, length, &iova,
		IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE | IOMMU_IOAS_MAP_WRITEABLE);
}

struct peers *peers_open_mapped(struct test *t)
{
	struct peers *peers = peers_open(t);
	int error;

	peers->file = peers_export(peers->owner, WINDOW_START, WINDOW);
	error = peers_map(peers->rig, peers->file, 0, WINDOW, peers->iova);
	if (error == -EOPNOTSUPP)
		skip(t, "iommufd maps no dma-buf of VFIO",
		     "a kernel whose iommufd maps VFIO's dma-bufs");
	expect_zero(t, error);
	return peers;
}

static struct engine_transfer transfer_of(const struct peers *peers,
					  enum engine_operation operation, uint64_t iova,
					  size_t length)
{
	return (struct engine_transfer){ .operation = operation,
					 .flags = peers->translated ? ENGINE_TRANSLATED : 0,
					 .pasid = IOMMUT_NO_PASID,
					 .iova = iova,
					 .length = (uint32_t)length };
}

static enum engine_status write_through(struct peers *peers, uint64_t iova, const void *data,
					size_t length)
{
	struct engine *engine = &peers->rig->engine;
	struct engine_transfer transfer = transfer_of(peers, ENGINE_OP_WRITE, iova, length);
	struct engine_result result;

	expect_zero(peers->t, engine->driver->load(engine, 0, data, length));
	expect_zero(peers->t, engine_run(engine, &transfer, &result));
	return result.status;
}

static enum engine_status read_through(struct peers *peers, uint64_t iova, void *data,
				       size_t length)
{
	struct engine *engine = &peers->rig->engine;
	struct engine_transfer transfer = transfer_of(peers, ENGINE_OP_READ, iova, length);
	struct engine_result result;

	expect_zero(peers->t, engine_run(engine, &transfer, &result));
	expect_zero(peers->t, engine->driver->store(engine, 0, data, length));
	return result.status;
}

/* Not a whole page: what is beside it must stay. */
#define EDGE 64

static void expect_canary_bytes(struct peers *peers, const uint8_t *memory, size_t length,
				const struct place *place)
{
	struct iommut_mismatch mismatch;
	char text[512];

	if (iommut_byte_verify(memory, length, CANARY, &mismatch) == 0)
		return;
	iommut_mismatch_format(&mismatch, text, sizeof(text));
	expectation_failed(peers->t, place, "the BAR was written where it must not be\n%s", text);
}

void check_peer_reaches(struct peers *peers, uint64_t iova, uint8_t *memory,
			const struct place *place)
{
	const size_t length = PAGE - 2 * EDGE;
	uint8_t sent[PAGE], seen[PAGE];
	enum engine_status status;

	memset(memory, CANARY, PAGE);
	iommut_pattern_fill(sent, length, random64(peers->t), 0);
	status = write_through(peers, iova + EDGE, sent, length);
	if (status != ENGINE_OK)
		expectation_failed(peers->t, place, "the write ended %s",
				   engine_status_name(status));
	check_bytes(peers->t, memory + EDGE, sent, length, place);
	expect_canary_bytes(peers, memory, EDGE, place);
	expect_canary_bytes(peers, memory + PAGE - EDGE, EDGE, place);
	iommut_pattern_fill(sent, length, random64(peers->t), 0);
	memcpy(memory + EDGE, sent, length);
	status = read_through(peers, iova + EDGE, seen, length);
	if (status != ENGINE_OK)
		expectation_failed(peers->t, place, "the read ended %s",
				   engine_status_name(status));
	check_bytes(peers->t, seen, sent, length, place);
	memset(memory, CANARY, PAGE);
}

void check_peer_refused(struct peers *peers, uint64_t iova, const struct place *place)
{
	const enum engine_status refusal =
		peers->translated ? ENGINE_NO_TRANSLATION : ENGINE_BLOCKED;
	uint64_t value = 0x6a6a6a6a6a6a6a6a;
	enum engine_status status;

	provokes_dma(peers->rig, PROVOKED_READ | PROVOKED_WRITE, iova, sizeof(value),
		     IOMMUT_NO_PASID);
	status = write_through(peers, iova, &value, sizeof(value));
	if (status != refusal)
		expectation_failed(peers->t, place, "the write ended %s instead of %s",
				   engine_status_name(status), engine_status_name(refusal));
	status = read_through(peers, iova, &value, sizeof(value));
	if (status != refusal)
		expectation_failed(peers->t, place, "the read ended %s instead of %s",
				   engine_status_name(status), engine_status_name(refusal));
}

void peers_lose(struct peers *peers)
{
	provokes_dma(peers->rig, PROVOKED_READ | PROVOKED_WRITE, peers->iova, WINDOW,
		     IOMMUT_NO_PASID);
}

void check_bar_stays(struct peers *peers, const struct place *place)
{
	memset(peers->memory, CANARY, WINDOW);
	for (int64_t end = now_ms() + 20; now_ms() < end;)
		expect_canary_bytes(peers, peers->memory, WINDOW, place);
}

void peers_storm(struct peers *peers)
{
	struct engine_transfer fill = transfer_of(peers, ENGINE_OP_FILL, peers->iova, PAGE);

	need(peers->rig, ENGINE_STORM | ENGINE_FILL);
	fill.operand = 0x3c3c3c3c3c3c3c3c;
	memset(peers->memory, CANARY, PAGE);
	expect_zero(peers->t, testdev_storm(&peers->rig->engine, &fill, 100));
	for (int64_t end = now_ms() + 2000; peers->memory[PAGE - 1] == CANARY;) {
		expect_that(peers->t, now_ms() < end, "the storm did not reach the BAR");
		__sync_synchronize();
	}
}
