// SPDX-License-Identifier: GPL-2.0-or-later
/* The calls that the library makes where no fake kernel is given: the running kernel gets them, and its errors come back. */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <signal.h>
#include <string.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <unistd.h>

#include <linux/netlink.h>

#include "lib/syscalls.h"

#define NOBODY 1000000 /* no file descriptor */

static char *folder;

static void test_files(void)
{
	g_autofree char *path = g_build_filename(folder, "file", NULL);
	g_autofree char *link = g_build_filename(folder, "link", NULL);
	g_autofree char *missing = g_build_filename(folder, "missing", NULL);
	char text[16] = "";
	int fd = sys_open(NULL, path, O_RDWR | O_CREAT, 0600);

	g_assert_cmpint(fd, >=, 0);
	g_assert_cmpint(sys_write(NULL, fd, "0123456789", 10), ==, 10);
	g_assert_cmpint(sys_pwrite(NULL, fd, "ab", 2, 4), ==, 2);
	g_assert_cmpint(sys_pread(NULL, fd, text, 4, 3), ==, 4);
	g_assert_cmpstr(text, ==, "3ab6");
	g_assert_cmpint(sys_lseek(NULL, fd, 8, SEEK_SET), ==, 8);
	g_assert_cmpint(sys_read(NULL, fd, text, 2), ==, 2);
	g_assert_cmpstr(text, ==, "89b6");
	g_assert_cmpint(sys_ftruncate(NULL, fd, 3), ==, 0);
	g_assert_cmpint(sys_close(NULL, fd), ==, 0);

	g_assert_cmpint(sys_open(NULL, missing, O_RDONLY, 0), ==, -ENOENT);
	g_assert_cmpint(sys_close(NULL, NOBODY), ==, -EBADF);
	g_assert_cmpint(sys_ioctl(NULL, NOBODY, 0, NULL), ==, -EBADF);
	g_assert_cmpint(sys_read(NULL, NOBODY, text, 1), ==, -EBADF);
	g_assert_cmpint(sys_write(NULL, NOBODY, text, 1), ==, -EBADF);
	g_assert_cmpint(sys_pread(NULL, NOBODY, text, 1, 0), ==, -EBADF);
	g_assert_cmpint(sys_pwrite(NULL, NOBODY, text, 1, 0), ==, -EBADF);
	g_assert_cmpint(sys_lseek(NULL, NOBODY, 0, SEEK_SET), ==, -EBADF);
	g_assert_cmpint(sys_ftruncate(NULL, NOBODY, 0), ==, -EBADF);
	g_assert_cmpint(sys_readlink(NULL, missing, text, sizeof(text)), ==, -ENOENT);
	g_assert_cmpint(symlink("target", link), ==, 0);
	g_assert_cmpint(sys_readlink(NULL, link, text, sizeof(text)), ==, 6);
	g_assert_cmpint(sys_write_file(NULL, path, "word"), ==, 0);
	g_assert_cmpint(sys_read_file(NULL, path, text, sizeof(text)), ==, 4);
	g_assert_cmpstr(text, ==, "word");
	g_assert_cmpint(unlink(link), ==, 0);
	g_assert_cmpint(unlink(path), ==, 0);
	g_assert_cmpint(sys_mkdir(NULL, path, 0700), ==, 0);
	g_assert_cmpint(sys_mkdir(NULL, path, 0700), ==, -EEXIST);
	g_assert_cmpint(sys_rmdir(NULL, path), ==, 0);
	g_assert_cmpint(sys_rmdir(NULL, path), ==, -ENOENT);
}

