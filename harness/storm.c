// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/storm.h"

#define DEADLINE_MS 5000

static uint64_t transfers(struct engine *engine, enum storm_transfers which)
{
	uint64_t done = testdev_get64(engine, TESTDEV_STORM_OK);

	return which == STORM_DONE ? done : done + testdev_get64(engine, TESTDEV_STORM_BLOCKED);
}

void check_storm(struct test *t, struct engine *engine, enum storm_transfers which, uint64_t more,
		 const struct place *place)
{
	uint64_t before = transfers(engine, which), now = before;

	for (int64_t end = now_ms() + DEADLINE_MS; now < before + more;) {
		if (now_ms() > end)
			expectation_failed(t, place, "%llu of %llu transfers in %d ms",
					   (unsigned long long)(now - before),
					   (unsigned long long)more, DEADLINE_MS);
		now = transfers(engine, which);
	}
}

void storm_fill(struct rig *rig, uint64_t iova, uint64_t value)
{
	const struct engine_transfer fill = { .operation = ENGINE_OP_FILL,
					      .pasid = IOMMUT_NO_PASID,
					      .iova = iova,
					      .length = 64,
					      .operand = value };

	need(rig, ENGINE_STORM | ENGINE_FILL);
	expect_zero(rig->t, testdev_storm(&rig->engine, &fill, 100));
	expect_storm(rig->t, &rig->engine, STORM_DONE, 4);
}
