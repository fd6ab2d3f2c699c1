/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
#ifndef ENGINES_ENGINE_H
#define ENGINES_ENGINE_H

/*
 * The engine contract: one DMA-capable PCI device behind operations that a test can rely on.
 *
 * An engine never maps, prints, sleeps or exits. What it needs to reach in memory by itself (descriptors, a bounce for its
 * buffer) is in the staging memory that the caller maps for it. Functions return 0 or a negative errno.
 */

#include <iommut/device.h>
#include <iommut/irq.h>
#include <iommut/types.h>

IOMMUT_BEGIN

/**
 * enum engine_capability - what an engine can do, and what it can prove
 * @ENGINE_READ: the device reads memory, and what it read can be looked at
 * @ENGINE_WRITE: the device writes bytes of the caller's choice
 * @ENGINE_COPY: the device reads at one IOVA and writes at another
 * @ENGINE_FILL: the device writes a repeated pattern of 8 bytes; the caller's choice, unless fill_pattern says which
 * @ENGINE_ATOMIC: fetch-and-add, compare-and-swap
 * @ENGINE_SEES_ERRORS: a transaction that the IOMMU refused is told from one that went well
 * @ENGINE_EXACT_ADDRESS: the first address that failed is known
 * @ENGINE_MSI: can raise MSI
 * @ENGINE_MSIX: can raise MSI-X
 * @ENGINE_INTX: can raise its interrupt pin
 * @ENGINE_PASID: transfers can carry a PASID
 * @ENGINE_ATS: can request translations and use them
 * @ENGINE_PRI: can request pages
 * @ENGINE_STORM: can repeat a transfer until it is stopped
 * @ENGINE_RING: takes many transfers at once
 * @ENGINE_MESSAGE: can send a memory write of 4 bytes to any address, as if it were an interrupt
 * @ENGINE_MEMORY_BAR: has a BAR of plain memory (a target for peer-to-peer)
 * @ENGINE_BUS_MASTER: obeys the bus master enable bit
 * @ENGINE_OWN_BYTES: the device writes bytes that it has and that software cannot choose; store tells them. For an engine
 *     without ENGINE_WRITE, which cases then settle for
 * @ENGINE_COMPARE: the device reads memory and tells whether it holds what its buffer holds
 */
enum engine_capability {
	ENGINE_READ = 1 << 0,
	ENGINE_WRITE = 1 << 1,
	ENGINE_COPY = 1 << 2,
	ENGINE_FILL = 1 << 3,
	ENGINE_ATOMIC = 1 << 4,
	ENGINE_SEES_ERRORS = 1 << 5,
	ENGINE_EXACT_ADDRESS = 1 << 6,
	ENGINE_MSI = 1 << 7,
	ENGINE_MSIX = 1 << 8,
	ENGINE_INTX = 1 << 9,
	ENGINE_PASID = 1 << 10,
	ENGINE_ATS = 1 << 11,
	ENGINE_PRI = 1 << 12,
	ENGINE_STORM = 1 << 13,
	ENGINE_RING = 1 << 14,
	ENGINE_MESSAGE = 1 << 15,
	ENGINE_MEMORY_BAR = 1 << 16,
	ENGINE_BUS_MASTER = 1 << 17,
	ENGINE_OWN_BYTES = 1 << 18,
	ENGINE_COMPARE = 1 << 19,
};

/**
 * enum engine_operation - what a transfer does
 * @ENGINE_OP_READ: memory to the device's buffer
 * @ENGINE_OP_WRITE: the device's buffer to memory
 * @ENGINE_OP_COPY: memory to memory
 * @ENGINE_OP_FILL: operand to memory
 * @ENGINE_OP_FETCH_ADD: atomic, 4 or 8 bytes
 * @ENGINE_OP_COMPARE_SWAP: atomic, 4 or 8 bytes
 * @ENGINE_OP_TRANSLATE: ATS translation request, no data
 * @ENGINE_OP_COMPARE: memory with the device's buffer; the value of the result is 0 if they are the same, else 1
 */
