/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a lab is made of: what the set-up built, or what the user chose instead. */
#include "lab/lab.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <string.h>
#include <unistd.h>

void lab_config_free(struct lab_config *config)
{
	if (!config)
		return;
	g_free(config->qemu);
	g_free(config->qemu_data);
	g_free(config->kernel);
	g_free(config->kernel_config);
	g_free(config->modules);
	g_free(config->agent);
	g_free(config->suites);
	g_strfreev(config->chosen);
	g_free(config->selftests);
	g_free(config->cache);
	g_free(config);
}

/*
 * The program's own folder tells whether it runs from the build folder (BUILD/cli/iommut) or is installed
 * (PREFIX/bin/iommut).
 */
static char *program_folder(void)
{
	g_autofree char *program = g_file_read_link("/proc/self/exe", NULL);

	return program ? g_path_get_dirname(program) : g_strdup(".");
}

static char *own_file(const char *in_build, const char *installed)
{
	g_autofree char *folder = program_folder();
	g_autofree char *build = g_build_filename(folder, "..", NULL);
	g_autofree char *ninja = g_build_filename(build, "build.ninja", NULL);

	if (g_file_test(ninja, G_FILE_TEST_EXISTS))
		return g_canonicalize_filename(in_build, build);
	return g_canonicalize_filename(installed, folder);
}

char *lab_profile_folder(void)
{
	const char *chosen = g_getenv("IOMMUT_PROFILES");

	if (chosen && *chosen)
		return g_strdup(chosen);
	return own_file("lab", "../share/iommutests/profiles");
}

static char *cache_folder(void)
{
	const char *chosen = g_getenv("IOMMUT_CACHE");

	return chosen && *chosen ? g_strdup(chosen)
				 : g_build_filename(g_get_user_cache_dir(), "iommutests", NULL);
}

enum kernel_kind { KERNEL_NONE, KERNEL_BZIMAGE, KERNEL_VMLINUX, KERNEL_VMLINUX_NO_PVH };

#define XEN_ELFNOTE_PHYS32_ENTRY 18

/* A vmlinux boots directly when it has the PVH entry point's note (CONFIG_PVH). */
static bool has_pvh_note(int fd, const Elf64_Ehdr *header)
{
	for (int i = 0; i < header->e_phnum; i++) {
		g_autofree char *notes = NULL;
		Elf64_Phdr segment;
		size_t at = 0;

		if (pread(fd, &segment, sizeof(segment), header->e_phoff + i * sizeof(segment)) !=
		    sizeof(segment))
			return false;
		if (segment.p_type != PT_NOTE || segment.p_filesz > 1 << 20)
			continue;
		notes = g_malloc(segment.p_filesz);
		if (pread(fd, notes, segment.p_filesz, segment.p_offset) !=
		    (ssize_t)segment.p_filesz)
			return false;
		while (at + sizeof(Elf64_Nhdr) <= segment.p_filesz) {
			const Elf64_Nhdr *note = (const Elf64_Nhdr *)(notes + at);

			if (note->n_type == XEN_ELFNOTE_PHYS32_ENTRY)
				return true;
			at += sizeof(*note) + ((note->n_namesz + 3) & ~3U) +
			      ((note->n_descsz + 3) & ~3U);
		}
	}
	return false;
}

static enum kernel_kind kernel_kind(const char *path)
{
	enum kernel_kind kind = KERNEL_NONE;
	Elf64_Ehdr header;
	char magic[4];
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return KERNEL_NONE;
	if (pread(fd, &header, sizeof(header), 0) == sizeof(header) &&
	    memcmp(header.e_ident, ELFMAG, SELFMAG) == 0 && header.e_machine == EM_X86_64)
		kind = has_pvh_note(fd, &header) ? KERNEL_VMLINUX : KERNEL_VMLINUX_NO_PVH;
	/* The Linux/x86 boot protocol's header. */
	else if (pread(fd, magic, sizeof(magic), 0x202) == sizeof(magic) &&
		 memcmp(magic, "HdrS", 4) == 0)
		kind = KERNEL_BZIMAGE;
	close(fd);
	return kind;
}

char *lab_kernel_file(const struct lab_config *config, bool sleeps)
{
	static const char *const places[] = { "bzImage", "arch/x86/boot/bzImage" };
	g_autofree char *folder = g_path_get_dirname(config->kernel);

	for (size_t i = 0; sleeps && i < G_N_ELEMENTS(places); i++) {
		g_autofree char *file = g_build_filename(folder, places[i], NULL);

		if (!lab_kernel_sleeps(config->kernel) && lab_kernel_sleeps(file))
			return g_steal_pointer(&file);
	}
	return g_strdup(config->kernel);
}

bool lab_kernel_sleeps(const char *kernel)
{
	return kernel_kind(kernel) == KERNEL_BZIMAGE;
}

