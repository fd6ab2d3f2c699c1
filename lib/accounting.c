// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>

#include "lib/lines.h"
#include "lib/side_channels.h"

int accounting_get_on(const struct iommut_syscalls *sys, struct iommut_accounting *accounting)
{
	struct line_reader reader = { .sys = sys };
	struct iommut_accounting found = { 0 };
	unsigned long long kilobytes;
	unsigned int lines = 0;
	struct rlimit limit;
	char *line;
	ssize_t ret;

	/* It cannot fail: the limit exists, and so does the structure. */
	getrlimit(RLIMIT_MEMLOCK, &limit);
	found.locked_limit = limit.rlim_cur == RLIM_INFINITY ? UINT64_MAX : limit.rlim_cur;
	reader.fd = sys_open(sys, "/proc/self/status", O_RDONLY, 0);
	if (reader.fd < 0)
		return reader.fd;
	while ((ret = lines_next(&reader, &line)) > 0) {
		if (sscanf(line, "VmPin: %llu kB", &kilobytes) == 1) {
			found.pinned = kilobytes << 10;
			lines++;
		} else if (sscanf(line, "VmLck: %llu kB", &kilobytes) == 1) {
			found.locked = kilobytes << 10;
			lines++;
		}
	}
	sys_close(sys, reader.fd);
	if (ret < 0)
		return (int)ret;
	if (lines != 2)
		return -EBADMSG;
	*accounting = found;
	return 0;
}

int iommut_accounting_get(struct iommut_accounting *accounting)
{
	return accounting_get_on(NULL, accounting);
}
