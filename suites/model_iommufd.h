/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SUITES_MODEL_IOMMUFD_H
#define SUITES_MODEL_IOMMUFD_H

/* The model of /dev/iommu with one device: which objects there are, who uses them, and what is mapped. */

#include <iommut/hwpt.h>
#include <iommut/iommufd.h>

#include "suites/model.h"

#define IOAS_SLOTS 3
#define HWPT_SLOTS 3
#define PASIDS     2

/* The page table that the kernel makes by itself when the device is attached to an IOAS. */
#define AUTOMATIC HWPT_SLOTS
#define NOTHING   (-1)

/* Values of step.object beyond the slots: an ID of another type, and one that was never given out. */
#define WRONG_TYPE 3
#define UNUSED     4

/* What DESTROY and ATTACH can be made on. */
#define FIRST_HWPT IOAS_SLOTS
#define THE_DEVICE (IOAS_SLOTS + HWPT_SLOTS)
#define NO_OBJECT  (THE_DEVICE + 1)

#define UNUSED_ID 0x7ffffff0u

/* Pages of memory: anonymous ones, the last of which nobody may touch, and behind them those of a memfd. */
#define ANONYMOUS_PAGES 16
#define FORBIDDEN_PAGE  15
#define FILE_PAGES      8
#define MEMORY_PAGES    (ANONYMOUS_PAGES + FILE_PAGES)

enum window { ORDINARY, BEFORE_HOLE, END_OF_TABLE, LOWEST, HIGHEST, WINDOWS };
#define WINDOW_PAGES 8

enum call {
	CALL_IOAS_ALLOC,
	CALL_DESTROY,
	CALL_MAP,
	CALL_MAP_FILE,
	CALL_UNMAP,
	CALL_UNMAP_ALL,
	CALL_COPY,
	CALL_RANGES,
	CALL_ALLOW,
	CALL_LARGE_PAGES,
	CALL_CHANGE_PROCESS,
	CALL_HWPT_ALLOC,
	CALL_ATTACH,
	CALL_DETACH,
	CALL_ATTACH_PASID,
	CALL_DETACH_PASID,
	CALL_DMA_WRITE,
	CALL_DMA_READ,
	CALL_CALLS
};

/* Values of step.odd. */
enum odd {
	USUAL,
	ODD_IOVA,
	ODD_LENGTH,
	ODD_MEMORY,
	NO_LENGTH,
	TOO_LONG,
	NO_ACCESS,
	UNKNOWN_FLAG,
	ODDITIES
};

/* Bits of step.flags. */
#define FLAG_READ  1
#define FLAG_WRITE 2
#define FLAG_AUTO  4
#define FLAG_PASID 8

struct ioas_model {
	bool live;
	uint32_t id;
	struct space space;
	struct ranges allowed;
	bool small_pages;
};

struct hwpt_model {
	bool live;
	uint32_t id;
	int ioas;
	bool pasid;
};

/**
 * struct world - device, memory and model
 * @t: the test
 * @rig: the device, opened without being attached
 * @iommufd: /dev/iommu
 * @device_id: the device's ID
 * @pasids: page tables for PASIDs can be made
 * @pasid: PASIDs in use
 * @meet_defects: known defects of Linux 7.3 and QEMU 10.2 (docs/findings.md) are not avoided
 * @read_anyway: the IOMMU cannot forbid reading
 * @alignment: of a page table, in bytes
 * @table: what a page table cannot map, without and with IOMMU_HWPT_ALLOC_PASID
 * @device: what the device reserves beside that
 * @window: first address of each window
 * @memory: what is mapped
 * @shadow: what must be in it
 * @memfd: behind the last pages of @memory
 * @ioas: model
 * @hwpt: model
 * @own: page table of the device's own requests
 * @by_pasid: page tables of PASIDs
 */
struct world {
	struct test *t;
	struct rig *rig;
	struct iommut_handle iommufd;
	uint32_t device_id;
	bool pasids;
	uint32_t pasid[PASIDS];
	bool meet_defects;
	bool read_anyway;
	uint64_t alignment;
	struct ranges table[2];
	struct ranges device;
	uint64_t window[WINDOWS];
	uint8_t *memory;
	uint8_t *shadow;
	int memfd;
	struct ioas_model ioas[IOAS_SLOTS];
	struct hwpt_model hwpt[HWPT_SLOTS + 1];
	int own;
	int by_pasid[PASIDS];
};

/* model_world.c */

/* A world without a device. It lives until the end of the case; its rig is closed by close_world(). */
struct world *make_world(struct test *t);
void close_world(void *state);

/* The world's device tries at random what it must not reach, wherever: only whose requests are refused can be said before. */
void provokes_random(struct world *world);

/* Places that are worth a call, once it is known what is reserved. */
void choose_windows(struct world *world);

/* A number below count: each as often as its weight says; weights lie stride bytes apart. */
int choose(struct test *t, const uint8_t *weights, int count, size_t stride);

/* model_calls.c */
void play_iommufd(void *state, const struct step *step, struct tally *tally,
		  struct finding *finding);
uint64_t step_iova(const struct world *world, const struct step *step);
uint64_t step_length(const struct step *step);
uint64_t step_memory(const struct step *step);

uint32_t ioas_id(const struct world *world, int object);
uint32_t object_id(const struct world *world, int object);

/* Compares an answer. Return: whether the call succeeded, as it had to. */
bool judge(int result, const struct errnos *errnos, struct tally *tally, struct finding *finding);

/* model_iommufd.c: moves the step to where an earlier one has mapped something: it may well be there still. */
void aim(struct test *t, const struct script *script, struct step *step);

/* model_attach.c */
void call_hwpt_alloc(struct world *world, const struct step *step, struct tally *tally,
		     struct finding *finding);
void call_attach(struct world *world, const struct step *step, struct tally *tally,
		 struct finding *finding);
void call_attach_pasid(struct world *world, const struct step *step, struct tally *tally,
		       struct finding *finding);
void call_detach(struct world *world, const struct step *step, struct tally *tally,
		 struct finding *finding);
void call_dma(struct world *world, const struct step *step, struct tally *tally,
	      struct finding *finding);

/* model_rules.c: what a call must answer. */
bool has_table(const struct world *world, int ioas);
struct ranges reserved_in(const struct world *world, int ioas);
/* Whether Linux 7.3 gets such a mapping wrong: more than a page, up to the last address. */
bool spoiled_end(const struct world *world, uint64_t iova, uint64_t length);

void blame_mapping(const struct world *world, int ioas, const struct step *step, uint64_t length,
		   uint64_t memory, struct errnos *errnos);
void blame_memory(const struct world *world, int ioas, const struct mapping *piece,
		  struct errnos *errnos);
void blame_table(const struct world *world, int ioas, bool pasid, struct errnos *errnos);
void blame_device(const struct world *world, int ioas, struct errnos *errnos);
void blame_destroy(const struct world *world, int object, struct errnos *errnos);
void blame_attach(const struct world *world, int object, struct errnos *errnos);
void blame_attach_pasid(const struct world *world, int object, struct errnos *errnos);
void blame_small_pages(const struct world *world, int ioas, struct errnos *errnos);

#endif /* SUITES_MODEL_IOMMUFD_H */
