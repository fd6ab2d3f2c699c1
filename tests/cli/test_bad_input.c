/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a person gets wrong: every time a clear sentence and the right exit status, and nothing left behind. */
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/cli/command.h"

/* A cache whose set-up "built" a kernel and a QEMU: enough for everything that is refused before a guest starts. */
static struct world *world_with_lab(void)
{
	struct world *world = world_new(NULL);
	g_autofree char *kernel = g_build_filename(world->cache, "bzImage", NULL);
	g_autofree char *conf = g_build_filename(world->cache, "lab.conf", NULL);
	g_autofree char *text =
		g_strdup_printf("[lab]\nkernel=%s\nqemu=%s\n", kernel, "/bin/false");
	g_autoptr(GError) error = NULL;
	char image[1024] = { 0 };

	/* The header of the Linux/x86 boot protocol. */
	memcpy(image + 0x202, "HdrS", 4);
	g_assert_true(g_file_set_contents(kernel, image, sizeof(image), &error));
	g_assert_true(g_file_set_contents(conf, text, -1, &error));
	return world;
}

#define expect(world, status, words, ...)                               \
	do {                                                            \
		struct ended *ended = iommut(world, __VA_ARGS__, NULL); \
		assert_ended(ended, status, words);                     \
		ended_free(ended);                                      \
	} while (0)

static void test_usage(void)
{
	struct world *world = world_new(NULL);

	expect(world, 2, "no command dance", "dance");
	expect(world, 2, "Unknown option --dance", "run", "--dance");
	expect(world, 0, "iommut COMMAND --help", "--help");
	expect(world, 0, "Examples:", "lab", "--help");
	world_free(world);
}

static void test_no_setup(void)
{
	struct world *world = world_new(NULL);

	expect(world, 3, "`make lab` builds one, or give --kernel", "lab");
	world_free(world);
}

static void test_profile(void)
{
	struct world *world = world_with_lab();
	g_autofree char *file = g_build_filename(world->folder, "mine.conf", NULL);
	g_autofree char *same = g_build_filename(world->folder, "none.conf", NULL);
	g_autoptr(GError) error = NULL;

	expect(world, 2, "unknown profile 'vax'; `iommut lab --list-profiles` names them", "lab",
	       "--profile", "vax");
	g_assert_true(g_file_set_contents(file, "no key file\n", -1, &error));
	expect(world, 2, "mine.conf", "lab", "--profile", file);
	g_assert_true(g_file_set_contents(
		file, "[profile]\ndescription=x\nmachine=q35\ndefault=ja\n", -1, &error));
	expect(world, 2, "default", "lab", "--profile", file);
	g_assert_true(g_file_set_contents(
		same, "[profile]\ndescription=x\nmachine=q35\niommu=intel-iommu\n", -1, &error));
	expect(world, 2, "are both called none", "lab", "--profile", "none", "--profile", same);
	world_free(world);
}

static void test_kernel(void)
{
	struct world *world = world_with_lab();

	expect(world, 2, "no such kernel: /nonexistent", "lab", "--kernel", "/nonexistent");
	expect(world, 2, "is no x86_64 kernel", "lab", "--kernel", "/etc/passwd");
	expect(world, 2, "is no built kernel tree", "lab", "--kernel", world->state);
	expect(world, 2, "no such folder of modules: /nonexistent", "lab", "--modules",
	       "/nonexistent");
	expect(world, 2, "has no modules.dep", "lab", "--modules", world->state);
	world_free(world);
}

static void test_qemu(void)
{
	struct world *world = world_with_lab();

	expect(world, 2, "no such QEMU: /nonexistent", "lab", "--qemu", "/nonexistent");
	/* It starts, says nothing, and has no device at all. */
	expect(world, 3, "intel-iommu", "lab", "--profile", "intel-legacy", "--qemu", "/bin/true");
	world_free(world);
}

static void test_cases(void)
{
	struct world *world = world_new(NULL);
	g_autofree char *full = g_build_filename(world->folder, "full", NULL);

	expect(world, 2, "there was no run yet", "report");
	expect(world, 2, "is no run directory", "report", world->state);
	expect(world, 2, "no case here is nosuch/case", "run", "nosuch/case");
	expect(world, 2, "unmap and", "run", "-k", "unmap and");
	expect(world, 2, "a pattern is empty", "run", "");
	expect(world, 2, "--jobs: must be at least 1, not 0", "run", "-j", "0");
	expect(world, 2, "--seed is a number of 64 bits, not: 0x10000000000000000", "run", "--seed",
	       "0x10000000000000000");
	expect(world, 2, "--seed is a number of 64 bits, not: -1", "run", "--seed", "-1");
	expect(world, 2, "--junit cannot write /nonexistent/x: there is no such folder", "run",
	       "--junit", "/nonexistent/x");
	expect(world, 2, "--plan-out cannot write /tmp: it is a folder", "run", "--plan-out",
	       "/tmp");
	/* What is no file is written to, and not replaced. */
	g_assert_cmpint(symlink("/dev/full", full), ==, 0);
	expect(world, 3, "cannot write ", "run", "--plan-out", full, "demo/passes");
	g_assert_true(g_file_test(full, G_FILE_TEST_IS_SYMLINK));
	expect(world, 2, "--repeat 99999999: with ", "run", "--dry-run", "--repeat", "99999999",
	       "demo/passes");
	expect(world, 2, "not: hugepages=99999999999", "run", "--fixture", "hugepages=99999999999");
	expect(world, 2, "/nonexistent", "run", "--dry-run", "--known-issues", "/nonexistent",
	       "demo/passes");
	expect(world, 2, "unexpected argument demo", "devices", "demo");
	expect(world, 2, "--on exec:", "devices", "--on", "exec:");
	expect(world, 2, "no such folder: /nonexistent", "history", "/nonexistent");
	expect(world, 2, "it is: iommut diff", "diff", "/nonexistent");
	world_free(world);
}

