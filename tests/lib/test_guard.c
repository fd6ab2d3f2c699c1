// SPDX-License-Identifier: GPL-2.0-or-later
/* Mapped regions whose pages vanish while they are used. */
#include <errno.h>
#include <glib.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <iommut/guard.h>
#include <iommut/region.h>

#include "lib/guard.h"
#include "lib/space.h"
#include "tests/lib/fake_kernel.h"

struct fixture {
	char *root;
	struct fake_kernel kernel;
	struct iommut_space *space;
	struct iommut_device *device;
	struct iommut_region *region;
	size_t page;
};

static void set_up(struct fixture *fixture, gconstpointer data)
{
	struct iommut_space_options options = { .backend = IOMMUT_TYPE1 };

	fixture->page = sysconf(_SC_PAGESIZE);
	fixture->root = fake_sysfs_new();
	fake_kernel_init(&fixture->kernel, fixture->root);
	g_assert_cmpint(space_open_on(&fixture->kernel.sys, &fixture->space, &options), ==, 0);
	g_assert_cmpint(iommut_device_open(&fixture->device, fixture->space, FAKE_BDF), ==, 0);
	g_assert_cmpint(iommut_region_open(&fixture->region, fixture->device, 0), ==, 0);
}

static void tear_down(struct fixture *fixture, gconstpointer data)
{
	iommut_guard_end();
	iommut_region_close(fixture->region);
	iommut_device_close(fixture->device);
	iommut_space_close(fixture->space);
	fake_kernel_assert_clean(&fixture->kernel);
	fake_sysfs_free(fixture->root);
}

/* What an unplugged function leaves of a mapping: a page that raises SIGBUS when it is touched. */
static void pull_out(void *address, size_t length)
{
	int fd = memfd_create("gone", MFD_CLOEXEC);

	g_assert_cmpint(fd, >=, 0);
	g_assert_true(mmap(address, length, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd,
			   0) == address);
	close(fd);
}

static volatile uint32_t *map(struct fixture *fixture)
{
	void *address;

	g_assert_cmpint(iommut_region_map(fixture->region, 0, FAKE_BAR_SIZE, &address), ==, 0);
	return address;
}

static void unmap(struct fixture *fixture, volatile uint32_t *address)
{
	g_assert_cmpint(iommut_region_unmap(fixture->region, (void *)address, FAKE_BAR_SIZE), ==,
			0);
}

static void test_reads_ones(struct fixture *fixture, gconstpointer data)
{
	volatile uint32_t *address;

	g_assert_cmpint(iommut_guard_begin(), ==, 0);
	g_assert_cmpint(iommut_guard_begin(), ==, -EALREADY);
	address = map(fixture);
	address[3] = 7;
	g_assert_cmpuint(address[3], ==, 7);
	g_assert_false(iommut_guard_lost((void *)address));

	pull_out((void *)address, fixture->page);
	errno = 77;
	g_assert_cmphex(address[3], ==, UINT32_MAX);
	g_assert_cmpint(errno, ==, 77);
	address[3] = 8;
	g_assert_cmphex(*((volatile uint8_t *)address + 100), ==, 0xff);
	g_assert_true(iommut_guard_lost((void *)(address + 20)));
	g_assert_false(iommut_guard_lost(fixture));

	/* Mapped again, it is the device again. */
	unmap(fixture, address);
	g_assert_false(iommut_guard_lost((void *)address));
	address = map(fixture);
	address[3] = 9;
	g_assert_cmpuint(address[3], ==, 9);
	g_assert_false(iommut_guard_lost((void *)address));
	unmap(fixture, address);
}

static void test_many(struct fixture *fixture, gconstpointer data)
{
	volatile uint32_t *addresses[20];

	g_assert_cmpint(iommut_guard_begin(), ==, 0);
	for (int i = 0; i < 20; i++)
		addresses[i] = map(fixture);
	for (int i = 0; i < 20; i += 3) {
		pull_out((void *)addresses[i], fixture->page);
		addresses[i][0] = 1;
	}
	for (int i = 0; i < 20; i++)
		g_assert_cmpint(iommut_guard_lost((void *)addresses[i]), ==, i % 3 == 0);
	for (int i = 0; i < 20; i++)
		unmap(fixture, addresses[i]);
	/* Only the beginning of a mapping names it. */
	addresses[0] = map(fixture);
	guard_remove((void *)(addresses[0] + 1));
	pull_out((void *)addresses[0], fixture->page);
	g_assert_cmphex(addresses[0][0], ==, UINT32_MAX);
	unmap(fixture, addresses[0]);
}