/* The kernel itself, or the one in a build tree: vmlinux boots faster, bzImage always. */
static char *find_kernel(const char *path, GError **error)
{
	static const char *const in_tree[] = { "vmlinux", "arch/x86/boot/bzImage" };

	if (!g_file_test(path, G_FILE_TEST_EXISTS)) {
		g_set_error(error, LAB_ERROR, LAB_ERROR_USAGE, "no such kernel: %s", path);
		return NULL;
	}
	if (g_file_test(path, G_FILE_TEST_IS_DIR)) {
		for (size_t i = 0; i < G_N_ELEMENTS(in_tree); i++) {
			g_autofree char *file = g_build_filename(path, in_tree[i], NULL);
			enum kernel_kind kind = kernel_kind(file);

			if (kind == KERNEL_VMLINUX || kind == KERNEL_BZIMAGE)
				return g_steal_pointer(&file);
		}
		g_set_error(
			error, LAB_ERROR, LAB_ERROR_USAGE,
			"%s is no built kernel tree: it has neither a vmlinux with CONFIG_PVH nor "
			"arch/x86/boot/bzImage",
			path);
		return NULL;
	}
	switch (kernel_kind(path)) {
	case KERNEL_VMLINUX:
	case KERNEL_BZIMAGE:
		return g_strdup(path);
	case KERNEL_VMLINUX_NO_PVH:
		g_set_error(error, LAB_ERROR, LAB_ERROR_USAGE,
			    "%s was built without CONFIG_PVH: give its bzImage", path);
		return NULL;
	default:
		g_set_error(error, LAB_ERROR, LAB_ERROR_USAGE,
			    "%s is no x86_64 kernel (bzImage or vmlinux)", path);
		return NULL;
	}
}

static char *find_qemu(const char *path, GError **error)
{
	g_autofree char *found = g_find_program_in_path(path);

	if (!found)
		g_set_error(error, LAB_ERROR, LAB_ERROR_USAGE, "no such QEMU: %s", path);
	return g_steal_pointer(&found);
}

static GKeyFile *set_up_result(const char *cache, GError **error)
{
	g_autofree char *path = g_build_filename(cache, "lab.conf", NULL);
	g_autoptr(GKeyFile) file = g_key_file_new();

	if (!g_key_file_load_from_file(file, path, G_KEY_FILE_NONE, error)) {
		g_prefix_error(error, "%s: ", path);
		return NULL;
	}
	return g_steal_pointer(&file);
}

struct lab_config *lab_config_new(const char *kernel, const char *modules, const char *qemu,
				  GError **error)
{
	g_autoptr(lab_config) config = g_new0(struct lab_config, 1);
	g_autofree char *built_kernel = NULL;
	g_autofree char *built_qemu = NULL;
	g_autoptr(GError) problem = NULL;
	g_autoptr(GKeyFile) file = NULL;

	config->cache = cache_folder();
	config->agent = own_file("agent/iommut-agent", "../libexec/iommutests/iommut-agent");
	config->suites = own_file("suites", "../libexec/iommutests/suites");
	file = set_up_result(config->cache, &problem);
	if (file) {
		built_kernel = g_key_file_get_string(file, "lab", "kernel", NULL);
		built_qemu = g_key_file_get_string(file, "lab", "qemu", NULL);
		config->kernel_config = g_key_file_get_string(file, "lab", "kernel_config", NULL);
		config->selftests = g_key_file_get_string(file, "lab", "selftests", NULL);
	}
	if ((!kernel && !built_kernel) || (!qemu && !built_qemu)) {
		g_set_error(error, LAB_ERROR, LAB_ERROR_SYSTEM,
			    "no %s yet: `make lab` builds one, or give --%s%s%s",
			    !kernel && !built_kernel ? "kernel" : "QEMU",
			    !kernel && !built_kernel ? "kernel" : "qemu", problem ? "; " : "",
			    problem ? problem->message : "");
		return NULL;
	}
	config->kernel = find_kernel(kernel ? kernel : built_kernel, error);
	if (!config->kernel)
		return NULL;
	config->qemu = find_qemu(qemu ? qemu : built_qemu, error);
	if (!config->qemu)
		return NULL;
	/* Another QEMU brings its own firmware. */
	if (!qemu)
		config->qemu_data = g_key_file_get_string(file, "lab", "qemu_data", NULL);
	if (modules && !g_file_test(modules, G_FILE_TEST_IS_DIR)) {
		g_set_error(error, LAB_ERROR, LAB_ERROR_USAGE, "no such folder of modules: %s",
			    modules);
		return NULL;
	}
	if (modules) {
		config->modules = lab_modules_folder(modules, error);
		if (!config->modules)
			return NULL;
	}
	return g_steal_pointer(&config);
}
