/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HARNESS_DMA_H
#define HARNESS_DMA_H

/*
 * Devices, mapped memory and DMA for cases. Everything made here is given back when the case ends.
 */

#include <engines/engine.h>
#include <harness/harness.h>
#include <iommut/device.h>
#include <iommut/fault.h>
#include <iommut/iova.h>
#include <iommut/memory.h>
#include <iommut/space.h>

/**
 * struct rig - a device with its engine in an address space
 * @t: the case it belongs to
 * @space: the address space
 * @device: the device
 * @engine: its engine, with staging memory mapped if it needs some
 * @iova: allocator of IOVAs that the space can map and the device can send
 * @staging: memory of the engine's own, mapped in the space; NULL if it needs none
 * @owns_space: the space goes with the rig
 * @closed: given back already
 */
struct rig {
	struct test *t;
	struct iommut_space *space;
	struct iommut_device *device;
	struct engine engine;
	struct iommut_iova *iova;
	struct iommut_memory *staging;
	bool owns_space;
	bool closed;
};

/**
 * rig_open() - open the case's device in a new address space of the variant's backend
 * @t: the test; its parameter "backend" counts, iommufd without it
 *
 * Skips where the kernel has no such backend, naming the configuration symbol.
 *
 * Return: the rig.
 */
struct rig *rig_open(struct test *t);

/**
 * rig_open_in() - open a device in a given address space
 * @t: the test
 * @space: the space; NULL makes a new one
 * @index: which of the case's devices
 * @options: as for iommut_device_open_with(); NULL for none. A detached device gets no staging memory and no allocator.
 *
 * Return: the rig.
 */
struct rig *rig_open_in(struct test *t, struct iommut_space *space, int index,
			const struct iommut_device_options *options);

/**
 * rig_open_function() - open a function that the runner did not choose, such as a virtual one of the case's device
 * @t: the test
 * @space: the space; NULL makes a new one
 * @name: "DDDD:BB:DD.F", bound to a VFIO driver
 * @options: as for rig_open_in()
 *
 * Return: the rig.
 */
struct rig *rig_open_function(struct test *t, struct iommut_space *space, const char *name,
			      const struct iommut_device_options *options);

/**
 * need_groups_apart() - skip if two functions share an IOMMU group
 * @t: the test
 * @first: "DDDD:BB:DD.F"
 * @second: another one
 */
void need_groups_apart(struct test *t, const char *first, const char *second);

/**
 * need_reset() - skip if the kernel has no way to reset the device
 * @rig: of the device
 */
void need_reset(struct rig *rig);

/**
 * need_own_group() - skip if a function shares its IOMMU group with others
 * @t: the test
 * @name: "DDDD:BB:DD.F"
 */
void need_own_group(struct test *t, const char *name);

/**
 * rig_open_space() - an address space of the variant's backend, given back at the end
 * @t: the test
 *
 * Return: the space.
 */
struct iommut_space *rig_open_space(struct test *t);

/**
 * rig_stage() - map staging memory for the engine where the device now looks, if it needs some
 * @rig: a rig that was opened detached
 */
void rig_stage(struct rig *rig);

/**
 * rig_close() - give engine, device, allocator and space back, before the case ends
 * @rig: a rig
 */
void rig_close(struct rig *rig);

/**
 * need() - skip unless the engine can do something
 * @rig: a rig
 * @capabilities: enum engine_capability bits, all needed
 */
void need(struct rig *rig, uint32_t capabilities);

/**
 * skip_unless_write_only() - skip where "write only" cannot be expressed
 * @rig: a rig
 *
 * First-stage page tables of VT-d, SMMUv3 and RISC-V have no bit that forbids reading: a mapping for writing is readable there.
 */
void skip_unless_write_only(struct rig *rig);

/**
 * struct dma_buffer - memory that a device can reach
 * @rig: whose
 * @memory: what stands behind it
 * @data: first byte for the CPU
 * @iova: first byte for the device
 * @length: bytes
 * @access: enum iommut_access bits it was mapped with
 * @mapped: false once unmapped
 */
struct dma_buffer {
	struct rig *rig;
	struct iommut_memory *memory;
	uint8_t *data;
	uint64_t iova;
	size_t length;
	uint32_t access;
	bool mapped;
};

/**
 * struct buffer_options - how memory is mapped
 * @kind: what stands behind it
 * @access: 0 is reading and writing
 * @iova: where, if @fixed
 * @fixed: @iova counts
 * @alignment: of the IOVA in bytes; 0 is the page size of the memory
 */
