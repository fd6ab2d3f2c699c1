/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
#ifndef ENGINES_TESTDEV_H
#define ENGINES_TESTDEV_H

/*
 * What only pcie-ats-testdev can do. The registers are in iommut/testdev-registers.h, what they do in docs/testdev.md.
 */

#include <engines/engine.h>
#include <iommut/testdev-registers.h>

IOMMUT_BEGIN

/**
 * testdev_is() - whether an engine is pcie-ats-testdev
 * @engine: an engine
 *
 * Return: true if the functions below may be called.
 */
bool testdev_is(const struct engine *engine);

/**
 * testdev_get32() - read a register
 * @engine: the test device
 * @offset: TESTDEV_*
 *
 * Return: its value; all ones if the device is gone.
 */
uint32_t testdev_get32(struct engine *engine, uint32_t offset);

/**
 * testdev_get64() - read a register of 64 bits
 * @engine: the test device
 * @offset: TESTDEV_*
 *
 * Return: its value; all ones if the device is gone.
 */
uint64_t testdev_get64(struct engine *engine, uint32_t offset);

/**
 * testdev_set32() - write a register
 * @engine: the test device
 * @offset: TESTDEV_*
 * @value: the value
 */
void testdev_set32(struct engine *engine, uint32_t offset, uint32_t value);

/**
 * testdev_set64() - write a register of 64 bits
 * @engine: the test device
 * @offset: TESTDEV_*
 * @value: the value
 */
void testdev_set64(struct engine *engine, uint32_t offset, uint64_t value);

/**
 * testdev_prepare() - write a transfer into the registers without starting it
 * @engine: the test device
 * @transfer: what to do; also what a storm repeats
 *
 * Return: 0, -EINVAL, -EOPNOTSUPP.
 */
int testdev_prepare(struct engine *engine, const struct engine_transfer *transfer);

/**
 * testdev_storm() - repeat a transfer until told to stop
 * @engine: the test device
 * @transfer: what to repeat
 * @pause_us: microseconds between two rounds
 *
 * Return: 0, -EINVAL, -EOPNOTSUPP.
 */
int testdev_storm(struct engine *engine, const struct engine_transfer *transfer, uint32_t pause_us);

/**
 * testdev_storm_stop() - end a storm
 * @engine: the test device
 * @done: where the number of transfers that went well is stored; may be NULL
 * @blocked: where the number of others is stored; may be NULL
 *
 * Return: 0 once nothing is in flight; -ETIMEDOUT.
 */
int testdev_storm_stop(struct engine *engine, uint64_t *done, uint64_t *blocked);

/**
 * testdev_page_request() - send one page request by hand
 * @engine: the test device
 * @iova: page
 * @pasid: IOMMUT_NO_PASID for none
 * @group: page request group index
 * @flags: TESTDEV_PRI_*
 *
 * Return: 0 if the IOMMU took it; the negative errno of the model's refusal.
 */
int testdev_page_request(struct engine *engine, uint64_t iova, uint32_t pasid, uint32_t group,
			 uint32_t flags);

/**
 * testdev_page_response() - wait for a page response
 * @engine: the test device
 * @index: which since the counters were cleared, from 0
 * @timeout_ms: how long
 * @response: TESTDEV_PRI_RESPONSE
 * @pasid: TESTDEV_PRI_RESPONSE_PASID; may be NULL
 *
 * Return: 0, -ETIMEDOUT.
 */
int testdev_page_response(struct engine *engine, uint32_t index, int timeout_ms, uint32_t *response,
			  uint32_t *pasid);

/**
 * struct testdev_translation - what the device TLB holds
 * @held: whether it holds anything
 * @permission: enum iommut_access bits
 * @address: the translated address
 */
struct testdev_translation {
	bool held;
	uint32_t permission;
	uint64_t address;
};

/**
 * testdev_tlb_query() - what the device TLB holds for an address
 * @engine: the test device
 * @iova: the address
 * @pasid: IOMMUT_NO_PASID for none
 * @translation: the answer
 */
void testdev_tlb_query(struct engine *engine, uint64_t iova, uint32_t pasid,
		       struct testdev_translation *translation);

/**
 * struct testdev_invalidation - one invalidation that the device received
 * @iova: start
 * @length: bytes; UINT64_MAX is everything
 * @pasid: IOMMUT_NO_PASID for none
 * @dropped: entries of the device TLB it removed
 */
struct testdev_invalidation {
	uint64_t iova;
	uint64_t length;
	uint32_t pasid;
	uint32_t dropped;
};

/**
 * testdev_invalidation() - look at the log of invalidations
 * @engine: the test device
 * @index: 0 is the newest
 * @invalidation: the record
 *
 * Return: 0, -ENOENT if there are fewer.
 */
int testdev_invalidation(struct engine *engine, uint32_t index,
			 struct testdev_invalidation *invalidation);

IOMMUT_END

#endif /* ENGINES_TESTDEV_H */
