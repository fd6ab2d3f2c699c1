/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SUITES_PARTS_H
#define SUITES_PARTS_H

/*
 * A device opened descriptor by descriptor, so that a case can close them in an order of its own. libiommut's objects keep each
 * other alive, which is what such a case must not have. The device is driven through a mapping of its registers, which is one more part.
 */

#include <iommut/backend.h>
#include <iommut/iommufd.h>
#include <iommut/pci.h>
#include <iommut/vfio.h>

#include "harness/dma.h"

struct parts {
	struct test *t;
	enum iommut_backend backend;
	int index;
	struct iommut_handle space; /* container or /dev/iommu */
	struct iommut_handle group; /* none with iommufd */
	struct iommut_handle device;
	volatile uint32_t *registers;
	volatile uint64_t *buffer; /* the device's own, only of one without a driver */
	uint32_t ioas;
};

/* Looks a device of the case up; skips for devices other than pcie-ats-testdev. */
void parts_need(struct test *t, int index, struct iommut_pci_device *pci);

/* Opens all parts, maps the registers, turns bus mastering on. Skips for devices other than pcie-ats-testdev. */
struct parts *parts_open(struct test *t, int index);

/*
 * The registers alone, without VFIO, of a device that no driver has: its DMA goes through the default domain of its group. Given back at
 * the end, with bus mastering off.
 */
struct parts *parts_open_driverless(struct test *t, int index);

/* One more descriptor of the device, where the backend has a way; closed at the end. A negative errno if it is refused. */
int parts_device_again(struct parts *parts);

/* From now on VFIO asks for the device back through an eventfd, which is closed at the end. Waits until it has asked. */
int parts_listen_for_request(struct parts *parts);
void parts_wait_for_request(struct test *t, int request);

/* Closes one part: 's'pace, 'g'roup, 'd'evice, 'r'egisters. What is closed already is passed over. */
void parts_close(struct parts *parts, char which);
void parts_close_all(struct parts *parts);

/* Maps or unmaps a page of memory. */
int parts_map(struct parts *parts, void *address, uint64_t length, uint64_t iova);

/* The device fills bytes of memory with a value. True if it saw no error. */
bool parts_fill(struct parts *parts, uint64_t iova, uint32_t length, uint64_t value);

/*
 * A device without a driver reads 8 bytes of memory: once parts_aim() has said where, and whether it shall ask for a translation
 * first (ATS), which it keeps until that is invalidated. True if it saw no error; what came is in value, or 0 if nothing did.
 */
void parts_aim(struct parts *parts, uint64_t iova, bool translated);
bool parts_read(struct parts *parts, uint64_t *value);

/* The device fills a page with a new value and memory has it. */
void parts_check(struct parts *parts, void *address, uint64_t iova, const struct place *place);
#define expect_parts_work(parts, address, iova) \
	parts_check(parts, address, iova, PLACE("the device reaches " #address))

/* The device fills a page again and again; returns once it does. */
void parts_storm(struct parts *parts, uint64_t iova, uint64_t value);

/* The device can be opened as ever, and works. */
void parts_usable(struct test *t, int index, const struct place *place);
#define expect_usable(t, index) parts_usable(t, index, PLACE("the device is usable"))

/* Memory that processes share, given back at the end: one page. */
uint8_t *shared_page(struct test *t);

/* A storm into a page writes all of it, from now on; values have no canary in their last byte. */
void check_storm_goes_on(struct test *t, uint8_t *page, const struct place *place);
#define expect_storm_goes_on(t, page) \
	check_storm_goes_on(t, page, PLACE("the device goes on writing to " #page))

/* Memory stays as it is for a while. */
void check_stays(struct test *t, const uint8_t *page, const struct place *place);
#define expect_stays(t, page) check_stays(t, page, PLACE("nothing writes to " #page))

#define PARTS_IOVA 0x10000000ull
#define PAGE       4096ull

#endif /* SUITES_PARTS_H */
