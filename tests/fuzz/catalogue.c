// SPDX-License-Identifier: GPL-2.0-or-later
/* A line of a suite's list, and the variants that come of it. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "runner/catalogue.h"
#include "runner/plan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MOST_VARIANTS 2000

static void visit(const struct test_case *which, const char *const *values, gpointer data)
{
	guint *count = data;
	g_autofree char *text = NULL;

	/* The product may be large: looking at some is enough here. */
	if ((*count)++ > MOST_VARIANTS)
		return;
	text = variant_text(which, "edu", values, NULL);
	if (strpbrk(text, "\n\x1b/"))
		abort();
	pattern_matches("*[*a=*", text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct test_case *which = test_case_parse((const char *)data, size, NULL);
	guint count = 0;

	if (which)
		test_case_for_each_variant(which, "edu", visit, &count);
	test_case_free(which);
	return 0;
}
