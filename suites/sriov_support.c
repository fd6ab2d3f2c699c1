// SPDX-License-Identifier: GPL-2.0-or-later
/* What the cases about virtual functions share. */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "suites/sriov.h"

#define DRIVER "vfio-pci"
#define SWITCH "/sys/module/vfio_pci/parameters/enable_sriov"

/*
 * What the physical function's user and those of its VFs agree upon (vfio.h: VFIO_DEVICE_FEATURE_PCI_VF_TOKEN). The kernel keeps it
 * when the function is closed, so each case has another one.
 */
uint8_t token[16];
const struct iommut_device_options with_token = { .token = token };

struct functions functions;

static void take_away(void *argument)
{
	(void)iommut_pci_sriov_enable(functions.physical, 0);
	if (functions.switched)
		(void)write_setting(SWITCH, (const char[]){ functions.switched, '\0' });
}

/* vfio-pci makes VFs only if it was told to. */
static void allow_functions(struct test *t)
{
	int fd = open(SWITCH, O_RDWR | O_CLOEXEC);

	if (fd < 0 || read(fd, &functions.switched, 1) != 1 || pwrite(fd, "Y", 1, 0) != 1) {
		if (fd >= 0)
			close(fd);
		functions.switched = 0;
		skip(t, "vfio-pci makes no virtual functions",
		     "Linux 5.7 or later with CONFIG_PCI_IOV, and root");
	}
	close(fd);
}

void make_functions(struct test *t)
{
	expect_zero(t, iommut_pci_sriov_enable(functions.physical, VFS));
	for (unsigned int i = 0; i < VFS; i++) {
		expect_zero(t,
			    iommut_pci_sriov_function(functions.physical, i, functions.virtual[i],
						      sizeof(functions.virtual[i])));
		expect_zero(t, iommut_pci_bind(functions.virtual[i], DRIVER, NULL));
	}
	note(t, "%s has %s and %s", functions.physical, functions.virtual[0], functions.virtual[1]);
}

void open_functions(struct test *t)
{
	unsigned int total = 0, enabled = 0;
	int error;

	functions.physical = test_device_name(t, 0);
	error = iommut_pci_sriov(functions.physical, &total, &enabled);
	if (error || total < VFS)
		skip(t, "the device has no virtual functions",
		     "a device with SR-IOV, such as pcie-ats-testdev with sriov-vfs=2");
	if (enabled)
		skip(t, "the device's virtual functions are in use", "a device without any");
	for (size_t i = 0; i < sizeof(token); i++)
		token[i] = (uint8_t)random_below(t, 256);
	undo_later(t, take_away, NULL);
	allow_functions(t);
	make_functions(t);
}

struct trio open_trio(struct test *t)
{
	struct trio trio;

	open_functions(t);
	need_groups_apart(t, functions.virtual[0], functions.virtual[1]);
	need_groups_apart(t, functions.virtual[0], functions.physical);
	/* The first one that opens the physical function chooses the token. */
	trio.physical = rig_open_in(t, NULL, 0, &with_token);
	for (int i = 0; i < VFS; i++) {
		trio.virtual[i] = rig_open_function(t, NULL, functions.virtual[i], &with_token);
		need(trio.virtual[i], ENGINE_READ | ENGINE_WRITE);
	}
	return trio;
}

int try_token(struct test *t, const char *name, const uint8_t *secret)
{
	const struct iommut_device_options options = { .token = secret };
	struct iommut_space *space = rig_open_space(t);
	struct iommut_device *device = NULL;
	int error = iommut_device_open_with(&device, space, name, &options);

	iommut_device_close(device);
	need_isolated_interrupts(t, error);
	return error;
}
