// SPDX-License-Identifier: GPL-2.0-or-later
/* Ways to send the whole machine to sleep. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/kexec.h>
#include <linux/reboot.h>

#include <iommut/pci.h>

#include "suites/control.h"
#include "suites/sleep.h"

#define STATE      "/sys/power/state"
#define DEPTH      "/sys/power/mem_sleep"
#define TEST_LEVEL "/sys/power/pm_test"
#define TEST_DELAY "/sys/module/suspend/parameters/pm_test_delay"
#define ALARM      "/sys/class/rtc/rtc0/wakealarm"

static bool has_word(const char *path, const char *word)
{
	char text[256] = "";
	FILE *stream = fopen(path, "re");
	size_t got = stream ? fread(text, 1, sizeof(text) - 1, stream) : 0;

	if (stream)
		fclose(stream);
	return got > 0 && strstr(text, word);
}

static void need_memory_sleep(struct test *t)
{
	if (!has_word(STATE, "mem") || !has_word(DEPTH, "deep"))
		skip(t, "the machine cannot be suspended to memory",
		     "a kernel with CONFIG_SUSPEND, root, and firmware with ACPI S3");
	expect_zero(t, write_setting(DEPTH, "deep"));
}

/* Registers of Intel's Q35 chip set that say where others are; only firmware knows what to write there. */
static const struct {
	const char *function;
	uint16_t device;
	uint32_t offset;
	uint32_t length;
	const char *what;
} chip_set[] = {
	{ "0000:00:1f.0", 0x2918, 0x40, 5, "ACPI" }, /* PMBASE, ACPI_CNTL */
	{ "0000:00:00.0", 0x29c0, 0x60, 8, "PCI Express' configuration space" }, /* PCIEXBAR */
};

#define CHIP_SET (sizeof(chip_set) / sizeof(chip_set[0]))
#define MOST     8

struct firmware {
	uint8_t bytes[CHIP_SET][MOST];
	bool known[CHIP_SET];
};

static bool read_chip_set(size_t i, uint8_t *bytes)
{
	return iommut_pci_config_read(chip_set[i].function, chip_set[i].offset, bytes,
				      chip_set[i].length) == (int)chip_set[i].length;
}

static void remember_firmware(struct firmware *firmware)
{
	struct iommut_pci_device function;

	for (size_t i = 0; i < CHIP_SET; i++)
		firmware->known[i] = iommut_pci_get(chip_set[i].function, &function) == 0 &&
				     function.vendor == 0x8086 &&
				     function.device == chip_set[i].device &&
				     read_chip_set(i, firmware->bytes[i]);
}

/*
 * SeaBIOS 1.17 leaves them as they are after power on (docs/findings.md). Without ACPI's timer Linux' clock may stand still, and the
 * machine cannot sleep again.
 */
static void repair_firmware(struct test *t, const struct firmware *firmware)
{
	uint8_t now[MOST];

	for (size_t i = 0; i < CHIP_SET; i++) {
		if (!firmware->known[i] || !read_chip_set(i, now) ||
		    memcmp(now, firmware->bytes[i], chip_set[i].length) == 0)
			continue;
		note(t, "the firmware has not turned %s on again", chip_set[i].what);
		expect_equal(t,
			     iommut_pci_config_write(chip_set[i].function, chip_set[i].offset,
						     firmware->bytes[i], chip_set[i].length),
			     chip_set[i].length);
	}
}

/* Somebody outside wakes the machine when it sleeps, or its clock does. */
static void arrange_waking(struct test *t)
{
	char answer[256];

	if (control_request("wake", answer, sizeof(answer)))
		return;
	/* One who could wake it and will not has a reason: it would not wake up well. */
	if (!strstr(answer, "nobody"))
		skipf(t, "a machine that wakes up again: lab profile intel-sleep",
		      "the lab does not wake it: %s", answer);
	(void)write_setting(ALARM, "0");
	if (write_setting(ALARM, "+3"))
		skipf(t, "the lab, or a clock that wakes the machine (CONFIG_RTC_CLASS)",
		      "nothing would wake the machine: %s", answer);
}

