// SPDX-License-Identifier: GPL-2.0-or-later
/* From the text CASE[name=value,...] to a case and the values of its parameters. */
#include <stdlib.h>
#include <string.h>

#include "harness/case.h"

int case_devices(const struct test_case *which)
{
	if (which->devices == NO_DEVICE)
		return 0;
	return which->devices ? which->devices : 1;
}

int case_parameter(const struct test_case *which, const char *name)
{
	for (int i = 0; i < MAX_PARAMETERS && which->parameters[i].name; i++)
		if (strcmp(which->parameters[i].name, name) == 0)
			return i;
	return -1;
}

bool parse_size(const char *text, uint64_t *size)
{
	char *end;
	uint64_t shift = 0;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	*size = strtoull(text, &end, 0);
	if (errno)
		return false;
	switch (*end) {
	case 'K':
		shift = 10;
		break;
	case 'M':
		shift = 20;
		break;
	case 'G':
		shift = 30;
		break;
	case 'T':
		shift = 40;
		break;
	}
	if (shift)
		end++;
	if (*end || *size > UINT64_MAX >> shift)
		return false;
	*size <<= shift;
	return true;
}

bool parse_seed(const char *text, uint64_t *seed)
{
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	*seed = strtoull(text, &end, 0);
	return !errno && !*end;
}

/* FNV-1a: spreads names over seeds; nothing depends on which hash it is. */
uint64_t hash_text(const char *text)
{
	uint64_t hash = 0xcbf29ce484222325u;

	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * 0x100000001b3u;
	return hash;
}

const struct test_case *find_case(const char *name, size_t length)
{
	for (const struct test_case *const *entry = __start_test_cases; entry < __stop_test_cases;
	     entry++)
		if (strlen((*entry)->name) == length && strncmp((*entry)->name, name, length) == 0)
			return *entry;
	return NULL;
}

static bool known_value(const struct parameter *parameter, const char *value)
{
	for (const char *const *known = parameter->values; *known; known++)
		if (strcmp(*known, value) == 0)
			return true;
	return false;
}

/* One "name=value" of the list; a value that is not listed is fine where it is a size: a user may want another one. */
static const char *take_pair(struct test *t, char *pair)
{
	char *value = strchr(pair, '=');
	uint64_t size;
	int index;

	if (!value)
		return "a parameter is not name=value";
	*value++ = '\0';
	index = case_parameter(t->which, pair);
	if (index < 0)
		return "the case has no such parameter";
	if (t->values[index])
		return "a parameter is given twice";
	if (!known_value(&t->which->parameters[index], value) &&
	    !(parse_size(t->which->parameters[index].values[0], &size) && parse_size(value, &size)))
		return "a parameter has no such value";
	t->values[index] = value;
	return NULL;
}

const char *parse_variant(struct test *t, const char *variant, char *storage, size_t size)
{
	size_t length = strcspn(variant, "[");
	const char *error;
	char *list, *pair, *rest;

	t->which = find_case(variant, length);
	if (!t->which)
		return "there is no such case";
	if (strlen(variant) >= size)
		return "the variant is too long";
	strcpy(storage, variant);
	list = storage + length;
	if (*list) {
		size_t end = strlen(list);

		if (list[end - 1] != ']')
			return "the variant does not end with ]";
		list[end - 1] = '\0';
		list++;
		for (pair = strtok_r(list, ",", &rest); pair; pair = strtok_r(NULL, ",", &rest)) {
			error = take_pair(t, pair);
			if (error)
				return error;
		}
	}
	for (int i = 0; i < MAX_PARAMETERS && t->which->parameters[i].name; i++) {
		if (!t->values[i])
			t->values[i] = t->which->parameters[i].fallback;
		if (!t->values[i])
			return "a parameter is missing";
	}
	return NULL;
}
