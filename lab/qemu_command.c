/* SPDX-License-Identifier: GPL-2.0-or-later */
/* QEMU's command line for a guest. */
#include "lab/lab.h"

#include <string.h>

static void add(GPtrArray *command, const char *option, const char *format, ...)
	G_GNUC_PRINTF(3, 4);

static void add(GPtrArray *command, const char *option, const char *format, ...)
{
	va_list arguments;

	g_ptr_array_add(command, g_strdup(option));
	if (!format)
		return;
	va_start(arguments, format);
	g_ptr_array_add(command, g_strdup_vprintf(format, arguments));
	va_end(arguments);
}

static bool add_iommu(GPtrArray *command, const struct lab_config *config,
		      const struct lab_profile *profile, GError **error)
{
	g_autoptr(GString) device = g_string_new(profile->iommu);

	if (!profile->iommu)
		return true;
	if (!lab_qemu_has_device(config->qemu, profile->iommu)) {
		g_set_error(error, LAB_ERROR, LAB_ERROR_UNAVAILABLE,
			    "profile %s needs a QEMU with %s; %s has none", profile->name,
			    profile->iommu, config->qemu);
		return false;
	}
	for (unsigned int i = 0; i < profile->options->len; i++) {
		const struct lab_option *option = profile->options->pdata[i];
		const char *name = lab_qemu_option(config->qemu, profile->iommu, option->names);

		if (!name) {
			g_set_error(error, LAB_ERROR, LAB_ERROR_UNAVAILABLE,
				    "profile %s needs a QEMU whose %s has the option %s; that of "
				    "%s has not",
				    profile->name, profile->iommu, option->names[0], config->qemu);
			return false;
		}
		g_string_append_printf(device, ",%s=%s", name, option->value);
	}
	add(command, "-device", "%s", device->str);
	return true;
}

/* Each device has a root port of its own: a group of its own, a reset, and it can be unplugged. */
static void add_devices(GPtrArray *command, const char *model, const char *options,
			unsigned int count, unsigned int *slot)
{
	for (unsigned int i = 0; i < count; i++, ++*slot) {
		add(command, "-device", "pcie-root-port,id=port%u,chassis=%u,slot=%u,io-reserve=0",
		    *slot, *slot, *slot);
		add(command, "-device", "%s,id=device%u,bus=port%u%s%s", model, *slot, *slot,
		    options ? "," : "", options ? options : "");
	}
}

static void add_channel(GPtrArray *command, const char *name, const char *folder, int fd)
{
	if (fd >= 0)
		add(command, "-chardev", "socket,id=%s,fd=%d", name, fd);
	else
		add(command, "-chardev", "socket,id=%s,path=%s/%s.socket,server=on,wait=off", name,
		    folder, name);
}

char *lab_descriptor_path(int fd)
{
	return g_strdup_printf("/dev/fd/%d", fd);
}

static char *file_path(const char *folder, const char *name, int fd)
{
	return fd >= 0 ? lab_descriptor_path(fd) : g_build_filename(folder, name, NULL);
}

/*
 * TCG with two vCPUs loses timer interrupts of an idle one now and then (QEMU 10.2): Linux then reports stalls, and cases miss their
 * deadlines.
 */
guint lab_processors(const char *accelerator)
{
	return strcmp(accelerator, "kvm") == 0 ? 2 : 1;
}

GPtrArray *lab_qemu_command(const struct lab_config *config, const struct lab_profile *profile,
			    const char *accelerator, const char *folder,
			    const struct lab_descriptors *descriptors, GError **error)
{
	static const struct lab_descriptors none = { -1, -1, -1, -1 };
	const struct lab_descriptors *fds = descriptors ? descriptors : &none;
	g_autofree char *image = file_path(folder, LAB_FILE_IMAGE, fds->image);
	g_autofree char *kernel = lab_kernel_file(config, profile->sleeps);
	g_autofree char *console = file_path(folder, LAB_FILE_CONSOLE, fds->console);
	g_autoptr(GPtrArray) command = g_ptr_array_new_with_free_func(g_free);
	unsigned int slot = 1;

	add(command, config->qemu, NULL);
	if (config->qemu_data)
		add(command, "-L", "%s", config->qemu_data);
	add(command, "-machine", "%s", profile->machine);
	/*
	 * With a thread for each virtual processor, QEMU 10.2 aborts now and then (iotlb_to_section): one of them uses a
	 * cached index into a memory map that another one has just replaced by switching a BAR.
	 */
	add(command, "-accel", "%s%s", accelerator,
	    strcmp(accelerator, "tcg") == 0 ? ",thread=single" : "");
	add(command, "-cpu", "%s", strcmp(accelerator, "kvm") == 0 ? "host" : "max");
	add(command, "-smp", "%u", lab_processors(accelerator));
	add(command, "-m", "%s", profile->memory ? profile->memory : "1G");
	add(command, "-nodefaults", NULL);
	add(command, "-no-user-config", NULL);
	add(command, "-display", "none");
	add(command, "-no-reboot", NULL);
	add(command, "-kernel", "%s", kernel);
	add(command, "-initrd", "%s", image);
	/*
	 * ttyS0 costs the guest time for every character, so only what is wrong goes there; the whole log goes through
	 * the agent. A panic ends the guest at once. On a busy host the ticks of the timer check come late. Some huge
	 * pages are set aside before memory fragments: Linux's own tests of iommufd want 64. Devices that nobody has open
	 * need not sleep: putting each to sleep and waking it up took a tenth of a run.
	 */
	add(command, "-append",
	    "console=ttyS0 loglevel=4 panic=-1 oops=panic edd=off no_timer_check hugepages=72 "
	    "vfio_pci.disable_idle_d3=1%s%s",
	    profile->append && *profile->append ? " " : "", profile->append ? profile->append : "");
	add(command, "-serial", "file:%s", console);
	/* The IOMMU first: devices that exist before it are not behind it. */
	if (!add_iommu(command, config, profile, error))
		return NULL;
	add_channel(command, "agent", folder, fds->agent);
	add_channel(command, "qmp", folder, fds->qmp);
	add(command, "-mon", "chardev=qmp,mode=control");
	add(command, "-device", "virtio-serial-pci,id=serial");
	add(command, "-device",
	    "virtserialport,bus=serial.0,chardev=agent,id=agent,name=" LAB_PORT);
	if (lab_qemu_has_device(config->qemu, "pvpanic-pci"))
		add(command, "-device", "pvpanic-pci");
	for (unsigned int i = 0; i < profile->extra->len; i++)
		g_ptr_array_add(command, g_strdup(profile->extra->pdata[i]));
	if (lab_qemu_has_device(config->qemu, "pcie-ats-testdev"))
		add_devices(command, "pcie-ats-testdev", profile->testdev_options, profile->testdev,
			    &slot);
	add_devices(command, "edu", NULL, profile->edu, &slot);
	/* Not every QEMU has every one of them: its engine is then not tested, as without the test device. */
	for (unsigned int i = 0; i < profile->others->len; i++) {
		g_auto(GStrv) words = g_strsplit(profile->others->pdata[i], ",", 2);

		if (words[0] && lab_qemu_has_device(config->qemu, words[0]))
			add_devices(command, words[0], words[1], 1, &slot);
	}
	g_ptr_array_add(command, NULL);
	return g_steal_pointer(&command);
}
