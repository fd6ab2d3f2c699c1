// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What libiommut costs beside the bare system calls, both in one run and in turn, so that the machine is the same for both. Of each
 * the fastest of many rounds counts: what disturbs can only make a round slower. bench/library runs this in the lab.
 */
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "bench/bare.h"
#include "harness/dma.h"

SUITE("library", "what libiommut costs beside the bare system calls");

#define HUGE_PAGE    (2ull << 20)
#define FIRST_ROUNDS 1000

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void keep_least(int64_t *least, int64_t began)
{
	int64_t taken = now_ns() - began;

	if (!*least || taken < *least)
		*least = taken;
}

static void free_memory(void *memory)
{
	iommut_memory_free(memory);
}

static void unmap_memory(void *address)
{
	munmap(address, 1ull << 30);
}

/* 1 GiB of addresses over a single huge page: what there is of memory does not matter, and neither does what it costs to pin. */
static void *repeated_page(struct test *t, struct iommut_memory *page)
{
	uint8_t *area = mmap(NULL, (1ull << 30) + HUGE_PAGE, PROT_NONE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	uint8_t *start;

	expect(t, area != MAP_FAILED);
	start = (uint8_t *)(((uintptr_t)area + HUGE_PAGE - 1) & ~(uintptr_t)(HUGE_PAGE - 1));
	for (size_t at = 0; at < 1ull << 30; at += HUGE_PAGE)
		expect(t, mmap(start + at, HUGE_PAGE, PROT_READ | PROT_WRITE,
			       MAP_SHARED | MAP_FIXED, page->fd, 0) != MAP_FAILED);
	undo_later(t, unmap_memory, start);
	return start;
}

/* As few pages as there can be: what is measured is not how long the kernel takes for each. */
static void *memory_of(struct test *t, size_t length, const char **what)
{
	enum iommut_memory_kind kind =
		length > HUGE_PAGE ? IOMMUT_MEMORY_HUGETLB_1G : IOMMUT_MEMORY_MEMFD_2M;
	struct iommut_memory_options options = { .kind = kind, .flags = IOMMUT_MEMORY_POPULATE };
	struct iommut_memory *memory;

	if (length < HUGE_PAGE)
		options.kind = IOMMUT_MEMORY_ANONYMOUS;
	*what = iommut_memory_kind_name(options.kind);
	if (!iommut_memory_alloc_with(&memory, length, &options)) {
		undo_later(t, free_memory, memory);
		return memory->address;
	}
	options.kind = IOMMUT_MEMORY_MEMFD_2M;
	*what = "memfd2M, one page again and again";
	if (iommut_memory_alloc_with(&memory, HUGE_PAGE, &options))
		skip(t, "no huge page of 2 MiB", "hugepages=1 on the kernel's command line");
	undo_later(t, free_memory, memory);
	return length > HUGE_PAGE ? repeated_page(t, memory) : memory->address;
}

static int map_unmap_bare(const struct bare *bare, void *memory, uint64_t length, uint64_t iova)
{
	int error = bare_map(bare, memory, length, iova);

	return error ? error : bare_unmap(bare, iova, length);
}

static int map_unmap_library(struct iommut_space *space, void *memory, uint64_t length,
			     uint64_t iova)
{
	int error = iommut_space_map(space, memory, length, iova, IOMMUT_RW);

	return error ? error : iommut_space_unmap(space, iova, length, NULL);
}

CASE(map_unmap,
     .proves = "mapping and unmapping through the library takes what the two ioctls take",
     .rule = "bench: bare time over library time is 0.98 or more", .marks = LIST("perf"),
     .parameters = { BACKENDS, PARAMETER("size", "4K", "2M", "1G") }, .timeout_ms = 300000)
{
	struct rig *rig = rig_open(t);
	size_t length = param_size(t, "size");
	/* About as much time for each size. */
	int calls = length < HUGE_PAGE ? 50 : length < 1ull << 30 ? 5 : 1;
	int rounds = length < HUGE_PAGE ? 400 : length < 1ull << 30 ? 1000 : 40;
	const char *what;
	void *memory = memory_of(t, length, &what);
	struct bare bare = { .backend = iommut_space_backend(rig->space),
			     .file = iommut_space_handle(rig->space).fd };
	int64_t bare_ns = 0, library_ns = 0;
	uint64_t iova;

	expect_zero(t, iommut_iova_alloc(rig->iova, length, length, &iova));
	if (bare.backend == IOMMUT_IOMMUFD)
		expect_zero(t, iommut_space_ioas(rig->space, &bare.ioas));
	for (int round = 0; round < 2 * rounds; round++) {
		bool library = round % 2;
		int64_t began = now_ns();
		int error = 0;

		for (int call = 0; call < calls && !error; call++)
			error = library ? map_unmap_library(rig->space, memory, length, iova)
					: map_unmap_bare(&bare, memory, length, iova);
		keep_least(library ? &library_ns : &bare_ns, began);
		expect_zero(t, error);
	}
	note(t, "map and unmap of %s (%s): bare %.2f us, library %.2f us, ratio %.3f",
	     param(t, "size"), what, (double)bare_ns / calls / 1000,
	     (double)library_ns / calls / 1000, (double)bare_ns / (double)library_ns);
	expect_that(t, (double)bare_ns >= 0.98 * (double)library_ns, "ratio %.3f",
		    (double)bare_ns / (double)library_ns);
}

#define PATTERN 0x0123456789abcdefull

/* Whoever disturbs does so for longer than a step takes: what counts is the fastest of each. */
enum step {
	STEP_OPEN_FILE,
	STEP_OPEN_DEVICE,
	STEP_OPEN_REGISTERS,
	STEP_MAP,
	STEP_DMA,
	STEP_CLOSE_REGISTERS,
	STEP_CLOSE_DEVICE,
	STEP_CLOSE_FILE,
	STEPS
};

struct steps {
	int64_t began;
	int64_t least[STEPS];
};

static void step_done(struct steps *steps, enum step step)
{
	keep_least(&steps->least[step], steps->began);
	steps->began = now_ns();
}

static int64_t total(const struct steps *steps)
{
	int64_t sum = 0;

	for (int step = 0; step < STEPS; step++)
		sum += steps->least[step];
	return sum;
}

static void first_bare(struct test *t, enum iommut_backend backend, void *memory,
		       struct steps *steps)
{
	struct bare bare;
	int error;

	steps->began = now_ns();
	error = bare_open_file(&bare, backend);
	step_done(steps, STEP_OPEN_FILE);
	if (!error)
		error = bare_open_device(&bare, test_device_name(t, 0));
	step_done(steps, STEP_OPEN_DEVICE);
	if (!error)
		error = bare_open_registers(&bare);
	step_done(steps, STEP_OPEN_REGISTERS);
	if (!error)
		error = bare_map(&bare, memory, 4096, 0x100000);
	step_done(steps, STEP_MAP);
	if (!error)
		error = bare_fill(&bare, 0x100000, 64, PATTERN);
	step_done(steps, STEP_DMA);
	bare_close_registers(&bare);
	step_done(steps, STEP_CLOSE_REGISTERS);
	bare_close_device(&bare);
	step_done(steps, STEP_CLOSE_DEVICE);
	bare_close_file(&bare);
	step_done(steps, STEP_CLOSE_FILE);
	expect_zero(t, error);
}

static void first_library(struct test *t, enum iommut_backend backend, void *memory,
			  struct steps *steps)
{
	struct engine_transfer fill = { .operation = ENGINE_OP_FILL,
					.pasid = IOMMUT_NO_PASID,
					.iova = 0x100000,
					.length = 64,
					.operand = PATTERN };
	struct iommut_device *device;
	struct iommut_space *space;
	struct engine_result result;
	struct engine engine;

	steps->began = now_ns();
	expect_zero(t, iommut_space_open(&space, backend));
	step_done(steps, STEP_OPEN_FILE);
	expect_zero(t, iommut_device_open(&device, space, test_device_name(t, 0)));
	step_done(steps, STEP_OPEN_DEVICE);
	expect_zero(t, engine_open(&engine, engine_by_name("pcie-ats-testdev"), device));
	step_done(steps, STEP_OPEN_REGISTERS);
	expect_zero(t, iommut_space_map(space, memory, 4096, 0x100000, IOMMUT_RW));
	step_done(steps, STEP_MAP);
	expect_zero(t, engine_run(&engine, &fill, &result));
	expect_equal(t, result.status, ENGINE_OK);
	step_done(steps, STEP_DMA);
	engine_close(&engine);
	step_done(steps, STEP_CLOSE_REGISTERS);
	iommut_device_close(device);
	step_done(steps, STEP_CLOSE_DEVICE);
	iommut_space_close(space);
	step_done(steps, STEP_CLOSE_FILE);
}

CASE(first_dma, .proves = "from nothing to the first DMA takes what the bare system calls take",
     .rule = "bench: library time over bare time, closing included, is 1.05 or less",
     .marks = LIST("perf"), .needs = LIST("engine.fill"), .parameters = { BACKENDS },
     .timeout_ms = 120000)
{
	static const char *const names[] = {
		"open the file", "open the device",     "open its registers", "map",
		"DMA",           "close its registers", "close the device",   "close the file"
	};
	struct rig *rig = rig_open(t);
	enum iommut_backend backend = iommut_space_backend(rig->space);
	struct steps bare = { 0 }, library = { 0 };
	uint64_t *memory;

	if (strcmp(rig->engine.driver->name, "pcie-ats-testdev") != 0)
		skip(t, "the bare sequence drives pcie-ats-testdev only", "-e pcie-ats-testdev");
	memory = (uint64_t *)map_buffer(rig, 4096)->data;
	rig_close(rig);
	for (int round = 0; round < FIRST_ROUNDS; round++) {
		memory[0] = 0;
		first_bare(t, backend, memory, &bare);
		expect_equal(t, memory[0], PATTERN);
		memory[0] = 0;
		first_library(t, backend, memory, &library);
		expect_equal(t, memory[0], PATTERN);
	}
	for (int step = 0; step < STEPS; step++)
		note(t, "%-19s bare %.1f us, library %.1f us", names[step],
		     (double)bare.least[step] / 1000, (double)library.least[step] / 1000);
	note(t, "open to first DMA and close: bare %.1f us, library %.1f us, ratio %.3f",
	     (double)total(&bare) / 1000, (double)total(&library) / 1000,
	     (double)total(&library) / (double)total(&bare));
	expect_that(t, (double)total(&library) <= 1.05 * (double)total(&bare), "ratio %.3f",
		    (double)total(&library) / (double)total(&bare));
}

CASE(iova_alloc, .proves = "an address among a million holes is found as fast as O(log n) says",
     .rule = "bench: a thousand times the holes, less than ten times the time",
     .marks = LIST("perf"), .devices = NO_DEVICE, .timeout_ms = 120000)
{
	static const size_t counts[] = { 1000, 10000, 100000, 1000000 };
	const struct iommut_iova_range range = { 0, (1ull << 48) - 1 };
	double first = 0, last = 0;

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		struct iommut_iova *iova;
		const int calls = 20000;
		uint64_t start;
		int64_t began;
		size_t holes;

		/* Every second granule is taken: as many holes as can be, all of one length but the last. */
		expect_zero(t, iommut_iova_create(&iova, &range, 1, 4096));
		began = now_ns();
		for (size_t n = 0; n < counts[i]; n++)
			expect_zero(t, iommut_iova_reserve(iova, (2 * n + 1) * 4096, 4096));
		note(t, "%8zu ranges taken one by one in %.0f ns each", counts[i],
		     (double)(now_ns() - began) / (double)counts[i]);
		iommut_iova_available(iova, NULL, &holes);
		expect_equal(t, holes, counts[i] + 1);
		began = now_ns();
		for (int call = 0; call < calls; call++) {
			uint64_t at = 8192 * random_below(t, counts[i]);

			/* Two holes and what is between them become one, which fits best; then all is as before. */
			expect_zero(t, iommut_iova_free(iova, at + 4096, 4096));
			expect_zero(t, iommut_iova_alloc(iova, 3 * 4096, 0, &start));
			expect_equal(t, start, at);
			expect_zero(t, iommut_iova_free(iova, at, 4096));
			expect_zero(t, iommut_iova_free(iova, at + 8192, 4096));
		}
		last = (double)(now_ns() - began) / calls;
		note(t, "%8zu ranges and as many holes: one taken and three given back in %.0f ns",
		     counts[i], last);
		iommut_iova_destroy(iova);
		if (!i)
			first = last;
	}
	expect_that(t, last < 10 * first, "%.0f ns among 1000, %.0f ns among 1000000", first, last);
}
