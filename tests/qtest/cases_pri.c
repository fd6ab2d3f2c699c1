/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Page requests: by hand and by transfers, groups, credit, responses, and PRI's own registers. */
#include "device.h"

#include <linux/pci_regs.h>

#define IOVA  0x100000000ull
#define DATA  FREE_MEMORY
#define READ  TESTDEV_PRI_READ
#define WRITE TESTDEV_PRI_WRITE
#define LAST  TESTDEV_PRI_LAST
#define PLAIN TESTDEV_NO_PASID

static int ask_page(uint64_t iova, uint32_t pasid, uint32_t group, uint32_t flags)
{
	set_wide(TESTDEV_PRI_IOVA, iova);
	set(TESTDEV_PRI_PASID, pasid);
	set(TESTDEV_PRI_GROUP, group);
	set(TESTDEV_PRI_SEND, flags);
	return (int)get(TESTDEV_PRI_SEND);
}

static struct page_request queued(void)
{
	struct page_request request;

	g_assert_true(vtd_page_request(&vtd, &request));
	return request;
}

static void assert_none_queued(void)
{
	struct page_request request;

	g_assert_false(vtd_page_request(&vtd, &request));
}

static uint16_t pri_status(void)
{
	return config_read(&device, device.pri + PCI_PRI_STATUS, 2) & ~PCI_PRI_STATUS_PASID;
}

static void pri_control(uint16_t value)
{
	config_write(&device, device.pri + PCI_PRI_CTRL, 2, value);
}

static void by_hand(void)
{
	static const uint32_t kinds[] = { READ, WRITE, READ | WRITE, READ | TESTDEV_PRI_EXECUTE,
					  READ | TESTDEV_PRI_PRIVILEGED };

	vtd_attach_pasid(&vtd, &device, 9);
	for (unsigned int i = 0; i < G_N_ELEMENTS(kinds); i++) {
		struct page_request request;

		g_assert_cmpint(ask_page(IOVA + 4096 * i + 12, 9, 20 + i, kinds[i] | LAST), ==, 0);
		g_assert_cmpuint(get(TESTDEV_PRI_OUTSTANDING), ==, 1);
		request = queued();
		g_assert_cmphex(request.address, ==, IOVA + 4096 * i);
		g_assert_cmpuint(request.pasid, ==, 9);
		g_assert_cmpuint(request.group, ==, 20 + i);
		g_assert_cmphex(request.source, ==, device.devfn);
		g_assert_true(request.last);
		g_assert_cmpint(request.read, ==, !!(kinds[i] & READ));
		g_assert_cmpint(request.write, ==, !!(kinds[i] & WRITE));
		g_assert_cmpint(request.execute, ==, !!(kinds[i] & TESTDEV_PRI_EXECUTE));
		g_assert_cmpint(request.privileged, ==, !!(kinds[i] & TESTDEV_PRI_PRIVILEGED));
		vtd_respond(&vtd, &request, i % 2);
		g_assert_cmpuint(get(TESTDEV_PRI_OUTSTANDING), ==, 0);
		g_assert_cmpuint(get(TESTDEV_PRI_RESPONSES), ==, i + 1);
		set(TESTDEV_PRI_INDEX, i);
		g_assert_cmphex(get(TESTDEV_PRI_RESPONSE), ==, (20 + i) | i % 2 << 12);
		g_assert_cmpuint(get(TESTDEV_PRI_RESPONSE_PASID), ==, 9);
	}
	set(TESTDEV_PRI_INDEX, 100);
	g_assert_cmphex(get(TESTDEV_PRI_RESPONSE), ==, 0);
	g_assert_cmpuint(get(TESTDEV_PRI_SENT), ==, G_N_ELEMENTS(kinds));
	g_assert_cmpuint(get(TESTDEV_PRI_REFUSED), ==, 0);
	assert_none_queued();
	/* Without a PASID it is PASID 0, as Linux has it once PASIDs are on. */
	g_assert_cmpint(ask_page(IOVA, PLAIN, 1, READ | LAST), ==, 0);
	g_assert_cmpuint(queued().pasid, ==, 0);
}

