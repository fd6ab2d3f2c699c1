/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The guest's file system: an uncompressed newc archive, the fastest to make and to boot. */
#include "lab/lab.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/protocol.h"

#define LIST_TIMEOUT_S 10

#include "runner/foreign.h"

static bool failed(struct archive *archive, GError **error)
{
	int number = archive_errno(archive);

	g_set_error(error, LAB_ERROR, LAB_ERROR_SYSTEM, "cannot write the guest image: %s%s%s",
		    archive_error_string(archive), number > 0 ? ": " : "",
		    number > 0 ? g_strerror(number) : "");
	return false;
}

static bool add(struct archive *archive, const char *name, unsigned int type, unsigned int mode,
		unsigned int major_number, unsigned int minor_number, const char *data,
		size_t length, GError **error)
{
	struct archive_entry *entry = archive_entry_new();
	bool ok;

	archive_entry_set_pathname(entry, name);
	archive_entry_set_filetype(entry, type);
	archive_entry_set_perm(entry, mode);
	archive_entry_set_size(entry, length);
	archive_entry_set_nlink(entry, 1);
	if (type == AE_IFCHR) {
		archive_entry_set_rdevmajor(entry, major_number);
		archive_entry_set_rdevminor(entry, minor_number);
	}
	ok = archive_write_header(archive, entry) == ARCHIVE_OK &&
	     (!length || archive_write_data(archive, data, length) == (la_ssize_t)length);
	archive_entry_free(entry);
	return ok || failed(archive, error);
}

static bool add_file(struct archive *archive, const char *name, const char *path, GError **error)
{
	g_autofree char *data = NULL;
	size_t length;

	if (!g_file_get_contents(path, &data, &length, error)) {
		if (error && *error)
			(*error)->domain = LAB_ERROR, (*error)->code = LAB_ERROR_SYSTEM;
		return false;
	}
	return add(archive, name, AE_IFREG, 0755, 0, 0, data, length, error);
}

/* In the suite's process: no list takes so long. */
static void end_in_time(gpointer data)
{
	alarm(LIST_TIMEOUT_S);
}

/*
 * A suite knows its cases without looking at the machine, so it is asked here: in the guest, on an emulated processor, all of them
 * take most of a second. One that does not run here is asked there.
 */
static bool add_list(struct archive *archive, char *suite, const char *name, GError **error)
{
	g_autofree char *path = g_strdup_printf("suites/" SUITE_LIST_NAME, name);
	char *command[] = { suite, (char *)"--list", NULL };
	g_autofree char *output = NULL;
	int status;

	/* A QEMU that is started meanwhile must not hold the other end of this pipe for as long as it lives. */
	if (!g_spawn_sync(NULL, command, NULL, G_SPAWN_STDERR_TO_DEV_NULL | G_SPAWN_CLOEXEC_PIPES,
			  end_in_time, NULL, &output, NULL, &status, NULL) ||
	    status != 0)
		return true;
	return add(archive, path, AE_IFREG, 0644, 0, 0, output, strlen(output), error);
}

/* A build folder holds more than programs: only executable files are suites. */
static bool add_suites(struct archive *archive, const char *path, const char *const *chosen,
		       GError **error)
{
	g_autoptr(GDir) folder = g_dir_open(path, 0, error);
	unsigned int suites = 0;
	const char *entry;

	if (!folder)
		return false;
	while ((entry = g_dir_read_name(folder))) {
		g_autofree char *file = g_build_filename(path, entry, NULL);
		g_autofree char *name = g_build_filename("suites", entry, NULL);

		if (g_file_test(file, G_FILE_TEST_IS_DIR) ||
		    !g_file_test(file, G_FILE_TEST_IS_EXECUTABLE))
			continue;
		suites++;
		if (chosen && !g_strv_contains(chosen, entry))
			continue;
		if (!add_file(archive, name, file, error) || !add_list(archive, file, entry, error))
			return false;
	}
	if (!suites)
		g_set_error(error, LAB_ERROR, LAB_ERROR_SYSTEM, "no suites in %s", path);
	return suites;
}

/* Modules are loaded in the order of their names, so the names carry the order. */
static bool add_modules(struct archive *archive, const char *folder, GError **error)
{
	g_autoptr(GPtrArray) modules = lab_modules(folder, error);

	if (!modules)
		return false;
	for (unsigned int i = 0; i < modules->len; i++) {
		struct lab_module *module = modules->pdata[i];
		g_autofree char *name = g_strdup_printf("modules/%04u-%s", i, module->name);

		if (!add(archive, name, AE_IFREG, 0644, 0, 0, module->data, module->length, error))
			return false;
	}
	return true;
}

/* The folders on the way to a file, from the outermost. */
static bool add_folders(struct archive *archive, const char *path, GHashTable *there,
			GError **error)
{
	for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
		char *folder = g_strndup(path, slash - path);

		if (g_hash_table_add(there, folder) &&
		    !add(archive, folder, AE_IFDIR, 0755, 0, 0, NULL, 0, error))
			return false;
	}
	return true;
}

static bool add_tests(struct archive *archive, const GPtrArray *tests, GError **error)
{
	g_autoptr(GHashTable) there = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	g_autoptr(GPtrArray) files = foreign_files(tests);

	for (unsigned int i = 0; i < files->len; i++) {
		const struct foreign_file *file = files->pdata[i];
		g_autofree char *name = g_build_filename("tests", file->to, NULL);
		g_autofree char *interpreter = lab_interpreter(file->from);

		if (interpreter) {
			g_set_error(error, LAB_ERROR, LAB_ERROR_USAGE,
				    "%s needs %s, and the guest has none: link it with -static",
				    file->from, interpreter);
			return false;
		}
		if (!add_folders(archive, name, there, error) ||
		    !add_file(archive, name, file->from, error))
			return false;
	}
	return true;
}

static bool fill(struct archive *archive, const struct lab_config *config, const GPtrArray *tests,
		 GError **error)
{
	static const char *const folders[] = { "dev", "proc",    "sys",   "tmp",
					       "run", "modules", "suites" };

	for (size_t i = 0; i < G_N_ELEMENTS(folders); i++)
		if (!add(archive, folders[i], AE_IFDIR, 0755, 0, 0, NULL, 0, error))
			return false;
	/* The kernel opens it for init before anything is mounted on /dev. */
	if (!add(archive, "dev/console", AE_IFCHR, 0600, 5, 1, NULL, 0, error))
		return false;
	return add_file(archive, "init", config->agent, error) &&
	       add_suites(archive, config->suites, (const char *const *)config->chosen, error) &&
	       add_tests(archive, tests, error) &&
	       (!config->modules || add_modules(archive, config->modules, error));
}

bool lab_image_write(const struct lab_config *config, const GPtrArray *tests, const char *path,
		     GError **error)
{
	struct archive *archive = archive_write_new();
	bool ok;

	ok = (archive_write_set_format_cpio_newc(archive) == ARCHIVE_OK &&
	      archive_write_add_filter_none(archive) == ARCHIVE_OK &&
	      archive_write_open_filename(archive, path) == ARCHIVE_OK) ||
	     failed(archive, error);
	ok = ok && fill(archive, config, tests, error);
	if (ok && archive_write_close(archive) != ARCHIVE_OK)
		ok = failed(archive, error);
	archive_write_free(archive);
	return ok;
}
