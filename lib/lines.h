/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
#ifndef LIB_LINES_H
#define LIB_LINES_H

#include "lib/syscalls.h"

/* Reads a file line by line: some of the kernel's are far larger than a buffer. */
struct line_reader {
	const struct iommut_syscalls *sys;
	int fd;
	size_t start;
	size_t end;
	char data[4096];
};

/**
 * lines_next() - the next line
 * @reader: with @sys and @fd set, the rest 0 at first
 * @line: where it is stored, valid until the next call
 *
 * Return: 1; 0 at the end of the file, where a line without a newline is dropped; -EBADMSG for a
 * line that is too long; or the error of read(2).
 */
ssize_t lines_next(struct line_reader *reader, char **line);

#endif /* LIB_LINES_H */
