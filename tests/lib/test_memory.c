// SPDX-License-Identifier: GPL-2.0-or-later
/* Memory of every kind that this machine has, and patterns in it. */
#include <errno.h>
#include <glib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <iommut/pattern.h>

#include "lib/memory.h"
#include "tests/lib/fake_kernel.h"

static void test_kind(gconstpointer data)
{
	enum iommut_memory_kind kind = (enum iommut_memory_kind)GPOINTER_TO_INT(data), parsed;
	struct iommut_memory_options options = { .kind = kind, .flags = IOMMUT_MEMORY_POPULATE };
	struct iommut_memory *memory;
	unsigned char resident = 0;
	size_t size;
	int ret;

	g_assert_cmpint(iommut_memory_kind_parse(iommut_memory_kind_name(kind), &parsed), ==, 0);
	g_assert_cmpint(parsed, ==, kind);
	ret = iommut_memory_alloc_with(&memory, 5000, &options);
	if (ret == -ENOMEM || ret == -EOPNOTSUPP) {
		g_test_skip("this machine has no such pages free");
		return;
	}
	g_assert_cmpint(ret, ==, 0);
	g_assert_cmpuint((uintptr_t)memory->address % memory->page_size, ==, 0);
	g_assert_cmpuint(memory->length % memory->page_size, ==, 0);
	g_assert_cmpuint(memory->length, >=, 5000);
	g_assert_cmpint(mincore(memory->address, 4096, &resident), ==, 0);
	g_assert_cmpint(resident & 1, ==, 1);
	memset(memory->address, 0x5a, memory->length);
	g_assert_cmpint(iommut_memory_physical_size(memory->address, &size), ==, 0);
	g_assert_cmpuint(size, >=, 4096);
	if (kind == IOMMUT_MEMORY_HUGETLB_2M || kind == IOMMUT_MEMORY_MEMFD_2M)
		g_assert_cmpuint(size, ==, 2 << 20);
	if (kind == IOMMUT_MEMORY_ANONYMOUS)
		g_assert_cmpuint(size, ==, (size_t)sysconf(_SC_PAGESIZE));
	g_assert_cmpint(memory->fd >= 0, ==,
			kind == IOMMUT_MEMORY_FILE || kind == IOMMUT_MEMORY_MEMFD ||
				kind == IOMMUT_MEMORY_MEMFD_2M || kind == IOMMUT_MEMORY_MEMFD_1G);
	if (memory->fd >= 0) {
		char byte = 0;

		g_assert_cmpint(pread(memory->fd, &byte, 1, 4999), ==, 1);
		g_assert_cmpint(byte, ==, 0x5a);
	}
	iommut_memory_free(memory);
}

static void test_guards(void)
{
	struct iommut_memory *memory;
	long page = sysconf(_SC_PAGESIZE);

	if (g_test_subprocess()) {
		g_assert_cmpint(iommut_memory_alloc(&memory, (size_t)page, IOMMUT_MEMORY_ANONYMOUS),
				==, 0);
		((volatile char *)memory->address)[page - 1] = 1;
		((volatile char *)memory->address)[page] = 1;
		return;
	}
	g_test_trap_subprocess(NULL, 0, G_TEST_SUBPROCESS_DEFAULT);
	g_test_trap_assert_failed();
}

static void test_read_only(void)
{
	struct iommut_memory_options options = { .kind = IOMMUT_MEMORY_ANONYMOUS,
						 .flags = IOMMUT_MEMORY_READ_ONLY |
							  IOMMUT_MEMORY_POPULATE };
	struct iommut_memory *memory;

	g_assert_cmpint(iommut_memory_alloc_with(&memory, 4096, &options), ==, 0);
	g_assert_cmpint(iommut_byte_verify(memory->address, 4096, 0, NULL), ==, 0);
	/* The kernel cannot write there either, which tells without a signal. glibc's own getrandom() may write by itself. */
	g_assert_cmpint(syscall(SYS_getrandom, memory->address, 16, 0), ==, -1);
	g_assert_cmpint(errno, ==, EFAULT);
	iommut_memory_free(memory);
}

