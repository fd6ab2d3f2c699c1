/* SPDX-License-Identifier: GPL-2.0-or-later */
/* VT-d 5.0 in scalable mode as far as a device's tests need it: chapter 9 has the structures, 6.5 the invalidation queue, 7.4 page requests, 11.4 the registers. */
#include "machine.h"

#include <string.h>

#define REGISTERS 0xfed90000ull
#define GCMD      0x18
#define GSTS      0x1c
#define RTADDR    0x20
#define FSTS      0x34
#define IQH       0x80
#define IQT       0x88
#define IQA       0x90
#define PQH       0xc0
#define PQT       0xc8
#define PQA       0xd0
#define PRS       0xdc
#define IRTA      0xb8
#define FRCD      0x220

#define ENABLE_TRANSLATION (1u << 31)
#define SET_ROOT           (1u << 30)
#define ENABLE_QUEUE       (1u << 26)
#define REMAP_INTERRUPTS   (1u << 25)
#define SET_REMAP_TABLE    (1u << 24)

#define RTADDR_SCALABLE    (1u << 10)
#define IQA_WIDE           (1u << 11) /* descriptors of 32 bytes */
#define QUEUE_SLOTS        128
#define PRESENT            1ull
#define ABSENT_INTERRUPT   0x22 /* fault reason: the table's entry is not present */
#define CONTEXT_DEVICE_TLB (1ull << 2)
#define CONTEXT_PASID      (1ull << 3)
#define CONTEXT_PRI        (1ull << 4)
#define PASID_FIRST_STAGE  (1ull << 6)
#define PASID_48_BITS      (2ull << 2) /* for second stages only, but QEMU's model wants it always */
#define PASID_DOMAIN       1
#define PAGE_WRITABLE      2ull
#define PAGE_USER          4ull
#define PAGE_ACCESSED      0x20ull
#define PAGE_DIRTY         0x40ull
#define ADDRESS            0xffffffffff000ull

#define QUEUED_REQUESTS 128 /* page requests; PQA's size field is 0 */
#define REQUEST_BYTES   32

/* Tables are above what the cases use for data. */
#define TABLES (FREE_MEMORY + FREE_BYTES)

uint64_t vtd_page(struct vtd *vtd)
{
	uint64_t page = vtd->free;

	vtd->free += 4096;
	qtest_fill(vtd->qtest, page, 4096, 0);
	return page;
}

static uint64_t load(const struct vtd *vtd, uint64_t address)
{
	return qtest_read(vtd->qtest, address, 8);
}

static void store(const struct vtd *vtd, uint64_t address, uint64_t value)
{
	qtest_write(vtd->qtest, address, 8, value);
}

/* The page an entry points to; one is made if there is none. */
static uint64_t below(struct vtd *vtd, uint64_t entry, uint64_t bits)
{
	uint64_t value = load(vtd, entry);

	if (!(value & PRESENT)) {
		value = vtd_page(vtd) | bits | PRESENT;
		store(vtd, entry, value);
	}
	return value & ADDRESS;
}

static void command(const struct vtd *vtd, uint32_t bit)
{
	uint32_t status =
		qtest_read(vtd->qtest, REGISTERS + GSTS, 4) & (ENABLE_TRANSLATION | ENABLE_QUEUE);

	qtest_write(vtd->qtest, REGISTERS + GCMD, 4, status | bit);
	g_assert_cmphex(qtest_read(vtd->qtest, REGISTERS + GSTS, 4) & bit, ==, bit);
}

/* One descriptor, done when this returns: QEMU's model works in the write of the tail. */
static void invalidate(struct vtd *vtd, uint64_t low, uint64_t high)
{
	uint64_t slot = vtd->queue + 32 * vtd->tail;

	store(vtd, slot, low);
	store(vtd, slot + 8, high);
	store(vtd, slot + 16, 0);
	store(vtd, slot + 24, 0);
	vtd->tail = (vtd->tail + 1) % QUEUE_SLOTS;
	qtest_write(vtd->qtest, REGISTERS + IQT, 4, vtd->tail * 32);
	g_assert_cmpuint(qtest_read(vtd->qtest, REGISTERS + IQH, 4), ==, vtd->tail * 32);
}