static void groups(void)
{
	struct page_request requests[9];

	/* Two groups of three and one that is never finished, mixed. */
	for (unsigned int i = 0; i < 9; i++)
		g_assert_cmpint(ask_page(IOVA + 4096 * i, 0, 40 + i % 3,
					 READ | (i >= 6 && i != 8 ? LAST : 0)),
				==, 0);
	for (unsigned int i = 0; i < 9; i++) {
		requests[i] = queued();
		g_assert_cmpuint(requests[i].group, ==, 40 + i % 3);
		g_assert_cmpint(requests[i].last, ==, i == 6 || i == 7);
	}
	g_assert_cmpuint(get(TESTDEV_PRI_OUTSTANDING), ==, 2);
	vtd_respond(&vtd, &requests[7], TESTDEV_PRI_CODE_INVALID);
	vtd_respond(&vtd, &requests[6], TESTDEV_PRI_CODE_SUCCESS);
	g_assert_cmpuint(get(TESTDEV_PRI_OUTSTANDING), ==, 0);
	set(TESTDEV_PRI_INDEX, 0);
	g_assert_cmphex(get(TESTDEV_PRI_RESPONSE), ==, 41 | TESTDEV_PRI_CODE_INVALID << 12);
	set(TESTDEV_PRI_INDEX, 1);
	g_assert_cmphex(get(TESTDEV_PRI_RESPONSE), ==, 40);
	/* Nobody was asked to answer the unfinished one, or one that was never sent. */
	g_assert_cmphex(pri_status(), ==, 0);
	vtd_respond(&vtd, &requests[8], TESTDEV_PRI_CODE_SUCCESS);
	set(TESTDEV_PRI_INDEX, 2);
	g_assert_cmphex(get(TESTDEV_PRI_RESPONSE), ==, 42 | 1 << 16);
	g_assert_cmphex(pri_status(), ==, PCI_PRI_STATUS_UPRGI);
	config_write(&device, device.pri + PCI_PRI_STATUS, 2, PCI_PRI_STATUS_UPRGI);
	g_assert_cmphex(pri_status(), ==, 0);
}

/* No more than software allocated are outstanding; a response makes room. */
static void allocation(void)
{
	struct page_request first;

	config_write(&device, device.pri + PCI_PRI_ALLOC_REQ, 4, 5);
	for (unsigned int i = 0; i < 5; i++)
		g_assert_cmpint(ask_page(IOVA + 4096 * i, 0, i, READ | LAST), ==, 0);
	g_assert_cmpint(ask_page(IOVA, 0, 5, READ | LAST), <, 0);
	g_assert_cmpuint(get(TESTDEV_PRI_REFUSED), ==, 1);
	g_assert_cmpuint(get(TESTDEV_PRI_OUTSTANDING), ==, 5);
	first = queued();
	vtd_respond(&vtd, &first, TESTDEV_PRI_CODE_SUCCESS);
	g_assert_cmpint(ask_page(IOVA, 0, 5, READ | LAST), ==, 0);
	g_assert_cmpint(ask_page(IOVA, 0, 6, READ | LAST), <, 0);
	/* A stop marker needs no credit, and is not answered. */
	g_assert_cmpint(ask_page(0, 0, 0, LAST), ==, 0);
	g_assert_cmpuint(get(TESTDEV_PRI_OUTSTANDING), ==, 5);
	for (unsigned int i = 0; i < 5; i++)
		queued();
	first = queued();
	g_assert_true(first.last && !first.read && !first.write);
}

/* The IOMMU's queue runs over: what does not fit is refused, not lost silently. */
static void overflow(void)
{
	unsigned int sent = 0;

	while (!ask_page(IOVA, 0, sent, READ | LAST))
		g_assert_cmpuint(++sent, <, 500);
	g_assert_cmpuint(sent, ==, 127); /* one slot of 128 stays free */
	g_assert_cmpuint(get(TESTDEV_PRI_SENT), ==, sent);
	g_assert_cmpuint(get(TESTDEV_PRI_REFUSED), ==, 1);
	g_assert_cmpuint(get(TESTDEV_PRI_OUTSTANDING), ==, sent);
}

