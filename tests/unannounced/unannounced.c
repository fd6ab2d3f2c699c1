// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Cases that announce one fault and provoke another one beside it, which the kernel reports: the runner must fail each, however well
 * the case itself ends. The first one provokes what it announces, and must pass.
 */
#include <string.h>

#include "suites/svm.h"

SUITE("unannounced", "a fault that is announced hides no other");

/* A write that is refused, without a word. */
struct quiet {
	struct rig *rig;
	struct engine_transfer transfer;
};

static void do_quietly(void *argument)
{
	const struct quiet *quiet = argument;
	struct engine_result result;

	expect_zero(quiet->rig->t, engine_run(&quiet->rig->engine, &quiet->transfer, &result));
	expect(quiet->rig->t,
	       result.status == ENGINE_BLOCKED || result.status == ENGINE_NO_TRANSLATION);
}

/* Until the kernel has reported it: what it keeps to itself nobody can judge. */
static void until_reported(struct rig *rig, struct engine_transfer transfer)
{
	struct quiet quiet = { .rig = rig, .transfer = transfer };
	struct iommut_fault fault;

	provoke_report(watch_faults(rig->t), rig, transfer.iova, do_quietly, &quiet, &fault);
}

static struct engine_transfer transfer_at(enum engine_operation operation, uint64_t iova)
{
	return (struct engine_transfer){
		.operation = operation, .pasid = IOMMUT_NO_PASID, .iova = iova, .length = 4
	};
}

static struct rig *open_rig(struct test *t)
{
	struct rig *rig = rig_open(t);

	need(rig, ENGINE_READ | ENGINE_WRITE | ENGINE_SEES_ERRORS);
	expect_reaches(map_buffer(rig, PAGE));
	return rig;
}

CASE(none, .proves = "what is announced is no failure", .rule = "docs/architecture.md",
     .marks = LIST("exclusive"), .timeout_ms = 30000)
{
	struct rig *rig = open_rig(t);
	uint64_t iova = free_iova(rig, PAGE);
	struct iommut_fault fault;

	provoke_dma_report(watch_faults(t), rig, iova, true, &fault);
}

CASE(address, .proves = "a fault at the page after the announced one is a failure",
     .rule = "docs/architecture.md", .marks = LIST("exclusive"), .timeout_ms = 30000)
{
	struct rig *rig = open_rig(t);
	uint64_t iova = free_iova(rig, 2 * PAGE);

	expect_write_blocked(rig, iova, 4);
	until_reported(rig, transfer_at(ENGINE_OP_WRITE, iova + PAGE));
}

CASE(direction, .proves = "a read where a write was announced is a failure",
     .rule = "docs/architecture.md", .marks = LIST("exclusive"), .timeout_ms = 30000)
{
	struct rig *rig = open_rig(t);
	uint64_t iova = free_iova(rig, PAGE);

	expect_write_blocked(rig, iova, 4);
	until_reported(rig, transfer_at(ENGINE_OP_READ, iova));
}

CASE(early, .proves = "a fault before its announcement is a failure",
     .rule = "docs/architecture.md", .marks = LIST("exclusive"), .timeout_ms = 30000)
{
	struct rig *rig = open_rig(t);
	uint64_t iova = free_iova(rig, PAGE);

	until_reported(rig, transfer_at(ENGINE_OP_WRITE, iova));
	expect_write_blocked(rig, iova, 4);
}

CASE(device, .proves = "a fault of another device where one was announced is a failure",
     .rule = "docs/architecture.md", .devices = 2, .marks = LIST("exclusive"), .timeout_ms = 30000)
{
	struct rig *rig = open_rig(t), *other = rig_open_in(t, NULL, 1, NULL);
	uint64_t iova = free_iova(rig, PAGE);

	need(other, ENGINE_WRITE | ENGINE_SEES_ERRORS);
	expect_write_blocked(rig, iova, 4);
	until_reported(other, transfer_at(ENGINE_OP_WRITE, iova));
}

CASE(pasid, .proves = "a fault with another PASID than the announced one is a failure",
     .rule = "docs/architecture.md", .needs = LIST("engine.pasid"), .marks = LIST("exclusive"),
     .timeout_ms = 30000)
{
	struct svm *svm = svm_open(t, SVM_PASID);
	uint64_t iova = free_iova(svm->rig, PAGE);

	attach_pasid(table_open(svm, NULL), 1);
	attach_pasid(table_open(svm, NULL), 2);
	expect_pasid_refused(svm, 1, iova);
	until_reported(svm->rig, transfer_with(svm, ENGINE_OP_WRITE, iova, 2, 8));
}