void vtd_invalidate(struct vtd *vtd)
{
	invalidate(vtd, 0x1 | 1 << 4, 0); /* contexts, globally */
	invalidate(vtd, 0x7 | 3 << 4, 0); /* PASID cache, globally */
	invalidate(vtd, 0x2 | 1 << 4, 0); /* IOTLB, globally */
}

void vtd_start(struct vtd *vtd, struct qtest *qtest)
{
	/* A queue ends with a wait, or QEMU's model does not let it be turned off. */
	if (vtd->queue)
		invalidate(vtd, 0x5 | 1 << 6, 0);
	*vtd = (struct vtd){ .qtest = qtest, .free = TABLES };
	qtest_write(qtest, REGISTERS + GCMD, 4, 0);
	vtd->root = vtd_page(vtd);
	vtd->queue = vtd_page(vtd);
	vtd->requests = vtd_page(vtd);
	store(vtd, REGISTERS + RTADDR, vtd->root | RTADDR_SCALABLE);
	command(vtd, SET_ROOT);
	store(vtd, REGISTERS + IQA, vtd->queue | IQA_WIDE);
	qtest_write(qtest, REGISTERS + IQT, 4, 0);
	command(vtd, ENABLE_QUEUE);
	store(vtd, REGISTERS + PQA, vtd->requests);
	vtd->requests_head = qtest_read(qtest, REGISTERS + PQT, 4) / REQUEST_BYTES;
	store(vtd, REGISTERS + PQH, vtd->requests_head * REQUEST_BYTES);
	qtest_write(qtest, REGISTERS + PRS, 4, 3); /* written back they are clear */
	command(vtd, ENABLE_TRANSLATION);
	vtd_invalidate(vtd);
}

static uint16_t source(const struct function *function)
{
	return function->bus << 8 | function->devfn;
}

void vtd_invalidate_device(struct vtd *vtd, const struct function *function, uint32_t pasid,
			   uint64_t iova, uint64_t pages)
{
	/* 6.5.2.5: the lowest clear bit above bit 11 says how many pages. */
	uint64_t address = pages > 1 ? iova | ((pages / 2 - 1) << 12) : iova;

	if (pasid == TESTDEV_NO_PASID)
		invalidate(vtd, 0x3 | (uint64_t)source(function) << 32, address | (pages > 1));
	else
		invalidate(vtd, 0x8 | (uint64_t)source(function) << 16 | (uint64_t)pasid << 32,
			   address | (uint64_t)(pages > 1) << 11);
}

/* Where a function's scalable-mode context entry is; half of a root entry has 128 of them. */
static uint64_t context(struct vtd *vtd, const struct function *function)
{
	uint64_t half = vtd->root + 16 * function->bus + (function->devfn & 0x80 ? 8 : 0);

	return below(vtd, half, 0) + 32 * (function->devfn & 0x7f);
}

static uint64_t pasid_entry(struct vtd *vtd, const struct function *function, uint32_t pasid)
{
	uint64_t directory = load(vtd, context(vtd, function)) & ADDRESS;

	g_assert_cmpuint(pasid, <, 64 * 128);
	return below(vtd, directory + 8 * (pasid / 64), 0) + 64 * (pasid % 64);
}

void vtd_attach_pasid(struct vtd *vtd, const struct function *function, uint32_t pasid)
{
	uint64_t entry = pasid_entry(vtd, function, pasid);

	store(vtd, entry + 8, PASID_DOMAIN);
	store(vtd, entry + 16, vtd_page(vtd));
	store(vtd, entry, PASID_FIRST_STAGE | PASID_48_BITS | PRESENT);
	vtd_invalidate(vtd);
}

void vtd_attach(struct vtd *vtd, const struct function *function)
{
	uint64_t entry = context(vtd, function);

	store(vtd, entry + 8, RID_PASID);
	store(vtd, entry,
	      vtd_page(vtd) | CONTEXT_PRI | CONTEXT_PASID | CONTEXT_DEVICE_TLB | PRESENT);
	vtd_attach_pasid(vtd, function, RID_PASID);
}

