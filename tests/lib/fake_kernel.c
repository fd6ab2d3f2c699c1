// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/netlink.h>
#include <linux/pci_regs.h>

#include "tests/lib/fake_ioctl.h"
#include "tests/lib/fake_kernel.h"

static struct fake_kernel *kernel_of(const struct iommut_syscalls *sys)
{
	return (struct fake_kernel *)sys;
}

/* Counts a call, and tells whether it is the one that fails. */
static int fails(struct fake_kernel *kernel)
{
	kernel->calls++;
	return kernel->calls == kernel->fail_at ? kernel->fail_with : 0;
}

struct fake_fd *fake_kernel_fd(struct fake_kernel *kernel, int fd)
{
	int index = fd - FAKE_FD_BASE;

	if (index < 0 || index >= FAKE_FDS || kernel->fds[index].file == FAKE_FREE)
		return NULL;
	return &kernel->fds[index];
}

int fake_fd_new(struct fake_kernel *kernel, enum fake_file file)
{
	for (int i = 0; i < FAKE_FDS; i++) {
		if (kernel->fds[i].file == FAKE_FREE) {
			memset(&kernel->fds[i], 0, sizeof(kernel->fds[i]));
			kernel->fds[i].file = file;
			return FAKE_FD_BASE + i;
		}
	}
	return -EMFILE;
}

static int fake_open(const struct iommut_syscalls *sys, const char *path, int flags, mode_t mode)
{
	static const struct {
		const char *path;
		enum fake_file file;
	} files[] = {
		{ "/dev/vfio/vfio", FAKE_CONTAINER },
		{ "/dev/iommu", FAKE_IOMMU },
		{ "/dev/vfio/7", FAKE_GROUP },
		{ "/dev/vfio/devices/vfio0", FAKE_DEVICE },
		{ "/dev/vfio/devices/noiommu-vfio0", FAKE_DEVICE },
		{ "/dev/vfio/noiommu-9", FAKE_GROUP },
		{ "/dev/kmsg", FAKE_KMSG },
		{ "/tmp", FAKE_OTHER },
	};
	struct fake_kernel *kernel = kernel_of(sys);
	int ret = fails(kernel);

	if (ret)
		return ret;
	if (kernel->missing && !strcmp(path, kernel->missing))
		return -ENOENT;
	if (kernel->root && (g_str_has_prefix(path, "/sys/") || g_str_has_prefix(path, "/proc/"))) {
		g_autofree char *real = g_build_filename(kernel->root, path, NULL);
		int fd = open(real, flags | O_CLOEXEC, mode);

		return fd < 0 ? -errno : fd;
	}
	for (size_t i = 0; i < G_N_ELEMENTS(files); i++) {
		if (strcmp(path, files[i].path))
			continue;
		if (files[i].file == FAKE_GROUP && kernel->group_busy)
			return -EBUSY;
		return fake_fd_new(kernel, files[i].file);
	}
	return -ENOENT;
}

static int fake_close(const struct iommut_syscalls *sys, int fd)
{
	struct fake_kernel *kernel = kernel_of(sys);
	struct fake_fd *file = fake_kernel_fd(kernel, fd);

	kernel->calls++;
	if (fd < FAKE_FD_BASE && fd >= 0)
		return close(fd) ? -errno : 0;
	if (!file) {
		kernel->violations++;
		return -EBADF;
	}
	if (file->file == FAKE_GROUP)
		kernel->group_in_container = false;
	if (file->file == FAKE_DEVICE)
		fake_device_closed(kernel);
	if (file->file == FAKE_CONTAINER)
		kernel->iommu_set = false;
	file->file = FAKE_FREE;
	/* The kernel would destroy what is left: the library must not leave it to that. */
	return 0;
}

static int fake_ioctl(const struct iommut_syscalls *sys, int fd, unsigned long request,
		      void *argument)
{
	struct fake_kernel *kernel = kernel_of(sys);
	struct fake_fd *file = fake_kernel_fd(kernel, fd);
	int ret = fails(kernel);

	if (ret)
		return ret;
	if (!file)
		return -EBADF;
	kernel->last_request = request;
	switch (file->file) {
	case FAKE_CONTAINER:
		return fake_container_ioctl(kernel, request, argument);
	case FAKE_IOMMU:
		return fake_iommufd_ioctl(kernel, request, argument);
	case FAKE_GROUP:
		return fake_group_ioctl(kernel, request, argument);
	case FAKE_DEVICE:
		return fake_device_ioctl(kernel, request, argument);
	default:
		return -ENOTTY;
	}
}

