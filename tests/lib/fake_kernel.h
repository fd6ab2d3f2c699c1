/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_LIB_FAKE_KERNEL_H
#define TESTS_LIB_FAKE_KERNEL_H

#include <iommut/types.h>

#include "lib/syscalls.h"

/*
 * A kernel with one PCI function, 0000:00:05.0 in group 7, that plays VFIO and iommufd as far as
 * the library can tell: file descriptors, objects with references to each other, mappings, config
 * space and a BAR, interrupts. Files of sysfs are looked for below a folder of the test.
 */

#define FAKE_BDF           "0000:00:05.0"
#define FAKE_FD_BASE       100000
#define FAKE_FDS           64
#define FAKE_OBJECTS       64
#define FAKE_MAPPINGS      32
#define FAKE_BAR_SIZE      4096
#define FAKE_VECTORS       4
#define FAKE_CONFIG_OFFSET 0x70000000000ull
#define FAKE_BAR_OFFSET    0

enum fake_file {
	FAKE_FREE,
	FAKE_CONTAINER,
	FAKE_IOMMU,
	FAKE_GROUP,
	FAKE_DEVICE,
	FAKE_EVENTFD,
	FAKE_FAULT_QUEUE,
	FAKE_VEVENTQ,
	FAKE_KMSG,
	FAKE_NETLINK,
	FAKE_OTHER,
};

enum fake_type {
	FAKE_NONE,
	FAKE_IOAS,
	FAKE_HWPT,
	FAKE_FAULT,
	FAKE_VIOMMU,
	FAKE_VDEVICE,
	FAKE_EVENTS,
	FAKE_HW_QUEUE,
	FAKE_BOUND,
};

struct fake_object {
	enum fake_type type;
	uint32_t parents[2];
};

struct fake_mapping {
	bool used;
	uint64_t iova;
	uint64_t length;
	uint32_t flags;
};

struct fake_fd {
	enum fake_file file;
	uint64_t count;  /* of an eventfd */
	char queue[512]; /* what a read gives */
	size_t queued;
};

/**
 * struct fake_kernel - the kernel, and what it saw
 * @sys: what is given to the library
 * @root: folder in which paths below /sys and /proc are looked for; NULL for none
 * @missing: a path that does not exist, NULL for none
 * @fail_at: number of the call that fails, from 1; 0 for none
 * @fail_with: negative errno of that call
 * @calls: how many calls there were
 * @violations: closes of what is not open, destroys of what is in use, and the like
 * @removed: the device is gone: all ones
 * @memory_off: memory decoding is off: EIO
 * @group_busy: opening the group fails with EBUSY
 * @unmap_all: VFIO_UNMAP_ALL is supported
 * @ranges: number of IOVA ranges to report
 * @loop: capability lists loop
 * @device_capabilities: the device's description has capabilities
 * @vectors_available: what SET_IRQS can give; less than asked for is answered as a number
 * @sender: who a message of the netlink socket comes from; 0 is the kernel
 * @instances: instances of tracing
 * @last_request: number of the last ioctl
 * @last: its argument, first bytes
 */
struct fake_kernel {
	struct iommut_syscalls sys;
	const char *root;
	const char *missing;
	unsigned int fail_at;
	int fail_with;
	unsigned int calls;
	unsigned int violations;
	bool removed;
	bool memory_off;
	bool group_busy;
	bool unmap_all;
	unsigned int ranges;
	bool loop;
	bool device_capabilities;
	unsigned int vectors_available;
	uint32_t sender;
	int instances;
	unsigned long last_request;
	uint8_t last[256];

	struct fake_fd fds[FAKE_FDS];
	struct fake_object objects[FAKE_OBJECTS];
	struct fake_mapping mappings[FAKE_MAPPINGS];
	bool group_in_container;
	bool iommu_set;
	uint32_t attached;
	uint32_t compat_ioas;
	uint8_t config[4096];
	uint8_t bar[FAKE_BAR_SIZE];
	int irq_fds[FAKE_VECTORS];
	unsigned int irqs;
};

void fake_kernel_init(struct fake_kernel *kernel, const char *root);

/* Nothing is open, no object is left, and nothing was done that a kernel would complain about. */
void fake_kernel_assert_clean(const struct fake_kernel *kernel);
unsigned int fake_kernel_open_files(const struct fake_kernel *kernel);
unsigned int fake_kernel_objects(const struct fake_kernel *kernel);
struct fake_fd *fake_kernel_fd(struct fake_kernel *kernel, int fd);

/* A folder with the sysfs files of the one function, to be removed with fake_sysfs_free(). */
char *fake_sysfs_new(void);
void fake_sysfs_free(char *root);
void fake_sysfs_write(const char *root, const char *path, const char *text);
void fake_sysfs_link(const char *root, const char *path, const char *target);

#endif /* TESTS_LIB_FAKE_KERNEL_H */
