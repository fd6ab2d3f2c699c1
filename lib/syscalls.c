// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "lib/syscalls.h"

int sys_open(const struct iommut_syscalls *sys, const char *path, int flags, mode_t mode)
{
	int fd;

	if (sys)
		return sys->open(sys, path, flags, mode);
	fd = open(path, flags | O_CLOEXEC, mode);
	return fd < 0 ? -errno : fd;
}

int sys_close(const struct iommut_syscalls *sys, int fd)
{
	if (sys)
		return sys->close(sys, fd);
	return close(fd) ? -errno : 0;
}

ssize_t sys_read(const struct iommut_syscalls *sys, int fd, void *data, size_t length)
{
	ssize_t ret;

	if (sys)
		return sys->read(sys, fd, data, length);
	ret = read(fd, data, length);
	return ret < 0 ? -errno : ret;
}

ssize_t sys_write(const struct iommut_syscalls *sys, int fd, const void *data, size_t length)
{
	ssize_t ret;

	if (sys)
		return sys->write(sys, fd, data, length);
	ret = write(fd, data, length);
	return ret < 0 ? -errno : ret;
}

ssize_t sys_pread(const struct iommut_syscalls *sys, int fd, void *data, size_t length,
		  off_t offset)
{
	ssize_t ret;

	if (sys)
		return sys->pread(sys, fd, data, length, offset);
	ret = pread(fd, data, length, offset);
	return ret < 0 ? -errno : ret;
}

ssize_t sys_pwrite(const struct iommut_syscalls *sys, int fd, const void *data, size_t length,
		   off_t offset)
{
	ssize_t ret;

	if (sys)
		return sys->pwrite(sys, fd, data, length, offset);
	ret = pwrite(fd, data, length, offset);
	return ret < 0 ? -errno : ret;
}

off_t sys_lseek(const struct iommut_syscalls *sys, int fd, off_t offset, int whence)
{
	off_t ret;

	if (sys)
		return sys->lseek(sys, fd, offset, whence);
	ret = lseek(fd, offset, whence);
	return ret < 0 ? -errno : ret;
}

int sys_mmap(const struct iommut_syscalls *sys, void *wanted, size_t length, int protection,
	     int flags, int fd, off_t offset, void **address)
{
	void *ret;

	if (sys)
		return sys->mmap(sys, wanted, length, protection, flags, fd, offset, address);
	ret = mmap(wanted, length, protection, flags, fd, offset);
	if (ret == MAP_FAILED)
		return -errno;
	*address = ret;
	return 0;
}

int sys_munmap(const struct iommut_syscalls *sys, void *address, size_t length)
{
	if (sys)
		return sys->munmap(sys, address, length);
	return munmap(address, length) ? -errno : 0;
}

int sys_madvise(const struct iommut_syscalls *sys, void *address, size_t length, int advice)
{
	if (sys)
		return sys->madvise(sys, address, length, advice);
	return madvise(address, length, advice) ? -errno : 0;
}

int sys_memfd_create(const struct iommut_syscalls *sys, const char *name, unsigned int flags)
{
	int fd;

	if (sys)
		return sys->memfd_create(sys, name, flags);
	fd = memfd_create(name, flags);
	return fd < 0 ? -errno : fd;
}

int sys_ftruncate(const struct iommut_syscalls *sys, int fd, off_t length)
{
	if (sys)
		return sys->ftruncate(sys, fd, length);
	return ftruncate(fd, length) ? -errno : 0;
}

int sys_mbind(const struct iommut_syscalls *sys, void *address, size_t length, int mode,
	      const unsigned long *nodes, unsigned long max_node, unsigned int flags)
{
	if (sys)
		return sys->mbind(sys, address, length, mode, nodes, max_node, flags);
	return syscall(SYS_mbind, address, length, mode, nodes, max_node, flags) ? -errno : 0;
}

