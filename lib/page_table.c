// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include <iommut/pci.h>

#include "lib/lines.h"
#include "lib/side_channels.h"

#define INTEL "/sys/kernel/debug/iommu/intel"
#define AMD   "/sys/kernel/debug/iommu/amd"

int iommut_page_table_supported(void)
{
	int fd = sys_open(NULL, INTEL, O_RDONLY | O_DIRECTORY, 0);

	if (fd == -ENOENT)
		return -EOPNOTSUPP;
	if (fd < 0)
		return fd;
	return sys_close(NULL, fd);
}

/*
 * "0x%013lx |\t0x%016llx\t..." with the page frame and the entries of levels 5 to 1, where those of
 * the two lowest levels are left out if they are 0. VT-d's levels cover 9 bits each, above 12 of
 * offset.
 */
static int parse_leaf(const char *line, struct iommut_leaf *leaf)
{
	unsigned long long frame, entries[5] = { 0 };
	unsigned int level = 5;

	if (sscanf(line, "%llx | %llx %llx %llx %llx %llx", &frame, &entries[0], &entries[1],
		   &entries[2], &entries[3], &entries[4]) < 4)
		return -EBADMSG;
	for (unsigned int i = 0; i < 5; i++)
		if (entries[i])
			level = 5 - i;
	if (!entries[5 - level])
		return -EBADMSG;
	leaf->iova = frame << 12;
	leaf->size = 1ull << (12 + 9 * (level - 1));
	leaf->entry = entries[5 - level];
	return 0;
}

int page_table_leaf_on(const struct iommut_syscalls *sys, const char *bdf, uint32_t pasid,
		       uint64_t iova, struct iommut_leaf *leaf)
{
	struct line_reader reader = { .sys = sys };
	struct iommut_bdf address;
	struct iommut_leaf found;
	bool table = false;
	char path[128], name[24], *line;
	ssize_t ret;

	if (iommut_bdf_parse(bdf, &address))
		return -EINVAL;
	iommut_bdf_format(&address, name, sizeof(name));
	if (pasid == IOMMUT_NO_PASID)
		snprintf(path, sizeof(path), INTEL "/%s/domain_translation_struct", name);
	else
		snprintf(path, sizeof(path), INTEL "/%s/%x/domain_translation_struct", name, pasid);
	reader.fd = sys_open(sys, path, O_RDONLY, 0);
	if (reader.fd < 0)
		return reader.fd == -ENOENT ? -EOPNOTSUPP : reader.fd;
	while ((ret = lines_next(&reader, &line)) > 0) {
		if (line[0] != '0' || line[1] != 'x') {
			/* "Device ... @0x...", and the names of the columns. */
			table = true;
			continue;
		}
		ret = parse_leaf(line, &found);
		if (ret)
			break;
		if (iova >= found.iova && iova - found.iova < found.size) {
			*leaf = found;
			sys_close(sys, reader.fd);
			return 0;
		}
	}
	sys_close(sys, reader.fd);
	if (ret)
		return (int)ret;
	return table ? -ENOENT : -ENODEV;
}

int iommut_page_table_leaf(const char *bdf, uint32_t pasid, uint64_t iova, struct iommut_leaf *leaf)
{
	return page_table_leaf_on(NULL, bdf, pasid, iova, leaf);
}

static void decode_entry(struct iommut_amd_entry *entry)
{
	uint64_t word = entry->words[0];

	entry->valid = word & 1;
	entry->translated = word >> 1 & 1;
	entry->levels = word >> 9 & 7;
	entry->root = word & 0x000ffffffffff000ull;
	entry->domain = entry->words[1] & 0xffff;
	entry->access = (word >> 61 & 1 ? IOMMUT_READ : 0) | (word >> 62 & 1 ? IOMMUT_WRITE : 0);
}

int amd_entry_get_on(const struct iommut_syscalls *sys, const char *bdf,
		     struct iommut_amd_entry *entry)
{
	struct line_reader reader = { .sys = sys };
	struct iommut_amd_entry found = { 0 };
	unsigned long long words[4];
	struct iommut_bdf address;
	char name[24], who[24], *line;
	ssize_t ret;
	int error;

	if (iommut_bdf_parse(bdf, &address))
		return -EINVAL;
	iommut_bdf_format(&address, name, sizeof(name));
	/* A device that is behind no AMD IOMMU is not taken. */
	error = sys_write_file(sys, AMD "/devid", name);
	if (error)
		return error == -ENOENT ? -EOPNOTSUPP : error == -EINVAL ? -ENODEV : error;
	reader.fd = sys_open(sys, AMD "/devtbl", O_RDONLY, 0);
	if (reader.fd < 0)
		return reader.fd == -ENOENT ? -EOPNOTSUPP : reader.fd;
	/* The names of the columns, then one line with the highest quadword first. */
	while ((ret = lines_next(&reader, &line)) > 0) {
		if (sscanf(line, "%23s %llx %llx %llx %llx", who, &words[3], &words[2], &words[1],
			   &words[0]) != 5 ||
		    strcmp(who, name))
			continue;
		for (int i = 0; i < 4; i++)
			found.words[i] = words[i];
		break;
	}
	sys_close(sys, reader.fd);
	if (ret <= 0)
		return ret ? (int)ret : -EBADMSG;
	decode_entry(&found);
	*entry = found;
	return 0;
}

int iommut_amd_entry_get(const char *bdf, struct iommut_amd_entry *entry)
{
	return amd_entry_get_on(NULL, bdf, entry);
}