struct buffer_options {
	enum iommut_memory_kind kind;
	uint32_t access;
	uint64_t iova;
	bool fixed;
	uint64_t alignment;
};

/**
 * map_buffer() - map anonymous memory for reading and writing at a free IOVA
 * @rig: a rig
 * @length: bytes, rounded up to pages
 *
 * Return: the buffer, filled with zeros.
 */
struct dma_buffer *map_buffer(struct rig *rig, size_t length);

/**
 * map_buffer_with() - map memory, with options
 * @rig: a rig
 * @length: bytes, rounded up to pages
 * @options: how; NULL for none
 *
 * Skips if the machine lacks memory of the kind (hugetlb).
 *
 * Return: the buffer, filled with zeros.
 */
struct dma_buffer *map_buffer_with(struct rig *rig, size_t length,
				   const struct buffer_options *options);

/**
 * make_buffer() - memory and an IOVA for it, not mapped
 * @rig: a rig
 * @length: bytes, rounded up to pages
 * @options: how; NULL for none
 *
 * Return: the buffer.
 */
struct dma_buffer *make_buffer(struct rig *rig, size_t length,
			       const struct buffer_options *options);

/**
 * map_again() - map a buffer that is not mapped at its IOVA
 * @buffer: the buffer
 * @access: enum iommut_access bits
 */
void map_again(struct dma_buffer *buffer, uint32_t access);

/**
 * unmap_buffer() - unmap a buffer; its memory stays
 * @buffer: the buffer
 */
void unmap_buffer(struct dma_buffer *buffer);

/**
 * free_iova() - an IOVA that can be mapped and is not
 * @rig: a rig
 * @length: bytes that stay free
 *
 * Return: the IOVA.
 */
uint64_t free_iova(struct rig *rig, uint64_t length);

/**
 * random_bytes() - bytes that are in no other place, given back when the case ends
 * @t: the test
 * @length: how many
 */
uint8_t *random_bytes(struct test *t, size_t length);

#define CANARY 0xc5

/**
 * fill_canary() - fill a buffer with the canary byte
 * @buffer: the buffer
 */
void fill_canary(struct dma_buffer *buffer);

void check_canary(struct dma_buffer *buffer, size_t offset, size_t length,
		  const struct place *place);
void check_bytes(struct test *t, const void *actual, const void *expected, size_t length,
		 const struct place *place);
void check_write(struct rig *rig, uint64_t iova, const void *data, size_t length,
		 const struct place *place);
void check_read(struct rig *rig, uint64_t iova, void *data, size_t length,
		const struct place *place);
void check_write_blocked(struct rig *rig, uint64_t iova, size_t length, const struct place *place);
void check_read_blocked(struct rig *rig, uint64_t iova, const void *secret, size_t length,
			const struct place *place);
void check_transfer(struct rig *rig, const struct engine_transfer *transfer,
		    enum engine_status status, struct engine_result *result,
		    const struct place *place);
void check_reaches(struct dma_buffer *buffer, const struct place *place);