static uint64_t leaf(struct vtd *vtd, const struct function *function, uint32_t pasid,
		     uint64_t iova)
{
	uint64_t table;

	if (pasid == TESTDEV_NO_PASID)
		pasid = RID_PASID;
	table = load(vtd, pasid_entry(vtd, function, pasid) + 16) & ADDRESS;
	for (unsigned int shift = 39; shift > 12; shift -= 9)
		table = below(vtd, table + 8 * (iova >> shift & 511),
			      PAGE_WRITABLE | PAGE_USER | PAGE_ACCESSED);
	return table + 8 * (iova >> 12 & 511);
}

void vtd_map(struct vtd *vtd, const struct function *function, uint32_t pasid, uint64_t iova,
	     uint64_t address, bool writable)
{
	store(vtd, leaf(vtd, function, pasid, iova),
	      address | (writable ? PAGE_WRITABLE : 0) | PAGE_USER | PAGE_ACCESSED | PAGE_DIRTY |
		      PRESENT);
}

void vtd_unmap(struct vtd *vtd, const struct function *function, uint32_t pasid, uint64_t iova)
{
	store(vtd, leaf(vtd, function, pasid, iova), 0);
	invalidate(vtd, 0x2 | 1 << 4, 0);
}

bool vtd_page_request(struct vtd *vtd, struct page_request *request)
{
	uint64_t head = vtd->requests + REQUEST_BYTES * vtd->requests_head;
	uint64_t low, high;

	if (qtest_read(vtd->qtest, REGISTERS + PQT, 4) == vtd->requests_head * REQUEST_BYTES)
		return false;
	low = load(vtd, head);
	high = load(vtd, head + 8);
	*request = (struct page_request){
		.pasid = low & 1 << 8 ? low >> 32 & 0xfffff : TESTDEV_NO_PASID,
		.source = low >> 16 & 0xffff,
		.execute = low >> 52 & 1,
		.privileged = low >> 53 & 1,
		.read = high & 1,
		.write = high >> 1 & 1,
		.last = high >> 2 & 1,
		.group = high >> 3 & 0x1ff,
		.address = high & ~0xfffull,
	};
	vtd->requests_head = (vtd->requests_head + 1) % QUEUED_REQUESTS;
	store(vtd, REGISTERS + PQH, vtd->requests_head * REQUEST_BYTES);
	return true;
}

void vtd_respond(struct vtd *vtd, const struct page_request *request, unsigned int code)
{
	bool with = request->pasid != TESTDEV_NO_PASID;

	invalidate(vtd,
		   0x9 | (uint64_t)with << 4 | (uint64_t)code << 12 |
			   (uint64_t)request->source << 16 |
			   (uint64_t)(with ? request->pasid : 0) << 32,
		   (uint64_t)request->group << 3);
}

static bool take_fault(struct vtd *vtd, uint64_t *low, uint64_t *high)
{
	uint32_t status = qtest_read(vtd->qtest, REGISTERS + FSTS, 4);

	if (!(status & 2))
		return false;
	*low = load(vtd, REGISTERS + FRCD);
	*high = load(vtd, REGISTERS + FRCD + 8);
	/* Written back they are clear: the fault, then an overflow after it. */
	qtest_write(vtd->qtest, REGISTERS + FRCD + 12, 4, 1u << 31);
	qtest_write(vtd->qtest, REGISTERS + FSTS, 4, 1);
	return true;
}

bool vtd_fault(struct vtd *vtd, uint64_t *address)
{
	uint64_t low, high;

	if (!take_fault(vtd, &low, &high))
		return false;
	*address = low & ~0xfffull;
	return true;
}

void vtd_remap_interrupts(struct vtd *vtd)
{
	store(vtd, REGISTERS + IRTA, vtd_page(vtd));
	command(vtd, SET_REMAP_TABLE);
	command(vtd, REMAP_INTERRUPTS);
}

bool vtd_refused_interrupt(struct vtd *vtd, uint16_t *source)
{
	uint64_t low, high;

	if (!take_fault(vtd, &low, &high))
		return false;
	g_assert_cmphex(high >> 32 & 0xff, ==, ABSENT_INTERRUPT);
	*source = high;
	return true;
}
