// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
#include <errno.h>
#include <string.h>

#include "lib/lines.h"

ssize_t lines_next(struct line_reader *reader, char **line)
{
	for (;;) {
		char *start = reader->data + reader->start;
		char *newline = memchr(start, '\n', reader->end - reader->start);
		ssize_t got;

		if (newline) {
			*newline = '\0';
			*line = start;
			reader->start += newline - start + 1;
			return 1;
		}
		memmove(reader->data, start, reader->end - reader->start);
		reader->end -= reader->start;
		reader->start = 0;
		if (reader->end == sizeof(reader->data))
			return -EBADMSG;
		got = sys_read(reader->sys, reader->fd, reader->data + reader->end,
			       sizeof(reader->data) - reader->end);
		if (got <= 0)
			return got;
		reader->end += got;
	}
}
