/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/cli/command.h"

#include <glib/gstdio.h>
#include <stdarg.h>
#include <string.h>

static void remove_tree(const char *path)
{
	g_autoptr(GDir) dir = NULL;
	const char *entry;

	if (!g_file_test(path, G_FILE_TEST_IS_SYMLINK))
		dir = g_dir_open(path, 0, NULL);
	while (dir && (entry = g_dir_read_name(dir))) {
		g_autofree char *child = g_build_filename(path, entry, NULL);

		remove_tree(child);
	}
	g_remove(path);
}

static char *new_folder(const char *parent, const char *name)
{
	char *path = g_build_filename(parent, name, NULL);

	g_assert_cmpint(g_mkdir(path, 0755), ==, 0);
	return path;
}

struct world *world_new(const char *cache)
{
	struct world *world = g_new0(struct world, 1);
	g_autoptr(GError) error = NULL;

	world->folder = g_dir_make_tmp("iommut-test-XXXXXX", &error);
	g_assert_no_error(error);
	world->cache = cache ? g_strdup(cache) : new_folder(world->folder, "cache");
	world->state = new_folder(world->folder, "state");
	world->tmp = new_folder(world->folder, "tmp");
	return world;
}

void world_free(struct world *world)
{
	g_autoptr(GDir) tmp = g_dir_open(world->tmp, 0, NULL);

	g_assert_cmpstr(g_dir_read_name(tmp), ==, NULL);
	remove_tree(world->folder);
	g_free(world->folder);
	g_free(world->cache);
	g_free(world->state);
	g_free(world->tmp);
	g_free(world);
}

void ended_free(struct ended *ended)
{
	g_free(ended->output);
	g_free(ended);
}

static GSubprocess *start(const struct world *world, const char *const *command)
{
	g_autoptr(GSubprocessLauncher) launcher = g_subprocess_launcher_new(
		G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_MERGE);
	g_autoptr(GError) error = NULL;
	GSubprocess *process;

	g_subprocess_launcher_setenv(launcher, "IOMMUT_CACHE", world->cache, TRUE);
	g_subprocess_launcher_setenv(launcher, "XDG_STATE_HOME", world->state, TRUE);
	g_subprocess_launcher_setenv(launcher, "TMPDIR", world->tmp, TRUE);
	g_subprocess_launcher_setenv(launcher, "LC_ALL", "C.UTF-8", TRUE);
	process = g_subprocess_launcher_spawnv(launcher, command, &error);
	g_assert_no_error(error);
	return process;
}

struct ended *run_command(const struct world *world, const char *const *command)
{
	g_autoptr(GSubprocess) process = start(world, command);
	struct ended *ended = g_new0(struct ended, 1);
	g_autoptr(GError) error = NULL;

	g_subprocess_communicate_utf8(process, NULL, NULL, &ended->output, NULL, &error);
	g_assert_no_error(error);
	ended->status =
		g_subprocess_get_if_exited(process) ? g_subprocess_get_exit_status(process) : -1;
	return ended;
}

static GPtrArray *words_of(const char *first, va_list rest)
{
	GPtrArray *words = g_ptr_array_new();

	g_ptr_array_add(words, (char *)g_getenv("IOMMUT"));
	for (const char *word = first; word; word = va_arg(rest, const char *))
		g_ptr_array_add(words, (char *)word);
	g_ptr_array_add(words, NULL);
	return words;
}

struct ended *iommut(const struct world *world, const char *first, ...)
{
	g_autoptr(GPtrArray) words = NULL;
	va_list rest;

	va_start(rest, first);
	words = words_of(first, rest);
	va_end(rest);
	return run_command(world, (const char *const *)words->pdata);
}

GSubprocess *iommut_started(const struct world *world, const char *first, ...)
{
	g_autoptr(GPtrArray) words = NULL;
	va_list rest;

	va_start(rest, first);
	words = words_of(first, rest);
	va_end(rest);
	return start(world, (const char *const *)words->pdata);
}

void assert_ended(const struct ended *ended, int status, const char *words)
{
	if (ended->status != status || !strstr(ended->output, words)) {
		g_test_message("expected status %d and \"%s\", got status %d and:\n%s", status,
			       words, ended->status, ended->output);
		g_test_fail();
	}
}

static gboolean file_of_process_has(const char *process, const char *file, const char *words)
{
	g_autofree char *path = g_build_filename("/proc", process, file, NULL);
	g_autofree char *text = NULL;
	gsize length;

	return g_file_get_contents(path, &text, &length, NULL) &&
	       memmem(text, length, words, strlen(words));
}

pid_t guest_of(const struct world *world)
{
	g_autofree char *setting = g_strconcat("TMPDIR=", world->tmp, NULL);
	g_autoptr(GDir) proc = g_dir_open("/proc", 0, NULL);
	const char *entry;

	while ((entry = g_dir_read_name(proc)))
		if (g_ascii_isdigit(*entry) &&
		    file_of_process_has(entry, "cmdline", "qemu-system") &&
		    file_of_process_has(entry, "environ", setting))
			return (pid_t)g_ascii_strtoll(entry, NULL, 10);
	return 0;
}
