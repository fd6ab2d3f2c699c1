// SPDX-License-Identifier: GPL-2.0-or-later
/* Transfers that wait for pages, and what they ask for. */
#include "suites/svm.h"

struct requester requester_open(struct test *t)
{
	struct requester requester;

	requester.svm = svm_open(t, SVM_PASID | SVM_PRI);
	if (!has_param(t, "of") || param_is(t, "of", "pasid")) {
		requester.table = table_open(requester.svm, queue_open(requester.svm));
		requester.pasid = requester.transfer_pasid = 5;
		attach_pasid(requester.table, 5);
	} else {
		requester.table = requester.svm->own;
		requester.pasid = RID_PASID;
		requester.transfer_pasid = IOMMUT_NO_PASID;
	}
	return requester;
}

void start_faulting(struct requester *requester, enum engine_operation operation, uint64_t iova,
		    uint32_t length, uint32_t flags)
{
	struct svm *svm = requester->svm;
	struct engine_transfer transfer =
		transfer_with(svm, operation, iova, requester->transfer_pasid, length);

	transfer.flags |= ENGINE_TRANSLATED | ENGINE_PAGE_REQUEST | flags;
	expect_zero(svm->t, svm->engine->driver->start(svm->engine, &transfer));
}

void check_end(struct svm *svm, enum engine_status status, const struct place *place)
{
	struct engine_result result;

	check_zero(svm->t, engine_wait(svm->engine, &result, ARRIVAL_MS), place);
	if (result.status != status)
		expectation_failed(svm->t, place, "the transfer ended %s instead of %s",
				   engine_status_name(result.status), engine_status_name(status));
}

void check_fault(struct requester *requester, const struct iommu_hwpt_pgfault *fault, uint64_t iova,
		 uint32_t perm, const struct place *place)
{
	struct test *t = requester->svm->t;
	bool has_pasid = fault->flags & IOMMU_PGFAULT_FLAGS_PASID_VALID;
	uint32_t dev_id;

	check_zero(t, iommut_device_id(requester->svm->rig->device, &dev_id), place);
	check_equal(t, fault->dev_id, dev_id, place);
	check_equal(t, fault->addr, iova, place);
	check_equal(t, fault->perm, perm, place);
	check_equal(t, has_pasid ? fault->pasid : RID_PASID, requester->pasid, place);
}
