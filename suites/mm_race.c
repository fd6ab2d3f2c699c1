// SPDX-License-Identifier: GPL-2.0-or-later
/* Mapping for devices while another thread changes the very same memory: the device and the CPU must agree on the outcome. */
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

#include <iommut/region.h>

#include "engines/testdev.h"
#include "harness/dma.h"

#define PAGE      4096ull
#define HUGE_PAGE (2ull << 20)
#define ROUNDS    12

/* Linux 6.1: collapse into huge pages now. */
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

/* A thread that does something again and again until it is told to stop. */
struct worker {
	pthread_t thread;
	void (*work)(void *argument);
	void *argument;
	atomic_bool stop;
	atomic_uint rounds;
	bool runs;
};

static void *work(void *argument)
{
	struct worker *worker = argument;

	while (!worker->stop) {
		worker->work(worker->argument);
		worker->rounds++;
	}
	return NULL;
}

static void stop_worker(void *argument)
{
	struct worker *worker = argument;

	if (!worker->runs)
		return;
	worker->stop = true;
	pthread_join(worker->thread, NULL);
	worker->runs = false;
}

static void start_worker(struct test *t, struct worker *worker)
{
	int error = pthread_create(&worker->thread, NULL, work, worker);

	expect_that(t, error == 0, "pthread_create: %s", strerror(error));
	worker->runs = true;
	undo_later(t, stop_worker, worker);
}

/* The other thread must have its turns, or nothing was raced. */
static void await_rounds(struct test *t, struct worker *worker, unsigned int rounds)
{
	for (int64_t end = now_ms() + 10000; worker->rounds < rounds; sched_yield())
		expect_that(t, now_ms() < end, "the other thread does not get on");
}

static void collapse_and_split(void *argument)
{
	uint8_t *memory = argument;

	(void)madvise(memory, HUGE_PAGE, MADV_COLLAPSE);
	/* Taking protection of one page apart splits the mapping of the huge page, putting it together merges it. */
	(void)mprotect(memory + 5 * PAGE, PAGE, PROT_READ);
	(void)mprotect(memory + 5 * PAGE, PAGE, PROT_READ | PROT_WRITE);
}

/* A page at random, but not the one that the other thread makes read-only now and then. */
static void expect_page_agrees(struct rig *rig, uint64_t iova, uint8_t *memory)
{
	struct test *t = rig->t;
	uint64_t at = (6 + random_below(t, HUGE_PAGE / PAGE - 6)) * PAGE, value = random64(t),
		 seen = 0;

	expect_write(rig, iova + at, &value, sizeof(value));
	expect_bytes(t, memory + at, &value, sizeof(value));
	value = random64(t);
	memcpy(memory + at, &value, sizeof(value));
	expect_read(rig, iova + at, &seen, sizeof(seen));
	expect_equal(t, seen, value);
}

CASE(huge_page_race,
     .proves =
	     "memory that another thread collapses into huge pages and splits, while it is mapped "
	     "and unmapped, is the same memory for device and CPU after each mapping",
     .rule = "Documentation/core-api/pin_user_pages.rst: FOLL_LONGTERM; "
	     "Documentation/admin-guide/mm/transhuge.rst",
     .timeout_ms = 30000, .parameters = { BACKENDS })
{
	const struct buffer_options options = { .kind = IOMMUT_MEMORY_THP };
	struct rig *rig = rig_open(t);
	struct dma_buffer *buffer = make_buffer(rig, HUGE_PAGE, &options);
	static struct worker worker;

	need(rig, ENGINE_READ | ENGINE_WRITE);
	worker = (struct worker){ .work = collapse_and_split, .argument = buffer->data };
	memset(buffer->data, 1, buffer->length);
	start_worker(t, &worker);
	for (int round = 0; round < ROUNDS; round++) {
		int error = -EFAULT;

		/* A page that is read-only at that moment cannot be mapped for writing: then once more. */
		for (int64_t end = now_ms() + 5000; error == -EFAULT && now_ms() < end;)
			error = iommut_space_map(rig->space, buffer->data, buffer->length,
						 buffer->iova, IOMMUT_RW);
		expect_zero(t, error);
		expect_page_agrees(rig, buffer->iova, buffer->data);
		expect_zero(t, iommut_space_unmap(rig->space, buffer->iova, buffer->length, NULL));
		await_rounds(t, &worker, (unsigned int)round);
	}
	stop_worker(&worker);
	note(t, "the other thread had %u rounds", worker.rounds);
	fill_canary(buffer);
	expect_write_blocked(rig, buffer->iova, 8);
	expect_canary(buffer);
}

