/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How much of a lab run is the lab's own doing: wall time of `iommut lab`, warm, against the floor, which is the same QEMU, kernel
 * and accelerator booting to an init that powers off at once.
 *
 *   lab_floor IOMMUT INIT SUITES PROFILE TIMES [ARGUMENT...]    further arguments go to iommut lab
 */
#include "lab/lab.h"

#include <gio/gio.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <stdlib.h>

static int compare(gconstpointer a, gconstpointer b)
{
	gint64 x = *(const gint64 *)a, y = *(const gint64 *)b;

	return (x > y) - (x < y);
}

/* Run a command @times times: the median of its wall time in milliseconds, or -1. */
static gint64 median_ms(const char *const *argv, int times)
{
	g_autoptr(GArray) taken = g_array_new(FALSE, FALSE, sizeof(gint64));

	for (int i = 0; i < times; i++) {
		gint64 started = g_get_monotonic_time(), ms;
		g_autoptr(GSubprocess) process = g_subprocess_newv(
			argv, G_SUBPROCESS_FLAGS_STDOUT_SILENCE | G_SUBPROCESS_FLAGS_STDERR_SILENCE,
			NULL);

		/* A run with failures is still a run; one that could not do its job is not. */
		if (!process || !g_subprocess_wait(process, NULL, NULL) ||
		    !g_subprocess_get_if_exited(process) ||
		    g_subprocess_get_exit_status(process) > 1)
			return -1;
		ms = (g_get_monotonic_time() - started) / 1000;
		g_array_append_val(taken, ms);
	}
	g_array_sort(taken, compare);
	return g_array_index(taken, gint64, taken->len / 2);
}

static gint64 floor_ms(lab_config *config, const struct lab_profile *profile,
		       const char *accelerator, int times, gint64 *image_ms)
{
	gint64 started = g_get_monotonic_time();
	g_autofree char *folder = g_dir_make_tmp("iommut-bench-XXXXXX", NULL);
	g_autoptr(GPtrArray) command = NULL;
	g_autoptr(GError) error = NULL;
	gint64 ms = -1;
	static const char *const made[] = { LAB_FILE_IMAGE, LAB_FILE_CONSOLE };
	g_autofree char *image = g_build_filename(folder, LAB_FILE_IMAGE, NULL);

	*image_ms = lab_image_write(config, NULL, image, &error)
			    ? (g_get_monotonic_time() - started) / 1000
			    : -1;
	if (*image_ms >= 0)
		command = lab_qemu_command(config, profile, accelerator, folder, NULL, &error);
	if (command)
		ms = median_ms((const char *const *)command->pdata, times);
	else
		fprintf(stderr, "%s\n", error->message);
	for (size_t i = 0; i < G_N_ELEMENTS(made); i++) {
		g_autofree char *path = g_build_filename(folder, made[i], NULL);

		g_unlink(path);
	}
	g_rmdir(folder);
	return ms;
}

int main(int argc, char **argv)
{
	g_autoptr(GPtrArray) command = g_ptr_array_new();
	g_autoptr(lab_profile) profile = NULL;
	g_autoptr(lab_config) config = NULL;
	g_autoptr(GError) error = NULL;
	g_autofree char *why = NULL;
	const char *accelerator;
	gint64 floor, run, image;
	int times;

	if (argc < 6 || (times = atoi(argv[5])) < 1) {
		fprintf(stderr,
			"usage: lab_floor IOMMUT INIT SUITES PROFILE TIMES [ARGUMENT...]\n");
		return 2;
	}
	config = lab_config_new(NULL, NULL, NULL, &error);
	profile = config ? lab_profile_load(argv[4], &error) : NULL;
	if (!profile) {
		fprintf(stderr, "%s\n", error->message);
		return 2;
	}
	accelerator = lab_accelerator(config, &why);
	g_free(config->agent);
	config->agent = g_strdup(argv[2]);
	g_free(config->suites);
	config->suites = g_strdup(argv[3]);

	g_ptr_array_add(command, argv[1]);
	g_ptr_array_add(command, (char *)"lab");
	g_ptr_array_add(command, (char *)"--profile");
	g_ptr_array_add(command, argv[4]);
	for (int i = 6; i < argc; i++)
		g_ptr_array_add(command, argv[i]);
	g_ptr_array_add(command, NULL);

	floor = floor_ms(config, profile, accelerator, times, &image);
	run = floor < 0 ? -1 : median_ms((const char *const *)command->pdata, times);
	if (floor < 0 || run < 0) {
		fprintf(stderr, "%s could not be measured\n",
			floor < 0 ? "the floor" : "iommut lab");
		return 3;
	}
	printf("%s, %s, median of %d: floor (boot and power off) %.2f s, iommut lab %.2f s, ratio "
	       "%.2f; the guest image took %.2f s\n",
	       argv[4], accelerator, times, floor / 1000.0, run / 1000.0, (double)run / floor,
	       image / 1000.0);
	return 0;
}