static ssize_t fake_read(const struct iommut_syscalls *sys, int fd, void *data, size_t length)
{
	struct fake_kernel *kernel = kernel_of(sys);
	struct fake_fd *file = fake_kernel_fd(kernel, fd);
	ssize_t ret = fails(kernel);

	if (ret)
		return ret;
	if (!file) {
		ret = read(fd, data, length);
		return ret < 0 ? -errno : ret;
	}
	if (file->file == FAKE_EVENTFD) {
		if (!file->count)
			return -EAGAIN;
		memcpy(data, &file->count, sizeof(file->count));
		file->count = 0;
		return sizeof(file->count);
	}
	if (!file->queued)
		return file->file == FAKE_KMSG || file->file == FAKE_NETLINK ? -EAGAIN : 0;
	length = MIN(length, file->queued);
	memcpy(data, file->queue, length);
	memmove(file->queue, file->queue + length, file->queued - length);
	file->queued -= length;
	return (ssize_t)length;
}

static ssize_t fake_write(const struct iommut_syscalls *sys, int fd, const void *data,
			  size_t length)
{
	struct fake_kernel *kernel = kernel_of(sys);
	ssize_t ret = fails(kernel);

	if (ret)
		return ret;
	if (fake_kernel_fd(kernel, fd)) {
		memcpy(kernel->last, data, MIN(length, sizeof(kernel->last)));
		return (ssize_t)length;
	}
	ret = write(fd, data, length);
	return ret < 0 ? -errno : ret;
}

static uint8_t *place(struct fake_kernel *kernel, off_t offset, size_t length)
{
	uint64_t at = (uint64_t)offset;

	if (at >= FAKE_CONFIG_OFFSET && at - FAKE_CONFIG_OFFSET + length <= sizeof(kernel->config))
		return kernel->config + (at - FAKE_CONFIG_OFFSET);
	if (at + length <= sizeof(kernel->bar))
		return kernel->bar + at;
	return NULL;
}

static ssize_t fake_pread(const struct iommut_syscalls *sys, int fd, void *data, size_t length,
			  off_t offset)
{
	struct fake_kernel *kernel = kernel_of(sys);
	ssize_t ret = fails(kernel);
	uint8_t *from;

	if (ret)
		return ret;
	if (!fake_kernel_fd(kernel, fd)) {
		ret = pread(fd, data, length, offset);
		return ret < 0 ? -errno : ret;
	}
	from = place(kernel, offset, length);
	if (!from)
		return -EINVAL;
	if (kernel->memory_off && (uint64_t)offset < FAKE_CONFIG_OFFSET)
		return -EIO;
	if (kernel->removed)
		memset(data, 0xff, length);
	else
		memcpy(data, from, length);
	return (ssize_t)length;
}

static ssize_t fake_pwrite(const struct iommut_syscalls *sys, int fd, const void *data,
			   size_t length, off_t offset)
{
	struct fake_kernel *kernel = kernel_of(sys);
	ssize_t ret = fails(kernel);
	uint8_t *to = place(kernel, offset, length);

	if (ret)
		return ret;
	if (!fake_kernel_fd(kernel, fd)) {
		ret = pwrite(fd, data, length, offset);
		return ret < 0 ? -errno : ret;
	}
	if (!to)
		return -EINVAL;
	if (kernel->memory_off && (uint64_t)offset < FAKE_CONFIG_OFFSET)
		return -EIO;
	memcpy(to, data, length);
	return (ssize_t)length;
}

static off_t fake_lseek(const struct iommut_syscalls *sys, int fd, off_t offset, int whence)
{
	struct fake_kernel *kernel = kernel_of(sys);
	struct fake_fd *file = fake_kernel_fd(kernel, fd);
	int ret = fails(kernel);

	if (ret)
		return ret;
	if (!file)
		return -EBADF;
	file->queued = 0;
	return 0;
}

static int fake_mmap(const struct iommut_syscalls *sys, void *wanted, size_t length, int protection,
		     int flags, int fd, off_t offset, void **address)
{
	struct fake_kernel *kernel = kernel_of(sys);
	int ret = fails(kernel);
	void *got;

	if (ret)
		return ret;
	/* What stands behind a fake file is anonymous memory. */
	if (fd >= FAKE_FD_BASE)
		got = mmap(wanted, length, protection,
			   MAP_PRIVATE | MAP_ANONYMOUS | (flags & MAP_FIXED), -1, 0);
	else
		got = mmap(wanted, length, protection, flags, fd, offset);
	if (got == MAP_FAILED)
		return -errno;
	*address = got;
	return 0;
}

