// SPDX-License-Identifier: GPL-2.0-or-later
/* Files of settings. */
#include <stdint.h>

#include "runner/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *typed[] = { (char *)"run", (char *)"-b", (char *)"iommufd", NULL };
	g_autoptr(GPtrArray) settings = config_new();

	if (config_parse(settings, (const char *)data, size, "file", NULL)) {
		g_auto(GStrv) words = config_arguments(settings, "run", 3, typed);

		if (!words || g_strv_length(words) < 3)
			__builtin_trap();
	}
	return 0;
}