enum engine_operation {
	ENGINE_OP_READ,
	ENGINE_OP_WRITE,
	ENGINE_OP_COPY,
	ENGINE_OP_FILL,
	ENGINE_OP_FETCH_ADD,
	ENGINE_OP_COMPARE_SWAP,
	ENGINE_OP_TRANSLATE,
	ENGINE_OP_COMPARE,
};

/**
 * enum engine_transfer_flags - attributes of a transfer's transactions
 * @ENGINE_PRIVILEGED: privileged mode requested (PCIe: PASID TLP prefix)
 * @ENGINE_EXECUTE: execute requested (PCIe: PASID TLP prefix)
 * @ENGINE_TRANSLATED: translate by ATS first, then use the address obtained
 * @ENGINE_FORGED: use target as an already translated address
 * @ENGINE_PAGE_REQUEST: with ENGINE_TRANSLATED: request missing pages and try again after the response
 * @ENGINE_INTERRUPT: raise the vector when done
 * @ENGINE_FOR_WRITE: ENGINE_OP_TRANSLATE: ask for write permission
 */
enum engine_transfer_flags {
	ENGINE_PRIVILEGED = 1 << 0,
	ENGINE_EXECUTE = 1 << 1,
	ENGINE_TRANSLATED = 1 << 2,
	ENGINE_FORGED = 1 << 3,
	ENGINE_PAGE_REQUEST = 1 << 4,
	ENGINE_INTERRUPT = 1 << 5,
	ENGINE_FOR_WRITE = 1 << 6,
};

/**
 * struct engine_transfer - one transfer
 * @operation: what to do
 * @flags: enum engine_transfer_flags bits
 * @pasid: IOMMUT_NO_PASID for none
 * @iova: where in memory, bytes
 * @target: ENGINE_OP_COPY: where to; ENGINE_FORGED: the address used
 * @length: bytes of one repetition
 * @stride: bytes from one repetition to the next
 * @repeat: repetitions; 0 means 1
 * @buffer: offset in the device's buffer, bytes
 * @vector: with ENGINE_INTERRUPT
 * @operand: pattern, addend, or compared value
 * @swap: new value of a compare-and-swap
 */
struct engine_transfer {
	enum engine_operation operation;
	uint32_t flags;
	uint32_t pasid;
	uint64_t iova;
	uint64_t target;
	uint32_t length;
	uint32_t stride;
	uint32_t repeat;
	uint32_t buffer;
	uint32_t vector;
	uint64_t operand;
	uint64_t swap;
};

/**
 * enum engine_status - how a transfer ended
 * @ENGINE_OK: all bytes were transferred; if the engine lacks ENGINE_SEES_ERRORS: it is over
 * @ENGINE_BLOCKED: a transaction was refused
 * @ENGINE_NO_TRANSLATION: ATS gave no translation with these permissions
 * @ENGINE_ABORTED: a reset or abort came first
 * @ENGINE_DISABLED: bus mastering, ATS or PASID is off in the device, or it sleeps
 * @ENGINE_REFUSED: a page request was answered with an error, or could not be sent
 */
enum engine_status {
	ENGINE_OK,
	ENGINE_BLOCKED,
	ENGINE_NO_TRANSLATION,
	ENGINE_ABORTED,
	ENGINE_DISABLED,
	ENGINE_REFUSED,
};

/**
 * struct engine_result - how a transfer ended
 * @status: how
 * @bytes: transferred, over all repetitions
 * @address: first IOVA that failed, with ENGINE_EXACT_ADDRESS
 * @value: atomics: the old value; ENGINE_OP_TRANSLATE: the translated address; ENGINE_OP_COMPARE: 1 if something differs
 * @length: ENGINE_OP_TRANSLATE: bytes the translation covers
 * @permission: ENGINE_OP_TRANSLATE: enum iommut_access bits
 */
struct engine_result {
	enum engine_status status;
	uint64_t bytes;
	uint64_t address;
	uint64_t value;
	uint64_t length;
	uint32_t permission;
};

