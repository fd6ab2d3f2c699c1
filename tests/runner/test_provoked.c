// SPDX-License-Identifier: GPL-2.0-or-later
/* What a case says that it provokes, against what is reported. */
#include <string.h>

#include "runner/provoked.h"

#define SAYS "# this case provokes faults: "

/* Whether a case that printed these lines has announced the fault. */
static gboolean covered(const char *output, const struct reported_fault *fault)
{
	struct provoked *provoked = provoked_new();
	gboolean covers;

	provoked_read(provoked, output, strlen(output));
	covers = provoked_covers(provoked, fault);
	provoked_free(provoked);
	return covers;
}

static const struct reported_fault write_fault = { .kind = FAULT_OF_DMA,
						   .requester = "0000:02:00.0",
						   .has_address = TRUE,
						   .address = 0x5008,
						   .writes = TRUE,
						   .pasid = PASID_NONE };

#define EXACT SAYS "0000:02:00.0 write 0x5000-0x5007 pasid=none\n"

static void exact(void)
{
	struct reported_fault other;

	g_assert_false(covered("", &write_fault));
	/* Of the announced page, though not of its announced bytes: a report tells the page only. */
	g_assert_true(covered(EXACT, &write_fault));

	other = write_fault;
	other.requester = "02:00.0";
	g_assert_true(covered(EXACT, &other));
	other.requester = "unknown";
	g_assert_true(covered(EXACT, &other));
	other.requester = "0000:02:00.1";
	g_assert_false(covered(EXACT, &other));
	other.requester = "0001:02:00.0";
	g_assert_false(covered(EXACT, &other));
	other.requester = "02:00.00";
	g_assert_false(covered(EXACT, &other));

	other = write_fault;
	other.address = 0x6000;
	g_assert_false(covered(EXACT, &other));
	other.address = 0x4fff;
	g_assert_false(covered(EXACT, &other));
	other.has_address = FALSE;
	g_assert_true(covered(EXACT, &other));

	other = write_fault;
	other.writes = FALSE;
	g_assert_true(covered(EXACT, &other));
	other.reads = TRUE;
	g_assert_false(covered(EXACT, &other));
	g_assert_true(covered(SAYS "0000:02:00.0 read 0x5000-0x5fff pasid=none\n", &other));
	g_assert_true(covered(SAYS "0000:02:00.0 read+write 0x5000-0x5fff pasid=none\n", &other));

	other = write_fault;
	other.pasid = PASID_UNKNOWN;
	g_assert_true(covered(EXACT, &other));
	other.pasid = 3;
	g_assert_false(covered(EXACT, &other));
	g_assert_true(covered(SAYS "0000:02:00.0 write 0x5000-0x5fff pasid=3\n", &other));
	g_assert_false(covered(SAYS "0000:02:00.0 write 0x5000-0x5fff pasid=4\n", &other));
	g_assert_false(covered(SAYS "0000:02:00.0 write 0x5000-0x5fff pasid=3\n", &write_fault));
	g_assert_true(covered(SAYS "0000:02:00.0 write 0x5000-0x5fff pasid=any\n", &other));
	g_assert_true(covered(SAYS "0000:02:00.0 write 0x5000-0x5fff pasid=any\n", &write_fault));
	/* 0 is Linux' number for none. */
	g_assert_true(covered(SAYS "0000:02:00.0 write 0x5000-0x5fff pasid=0\n", &write_fault));
	other.pasid = 0;
	g_assert_true(covered(EXACT, &other));
	g_assert_false(covered(SAYS "0000:02:00.0 write 0x5000-0x5fff pasid=3\n", &other));
}

/* What was in the log already when the case spoke was not announced. */
static void order(void)
{
	static const char after[] = SAYS "0000:02:00.0 write 0x5000-0x5fff pasid=none after=100\n";
	struct reported_fault fault = write_fault;

	g_assert_true(covered(after, &fault));
	fault.sequence = 101;
	g_assert_true(covered(after, &fault));
	fault.sequence = 100;
	g_assert_false(covered(after, &fault));
	g_assert_true(covered(EXACT, &fault));
	fault.kind = FAULT_OVERFLOW;
	g_assert_false(covered(after, &fault));
	fault.kind = FAULT_OF_INTERRUPT;
	g_assert_false(covered(SAYS "0000:02:00.0 interrupt after=100\n", &fault));
	g_assert_true(covered(SAYS "0000:02:00.0 interrupt after=99\n", &fault));
}