/* A failure stops PRI until it is enabled anew. */
static void failure(void)
{
	struct page_request request;

	g_assert_cmpint(ask_page(IOVA, 0, 3, READ | LAST), ==, 0);
	g_assert_cmpint(ask_page(IOVA, 0, 4, READ | LAST), ==, 0);
	request = queued();
	g_assert_cmphex(get(TESTDEV_PRI_ENABLED), ==, 7);
	vtd_respond(&vtd, &request, TESTDEV_PRI_CODE_FAILURE);
	g_assert_cmphex(get(TESTDEV_PRI_ENABLED), ==, 7 | 8);
	g_assert_cmphex(pri_status(), ==, PCI_PRI_STATUS_RF);
	g_assert_cmpint(ask_page(IOVA, 0, 5, READ | LAST), <, 0);
	config_write(&device, device.pri + PCI_PRI_STATUS, 2, PCI_PRI_STATUS_RF);
	g_assert_cmpint(ask_page(IOVA, 0, 5, READ | LAST), <, 0);
	/* Off, it has stopped when nothing is outstanding. */
	pri_control(0);
	g_assert_cmphex(pri_status(), ==, 0);
	request = queued();
	vtd_respond(&vtd, &request, TESTDEV_PRI_CODE_SUCCESS);
	g_assert_cmphex(pri_status(), ==, PCI_PRI_STATUS_STOPPED);
	pri_control(PCI_PRI_CTRL_ENABLE);
	g_assert_cmphex(pri_status(), ==, 0);
	g_assert_cmphex(get(TESTDEV_PRI_ENABLED), ==, 7);
	g_assert_cmpint(ask_page(IOVA, 0, 5, READ | LAST), ==, 0);
}

/* PRI's reset forgets what is outstanding, only while it is off. */
static void forget(void)
{
	g_assert_cmpint(ask_page(IOVA, 0, 3, READ | LAST), ==, 0);
	g_assert_cmpint(ask_page(IOVA, 0, 4, READ), ==, 0);
	pri_control(PCI_PRI_CTRL_ENABLE | PCI_PRI_CTRL_RESET);
	g_assert_cmpuint(get(TESTDEV_PRI_OUTSTANDING), ==, 1);
	g_assert_cmphex(config_read(&device, device.pri + PCI_PRI_CTRL, 2), ==,
			PCI_PRI_CTRL_ENABLE);
	pri_control(0);
	g_assert_cmpint(ask_page(IOVA, 0, 5, READ | LAST), <, 0);
	g_assert_cmphex(pri_status(), ==, 0);
	pri_control(PCI_PRI_CTRL_RESET);
	g_assert_cmpuint(get(TESTDEV_PRI_OUTSTANDING), ==, 0);
	g_assert_cmphex(pri_status(), ==, PCI_PRI_STATUS_STOPPED);
}

static void transfer_asks(unsigned int code, uint32_t status)
{
	struct descriptor descriptor = {
		.operation = TESTDEV_OP_FILL | TESTDEV_FLAG_TRANSLATED | TESTDEV_FLAG_PAGE_REQUEST,
		.iova = IOVA + 4096,
		.length = 8,
		.operand = 0xabcd,
	};
	struct page_request request;
	struct result result;

	start(&descriptor);
	g_assert_cmpuint(get(TESTDEV_START), ==, 1);
	g_assert_cmpuint(get(TESTDEV_RESULT), ==, TESTDEV_STATUS_NONE);
	request = queued();
	g_assert_cmphex(request.address, ==, IOVA + 4096);
	g_assert_cmpuint(request.group, >=, 0x100);
	g_assert_true(request.write && request.last);
	if (code == TESTDEV_PRI_CODE_SUCCESS)
		vtd_map(&vtd, &device, PLAIN, IOVA + 4096, DATA, true);
	vtd_respond(&vtd, &request, code);
	result = finish();
	g_assert_cmpuint(result.status, ==, status);
	if (status != TESTDEV_STATUS_OK)
		g_assert_cmphex(result.address, ==, IOVA + 4096);
}

static void transfer_granted(void)
{
	fill(DATA, 64, 0);
	transfer_asks(TESTDEV_PRI_CODE_SUCCESS, TESTDEV_STATUS_OK);
	g_assert_cmphex(qtest_read(machine, DATA, 8), ==, 0xabcd);
}

/* A page is asked for with what the transfer wants of it; nobody executes what he writes. */
static void transfer_attributes(void)
{
	static const uint32_t operations[] = { TESTDEV_OP_READ, TESTDEV_OP_WRITE };
	static const uint32_t flags[] = { 0, TESTDEV_FLAG_EXECUTE, TESTDEV_FLAG_PRIVILEGED,
					  TESTDEV_FLAG_EXECUTE | TESTDEV_FLAG_PRIVILEGED };

	for (unsigned int i = 0; i < 8; i++) {
		struct descriptor descriptor = {
			.operation = operations[i % 2] | flags[i / 2] | TESTDEV_FLAG_TRANSLATED |
				     TESTDEV_FLAG_PAGE_REQUEST,
			.iova = IOVA + 4096,
			.length = 8,
		};
		struct page_request request;

		start(&descriptor);
		request = queued();
		g_assert_cmpint(request.read, ==, i % 2 == 0);
		g_assert_cmpint(request.write, ==, i % 2 == 1);
		g_assert_cmpint(request.execute, ==,
				i % 2 == 0 && (flags[i / 2] & TESTDEV_FLAG_EXECUTE));
		g_assert_cmpint(request.privileged, ==, !!(flags[i / 2] & TESTDEV_FLAG_PRIVILEGED));
		vtd_respond(&vtd, &request, TESTDEV_PRI_CODE_INVALID);
		g_assert_cmpuint(finish().status, ==, TESTDEV_STATUS_REFUSED);
	}
}

