/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Profiles: key files that say which machine, IOMMU and devices a guest has. */
#include "lab/lab.h"

#include <string.h>

G_DEFINE_QUARK(lab - error - quark, lab_error)

static void option_free(gpointer data)
{
	struct lab_option *option = data;

	g_strfreev(option->names);
	g_free(option->value);
	g_free(option);
}

void lab_profile_free(struct lab_profile *profile)
{
	if (!profile)
		return;
	g_free(profile->name);
	g_free(profile->file);
	g_free(profile->description);
	g_free(profile->machine);
	g_free(profile->iommu);
	g_free(profile->append);
	g_free(profile->memory);
	g_free(profile->testdev_options);
	g_ptr_array_unref(profile->options);
	g_ptr_array_unref(profile->others);
	g_ptr_array_unref(profile->extra);
	g_free(profile);
}

/* A key that may be absent: NULL and 0 then, but a value that cannot be read is an error. */
static bool absent(GError **error)
{
	if (!g_error_matches(*error, G_KEY_FILE_ERROR, G_KEY_FILE_ERROR_KEY_NOT_FOUND) &&
	    !g_error_matches(*error, G_KEY_FILE_ERROR, G_KEY_FILE_ERROR_GROUP_NOT_FOUND))
		return false;
	g_clear_error(error);
	return true;
}

static bool read_text(GKeyFile *file, const char *group, const char *key, char **value,
		      GError **error)
{
	GError *problem = NULL;

	*value = g_key_file_get_string(file, group, key, &problem);
	if (*value || absent(&problem))
		return true;
	g_propagate_error(error, problem);
	return false;
}

static bool read_count(GKeyFile *file, const char *key, unsigned int *value, GError **error)
{
	GError *problem = NULL;
	int count = g_key_file_get_integer(file, "devices", key, &problem);

	if (problem && !absent(&problem)) {
		g_propagate_error(error, problem);
		return false;
	}
	if (count < 0 || count > 16) {
		g_set_error(error, LAB_ERROR, LAB_ERROR_USAGE,
			    "%s=%d: a guest has 0 to 16 of a device", key, count);
		return false;
	}
	*value = count;
	return true;
}

static bool read_switch(GKeyFile *file, const char *key, bool *value, GError **error)
{
	GError *problem = NULL;

	*value = g_key_file_get_boolean(file, "profile", key, &problem);
	if (!problem || absent(&problem))
		return true;
	g_propagate_error(error, problem);
	return false;
}

/* A misspelt key would otherwise silently make another lab than meant. */
static bool keys_known(GKeyFile *file, GError **error)
{
	static const char *const known[] = { "profile/description",
					     "profile/machine",
					     "profile/iommu",
					     "profile/append",
					     "profile/memory",
					     "profile/default",
					     "profile/sleeps",
					     "devices/testdev",
					     "devices/testdev-options",
					     "devices/edu",
					     "devices/others",
					     "devices/extra",
					     NULL };
	g_auto(GStrv) groups = g_key_file_get_groups(file, NULL);

	for (char **group = groups; *group; group++) {
		g_auto(GStrv) keys = g_key_file_get_keys(file, *group, NULL, NULL);

		if (strcmp(*group, "options") == 0)
			continue;
		for (char **key = keys; keys && *key; key++) {
			g_autofree char *path = g_strdup_printf("%s/%s", *group, *key);

			if (g_strv_contains(known, path))
				continue;
			g_set_error(error, LAB_ERROR, LAB_ERROR_USAGE,
				    "unknown key %s in group [%s]", *key, *group);
			return false;
		}
	}
	return true;
}