static void discard(void *argument)
{
	uint8_t *memory = argument;

	(void)madvise(memory, HUGE_PAGE, MADV_DONTNEED);
	*(volatile uint8_t *)(memory + 3 * PAGE) = 7;
	sched_yield();
}

CASE(discard_race,
     .proves = "memory that another thread throws away and touches again while it is mapped and "
	       "unmapped takes no page with it that is not its own",
     .rule = "madvise(2): MADV_DONTNEED; Documentation/core-api/pin_user_pages.rst: FOLL_LONGTERM",
     .timeout_ms = 30000, .parameters = { BACKENDS })
{
	const struct buffer_options options = { .kind = IOMMUT_MEMORY_THP };
	struct rig *rig = rig_open(t);
	struct dma_buffer *raced = make_buffer(rig, HUGE_PAGE, &options), *beside;
	static struct worker worker;

	need(rig, ENGINE_READ | ENGINE_WRITE);
	beside = map_buffer(rig, 4 * PAGE);
	worker = (struct worker){ .work = discard, .argument = raced->data };
	start_worker(t, &worker);
	for (int round = 0; round < ROUNDS; round++) {
		uint64_t value = random64(t), seen = 0;

		fill_canary(beside);
		expect_zero(t, iommut_space_map(rig->space, raced->data, raced->length, raced->iova,
						IOMMUT_RW));
		/* Whichever page is there, it is one page: what the device wrote it reads again. */
		expect_write(rig, raced->iova + 9 * PAGE, &value, sizeof(value));
		expect_read(rig, raced->iova + 9 * PAGE, &seen, sizeof(seen));
		expect_equal(t, seen, value);
		expect_canary(beside);
		expect_zero(t, iommut_space_unmap(rig->space, raced->iova, raced->length, NULL));
		expect_write_blocked(rig, raced->iova + 9 * PAGE, 8);
		await_rounds(t, &worker, (unsigned int)round);
	}
	stop_worker(&worker);
	note(t, "the other thread had %u rounds", worker.rounds);
	expect_reaches(beside);
}

static void read_registers(void *argument)
{
	const volatile uint32_t *registers = argument;

	(void)registers[TESTDEV_VERSION / 4];
	(void)registers[TESTDEV_CAPABILITIES / 4];
}

CASE(register_fault_race,
     .proves = "two threads that fault in a device's registers at the same time, again and again, "
	       "both read the device, and its DMA goes on",
     .rule = "vfio-pci: mappings of BARs are filled by page faults", .timeout_ms = 30000,
     .parameters = { BACKENDS })
{
	struct rig *rig = rig_open(t);
	struct dma_buffer *buffer = map_buffer(rig, PAGE);
	struct iommut_region *region;
	static struct worker worker;

	if (!testdev_is(&rig->engine))
		skip(t, "the case knows the registers of one device only", "a pcie-ats-testdev");
	expect_zero(t, iommut_region_open(&region, rig->device, 0));
	undo_later(t, (void (*)(void *))iommut_region_close, region);
	for (int round = 0; round < ROUNDS; round++) {
		const volatile uint32_t *registers;
		void *address;

		expect_zero(t, iommut_region_map(region, 0, TESTDEV_REGISTERS_SIZE, &address));
		registers = address;
		worker = (struct worker){ .work = read_registers, .argument = address };
		start_worker(t, &worker);
		expect_equal(t, registers[TESTDEV_VERSION / 4], TESTDEV_VERSION_VALUE);
		expect_reaches(buffer);
		await_rounds(t, &worker, 1);
		stop_worker(&worker);
		expect_zero(t, iommut_region_unmap(region, address, TESTDEV_REGISTERS_SIZE));
	}
}
