// SPDX-License-Identifier: GPL-2.0-or-later
/* Fault injection of Linux: Documentation/fault-injection/fault-injection.rst, "fail-nth". */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "suites/nomem.h"

/* No call of the cases allocates this often. */
#define MOST_ROUNDS 3000

/* How the kernel must be set so that every allocation counts, and no failure is printed. */
static struct setting {
	const char *file;
	const char *wanted;
	bool needed;
	char before[32];
} settings[] = {
	{ "failslab/ignore-gfp-wait", "N", true, "" },
	{ "failslab/verbose", "0", true, "" },
	{ "fail_page_alloc/ignore-gfp-wait", "N", false, "" },
	{ "fail_page_alloc/ignore-gfp-highmem", "N", false, "" },
	{ "fail_page_alloc/min-order", "0", false, "" },
	{ "fail_page_alloc/verbose", "0", false, "" },
};

/* CONFIG_IOMMUFD_TEST: iommufd fails at some points of its own, as if it had not found an object or could not pin a page. */
#define OWN_POINTS "/sys/kernel/debug/fail_iommufd"

#define SETTINGS (sizeof(settings) / sizeof(settings[0]))

struct setting_path {
	char text[128];
};

static struct setting_path path_of(const struct setting *setting)
{
	struct setting_path path;

	snprintf(path.text, sizeof(path.text), "/sys/kernel/debug/%s", setting->file);
	return path;
}

static bool change_setting(const struct setting *setting, const char *value)
{
	return write_setting(path_of(setting).text, value) == 0;
}

static void put_back_settings(void *argument)
{
	for (size_t i = 0; i < SETTINGS; i++)
		if (*settings[i].before)
			(void)change_setting(&settings[i], settings[i].before);
}

static void change_settings(struct test *t)
{
	/* A copy that fails does so before or after the call's work, and tells nothing of it. */
	if (access("/sys/kernel/debug/fail_usercopy", F_OK) == 0)
		skip(t,
		     "the kernel lets copies to and from programs fail, too, which is no shortage",
		     "a kernel without CONFIG_FAULT_INJECTION_USERCOPY");
	undo_later(t, put_back_settings, NULL);
	for (size_t i = 0; i < SETTINGS; i++) {
		struct setting *setting = &settings[i];
		int fd = open(path_of(setting).text, O_RDONLY | O_CLOEXEC);

		if (fd < 0 && setting->needed)
			skipf(t,
			      "a kernel with CONFIG_FAILSLAB and CONFIG_FAULT_INJECTION_DEBUG_FS, "
			      "/sys/kernel/debug mounted, and root",
			      "allocations cannot be made to fail: %s", setting->file);
		if (fd < 0)
			continue;
		expect(t, read(fd, setting->before, sizeof(setting->before) - 1) > 0);
		close(fd);
		expect(t, change_setting(setting, setting->wanted));
	}
}

static void let_nth_fail(struct shortage *shortage, unsigned int nth)
{
	char text[16];
	int length = snprintf(text, sizeof(text), "%u", nth);

	expect_that(shortage->t, pwrite(shortage->fd, text, (size_t)length, 0) == length,
		    "/proc/self/fail-nth: %s", strerror(errno));
}

static void close_shortage(void *argument)
{
	struct shortage *shortage = argument;

	if (shortage->fd >= 0) {
		let_nth_fail(shortage, 0);
		close(shortage->fd);
	}
	free(shortage);
}

struct shortage *shortage_open(struct test *t)
{
	struct shortage *shortage = calloc(1, sizeof(*shortage));

	if (!shortage)
		fail(t, "out of memory");
	shortage->t = t;
	undo_later(t, close_shortage, shortage);
	shortage->fd = open("/proc/self/fail-nth", O_RDWR | O_CLOEXEC);
	if (shortage->fd < 0)
		skip(t, "the kernel has no fault injection",
		     "a kernel with CONFIG_FAULT_INJECTION");
	change_settings(t);
	shortage->own_points = access(OWN_POINTS, F_OK) == 0;
	return shortage;
}

bool shortage_next(struct shortage *shortage)
{
	if (shortage->round > 0 && !shortage->happened)
		return false;
	expect_that(shortage->t, shortage->round < MOST_ROUNDS, "there is no end of allocations");
	shortage->round++;
	return true;
}

void shortage_begin(struct shortage *shortage)
{
	shortage->happened = false;
	let_nth_fail(shortage, shortage->round);
}

void shortage_end(struct shortage *shortage)
{
	char left[16] = "";
	ssize_t got = pread(shortage->fd, left, sizeof(left) - 1, 0);

	/* What is left to count down is 0 once an allocation has failed. */
	expect_that(shortage->t, got > 0, "/proc/self/fail-nth: %s", strerror(errno));
	shortage->happened = atoi(left) == 0;
	let_nth_fail(shortage, 0);
}

bool shortage_failed(struct shortage *shortage, int error, const struct place *place)
{
	if (error >= 0) {
		shortage->survived += shortage->happened;
		return false;
	}
	if (!shortage->happened)
		expectation_failed(shortage->t, place, "%s, though nothing was short (round %u)",
				   strerror(-error), shortage->round);
	if (error != -ENOMEM && error != -shortage->other_error &&
	    !(shortage->own_points && (error == -ENOENT || error == -EFAULT || error == -EINVAL)))
		expectation_failed(shortage->t, place, "%s when allocation %u failed",
				   strerror(-error), shortage->round);
	shortage->failures++;
	return true;
}

void shortage_proven(struct shortage *shortage)
{
	note(shortage->t, "%u allocations failed: %u times the call did, %u times it did without",
	     shortage->failures + shortage->survived, shortage->failures, shortage->survived);
	expect_that(shortage->t, shortage->failures > 0, "no call failed, so nothing was shown");
}
