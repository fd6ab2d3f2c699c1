// SPDX-License-Identifier: GPL-2.0-or-later
/* How long a device waits for a page that this process gives it. */
#include <string.h>

#include <iommut/irq.h>
#include <iommut/pattern.h>

#include "suites/samples.h"
#include "suites/svm.h"

#define ROUNDS      300
#define CHECK_EVERY 30
#define AREAS       8
#define BYTES       64

/**
 * struct times - how long the parts of a round took
 * @report: from the transfer's start until its fault was read
 * @answer: from the response until the interrupt that says that the transfer has ended
 * @round: all of it, mapping included
 */
struct times {
	struct samples report;
	struct samples answer;
	struct samples round;
};

/* A device writes to a page that is missing, gets it, and has written there and nowhere else. */
static void one_round(struct requester *requester, struct iommut_irqs *irqs, struct area *area,
		      struct times *times)
{
	struct svm *svm = requester->svm;
	struct test *t = svm->t;
	uint64_t offset = random_below(t, area->length / BYTES) * BYTES, start, answered;
	struct iommu_hwpt_pgfault fault;
	uint8_t bytes[BYTES];

	iommut_pattern_fill(bytes, sizeof(bytes), random64(t), 0);
	expect_zero(t, svm->engine->driver->load(svm->engine, 0, bytes, sizeof(bytes)));
	start = now_ns();
	start_faulting(requester, ENGINE_OP_WRITE, area->iova + offset, sizeof(bytes),
		       ENGINE_INTERRUPT);
	fault = next_fault(requester->table);
	add_sample(&times->report, start);
	area_map(area, requester->table, IOMMUT_RW);
	answered = now_ns();
	respond(requester->table, fault.cookie, IOMMUFD_PAGE_RESP_SUCCESS);
	expect_zero(t, iommut_irqs_wait(irqs, 0, ARRIVAL_MS, NULL));
	add_sample(&times->answer, answered);
	add_sample(&times->round, start);
	expect_end(svm, ENGINE_OK);
	expect_fault(requester, &fault, area->iova, IOMMU_PGFAULT_PERM_WRITE);
	expect_response(svm, fault.grpid, requester->pasid, TESTDEV_PRI_CODE_SUCCESS);
	expect_no_fault(requester->table);
	expect_bytes(t, area->data + offset, bytes, sizeof(bytes));
	memset(area->data + offset, CANARY, sizeof(bytes));
	expect_area_canary(area);
}

static void close_irqs(void *irqs)
{
	iommut_irqs_close(irqs);
}

CASE(page_request,
     .proves = "each of three hundred writes to a missing page is reported once, and lands there "
	       "and nowhere else when the page is given; once it is taken away again the device "
	       "does not reach it; tells how long report, answer and all of it take",
     .rule = "iommufd.h: struct iommu_hwpt_pgfault, IOMMUFD_PAGE_RESP_SUCCESS; PCIe 10.4",
     .marks = LIST("perf"), .needs = LIST("iommufd", "engine.pri", "engine.pasid"),
     .timeout_ms = 60000, .parameters = { IOMMUFD_ONLY, PARAMETER("of", "device", "pasid") })
{
	static struct times times = { { .what = "report" },
				      { .what = "answer" },
				      { .what = "round" } };
	struct requester requester = requester_open(t);
	struct area *areas[AREAS];
	struct iommut_irqs *irqs;

	/* Polling would be measured, and keep an emulated device from its work. */
	need(requester.svm->rig, ENGINE_MSIX);
	expect_zero(t, iommut_irqs_open(&irqs, requester.svm->rig->device, IOMMUT_MSIX, 1));
	undo_later(t, close_irqs, irqs);
	for (int i = 0; i < AREAS; i++)
		areas[i] = area_make(requester.svm, PAGE);
	for (int round = 0; round < ROUNDS; round++) {
		struct area *area = areas[random_below(t, AREAS)];

		one_round(&requester, irqs, area, &times);
		area_unmap(area, requester.table);
		if (round % CHECK_EVERY == 0) {
			expect_pasid_refused(requester.svm, requester.transfer_pasid, area->iova);
			expect_area_canary(area);
		}
	}
	tell_samples(t, &times.report);
	tell_samples(t, &times.answer);
	tell_samples(t, &times.round);
}
