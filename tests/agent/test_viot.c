// SPDX-License-Identifier: GPL-2.0-or-later
/* Endpoint IDs to functions: right, beside the ranges, and with tables that are cut. */
#include <errno.h>
#include <glib.h>
#include <string.h>

#include "agent/viot.h"

#define RANGE 24
#define TABLE (48 + 16 + 2 * RANGE)

static void put16(uint8_t *at, uint16_t value)
{
	at[0] = (uint8_t)value;
	at[1] = (uint8_t)(value >> 8);
}

static void range(uint8_t *node, uint32_t endpoint, uint16_t segments[2], uint16_t functions[2])
{
	node[0] = 1;
	put16(node + 2, RANGE);
	put16(node + 4, (uint16_t)endpoint);
	put16(node + 6, (uint16_t)(endpoint >> 16));
	put16(node + 8, segments[0]);
	put16(node + 10, segments[1]);
	put16(node + 12, functions[0]);
	put16(node + 14, functions[1]);
}

/* A node that is no range (the virtio-iommu itself), bus 0 to 0xff one to one, and segments 2 and 3 from bus 1 on. */
static void example(uint8_t *table)
{
	memset(table, 0, TABLE);
	memcpy(table, "VIOT", 4);
	put16(table + 36, 3);
	put16(table + 38, 48);
	table[48] = 3;
	put16(table + 50, 16);
	range(table + 64, 0, (uint16_t[]){ 0, 0 }, (uint16_t[]){ 0, 0xffff });
	range(table + 64 + RANGE, 0x100000, (uint16_t[]){ 2, 3 }, (uint16_t[]){ 0x100, 0x1ff });
}

static void found(const uint8_t *table, uint32_t endpoint, const char *expected)
{
	struct iommut_bdf bdf;
	char name[IOMMUT_BDF_SIZE + 4];

	g_assert_cmpint(viot_requester(table, TABLE, endpoint, &bdf), ==, 0);
	iommut_bdf_format(&bdf, name, sizeof(name));
	g_assert_cmpstr(name, ==, expected);
}

static void endpoints(void)
{
	uint8_t table[TABLE];
	struct iommut_bdf bdf;

	example(table);
	found(table, 0x108, "0000:01:01.0");
	found(table, 0xffff, "0000:ff:1f.7");
	found(table, 0x100000, "0002:01:00.0");
	found(table, 0x100000 + 0xff, "0002:01:1f.7");
	found(table, 0x110000 + 1, "0003:01:00.1");
	g_assert_cmpint(viot_requester(table, TABLE, 0x10000, &bdf), ==, -ENOENT);
	g_assert_cmpint(viot_requester(table, TABLE, 0x100100, &bdf), ==, -ENOENT);
	g_assert_cmpint(viot_requester(table, TABLE, 0x120000, &bdf), ==, -ENOENT);
}

static void cut(void)
{
	uint8_t table[TABLE];
	struct iommut_bdf bdf;

	example(table);
	for (size_t length = 0; length < TABLE; length++) {
		/* On the heap, so that a tool that watches memory sees each byte too many. */
		g_autofree uint8_t *copy = g_memdup2(table, length);

		g_assert_cmpint(viot_requester(copy, length, 0x110001, &bdf), ==, -ENOENT);
	}
	for (size_t at = 36; at < TABLE; at++) {
		example(table);
		table[at] ^= 0xff;
		(void)viot_requester(table, TABLE, 0x110001, &bdf);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/viot/endpoints", endpoints);
	g_test_add_func("/viot/cut", cut);
	return g_test_run();
}