/* Every byte of a buffer is the canary. */
#define expect_canary(buffer) \
	check_canary(buffer, 0, (buffer)->length, PLACE("canary intact in " #buffer))

/* Bytes of a buffer are the canary. */
#define expect_canary_at(buffer, offset, bytes) \
	check_canary(buffer, offset, bytes, PLACE("canary intact in " #buffer))

/* Two pieces of memory are the same. */
#define expect_bytes(t, actual, expected, length) \
	check_bytes(t, actual, expected, length, PLACE(#actual " == " #expected))

/* The device writes these bytes, and the engine sees no error. What is in memory is for the case to check. */
#define expect_write(rig, iova, data, length) \
	check_write(rig, iova, data, length, PLACE("device writes at " #iova))

/* The device reads, and the engine sees no error. */
#define expect_read(rig, iova, data, length) \
	check_read(rig, iova, data, length, PLACE("device reads at " #iova))

/*
 * The device writes (nothing that could be mistaken for the canary; the one pattern it has if it has no bytes of its own), and an
 * engine that sees errors sees one.
 */
#define expect_write_blocked(rig, iova, length) \
	check_write_blocked(rig, iova, length, PLACE("device write blocked at " #iova))

/* The device reads, and does not get the secret; an engine that sees errors sees one. */
#define expect_read_blocked(rig, iova, secret, length) \
	check_read_blocked(rig, iova, secret, length, PLACE("device read blocked at " #iova))

/* A transfer ends with a status. */
#define expect_transfer(rig, transfer, status, result) \
	check_transfer(rig, transfer, status, result, PLACE(#transfer " ends " #status))

/*
 * Positive control: the device writes random bytes into the whole buffer (or its first 4 KiB) and reads others from there. If it cannot
 * read, or has only one pattern to write, that is done which it can.
 */
#define expect_reaches(buffer) check_reaches(buffer, PLACE("device reaches " #buffer))

/**
 * provokes_dma() - say that requests of a device for memory are going to be refused
 * @rig: the device
 * @access: PROVOKED_READ and PROVOKED_WRITE
 * @iova: where
 * @length: bytes, above 0
 * @pasid: IOMMUT_NO_PASID, ANY_PASID
 *
 * As provokes_faults(). Memory of the engine's own counts as tried, too.
 */
void provokes_dma(struct rig *rig, enum provoked_access access, uint64_t iova, uint64_t length,
		  uint32_t pasid);

/**
 * provokes_dma_anywhere() - say that a device is going to be refused memory, and it cannot be said which
 * @rig: the device
 * @pasid: IOMMUT_NO_PASID, ANY_PASID
 */
void provokes_dma_anywhere(struct rig *rig, uint32_t pasid);

/**
 * provokes_interrupts() - say that interrupts of a device are going to be refused; a report tells of no address
 * @rig: the device
 */
void provokes_interrupts(struct rig *rig);

/**
 * provokes_page_requests() - say that page requests of a device are going to be refused by the kernel; a report tells of nothing more
 * @rig: the device
 */
void provokes_page_requests(struct rig *rig);

/**
 * provokes_transfer() - say that a transfer is going to be refused, or may be
 * @rig: the device
 * @transfer: what it does
 */
void provokes_transfer(struct rig *rig, const struct engine_transfer *transfer);

/**
 * struct fault_watch - what the kernel reports from now on
 */
struct fault_watch;

/**
 * watch_faults() - look at the kernel log from now on
 * @t: the test
 *
 * Return: the watch; it also works where there is no kernel log: then no report is ever seen.
 */
struct fault_watch *watch_faults(struct test *t);

/**
 * fault_reported() - whether the kernel reported a fault of a device
 * @watch: the watch
 * @rig: the device
 * @iova: the address of the transaction
 * @length: its bytes: a report of any page in them counts
 * @write: its direction
 * @timeout_ms: how long to wait for it; 0 looks at what is there
 * @fault: the report; may be NULL
 *
 * Reports are rate-limited in the kernel: none is no proof of anything. So a report that is there is checked: one of this
 * device for these bytes with the other direction fails the case. One that is not there is no failure.
 *
 * Return: true if one was found.
 */
bool fault_reported(struct fault_watch *watch, struct rig *rig, uint64_t iova, size_t length,
		    bool write, int timeout_ms, struct iommut_fault *fault);

/**
 * any_fault_reported() - whether the kernel reported anything refused to a device, wherever
 * @watch: from watch_faults()
 * @rig: the device; a report that does not tell which it was counts, too
 * @timeout_ms: how long to wait
 *
 * Return: true if there is a report, which is in the case's diagnostics. The next call goes on behind it.
 */
bool any_fault_reported(struct fault_watch *watch, struct rig *rig, int timeout_ms);

/**
 * fault_is_of() - whether a report names a function
 * @fault: the report
 * @device: "DDDD:BB:DD.F"
 *
 * Return: true if it does.
 */
bool fault_is_of(const struct iommut_fault *fault, const char *device);

/**
 * provoke_report() - repeat a refused transaction until the kernel reports it
 * @watch: the watch, begun before
 * @rig: the device
 * @iova: the address of the transaction
 * @again: does it
 * @argument: for @again
 * @fault: the first report that names this device or this address: it is the caller's to judge whether the rest of it is right
 *
 * It goes on for longer than the kernel's rate limits last, so for a case that runs alone (mark "exclusive") no report at all is
 * a failure.
 */
void provoke_report(struct fault_watch *watch, struct rig *rig, uint64_t iova,
		    void (*again)(void *argument), void *argument, struct iommut_fault *fault);

/**
 * provoke_dma_report() - as provoke_report(), by 4 bytes of DMA that are refused
 * @watch: the watch, begun before
 * @rig: the device
 * @iova: where nothing is mapped
 * @write: whether the device writes; else it reads
 * @fault: the report
 */
void provoke_dma_report(struct fault_watch *watch, struct rig *rig, uint64_t iova, bool write,
			struct iommut_fault *fault);

#endif /* HARNESS_DMA_H */
