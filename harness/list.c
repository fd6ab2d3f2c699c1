// SPDX-License-Identifier: GPL-2.0-or-later
/* The list of cases, one JSON object per line: what a suite tells the planner about itself. */
#include <stdio.h>

#include "harness/case.h"

#define DEFAULT_TIMEOUT_MS 10000

static void print_string(const char *text)
{
	putchar('"');
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\')
			printf("\\%c", c);
		else if (c < 0x20)
			printf("\\u%04x", c);
		else
			putchar(c);
	}
	putchar('"');
}

static void print_strings(const char *key, const char *const *strings)
{
	printf(",\"%s\":[", key);
	for (const char *const *string = strings; string && *string; string++) {
		if (string != strings)
			putchar(',');
		print_string(*string);
	}
	putchar(']');
}

static void print_text(const char *key, const char *text)
{
	printf(",\"%s\":", key);
	print_string(text);
}

static void print_parameter(const struct parameter *parameter)
{
	printf("{\"name\":");
	print_string(parameter->name);
	print_strings("values", parameter->values);
	if (parameter->fallback)
		print_text("default", parameter->fallback);
	putchar('}');
}

static void print_case(const struct test_case *which)
{
	printf("{\"suite\":");
	print_string(suite.name);
	print_text("about", suite.about);
	print_text("case", which->name);
	print_text("proves", which->proves);
	print_text("rule", which->rule);
	print_strings("marks", which->marks);
	print_strings("needs", which->needs);
	printf(",\"devices\":%d,\"timeout_ms\":%u,\"params\":[", case_devices(which),
	       which->timeout_ms ? which->timeout_ms : DEFAULT_TIMEOUT_MS);
	for (int i = 0; i < MAX_PARAMETERS && which->parameters[i].name; i++) {
		if (i)
			putchar(',');
		print_parameter(&which->parameters[i]);
	}
	putchar(']');
	print_strings("excludes", which->excludes);
	printf("}\n");
}

int list_cases(void)
{
	for (const struct test_case *const *entry = __start_test_cases; entry < __stop_test_cases;
	     entry++)
		print_case(*entry);
	return fflush(stdout) == 0 ? EXIT_CODE_PASS : EXIT_CODE_BROKEN;
}