/* The first 512 responses are kept, all are counted. */
static void records(void)
{
	for (unsigned int i = 0; i < TESTDEV_PRI_RECORDS + 8; i++) {
		struct page_request request;

		g_assert_cmpint(ask_page(IOVA, 0, i & 0xff, READ | LAST), ==, 0);
		request = queued();
		vtd_respond(&vtd, &request, TESTDEV_PRI_CODE_SUCCESS);
	}
	g_assert_cmpuint(get(TESTDEV_PRI_RESPONSES), ==, TESTDEV_PRI_RECORDS + 8);
	set(TESTDEV_PRI_INDEX, TESTDEV_PRI_RECORDS - 1);
	g_assert_cmphex(get(TESTDEV_PRI_RESPONSE), ==, (TESTDEV_PRI_RECORDS - 1) & 0xff);
	set(TESTDEV_PRI_INDEX, TESTDEV_PRI_RECORDS);
	g_assert_cmphex(get(TESTDEV_PRI_RESPONSE), ==, 0);
	set(TESTDEV_CONTROL, TESTDEV_CONTROL_CLEAR_COUNTERS);
	g_assert_cmpuint(get(TESTDEV_PRI_RESPONSES), ==, 0);
	set(TESTDEV_PRI_INDEX, 1);
	g_assert_cmphex(get(TESTDEV_PRI_RESPONSE), ==, 0);
}

static void transfer_refused(void)
{
	transfer_asks(TESTDEV_PRI_CODE_INVALID, TESTDEV_STATUS_REFUSED);
}

/* A success without a page is asked for again, four times at most. */
static void transfer_deceived(void)
{
	struct descriptor descriptor = {
		.operation = TESTDEV_OP_FILL | TESTDEV_FLAG_TRANSLATED | TESTDEV_FLAG_PAGE_REQUEST,
		.iova = IOVA,
		.length = 8,
	};

	start(&descriptor);
	for (unsigned int i = 0; i < 4; i++) {
		struct page_request request = queued();

		vtd_respond(&vtd, &request, TESTDEV_PRI_CODE_SUCCESS);
	}
	g_assert_cmpuint(finish().status, ==, TESTDEV_STATUS_NO_TRANSLATION);
	assert_none_queued();
	/* And where PRI is off, not at all. */
	pri_control(0);
	g_assert_cmpuint(status_of(&descriptor), ==, TESTDEV_STATUS_REFUSED);
}

/* One that waits for its page does not hold up the others of the ring. */
static void ring_goes_on(void)
{
	struct descriptor descriptors[4];
	struct page_request request;
	struct result results[4];

	vtd_map(&vtd, &device, PLAIN, 0x200000, DATA + 0x10000, true);
	vtd_map(&vtd, &device, PLAIN, IOVA, DATA, true);
	fill(DATA, 4096, 0);
	for (unsigned int i = 0; i < 4; i++) {
		descriptors[i] = (struct descriptor){
			.operation = TESTDEV_OP_FILL | TESTDEV_FLAG_TRANSLATED |
				     TESTDEV_FLAG_PAGE_REQUEST,
			.iova = i ? IOVA + 8 * i : IOVA + 4096,
			.length = 8,
			.operand = i + 1,
		};
	}
	qtest_put(machine, DATA + 0x10000, descriptors, sizeof(descriptors));
	set_wide(TESTDEV_RING_BASE, 0x200000);
	set_wide(TESTDEV_RING_RESULTS, 0x200800);
	set(TESTDEV_RING_COUNT, 4);
	set(TESTDEV_RING_TAIL, 4);
	request = queued();
	for (unsigned int i = 1; i < 4; i++)
		while (qtest_read(machine, DATA + 8 * i, 8) != i + 1)
			;
	g_assert_cmpuint(get(TESTDEV_RING_HEAD), ==, 0);
	vtd_map(&vtd, &device, PLAIN, IOVA + 4096, DATA + 4096, true);
	vtd_respond(&vtd, &request, TESTDEV_PRI_CODE_SUCCESS);
	while (get(TESTDEV_RING_HEAD) != 4)
		;
	qtest_get(machine, DATA + 0x10800, results, sizeof(results));
	for (unsigned int i = 0; i < 4; i++)
		g_assert_cmpuint(results[i].status, ==, TESTDEV_STATUS_OK);
	g_assert_cmpuint(results[0].sequence, >, results[3].sequence);
}

