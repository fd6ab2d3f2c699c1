/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
#ifndef ENGINES_IGB_H
#define ENGINES_IGB_H

/* The Ethernet controller beneath the engine: registers, link, queues. Private to the engine. */

#include <iommut/region.h>

#include "engines/engine.h"

#define IGB_REG_CTRL_EXT      0x0018
#define IGB_CTRL_EXT_DRV_LOAD (1u << 28)
#define IGB_REG_EICS          0x1520
#define IGB_REG_RDT           0xc018
#define IGB_REG_TDH           0xe010
#define IGB_REG_TDT           0xe018

#define IGB_DESCRIPTORS 64
#define IGB_PIECE       1024u
#define IGB_FENCE       64u
#define IGB_BUFFER_SIZE 4096u
#define IGB_VECTORS     10

/* Where things are in staging memory. */
#define IGB_AT_TX        0x0000u
#define IGB_AT_RX        0x0400u
#define IGB_AT_HEADER    0x0800u
#define IGB_AT_HEADER_IN 0x0c00u
#define IGB_AT_FENCE     0x1000u
#define IGB_AT_FENCE_IN  0x1400u
#define IGB_AT_BUFFER    0x4000u

struct igb_tx {
	uint64_t address;
	uint32_t command_length;
	uint32_t status;
};

/* As given to the device; it writes status and length over it. */
struct igb_rx {
	uint64_t address;
	uint32_t status;
	uint16_t length;
	uint16_t vlan;
};

struct igb {
	struct iommut_region *bar;
	/* The queues are set up for this staging memory; 0 length if they are not. */
	struct engine_staging queues;
	uint32_t tx;
	uint32_t rx;
	uint32_t first;
	uint32_t fence;
	uint32_t length;
	int64_t fetched_ms;
	bool busy;
	bool aborted;
	bool confused;
};

int igb_get(struct igb *igb, uint32_t reg, uint32_t *value);
int igb_set(struct igb *igb, uint32_t reg, uint32_t value);

/* Opens BAR 0 and sets the device up. */
int igb_open(struct engine *engine);

/* Brings the device from whatever state to rest, ready for queues. */
int igb_set_up(struct igb *igb);

int igb_queues_off(struct igb *igb);

/* Nothing of the device's touches memory after it, and no interrupt comes. */
void igb_close(struct igb *igb);

/* Queues in staging memory, whatever happened to the device or that memory since the last transfer. */
int igb_make_ready(struct engine *engine);

#endif /* ENGINES_IGB_H */
