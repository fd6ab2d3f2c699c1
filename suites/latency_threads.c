// SPDX-License-Identifier: GPL-2.0-or-later
/* How mapping and unmapping get on when several threads do it at once. */
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include <iommut/hwpt.h>

#include "harness/dma.h"
#include "suites/samples.h"

#define MAX_THREADS 4
#define SLOTS       8
#define SLOT_LENGTH (16ull << 10)
#define ROUNDS      1000
#define PHASES      3

struct crew;

/* A thread, and its memory: slots that are mapped or are not. */
struct worker {
	struct crew *crew;
	pthread_t thread;
	struct iommut_space *space;
	struct iommut_hwpt *hwpt; /* of @space, if it is the thread's own */
	struct dma_buffer *slots[SLOTS];
	/* where the device looks into a slot: always there, so that what it has cached is tried when it must be gone */
	uint64_t look_at[SLOTS];
	bool mapped[SLOTS];
	uint64_t random;
	int error;
	/* rounds of this phase that are done */
	atomic_uint done;
	/* as seen when the first thread of a phase was done, of all phases */
	uint64_t together;
};

enum gate { GATE_WAIT, GATE_GO, GATE_GIVE_UP };

struct crew {
	struct test *t;
	struct rig *rig;
	struct worker workers[MAX_THREADS];
	unsigned int count;
	unsigned int started;
	_Atomic enum gate gate;
	atomic_flag first;
	uint64_t phase_start;
	uint64_t together_ns;
};

/* Called by threads: an error is for the case to look at when all have ended. */
static int toggle(struct worker *worker, unsigned int slot)
{
	const struct dma_buffer *buffer = worker->slots[slot];
	uint64_t unmapped = buffer->length;
	int error;

	if (worker->mapped[slot])
		error = iommut_space_unmap(worker->space, buffer->iova, buffer->length, &unmapped);
	else
		error = iommut_space_map(worker->space, buffer->data, buffer->length, buffer->iova,
					 IOMMUT_RW);
	if (error)
		return error;
	worker->mapped[slot] = !worker->mapped[slot];
	return unmapped == buffer->length ? 0 : -EREMOTEIO;
}

/* As long as nobody is done all are at it: only that counts. */
static void take_stock(struct crew *crew)
{
	crew->together_ns += now_ns() - crew->phase_start;
	for (unsigned int i = 0; i < crew->count; i++)
		crew->workers[i].together += crew->workers[i].done;
}

static void *work(void *argument)
{
	struct worker *worker = argument;
	struct crew *crew = worker->crew;

	while (crew->gate == GATE_WAIT)
		sched_yield();
	while (crew->gate == GATE_GO && worker->done < ROUNDS && !worker->error) {
		worker->random = worker->random * 6364136223846793005u + 1442695040888963407u;
		worker->error = toggle(worker, (unsigned int)(worker->random >> 32) % SLOTS);
		worker->done++;
	}
	if (!atomic_flag_test_and_set(&crew->first))
		take_stock(crew);
	return NULL;
}

/* Nothing is expected before all have ended: a case that fails gives their memory back. */
static void run_phase(struct crew *crew)
{
	int error = 0;

	crew->gate = GATE_WAIT;
	atomic_flag_clear(&crew->first);
	for (crew->started = 0; crew->started < crew->count; crew->started++) {
		struct worker *worker = &crew->workers[crew->started];

		worker->done = 0;
		worker->random = random64(crew->t);
		error = pthread_create(&worker->thread, NULL, work, worker);
		if (error)
			break;
	}
	crew->phase_start = now_ns();
	crew->gate = error ? GATE_GIVE_UP : GATE_GO;
	while (crew->started)
		pthread_join(crew->workers[--crew->started].thread, NULL);
	expect_that(crew->t, !error, "pthread_create: %s", strerror(error));
	for (unsigned int i = 0; i < crew->count; i++) {
		expect_zero(crew->t, crew->workers[i].error);
		expect_equal(crew->t, crew->workers[i].done, ROUNDS);
	}
}

/* The device looks at the space of this thread. */
static void attach_to(struct worker *worker)
{
	struct rig *rig = worker->crew->rig;

	if (worker->hwpt)
		expect_zero(rig->t,
			    iommut_device_attach(rig->device, iommut_hwpt_id(worker->hwpt)));
}

static void expect_reached(struct worker *worker, unsigned int slot)
{
	struct rig *rig = worker->crew->rig;
	uint64_t iova = worker->slots[slot]->iova + worker->look_at[slot], seen = 0;
	uint64_t written = random64(rig->t), read = random64(rig->t);
	uint8_t *data = worker->slots[slot]->data + worker->look_at[slot];

	expect_write(rig, iova, &written, sizeof(written));
	expect_bytes(rig->t, data, &written, sizeof(written));
	memcpy(data, &read, sizeof(read));
	expect_read(rig, iova, &seen, sizeof(seen));
	expect_equal(rig->t, seen, read);
	memset(data, CANARY, sizeof(read));
}

static void expect_blocked(struct worker *worker, unsigned int slot)
{
	struct rig *rig = worker->crew->rig;
	uint64_t iova = worker->slots[slot]->iova + worker->look_at[slot];
	uint64_t secret = random64(rig->t);
	uint8_t *data = worker->slots[slot]->data + worker->look_at[slot];

	expect_write_blocked(rig, iova, sizeof(secret));
	expect_canary(worker->slots[slot]);
	memcpy(data, &secret, sizeof(secret));
	expect_read_blocked(rig, iova, &secret, sizeof(secret));
	memset(data, CANARY, sizeof(secret));
}