/* A storm that waits for a page ends when told; an abort ends a transfer that waits. */
static void waits_end(void)
{
	struct descriptor descriptor = {
		.operation = TESTDEV_OP_FILL | TESTDEV_FLAG_TRANSLATED | TESTDEV_FLAG_PAGE_REQUEST,
		.iova = IOVA,
		.length = 8,
	};
	struct page_request request;

	start(&descriptor);
	queued();
	set(TESTDEV_CONTROL, TESTDEV_CONTROL_ABORT);
	g_assert_cmpuint(finish().status, ==, TESTDEV_STATUS_ABORTED);
	set(TESTDEV_STORM, 1);
	request = queued();
	g_assert_cmpuint(get(TESTDEV_STORM), ==, 1);
	set(TESTDEV_STORM, 0);
	g_assert_cmpuint(get(TESTDEV_STORM), ==, 0);
	vtd_respond(&vtd, &request, TESTDEV_PRI_CODE_SUCCESS);
	g_assert_cmpuint(get(TESTDEV_STORM), ==, 0);
}

static void flood(void)
{
	set(TESTDEV_FLOOD_COUNT, 20);
	config_write(&device, device.pri + PCI_PRI_ALLOC_REQ, 4, 4);
	set(TESTDEV_MISBEHAVE, TESTDEV_MISBEHAVE_PRI_FLOOD);
	g_assert_cmpint(ask_page(IOVA, 0, 50, READ | LAST), ==, 0);
	g_assert_cmpuint(get(TESTDEV_PRI_SENT), ==, 21);
	for (unsigned int i = 0; i < 21; i++) {
		struct page_request request = queued();

		g_assert_cmpuint(request.group, ==, 50 + i);
		g_assert_cmphex(request.address, ==, IOVA + 4096 * i);
		vtd_respond(&vtd, &request, TESTDEV_PRI_CODE_INVALID);
	}
	g_assert_cmpuint(get(TESTDEV_PRI_OUTSTANDING), ==, 0);
}

static void wrong_group(void)
{
	set(TESTDEV_MISBEHAVE, TESTDEV_MISBEHAVE_WRONG_GROUP);
	g_assert_cmpint(ask_page(IOVA, 0, 60, READ | LAST), ==, 0);
	g_assert_cmpuint(queued().group, ==, 61);
	/* The index has 9 bits: behind the last one is the first. */
	g_assert_cmpint(ask_page(IOVA, 0, 511, READ | LAST), ==, 0);
	g_assert_cmpuint(queued().group, ==, 0);
}

static void refused(void)
{
	g_assert_cmpint(ask_page(IOVA, 1 << 20, 1, READ | LAST), <, 0);
	config_write(&device, device.pasid + PCI_PASID_CTRL, 2, 0);
	g_assert_cmpint(ask_page(IOVA, 1, 1, READ | LAST), <, 0);
	function_enable(&device);
	config_write(&device, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	g_assert_cmpint(ask_page(IOVA, 1, 1, READ | LAST), <, 0);
	g_assert_cmpuint(get(TESTDEV_PRI_REFUSED), ==, 3);
	g_assert_cmpuint(get(TESTDEV_PRI_SENT), ==, 0);
	assert_none_queued();
}

void add_pri_cases(void)
{
	add_case("pri/by-hand", by_hand);
	add_case("pri/groups", groups);
	add_case("pri/allocation", allocation);
	add_case("pri/overflow", overflow);
	add_case("pri/failure", failure);
	add_case("pri/forget", forget);
	add_case("pri/transfer-granted", transfer_granted);
	add_case("pri/transfer-attributes", transfer_attributes);
	add_case("pri/records", records);
	add_case("pri/transfer-refused", transfer_refused);
	add_case("pri/transfer-deceived", transfer_deceived);
	add_case("pri/ring-goes-on", ring_goes_on);
	add_case("pri/waits-end", waits_end);
	add_case("pri/flood", flood);
	add_case("pri/wrong-group", wrong_group);
	add_case("pri/refused", refused);
}