/**
 * struct engine_staging - memory that the engine may use through the IOMMU
 * @address: for the CPU
 * @iova: for the device, below its dma_mask
 * @length: bytes; ENGINE_STAGING_SIZE at least
 *
 * Mapped for reading and writing by the caller from before the first transfer until after the last.
 */
struct engine_staging {
	void *address;
	uint64_t iova;
	size_t length;
};

#define ENGINE_STAGING_SIZE 65536

struct engine_driver;

/**
 * struct engine - a device in the hands of its engine
 * @driver: which engine
 * @device: the device; must outlive the engine
 * @capabilities: enum engine_capability bits: of this very device
 * @max_length: longest transfer in bytes
 * @buffer_size: bytes of the device's own buffer
 * @dma_mask: highest address the device can send
 * @fill_pattern: the only operand that ENGINE_OP_FILL can have; 0 if it can be any. Without ENGINE_WRITE, cases settle for it.
 * @deadline_ms: how long the longest transfer may take at most on an idle device
 * @transfer_ms: what any transfer takes on an idle device; 0 if less than a millisecond. Who repeats transfers does so less often
 *     where they are slow.
 * @queue_depth: transfers that can be in flight at once, 1 at least; poll ends them in the order in which they were started
 * @staging: what the caller mapped
 * @state: private to the engine
 */
struct engine {
	const struct engine_driver *driver;
	struct iommut_device *device;
	uint32_t capabilities;
	uint32_t max_length;
	uint32_t buffer_size;
	uint64_t dma_mask;
	uint64_t fill_pattern;
	int deadline_ms;
	int transfer_ms;
	uint32_t queue_depth;
	struct engine_staging staging;
	void *state;
};

/**
 * struct engine_driver - what an engine implements
 * @name: as case IDs and options spell it
 * @description: one line for people
 * @needs_staging: transfers need engine_stage() first
 * @probe: whether a function with these IDs is such a device. Touches nothing.
 * @init: fills the engine and brings the device to rest: nothing in flight, no interrupt. Does no DMA.
 * @remove: stops everything, frees the state. Nothing is in flight after it has returned. Does no DMA.
 * @start: begins a transfer. -EBUSY while queue_depth of them run, -EOPNOTSUPP for what the engine cannot, -EINVAL for lengths
 *         or addresses the device cannot send. Does not wait.
 * @poll: -EAGAIN while the oldest transfer runs; 0 with its result once no transaction of it can happen any more
 *        and all its effects can be seen by the CPU. -ENODEV if the device is gone.
 * @load: puts bytes into the device's buffer. May use a transfer from staging memory. -EOPNOTSUPP with ENGINE_OWN_BYTES.
 * @store: takes bytes out of the device's buffer: those that a write of this offset and length puts into memory. May use a
 *         transfer to staging memory.
 * @interrupt: raises one interrupt of a vector
 * @abort: ends the transfers in flight; poll reports them. NULL if the device cannot.
 * @scratch: offset in BAR 0 of a register of 32 bits that keeps what is written until a reset; 0 if there is none
 */
struct engine_driver {
	const char *name;
	const char *description;
	bool needs_staging;
	bool (*probe)(uint16_t vendor, uint16_t device, uint32_t class_code);
	int (*init)(struct engine *engine);
	void (*remove)(struct engine *engine);
	int (*start)(struct engine *engine, const struct engine_transfer *transfer);
	int (*poll)(struct engine *engine, struct engine_result *result);
	int (*load)(struct engine *engine, uint32_t offset, const void *data, size_t length);
	int (*store)(struct engine *engine, uint32_t offset, void *data, size_t length);
	int (*interrupt)(struct engine *engine, uint32_t vector);
	int (*abort)(struct engine *engine);
	uint32_t scratch;
};

/**
 * engine_find() - the engine for a function
 * @vendor: PCI vendor ID
 * @device: PCI device ID
 * @class_code: PCI class code, 24 bits
 *
 * Return: the engine's driver; NULL if there is none.
 */
