/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SUITES_P2P_H
#define SUITES_P2P_H

/* Two devices, the memory of one reached by the other through its IOMMU. Everything is given back when the case ends. */

#include <iommut/region.h>

#include "suites/svm.h"

/* What is mapped of the BAR, and where in it: the device's own transfers use its beginning. */
#define WINDOW       (8 * PAGE)
#define WINDOW_START (1ull << 20)

/**
 * struct peers - a device that does DMA, and one whose memory BAR it does it to
 * @t: the case
 * @rig: does DMA
 * @owner: its BAR is reached
 * @bar: the BAR
 * @memory: WINDOW bytes of it from WINDOW_START on, as this process sees them
 * @iova: where the window is mapped for @rig, or is to be
 * @translated: the case's parameter "requests": DMA is translated by ATS first, and the device keeps translations
 * @file: the dma-buf of the window, or -1
 */
struct peers {
	struct test *t;
	struct rig *rig;
	struct rig *owner;
	struct iommut_region *bar;
	uint8_t *memory;
	uint64_t iova;
	bool translated;
	int file;
};

/* Opens both. Skips where a device or its IOMMU cannot do what the case is about. */
struct peers *peers_open(struct test *t);

/* Closes the device whose BAR it is. What was mapped of it, this process' view included, goes before. */
void peers_close_owner(struct peers *peers);

/* A part of the BAR as a dma-buf, closed at the end. Skips where the kernel has none. */
int peers_export(struct rig *owner, uint64_t offset, uint64_t length);

/* Maps a part of a dma-buf for a device, for reading and writing; 0 or a negative errno. */
int peers_map(struct rig *rig, int file, uint64_t start, uint64_t length, uint64_t iova);

/* Exports the window and maps it for the first device. */
struct peers *peers_open_mapped(struct test *t);

/* Memory of a BAR stays the canary for a while. */
void check_bar_stays(struct peers *peers, const struct place *place);
#define expect_bar_stays(peers) check_bar_stays(peers, PLACE("nothing writes to the BAR"))

/* The device writes random bytes over a page of the BAR, whose neighbours stay, and reads others back. */
void check_peer_reaches(struct peers *peers, uint64_t iova, uint8_t *memory,
			const struct place *place);
#define expect_peer_reaches(peers, iova, memory) \
	check_peer_reaches(peers, iova, memory, PLACE("the device reaches the BAR at " #iova))

/* The window is going to be taken away, perhaps under running DMA: the case provokes what is reported then. */
void peers_lose(struct peers *peers);

/* The IOMMU lets through neither a write nor a read of 8 bytes. What is in the BAR is for the case to check. */
void check_peer_refused(struct peers *peers, uint64_t iova, const struct place *place);
#define expect_peer_refused(peers, iova) \
	check_peer_refused(peers, iova, PLACE("the device is refused at " #iova))

/* The device fills a page of the window again and again; returns once it does. */
void peers_storm(struct peers *peers);

#endif /* SUITES_P2P_H */
