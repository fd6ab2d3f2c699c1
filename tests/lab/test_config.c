/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the lab makes of profiles, kernels, QEMUs and modules, good and bad; no guest is started. */
#include "lab/lab.h"

#include <archive.h>
#include <archive_entry.h>
#include <elf.h>
#include <glib/gstdio.h>
#include <string.h>

#include "runner/foreign.h"

static char *folder;

static char *file_in(const char *name)
{
	return g_build_filename(folder, name, NULL);
}

static char *written(const char *name, const char *content, gssize length)
{
	char *path = file_in(name);
	g_autofree char *parent = g_path_get_dirname(path);

	g_mkdir_with_parents(parent, 0755);
	g_assert_true(g_file_set_contents(path, content, length, NULL));
	return path;
}

/* --- profiles --- */

static void test_all_profiles_load(void)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GPtrArray) names = lab_profile_names(&error);

	g_assert_no_error(error);
	g_assert_cmpuint(names->len, >=, 7);
	for (unsigned int i = 0; i < names->len; i++) {
		g_autoptr(lab_profile) profile = lab_profile_load(names->pdata[i], &error);

		g_assert_no_error(error);
		g_assert_cmpstr(profile->name, ==, names->pdata[i]);
		/* Something to test with: a slot with several functions is made of QEMU's own words. */
		g_assert_cmpuint(profile->testdev + profile->edu + profile->others->len +
					 profile->extra->len,
				 >, 0);
	}
}

static void expect_bad_profile(const char *content, const char *told)
{
	g_autofree char *path = written("bad.conf", content, -1);
	g_autoptr(GError) error = NULL;

	g_assert_null(lab_profile_load(path, &error));
	g_assert_error(error, LAB_ERROR, LAB_ERROR_USAGE);
	g_test_message("%s", error->message);
	g_assert_nonnull(strstr(error->message, told));
	g_assert_nonnull(strstr(error->message, "bad.conf"));
}

static void test_bad_profiles(void)
{
	g_autoptr(GError) error = NULL;

	expect_bad_profile("no key file", "");
	expect_bad_profile("[profile]\nmachine=q35\n", "needs machine and description");
	expect_bad_profile("[profile]\nmachine=q35\ndescription=x\nmashine=y\n",
			   "unknown key mashine");
	expect_bad_profile("[profile]\nmachine=q35\ndescription=x\n[devices]\nedu=many\n", "edu");
	expect_bad_profile("[profile]\nmachine=q35\ndescription=x\n[devices]\nedu=17\n", "0 to 16");
	expect_bad_profile("[profile]\nmachine=q35\ndescription=x\n[devices]\nedu=-1\n", "0 to 16");
	g_assert_null(lab_profile_load("there-is-none", &error));
	g_assert_error(error, LAB_ERROR, LAB_ERROR_USAGE);
	g_assert_nonnull(strstr(error->message, "there-is-none"));
}

static void test_profile_file(void)
{
	g_autofree char *path = written(
		"mine.conf",
		"[profile]\ndescription=x\nmachine=q35\niommu=intel-iommu\nappend=a b\nmemory=2G\n"
		"[options]\nx-one|one=on\n[devices]\ntestdev=1\nextra=-device;edu\n"
		"others=igb;nvme,serial=1,drive=x\n",
		-1);
	g_autoptr(GError) error = NULL;
	g_autoptr(lab_profile) profile = lab_profile_load(path, &error);
	const struct lab_option *option;

	g_assert_no_error(error);
	g_assert_cmpstr(profile->name, ==, "mine");
	g_assert_cmpstr(profile->append, ==, "a b");
	g_assert_cmpstr(profile->memory, ==, "2G");
	g_assert_cmpuint(profile->testdev, ==, 1);
	g_assert_cmpuint(profile->edu, ==, 0);
	g_assert_false(profile->by_default);
	g_assert_cmpuint(profile->options->len, ==, 1);
	option = profile->options->pdata[0];
	g_assert_cmpstr(option->names[0], ==, "x-one");
	g_assert_cmpstr(option->names[1], ==, "one");
	g_assert_cmpstr(option->value, ==, "on");
	g_assert_cmpuint(profile->others->len, ==, 2);
	g_assert_cmpstr(profile->others->pdata[1], ==, "nvme,serial=1,drive=x");
	g_assert_cmpuint(profile->extra->len, ==, 2);
	g_assert_cmpstr(profile->extra->pdata[0], ==, "-device");
}

