// SPDX-License-Identifier: GPL-2.0-or-later
/* A suite of 10,000 cases that do nothing, for bench/runner. */
#include <stdio.h>
#include <string.h>

#define COUNT 10000

static int list(void)
{
	printf("{\"suite\":\"many_cases\",\"case\":\"nothing\",\"proves\":\"nothing\",\"devices\":"
	       "0,"
	       "\"params\":[{\"name\":\"thousand\",\"values\":[\"0\"");
	for (int i = 1; i < 10; i++)
		printf(",\"%d\"", i);
	printf("]},{\"name\":\"one\",\"values\":[\"0\"");
	for (int i = 1; i < COUNT / 10; i++)
		printf(",\"%d\"", i);
	printf("]}]}\n");
	return fflush(stdout) == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "--list") == 0)
		return list();
	if (argc < 3 || strcmp(argv[1], "--run") != 0)
		return 2;
	printf("KTAP version 1\n1..1\nok 1 %s\n", argv[2]);
	return fflush(stdout) == 0 ? 0 : 1;
}
