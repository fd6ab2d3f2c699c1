/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
#ifndef LIB_SYSCALLS_H
#define LIB_SYSCALLS_H

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/types.h>

#include <iommut/types.h>

/**
 * struct iommut_syscalls - how the library reaches the kernel
 *
 * A handle or an object carries a pointer to one. NULL, the usual case, means the running kernel;
 * unit tests put a fake kernel here. Every member returns what the system call returns, with a
 * negative errno in place of -1.
 */
struct iommut_syscalls {
	int (*open)(const struct iommut_syscalls *sys, const char *path, int flags, mode_t mode);
	int (*close)(const struct iommut_syscalls *sys, int fd);
	int (*ioctl)(const struct iommut_syscalls *sys, int fd, unsigned long request,
		     void *argument);
	ssize_t (*read)(const struct iommut_syscalls *sys, int fd, void *data, size_t length);
	ssize_t (*write)(const struct iommut_syscalls *sys, int fd, const void *data,
			 size_t length);
	ssize_t (*pread)(const struct iommut_syscalls *sys, int fd, void *data, size_t length,
			 off_t offset);
	ssize_t (*pwrite)(const struct iommut_syscalls *sys, int fd, const void *data,
			  size_t length, off_t offset);
	off_t (*lseek)(const struct iommut_syscalls *sys, int fd, off_t offset, int whence);
	int (*mmap)(const struct iommut_syscalls *sys, void *wanted, size_t length, int protection,
		    int flags, int fd, off_t offset, void **address);
	int (*munmap)(const struct iommut_syscalls *sys, void *address, size_t length);
	int (*madvise)(const struct iommut_syscalls *sys, void *address, size_t length, int advice);
	int (*memfd_create)(const struct iommut_syscalls *sys, const char *name,
			    unsigned int flags);
	int (*ftruncate)(const struct iommut_syscalls *sys, int fd, off_t length);
	int (*mbind)(const struct iommut_syscalls *sys, void *address, size_t length, int mode,
		     const unsigned long *nodes, unsigned long max_node, unsigned int flags);
	int (*eventfd)(const struct iommut_syscalls *sys, unsigned int initial, int flags);
	int (*poll)(const struct iommut_syscalls *sys, struct pollfd *fds, nfds_t count,
		    int timeout_ms);
	ssize_t (*readlink)(const struct iommut_syscalls *sys, const char *path, char *data,
			    size_t size);
	int (*mkdir)(const struct iommut_syscalls *sys, const char *path, mode_t mode);
	int (*rmdir)(const struct iommut_syscalls *sys, const char *path);
	int (*socket)(const struct iommut_syscalls *sys, int domain, int type, int protocol);
	int (*bind)(const struct iommut_syscalls *sys, int fd, const struct sockaddr *address,
		    socklen_t length);
	ssize_t (*recvfrom)(const struct iommut_syscalls *sys, int fd, void *data, size_t length,
			    struct sockaddr *from, socklen_t *from_length);
	void *(*calloc)(const struct iommut_syscalls *sys, size_t count, size_t size);
};

/**
 * supported() - what a typed call answers
 * @ret: what the kernel answered
 *
 * Return: @ret; -EOPNOTSUPP for -ENOTTY, by which a kernel says that it does not know a call.
 */
static inline int supported(int ret)
{
	return ret == -ENOTTY ? -EOPNOTSUPP : ret;
}

int sys_open(const struct iommut_syscalls *sys, const char *path, int flags, mode_t mode);
int sys_close(const struct iommut_syscalls *sys, int fd);
/* In the header, for those who call it millions of times. */
static inline int sys_ioctl(const struct iommut_syscalls *sys, int fd, unsigned long request,
			    void *argument)
{
	int ret;

	if (sys)
		return sys->ioctl(sys, fd, request, argument);
	ret = ioctl(fd, request, argument);
	return ret < 0 ? -errno : ret;
}

ssize_t sys_read(const struct iommut_syscalls *sys, int fd, void *data, size_t length);
ssize_t sys_write(const struct iommut_syscalls *sys, int fd, const void *data, size_t length);
ssize_t sys_pread(const struct iommut_syscalls *sys, int fd, void *data, size_t length,
		  off_t offset);
ssize_t sys_pwrite(const struct iommut_syscalls *sys, int fd, const void *data, size_t length,
		   off_t offset);
off_t sys_lseek(const struct iommut_syscalls *sys, int fd, off_t offset, int whence);
int sys_mmap(const struct iommut_syscalls *sys, void *wanted, size_t length, int protection,
	     int flags, int fd, off_t offset, void **address);
int sys_munmap(const struct iommut_syscalls *sys, void *address, size_t length);
int sys_madvise(const struct iommut_syscalls *sys, void *address, size_t length, int advice);
int sys_memfd_create(const struct iommut_syscalls *sys, const char *name, unsigned int flags);
int sys_ftruncate(const struct iommut_syscalls *sys, int fd, off_t length);
int sys_mbind(const struct iommut_syscalls *sys, void *address, size_t length, int mode,
	      const unsigned long *nodes, unsigned long max_node, unsigned int flags);
int sys_eventfd(const struct iommut_syscalls *sys, unsigned int initial, int flags);
int sys_poll(const struct iommut_syscalls *sys, struct pollfd *fds, nfds_t count, int timeout_ms);
ssize_t sys_readlink(const struct iommut_syscalls *sys, const char *path, char *data, size_t size);
int sys_mkdir(const struct iommut_syscalls *sys, const char *path, mode_t mode);
int sys_rmdir(const struct iommut_syscalls *sys, const char *path);
int sys_socket(const struct iommut_syscalls *sys, int domain, int type, int protocol);
int sys_bind(const struct iommut_syscalls *sys, int fd, const struct sockaddr *address,
	     socklen_t length);
ssize_t sys_recvfrom(const struct iommut_syscalls *sys, int fd, void *data, size_t length,
		     struct sockaddr *from, socklen_t *from_length);
void *sys_calloc(const struct iommut_syscalls *sys, size_t count, size_t size);

/**
 * sys_wait() - wait until a file descriptor can be read
 * @sys: the kernel
 * @fd: the file descriptor
 * @timeout_ms: longest wait in milliseconds; negative is treated as 0
 *
 * Interrupted waits go on for what is left of the time.
 *
 * Return: 0, -ETIMEDOUT, -EIO if only an error condition was signalled, or the error of poll(2).
 */
int sys_wait(const struct iommut_syscalls *sys, int fd, int timeout_ms);

/**
 * sys_read_file() - read a small file, such as one of sysfs
 * @sys: the kernel
 * @path: the file
 * @text: where its content is stored, terminated, without trailing white space
 * @size: of @text; a longer file is cut
 *
 * Return: length of the text, or the error of open(2) or read(2).
 */
ssize_t sys_read_file(const struct iommut_syscalls *sys, const char *path, char *text, size_t size);

/**
 * sys_write_file() - write a word to a file, such as one of sysfs
 * @sys: the kernel
 * @path: the file
 * @text: the word
 *
 * Return: 0, or the error of open(2) or write(2).
 */
int sys_write_file(const struct iommut_syscalls *sys, const char *path, const char *text);

#endif /* LIB_SYSCALLS_H */
