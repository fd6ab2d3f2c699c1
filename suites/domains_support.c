// SPDX-License-Identifier: GPL-2.0-or-later
/* The IOMMU group of a case's device, whose type is changed and at the end what it was. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "suites/domains.h"

/* Not a case's own: it is needed after the case has returned. */
static struct group_keeper kept;

int group_write_type(const struct group_keeper *keeper, const char *type)
{
	char path[96];

	snprintf(path, sizeof(path), "/sys/kernel/iommu_groups/%d/type", keeper->group);
	return write_setting(path, type);
}

static void put_back(void *argument)
{
	for (size_t i = 0; i < kept.count; i++)
		(void)iommut_pci_unbind(kept.members[i].name);
	(void)group_write_type(&kept, kept.type);
	for (size_t i = 0; i < kept.count; i++)
		(void)iommut_pci_restore(&kept.members[i]);
}

static void keep_member(struct test *t, const char *name)
{
	struct iommut_pci_device pci;

	expect_zero(t, iommut_pci_get(name, &pci));
	kept.group = pci.iommu_group;
	/* The driver that it has: nothing changes, and what there is is stored. */
	if (*pci.driver)
		expect_zero(t, iommut_pci_bind(name, pci.driver, &kept.members[kept.count]));
	else
		snprintf(kept.members[kept.count].name, sizeof(kept.members[0].name), "%s", name);
	kept.count++;
}

struct group_keeper *keep_group(struct test *t, const char *other)
{
	struct iommut_pci_device *members;
	size_t count;

	kept.count = 0;
	keep_member(t, test_device_name(t, 0));
	if (other)
		keep_member(t, other);
	if (iommut_pci_group_type(kept.group, kept.type, sizeof(kept.type)))
		skip(t, "the kernel shows no types of groups", "Linux 5.11 or later");
	expect_zero(t, iommut_pci_group(kept.group, &members, &count));
	free(members);
	if (count > kept.count)
		skip(t, "the group has other devices", "a device in a group of its own");
	undo_later(t, put_back, NULL);
	return &kept;
}

void change_type(struct test *t, struct group_keeper *keeper, const char *type)
{
	char now[32];
	int error;

	for (size_t i = 0; i < keeper->count; i++)
		expect_zero(t, iommut_pci_unbind(keeper->members[i].name));
	error = group_write_type(keeper, type);
	if (error == -EINVAL || error == -ENODEV || error == -EOPNOTSUPP)
		skipf(t, "an IOMMU and a device that can have such a domain",
		      "the group cannot be of type %s: %s", type, strerror(-error));
	expect_zero(t, error);
	expect_zero(t, iommut_pci_group_type(keeper->group, now, sizeof(now)));
	note(t, "group %d is of type %s after %s was written; it was %s", keeper->group, now, type,
	     keeper->type);
	if (strcmp(type, "auto") != 0)
		expect_that(t, strcmp(now, type) == 0, "the type is %s", now);
}