/* --- kernels, QEMUs, modules given by the user --- */

static void expect_bad_config(const char *kernel, const char *modules, const char *qemu,
			      enum lab_error code, const char *told)
{
	g_autoptr(GError) error = NULL;

	g_assert_null(lab_config_new(kernel, modules, qemu, &error));
	g_assert_error(error, LAB_ERROR, (int)code);
	g_test_message("%s", error->message);
	g_assert_nonnull(strstr(error->message, told));
}

static char *bzimage(const char *name)
{
	char content[1024] = "";

	memcpy(content + 0x202, "HdrS", 4);
	return written(name, content, sizeof(content));
}

/* An x86_64 ELF file with one note of this type. */
static char *vmlinux(const char *name, unsigned int note_type)
{
	struct {
		Elf64_Ehdr header;
		Elf64_Phdr segment;
		Elf64_Nhdr note;
		char xen[4];
		char entry[4];
	} file = { .header = { .e_ident = ELFMAG,
			       .e_machine = EM_X86_64,
			       .e_phoff = sizeof(Elf64_Ehdr),
			       .e_phnum = 1 },
		   .segment = { .p_type = PT_NOTE,
				.p_offset = sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr),
				.p_filesz = sizeof(Elf64_Nhdr) + 8 },
		   .note = { .n_namesz = 4, .n_descsz = 4, .n_type = note_type },
		   .xen = "Xen" };

	return written(name, (const char *)&file, sizeof(file));
}

static void test_kernels(void)
{
	static const char *const good[] = { "bzImage", "vmlinux", "tree", "old-tree" };
	g_autofree char *image = bzimage("bzImage");
	g_autofree char *elf = vmlinux("vmlinux", 18);
	g_autofree char *no_pvh = vmlinux("no-pvh", 17);
	g_autofree char *in_tree = vmlinux("tree/vmlinux", 18);
	g_autofree char *old_vmlinux = vmlinux("old-tree/vmlinux", 17);
	g_autofree char *old_image = bzimage("old-tree/arch/x86/boot/bzImage");
	g_autofree char *text = written("text", "no kernel at all", -1);
	g_autofree char *empty = written("empty/Makefile", "", -1);
	g_autofree char *empty_tree = file_in("empty");
	g_autofree char *absent = file_in("absent");

	for (size_t i = 0; i < G_N_ELEMENTS(good); i++) {
		g_autofree char *path = file_in(good[i]);
		g_autoptr(GError) error = NULL;
		g_autoptr(lab_config) config = lab_config_new(path, NULL, "/bin/true", &error);

		g_assert_no_error(error);
		g_assert_true(g_str_has_prefix(config->kernel, path));
		if (i == 3)
			g_assert_cmpstr(config->kernel, ==, old_image);
	}
	expect_bad_config(absent, NULL, "/bin/true", LAB_ERROR_USAGE, "no such kernel");
	expect_bad_config(text, NULL, "/bin/true", LAB_ERROR_USAGE, "is no x86_64 kernel");
	expect_bad_config(no_pvh, NULL, "/bin/true", LAB_ERROR_USAGE, "CONFIG_PVH");
	expect_bad_config(empty_tree, NULL, "/bin/true", LAB_ERROR_USAGE,
			  "is no built kernel tree");
	expect_bad_config(image, absent, "/bin/true", LAB_ERROR_USAGE, "no such folder of modules");
	expect_bad_config(image, NULL, absent, LAB_ERROR_USAGE, "no such QEMU");
}

