// SPDX-License-Identifier: GPL-2.0-or-later
/* Lines of the kernel log, of which a device under test decides a part: one input is several lines. */
#include <stdlib.h>
#include <string.h>

#include <iommut/fault.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct iommut_fault_parser parser = { 0 };
	struct iommut_fault fault;
	char *text = malloc(size + 1), *line, *rest;
	char words[400];

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		if (!iommut_fault_feed(&parser, line, &fault))
			continue;
		if (strlen(fault.text) >= sizeof(fault.text) || fault.bdf.device > 31 ||
		    fault.bdf.function > 7)
			abort();
		iommut_fault_format(&fault, words, sizeof(words));
	}
	free(text);
	return 0;
}