/* Each thread's mappings lead to its memory, and nothing else leads anywhere. */
static void check_crew(struct crew *crew)
{
	for (unsigned int i = 0; i < crew->count; i++) {
		struct worker *worker = &crew->workers[i];

		attach_to(worker);
		for (unsigned int slot = 0; slot < SLOTS; slot++)
			if (worker->mapped[slot])
				expect_reached(worker, slot);
			else
				expect_blocked(worker, slot);
	}
	/* What one of them was given by mistake may be seen in another only now. */
	for (unsigned int i = 0; i < crew->count; i++)
		for (unsigned int slot = 0; slot < SLOTS; slot++)
			expect_canary(crew->workers[i].slots[slot]);
}

/* From mapped and reached to unmapped and not, with the device looking on. */
static void unmap_all(struct crew *crew)
{
	for (unsigned int i = 0; i < crew->count; i++) {
		struct worker *worker = &crew->workers[i];

		attach_to(worker);
		for (unsigned int slot = 0; slot < SLOTS; slot++) {
			if (!worker->mapped[slot])
				expect_zero(crew->t, toggle(worker, slot));
			expect_reached(worker, slot);
			expect_zero(crew->t, toggle(worker, slot));
			expect_blocked(worker, slot);
		}
	}
}

static void undo_crew(void *argument)
{
	struct crew *crew = argument;
	uint32_t ioas_id;

	if (crew->workers[0].hwpt && iommut_space_ioas(crew->rig->space, &ioas_id) == 0)
		iommut_device_attach(crew->rig->device, ioas_id);
	for (unsigned int i = 0; i < crew->count; i++) {
		struct worker *worker = &crew->workers[i];

		for (unsigned int slot = 0; slot < SLOTS; slot++)
			if (worker->mapped[slot])
				toggle(worker, slot);
		iommut_hwpt_close(worker->hwpt);
		if (worker->space != crew->rig->space)
			iommut_space_close(worker->space);
	}
}

/* A space with a page table, so that mapping there is all the work that it is where a device is attached. */
static void open_own_space(struct worker *worker)
{
	struct rig *rig = worker->crew->rig;
	const struct iommut_space_options options = { .backend = IOMMUT_IOMMUFD,
						      .beside = rig->space };

	expect_zero(rig->t, iommut_space_open_with(&worker->space, &options));
	expect_zero(rig->t, iommut_hwpt_open(&worker->hwpt, rig->device, worker->space, 0, NULL));
	if (rig->staging)
		expect_zero(rig->t, iommut_space_map(worker->space, rig->staging->address,
						     rig->staging->length, rig->engine.staging.iova,
						     IOMMUT_RW));
}

/*
 * In one space the slots of all threads lie beside each other, so that who unmaps too much takes it from another. In spaces of
 * their own all have the same addresses.
 */
static void make_slots(struct crew *crew, bool own)
{
	for (unsigned int slot = 0; slot < SLOTS; slot++) {
		for (unsigned int i = 0; i < crew->count; i++) {
			struct buffer_options options = { .fixed = own && i };

			if (options.fixed)
				options.iova = crew->workers[0].slots[slot]->iova;
			crew->workers[i].slots[slot] =
				make_buffer(crew->rig, SLOT_LENGTH, &options);
			crew->workers[i].look_at[slot] = random_below(crew->t, SLOT_LENGTH / 8) * 8;
			fill_canary(crew->workers[i].slots[slot]);
		}
	}
}

static void tell_crew(struct crew *crew)
{
	uint64_t all = 0, least = UINT64_MAX;

	for (unsigned int i = 0; i < crew->count; i++) {
		all += crew->workers[i].together;
		if (crew->workers[i].together < least)
			least = crew->workers[i].together;
	}
	figure(crew->t, "calls", (double)all * 1e9 / (double)crew->together_ns, FIGURE_PER_SECOND);
	/* Of what it would have had if all had got on alike. */
	figure(crew->t, "slowest_share", 100.0 * (double)least * crew->count / (double)all,
	       FIGURE_PERCENT);
	note(crew->t, "%u threads on %ld processors", crew->count, sysconf(_SC_NPROCESSORS_ONLN));
}

CASE(threads,
     .proves = "while several threads map and unmap at once, in one space or in one each, every "
	       "mapping of each leads to its memory, and none once it is unmapped; tells how many "
	       "calls they do in a second, and how far behind the slowest is",
     .rule = "iommufd.h: IOMMU_IOAS_MAP, IOMMU_IOAS_UNMAP; vfio.h: VFIO_IOMMU_MAP_DMA",
     .marks = LIST("perf"), .timeout_ms = 180000,
     .parameters = { BACKENDS, PARAMETER("spaces", "one", "each"),
		     PARAMETER("threads", "1", "2", "4") },
     .excludes = LIST("backend=type1,spaces=each", "backend=compat,spaces=each"))
{
	static struct crew crew;
	bool own = param_is(t, "spaces", "each");

	crew.t = t;
	crew.rig = rig_open(t);
	need(crew.rig, ENGINE_READ | ENGINE_WRITE);
	crew.count = (unsigned int)param_size(t, "threads");
	expect(t, crew.count <= MAX_THREADS);
	make_slots(&crew, own);
	undo_later(t, undo_crew, &crew);
	for (unsigned int i = 0; i < crew.count; i++) {
		crew.workers[i].crew = &crew;
		crew.workers[i].space = crew.rig->space;
		if (own)
			open_own_space(&crew.workers[i]);
	}
	for (int phase = 0; phase < PHASES; phase++) {
		run_phase(&crew);
		check_crew(&crew);
	}
	unmap_all(&crew);
	tell_crew(&crew);
}
