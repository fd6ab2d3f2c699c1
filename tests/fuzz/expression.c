// SPDX-License-Identifier: GPL-2.0-or-later
/* -k and -m. */
#include <stdint.h>

#include "runner/expression.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static gboolean holds(const char *word, gpointer data)
{
	return *word % 2;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autofree char *text = g_strndup((const char *)data, size);

	if (expression_check(text, NULL))
		expression_matches(text, holds, NULL);
	return 0;
}
