// SPDX-License-Identifier: GPL-2.0-or-later
#include "runner/random.h"

guint64 random_next(guint64 *state)
{
	guint64 z = *state += G_GUINT64_CONSTANT(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * G_GUINT64_CONSTANT(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * G_GUINT64_CONSTANT(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

/* FNV-1a, then mixed: its low bits alone are not even. */
guint64 random_hash(const char *text)
{
	guint64 hash = G_GUINT64_CONSTANT(0xcbf29ce484222325);

	for (; *text; text++)
		hash = (hash ^ (guchar)*text) * G_GUINT64_CONSTANT(0x100000001b3);
	return random_next(&hash);
}