/* Without a device, every case that needs one skips, and says what is missing. */
static void test_nothing_to_test_with(void)
{
	struct world *world = world_new(NULL);

	expect(world, 0, "skipped, and what would lift it", "run", "-v", "--engine", "edu",
	       "blocked");
	world_free(world);
}

static void test_unwritable_run(void)
{
	struct world *world = world_new(NULL);

	expect(world, 3, "/proc/nowhere", "run", "-o", "/proc/nowhere", "uapi");
	world_free(world);
}

/* `iommut run` of a case on the one device of a machine that lacks something. */
static void on_machine(const char *lack, int status, const char *words)
{
	struct world *world = world_new(NULL);
	const char *const command[] = { g_getenv("IOMMUT_FAKE"),
					lack,
					"--",
					g_getenv("IOMMUT"),
					"run",
					"-v",
					"--device",
					"0000:00:03.0",
					"blocked/write_never_mapped*iommufd*",
					NULL };
	struct ended *ended = run_command(world, command);

	if (ended->status == 77)
		g_test_skip("no namespaces here to make up a machine");
	else
		assert_ended(ended, status, words);
	ended_free(ended);
	world_free(world);
}

static void test_no_groups(void)
{
	on_machine("no-group", 0,
		   "local: this machine has no IOMMU groups\n        an IOMMU that firmware");
}

static void test_no_vfio(void)
{
	on_machine("no-vfio", 3, "0000:00:03.0: this kernel has no driver vfio-pci: load");
}

static void test_no_root(void)
{
	on_machine("no-root", 3,
		   "0000:00:03.0: binding to vfio-pci: Permission denied: run as root");
}

static void test_device_in_use(void)
{
	on_machine("busy", 2,
		   "device 0000:00:03.0 is in use (network interface net7 is up): --force");
}

/* `iommut` with a disk of 64 KiB at @folder, in a mount namespace of our own. It ends with 3 and @says. */
static void on_full_disk(const struct world *world, const char *folder, const char *arguments,
			 const char *says)
{
	g_autofree char *script =
		g_strdup_printf("mount -t tmpfs -o size=64k none '%s' || exit 77; exec \"$0\" %s",
				folder, arguments);
	const char *const command[] = { "unshare", "--user", "--map-root-user",  "--mount", "sh",
					"-c",      script,   g_getenv("IOMMUT"), NULL };
	struct ended *ended = run_command(world, command);

	if (ended->status == 77 || strstr(ended->output, "unshare"))
		g_test_skip("no mount namespaces here");
	else
		assert_ended(ended, 3, says);
	ended_free(ended);
}

static void test_full_disk(void)
{
	struct world *world = world_new(NULL);

	on_full_disk(world, world->state, "run uapi", "No space left on device");
	world_free(world);
}

/* A guest needs no room on a disk: QEMU starts, though this one is none. */
static void test_full_disk_of_lab(void)
{
	struct world *world = world_with_lab();

	g_setenv("IOMMUT_ACCELERATOR", "tcg", TRUE);
	on_full_disk(world, world->tmp, "lab --profile none --qemu /bin/true",
		     "the guest did not get past 'QEMU starts'");
	g_unsetenv("IOMMUT_ACCELERATOR");
	world_free(world);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/bad-input/usage", test_usage);
	g_test_add_func("/bad-input/no-setup", test_no_setup);
	g_test_add_func("/bad-input/profile", test_profile);
	g_test_add_func("/bad-input/kernel", test_kernel);
	g_test_add_func("/bad-input/qemu", test_qemu);
	g_test_add_func("/bad-input/cases", test_cases);
	g_test_add_func("/bad-input/nothing-to-test-with", test_nothing_to_test_with);
	g_test_add_func("/bad-input/unwritable-run", test_unwritable_run);
	g_test_add_func("/bad-input/no-groups", test_no_groups);
	g_test_add_func("/bad-input/no-vfio", test_no_vfio);
	g_test_add_func("/bad-input/no-root", test_no_root);
	g_test_add_func("/bad-input/device-in-use", test_device_in_use);
	g_test_add_func("/bad-input/full-disk", test_full_disk);
	g_test_add_func("/bad-input/full-disk-of-lab", test_full_disk_of_lab);
	return g_test_run();
}
