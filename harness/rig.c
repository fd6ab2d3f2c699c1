// SPDX-License-Identifier: GPL-2.0-or-later
/* Devices in address spaces, opened for a case and given back at its end. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/vfio.h>

#include <iommut/pci.h>

#include "harness/case.h"
#include "harness/dma.h"

#define IOVA_GRANULE 4096
/* Leaves the very last pages, which cases ask for. */
#define STAGING_ALIGNMENT (1u << 20)
/* Kept free: what a case maps should never be found at address 0, which any empty register of a device points to. */
#define IOVA_LOW_RESERVE 0x100000

static enum iommut_backend backend_of(struct test *t)
{
	enum iommut_backend backend = IOMMUT_IOMMUFD;

	if (has_param(t, "backend") && iommut_backend_parse(param(t, "backend"), &backend) != 0)
		fail(t, "no such backend: %s", param(t, "backend"));
	return backend;
}

static const char *backend_lift(enum iommut_backend backend)
{
	switch (backend) {
	case IOMMUT_TYPE1:
		return "a kernel with CONFIG_VFIO_GROUP, CONFIG_VFIO_CONTAINER and "
		       "CONFIG_VFIO_IOMMU_TYPE1";
	case IOMMUT_COMPAT:
		return "a kernel with CONFIG_IOMMUFD and CONFIG_VFIO_GROUP";
	case IOMMUT_IOMMUFD:
		return "a kernel with CONFIG_IOMMUFD and CONFIG_VFIO_DEVICE_CDEV";
	}
	return "";
}

static void close_space(void *argument)
{
	iommut_space_close(argument);
}

static struct iommut_space *open_space(struct test *t)
{
	enum iommut_backend backend = backend_of(t);
	struct iommut_space *space;
	char reason[256] = "";
	int error;

	error = iommut_backend_probe(backend, reason, sizeof(reason));
	if (!error)
		error = iommut_space_open(&space, backend);
	if (error == -EOPNOTSUPP)
		skipf(t, backend_lift(backend), "no %s backend%s%s", iommut_backend_name(backend),
		      *reason ? ": " : "", reason);
	if (error)
		fail(t, "cannot open the %s backend: %s %s", iommut_backend_name(backend),
		     strerror(-error), reason);
	return space;
}

struct iommut_space *rig_open_space(struct test *t)
{
	struct iommut_space *space = open_space(t);

	undo_later(t, close_space, space);
	return space;
}

void rig_close(struct rig *rig)
{
	const struct engine_staging staging = rig->engine.staging;

	if (rig->closed)
		return;
	rig->closed = true;
	engine_close(&rig->engine);
	iommut_device_close(rig->device);
	iommut_iova_destroy(rig->iova);
	/*
	 * A mapping of memory that is gone would keep the next device out of the space. An error means that it is no longer
	 * mapped: a case has seen to that, or the last group has left its container.
	 */
	if (rig->owns_space)
		iommut_space_close(rig->space);
	else if (rig->staging)
		(void)iommut_space_unmap(rig->space, staging.iova, staging.length, NULL);
	iommut_memory_free(rig->staging);
}

static void undo_rig(void *argument)
{
	struct rig *rig = argument;

	rig_close(rig);
	free(rig);
}

/* What the planner should have seen to is no verdict about the IOMMU: the runner calls this exit a crash of the case. */
static void __attribute__((noreturn))
planning_error(struct test *t, const char *name, const char *what)
{
	fprintf(stderr, "%s: %s: %s\n", t->variant, name, what);
	_exit(EXIT_CODE_BROKEN);
}

static void open_failed(struct test *t, struct iommut_space *space, const char *name, int error)
{
	enum iommut_backend backend = iommut_space_backend(space);

	need_isolated_interrupts(t, error);
	switch (error) {
	case -EOPNOTSUPP:
		skipf(t, backend_lift(backend), "%s: no %s interface for the device", name,
		      iommut_backend_name(backend));
	case -ENOENT:
		planning_error(t, name, "is not bound to a VFIO driver");
	case -ENODEV:
		planning_error(t, name, "is not there, or has no IOMMU group");
	}
	fail(t, "cannot open %s through %s: %s", name, iommut_backend_name(backend),
	     strerror(-error));
}

static void make_allocator(struct rig *rig)
{
	struct test *t = rig->t;
	struct iommut_iova_range *ranges = NULL;
	size_t count = 0, kept = 0;
	int error;

	error = iommut_space_ranges(rig->space, &ranges, &count);
	if (error == -EOPNOTSUPP)
		skip(t, "the kernel does not tell which IOVAs can be mapped",
		     "a kernel that reports VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE (5.7 or later)");
	expect_zero(t, error);
	for (size_t i = 0; i < count; i++) {
		if (ranges[i].start > rig->engine.dma_mask)
			continue;
		if (ranges[i].last > rig->engine.dma_mask)
			ranges[i].last = rig->engine.dma_mask;
		ranges[kept++] = ranges[i];
	}
	error = iommut_iova_create(&rig->iova, ranges, kept, IOVA_GRANULE);
	free(ranges);
	expect_zero(t, error);
	/* An error means that the lowest addresses are not usable in the first place. */
	(void)iommut_iova_reserve(rig->iova, 0, IOVA_LOW_RESERVE);
}

