/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * KVM or TCG. In a nested sandbox /dev/kvm may be there and the guest then hang or fail to emulate, so KVM is believed only after
 * a short real boot, once per host kernel, QEMU and guest kernel.
 */
#include "lab/lab.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

static char *answer_path(const struct lab_config *config)
{
	g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
	const char *const files[] = { config->qemu, config->kernel, config->qemu_data ?: "" };
	g_autofree char *name = NULL;
	struct utsname host;

	uname(&host);
	g_checksum_update(sum, (const guchar *)host.release, -1);
	for (size_t i = 0; i < G_N_ELEMENTS(files); i++) {
		g_autofree char *line = NULL;
		GStatBuf status = { 0 };

		g_stat(files[i], &status);
		line = g_strdup_printf("%s %lld %lld", files[i], (long long)status.st_size,
				       (long long)status.st_mtime);
		g_checksum_update(sum, (const guchar *)line, -1);
	}
	name = g_strdup_printf("kvm-%.16s", g_checksum_get_string(sum));
	return g_build_filename(config->cache, name, NULL);
}

/* The smallest guest there is, with the accelerator it is about. */
static bool boots(const struct lab_config *config, char **why)
{
	struct lab_profile profile = { .name = (char *)"kvm-probe",
				       .description = (char *)"",
				       .machine = (char *)"q35",
				       .append = (char *)"" };
	struct transport *transport;
	g_autoptr(GError) problem = NULL;
	int stream;

	profile.options = g_ptr_array_new();
	profile.others = g_ptr_array_new();
	profile.extra = g_ptr_array_new();
	transport = lab_transport(config, &profile, "kvm");
	stream = transport->ops->start(transport, &problem);
	if (stream >= 0)
		close(stream);
	else
		*why = g_strdelimit(g_strndup(problem->message, 300), "\n", ' ');
	transport->ops->free(transport);
	g_ptr_array_unref(profile.options);
	g_ptr_array_unref(profile.others);
	g_ptr_array_unref(profile.extra);
	return stream >= 0;
}

const char *lab_accelerator(const struct lab_config *config, char **why)
{
	g_autofree char *path = answer_path(config);
	g_autofree char *kept = NULL;
	g_autofree char *told = NULL;
	const char *wanted = g_getenv("IOMMUT_ACCELERATOR");
	bool works;

	/* For many runs that differ in QEMU or kernel only: each would be probed. */
	if (g_strcmp0(wanted, "tcg") == 0 || g_strcmp0(wanted, "kvm") == 0) {
		*why = g_strdup("IOMMUT_ACCELERATOR says so");
		return strcmp(wanted, "kvm") == 0 ? "kvm" : "tcg";
	}
	if (access("/dev/kvm", R_OK | W_OK) < 0) {
		*why = g_strdup("/dev/kvm is not there or not ours");
		return "tcg";
	}
	if (g_file_get_contents(path, &kept, NULL, NULL)) {
		works = g_str_has_prefix(kept, "kvm");
		*why = works ? g_strdup("a probe boot worked") : g_strdup(kept + strlen("tcg "));
		return works ? "kvm" : "tcg";
	}
	works = boots(config, &told);
	*why = works ? g_strdup("a probe boot worked")
		     : g_strdup_printf("/dev/kvm is there, but a probe boot failed: %s", told);
	kept = g_strdup_printf("%s %s", works ? "kvm" : "tcg", *why);
	/* Without a cache the next run probes again. */
	if (!g_file_set_contents(path, kept, -1, NULL))
		g_warning("cannot write %s", path);
	return works ? "kvm" : "tcg";
}