static void test_before_set_up(void)
{
	g_autofree char *image = bzimage("bzImage");

	expect_bad_config(NULL, NULL, NULL, LAB_ERROR_SYSTEM, "make lab");
	expect_bad_config(image, NULL, NULL, LAB_ERROR_SYSTEM, "--qemu");
}

/* --- the image --- */

static GPtrArray *names_in(const char *path)
{
	GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
	struct archive *archive = archive_read_new();
	struct archive_entry *entry;

	archive_read_support_format_cpio(archive);
	g_assert_cmpint(archive_read_open_filename(archive, path, 65536), ==, ARCHIVE_OK);
	while (archive_read_next_header(archive, &entry) == ARCHIVE_OK)
		g_ptr_array_add(names, g_strdup(archive_entry_pathname(entry)));
	archive_read_free(archive);
	return names;
}

static bool is_in(const GPtrArray *names, const char *name, unsigned int *index)
{
	return g_ptr_array_find_with_equal_func((GPtrArray *)names, name, g_str_equal, index);
}

static void test_image(void)
{
	g_autofree char *dep = written(
		"mods/modules.dep",
		"kernel/vfio-pci.ko: kernel/vfio-pci-core.ko kernel/vfio.ko\nkernel/vfio.ko:\n"
		"kernel/vfio-pci-core.ko: kernel/vfio.ko\nkernel/unwanted.ko:\n",
		-1);
	g_autofree char *a = written("mods/kernel/vfio.ko", "a", -1);
	g_autofree char *b = written("mods/kernel/vfio-pci-core.ko", "b", -1);
	g_autofree char *c = written("mods/kernel/vfio-pci.ko", "c", -1);
	g_autofree char *suite = written("suites/dma", "#!", -1);
	g_autofree char *other = written("suites/readme", "x", -1);
	struct lab_config config = { .agent = (char *)"/bin/true" };
	g_autofree char *image = file_in("image");
	g_autoptr(GPtrArray) names = NULL;
	g_autoptr(GError) error = NULL;

	g_assert_cmpint(g_chmod(suite, 0755), ==, 0);
	config.suites = file_in("suites");
	config.modules = file_in("mods");
	g_assert_true(lab_image_write(&config, NULL, image, &error));
	g_assert_no_error(error);
	names = names_in(image);
	g_assert_true(is_in(names, "init", NULL));
	g_assert_true(is_in(names, "suites/dma", NULL));
	g_assert_false(is_in(names, "suites/readme", NULL));
	/* Dependencies first: in the names, which is the order they are loaded in. */
	g_assert_true(is_in(names, "modules/0000-vfio.ko", NULL));
	g_assert_true(is_in(names, "modules/0001-vfio_pci_core.ko", NULL));
	g_assert_true(is_in(names, "modules/0002-vfio_pci.ko", NULL));
	g_free(config.suites);
	g_free(config.modules);
}

static void test_bad_images(void)
{
	struct lab_config config = { .agent = (char *)"/bin/true" };
	g_autofree char *empty = file_in("no-suites");
	g_autofree char *image = file_in("image");
	g_autoptr(GError) error = NULL;

	g_mkdir(empty, 0755);
	config.suites = empty;
	g_assert_false(lab_image_write(&config, NULL, image, &error));
	g_assert_nonnull(strstr(error->message, "no suites"));
	g_clear_error(&error);
	g_assert_false(lab_image_write(&config, NULL, "/dev/null/image", &error));
	g_assert_error(error, LAB_ERROR, LAB_ERROR_SYSTEM);
	g_clear_error(&error);
	g_assert_null(lab_modules(empty, &error));
	g_assert_nonnull(strstr(error->message, "modules.dep"));
}

