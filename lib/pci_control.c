// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <iommut/pci.h>

#include "lib/pci.h"

/*
 * Writes a word to a file of a function; a function that is not there is -ENODEV, a file that it
 * has not is @missing.
 */
static int control(const struct iommut_syscalls *sys, const char *name, const char *file,
		   const char *word, int missing)
{
	struct iommut_pci_device device;
	char path[128];
	int ret = pci_path(name, file, path, sizeof(path));

	if (ret)
		return ret;
	ret = sys_write_file(sys, path, word);
	if (ret == -ENOENT)
		ret = pci_get_on(sys, name, &device) == -ENODEV ? -ENODEV : missing;
	return ret;
}

static int unbind_on(const struct iommut_syscalls *sys, const char *name)
{
	struct iommut_pci_device device;
	int ret = pci_get_on(sys, name, &device);

	if (ret || !*device.driver)
		return ret;
	return control(sys, name, "driver/unbind", device.name, 0);
}

/* An override of nothing is written as a lone newline and read as "(null)". */
static int set_override(const struct iommut_syscalls *sys, const char *name, const char *driver)
{
	return control(sys, name, "driver_override", *driver ? driver : "\n", -EOPNOTSUPP);
}

static int get_override(const struct iommut_syscalls *sys, const char *name, char *driver,
			size_t size)
{
	char path[128];
	ssize_t length;
	int ret = pci_path(name, "driver_override", path, sizeof(path));

	length = ret ? ret : sys_read_file(sys, path, driver, size);
	if (length < 0)
		return length;
	if (!strcmp(driver, "(null)"))
		*driver = '\0';
	return 0;
}

static int driver_exists(const struct iommut_syscalls *sys, const char *driver)
{
	char path[160], name[16];

	snprintf(path, sizeof(path), "/sys/bus/pci/drivers/%s", driver);
	return pci_first_entry_on(sys, path, "bind", name, sizeof(name));
}

/* Lets the function probe with the override in force, and checks that the wanted driver has it. */
static int probe(const struct iommut_syscalls *sys, const char *name, const char *driver)
{
	struct iommut_pci_device device;
	int ret = sys_write_file(sys, "/sys/bus/pci/drivers_probe", name);

	if (ret)
		return ret;
	ret = pci_get_on(sys, name, &device);
	if (ret)
		return ret;
	return strcmp(device.driver, driver) ? -EIO : 0;
}

int pci_bind_on(const struct iommut_syscalls *sys, const char *name, const char *driver,
		struct iommut_pci_binding *before)
{
	struct iommut_pci_device device;
	char override[IOMMUT_DRIVER_SIZE];
	int ret = pci_get_on(sys, name, &device);

	if (ret)
		return ret;
	ret = get_override(sys, device.name, override, sizeof(override));
	if (ret)
		return ret;
	if (before) {
		memset(before, 0, sizeof(*before));
		memcpy(before->name, device.name, sizeof(before->name));
		memcpy(before->driver, device.driver, sizeof(before->driver));
		memcpy(before->driver_override, override, sizeof(before->driver_override));
	}
	if (!strcmp(device.driver, driver))
		return 0;
	ret = driver_exists(sys, driver);
	if (ret)
		return ret;
	ret = set_override(sys, device.name, driver);
	if (ret)
		return ret;
	ret = unbind_on(sys, device.name);
	if (ret)
		return ret;
	return probe(sys, device.name, driver);
}

int iommut_pci_bind(const char *name, const char *driver, struct iommut_pci_binding *before)
{
	return pci_bind_on(NULL, name, driver, before);
}

int pci_restore_on(const struct iommut_syscalls *sys, const struct iommut_pci_binding *before)
{
	struct iommut_pci_device device;
	int ret = pci_get_on(sys, before->name, &device);

	if (ret)
		return ret;
	ret = set_override(sys, before->name, before->driver_override);
	if (ret || !strcmp(device.driver, before->driver))
		return ret;
	ret = unbind_on(sys, before->name);
	if (ret || !*before->driver)
		return ret;
	return probe(sys, before->name, before->driver);
}

int iommut_pci_restore(const struct iommut_pci_binding *before)
{
	return pci_restore_on(NULL, before);
}

int iommut_pci_unbind(const char *name)
{
	return unbind_on(NULL, name);
}

int iommut_pci_remove(const char *name)
{
	return control(NULL, name, "remove", "1", -EOPNOTSUPP);
}

int iommut_pci_rescan(void)
{
	return sys_write_file(NULL, "/sys/bus/pci/rescan", "1");
}

int iommut_pci_reset(const char *name)
{
	return control(NULL, name, "reset", "1", -EOPNOTSUPP);
}

int iommut_pci_enable(const char *name, bool enable)
{
	return control(NULL, name, "enable", enable ? "1" : "0", -EOPNOTSUPP);
}

static int read_text(const char *name, const char *file, char *text, size_t size)
{
	struct iommut_pci_device device;
	char path[128];
	ssize_t length;
	int ret = pci_path(name, file, path, sizeof(path));

	if (ret)
		return ret;
	length = sys_read_file(NULL, path, text, size);
	if (length == -ENOENT)
		return iommut_pci_get(name, &device) == -ENODEV ? -ENODEV : -EOPNOTSUPP;
	return length < 0 ? length : 0;
}

int iommut_pci_reset_methods(const char *name, char *methods, size_t size)
{
	return read_text(name, "reset_method", methods, size);
}

int iommut_pci_set_reset_methods(const char *name, const char *methods)
{
	return control(NULL, name, "reset_method", methods, -EOPNOTSUPP);
}

int iommut_pci_sriov(const char *name, unsigned int *total, unsigned int *enabled)
{
	char text[32];
	int ret = read_text(name, "sriov_totalvfs", text, sizeof(text));

	if (ret)
		return ret;
	*total = strtoul(text, NULL, 10);
	ret = read_text(name, "sriov_numvfs", text, sizeof(text));
	if (ret)
		return ret;
	*enabled = strtoul(text, NULL, 10);
	return 0;
}

int iommut_pci_sriov_enable(const char *name, unsigned int count)
{
	char text[16];
	int ret;

	/* Otherwise the host's own driver would take the VFs at once. */
	ret = control(NULL, name, "sriov_drivers_autoprobe", "0", -EOPNOTSUPP);
	if (ret)
		return ret;
	snprintf(text, sizeof(text), "%u", count);
	return control(NULL, name, "sriov_numvfs", text, -EOPNOTSUPP);
}

int iommut_pci_sriov_function(const char *name, unsigned int index, char *function, size_t size)
{
	char path[128], file[32], link[256], *slash;
	ssize_t length;
	int ret;

	snprintf(file, sizeof(file), "virtfn%u", index);
	ret = pci_path(name, file, path, sizeof(path));
	if (ret)
		return ret;
	length = sys_readlink(NULL, path, link, sizeof(link) - 1);
	if (length < 0)
		return length == -ENOENT ? -ENODEV : length;
	link[length] = '\0';
	slash = strrchr(link, '/');
	return snprintf(function, size, "%s", slash ? slash + 1 : link) < (int)size ? 0
										    : -ENAMETOOLONG;
}
