/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SUITES_SLEEP_H
#define SUITES_SLEEP_H

/* Ways to send the whole machine to sleep. Each returns when it is awake again, and skips where there is no such way. */

#include "harness/harness.h"

/* Suspend to memory (ACPI S3). Whoever started the case wakes the machine, or its clock does. */
void sleep_in_memory(struct test *t);

/* The same for cases about PASID, ATS or page requests: skips where firmware kept Linux from restoring them. */
void sleep_with_extensions(struct test *t);

/*
 * What Linux does to suspend, up to a level and back, without any sleep (Documentation/power/basic-pm-debugging.rst): "freezer",
 * "devices", "platform", "processors" or "core". Each does what the one before does, and more; "core" turns the IOMMU off and on.
 */
void sleep_tried(struct test *t, const char *level);

/* kexec to a program that comes back at once. Devices are suspended and resumed as for hibernation. */
void sleep_in_kexec(struct test *t);

/* The last physical address of the machine's memory; 0 if the kernel does not tell. */
uint64_t sleep_memory_end(void);

#endif /* SUITES_SLEEP_H */