static void expect_death(void (*deed)(struct fixture *), struct fixture *fixture)
{
	pid_t child = fork();
	int status;

	g_assert_cmpint(child, >=, 0);
	if (!child) {
		deed(fixture);
		_exit(0);
	}
	g_assert_cmpint(waitpid(child, &status, 0), ==, child);
	g_assert_true(WIFSIGNALED(status));
	g_assert_cmpint(WTERMSIG(status), ==, SIGBUS);
}

static void touch_unguarded(struct fixture *fixture)
{
	volatile uint32_t *address = map(fixture);

	pull_out((void *)address, fixture->page);
	address[0] = 1;
}

static void touch_something_else(struct fixture *fixture)
{
	volatile uint32_t *other =
		mmap(NULL, fixture->page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (iommut_guard_begin())
		_exit(1);
	pull_out((void *)other, fixture->page);
	other[0] = 1;
}

static void raise_it(struct fixture *fixture)
{
	if (iommut_guard_begin())
		_exit(1);
	raise(SIGBUS);
}

static void touch_after_the_end(struct fixture *fixture)
{
	if (iommut_guard_begin())
		_exit(1);
	iommut_guard_end();
	iommut_guard_end();
	touch_unguarded(fixture);
}

/* SIGBUS that is none of the guard's business kills as it always did. */
static void test_others_die(struct fixture *fixture, gconstpointer data)
{
	expect_death(touch_unguarded, fixture);
	expect_death(touch_something_else, fixture);
	expect_death(raise_it, fixture);
	expect_death(touch_after_the_end, fixture);
}

static int seen_plain, seen_full;

static void plain(int number)
{
	seen_plain++;
}

static void full(int number, siginfo_t *info, void *context)
{
	seen_full += number == SIGBUS && info != NULL;
}

/* A handler that was there before still gets what is not the guard's. */
static void test_handler_before(struct fixture *fixture, gconstpointer data)
{
	struct sigaction with_info = { .sa_sigaction = full, .sa_flags = SA_SIGINFO };
	struct sigaction without = { .sa_handler = plain }, original;

	g_assert_cmpint(sigaction(SIGBUS, &without, &original), ==, 0);
	g_assert_cmpint(iommut_guard_begin(), ==, 0);
	raise(SIGBUS);
	g_assert_cmpint(seen_plain, ==, 1);
	iommut_guard_end();
	g_assert_cmpint(sigaction(SIGBUS, &with_info, NULL), ==, 0);
	g_assert_cmpint(iommut_guard_begin(), ==, 0);
	raise(SIGBUS);
	g_assert_cmpint(seen_full, ==, 1);
	iommut_guard_end();
	raise(SIGBUS);
	g_assert_cmpint(seen_full, ==, 2);
	g_assert_cmpint(sigaction(SIGBUS, &original, NULL), ==, 0);
}

/* Calls of the guard that only this test can make fail, or that would end it (the linker's --wrap; files have offsets of 64 bits). */
static bool mmap_fails, sigaction_fails, survives;
static int dies;

void *__real_mmap64(void *wanted, size_t length, int protection, int flags, int fd, off_t offset);
void *__wrap_mmap64(void *wanted, size_t length, int protection, int flags, int fd, off_t offset);
int __real_sigaction(int number, const struct sigaction *action, struct sigaction *before);
int __wrap_sigaction(int number, const struct sigaction *action, struct sigaction *before);
int __real_raise(int number);
int __wrap_raise(int number);
void (*__real_signal(int number, void (*handler)(int)))(int);
void (*__wrap_signal(int number, void (*handler)(int)))(int);

void *__wrap_mmap64(void *wanted, size_t length, int protection, int flags, int fd, off_t offset)
{
	if (!mmap_fails)
		return __real_mmap64(wanted, length, protection, flags, fd, offset);
	errno = ENOMEM;
	return MAP_FAILED;
}

int __wrap_sigaction(int number, const struct sigaction *action, struct sigaction *before)
{
	if (!sigaction_fails)
		return __real_sigaction(number, action, before);
	errno = EPERM;
	return -1;
}

int __wrap_raise(int number)
{
	dies++;
	return survives ? 0 : __real_raise(number);
}

void (*__wrap_signal(int number, void (*handler)(int)))(int)
{
	return survives ? SIG_DFL : __real_signal(number, handler);
}

static struct fixture *damaged;
static volatile uint32_t *lost;

/* Puts the page back, so that the access that is done again ends. */
static void repair(int number, siginfo_t *info, void *context)
{
	seen_full++;
	mmap_fails = false;
	mmap((void *)lost, damaged->page, PROT_READ | PROT_WRITE,
	     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
}

static void test_last_resorts(struct fixture *fixture, gconstpointer data)
{
	struct sigaction ignored = { .sa_handler = SIG_IGN }, original;
	struct sigaction repairs = { .sa_sigaction = repair, .sa_flags = SA_SIGINFO };

	sigaction_fails = true;
	g_assert_cmpint(iommut_guard_begin(), ==, -EPERM);
	sigaction_fails = false;

	/* A page that cannot be replaced is left to whoever was there before. */
	seen_full = 0;
	g_assert_cmpint(sigaction(SIGBUS, &repairs, &original), ==, 0);
	g_assert_cmpint(iommut_guard_begin(), ==, 0);
	lost = map(fixture);
	damaged = fixture;
	pull_out((void *)lost, fixture->page);
	mmap_fails = true;
	g_assert_cmpuint(lost[0], ==, 0);
	g_assert_cmpint(seen_full, ==, 1);
	g_assert_false(iommut_guard_lost((void *)lost));
	unmap(fixture, lost);
	iommut_guard_end();

	/* A signal that was sent kills if it did, and is ignored if it was. */
	survives = true;
	dies = 0;
	g_assert_cmpint(sigaction(SIGBUS, &ignored, NULL), ==, 0);
	g_assert_cmpint(iommut_guard_begin(), ==, 0);
	g_assert_cmpint(kill(getpid(), SIGBUS), ==, 0);
	g_assert_cmpint(dies, ==, 0);
	iommut_guard_end();
	g_assert_cmpint(sigaction(SIGBUS, &original, NULL), ==, 0);
	g_assert_cmpint(iommut_guard_begin(), ==, 0);
	g_assert_cmpint(kill(getpid(), SIGBUS), ==, 0);
	g_assert_cmpint(dies, ==, 1);
	survives = false;
	iommut_guard_end();
}

/* Whichever call fails, nothing stays mapped that the guard does not know. */
static void test_no_memory(struct fixture *fixture, gconstpointer data)
{
	volatile uint32_t *addresses[32];
	unsigned int failed = 0;
	void *address;

	/* Entries that are there are used before new ones are made. */
	for (int i = 0; i < 32; i++)
		addresses[i] = map(fixture);
	for (unsigned int call = 1; call <= 2; call++) {
		fixture->kernel.fail_at = fixture->kernel.calls + call;
		fixture->kernel.fail_with = -ENOMEM;
		failed += iommut_region_map(fixture->region, 0, FAKE_BAR_SIZE, &address) == -ENOMEM;
	}
	fixture->kernel.fail_at = 0;
	g_assert_cmpuint(failed, ==, 2);
	for (int i = 0; i < 32; i++)
		unmap(fixture, addresses[i]);
}

#define TEST(path, function) \
	g_test_add("/guard/" path, struct fixture, NULL, set_up, function, tear_down)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	TEST("reads-ones", test_reads_ones);
	TEST("many", test_many);
	TEST("others-die", test_others_die);
	TEST("handler-before", test_handler_before);
	TEST("last-resorts", test_last_resorts);
	TEST("no-memory", test_no_memory);
	return g_test_run();
}