void rig_stage(struct rig *rig)
{
	struct test *t = rig->t;
	struct engine_staging staging;
	int error;

	if (!rig->iova)
		make_allocator(rig);
	if (!rig->engine.driver->needs_staging)
		return;
	if (!rig->staging)
		expect_zero(t, iommut_memory_alloc(&rig->staging, ENGINE_STAGING_SIZE,
						   IOMMUT_MEMORY_ANONYMOUS));
	staging.address = rig->staging->address;
	staging.length = rig->staging->length;
	/* Another device of a shared space has staging memory there already. */
	do {
		expect_zero(t, iommut_iova_alloc_last(rig->iova, staging.length, STAGING_ALIGNMENT,
						      &staging.iova));
		error = iommut_space_map(rig->space, staging.address, staging.length, staging.iova,
					 IOMMUT_RW);
	} while (error == -EEXIST);
	expect_zero(t, error);
	expect_zero(t, engine_stage(&rig->engine, &staging));
}

static const struct engine_driver *driver_of(struct test *t, const char *name, int index)
{
	const struct engine_driver *driver;
	struct iommut_pci_device pci;

	/* The engine the runner names is that of the first device; another device may be of another kind. */
	if (t->engine && index == 0) {
		driver = engine_by_name(t->engine);
		if (!driver)
			planning_error(t, t->engine, "there is no such engine");
		return driver;
	}
	if (iommut_pci_get(name, &pci) != 0)
		planning_error(t, name, "is not there");
	driver = engine_find(pci.vendor, pci.device, pci.class_code);
	if (!driver)
		planning_error(t, name, "no engine drives this device");
	return driver;
}

static struct rig *open_rig(struct test *t, struct iommut_space *space, const char *name,
			    const struct engine_driver *driver,
			    const struct iommut_device_options *options)
{
	static const struct iommut_device_options none;
	struct rig *rig = calloc(1, sizeof(*rig));
	int error;

	if (!rig)
		fail(t, "out of memory");
	rig->t = t;
	undo_later(t, undo_rig, rig);
	rig->owns_space = !space;
	if (!space)
		space = open_space(t);
	rig->space = space;
	error = iommut_device_open_with(&rig->device, space, name, options ? options : &none);
	if (error)
		open_failed(t, space, name, error);
	error = engine_open(&rig->engine, driver, rig->device);
	if (error)
		fail(t, "engine %s cannot drive %s: %s", driver->name, name, strerror(-error));
	if (!options || !(options->flags & IOMMUT_DEVICE_DETACHED))
		rig_stage(rig);
	return rig;
}

struct rig *rig_open_in(struct test *t, struct iommut_space *space, int index,
			const struct iommut_device_options *options)
{
	const char *name = test_device_name(t, index);

	return open_rig(t, space, name, driver_of(t, name, index), options);
}

struct rig *rig_open_function(struct test *t, struct iommut_space *space, const char *name,
			      const struct iommut_device_options *options)
{
	return open_rig(t, space, name, driver_of(t, name, -1), options);
}

struct rig *rig_open(struct test *t)
{
	return rig_open_in(t, NULL, 0, NULL);
}

void need_groups_apart(struct test *t, const char *first, const char *second)
{
	struct iommut_pci_device pci[2];

	expect_zero(t, iommut_pci_get(first, &pci[0]));
	expect_zero(t, iommut_pci_get(second, &pci[1]));
	if (pci[0].iommu_group == pci[1].iommu_group)
		skipf(t, "two functions in IOMMU groups of their own (ACS)",
		      "%s and %s share IOMMU group %d", first, second, pci[0].iommu_group);
}

void need_reset(struct rig *rig)
{
	struct vfio_device_info info;

	expect_zero(rig->t, iommut_device_info(rig->device, &info));
	if (!(info.flags & VFIO_DEVICE_FLAGS_RESET))
		skip(rig->t, "the kernel has no way to reset the device",
		     "a device with FLR, or behind a root port of its own");
}

void need_own_group(struct test *t, const char *name)
{
	struct iommut_pci_device pci, *members;
	size_t count;

	expect_zero(t, iommut_pci_get(name, &pci));
	expect_zero(t, iommut_pci_group(pci.iommu_group, &members, &count));
	free(members);
	if (count > 1)
		skipf(t, "a device in a group of its own", "%zu others are in the group of %s",
		      count - 1, name);
}

static const char *const capability_names[] = {
	"reads",
	"writes",
	"copies",
	"fills",
	"atomics",
	"reports of errors",
	"exact addresses",
	"MSI",
	"MSI-X",
	"INTx",
	"PASIDs",
	"ATS",
	"page requests",
	"storms",
	"a ring",
	"arbitrary memory writes",
	"a memory BAR",
	"bus master enable",
	"bytes of its own",
	"comparisons",
};

void need(struct rig *rig, uint32_t capabilities)
{
	uint32_t missing = capabilities & ~rig->engine.capabilities;

	if (!missing)
		return;
	skipf(rig->t,
	      "a device with an engine that has it, such as pcie-ats-testdev with the property on",
	      "engine %s has no %s on %s", rig->engine.driver->name,
	      capability_names[__builtin_ctz(missing)], iommut_device_bdf(rig->device));
}
