// SPDX-License-Identifier: GPL-2.0-or-later
#include <glib.h>
#include <glib/gstdio.h>

#include "agent/sha256.h"

/* Each length around the edges of a block, against GLib. */
static void test_lengths(void)
{
	g_autofree char *path = NULL;
	char bytes[300], text[SHA256_TEXT];
	int file = g_file_open_tmp("iommut-sha256-XXXXXX", &path, NULL);

	g_assert_cmpint(file, >=, 0);
	g_close(file, NULL);
	for (gsize i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)g_test_rand_int();
	for (gsize length = 0; length <= sizeof(bytes); length++) {
		g_autofree char *expected = g_compute_checksum_for_data(
			G_CHECKSUM_SHA256, (const guchar *)bytes, length);

		g_assert_true(g_file_set_contents(path, bytes, (gssize)length, NULL));
		g_assert_true(sha256_file(path, text));
		g_assert_cmpstr(text, ==, expected);
	}
	g_unlink(path);
}

static void test_unreadable(void)
{
	char text[SHA256_TEXT];

	g_assert_false(sha256_file("/nonexistent", text));
	g_assert_false(sha256_file("/proc", text));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/sha256/lengths", test_lengths);
	g_test_add_func("/sha256/unreadable", test_unreadable);
	return g_test_run();
}
