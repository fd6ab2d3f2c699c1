// SPDX-License-Identifier: GPL-2.0-or-later
/* The floor of bench/runner: spawn-floor COUNT PROGRAM ARGUMENT.. runs it that often, one after the other, and does nothing else. */
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

extern char **environ;

int main(int argc, char **argv)
{
	posix_spawn_file_actions_t actions;
	int count = argc > 2 ? atoi(argv[1]) : 0;

	if (count < 1 || posix_spawn_file_actions_init(&actions) != 0 ||
	    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0) != 0) {
		fprintf(stderr, "usage: spawn-floor COUNT PROGRAM ARGUMENT..\n");
		return 2;
	}
	for (int i = 0; i < count; i++) {
		int status;
		pid_t child;

		if (posix_spawn(&child, argv[2], &actions, NULL, argv + 2, environ) != 0 ||
		    waitpid(child, &status, 0) != child || status != 0) {
			fprintf(stderr, "spawn-floor: %s failed\n", argv[2]);
			return 1;
		}
	}
	return 0;
}
