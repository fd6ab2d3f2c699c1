/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The modules a guest needs from a kernel that has its drivers as modules, in an order that can be loaded. */
#include "lab/lab.h"

#include <archive.h>
#include <archive_entry.h>
#include <string.h>

/*
 * What the lab's guest uses; a kernel that has one built in, or not at all, has no such module. The channel to the agent comes
 * first: what goes wrong later can then be told.
 */
static const char *const wanted[] = { "virtio_pci",       "virtio_console",
				      "pvpanic-pci",      "virtio-iommu",
				      "vfio_iommu_type1", "vfio-pci",
				      "iommufd",          "nvme" };

static void module_free(gpointer data)
{
	struct lab_module *module = data;

	g_free(module->name);
	g_free(module->data);
	g_free(module);
}

char *lab_modules_folder(const char *folder, GError **error)
{
	const char *const below[] = { "", "lib/modules", "usr/lib/modules" };

	for (size_t i = 0; i < G_N_ELEMENTS(below); i++) {
		g_autofree char *parent = g_build_filename(folder, below[i], NULL);
		g_autofree char *direct = g_build_filename(parent, "modules.dep", NULL);
		g_autoptr(GDir) entries = g_dir_open(parent, 0, NULL);
		g_autofree char *found = NULL;
		const char *entry;

		if (g_file_test(direct, G_FILE_TEST_EXISTS))
			return g_steal_pointer(&parent);
		while (entries && (entry = g_dir_read_name(entries))) {
			g_autofree char *file =
				g_build_filename(parent, entry, "modules.dep", NULL);

			if (!g_file_test(file, G_FILE_TEST_EXISTS))
				continue;
			if (found) {
				g_set_error(error, LAB_ERROR, LAB_ERROR_USAGE,
					    "%s holds modules of several kernels: give the folder "
					    "of one",
					    parent);
				return NULL;
			}
			found = g_build_filename(parent, entry, NULL);
		}
		if (found)
			return g_steal_pointer(&found);
	}
	g_set_error(error, LAB_ERROR, LAB_ERROR_USAGE, "%s has no modules.dep (depmod makes it)",
		    folder);
	return NULL;
}

/* "kernel/drivers/vfio/vfio-pci.ko.xz" is module vfio_pci: dashes and underscores are one. */
static char *module_name(const char *path)
{
	char *name = g_path_get_basename(path);
	char *end = strstr(name, ".ko");

	if (end)
		*end = '\0';
	return g_strdelimit(name, "-", '_');
}

/* Whatever compression the distribution chose. */
static bool read_module(const char *path, struct lab_module *module, GError **error)
{
	struct archive *archive = archive_read_new();
	g_autoptr(GByteArray) bytes = g_byte_array_new();
	struct archive_entry *entry;
	char chunk[65536];
	la_ssize_t length;

	archive_read_support_filter_all(archive);
	archive_read_support_format_raw(archive);
	if (archive_read_open_filename(archive, path, sizeof(chunk)) != ARCHIVE_OK ||
	    archive_read_next_header(archive, &entry) != ARCHIVE_OK)
		length = -1;
	else
		while ((length = archive_read_data(archive, chunk, sizeof(chunk))) > 0)
			g_byte_array_append(bytes, (const guint8 *)chunk, length);
	if (length < 0)
		g_set_error(error, LAB_ERROR, LAB_ERROR_USAGE, "cannot read module %s: %s", path,
			    archive_error_string(archive));
	archive_read_free(archive);
	if (length < 0)
		return false;
	module->length = bytes->len;
	module->data = (char *)g_byte_array_free(g_steal_pointer(&bytes), FALSE);
	return true;
}

/* Append the module at @path, which modules.dep names, unless it is there. */
static bool append(GPtrArray *modules, GHashTable *done, const char *root, const char *path,
		   GError **error)
{
	g_autofree char *file = g_build_filename(root, path, NULL);
	g_autofree char *name = module_name(path);
	struct lab_module *module;

	if (!g_hash_table_add(done, g_strdup(path)))
		return true;
	module = g_new0(struct lab_module, 1);
	module->name = g_strconcat(name, ".ko", NULL);
	g_ptr_array_add(modules, module);
	return read_module(file, module, error);
}

GPtrArray *lab_modules(const char *folder, GError **error)
{
	g_autoptr(GPtrArray) modules = g_ptr_array_new_with_free_func(module_free);
	g_autoptr(GHashTable) done = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	/* Name of a module to its line in modules.dep, cut at the colon: path, dependencies. */
	g_autoptr(GHashTable) lines = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	g_autofree char *file = NULL;
	g_autofree char *text = NULL;
	g_auto(GStrv) all = NULL;

	file = g_build_filename(folder, "modules.dep", NULL);
	if (!g_file_get_contents(file, &text, NULL, error))
		return NULL;
	all = g_strsplit(text, "\n", -1);
	for (char **line = all; *line; line++)
		if (strchr(*line, ':')) {
			*strchr(*line, ':') = '\0';
			g_hash_table_insert(lines, module_name(*line), *line);
		}

	for (size_t i = 0; i < G_N_ELEMENTS(wanted); i++) {
		g_autofree char *name = module_name(wanted[i]);
		const char *path = g_hash_table_lookup(lines, name);
		g_auto(GStrv) needed = path ? g_strsplit(path + strlen(path) + 1, " ", -1) : NULL;

		if (!path)
			continue;
		/* modules.dep lists what must be there last first. */
		for (unsigned int n = g_strv_length(needed); n--;)
			if (*needed[n] && !append(modules, done, folder, needed[n], error))
				return NULL;
		if (!append(modules, done, folder, path, error))
			return NULL;
	}
	return g_steal_pointer(&modules);
}