/* Where the capabilities of PCI Express begin; 0 where they are not to be seen. */
static uint32_t extended_header(struct test *t)
{
	uint32_t header = 0;

	(void)iommut_pci_config_read(test_device_name(t, 0), 0x100, &header, sizeof(header));
	return header;
}

static bool fall_asleep(struct test *t)
{
	uint32_t before = extended_header(t);
	struct firmware firmware;
	bool restorable;

	need_memory_sleep(t);
	remember_firmware(&firmware);
	arrange_waking(t);
	expect_zero(t, write_setting(STATE, "mem"));
	restorable = extended_header(t) == before;
	repair_firmware(t, &firmware);
	return restorable;
}

void sleep_in_memory(struct test *t)
{
	(void)fall_asleep(t);
}

void sleep_with_extensions(struct test *t)
{
	if (!fall_asleep(t))
		skip(t,
		     "the firmware left PCI Express' configuration space off, so that Linux could "
		     "not restore PASID, ATS and page requests",
		     "firmware that turns it on when the machine wakes; QEMU's SeaBIOS 1.17 does "
		     "not");
}

static void end_tests(void *argument)
{
	(void)write_setting(TEST_LEVEL, "none");
}

void sleep_tried(struct test *t, const char *level)
{
	if (!has_word(TEST_LEVEL, level))
		skip(t, "the kernel cannot try a suspend without sleeping",
		     "a kernel with CONFIG_PM_DEBUG, and root");
	need_memory_sleep(t);
	undo_later(t, end_tests, NULL);
	expect_zero(t, write_setting(TEST_DELAY, "0"));
	expect_zero(t, write_setting(TEST_LEVEL, level));
	expect_zero(t, write_setting(STATE, "mem"));
	expect_zero(t, write_setting(TEST_LEVEL, "none"));
}

/* The largest piece of memory, by its physical addresses. False if the kernel does not tell. */
static bool largest_memory(uint64_t *first, uint64_t *last, uint64_t *end)
{
	FILE *stream = fopen("/proc/iomem", "re");
	unsigned long long from, to;
	char line[128];

	*first = *last = *end = 0;
	while (stream && fgets(line, sizeof(line), stream)) {
		if (!strstr(line, "System RAM") || sscanf(line, "%llx-%llx", &from, &to) != 2)
			continue;
		*end = to;
		if (to - from > *last - *first) {
			*first = from;
			*last = to;
		}
	}
	if (stream)
		fclose(stream);
	return *end > 0;
}

uint64_t sleep_memory_end(void)
{
	uint64_t first, last, end;

	(void)largest_memory(&first, &last, &end);
	return end;
}

void sleep_in_kexec(struct test *t)
{
#if defined(__x86_64__)
	static const uint8_t code[4096] = { 0xc3 }; /* ret */
	struct kexec_segment segment = { .buf = code,
					 .bufsz = sizeof(code),
					 .memsz = sizeof(code) };
	uint64_t first, last, end, place;

	if (!largest_memory(&first, &last, &end))
		skip(t, "physical addresses cannot be seen", "root");
	place = (first + (last - first) / 2) & ~0xfffull;
	segment.mem = (void *)place;
	if (syscall(SYS_kexec_load, place, 1ul, &segment, (unsigned long)KEXEC_PRESERVE_CONTEXT))
		skipf(t, "a kernel with CONFIG_KEXEC and CONFIG_KEXEC_JUMP, and root",
		      "the kernel does not load a program that comes back: %s", strerror(errno));
	expect_zero(t, syscall(SYS_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2,
			       LINUX_REBOOT_CMD_KEXEC, NULL));
	expect_zero(t, syscall(SYS_kexec_load, 0ul, 0ul, NULL, 0ul));
#else
	skip(t, "no program that comes back is known for this architecture", "x86_64");
#endif
}