const struct engine_driver *engine_find(uint16_t vendor, uint16_t device, uint32_t class_code);

/**
 * engine_by_name() - an engine by name
 * @name: the name
 *
 * Return: the engine's driver; NULL if there is none.
 */
const struct engine_driver *engine_by_name(const char *name);

/**
 * engine_open() - put a device into the hands of its engine
 * @engine: filled
 * @driver: the engine
 * @device: the device, open
 *
 * Return: 0; -ENODEV if the device does not answer; the error of the engine's init.
 */
int engine_open(struct engine *engine, const struct engine_driver *driver,
		struct iommut_device *device);

/**
 * engine_close() - take the device back
 * @engine: an engine that was opened; may be closed twice
 */
void engine_close(struct engine *engine);

/**
 * engine_stage() - give the engine memory
 * @engine: an engine
 * @staging: mapped memory; may be given again after another was unmapped
 *
 * Return: 0, -EINVAL if it is too small or out of the device's reach.
 */
int engine_stage(struct engine *engine, const struct engine_staging *staging);

/**
 * engine_now_ms() - a clock for deadlines of what a device does
 *
 * It goes forward, but of the time between two looks of a thread no more than 250 ms counts: a machine that stood still meanwhile,
 * as a guest does whose host has others to serve, gave its devices no time either.
 *
 * Return: milliseconds.
 */
int64_t engine_now_ms(void);

/**
 * engine_run() - do a transfer and wait for its end
 * @engine: an engine
 * @transfer: what to do
 * @result: how it ended
 *
 * Return: 0 if the transfer ended, well or not: look at @result; -ETIMEDOUT if it did not end in time; the
 * error of start or poll.
 */
int engine_run(struct engine *engine, const struct engine_transfer *transfer,
	       struct engine_result *result);

/**
 * engine_wait() - wait for the transfer that was started
 * @engine: an engine
 * @result: how it ended
 * @timeout_ms: how long at most; 0 is the engine's own deadline
 *
 * Return: as engine_run().
 */
int engine_wait(struct engine *engine, struct engine_result *result, int timeout_ms);

/**
 * engine_read() - the device reads memory, and what it read is fetched
 * @engine: an engine
 * @iova: where
 * @data: where the bytes are stored; only if @result is ENGINE_OK
 * @length: bytes, up to max_length; longer than the buffer is done in pieces
 * @result: how it ended
 *
 * Return: as engine_run().
 */
int engine_read(struct engine *engine, uint64_t iova, void *data, size_t length,
		struct engine_result *result);

/**
 * engine_write() - the device writes given bytes to memory
 * @engine: an engine
 * @iova: where
 * @data: the bytes
 * @length: how many
 * @result: how it ended
 *
 * Return: as engine_run().
 */
int engine_write(struct engine *engine, uint64_t iova, const void *data, size_t length,
		 struct engine_result *result);

/**
 * engine_irq_kind() - the kind of interrupt to use
 * @engine: an engine
 * @kind: where it is stored: MSI-X, else MSI, else INTx
 *
 * Return: 0, -EOPNOTSUPP if the engine can raise none.
 */
int engine_irq_kind(const struct engine *engine, enum iommut_irq_kind *kind);

/**
 * engine_scratch_set() - write the register that only a reset clears
 * @engine: an engine
 * @value: not 0
 *
 * Return: 0, -EOPNOTSUPP if the device has none, or the error of the access.
 */
int engine_scratch_set(struct engine *engine, uint32_t value);

/**
 * engine_scratch_get() - read the register that only a reset clears
 * @engine: an engine
 * @value: where it is stored
 *
 * Return: as engine_scratch_set().
 */
int engine_scratch_get(struct engine *engine, uint32_t *value);

/**
 * engine_status_name() - a status in words
 * @status: a status
 *
 * Return: "ok", "blocked", "no translation", "aborted", "disabled" or "refused".
 */
const char *engine_status_name(enum engine_status status);

IOMMUT_END

#endif /* ENGINES_ENGINE_H */
