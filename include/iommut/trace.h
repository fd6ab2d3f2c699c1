/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
#ifndef IOMMUT_TRACE_H
#define IOMMUT_TRACE_H

#include <iommut/types.h>

IOMMUT_BEGIN

/**
 * struct iommut_trace - some tracepoints of the kernel, recorded in an instance of their own
 */
struct iommut_trace;

/**
 * iommut_trace_open() - record tracepoints
 * @trace: where the recorder is stored
 * @events: names such as "iommu:map" or "intel_iommu:qi_submit", ended by NULL
 *
 * Makes an instance below /sys/kernel/tracing, so that nobody else's tracing is touched.
 *
 * Return: 0, -EOPNOTSUPP if the kernel has no tracing, -ENOENT if it lacks an event, -EACCES or
 * -EPERM without privilege, -ENOMEM.
 */
int iommut_trace_open(struct iommut_trace **trace, const char *const *events);

/**
 * iommut_trace_close() - stop recording and remove the instance
 * @trace: a recorder, or NULL
 */
void iommut_trace_close(struct iommut_trace *trace);

/**
 * iommut_trace_read() - the next record
 * @trace: a recorder
 * @line: where it is stored as text, without a newline; cut if too long
 * @size: of @line
 * @timeout_ms: longest wait in milliseconds; 0 only looks
 *
 * Return: 0, -ETIMEDOUT, or the error of read(2).
 */
int iommut_trace_read(struct iommut_trace *trace, char *line, size_t size, int timeout_ms);

IOMMUT_END

#endif /* IOMMUT_TRACE_H */
