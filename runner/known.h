/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef RUNNER_KNOWN_H
#define RUNNER_KNOWN_H

/*
 * Known issues: failures that are expected somewhere. A file is a key file with a group for each issue:
 *
 *   [short-name]
 *   case=PATTERN[;PATTERN]       which cases, as on the command line
 *   kernel=>=6.12 <7.4           where: ranges of versions, all of which must hold
 *   qemu=<11
 *   qemu_build=stock             or lab: built by qemu/build.sh, with the lab's device and patches
 *   iommu=intel;amd              models (intel, amd, smmuv3, virtio, riscv, none) or patterns of profile names
 *   verdict=fail;timeout         what is expected; fail if it is left out
 *   allow_log=REGEX[;REGEX]      lines of the kernel's log that are no failure of any case there
 *   reason=TEXT
 *   link=URL
 *
 * Only reason and one of case and allow_log must be there.
 */

#include <glib.h>

#include "runner/record.h"

#define QEMU_BUILD_STOCK "stock"
#define QEMU_BUILD_LAB   "lab"

/**
 * struct known_place - where cases run; empty strings for what is not known
 * @profile: the lab's profile, or "local"
 * @kernel: release, as uname(2) gives it
 * @qemu: version
 * @qemu_build: QEMU_BUILD_STOCK or QEMU_BUILD_LAB
 * @iommu: model
 */
struct known_place {
	const char *profile;
	const char *kernel;
	const char *qemu;
	const char *qemu_build;
	const char *iommu;
};

struct known_issues;

struct known_issues *known_new(void);
void known_free(struct known_issues *issues);

/**
 * known_load() - add the issues of a file
 * @issues: gets them
 * @path: the file
 * @error: RUNNER_ERROR_USAGE, naming the file and the issue
 */
gboolean known_load(struct known_issues *issues, const char *path, GError **error);

/**
 * known_load_all() - the issues of several files
 * @paths: NULL-terminated, or NULL
 * @error: as of known_load()
 *
 * Return: new issues, which are none without files; NULL after an error.
 */
struct known_issues *known_load_all(char **paths, GError **error);

/**
 * known_parse() - add the issues of a text
 * @issues: gets them
 * @text: the text
 * @length: bytes
 * @error: what is wrong with it
 */
gboolean known_parse(struct known_issues *issues, const char *text, gsize length, GError **error);

/**
 * known_apply() - turn an expected failure to xfail, and its absence to xpass
 * @issues: known issues, or NULL
 * @place: where the case ran
 * @result: its verdict may change; then result->known says which issue, as "name: reason (link)"
 *
 * Skips and what the tool itself could not do stay as they are.
 */
void known_apply(const struct known_issues *issues, const struct known_place *place,
		 struct result *result);

/**
 * known_allows() - whether a line of the kernel's log is that of a known issue
 * @issues: known issues, or NULL
 * @place: where cases run
 * @line: the line
 */
gboolean known_allows(const struct known_issues *issues, const struct known_place *place,
		      const char *line);

/**
 * known_iommu_model() - the model of a machine's IOMMU
 * @names: names in /sys/class/iommu, separated by blanks
 */
const char *known_iommu_model(const char *names);

/**
 * version_compare() - compare two versions by their numbers
 * @a: as "7.3.4-1-amd64": what follows the numbers and dots does not count
 * @b: as @a; numbers that it has not are zero
 *
 * Return: negative, zero or positive.
 */
int version_compare(const char *a, const char *b);

#endif /* RUNNER_KNOWN_H */