static void kinds(void)
{
	static const char interrupts[] = SAYS "0000:02:00.0 interrupt\n";
	static const char requests[] = SAYS "0000:02:00.0 page-request\n";
	struct reported_fault fault = write_fault;

	g_assert_false(covered(interrupts, &fault));
	g_assert_false(covered(requests, &fault));
	fault.kind = FAULT_OF_INTERRUPT;
	g_assert_false(covered(EXACT, &fault));
	g_assert_true(covered(interrupts, &fault));
	fault.requester = "0000:03:00.0";
	g_assert_false(covered(interrupts, &fault));
	fault.requester = "unknown";
	fault.kind = FAULT_OF_PAGE_REQUEST;
	g_assert_false(covered(interrupts, &fault));
	g_assert_true(covered(requests, &fault));
	fault.kind = FAULT_OTHER;
	g_assert_false(covered(EXACT, &fault));
	g_assert_false(covered(requests, &fault));
	/* So many faults that reports of them were lost: somebody meant them. */
	fault.kind = FAULT_OVERFLOW;
	g_assert_true(covered(EXACT, &fault));
	g_assert_false(covered("# nothing\n", &fault));
}

/* What is not as it has to be covers nothing. */
static void nonsense(void)
{
	static const char *const lines[] = {
		"# this case provokes faults\n",
		SAYS "\n",
		SAYS "0000:02:00.0\n",
		SAYS "0000:02:00.0 write\n",
		SAYS "0000:02:00.0 write 0x5000-0x5fff\n",
		SAYS "0000:02:00.0 write 0x5000-0x5fff pasid=none more\n",
		SAYS "0000:02:00.0 write 0x5000-0x5fff pasid=\n",
		SAYS "0000:02:00.0 write 0x5000-0x5fff pasid=1048576\n",
		SAYS "0000:02:00.0 write 0x5000-0x5fff pasid=-1\n",
		SAYS "0000:02:00.0 write 0x5000-0x5fff none\n",
		SAYS "0000:02:00.0 write 0x5000-0x5fff pasid=none after=\n",
		SAYS "0000:02:00.0 write 0x5000-0x5fff pasid=none after=1 after=1\n",
		SAYS "0000:02:00.0 write 0x5000-0x5fff after=1\n",
		SAYS "0000:02:00.0 write 0x5fff-0x5000 pasid=none\n",
		SAYS "0000:02:00.0 write 5000-5fff pasid=none\n",
		SAYS "0000:02:00.0 write 0x5000 pasid=none\n",
		SAYS "0000:02:00.0 write 0x-0x5fff pasid=none\n",
		SAYS "0000:02:00.0 write 0x5000-0x5fff- pasid=none\n",
		SAYS "0000:02:00.0 writes 0x5000-0x5fff pasid=none\n",
		SAYS "0000:02:00.0 interrupt 0x5000-0x5fff pasid=none\n",
		SAYS "0000:02:00.0.0000:02:00.0 write 0x5000-0x5fff pasid=none\n",
		SAYS "0000:02:00.0 write 0x5000-0x5fff pasid=none",
		"x " EXACT,
		" " EXACT,
		"#" EXACT,
	};

	for (gsize i = 0; i < G_N_ELEMENTS(lines); i++) {
		g_test_message("%s", lines[i]);
		g_assert_false(covered(lines[i], &write_fault));
	}
	/* What is good beside it counts. */
	g_assert_true(covered(SAYS "\n" EXACT SAYS "x\n", &write_fault));
}

/* Output comes in pieces of any length. */
static void pieces(void)
{
	static const char output[] = "KTAP version 1\n1..1\n" EXACT "ok 1 x\n";
	gsize needed = strlen("KTAP version 1\n1..1\n" EXACT);

	for (gsize first = 0; first <= strlen(output); first++) {
		struct provoked *provoked = provoked_new();

		provoked_read(provoked, output, first);
		g_assert_cmpint(provoked_covers(provoked, &write_fault), ==, first >= needed);
		provoked_read(provoked, output, strlen(output));
		g_assert_true(provoked_covers(provoked, &write_fault));
		provoked_free(provoked);
	}
	provoked_free(NULL);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/provoked/exact", exact);
	g_test_add_func("/provoked/order", order);
	g_test_add_func("/provoked/kinds", kinds);
	g_test_add_func("/provoked/nonsense", nonsense);
	g_test_add_func("/provoked/pieces", pieces);
	return g_test_run();
}
