/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The lab's part of a command line. */
#include "lab/lab.h"

#include <stdio.h>
#include <string.h>

GOptionGroup *lab_option_group(struct lab_options *options)
{
	const GOptionEntry entries[] = {
		{ "profile", 0, 0, G_OPTION_ARG_STRING_ARRAY, &options->profiles,
		  "a lab by name, or a profile file with a slash in its path; may be repeated. "
		  "'all' is every one",
		  "NAME" },
		{ "list-profiles", 0, 0, G_OPTION_ARG_NONE, &options->list,
		  "name the profiles and end", NULL },
		{ "kernel", 0, 0, G_OPTION_ARG_FILENAME, &options->kernel,
		  "the kernel to test: bzImage, vmlinux or a kernel build tree", "PATH" },
		{ "modules", 0, 0, G_OPTION_ARG_FILENAME, &options->modules,
		  "its modules: /lib/modules/VERSION, or where `make modules_install` put it",
		  "DIR" },
		{ "qemu", 0, 0, G_OPTION_ARG_FILENAME, &options->qemu, "the QEMU to use", "PATH" },
		{ "selftests", 0, 0, G_OPTION_ARG_NONE, &options->selftests,
		  "also Linux's own tests of iommufd and VFIO, which the set-up builds", NULL },
		{ "print-qemu", 0, 0, G_OPTION_ARG_NONE, &options->print_qemu,
		  "print QEMU's command lines and end", NULL },
		{ NULL },
	};
	GOptionGroup *group =
		g_option_group_new("lab", "The lab:", "the lab's options", NULL, NULL);

	g_option_group_add_entries(group, entries);
	return group;
}

void lab_options_clear(struct lab_options *options)
{
	g_strfreev(options->profiles);
	g_free(options->kernel);
	g_free(options->modules);
	g_free(options->qemu);
	memset(options, 0, sizeof(*options));
}

static void profile_free(gpointer data)
{
	lab_profile_free(data);
}

/* Results are told apart by the profile's name: the same one counts once, and two of one name are a mistake. */
static bool add_profile(GPtrArray *profiles, struct lab_profile *profile, GError **error)
{
	for (unsigned int i = 0; i < profiles->len; i++) {
		const struct lab_profile *other = profiles->pdata[i];
		bool same = strcmp(other->file, profile->file) == 0;

		if (strcmp(other->name, profile->name) != 0)
			continue;
		if (!same)
			g_set_error(error, LAB_ERROR, LAB_ERROR_USAGE,
				    "--profile %s and %s are both called %s", other->file,
				    profile->file, profile->name);
		lab_profile_free(profile);
		return same;
	}
	g_ptr_array_add(profiles, profile);
	return true;
}

/* All there are, or only those of a lab without --profile. */
static bool add_named(GPtrArray *profiles, bool all, GError **error)
{
	g_autoptr(GPtrArray) names = lab_profile_names(error);

	if (!names)
		return false;
	for (unsigned int i = 0; i < names->len; i++) {
		struct lab_profile *profile = lab_profile_load(names->pdata[i], error);

		if (!profile)
			return false;
		if (!all && !profile->by_default)
			lab_profile_free(profile);
		else if (!add_profile(profiles, profile, error))
			return false;
	}
	return true;
}

GPtrArray *lab_chosen_profiles(const struct lab_options *options, GError **error)
{
	g_autoptr(GPtrArray) profiles = g_ptr_array_new_with_free_func(profile_free);
	bool all = options->list;

	if (!options->profiles || all)
		return add_named(profiles, all, error) ? g_steal_pointer(&profiles) : NULL;
	for (char **name = options->profiles; *name; name++) {
		struct lab_profile *profile;

		if (strcmp(*name, "all") == 0) {
			if (!add_named(profiles, true, error))
				return NULL;
			continue;
		}
		profile = lab_profile_load(*name, error);
		if (!profile || !add_profile(profiles, profile, error))
			return NULL;
	}
	return g_steal_pointer(&profiles);
}

bool lab_drop_unavailable(const struct lab_config *config, const struct lab_options *options,
			  const char *accelerator, GPtrArray *profiles, GError **error)
{
	for (unsigned int i = 0; i < profiles->len;) {
		g_autoptr(GPtrArray) command = NULL;
		g_autoptr(GError) problem = NULL;

		command = lab_qemu_command(config, profiles->pdata[i], accelerator, ".", NULL,
					   &problem);
		if (command) {
			i++;
			continue;
		}
		/* Of those by default, the others still say something. */
		if (options->profiles || profiles->len == 1) {
			g_propagate_error(error, g_steal_pointer(&problem));
			return false;
		}
		fprintf(stderr, "left out: %s\n", problem->message);
		g_ptr_array_remove_index(profiles, i);
	}
	if (!lab_qemu_has_device(config->qemu, "pcie-ats-testdev"))
		fprintf(stderr,
			"%s has no pcie-ats-testdev: only what stock devices can do is tested; the "
			"QEMU that "
			"`make lab` builds has it\n",
			config->qemu);
	return true;
}

void lab_print_profiles(const GPtrArray *profiles)
{
	for (unsigned int i = 0; i < profiles->len; i++) {
		const struct lab_profile *profile = profiles->pdata[i];

		printf("%c %-20s %s\n", profile->by_default ? '*' : ' ', profile->name,
		       profile->description);
	}
	printf("\n* run when no --profile is given\n");
}

bool lab_print_command(const struct lab_config *config, const struct lab_profile *profile,
		       const char *accelerator, GError **error)
{
	g_autoptr(GPtrArray) command =
		lab_qemu_command(config, profile, accelerator, ".", NULL, error);

	if (!command)
		return false;
	for (unsigned int i = 0; command->pdata[i]; i++) {
		g_autofree char *word = g_shell_quote(command->pdata[i]);
		bool plain = !strpbrk(command->pdata[i], " '\"$\\;&|<>*?()");

		printf("%s%s", i ? " " : "", plain ? (char *)command->pdata[i] : word);
	}
	printf("\n");
	return true;
}
