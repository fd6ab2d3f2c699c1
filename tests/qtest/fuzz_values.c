/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the fuzzer writes: values that mean something to each register more often than not, and any others. */
#include "fuzz.h"

enum kind {
	ANY,
	ADDRESS,
	OPERATION,
	LENGTH,
	SMALL,
	PASID,
	BIT,
	RARE_BIT,
	RING_COUNT,
	PRI_FLAGS,
};

struct known {
	unsigned int offset;
	enum kind kind;
	bool wide;
};

#define DESC(field) (TESTDEV_TRANSFER + TESTDEV_DESC_##field)

/* Those that start something, or say what, are there more than once. */
static const struct known registers[] = {
	{ TESTDEV_LEGACY_ADDRESS, ADDRESS, true },
	{ TESTDEV_LEGACY_COMMAND, SMALL, true },
	{ TESTDEV_LEGACY_COMMAND, SMALL, false },
	{ TESTDEV_SCRATCH, ANY, true },
	{ TESTDEV_CONTROL, SMALL, false },
	{ TESTDEV_CONTROL, ANY, false },
	{ TESTDEV_MISBEHAVE, ANY, false },
	{ TESTDEV_FORGED_RID, ANY, false },
	{ TESTDEV_FLOOD_COUNT, SMALL, false },
	{ DESC(OPERATION), OPERATION, false },
	{ DESC(OPERATION), OPERATION, false },
	{ DESC(OPERATION), OPERATION, false },
	{ DESC(PASID), PASID, false },
	{ DESC(IOVA), ADDRESS, true },
	{ DESC(IOVA), ADDRESS, true },
	{ DESC(TARGET), ADDRESS, true },
	{ DESC(LENGTH), LENGTH, false },
	{ DESC(LENGTH), LENGTH, false },
	{ DESC(STRIDE), LENGTH, false },
	{ DESC(OPERAND), ANY, true },
	{ DESC(SWAP), ANY, true },
	{ DESC(REPEAT), SMALL, false },
	{ DESC(REPEAT), LENGTH, false },
	{ DESC(VECTOR), SMALL, false },
	{ DESC(BUFFER), LENGTH, false },
	{ DESC(TAG), ANY, false },
	{ TESTDEV_START, BIT, false },
	{ TESTDEV_START, BIT, false },
	{ TESTDEV_START, BIT, false },
	{ TESTDEV_RING_BASE, ADDRESS, true },
	{ TESTDEV_RING_RESULTS, ADDRESS, true },
	{ TESTDEV_RING_COUNT, RING_COUNT, false },
	{ TESTDEV_RING_TAIL, SMALL, false },
	{ TESTDEV_RING_TAIL, ANY, false },
	{ TESTDEV_RING_ERROR, BIT, false },
	{ TESTDEV_STORM, RARE_BIT, false },
	{ TESTDEV_STORM_PAUSE, SMALL, false },
	{ TESTDEV_INTERRUPT, SMALL, false },
	{ TESTDEV_INTX_STATE, BIT, false },
	{ TESTDEV_SEND_ADDRESS, ADDRESS, true },
	{ TESTDEV_SEND_DATA, ANY, false },
	{ TESTDEV_SEND, BIT, false },
	{ TESTDEV_TLB_QUERY_IOVA, ADDRESS, true },
	{ TESTDEV_TLB_QUERY_PASID, PASID, false },
	{ TESTDEV_INVAL_INDEX, SMALL, false },
	{ TESTDEV_PRI_IOVA, ADDRESS, true },
	{ TESTDEV_PRI_PASID, PASID, false },
	{ TESTDEV_PRI_GROUP, SMALL, false },
	{ TESTDEV_PRI_SEND, PRI_FLAGS, false },
	{ TESTDEV_PRI_SEND, PRI_FLAGS, false },
	{ TESTDEV_PRI_INDEX, SMALL, false },
};

uint32_t below(struct fuzz *fuzz, uint32_t bound)
{
	return g_rand_int(fuzz->rand) % bound;
}

static uint64_t any(struct fuzz *fuzz)
{
	switch (below(fuzz, 6)) {
	case 0:
		return 0;
	case 1:
		return UINT64_MAX;
	case 2:
		return 1ull << below(fuzz, 64);
	case 3:
		return (1ull << below(fuzz, 64)) - 1;
	case 4:
		return below(fuzz, 256);
	default:
		return (uint64_t)g_rand_int(fuzz->rand) << 32 | g_rand_int(fuzz->rand);
	}
}