static void test_arguments(void)
{
	struct iommut_memory_options options = { .kind = (enum iommut_memory_kind)99 };
	enum iommut_memory_kind kind;
	struct iommut_memory *memory;
	size_t size;

	g_assert_cmpint(iommut_memory_alloc_with(&memory, 4096, &options), ==, -EINVAL);
	g_assert_cmpint(iommut_memory_alloc(&memory, 0, IOMMUT_MEMORY_ANONYMOUS), ==, -EINVAL);
	g_assert_cmpint(iommut_memory_alloc(&memory, SIZE_MAX, IOMMUT_MEMORY_ANONYMOUS), ==,
			-ENOMEM);
	options = (struct iommut_memory_options){ .flags = 64 };
	g_assert_cmpint(iommut_memory_alloc_with(&memory, 4096, &options), ==, -EINVAL);
	options = (struct iommut_memory_options){ .numa_node = 5000 };
	g_assert_cmpint(iommut_memory_alloc_with(&memory, 4096, &options), ==, -EINVAL);
	options = (struct iommut_memory_options){ .kind = IOMMUT_MEMORY_FILE,
						  .folder = "/nonexistent" };
	g_assert_cmpint(iommut_memory_alloc_with(&memory, 4096, &options), ==, -ENOENT);
	g_assert_cmpint(iommut_memory_kind_parse("gold", &kind), ==, -EINVAL);
	g_assert_null(iommut_memory_kind_name((enum iommut_memory_kind)99));
	g_assert_cmpint(iommut_memory_physical_size(NULL, &size), ==, -EFAULT);
	iommut_memory_free(NULL);
}

static void test_every_failure(void)
{
	static const enum iommut_memory_kind kinds[] = { IOMMUT_MEMORY_ANONYMOUS, IOMMUT_MEMORY_THP,
							 IOMMUT_MEMORY_MEMFD_2M,
							 IOMMUT_MEMORY_FILE };

	for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
		struct iommut_memory_options options = { .kind = kinds[i],
							 .flags = IOMMUT_MEMORY_POPULATE,
							 .numa_node = 1 };
		struct iommut_memory *memory;
		struct fake_kernel kernel;
		unsigned int calls;

		fake_kernel_init(&kernel, NULL);
		g_assert_cmpint(memory_alloc_on(&kernel.sys, &memory, 4096, &options), ==, 0);
		calls = kernel.calls;
		memory_free_on(&kernel.sys, memory);
		fake_kernel_assert_clean(&kernel);
		for (unsigned int j = 1; j <= calls; j++) {
			fake_kernel_init(&kernel, NULL);
			kernel.fail_at = j;
			g_assert_cmpint(memory_alloc_on(&kernel.sys, &memory, 4096, &options), ==,
					j == 1 ? -ENOMEM : -EIO);
			fake_kernel_assert_clean(&kernel);
		}
	}
}

static void test_smaps(void)
{
	char *root = fake_sysfs_new();
	struct fake_kernel kernel;
	size_t size;

	fake_kernel_init(&kernel, root);
	g_assert_cmpint(memory_physical_size_on(&kernel.sys, (void *)0x1000, &size), ==, -ENOENT);
	fake_sysfs_write(
		root, "/proc/self/smaps",
		"00001000-00002000 rw-p 00000000 00:00 0\nSize: 4 kB\nKernelPageSize:        4 kB\n"
		"00200000-00600000 rw-p 00000000 00:00 0\nSize: 4096 kB\nKernelPageSize:        4 "
		"kB\n"
		"AnonHugePages:      4096 kB\n"
		"00800000-00c00000 rw-p 00000000 00:00 0\nKernelPageSize:        4 "
		"kB\nAnonHugePages: 2048 kB\n");
	g_assert_cmpint(memory_physical_size_on(&kernel.sys, (void *)0x1fff, &size), ==, 0);
	g_assert_cmpuint(size, ==, 4096);
	g_assert_cmpint(memory_physical_size_on(&kernel.sys, (void *)0x400000, &size), ==, 0);
	g_assert_cmpuint(size, ==, 2 << 20);
	g_assert_cmpint(memory_physical_size_on(&kernel.sys, (void *)0x900000, &size), ==, 0);
	g_assert_cmpuint(size, ==, 4096);
	g_assert_cmpint(memory_physical_size_on(&kernel.sys, (void *)0x3000, &size), ==, -EFAULT);
	fake_sysfs_free(root);
}