static int fake_munmap(const struct iommut_syscalls *sys, void *address, size_t length)
{
	kernel_of(sys)->calls++;
	return munmap(address, length) ? -errno : 0;
}

static int fake_madvise(const struct iommut_syscalls *sys, void *address, size_t length, int advice)
{
	return fails(kernel_of(sys));
}

static int fake_memfd(const struct iommut_syscalls *sys, const char *name, unsigned int flags)
{
	int ret = fails(kernel_of(sys));

	return ret ? ret : fake_fd_new(kernel_of(sys), FAKE_OTHER);
}

static int fake_ftruncate(const struct iommut_syscalls *sys, int fd, off_t length)
{
	return fails(kernel_of(sys));
}

static int fake_mbind(const struct iommut_syscalls *sys, void *address, size_t length, int mode,
		      const unsigned long *nodes, unsigned long max_node, unsigned int flags)
{
	return fails(kernel_of(sys));
}

static int fake_eventfd(const struct iommut_syscalls *sys, unsigned int initial, int flags)
{
	int ret = fails(kernel_of(sys));

	return ret ? ret : fake_fd_new(kernel_of(sys), FAKE_EVENTFD);
}

/* Time does not pass here: what is not there now never comes. */
static int fake_poll(const struct iommut_syscalls *sys, struct pollfd *fds, nfds_t count,
		     int timeout_ms)
{
	struct fake_kernel *kernel = kernel_of(sys);
	struct fake_fd *file = fake_kernel_fd(kernel, fds[0].fd);
	int ret = fails(kernel);

	if (ret)
		return ret;
	g_assert_cmpint(count, ==, 1);
	g_assert_cmpint(timeout_ms, >=, 0);
	if (!file)
		return -EBADF;
	if (!file->count && !file->queued)
		return 0;
	fds[0].revents = POLLIN;
	return 1;
}

static ssize_t fake_readlink(const struct iommut_syscalls *sys, const char *path, char *data,
			     size_t size)
{
	struct fake_kernel *kernel = kernel_of(sys);
	g_autofree char *real = NULL;
	ssize_t ret = fails(kernel);

	if (ret)
		return ret;
	if (!kernel->root)
		return -ENOENT;
	real = g_build_filename(kernel->root, path, NULL);
	ret = readlink(real, data, size);
	return ret < 0 ? -errno : ret;
}

static int fake_mkdir(const struct iommut_syscalls *sys, const char *path, mode_t mode)
{
	struct fake_kernel *kernel = kernel_of(sys);
	g_autofree char *real = g_build_filename(kernel->root, path, NULL);
	int ret = fails(kernel);

	if (ret)
		return ret;
	if (mkdir(real, mode))
		return -errno;
	kernel->instances++;
	return 0;
}

static int fake_rmdir(const struct iommut_syscalls *sys, const char *path)
{
	struct fake_kernel *kernel = kernel_of(sys);

	kernel->calls++;
	g_assert_cmpint(kernel->instances, >, 0);
	kernel->instances--;
	return 0;
}

static int fake_socket(const struct iommut_syscalls *sys, int domain, int type, int protocol)
{
	int ret = fails(kernel_of(sys));

	return ret ? ret : fake_fd_new(kernel_of(sys), FAKE_NETLINK);
}

static int fake_bind(const struct iommut_syscalls *sys, int fd, const struct sockaddr *address,
		     socklen_t length)
{
	return fails(kernel_of(sys));
}

static ssize_t fake_recvfrom(const struct iommut_syscalls *sys, int fd, void *data, size_t length,
			     struct sockaddr *from, socklen_t *from_length)
{
	struct sockaddr_nl sender = { .nl_family = AF_NETLINK, .nl_pid = kernel_of(sys)->sender };

	memcpy(from, &sender, MIN(*from_length, sizeof(sender)));
	return fake_read(sys, fd, data, length);
}

static void *fake_calloc(const struct iommut_syscalls *sys, size_t count, size_t size)
{
	return fails(kernel_of(sys)) ? NULL : calloc(count, size);
}