static void test_memory(void)
{
	int fd = sys_memfd_create(NULL, "test", 0);
	unsigned long nodes = 1;
	void *address;
	int ret;

	g_assert_cmpint(fd, >=, 0);
	g_assert_cmpint(sys_ftruncate(NULL, fd, 4096), ==, 0);
	g_assert_cmpint(
		sys_mmap(NULL, NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0, &address), ==,
		0);
	g_assert_cmpint(sys_madvise(NULL, address, 4096, MADV_NORMAL), ==, 0);
	g_assert_cmpint(sys_madvise(NULL, address, 4096, -1), ==, -EINVAL);
	/* Not every kernel has nodes, and not every sandbox the call. */
	ret = sys_mbind(NULL, address, 4096, 2, &nodes, 64, 0);
	g_assert_true(ret == 0 || ret == -ENOSYS || ret == -EPERM || ret == -EINVAL);
	g_assert_cmpint(sys_munmap(NULL, address, 4096), ==, 0);
	g_assert_cmpint(sys_munmap(NULL, (char *)address + 1, 4096), ==, -EINVAL);
	g_assert_cmpint(sys_mmap(NULL, NULL, 0, PROT_READ, MAP_SHARED, fd, 0, &address), ==,
			-EINVAL);
	g_assert_cmpint(sys_memfd_create(NULL, "test", ~0u), ==, -EINVAL);
	g_assert_cmpint(sys_close(NULL, fd), ==, 0);
	address = sys_calloc(NULL, 2, 8);
	g_assert_nonnull(address);
	free(address);
}

static void on_alarm(int number)
{
	(void)number;
}

/* A wait ends with EINTR, the one error of poll that valgrind does not complain of. Once could be before the wait; 0: no more. */
static void interrupt_every(suseconds_t us)
{
	const struct itimerval timer = { .it_interval.tv_usec = us, .it_value.tv_usec = us };

	g_assert_true(signal(SIGALRM, on_alarm) != SIG_ERR);
	g_assert_cmpint(setitimer(ITIMER_REAL, &timer, NULL), ==, 0);
}

static void test_events(void)
{
	int fd = sys_eventfd(NULL, 0, 0);
	struct pollfd wait = { .fd = fd, .events = POLLIN };
	uint64_t one = 1;

	g_assert_cmpint(fd, >=, 0);
	g_assert_cmpint(sys_eventfd(NULL, 0, -1), ==, -EINVAL);
	g_assert_cmpint(sys_poll(NULL, &wait, 1, 0), ==, 0);
	g_assert_cmpint(sys_wait(NULL, fd, 1), ==, -ETIMEDOUT);
	g_assert_cmpint(sys_write(NULL, fd, &one, sizeof(one)), ==, sizeof(one));
	g_assert_cmpint(sys_poll(NULL, &wait, 1, 0), ==, 1);
	g_assert_cmpint(sys_wait(NULL, fd, 0), ==, 0);
	interrupt_every(10000);
	g_assert_cmpint(sys_poll(NULL, NULL, 0, 60000), ==, -EINTR);
	interrupt_every(0);
	g_assert_cmpint(sys_wait(NULL, NOBODY, 0), ==, -EIO);
	g_assert_cmpint(sys_close(NULL, fd), ==, 0);
}

static void test_sockets(void)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK };
	struct sockaddr from;
	socklen_t length = sizeof(from);
	char byte;
	int fd = sys_socket(NULL, AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK, NETLINK_KOBJECT_UEVENT);

	/* Some sandboxes have no such sockets. */
	if (fd >= 0) {
		g_assert_cmpint(sys_bind(NULL, fd, (struct sockaddr *)&address, sizeof(address)),
				==, 0);
		g_assert_cmpint(sys_recvfrom(NULL, fd, &byte, 1, &from, &length), ==, -EAGAIN);
		g_assert_cmpint(sys_close(NULL, fd), ==, 0);
	}
	g_assert_cmpint(sys_socket(NULL, -1, SOCK_RAW, 0), <, 0);
	g_assert_cmpint(sys_bind(NULL, NOBODY, (struct sockaddr *)&address, sizeof(address)), ==,
			-EBADF);
	g_assert_cmpint(sys_recvfrom(NULL, NOBODY, &byte, 1, &from, &length), ==, -EBADF);
}

int main(int argc, char **argv)
{
	int code;

	g_test_init(&argc, &argv, NULL);
	folder = g_dir_make_tmp("iommut-XXXXXX", NULL);
	g_assert_nonnull(folder);
	g_test_add_func("/syscalls/files", test_files);
	g_test_add_func("/syscalls/memory", test_memory);
	g_test_add_func("/syscalls/events", test_events);
	g_test_add_func("/syscalls/sockets", test_sockets);
	code = g_test_run();
	rmdir(folder);
	g_free(folder);
	return code;
}