static void test_pattern(void)
{
	static uint8_t whole[5000], part[5000];
	struct iommut_mismatch mismatch;
	size_t same = 0;
	char text[600];

	iommut_pattern_fill(whole, sizeof(whole), 7, 3);
	for (int round = 0; round < 1000; round++) {
		size_t at = (size_t)g_test_rand_int_range(0, 5000);
		size_t length = (size_t)g_test_rand_int_range(0, 5000 - (int)at + 1);

		/* A part by itself is what it is in the whole. */
		iommut_pattern_fill(part, length, 7, 3 + at);
		g_assert_cmpmem(part, length, whole + at, length);
		g_assert_cmpint(iommut_pattern_verify(whole + at, length, 7, 3 + at, &mismatch), ==,
				0);
		if (!length)
			continue;
		part[g_test_rand_int_range(0, (int)length)] ^= 0x10;
		g_assert_cmpint(iommut_pattern_verify(part, length, 7, 3 + at, NULL) == 0, ==,
				false);
	}
	iommut_pattern_fill(part, sizeof(part), 8, 3);
	for (size_t i = 0; i < sizeof(part); i++)
		same += part[i] == whole[i];
	g_assert_cmpuint(same, <, 5000 / 100);

	iommut_pattern_fill(whole, sizeof(whole), 7, 0);
	whole[4321] ^= 1;
	whole[4999] ^= 1;
	g_assert_cmpint(iommut_pattern_verify(whole, sizeof(whole), 7, 0, &mismatch), ==, -EILSEQ);
	g_assert_cmpuint(mismatch.offset, ==, 4321);
	g_assert_cmpuint(mismatch.count, ==, 2);
	g_assert_cmphex(mismatch.expected ^ mismatch.actual, ==, 1);
	g_assert_cmpuint(mismatch.window_offset, <=, 4321);
	g_assert_cmphex(mismatch.actual_window[4321 - mismatch.window_offset], ==, whole[4321]);
	g_assert_cmpint(iommut_mismatch_format(&mismatch, text, sizeof(text)), <, 512);
	g_assert_nonnull(strstr(text, "first of 2 wrong bytes at offset 0x10e1"));
	g_assert_cmpint(iommut_mismatch_format(&mismatch, text, 10), >, 10);
	g_assert_cmpuint(strlen(text), ==, 9);
	g_assert_cmpint(iommut_mismatch_format(&mismatch, NULL, 0), >, 10);

	memset(whole, 9, sizeof(whole));
	memset(part, 9, sizeof(part));
	g_assert_cmpint(iommut_byte_verify(whole, sizeof(whole), 9, NULL), ==, 0);
	g_assert_cmpint(iommut_byte_verify(whole, 0, 8, NULL), ==, 0);
	g_assert_cmpint(iommut_byte_verify(whole, sizeof(whole), 8, &mismatch), ==, -EILSEQ);
	g_assert_cmpuint(mismatch.count, ==, sizeof(whole));
	whole[4999] = 1;
	g_assert_cmpint(iommut_byte_verify(whole, sizeof(whole), 9, &mismatch), ==, -EILSEQ);
	g_assert_cmpuint(mismatch.offset, ==, 4999);
	g_assert_cmpint(iommut_compare(whole, part, sizeof(part) - 1, NULL), ==, 0);
	g_assert_cmpint(iommut_compare(whole, part, sizeof(part), &mismatch), ==, -EILSEQ);
	g_assert_cmphex(mismatch.expected, ==, 1);
	g_assert_cmphex(mismatch.actual, ==, 9);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	for (int i = 0; i < IOMMUT_MEMORY_KINDS; i++) {
		g_autofree char *path = g_strconcat(
			"/memory/kind/", iommut_memory_kind_name((enum iommut_memory_kind)i), NULL);

		g_test_add_data_func(path, GINT_TO_POINTER(i), test_kind);
	}
	g_test_add_func("/memory/guards", test_guards);
	g_test_add_func("/memory/read-only", test_read_only);
	g_test_add_func("/memory/arguments", test_arguments);
	g_test_add_func("/memory/every-failure", test_every_failure);
	g_test_add_func("/memory/smaps", test_smaps);
	g_test_add_func("/pattern", test_pattern);
	return g_test_run();
}
