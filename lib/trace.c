// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <iommut/trace.h>

#include "lib/side_channels.h"

#define TRACING "/sys/kernel/tracing"

struct iommut_trace {
	const struct iommut_syscalls *sys;
	char folder[64];
	int fd;
	size_t start;
	size_t end;
	char data[4096];
};

static int make_instance(struct iommut_trace *trace)
{
	int ret = sys_open(trace->sys, TRACING "/instances", O_RDONLY | O_DIRECTORY, 0);

	if (ret < 0)
		return ret == -ENOENT ? -EOPNOTSUPP : ret;
	sys_close(trace->sys, ret);
	/* A process may record more than once at a time. */
	for (unsigned int i = 0; i < 1000; i++) {
		snprintf(trace->folder, sizeof(trace->folder), TRACING "/instances/iommut-%d-%u",
			 (int)getpid(), i);
		ret = sys_mkdir(trace->sys, trace->folder, 0700);
		if (ret != -EEXIST)
			return ret;
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
	return sys_write_file(trace->sys, path, "1");
}

int trace_open_on(const struct iommut_syscalls *sys, struct iommut_trace **trace,
		  const char *const *events)
{
	struct iommut_trace *new_trace = sys_calloc(sys, 1, sizeof(*new_trace));
	char path[128];
	int ret;

	if (!new_trace)
		return -ENOMEM;
	new_trace->sys = sys;
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
		new_trace->fd = sys_open(sys, path, O_RDONLY | O_NONBLOCK, 0);
		ret = new_trace->fd < 0 ? new_trace->fd : 0;
	}
	if (ret) {
		iommut_trace_close(new_trace);
		return ret;
	}
	*trace = new_trace;
	return 0;
}

int iommut_trace_open(struct iommut_trace **trace, const char *const *events)
{
	return trace_open_on(NULL, trace, events);
}

void iommut_trace_close(struct iommut_trace *trace)
{
	if (!trace)
		return;
	if (trace->fd >= 0)
		sys_close(trace->sys, trace->fd);
	sys_rmdir(trace->sys, trace->folder);
	free(trace);
}

int iommut_trace_read(struct iommut_trace *trace, char *line, size_t size, int timeout_ms)
{
	bool waited = false;

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
		got = sys_read(trace->sys, trace->fd, trace->data + trace->end,
			       sizeof(trace->data) - trace->end);
		if (got == -EAGAIN || got == 0) {
			/* Nothing although there should be: somebody switched tracing off. */
			ret = waited ? -ETIMEDOUT : sys_wait(trace->sys, trace->fd, timeout_ms);
			if (ret)
				return ret;
			waited = true;
			continue;
		}
		if (got < 0)
			return (int)got;
		trace->end += got;
	}
}