static bool parse(GKeyFile *file, struct lab_profile *profile, GError **error)
{
	g_auto(GStrv) options = NULL;
	g_auto(GStrv) others = NULL;
	g_auto(GStrv) extra = NULL;

	if (!keys_known(file, error) ||
	    !read_text(file, "profile", "description", &profile->description, error) ||
	    !read_text(file, "profile", "machine", &profile->machine, error) ||
	    !read_text(file, "profile", "iommu", &profile->iommu, error) ||
	    !read_text(file, "profile", "append", &profile->append, error) ||
	    !read_text(file, "profile", "memory", &profile->memory, error) ||
	    !read_switch(file, "default", &profile->by_default, error) ||
	    !read_switch(file, "sleeps", &profile->sleeps, error) ||
	    !read_text(file, "devices", "testdev-options", &profile->testdev_options, error) ||
	    !read_count(file, "testdev", &profile->testdev, error) ||
	    !read_count(file, "edu", &profile->edu, error))
		return false;
	if (!profile->machine || !profile->description) {
		g_set_error(error, LAB_ERROR, LAB_ERROR_USAGE,
			    "group [profile] needs machine and description");
		return false;
	}

	options = g_key_file_get_keys(file, "options", NULL, NULL);
	for (char **key = options; key && *key; key++) {
		struct lab_option *option = g_new0(struct lab_option, 1);

		option->names = g_strsplit(*key, "|", -1);
		option->value = g_key_file_get_string(file, "options", *key, NULL);
		g_ptr_array_add(profile->options, option);
	}
	others = g_key_file_get_string_list(file, "devices", "others", NULL, NULL);
	for (char **device = others; device && *device; device++)
		g_ptr_array_add(profile->others, g_strdup(*device));
	extra = g_key_file_get_string_list(file, "devices", "extra", NULL, NULL);
	for (char **device = extra; device && *device; device++)
		g_ptr_array_add(profile->extra, g_strdup(*device));
	return true;
}

struct lab_profile *lab_profile_load(const char *name, GError **error)
{
	g_autoptr(lab_profile) profile = g_new0(struct lab_profile, 1);
	g_autoptr(GKeyFile) file = g_key_file_new();
	g_autofree char *path = NULL;

	profile->file = g_strdup(name);
	profile->options = g_ptr_array_new_with_free_func(option_free);
	profile->others = g_ptr_array_new_with_free_func(g_free);
	profile->extra = g_ptr_array_new_with_free_func(g_free);
	if (strchr(name, '/')) {
		path = g_strdup(name);
		profile->name = g_path_get_basename(name);
		if (g_str_has_suffix(profile->name, ".conf"))
			profile->name[strlen(profile->name) - strlen(".conf")] = '\0';
	} else {
		g_autofree char *folder = lab_profile_folder();
		g_autofree char *base = g_strconcat(name, ".conf", NULL);

		path = g_build_filename(folder, base, NULL);
		profile->name = g_strdup(name);
		if (!g_file_test(path, G_FILE_TEST_EXISTS)) {
			g_set_error(error, LAB_ERROR, LAB_ERROR_USAGE,
				    "unknown profile '%s'; `iommut lab --list-profiles` names them",
				    name);
			return NULL;
		}
	}
	if (!g_key_file_load_from_file(file, path, G_KEY_FILE_NONE, error) ||
	    !parse(file, profile, error)) {
		g_prefix_error(error, "%s: ", path);
		if (error && *error) {
			(*error)->domain = LAB_ERROR;
			(*error)->code = LAB_ERROR_USAGE;
		}
		return NULL;
	}
	return g_steal_pointer(&profile);
}

static int compare_names(gconstpointer a, gconstpointer b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

GPtrArray *lab_profile_names(GError **error)
{
	g_autofree char *path = lab_profile_folder();
	g_autoptr(GDir) folder = g_dir_open(path, 0, error);
	GPtrArray *names;
	const char *entry;

	if (!folder)
		return NULL;
	names = g_ptr_array_new_with_free_func(g_free);
	while ((entry = g_dir_read_name(folder)))
		if (g_str_has_suffix(entry, ".conf"))
			g_ptr_array_add(names, g_strndup(entry, strlen(entry) - strlen(".conf")));
	g_ptr_array_sort(names, compare_names);
	return names;
}