void fake_kernel_init(struct fake_kernel *kernel, const char *root)
{
	static const struct iommut_syscalls calls = {
		.open = fake_open,
		.close = fake_close,
		.ioctl = fake_ioctl,
		.read = fake_read,
		.write = fake_write,
		.pread = fake_pread,
		.pwrite = fake_pwrite,
		.lseek = fake_lseek,
		.mmap = fake_mmap,
		.munmap = fake_munmap,
		.madvise = fake_madvise,
		.memfd_create = fake_memfd,
		.ftruncate = fake_ftruncate,
		.mbind = fake_mbind,
		.eventfd = fake_eventfd,
		.poll = fake_poll,
		.readlink = fake_readlink,
		.mkdir = fake_mkdir,
		.rmdir = fake_rmdir,
		.socket = fake_socket,
		.bind = fake_bind,
		.recvfrom = fake_recvfrom,
		.calloc = fake_calloc,
	};

	memset(kernel, 0, sizeof(*kernel));
	kernel->sys = calls;
	kernel->root = root;
	kernel->fail_with = -EIO;
	kernel->unmap_all = true;
	kernel->ranges = 2;
	kernel->vectors_available = FAKE_VECTORS;
	kernel->config[PCI_CLASS_REVISION + 3] = 0xff;
	kernel->config[PCI_STATUS] = PCI_STATUS_CAP_LIST;
	kernel->config[PCI_CAPABILITY_LIST] = 0x40;
	kernel->config[0x40] = PCI_CAP_ID_MSIX;
}

unsigned int fake_kernel_open_files(const struct fake_kernel *kernel)
{
	unsigned int count = 0;

	for (int i = 0; i < FAKE_FDS; i++)
		count += kernel->fds[i].file != FAKE_FREE;
	return count;
}

unsigned int fake_kernel_objects(const struct fake_kernel *kernel)
{
	unsigned int count = 0;

	/* What the kernel makes for the container by itself, it also takes away by itself. */
	for (unsigned int i = 0; i < FAKE_OBJECTS; i++)
		count += kernel->objects[i].type != FAKE_NONE && i != kernel->compat_ioas;
	return count;
}

void fake_kernel_assert_clean(const struct fake_kernel *kernel)
{
	g_assert_cmpuint(kernel->violations, ==, 0);
	g_assert_cmpuint(fake_kernel_open_files(kernel), ==, 0);
	g_assert_cmpuint(fake_kernel_objects(kernel), ==, 0);
	g_assert_cmpuint(kernel->irqs, ==, 0);
}

void fake_sysfs_write(const char *root, const char *path, const char *text)
{
	g_autofree char *real = g_build_filename(root, path, NULL);
	g_autofree char *folder = g_path_get_dirname(real);

	g_assert_cmpint(g_mkdir_with_parents(folder, 0700), ==, 0);
	g_assert_true(g_file_set_contents(real, text, -1, NULL));
}

void fake_sysfs_link(const char *root, const char *path, const char *target)
{
	g_autofree char *real = g_build_filename(root, path, NULL);
	g_autofree char *folder = g_path_get_dirname(real);

	g_assert_cmpint(g_mkdir_with_parents(folder, 0700), ==, 0);
	g_unlink(real);
	g_assert_cmpint(symlink(target, real), ==, 0);
}

char *fake_sysfs_new(void)
{
	static const char *const files[][2] = {
		{ "vendor", "0x1234\n" },
		{ "device", "0x11e9\n" },
		{ "subsystem_vendor", "0x1af4\n" },
		{ "subsystem_device", "0x1100\n" },
		{ "class", "0x00ff00\n" },
		{ "revision", "0x01\n" },
		{ "numa_node", "-1\n" },
		{ "driver_override", "(null)\n" },
		{ "config", "" },
		{ "vfio-dev/vfio0/dev", "511:0\n" },
	};
	char *root = g_dir_make_tmp("iommut-XXXXXX", NULL);

	g_assert_nonnull(root);
	for (size_t i = 0; i < G_N_ELEMENTS(files); i++) {
		g_autofree char *path =
			g_strconcat("/sys/bus/pci/devices/" FAKE_BDF "/", files[i][0], NULL);

		fake_sysfs_write(root, path, files[i][1]);
	}
	fake_sysfs_link(root, "/sys/bus/pci/devices/" FAKE_BDF "/iommu_group",
			"../../../kernel/iommu_groups/7");
	return root;
}

static void remove_all(const char *path)
{
	g_autoptr(GDir) folder = NULL;
	const char *name;

	if (!g_file_test(path, G_FILE_TEST_IS_SYMLINK))
		folder = g_dir_open(path, 0, NULL);
	while (folder && (name = g_dir_read_name(folder))) {
		g_autofree char *child = g_build_filename(path, name, NULL);

		remove_all(child);
	}
	g_remove(path);
}

void fake_sysfs_free(char *root)
{
	remove_all(root);
	g_free(root);
}
