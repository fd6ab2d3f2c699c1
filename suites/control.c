// SPDX-License-Identifier: GPL-2.0-or-later
/* Requests to the controlling side. */
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "suites/control.h"

/* Longer than the lab waits for the guest to let go of a device. */
#define DEADLINE_MS 8000

bool control_request(const char *line, char *answer, size_t size)
{
	const char *number = getenv("IOMMUT_CONTROL_FD");
	struct pollfd wait = { .events = POLLIN };
	size_t length = 0;

	if (!number) {
		snprintf(answer, size, "nobody is there");
		return false;
	}
	wait.fd = atoi(number);
	if (send(wait.fd, line, strlen(line), MSG_NOSIGNAL) != (ssize_t)strlen(line) ||
	    send(wait.fd, "\n", 1, MSG_NOSIGNAL) != 1) {
		snprintf(answer, size, "it takes no questions: %s", strerror(errno));
		return false;
	}
	/* One line comes back. */
	do {
		if (poll(&wait, 1, DEADLINE_MS) != 1 || recv(wait.fd, answer + length, 1, 0) != 1) {
			snprintf(answer, size, "no answer within %d ms", DEADLINE_MS);
			return false;
		}
	} while (answer[length++] != '\n' && length < size);
	answer[length - 1] = '\0';
	return strncmp(answer, "ok", 2) == 0;
}

void control_ask(struct test *t, const char *format, ...)
{
	char line[256], answer[256];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	if (!control_request(line, answer, sizeof(answer)))
		skipf(t, "a run in the lab, whose machine can be changed", "asked to %s: %s", line,
		      answer);
}
