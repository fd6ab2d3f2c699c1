/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
#ifndef IOMMUT_GUARD_H
#define IOMMUT_GUARD_H

#include <iommut/types.h>

IOMMUT_BEGIN

/**
 * iommut_guard_begin() - let accesses to mapped regions end as on the bus
 *
 * The kernel raises SIGBUS when a mapping of iommut_region_map() is used while the function is
 * unplugged, in a reset, or has its memory decoding switched off. From this call on, such a read
 * yields ones, as it does on the bus, and such a write goes nowhere: the page is replaced by one of
 * ones, and stays so until the region is unmapped; iommut_guard_lost() tells. Engines and drivers
 * that take all-ones for a device that is gone so need nothing else.
 *
 * This is the one thing of the library that belongs to the process as a whole: it installs a
 * handler of SIGBUS. Signals that are about other addresses go to the handler that was there before.
 *
 * Return: 0, -EALREADY if it has begun, or the error of sigaction(2).
 */
int iommut_guard_begin(void);

/**
 * iommut_guard_end() - leave SIGBUS to the handler that was there before
 *
 * Does nothing if iommut_guard_begin() was not called.
 */
void iommut_guard_end(void);

/**
 * iommut_guard_lost() - whether a mapping of a region has lost a page
 * @address: anywhere in what iommut_region_map() returned
 *
 * Unmapping and mapping again lets the device be reached again, if it is there.
 *
 * Return: true if an access to it would have been a SIGBUS.
 */
bool iommut_guard_lost(const void *address);

IOMMUT_END

#endif /* IOMMUT_GUARD_H */