uint64_t some_address(struct fuzz *fuzz)
{
	static const uint32_t inside[] = { 0,     1,     4,     8,     0x134, 0x140, 0x180,
					   0x214, 0x220, 0x25c, 0x310, 4088,  4092,  4095 };
	uint32_t offset =
		below(fuzz, 2) ? inside[below(fuzz, G_N_ELEMENTS(inside))] : below(fuzz, 4096);

	switch (below(fuzz, 8)) {
	case 0:
		return any(fuzz);
	case 1:
		return 0xfee00000 + below(fuzz, 0x100000);
	case 2:
		return fuzz->places[below(fuzz, fuzz->place_count)] + offset;
	default:
		return FUZZ_IOVA + 4096ull * below(fuzz, FUZZ_PAGES + 2) + offset;
	}
}

static uint32_t length(struct fuzz *fuzz)
{
	static const uint32_t lengths[] = { 0,     1,         2,    3,    4,        8,
					    64,    4095,      4096, 4097, 1u << 16, (1u << 20) + 1,
					    65537, UINT32_MAX };

	/* The longest takes as long as hundreds of others. */
	if (below(fuzz, 64) == 0)
		return 1u << 20;
	return below(fuzz, 2) ? below(fuzz, 300) : lengths[below(fuzz, G_N_ELEMENTS(lengths))];
}

static uint64_t value_of(struct fuzz *fuzz, enum kind kind)
{
	if (below(fuzz, 16) == 0)
		return any(fuzz);
	switch (kind) {
	case ADDRESS:
		return some_address(fuzz);
	case OPERATION:
		return below(fuzz, TESTDEV_OP_MAX + 2) |
		       (g_rand_int(fuzz->rand) & g_rand_int(fuzz->rand) & 0xff00);
	case LENGTH:
		return length(fuzz);
	case SMALL:
		return below(fuzz, 40);
	case PASID:
		return below(fuzz, 4) ? below(fuzz, 4) : TESTDEV_NO_PASID;
	case BIT:
		return below(fuzz, 4) != 0;
	/* Storms that never end leave little time for anything else. */
	case RARE_BIT:
		return below(fuzz, 8) == 0;
	case RING_COUNT:
		return below(fuzz, 4) ? 1u << below(fuzz, 12) : below(fuzz, 2000);
	case PRI_FLAGS:
		return below(fuzz, 32);
	default:
		return any(fuzz);
	}
}

void some_register(struct fuzz *fuzz, struct access *access)
{
	const struct known *known = &registers[below(fuzz, G_N_ELEMENTS(registers))];

	if (below(fuzz, 32) == 0) {
		access->bytes = 1u << below(fuzz, 4);
		access->offset = below(fuzz, TESTDEV_REGISTERS_SIZE) & ~(access->bytes - 1);
		access->value = any(fuzz);
		return;
	}
	access->offset = known->offset;
	access->value = value_of(fuzz, known->kind);
	access->bytes = known->wide ? 8 : 4;
	/* One half of it. */
	if (known->wide && below(fuzz, 8) == 0) {
		access->bytes = 4;
		if (below(fuzz, 2)) {
			access->offset += 4;
			access->value >>= 32;
		}
	}
}

void some_descriptor(struct fuzz *fuzz, uint8_t *bytes)
{
	static const struct known fields[] = {
		{ TESTDEV_DESC_OPERATION, OPERATION, false },
		{ TESTDEV_DESC_PASID, PASID, false },
		{ TESTDEV_DESC_IOVA, ADDRESS, true },
		{ TESTDEV_DESC_TARGET, ADDRESS, true },
		{ TESTDEV_DESC_LENGTH, LENGTH, false },
		{ TESTDEV_DESC_STRIDE, LENGTH, false },
		{ TESTDEV_DESC_OPERAND, ANY, true },
		{ TESTDEV_DESC_SWAP, ANY, true },
		{ TESTDEV_DESC_REPEAT, SMALL, false },
		{ TESTDEV_DESC_VECTOR, SMALL, false },
		{ TESTDEV_DESC_BUFFER, LENGTH, false },
		{ TESTDEV_DESC_TAG, ANY, false },
	};

	for (unsigned int i = 0; i < G_N_ELEMENTS(fields); i++) {
		uint64_t value = GUINT64_TO_LE(value_of(fuzz, fields[i].kind));

		memcpy(bytes + fields[i].offset, &value, fields[i].wide ? 8 : 4);
	}
}

uint32_t some_number(struct fuzz *fuzz)
{
	return any(fuzz);
}
