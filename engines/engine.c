// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* What all engines share: the registry, and waiting. */
#include <errno.h>
#include <string.h>
#include <time.h>

#include <linux/vfio.h>

#include <iommut/region.h>

#include "engines/drivers.h"

static const struct engine_driver *const drivers[] = {
	&engine_testdev, &engine_edu, &engine_igb, &engine_iommu_testdev, &engine_nvme,
};

/* Of the time between two looks at the clock, this much counts: the longest that a loop sleeps between two. */
#define MOST_UNSEEN_US 250000

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

const struct engine_driver *engine_find(uint16_t vendor, uint16_t device, uint32_t class_code)
{
	for (size_t i = 0; i < COUNT(drivers); i++)
		if (drivers[i]->probe(vendor, device, class_code))
			return drivers[i];
	return NULL;
}

const struct engine_driver *engine_by_name(const char *name)
{
	for (size_t i = 0; i < COUNT(drivers); i++)
		if (strcmp(drivers[i]->name, name) == 0)
			return drivers[i];
	return NULL;
}

int engine_open(struct engine *engine, const struct engine_driver *driver,
		struct iommut_device *device)
{
	int error;

	memset(engine, 0, sizeof(*engine));
	engine->device = device;
	engine->driver = driver;
	engine->queue_depth = 1;
	error = driver->init(engine);
	if (error)
		engine->driver = NULL;
	return error;
}

void engine_close(struct engine *engine)
{
	if (!engine->driver)
		return;
	engine->driver->remove(engine);
	engine->driver = NULL;
}

int engine_stage(struct engine *engine, const struct engine_staging *staging)
{
	if (staging->length < ENGINE_STAGING_SIZE ||
	    staging->iova + staging->length - 1 > engine->dma_mask)
		return -EINVAL;
	engine->staging = *staging;
	return 0;
}

int64_t engine_now_ms(void)
{
	static _Thread_local int64_t last_us, counted_us;
	struct timespec now;
	int64_t now_us, passed_us;

	clock_gettime(CLOCK_MONOTONIC, &now);
	now_us = (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
	passed_us = now_us - last_us;
	if (!last_us)
		counted_us = now_us;
	else
		counted_us += passed_us < MOST_UNSEEN_US ? passed_us : MOST_UNSEEN_US;
	last_us = now_us;
	return counted_us / 1000;
}

int engine_wait(struct engine *engine, struct engine_result *result, int timeout_ms)
{
	int64_t end = engine_now_ms() + (timeout_ms ? timeout_ms : engine->deadline_ms);
	/* A fast device is polled; for a slow one the CPU is left to others, in steps that double up to 1 ms. */
	struct timespec pause = { 0, 1000 };
	int error;

	for (unsigned int round = 0;; round++) {
		error = engine->driver->poll(engine, result);
		if (error != -EAGAIN)
			return error;
		if (engine_now_ms() > end)
			return -ETIMEDOUT;
		if (round < 64)
			continue;
		nanosleep(&pause, NULL);
		if (pause.tv_nsec < 1000000)
			pause.tv_nsec *= 2;
	}
}

int engine_run(struct engine *engine, const struct engine_transfer *transfer,
	       struct engine_result *result)
{
	int error = engine->driver->start(engine, transfer);

	return error ? error : engine_wait(engine, result, 0);
}

/* One piece that fits the device's buffer. */
static size_t piece_of(const struct engine *engine, size_t length)
{
	if (length > engine->buffer_size)
		length = engine->buffer_size;
	return length > engine->max_length ? engine->max_length : length;
}

static int move(struct engine *engine, enum engine_operation operation, uint64_t iova,
		uint32_t length, struct engine_result *result)
{
	struct engine_transfer transfer = {
		.operation = operation, .pasid = IOMMUT_NO_PASID, .iova = iova, .length = length
	};

	return engine_run(engine, &transfer, result);
}

int engine_read(struct engine *engine, uint64_t iova, void *data, size_t length,
		struct engine_result *result)
{
	for (size_t done = 0; done < length;) {
		size_t piece = piece_of(engine, length - done);
		int error = move(engine, ENGINE_OP_READ, iova + done, (uint32_t)piece, result);

		if (error || result->status != ENGINE_OK)
			return error;
		error = engine->driver->store(engine, 0, (char *)data + done, piece);
		if (error)
			return error;
		done += piece;
	}
	return 0;
}

int engine_write(struct engine *engine, uint64_t iova, const void *data, size_t length,
		 struct engine_result *result)
{
	for (size_t done = 0; done < length;) {
		size_t piece = piece_of(engine, length - done);
		int error = engine->driver->load(engine, 0, (const char *)data + done, piece);

		if (!error)
			error = move(engine, ENGINE_OP_WRITE, iova + done, (uint32_t)piece, result);
		if (error || result->status != ENGINE_OK)
			return error;
		done += piece;
	}
	return 0;
}

int engine_irq_kind(const struct engine *engine, enum iommut_irq_kind *kind)
{
	if (engine->capabilities & ENGINE_MSIX)
		*kind = IOMMUT_MSIX;
	else if (engine->capabilities & ENGINE_MSI)
		*kind = IOMMUT_MSI;
	else if (engine->capabilities & ENGINE_INTX)
		*kind = IOMMUT_INTX;
	else
		return -EOPNOTSUPP;
	return 0;
}

static int scratch_access(struct engine *engine, uint32_t *value, bool write)
{
	struct iommut_region *bar;
	int error;

	if (!engine->driver->scratch)
		return -EOPNOTSUPP;
	error = iommut_region_open(&bar, engine->device, VFIO_PCI_BAR0_REGION_INDEX);
	if (error)
		return error;
	error = write ? iommut_region_write32(bar, engine->driver->scratch, *value)
		      : iommut_region_read32(bar, engine->driver->scratch, value);
	iommut_region_close(bar);
	return error;
}

int engine_scratch_set(struct engine *engine, uint32_t value)
{
	return scratch_access(engine, &value, true);
}

int engine_scratch_get(struct engine *engine, uint32_t *value)
{
	return scratch_access(engine, value, false);
}

const char *engine_status_name(enum engine_status status)
{
	switch (status) {
	case ENGINE_OK:
		return "ok";
	case ENGINE_BLOCKED:
		return "blocked";
	case ENGINE_NO_TRANSLATION:
		return "no translation";
	case ENGINE_ABORTED:
		return "aborted";
	case ENGINE_DISABLED:
		return "disabled";
	case ENGINE_REFUSED:
		return "refused";
	}
	return "unknown";
}
