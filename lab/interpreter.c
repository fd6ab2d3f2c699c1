/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a program needs beside itself to be started. */
#include "lab/lab.h"

#include <elf.h>
#include <string.h>

static char *of_elf(const char *data, size_t length)
{
	Elf64_Ehdr header;

	if (length < sizeof(header))
		return NULL;
	memcpy(&header, data, sizeof(header));
	for (unsigned int i = 0; i < header.e_phnum; i++) {
		uint64_t at = header.e_phoff + (uint64_t)i * sizeof(Elf64_Phdr);
		Elf64_Phdr segment;

		if (at > length || length - at < sizeof(segment))
			return NULL;
		memcpy(&segment, data + at, sizeof(segment));
		if (segment.p_type != PT_INTERP)
			continue;
		if (segment.p_offset > length || length - segment.p_offset < segment.p_filesz)
			return NULL;
		return g_strndup(data + segment.p_offset, segment.p_filesz);
	}
	return NULL;
}

char *lab_interpreter(const char *path)
{
	g_autofree char *data = NULL;
	size_t length;

	if (!g_file_get_contents(path, &data, &length, NULL))
		return NULL;
	if (length > SELFMAG && memcmp(data, ELFMAG, SELFMAG) == 0 && data[EI_CLASS] == ELFCLASS64)
		return of_elf(data, length);
	if (length > 2 && memcmp(data, "#!", 2) == 0) {
		const char *from = data + 2 + strspn(data + 2, " \t");

		return g_strndup(from, strcspn(from, " \t\n"));
	}
	return NULL;
}
