/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef RUNNER_PROVOKED_H
#define RUNNER_PROVOKED_H

/*
 * What a case says of the faults that it provokes, against what an IOMMU driver reports. docs/architecture.md, "The suite's command
 * line", has the words. Pure: no files, no clock, no machine.
 */

#include <glib.h>

/* What a report tells of the PASID, beside a number. */
#define PASID_UNKNOWN (-1)
#define PASID_NONE    (-2)
#define PASID_ANY     (-3)

enum fault_kind {
	FAULT_OF_DMA,
	FAULT_OF_INTERRUPT,
	FAULT_OF_PAGE_REQUEST,
	FAULT_OVERFLOW, /* reports were lost in hardware */
	FAULT_OTHER,
};

/**
 * struct reported_fault - what the kernel says of a fault; what it does not tell is in no way compared
 * @kind: what it is
 * @requester: "DDDD:BB:DD.F", "BB:DD.F" from a driver that does not tell the domain, "unknown"
 * @has_address: the report has one
 * @address: the I/O virtual address
 * @reads: the device wanted to read
 * @writes: the device wanted to write; without either the report does not tell
 * @pasid: a number, PASID_UNKNOWN or PASID_NONE
 * @sequence: number of the line in the kernel's log; 0 if it is not known
 */
struct reported_fault {
	enum fault_kind kind;
	const char *requester;
	gboolean has_address;
	guint64 address;
	gboolean reads;
	gboolean writes;
	gint64 pasid;
	guint64 sequence;
};

/* What one case has said until now. */
struct provoked;

struct provoked *provoked_new(void);
void provoked_free(struct provoked *provoked);

/**
 * provoked_read() - take what a case has said since the last call
 * @provoked: what it has said before
 * @output: all of its stdout until now, the same as before and what has come since
 * @length: bytes
 *
 * A line that is not as it has to be says nothing, so that it covers nothing.
 */
void provoked_read(struct provoked *provoked, const char *output, gsize length);

/**
 * provoked_covers() - whether the case has said that it provokes this
 * @provoked: what it has said
 * @fault: what was reported
 *
 * Addresses are compared by pages of 4 KiB: that is how exact reports are. A report of lost reports is covered by anything.
 */
gboolean provoked_covers(const struct provoked *provoked, const struct reported_fault *fault);

/**
 * provoked_requester_is() - whether a report's requester is the function with this address
 * @requester: as in struct reported_fault
 * @device: "DDDD:BB:DD.F"
 */
gboolean provoked_requester_is(const char *requester, const char *device);

#endif /* RUNNER_PROVOKED_H */
