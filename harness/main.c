// SPDX-License-Identifier: GPL-2.0-or-later
/* The command line of every suite: docs/architecture.md, "The suite's command line". */
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <iommut/guard.h>

#include "harness/case.h"

static int usage(const char *program, const char *problem, const char *value)
{
	if (problem)
		fprintf(stderr, "%s: %s: %s\n", program, problem, value);
	fprintf(stderr,
		"usage: %s --list\n"
		"       %s --run 'CASE[name=value,...]' [--engine NAME] [--device BDF]... [--seed "
		"N]\n",
		program, program);
	return EXIT_CODE_USAGE;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "list", no_argument, NULL, 'l' },
		{ "run", required_argument, NULL, 'r' },
		{ "engine", required_argument, NULL, 'e' },
		{ "device", required_argument, NULL, 'd' },
		{ "seed", required_argument, NULL, 's' },
		{ NULL, 0, NULL, 0 },
	};
	static struct test test;
	static char storage[MAX_VARIANT];
	const char *error;
	bool list = false;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'l':
			list = true;
			break;
		case 'r':
			test.variant = optarg;
			break;
		case 'e':
			test.engine = optarg;
			break;
		case 'd':
			if (test.device_count == MAX_DEVICES)
				return usage(argv[0], "too many devices", optarg);
			test.devices[test.device_count++] = optarg;
			break;
		case 's':
			if (!parse_seed(optarg, &test.seed))
				return usage(argv[0], "not a number", optarg);
			break;
		default:
			return usage(argv[0], NULL, NULL);
		}
	}
	if (optind != argc)
		return usage(argv[0], "unexpected argument", argv[optind]);
	if (list)
		return test.variant ? usage(argv[0], "either --list or --run", test.variant)
				    : list_cases();
	if (!test.variant)
		return usage(argv[0], NULL, NULL);
	error = parse_variant(&test, test.variant, storage, sizeof(storage));
	if (error)
		return usage(argv[0], error, test.variant);
	if (test.device_count < case_devices(test.which))
		return usage(argv[0], "the case needs more devices", test.variant);

	test.process = getpid();
	test.random = test.seed ^ hash_text(test.variant);
	watch_log(&test);
	test.belongings = note_belongings();
	printf("KTAP version 1\n1..1\n");
	fflush(stdout);
	/* A device that vanishes under a case is for the case to judge: engines see it by its all-ones. */
	if (iommut_guard_begin())
		fail(&test, "no handler of SIGBUS");
	test.which->run(&test);
	case_end(&test, EXIT_CODE_PASS, NULL);
}
