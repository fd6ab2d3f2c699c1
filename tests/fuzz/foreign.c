// SPDX-License-Identifier: GPL-2.0-or-later
/* Descriptions of tests of others, and the words of the processes that come of them. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "runner/foreign.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const devices[] = { "0000:01:00.0", "0000:02:00.0", NULL };
	static const struct foreign_call call = { .devices = devices, .part = "one", .seed = 1 };
	GPtrArray *cases = g_ptr_array_new_with_free_func((GDestroyNotify)test_case_free);
	GPtrArray *programs = foreign_new();
	GPtrArray *files;
	GError *error = NULL;

	if (!foreign_parse(programs, (const char *)data, size, "/there", &error)) {
		if (!error || !g_utf8_validate(error->message, -1, NULL) ||
		    strpbrk(error->message, "\x1b\x07"))
			abort();
		g_clear_error(&error);
		g_ptr_array_set_size(programs, 0);
	}
	foreign_add_cases(cases, programs, NULL);
	files = foreign_files(programs);
	for (guint i = 0; i < files->len; i++)
		if (strstr(((struct foreign_file *)files->pdata[i])->to, "..") ==
		    ((struct foreign_file *)files->pdata[i])->to)
			abort();
	for (guint i = 0; i < programs->len; i++) {
		char **words = foreign_arguments(programs->pdata[i], &call);
		char **settings = foreign_environment(programs->pdata[i], &call);

		for (char **setting = settings; *setting; setting++)
			if (!strchr(*setting, '='))
				abort();
		foreign_allows(programs->pdata[i], "WARNING: a line of the kernel log");
		g_strfreev(words);
		g_strfreev(settings);
	}
	g_ptr_array_unref(files);
	g_ptr_array_unref(cases);
	g_ptr_array_unref(programs);
	return 0;
}