/* Programs of others: with their folders, and only if the guest has what starts them. */
static void test_image_with_tests(void)
{
	g_autofree char *suite = written("more-suites/dma", "#!", -1);
	g_autofree char *data = written("theirs/data/deep/file", "x", -1);
	g_autofree char *program = written("theirs/tool", "no ELF", -1);
	g_autofree char *here = file_in("theirs");
	g_autofree char *suites = file_in("more-suites");
	g_autofree char *image = file_in("image");
	const char text[] = "[suite]\nname=s\n[p]\nprogram=tool\nfiles=data/deep/file\n";
	struct lab_config config = { .agent = (char *)"/bin/true", .suites = suites };
	g_autoptr(GPtrArray) programs = foreign_new();
	g_autoptr(GPtrArray) names = NULL;
	g_autoptr(GError) error = NULL;

	g_assert_cmpint(g_chmod(suite, 0755), ==, 0);
	g_assert_true(foreign_parse(programs, text, strlen(text), here, &error));
	g_assert_true(lab_image_write(&config, programs, image, &error));
	g_assert_no_error(error);
	names = names_in(image);
	g_assert_true(is_in(names, "tests/s", NULL));
	g_assert_true(is_in(names, "tests/s/tool", NULL));
	g_assert_true(is_in(names, "tests/s/data/deep", NULL));
	g_assert_true(is_in(names, "tests/s/data/deep/file", NULL));
	g_assert_true(g_file_set_contents(program, "#! /bin/sh -e\n", -1, NULL));
	g_assert_false(lab_image_write(&config, programs, image, &error));
	g_assert_error(error, LAB_ERROR, LAB_ERROR_USAGE);
	g_assert_nonnull(strstr(error->message, "tool needs /bin/sh, and the guest has none"));
}

static void test_interpreters(void)
{
	g_autofree char *own = lab_interpreter("/proc/self/exe");
	g_autofree char *cut = written("cut", ELFMAG "\2", 5);
	g_autofree char *none = lab_interpreter(cut);
	g_autofree char *absent = lab_interpreter("/no/such");

	g_assert_nonnull(own);
	g_assert_true(g_file_test(own, G_FILE_TEST_EXISTS));
	g_assert_null(none);
	g_assert_null(absent);
}

/* A QEMU that has nothing: the profile cannot be had, and the message says what is missing. */
static void test_qemu_without(void)
{
	struct lab_config config = { .qemu = (char *)"/bin/true", .kernel = (char *)"k" };
	g_autoptr(lab_profile) profile = lab_profile_load("amd", NULL);
	g_autoptr(GError) error = NULL;

	g_assert_null(lab_qemu_command(&config, profile, "tcg", ".", NULL, &error));
	g_assert_error(error, LAB_ERROR, LAB_ERROR_UNAVAILABLE);
	g_assert_nonnull(strstr(error->message, "amd-iommu"));
}

static void remove_tree(const char *path)
{
	g_autoptr(GDir) entries = g_dir_open(path, 0, NULL);
	const char *entry;

	while (entries && (entry = g_dir_read_name(entries))) {
		g_autofree char *below = g_build_filename(path, entry, NULL);

		remove_tree(below);
	}
	g_remove(path);
}

int main(int argc, char **argv)
{
	int status;

	g_test_init(&argc, &argv, NULL);
	folder = g_dir_make_tmp("iommut-test-XXXXXX", NULL);
	g_assert_nonnull(folder);
	/* An empty cache: no set-up has run. */
	g_setenv("IOMMUT_CACHE", folder, TRUE);

	g_test_add_func("/lab/profiles/all", test_all_profiles_load);
	g_test_add_func("/lab/profiles/bad", test_bad_profiles);
	g_test_add_func("/lab/profiles/file", test_profile_file);
	g_test_add_func("/lab/image/tests", test_image_with_tests);
	g_test_add_func("/lab/image/interpreters", test_interpreters);
	g_test_add_func("/lab/config/kernels", test_kernels);
	g_test_add_func("/lab/config/before-set-up", test_before_set_up);
	g_test_add_func("/lab/image/content", test_image);
	g_test_add_func("/lab/image/bad", test_bad_images);
	g_test_add_func("/lab/qemu/without", test_qemu_without);
	status = g_test_run();
	remove_tree(folder);
	g_free(folder);
	return status;
}
