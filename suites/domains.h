/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SUITES_DOMAINS_H
#define SUITES_DOMAINS_H

/* The IOMMU group of a case's device, whose type is changed and at the end what it was. */

#include <iommut/pci.h>

#include "suites/parts.h"

#define RULE_TYPE "ABI sysfs-kernel-iommu_groups: type"

/* What the case has to leave as it was: the type of the group, and its devices with their drivers. */
struct group_keeper {
	int group;
	char type[32];
	size_t count;
	struct iommut_pci_binding members[2];
};

/* Of the case's first device, and of another that shares its group if there is a name; skips if the group has other devices than these. */
struct group_keeper *keep_group(struct test *t, const char *other);

/* Writes a type of the group as it is. A negative errno if it is refused. */
int group_write_type(const struct group_keeper *keeper, const char *type);

/* The group gets a type, and its devices no drivers; skips for a type that the IOMMU has not. */
void change_type(struct test *t, struct group_keeper *keeper, const char *type);

#endif /* SUITES_DOMAINS_H */
