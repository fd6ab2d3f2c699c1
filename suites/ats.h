/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SUITES_ATS_H
#define SUITES_ATS_H

/* What the cases about ATS share: a device that keeps translations, and questions to it. */

#include "suites/svm.h"

/* Lets the device keep translations, beginning with none, and its counters at 0. */
void ats_keep(struct rig *rig);

/* Opens the case's device in an address space; it keeps translations. Skips where ATS is off. */
struct rig *ats_open(struct test *t);

/* A translation request; how it ended, and what came back. */
enum engine_status ats_translate(struct rig *rig, uint64_t iova, uint32_t pasid, bool write,
				 struct engine_result *result);

/* The device obtains a translation for writing, and it is kept. */
void ats_hold(struct rig *rig, uint64_t iova, uint32_t pasid);

/* Whether the device keeps a translation for an address. */
bool ats_held(struct rig *rig, uint64_t iova, uint32_t pasid);

/* A DMA that is translated by ATS first: 8 bytes. How it ended. */
enum engine_status ats_write(struct rig *rig, uint64_t iova, uint32_t pasid, uint64_t value);
enum engine_status ats_read(struct rig *rig, uint64_t iova, uint32_t pasid, uint64_t *value);

/* The device neither keeps a translation nor reaches anything with one. */
void check_ats_gone(struct rig *rig, uint64_t iova, uint32_t pasid, const struct place *place);
#define expect_ats_gone(rig, iova, pasid) \
	check_ats_gone(rig, iova, pasid, PLACE("no translation is left for " #iova))

/* The device reaches memory through a translation: writes and reads back 8 bytes at its start. */
void check_ats_reaches(struct rig *rig, uint64_t iova, uint32_t pasid, void *memory,
		       const struct place *place);
#define expect_ats_reaches(rig, iova, pasid, memory) \
	check_ats_reaches(rig, iova, pasid, memory, PLACE("translated DMA reaches " #iova))

/* The physical address of memory of this process; 0 if the kernel does not tell. */
uint64_t ats_physical(const void *memory);

/* Every page of a range lies in an invalidation that the device received since ats_keep(), with this PASID. */
void check_ats_logged(struct rig *rig, uint64_t iova, uint64_t length, uint32_t pasid,
		      const struct place *place);
#define expect_ats_logged(rig, iova, length, pasid) \
	check_ats_logged(rig, iova, length, pasid, PLACE("invalidations cover " #iova))

#endif /* SUITES_ATS_H */
