// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <iommut/trace.h>

#include "lib/syscalls.h"

#define TRACING "/sys/kernel/tracing"

struct iommut_trace {
	char folder[64];
	int fd;
	size_t start;
	size_t end;
	char data[4096];
};

static int make_instance(struct iommut_trace *trace)
{
	if (access(TRACING "/instances", F_OK))
		return errno == ENOENT ? -EOPNOTSUPP : -errno;
	/* A process may record more than once at a time. */
	for (unsigned int i = 0; i < 1000; i++) {
		snprintf(trace->folder, sizeof(trace->folder), TRACING "/instances/iommut-%d-%u",
			 (int)getpid(), i);
		if (!mkdir(trace->folder, 0700))
			return 0;
		if (errno != EEXIST)
			return -errno;
	}
	return -EEXIST;
}

static int enable(const struct iommut_trace *trace, const char *event)
{
	const char *colon = strchr(event, ':');
	char path[256];

	if (!colon)
		return -EINVAL;
	if (snprintf(path, sizeof(path), "%s/events/%.*s/%s/enable", trace->folder,
		     (int)(colon - event), event, colon + 1) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	return sys_write_file(NULL, path, "1");
}

int iommut_trace_open(struct iommut_trace **trace, const char *const *events)
{
	struct iommut_trace *new_trace = calloc(1, sizeof(*new_trace));
	char path[128];
	int ret;

	if (!new_trace)
		return -ENOMEM;
	new_trace->fd = -1;
	ret = make_instance(new_trace);
	if (ret) {
		free(new_trace);
		return ret;
	}
	for (; *events && !ret; events++)
		ret = enable(new_trace, *events);
	if (!ret) {
		snprintf(path, sizeof(path), "%s/trace_pipe", new_trace->folder);
		new_trace->fd = sys_open(NULL, path, O_RDONLY | O_NONBLOCK, 0);
		ret = new_trace->fd < 0 ? new_trace->fd : 0;
	}
	if (ret) {
		iommut_trace_close(new_trace);
		return ret;
	}
	*trace = new_trace;
	return 0;
}

void iommut_trace_close(struct iommut_trace *trace)
{
	if (!trace)
		return;
	if (trace->fd >= 0)
		sys_close(NULL, trace->fd);
	rmdir(trace->folder);
	free(trace);
}

int iommut_trace_read(struct iommut_trace *trace, char *line, size_t size, int timeout_ms)
{
	for (;;) {
		char *start = trace->data + trace->start;
		char *newline = memchr(start, '\n', trace->end - trace->start);
		ssize_t got;
		int ret;

		if (newline || trace->end - trace->start == sizeof(trace->data)) {
			size_t length =
				newline ? (size_t)(newline - start) : trace->end - trace->start;

			snprintf(line, size, "%.*s", (int)length, start);
			trace->start += length + (newline != NULL);
			return 0;
		}
		memmove(trace->data, start, trace->end - trace->start);
		trace->end -= trace->start;
		trace->start = 0;
		got = sys_read(NULL, trace->fd, trace->data + trace->end,
			       sizeof(trace->data) - trace->end);
		if (got == -EAGAIN || got == 0) {
			ret = sys_wait(NULL, trace->fd, timeout_ms);
			if (ret)
				return ret;
			timeout_ms = 0;
			continue;
		}
		if (got < 0)
			return (int)got;
		trace->end += got;
	}
}