int sys_eventfd(const struct iommut_syscalls *sys, unsigned int initial, int flags)
{
	int fd;

	if (sys)
		return sys->eventfd(sys, initial, flags);
	fd = eventfd(initial, flags);
	return fd < 0 ? -errno : fd;
}

int sys_poll(const struct iommut_syscalls *sys, struct pollfd *fds, nfds_t count, int timeout_ms)
{
	int ret;

	if (sys)
		return sys->poll(sys, fds, count, timeout_ms);
	ret = poll(fds, count, timeout_ms);
	return ret < 0 ? -errno : ret;
}

ssize_t sys_readlink(const struct iommut_syscalls *sys, const char *path, char *data, size_t size)
{
	ssize_t ret;

	if (sys)
		return sys->readlink(sys, path, data, size);
	ret = readlink(path, data, size);
	return ret < 0 ? -errno : ret;
}

int sys_mkdir(const struct iommut_syscalls *sys, const char *path, mode_t mode)
{
	if (sys)
		return sys->mkdir(sys, path, mode);
	return mkdir(path, mode) ? -errno : 0;
}

int sys_rmdir(const struct iommut_syscalls *sys, const char *path)
{
	if (sys)
		return sys->rmdir(sys, path);
	return rmdir(path) ? -errno : 0;
}

int sys_socket(const struct iommut_syscalls *sys, int domain, int type, int protocol)
{
	int fd;

	if (sys)
		return sys->socket(sys, domain, type, protocol);
	fd = socket(domain, type, protocol);
	return fd < 0 ? -errno : fd;
}

int sys_bind(const struct iommut_syscalls *sys, int fd, const struct sockaddr *address,
	     socklen_t length)
{
	if (sys)
		return sys->bind(sys, fd, address, length);
	return bind(fd, address, length) ? -errno : 0;
}

ssize_t sys_recvfrom(const struct iommut_syscalls *sys, int fd, void *data, size_t length,
		     struct sockaddr *from, socklen_t *from_length)
{
	ssize_t ret;

	if (sys)
		return sys->recvfrom(sys, fd, data, length, from, from_length);
	ret = recvfrom(fd, data, length, 0, from, from_length);
	return ret < 0 ? -errno : ret;
}

void *sys_calloc(const struct iommut_syscalls *sys, size_t count, size_t size)
{
	if (sys)
		return sys->calloc(sys, count, size);
	return calloc(count, size);
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int sys_wait(const struct iommut_syscalls *sys, int fd, int timeout_ms)
{
	int64_t deadline = now_ms() + (timeout_ms > 0 ? timeout_ms : 0);

	for (;;) {
		struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
		int64_t left = deadline - now_ms();
		int ret = sys_poll(sys, &poll_fd, 1, left > 0 ? (int)left : 0);

		if (ret == -EINTR)
			continue;
		if (ret < 0)
			return ret;
		if (ret == 0)
			return -ETIMEDOUT;
		return poll_fd.revents & POLLIN ? 0 : -EIO;
	}
}

ssize_t sys_read_file(const struct iommut_syscalls *sys, const char *path, char *text, size_t size)
{
	size_t length = 0;
	ssize_t got = 0;
	int fd = sys_open(sys, path, O_RDONLY, 0);

	if (fd < 0)
		return fd;
	while (length + 1 < size) {
		got = sys_read(sys, fd, text + length, size - 1 - length);
		if (got <= 0)
			break;
		length += got;
	}
	sys_close(sys, fd);
	if (got < 0)
		return got;
	while (length && strchr(" \t\n", text[length - 1]))
		length--;
	text[length] = '\0';
	return length;
}

int sys_write_file(const struct iommut_syscalls *sys, const char *path, const char *text)
{
	ssize_t done;
	int fd = sys_open(sys, path, O_WRONLY, 0);

	if (fd < 0)
		return fd;
	done = sys_write(sys, fd, text, strlen(text));
	sys_close(sys, fd);
	if (done < 0)
		return done;
	return (size_t)done == strlen(text) ? 0 : -EIO;
}
