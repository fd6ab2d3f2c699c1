// SPDX-License-Identifier: GPL-2.0-or-later
/* A suite without devices that ends in every way a suite can: what test_harness.c looks at. */
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <iommut/types.h>

#include "harness/harness.h"

SUITE("sample", "ends in every way: \"quoted\", back\\slash");

static void tell(void *argument)
{
	printf("# undone: %s\n", (const char *)argument);
}

CASE(passes, .proves = "a case that ends passes", .rule = "none", .devices = NO_DEVICE,
     .marks = LIST("smoke", "demo"))
{
	undo_later(t, tell, "first");
	undo_later(t, tell, "second");
	expect(t, true);
	expect_zero(t, 0);
	expect_errno(t, -EINVAL, EINVAL);
	expect_equal(t, 7, 7);
}

CASE(expectation, .proves = "an expectation that is not met fails", .rule = "none",
     .devices = NO_DEVICE,
     .parameters = { PARAMETER("kind", "true", "zero", "errno", "equal", "that", "fail") })
{
	undo_later(t, tell, "everything");
	if (param_is(t, "kind", "true"))
		expect(t, 1 + 1 == 3);
	if (param_is(t, "kind", "zero"))
		expect_zero(t, -EBUSY);
	if (param_is(t, "kind", "errno"))
		expect_errno(t, -EBUSY, EINVAL);
	if (param_is(t, "kind", "equal"))
		expect_equal(t, 5, 6);
	if (param_is(t, "kind", "that"))
		expect_that(t, false, "the number %d", 42);
	fail(t, "two\nlines");
}

CASE(leaks, .proves = "a descriptor that is left open fails the case, and is named", .rule = "none",
     .devices = NO_DEVICE, .parameters = { PARAMETER("after", "pass", "skip") })
{
	expect(t, open("/dev/null", O_RDONLY) >= 0);
	if (param_is(t, "after", "skip"))
		skip(t, "no moon", "a rocket");
}

CASE(locks, .proves = "memory that stays locked fails the case", .rule = "none",
     .devices = NO_DEVICE)
{
	static _Alignas(65536) char page[65536];

	if (mlock(page, sizeof(page)) != 0)
		skip(t, "memory cannot be locked", "RLIMIT_MEMLOCK");
}

CASE(provokes, .proves = "a case says once which faults it provokes", .rule = "none",
     .devices = NO_DEVICE)
{
	struct provocation faults = { .device = "0000:05:00.0",
				      .access = PROVOKED_READ | PROVOKED_WRITE,
				      .first = 0x1000,
				      .last = 0x2fff,
				      .pasid = IOMMUT_NO_PASID };

	provokes_faults(t, &faults);
	provokes_faults(t, &faults);
	/* A part of it is no news. */
	faults.access = PROVOKED_WRITE;
	faults.first = 0x2000;
	provokes_faults(t, &faults);
	faults.last = 0x3000;
	provokes_faults(t, &faults);
	faults.pasid = 7;
	provokes_faults(t, &faults);
	faults.pasid = ANY_PASID;
	provokes_faults(t, &faults);
	faults.pasid = 8;
	faults.access = PROVOKED_READ;
	provokes_faults(t, &faults);
	faults.device = "0000:06:00.0";
	faults.access = PROVOKED_INTERRUPT;
	provokes_faults(t, &faults);
	faults.access = PROVOKED_PAGE_REQUEST;
	provokes_faults(t, &faults);
}

CASE(measures, .proves = "figures are told", .rule = "none", .devices = NO_DEVICE)
{
	figure(t, "map_p99", 12.25, FIGURE_US);
	figure(t, "maps", 1234567, FIGURE_PER_SECOND);
	figure(t, "share", 0, FIGURE_PERCENT);
}

CASE(mismeasures, .proves = "a figure that is none is a mistake in the suite", .rule = "none",
     .devices = NO_DEVICE,
     .parameters = {
	     PARAMETER("how", "name", "long", "empty", "number", "large", "twice", "many") })
{
	char name[16];

	if (param_is(t, "how", "name"))
		figure(t, "map p99", 1, FIGURE_US);
	if (param_is(t, "how", "long"))
		figure(t, "a_name_of_49_characters_which_is_one_more_than_48", 1, FIGURE_US);
	if (param_is(t, "how", "empty"))
		figure(t, "", 1, FIGURE_US);
	if (param_is(t, "how", "number"))
		figure(t, "nan", NAN, FIGURE_US);
	if (param_is(t, "how", "large"))
		figure(t, "large", -2e15, FIGURE_US);
	for (int i = 0; param_is(t, "how", "twice") && i < 2; i++)
		figure(t, "twice", i, FIGURE_US);
	for (int i = 0; param_is(t, "how", "many") && i <= 64; i++) {
		snprintf(name, sizeof(name), "f%d", i);
		figure(t, name, i, FIGURE_US);
	}
}

CASE(skips, .proves = "a skip names reason and way out", .rule = "none", .devices = NO_DEVICE)
{
	undo_later(t, tell, "the skip");
	skip(t, "no # moon", "a\nrocket");
}

CASE(crashes, .proves = "a signal is no result", .rule = "none", .devices = NO_DEVICE)
{
	abort();
}

CASE(child, .proves = "a child process that fails does not speak for the case", .rule = "none",
     .devices = NO_DEVICE)
{
	if (fork() == 0)
		fail(t, "in the child");
}

CASE(parameters, .proves = "parameters are handed over", .rule = "none", .devices = NO_DEVICE,
     .parameters = { PARAMETER("size", "4K", "2M"),
		     PARAMETER_OR("mode", "plain", "plain", "fancy") },
     .excludes = LIST("size=2M,mode=fancy"))
{
	printf("# size %" PRIu64 " mode %s\n", param_size(t, "size"), param(t, "mode"));
}

CASE(randomness, .proves = "random numbers depend on seed and variant alone", .rule = "none",
     .devices = NO_DEVICE, .parameters = { PARAMETER("which", "a", "b") })
{
	printf("# random %016" PRIx64 "\n", random64(t));
	for (int i = 0; i < 1000; i++)
		expect(t, random_below(t, 10) < 10);
}

CASE(needs_device, .proves = "a case that was not given its device does not run", .rule = "none")
{
	printf("# device %s\n", test_device_name(t, 0));
}
