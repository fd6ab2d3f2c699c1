/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef RUNNER_REGISTERS_H
#define RUNNER_REGISTERS_H

/* What the capability registers of IOMMUs say, in words. */

#include <glib.h>
#include <jansson.h>

/**
 * registers_decode() - one register
 * @name: file in sysfs, below the IOMMU: "intel-iommu/cap", "intel-iommu/ecap", "amd-iommu/cap" or "amd-iommu/features"
 * @text: its content, hexadecimal; of amd-iommu/features two numbers, the second one of the second register
 *
 * Return: fields that are set, as "CM SAGAW=39,48 MGAW=48", a new string; NULL if the register is not known or the text is no number.
 */
char *registers_decode(const char *name, const char *text);

/**
 * registers_explain() - all of a machine
 * @facts: what it says of itself; beside each "iommu.NAME.DRIVER.REGISTER" that is known comes one with ".fields" behind it
 */
void registers_explain(json_t *facts);

#endif /* RUNNER_REGISTERS_H */
