/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Devices that leave a running guest and come back. */
#include "lab/lab.h"

#include <string.h>

#define UNPLUG_TIMEOUT_MS 5000

/* The option of QEMU's command line that made a device, or NULL: "pcie-ats-testdev,id=device3,bus=port3". */
static char *device_option(const char *command, const char *id)
{
	g_auto(GStrv) words = g_strsplit(command, " ", -1);
	g_autofree char *mark = g_strdup_printf(",id=%s,", id);

	for (char **word = words; *word; word++)
		if (strstr(*word, mark))
			return g_strdup(*word);
	return NULL;
}

/* How many blocks of memory the devices of a model have. */
static unsigned int memory_blocks(struct lab_qmp *qmp, const char *option)
{
	g_autofree char *mark = g_strdup_printf("/%.*s", (int)strcspn(option, ","), option);
	json_t *answer = lab_qmp_execute(qmp, "x-query-ramblock", NULL, NULL);
	const char *text = json_string_value(json_object_get(answer, "human-readable-text"));
	unsigned int count = 0;

	while (text && (text = strstr(text, mark))) {
		text++;
		count++;
	}
	json_decref(answer);
	return count;
}

/* "0000:03:00.0": each device is alone behind a root port, and Linux numbers buses in the ports' order. */
static char *device_id(const char *device)
{
	unsigned int bus;

	if (sscanf(device, "0000:%x:00.0", &bus) != 1 || bus == 0)
		return NULL;
	return g_strdup_printf("device%u", bus);
}

/* QEMU throws away what -drive made together with the device that uses it, and then cannot make that device again. */
static bool drive_goes_with(const char *command, const char *option)
{
	const char *used = strstr(option, ",drive=");
	g_autofree char *mark = NULL;
	g_auto(GStrv) words = NULL;

	if (!used)
		return false;
	used += strlen(",drive=");
	mark = g_strdup_printf(",id=%.*s,", (int)strcspn(used, ","), used);
	words = g_strsplit(command, " ", -1);
	for (char **word = words; word[0] && word[1]; word++) {
		g_autofree char *drive = g_strdup_printf(",%s,", word[1]);

		if (strcmp(word[0], "-drive") == 0 && strstr(drive, mark))
			return true;
	}
	return false;
}

char *lab_unplug(struct lab_qmp *qmp, const char *command, const char *device, unsigned int *blocks)
{
	g_autofree char *id = device_id(device);
	g_autofree char *option = id ? device_option(command, id) : NULL;
	g_autoptr(GError) problem = NULL;
	json_t *result;

	if (!option)
		return g_strdup_printf("error no such device: %s", device);
	if (drive_goes_with(command, option))
		return g_strdup_printf(
			"error QEMU throws its medium away with %s: its profile has it from "
			"-drive, not -blockdev",
			device);
	*blocks = memory_blocks(qmp, option);
	result = lab_qmp_execute(qmp, "device_del", json_pack("{s:s}", "id", id), &problem);
	if (!result)
		return g_strdup_printf("error %s", problem->message);
	json_decref(result);
	/* The guest has to agree: it powers the slot off when it has let go of the device. */
	return g_strdup("ok unplug requested");
}

/* The options of a device as QMP takes them: what the command line has as text is typed there. */
static json_t *device_arguments(const char *option)
{
	g_auto(GStrv) parts = g_strsplit(option, ",", -1);
	json_t *arguments = json_pack("{s:s}", "driver", parts[0]);

	for (char **part = parts + 1; *part; part++) {
		char *value = strchr(*part, '='), *end;
		guint64 number;
		json_t *typed;

		if (!value)
			continue;
		*value++ = '\0';
		number = g_ascii_strtoull(value, &end, 10);
		if (strcmp(value, "on") == 0 || strcmp(value, "off") == 0)
			typed = json_boolean(value[1] == 'n');
		else if (end > value && !*end)
			typed = json_integer((json_int_t)number);
		else
			typed = json_string(value);
		json_object_set_new(arguments, *part, typed);
	}
	return arguments;
}

/* What was unplugged comes back as it was on QEMU's command line. */
char *lab_plug(struct lab_qmp *qmp, const char *command, const char *device, unsigned int blocks)
{
	gint64 deadline = g_get_monotonic_time() + UNPLUG_TIMEOUT_MS * 1000;
	g_autofree char *id = device_id(device);
	g_autofree char *option = id ? device_option(command, id) : NULL;
	g_autoptr(GError) problem = NULL;
	json_t *result;

	if (!option)
		return g_strdup_printf("error no such device: %s", device);
	/* Linux has let go of it before QEMU has. */
	if (!lab_qmp_wait(qmp, "DEVICE_DELETED", "device", id, UNPLUG_TIMEOUT_MS))
		return g_strdup_printf("error %s was not unplugged", device);
	/* Its memory is freed later still. Before that QEMU 10.2 would abort: "RAMBlock already registered". */
	while (blocks && memory_blocks(qmp, option) >= blocks) {
		if (g_get_monotonic_time() > deadline)
			return g_strdup_printf("error QEMU keeps the memory of %s", device);
		g_usleep(1000);
	}
	result = lab_qmp_execute(qmp, "device_add", device_arguments(option), &problem);
	if (!result)
		return g_strdup_printf("error %s", problem->message);
	json_decref(result);
	return g_strdup("ok plugged");
}
